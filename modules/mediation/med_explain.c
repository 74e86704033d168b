/**
 * med_explain.c - RPC mediation.explain: medcore's explain, as an RPC answer
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_explain.h"

#include "med_compat.h"
#include "med_rpc_item.h"
#include "med_rpc_words.h"

#include <stdio.h>

/* What fits into an answer of 32 kB beside 16 candidates with the longest names. */
#define STEPS_MAX 120
#define STEPS_BYTES 11000
#define STEP_BYTES 180

typedef struct answer {
	rpc_t *rpc;
	void *steps, *candidates;
	unsigned count;
	size_t left; /**< bytes for steps */
	bool full, failed;
} answer_t;

static void add_step(void *ctx, const char *text)
{
	answer_t *a = ctx;
	char line[STEP_BYTES];
	size_t cost;
	void *item;

	if(a->failed || a->full)
		return;
	snprintf(line, sizeof line, "%s", text);
	cost = med_item_cost(MED_STR("step"), med_str(line));
	a->full = ++a->count > STEPS_MAX || cost > a->left;
	if(a->full)
		snprintf(line, sizeof line, "... and more");
	else
		a->left -= cost;
	if(a->rpc->array_add(a->steps, MED_FMT("{"), &item) < 0
			|| a->rpc->struct_add(item, MED_FMT("s"), "step", line) < 0)
		a->failed = true;
}

static void add_candidate(
		void *ctx, const med_candidate_t *c, const med_numbers_t *numbers)
{
	answer_t *a = ctx;
	const med_trunk_t *t = c->trunk;
	str trunk = med_to_str(t->id), gateway = med_to_str(t->gateway->id),
		usage = med_to_str(c->usage), to = med_to_str(t->destination),
		route = med_to_str(med_route_id(c->route)),
		called = {(char *)(uintptr_t)numbers->called.s, (int)numbers->called.len},
		calling = {(char *)(uintptr_t)numbers->calling.s, (int)numbers->calling.len};
	void *item;

	if(a->failed || a->rpc->array_add(a->candidates, MED_FMT("{"), &item) < 0
			|| a->rpc->struct_add(item, MED_FMT("SSSSSSSss"), "trunk", &trunk, "gateway",
					   &gateway, "route", &route, "usage", &usage, "to", &to, "called",
					   &called, "calling", &calling, "srtp",
					   med_srtp_mode_name((enum med_srtp_mode)t->leg.srtp), "media",
					   c->bypassed               ? "bypass"
							   : t->leg.anchored ? "anchored"
												 : "direct")
					< 0)
		a->failed = true;
}

static void explain(rpc_t *rpc, void *ctx, const med_snapshot_t *snapshot,
		const med_explain_query_t *query, med_scratch_t *scratch)
{
	answer_t a = {.rpc = rpc, .left = STEPS_BYTES};
	med_explain_sink_t sink = {add_step, add_candidate, &a};
	med_explain_result_t result;
	void *top;
	str called;
	int rc;

	if(rpc->add(ctx, MED_FMT("{"), &top) < 0
			|| rpc->struct_add(top, MED_FMT("["), "steps", &a.steps) < 0
			|| rpc->struct_add(top, MED_FMT("["), "candidates", &a.candidates) < 0)
		a.failed = true;
	rc = med_explain(snapshot, scratch, query, &sink, &result);
	if(rc != MED_EOK) {
		rpc->fault(ctx, rc == MED_ENOMATCH ? 404 : 400, MED_FMT("%s"), result.text.text);
		return;
	}
	called = (str){result.called.s, (int)result.called.len};
	if(a.failed
			|| rpc->struct_add(top, MED_FMT("Sss"), "e164", &called, "routed",
					   result.outcome == MED_EOK ? "yes" : "no", "result",
					   result.text.text)
					< 0)
		rpc->fault(ctx, 500, MED_FMT("the answer does not fit"));
}

void med_explain_rpc(rpc_t *rpc, void *ctx, const med_snapshot_t *snapshot,
		const med_explain_query_t *query)
{
	med_scratch_t *scratch = med_scratch_new(&med_mem_heap);

	if(scratch)
		explain(rpc, ctx, snapshot, query, scratch);
	else
		rpc->fault(ctx, 500, MED_FMT("out of memory"));
	med_scratch_free(scratch);
}
