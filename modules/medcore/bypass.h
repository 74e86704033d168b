/**
 * bypass.h - may the media of a call go past us, from one peer to the other?
 * (spec 6.4, 6.5)
 *
 * Asked of each offer: of the place its media comes from, which the SDP tells, and of the
 * place it would go to, which is known beforehand (concentrated_topology): what cannot be
 * known before it rings is not bypassed. Pure; any process, any snapshot.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_BYPASS_H
#define MEDCORE_BYPASS_H

#include "medcore/config.h"

enum med_bypass {
	MED_BYPASS_UNASKED = 0, /**< no leg is anchored */
	/* past us: */
	MED_BYPASS_EVERYWHERE, /**< bypass_mode always */
	MED_BYPASS_HAIRPIN,    /**< both gateways have one alternate_by_pass_id */
	MED_BYPASS_SAME_ID,    /**< both places have one bypass id */
	/* through us: */
	MED_BYPASS_NO_MODE,      /**< bypass_mode never */
	MED_BYPASS_NO_PROFILE,   /**< a trunk's profile has not enable_bypass */
	MED_BYPASS_NO_SRTP,      /**< one leg has keys, the other must not */
	MED_BYPASS_NO_FORM,      /**< the other leg may not be sent this offer as it is */
	MED_BYPASS_NO_FAMILY,    /**< IPv4 here, IPv6 there */
	MED_BYPASS_NO_PLACE,     /**< an end is at no site, or at an unknown place */
	MED_BYPASS_NO_COMMON_ID, /**< the places have different bypass ids */
};

static inline bool med_bypass_yes(enum med_bypass bypass)
{
	return bypass >= MED_BYPASS_EVERYWHERE && bypass <= MED_BYPASS_SAME_ID;
}
/** "same_id", "no_place"; what goes through us begins with "no_". "": MED_BYPASS_UNASKED
 */
const char *med_bypass_word(enum med_bypass bypass);

/** One end of a call. */
typedef struct med_bypass_end {
	const med_trunk_t *trunk; /**< NULL: one of our own users, or a trunk that is gone */
	const med_leg_policy_t *leg; /**< as admitted */
	const med_sdp_t *sdp;        /**< its offer; NULL: it has made none */
	const med_ip_t *at;          /**< where its signalling is; NULL: as the trunk says */
	med_str_t site;              /**< of a user of whom no more is known */
	bool in_the_clear;           /**< a user whose SIP is read by others, keys as well */
} med_bypass_end_t;

/**
 * @param up   the call is up, and was bypassed: modes and profiles are not asked again
 * @param why  a sentence, filled unless the answer is MED_BYPASS_UNASKED
 */
enum med_bypass med_bypass(const med_snapshot_t *snapshot, const med_bypass_end_t *from,
		const med_bypass_end_t *to, bool up, med_errbuf_t *why);

#endif
