/**
 * build.c - a new snapshot: what changed is made anew, all else is shared
 *
 * All is made for the version that comes next; nothing of the version in force is touched
 * until everything has succeeded. A failure frees what was made and leaves what was dirty
 * dirty, so that the next build tries again.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>

#include "medcore/writer.h"

/* ---- objects that stand in a map by their id ------------------------------------------
 */

static void *make_object(med_config_t *config, const med_slot_t *slot)
{
	const med_record_t *record = slot->entry;
	med_str_t id = med_slot_id(slot);

	switch(slot->kind) {
		case MED_KIND_GATEWAY:
			return med_gateway_object(config, slot, &record->gateway);
		case MED_KIND_SITE:
			return med_site_object(&config->heap, id, &record->site);
		case MED_KIND_POOL:
			return med_pool_object(&config->heap, id, &record->pool);
		case MED_KIND_PROFILE:
			return med_profile_object(config, id, &record->profile);
		case MED_KIND_POLICY:
			return med_policy_object(config, id, &record->policy);
		case MED_KIND_LOCATION_POLICY:
			return med_location_object(config, id, &record->location_policy);
		case MED_KIND_GUARD:
			return med_guard_object(&config->heap, id, &record->guard);
		case MED_KIND_LIMITS:
			return med_limits_object(&config->heap, id, slot->number, &record->limits);
		case MED_KIND_RESPONSE_RULES:
			return med_response_object(&config->heap, id, &record->response_rules);
		case MED_KIND_SCHEDULE:
			return med_schedule_object(&config->heap, id, &record->schedule);
		default:
			return med_rules_object(&config->heap, id, slot->entry);
	}
}

/* @p map NULL: found by the writer only. */
static int build_kind(med_config_t *config, enum med_kind kind, med_map_t **map)
{
	med_slot_t *slot = config->table[kind].dirty;
	int rc = MED_EOK;

	for(; slot != NULL && rc == MED_EOK; slot = slot->next_dirty) {
		med_pause(&config->pause);
		slot->pending = NULL;
		if(slot->entry != NULL) {
			slot->pending = make_object(config, slot);
			if(slot->pending == NULL)
				return MED_ENOMEM;
		}
		if(map != NULL && slot->pending != NULL)
			rc = med_map_put(&config->heap, map, slot->hash, (uintptr_t)slot->object,
					(uintptr_t)slot->pending);
		else if(map != NULL && slot->object != NULL)
			rc = med_map_remove(&config->heap, map, slot->hash, (uintptr_t)slot->object);
		if(rc == MED_EOK)
			med_segment_retire(&config->heap, slot->object);
	}
	return rc;
}

/* By id, and by the simple_name of those that have one. */
static int build_rules(med_config_t *config, med_view_t *view)
{
	const med_slot_t *slot = config->table[MED_KIND_RULES].dirty;
	int rc = build_kind(config, MED_KIND_RULES, &view->rules);

	for(; slot != NULL && rc == MED_EOK; slot = slot->next_dirty) {
		const med_rules_object_t *was = slot->object, *is = slot->pending;

		if(was != NULL && was->rules.simple_name.len > 0)
			rc = med_map_remove(&config->heap, &view->rule_names,
					med_id_hash(was->rules.simple_name), (uintptr_t)was);
		if(rc == MED_EOK && is != NULL && is->rules.simple_name.len > 0)
			rc = med_map_put(&config->heap, &view->rule_names,
					med_id_hash(is->rules.simple_name), 0, (uintptr_t)is);
	}
	return rc;
}

static const med_profile_t *global_profile(const med_config_t *config)
{
	const med_slot_t *slot = med_slot_find(config, MED_KIND_PROFILE, MED_STR("global"));
	const med_profile_object_t *object = slot == NULL ? NULL : med_slot_current(slot);

	return object != NULL ? &object->profile : &config->defaults->profile;
}

static int compare_guards(const void *a, const void *b)
{
	return med_str_compare(
			(*(const med_guard_t *const *)a)->id, (*(const med_guard_t *const *)b)->id);
}

/* They are few: all of them anew when one changes. */
static int build_guards(med_config_t *config, med_view_t *view)
{
	const med_table_t *table = &config->table[MED_KIND_GUARD];
	med_guard_list_t *list;
	int rc;

	if(table->dirty == NULL)
		return MED_EOK;
	rc = build_kind(config, MED_KIND_GUARD, NULL);
	if(rc != MED_EOK)
		return rc;
	list = med_segment_new(
			&config->heap, sizeof(*list) + table->slots * sizeof(list->guard[0]));
	if(list == NULL)
		return MED_ENOMEM;
	list->count = 0;
	for(size_t i = 0; i < table->buckets; i++) {
		for(const med_slot_t *slot = table->bucket[i]; slot != NULL; slot = slot->next) {
			const med_guard_object_t *object = med_slot_current(slot);
			if(object != NULL)
				list->guard[list->count++] = &object->guard;
		}
	}
	qsort(list->guard, list->count, sizeof(list->guard[0]), compare_guards);
	med_segment_retire(&config->heap, view->guards);
	view->guards = list;
	return MED_EOK;
}

/* All subnets anew when a site changes: they are looked up across sites. */
static int build_sites(med_config_t *config, med_view_t *view)
{
	int rc;

	if(config->table[MED_KIND_SITE].dirty == NULL)
		return MED_EOK;
	rc = build_kind(config, MED_KIND_SITE, &view->sites);
	return rc == MED_EOK ? med_build_places(config, view) : rc;
}

