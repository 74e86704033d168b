/**
 * txn.h - one command on its way, and what is kept of it afterwards
 *
 * A transaction lives from a client's command (or one of our own) to the end of its
 * replay time. Its upstream cookie names slot and generation, so that rtpengine's reply
 * finds it without a search and a reply to an earlier use of the slot finds nothing.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_TXN_H
#define MED_TXN_H

#include "net.h"
#include "policy.h"

#define MED_TXN_COUNT 4096
/** "<16 hex>-<4 hex><8 hex> ": the same length always, so it can be stamped over. */
#define MED_TXN_COOKIE_LEN 30

enum med_txn_state {
	MED_TXN_FREE = 0,
	MED_TXN_WAITING, /**< sent; answered by its deadline */
	MED_TXN_LATE,    /**< the client was told so; a reply that comes now is undone */
	MED_TXN_DONE,    /**< kept for a repeated cookie */
	MED_TXN_STATES
};

enum med_txn_kind {
	MED_TXN_PASS = 0, /**< untouched */
	MED_TXN_QUERY,    /**< asking whether rtpengine knows the call, before its offer */
	MED_TXN_OFFER,    /**< keyed */
	MED_TXN_ANSWER,   /**< keyed */
	MED_TXN_OWN_PING, /**< ours from here on: no client */
	MED_TXN_OWN_PROBE,
	MED_TXN_OWN_DELETE,
	MED_TXN_OWN_OFFER, /**< a good one said again, after another was refused */
	MED_TXN_OWN_ANSWER,
};

/** What a transaction needs until it is answered, in one block. */
typedef struct med_txn_work {
	med_str_t datagram; /**< for rtpengine, cookie stamped */
	med_str_t call_id;
	med_str_t from_tag;
	med_str_t to_tag;
	med_str_t via_branch;
	med_legs_t legs;
	med_offer_memo_t memo;
	bool has_memo;
	char text[]; /**< what the views above point into */
} med_txn_work_t;

/** Small, as thousands are kept: only what a repeated cookie needs stays to the end. */
typedef struct med_txn {
	struct med_txn *prev; /**< in its state's queue, by due time */
	struct med_txn *next;
	struct med_txn *hash_next;
	uint64_t hash;       /**< of client and cookie */
	uint64_t seq;        /**< order of arrival */
	uint32_t generation; /**< of the cookie; a reply to another one is not for us */
	uint16_t slot;
	uint8_t state;
	uint8_t kind;
	uint8_t command; /**< enum med_ng_command of a client's command */
	uint8_t node;
	uint8_t tried; /**< nodes tried, one bit each */
	uint8_t resends;
	bool initial;     /**< an offer (or the answer to one) that an undo may delete */
	bool first_offer; /**< of a call nobody knew: may be told `load limit` */
	int64_t due_ms;
	int64_t deadline_ms;
	med_sockaddr_t client;
	med_str_t cookie;     /**< the client's, in @ref work or @ref reply; len 0: our own */
	med_txn_work_t *work; /**< NULL once it is done with */
	char *reply;          /**< what the client got: its cookie, a space, the answer */
	size_t reply_len;
} med_txn_t;

typedef struct med_txns med_txns_t;

/** NULL without memory or randomness. */
med_txns_t *med_txns_new(void);
void med_txns_free(med_txns_t *txns);

/**
 * A free slot, in state FREE, or the oldest that is only kept for a repeated cookie.
 * @return NULL where all are waiting
 */
med_txn_t *med_txn_take(med_txns_t *txns);
/** Into that state's queue, by @p due_ms; out of the one it was in. FREE gives it back.
 */
void med_txn_move(
		med_txns_t *txns, med_txn_t *txn, enum med_txn_state state, int64_t due_ms);
/** The one due first; NULL where the queue is empty. */
med_txn_t *med_txn_first(const med_txns_t *txns, enum med_txn_state state);

/** Of client and cookie, for the two below. */
uint64_t med_txn_hash(
		const med_txns_t *txns, const med_sockaddr_t *client, med_str_t cookie);
med_txn_t *med_txn_find(const med_txns_t *txns, uint64_t hash,
		const med_sockaddr_t *client, med_str_t cookie);
/** From here on it is found; once in its life. */
void med_txn_index(med_txns_t *txns, med_txn_t *txn, uint64_t hash);

/** A new upstream cookie into the first bytes of @p at; older ones no longer count. */
void med_txn_stamp(med_txns_t *txns, med_txn_t *txn, char *at);
/** The transaction a reply's cookie names; NULL for none, or an outdated one. */
med_txn_t *med_txn_by_cookie(const med_txns_t *txns, med_str_t cookie);

/** The work is done: free it, unless the transaction is still to be used. */
void med_txn_settle(med_txn_t *txn);

/**
 * Texts of the command into the transaction's own memory, with room for a datagram of
 * @p body behind a cookie not yet stamped.
 * @return MED_EOK, MED_ENOMEM
 */
int med_txn_keep(med_txn_t *txn, const med_sockaddr_t *client, med_str_t cookie,
		const med_ng_command_view_t *view, const med_legs_t *legs, med_str_t body);

#endif
