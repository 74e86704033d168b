/**
 * media.c - what a leg's policy makes of an offer or an answer
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "medcore/media.h"

#include <stdarg.h>
#include <stdio.h>

#define NAMES_MAX 112 /* four names, and what is between them */

/** The leg's suites, for people: "AES_CM_128_HMAC_SHA1_80 or AEAD_AES_256_GCM". */
static const char *suite_names(const med_leg_policy_t *leg, char out[NAMES_MAX])
{
	uint8_t suites[MED_LEG_SUITES];
	size_t i, len = 0, count = med_leg_suites(leg, suites);

	if(!count)
		return "any suite";
	for(i = 0; i < count; i++)
		len += (size_t)snprintf(out + len, NAMES_MAX - len, "%s%s", i ? " or " : "",
				med_suite_words[suites[i]]);
	return out;
}

enum med_srtp_mode med_srtp_effective(enum med_srtp_mode configured, bool tls)
{
	return tls ? configured : MED_SRTP_NOT_SUPPORTED;
}

const char *const med_srtp_mode_words[] = {[MED_SRTP_NOT_SUPPORTED] = "not_supported",
		[MED_SRTP_OPTIONAL] = "optional",
		[MED_SRTP_REQUIRED] = "required",
		NULL};

const char *med_srtp_mode_name(enum med_srtp_mode mode)
{
	return (unsigned)mode <= MED_SRTP_REQUIRED ? med_srtp_mode_words[mode] : "unknown";
}

int med_srtp_mode_parse(med_str_t text, enum med_srtp_mode *mode)
{
	int word = med_word_find(med_srtp_mode_words, text);

	if(word < 0)
		return MED_EINVAL;
	*mode = (enum med_srtp_mode)word;
	return MED_EOK;
}

const char *med_srtp_keys_name(const med_leg_policy_t *leg)
{
	if(leg->srtp == MED_SRTP_NOT_SUPPORTED)
		return "none";
	return med_srtp_keys_words[leg->media.dtls];
}

enum med_offer_form med_media_offer_form(const med_leg_policy_t *to)
{
	if(to->media.dtls)
		return MED_OFFER_DTLS;
	switch(to->srtp) {
		case MED_SRTP_REQUIRED:
			return MED_OFFER_SAVP;
		case MED_SRTP_OPTIONAL:
			return MED_OFFER_AVP_CRYPTO;
		default:
			return MED_OFFER_AVP;
	}
}

/** "m-line 2 (video RTP/AVP)", then the rule and the remedy. */
static int refuse(const med_sdp_t *sdp, size_t index, med_errbuf_t *why, const char *fmt,
		...) __attribute__((format(printf, 4, 5)));
static int refuse(
		const med_sdp_t *sdp, size_t index, med_errbuf_t *why, const char *fmt, ...)
{
	const med_sdp_media_t *media = &sdp->media[index];
	med_str_t type = media->type, proto = media->proto_text;
	char rule[256];
	va_list args;

	if(type.len > 16)
		type.len = 16;
	if(proto.len > 32)
		proto.len = 32;
	va_start(args, fmt);
	vsnprintf(rule, sizeof(rule), fmt, args);
	va_end(args);
	return med_fail(why, MED_EREFUSED, "m-line %zu (%.*s %.*s): %s", index + 1,
			MED_STR_FMT(type), MED_STR_FMT(proto), rule);
}

uint8_t med_media_direction(const med_sdp_media_t *media)
{
	if(!med_sdp_address_is_zero(media->address))
		return media->direction;
	return media->direction == MED_SENDRECV || media->direction == MED_SENDONLY
			? MED_SENDONLY
			: MED_INACTIVE;
}

bool med_media_is_hold(uint8_t offered)
{
	return offered == MED_SENDONLY || offered == MED_INACTIVE;
}

uint8_t med_media_answer_direction(uint8_t offered, uint8_t answered)
{
	bool send = answered == MED_SENDRECV || answered == MED_SENDONLY;
	bool receive = answered == MED_SENDRECV || answered == MED_RECVONLY;

	send = send && (offered == MED_SENDRECV || offered == MED_RECVONLY);
	receive = receive && (offered == MED_SENDRECV || offered == MED_SENDONLY);
	return send && receive ? MED_SENDRECV
			: send         ? MED_SENDONLY
			: receive      ? MED_RECVONLY
						   : MED_INACTIVE;
}

