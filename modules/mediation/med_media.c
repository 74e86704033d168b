/**
 * med_media.c - see med_media.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <string.h>

#include "core/cfg/cfg_ctx.h"
#include "core/data_lump.h"
#include "core/kemi.h"
#include "core/route.h"
#include "core/parser/msg_parser.h"
#include "core/parser/parse_content.h"
#include "core/parser/parse_cseq.h"
#include "core/sr_module.h"

#include "med_bypass.h"
#include "med_gate.h"
#include "med_media.h"
#include "med_metrics.h"
#include "med_offer.h"
#include "med_policy_listener.h"
#include "med_refuse.h"
#include "med_shm.h"
#include "med_stats.h"
#include "medcore/leg_codec.h"

/** An answer, or an error of the socket, is there by then; a silent node is not. */
#define MED_AT_ONCE_MS 100
#define MED_FLAGS_MAX MED_MEDIA_FLAGS_MAX
/** A leg's words, and "/interface:" and the name behind them. */
#define MED_MEDIA_WORDS_MAX (MED_LEG_WORDS_MAX + 11 + MED_INTERFACE_MAX)

typedef int (*med_rtpengine_f)(sip_msg_t *msg, str *flags);
static med_rtpengine_f med_rtpengine_offer, med_rtpengine_answer, med_rtpengine_delete,
		med_rtpengine_query;

int med_media_init(void)
{
	if(!module_loaded("rtpengine")) {
		LM_NOTICE("module rtpengine is not loaded: calls with anchored media will be "
				  "refused\n");
		return 0;
	}
	med_rtpengine_offer = med_kemi_function("rtpengine", "rtpengine_offer");
	med_rtpengine_answer = med_kemi_function("rtpengine", "rtpengine_answer");
	med_rtpengine_delete = med_kemi_function("rtpengine", "rtpengine_delete");
	med_rtpengine_query = med_kemi_function("rtpengine", "rtpengine_query");
	if(med_rtpengine_offer == NULL || med_rtpengine_answer == NULL
			|| med_rtpengine_delete == NULL) {
		LM_ERR("this rtpengine module lacks rtpengine_offer, _answer or _delete\n");
		return -1;
	}
	return 0;
}

static void med_media_warn(cfg_ctx_t *ctx, const char *name, int most)
{
	str group = str_init("rtpengine");
	str variable = {(char *)(uintptr_t)name, (int)strlen(name)};
	unsigned *id = NULL, type;
	void *value;

	if(cfg_get_by_name(ctx, &group, id, &variable, &value, &type) == 0
			&& type == CFG_VAR_INT && (int)(intptr_t)value > most)
		LM_WARN("rtpengine's %s is %d: a call may wait that long for a media node that "
				"is "
				"away; set it to %d or less\n",
				name, (int)(intptr_t)value, most);
}

void med_media_check_client(void)
{
	cfg_ctx_t *ctx;

	if(med_rtpengine_offer == NULL || cfg_register_ctx(&ctx, NULL) != 0)
		return;
	med_media_warn(ctx, "rtpengine_tout_ms", 400);
	med_media_warn(ctx, "rtpengine_retr", 1);
	med_media_warn(ctx, "rtpengine_disable_tout", 10);
}

static bool med_header_is(const struct hdr_field *header, const char *name, char compact)
{
	size_t len = strlen(name);

	return ((size_t)header->name.len == len
				   && strncasecmp(header->name.s, name, len) == 0)
			|| (header->name.len == 1 && (header->name.s[0] | 0x20) == compact);
}

/** The body is what one Content-Type says, and its bytes are its own. */
static int med_media_headers(const sip_msg_t *msg, med_errbuf_t *why)
{
	unsigned types = 0;

	for(const struct hdr_field *header = msg->headers; header != NULL;
			header = header->next) {
		if(med_header_is(header, "Content-Type", 'c'))
			types++;
		else if((med_header_is(header, "Content-Encoding", 'e')
						|| med_header_is(header, "Content-Transfer-Encoding", '\0'))
				&& !med_sdp_encoding_plain(med_from_str(header->body)))
			return med_fail(why, MED_EINVAL, "the body is encoded; send it as it is");
	}
	if(types != 1 || msg->content_type == NULL)
		return med_fail(why, MED_EINVAL, "a body %s Content-Type",
				types > 1 ? "with more than one" : "without");
	return MED_EOK;
}

