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

int med_lines_text(sip_msg_t *msg, char *text, size_t len, enum _hdr_types_t type)
{
	struct lump *anchor =
			text != NULL ? anchor_lump(msg, med_lines_place(msg), 0, type) : NULL;

	if(anchor != NULL && insert_new_lump_after(anchor, text, (int)len, 0) != NULL)
		return MED_EOK;
	if(text != NULL)
		pkg_free(text);
	return MED_ENOMEM;
}

int med_lines_put(sip_msg_t *msg, const med_lines_t *lines)
{
	char *text;

	if(lines->len == 0)
		return MED_EOK;
	text = pkg_malloc(lines->len);
	if(text != NULL)
		memcpy(text, lines->s, lines->len);
	return med_lines_text(msg, text, lines->len, HDR_OTHER_T);
}
