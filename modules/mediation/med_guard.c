/**
 * med_guard.c - see med_guard.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include <time.h>

#include "core/action.h"
#include "core/locking.h"
#include "core/route.h"
#include "core/script_cb.h"

#include "med_guard.h"

#include "medcore/guard.h"

#include "med_params.h"
#include "med_rpc_words.h"
#include "med_stats.h"

#define MED_GUARDED 32u /* refusals remembered for who asks */

/** Refusals that were told: one a window of each source. */
typedef struct med_guarded_log {
	gen_lock_t lock; /**< protects: all of it */
	uint32_t count;  /**< ever; the newest is at (count - 1) % MED_GUARDED */
	med_guard_refusal_t entry[MED_GUARDED];
} med_guarded_log_t;

static med_guard_table_t *table;
static med_guarded_log_t *guarded;
static int med_guard_route = -1;

int med_guard_init(void)
{
	size_t places = (size_t)med_param_guard_counters / MED_GUARD_WAYS * MED_GUARD_WAYS;

	if(med_param_guard_counters < 64 || med_param_guard_counters > 1 << 24) {
		LM_ERR("guard_counters %d: not between 64 and %d\n", med_param_guard_counters,
				1 << 24);
		return -1;
	}
	table = shm_mallocxz(sizeof *table + places * sizeof table->place[0]);
	guarded = shm_mallocxz(sizeof *guarded);
	if(table == NULL || guarded == NULL) {
		SHM_MEM_ERROR;
		med_guard_destroy();
		return -1;
	}
	table->places = (uint32_t)places;
	if(lock_init(&guarded->lock) == NULL) {
		LM_ERR("no lock for refusals of guards\n");
		return -1;
	}
	med_guard_route = route_lookup(&event_rt, "mediation:guard");
	return 0;
}

void med_guard_destroy(void)
{
	if(table != NULL)
		shm_free(table);
	if(guarded != NULL)
		shm_free(guarded);
	table = NULL;
	guarded = NULL;
}

static uint8_t med_guarded_put(char *out, size_t size, const char *text, size_t len)
{
	if(len > size)
		len = size;
	memcpy(out, text, len);
	return (uint8_t)len;
}

static void med_guard_remember(const med_guard_t *guard, const med_call_t *call)
{
	med_guard_refusal_t *e;

	lock_get(&guarded->lock);
	e = &guarded->entry[guarded->count++ % MED_GUARDED];
	e->at = time(NULL);
	e->code = guard->code;
	e->guard_len = med_guarded_put(e->guard, sizeof e->guard, guard->id.s, guard->id.len);
	e->trunk_len =
			med_guarded_put(e->trunk, sizeof e->trunk, call->in.id, call->in.id_len);
	e->calling_len = med_guarded_put(
			e->calling, sizeof e->calling, call->calling.s, call->calling.len);
	e->called_len = med_guarded_put(
			e->called, sizeof e->called, call->called.s, call->called.len);
	lock_release(&guarded->lock);
}

/** event_route[mediation:guard], with the call that was refused. */
static void med_guard_event(sip_msg_t *msg)
{
	run_act_ctx_t ctx;
	int type = get_route_type();

	if(med_guard_route < 0 || event_rt.rlist[med_guard_route] == NULL)
		return;
	set_route_type(EVENT_ROUTE);
	init_run_actions_ctx(&ctx);
	run_top_route(event_rt.rlist[med_guard_route], msg, &ctx);
	set_route_type(type);
}

int med_guard(sip_msg_t *msg, const med_snapshot_t *snapshot, const med_call_t *call,
		med_str_t usage, bool *told)
{
	size_t count;
	const med_guard_t *const *guards = med_snapshot_guards(snapshot, &count);

	for(size_t i = 0; i < count; i++) {
		enum med_guarded was;

		if(!med_guard_watches(guards[i], usage))
			continue;
		was = med_guard_count(table, guards[i],
				med_guard_key(
						guards[i], &call->calling, &call->called, med_side_id(&call->in)),
				(uint32_t)(med_now_ms() / 1000) + 1);
		if(was == MED_GUARD_LETS)
			continue;
		med_stats_inc(MED_STAT_GUARDED);
		med_reason(msg, guards[i]->code, 12008,
				"guard '%.*s': %.*s calls %.*s by trunk '%.*s': more than %u calls "
				"within "
				"%u s",
				MED_STR_FMT(guards[i]->id), MED_STR_FMT(call->calling),
				MED_STR_FMT(call->called), MED_STR_FMT(med_side_id(&call->in)),
				guards[i]->max_calls, guards[i]->window_s);
		*told = was == MED_GUARD_REFUSES;
		if(!*told) {
			med_guard_remember(guards[i], call);
			med_guard_event(msg);
		}
		return MED_EFORBIDDEN;
	}
	return MED_EOK;
}

/* ---- mediation.guarded ----------------------------------------------------------------
 */

/** The @p n-th newest; false: there are no more. */
static bool med_guarded_get(uint32_t n, med_guard_refusal_t *out)
{
	bool found;

	lock_get(&guarded->lock);
	found = n < guarded->count && n < MED_GUARDED;
	if(found)
		*out = guarded->entry[(guarded->count - 1 - n) % MED_GUARDED];
	lock_release(&guarded->lock);
	return found;
}

void med_guarded_rpc(rpc_t *rpc, void *ctx)
{
	med_guard_refusal_t e;

	for(uint32_t n = 0; med_guarded_get(n, &e); n++) {
		str guard = {e.guard, e.guard_len}, trunk = {e.trunk, e.trunk_len};
		str calling = {e.calling, e.calling_len}, called = {e.called, e.called_len};
		char at[32] = "";
		struct tm utc;
		void *item;

		if(gmtime_r(&e.at, &utc) != NULL)
			(void)strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%SZ", &utc);
		if(rpc->add(ctx, MED_FMT("{"), &item) < 0
				|| rpc->struct_add(item, MED_FMT("sSSSSd"), "at", at, "guard", &guard,
						   "calling", &calling, "called", &called, "trunk", &trunk,
						   "code", (int)e.code)
						< 0) {
			rpc->fault(ctx, 500, MED_FMT("the answer does not fit"));
			return;
		}
	}
}
