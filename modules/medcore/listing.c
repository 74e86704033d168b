/**
 * listing.c - objects in force as people see them, field by field
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "medcore/listing.h"

#include <stdlib.h>
#include <string.h>

#include "medcore/snapshot.h"

bool med_type_is_list(enum med_type type)
{
	return type == MED_TYPE_IDS || type == MED_TYPE_SUBNETS || type == MED_TYPE_CODES
			|| type == MED_TYPE_TRUNKS || type == MED_TYPE_WORDS;
}

/* ---- what is not written --------------------------------------------------------------
 */

/* As long as MED_TARGETS_MAX addresses, or a host name. */
typedef struct med_made {
	char text[MED_TARGETS_MAX * 48];
} med_made_t;

/* Fields of gateways and trunks that follow from others; those that do not are 0. */
static med_str_t of_gateway(
		const med_gateway_t *g, const med_field_def_t *def, med_made_t *made)
{
	med_gateway_record_t record = {
			.tls_name = g->tls_name, .source = {g->sources, g->source_count}};

	if(def->offset != offsetof(med_gateway_record_t, tls_name)
			&& def->offset != offsetof(med_gateway_record_t, source))
		return (med_str_t){NULL, 0};
	(void)med_schema_format(def, &record, made->text, sizeof(made->text));
	return med_str(made->text);
}

static med_str_t of_trunk(
		const med_trunk_t *t, const med_field_def_t *def, med_made_t *made)
{
	med_trunk_record_t record = {
			.gateway = t->gateway->id, .port = t->port, .local_port = t->local_port};

	if(def->offset != offsetof(med_trunk_record_t, gateway)
			&& def->offset != offsetof(med_trunk_record_t, port)
			&& def->offset != offsetof(med_trunk_record_t, local_port))
		return (med_str_t){NULL, 0};
	(void)med_schema_format(def, &record, made->text, sizeof(made->text));
	return med_str(made->text);
}

/* The value of a field that was not written, as it is in force; empty: there is none. */
static med_str_t default_of(const med_snapshot_t *snapshot, enum med_kind kind,
		med_str_t id, const med_field_def_t *def, med_made_t *made)
{
	const med_gateway_t *gateway;
	const med_trunk_t *trunk;

	if(def->initial != NULL)
		return med_str(def->initial);
	if(kind == MED_KIND_GATEWAY && (gateway = med_snapshot_gateway(snapshot, id)) != NULL)
		return of_gateway(gateway, def, made);
	if(kind == MED_KIND_TRUNK && (trunk = med_snapshot_trunk(snapshot, id)) != NULL)
		return of_trunk(trunk, def, made);
	return (med_str_t){NULL, 0};
}

/* ---- field by field -------------------------------------------------------------------
 */

void med_shown(const med_snapshot_t *snapshot, enum med_kind kind, const med_card_t *card,
		med_shown_cb cb, void *ctx)
{
	size_t count, at = 0;
	const med_field_def_t *defs = med_schema(kind, &count);
	med_field_t field;
	bool more = med_card_next(card, &at, &field);
	med_made_t made;

	/* a card has its fields in the schema's order too, the numbered ones last */
	for(size_t i = 0; i < count; i++) {
		med_str_t name = med_str(defs[i].name), value;
		if(med_schema_is_numbered(&defs[i]))
			continue;
		if(more && med_str_eq(field.name, name)) {
			value = field.value;
			more = med_card_next(card, &at, &field);
		} else {
			value = default_of(snapshot, kind, med_card_id(card), &defs[i], &made);
		}
		if(value.len > 0 && !cb(ctx, &defs[i], name, value))
			return;
	}
	for(; more; more = med_card_next(card, &at, &field)) {
		if(!cb(ctx, med_schema_field(kind, field.name), field.name, field.value))
			return;
	}
}

static bool fits(const med_wanted_t *wanted, med_str_t value)
{
	if(wanted->begins && value.len > wanted->value.len)
		value.len = wanted->value.len;
	return med_str_eq(value, wanted->value);
}

/* ---- routes ---------------------------------------------------------------------------
 */

static int compare_usages(const void *a, const void *b)
{
	const med_usage_t *x = *(const med_usage_t *const *)a;
	const med_usage_t *y = *(const med_usage_t *const *)b;
	size_t common = x->name.len < y->name.len ? x->name.len : y->name.len;
	int order = memcmp(x->name.s, y->name.s, common);

	return order != 0 ? order : (int)x->name.len - (int)y->name.len;
}

