/**
 * t_bandwidth.c - what an offer's audio may take, and what links have left
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core_test.h"

#include "medcore/limit.h"
#include "medcore/record.h"

#define HEAD "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"

static uint32_t kbit_of(const char *media)
{
	char text[2048];
	med_errbuf_t why = {""};
	med_sdp_t sdp;

	(void)snprintf(text, sizeof(text), HEAD "%s", media);
	ck_assert_msg(med_sdp_parse(med_str(text), &sdp, &why) == MED_EOK, "%s", why.text);
	return med_kbit_of_offer(&sdp);
}

START_TEST(figures)
{
	static const struct {
		const char *media;
		uint32_t kbit;
	} cases[] = {
			{"m=audio 30000 RTP/AVP 8\r\n", 97},
			{"m=audio 30000 RTP/AVP 0 8 13 101\r\na=rtpmap:101 telephone-event/8000\r\n",
					97},
			{"m=audio 30000 RTP/AVP 18 101\r\na=rtpmap:101 telephone-event/8000\r\n", 41},
			{"m=audio 30000 RTP/AVP 18 8\r\n", 97},
			{"m=audio 30000 RTP/SAVP 4 13\r\n", 34},
			{"m=audio 30000 RTP/AVP 96\r\na=rtpmap:96 AMR-WB/16000\r\n", 57},
			{"m=audio 30000 RTP/AVP 96\r\na=rtpmap:96 amr/8000/1\r\n", 46},
			{"m=audio 30000 RTP/AVP 96 3\r\na=rtpmap:96 iLBC/8000\r\n", 49},
			/* what nobody knows, and a dynamic type that nobody names */
			{"m=audio 30000 RTP/AVP 96\r\na=rtpmap:96 secret/8000\r\n", 97},
			{"m=audio 30000 RTP/AVP 96 18\r\n", 97},
			{"m=audio 30000 RTP/AVP 25\r\n", 97},
			{"m=audio 30000 RTP/AVP 10\r\n", 1445},
			/* a type is named for its own m-line, and static ones need no name */
			{"m=audio 30000 RTP/AVP 18\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:96 "
			 "opus/48000/2\r\n",
					41},
			{"m=audio 30000 RTP/AVP 18\r\na=rtpmap:18 PCMA/8000\r\n", 41},
			{"m=audio 0 RTP/AVP 8\r\nm=audio 30000 RTP/AVP 18\r\n", 41},
			{"m=audio 30000 RTP/SAVP 18\r\nm=audio 30002 RTP/AVP 18 8\r\n", 97},
			{"m=video 30000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n", 0},
			{"m=image 30000 udptl t38\r\n", 0},
			{"m=audio 30000 RTP/AVP 101\r\na=rtpmap:101 telephone-event/8000\r\n", 0},
			{"m=audio 30000 RTP/AVP 999 x 18 \r\na=rtpmap:\r\na=rtpmap:x "
			 "y\r\na=rtpmap:96\r\n",
					41},
			{"", 0},
	};

	for(size_t i = 0; i < COUNT(cases); i++)
		ck_assert_msg(kbit_of(cases[i].media) == cases[i].kbit, "%s: %u, not %u",
				cases[i].media, kbit_of(cases[i].media), cases[i].kbit);
}
END_TEST

static med_limits_t band_of(uint32_t number, uint32_t total, uint32_t session)
{
	return (med_limits_t){.number = number,
			.audio_kbit = total,
			.audio_kbit_session = session,
			.emergency_exempt = true};
}

