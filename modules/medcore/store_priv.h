/**
 * store_priv.h - what the parts of the store share; nobody else includes it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_STORE_PRIV_H
#define MEDCORE_STORE_PRIV_H

#include "medcore/store.h"
#include "medcore/store_conn.h"
#include "medcore/store_keys.h"
#include "medcore/store_sentinel.h"
#include "medcore/store_url.h"

#define MED_STORE_CHANNEL "__redis__:invalidate"
/* With Sentinel: how often the master is asked whether it is one. */
#define ROLE_MS 2000

enum phase {
	PH_DOWN,
	PH_FIND,
	PH_TRACK,
	PH_DATA,
	PH_SCAN,
	PH_READ,
	PH_FENCE,
	PH_LIVE,
};

enum tag {
	TAG_AUTH,
	TAG_SELECT,
	TAG_NAME,
	TAG_ROLE,
	TAG_ID,
	TAG_SUBSCRIBE,
	TAG_PING,
	TAG_FENCE,
	TAG_TRACKING,
	TAG_TRACKING_INFO,
	TAG_SCAN,
	TAG_GET,
	TAG_MARK,       /**< applied or applying, of a round */
	TAG_MARK_ALONE, /**< applying, while it is waited for */
	TAG_DBSIZE,
	TAG_INFO,
	TAG_SET,
	TAG_XADD,
	TAG_SCRIPT, /**< and those above it: one for each med_store_script */
};

/** Whom the answer of a script is for; NULL: nobody waits. */
typedef struct med_store_waiting {
	med_store_answer_t answer;
	void *ctx;
} med_store_waiting_t;

/** The value of `applied` or `applying`. */
typedef struct med_store_mark {
	char text[MED_STORE_MARK_MAX];
	size_t len;
} med_store_mark_t;

struct med_store {
	med_store_url_t url; /**< as given; with Sentinel `at` is the master it named last */
	med_store_place_t home;
	bool moved; /**< `at` is not home: a node of its cluster said that the keys are there
				 */
	med_sentinel_t sentinel;
	long long epoch;      /**< of that answer */
	char *prefix, *match; /**< match: the prefix as a glob pattern */
	size_t prefix_len;
	med_store_handler_t handler;

	med_conn_t track, data, write;
	enum phase phase;
	long long track_id;

	bool full;                /**< the next commit follows a begin */
	bool again;               /**< a full read is wanted as soon as possible */
	bool conflict;            /**< a notice named what was told and not yet published */
	char cursor[24];          /**< of the next SCAN */
	bool scanning;            /**< a SCAN is under way */
	med_store_keys_t changed; /**< named by notices, to be read in the next round */
	med_store_keys_t round;   /**< being read */
	med_store_keys_t told;    /**< read since the last commit; not kept in a full read */
	/*
	 * Found empty since the last commit, and told with the next. The values that FLUSHDB
	 * left were empty before its own notice came: objects that happened to be read in
	 * that moment went out of force, and were missing among what was then held back.
	 */
	med_store_keys_t gone;
	/* A value too big to be read would end the connection each time it is asked for. */
	med_store_keys_t fat;         /**< keys that are not asked for */
	med_store_keys_t fat_changed; /**< of these, to be tried again when that is due */
	unsigned fat_wait;            /**< ms; the next wait is longer */
	int64_t fat_due;
	size_t unread; /**< index in round of the next key to ask for */
	size_t gets;   /**< HGETALLs under way */
	med_field_t *fields;
	size_t fields_cap;

	med_store_mark_t applied;
	med_store_mark_t who;   /**< `applying` as told; empty: nobody */
	med_store_mark_t ended; /**< a value of it that is no longer waited for */
	bool held;              /**< somebody is applying: nothing is committed */
	bool mark_changed;      /**< a notice named `applying`, and it was not read since */

	size_t done, known; /**< of the full read; known 0: not known */
	bool unfit;

