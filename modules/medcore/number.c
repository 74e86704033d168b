/**
 * number.c - a URI's user part as a number (spec 3.5)
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include <strings.h>

#include "medcore/snapshot.h"

static int hex_value(char c)
{
	if(c >= '0' && c <= '9')
		return c - '0';
	if(c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if(c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The character at *pos, %XX decoded; *pos moves past it. -1: a broken escape. */
static int next_char(med_str_t user, size_t *pos)
{
	int high, low;
	char c = user.s[(*pos)++];

	if(c != '%')
		return (unsigned char)c;
	if(*pos + 2 > user.len)
		return -1;
	high = hex_value(user.s[*pos]);
	low = hex_value(user.s[*pos + 1]);
	if(high < 0 || low < 0)
		return -1;
	*pos += 2;
	return high << 4 | low;
}

static bool is_separator(int c)
{
	return c == '-' || c == '.' || c == '(' || c == ')' || c == ' ';
}

static bool is_dial_char(int c)
{
	return (c >= '0' && c <= '9') || c == '*' || c == '#';
}

/* "(0)" in an international number is how people write the national prefix (E.123). */
static bool is_trunk_prefix(med_str_t user, size_t pos)
{
	return pos + 2 <= user.len && user.s[pos] == '0' && user.s[pos + 1] == ')';
}

int med_number_from_user(med_str_t user, med_number_t *number, med_errbuf_t *err)
{
	char quoted[80];
	med_number_t out = {.len = 0};

	for(size_t pos = 0; pos < user.len && user.s[pos] != ';';) {
		int c = next_char(user, &pos);
		if(c == '(' && out.len > 0 && out.s[0] == '+' && is_trunk_prefix(user, pos)) {
			pos += 2;
			continue;
		}
		if(is_separator(c))
			continue;
		if(!is_dial_char(c) && !(c == '+' && out.len == 0))
			return med_fail(err, MED_EINVAL,
					"'%s' is not a number: digits, a leading '+', '*', '#' and the "
					"separators -.() are",
					med_quote(quoted, sizeof(quoted), user));
		if(out.len == MED_NUMBER_MAX)
			return med_fail(err, MED_ELIMIT, "number '%s' has more than %d digits",
					med_quote(quoted, sizeof(quoted), user), MED_NUMBER_MAX);
		out.s[out.len++] = (char)c;
	}
	if(out.len == 0 || (out.len == 1 && out.s[0] == '+'))
		return med_fail(err, MED_EINVAL, "'%s' has no digit",
				med_quote(quoted, sizeof(quoted), user));
	number->len = out.len;
	memcpy(number->s, out.s, out.len);
	return MED_EOK;
}

/* The value of a parameter, if it is that. */
static bool is_param(med_str_t param, const char *name, size_t len, med_str_t *value)
{
	if(value->len > 0 || param.len <= len || strncasecmp(param.s, name, len) != 0)
		return false;
	*value = (med_str_t){param.s + len, param.len - len};
	return true;
}

/* Digits alone, separators taken off; @p max of them. 0: not of that form. */
static size_t take_digits(med_str_t text, char *out, size_t max)
{
	size_t len = 0;

	for(size_t pos = 0; pos < text.len;) {
		int c = next_char(text, &pos);

		if(is_separator(c))
			continue;
		if(c < '0' || c > '9' || len == max)
			return 0;
		out[len++] = (char)c;
	}
	return len;
}

void med_number_params(med_str_t uri, med_number_params_t *params)
{
	const char *at = memchr(uri.s, ';', uri.len), *end = uri.s + uri.len;
	med_str_t context = {NULL, 0}, extension = {NULL, 0};

	while(at != NULL && at < end && (*at == ';' || *at == '@')) {
		const char *start = ++at;
		med_str_t param;

		while(at < end && *at != ';' && *at != '@' && *at != '?')
			at++;
		param = (med_str_t){start, (size_t)(at - start)};
		if(!is_param(param, "phone-context=", 14, &context))
			(void)is_param(param, "ext=", 4, &extension);
	}
	params->context = context;
	params->extension.len = (uint8_t)take_digits(
			extension, params->extension.s, sizeof(params->extension.s));
}

/* The context as the beginning of a number. false: one of them is no number for that. */
static bool put_before(med_str_t context, med_number_t *number)
{
	med_number_t whole = {.len = 1, .s = "+"};
	size_t pos = 0, digits;

	if(number->len == 0 || number->s[0] < '0' || number->s[0] > '9'
			|| next_char(context, &pos) != '+')
		return false;
	digits = take_digits((med_str_t){context.s + pos, context.len - pos}, whole.s + 1,
			sizeof(whole.s) - 1);
	if(digits == 0 || 1 + digits + number->len > sizeof(whole.s))
		return false;
	memcpy(whole.s + 1 + digits, number->s, number->len);
	whole.len = 1 + digits + number->len;
	*number = whole;
	return true;
}

med_str_t med_number_in_context(const med_snapshot_t *snapshot, med_str_t context,
		med_str_t plan, med_number_t *number)
{
	const med_rules_t *named;

	if(context.len == 0 || (number->len > 0 && number->s[0] == '+')
			|| put_before(context, number))
		return plan;
	named = med_view_rules_named(&snapshot->view, context);
	return named != NULL ? named->id : plan;
}
