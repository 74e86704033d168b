/**
 * med_health.c - see med_health.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/locking.h"

#include "med_health.h"
#include "med_rpc_list.h"
#include "med_rpc_words.h"
#include "med_shm.h"
#include "med_stats.h"

#define MED_CHANGES 1024u /* remembered for those who tell of them */

typedef struct med_health_log {
	uint32_t not_up; /**< trunks; atomic */
	uint32_t hinted; /**< trunks that other nodes hold down; atomic */
	gen_lock_t lock; /**< protects: count, entry */
	uint32_t count;  /**< ever; the newest is at (count - 1) % MED_CHANGES */
	med_health_entry_t entry[MED_CHANGES];
} med_health_log_t;

static med_health_log_t *changes;

int med_health_init(void)
{
	changes = shm_mallocxz(sizeof *changes);
	if(changes == NULL) {
		SHM_MEM_ERROR;
		return -1;
	}
	if(lock_init(&changes->lock) == NULL) {
		LM_ERR("no lock for the changes of trunks' states\n");
		return -1;
	}
	return 0;
}

void med_health_destroy(void)
{
	if(changes != NULL)
		shm_free(changes);
	changes = NULL;
}

/* ---- told -----------------------------------------------------------------------------
 */

static void med_health_changed(
		uint32_t number, med_str_t id, const med_health_change_t *change)
{
	med_health_entry_t *e;

	if(change->from == MED_HEALTH_UP)
		__atomic_add_fetch(&changes->not_up, 1, __ATOMIC_RELAXED);
	if(change->to == MED_HEALTH_UP)
		__atomic_sub_fetch(&changes->not_up, 1, __ATOMIC_RELAXED);
	if(change->to == MED_HEALTH_DOWN && change->from != MED_HEALTH_TRIAL)
		med_stats_inc(MED_STAT_TRUNK_DOWNS);
	lock_get(&changes->lock);
	e = &changes->entry[changes->count++ % MED_CHANGES];
	e->change = *change;
	e->number = number;
	e->id_len = (uint8_t)id.len;
	memcpy(e->id, id.s, id.len);
	lock_release(&changes->lock);
}

void med_health_told(const med_trunk_t *trunk, const med_evidence_t *evidence)
{
	med_trunk_state_t *state = med_shm_trunk_state(trunk->number);
	med_health_change_t change;

	if(state != NULL
			&& med_health_tell(&state->health, &trunk->profile->health, evidence,
					med_now_ms(), &change))
		med_health_changed(trunk->number, trunk->id, &change);
}

void med_health_was_heard(const med_trunk_t *trunk)
{
	med_trunk_state_t *state = med_shm_trunk_state(trunk->number);

	if(state != NULL)
		med_health_heard(&state->health, med_now_ms());
}

void med_health_call_failed(
		const med_trunk_t *trunk, const med_call_t *call, unsigned code, bool answered)
{
	med_health_told(trunk,
			&(med_evidence_t){.kind = MED_CALL_FAILED,
					.answered = answered,
					.code = (uint16_t)code});
	if(call->retry_after_s > 0)
		med_health_told(trunk,
				&(med_evidence_t){.kind = MED_PUT_OFF,
						.code = (uint16_t)code,
						.seconds = call->retry_after_s});
}

void med_health_call_taken(const med_call_t *call)
{
	static const med_evidence_t taken = {.kind = MED_CALL_TAKEN};
	med_trunk_state_t *state = med_shm_trunk_state(call->out.number);
	const med_try_t *try = &call->tries[call->try_current];
	med_health_change_t change;

	/* its end is now: the clock was asked then; what is good needs no rules */
	if(state != NULL
			&& med_health_tell(
					&state->health, NULL, &taken, call->try_started + try->ms, &change))
		med_health_changed(call->out.number, med_side_id(&call->out), &change);
}

void med_health_gone(uint32_t number)
{
	med_trunk_state_t *state = med_shm_trunk_state(number);

	if(state != NULL && med_health_forget(&state->health, med_now_ms()))
		__atomic_sub_fetch(&changes->not_up, 1, __ATOMIC_RELAXED);
}