int med_media_sdp(sip_msg_t *msg, med_sdp_t *sdp, med_errbuf_t *why)
{
	char *body = get_body(msg);
	med_str_t text, part;
	int rc;

	if(body == NULL || body >= msg->buf + msg->len)
		return MED_ENOMATCH;
	text = (med_str_t){body, (size_t)(msg->buf + msg->len - body)};
	/* A datagram may be longer than its message says. */
	if(msg->content_length != NULL && (size_t)get_content_length(msg) < text.len)
		text.len = (size_t)get_content_length(msg);
	if(text.len == 0)
		return MED_ENOMATCH;
	rc = med_media_headers(msg, why);
	if(rc != MED_EOK)
		return rc;
	rc = med_sdp_find(med_from_str(msg->content_type->body), text, &part, why);
	if(rc != MED_EOK)
		return rc;
	return med_sdp_parse(part, sdp, why);
}

bool med_media_offers(sip_msg_t *msg)
{
	med_sdp_t sdp;

	return med_parse_headers(msg, HDR_EOH_F) == 0
			&& med_media_sdp(msg, &sdp, NULL) != MED_ENOMATCH;
}

/** To the plugin a side without a trunk is a phone, for which there are no rules. */
static const char *med_media_mode(const med_side_t *side)
{
	if(!side->policy.known || side->id_len == 0)
		return "any";
	return med_srtp_mode_name(side->policy.srtp);
}

/** The side the SDP of this message comes from, and the one it goes to. */
static void med_media_sides(const sip_msg_t *msg, const med_call_t *call,
		const med_side_t **from, const med_side_t **to)
{
	bool upstream = (call->flags & MED_CALL_UPSTREAM) != 0;

	if(msg->first_line.type == SIP_REPLY)
		upstream = !upstream;
	*from = upstream ? &call->out : &call->in;
	*to = upstream ? &call->in : &call->out;
}

/** What a phone is offered, where the script says so; rtpengine makes the keys. */
static const char *med_media_phone(const med_side_t *to)
{
	if(to->id_len > 0 || !to->policy.known)
		return "";
	return to->policy.srtp == MED_SRTP_REQUIRED ? " transport-protocol=RTP/SAVP"
												: " transport-protocol=RTP/AVP";
}

/** A name does not travel with the call: it is the trunk's of now, if there is any. */
static void med_media_interface(const med_side_t *side, char *out, size_t size)
{
	const med_trunk_t *trunk;

	MED_SNAPSHOT(snapshot);
	trunk = snapshot != NULL ? med_snapshot_trunk(snapshot, med_side_id(side)) : NULL;
	if(trunk != NULL && trunk->profile->media_interface.len > 0)
		snprintf(out, size, "/interface:%.*s",
				MED_STR_FMT(trunk->profile->media_interface));
}

/** What the profile says beside the mode; for most nothing. */
static const char *med_media_words(
		const med_side_t *side, char words[MED_MEDIA_WORDS_MAX])
{
	size_t len;

	if(side->id_len == 0 || !med_leg_media_given(&side->policy.media))
		return "";
	len = med_leg_words_write(&side->policy.media, words);
	if(side->policy.media.interface)
		med_media_interface(side, words + len, MED_MEDIA_WORDS_MAX - len);
	return words;
}

static med_str_t med_flags_write(
		const med_side_t *from, const med_side_t *to, bool branch, char *out, size_t size)
{
	char from_words[MED_MEDIA_WORDS_MAX], to_words[MED_MEDIA_WORDS_MAX];
	int len =
			snprintf(out, size, "rtcp-mux-demux%s%s med-from=%.*s/%s%s med-to=%.*s/%s%s",
					branch ? " via-branch=1" : "", med_media_phone(to),
					from->id_len ? from->id_len : 1, from->id_len ? from->id : "-",
					med_media_mode(from), med_media_words(from, from_words),
					to->id_len ? to->id_len : 1, to->id_len ? to->id : "-",
					med_media_mode(to), med_media_words(to, to_words));

	return (med_str_t){out, len > 0 && (size_t)len < size ? (size_t)len : 0};
}

