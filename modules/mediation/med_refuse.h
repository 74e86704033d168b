/**
 * med_refuse.h - ending the side whose answer broke its leg's policy
 *
 * tm alone can neither drop a 200 nor turn it into another answer (design 4). What it
 * does do is read the status again after the reply route: so the reply becomes a 488
 * without body here, and the peer, whose dialog exists, gets ACK and BYE from us.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_REFUSE_H
#define MED_REFUSE_H

#include "med_call.h"

#include "modules/tm/tm_load.h"

extern struct tm_binds med_tm;

/**
 * An answer (1xx or 2xx to an INVITE) that must not reach the other side. In
 * onreply_route. Reason of @p call says why.
 */
void med_refuse_answer(sip_msg_t *reply, med_call_t *call);

/** A retransmission of an answer that was refused before: ACK again, keep it back. */
void med_refuse_again(sip_msg_t *reply, med_call_t *call);

/** The 200 of a candidate that was given up: end that dialog, touch nothing else. */
void med_refuse_late(sip_msg_t *reply, unsigned cause, const char *text);

/** The answer in an ACK (delayed offer): both sides are in a dialog, so both get BYE. */
void med_refuse_ack(sip_msg_t *ack, med_call_t *call);

/** It goes on without body. @return -1: memory is short */
int med_body_strip(sip_msg_t *msg);

#endif
