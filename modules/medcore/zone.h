/**
 * zone.h - the clock of a place: how far it is ahead of UTC, and from when on
 *
 * By GLib, in the process that builds snapshots; what a schedule needs of a zone stands
 * in the snapshot as numbers, so that no call looks at a zone's file.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_ZONE_H
#define MEDCORE_ZONE_H

#include "medcore/schedule.h"

/** Does this system know a zone of that name? */
bool med_zone_known(med_str_t name);

#define MED_SHIFTS_MAX 256

/**
 * All changes of a zone's clock between two moments, the first at @p from.
 *
 * @param shifts  MED_SHIFTS_MAX of them
 * @return how many; 0: no such zone, or memory is short
 */
size_t med_zone_shifts(med_str_t name, int64_t from, int64_t to, med_shift_t *shifts);

#endif
