/**
 * med_script.c - see med_script.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <string.h>

#include "core/data_lump_rpl.h"
#include "core/dset.h"
#include "core/mod_fix.h"
#include "core/parser/parse_to.h"
#include "core/pt.h"
#include "core/route.h"
#include "modules/sl/sl.h"

#include "med_branch.h"
#include "med_call.h"
#include "med_cookie.h"
#include "med_dialog.h"
#include "med_identify.h"
#include "med_media.h"
#include "med_record.h"
#include "med_refuse.h"
#include "med_script.h"
#include "med_shm.h"
#include "med_stats.h"

enum med_script_code {
	MED_YES = 1,
	MED_INTERNAL = -1,
	MED_NO = -2,
	MED_ALL_DOWN = -3,
	MED_NOT_LOADED = -4,
};

/* tm's and rtpengine's timers take 0 for "leave as it is": this is "none". */
#define MED_TIMER_NONE_MS 180000

static sl_api_t med_sl;
static cmd_function med_t_relay, med_t_on_branch, med_t_on_reply, med_t_on_failure;
static int (*med_t_no_internal_reply)(sip_msg_t *msg, int on);
static int (*med_t_drop_replies)(sip_msg_t *msg, str *mode);
static med_scratch_t *med_scratch;

static void *med_pkg_alloc(void *ctx, size_t size)
{
	(void)ctx;
	return pkg_malloc(size);
}

static void med_pkg_free(void *ctx, void *block)
{
	(void)ctx;
	if(block != NULL)
		pkg_free(block);
}

static const med_mem_t med_mem_pkg = {med_pkg_alloc, med_pkg_free, NULL};

int med_script_init(void)
{
	if(tm_load_api(&med_tm) < 0 || sl_load_api(&med_sl) < 0) {
		LM_ERR("modules tm and sl are needed; load them before mediation\n");
		return -1;
	}
	med_t_relay = find_export("t_relay", 0, 0);
	med_t_on_branch = find_export("t_on_branch", 1, 0);
	med_t_on_reply = find_export("t_on_reply", 1, 0);
	med_t_on_failure = find_export("t_on_failure", 1, 0);
	med_t_no_internal_reply = med_kemi_function("tm", "t_set_disable_internal_reply");
	med_t_drop_replies = med_kemi_function("tm", "t_drop_replies");
	if(med_t_relay == NULL || med_t_on_branch == NULL || med_t_on_reply == NULL
			|| med_t_on_failure == NULL || med_t_no_internal_reply == NULL
			|| med_t_drop_replies == NULL) {
		LM_ERR("this tm lacks t_relay, t_on_branch, t_on_reply, t_on_failure, "
			   "t_drop_replies or "
			   "t_set_disable_internal_reply\n");
		return -1;
	}
	med_identify_init();
	return med_record_init() < 0 || med_media_init() < 0 ? -1 : 0;
}

int med_script_child(void)
{
	if(med_scratch == NULL)
		med_scratch = med_scratch_new(&med_mem_pkg);
	if(med_scratch == NULL)
		LM_ERR("no private memory for matching numbers\n");
	return med_scratch != NULL ? 0 : -1;
}

void med_script_destroy(void)
{
	med_scratch_free(med_scratch);
	med_scratch = NULL;
	med_identify_destroy();
}

/** For log lines: a header may be folded, and its next line look like one of the log. */
static str med_callid(sip_msg_t *msg)
{
	static char shown[128];
	str callid = {shown, 0};

	if(parse_headers(msg, HDR_CALLID_F, 0) < 0 || msg->callid == NULL)
		return (str)str_init("?");
	for(; callid.len < msg->callid->body.len && callid.len < (int)sizeof shown;
			callid.len++)
		shown[callid.len] = med_printable(msg->callid->body.s[callid.len]);
	return callid;
}

/** RFC 3261 25.1: a Call-ID has no white space; with it the script's own log lines break.
 */
static bool med_callid_plain(sip_msg_t *msg)
{
	str callid;

	if(parse_headers(msg, HDR_CALLID_F, 0) < 0 || msg->callid == NULL)
		return true; /* tm takes no such request */
	callid = msg->callid->body;
	for(int i = 0; i < callid.len; i++)
		if((unsigned char)callid.s[i] <= ' ' || callid.s[i] == 127)
			return false;
	return true;
}

