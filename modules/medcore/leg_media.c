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

const char *const med_srtp_keys_words[] = {
		[MED_KEYS_SDES] = "sdes", [MED_KEYS_DTLS] = "dtls", NULL};

const char *const med_hold_words[] = {[MED_HOLD_AS_RECEIVED] = "as_received",
		[MED_HOLD_INACTIVE] = "inactive",
		[MED_HOLD_SENDONLY] = "sendonly",
		[MED_HOLD_ZERO_ADDRESS] = "zero_address",
		NULL};

const char *const med_comfort_words[] = {[MED_COMFORT_AS_RECEIVED] = "as_received",
		[MED_COMFORT_NO] = "no",
		[MED_COMFORT_YES] = "yes",
		NULL};

const char *const med_dtmf_words[] = {[MED_DTMF_AS_RECEIVED] = "as_received",
		[MED_DTMF_INBAND] = "inband",
		[MED_DTMF_INFO] = "info",
		NULL};

const char *const med_latching_words[] = {[MED_LATCHING_ONCE] = "once",
		[MED_LATCHING_OFF] = "off",
		[MED_LATCHING_ALWAYS] = "always",
		[MED_LATCHING_STRICT] = "strict",
		NULL};

size_t med_leg_codecs(const med_leg_media_t *media, uint8_t codecs[MED_LEG_CODECS])
{
	unsigned packed = media->codecs;
	size_t count = 0;

	for(; packed; packed >>= 4)
		codecs[count++] = (uint8_t)((packed & 0xf) - 1);
	return count;
}

