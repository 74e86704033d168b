/**
 * med_dialog.h - who may speak within a call, and where a request within it may go
 *
 * A call's two sides are in the Record-Route parameter; what is in between, the target
 * and the other Routes, is the sender's word alone. So the next hop is held to the other
 * side: to its trunk's gateway as it is now, or to the address the call began with.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_DIALOG_H
#define MED_DIALOG_H

#include "med_call.h"

/**
 * Is the request from the side it says it is from? Trunks that are disabled or changed
 * keep their calls; of one that is gone the parameter alone is proof. Then replies get
 * the Contact that this side is to see.
 *
 * @return MED_EOK; MED_EREFUSED, the reason is set; MED_ENOMEM
 */
int med_dialog_from(sip_msg_t *msg, med_call_t *call, const med_snapshot_t *snapshot);

/**
 * Hold the next hop to the other side: it stays where it is that side's gateway over the
 * trunk's transport, else it becomes the trunk's destination; the Request-URI stays.
 * Contact is as that side is to see it. After loose_route().
 *
 * @return MED_EOK; MED_EREFUSED: the trunk is gone and the next hop is not where the call
 *         began, or a leg with SRTP required would leave TLS; the reason is set.
 *         MED_ENOMEM
 */
int med_dialog_to(sip_msg_t *msg, const med_call_t *call, const med_snapshot_t *snapshot);

/** Where a request goes next, as an address. false: that is a name, or not known. */
bool med_dialog_hop_ip(sip_msg_t *msg, med_ip_t *ip);
/** The same, and over what (PROTO_*). */
bool med_dialog_hop_at(sip_msg_t *msg, med_ip_t *ip, int *proto);
/** The same as a pin (med_cookie.h); 0: not known. */
uint32_t med_dialog_hop_pin(sip_msg_t *msg);

/**
 * An answer to the INVITE of the current candidate: over TLS it must be from whom its
 * gateway's tls_name says. Kamailio's tls module verifies the authority of a server's
 * certificate, and compares no name.
 *
 * @return MED_EOK, also where it is no such answer; MED_EREFUSED, the reason is set
 */
int med_dialog_answer(
		sip_msg_t *reply, const med_call_t *call, const med_snapshot_t *snapshot);

/**
 * Has the PSTN answered a forwarded call sooner than a person could (spec 3.6)?
 *
 * @return MED_EOK; MED_EREFUSED, the reason is set
 */
int med_dialog_too_soon(
		sip_msg_t *reply, const med_call_t *call, const med_snapshot_t *snapshot);

#endif
