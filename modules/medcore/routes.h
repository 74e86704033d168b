/**
 * routes.h - private: the routes of a usage and the index over their patterns
 *
 * A shard is one segment: routes in order of priority and id, so that a route's place is
 * its rank; and a hash table from literal prefix digits to those that begin so. A
 * number's prefixes are looked up, independently of each other, and the hits merged by
 * rank. A table by the first few digits says which lengths of prefix can hit at all, so
 * that hardly any look-up is in vain; and each is one line of the cache.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_ROUTES_H
#define MEDCORE_ROUTES_H

#include "medcore/map.h"
#include "medcore/model.h"
#include "medcore/pattern.h"
#include "medcore/select.h"

/** In a shard's memory; trunks, verification data and texts follow it. */
struct med_route {
	uint32_t priority;
	uint16_t pattern_len;
	uint16_t extra_len; /**< variants, or the pointer to the regex */
	uint16_t weights;   /**< sum over the trunks */
	uint8_t id_len, caller_len;
	uint8_t trunk_count;
	uint8_t kind;           /**< of its extra data: enum med_verify */
	uint16_t schedule : 15; /**< its number + 1; 0: always */
	uint16_t again : 1; /**< stands in another shard of its usage too, which lists it */
	uint32_t trunk[];   /**< number and weight */
};

#define MED_TRUNK_WEIGHT_BITS 8

enum med_verify {
	MED_VERIFY_FACTS,   /**< plus and lengths decide */
	MED_VERIFY_VARIANT, /**< digits must be of sets: variant @a min of the route */
	MED_VERIFY_REGEX,
	MED_VERIFY_LIST, /**< not a route: @a at is where several postings begin */
};

/**
 * That a route may match numbers with a prefix, and what is left to verify. Routes lie in
 * order of rank, so where one lies is its rank too.
 */
typedef struct med_posting {
	uint32_t at; /**< of the route, in units of MED_ROUTE_UNIT */
	uint8_t verify;
	uint8_t min, max;
	uint8_t plus : 2, open : 1;
} med_posting_t;

#define MED_ROUTE_UNIT 4           /**< bytes; alignment of routes */
#define MED_POSTING_END UINT32_MAX /**< ends a list of postings */

typedef struct med_slot_entry {
	uint64_t key;
	med_posting_t posting;
} med_slot_entry_t;

/** Over the routes of one shard; points into its segment. */
typedef struct med_index {
	uint32_t lengths; /**< bit n: some key has n digits */
	uint32_t mask;
	const uint16_t *heads; /**< bit n: some key of n digits has this beginning */
	const med_slot_entry_t *slots;
	const char *blobs;
	const med_posting_t *postings;
	med_posting_t bare;  /**< of the key without digits; is not in @a slots */
	uint8_t head_digits; /**< that choose the entry of @a heads; 0: there are none */
	uint8_t depth;       /**< digits that all keys have in common, before those */
} med_index_t;

typedef struct med_shard {
	med_segment_t segment;
	med_index_t index;
	uint32_t count;
	uint32_t loose; /**< routes whose pattern neither begins nor ends with digits */
} med_shard_t;

/*
 * A usage is one shard unless it is big. Then it is a tree over leading digits, with a
 * shard at each leaf, so that a change costs a shard and not the usage; prefixes that end
 * before a leaf does stand in a shard at the root. A number hits the root's shard and at
 * most one leaf's, and these hits too are merged by rank. A route with several prefixes
 * may stand in several shards.
 */

/** A node of the tree: by the next digit to a shard, to another node, or to nothing. */
typedef struct med_branch {
	const void *next[10];
	uint16_t shards; /**< bit n: @a next of digit n is a shard */
} med_branch_t;

typedef struct med_usage {
	med_segment_t segment;
	med_index_t index; /**< of the root's shard, which has no keys if @a root is NULL */
	const med_branch_t *tree; /**< NULL: the root's shard is all */
	const med_shard_t *root;
	uint32_t number, count;
	med_str_t name;
} med_usage_t;

/** A route as the writer has it. */
typedef struct med_route_source {
	med_str_t id, pattern, caller;
	const med_regex_t *regex; /**< NULL: recognised */
	uint32_t priority;
	const uint32_t *trunks; /**< number and weight */
	uint8_t trunk_count;
	uint16_t weights;
	uint16_t schedule; /**< its number + 1; 0: always */
	bool again;
	uint64_t keys[MED_PATTERN_VARIANTS]; /**< that belong to the shard */
	unsigned key_count;
} med_route_source_t;

