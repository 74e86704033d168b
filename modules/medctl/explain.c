/**
 * explain.c - where a call would go and why, decided here by the code of the nodes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <string.h>

#include "medcore/explain.h"
#include "medctl/output.h"
#include "medctl/world.h"

typedef struct explainer {
	out_json_t j;
	bool json;
	unsigned candidates;
} explainer_t;

static void on_step(void *ctx, const char *text)
{
	explainer_t *e = ctx;

	if(e->json) {
		json_str(&e->j, NULL, med_str(text));
		return;
	}
	out_safe(stdout, med_str(text));
	(void)putchar('\n');
}

static med_str_t number(const med_number_t *n)
{
	return (med_str_t){n->s, n->len};
}

static void show_candidate(
		explainer_t *e, const med_candidate_t *c, const med_numbers_t *numbers)
{
	(void)printf("%u. %.*s  %.*s  called %.*s", ++e->candidates,
			MED_STR_FMT(c->trunk->id), MED_STR_FMT(c->trunk->destination),
			MED_STR_FMT(number(&numbers->called)));
	if(numbers->calling.len > 0)
		(void)printf("  calling %.*s", MED_STR_FMT(number(&numbers->calling)));
	(void)printf("  (usage %.*s, route %.*s)\n", MED_STR_FMT(c->usage),
			MED_STR_FMT(med_route_id(c->route)));
}

static void candidate_as_json(
		explainer_t *e, const med_candidate_t *c, const med_numbers_t *numbers)
{
	json_open(&e->j, NULL, '{');
	json_str(&e->j, "trunk", c->trunk->id);
	json_str(&e->j, "destination", c->trunk->destination);
	json_str(&e->j, "called", number(&numbers->called));
	json_str(&e->j, "calling", number(&numbers->calling));
	json_str(&e->j, "usage", c->usage);
	json_str(&e->j, "route", med_route_id(c->route));
	json_str(&e->j, "media",
			med_str(c->bypassed                      ? "bypass"
							: c->trunk->leg.anchored ? "anchored"
													 : "direct"));
	json_close(&e->j, '}');
}

/* Candidates come while steps are told: they are kept for the end. */
typedef struct kept {
	explainer_t *e;
	med_candidate_t candidate[MED_PLAN_MAX];
	med_numbers_t numbers[MED_PLAN_MAX];
	size_t count;
} kept_t;

static void keep_step(void *ctx, const char *text)
{
	on_step(((kept_t *)ctx)->e, text);
}

static void keep_candidate(
		void *ctx, const med_candidate_t *candidate, const med_numbers_t *numbers)
{
	kept_t *kept = ctx;

	if(kept->count == MED_PLAN_MAX)
		return;
	kept->candidate[kept->count] = *candidate;
	kept->numbers[kept->count++] = *numbers;
}

static void show_outcome(
		explainer_t *e, const kept_t *kept, const med_explain_result_t *result)
{
	if(e->json) {
		json_close(&e->j, ']');
		json_open(&e->j, "candidates", '[');
	} else {
		(void)putchar('\n');
	}
	for(size_t i = 0; i < kept->count; i++) {
		if(e->json)
			candidate_as_json(e, &kept->candidate[i], &kept->numbers[i]);
		else
			show_candidate(e, &kept->candidate[i], &kept->numbers[i]);
	}
	if(e->json) {
		json_close(&e->j, ']');
		json_bool(&e->j, "routed", result->outcome == MED_EOK);
		json_str(&e->j, "text", med_str(result->text.text));
	} else if(result->outcome != MED_EOK) {
		(void)printf("%s\n", result->text.text);
	}
}

/* trunk:ID or policy:ID; false: told. */
static bool parse_from(const char *text, med_explain_query_t *query)
{
	if(strncmp(text, "trunk:", 6) == 0 && text[6] != '\0')
		query->trunk = med_str(text + 6);
	else if(strncmp(text, "policy:", 7) == 0 && text[7] != '\0')
		query->policy = med_str(text + 7);
	else
		out_error("'%s': write trunk:ID or policy:ID", text);
	return query->trunk.len > 0 || query->policy.len > 0;
}

static int explain(medctl_t *m, world_t *w, const med_explain_query_t *query)
{
	med_scratch_t *scratch = med_scratch_new(&med_mem_heap);
	explainer_t e = {.j = {.out = stdout}, .json = m->json};
	kept_t kept = {.e = &e};
	med_explain_sink_t sink = {keep_step, keep_candidate, &kept};
	med_explain_result_t result;
	int rc;

	if(scratch == NULL) {
		out_error("out of memory");
		return MEDCTL_FAILED;
	}
	if(m->json) {
		json_open(&e.j, NULL, '{');
		json_open(&e.j, "steps", '[');
	}
	rc = med_explain(w->snapshot, scratch, query, &sink, &result);
	if(rc == MED_EOK || m->json)
		show_outcome(&e, &kept, &result);
	if(m->json) {
		json_close(&e.j, '}');
		json_end(&e.j);
	}
	if(rc != MED_EOK)
		out_error("%s", result.text.text);
	med_scratch_free(scratch);
	return rc == MED_EOK && result.outcome == MED_EOK ? MEDCTL_OK : MEDCTL_NO;
}

int medctl_explain(medctl_t *m)
{
	med_explain_query_t query = {.called = med_str(m->argv[1])};
	world_t w;
	int rc;

	if(!parse_from(m->argv[0], &query))
		return MEDCTL_USAGE;
	query.calling = med_str(m->calling);
	if(m->at != NULL && med_instant_parse(med_str(m->at), &query.now) != MED_EOK) {
		out_error("--at '%s': write a moment in UTC, as in 2026-12-24T18:00Z", m->at);
		return MEDCTL_USAGE;
	}
	rc = world_open(&w, m);
	if(rc == MEDCTL_OK)
		rc = world_load(&w, m->file);
	if(rc == MEDCTL_OK)
		rc = explain(m, &w, &query);
	world_close(&w);
	return rc;
}
