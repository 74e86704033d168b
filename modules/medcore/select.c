/**
 * select.c - normalising, choosing trunks, translating (spec 3.2, 3.4)
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "medcore/snapshot.h"

/* ---- numbers ------------------------------------------------------------------------
 */

static void copy_number(med_number_t *out, const med_number_t *in)
{
	out->len = in->len;
	memcpy(out->s, in->s, in->len);
}

static bool same_number(const med_number_t *a, const med_number_t *b)
{
	return a->len == b->len && memcmp(a->s, b->s, a->len) == 0;
}

int med_normalize(const med_snapshot_t *snapshot, med_scratch_t *scratch, med_str_t rules,
		const med_number_t *in, med_number_t *out, const med_trace_t *trace)
{
	const med_rules_t *set;
	med_number_t result;
	int rc;

	if(in->len > 0 && in->s[0] == '+') {
		MED_TRACE(trace, "number %.*s is E.164 already", (int)in->len, in->s);
		copy_number(out, in);
		return MED_EOK;
	}
	copy_number(&result, in);
	set = rules.len == 0 ? NULL : med_view_rules(&snapshot->view, rules);
	if(set == NULL) {
		if(rules.len == 0)
			MED_TRACE(trace, "no dial plan for number %.*s", (int)in->len, in->s);
		else
			MED_TRACE(trace, "dial plan '%.*s' does not exist", MED_STR_FMT(rules));
		rc = MED_ENOMATCH;
	} else {
		med_scratch_begin(scratch, MED_BUDGET_NORMALIZE_NS);
		rc = med_rules_apply(set, scratch, in, &result, trace);
	}
	if(rc == MED_EOK && result.len == 0) {
		MED_TRACE(trace, "the rule left nothing of the number");
		rc = MED_ENOMATCH;
		copy_number(&result, in);
	}
	if(rc == MED_EOK || rc == MED_ENOMATCH)
		copy_number(out, &result);
	return rc;
}

static int apply_rules(const med_view_t *view, med_scratch_t *scratch, med_str_t id,
		const char *which, med_number_t *number, const med_trace_t *trace)
{
	const med_rules_t *rules;
	int rc;

	if(id.len == 0)
		return MED_EOK;
	rules = med_view_rules(view, id);
	if(rules == NULL) {
		MED_TRACE(trace, "%s number: rules '%.*s' do not exist, it stays", which,
				MED_STR_FMT(id));
		return MED_EOK;
	}
	rc = med_rules_apply(rules, scratch, number, number, trace);
	return rc == MED_ENOMATCH ? MED_EOK : rc;
}

static void remove_plus(med_number_t *number)
{
	if(number->len == 0 || number->s[0] != '+')
		return;
	memmove(number->s, number->s + 1, --number->len);
}

int med_translate(const med_snapshot_t *snapshot, med_scratch_t *scratch,
		const med_trunk_t *trunk, const med_route_t *route, const med_number_t *called,
		const med_number_t *calling, med_numbers_t *out, const med_trace_t *trace)
{
	const med_profile_t *profile = trunk->profile;
	const med_view_t *view = &snapshot->view;
	med_str_t caller =
			route == NULL ? (med_str_t){NULL, 0} : med_route_alternate_caller_id(route);
	int rc;

	med_scratch_begin(scratch, MED_BUDGET_TRANSLATE_NS);
	copy_number(&out->called, called);
	copy_number(&out->calling, calling);
	if(calling->len > 0 && caller.len > 0 && caller.len <= sizeof(out->calling.s)) {
		memcpy(out->calling.s, caller.s, caller.len);
		out->calling.len = caller.len;
		MED_TRACE(trace, "route '%.*s' suppresses the caller id: %.*s is shown",
				MED_STR_FMT(med_route_id(route)), MED_STR_FMT(caller));
	}
	rc = called->len > 0 ? apply_rules(
				 view, scratch, profile->called_rules, "called", &out->called, trace)
						 : MED_EOK;
	if(rc == MED_EOK && calling->len > 0)
		rc = apply_rules(
				view, scratch, profile->calling_rules, "calling", &out->calling, trace);
	if(rc != MED_EOK)
		return rc;
	if(profile->remove_plus_from_uri) {
		MED_TRACE(trace, "profile '%.*s' removes the plus", MED_STR_FMT(profile->id));
		remove_plus(&out->called);
		remove_plus(&out->calling);
	}
	if(called->len > 0 && out->called.len == 0) {
		MED_TRACE(trace, "nothing is left of the called number");
		return MED_EINVAL;
	}
	out->called_changed = !same_number(&out->called, called);
	out->calling_changed = !same_number(&out->calling, calling);
	return MED_EOK;
}

