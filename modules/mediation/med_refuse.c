/**
 * med_refuse.c - see med_refuse.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE /* memmem */
#include <stdio.h>
#include <string.h>

#include "core/data_lump.h"
#include "core/parser/contact/parse_contact.h"
#include "core/parser/parse_cseq.h"
#include "core/parser/parse_from.h"
#include "core/parser/parse_rr.h"
#include "core/parser/parse_to.h"
#include "core/ut.h"
#include "core/socket_info.h"
#include "modules/tm/dlg.h"
#include "modules/tm/t_cancel.h"

#include "med_media.h"
#include "med_refuse.h"
#include "med_verbs.h"

struct tm_binds med_tm;

#define MED_HOP_MAX 512
#define MED_ROUTES_MAX 1024
#define MED_ROUTES 16 /* proxies between us and the peer */

/** What ACK and BYE to one party are made of; points into a message. */
typedef struct med_party {
	str callid, local_tag, remote_tag, local_uri, remote_uri, target;
	unsigned cseq;
	struct socket_info *socket;
	char routes[MED_ROUTES_MAX]; /**< Route headers, each with its CRLF */
	char hop[MED_HOP_MAX];       /**< where to send it, as a URI; empty: by the target */
} med_party_t;

/** It answers on the connection, or from the address, that it spoke from: no DNS. */
static void med_party_hop(med_party_t *party, const sip_msg_t *msg)
{
	bool v6 = msg->rcv.src_ip.af == AF_INET6;

	snprintf(party->hop, sizeof party->hop, "sip:%s%s%s:%u;transport=%s", v6 ? "[" : "",
			ip_addr2a((struct ip_addr *)(uintptr_t)&msg->rcv.src_ip), v6 ? "]" : "",
			(unsigned)msg->rcv.src_port, get_proto_name((unsigned)msg->rcv.proto));
	party->socket = msg->rcv.bind_address;
}

static int med_contact_uri(sip_msg_t *msg, str *uri)
{
	contact_body_t *body;

	if(msg->contact == NULL || parse_contact(msg->contact) < 0)
		return -1;
	body = msg->contact->parsed;
	if(body == NULL || body->star || body->contacts == NULL)
		return -1;
	*uri = body->contacts->uri;
	return 0;
}

static bool med_is_our_route(const rr_t *route)
{
	return memmem(route->nameaddr.name.s, (size_t)route->len, ";med=", 5) != NULL;
}

/**
 * The proxies between us and who answered, in a caller's order: those that recorded
 * themselves after us, so before us in the answer. None where ours is not found.
 */
static void med_party_routes(med_party_t *party, sip_msg_t *reply)
{
	const rr_t *found[MED_ROUTES];
	struct hdr_field *header;
	size_t count = 0, at = 0;
	bool ours = false;

	party->routes[0] = 0;
	for(header = reply->record_route; header != NULL && !ours; header = header->next) {
		if(header->type != HDR_RECORDROUTE_T)
			continue;
		if(parse_rr(header) < 0)
			return;
		for(const rr_t *route = header->parsed; route != NULL && !ours;
				route = route->next) {
			ours = med_is_our_route(route);
			if(!ours && count == MED_ROUTES)
				return;
			if(!ours)
				found[count++] = route;
		}
	}
	while(ours && count-- > 0) {
		int len = snprintf(party->routes + at, sizeof party->routes - at,
				"Route: %.*s\r\n", found[count]->len, found[count]->nameaddr.name.s);

		if(len < 0 || at + (size_t)len >= sizeof party->routes) {
			party->routes[0] = 0; /* all or none */
			return;
		}
		at += (size_t)len;
	}
}

/** The party that sent this message, as the other side of the dialog sees it. */
static int med_party_of_reply(med_party_t *party, sip_msg_t *reply)
{
	if(med_parse_headers(reply, HDR_EOH_F) < 0 || parse_from_header(reply) < 0
			|| parse_to_header(reply) < 0 || reply->cseq == NULL)
		return -1;
	party->callid = reply->callid->body;
	party->local_tag = get_from(reply)->tag_value;
	party->remote_tag = get_to(reply)->tag_value;
	party->local_uri = get_from(reply)->uri;
	party->remote_uri = get_to(reply)->uri;
	if(med_contact_uri(reply, &party->target) < 0)
		party->target = party->remote_uri;
	if(str2int(&get_cseq(reply)->number, &party->cseq) < 0)
		return -1;
	med_party_hop(party, reply);
	med_party_routes(party, reply);
	return 0;
}

