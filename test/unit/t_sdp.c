/**
 * t_sdp.c - the facts of an SDP body, good and bad
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "plugin_test.h"

#include "medcore/sdp.h"

static med_sdp_t sdp;
static med_errbuf_t err;

static int parse(const char *text)
{
	memset(&err, 0, sizeof(err));
	return med_sdp_parse(med_str(text), &sdp, &err);
}

#define IS(view, text)                                                                   \
	ck_assert_msg(med_str_eq(view, med_str(text)), "expected '%s', got '%.*s'", text,    \
			MED_STR_FMT(view))

START_TEST(facts_of_an_offer)
{
	ck_assert_int_eq(
			parse("v=0\r\no=- 7 8 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.1/127"
				  "\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000"
				  "\r\nm=video 0 RTP/SAVPF 96\r\nc=IN IP6 2001:db8::1\r\n"
				  "m=image 5000/2 udptl t38\r\n"),
			MED_EOK);
	IS(sdp.origin_address, "192.0.2.9");
	ck_assert_uint_eq(sdp.media_count, 3);
	IS(sdp.media[0].type, "audio");
	IS(sdp.media[0].address, "192.0.2.1");
	IS(sdp.media[0].line, "m=audio 4000 RTP/AVP 8 101");
	ck_assert_uint_eq(sdp.media[0].port, 4000);
	ck_assert_uint_eq(sdp.media[0].proto, MED_SDP_AVP);
	ck_assert_uint_eq(sdp.media[1].port, 0);
	ck_assert_uint_eq(sdp.media[1].proto, MED_SDP_SAVP);
	IS(sdp.media[1].address, "2001:db8::1");
	ck_assert_uint_eq(sdp.media[2].proto, MED_SDP_OTHER);
	ck_assert_uint_eq(sdp.media[2].port, 5000);
}
END_TEST

START_TEST(transports)
{
	static const struct {
		const char *text;
		enum med_sdp_proto proto;
	} row[] = {{"RTP/AVP", MED_SDP_AVP}, {"RTP/AVPF", MED_SDP_AVP},
			{"rtp/savp", MED_SDP_SAVP}, {"RTP/SAVPF", MED_SDP_SAVP},
			{"UDP/TLS/RTP/SAVP", MED_SDP_DTLS}, {"UDP/TLS/RTP/SAVPF", MED_SDP_DTLS},
			{"udptl", MED_SDP_OTHER}, {"TCP/MSRP", MED_SDP_OTHER},
			{"RTP/AVPX", MED_SDP_OTHER}};
	char text[128];
	size_t i;

	for(i = 0; i < COUNT(row); i++) {
		snprintf(text, sizeof(text), "v=0\nm=audio 1 %s 0\n", row[i].text);
		ck_assert_int_eq(parse(text), MED_EOK);
		ck_assert_msg(sdp.media[0].proto == row[i].proto, "%s: expected %d, got %d",
				row[i].text, row[i].proto, sdp.media[0].proto);
	}
}
END_TEST

START_TEST(crypto_lines)
{
	static const struct {
		const char *value;
		bool usable;
		bool mki;
	} row[] = {
			/* clang-format off */
		{"1 " SUITE_80 " inline:" KEY_A, true, false},
		{"1 " SUITE_80 " inline:" KEY_A "|2^31", true, false},
		{"1 " SUITE_80 " inline:" KEY_A "|2^31|2:1", true, true},
		{"1 " SUITE_80 " inline:" KEY_A "|1:4", true, true},
		{"1  " SUITE_80 "  inline:" KEY_A, true, false},
		{"999999999 " SUITE_80 " inline:" KEY_A, true, false},
		{"1 " SUITE_80 " inline:" KEY_A " WSH=64", true, false},
		{"1 " SUITE_80 " inline:" KEY_A " -anything", true, false},
		{"1 aes_cm_128_hmac_sha1_80 INLINE:" KEY_A, true, false},
		{"1 AES_CM_128_HMAC_SHA1_32 inline:" KEY_A, false, false},
		{"1 AES_256_CM_HMAC_SHA1_80 inline:" KEY_A, false, false},
		{"1 " SUITE_80 " inline:AAAA", false, false},
		{"1 " SUITE_80 " inline:" KEY_A "B", false, false},
		{"1 " SUITE_80 " inline:" KEY_A ";inline:" KEY_B, false, false},
		{"1 " SUITE_80 " inline:" KEY_A "|1:1;inline:" KEY_B "|2:1", false, false},
		{"1 " SUITE_80 " inline:AAAA AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", false, false},
		{"1 " SUITE_80 " inline:" KEY_A " UNENCRYPTED_SRTP", false, false},
		{"1 " SUITE_80 " inline:" KEY_A " UNENCRYPTED_SRTCP", false, false},
		{"1 " SUITE_80 " inline:" KEY_A " UNAUTHENTICATED_SRTP", false, false},
		{"1 " SUITE_80 " inline:" KEY_A " SOMETHING_NEW", false, false},
		{"1 " SUITE_80 " uri:" KEY_A, false, false},
		{"1 " SUITE_80, false, false},
		{"1000000000 " SUITE_80 " inline:" KEY_A, false, false},
		{"x " SUITE_80 " inline:" KEY_A, false, false},
		{"", false, false},
			/* clang-format on */
	};
	bool mki, usable;
	size_t i;

	for(i = 0; i < COUNT(row); i++) {
		mki = false;
		usable = med_sdp_crypto_usable(med_str(row[i].value), &mki);
		ck_assert_msg(usable == row[i].usable, "'%s': expected %d, got %d", row[i].value,
				row[i].usable, usable);
		if(usable)
			ck_assert_msg(mki == row[i].mki, "'%s': MKI %d", row[i].value, mki);
	}
}
END_TEST

