/**
 * rules.c - ordered translation rules
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "medcore/rules.h"

void med_trace_step(const med_trace_t *trace, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	if(vsnprintf(text, sizeof(text), fmt, args) >= 0)
		trace->step(trace->ctx, text);
	va_end(args);
}

/* ---- reading translations -----------------------------------------------------------
 */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int no_group(med_errbuf_t *err, med_str_t name, unsigned groups)
{
	char quoted[40];

	return med_fail(err, MED_EINVAL, "the pattern has no group '%s'; it has %u",
			med_quote(quoted, sizeof(quoted), name), groups);
}

/* All digits that follow belong to the number, as in .NET: "$10" is group 10. */
static int numbered_group(med_str_t digits, unsigned groups, const med_regex_t *regex,
		med_piece_t *piece, med_errbuf_t *err)
{
	unsigned number = 0;

	for(size_t i = 0; i < digits.len && number < 1000; i++)
		number = number * 10 + (unsigned)(digits.s[i] - '0');
	if(number > groups || number >= MED_PATTERN_GROUPS)
		return digits.len > 1 && digits.s[0] != '0' ? med_fail(err, MED_EINVAL,
					   "$%.*s is a group the pattern does not have; a digit after "
					   "group %c is written ${%c}%c",
					   (int)(digits.len > 4 ? 4 : digits.len), digits.s, digits.s[0],
					   digits.s[0], digits.s[1])
													: no_group(err, digits, groups);
	if(number > 0 && regex != NULL && med_regex_mixes_groups(regex))
		return med_fail(err, MED_EINVAL,
				"$%u: .NET counts named groups last; name all groups of the pattern or "
				"none",
				number);
	piece->group = (int16_t)number;
	return MED_EOK;
}

/* "${...}"; *at is after the brace and moves past the closing one. */
static int braced_group(med_str_t text, size_t *at, unsigned groups,
		const med_regex_t *regex, med_piece_t *piece, med_errbuf_t *err)
{
	const char *close = memchr(text.s + *at, '}', text.len - *at);
	med_str_t name = {text.s + *at, 0};
	bool number = true;
	unsigned group;

	if(close == NULL)
		return med_fail(err, MED_EINVAL, "'${' without '}'");
	name.len = (size_t)(close - name.s);
	*at += name.len + 1;
	for(size_t i = 0; i < name.len; i++)
		number = number && is_digit(name.s[i]);
	if(number && name.len > 0)
		return numbered_group(name, groups, regex, piece, err);
	group = regex == NULL ? 0 : med_regex_group(regex, name);
	if(group == 0 || group >= MED_PATTERN_GROUPS)
		return no_group(err, name, groups);
	piece->group = (int16_t)group;
	return MED_EOK;
}

/* What follows a dollar sign; *at is after it. */
static int dollar(med_str_t text, size_t *at, unsigned groups, const med_regex_t *regex,
		med_piece_t *piece, med_errbuf_t *err)
{
	char c = *at < text.len ? text.s[*at] : '\0';
	med_str_t digits = {text.s + *at, 0};

	while(*at + digits.len < text.len && is_digit(text.s[*at + digits.len]))
		digits.len++;
	if(digits.len > 0) {
		*at += digits.len;
		return numbered_group(digits, groups, regex, piece, err);
	}
	(*at)++;
	switch(c) {
		case '{':
			return braced_group(text, at, groups, regex, piece, err);
		case '&':
			piece->group = 0;
			return MED_EOK;
		case '$':
			*piece = (med_piece_t){(uint16_t)(*at - 1), 1, -1};
			return MED_EOK;
		default:
			return med_fail(err, MED_EINVAL,
					"'$' must be followed by a group ($1, ${name}), '&' or '$'");
	}
}

int med_translation_parse(med_str_t translation, unsigned groups,
		const med_regex_t *regex, med_piece_t *pieces, uint8_t *count, med_errbuf_t *err)
{
	uint8_t used = 0;
	size_t at = 0;

	if(translation.len > MED_TRANSLATION_MAX)
		return med_fail(
				err, MED_ELIMIT, "translation longer than %d bytes", MED_TRANSLATION_MAX);
	while(at < translation.len) {
		med_piece_t piece = {(uint16_t)at, 0, -1};
		int rc = MED_EOK;
		if(translation.s[at] == '$') {
			at++;
			rc = dollar(translation, &at, groups, regex, &piece, err);
		} else {
			while(at < translation.len && translation.s[at] != '$')
				at++;
			piece.len = (uint16_t)(at - piece.at);
		}
		if(rc != MED_EOK)
			return rc;
		if(used == MED_TRANSLATION_PIECES)
			return med_fail(err, MED_ELIMIT, "translation of more than %d parts",
					MED_TRANSLATION_PIECES);
		pieces[used++] = piece;
	}
	*count = used;
	return MED_EOK;
}

/* ---- applying -----------------------------------------------------------------------
 */

#define FILTER_DIGITS 8u

/* The digits two filters have in common are all they may both ask for. */
static void widen(med_filter_t *filter, const med_filter_t *other)
{
	while(filter->count > other->count) {
		filter->count--;
		filter->digits >>= 4;
	}
	while(filter->count > 0
			&& filter->digits != other->digits >> (4 * (other->count - filter->count))) {
		filter->count--;
		filter->digits >>= 4;
	}
	if(filter->plus != other->plus)
		filter->plus = MED_PLUS_OPTIONAL;
	filter->min = other->min < filter->min ? other->min : filter->min;
	filter->max = other->max > filter->max ? other->max : filter->max;
	filter->open = filter->open || other->open;
}

