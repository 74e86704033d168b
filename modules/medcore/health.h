/**
 * health.h - is a trunk worth trying: a state machine fed by probes and calls (spec 4.2)
 *
 * One structure for each trunk in memory that all processes share; it outlives changes of
 * the configuration. Nothing here sleeps or asks a clock: time comes with what is told.
 *
 * What probes say and what calls say is kept apart: a peer that answers OPTIONS and
 * refuses every call comes back by a call that it takes, not by the next OPTIONS.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_HEALTH_H
#define MEDCORE_HEALTH_H

#include "medcore/common.h"

enum med_health_state {
	MED_HEALTH_UP,
	MED_HEALTH_SUSPECT, /**< calls failed: tried after those that are up */
	MED_HEALTH_DOWN,    /**< tried after all others */
	MED_HEALTH_TRIAL,   /**< down, and one call finds out whether it still is */
};
/** "up", "suspect", "down", "trial". */
const char *med_health_name(enum med_health_state state);

/** Why it is not up. */
enum med_health_cause {
	MED_HEALTH_NOTHING,
	MED_HEALTH_PROBES,    /**< OPTIONS were not answered */
	MED_HEALTH_CALLS,     /**< calls failed, one after the other */
	MED_HEALTH_ITS_WISH,  /**< its 503 said Retry-After */
	MED_HEALTH_BY_PERSON, /**< forced */
};

/** Of a trunk's profile. */
typedef struct med_health_rules {
	bool probed;           /**< OPTIONS are sent to it */
	uint8_t max_misses;    /**< OPTIONS in a row without answer: down */
	uint8_t up_after;      /**< OPTIONS in a row answered: up again */
	uint8_t suspect_after; /**< failed calls in a row; 0: never */
	uint8_t down_after;    /**< failed calls in a row; 0: never */
	uint32_t retry_ms;     /**< how long suspect; down, until a call is let through */
	uint32_t max_retry_after_s; /**< bound on Retry-After; 0: it is not heeded */
} med_health_rules_t;

/** All zero: up, and never heard of. Changed by med_health_…() alone. */
typedef struct med_health {
	uint32_t busy;  /**< a process changes it; protects state to backoff, code, since_ms,
					 * until_ms */
	uint8_t state;  /**< enum med_health_state, as evidence has it */
	uint8_t cause;  /**< enum med_health_cause */
	uint8_t forced; /**< 1 + enum med_health_state; 0: evidence decides */
	uint8_t misses, rises, failures; /**< in a row */
	uint8_t backoff;                 /**< of trials: doubled so many times */
	uint8_t elsewhere;               /**< nodes that hold it down */
	uint16_t code;                   /**< of the last failed probe or call */
	uint32_t rtt_ms;                 /**< of the last answered probe */
	int64_t since_ms;                /**< of the state; 0: ever */
	int64_t until_ms; /**< suspect or put off till then; down, no trial before */
	int64_t heard_ms; /**< any SIP came from it */
	int64_t sent_ms;  /**< the last probe */
	int64_t hint_ms; /**< other nodes have seen it otherwise since then; 0: they do not */
	int64_t answered_ms; /**< the last answer to a probe */
	int64_t vouched_ms;  /**< it answered the node that asks for our site; 0: never */
	uint32_t place, vouched_place; /**< hash of where our last probe went, that node's */
} med_health_t;

enum med_evidence_kind {
	MED_PROBE_ANSWERED,
	MED_PROBE_MISSED,
	MED_CALL_TAKEN,  /**< it rang, was answered, or was refused for the callee's sake */
	MED_CALL_FAILED, /**< a code that sends calls on, a timer, no connection */
	MED_PUT_OFF,     /**< a 503 with Retry-After */
	MED_TIME,        /**< nothing but time has passed */
};

typedef struct med_evidence {
	enum med_evidence_kind kind;
	bool answered;    /**< of a failed call: by the peer itself */
	uint16_t code;    /**< of a failure; 408: a timer */
	uint32_t seconds; /**< of Retry-After */
} med_evidence_t;

/** What became of it; told once. */
typedef struct med_health_change {
	uint8_t from, to; /**< enum med_health_state, force included */
	uint8_t cause;
	uint8_t count; /**< probes or calls in a row that made it so */
	uint16_t code;
	uint32_t seconds; /**< of ITS_WISH */
} med_health_change_t;

/**
 * From any process. @return the state changed; @p change says how
 *
 * @param rules   NULL with MED_CALL_TAKEN will do
 * @param now_ms  of a clock that is never set, not 0
 */
bool med_health_tell(med_health_t *health, const med_health_rules_t *rules,
		const med_evidence_t *evidence, int64_t now_ms, med_health_change_t *change);

/** By a person: this state, whatever the evidence; NULL: the evidence again. */
bool med_health_force(med_health_t *health, const enum med_health_state *state,
		int64_t now_ms, med_health_change_t *change);

/** The trunk is gone: one of its id later begins anew. @return it was not up */
bool med_health_forget(med_health_t *health, int64_t now_ms);

/**
 * So many other nodes hold it down, as the one process says that hears of them. A hint: a
 * trunk is asked at once by who sees it otherwise, and one that is up here and down there
 * is suspect until this node has a good answer or a call that it takes.
 * @return others and this one see it otherwise now
 */
bool med_health_hint(med_health_t *health, uint8_t nodes, int64_t now_ms);

/**
 * The node that asks for all of a site had an answer from @p place at that time, as the
 * one process says that hears of it. It is no evidence of anything, and spares a
 * question.
 */
void med_health_vouch(med_health_t *health, uint32_t place, int64_t at_ms);

/** Some SIP came: costs a comparison unless a quarter of a second has passed. */
static inline void med_health_heard(med_health_t *health, int64_t now_ms)
{
	if(now_ms - __atomic_load_n(&health->heard_ms, __ATOMIC_RELAXED) >= 250)
		__atomic_store_n(&health->heard_ms, now_ms, __ATOMIC_RELAXED);
}

/** The state with what time and force make of it. */
enum med_health_state med_health_state(const med_health_t *health, int64_t now_ms);

/** How far back in a plan. */
enum med_health_rank { MED_RANK_GOOD, MED_RANK_SUSPECT, MED_RANK_DOWN };

/**
 * Where a new call has it. A trunk that is down by calls, or that nobody probes, lets
 * one call through at its own place after a while.
 *
 * @param takes  this call will be sent to it first: the trial begins with it
 */
enum med_health_rank med_health_rank(med_health_t *health,
		const med_health_rules_t *rules, int64_t now_ms, bool takes);

/**
 * When the next probe is due: after @p interval_ms, sooner after a miss while up and
 * after an answer while down; at once where a trunk that is down was heard, or other
 * nodes see it otherwise.
 *
 * A trunk that is up here and by all other nodes, and whose calls do not fail here, need
 * not be asked while the node that asks for all has answers from the same place; but
 * every fifth time it is, for the way from here may be another.
 *
 * @param word_ms  so long after that node's next probe its word may take
 */
int64_t med_health_next_probe(const med_health_t *health, int64_t interval_ms,
		int64_t down_interval_ms, int64_t word_ms);

#endif
