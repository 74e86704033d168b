/**
 * med_guard.h - calls that look like fraud are stopped before they leave
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_GUARD_H
#define MED_GUARD_H

#include "med_call.h"

/** In mod_init. 0, or -1 (logged). */
int med_guard_init(void);
void med_guard_destroy(void);

/**
 * Counts this call for each guard that watches its usage. MED_EOK; MED_EFORBIDDEN: it is
 * one too many, the reason is set; *told: it need not be told again.
 */
int med_guard(sip_msg_t *msg, const med_snapshot_t *snapshot, const med_call_t *call,
		med_str_t usage, bool *told);

#endif
