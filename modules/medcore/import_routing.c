/**
 * import_routing.c - voice policies, PSTN usages, routes and stored test cases
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "medcore/import_map.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What is known of a usage's name, as bits of its entry's index. */
enum { LISTED = 1, NAMED_BY_POLICY = 2, NAMED_BY_ROUTE = 4 };

/* ---- usages -------------------------------------------------------------------------
 */

static med_str_t name_of(const med_value_t *item)
{
	med_str_t name = item->text;

	if(name.len == 0)
		(void)med_value_get_text(item, "Name", &name);
	return med_text_strip(name);
}

static void mark(
		med_mapping_t *m, const med_fact_t *fact, const char *container, unsigned bit)
{
	med_values_t list;

	if(!med_mapping_list(
			   m, fact, container, med_mapping_usage_members(container), NULL, &list))
		return;
	for(size_t i = 0; i < list.count; i++) {
		med_str_t name = name_of(list.item[i]);
		med_entry_t *entry =
				name.len == 0 ? NULL : med_table_add(&m->table, MED_SPACE_USAGE, name);
		if(entry != NULL)
			entry->index = (entry->index == SIZE_MAX ? 0 : entry->index) | bit;
	}
}

static void mark_all(med_mapping_t *m, enum med_fact_kind kind, unsigned bit)
{
	size_t count;
	const med_fact_t **facts = med_mapping_facts(m, kind, &count);

	for(size_t i = 0; i < count && m->blocks->error == MED_EOK; i++) {
		mark(m, facts[i], kind == MED_FACT_USAGES ? "Usage" : "PstnUsages", bit);
		if(kind == MED_FACT_VOICE_POLICY)
			mark(m, facts[i], "CustomCallForwardingSimulRingUsages", bit);
	}
}

/* Before anything names them: their ids, in order of their names. */
void med_mapping_usage_names(med_mapping_t *m)
{
	mark_all(m, MED_FACT_USAGES, LISTED);
	mark_all(m, MED_FACT_VOICE_POLICY, NAMED_BY_POLICY);
	mark_all(m, MED_FACT_ROUTING_POLICY, NAMED_BY_POLICY);
	mark_all(m, MED_FACT_TRUNK_CONFIGURATION, NAMED_BY_POLICY);
	mark_all(m, MED_FACT_ROUTE, NAMED_BY_ROUTE);
	med_mapping_assign(m, MED_SPACE_USAGE);
}

static int compare_entries(const void *a, const void *b)
{
	const med_entry_t *x = *(const med_entry_t *const *)a;
	const med_entry_t *y = *(const med_entry_t *const *)b;

	return med_text_compare(x->name, y->name);
}

static void tell_usage(med_mapping_t *m, const med_entry_t *usage, bool any_list)
{
	med_str_t where =
			med_blocks_format(m->blocks, "usage '%s'", med_mapping_show(m, usage->name));
	size_t known = usage->index == SIZE_MAX ? 0 : usage->index;

	if(any_list && (known & LISTED) == 0)
		med_mapping_note(m, MED_IMPORT_CHANGED, where,
				"not in Lync's list of usages (Get-CsPstnUsage); carried as it is named");
	if((known & NAMED_BY_ROUTE) == 0)
		med_mapping_note(m, MED_IMPORT_LEFT, where, "no route has it: it leads nowhere");
	else if((known & NAMED_BY_POLICY) == 0)
		med_mapping_note(m, MED_IMPORT_LEFT, where,
				"no policy and no trunk names it: no call uses its routes");
	else
		med_mapping_note(m, MED_IMPORT_CARRIED, where, "usage '%s'", usage->id.s);
}

