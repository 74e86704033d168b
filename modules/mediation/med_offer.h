/**
 * med_offer.h - an INVITE without offer, to a trunk that takes none (initial_offer early)
 *
 *   caller            us                                     trunk
 *   INVITE            ->  an offer of ours (medcore/offer.h)  ->
 *   offer of the same <-  its answer, to rtpengine            <-  200, or 18x with RSeq
 *   ACK, or PRACK     ->  its answer, to rtpengine; no SDP    ->
 *
 * To rtpengine these are two exchanges: the caller, who is nowhere yet, offers to the
 * trunk; then the trunk offers the same again to the caller. Offers later in the call
 * are the peers' own.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_OFFER_H
#define MED_OFFER_H

#include "med_call.h"

/**
 * A candidate is chosen: does its trunk get an offer of ours, and is that possible?
 * @return MED_EOK; MED_EREFUSED: it needs one, and gets none (reason is set)
 */
int med_offer_choose(sip_msg_t *msg, med_call_t *call, const med_trunk_t *trunk);

/* These three return enum med_media_result. */

/** The INVITE gets the offer. */
int med_offer_make(sip_msg_t *msg, med_call_t *call);
/** A reply to that INVITE. */
int med_offer_reply(sip_msg_t *reply, med_call_t *call);
/** The request that may have the caller's answer. */
int med_offer_answer(sip_msg_t *msg, med_call_t *call);

/** Is this ACK or PRACK to an INVITE that got our offer? */
bool med_offer_is_of(sip_msg_t *msg, const med_call_t *call);
/** Has the caller answered in a PRACK before? */
bool med_offer_answered(sip_msg_t *msg);

#endif
