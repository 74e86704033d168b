/**
 * zone.c - the clock of a place
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>

#include <glib.h>

#include "medcore/zone.h"

#define WEEK ((int64_t)7 * 86400)

static GTimeZone *zone_open(med_str_t name)
{
	char text[80];

	if(name.len == 0 || name.len >= sizeof(text))
		return NULL;
	memcpy(text, name.s, name.len);
	text[name.len] = '\0';
	return g_time_zone_new_identifier(text);
}

bool med_zone_known(med_str_t name)
{
	GTimeZone *zone = zone_open(name);

	if(zone != NULL)
		g_time_zone_unref(zone);
	return zone != NULL;
}

static int32_t offset_at(GTimeZone *zone, int64_t utc)
{
	return g_time_zone_get_offset(
			zone, g_time_zone_find_interval(zone, G_TIME_TYPE_UNIVERSAL, utc));
}

/* The first moment of the new clock: the old one is kept at @p before, not at @p after.
 */
static int64_t change_between(GTimeZone *zone, int64_t before, int64_t after)
{
	int32_t old = offset_at(zone, before);

	while(after - before > 1) {
		int64_t middle = before + (after - before) / 2;
		if(offset_at(zone, middle) == old)
			before = middle;
		else
			after = middle;
	}
	return after;
}

size_t med_zone_shifts(med_str_t name, int64_t from, int64_t to, med_shift_t *shifts)
{
	GTimeZone *zone = zone_open(name);
	size_t count = 0;

	if(zone == NULL)
		return 0;
	shifts[count++] = (med_shift_t){from, offset_at(zone, from)};
	/* No clock is changed twice within a week. */
	for(int64_t at = from; at < to && count < MED_SHIFTS_MAX; at += WEEK) {
		int32_t offset = offset_at(zone, at + WEEK);
		if(offset != shifts[count - 1].offset)
			shifts[count++] = (med_shift_t){change_between(zone, at, at + WEEK), offset};
	}
	g_time_zone_unref(zone);
	return count;
}