med_str_t med_media_flags(sip_msg_t *msg, char *buffer, size_t size)
{
	static const med_side_t nobody = {.number = MED_NO_NUMBER};
	const med_side_t *from = &nobody, *to = &nobody;
	med_call_t *call = med_call_get(msg);

	if(call != NULL)
		med_media_sides(msg, call, &from, &to);
	return med_flags_write(from, to, false, buffer, size);
}

/**
 * One command. The stock module takes the media branch from the topmost Via; before a
 * branch is sent, and when it is given up, that Via is not in the message: so it is shown
 * one with our branch. The message is this process's own, its parsed parts may be shared:
 * only the pointer is changed.
 */
static int med_rtpengine_run(
		sip_msg_t *msg, med_rtpengine_f run, med_str_t flags, str branch)
{
	struct via_param param = {.name = str_init("branch"), .value = branch};
	struct hdr_field header, *real = msg->h_via1;
	str text = med_to_str(flags);
	struct via_body via;
	int rc;

	if(branch.len <= 0 || real == NULL)
		return run(msg, &text);
	via = *(struct via_body *)real->parsed;
	via.param_lst = via.last_param = via.branch = &param;
	via.next = NULL;
	header = *real;
	header.parsed = &via;
	msg->h_via1 = &header;
	rc = run(msg, &text);
	msg->h_via1 = real;
	return rc;
}

void med_media_forget(sip_msg_t *msg, med_call_t *call, bool whole)
{
	char flags[MED_FLAGS_MAX];
	str branch = {call->branch, call->branch_len};
	int len;

	if((call->flags & MED_CALL_OFFERED) == 0 || med_rtpengine_delete == NULL)
		return;
	/* With the media node gone so is its session; a worker must not wait to hear that. */
	if(!med_policy_listener_present())
		return;
	if(whole)
		branch.len = 0;
	/* A call is deleted whole by no tag at all: rtpengine 12 has none of a caller whose
	 * delayed offer is still without an answer, and would delete nothing. */
	len = snprintf(flags, sizeof flags, "delete-delay=0%s%s",
			branch.len > 0 ? " via-branch=1" : "", whole ? " from-tag=" : "");
	if(med_rtpengine_run(
			   msg, med_rtpengine_delete, (med_str_t){flags, (size_t)len}, branch)
			< 0)
		LM_DBG("call %.*s: rtpengine had nothing to delete\n", msg->callid->body.len,
				msg->callid->body.s);
	call->flags &= ~(uint32_t)MED_CALL_OFFERED;
}

/** 503, and why: with what the policy listener's watch last saw. */
static int med_media_absent(sip_msg_t *msg, const char *what)
{
	char reason[160] = "";

	med_policy_listener_reason(reason, sizeof reason);
	med_stats_inc(MED_STAT_LISTENER_ABSENT);
	med_reason(msg, 503, 0, "media cannot be anchored: %s%s%s", what,
			reason[0] ? ": " : "", reason);
	return MED_MEDIA_NO_ANSWER;
}

/**
 * Once more where it failed at once. A worker's connected socket keeps the "connection
 * refused" of a node that was away and reports it to the first command after the node's
 * return; the stock client then takes the node for dead, and with it everybody's calls.
 * By the second command the error is gone, and aggressive_redetection has found the node
 * alive.
 */
static int med_rtpengine_twice(
		sip_msg_t *msg, med_rtpengine_f run, med_str_t flags, str branch)
{
	int64_t started = med_now_ms();
	int rc = med_rtpengine_run(msg, run, flags, branch);

	if(rc > 0 || med_now_ms() - started >= MED_AT_ONCE_MS
			|| !med_policy_listener_present())
		return rc;
	return med_rtpengine_run(msg, run, flags, branch);
}

/** The family of addresses that who gets this offer has; NULL: as it came, or as before.
 */
