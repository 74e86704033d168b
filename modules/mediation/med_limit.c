/**
 * med_limit.c - see med_limit.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "core/parser/parse_from.h"
#include "core/parser/parse_to.h"
#include "core/timer.h"

#include "med_limit.h"
#include "med_media.h"
#include "med_params.h"
#include "med_refuse.h"
#include "med_stats.h"
#include "med_tell.h"
#include "med_verbs.h"

#define MED_LIMIT_SWEEP_S 5

static med_limit_state_t *states;
static med_leases_t *leases;
/** Of the keys of leases: peers choose what they are made of. */
static uint8_t med_limit_secret[16];

_Static_assert(sizeof(void *) >= sizeof(med_lease_id_t), "tm keeps it as a pointer");

static int64_t med_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static uint32_t med_now_s(void)
{
	return (uint32_t)(med_now_ms() / 1000) + 1;
}

static void med_limit_sweep(unsigned ticks, void *unused)
{
	size_t ended = med_leases_sweep(leases, med_now_s());

	(void)ticks, (void)unused;
	if(ended > 0)
		LM_NOTICE("%zu calls are no longer counted: nothing was heard of them for %d s "
				  "(limit_lease)\n",
				ended, med_param_limit_lease);
}

int med_limit_init(void)
{
	if(med_param_limit_calls < 64 || med_param_limit_calls > 1 << 24) {
		LM_ERR("limit_calls %d: not between 64 and %d\n", med_param_limit_calls, 1 << 24);
		return -1;
	}
	if(med_param_limit_lease < 1) {
		LM_ERR("limit_lease %d: one second is the least\n", med_param_limit_lease);
		return -1;
	}
	if(getrandom(med_limit_secret, sizeof med_limit_secret, 0)
			!= (ssize_t)sizeof med_limit_secret) {
		LM_ERR("no random bytes for the keys of counted calls\n");
		return -1;
	}
	states = shm_mallocxz(MED_LIMITS_NUMBERS * sizeof *states);
	leases = shm_malloc(med_leases_size((uint32_t)med_param_limit_calls));
	if(states == NULL || leases == NULL) {
		SHM_MEM_ERROR;
		med_limit_destroy();
		return -1;
	}
	med_leases_begin(leases, (uint32_t)med_param_limit_calls, states);
	if(register_timer(med_limit_sweep, NULL, MED_LIMIT_SWEEP_S) < 0) {
		LM_ERR("no timer for calls whose end is not heard of\n");
		return -1;
	}
	return 0;
}

void med_limit_destroy(void)
{
	if(leases != NULL)
		shm_free(leases);
	if(states != NULL)
		shm_free(states);
	leases = NULL;
	states = NULL;
}

/* ---- which call it is -----------------------------------------------------------------
 */

static uint64_t med_limit_hash(str text)
{
	return med_siphash(med_limit_secret, text.s, (size_t)text.len);
}

/** Tags of the caller and of the callee; false: the message lacks what they are in. */
static bool med_limit_tags(sip_msg_t *msg, bool upstream, str *caller, str *callee)
{
	if(med_parse_headers(msg, HDR_FROM_F | HDR_TO_F | HDR_CALLID_F) < 0
			|| msg->callid == NULL || msg->to == NULL || parse_from_header(msg) < 0)
		return false;
	*caller = upstream ? get_to(msg)->tag_value : get_from(msg)->tag_value;
	*callee = upstream ? get_from(msg)->tag_value : get_to(msg)->tag_value;
	return true;
}

static uint64_t med_limit_key(const sip_msg_t *msg, str caller)
{
	uint64_t tag = med_limit_hash(caller);

	return med_limit_hash(msg->callid->body) ^ (tag << 1 | tag >> 63);
}

/** Never 0. */
static uint32_t med_limit_tag(str callee)
{
	return (uint32_t)med_limit_hash(callee) | 1;
}

/* ---- its end --------------------------------------------------------------------------
 */

/** The caller gets its final answer. */
static void med_limit_answered(struct cell *t, int type, struct tmcb_params *params)
{
	med_lease_id_t lease = (med_lease_id_t)(uintptr_t)*params->param;
	sip_msg_t *reply = params->rpl;

	(void)t, (void)type;
	if(params->code >= 300)
		(void)med_lease_end(leases, lease);
	else if(params->code >= 200 && reply != NULL && reply != FAKED_REPLY
			&& med_parse_headers(reply, HDR_TO_F) == 0 && reply->to != NULL)
		med_lease_answered(leases, lease, med_limit_tag(get_to(reply)->tag_value));
}

/** Its transaction is gone, or there never was one. */
static void med_limit_gone(void *param)
{
	med_lease_end_unanswered(leases, (med_lease_id_t)(uintptr_t)param);
}

