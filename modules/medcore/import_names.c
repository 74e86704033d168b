/**
 * import_names.c - Lync's names, and the ids made of them
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "medcore/import_map.h"
#include "medcore/schema.h"

/* ---- the table ----------------------------------------------------------------------
 */

static size_t bucket_of(const med_table_t *table, enum med_space space, med_str_t name)
{
	uint64_t hash = (uint64_t)space * 0x9e3779b9u;
	char folded[256];

	for(size_t from = 0; from < name.len; from += sizeof(folded)) {
		size_t len = name.len - from;
		len = len < sizeof(folded) ? len : sizeof(folded);
		for(size_t i = 0; i < len; i++) {
			char c = name.s[from + i];
			folded[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
		}
		hash = hash * 31 + med_siphash(table->key, folded, len);
	}
	return (size_t)hash & (table->size - 1);
}

med_entry_t *med_table_find(
		const med_table_t *table, enum med_space space, med_str_t name)
{
	med_entry_t *entry =
			table->size == 0 ? NULL : table->bucket[bucket_of(table, space, name)];

	while(entry != NULL
			&& (entry->space != space || !med_str_eq_nocase(entry->name, name)))
		entry = entry->next;
	return entry;
}

static bool grow(med_table_t *table)
{
	med_table_t larger = {.blocks = table->blocks,
			.size = table->size == 0 ? 256 : table->size * 2,
			.count = table->count};

	/* A key that a file's author does not know: names could be chosen to collide. */
	memcpy(larger.key, &table, sizeof(table));
	larger.bucket = med_blocks_take(table->blocks, larger.size, sizeof(*larger.bucket));
	if(larger.bucket == NULL)
		return false;
	for(size_t i = 0; i < table->size; i++) {
		for(med_entry_t *e = table->bucket[i], *next; e != NULL; e = next) {
			size_t to = bucket_of(&larger, e->space, e->name);
			next = e->next;
			e->next = larger.bucket[to];
			larger.bucket[to] = e;
		}
	}
	*table = larger;
	return true;
}

med_entry_t *med_table_add(med_table_t *table, enum med_space space, med_str_t name)
{
	med_entry_t *entry = med_table_find(table, space, name);
	size_t to;

	if(entry != NULL)
		return entry;
	if(table->count >= table->size && !grow(table))
		return NULL;
	entry = med_blocks_take(table->blocks, 1, sizeof *entry);
	if(entry == NULL)
		return NULL;
	entry->space = space;
	entry->name = med_blocks_copy(table->blocks, name);
	entry->index = SIZE_MAX;
	to = bucket_of(table, space, name);
	entry->next = table->bucket[to];
	table->bucket[to] = entry;
	table->count++;
	return entry;
}

/* ---- ids ----------------------------------------------------------------------------
 */

static bool is_id_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
			|| c == '.' || c == '_' || c == '-';
}

/* What can be kept of a name: runs of all else become one '-'. */
static size_t sanitise(med_str_t name, char *out, size_t size)
{
	size_t used = 0;

	for(size_t i = 0; i < name.len && used < size; i++) {
		if(is_id_char(name.s[i]))
			out[used++] = name.s[i];
		else if(used > 0 && out[used - 1] != '-')
			out[used++] = '-';
	}
	while(used > 0 && out[used - 1] == '-' && !med_is_id(name))
		used--;
	if(used == 0) {
		memcpy(out, "unnamed", 7);
		used = 7;
	}
	return used;
}

static const char *space_word(enum med_space space)
{
	static const char *const word[] = {[MED_SPACE_SITE] = "site",
			[MED_SPACE_POOL] = "pool",
			[MED_SPACE_GATEWAY] = "gateway",
			[MED_SPACE_TRUNK] = "trunk",
			[MED_SPACE_RULES] = "rules",
			[MED_SPACE_RESPONSE_RULES] = "response_rules",
			[MED_SPACE_POLICY] = "policy",
			[MED_SPACE_ROUTE] = "route",
			[MED_SPACE_USAGE] = "usage",
			[MED_SPACE_TEST] = "test"};

	return space < sizeof(word) / sizeof(word[0]) && word[space] != NULL ? word[space]
																		 : "name";
}

