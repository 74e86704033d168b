/**
 * store_reply.c - Redis's answers and notices, checked and handed on
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "medcore/store_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANGED_MAX 100000 /* more keys than this: a full read is cheaper */

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
	char text[256], kinds[160] = "";
	size_t used = 0;

	for(int k = 0; k < MED_KIND_COUNT && used < sizeof kinds; k++)
		used += (size_t)snprintf(kinds + used, sizeof kinds - used, "%s%s",
				k == 0                            ? ""
						: k == MED_KIND_COUNT - 1 ? " or "
												  : ", ",
				med_kind_name((enum med_kind)k));
	snprintf(text, sizeof text,
			"key '%.*s': of no known kind; write %s after the prefix, then ':' and the "
			"id",
			(int)(key.len < 100 ? key.len : 100), key.s, kinds);
	med_store_printable(text);
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
	med_store_printable(text);
	store->handler.unreadable(store->handler.ctx, kind, id, text);
}

void med_store_tell_fat(med_store_t *store, med_str_t key)
{
	med_str_t rest = {0}, id;
	enum med_kind kind;
	char text[256];

	below_prefix(store, key, &rest);
	snprintf(text, sizeof text,
			"key '%.*s': its value is larger than %u MB or %u fields, so it is not read; "
			"DEL it and write it anew",
			(int)(key.len < 100 ? key.len : 100), key.s, MED_CONN_REPLY_MAX >> 20,
			MED_CONN_ELEMENTS_MAX / 2);
	med_store_printable(text);
	med_store_keys_drop(&store->gone, key);
	if(split(rest, &kind, &id))
		store->handler.unreadable(store->handler.ctx, kind, id, text);
	else
		store->handler.stray(store->handler.ctx, rest, text);
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
	if(count == 0) /* told with the commit: is it not all that went? */
		return med_store_keys_add(&store->gone, key) == MED_EOK;
	if(fields_reserve(store, count))
		return false;
	for(size_t i = 0; i < count; i++) {
		store->fields[i].name = text_of(reply->element[2 * i]);
		store->fields[i].value = text_of(reply->element[2 * i + 1]);
	}
	store->handler.object(store->handler.ctx, kind, id, store->fields, count);
	return true;
}

void med_store_tell_gone(med_store_t *store)
{
	med_str_t rest = {0}, id;
	enum med_kind kind;

	for(size_t i = 0; i < store->gone.count; i++) {
		med_str_t key = med_store_keys_at(&store->gone, i);
		if(key.len && below_prefix(store, key, &rest) && split(rest, &kind, &id))
			store->handler.gone(store->handler.ctx, kind, id);
	}
	med_store_keys_clear(&store->gone);
}

/** One value of the round was told. */
static void got_one(med_store_t *store)
{
	store->gets--;
	if(store->phase == PH_SCAN)
		med_store_scan_more(store);
	else
		med_store_read_more(store);
}

static void tell_expected(med_store_t *store)
{
	med_str_t key, rest, id;
	const med_conn_asked_t *asked = med_conn_ahead(&store->data, 1, &key);
	enum med_kind kind;

	if(asked && asked->tag == TAG_GET && below_prefix(store, key, &rest)
			&& split(rest, &kind, &id))
		store->handler.expect(store->handler.ctx, kind, id);
}

static void on_value(med_store_t *store, med_str_t key, redisReply *reply)
{
	if(store->full && store->handler.expect)
		tell_expected(store);
	med_store_keys_drop(&store->gone, key);
	if(med_store_is_error(reply, "WRONGTYPE")) {
		tell_unreadable(store, key);
	} else if(!tell_hash(store, key, reply)) {
		med_store_lose_by_reply(store, "HGETALL", reply);
		return;
	}
	if(store->full)
		store->done++;
	got_one(store);
}

