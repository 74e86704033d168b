/**
 * limit.h - how many calls a trunk, a gateway or a site carries at a time, and how fast
 *
 * Counts live in memory that processes share: one state for each limits object, by its
 * number, and a lease for each call that is counted. A call's end gives its lease back,
 * however often and from however many sides it is told; one whose end is never told
 * runs out.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_LIMIT_H
#define MEDCORE_LIMIT_H

#include "medcore/bandwidth.h"

enum med_way { MED_WAY_IN, MED_WAY_OUT };

/** What is in the way of one more call. */
enum med_limited {
	MED_LIMIT_LETS,
	MED_LIMIT_CALLS,
	MED_LIMIT_CALLS_IN,
	MED_LIMIT_CALLS_OUT,
	MED_LIMIT_RATE,
	MED_LIMIT_AUDIO, /**< kbit/s: taken by bandwidth.h */
};
#define MED_LIMITEDS 6

/** Zeroed; of a limits object. Changed by atomic builtins. */
typedef struct med_limit_state {
	uint64_t calls;  /**< that are up: came from it, and above MED_LIMIT_OUT went to it */
	int64_t paid_ns; /**< its rate is used up until then */
	uint32_t told_s; /**< of a refusal; 0: none */
	uint32_t wanted; /**< bits by enum med_limited: what was in the way; taken by permit.c
					  */
	uint32_t paced;  /**< calls that a rate counted, ever */
	uint32_t kbit;   /**< that audio takes */
	uint32_t elsewhere, kbit_elsewhere; /**< of other nodes, as they said last */
	/**
	 * What this node may have of a limit that nodes share, plus one, by enum med_limited;
	 * 0: all of it. Of a rate: thousandths of a call a second.
	 */
	uint32_t share[MED_LIMITEDS];
} med_limit_state_t;
#define MED_SHARE_NO_END UINT32_MAX /**< the limit does not hold */

/** "max_calls" and so on: its field. */
const char *med_limited_field(enum med_limited limited);
/** The field's value. */
uint32_t med_limited_value(const med_limits_t *limits, enum med_limited limited);

uint32_t med_limit_calls(const med_limit_state_t *state, enum med_way way);
/** What of it this node may have now; of a rate rounded down. */
uint32_t med_limit_here(const med_limit_state_t *state, const med_limits_t *limits,
		enum med_limited limited);

/** Would it be let through? Nothing is counted, but that it was wanted. */
enum med_limited med_limit_asks(med_limit_state_t *state, const med_limits_t *limits,
		enum med_way way, bool emergency, int64_t now_ns);

/**
 * One more call past all limits of a trunk, or past none: then *at is the one in the way.
 *
 * @param states     by number
 * @param emergency  those that exempt such calls only count it
 * @param now_ns     of a clock that is never set, not 0
 */
enum med_limited med_limit_take(med_limit_state_t *states,
		const med_limits_t *const *limits, size_t count, enum med_way way, bool emergency,
		int64_t now_ns, size_t *at);

/* ---- leases ---------------------------------------------------------------------------
 */

/** Numbers of limits objects; unused ones are MED_NO_LIMIT. */
typedef struct med_limit_numbers {
	uint16_t number[MED_LIMITS_OF_TRUNK];
} med_limit_numbers_t;
#define MED_NO_LIMIT UINT16_MAX

med_limit_numbers_t med_limit_numbers(const med_limits_t *const *limits, size_t count);
/** Calls that were taken by these. */
void med_limit_give(
		med_limit_state_t *states, const med_limit_numbers_t *numbers, enum med_way way);

/** A call that is counted. Changed by med_lease_…() alone. */
typedef struct med_lease {
	uint64_t key;      /**< of its Call-ID and the caller's tag */
	uint32_t next;     /**< of its chain, or of those that are free; index + 1, 0: none */
	uint32_t turn;     /**< of its place; 0: it is free */
	uint32_t until_s;  /**< longer it is not counted */
	uint32_t answered; /**< hash of the callee's tag; 0: it is not */
	bool ending;       /**< a BYE is on its way */
	med_limit_numbers_t way[2];
	med_band_t band[2]; /**< what its audio takes, by way */
} med_lease_t;

#define MED_LEASE_SHARDS 32u

/** In memory that all processes share; made by med_leases_begin(). */
typedef struct med_leases {
	uint32_t per_shard; /**< leases of a shard, and chains of them */
	uint32_t used;      /**< leases; atomic */
	uint32_t turns;     /**< given out ever; atomic */
	med_limit_state_t *states;
	struct {
		uint32_t
				busy; /**< a process changes it; protects the shard's chains and leases */
		uint32_t free;
		uint32_t unused[14]; /**< a line of the cache for itself */
	} shard[MED_LEASE_SHARDS];
	med_lease_t *lease;
	uint32_t chain[];
} med_leases_t;

/** Bytes for @p count leases. */
size_t med_leases_size(uint32_t count);
void med_leases_begin(med_leases_t *leases, uint32_t count, med_limit_state_t *states);

/** Which lease it is; 0: none. Never given out twice within a long time. */
typedef uint64_t med_lease_id_t;

/** For a call that was taken on one side; 0: there is no room for one more. */
med_lease_id_t med_lease_begin(med_leases_t *leases, uint64_t key, enum med_way way,
		const med_limit_numbers_t *numbers, uint32_t until_s);
/**
 * One of its sides is counted by these from now on, and no longer by those it had.
 * false: it is over, and nothing was changed.
 */
bool med_lease_set(med_leases_t *leases, med_lease_id_t id, enum med_way way,
		const med_limit_numbers_t *numbers);
/** The same of what its audio takes; NULL: nothing. */
bool med_lease_band(med_leases_t *leases, med_lease_id_t id, enum med_way way,
		const med_band_t *band);
/** @param tag  hash of the callee's, not 0; the first one counts */
void med_lease_answered(med_leases_t *leases, med_lease_id_t id, uint32_t tag);
/** Gives back what it counted; false: it is over already. */
bool med_lease_end(med_leases_t *leases, med_lease_id_t id);
/** The same, unless the call was answered. */
void med_lease_end_unanswered(med_leases_t *leases, med_lease_id_t id);
/**
 * A BYE came: the call of that key, unless another callee answered it. It is counted
 * until med_lease_end(), which is for who was told first of its BYE; 0: there is none, or
 * somebody else was.
 */
med_lease_id_t med_lease_ending(med_leases_t *leases, uint64_t key, uint32_t tag);
/** That BYE came to nothing: the next one may end it. */
void med_lease_goes_on(med_leases_t *leases, med_lease_id_t id);
/** It is still there. 0: there is none, or that callee did not answer it. */
med_lease_id_t med_lease_renew(
		med_leases_t *leases, uint64_t key, uint32_t tag, uint32_t until_s);
/** Ends those whose time is over; how many. */
size_t med_leases_sweep(med_leases_t *leases, uint32_t now_s);

/** Is any call counted? If not, none need be looked for. */
static inline bool med_leases_any(const med_leases_t *leases)
{
	return __atomic_load_n(&leases->used, __ATOMIC_RELAXED) != 0;
}

#endif
