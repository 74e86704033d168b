/**
 * pattern.c - recognising the patterns that rule builders make
 *
 * A recursive descent over the pattern text extends a list of variants as it reads.
 * Alternatives multiply the list; the order stays that of a backtracking engine.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE
#include <string.h>

#include "medcore/pattern.h"

/* Positions of groups: nothing consumed yet; after the plus and n digits: n + 1. */
#define POS_START 0
#define POS_UNSET 254
#define POS_END 255
#define MAX_DEPTH 4

typedef struct med_reader {
	const char *p, *end;
	uint8_t groups;
} med_reader_t;

typedef struct med_quantifier {
	unsigned min, max; /* max MED_TAIL_ANY: no bound */
} med_quantifier_t;

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool more(const med_reader_t *in)
{
	return in->p < in->end;
}

static bool looking_at(const med_reader_t *in, char c)
{
	return more(in) && *in->p == c;
}

static bool read_count(med_reader_t *in, unsigned *value)
{
	unsigned v = 0;
	const char *start = in->p;

	while(more(in) && is_digit(*in->p) && in->p - start < 4)
		v = v * 10 + (unsigned)(*in->p++ - '0');
	*value = v;
	return in->p > start;
}

/* {n}, {n,}, {n,m}; the brace is taken already. */
static bool read_braces(med_reader_t *in, med_quantifier_t *q)
{
	if(!read_count(in, &q->min))
		return false;
	q->max = q->min;
	if(looking_at(in, ',')) {
		in->p++;
		if(looking_at(in, '}'))
			q->max = MED_TAIL_ANY;
		else if(!read_count(in, &q->max) || q->max < q->min)
			return false;
	}
	if(!looking_at(in, '}'))
		return false;
	in->p++;
	return true;
}

static bool is_quantified(const med_reader_t *in)
{
	return more(in) && strchr("*+?{", *in->p) != NULL;
}

/* What follows an atom; false: a form that is PCRE2's (lazy, possessive, malformed). */
static bool read_quantifier(med_reader_t *in, med_quantifier_t *q)
{
	*q = (med_quantifier_t){1, 1};
	if(!more(in))
		return true;
	switch(*in->p) {
		case '*':
			*q = (med_quantifier_t){0, MED_TAIL_ANY};
			in->p++;
			break;
		case '+':
			*q = (med_quantifier_t){1, MED_TAIL_ANY};
			in->p++;
			break;
		case '?':
			*q = (med_quantifier_t){0, 1};
			in->p++;
			break;
		case '{':
			in->p++;
			if(!read_braces(in, q))
				return false;
			break;
		default:
			return true;
	}
	return !is_quantified(in);
}

/* A class of digits, "[0-9]" or "[2468]"; the bracket is taken already. */
static bool read_class(med_reader_t *in, uint16_t *set)
{
	*set = 0;
	while(more(in) && *in->p != ']') {
		char from = *in->p++, to = from;
		if(looking_at(in, '-')) {
			if(in->end - in->p < 2)
				return false;
			to = in->p[1];
			in->p += 2;
		}
		if(!is_digit(from) || !is_digit(to) || to < from)
			return false;
		for(char c = from; c <= to; c++)
			*set |= (uint16_t)(1u << (c - '0'));
	}
	if(!more(in) || *set == 0)
		return false;
	in->p++;
	return true;
}

static bool is_empty(const med_variant_t *v)
{
	return v->units == 0 && v->plus == MED_PLUS_NONE && v->tail_set == 0;
}

static uint8_t position(const med_variant_t *v)
{
	if(v->tail_set != 0)
		return POS_END;
	return is_empty(v) ? POS_START : (uint8_t)(v->units + 1);
}

static bool push(med_variants_t *list, const med_variant_t *v)
{
	if(list->count == MED_PATTERN_VARIANTS)
		return false;
	list->variant[list->count++] = *v;
	return true;
}

static bool add_units(med_variant_t *v, uint16_t set, unsigned count)
{
	if(v->end || v->tail_set != 0 || v->units + count > MED_PATTERN_UNITS)
		return false;
	for(unsigned i = 0; i < count; i++)
		v->unit[v->units++] = set;
	return true;
}