/** One readable line for each request that does not go on; then the script's code. */
static int med_refused(sip_msg_t *msg, int code)
{
	const med_reason_t *reason = med_reason_get(msg);
	str callid = med_callid(msg);

	if(reason != NULL)
		LM_NOTICE(
				"call %.*s: %u: %s\n", callid.len, callid.s, reason->code, reason->text);
	return code;
}

static int med_not_loaded(sip_msg_t *msg)
{
	med_reason(msg, 503, 12000, "no configuration is loaded yet");
	return med_refused(msg, MED_NOT_LOADED);
}

/** A request within a call: both sides as they were admitted, by the Record-Route tag. */
static int med_in_dialog(sip_msg_t *msg, med_call_t *call, const med_snapshot_t *snapshot)
{
	med_str_t value;
	int rc;

	if(!med_record_read(msg, &value) || med_cookie_read(msg, value, call) != MED_EOK) {
		call->flags |= MED_CALL_NO_LEG;
		med_reason(msg, 481, 0, "not a call of ours: no valid Record-Route parameter");
		return med_refused(msg, MED_NO);
	}
	rc = med_dialog_from(msg, call, snapshot);
	if(rc == MED_EOK)
		rc = med_dialog_to(msg, call, snapshot);
	if(rc == MED_EOK)
		return MED_YES;
	call->flags |= MED_CALL_NO_LEG;
	return rc == MED_ENOMEM ? MED_INTERNAL : med_refused(msg, MED_NO);
}

static int ki_med_from_trunk(sip_msg_t *msg)
{
	med_errbuf_t why = {""};
	const med_trunk_t *trunk;
	med_source_t source;
	med_call_t *call;
	int rc;

	MED_SNAPSHOT(snapshot);
	if(parse_headers(msg, HDR_TO_F, 0) < 0 || msg->to == NULL)
		return MED_INTERNAL;
	if(get_to(msg)->tag_value.len > 0) {
		call = med_call_draft(msg);
		rc = med_in_dialog(msg, call, snapshot);
		/* Nothing answers an ACK, and the answer to a BYE has no media. */
		if(rc == MED_YES
				&& (!med_media_free(call)
						|| (msg->REQ_METHOD & (METHOD_ACK | METHOD_BYE)) == 0)
				&& med_call_keep(msg, call) == NULL)
			return MED_INTERNAL;
		return rc;
	}
	if(snapshot == NULL)
		return med_not_loaded(msg);
	if(med_source_of(msg, &source, &why) != MED_EOK
			|| med_identify(snapshot, &source, &trunk, &why) != MED_EOK) {
		med_stats_inc(MED_STAT_UNKNOWN_SOURCE);
		med_reason(msg, 403, 10013, "%s", why.text);
		return med_refused(msg, MED_NO);
	}
	if(!med_callid_plain(msg)) {
		med_reason(msg, 400, 0, "a Call-ID with white space or control characters in it");
		return med_refused(msg, MED_NO);
	}
	call = med_call_make(msg);
	if(call == NULL)
		return MED_INTERNAL;
	med_side_set(&call->in, trunk);
	if(msg->REQ_METHOD == METHOD_INVITE) {
		med_trunk_state_t *state = med_shm_trunk_state(trunk->number);

		med_stats_inc(MED_STAT_CALLS_IN);
		if(state != NULL)
			__atomic_add_fetch(&state->calls_in, 1, __ATOMIC_RELAXED);
	}
	return MED_YES;
}

/** The state of a new request; without med_from_trunk() it is from one of our own users.
 */
static med_call_t *med_new_call(sip_msg_t *msg)
{
	/* What an earlier verb refused stays refused, with its reason, whatever the script
	 * makes of its return code. */
	return med_reason_get(msg) != NULL ? NULL : med_call_make(msg);
}