START_TEST(crypto_is_counted_per_media)
{
	ck_assert_int_eq(
			parse("v=0\na=crypto:9 " SUITE_80 " inline:" KEY_A "\nm=audio 1 RTP/SAVP 0\n"
				  "a=crypto:3 AES_256_CM_HMAC_SHA1_80 inline:" KEY_A "\n"
				  "a=crypto:4 " SUITE_80 " inline:" KEY_A "|2^31|2:1\n"
				  "a=crypto:5 " SUITE_80 " inline:" KEY_B "|2^31\nm=video 3 RTP/AVP 9\n"),
			MED_EOK);
	ck_assert_uint_eq(sdp.media[0].crypto_count, 3);
	ck_assert_uint_eq(sdp.media[0].usable_crypto, 2);
	ck_assert_uint_eq(sdp.media[0].usable_no_mki, 1);
	ck_assert_uint_eq(sdp.media[0].usable_tag, 4);
	ck_assert_uint_eq(sdp.media[1].crypto_count, 0);
}
END_TEST

START_TEST(potential_configurations)
{
	static const struct {
		const char *media;
		bool savp;
		unsigned int pcfg, tcap;
	} row[] = {
			/* clang-format off */
		{"m=audio 1 RTP/AVP 0\na=tcap:1 RTP/SAVP\na=pcfg:1 t=1\n", true, 1, 1},
		{"a=tcap:4 RTP/SAVPF RTP/SAVP\nm=audio 1 RTP/AVP 0\na=pcfg:7 a=1 t=5\n", true, 7, 5},
		{"m=audio 1 RTP/AVP 0\na=tcap:1 UDP/TLS/RTP/SAVP RTP/SAVP\na=pcfg:1 t=1\n"
			"a=pcfg:2 t=1|2\n", true, 2, 2},
		{"m=audio 1 RTP/AVP 0\na=tcap:1 UDP/TLS/RTP/SAVP\na=pcfg:1 t=1\n", false, 0, 0},
		{"m=audio 1 RTP/AVP 0\na=tcap:1 RTP/SAVP\n", false, 0, 0},
		{"m=audio 1 RTP/AVP 0\na=tcap:1 RTP/SAVP\nm=video 3 RTP/AVP 0\na=pcfg:1 t=1\n",
			false, 0, 0},
		{"m=audio 1 RTP/AVP 0\na=tcap:x RTP/SAVP\na=pcfg:y t=1\na=pcfg:1 t=\n", false, 0, 0},
			/* clang-format on */
	};
	char buffer[512];
	size_t i;

	for(i = 0; i < COUNT(row); i++) {
		ck_assert_int_eq(med_sdp_parse(plugin_sdp(buffer, sizeof(buffer), row[i].media),
								 &sdp, &err),
				MED_EOK);
		ck_assert_msg(sdp.media[sdp.media_count - 1].potential_savp == row[i].savp,
				"row %zu: expected %d", i, row[i].savp);
		ck_assert_uint_eq(sdp.media[0].pcfg, row[i].pcfg);
		ck_assert_uint_eq(sdp.media[0].pcfg_tcap, row[i].tcap);
	}
}
END_TEST

START_TEST(bad_bodies)
{
	static const struct {
		const char *text;
		int rc;
		const char *why;
	} row[] = {
			/* clang-format off */
		{"", MED_EINVAL, "empty"},
		{"hello\n", MED_EINVAL, "line 1"},
		{"o=- 1 1 IN IP4 1.2.3.4\nv=0\n", MED_EINVAL, "v=0"},
		{"v=0\nm=audio 70000 RTP/AVP 0\n", MED_EINVAL, "line 2"},
		{"v=0\nm=audio x RTP/AVP 0\n", MED_EINVAL, "port"},
		{"v=0\nm=audio 1x RTP/AVP 0\n", MED_EINVAL, "port"},
		{"v=0\nm=audio 1\n", MED_EINVAL, "line 2"},
		{"v=0\nm=\n", MED_EINVAL, "line 2"},
		{"v=0\nc=IN IP4\n", MED_EINVAL, "c="},
		{"v=0\nsomething\n", MED_EINVAL, "line 2"},
			/* clang-format on */
	};
	size_t i;
	int rc;

	for(i = 0; i < COUNT(row); i++) {
		rc = parse(row[i].text);
		ck_assert_msg(
				rc == row[i].rc, "'%s': expected %d, got %d", row[i].text, row[i].rc, rc);
		ck_assert_msg(strstr(err.text, row[i].why) != NULL, "'%s': expected '%s' in '%s'",
				row[i].text, row[i].why, err.text);
	}
	ck_assert_int_eq(
			med_sdp_parse((med_str_t){"v=0\ns=\0\n", 8}, &sdp, &err), MED_EINVAL);
}
END_TEST