/**
 * What a pattern's variants are found by: digits in nibbles, their count in the lowest,
 * so that prefixes of different length differ. Each once.
 *
 * @param variants  NULL: a pattern for PCRE2
 * @param keys      MED_PATTERN_VARIANTS of them
 * @return how many
 */
unsigned med_route_keys(
		med_str_t pattern, const med_variants_t *variants, uint64_t *keys);

static inline unsigned med_key_length(uint64_t key)
{
	return key & 15;
}

/** The digit at a place, from 0, that is within its length. */
static inline unsigned med_key_digit(uint64_t key, unsigned at)
{
	return key >> (4 * (med_key_length(key) - at)) & 15;
}

/** Long work stops now and then for what its process must not miss. */
typedef struct med_pause {
	void (*call)(void *ctx); /**< NULL: nothing */
	void *ctx;
	unsigned steps;
} med_pause_t;

/** One step of work of a microsecond or less is done. */
static inline void med_pause(med_pause_t *pause)
{
	if((++pause->steps & 1023) == 0 && pause->call != NULL)
		pause->call(pause->ctx);
}

/** Working memory of builds, kept between them. */
typedef struct med_shard_builder med_shard_builder_t;
/** @param pause  outlives the builder */
med_shard_builder_t *med_shard_builder_new(const med_mem_t *own, med_pause_t *pause);
void med_shard_builder_free(med_shard_builder_t *builder);

/**
 * @param depth  digits that all keys have in common
 * @param next   gives routes in order of rank; false: there are no more
 * @return MED_EOK, MED_ENOMEM; MED_ELIMIT: more than one segment can hold
 */
int med_shard_build(med_shard_builder_t *builder, med_heap_t *heap, unsigned depth,
		bool (*next)(void *ctx, med_route_source_t *route), void *ctx,
		med_shard_t **shard);

/**
 * Tells each route of a usage once; in their order where it is one shard, else by shard.
 *
 * @param each  false: no more
 * @return false when @p each said so
 */
bool med_usage_each(const med_usage_t *usage,
		bool (*each)(void *ctx, const med_route_t *route), void *ctx);

/** More of these, tried one by one, may use up what a decision may cost. */
#define MED_USAGE_LOOSE_MAX 200
/** One of them; empty: there is none. */
med_str_t med_usage_loose_route(const med_usage_t *usage);

#define MED_HEAD_MAX 6 /* digits of a head */

/** A number, prepared once for all usages. */
typedef struct med_dialled {
	med_subject_t subject;
	uint32_t lengths;                /**< bit n: it has a prefix of n digits */
	unsigned most;                   /**< digits that keys are made of */
	uint32_t head[MED_HEAD_MAX + 1]; /**< its first n digits as a number */
	uint64_t key[MED_PATTERN_KEY + 1], hash[MED_PATTERN_KEY + 1];
} med_dialled_t;
void med_dialled_init(med_dialled_t *dialled, const med_number_t *number);
/** After med_hits_begin() and before med_hits_narrow(): time for what was fetched to
 * come. */
void med_dialled_keys(med_dialled_t *dialled);

/** The routes of one shard that a number's prefixes lead to. */
typedef struct med_part {
	const med_index_t *index;
	const uint16_t *heads; /**< the one of the number; NULL: none */
	unsigned count;
	uint32_t lengths; /**< of prefixes to look up */
	struct med_head {
		const med_posting_t *at;
		bool list;
		bool decided; /**< @a rc is what its verification said */
		int rc;
	} head[MED_PATTERN_KEY + 1];
} med_part_t;

/** The routes of a usage that a number's prefixes lead to. */
typedef struct med_hits {
	const med_usage_t *usage;
	const med_dialled_t *dialled;
	const med_shard_t *leaf; /**< NULL: it leads to none */
	const med_route_t *last; /**< the route before */
	med_part_t part[2];      /**< at the root, and at the leaf */
} med_hits_t;

/**
 * In steps, so that several usages can take each together: what a step needs has been
 * fetched into the cache by the one before. The bare step, for routes without a prefix,
 * needs none of it: it goes where there would be waiting, any time after the first.
 */
void med_hits_begin(
		med_hits_t *hits, const med_usage_t *usage, const med_dialled_t *dialled);
void med_hits_bare(med_hits_t *hits, med_scratch_t *scratch);
void med_hits_narrow(med_hits_t *hits);
void med_hits_find(med_hits_t *hits);

/**
 * The next matching route in order.
 *
 * @param route  also set with MED_ELIMIT: the one whose pattern hit its limit
 * @return MED_EOK, MED_ENOMATCH (no more), MED_ELIMIT, MED_ENOMEM
 */
int med_hits_next(med_hits_t *hits, med_scratch_t *scratch, const med_route_t **route);

#endif