/** $rU becomes the number; the rest of the Request-URI stays. */
static int med_set_user(sip_msg_t *msg, med_str_t old, const med_number_t *number)
{
	const str *uri = GET_RURI(msg);
	size_t head = (size_t)(old.s - uri->s), tail = (size_t)uri->len - head - old.len;
	char buffer[1024];
	str changed = {buffer, (int)(head + number->len + tail)};

	if(old.len == number->len && memcmp(old.s, number->s, old.len) == 0)
		return 0;
	if((size_t)changed.len > sizeof buffer)
		return -1;
	memcpy(buffer, uri->s, head);
	memcpy(buffer + head, number->s, number->len);
	memcpy(buffer + head + number->len, old.s + old.len, tail);
	return rewrite_uri(msg, &changed) < 0 ? -1 : 0;
}

static int ki_med_normalize(sip_msg_t *msg)
{
	med_call_t *call = med_new_call(msg);
	const med_trunk_t *in;
	med_number_t dialled;
	med_errbuf_t why = {""};
	med_str_t user;
	int rc;

	if(call == NULL)
		return med_reason_get(msg) != NULL ? MED_NO : MED_INTERNAL;
	if(!med_uri_parts(*GET_RURI(msg), &user, NULL))
		user = (med_str_t){"", 0};
	MED_SNAPSHOT(snapshot);
	if(snapshot == NULL)
		return med_not_loaded(msg);
	in = med_side_trunk(snapshot, &call->in);
	rc = med_number_from_user(user, &dialled, &why);
	if(rc != MED_EOK) {
		med_stats_inc(MED_STAT_NUMBERS_INVALID);
		med_reason(msg, 484, 12002, "no number is called: %s", why.text);
		return med_refused(msg, MED_NO);
	}
	rc = med_normalize(snapshot, med_scratch,
			in != NULL ? in->profile->dial_plan : MED_STR(""), &dialled, &call->called,
			NULL);
	if(rc != MED_EOK) {
		med_stats_inc(MED_STAT_NUMBERS_INVALID);
		if(rc == MED_ENOMATCH)
			med_reason(msg, 484, 12002,
					"no rule of dial plan '%.*s' takes the number %.*s",
					in != NULL ? (int)in->profile->dial_plan.len : 0,
					in != NULL ? in->profile->dial_plan.s : "", MED_STR_FMT(dialled));
		else
			med_reason(msg, 500, 12003, "number %.*s: %s", MED_STR_FMT(dialled),
					med_strerror(rc));
		return med_refused(msg, rc == MED_ENOMATCH ? MED_NO : MED_INTERNAL);
	}
	if(med_set_user(msg, user, &call->called) == 0)
		return MED_YES;
	med_reason(msg, 500, 12003, "the Request-URI cannot take the number %.*s",
			MED_STR_FMT(call->called));
	return med_refused(msg, MED_INTERNAL);
}

static int ki_med_authorize_policy(sip_msg_t *msg, str *policy)
{
	med_call_t *call = med_new_call(msg);
	med_str_t id = policy != NULL ? med_from_str(*policy) : MED_STR("");
	const med_trunk_t *in;

	if(call == NULL)
		return med_reason_get(msg) != NULL ? MED_NO : MED_INTERNAL;
	MED_SNAPSHOT(snapshot);
	if(snapshot == NULL)
		return med_not_loaded(msg);
	call->policy_len = 0;
	if(id.len > 0) {
		const med_policy_t *found = med_snapshot_policy(snapshot, id);

		if(found == NULL || found->usage_count == 0 || id.len > MED_ID_MAX) {
			med_reason(msg, 403, 12001, "policy '%.*s' %s", MED_STR_FMT(id),
					found == NULL ? "does not exist" : "has no usage");
			return med_refused(msg, MED_NO);
		}
		call->policy_len = (uint8_t)id.len;
		memcpy(call->policy, id.s, id.len);
	} else {
		in = med_side_trunk(snapshot, &call->in);
		if(in == NULL || in->profile->usage_count == 0) {
			med_reason(msg, 403, 12001,
					"trunk '%.*s' has no usages (pstn_usages of its profile): "
					"it may call nobody",
					call->in.id_len, call->in.id);
			return med_refused(msg, MED_NO);
		}
	}
	call->flags |= MED_CALL_AUTHORIZED;
	return MED_YES;
}

