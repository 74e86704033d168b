/**
 * med_drain.h - this node takes no new calls; those that are up go on
 *
 * By RPC, for a node that is to be stopped; it holds until it is taken back or the node
 * stops. Peers see 503 to their calls and, where the script asks med_draining(), to their
 * OPTIONS, so that they go to another node. Emergency calls are let through.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_DRAIN_H
#define MED_DRAIN_H

#include "core/rpc.h"

#include "med_call.h"

/** In mod_init. 0, or -1 (logged). */
int med_drain_init(void);
void med_drain_destroy(void);

/** From any process. */
bool med_drain_on(void);
/** A new call is refused by this: sets the reason. */
void med_drain_reason(sip_msg_t *msg);

/** RPC mediation.drain [on|off]. */
void med_drain_rpc(rpc_t *rpc, void *ctx);

#endif
