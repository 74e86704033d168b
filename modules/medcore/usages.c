/**
 * usages.c - the writer's side of usages: which routes stand in which shard
 *
 * A shard that has become too big is split by the next digit; what has become small is
 * gathered into one shard again. Both happen while building, and only to what changed.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE /* qsort_r */
#include <stdlib.h>
#include <string.h>

#include "medcore/writer.h"

#define DIGITS 10

med_usage_slot_t *med_usage_slot(med_config_t *config, med_str_t name)
{
	const size_t chains = sizeof(config->usages) / sizeof(config->usages[0]);
	uint64_t hash = med_id_hash(name);
	med_usage_slot_t **chain = &config->usages[hash % chains], *slot = *chain;

	while(slot != NULL
			&& (slot->hash != hash
					|| !med_str_eq((med_str_t){slot->name, slot->name_len}, name)))
		slot = slot->next;
	if(slot != NULL)
		return slot;
	slot = med_calloc(&config->own, 1, sizeof(*slot) + name.len);
	if(slot == NULL)
		return NULL;
	slot->hash = hash;
	slot->number = config->usage_count++;
	slot->root.usage = slot;
	slot->name_len = (uint8_t)name.len;
	memcpy(slot->name, name.s, name.len);
	slot->next = *chain;
	*chain = slot;
	return slot;
}

/* ---- members --------------------------------------------------------------------------
 */

static bool reserve(med_config_t *config, med_shard_slot_t *shard, size_t more)
{
	size_t need = shard->count + more, room = shard->room == 0 ? 8 : shard->room;
	med_member_t **members;

	if(need <= shard->room)
		return true;
	while(room < need)
		room *= 2;
	members = med_alloc(&config->own, room * sizeof(*members));
	if(members == NULL)
		return false;
	if(shard->count > 0)
		memcpy(members, shard->members, shard->count * sizeof(*members));
	med_free(&config->own, shard->members);
	shard->members = members;
	shard->room = room;
	return true;
}

/* Room was made. */
static void put(med_shard_slot_t *shard, med_member_t *member)
{
	member->shard = shard;
	member->index = (uint32_t)shard->count;
	shard->members[shard->count++] = member;
}

static void mark_dirty(med_config_t *config, med_shard_slot_t *shard)
{
	med_usage_slot_t *usage = shard->usage;

	if(!shard->dirty) {
		shard->dirty = true;
		shard->next_dirty = usage->dirty_shards;
		usage->dirty_shards = shard;
	}
	if(!usage->dirty) {
		usage->dirty = true;
		usage->next_dirty = config->dirty_usages;
		config->dirty_usages = usage;
	}
}

static med_shard_slot_t *child_of(
		med_config_t *config, med_shard_slot_t *parent, unsigned digit)
{
	med_shard_slot_t *child = parent->child[digit];

	if(child != NULL)
		return child;
	child = med_calloc(&config->own, 1, sizeof(*child));
	if(child == NULL)
		return NULL;
	child->usage = parent->usage;
	child->parent = parent;
	child->depth = (uint8_t)(parent->depth + 1);
	parent->child[digit] = child;
	return child;
}

/* Where a key stands; NULL: no memory. */
static med_shard_slot_t *shard_of(
		med_config_t *config, med_usage_slot_t *usage, uint64_t key)
{
	med_shard_slot_t *at = &usage->root;

	while(at != NULL && at->split) {
		if(med_key_length(key) == at->depth)
			return &usage->root;
		at = child_of(config, at, med_key_digit(key, at->depth));
	}
	return at;
}

static bool is_named_before(const med_route_entry_t *entry, const med_usage_slot_t *usage)
{
	for(unsigned i = 0; i < entry->member_count; i++) {
		if(entry->members[i].shard->usage == usage)
			return true;
	}
	return false;
}

