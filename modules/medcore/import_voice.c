/**
 * import_voice.c - trunk configurations and dial plans, as profiles and rules
 *
 * Lync looks up a trunk configuration by trunk, site, global, and a dial plan by the same
 * way on its own; here a profile names its dial plan. So a scope with a dial plan but
 * without a configuration gets a profile: that of the next scope, with this dial plan.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>

#include "medcore/import_map.h"
#include "medcore/record.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { CALLED, CALLING, RESPONSES, LISTS };

/* A scope that profiles have; its id is the profile's. */
typedef struct med_scope_fact {
	med_str_t id, site;            /* site: profile id of the trunk's site */
	const med_trunk_fact_t *trunk; /* NULL: it is not one's, or of none of the files */
	const med_fact_t *config;
	med_values_t rules[LISTS]; /* of cmdlets for rules alone */
	med_str_t where, dial_plan, made[LISTS];
	bool lists_made;
	struct med_scope_fact *next;
} med_scope_fact_t;

typedef struct med_scopes {
	med_mapping_t *m;
	med_scope_fact_t *first, *last;
} med_scopes_t;

/* ---- scopes -------------------------------------------------------------------------
 */

static med_str_t site_profile(med_mapping_t *m, med_str_t name, med_str_t where)
{
	med_str_t id = med_mapping_site(m, name, where);

	return id.len == 0 ? id : med_blocks_format(m->blocks, "site:%.*s", MED_STR_FMT(id));
}

static med_str_t trunk_site(med_mapping_t *m, const med_trunk_fact_t *trunk)
{
	const med_trunk_fact_t *root = trunk->gateway->root;
	med_str_t site;

	for(int i = 0; i < 2; i++) {
		if(root != NULL && root->source[i] != NULL
				&& med_mapping_text(root->source[i], "SiteId", &site))
			return site_profile(m, site, med_mapping_where(m, root->source[i]));
	}
	return (med_str_t){"", 0};
}

/* The profile id of a scope; empty: no profile has it. */
static med_str_t profile_id(med_mapping_t *m, med_str_t scope, med_str_t where,
		med_str_t *site, const med_trunk_fact_t **found)
{
	med_trunk_fact_t *trunk;
	med_str_t name = med_text_after(scope, ":");

	if(med_str_eq_nocase(scope, MED_STR("Global")))
		return MED_STR("global");
	if(med_text_begins(scope, "Site:"))
		return site_profile(m, (med_str_t){scope.s + 5, scope.len - 5}, where);
	if(!med_text_begins(scope, "PstnGateway:"))
		return (med_str_t){"", 0};
	name = (med_str_t){scope.s + 12, scope.len - 12};
	trunk = med_mapping_trunk(m, name);
	if(trunk == NULL) {
		med_mapping_note(m, MED_IMPORT_LEFT, where,
				"trunk '%s' is in none of the files: its profile is made, but there is "
				"nothing it is for; import the topology or Get-CsTrunk too",
				med_mapping_show(m, name));
		name = med_mapping_id(m, MED_SPACE_TRUNK, name);
	} else {
		name = trunk->id;
		*site = trunk_site(m, trunk);
		*found = trunk;
	}
	return med_blocks_format(m->blocks, "trunk:%.*s", MED_STR_FMT(name));
}

static med_scope_fact_t *find_scope(const med_scopes_t *scopes, med_str_t id)
{
	const med_entry_t *entry = med_table_find(&scopes->m->table, MED_SPACE_SCOPE, id);

	return entry == NULL ? NULL : entry->object;
}

/* NULL: this scope has no profile, or memory is short. */
static med_scope_fact_t *scope_of(med_scopes_t *scopes, const med_fact_t *fact)
{
	med_mapping_t *m = scopes->m;
	med_str_t where = med_mapping_where(m, fact), site = {"", 0};
	const med_trunk_fact_t *trunk = NULL;
	med_str_t id = profile_id(m, fact->identity, where, &site, &trunk);
	med_entry_t *entry =
			id.len == 0 ? NULL : med_table_add(&m->table, MED_SPACE_SCOPE, id);
	med_scope_fact_t *scope;

	if(entry == NULL || entry->object != NULL)
		return entry == NULL ? NULL : entry->object;
	scope = med_blocks_take(m->blocks, 1, sizeof *scope);
	if(scope == NULL)
		return NULL;
	*scope = (med_scope_fact_t){.id = id, .site = site, .trunk = trunk, .where = where};
	entry->object = scope;
	if(scopes->last == NULL)
		scopes->first = scopes->last = scope;
	else
		scopes->last = scopes->last->next = scope;
	return scope;
}

