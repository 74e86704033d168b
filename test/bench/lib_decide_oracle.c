/**
 * lib_decide_oracle.c - the decide benchmark's calls, decided by a plain linear matcher
 *
 * Every pattern is PCRE2's, tried one after the other in the order of the objects. No
 * code is shared with medcore. Usage by usage, so that its patterns stay in the cache.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/bench/decide.h"

static void fail(const char *what, const char *with)
{
	fprintf(stderr, "oracle: %s: %s\n", what, with);
	exit(1);
}

static pcre2_code *compile(const char *pattern, size_t length)
{
	int error;
	PCRE2_SIZE at;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, length, 0, &error, &at, NULL);

	if(code == NULL)
		fail("not a pattern", pattern);
	(void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
	return code;
}

/* ---- rules ----------------------------------------------------------------------------
 */

typedef struct plain_rule {
	pcre2_code *code;
	const char *translation;
} plain_rule_t;

static void read_rules(const char *const *texts, size_t count, plain_rule_t *rules)
{
	for(size_t i = 0; i < count; i++) {
		const char *arrow = strstr(texts[i], " => ");
		if(arrow == NULL)
			fail("not a rule", texts[i]);
		rules[i].code = compile(texts[i], (size_t)(arrow - texts[i]));
		rules[i].translation = arrow + 4;
	}
}

static void apply(const plain_rule_t *rules, size_t count, const char *in, char *out)
{
	for(size_t i = 0; i < count; i++) {
		PCRE2_SIZE length = DECIDE_NUMBER;
		int changed = pcre2_substitute(rules[i].code, (PCRE2_SPTR)in, strlen(in), 0, 0,
				NULL, NULL, (PCRE2_SPTR)rules[i].translation, PCRE2_ZERO_TERMINATED,
				(PCRE2_UCHAR *)out, &length);
		if(changed < 0)
			fail("cannot substitute in", in);
		if(changed > 0)
			return;
	}
	memcpy(out, in, strlen(in) + 1);
}

/* ---- routes ---------------------------------------------------------------------------
 */

/* Routes of one usage that take a call: bits would be as good, lists are shorter. */
typedef struct hits {
	uint32_t *route;
	size_t count, room;
} hits_t;

static void add_hit(hits_t *hits, uint32_t route)
{
	if(hits->count == hits->room) {
		hits->room = hits->room == 0 ? 4 : hits->room * 2;
		hits->route = realloc(hits->route, hits->room * sizeof(*hits->route));
		if(hits->route == NULL)
			fail("no memory", "hits");
	}
	hits->route[hits->count++] = route;
}

static void match_usage(const decide_set_t *set, size_t usage,
		const decide_verdict_t *verdict, hits_t (*hits)[DECIDE_SITE_USAGES])
{
	size_t count = set->order_count[usage];
	pcre2_code **code = calloc(count + 1, sizeof(*code));
	pcre2_match_data *data = pcre2_match_data_create(16, NULL);

	if(code == NULL || data == NULL)
		fail("no memory", "usage");
	for(size_t i = 0; i < count; i++) {
		const char *pattern = set->route[set->order[usage][i]].pattern;
		code[i] = compile(pattern, strlen(pattern));
	}
	for(size_t c = 0; c < DECIDE_CALLS; c++) {
		const uint8_t *usages = set->site_usage[decide_site_of(set->call[c].trunk)];
		const char *number = verdict[c].normalised;
		size_t length = strlen(number);
		for(size_t k = 0; k < DECIDE_SITE_USAGES; k++) {
			for(size_t i = 0; usages[k] == usage && i < count; i++) {
				int rc = pcre2_match(
						code[i], (PCRE2_SPTR)number, length, 0, 0, data, NULL);
				if(rc < PCRE2_ERROR_NOMATCH)
					fail("cannot match", number);
				if(rc > 0)
					add_hit(&hits[c][k], set->order[usage][i]);
			}
		}
	}
	pcre2_match_data_free(data);
	for(size_t i = 0; i < count; i++)
		pcre2_code_free(code[i]);
	free(code);
}

static unsigned gcd(unsigned a, unsigned b)
{
	return b == 0 ? a : gcd(b, a % b);
}

