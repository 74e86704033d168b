/**
 * refs.c - which objects name which, so that whom a change concerns is found at once
 *
 * Routes are not among those that name: their trunks and usages know them themselves.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>

#include "medcore/schema.h"
#include "medcore/writer.h"

/** What an object names: by fields, by the scope in its id, and usages. */
struct med_refs {
	size_t count;
	med_ref_t ref[];
};

static bool is_usages(const med_field_def_t *def)
{
	return def->type == MED_TYPE_IDS;
}

/* The n-th object that an id is about: "trunk:<id>", "site:<id>:<id>". */
static bool scope_of(
		enum med_kind of, med_str_t id, unsigned n, enum med_kind *kind, med_str_t *name)
{
	const char *colon = id.len == 0 ? NULL : memchr(id.s, ':', id.len);
	med_str_t rest;

	if((of != MED_KIND_PROFILE && of != MED_KIND_LIMITS && of != MED_KIND_LOCATION_POLICY)
			|| colon == NULL
			|| med_kind_parse((med_str_t){id.s, (size_t)(colon - id.s)}, kind) != MED_EOK)
		return false;
	rest = (med_str_t){colon + 1, (size_t)(id.s + id.len - colon - 1)};
	for(colon = memchr(rest.s, ':', rest.len); n > 0 && colon != NULL; n--) {
		rest = (med_str_t){colon + 1, (size_t)(rest.s + rest.len - colon - 1)};
		colon = memchr(rest.s, ':', rest.len);
	}
	if(colon != NULL)
		rest.len = (size_t)(colon - rest.s);
	*name = rest;
	return n == 0;
}

/* Counts all names, and makes those that @p refs has room for. */
static int walk(med_config_t *config, med_slot_t *slot, const med_record_t *record,
		med_refs_t *refs, size_t *count)
{
	size_t known;
	const med_field_def_t *defs = med_schema((enum med_kind)slot->kind, &known);
	enum med_kind kind;
	med_str_t name;

	*count = 0;
	for(size_t i = 0; i < known; i++) {
		const void *at = (const char *)record + defs[i].offset;
		const med_list_t *list = at;
		size_t names = is_usages(&defs[i]) ? list->count
				: defs[i].type == MED_TYPE_ID && defs[i].refers != 0
				? ((const med_str_t *)at)->len > 0
				: 0;
		for(size_t k = 0; k < names; k++) {
			med_ref_t *ref = refs == NULL ? NULL : &refs->ref[*count];
			++*count;
			if(ref == NULL)
				continue;
			*ref = (med_ref_t){.from = slot, .def = &defs[i]};
			if(is_usages(&defs[i]))
				ref->usage = med_usage_slot(config, ((const med_str_t *)list->items)[k]);
			else
				ref->to = med_slot_of(config, (enum med_kind)(defs[i].refers - 1),
						*(const med_str_t *)at);
			if(ref->to == NULL && ref->usage == NULL)
				return MED_ENOMEM;
			refs->count++;
		}
	}
	for(unsigned n = 0;
			scope_of((enum med_kind)slot->kind, med_slot_id(slot), n, &kind, &name);
			n++) {
		med_ref_t *ref = refs == NULL ? NULL : &refs->ref[*count];
		++*count;
		if(ref == NULL)
			continue;
		*ref = (med_ref_t){.from = slot, .to = med_slot_of(config, kind, name)};
		if(ref->to == NULL)
			return MED_ENOMEM;
		refs->count++;
	}
	return MED_EOK;
}

/* Not linked (any more): objects that only this named are forgotten. */
static void forget(med_config_t *config, med_refs_t *refs)
{
	for(size_t i = 0; refs != NULL && i < refs->count; i++) {
		const med_ref_t *ref = &refs->ref[i];
		bool last = ref->to != NULL;
		for(size_t k = i + 1; last && k < refs->count; k++)
			last = refs->ref[k].to != ref->to;
		if(last)
			med_slot_drop(config, ref->to);
	}
	med_free(&config->own, refs);
}

int med_refs_make(med_config_t *config, med_slot_t *slot, const med_record_t *record,
		med_refs_t **refs)
{
	size_t count;
	int rc;

	*refs = NULL;
	(void)walk(config, slot, record, NULL, &count);
	if(count == 0)
		return MED_EOK;
	*refs = med_calloc(&config->own, 1, sizeof(**refs) + count * sizeof((*refs)->ref[0]));
	if(*refs == NULL)
		return MED_ENOMEM;
	rc = walk(config, slot, record, *refs, &count);
	if(rc != MED_EOK) {
		forget(config, *refs);
		*refs = NULL;
	}
	return rc;
}

static med_ref_t **head_of(const med_ref_t *ref)
{
	return ref->usage != NULL ? &ref->usage->named : &ref->to->named;
}

static void link_all(med_config_t *config, med_refs_t *refs)
{
	for(size_t i = 0; refs != NULL && i < refs->count; i++) {
		med_ref_t *ref = &refs->ref[i], **head = head_of(ref);
		ref->next = *head;
		ref->prev = NULL;
		if(ref->next != NULL)
			ref->next->prev = ref;
		*head = ref;
		if(ref->usage != NULL)
			med_fault_check_usage(config, ref->usage);
	}
}

static void unlink_all(med_config_t *config, med_refs_t *refs)
{
	for(size_t i = 0; refs != NULL && i < refs->count; i++) {
		med_ref_t *ref = &refs->ref[i];
		if(ref->prev != NULL)
			ref->prev->next = ref->next;
		else
			*head_of(ref) = ref->next;
		if(ref->next != NULL)
			ref->next->prev = ref->prev;
		if(ref->usage != NULL)
			med_fault_check_usage(config, ref->usage);
	}
}

void med_refs_replace(med_config_t *config, med_slot_t *slot, med_refs_t *refs)
{
	med_refs_t *old = slot->refs;

	link_all(config, refs); /* first: what both name stays named */
	unlink_all(config, old);
	slot->refs = refs;
	forget(config, old);
}

void med_refs_discard(med_config_t *config, med_refs_t *refs)
{
	forget(config, refs);
}

size_t med_refs_of(const med_slot_t *slot, const med_ref_t **refs)
{
	*refs = slot->refs == NULL ? NULL : slot->refs->ref;
	return slot->refs == NULL ? 0 : slot->refs->count;
}
