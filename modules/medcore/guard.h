/**
 * guard.h - how many calls are too many: counters that stop toll fraud (spec 9, no. 15)
 *
 * Counts live in a table of fixed size that processes share, without locks; a source that
 * is not seen for long gives its place to another. An estimate over two windows: what
 * was counted in the one before goes out of it evenly. Nobody is refused because the
 * table is full.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_GUARD_H
#define MEDCORE_GUARD_H

#include "medcore/select.h"

#define MED_GUARD_WAYS 4u /**< places that a key may have */

typedef struct med_guard_place {
	uint64_t key;     /**< 0: free */
	uint32_t since_s; /**< when the window began */
	uint32_t count, before;
	uint32_t blocked_until_s; /**< 0: it is not */
	uint32_t told_s;          /**< of a refusal; 0: none */
	uint32_t unused;
} med_guard_place_t;

/** Zeroed, in memory that all processes share. */
typedef struct med_guard_table {
	uint32_t places; /**< a multiple of MED_GUARD_WAYS */
	med_guard_place_t place[];
} med_guard_table_t;

/** What is counted for itself: of this guard, a caller, a destination or a trunk. Not 0.
 */
uint64_t med_guard_key(const med_guard_t *guard, const med_number_t *caller,
		const med_number_t *called, med_str_t trunk);
/** Does it look at calls that leave by this usage? */
bool med_guard_watches(const med_guard_t *guard, med_str_t usage);

enum med_guarded {
	MED_GUARD_LETS,    /**< counted */
	MED_GUARD_REFUSES, /**< too many, told already in this window */
	MED_GUARD_TELLS,   /**< the same, for the first time */
};
/** One more call. @param now_s  seconds of a clock that is never set, not 0 */
enum med_guarded med_guard_count(
		med_guard_table_t *table, const med_guard_t *guard, uint64_t key, uint32_t now_s);

#endif
