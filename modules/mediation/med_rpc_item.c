/**
 * med_rpc_item.c - one structure of an RPC answer, as long as it may be
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_rpc_item.h"

#include "med_compat.h"
#include "med_rpc_words.h"
#include "medcore/listing.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define FIELD_BYTES 16 /* quotes, colon, comma, and the indentation of pretty JSON */

size_t med_item_cost(med_str_t name, med_str_t value)
{
	size_t cost = name.len + value.len + FIELD_BYTES;

	for(size_t i = 0; i < value.len; i++)
		cost += value.s[i] == '"' || value.s[i] == '\\';
	return cost;
}

static void add(
		med_item_t *item, const med_field_def_t *def, const char *name, med_str_t value)
{
	int number =
			def && def->type == MED_TYPE_NUMBER ? med_word_number(value, INT_MAX) : -1;
	size_t cost = med_item_cost(med_str(name), value);
	str text = med_to_str(value);
	int rc;

	item->left -= cost < item->left ? cost : item->left;
	if(number >= 0)
		rc = item->rpc->struct_add(item->node, MED_FMT("d"), name, number);
	else
		rc = item->rpc->struct_add(item->node, MED_FMT("S"), name, &text);
	item->failed = item->failed || rc < 0;
}

void med_item_add(med_item_t *item, const char *name, med_str_t value)
{
	add(item, NULL, name, value);
}

/* The next entry is wanted, and is not one too many. */
static bool take(med_item_t *item, size_t cost)
{
	if(item->next)
		return false;
	if(cost > item->left || (item->limit && item->at >= item->from + item->limit)) {
		item->next = item->at;
		return false;
	}
	return true;
}

/* Those entries of a list that are wanted and fit: they stand side by side. */
static void show_list(
		med_item_t *item, const med_field_def_t *def, const char *name, med_str_t value)
{
	size_t at = 0, start = 0, end = 0;

	while(at < value.len) {
		const char *comma = memchr(value.s + at, ',', value.len - at);
		size_t to = comma ? (size_t)(comma - value.s) : value.len;
		if(item->at < item->from)
			start = comma ? to + 1 : to;
		else if(take(item, strlen(name) + to - start + FIELD_BYTES))
			end = to;
		else
			break;
		item->at++;
		at = comma ? to + 1 : to;
	}
	if(end > start)
		add(item, def, name, (med_str_t){value.s + start, end - start});
}

bool med_item_show(void *ctx, const med_field_def_t *def, med_str_t name, med_str_t value)
{
	med_item_t *item = ctx;
	char copy[64]; /* names of fields are shorter, numbered ones too */

	if(item->next || item->failed || name.len >= sizeof copy)
		return false;
	memcpy(copy, name.s, name.len);
	copy[name.len] = '\0';
	if(med_type_is_list(def->type)) {
		show_list(item, def, copy, value);
	} else if(item->at < item->from) {
		item->at++;
	} else if(take(item, med_item_cost(name, value))) {
		add(item, def, copy, value);
		item->at++;
	}
	return !item->next && !item->failed;
}

void med_item_number(med_item_t *item, const char *name, uint32_t value)
{
	static const med_field_def_t number = {.type = MED_TYPE_NUMBER};
	char text[16];

	snprintf(text, sizeof text, "%u", value);
	med_item_show(item, &number, med_str(name), med_str(text));
}

void med_item_text(med_item_t *item, const char *name, med_str_t value)
{
	static const med_field_def_t text = {.type = MED_TYPE_TEXT};

	med_item_show(item, &text, med_str(name), value);
}

void med_item_end(med_item_t *item)
{
	if(item->next
			&& item->rpc->struct_add(item->node, MED_FMT("d"), "next", (int)item->next)
					< 0)
		item->failed = true;
}
