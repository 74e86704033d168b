/**
 * card.h - objects as they were written, listed in a snapshot in order of id
 *
 * Every kind but routes, which are listed from their usages (listing.h). A card holds
 * what differs from the defaults, as text; of a secret only that it is set.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_CARD_H
#define MEDCORE_CARD_H

#include "medcore/config.h"

/** What stands for the value of a secret. */
#define MED_NOT_SHOWN "(not shown)"

/** Immutable; lives as long as the snapshot. */
typedef struct med_card med_card_t;

med_str_t med_card_id(const med_card_t *card);
/** The field at @p *at, which begins with 0 and moves on. false: there are no more. */
bool med_card_next(const med_card_t *card, size_t *at, med_field_t *field);
/** As it was written; .s NULL: its default holds. Reads the card from its beginning. */
med_str_t med_card_value(const med_card_t *card, med_str_t name);

/** Lookups, from any process, without locks or allocation. NULL: not in force. */
const med_card_t *med_snapshot_card(
		const med_snapshot_t *snapshot, enum med_kind kind, med_str_t id);
/** In order of id, of med_snapshot_count() in all. NULL: past the end. */
const med_card_t *med_snapshot_card_at(
		const med_snapshot_t *snapshot, enum med_kind kind, size_t index);

#endif
