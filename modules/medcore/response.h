/**
 * response.h - what a gateway's final answer to an INVITE means (spec 4.5)
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_RESPONSE_H
#define MEDCORE_RESPONSE_H

#include "medcore/config.h"

#define MED_CAUSE_NONE (-1) /**< the answer names no cause */

/** One rule: a code and a cause as they come, and the code they are read as. */
typedef struct med_response_rule {
	uint16_t code;       /**< MED_CODE_ANY: any */
	int16_t cause;       /**< MED_CAUSE_ANY: any, and none */
	uint16_t translated; /**< 400 to 699 */
	uint32_t order;      /**< its number in its set */
} med_response_rule_t;

/** A rule set as a snapshot holds it. */
typedef struct med_response_rules {
	med_str_t id;
	const med_response_rule_t *rules; /**< in order */
	size_t count;
} med_response_rules_t;

/**
 * The Q.850 cause in the value of a Reason header (RFC 3326), which may have several
 * reasons; MED_CAUSE_NONE: there is none, or not a number of 0 to 127.
 */
int med_reason_cause(med_str_t value);

/**
 * Seconds in the value of a Retry-After header, UINT32_MAX at most; -1: none that can be
 * read.
 */
int64_t med_retry_after(med_str_t value);

/** The first rule that takes this code and cause; NULL: none does. */
const med_response_rule_t *med_response_rule(
		const med_response_rules_t *rules, unsigned code, int cause);
/** The rules of a trunk's profile; NULL: it has none that are in force. */
const med_response_rules_t *med_snapshot_response_rules(
		const med_snapshot_t *snapshot, const med_profile_t *profile);

#endif
