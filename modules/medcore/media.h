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

#include <string.h>

#include "medcore/codec.h"

enum med_srtp_mode {
	MED_SRTP_NOT_SUPPORTED = 0,
	MED_SRTP_OPTIONAL,
	MED_SRTP_REQUIRED,
};

enum med_hold_form {
	MED_HOLD_AS_RECEIVED,
	MED_HOLD_INACTIVE,
	MED_HOLD_SENDONLY,
	MED_HOLD_ZERO_ADDRESS,
};
/** Their words in a profile; closed by NULL. */
extern const char *const med_hold_words[];

/** What a leg hears of comfort noise (PT 13). */
enum med_comfort {
	MED_COMFORT_AS_RECEIVED,
	MED_COMFORT_NO,  /**< it is not offered any, and offers none */
	MED_COMFORT_YES, /**< it is always offered */
};
extern const char *const med_comfort_words[];

/** How digits come and go on a leg. */
enum med_dtmf {
	MED_DTMF_AS_RECEIVED,
	MED_DTMF_INBAND, /**< as tones: it is not offered telephone-event */
	MED_DTMF_INFO,   /**< refused: we send no requests of our own within a call */
};
extern const char *const med_dtmf_words[];

/** Where a leg's media is sent to: what its SDP says, or where its packets come from. */
enum med_latching {
	MED_LATCHING_ONCE,   /**< to the source of its first packets */
	MED_LATCHING_OFF,    /**< as its SDP says */
	MED_LATCHING_ALWAYS, /**< to the source of its last ones */
	MED_LATCHING_STRICT, /**< once, and what comes from elsewhere is dropped */
};
extern const char *const med_latching_words[];

/** Highest DSCP. */
#define MED_DSCP_MAX 63

/** Where the keys of SRTP come from. */
enum med_srtp_keys {
	MED_KEYS_SDES, /**< a=crypto in the SDP (RFC 4568) */
	MED_KEYS_DTLS, /**< a handshake in the media's own path (RFC 5763) */
};
extern const char *const med_srtp_keys_words[];

/** Codecs of one leg. */
#define MED_LEG_CODECS 5
/** Payload types that telephone-event may be mapped to: dynamic ones. */
#define MED_DYNAMIC_FIRST 96

/** Suites of one leg. */
#define MED_LEG_SUITES 4
/** A digit of med_leg_media_t's suites. */
#define MED_SUITES_BASE (MED_SUITE_COUNT + 1)
/** There: each will do, and DTLS too, where it is not clear which trunk's leg it is. */
#define MED_SUITES_ANY 0x1fffu

/**
 * What else a profile says of a leg's media. All zero is what a profile says that says
 * nothing; eight bytes, so that they travel with a call.
 */
typedef struct med_leg_media {
	unsigned suites : 13;   /**< enum med_suite + 1, digits of MED_SUITES_BASE, the first
							   one lowest; 0: MED_SUITE_AES_128_80 */
	unsigned dtls : 1;      /**< enum med_srtp_keys */
	unsigned ice : 1;       /**< it is offered ICE, and its own is taken up */
	unsigned avpf : 1;      /**< offered UDP/TLS/RTP/SAVPF rather than SAVP */
	unsigned lync_sdp : 1;  /**< write SDP as a Mediation Server does (spec 6.8) */
	unsigned hold : 2;      /**< enum med_hold_form: how it reads that it is held */
	unsigned activate : 1;  /**< a call that begins on hold does not seem so to it */
	unsigned early_183 : 1; /**< an 18x with SDP is a 183 to it */
	unsigned packet_time : 3; /**< in tens of milliseconds; 0: as the other side has it */
	unsigned strip_parts : 1; /**< of a multipart body it is sent the SDP alone */
	unsigned dscp : 6;        /**< of the call's media; 0: as rtpengine is set */
	unsigned interface : 1;   /**< the profile names rtpengine's interface for it */
	unsigned codecs : 20;     /**< enum med_codec + 1, four bits each, the first one
								 lowest; 0: those of the other side */
	unsigned event_payload : 6; /**< telephone-event's, above MED_DYNAMIC_FIRST - 1; 0: as
								   the other side has it */
	unsigned comfort : 2;       /**< enum med_comfort */
	unsigned dtmf : 1;          /**< enum med_dtmf, of which the last is refused */
	unsigned transcode : 1;     /**< all of its codecs are offered, whatever comes */
	unsigned latching : 2;      /**< enum med_latching */
} med_leg_media_t;

/** How a leg's media must look. Small, copied by value, survives its trunk. */
typedef struct med_leg_policy {
	uint8_t srtp;  /**< enum med_srtp_mode, already forced by transport (spec 2.2) */
	bool anchored; /**< media must go through rtpengine */
	bool known;    /**< false: a side that no trunk describes (a phone): pass as it is */
	bool bypass;   /**< anchored, but its profile lets media past us (bypass.h) */
	med_leg_media_t media;
} med_leg_policy_t;

/** The leg's suites in its order. @return how many */
size_t med_leg_suites(const med_leg_policy_t *leg, uint8_t suites[MED_LEG_SUITES]);
/** The same as a set; all where there is no policy. */
med_suites_t med_leg_suite_set(const med_leg_policy_t *leg);
/** Which of an m-line's keys a leg may use: without MKI where there is one. */
typedef struct med_leg_keys {
	med_suites_t suites; /**< none: no key is usable */
	bool no_mki;         /**< lines with an MKI are left out */
} med_leg_keys_t;
med_leg_keys_t med_leg_keys(const med_leg_policy_t *leg, const med_sdp_media_t *media);