static void tell_usages(med_mapping_t *m)
{
	med_entry_t **usages = med_blocks_take(m->blocks, m->table.count, sizeof *usages);
	size_t count = 0, lists;
	const med_fact_t **facts = med_mapping_facts(m, MED_FACT_USAGES, &lists);

	if(usages == NULL)
		return;
	for(size_t i = 0; i < m->table.size; i++) {
		for(med_entry_t *e = m->table.bucket[i]; e != NULL; e = e->next) {
			if(e->space == MED_SPACE_USAGE)
				usages[count++] = e;
		}
	}
	qsort(usages, count, sizeof(*usages), compare_entries);
	for(size_t i = 0; i < count; i++)
		tell_usage(m, usages[i], lists > 0);
	for(size_t i = 0; i < lists; i++) {
		med_value_known(facts[i]->object, "Description");
		med_mapping_unread(m, facts[i]);
	}
}

/* ---- policies -----------------------------------------------------------------------
 */

/* "Tag:x" is x, "Site:x" site-x; those of the hybrid cmdlet are told apart. */
static med_str_t policy_name(med_mapping_t *m, med_str_t scope, bool routing)
{
	const char *prefix = routing ? "routing-" : "", *site = "";

	if(med_str_eq_nocase(scope, MED_STR("Global")))
		return med_blocks_format(m->blocks, "%sglobal", prefix);
	if(med_text_begins(scope, "Site:"))
		site = "site-";
	scope = med_text_begins(scope, "Tag:") ? (med_str_t){scope.s + 4, scope.len - 4}
			: site[0] != '\0'              ? (med_str_t){scope.s + 5, scope.len - 5}
										   : scope;
	return med_blocks_format(m->blocks, "%s%s%.*s", prefix, site, MED_STR_FMT(scope));
}

static void put_forwarding(med_mapping_t *m, med_made_t *made, const med_fact_t *fact)
{
	static const med_renamed_t words[] = {{"VoicePolicyUsage", "voice_policy_usage"},
			{"InternalOnly", "internal_only"}, {"CustomUsage", "custom_usage"}};
	med_str_t text;

	if(!med_mapping_text(fact, "CallForwardingSimulRingUsageType", &text))
		return;
	text = med_text_strip(text);
	for(size_t i = 0; i < COUNT(words); i++) {
		if(med_str_eq_nocase(text, med_str(words[i].theirs))) {
			text = med_str(words[i].ours);
			break;
		}
	}
	med_mapping_put(m, made, "call_forwarding_simul_ring_usage_type", text);
}

static void make_policy(med_mapping_t *m, const med_fact_t *fact, bool routing)
{
	static const med_renamed_t fields[] = {{"Description", "description"},
			{"AllowPSTNReRouting", "allow_pstn_re_routing"},
			{"EnableBWPolicyOverride", "enable_bw_policy_override"},
			{"EnableVoicemailEscapeTimer", "enable_voicemail_escape_timer"},
			{"PSTNVoicemailEscapeTimer", "pstn_voicemail_escape_timer"},
			{"PreventPSTNTollBypass", "prevent_pstn_toll_bypass"}};
	med_str_t name = policy_name(m, fact->identity, routing);
	med_made_t *made = med_mapping_make(m, MED_KIND_POLICY,
			med_mapping_id(m, MED_SPACE_POLICY, name), med_mapping_where(m, fact));
	med_entry_t *entry = med_table_find(&m->table, MED_SPACE_POLICY, name);

	if(made == NULL || entry == NULL)
		return;
	entry->object = made;
	med_mapping_put(m, made, "name", fact->identity);
	med_mapping_copy(m, made, fact, fields, COUNT(fields));
	med_mapping_put(m, made, "usages", med_mapping_usages(m, fact, "PstnUsages"));
	put_forwarding(m, made, fact);
	med_mapping_put(m, made, "custom_call_forwarding_simul_ring_usages",
			med_mapping_usages(m, fact, "CustomCallForwardingSimulRingUsages"));
	med_mapping_done(m, made);
	med_mapping_note(m, MED_IMPORT_CARRIED, made->where, "policy '%s'", made->id.s);
	med_mapping_unread(m, fact);
}

