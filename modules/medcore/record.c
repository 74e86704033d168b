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

#define FIELDS_MAX (MED_RULES_MAX + 8)
#define VALUE_MAX 65535u /* bytes; every field's own bound is below */

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

int med_record_check_id(enum med_kind kind, med_str_t id, med_errbuf_t *err)
{
	char quoted[MED_PROFILE_ID_MAX + 16];
	med_str_t rest;

	if(kind != MED_KIND_PROFILE) {
		if(med_is_id(id))
			return MED_EOK;
		return med_fail(err, MED_EINVAL,
				"%s '%s': not an id: up to %d letters, digits, '.', '_' and '-' make one",
				med_kind_name(kind), med_quote(quoted, sizeof(quoted), id), MED_ID_MAX);
	}
	if(med_str_eq(id, MED_STR("global")))
		return MED_EOK;
	if((has_prefix(id, "site:", &rest) || has_prefix(id, "trunk:", &rest))
			&& med_is_id(rest))
		return MED_EOK;
	return med_fail(err, MED_EINVAL,
			"profile '%s': not a scope: 'global', 'site:<id>' and 'trunk:<id>' are",
			med_quote(quoted, sizeof(quoted), id));
}

/* Puts object and field before a reason. */
static int fault(const med_reading_t *r, med_str_t field, int code, const char *reason)
{
	char id[MED_PROFILE_ID_MAX + 16], name[72];

	return med_fail(r->err, code, "%s '%s': field '%s': %s", med_kind_name(r->kind),
			med_quote(id, sizeof(id), r->id), med_quote(name, sizeof(name), field),
			reason);
}

static int unknown_field(const med_reading_t *r, med_str_t name)
{
	const char *nearest = med_schema_nearest(r->kind, name);
	char id[MED_PROFILE_ID_MAX + 16], quoted[60], names[160] = "";
	const med_field_def_t *defs;
	size_t count, used = 0;

	(void)med_quote(id, sizeof(id), r->id);
	(void)med_quote(quoted, sizeof(quoted), name);
	if(nearest != NULL)
		return med_fail(r->err, MED_EINVAL, "%s '%s': unknown field '%s'; '%s' is meant?",
				med_kind_name(r->kind), id, quoted, nearest);
	defs = med_schema(r->kind, &count);
	for(size_t i = 0; i < count && used < sizeof(names); i++) {
		int n = snprintf(names + used, sizeof(names) - used, "%s%s", i == 0 ? "" : ", ",
				defs[i].name);
		used += n > 0 ? (size_t)n : 0;
	}
	return med_fail(r->err, MED_EINVAL, "%s '%s': unknown field '%s'; it has: %s",
			med_kind_name(r->kind), id, quoted, names);
}

/* ---- rules --------------------------------------------------------------------------
 */

static int compare_rules(const void *a, const void *b)
{
	const med_rule_record_t *x = a, *y = b;

	return x->order < y->order ? -1 : x->order > y->order;
}

/* rule.<n> */
static bool rule_order(med_str_t name, uint32_t *order)
{
	uint32_t value = 0;
	size_t start = sizeof("rule.") - 1;

	if(name.len <= start || name.len > start + 6
			|| (name.s[start] == '0' && name.len > start + 1))
		return false;
	for(size_t i = start; i < name.len; i++) {
		if(name.s[i] < '0' || name.s[i] > '9')
			return false;
		value = value * 10 + (uint32_t)(name.s[i] - '0');
	}
	*order = value;
	return true;
}

static int read_rule(med_reading_t *r, const med_field_t *field, med_rule_record_t *rule)
{
	static const med_field_def_t text = {.name = "rule",
			.type = MED_TYPE_PATTERN,
			.max = MED_PATTERN_MAX + MED_TRANSLATION_MAX};
	med_errbuf_t reason;
	med_str_t value = {NULL, 0};
	const char *arrow;
	int rc;

	if(!rule_order(field->name, &rule->order))
		return fault(r, field->name, MED_EINVAL, "rules are named rule.0 to rule.999999");
	rc = med_schema_set(&text, field->value, &value, &r->arena, &reason);
	if(rc != MED_EOK)
		return fault(r, field->name, rc, reason.text);
	arrow = memmem(value.s, value.len, "=>", 2);
	if(arrow == NULL)
		return fault(r, field->name, MED_EINVAL,
				"no '=>'; as in ^\\+(\\d*)$ => $1 a rule is <pattern> => <translation>");
	rule->pattern = med_str_trim((med_str_t){value.s, (size_t)(arrow - value.s)});
	rule->translation = med_str_trim(
			(med_str_t){arrow + 2, value.len - (size_t)(arrow - value.s) - 2});
	if(rule->pattern.len == 0)
		return fault(r, field->name, MED_EINVAL, "no pattern before '=>'");
	return MED_EOK;
}

