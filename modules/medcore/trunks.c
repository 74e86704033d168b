/**
 * trunks.c - which trunks are in force in a version, and by what they are found
 *
 * A trunk is evaluated anew when it, its gateway or its profile changed, or while it is
 * refused by reference: it gives up what it claimed, is built, and claims again. Of
 * trunks that claim the same, the one whose id comes first serves: all nodes agree,
 * whatever each has seen before.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE /* qsort_r */
#include <stdlib.h>
#include <string.h>

#include "medcore/targets.h"
#include "medcore/writer.h"

/* ---- whom a change concerns -----------------------------------------------------------
 */

static med_slot_t *scope_slot(
		const med_config_t *config, enum med_kind kind, const char *scope, med_str_t id)
{
	char name[MED_OBJECT_ID_MAX];
	size_t len = strlen(scope);

	if(len + id.len > sizeof(name))
		return NULL;
	memcpy(name, scope, len);
	if(id.len > 0)
		memcpy(name + len, id.s, id.len);
	return med_slot_find(config, kind, (med_str_t){name, len + id.len});
}

static med_slot_t *profile_slot(
		const med_config_t *config, const char *scope, med_str_t id)
{
	return scope_slot(config, MED_KIND_PROFILE, scope, id);
}

static void add_limits(
		const med_config_t *config, const char *scope, med_str_t id, med_trunk_t *trunk)
{
	const med_slot_t *slot =
			id.len == 0 ? NULL : scope_slot(config, MED_KIND_LIMITS, scope, id);
	const med_limits_object_t *object = slot == NULL ? NULL : med_slot_current(slot);

	if(object != NULL)
		trunk->limits[trunk->limit_count++] = &object->limits;
}

/* Those that its calls count for: unlike profiles, all that there are. */
static void find_limits(const med_config_t *config, med_trunk_t *trunk)
{
	if(config->table[MED_KIND_LIMITS].slots == 0)
		return;
	add_limits(config, "trunk:", trunk->id, trunk);
	add_limits(config, "gateway:", trunk->gateway->id, trunk);
	add_limits(config, "site:", trunk->gateway->site, trunk);
}

/*
 * The most specific profile, or the defaults. NULL: that profile is refused and has no
 * good version; a less specific one might be laxer, so there is none.
 */
static const med_profile_t *effective_profile(const med_config_t *config, med_str_t trunk,
		med_str_t site, const med_slot_t **refused)
{
	const med_slot_t *scopes[3] = {profile_slot(config, "trunk:", trunk),
			site.len == 0 ? NULL : profile_slot(config, "site:", site),
			profile_slot(config, "global", (med_str_t){NULL, 0})};

	for(unsigned i = 0; i < 3; i++) {
		const med_profile_object_t *object;
		if(scopes[i] == NULL)
			continue;
		object = med_slot_current(scopes[i]);
		if(object != NULL)
			return &object->profile;
		if(scopes[i]->refused != NULL) {
			*refused = scopes[i];
			return NULL;
		}
	}
	return &config->defaults->profile;
}

/* Does the version being built give this trunk, which did not change, something new? */
static bool is_affected(const med_config_t *config, const med_slot_t *slot, bool scopes)
{
	const med_trunk_object_t *object = slot->object;
	const med_record_t *record = slot->entry;
	const med_slot_t *refused, *pool, *site;
	const med_trunk_t *trunk;

	if(record == NULL)
		return false;
	if(object == NULL)
		return true; /* refused by reference so far */
	pool = med_slot_find(config, MED_KIND_POOL, record->trunk.mediation_server);
	if(pool != NULL && pool->dirty)
		return true;
	trunk = &object->trunk;
	site = trunk->gateway->site.len == 0
			? NULL
			: med_slot_find(config, MED_KIND_SITE, trunk->gateway->site);
	if(site != NULL && site->dirty)
		return true;
	if(MED_OBJECT(med_gateway_object_t, gateway, trunk->gateway)->segment.death != 0
			|| MED_OBJECT(med_profile_object_t, profile, trunk->profile)->segment.death
					!= 0)
		return true;
	return scopes
			&& effective_profile(config, trunk->id, trunk->gateway->site, &refused)
			!= trunk->profile;
}