	enum med_store_state state;
	char text[256];
	int64_t now, text_ms, live_ms, next_attempt, next_ping, next_write, next_info;
	int64_t next_role, next_find;
	unsigned backoff, write_backoff, reasons;
	uint32_t jitter;
	bool write_complained, info_unknown;
	med_store_waiting_t script[MED_STORE_SCRIPTS];
};

/* ---- store.c: telling ---- */

/** What came from outside, made fit for a log line. */
void med_store_printable(char *text);
/** Once per change of state; another reason for being down not too often. */
void med_store_tell(med_store_t *store, enum med_store_state state, const char *text);
/** Doubles @p step; how long to wait this time, with jitter. */
int64_t med_store_backoff(med_store_t *store, unsigned *step);
/** The connections no longer give a picture we can trust: begin anew after a while. */
void med_store_lose(med_store_t *store, const char *fmt, ...)
		__attribute__((format(printf, 2, 3)));
bool med_store_is_error(const redisReply *reply, const char *code);
/** An answer that ends the connection: in words where we know it. */
void med_store_lose_by_reply(med_store_t *store, const char *what, redisReply *reply);

/** As above, for the size of the value that data was asked for. */
void med_store_lose_fat(med_store_t *store);

/* ---- store_read.c: what is asked when ---- */

/** 0, or -1: the store is lost. */
int med_store_ask(med_store_t *store, med_conn_t *conn, enum tag tag, med_str_t key,
		size_t argc, const med_str_t *argv);

#define ASK(store, conn, tag, ...)                                                       \
	med_store_ask(store, conn, tag, (med_str_t){0},                                      \
			sizeof((med_str_t[]){__VA_ARGS__}) / sizeof(med_str_t),                      \
			(med_str_t[]){__VA_ARGS__})

int med_store_ask_value(med_store_t *store, med_str_t key);
void med_store_start_connect(med_store_t *store);
/** With Sentinel: goes on finding the master, or looks whether it is still the one. */
void med_store_find(med_store_t *store);
void med_store_start_data(med_store_t *store);
void med_store_start_full(med_store_t *store);
/** Reads what has changed; then comes the fence. */
void med_store_start_round(med_store_t *store);
/** Tries again what was too big to be read and has changed. */
void med_store_retry_fat(med_store_t *store);
/** Asks for more of the round, as far as the window allows. */
void med_store_read_more(med_store_t *store);
/** Goes on with the full read, as far as the window allows. */
void med_store_scan_more(med_store_t *store);
/** Every notice of what was read is known: commit, or read again. */
void med_store_fence_passed(med_store_t *store);
/** Is everything to be read anew, and now? */
bool med_store_wants_full(const med_store_t *store);
/** Nothing is under way: begins what is due. */
void med_store_go_on(med_store_t *store);

/* ---- store_marks.c ---- */

bool med_store_is_mark(const med_store_t *store, med_str_t key);
bool med_store_is_applying(const med_store_t *store, med_str_t key);
/** 0, or -1: the store is lost. */
int med_store_ask_mark(med_store_t *store, enum tag tag, med_str_t key);
int med_store_ask_marks(med_store_t *store);
/** false: not an answer. */
bool med_store_on_mark(med_store_t *store, med_str_t key, redisReply *reply);
/** The writer that was told is no longer waited for; the next one is. */
void med_store_end_wait(med_store_t *store);
med_str_t med_store_applied(const med_store_t *store);
/** All is read, and somebody is still applying. */
void med_store_tell_held(med_store_t *store);
void med_store_on_info(med_store_t *store, const redisReply *reply);

/* ---- store_reply.c: what comes in ---- */

/** One reply of @p conn to whom it concerns. */
void med_store_dispatch(med_store_t *store, med_conn_t *conn, redisReply *reply);
/** A key whose value is too big to be read. */
void med_store_tell_fat(med_store_t *store, med_str_t key);
/** What was found empty since the last commit. */
void med_store_tell_gone(med_store_t *store);
void med_store_write_lost(med_store_t *store, const char *why);
/** The writing connection was closed: no script has an answer any more. */
void med_store_scripts_lost(med_store_t *store, const char *why);

#endif