bool med_fails_over(const med_profile_t *profile, unsigned code)
{
	for(size_t i = 0; i < profile->failover_code_count; i++) {
		if(profile->failover_codes[i] == code)
			return true;
	}
	return false;
}

/* ---- choosing -----------------------------------------------------------------------
 */

/* One decision under way. */
typedef struct med_choice {
	const med_snapshot_t *snapshot;
	med_scratch_t *scratch;
	const med_query_t *query;
	const med_trace_t *trace;
	med_errbuf_t *err;
	const med_usage_t *usage;
	med_plan_t *plan;
	size_t down_count; /* trunks that are suspect or down, for last */
	med_candidate_t down[MED_PLAN_MAX];
	uint8_t down_rank[MED_PLAN_MAX];
	bool matched;            /* some route took the number */
	const med_route_t *dear; /* its pattern hit its own limit: passed over */
	unsigned passed_same, passed_other;
	bool from_pstn;       /* it may not go back there */
	bool within_site;     /* it may leave only to the site of the trunk it came in on */
	const char *kept_off; /* field that kept it off a trunk; NULL: none did */
	const med_trunk_t *kept_off_trunk;
	const med_route_t *closed; /* one that is out of its schedule */
	int64_t now;
	uint32_t schedule; /* asked about last; 0: none */
	bool open;         /* its answer */
} med_choice_t;

static bool listed(const med_candidate_t *list, size_t count, const med_trunk_t *trunk)
{
	for(size_t i = 0; i < count; i++) {
		if(list[i].trunk == trunk)
			return true;
	}
	return false;
}

/* Why a trunk cannot take this call; NULL: it can. */
static const char *unfit(const med_trunk_t *trunk)
{
	if(trunk == NULL)
		return "does not exist or is refused";
	if(trunk->takes_calls)
		return NULL;
	if(!trunk->enabled)
		return "is not enabled";
	if(trunk->draining)
		return "is being drained (admin_state)";
	if(trunk->gateway->routable && trunk->unresolved)
		return "has a gateway whose name has no known address";
	return "has a gateway that is not routable";
}

/* The site a call comes from; empty: not known. */
static med_str_t site_of(const med_query_t *query)
{
	return query->in != NULL ? query->in->network_site : query->site;
}

/* What the configuration forbids between these two; told, and counted. */
static bool keep_off(med_choice_t *c, const med_trunk_t *trunk)
{
	const char *field = NULL;

	if(c->from_pstn && trunk->pstn) {
		field = "allow_pstn_to_pstn";
		MED_TRACE(c->trace,
				"    trunk '%.*s' leads to the PSTN, where the call comes from: "
				"allow_pstn_to_pstn of profile '%.*s' is no",
				MED_STR_FMT(trunk->id), MED_STR_FMT(c->query->in->profile->id));
	} else if((trunk->restricted || c->within_site)
			&& (trunk->network_site.len == 0
					|| !med_str_eq(trunk->network_site, site_of(c->query)))) {
		field = "enable_location_restriction";
		MED_TRACE(c->trace,
				"    trunk '%.*s' is at site '%.*s', the call comes from '%.*s': "
				"enable_location_restriction of %s is yes",
				MED_STR_FMT(trunk->id), MED_STR_FMT(trunk->network_site),
				MED_STR_FMT(site_of(c->query)),
				trunk->restricted ? "its profile" : "the incoming trunk's profile");
	}
	if(field == NULL)
		return false;
	if(c->kept_off == NULL) {
		c->kept_off = field;
		c->kept_off_trunk = trunk;
	}
	return true;
}

