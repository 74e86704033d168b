/**
 * med_offer.c - see med_offer.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core/data_lump.h"
#include "core/parser/parse_content.h"
#include "core/parser/parse_cseq.h"
#include "core/parser/parse_to.h"
#include "core/ut.h"

#include "med_gate.h"
#include "med_media.h"
#include "med_note.h"
#include "med_offer.h"
#include "med_refuse.h"
#include "med_tell.h"
#include "medcore/leg_codec.h"
#include "medcore/offer.h"

int med_offer_choose(sip_msg_t *msg, med_call_t *call, const med_trunk_t *trunk)
{
	unsigned cseq;

	call->our_offer = 0;
	if(trunk->profile->initial_offer == MED_INITIAL_AS_RECEIVED || med_media_offers(msg))
		return MED_EOK;
	if(trunk->profile->initial_offer == MED_INITIAL_EARLY && !med_has_body(msg)
			&& msg->cseq != NULL && str2int(&get_cseq(msg)->number, &cseq) == 0) {
		call->our_offer = cseq + 1;
		MED_TELL(msg, "trunk '%.*s' gets an offer of ours (initial_offer early)",
				MED_STR_FMT(trunk->id));
		return MED_EOK;
	}
	/* In an emergency it is tried all the same: its no is not worse than ours. */
	if(call->flags & MED_CALL_EMERGENCY)
		return MED_EOK;
	med_reason(msg, 488, 0,
			"trunk '%.*s' needs an offer, and the INVITE has no SDP; send it with SDP",
			MED_STR_FMT(trunk->id));
	return MED_EREFUSED;
}

/* ---- to rtpengine, beside the message -------------------------------------------------
 */

/** A copy that the stock module may read and change instead of the message. */
static sip_msg_t med_aside(const sip_msg_t *msg)
{
	sip_msg_t aside = *msg;

	aside.add_rm = aside.body_lumps = NULL;
	return aside;
}

static void med_aside_free(sip_msg_t *aside)
{
	free_lump_list(aside->add_rm);
	free_lump_list(aside->body_lumps);
}

/** The SDP that the stock module has put there instead of the body. */
static med_str_t med_aside_made(const sip_msg_t *aside)
{
	const struct lump *lump = aside->body_lumps != NULL ? aside->body_lumps->after : NULL;

	return lump != NULL ? (med_str_t){lump->u.value, (size_t)lump->len}
						: (med_str_t){NULL, 0};
}

/** The answer of this message; nobody is sent what rtpengine makes of it. */
static int med_offer_tell_answer(sip_msg_t *msg, med_call_t *call, const med_side_t *from,
		const med_side_t *to, const med_sdp_t *sdp)
{
	sip_msg_t aside = med_aside(msg);
	int rc;

	if(med_media_check(msg, false, from, sdp) != MED_EOK)
		return MED_MEDIA_REFUSED;
	rc = med_media_send(&aside, call, false, false, from, to, sdp);
	med_aside_free(&aside);
	return rc;
}

/* ---- the INVITE -----------------------------------------------------------------------
 */

static int med_offer_put(sip_msg_t *msg, med_str_t sdp)
{
	const str *type = msg->content_type != NULL ? &msg->content_type->body : NULL;
	bool typed = type != NULL ? med_media_replace(
						 msg, type->s, (size_t)type->len, MED_STR("application/sdp"))
							  : med_media_replace(msg, msg->unparsed, 0,
									  MED_STR("Content-Type: application/sdp\r\n"));

	if(typed && med_media_replace(msg, get_body(msg), 0, sdp))
		return MED_MEDIA_DONE;
	LM_ERR("no memory\n");
	return MED_MEDIA_FAILED;
}

