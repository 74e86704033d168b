/**
 * keys.h - what rtpengine knows of a call's keys, so that it changes none of its own
 *
 * It keeps its key for a leg only while the leg's offers have that suite under the same
 * tag, which is of one offer and its answer alone (RFC 4568 5.1): who was offered a suite
 * as 1 and itself offers it as 3 would be given another key. And it passes on the key of
 * an offer to a leg with the same suite, though that leg has had one of its own so far:
 * as the trunk of an offer of ours has (initial_offer early). Either way the roll-over
 * count goes on where the peer's begins anew (RFC 3711 3.2.3): past a wrap of the
 * sequence numbers nothing would be heard.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_KEYS_H
#define MED_KEYS_H

#include "medcore/media.h"

/** Tags of two legs with one or two m-lines; of more the first ones are forgotten. */
#define MED_KEYS_TOLD 8
#define MED_KEY_CHARS 64

typedef struct med_keys {
	struct {
		uint64_t leg; /**< hash of its tag in the dialog; 0: none */
		uint32_t tag;
		uint8_t index; /**< of the m-line */
		uint8_t suite;
	} told[MED_KEYS_TOLD];
	uint8_t next;
	/** Of the first m-line: whose packets get a key of rtpengine's on their way, ... */
	uint8_t suite;
	char theirs[MED_KEY_CHARS + 1];
	char ours[MED_KEY_CHARS + 1]; /**< ... and that one; empty: there is none */
} med_keys_t;

/** Tags to exchange for each other in an m-line; 0: none. */
typedef struct med_tag_swap {
	uint32_t one, other;
} med_tag_swap_t;

/** A key of rtpengine's that it is told behind the one that it is used for. */
typedef struct med_own_key {
	uint32_t behind; /**< the tag of that one; 0: none */
	uint32_t tag;
	uint8_t suite;
	const char *key;
} med_own_key_t;

/** @p suites of this m-line of the leg's answer are known by their tags from now on. */
void med_keys_tell(med_keys_t *keys, med_str_t leg, size_t index,
		const med_sdp_media_t *media, med_suites_t suites);

/** For an offer of the leg: so that @p suites have the tags that they are known by. */
med_tag_swap_t med_keys_swap(const med_keys_t *keys, med_str_t leg, size_t index,
		const med_sdp_media_t *media, med_suites_t suites);

/** @p answer as rtpengine was told it, and what it made of it for the other leg. */
void med_keys_learn(med_keys_t *keys, const med_sdp_t *answer, const med_sdp_t *made);

/**
 * For an offer to the leg @p to: the key that it has, should rtpengine take the offerer's
 * instead. Then @p swap makes room for its tag.
 */
med_own_key_t med_keys_own(const med_keys_t *keys, med_str_t to, const med_sdp_t *offer,
		med_tag_swap_t *swap);

#endif
