/**
 * med_rpc.h - mediation.status, .trunks, .reload and .explain
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_RPC_H
#define MED_RPC_H

#include "core/rpc.h"

/** For rpc_register_array() in mod_init. */
extern rpc_export_t med_rpc_cmds[];

#endif