/** A request of ours within the dialog; no callback, tm repeats a BYE by itself. */
static int med_party_request(
		const med_party_t *party, const char *name, unsigned cseq, const char *headers)
{
	str method = {(char *)(uintptr_t)name, (int)strlen(name)};
	str extra = {(char *)(uintptr_t)headers, (int)strlen(headers)};
	uac_req_t request;
	dlg_t dialog;

	memset(&dialog, 0, sizeof dialog);
	dialog.id.call_id = party->callid;
	dialog.id.loc_tag = party->local_tag;
	dialog.id.rem_tag = party->remote_tag;
	dialog.loc_uri = party->local_uri;
	dialog.rem_uri = party->remote_uri;
	dialog.rem_target = party->target;
	if(party->hop[0] != 0) {
		dialog.dst_uri.s = (char *)(uintptr_t)party->hop;
		dialog.dst_uri.len = (int)strlen(party->hop);
	}
	dialog.send_sock = party->socket;
	dialog.state = DLG_CONFIRMED;
	dialog.loc_seq.value = cseq;
	dialog.loc_seq.is_set = 1;
	set_uac_req(&request, &method, &extra, NULL, &dialog, 0, NULL, NULL);
	return med_tm.t_uac(&request);
}

static void med_party_end(
		const med_party_t *party, bool ack, bool bye, unsigned cause, const char *text)
{
	char headers[MED_ROUTES_MAX + MED_REASON_MAX + 64];

	if(ack && med_party_request(party, "ACK", party->cseq, party->routes) < 0)
		LM_ERR("call %.*s: the ACK that ends a refused answer could not be sent\n",
				party->callid.len, party->callid.s);
	if(!bye)
		return;
	snprintf(headers, sizeof headers, "%sReason: SIP;cause=%u;text=\"%s\"\r\n",
			party->routes, cause, text);
	if(med_party_request(party, "BYE", party->cseq + 1, headers) < 0)
		LM_ERR("call %.*s: the BYE that ends a refused answer could not be sent\n",
				party->callid.len, party->callid.s);
}

int med_body_strip(sip_msg_t *msg)
{
	char *body = get_body(msg);

	if(body == NULL || body >= msg->buf + msg->len)
		return 0;
	if(del_lump(msg, (int)(body - msg->buf), (int)(msg->buf + msg->len - body), 0)
			== NULL)
		return -1;
	if(msg->content_type != NULL
			&& del_lump(msg, (int)(msg->content_type->name.s - msg->buf),
					   msg->content_type->len, 0)
					== NULL)
		return -1;
	return 0;
}

/** This reply becomes @p code without body. @return -1: memory is short */
static int med_reply_turn(sip_msg_t *reply, unsigned code)
{
	str phrase = reply->first_line.u.reply.reason;
	char *digits = reply->first_line.u.reply.status.s;

	reply->first_line.u.reply.statuscode = code;
	digits[0] = (char)('0' + code / 100);
	digits[1] = (char)('0' + code / 10 % 10);
	digits[2] = (char)('0' + code % 10);
	if(!med_media_replace(reply, phrase.s, (size_t)phrase.len, med_str(med_phrase(code))))
		return -1;
	return med_body_strip(reply);
}

/** The peer still rings: its branch is cancelled, and is over for tm with our 488. */
static void med_cancel_branch(unsigned cause)
{
	struct cell *t = med_tm.t_gett();
	int branch = med_tm.t_gett_branch();
	struct cancel_info what;

	if(t == NULL || t == T_UNDEFINED || branch < 0 || branch >= t->nr_of_outgoings
			|| !prepare_cancel_branch(t, branch, 0))
		return;
	init_cancel_info(&what);
	what.cancel_bitmap = (branch_bm_t)1 << branch;
	what.reason.cause = (short)cause;
	med_tm.cancel_uacs(t, &what, F_CANCEL_B_KILL);
}

/** What it is refused with: the reason's, where there is one. */
static unsigned med_refused_code(const med_call_t *call)
{
	return call->reason.code != 0 ? call->reason.code : 488;
}

