/**
 * med_verbs.h - private: the script's verbs, and what they share
 *
 * med_decide.c: who calls, what number, may it, by which trunks. med_attempt.c: one trunk
 * after the other. med_answer.c: what was said no to, as a SIP answer. med_script.c has
 * the tables by which scripts reach them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_VERBS_H
#define MED_VERBS_H

#include "med_call.h"

enum med_script_code {
	MED_YES = 1,
	MED_INTERNAL = -1,
	MED_NO = -2,
	MED_ALL_DOWN = -3,
	MED_NOT_LOADED = -4,
};

/** Of this process; made in child_init. */
extern med_scratch_t *med_scratch;

int ki_med_from_trunk(sip_msg_t *msg);
/** A trunk asks whether we are there: that it is there is noted. */
int ki_med_heard(sip_msg_t *msg);
/** Is this node being drained? Then the reason is set. */
int ki_med_draining(sip_msg_t *msg);
int ki_med_normalize(sip_msg_t *msg);
int ki_med_normalize_by(sip_msg_t *msg, str *rules);
int ki_med_authorize(sip_msg_t *msg);
int ki_med_authorize_policy(sip_msg_t *msg, str *policy);
/** @param kind  "forward": the call is forwarded, or rings simultaneously */
int ki_med_authorize_as(sip_msg_t *msg, str *policy, str *kind);
int ki_med_route(sip_msg_t *msg);
int ki_med_to_user(sip_msg_t *msg);
int ki_med_to_user_as(sip_msg_t *msg, str *srtp_mode);
/**
 * Who calls, as E.164 where the dial plan makes that of it: it is the gateway's way of
 * writing numbers, the caller's own included.
 */
void med_calling(sip_msg_t *msg, const med_snapshot_t *snapshot, const med_trunk_t *in,
		med_call_t *call);

/** In mod_init: tm's functions. */
int med_attempt_init(void);
int ki_med_next(sip_msg_t *msg);
int ki_med_branch(sip_msg_t *msg);
int ki_med_media(sip_msg_t *msg);
int ki_med_failover(sip_msg_t *msg);
/**
 * How an attempt ended and when; 0: not, or not tried. Also where tm alone knows yet: acc
 * asks before there is a failure route.
 */
unsigned med_attempt_code(const med_call_t *call, unsigned index, uint32_t *ms);

/** In mod_init: sl's. */
int med_answer_init(void);
int ki_med_reply(sip_msg_t *msg);

/** The reason phrase of a final code of ours (RFC 3261, 21). */
const char *med_phrase(unsigned code);
/** As it may stand in a quoted-string; @return @p text. */
const char *med_reason_quotable(const med_reason_t *reason, char text[MED_REASON_MAX]);

/** For log lines: a header may be folded, and its next line look like one of the log. */
str med_callid(sip_msg_t *msg);
/** One readable line for each request that does not go on; then the script's code. */
int med_refused(sip_msg_t *msg, int code);
/** The same where the log has a line of its kind already. */
int med_refused_again(sip_msg_t *msg, int code);
int med_not_loaded(sip_msg_t *msg);

#endif