/**
 * Its BYE is answered, by the other side or by a timer. One that is challenged comes
 * again with credentials, and the call is up until that one is answered.
 */
static void med_limit_bye_answered(struct cell *t, int type, struct tmcb_params *params)
{
	med_lease_id_t lease = (med_lease_id_t)(uintptr_t)*params->param;

	(void)t, (void)type;
	if(params->code == 401 || params->code == 407) {
		*params->param = NULL; /* no longer this transaction's to end */
		med_lease_goes_on(leases, lease);
	} else if(params->code >= 200) {
		(void)med_lease_end(leases, lease);
	}
}

/** The BYE's transaction is gone, answered or not, or there never was one. */
static void med_limit_bye_gone(void *param)
{
	(void)med_lease_end(leases, (med_lease_id_t)(uintptr_t)param);
}

/** The other side knows of no such call, or is away (RFC 3261, 12.2.1.2). */
static void med_limit_within_answered(
		struct cell *t, int type, struct tmcb_params *params)
{
	(void)t, (void)type;
	if(params->code == 481 || params->code == 408)
		(void)med_lease_end(leases, (med_lease_id_t)(uintptr_t)*params->param);
}

/** With the transaction of this request, which mostly is not made yet. */
static bool med_limit_watch(sip_msg_t *msg, int types, transaction_cb answered,
		release_tmcb_param gone, med_lease_id_t lease)
{
	struct cell *t = med_tm.t_gett();

	return med_tm.register_tmcb(msg, t != T_UNDEFINED ? t : NULL, types, answered,
				   (void *)(uintptr_t)lease, gone)
			> 0;
}

void med_limit_end(med_call_t *call)
{
	(void)med_lease_end(leases, call->lease);
	call->lease = 0;
}

void med_limit_within(sip_msg_t *msg, const med_call_t *call)
{
	bool bye = msg->REQ_METHOD == METHOD_BYE;
	med_lease_id_t lease;
	str caller, callee;
	uint64_t key;

	if(!med_leases_any(leases)
			|| (msg->REQ_METHOD & (METHOD_BYE | METHOD_INVITE | METHOD_UPDATE)) == 0
			|| !med_limit_tags(
					msg, (call->flags & MED_CALL_UPSTREAM) != 0, &caller, &callee))
		return;
	key = med_limit_key(msg, caller);
	lease = bye ? med_lease_ending(leases, key, med_limit_tag(callee))
				: med_lease_renew(leases, key, med_limit_tag(callee),
						med_now_s() + (uint32_t)med_param_limit_lease);
	if(lease == 0)
		return;
	/* the other side has the call until it has answered: a permit that is given back
	 * sooner may be another node's call before that */
	if(bye
			&& !med_limit_watch(msg, TMCB_RESPONSE_READY, med_limit_bye_answered,
					med_limit_bye_gone, lease))
		(void)med_lease_end(leases, lease);
	else if(!bye)
		(void)med_limit_watch(
				msg, TMCB_RESPONSE_READY, med_limit_within_answered, NULL, lease);
}

/* ---- its beginning --------------------------------------------------------------------
 */

/** A line a second of each of them is enough. */
static bool med_limit_told(med_limit_state_t *state)
{
	uint32_t now = med_now_s();

	if(__atomic_load_n(&state->told_s, __ATOMIC_RELAXED) == now)
		return true;
	__atomic_store_n(&state->told_s, now, __ATOMIC_RELAXED);
	return false;
}

static int med_limit_refuse(sip_msg_t *msg, const med_trunk_t *trunk,
		const med_limits_t *limits, enum med_limited limited, bool *told)
{
	uint32_t here = med_limit_here(&states[limits->number], limits, limited);
	char within[96] = "";
	size_t len = 0;

	if(limited == MED_LIMIT_RATE)
		len = (size_t)snprintf(within, sizeof within, " within %u ms", limits->window_ms);
	if(here < med_limited_value(limits, limited))
		snprintf(within + len, sizeof within - len, ", of which this node has %u now",
				here);
	med_reason(msg, limits->overload_code, 12000,
			"trunk '%.*s' is full: limits '%.*s' have %s %u%s", MED_STR_FMT(trunk->id),
			MED_STR_FMT(limits->id), med_limited_field(limited),
			med_limited_value(limits, limited), within);
	if(limits->retry_after_s != UINT32_MAX)
		med_reason_retry_after(msg, limits->retry_after_s);
	med_stats_inc(MED_STAT_LIMITED);
	*told = med_limit_told(&states[limits->number]);
	return MED_EREFUSED;
}

