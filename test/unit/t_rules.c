/**
 * t_rules.c - translation rules: .NET's replacement texts, order, the spec's examples
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core_test.h"

/* Rules of a set are rule.0, rule.1, ...; the number goes through med_normalize(). */
static int apply(const char *const *rules, const char *number, char *out, char *trace)
{
	med_config_t *config = med_config_new(&med_mem_heap, &med_mem_heap);
	med_scratch_t *scratch = med_scratch_new(&med_mem_heap);
	core_texts_t texts = {.len = 0};
	med_trace_t steps = {core_add_step, &texts};
	med_number_t in = core_number(number), result;
	med_field_t fields[16];
	char names[16][8];
	size_t count = 0;
	const med_snapshot_t *snapshot;
	med_errbuf_t err;
	int rc;

	for(; rules[count] != NULL; count++) {
		snprintf(names[count], sizeof(names[count]), "rule.%zu", count);
		fields[count] = (med_field_t){med_str(names[count]), med_str(rules[count])};
	}
	rc = med_config_set(config, MED_KIND_RULES, MED_STR("r"), fields, count, &err);
	ck_assert_msg(rc == MED_EOK, "%s", err.text);
	snapshot = core_build(config);
	rc = med_normalize(snapshot, scratch, MED_STR("r"), &in, &result, &steps);
	if(rc == MED_EOK || rc == MED_ENOMATCH)
		snprintf(out, MED_NUMBER_MAX + 1, "%.*s", (int)result.len, result.s);
	if(trace != NULL)
		snprintf(trace, sizeof(texts.text), "%s", texts.text);
	med_config_release(config, snapshot);
	med_config_free(config);
	med_scratch_free(scratch);
	return rc;
}

START_TEST(translations)
{
	static const struct {
		const char *rule, *number, *result; /* NULL: no match */
	} row[] = {{"^(\\d{11})$ => +$1", "14255550100", "+14255550100"},
			{"^(\\d{4})$ => +1425555$1", "0100", "+14255550100"},
			{"^9(\\d*)$ => $1", "9", NULL}, {"^0(\\d+)$ => +49$1", "030", "+4930"},
			{"^00 => +", "004930", "+4930"}, {"0 => x", "1020", "1x20"},
			{"^(\\d)(\\d) => $2$1", "123", "213"},
			{"^(\\d)(\\d) => ${2}0${1}", "123", "2013"},
			{"^\\d{2} => <$&>", "123", "<12>3"}, {"^\\d{2} => <$0>", "123", "<12>3"},
			{"^1 => $$1", "12", "$12"}, {"^(?<a>\\d)(?<b>\\d)$ => ${b}${a}", "12", "21"},
			{"^(?<a>\\d)(?<b>\\d)$ => $2$1", "12", "21"},
			{"^(1)?(2) => $1-$2", "23", "-23"}, {"^(?=1)(\\d)(9)? => $2+$1", "12", "+12"},
			{"^112$ => 112", "112", "112"}, {"^112$ => 112", "1123", NULL},
			{"\\*(\\d+)# => $1", "*21#", "21"},
			{"^(\\d{3})(?!000)(\\d{3})$ => $2$1", "123456", "456123"},
			{"^(\\d{3})(?!000)(\\d{3})$ => $2$1", "123000", NULL}};
	char out[MED_NUMBER_MAX + 1];

	for(size_t i = 0; i < COUNT(row); i++) {
		int rc = apply((const char *[]){row[i].rule, NULL}, row[i].number, out, NULL);
		ck_assert_msg(rc == (row[i].result ? MED_EOK : MED_ENOMATCH), "%s on %s: %d",
				row[i].rule, row[i].number, rc);
		ck_assert_msg(strcmp(out, row[i].result ? row[i].result : row[i].number) == 0,
				"%s on %s: %s", row[i].rule, row[i].number, out);
	}
}
END_TEST

START_TEST(the_first_that_matches_wins)
{
	const char *const rules[] = {
			"^1(\\d)$ => a$1", "^(?!12)1\\d+$ => b", "^1 => c", "^ => d", NULL};
	static const char *const row[][2] = {
			{"12", "a2"}, {"134", "b"}, {"123", "c23"}, {"2", "d2"}};
	char out[MED_NUMBER_MAX + 1], trace[4096];

	for(size_t i = 0; i < COUNT(row); i++) {
		ck_assert_int_eq(apply(rules, row[i][0], out, trace), MED_EOK);
		ck_assert_str_eq(out, row[i][1]);
	}
	core_assert_has(trace, "rules 'r': rule.3 '^' => 'd': 2 becomes d2");
}
END_TEST

