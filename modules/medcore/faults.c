/**
 * faults.c - what is wrong with a configuration, and telling it
 *
 * What may be wrong stands in lists, so that telling costs what is wrong and not what
 * there is: a million good routes are not looked at. Whatever makes an object right or
 * wrong has it checked again: its own change, one of an object it names, a build.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "medcore/schema.h"
#include "medcore/writer.h"

#define TEXTS_MAX 16 /* of one object */

typedef struct med_finding {
	enum med_severity severity;
	med_errbuf_t text;
} med_finding_t;

typedef struct med_findings {
	unsigned count;
	med_finding_t *finding; /**< TEXTS_MAX of them; NULL: nobody wants to read them */
} med_findings_t;

static void find(med_findings_t *f, enum med_severity severity, const char *fmt, ...)
		__attribute__((format(printf, 3, 4)));
static void find(med_findings_t *f, enum med_severity severity, const char *fmt, ...)
{
	med_finding_t *finding =
			f->finding != NULL && f->count < TEXTS_MAX ? &f->finding[f->count] : NULL;
	va_list args;

	f->count++;
	if(finding == NULL)
		return;
	finding->severity = severity;
	va_start(args, fmt);
	if(vsnprintf(finding->text.text, sizeof(finding->text.text), fmt, args) < 0)
		finding->text.text[0] = '\0';
	va_end(args);
}

/* ---- by reference ---------------------------------------------------------------------
 */

static void find_missing(const med_slot_t *slot, med_findings_t *f)
{
	const med_slot_t *route = slot->named_by;

	if(slot->kind == MED_KIND_SCHEDULE) {
		find(f, MED_REFUSED,
				"schedule '%.*s': does not exist, but %u route(s) name it%s%.*s%s; they "
				"take no calls until it does",
				MED_STR_FMT(med_slot_id(slot)), slot->routes, route == NULL ? "" : ", '",
				route == NULL ? 0 : route->id_len, route == NULL ? "" : route->id,
				route == NULL ? "" : "' for one");
		return;
	}
	find(f, MED_REFUSED,
			"trunk '%.*s': does not exist, but %u route(s) name it%s%.*s%s; they use "
			"their "
			"other trunks",
			MED_STR_FMT(med_slot_id(slot)), slot->routes, route == NULL ? "" : ", '",
			route == NULL ? 0 : route->id_len, route == NULL ? "" : route->id,
			route == NULL ? "" : "' for one");
}

/* A name in its id, or in a field, of an object that is not there. */
static void find_in_vain(const med_slot_t *slot, const med_ref_t *ref, med_findings_t *f)
{
	const char *kind = med_kind_name((enum med_kind)slot->kind);
	const char *other = med_kind_name((enum med_kind)ref->to->kind);
	const char *state = ref->to->refused != NULL ? " in force, it is refused" : "";
	med_str_t id = med_slot_id(slot), name = med_slot_id(ref->to);

	if(ref->def != NULL)
		find(f, ref->def->needed ? MED_REFUSED : MED_WARNED,
				"%s '%.*s': field '%s': no %s '%.*s'%s; until there is, %s", kind,
				MED_STR_FMT(id), ref->def->name, other, MED_STR_FMT(name), state,
				ref->def->meanwhile);
	else if(slot->kind == MED_KIND_PROFILE && ref->to->kind == MED_KIND_SITE)
		find(f, MED_WARNED,
				"%s '%.*s': no %s '%.*s'%s; it applies to gateways that name that site "
				"all "
				"the same",
				kind, MED_STR_FMT(id), other, MED_STR_FMT(name), state);
	else
		find(f, MED_WARNED, "%s '%.*s': no %s '%.*s'%s; until there is, it does nothing",
				kind, MED_STR_FMT(id), other, MED_STR_FMT(name), state);
}

static void find_references(const med_slot_t *slot, med_findings_t *f)
{
	const med_ref_t *refs;
	size_t count = med_refs_of(slot, &refs);

	for(size_t i = 0; i < count; i++) {
		if(refs[i].to != NULL && refs[i].to->entry == NULL
				&& (refs[i].def == NULL || refs[i].def->meanwhile != NULL))
			find_in_vain(slot, &refs[i], f);
	}
}