/* ---- asked ----------------------------------------------------------------------------
 */

unsigned med_health_count(void)
{
	return __atomic_load_n(&changes->not_up, __ATOMIC_RELAXED);
}

bool med_health_any(void)
{
	return med_health_count() != 0
			|| __atomic_load_n(&changes->hinted, __ATOMIC_RELAXED) != 0;
}

void med_health_hinted(unsigned count)
{
	__atomic_store_n(&changes->hinted, count, __ATOMIC_RELAXED);
}

static enum med_health_rank med_health_ranked(const med_trunk_t *trunk, bool takes)
{
	med_trunk_state_t *state = med_shm_trunk_state(trunk->number);

	return state == NULL ? MED_RANK_GOOD
						 : med_health_rank(&state->health, &trunk->profile->health,
								 med_now_ms(), takes);
}

enum med_health_rank med_health_rank_of(void *ctx, const med_trunk_t *trunk, bool first)
{
	(void)ctx;
	return med_health_ranked(trunk, first);
}

enum med_health_rank med_health_rank_seen(void *ctx, const med_trunk_t *trunk, bool first)
{
	(void)ctx, (void)first;
	return med_health_ranked(trunk, false);
}

bool med_health_next(uint32_t *at, med_health_entry_t *entry)
{
	bool found;

	if(__atomic_load_n(&changes->count, __ATOMIC_RELAXED) == *at)
		return false;
	lock_get(&changes->lock);
	if(changes->count - *at > MED_CHANGES)
		*at = changes->count - MED_CHANGES;
	found = *at != changes->count;
	if(found)
		*entry = changes->entry[(*at)++ % MED_CHANGES];
	lock_release(&changes->lock);
	return found;
}

void med_health_text(const med_health_change_t *change, char *text, size_t size)
{
	switch(change->cause) {
		case MED_HEALTH_PROBES:
			snprintf(text, size, "%u OPTIONS were not answered, the last with %u",
					change->count, change->code);
			break;
		case MED_HEALTH_CALLS:
			snprintf(text, size, "%u calls failed, the last with %u", change->count,
					change->code);
			break;
		case MED_HEALTH_ITS_WISH:
			snprintf(text, size, "its 503 asks for %u s without calls", change->seconds);
			break;
		case MED_HEALTH_BY_PERSON:
			snprintf(text, size, "mediation.trunk_state says so");
			break;
		default:
			snprintf(text, size, "was %s",
					med_health_name((enum med_health_state)change->from));
	}
}

/* ---- RPC ------------------------------------------------------------------------------
 */

/** Nothing where there is nothing to say: forty trunks are to fit into an answer. */
static void med_show_number(med_item_t *item, const char *name, uint32_t value)
{
	if(value != 0)
		med_item_number(item, name, value);
}

/** A moment of the clock that is never set, as people read it; nothing for 0. */
static void med_show_moment(
		med_item_t *item, const char *name, int64_t at_ms, int64_t now_ms)
{
	time_t at = time(NULL) - (time_t)((now_ms - at_ms) / 1000);
	char text[32];
	struct tm utc;

	if(at_ms != 0 && gmtime_r(&at, &utc) != NULL
			&& strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc) != 0)
		med_item_text(item, name, med_str(text));
}

/** Why it is in that state, in a word. */
static const char *med_health_cause_name(const med_health_t *h)
{
	static const char *const causes[] = {[MED_HEALTH_NOTHING] = "",
			[MED_HEALTH_PROBES] = "options",
			[MED_HEALTH_CALLS] = "calls",
			[MED_HEALTH_ITS_WISH] = "retry_after",
			[MED_HEALTH_BY_PERSON] = "forced"};

	return causes[h->forced != 0 ? MED_HEALTH_BY_PERSON : h->cause];
}

