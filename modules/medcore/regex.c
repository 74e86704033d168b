/**
 * regex.c - patterns that need PCRE2: .NET's dialect, limits, and a decision's budget
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>
#include <time.h>

#include "medcore/pattern.h"
#include "medcore/select.h"

struct med_regex {
	pcre2_code *code;
	uint32_t groups;
	bool named, unnamed;
	uint8_t end_len; /* plain digits that every match ends with, at the subject's end */
	char end[MED_PATTERN_KEY];
};

/*
 * What one match may cost. PCRE2 counts its steps per start position, so the limit is
 * divided by those. A step takes some 10 to 20 ns.
 */
#define MATCH_STEPS 16000u
#define MATCH_STEPS_MIN 150u
#define DEPTH_LIMIT 400u
#define HEAP_LIMIT_KIB 256u

struct med_scratch {
	med_mem_t mem;
	pcre2_general_context *general;
	pcre2_match_context *context;
	pcre2_match_data *data;
	unsigned matches;  /* of this decision; the first alone cannot exceed the budget */
	int64_t started;   /* wall clock of the second */
	int64_t cpu_start; /* this thread's time when the wall clock ran over; 0: did not */
	int64_t budget;
	bool spent; /* the budget, not a pattern's own limit, ended the last match */
};

/* ---- dialect ------------------------------------------------------------------------
 */

typedef struct med_dialect {
	med_str_t pattern;
	size_t at;
	bool in_class;
	bool named, unnamed;
	med_errbuf_t *err;
} med_dialect_t;

static bool at_text(const med_dialect_t *d, size_t at, const char *text)
{
	size_t len = strlen(text);

	return at + len <= d->pattern.len && memcmp(d->pattern.s + at, text, len) == 0;
}

static char char_at(const med_dialect_t *d, size_t at)
{
	return at < d->pattern.len ? d->pattern.s[at] : '\0';
}

static int refuse(const med_dialect_t *d, size_t at, const char *what)
{
	return med_fail(d->err, MED_EINVAL, "at character %zu: %s", at + 1, what);
}

static int check_escape(med_dialect_t *d)
{
	char c = char_at(d, d->at + 1);

	if(c == '\0')
		return refuse(d, d->at, "a backslash at the end");
	if(c == 'u')
		return refuse(d, d->at, "\\u is not supported: write \\x{hex}");
	if(strchr("QEKhHRXNgCVo", c) != NULL)
		return refuse(d, d->at, ".NET has no such escape");
	d->at += 2;
	return MED_EOK;
}

static int check_class_char(med_dialect_t *d)
{
	if(at_text(d, d->at, "[:"))
		return refuse(d, d->at, "[:name:] is not .NET: write \\d or [0-9]");
	if(at_text(d, d->at, "-["))
		return refuse(
				d, d->at, "class subtraction is not supported: list what is allowed");
	if(char_at(d, d->at) == ']')
		d->in_class = false;
	d->at++;
	return MED_EOK;
}

static void enter_class(med_dialect_t *d)
{
	d->in_class = true;
	d->at++;
	if(char_at(d, d->at) == '^')
		d->at++;
	if(char_at(d, d->at) == ']') /* first: a literal */
		d->at++;
}

/* (?<name>...) and (?'name'...) */
static int check_named_group(med_dialect_t *d, size_t name, char close)
{
	size_t at = name;

	for(; at < d->pattern.len && d->pattern.s[at] != close; at++) {
		if(d->pattern.s[at] == '-')
			return refuse(d, at, "balancing groups are not supported");
	}
	d->named = true;
	d->at = at;
	return MED_EOK;
}

static int check_group(med_dialect_t *d)
{
	size_t inside = d->at + 2;

	if(at_text(d, d->at, "(*"))
		return refuse(d, d->at, "(*...) is not .NET");
	if(!at_text(d, d->at, "(?")) {
		d->unnamed = true;
		d->at++;
		return MED_EOK;
	}
	if(at_text(d, inside, "<=") || at_text(d, inside, "<!")) {
		d->at += 4;
		return MED_EOK;
	}
	if(char_at(d, inside) == '<')
		return check_named_group(d, inside + 1, '>');
	if(char_at(d, inside) == '\'')
		return check_named_group(d, inside + 1, '\'');
	if(char_at(d, inside) == '\0' || strchr(":=!>#(imnsx-", char_at(d, inside)) == NULL)
		return refuse(d, d->at, ".NET has no such group");
	/* A condition's own parenthesis is not a group. */
	d->at += 2;
	if(char_at(d, d->at) == '(' && char_at(d, d->at + 1) != '?')
		d->at++;
	return MED_EOK;
}

