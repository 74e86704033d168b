/**
 * med_identity.h - From and To as each side of a call is to see them
 *
 * The called side gets them with the numbers and hosts its trunk wants; the caller goes
 * on seeing its own, in every reply and in every request of either side, whatever the
 * script does. Nothing is kept for that: each of our Record-Routes carries, sealed, what
 * requests that come with it need (med_cookie.h), and a reply is mended by its own
 * request.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_IDENTITY_H
#define MED_IDENTITY_H

#include "med_call.h"

#define MED_IDENTITY_URI_MAX 255u /* bytes of a From or To URI that can be carried */

/** What became of From and To of one branch. */
typedef struct med_rewritten {
	bool changed;
	bool hidden;          /**< the caller's number is suppressed: its name goes as well */
	str old_from, old_to; /**< in the message */
	size_t from_len, to_len;
	char from[MED_IDENTITY_URI_MAX], to[MED_IDENTITY_URI_MAX];
} med_rewritten_t;

/**
 * In branch_route: From and To for this trunk, if they differ.
 *
 * @param numbers  as the trunk wants them; calling.len 0: From stays
 * @return MED_EOK; MED_ELIMIT: too long to be put back later; MED_ENOMEM, MED_EINVAL
 */
int med_identity_write(sip_msg_t *msg, med_call_t *call, const med_trunk_t *trunk,
		const med_numbers_t *numbers, bool hidden, med_rewritten_t *rewritten);

/** What is sealed for one direction; @return its length, 0: nothing was changed. */
size_t med_identity_plain(
		const med_rewritten_t *rewritten, bool from_caller, char *plain);

/**
 * After loose_route(): From and To of an in-dialog request, by its Route's parameters.
 * @return what is in "med=" of them (med_cookie.h); len 0: it is not there
 */
med_str_t med_identity_routed(sip_msg_t *msg, med_str_t params);

/** Bytes of the message become others. MED_EOK, MED_ENOMEM. */
int med_identity_replace(
		sip_msg_t *msg, const char *start, size_t len, const char *text, size_t size);

/** Host of a header of ours (From, P-Asserted-Identity) by its form; len 0: as received.
 */
med_str_t med_identity_host(const sip_msg_t *msg, const med_trunk_t *trunk, uint8_t form);

#endif
