/**
 * permit.h - a limit that nodes share: each has permits for a part of it
 *
 * Calls take permits from memory of their own node and ask nobody. The one process of a
 * node that talks to Redis moves them between nodes: it says in Redis what it has, uses
 * and would like, and is told what it got. What others may have is never given twice,
 * as one script in Redis does it, by that server's clock; a node that is silent for a
 * while has nothing any more. Here is what a node asks for, and what it does with the
 * answer; no I/O, no clock.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_PERMIT_H
#define MEDCORE_PERMIT_H

#include "medcore/limit.h"

#define MED_PERMIT_ASKED 64u /**< limits in one question */
#define MED_PERMIT_TOLD 256u /**< ids in an answer that others want */
#define MED_PERMIT_WORDS (4 + 2 * MED_PERMIT_ASKED)

/** One for each node; used by one process. */
typedef struct med_permits med_permits_t;

enum med_permits_state {
	MED_PERMITS_NONE,   /**< there are no limits, so nothing is asked */
	MED_PERMITS_JOINS,  /**< it just began: no calls where there are limits */
	MED_PERMITS_SHARED, /**< with those that are there */
	MED_PERMITS_ALONE,  /**< no answer for too long: `without_redis` holds */
};

/**
 * @param states  of limits, by number
 * @param member  this node and this life of it: calls of the one before count on, as
 *                long as what it had does
 * @param ttl_ms  a node silent for so long has nothing any more
 * @return NULL: no memory
 */
med_permits_t *med_permits_new(
		med_limit_state_t *states, const char *member, int64_t ttl_ms);
void med_permits_free(med_permits_t *permits);

/**
 * These limits are about to come into force, and no others are. Before calls see them.
 * MED_ENOMEM: new ones hold on this node alone until the next time.
 */
int med_permits_set(med_permits_t *permits, const med_limits_t *const *limits,
		size_t count, int64_t now_ms);

/** Looks at what calls did; to be called when med_permits_due() says. */
void med_permits_look(med_permits_t *permits, int64_t now_ms);
/** When there is something to do; INT64_MAX: never. */
int64_t med_permits_due(const med_permits_t *permits);

/** Runs in Redis: KEYS[1] is what its keys begin with, ARGV a question's words. */
extern const char med_permits_script[];

/** Words for the script; they live until the next question. */
typedef struct med_permit_question {
	size_t count;
	med_str_t word[MED_PERMIT_WORDS];
} med_permit_question_t;

/** What is to be asked now; false: nothing, or an answer is waited for. */
bool med_permits_ask(
		med_permits_t *permits, int64_t now_ms, med_permit_question_t *question);
/** The answer to it. false: it is none. */
bool med_permits_answer(med_permits_t *permits, const med_str_t *word, size_t count);
/** There will be none. @param wait_ms  until the next question */
void med_permits_lost(med_permits_t *permits, int64_t wait_ms, int64_t now_ms);

enum med_permits_state med_permits_state(const med_permits_t *permits);
/** Nodes that share the limits, this one too. */
unsigned med_permits_nodes(const med_permits_t *permits);

#endif
