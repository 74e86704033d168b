/**
 * explain.h - a routing decision, dry, with every step and reason
 *
 * The code of the call path with a trace: what is told here is what would happen. Changes
 * nothing; any process, any snapshot.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_EXPLAIN_H
#define MEDCORE_EXPLAIN_H

#include "medcore/select.h"

typedef struct med_explain_query {
	med_str_t trunk;     /**< the call comes in on it; empty: from one of our own users */
	med_str_t site;      /**< of such a user; empty: the pool's */
	med_str_t pool;      /**< whose dial plan and site a user has by default */
	med_str_t policy;    /**< empty: the usages of the trunk's profile */
	med_str_t dial_plan; /**< rules id; empty: the trunk's */
	med_str_t called;    /**< as it would stand in the Request-URI */
	med_str_t calling;   /**< empty: unknown */
	int64_t now;         /**< seconds of 1970, for schedules; 0: now */
	/** As med_query_t's; NULL: all are up. */
	enum med_health_rank (*rank)(void *ctx, const med_trunk_t *trunk, bool first);
	/** As med_query_t's; NULL: none is. */
	bool (*full)(void *ctx, const med_trunk_t *trunk, bool emergency);
	void *ctx;
} med_explain_query_t;

/** Told while it goes on; each may be NULL. */
typedef struct med_explain_sink {
	/** One step in words, a passed-over trunk and its reason among them. */
	void (*step)(void *ctx, const char *text);
	/** A trunk to try, in order, and the numbers as it wants them. */
	void (*candidate)(
			void *ctx, const med_candidate_t *candidate, const med_numbers_t *numbers);
	void *ctx;
} med_explain_sink_t;

typedef struct med_explain_result {
	int outcome;                  /**< MED_EOK: there is a trunk to try; else why not */
	med_errbuf_t text;            /**< the same in a sentence */
	med_number_t called, calling; /**< E.164; len 0: not known */
	med_plan_t plan;              /**< points into the snapshot */
} med_explain_result_t;

/**
 * @param sink    NULL: only the result is asked for
 * @param result  outcome and text in every case, the rest with MED_EOK
 * @return MED_EOK: explained, whatever became of the call; MED_ENOMATCH: what the query
 *         names is not in force, MED_EINVAL: it names neither trunk nor policy
 */
int med_explain(const med_snapshot_t *snapshot, med_scratch_t *scratch,
		const med_explain_query_t *query, const med_explain_sink_t *sink,
		med_explain_result_t *result);

#endif
