/**
 * sdp_edit.h - the changes to an SDP that rtpengine cannot make
 *
 * Line by line, what is not named stays byte for byte. Never passed on, on any leg: k=
 * keys, Microsoft's scale keys, capabilities (RFC 5939, 6871, 7006), which speak of
 * transports and keys of one leg only, and what names the other side's addresses.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_SDP_EDIT_H
#define MED_SDP_EDIT_H

#include "keys.h"
#include "ng.h"

enum med_crypto_edit {
	MED_CRYPTO_KEEP = 0,
	MED_CRYPTO_DROP,     /**< all a=crypto lines */
	MED_CRYPTO_USABLE,   /**< keep those of @ref med_sdp_line_edit.keys */
	MED_CRYPTO_ARRANGED, /**< of those one of each suite, in the order of the leg */
};

/** The formats to write on an m-line. */
typedef struct med_format_plan {
	uint8_t count;
	uint8_t named; /**< of those behind, attributes are not written */
	uint8_t payload[MED_SDP_MAX_FORMATS + 32];
} med_format_plan_t;

typedef struct med_sdp_line_edit {
	bool decline;      /**< port 0 */
	bool zero;         /**< the address that says hold */
	bool directed;     /**< write this direction: */
	uint8_t direction; /**< enum med_sdp_direction */
	uint8_t crypto;    /**< enum med_crypto_edit */
	med_leg_keys_t keys;
	med_tag_swap_t swap;              /**< tags of a=crypto lines */
	med_own_key_t own;                /**< a=crypto to insert */
	med_str_t proto;                  /**< the transport to write; s NULL: as it is */
	const med_format_plan_t *formats; /**< NULL: as they are */
	uint8_t tcap;  /**< insert a=tcap of this number and a=pcfg: RTP/SAVP (RFC 5939) */
	uint16_t acfg; /**< insert a=acfg with this number (0: none) ... */
	uint16_t acfg_tcap; /**< ... and this transport capability */
} med_sdp_line_edit_t;

typedef struct med_sdp_edit {
	bool chosen; /**< of what speaks of ICE and DTLS this alone is left: */
	bool ice;    /**< its candidates, but for trickle, which rtpengine is not told */
	bool dtls;   /**< setup, and fingerprints that are usable */
	bool lync;   /**< as a Mediation Server writes it (spec 6.8) */
	uint8_t suite_count; /**< for MED_CRYPTO_ARRANGED */
	uint8_t suites[MED_LEG_SUITES];
	med_sdp_line_edit_t line[MED_SDP_MAX_MEDIA];
} med_sdp_edit_t;

/** Appends the edited body to @p out; @p sdp is what med_sdp_parse made of it. */
void med_sdp_write(const med_sdp_t *sdp, const med_sdp_edit_t *edit, med_ng_out_t *out);

#endif
