/**
 * med_bypass.h - calls whose media goes past us (medcore/bypass.h)
 *
 * Decided for each branch of a call before it is sent, and sealed into its Record-Route
 * parameter: so it holds for the call, on any node. An offer within the call that does
 * not fit moves the call to rtpengine. The policy listener knows from then on that it is
 * there and keeps it; so it is asked of each later offer and answer.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_BYPASS_H
#define MED_BYPASS_H

#include "med_call.h"
#include "medcore/bypass.h"

/** Might media of this call go past us, or has it on the branch before? */
static inline bool med_bypass_asked(const med_call_t *call)
{
	return call->in.policy.bypass || call->out.policy.bypass
			|| (call->flags & MED_CALL_BYPASSED) != 0;
}
/** In branch_route, before the branch gets its Record-Route: decides. */
void med_bypass_decide(sip_msg_t *msg, med_call_t *call, const med_snapshot_t *snapshot);
/** Of the branch or the call that this message is of. */
bool med_bypass_is(const sip_msg_t *msg, const med_call_t *call);
/** May an offer that comes later than the decision go past us as well? */
bool med_bypass_holds(sip_msg_t *msg, const med_side_t *from, const med_side_t *to,
		const med_sdp_t *offer);

/**
 * The gate is to let this message's SDP go: also when tm sends it again, from another
 * process. By Call-ID, CSeq and whether it is a reply.
 */
void med_bypass_note(sip_msg_t *msg);

#endif
