/**
 * med_hold.c - a configuration that suddenly shrinks is held back until it is confirmed
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_hold.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static struct {
	bool reading;                  /**< everything is being told */
	size_t before[MED_KIND_COUNT]; /**< objects when that began */
} own;

void med_hold_begin(const med_config_t *config)
{
	if(own.reading)
		return; /* it begins again: what was told in between does not count */
	own.reading = true;
	for(int k = 0; k < MED_KIND_COUNT; k++)
		own.before[k] = med_config_count(config, (enum med_kind)k);
}

static void name_of(char *out, size_t size, enum med_kind kind, med_str_t id)
{
	snprintf(out, size, "%s:%.*s", med_kind_name(kind), id.len < 80 ? (int)id.len : 80,
			id.s);
}

static void add(void *ctx, enum med_kind kind, med_str_t id)
{
	med_held_t *held = ctx;

	held->total++;
	held->count[kind]++;
	if(held->shown < MED_HELD_SHOWN)
		name_of(held->object[held->shown++], sizeof held->object[0], kind, id);
}

void med_hold_told(
		const med_config_t *config, med_held_t *held, enum med_kind kind, med_str_t id)
{
	char name[sizeof held->object[0]];

	if(!held->since || own.reading || !med_config_is_stale(config, kind, id))
		return;
	held->total--;
	held->count[kind]--;
	name_of(name, sizeof name, kind, id);
	for(unsigned i = 0; i < held->shown; i++) {
		if(strcmp(held->object[i], name) != 0)
			continue;
		held->shown--;
		memmove(held->object[i], held->object[held->shown], sizeof held->object[0]);
		return;
	}
}

/** Would all of a kind go, or too many of what carries calls? */
static bool is_shrink(const med_config_t *config, const med_held_t *gone, int max_shrink,
		const unsigned *in_force)
{
	for(int k = 0; k < MED_KIND_COUNT; k++) {
		size_t before = own.before[k], less = gone->count[k];
		bool carries = k == MED_KIND_TRUNK || k == MED_KIND_ROUTE;
		if(in_force) {
			size_t left = med_config_count(config, (enum med_kind)k) - less;
			before = in_force[k];
			less = before > left ? before - left : 0;
		}
		if(less && less >= before)
			return true;
		if(carries && less * 100ull > before * (unsigned)max_shrink)
			return true;
	}
	return false;
}

static void describe(med_held_t *held)
{
	size_t len = (size_t)snprintf(
			held->text, sizeof held->text, "no longer in Redis, but kept in force:");

	for(int k = 0; k < MED_KIND_COUNT; k++)
		if(held->count[k])
			len += (size_t)snprintf(held->text + len, sizeof held->text - len,
					" %s %u of %zu,", med_kind_name((enum med_kind)k), held->count[k],
					own.before[k]);
	snprintf(held->text + len, sizeof held->text - len,
			" in all %u. Is it the right server and database, with its data? If they are "
			"meant to go: mediation.reload, or medctl apply",
			held->total);
}

bool med_hold_allows(const med_config_t *config, int max_shrink, bool confirmed,
		const unsigned *in_force, med_held_t *held)
{
	med_held_t gone = {0};
	bool reading = own.reading;

	own.reading = false;
	if(confirmed || max_shrink >= 100
			|| !med_config_stale(config, add, &gone)
			/* once held, half of it being there again is no consent to lose the rest */
			|| (reading && !held->since
					&& !is_shrink(config, &gone, max_shrink, in_force))) {
		*held = (med_held_t){0};
		return true;
	}
	gone.since = held->since ? held->since : (long long)time(NULL);
	*held = gone;
	describe(held);
	return false;
}

static bool is_timed(const char *token)
{
	return strlen(token) == 32 && strspn(token, "0123456789abcdef") == 32;
}

bool med_hold_is_later(const char *token, const char *last)
{
	int order = strcmp(token, last);

	return token[0] && (is_timed(token) && is_timed(last) ? order > 0 : order != 0);
}

bool med_hold_is_over(med_held_t *held)
{
	if(!held->since || held->total || own.reading)
		return false;
	*held = (med_held_t){0};
	return true;
}