/* An id nobody has: the base, or with the next number behind it. */
static med_str_t take_id(med_mapping_t *m, enum med_space space, const char *base,
		size_t len, bool *numbered)
{
	char id[MED_ID_MAX + 1];
	med_str_t key = med_blocks_format(m->blocks, "%d/%.*s", (int)space, (int)len, base);
	med_entry_t *taken = med_table_add(&m->table, MED_SPACE_ID, key);

	*numbered = false;
	if(taken == NULL)
		return MED_STR("unnamed");
	if(taken->index == SIZE_MAX) {
		taken->index = 2;
		return med_blocks_copy(m->blocks, (med_str_t){base, len});
	}
	*numbered = true;
	for(;;) {
		char tail[24];
		int tail_len = snprintf(tail, sizeof(tail), "-%zu", taken->index++);
		int kept = (int)len + tail_len > MED_ID_MAX ? MED_ID_MAX - tail_len : (int)len;
		med_entry_t *other;
		(void)snprintf(id, sizeof(id), "%.*s%s", kept, base, tail);
		key = med_blocks_format(m->blocks, "%d/%s", (int)space, id);
		other = med_table_add(&m->table, MED_SPACE_ID, key);
		if(other == NULL)
			return MED_STR("unnamed");
		if(other->index == SIZE_MAX) {
			other->index = 2;
			return med_blocks_copy(m->blocks, med_str(id));
		}
	}
}

static void give_id(med_mapping_t *m, med_entry_t *entry)
{
	char base[MED_ID_MAX];
	size_t len = sanitise(entry->name, base, sizeof(base));
	bool numbered;

	entry->id = take_id(m, entry->space, base, len, &numbered);
	if(med_str_eq(entry->id, entry->name))
		return;
	/* Rule sets have no names there: what they came from tells theirs. */
	if(entry->space == MED_SPACE_RULES || entry->space == MED_SPACE_RESPONSE_RULES)
		return;
	med_mapping_note(m, MED_IMPORT_CHANGED,
			med_blocks_format(m->blocks, "%s '%s'", space_word(entry->space),
					med_mapping_show(m, entry->name)),
			"its id here is '%s'%s", entry->id.s,
			numbered ? "; another name gives the same without the number" : "");
}

void med_mapping_name(med_mapping_t *m, enum med_space space, med_str_t name)
{
	if(name.len > 0)
		(void)med_table_add(&m->table, space, name);
}

static int compare_entries(const void *a, const void *b)
{
	const med_entry_t *x = *(const med_entry_t *const *)a;
	const med_entry_t *y = *(const med_entry_t *const *)b;

	return med_text_compare(x->name, y->name);
}

void med_mapping_assign(med_mapping_t *m, enum med_space space)
{
	med_entry_t **entries = med_blocks_take(m->blocks, m->table.count, sizeof *entries);
	size_t count = 0;

	if(entries == NULL)
		return;
	for(size_t i = 0; i < m->table.size; i++) {
		for(med_entry_t *e = m->table.bucket[i]; e != NULL; e = e->next) {
			if(e->space == space && e->id.len == 0)
				entries[count++] = e;
		}
	}
	qsort(entries, count, sizeof(*entries), compare_entries);
	/* A name that is an id keeps it. */
	for(size_t i = 0; i < count; i++) {
		if(med_is_id(entries[i]->name))
			give_id(m, entries[i]);
	}
	for(size_t i = 0; i < count; i++) {
		if(entries[i]->id.len == 0)
			give_id(m, entries[i]);
	}
}

med_str_t med_mapping_id(med_mapping_t *m, enum med_space space, med_str_t name)
{
	med_entry_t *entry = med_table_add(&m->table, space, name);

	if(entry == NULL)
		return MED_STR("unnamed");
	if(entry->id.len == 0)
		give_id(m, entry);
	return entry->id;
}
