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

#define MED_COOKIE_MAX (sizeof ";med=" + 2 * MED_ID_MAX + 8 + 32 + 13 + 16)

/**
 * What is sealed is read by us alone: encrypted with a key made of the node's, and bound
 * to the call and to the parameter beside it. SipHash as a pseudo-random function gives
 * the key stream (counter mode) and the tag.
 */
#define MED_SEAL_PLAIN_MAX 520u
#define MED_SEAL_MAX ((MED_SEAL_PLAIN_MAX + 8) * 4 / 3 + 4)
/** For requests of the caller, and for those of the callee. */
enum med_direction { MED_FROM_CALLER = 'f', MED_FROM_CALLEE = 'b' };
/**
 * @param facts  value of med=
 * @return bytes of @p out; 0: too long, or @p msg has no Call-ID or tag
 */
size_t med_cookie_seal(sip_msg_t *msg, enum med_direction direction, med_str_t facts,
		const char *plain, size_t len, char out[MED_SEAL_MAX]);
/** Of an in-dialog request. @return bytes of @p plain; 0: it is not of this call. */
size_t med_cookie_unseal(sip_msg_t *msg, enum med_direction direction, med_str_t facts,
		med_str_t sealed, char plain[MED_SEAL_PLAIN_MAX]);

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