int med_usages_name(med_config_t *config, med_route_entry_t *entry,
		const med_list_t *usages, const uint64_t *keys, unsigned key_count)
{
	const med_str_t *name = usages->items;

	for(size_t i = 0; i < usages->count; i++) {
		med_usage_slot_t *usage = med_usage_slot(config, name[i]);
		if(usage == NULL)
			return MED_ENOMEM;
		if(is_named_before(entry, usage))
			continue;
		for(unsigned k = 0; k < key_count; k++) {
			med_member_t *member = &entry->members[entry->member_count];
			member->key = keys[k];
			member->shard = shard_of(config, usage, keys[k]);
			if(member->shard == NULL || !reserve(config, member->shard, key_count))
				return MED_ENOMEM;
			entry->member_count++;
		}
	}
	return MED_EOK;
}

/* The first of a route's members in a usage stands for the route. */
static bool is_first(const med_route_entry_t *entry, unsigned i)
{
	return i == 0 || entry->members[i - 1].shard->usage != entry->members[i].shard->usage;
}

static void add_total(med_shard_slot_t *shard, size_t more)
{
	for(; shard != NULL; shard = shard->parent)
		shard->total += more;
}

void med_usages_join(med_config_t *config, med_slot_t *slot)
{
	med_route_entry_t *entry = slot->entry;

	for(unsigned i = 0; i < entry->member_count; i++) {
		med_member_t *member = &entry->members[i];
		member->slot = slot;
		put(member->shard, member);
		add_total(member->shard, 1);
		member->shard->usage->count += is_first(entry, i);
		mark_dirty(config, member->shard);
	}
}

void med_usages_leave(med_config_t *config, med_slot_t *slot)
{
	med_route_entry_t *entry = slot->entry;

	for(unsigned i = 0; i < entry->member_count; i++) {
		med_member_t *member = &entry->members[i], *last;
		med_shard_slot_t *shard = member->shard;
		last = shard->members[--shard->count];
		shard->members[member->index] = last;
		last->index = member->index;
		add_total(shard, (size_t)-1);
		shard->usage->count -= is_first(entry, i);
		mark_dirty(config, shard);
	}
}

/* ---- splitting and gathering -------------------------------------------------------
 */

static size_t most_of(const med_config_t *config, const med_shard_slot_t *shard)
{
	return shard->parent == NULL ? config->usage_whole : config->shard_most;
}

/* Children and room for those that leave; MED_ENOMEM: all is as it was. */
static int prepare_split(
		med_config_t *config, med_shard_slot_t *s, const size_t *counts, size_t stay)
{
	if(s->parent != NULL && !reserve(config, &s->usage->root, stay))
		return MED_ENOMEM;
	for(unsigned digit = 0; digit < DIGITS; digit++) {
		med_shard_slot_t *child;
		if(counts[digit] == 0)
			continue;
		child = child_of(config, s, digit);
		if(child == NULL || !reserve(config, child, counts[digit]))
			return MED_ENOMEM;
	}
	return MED_EOK;
}

/* Into children by the next digit; keys without one go to the root, or stay there. */
static void distribute(med_shard_slot_t *s)
{
	med_shard_slot_t *root = &s->usage->root;
	size_t kept = 0;

	for(size_t i = 0; i < s->count; i++) {
		med_member_t *member = s->members[i];
		if(med_key_length(member->key) > s->depth) {
			med_shard_slot_t *child = s->child[med_key_digit(member->key, s->depth)];
			put(child, member);
			child->total++;
		} else if(s != root) {
			put(root, member);
		} else {
			member->index = (uint32_t)kept;
			s->members[kept++] = member;
		}
	}
	s->count = kept;
}

/* Where most keys have no further digit there is little to be won. */
static int split(med_config_t *config, med_shard_slot_t *s)
{
	med_shard_slot_t *root = &s->usage->root;
	size_t counts[DIGITS] = {0}, stay = 0;
	int rc;

	for(size_t i = 0; i < s->count; i++) {
		uint64_t key = s->members[i]->key;
		if(med_key_length(key) == s->depth)
			stay++;
		else
			counts[med_key_digit(key, s->depth)]++;
		med_pause(&config->pause);
	}
	if(stay * 2 > s->count)
		return MED_EOK;
	rc = prepare_split(config, s, counts, stay);
	if(rc != MED_EOK)
		return rc;
	distribute(s);
	s->split = true;
	mark_dirty(config, s);
	if(s != root) {
		for(med_shard_slot_t *up = s; up != root; up = up->parent)
			up->total -= stay;
		if(stay > 0)
			mark_dirty(config, root);
		med_free(&config->own, s->members);
		s->members = NULL;
		s->room = 0;
	}
	for(unsigned digit = 0; digit < DIGITS; digit++) {
		if(s->child[digit] != NULL)
			mark_dirty(config, s->child[digit]);
	}
	for(unsigned digit = 0; digit < DIGITS && rc == MED_EOK; digit++) {
		med_shard_slot_t *child = s->child[digit];
		if(child != NULL && child->count > most_of(config, child))
			rc = split(config, child);
	}
	return rc;
}