static bool has_key(const med_leg_policy_t *leg, const med_sdp_media_t *media)
{
	return (media->suites & med_leg_suite_set(leg)) != 0;
}

static bool is_active(const med_sdp_media_t *media)
{
	return media->port != 0;
}

static bool is_required(const med_leg_policy_t *leg)
{
	return leg && leg->known && leg->srtp == MED_SRTP_REQUIRED;
}

/** Two m-lines that are two ways to have one stream: SAVP and AVP of one type, adjacent.
 */
static bool is_pair(const med_sdp_media_t *a, const med_sdp_media_t *b)
{
	return is_active(a) && is_active(b) && med_str_eq_nocase(a->type, b->type)
			&& ((a->proto == MED_SDP_SAVP && b->proto == MED_SDP_AVP)
					|| (a->proto == MED_SDP_AVP && b->proto == MED_SDP_SAVP));
}

static med_media_mask_t decline_alternatives(
		const med_leg_policy_t *from, const med_sdp_t *offer)
{
	med_media_mask_t decline = 0;
	size_t i, savp, avp;

	for(i = 0; i + 1 < offer->media_count; i++) {
		if(!is_pair(&offer->media[i], &offer->media[i + 1]))
			continue;
		savp = offer->media[i].proto == MED_SDP_SAVP ? i : i + 1;
		avp = savp == i ? i + 1 : i;
		if(from->srtp == MED_SRTP_NOT_SUPPORTED || !has_key(from, &offer->media[savp]))
			decline |= (med_media_mask_t)1 << savp;
		else
			decline |= (med_media_mask_t)1 << avp;
		i++; /* a line is part of one pair only */
	}
	return decline;
}

static size_t count_rtp(const med_sdp_t *sdp, med_media_mask_t decline)
{
	size_t i, count = 0;

	for(i = 0; i < sdp->media_count; i++) {
		if(is_active(&sdp->media[i]) && sdp->media[i].proto != MED_SDP_OTHER
				&& !(decline & (med_media_mask_t)1 << i))
			count++;
	}
	return count;
}

/**
 * An m-line of a leg whose keys are DTLS's; such a leg is Required.
 *
 * @param may      what its writer is to do: "offer" or "answer with", for the remedy
 * @param actpass  may it be left to the other side who begins?
 */
static int check_dtls(const med_sdp_t *sdp, size_t index, const char *may, bool actpass,
		med_errbuf_t *why)
{
	const med_sdp_media_t *media = &sdp->media[index];

	if(media->proto != MED_SDP_DTLS)
		return refuse(sdp, index, why,
				"not DTLS-SRTP, but the leg's srtp_keys are dtls; %s UDP/TLS/RTP/SAVP or "
				"SAVPF",
				may);
	if(!media->fingerprint)
		return refuse(sdp, index, why,
				"no usable a=fingerprint; %s the whole SHA-256 of the certificate", may);
	if(media->setup == MED_SETUP_ACTIVE || media->setup == MED_SETUP_PASSIVE
			|| (actpass && media->setup == MED_SETUP_ACTPASS))
		return MED_EOK;
	return refuse(sdp, index, why, "nobody can begin the DTLS handshake; %s a=setup:%s",
			may, actpass ? "actpass" : "active or passive");
}

static int check_offered_savp(const med_leg_policy_t *from, const med_sdp_t *offer,
		size_t index, med_errbuf_t *why)
{
	char names[NAMES_MAX];

	if(from->srtp == MED_SRTP_NOT_SUPPORTED)
		return refuse(offer, index, why,
				"SRTP was offered, but the leg's SRTP mode is not_supported; offer "
				"RTP/AVP, "
				"or set the trunk to optional or required over TLS");
	if(has_key(from, &offer->media[index]))
		return MED_EOK;
	if(offer->media[index].crypto_count)
		return refuse(offer, index, why,
				"no a=crypto line is a usable %s; offer that suite with a whole key",
				suite_names(from, names));
	return refuse(offer, index, why, "RTP/SAVP without a=crypto; offer SDES with %s",
			suite_names(from, names));
}