/* Found by their numbers, which routes have. */
static int build_schedules(med_config_t *config, med_view_t *view)
{
	const med_slot_t *slot = config->table[MED_KIND_SCHEDULE].dirty;
	int rc = build_kind(config, MED_KIND_SCHEDULE, NULL);

	for(; slot != NULL && rc == MED_EOK; slot = slot->next_dirty) {
		if(slot->number != MED_NO_NUMBER)
			rc = med_array_set(
					&config->heap, &view->schedules, slot->number, slot->pending);
	}
	return rc;
}

/* The profile of trunks that have none: all fields at their initial values. */
static int build_defaults(med_config_t *config, const med_profile_object_t **defaults)
{
	med_record_t *record = NULL;
	int rc;

	if(config->defaults != NULL) {
		*defaults = config->defaults;
		return MED_EOK;
	}
	rc = med_record_parse(
			MED_KIND_PROFILE, MED_STR("global"), NULL, 0, &config->own, &record, NULL);
	if(rc != MED_EOK)
		return rc;
	*defaults = med_profile_object(config, MED_STR("defaults"), &record->profile);
	med_free(&config->own, record);
	return *defaults == NULL ? MED_ENOMEM : MED_EOK;
}

/* ---- all of it ------------------------------------------------------------------------
 */

static int list_objects(med_config_t *config, med_view_t *view)
{
	int rc = MED_EOK;

	for(unsigned kind = 0; kind < MED_KIND_COUNT && rc == MED_EOK; kind++) {
		if(kind == MED_KIND_ROUTE) {
			view->count[kind] = config->table[kind].present;
			continue;
		}
		rc = med_build_cards(config, view, (enum med_kind)kind);
		view->count[kind] = view->listing[kind] == NULL ? 0 : view->listing[kind]->count;
	}
	return rc;
}

static int build_state(
		med_config_t *config, med_state_t *state, const med_profile_object_t **defaults)
{
	med_view_t *view = &state->view;
	int rc = build_defaults(config, defaults);

	if(rc != MED_EOK)
		return rc;
	config->defaults = *defaults;
	rc = build_kind(config, MED_KIND_GATEWAY, &view->gateways);
	if(rc == MED_EOK)
		rc = build_kind(config, MED_KIND_PROFILE, NULL);
	if(rc == MED_EOK)
		view->global = global_profile(config);
	if(rc == MED_EOK)
		rc = build_rules(config, view);
	if(rc == MED_EOK)
		rc = build_kind(config, MED_KIND_RESPONSE_RULES, &view->responses);
	if(rc == MED_EOK)
		rc = build_kind(config, MED_KIND_POLICY, &view->policies);
	if(rc == MED_EOK)
		rc = build_kind(config, MED_KIND_LOCATION_POLICY, &view->locations);
	if(rc == MED_EOK)
		rc = build_kind(config, MED_KIND_POOL, &view->pools);
	if(rc == MED_EOK)
		rc = build_sites(config, view);
	if(rc == MED_EOK)
		rc = build_schedules(config, view);
	if(rc == MED_EOK)
		rc = build_guards(config, view);
	if(rc == MED_EOK)
		rc = build_kind(config, MED_KIND_LIMITS, &view->limits);
	if(rc == MED_EOK)
		rc = med_build_trunks(config, state);
	if(rc == MED_EOK)
		rc = med_build_usages(config, view);
	return rc == MED_EOK ? list_objects(config, view) : rc;
}

/* From here on nothing can fail. */
static void commit(med_config_t *config, const med_state_t *state)
{
	config->state = *state;
	med_names_tell(config);
	for(unsigned kind = 0; kind < MED_KIND_COUNT; kind++) {
		med_table_t *table = &config->table[kind];
		med_slot_t *slot = table->dirty, *next;
		table->dirty = NULL;
		for(; slot != NULL; slot = next) {
			next = slot->next_dirty;
			slot->object = slot->pending;
			slot->pending = NULL;
			slot->dirty = false;
			if(kind == MED_KIND_TRUNK)
				med_fault_check(config, slot);
			med_slot_drop(config, slot);
		}
	}
	med_usages_commit(config);
	config->heap.building++;
}

static void undo(med_config_t *config, const med_profile_object_t *defaults)
{
	med_heap_rollback(&config->heap);
	config->defaults = defaults;
	config->stale_legs = 0;
}

int med_config_rehearse(med_config_t *config, const med_mem_t *mem)
{
	const med_profile_object_t *before = config->defaults, *defaults = NULL;
	med_state_t state = config->state;
	med_mem_t shared = config->shared;
	int rc;

	config->shared = *mem;
	rc = build_state(config, &state, &defaults);
	undo(config, before);
	config->shared = shared;
	return rc;
}

int med_config_build(
		med_config_t *config, const med_snapshot_t **snapshot, med_errbuf_t *err)
{
	const med_profile_object_t *before = config->defaults, *defaults = NULL;
	med_state_t state = config->state;
	struct med_snapshot *s = med_alloc(&config->shared, sizeof(*s));
	int rc = s == NULL ? MED_ENOMEM : build_state(config, &state, &defaults);

	if(rc != MED_EOK) {
		undo(config, before);
		med_free(&config->shared, s);
		return med_fail(err, rc,
				"cannot build the configuration: %s; the one before serves on",
				rc == MED_ENOMEM ? "out of memory" : med_strerror(rc));
	}
	s->revision = config->heap.building;
	s->view = state.view;
	commit(config, &state);
	s->next = config->snapshots.next;
	s->prev = &config->snapshots;
	s->next->prev = s;
	config->snapshots.next = s;
	med_config_reclaim(config);
	*snapshot = s;
	return MED_EOK;
}
