/**
 * med_refusals.c - what is refused now: logged once, listed in the status
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_refusals.h"

#include "med_compat.h"
#include "med_events.h"
#include "med_stats.h"

#include <stdio.h>
#include <string.h>

#define KEYS_MAX 256   /* keys that are no objects; more are neither shown nor counted */
#define LOGGED_MAX 100 /* lines of one commit */
#define PART 100       /* objects looked at in one part: some 200 microseconds */

static struct {
	char name[96];
	uint64_t hash; /* of the whole key */
	char text[256];
	bool told;   /* logged with this text */
	bool marked; /* not told again yet */
} keys[KEYS_MAX];
static unsigned key_count;

/** Collected so far. */
static struct {
	unsigned fresh;
	med_status_faults_t faults;
} now[MED_WARNED + 1];

static char first_refused[256]; /* of what is fresh */

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
	if(i == key_count) {
		key_count++;
		keys[i].told = false;
	} else if(strcmp(keys[i].text, text) != 0) {
		keys[i].told = false;
	}
	keys[i].hash = hash;
	keys[i].marked = false;
	snprintf(keys[i].name, sizeof keys[i].name, "%.*s", key.len < 95 ? (int)key.len : 95,
			key.s);
	printable(keys[i].name);
	snprintf(keys[i].text, sizeof keys[i].text, "%s", text);
}

void med_refusals_mark_strays(void)
{
	for(unsigned i = 0; i < key_count; i++)
		keys[i].marked = true;
}

void med_refusals_sweep_strays(void)
{
	for(unsigned i = 0; i < key_count;) {
		if(keys[i].marked)
			keys[i] = keys[--key_count];
		else
			i++;
	}
}

static void add(
		enum med_severity severity, const char *object, const char *text, bool fresh)
{
	med_status_faults_t *faults = &now[severity].faults;
	med_status_fault_t *f;

	faults->total++;
	if(faults->count < MED_STATUS_SHOWN) {
		f = &faults->item[faults->count++];
		snprintf(f->object, sizeof f->object, "%s", object);
		snprintf(f->text, sizeof f->text, "%s", text);
	}
	if(!fresh)
		return;
	if(severity == MED_REFUSED) {
		med_stats_inc(MED_STAT_OBJECTS_REFUSED);
		if(!now[severity].fresh)
			snprintf(first_refused, sizeof first_refused, "%s", text);
	}
	if(now[severity].fresh++ < LOGGED_MAX)
		LM_WARN("%s: %s\n", med_status_severity_name(severity), text);
}

static void add_object(void *ctx, enum med_severity severity, enum med_kind kind,
		med_str_t id, const char *text, bool fresh)
{
	char object[96] = "", clean[256] = "";

	(void)ctx;
	/* most of what is much is neither shown nor logged */
	if(now[severity].faults.count < MED_STATUS_SHOWN
			|| (fresh && now[severity].fresh < LOGGED_MAX)) {
		snprintf(object, sizeof object, "%s:%.*s", med_kind_name(kind),
				id.len < 80 ? (int)id.len : 80, id.s);
		printable(object);
		snprintf(clean, sizeof clean, "%s", text);
		printable(clean);
	}
	add(severity, object, clean, fresh);
}

static void add_keys(void)
{
	for(unsigned i = 0; i < key_count; i++) {
		add(MED_REFUSED, keys[i].name, keys[i].text, !keys[i].told);
		keys[i].told = true;
	}
}

/** What is new of the refusals, as one event. */
static void tell_refusals(unsigned before)
{
	const unsigned fresh = now[MED_REFUSED].fresh, total = now[MED_REFUSED].faults.total;

	if(fresh)
		med_event("refused", "%s%s", first_refused, fresh > 1 ? "; and others" : "");
	else if(before && !total)
		med_event("mended", "nothing is refused any more");
}

bool med_refusals_collect(med_config_t *config, bool again, med_status_t *status)
{
	if(again) {
		for(int i = MED_REFUSED; i <= MED_WARNED; i++)
			now[i].faults.total = now[i].faults.count = now[i].fresh = 0;
		add_keys();
	}
	if(med_config_refused_part(config, again, PART, add_object, NULL))
		return true;
	tell_refusals(status->faults[MED_REFUSED].total);
	for(int i = MED_REFUSED; i <= MED_WARNED; i++) {
		if(now[i].fresh > LOGGED_MAX)
			LM_WARN("and %u more objects are %s: see RPC mediation.status\n",
					now[i].fresh - LOGGED_MAX,
					med_status_severity_name((enum med_severity)i));
		status->faults[i].total = now[i].faults.total;
		status->faults[i].count = now[i].faults.count;
		memcpy(status->faults[i].item, now[i].faults.item,
				now[i].faults.count * sizeof now[i].faults.item[0]);
	}
	return false;
}
