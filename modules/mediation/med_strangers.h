/**
 * med_strangers.h - requests from nobody we know
 *
 * Each is refused and counted. The log has one line for each source and interval, and a
 * few for all of them in a second: a scan of thousands is no flood.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_STRANGERS_H
#define MED_STRANGERS_H

#include "med_call.h"

/** In mod_init. 0, or -1 (logged). */
int med_strangers_init(void);
void med_strangers_destroy(void);

/** Sets the reason (spec 1.8), counts, and logs if it is time. @p snapshot not NULL. */
void med_stranger(sip_msg_t *msg, const med_snapshot_t *snapshot, const char *why);

/**
 * In place of med_refused(), for a request within a call that is none of ours: it may be
 * anybody's. @return @p code
 */
int med_stranger_in_dialog(sip_msg_t *msg, int code);

#endif
