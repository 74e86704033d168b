/**
 * store_marks.c - keys beside the objects: `applied`, `applying`; is this Redis fit
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "medcore/store_priv.h"

#include <stdio.h>
#include <string.h>

#define NO_TEXT "(not a string)"

static bool is_mark(const med_store_t *store, med_str_t key, const char *name)
{
	size_t len = strlen(name);

	return key.len == store->prefix_len + len
			&& memcmp(key.s, store->prefix, store->prefix_len) == 0
			&& memcmp(key.s + store->prefix_len, name, len) == 0;
}

bool med_store_is_applying(const med_store_t *store, med_str_t key)
{
	return is_mark(store, key, "applying");
}

bool med_store_is_mark(const med_store_t *store, med_str_t key)
{
	return is_mark(store, key, "applied") || is_mark(store, key, "applying");
}

static med_str_t mark_value(const med_store_mark_t *mark)
{
	return (med_str_t){mark->text, mark->len};
}

static void mark_set(med_store_mark_t *mark, med_str_t value)
{
	mark->len = value.len < sizeof mark->text ? value.len : sizeof mark->text;
	if(mark->len)
		memcpy(mark->text, value.s, mark->len);
}

int med_store_ask_mark(med_store_t *store, enum tag tag, med_str_t key)
{
	char last[16];
	/* not GET: whoever wrote it may have written gigabytes; and absent is "" */
	med_str_t argv[4] = {MED_STR("GETRANGE"), key, MED_STR("0"), {last, 0}};

	argv[3].len = (size_t)snprintf(last, sizeof last, "%d", MED_STORE_MARK_MAX - 1);
	return med_store_ask(store, &store->data, tag, key, 4, argv);
}

int med_store_ask_marks(med_store_t *store)
{
	static const char *const names[] = {"applied", "applying"};
	char key[300];

	store->mark_changed = false;
	for(size_t i = 0; i < sizeof names / sizeof *names; i++) {
		int len = snprintf(key, sizeof key, "%s%s", store->prefix, names[i]);
		if(med_store_ask_mark(store, TAG_MARK, (med_str_t){key, (size_t)len}))
			return -1;
		store->gets++;
	}
	return 0;
}

/** The writer named by `applying`: is it waited for? */
static void on_applying(med_store_t *store, med_str_t value)
{
	med_str_t told = mark_value(&store->who);

	if(value.len == 0)
		store->ended.len = 0; /* whoever writes the same name again has just begun */
	store->held = value.len && !med_str_eq(value, mark_value(&store->ended));
	if(!store->held)
		value.len = 0;
	if(med_str_eq(value, told))
		return;
	mark_set(&store->who, value);
	store->handler.applying(store->handler.ctx, mark_value(&store->who));
}

void med_store_end_wait(med_store_t *store)
{
	if(store->who.len == 0)
		return;
	store->ended = store->who;
	store->held = false;
}

bool med_store_on_mark(med_store_t *store, med_str_t key, redisReply *reply)
{
	med_str_t value = {0};

	if(reply->type == REDIS_REPLY_STRING)
		value = (med_str_t){reply->str, reply->len};
	else if(med_store_is_error(reply, "WRONGTYPE"))
		value = MED_STR(NO_TEXT);
	else
		return false;
	if(med_store_is_applying(store, key))
		on_applying(store, value);
	else
		mark_set(&store->applied, value);
	return true;
}

med_str_t med_store_applied(const med_store_t *store)
{
	return mark_value(&store->applied);
}

void med_store_tell_held(med_store_t *store)
{
	char text[256], who[50];

	snprintf(who, sizeof who, "%.*s",
			(int)(store->who.len < sizeof who ? store->who.len : sizeof who - 1),
			store->who.text);
	med_store_printable(who);
	snprintf(text, sizeof text,
			"%.70s: all read, but '%s' is still writing (key %.30sapplying); "
			"mediation.reload takes it as it is",
			store->url.shown, who, store->prefix);
	if(strcmp(text, store->text) != 0)
		store->text[0] = '\0'; /* told at once, though the state is the same */
	med_store_tell(store, MED_STORE_LOADING, text);
}

/* ---- is this Redis fit to hold a configuration ---- */

void med_store_on_info(med_store_t *store, const redisReply *reply)
{
	static const char field[] = "\nmaxmemory_policy:";
	char text[256] = "", policy[32];
	const char *at;
	bool fit;

	/* an ACL may forbid INFO: then it is not known, and nothing is said */
	at = reply->type == REDIS_REPLY_STRING ? strstr(reply->str, field) : NULL;
	if(!at)
		return;
	at += sizeof field - 1;
	snprintf(policy, sizeof policy, "%.*s", (int)strcspn(at, "\r\n"), at);
	med_store_printable(policy);
	fit = strcmp(policy, "noeviction") == 0;
	if(fit != store->unfit)
		return;
	store->unfit = !fit;
	snprintf(text, sizeof text,
			"%.120s: maxmemory-policy is %s: short of memory, Redis would delete "
			"configuration; set it to noeviction",
			store->url.shown, policy);
	store->handler.unfit(store->handler.ctx, fit ? NULL : text);
}
