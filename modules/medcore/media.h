/**
 * media.h - what a leg's policy makes of an offer or an answer
 *
 * Pure decisions (spec 6.2, design 4 and 5). The Kamailio module uses them for its gate,
 * the plugin to make rtpengine's flags; both therefore agree by construction.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_MEDIA_H
#define MEDCORE_MEDIA_H

#include "medcore/common.h"
#include "medcore/sdp.h"

enum med_srtp_mode {
	MED_SRTP_NOT_SUPPORTED = 0,
	MED_SRTP_OPTIONAL,
	MED_SRTP_REQUIRED,
};

/** How a leg's media must look. Small, copied by value, survives its trunk. */
typedef struct med_leg_policy {
	uint8_t srtp;	/**< enum med_srtp_mode, already forced by transport (spec 2.2) */
	bool anchored;	/**< media must go through rtpengine */
	bool known;		/**< false: a side that no trunk describes (a phone): pass as it is */
} med_leg_policy_t;

/** SIP over TCP or UDP cannot keep a key secret: NotSupported (spec 2.2, rule 4). */
enum med_srtp_mode med_srtp_effective(enum med_srtp_mode configured, bool tls);

/** "required" | "optional" | "not_supported"; Lync's own spelling is read too. */
int med_srtp_mode_parse(med_str_t text, enum med_srtp_mode *mode);
const char *med_srtp_mode_name(enum med_srtp_mode mode);

/** The form our offer on a leg takes, for rtpengine's flags. */
enum med_offer_form {
	MED_OFFER_AVP,		  /**< RTP/AVP, no crypto */
	MED_OFFER_AVP_CRYPTO, /**< RTP/AVP + crypto (RFC 8643, Microsoft's optional form) */
	MED_OFFER_SAVP,		  /**< RTP/SAVP + crypto */
};
enum med_offer_form med_media_offer_form(const med_leg_policy_t *to);

/**
 * May this offer, from a leg with this policy, go on?
 *
 * @param why  filled on MED_EREFUSED: leg's rule and remedy, for Warning and Reason
 * @return MED_EOK, MED_EREFUSED (answer 488), MED_EINVAL (no usable SDP: 400)
 */
int med_media_check_offer(const med_leg_policy_t *from, const med_sdp_t *offer,
		med_errbuf_t *why);

/** How the answer to this offer must be written: spec 6.2, decision table. */
enum med_offer_form med_media_answer_form(const med_leg_policy_t *from,
		const med_sdp_t *offer);

/**
 * May this answer, from a leg with this policy, be accepted?
 * Crypto in an answer to an offer without any is ignored, not an error.
 *
 * @param offered  the form of the offer that this leg was sent
 */
int med_media_check_answer(const med_leg_policy_t *from, enum med_offer_form offered,
		const med_sdp_t *answer, med_errbuf_t *why);

/**
 * The gate: may these bytes be sent to a leg with this policy? Checks profile and crypto
 * of every m-line that is not declined (port 0).
 */
int med_media_check_outgoing(const med_leg_policy_t *to, const med_sdp_t *sdp,
		med_errbuf_t *why);

#endif
