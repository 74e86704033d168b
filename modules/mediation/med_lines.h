/**
 * med_lines.h - header lines that a request gets from us, put into it in one piece
 *
 * Each change of a message is some blocks of memory to Kamailio, got and given back: a
 * hundred bytes more of one text cost next to nothing, one text more costs a thousand
 * instructions.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_LINES_H
#define MED_LINES_H

#include "med_compat.h"

#define MED_LINES_MAX 2048

/** Whole lines, each with its CRLF. */
typedef struct med_lines {
	size_t len;
	char s[MED_LINES_MAX];
} med_lines_t;

/** As many bytes more; NULL: there is no room, and nothing has changed. */
static inline char *med_lines_more(med_lines_t *lines, size_t len)
{
	char *at = lines->s + lines->len;

	if(len > sizeof lines->s - lines->len)
		return NULL;
	lines->len += len;
	return at;
}

/**
 * Room for a text that goes with this message, whose handling it outlives by little: no
 * allocation but for a long one. NULL: memory is short.
 */
char *med_text_room(size_t size);
/** @p text, from there, behind @p anchor. MED_EOK; MED_ENOMEM: one is NULL, or memory. */
int med_text_put(struct lump *anchor, char *text, size_t size);

/**
 * @p text, from med_text_room(), behind the first Vias; @p type  the anchor's, so that
 * others find it. MED_EOK, MED_ENOMEM: it was NULL, or memory is short.
 */
int med_lines_text(sip_msg_t *msg, char *text, size_t len, enum _hdr_types_t type);
/** The lines there, if there are any. */
int med_lines_put(sip_msg_t *msg, const med_lines_t *lines);

#endif