static int ki_med_authorize(sip_msg_t *msg)
{
	return ki_med_authorize_policy(msg, NULL);
}

/** What a plan without candidates means to the caller (spec 3.2); @p why names it. */
static int med_no_route(sip_msg_t *msg, int rc, const med_errbuf_t *why)
{
	med_stats_inc(rc == MED_EREFUSED ? MED_STAT_LOOPS : MED_STAT_ROUTES_NONE);
	switch(rc) {
		case MED_ENOUSAGE:
			med_reason(msg, 403, 12001, "%s", why->text);
			return med_refused(msg, MED_NO);
		case MED_ENOROUTE:
			med_reason(msg, 404, 12004, "%s", why->text);
			return med_refused(msg, MED_NO);
		case MED_EREFUSED:
			med_reason(msg, 482, 13000, "%s", why->text);
			return med_refused(msg, MED_NO);
		case MED_EALLDOWN:
			med_reason(msg, 503, 12000, "%s", why->text);
			return med_refused(msg, MED_ALL_DOWN);
		default:
			med_reason(msg, 500, 12003, "%s: %s", med_strerror(rc), why->text);
			return med_refused(msg, MED_INTERNAL);
	}
}

/** The dial plan is the gateway's way of writing numbers, the caller's own included. */
static void med_normalize_calling(
		const med_snapshot_t *snapshot, const med_trunk_t *in, med_number_t *calling)
{
	med_number_t e164;

	if(in != NULL && calling->len > 0
			&& med_normalize(snapshot, med_scratch, in->profile->dial_plan, calling,
					   &e164, NULL)
					== MED_EOK)
		*calling = e164;
}

static int ki_med_route(sip_msg_t *msg)
{
	static uint32_t turn;
	med_call_t *call = med_call_get(msg);
	med_errbuf_t why = {""};
	med_query_t query = {0};
	med_plan_t plan;
	int rc;

	if(med_reason_get(msg) != NULL)
		return MED_NO;
	if(call == NULL || (call->flags & MED_CALL_AUTHORIZED) == 0) {
		med_reason(msg, 403, 12001,
				"the caller is not authorised: med_authorize() said no or "
				"was not asked");
		return med_refused(msg, MED_NO);
	}
	MED_SNAPSHOT(snapshot);
	if(snapshot == NULL)
		return med_not_loaded(msg);
	if(turn == 0)
		turn = (uint32_t)
				my_pid(); /* so that workers do not all begin with the same trunk */
	query.in = med_side_trunk(snapshot, &call->in);
	if(call->policy_len > 0)
		query.policy = med_snapshot_policy(
				snapshot, (med_str_t){call->policy, call->policy_len});
	query.called = &call->called;
	query.turn = turn++;
	rc = med_select(snapshot, med_scratch, &query, &plan, NULL, &why);
	if(rc != MED_EOK)
		return med_no_route(msg, rc, &why);
	if(med_calling_of(msg, query.in, &call->calling))
		call->flags |= MED_CALL_ASSERTED;
	med_normalize_calling(snapshot, query.in, &call->calling);
	if(med_call_plan(msg, call, &plan) == NULL)
		return MED_INTERNAL;
	med_stats_inc(MED_STAT_ROUTES_OK);
	return MED_YES;
}

/** Spec 4.3. tm's first timer runs to the first reply, its second from then on. */
static void med_set_timers(sip_msg_t *msg, med_call_t *call, const med_profile_t *profile)
{
	uint32_t answer = profile->answer_timeout_ms != 0 ? profile->answer_timeout_ms
													  : MED_TIMER_NONE_MS;
	uint32_t progress =
			profile->progress_timeout_ms != 0 ? profile->progress_timeout_ms : answer;
	uint32_t trying =
			profile->trying_timeout_ms != 0 ? profile->trying_timeout_ms : progress;

	call->progress = 0;
	call->answer_timeout_ms = answer;
	med_tm.set_fr(msg, progress, trying);
}

/**
 * Where the call's sides are, for requests within it (med_dialog.h). false: we are
 * connected to that place already, and the certificate there is not the gateway's.
 */
