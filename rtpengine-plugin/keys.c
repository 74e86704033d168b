/**
 * keys.c - what rtpengine knows of a call's keys, so that it changes none of its own
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "keys.h"

#include <stdio.h>
#include <string.h>

static uint64_t leg_hash(med_str_t leg)
{
	static const uint8_t key[16];

	return med_siphash(key, leg.s, leg.len) | 1;
}

static size_t find(const med_keys_t *keys, med_str_t leg, size_t index, unsigned suite)
{
	uint64_t hash = leg_hash(leg);
	size_t i = 0;

	while(i < MED_KEYS_TOLD
			&& (keys->told[i].leg != hash || keys->told[i].index != index
					|| keys->told[i].suite != suite))
		i++;
	return i;
}

void med_keys_tell(med_keys_t *keys, med_str_t leg, size_t index,
		const med_sdp_media_t *media, med_suites_t suites)
{
	unsigned suite;
	size_t at;

	for(suite = 0; suite < MED_SUITE_COUNT; suite++) {
		if(!(suites >> suite & 1))
			continue;
		at = find(keys, leg, index, suite);
		if(at == MED_KEYS_TOLD)
			at = keys->next++ % MED_KEYS_TOLD;
		keys->told[at].leg = leg_hash(leg);
		keys->told[at].index = (uint8_t)index;
		keys->told[at].suite = (uint8_t)suite;
		keys->told[at].tag = media->tag[suite];
	}
}

med_tag_swap_t med_keys_swap(const med_keys_t *keys, med_str_t leg, size_t index,
		const med_sdp_media_t *media, med_suites_t suites)
{
	unsigned suite;
	size_t at;

	for(suite = 0; suite < MED_SUITE_COUNT; suite++) {
		if(!(suites >> suite & 1))
			continue;
		at = find(keys, leg, index, suite);
		if(at < MED_KEYS_TOLD && keys->told[at].tag != media->tag[suite])
			return (med_tag_swap_t){media->tag[suite], keys->told[at].tag};
	}
	return (med_tag_swap_t){0, 0};
}

/** The key of the first m-line that its suite's tag names; len 0: none. */
static med_str_t key_of(const med_sdp_t *sdp, unsigned suite)
{
	const med_sdp_media_t *media = &sdp->media[0];
	med_str_t rest = sdp->body, line;
	med_crypto_t crypto;

	while(sdp->media_count && (media->suites >> suite & 1)
			&& med_sdp_next_line(&rest, &line, NULL)) {
		if(line.len > 9 && memcmp(line.s, "a=crypto:", 9) == 0 && line.s > media->line.s
				&& med_crypto_read((med_str_t){line.s + 9, line.len - 9}, &crypto)
				&& crypto.suite == suite && crypto.tag == media->tag[suite])
			return crypto.key;
	}
	return (med_str_t){NULL, 0};
}

void med_keys_learn(med_keys_t *keys, const med_sdp_t *answer, const med_sdp_t *made)
{
	unsigned suite;

	for(suite = 0; suite < MED_SUITE_COUNT; suite++) {
		med_str_t theirs = key_of(answer, suite), ours = key_of(made, suite);

		if(!theirs.len || !ours.len)
			continue;
		if(med_str_eq(theirs, ours)) { /* it is passed on */
			if(med_str_eq(theirs, med_str(keys->theirs)))
				keys->ours[0] = '\0';
			return;
		}
		keys->suite = (uint8_t)suite;
		snprintf(keys->theirs, sizeof(keys->theirs), "%.*s", MED_STR_FMT(theirs));
		snprintf(keys->ours, sizeof(keys->ours), "%.*s", MED_STR_FMT(ours));
		return;
	}
}

med_own_key_t med_keys_own(const med_keys_t *keys, med_str_t to, const med_sdp_t *offer,
		med_tag_swap_t *swap)
{
	const med_sdp_media_t *media = &offer->media[0];
	med_own_key_t own = {.suite = keys->suite, .key = keys->ours};
	size_t at = find(keys, to, 0, keys->suite);
	unsigned suite;
	uint32_t room;

	if(!keys->ours[0] || at == MED_KEYS_TOLD || !media->tag[keys->suite]
			|| !med_str_eq(key_of(offer, keys->suite), med_str(keys->theirs)))
		return own;
	own.tag = room = keys->told[at].tag;
	for(suite = 0; suite < MED_SUITE_COUNT; suite++)
		if((media->suites >> suite & 1) && media->tag[suite] >= room)
			room = media->tag[suite];
	own.behind = media->tag[keys->suite];
	*swap = (med_tag_swap_t){own.tag, room + 1};
	return own;
}
