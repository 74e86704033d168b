/**
 * reading.c - objects from Redis: names first, then what they hold, in order
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "medctl/output.h"
#include "medctl/reading.h"

#define SCAN_COUNT "1000"
#define WINDOW 512 /* questions on their way */
#define TEXT_CHUNK ((size_t)1 << 20)

/* A key as it was listed; text lies in chunks. */
typedef struct listed {
	const char *s;
	uint32_t len, skip; /* skip: bytes up to its id */
	uint8_t rank;       /* of its kind in kind_order */
} listed_t;

typedef struct keys {
	listed_t *key;
	size_t count, room;
	char **chunk;
	size_t chunks, used;
} keys_t;

bool redis_key(const medctl_t *m, enum med_kind kind, med_str_t id, char *out,
		size_t size, med_str_t *key)
{
	int n = snprintf(out, size, "%.*s%s:", MED_STR_FMT(m->prefix), med_kind_name(kind));

	if(n < 0 || (size_t)n + id.len >= size)
		return false;
	memcpy(out + n, id.s, id.len);
	out[(size_t)n + id.len] = '\0';
	*key = (med_str_t){out, (size_t)n + id.len};
	return true;
}

/* ---- names --------------------------------------------------------------------------
 */

static char *keep_text(keys_t *keys, med_str_t text)
{
	char *at;

	if(keys->chunks == 0 || text.len > TEXT_CHUNK - keys->used) {
		size_t size = text.len > TEXT_CHUNK ? text.len : TEXT_CHUNK;
		char **more = realloc(keys->chunk, (keys->chunks + 1) * sizeof *more);
		if(more == NULL)
			return NULL;
		keys->chunk = more;
		more[keys->chunks] = malloc(size);
		if(more[keys->chunks] == NULL)
			return NULL;
		keys->chunks++;
		keys->used = 0;
	}
	at = keys->chunk[keys->chunks - 1] + keys->used;
	memcpy(at, text.s, text.len);
	keys->used = text.len > TEXT_CHUNK ? TEXT_CHUNK : keys->used + text.len;
	return at;
}

static bool keep_key(keys_t *keys, listed_t key)
{
	if(keys->count == keys->room) {
		size_t room = keys->room == 0 ? 1024 : keys->room * 2;
		listed_t *more = realloc(keys->key, room * sizeof *more);
		if(more == NULL)
			return false;
		keys->key = more;
		keys->room = room;
	}
	key.s = keep_text(keys, (med_str_t){key.s, key.len});
	if(key.s == NULL)
		return false;
	keys->key[keys->count++] = key;
	return true;
}

static void free_keys(keys_t *keys)
{
	for(size_t i = 0; i < keys->chunks; i++)
		free(keys->chunk[i]);
	free(keys->chunk);
	free(keys->key);
}

static bool is_mark(med_str_t rest)
{
	return med_str_eq(rest, MED_STR("applied")) || med_str_eq(rest, MED_STR("applying"));
}

/* A key with our prefix: an object's, one of our own marks, or a stray. */
static bool take_key(
		const medctl_t *m, const redis_reading_t *reading, keys_t *keys, med_str_t text)
{
	med_str_t rest = {text.s + m->prefix.len, text.len - m->prefix.len}, name = rest;
	const char *colon;
	enum med_kind kind;

	if(text.len < m->prefix.len || memcmp(text.s, m->prefix.s, m->prefix.len) != 0)
		return true;
	colon = rest.len == 0 ? NULL : memchr(rest.s, ':', rest.len);
	name.len = colon == NULL ? rest.len : (size_t)(colon - rest.s);
	if(colon == NULL || med_kind_parse(name, &kind) != MED_EOK) {
		if(!is_mark(rest) && reading->stray != NULL)
			reading->stray(reading->ctx, rest);
		return true;
	}
	if((reading->kind >= 0 && (int)kind != reading->kind)
			|| (reading->skip != NULL
					&& reading->skip(reading->ctx, kind,
							(med_str_t){
									colon + 1, (size_t)(text.s + text.len - colon - 1)})))
		return true;
	return keep_key(keys,
			(listed_t){.s = text.s,
					.len = (uint32_t)text.len,
					.skip = (uint32_t)(colon + 1 - text.s),
					.rank = (uint8_t)kind_rank(kind)});
}

/* MATCH takes patterns: the prefix stands for itself. */
static void match_text(const medctl_t *m, int kind, char *out, size_t size)
{
	size_t used = 0;

	for(size_t i = 0; i < m->prefix.len && used + 40 < size; i++) {
		if(strchr("*?[]^\\-", m->prefix.s[i]) != NULL)
			out[used++] = '\\';
		out[used++] = m->prefix.s[i];
	}
	(void)snprintf(out + used, size - used, "%s%s",
			kind >= 0 ? med_kind_name((enum med_kind)kind) : "", kind >= 0 ? ":*" : "*");
}

static int list_keys(medctl_t *m, const redis_reading_t *reading, keys_t *keys)
{
	char cursor[32] = "0", match[1200];
	out_progress_t bar;
	int rc = MEDCTL_OK;

	match_text(m, reading->kind, match, sizeof(match));
	out_progress_begin(&bar, m, "listing", 0);
	do {
		med_reply_t *reply = NULL;
		if(medctl_send(m, "SCAN", cursor, "MATCH", match, "COUNT", SCAN_COUNT, NULL))
			reply = medctl_reply(m);
		if(reply == NULL || reply->count != 2) {
			med_reply_free(reply);
			rc = MEDCTL_FAILED;
			break;
		}
		(void)snprintf(
				cursor, sizeof(cursor), "%.*s", MED_STR_FMT(reply->element[0].str));
		for(size_t i = 0; i < reply->element[1].count && rc == MEDCTL_OK; i++) {
			if(!take_key(m, reading, keys, reply->element[1].element[i].str)) {
				out_error("out of memory");
				rc = MEDCTL_FAILED;
			}
		}
		med_reply_free(reply);
		out_progress(&bar, keys->count);
	} while(rc == MEDCTL_OK && strcmp(cursor, "0") != 0 && !medctl_interrupted());
	out_progress_end(&bar);
	return medctl_interrupted() ? MEDCTL_FAILED : rc;
}