static void mark_trunk(med_config_t *config, med_slot_t *slot, bool scopes)
{
	if(!slot->dirty && is_affected(config, slot, scopes))
		med_slot_mark_dirty(config, slot);
}

/* Trunks that name what changed, a gateway or a pool. */
static void mark_namers(med_config_t *config, const med_slot_t *slot, bool scopes)
{
	for(const med_ref_t *ref = slot->named; ref != NULL; ref = ref->next) {
		med_pause(&config->pause);
		if(ref->from->kind == MED_KIND_TRUNK)
			mark_trunk(config, ref->from, scopes);
	}
}

/* Trunks of the gateways at a site. */
static void mark_site(med_config_t *config, const med_slot_t *site, bool scopes)
{
	for(const med_ref_t *ref = site->named; ref != NULL; ref = ref->next) {
		if(ref->from->kind == MED_KIND_GATEWAY)
			mark_namers(config, ref->from, scopes);
	}
}

/* Trunks that a profile may apply to. */
static void mark_scope(med_config_t *config, const med_slot_t *profile)
{
	const med_table_t *trunks = &config->table[MED_KIND_TRUNK];
	med_str_t id = med_slot_id(profile), name;
	const char *colon = memchr(id.s, ':', id.len);
	const med_slot_t *site;
	med_slot_t *slot;

	if(colon != NULL) {
		name = (med_str_t){colon + 1, (size_t)(id.s + id.len - colon - 1)};
		slot = med_slot_find(config, MED_KIND_TRUNK, name);
		if(id.s[0] == 't' && slot != NULL)
			mark_trunk(config, slot, true);
		site = id.s[0] == 's' ? med_slot_find(config, MED_KIND_SITE, name) : NULL;
		if(site != NULL)
			mark_site(config, site, true);
		return;
	}
	/* the global one: for those that have it, and those that have none */
	for(size_t i = 0; i < trunks->buckets; i++) {
		for(slot = trunks->bucket[i]; slot != NULL; slot = slot->next) {
			const med_trunk_object_t *object = slot->object;
			med_pause(&config->pause);
			mark_trunk(config, slot,
					object != NULL
							&& object->trunk.profile == &config->defaults->profile);
		}
	}
}

static void mark_limited_trunk(med_config_t *config, med_slot_t *slot)
{
	if(slot->entry != NULL)
		med_slot_mark_dirty(config, slot);
}

static void mark_limited_trunks(med_config_t *config, const med_slot_t *gateway)
{
	for(const med_ref_t *ref = gateway->named; ref != NULL; ref = ref->next) {
		med_pause(&config->pause);
		if(ref->from->kind == MED_KIND_TRUNK)
			mark_limited_trunk(config, ref->from);
	}
}

/* Trunks that limits are for: they lead to them. */
static void mark_limited(med_config_t *config, const med_slot_t *limits)
{
	med_str_t id = med_slot_id(limits), name;
	const char *colon = memchr(id.s, ':', id.len);
	med_slot_t *slot;

	if(colon == NULL)
		return;
	name = (med_str_t){colon + 1, (size_t)(id.s + id.len - colon - 1)};
	if(id.s[0] == 't') {
		slot = med_slot_find(config, MED_KIND_TRUNK, name);
		if(slot != NULL)
			mark_limited_trunk(config, slot);
	} else if(id.s[0] == 'g') {
		slot = med_slot_find(config, MED_KIND_GATEWAY, name);
		if(slot != NULL)
			mark_limited_trunks(config, slot);
	} else if((slot = med_slot_find(config, MED_KIND_SITE, name)) != NULL) {
		for(const med_ref_t *ref = slot->named; ref != NULL; ref = ref->next) {
			if(ref->from->kind == MED_KIND_GATEWAY)
				mark_limited_trunks(config, ref->from);
		}
	}
}