static void consider(med_choice_t *c, const med_route_t *route, const med_trunk_t *trunk,
		uint32_t number)
{
	const med_query_t *query = c->query;
	const char *reason = unfit(trunk);
	enum med_health_rank rank;
	bool full;
	med_candidate_t candidate = {.trunk = trunk, .route = route, .usage = c->usage->name};

	if(reason != NULL) {
		c->passed_other++;
		MED_TRACE(c->trace, "    trunk '%.*s' %s",
				MED_STR_FMT(med_view_trunk_id(&c->snapshot->view, number)), reason);
		return;
	}
	if(query->in != NULL && query->in->number == number
			&& !trunk->profile->allow_same_trunk) {
		c->passed_same++;
		MED_TRACE(c->trace, "    trunk '%.*s' is the one the call came in on",
				MED_STR_FMT(trunk->id));
		return;
	}
	if(c->query->emergency == NULL && keep_off(c, trunk))
		return;
	if(listed(c->plan->candidate, c->plan->count, trunk)
			|| listed(c->down, c->down_count, trunk)) {
		MED_TRACE(c->trace, "    trunk '%.*s' is in the plan already",
				MED_STR_FMT(trunk->id));
		return;
	}
	rank = query->rank == NULL ? MED_RANK_GOOD
							   : query->rank(query->ctx, trunk, c->plan->count == 0);
	full = trunk->limit_count > 0 && query->full != NULL
			&& query->full(query->ctx, trunk, query->emergency != NULL);
	if(rank != MED_RANK_GOOD || full) {
		MED_TRACE(c->trace, "    trunk '%.*s' is %s", MED_STR_FMT(trunk->id),
				full                            ? "full: last"
						: rank == MED_RANK_DOWN ? "down: last"
												: "suspect: after the others");
		if(full)
			rank = MED_RANK_DOWN;
		if(c->down_count < MED_PLAN_MAX) {
			c->down_rank[c->down_count] = (uint8_t)rank;
			c->down[c->down_count++] = candidate;
		}
		return;
	}
	MED_TRACE(c->trace, "    trunk '%.*s' is candidate %zu", MED_STR_FMT(trunk->id),
			c->plan->count + 1);
	c->plan->candidate[c->plan->count++] = candidate;
}

/* Where the turn falls among the weights; from there on the list goes round. */
static unsigned first_trunk(const med_route_t *route, uint32_t turn)
{
	const uint32_t weight_mask = (1u << MED_TRUNK_WEIGHT_BITS) - 1;
	unsigned at = 0;

	if(route->trunk_count < 2 || route->weights == 0)
		return 0;
	turn %= route->weights;
	while(turn >= (route->trunk[at] & weight_mask)) {
		turn -= route->trunk[at] & weight_mask;
		at++;
	}
	return at;
}

/* Is the route within its schedule? One answer for all routes that share it. */
static bool is_open(med_choice_t *c, const med_route_t *route)
{
	const med_schedule_t *schedule;
	med_clock_t clock = {0, 0, 0};

	if(c->schedule == route->schedule)
		return c->open;
	c->schedule = route->schedule;
	if(c->now == 0)
		c->now = c->query->now != 0 ? c->query->now : (int64_t)time(NULL);
	schedule = med_view_schedule(&c->snapshot->view, route->schedule - 1u);
	c->open = schedule != NULL && med_schedule_has(schedule, c->now, &clock);
	if(schedule == NULL)
		MED_TRACE(c->trace, "  its schedule is not in force");
	else
		MED_TRACE(c->trace,
				"  schedule '%.*s': at %04u-%02u-%02u %02u:%02u in %.*s it %s",
				MED_STR_FMT(schedule->id), clock.date / 10000, clock.date / 100 % 100,
				clock.date % 100, clock.minutes / 60u, clock.minutes % 60u,
				MED_STR_FMT(schedule->time_zone), c->open ? "is open" : "is closed");
	return c->open;
}