START_TEST(tolerated)
{
	ck_assert_int_eq(parse("v=0"), MED_EOK);
	ck_assert_int_eq(parse("v=0\n\n"), MED_EOK);
	ck_assert_int_eq(parse("v=0\nZ=what\nm=audio 1 RTP/AVP"), MED_EOK);
	ck_assert_uint_eq(sdp.media_count, 1);
}
END_TEST

START_TEST(limits)
{
	static char text[MED_SDP_MAX_SIZE + 16];
	int i, at = snprintf(text, sizeof(text), "v=0\n");

	for(i = 0; i < MED_SDP_MAX_MEDIA; i++)
		at += snprintf(text + at, sizeof(text) - (size_t)at, "m=audio 1 RTP/AVP 0\n");
	ck_assert_int_eq(parse(text), MED_EOK);
	snprintf(text + at, sizeof(text) - (size_t)at, "m=audio 1 RTP/AVP 0\n");
	ck_assert_int_eq(parse(text), MED_ELIMIT);
	memset(text, 'a', sizeof(text));
	memcpy(text, "v=0\ns=", 6);
	ck_assert_int_eq(
			med_sdp_parse((med_str_t){text, MED_SDP_MAX_SIZE}, &sdp, &err), MED_EOK);
	ck_assert_int_eq(med_sdp_parse((med_str_t){text, MED_SDP_MAX_SIZE + 1}, &sdp, &err),
			MED_ELIMIT);
	at = snprintf(text, sizeof(text), "v=0\nm=audio 1 RTP/AVP 0\na=tcap:1");
	for(i = 0; i <= MED_SDP_MAX_TCAP; i++)
		at += snprintf(text + at, sizeof(text) - (size_t)at, " RTP/SAVP");
	ck_assert_int_eq(parse(text), MED_ELIMIT);
}
END_TEST

START_TEST(sdp_in_a_body)
{
	static const char mixed[] =
			"preamble\r\n--x y\r\nContent-Type: text/plain\r\n\r\nv=1\r\n--x y  \r\n"
			"content-type: Application/SDP;charset=x\r\nContent-Disposition: "
			"session\r\n\r\n"
			"v=0\r\ns=1\r\n--x y\r\nc: application/sdp\r\n\r\nv=0\r\ns=2\r\n--x y--\r\n"
			"--x y\r\nc: application/sdp\r\n\r\nv=0\r\ns=3\r\n";
	static const char type[] = "multipart/mixed; a=b ; boundary=\"x y\"";
	med_str_t found;

	ck_assert_int_eq(
			med_sdp_find(MED_STR("application/sdp"), MED_STR("v=0\n"), &found), MED_EOK);
	IS(found, "v=0\n");
	ck_assert_int_eq(
			med_sdp_find(MED_STR(" Application/SDP ;x=y"), MED_STR("v=0\n"), &found),
			MED_EOK);
	ck_assert_int_eq(
			med_sdp_find_nth(MED_STR("application/sdp"), MED_STR("v=0\n"), 1, &found),
			MED_ENOMATCH);
	ck_assert_int_eq(med_sdp_find(med_str(type), MED_STR(mixed), &found), MED_EOK);
	IS(found, "v=0\r\ns=1\r\n");
	ck_assert_int_eq(med_sdp_find_nth(med_str(type), MED_STR(mixed), 1, &found), MED_EOK);
	IS(found, "v=0\r\ns=2\r\n");
	ck_assert_int_eq(
			med_sdp_find_nth(med_str(type), MED_STR(mixed), 2, &found), MED_ENOMATCH);
	ck_assert_int_eq(
			med_sdp_find(MED_STR("application/sdp"), MED_STR(""), &found), MED_ENOMATCH);
	ck_assert_int_eq(
			med_sdp_find(MED_STR("text/plain"), MED_STR("v=0\n"), &found), MED_ENOMATCH);
	ck_assert_int_eq(med_sdp_find(MED_STR("multipart/mixed"), MED_STR(mixed), &found),
			MED_ENOMATCH);
	ck_assert_int_eq(
			med_sdp_find(MED_STR("multipart/mixed;boundary="), MED_STR(mixed), &found),
			MED_ENOMATCH);
	ck_assert_int_eq(med_sdp_find(MED_STR(""), MED_STR("v=0\n"), &found), MED_ENOMATCH);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {facts_of_an_offer, transports, crypto_lines,
			crypto_is_counted_per_media, potential_configurations, bad_bodies, tolerated,
			limits, sdp_in_a_body};

	return plugin_run("sdp", tests, COUNT(tests));
}
