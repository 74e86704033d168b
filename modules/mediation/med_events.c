/**
 * med_events.c - what happened to this node's configuration, as a stream in Redis
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_events.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#define WAITING 32 /* that the connection was lost is told when it is back */

static struct {
	long long at;
	char event[24], text[400];
} ring[WAITING];
static unsigned first, count;

void med_event(const char *event, const char *fmt, ...)
{
	unsigned i = (first + count) % WAITING;
	va_list args;

	if(count == WAITING)
		first = (first + 1) % WAITING;
	else
		count++;
	ring[i].at = (long long)time(NULL);
	snprintf(ring[i].event, sizeof ring[i].event, "%s", event);
	va_start(args, fmt);
	vsnprintf(ring[i].text, sizeof ring[i].text, fmt, args);
	va_end(args);
}

void med_events_flush(med_store_t *store, const char *prefix, const char *node)
{
	char key[256], at[32];
	struct tm tm;
	time_t when;

	snprintf(key, sizeof key, "%sevents", prefix);
	for(; count; count--) {
		when = (time_t)ring[first].at;
		if(!gmtime_r(&when, &tm) || !strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%SZ", &tm))
			at[0] = '\0';
		if(med_store_event(store, key,
				   (med_field_t[]){{MED_STR("node"), med_str(node)},
						   {MED_STR("at"), med_str(at)},
						   {MED_STR("event"), med_str(ring[first].event)},
						   {MED_STR("text"), med_str(ring[first].text)}},
				   4)
				!= MED_EOK)
			return;
		first = (first + 1) % WAITING;
	}
}

bool med_events_wait(void)
{
	return count > 0;
}
