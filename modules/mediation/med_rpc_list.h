/**
 * med_rpc_list.h - RPC mediation.trunks and its like: objects in force, in pages
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_RPC_LIST_H
#define MED_RPC_LIST_H

#include "medcore/model.h"
#include "medcore/select.h"

#include "core/rpc.h"

/** The page that is asked for. */
typedef struct med_page {
	int offset, limit;
} med_page_t;
#define MED_PAGE_DEFAULT 20
#define MED_PAGE_MAX 40 /**< each item takes 8 kB of ctl's own memory */

/** Two words as a page; false: @p ctx got a fault. */
bool med_page_read(rpc_t *rpc, void *ctx, med_str_t offset, med_str_t limit, int max,
		med_page_t *page);

/** Answers or faults @p ctx: objects of this kind. */
void med_rpc_list(rpc_t *rpc, void *ctx, enum med_kind kind);

/** No such object is in force: 404, with the reason where it is refused. */
void med_rpc_absent(rpc_t *rpc, void *ctx, enum med_kind kind, med_str_t id);

#endif
