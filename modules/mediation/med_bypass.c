/**
 * med_bypass.c - see med_bypass.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_bypass.h"
#include "med_dialog.h"
#include "med_identify.h"
#include "med_media.h"
#include "med_note.h"
#include "med_refuse.h"
#include "med_shm.h"
#include "med_tell.h"

/** Branches that tm tells apart. */
#define MED_BRANCHES 32

void med_bypass_note(sip_msg_t *msg)
{
	med_note(msg->first_line.type == SIP_REPLY ? MED_NOTE_REPLY_PAST
											   : MED_NOTE_REQUEST_PAST,
			med_trimmed(msg->callid->body), med_trimmed(msg->cseq->body), 0);
}

/* ---- the decision ---------------------------------------------------------------------
 */

static bool med_is_secret(int proto)
{
	return proto == PROTO_TLS || proto == PROTO_WSS;
}

/** Who sent this message. */
static void med_end_here(const sip_msg_t *msg, med_bypass_end_t *end, med_ip_t *ip)
{
	med_ip_of(&msg->rcv.src_ip, ip);
	end->at = ip;
	end->in_the_clear = end->trunk == NULL && !med_is_secret(msg->rcv.proto);
}

/** Who will get it. */
static void med_end_there(sip_msg_t *msg, med_bypass_end_t *end, med_ip_t *ip)
{
	struct cell *t = med_tm.t_gett();
	int proto = PROTO_NONE;

	if(msg->first_line.type == SIP_REQUEST) {
		end->at = med_dialog_hop_at(msg, ip, &proto) ? ip : NULL;
	} else if(t != NULL && t != T_UNDEFINED && t->uas.request != NULL) {
		med_ip_of(&t->uas.request->rcv.src_ip, ip);
		end->at = ip;
		proto = t->uas.request->rcv.proto;
	}
	end->in_the_clear = end->trunk == NULL && !med_is_secret(proto);
}

void med_bypass_decide(sip_msg_t *msg, med_call_t *call, const med_snapshot_t *snapshot)
{
	struct cell *t = med_tm.t_gett();
	med_bypass_end_t from = {
			.trunk = med_side_trunk(snapshot, &call->in), .leg = &call->in.policy};
	med_bypass_end_t to = {
			.trunk = med_side_trunk(snapshot, &call->out), .leg = &call->out.policy};
	med_ip_t here, there;
	med_errbuf_t why = {""};
	med_sdp_t sdp;
	int rc;

	call->flags &= ~(uint32_t)MED_CALL_BYPASSED;
	/* An offer of ours has rtpengine's address. */
	if(snapshot == NULL || call->our_offer != 0 || msg->REQ_METHOD != METHOD_INVITE
			|| t->nr_of_outgoings >= MED_BRANCHES || parse_headers(msg, HDR_EOH_F, 0) < 0)
		return;
	rc = med_media_sdp(msg, &sdp, NULL);
	if(rc != MED_EOK && rc != MED_ENOMATCH)
		return; /* med_media() refuses it, with its reason */
	from.sdp = rc == MED_EOK ? &sdp : NULL;
	med_end_here(msg, &from, &here);
	med_end_there(msg, &to, &there);
	call->bypass = (uint8_t)med_bypass(snapshot, &from, &to, false, &why);
	MED_TELL(msg, "%s", why.text);
	if(!med_bypass_yes((enum med_bypass)call->bypass))
		return;
	call->flags |= MED_CALL_BYPASSED;
	call->bypassed |= 1u << t->nr_of_outgoings;
}

bool med_bypass_is(const sip_msg_t *msg, const med_call_t *call)
{
	int branch;

	if((call->flags & MED_CALL_IN_DIALOG) != 0 || msg->first_line.type == SIP_REQUEST)
		return (call->flags & MED_CALL_BYPASSED) != 0;
	branch = med_tm.t_gett_branch();
	return branch >= 0 && branch < MED_BRANCHES && (call->bypassed >> branch & 1) != 0;
}

static const med_trunk_t *med_trunk_now(
		const med_snapshot_t *snapshot, const med_side_t *side)
{
	return side->id_len > 0 ? med_snapshot_trunk(snapshot, med_side_id(side)) : NULL;
}

bool med_bypass_holds(sip_msg_t *msg, const med_side_t *from, const med_side_t *to,
		const med_sdp_t *offer)
{
	med_bypass_end_t here = {.leg = &from->policy, .sdp = offer};
	med_bypass_end_t there = {.leg = &to->policy};
	med_ip_t here_ip, there_ip;
	med_errbuf_t why = {""};

	MED_SNAPSHOT(snapshot);
	if(snapshot == NULL)
		return true; /* as it was admitted */
	here.trunk = med_trunk_now(snapshot, from);
	there.trunk = med_trunk_now(snapshot, to);
	med_end_here(msg, &here, &here_ip);
	med_end_there(msg, &there, &there_ip);
	if(med_bypass_yes(med_bypass(snapshot, &here, &there, true, &why)))
		return true;
	LM_NOTICE("call %.*s: it went past us so far, but now %s\n", msg->callid->body.len,
			msg->callid->body.s, why.text);
	return false;
}
