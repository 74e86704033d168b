/**
 * med_identity.h - From and To as each side of a call is to see them
 *
 * The called side gets them with the numbers and hosts its trunk wants; the caller goes
 * on seeing its own, in every reply and in every request of either side, whatever the
 * script does. Nothing is kept for that: our Record-Route carries, sealed, what requests
 * of either side need (med_cookie.h), and a reply is mended by its own request.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_IDENTITY_H
#define MED_IDENTITY_H

#include "med_call.h"
#include "med_lines.h"
#include "medcore/carry.h"

/** Bytes of a From or To URI that can be carried. */
#define MED_IDENTITY_URI_MAX MED_CARRY_TEXT_MAX

/** What became of From and To of one branch. */
typedef struct med_rewritten {
	bool changed;
	bool hidden;          /**< the caller's number is suppressed: its name goes as well */
	str old_from, old_to; /**< in the message */
	size_t from_len, to_len;
	char from[MED_IDENTITY_URI_MAX], to[MED_IDENTITY_URI_MAX];
} med_rewritten_t;

/** A name-addr or addr-spec in front of the header's parameters. */
typedef struct med_address {
	const char *start; /**< display name, or the URI */
	str uri;
	bool enclosed; /**< in < > */
} med_address_t;
/** Of a From or To. false: it has none. */
bool med_address_of(const struct hdr_field *header, med_address_t *address);

/** Who calls: From as it came, and what a trunk is to see instead. */
typedef struct med_caller {
	med_address_t from;        /**< uri.len 0: it has none */
	bool known;                /**< that has a user */
	med_str_t user, host;      /**< if known */
	const med_number_t *shown; /**< len 0: From stays */
	const med_extension_t *extension;
	bool hidden; /**< what came is to be nowhere */
} med_caller_t;

/**
 * In branch_route: From and To for this trunk, if they differ; where they may, they go
 * with the other @p lines.
 *
 * @param called  as the trunk wants it
 * @return MED_EOK; MED_ELIMIT: too long to be put back later; MED_ENOMEM, MED_EINVAL
 */
int med_identity_write(sip_msg_t *msg, med_call_t *call, const med_trunk_t *trunk,
		const med_caller_t *caller, const med_number_t *called,
		med_rewritten_t *rewritten, med_lines_t *lines);

/** What goes with the call; nothing where nothing was changed. */
void med_identity_carry(const med_rewritten_t *rewritten, med_carry_t *carried);

/** After loose_route(): From and To of an in-dialog request, by what came with it. */
void med_identity_routed(sip_msg_t *msg, bool from_caller, med_carry_t *carried);

/** Bytes of the message become others. MED_EOK, MED_ENOMEM. */
int med_identity_replace(
		sip_msg_t *msg, const char *start, size_t len, const char *text, size_t size);

/** Host of a header of ours (From, Contact) by its form, for what leaves by @p socket;
 * len 0: as received.
 */
med_str_t med_identity_host(
		const struct socket_info *socket, const med_trunk_t *trunk, uint8_t form);

#endif
