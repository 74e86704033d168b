/**
 * med_explain.c - RPC mediation.explain: a routing decision, dry, with every reason
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_explain.h"

#include "med_compat.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define STEPS_MAX 120 /* what fits into an answer of 32 kB beside the candidates */
#define STEP_BYTES 180

#define FMT(literal) (char *)(uintptr_t)(literal)

typedef struct explain {
	rpc_t *rpc;
	void *ctx, *top, *steps;
	unsigned count;
	bool failed;
	const med_snapshot_t *snapshot;
	med_scratch_t *scratch;
	med_trace_t trace;
	const med_trunk_t *in;
	const med_policy_t *policy;
	med_number_t called, calling; /**< E.164 */
} explain_t;

static void step(void *ctx, const char *text)
{
	explain_t *e = ctx;
	char line[STEP_BYTES];
	void *item;

	if(e->failed || e->count > STEPS_MAX)
		return;
	e->count++;
	snprintf(line, sizeof line, "%s", e->count > STEPS_MAX ? "... and more" : text);
	if(e->rpc->array_add(e->steps, FMT("{"), &item) < 0
			|| e->rpc->struct_add(item, FMT("s"), "step", line) < 0)
		e->failed = true;
}

static void stepf(explain_t *e, const char *fmt, ...)
		__attribute__((format(printf, 2, 3)));
static void stepf(explain_t *e, const char *fmt, ...)
{
	char line[STEP_BYTES];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof line, fmt, args);
	va_end(args);
	step(e, line);
}

/** The trunk and the policy asked for. false: faulted. */
static bool find_source(explain_t *e, const med_explain_query_t *q)
{
	med_str_t dash = MED_STR("-");

	if(!med_str_eq(q->trunk, dash)) {
		e->in = med_snapshot_trunk(e->snapshot, q->trunk);
		if(!e->in) {
			e->rpc->fault(e->ctx, 404, FMT("no trunk '%.*s' is in force"),
					MED_STR_FMT(q->trunk));
			return false;
		}
	}
	if(!med_str_eq(q->policy, dash)) {
		e->policy = med_snapshot_policy(e->snapshot, q->policy);
		if(!e->policy) {
			e->rpc->fault(e->ctx, 404, FMT("no policy '%.*s' is in force"),
					MED_STR_FMT(q->policy));
			return false;
		}
	}
	if(!e->in && !e->policy) {
		e->rpc->fault(e->ctx, 400,
				FMT("neither trunk nor policy: nobody's usages could be looked up"));
		return false;
	}
	return true;
}

/** To E.164, by the dial plan of the trunk. MED_EOK, or why not. */
static int normalize(explain_t *e, med_str_t user, med_number_t *out, const char *which,
		med_errbuf_t *err)
{
	med_str_t rules = e->in ? e->in->profile->dial_plan : (med_str_t){0};
	med_number_t number;
	int rc = med_number_from_user(user, &number, err);

	if(rc != MED_EOK)
		return rc;
	rc = med_normalize(e->snapshot, e->scratch, rules, &number, out, &e->trace);
	if(rc == MED_ENOMATCH && !rules.len)
		return med_fail(err, rc, "'%.*s' is not E.164, and no dial plan is set",
				(int)number.len, number.s);
	if(rc == MED_ENOMATCH)
		return med_fail(err, rc, "no rule of dial plan '%.*s' takes '%.*s'",
				MED_STR_FMT(rules), (int)number.len, number.s);
	stepf(e, "%s number '%.*s' is %.*s", which, MED_STR_FMT(user), (int)out->len, out->s);
	return rc;
}

