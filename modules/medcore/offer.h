/**
 * offer.h - an offer for who sent an INVITE without one
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_OFFER_H
#define MEDCORE_OFFER_H

#include "medcore/media.h"

#define MED_OFFER_MAX 512

/**
 * Audio in the codecs of @p from, else of @p to, else PCMA and PCMU, and telephone-event.
 * Its address is nobody's, as where @p from will be is not known: so rtpengine sends no
 * packet there.
 *
 * @return bytes written; 0: they have codecs, but none that can be described without them
 */
size_t med_offer_write(const med_leg_media_t *from, const med_leg_media_t *to, bool ipv6,
		char out[MED_OFFER_MAX]);

#endif