/* ---- lists --------------------------------------------------------------------------
 */

bool med_mapping_list(med_mapping_t *m, const med_fact_t *fact, const char *container,
		const char *const *members, const med_values_t *extra, med_values_t *list)
{
	bool found = med_value_list(m->blocks, fact->object, container, members, list);
	med_values_t other;

	if(fact->element != NULL
			&& med_value_list(m->blocks, fact->element, container, members, &other)
			&& (!found || (list->flat && !other.flat))) {
		*list = other;
		found = true;
	}
	if(extra != NULL && extra->count > 0 && (!found || list->flat)) {
		*list = *extra;
		found = true;
	}
	return found && m->blocks->error == MED_EOK;
}

const char *const *med_mapping_usage_members(const char *container)
{
	static const char *const members[] = {"PstnUsage", "Usage", NULL};

	/* Without a container they are those of the object, not those of forwarding. */
	return strcmp(container, "CustomCallForwardingSimulRingUsages") == 0 ? members + 2
																		 : members;
}

med_str_t med_mapping_usages(
		med_mapping_t *m, const med_fact_t *fact, const char *container)
{
	const char *const *members = med_mapping_usage_members(container);
	char text[(MED_USAGES_MAX + 1) * (MED_ID_MAX + 1)];
	med_values_t list;
	size_t used = 0;

	if(!med_mapping_list(m, fact, container, members, NULL, &list))
		return (med_str_t){"", 0};
	for(size_t i = 0; i < list.count && used + MED_ID_MAX + 1 < sizeof(text); i++) {
		med_str_t name = list.item[i]->text, id;
		if(name.len == 0)
			(void)med_value_get_text(list.item[i], "Name", &name);
		name = med_text_strip(name);
		if(name.len == 0)
			continue;
		id = med_mapping_id(m, MED_SPACE_USAGE, name);
		if(med_mapping_listed((med_str_t){text, used}, id))
			continue;
		if(used > 0)
			text[used++] = ',';
		memcpy(text + used, id.s, id.len);
		used += id.len;
	}
	return med_blocks_copy(m->blocks, (med_str_t){text, used});
}

static long priority_of(const med_value_t *rule)
{
	med_str_t text;

	return med_value_get_text(rule, "Priority", &text) ? strtol(text.s, NULL, 10) : 0;
}

typedef struct med_ordered {
	long priority;
	size_t index; /* facts are in order already: so are equal ones */
	const med_value_t *rule;
} med_ordered_t;