/* Those that have routes: all, or the one of a name, into *found by name. */
static int find_usages(const med_snapshot_t *snapshot, med_str_t name,
		const med_mem_t *mem, const med_usage_t ***found, size_t *count)
{
	const med_array_t *usages = snapshot->view.usages;
	size_t end = usages == NULL ? 0 : usages->chunks * MED_ARRAY_CHUNK;

	*count = 0;
	*found = med_calloc(mem, end + 1, sizeof(**found));
	if(*found == NULL)
		return MED_ENOMEM;
	for(uint32_t i = 0; i < end; i++) {
		const med_usage_t *usage = med_array_get(usages, i);
		if(usage != NULL && (name.len == 0 || med_str_eq(usage->name, name)))
			(*found)[(*count)++] = usage;
	}
	qsort(*found, *count, sizeof(**found), compare_usages);
	return *count > 0 || name.len == 0 ? MED_EOK : MED_ENOMATCH;
}

size_t med_routes_count(const med_snapshot_t *snapshot, med_str_t usage)
{
	const med_array_t *usages = snapshot->view.usages;
	size_t end = usages == NULL ? 0 : usages->chunks * MED_ARRAY_CHUNK, count = 0;

	for(uint32_t i = 0; i < end; i++) {
		const med_usage_t *at = med_array_get(usages, i);
		if(at != NULL && (usage.len == 0 || med_str_eq(at->name, usage)))
			count += at->count;
	}
	return count;
}

typedef struct med_teller {
	med_str_t usage;
	med_route_cb cb;
	void *ctx;
} med_teller_t;

static bool tell(void *ctx, const med_route_t *route)
{
	const med_teller_t *teller = ctx;

	return teller->cb(teller->ctx, teller->usage, route);
}

int med_routes_each(const med_snapshot_t *snapshot, med_str_t usage, const med_mem_t *mem,
		med_route_cb cb, void *ctx)
{
	const med_usage_t **found;
	size_t count;
	int rc = find_usages(snapshot, usage, mem, &found, &count);

	for(size_t i = 0; rc == MED_EOK && i < count; i++) {
		med_teller_t teller = {found[i]->name, cb, ctx};
		if(!med_usage_each(found[i], tell, &teller))
			break;
	}
	med_free(mem, found);
	return rc;
}

/* Longest are 64 trunks with their weights. */
typedef struct med_route_text {
	char text[MED_ROUTE_TRUNKS * (MED_ID_MAX + 8)];
} med_route_text_t;

static bool is_kept(const med_field_def_t *def)
{
	return def->offset != offsetof(med_route_record_t, name)
			&& def->offset != offsetof(med_route_record_t, description);
}

static med_str_t of_route(const med_snapshot_t *snapshot, med_str_t usages,
		const med_route_t *route, const med_field_def_t *def, med_route_text_t *made)
{
	const uint32_t weight_mask = (1u << MED_TRUNK_WEIGHT_BITS) - 1;
	med_str_t caller = med_route_alternate_caller_id(route);
	const med_schedule_t *schedule = route->schedule == 0
			? NULL
			: med_view_schedule(&snapshot->view, route->schedule - 1u);
	med_weighted_t trunks[MED_ROUTE_TRUNKS];
	med_route_record_t record = {
			.pattern = med_route_pattern(route),
			.priority = med_route_priority(route),
			.suppress_caller_id = caller.len > 0,
			.alternate_caller_id = caller,
			.trunks = {trunks, route->trunk_count},
			.schedule = schedule != NULL  ? schedule->id
					: route->schedule > 0 ? MED_STR("(not in force)")
										  : (med_str_t){NULL, 0},
	};

	if(def->offset == offsetof(med_route_record_t, usages))
		return usages;
	if(!is_kept(def))
		return (med_str_t){NULL, 0};
	if(def->type == MED_TYPE_PATTERN)
		return record.pattern;
	for(unsigned i = 0; def->type == MED_TYPE_TRUNKS && i < route->trunk_count; i++) {
		trunks[i].id = med_view_trunk_id(
				&snapshot->view, route->trunk[i] >> MED_TRUNK_WEIGHT_BITS);
		trunks[i].weight = route->trunk[i] & weight_mask;
	}
	(void)med_schema_format(def, &record, made->text, sizeof(made->text));
	return med_str(made->text);
}

void med_route_shown(const med_snapshot_t *snapshot, med_str_t usages,
		const med_route_t *route, med_shown_cb cb, void *ctx)
{
	size_t count;
	const med_field_def_t *defs = med_schema(MED_KIND_ROUTE, &count);
	med_route_text_t made;

	for(size_t i = 0; i < count; i++) {
		med_str_t value = of_route(snapshot, usages, route, &defs[i], &made);
		if(value.len > 0 && !cb(ctx, &defs[i], med_str(defs[i].name), value))
			return;
	}
}

