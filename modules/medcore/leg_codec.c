/**
 * leg_codec.c - which formats of an offer two legs may have
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "medcore/leg_codec.h"

#include <stdio.h>

#define NAMES_MAX 64 /* MED_LEG_CODECS names, and what is between them */

bool med_media_is_audio(const med_sdp_media_t *media)
{
	return media->port && media->proto != MED_SDP_OTHER
			&& med_str_eq_nocase(media->type, MED_STR("audio"));
}

static bool is_allowed(const med_leg_media_t *leg, const med_format_t *format)
{
	uint8_t codecs[MED_LEG_CODECS];
	size_t i, count;

	if(format->codec == MED_FORMAT_EVENT)
		return true;
	if(format->codec == MED_FORMAT_COMFORT)
		return leg->comfort != MED_COMFORT_NO;
	count = med_leg_codecs(leg, codecs);
	for(i = 0; i < count; i++) {
		if(codecs[i] == format->codec)
			return true;
	}
	return !count;
}

bool med_legs_keep(const med_leg_media_t *from, const med_leg_media_t *to,
		const med_format_t *format)
{
	if(!is_allowed(from, format)
			|| (format->codec == MED_FORMAT_EVENT && from->dtmf == MED_DTMF_INBAND))
		return false;
	return is_allowed(to, format) || (to->transcode && format->codec < MED_CODEC_MADE);
}

static int refuse(const med_leg_media_t *leg, size_t index, bool of_to, med_errbuf_t *why)
{
	uint8_t codecs[MED_LEG_CODECS];
	size_t i, len = 0, count = med_leg_codecs(leg, codecs);
	char names[NAMES_MAX] = "";

	for(i = 0; i < count; i++)
		len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", i ? ", " : "",
				med_codec_words[codecs[i]]);
	return med_fail(why, MED_EREFUSED,
			"m-line %zu: none of the codecs offered is one of the leg's (%s); %s",
			index + 1, names, of_to ? "add one, or transcode yes" : "offer one of those");
}

static bool is_codec(const med_format_t *format)
{
	return format->codec != MED_FORMAT_EVENT && format->codec != MED_FORMAT_COMFORT;
}

int med_legs_check_formats(const med_leg_media_t *from, const med_leg_media_t *to,
		const med_formats_t *formats, size_t index, bool *of_to, med_errbuf_t *why)
{
	bool offered = false;
	size_t i;

	*of_to = false;
	for(i = 0; i < formats->count; i++) {
		if(!is_codec(&formats->item[i]) || !is_allowed(from, &formats->item[i]))
			continue;
		if(med_legs_keep(from, to, &formats->item[i]))
			return MED_EOK;
		offered = true;
	}
	if(!from->codecs && !to->codecs)
		return MED_EOK; /* whatever it is, nobody has rules for it */
	*of_to = offered || !from->codecs;
	return refuse(*of_to ? to : from, index, *of_to, why);
}

int med_legs_check_codecs(const med_leg_media_t *from, const med_leg_media_t *to,
		const med_sdp_t *offer, bool *of_to, med_errbuf_t *why)
{
	med_formats_t formats;
	int rc = MED_EOK;
	size_t i;

	*of_to = false;
	for(i = 0; i < offer->media_count && rc == MED_EOK; i++) {
		if(!med_media_is_audio(&offer->media[i]))
			continue;
		rc = med_sdp_formats(offer, i, &formats, why);
		if(rc == MED_EOK)
			rc = med_legs_check_formats(from, to, &formats, i, of_to, why);
	}
	return rc;
}