static void make_policies(med_mapping_t *m)
{
	size_t count, made = 0;

	for(int routing = 0; routing < 2; routing++) {
		const med_fact_t **facts = med_mapping_facts(
				m, routing ? MED_FACT_ROUTING_POLICY : MED_FACT_VOICE_POLICY, &count);
		for(size_t i = 0; i < count; i++)
			med_mapping_name(
					m, MED_SPACE_POLICY, policy_name(m, facts[i]->identity, routing));
	}
	med_mapping_assign(m, MED_SPACE_POLICY);
	for(int routing = 0; routing < 2; routing++) {
		const med_fact_t **facts = med_mapping_facts(
				m, routing ? MED_FACT_ROUTING_POLICY : MED_FACT_VOICE_POLICY, &count);
		for(size_t i = 0; i < count && m->blocks->error == MED_EOK; i++) {
			if(!med_mapping_again(m, i == 0 ? NULL : facts[i - 1], facts[i]))
				make_policy(m, facts[i], routing);
			made++;
		}
	}
	if(made > 0)
		med_mapping_note(m, MED_IMPORT_LEFT, MED_STR("voice policies"),
				"which user has which policy is in the directory, in none of these "
				"files");
}

/* ---- routes -------------------------------------------------------------------------
 */

/* "PstnGateway:x", an object of that name, or the parts of a ServiceId. */
static med_str_t gateway_name(med_mapping_t *m, const med_value_t *item)
{
	med_str_t name = item->text, site = {"", 0}, role, instance;

	if(name.len == 0)
		(void)(med_value_get_text(item, "Identity", &name)
				|| med_value_get_text(item, "Name", &name));
	if(name.len == 0 && med_value_get_text(item, "RoleName", &role)
			&& med_value_get_text(item, "Instance", &instance)) {
		(void)med_value_get_text(item, "SiteId", &site);
		name = med_blocks_format(m->blocks, "%.*s-%.*s-%.*s", MED_STR_FMT(site),
				MED_STR_FMT(role), MED_STR_FMT(instance));
	}
	return med_text_strip(name);
}

static med_str_t trunk_id(med_mapping_t *m, const med_made_t *made, med_str_t name)
{
	const med_trunk_fact_t *trunk;

	if(med_text_begins(name, "MediationServer:")) {
		med_mapping_note(m, MED_IMPORT_LEFT, made->where,
				"'%s' is a Mediation Server of OCS 2007, not a trunk",
				med_mapping_show(m, name));
		return (med_str_t){"", 0};
	}
	if(med_text_begins(name, "PstnGateway:"))
		name = (med_str_t){name.s + 12, name.len - 12};
	trunk = med_mapping_trunk(m, name);
	if(trunk != NULL)
		return trunk->id;
	if(name.len > 0)
		med_mapping_note(m, MED_IMPORT_LEFT, made->where,
				"trunk '%s' is in none of the files: it stays named, but takes no call; "
				"import "
				"the topology or Get-CsTrunk too",
				med_mapping_show(m, name));
	return name.len == 0 ? name : med_mapping_id(m, MED_SPACE_TRUNK, name);
}

static void put_trunks(med_mapping_t *m, med_made_t *made, const med_fact_t *fact)
{
	static const char *const members[] = {"PstnGateway", "ServiceId", NULL};
	char text[64 * 65];
	size_t used = 0;
	med_values_t list;

	if(!med_mapping_list(m, fact, "PstnGatewayList", members, NULL, &list)
			|| list.count == 0) {
		med_mapping_note(
				m, MED_IMPORT_LEFT, made->where, "it has no trunk: it takes no call");
		return;
	}
	for(size_t i = 0; i < list.count; i++) {
		med_str_t id = trunk_id(m, made, gateway_name(m, list.item[i]));
		if(id.len == 0 || med_mapping_listed((med_str_t){text, used}, id))
			continue;
		if(used + id.len + 1 > sizeof(text)) {
			med_mapping_note(m, MED_IMPORT_LEFT, made->where,
					"%zu trunks; those after the first 64 are not carried", list.count);
			break;
		}
		if(used > 0)
			text[used++] = ',';
		memcpy(text + used, id.s, id.len);
		used += id.len;
	}
	med_mapping_put(m, made, "trunks", (med_str_t){text, used});
}

