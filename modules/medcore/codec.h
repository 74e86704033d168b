/**
 * codec.h - codecs of a leg, and the formats of an m-line that are of them
 *
 * Pure, bounded, allocation-free, as sdp.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_CODEC_H
#define MEDCORE_CODEC_H

#include "medcore/sdp.h"

/** Codecs that a profile can name. Those up to MED_CODEC_MADE rtpengine can make. */
enum med_codec {
	MED_CODEC_PCMU,
	MED_CODEC_PCMA,
	MED_CODEC_G722,
	MED_CODEC_G729,
	MED_CODEC_GSM,
	MED_CODEC_OPUS,
	MED_CODEC_SPEEX,
	MED_CODEC_MADE,
	MED_CODEC_G723 = MED_CODEC_MADE,
	MED_CODEC_ILBC,
	MED_CODEC_AMR,
	MED_CODEC_AMR_WB,
	MED_CODEC_G7221,
	MED_CODEC_SIREN,
	MED_CODEC_RTAUDIO,
	MED_CODEC_L16,
	MED_CODEC_COUNT,
	/** What else stands on an m-line. */
	MED_FORMAT_EVENT = MED_CODEC_COUNT, /**< telephone-event */
	MED_FORMAT_COMFORT,                 /**< comfort noise */
	MED_FORMAT_OTHER,
};

/** Their names in rtpmap lines; closed by NULL. */
extern const char *const med_codec_words[];

/** Formats of one m-line; more are an error. */
#define MED_SDP_MAX_FORMATS 48

typedef struct med_format {
	uint8_t payload;
	uint8_t codec; /**< enum med_codec */
	bool narrow;   /**< its clock is 8000 Hz */
} med_format_t;

typedef struct med_formats {
	size_t count;
	med_format_t item[MED_SDP_MAX_FORMATS];
} med_formats_t;

/** The m-line and what follows it, up to the next one. */
med_str_t med_sdp_section(const med_sdp_t *sdp, size_t index);

/**
 * The formats of an RTP m-line, in its order.
 *
 * @return MED_EOK; MED_EINVAL: one is no payload type; MED_ELIMIT: too many
 */
int med_sdp_formats(
		const med_sdp_t *sdp, size_t index, med_formats_t *formats, med_errbuf_t *err);

#endif
