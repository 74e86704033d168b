/**
 * med_hold.h - a configuration that suddenly shrinks is held back until it is confirmed
 *
 * FLUSHDB, a master that came back empty, the wrong database, an empty replica promoted:
 * all look like a configuration from which nearly everything was deleted. What a full
 * read lacks stays in force then; what it adds and changes is applied, and so is every
 * single change. Redis process only.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_HOLD_H
#define MED_HOLD_H

#include "med_status.h"

/** Everything is about to be told anew. */
void med_hold_begin(const med_config_t *config);
/** An object is about to be set or removed: one less may be held. */
void med_hold_told(
		const med_config_t *config, med_held_t *held, enum med_kind kind, med_str_t id);

/**
 * All was told. May what was not told be taken out of force?
 *
 * @param max_shrink  percent of the trunks, or of the routes, that one read may take
 * away; 100: whatever it takes away
 * @param confirmed   a person said so
 * @param in_force    objects by kind, where not all that was told is in force; else NULL
 * @param held        filled when it may not; empty when it may
 */
bool med_hold_allows(const med_config_t *config, int max_shrink, bool confirmed,
		const unsigned *in_force, med_held_t *held);

/**
 * Is @p token one that a writer left after @p last? Any other is, but of two of medctl's
 * (32 hex digits, time first) only the later: an old dump that was restored is no
 * consent.
 */
bool med_hold_is_later(const char *token, const char *last);

/** Has @p held become empty because all of it was told again? Then it is over. */
bool med_hold_is_over(med_held_t *held);

#endif
