/**
 * bandwidth.c - see bandwidth.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include <strings.h>

#include "medcore/limit.h"
#include "medcore/sdp_text.h"

/* ---- codecs ---------------------------------------------------------------------------
 */

/*
 * kbit/s: the codec's own, 28 for the headers of 50 SRTP packets a second, 5 for RTCP:
 * G.711 comes to the 97 of the spec. Where a codec has several rates, its highest usual
 * one.
 */
#define HEADERS 33
static const struct {
	const char *name;
	uint32_t kbit; /* 0: no stream of its own */
} codecs[] = {{"PCMU", 97}, {"PCMA", 97}, {"G722", 97}, {"G729", 41}, {"G729A", 41},
		{"G729D", 41}, {"G723", 34}, {"G728", 49}, {"GSM", 46}, {"GSM-EFR", 46},
		{"iLBC", 49}, {"AMR", 46}, {"AMR-WB", 57}, {"G726-16", 49}, {"G726-24", 57},
		{"G726-32", 65}, {"G726-40", 73}, {"AAL2-G726-16", 49}, {"AAL2-G726-24", 57},
		{"AAL2-G726-32", 65}, {"AAL2-G726-40", 73}, {"G7221", 81}, {"SIREN", 49},
		{"x-msrta", 62}, {"speex", 76}, {"opus", 97}, {"L16", 289},
		{"telephone-event", 0}, {"CN", 0}, {"red", 0}, {"ulpfec", 0}};

/* Payload types that need no rtpmap (RFC 3551). */
static uint32_t kbit_of_static(unsigned type)
{
	switch(type) {
		case 3:
			return 46;
		case 4:
			return 34;
		case 13:
		case 19:
			return 0;
		case 15:
			return 49;
		case 18:
			return 41;
		case 10:
		case 11:
			return 706 * 2 + HEADERS; /* L16 at 44.1 kHz */
		default:
			return MED_KBIT_UNKNOWN;
	}
}

static uint32_t kbit_of_name(med_str_t name)
{
	for(size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++) {
		if(strlen(codecs[i].name) == name.len
				&& strncasecmp(codecs[i].name, name.s, name.len) == 0)
			return codecs[i].kbit;
	}
	return MED_KBIT_UNKNOWN;
}

#define TYPE_MAX 127u
#define DYNAMIC_MIN 96u

typedef struct med_offered {
	uint32_t most;
	bool audio;
	uint64_t named[2]; /* dynamic types of this m-line whose rtpmap has not come yet */
} med_offered_t;

static void at_most(med_offered_t *offered, uint32_t kbit)
{
	if(kbit > offered->most)
		offered->most = kbit;
}

static void end_media(med_offered_t *offered)
{
	if(offered->named[0] != 0 || offered->named[1] != 0)
		at_most(offered, MED_KBIT_UNKNOWN);
	offered->named[0] = offered->named[1] = 0;
}

/* "m=audio 30000 RTP/AVP 8 101" */
static void read_media(med_offered_t *offered, med_str_t line)
{
	med_str_t word = med_text_word(&line), port = med_text_word(&line);
	uint64_t type;

	end_media(offered);
	offered->audio =
			med_str_eq(word, MED_STR("m=audio")) && !med_str_eq(port, MED_STR("0"));
	if(!offered->audio)
		return;
	(void)med_text_word(&line); /* the profile */
	while((word = med_text_word(&line)).len > 0) {
		if(!med_text_number(&word, TYPE_MAX, &type))
			continue;
		if(type < DYNAMIC_MIN)
			at_most(offered, kbit_of_static((unsigned)type));
		else
			offered->named[type / 64] |= (uint64_t)1 << type % 64;
	}
}

/* "a=rtpmap:96 opus/48000/2" */
static void read_map(med_offered_t *offered, med_str_t line)
{
	med_str_t rest = med_text_after(line, strlen("a=rtpmap:")), name;
	const char *slash;
	uint64_t type;

	if(!med_text_number(&rest, TYPE_MAX, &type)
			|| (offered->named[type / 64] >> type % 64 & 1) == 0)
		return;
	offered->named[type / 64] &= ~((uint64_t)1 << type % 64);
	name = med_text_word(&rest);
	slash = memchr(name.s, '/', name.len);
	if(slash != NULL)
		name.len = (size_t)(slash - name.s);
	at_most(offered, kbit_of_name(name));
}

uint32_t med_kbit_of_offer(const med_sdp_t *sdp)
{
	med_offered_t offered = {.most = 0};
	med_str_t rest = sdp->body, line;

	while(med_sdp_next_line(&rest, &line, NULL)) {
		if(med_text_starts(line, "m="))
			read_media(&offered, line);
		else if(offered.audio && med_text_starts(line, "a=rtpmap:"))
			read_map(&offered, line);
	}
	end_media(&offered);
	return offered.most;
}

/* ---- what is taken --------------------------------------------------------------------
 */

/* Whoever shares the limit with other nodes is told that there is too little here. */
static bool too_little(med_limit_state_t *state)
{
	(void)__atomic_fetch_or(&state->wanted, 1u << MED_LIMIT_AUDIO, __ATOMIC_RELAXED);
	return false;
}

static bool take_one(
		med_limit_state_t *state, const med_limits_t *limits, uint32_t kbit, bool always)
{
	uint32_t now = __atomic_load_n(&state->kbit, __ATOMIC_RELAXED);

	do {
		if(!always
				&& (uint64_t)now + kbit > med_limit_here(state, limits, MED_LIMIT_AUDIO))
			return too_little(state);
	} while(!__atomic_compare_exchange_n(
			&state->kbit, &now, now + kbit, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
	/* what was given to another node meanwhile is no longer ours: see med_permits_ask()
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if(always || (uint64_t)now + kbit <= med_limit_here(state, limits, MED_LIMIT_AUDIO))
		return true;
	(void)__atomic_sub_fetch(&state->kbit, kbit, __ATOMIC_RELAXED);
	return too_little(state);
}

enum med_banded med_band_take(med_limit_state_t *states,
		const med_limits_t *const *limits, size_t count, uint32_t kbit, bool emergency,
		med_band_t *band, size_t *at)
{
	enum med_banded banded = MED_BAND_LETS;
	med_band_t taken = {.kbit = (uint16_t)kbit};

	*band = (med_band_t){.kbit = 0};
	for(size_t i = 0; i < count && kbit > 0; i++) {
		bool always = limits[i] != NULL && emergency && limits[i]->emergency_exempt;

		if(limits[i] == NULL || !med_limits_band(limits[i]))
			continue;
		if(!always && kbit > limits[i]->audio_kbit_session)
			banded = MED_BAND_SESSION;
		else if(!take_one(&states[limits[i]->number], limits[i], kbit, always))
			banded = MED_BAND_TOTAL;
		if(banded != MED_BAND_LETS) {
			*at = i;
			med_band_give(states, &taken);
			return banded;
		}
		taken.number[taken.count++] = (uint16_t)limits[i]->number;
	}
	if(taken.count > 0)
		*band = taken;
	return banded;
}

void med_band_give(med_limit_state_t *states, const med_band_t *band)
{
	for(unsigned i = 0; i < band->count; i++)
		(void)__atomic_sub_fetch(
				&states[band->number[i]].kbit, band->kbit, __ATOMIC_RELAXED);
}