/* Its own, or its place among the routes of its file. */
static void put_priority(med_mapping_t *m, med_made_t *made, const med_fact_t *fact,
		size_t place, bool alone)
{
	med_str_t text;

	if(med_mapping_text(fact, "Priority", &text)) {
		med_mapping_put(m, made, "priority", med_text_strip(text));
		return;
	}
	med_mapping_put(m, made, "priority", med_blocks_format(m->blocks, "%zu", place));
	med_mapping_note(m, MED_IMPORT_CHANGED, made->where, "no Priority in the file: %zu%s",
			place,
			alone ? ", for no other route is in it either; set priorities by hand"
				  : " from its place among the routes");
}

static void put_caller(med_mapping_t *m, med_made_t *made, const med_fact_t *fact)
{
	med_str_t suppress = {"", 0}, alternate = {"", 0};

	(void)med_mapping_text(fact, "SuppressCallerId", &suppress);
	(void)med_mapping_text(fact, "AlternateCallerId", &alternate);
	if(med_mapping_yes(med_text_strip(suppress)))
		med_mapping_put(m, made, "suppress_caller_id", MED_STR("yes"));
	med_mapping_put(m, made, "alternate_caller_id", med_text_strip(alternate));
}

static void make_route(med_mapping_t *m, const med_fact_t *fact, size_t place, bool alone)
{
	static const med_renamed_t fields[] = {{"Description", "description"}};
	med_str_t pattern = {"", 0}, usages;
	med_errbuf_t err = {"no pattern"};
	med_made_t *made = med_mapping_make(m, MED_KIND_ROUTE,
			med_mapping_id(m, MED_SPACE_ROUTE, fact->identity),
			med_mapping_where(m, fact));

	if(made == NULL)
		return;
	(void)med_mapping_text(fact, "NumberPattern", &pattern);
	pattern = med_text_strip(pattern);
	if(med_mapping_pattern(pattern, MED_STR(""), &err) != MED_EOK) {
		med_mapping_note(m, MED_IMPORT_LEFT, made->where,
				"route not carried: pattern '%s': %s", med_mapping_show(m, pattern),
				err.text);
		return;
	}
	med_mapping_put(m, made, "name", fact->identity);
	med_mapping_copy(m, made, fact, fields, COUNT(fields));
	med_mapping_put(m, made, "pattern", pattern);
	put_priority(m, made, fact, place, alone);
	usages = med_mapping_usages(m, fact, "PstnUsages");
	if(usages.len == 0)
		med_mapping_note(
				m, MED_IMPORT_LEFT, made->where, "it has no usage: no call uses it");
	med_mapping_put(m, made, "usages", usages);
	put_trunks(m, made, fact);
	put_caller(m, made, fact);
	med_mapping_done(m, made);
	med_mapping_note(m, MED_IMPORT_CARRIED, made->where, "route '%s'", made->id.s);
	med_mapping_unread(m, fact);
}

static int compare_places(const void *a, const void *b)
{
	const med_fact_t *x = *(const med_fact_t *const *)a;
	const med_fact_t *y = *(const med_fact_t *const *)b;
	int order = med_text_compare(x->file, y->file);

	return order != 0 ? order : x->index < y->index ? -1 : x->index > y->index;
}