/* What trunks depend on; none of it changed: those that are left out stay so. */
static bool concerns_trunks(const med_config_t *config)
{
	const med_table_t *table = config->table;

	return table[MED_KIND_TRUNK].dirty != NULL || table[MED_KIND_GATEWAY].dirty != NULL
			|| table[MED_KIND_POOL].dirty != NULL || table[MED_KIND_SITE].dirty != NULL
			|| table[MED_KIND_PROFILE].dirty != NULL
			|| table[MED_KIND_LIMITS].dirty != NULL;
}

static void mark_affected(med_config_t *config)
{
	med_slot_t *slot = config->faults[MED_FAULT_CONFLICT];

	if(!concerns_trunks(config))
		return;
	for(; slot != NULL; slot = slot->fault_next)
		med_slot_mark_dirty(config, slot);
	for(slot = config->table[MED_KIND_GATEWAY].dirty; slot != NULL;
			slot = slot->next_dirty)
		mark_namers(config, slot, false);
	for(slot = config->table[MED_KIND_POOL].dirty; slot != NULL; slot = slot->next_dirty)
		mark_namers(config, slot, false);
	for(slot = config->table[MED_KIND_SITE].dirty; slot != NULL; slot = slot->next_dirty)
		mark_site(config, slot, false);
	for(slot = config->table[MED_KIND_PROFILE].dirty; slot != NULL;
			slot = slot->next_dirty)
		mark_scope(config, slot);
	for(slot = config->table[MED_KIND_LIMITS].dirty; slot != NULL;
			slot = slot->next_dirty)
		mark_limited(config, slot);
}

static int compare_ids(const void *a, const void *b, void *pause)
{
	const med_slot_t *x = *(med_slot_t *const *)a, *y = *(med_slot_t *const *)b;

	med_pause(pause);
	return med_str_compare(med_slot_id(x), med_slot_id(y));
}

/* All trunks to evaluate, in order of id, in config->work. */
static int collect(med_config_t *config, size_t *count)
{
	med_slot_t *slot = config->table[MED_KIND_TRUNK].dirty;
	size_t n = 0;

	for(; slot != NULL; slot = slot->next_dirty)
		n++;
	if(!med_config_reserve_work(config, n))
		return MED_ENOMEM;
	*count = n;
	for(slot = config->table[MED_KIND_TRUNK].dirty; slot != NULL; slot = slot->next_dirty)
		config->work[--n] = slot;
	if(*count > 1)
		qsort_r(config->work, *count, sizeof(config->work[0]), compare_ids,
				&config->pause);
	return MED_EOK;
}

/* ---- legs ----------------------------------------------------------------------------
 */

static void set_stale(med_config_t *config, med_leg_group_t *group, bool stale)
{
	config->stale_legs += (uint32_t)stale - (uint32_t)group->stale;
	group->stale = stale;
}

static int own_group(med_config_t *config, med_view_t *view, const med_leg_key_t *key,
		med_leg_group_t **group)
{
	const med_leg_group_t *old = med_view_leg(view, key);
	med_leg_group_t *copy;
	int rc;

	if(old != NULL && old->segment.birth == config->heap.building) {
		*group = (med_leg_group_t *)(uintptr_t)old;
		return MED_EOK;
	}
	copy = med_segment_new(&config->heap, sizeof(*copy));
	if(copy == NULL)
		return MED_ENOMEM;
	memset((char *)copy + sizeof(copy->segment), 0,
			sizeof(*copy) - sizeof(copy->segment));
	copy->hash = med_leg_hash(key);
	copy->port = key->port;
	copy->tls = key->tls;
	copy->remote = key->remote;
	copy->any = key->subnet == NULL;
	copy->number = MED_NO_NUMBER;
	if(key->subnet != NULL)
		copy->subnet = *key->subnet;
	if(old != NULL) {
		memcpy(copy->count, old->count, sizeof(copy->count));
		copy->number = old->number;
	}
	set_stale(config, copy, old == NULL);
	rc = med_map_put(
			&config->heap, &view->legs, copy->hash, (uintptr_t)old, (uintptr_t)copy);
	if(rc != MED_EOK)
		return rc;
	med_segment_retire(&config->heap, old);
	*group = copy;
	return MED_EOK;
}