/** The leg's codecs in its order; none: it takes those of the other side. @return how
 * many
 */
size_t med_leg_codecs(const med_leg_media_t *media, uint8_t codecs[MED_LEG_CODECS]);

/** Does the leg say anything of codecs? For most nothing is to be done. */
static inline bool med_leg_codecs_given(const med_leg_media_t *media)
{
	return media->codecs || media->event_payload || media->comfort
			|| media->dtmf == MED_DTMF_INBAND || media->packet_time;
}

/** Bytes of the name of an interface of rtpengine. */
#define MED_INTERFACE_MAX 32

/** Room for med_leg_words_write(). */
#define MED_LEG_WORDS_MAX 208

static inline bool med_leg_media_given(const med_leg_media_t *media)
{
	static const med_leg_media_t nothing;

	return memcmp(media, &nothing, sizeof(nothing)) != 0;
}

/**
 * In words behind the SRTP mode, for the plugin: "/suites:80+gcm-256/hold:inactive"; only
 * what a profile says.
 *
 * @return bytes written, without the zero behind them
 */
size_t med_leg_words_write(const med_leg_media_t *media, char out[MED_LEG_WORDS_MAX]);
/** One of them, without its slash. @return MED_EOK; MED_EINVAL: not known */
int med_leg_word_read(med_str_t word, med_leg_media_t *media);

/** SIP over TCP or UDP cannot keep a key secret: NotSupported (spec 2.2, rule 4). */
enum med_srtp_mode med_srtp_effective(enum med_srtp_mode configured, bool tls);

/** "required" | "optional" | "not_supported"; Lync's own spelling is read too. */
int med_srtp_mode_parse(med_str_t text, enum med_srtp_mode *mode);
/** "dtls", "sdes"; "none" where nothing is encrypted. */
const char *med_srtp_keys_name(const med_leg_policy_t *leg);

/** "not_supported", "optional", "required"; closed by NULL. */
extern const char *const med_srtp_mode_words[];
const char *med_srtp_mode_name(enum med_srtp_mode mode);

/** The form our offer on a leg takes, for rtpengine's flags. */
enum med_offer_form {
	MED_OFFER_AVP,        /**< RTP/AVP, no crypto */
	MED_OFFER_AVP_CRYPTO, /**< RTP/AVP + crypto (RFC 8643, Microsoft's optional form) */
	MED_OFFER_SAVP,       /**< RTP/SAVP + crypto */
	MED_OFFER_DTLS,       /**< UDP/TLS/RTP/SAVP(F) + fingerprint */
};
enum med_offer_form med_media_offer_form(const med_leg_policy_t *to);

/** What an m-line asks for, a zero address taken into account: enum med_sdp_direction. */
uint8_t med_media_direction(const med_sdp_media_t *media);
/** Does the offerer of this direction put the other side on hold? */
bool med_media_is_hold(uint8_t offered);
/** The nearest to what was answered that may be answered to that (RFC 3264 6.1). */
uint8_t med_media_answer_direction(uint8_t offered, uint8_t answered);

/** Declined m-lines of an offer: bit n is the nth m-line (MED_SDP_MAX_MEDIA fit). */
typedef uint32_t med_media_mask_t;

/**
 * May this offer, from a leg with this policy, go on?
 *
 * @param why  filled on MED_EREFUSED: leg's rule and remedy, for Warning and Reason
 * @return MED_EOK, MED_EREFUSED (answer 488), MED_EINVAL (no usable SDP: 400)
 */
int med_media_check_offer(
		const med_leg_policy_t *from, const med_sdp_t *offer, med_errbuf_t *why);

/**
 * The same, for an offer that goes on to @p to, and which of its m-lines are to be
 * declined (port 0) rather than the whole offer refused: one of two alternatives for the
 * same stream (an adjacent RTP/SAVP and RTP/AVP of one type), or a line that is not RTP
 * beside one that is, where a leg is Required.
 *
 * @param to       NULL: only what @p from says
 * @param decline  filled on MED_EOK
 */
int med_media_offer_lines(const med_leg_policy_t *from, const med_leg_policy_t *to,
		const med_sdp_t *offer, med_media_mask_t *decline, med_errbuf_t *why);

/**
 * How this m-line of an offer must be answered: spec 6.2, decision table. An AVP + crypto
 * offer is answered SAVP + crypto (Microsoft's form); baresip, which offers as RFC 8643
 * says, takes that as well.
 */
enum med_offer_form med_media_answer_form(
		const med_leg_policy_t *from, const med_sdp_media_t *offered);

/**
 * May this answer, from a leg with this policy, be accepted?
 * Crypto in an answer to an offer without any is ignored, not an error. AVP + crypto is a
 * secure answer to AVP + crypto (RFC 8643), but not to SAVP.
 *
 * @param offered  the form of the offer that this leg was sent
 */
int med_media_check_answer(const med_leg_policy_t *from, enum med_offer_form offered,
		const med_sdp_t *answer, med_errbuf_t *why);

/**
 * The gate: may these bytes be sent to a leg with this policy? Checks profile and crypto
 * or fingerprint of every m-line that is not declined (port 0).
 */
int med_media_check_outgoing(
		const med_leg_policy_t *to, const med_sdp_t *sdp, med_errbuf_t *why);

#endif