static bool med_set_pins(sip_msg_t *msg, med_call_t *call, const med_trunk_t *out)
{
	int proto = med_transport_proto(out->transport);
	med_ip_t ip;

	if(call->in.pin == 0) {
		med_ip_of(&msg->rcv.src_ip, &ip);
		call->in.pin = med_cookie_pin_ip(msg->rcv.proto, &ip);
	}
	if(med_ip_parse(out->gateway->address, &ip) != MED_EOK) {
		call->out.pin = med_cookie_pin_name(proto, out->gateway->address);
		return true;
	}
	call->out.pin = med_cookie_pin_ip(proto, &ip);
	return out->transport != MED_TLS
			|| med_connection_is(&ip, out->port, out->gateway->tls_name)
			!= MED_CONNECTION_NO;
}

static int med_try_candidate(
		sip_msg_t *msg, med_call_t *call, const med_snapshot_t *snapshot, med_try_t *try)
{
	const med_trunk_t *trunk = med_snapshot_trunk_by_number(snapshot, try->number);
	med_trunk_state_t *state;
	struct socket_info *socket;
	str destination;

	if(trunk == NULL
			|| !med_str_eq(trunk->id, med_call_text(call, try->trunk, try->trunk_len))
			|| !trunk->enabled || !trunk->gateway->routable)
		return MED_NO; /* changed since the plan was made: the next one */
	socket = med_trunk_socket(trunk);
	if(socket == NULL) {
		med_reason(msg, 503, 12000,
				"trunk '%.*s': Kamailio has no listen socket with its "
				"local_port %u",
				MED_STR_FMT(trunk->id), (unsigned)trunk->local_port);
		return med_refused(msg, MED_NO);
	}
	if(trunk->destination.len > sizeof call->destination)
		return MED_INTERNAL; /* not before a host name may have more than 255 bytes */
	destination = med_to_str(trunk->destination);
	if(set_dst_uri(msg, &destination) < 0)
		return MED_INTERNAL;
	call->destination_len = (uint16_t)destination.len;
	memcpy(call->destination, destination.s, trunk->destination.len);
	set_force_socket(msg, socket);
	ruri_mark_new();
	med_side_set(&call->out, trunk);
	if(!med_set_pins(msg, call, trunk)) {
		med_reason(msg, 503, 12000,
				"trunk '%.*s': the certificate at its address does not have its tls_name "
				"'%.*s'",
				MED_STR_FMT(trunk->id), MED_STR_FMT(trunk->gateway->tls_name));
		return med_refused(msg, MED_NO);
	}
	med_reason_clear(msg); /* of a candidate that could not be tried */
	call->flags |= MED_CALL_CHOSEN;
	med_set_timers(msg, call, trunk->profile);
	state = med_shm_trunk_state(trunk->number);
	if(state != NULL)
		__atomic_add_fetch(&state->attempts, 1, __ATOMIC_RELAXED);
	return MED_YES;
}

static int ki_med_next(sip_msg_t *msg)
{
	med_call_t *call = med_call_get(msg);
	int rc;

	if(call == NULL)
		return MED_INTERNAL;
	MED_SNAPSHOT(snapshot);
	if(snapshot == NULL)
		return med_not_loaded(msg);
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
	return MED_ALL_DOWN;
}

static int ki_med_branch(sip_msg_t *msg)
{
	med_call_t *call = med_call_get(msg);
	struct cell *t = med_tm.t_gett();

	if(call == NULL || t == NULL || t == T_UNDEFINED)
		return MED_INTERNAL;
	if(call->flags & MED_CALL_IN_DIALOG)
		return MED_YES; /* within a call the peers' own targets hold */
	MED_SNAPSHOT(snapshot);
	if(snapshot == NULL)
		return med_not_loaded(msg);
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
	return MED_YES;
}

static int ki_med_media(sip_msg_t *msg)
{
	med_call_t *call;

	if(msg->first_line.type == SIP_REPLY && msg->rcv.proto == PROTO_TLS
			&& (call = med_call_get(msg)) != NULL) {
		MED_SNAPSHOT(snapshot);
		if(med_dialog_answer(msg, call, snapshot) != MED_EOK) {
			med_refused(msg, MED_NO);
			med_refuse_answer(msg, call);
			return MED_NO;
		}
	}
	return med_media(msg);
}

