/**
 * t_pattern.c - recognised patterns say what PCRE2 says; the rest is bounded
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <time.h>

#include "core_test.h"

#include "medcore/pattern.h"

/* ---- the oracle
 * ------------------------------------------------------------------------ */

static pcre2_code *compile(const char *pattern)
{
	int error;
	PCRE2_SIZE at;

	return pcre2_compile(
			(PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, 0, &error, &at, NULL);
}

/* Match and groups, as "[0,5][1,5]..."; "no" without a match. */
static void oracle(const pcre2_code *code, const char *subject, char *out, size_t size)
{
	pcre2_match_data *data = pcre2_match_data_create(MED_PATTERN_GROUPS, NULL);
	int count = pcre2_match(code, (PCRE2_SPTR)subject, strlen(subject), 0, 0, data, NULL);
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(data);
	size_t used = 0;

	ck_assert_int_ge(count, PCRE2_ERROR_NOMATCH);
	snprintf(out, size, "no");
	for(int i = 0; count > 0 && i < MED_PATTERN_GROUPS; i++) {
		bool set = i < count && at[2 * i] != PCRE2_UNSET && at[2 * i + 1] > at[2 * i];
		used += (size_t)snprintf(out + used, size - used, "[%zu,%zu]",
				set ? at[2 * i] : 0, set ? at[2 * i + 1] - at[2 * i] : 0);
	}
	pcre2_match_data_free(data);
}

static void ours(const med_variants_t *variants, const char *text, char *out, size_t size)
{
	med_subject_t subject = med_subject(med_str(text));
	size_t used = 0, end;

	snprintf(out, size, "no");
	for(unsigned i = 0; i < variants->count; i++) {
		const med_variant_t *v = &variants->variant[i];
		if(!med_variant_match(v, &subject, &end))
			continue;
		for(unsigned g = 0; g < MED_PATTERN_GROUPS; g++) {
			med_span_t span = med_variant_group(v, &subject, end, g);
			used += (size_t)snprintf(out + used, size - used, "[%u,%u]",
					span.len > 0 ? span.at : 0u, (unsigned)span.len);
		}
		return;
	}
}

static void compare(const med_variants_t *variants, const pcre2_code *code,
		const char *pattern, const char *subject)
{
	char expected[128], got[128];

	oracle(code, subject, expected, sizeof(expected));
	ours(variants, subject, got, sizeof(got));
	ck_assert_msg(strcmp(expected, got) == 0, "'%s' on '%s': got %s, PCRE2 %s", pattern,
			subject, got, expected);
}

/* ---- recognising
 * ----------------------------------------------------------------------- */

START_TEST(what_rule_builders_make_is_recognised)
{
	static const char *const patterns[] = {"^\\+?(\\d*)$", "^\\+1(425|206|253)(\\d{7})$",
			"^(\\d{11})$", "^\\+(1\\d{10})$", "^\\+(\\d{9}\\d+)$", "^\\+1425(\\d{7})$",
			"^", "^$", "^\\+49", "^((\\+1425)|(\\+1206))", "^(?:\\+|00)49(\\d+)$",
			"^[2-9]\\d{2}$", "^\\+1([2-9]\\d{2}[2-9]\\d{6})$", "^1?(\\d{10})$",
			"^(\\+1)?(\\d{10})$", "^0(0|11)(\\d{7,})$", "^112$|^110$", "^(11[02]|911)$",
			"^\\d{3,5}", "^9(\\d{1,15})", "^()(\\d)?$", "^\\d{0}1{3}$", "^(4|42)(\\d*)$",
			"^(\\d*)()$", "^\\d{0,300}$"};
	static const char *const subjects[] = {"", "+", "1", "+1", "112", "911", "4255550100",
			"14255550100", "+14255550100", "+12065550100", "+12535550100", "+13605550100",
			"00493012345", "+493012345", "49301", "011493012345", "425", "42555",
			"425555", "+111", "111", "42", "4", "12345678901234567890123456789", "12*",
			"*12", "+1*", "1+2", "a1", "1a"};
	med_variants_t variants;

	for(size_t i = 0; i < COUNT(patterns); i++) {
		pcre2_code *code = compile(patterns[i]);
		ck_assert_msg(med_pattern_recognise(med_str(patterns[i]), &variants), "%s",
				patterns[i]);
		ck_assert_ptr_nonnull(code);
		for(size_t k = 0; k < COUNT(subjects); k++)
			compare(&variants, code, patterns[i], subjects[k]);
		pcre2_code_free(code);
	}
}
END_TEST

START_TEST(the_rest_is_not)
{
	static const char *const patterns[] = {"", "\\d+", "[0-9]{10}", "^(?!911)\\d+$",
			"^\\d*1$", "^(\\d+)+$", "^\\d+?", "^\\d++", "^1|2", "^(1", "^1)", "^[^1]",
			"^[a-f]", "^a", "^.", "^\\s", "^1$2", "^\\+\\+", "^1\\+", "^$*", "^${1}",
			"^(1){2}", "^\\d{3,2}", "^[9-0]", "^[", "^[]", "^\\d{", "^\\d{,3}", "^*",
			"^\\", "^(((((1)))))", "^(?<n>1)", "^1{99999}", "^\\d{25}",
			"^(1)(2)(3)(4)(5)(6)(7)(8)(9)(0)", "^(1|2)(1|2)(1|2)(1|2)(1|2)(1|2)",
			"^\\+49 ", "^(\\+|1)\\+"};
	med_variants_t variants;

	for(size_t i = 0; i < COUNT(patterns); i++)
		ck_assert_msg(!med_pattern_recognise(med_str(patterns[i]), &variants), "%s",
				patterns[i]);
}
END_TEST

/* ---- generated
 * ------------------------------------------------------------------------- */

static uint64_t state = 2013;

static void add(char *out, size_t size, const char *text)
{
	size_t len = strlen(out);

	if(len + strlen(text) < size)
		memcpy(out + len, text, strlen(text) + 1);
}

static void add_atom(char *out, size_t size, unsigned depth);

static void add_sequence(char *out, size_t size, unsigned depth)
{
	for(unsigned n = core_draw(&state, 4); n > 0; n--)
		add_atom(out, size, depth);
}

static void add_atom(char *out, size_t size, unsigned depth)
{
	static const char *const sets[] = {
			"0", "1", "2", "4", "\\d", "\\d", "[0-9]", "[2-4]", "[14]", "\\+"};
	static const char *const counts[] = {
			"", "", "", "", "?", "*", "+", "{2}", "{1,3}", "{2,}", "{0,1}", "{0}"};

	if(depth < 3 && core_draw(&state, 5) == 0) {
		add(out, size, core_draw(&state, 3) == 0 ? "(?:" : "(");
		add_sequence(out, size, depth + 1);
		while(core_draw(&state, 2) == 0) {
			add(out, size, "|");
			add_sequence(out, size, depth + 1);
		}
		add(out, size, core_draw(&state, 4) == 0 ? ")?" : ")");
		return;
	}
	add(out, size, sets[core_draw(&state, COUNT(sets))]);
	add(out, size, counts[core_draw(&state, COUNT(counts))]);
}

static void make_pattern(char *out, size_t size)
{
	out[0] = '\0';
	do {
		add(out, size, out[0] == '\0' ? "^" : "|^");
		if(core_draw(&state, 2) == 0)
			add(out, size, core_draw(&state, 2) == 0 ? "\\+" : "\\+?");
		add_sequence(out, size, 0);
		if(core_draw(&state, 3) > 0)
			add(out, size, "$");
	} while(core_draw(&state, 8) == 0);
}

static void make_subject(char *out)
{
	static const char letters[] = "01240124012401249+*";
	unsigned len = core_draw(&state, 9), at = 0;

	if(core_draw(&state, 2) == 0)
		out[at++] = '+';
	while(len-- > 0)
		out[at++] = letters[core_draw(&state, sizeof(letters) - 1)];
	out[at] = '\0';
}

START_TEST(generated_patterns_say_what_pcre2_says)
{
	unsigned recognised = 0, prefixed = 0;
	char pattern[256], subject[32];
	med_variants_t variants;

	for(int i = 0; i < 20000; i++) {
		med_prefix_t prefix;
		pcre2_code *code;
		bool known;
		make_pattern(pattern, sizeof(pattern));
		code = compile(pattern);
		known = med_pattern_recognise(med_str(pattern), &variants);
		ck_assert_msg(code != NULL || !known, "recognised, but no pattern: %s", pattern);
		if(code == NULL)
			continue;
		med_pattern_prefix(med_str(pattern), &prefix);
		recognised += known;
		prefixed += prefix.count > 0;
		for(int k = 0; k < 12; k++) {
			char said[128];
			make_subject(subject);
			if(known)
				compare(&variants, code, pattern, subject);
			oracle(code, subject, said, sizeof(said));
			for(unsigned d = 0; said[0] == '[' && d < prefix.count; d++)
				ck_assert_msg(subject[(subject[0] == '+') + d] - '0' == prefix.digits[d],
						"'%s' matches '%s' against its prefix", pattern, subject);
		}
		pcre2_code_free(code);
	}
	/* The test would say little if hardly any of them were of the kind it is about. */
	ck_assert_uint_gt(recognised, 5000);
	ck_assert_uint_gt(prefixed, 1000);
}
END_TEST

/* ---- prefixes
 * -------------------------------------------------------------------------- */

START_TEST(prefixes_of_pcre2_patterns)
{
	static const struct {
		const char *pattern, *digits;
	} row[] = {{"^\\+1(?!900)\\d{10}$", "1"}, {"^(?!\\+1900)\\+1425\\d*", "1425"},
			{"^(?!(\\)|[)])1)(?=\\+4)\\+?493\\d+?$", "493"}, {"^49|^30", ""}, {"49", ""},
			{"^(?#x)49", ""}, {"^4(?#|)9", ""}, {"^49*", "4"}, {"^49{2}", "4"},
			{"^49?", "4"}, {"^4[|]9", "4"}, {"^4\\|9", "4"}, {"^\\++49", ""},
			{"^(?!1)?49", ""}, {"^(49)\\1", ""}, {"^49\\Q|\\E", ""}, {"^49#|", ""},
			{"^1234567890123456789(?=0)", "123456789012345"}, {"^(?!", ""},
			{"^(?i)49", ""}};
	char digits[MED_PATTERN_KEY + 1];
	med_prefix_t prefix;

	for(size_t i = 0; i < COUNT(row); i++) {
		med_pattern_prefix(med_str(row[i].pattern), &prefix);
		for(unsigned k = 0; k < prefix.count; k++)
			digits[k] = (char)('0' + prefix.digits[k]);
		digits[prefix.count] = '\0';
		ck_assert_msg(
				strcmp(digits, row[i].digits) == 0, "%s: %s", row[i].pattern, digits);
		ck_assert(!prefix.exact);
	}
}
END_TEST

/* ---- PCRE2
 * ----------------------------------------------------------------------------- */

START_TEST(what_dotnet_reads_otherwise_is_refused)
{
	static const struct {
		const char *pattern, *text; /* NULL: accepted */
	} row[] = {{"^(?!911)\\d+$", NULL}, {"[0-9]{10}", NULL},
			{"(?<area>\\d{3})\\k<area>", NULL}, {"(?'area'\\d)", NULL},
			{"^(?i:a|b)(?#no)(?<=b)(?<!c)(?>d)", NULL}, {"(1)(?(1)2|3)", NULL},
			{"[]a]", NULL}, {"[^]a]", NULL}, {"a{2,3}?", NULL}, {"a{", NULL},
			{"\\+\\d+?", NULL}, {"", "empty pattern"},
			{"(", "at character 2: missing closing parenthesis"},
			{"\\d++", "at character 4: possessive"}, {"\\d{2}+", "possessive"},
			{"(?P<n>1)", "at character 1: .NET has no such group"},
			{"(?R)", ".NET has no such"}, {"(?|1|2)", ".NET has no such"},
			{"(*COMMIT)1", "is not .NET"}, {"\\Q+\\E", ".NET has no such escape"},
			{"\\h", "no such escape"}, {"1\\K2", "no such escape"},
			{"\\u0031", "\\x{hex}"}, {"[[:digit:]]", "[0-9]"},
			{"[0-9-[5]]", "at character 5: class subtraction"},
			{"\\d{,3}", "write {0,n}"}, {"(?<a-b>1)", "balancing"},
			{"1\\", "backslash at the end"}, {"[9-0]", "range out of order"}};
	med_errbuf_t err;

	for(size_t i = 0; i < COUNT(row); i++) {
		med_regex_t *regex = NULL;
		int rc = med_regex_compile(&med_mem_heap, med_str(row[i].pattern), &regex, &err);
		ck_assert_msg(
				(rc == MED_EOK) == (row[i].text == NULL), "%s: %d", row[i].pattern, rc);
		if(row[i].text != NULL) {
			ck_assert_int_eq(rc, MED_EINVAL);
			core_assert_has(err.text, row[i].text);
		}
		med_regex_free(&med_mem_heap, regex);
	}
}
END_TEST

START_TEST(too_long_a_pattern)
{
	char pattern[MED_PATTERN_MAX + 1];
	med_regex_t *regex;
	med_errbuf_t err;

	memset(pattern, '1', sizeof(pattern));
	ck_assert_int_eq(med_regex_compile(&med_mem_heap,
							 (med_str_t){pattern, sizeof(pattern)}, &regex, &err),
			MED_ELIMIT);
}
END_TEST

START_TEST(groups_of_pcre2)
{
	med_scratch_t *scratch = med_scratch_new(&med_mem_heap);
	med_span_t spans[MED_PATTERN_GROUPS];
	med_regex_t *regex;

	ck_assert_int_eq(med_regex_compile(&med_mem_heap,
							 MED_STR("(?=9)(9)(8)?(?<rest>\\d+)"), &regex, NULL),
			MED_EOK);
	ck_assert_uint_eq(med_regex_groups(regex), 3);
	ck_assert_uint_eq(med_regex_group(regex, MED_STR("rest")), 3);
	ck_assert_uint_eq(med_regex_group(regex, MED_STR("none")), 0);
	ck_assert(med_regex_mixes_groups(regex));
	ck_assert_int_eq(med_regex_match(regex, scratch, MED_STR("12977"), spans), MED_EOK);
	ck_assert_uint_eq(spans[0].at, 2);
	ck_assert_uint_eq(spans[0].len, 3);
	ck_assert_uint_eq(spans[2].len, 0);
	ck_assert_uint_eq(spans[3].at, 3);
	ck_assert_int_eq(med_regex_match(regex, scratch, MED_STR("12"), spans), MED_ENOMATCH);
	med_regex_free(&med_mem_heap, regex);
	med_scratch_free(scratch);
}
END_TEST

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* A pattern that would run for ages, many times in one decision: it ends, and soon. */
START_TEST(what_patterns_cost_is_bounded)
{
	static const char *const patterns[] = {
			"^(\\d+)+\\D$", "(\\d*\\d*\\d*)*\\D", "^(\\d|\\d\\d)+\\D$"};
	med_scratch_t *scratch = med_scratch_new(&med_mem_heap);
	char digits[MED_NUMBER_MAX];
	double best = 1e9;

	memset(digits, '1', sizeof(digits));
	for(size_t i = 0; i < COUNT(patterns); i++) {
		med_regex_t *regex;
		ck_assert_int_eq(
				med_regex_compile(&med_mem_heap, med_str(patterns[i]), &regex, NULL),
				MED_EOK);
		for(int round = 0; round < 5; round++) {
			double start = cpu_ms();
			int rc;
			med_scratch_begin(scratch, MED_BUDGET_SELECT_NS);
			rc = med_regex_match(regex, scratch, (med_str_t){digits, 128}, NULL);
			ck_assert_msg(rc == MED_ELIMIT, "%s: %d", patterns[i], rc);
			best = cpu_ms() - start < best ? cpu_ms() - start : best;
		}
		med_regex_free(&med_mem_heap, regex);
	}
	ck_assert_msg(
			best < 10, "one match took %.2f ms", best); /* sanitised, on any machine */
	med_scratch_free(scratch);
}
END_TEST

START_TEST(many_dear_matches_use_up_the_budget)
{
	med_scratch_t *scratch = med_scratch_new(&med_mem_heap);
	med_regex_t *regex;
	int rc = MED_ENOMATCH, count = 0;

	ck_assert_int_eq(med_regex_compile(&med_mem_heap, MED_STR("^(?=1)\\d*\\d*\\d*2$"),
							 &regex, NULL),
			MED_EOK);
	med_scratch_begin(scratch, MED_BUDGET_SELECT_NS);
	for(; rc == MED_ENOMATCH && count < 1000000; count++)
		rc = med_regex_match(regex, scratch, MED_STR("1111111111111"), NULL);
	ck_assert_int_eq(rc, MED_ELIMIT);
	ck_assert_int_gt(count, 1);
	med_scratch_begin(scratch, MED_BUDGET_SELECT_NS); /* the next decision has its own */
	ck_assert_int_eq(
			med_regex_match(regex, scratch, MED_STR("1111"), NULL), MED_ENOMATCH);
	med_regex_free(&med_mem_heap, regex);
	med_scratch_free(scratch);
}
END_TEST

START_TEST(memory_may_fail)
{
	for(long left = 0;; left++) {
		core_memory_t memory = {.left = left};
		med_mem_t mem = core_mem(&memory);
		med_regex_t *regex = NULL;
		med_scratch_t *scratch = med_scratch_new(&mem);
		int rc = scratch == NULL
				? MED_ENOMEM
				: med_regex_compile(&mem, MED_STR("a(b|c)+"), &regex, NULL);
		ck_assert(rc == MED_EOK || rc == MED_ENOMEM);
		med_regex_free(&mem, regex);
		med_scratch_free(scratch);
		ck_assert_int_eq(memory.out, 0);
		if(rc == MED_EOK)
			break;
		ck_assert_int_lt(left, 100);
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = {what_rule_builders_make_is_recognised, the_rest_is_not,
			generated_patterns_say_what_pcre2_says, prefixes_of_pcre2_patterns,
			what_dotnet_reads_otherwise_is_refused, too_long_a_pattern, groups_of_pcre2,
			what_patterns_cost_is_bounded, many_dear_matches_use_up_the_budget,
			memory_may_fail};

	return core_run("pattern", tests, COUNT(tests));
}
