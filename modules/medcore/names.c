/**
 * names.c - gateways whose address is a name: what it stands for, as an input of builds
 *
 * Who looks names up is told what to look for with each build, and tells what was found.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>

#include "medcore/writer.h"

static bool is_name(const med_gateway_record_t *gateway)
{
	med_ip_t ip;

	return med_ip_parse(gateway->address, &ip) != MED_EOK;
}

bool med_names_looked_up(const med_config_t *config, const med_gateway_record_t *gateway)
{
	return config->lookup != NULL && is_name(gateway);
}

static void forget(med_config_t *config, med_slot_t *slot)
{
	if(slot->resolved == NULL)
		return;
	med_free(&config->own, slot->resolved->trouble);
	med_free(&config->own, slot->resolved);
	slot->resolved = NULL;
}

void med_names_keep(med_config_t *config, med_slot_t *slot, const med_record_t *record)
{
	const med_record_t *before = slot->entry;
	const med_gateway_record_t *a, *b;

	if(slot->resolved == NULL)
		return;
	if(record != NULL && before != NULL) {
		a = &before->gateway;
		b = &record->gateway;
		if(med_str_eq_nocase(a->address, b->address) && a->lookup == b->lookup
				&& a->ip_version == b->ip_version)
			return;
	}
	forget(config, slot);
}

/* ---- what to look for -----------------------------------------------------------------
 */

/* Services are those of the transports that its trunks have. */
static uint8_t transports_of(const med_slot_t *slot)
{
	uint8_t transports = 0;

	for(const med_ref_t *ref = slot->named; ref != NULL; ref = ref->next) {
		const med_record_t *trunk = ref->from->entry;
		if(ref->from->kind == MED_KIND_TRUNK && trunk != NULL)
			transports |= (uint8_t)(1u << trunk->trunk.transport);
	}
	return transports;
}

static void tell(const med_config_t *config, const med_slot_t *slot)
{
	const med_record_t *record = slot == NULL ? NULL : slot->entry;
	const med_gateway_record_t *gateway = record == NULL ? NULL : &record->gateway;
	med_lookup_t lookup;

	if(slot == NULL)
		return;
	if(gateway == NULL || !is_name(gateway)) {
		config->lookup(config->lookup_ctx, med_slot_id(slot), NULL);
		return;
	}
	lookup = (med_lookup_t){.name = gateway->address,
			.srv = gateway->lookup == MED_LOOKUP_SRV,
			.ipv4 = gateway->ip_version != MED_IPV6,
			.ipv6 = gateway->ip_version != MED_IPV4,
			.transports = MED_ALL_TRANSPORTS};
	if(lookup.srv)
		lookup.transports = transports_of(slot);
	config->lookup(config->lookup_ctx, med_slot_id(slot), &lookup);
}

/* A trunk that came or left may ask for another service. */
static void tell_of(const med_config_t *config, med_str_t gateway)
{
	const med_slot_t *slot = med_slot_find(config, MED_KIND_GATEWAY, gateway);
	const med_record_t *record = slot == NULL ? NULL : slot->entry;

	if(record != NULL && record->gateway.lookup == MED_LOOKUP_SRV && !slot->dirty)
		tell(config, slot);
}

void med_names_tell(const med_config_t *config)
{
	const med_slot_t *slot = config->table[MED_KIND_GATEWAY].dirty;

	if(config->lookup == NULL)
		return;
	for(; slot != NULL; slot = slot->next_dirty)
		tell(config, slot);
	slot = config->table[MED_KIND_TRUNK].dirty;
	for(; slot != NULL; slot = slot->next_dirty) {
		const med_trunk_object_t *before = slot->object;
		const med_record_t *record = slot->entry;
		if(before != NULL && before->trunk.gateway->srv)
			tell_of(config, before->trunk.gateway->id);
		if(record != NULL)
			tell_of(config, record->trunk.gateway);
	}
}

void med_config_set_lookup(med_config_t *config, med_lookup_cb cb, void *ctx)
{
	config->lookup = cb;
	config->lookup_ctx = ctx;
}

/* ---- what was found -------------------------------------------------------------------
 */

/* The gateway, if it still has that name; NULL: it has not. */
static med_slot_t *slot_of_name(
		const med_config_t *config, med_str_t gateway, med_str_t name)
{
	med_slot_t *slot = med_slot_find(config, MED_KIND_GATEWAY, gateway);
	const med_record_t *record = slot == NULL ? NULL : slot->entry;

	return record != NULL && med_str_eq_nocase(record->gateway.address, name) ? slot
																			  : NULL;
}

static bool is_known(
		const med_resolved_t *resolved, const med_target_t *targets, size_t count)
{
	return resolved != NULL && resolved->at != 0 && resolved->count == count
			&& (count == 0
					|| memcmp(resolved->targets, targets, count * sizeof(*targets)) == 0);
}

int med_config_resolved(med_config_t *config, med_str_t gateway, med_str_t name,
		const med_target_t *targets, size_t count, int64_t at, bool *changed)
{
	med_slot_t *slot = slot_of_name(config, gateway, name);
	med_resolved_t *resolved;

	*changed = false;
	if(slot == NULL)
		return MED_ENOMATCH;
	if(count > MED_TARGETS_MAX)
		count = MED_TARGETS_MAX;
	if(is_known(slot->resolved, targets, count))
		return MED_EOK;
	resolved = med_calloc(
			&config->own, 1, sizeof(*resolved) + count * sizeof(resolved->targets[0]));
	if(resolved == NULL)
		return MED_ENOMEM;
	resolved->at = at;
	resolved->count = count;
	if(count > 0)
		memcpy(resolved->targets, targets, count * sizeof(*targets));
	if(slot->resolved != NULL) {
		resolved->trouble = slot->resolved->trouble;
		slot->resolved->trouble = NULL;
	}
	forget(config, slot);
	slot->resolved = resolved;
	med_slot_mark_dirty(config, slot);
	*changed = true;
	return MED_EOK;
}

int med_config_unresolved(
		med_config_t *config, med_str_t gateway, med_str_t name, const char *text)
{
	med_slot_t *slot = slot_of_name(config, gateway, name);
	int rc;

	if(slot == NULL)
		return MED_ENOMATCH;
	if(slot->resolved == NULL && text == NULL)
		return MED_EOK;
	if(slot->resolved == NULL)
		slot->resolved = med_calloc(&config->own, 1, sizeof(*slot->resolved));
	if(slot->resolved == NULL)
		return MED_ENOMEM;
	rc = med_slot_text(config, &slot->resolved->trouble, text);
	med_fault_check(config, slot);
	return rc;
}
