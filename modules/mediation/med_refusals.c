/**
 * med_refusals.c - what is refused now: logged once, listed in the status
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_refusals.h"

#include "med_compat.h"
#include "med_stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX 256   /* keys that are no objects; more are neither shown nor counted */
#define LOGGED_MAX 100 /* lines of one commit */

static struct {
	char name[96];
	uint64_t hash; /* of the whole key */
	char text[256];
} keys[KEYS_MAX];
static unsigned key_count;

/** Hashes of "kind:id text" of what was refused at the last and at this commit. */
static uint64_t *known, *now;
static size_t known_count, now_count, now_cap;

static unsigned find_key(uint64_t hash)
{
	unsigned i = 0;

	while(i < key_count && keys[i].hash != hash)
		i++;
	return i;
}

static void printable(char *text)
{
	for(char *c = text; *c; c++)
		if((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
}

void med_refusals_stray(med_str_t key, const char *text)
{
	uint64_t hash = med_hash(key.s, key.len);
	unsigned i = find_key(hash);

	if(!text) {
		if(i < key_count)
			keys[i] = keys[--key_count];
		return;
	}
	if(i == KEYS_MAX)
		return;
	if(i == key_count)
		key_count++;
	keys[i].hash = hash;
	snprintf(keys[i].name, sizeof keys[i].name, "%.*s", key.len < 95 ? (int)key.len : 95,
			key.s);
	printable(keys[i].name);
	snprintf(keys[i].text, sizeof keys[i].text, "%s", text);
}

void med_refusals_forget_strays(void)
{
	key_count = 0;
}

static int compare(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return x < y ? -1 : x > y;
}

/** Was it refused for the same reason at the last commit? Remembers it for the next. */
static bool seen(uint64_t hash)
{
	uint64_t *more;

	if(now_count == now_cap) {
		size_t cap = now_cap ? now_cap * 2 : 64;
		more = realloc(now, cap * sizeof *more);
		if(!more)
			return true; /* better not logged than logged at every commit */
		now = more;
		now_cap = cap;
	}
	now[now_count++] = hash;
	return known && bsearch(&hash, known, known_count, sizeof hash, compare) != NULL;
}

struct collect {
	med_status_t *status;
	unsigned fresh;
};

static void add(struct collect *c, const char *object, const char *text)
{
	med_status_t *s = c->status;
	med_status_refused_t *r;

	s->refused_total++;
	if(s->refused_count < MED_STATUS_REFUSED) {
		r = &s->refused[s->refused_count++];
		snprintf(r->object, sizeof r->object, "%s", object);
		snprintf(r->text, sizeof r->text, "%s", text);
	}
	if(seen(med_hash(object, strlen(object)) * 31 + med_hash(text, strlen(text))))
		return;
	med_stats_inc(MED_STAT_OBJECTS_REFUSED);
	if(c->fresh++ < LOGGED_MAX)
		LM_WARN("refused: %s\n", text);
}

static void add_object(void *ctx, enum med_kind kind, med_str_t id, const char *text)
{
	char object[96], clean[256];

	snprintf(object, sizeof object, "%s:%.*s", med_kind_name(kind),
			id.len < 80 ? (int)id.len : 80, id.s);
	printable(object);
	snprintf(clean, sizeof clean, "%s", text);
	printable(clean);
	add(ctx, object, clean);
}

void med_refusals_collect(const med_config_t *config, med_status_t *status)
{
	struct collect c = {.status = status};
	uint64_t *swap = known;

	status->refused_total = status->refused_count = 0;
	now_count = 0;
	for(unsigned i = 0; i < key_count; i++)
		add(&c, keys[i].name, keys[i].text);
	med_config_refused(config, add_object, &c);
	if(c.fresh > LOGGED_MAX)
		LM_WARN("and %u more objects are refused: see RPC mediation.status\n",
				c.fresh - LOGGED_MAX);
	if(now_count)
		qsort(now, now_count, sizeof *now, compare);
	/* `now` keeps its capacity as `known`, and the other way round, by starting anew */
	known = now;
	known_count = now_count;
	free(swap);
	now = NULL;
	now_cap = 0;
}
