/**
 * med_branch.h - the request as one candidate gets it: its number, headers and socket
 *
 * Everything is written in branch_route, so nothing of one attempt is left in the next.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_BRANCH_H
#define MED_BRANCH_H

#include "med_call.h"

/**
 * Request-URI with number and host, one P-Asserted-Identity or none, Record-Route.
 *
 * @return MED_EOK; MED_ENOMATCH: the trunk is gone meanwhile; MED_ENOMEM; MED_EINVAL: the
 *         translated number cannot stand in a URI. The reason is set.
 */
int med_branch_write(sip_msg_t *msg, med_call_t *call, const med_snapshot_t *snapshot,
		med_scratch_t *scratch);

/**
 * The same for one of our own users: its contact is its URI already, so only what is not
 * the caller's to say is taken off. @p in  the caller's trunk, or NULL
 */
int med_branch_write_user(sip_msg_t *msg, med_call_t *call, const med_trunk_t *in);

/**
 * The caller's number: its P-Asserted-Identity where the trunk's is believed (then true),
 * else From; empty where neither is a number. @p params  those of that URI
 */
bool med_calling_of(sip_msg_t *msg, const med_trunk_t *in, med_number_t *calling,
		med_number_params_t *params);

/**
 * User and host of a sip:, sips: or tel: URI by looking for the delimiters alone: a
 * number is all that is wanted, and med_number_from_user() is strict. The user keeps its
 * parameters. @p host may be NULL. false: not of that form.
 */
bool med_uri_parts(str uri, med_str_t *user, med_str_t *host);

/**
 * "sip:number;ext=1@host;user=phone" as a profile has it. MED_EOK; MED_EINVAL: longer
 * than @p size. @p extension  of len 0: none
 */
int med_branch_uri(const med_profile_t *profile, const med_number_t *number,
		const med_extension_t *extension, med_str_t host, char *out, size_t size,
		size_t *len);
/** Does it say who the caller is, beside From: asserted identities, call history? */
bool med_header_is_identity(const struct hdr_field *header);

/** Our socket for a trunk; NULL: we do not listen there. */
struct socket_info *med_trunk_socket(const med_trunk_t *trunk);

#endif