/* A quantifier ends here: what follows must not make it possessive. */
static int check_quantifier(med_dialect_t *d)
{
	size_t start = d->at;

	if(char_at(d, d->at) == '{') {
		if(at_text(d, d->at, "{,"))
			return refuse(d, start, "{,n} means different things: write {0,n}");
		do {
			d->at++;
		} while(strchr("0123456789,", char_at(d, d->at)) != NULL
				&& char_at(d, d->at) != '\0');
		if(char_at(d, d->at) != '}')
			return MED_EOK; /* a literal brace */
	}
	d->at++;
	if(char_at(d, d->at) == '?')
		d->at++;
	else if(char_at(d, d->at) == '+')
		return refuse(d, d->at, "possessive quantifiers are not .NET");
	return MED_EOK;
}

/* .NET's own forms that PCRE2 reads otherwise, and PCRE2's that .NET does not have. */
static int check_dialect(med_dialect_t *d)
{
	int rc = MED_EOK;

	while(rc == MED_EOK && d->at < d->pattern.len) {
		switch(d->pattern.s[d->at]) {
			case '\\':
				rc = check_escape(d);
				continue;
			case '[':
				if(!d->in_class) {
					enter_class(d);
					continue;
				}
				break;
			case '(':
				if(!d->in_class) {
					rc = check_group(d);
					continue;
				}
				break;
			case '*':
			case '+':
			case '?':
			case '{':
				if(!d->in_class) {
					rc = check_quantifier(d);
					continue;
				}
				break;
		}
		if(d->in_class)
			rc = check_class_char(d);
		else
			d->at++;
	}
	return rc;
}

/* ---- compiling ----------------------------------------------------------------------
 */

static void *pcre_alloc(PCRE2_SIZE size, void *data)
{
	return med_alloc(data, size);
}

static void pcre_free(void *block, void *data)
{
	med_free(data, block);
}

static int compile_code(
		const med_mem_t *shared, med_str_t pattern, pcre2_code **code, med_errbuf_t *err)
{
	/* Only the writer frees code, so the writer's own med_mem_t serves as its context. */
	pcre2_general_context *general = pcre2_general_context_create(
			pcre_alloc, pcre_free, (void *)(uintptr_t)shared);
	pcre2_compile_context *context = NULL;
	unsigned char text[120];
	PCRE2_SIZE offset = 0;
	int error = 0, rc = MED_ENOMEM;

	if(general == NULL)
		return MED_ENOMEM;
	context = pcre2_compile_context_create(general);
	if(context == NULL)
		goto out;
	pcre2_set_parens_nest_limit(context, 20);
	*code = pcre2_compile((PCRE2_SPTR)pattern.s, pattern.len,
			PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C, &error, &offset,
			context);
	if(*code != NULL) {
		rc = MED_EOK;
	} else if(error != PCRE2_ERROR_NOMEMORY && error != 121 /* heap, from compile */) {
		(void)pcre2_get_error_message(error, text, sizeof(text));
		rc = med_fail(err, MED_EINVAL, "at character %zu: %s", (size_t)offset + 1,
				(const char *)text);
	}
out:
	pcre2_compile_context_free(context);
	pcre2_general_context_free(general);
	return rc;
}

/*
 * The digits that stand before a closing `$`, where that is plain to see: every match
 * then ends so, and comparing them costs a hundredth of a match.
 */
