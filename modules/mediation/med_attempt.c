/**
 * med_attempt.c - one trunk after the other, until one takes the call
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>

#include "core/dset.h"
#include "core/parser/parse_cseq.h"
#include "core/rand/kam_rand.h"
#include "core/socket_info.h"

#include "med_branch.h"
#include "med_bypass.h"
#include "med_connect.h"
#include "med_cookie.h"
#include "med_dialog.h"
#include "med_health.h"
#include "med_identify.h"
#include "med_limit.h"
#include "med_media.h"
#include "med_metrics.h"
#include "med_offer.h"
#include "med_refuse.h"
#include "med_response.h"
#include "med_shm.h"
#include "med_stats.h"
#include "med_tell.h"
#include "med_user.h"
#include "med_verbs.h"
#include "medcore/targets.h"

/* tm's timers take 0 for "leave as it is". A proxy has one all the same: timer C of RFC
 * 3261, 16.6, which also ends a call that was cancelled and of whose end nobody tells. */
#define MED_TIMER_NONE_MS 180000

static int (*med_t_drop_replies)(sip_msg_t *msg, str *mode);

int med_attempt_init(void)
{
	med_t_drop_replies = med_kemi_function("tm", "t_drop_replies");
	if(med_t_drop_replies != NULL)
		return 0;
	LM_ERR("this tm lacks t_drop_replies\n");
	return -1;
}

/** Spec 4.3. tm's first timer runs to the first reply, its second from then on. */
static void med_set_timers(sip_msg_t *msg, med_call_t *call, const med_trunk_t *trunk)
{
	const med_profile_t *profile = trunk->profile;
	uint32_t answer = profile->answer_timeout_ms != 0 ? profile->answer_timeout_ms
													  : MED_TIMER_NONE_MS;
	uint32_t progress =
			profile->progress_timeout_ms != 0 ? profile->progress_timeout_ms : answer;
	uint32_t trying =
			profile->trying_timeout_ms != 0 ? profile->trying_timeout_ms : progress;

	/* Who has not said 100 has not progressed; and over TCP tm cannot shorten a timer. */
	if(progress > answer)
		progress = answer;
	if(profile->progress_is == MED_PROGRESS_100)
		progress = answer;
	if(trying > progress)
		trying = progress;
	call->progress = 0;
	call->rang = 0;
	call->progress_is = profile->progress_is;
	call->answer_timeout_ms = answer;
	call->progress_timeout_ms = progress;
	call->connect_timeout_ms = 0;
	if(trunk->transport != MED_UDP) {
		int any = 0;
		if(med_link_to(&any, &call->target, call->target_port) != MED_LINK_UP) {
			med_tls_hello(trunk);
			call->connect_timeout_ms = profile->connect_timeout_ms;
			call->trying_timeout_ms = trying;
			/* med_connect makes it longer; shorter it cannot be made */
			if(trying > profile->connect_timeout_ms)
				trying = profile->connect_timeout_ms;
		}
	}
	med_tm.set_fr(msg, progress, trying);
}

/** tm ends what is older than its max_inv_lifetime: not before this attempt's own timers. */
static void med_let_live(struct cell *t, const med_call_t *call)
{
	ticks_t until = get_ticks_raw()
			+ MS_TO_TICKS((ticks_t)call->connect_timeout_ms
					+ 2 * (ticks_t)call->progress_timeout_ms
					+ (ticks_t)call->answer_timeout_ms);

	if((s_ticks_t)(until - t->end_of_life) > 0)
		t->end_of_life = until;
}

/**
 * Where the call's sides are, for requests within it (med_dialog.h). false: we are
 * connected to that place already, and the certificate there is not the gateway's.
 */
static bool med_set_pins(sip_msg_t *msg, med_call_t *call, const med_trunk_t *out)
{
	med_ip_t ip;

	if(call->in.pin == 0) {
		med_ip_of(&msg->rcv.src_ip, &ip);
		call->in.pin = med_cookie_pin_ip(msg->rcv.proto, &ip);
	}
	call->out.pin = med_cookie_pin_ip(med_transport_proto(out->transport), &call->target);
	return out->transport != MED_TLS
			|| med_connection_is(&call->target, call->target_port, out->gateway)
			!= MED_CONNECTION_NO;
}

