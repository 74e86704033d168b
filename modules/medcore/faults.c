/**
 * faults.c - what is wrong with a configuration, and telling it
 *
 * What may be wrong stands in lists, so that telling costs what is wrong and not what
 * there is: a million good routes are not looked at.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>

#include "medcore/schema.h"
#include "medcore/writer.h"

/* ---- rule sets that profiles name -----------------------------------------------------
 */

#define PROFILE_RULES 3

static const char *const rules_field[PROFILE_RULES] = {"dial_plan",
		"outbound_translation_rules", "outbound_calling_number_translation_rules"};

/* The rule set a profile names in vain; empty: it is there, or none is named. */
static med_str_t missing_rules(
		const med_config_t *config, const med_profile_record_t *profile, unsigned which)
{
	const med_str_t names[PROFILE_RULES] = {profile->dial_plan,
			profile->outbound_translation_rules,
			profile->outbound_calling_number_translation_rules};
	const med_slot_t *rules = names[which].len == 0
			? NULL
			: med_slot_find(config, MED_KIND_RULES, names[which]);

	if(rules != NULL && rules->entry != NULL)
		return (med_str_t){NULL, 0};
	return names[which];
}

static bool lacks_rules(const med_config_t *config, const med_slot_t *slot)
{
	const med_record_t *record = slot->entry;

	for(unsigned i = 0;
			slot->kind == MED_KIND_PROFILE && record != NULL && i < PROFILE_RULES; i++) {
		if(missing_rules(config, &record->profile, i).len > 0)
			return true;
	}
	return false;
}

/* ---- the lists ------------------------------------------------------------------------
 */

void med_fault_forget(med_config_t *config, med_slot_t *slot)
{
	if(slot->fault_list == MED_FAULT_NONE)
		return;
	if(config->fault_at == slot)
		config->fault_at = slot->fault_next;
	if(slot->fault_prev != NULL)
		slot->fault_prev->fault_next = slot->fault_next;
	else
		config->faults[slot->fault_list] = slot->fault_next;
	if(slot->fault_next != NULL)
		slot->fault_next->fault_prev = slot->fault_prev;
	slot->fault_next = slot->fault_prev = NULL;
	slot->fault_list = MED_FAULT_NONE;
}

void med_fault_check(med_config_t *config, med_slot_t *slot)
{
	enum med_fault_list list = MED_FAULT_NONE;

	if(slot->conflict != NULL)
		list = MED_FAULT_CONFLICT;
	else if(slot->refused != NULL || med_slot_is_missing(slot)
			|| lacks_rules(config, slot))
		list = MED_FAULT_OWN;
	if(list == MED_FAULT_NONE)
		slot->fault_told = 0;
	if(list == slot->fault_list)
		return;
	med_fault_forget(config, slot);
	if(list == MED_FAULT_NONE)
		return;
	slot->fault_list = (uint8_t)list;
	slot->fault_next = config->faults[list];
	if(slot->fault_next != NULL)
		slot->fault_next->fault_prev = slot;
	config->faults[list] = slot;
}

void med_fault_check_profiles(med_config_t *config)
{
	const med_table_t *table = &config->table[MED_KIND_PROFILE];

	for(size_t i = 0; i < table->buckets; i++) {
		for(med_slot_t *slot = table->bucket[i]; slot != NULL; slot = slot->next) {
			med_pause(&config->pause);
			med_fault_check(config, slot);
		}
	}
}

void med_fault_check_usage(med_config_t *config, med_usage_slot_t *usage)
{
	const med_shard_t *root = usage->object == NULL ? NULL : usage->object->root;
	bool loose = root != NULL && root->loose > MED_USAGE_LOOSE_MAX;
	med_usage_slot_t **place = &config->loose_usages;

	if(loose == usage->loose)
		return;
	usage->loose = loose;
	usage->loose_told = false;
	if(loose) {
		usage->loose_next = config->loose_usages;
		config->loose_usages = usage;
		return;
	}
	while(*place != usage)
		place = &(*place)->loose_next;
	*place = usage->loose_next;
}

/* ---- telling --------------------------------------------------------------------------
 */

/* Gets each text of one slot. */
typedef struct med_teller {
	med_refused_cb cb;
	med_fault_cb fault_cb;
	void *ctx;
	bool fresh;
	size_t told;
} med_teller_t;

static void tell(med_teller_t *teller, enum med_severity severity, enum med_kind kind,
		med_str_t quoted, const char *text)
{
	teller->told++;
	if(teller->cb != NULL)
		teller->cb(teller->ctx, severity, kind, quoted, text);
	if(teller->fault_cb != NULL)
		teller->fault_cb(teller->ctx, severity, kind, quoted, text, teller->fresh);
}

static void missing_text(const med_slot_t *slot, med_errbuf_t *text)
{
	const med_slot_t *route = slot->named_by;

	if(route == NULL)
		(void)med_fail(text, 0,
				"trunk '%.*s': does not exist, but %u route(s) name it; they use their "
				"other trunks",
				MED_STR_FMT(med_slot_id(slot)), slot->refs);
	else
		(void)med_fail(text, 0,
				"trunk '%.*s': does not exist, but %u route(s) name it, '%.*s' for one; "
				"they use their other trunks",
				MED_STR_FMT(med_slot_id(slot)), slot->refs,
				MED_STR_FMT(med_slot_id(route)));
}