static size_t plain_end(med_str_t pattern, char *end)
{
	size_t at = pattern.len - 1, len = 0;

	if(pattern.s[at] != '$' || memchr(pattern.s, '|', pattern.len) != NULL
			|| memchr(pattern.s, '#', pattern.len) != NULL)
		return 0;
	for(size_t i = 0; i + 1 < pattern.len; i++) {
		if(pattern.s[i] == '(' && pattern.s[i + 1] == '?')
			return 0; /* options, conditions, what looks ahead */
	}
	while(at > 0 && len < MED_PATTERN_KEY && pattern.s[at - 1] >= '0'
			&& pattern.s[at - 1] <= '9') {
		at--;
		len++;
	}
	/* What stands before them may make them something else: \10, \x41. */
	if(len == MED_PATTERN_KEY)
		return 0;
	if(at > 0 && strchr("]).*+?}", pattern.s[at - 1]) == NULL
			&& !(at > 1 && pattern.s[at - 2] == '\\' && pattern.s[at - 1] == 'd'))
		return 0;
	memcpy(end, pattern.s + at, len);
	return len;
}

int med_regex_compile(const med_mem_t *shared, med_str_t pattern, med_regex_t **regex,
		med_errbuf_t *err)
{
	med_dialect_t dialect = {.pattern = pattern, .err = err};
	med_regex_t *out;
	int rc;

	if(pattern.len == 0)
		return med_fail(err, MED_EINVAL, "empty pattern");
	if(pattern.len > MED_PATTERN_MAX)
		return med_fail(err, MED_ELIMIT, "pattern longer than %d bytes", MED_PATTERN_MAX);
	rc = check_dialect(&dialect);
	if(rc != MED_EOK)
		return rc;
	out = med_calloc(shared, 1, sizeof(*out));
	if(out == NULL)
		return MED_ENOMEM;
	rc = compile_code(shared, pattern, &out->code, err);
	if(rc != MED_EOK) {
		med_free(shared, out);
		return rc;
	}
	(void)pcre2_pattern_info(out->code, PCRE2_INFO_CAPTURECOUNT, &out->groups);
	out->named = dialect.named;
	out->unnamed = dialect.unnamed;
	out->end_len = (uint8_t)plain_end(pattern, out->end);
	*regex = out;
	return MED_EOK;
}

void med_regex_free(const med_mem_t *shared, med_regex_t *regex)
{
	if(regex == NULL)
		return;
	pcre2_code_free(regex->code);
	med_free(shared, regex);
}

unsigned med_regex_groups(const med_regex_t *regex)
{
	return regex->groups;
}

bool med_regex_ends_plainly(const med_regex_t *regex)
{
	return regex->end_len > 0;
}

bool med_regex_mixes_groups(const med_regex_t *regex)
{
	return regex->named && regex->unnamed;
}

unsigned med_regex_group(const med_regex_t *regex, med_str_t name)
{
	char text[33];
	int number;

	if(name.len == 0 || name.len >= sizeof(text))
		return 0;
	memcpy(text, name.s, name.len);
	text[name.len] = '\0';
	number = pcre2_substring_number_from_name(regex->code, (PCRE2_SPTR)text);
	return number > 0 ? (unsigned)number : 0;
}

/* ---- matching -----------------------------------------------------------------------
 */

/* PCRE2 takes its working memory with the first match; take it before the first call. */
static bool warm_up(med_scratch_t *scratch)
{
	med_regex_t *regex = NULL;
	int rc = med_regex_compile(&scratch->mem, MED_STR("^(?=1)"), &regex, NULL);

	if(rc == MED_EOK)
		rc = med_regex_match(regex, scratch, MED_STR("1"), NULL);
	med_regex_free(&scratch->mem, regex);
	return rc == MED_EOK;
}

med_scratch_t *med_scratch_new(const med_mem_t *own)
{
	med_scratch_t *scratch = med_calloc(own, 1, sizeof(*scratch));

	if(scratch == NULL)
		return NULL;
	scratch->mem = *own;
	scratch->general = pcre2_general_context_create(pcre_alloc, pcre_free, &scratch->mem);
	if(scratch->general == NULL)
		goto fail;
	scratch->context = pcre2_match_context_create(scratch->general);
	scratch->data = pcre2_match_data_create(MED_PATTERN_GROUPS, scratch->general);
	if(scratch->context == NULL || scratch->data == NULL)
		goto fail;
	pcre2_set_depth_limit(scratch->context, DEPTH_LIMIT);
	pcre2_set_heap_limit(scratch->context, HEAP_LIMIT_KIB);
	if(!warm_up(scratch))
		goto fail;
	med_scratch_begin(scratch, MED_BUDGET_SELECT_NS);
	return scratch;
fail:
	med_scratch_free(scratch);
	return NULL;
}