static const char *med_media_family(
		sip_msg_t *msg, const med_call_t *call, const med_sdp_t *sdp)
{
	bool ipv6, to_ipv6;
	struct cell *t;

	if((call->flags & MED_CALL_IN_DIALOG) != 0 || sdp->media_count == 0
			|| sdp->media[0].address.len == 0)
		return NULL;
	ipv6 = memchr(sdp->media[0].address.s, ':', sdp->media[0].address.len) != NULL;
	if(msg->first_line.type == SIP_REQUEST) {
		if((call->flags & MED_CALL_CHOSEN) == 0 || (call->flags & MED_CALL_TO_USER) != 0)
			return NULL;
		to_ipv6 = med_is_ipv6(&call->target);
	} else {
		t = med_tm.t_gett();
		if(t == NULL || t == T_UNDEFINED || t->uas.request == NULL)
			return NULL;
		to_ipv6 = t->uas.request->rcv.src_ip.af == AF_INET6;
	}
	if(to_ipv6 == ipv6 || !med_policy_listener_anchors_in(to_ipv6))
		return NULL;
	return to_ipv6 ? " address-family=IP6" : " address-family=IP4";
}

int med_media_send(sip_msg_t *msg, med_call_t *call, bool offer, bool past,
		const med_side_t *from, const med_side_t *to, const med_sdp_t *sdp)
{
	const char *more = past ? " med-bypass=1" : NULL;
	bool in_dialog = (call->flags & MED_CALL_IN_DIALOG) != 0;
	str branch = {call->branch, call->branch_len};
	char buffer[MED_FLAGS_MAX];
	med_str_t flags;

	if(med_rtpengine_offer == NULL)
		return med_media_absent(msg, "module rtpengine is not loaded");
	if(!med_policy_listener_present())
		return med_media_absent(msg, "no policy listener");
	if(in_dialog)
		branch.len = 0;
	flags = med_flags_write(from, to, branch.len > 0, buffer, sizeof buffer);
	if(offer && !past)
		more = med_media_family(msg, call, sdp);
	if(flags.len == 0 || flags.len + 32 > sizeof buffer)
		return MED_MEDIA_FAILED;
	if(more != NULL) {
		memcpy(buffer + flags.len, more, strlen(more) + 1); /* it reads to the zero */
		flags.len += strlen(more);
	}
	if(med_rtpengine_twice(
			   msg, offer ? med_rtpengine_offer : med_rtpengine_answer, flags, branch)
			> 0) {
		call->flags |= MED_CALL_OFFERED;
		return MED_MEDIA_DONE;
	}
	/* The stock module says -1 for everything, and says why in a line of its own. What
	 * policy forbids was found before it was asked (med_media_check): so this is
	 * rtpengine. */
	return med_media_absent(msg,
			offer ? "rtpengine did not take the offer"
				  : "rtpengine did not take the answer");
}

int med_media_check(
		sip_msg_t *msg, bool offer, const med_side_t *from, const med_sdp_t *sdp)
{
	med_errbuf_t why = {""};
	int rc;

	if(!from->policy.known)
		return MED_EOK;
	if(offer)
		rc = med_media_check_offer(&from->policy, sdp, &why);
	else
		rc = med_media_check_answer(
				&from->policy, med_media_offer_form(&from->policy), sdp, &why);
	if(rc == MED_EINVAL)
		med_reason(msg, 400, 0, "trunk '%.*s': unusable SDP: %s", from->id_len, from->id,
				why.text);
	else if(rc != MED_EOK)
		med_reason(msg, 488, 0, "trunk '%.*s': %s", from->id_len, from->id, why.text);
	return rc;
}

/**
 * Of a call whose media goes past us, or went past us before it was moved to rtpengine.
 * The offer in its own INVITE was held against all that there is before it was sent here.
 */
static int med_media_past(sip_msg_t *msg, med_call_t *call, bool offer,
		const med_side_t *from, const med_side_t *to, const med_sdp_t *sdp)
{
	bool in_dialog = (call->flags & MED_CALL_IN_DIALOG) != 0;
	med_errbuf_t why = {""};

	if(offer && (in_dialog || msg->first_line.type == SIP_REPLY)
			&& !med_bypass_holds(msg, from, to, sdp))
		return med_media_send(msg, call, true, false, from, to, sdp);
	med_bypass_note(msg);
	/* Where it was moved is known there; with the node gone, so is what it was moved to.
	 */
	if(in_dialog && med_rtpengine_offer != NULL && med_policy_listener_present())
		return med_media_send(msg, call, offer, true, from, to, sdp);
	if(med_media_check_outgoing(&to->policy, sdp, &why) == MED_EOK)
		return MED_MEDIA_NOTHING;
	med_reason(msg, 488, 0, "trunk '%.*s', whose media goes past us: %s", to->id_len,
			to->id, why.text);
	return MED_MEDIA_REFUSED;
}