/**
 * Those that this call has been to, and the one that is next: true, and it is chosen.
 * @p more  there are others
 */
static bool med_choose_target(med_call_t *call, const med_trunk_t *trunk,
		const struct socket_info *socket, uint32_t turn, bool *more)
{
	uint32_t tried[MED_PLAN_MAX];
	med_try_t *try = &call->tries[call->try_current];
	med_target_query_t query = {.transport = trunk->transport,
			.ipv4 = socket->address.af == AF_INET,
			.ipv6 = socket->address.af == AF_INET6,
			.tried = tried,
			.turn = turn,
			.chance = trunk->gateway->srv ? (uint32_t)kam_rand() : 0};
	const med_target_t *target;

	for(unsigned i = 0; i < call->try_current; i++)
		if(call->tries[i].number == trunk->number && call->tries[i].target != 0)
			tried[query.tried_count++] = call->tries[i].target;
	target = med_target_next(trunk->gateway, &query);
	if(target == NULL)
		return false;
	call->target = target->ip;
	call->target_port = med_target_port(target, trunk->port);
	try->target = med_target_hash(target);
	tried[query.tried_count++] = try->target;
	*more = med_target_next(trunk->gateway, &query) != NULL;
	return true;
}

/** Where a candidate is; false: the name of its gateway has no address, and it is told.
 */
static bool med_find_target(sip_msg_t *msg, med_call_t *call, const med_trunk_t *trunk,
		const struct socket_info *socket, uint32_t turn, bool *more)
{
	*more = false;
	if(!trunk->gateway->named) {
		call->target = trunk->gateway->targets[0].ip;
		call->target_port = trunk->port;
		return true;
	}
	if(med_choose_target(call, trunk, socket, turn, more))
		return true;
	med_reason(msg, 503, 12000,
			"trunk '%.*s': the name of its gateway, '%.*s', has no address that "
			"its socket can send to",
			MED_STR_FMT(trunk->id), MED_STR_FMT(trunk->gateway->address));
	return false;
}

/** $du: of a gateway named by name an address, as nobody is to look it up again. */
static int med_set_destination(
		sip_msg_t *msg, const med_call_t *call, const med_trunk_t *trunk)
{
	str destination = med_to_str(trunk->destination);
	char uri[MED_DESTINATION_MAX];

	if(trunk->gateway->named) {
		destination.s = uri;
		destination.len = (int)med_target_uri(&call->target, call->target_port,
				(enum med_transport)trunk->transport, uri, sizeof uri);
	}
	return set_dst_uri(msg, &destination) < 0 ? MED_ENOMEM : MED_EOK;
}

/** Limits of the link from the caller's site to this one. */
static const med_limits_t *med_link_to_site(
		const med_snapshot_t *snapshot, const med_call_t *call, med_str_t site)
{
	const med_trunk_t *in = med_side_trunk(snapshot, &call->in);

	return in != NULL ? med_snapshot_link(snapshot, in->gateway->site, site) : NULL;
}

/* ---- without SRTP -------------------------------------------------------------------
 */

/** May this no be about the SRTP that was offered, which the policy can do without? */
static bool med_refuses_srtp(
		const med_call_t *call, const med_trunk_t *out, unsigned code)
{
	return (code == 415 || code == 488 || code == 606)
			&& call->tries[call->try_current].code == code /* its own answer */
			&& out != NULL && out->profile->srtp_fallback_ms > 0
			&& call->out.policy.srtp == MED_SRTP_OPTIONAL
			&& (call->out.policy.anchored || call->in.policy.anchored)
			&& ((call->flags & MED_CALL_OFFER) != 0 || call->our_offer != 0)
			&& (call->flags & MED_CALL_BYPASSED) == 0;
}

/** Of a leg that may have SRTP: this call's, as long as it lives, has none. */
static void med_leave_srtp_out(med_call_t *call, const med_trunk_t *trunk,
		const med_trunk_state_t *state, const med_try_t *try)
{
	if(trunk->leg.srtp == MED_SRTP_OPTIONAL
			&& (try->no_srtp || med_shm_no_srtp_until(state, trunk) > med_now_ms()))
		call->out.policy.srtp = MED_SRTP_NOT_SUPPORTED;
}