/** Not 0, unless there is no room or no memory, which is told once a second. */
static med_lease_id_t med_limit_lease(
		sip_msg_t *msg, enum med_way way, const med_limit_numbers_t *numbers)
{
	static uint32_t told_s; /* of this process */
	uint32_t now = med_now_s();
	med_lease_id_t lease = 0;
	str caller, callee;

	if(med_limit_tags(msg, false, &caller, &callee))
		lease = med_lease_begin(leases, med_limit_key(msg, caller), way, numbers,
				now + (uint32_t)med_param_limit_lease);
	if(lease != 0
			&& !med_limit_watch(
					msg, TMCB_RESPONSE_OUT, med_limit_answered, med_limit_gone, lease)) {
		(void)med_lease_set(leases, lease, way, NULL);
		(void)med_lease_end(leases, lease);
		return 0;
	}
	if(lease == 0) {
		med_limit_give(states, numbers, way);
		if(told_s != now)
			LM_ERR("no room to count one more call: limit_calls %d is too little\n",
					med_param_limit_calls);
		told_s = now;
	}
	return lease;
}

/** Counts it on one side. */
static int med_limit_count(sip_msg_t *msg, med_call_t *call, const med_trunk_t *trunk,
		enum med_way way, bool *told)
{
	bool emergency = (call->flags & MED_CALL_EMERGENCY) != 0;
	med_limit_numbers_t numbers;
	enum med_limited limited;
	size_t at = 0;

	limited = med_limit_take(
			states, trunk->limits, trunk->limit_count, way, emergency, med_now_ns(), &at);
	if(limited != MED_LIMIT_LETS)
		return med_limit_refuse(msg, trunk, trunk->limits[at], limited, told);
	numbers = med_limit_numbers(trunk->limits, trunk->limit_count);
	if(call->lease == 0)
		call->lease = med_limit_lease(msg, way, &numbers);
	else if(!med_lease_set(leases, call->lease, way, &numbers))
		med_limit_give(states, &numbers, way); /* its time was over meanwhile */
	if(call->lease != 0 || emergency)
		return MED_EOK;
	*told = true; /* by the line about the room */
	med_reason(msg, 503, 12000,
			"trunk '%.*s' has limits, and there is no room to count one more call",
			MED_STR_FMT(trunk->id));
	return MED_EREFUSED;
}

/* ---- its audio ------------------------------------------------------------------------
 */

/** What it may take, by its offer; asked once. */
static uint32_t med_limit_kbit(sip_msg_t *msg, med_call_t *call)
{
	med_sdp_t sdp;

	if(call->kbit == 0)
		call->kbit = (uint16_t)((med_media_sdp(msg, &sdp, NULL) == MED_EOK
												? med_kbit_of_offer(&sdp)
												: MED_KBIT_UNKNOWN)
				+ 1);
	return call->kbit - 1u;
}

static int med_limit_band_refuse(sip_msg_t *msg, const med_trunk_t *trunk,
		const med_limits_t *limits, enum med_banded banded, uint32_t wanted, bool *told)
{
	med_limit_state_t *state = &states[limits->number];
	uint32_t here = med_limit_here(state, limits, MED_LIMIT_AUDIO);
	char within[64] = "";

	if(here < limits->audio_kbit)
		snprintf(within, sizeof within, ", of which this node has %u now", here);
	if(banded == MED_BAND_SESSION)
		med_reason(msg, limits->overload_code, 12000,
				"trunk '%.*s': its audio may take %u kbit/s, limits '%.*s' have "
				"audio_bw_session_limit %u",
				MED_STR_FMT(trunk->id), wanted, MED_STR_FMT(limits->id),
				limits->audio_kbit_session);
	else
		med_reason(msg, limits->overload_code, 12000,
				"trunk '%.*s' is full: its audio may take %u kbit/s, limits '%.*s' have "
				"audio_bw_limit %u%s, and %u of it are taken",
				MED_STR_FMT(trunk->id), wanted, MED_STR_FMT(limits->id),
				limits->audio_kbit, within,
				__atomic_load_n(&state->kbit, __ATOMIC_RELAXED));
	if(limits->retry_after_s != UINT32_MAX)
		med_reason_retry_after(msg, limits->retry_after_s);
	med_stats_inc(MED_STAT_LIMITED);
	*told = med_limit_told(state);
	return MED_EREFUSED;
}