/* Another rule set of the same simple_name, whose id comes first; NULL: none. */
static const med_slot_t *same_name(const med_config_t *config, const med_slot_t *slot);

/* ---- by sense -------------------------------------------------------------------------
 */

static void find_in_gateway(const med_config_t *config, const med_slot_t *slot,
		const med_gateway_record_t *gateway, med_findings_t *f)
{
	const med_slot_t *root = gateway->root_trunk.len == 0
			? NULL
			: med_slot_find(config, MED_KIND_TRUNK, gateway->root_trunk);
	const med_record_t *trunk = root == NULL ? NULL : root->entry;

	if(slot->resolved != NULL && slot->resolved->trouble != NULL)
		find(f, MED_WARNED, "gateway '%.*s': field 'address': %s",
				MED_STR_FMT(med_slot_id(slot)), slot->resolved->trouble);
	if(trunk != NULL && !med_str_eq(trunk->trunk.gateway, med_slot_id(slot)))
		find(f, MED_WARNED,
				"gateway '%.*s': field 'root_trunk': trunk '%.*s' is one of gateway "
				"'%.*s'; it is not guarded, name one of this gateway",
				MED_STR_FMT(med_slot_id(slot)), MED_STR_FMT(gateway->root_trunk),
				MED_STR_FMT(trunk->trunk.gateway));
}

static bool is_given(enum med_kind kind, const med_record_t *record, const char *field)
{
	size_t count;
	const med_field_def_t *defs = med_schema(kind, &count);

	return med_record_given(
			record, (size_t)(med_schema_field(kind, med_str(field)) - defs));
}

/* Keys are not sent where anybody can read them (spec 2.2, rule 4), and no fingerprint is
 * believed that anybody could have put there (RFC 5763 8). */
static void find_in_trunk(
		const med_config_t *config, const med_slot_t *slot, med_findings_t *f)
{
	const med_trunk_object_t *object = slot->object;
	const med_slot_t *profile;
	const med_trunk_t *trunk;

	if(object == NULL || object->trunk.transport == MED_TLS
			|| object->trunk.profile->srtp_mode == MED_SRTP_NOT_SUPPORTED)
		return;
	trunk = &object->trunk;
	profile = med_slot_find(config, MED_KIND_PROFILE, trunk->profile->id);
	if(profile == NULL || profile->entry == NULL
			|| (!is_given(MED_KIND_PROFILE, profile->entry, "srtp_mode")
					&& !trunk->profile->media.dtls))
		return; /* nobody asked for it */
	find(f, MED_WARNED,
			"trunk '%.*s': its profile '%.*s' says srtp_mode %s, but transport %s cannot "
			"keep %s: media is plain RTP; use tls",
			MED_STR_FMT(trunk->id), MED_STR_FMT(trunk->profile->id),
			med_srtp_mode_name((enum med_srtp_mode)trunk->profile->srtp_mode),
			med_transport_name((enum med_transport)trunk->transport),
			trunk->profile->media.dtls ? "a fingerprint from being exchanged"
									   : "keys secret");
}

/* Spec 2.2, rule 3. */
static void find_in_profile(
		const med_slot_t *slot, const med_profile_record_t *profile, med_findings_t *f)
{
	if(profile->enable_bypass && !profile->enable_refer_support
			&& !profile->enable_3pcc_refer)
		find(f, MED_WARNED,
				"profile '%.*s': field 'enable_bypass': yes, but with "
				"enable_refer_support "
				"no and enable_3pcc_refer no a call that is transferred is bypassed no "
				"more",
				MED_STR_FMT(med_slot_id(slot)));
	if(profile->enable_bypass && !profile->anchor)
		find(f, MED_WARNED,
				"profile '%.*s': field 'enable_bypass': yes, but with anchor no all "
				"media "
				"goes past us, wherever its ends are; leave one of them out",
				MED_STR_FMT(med_slot_id(slot)));
	if(!profile->anchor
			&& (profile->codecs.count > 0 || profile->comfort_noise || profile->dtmf
					|| profile->dtmf_payload || profile->packet_time_ms
					|| profile->media_dscp || profile->rtp_latching || profile->ice
					|| profile->media_interface.len > 0))
		find(f, MED_WARNED,
				"profile '%.*s': field 'anchor': no, so codecs, comfort_noise, dtmf, "
				"dtmf_payload, packet_time_ms, media_dscp, rtp_latching, ice and "
				"media_interface count only in calls whose other side is anchored; "
				"anchor "
				"yes",
				MED_STR_FMT(med_slot_id(slot)));
}