static void make_routes(med_mapping_t *m)
{
	size_t count, used = 0, place = 0;
	const med_fact_t **facts = med_mapping_facts(m, MED_FACT_ROUTE, &count), **placed;

	for(size_t i = 0; i < count; i++)
		med_mapping_name(m, MED_SPACE_ROUTE, facts[i]->identity);
	med_mapping_assign(m, MED_SPACE_ROUTE);
	placed = med_blocks_take(m->blocks, count, sizeof *placed);
	if(placed == NULL)
		return;
	for(size_t i = 0; i < count; i++) {
		if(!med_mapping_again(m, i == 0 ? NULL : facts[i - 1], facts[i]))
			placed[used++] = facts[i];
	}
	if(used > 0)
		qsort(placed, used, sizeof(*placed), compare_places);
	for(size_t i = 0; i < used && m->blocks->error == MED_EOK; i++) {
		place = i > 0 && placed[i]->file.s == placed[i - 1]->file.s ? place + 1 : 0;
		make_route(m, placed[i], place,
				used > 1 && place == 0
						&& (i + 1 == used || placed[i + 1]->file.s != placed[i]->file.s));
	}
}

/* ---- test cases ---------------------------------------------------------------------
 */

static med_str_t target(med_mapping_t *m, const med_fact_t *fact, const char *property)
{
	med_str_t text;

	if(!med_mapping_text(fact, property, &text))
		return MED_STR("Global");
	return med_mapping_scope(m->blocks, text);
}

static void put_name(med_mapping_t *m, med_made_t *made, const med_fact_t *fact,
		const char *theirs, const char *ours, enum med_space space)
{
	med_str_t text;

	if(med_mapping_text(fact, theirs, &text) && (text = med_text_strip(text)).len > 0)
		med_mapping_put(m, made, ours, med_mapping_id(m, space, text));
}

static void make_test(med_mapping_t *m, const med_fact_t *fact)
{
	static const med_renamed_t fields[] = {{"DialedNumber", "dialed_number"},
			{"CallingNumber", "calling_number"},
			{"ExpectedTranslatedNumber", "expected_translated_number"}};
	med_made_t *made = med_mapping_make(m, MED_KIND_TEST,
			med_mapping_id(m, MED_SPACE_TEST, fact->identity),
			med_mapping_where(m, fact));
	med_str_t policy = policy_name(m, target(m, fact, "TargetPolicy"), false);
	med_str_t plan = target(m, fact, "TargetDialplan");
	size_t plans;

	if(made == NULL)
		return;
	med_mapping_copy(m, made, fact, fields, COUNT(fields));
	med_mapping_put(
			m, made, "target_policy", med_mapping_id(m, MED_SPACE_POLICY, policy));
	(void)med_mapping_facts_of(m, MED_FACT_DIAL_PLAN, plan, &plans);
	if(plans > 0)
		med_mapping_put(m, made, "target_dialplan", med_mapping_dial_plan(m, plan));
	else
		med_mapping_note(m, MED_IMPORT_LEFT, made->where,
				"dial plan '%s' is in none of the files; the number is taken as it is",
				med_mapping_show(m, plan));
	put_name(m, made, fact, "ExpectedRoute", "expected_route", MED_SPACE_ROUTE);
	put_name(m, made, fact, "ExpectedUsage", "expected_usage", MED_SPACE_USAGE);
	med_mapping_done(m, made);
	med_mapping_note(m, MED_IMPORT_CARRIED, made->where, "test '%s'", made->id.s);
	med_mapping_unread(m, fact);
}

static void make_tests(med_mapping_t *m)
{
	size_t count;
	const med_fact_t **facts = med_mapping_facts(m, MED_FACT_TEST, &count);

	for(size_t i = 0; i < count; i++)
		med_mapping_name(m, MED_SPACE_TEST, facts[i]->identity);
	med_mapping_assign(m, MED_SPACE_TEST);
	for(size_t i = 0; i < count && m->blocks->error == MED_EOK; i++) {
		if(!med_mapping_again(m, i == 0 ? NULL : facts[i - 1], facts[i]))
			make_test(m, facts[i]);
	}
}

void med_mapping_routing(med_mapping_t *m)
{
	make_policies(m);
	make_routes(m);
	tell_usages(m);
	make_tests(m);
}