/** rtpengine's offer for the trunk, of ours: @p text is the body of an INVITE. */
static int med_offer_send(sip_msg_t *msg, med_call_t *call, const med_side_t *from,
		const med_side_t *to, const med_sdp_t *sdp, char *text, size_t len)
{
	struct hdr_field type = {.name = str_init("Content-Type"),
			.body = str_init("application/sdp"),
			.type = HDR_CONTENTTYPE_T};
	struct hdr_field length = {.type = HDR_CONTENTLENGTH_T};
	sip_msg_t aside = med_aside(msg);
	med_str_t made;
	int rc;

	length.parsed = (void *)(sdp->body.len);
	aside.buf = aside.eoh = aside.unparsed = text;
	aside.len = (unsigned)len;
	aside.content_type = &type;
	aside.content_length = &length;
	rc = med_media_send(&aside, call, true, false, from, to, sdp);
	made = med_aside_made(&aside);
	if(rc > 0)
		rc = made.s != NULL ? med_offer_put(msg, made) : MED_MEDIA_FAILED;
	med_aside_free(&aside);
	return rc;
}

int med_offer_make(sip_msg_t *msg, med_call_t *call)
{
	char text[2 + MED_OFFER_MAX] = "\r\n"; /* the end of the headers before it */
	med_side_t in = call->in, out = call->out;
	med_sdp_t sdp;
	size_t len;

	if(in.policy.media.transcode)
		in.policy.media.codecs = 0; /* they are made of whatever the trunk answers */
	len = med_offer_write(&in.policy.media, &out.policy.media,
			msg->rcv.src_ip.af == AF_INET6, text + 2);
	if(len == 0) {
		med_reason(msg, 488, 0,
				"trunk '%.*s' needs an offer, and we can make none of the legs' codecs; "
				"add PCMA",
				out.id_len, out.id);
		return MED_MEDIA_NOT_HERE;
	}
	if(med_sdp_parse((med_str_t){text + 2, len}, &sdp, NULL) != MED_EOK)
		return MED_MEDIA_FAILED;
	med_gate_admit(msg, &call->out);
	if(med_media_check_codecs(msg, &in, &out, &sdp) < 0)
		return MED_MEDIA_NOT_HERE; /* another trunk gets another offer */
	/* Keys would be passed on to a trunk that has SRTP, too, and the caller will have
	 * others. Nobody's address is hold, which the trunk must not take it for. */
	in.policy.srtp = MED_SRTP_NOT_SUPPORTED;
	in.policy.media.dtls = MED_KEYS_SDES;
	out.policy.media.activate = true;
	return med_offer_send(msg, call, &in, &out, &sdp, text, 2 + len);
}

/* ---- replies, ACK and PRACK -----------------------------------------------------------
 */

/** What is noted of the caller's offer: a bit for each enum med_codec in it, and ... */
#define MED_OFFER_ANSWERED (1u << (MED_NOTE_BITS - 1))
_Static_assert(MED_FORMAT_OTHER < MED_NOTE_BITS - 1, "all have a bit");

static void med_offer_note(sip_msg_t *msg, uint32_t value)
{
	med_note(MED_NOTE_OFFERED, med_trimmed(msg->callid->body),
			med_from_str(get_to(msg)->tag_value), value);
}

static bool med_offer_noted(sip_msg_t *msg, uint32_t *value)
{
	return med_noted(MED_NOTE_OFFERED, med_trimmed(msg->callid->body),
			med_from_str(get_to(msg)->tag_value), value);
}

bool med_offer_answered(sip_msg_t *msg)
{
	uint32_t value;

	return med_offer_noted(msg, &value) && (value & MED_OFFER_ANSWERED) != 0;
}

/** Codecs of the one m-line that there is; 0: it is declined. */
static uint32_t med_offer_codecs(const med_sdp_t *sdp)
{
	med_formats_t formats;
	uint32_t codecs = 0;

	if(sdp->media_count == 0 || !med_media_is_audio(&sdp->media[0])
			|| med_sdp_formats(sdp, 0, &formats, NULL) != MED_EOK)
		return 0;
	for(size_t i = 0; i < formats.count; i++)
		if(formats.item[i].codec != MED_FORMAT_EVENT
				&& formats.item[i].codec != MED_FORMAT_COMFORT)
			codecs |= 1u << formats.item[i].codec;
	return codecs;
}