static int check_offered_line(const med_leg_policy_t *from, const med_sdp_t *offer,
		size_t index, med_errbuf_t *why)
{
	const med_sdp_media_t *media = &offer->media[index];
	char names[NAMES_MAX];

	if(from->media.dtls && media->proto != MED_SDP_OTHER)
		return check_dtls(offer, index, "offer", true, why);
	switch(media->proto) {
		case MED_SDP_SAVP:
			return check_offered_savp(from, offer, index, why);
		case MED_SDP_AVP:
			if(from->srtp == MED_SRTP_REQUIRED && !has_key(from, media))
				return refuse(offer, index, why,
						"plain RTP was offered, but the leg's SRTP mode is required; "
						"offer SRTP (SDES, %s)",
						suite_names(from, names));
			return MED_EOK;
		case MED_SDP_DTLS:
			return refuse(offer, index, why,
					"DTLS-SRTP was offered, but the leg's srtp_keys are sdes; offer "
					"RTP/SAVP with a=crypto, or set the trunk to dtls");
		default:
			return MED_EOK;
	}
}

int med_media_offer_lines(const med_leg_policy_t *from, const med_leg_policy_t *to,
		const med_sdp_t *offer, med_media_mask_t *decline, med_errbuf_t *why)
{
	bool required = is_required(from) || is_required(to);
	med_media_mask_t mask = 0, bit;
	size_t i, rtp;
	int rc;

	if(!offer->media_count)
		return med_fail(why, MED_EINVAL, "the SDP has no m-line; offer at least one");
	if(from->known)
		mask = decline_alternatives(from, offer);
	rtp = count_rtp(offer, mask);
	for(i = 0; i < offer->media_count; i++) {
		bit = (med_media_mask_t)1 << i;
		if(!is_active(&offer->media[i]) || (mask & bit))
			continue;
		if(offer->media[i].proto == MED_SDP_OTHER && required) {
			if(!rtp)
				return refuse(offer, i, why,
						"not RTP, so it cannot be encrypted, and a leg's SRTP mode is "
						"required; send fax as G.711 over SRTP, or set the leg to "
						"optional");
			mask |= bit;
		} else if(from->known) {
			rc = check_offered_line(from, offer, i, why);
			if(rc != MED_EOK)
				return rc;
		}
	}
	*decline = mask;
	return MED_EOK;
}

/** RFC 8866 5.7: there is one, of the session or of the media. */
static int check_addresses(const med_sdp_t *sdp, med_errbuf_t *why)
{
	size_t i;

	for(i = 0; i < sdp->media_count; i++) {
		if(is_active(&sdp->media[i]) && !sdp->media[i].address.len)
			return med_fail(
					why, MED_EINVAL, "m-line %zu has no address; say it in c=", i + 1);
	}
	return MED_EOK;
}

int med_media_check_offer(
		const med_leg_policy_t *from, const med_sdp_t *offer, med_errbuf_t *why)
{
	med_media_mask_t ignored;
	int rc = check_addresses(offer, why);

	return rc == MED_EOK ? med_media_offer_lines(from, NULL, offer, &ignored, why) : rc;
}

enum med_offer_form med_media_answer_form(
		const med_leg_policy_t *from, const med_sdp_media_t *offered)
{
	if(from->known && from->srtp == MED_SRTP_NOT_SUPPORTED)
		return MED_OFFER_AVP;
	if(offered->proto == MED_SDP_DTLS)
		return MED_OFFER_DTLS;
	if(offered->proto == MED_SDP_SAVP)
		return MED_OFFER_SAVP;
	if(offered->proto != MED_SDP_AVP || !has_key(from, offered))
		return MED_OFFER_AVP;
	return from->known ? MED_OFFER_SAVP : MED_OFFER_AVP_CRYPTO;
}

static int check_answered_avp(const med_leg_policy_t *from, enum med_offer_form offered,
		const med_sdp_t *answer, size_t index, med_errbuf_t *why)
{
	bool secure = has_key(from, &answer->media[index]);

	if(offered == MED_OFFER_AVP_CRYPTO && secure)
		return MED_EOK;
	if(offered != MED_OFFER_SAVP && from->srtp != MED_SRTP_REQUIRED)
		return MED_EOK;
	if(secure)
		return refuse(answer, index, why,
				"RTP/AVP with a=crypto in answer to RTP/SAVP; answer with RTP/SAVP");
	return refuse(answer, index, why,
			"plain RTP in answer to SRTP, but the leg's SRTP mode is required; answer "
			"RTP/SAVP with a=crypto, or set the trunk to optional");
}

