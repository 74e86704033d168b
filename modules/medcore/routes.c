/**
 * routes.c - the index over the routes of a shard, and looking up
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE /* qsort_r */
#include <stdlib.h>
#include <string.h>

#include "medcore/routes.h"

/* ---- a route ------------------------------------------------------------------------
 */

static const char *route_extra(const med_route_t *route)
{
	return (const char *)(route->trunk + route->trunk_count);
}

static const char *route_text(const med_route_t *route)
{
	return route_extra(route) + route->extra_len;
}

med_str_t med_route_id(const med_route_t *route)
{
	return (med_str_t){route_text(route), route->id_len};
}

med_str_t med_route_pattern(const med_route_t *route)
{
	return (med_str_t){route_text(route) + route->id_len, route->pattern_len};
}

uint32_t med_route_priority(const med_route_t *route)
{
	return route->priority;
}

med_str_t med_route_alternate_caller_id(const med_route_t *route)
{
	return (med_str_t){
			route_text(route) + route->id_len + route->pattern_len, route->caller_len};
}

static size_t route_size(const med_route_t *route)
{
	size_t size = (size_t)(route_text(route) - (const char *)route) + route->id_len
			+ route->pattern_len + route->caller_len;

	return (size + MED_ROUTE_UNIT - 1) / MED_ROUTE_UNIT * MED_ROUTE_UNIT;
}

/* ---- building -----------------------------------------------------------------------
 */

typedef struct med_pair {
	uint64_t key;
	med_posting_t posting;
} med_pair_t;

struct med_shard_builder {
	med_mem_t mem;
	med_pause_t *pause;
	med_pair_t *pairs; /* one per key of a route */
	size_t pair_count, pair_room;
	char *blobs;
	size_t blob_size, blob_room;
	size_t keys, listed; /* distinct keys; postings that stand in lists, with ends */
	uint32_t loose;
	med_variants_t variants;
};

med_shard_builder_t *med_shard_builder_new(const med_mem_t *own, med_pause_t *pause)
{
	med_shard_builder_t *builder = med_calloc(own, 1, sizeof(*builder));

	if(builder != NULL) {
		builder->mem = *own;
		builder->pause = pause;
	}
	return builder;
}

void med_shard_builder_free(med_shard_builder_t *builder)
{
	med_mem_t mem;

	if(builder == NULL)
		return;
	mem = builder->mem;
	med_free(&mem, builder->pairs);
	med_free(&mem, builder->blobs);
	med_free(&mem, builder);
}

/* Room for @p need items, kept and doubled. */
static bool reserve(const med_mem_t *mem, void **block, size_t *room, size_t used,
		size_t need, size_t size)
{
	size_t wanted = *room == 0 ? 64 : *room;
	void *bigger;

	if(need <= *room)
		return true;
	while(wanted < need)
		wanted *= 2;
	bigger = med_alloc(mem, wanted * size);
	if(bigger == NULL)
		return false;
	if(used > 0)
		memcpy(bigger, *block, used * size);
	med_free(mem, *block);
	*block = bigger;
	*room = wanted;
	return true;
}

static uint64_t make_key(const med_prefix_t *prefix)
{
	uint64_t digits = 0;

	for(unsigned i = 0; i < prefix->count; i++)
		digits = digits << 4 | prefix->digits[i];
	return digits << 4 | prefix->count;
}

static bool has_key(const uint64_t *keys, unsigned count, uint64_t key)
{
	for(unsigned i = 0; i < count; i++) {
		if(keys[i] == key)
			return true;
	}
	return false;
}

unsigned med_route_keys(med_str_t pattern, const med_variants_t *variants, uint64_t *keys)
{
	med_prefix_t prefix;
	unsigned count = 0;

	if(variants == NULL) {
		med_pattern_prefix(pattern, &prefix);
		keys[0] = make_key(&prefix);
		return 1;
	}
	for(uint8_t i = 0; i < variants->count; i++) {
		uint64_t key;
		med_variant_prefix(&variants->variant[i], &prefix);
		key = make_key(&prefix);
		if(!has_key(keys, count, key))
			keys[count++] = key;
	}
	return count;
}