/** Redis Cluster: another node has these keys. "MOVED 5474 10.0.0.2:6379" */
static void on_moved(med_store_t *store, const redisReply *reply)
{
	const char *host = strrchr(reply->str, ' '), *colon = strrchr(reply->str, ':');
	med_store_place_t to = store->url.at;

	if(!host || !colon || colon < host || store->url.is_unix
			|| (size_t)(colon - host) > sizeof to.host
			|| strspn(colon + 1, "0123456789") != strlen(colon + 1)
			|| strlen(colon + 1) >= sizeof to.port || !colon[1]) {
		med_store_lose(store, "%.120s", reply->str);
		return;
	}
	host++;
	if(colon > host) /* none: the same host */
		snprintf(to.host, sizeof to.host, "%.*s", (int)(colon - host), host);
	snprintf(to.port, sizeof to.port, "%s", colon + 1);
	store->moved = true;
	med_store_lose(store, "its cluster has these keys at %.100s:%s; going there", to.host,
			to.port);
	med_store_url_go_to(&store->url, &to);
}

static void on_mark(med_store_t *store, med_str_t key, bool alone, redisReply *reply)
{
	if(med_store_is_error(reply, "MOVED"))
		on_moved(store, reply);
	else if(!med_store_on_mark(store, key, reply))
		med_store_lose_by_reply(store, "GETRANGE", reply);
	else if(!alone)
		got_one(store);
	else if(store->phase != PH_LIVE)
		return; /* asked for twice: what it ended is being read */
	else if(store->held || med_store_wants_full(store))
		med_store_go_on(store);
	else
		med_store_start_round(store);
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
		med_store_lose_by_reply(store, "SCAN", reply);
		return;
	}
	snprintf(text, sizeof text, "%.200s: reading everything", store->url.shown);
	med_store_tell(store, MED_STORE_LOADING, text);
	snprintf(store->cursor, sizeof store->cursor, "%s", reply->element[0]->str);
	list = reply->element[1];
	for(size_t i = 0; i < list->elements && !store->again; i++) {
		if(list->element[i]->type == REDIS_REPLY_STRING
				&& below_prefix(store, text_of(list->element[i]), &rest)
				&& !med_store_is_mark(store, text_of(list->element[i]))
				&& med_store_ask_value(store, text_of(list->element[i])))
			return;
	}
	med_store_scan_more(store);
}

/** Notes one key that changed. 0, or -1: the store is lost. */
static int on_changed(med_store_t *store, med_str_t key)
{
	bool is_fat = store->fat.count && med_store_keys_has(&store->fat, key);
	med_store_keys_t *list = is_fat ? &store->fat_changed : &store->changed;

	if(med_store_is_applying(store, key))
		store->mark_changed = true;
	if(!is_fat && (store->full || med_store_keys_has(&store->told, key)))
		store->conflict = true;
	if(store->changed.count >= CHANGED_MAX)
		store->again = true;
	if(store->again || med_store_keys_add(list, key) == MED_EOK)
		return 0;
	med_store_lose(store, "out of memory");
	return -1;
}

/** Keys that changed, of one transaction or one turn of the server's loop. */
static void on_notice(med_store_t *store, const redisReply *keys)
{
	med_str_t rest;

	if(store->phase < PH_SCAN) /* the full read comes after it */
		return;
	if(keys->type != REDIS_REPLY_ARRAY) { /* nil: FLUSHDB, FLUSHALL */
		store->again = true;
		store->held = false; /* gone as well, or asked for again */
		med_store_keys_clear(&store->fat);
		med_store_keys_clear(&store->fat_changed);
	}
	for(size_t i = 0; i < keys->elements; i++)
		if(keys->element[i]->type == REDIS_REPLY_STRING
				&& below_prefix(store, text_of(keys->element[i]), &rest)
				&& on_changed(store, text_of(keys->element[i])))
			return;
	if(store->phase == PH_LIVE)
		med_store_go_on(store);
}