med_filter_t med_filter(const med_prefix_t *prefixes, size_t count)
{
	med_filter_t filter = {.plus = MED_PLUS_OPTIONAL, .open = 1};

	for(size_t i = 0; i < count; i++) {
		const med_prefix_t *prefix = &prefixes[i];
		med_filter_t one = {.min = prefix->min,
				.max = prefix->max,
				.plus = prefix->plus & 3,
				.open = prefix->open};
		/* What needs nothing at all also matches before a plus. */
		if(one.plus == MED_PLUS_NONE && one.open && one.min == 0)
			one.plus = MED_PLUS_OPTIONAL;
		while(one.count < prefix->count && one.count < FILTER_DIGITS)
			one.digits = one.digits << 4 | prefix->digits[one.count++];
		if(i == 0)
			filter = one;
		else
			widen(&filter, &one);
	}
	return filter;
}

static bool passes(
		const med_filter_t *filter, const med_subject_t *subject, uint32_t head)
{
	if(subject->digits < filter->min || subject->digits < filter->count)
		return false;
	if(filter->plus != MED_PLUS_OPTIONAL && filter->plus != subject->plus)
		return false;
	if(!filter->open && filter->max != MED_TAIL_ANY && subject->digits > filter->max)
		return false;
	return filter->count == 0
			|| head >> (4 * (FILTER_DIGITS - filter->count)) == filter->digits;
}

/* The first digits in nibbles, from the top. */
static uint32_t head_of(const med_subject_t *subject)
{
	const char *s = subject->text.s + subject->plus;
	uint32_t head = 0;

	for(unsigned i = 0; i < FILTER_DIGITS; i++)
		head = head << 4 | (i < subject->digits ? (uint32_t)(s[i] - '0') : 0);
	return head;
}

/* How a rule matched: by a variant up to an end, or by PCRE2 with spans. */
typedef struct med_match {
	const med_variant_t *variant; /* NULL: spans */
	size_t end;
	med_span_t spans[MED_PATTERN_GROUPS];
} med_match_t;

static int match(const med_rule_t *rule, med_scratch_t *scratch,
		const med_subject_t *subject, med_match_t *m)
{
	m->variant = NULL;
	if(rule->regex != NULL)
		return med_regex_match(rule->regex, scratch, subject->text, m->spans);
	for(unsigned i = 0; i < rule->variant_count; i++) {
		if(med_variant_match(&rule->variants[i], subject, &m->end)) {
			m->variant = &rule->variants[i];
			return MED_EOK;
		}
	}
	return MED_ENOMATCH;
}

static med_span_t group_of(
		const med_match_t *m, const med_subject_t *subject, unsigned group)
{
	return m->variant == NULL ? m->spans[group]
							  : med_variant_group(m->variant, subject, m->end, group);
}

static bool append(med_number_t *out, const char *s, size_t len)
{
	if(len > sizeof(out->s) - out->len)
		return false;
	memcpy(out->s + out->len, s, len);
	out->len += len;
	return true;
}

static int rewrite(const med_rule_t *rule, const med_match_t *m,
		const med_subject_t *subject, med_number_t *out)
{
	const char *in = subject->text.s;
	med_span_t span = group_of(m, subject, 0);
	size_t after = (size_t)span.at + span.len;
	bool fits;

	out->len = 0;
	fits = append(out, in, span.at);
	for(unsigned i = 0; fits && i < rule->piece_count; i++) {
		const med_piece_t *piece = &rule->pieces[i];
		if(piece->group < 0) {
			fits = append(out, rule->translation.s + piece->at, piece->len);
		} else {
			span = group_of(m, subject, (unsigned)piece->group);
			fits = append(out, in + span.at, span.len);
		}
	}
	return fits && append(out, in + after, subject->text.len - after) ? MED_EOK
																	  : MED_ELIMIT;
}

static int apply(const med_rule_t *rule, med_scratch_t *scratch,
		const med_subject_t *subject, med_number_t *out)
{
	med_match_t m;
	int rc = match(rule, scratch, subject, &m);

	return rc == MED_EOK ? rewrite(rule, &m, subject, out) : rc;
}

int med_rules_apply(const med_rules_t *rules, med_scratch_t *scratch,
		const med_number_t *in, med_number_t *out, const med_trace_t *trace)
{
	med_subject_t subject = med_subject((med_str_t){in->s, in->len});
	uint32_t head = head_of(&subject);

	for(size_t i = 0; i < rules->count; i++) {
		const med_rule_t *rule = &rules->rules[i];
		med_number_t result;
		int rc = MED_ENOMATCH;
		if(passes(&rules->filters[i], &subject, head))
			rc = apply(rule, scratch, &subject, &result);
		if(rc == MED_ENOMATCH)
			continue;
		if(rc == MED_EOK) {
			MED_TRACE(trace, "rules '%.*s': rule.%u '%.*s' => '%.*s': %.*s becomes %.*s",
					MED_STR_FMT(rules->id), rule->order, MED_STR_FMT(rule->pattern),
					MED_STR_FMT(rule->translation), (int)in->len, in->s, (int)result.len,
					result.s);
			out->len = result.len;
			memcpy(out->s, result.s, result.len);
		} else {
			MED_TRACE(trace, "rules '%.*s': rule.%u '%.*s': %s", MED_STR_FMT(rules->id),
					rule->order, MED_STR_FMT(rule->pattern), med_strerror(rc));
		}
		return rc;
	}
	MED_TRACE(trace, "rules '%.*s': none of %zu rules matches %.*s",
			MED_STR_FMT(rules->id), rules->count, (int)in->len, in->s);
	return MED_ENOMATCH;
}