static int check_answered_line(const med_leg_policy_t *from, enum med_offer_form offered,
		const med_sdp_t *answer, size_t index, med_errbuf_t *why)
{
	const med_sdp_media_t *media = &answer->media[index];
	char names[NAMES_MAX];

	if(from->media.dtls && media->proto != MED_SDP_OTHER)
		return check_dtls(answer, index, "answer with", false, why);
	switch(media->proto) {
		case MED_SDP_AVP:
			return check_answered_avp(from, offered, answer, index, why);
		case MED_SDP_SAVP:
			if(offered == MED_OFFER_AVP)
				return refuse(answer, index, why,
						"RTP/SAVP in answer to RTP/AVP without a=crypto; answer RTP/AVP");
			if(!has_key(from, media))
				return refuse(answer, index, why,
						"RTP/SAVP without a usable a=crypto of %s; answer with the line "
						"that was offered",
						suite_names(from, names));
			return MED_EOK;
		case MED_SDP_DTLS:
			return refuse(answer, index, why,
					"DTLS-SRTP was not offered; answer SDES (RTP/SAVP with a=crypto)");
		default:
			if(from->srtp == MED_SRTP_REQUIRED)
				return refuse(answer, index, why,
						"not RTP, so it cannot be encrypted, and the leg's SRTP mode is "
						"required; decline it with port 0");
			return MED_EOK;
	}
}

int med_media_check_answer(const med_leg_policy_t *from, enum med_offer_form offered,
		const med_sdp_t *answer, med_errbuf_t *why)
{
	size_t i;
	int rc;

	if(!answer->media_count)
		return med_fail(
				why, MED_EINVAL, "the SDP has no m-line; answer each one offered");
	rc = check_addresses(answer, why);
	if(rc != MED_EOK)
		return rc;
	if(!from->known)
		return MED_EOK;
	for(i = 0; i < answer->media_count; i++) {
		if(!is_active(&answer->media[i]))
			continue;
		rc = check_answered_line(from, offered, answer, i, why);
		if(rc != MED_EOK)
			return rc;
	}
	return MED_EOK;
}

static int check_outgoing_dtls(const med_sdp_t *sdp, size_t index, med_errbuf_t *why)
{
	int rc = check_dtls(sdp, index, "send it", true, why);

	if(rc == MED_EOK && sdp->media[index].crypto_count)
		return refuse(
				sdp, index, why, "would show keys to a leg whose srtp_keys are dtls");
	return rc;
}

static int check_outgoing_line(
		const med_leg_policy_t *to, const med_sdp_t *sdp, size_t index, med_errbuf_t *why)
{
	const med_sdp_media_t *media = &sdp->media[index];
	char names[NAMES_MAX];

	if((to->media.dtls && media->proto != MED_SDP_OTHER)
			|| (to->media.suites == MED_SUITES_ANY && media->proto == MED_SDP_DTLS))
		return check_outgoing_dtls(sdp, index, why);
	switch(media->proto) {
		case MED_SDP_AVP:
			if(to->srtp == MED_SRTP_REQUIRED)
				return refuse(sdp, index, why,
						"would go out as RTP/AVP, but the leg's SRTP mode is required");
			if(to->srtp == MED_SRTP_NOT_SUPPORTED && media->crypto_count)
				return refuse(sdp, index, why,
						"would show keys to a leg whose SRTP mode is not_supported");
			return MED_EOK;
		case MED_SDP_SAVP:
			if(to->srtp == MED_SRTP_NOT_SUPPORTED)
				return refuse(sdp, index, why,
						"would go out as SRTP, but the leg's SRTP mode is not_supported");
			if(!has_key(to, media))
				return refuse(sdp, index, why, "would go out without a usable key of %s",
						suite_names(to, names));
			return MED_EOK;
		case MED_SDP_DTLS:
			return refuse(sdp, index, why,
					"would go out as DTLS-SRTP, but the leg's srtp_keys are sdes");
		default:
			if(to->srtp == MED_SRTP_REQUIRED)
				return refuse(sdp, index, why,
						"would go out in the clear, but the leg's SRTP mode is required");
			return MED_EOK;
	}
}

int med_media_check_outgoing(
		const med_leg_policy_t *to, const med_sdp_t *sdp, med_errbuf_t *why)
{
	size_t i;
	int rc;

	if(!to->known)
		return MED_EOK;
	for(i = 0; i < sdp->media_count; i++) {
		if(!is_active(&sdp->media[i]))
			continue;
		rc = check_outgoing_line(to, sdp, i, why);
		if(rc != MED_EOK)
			return rc;
	}
	return MED_EOK;
}
