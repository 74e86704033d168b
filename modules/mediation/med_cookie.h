/**
 * med_cookie.h - the Record-Route parameter by which in-dialog requests find their call
 *
 *   ;med=<caller's trunk>~<called trunk>~<policies>~<pins>~<tag>
 *
 * Policies are two letters for each side, as admitted: r|o|n (SRTP required, optional,
 * not supported), a|b (anchored, or bypassed). Pins are six digits for each side: a hash
 * of the transport and address the call began with, so that a call outlives changes of
 * its trunks. The tag is SipHash-2-4 with the node's key over all of it, the Call-ID and
 * the caller's tag: it cannot be moved to another call.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_COOKIE_H
#define MED_COOKIE_H

#include "med_call.h"

#define MED_COOKIE_MAX (sizeof ";med=" + 2 * MED_ID_MAX + 8 + 13 + 16)

/**
 * In mod_init. @p key is text of any length, the same on all nodes that share calls;
 * NULL or empty: a random one, with which calls do not outlive a restart.
 */
int med_cookie_init(const char *key);

/**
 * Where a side is, as 24 bits of a hash with the node's key; never 0. @p proto is
 * Kamailio's, so that an address reached by TLS is not that address by UDP.
 */
uint32_t med_cookie_pin_ip(int proto, const med_ip_t *ip);
uint32_t med_cookie_pin_name(int proto, med_str_t name);

/** With leading ";"; @return its length, 0: the message has no Call-ID or tag. */
size_t med_cookie_write(sip_msg_t *msg, const med_call_t *call, char out[MED_COOKIE_MAX]);

/**
 * Check @p value (of "med=") against this in-dialog request and fill both sides of @p
 * call by id, with MED_CALL_IN_DIALOG and, from the callee, MED_CALL_UPSTREAM.
 *
 * @return MED_EOK; MED_EINVAL: not of our form, or not of this call
 */
int med_cookie_read(sip_msg_t *msg, med_str_t value, med_call_t *call);

#endif
