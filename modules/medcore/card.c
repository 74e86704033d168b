/**
 * card.c - the listing of a kind: cards in order of id, in chunks that versions share
 *
 * A change copies the chunk it falls into and the table of chunks; a thousand changes
 * copy each chunk they fall into once.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE /* qsort_r */
#include "medcore/card.h"

#include <stdlib.h>
#include <string.h>

#include "medcore/schema.h"
#include "medcore/writer.h"

/* ---- reading --------------------------------------------------------------------------
 */

med_str_t med_card_id(const med_card_t *card)
{
	return (med_str_t){card->text, card->id_len};
}

bool med_card_next(const med_card_t *card, size_t *at, med_field_t *field)
{
	const char *s = card->text + card->id_len + *at;

	if(card->id_len + *at >= card->size)
		return false;
	field->name = med_str(s);
	field->value = med_str(s + field->name.len + 1);
	*at += field->name.len + field->value.len + 2;
	return true;
}

med_str_t med_card_value(const med_card_t *card, med_str_t name)
{
	med_field_t field;

	for(size_t at = 0; med_card_next(card, &at, &field);) {
		if(med_str_eq(field.name, name))
			return field.value;
	}
	return (med_str_t){NULL, 0};
}

/* How many of the first cards of all chunks come before @p id, or are of it. */
static size_t chunks_up_to(const med_listing_t *listing, med_str_t id)
{
	size_t low = 0, high = listing == NULL ? 0 : listing->chunks;

	while(low < high) {
		size_t middle = (low + high) / 2;
		if(med_str_compare(med_card_id(listing->chunk[middle].at->card[0]), id) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const med_card_t *find_card(const med_listing_t *listing, med_str_t id)
{
	size_t before = chunks_up_to(listing, id), low = 0, high;
	const med_card_chunk_t *chunk;

	if(before == 0)
		return NULL;
	chunk = listing->chunk[before - 1].at;
	for(high = chunk->count; low < high;) {
		size_t middle = (low + high) / 2;
		int order = med_str_compare(med_card_id(chunk->card[middle]), id);
		if(order == 0)
			return chunk->card[middle];
		if(order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const med_card_t *med_snapshot_card(
		const med_snapshot_t *snapshot, enum med_kind kind, med_str_t id)
{
	return (unsigned)kind < MED_KIND_COUNT ? find_card(snapshot->view.listing[kind], id)
										   : NULL;
}

const med_card_t *med_snapshot_card_at(
		const med_snapshot_t *snapshot, enum med_kind kind, size_t index)
{
	const med_listing_t *listing =
			(unsigned)kind < MED_KIND_COUNT ? snapshot->view.listing[kind] : NULL;
	size_t low = 0, high;

	if(listing == NULL || index >= listing->count)
		return NULL;
	/* the last chunk that begins at the index or before */
	for(high = listing->chunks; high - low > 1;) {
		size_t middle = (low + high) / 2;
		if(listing->chunk[middle].first <= index)
			low = middle;
		else
			high = middle;
	}
	return listing->chunk[low].at->card[index - listing->chunk[low].first];
}

/* ---- making cards ---------------------------------------------------------------------
 */

/* The text of a card under way, in the writer's own memory, kept for the next one. */
static int put(med_config_t *config, size_t *used, med_str_t text)
{
	size_t room = config->card_room == 0 ? 1024 : config->card_room;
	char *more;

	while(room < *used + text.len + 1)
		room *= 2;
	if(room > config->card_room) {
		more = med_alloc(&config->own, room);
		if(more == NULL)
			return MED_ENOMEM;
		if(*used > 0)
			memcpy(more, config->card_text, *used);
		med_free(&config->own, config->card_text);
		config->card_text = more;
		config->card_room = room;
	}
	if(text.len > 0)
		memcpy(config->card_text + *used, text.s, text.len);
	config->card_text[*used + text.len] = '\0';
	*used += text.len + 1;
	return MED_EOK;
}

typedef struct med_writing {
	med_config_t *config;
	size_t used;
} med_writing_t;

static int write_field(
		void *ctx, const med_field_def_t *def, med_str_t name, med_str_t value)
{
	med_writing_t *w = ctx;
	int rc;

	if(def->initial != NULL && med_str_eq(value, med_str(def->initial)))
		return MED_EOK;
	rc = put(w->config, &w->used, name);
	return rc == MED_EOK
			? put(w->config, &w->used, def->secret ? MED_STR(MED_NOT_SHOWN) : value)
			: rc;
}

/* Values of all cards are made in one buffer: one of this size costs pages to come by. */
static void *lend(void *ctx, size_t size)
{
	med_config_t *config = ctx;

	if(config->card_value == NULL)
		config->card_value = med_alloc(&config->own, size);
	return config->card_value;
}

static void give_back(void *ctx, void *block)
{
	(void)ctx;
	(void)block;
}

static int make_card(
		med_config_t *config, const med_slot_t *slot, const med_card_t **made)
{
	med_writing_t w = {config, 0};
	med_mem_t buffer = {lend, give_back, config};
	int rc = med_schema_each((enum med_kind)slot->kind,
			med_entry_record((enum med_kind)slot->kind, slot->entry), &buffer,
			write_field, &w);
	med_card_t *card;

	if(rc != MED_EOK)
		return rc;
	card = med_segment_new(&config->heap, sizeof(*card) + slot->id_len + w.used);
	if(card == NULL)
		return MED_ENOMEM;
	card->fields = slot->fields;
	card->size = (uint32_t)(slot->id_len + w.used);
	card->id_len = slot->id_len;
	memcpy(card->text, slot->id, slot->id_len);
	if(w.used > 0)
		memcpy(card->text + slot->id_len, config->card_text, w.used);
	*made = card;
	return MED_EOK;
}

/* ---- what changed ---------------------------------------------------------------------
 */

typedef struct med_card_change {
	med_str_t id;
	const med_card_t *old, *new; /* NULL: it comes; it goes */
} med_card_change_t;

static int compare_changes(const void *a, const void *b, void *pause)
{
	const med_card_change_t *x = a, *y = b;

	med_pause(pause);
	return med_str_compare(x->id, y->id);
}

static bool in_force(const med_slot_t *slot)
{
	return slot->kind == MED_KIND_TRUNK ? slot->pending != NULL : slot->entry != NULL;
}

static int find_change(med_config_t *config, const med_listing_t *listing,
		const med_slot_t *slot, med_card_change_t *change)
{
	change->id = med_slot_id(slot);
	change->old = find_card(listing, change->id);
	change->new = NULL;
	if(!in_force(slot))
		return MED_EOK;
	if(change->old == NULL || change->old->fields != slot->fields)
		return make_card(config, slot, &change->new);
	change->new = change->old;
	return MED_EOK;
}

/* In order of id, in memory of the writer's own. */
static int find_changes(med_config_t *config, enum med_kind kind,
		const med_listing_t *listing, med_card_change_t **changes, size_t *count)
{
	med_slot_t *slot = config->table[kind].dirty;
	size_t room = 0, n = 0;
	int rc = MED_EOK;

	for(; slot != NULL; slot = slot->next_dirty)
		room++;
	*count = 0;
	*changes = NULL;
	if(room == 0)
		return MED_EOK;
	*changes = med_calloc(&config->own, room, sizeof(**changes));
	if(*changes == NULL)
		return MED_ENOMEM;
	for(slot = config->table[kind].dirty; slot != NULL && rc == MED_EOK;
			slot = slot->next_dirty) {
		med_pause(&config->pause);
		rc = find_change(config, listing, slot, &(*changes)[n]);
		if(rc == MED_EOK && (*changes)[n].old != (*changes)[n].new)
			n++;
	}
	if(rc == MED_EOK && n > 1)
		qsort_r(*changes, n, sizeof(**changes), compare_changes, &config->pause);
	*count = n;
	return rc;
}

/* ---- merging --------------------------------------------------------------------------
 */

/* One merge of old chunks and changes into the listing of the version being built. */
typedef struct med_merge {
	med_config_t *config;
	const med_listing_t *old;
	const med_card_change_t *change;
	size_t changes;
	size_t at_chunk, at_change; /* what comes next of both */
	size_t at_card;             /* of a chunk that is taken apart */
	med_listing_t *out;
} med_merge_t;

static void add_chunk(med_merge_t *m, const med_card_chunk_t *chunk)
{
	m->out->chunk[m->out->chunks].first = (uint32_t)m->out->count;
	m->out->chunk[m->out->chunks++].at = chunk;
	m->out->count += chunk->count;
}

/* Changes that belong to chunk @p chunk or to one before it. */
static size_t changes_until(const med_merge_t *m, size_t chunk, size_t from)
{
	size_t to = m->changes;

	if(m->old == NULL || chunk + 1 >= m->old->chunks)
		return to;
	for(to = from; to < m->changes
			&& med_str_compare(m->change[to].id,
					   med_card_id(m->old->chunk[chunk + 1].at->card[0]))
					< 0;)
		to++;
	return to;
}

/* The next card of old chunks up to @p chunk_end and changes up to @p change_end. */
static const med_card_t *next_card(med_merge_t *m, size_t chunk_end, size_t change_end)
{
	for(;;) {
		const med_card_chunk_t *chunk =
				m->at_chunk < chunk_end ? m->old->chunk[m->at_chunk].at : NULL;
		const med_card_t *card = NULL;
		const med_card_change_t *change =
				m->at_change < change_end ? &m->change[m->at_change] : NULL;
		if(chunk != NULL && m->at_card == chunk->count) {
			m->at_chunk++;
			m->at_card = 0;
			continue;
		}
		if(chunk != NULL)
			card = chunk->card[m->at_card];
		if(change != NULL
				&& (card == NULL
						|| med_str_compare(change->id, med_card_id(card)) <= 0)) {
			m->at_change++;
			m->at_card += change->old != NULL; /* that is the card before us */
			if(change->new == NULL)
				continue;
			return change->new;
		}
		m->at_card += card != NULL;
		return card;
	}
}

/* @p cards cards in as few chunks as hold them, all about as full. */
static int write_chunks(med_merge_t *m, size_t cards, size_t chunk_end, size_t change_end)
{
	size_t chunks = (cards + MED_CARDS_CHUNK - 1) / MED_CARDS_CHUNK;

	for(; chunks > 0; chunks--) {
		uint32_t count = (uint32_t)((cards + chunks - 1) / chunks);
		med_card_chunk_t *chunk = med_segment_new(
				&m->config->heap, sizeof(*chunk) + count * sizeof(chunk->card[0]));
		if(chunk == NULL)
			return MED_ENOMEM;
		chunk->count = count;
		for(uint32_t i = 0; i < count; i++)
			chunk->card[i] = next_card(m, chunk_end, change_end);
		add_chunk(m, chunk);
		cards -= count;
		med_pause(&m->config->pause);
	}
	return MED_EOK;
}

/* The chunk that the next change falls into, and those after it as long as little is
 * left of it. */
static int rewrite(med_merge_t *m)
{
	size_t begin = m->at_chunk, end = begin, change = m->at_change, cards = 0;
	size_t chunks = m->old == NULL ? 0 : m->old->chunks;
	int rc;

	do {
		size_t to = changes_until(m, end, change);
		if(end < chunks)
			cards += m->old->chunk[end++].at->count;
		for(; change < to; change++)
			cards = cards + (m->change[change].new != NULL)
					- (m->change[change].old != NULL);
	} while(cards < MED_CARDS_FEW && end < chunks);
	m->at_card = 0;
	rc = write_chunks(m, cards, end, change);
	for(size_t i = begin; rc == MED_EOK && i < end; i++)
		med_segment_retire(&m->config->heap, m->old->chunk[i].at);
	m->at_chunk = end;
	m->at_change = change;
	return rc;
}

/* A listing with the changes; *listing NULL: nothing is left. */
static int merge(med_config_t *config, const med_card_change_t *change, size_t changes,
		med_listing_t **listing)
{
	med_merge_t m = {
			.config = config, .old = *listing, .change = change, .changes = changes};
	size_t chunks = m.old == NULL ? 0 : m.old->chunks;
	/* what comes, and one more for each place that is rewritten */
	size_t places = chunks == 0 || changes < chunks ? changes : chunks;
	size_t room = chunks + changes / MED_CARDS_CHUNK + places;
	int rc = MED_EOK;

	m.out = med_segment_new(
			&config->heap, sizeof(*m.out) + room * sizeof(m.out->chunk[0]));
	if(m.out == NULL)
		return MED_ENOMEM;
	m.out->count = m.out->chunks = 0;
	while(rc == MED_EOK && (m.at_chunk < chunks || m.at_change < changes)) {
		if(m.at_change == changes
				|| (m.at_chunk < chunks
						&& changes_until(&m, m.at_chunk, m.at_change) == m.at_change))
			add_chunk(&m, m.old->chunk[m.at_chunk++].at);
		else
			rc = rewrite(&m);
	}
	med_segment_retire(&config->heap, m.old);
	*listing = m.out;
	return rc;
}

int med_build_cards(med_config_t *config, med_view_t *view, enum med_kind kind)
{
	med_card_change_t *changes = NULL;
	size_t count = 0;
	int rc = find_changes(config, kind, view->listing[kind], &changes, &count);

	if(rc == MED_EOK && count > 0)
		rc = merge(config, changes, count, &view->listing[kind]);
	for(size_t i = 0; i < count && rc == MED_EOK; i++)
		med_segment_retire(&config->heap, changes[i].old);
	med_free(&config->own, changes);
	return rc;
}