static int compare_keys(const void *a, const void *b)
{
	const listed_t *x = a, *y = b;
	size_t len = x->len < y->len ? x->len : y->len;
	int order;

	if(x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	order = memcmp(x->s, y->s, len);
	return order != 0 ? order : x->len < y->len ? -1 : x->len > y->len;
}

/* ---- what they hold -------------------------------------------------------------------
 */

static int tell_reply(const redis_reading_t *reading, enum med_kind kind, med_str_t id,
		const med_reply_t *reply)
{
	static med_field_t fields[MED_FILE_FIELDS_MAX];
	redis_object_t object = {.kind = kind, .id = id, .fields = fields};
	char text[160];

	if(reply->type == MED_REPLY_ERROR && strncmp(reply->str.s, "WRONGTYPE", 9) != 0) {
		out_error("%.*s%s", MED_STR_FMT(reply->str), medctl_remedy(reply->str.s));
		return MEDCTL_FAILED;
	}
	if(reply->type == MED_REPLY_ERROR) {
		object.text = "its key is no hash; delete it and write it with HSET";
	} else if(reply->count / 2 > MED_FILE_FIELDS_MAX) {
		(void)snprintf(text, sizeof(text), "%zu fields; at most %d are allowed",
				reply->count / 2, MED_FILE_FIELDS_MAX);
		object.text = text;
	} else {
		for(size_t i = 0; i + 1 < reply->count; i += 2)
			fields[object.count++] =
					(med_field_t){reply->element[i].str, reply->element[i + 1].str};
	}
	return reading->object(reading->ctx, &object);
}

/* An error of Redis is an answer here. */
static med_reply_t *next_reply(medctl_t *m)
{
	med_errbuf_t err = {""};
	med_reply_t *reply = NULL;

	if(med_client_reply(m->client, &reply, &err) != MED_EOK)
		out_error("%s", err.text);
	return reply;
}

static int tell_key(medctl_t *m, const redis_reading_t *reading, const listed_t *key)
{
	med_reply_t *reply = next_reply(m);
	int rc = MEDCTL_OK;

	if(reply == NULL)
		return MEDCTL_FAILED;
	/* gone since it was listed */
	if(reply->type != MED_REPLY_ARRAY || reply->count > 0)
		rc = tell_reply(reading, kind_order[key->rank],
				(med_str_t){key->s + key->skip, key->len - key->skip}, reply);
	med_reply_free(reply);
	return rc;
}

static int read_keys(medctl_t *m, const redis_reading_t *reading, const keys_t *keys)
{
	out_progress_t bar;
	size_t asked = 0, told = 0;
	int rc = MEDCTL_OK;

	out_progress_begin(&bar, m, "reading", keys->count);
	while(told < keys->count && rc == MEDCTL_OK && !medctl_interrupted()) {
		while(asked < keys->count && asked - told < WINDOW) {
			med_str_t words[2] = {
					MED_STR("HGETALL"), {keys->key[asked].s, keys->key[asked].len}};
			if(!medctl_send_words(m, 2, words))
				return MEDCTL_FAILED;
			asked++;
		}
		rc = tell_key(m, reading, &keys->key[told++]);
		out_progress(&bar, told);
	}
	out_progress_end(&bar);
	while(told < asked && rc != MEDCTL_FAILED) { /* what was asked in vain */
		med_reply_t *reply = next_reply(m);
		if(reply == NULL)
			rc = MEDCTL_FAILED;
		med_reply_free(reply);
		told++;
	}
	return medctl_interrupted() ? MEDCTL_FAILED : rc;
}

/* SCAN may name a key twice. */
static void drop_doubles(keys_t *keys)
{
	size_t kept = 0;

	for(size_t i = 0; i < keys->count; i++) {
		if(kept == 0 || compare_keys(&keys->key[kept - 1], &keys->key[i]) != 0)
			keys->key[kept++] = keys->key[i];
	}
	keys->count = kept;
}

int redis_each(medctl_t *m, const redis_reading_t *reading)
{
	keys_t keys = {0};
	int rc = list_keys(m, reading, &keys);

	if(rc == MEDCTL_OK && keys.count > 0) {
		qsort(keys.key, keys.count, sizeof *keys.key, compare_keys);
		drop_doubles(&keys);
		rc = read_keys(m, reading, &keys);
	}
	if(medctl_interrupted())
		out_error("interrupted; nothing was written");
	free_keys(&keys);
	return rc;
}

int redis_one(medctl_t *m, enum med_kind kind, med_str_t id,
		int (*object)(void *ctx, const redis_object_t *object), void *ctx)
{
	redis_reading_t reading = {.object = object, .ctx = ctx};
	med_str_t words[2] = {MED_STR("HGETALL")};
	char text[KEY_BYTES];
	med_reply_t *reply;
	int rc;

	if(!redis_key(m, kind, id, text, sizeof(text), &words[1])) {
		out_error("the key is too long");
		return MEDCTL_FAILED;
	}
	if(!medctl_send_words(m, 2, words))
		return MEDCTL_FAILED;
	reply = next_reply(m);
	if(reply == NULL)
		return MEDCTL_FAILED;
	rc = tell_reply(&reading, kind, id, reply);
	med_reply_free(reply);
	return rc;
}
