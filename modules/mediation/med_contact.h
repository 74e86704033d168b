/**
 * med_contact.h - Contacts with a host of ours, for trunks that want to know no other
 *
 * A trunk whose profile has contact_host sees our host and port in the Contact of the
 * other side. Nothing is kept for that: the one that it stands for is sealed in a
 * parameter of it, and is put back into the Request-URI of each request to it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_CONTACT_H
#define MED_CONTACT_H

#include "med_call.h"

/** In mod_init. 0, or -1 (logged). */
int med_contact_init(void);

/**
 * In branch_route: the Contact that @p out gets, and those of all replies to @p in; NULL:
 * a side that is one of our own users. MED_EOK, MED_ENOMEM.
 */
int med_contact_branch(
		sip_msg_t *msg, med_call_t *call, const med_trunk_t *in, const med_trunk_t *out);

/** Within a call, before there is a transaction: those of all replies to @p from. */
int med_contact_in_replies(sip_msg_t *msg, const med_trunk_t *from);
/** And that of the request, once its socket is chosen. */
int med_contact_write(sip_msg_t *msg, const med_trunk_t *to);

#endif
