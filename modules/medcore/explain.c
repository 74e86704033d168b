/**
 * explain.c - a routing decision, dry, with every step and reason
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "medcore/explain.h"

#include <stdarg.h>
#include <string.h>

#include "medcore/bypass.h"
#include "medcore/snapshot.h"

typedef struct med_explaining {
	const med_snapshot_t *snapshot;
	med_scratch_t *scratch;
	const med_explain_sink_t *sink; /* NULL: nobody listens */
	const med_trace_t *trace;       /* NULL: no steps are asked for */
	const med_trunk_t *in;
	const med_policy_t *policy;
	const med_location_policy_t *emergency; /* whose number is called; NULL: none */
	med_str_t dial_plan, site;
	med_explain_result_t *result;
} med_explaining_t;

static int not_in_force(med_errbuf_t *text, const char *what, med_str_t id)
{
	char quoted[MED_ID_MAX * 2];

	return med_fail(text, MED_ENOMATCH, "no %s '%s' is in force", what,
			med_quote(quoted, sizeof(quoted), id));
}

/* The trunk, the policy and the rules that a query names. */
static int find_source(med_explaining_t *e, const med_explain_query_t *query)
{
	med_errbuf_t *text = &e->result->text;

	if(query->trunk.len > 0) {
		e->in = med_snapshot_trunk(e->snapshot, query->trunk);
		if(e->in == NULL)
			return not_in_force(text, "trunk", query->trunk);
		e->dial_plan = e->in->dial_plan;
		e->site = e->in->network_site;
		if(e->in->draining)
			MED_TRACE(e->trace,
					"trunk '%.*s' is being drained (admin_state): a new call from it is "
					"refused",
					MED_STR_FMT(e->in->id));
	} else {
		const med_pool_t *pool = med_snapshot_pool(e->snapshot, query->pool);
		e->dial_plan = med_snapshot_dial_plan(e->snapshot, query->pool);
		e->site = query->site.len > 0 || pool == NULL ? query->site : pool->site;
	}
	if(query->policy.len > 0) {
		e->policy = med_snapshot_policy(e->snapshot, query->policy);
		if(e->policy == NULL)
			return not_in_force(text, "policy", query->policy);
	}
	if(e->in == NULL && e->policy == NULL)
		return med_fail(text, MED_EINVAL,
				"neither trunk nor policy: nobody's usages could be looked up");
	if(query->dial_plan.len == 0)
		return MED_EOK;
	e->dial_plan = query->dial_plan;
	return med_view_rules(&e->snapshot->view, e->dial_plan) != NULL
			? MED_EOK
			: not_in_force(text, "rule set", e->dial_plan);
}

static bool is_emergency(med_explaining_t *e, med_number_t *number)
{
	e->emergency = med_emergency(e->snapshot, e->site, number);
	return e->emergency != NULL;
}

static int normalize(med_explaining_t *e, med_str_t user, const char *which,
		med_number_t *out, med_errbuf_t *err)
{
	med_number_params_t params;
	med_str_t plan;
	med_number_t number;
	int rc = med_number_from_user(user, &number, err);

	if(rc != MED_EOK)
		return rc;
	if(out == &e->result->called && is_emergency(e, &number)) {
		*out = number;
		return rc;
	}
	med_number_params(user, &params);
	plan = med_number_in_context(e->snapshot, params.context, e->dial_plan, &number);
	rc = med_normalize(e->snapshot, e->scratch, plan, &number, out, e->trace);
	if(rc == MED_EOK && out == &e->result->called)
		(void)is_emergency(e, out);
	if(rc == MED_ENOMATCH && plan.len == 0)
		return med_fail(err, rc, "'%.*s' is not E.164, and no dial plan is set",
				(int)number.len, number.s);
	if(rc == MED_ENOMATCH)
		return med_fail(err, rc, "no rule of dial plan '%.*s' takes '%.*s'",
				MED_STR_FMT(plan), (int)number.len, number.s);
	if(rc != MED_EOK)
		return med_fail(err, rc, "%s number '%.*s': %s", which, (int)number.len, number.s,
				med_strerror(rc));
	MED_TRACE(e->trace, "%s number '%.*s' is %.*s", which, MED_STR_FMT(user),
			(int)out->len, out->s);
	return rc;
}

/* Both numbers as E.164; the call goes on without the calling one. */
static int normalize_both(med_explaining_t *e, const med_explain_query_t *query)
{
	med_explain_result_t *result = e->result;
	med_errbuf_t why = {""};
	int rc = normalize(e, query->called, "called", &result->called, &result->text);

	if(rc != MED_EOK) {
		result->called.len = 0;
		return rc;
	}
	if(query->calling.len == 0
			|| normalize(e, query->calling, "calling", &result->calling, &why) == MED_EOK)
		return rc;
	MED_TRACE(e->trace, "calling number left alone: %s", why.text);
	result->calling.len = 0;
	return rc;
}

