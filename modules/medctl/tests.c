/**
 * tests.c - stored routing cases, run on what would be in force
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <string.h>

#include "medcore/cases.h"
#include "medctl/output.h"
#include "medctl/tests.h"

typedef struct running {
	medctl_t *m;
	med_scratch_t *scratch;
	out_json_t j;
	bool print;
	size_t passed, failed;
} running_t;

static void as_json(running_t *r, med_str_t id, const med_case_result_t *result)
{
	json_open(&r->j, NULL, '{');
	json_str(&r->j, "id", id);
	json_bool(&r->j, "passed", result->passed);
	json_str(&r->j, "text", med_str(result->text.text));
	json_open(&r->j, "expectations", '[');
	for(size_t i = 0; i < result->count; i++) {
		const med_expectation_t *e = &result->expectation[i];
		json_open(&r->j, NULL, '{');
		json_str(&r->j, "field", med_str(e->field));
		json_str(&r->j, "expected", e->expected);
		json_str(&r->j, "came", e->came);
		json_bool(&r->j, "met", e->met);
		json_close(&r->j, '}');
	}
	json_close(&r->j, ']');
	json_close(&r->j, '}');
}

static void as_text(FILE *out, med_str_t id, const med_case_result_t *result)
{
	(void)fprintf(out, "%s %.*s: %s\n", result->passed ? "ok    " : "FAILED",
			MED_STR_FMT(id), result->text.text);
	for(size_t i = 0; i < result->count; i++) {
		const med_expectation_t *e = &result->expectation[i];
		if(e->met)
			continue;
		(void)fprintf(out, "       %s: expected '", e->field);
		out_safe(out, e->expected);
		(void)fputs("', came '", out);
		out_safe(out, e->came);
		(void)fputs("'\n", out);
	}
}

static void run_case(running_t *r, const world_t *w, const med_card_t *card)
{
	med_test_record_t test;
	med_case_result_t result;

	med_case_read(card, &test);
	med_case_run(w->snapshot, r->scratch, &test, med_str(r->m->pool), &result);
	r->passed += result.passed;
	r->failed += !result.passed;
	if(r->m->json && r->print)
		as_json(r, med_card_id(card), &result);
	else if(r->print || !result.passed)
		as_text(r->print ? stdout : stderr, med_card_id(card), &result);
}

static void run_all(running_t *r, const world_t *w)
{
	const med_card_t *card;

	for(size_t i = 0;
			(card = med_snapshot_card_at(w->snapshot, MED_KIND_TEST, i)) != NULL; i++)
		run_case(r, w, card);
}

static void run_named(running_t *r, const world_t *w, char **ids, int count)
{
	for(int i = 0; i < count; i++) {
		const med_card_t *card =
				med_snapshot_card(w->snapshot, MED_KIND_TEST, med_str(ids[i]));
		if(card != NULL) {
			run_case(r, w, card);
			continue;
		}
		out_error("there is no test '%s', or it is refused", ids[i]);
		r->failed++;
	}
}

int tests_run(medctl_t *m, world_t *w, char **ids, int count, bool print)
{
	running_t r = {.m = m,
			.scratch = med_scratch_new(&med_mem_heap),
			.j = {.out = stdout},
			.print = print};

	if(r.scratch == NULL) {
		out_error("out of memory");
		return MEDCTL_FAILED;
	}
	if(m->json && print) {
		json_open(&r.j, NULL, '{');
		json_open(&r.j, "cases", '[');
	}
	if(count > 0)
		run_named(&r, w, ids, count);
	else
		run_all(&r, w);
	if(m->json && print) {
		json_close(&r.j, ']');
		json_number(&r.j, "passed", (long long)r.passed);
		json_number(&r.j, "failed", (long long)r.failed);
		json_close(&r.j, '}');
		json_end(&r.j);
	} else if(print) {
		(void)printf("%zu passed, %zu failed\n", r.passed, r.failed);
	}
	med_scratch_free(r.scratch);
	return r.failed > 0 ? MEDCTL_NO : MEDCTL_OK;
}

int medctl_test(medctl_t *m)
{
	world_t w;
	int rc = world_open(&w, m);

	if(rc == MEDCTL_OK)
		rc = world_load(&w, m->file);
	if(rc == MEDCTL_OK)
		rc = world_find_pool(&w, m->pool);
	if(rc == MEDCTL_OK)
		rc = tests_run(m, &w, m->argv, m->argc, true);
	world_close(&w);
	return rc;
}
