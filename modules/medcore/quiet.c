/**
 * quiet.c - who has been told of already
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "medcore/quiet.h"

#define GET(at) __atomic_load_n(&(at), __ATOMIC_RELAXED)
#define SET(at, value) __atomic_store_n(&(at), (value), __ATOMIC_RELAXED)
#define ADD(at) __atomic_add_fetch(&(at), 1, __ATOMIC_RELAXED)

static bool second_is_full(med_quiet_t *quiet, uint32_t now_s)
{
	if(GET(quiet->second) != now_s) {
		SET(quiet->second, now_s);
		SET(quiet->lines, 0);
	}
	return ADD(quiet->lines) > MED_QUIET_LINES;
}

bool med_quiet_tells(med_quiet_t *quiet, uint64_t source, uint32_t now_s,
		uint32_t interval_s, uint32_t *more)
{
	size_t at = (size_t)(source % MED_QUIET_PLACES);
	bool known = GET(quiet->place[at].source) == source;

	*more = 0;
	if(known && now_s - GET(quiet->place[at].told_s) < interval_s) {
		(void)ADD(quiet->place[at].more);
		return false;
	}
	if(second_is_full(quiet, now_s)) {
		if(known)
			(void)ADD(quiet->place[at].more);
		return false;
	}
	if(known)
		*more = __atomic_exchange_n(&quiet->place[at].more, 0, __ATOMIC_RELAXED);
	else
		SET(quiet->place[at].more, 0);
	SET(quiet->place[at].source, source);
	SET(quiet->place[at].told_s, now_s);
	return true;
}
