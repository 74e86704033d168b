/**
 * med_decide.c - who calls, what number, may it, by which trunks
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>

#include "core/dset.h"
#include "core/parser/parse_to.h"
#include "core/pt.h"

#include "med_branch.h"
#include "med_cookie.h"
#include "med_dialog.h"
#include "med_guard.h"
#include "med_health.h"
#include "med_identify.h"
#include "med_drain.h"
#include "med_limit.h"
#include "med_media.h"
#include "med_record.h"
#include "med_shm.h"
#include "med_stats.h"
#include "med_strangers.h"
#include "med_tell.h"
#include "med_user.h"
#include "med_verbs.h"

/** RFC 3261 25.1: a Call-ID has no white space; with it the script's own log lines break.
 */
static bool med_callid_plain(sip_msg_t *msg)
{
	str callid;

	if(med_parse_headers(msg, HDR_CALLID_F) < 0 || msg->callid == NULL)
		return true; /* tm takes no such request */
	callid = msg->callid->body;
	for(int i = 0; i < callid.len; i++)
		if((unsigned char)callid.s[i] <= ' ' || callid.s[i] == 127)
			return false;
	return true;
}

/** A request within a call: both sides as they were admitted, by the Record-Route tag. */
static int med_in_dialog(sip_msg_t *msg, med_call_t *call, const med_snapshot_t *snapshot)
{
	int rc;

	if(!med_record_read(msg, call)) {
		call->flags |= MED_CALL_NO_LEG;
		med_reason(msg, 481, 0, "not a call of ours: no valid Record-Route parameter");
		return med_stranger_in_dialog(msg, MED_NO);
	}
	rc = med_dialog_from(msg, call, snapshot);
	if(rc == MED_EOK)
		rc = med_dialog_to(msg, call, snapshot);
	if(rc == MED_EOK) {
		med_limit_within(msg, call);
		return MED_YES;
	}
	call->flags |= MED_CALL_NO_LEG;
	return rc == MED_ENOMEM ? MED_INTERNAL : med_refused(msg, MED_NO);
}

static void med_tell_source(
		sip_msg_t *msg, const med_trunk_t *trunk, const med_source_t *source)
{
	char address[48];

	med_ip_format(&source->address, address, sizeof address);
	MED_TELL(msg, "%s from %s to port %u: the call comes in on trunk '%.*s'",
			med_transport_name((enum med_transport)source->transport), address,
			source->local_port, MED_STR_FMT(trunk->id));
}

int ki_med_from_trunk(sip_msg_t *msg)
{
	med_errbuf_t why = {""};
	const med_trunk_t *trunk;
	med_source_t source;
	med_call_t *call;
	int rc;

	MED_SNAPSHOT(snapshot);
	if(med_parse_headers(msg, HDR_TO_F) < 0 || msg->to == NULL)
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
		med_stranger(msg, snapshot, why.text);
		return MED_NO;
	}
	if(!med_callid_plain(msg)) {
		med_reason(msg, 400, 0, "a Call-ID with white space or control characters in it");
		return med_refused(msg, MED_NO);
	}
	call = med_call_make(msg);
	if(call == NULL)
		return MED_INTERNAL;
	med_side_set(&call->in, trunk);
	if(med_telling(msg))
		med_tell_source(msg, trunk, &source);
	med_health_was_heard(trunk);
	if(msg->REQ_METHOD == METHOD_INVITE) {
		med_trunk_state_t *state = med_shm_trunk_state(trunk->number);

		med_stats_inc(MED_STAT_CALLS_IN);
		if(state != NULL)
			__atomic_add_fetch(&state->calls_in, 1, __ATOMIC_RELAXED);
		if(trunk->draining) {
			med_reason(msg, 503, 12000,
					"trunk '%.*s' is being drained (admin_state): it takes no new calls",
					MED_STR_FMT(trunk->id));
			return med_refused(msg, MED_NO);
		}
	}
	return MED_YES;
}

