/**
 * offer.c - see offer.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "medcore/offer.h"

#include <stdio.h>

/** Those that mean the same without fmtp, which would be the caller's to say. */
static const struct {
	uint8_t payload;
	const char *rtpmap;
} known[MED_CODEC_MADE] = {[MED_CODEC_PCMU] = {0, "PCMU/8000"},
		[MED_CODEC_PCMA] = {8, "PCMA/8000"},
		[MED_CODEC_G722] = {9, "G722/8000"},
		[MED_CODEC_G729] = {18, "G729/8000"},
		[MED_CODEC_GSM] = {3, "GSM/8000"},
		[MED_CODEC_OPUS] = {96, "opus/48000/2"},
		[MED_CODEC_SPEEX] = {97, "speex/8000"}};

static size_t codecs_of(const med_leg_media_t *from, const med_leg_media_t *to,
		uint8_t codecs[MED_LEG_CODECS])
{
	const med_leg_media_t *whose = from->codecs ? from : to;
	size_t i, kept = 0, count = med_leg_codecs(whose, codecs);

	if(!count) {
		codecs[0] = MED_CODEC_PCMA;
		codecs[1] = MED_CODEC_PCMU;
		return 2;
	}
	for(i = 0; i < count; i++) {
		if(codecs[i] < MED_CODEC_MADE)
			codecs[kept++] = codecs[i];
	}
	return kept;
}

size_t med_offer_write(const med_leg_media_t *from, const med_leg_media_t *to, bool ipv6,
		char out[MED_OFFER_MAX])
{
	const char *nowhere = ipv6 ? "IN IP6 ::" : "IN IP4 0.0.0.0";
	uint8_t codecs[MED_LEG_CODECS];
	size_t i, len, count = codecs_of(from, to, codecs);

	if(!count)
		return 0;
	len = (size_t)snprintf(out, MED_OFFER_MAX,
			"v=0\r\no=- 1 1 %s\r\ns=-\r\nc=%s\r\nt=0 0\r\nm=audio 9 RTP/AVP", nowhere,
			nowhere);
	for(i = 0; i < count; i++)
		len += (size_t)snprintf(
				out + len, MED_OFFER_MAX - len, " %u", known[codecs[i]].payload);
	len += (size_t)snprintf(out + len, MED_OFFER_MAX - len, " 101\r\n");
	for(i = 0; i < count; i++)
		len += (size_t)snprintf(out + len, MED_OFFER_MAX - len, "a=rtpmap:%u %s\r\n",
				known[codecs[i]].payload, known[codecs[i]].rtpmap);
	return len
			+ (size_t)snprintf(out + len, MED_OFFER_MAX - len,
					"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
					"a=sendrecv\r\n");
}