static void find_in_response_rules(const med_slot_t *slot,
		const med_response_rules_record_t *record, med_findings_t *f)
{
	const med_response_rule_record_t *rule = record->rules.items;

	for(size_t i = 0; i < record->rules.count; i++) {
		uint32_t code = rule[i].received_response_code;
		if(code == MED_CODE_ANY || code >= 400)
			continue;
		find(f, MED_WARNED,
				"response_rules '%.*s': field 'rule.%u': received_response_code %u never "
				"matches; 400 to 699 do",
				MED_STR_FMT(med_slot_id(slot)), rule[i].order, code);
		return; /* one will do */
	}
}

static void find_in_rules(
		const med_config_t *config, const med_slot_t *slot, med_findings_t *f)
{
	const med_rules_entry_t *entry = slot->entry;
	const med_slot_t *other = same_name(config, slot);

	if(other != NULL)
		find(f, MED_WARNED,
				"rules '%.*s': field 'simple_name': '%.*s' is that of rules '%.*s' too; "
				"give "
				"one of them another, nobody can tell their numbers apart",
				MED_STR_FMT(med_slot_id(slot)),
				MED_STR_FMT(entry->record->rules.simple_name),
				MED_STR_FMT(med_slot_id(other)));
}

static void find_in_route(const med_slot_t *slot, med_findings_t *f)
{
	const med_route_entry_t *entry = slot->entry;

	if(entry->member_count == 0)
		find(f, MED_WARNED,
				"route '%.*s': field 'usages': empty; it is never used until it has one",
				MED_STR_FMT(med_slot_id(slot)));
	if(entry->trunk_count == 0)
		find(f, MED_WARNED,
				"route '%.*s': field 'trunks': empty; calls that it takes find no trunk",
				MED_STR_FMT(med_slot_id(slot)));
	if(entry->trunk_count > 1 && entry->weights == 0)
		find(f, MED_WARNED,
				"route '%.*s': field 'trunks': all weigh 0, so they share nothing: the "
				"first "
				"gets each call, the others only what it fails",
				MED_STR_FMT(med_slot_id(slot)));
}

/* What only a routed call has; NULL: nothing of it is expected. */
static const char *expected_of_routed(const med_test_record_t *test)
{
	return test->expected_route.len > 0            ? "expected_route"
			: test->expected_usage.len > 0         ? "expected_usage"
			: test->expected_trunk.len > 0         ? "expected_trunk"
			: test->expected_called_number.len > 0 ? "expected_called_number"
												   : NULL;
}

static void find_in_test(
		const med_slot_t *slot, const med_test_record_t *test, med_findings_t *f)
{
	const char *vain =
			test->expected_result == MED_EXPECT_ROUTED ? NULL : expected_of_routed(test);

	if(vain != NULL)
		find(f, MED_WARNED,
				"test '%.*s': field '%s': only a routed call has one, but "
				"expected_result is not routed; the case always fails, leave one out",
				MED_STR_FMT(med_slot_id(slot)), vain);
	else if(test->expected_result == MED_EXPECT_INVALID
			&& test->expected_translated_number.len > 0)
		find(f, MED_WARNED,
				"test '%.*s': field 'expected_translated_number': a call whose "
				"expected_result is invalid has none; the case always fails, leave one "
				"out",
				MED_STR_FMT(med_slot_id(slot)));
}