/* `x?`: with it first, as greedy engines try. */
static bool add_optional(med_variants_t *list, uint16_t set)
{
	med_variants_t out;

	out.count = 0;
	for(unsigned i = 0; i < list->count; i++) {
		med_variant_t with = list->variant[i];
		if(!add_units(&with, set, 1) || !push(&out, &with)
				|| !push(&out, &list->variant[i]))
			return false;
	}
	list->count = out.count;
	memcpy(list->variant, out.variant, out.count * sizeof(out.variant[0]));
	return true;
}

static bool add_set(med_variants_t *list, uint16_t set, med_quantifier_t q)
{
	if(q.min == 0 && q.max == 1)
		return add_optional(list, set);
	for(unsigned i = 0; i < list->count; i++) {
		med_variant_t *v = &list->variant[i];
		if(!add_units(v, set, q.min))
			return false;
		if(q.max > q.min) {
			v->tail_set = set;
			v->tail_max = (uint8_t)(q.max >= MED_TAIL_ANY ? MED_TAIL_ANY : q.max - q.min);
		}
	}
	return true;
}

static bool add_plus(med_variants_t *list, med_quantifier_t q)
{
	if(q.max != 1)
		return false;
	for(unsigned i = 0; i < list->count; i++) {
		med_variant_t *v = &list->variant[i];
		if(!is_empty(v) || v->end)
			return false;
		v->plus = q.min == 1 ? MED_PLUS_REQUIRED : MED_PLUS_OPTIONAL;
	}
	return true;
}

static bool set_end(med_variants_t *list)
{
	for(unsigned i = 0; i < list->count; i++)
		list->variant[i].end = true;
	return true;
}

static bool read_sequence(med_reader_t *in, med_variants_t *list, unsigned depth);

/* All alternatives of a group for one variant; in->p ends after the parenthesis. */
static bool expand_group(med_reader_t *in, const med_variant_t *from, int group,
		unsigned depth, med_variants_t *out)
{
	med_variants_t part;

	for(;;) {
		part.count = 0;
		if(!push(&part, from))
			return false;
		if(group >= 0)
			part.variant[0].group[group][0] = position(from);
		if(!read_sequence(in, &part, depth + 1))
			return false;
		for(unsigned i = 0; i < part.count; i++) {
			if(group >= 0)
				part.variant[i].group[group][1] = position(&part.variant[i]);
			if(!push(out, &part.variant[i]))
				return false;
		}
		if(!more(in))
			return false;
		if(*in->p++ == ')')
			return true;
	}
}

/* The parenthesis is taken already. Each variant reads the group's text anew. */
static bool read_group(med_reader_t *in, med_variants_t *list, unsigned depth)
{
	med_variants_t out;
	med_reader_t start;
	med_quantifier_t q = {1, 1};
	int group = -1;

	if(depth == MAX_DEPTH)
		return false;
	if(looking_at(in, '?')) {
		if(in->end - in->p < 2 || in->p[1] != ':')
			return false;
		in->p += 2;
	} else {
		if(in->groups == MED_PATTERN_GROUPS - 1)
			return false;
		group = in->groups++;
	}
	start = *in;
	out.count = 0;
	for(unsigned i = 0; i < list->count; i++) {
		*in = start;
		if(!expand_group(in, &list->variant[i], group, depth, &out)
				|| !read_quantifier(in, &q))
			return false;
		if(q.max != 1 || (q.min == 0 && !push(&out, &list->variant[i])))
			return false;
	}
	list->count = out.count;
	memcpy(list->variant, out.variant, out.count * sizeof(out.variant[0]));
	return true;
}

/* One atom that consumes; false: not ours. */
static bool read_atom(med_reader_t *in, med_variants_t *list)
{
	med_quantifier_t q;
	uint16_t set = 0;
	bool plus = false;
	char c = *in->p++;

	if(is_digit(c)) {
		set = (uint16_t)(1u << (c - '0'));
	} else if(c == '[') {
		if(!read_class(in, &set))
			return false;
	} else if(c == '\\' && more(in)) {
		c = *in->p++;
		plus = c == '+';
		if(c == 'd')
			set = MED_DIGITS;
		else if(!plus)
			return false;
	} else {
		return false;
	}
	if(!read_quantifier(in, &q))
		return false;
	return plus ? add_plus(list, q) : add_set(list, set, q);
}

