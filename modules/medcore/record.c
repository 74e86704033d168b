/**
 * record.c - objects as written in Redis, read by the table of fields
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "medcore/record.h"
#include "medcore/rules.h"
#include "medcore/schema.h"
#include "medcore/zone.h"

/* Whose field is being read, for texts. */
typedef struct med_reading {
	enum med_kind kind;
	med_str_t id;
	const med_mem_t *mem;
	med_arena_t arena;
	med_record_t *record;
	med_errbuf_t *err;
} med_reading_t;

static bool has_prefix(med_str_t text, const char *prefix, med_str_t *rest)
{
	size_t len = strlen(prefix);

	if(text.len < len || memcmp(text.s, prefix, len) != 0)
		return false;
	*rest = (med_str_t){text.s + len, text.len - len};
	return true;
}

/* "<id>", or with a second id behind a colon. */
static bool is_site_or_pair(med_str_t text)
{
	const char *colon = text.len == 0 ? NULL : memchr(text.s, ':', text.len);
	med_str_t first = text;

	if(colon == NULL)
		return med_is_id(text);
	first.len = (size_t)(colon - text.s);
	return med_is_id(first)
			&& med_is_id((med_str_t){colon + 1, text.len - first.len - 1});
}

/* NULL: it is one; else what would be. */
static const char *check_id(enum med_kind kind, med_str_t id, const char **what)
{
	med_str_t rest;

	switch(kind) {
		case MED_KIND_PROFILE:
			*what = "a scope";
			if(med_str_eq(id, MED_STR("global"))
					|| ((has_prefix(id, "site:", &rest)
								|| has_prefix(id, "trunk:", &rest))
							&& med_is_id(rest)))
				return NULL;
			return "'global', 'site:<id>' and 'trunk:<id>' are";
		case MED_KIND_LOCATION_POLICY:
			*what = "a scope";
			if(med_str_eq(id, MED_STR("global"))
					|| (has_prefix(id, "site:", &rest) && med_is_id(rest)))
				return NULL;
			return "'global' and 'site:<id>' are";
		case MED_KIND_LIMITS:
			*what = "an object with limits";
			if(((has_prefix(id, "trunk:", &rest) || has_prefix(id, "gateway:", &rest))
					   && med_is_id(rest))
					|| (has_prefix(id, "site:", &rest) && is_site_or_pair(rest)))
				return NULL;
			return "'trunk:<id>', 'gateway:<id>', 'site:<id>' and 'site:<id>:<id>' are";
		default:
			*what = "an id";
			return med_is_id(id) ? NULL
								 : "up to 64 letters, digits, '.', '_' and '-' make one";
	}
}

int med_record_check_id(enum med_kind kind, med_str_t id, med_errbuf_t *err)
{
	const char *what = "", *right = check_id(kind, id, &what);
	char quoted[80];

	if(right == NULL)
		return MED_EOK;
	return med_fail(err, MED_EINVAL, "%s '%s': not %s: %s", med_kind_name(kind),
			med_quote(quoted, sizeof(quoted), id), what, right);
}

/* Puts object and field before a reason. */
static int fault(const med_reading_t *r, med_str_t field, int code, const char *reason)
{
	char id[MED_OBJECT_ID_MAX + 16], name[72];

	return med_fail(r->err, code, "%s '%s': field '%s': %s", med_kind_name(r->kind),
			med_quote(id, sizeof(id), r->id), med_quote(name, sizeof(name), field),
			reason);
}

/* The one kind that has a field of that name; NULL: none has, or several. */
static const char *kind_with(med_str_t name)
{
	const char *found = NULL;

	for(int kind = 0; kind < MED_KIND_COUNT; kind++) {
		if(med_schema_field((enum med_kind)kind, name) == NULL)
			continue;
		if(found != NULL)
			return NULL;
		found = med_kind_name((enum med_kind)kind);
	}
	return found;
}