static void find_by_sense(
		const med_config_t *config, const med_slot_t *slot, med_findings_t *f)
{
	const med_record_t *record = slot->entry;

	if(record == NULL)
		return;
	switch(slot->kind) {
		case MED_KIND_GATEWAY:
			find_in_gateway(config, slot, &record->gateway, f);
			return;
		case MED_KIND_TRUNK:
			find_in_trunk(config, slot, f);
			return;
		case MED_KIND_PROFILE:
			find_in_profile(slot, &record->profile, f);
			return;
		case MED_KIND_RULES:
			find_in_rules(config, slot, f);
			return;
		case MED_KIND_RESPONSE_RULES:
			find_in_response_rules(slot, &record->response_rules, f);
			return;
		case MED_KIND_ROUTE:
			find_in_route(slot, f);
			return;
		case MED_KIND_TEST:
			find_in_test(slot, &record->test, f);
			return;
		default:
			return;
	}
}

/* All that is wrong with an object. */
static void find_all(
		const med_config_t *config, const med_slot_t *slot, med_findings_t *f)
{
	if(slot->refused != NULL || slot->conflict != NULL)
		find(f, MED_REFUSED, "%s",
				slot->refused != NULL ? slot->refused : slot->conflict);
	else if(med_slot_is_missing(slot))
		find_missing(slot, f);
	find_references(slot, f);
	find_by_sense(config, slot, f);
}

/* ---- simple names ---------------------------------------------------------------------
 */

static med_str_t simple_name_of(const med_slot_t *slot)
{
	return ((const med_rules_entry_t *)slot->entry)->record->rules.simple_name;
}

static med_slot_t **next_of_name(const med_slot_t *slot)
{
	return &((med_rules_entry_t *)slot->entry)->name_next;
}

/*
 * Where the first of this name stands in its chain, and all others after it. Its id comes
 * before theirs, so that it alone is right.
 */
static med_slot_t **first_of_name(med_config_t *config, med_str_t name)
{
	med_slot_t **place = &config->simple_names[med_hash(name.s, name.len) % 256];

	while(*place != NULL && !med_str_eq(simple_name_of(*place), name))
		place = next_of_name(*place);
	return place;
}

static bool comes_first(const med_slot_t *a, const med_slot_t *b)
{
	return med_str_compare(med_slot_id(a), med_slot_id(b)) < 0;
}

static const med_slot_t *same_name(const med_config_t *config, const med_slot_t *slot)
{
	med_str_t name = simple_name_of(slot);
	const med_slot_t *first = name.len == 0
			? slot
			: *first_of_name((med_config_t *)(uintptr_t)config, name);

	return first == slot ? NULL : first;
}

static void insert(med_slot_t **place, med_slot_t *slot)
{
	*next_of_name(slot) = *place;
	*place = slot;
}

static void name_enters(med_config_t *config, med_slot_t *slot)
{
	med_slot_t **place = first_of_name(config, simple_name_of(slot)), *first = *place;

	if(first != NULL && comes_first(first, slot)) {
		insert(next_of_name(first), slot);
		return;
	}
	insert(place, slot);
	if(first != NULL)
		med_fault_check(config, first);
}

static void name_leaves(med_config_t *config, med_slot_t *slot)
{
	med_str_t name = simple_name_of(slot);
	med_slot_t **first = first_of_name(config, name), **place = first, **least = NULL;
	med_slot_t *now;

	while(*place != slot)
		place = next_of_name(*place);
	*place = *next_of_name(slot);
	if(place != first)
		return;
	for(; *place != NULL; place = next_of_name(*place)) {
		if(med_str_eq(simple_name_of(*place), name)
				&& (least == NULL || comes_first(*place, *least)))
			least = place;
	}
	if(least == NULL)
		return;
	now = *least;
	*least = *next_of_name(now);
	insert(first, now);
	med_fault_check(config, now);
}

