/**
 * store_conn.h - one non-blocking connection to Redis: commands out, replies in order
 *
 * Private to store.c. Knows sockets and RESP2, not what is asked.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_STORE_CONN_H
#define MEDCORE_STORE_CONN_H

#include "medcore/store_tls.h"
#include "medcore/store_url.h"

#include <hiredis/hiredis.h>

#define MED_CONN_TIMEOUT_MS 3000   /**< for a connection and for each reply */
#define MED_CONN_BYTES_PER_MS 2048 /**< a reply slower than that is overdue */
#ifndef MED_CONN_REPLY_MAX /* tests under sanitizers, where growing buffers are slow */
#define MED_CONN_REPLY_MAX (48u << 20) /**< bytes of one reply; more is not read */
#endif
#define MED_CONN_ELEMENTS_MAX (4u << 20) /**< of all arrays of one reply */
#define MED_CONN_OUT_MAX (16u << 20)     /**< bytes that wait to be sent */

enum med_conn_state {
	MED_CONN_CLOSED,
	MED_CONN_RESOLVING,
	MED_CONN_CONNECTING,
	MED_CONN_HANDSHAKE, /**< of TLS */
	MED_CONN_OPEN,
};

/** What a reply answers: pushed with each command, popped with each reply. */
#define MED_CONN_KEY_SMALL 72 /**< bytes of a key that need no block of their own */
typedef struct med_conn_asked {
	int tag;
	const char *key; /**< of the one that was popped; in it */
	size_t key_len;
	char *large; /**< free it */
	char small[MED_CONN_KEY_SMALL];
} med_conn_asked_t;

struct med_conn_lookup;
typedef struct med_conn_room med_conn_room_t;

typedef struct med_conn {
	enum med_conn_state state;
	int fd;
	const med_store_url_t *url; /**< as given to med_conn_open() */
	med_tls_t *tls;             /**< NULL: in the clear */
	redisReader *reader;
	med_conn_room_t *room;          /**< of the reply that was taken last, or is coming */
	struct med_conn_lookup *lookup; /**< running in the background */
	unsigned attempt;               /**< picks the next address of a name */
	char *in;                       /**< received, not parsed yet: in_at .. in_len */
	size_t in_at, in_len;
	char *out;
	size_t out_at, out_len, out_cap; /**< not sent yet: out_at .. out_len */
	med_conn_asked_t *asked;         /**< ring */
	size_t asked_first, asked_count, asked_cap;
	size_t reply_bytes; /**< fed since the last whole reply */
	size_t elements;    /**< of the arrays in it */
	int64_t waiting_ms; /**< since when nothing whole came although we wait */
	int64_t now_ms;
	unsigned reads;
	bool oversized;  /**< the error is that the reply to the oldest command is too big */
	bool more;       /**< it stopped reading before the socket was empty */
	char error[200]; /**< set when a function returned an error */
} med_conn_t;

void med_conn_init(med_conn_t *conn);
/**
 * Begins to connect; commands may be queued at once. 0, or -1 with conn->error.
 * @param url  is kept, and must live as long as the connection
 */
int med_conn_open(med_conn_t *conn, const med_store_url_t *url, int64_t now_ms);
void med_conn_close(med_conn_t *conn);
/** Closes, and ends a running lookup. */
void med_conn_free(med_conn_t *conn);

/** Queues AUTH and SELECT as @p url asks for. 0 or -1. */
int med_conn_login(med_conn_t *conn, const med_store_url_t *url, bool select,
		int auth_tag, int select_tag);
/** Queues a command of @p argc words; @p key is copied for the reply. 0 or -1. */
int med_conn_send(
		med_conn_t *conn, int tag, med_str_t key, size_t argc, const med_str_t *argv);

/** Goes on connecting, sends, receives (bounded). 0, or -1 with conn->error. */
int med_conn_io(med_conn_t *conn, int64_t now_ms);
/**
 * The next whole reply; it lives until the next one is taken, also when the connection is
 * closed meanwhile. 1: one, 0: none, -1: error.
 */
int med_conn_reply(med_conn_t *conn, redisReply **reply);
/** The same of what was received already: nothing is read from the socket. */
int med_conn_reply_here(med_conn_t *conn, redisReply **reply);
/** The command the oldest reply belongs to; false: nothing was asked. Free @a large. */
bool med_conn_pop(med_conn_t *conn, med_conn_asked_t *asked);
/** The command that as many others are before, with its key; NULL: there is none. */
const med_conn_asked_t *med_conn_ahead(
		const med_conn_t *conn, size_t others, med_str_t *key);
/** Has it been silent for too long? Only to be asked after all replies were taken. */
bool med_conn_overdue(const med_conn_t *conn, int64_t now_ms);
/** What it is late with, in words. */
const char *med_conn_late(const med_conn_t *conn);
/** Events to poll for. */
short med_conn_events(const med_conn_t *conn);

#endif