static int unknown_field(const med_reading_t *r, med_str_t name)
{
	const char *nearest = med_schema_nearest(r->kind, name);
	char id[MED_OBJECT_ID_MAX + 16], quoted[60], names[140] = "";
	const char *other = kind_with(name);
	const med_field_def_t *defs;
	size_t count, used = 0;

	(void)med_quote(id, sizeof(id), r->id);
	(void)med_quote(quoted, sizeof(quoted), name);
	if(other != NULL)
		return med_fail(r->err, MED_EINVAL,
				"%s '%s': unknown field '%s'; it is a field of %s",
				med_kind_name(r->kind), id, quoted, other);
	if(nearest != NULL)
		return med_fail(r->err, MED_EINVAL, "%s '%s': unknown field '%s'; '%s' is meant?",
				med_kind_name(r->kind), id, quoted, nearest);
	defs = med_schema(r->kind, &count);
	for(size_t i = 0; i < count; i++) {
		bool fits = used + strlen(defs[i].name) + sizeof(", ...") < sizeof(names);
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
				i == 0 ? "" : ", ", fits ? defs[i].name : "...");
		if(!fits)
			break; /* names are whole */
	}
	return med_fail(r->err, MED_EINVAL, "%s '%s': unknown field '%s'; it has: %s",
			med_kind_name(r->kind), id, quoted, names);
}

/* ---- numbered fields ------------------------------------------------------------------
 */