static bool is_empty(const med_leg_group_t *group)
{
	uint32_t sum = 0;

	for(unsigned mode = 0; mode <= MED_SRTP_REQUIRED; mode++)
		sum += group->count[mode][0] + group->count[mode][1];
	return sum == 0;
}

/* A trunk enters or leaves a group. */
static int change_group(med_config_t *config, med_view_t *view, const med_trunk_t *trunk,
		const med_leg_key_t *key, int change)
{
	med_leg_group_t *group = NULL;
	int rc = own_group(config, view, key, &group);

	if(rc != MED_EOK)
		return rc;
	if(change > 0
			&& (group->stale || is_empty(group)
					|| trunk->leg.srtp > med_leg_strictest(group).srtp)) {
		group->number = trunk->number;
		set_stale(config, group, trunk->leg.srtp < med_leg_strictest(group).srtp);
	}
	group->count[trunk->leg.srtp][trunk->leg.anchored] += (uint32_t)change;
	if(is_empty(group)) {
		set_stale(config, group, false);
		rc = med_map_remove(&config->heap, &view->legs, group->hash, (uintptr_t)group);
		if(rc == MED_EOK)
			med_segment_retire(&config->heap, group);
		return rc;
	}
	if(change < 0 && group->number == trunk->number)
		set_stale(config, group, true);
	return MED_EOK;
}

/*
 * The @p n-th group of a trunk; false: it is in no more. Over TLS the local port and the
 * address tell the group; of other transports the identity itself tells the leg: one
 * trunk per source.
 */
static bool nth_group(const med_trunk_t *trunk, unsigned n, med_leg_key_t *key)
{
	const med_gateway_t *gateway = trunk->gateway;
	unsigned sources = gateway->source_count, all = sources + gateway->place_count;

	*key = (med_leg_key_t){.tls = trunk->transport == MED_TLS, .port = trunk->local_port};
	if(n == 0)
		return true;
	n--;
	key->remote = n < all;
	if(!key->remote) {
		n -= all;
		if(!key->tls || n >= all)
			return false;
	}
	key->subnet = n < sources ? &gateway->sources[n] : &gateway->places[n - sources].ip;
	if(key->remote)
		key->port = n < sources
				? trunk->port
				: med_target_port(&gateway->places[n - sources], trunk->port);
	return true;
}

static int change_legs(
		med_config_t *config, med_view_t *view, const med_trunk_t *trunk, int change)
{
	med_leg_key_t key;
	int rc = MED_EOK;

	for(unsigned n = 0; rc == MED_EOK && nth_group(trunk, n, &key); n++)
		rc = change_group(config, view, trunk, &key, change);
	return rc;
}

static void adopt(med_config_t *config, const med_view_t *view, const med_trunk_t *trunk,
		const med_leg_key_t *key)
{
	med_leg_group_t *group = (med_leg_group_t *)(uintptr_t)med_view_leg(view, key);

	if(group == NULL || !group->stale || trunk->leg.srtp != med_leg_strictest(group).srtp)
		return;
	group->number = trunk->number;
	set_stale(config, group, false);
}

/*
 * Groups whose representative left get another; they were all made in this version. One
 * that only changed has come back to its group: then no trunk need be looked at.
 */
static void mend_groups(med_config_t *config, med_view_t *view)
{
	const med_table_t *trunks = &config->table[MED_KIND_TRUNK];
	med_leg_key_t key;

	for(size_t i = 0; config->stale_legs > 0 && i < trunks->buckets; i++) {
		for(const med_slot_t *slot = trunks->bucket[i]; slot != NULL; slot = slot->next) {
			const med_trunk_object_t *object = med_slot_current(slot);
			med_pause(&config->pause);
			if(object == NULL)
				continue;
			for(unsigned n = 0; nth_group(&object->trunk, n, &key); n++)
				adopt(config, view, &object->trunk, &key);
		}
	}
}

