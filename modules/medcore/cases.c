/**
 * cases.c - stored routing cases: what should become of a call, and what does
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "medcore/cases.h"

#include <string.h>

#include "medcore/schema.h"

/* All fields are texts but the result, which is a word. */
static void read_field(
		med_test_record_t *test, const med_field_def_t *def, med_str_t value)
{
	char *at = (char *)test + def->offset;
	int word;

	if(def->type != MED_TYPE_WORD) {
		*(med_str_t *)(void *)at = value;
		return;
	}
	word = med_word_find(def->words, value);
	if(word >= 0)
		*(uint32_t *)(void *)at = (uint32_t)word;
}

void med_case_read(const med_card_t *card, med_test_record_t *test)
{
	med_field_t field;

	memset(test, 0, sizeof(*test)); /* the first word is the default */
	for(size_t at = 0; med_card_next(card, &at, &field);) {
		const med_field_def_t *def = med_schema_field(MED_KIND_TEST, field.name);
		if(def != NULL)
			read_field(test, def, field.value);
	}
}

static const char *result_name(unsigned result)
{
	const med_field_def_t *def =
			med_schema_field(MED_KIND_TEST, MED_STR("expected_result"));

	return def->words[result];
}

/* What an outcome is called in a case; NULL: none of what one can expect. */
static const char *outcome_name(int outcome)
{
	switch(outcome) {
		case MED_EOK:
			return result_name(MED_EXPECT_ROUTED);
		case MED_ENOROUTE:
			return result_name(MED_EXPECT_NO_ROUTE);
		case MED_ENOUSAGE:
			return result_name(MED_EXPECT_NO_USAGE);
		case MED_EALLDOWN:
		case MED_EREFUSED: /* the only trunk is the one it came from */
			return result_name(MED_EXPECT_ALL_DOWN);
		case MED_EFORBIDDEN:
			return result_name(MED_EXPECT_FORBIDDEN);
		case MED_EINVAL:
		case MED_ENOMATCH:
			return result_name(MED_EXPECT_INVALID);
		default:
			return NULL;
	}
}

static void expect(
		med_case_result_t *result, const char *field, med_str_t expected, med_str_t came)
{
	med_expectation_t *e = &result->expectation[result->count];

	if(expected.len == 0)
		return;
	*e = (med_expectation_t){field, expected, came, med_str_eq(expected, came)};
	result->passed = result->passed && e->met;
	result->count++;
}

static med_str_t number_text(const med_number_t *number)
{
	return (med_str_t){number->s, number->len};
}

static void first_numbers(
		void *ctx, const med_candidate_t *candidate, const med_numbers_t *numbers)
{
	med_case_result_t *result = ctx;

	if(result->translated
			|| candidate->trunk != result->explained.plan.candidate[0].trunk)
		return;
	result->called.len = numbers->called.len;
	memcpy(result->called.s, numbers->called.s, numbers->called.len);
	result->translated = true;
}

static void compare(med_case_result_t *result, const med_test_record_t *test)
{
	const med_explain_result_t *explained = &result->explained;
	const med_candidate_t *first =
			explained->plan.count == 0 ? NULL : &explained->plan.candidate[0];
	const char *came = outcome_name(explained->outcome);
	med_str_t none = {"", 0};

	expect(result, "expected_result", med_str(result_name(test->expected_result)),
			came == NULL ? med_str(med_strerror(explained->outcome)) : med_str(came));
	expect(result, "expected_translated_number", test->expected_translated_number,
			number_text(&explained->called));
	expect(result, "expected_route", test->expected_route,
			first == NULL ? none : med_route_id(first->route));
	expect(result, "expected_usage", test->expected_usage,
			first == NULL ? none : first->usage);
	expect(result, "expected_trunk", test->expected_trunk,
			first == NULL ? none : first->trunk->id);
	expect(result, "expected_called_number", test->expected_called_number,
			result->translated ? number_text(&result->called) : none);
}

void med_case_run(const med_snapshot_t *snapshot, med_scratch_t *scratch,
		const med_test_record_t *test, med_str_t pool, med_case_result_t *result)
{
	med_explain_query_t query = {
			.trunk = test->from_trunk,
			.site = test->from_site,
			.pool = test->from_pool.len > 0 ? test->from_pool : pool,
			.policy = test->target_policy,
			.dial_plan = test->target_dialplan,
			.called = test->dialed_number,
			.calling = test->calling_number,
	};
	med_explain_sink_t sink = {NULL, first_numbers, result};
	int rc;

	(void)med_instant_parse(test->at, &query.now); /* none: now */
	result->count = 0;
	result->translated = false;
	if(test->from_pool.len > 0 && med_snapshot_pool(snapshot, test->from_pool) == NULL)
		rc = med_fail(&result->explained.text, MED_ENOMATCH, "no pool '%.*s' is in force",
				MED_STR_FMT(test->from_pool));
	else
		rc = med_explain(snapshot, scratch, &query, &sink, &result->explained);
	result->text = result->explained.text;
	result->passed = rc == MED_EOK;
	if(rc == MED_EOK)
		compare(result, test);
	else
		expect(result, "expected_result", med_str(result_name(test->expected_result)),
				MED_STR("not tried"));
}
