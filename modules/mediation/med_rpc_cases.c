/**
 * med_rpc_cases.c - RPC mediation.test: stored routing cases on the snapshot in force
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_rpc_cases.h"

#include "med_compat.h"
#include "med_params.h"
#include "med_rpc_item.h"
#include "med_rpc_list.h"
#include "med_rpc_words.h"
#include "med_shm.h"
#include "medcore/cases.h"

#include <stdio.h>

/** One answer under way. */
typedef struct run {
	rpc_t *rpc;
	void *ctx, *top, *list;
	const med_snapshot_t *snapshot;
	med_scratch_t *scratch;
	med_page_t page;
	size_t left; /**< bytes of the answer */
	int passed, failed;
	bool broken;
} run_t;

static void does_not_fit(const run_t *run)
{
	run->rpc->fault(run->ctx, 500, MED_FMT("the answer does not fit"));
}

/** "expected_route: near", "came_route: near" */
static void show_expectation(med_item_t *item, const med_expectation_t *e)
{
	char came[40];

	snprintf(came, sizeof came, "came_%s", e->field + sizeof "expected_" - 1);
	med_item_add(item, e->field, e->expected);
	med_item_add(item, came, e->came);
}

static void run_case(run_t *run, med_item_t *item, const med_card_t *card)
{
	med_test_record_t test;
	med_case_result_t result;

	med_case_read(card, &test);
	med_case_run(run->snapshot, run->scratch, &test, med_str(med_param_pool), &result);
	if(result.passed)
		run->passed++;
	else
		run->failed++;
	med_item_add(item, "id", med_card_id(card));
	med_item_add(item, "passed", med_str(result.passed ? "yes" : "no"));
	for(size_t i = 0; i < result.count; i++)
		show_expectation(item, &result.expectation[i]);
	med_item_add(item, "text", med_str(result.text.text));
	run->broken = run->broken || item->failed;
}

static void run_one(run_t *run, med_str_t id)
{
	const med_card_t *card = med_snapshot_card(run->snapshot, MED_KIND_TEST, id);
	med_item_t item = {.rpc = run->rpc, .left = MED_ITEM_BYTES};

	if(!card) {
		med_rpc_absent(run->rpc, run->ctx, MED_KIND_TEST, id);
		return;
	}
	if(run->rpc->add(run->ctx, MED_FMT("{"), &item.node) >= 0)
		run_case(run, &item, card);
	else
		run->broken = true;
	if(run->broken)
		does_not_fit(run);
}

static void run_page(run_t *run)
{
	size_t total = med_snapshot_count(run->snapshot, MED_KIND_TEST);
	size_t at = (size_t)run->page.offset, end = at + (size_t)run->page.limit;

	for(; at < end && at < total && run->left >= MED_ITEM_LEAST && !run->broken; at++) {
		med_item_t item = {.rpc = run->rpc, .left = MED_ITEM_LEAST};
		run->broken = run->rpc->array_add(run->list, MED_FMT("{"), &item.node) < 0;
		if(!run->broken)
			run_case(run, &item, med_snapshot_card_at(run->snapshot, MED_KIND_TEST, at));
		run->left -= MED_ITEM_LEAST - item.left;
	}
	if(!run->broken)
		run->broken = run->rpc->struct_add(run->top, MED_FMT("ddd"), "total", (int)total,
							  "passed", run->passed, "failed", run->failed)
				< 0;
	if(!run->broken && at < total)
		run->broken = run->rpc->struct_add(run->top, MED_FMT("d"), "next", (int)at) < 0;
}

static void run_many(run_t *run)
{
	run->left = MED_ANSWER_BYTES;
	if(run->rpc->add(run->ctx, MED_FMT("{"), &run->top) < 0
			|| run->rpc->struct_add(run->top, MED_FMT("dd"), "offset", run->page.offset,
					   "limit", run->page.limit)
					< 0
			|| run->rpc->struct_add(run->top, MED_FMT("["), "cases", &run->list) < 0)
		run->broken = true;
	else
		run_page(run);
	if(run->broken)
		does_not_fit(run);
}

void med_rpc_cases(rpc_t *rpc, void *ctx)
{
	MED_SNAPSHOT(snapshot);
	run_t run = {
			.rpc = rpc, .ctx = ctx, .snapshot = snapshot, .page = {0, MED_PAGE_DEFAULT}};
	med_words_t words;

	if(!med_words_scan(rpc, ctx, 2, &words))
		return;
	if(!snapshot) {
		rpc->fault(ctx, 503, MED_FMT("nothing is loaded yet: see mediation.status"));
		return;
	}
	if(words.count == 2
			&& !med_page_read(
					rpc, ctx, words.word[0], words.word[1], MED_PAGE_MAX, &run.page))
		return;
	run.scratch = med_scratch_new(&med_mem_heap);
	if(!run.scratch)
		rpc->fault(ctx, 500, MED_FMT("out of memory"));
	else if(words.count == 1)
		run_one(&run, words.word[0]);
	else
		run_many(&run);
	med_scratch_free(run.scratch);
}