/* Up to the `|` or `)` that ends it, or the end of the text. */
static bool read_sequence(med_reader_t *in, med_variants_t *list, unsigned depth)
{
	while(more(in) && *in->p != '|' && *in->p != ')') {
		bool ok;
		if(*in->p == '$') {
			in->p++;
			ok = set_end(list) && !is_quantified(in);
		} else if(*in->p == '(') {
			in->p++;
			ok = read_group(in, list, depth);
		} else {
			ok = read_atom(in, list);
		}
		if(!ok)
			return false;
	}
	return true;
}

static void count_checked(med_variant_t *v)
{
	v->checked = v->units;
	while(v->checked > 0 && v->unit[v->checked - 1] == MED_DIGITS)
		v->checked--;
}

static void init_variant(med_variant_t *v)
{
	memset(v, 0, sizeof(*v));
	memset(v->group, POS_UNSET, sizeof(v->group));
}

bool med_pattern_recognise(med_str_t pattern, med_variants_t *out)
{
	med_reader_t in = {pattern.s, pattern.s + pattern.len, 0};
	med_variants_t part;

	if(pattern.len > MED_PATTERN_MAX)
		return false;
	out->count = 0;
	for(;;) { /* alternatives at the top: each with its own `^` */
		if(!looking_at(&in, '^'))
			return false;
		in.p++;
		part.count = 1;
		init_variant(&part.variant[0]);
		if(!read_sequence(&in, &part, 0))
			return false;
		for(unsigned i = 0; i < part.count; i++) {
			count_checked(&part.variant[i]);
			if(!push(out, &part.variant[i]))
				return false;
		}
		if(!more(&in))
			break;
		if(*in.p++ != '|')
			return false;
	}
	out->groups = in.groups;
	return true;
}

/* ---- matching -----------------------------------------------------------------------
 */

med_subject_t med_subject(med_str_t text)
{
	med_subject_t subject = {text, 0, 0};
	size_t at;

	subject.plus = text.len > 0 && text.s[0] == '+';
	for(at = subject.plus; at < text.len && is_digit(text.s[at]); at++)
		;
	subject.digits = (uint16_t)(at - subject.plus);
	return subject;
}

static bool in_set(uint16_t set, char digit)
{
	return (set >> (digit - '0') & 1) != 0;
}

bool med_variant_match(const med_variant_t *v, const med_subject_t *subject, size_t *end)
{
	const char *s = subject->text.s + subject->plus;
	size_t run = 0, most;

	if(v->plus == MED_PLUS_REQUIRED && !subject->plus)
		return false;
	if(v->plus == MED_PLUS_NONE && subject->plus) {
		/* Only what needs nothing and ends nowhere matches: before the plus. */
		if(v->units > 0 || v->end)
			return false;
		if(end != NULL)
			*end = 0;
		return true;
	}
	if(subject->digits < v->units)
		return false;
	for(unsigned i = 0; i < v->checked; i++) {
		if(!in_set(v->unit[i], s[i]))
			return false;
	}
	if(v->tail_set != 0) {
		most = (size_t)(subject->digits - v->units);
		if(most > v->tail_max)
			most = v->tail_max;
		if(v->tail_set == MED_DIGITS)
			run = most;
		while(run < most && in_set(v->tail_set, s[v->units + run]))
			run++;
	}
	run += v->units + subject->plus;
	if(v->end && run != subject->text.len)
		return false;
	if(end != NULL)
		*end = run;
	return true;
}

/* Where a position lies; @p plus: the match took one. */
static size_t resolve(uint8_t position, size_t plus, size_t end)
{
	if(position == POS_START)
		return 0;
	return position == POS_END ? end : plus + position - 1u;
}

med_span_t med_variant_group(
		const med_variant_t *v, const med_subject_t *subject, size_t end, unsigned group)
{
	size_t plus = v->plus == MED_PLUS_NONE ? 0 : subject->plus, from, to;
	const uint8_t *at;

	if(group == 0)
		return (med_span_t){0, (uint16_t)end};
	if(group >= MED_PATTERN_GROUPS)
		return (med_span_t){0, 0};
	at = v->group[group - 1];
	if(at[0] == POS_UNSET || at[1] == POS_UNSET)
		return (med_span_t){0, 0};
	from = resolve(at[0], plus, end);
	to = resolve(at[1], plus, end);
	return (med_span_t){(uint16_t)from, (uint16_t)(to - from)};
}