/** AUTH's own texts may hold anything: only its code word is shown. */
static void lose_by_auth(med_store_t *store, const redisReply *reply)
{
	size_t len = 0;

	if(med_store_is_error(reply, "WRONGPASS")) {
		med_store_lose(store, "Redis refuses user or password of redis_url (WRONGPASS)");
		return;
	}
	while(reply->type == REDIS_REPLY_ERROR && len < 16 && reply->str[len] >= 'A'
			&& reply->str[len] <= 'Z')
		len++;
	med_store_lose(store, "Redis refuses AUTH (%.*s); does it have a password at all?",
			(int)len, len ? reply->str : "");
}

static void on_track_reply(med_store_t *store, enum tag tag, redisReply *reply)
{
	switch(tag) {
		case TAG_AUTH:
			if(!is_text(reply, "OK"))
				lose_by_auth(store, reply);
			break;
		case TAG_NAME: /* a convenience; an ACL may forbid it */
			if(med_store_is_error(reply, "NOAUTH"))
				med_store_lose_by_reply(store, "CLIENT", reply);
			break;
		case TAG_ID:
			if(reply->type == REDIS_REPLY_INTEGER)
				store->track_id = reply->integer;
			else
				med_store_lose_by_reply(store, "CLIENT ID", reply);
			break;
		case TAG_SUBSCRIBE:
			if(reply->type == REDIS_REPLY_ARRAY && reply->elements == 3
					&& is_text(reply->element[0], "subscribe"))
				med_store_start_data(store);
			else
				med_store_lose_by_reply(store, "SUBSCRIBE " MED_STORE_CHANNEL, reply);
			break;
		case TAG_PING:
		case TAG_FENCE:
			if(reply->type != REDIS_REPLY_ARRAY || reply->elements != 2
					|| !is_text(reply->element[0], "pong"))
				med_store_lose_by_reply(store, "PING", reply);
			else if(tag == TAG_FENCE)
				med_store_fence_passed(store);
			break;
		default:
			med_store_lose(store, "an answer nobody asked for");
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
	if(med_store_is_error(reply, "ERR")) /* Redis 6.0 has no such command */
		store->info_unknown = true;
	else if(reply->type != REDIS_REPLY_ARRAY)
		med_store_lose_by_reply(store, "CLIENT TRACKINGINFO", reply);
	else if(!tracking_works(reply))
		med_store_lose(
				store, "Redis no longer sends notices of changes (broken_redirect)");
}

static void on_role(med_store_t *store, redisReply *reply)
{
	if(med_sentinel_is_master(reply))
		return;
	if(reply->type == REDIS_REPLY_ARRAY)
		med_store_lose(store, "it is a replica, not the master");
	else
		med_store_lose_by_reply(store, "ROLE", reply);
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
				med_store_lose_by_reply(store, "SELECT", reply);
			break;
		case TAG_NAME:
			break;
		case TAG_ROLE:
			on_role(store, reply);
			break;
		case TAG_TRACKING:
			if(is_text(reply, "OK"))
				med_store_start_full(store);
			else
				med_store_lose_by_reply(store, "CLIENT TRACKING", reply);
			break;
		case TAG_TRACKING_INFO:
			on_tracking_info(store, reply);
			break;
		case TAG_PING:
			if(!is_text(reply, "PONG"))
				med_store_lose_by_reply(store, "PING", reply);
			break;
		case TAG_SCAN:
			on_scan(store, reply);
			break;
		case TAG_GET:
			on_value(store, (med_str_t){asked->key, asked->key_len}, reply);
			break;
		case TAG_MARK:
		case TAG_MARK_ALONE:
			on_mark(store, (med_str_t){asked->key, asked->key_len},
					asked->tag == TAG_MARK_ALONE, reply);
			break;
		case TAG_DBSIZE:
			if(reply->type == REDIS_REPLY_INTEGER && reply->integer > 0)
				store->known = (size_t)reply->integer;
			break;
		case TAG_INFO:
			med_store_on_info(store, reply);
			break;
		default:
			med_store_lose(store, "an answer nobody asked for");
	}
}

