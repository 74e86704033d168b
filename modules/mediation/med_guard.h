/**
 * med_guard.h - calls that look like fraud are stopped before they leave
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_GUARD_H
#define MED_GUARD_H

#include <time.h>

#include "core/rpc.h"

#include "med_call.h"

/** A refusal. */
typedef struct med_guard_refusal {
	time_t at;
	uint16_t code;
	uint8_t guard_len, trunk_len, calling_len, called_len;
	char guard[MED_ID_MAX], trunk[MED_ID_MAX];
	char calling[MED_NUMBER_MAX], called[MED_NUMBER_MAX];
} med_guard_refusal_t;

/** In mod_init. 0, or -1 (logged). */
int med_guard_init(void);
void med_guard_destroy(void);

/** RPC mediation.guarded: the last refusals that were told, the newest first. */
void med_guarded_rpc(rpc_t *rpc, void *ctx);

/**
 * Counts this call for each guard that watches its usage. MED_EOK; MED_EFORBIDDEN: it is
 * one too many, the reason is set; *told: it need not be told again. The first of a
 * window runs event_route[mediation:guard].
 */
int med_guard(sip_msg_t *msg, const med_snapshot_t *snapshot, const med_call_t *call,
		med_str_t usage, bool *told);

#endif
