/**
 * med_limit.h - calls that trunks, gateways and sites have no room for
 *
 * A call is counted from med_route() or med_to_user() on at the trunk it came in on, and
 * from med_next() on at the one it is sent to. It is given back with its final answer
 * unless that is a 2xx, and else when a BYE of either side is answered and not
 * challenged, or another request within it by 481 or 408; what is told of its end twice
 * counts once. Nodes share what each of them may count (med_sync_permits.c); a node
 * counts anew after a restart.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_LIMIT_H
#define MED_LIMIT_H

#include "med_call.h"
#include "med_rpc_item.h"

/** In mod_init. 0, or -1 (logged). */
int med_limit_init(void);
void med_limit_destroy(void);

/**
 * A new call came in on this trunk, which has limits. MED_EOK; MED_EREFUSED: it is one
 * too many, the reason is set; *told: it need not be told again.
 */
int med_limit_in(sip_msg_t *msg, med_call_t *call, const med_trunk_t *in, bool *told);
/**
 * It is about to be sent to this trunk, and no longer to the one before; the same. Only
 * where that trunk has limits, or the call is counted already, or there are limits of the
 * link between both sites (@p link; NULL: none).
 */
int med_limit_out(sip_msg_t *msg, med_call_t *call, const med_trunk_t *out,
		const med_limits_t *link, bool *told);
/** It gets no other answer than a no. */
void med_limit_end(med_call_t *call);
/** A request within a call, whose sender was made sure of. */
void med_limit_within(sip_msg_t *msg, const med_call_t *call);

/** med_query_t's full. */
bool med_limit_full(void *ctx, const med_trunk_t *trunk, bool emergency);

/** Calls that limits count now, of all of them together. */
unsigned med_limit_counted(void);
/** By number: what nodes share of them is the Redis process's to set. */
med_limit_state_t *med_limit_states(void);

/** Calls at a time. */
uint32_t med_limit_up(const med_limits_t *limits, enum med_way way);
/** What is counted: of mediation.limits. */
void med_limit_show(med_item_t *item, const med_limits_t *limits);
/** The same of mediation.trunks: where the trunk has limits of its own. */
void med_limit_show_trunk(med_item_t *item, const med_trunk_t *trunk);

#endif
