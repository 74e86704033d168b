/**
 * sdp_text.h - words and numbers of an SDP line; for those files of medcore that read one
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_SDP_TEXT_H
#define MEDCORE_SDP_TEXT_H

#include <string.h>

#include "medcore/common.h"

static inline bool med_text_starts(med_str_t text, const char *prefix)
{
	size_t len = strlen(prefix);

	return text.len >= len && memcmp(text.s, prefix, len) == 0;
}

static inline med_str_t med_text_after(med_str_t text, size_t count)
{
	return (med_str_t){text.s + count, text.len - count};
}

/** The next word; @p rest is advanced past it and the spaces before it. */
static inline med_str_t med_text_word(med_str_t *rest)
{
	med_str_t word;

	while(rest->len && *rest->s == ' ')
		*rest = med_text_after(*rest, 1);
	word = (med_str_t){rest->s, 0};
	while(word.len < rest->len && rest->s[word.len] != ' ')
		word.len++;
	*rest = med_text_after(*rest, word.len);
	return word;
}

/** Leading decimal digits as a number up to @p max; false where there are none or more.
 */
static inline bool med_text_number(med_str_t *text, uint64_t max, uint64_t *number)
{
	uint64_t value = 0;
	size_t i;

	for(i = 0; i < text->len && text->s[i] >= '0' && text->s[i] <= '9'; i++) {
		value = value * 10 + (uint64_t)(text->s[i] - '0');
		if(value > max)
			return false;
	}
	if(!i)
		return false;
	*text = med_text_after(*text, i);
	*number = value;
	return true;
}

#endif