int med_media_check_codecs(sip_msg_t *msg, const med_side_t *from, const med_side_t *to,
		const med_sdp_t *sdp)
{
	med_errbuf_t why = {""};
	const med_side_t *whose;
	bool of_to;
	int rc;

	if(!med_leg_codecs_given(&from->policy.media)
			&& !med_leg_codecs_given(&to->policy.media))
		return MED_MEDIA_DONE;
	rc = med_legs_check_codecs(&from->policy.media, &to->policy.media, sdp, &of_to, &why);
	if(rc == MED_EOK)
		return MED_MEDIA_DONE;
	whose = of_to ? to : from;
	med_reason(msg, rc == MED_EREFUSED ? 488 : 400, 0, "trunk '%.*s': %s", whose->id_len,
			whose->id, why.text);
	return of_to ? MED_MEDIA_NOT_HERE : MED_MEDIA_REFUSED;
}

bool med_media_replace(sip_msg_t *msg, const char *from, size_t len, med_str_t instead)
{
	struct lump *lump = len > 0 ? del_lump(msg, (int)(from - msg->buf), (int)len, 0)
								: anchor_lump(msg, (int)(from - msg->buf), 0, 0);
	char *text;

	if(lump == NULL || instead.len == 0)
		return lump != NULL;
	text = pkg_malloc(instead.len);
	if(text == NULL)
		return false;
	memcpy(text, instead.s, instead.len);
	if(insert_new_lump_after(lump, text, (int)instead.len, 0) != NULL)
		return true;
	pkg_free(text);
	return false;
}

/** Without the line end before it, where there is one. */
static const char *med_media_before_line_end(const char *begin, const char *end)
{
	if(end > begin && end[-1] == '\n')
		end--;
	return end > begin && end[-1] == '\r' ? end - 1 : end;
}

/**
 * For who is to read nothing but SDP: what is around it in a multipart body goes. The
 * line end before the delimiter may be the SDP's only one, unless rtpengine writes
 * another SDP.
 */
static int med_media_alone(sip_msg_t *msg, const med_sdp_t *sdp, bool anchored)
{
	const char *begin = sdp->body.s, *end = begin + sdp->body.len, *before;
	const char *body = get_body(msg), *last = msg->buf + msg->len;
	const str *type = &msg->content_type->body;

	if(begin == body)
		return MED_MEDIA_DONE;
	if(msg->content_length != NULL && get_content_length(msg) < last - body)
		last = body + get_content_length(msg);
	before = med_media_before_line_end(begin, end);
	if(anchored || (before > begin && before[-1] == '\n'))
		end = before;
	if(med_media_replace(msg, body, (size_t)(begin - body), MED_STR(""))
			&& med_media_replace(msg, end, (size_t)(last - end), MED_STR(""))
			&& med_media_replace(
					msg, type->s, (size_t)type->len, MED_STR("application/sdp")))
		return MED_MEDIA_DONE;
	LM_ERR("no memory\n");
	return MED_MEDIA_FAILED;
}

int med_media_pass(sip_msg_t *msg, med_call_t *call, bool offer)
{
	const med_side_t *from, *to;
	med_errbuf_t why = {""};
	bool anchored;
	med_sdp_t sdp;
	int rc = med_media_sdp(msg, &sdp, &why);

	if(rc == MED_ENOMATCH)
		return MED_MEDIA_NOTHING;
	if(offer && msg->first_line.type == SIP_REQUEST)
		call->flags |= MED_CALL_OFFER;
	if(rc != MED_EOK) {
		med_reason(msg, rc == MED_EREFUSED ? 488 : 400, 0, "unusable body: %s", why.text);
		return MED_MEDIA_REFUSED;
	}
	med_media_sides(msg, call, &from, &to);
	med_gate_admit(msg, to);
	if(med_media_check(msg, offer, from, &sdp) != MED_EOK)
		return MED_MEDIA_REFUSED;
	anchored = from->policy.anchored || to->policy.anchored;
	if(to->policy.media.strip_parts
			&& (rc = med_media_alone(msg, &sdp, anchored && !med_bypass_is(msg, call)))
					< 0)
		return rc;
	if(!anchored)
		return MED_MEDIA_NOTHING;
	if(med_bypass_is(msg, call))
		return med_media_past(msg, call, offer, from, to, &sdp);
	if(offer && (rc = med_media_check_codecs(msg, from, to, &sdp)) < 0)
		return rc;
	return med_media_send(msg, call, offer, false, from, to, &sdp);
}