static uint64_t key_hash(uint64_t key)
{
	return med_mix(key * 0xff51afd7ed558ccdu);
}

static bool add_pair(med_shard_builder_t *b, uint64_t key, const med_prefix_t *prefix,
		enum med_verify verify, uint8_t variant)
{
	med_pair_t *pair;

	if(!reserve(&b->mem, (void **)&b->pairs, &b->pair_room, b->pair_count,
			   b->pair_count + 1, sizeof(*b->pairs)))
		return false;
	pair = &b->pairs[b->pair_count++];
	memset(pair, 0, sizeof(*pair));
	pair->key = key;
	pair->posting.at = (uint32_t)(b->blob_size / MED_ROUTE_UNIT);
	pair->posting.verify = (uint8_t)verify;
	pair->posting.min = verify == MED_VERIFY_VARIANT ? variant : prefix->min;
	pair->posting.max = prefix->max;
	pair->posting.plus = prefix->plus & 3;
	pair->posting.open = prefix->open;
	return true;
}

/* The keys of one route that are the shard's; *kind and *extra say what its verification
 * needs. */
static bool add_keys(med_shard_builder_t *b, const med_route_source_t *source,
		enum med_verify *kind, size_t *extra)
{
	med_prefix_t prefix;

	*kind = MED_VERIFY_FACTS;
	*extra = 0;
	if(source->regex != NULL) {
		med_pattern_prefix(source->pattern, &prefix);
		*kind = MED_VERIFY_REGEX;
		b->loose += prefix.count == 0 && !med_regex_ends_plainly(source->regex);
		*extra = sizeof(source->regex);
		return add_pair(b, make_key(&prefix), &prefix, MED_VERIFY_REGEX, 0);
	}
	/* Recognised when it was accepted, so it is now. */
	if(!med_pattern_recognise(source->pattern, &b->variants))
		return true;
	for(uint8_t i = 0; i < b->variants.count; i++) {
		enum med_verify verify = MED_VERIFY_FACTS;
		uint64_t key;
		med_variant_prefix(&b->variants.variant[i], &prefix);
		key = make_key(&prefix);
		if(!has_key(source->keys, source->key_count, key))
			continue;
		if(!prefix.exact) {
			verify = *kind = MED_VERIFY_VARIANT;
			*extra = b->variants.count * sizeof(b->variants.variant[0]);
		}
		if(!add_pair(b, key, &prefix, verify, i))
			return false;
	}
	return true;
}

static bool add_route(med_shard_builder_t *b, const med_route_source_t *source)
{
	enum med_verify kind;
	size_t extra, size;
	med_route_t *route;
	char *at;

	if(!add_keys(b, source, &kind, &extra))
		return false;
	size = sizeof(*route) + source->trunk_count * sizeof(route->trunk[0]) + extra
			+ source->id.len + source->pattern.len + source->caller.len;
	size = (size + MED_ROUTE_UNIT - 1) / MED_ROUTE_UNIT * MED_ROUTE_UNIT;
	if(!reserve(&b->mem, (void **)&b->blobs, &b->blob_room, b->blob_size,
			   b->blob_size + size, 1))
		return false;
	route = (void *)(b->blobs + b->blob_size);
	b->blob_size += size;
	memset(route, 0, size);
	route->priority = source->priority;
	route->pattern_len = (uint16_t)source->pattern.len;
	route->extra_len = (uint16_t)extra;
	route->weights = source->weights;
	route->id_len = (uint8_t)source->id.len;
	route->caller_len = (uint8_t)source->caller.len;
	route->trunk_count = source->trunk_count;
	route->kind = (uint8_t)kind;
	route->schedule = source->schedule & 0x7fff;
	route->again = source->again;
	if(source->trunk_count > 0)
		memcpy(route->trunk, source->trunks,
				source->trunk_count * sizeof(route->trunk[0]));
	at = (char *)(route->trunk + route->trunk_count);
	if(kind == MED_VERIFY_REGEX)
		memcpy(at, &source->regex, extra);
	else if(extra > 0)
		memcpy(at, b->variants.variant, extra);
	at += extra;
	memcpy(at, source->id.s, source->id.len);
	at += source->id.len;
	memcpy(at, source->pattern.s, source->pattern.len);
	if(source->caller.len > 0)
		memcpy(at + source->pattern.len, source->caller.s, source->caller.len);
	return true;
}

