/**
 * med_explain.h - RPC mediation.explain: a routing decision, dry, with every reason
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_EXPLAIN_H
#define MED_EXPLAIN_H

#include "medcore/select.h"

#include "core/rpc.h"

typedef struct med_explain_query {
	med_str_t trunk;   /**< the call comes in on it; "-": from one of our own users */
	med_str_t policy;  /**< "-": the usages of the trunk's profile */
	med_str_t called;  /**< as it would stand in the Request-URI */
	med_str_t calling; /**< empty: unknown */
} med_explain_query_t;

/** Answers or faults @p ctx. Runs the code of the call path, changes nothing. */
void med_explain(rpc_t *rpc, void *ctx, const med_snapshot_t *snapshot,
		const med_explain_query_t *query);

#endif
