/**
 * decide.h - the data set of the decide benchmark, and a plain matcher to compare with
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef DECIDE_H
#define DECIDE_H

#include "medcore/select.h"

#define DECIDE_USAGES 200
#define DECIDE_SITES 50
#define DECIDE_SITE_USAGES 5 /* usages of a trunk, by its site's profile */
#define DECIDE_CALLS 10000
#define DECIDE_PCRE 50
#define DECIDE_DIAL_RULES 8
#define DECIDE_OUT_RULES 6
#define DECIDE_NUMBER 24

/** As small as can be: there are a million of them. */
typedef struct decide_route {
	char pattern[48];
	char prefix[12]; /* literal digits a number that matches begins with */
	uint8_t length;  /* digits of such a number; 0: a pattern without prefix */
	uint8_t usage, priority, trunk_count;
	uint16_t trunk[4];
	uint8_t weight[4];
} decide_route_t;

typedef struct decide_call {
	uint16_t trunk; /* it arrives on */
	char dialled[DECIDE_NUMBER], called[DECIDE_NUMBER], calling[DECIDE_NUMBER];
	bool nothing; /* made to match no route of its usages */
} decide_call_t;

typedef struct decide_set {
	size_t routes, trunks;
	decide_route_t *route;
	uint32_t *order[DECIDE_USAGES]; /* routes of a usage by priority and id */
	size_t order_count[DECIDE_USAGES];
	uint8_t site_usage[DECIDE_SITES][DECIDE_SITE_USAGES];
	decide_call_t call[DECIDE_CALLS];
} decide_set_t;

extern const char *const decide_dial_rules[DECIDE_DIAL_RULES];
extern const char *const decide_out_rules[DECIDE_OUT_RULES];

/** The same for the same sizes, always. Exits when memory is short. */
decide_set_t *decide_set_new(size_t routes, size_t trunks);
void decide_set_free(decide_set_t *set);
/** All routes in one usage that all trunks have. */
void decide_set_one_usage(decide_set_t *set);
/** Again, after priorities changed. */
void decide_set_order(decide_set_t *set);

/** A third are PBXs; the others may call these alone. */
static inline bool decide_trunk_is_pstn(size_t trunk)
{
	return trunk % 3 != 0;
}

/** In Berlin it is 10:00 of a Tuesday, in New York 4:00. */
#define DECIDE_NOW INT64_C(1795510800)

/** A twentieth of the routes has a schedule that is open, another one that is closed. */
enum decide_schedule { DECIDE_ALWAYS, DECIDE_OPEN, DECIDE_CLOSED };
static inline enum decide_schedule decide_schedule_of(size_t route)
{
	return route % 20 == 7     ? DECIDE_OPEN
			: route % 20 == 13 ? DECIDE_CLOSED
							   : DECIDE_ALWAYS;
}

static inline bool decide_trunk_is_tls(size_t trunk)
{
	return trunk % 2 == 0;
}

static inline size_t decide_site_of(size_t trunk)
{
	return trunk % DECIDE_SITES;
}

/** A trunk that is down when the calls are made. */
static inline bool decide_trunk_is_down(size_t trunk)
{
	return trunk % 17 == 3;
}

void decide_load(const decide_set_t *set, med_config_t *config, bool with_routes);
void decide_load_route(const decide_set_t *set, med_config_t *config, size_t route);
void decide_load_trunk(med_config_t *config, size_t trunk, const char *name);
void decide_source(
		size_t trunk, med_source_t *source, med_str_t *name, char *text, size_t size);

/** What the plain matcher says of a call. */
typedef struct decide_verdict {
	char called[DECIDE_NUMBER], calling[DECIDE_NUMBER]; /* translated for the first */
	char normalised[DECIDE_NUMBER];
	size_t count;
	uint16_t trunk[MED_PLAN_MAX];
	uint32_t route[MED_PLAN_MAX];
	bool matched;
} decide_verdict_t;

/** Every call against every pattern of its usages, one after the other. Exits on errors.
 */
void decide_oracle(const decide_set_t *set, decide_verdict_t *verdict);

#endif