/* ---- identity ------------------------------------------------------------------------
 */

static void count_prefixes(med_state_t *state, const med_trunk_t *trunk, int change)
{
	const med_gateway_t *gateway = trunk->gateway;

	for(unsigned i = 0; i < gateway->source_count + (unsigned)gateway->place_count; i++) {
		uint8_t bits = i < gateway->source_count ? gateway->sources[i].prefix : 128;
		uint64_t bit = (uint64_t)1 << (bits % 64);
		state->prefix_count[bits] += (uint32_t)change;
		if(state->prefix_count[bits] > 0)
			state->view.prefixes[bits / 64] |= bit;
		else
			state->view.prefixes[bits / 64] &= ~bit;
	}
}

/*
 * What a trunk claims for itself, the @p n-th: over TLS a name, and the wildcard that may
 * stand for it; else each source of its gateway. One without sources takes no calls; it
 * claims where it calls. False: that was all; else *hash, and *holder has it in force, if
 * any.
 */
static bool nth_claim(const med_view_t *view, const med_trunk_t *trunk, unsigned n,
		uint64_t *hash, const med_trunk_t **holder)
{
	const med_gateway_t *gateway = trunk->gateway;

	if(trunk->transport == MED_TLS && n == 1) {
		med_str_t domain = med_name_domain(gateway->tls_name);
		*hash = med_wildcard_hash(trunk->local_port, domain);
		*holder = med_view_wildcard(view, trunk->local_port, domain);
		return gateway->tls_wildcard && domain.len > 0;
	}
	if(trunk->transport == MED_TLS) {
		*hash = med_name_hash(trunk->local_port, gateway->tls_name);
		*holder = med_view_name(view, trunk->local_port, gateway->tls_name);
		return n == 0;
	}
	if(gateway->source_count == 0) {
		*hash = med_destination_hash(trunk);
		*holder = med_view_destination(view, trunk);
		return n == 0;
	}
	if(n >= gateway->source_count)
		return false;
	*hash = med_source_hash(trunk->transport, trunk->local_port, &gateway->sources[n]);
	*holder = med_view_source(
			view, trunk->transport, trunk->local_port, &gateway->sources[n]);
	return true;
}

/* Of those that have what this trunk would claim, the one whose id comes first. */
static const med_trunk_t *first_claim(const med_view_t *view, const med_trunk_t *trunk)
{
	const med_trunk_t *first = NULL, *other;
	uint64_t hash;

	for(unsigned n = 0; nth_claim(view, trunk, n, &hash, &other); n++) {
		if(other != NULL && (first == NULL || med_str_compare(other->id, first->id) < 0))
			first = other;
	}
	return first;
}

static int change_identity(
		med_config_t *config, med_view_t *view, const med_trunk_t *trunk, bool claim)
{
	uint64_t value = (uint64_t)trunk->number + 1, hash;
	const med_trunk_t *other;
	int rc = MED_EOK;

	for(unsigned n = 0; rc == MED_EOK && nth_claim(view, trunk, n, &hash, &other); n++)
		rc = claim ? med_map_put(&config->heap, &view->identity, hash, 0, value)
				   : med_map_remove(&config->heap, &view->identity, hash, value);
	return rc;
}

/* ---- in and out of force --------------------------------------------------------------
 */

static int withdraw(med_config_t *config, med_state_t *state, const med_slot_t *slot)
{
	const med_trunk_object_t *object = slot->object;
	const med_trunk_t *trunk = &object->trunk;
	med_view_t *view = &state->view;
	int rc = change_identity(config, view, trunk, false);

	count_prefixes(state, trunk, -1);
	if(rc == MED_EOK)
		rc = change_legs(config, view, trunk, -1);
	if(rc == MED_EOK)
		rc = med_map_remove(&config->heap, &view->trunks, slot->hash, (uintptr_t)trunk);
	if(rc == MED_EOK)
		rc = med_array_set(&config->heap, &view->trunk_numbers, trunk->number, NULL);
	if(rc == MED_EOK)
		med_segment_retire(&config->heap, object);
	return rc;
}

