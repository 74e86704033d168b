/**
 * med_response.h - a trunk's final answer, read as its profile wants it read (spec 4.5)
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_RESPONSE_H
#define MED_RESPONSE_H

#include "med_call.h"

/** What a negative answer of the current candidate says beside its code is kept. */
void med_response_note(sip_msg_t *msg, med_call_t *call);

/**
 * The code that routing and the caller get instead of the one that came.
 *
 * @param out  NULL: the trunk is gone, and its rules with it
 */
unsigned med_response_code(sip_msg_t *msg, const med_snapshot_t *snapshot,
		const med_trunk_t *out, const med_call_t *call, unsigned code);

/** The caller is to get @p code, which is not what came: why, as the reason. */
void med_response_tell(
		sip_msg_t *msg, const med_call_t *call, unsigned came, unsigned code);

#endif
