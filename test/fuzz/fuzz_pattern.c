/**
 * fuzz_pattern.c - "<pattern> => <translation>" and a number, each on its line
 *
 * A pattern that is recognised must match as PCRE2 matches it, and what any pattern
 * matches must begin with its literal prefix.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "medcore/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static med_scratch_t *scratch;

/* Does PCRE2 say the same? @p end: where ours ended, or none. */
static void compare(
		const med_variants_t *variants, const med_regex_t *regex, med_str_t text)
{
	med_subject_t subject = med_subject(text);
	med_span_t spans[MED_PATTERN_GROUPS];
	size_t end = 0;
	unsigned i = 0;
	int rc;

	med_scratch_begin(scratch, MED_BUDGET_SELECT_NS);
	rc = med_regex_match(regex, scratch, text, spans);
	if(rc != MED_EOK && rc != MED_ENOMATCH)
		return;
	while(i < variants->count
			&& !med_variant_match(&variants->variant[i], &subject, &end))
		i++;
	if((i < variants->count) != (rc == MED_EOK))
		abort();
	for(unsigned g = 0; rc == MED_EOK && g < MED_PATTERN_GROUPS; g++) {
		med_span_t span = med_variant_group(&variants->variant[i], &subject, end, g);
		if(span.len != spans[g].len || (span.len > 0 && span.at != spans[g].at))
			abort();
	}
}

static void check_prefix(med_str_t pattern, const med_regex_t *regex, med_str_t text)
{
	size_t plus = text.len > 0 && text.s[0] == '+';
	med_prefix_t prefix;

	med_pattern_prefix(pattern, &prefix);
	med_scratch_begin(scratch, MED_BUDGET_SELECT_NS);
	if(prefix.count == 0 || med_regex_match(regex, scratch, text, NULL) != MED_EOK)
		return;
	for(size_t i = 0; i < prefix.count; i++) {
		if(plus + i >= text.len || text.s[plus + i] - '0' != prefix.digits[i])
			abort();
	}
}

/* Numbers are what med_number_from_user() lets through. */
static med_str_t take_line(med_str_t *rest)
{
	const char *end = rest->len == 0 ? NULL : memchr(rest->s, '\n', rest->len);
	med_str_t line = *rest;

	if(end != NULL)
		line.len = (size_t)(end - rest->s);
	rest->s += line.len + (end != NULL);
	rest->len -= line.len + (end != NULL);
	return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	med_str_t rest = {(const char *)data, size}, pattern = take_line(&rest);
	med_str_t translation = take_line(&rest);
	med_piece_t pieces[MED_TRANSLATION_PIECES];
	static med_variants_t variants;
	med_regex_t *regex = NULL;
	med_number_t number;
	med_errbuf_t err;
	bool recognised;
	uint8_t count;

	if(scratch == NULL)
		scratch = med_scratch_new(&med_mem_heap);
	if(med_number_from_user(rest, &number, NULL) != MED_EOK)
		number.len = 0;
	recognised = med_pattern_recognise(pattern, &variants);
	if(med_regex_compile(&med_mem_heap, pattern, &regex, &err) != MED_EOK) {
		if(recognised)
			abort();
		return 0;
	}
	if(recognised)
		compare(&variants, regex, (med_str_t){number.s, number.len});
	check_prefix(pattern, regex, (med_str_t){number.s, number.len});
	(void)med_translation_parse(
			translation, med_regex_groups(regex), regex, pieces, &count, &err);
	med_regex_free(&med_mem_heap, regex);
	return 0;
}