static int enter(med_config_t *config, med_state_t *state, const med_slot_t *slot)
{
	const med_trunk_object_t *object = slot->pending;
	const med_trunk_t *trunk = &object->trunk;
	med_view_t *view = &state->view;
	int rc = med_array_set(&config->heap, &view->trunk_numbers, trunk->number, trunk);

	if(rc == MED_EOK)
		rc = med_map_put(&config->heap, &view->trunks, slot->hash, 0, (uintptr_t)trunk);
	if(rc == MED_EOK)
		rc = change_identity(config, view, trunk, true);
	if(rc == MED_EOK)
		rc = change_legs(config, view, trunk, 1);
	count_prefixes(state, trunk, 1);
	return rc;
}

/* ---- evaluating -----------------------------------------------------------------------
 */

/* The object at one of its ends is not there. */
static int refuse_end(med_config_t *config, med_slot_t *slot, const char *field,
		enum med_kind kind, med_str_t id)
{
	const med_slot_t *end = med_slot_find(config, kind, id);
	bool refused = end != NULL && end->refused != NULL;
	med_errbuf_t text;

	(void)med_fail(&text, 0, "trunk '%.*s': field '%s': %s %s '%.*s'; %s",
			MED_STR_FMT(med_slot_id(slot)), field, refused ? "refused is" : "no",
			med_kind_name(kind), MED_STR_FMT(id),
			refused ? "mend it" : "create it or name another");
	return med_slot_text(config, &slot->conflict, text.text);
}

/* A trunk's own, those of the objects at its ends, or what is usual (spec 1.6). */
static med_ports_t ports_of(const med_trunk_record_t *trunk,
		const med_gateway_record_t *gateway, const med_pool_record_t *pool)
{
	const uint32_t remote[] = {[MED_UDP] = 5060,
			[MED_TCP] = gateway->gateway_sip_client_tcp_port,
			[MED_TLS] = gateway->gateway_sip_client_tls_port};
	const uint32_t local[] = {[MED_UDP] = 5060,
			[MED_TCP] = pool == NULL ? 5068 : pool->sip_client_tcp_port,
			[MED_TLS] = pool == NULL ? 5067 : pool->sip_client_tls_port};
	uint32_t port = trunk->port, local_port = trunk->local_port;

	return (med_ports_t){(uint16_t)(port != MED_UNSET ? port : remote[trunk->transport]),
			(uint16_t)(local_port != MED_UNSET ? local_port : local[trunk->transport])};
}

static bool has_scope(med_str_t profile, const char *scope)
{
	size_t len = strlen(scope);

	return profile.len > len && memcmp(profile.s, scope, len) == 0;
}

/*
 * Spec 3.1: the most specific scope that has a dial plan gives it. The profile applies as
 * a whole; its dial plan has the rank of its scope: one for the trunk comes before the
 * gateway's own, one for the site, or for all, after it.
 */
static med_str_t dial_plan_of(const med_config_t *config, const med_profile_t *profile,
		const med_gateway_record_t *gateway, const med_pool_record_t *pool)
{
	const med_slot_t *slot = gateway->site.len == 0
			? NULL
			: med_slot_find(config, MED_KIND_SITE, gateway->site);
	const med_record_t *site = slot == NULL ? NULL : slot->entry;
	bool of_site = has_scope(profile->id, "site:");

	if(has_scope(profile->id, "trunk:") && profile->dial_plan.len > 0)
		return profile->dial_plan;
	if(gateway->dial_plan.len > 0)
		return gateway->dial_plan;
	if(pool != NULL && pool->dial_plan.len > 0)
		return pool->dial_plan;
	if(of_site && profile->dial_plan.len > 0)
		return profile->dial_plan;
	if(site != NULL && site->site.dial_plan.len > 0)
		return site->site.dial_plan;
	return profile->dial_plan;
}

