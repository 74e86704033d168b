/**
 * import_places.c - sites and pools
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "medcore/import_map.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- sites --------------------------------------------------------------------------
 */

static med_str_t site_name(const med_fact_t *fact)
{
	med_str_t name = {"", 0};

	if(!med_mapping_text(fact, "DisplayName", &name))
		name = med_text_without(fact->identity, "Site:");
	return med_text_strip(name);
}

/*
 * Facts about the same place, in order of their sources: the first gets what it lacks of
 * the second. Each name's entry has the index of the first.
 */
static void join_sources(med_mapping_t *m, enum med_fact_kind kind, enum med_space space,
		med_str_t (*name_of)(const med_fact_t *fact))
{
	size_t count;
	const med_fact_t **facts = med_mapping_facts(m, kind, &count);

	for(size_t i = 0; i < count; i++) {
		med_str_t name = name_of(facts[i]);
		med_entry_t *entry = name.len == 0 ? NULL : med_table_add(&m->table, space, name);
		if(entry == NULL)
			continue;
		if(entry->index == SIZE_MAX)
			entry->index = i;
		else if(facts[entry->index]->element == NULL)
			((med_fact_t *)(uintptr_t)facts[entry->index])->element = facts[i]->object;
	}
	med_mapping_assign(m, space);
}

/* The site that a fact is about; two of them are one when name or number is the same. */
static void learn_site(med_mapping_t *m, const med_fact_t *fact)
{
	static const med_renamed_t fields[] = {{"Description", "description"}};
	med_str_t name = site_name(fact), number = {"", 0};
	med_entry_t *entry = med_table_add(&m->table, MED_SPACE_SITE, name), *by_number;
	med_made_t *made;

	(void)med_mapping_text(fact, "SiteId", &number);
	number = med_text_without(number, "Site:");
	if(entry == NULL || name.len == 0)
		return;
	if(med_text_is_number(number) || med_str_eq_nocase(number, name)) {
		by_number = med_table_add(&m->table, MED_SPACE_SITE_NUMBER, number);
		if(by_number != NULL && by_number->object == NULL)
			by_number->object = entry;
	}
	if(entry->object == NULL) {
		made = med_mapping_make(m, MED_KIND_SITE, med_mapping_id(m, MED_SPACE_SITE, name),
				med_mapping_where(m, fact));
		med_mapping_put(m, made, "name", name);
		med_mapping_copy(m, made, fact, fields, COUNT(fields));
		entry->object = made;
		med_mapping_done(m, made);
		med_mapping_note(m, MED_IMPORT_CARRIED, med_mapping_where(m, fact), "site '%s'",
				entry->id.s);
		med_mapping_unread(m, fact);
	}
}

med_str_t med_mapping_site(med_mapping_t *m, med_str_t name, med_str_t where)
{
	med_entry_t *entry;
	med_made_t *made;

	name = med_text_strip(med_text_without(name, "Site:"));
	if(name.len == 0)
		return name;
	entry = med_table_find(&m->table, MED_SPACE_SITE, name);
	if(entry != NULL && entry->object != NULL)
		return entry->id;
	entry = med_table_find(&m->table, MED_SPACE_SITE_NUMBER, name);
	if(entry != NULL && entry->object != NULL)
		return ((med_entry_t *)entry->object)->id;
	if(med_text_is_number(name)) {
		med_mapping_note(m, MED_IMPORT_LEFT, where,
				"site %s is in none of the files; import the topology or Get-CsSite too",
				med_mapping_show(m, name));
		return (med_str_t){"", 0};
	}
	entry = med_table_add(&m->table, MED_SPACE_SITE, name);
	if(entry == NULL)
		return (med_str_t){"", 0};
	made = med_mapping_make(
			m, MED_KIND_SITE, med_mapping_id(m, MED_SPACE_SITE, name), where);
	med_mapping_put(m, made, "name", name);
	med_mapping_done(m, made);
	entry->object = made;
	med_mapping_note(m, MED_IMPORT_CHANGED, where,
			"site '%s' was made of its name alone; none of the files describes it",
			entry->id.s);
	return entry->id;
}

/* ---- pools --------------------------------------------------------------------------
 */

static med_str_t pool_name(const med_fact_t *fact)
{
	med_str_t name = {"", 0};

	if(!med_mapping_text(fact, "PoolFqdn", &name))
		name = med_text_without(fact->identity, "MediationServer:");
	return med_text_strip(name);
}

static void tell_members(med_mapping_t *m, const med_fact_t *fact)
{
	for(const med_item_t *i = fact->object->items; i != NULL; i = i->next)
		med_mapping_note(m, MED_IMPORT_LEFT, med_mapping_where(m, fact),
				"member '%s': a node is known by its own configuration, not by the "
				"pool's",
				med_mapping_show(m, i->value->text));
}

/* "Registrar:fe.example.net" is a host; "1-Registrar-1" says nothing. */
static void put_service(med_mapping_t *m, med_made_t *made, const med_fact_t *fact,
		const char *theirs, const char *ours)
{
	med_str_t text;

	if(!med_mapping_text(fact, theirs, &text))
		return;
	text = med_text_after(med_text_strip(text), ":");
	med_mapping_put(m, made, ours, text);
}

static void make_pool(med_mapping_t *m, const med_fact_t *fact)
{
	static const med_renamed_t fields[] = {{"SipServerPort", "sip_server_port"},
			{"SipClientTlsPort", "sip_client_tls_port"},
			{"SipClientTcpPort", "sip_client_tcp_port"},
			{"AudioPortStart", "audio_port_start"},
			{"AudioPortCount", "audio_port_count"}};
	med_str_t name = pool_name(fact), where = med_mapping_where(m, fact), site;
	med_entry_t *entry = med_table_add(&m->table, MED_SPACE_POOL, name);
	med_made_t *made;

	if(entry == NULL || name.len == 0)
		return;
	tell_members(m, fact);
	if(entry->object != NULL)
		return;
	made = med_mapping_make(
			m, MED_KIND_POOL, med_mapping_id(m, MED_SPACE_POOL, name), where);
	med_mapping_put(m, made, "name", name);
	med_mapping_put(m, made, "fqdn", name);
	if(med_mapping_text(fact, "SiteId", &site))
		med_mapping_put(m, made, "site", med_mapping_site(m, site, where));
	med_mapping_copy(m, made, fact, fields, COUNT(fields));
	put_service(m, made, fact, "Registrar", "registrar");
	put_service(m, made, fact, "EdgeServer", "edge_server");
	entry->object = made;
	med_mapping_done(m, made);
	med_mapping_note(m, MED_IMPORT_CARRIED, where, "pool '%s'", entry->id.s);
	med_mapping_unread(m, fact);
}

/* Names get their ids in order, then the objects are made. */
void med_mapping_places(med_mapping_t *m)
{
	size_t count;
	const med_fact_t **facts = med_mapping_facts(m, MED_FACT_SITE, &count);

	join_sources(m, MED_FACT_SITE, MED_SPACE_SITE, site_name);
	for(size_t i = 0; i < count; i++)
		learn_site(m, facts[i]);
	facts = med_mapping_facts(m, MED_FACT_POOL, &count);
	join_sources(m, MED_FACT_POOL, MED_SPACE_POOL, pool_name);
	for(size_t i = 0; i < count; i++)
		make_pool(m, facts[i]);
}