START_TEST(outcomes_that_are_no_number)
{
	char longer[64], out[MED_NUMBER_MAX + 1], trace[4096];

	snprintf(longer, sizeof(longer), "^(\\d+)$ => $1$1$1$1");
	ck_assert_int_eq(apply((const char *[]){longer, NULL},
							 "123456789012345678901234567890123", out, trace),
			MED_ELIMIT);
	core_assert_has(trace, "a limit was reached");
	ck_assert_int_eq(
			apply((const char *[]){"^\\d+$ => ", NULL}, "12", out, trace), MED_ENOMATCH);
	ck_assert_str_eq(out, "12");
	core_assert_has(trace, "left nothing");
	ck_assert_int_eq(
			apply((const char *[]){"^1 => +", NULL}, "2", out, trace), MED_ENOMATCH);
	core_assert_has(trace, "none of 1 rules matches 2");
	ck_assert_int_eq(
			apply((const char *[]){"^\\+1 => 9", NULL}, "+12", out, trace), MED_EOK);
	ck_assert_str_eq(out, "+12"); /* E.164 already */
}
END_TEST

START_TEST(refused_with_a_text)
{
	static const char *const row[][2] = {
			{"^(\\d)$ => $2",
					"rules 'r': field 'rule.0': the pattern has no group '2'; it has 1"},
			{"^(\\d)$ => $10", "a digit after group 1 is written ${1}0"},
			{"^(\\d)$ => $01", ""}, {"^\\d$ => ${x}", "no group 'x'"},
			{"^\\d$ => ${1", "without '}'"}, {"^\\d$ => $", "'$' must be followed by"},
			{"^\\d$ => $`", "'$' must be followed by"},
			{"^\\d$ => $+", "'$' must be followed by"}, {"^\\d$ > 1", "no '=>'"},
			{" => 1", "no pattern"},
			{"^(?<a>\\d)(\\d)$ => $1", ".NET counts named groups last"},
			{"^(\\d => 1", "field 'rule.0': at character"}, {"^\\d++ => 1", "possessive"},
			{"^1 => 1$$2$$3$$4$$5$$6$$7$$8$$9", "more than 16 parts"},
			{"^\x01 => 1", "control character"}, {"^\xff => 1", "not UTF-8"},
			{"^\xc3\xa4 => 1", "not ASCII"}};
	med_config_t *config = med_config_new(&med_mem_heap, &med_mem_heap);

	for(size_t i = 0; i < COUNT(row); i++) {
		med_errbuf_t err = {""};
		int rc = core_try(config, &err, MED_KIND_RULES, "r", "rule.0", row[i][0], NULL);
		ck_assert_msg((rc == MED_EOK) == (row[i][1][0] == '\0'), "%s: %d", row[i][0], rc);
		core_assert_has(err.text, row[i][1]);
	}
	med_config_free(config);
}
END_TEST

/* The examples of spec 3.4, and what lies beside them. */
START_TEST(examples_of_the_spec)
{
	static const struct {
		const char *rule, *number, *result;
	} row[] = {{"^\\+(\\d*)$ => $1", "+441235551010", "441235551010"},
			{"^\\+(1\\d{10})$ => $1", "+12065550100", "12065550100"},
			{"^\\+(1\\d{10})$ => $1", "+120655501000", "+120655501000"},
			{"^\\+(\\d{9}\\d+)$ => 011$1", "+441235551010", "011441235551010"},
			{"^\\+(\\d{9}\\d+)$ => 011$1", "+123456789", "+123456789"},
			{"^\\+1425(\\d{7})$ => $1", "+14255550100", "5550100"},
			{"^\\+1425(\\d{7})$ => $1", "+12065550100", "+12065550100"}};

	for(size_t i = 0; i < COUNT(row); i++) {
		med_config_t *config = med_config_new(&med_mem_heap, &med_mem_heap);
		med_scratch_t *scratch = med_scratch_new(&med_mem_heap);
		med_number_t called = core_number(row[i].number), calling = {.len = 0};
		const med_snapshot_t *snapshot;
		med_numbers_t out;
		core_set(config, MED_KIND_GATEWAY, "g", "address", "192.0.2.1", NULL);
		core_set(config, MED_KIND_TRUNK, "g", "transport", "tcp", NULL);
		core_set(config, MED_KIND_RULES, "r", "rule.0", row[i].rule, NULL);
		core_set(config, MED_KIND_PROFILE, "global", "outbound_translation_rules", "r",
				NULL);
		snapshot = core_build(config);
		ck_assert_int_eq(med_translate(snapshot, scratch,
								 med_snapshot_trunk(snapshot, MED_STR("g")), NULL,
								 &called, &calling, &out, NULL),
				MED_EOK);
		core_assert_number(out.called, row[i].result);
		ck_assert_int_eq(out.called_changed, strcmp(row[i].number, row[i].result) != 0);
		ck_assert(!out.calling_changed);
		med_config_release(config, snapshot);
		med_config_free(config);
		med_scratch_free(scratch);
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = {translations, the_first_that_matches_wins,
			outcomes_that_are_no_number, refused_with_a_text, examples_of_the_spec};

	return core_run("rules", tests, COUNT(tests));
}
