/**
 * sdp.h - the facts of an SDP body that policy needs, without changing it
 *
 * Bounded, allocation-free, tolerant of line ends and unknown lines; every count and
 * length of hostile input is capped and the cap is an error, never a silent cut.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_SDP_H
#define MEDCORE_SDP_H

#include "medcore/crypto.h"

#define MED_SDP_MAX_MEDIA 16
#define MED_SDP_MAX_SIZE 65535
/** Transport capabilities (tcap) remembered while parsing; more are an error. */
#define MED_SDP_MAX_TCAP 16

enum med_sdp_proto {
	MED_SDP_OTHER = 0, /**< not RTP (T.38 over udptl, MSRP, ...) */
	MED_SDP_AVP,       /**< RTP/AVP, RTP/AVPF */
	MED_SDP_SAVP,      /**< RTP/SAVP, RTP/SAVPF */
	MED_SDP_DTLS,      /**< UDP/TLS/RTP/SAVP(F) */
};

/** Who begins the DTLS handshake (RFC 4145, 5763). */
enum med_sdp_setup {
	MED_SETUP_NONE = 0, /**< not said, or not in one of these words */
	MED_SETUP_ACTPASS,
	MED_SETUP_ACTIVE,
	MED_SETUP_PASSIVE,
	MED_SETUP_HOLDCONN,
};

/** From the side of who wrote it. */
enum med_sdp_direction { MED_SENDRECV = 0, MED_SENDONLY, MED_RECVONLY, MED_INACTIVE };

typedef struct med_sdp_media {
	med_str_t type; /**< "audio" */
	med_str_t proto_text;
	uint8_t proto;         /**< enum med_sdp_proto */
	uint8_t direction;     /**< enum med_sdp_direction, the session's where it has none */
	uint16_t port;         /**< 0: declined */
	uint16_t crypto_count; /**< a=crypto lines, of any suite */
	med_suites_t suites;   /**< of lines that med_crypto_read() takes */
	med_suites_t suites_no_mki; /**< of those of them without MKI */
	uint32_t
			tag[MED_SUITE_COUNT]; /**< of each suite's first one, without MKI if any is */
	bool fingerprint;             /**< one that med_fingerprint_read() takes, the
									 session's where it has none */
	uint8_t setup;                /**< enum med_sdp_setup, likewise */
	bool potential_savp;          /**< RFC 5939: a pcfg that names a tcap of RTP/SAVP */
	uint16_t pcfg;                /**< its number, and ... */
	uint16_t pcfg_tcap;           /**< ... the number of the tcap it names: for acfg */
	med_str_t address; /**< c= of the media, else of the session; may be empty */
	med_str_t line;    /**< the whole m= line without its end, for those who edit */
} med_sdp_media_t;

typedef struct med_sdp {
	med_str_t body;
	med_str_t origin_address; /**< from o= */
	size_t media_count;
	med_sdp_media_t media[MED_SDP_MAX_MEDIA];
} med_sdp_t;

/**
 * @param sdp  points into @p body
 * @return MED_EOK; MED_EINVAL or MED_ELIMIT with the line's number in @p err
 */
int med_sdp_parse(med_str_t body, med_sdp_t *sdp, med_errbuf_t *err);

/**
 * One line of an SDP body, for those who walk or edit it.
 *
 * @param rest  what is left of the body; advanced past the line
 * @param line  without its end; @p whole (NULL allowed) with it
 * @return false at the end of the body
 */
bool med_sdp_next_line(med_str_t *rest, med_str_t *line, med_str_t *whole);

/** What an a= line says of direction; -1: something else. */
int med_sdp_direction(med_str_t line);
/** 0.0.0.0 or ::, an old way to say that nothing is to be sent. */
bool med_sdp_address_is_zero(med_str_t address);

/**
 * The addresses of o= and c= lines and of ICE candidates, one after the other, for those
 * who ask whose they are.
 *
 * @param rest     what is left of the body; begin with all of it
 * @param address  without "/ttl"; empty where such a line has none
 * @return false at the end of the body
 */
bool med_sdp_next_address(med_str_t *rest, med_str_t *address);

/**
 * The one SDP of a SIP body: the body itself for application/sdp, or the only
 * application/sdp part of a multipart. What a peer could take for a second one (an SDP in
 * an inner multipart or in a body of another type, m-lines before or after the part)
 * makes the whole body unfit: only one can be checked and rewritten.
 *
 * @param content_type  value of the header, folded or not; empty: there is none
 * @return MED_EOK; MED_ENOMATCH: no SDP, and no m-line; MED_EREFUSED: more than one SDP,
 *         or m-lines outside of it; MED_EINVAL: it cannot be told
 */
int med_sdp_find(
		med_str_t content_type, med_str_t body, med_str_t *sdp, med_errbuf_t *err);

/** Does Content-Encoding or Content-Transfer-Encoding of this value leave bytes alone? */
bool med_sdp_encoding_plain(med_str_t value);

#endif
