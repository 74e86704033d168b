/**
 * t_sdp.c - the facts of an SDP body, good and bad
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "plugin_test.h"

#include "medcore/codec.h"

#define KEY_256 KEY_A "AAAAAAAAAAAAAAAAAAAAAA"
#define KEY_GCM_256 KEY_A "AAAAAAAAAAAAAAAAAAA"

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

/** RFC 8122; what rtpengine cannot read, or nobody should believe, is none. */
START_TEST(fingerprint_lines)
{
	static const struct {
		const char *value;
		bool usable;
	} row[] = {
			/* clang-format off */
		{"sha-256 " DIGEST_256, true},
		{"SHA-256  " DIGEST_256 " ", true},
		{"sha-224 " DIGEST_128 ":" "01:23:45:67:89:AB:CD:EF:01:23:45:67", true},
		{"sha-384 " DIGEST_256 ":" DIGEST_128, true},
		{"sha-512 " DIGEST_256 ":" DIGEST_256, true},
		{"sha-512 " DIGEST_256, false},
		{"sha-256 " DIGEST_128, false},
		{"sha-256 " DIGEST_256 ":00", false},
		{"sha-256 " DIGEST_256 ":", false},
		{"sha-256 " DIGEST_256 " x", false},
		{"sha-256 " DIGEST_128 "." DIGEST_128, false},
		{"sha-256 " DIGEST_128 ":G1" ":23:45:67:89:AB:CD:EF:01:23:45:67:89:ab:cd:ef", false},
		{"sha-256", false},
		{"sha-1 " DIGEST_128 ":01:23:45:67", false},
		{"md5 " DIGEST_128, false},
		{"md2 " DIGEST_128, false},
		{"", false},
			/* clang-format on */
	};
	size_t i;

	for(i = 0; i < COUNT(row); i++)
		ck_assert_msg(med_fingerprint_read(med_str(row[i].value)) == row[i].usable,
				"'%s'", row[i].value);
}
END_TEST

