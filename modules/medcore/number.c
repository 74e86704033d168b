/**
 * number.c - a URI's user part as a number (spec 3.5)
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>

#include "medcore/select.h"

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