void med_health_show(med_item_t *item, const med_trunk_t *trunk)
{
	med_trunk_state_t *state = med_shm_trunk_state(trunk->number);
	int64_t now = med_now_ms();
	med_health_t h;

	if(state == NULL)
		return;
	h = state->health;
	med_item_text(item, "state", med_str(med_health_name(med_health_state(&h, now))));
	med_item_text(item, "state_cause", med_str(med_health_cause_name(&h)));
	med_show_moment(item, "state_since", h.since_ms, now);
	med_show_moment(item, "heard_at", h.heard_ms, now);
	med_show_moment(item, "vouched_at", h.vouched_ms, now);
	med_show_number(item, "last_failure", h.code);
	med_show_number(item, "down_elsewhere", h.elsewhere);
	med_show_number(item, "options_missed", h.misses);
	med_show_number(item, "calls_failed", h.failures);
	med_show_number(item, "options_rtt_ms", h.rtt_ms);
	if(med_shm_no_srtp_until(state, trunk) > now)
		med_show_moment(item, "no_srtp_until", med_shm_no_srtp_until(state, trunk), now);
}

#define MED_STATES_SHOWN 100u /* what fits into an answer of ctl */

/** Trunks that are not up, or that a person has forced. */
static void med_health_list(rpc_t *rpc, void *ctx, const med_snapshot_t *snapshot)
{
	int64_t now = med_now_ms();
	const med_trunk_t *trunk;
	unsigned count = 0;
	uint32_t at = 0;
	void *item;

	while((trunk = med_snapshot_next_trunk(snapshot, &at)) != NULL) {
		const med_trunk_state_t *state = med_shm_trunk_state(trunk->number);
		str id = med_to_str(trunk->id);
		med_health_t h;

		if(state == NULL)
			continue;
		h = state->health;
		if(h.forced == 0 && med_health_state(&h, now) == MED_HEALTH_UP)
			continue;
		if(++count > MED_STATES_SHOWN)
			continue;
		if(rpc->add(ctx, MED_FMT("{"), &item) < 0
				|| rpc->struct_add(item, MED_FMT("Sssdd"), "trunk", &id, "state",
						   med_health_name(med_health_state(&h, now)), "state_cause",
						   med_health_cause_name(&h), "last_failure", (int)h.code,
						   "seconds",
						   h.since_ms != 0 ? (int)((now - h.since_ms) / 1000) : 0)
						< 0) {
			rpc->fault(ctx, 500, MED_FMT("the answer does not fit"));
			return;
		}
	}
	if(count > MED_STATES_SHOWN
			&& (rpc->add(ctx, MED_FMT("{"), &item) < 0
					|| rpc->struct_add(item, MED_FMT("d"), "more",
							   (int)(count - MED_STATES_SHOWN))
							< 0))
		rpc->fault(ctx, 500, MED_FMT("the answer does not fit"));
}

void med_health_rpc(rpc_t *rpc, void *ctx)
{
	static const char *const words[] = {"up", "down", "auto", NULL};
	static const enum med_health_state states[] = {MED_HEALTH_UP, MED_HEALTH_DOWN};
	MED_SNAPSHOT(snapshot);
	const med_trunk_t *trunk;
	med_trunk_state_t *state;
	med_health_change_t change;
	med_words_t given;
	int which;

	if(!med_words_scan(rpc, ctx, 2, &given))
		return;
	if(snapshot == NULL) {
		rpc->fault(ctx, 503, MED_FMT("nothing is loaded yet: see mediation.status"));
		return;
	}
	if(given.count == 0) {
		med_health_list(rpc, ctx, snapshot);
		return;
	}
	which = given.count == 2 ? med_word_find(words, given.word[1]) : -1;
	if(which < 0) {
		rpc->fault(ctx, 400,
				MED_FMT("a trunk and up, down or auto; or nothing, for those that are "
						"not "
						"up"));
		return;
	}
	trunk = med_snapshot_trunk(snapshot, given.word[0]);
	state = trunk != NULL ? med_shm_trunk_state(trunk->number) : NULL;
	if(state == NULL) {
		med_rpc_absent(rpc, ctx, MED_KIND_TRUNK, given.word[0]);
		return;
	}
	if(med_health_force(
			   &state->health, which < 2 ? &states[which] : NULL, med_now_ms(), &change))
		med_health_changed(trunk->number, trunk->id, &change);
}
