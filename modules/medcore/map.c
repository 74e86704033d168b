/**
 * map.c - segments, and maps that share them between versions
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>

#include "medcore/map.h"

#define BUCKET_FULL 12 /* entries per bucket, on average, before the map grows */
#define FIRST_BITS 4

/* ---- segments -----------------------------------------------------------------------
 */

static void ring_init(med_segment_t *head)
{
	head->next = head->prev = head;
}

static void ring_remove(med_segment_t *segment)
{
	segment->prev->next = segment->next;
	segment->next->prev = segment->prev;
}

static void ring_push(med_segment_t *head, med_segment_t *segment)
{
	segment->next = head->next;
	segment->prev = head;
	head->next->prev = segment;
	head->next = segment;
}

void med_heap_init(med_heap_t *heap, const med_mem_t *mem)
{
	heap->mem = mem;
	heap->building = 1;
	ring_init(&heap->live);
	ring_init(&heap->retired);
}

void *med_segment_new(med_heap_t *heap, size_t size)
{
	med_segment_t *segment = med_alloc(heap->mem, size);

	if(segment == NULL)
		return NULL;
	segment->birth = heap->building;
	segment->death = 0;
	ring_push(&heap->live, segment);
	return segment;
}

void med_segment_retire(med_heap_t *heap, const void *what)
{
	med_segment_t *segment = (med_segment_t *)(uintptr_t)what;

	if(segment == NULL)
		return;
	ring_remove(segment);
	if(segment->birth == heap->building) {
		med_free(heap->mem, segment);
		return;
	}
	segment->death = heap->building;
	ring_push(&heap->retired, segment);
}

void med_heap_rollback(med_heap_t *heap)
{
	med_segment_t *segment;

	while((segment = heap->live.next) != &heap->live
			&& segment->birth == heap->building) {
		ring_remove(segment);
		med_free(heap->mem, segment);
	}
	/* Older than all that is being built, so they may stand first in the ring. */
	while((segment = heap->retired.next) != &heap->retired
			&& segment->death == heap->building) {
		ring_remove(segment);
		segment->death = 0;
		ring_push(&heap->live, segment);
	}
}

void med_heap_reclaim(med_heap_t *heap,
		bool (*needed)(void *ctx, uint64_t birth, uint64_t death), void *ctx)
{
	med_segment_t *segment = heap->retired.next;

	while(segment != &heap->retired) {
		med_segment_t *next = segment->next;
		if(!needed(ctx, segment->birth, segment->death)) {
			ring_remove(segment);
			med_free(heap->mem, segment);
		}
		segment = next;
	}
}

static void clear_ring(const med_heap_t *heap, med_segment_t *head)
{
	while(head->next != head) {
		med_segment_t *segment = head->next;
		ring_remove(segment);
		med_free(heap->mem, segment);
	}
}

void med_heap_clear(med_heap_t *heap)
{
	clear_ring(heap, &heap->live);
	clear_ring(heap, &heap->retired);
}

/* ---- map ----------------------------------------------------------------------------
 */

static med_map_t *new_map(med_heap_t *heap, unsigned bits)
{
	size_t size = sizeof(med_map_bucket_t *) << bits;
	med_map_t *map = med_segment_new(heap, sizeof(*map) + size);

	if(map == NULL)
		return NULL;
	map->bits = bits;
	map->count = 0;
	memset(map->bucket, 0, size);
	return map;
}

/* The map itself, made writable: a copy when it belongs to an older version. */
static int own_map(med_heap_t *heap, med_map_t **map)
{
	med_map_t *old = *map, *copy;

	if(old != NULL && old->segment.birth == heap->building)
		return MED_EOK;
	copy = new_map(heap, old == NULL ? FIRST_BITS : old->bits);
	if(copy == NULL)
		return MED_ENOMEM;
	if(old != NULL) {
		copy->count = old->count;
		memcpy(copy->bucket, old->bucket, sizeof(old->bucket[0]) << old->bits);
		med_segment_retire(heap, old);
	}
	*map = copy;
	return MED_EOK;
}

/* One bucket, writable and with room for one more; the map is writable already. */
static med_map_bucket_t *own_bucket(med_heap_t *heap, med_map_bucket_t **place)
{
	med_map_bucket_t *old = *place, *copy;
	uint32_t count = old == NULL ? 0 : old->count, room = count + 1 + count / 4;

	if(old != NULL && old->segment.birth == heap->building && old->count < old->room)
		return old;
	copy = med_segment_new(heap, sizeof(*copy) + room * sizeof(copy->entry[0]));
	if(copy == NULL)
		return NULL;
	copy->count = count;
	copy->room = room;
	if(old != NULL)
		memcpy(copy->entry, old->entry, count * sizeof(copy->entry[0]));
	med_segment_retire(heap, old);
	*place = copy;
	return copy;
}

static int add(med_heap_t *heap, med_map_t *map, uint64_t hash, uint64_t value)
{
	med_map_bucket_t *bucket = own_bucket(heap, &map->bucket[hash >> (64 - map->bits)]);

	if(bucket == NULL)
		return MED_ENOMEM;
	bucket->entry[bucket->count++] = (med_map_entry_t){hash, value};
	map->count++;
	return MED_EOK;
}

