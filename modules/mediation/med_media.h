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

#endif
