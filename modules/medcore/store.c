/**
 * store.c - the configuration in Redis, read whole and followed live
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

/*
 * Three connections: `track` is subscribed to the invalidation channel, `data` reads,
 * `write` writes this node's status. What happens, in order:
 *
 *   TRACK  log in, CLIENT ID, SUBSCRIBE           on track
 *   DATA   log in, SELECT, CLIENT TRACKING        on data, redirected to track
 *   SCAN   SCAN, and HGETALL of what it names     the full read
 *   READ   HGETALL of the keys named by notices
 *   FENCE  PING on track after the last value     notices up to its answer are known
 *   LIVE   nothing to read
 *
 * Why the fence: a value may reach us before the notice that names it, as the two come by
 * different sockets. Say a transaction writes A and B, we read A because of an older
 * notice, and publish: half of the transaction would be in force. Once track has answered
 * a PING sent after the values came, every notice of a write that those values contain
 * has arrived. If one of them names a key read since the last commit, its whole message
 * is read too before anything is published (all keys of one EXEC come in one message).
 */
#include "medcore/store.h"
#include "medcore/store_conn.h"
#include "medcore/store_keys.h"
#include "medcore/store_url.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHANNEL "__redis__:invalidate"
#define SCAN_COUNT "1000"
#define WINDOW 4000        /* HGETALLs under way at once */
#define CHANGED_MAX 100000 /* more keys than this: a full read is cheaper */
#define PING_MS 1000
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 2000
#define STABLE_MS 5000     /* live for this long: the next back-off starts small */
#define SAY_AGAIN_MS 30000 /* another reason for being down is told this often */
#define LOOKUP_POLL_MS 20

enum phase {
	PH_DOWN,
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
	TAG_ID,
	TAG_SUBSCRIBE,
	TAG_PING,
	TAG_FENCE,
	TAG_TRACKING,
	TAG_TRACKING_INFO,
	TAG_SCAN,
	TAG_GET,
	TAG_SET,
};

struct med_store {
	med_store_url_t url;
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
	size_t unread;            /**< index in round of the next key to ask for */
	size_t gets;              /**< HGETALLs under way */
	med_field_t *fields;
	size_t fields_cap;

	enum med_store_state state;
	char text[256];
	int64_t now, text_ms, live_ms, next_attempt, next_ping, next_write;
	unsigned backoff, write_backoff;
	uint32_t jitter;
	bool write_complained, info_unknown;
};

/* ---- telling ---- */