static int compare_orders(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* An entry for each field that makes one, in order, all at their defaults. */
static int make_entries(med_reading_t *r, const med_field_t *fields, size_t count)
{
	const med_numbered_t *numbered = med_schema_numbered(r->kind);
	char *entries = med_arena_take(&r->arena, count, numbered->entry);
	med_list_t *list = (void *)((char *)r->record + numbered->list);
	size_t used = 0;

	if(entries == NULL)
		return med_fail(r->err, MED_ELIMIT, "internal: rules do not fit their record");
	for(size_t i = 0; i < count; i++) {
		const med_field_def_t *def = med_schema_field(r->kind, fields[i].name);
		if(def == NULL || !med_schema_makes_entry(def))
			continue;
		*(uint32_t *)(void *)(entries + used * numbered->entry) =
				med_schema_order(def, fields[i].name);
		used++;
	}
	if(used > numbered->max)
		return med_fail(r->err, MED_ELIMIT,
				"%s '%.*s': %zu rules; at most %zu are allowed", med_kind_name(r->kind),
				MED_STR_FMT(r->id), used, numbered->max);
	qsort(entries, used, numbered->entry, compare_orders);
	for(size_t i = 1; i < used; i++) {
		const char *entry = entries + i * numbered->entry;
		if(compare_orders(entry - numbered->entry, entry) == 0)
			return med_fail(r->err, MED_EINVAL, "%s '%.*s': field '%s%u': given twice",
					med_kind_name(r->kind), MED_STR_FMT(r->id), numbered->prefix,
					*(const uint32_t *)(const void *)entry);
	}
	*list = (med_list_t){entries, used};
	return MED_EOK;
}

/* Where a field's value goes: the record, or one of its entries; NULL: no such entry. */
static void *place_of(const med_reading_t *r, const med_field_def_t *def, med_str_t name)
{
	const med_numbered_t *numbered = med_schema_numbered(r->kind);
	const med_list_t *list = (const void *)((const char *)r->record + numbered->list);
	uint32_t order;

	if(!med_schema_is_numbered(def))
		return r->record;
	order = med_schema_order(def, name);
	return bsearch(&order, list->items, list->count, numbered->entry, compare_orders);
}

/* ---- what depends on other fields ---------------------------------------------------
 */

static int finish_gateway(med_reading_t *r)
{
	med_gateway_record_t *g = &r->record->gateway;
	med_ip_t ip, *source;
	bool address = med_ip_parse(g->address, &ip) == MED_EOK;

	if(address && g->source.count == 0) {
		source = med_arena_take(&r->arena, 1, sizeof(*source));
		if(source == NULL)
			return med_fail(r->err, MED_ELIMIT, "internal: no room for the source");
		*source = ip;
		g->source = (med_list_t){source, 1};
	}
	if(!address && g->tls_name.len == 0)
		g->tls_name = g->address;
	if(g->tls_name.len > 0 && g->tls_name.s[g->tls_name.len - 1] == '.')
		g->tls_name.len--;
	return MED_EOK;
}

static int finish_trunk(med_reading_t *r)
{
	med_trunk_record_t *t = &r->record->trunk;

	if(t->gateway.len == 0 && !med_arena_copy(&r->arena, r->id, &t->gateway))
		return med_fail(r->err, MED_ELIMIT, "internal: no room for the gateway's id");
	if(t->auth_username.len > 0 && t->auth_password.len == 0)
		return fault(r, MED_STR("auth_password"), MED_EINVAL,
				"missing; auth_username needs it");
	if(t->auth_username.len == 0 && t->auth_password.len > 0)
		return fault(r, MED_STR("auth_username"), MED_EINVAL,
				"missing; auth_password needs it");
	return MED_EOK;
}

static int finish_pool(med_reading_t *r)
{
	const med_pool_record_t *p = &r->record->pool;

	if(p->audio_port_start + p->audio_port_count > 65536)
		return fault(r, MED_STR("audio_port_count"), MED_EINVAL,
				"goes beyond port 65535; lower it, or audio_port_start");
	return MED_EOK;
}

static bool is_given(const med_reading_t *r, const char *field)
{
	size_t count;
	const med_field_def_t *defs = med_schema(r->kind, &count);

	return med_record_given(
			r->record, (size_t)(med_schema_field(r->kind, med_str(field)) - defs));
}

/* What rtpengine must be able to do. */
static int finish_codecs(med_reading_t *r)
{
	const med_profile_record_t *p = &r->record->profile;
	const uint8_t *codec = p->codecs.items;
	char reason[128];

	if(p->transcode && p->codecs.count == 0)
		return fault(
				r, MED_STR("codecs"), MED_EINVAL, "missing; transcode yes needs them");
	for(size_t i = 0; p->transcode && i < p->codecs.count; i++) {
		if(codec[i] < MED_CODEC_MADE)
			continue;
		(void)snprintf(reason, sizeof(reason),
				"transcode yes, but rtpengine cannot make %s; take it out, or transcode "
				"no",
				med_codec_words[codec[i]]);
		return fault(r, MED_STR("codecs"), MED_EINVAL, reason);
	}
	if(p->dtmf_payload != 0 && p->dtmf_payload < MED_DYNAMIC_FIRST)
		return fault(r, MED_STR("dtmf_payload"), MED_EINVAL,
				"no dynamic payload type; 96 to 127, or 0");
	if(p->dtmf == MED_DTMF_INBAND && p->dtmf_payload != 0)
		return fault(r, MED_STR("dtmf_payload"), MED_EINVAL,
				"besides dtmf inband, which offers no telephone-event; have one of them");
	if(p->dtmf == MED_DTMF_INFO)
		return fault(r, MED_STR("dtmf"), MED_EINVAL,
				"info: we send no requests of our own within a call, so none for digits "
				"either; as_received, or inband");
	if(p->packet_time_ms % 10 != 0)
		return fault(r, MED_STR("packet_time_ms"), MED_EINVAL,
				"no multiple of ten; 10, 20, 30, 40, 50, 60, or 0");
	return MED_EOK;
}

static int finish_mki(med_reading_t *r)
{
	if(r->record->profile.srtp_mki == MED_MKI_REQUIRED)
		return fault(r, MED_STR("srtp_mki"), MED_EINVAL,
				"required: rtpengine writes packets of its own keys without MKI; none, "
				"and have the peer take them so");
	return MED_EOK;
}

/* No m-line offers DTLS-SRTP and RTP at once, and none of SDES's words is DTLS's. */
static int finish_keys(med_reading_t *r)
{
	const med_profile_record_t *p = &r->record->profile;

	if(p->srtp_keys != MED_KEYS_DTLS)
		return !p->avpf ? MED_EOK
						: fault(r, MED_STR("avpf"), MED_EINVAL,
								"yes needs srtp_keys dtls: offers are RTP/AVP or "
								"RTP/SAVP with sdes");
	if(p->srtp_mode != MED_SRTP_REQUIRED)
		return fault(r, MED_STR("srtp_keys"), MED_EINVAL,
				"dtls needs srtp_mode required: no offer says DTLS-SRTP and plain RTP at "
				"once, so it is that or no call");
	if(is_given(r, "srtp_suites"))
		return fault(r, MED_STR("srtp_suites"), MED_EINVAL,
				"besides srtp_keys dtls, which agrees on a suite in its handshake; have "
				"one of them");
	if(p->sdp_dialect == MED_SDP_LYNC)
		return fault(r, MED_STR("sdp_dialect"), MED_EINVAL,
				"lync besides srtp_keys dtls, which a Mediation Server does not have; "
				"plain, or srtp_keys sdes");
	return MED_EOK;
}

static int finish_initial_offer(med_reading_t *r)
{
	const med_profile_record_t *p = &r->record->profile;

	if(p->initial_offer == MED_INITIAL_EARLY && !p->anchor)
		return fault(r, MED_STR("initial_offer"), MED_EINVAL,
				"early: the offer has rtpengine's address; set anchor yes, or required");
	return MED_EOK;
}

/* Spec 2.2, rules 1, 2 and 5. */
static int finish_profile(med_reading_t *r)
{
	const med_profile_record_t *p = &r->record->profile;

	if(p->enable_bypass && !p->concentrated_topology)
		return fault(r, MED_STR("enable_bypass"), MED_EINVAL,
				"yes needs concentrated_topology yes; set that, or enable_bypass no");
	if(p->enable_bypass && !p->enable_refer_support
			&& (p->rtcp_active_calls || p->rtcp_calls_on_hold))
		return fault(r, MED_STR("enable_bypass"), MED_EINVAL,
				"yes needs enable_refer_support yes, or both rtcp_active_calls no and "
				"rtcp_calls_on_hold no");
	if(!med_str_eq(r->id, MED_STR("global")) && is_given(r, "bypass_mode"))
		return fault(r, MED_STR("bypass_mode"), MED_EINVAL,
				"is for all trunks; write it in profile 'global', and enable_bypass "
				"here");
	if(p->domain.len == 0
			&& (p->request_uri_host == MED_HOST_DOMAIN || p->to_host == MED_HOST_DOMAIN
					|| p->from_host == MED_HOST_DOMAIN || p->pai_host == MED_HOST_DOMAIN
					|| p->contact_host == MED_HOST_DOMAIN))
		return fault(r, MED_STR("domain"), MED_EINVAL,
				"missing; a host that is to be the domain needs it");
	if(p->enable_location_restriction && p->network_site_id.len == 0)
		return fault(r, MED_STR("network_site_id"), MED_EINVAL,
				"missing; enable_location_restriction yes needs it");
	if(finish_mki(r) != MED_EOK || finish_keys(r) != MED_EOK
			|| finish_initial_offer(r) != MED_EOK)
		return MED_EINVAL;
	return finish_codecs(r);
}

static int finish_policy(med_reading_t *r)
{
	const med_policy_record_t *p = &r->record->policy;

	if(p->call_forwarding_simul_ring_usage_type == MED_CUSTOM_USAGE
			&& p->custom_call_forwarding_simul_ring_usages.count == 0)
		return fault(r, MED_STR("custom_call_forwarding_simul_ring_usages"), MED_EINVAL,
				"missing; call_forwarding_simul_ring_usage_type custom_usage needs them");
	return MED_EOK;
}

static int finish_schedule(med_reading_t *r)
{
	char reason[160], quoted[80];

	if(med_zone_known(r->record->schedule.time_zone))
		return MED_EOK;
	(void)snprintf(reason, sizeof(reason),
			"this system knows no time zone '%s'; as in Europe/Berlin or UTC (package "
			"tzdata)",
			med_quote(quoted, sizeof(quoted), r->record->schedule.time_zone));
	return fault(r, MED_STR("time_zone"), MED_EINVAL, reason);
}

static int finish_test(med_reading_t *r)
{
	const med_test_record_t *t = &r->record->test;

	if(t->from_trunk.len == 0 && t->target_policy.len == 0)
		return fault(r, MED_STR("from_trunk"), MED_EINVAL,
				"missing; name the trunk the call arrives on, or a target_policy");
	if(t->from_trunk.len > 0 && t->target_policy.len > 0)
		return fault(r, MED_STR("target_policy"), MED_EINVAL,
				"besides from_trunk; a call has one of them");
	if(t->from_trunk.len > 0 && t->from_site.len > 0)
		return fault(r, MED_STR("from_site"), MED_EINVAL,
				"besides from_trunk; that has its own, network_site of its profile");
	if(t->from_trunk.len > 0 && t->from_pool.len > 0)
		return fault(r, MED_STR("from_pool"), MED_EINVAL,
				"besides from_trunk; that has its own, pool of the trunk");
	return MED_EOK;
}

static int finish_route(med_reading_t *r)
{
	med_route_record_t *route = &r->record->route;

	if(route->suppress_caller_id != 0 && route->alternate_caller_id.len == 0)
		return fault(r, MED_STR("alternate_caller_id"), MED_EINVAL,
				"missing; suppress_caller_id yes needs it");
	if(route->suppress_caller_id == 0)
		route->alternate_caller_id.len = 0;
	return MED_EOK;
}

static int finish(med_reading_t *r)
{
	switch(r->kind) {
		case MED_KIND_GATEWAY:
			return finish_gateway(r);
		case MED_KIND_TRUNK:
			return finish_trunk(r);
		case MED_KIND_ROUTE:
			return finish_route(r);
		case MED_KIND_POOL:
			return finish_pool(r);
		case MED_KIND_PROFILE:
			return finish_profile(r);
		case MED_KIND_POLICY:
			return finish_policy(r);
		case MED_KIND_SCHEDULE:
			return finish_schedule(r);
		case MED_KIND_TEST:
			return finish_test(r);
		default:
			return MED_EOK;
	}
}

/* Before room is made for them. */
static int check_sizes(const med_reading_t *r, const med_field_t *fields, size_t count)
{
	med_errbuf_t reason;

	if(count > MED_FIELDS_MAX)
		return med_fail(r->err, MED_ELIMIT,
				"%s '%.*s': %zu fields; at most %d are allowed", med_kind_name(r->kind),
				MED_STR_FMT(r->id), count, MED_FIELDS_MAX);
	for(size_t i = 0; i < count; i++) {
		if(fields[i].value.len <= MED_VALUE_MAX)
			continue;
		(void)med_fail(&reason, 0, "%zu bytes; at most %u are allowed",
				fields[i].value.len, MED_VALUE_MAX);
		return fault(r, fields[i].name, MED_ELIMIT, reason.text);
	}
	return MED_EOK;
}

/* ---- the whole object ---------------------------------------------------------------
 */

/* An upper bound for what the values take: copies, list entries, rounding. */
static size_t room_for(enum med_kind kind, const med_field_t *fields, size_t count)
{
	size_t room = 1024 + MED_ID_MAX, entry = med_schema_numbered(kind)->entry;

	for(size_t i = 0; i < count; i++) {
		size_t entries = 1;
		for(size_t k = 0; k < fields[i].value.len; k++)
			entries += fields[i].value.s[k] == ',';
		room += fields[i].value.len + 8 + entry + entries * (sizeof(med_weighted_t) + 8);
	}
	return room;
}

/* Of a record, or of an entry of its list. */
static int set_defaults(med_reading_t *r, void *record, bool numbered)
{
	size_t count;
	const med_field_def_t *defs = med_schema(r->kind, &count);

	for(size_t i = 0; i < count; i++) {
		int rc = MED_EOK;
		if(med_schema_is_numbered(&defs[i]) != numbered)
			continue;
		if(defs[i].initial != NULL)
			rc = med_schema_set(
					&defs[i], med_str(defs[i].initial), record, &r->arena, r->err);
		else if(defs[i].type == MED_TYPE_NUMBER)
			*(uint32_t *)(void *)((char *)record + defs[i].offset) = MED_UNSET;
		if(rc != MED_EOK)
			return rc;
	}
	return MED_EOK;
}

static int set_entry_defaults(med_reading_t *r)
{
	const med_numbered_t *numbered = med_schema_numbered(r->kind);
	const med_list_t *list = (const void *)((const char *)r->record + numbered->list);
	int rc = MED_EOK;

	for(size_t i = 0; i < list->count && rc == MED_EOK; i++)
		rc = set_defaults(r, (char *)(uintptr_t)list->items + i * numbered->entry, true);
	return rc;
}

/* A name that is none of the kind's. */
static int no_such_field(const med_reading_t *r, med_str_t name)
{
	const char *prefix = med_schema_numbered(r->kind)->prefix;
	med_str_t rest;

	if(prefix != NULL && has_prefix(name, prefix, &rest)
			&& (rest.len == 0 || memchr(rest.s, '.', rest.len) == NULL))
		return fault(r, name, MED_EINVAL, "rules are named rule.0 to rule.999999");
	return unknown_field(r, name);
}

static int set_field(
		med_reading_t *r, const med_field_def_t *def, const med_field_t *field)
{
	med_errbuf_t reason = {""};
	void *place = place_of(r, def, field->name);
	int rc;

	if(place == NULL)
		return fault(r, field->name, MED_EINVAL, "there is no rule of that number");
	rc = med_schema_set(def, field->value, place, &r->arena, &reason);
	return rc == MED_EOK ? rc : fault(r, field->name, rc, reason.text);
}

static int set_fields(med_reading_t *r, const med_field_t *fields, size_t count)
{
	size_t known;
	const med_field_def_t *defs = med_schema(r->kind, &known);

	for(size_t i = 0; i < count; i++) {
		const med_field_def_t *def = med_schema_field(r->kind, fields[i].name);
		int rc;
		if(def == NULL)
			return no_such_field(r, fields[i].name);
		if(def->alias != NULL && med_record_given(r->record, (size_t)(def - defs)))
			return fault(r, med_str(def->alias), MED_EINVAL,
					"another name of a field that is given too; write one of them");
		r->record->given[(def - defs) / 64] |= (uint64_t)1 << (def - defs) % 64;
		rc = set_field(r, def, &fields[i]);
		if(rc != MED_EOK)
			return rc;
	}
	return MED_EOK;
}

static int check_required(med_reading_t *r)
{
	size_t count;
	const med_field_def_t *defs = med_schema(r->kind, &count);

	for(size_t i = 0; i < count; i++) {
		const med_str_t *text = (const void *)((const char *)r->record + defs[i].offset);
		char reason[160];
		if(!defs[i].required || text->len > 0)
			continue;
		(void)snprintf(reason, sizeof(reason), "missing; it is the %s", defs[i].meaning);
		return fault(r, med_str(defs[i].name), MED_EINVAL, reason);
	}
	return MED_EOK;
}

int med_record_parse(enum med_kind kind, med_str_t id, const med_field_t *fields,
		size_t count, const med_mem_t *mem, med_record_t **record, med_errbuf_t *err)
{
	med_reading_t r = {.kind = kind, .id = id, .mem = mem, .err = err};
	size_t room;
	int rc = med_record_check_id(kind, id, err);

	if(rc == MED_EOK)
		rc = check_sizes(&r, fields, count);
	if(rc != MED_EOK)
		return rc;
	room = room_for(kind, fields, count);
	r.record = med_calloc(mem, 1, sizeof(*r.record) + room);
	if(r.record == NULL)
		return MED_ENOMEM;
	r.arena = (med_arena_t){(char *)(r.record + 1), (char *)(r.record + 1) + room};
	rc = set_defaults(&r, r.record, false);
	if(rc == MED_EOK && med_schema_numbered(kind)->prefix != NULL)
		rc = make_entries(&r, fields, count);
	if(rc == MED_EOK && med_schema_numbered(kind)->prefix != NULL)
		rc = set_entry_defaults(&r);
	if(rc == MED_EOK)
		rc = set_fields(&r, fields, count);
	if(rc == MED_EOK)
		rc = check_required(&r);
	if(rc == MED_EOK)
		rc = finish(&r);
	if(rc != MED_EOK) {
		med_free(mem, r.record);
		return rc;
	}
	*record = r.record;
	return MED_EOK;
}
