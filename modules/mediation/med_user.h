/**
 * med_user.h - our own users: where they are, and calls to them
 *
 * A side without a trunk. Who a user is, and where it is registered, is the script's
 * matter; what it has no trunk for comes from the site its address lies in and from the
 * pool of this node (`pool`).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_USER_H
#define MED_USER_H

#include "med_call.h"

/** The caller's site: its trunk's; of a user by its address, else the pool's. */
med_str_t med_user_site(
		sip_msg_t *msg, const med_snapshot_t *snapshot, const med_trunk_t *in);
/** The dial plan of callers that are not a trunk; empty: there is none. */
med_str_t med_user_dial_plan(const med_snapshot_t *snapshot);

/** In branch_route, for one contact of the user: MED_EOK, or the reason is set. */
int med_user_branch(sip_msg_t *msg, med_call_t *call);

#endif