static void take_route(med_choice_t *c, const med_route_t *route)
{
	const med_trunk_t *trunks[MED_ROUTE_TRUNKS];
	unsigned at = first_trunk(route, c->query->turn);

	if(route->schedule != 0 && c->query->emergency == NULL && !is_open(c, route)) {
		MED_TRACE(c->trace, "  route '%.*s' matches, but not now",
				MED_STR_FMT(med_route_id(route)));
		if(c->closed == NULL)
			c->closed = route;
		return;
	}
	for(unsigned i = 0; i < route->trunk_count; i++) {
		trunks[i] = med_view_trunk(
				&c->snapshot->view, route->trunk[i] >> MED_TRUNK_WEIGHT_BITS);
		__builtin_prefetch(trunks[i]);
	}
	c->matched = true;
	MED_TRACE(c->trace, "  route '%.*s' (priority %u) matches by '%.*s'",
			MED_STR_FMT(med_route_id(route)), route->priority,
			MED_STR_FMT(med_route_pattern(route)));
	for(unsigned i = 0; i < route->trunk_count; i++) {
		if(c->plan->count == MED_PLAN_MAX) {
			MED_TRACE(c->trace, "    %u more trunks are not looked at: %d are tried",
					route->trunk_count - i, MED_PLAN_MAX);
			break;
		}
		consider(c, route, trunks[at], route->trunk[at] >> MED_TRUNK_WEIGHT_BITS);
		at = at + 1 == route->trunk_count ? 0 : at + 1;
	}
}

/* One pattern that is too dear on this number does not keep the others from serving. */
static void pass_over(med_choice_t *c, const med_route_t *route)
{
	MED_TRACE(c->trace, "  route '%.*s' is passed over: its pattern took too many steps",
			MED_STR_FMT(med_route_id(route)));
	if(c->dear == NULL)
		c->dear = route;
}

static int take_usage(med_choice_t *c, med_hits_t *hits)
{
	const med_route_t *route = NULL;
	int rc = MED_EOK;

	c->usage = hits->usage;
	MED_TRACE(c->trace, "usage '%.*s'", MED_STR_FMT(c->usage->name));
	while(c->plan->count < MED_PLAN_MAX) {
		rc = med_hits_next(hits, c->scratch, &route);
		if(rc == MED_ELIMIT && !med_scratch_spent(c->scratch)) {
			pass_over(c, route);
			continue;
		}
		if(rc != MED_EOK)
			break;
		take_route(c, route);
	}
	return rc == MED_ENOMATCH ? MED_EOK : rc;
}

/*
 * Usages are looked up some at a time, in steps that do not wait for each other: what is
 * not in the cache is then fetched for all of them at once.
 */
#define USAGES_AT_ONCE 8u

static void take_bare(const med_choice_t *c, const med_usage_t *const *usage,
		med_hits_t *hits, size_t from, size_t to)
{
	for(size_t i = from; i < to; i++) {
		if(usage[i] != NULL)
			med_hits_bare(&hits[i], c->scratch);
	}
}

