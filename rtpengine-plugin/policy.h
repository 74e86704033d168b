/**
 * policy.h - what the policy listener makes of a keyed offer or answer, and of the reply
 *
 * Pure: bytes in, bytes out, no socket, no clock. A command becomes rtpengine's own flags
 * and an edited SDP; what rtpengine answers is checked and edited on its way back.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_POLICY_H
#define MED_POLICY_H

#include "codecs.h"
#include "ng.h"

/** One m-line of an offer, as its answer needs it. Kept by value for as long as the call.
 */
typedef struct med_offer_line {
	uint8_t answer_form; /**< enum med_offer_form: how the offerer is to be answered */
	uint8_t direction;   /**< enum med_sdp_direction that the offerer asked for */
	uint16_t acfg;       /**< RFC 5939: the configuration to name, 0 for none */
	uint16_t acfg_tcap;
	med_tag_swap_t swap; /**< of the offerer's keys, on their way to rtpengine and back */
	uint32_t own_tag;    /**< of rtpengine's own key, which is the one offered; 0: none */
	uint8_t own_suite;
	uint32_t tag[MED_LEG_SUITES]; /**< of the keys the answering leg was offered, in the
								 order of its suites; 0: none */
} med_offer_line_t;

typedef struct med_offer_memo {
	uint8_t offered; /**< enum med_offer_form: what the answering leg was sent */
	uint8_t count;
	bool initial; /**< it begins the call */
	med_offer_line_t line[MED_SDP_MAX_MEDIA];
} med_offer_memo_t;

typedef struct med_legs {
	med_leg_t from; /**< the side this SDP comes from */
	med_leg_t to;   /**< the side it goes to */
} med_legs_t;

/** Room for one SDP while it is edited; one per thread. */
typedef struct med_policy_scratch {
	char sdp[MED_NG_MAX_DATAGRAM];
	med_format_plan_t formats[MED_SDP_MAX_MEDIA];
} med_policy_scratch_t;

/** The legs of a keyed command. @return MED_EOK, MED_EINVAL with a text */
int med_policy_legs(
		const med_ng_command_view_t *view, med_legs_t *legs, med_errbuf_t *why);

/**
 * The command for rtpengine, appended to @p out as one dictionary.
 *
 * @param keys  of the call; NULL where it is not known yet
 * @param memo  filled by an offer on MED_EOK (completed by its reply)
 * @return MED_EOK, MED_EREFUSED, MED_EINVAL, MED_ELIMIT with a text for `error-reason`
 */
int med_policy_offer(const med_ng_command_view_t *view, const med_legs_t *legs,
		const med_keys_t *keys, med_policy_scratch_t *scratch, med_ng_out_t *out,
		med_offer_memo_t *memo, med_errbuf_t *why);

/** As above, and @p keys take in its own; @p memo of the offer, NULL for a call we do not
 * know: by policy alone. */
int med_policy_answer(const med_ng_command_view_t *view, const med_legs_t *legs,
		const med_offer_memo_t *memo, med_keys_t *keys, med_policy_scratch_t *scratch,
		med_ng_out_t *out, med_errbuf_t *why);

/** The reply to an offer or answer that goes past rtpengine: its SDP, if the other leg
 * may be sent it. */
int med_policy_past(const med_ng_command_view_t *view, const med_legs_t *legs,
		med_ng_out_t *out, med_errbuf_t *why);

/** rtpengine's `ok` to an offer, checked against the leg it goes to. */
int med_policy_offer_reply(const med_ng_dict_t *reply, const med_legs_t *legs,
		med_policy_scratch_t *scratch, med_ng_out_t *out, med_offer_memo_t *memo,
		med_errbuf_t *why);

/** rtpengine's `ok` to an answer, checked against the leg it goes to. */
int med_policy_answer_reply(const med_ng_dict_t *reply, const med_legs_t *legs,
		const med_offer_memo_t *memo, med_policy_scratch_t *scratch, med_ng_out_t *out,
		med_errbuf_t *why);

#endif
