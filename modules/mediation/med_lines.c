/**
 * med_lines.c - see med_lines.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>

#include "core/data_lump.h"

#include "med_lines.h"

/** Where our lines go: a Record-Route of ours must come before all others. */
static int med_lines_place(const sip_msg_t *msg)
{
	const struct hdr_field *header = msg->headers;

	while(header->type == HDR_VIA_T && header->next != NULL)
		header = header->next;
	return (int)(header->name.s - msg->buf);
}

/* Lent one after the other: each is read long before as many bytes follow it. */
static char med_texts[16384];
static size_t med_texts_used;
#define MED_TEXT_MAX (sizeof med_texts / 8)

char *med_text_room(size_t size)
{
	if(size > MED_TEXT_MAX)
		return pkg_malloc(size);
	if(size > sizeof med_texts - med_texts_used)
		med_texts_used = 0;
	med_texts_used += size;
	return med_texts + med_texts_used - size;
}

int med_text_put(struct lump *anchor, char *text, size_t size)
{
	struct lump *lump = anchor != NULL && text != NULL
			? insert_new_lump_after(anchor, text, (int)size, 0)
			: NULL;

	if(lump != NULL) {
		if(size <= MED_TEXT_MAX)
			lump->flags = LUMPFLAG_DUPED; /* the text is not the lump's own */
		return MED_EOK;
	}
	if(text != NULL && size > MED_TEXT_MAX)
		pkg_free(text);
	return MED_ENOMEM;
}

int med_lines_text(sip_msg_t *msg, char *text, size_t len, enum _hdr_types_t type)
{
	struct lump *anchor =
			text != NULL ? anchor_lump(msg, med_lines_place(msg), 0, type) : NULL;

	return med_text_put(anchor, text, len);
}

int med_lines_put(sip_msg_t *msg, const med_lines_t *lines)
{
	char *text;

	if(lines->len == 0)
		return MED_EOK;
	text = med_text_room(lines->len);
	if(text != NULL)
		memcpy(text, lines->s, lines->len);
	return med_lines_text(msg, text, lines->len, HDR_OTHER_T);
}