/** It is counted already; what its audio takes goes with that. */
static int med_limit_band(sip_msg_t *msg, med_call_t *call, const med_trunk_t *trunk,
		const med_limits_t *link, enum med_way way, bool *told)
{
	const med_limits_t *limits[MED_BAND_LIMITS];
	bool emergency = (call->flags & MED_CALL_EMERGENCY) != 0;
	uint32_t wanted = med_limit_kbit(msg, call);
	enum med_banded banded;
	med_band_t band;
	size_t at = 0, count = 0;

	for(; count < trunk->limit_count; count++)
		limits[count] = trunk->limits[count];
	limits[count++] = link;
	banded = med_band_take(states, limits, count, wanted, emergency, &band, &at);
	if(banded != MED_BAND_LETS) {
		(void)med_lease_set(leases, call->lease, way, NULL);
		return med_limit_band_refuse(msg, trunk, limits[at], banded, wanted, told);
	}
	if(!med_lease_band(leases, call->lease, way, &band))
		med_band_give(states, &band); /* its time was over meanwhile */
	return MED_EOK;
}

int med_limit_in(sip_msg_t *msg, med_call_t *call, const med_trunk_t *in, bool *told)
{
	if(msg->REQ_METHOD != METHOD_INVITE || call->lease != 0)
		return MED_EOK;
	if(med_limit_count(msg, call, in, MED_WAY_IN, told) != MED_EOK)
		return MED_EREFUSED;
	if(!in->banded || med_limit_band(msg, call, in, NULL, MED_WAY_IN, told) == MED_EOK)
		return MED_EOK;
	med_limit_end(call);
	return MED_EREFUSED;
}

int med_limit_out(sip_msg_t *msg, med_call_t *call, const med_trunk_t *out,
		const med_limits_t *link, bool *told)
{
	if(msg->REQ_METHOD != METHOD_INVITE)
		return MED_EOK;
	if(call->lease != 0) {
		(void)med_lease_set(leases, call->lease, MED_WAY_OUT, NULL);
		if(call->kbit != 0)
			(void)med_lease_band(leases, call->lease, MED_WAY_OUT, NULL);
	}
	if(out->limit_count == 0 && link == NULL)
		return MED_EOK;
	if(med_limit_count(msg, call, out, MED_WAY_OUT, told) != MED_EOK)
		return MED_EREFUSED;
	return out->banded || link != NULL
			? med_limit_band(msg, call, out, link, MED_WAY_OUT, told)
			: MED_EOK;
}

bool med_limit_full(void *ctx, const med_trunk_t *trunk, bool emergency)
{
	int64_t now = med_now_ns();

	(void)ctx;
	for(unsigned i = 0; i < trunk->limit_count; i++)
		if(med_limit_asks(&states[trunk->limits[i]->number], trunk->limits[i],
				   MED_WAY_OUT, emergency, now)
				!= MED_LIMIT_LETS)
			return true;
	return false;
}

unsigned med_limit_counted(void)
{
	return __atomic_load_n(&leases->used, __ATOMIC_RELAXED);
}

med_limit_state_t *med_limit_states(void)
{
	return states;
}

/* ---- RPC ------------------------------------------------------------------------------
 */

uint32_t med_limit_up(const med_limits_t *limits, enum med_way way)
{
	return med_limit_calls(&states[limits->number], way);
}

void med_limit_show(med_item_t *item, const med_limits_t *limits)
{
	const med_limit_state_t *state = &states[limits->number];

	med_item_number(item, "calls_up_in", med_limit_calls(state, MED_WAY_IN));
	med_item_number(item, "calls_up_out", med_limit_calls(state, MED_WAY_OUT));
	if(med_limits_band(limits)) {
		med_item_number(item, "audio_kbit_taken",
				__atomic_load_n(&state->kbit, __ATOMIC_RELAXED));
		med_item_number(item, "audio_kbit_elsewhere",
				__atomic_load_n(&state->kbit_elsewhere, __ATOMIC_RELAXED));
	}
	med_item_number(item, "calls_up_elsewhere",
			__atomic_load_n(&state->elsewhere, __ATOMIC_RELAXED));
	for(int l = MED_LIMIT_CALLS; l < MED_LIMITEDS; l++) {
		enum med_limited limited = (enum med_limited)l;
		uint32_t here = med_limit_here(state, limits, limited);
		char name[48];

		if(here == MED_UNSET) /* none, or without_redis allow */
			continue;
		snprintf(name, sizeof name, "%s_here", med_limited_field(limited));
		med_item_number(item, name, here);
	}
}

void med_limit_show_trunk(med_item_t *item, const med_trunk_t *trunk)
{
	if(trunk->limit_count > 0 && trunk->limits[0]->id.s[0] == 't') {
		const med_limit_state_t *state = &states[trunk->limits[0]->number];

		med_item_number(item, "calls_up",
				med_limit_calls(state, MED_WAY_IN) + med_limit_calls(state, MED_WAY_OUT));
	}
}
