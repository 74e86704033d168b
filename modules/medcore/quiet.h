/**
 * quiet.h - who has been told of already: lines of a log that many may cause
 *
 * A table of fixed size, shared by processes, without locks: two that tell of the same
 * source at the same moment may both do so, and no more comes of it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_QUIET_H
#define MEDCORE_QUIET_H

#include "medcore/common.h"

#define MED_QUIET_PLACES 4096u /**< sources remembered; more replace older ones */
#define MED_QUIET_LINES 10u    /**< of all sources together, in a second */

/** Zeroed, in memory that all processes share. */
typedef struct med_quiet {
	struct {
		uint64_t source; /**< 0: none */
		uint32_t told_s; /**< when */
		uint32_t more;   /**< not told since */
	} place[MED_QUIET_PLACES];
	uint32_t second, lines; /**< told in that second */
} med_quiet_t;

/**
 * @param source      hash of who it is; not 0
 * @param now_s       seconds of a clock that is never set, not 0
 * @param interval_s  between two lines about one source
 * @param more        how many were not told since its last line
 * @return tell it
 */
bool med_quiet_tells(med_quiet_t *quiet, uint64_t source, uint32_t now_s,
		uint32_t interval_s, uint32_t *more);

#endif