void med_store_write_lost(med_store_t *store, const char *why)
{
	char text[256];

	med_conn_close(&store->write);
	med_store_scripts_lost(store, why);
	store->next_write = store->now + med_store_backoff(store, &store->write_backoff);
	if(store->write_complained || store->state != MED_STORE_LIVE)
		return;
	store->write_complained = true;
	snprintf(text, sizeof text, "%.120s: cannot write: %.110s", store->url.shown, why);
	med_store_printable(text);
	store->handler.write_failed(store->handler.ctx, text);
}

/** One that waits is told once, and may ask again from there. */
static void tell_script(med_store_t *store, size_t which, const med_str_t *text,
		size_t count, const char *error, bool refused)
{
	med_store_waiting_t w = store->script[which];

	store->script[which] = (med_store_waiting_t){0};
	if(w.answer)
		w.answer(w.ctx, text, count, error, refused);
}

void med_store_scripts_lost(med_store_t *store, const char *why)
{
	char text[200];

	snprintf(text, sizeof text, "%.190s", why);
	med_store_printable(text);
	for(size_t i = 0; i < MED_STORE_SCRIPTS; i++)
		tell_script(store, i, NULL, 0, text, false);
}

static void on_script(med_store_t *store, size_t which, redisReply *reply)
{
	med_str_t text[MED_STORE_ANSWER_MAX];
	size_t count = 0;
	char error[200];

	if(reply->type == REDIS_REPLY_ERROR) {
		med_store_url_hide(&store->url, reply->str);
		if(store->url.sentinels && med_store_is_error(reply, "READONLY")) {
			med_store_lose(store, "it takes no writes any more: it is a replica now");
			return;
		}
		snprintf(error, sizeof error, "%.190s", reply->str);
		med_store_printable(error);
		tell_script(store, which, NULL, 0, error, true);
		return;
	}
	if(reply->type == REDIS_REPLY_ARRAY)
		for(; count < reply->elements && count < MED_STORE_ANSWER_MAX; count++) {
			const redisReply *one = reply->element[count];

			if(one->type != REDIS_REPLY_STRING)
				break;
			text[count] = (med_str_t){one->str, one->len};
		}
	tell_script(store, which, text, count, NULL, false);
}

static void on_write_reply(med_store_t *store, enum tag tag, redisReply *reply)
{
	if(tag == TAG_NAME)
		return;
	if(tag >= TAG_SCRIPT) {
		on_script(store, (size_t)tag - TAG_SCRIPT, reply);
		return;
	}
	if(tag == TAG_XADD ? reply->type != REDIS_REPLY_STRING : !is_text(reply, "OK")) {
		if(reply->type == REDIS_REPLY_ERROR)
			med_store_url_hide(&store->url, reply->str);
		if(store->url.sentinels && med_store_is_error(reply, "READONLY")) {
			med_store_lose(store, "it takes no writes any more: it is a replica now");
			return;
		}
		med_store_write_lost(store,
				tag == TAG_AUTH                            ? "user or password refused"
						: reply->type == REDIS_REPLY_ERROR ? reply->str
														   : "not an answer to that");
		return;
	}
	if(tag != TAG_SET && tag != TAG_XADD)
		return;
	store->write_backoff = 0;
	if(store->write_complained)
		store->handler.write_failed(store->handler.ctx, NULL);
	store->write_complained = false;
}

/** One reply of @p conn to whom it concerns. */
void med_store_dispatch(med_store_t *store, med_conn_t *conn, redisReply *reply)
{
	med_conn_asked_t asked;

	if(conn == &store->track && reply->type == REDIS_REPLY_ARRAY && reply->elements == 3
			&& is_text(reply->element[0], "message")) {
		on_notice(store, reply->element[2]);
		return;
	}
	if(!med_conn_pop(conn, &asked)) {
		if(conn == &store->write)
			med_store_write_lost(store, "an answer nobody asked for");
		else
			med_store_lose(store, "an answer nobody asked for; is this a Redis?");
		return;
	}
	if(conn == &store->track)
		on_track_reply(store, (enum tag)asked.tag, reply);
	else if(conn == &store->data)
		on_data_reply(store, &asked, reply);
	else
		on_write_reply(store, (enum tag)asked.tag, reply);
	free(asked.large);
}
