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

static bool append(med_number_t *out, const char *s, size_t len)
{
	if(len > sizeof(out->s) - out->len)
		return false;
	memcpy(out->s + out->len, s, len);
	out->len += len;
	return true;
}

static int match(const med_rule_t *rule, med_scratch_t *scratch, med_str_t subject,
		med_span_t *spans)
{
	if(rule->regex != NULL)
		return med_regex_match(rule->regex, scratch, subject, spans);
	for(unsigned i = 0; i < rule->variant_count; i++) {
		if(med_variant_match(&rule->variants[i], subject, spans))
			return MED_EOK;
	}
	return MED_ENOMATCH;
}

int med_rule_apply(const med_rule_t *rule, med_scratch_t *scratch, const med_number_t *in,
		med_number_t *out)
{
	med_span_t spans[MED_PATTERN_GROUPS];
	size_t after;
	med_number_t result;
	bool fits;
	int rc = match(rule, scratch, (med_str_t){in->s, in->len}, spans);

	if(rc != MED_EOK)
		return rc;
	after = (size_t)spans[0].at + spans[0].len;
	result.len = 0;
	fits = append(&result, in->s, spans[0].at);
	for(unsigned i = 0; fits && i < rule->piece_count; i++) {
		const med_piece_t *piece = &rule->pieces[i];
		if(piece->group < 0)
			fits = append(&result, rule->translation.s + piece->at, piece->len);
		else
			fits = append(
					&result, in->s + spans[piece->group].at, spans[piece->group].len);
	}
	if(!fits || !append(&result, in->s + after, in->len - after))
		return MED_ELIMIT;
	out->len = result.len;
	memcpy(out->s, result.s, result.len);
	return MED_EOK;
}

int med_rules_apply(const med_rules_t *rules, med_scratch_t *scratch,
		const med_number_t *in, med_number_t *out, const med_trace_t *trace)
{
	for(size_t i = 0; i < rules->count; i++) {
		const med_rule_t *rule = &rules->rules[i];
		med_number_t result;
		int rc = med_rule_apply(rule, scratch, in, &result);
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