static int read_rules(med_reading_t *r, const med_field_t *fields, size_t count)
{
	med_rule_record_t *rules = med_arena_take(&r->arena, count, sizeof(*rules));
	size_t used = 0;
	int rc;

	if(rules == NULL)
		return med_fail(r->err, MED_ELIMIT, "internal: rules do not fit their record");
	for(size_t i = 0; i < count; i++) {
		const med_field_def_t *def = med_schema_field(r->kind, fields[i].name);
		if(def == NULL || def->type != MED_TYPE_RULES)
			continue;
		rc = read_rule(r, &fields[i], &rules[used++]);
		if(rc != MED_EOK)
			return rc;
	}
	if(used > MED_RULES_MAX)
		return fault(r, MED_STR("rule."), MED_ELIMIT, "more than 1000 rules");
	qsort(rules, used, sizeof(*rules), compare_rules);
	r->record->rules.rules = (med_list_t){rules, used};
	return MED_EOK;
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
	static const uint32_t port[] = {[MED_UDP] = 5060, [MED_TCP] = 5066, [MED_TLS] = 5067};
	static const uint32_t local[] = {
			[MED_UDP] = 5060, [MED_TCP] = 5068, [MED_TLS] = 5067};
	med_trunk_record_t *t = &r->record->trunk;

	if(t->port == 0)
		t->port = port[t->transport];
	if(t->local_port == 0)
		t->local_port = local[t->transport];
	if(t->gateway.len == 0 && !med_arena_copy(&r->arena, r->id, &t->gateway))
		return med_fail(r->err, MED_ELIMIT, "internal: no room for the gateway's id");
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
		default:
			return MED_EOK;
	}
}

/* Before room is made for them. */
static int check_sizes(const med_reading_t *r, const med_field_t *fields, size_t count)
{
	med_errbuf_t reason;

	if(count > FIELDS_MAX)
		return med_fail(r->err, MED_ELIMIT,
				"%s '%.*s': %zu fields; at most %d are allowed", med_kind_name(r->kind),
				MED_STR_FMT(r->id), count, FIELDS_MAX);
	for(size_t i = 0; i < count; i++) {
		if(fields[i].value.len <= VALUE_MAX)
			continue;
		(void)med_fail(&reason, 0, "%zu bytes; at most %u are allowed",
				fields[i].value.len, VALUE_MAX);
		return fault(r, fields[i].name, MED_ELIMIT, reason.text);
	}
	return MED_EOK;
}

/* ---- the whole object ---------------------------------------------------------------
 */

/* An upper bound for what the values take: copies, list entries, rounding. */
static size_t room_for(const med_field_t *fields, size_t count)
{
	size_t room = 1024 + MED_ID_MAX;

	for(size_t i = 0; i < count; i++) {
		size_t entries = 1;
		for(size_t k = 0; k < fields[i].value.len; k++)
			entries += fields[i].value.s[k] == ',';
		room += fields[i].value.len + 8 + sizeof(med_rule_record_t)
				+ entries * (sizeof(med_weighted_t) + 8);
	}
	return room;
}

static int set_defaults(med_reading_t *r)
{
	size_t count;
	const med_field_def_t *defs = med_schema(r->kind, &count);

	for(size_t i = 0; i < count; i++) {
		int rc;
		if(defs[i].initial == NULL)
			continue;
		rc = med_schema_set(
				&defs[i], med_str(defs[i].initial), r->record, &r->arena, r->err);
		if(rc != MED_EOK)
			return rc;
	}
	return MED_EOK;
}

static int set_fields(med_reading_t *r, const med_field_t *fields, size_t count)
{
	for(size_t i = 0; i < count; i++) {
		const med_field_def_t *def = med_schema_field(r->kind, fields[i].name);
		med_errbuf_t reason = {""};
		int rc;
		if(def == NULL)
			return unknown_field(r, fields[i].name);
		if(def->type == MED_TYPE_RULES)
			continue;
		rc = med_schema_set(def, fields[i].value, r->record, &r->arena, &reason);
		if(rc != MED_EOK)
			return fault(r, fields[i].name, rc, reason.text);
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
	room = room_for(fields, count);
	r.record = med_calloc(mem, 1, sizeof(*r.record) + room);
	if(r.record == NULL)
		return MED_ENOMEM;
	r.arena = (med_arena_t){(char *)(r.record + 1), (char *)(r.record + 1) + room};
	rc = set_defaults(&r);
	if(rc == MED_EOK)
		rc = set_fields(&r, fields, count);
	if(rc == MED_EOK && kind == MED_KIND_RULES)
		rc = read_rules(&r, fields, count);
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