/** To the caller what rtpengine has made of the trunk's answer; noted is what that is. */
static int med_offer_pass(sip_msg_t *reply, med_call_t *call)
{
	int rc = med_media_pass(reply, call, true);
	med_sdp_t made;

	if(rc == MED_MEDIA_DONE
			&& med_sdp_parse(med_aside_made(reply), &made, NULL) == MED_EOK)
		med_offer_note(reply, med_offer_codecs(&made));
	return rc;
}

int med_offer_reply(sip_msg_t *reply, med_call_t *call)
{
	/* Whose offer it answers: the caller's policy is not to judge that. */
	static const med_side_t nobody = {.number = MED_NO_NUMBER};
	bool final = reply->REPLY_STATUS >= 200, noted, answered;
	med_errbuf_t why = {""};
	uint32_t offered = 0;
	med_sdp_t sdp;
	int rc = med_media_sdp(reply, &sdp, &why);

	noted = med_offer_noted(reply, &offered);
	answered = (offered & MED_OFFER_ANSWERED) != 0;
	if(rc == MED_ENOMATCH) {
		if(!final || answered)
			return MED_MEDIA_NOTHING;
		med_reason(reply, 488, 0, "trunk '%.*s': its 200 has no answer to our offer",
				call->out.id_len, call->out.id);
		return MED_MEDIA_REFUSED;
	}
	/* Only a reply that is acknowledged can bring the caller an offer (RFC 3261 13.2.1),
	 * and only one. */
	if(answered || (!final && med_header_named(reply, "RSeq") == NULL))
		return med_body_strip(reply) < 0 ? MED_MEDIA_FAILED : MED_MEDIA_NOTHING;
	if(rc == MED_EOK && !noted) { /* else it is repeated */
		rc = med_offer_tell_answer(reply, call, &call->out, &nobody, &sdp);
		if(rc < 0)
			return rc;
	}
	return med_offer_pass(reply, call);
}

bool med_offer_is_of(sip_msg_t *msg, const med_call_t *call)
{
	unsigned cseq;
	str number;

	if(call->our_offer == 0 || (call->flags & MED_CALL_UPSTREAM) != 0)
		return false;
	number = msg->REQ_METHOD == METHOD_PRACK ? med_rack_cseq(msg) : get_cseq(msg)->number;
	return str2int(&number, &cseq) == 0 && cseq + 1 == call->our_offer;
}

int med_offer_answer(sip_msg_t *msg, med_call_t *call)
{
	bool ack = msg->REQ_METHOD == METHOD_ACK, noted, answered;
	uint32_t offered = 0, codecs;
	med_errbuf_t why = {""};
	med_sdp_t sdp;
	int rc = med_media_sdp(msg, &sdp, &why);

	noted = med_offer_noted(msg, &offered);
	answered = (offered & MED_OFFER_ANSWERED) != 0;
	if(rc == MED_ENOMATCH && (!ack || answered || !noted))
		return MED_MEDIA_NOTHING;
	codecs = rc == MED_EOK ? med_offer_codecs(&sdp) : 0;
	if(rc != MED_EOK || (noted && codecs != 0 && (codecs & offered) == 0)) {
		med_reason(msg, 488, 0, "no answer to the offer in our reply: %s",
				rc == MED_ENOMATCH      ? "the ACK has no SDP"
						: rc != MED_EOK ? why.text
										: "none of its codecs was offered");
		return MED_MEDIA_REFUSED;
	}
	if(!answered) {
		rc = med_offer_tell_answer(msg, call, &call->in, &call->out, &sdp);
		if(rc < 0)
			return rc;
	}
	if(!ack)
		med_offer_note(msg, offered | MED_OFFER_ANSWERED);
	return med_body_strip(msg) < 0 ? MED_MEDIA_FAILED : MED_MEDIA_DONE;
}