/** The session's, unless the media has some of its own; of several one will do. */
START_TEST(fingerprints_are_of_media_or_session)
{
	static const char weak[] = "a=fingerprint:sha-1 " DIGEST_128 ":01:23:45:67\n";
	char text[1024];

	snprintf(text, sizeof(text),
			"v=0\na=setup:passive\n" FINGERPRINT "m=audio 4 UDP/TLS/RTP/SAVP 8\n"
			"m=audio 6 UDP/TLS/RTP/SAVP 8\n%s"
			"m=audio 8 UDP/TLS/RTP/SAVP 8\n%s" FINGERPRINT
			"a=setup:active\na=setup:holdconn\n",
			weak, weak);
	ck_assert_int_eq(parse(text), MED_EOK);
	ck_assert(sdp.media[0].fingerprint);
	ck_assert(!sdp.media[1].fingerprint);
	ck_assert(sdp.media[2].fingerprint);
	ck_assert_uint_eq(sdp.media[1].setup, MED_SETUP_PASSIVE);
	ck_assert_uint_eq(sdp.media[2].setup, MED_SETUP_ACTIVE);
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
		{"1 " SUITE_80 " inline:" KEY_A "|2147483648", true, false},
		{"1 " SUITE_80 " inline:" KEY_A "|2^48", true, false},
		{"1 " SUITE_80 " inline:" KEY_A "|281474976710656", true, false},
		{"1 " SUITE_80 " inline:" KEY_A "|2^49", false, false},
		{"1 " SUITE_80 " inline:" KEY_A "|281474976710657", false, false},
		{"1 " SUITE_80 " inline:" KEY_A "|99999999999999999999999", false, false},
		{"1 " SUITE_80 " inline:" KEY_A "|0", false, false},
		{"1 " SUITE_80 " inline:" KEY_A "|2^0", false, false},
		{"1 " SUITE_80 " inline:" KEY_A "|2^", false, false},
		{"1 " SUITE_80 " inline:" KEY_A "|2^31x", false, false},
		{"1 " SUITE_80 " inline:" KEY_A "|", false, false},
		{"1 " SUITE_80 " inline:" KEY_A "|2^31|", false, false},
		{"1 " SUITE_80 " inline:" KEY_A "||1:1", false, false},
		{"1 " SUITE_80 " inline:" KEY_A "|1:1|2^31", false, false},
		{"1 " SUITE_80 " inline:" KEY_A "|2^31|543245432:4", true, true},
		{"1 " SUITE_80 " inline:" KEY_A "|255:1", true, true},
		{"1 " SUITE_80 " inline:" KEY_A "|256:1", false, false},
		{"1 " SUITE_80 " inline:" KEY_A "|65535:2", true, true},
		{"1 " SUITE_80 " inline:" KEY_A "|4294967295:128", true, true},
		{"1 " SUITE_80 " inline:" KEY_A "|4294967296:8", false, false},
		{"1 " SUITE_80 " inline:" KEY_A "|1:129", false, false},
		{"1 " SUITE_80 " inline:" KEY_A "|1:0", false, false},
		{"1 " SUITE_80 " inline:" KEY_A "|:1", false, false},
		{"1 " SUITE_80 " inline:" KEY_A "|1:", false, false},
		{"1 " SUITE_80 " inline:" KEY_A "|1:1:1", false, false},
		{"1 AES_CM_128_HMAC_SHA1_32 inline:" KEY_A, true, false},
		{"1 AES_256_CM_HMAC_SHA1_80 inline:" KEY_A, false, false},
		{"1 AES_256_CM_HMAC_SHA1_80 inline:" KEY_256, true, false},
		{"1 AES_256_CM_HMAC_SHA1_80 inline:" KEY_256 "==", true, false},
		{"1 AES_256_CM_HMAC_SHA1_80 inline:" KEY_256 "==|2^31|1:1", true, true},
		{"1 AES_256_CM_HMAC_SHA1_80 inline:" KEY_256 "=", false, false},
		{"1 AES_256_CM_HMAC_SHA1_80 inline:" KEY_256 "===", false, false},
		{"1 " SUITE_80 " inline:" KEY_A "=", false, false},
		{"1 AEAD_AES_256_GCM inline:" KEY_GCM_256 "=", true, false},
		{"1 AEAD_AES_256_GCM inline:" KEY_256, false, false},
		{"1 NULL_HMAC_SHA1_80 inline:" KEY_A, false, false},
		{"1 F8_128_HMAC_SHA1_80 inline:" KEY_A, false, false},
		{"1 AESCM128HMACSHA180 inline:" KEY_A, false, false},
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
	med_crypto_t crypto;
	bool usable;
	size_t i;

	for(i = 0; i < COUNT(row); i++) {
		usable = med_crypto_read(med_str(row[i].value), &crypto);
		ck_assert_msg(usable == row[i].usable, "'%s': expected %d, got %d", row[i].value,
				row[i].usable, usable);
		if(usable)
			ck_assert_msg(
					crypto.mki == row[i].mki, "'%s': MKI %d", row[i].value, crypto.mki);
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
	ck_assert_uint_eq(sdp.media[0].suites, 1);
	ck_assert_uint_eq(sdp.media[0].suites_no_mki, 1);
	ck_assert_uint_eq(sdp.media[0].tag[MED_SUITE_AES_128_80], 5);
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

#define PLAIN_SDP "v=0\r\nm=audio 1 RTP/AVP 0\r\n"
#define PART(headers) "--o\r\n" headers "\r\n\r\n" PLAIN_SDP
#define AN_SDP PART("Content-Type: application/sdp")

/** Where there is one SDP it is found; where a peer could see another one, none is. */
START_TEST(sdp_in_a_body)
{
	static const struct {
		const char *type, *body;
		int rc;
	} row[] = {
			/* clang-format off */
		{"application/sdp", PLAIN_SDP, MED_EOK},
		{" Application/SDP ;x=y", PLAIN_SDP, MED_EOK},
		{"application/sdp (a comment)", PLAIN_SDP, MED_EOK},
		{"application / sdp", PLAIN_SDP, MED_EOK},
		{"\r\n application/sdp", PLAIN_SDP, MED_EOK},
		{"application/sdp", "", MED_ENOMATCH},
		{"application/sdpfrag", "m=audio\r\n", MED_EREFUSED},
		{"", "no media", MED_ENOMATCH},
		{"", PLAIN_SDP, MED_EREFUSED},
		{"text/plain", "no m=edia\r\n m=\r\n", MED_ENOMATCH},
		{"text/plain", PLAIN_SDP, MED_EREFUSED},
		{"text/plain", "m=audio 1 RTP/AVP 0", MED_EREFUSED},
		{"text/plain", "x\rm=audio 1 RTP/AVP 0", MED_EREFUSED},
		{"multipart/mixed;boundary=o", AN_SDP "--o--\r\n", MED_EOK},
		{"Multipart/Related ; a=b ; Boundary = \"o\"", AN_SDP "--o--", MED_EOK},
		{"multipart/mixed;\r\n\tboundary=o", AN_SDP, MED_EOK},
		{"multipart/mixed;x=\"\\\";boundary=z\";boundary=o", AN_SDP, MED_EOK},
		{"multipart/mixed;boundary=o", "text\r\n--o \r\nc: x/y\r\n\r\nz\r\n" AN_SDP, MED_EOK},
		{"multipart/mixed;boundary=o", PART("Content-Type:\r\n application/sdp"), MED_EOK},
		{"multipart/mixed;boundary=o", PART("c: application/sdp;a=b"), MED_EOK},
		{"multipart/mixed;boundary=o", PART("c: application/sdp\r\n"
			"Content-Transfer-Encoding: binary"), MED_EOK},
		{"multipart/mixed;boundary=o", PART("c: application/sdp\r\n"
			"Content-Transfer-Encoding:\r\n quoted-printable"), MED_EINVAL},
		{"multipart/mixed;boundary=o", PART("e: gzip\r\nc: application/sdp"), MED_EINVAL},
		{"multipart/mixed;boundary=o", "--o\r\nc: text/plain\r\n\r\nv=1\r\n--o--", MED_ENOMATCH},
		{"multipart/mixed;boundary=o", AN_SDP AN_SDP "--o--", MED_EREFUSED},
		{"multipart/mixed;boundary=o", AN_SDP PART("c: text/plain"), MED_EREFUSED},
		{"multipart/mixed;boundary=o", AN_SDP "--o--\r\n" AN_SDP, MED_EREFUSED},
		{"multipart/mixed;boundary=o", PLAIN_SDP AN_SDP, MED_EREFUSED},
		{"multipart/mixed;boundary=o", PART("c: multipart/mixed;boundary=i\r\n\r\n--i\r\n"
			"c: application/sdp"), MED_EREFUSED},
		{"multipart/mixed;boundary=o (x)", AN_SDP, MED_EREFUSED},
		{"multipart/mixed;boundary=\"a;b\"", "--a;b\r\nc: application/sdp\r\n\r\n" PLAIN_SDP
			"--a;b--\r\n", MED_EOK},
		{"multipart/mixed", AN_SDP, MED_EINVAL},
		{"multipart/mixed;boundary=", AN_SDP, MED_EINVAL},
		{"multipart/mixed;boundary=\"o", AN_SDP, MED_EINVAL},
		{"multipart/mixed;boundary=\"\\o\"", AN_SDP, MED_EINVAL},
		{"multipart/mixed;boundary=o;boundary=p", AN_SDP, MED_EINVAL},
			/* clang-format on */
	};
	med_str_t found;
	size_t i;
	int rc;

	for(i = 0; i < COUNT(row); i++) {
		memset(&err, 0, sizeof(err));
		rc = med_sdp_find(med_str(row[i].type), med_str(row[i].body), &found, &err);
		ck_assert_msg(rc == row[i].rc, "'%s' with '%s': expected %d, got %d (%s)",
				row[i].type, row[i].body, row[i].rc, rc, err.text);
		if(rc == MED_EOK)
			IS(found, PLAIN_SDP);
		else
			ck_assert_int_eq(err.text[0] != '\0', rc != MED_ENOMATCH);
	}
}
END_TEST

/** Whoever takes a carriage return for a line end sees a second, plain m-line here. */
START_TEST(a_bare_carriage_return)
{
	ck_assert_int_eq(parse("v=0\r\ns=x\rm=audio 1 RTP/AVP 0\r\n"), MED_EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "line 2: a carriage return"));
	ck_assert_int_eq(parse("v=0\r\ns=x\r\r\n"), MED_EINVAL);
	ck_assert_int_eq(parse("v=0\r\ns=x\r"), MED_EOK);
}
END_TEST

START_TEST(addresses)
{
	static const char *const expected[] = {
			"192.0.2.9", "192.0.2.1", "192.0.2.2", "::1", "192.0.2.3", "", ""};
	med_str_t rest, address;
	size_t i = 0;

	ck_assert_int_eq(parse("v=0\r\no=- 7 8 IN IP4 192.0.2.9\r\nc=IN IP4 192.0.2.1/127\r\n"
						   "c=IN IP4 192.0.2.2\r\nm=audio 0 RTP/AVP 8\r\nc=IN IP6 ::1\r\n"
						   "a=candidate:1 1 UDP 7 192.0.2.3 9 typ "
						   "host\r\na=candidate:1\r\no=-\r\n"),
			MED_EOK);
	for(rest = sdp.body; med_sdp_next_address(&rest, &address); i++) {
		ck_assert_uint_lt(i, COUNT(expected));
		IS(address, expected[i]);
	}
	ck_assert_uint_eq(i, COUNT(expected));
}
END_TEST

/** Payload types with a meaning of their own, those that rtpmap gives one, and neither.
 */
START_TEST(formats_of_a_line)
{
	static const med_format_t expected[] = {{8, MED_CODEC_PCMA, true},
			{0, MED_CODEC_G729, false}, {13, MED_FORMAT_COMFORT, true},
			{9, MED_CODEC_G722, true}, {101, MED_FORMAT_EVENT, true},
			{96, MED_FORMAT_EVENT, false}, {97, MED_CODEC_OPUS, false},
			{114, MED_CODEC_RTAUDIO, false}, {115, MED_FORMAT_OTHER, true},
			{118, MED_FORMAT_COMFORT, false}, {127, MED_FORMAT_OTHER, false}};
	med_formats_t formats;
	size_t i;

	ck_assert_int_eq(
			parse("v=0\r\na=rtpmap:8 PCMU/8000\r\nm=audio 4 RTP/AVP 8 0 13 9 101 96 97 "
				  "114 115 118 127\r\na=rtpmap:0 g729/\r\na=rtpmap:101 "
				  "TELEPHONE-EVENT/8000\r\na=rtpmap:96 telephone-event/48000\r\n"
				  "a=rtpmap:97 opus/48000/2\r\na=rtpmap:114 x-msrta/16000\r\n"
				  "a=rtpmap:115 red/8000\r\na=rtpmap:118 CN/16000\r\na=rtpmap:99 "
				  "PCMU/8000\r\na=rtpmap:128 PCMU/8000\r\na=rtpmap:127\r\n"
				  "a=rtpmap:x\r\nm=audio 6 RTP/AVP 3\r\na=rtpmap:8 GSM/8000\r\n"),
			MED_EOK);
	ck_assert_int_eq(med_sdp_formats(&sdp, 0, &formats, &err), MED_EOK);
	ck_assert_uint_eq(formats.count, COUNT(expected));
	for(i = 0; i < COUNT(expected); i++) {
		ck_assert_uint_eq(formats.item[i].payload, expected[i].payload);
		ck_assert_msg(formats.item[i].codec == expected[i].codec
						&& formats.item[i].narrow == expected[i].narrow,
				"%u: %u", expected[i].payload, formats.item[i].codec);
	}
	ck_assert_int_eq(med_sdp_formats(&sdp, 1, &formats, &err), MED_EOK);
	ck_assert_uint_eq(formats.count, 1);
	ck_assert_uint_eq(formats.item[0].codec, MED_CODEC_GSM);
	IS(med_sdp_section(&sdp, 1), "m=audio 6 RTP/AVP 3\r\na=rtpmap:8 GSM/8000\r\n");
}
END_TEST

START_TEST(bad_formats)
{
	static const char *const bad[] = {"128", "-1", "8 x", "8/2", "99999999999999999999"};
	static const char eights[] =
			" 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8"
			" 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8";
	char body[512];
	med_formats_t formats;
	size_t i;

	for(i = 0; i < COUNT(bad); i++) {
		snprintf(body, sizeof(body), "v=0\nm=audio 4 RTP/AVP %s\n", bad[i]);
		ck_assert_int_eq(parse(body), MED_EOK);
		ck_assert_int_eq(med_sdp_formats(&sdp, 0, &formats, &err), MED_EINVAL);
		ck_assert_ptr_nonnull(strstr(err.text, "m-line 1: a format is no payload type"));
	}
	for(i = MED_SDP_MAX_FORMATS; i <= MED_SDP_MAX_FORMATS + 1; i++) {
		/* as many times " 8" */
		snprintf(body, sizeof(body), "v=0\nm=audio 4 RTP/AVP%.*s", (int)(2 * i), eights);
		ck_assert_int_eq(parse(body), MED_EOK);
		ck_assert_int_eq(med_sdp_formats(&sdp, 0, &formats, &err),
				i == MED_SDP_MAX_FORMATS ? MED_EOK : MED_ELIMIT);
	}
	ck_assert_int_eq(parse("v=0\nm=audio 4 RTP/AVP"), MED_EOK);
	ck_assert_int_eq(med_sdp_formats(&sdp, 0, &formats, &err), MED_EOK);
	ck_assert_uint_eq(formats.count, 0);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {formats_of_a_line, bad_formats, facts_of_an_offer, transports,
			fingerprint_lines, fingerprints_are_of_media_or_session, crypto_lines,
			crypto_is_counted_per_media, potential_configurations, bad_bodies, tolerated,
			limits, sdp_in_a_body, a_bare_carriage_return, addresses};

	return plugin_run("sdp", tests, COUNT(tests));
}