int ki_med_heard(sip_msg_t *msg)
{
	const med_trunk_t *trunk;
	med_source_t source;

	MED_SNAPSHOT(snapshot);
	if(snapshot == NULL || med_source_of(msg, &source, NULL) != MED_EOK
			|| med_identify(snapshot, &source, &trunk, NULL) != MED_EOK)
		return MED_NO;
	med_health_was_heard(trunk);
	return MED_YES;
}

int ki_med_draining(sip_msg_t *msg)
{
	if(!med_drain_on())
		return MED_NO;
	med_drain_reason(msg);
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

/** Whose emergency number it is; it becomes the number to send. NULL: it is none. */
static const med_location_policy_t *med_emergency_of(sip_msg_t *msg,
		const med_snapshot_t *snapshot, const med_trunk_t *in, med_number_t *number)
{
	if(med_snapshot_count(snapshot, MED_KIND_LOCATION_POLICY) == 0)
		return NULL;
	return med_emergency(snapshot, med_user_site(msg, snapshot, in), number);
}

int ki_med_normalize_by(sip_msg_t *msg, str *rules)
{
	med_call_t *call = med_new_call(msg);
	const med_trunk_t *in;
	med_str_t plan;
	med_number_params_t params;
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
	med_number_params(med_from_str(*GET_RURI(msg)), &params);
	call->called_extension = params.extension;
	plan = rules != NULL && rules->len > 0 ? med_from_str(*rules)
			: in != NULL                   ? in->dial_plan
										   : med_user_dial_plan(snapshot);
	/* As dialled: a dial plan may make something else of 112. And as it came out. */
	if(med_emergency_of(msg, snapshot, in, &dialled) != NULL) {
		call->flags |= MED_CALL_EMERGENCY;
		call->called = dialled;
		rc = MED_EOK;
	} else {
		if(rules == NULL || rules->len == 0)
			plan = med_number_in_context(snapshot, params.context, plan, &dialled);
		rc = med_normalize(
				snapshot, med_scratch, plan, &dialled, &call->called, med_tell(msg));
		if(rc == MED_EOK && med_emergency_of(msg, snapshot, in, &call->called) != NULL)
			call->flags |= MED_CALL_EMERGENCY;
	}
	if(rc != MED_EOK) {
		med_stats_inc(MED_STAT_NUMBERS_INVALID);
		if(rc == MED_ENOMATCH && plan.len == 0)
			med_reason(msg, 484, 12002,
					"the number %.*s does not begin with +, and there is no dial plan "
					"that "
					"makes E.164 of it",
					MED_STR_FMT(dialled));
		else if(rc == MED_ENOMATCH)
			med_reason(msg, 484, 12002,
					"no rule of dial plan '%.*s' takes the number %.*s",
					MED_STR_FMT(plan), MED_STR_FMT(dialled));
		else
			med_reason(msg, 500, 12003, "dial plan '%.*s', number %.*s: %s",
					MED_STR_FMT(plan), MED_STR_FMT(dialled), med_strerror(rc));
		return med_refused(msg, rc == MED_ENOMATCH ? MED_NO : MED_INTERNAL);
	}
	if(med_set_user(msg, user, &call->called) == 0)
		return MED_YES;
	med_reason(msg, 500, 12003, "the Request-URI cannot take the number %.*s",
			MED_STR_FMT(call->called));
	return med_refused(msg, MED_INTERNAL);
}

int ki_med_normalize(sip_msg_t *msg)
{
	return ki_med_normalize_by(msg, NULL);
}

int ki_med_authorize_as(sip_msg_t *msg, str *policy, str *kind)
{
	med_call_t *call = med_new_call(msg);
	med_str_t id = policy != NULL ? med_from_str(*policy) : MED_STR("");
	bool forward = kind != NULL && kind->len > 0;
	const med_trunk_t *in;

	if(call == NULL)
		return med_reason_get(msg) != NULL ? MED_NO : MED_INTERNAL;
	if(forward && !med_str_eq(med_from_str(*kind), MED_STR("forward"))) {
		LM_ERR("med_authorize(): kind '%.*s': forward is the only one\n", kind->len,
				kind->s);
		return MED_INTERNAL;
	}
	MED_SNAPSHOT(snapshot);
	if(snapshot == NULL)
		return med_not_loaded(msg);
	call->policy_len = 0;
	call->flags &= ~(uint32_t)MED_CALL_FORWARDED;
	call->flags |= forward ? MED_CALL_FORWARDED : 0;
	if(id.len > 0) {
		const med_policy_t *found = med_snapshot_policy(snapshot, id);

		/* which usages it has for forwarded calls, med_route() finds out */
		if((found == NULL || (found->usage_count == 0 && !forward) || id.len > MED_ID_MAX)
				&& (call->flags & MED_CALL_EMERGENCY) == 0) {
			med_reason(msg, 403, 12001, "policy '%.*s' %s", MED_STR_FMT(id),
					found == NULL ? "does not exist" : "has no usage");
			return med_refused(msg, MED_NO);
		}
		if(id.len <= MED_ID_MAX) {
			call->policy_len = (uint8_t)id.len;
			memcpy(call->policy, id.s, id.len);
		}
	} else {
		in = med_side_trunk(snapshot, &call->in);
		if((in == NULL || in->profile->usage_count == 0)
				&& (call->flags & MED_CALL_EMERGENCY) == 0) {
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

int ki_med_authorize_policy(sip_msg_t *msg, str *policy)
{
	return ki_med_authorize_as(msg, policy, NULL);
}

int ki_med_authorize(sip_msg_t *msg)
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
		case MED_EFORBIDDEN:
			med_reason(msg, 403, 12008, "%s", why->text);
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

void med_calling(sip_msg_t *msg, const med_snapshot_t *snapshot, const med_trunk_t *in,
		med_call_t *call)
{
	med_number_t *calling = &call->calling, e164;
	med_number_params_t params;
	med_str_t plan;

	if(med_calling_of(msg, in, calling, &params))
		call->flags |= MED_CALL_ASSERTED;
	call->calling_extension = params.extension;
	if(in == NULL || calling->len == 0)
		return;
	plan = med_number_in_context(snapshot, params.context, in->dial_plan, calling);
	if(med_normalize(snapshot, med_scratch, plan, calling, &e164, NULL) == MED_EOK)
		*calling = e164;
}

int ki_med_route(sip_msg_t *msg)
{
	static uint32_t turn;
	med_call_t *call = med_call_get(msg);
	med_errbuf_t why = {""};
	med_query_t query = {0};
	bool told = false;
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
	if(med_drain_on() && (call->flags & MED_CALL_EMERGENCY) == 0) {
		med_drain_reason(msg);
		return med_refused(msg, MED_NO);
	}
	query.in = med_side_trunk(snapshot, &call->in);
	if(query.in == NULL)
		query.site = med_user_site(msg, snapshot, NULL);
	if(call->policy_len > 0)
		query.policy = med_snapshot_policy(
				snapshot, (med_str_t){call->policy, call->policy_len});
	query.forwarded = (call->flags & MED_CALL_FORWARDED) != 0;
	call->escape_ms =
			query.forwarded && query.policy != NULL ? query.policy->escape_ms : 0;
	query.called = &call->called;
	query.turn = turn++;
	if(med_health_any())
		query.rank = med_health_rank_of;
	query.full = med_limit_full;
	if(call->flags & MED_CALL_EMERGENCY) {
		med_number_t called = call->called;

		query.emergency = med_emergency_of(msg, snapshot, query.in, &called);
	}
	rc = med_select(snapshot, med_scratch, &query, &plan, med_tell(msg), &why);
	if(rc != MED_EOK)
		return med_no_route(msg, rc, &why);
	med_calling(msg, snapshot, query.in, call);
	if(query.emergency == NULL
			&& med_guard(msg, snapshot, call, plan.candidate[0].usage, &told) != MED_EOK)
		return told ? med_refused_again(msg, MED_NO) : med_refused(msg, MED_NO);
	if(query.in != NULL && query.in->limit_count > 0
			&& med_limit_in(msg, call, query.in, &told) != MED_EOK)
		return told ? med_refused_again(msg, MED_NO) : med_refused(msg, MED_NO);
	if(med_call_plan(msg, call, &plan) == NULL)
		return MED_INTERNAL;
	med_stats_inc(MED_STAT_ROUTES_OK);
	return MED_YES;
}
