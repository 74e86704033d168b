/**
 * med_events.c - what happened to this node's configuration, as a stream in Redis
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_events.h"

#include "med_params.h"
#include "med_stats.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#define WAITING 32 /* that the connection was lost is told when it is back */

static struct {
	long long at;
	char event[24], text[400];
} ring[WAITING];
static unsigned first, count;
static unsigned long lost; /* that nobody was told of */

void med_event(const char *event, const char *fmt, ...)
{
	unsigned i = (first + count) % WAITING;
	va_list args;

	if(!med_param_events)
		return;
	if(count == WAITING) {
		first = (first + 1) % WAITING;
		med_events_lost(1);
	} else {
		count++;
	}
	ring[i].at = (long long)time(NULL);
	snprintf(ring[i].event, sizeof ring[i].event, "%s", event);
	va_start(args, fmt);
	vsnprintf(ring[i].text, sizeof ring[i].text, fmt, args);
	va_end(args);
}

void med_events_lost(unsigned many)
{
	if(!med_param_events)
		return;
	lost += many;
	med_stats_add(MED_STAT_EVENTS_LOST, many);
}

static int put(med_store_t *store, const char *prefix, const char *node, long long at,
		const char *event, const char *text)
{
	char key[256], moment[32];
	time_t when = (time_t)at;
	struct tm tm;

	snprintf(key, sizeof key, "%sevents", prefix);
	if(!gmtime_r(&when, &tm)
			|| !strftime(moment, sizeof moment, "%Y-%m-%dT%H:%M:%SZ", &tm))
		moment[0] = '\0';
	return med_store_event(store, key,
			(med_field_t[]){{MED_STR("node"), med_str(node)},
					{MED_STR("at"), med_str(moment)}, {MED_STR("event"), med_str(event)},
					{MED_STR("text"), med_str(text)}},
			4);
}

void med_events_flush(med_store_t *store, const char *prefix, const char *node)
{
	char text[80];

	if(count && lost) {
		snprintf(text, sizeof text, "%lu events before the next one are missing", lost);
		if(put(store, prefix, node, ring[first].at, "events_lost", text) != MED_EOK)
			return;
		lost = 0;
	}
	for(; count; count--) {
		if(put(store, prefix, node, ring[first].at, ring[first].event, ring[first].text)
				!= MED_EOK)
			return;
		first = (first + 1) % WAITING;
	}
}

bool med_events_full(void)
{
	return count == WAITING;
}

bool med_events_wait(void)
{
	return count > 0;
}
