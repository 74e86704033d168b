/**
 * codecs.h - what the legs' codecs make of an offer
 *
 * What a leg may not use is taken out of the SDP before rtpengine sees it, which then
 * needs to know nothing of it. Only where rtpengine has to make something (another codec,
 * comfort noise, tones of digits, another payload type) is it told so by its `codec` key.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_CODECS_H
#define MED_CODECS_H

#include "leg.h"
#include "sdp_edit.h"

/** What rtpengine is told; all zero: nothing. */
typedef struct med_codec_flags {
	bool afresh;     /**< all payload types are given anew */
	bool tones;      /**< telephone-event is not passed on, tones are made of it */
	uint16_t masked; /**< bit n: enum med_codec n is not offered, but may be decoded */
	uint8_t count;
	uint8_t made[MED_CODEC_COUNT + 2]; /**< offered whatever came: enum med_codec */
} med_codec_flags_t;

/**
 * @param plan   room for the m-lines' formats, which @p edit refers to
 * @param whose  on MED_EREFUSED: the leg whose rule it is
 * @return MED_EOK; MED_EREFUSED, MED_EINVAL, MED_ELIMIT with a text
 */
int med_codecs_offer(const med_leg_t *from, const med_leg_t *to, const med_sdp_t *sdp,
		med_format_plan_t plan[MED_SDP_MAX_MEDIA], med_sdp_edit_t *edit,
		med_codec_flags_t *flags, const med_leg_t **whose, med_errbuf_t *why);

/** `codec` and `ptime` of a command. */
void med_codecs_put(
		const med_codec_flags_t *flags, const med_leg_media_t *to, med_ng_out_t *out);

/** rtpengine's SDP, put into the order of the leg it goes to. As above. */
int med_codecs_offer_reply(const med_leg_t *to, const med_sdp_t *sdp,
		med_format_plan_t plan[MED_SDP_MAX_MEDIA], med_sdp_edit_t *edit,
		med_errbuf_t *why);

#endif