/* ---- prefixes -----------------------------------------------------------------------
 */

/* The digit a set stands for when it holds just one; -1 otherwise. */
static int single_digit(uint16_t set)
{
	return set != 0 && (set & (set - 1)) == 0 ? __builtin_ctz(set) : -1;
}

void med_variant_prefix(const med_variant_t *v, med_prefix_t *prefix)
{
	unsigned max = v->units;

	memset(prefix, 0, sizeof(*prefix));
	prefix->plus = v->plus;
	prefix->open = !v->end;
	prefix->exact = v->tail_set == 0 || v->tail_set == MED_DIGITS;
	while(prefix->count < v->units && prefix->count < MED_PATTERN_KEY) {
		int digit = single_digit(v->unit[prefix->count]);
		if(digit < 0)
			break;
		prefix->digits[prefix->count++] = (uint8_t)digit;
	}
	for(unsigned i = prefix->count; i < v->units; i++)
		prefix->exact = prefix->exact && v->unit[i] == MED_DIGITS;
	if(v->tail_set != 0)
		max += v->tail_max;
	prefix->min = v->units;
	prefix->max =
			(uint8_t)(max > MED_TAIL_ANY || (v->tail_set && v->tail_max == MED_TAIL_ANY)
							? MED_TAIL_ANY
							: max);
}

/* Is there an alternative outside of all groups? Then no prefix is common to all. */
static bool has_top_alternative(med_str_t pattern)
{
	unsigned depth = 0;
	bool in_class = false;

	for(size_t i = 0; i < pattern.len; i++) {
		char c = pattern.s[i];
		if(c == '\\')
			i++;
		else if(in_class)
			in_class = c != ']';
		else if(c == '[')
			in_class = true;
		else if(c == '(')
			depth++;
		else if(c == ')' && depth > 0)
			depth--;
		else if(c == '|' && depth == 0)
			return true;
	}
	return false;
}

/* Comments, odd classes and quoted text, within which a `|` could escape us. */
static bool may_hide_text(med_str_t pattern)
{
	static const char *const forms[] = {"#", "[]", "[^]", "\\Q", "\\c", NULL};

	for(const char *const *form = forms; *form != NULL; form++) {
		if(memmem(pattern.s, pattern.len, *form, strlen(*form)) != NULL)
			return true;
	}
	return false;
}

/* (?!...) or (?=...): takes no characters, so the prefix may follow it. */
static bool skip_assertion(med_reader_t *in)
{
	unsigned depth = 0;
	bool in_class = false;
	const char *p = in->p;

	if(in->end - p < 3 || p[0] != '(' || p[1] != '?' || (p[2] != '!' && p[2] != '='))
		return false;
	for(; p < in->end; p++) {
		if(*p == '\\' && p + 1 < in->end)
			p++;
		else if(in_class)
			in_class = *p != ']';
		else if(*p == '[')
			in_class = true;
		else if(*p == '(')
			depth++;
		else if(*p == ')' && --depth == 0) {
			if(p + 1 < in->end && strchr("*+?{", p[1]) != NULL)
				return false;
			in->p = p + 1;
			return true;
		}
	}
	return false;
}

void med_pattern_prefix(med_str_t pattern, med_prefix_t *prefix)
{
	med_reader_t in = {pattern.s, pattern.s + pattern.len, 0};
	med_quantifier_t q;

	memset(prefix, 0, sizeof(*prefix));
	prefix->open = true;
	prefix->max = MED_TAIL_ANY;
	prefix->plus = MED_PLUS_OPTIONAL;
	if(!looking_at(&in, '^') || has_top_alternative(pattern) || may_hide_text(pattern))
		return;
	in.p++;
	while(skip_assertion(&in))
		;
	if(in.end - in.p >= 2 && in.p[0] == '\\' && in.p[1] == '+') {
		in.p += 2;
		if(!read_quantifier(&in, &q) || q.max != 1)
			return;
	}
	while(more(&in) && is_digit(*in.p) && prefix->count < MED_PATTERN_KEY) {
		uint8_t digit = (uint8_t)(*in.p++ - '0');
		/* Any quantifier may make it none, or a run: stop before. */
		if(more(&in) && strchr("*+?{", *in.p) != NULL)
			break;
		prefix->digits[prefix->count++] = digit;
	}
}