static int compare_pairs(const void *a, const void *b, void *pause)
{
	const med_pair_t *x = a, *y = b;

	med_pause(pause);
	if(x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->posting.at < y->posting.at ? -1 : x->posting.at > y->posting.at;
}

/* The run of pairs with the key of the one at @p from. */
static size_t run_length(const med_shard_builder_t *b, size_t from)
{
	size_t n = 1;

	while(from + n < b->pair_count && b->pairs[from + n].key == b->pairs[from].key)
		n++;
	return n;
}

static void count_runs(med_shard_builder_t *b)
{
	b->keys = b->listed = 0;
	for(size_t i = 0, n; i < b->pair_count; i += n) {
		n = run_length(b, i);
		b->keys++;
		b->listed += n == 1 ? 0 : n + 1;
	}
}

/* ---- heads --------------------------------------------------------------------------
 */

static uint32_t power10(unsigned exponent)
{
	uint32_t power = 1;

	while(exponent-- > 0)
		power *= 10;
	return power;
}

/* As many digits as make a table of some two to twenty entries per key; few keys: none.
 */
static unsigned head_digits(size_t keys)
{
	unsigned digits = 2;

	if(keys < 16)
		return 0;
	while(digits < MED_HEAD_MAX && keys * 4 > (size_t)power10(digits) * 10)
		digits++;
	return digits;
}

/* The key's digits after @p depth; one shorter than a head begins all heads of a range.
 */
static void mark_heads(uint16_t *heads, unsigned digits, unsigned depth, uint64_t key)
{
	unsigned length = med_key_length(key), common = length - depth;
	uint32_t first = 0, count;

	if(common > digits)
		common = digits;
	count = power10(digits - common);
	for(unsigned i = 0; i < common; i++)
		first = first * 10 + med_key_digit(key, depth + i);
	for(uint32_t i = 0; i < count; i++)
		heads[first * count + i] |= (uint16_t)(1u << length);
}

/* ---- slots --------------------------------------------------------------------------
 */

/* Slots of one line of the cache; a key stands in the first with room from its own on. */
#define GROUP 4u
#define LINE 64u

static size_t group_of(uint64_t hash, uint32_t mask)
{
	return hash & mask & ~(size_t)(GROUP - 1);
}

static size_t free_slot(const med_slot_entry_t *slots, uint64_t hash, uint32_t mask)
{
	size_t at = group_of(hash, mask);

	while(slots[at].key != 0)
		at = (at + 1) & mask;
	return at;
}

/* The posting of a key; a list of them where it has several. */
static med_posting_t list_run(
		const med_pair_t *run, size_t n, med_posting_t *postings, uint32_t *next)
{
	med_posting_t list = {.at = *next, .verify = MED_VERIFY_LIST};

	if(n == 1)
		return run[0].posting;
	for(size_t k = 0; k < n; k++)
		postings[(*next)++] = run[k].posting;
	postings[(*next)++] = (med_posting_t){.at = MED_POSTING_END};
	return list;
}

static void fill_slots(const med_shard_builder_t *b, med_index_t *index,
		med_slot_entry_t *slots, med_posting_t *postings)
{
	uint32_t next = 0;

	for(size_t i = 0, n; i < b->pair_count; i += n) {
		uint64_t key = b->pairs[i].key, hash = key_hash(key);
		med_posting_t posting;
		size_t at;
		n = run_length(b, i);
		med_pause(b->pause);
		posting = list_run(&b->pairs[i], n, postings, &next);
		index->lengths |= 1u << med_key_length(key);
		if(index->head_digits > 0)
			mark_heads((uint16_t *)(uintptr_t)index->heads, index->head_digits,
					index->depth, key);
		if(key == 0) {
			index->bare = posting;
			continue;
		}
		at = free_slot(slots, hash, index->mask);
		slots[at] = (med_slot_entry_t){key, posting};
	}
}

/* Slots for @p keys at a load of at most 3 in 4. */
static size_t slot_count(size_t keys)
{
	size_t slots = GROUP;

	while(keys * 4 > slots * 3)
		slots *= 2;
	return slots;
}

static size_t round8(size_t size)
{
	return (size + 7) & ~(size_t)7;
}

static med_shard_t *assemble(
		med_shard_builder_t *b, med_heap_t *heap, unsigned depth, size_t count)
{
	size_t slots = slot_count(b->keys);
	size_t slot_size = slots * sizeof(med_slot_entry_t);
	size_t list_size = b->listed * sizeof(med_posting_t);
	unsigned digits = head_digits(b->keys);
	size_t head_size = digits == 0 ? 0 : round8(power10(digits) * sizeof(uint16_t));
	size_t size = round8(sizeof(med_shard_t)) + head_size + LINE + slot_size + list_size
			+ b->blob_size;
	med_shard_t *shard = med_segment_new(heap, size);
	med_index_t *index;
	char *at;

	if(shard == NULL)
		return NULL;
	at = (char *)shard + round8(sizeof(*shard));
	shard->count = (uint32_t)count;
	shard->loose = b->loose;
	index = &shard->index;
	index->lengths = 0;
	index->mask = (uint32_t)(slots - 1);
	index->head_digits = (uint8_t)digits;
	index->depth = (uint8_t)depth;
	index->heads = memset(at, 0, head_size);
	at += head_size;
	at = (char *)(((uintptr_t)at + LINE - 1) & ~(uintptr_t)(LINE - 1));
	index->slots = memset(at, 0, slot_size);
	at += slot_size;
	index->postings = (void *)at;
	at += list_size;
	index->blobs = memcpy(at, b->blobs, b->blob_size);
	fill_slots(b, index, (med_slot_entry_t *)(uintptr_t)index->slots,
			(med_posting_t *)(uintptr_t)index->postings);
	return shard;
}

int med_shard_build(med_shard_builder_t *builder, med_heap_t *heap, unsigned depth,
		bool (*next)(void *ctx, med_route_source_t *route), void *ctx,
		med_shard_t **shard)
{
	med_route_source_t route;
	med_shard_t *built;
	size_t count = 0;

	builder->pair_count = builder->blob_size = 0;
	builder->loose = 0;
	for(; next(ctx, &route); count++) {
		med_pause(builder->pause);
		if(!add_route(builder, &route))
			return MED_ENOMEM;
		if(builder->blob_size / MED_ROUTE_UNIT >= MED_POSTING_END
				|| builder->pair_count >= MED_POSTING_END / 2)
			return MED_ELIMIT;
	}
	if(builder->pair_count > 0)
		qsort_r(builder->pairs, builder->pair_count, sizeof(*builder->pairs),
				compare_pairs, builder->pause);
	count_runs(builder);
	built = assemble(builder, heap, depth, count);
	if(built == NULL)
		return MED_ENOMEM;
	*shard = built;
	return MED_EOK;
}

/* ---- looking up ---------------------------------------------------------------------
 */

void med_dialled_init(med_dialled_t *dialled, const med_number_t *number)
{
	const char *s = number->s;

	dialled->subject = med_subject((med_str_t){s, number->len});
	s += dialled->subject.plus;
	dialled->most = dialled->subject.digits < MED_PATTERN_KEY ? dialled->subject.digits
															  : MED_PATTERN_KEY;
	dialled->lengths = (2u << dialled->most) - 1;
	dialled->head[0] = 0;
	for(unsigned n = 1; n <= MED_HEAD_MAX && n <= dialled->most; n++)
		dialled->head[n] = dialled->head[n - 1] * 10 + (uint32_t)(s[n - 1] - '0');
}

void med_dialled_keys(med_dialled_t *dialled)
{
	const char *s = dialled->subject.text.s + dialled->subject.plus;
	uint64_t digits = 0;

	for(unsigned n = 1; n <= dialled->most; n++) {
		digits = digits << 4 | (uint64_t)(s[n - 1] - '0');
		dialled->key[n] = digits << 4 | n;
		dialled->hash[n] = key_hash(dialled->key[n]);
	}
}

/* The number's place in the table of heads; NULL: there is none. */
static const uint16_t *head_of(const med_index_t *index, const med_dialled_t *dialled)
{
	unsigned depth = index->depth, digits = index->head_digits;
	const char *s = dialled->subject.text.s + dialled->subject.plus + depth;
	uint32_t head = 0;

	if(digits == 0 || dialled->subject.digits < depth + digits)
		return NULL;
	if(depth == 0)
		return index->heads + dialled->head[digits];
	for(unsigned i = 0; i < digits; i++)
		head = head * 10 + (uint32_t)(s[i] - '0');
	return index->heads + head;
}

static void begin_part(
		med_part_t *part, const med_index_t *index, const med_dialled_t *dialled)
{
	part->index = index;
	part->lengths = index->lengths & dialled->lengths;
	part->heads = head_of(index, dialled);
	__builtin_prefetch(part->heads);
}

static void narrow_part(med_part_t *part, const med_dialled_t *dialled)
{
	const med_index_t *index = part->index;

	if(part->heads != NULL)
		part->lengths &= *part->heads;
	for(uint32_t left = part->lengths & ~1u; left != 0; left &= left - 1) {
		uint64_t hash = dialled->hash[__builtin_ctz(left)];
		__builtin_prefetch(index->slots + group_of(hash, index->mask));
	}
}

static const med_shard_t *find_leaf(
		const med_branch_t *branch, const med_dialled_t *dialled)
{
	const char *s = dialled->subject.text.s + dialled->subject.plus;

	for(unsigned n = 0; branch != NULL && n < dialled->most; n++) {
		unsigned digit = (unsigned)(s[n] - '0');
		if((branch->shards >> digit & 1) != 0)
			return branch->next[digit];
		branch = branch->next[digit];
	}
	return NULL;
}

void med_hits_begin(
		med_hits_t *hits, const med_usage_t *usage, const med_dialled_t *dialled)
{
	hits->usage = usage;
	hits->dialled = dialled;
	hits->last = NULL;
	hits->leaf = NULL;
	hits->part[0].count = hits->part[1].count = 0;
	begin_part(&hits->part[0], &usage->index, dialled);
	if(usage->tree == NULL)
		return;
	hits->leaf = find_leaf(usage->tree, dialled);
	if(hits->leaf != NULL) {
		__builtin_prefetch(hits->leaf);
		__builtin_prefetch((const char *)hits->leaf + LINE);
	}
}

void med_hits_narrow(med_hits_t *hits)
{
	narrow_part(&hits->part[0], hits->dialled);
	if(hits->leaf != NULL)
		begin_part(&hits->part[1], &hits->leaf->index, hits->dialled);
}

static const med_posting_t *find_key(
		const med_index_t *index, uint64_t key, uint64_t hash)
{
	const med_slot_entry_t *slots = index->slots;
	size_t mask = index->mask, at = group_of(hash, index->mask);

	for(; slots[at].key != 0; at = (at + 1) & mask) {
		if(slots[at].key == key)
			return &slots[at].posting;
	}
	return NULL;
}

static const med_route_t *route_of(const med_index_t *index, const med_posting_t *posting)
{
	return (const void *)(index->blobs + (size_t)posting->at * MED_ROUTE_UNIT);
}

med_str_t med_usage_loose_route(const med_usage_t *usage)
{
	const med_index_t *index = &usage->index;
	const med_posting_t *posting = &index->bare;
	const med_regex_t *regex;

	if((index->lengths & 1u) == 0)
		return (med_str_t){NULL, 0};
	if(posting->verify == MED_VERIFY_LIST)
		posting = index->postings + posting->at;
	for(; posting->at != MED_POSTING_END; posting++) {
		const med_route_t *route = route_of(index, posting);
		if(posting->verify == MED_VERIFY_REGEX) {
			memcpy(&regex, route_extra(route), sizeof(regex));
			if(!med_regex_ends_plainly(regex))
				return med_route_id(route);
		}
		if(posting == &index->bare)
			break;
	}
	return (med_str_t){NULL, 0};
}

static bool tell_shard(const med_shard_t *shard,
		bool (*each)(void *ctx, const med_route_t *route), void *ctx)
{
	const char *at = shard->index.blobs;

	for(uint32_t i = 0; i < shard->count; i++) {
		const med_route_t *route = (const void *)at;
		if(!route->again && !each(ctx, route))
			return false;
		at += route_size(route);
	}
	return true;
}

static bool tell_branch(const med_branch_t *branch,
		bool (*each)(void *ctx, const med_route_t *route), void *ctx)
{
	for(unsigned digit = 0; digit < 10; digit++) {
		const void *next = branch->next[digit];
		bool more = next == NULL                     ? true
				: (branch->shards >> digit & 1) != 0 ? tell_shard(next, each, ctx)
													 : tell_branch(next, each, ctx);
		if(!more)
			return false;
	}
	return true;
}

bool med_usage_each(const med_usage_t *usage,
		bool (*each)(void *ctx, const med_route_t *route), void *ctx)
{
	if(usage->root != NULL && !tell_shard(usage->root, each, ctx))
		return false;
	return usage->tree == NULL || tell_branch(usage->tree, each, ctx);
}

static bool facts_hold(const med_subject_t *subject, const med_posting_t *posting)
{
	if(posting->plus == MED_PLUS_REQUIRED && !subject->plus)
		return false;
	if(posting->plus == MED_PLUS_NONE && subject->plus)
		return posting->open && posting->min == 0; /* matches before the plus already */
	if(subject->digits < posting->min)
		return false;
	return posting->open
			|| (subject->digits + (size_t)subject->plus == subject->text.len
					&& (subject->digits <= posting->max || posting->max == MED_TAIL_ANY));
}

static int verify(const med_hits_t *hits, const med_index_t *index,
		const med_posting_t *posting, med_scratch_t *scratch)
{
	const med_subject_t *subject = &hits->dialled->subject;
	const med_route_t *route;
	const med_regex_t *regex;
	med_variant_t variant;
	bool matches;

	if(posting->verify == MED_VERIFY_FACTS)
		return facts_hold(subject, posting) ? MED_EOK : MED_ENOMATCH;
	route = route_of(index, posting);
	if(posting->verify == MED_VERIFY_REGEX) {
		memcpy(&regex, route_extra(route), sizeof(regex));
		return med_regex_match(regex, scratch, subject->text, NULL);
	}
	memcpy(&variant, route_extra(route) + posting->min * sizeof(variant),
			sizeof(variant));
	matches = med_variant_match(&variant, subject, NULL);
	return matches ? MED_EOK : MED_ENOMATCH;
}

static void add_hit(
		const med_hits_t *hits, med_part_t *part, const med_posting_t *posting)
{
	const med_index_t *index = part->index;
	bool list = posting->verify == MED_VERIFY_LIST;
	const char *at;

	if(list)
		posting = index->postings + posting->at;
	else if(posting->verify == MED_VERIFY_FACTS
			&& !facts_hold(&hits->dialled->subject, posting))
		return;
	at = list ? (const char *)posting : (const char *)route_of(index, posting);
	__builtin_prefetch(at);
	__builtin_prefetch(at + 28); /* its trunks may lie in the next line */
	part->head[part->count++] = (struct med_head){.at = posting, .list = list};
}

/* A single pattern is tried at once; if it is dear, that is told when its turn comes. */
void med_hits_bare(med_hits_t *hits, med_scratch_t *scratch)
{
	med_part_t *part = &hits->part[0];
	const med_posting_t *bare = &part->index->bare;
	int rc;

	if((part->index->lengths & 1u) == 0)
		return;
	if(bare->verify != MED_VERIFY_REGEX) {
		add_hit(hits, part, bare);
		return;
	}
	rc = verify(hits, part->index, bare, scratch);
	if(rc != MED_ENOMATCH)
		part->head[part->count++] =
				(struct med_head){.at = bare, .decided = true, .rc = rc};
}

static void find_part(const med_hits_t *hits, med_part_t *part)
{
	const med_dialled_t *dialled = hits->dialled;

	for(uint32_t left = part->lengths & ~1u; left != 0; left &= left - 1) {
		int n = __builtin_ctz(left);
		const med_posting_t *posting =
				find_key(part->index, dialled->key[n], dialled->hash[n]);
		if(posting != NULL)
			add_hit(hits, part, posting);
	}
}

void med_hits_find(med_hits_t *hits)
{
	if(hits->leaf != NULL)
		narrow_part(&hits->part[1], hits->dialled);
	find_part(hits, &hits->part[0]);
	if(hits->leaf != NULL)
		find_part(hits, &hits->part[1]);
}

/* Within a shard the rank is the place. */
static unsigned first_of(const med_part_t *part)
{
	unsigned first = 0;

	for(unsigned i = 1; i < part->count; i++) {
		if(part->head[i].at->at < part->head[first].at->at)
			first = i;
	}
	return first;
}

/* The order of routes of different shards: priority, then id, as within one. */
static int compare_ranks(const med_route_t *a, const med_route_t *b)
{
	unsigned common = a->id_len < b->id_len ? a->id_len : b->id_len;
	int order;

	if(a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	order = memcmp(route_text(a), route_text(b), common);
	return order != 0 ? order : a->id_len - b->id_len;
}

static med_part_t *first_part(med_hits_t *hits)
{
	med_part_t *root = &hits->part[0], *leaf = &hits->part[1];

	if(leaf->count == 0)
		return root;
	if(root->count == 0)
		return leaf;
	return compare_ranks(route_of(root->index, root->head[first_of(root)].at),
				   route_of(leaf->index, leaf->head[first_of(leaf)].at))
					<= 0
			? root
			: leaf;
}

static struct med_head take_first(med_part_t *part)
{
	unsigned first = first_of(part);
	struct med_head head = part->head[first];

	if(head.list && head.at[1].at != MED_POSTING_END)
		part->head[first].at++;
	else
		part->head[first] = part->head[--part->count];
	return head;
}

/* By another of its alternatives, of this shard or of the other one. */
static bool is_again(const med_hits_t *hits, const med_route_t *route)
{
	return route == hits->last
			|| (hits->leaf != NULL && hits->last != NULL
					&& compare_ranks(route, hits->last) == 0);
}

int med_hits_next(med_hits_t *hits, med_scratch_t *scratch, const med_route_t **route)
{
	while(hits->part[0].count + hits->part[1].count > 0) {
		med_part_t *part = first_part(hits);
		struct med_head head = take_first(part);
		const med_route_t *at = route_of(part->index, head.at);
		int rc;
		if(is_again(hits, at))
			continue;
		rc = head.decided ? head.rc : verify(hits, part->index, head.at, scratch);
		if(rc == MED_ENOMATCH)
			continue;
		*route = hits->last = at;
		return rc;
	}
	return MED_ENOMATCH;
}
