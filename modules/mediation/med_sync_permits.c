/**
 * med_sync_permits.c - limits that nodes share: permits asked for in Redis
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_sync_priv.h"

#include "med_compat.h"
#include "med_events.h"
#include "med_limit.h"
#include "med_params.h"
#include "medcore/permit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define LOST_MS 250     /* until Redis is asked again that was away */
#define REFUSED_MS 5000 /* that would not do it: a person must mend it */

static med_permits_t *permits; /* NULL: each node counts for itself */
static bool refusal_told;

int med_sync_permits_open(void)
{
	char member[96];
	unsigned long long life;

	if(med_param_limit_share_ttl == 0)
		return 0;
	/* of this life: what the node had before counts until its time is over */
	if(getrandom(&life, sizeof life, 0) != (ssize_t)sizeof life) {
		LM_ERR("no random bytes for this node's permits\n");
		return -1;
	}
	snprintf(member, sizeof member, "%s/%llx", med_sync_node(), life);
	permits = med_permits_new(
			med_limit_states(), member, (int64_t)med_param_limit_share_ttl * 1000);
	if(!permits) {
		LM_ERR("out of memory\n");
		return -1;
	}
	return 0;
}

/** What became of it is in the status; the log has it once. */
static void tell_state(const char *why)
{
	enum med_permits_state state = med_permits_state(permits);
	med_status_t *status = &med_sync.status;
	unsigned nodes = state == MED_PERMITS_SHARED ? med_permits_nodes(permits) : 0;

	if(state == status->limits_state && nodes == status->limits_nodes)
		return;
	if(state == MED_PERMITS_ALONE) {
		LM_WARN("limits are no longer shared with other nodes, so the without_redis of "
				"each holds: %s\n",
				why);
		med_event("limits_alone", "%s", why);
	} else if(status->limits_state == MED_PERMITS_ALONE && state == MED_PERMITS_SHARED) {
		LM_NOTICE("limits are shared again, by %u nodes\n", nodes);
		med_event("limits_shared", "by %u nodes", nodes);
	}
	status->limits_state = state;
	status->limits_nodes = nodes;
	med_sync_publish_status();
}

static void answered(
		void *ctx, const med_str_t *text, size_t count, const char *error, bool refused)
{
	(void)ctx;
	if(!error && !med_permits_answer(permits, text, count)) {
		error = "it answered something else";
		refused = true;
	}
	if(!error) {
		refusal_told = false;
		tell_state("");
		return;
	}
	if(refused && !refusal_told)
		LM_ERR("limits cannot be shared: Redis says: %s\n", error);
	refusal_told |= refused;
	med_permits_lost(permits, refused ? REFUSED_MS : LOST_MS, med_sync_clock_ms());
	tell_state(error);
}

static void ask(void)
{
	med_permit_question_t question;
	char key[256];

	_Static_assert(MED_PERMIT_WORDS <= MED_STORE_WORDS_MAX, "words of a question");
	_Static_assert(1 + MED_PERMIT_TOLD + MED_PERMIT_ASKED <= MED_STORE_ANSWER_MAX,
			"texts of an answer");
	if(!med_permits_ask(permits, med_sync_clock_ms(), &question))
		return;
	snprintf(key, sizeof key, "%slease:", med_param_status_prefix);
	if(med_store_script(med_sync.store, MED_STORE_PERMITS, med_permits_script, key,
			   question.word, question.count, answered, NULL)
			== MED_EOK)
		return;
	med_permits_lost(permits, LOST_MS, med_sync_clock_ms());
	tell_state("Redis is away");
}

void med_sync_permits_set(const med_snapshot_t *snapshot)
{
	size_t count = med_snapshot_count(snapshot, MED_KIND_LIMITS), n = 0;
	const med_limits_t **limits, *one;
	uint64_t at = 0;

	if(!permits || !med_sync.limits_changed)
		return;
	limits = malloc((count + 1) * sizeof *limits);
	while(limits && n < count && (one = med_snapshot_next_limits(snapshot, &at)) != NULL)
		limits[n++] = one;
	if(!limits || med_permits_set(permits, limits, n, med_sync_clock_ms()) != MED_EOK) {
		LM_ERR("out of memory: new limits hold on this node alone\n");
	} else {
		med_sync.limits_changed = false;
		tell_state("");
	}
	free(limits);
}

void med_sync_permits_run(int64_t now_ms)
{
	if(!permits)
		return;
	med_permits_look(permits, now_ms);
	ask();
	tell_state("Redis has not answered for too long");
}

void med_sync_permits_look(int64_t now_ms)
{
	if(permits)
		med_permits_look(permits, now_ms);
}

int64_t med_sync_permits_due(void)
{
	return permits ? med_permits_due(permits) : INT64_MAX;
}