/* Its pool's last good version; NULL, *there: it names none. */
static const med_pool_record_t *pool_of(
		const med_config_t *config, const med_trunk_record_t *record, bool *there)
{
	const med_slot_t *slot = record->mediation_server.len == 0
			? NULL
			: med_slot_find(config, MED_KIND_POOL, record->mediation_server);
	const med_record_t *pool = slot == NULL ? NULL : slot->entry;

	*there = pool != NULL || record->mediation_server.len == 0;
	return pool == NULL ? NULL : &pool->pool;
}

/* The trunk as it is now, in slot->pending; NULL there: refused, with its text. */
static int make(med_config_t *config, med_slot_t *slot)
{
	const med_trunk_record_t *record = &((const med_record_t *)slot->entry)->trunk;
	const med_slot_t *gateway_slot =
			med_slot_find(config, MED_KIND_GATEWAY, record->gateway);
	const med_gateway_object_t *gateway =
			gateway_slot == NULL ? NULL : med_slot_current(gateway_slot);
	const med_slot_t *refused = NULL;
	med_trunk_object_t *object;
	const med_profile_t *profile;
	const med_pool_record_t *pool;
	bool has_pool;
	med_errbuf_t text;

	if(gateway == NULL)
		return refuse_end(config, slot, "gateway", MED_KIND_GATEWAY, record->gateway);
	pool = pool_of(config, record, &has_pool);
	if(!has_pool)
		return refuse_end(config, slot, "mediation_server", MED_KIND_POOL,
				record->mediation_server);
	if(record->transport == MED_TLS && gateway->gateway.tls_name.len == 0) {
		(void)med_fail(&text, 0,
				"trunk '%.*s': transport tls needs a name to verify; gateway '%.*s' has "
				"address %.*s and no tls_name; give it one, or transport tcp",
				MED_STR_FMT(med_slot_id(slot)), MED_STR_FMT(record->gateway),
				MED_STR_FMT(gateway->gateway.address));
		return med_slot_text(config, &slot->conflict, text.text);
	}
	profile =
			effective_profile(config, med_slot_id(slot), gateway->gateway.site, &refused);
	if(profile == NULL) {
		(void)med_fail(&text, 0,
				"trunk '%.*s': its profile '%.*s' is refused, and a less specific one "
				"might be "
				"less safe; mend it",
				MED_STR_FMT(med_slot_id(slot)), MED_STR_FMT(med_slot_id(refused)));
		return med_slot_text(config, &slot->conflict, text.text);
	}
	object = med_trunk_object(&config->heap, med_slot_id(slot), slot->number, record,
			ports_of(record, &((const med_record_t *)gateway_slot->entry)->gateway, pool),
			&gateway->gateway, profile,
			dial_plan_of(config, profile,
					&((const med_record_t *)gateway_slot->entry)->gateway, pool),
			pool != NULL ? pool->fqdn : (med_str_t){NULL, 0});
	if(object == NULL)
		return MED_ENOMEM;
	find_limits(config, &object->trunk);
	slot->pending = object;
	return MED_EOK;
}

/* @p trunk, of @p slot, gives way to @p other. */
static int refuse_duplicate(med_config_t *config, med_slot_t *slot,
		const med_trunk_t *trunk, const med_trunk_t *other)
{
	const char *what = trunk->transport == MED_TLS ? "tls_name"
			: trunk->gateway->source_count == 0    ? "address"
			: trunk->gateway->named ? "source, or what its name stands for,"
									: "source";
	med_errbuf_t text;

	(void)med_fail(&text, 0,
			"trunk '%.*s': local_port %u and the gateway's %s are those of trunk "
			"'%.*s', whose id comes first; give one another local_port",
			MED_STR_FMT(trunk->id), trunk->local_port, what, MED_STR_FMT(other->id));
	return med_slot_text(config, &slot->conflict, text.text);
}

/* A trunk in force that was not to be evaluated gives way to one whose id comes first. */
static int displace(med_config_t *config, med_state_t *state, const med_trunk_t *trunk,
		const med_trunk_t *other)
{
	med_slot_t *slot = med_slot_find(config, MED_KIND_TRUNK, other->id);
	int rc;

	/* First: should this build fail, the next one looks at it again. */
	med_slot_mark_dirty(config, slot);
	slot->pending = NULL;
	rc = refuse_duplicate(config, slot, other, trunk);
	if(rc == MED_EOK)
		rc = withdraw(config, state, slot);
	med_fault_check(config, slot);
	return rc;
}