/* Without making a text of them: a million are looked at. */
static bool has_trunk(const med_wanted_t *wanted, const med_snapshot_t *snapshot,
		const med_route_t *route)
{
	for(unsigned i = 0; i < route->trunk_count; i++) {
		if(fits(wanted,
				   med_view_trunk_id(
						   &snapshot->view, route->trunk[i] >> MED_TRUNK_WEIGHT_BITS)))
			return true;
	}
	return false;
}

bool med_wanted_route(const med_wanted_t *wanted, const med_snapshot_t *snapshot,
		med_str_t usage, const med_route_t *route)
{
	med_route_text_t made;

	if(wanted->def != NULL && wanted->def->type == MED_TYPE_TRUNKS)
		return has_trunk(wanted, snapshot, route);
	return med_wanted_value(wanted,
			wanted->def == NULL ? med_route_id(route)
								: of_route(snapshot, usage, route, wanted->def, &made));
}

/* ---- filters --------------------------------------------------------------------------
 */

int med_wanted_parse(
		enum med_kind kind, med_str_t text, med_wanted_t *wanted, med_errbuf_t *err)
{
	const char *equals = text.len == 0 ? NULL : memchr(text.s, '=', text.len);
	const char *nearest;
	char quoted[80];

	if(equals == NULL)
		return med_fail(err, MED_EINVAL, "'%s' is no filter: <field>=<value> is",
				med_quote(quoted, sizeof(quoted), text));
	wanted->name = (med_str_t){text.s, (size_t)(equals - text.s)};
	wanted->value = (med_str_t){equals + 1, text.len - wanted->name.len - 1};
	wanted->def = NULL;
	wanted->begins =
			wanted->value.len > 0 && wanted->value.s[wanted->value.len - 1] == '*';
	wanted->value.len -= wanted->begins;
	if(med_str_eq(wanted->name, MED_STR("id")))
		return MED_EOK;
	if(kind == MED_KIND_ROUTE && med_str_eq(wanted->name, MED_STR("usage")))
		wanted->name = MED_STR("usages"); /* as they are listed */
	wanted->def = med_schema_field(kind, wanted->name);
	if(kind == MED_KIND_ROUTE && wanted->def != NULL && !is_kept(wanted->def))
		return med_fail(err, MED_EINVAL,
				"the %s of routes is not kept in memory, so that a million fit; Redis "
				"has it",
				wanted->def->name);
	if(wanted->def != NULL) {
		if(!med_schema_is_numbered(wanted->def))
			wanted->name = med_str(wanted->def->name);
		return MED_EOK;
	}
	nearest = med_schema_nearest(kind, wanted->name);
	return med_fail(err, MED_EINVAL, "a %s has no field '%s'%s%s%s", med_kind_name(kind),
			med_quote(quoted, sizeof(quoted), wanted->name), nearest == NULL ? "" : "; '",
			nearest == NULL ? "" : nearest, nearest == NULL ? "" : "' is near");
}

bool med_wanted_value(const med_wanted_t *wanted, med_str_t value)
{
	if(fits(wanted, value))
		return true;
	if(wanted->def == NULL || !med_type_is_list(wanted->def->type))
		return false;
	while(value.len > 0) {
		const char *comma = memchr(value.s, ',', value.len);
		med_str_t entry = {
				value.s, comma == NULL ? value.len : (size_t)(comma - value.s)};
		const char *weight = memchr(entry.s, '*', entry.len);
		if(fits(wanted, entry)
				|| (weight != NULL
						&& fits(wanted,
								(med_str_t){entry.s, (size_t)(weight - entry.s)})))
			return true;
		value.s += entry.len + (comma != NULL);
		value.len -= entry.len + (comma != NULL);
	}
	return false;
}

bool med_wanted_card(const med_wanted_t *wanted, const med_snapshot_t *snapshot,
		enum med_kind kind, const med_card_t *card)
{
	med_made_t made;
	med_str_t value;

	if(wanted->def == NULL)
		return med_wanted_value(wanted, med_card_id(card));
	value = med_card_value(card, wanted->name);
	if(value.s == NULL && !med_schema_is_numbered(wanted->def))
		value = default_of(snapshot, kind, med_card_id(card), wanted->def, &made);
	return med_wanted_value(wanted, value);
}
