/**
 * guard.c - how many calls are too many
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>

#include "medcore/guard.h"
#include "medcore/snapshot.h"

#define GET(at) __atomic_load_n(&(at), __ATOMIC_RELAXED)
#define SET(at, value) __atomic_store_n(&(at), (value), __ATOMIC_RELAXED)

static uint64_t add(uint64_t hash, const char *s, size_t len)
{
	return med_mix(hash * 31 + med_hash(s, len));
}

uint64_t med_guard_key(const med_guard_t *guard, const med_number_t *caller,
		const med_number_t *called, med_str_t trunk)
{
	uint64_t hash = med_hash(guard->id.s, guard->id.len);
	size_t digits = guard->destination_digits
			+ (called->len > 0 && called->s[0] == '+' ? 1u : 0u);

	if(guard->per == MED_PER_CALLER || guard->per == MED_PER_CALLER_AND_DESTINATION)
		hash = add(hash, caller->s, caller->len);
	if(guard->per == MED_PER_DESTINATION || guard->per == MED_PER_CALLER_AND_DESTINATION)
		hash = add(hash, called->s, called->len < digits ? called->len : digits);
	if(guard->per == MED_PER_TRUNK)
		hash = add(hash, trunk.s, trunk.len);
	return hash | 1;
}

bool med_guard_watches(const med_guard_t *guard, med_str_t usage)
{
	for(size_t i = 0; i < guard->usage_count; i++) {
		if(med_str_eq(guard->usages[i], usage))
			return true;
	}
	return guard->usage_count == 0;
}

/* Its own, or one that is free, or the one that was used longest ago. */
static med_guard_place_t *place_of(med_guard_table_t *table, uint64_t key, uint32_t now_s)
{
	uint32_t first = (uint32_t)(key % (table->places / MED_GUARD_WAYS)) * MED_GUARD_WAYS;
	med_guard_place_t *oldest = &table->place[first];

	for(uint32_t i = 0; i < MED_GUARD_WAYS; i++) {
		med_guard_place_t *place = &table->place[first + i];
		if(GET(place->key) == key)
			return place;
		if(GET(place->since_s) < GET(oldest->since_s))
			oldest = place;
	}
	SET(oldest->key, key);
	SET(oldest->since_s, now_s);
	SET(oldest->count, 0);
	SET(oldest->before, 0);
	SET(oldest->blocked_until_s, 0);
	SET(oldest->told_s, 0);
	return oldest;
}

/* The window moves on: what it had becomes what was before, or nothing. */
static void move_on(med_guard_place_t *place, uint32_t window_s, uint32_t now_s)
{
	uint32_t since = GET(place->since_s), passed = now_s - since;

	if(passed < window_s)
		return;
	/* one of several that come here at once */
	if(!__atomic_compare_exchange_n(&place->since_s, &since,
			   passed < 2 * window_s ? since + window_s : now_s, false, __ATOMIC_RELAXED,
			   __ATOMIC_RELAXED))
		return;
	SET(place->before, passed < 2 * window_s ? GET(place->count) : 0);
	SET(place->count, 0);
}

enum med_guarded med_guard_count(
		med_guard_table_t *table, const med_guard_t *guard, uint64_t key, uint32_t now_s)
{
	med_guard_place_t *place = place_of(table, key, now_s);
	uint32_t blocked, told;
	uint64_t passed, had;

	move_on(place, guard->window_s, now_s);
	blocked = GET(place->blocked_until_s);
	if(blocked <= now_s) {
		passed = now_s - GET(place->since_s);
		/* upwards: one too many is refused rather than let through */
		had = passed < guard->window_s
				? ((uint64_t)GET(place->before) * (guard->window_s - passed)
						  + guard->window_s - 1)
						/ guard->window_s
				: 0;
		if(had + GET(place->count) < guard->max_calls) {
			(void)__atomic_add_fetch(&place->count, 1, __ATOMIC_RELAXED);
			return MED_GUARD_LETS;
		}
		if(guard->block_s > 0)
			SET(place->blocked_until_s, now_s + guard->block_s);
	}
	told = GET(place->told_s);
	if(told != 0 && now_s - told < guard->window_s)
		return MED_GUARD_REFUSES;
	SET(place->told_s, now_s);
	return MED_GUARD_TELLS;
}
