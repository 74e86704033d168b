/**
 * med_rpc_inquiry.c - RPC mediation.test_trunk and its like: medcore's questions
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_rpc_inquiry.h"

#include "med_compat.h"
#include "med_params.h"
#include "med_rpc_item.h"
#include "med_rpc_words.h"
#include "med_shm.h"
#include "medcore/inquiry.h"

/** What is told while the question is asked: a fault must not have a half answer. */
typedef struct told_route {
	med_str_t usage;
	const med_route_t *route;
} told_route_t;

#define TOLD_FIELDS 8

typedef struct told {
	struct {
		const char *name;
		size_t at, len;
	} field[TOLD_FIELDS];
	unsigned fields, routes;
	told_route_t route[MED_ASKED_ROUTES];
	size_t used;
	char bytes[4096];
} told_t;

static void keep_field(void *ctx, const char *name, med_str_t value)
{
	told_t *told = ctx;

	if(told->fields == TOLD_FIELDS || value.len > sizeof told->bytes - told->used)
		return;
	told->field[told->fields].name = name;
	told->field[told->fields].at = told->used;
	told->field[told->fields++].len = value.len;
	memcpy(told->bytes + told->used, value.s, value.len);
	told->used += value.len;
}

static void keep_route(void *ctx, med_str_t usage, const med_route_t *route)
{
	told_t *told = ctx;

	if(told->routes < MED_ASKED_ROUTES)
		told->route[told->routes++] = (told_route_t){usage, route};
}

static bool show_routes(rpc_t *rpc, void *top, const told_t *told)
{
	void *list, *item;

	if(told->routes == 0)
		return true;
	if(rpc->struct_add(top, MED_FMT("["), "routes", &list) < 0)
		return false;
	for(unsigned i = 0; i < told->routes; i++) {
		const told_route_t *at = &told->route[i];
		str usage = med_to_str(at->usage), id = med_to_str(med_route_id(at->route)),
			pattern = med_to_str(med_route_pattern(at->route));

		if(rpc->array_add(list, MED_FMT("{"), &item) < 0
				|| rpc->struct_add(item, MED_FMT("SSuS"), "route", &id, "usage", &usage,
						   "priority", med_route_priority(at->route), "pattern", &pattern)
						< 0)
			return false;
	}
	return true;
}

static void show(rpc_t *rpc, void *ctx, const told_t *told, const med_answer_t *answer)
{
	med_item_t item = {.rpc = rpc, .left = MED_ITEM_BYTES};

	if(rpc->add(ctx, MED_FMT("{"), &item.node) < 0) {
		rpc->fault(ctx, 500, MED_FMT("the answer does not fit"));
		return;
	}
	med_item_add(&item, "matched", med_str(answer->matched ? "yes" : "no"));
	for(unsigned i = 0; i < told->fields; i++)
		med_item_add(&item, told->field[i].name,
				(med_str_t){told->bytes + told->field[i].at, told->field[i].len});
	med_item_add(&item, "text", med_str(answer->text.text));
	if(item.failed || !show_routes(rpc, item.node, told))
		rpc->fault(ctx, 500, MED_FMT("the answer does not fit"));
}

static void inquire(rpc_t *rpc, void *ctx, const med_inquiry_t *inquiry,
		const med_snapshot_t *snapshot, const med_question_t *question)
{
	med_scratch_t *scratch = med_scratch_new(&med_mem_heap);
	told_t told = {.fields = 0};
	med_answer_sink_t sink = {keep_field, keep_route, &told};
	med_answer_t answer;
	int rc;

	if(!scratch) {
		rpc->fault(ctx, 500, MED_FMT("out of memory"));
		return;
	}
	rc = med_inquire(inquiry, snapshot, scratch, question, &sink, &answer);
	if(rc == MED_EOK)
		show(rpc, ctx, &told, &answer);
	else
		rpc->fault(ctx,
				rc == MED_ENOMATCH         ? 404
						: rc == MED_ENOMEM ? 500
										   : 400,
				MED_FMT("%s"), answer.text.text);
	med_scratch_free(scratch);
}

void med_rpc_inquiry(rpc_t *rpc, void *ctx, const char *name)
{
	MED_SNAPSHOT(snapshot);
	const med_inquiry_t *inquiry = med_inquiry_find(name);
	med_question_t question = {.pool = med_str(med_param_pool)};
	unsigned most = 0;
	med_words_t words;

	if(!inquiry)
		return;
	while(inquiry->words[most] != MED_ASKED_END)
		most++;
	if(!med_words_scan(rpc, ctx, most, &words))
		return;
	if(!snapshot) {
		rpc->fault(ctx, 503, MED_FMT("nothing is loaded yet: see mediation.status"));
		return;
	}
	for(unsigned i = 0; i < words.count; i++)
		question.word[inquiry->words[i]] = words.word[i];
	inquire(rpc, ctx, inquiry, snapshot, &question);
}