/* All below @p from into @p to, which has room. The nodes are freed by the commit. */
static void gather(med_config_t *config, med_shard_slot_t *to, med_shard_slot_t *from)
{
	for(unsigned digit = 0; digit < DIGITS; digit++) {
		med_shard_slot_t *child = from->child[digit];
		if(child == NULL)
			continue;
		from->child[digit] = NULL;
		for(size_t i = 0; i < child->count; i++)
			put(to, child->members[i]);
		child->count = 0;
		gather(config, to, child);
		child->gone = true;
		mark_dirty(config, child);
	}
	from->split = false;
}

/* Brings a shard that changed, or one it is part of, to its proper size. */
static int reshape(med_config_t *config, med_shard_slot_t *shard)
{
	med_shard_slot_t *small = NULL;

	if(shard->gone)
		return MED_EOK;
	for(med_shard_slot_t *up = shard; up != NULL; up = up->parent) {
		if(up->split && up->total <= most_of(config, up) / 2)
			small = up;
	}
	if(small != NULL) {
		if(!reserve(config, small, small->total - small->count))
			return MED_ENOMEM;
		gather(config, small, small);
		mark_dirty(config, small);
		return MED_EOK;
	}
	if(!shard->split && shard->count > most_of(config, shard))
		return split(config, shard);
	return MED_EOK;
}

/* ---- building a shard --------------------------------------------------------------
 */

/* Priority and the beginning of the id as numbers, so that most are compared at once. */
struct med_ranked {
	uint64_t rank[2];
	const med_member_t *member;
};

static uint64_t id_bytes(const med_slot_t *slot, unsigned from, unsigned count)
{
	uint64_t bytes = 0;

	for(unsigned i = from; i < from + count; i++)
		bytes = bytes << 8 | (i < slot->id_len ? (unsigned char)slot->id[i] : 0);
	return bytes;
}

static int compare_ids(const med_slot_t *x, const med_slot_t *y)
{
	int order = memcmp(x->id, y->id, x->id_len < y->id_len ? x->id_len : y->id_len);

	return order != 0 ? order : (int)x->id_len - (int)y->id_len;
}

static int compare_ranked(const void *a, const void *b, void *pause)
{
	const med_ranked_t *x = a, *y = b;
	int order;

	med_pause(pause);
	if(x->rank[0] != y->rank[0])
		return x->rank[0] < y->rank[0] ? -1 : 1;
	if(x->rank[1] != y->rank[1])
		return x->rank[1] < y->rank[1] ? -1 : 1;
	order = compare_ids(x->member->slot, y->member->slot);
	return order != 0 ? order : (x->member > y->member) - (x->member < y->member);
}

static bool reserve_ranked(med_config_t *config, size_t count)
{
	size_t room = count < 256 ? 256 : count + count / 4;
	med_ranked_t *ranked;

	if(count <= config->ranked_room)
		return true;
	ranked = med_alloc(&config->own, room * sizeof(*ranked));
	if(ranked == NULL)
		return false;
	med_free(&config->own, config->ranked);
	config->ranked = ranked;
	config->ranked_room = room;
	return true;
}

/* They lie anywhere in memory: fetched some steps ahead. */
#define AHEAD 8

