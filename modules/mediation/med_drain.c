/**
 * med_drain.c - see med_drain.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <time.h>

#include "med_compat.h"
#include "med_drain.h"
#include "med_limit.h"
#include "med_rpc_words.h"

#define MED_DRAIN_RETRY_AFTER_S 60

static int64_t *since; /* in shared memory; atomic; 0: it takes calls */

int med_drain_init(void)
{
	since = shm_mallocxz(sizeof *since);
	if(since == NULL) {
		SHM_MEM_ERROR;
		return -1;
	}
	return 0;
}

void med_drain_destroy(void)
{
	if(since != NULL)
		shm_free(since);
	since = NULL;
}

/** Seconds since the epoch that it has been so; 0: it is not. */
static long long med_drain_since(void)
{
	return __atomic_load_n(since, __ATOMIC_RELAXED);
}

bool med_drain_on(void)
{
	return med_drain_since() != 0;
}

void med_drain_reason(sip_msg_t *msg)
{
	med_reason(msg, 503, 12000, "this node is being drained: it takes no new calls");
	med_reason_retry_after(msg, MED_DRAIN_RETRY_AFTER_S);
}

static void med_drain_set(bool on)
{
	int64_t now = (int64_t)time(NULL), never = 0;

	if(!on) {
		if(__atomic_exchange_n(since, 0, __ATOMIC_RELAXED) != 0)
			LM_NOTICE("this node takes new calls again, as told by RPC\n");
	} else if(__atomic_compare_exchange_n(
					  since, &never, now, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
		LM_NOTICE("this node is being drained, as told by RPC: it takes no new calls\n");
	}
}

void med_drain_rpc(rpc_t *rpc, void *ctx)
{
	static const char *const words[] = {"off", "on", NULL};
	med_words_t given;
	void *top;
	int which;

	if(!med_words_scan(rpc, ctx, 1, &given))
		return;
	if(given.count == 1) {
		which = med_word_find(words, given.word[0]);
		if(which < 0) {
			rpc->fault(ctx, 400,
					MED_FMT("on, off, or nothing: how many calls are still up"));
			return;
		}
		med_drain_set(which == 1);
	}
	if(rpc->add(ctx, MED_FMT("{"), &top) < 0
			|| rpc->struct_add(top, MED_FMT("sdu"), "draining",
					   med_drain_on() ? "yes" : "no", "seconds",
					   med_drain_on() ? (int)(time(NULL) - (time_t)med_drain_since()) : 0,
					   "calls_up", med_limit_counted())
					< 0)
		rpc->fault(ctx, 500, MED_FMT("the answer does not fit"));
}