/** How the current candidate's branch ended; 408 where a timer did, 0: it was not sent.
 */
static unsigned med_failed_code(const med_call_t *call, const struct cell *t)
{
	if((call->flags & MED_CALL_TRIED) == 0 || call->tm_branch >= t->nr_of_outgoings)
		return 0;
	return (unsigned)t->uac[call->tm_branch].last_received;
}

static int ki_med_failover(sip_msg_t *msg)
{
	med_call_t *call = med_call_get(msg);
	struct cell *t = med_tm.t_gett();
	str newer = str_init("l"), callid = med_callid(msg);
	const med_trunk_t *out;
	med_trunk_state_t *state;
	unsigned code;

	if(call == NULL || t == NULL || t == T_UNDEFINED)
		return MED_INTERNAL;
	if(call->flags & MED_CALL_IN_DIALOG)
		return MED_NO;
	med_media_forget(msg, call, false);
	call->flags |= MED_CALL_OVER;
	if(t->flags & T_CANCELED)
		return MED_NO;
	MED_SNAPSHOT(snapshot);
	if(snapshot == NULL)
		return MED_NO; /* the gateway's own answer is as good as any */
	code = med_failed_code(call, t);
	if(code == 0)
		return ki_med_next(msg); /* dropped in branch_route: nothing to judge */
	out = med_side_trunk(snapshot, &call->out);
	if(out == NULL || !med_fails_over(out->profile, code))
		return MED_NO;
	state = med_shm_trunk_state(out->number);
	if(state != NULL)
		__atomic_add_fetch(&state->failures, 1, __ATOMIC_RELAXED);
	/* This attempt is over; what is said from here on is said of the next. */
	call->flags &= ~(uint32_t)(MED_CALL_TRIED | MED_CALL_CHOSEN);
	call->refused.branch_len = 0;
	med_reason_clear(msg);
	LM_NOTICE("call %.*s: trunk '%.*s' %s %u, %s\n", callid.len, callid.s,
			call->out.id_len, call->out.id, code == 408 ? "timed out:" : "answered", code,
			call->try_next < call->try_count ? "trying the next" : "none is left");
	if(call->try_next >= call->try_count) {
		med_stats_inc(MED_STAT_EXHAUSTED);
		med_reason(msg, 503, 12000, "no trunk left for %.*s; the last, '%.*s', gave %u",
				MED_STR_FMT(call->called), call->out.id_len, call->out.id, code);
		return MED_ALL_DOWN;
	}
	med_stats_inc(MED_STAT_FAILOVERS);
	med_t_drop_replies(msg, &newer); /* of several answers the last one counts */
	return ki_med_next(msg);
}