/** It took without SRTP what it had refused with it: for a while it is offered none. */
static void med_remember_no_srtp(const med_call_t *call)
{
	med_trunk_state_t *state = med_shm_trunk_state(call->out.number);
	const med_trunk_t *out;

	MED_SNAPSHOT(snapshot);
	out = med_side_trunk(snapshot, &call->out);
	if(state == NULL || out == NULL)
		return;
	__atomic_store_n(&state->no_srtp_at, med_now_ms(), __ATOMIC_RELAXED);
	LM_NOTICE("trunk '%.*s' refuses SRTP and takes RTP: it is offered RTP alone for %u s "
			  "(srtp_fallback_s)\n",
			MED_STR_FMT(out->id), out->profile->srtp_fallback_ms / 1000);
}

static int med_try_candidate(
		sip_msg_t *msg, med_call_t *call, const med_snapshot_t *snapshot, med_try_t *try)
{
	const med_trunk_t *trunk = med_snapshot_trunk_by_number(snapshot, try->number);
	med_trunk_state_t *state;
	const med_limits_t *link = NULL;
	struct socket_info *socket;
	uint32_t turn = 0;
	bool told, more;

	if(trunk == NULL
			|| !med_str_eq(trunk->id, med_call_text(call, try->trunk, try->trunk_len))
			|| !trunk->enabled || trunk->draining || !trunk->gateway->routable)
		return MED_NO; /* changed since the plan was made: the next one */
	socket = med_trunk_socket(trunk);
	if(socket == NULL) {
		med_reason(msg, 503, 12000,
				"trunk '%.*s': Kamailio has no listen socket with its "
				"local_port %u",
				MED_STR_FMT(trunk->id), (unsigned)trunk->local_port);
		return med_refused(msg, MED_NO);
	}
	if(med_offer_choose(msg, call, trunk) != MED_EOK)
		return med_refused(msg, MED_NO);
	if(trunk->destination.len > sizeof call->destination)
		return MED_INTERNAL; /* not before a host name may have more than 255 bytes */
	state = med_shm_trunk_state(trunk->number);
	if(state != NULL)
		turn = __atomic_load_n(&state->attempts, __ATOMIC_RELAXED);
	if(!med_find_target(msg, call, trunk, socket, turn, &more))
		return med_refused(msg, MED_NO);
	if(!med_set_pins(msg, call, trunk)) {
		if(more)
			med_call_try_again(call);
		med_reason(msg, 503, 12000,
				"trunk '%.*s': the certificate at its address does not have its tls_name "
				"'%.*s'",
				MED_STR_FMT(trunk->id), MED_STR_FMT(trunk->gateway->tls_name));
		return med_refused(msg, MED_NO);
	}
	/* After all else that may keep it from being sent there: a permit is not for that.
	 * Asked once more, or at another of its addresses, it is counted there already. */
	if(trunk->gateway->site.len > 0)
		link = med_link_to_site(snapshot, call, trunk->gateway->site);
	if(!med_str_eq(med_side_id(&call->out), trunk->id)
			&& (trunk->limit_count > 0 || call->lease != 0 || link != NULL)
			&& med_limit_out(msg, call, trunk, link, &told) != MED_EOK)
		return told ? med_refused_again(msg, MED_NO) : med_refused(msg, MED_NO);
	if(more)
		med_call_try_again(call);
	if(med_set_destination(msg, call, trunk) != MED_EOK)
		return MED_INTERNAL;
	call->destination_len = (uint16_t)trunk->destination.len;
	memcpy(call->destination, trunk->destination.s, trunk->destination.len);
	set_force_socket(msg, socket);
	ruri_mark_new();
	med_side_set(&call->out, trunk);
	med_leave_srtp_out(call, trunk, state, try);
	med_reason_clear(msg); /* of a candidate that could not be tried */
	if(state != NULL)
		__atomic_add_fetch(&state->attempts, 1, __ATOMIC_RELAXED);
	call->flags |= MED_CALL_CHOSEN;
	med_set_timers(msg, call, trunk);
	return MED_YES;
}

/** To the user's contacts, once: where they are is in the message already. */
static int med_next_user(sip_msg_t *msg, med_call_t *call)
{
	if(call->try_next++ == 0)
		return MED_YES;
	med_media_forget(msg, call, false);
	if(call->reason.code == 0)
		med_reason(msg, 480, 0, "the user called, %.*s, could not be reached",
				MED_STR_FMT(call->called));
	return med_refused(msg, MED_ALL_DOWN);
}