void med_scratch_free(med_scratch_t *scratch)
{
	med_mem_t mem;

	if(scratch == NULL)
		return;
	mem = scratch->mem;
	pcre2_match_data_free(scratch->data);
	pcre2_match_context_free(scratch->context);
	pcre2_general_context_free(scratch->general);
	med_free(&mem, scratch);
}

void med_scratch_begin(med_scratch_t *scratch, int64_t budget_ns)
{
	scratch->budget = budget_ns;
	scratch->matches = 0;
	scratch->cpu_start = 0;
	scratch->spent = false;
}

bool med_scratch_spent(const med_scratch_t *scratch)
{
	return scratch->spent;
}

static int64_t clock_ns(clockid_t id)
{
	struct timespec now;

	(void)clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/*
 * Is the decision's budget for patterns used up? The wall clock is cheap but counts time
 * in which the process did not run; so it answers for the first half of the budget only,
 * and the thread's own clock for the second.
 */
static bool over_budget(med_scratch_t *scratch)
{
	int64_t now = clock_ns(CLOCK_MONOTONIC);

	if(now - scratch->started < scratch->budget / 2)
		return false;
	now = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	if(scratch->cpu_start == 0)
		scratch->cpu_start = now;
	return now - scratch->cpu_start > scratch->budget / 2;
}

static void fill_spans(const med_scratch_t *scratch, int count, med_span_t *spans)
{
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(scratch->data);

	if(count == 0 || count > MED_PATTERN_GROUPS) /* more groups than we keep */
		count = MED_PATTERN_GROUPS;
	memset(spans, 0, MED_PATTERN_GROUPS * sizeof(*spans));
	for(int i = 0; i < count; i++) {
		if(at[2 * i] == PCRE2_UNSET || at[2 * i + 1] < at[2 * i])
			continue;
		spans[i] =
				(med_span_t){(uint16_t)at[2 * i], (uint16_t)(at[2 * i + 1] - at[2 * i])};
	}
}

/* A newline at the end is not of the digits `$` stands behind. */
static bool may_end_so(const med_regex_t *regex, med_str_t subject)
{
	return subject.len > 0 && subject.s[subject.len - 1] == '\n'
			? true
			: subject.len >= regex->end_len
					&& memcmp(subject.s + subject.len - regex->end_len, regex->end,
							   regex->end_len)
							== 0;
}

int med_regex_match(const med_regex_t *regex, med_scratch_t *scratch, med_str_t subject,
		med_span_t *spans)
{
	uint32_t steps = MATCH_STEPS / ((uint32_t)subject.len + 1);
	int count;

	if(regex->end_len > 0 && !may_end_so(regex, subject))
		return MED_ENOMATCH;
	if(++scratch->matches == 2)
		scratch->started = clock_ns(CLOCK_MONOTONIC);
	pcre2_set_match_limit(
			scratch->context, steps < MATCH_STEPS_MIN ? MATCH_STEPS_MIN : steps);
	count = pcre2_match(regex->code, (PCRE2_SPTR)(subject.len == 0 ? "" : subject.s),
			subject.len, 0, 0, scratch->data, scratch->context);
	if(count == PCRE2_ERROR_MATCHLIMIT || count == PCRE2_ERROR_DEPTHLIMIT
			|| count == PCRE2_ERROR_HEAPLIMIT)
		return MED_ELIMIT;
	if(count == PCRE2_ERROR_NOMEMORY)
		return MED_ENOMEM;
	if(count < 0) {
		scratch->spent = scratch->matches > 1 && over_budget(scratch);
		return scratch->spent ? MED_ELIMIT : MED_ENOMATCH;
	}
	if(spans != NULL)
		fill_spans(scratch, count, spans);
	return MED_EOK;
}