/* As it would be decided with no more known than here: of a user, the site alone. */
static bool tell_bypass(const med_explaining_t *e, const med_trunk_t *trunk)
{
	static const med_leg_policy_t nobody;
	med_bypass_end_t from = {.trunk = e->in,
			.leg = e->in != NULL ? &e->in->leg : &nobody,
			.site = e->site};
	med_bypass_end_t to = {.trunk = trunk, .leg = &trunk->leg};
	med_errbuf_t why = {""};
	enum med_bypass bypass;

	if(!from.leg->bypass && !trunk->leg.bypass)
		return false;
	bypass = med_bypass(e->snapshot, &from, &to, false, &why);
	MED_TRACE(e->trace, "%s", why.text);
	return med_bypass_yes(bypass);
}

/* What not everybody has. */
static void tell_media(const med_explaining_t *e, const med_leg_media_t *media)
{
	if(media->dtls)
		MED_TRACE(e->trace, "its media is DTLS-SRTP%s", media->ice ? ", with ICE" : "");
	else if(media->ice)
		MED_TRACE(e->trace, "its media is offered with ICE");
}

static void tell_candidate(const med_explaining_t *e, const med_candidate_t *found)
{
	const med_explain_result_t *result = e->result;
	med_candidate_t candidate = *found;
	med_numbers_t numbers;
	int rc;

	if(e->sink == NULL)
		return;
	MED_TRACE(e->trace, "candidate trunk '%.*s': numbers as it wants them",
			MED_STR_FMT(candidate.trunk->id));
	rc = med_translate(e->snapshot, e->scratch, candidate.trunk, candidate.route,
			&result->called, &result->calling, &numbers, e->trace);
	if(rc != MED_EOK)
		MED_TRACE(e->trace, "translation failed: %s", med_strerror(rc));
	tell_media(e, &candidate.trunk->leg.media);
	candidate.bypassed = tell_bypass(e, candidate.trunk);
	if(rc == MED_EOK && e->sink->candidate != NULL)
		e->sink->candidate(e->sink->ctx, &candidate, &numbers);
}

static int choose(med_explaining_t *e, const med_explain_query_t *asked)
{
	med_explain_result_t *result = e->result;
	med_query_t query = {.in = e->in,
			.rank = asked->rank,
			.full = asked->full,
			.ctx = asked->ctx,
			.policy = e->policy,
			.called = &result->called,
			.emergency = e->emergency,
			.site = e->site,
			.now = asked->now};
	int rc = med_select(
			e->snapshot, e->scratch, &query, &result->plan, e->trace, &result->text);

	if(rc != MED_EOK) {
		result->plan.count = 0;
		return rc;
	}
	for(size_t i = 0; i < result->plan.count; i++)
		tell_candidate(e, &result->plan.candidate[i]);
	return med_fail(&result->text, MED_EOK, "%zu trunk%s to try", result->plan.count,
			result->plan.count == 1 ? "" : "s");
}

/* Field by field: the plan is big and need not be cleared. */
static void begin(med_explain_result_t *result)
{
	result->text.text[0] = '\0';
	result->called.len = result->calling.len = 0;
	result->plan.count = 0;
}

int med_explain(const med_snapshot_t *snapshot, med_scratch_t *scratch,
		const med_explain_query_t *query, const med_explain_sink_t *sink,
		med_explain_result_t *result)
{
	bool steps = sink != NULL && sink->step != NULL;
	med_trace_t trace = {steps ? sink->step : NULL, steps ? sink->ctx : NULL};
	med_explaining_t e = {.snapshot = snapshot,
			.scratch = scratch,
			.sink = sink,
			.trace = steps ? &trace : NULL,
			.result = result};

	begin(result);
	result->outcome = find_source(&e, query);
	if(result->outcome != MED_EOK)
		return result->outcome;
	if(e.in != NULL)
		MED_TRACE(e.trace, "the call comes in on trunk '%.*s'", MED_STR_FMT(e.in->id));
	else
		MED_TRACE(e.trace, "the call comes from one of our own users");
	result->outcome = normalize_both(&e, query);
	if(result->outcome == MED_EOK)
		result->outcome = choose(&e, query);
	if(result->text.text[0] == '\0')
		(void)med_fail(&result->text, 0, "%s", med_strerror(result->outcome));
	return MED_EOK;
}