static int take_usages(med_choice_t *c, const med_str_t *names, const uint32_t *numbers,
		size_t count, med_dialled_t *dialled)
{
	const med_array_t *all = c->snapshot->view.usages;
	const med_usage_t *usage[USAGES_AT_ONCE];
	med_hits_t hits[USAGES_AT_ONCE];

	for(size_t i = 0; i < count; i++) {
		usage[i] = med_array_get(all, numbers[i]);
		if(usage[i] == NULL)
			continue;
		__builtin_prefetch(usage[i]);
		__builtin_prefetch((const char *)usage[i] + 64);
	}
	for(size_t i = 0; i < count; i++) {
		if(usage[i] != NULL)
			med_hits_begin(&hits[i], usage[i], dialled);
	}
	med_dialled_keys(dialled);
	take_bare(c, usage, hits, 0, count / 2);
	for(size_t i = 0; i < count; i++) {
		if(usage[i] != NULL)
			med_hits_narrow(&hits[i]);
	}
	take_bare(c, usage, hits, count / 2, count);
	for(size_t i = 0; i < count; i++) {
		if(usage[i] != NULL)
			med_hits_find(&hits[i]);
	}
	for(size_t i = 0; i < count && c->plan->count < MED_PLAN_MAX; i++) {
		int rc = MED_EOK;
		if(usage[i] != NULL)
			rc = take_usage(c, &hits[i]);
		else
			MED_TRACE(c->trace, "usage '%.*s' has no routes", MED_STR_FMT(names[i]));
		if(rc != MED_EOK)
			return rc;
	}
	return MED_EOK;
}

static int forbidden(const med_choice_t *c, const char *quoted)
{
	const med_trunk_t *in = c->query->in, *out = c->kept_off_trunk;

	if(c->from_pstn && out->pstn)
		return med_fail(c->err, MED_EFORBIDDEN,
				"%s comes from the PSTN on trunk '%.*s' and would go back there by "
				"'%.*s'; "
				"allow_pstn_to_pstn of profile '%.*s' is no. If '%.*s' is a PBX, set "
				"peer "
				"ip_pbx of its gateway '%.*s'",
				quoted, MED_STR_FMT(in->id), MED_STR_FMT(out->id),
				MED_STR_FMT(in->profile->id), MED_STR_FMT(in->id),
				MED_STR_FMT(in->gateway->id));
	return med_fail(c->err, MED_EFORBIDDEN,
			"%s would leave site '%.*s' by trunk '%.*s' at '%.*s'; "
			"enable_location_restriction of their profiles forbids it",
			quoted, MED_STR_FMT(site_of(c->query)), MED_STR_FMT(out->id),
			MED_STR_FMT(out->network_site));
}

static int outcome(med_choice_t *c)
{
	const med_number_t *called = c->query->called;
	char quoted[40];

	for(unsigned rank = MED_RANK_SUSPECT; rank <= MED_RANK_DOWN; rank++) {
		for(size_t i = 0; i < c->down_count && c->plan->count < MED_PLAN_MAX; i++) {
			if(c->down_rank[i] == rank)
				c->plan->candidate[c->plan->count++] = c->down[i];
		}
	}
	if(c->plan->count > 0)
		return MED_EOK;
	(void)med_quote(quoted, sizeof(quoted), (med_str_t){called->s, called->len});
	if(c->dear != NULL)
		return med_fail(c->err, MED_ELIMIT,
				"route '%.*s': field 'pattern': took too many steps on this number, and "
				"no "
				"other route serves; write it without nested repetition",
				MED_STR_FMT(med_route_id(c->dear)));
	if(!c->matched && c->closed != NULL)
		return med_fail(c->err, MED_ENOROUTE,
				"no route of the usages takes %s now; route '%.*s' does at other times",
				quoted, MED_STR_FMT(med_route_id(c->closed)));
	if(!c->matched)
		return med_fail(c->err, MED_ENOROUTE, "no route of the usages takes %s", quoted);
	if(c->kept_off != NULL && c->passed_other == 0)
		return forbidden(c, quoted);
	if(c->passed_same > 0 && c->passed_other == 0)
		return med_fail(c->err, MED_EREFUSED,
				"%s leads back out of trunk '%.*s' that the call came in on; "
				"allow_same_trunk of its profile is no",
				quoted, MED_STR_FMT(c->query->in->id));
	return med_fail(c->err, MED_EALLDOWN,
			"routes take %s, but no trunk of theirs is in service", quoted);
}

/* What was found before is first in order; only what would have followed is missing. */
static int spent(med_choice_t *c)
{
	MED_TRACE(c->trace, "  the patterns of this decision took too long together");
	if(c->plan->count > 0)
		return outcome(c);
	return med_fail(c->err, MED_ELIMIT,
			"the patterns of this decision took too long together, up to usage '%.*s'; "
			"begin them with ^ and digits, and write them without nested repetition",
			MED_STR_FMT(c->usage->name));
}

