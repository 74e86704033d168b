/**
 * med_rpc_cases.h - RPC mediation.test: stored routing cases on the snapshot in force
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_RPC_CASES_H
#define MED_RPC_CASES_H

#include "core/rpc.h"

/** Answers or faults @p ctx. Runs the code of the call path, changes nothing. */
void med_rpc_cases(rpc_t *rpc, void *ctx);

#endif