/* The turn-th of a list in which each trunk stands as often as it weighs. */
static unsigned first_by_turn(const decide_route_t *r, uint32_t turn)
{
	unsigned list[64], length = 0, divisor = 0;

	for(unsigned i = 0; i < r->trunk_count; i++)
		divisor = gcd(divisor, r->weight[i]);
	for(unsigned i = 0; i < r->trunk_count; i++) {
		for(unsigned k = 0; k < r->weight[i] / divisor; k++)
			list[length++] = i;
	}
	return list[turn % length];
}

static bool has(const uint16_t *list, size_t count, uint16_t trunk)
{
	for(size_t i = 0; i < count; i++) {
		if(list[i] == trunk)
			return true;
	}
	return false;
}

static void decide(
		const decide_set_t *set, size_t c, const hits_t *hits, decide_verdict_t *v)
{
	uint16_t down[MED_PLAN_MAX];
	uint32_t down_route[MED_PLAN_MAX];
	size_t down_count = 0;

	for(size_t k = 0; k < DECIDE_SITE_USAGES; k++) {
		for(size_t i = 0; i < hits[k].count; i++) {
			const decide_route_t *r = &set->route[hits[k].route[i]];
			unsigned first = first_by_turn(r, (uint32_t)c);
			if(decide_schedule_of(hits[k].route[i]) == DECIDE_CLOSED)
				continue;
			v->matched = true;
			for(unsigned n = 0; n < r->trunk_count; n++) {
				uint16_t trunk = r->trunk[(first + n) % r->trunk_count];
				if(decide_trunk_is_pstn(set->call[c].trunk)
						&& decide_trunk_is_pstn(trunk))
					continue;
				if(trunk == set->call[c].trunk || has(v->trunk, v->count, trunk)
						|| has(down, down_count, trunk) || v->count == MED_PLAN_MAX)
					continue;
				if(decide_trunk_is_down(trunk)) {
					if(down_count < MED_PLAN_MAX) {
						down[down_count] = trunk;
						down_route[down_count++] = hits[k].route[i];
					}
					continue;
				}
				v->trunk[v->count] = trunk;
				v->route[v->count++] = hits[k].route[i];
			}
		}
	}
	for(size_t i = 0; i < down_count && v->count < MED_PLAN_MAX; i++) {
		v->trunk[v->count] = down[i];
		v->route[v->count++] = down_route[i];
	}
}

void decide_oracle(const decide_set_t *set, decide_verdict_t *verdict)
{
	plain_rule_t dial[DECIDE_DIAL_RULES], out[DECIDE_OUT_RULES];
	hits_t(*hits)[DECIDE_SITE_USAGES] = calloc(DECIDE_CALLS, sizeof(*hits));

	if(hits == NULL)
		fail("no memory", "hits");
	read_rules(decide_dial_rules, DECIDE_DIAL_RULES, dial);
	read_rules(decide_out_rules, DECIDE_OUT_RULES, out);
	memset(verdict, 0, DECIDE_CALLS * sizeof(*verdict));
	for(size_t c = 0; c < DECIDE_CALLS; c++) {
		const char *dialled = set->call[c].dialled;
		if(dialled[0] == '+')
			memcpy(verdict[c].normalised, dialled, strlen(dialled) + 1);
		else
			apply(dial, DECIDE_DIAL_RULES, dialled, verdict[c].normalised);
	}
	for(size_t u = 0; u < DECIDE_USAGES; u++)
		match_usage(set, u, verdict, hits);
	for(size_t c = 0; c < DECIDE_CALLS; c++) {
		decide(set, c, hits[c], &verdict[c]);
		apply(out, DECIDE_OUT_RULES, verdict[c].normalised, verdict[c].called);
		apply(out, DECIDE_OUT_RULES, set->call[c].calling, verdict[c].calling);
		for(size_t k = 0; k < DECIDE_SITE_USAGES; k++)
			free(hits[c][k].route);
	}
	for(size_t i = 0; i < DECIDE_DIAL_RULES; i++)
		pcre2_code_free(dial[i].code);
	for(size_t i = 0; i < DECIDE_OUT_RULES; i++)
		pcre2_code_free(out[i].code);
	free(hits);
}
