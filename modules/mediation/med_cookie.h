/**
 * med_cookie.h - the Record-Route parameter by which in-dialog requests find their call
 *
 *   ;med=<caller's trunk>~<called trunk>~<policies>
 *        [.<offer>][~<media>]<pins><tag><sealed>
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_COOKIE_H
#define MED_COOKIE_H

#include "med_call.h"
#include "medcore/carry.h"

/*
 * Policies are two letters for each side, as admitted: r|o|n (SRTP required, optional,
 * not supported), a|b|y (anchored, not anchored, anchored but that the call's media goes
 * past us). Offer is the CSeq of an INVITE that we put an offer into. Media are 64 bits
 * for each side, where a profile says more of it. Pins are four characters for each side:
 * a hash of the transport and address the call began with, so that a call outlives
 * changes of its trunks. The tag is SipHash-2-4 with a key of the node's over all of it,
 * what is sealed, the Call-ID and the caller's tag: it cannot be moved to another call.
 *
 * What is sealed is for us alone (med_identity.h) and mostly not there. The tag is its
 * nonce, too: it is another for each call and each text, and equal for equal ones only.
 */

/** Bytes of what the tag is over, beside what is sealed. */
#define MED_FACTS_MAX (2 * (MED_ID_MAX + 1) + 4 + 7 + 23 + 8)
/** Symbols that can be carried. */
#define MED_COOKIE_SYMBOLS_MAX (1 + 2 * MED_CARRY_SYMBOLS_MAX)
#define MED_COOKIE_MAX (sizeof ";med=" + MED_FACTS_MAX + 11 + MED_COOKIE_SYMBOLS_MAX)

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

/**
 * With leading ";". @p carried is sealed; of len 0: nothing is.
 * @return its length; 0: the message has no Call-ID or tag
 */
size_t med_cookie_write(sip_msg_t *msg, const med_call_t *call,
		const med_carry_t *carried, char out[MED_COOKIE_MAX]);

/** Characters of a sealed URI, at most. */
#define MED_COOKIE_URI_MAX (11 + MED_CARRY_SYMBOLS_MAX)

/** @p uri, of MED_CARRY_TEXT_MAX bytes at most, sealed; @return the length of that. */
size_t med_cookie_seal_uri(str uri, char out[MED_COOKIE_URI_MAX]);
/** The reverse; false: we have not sealed that. */
bool med_cookie_open_uri(med_str_t sealed, char uri[MED_CARRY_TEXT_MAX], size_t *len);

/** The parts of a parameter's value. */
typedef struct med_cookie {
	med_str_t facts;      /**< what the tag is over, but for what is sealed */
	med_str_t in, out;    /**< ids of the trunks */
	const char *policies; /**< four letters */
	const char *offer;    /**< NULL: there is none */
	const char *media;    /**< NULL: there is none */
	const char *pins, *tag;
	med_str_t sealed; /**< mostly of len 0 */
} med_cookie_t;

/** Of @p value (of "med="); false: it is not of our form. */
bool med_cookie_parse(med_str_t value, med_cookie_t *cookie);

/** Whose request it is that a parameter came with. */
enum med_sender {
	MED_FROM_NOBODY, /**< the parameter is not of this call */
	MED_FROM_CALLER,
	MED_FROM_CALLEE,
};
/**
 * Check a parameter against this in-dialog request, and unseal what is carried.
 * @p carried  has room for MED_COOKIE_SYMBOLS_MAX
 */
enum med_sender med_cookie_check(
		sip_msg_t *msg, const med_cookie_t *cookie, med_carry_t *carried);

/**
 * Fill both sides of @p call by id, with MED_CALL_IN_DIALOG and, from the callee,
 * MED_CALL_UPSTREAM. @p cookie has been checked.
 */
void med_cookie_read(
		const med_cookie_t *cookie, enum med_sender sender, med_call_t *call);

#endif
