/**
 * med_explain.h - RPC mediation.explain: medcore's explain, as an RPC answer
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_EXPLAIN_H
#define MED_EXPLAIN_H

#include "medcore/explain.h"

#include "core/rpc.h"

/** Answers or faults @p ctx. */
void med_explain_rpc(rpc_t *rpc, void *ctx, const med_snapshot_t *snapshot,
		const med_explain_query_t *query);

#endif
