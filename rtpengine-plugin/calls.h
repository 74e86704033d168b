/**
 * calls.h - what the listener remembers of a call
 *
 * Small and bounded: when the table is full the call unused for longest is forgotten, and
 * a call unused for longer than the age limit as well. Losing one is safe: a command for
 * a call that is not here is treated by policy alone. Used by the listener's thread only.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_CALLS_H
#define MED_CALLS_H

#include "policy.h"

/** Offers remembered of one call (forks, re-offers); the oldest makes room. */
#define MED_CALL_MAX_BRANCHES 8
/** Longer identifiers are refused. */
#define MED_CALL_MAX_ID 512

/** A command as rtpengine got it, to be said again. */
#define MED_SAID_MAX 4096
typedef struct med_said {
	char *s; /**< NULL: none, or it was too long */
	size_t len;
} med_said_t;

typedef struct med_branch {
	struct med_branch *next; /**< newest first */
	med_str_t from_tag;      /**< of the offer */
	med_str_t via_branch;    /**< may be empty */
	uint64_t offer_seq; /**< the last offer sent: an older one's late reply is not its
						   undoing */
	bool reoffer;       /**< offered within an answered call */
	med_offer_memo_t memo;
	med_said_t offer;
} med_branch_t;

typedef struct med_call {
	struct med_call *hash_next;
	struct med_call *older; /**< in order of last use */
	struct med_call *newer;
	int64_t used_ms;
	med_branch_t *branches;
	unsigned int node; /**< index of the rtpengine node that has it */
	bool whole;    /**< none of its offers was forgotten but those that were taken back */
	bool answered; /**< an answer was accepted: from here on a refusal leaves it alone */
	bool changed;  /**< there was an offer since the exchange below */
	med_said_t good_offer, good_answer; /**< what both sides last agreed on */
	med_keys_t keys;
	med_str_t id;
} med_call_t;

typedef struct med_calls med_calls_t;

/** NULL without memory. */
med_calls_t *med_calls_new(size_t max_calls, int64_t max_age_ms);
void med_calls_free(med_calls_t *calls);
size_t med_calls_count(const med_calls_t *calls);

/** Marks it as used. NULL where it is not known. */
med_call_t *med_calls_find(med_calls_t *calls, med_str_t id, int64_t now_ms);
/** Known or made now; NULL without memory. */
med_call_t *med_calls_add(
		med_calls_t *calls, med_str_t id, unsigned int node, int64_t now_ms);
void med_calls_remove(med_calls_t *calls, med_call_t *call);
/** Forget what is older than the age limit; a few at a time. */
void med_calls_expire(med_calls_t *calls, int64_t now_ms);

/** @param via_branch  empty: the newest offer of that tag */
med_branch_t *med_call_branch(
		const med_call_t *call, med_str_t from_tag, med_str_t via_branch);
/** Exactly that one; made where it is not there. NULL without memory. */
med_branch_t *med_call_branch_add(
		med_call_t *call, med_str_t from_tag, med_str_t via_branch);
/** Exactly that one, by tag and branch. NULL where it is not there. */
med_branch_t *med_call_branch_exact(
		const med_call_t *call, med_str_t from_tag, med_str_t via_branch);
/** Instead of what was kept there; without memory, nothing is. */
void med_said_keep(med_said_t *said, const char *body, size_t len);
void med_call_branch_remove(med_call_t *call, med_branch_t *branch);

#endif
