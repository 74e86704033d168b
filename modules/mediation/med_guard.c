/**
 * med_guard.c - see med_guard.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_guard.h"

#include "medcore/guard.h"

#include "med_params.h"
#include "med_stats.h"

static med_guard_table_t *table;

int med_guard_init(void)
{
	size_t places = (size_t)med_param_guard_counters / MED_GUARD_WAYS * MED_GUARD_WAYS;

	if(med_param_guard_counters < 64 || med_param_guard_counters > 1 << 24) {
		LM_ERR("guard_counters %d: not between 64 and %d\n", med_param_guard_counters,
				1 << 24);
		return -1;
	}
	table = shm_mallocxz(sizeof *table + places * sizeof table->place[0]);
	if(table == NULL) {
		SHM_MEM_ERROR;
		return -1;
	}
	table->places = (uint32_t)places;
	return 0;
}

void med_guard_destroy(void)
{
	if(table != NULL)
		shm_free(table);
	table = NULL;
}

int med_guard(sip_msg_t *msg, const med_snapshot_t *snapshot, const med_call_t *call,
		med_str_t usage, bool *told)
{
	size_t count;
	const med_guard_t *const *guards = med_snapshot_guards(snapshot, &count);

	for(size_t i = 0; i < count; i++) {
		enum med_guarded guarded;

		if(!med_guard_watches(guards[i], usage))
			continue;
		guarded = med_guard_count(table, guards[i],
				med_guard_key(
						guards[i], &call->calling, &call->called, med_side_id(&call->in)),
				(uint32_t)(med_now_ms() / 1000) + 1);
		if(guarded == MED_GUARD_LETS)
			continue;
		med_stats_inc(MED_STAT_GUARDED);
		med_reason(msg, guards[i]->code, 12008,
				"guard '%.*s': %.*s calls %.*s by trunk '%.*s': more than %u calls "
				"within "
				"%u s",
				MED_STR_FMT(guards[i]->id), MED_STR_FMT(call->calling),
				MED_STR_FMT(call->called), MED_STR_FMT(med_side_id(&call->in)),
				guards[i]->max_calls, guards[i]->window_s);
		*told = guarded == MED_GUARD_REFUSES;
		return MED_EFORBIDDEN;
	}
	return MED_EOK;
}