/* Four times the buckets; the map is replaced as a whole. */
static int grow(med_heap_t *heap, med_map_t **map)
{
	med_map_t *old = *map, *wide = new_map(heap, old->bits + 2);
	size_t buckets = (size_t)1 << old->bits;

	if(wide == NULL)
		return MED_ENOMEM;
	for(size_t i = 0; i < buckets; i++) {
		const med_map_bucket_t *bucket = old->bucket[i];
		for(uint32_t k = 0; bucket != NULL && k < bucket->count; k++) {
			int rc = add(heap, wide, bucket->entry[k].hash, bucket->entry[k].value);
			if(rc != MED_EOK)
				return rc; /* the whole version is rolled back */
		}
	}
	for(size_t i = 0; i < buckets; i++)
		med_segment_retire(heap, old->bucket[i]);
	med_segment_retire(heap, old);
	*map = wide;
	return MED_EOK;
}

static med_map_entry_t *find(med_map_bucket_t *bucket, uint64_t hash, uint64_t value)
{
	for(uint32_t i = 0; bucket != NULL && i < bucket->count; i++) {
		if(bucket->entry[i].hash == hash && bucket->entry[i].value == value)
			return &bucket->entry[i];
	}
	return NULL;
}

int med_map_put(
		med_heap_t *heap, med_map_t **map, uint64_t hash, uint64_t old, uint64_t value)
{
	med_map_bucket_t *bucket;
	med_map_entry_t *entry;
	int rc = own_map(heap, map);

	if(rc != MED_EOK)
		return rc;
	if(old != 0) {
		bucket = own_bucket(heap, &(*map)->bucket[hash >> (64 - (*map)->bits)]);
		if(bucket == NULL)
			return MED_ENOMEM;
		entry = find(bucket, hash, old);
		if(entry != NULL) {
			entry->value = value;
			return MED_EOK;
		}
	}
	if((*map)->count >= (size_t)BUCKET_FULL << (*map)->bits) {
		rc = grow(heap, map);
		if(rc != MED_EOK)
			return rc;
	}
	return add(heap, *map, hash, value);
}

int med_map_remove(med_heap_t *heap, med_map_t **map, uint64_t hash, uint64_t old)
{
	med_map_bucket_t **place, *bucket;
	med_map_entry_t *entry;
	int rc;

	if(*map == NULL
			|| find((*map)->bucket[hash >> (64 - (*map)->bits)], hash, old) == NULL)
		return MED_EOK;
	rc = own_map(heap, map);
	if(rc != MED_EOK)
		return rc;
	place = &(*map)->bucket[hash >> (64 - (*map)->bits)];
	bucket = own_bucket(heap, place);
	if(bucket == NULL)
		return MED_ENOMEM;
	entry = find(bucket, hash, old);
	*entry = bucket->entry[--bucket->count];
	(*map)->count--;
	if(bucket->count == 0) {
		med_segment_retire(heap, bucket);
		*place = NULL;
	}
	return MED_EOK;
}

/* ---- array --------------------------------------------------------------------------
 */

static int own_array(med_heap_t *heap, med_array_t **array, size_t chunks)
{
	med_array_t *old = *array, *copy;
	size_t had = old == NULL ? 0 : old->chunks;

	if(old != NULL && had >= chunks && old->segment.birth == heap->building)
		return MED_EOK;
	if(chunks < had)
		chunks = had;
	else if(chunks > had)
		chunks += chunks / 4;
	copy = med_segment_new(heap, sizeof(*copy) + chunks * sizeof(copy->chunk[0]));
	if(copy == NULL)
		return MED_ENOMEM;
	copy->chunks = chunks;
	memset(copy->chunk, 0, chunks * sizeof(copy->chunk[0]));
	if(had > 0)
		memcpy(copy->chunk, old->chunk, had * sizeof(copy->chunk[0]));
	med_segment_retire(heap, old);
	*array = copy;
	return MED_EOK;
}

int med_array_set(med_heap_t *heap, med_array_t **array, uint32_t index, const void *item)
{
	size_t at = index / MED_ARRAY_CHUNK;
	med_array_chunk_t *old, *copy;
	int rc;

	if(med_array_get(*array, index) == item)
		return MED_EOK;
	rc = own_array(heap, array, at + 1);
	if(rc != MED_EOK)
		return rc;
	old = (*array)->chunk[at];
	if(old == NULL || old->segment.birth != heap->building) {
		copy = med_segment_new(heap, sizeof(*copy));
		if(copy == NULL)
			return MED_ENOMEM;
		if(old != NULL)
			memcpy(copy->item, old->item, sizeof(copy->item));
		else
			memset(copy->item, 0, sizeof(copy->item));
		med_segment_retire(heap, old);
		(*array)->chunk[at] = copy;
	}
	(*array)->chunk[at]->item[index % MED_ARRAY_CHUNK] = item;
	return MED_EOK;
}