/** Log and count what was refused; the reason is set. */
static int med_media_told(sip_msg_t *msg, int rc, bool offer)
{
	const med_reason_t *reason = med_reason_get(msg);

	if(rc > 0 || reason == NULL)
		return rc;
	if(rc == MED_MEDIA_REFUSED || rc == MED_MEDIA_NOT_HERE)
		med_stats_inc(offer ? MED_STAT_MEDIA_REFUSED : MED_STAT_ANSWERS_REFUSED);
	LM_NOTICE("call %.*s: %s refused with %u: %s\n", msg->callid->body.len,
			msg->callid->body.s, offer ? "offer" : "answer", reason->code, reason->text);
	return rc;
}

struct hdr_field *med_header_named(const sip_msg_t *msg, const char *name)
{
	struct hdr_field *header = msg->headers;

	while(header != NULL && !med_header_is(header, name, '\0'))
		header = header->next;
	return header;
}

str med_rack_cseq(const sip_msg_t *prack)
{
	const struct hdr_field *rack = med_header_named(prack, "RAck");
	str cseq = STR_NULL;
	char *at, *end;

	if(rack == NULL)
		return cseq;
	/* "RSeq CSeq Method" */
	at = rack->body.s;
	end = at + rack->body.len;
	while(at < end && *at != ' ' && *at != '\t')
		at++;
	while(at < end && (*at == ' ' || *at == '\t'))
		at++;
	cseq.s = at;
	while(at < end && *at >= '0' && *at <= '9')
		at++;
	cseq.len = (int)(at - cseq.s);
	return cseq;
}

/** Is this INVITE's SDP in a PRACK an answer? Only where the INVITE itself had no offer.
 */
static bool med_prack_answers(sip_msg_t *msg)
{
	struct cell *invite = NULL, *current;
	str cseq = med_rack_cseq(msg);
	bool answers, found;
	int branch;

	/* tm's lookup makes what it finds the current transaction, and builds the header it
	 * compares in 1024 bytes: so ours is put back, and an overlong Call-ID not asked for.
	 */
	if(cseq.len == 0 || cseq.len > 10 || msg->callid->body.len > 900)
		return false;
	current = med_tm.t_gett();
	branch = med_tm.t_gett_branch();
	found = med_tm.t_lookup_callid(&invite, msg->callid->body, cseq) > 0
			&& invite != NULL;
	med_tm.t_sett(current, branch);
	if(!found)
		return false;
	answers = invite->uas.request != NULL && get_content_length(invite->uas.request) == 0;
	med_tm.unref_cell(invite);
	return answers;
}

static int med_media_request(sip_msg_t *msg, med_call_t *call)
{
	bool offer = true, ours = false;
	int rc;

	switch(msg->REQ_METHOD) {
		case METHOD_BYE:
			/* What this call anchored is gone with it; rtpengine knows whether there is
			 * any. */
			if(call->in.policy.anchored || call->out.policy.anchored) {
				call->flags |= MED_CALL_OFFERED;
				med_media_forget(msg, call, true);
				return MED_MEDIA_DONE;
			}
			return MED_MEDIA_NOTHING;
		case METHOD_ACK:
			offer = false;
			ours = med_offer_is_of(msg, call);
			break;
		case METHOD_PRACK:
			if(med_offer_is_of(msg, call)) {
				ours = !med_offer_answered(msg);
				offer = !ours;
			} else
				offer = !med_prack_answers(msg);
			break;
		case METHOD_INVITE:
			ours = call->our_offer != 0 && (call->flags & MED_CALL_IN_DIALOG) == 0;
			break;
		case METHOD_UPDATE:
			break;
		default:
			return MED_MEDIA_NOTHING;
	}
	rc = !ours      ? med_media_pass(msg, call, offer)
			: offer ? med_offer_make(msg, call)
					: med_offer_answer(msg, call);
	rc = med_media_told(msg, rc, offer);
	if(rc < 0 && msg->REQ_METHOD == METHOD_ACK)
		med_refuse_ack(msg, call);
	else if(rc == MED_MEDIA_REFUSED && (call->flags & MED_CALL_IN_DIALOG) == 0)
		call->try_next =
				call->try_count; /* no other candidate changes the caller's offer */
	return rc == MED_MEDIA_NOT_HERE ? MED_MEDIA_REFUSED : rc;
}