START_TEST(all_or_nothing)
{
	med_limit_state_t states[4] = {{0}};
	const med_limits_t own = band_of(0, 300, MED_UNSET), site = band_of(1, 200, 100),
					   calls = band_of(2, MED_UNSET, MED_UNSET),
					   link = band_of(3, 100, 97);
	const med_limits_t *limits[] = {&own, &site, &calls, NULL};
	med_band_t first, second, third;
	size_t at = 9;

	ck_assert_int_eq(
			med_band_take(states, limits, 4, 97, false, &first, &at), MED_BAND_LETS);
	ck_assert_uint_eq(first.count, 2); /* not of what has no such limits */
	ck_assert_int_eq(
			med_band_take(states, limits, 4, 97, false, &second, &at), MED_BAND_LETS);
	ck_assert_uint_eq(states[0].kbit, 194);
	ck_assert_uint_eq(states[1].kbit, 194);
	ck_assert_uint_eq(states[2].kbit, 0);
	ck_assert_int_eq(
			med_band_take(states, limits, 4, 97, false, &third, &at), MED_BAND_TOTAL);
	ck_assert_uint_eq(at, 1);
	ck_assert_uint_eq(states[0].kbit, 194); /* what was taken before is given back */
	ck_assert_uint_eq(third.kbit, 0);
	ck_assert_int_eq(
			med_band_take(states, limits, 4, 101, false, &third, &at), MED_BAND_SESSION);
	/* six are left */
	ck_assert_int_eq(
			med_band_take(states, limits, 4, 6, false, &third, &at), MED_BAND_LETS);
	med_band_give(states, &third);
	/* an emergency is counted, and no more than that */
	ck_assert_int_eq(
			med_band_take(states, limits, 4, 150, true, &third, &at), MED_BAND_LETS);
	ck_assert_uint_eq(states[1].kbit, 344);
	med_band_give(states, &third);
	med_band_give(states, &first);
	med_band_give(states, &second);
	/* a link comes last */
	limits[3] = &link;
	ck_assert_int_eq(
			med_band_take(states, limits, 4, 97, false, &first, &at), MED_BAND_LETS);
	ck_assert_int_eq(
			med_band_take(states, limits, 4, 41, false, &second, &at), MED_BAND_TOTAL);
	ck_assert_uint_eq(at, 3);
	med_band_give(states, &first);
	/* no audio takes nothing, whatever the limits */
	ck_assert_int_eq(
			med_band_take(states, limits, 4, 0, false, &first, &at), MED_BAND_LETS);
	ck_assert_uint_eq(first.count, 0);
	for(size_t i = 0; i < COUNT(states); i++)
		ck_assert_uint_eq(states[i].kbit, 0);
}
END_TEST

START_TEST(goes_with_the_call)
{
	static med_limit_state_t states[4];
	med_leases_t *leases = malloc(med_leases_size(64));
	const med_limits_t in = band_of(1, 1000, MED_UNSET),
					   out = band_of(2, 1000, MED_UNSET);
	const med_limits_t *limits[] = {&in, &out};
	med_limit_numbers_t none = med_limit_numbers(NULL, 0);
	med_lease_id_t id;
	med_band_t band;
	size_t at;

	ck_assert_ptr_nonnull(leases);
	med_leases_begin(leases, 64, states);
	id = med_lease_begin(leases, 7, MED_WAY_IN, &none, 100);
	ck_assert(id != 0);
	med_band_take(states, limits, 1, 97, false, &band, &at);
	ck_assert(med_lease_band(leases, id, MED_WAY_IN, &band));
	med_band_take(states, limits + 1, 1, 97, false, &band, &at);
	ck_assert(med_lease_band(leases, id, MED_WAY_OUT, &band));
	/* the next trunk: what the last one took is given back */
	ck_assert(med_lease_band(leases, id, MED_WAY_OUT, NULL));
	ck_assert_uint_eq(states[2].kbit, 0);
	med_band_take(states, limits + 1, 1, 97, false, &band, &at);
	ck_assert(med_lease_band(leases, id, MED_WAY_OUT, &band));
	ck_assert(med_lease_end(leases, med_lease_ending(leases, 7, 1)));
	ck_assert_uint_eq(states[1].kbit + states[2].kbit, 0);
	ck_assert(!med_lease_band(leases, id, MED_WAY_OUT, &band)); /* it is over */
	/* one whose end is never told */
	id = med_lease_begin(leases, 8, MED_WAY_IN, &none, 100);
	med_band_take(states, limits, 1, 97, false, &band, &at);
	ck_assert(med_lease_band(leases, id, MED_WAY_IN, &band));
	ck_assert_uint_eq(med_leases_sweep(leases, 100), 1);
	ck_assert_uint_eq(states[1].kbit, 0);
	free(leases);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {figures, all_or_nothing, goes_with_the_call};

	return core_run("bandwidth", tests, COUNT(tests));
}