static int compare_ordered(const void *a, const void *b)
{
	const med_ordered_t *x = a, *y = b;

	if(x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* Rules of one scope, in their order: as a list. */
static med_values_t values_of(med_mapping_t *m, const med_fact_t **facts, size_t count)
{
	med_values_t list = {.item = med_blocks_take(m->blocks, count, sizeof *list.item)};
	med_ordered_t *ordered = med_blocks_take(m->blocks, count, sizeof *ordered);

	if(list.item == NULL || ordered == NULL)
		return list;
	for(size_t i = 0; i < count; i++)
		ordered[i] = (med_ordered_t){priority_of(facts[i]->object), i, facts[i]->object};
	qsort(ordered, count, sizeof(*ordered), compare_ordered);
	for(; list.count < count; list.count++)
		list.item[list.count] = ordered[list.count].rule;
	return list;
}

/* ---- dial plans ---------------------------------------------------------------------
 */

static med_str_t plan_name(med_mapping_t *m, med_str_t scope)
{
	static const struct {
		const char *scope, *ours;
	} form[] = {{"Tag:", ""}, {"Site:", "site-"}, {"PstnGateway:", "trunk-"},
			{"Registrar:", "registrar-"}, {"MediationServer:", "mediation-"}};

	for(size_t i = 0; i < COUNT(form); i++) {
		if(med_text_begins(scope, form[i].scope)) {
			size_t len = strlen(form[i].scope);
			return med_blocks_format(m->blocks, "dialplan-%s%.*s", form[i].ours,
					(int)(scope.len - len), scope.s + len);
		}
	}
	return MED_STR("dialplan-global");
}

med_str_t med_mapping_dial_plan(med_mapping_t *m, med_str_t scope)
{
	return med_mapping_id(
			m, MED_SPACE_RULES, plan_name(m, med_mapping_scope(m->blocks, scope)));
}

static void tell_users_plan(med_mapping_t *m, const med_made_t *made, med_str_t scope)
{
	if(med_text_begins(scope, "Tag:"))
		med_mapping_note(m, MED_IMPORT_CHANGED, made->where,
				"a dial plan of users: carried as rules '%s', which no trunk uses; who "
				"has "
				"it is in the directory, in none of these files",
				made->id.s);
	else if(!med_text_begins(scope, "Site:") && !med_text_begins(scope, "PstnGateway:")
			&& !med_str_eq_nocase(scope, MED_STR("Global")))
		med_mapping_note(m, MED_IMPORT_CHANGED, made->where,
				"a dial plan of a Registrar or another service: carried as rules '%s'; "
				"name "
				"it as dial_plan of a profile if calls from a trunk are to use it",
				made->id.s);
}

/* @p fact: the dial plan, or (none of it in the files) one of its rules. */
static void make_plan(
		med_scopes_t *scopes, const med_fact_t *fact, const med_values_t *extra)
{
	static const char *const members[] = {"NormalizationRule", NULL};
	static const med_renamed_t fields[] = {{"Description", "description"},
			{"SimpleName", "simple_name"},
			{"ExternalAccessPrefix", "external_access_prefix"},
			{"OptimizeDeviceDialing", "optimize_device_dialing"},
			{"DialinConferencingRegion", "dialin_conferencing_region"}};
	med_mapping_t *m = scopes->m;
	med_made_t *made = med_mapping_make(m, MED_KIND_RULES,
			med_mapping_dial_plan(m, fact->identity), med_mapping_where(m, fact));
	med_scope_fact_t *scope;
	med_values_t list = *extra;
	size_t carried = 0;

	if(made == NULL)
		return;
	med_mapping_put(m, made, "name", fact->identity);
	if(fact->kind == MED_FACT_DIAL_PLAN) {
		med_mapping_copy(m, made, fact, fields, COUNT(fields));
		if(!med_mapping_list(m, fact, "NormalizationRules", members, extra, &list))
			list.count = 0;
	}
	carried = med_mapping_rules(m, made, &list, true);
	med_mapping_done(m, made);
	med_mapping_note(m, MED_IMPORT_CARRIED, made->where,
			"dial plan as rules '%s' (%zu of %zu)", made->id.s, carried, list.count);
	tell_users_plan(m, made, fact->identity);
	if(fact->kind == MED_FACT_DIAL_PLAN)
		med_mapping_unread(m, fact);
	scope = scope_of(scopes, fact);
	if(scope != NULL)
		scope->dial_plan = made->id;
}

static void make_plans(med_scopes_t *scopes)
{
	med_mapping_t *m = scopes->m;
	size_t count, rules;
	const med_fact_t **facts = med_mapping_facts(m, MED_FACT_DIAL_PLAN, &count);

	for(size_t i = 0; i < count; i++)
		med_mapping_name(m, MED_SPACE_RULES, plan_name(m, facts[i]->identity));
	med_mapping_assign(m, MED_SPACE_RULES);
	for(size_t i = 0; i < count && m->blocks->error == MED_EOK; i++) {
		const med_fact_t **of = med_mapping_facts_of(
				m, MED_FACT_NORMALIZATION_RULE, facts[i]->identity, &rules);
		med_values_t extra = values_of(m, of, rules);
		if(!med_mapping_again(m, i == 0 ? NULL : facts[i - 1], facts[i]))
			make_plan(scopes, facts[i], &extra);
	}
	facts = med_mapping_facts(m, MED_FACT_NORMALIZATION_RULE, &count);
	for(size_t i = 0; i < count && m->blocks->error == MED_EOK; i += rules) {
		size_t plans;
		const med_fact_t **of = med_mapping_facts_of(
				m, MED_FACT_NORMALIZATION_RULE, facts[i]->identity, &rules);
		med_values_t extra = values_of(m, of, rules);
		(void)med_mapping_facts_of(m, MED_FACT_DIAL_PLAN, facts[i]->identity, &plans);
		if(plans == 0)
			make_plan(scopes, facts[i], &extra);
	}
}

/* ---- trunk configurations -----------------------------------------------------------
 */

static const struct {
	enum med_fact_kind kind;
	const char *container, *field, *name;
	const char *const members[3];
} lists[LISTS] = {
		[CALLED] = {MED_FACT_CALLED_RULE, "OutboundTranslationRulesList",
				"outbound_translation_rules", "called",
				{"TranslationRule", "OutboundTranslationRule", NULL}},
		[CALLING] = {MED_FACT_CALLING_RULE, "OutboundCallingNumberTranslationRulesList",
				"outbound_calling_number_translation_rules", "calling",
				{"CallingNumberTranslationRule", "OutboundCallingNumberTranslationRule",
						NULL}},
		[RESPONSES] = {MED_FACT_RESPONSE_RULE, "SipResponseCodeTranslationRulesList",
				"sip_response_code_translation_rules", "responses",
				{"SipResponseCodeTranslationRule", NULL, NULL}},
};

/* "trunk:x" and "called" to "trunk-x-called". */
static med_str_t list_id(med_mapping_t *m, const med_scope_fact_t *scope, int list)
{
	med_str_t name = med_blocks_format(
			m->blocks, "%.*s-%s", MED_STR_FMT(scope->id), lists[list].name);
	char *colon = name.len == 0 ? NULL : memchr(name.s, ':', name.len);

	if(colon != NULL)
		*colon = '-';
	return med_mapping_id(
			m, list == RESPONSES ? MED_SPACE_RESPONSE_RULES : MED_SPACE_RULES, name);
}

static void make_list(med_mapping_t *m, med_scope_fact_t *scope, int list)
{
	med_values_t values = scope->rules[list];
	med_made_t *made;
	size_t carried;

	if(scope->config != NULL
			&& !med_mapping_list(m, scope->config, lists[list].container,
					lists[list].members, &scope->rules[list], &values))
		return;
	if(values.count == 0)
		return;
	made = med_mapping_make(m,
			list == RESPONSES ? MED_KIND_RESPONSE_RULES : MED_KIND_RULES,
			list_id(m, scope, list), scope->where);
	if(made == NULL)
		return;
	med_mapping_put(m, made, "name",
			med_blocks_format(
					m->blocks, "%.*s %s", MED_STR_FMT(scope->id), lists[list].name));
	carried = list == RESPONSES ? med_mapping_responses(m, made, &values)
								: med_mapping_rules(m, made, &values, false);
	med_mapping_done(m, made);
	med_mapping_note(m, MED_IMPORT_CARRIED, scope->where, "%s '%s' (%zu of %zu rules)",
			med_kind_name(made->kind), made->id.s, carried, values.count);
	scope->made[list] = made->id;
}

static void make_lists(med_mapping_t *m, med_scope_fact_t *scope)
{
	for(int i = 0; i < LISTS && !scope->lists_made; i++)
		make_list(m, scope, i);
	scope->lists_made = true;
}

/* Required, Optional, NotSupported; NetworkSiteID is a site's name. */
static void put_words(med_mapping_t *m, med_made_t *made, const med_fact_t *fact)
{
	med_str_t text;

	if(med_mapping_text(fact, "SRTPMode", &text)) {
		text = med_text_strip(text);
		if(med_str_eq_nocase(text, MED_STR("NotSupported")))
			text = MED_STR("not_supported");
		else if(med_str_eq_nocase(text, MED_STR("Required")))
			text = MED_STR("required");
		else if(med_str_eq_nocase(text, MED_STR("Optional")))
			text = MED_STR("optional");
		med_mapping_put(m, made, "srtp_mode", text);
	}
	if(med_mapping_text(fact, "NetworkSiteID", &text)) {
		med_mapping_put(
				m, made, "network_site_id", med_mapping_site(m, text, made->where));
		med_mapping_note(m, MED_IMPORT_LEFT, made->where,
				"NetworkSiteID = '%s': its subnets are in the network configuration, "
				"which "
				"is not imported; set subnets of the site",
				med_mapping_show(m, text));
	}
}

static void put_config(med_mapping_t *m, med_made_t *made, const med_fact_t *fact)
{
	static const med_renamed_t fields[] = {{"Description", "description"},
			{"ConcentratedTopology", "concentrated_topology"},
			{"EnableBypass", "enable_bypass"},
			{"EnableMobileTrunkSupport", "enable_mobile_trunk_support"},
			{"EnableReferSupport", "enable_refer_support"},
			{"EnableSessionTimer", "enable_session_timer"},
			{"EnableSignalBoost", "enable_signal_boost"},
			{"MaxEarlyDialogs", "max_early_dialogs"},
			{"RemovePlusFromUri", "remove_plus_from_uri"},
			{"RTCPActiveCalls", "rtcp_active_calls"},
			{"RTCPCallsOnHold", "rtcp_calls_on_hold"},
			{"EnablePIDFLOSupport", "enable_pidflo_support"},
			{"EnableRTPLatching", "enable_rtp_latching"},
			{"EnableOnlineVoice", "enable_online_voice"},
			{"ForwardCallHistory", "forward_call_history"},
			{"Enable3pccRefer", "enable_3pcc_refer"}, {"ForwardPAI", "forward_pai"},
			{"EnableFastFailoverTimer", "enable_fast_failover_timer"},
			{"EnableLocationRestriction", "enable_location_restriction"},
			{"ForwardAnonymousCallGatewayPAI", "forward_anonymous_call_gateway_pai"},
			{"AcceptGatewayPAIForOutboundCalls",
					"accept_gateway_pai_for_outbound_calls"}};

	med_mapping_copy(m, made, fact, fields, COUNT(fields));
	put_words(m, made, fact);
	med_mapping_put(m, made, "pstn_usages", med_mapping_usages(m, fact, "PstnUsages"));
}

/* ---- profiles -----------------------------------------------------------------------
 */

static bool has_rules(const med_scope_fact_t *scope)
{
	return scope->rules[CALLED].count + scope->rules[CALLING].count
			+ scope->rules[RESPONSES].count
			> 0;
}

/* The scope whose settings a scope has: its own, or the next one's. */
static med_scope_fact_t *base_of(const med_scopes_t *scopes, med_scope_fact_t *scope)
{
	med_scope_fact_t *next;

	if(scope->config != NULL || has_rules(scope))
		return scope;
	next = scope->site.len == 0 ? NULL : find_scope(scopes, scope->site);
	if(next != NULL && (next->config != NULL || has_rules(next)))
		return next;
	next = find_scope(scopes, MED_STR("global"));
	return next == NULL ? scope : next;
}

/*
 * What its profile must say: its own, unless the site does; and the one of all, as the
 * global profile does not reach who has another.
 */
static med_str_t plan_of(const med_scopes_t *scopes, const med_scope_fact_t *scope)
{
	bool of_site = med_text_begins(scope->id, "site:");
	const med_scope_fact_t *next;

	if(scope->dial_plan.len > 0)
		return of_site ? MED_STR("") : scope->dial_plan;
	next = scope->site.len == 0 ? NULL : find_scope(scopes, scope->site);
	if(next != NULL && next->dial_plan.len > 0)
		return MED_STR("");
	next = find_scope(scopes, MED_STR("global"));
	return next == NULL ? scope->dial_plan : next->dial_plan;
}

static med_made_t *made_as(const med_mapping_t *m, enum med_kind kind, med_str_t id)
{
	for(size_t i = 0; i < m->made_count; i++) {
		if(m->made[i]->kind == kind && med_str_eq(m->made[i]->id, id))
			return m->made[i];
	}
	return NULL;
}

/* A dial plan where it belongs: with the site, or with the gateway of a single trunk. */
static bool place_plan(med_mapping_t *m, const med_scope_fact_t *scope)
{
	bool of_site = med_text_begins(scope->id, "site:");
	med_made_t *made = NULL;

	if(of_site)
		made = made_as(m, MED_KIND_SITE, (med_str_t){scope->id.s + 5, scope->id.len - 5});
	else if(scope->config == NULL && !has_rules(scope) && scope->trunk != NULL
			&& scope->trunk->gateway->trunks == 1)
		made = made_as(m, MED_KIND_GATEWAY, scope->trunk->gateway->id);
	if(made == NULL || scope->dial_plan.len == 0)
		return false;
	med_mapping_put(m, made, "dial_plan", scope->dial_plan);
	med_mapping_note(m, MED_IMPORT_CARRIED, scope->where, "dial_plan of %s '%s'",
			med_kind_name(made->kind), made->id.s);
	return true;
}

static void tell_base(
		med_mapping_t *m, const med_scope_fact_t *scope, const med_scope_fact_t *base)
{
	if(scope->config != NULL)
		med_mapping_note(m, MED_IMPORT_CARRIED, scope->where,
				"trunk configuration as profile '%s'", scope->id.s);
	else if(base != scope && base->config != NULL)
		med_mapping_note(m, MED_IMPORT_CHANGED, scope->where,
				"profile '%s' is profile '%s' with a dial plan of its own: its gateway "
				"has other trunks, too",
				scope->id.s, base->id.s);
	else
		med_mapping_note(m, MED_IMPORT_CHANGED, scope->where,
				"profile '%s' has the default settings: none of the files has its trunk "
				"configuration",
				scope->id.s);
}

static void make_profile(const med_scopes_t *scopes, med_scope_fact_t *scope)
{
	med_mapping_t *m = scopes->m;
	med_scope_fact_t *base = base_of(scopes, scope);
	med_made_t *made;

	if(place_plan(m, scope) && scope->config == NULL && !has_rules(scope))
		return; /* it was the plan's alone */
	made = med_mapping_make(m, MED_KIND_PROFILE, scope->id, scope->where);
	if(made == NULL)
		return;
	if(base->config != NULL)
		put_config(m, made, base->config);
	make_lists(m, base);
	for(int i = 0; i < LISTS; i++)
		med_mapping_put(m, made, lists[i].field, base->made[i]);
	med_mapping_put(m, made, "dial_plan", plan_of(scopes, scope));
	med_mapping_done(m, made);
	tell_base(m, scope, base);
	if(scope->config != NULL)
		med_mapping_unread(m, scope->config);
}

static void learn_configs(med_scopes_t *scopes)
{
	med_mapping_t *m = scopes->m;
	size_t count;
	const med_fact_t **facts = med_mapping_facts(m, MED_FACT_TRUNK_CONFIGURATION, &count);

	for(size_t i = 0; i < count && m->blocks->error == MED_EOK; i++) {
		med_scope_fact_t *scope;
		if(med_mapping_again(m, i == 0 ? NULL : facts[i - 1], facts[i]))
			continue;
		scope = scope_of(scopes, facts[i]);
		if(scope == NULL)
			med_mapping_note(m, MED_IMPORT_LEFT, med_mapping_where(m, facts[i]),
					"a trunk configuration of a scope that trunks do not have");
		else if(scope->config != NULL)
			med_mapping_note(m, MED_IMPORT_LEFT, med_mapping_where(m, facts[i]),
					"profile '%s' is from '%s' already", scope->id.s,
					scope->config->file.s);
		else
			scope->config = facts[i];
	}
}

static void learn_rules(med_scopes_t *scopes)
{
	med_mapping_t *m = scopes->m;

	for(int list = 0; list < LISTS; list++) {
		size_t count, same;
		const med_fact_t **facts = med_mapping_facts(m, lists[list].kind, &count);
		for(size_t i = 0; i < count && m->blocks->error == MED_EOK; i += same) {
			const med_fact_t **of =
					med_mapping_facts_of(m, lists[list].kind, facts[i]->identity, &same);
			med_scope_fact_t *scope = scope_of(scopes, facts[i]);
			if(scope != NULL)
				scope->rules[list] = values_of(m, of, same);
			else
				med_mapping_note(m, MED_IMPORT_LEFT, med_mapping_where(m, facts[i]),
						"%zu rules of a scope that trunks do not have", same);
		}
	}
}

void med_mapping_voice(med_mapping_t *m)
{
	med_scopes_t scopes = {.m = m};

	learn_configs(&scopes);
	learn_rules(&scopes);
	make_plans(&scopes);
	for(med_scope_fact_t *s = scopes.first; s != NULL && m->blocks->error == MED_EOK;
			s = s->next)
		make_profile(&scopes, s);
}