static int add_candidate(explain_t *e, void *list, const med_candidate_t *c)
{
	const med_trunk_t *t = c->trunk;
	str trunk = med_to_str(t->id), gateway = med_to_str(t->gateway->id),
		usage = med_to_str(c->usage), to = med_to_str(t->destination),
		route = c->route ? med_to_str(med_route_id(c->route)) : (str){0};
	med_numbers_t numbers;
	str called, calling;
	void *item;
	int rc;

	stepf(e, "candidate trunk '%.*s': numbers as it wants them", MED_STR_FMT(t->id));
	rc = med_translate(e->snapshot, e->scratch, t, c->route, &e->called, &e->calling,
			&numbers, &e->trace);
	if(rc != MED_EOK) {
		stepf(e, "translation failed: %s", med_strerror(rc));
		return 0;
	}
	called = (str){numbers.called.s, (int)numbers.called.len};
	calling = (str){numbers.calling.s, (int)numbers.calling.len};
	if(e->rpc->array_add(list, FMT("{"), &item) < 0)
		return -1;
	return e->rpc->struct_add(item, FMT("SSSSSSSss"), "trunk", &trunk, "gateway",
			&gateway, "route", &route, "usage", &usage, "to", &to, "called", &called,
			"calling", &calling, "srtp",
			med_srtp_mode_name((enum med_srtp_mode)t->leg.srtp), "media",
			t->leg.anchored ? "anchored" : "direct");
}

/** Chooses and lists. @p result becomes the outcome in a sentence. */
static int choose(explain_t *e, med_errbuf_t *result)
{
	med_query_t query = {.in = e->in, .policy = e->policy, .called = &e->called};
	med_plan_t plan = {0};
	void *list;
	int rc = med_select(e->snapshot, e->scratch, &query, &plan, &e->trace, result);

	if(e->rpc->struct_add(e->top, FMT("["), "candidates", &list) < 0)
		e->failed = true;
	if(rc != MED_EOK) {
		if(!result->text[0])
			med_fail(result, rc, "%s", med_strerror(rc));
		return rc;
	}
	for(size_t i = 0; i < plan.count && !e->failed; i++)
		e->failed = add_candidate(e, list, &plan.candidate[i]) < 0;
	return med_fail(result, MED_EOK, "%zu trunk%s to try", plan.count,
			plan.count == 1 ? "" : "s");
}

static void explain(explain_t *e, const med_explain_query_t *q)
{
	med_errbuf_t result = {""};
	str called;
	int rc;

	stepf(e, "call from %s '%.*s', usages of %s '%.*s'", e->in ? "trunk" : "our own user",
			MED_STR_FMT(q->trunk), e->policy ? "policy" : "the profile of trunk",
			MED_STR_FMT(e->policy ? q->policy : q->trunk));
	rc = normalize(e, q->called, &e->called, "called", &result);
	if(rc == MED_EOK && q->calling.len
			&& normalize(e, q->calling, &e->calling, "calling", &result) != MED_EOK) {
		stepf(e, "calling number left alone: %s", result.text);
		result.text[0] = '\0';
		e->calling.len = 0;
	}
	if(rc == MED_EOK)
		rc = choose(e, &result);
	called = (str){e->called.s, (int)e->called.len};
	if(e->rpc->struct_add(e->top, FMT("Sss"), "e164", &called, "routed",
			   rc == MED_EOK ? "yes" : "no", "result",
			   result.text[0] ? result.text : med_strerror(rc))
					< 0
			|| e->failed)
		e->rpc->fault(e->ctx, 500, FMT("the answer does not fit"));
}

void med_explain(rpc_t *rpc, void *ctx, const med_snapshot_t *snapshot,
		const med_explain_query_t *query)
{
	explain_t e = {.rpc = rpc, .ctx = ctx, .snapshot = snapshot};

	e.trace = (med_trace_t){.step = step, .ctx = &e};
	if(!find_source(&e, query))
		return;
	e.scratch = med_scratch_new(&med_mem_heap);
	if(!e.scratch)
		rpc->fault(ctx, 500, FMT("out of memory"));
	else if(rpc->add(ctx, FMT("{"), &e.top) < 0
			|| rpc->struct_add(e.top, FMT("["), "steps", &e.steps) < 0)
		rpc->fault(ctx, 500, FMT("the answer does not fit"));
	else
		explain(&e, query);
	med_scratch_free(e.scratch);
}
