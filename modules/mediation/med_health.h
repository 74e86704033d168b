/**
 * med_health.h - how each trunk is doing, as all processes of this node see it
 *
 * The state is medcore/health.h's, kept by the trunk's number, so that it survives
 * changes of the configuration. Any process tells what it saw; what came of it is read
 * from a ring by the prober (log, event routes) and by the Redis process (events).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_HEALTH_H
#define MED_HEALTH_H

#include "core/rpc.h"

#include "med_call.h"
#include "med_rpc_item.h"

/** In mod_init. 0, or -1 (logged). */
int med_health_init(void);
void med_health_destroy(void);

/** What was seen of a trunk. */
void med_health_told(const med_trunk_t *trunk, const med_evidence_t *evidence);
/** Any SIP came from it. */
void med_health_was_heard(const med_trunk_t *trunk);
/** The current candidate failed with a code that sends the call on. */
void med_health_call_failed(
		const med_trunk_t *trunk, const med_call_t *call, unsigned code, bool answered);
/** The current candidate took the call, or said no for the callee's sake. */
void med_health_call_taken(const med_call_t *call);

/** No trunk has this number any more. */
void med_health_gone(uint32_t number);

/** Some trunk is not up, here or as another node sees it: only then is anybody asked. */
bool med_health_any(void);
/** The Redis process: other nodes hold so many down. */
void med_health_hinted(unsigned count);
/** How many are not. */
unsigned med_health_count(void);
/** med_query_t's rank, of a call. */
enum med_health_rank med_health_rank_of(void *ctx, const med_trunk_t *trunk, bool first);
/** The same, of a dry run: no trial begins. */
enum med_health_rank med_health_rank_seen(
		void *ctx, const med_trunk_t *trunk, bool first);

/** A change of a trunk's state. */
typedef struct med_health_entry {
	med_health_change_t change;
	uint32_t number;
	uint8_t id_len;
	char id[MED_ID_MAX];
} med_health_entry_t;
/**
 * The next change after *at, which begins with 0; false: there is none. Those who are too
 * slow miss the oldest.
 */
bool med_health_next(uint32_t *at, med_health_entry_t *entry);
/** Why, in words: "2 OPTIONS were not answered". */
void med_health_text(const med_health_change_t *change, char *text, size_t size);

/** Fields of a trunk in mediation.trunks. */
void med_health_show(med_item_t *item, const med_trunk_t *trunk);
/** RPC mediation.trunk_state [<id> up|down|auto]; alone: those that are not up. */
void med_health_rpc(rpc_t *rpc, void *ctx);

#endif