/* Field by field: the list of those that are down is big and need not be cleared. */
static void begin(med_choice_t *c, const med_snapshot_t *snapshot, med_scratch_t *scratch,
		const med_query_t *query, const med_trace_t *trace, med_errbuf_t *err,
		med_plan_t *plan)
{
	c->snapshot = snapshot;
	c->scratch = scratch;
	c->query = query;
	c->trace = trace;
	c->err = err;
	c->usage = NULL;
	c->plan = plan;
	c->down_count = 0;
	c->matched = false;
	c->dear = NULL;
	c->passed_same = c->passed_other = 0;
	c->from_pstn = query->in != NULL && query->in->pstn
			&& !query->in->profile->allow_pstn_to_pstn;
	c->within_site = query->in != NULL && query->in->restricted;
	c->kept_off = NULL;
	c->kept_off_trunk = NULL;
	c->closed = NULL;
	c->now = 0;
	c->schedule = 0;
	plan->count = 0;
}

/* Usages of one who may use them, in order. */
typedef struct med_usage_list {
	const med_str_t *names;
	const uint32_t *numbers;
	size_t count;
} med_usage_list_t;

static int take_list(
		med_choice_t *c, const med_usage_list_t *list, med_dialled_t *dialled)
{
	for(size_t i = 0; i < list->count && c->plan->count < MED_PLAN_MAX;
			i += USAGES_AT_ONCE) {
		size_t some = list->count - i < USAGES_AT_ONCE ? list->count - i : USAGES_AT_ONCE;
		int rc = take_usages(c, list->names + i, list->numbers + i, some, dialled);
		if(rc != MED_EOK)
			return rc;
	}
	return MED_EOK;
}

/* Usages whose patterns take too long are left behind; they must not be what ends it. */
#define EMERGENCY_PATIENCE 16u

/* The last resort of an emergency call: whatever takes the number. */
static int take_all(med_choice_t *c, med_dialled_t *dialled)
{
	const med_array_t *usages = c->snapshot->view.usages;
	size_t end = usages == NULL ? 0 : usages->chunks * MED_ARRAY_CHUNK;
	unsigned dear = 0;

	for(uint32_t i = 0; i < end && c->plan->count < MED_PLAN_MAX; i++) {
		const med_usage_t *usage = med_array_get(usages, i);
		int rc = usage == NULL ? MED_EOK : take_usages(c, &usage->name, &i, 1, dialled);
		if(rc == MED_ELIMIT && ++dear < EMERGENCY_PATIENCE) {
			med_scratch_begin(c->scratch, MED_BUDGET_SELECT_NS);
			continue;
		}
		if(rc != MED_EOK)
			return rc;
	}
	return MED_EOK;
}

/* The same for some usages: in the next ones may be who takes it. */
static int take_some(
		med_choice_t *c, const med_usage_list_t *list, med_dialled_t *dialled)
{
	int rc = take_list(c, list, dialled);

	if(rc != MED_ELIMIT)
		return rc;
	med_scratch_begin(c->scratch, MED_BUDGET_SELECT_NS);
	return MED_EOK;
}

