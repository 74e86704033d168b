/**
 * client.h - Redis for tools: commands in a row, replies as values, each wait bounded
 *
 * On the same addresses (TLS, Sentinel: the master, never a replica) and the same code as
 * the store. For one thread; not for a process that must not wait.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_CLIENT_H
#define MEDCORE_CLIENT_H

#include "medcore/common.h"

typedef struct med_client med_client_t;

enum med_reply_type {
	MED_REPLY_NIL,
	MED_REPLY_STATUS,  /**< str: "OK", "QUEUED" */
	MED_REPLY_ERROR,   /**< str: "WRONGTYPE Operation against ..." */
	MED_REPLY_INTEGER, /**< integer */
	MED_REPLY_STRING,  /**< str, any bytes */
	MED_REPLY_ARRAY,   /**< count, element[0..count) */
};

typedef struct med_reply {
	enum med_reply_type type;
	long long integer;
	med_str_t str; /**< a '\0' follows, which len does not count */
	size_t count;
	struct med_reply *element;
} med_reply_t;

/**
 * Connects and logs in: name, TLS, password, database; by Sentinel, that it is a master.
 * @param url         as med_store_new()
 * @param timeout_ms  for this, and afterwards for each reply to begin and to go on coming
 * @return MED_EOK; MED_EINVAL (the url); -ETIMEDOUT; -ENOTCONN (refused, password, not a
 *         Redis); MED_ENOMEM. @p err says place and reason, never the password.
 */
int med_client_open(
		const char *url, unsigned timeout_ms, med_client_t **client, med_errbuf_t *err);
void med_client_close(med_client_t *client);

/** Where it is connected to, for people: "redis 10.0.0.5:6379 db 0". */
const char *med_client_place(const med_client_t *client);

/**
 * Queues one command. Sent when a reply is waited for, or when many bytes are queued:
 * thousands may be before the first reply is taken.
 * @return MED_EOK; MED_ELIMIT: 16 MB are waiting, take replies first; MED_ENOMEM;
 *         -ENOTCONN: the connection is gone, med_client_reply() says why
 */
int med_client_send(med_client_t *client, size_t argc, const med_str_t *argv);
/**
 * The reply to the oldest command that has none yet; an error of Redis is a reply.
 * @param reply  one block, to be freed with med_reply_free()
 * @return MED_EOK; MED_EINVAL: nothing was asked; -ETIMEDOUT, -ENOTCONN, MED_ENOMEM: this
 *         client is of no more use
 */
int med_client_reply(med_client_t *client, med_reply_t **reply, med_errbuf_t *err);
void med_reply_free(med_reply_t *reply);

/** How many replies are still to come. */
size_t med_client_pending(const med_client_t *client);

#endif
