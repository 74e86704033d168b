/**
 * listing.h - objects in force as people see them, field by field
 *
 * What a card holds, with the defaults filled in and what follows from other objects.
 * Any process; no locks, no allocation.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_LISTING_H
#define MEDCORE_LISTING_H

#include "medcore/card.h"
#include "medcore/schema.h"

/** Gets each field in turn; false: enough. */
typedef bool (*med_shown_cb)(
		void *ctx, const med_field_def_t *def, med_str_t name, med_str_t value);

/**
 * Every field that has a value, in the order of the schema, numbered ones by number. A
 * secret is MED_NOT_SHOWN. The names and texts live as long as the call.
 */
void med_shown(const med_snapshot_t *snapshot, enum med_kind kind, const med_card_t *card,
		med_shown_cb cb, void *ctx);

/** Which objects are asked for: `field=value`; "id" is a field here. */
typedef struct med_wanted {
	const med_field_def_t *def; /**< NULL: the id */
	med_str_t name, value;      /**< views of the text it was read from */
	bool begins;                /**< the value ended in '*': what begins so */
} med_wanted_t;

/** MED_EOK; MED_EINVAL: @p err says what would be right. */
int med_wanted_parse(
		enum med_kind kind, med_str_t text, med_wanted_t *wanted, med_errbuf_t *err);
/** Of a list any entry will do, with its weight or without. */
bool med_wanted_value(const med_wanted_t *wanted, med_str_t value);
bool med_wanted_card(const med_wanted_t *wanted, const med_snapshot_t *snapshot,
		enum med_kind kind, const med_card_t *card);

/* ---- routes ---------------------------------------------------------------------------
 */

/** Gets a route and the usage it stands in. false: enough. */
typedef bool (*med_route_cb)(void *ctx, med_str_t usage, const med_route_t *route);

/**
 * The routes of a usage in the order they are tried; of one with very many (8,192) by
 * their leading digits, and in that order among those with the same. A million take about
 * 50 ms.
 *
 * @param usage  empty: all usages, in order of their names; a route in two comes twice
 * @param mem    for the order of the usages
 * @return MED_EOK, MED_ENOMATCH: no route has this usage, MED_ENOMEM
 */
int med_routes_each(const med_snapshot_t *snapshot, med_str_t usage, const med_mem_t *mem,
		med_route_cb cb, void *ctx);
/** How many that are, without looking at them. */
size_t med_routes_count(const med_snapshot_t *snapshot, med_str_t usage);
/**
 * Its fields as they are kept in a snapshot: neither name nor description.
 *
 * @param usages  shown as they are; empty: not
 */
void med_route_shown(const med_snapshot_t *snapshot, med_str_t usages,
		const med_route_t *route, med_shown_cb cb, void *ctx);
bool med_wanted_route(const med_wanted_t *wanted, const med_snapshot_t *snapshot,
		med_str_t usage, const med_route_t *route);

/** Do values of this type consist of entries with commas between them? */
bool med_type_is_list(enum med_type type);

#endif
