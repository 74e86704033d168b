/**
 * med_gate.h - the last gate: no message leaves that its leg's media policy forbids
 *
 * Looks at the bytes as they go to the socket, after every module and whatever the script
 * did, retransmissions too (design 5).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_GATE_H
#define MED_GATE_H

#include "med_call.h"

/**
 * In mod_register(): the core runs these callbacks last-registered first, and every stock
 * module registers in its mod_init, which is later. So ours is the last to see the bytes.
 */
int med_gate_register(void);

/**
 * The leg that the message now worked on goes to, as its call was admitted: where a
 * request came over a connection that we opened, the local port does not tell the trunk,
 * and a call in progress keeps its policy when the trunk's changes. Holds in this process
 * until it takes the next message, for requests or replies as @p msg is, with its Call-ID
 * and CSeq.
 */
void med_gate_admit(sip_msg_t *msg, const med_side_t *to);

#endif
