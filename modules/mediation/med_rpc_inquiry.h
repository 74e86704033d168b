/**
 * med_rpc_inquiry.h - RPC mediation.test_trunk and its like: medcore's questions
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_RPC_INQUIRY_H
#define MED_RPC_INQUIRY_H

#include "core/rpc.h"

/** The question of this name, its words in their order. Answers or faults @p ctx. */
void med_rpc_inquiry(rpc_t *rpc, void *ctx, const char *name);

#endif