/** The last candidate was written, and nothing refused it: it took no connection. */
static void med_not_sent(med_call_t *call, const med_snapshot_t *snapshot)
{
	const uint32_t written = MED_CALL_TRIED | MED_CALL_CHOSEN;
	const med_trunk_t *out;

	if((call->flags & (written | MED_CALL_OVER)) != written || call->reason.code != 0)
		return;
	out = med_side_trunk(snapshot, &call->out);
	if(out == NULL)
		return;
	med_health_call_failed(out, call, 503, false);
	med_metrics_failed(call, MED_ENDED_CONNECTION);
}

int ki_med_next(sip_msg_t *msg)
{
	med_call_t *call = med_call_get(msg);
	int rc;

	if(call == NULL)
		return MED_INTERNAL;
	if(call->flags & MED_CALL_TO_USER)
		return med_next_user(msg, call);
	MED_SNAPSHOT(snapshot);
	if(snapshot == NULL)
		return med_not_loaded(msg);
	med_not_sent(call, snapshot);
	med_media_forget(
			msg, call, false); /* of a candidate that could not even be sent to */
	while(call->try_next < call->try_count) {
		call->try_current = call->try_next++;
		rc = med_try_candidate(msg, call, snapshot, &call->tries[call->try_current]);
		if(rc != MED_NO)
			return rc;
	}
	call->flags &= ~(uint32_t)MED_CALL_CHOSEN;
	if(call->reason.code == 0) {
		med_stats_inc(MED_STAT_EXHAUSTED);
		med_reason(msg, 503, 12000, "no trunk left for %.*s", MED_STR_FMT(call->called));
		return med_refused(msg, MED_ALL_DOWN);
	}
	return med_refused_again(msg, MED_ALL_DOWN);
}

/** Where it goes now; from here on the line comes with the caller's answer. */
static void med_tell_attempt(sip_msg_t *msg, const med_call_t *call)
{
	med_tell_with_answer(msg);
	if(call->flags & MED_CALL_TO_USER)
		MED_TELL(msg, "sent to the user %.*s", MED_STR_FMT(call->called));
	else
		MED_TELL(msg, "sent to trunk '%.*s' at %.*s", call->out.id_len, call->out.id,
				call->destination_len, call->destination);
}

int ki_med_branch(sip_msg_t *msg)
{
	med_call_t *call = med_call_get(msg);
	struct cell *t = med_tm.t_gett();

	if(call == NULL || t == NULL || t == T_UNDEFINED)
		return MED_INTERNAL;
	if(call->flags & MED_CALL_IN_DIALOG)
		return MED_YES; /* within a call the peers' own targets hold */
	if(med_telling(msg))
		med_tell_attempt(msg, call);
	if(call->flags & MED_CALL_TO_USER) {
		if(med_bypass_asked(call)) {
			MED_SNAPSHOT(snapshot);
			med_bypass_decide(msg, call, snapshot);
		}
		if(med_user_branch(msg, call) != MED_EOK)
			return med_refused(msg, MED_NO);
		/* Several phones may ring: no branch is the only one, so none is kept. */
		call->flags &= ~(uint32_t)MED_CALL_OVER;
		call->branch_len = 0;
		return MED_YES;
	}
	MED_SNAPSHOT(snapshot);
	if(snapshot == NULL)
		return med_not_loaded(msg);
	if(med_bypass_asked(call))
		med_bypass_decide(msg, call, snapshot);
	if(med_branch_write(msg, call, snapshot, med_scratch) != MED_EOK)
		return med_refused(msg, MED_NO);
	call->flags &= ~(uint32_t)MED_CALL_OVER;
	call->tm_branch = (uint8_t)t->nr_of_outgoings; /* the one that is being made */
	call->branch_len = 0;
	if(msg->add_to_branch_len > 0 && msg->add_to_branch_len <= MED_BRANCH_MAX) {
		call->branch_len = (uint8_t)msg->add_to_branch_len;
		memcpy(call->branch, msg->add_to_branch_s, call->branch_len);
	}
	call->flags |= MED_CALL_TRIED;
	call->tries[call->try_current].code = 0;
	call->cause = MED_CAUSE_NONE;
	call->retry_after_s = 0;
	call->try_started = med_now_ms();
	call->timed_from = 0;
	med_let_live(t, call);
	if(call->connect_timeout_ms > 0)
		med_connect_watch(t, call);
	return MED_YES;
}