static const char *med_phrase(unsigned code)
{
	static const struct {
		unsigned code;
		const char *phrase;
	} phrases[] = {{400, "Bad Request"}, {403, "Forbidden"}, {404, "Not Found"},
			{415, "Unsupported Media Type"}, {481, "Call/Transaction Does Not Exist"},
			{482, "Loop Detected"}, {484, "Address Incomplete"},
			{488, "Not Acceptable Here"}, {500, "Server Internal Error"},
			{503, "Service Unavailable"}};

	for(size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
		if(phrases[i].code == code)
			return phrases[i].phrase;
	return "Refused";
}

static int med_reply_header(sip_msg_t *msg, const med_reason_t *reason)
{
	char header[MED_REASON_MAX + 64], text[MED_REASON_MAX];
	size_t at = 0;
	int len;

	/* A quoted-string: what would end it is left out; it may quote what a peer sent. */
	for(size_t i = 0; i < reason->len; i++)
		if(reason->text[i] != '"' && reason->text[i] != '\\'
				&& (unsigned char)reason->text[i] >= ' ' && reason->text[i] != 127)
			text[at++] = reason->text[i];
	if(reason->diagnostic != 0)
		len = snprintf(header, sizeof header,
				"Reason: SIP;cause=%u;text=\"%.*s (%u)\"\r\n", reason->code, (int)at,
				text, reason->diagnostic);
	else
		len = snprintf(header, sizeof header, "Reason: SIP;cause=%u;text=\"%.*s\"\r\n",
				reason->code, (int)at, text);
	if(len < 0 || (size_t)len >= sizeof header)
		return -1;
	return add_lump_rpl(msg, header, len, LUMP_RPL_HDR) != NULL ? 0 : -1;
}

static int ki_med_reply(sip_msg_t *msg)
{
	static const med_reason_t unknown = {.code = 500, .len = 0};
	const med_reason_t *reason = med_reason_get(msg);
	const char *phrase;
	str text;

	if(reason == NULL && get_route_type() == FAILURE_ROUTE)
		return MED_YES; /* the peer's own answer goes to the caller */
	if(msg->REQ_METHOD == METHOD_ACK)
		return MED_YES; /* nothing answers an ACK */
	if(reason == NULL)
		reason = &unknown;
	phrase = med_phrase(reason->code);
	text.s = (char *)(uintptr_t)phrase;
	text.len = (int)strlen(phrase);
	if(reason->len > 0 && med_reply_header(msg, reason) < 0)
		LM_ERR("no memory for the Reason header of a reply\n");
	return med_sl.freply(msg, reason->code, &text) < 0 ? MED_INTERNAL : MED_YES;
}

/**
 * Both loops of design 4 in one verb, with one route name for all three routes. The
 * request is relayed or answered afterwards: that is its yes (tm logs an error of a
 * failure_route that ends with a no).
 */
static int med_relay_loop(sip_msg_t *msg, int branch, int reply, int failure)
{
	bool failed = get_route_type() == FAILURE_ROUTE;

	/* Held until the branch is written: what is chosen and what is written agree. */
	MED_SNAPSHOT(snapshot);
	(void)snapshot;
	if(!failed)
		med_t_no_internal_reply(msg, 1);
	while((failed ? ki_med_failover(msg) : ki_med_next(msg)) > 0) {
		med_t_on_branch(msg, (char *)(long)branch, NULL);
		med_t_on_reply(msg, (char *)(long)reply, NULL);
		med_t_on_failure(msg, (char *)(long)failure, NULL);
		if(med_t_relay(msg, NULL, NULL) > 0)
			return MED_YES;
	}
	return ki_med_reply(msg);
}

/** The three routes of one name; looked up when the script is read. */
typedef struct med_routes {
	int branch, reply, failure;
} med_routes_t;

static int ki_med_relay(sip_msg_t *msg, str *name)
{
	sr_kemi_eng_t *engine = sr_kemi_eng_get();
	str route = *name;
	int index;

	if(engine != NULL) {
		index = sr_kemi_cbname_lookup_name(&route);
		return index > 0 ? med_relay_loop(msg, index, index, index) : MED_INTERNAL;
	}
	return med_relay_loop(msg, route_lookup(&branch_rt, route.s),
			route_lookup(&onreply_rt, route.s), route_lookup(&failure_rt, route.s));
}

static int w_med_from_trunk(sip_msg_t *msg, char *a, char *b)
{
	(void)a, (void)b;
	return ki_med_from_trunk(msg);
}

static int w_med_normalize(sip_msg_t *msg, char *a, char *b)
{
	(void)a, (void)b;
	return ki_med_normalize(msg);
}

static int w_med_authorize(sip_msg_t *msg, char *policy, char *b)
{
	str id = STR_NULL;

	(void)b;
	if(policy == NULL)
		return ki_med_authorize(msg);
	if(fixup_get_svalue(msg, (gparam_t *)policy, &id) < 0)
		return MED_INTERNAL;
	return ki_med_authorize_policy(msg, &id);
}

static int w_med_route(sip_msg_t *msg, char *a, char *b)
{
	(void)a, (void)b;
	return ki_med_route(msg);
}

static int w_med_next(sip_msg_t *msg, char *a, char *b)
{
	(void)a, (void)b;
	return ki_med_next(msg);
}

static int w_med_branch(sip_msg_t *msg, char *a, char *b)
{
	(void)a, (void)b;
	return ki_med_branch(msg);
}

static int w_med_media(sip_msg_t *msg, char *a, char *b)
{
	(void)a, (void)b;
	return ki_med_media(msg);
}

static int w_med_failover(sip_msg_t *msg, char *a, char *b)
{
	(void)a, (void)b;
	return ki_med_failover(msg);
}

static int w_med_reply(sip_msg_t *msg, char *a, char *b)
{
	(void)a, (void)b;
	return ki_med_reply(msg);
}

static int w_med_relay(sip_msg_t *msg, char *name, char *b)
{
	const med_routes_t *routes = (const med_routes_t *)name;

	(void)b;
	return med_relay_loop(msg, routes->branch, routes->reply, routes->failure);
}

static int med_fixup_routes(void **param, int number)
{
	char *name = *param;
	med_routes_t *routes;

	(void)number;
	routes = pkg_malloc(sizeof *routes);
	if(routes == NULL) {
		PKG_MEM_ERROR;
		return E_OUT_OF_MEM;
	}
	routes->branch = route_get(&branch_rt, name);
	routes->reply = route_get(&onreply_rt, name);
	routes->failure = route_get(&failure_rt, name);
	if(routes->branch < 0 || routes->reply < 0 || routes->failure < 0) {
		LM_ERR("med_relay(\"%s\"): no memory for its routes\n", name);
		pkg_free(routes);
		return E_UNSPEC;
	}
	*param = routes;
	return 0;
}

/* clang-format off */
#define MED_START (REQUEST_ROUTE)
#define MED_CHOOSE (REQUEST_ROUTE | FAILURE_ROUTE)
#define MED_MESSAGE (REQUEST_ROUTE | BRANCH_ROUTE | ONREPLY_ROUTE | FAILURE_ROUTE)

cmd_export_t med_script_cmds[] = {
	{"med_from_trunk", w_med_from_trunk, 0, 0, 0, MED_START},
	{"med_normalize", w_med_normalize, 0, 0, 0, MED_START},
	{"med_authorize", w_med_authorize, 0, 0, 0, MED_START},
	{"med_authorize", w_med_authorize, 1, fixup_spve_null, fixup_free_spve_null, MED_START},
	{"med_route", w_med_route, 0, 0, 0, MED_START},
	{"med_next", w_med_next, 0, 0, 0, MED_CHOOSE},
	{"med_branch", w_med_branch, 0, 0, 0, BRANCH_ROUTE},
	{"med_media", w_med_media, 0, 0, 0, MED_MESSAGE},
	{"med_failover", w_med_failover, 0, 0, 0, FAILURE_ROUTE},
	{"med_reply", w_med_reply, 0, 0, 0, MED_CHOOSE},
	{"med_relay", w_med_relay, 1, med_fixup_routes, 0, MED_CHOOSE},
	{0, 0, 0, 0, 0, 0}
};

#define MED_KEMI(name, function, ...) \
	{ str_init("mediation"), str_init(name), SR_KEMIP_INT, function, { __VA_ARGS__ } }

sr_kemi_t med_script_kemi[] = {
	MED_KEMI("med_from_trunk", ki_med_from_trunk, SR_KEMIP_NONE),
	MED_KEMI("med_normalize", ki_med_normalize, SR_KEMIP_NONE),
	MED_KEMI("med_authorize", ki_med_authorize, SR_KEMIP_NONE),
	MED_KEMI("med_authorize_policy", ki_med_authorize_policy, SR_KEMIP_STR),
	MED_KEMI("med_route", ki_med_route, SR_KEMIP_NONE),
	MED_KEMI("med_next", ki_med_next, SR_KEMIP_NONE),
	MED_KEMI("med_branch", ki_med_branch, SR_KEMIP_NONE),
	MED_KEMI("med_media", ki_med_media, SR_KEMIP_NONE),
	MED_KEMI("med_failover", ki_med_failover, SR_KEMIP_NONE),
	MED_KEMI("med_reply", ki_med_reply, SR_KEMIP_NONE),
	MED_KEMI("med_relay", ki_med_relay, SR_KEMIP_STR),
	{ {0, 0}, {0, 0}, 0, NULL, { 0 } }
};
/* clang-format on */
