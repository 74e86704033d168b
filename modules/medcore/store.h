/**
 * store.h - the configuration in Redis, read whole and followed live
 *
 * One med_store_t per node, used by one process, never by a SIP worker. It never blocks
 * (names are resolved in the background). It learns of changes by client tracking in
 * broadcast mode over a connection of its own (design 3): no server configuration, no
 * duty on writers. hiredis is known to the store*.c files alone, as RESP2 parser.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_STORE_H
#define MEDCORE_STORE_H

#include "medcore/config.h"

#define MED_STORE_MARK_MAX 200 /**< bytes of `applied` and `applying` that are read */
#define MED_STORE_EVENT_FIELDS 16
#define MED_STORE_FDS 11 /**< most descriptors that med_store_poll() fills */

typedef struct med_store med_store_t;

enum med_store_state {
	MED_STORE_DOWN,    /**< not connected; will try again at next_attempt */
	MED_STORE_LOADING, /**< reading everything */
	MED_STORE_LIVE,    /**< all read, notices flow */
};

/** What the store found; called from within med_store_run(). None may be NULL but
 * expect. */
typedef struct med_store_handler {
	/**
	 * Everything is about to be read anew. May come again before a commit (Redis was
	 * flushed meanwhile): what was told in between is void.
	 */
	void (*begin)(void *ctx);
	/** One object as it is now. */
	void (*object)(void *ctx, enum med_kind kind, med_str_t id, const med_field_t *fields,
			size_t count);
	/** While everything is read: one that object() will tell of next but one. NULL: no.
	 */
	void (*expect)(void *ctx, enum med_kind kind, med_str_t id);
	/** One object is gone. Told right before the commit that takes it out of force. */
	void (*gone)(void *ctx, enum med_kind kind, med_str_t id);
	/** One object is there, but its key is no hash: @p text says so and the remedy. */
	void (*unreadable)(void *ctx, enum med_kind kind, med_str_t id, const char *text);
	/**
	 * A key under the prefix that is no object of any known kind.
	 * @param key   without the prefix: "trnk:pbx1"
	 * @param text  what is wrong and the remedy; NULL: the key is gone, so is the
	 * complaint (begin() takes back all)
	 */
	void (*stray)(void *ctx, med_str_t key, const char *text);
	/**
	 * All that was told since the last commit is one consistent state (a whole
	 * transaction, never half of one): publish it.
	 * @param full     it follows a begin: what was not told does not exist
	 * @param applied  value of key `<prefix>applied` in that state, at most
	 * MED_STORE_MARK_MAX bytes of it; "" when absent. Whoever writes a whole
	 * configuration on purpose writes a fresh token there.
	 */
	void (*commit)(void *ctx, bool full, med_str_t applied);
	/**
	 * A writer works in pieces: key `<prefix>applying` is there. Until it is gone nothing
	 * is committed; then all that came is one commit. Told when it appears or changes.
	 * @param who  its value, at most MED_STORE_MARK_MAX bytes; empty: over
	 */
	void (*applying)(void *ctx, med_str_t who);
	/**
	 * State changed, or being down has another reason now; text for people, never with a
	 * secret in it. Told once per change, not per attempt.
	 */
	void (*state)(void *ctx, enum med_store_state state, const char *text);
	/** The writing connection failed (NULL: works again); reading is not concerned. */
	void (*write_failed)(void *ctx, const char *text);
	/**
	 * This Redis works but is not set up as it must be (it may evict keys); NULL: it is
	 * now. Told once per change.
	 */
	void (*unfit)(void *ctx, const char *text);
	void *ctx;
} med_store_handler_t;

/**
 * @param url     redis://[user[:password]@]host[:port][/db], rediss://... (TLS),
 *                unix:///path[?db=N&user=..&password=..] or
 *                sentinel://host[:port],host.../master[/db]; whole in store_url.h
 * @param prefix  of configuration keys, "med:1:"
 * @param handler  copied
 * @return MED_EOK; MED_EINVAL with text; MED_ENOMEM. Does not connect.
 */
int med_store_new(const char *url, const char *prefix, const med_store_handler_t *handler,
		med_store_t **store, med_errbuf_t *err);
void med_store_free(med_store_t *store);

/**
 * File descriptors to poll and until when (monotonic ms).
 * @param max  MED_STORE_FDS
 * @return how many were filled
 */
struct pollfd;
size_t med_store_poll(
		med_store_t *store, struct pollfd *fds, size_t max, int64_t *deadline_ms);
/**
 * Does what is due and calls the handler; never waits for anything. Bounded in time: what
 * is left over makes med_store_poll() ask for the next call at once.
 * @param now_ms  CLOCK_MONOTONIC
 */
void med_store_run(med_store_t *store, int64_t now_ms);
/**
 * While a handler is at work for long: keeps the connections alive. Calls no handler,
 * reads nothing. May be called from within one.
 */
void med_store_keep_alive(med_store_t *store, int64_t now_ms);
/**
 * Read everything again (RPC `mediation.reload`). Also ends the wait for the writer that
 * `applying` names now: what is there is committed.
 */
void med_store_reload(med_store_t *store);
/**
 * How far the reading of everything is.
 * @param done   objects read; what the last one read, when none is under way
 * @param known  keys in that database, ours or not; 0: not known
 */
void med_store_progress(const med_store_t *store, size_t *done, size_t *known);

/**
 * SET key value EX ttl on the writing connection. Queued; lost when Redis is away.
 * @return MED_EOK (queued), MED_ENOMEM, MED_ELIMIT (too much is waiting), -ENOTCONN
 *         (it failed a moment ago and is not tried again yet)
 */
int med_store_write(med_store_t *store, const char *key, med_str_t value, unsigned ttl_s);
/**
 * XADD key MAXLEN ~ 10000 * field value ...; as med_store_write().
 * @param count  1 to MED_STORE_EVENT_FIELDS, else MED_EINVAL
 */
int med_store_event(
		med_store_t *store, const char *key, const med_field_t *fields, size_t count);

/** Scripts that may be under way at a time, one for each of these. */
enum med_store_script { MED_STORE_PERMITS, MED_STORE_HINTS, MED_STORE_SCRIPTS };

/**
 * What a script answered; called from within med_store_run().
 * @param error  NULL: it did, with these texts; else why there is no answer, without a
 *               secret in it
 * @param refused  Redis will not have it; else it is away
 */
typedef void (*med_store_answer_t)(
		void *ctx, const med_str_t *text, size_t count, const char *error, bool refused);

/**
 * EVAL script 1 key word ...; as med_store_write(). The script goes along each time: it
 * is short, and none need be loaded anew after a failover. It answers an array of texts,
 * of which the first MED_STORE_ANSWER_MAX are told.
 * @return also MED_EINVAL: its last answer has not come yet
 */
int med_store_script(med_store_t *store, enum med_store_script which, const char *script,
		const char *key, const med_str_t *word, size_t count, med_store_answer_t answer,
		void *ctx);
#define MED_STORE_WORDS_MAX 160
#define MED_STORE_ANSWER_MAX 512

#endif