/** How the current candidate's branch ended; 408 where a timer did, 0: it was not sent.
 */
static unsigned med_failed_code(const med_call_t *call, const struct cell *t)
{
	if((call->flags & MED_CALL_TRIED) == 0 || call->tm_branch >= t->nr_of_outgoings)
		return 0;
	return (unsigned)t->uac[call->tm_branch].last_received;
}

unsigned med_attempt_code(const med_call_t *call, unsigned index, uint32_t *ms)
{
	const med_try_t *try = &call->tries[index];
	struct cell *t = med_tm.t_gett();
	unsigned code;

	*ms = try->ms;
	if(try->code != 0 || index != call->try_current || t == NULL || t == T_UNDEFINED)
		return try->code;
	code = med_failed_code(call, t);
	*ms = (uint32_t)(med_now_ms() - call->try_started);
	return code >= 300 ? code : 0;
}

/** Of several answers the last one counts: those so far are no longer the caller's. */
static void med_drop_answers(sip_msg_t *msg)
{
	str newer = str_init("l");

	med_t_drop_replies(msg, &newer);
}

/** The same trunk once more; false: there is no room for one more attempt. */
static bool med_once_more(sip_msg_t *msg, med_call_t *call, unsigned code)
{
	med_try_t *next = med_call_try_again(call);
	str callid = med_callid(msg);

	if(next == NULL)
		return false;
	next->no_srtp = true;
	call->tries[call->try_current].target = 0; /* the same place will do */
	call->flags &= ~(uint32_t)(MED_CALL_TRIED | MED_CALL_CHOSEN);
	med_stats_inc(MED_STAT_SRTP_FALLBACKS);
	LM_NOTICE("call %.*s: trunk '%.*s' answered %u, asking once more without SRTP\n",
			callid.len, callid.s, call->out.id_len, call->out.id, code);
	MED_TELL(msg, "once more without SRTP (srtp_fallback_s)");
	med_drop_answers(msg);
	return true;
}

/** By a code that sends calls on; a timer and a connection that is not made always do. */
static bool med_has_failed(const med_trunk_t *out, unsigned code, bool answered)
{
	return (!answered && (code == 408 || code == 503))
			|| (out != NULL && med_fails_over(out->profile, code));
}

/** A callee who is rung and does not answer is no failure of the trunk. */
static void med_tell_health(
		const med_trunk_t *out, const med_call_t *call, unsigned came, bool answered)
{
	if(!answered && came == 408 && call->progress)
		med_health_call_taken(call);
	else if(out != NULL)
		med_health_call_failed(out, call, came, answered);
}