static void rules_text(
		const med_slot_t *slot, unsigned which, med_str_t rules, med_errbuf_t *text)
{
	(void)med_fail(text, 0,
			"profile '%.*s': field '%s': no rules '%.*s'; numbers stay as they are until "
			"they exist",
			MED_STR_FMT(med_slot_id(slot)), rules_field[which], MED_STR_FMT(rules));
}

#define SLOT_TEXTS (1 + PROFILE_RULES)

/* All that is wrong with a slot; returns how many texts. */
static unsigned texts_of(const med_config_t *config, const med_slot_t *slot,
		const char *text[SLOT_TEXTS], med_errbuf_t made[SLOT_TEXTS])
{
	const med_record_t *record = slot->entry;
	unsigned n = 0;

	if(slot->refused != NULL || slot->conflict != NULL) {
		text[n++] = slot->refused != NULL ? slot->refused : slot->conflict;
	} else if(med_slot_is_missing(slot)) {
		missing_text(slot, &made[n]);
		text[n] = made[n].text;
		n++;
	}
	for(unsigned i = 0; lacks_rules(config, slot) && i < PROFILE_RULES; i++) {
		med_str_t rules = missing_rules(config, &record->profile, i);
		if(rules.len == 0)
			continue;
		rules_text(slot, i, rules, &made[n]);
		text[n] = made[n].text;
		n++;
	}
	return n;
}

/* @p told: of the slot; NULL: what is fresh does not matter. */
static void tell_slot(const med_config_t *config, const med_slot_t *slot, uint32_t *told,
		med_teller_t *teller)
{
	const char *text[SLOT_TEXTS];
	med_errbuf_t made[SLOT_TEXTS];
	char id[MED_ID_KEPT * 4 + 8];
	unsigned n = texts_of(config, slot, text, made);
	uint64_t sum = 0;
	med_str_t quoted;

	/* how many routes name a missing trunk is no news */
	for(unsigned i = 0; told != NULL && i < n && !med_slot_is_missing(slot); i++)
		sum = sum * 31 + med_hash(text[i], strlen(text[i]));
	sum = (uint32_t)(sum ^ sum >> 32) | 1; /* never 0, which is nothing */
	teller->fresh = told != NULL && *told != (uint32_t)sum;
	if(told != NULL)
		*told = (uint32_t)sum;
	quoted = med_str(med_quote(id, sizeof(id), med_slot_id(slot)));
	for(unsigned i = 0; i < n; i++)
		tell(teller, MED_REFUSED, (enum med_kind)slot->kind, quoted, text[i]);
}

static void tell_usage(const med_usage_slot_t *usage, med_teller_t *teller)
{
	med_str_t route = med_usage_loose_route(usage->object);
	med_errbuf_t text;

	(void)med_fail(&text, 0,
			"route '%.*s': usage '%.*s' has %u patterns such as this that neither begin "
			"nor end with digits: all are tried on each call, which may take too long "
			"and "
			"is then refused; begin them with ^ and digits",
			MED_STR_FMT(route), usage->name_len, usage->name, usage->object->root->loose);
	tell(teller, MED_WARNED, MED_KIND_ROUTE, route, text.text);
}

size_t med_config_refused(const med_config_t *config, med_refused_cb cb, void *ctx)
{
	med_teller_t teller = {.cb = cb, .ctx = ctx};

	for(unsigned list = MED_FAULT_OWN; list < MED_FAULT_LISTS; list++) {
		for(const med_slot_t *slot = config->faults[list]; slot != NULL;
				slot = slot->fault_next)
			tell_slot(config, slot, NULL, &teller);
	}
	for(const med_usage_slot_t *usage = config->loose_usages; usage != NULL;
			usage = usage->loose_next)
		tell_usage(usage, &teller);
	return teller.told;
}

bool med_config_refused_part(
		med_config_t *config, bool again, size_t max, med_fault_cb cb, void *ctx)
{
	med_teller_t teller = {.fault_cb = cb, .ctx = ctx};

	if(again) {
		config->fault_at_list = MED_FAULT_OWN;
		config->fault_at = config->faults[MED_FAULT_OWN];
	}
	for(size_t n = 0; n < max && config->fault_at_list < MED_FAULT_LISTS; n++) {
		med_slot_t *slot = config->fault_at;
		if(slot != NULL) {
			config->fault_at = slot->fault_next;
			tell_slot(config, slot, &slot->fault_told, &teller);
		} else if(++config->fault_at_list < MED_FAULT_LISTS) {
			config->fault_at = config->faults[config->fault_at_list];
		}
	}
	if(config->fault_at_list < MED_FAULT_LISTS)
		return true;
	for(med_usage_slot_t *usage = config->loose_usages; usage != NULL;
			usage = usage->loose_next) {
		teller.fresh = !usage->loose_told;
		usage->loose_told = true;
		tell_usage(usage, &teller);
	}
	return false;
}
