/**
 * med_call.h - what this node knows of one request's call, kept by value in an XAVP
 *
 * It follows the transaction into branch, failure and reply routes, whichever process
 * runs them. Nothing in it points into a snapshot: trunks are kept by number and id and
 * are looked up anew when they are needed; the media policy a leg was admitted with is
 * kept itself.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_CALL_H
#define MED_CALL_H

#include "med_compat.h"
#include "medcore/limit.h"
#include "medcore/response.h"
#include "medcore/select.h"

#define MED_BRANCH_MAX 96       /**< bytes of a Via branch of ours */
#define MED_REASON_MAX 224      /**< bytes of a reason's text */
#define MED_DESTINATION_MAX 320 /**< "sip:", a host name of 255, port and transport */

/** One side of a call. */
typedef struct med_side {
	uint32_t number; /**< of the trunk; MED_NO_NUMBER: no trunk (one of our own users) */
	uint32_t pin; /**< where the call began on this side, see med_cookie.h; 0: unknown */
	med_leg_policy_t policy; /**< as admitted */
	uint8_t id_len;
	char id[MED_ID_MAX];
} med_side_t;

/** Why a call is not going on: what med_reply() answers. */
typedef struct med_reason {
	uint16_t code;       /**< SIP status; 0: nothing to say */
	uint16_t diagnostic; /**< MS-OCER id (spec 3.2), 0: none */
	uint16_t len;
	uint32_t retry_after_s; /**< 0: not said */
	char text[MED_REASON_MAX];
} med_reason_t;

/** A trunk this call may leave by; texts are offsets into the pool. */
typedef struct med_try {
	uint32_t number;
	uint16_t trunk, route, usage, alternate; /**< offsets */
	uint8_t trunk_len, route_len, usage_len, alternate_len;
	uint32_t target; /**< which of its places it was: med_target_hash(); 0: none */
	uint16_t code;   /**< how it ended, 408 where a timer did it; 0: not, or not tried */
	uint32_t ms;     /**< until then */
	bool no_srtp;    /**< the same once more, as it refused SRTP */
} med_try_t;

enum med_call_flag {
	MED_CALL_IN_DIALOG = 1 << 0,  /**< state made from the Record-Route parameter */
	MED_CALL_UPSTREAM = 1 << 1,   /**< this request goes from callee to caller */
	MED_CALL_NO_LEG = 1 << 2,     /**< in dialog without a valid parameter */
	MED_CALL_ORPHAN = 1 << 3,     /**< no call: holds the reason of a refused request */
	MED_CALL_ASSERTED = 1 << 4,   /**< `calling` is from P-Asserted-Identity */
	MED_CALL_EMERGENCY = 1 << 5,  /**< `called` is an emergency number */
	MED_CALL_AUTHORIZED = 1 << 6, /**< med_authorize() said yes */
	MED_CALL_FORWARDED = 1 << 7,  /**< authorised as a forwarded call */
	MED_CALL_TO_USER = 1 << 8,    /**< it goes to one of our own users, by the script */
	MED_CALL_CHOSEN = 1 << 9,     /**< `out` names the current candidate */
	MED_CALL_TRIED = 1 << 10,     /**< at least one candidate was sent to */
	MED_CALL_OVER = 1 << 11,      /**< the current candidate's branch has failed */
	MED_CALL_OFFER = 1 << 12,     /**< the request carried an offer */
	MED_CALL_OFFERED = 1 << 13,   /**< an offer went to rtpengine for `branch` */
	/** Media of the branch being made, or of the call it is within, goes past us. */
	MED_CALL_BYPASSED = 1 << 14,
	MED_CALL_CONTACTS = 1 << 15, /**< replies get the Contact that the caller is to see */
	MED_CALL_RESTORES = 1 << 16, /**< replies get From and To of the request back */
};

/** An answer that was refused: what its retransmissions need. */
typedef struct med_refused {
	bool ended;         /**< the peer's dialog got its BYE */
	uint8_t branch_len; /**< 0: none */
	char branch[MED_BRANCH_MAX];
} med_refused_t;

