/**
 * leg_media.c - what a profile says of a leg's media, packed, unpacked and in words
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>

#include "medcore/media.h"
#include "medcore/sdp_text.h"

/** As med_suite_words, but short: flags of the stock rtpengine module are one line. */
static const char *const short_suites[] = {[MED_SUITE_AES_128_80] = "80",
		[MED_SUITE_AES_128_32] = "32",
		[MED_SUITE_AES_192_80] = "192-80",
		[MED_SUITE_AES_192_32] = "192-32",
		[MED_SUITE_AES_256_80] = "256-80",
		[MED_SUITE_AES_256_32] = "256-32",
		[MED_SUITE_GCM_128] = "gcm-128",
		[MED_SUITE_GCM_256] = "gcm-256",
		NULL};

const char *const med_hold_words[] = {[MED_HOLD_AS_RECEIVED] = "as_received",
		[MED_HOLD_INACTIVE] = "inactive",
		[MED_HOLD_SENDONLY] = "sendonly",
		[MED_HOLD_ZERO_ADDRESS] = "zero_address",
		NULL};

size_t med_leg_suites(const med_leg_policy_t *leg, uint8_t suites[MED_LEG_SUITES])
{
	unsigned packed = leg->media.suites;
	size_t count = 0;

	if(!packed) {
		suites[0] = MED_SUITE_AES_128_80;
		return 1;
	}
	for(; packed && (packed & 0xf) <= MED_SUITE_COUNT; packed >>= 4)
		suites[count++] = (uint8_t)((packed & 0xf) - 1);
	return count;
}

med_suites_t med_leg_suite_set(const med_leg_policy_t *leg)
{
	uint8_t suites[MED_LEG_SUITES];
	med_suites_t set = 0;
	size_t count;

	if(!leg->known || leg->media.suites == MED_SUITES_ANY)
		return MED_SUITES_ALL;
	count = med_leg_suites(leg, suites);
	while(count)
		set |= (med_suites_t)(1u << suites[--count]);
	return set;
}

med_leg_keys_t med_leg_keys(const med_leg_policy_t *leg, const med_sdp_media_t *media)
{
	med_suites_t set = med_leg_suite_set(leg);

	if(media->suites_no_mki & set)
		return (med_leg_keys_t){media->suites_no_mki & set, true};
	return (med_leg_keys_t){media->suites & set, false};
}

size_t med_leg_words_write(const med_leg_media_t *media, char out[MED_LEG_WORDS_MAX])
{
	med_leg_policy_t leg = {.media = *media};
	uint8_t suites[MED_LEG_SUITES];
	size_t i, count, len = 0;

	out[0] = '\0';
	if(media->suites) {
		count = med_leg_suites(&leg, suites);
		for(i = 0; i < count; i++)
			len += (size_t)snprintf(out + len, MED_LEG_WORDS_MAX - len, "%s%s",
					i ? "+" : "/suites:", short_suites[suites[i]]);
	}
	if(media->lync_sdp)
		len += (size_t)snprintf(out + len, MED_LEG_WORDS_MAX - len, "/lync");
	if(media->hold)
		len += (size_t)snprintf(out + len, MED_LEG_WORDS_MAX - len, "/hold:%s",
				med_hold_words[media->hold]);
	if(media->activate)
		len += (size_t)snprintf(out + len, MED_LEG_WORDS_MAX - len, "/activate");
	return len;
}

/** "80+gcm-256" */
static int read_suites(med_str_t list, med_leg_media_t *media)
{
	unsigned packed = 0, shift = 0;
	const char *plus;
	med_str_t name;
	int suite;

	while(list.len) {
		plus = memchr(list.s, '+', list.len);
		name = (med_str_t){list.s, plus ? (size_t)(plus - list.s) : list.len};
		suite = med_word_find(short_suites, name);
		if(suite < 0 || shift == 4 * MED_LEG_SUITES)
			return MED_EINVAL;
		packed |= (unsigned)(suite + 1) << shift;
		shift += 4;
		if(plus)
			name.len++;
		list = (med_str_t){list.s + name.len, list.len - name.len};
	}
	media->suites = packed & 0xffff;
	return packed ? MED_EOK : MED_EINVAL;
}

static int read_hold(med_str_t form, med_leg_media_t *media)
{
	int hold = med_word_find(med_hold_words, form);

	if(hold < 0)
		return MED_EINVAL;
	media->hold = (unsigned)hold & 3;
	return MED_EOK;
}

int med_leg_word_read(med_str_t word, med_leg_media_t *media)
{
	if(med_text_starts(word, "suites:"))
		return read_suites(med_text_after(word, 7), media);
	if(med_text_starts(word, "hold:"))
		return read_hold(med_text_after(word, 5), media);
	if(med_str_eq(word, MED_STR("lync")))
		media->lync_sdp = true;
	else if(med_str_eq(word, MED_STR("activate")))
		media->activate = true;
	else
		return MED_EINVAL;
	return MED_EOK;
}
