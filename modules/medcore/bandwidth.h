/**
 * bandwidth.h - what the audio of calls may take of the links of trunks and sites
 *
 * Admission by figures, not by measuring (spec 5.12): a call takes what the largest codec
 * of its offer may, as any of them may be chosen, until it is over. What is taken is kept
 * in the states of limit.h, and is of the node's share of a limit as calls are.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_BANDWIDTH_H
#define MEDCORE_BANDWIDTH_H

#include "medcore/model.h"
#include "medcore/sdp.h"

/** Of a call whose offer is not known yet: G.711, which all have. */
#define MED_KBIT_UNKNOWN 97u

/**
 * kbit/s one way, with the headers of SRTP, UDP and IP and with RTCP, as the spec has
 * them: of the audio codec that takes most at 20 ms a packet. 0: there is no audio.
 */
uint32_t med_kbit_of_offer(const med_sdp_t *sdp);

/** Of one side of a call: its trunk's three, and the link to the other side's site. */
#define MED_BAND_LIMITS (MED_LIMITS_OF_TRUNK + 1)

/** What one side of a call takes; all zero: nothing. */
typedef struct med_band {
	uint16_t kbit;
	uint16_t count;
	uint16_t number[MED_BAND_LIMITS]; /**< of limits objects */
} med_band_t;

struct med_limit_state;

enum med_banded { MED_BAND_LETS, MED_BAND_TOTAL, MED_BAND_SESSION };

static inline bool med_limits_band(const med_limits_t *limits)
{
	return limits->audio_kbit != UINT32_MAX || limits->audio_kbit_session != UINT32_MAX;
}

/**
 * Takes it of those of these limits that bound audio, or of none: then *at is the one in
 * the way.
 *
 * @param states     by number
 * @param limits     at most MED_BAND_LIMITS; NULLs are left out
 * @param emergency  limits that exempt such calls only count it
 */
enum med_banded med_band_take(struct med_limit_state *states,
		const med_limits_t *const *limits, size_t count, uint32_t kbit, bool emergency,
		med_band_t *band, size_t *at);
void med_band_give(struct med_limit_state *states, const med_band_t *band);

#endif
