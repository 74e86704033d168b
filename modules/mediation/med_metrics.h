/**
 * med_metrics.h - what is counted of each trunk, in Prometheus's text form and by RPC
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_METRICS_H
#define MED_METRICS_H

#include "core/rpc.h"

#include "med_call.h"
#include "medcore/metrics.h"

/** In mod_init: xhttp's reply, where it is loaded. */
int med_metrics_init(void);

/** A provisional reply beyond 100, the first of the current candidate. */
void med_metrics_rings(const med_call_t *call);
/** The current candidate's own final answer. */
void med_metrics_final(const med_call_t *call, unsigned code);
/** It ended without one. */
void med_metrics_failed(const med_call_t *call, enum med_ended ended);

/** med_metrics(): totals, state of the node, and trunks from the first on, as a reply. */
int ki_med_metrics(sip_msg_t *msg);
/** @param range  "1000-1999": the trunks with these numbers, and nothing else */
int ki_med_metrics_of(sip_msg_t *msg, str *range);

/** mediation.metrics: [trunk] or [first limit] */
void med_metrics_rpc(rpc_t *rpc, void *ctx);

#endif