static void rank_members(med_config_t *config, const med_shard_slot_t *shard)
{
	for(size_t i = 0; i < shard->count; i++) {
		const med_member_t *member = shard->members[i];
		const med_slot_t *slot = member->slot;
		uint64_t priority = ((const med_route_entry_t *)slot->entry)->priority;
		if(i + 2 * AHEAD < shard->count)
			__builtin_prefetch(shard->members[i + 2 * AHEAD]);
		if(i + AHEAD < shard->count) {
			__builtin_prefetch(shard->members[i + AHEAD]->slot);
			__builtin_prefetch(&shard->members[i + AHEAD]->slot->id);
		}
		config->ranked[i] = (med_ranked_t){
				{priority << 32 | id_bytes(slot, 0, 4), id_bytes(slot, 4, 8)}, member};
		med_pause(&config->pause);
	}
	qsort_r(config->ranked, shard->count, sizeof(*config->ranked), compare_ranked,
			&config->pause);
}

/* Goes through the members in order; those of a route stand together. */
typedef struct med_walk {
	const med_shard_slot_t *shard;
	const med_ranked_t *at, *end;
} med_walk_t;

static bool next_route(void *ctx, med_route_source_t *route)
{
	med_walk_t *walk = ctx;
	const med_slot_t *slot;
	const med_route_entry_t *entry;
	unsigned first = 0;

	if(walk->at == walk->end)
		return false;
	if(walk->end - walk->at > 2 * AHEAD)
		__builtin_prefetch(walk->at[2 * AHEAD].member);
	if(walk->end - walk->at > AHEAD)
		__builtin_prefetch(&walk->at[AHEAD].member->slot->id);
	slot = walk->at->member->slot;
	entry = slot->entry;
	for(route->key_count = 0; walk->at != walk->end && walk->at->member->slot == slot;
			walk->at++)
		route->keys[route->key_count++] = walk->at->member->key;
	while(entry->members[first].shard->usage != walk->shard->usage)
		first++;
	route->again = entry->members[first].shard != walk->shard;
	route->id = med_slot_id(slot);
	route->pattern = (med_str_t){entry->text, entry->pattern_len};
	route->caller = (med_str_t){entry->text + entry->pattern_len, entry->caller_len};
	route->regex = entry->regex == NULL ? NULL : entry->regex->regex;
	route->priority = entry->priority;
	route->trunks = entry->words;
	route->trunk_count = entry->trunk_count;
	route->weights = entry->weights;
	route->schedule =
			entry->schedule == NULL ? 0 : (uint16_t)(entry->schedule->number + 1);
	return true;
}

static int build_shard(med_config_t *config, med_shard_slot_t *shard)
{
	med_walk_t walk = {.shard = shard};
	int rc = MED_EOK;

	shard->pending = NULL;
	if(shard->count > 0) {
		if(!reserve_ranked(config, shard->count))
			return MED_ENOMEM;
		rank_members(config, shard);
		walk.at = config->ranked;
		walk.end = config->ranked + shard->count;
		rc = med_shard_build(config->builder, &config->heap, shard->depth, next_route,
				&walk, &shard->pending);
	}
	if(rc == MED_EOK)
		med_segment_retire(&config->heap, shard->object);
	return rc;
}

/* ---- building a usage --------------------------------------------------------------
 */

static size_t count_branches(const med_shard_slot_t *node)
{
	size_t count = 1;

	for(unsigned digit = 0; digit < DIGITS; digit++) {
		if(node->child[digit] != NULL && node->child[digit]->split)
			count += count_branches(node->child[digit]);
	}
	return count;
}

static const med_shard_t *current(const med_shard_slot_t *shard)
{
	return shard->dirty ? shard->pending : shard->object;
}

static const med_branch_t *lay_out(const med_shard_slot_t *node, med_branch_t **next)
{
	med_branch_t *branch = (*next)++;

	branch->shards = 0;
	for(unsigned digit = 0; digit < DIGITS; digit++) {
		const med_shard_slot_t *child = node->child[digit];
		if(child != NULL && child->split) {
			branch->next[digit] = lay_out(child, next);
			continue;
		}
		branch->next[digit] = child == NULL ? NULL : current(child);
		if(branch->next[digit] != NULL)
			branch->shards |= (uint16_t)(1u << digit);
	}
	return branch;
}