/* The caller's own usages: of its policy, or of the trunk the call came in on. */
static int own_usages(const med_choice_t *c, med_usage_list_t *list)
{
	const med_query_t *query = c->query;
	const med_policy_t *policy = query->policy;

	*list = (med_usage_list_t){NULL, NULL, 0};
	if(policy != NULL && query->forwarded && policy->forwarding == MED_INTERNAL_ONLY)
		return med_fail(c->err, MED_ENOUSAGE,
				"policy '%.*s': its calls are forwarded to own users only "
				"(call_forwarding_simul_ring_usage_type internal_only)",
				MED_STR_FMT(policy->id));
	if(policy != NULL && query->forwarded && policy->forwarding == MED_CUSTOM_USAGE) {
		*list = (med_usage_list_t){policy->forward_usages,
				MED_OBJECT(med_policy_object_t, policy, policy)->forward_usage_numbers,
				policy->forward_usage_count};
		MED_TRACE(c->trace, "policy '%.*s' has %zu usages of forwarded calls",
				MED_STR_FMT(policy->id), list->count);
	} else if(policy != NULL) {
		*list = (med_usage_list_t){policy->usages,
				MED_OBJECT(med_policy_object_t, policy, policy)->usage_numbers,
				policy->usage_count};
		MED_TRACE(c->trace, "policy '%.*s' has %zu usages", MED_STR_FMT(policy->id),
				list->count);
	} else if(query->in != NULL) {
		const med_profile_t *profile = query->in->profile;
		*list = (med_usage_list_t){profile->usages,
				MED_OBJECT(med_profile_object_t, profile, profile)->usage_numbers,
				profile->usage_count};
		MED_TRACE(c->trace, "trunk '%.*s' has %zu usages by profile '%.*s'",
				MED_STR_FMT(query->in->id), list->count, MED_STR_FMT(profile->id));
	} else {
		return med_fail(
				c->err, MED_ENOUSAGE, "neither a policy nor a trunk gives usages");
	}
	if(list->count > 0)
		return MED_EOK;
	return policy != NULL
			? med_fail(c->err, MED_ENOUSAGE, "policy '%.*s' has no usages",
					MED_STR_FMT(policy->id))
			: med_fail(c->err, MED_ENOUSAGE,
					"trunk '%.*s': profile '%.*s' has no pstn_usages",
					MED_STR_FMT(query->in->id), MED_STR_FMT(query->in->profile->id));
}

static int take_emergency(
		med_choice_t *c, const med_usage_list_t *own, med_dialled_t *dialled)
{
	const med_location_policy_t *location = c->query->emergency;
	med_usage_list_t list = {location->usages,
			MED_OBJECT(med_location_object_t, location, location)->usage_numbers,
			location->usage_count};
	int rc;

	MED_TRACE(c->trace, "an emergency number of location policy '%.*s', with %zu usages",
			MED_STR_FMT(location->id), list.count);
	rc = take_some(c, &list, dialled);
	if(rc == MED_EOK)
		rc = take_some(c, own, dialled);
	return rc == MED_EOK ? take_all(c, dialled) : rc;
}

const med_location_policy_t *med_emergency(
		const med_snapshot_t *snapshot, med_str_t site, med_number_t *number)
{
	const med_location_policy_t *location = med_snapshot_location_policy(snapshot, site);
	med_str_t text = {number->s, number->len};

	if(location == NULL)
		return NULL;
	for(size_t i = 0; i < location->number_count; i++) {
		if(med_str_eq(location->numbers[i], text))
			return location;
	}
	for(size_t i = 0; i < location->mask_count && location->number_count > 0; i++) {
		if(!med_str_eq(location->masks[i], text))
			continue;
		number->len = location->numbers[0].len;
		memcpy(number->s, location->numbers[0].s, number->len);
		return location;
	}
	return NULL;
}

int med_select(const med_snapshot_t *snapshot, med_scratch_t *scratch,
		const med_query_t *query, med_plan_t *plan, const med_trace_t *trace,
		med_errbuf_t *err)
{
	med_choice_t c;
	med_usage_list_t own;
	med_dialled_t dialled;
	int rc;

	begin(&c, snapshot, scratch, query, trace, err, plan);
	rc = own_usages(&c, &own);
	if(rc != MED_EOK && query->emergency == NULL)
		return rc;
	med_scratch_begin(scratch, MED_BUDGET_SELECT_NS);
	med_dialled_init(&dialled, query->called);
	rc = query->emergency != NULL ? take_emergency(&c, &own, &dialled)
								  : take_list(&c, &own, &dialled);
	if(rc == MED_ELIMIT)
		return spent(&c);
	return rc == MED_EOK ? outcome(&c) : rc;
}
