/**
 * codec.c - codecs of a leg, and the formats of an m-line that are of them
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "medcore/codec.h"

#include "medcore/sdp_text.h"

const char *const med_codec_words[] = {[MED_CODEC_PCMU] = "PCMU",
		[MED_CODEC_PCMA] = "PCMA",
		[MED_CODEC_G722] = "G722",
		[MED_CODEC_G729] = "G729",
		[MED_CODEC_GSM] = "GSM",
		[MED_CODEC_OPUS] = "opus",
		[MED_CODEC_SPEEX] = "speex",
		[MED_CODEC_G723] = "G723",
		[MED_CODEC_ILBC] = "iLBC",
		[MED_CODEC_AMR] = "AMR",
		[MED_CODEC_AMR_WB] = "AMR-WB",
		[MED_CODEC_G7221] = "G7221",
		[MED_CODEC_SIREN] = "SIREN",
		[MED_CODEC_RTAUDIO] = "x-msrta",
		[MED_CODEC_L16] = "L16",
		NULL};

/** Payload types that need no rtpmap (RFC 3551). */
static med_format_t format_of(uint8_t payload)
{
	static const struct {
		uint8_t payload, codec;
	} fixed[] = {{0, MED_CODEC_PCMU}, {3, MED_CODEC_GSM}, {4, MED_CODEC_G723},
			{8, MED_CODEC_PCMA}, {9, MED_CODEC_G722}, {13, MED_FORMAT_COMFORT},
			{18, MED_CODEC_G729}};
	size_t i;

	for(i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		if(fixed[i].payload == payload)
			return (med_format_t){payload, fixed[i].codec, true};
	}
	return (med_format_t){payload, MED_FORMAT_OTHER, false};
}

/** Names of encodings do not tell upper from lower case (RFC 4855). */
static uint8_t codec_of(med_str_t name)
{
	uint8_t codec;

	for(codec = 0; codec < MED_CODEC_COUNT; codec++) {
		if(med_str_eq_nocase(name, med_str(med_codec_words[codec])))
			return codec;
	}
	if(med_str_eq_nocase(name, MED_STR("telephone-event")))
		return MED_FORMAT_EVENT;
	return med_str_eq_nocase(name, MED_STR("CN")) ? MED_FORMAT_COMFORT : MED_FORMAT_OTHER;
}

/** "96 telephone-event/8000", of a format that stands on the m-line. */
static void read_rtpmap(med_str_t value, med_formats_t *formats)
{
	uint64_t payload, rate = 0;
	med_str_t name;
	const char *slash;
	size_t i;

	if(!med_text_number(&value, 127, &payload))
		return;
	name = med_text_word(&value);
	slash = memchr(name.s, '/', name.len);
	if(slash) {
		value = med_text_after(name, (size_t)(slash + 1 - name.s));
		name.len = (size_t)(slash - name.s);
		if(!med_text_number(&value, UINT32_MAX, &rate))
			rate = 0;
	}
	for(i = 0; i < formats->count; i++) {
		if(formats->item[i].payload != payload)
			continue;
		formats->item[i].codec = codec_of(name);
		formats->item[i].narrow = rate == 8000;
	}
}

med_str_t med_sdp_section(const med_sdp_t *sdp, size_t index)
{
	const char *begin = sdp->media[index].line.s;
	const char *end = index + 1 < sdp->media_count ? sdp->media[index + 1].line.s
												   : sdp->body.s + sdp->body.len;

	return (med_str_t){begin, (size_t)(end - begin)};
}

int med_sdp_formats(
		const med_sdp_t *sdp, size_t index, med_formats_t *formats, med_errbuf_t *err)
{
	med_str_t section = med_sdp_section(sdp, index), line, word;
	uint64_t payload;

	formats->count = 0;
	if(!med_sdp_next_line(&section, &line, NULL))
		return MED_EOK;
	med_text_word(&line);
	med_text_word(&line);
	med_text_word(&line);
	while((word = med_text_word(&line)).len) {
		if(!med_text_number(&word, 127, &payload) || word.len)
			return med_fail(err, MED_EINVAL,
					"m-line %zu: a format is no payload type from 0 to 127", index + 1);
		if(formats->count == MED_SDP_MAX_FORMATS)
			return med_fail(err, MED_ELIMIT, "m-line %zu: more than %d formats",
					index + 1, MED_SDP_MAX_FORMATS);
		formats->item[formats->count++] = format_of((uint8_t)payload);
	}
	while(med_sdp_next_line(&section, &line, NULL)) {
		if(med_text_starts(line, "a=rtpmap:"))
			read_rtpmap(med_text_after(line, 9), formats);
	}
	return MED_EOK;
}
