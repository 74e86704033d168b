/**
 * places.c - which site an address lies in, and what a node of a pool falls back on
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>

#include "medcore/writer.h"

/* ---- built ----------------------------------------------------------------------------
 */

/* By length, then address: those of one length are found by bisection. */
static int compare_subnets(const med_ip_t *a, const med_ip_t *b)
{
	if(a->prefix != b->prefix)
		return a->prefix < b->prefix ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static int compare_places(const void *a, const void *b)
{
	const med_place_t *x = a, *y = b;
	int order = compare_subnets(&x->subnet, &y->subnet);

	return order != 0 ? order : med_str_compare(x->site, y->site);
}

/* The sites of @p config in the version being built, one after the other. */
static const med_site_t *next_site(
		const med_config_t *config, size_t *bucket, const med_slot_t **slot)
{
	const med_table_t *table = &config->table[MED_KIND_SITE];

	for(;;) {
		const med_site_object_t *object;
		*slot = *slot == NULL ? NULL : (*slot)->next;
		while(*slot == NULL && *bucket < table->buckets)
			*slot = table->bucket[(*bucket)++];
		if(*slot == NULL)
			return NULL;
		object = med_slot_current(*slot);
		if(object != NULL)
			return &object->site;
	}
}

static size_t count_subnets(const med_config_t *config)
{
	const med_slot_t *slot = NULL;
	const med_site_t *site;
	size_t bucket = 0, count = 0;

	while((site = next_site(config, &bucket, &slot)) != NULL)
		count += site->subnet_count;
	return count;
}

int med_build_places(med_config_t *config, med_view_t *view)
{
	size_t count = count_subnets(config), bucket = 0, kept = 0;
	const med_slot_t *slot = NULL;
	const med_site_t *site;
	med_places_t *places =
			med_segment_new(&config->heap, sizeof(*places) + count * sizeof(med_place_t));

	if(places == NULL)
		return MED_ENOMEM;
	places->count = 0;
	memset(places->prefixes, 0, sizeof(places->prefixes));
	while((site = next_site(config, &bucket, &slot)) != NULL) {
		med_pause(&config->pause);
		for(size_t i = 0; i < site->subnet_count; i++)
			places->place[places->count++] = (med_place_t){
					med_ip_mask(&site->subnets[i], site->subnets[i].prefix), site->id};
	}
	qsort(places->place, places->count, sizeof(places->place[0]), compare_places);
	for(size_t i = 0; i < places->count; i++) {
		const med_place_t *place = &places->place[i];
		if(kept > 0
				&& compare_subnets(&places->place[kept - 1].subnet, &place->subnet) == 0)
			continue; /* of two sites the first by id has it: all nodes agree */
		places->place[kept++] = *place;
		places->prefixes[place->subnet.prefix / 64] |= (uint64_t)1
				<< place->subnet.prefix % 64;
	}
	places->count = kept;
	med_segment_retire(&config->heap, view->places);
	view->places = places;
	return MED_EOK;
}

/* ---- asked ----------------------------------------------------------------------------
 */

static int compare_place(const void *subnet, const void *place)
{
	return compare_subnets(subnet, &((const med_place_t *)place)->subnet);
}

med_str_t med_snapshot_site_of(const med_snapshot_t *snapshot, const med_ip_t *address)
{
	const med_places_t *places = snapshot->view.places;

	for(unsigned bits = 128; places != NULL && places->count > 0; bits--) {
		if(places->prefixes[bits / 64] >> bits % 64 & 1) {
			med_ip_t subnet = med_ip_mask(address, (uint8_t)bits);
			const med_place_t *place = bsearch(
					&subnet, places->place, places->count, sizeof(*place), compare_place);
			if(place != NULL)
				return place->site;
		}
		if(bits == 0)
			break;
	}
	return (med_str_t){NULL, 0};
}

const med_site_t *med_view_site(const med_view_t *view, med_str_t id)
{
	uint64_t hash = med_id_hash(id);

	MED_MAP_EACH(entry, view->sites, hash)
	{
		const med_site_object_t *object = (const void *)(uintptr_t)entry->value;
		if(med_str_eq(object->site.id, id))
			return &object->site;
	}
	return NULL;
}

const med_pool_t *med_snapshot_pool(const med_snapshot_t *snapshot, med_str_t id)
{
	uint64_t hash = med_id_hash(id);

	MED_MAP_EACH(entry, snapshot->view.pools, hash)
	{
		const med_pool_object_t *object = (const void *)(uintptr_t)entry->value;
		if(med_str_eq(object->pool.id, id))
			return &object->pool;
	}
	return NULL;
}

/* Spec 3.1, without a trunk: pool, its site, all. */
med_str_t med_snapshot_dial_plan(const med_snapshot_t *snapshot, med_str_t pool_id)
{
	const med_pool_t *pool =
			pool_id.len == 0 ? NULL : med_snapshot_pool(snapshot, pool_id);
	const med_site_t *site = pool == NULL || pool->site.len == 0
			? NULL
			: med_view_site(&snapshot->view, pool->site);

	if(pool != NULL && pool->dial_plan.len > 0)
		return pool->dial_plan;
	if(site != NULL && site->dial_plan.len > 0)
		return site->dial_plan;
	return snapshot->view.global->dial_plan;
}