void med_refuse_answer(sip_msg_t *reply, med_call_t *call)
{
	bool invite = get_cseq(reply)->method_id == METHOD_INVITE;
	bool in_dialog = (call->flags & MED_CALL_IN_DIALOG) != 0;
	unsigned code = med_refused_code(call);
	const struct via_param *branch = reply->via1 != NULL ? reply->via1->branch : NULL;
	char text[MED_REASON_MAX];
	med_party_t party;

	if(in_dialog && reply->REPLY_STATUS < 200) {
		/* The peer still decides about the re-offer: only this SDP is not passed on. */
		if(med_body_strip(reply) < 0)
			LM_ERR("no memory to take a refused SDP out of a reply; the gate keeps it "
				   "back\n");
		return;
	}
	(void)med_reason_quotable(&call->reason, text);
	if(invite && !in_dialog && branch != NULL && branch->value.len <= MED_BRANCH_MAX) {
		call->refused.ended = reply->REPLY_STATUS >= 200;
		call->refused.branch_len = (uint8_t)branch->value.len;
		memcpy(call->refused.branch, branch->value.s, call->refused.branch_len);
	}
	if(invite && reply->REPLY_STATUS >= 200 && med_party_of_reply(&party, reply) == 0)
		/* A refused re-offer leaves the call as it was: its 200 is only acknowledged. */
		med_party_end(&party, true, !in_dialog, code, text);
	else if(invite && reply->REPLY_STATUS < 200 && !in_dialog)
		med_cancel_branch(code);
	if(invite && !in_dialog)
		med_media_forget(reply, call, false);
	if(med_reply_turn(reply, code) < 0)
		LM_ERR("call %.*s: no memory to rewrite a refused answer; the gate keeps it "
			   "back\n",
				reply->callid->body.len, reply->callid->body.s);
}

void med_refuse_again(sip_msg_t *reply, med_call_t *call)
{
	char text[MED_REASON_MAX];
	med_party_t party;

	/* Our BYE is repeated by tm; the ACK is not, and this 200 says that it was lost. Only
	 * where a 183 was refused is this the first 200: it crossed our CANCEL. */
	(void)med_reason_quotable(&call->reason, text);
	if(reply->REPLY_STATUS >= 200 && med_party_of_reply(&party, reply) == 0) {
		med_party_end(&party, true, !call->refused.ended, med_refused_code(call), text);
		call->refused.ended = true;
	}
	if(med_reply_turn(reply, med_refused_code(call)) < 0)
		LM_ERR("no memory to keep a refused answer back; the gate does\n");
}

void med_refuse_late(sip_msg_t *reply, unsigned cause, const char *text)
{
	med_party_t party;

	if(med_party_of_reply(&party, reply) == 0)
		med_party_end(&party, true, true, cause, text);
	/* tm would pass any 200 on, even after the caller's final answer; with another code
	 * it is one more answer of a branch that has ended. */
	if(med_reply_turn(reply, cause) < 0)
		LM_ERR("no memory to keep a late answer back\n");
}

void med_refuse_ack(sip_msg_t *ack, med_call_t *call)
{
	unsigned code = med_refused_code(call);
	char text[MED_REASON_MAX];
	med_party_t caller, callee;
	struct to_body *from, *to;

	(void)med_reason_quotable(&call->reason, text);
	if(parse_from_header(ack) < 0 || parse_to_header(ack) < 0 || ack->cseq == NULL)
		return;
	from = get_from(ack);
	to = get_to(ack);
	memset(&callee, 0, sizeof callee); /* its Routes too: unknown here, the hop is */
	callee.callid = ack->callid->body;
	callee.local_tag = from->tag_value;
	callee.remote_tag = to->tag_value;
	callee.local_uri = from->uri;
	callee.remote_uri = to->uri;
	if(str2int(&get_cseq(ack)->number, &callee.cseq) < 0)
		return;
	caller = callee;
	/* The callee waits for this ACK: it gets one without the answer, then the BYE. Its
	 * target is the ACK's own, which loose_route() has already prepared. */
	callee.target = *GET_RURI(ack);
	callee.socket = ack->force_send_socket;
	if((size_t)GET_NEXT_HOP(ack)->len < sizeof callee.hop)
		memcpy(callee.hop, GET_NEXT_HOP(ack)->s, (size_t)GET_NEXT_HOP(ack)->len);
	med_party_end(&callee, true, true, code, text);

	caller.local_tag = to->tag_value;
	caller.remote_tag = from->tag_value;
	caller.local_uri = to->uri;
	caller.remote_uri = from->uri;
	if(med_contact_uri(ack, &caller.target) < 0)
		caller.target = from->uri;
	med_party_hop(&caller, ack);
	/* No number of the callee's own is known; a higher one than any it used is valid. */
	med_party_end(&caller, false, true, code, text);
	call->flags |= MED_CALL_OFFERED; /* by the 200, whose transaction had its own state */
	med_media_forget(ack, call, true);
}
