/**
 * map.h - private: segments of shared memory, and maps that share them between versions
 *
 * A segment is born in one version and may be retired in a later one; it is freed when no
 * snapshot of the versions between lives. Maps and arrays are changed by copying the one
 * bucket a change falls into, so a version costs what changed, not what there is.
 * Only the writer changes anything; readers follow pointers.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_MAP_H
#define MEDCORE_MAP_H

#include "medcore/common.h"

/** First member of everything that lives in a snapshot's memory. */
typedef struct med_segment {
	struct med_segment *next, *prev;
	uint64_t birth, death; /**< versions; death 0: in force */
} med_segment_t;

/** The writer's account of all segments. */
typedef struct med_heap {
	const med_mem_t *mem;
	med_segment_t live, retired; /**< heads of rings, newest first */
	uint64_t building;           /**< version that new segments belong to */
} med_heap_t;

void med_heap_init(med_heap_t *heap, const med_mem_t *mem);
/** Uninitialised but for the segment itself; NULL: no memory. @p size includes it. */
void *med_segment_new(med_heap_t *heap, size_t size);
/** No longer part of the version being built; freed at once when born in it. NULL
 * allowed. */
void med_segment_retire(med_heap_t *heap, const void *segment);
/** The version being built failed: free what was born, put back what was retired. */
void med_heap_rollback(med_heap_t *heap);
/** Free retired segments that @p needed says no living snapshot has. */
void med_heap_reclaim(med_heap_t *heap,
		bool (*needed)(void *ctx, uint64_t birth, uint64_t death), void *ctx);
/** Free everything. */
void med_heap_clear(med_heap_t *heap);

typedef struct med_map_entry {
	uint64_t hash, value;
} med_map_entry_t;

typedef struct med_map_bucket {
	med_segment_t segment;
	uint32_t count, room;
	med_map_entry_t entry[];
} med_map_bucket_t;

/** From hash to values; equal hashes of different keys stand side by side. */
typedef struct med_map {
	med_segment_t segment;
	unsigned bits;
	size_t count;
	med_map_bucket_t *bucket[]; /**< NULL: empty */
} med_map_t;

/** Spreads a weak hash over all bits. */
static inline uint64_t med_mix(uint64_t hash)
{
	hash ^= hash >> 32;
	hash *= 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 29;
}

/** The bucket of a hash; NULL: empty. @p map may be NULL. */
static inline const med_map_bucket_t *med_map_bucket(const med_map_t *map, uint64_t hash)
{
	return map == NULL ? NULL : map->bucket[hash >> (64 - map->bits)];
}

/** Each entry of @p hash. */
#define MED_MAP_EACH(entry, map, key)                                                    \
	for(const med_map_bucket_t *bucket_ = med_map_bucket((map), (key)); bucket_ != NULL; \
			bucket_ = NULL)                                                              \
		for(const med_map_entry_t *entry = bucket_->entry;                               \
				entry < bucket_->entry + bucket_->count; entry++)                        \
			if(entry->hash == (key))

/** Replace @p old by @p value, or add it when @p old is 0. MED_EOK, MED_ENOMEM. */
int med_map_put(
		med_heap_t *heap, med_map_t **map, uint64_t hash, uint64_t old, uint64_t value);
/** Take an entry out; nothing when it is not there. MED_EOK, MED_ENOMEM. */
int med_map_remove(med_heap_t *heap, med_map_t **map, uint64_t hash, uint64_t old);

#define MED_ARRAY_CHUNK 64u

typedef struct med_array_chunk {
	med_segment_t segment;
	const void *item[MED_ARRAY_CHUNK];
} med_array_chunk_t;

/** Pointers by small dense numbers. */
typedef struct med_array {
	med_segment_t segment;
	size_t chunks;
	med_array_chunk_t *chunk[];
} med_array_t;

static inline const void *med_array_get(const med_array_t *array, uint32_t index)
{
	size_t chunk = index / MED_ARRAY_CHUNK;

	if(array == NULL || chunk >= array->chunks || array->chunk[chunk] == NULL)
		return NULL;
	return array->chunk[chunk]->item[index % MED_ARRAY_CHUNK];
}

/** MED_EOK, MED_ENOMEM. */
int med_array_set(
		med_heap_t *heap, med_array_t **array, uint32_t index, const void *item);

#endif