static int make_usage(med_config_t *config, med_usage_slot_t *slot)
{
	size_t branches = slot->root.split ? count_branches(&slot->root) : 0;
	med_branch_t *branch;
	med_usage_t *usage = med_segment_new(
			&config->heap, sizeof(*usage) + branches * sizeof(*branch) + slot->name_len);

	if(usage == NULL)
		return MED_ENOMEM;
	branch = (void *)(usage + 1);
	usage->name = (med_str_t){
			memcpy(branch + branches, slot->name, slot->name_len), slot->name_len};
	usage->number = slot->number;
	usage->count = (uint32_t)slot->count;
	usage->root = current(&slot->root);
	memset(&usage->index, 0, sizeof(usage->index));
	if(usage->root != NULL)
		usage->index = usage->root->index;
	usage->tree = branches == 0 ? NULL : lay_out(&slot->root, &branch);
	slot->pending = usage;
	return MED_EOK;
}

static int build_usage(med_config_t *config, med_view_t *view, med_usage_slot_t *usage)
{
	int rc = MED_EOK;

	for(med_shard_slot_t *s = usage->dirty_shards; s != NULL && rc == MED_EOK;
			s = s->next_dirty)
		rc = reshape(config, s);
	for(med_shard_slot_t *s = usage->dirty_shards; s != NULL && rc == MED_EOK;
			s = s->next_dirty)
		rc = build_shard(config, s);
	usage->pending = NULL;
	if(rc == MED_EOK && usage->count > 0)
		rc = make_usage(config, usage);
	if(rc == MED_EOK)
		rc = med_array_set(&config->heap, &view->usages, usage->number, usage->pending);
	if(rc == MED_EOK)
		med_segment_retire(&config->heap, usage->object);
	return rc;
}

int med_build_usages(med_config_t *config, med_view_t *view)
{
	int rc = MED_EOK;

	for(med_usage_slot_t *usage = config->dirty_usages; usage != NULL && rc == MED_EOK;
			usage = usage->next_dirty)
		rc = build_usage(config, view, usage);
	return rc;
}

/* ---- after a build -----------------------------------------------------------------
 */

static void free_shard(med_config_t *config, med_shard_slot_t *shard)
{
	for(unsigned digit = 0; digit < DIGITS; digit++) {
		if(shard->child[digit] == NULL)
			continue;
		free_shard(config, shard->child[digit]);
		med_free(&config->own, shard->child[digit]);
	}
	med_free(&config->own, shard->members);
}

static void commit_shards(med_config_t *config, med_usage_slot_t *usage)
{
	while(usage->dirty_shards != NULL) {
		med_shard_slot_t *shard = usage->dirty_shards;
		usage->dirty_shards = shard->next_dirty;
		shard->object = shard->pending;
		shard->pending = NULL;
		shard->dirty = false;
		if(shard->gone) {
			free_shard(config, shard);
			med_free(&config->own, shard);
		}
	}
}

void med_usages_commit(med_config_t *config)
{
	while(config->dirty_usages != NULL) {
		med_usage_slot_t *usage = config->dirty_usages;
		config->dirty_usages = usage->next_dirty;
		commit_shards(config, usage);
		usage->object = usage->pending;
		usage->pending = NULL;
		usage->dirty = false;
		med_fault_check_usage(config, usage);
	}
}

void med_usages_free(med_config_t *config)
{
	for(size_t i = 0; i < sizeof(config->usages) / sizeof(config->usages[0]); i++) {
		med_usage_slot_t *usage = config->usages[i], *next;
		for(; usage != NULL; usage = next) {
			next = usage->next;
			/* what is gone is in no tree any more */
			for(med_shard_slot_t *s = usage->dirty_shards, *after; s != NULL; s = after) {
				after = s->next_dirty;
				if(s->gone) {
					free_shard(config, s);
					med_free(&config->own, s);
				}
			}
			free_shard(config, &usage->root);
			med_free(&config->own, usage);
		}
		config->usages[i] = NULL;
	}
	med_free(&config->own, config->ranked);
}
