/**
 * leg_codec.h - which formats of an offer two legs may have
 *
 * The module asks before an offer goes to the plugin, the plugin when it plans it: both
 * agree by construction.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_LEG_CODEC_H
#define MEDCORE_LEG_CODEC_H

#include "medcore/media.h"

/** An m-line whose formats are anyone's business: audio over RTP that is not declined. */
bool med_media_is_audio(const med_sdp_media_t *media);

/** Goes on: the other leg may have it, or may have something made of it. */
bool med_legs_keep(const med_leg_media_t *from, const med_leg_media_t *to,
		const med_format_t *format);

/**
 * Is there a codec left that @p from may offer and @p to may be offered?
 *
 * @param of_to  on MED_EREFUSED: the rule is that of @p to, another leg may have another
 * @return MED_EOK; MED_EREFUSED with a text
 */
int med_legs_check_formats(const med_leg_media_t *from, const med_leg_media_t *to,
		const med_formats_t *formats, size_t index, bool *of_to, med_errbuf_t *why);

/** The same for every m-line of an offer. @return MED_EINVAL and MED_ELIMIT, too */
int med_legs_check_codecs(const med_leg_media_t *from, const med_leg_media_t *to,
		const med_sdp_t *offer, bool *of_to, med_errbuf_t *why);

#endif