/** What came from outside, made fit for a log line. */
static void printable(char *text)
{
	for(char *c = text; *c; c++)
		if((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
}

/** A server's error may repeat what it was sent: the password never gets into a text. */
static void hide_password(const med_store_t *store, char *text)
{
	size_t len = strlen(store->url.password);
	char *at = text;

	while(len && (at = strstr(at, store->url.password))) {
		memset(at, '*', len);
		at += len;
	}
}

static void tell(med_store_t *store, enum med_store_state state, const char *text)
{
	bool changed = state != store->state || !store->text[0];

	if(!changed
			&& (strcmp(text, store->text) == 0
					|| store->now - store->text_ms < SAY_AGAIN_MS))
		return;
	store->state = state;
	store->text_ms = store->now;
	snprintf(store->text, sizeof store->text, "%s", text);
	store->handler.state(store->handler.ctx, state, store->text);
}

static int64_t backoff(med_store_t *store, unsigned *step)
{
	int64_t wait = *step ? *step * 2 : BACKOFF_MIN_MS;

	if(wait > BACKOFF_MAX_MS)
		wait = BACKOFF_MAX_MS;
	*step = (unsigned)wait;
	store->jitter = store->jitter * 1664525u + 1013904223u;
	return wait * 3 / 4 + (int64_t)((store->jitter >> 8) % (unsigned)(wait / 2));
}

/** The connections no longer give a picture we can trust: begin anew after a while. */
static void lose(med_store_t *store, const char *fmt, ...)
		__attribute__((format(printf, 2, 3)));
static void lose(med_store_t *store, const char *fmt, ...)
{
	char text[256], why[200];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof why, fmt, args);
	va_end(args);
	printable(why);
	if(store->phase == PH_LIVE && store->now - store->live_ms >= STABLE_MS)
		store->backoff = 0;
	med_conn_close(&store->track);
	med_conn_close(&store->data);
	med_store_keys_clear(&store->changed);
	med_store_keys_clear(&store->round);
	med_store_keys_clear(&store->told);
	store->phase = PH_DOWN;
	store->gets = 0;
	store->scanning = false;
	store->next_attempt = store->now + backoff(store, &store->backoff);
	snprintf(text, sizeof text, "%.140s: %.110s", store->url.shown, why);
	tell(store, MED_STORE_DOWN, text);
}

static bool is_error(const redisReply *reply, const char *code)
{
	size_t len = strlen(code);

	return reply->type == REDIS_REPLY_ERROR && reply->len >= len
			&& memcmp(reply->str, code, len) == 0;
}

/** An answer that ends the connection: in words where we know it. */
static void lose_by_reply(med_store_t *store, const char *what, redisReply *reply)
{
	if(reply->type == REDIS_REPLY_ERROR)
		hide_password(store, reply->str);
	if(reply->type != REDIS_REPLY_ERROR)
		lose(store, "%s: an answer of the wrong type; is this a Redis?", what);
	else if(is_error(reply, "LOADING"))
		lose(store, "Redis is still loading its data");
	else if(is_error(reply, "NOAUTH"))
		lose(store, "Redis wants a password: redis_url has none");
	else if(is_error(reply, "NOPERM"))
		lose(store, "%s: the ACL user may not: %.120s", what, reply->str);
	else
		lose(store, "%s: %.120s", what, reply->str);
}

/* ---- sending ---- */

static int ask(med_store_t *store, med_conn_t *conn, enum tag tag, med_str_t key,
		size_t argc, const med_str_t *argv)
{
	if(med_conn_send(conn, (int)tag, key, argc, argv) == 0)
		return 0;
	lose(store, "%s", conn->error);
	return -1;
}

#define ASK(store, conn, tag, ...)                                                       \
	ask(store, conn, tag, (med_str_t){0},                                                \
			sizeof((med_str_t[]){__VA_ARGS__}) / sizeof(med_str_t),                      \
			(med_str_t[]){__VA_ARGS__})

static int ask_value(med_store_t *store, med_str_t key)
{
	med_str_t argv[2] = {MED_STR("HGETALL"), key};

	if(ask(store, &store->data, TAG_GET, key, 2, argv))
		return -1;
	store->gets++;
	return 0;
}

static void ask_scan(med_store_t *store)
{
	store->scanning = true;
	ASK(store, &store->data, TAG_SCAN, MED_STR("SCAN"), med_str(store->cursor),
			MED_STR("MATCH"), med_str(store->match), MED_STR("COUNT"),
			MED_STR(SCAN_COUNT));
}

/* ---- phases ---- */

static void start_connect(med_store_t *store)
{
	store->phase = PH_TRACK;
	if(med_conn_open(&store->track, &store->url, store->now)
			|| med_conn_login(&store->track, &store->url, false, TAG_AUTH, TAG_SELECT)) {
		lose(store, "%s", store->track.error);
		return;
	}
	if(ASK(store, &store->track, TAG_NAME, MED_STR("CLIENT"), MED_STR("SETNAME"),
			   MED_STR("mediation-track"))
			|| ASK(store, &store->track, TAG_ID, MED_STR("CLIENT"), MED_STR("ID")))
		return;
	ASK(store, &store->track, TAG_SUBSCRIBE, MED_STR("SUBSCRIBE"), MED_STR(CHANNEL));
}

static void start_data(med_store_t *store)
{
	char id[24];

	store->phase = PH_DATA;
	snprintf(id, sizeof id, "%lld", store->track_id);
	if(med_conn_open(&store->data, &store->url, store->now)
			|| med_conn_login(&store->data, &store->url, true, TAG_AUTH, TAG_SELECT)) {
		lose(store, "%s", store->data.error);
		return;
	}
	if(ASK(store, &store->data, TAG_NAME, MED_STR("CLIENT"), MED_STR("SETNAME"),
			   MED_STR("mediation-data")))
		return;
	ASK(store, &store->data, TAG_TRACKING, MED_STR("CLIENT"), MED_STR("TRACKING"),
			MED_STR("ON"), MED_STR("REDIRECT"), med_str(id), MED_STR("BCAST"),
			MED_STR("PREFIX"), med_str(store->prefix));
}

static void start_full(med_store_t *store)
{
	med_store_keys_clear(&store->changed);
	med_store_keys_clear(&store->round);
	med_store_keys_clear(&store->told);
	store->again = false;
	store->full = true;
	store->conflict = false;
	store->phase = PH_SCAN;
	store->handler.begin(store->handler.ctx);
	snprintf(store->cursor, sizeof store->cursor, "0");
	ask_scan(store);
}

static void start_fence(med_store_t *store)
{
	store->phase = PH_FENCE;
	ASK(store, &store->track, TAG_FENCE, MED_STR("PING"), MED_STR("fence"));
}

/** Asks for more of the round, as far as the window allows; then comes the fence. */
static void read_more(med_store_t *store);

static void start_round(med_store_t *store)
{
	med_store_keys_t empty = store->round;

	store->phase = PH_READ;
	store->conflict = false;
	store->round = store->changed;
	med_store_keys_clear(&empty);
	store->changed = empty;
	store->unread = 0;
	for(size_t i = 0; i < store->round.count && !store->full; i++) {
		if(med_store_keys_add(&store->told, med_store_keys_at(&store->round, i))) {
			lose(store, "out of memory");
			return;
		}
	}
	read_more(store);
}

/** All that was asked for has been told. */
static void round_done(med_store_t *store)
{
	if(store->again)
		start_full(store);
	else if(store->conflict)
		start_round(store);
	else
		start_fence(store);
}

static void read_more(med_store_t *store)
{
	while(store->unread < store->round.count && store->gets < WINDOW && !store->again) {
		if(ask_value(store, med_store_keys_at(&store->round, store->unread++)))
			return;
	}
	if(store->gets == 0)
		round_done(store);
}

static void scan_more(med_store_t *store)
{
	bool end = store->again || strcmp(store->cursor, "0") == 0;

	if(store->scanning)
		return;
	if(!end && store->gets < WINDOW / 2)
		ask_scan(store);
	else if(end && store->gets == 0)
		round_done(store);
}

static void commit(med_store_t *store)
{
	char text[256];
	bool full = store->full;

	store->full = false;
	med_store_keys_clear(&store->told);
	store->handler.commit(store->handler.ctx, full);
	if(store->phase != PH_LIVE)
		store->live_ms = store->now;
	store->phase = PH_LIVE;
	snprintf(text, sizeof text, "%.200s: all read, following changes", store->url.shown);
	tell(store, MED_STORE_LIVE, text);
}

static void fence_passed(med_store_t *store)
{
	if(store->again || store->conflict) {
		round_done(store);
		return;
	}
	commit(store);
	if(store->again)
		start_full(store);
	else if(store->changed.count)
		start_round(store);
}

/* ---- what comes in ---- */

static bool is_text(const redisReply *reply, const char *text)
{
	size_t len = strlen(text);

	return (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS)
			&& reply->len == len && memcmp(reply->str, text, len) == 0;
}

static med_str_t text_of(const redisReply *reply)
{
	return (med_str_t){reply->str, reply->len};
}

/** Cuts the prefix off; false: not below it. */
static bool below_prefix(const med_store_t *store, med_str_t key, med_str_t *rest)
{
	if(key.len < store->prefix_len
			|| memcmp(key.s, store->prefix, store->prefix_len) != 0)
		return false;
	rest->s = key.s + store->prefix_len;
	rest->len = key.len - store->prefix_len;
	return true;
}

/** "trunk:pbx1" */
static bool split(med_str_t rest, enum med_kind *kind, med_str_t *id)
{
	const char *colon = rest.len ? memchr(rest.s, ':', rest.len) : NULL;

	if(!colon)
		return false;
	*id = (med_str_t){colon + 1, rest.len - (size_t)(colon + 1 - rest.s)};
	return med_kind_parse((med_str_t){rest.s, (size_t)(colon - rest.s)}, kind) == MED_EOK;
}

/** Not an object of a kind we know, or no longer (@p is_there false). */
static void tell_stray(med_store_t *store, med_str_t key, med_str_t rest, bool is_there)
{
	char text[256];

	snprintf(text, sizeof text,
			"key '%.*s': of no known kind; write site, gateway, trunk, profile, rules, "
			"policy "
			"or route after the prefix, then ':' and the id",
			(int)(key.len < 100 ? key.len : 100), key.s);
	printable(text);
	store->handler.stray(store->handler.ctx, rest, is_there ? text : NULL);
}

static void tell_unreadable(med_store_t *store, med_str_t key)
{
	med_str_t rest = {0}, id;
	enum med_kind kind;
	char text[256];

	below_prefix(store, key, &rest);
	if(!split(rest, &kind, &id)) {
		tell_stray(store, key, rest, true);
		return;
	}
	snprintf(text, sizeof text,
			"%s '%.*s': key '%.*s' is not a hash; DEL it and write it "
			"with HSET",
			med_kind_name(kind), (int)(id.len < 80 ? id.len : 80), id.s,
			(int)(key.len < 100 ? key.len : 100), key.s);
	printable(text);
	store->handler.unreadable(store->handler.ctx, kind, id, text);
}

static int fields_reserve(med_store_t *store, size_t count)
{
	med_field_t *more;

	if(count <= store->fields_cap)
		return 0;
	more = realloc(store->fields, count * sizeof *more);
	if(!more)
		return -1;
	store->fields = more;
	store->fields_cap = count;
	return 0;
}

/** A hash as HGETALL gives it; false: not of that form. */
static bool tell_hash(med_store_t *store, med_str_t key, const redisReply *reply)
{
	size_t count = reply->elements / 2;
	med_str_t rest = {0}, id;
	enum med_kind kind;

	if(reply->type != REDIS_REPLY_ARRAY || reply->elements % 2)
		return false;
	for(size_t i = 0; i < reply->elements; i++)
		if(reply->element[i]->type != REDIS_REPLY_STRING)
			return false;
	below_prefix(store, key, &rest);
	if(!split(rest, &kind, &id)) {
		tell_stray(store, key, rest, count != 0);
		return true;
	}
	if(count == 0) {
		store->handler.gone(store->handler.ctx, kind, id);
		return true;
	}
	if(fields_reserve(store, count))
		return false;
	for(size_t i = 0; i < count; i++) {
		store->fields[i].name = text_of(reply->element[2 * i]);
		store->fields[i].value = text_of(reply->element[2 * i + 1]);
	}
	store->handler.object(store->handler.ctx, kind, id, store->fields, count);
	return true;
}

static void on_value(med_store_t *store, med_str_t key, redisReply *reply)
{
	store->gets--;
	if(is_error(reply, "WRONGTYPE")) {
		tell_unreadable(store, key);
	} else if(!tell_hash(store, key, reply)) {
		lose_by_reply(store, "HGETALL", reply);
		return;
	}
	if(store->phase == PH_SCAN)
		scan_more(store);
	else
		read_more(store);
}

static void on_scan(med_store_t *store, redisReply *reply)
{
	const redisReply *list;
	char text[256];
	med_str_t rest;

	store->scanning = false;
	if(reply->type != REDIS_REPLY_ARRAY || reply->elements != 2
			|| reply->element[0]->type != REDIS_REPLY_STRING
			|| reply->element[0]->len >= sizeof store->cursor
			|| reply->element[1]->type != REDIS_REPLY_ARRAY) {
		lose_by_reply(store, "SCAN", reply);
		return;
	}
	snprintf(text, sizeof text, "%.200s: reading everything", store->url.shown);
	tell(store, MED_STORE_LOADING, text);
	snprintf(store->cursor, sizeof store->cursor, "%s", reply->element[0]->str);
	list = reply->element[1];
	for(size_t i = 0; i < list->elements && !store->again; i++) {
		if(list->element[i]->type == REDIS_REPLY_STRING
				&& below_prefix(store, text_of(list->element[i]), &rest)
				&& ask_value(store, text_of(list->element[i])))
			return;
	}
	scan_more(store);
}

/** Keys that changed, of one transaction or one turn of the server's loop. */
static void on_notice(med_store_t *store, const redisReply *keys)
{
	med_str_t rest;

	if(store->phase < PH_SCAN) /* the full read comes after it */
		return;
	if(keys->type != REDIS_REPLY_ARRAY) /* nil: FLUSHDB, FLUSHALL */
		store->again = true;
	for(size_t i = 0; i < keys->elements && !store->again; i++) {
		med_str_t key = text_of(keys->element[i]);
		if(keys->element[i]->type != REDIS_REPLY_STRING
				|| !below_prefix(store, key, &rest))
			continue;
		if(store->full || med_store_keys_has(&store->told, key))
			store->conflict = true;
		if(store->changed.count >= CHANGED_MAX) {
			store->again = true;
		} else if(med_store_keys_add(&store->changed, key)) {
			lose(store, "out of memory");
			return;
		}
	}
	if(store->phase != PH_LIVE)
		return;
	if(store->again)
		start_full(store);
	else if(store->changed.count)
		start_round(store);
}

/** AUTH's own texts may hold anything: only its code word is shown. */
static void lose_by_auth(med_store_t *store, const redisReply *reply)
{
	size_t len = 0;

	if(is_error(reply, "WRONGPASS")) {
		lose(store, "Redis refuses user or password of redis_url (WRONGPASS)");
		return;
	}
	while(reply->type == REDIS_REPLY_ERROR && len < 16 && reply->str[len] >= 'A'
			&& reply->str[len] <= 'Z')
		len++;
	lose(store, "Redis refuses AUTH (%.*s); does it have a password at all?", (int)len,
			len ? reply->str : "");
}

static void on_track_reply(med_store_t *store, enum tag tag, redisReply *reply)
{
	switch(tag) {
		case TAG_AUTH:
			if(!is_text(reply, "OK"))
				lose_by_auth(store, reply);
			break;
		case TAG_NAME: /* a convenience; an ACL may forbid it */
			if(is_error(reply, "NOAUTH"))
				lose_by_reply(store, "CLIENT", reply);
			break;
		case TAG_ID:
			if(reply->type == REDIS_REPLY_INTEGER)
				store->track_id = reply->integer;
			else
				lose_by_reply(store, "CLIENT ID", reply);
			break;
		case TAG_SUBSCRIBE:
			if(reply->type == REDIS_REPLY_ARRAY && reply->elements == 3
					&& is_text(reply->element[0], "subscribe"))
				start_data(store);
			else
				lose_by_reply(store, "SUBSCRIBE " CHANNEL, reply);
			break;
		case TAG_PING:
		case TAG_FENCE:
			if(reply->type != REDIS_REPLY_ARRAY || reply->elements != 2
					|| !is_text(reply->element[0], "pong"))
				lose_by_reply(store, "PING", reply);
			else if(tag == TAG_FENCE)
				fence_passed(store);
			break;
		default:
			lose(store, "an answer nobody asked for");
	}
}

/** Does CLIENT TRACKINGINFO still say that notices reach us? */
static bool tracking_works(const redisReply *info)
{
	bool on = false, bcast = false;

	for(size_t i = 0; i + 1 < info->elements; i += 2) {
		const redisReply *flags = info->element[i + 1];
		if(!is_text(info->element[i], "flags") || flags->type != REDIS_REPLY_ARRAY)
			continue;
		for(size_t k = 0; k < flags->elements; k++) {
			if(is_text(flags->element[k], "broken_redirect"))
				return false;
			on |= is_text(flags->element[k], "on");
			bcast |= is_text(flags->element[k], "bcast");
		}
	}
	return on && bcast;
}

static void on_tracking_info(med_store_t *store, redisReply *reply)
{
	if(is_error(reply, "ERR")) /* Redis 6.0 has no such command */
		store->info_unknown = true;
	else if(reply->type != REDIS_REPLY_ARRAY)
		lose_by_reply(store, "CLIENT TRACKINGINFO", reply);
	else if(!tracking_works(reply))
		lose(store, "Redis no longer sends notices of changes (broken_redirect)");
}

static void on_data_reply(
		med_store_t *store, const med_conn_asked_t *asked, redisReply *reply)
{
	switch((enum tag)asked->tag) {
		case TAG_AUTH:
			if(!is_text(reply, "OK"))
				lose_by_auth(store, reply);
			break;
		case TAG_SELECT:
			if(!is_text(reply, "OK"))
				lose_by_reply(store, "SELECT", reply);
			break;
		case TAG_NAME:
			break;
		case TAG_TRACKING:
			if(is_text(reply, "OK"))
				start_full(store);
			else
				lose_by_reply(store, "CLIENT TRACKING", reply);
			break;
		case TAG_TRACKING_INFO:
			on_tracking_info(store, reply);
			break;
		case TAG_PING:
			if(!is_text(reply, "PONG"))
				lose_by_reply(store, "PING", reply);
			break;
		case TAG_SCAN:
			on_scan(store, reply);
			break;
		case TAG_GET:
			on_value(store, (med_str_t){asked->key, asked->key_len}, reply);
			break;
		default:
			lose(store, "an answer nobody asked for");
	}
}

static void write_lost(med_store_t *store, const char *why)
{
	char text[256];

	med_conn_close(&store->write);
	store->next_write = store->now + backoff(store, &store->write_backoff);
	if(store->write_complained || store->state != MED_STORE_LIVE)
		return;
	store->write_complained = true;
	snprintf(text, sizeof text, "%.120s: cannot write: %.110s", store->url.shown, why);
	printable(text);
	store->handler.write_failed(store->handler.ctx, text);
}

static void on_write_reply(med_store_t *store, enum tag tag, redisReply *reply)
{
	if(tag == TAG_NAME)
		return;
	if(!is_text(reply, "OK")) {
		if(reply->type == REDIS_REPLY_ERROR)
			hide_password(store, reply->str);
		write_lost(store,
				tag == TAG_AUTH                            ? "user or password refused"
						: reply->type == REDIS_REPLY_ERROR ? reply->str
														   : "not an answer to SET");
		return;
	}
	if(tag != TAG_SET)
		return;
	store->write_backoff = 0;
	if(store->write_complained)
		store->handler.write_failed(store->handler.ctx, NULL);
	store->write_complained = false;
}

/* ---- turning the crank ---- */

/** One reply of @p conn to whom it concerns. */
static void dispatch(med_store_t *store, med_conn_t *conn, redisReply *reply)
{
	med_conn_asked_t asked;

	if(conn == &store->track && reply->type == REDIS_REPLY_ARRAY && reply->elements == 3
			&& is_text(reply->element[0], "message")) {
		on_notice(store, reply->element[2]);
		return;
	}
	if(!med_conn_pop(conn, &asked)) {
		if(conn == &store->write)
			write_lost(store, "an answer nobody asked for");
		else
			lose(store, "an answer nobody asked for; is this a Redis?");
		return;
	}
	if(conn == &store->track)
		on_track_reply(store, (enum tag)asked.tag, reply);
	else if(conn == &store->data)
		on_data_reply(store, &asked, reply);
	else
		on_write_reply(store, (enum tag)asked.tag, reply);
	free(asked.key);
}

/** Sends, receives and handles what there is on one connection. */
static void serve(med_store_t *store, med_conn_t *conn)
{
	const char *why = NULL;
	redisReply *reply;
	int rc = 0;

	if(conn->state == MED_CONN_CLOSED)
		return;
	if(med_conn_io(conn, store->now)) {
		why = conn->error;
	} else {
		while((rc = med_conn_reply(conn, &reply)) > 0) {
			dispatch(store, conn, reply);
			freeReplyObject(reply);
		}
		if(rc < 0)
			why = conn->error;
		else if(med_conn_overdue(conn, store->now))
			why = conn->state == MED_CONN_RESOLVING ? "its name is not resolved in time"
					: conn->state == MED_CONN_CONNECTING ? "no connection in time"
														 : "no answer in time";
	}
	if(why && conn == &store->write)
		write_lost(store, why);
	else if(why)
		lose(store, "%s", why);
}

static void ping(med_store_t *store)
{
	store->next_ping = store->now + PING_MS;
	if(store->phase >= PH_SCAN && store->track.asked_count == 0
			&& ASK(store, &store->track, TAG_PING, MED_STR("PING")))
		return;
	if(store->phase != PH_LIVE || store->data.asked_count)
		return;
	if(store->info_unknown)
		ASK(store, &store->data, TAG_PING, MED_STR("PING"));
	else
		ASK(store, &store->data, TAG_TRACKING_INFO, MED_STR("CLIENT"),
				MED_STR("TRACKINGINFO"));
}

void med_store_run(med_store_t *store, int64_t now_ms)
{
	med_conn_t *conns[] = {&store->track, &store->data, &store->write};

	store->now = now_ms;
	if(store->phase == PH_DOWN && now_ms >= store->next_attempt)
		start_connect(store);
	for(size_t i = 0; i < sizeof conns / sizeof *conns; i++)
		serve(store, conns[i]);
	if(store->phase == PH_LIVE && store->again)
		start_full(store);
	if(now_ms >= store->next_ping)
		ping(store);
	/* what the handling queued goes out now, not after the next poll */
	for(size_t i = 0; i < sizeof conns / sizeof *conns; i++)
		if(conns[i]->state == MED_CONN_OPEN && conns[i]->out_at < conns[i]->out_len)
			serve(store, conns[i]);
}

size_t med_store_poll(
		med_store_t *store, struct pollfd *fds, size_t max, int64_t *deadline_ms)
{
	const med_conn_t *conns[] = {&store->track, &store->data, &store->write};
	int64_t deadline = store->phase == PH_DOWN ? store->next_attempt : store->next_ping;
	size_t n = 0;

	for(size_t i = 0; i < sizeof conns / sizeof *conns; i++) {
		if(conns[i]->more)
			deadline = store->now;
		if(conns[i]->state == MED_CONN_RESOLVING
				&& deadline > store->now + LOOKUP_POLL_MS)
			deadline = store->now + LOOKUP_POLL_MS;
		if(conns[i]->fd >= 0 && n < max)
			fds[n++] = (struct pollfd){
					.fd = conns[i]->fd, .events = med_conn_events(conns[i])};
	}
	if(store->phase == PH_LIVE && store->again)
		deadline = store->now;
	*deadline_ms = deadline;
	return n;
}

void med_store_reload(med_store_t *store)
{
	store->next_attempt = store->now;
	if(!store->full && store->phase != PH_DOWN)
		store->again = true;
}

int med_store_write(med_store_t *store, const char *key, med_str_t value, unsigned ttl_s)
{
	char ttl[16];
	med_str_t argv[5] = {MED_STR("SET"), med_str(key), value, MED_STR("EX"), {ttl, 0}};

	argv[4].len = (size_t)snprintf(ttl, sizeof ttl, "%u", ttl_s ? ttl_s : 1);
	if(store->write.state == MED_CONN_CLOSED) {
		if(store->now < store->next_write)
			return -ENOTCONN;
		if(med_conn_open(&store->write, &store->url, store->now)
				|| med_conn_login(
						&store->write, &store->url, true, TAG_AUTH, TAG_SELECT)) {
			write_lost(store, store->write.error);
			return -ENOTCONN;
		}
	}
	if(store->write.out_len - store->write.out_at > MED_CONN_OUT_MAX / 2
			|| store->write.asked_count > 1000)
		return MED_ELIMIT;
	if(med_conn_send(&store->write, TAG_SET, (med_str_t){0}, 5, argv))
		return MED_ENOMEM;
	return MED_EOK;
}

/* ---- life ---- */

/** The prefix as a glob that matches it literally, and anything after it. */
static char *glob_of(const char *prefix)
{
	char *glob = malloc(strlen(prefix) * 2 + 2), *g = glob;

	if(!glob)
		return NULL;
	for(const char *p = prefix; *p; p++) {
		if(strchr("*?[]\\^", *p))
			*g++ = '\\';
		*g++ = *p;
	}
	*g++ = '*';
	*g = '\0';
	return glob;
}

int med_store_new(const char *url, const char *prefix, const med_store_handler_t *handler,
		med_store_t **store, med_errbuf_t *err)
{
	med_store_t *s = NULL;
	int rc = MED_ENOMEM;
	struct timespec t;

	if(prefix[0] == '\0')
		return med_fail(err, MED_EINVAL, "redis_prefix: empty; the default is med:1:");
	s = calloc(1, sizeof *s);
	if(!s)
		return med_fail(err, MED_ENOMEM, "out of memory");
	med_conn_init(&s->track);
	med_conn_init(&s->data);
	med_conn_init(&s->write);
	rc = med_store_url_parse(url, &s->url, err);
	if(rc)
		goto fail;
	s->prefix = strdup(prefix);
	s->match = glob_of(prefix);
	if(!s->prefix || !s->match) {
		rc = med_fail(err, MED_ENOMEM, "out of memory");
		goto fail;
	}
	s->prefix_len = strlen(prefix);
	s->handler = *handler;
	clock_gettime(CLOCK_MONOTONIC, &t);
	s->jitter = (uint32_t)t.tv_nsec ^ (uint32_t)(uintptr_t)s;
	*store = s;
	return MED_EOK;
fail:
	med_store_free(s);
	return rc;
}

void med_store_free(med_store_t *store)
{
	if(!store)
		return;
	med_conn_free(&store->track);
	med_conn_free(&store->data);
	med_conn_free(&store->write);
	med_store_keys_free(&store->changed);
	med_store_keys_free(&store->round);
	med_store_keys_free(&store->told);
	free(store->fields);
	free(store->prefix);
	free(store->match);
	free(store);
}