size_t med_leg_suites(const med_leg_policy_t *leg, uint8_t suites[MED_LEG_SUITES])
{
	unsigned packed = leg->media.suites;
	size_t count = 0;

	if(packed == MED_SUITES_ANY)
		return 0;
	if(!packed) {
		suites[0] = MED_SUITE_AES_128_80;
		return 1;
	}
	for(; packed && count < MED_LEG_SUITES; packed /= MED_SUITES_BASE)
		suites[count++] = (uint8_t)(packed % MED_SUITES_BASE - 1);
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

static size_t write_codec_words(const med_leg_media_t *media, char *out, size_t size)
{
	uint8_t codecs[MED_LEG_CODECS];
	size_t i, len = 0, count = med_leg_codecs(media, codecs);

	for(i = 0; i < count; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%s",
				i ? "+" : "/codecs:", med_codec_words[codecs[i]]);
	if(media->transcode)
		len += (size_t)snprintf(out + len, size - len, "/transcode");
	if(media->comfort)
		len += (size_t)snprintf(
				out + len, size - len, "/cn:%s", med_comfort_words[media->comfort]);
	if(media->dtmf)
		len += (size_t)snprintf(
				out + len, size - len, "/dtmf:%s", med_dtmf_words[media->dtmf]);
	if(media->event_payload)
		len += (size_t)snprintf(out + len, size - len, "/event:%u",
				media->event_payload + MED_DYNAMIC_FIRST - 1u);
	if(media->packet_time)
		len += (size_t)snprintf(
				out + len, size - len, "/ptime:%u", media->packet_time * 10u);
	return len;
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
	if(media->dtls)
		len += (size_t)snprintf(out + len, MED_LEG_WORDS_MAX - len, "/dtls%s",
				media->avpf ? "/avpf" : "");
	if(media->ice)
		len += (size_t)snprintf(out + len, MED_LEG_WORDS_MAX - len, "/ice");
	if(media->lync_sdp)
		len += (size_t)snprintf(out + len, MED_LEG_WORDS_MAX - len, "/lync");
	if(media->hold)
		len += (size_t)snprintf(out + len, MED_LEG_WORDS_MAX - len, "/hold:%s",
				med_hold_words[media->hold]);
	if(media->activate)
		len += (size_t)snprintf(out + len, MED_LEG_WORDS_MAX - len, "/activate");
	if(media->dscp)
		len += (size_t)snprintf(
				out + len, MED_LEG_WORDS_MAX - len, "/dscp:%u", media->dscp + 0u);
	if(media->latching)
		len += (size_t)snprintf(out + len, MED_LEG_WORDS_MAX - len, "/latching:%s",
				med_latching_words[media->latching]);
	if(med_leg_codecs_given(media) || media->dtmf)
		len += write_codec_words(media, out + len, MED_LEG_WORDS_MAX - len);
	return len;
}

/** "80+gcm-256": places in a list of words and one, digits of @p base. 0: not so */
static unsigned read_list(
		med_str_t list, const char *const *words, unsigned most, unsigned base)
{
	unsigned packed = 0, digit = 1;
	const char *plus;
	med_str_t name;
	int word;

	while(list.len) {
		plus = memchr(list.s, '+', list.len);
		name = (med_str_t){list.s, plus ? (size_t)(plus - list.s) : list.len};
		word = med_word_find(words, name);
		if(word < 0 || !most--)
			return 0;
		packed += (unsigned)(word + 1) * digit;
		digit *= base;
		if(plus)
			name.len++;
		list = (med_str_t){list.s + name.len, list.len - name.len};
	}
	return packed;
}

static int read_suites(med_str_t list, med_leg_media_t *media)
{
	media->suites =
			read_list(list, short_suites, MED_LEG_SUITES, MED_SUITES_BASE) & 0x1fff;
	return media->suites ? MED_EOK : MED_EINVAL;
}

static int read_codecs(med_str_t list, med_leg_media_t *media)
{
	media->codecs = read_list(list, med_codec_words, MED_LEG_CODECS, 16) & 0xfffff;
	return media->codecs ? MED_EOK : MED_EINVAL;
}

/** A number and nothing else. */
static bool read_number(med_str_t text, uint64_t least, uint64_t most, uint64_t *number)
{
	return med_text_number(&text, most, number) && !text.len && *number >= least;
}

static int read_event(med_str_t text, med_leg_media_t *media)
{
	uint64_t payload;

	if(!read_number(text, MED_DYNAMIC_FIRST, 127, &payload))
		return MED_EINVAL;
	media->event_payload = (payload - MED_DYNAMIC_FIRST + 1) & 0x3f;
	return MED_EOK;
}

static int read_packet_time(med_str_t text, med_leg_media_t *media)
{
	uint64_t time;

	if(!read_number(text, 10, 60, &time) || time % 10)
		return MED_EINVAL;
	media->packet_time = (time / 10) & 7;
	return MED_EOK;
}

/** The place of a word beyond the first, which is never said. 0: not one of them */
static unsigned read_choice(const char *const *words, med_str_t word)
{
	int place = med_word_find(words, word);

	return place > 0 ? (unsigned)place : 0;
}

static int read_comfort(med_str_t word, med_leg_media_t *media)
{
	media->comfort = read_choice(med_comfort_words, word) & 3;
	return media->comfort ? MED_EOK : MED_EINVAL;
}

static int read_dtmf(med_str_t word, med_leg_media_t *media)
{
	media->dtmf = read_choice(med_dtmf_words, word) == MED_DTMF_INBAND;
	return media->dtmf ? MED_EOK : MED_EINVAL;
}

static int read_dscp(med_str_t text, med_leg_media_t *media)
{
	uint64_t dscp;

	if(!read_number(text, 1, MED_DSCP_MAX, &dscp))
		return MED_EINVAL;
	media->dscp = dscp & 0x3f;
	return MED_EOK;
}

static int read_latching(med_str_t word, med_leg_media_t *media)
{
	media->latching = read_choice(med_latching_words, word) & 3;
	return media->latching ? MED_EOK : MED_EINVAL;
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
	static const struct {
		const char *start;
		int (*read)(med_str_t rest, med_leg_media_t *media);
	} valued[] = {{"suites:", read_suites}, {"hold:", read_hold},
			{"codecs:", read_codecs}, {"cn:", read_comfort}, {"dtmf:", read_dtmf},
			{"event:", read_event}, {"ptime:", read_packet_time}, {"dscp:", read_dscp},
			{"latching:", read_latching}};
	size_t i;

	for(i = 0; i < sizeof(valued) / sizeof(valued[0]); i++) {
		if(med_text_starts(word, valued[i].start))
			return valued[i].read(med_text_after(word, strlen(valued[i].start)), media);
	}
	if(med_str_eq(word, MED_STR("dtls")))
		media->dtls = true;
	else if(med_str_eq(word, MED_STR("avpf")))
		media->avpf = true;
	else if(med_str_eq(word, MED_STR("ice")))
		media->ice = true;
	else if(med_str_eq(word, MED_STR("lync")))
		media->lync_sdp = true;
	else if(med_str_eq(word, MED_STR("activate")))
		media->activate = true;
	else if(med_str_eq(word, MED_STR("transcode")))
		media->transcode = true;
	else
		return MED_EINVAL;
	return MED_EOK;
}
