/**
 * med_media.h - a message's SDP through rtpengine, or not at all
 *
 * Wraps the stock rtpengine module. What the stock -1 mixes up is told apart: nothing to
 * do, refused by policy, no answer from rtpengine or no policy listener.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_MEDIA_H
#define MED_MEDIA_H

#include "med_call.h"

/** Flags of one command: two ids, and what their profiles say. */
#define MED_MEDIA_FLAGS_MAX (256 + 2 * (MED_LEG_WORDS_MAX + 11 + MED_INTERFACE_MAX) + 128)

enum med_media_result {
	MED_MEDIA_DONE = 1,
	MED_MEDIA_NOTHING = 2,    /**< no SDP, or a call whose media we leave alone */
	MED_MEDIA_FAILED = -1,    /**< internal; logged */
	MED_MEDIA_REFUSED = -2,   /**< policy; reason is set */
	MED_MEDIA_NO_ANSWER = -3, /**< rtpengine or its policy listener is away; 503 is set */
	MED_MEDIA_NOT_HERE =
			-4, /**< refused by a rule of the candidate; another's may differ */
};

/** In mod_init: binds to the rtpengine module where it is loaded. */
int med_media_init(void);

/** In child_init, once: warns where the client may hold a call longer than design 5 says.
 */
void med_media_check_client(void);

/** The script function; in branch, reply and failure routes, in request route for ACK and
 * BYE. */
int med_media(sip_msg_t *msg);

/** Has this INVITE an offer, readable or not? */
bool med_media_offers(sip_msg_t *msg);

/** Neither anchored nor bound to SRTP: such a call's SDP is not even looked at. */
bool med_media_free(const med_call_t *call);

/** Forget the media of the current candidate (its branch), or of the whole call. */
void med_media_forget(sip_msg_t *msg, med_call_t *call, bool whole);

/** `$med(media)`: flags for those who call the stock functions themselves. Never empty.
 */
med_str_t med_media_flags(sip_msg_t *msg, char *buffer, size_t size);

/** The SDP in a message's body; MED_ENOMATCH: none; MED_EREFUSED: not the
 * only one; else not readable. */
int med_media_sdp(sip_msg_t *msg, med_sdp_t *sdp, med_errbuf_t *why);

/* ---- what med_offer.h is made of -----------------------------------------------------
 */

/** Does this SDP pass the policy of the side it comes from? */
int med_media_check(
		sip_msg_t *msg, bool offer, const med_side_t *from, const med_sdp_t *sdp);
/**
 * Is a codec left that both legs may have? What only the leg it goes to forbids, another
 * candidate may take.
 */
int med_media_check_codecs(sip_msg_t *msg, const med_side_t *from, const med_side_t *to,
		const med_sdp_t *sdp);
/** @param past  only if rtpengine has this call; else the SDP comes back as it is */
int med_media_send(sip_msg_t *msg, med_call_t *call, bool offer, bool past,
		const med_side_t *from, const med_side_t *to, const med_sdp_t *sdp);
/** The SDP of this message as an offer or as an answer; nothing is refused here yet. */
int med_media_pass(sip_msg_t *msg, med_call_t *call, bool offer);
/** These bytes of the message are not sent; @p instead is, where there is any. */
bool med_media_replace(sip_msg_t *msg, const char *from, size_t len, med_str_t instead);

bool med_has_body(sip_msg_t *msg);
/** The first header of that name; NULL: there is none. */
struct hdr_field *med_header_named(const sip_msg_t *msg, const char *name);
/** CSeq of the INVITE that a PRACK is for; of len 0: there is none. */
str med_rack_cseq(const sip_msg_t *prack);

#endif