typedef struct med_call {
	uint32_t flags;     /**< enum med_call_flag */
	med_side_t in, out; /**< the caller's side and the called one */
	uint8_t policy_len; /**< of med_authorize("policy"); 0: in's usages */
	char policy[MED_ID_MAX];
	uint8_t try_count, try_next, try_current;
	uint8_t tm_branch;   /**< tm's number of the current candidate's branch */
	uint8_t progress;    /**< the peer rings: the answer timer runs */
	uint8_t progress_is; /**< enum med_progress */
	uint8_t rang;        /**< an 18x came: the post-dial delay is counted */
	uint32_t answer_timeout_ms, progress_timeout_ms;
	/** No connection is up yet: how long it may take, and a 100 from then on; 0: it is.
	 */
	uint32_t connect_timeout_ms, trying_timeout_ms;
	uint16_t escape_ms;     /**< answered sooner by the PSTN: a mailbox; 0: none is */
	int64_t try_started;    /**< the current candidate's INVITE, in monotonic ms */
	int64_t timed_from;     /**< its first answer, then its ringing; 0: neither came */
	uint32_t our_offer;     /**< CSeq, plus one, of an INVITE with our offer; 0: none */
	uint32_t bypassed;      /**< bits of tm's branches whose media goes past us */
	uint8_t bypass;         /**< enum med_bypass of the last one that was decided on */
	int16_t cause;          /**< Q.850, of its final answer; MED_CAUSE_NONE */
	uint32_t retry_after_s; /**< of its 503; 0: none */
	med_lease_id_t lease;   /**< by which limits count it; 0: they do not */
	uint16_t kbit; /**< that its audio may take, plus one; 0: nobody has asked yet */
	uint8_t branch_len;
	char branch[MED_BRANCH_MAX]; /**< media branch of the current candidate */
	med_refused_t refused;
	med_reason_t reason;
	med_extension_t called_extension, calling_extension;
	uint16_t destination_len;     /**< of the current candidate, as it was chosen */
	med_number_t called, calling; /**< E.164, before the candidate's translation */
	med_try_t tries[MED_PLAN_MAX];
	med_ip_t target; /**< where the current candidate is */
	uint16_t target_port;
	char destination[MED_DESTINATION_MAX];
	uint16_t pool_size;
	char pool[]; /**< texts of the tries */
} med_call_t;

/** The state of this message's call; NULL: none yet. */
med_call_t *med_call_get(sip_msg_t *msg);
/**
 * A state for this message in this process alone, emptied: all that a request within a
 * call needs whose media is left alone, and it costs no shared memory.
 */
med_call_t *med_call_draft(sip_msg_t *msg);
/** The draft goes with the transaction from here on. NULL: memory is short (logged). */
med_call_t *med_call_keep(sip_msg_t *msg, const med_call_t *draft);
/** As med_call_get, made if there is none; NULL: memory is short (logged). */
med_call_t *med_call_make(sip_msg_t *msg);
/** Take over the plan: @p call may move, so use what is returned. NULL: memory. */
med_call_t *med_call_plan(sip_msg_t *msg, med_call_t *call, const med_plan_t *plan);

/**
 * The current candidate's trunk is the next one as well: it has other places, or is asked
 * for less. What is beyond the most that are tried of a call falls off. NULL: so does it.
 */
med_try_t *med_call_try_again(med_call_t *call);

/** Milliseconds of a clock that is never set. */
int64_t med_now_ms(void);
/** The current candidate ended with this final code; true: the first, which counts. */
bool med_call_ended(med_call_t *call, unsigned code);

void med_side_set(med_side_t *side, const med_trunk_t *trunk);
static inline med_str_t med_side_id(const med_side_t *side)
{
	return (med_str_t){side->id, side->id_len};
}
/** The side's trunk as it is now: NULL when gone, or its number now names another. */
const med_trunk_t *med_side_trunk(const med_snapshot_t *snapshot, const med_side_t *side);

static inline med_str_t med_call_text(
		const med_call_t *call, uint16_t offset, uint8_t len)
{
	return (med_str_t){call->pool + offset, len};
}

/**
 * Say why: kept with the call where there is one, else for this message in this process.
 * @return always -1, for `return med_reason(...)` where that fits
 */
int med_reason(sip_msg_t *msg, unsigned code, unsigned diagnostic, const char *fmt, ...)
		__attribute__((format(printf, 4, 5)));
/** With what was just said: when to try again. */
void med_reason_retry_after(sip_msg_t *msg, uint32_t seconds);
/** As it may stand in a log line or a Reason: what peers sent may be any bytes. */
static inline char med_printable(char c)
{
	return (unsigned char)c < ' ' || c == 127 ? '?' : c;
}
/** NULL: nothing was said. */
const med_reason_t *med_reason_get(sip_msg_t *msg);
/** Forget it: a new attempt begins. */
void med_reason_clear(sip_msg_t *msg);

#endif
