/**
 * snapshot.c - lookups in a snapshot, from any process
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <string.h>

#include "medcore/snapshot.h"

const med_trunk_t *med_snapshot_trunk(const med_snapshot_t *snapshot, med_str_t id)
{
	uint64_t hash = med_id_hash(id);

	MED_MAP_EACH(entry, snapshot->view.trunks, hash)
	{
		const med_trunk_t *trunk = (const void *)(uintptr_t)entry->value;
		if(med_str_eq(trunk->id, id))
			return trunk;
	}
	return NULL;
}

const med_trunk_t *med_snapshot_trunk_by_number(
		const med_snapshot_t *snapshot, uint32_t number)
{
	return med_view_trunk(&snapshot->view, number);
}

med_str_t med_view_trunk_id(const med_view_t *view, uint32_t number)
{
	const med_trunk_t *trunk = med_view_trunk(view, number);
	const med_missing_t *missing;

	if(trunk != NULL)
		return trunk->id;
	missing = med_array_get(view->missing, number);
	return missing == NULL ? (med_str_t){NULL, 0}
						   : (med_str_t){missing->id, missing->id_len};
}

const med_gateway_t *med_snapshot_gateway(const med_snapshot_t *snapshot, med_str_t id)
{
	uint64_t hash = med_id_hash(id);

	MED_MAP_EACH(entry, snapshot->view.gateways, hash)
	{
		const med_gateway_object_t *object = (const void *)(uintptr_t)entry->value;
		if(med_str_eq(object->gateway.id, id))
			return &object->gateway;
	}
	return NULL;
}

const med_policy_t *med_snapshot_policy(const med_snapshot_t *snapshot, med_str_t id)
{
	uint64_t hash = med_id_hash(id);

	MED_MAP_EACH(entry, snapshot->view.policies, hash)
	{
		const med_policy_object_t *object = (const void *)(uintptr_t)entry->value;
		if(med_str_eq(object->policy.id, id))
			return &object->policy;
	}
	return NULL;
}

const med_limits_t *med_snapshot_limits(const med_snapshot_t *snapshot, med_str_t id)
{
	uint64_t hash = med_id_hash(id);

	MED_MAP_EACH(entry, snapshot->view.limits, hash)
	{
		const med_limits_object_t *object = (const void *)(uintptr_t)entry->value;
		if(med_str_eq(object->limits.id, id))
			return &object->limits;
	}
	return NULL;
}

const med_limits_t *med_snapshot_link(
		const med_snapshot_t *snapshot, med_str_t a, med_str_t b)
{
	char id[2 * MED_ID_MAX + 8];
	const med_limits_t *limits;
	int len;

	if(!snapshot->view.linked || a.len == 0 || b.len == 0 || med_str_eq(a, b))
		return NULL;
	len = snprintf(id, sizeof(id), "site:%.*s:%.*s", MED_STR_FMT(a), MED_STR_FMT(b));
	limits = med_snapshot_limits(snapshot, (med_str_t){id, (size_t)len});
	if(limits != NULL)
		return limits;
	len = snprintf(id, sizeof(id), "site:%.*s:%.*s", MED_STR_FMT(b), MED_STR_FMT(a));
	return med_snapshot_limits(snapshot, (med_str_t){id, (size_t)len});
}

const med_limits_t *med_snapshot_next_limits(const med_snapshot_t *snapshot, uint64_t *at)
{
	const med_map_t *map = snapshot->view.limits;
	uint64_t bucket = *at >> 32, entry = *at & UINT32_MAX;

	if(map == NULL)
		return NULL;
	for(; bucket >> map->bits == 0; bucket++, entry = 0) {
		const med_map_bucket_t *one = map->bucket[bucket];
		const med_limits_object_t *object;

		if(one == NULL || entry >= one->count)
			continue;
		object = (const void *)(uintptr_t)one->entry[entry].value;
		*at = bucket << 32 | (entry + 1);
		return &object->limits;
	}
	*at = bucket << 32;
	return NULL;
}

const med_schedule_t *med_view_schedule(const med_view_t *view, uint32_t number)
{
	const med_schedule_object_t *object = med_array_get(view->schedules, number);

	return object == NULL ? NULL : &object->schedule;
}

const med_guard_t *const *med_snapshot_guards(
		const med_snapshot_t *snapshot, size_t *count)
{
	const med_guard_list_t *guards = snapshot->view.guards;

	*count = guards == NULL ? 0 : guards->count;
	return guards == NULL ? NULL : guards->guard;
}

const med_profile_t *med_snapshot_global_profile(const med_snapshot_t *snapshot)
{
	return snapshot->view.global;
}

static const med_location_policy_t *location(const med_view_t *view, med_str_t id)
{
	uint64_t hash = med_id_hash(id);

	MED_MAP_EACH(entry, view->locations, hash)
	{
		const med_location_object_t *object = (const void *)(uintptr_t)entry->value;
		if(med_str_eq(object->location.id, id))
			return &object->location;
	}
	return NULL;
}

const med_location_policy_t *med_snapshot_location_policy(
		const med_snapshot_t *snapshot, med_str_t site)
{
	static const char scope[] = "site:";
	const med_location_policy_t *found = NULL;
	char id[sizeof(scope) + MED_ID_MAX];

	if(snapshot->view.locations == NULL)
		return NULL;
	if(site.len > 0 && site.len <= MED_ID_MAX) {
		memcpy(id, scope, sizeof(scope) - 1);
		memcpy(id + sizeof(scope) - 1, site.s, site.len);
		found = location(&snapshot->view, (med_str_t){id, sizeof(scope) - 1 + site.len});
	}
	return found != NULL ? found : location(&snapshot->view, MED_STR("global"));
}

const med_rules_t *med_view_rules(const med_view_t *view, med_str_t id)
{
	uint64_t hash = med_id_hash(id);

	MED_MAP_EACH(entry, view->rules, hash)
	{
		const med_rules_object_t *object = (const void *)(uintptr_t)entry->value;
		if(med_str_eq(object->rules.id, id))
			return &object->rules;
	}
	return NULL;
}

const med_rules_t *med_view_rules_named(const med_view_t *view, med_str_t name)
{
	uint64_t hash = med_id_hash(name);
	const med_rules_t *first = NULL;

	MED_MAP_EACH(entry, view->rule_names, hash)
	{
		const med_rules_object_t *object = (const void *)(uintptr_t)entry->value;
		const med_rules_t *rules = &object->rules;
		if(med_str_eq(rules->simple_name, name)
				&& (first == NULL || med_str_compare(rules->id, first->id) < 0))
			first = rules;
	}
	return first;
}

const med_trunk_t *med_snapshot_next_trunk(const med_snapshot_t *snapshot, uint32_t *at)
{
	const med_array_t *numbers = snapshot->view.trunk_numbers;
	size_t end = numbers == NULL ? 0 : numbers->chunks * MED_ARRAY_CHUNK;

	while(*at < end) {
		const med_trunk_t *trunk = med_array_get(numbers, (*at)++);
		if(trunk != NULL)
			return trunk;
	}
	return NULL;
}

size_t med_snapshot_count(const med_snapshot_t *snapshot, enum med_kind kind)
{
	return (unsigned)kind < MED_KIND_COUNT ? snapshot->view.count[kind] : 0;
}

uint64_t med_snapshot_revision(const med_snapshot_t *snapshot)
{
	return snapshot->revision;
}