/*
 * In order of id, each takes what no trunk before it has. So who serves depends on what
 * there is and not on what came first, and all nodes agree. One whose id comes later and
 * that is not among those to evaluate can be in the way only while it serves: it is put
 * out of force. Those it kept out are all among them.
 */
static int claim_all(med_config_t *config, med_state_t *state, size_t count)
{
	for(size_t i = 0; i < count; i++) {
		med_slot_t *slot = config->work[i];
		const med_trunk_object_t *object = slot->pending;
		const med_trunk_t *other;
		int rc = MED_EOK;
		med_pause(&config->pause);
		if(object == NULL)
			continue;
		other = first_claim(&state->view, &object->trunk);
		if(other != NULL && med_str_compare(other->id, object->trunk.id) < 0) {
			rc = refuse_duplicate(config, slot, &object->trunk, other);
			med_segment_retire(&config->heap, object);
			slot->pending = NULL;
		} else {
			for(; rc == MED_EOK && other != NULL;
					other = first_claim(&state->view, &object->trunk))
				rc = displace(config, state, &object->trunk, other);
			if(rc == MED_EOK)
				rc = enter(config, state, slot);
		}
		if(rc != MED_EOK)
			return rc;
	}
	return MED_EOK;
}

/* ---- names of those that are not ------------------------------------------------------
 */

static int name_missing(
		med_config_t *config, med_view_t *view, const med_slot_t *slot, bool wanted)
{
	const med_missing_t *old = med_array_get(view->missing, slot->number);
	med_missing_t *missing = NULL;
	int rc;

	if(wanted == (old != NULL))
		return MED_EOK;
	if(wanted) {
		missing = med_segment_new(&config->heap, sizeof(*missing) + slot->id_len);
		if(missing == NULL)
			return MED_ENOMEM;
		missing->id_len = slot->id_len;
		memcpy(missing->id, slot->id, slot->id_len);
	}
	rc = med_array_set(&config->heap, &view->missing, slot->number, missing);
	if(rc == MED_EOK)
		med_segment_retire(&config->heap, old);
	return rc;
}

/* Routes have numbers of trunks; whoever lists or explains them wants to know which. */
static int name_all_missing(med_config_t *config, med_view_t *view)
{
	const med_slot_t *slot = config->table[MED_KIND_TRUNK].dirty;
	int rc = MED_EOK;

	for(; slot != NULL && rc == MED_EOK; slot = slot->next_dirty) {
		med_pause(&config->pause);
		rc = name_missing(config, view, slot, slot->pending == NULL && slot->routes > 0);
	}
	return rc;
}

/* ---- all of it ------------------------------------------------------------------------
 */

int med_build_trunks(med_config_t *config, med_state_t *state)
{
	size_t count = 0;
	int rc;

	mark_affected(config);
	rc = collect(config, &count);
	for(size_t i = 0; rc == MED_EOK && i < count; i++) {
		med_pause(&config->pause);
		config->work[i]->pending = NULL;
		if(config->work[i]->object != NULL)
			rc = withdraw(config, state, config->work[i]);
	}
	for(size_t i = 0; rc == MED_EOK && i < count; i++) {
		med_slot_t *slot = config->work[i];
		med_pause(&config->pause);
		rc = med_slot_text(config, &slot->conflict, NULL);
		if(rc == MED_EOK && slot->entry != NULL)
			rc = make(config, slot);
	}
	if(rc == MED_EOK)
		rc = claim_all(config, state, count);
	for(size_t i = 0; i < count; i++)
		med_fault_check(config, config->work[i]);
	if(rc == MED_EOK)
		rc = name_all_missing(config, &state->view);
	if(rc == MED_EOK)
		mend_groups(config, &state->view);
	return rc;
}