void med_fault_simple_name(med_config_t *config, med_slot_t *slot, bool enters)
{
	if(simple_name_of(slot).len == 0)
		return;
	if(enters)
		name_enters(config, slot);
	else
		name_leaves(config, slot);
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
	med_findings_t found = {0, NULL};

	find_all(config, slot, &found);
	if(slot->conflict != NULL)
		list = MED_FAULT_CONFLICT;
	else if(found.count > 0)
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

void med_fault_check_namers(med_config_t *config, const med_slot_t *slot)
{
	for(const med_ref_t *ref = slot->named; ref != NULL; ref = ref->next) {
		med_pause(&config->pause);
		if(ref->def == NULL || ref->def->meanwhile != NULL)
			med_fault_check(config, ref->from);
	}
}

/* ---- usages ---------------------------------------------------------------------------
 */

enum med_usage_fault {
	USAGE_LOOSE = 1 << 0,    /* patterns that are all tried */
	USAGE_UNROUTED = 1 << 1, /* named, but no route has it */
	USAGE_UNNAMED = 1 << 2,  /* routes have it, but nobody names it */
};

static unsigned usage_faults(const med_usage_slot_t *usage)
{
	const med_shard_t *root = usage->object == NULL ? NULL : usage->object->root;
	unsigned faults = 0;

	if(root != NULL && root->loose > MED_USAGE_LOOSE_MAX)
		faults |= USAGE_LOOSE;
	if(usage->count == 0 && usage->named != NULL)
		faults |= USAGE_UNROUTED;
	if(usage->count > 0 && usage->named == NULL)
		faults |= USAGE_UNNAMED;
	return faults;
}

void med_fault_check_usage(med_config_t *config, med_usage_slot_t *usage)
{
	unsigned before = usage->faults;

	usage->faults = (uint8_t)usage_faults(usage);
	usage->told &= usage->faults;
	if((usage->faults != 0) == (before != 0))
		return;
	if(usage->faults != 0) {
		usage->fault_prev = NULL;
		usage->fault_next = config->usage_faults;
		if(usage->fault_next != NULL)
			usage->fault_next->fault_prev = usage;
		config->usage_faults = usage;
		return;
	}
	if(config->usage_fault_at == usage)
		config->usage_fault_at = usage->fault_next;
	if(usage->fault_prev != NULL)
		usage->fault_prev->fault_next = usage->fault_next;
	else
		config->usage_faults = usage->fault_next;
	if(usage->fault_next != NULL)
		usage->fault_next->fault_prev = usage->fault_prev;
}

/* One of the routes of a usage that has some. */
static const med_slot_t *route_of(const med_shard_slot_t *shard)
{
	while(shard->count == 0) {
		unsigned digit = 0;
		while(shard->child[digit] == NULL || shard->child[digit]->total == 0)
			digit++;
		shard = shard->child[digit];
	}
	return shard->members[0]->slot;
}

/* ---- telling --------------------------------------------------------------------------
 */

/* Gets each text. */
typedef struct med_teller {
	med_refused_cb cb;
	med_fault_cb fault_cb;
	void *ctx;
	bool fresh;
	size_t told;
} med_teller_t;

static void tell(med_teller_t *teller, enum med_severity severity, enum med_kind kind,
		med_str_t id, const char *text)
{
	char quoted[MED_ID_KEPT * 4 + 8];
	med_str_t shown = med_str(med_quote(quoted, sizeof(quoted), id));

	teller->told++;
	if(teller->cb != NULL)
		teller->cb(teller->ctx, severity, kind, shown, text);
	if(teller->fault_cb != NULL)
		teller->fault_cb(teller->ctx, severity, kind, shown, text, teller->fresh);
}

/* @p told: of the slot; NULL: what is fresh does not matter. */
static void tell_slot(const med_config_t *config, const med_slot_t *slot, uint32_t *told,
		med_teller_t *teller)
{
	med_finding_t finding[TEXTS_MAX];
	med_findings_t found = {0, finding};
	uint64_t sum = 0;

	find_all(config, slot, &found);
	if(found.count > TEXTS_MAX)
		found.count = TEXTS_MAX;
	/* how many routes name a missing trunk is no news */
	for(unsigned i = 0; told != NULL && i < found.count && !med_slot_is_missing(slot);
			i++)
		sum = sum * 31 + med_hash(finding[i].text.text, strlen(finding[i].text.text));
	sum = (uint32_t)(sum ^ sum >> 32) | 1; /* never 0, which is nothing */
	teller->fresh = told != NULL && *told != (uint32_t)sum;
	if(told != NULL)
		*told = (uint32_t)sum;
	for(unsigned i = 0; i < found.count; i++)
		tell(teller, finding[i].severity, (enum med_kind)slot->kind, med_slot_id(slot),
				finding[i].text.text);
}

static void tell_loose(const med_usage_slot_t *usage, med_teller_t *teller)
{
	med_str_t route = med_usage_loose_route(usage->object);
	med_errbuf_t text;

	(void)med_fail(&text, 0,
			"route '%.*s': usage '%.*s' has %u patterns such as this; all are tried on "
			"each call, too many: begin them with ^ and digits",
			MED_STR_FMT(route), usage->name_len, usage->name, usage->object->root->loose);
	tell(teller, MED_WARNED, MED_KIND_ROUTE, route, text.text);
}

static void tell_unrouted(const med_usage_slot_t *usage, med_teller_t *teller)
{
	const med_ref_t *ref = usage->named;
	med_errbuf_t text;

	(void)med_fail(&text, 0,
			"%s '%.*s': field '%s': no route has usage '%.*s'; it is passed over",
			med_kind_name((enum med_kind)ref->from->kind),
			MED_STR_FMT(med_slot_id(ref->from)), ref->def->name, usage->name_len,
			usage->name);
	tell(teller, MED_WARNED, (enum med_kind)ref->from->kind, med_slot_id(ref->from),
			text.text);
}

static void tell_unnamed(const med_usage_slot_t *usage, med_teller_t *teller)
{
	med_str_t route = med_slot_id(route_of(&usage->root));
	med_errbuf_t text;

	(void)med_fail(&text, 0,
			"route '%.*s': field 'usages': no policy and no profile names usage '%.*s'; "
			"by it no route is used",
			MED_STR_FMT(route), usage->name_len, usage->name);
	tell(teller, MED_WARNED, MED_KIND_ROUTE, route, text.text);
}

/* @p told: of the usage; NULL: what is fresh does not matter. */
static void tell_usage(const med_usage_slot_t *usage, uint8_t *told, med_teller_t *teller)
{
	static void (*const each[])(const med_usage_slot_t *usage, med_teller_t *teller) = {
			tell_loose, tell_unrouted, tell_unnamed};
	/* its routes may have come or gone since the last build */
	unsigned faults = usage->faults & usage_faults(usage);

	for(unsigned i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
		if((faults >> i & 1) == 0)
			continue;
		teller->fresh = told != NULL && (*told >> i & 1) == 0;
		each[i](usage, teller);
	}
	if(told != NULL)
		*told = (uint8_t)(*told | faults);
}

size_t med_config_refused(const med_config_t *config, med_refused_cb cb, void *ctx)
{
	med_teller_t teller = {.cb = cb, .ctx = ctx};

	for(unsigned list = MED_FAULT_OWN; list < MED_FAULT_LISTS; list++) {
		for(const med_slot_t *slot = config->faults[list]; slot != NULL;
				slot = slot->fault_next)
			tell_slot(config, slot, NULL, &teller);
	}
	for(const med_usage_slot_t *usage = config->usage_faults; usage != NULL;
			usage = usage->fault_next)
		tell_usage(usage, NULL, &teller);
	return teller.told;
}

bool med_config_refused_part(
		med_config_t *config, bool again, size_t max, med_fault_cb cb, void *ctx)
{
	med_teller_t teller = {.fault_cb = cb, .ctx = ctx};

	if(again) {
		config->fault_at_list = MED_FAULT_OWN;
		config->fault_at = config->faults[MED_FAULT_OWN];
		config->usage_fault_at = config->usage_faults;
	}
	for(size_t n = 0; n < max; n++) {
		med_slot_t *slot = config->fault_at;
		med_usage_slot_t *usage = config->usage_fault_at;
		if(slot != NULL) {
			config->fault_at = slot->fault_next;
			tell_slot(config, slot, &slot->fault_told, &teller);
		} else if(config->fault_at_list < MED_FAULT_LISTS) {
			config->fault_at = ++config->fault_at_list < MED_FAULT_LISTS
					? config->faults[config->fault_at_list]
					: NULL;
		} else if(usage != NULL) {
			config->usage_fault_at = usage->fault_next;
			tell_usage(usage, &usage->told, &teller);
		} else {
			return false;
		}
	}
	return true;
}