/** The media branch a reply belongs to: the branch we put into our Via. */
static bool med_reply_is_of(sip_msg_t *msg, const char *branch, size_t len)
{
	const struct via_param *param = msg->via1 != NULL ? msg->via1->branch : NULL;

	return param != NULL && (size_t)param->value.len == len
			&& memcmp(param->value.s, branch, len) == 0;
}

bool med_has_body(sip_msg_t *msg)
{
	const char *body = parse_headers(msg, HDR_EOH_F, 0) == 0 ? get_body(msg) : NULL;

	return body != NULL && body < msg->buf + msg->len;
}

/**
 * tm knows two timers, 100 stops the first. The second runs until ringing and then until
 * the answer (spec 4.3). tm begins it anew with each provisional answer: it gets what is
 * left of it.
 */
static void med_reply_timer(sip_msg_t *msg, med_call_t *call)
{
	struct cell *t = med_tm.t_gett();
	int64_t now = med_now_ms(), left;
	bool rings = msg->REPLY_STATUS > 100;

	if(msg->REPLY_STATUS >= 200 || t == NULL || t == T_UNDEFINED
			|| call->answer_timeout_ms == 0)
		return;
	if(rings && !call->rang) {
		med_metrics_rings(call);
		call->rang = 1;
	}
	if(call->timed_from == 0)
		call->timed_from = now;
	if(rings && !call->progress
			&& (call->progress_is != MED_PROGRESS_SDP || med_has_body(msg))) {
		call->progress = 1;
		call->timed_from = now;
	}
	left = call->timed_from
			+ (call->progress ? call->answer_timeout_ms : call->progress_timeout_ms)
			- now;
	t->fr_inv_timeout = MS_TO_TICKS((ticks_t)(left > 1 ? left : 1));
}

static bool med_reply_is_initial(sip_msg_t *msg, const med_call_t *call)
{
	return get_cseq(msg)->method_id == METHOD_INVITE
			&& (call->flags & MED_CALL_IN_DIALOG) == 0;
}

/** What every reply to a new call's INVITE needs; true: it is of a candidate given up. */
static bool med_media_reply_first(sip_msg_t *msg, med_call_t *call)
{
	if(msg->cseq == NULL || !med_reply_is_initial(msg, call)
			|| med_reply_is_of(msg, call->refused.branch, call->refused.branch_len))
		return false;
	if((call->flags & MED_CALL_OVER) == 0
			&& (call->branch_len == 0
					|| med_reply_is_of(msg, call->branch, call->branch_len))) {
		med_reply_timer(msg, call);
		return false;
	}
	if(msg->REPLY_STATUS >= 200 && msg->REPLY_STATUS < 300)
		med_refuse_late(msg, 487, "answered after the call had gone elsewhere");
	return true;
}

/**
 * "SDP may only be in 183 and 200" (spec 5.1): an 18x with SDP becomes 183 for a side
 * that takes it so. The code is changed where it stands, as the core and tm read it
 * there.
 */
static void med_media_early(sip_msg_t *msg, const med_call_t *call)
{
	const med_side_t *from, *to;
	str reason;

	if(msg->first_line.type != SIP_REPLY || msg->REPLY_STATUS < 180
			|| msg->REPLY_STATUS > 182)
		return;
	med_media_sides(msg, call, &from, &to);
	if(!to->policy.media.early_183 || med_parse_headers(msg, HDR_EOH_F) < 0
			|| get_body(msg) == NULL || get_body(msg) >= msg->buf + msg->len)
		return;
	reason = msg->first_line.u.reply.reason;
	if(!med_media_replace(msg, reason.s, (size_t)reason.len, MED_STR("Session Progress")))
		return;
	msg->first_line.u.reply.statuscode = 183;
	memcpy(msg->first_line.u.reply.status.s, "183", 3);
}

/**
 * An offer within the call was refused: rtpengine goes back to what both sides agreed on
 * before it. Asked of the policy listener by a query, which harms nothing elsewhere.
 */
