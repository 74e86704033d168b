/**
 * t_offer.c - an offer for who sent an INVITE without one
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core_test.h"

#include "medcore/codec.h"
#include "medcore/offer.h"

#define CODECS(first, second) (((first) + 1u) | ((second) + 1u) << 4)

START_TEST(which_codecs)
{
	static const struct {
		unsigned from, to;
		const char
				*line; /**< of the m-line, behind the protocol; "": nothing is offered */
	} row[] = {{0, 0, "8 0 101"}, {CODECS(MED_CODEC_G722, MED_CODEC_PCMA), 0, "9 8 101"},
			{0, CODECS(MED_CODEC_G729, MED_CODEC_PCMU), "18 0 101"},
			{CODECS(MED_CODEC_PCMU, MED_CODEC_GSM),
					CODECS(MED_CODEC_PCMA, MED_CODEC_G722), "0 3 101"},
			{CODECS(MED_CODEC_OPUS, MED_CODEC_SPEEX), 0, "96 97 101"},
			/* their parameters are the caller's to say */
			{CODECS(MED_CODEC_AMR_WB, MED_CODEC_PCMA), 0, "8 101"},
			{CODECS(MED_CODEC_AMR, MED_CODEC_ILBC),
					CODECS(MED_CODEC_PCMA, MED_CODEC_PCMU), ""}};

	for(size_t i = 0; i < COUNT(row); i++) {
		med_leg_media_t from = {.codecs = row[i].from & 0xfffff};
		med_leg_media_t to = {.codecs = row[i].to & 0xfffff};
		char out[MED_OFFER_MAX], line[64] = "";
		size_t len = med_offer_write(&from, &to, false, out);
		med_sdp_t sdp;

		ck_assert_int_eq(len == 0, row[i].line[0] == 0);
		if(len == 0)
			continue;
		ck_assert_int_eq(med_sdp_parse((med_str_t){out, len}, &sdp, NULL), MED_EOK);
		ck_assert_uint_eq(sdp.media_count, 1);
		ck_assert_int_eq(sdp.media[0].proto, MED_SDP_AVP);
		snprintf(line, sizeof line, "%.*s", MED_STR_FMT(sdp.media[0].line));
		ck_assert_str_eq(line + strlen("m=audio 9 RTP/AVP "), row[i].line);
	}
}
END_TEST

/* Each has the name that we would read of a peer, and nobody's address. */
START_TEST(as_it_is_read)
{
	med_leg_media_t nothing = {0};

	for(unsigned codec = 0; codec < MED_CODEC_MADE; codec++) {
		med_leg_media_t leg = {.codecs = (codec + 1u) & 0xfffff};
		char out[MED_OFFER_MAX];
		bool ipv6 = codec & 1;
		size_t len = med_offer_write(&leg, &nothing, ipv6, out);
		med_formats_t formats;
		med_sdp_t sdp;

		ck_assert_int_eq(med_sdp_parse((med_str_t){out, len}, &sdp, NULL), MED_EOK);
		ck_assert_int_eq(med_sdp_formats(&sdp, 0, &formats, NULL), MED_EOK);
		ck_assert_uint_eq(formats.count, 2);
		ck_assert_uint_eq(formats.item[0].codec, codec);
		ck_assert_uint_eq(formats.item[1].codec, MED_FORMAT_EVENT);
		ck_assert(med_sdp_address_is_zero(sdp.media[0].address));
		ck_assert(med_str_eq(
				sdp.media[0].address, ipv6 ? MED_STR("::") : MED_STR("0.0.0.0")));
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = {which_codecs, as_it_is_read};

	return core_run("offer", tests, COUNT(tests));
}