int ki_med_failover(sip_msg_t *msg)
{
	med_call_t *call = med_call_get(msg);
	struct cell *t = med_tm.t_gett();
	str callid = med_callid(msg);
	const med_trunk_t *out;
	med_trunk_state_t *state;
	unsigned came, code;
	bool answered, failed;

	if(call == NULL || t == NULL || t == T_UNDEFINED)
		return MED_INTERNAL;
	if(call->flags & MED_CALL_IN_DIALOG)
		return MED_NO;
	med_media_forget(msg, call, false);
	call->flags |= MED_CALL_OVER;
	came = med_failed_code(call, t);
	answered = call->tries[call->try_current].code != 0; /* else a timer ended it */
	if((call->flags & MED_CALL_TO_USER) == 0)
		MED_TELL(msg, "trunk '%.*s': %u%s", call->out.id_len, call->out.id, came,
				(t->flags & T_CANCELED) != 0 ? ", the caller gave up"
						: came == 0          ? ", not sent to"
						: med_connect_ends() ? ", no connection"
						: !answered          ? ", a timer"
											 : "");
	/* also where the caller gave up and it said nothing */
	if(came != 0 && med_call_ended(call, came))
		med_metrics_failed(call,
				(t->flags & T_CANCELED) != 0 ? MED_ENDED_CANCELLED
						: came == 408        ? MED_ENDED_TIMER
											 : MED_ENDED_CONNECTION);
	if((t->flags & T_CANCELED) != 0 || (call->flags & MED_CALL_TO_USER) != 0)
		return MED_NO; /* the phones' own answer is the caller's */
	MED_SNAPSHOT(snapshot);
	if(snapshot == NULL)
		return MED_NO; /* the gateway's own answer is as good as any */
	if(came == 0)
		return ki_med_next(msg); /* dropped in branch_route: nothing to judge */
	out = med_side_trunk(snapshot, &call->out);
	if(med_refuses_srtp(call, out, came) && med_once_more(msg, call, came)) {
		med_health_call_taken(call);
		return ki_med_next(msg);
	}
	code = answered ? med_response_code(msg, snapshot, out, call, came) : came;
	if(code != came)
		MED_TELL(msg, "response_rules of its profile make %u of it", code);
	failed = med_has_failed(out, code, answered);
	if(failed)
		med_tell_health(out, call, came, answered);
	else if(answered)
		med_health_call_taken(call);
	/* An emergency call goes on whatever a trunk says, as long as one is left. */
	if(!failed
			&& ((call->flags & MED_CALL_EMERGENCY) == 0
					|| call->try_next >= call->try_count)) {
		if(code != came)
			med_response_tell(msg, call, came, code);
		return MED_NO;
	}
	state = out != NULL ? med_shm_trunk_state(out->number) : NULL;
	if(state != NULL)
		__atomic_add_fetch(&state->failures, 1, __ATOMIC_RELAXED);
	/* This attempt is over; what is said from here on is said of the next. */
	call->flags &= ~(uint32_t)(MED_CALL_TRIED | MED_CALL_CHOSEN);
	call->refused.branch_len = 0;
	med_reason_clear(msg);
	LM_NOTICE("call %.*s: trunk '%.*s' %s %u, %s\n", callid.len, callid.s,
			call->out.id_len, call->out.id,
			answered                     ? "answered"
					: med_connect_ends() ? "took no connection:"
										 : "timed out:",
			came, call->try_next < call->try_count ? "trying the next" : "none is left");
	if(call->try_next >= call->try_count) {
		med_stats_inc(MED_STAT_EXHAUSTED);
		med_reason(msg, 503, 12000, "no trunk left for %.*s; the last, '%.*s', gave %u",
				MED_STR_FMT(call->called), call->out.id_len, call->out.id, came);
		return MED_ALL_DOWN;
	}
	med_stats_inc(MED_STAT_FAILOVERS);
	med_drop_answers(msg);
	return ki_med_next(msg);
}

/** The current candidate's own final answer, for the call's record. */
static void med_final_answer(sip_msg_t *msg, med_call_t *call)
{
	if((call->flags & (MED_CALL_IN_DIALOG | MED_CALL_OVER)) == 0
			&& med_tm.t_gett_branch() == call->tm_branch && get_cseq(msg) != NULL
			&& get_cseq(msg)->method_id == METHOD_INVITE) {
		if(med_call_ended(call, msg->REPLY_STATUS)) {
			med_metrics_final(call, msg->REPLY_STATUS);
			if(msg->REPLY_STATUS < 300 && call->tries[call->try_current].no_srtp)
				med_remember_no_srtp(call);
		}
		if(msg->REPLY_STATUS >= 300)
			med_response_note(msg, call);
		else
			med_health_call_taken(call);
	}
}

int ki_med_media(sip_msg_t *msg)
{
	med_call_t *call = msg->first_line.type == SIP_REPLY ? med_call_get(msg) : NULL;

	if(call != NULL && med_connect_ends()) {
		med_media_forget(msg, call, false);
		return MED_MEDIA_NOTHING; /* nobody answered */
	}
	if(call != NULL && msg->REPLY_STATUS >= 200)
		med_final_answer(msg, call);
	if(call != NULL && (msg->rcv.proto == PROTO_TLS || call->escape_ms > 0)) {
		MED_SNAPSHOT(snapshot);
		if((msg->rcv.proto == PROTO_TLS
				   && med_dialog_answer(msg, call, snapshot) != MED_EOK)
				|| (call->escape_ms > 0
						&& med_dialog_too_soon(msg, call, snapshot) != MED_EOK)) {
			med_refused(msg, MED_NO);
			med_refuse_answer(msg, call);
			return MED_NO;
		}
	}
	return med_media(msg);
}