static void med_media_roll_back(sip_msg_t *msg, const med_call_t *call)
{
	str flags = str_init("med-rollback=1");

	if((call->flags & MED_CALL_IN_DIALOG) == 0 || (call->flags & MED_CALL_OFFER) == 0
			|| (!call->in.policy.anchored && !call->out.policy.anchored)
			|| med_rtpengine_query == NULL || !med_policy_listener_present())
		return;
	if(med_rtpengine_query(msg, &flags) < 0)
		LM_NOTICE("call %.*s: its media is as the refused offer wanted it\n",
				msg->callid->body.len, msg->callid->body.s);
}

static int med_media_reply(sip_msg_t *msg, med_call_t *call)
{
	int method = get_cseq(msg)->method_id, code = msg->REPLY_STATUS, rc;
	bool initial = med_reply_is_initial(msg, call);
	bool offer, ours;

	if(initial) {
		if(call->refused.branch_len > 0
				&& med_reply_is_of(msg, call->refused.branch, call->refused.branch_len)) {
			if(code < 300)
				med_refuse_again(msg, call);
			return MED_MEDIA_REFUSED;
		}
		if(code >= 300) {
			if((call->flags & MED_CALL_TO_USER) == 0) /* other phones may still ring */
				med_media_forget(msg, call, false);
			return MED_MEDIA_NOTHING;
		}
	}
	if(code == 100
			|| (method != METHOD_INVITE && method != METHOD_UPDATE
					&& method != METHOD_PRACK))
		return MED_MEDIA_NOTHING;
	if(code >= 300) {
		med_media_roll_back(msg, call);
		return MED_MEDIA_NOTHING;
	}
	ours = initial && call->our_offer != 0;
	offer = method == METHOD_INVITE && (call->flags & MED_CALL_OFFER) == 0 && !ours;
	rc = ours ? med_offer_reply(msg, call) : med_media_pass(msg, call, offer);
	rc = med_media_told(msg, rc, offer);
	if(rc >= 0) {
		if(!ours || rc == MED_MEDIA_DONE)
			med_media_early(msg, call);
		return rc;
	}
	if(code >= 200)
		med_media_roll_back(msg, call);
	med_refuse_answer(msg, call);
	return rc == MED_MEDIA_NOT_HERE ? MED_MEDIA_REFUSED : rc;
}

bool med_media_free(const med_call_t *call)
{
	return !call->in.policy.media.strip_parts && !call->out.policy.media.strip_parts
			&& (call->flags & MED_CALL_NO_LEG) == 0 && !call->in.policy.anchored
			&& !call->out.policy.anchored
			&& (!call->in.policy.known || call->in.policy.srtp != MED_SRTP_REQUIRED)
			&& (!call->out.policy.known || call->out.policy.srtp != MED_SRTP_REQUIRED);
}

int med_media(sip_msg_t *msg)
{
	med_call_t *call = med_call_get(msg);
	med_sdp_t sdp;

	if(call != NULL && msg->first_line.type == SIP_REPLY
			&& med_media_reply_first(msg, call))
		return MED_MEDIA_NOTHING;
	if(call != NULL && med_media_free(call) && call->refused.branch_len == 0) {
		med_media_early(msg, call);
		return MED_MEDIA_NOTHING;
	}
	if(med_parse_headers(msg, HDR_EOH_F) < 0 || msg->callid == NULL || msg->cseq == NULL)
		return MED_MEDIA_FAILED;
	if(call == NULL || (call->flags & MED_CALL_NO_LEG)) {
		if(med_media_sdp(msg, &sdp, NULL) == MED_ENOMATCH)
			return MED_MEDIA_NOTHING;
		LM_ERR("call %.*s: med_media() without med_from_trunk() before it: the legs are "
			   "not "
			   "known, so its SDP is refused\n",
				msg->callid->body.len, msg->callid->body.s);
		med_reason(msg, 500, 0, "the legs of this call are not known");
		return MED_MEDIA_REFUSED;
	}
	if(get_route_type() == FAILURE_ROUTE) {
		med_media_forget(msg, call, false);
		return MED_MEDIA_DONE;
	}
	return msg->first_line.type == SIP_REQUEST ? med_media_request(msg, call)
											   : med_media_reply(msg, call);
}
