/**
 * med_user.c - see med_user.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_user.h"

#include "med_branch.h"
#include "med_cookie.h"
#include "med_dialog.h"
#include "med_identify.h"
#include "med_drain.h"
#include "med_limit.h"
#include "med_params.h"
#include "med_shm.h"
#include "med_stats.h"
#include "med_tell.h"
#include "med_verbs.h"

static med_str_t med_own_pool(void)
{
	return med_param_pool != NULL ? med_str(med_param_pool) : MED_STR("");
}

static med_str_t med_site_at(const med_snapshot_t *snapshot, const med_ip_t *ip)
{
	med_str_t site = med_snapshot_site_of(snapshot, ip);
	const med_pool_t *pool;

	if(site.len > 0)
		return site;
	pool = med_snapshot_pool(snapshot, med_own_pool());
	return pool != NULL ? pool->site : site;
}

med_str_t med_user_site(
		sip_msg_t *msg, const med_snapshot_t *snapshot, const med_trunk_t *in)
{
	med_ip_t ip;

	if(in != NULL)
		return in->network_site;
	med_ip_of(&msg->rcv.src_ip, &ip);
	return med_site_at(snapshot, &ip);
}

med_str_t med_user_dial_plan(const med_snapshot_t *snapshot)
{
	return med_snapshot_dial_plan(snapshot, med_own_pool());
}

/** What comes in on a restricted trunk rings at its own site only (spec 3.8). */
static bool med_may_ring(sip_msg_t *msg, const med_snapshot_t *snapshot,
		const med_call_t *call, const med_trunk_t *in)
{
	med_str_t site = MED_STR("");
	med_ip_t ip;

	if(in == NULL || !in->restricted || (call->flags & MED_CALL_EMERGENCY) != 0)
		return true;
	if(med_dialog_hop_ip(msg, &ip))
		site = med_site_at(snapshot, &ip);
	if(site.len > 0 && med_str_eq(site, in->network_site))
		return true;
	med_reason(msg, 403, 12008,
			"%.*s would leave site '%.*s' of trunk '%.*s', the user is at '%.*s'; "
			"enable_location_restriction of profile '%.*s' forbids it",
			MED_STR_FMT(call->called), MED_STR_FMT(in->network_site), MED_STR_FMT(in->id),
			MED_STR_FMT(site), MED_STR_FMT(in->profile->id));
	return false;
}

/** Media as the phone is to have it; without a word as the caller offers it. */
static int med_user_media(str *mode, med_leg_policy_t *leg)
{
	enum med_srtp_mode srtp;

	*leg = (med_leg_policy_t){.known = false};
	if(mode == NULL || mode->len == 0)
		return 0;
	if(med_srtp_mode_parse(med_from_str(*mode), &srtp) != MED_EOK
			|| srtp == MED_SRTP_OPTIONAL) {
		LM_ERR("med_to_user(\"%.*s\"): not_supported and required are right\n", mode->len,
				mode->s);
		return -1;
	}
	*leg = (med_leg_policy_t){.srtp = (uint8_t)srtp, .anchored = true, .known = true};
	return 0;
}

int ki_med_to_user_as(sip_msg_t *msg, str *srtp_mode)
{
	med_call_t *call;
	const med_trunk_t *in;
	med_leg_policy_t leg;
	bool told = false;

	if(med_reason_get(msg) != NULL)
		return MED_NO; /* an earlier verb's no, whatever the script made of it */
	call = med_user_media(srtp_mode, &leg) < 0 ? NULL : med_call_make(msg);
	if(call == NULL)
		return MED_INTERNAL;
	MED_SNAPSHOT(snapshot);
	if(snapshot == NULL)
		return med_not_loaded(msg);
	in = med_side_trunk(snapshot, &call->in);
	if(med_drain_on()) {
		med_drain_reason(msg);
		return med_refused(msg, MED_NO);
	}
	if(!med_may_ring(msg, snapshot, call, in)) {
		med_stats_inc(MED_STAT_ROUTES_NONE);
		return med_refused(msg, MED_NO);
	}
	if(in != NULL && in->limit_count > 0 && med_limit_in(msg, call, in, &told) != MED_EOK)
		return told ? med_refused_again(msg, MED_NO) : med_refused(msg, MED_NO);
	med_calling(msg, snapshot, in, call);
	call->out = (med_side_t){.number = MED_NO_NUMBER, .policy = leg};
	call->flags |= MED_CALL_TO_USER;
	MED_TELL(msg, "the script has it ring at one of our own users");
	call->try_count = call->try_next = call->try_current = 0;
	med_stats_inc(MED_STAT_TO_USERS);
	return MED_YES;
}

int ki_med_to_user(sip_msg_t *msg)
{
	return ki_med_to_user_as(msg, NULL);
}

int med_user_branch(sip_msg_t *msg, med_call_t *call)
{
	MED_SNAPSHOT(snapshot);
	med_ip_t ip;

	if(call->in.pin == 0) {
		med_ip_of(&msg->rcv.src_ip, &ip);
		call->in.pin = med_cookie_pin_ip(msg->rcv.proto, &ip);
	}
	/* Each contact is somewhere else, and each branch has a Record-Route of its own. */
	call->out.pin = med_dialog_hop_pin(msg);
	return med_branch_write_user(msg, call, med_side_trunk(snapshot, &call->in));
}
