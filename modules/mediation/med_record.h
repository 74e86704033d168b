/**
 * med_record.h - the Record-Route parameter: written into an INVITE, found again in
 * dialog
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_RECORD_H
#define MED_RECORD_H

#include "med_identity.h"
#include "med_lines.h"

/** In mod_init: binds to rr. 0, or -1 (logged). */
int med_record_init(void);

/**
 * In branch_route: the Record-Route of this branch, with the parameter; where the script
 * has called record_route() itself, the parameter is added to that. With it go the other
 * @p lines that this branch gets. MED_EINVAL: a header that the parameter needs is
 * missing; MED_ENOMEM.
 */
int med_record_write(sip_msg_t *msg, const med_call_t *call,
		const med_rewritten_t *rewritten, const med_lines_t *lines);

/**
 * The call that the last loose_route() found, by med_cookie_read(); false: none, or one
 * that is not this request's.
 */
bool med_record_read(sip_msg_t *msg, med_call_t *call);

#endif
