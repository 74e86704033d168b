/**
 * t_media.c - the media decision, a row here for each of the tables' (spec 6.2)
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "plugin_test.h"

#include "medcore/media.h"

#define AVP "m=audio 4000 RTP/AVP 8\n"
#define SAVP "m=audio 4000 RTP/SAVP 8\n"
#define DTLS "m=audio 4000 UDP/TLS/RTP/SAVP 8\n"
#define ACTPASS "a=setup:actpass\n"
#define T38 "m=image 4000 udptl t38\n"
#define OLD_SUITE "a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:" KEY_A "\n"
#define POTENTIAL "a=tcap:1 RTP/SAVP\na=pcfg:1 t=1\n"

/* In the order of the columns: NotSupported, Optional, Required. */
static const med_leg_policy_t leg[3] = {
		{.srtp = MED_SRTP_NOT_SUPPORTED, .anchored = true, .known = true},
		{.srtp = MED_SRTP_OPTIONAL, .anchored = true, .known = true},
		{.srtp = MED_SRTP_REQUIRED, .anchored = true, .known = true},
};
static const med_leg_policy_t dtls = {
		.srtp = MED_SRTP_REQUIRED, .anchored = true, .known = true, .media = {.dtls = 1}};
static const med_leg_policy_t phone = {.srtp = MED_SRTP_REQUIRED, .anchored = true};

static char buffer[2048];
static med_sdp_t sdp;
static med_errbuf_t why;
static med_leg_policy_t read_any;

static const med_sdp_t *body(const char *media)
{
	med_str_t text = plugin_sdp(buffer, sizeof(buffer), media);

	ck_assert_int_eq(med_sdp_parse(text, &sdp, &why), MED_EOK);
	return &sdp;
}

enum {
	NO = -1,
	PLAIN = MED_OFFER_AVP,
	RFC8643 = MED_OFFER_AVP_CRYPTO,
	SECURE = MED_OFFER_SAVP,
	HANDSHAKE = MED_OFFER_DTLS
};

/** "Inbound offers from the peer": refused, or the form of the answer. */
START_TEST(peer_offers)
{
	static const struct {
		const char *media;
		int answer[3];
	} row[] = {
			/* clang-format off */
		{AVP,                            {PLAIN, PLAIN,  NO}},
		{AVP CRYPTO(1),                  {PLAIN, SECURE, SECURE}},
		{AVP POTENTIAL CRYPTO(1),        {PLAIN, SECURE, SECURE}},
		{AVP POTENTIAL,                  {PLAIN, PLAIN,  NO}},
		{SAVP CRYPTO(1),                 {NO,    SECURE, SECURE}},
		{SAVP OLD_SUITE,                 {NO,    NO,     NO}},
		{SAVP OLD_SUITE CRYPTO(2),       {NO,    SECURE, SECURE}},
		{SAVP,                           {NO,    NO,     NO}},
		{AVP OLD_SUITE,                  {PLAIN, PLAIN,  NO}},
		{DTLS FINGERPRINT ACTPASS,       {NO,    NO,     NO}},
			/* clang-format on */
	};
	size_t i, mode;
	int got;

	for(i = 0; i < COUNT(row); i++) {
		body(row[i].media);
		for(mode = 0; mode < 3; mode++) {
			got = med_media_check_offer(&leg[mode], &sdp, &why) == MED_EOK
					? (int)med_media_answer_form(&leg[mode], &sdp.media[0])
					: NO;
			ck_assert_msg(got == row[i].answer[mode], "%s%s: expected %d, got %d (%s)",
					row[i].media, med_srtp_mode_name(leg[mode].srtp), row[i].answer[mode],
					got, why.text);
		}
		ck_assert_int_eq(med_media_check_offer(&phone, &sdp, &why), MED_EOK);
	}
}
END_TEST

/** Two m-lines for one stream, T.38 beside audio: what is declined (a bit a line). */
START_TEST(lines_declined)
{
	static const struct {
		const char *media;
		int declined[3];
	} row[] = {
			/* clang-format off */
		{SAVP CRYPTO(1) AVP,             {1,  2,  2}},
		{AVP SAVP CRYPTO(1),             {2,  1,  1}},
		{SAVP OLD_SUITE AVP,             {1,  1,  NO}},
		{SAVP CRYPTO(1) AVP SAVP CRYPTO(1) AVP, {5, 10, 10}},
		{SAVP CRYPTO(1) "m=video 6 RTP/AVP 9\n", {NO, 0, NO}},
		{SAVP CRYPTO(1) "m=audio 0 RTP/AVP 9\n", {NO, 0, 0}},
		{AVP AVP,                        {0,  0,  NO}},
		{AVP T38,                        {0,  0,  NO}},
		{SAVP CRYPTO(1) T38,             {NO, 0,  2}},
		{T38,                            {0,  0,  NO}},
		{T38 SAVP CRYPTO(1) AVP,         {2,  4,  5}},
		{"m=audio 0 RTP/AVP 8\n",        {0,  0,  0}},
			/* clang-format on */
	};
	med_media_mask_t declined;
	size_t i, mode;
	int got;

	for(i = 0; i < COUNT(row); i++) {
		body(row[i].media);
		for(mode = 0; mode < 3; mode++) {
			got = med_media_offer_lines(&leg[mode], NULL, &sdp, &declined, &why)
							== MED_EOK
					? (int)declined
					: NO;
			ck_assert_msg(got == row[i].declined[mode], "%s%s: expected %d, got %d (%s)",
					row[i].media, med_srtp_mode_name(leg[mode].srtp),
					row[i].declined[mode], got, why.text);
		}
	}
}
END_TEST

START_TEST(fax_towards_a_required_leg)
{
	med_media_mask_t declined = 99;

	body(T38);
	ck_assert_int_eq(
			med_media_offer_lines(&leg[0], &leg[2], &sdp, &declined, &why), MED_EREFUSED);
	ck_assert_ptr_nonnull(strstr(why.text, "m-line 1 (image udptl)"));
	ck_assert_int_eq(
			med_media_offer_lines(&phone, &leg[2], &sdp, &declined, &why), MED_EREFUSED);
	ck_assert_int_eq(
			med_media_offer_lines(&leg[0], &leg[1], &sdp, &declined, &why), MED_EOK);
	body(AVP T38);
	ck_assert_int_eq(
			med_media_offer_lines(&leg[0], &leg[2], &sdp, &declined, &why), MED_EOK);
	ck_assert_uint_eq(declined, 2);
}
END_TEST

START_TEST(our_offers)
{
	ck_assert_int_eq(med_media_offer_form(&leg[0]), MED_OFFER_AVP);
	ck_assert_int_eq(med_media_offer_form(&leg[1]), MED_OFFER_AVP_CRYPTO);
	ck_assert_int_eq(med_media_offer_form(&leg[2]), MED_OFFER_SAVP);
	ck_assert_int_eq(med_media_offer_form(&dtls), MED_OFFER_DTLS);
}
END_TEST

/** A leg whose keys are DTLS's: offered by it, answered by it, sent to it. */
START_TEST(dtls_legs)
{
	static const struct {
		const char *media;
		bool offered, answered, sent;
		const char *why; /**< of an offer, or of what is sent */
	} row[] = {
			/* clang-format off */
		{DTLS FINGERPRINT ACTPASS,              true,  false, true,  ""},
		{DTLS FINGERPRINT "a=setup:active\n",   true,  true,  true,  ""},
		{DTLS FINGERPRINT "a=setup:passive\n",  true,  true,  true,  ""},
		{"a=setup:active\n" FINGERPRINT DTLS,   true,  true,  true,  ""},
		{"m=audio 4000 UDP/TLS/RTP/SAVPF 8\n" FINGERPRINT ACTPASS, true, false, true, ""},
		{DTLS FINGERPRINT "a=setup:holdconn\n", false, false, false, "handshake"},
		{DTLS FINGERPRINT "a=setup:x\n",        false, false, false, "handshake"},
		{DTLS FINGERPRINT,                      false, false, false, "handshake"},
		{DTLS ACTPASS,                          false, false, false, "a=fingerprint"},
		{FINGERPRINT DTLS "a=fingerprint:sha-1 " DIGEST_128 ":01:23:45:67\n" ACTPASS,
		                                        false, false, false, "a=fingerprint"},
		{DTLS FINGERPRINT "a=setup:active\n" CRYPTO(1), true, true, false, "would show keys"},
		{SAVP CRYPTO(1) FINGERPRINT ACTPASS,    false, false, false, ""},
		{AVP FINGERPRINT ACTPASS,               false, false, false, "not DTLS-SRTP"},
		{T38,                                   false, false, false, "required"},
		{DTLS FINGERPRINT "a=setup:active\n" "m=video 0 RTP/AVP 9\n", true, true, true, ""},
		{DTLS FINGERPRINT "a=setup:active\n" "m=video 6 RTP/AVP 9\n", false, false, false, ""},
			/* clang-format on */
	};
	med_leg_policy_t unclear = {.known = true,
			.srtp = MED_SRTP_REQUIRED,
			.media = {.suites = MED_SUITES_ANY}};
	size_t i;

	for(i = 0; i < COUNT(row); i++) {
		body(row[i].media);
		ck_assert_int_eq(
				med_media_check_answer(&dtls, MED_OFFER_DTLS, &sdp, &why) == MED_EOK,
				row[i].answered);
		why.text[0] = '\0';
		ck_assert_int_eq(
				med_media_check_offer(&dtls, &sdp, &why) == MED_EOK, row[i].offered);
		ck_assert_int_eq(
				med_media_check_outgoing(&dtls, &sdp, &why) == MED_EOK, row[i].sent);
		ck_assert_msg(
				strstr(why.text, row[i].why) != NULL, "%s: %s", row[i].media, why.text);
	}
	body(DTLS FINGERPRINT ACTPASS);
	ck_assert_int_eq(med_media_answer_form(&dtls, &sdp.media[0]), (int)HANDSHAKE);
	ck_assert_int_eq(med_media_check_outgoing(&unclear, &sdp, &why), MED_EOK);
	body(DTLS ACTPASS);
	ck_assert_int_eq(med_media_check_outgoing(&unclear, &sdp, &why), MED_EREFUSED);
	ck_assert_str_eq(med_srtp_keys_name(&dtls), "dtls");
	ck_assert_str_eq(med_srtp_keys_name(&leg[2]), "sdes");
	ck_assert_str_eq(med_srtp_keys_name(&leg[0]), "none");
}
END_TEST

/** "Outbound answer handling", each answer to the offer that its mode sends. */
START_TEST(peer_answers)
{
	static const struct {
		const char *media;
		bool ok[3];
	} row[] = {
			/* clang-format off */
		{AVP,                       {true,  true,  false}},
		{AVP CRYPTO(1),             {true,  true,  false}},
		{AVP OLD_SUITE,             {true,  true,  false}},
		{SAVP CRYPTO(1),            {false, true,  true}},
		{SAVP OLD_SUITE,            {false, false, false}},
		{SAVP,                      {false, false, false}},
		{DTLS FINGERPRINT ACTPASS,  {false, false, false}},
		{T38,                       {true,  true,  false}},
		{"m=audio 0 RTP/AVP 8\n",   {true,  true,  true}},
		{SAVP CRYPTO(1) "m=video 0 RTP/AVP 9\n", {false, true, true}},
		{SAVP CRYPTO(1) "m=video 9 RTP/AVP 9\n", {false, true, false}},
			/* clang-format on */
	};
	size_t i, mode;
	int rc;

	for(i = 0; i < COUNT(row); i++) {
		body(row[i].media);
		for(mode = 0; mode < 3; mode++) {
			rc = med_media_check_answer(
					&leg[mode], med_media_offer_form(&leg[mode]), &sdp, &why);
			ck_assert_msg((rc == MED_EOK) == row[i].ok[mode], "%s%s: got %d (%s)",
					row[i].media, med_srtp_mode_name(leg[mode].srtp), rc, why.text);
		}
		ck_assert_int_eq(
				med_media_check_answer(&phone, MED_OFFER_SAVP, &sdp, &why), MED_EOK);
	}
}
END_TEST

/** A Required leg that was offered in another form is still never answered in the clear.
 */
START_TEST(required_whatever_was_offered)
{
	body(AVP);
	ck_assert_int_eq(
			med_media_check_answer(&leg[2], MED_OFFER_AVP, &sdp, &why), MED_EREFUSED);
	ck_assert_int_eq(med_media_check_answer(&leg[2], MED_OFFER_AVP_CRYPTO, &sdp, &why),
			MED_EREFUSED);
	body(AVP CRYPTO(1));
	ck_assert_int_eq(
			med_media_check_answer(&leg[2], MED_OFFER_AVP_CRYPTO, &sdp, &why), MED_EOK);
}
END_TEST

START_TEST(the_gate)
{
	static const struct {
		const char *media;
		bool ok[3];
	} row[] = {
			/* clang-format off */
		{AVP,                         {true,  true,  false}},
		{AVP CRYPTO(1),               {false, true,  false}},
		{SAVP CRYPTO(1),              {false, true,  true}},
		{SAVP OLD_SUITE,              {false, false, false}},
		{SAVP,                        {false, false, false}},
		{DTLS FINGERPRINT ACTPASS,    {false, false, false}},
		{T38,                         {true,  true,  false}},
		{"m=image 0 udptl t38\n",     {true,  true,  true}},
		{SAVP CRYPTO(1) AVP,          {false, true,  false}},
		{"",                          {true,  true,  true}},
			/* clang-format on */
	};
	size_t i, mode;
	int rc;

	for(i = 0; i < COUNT(row); i++) {
		body(row[i].media);
		for(mode = 0; mode < 3; mode++) {
			rc = med_media_check_outgoing(&leg[mode], &sdp, &why);
			ck_assert_msg((rc == MED_EOK) == row[i].ok[mode], "%s%s: got %d (%s)",
					row[i].media, med_srtp_mode_name(leg[mode].srtp), rc, why.text);
		}
		ck_assert_int_eq(med_media_check_outgoing(&phone, &sdp, &why), MED_EOK);
	}
}
END_TEST

START_TEST(no_media_at_all)
{
	body("");
	ck_assert_int_eq(med_media_check_offer(&leg[0], &sdp, &why), MED_EINVAL);
	ck_assert_int_eq(
			med_media_check_answer(&leg[0], MED_OFFER_AVP, &sdp, &why), MED_EINVAL);
}
END_TEST

/** A declined line needs none (RFC 8866 5.7). */
START_TEST(no_address)
{
	static const struct {
		const char *text;
		int rc;
	} row[] = {{"v=0\n" AVP, MED_EINVAL}, {"v=0\n" AVP "c=IN IP4 192.0.2.1\n", MED_EOK},
			{"v=0\nm=audio 0 RTP/AVP 8\n", MED_EOK},
			{"v=0\n" AVP "c=IN IP4 192.0.2.1\nm=video 4002 RTP/AVP 96\n", MED_EINVAL}};
	size_t i;

	for(i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		ck_assert_int_eq(med_sdp_parse(med_str(row[i].text), &sdp, &why), MED_EOK);
		ck_assert_int_eq(med_media_check_offer(&leg[0], &sdp, &why), row[i].rc);
		ck_assert_int_eq(
				med_media_check_answer(&leg[0], MED_OFFER_AVP, &sdp, &why), row[i].rc);
	}
	ck_assert_str_eq(why.text, "m-line 2 has no address; say it in c=");
}
END_TEST

START_TEST(refusals_name_rule_and_remedy)
{
	body(AVP);
	ck_assert_int_eq(med_media_check_offer(&leg[2], &sdp, &why), MED_EREFUSED);
	ck_assert_str_eq(why.text,
			"m-line 1 (audio RTP/AVP): plain RTP was offered, but the leg's SRTP mode is "
			"required; offer SRTP (SDES, AES_CM_128_HMAC_SHA1_80)");
}
END_TEST

START_TEST(modes)
{
	static const struct {
		const char *text;
		int mode;
	} row[] = {{"required", MED_SRTP_REQUIRED}, {"Required", MED_SRTP_REQUIRED},
			{"optional", MED_SRTP_OPTIONAL}, {"not_supported", MED_SRTP_NOT_SUPPORTED},
			{"NotSupported", MED_SRTP_NOT_SUPPORTED}, {"", NO}, {"require", NO},
			{"required ", NO}};
	enum med_srtp_mode mode;
	size_t i;
	int got;

	for(i = 0; i < COUNT(row); i++) {
		got = med_srtp_mode_parse(med_str(row[i].text), &mode) == MED_EOK ? (int)mode
																		  : NO;
		ck_assert_msg(got == row[i].mode, "'%s': got %d", row[i].text, got);
	}
	for(i = 0; i < 3; i++) {
		ck_assert_int_eq(
				med_srtp_mode_parse(med_str(med_srtp_mode_name(leg[i].srtp)), &mode),
				MED_EOK);
		ck_assert_int_eq(mode, leg[i].srtp);
		ck_assert_int_eq(med_srtp_effective(leg[i].srtp, true), leg[i].srtp);
		ck_assert_int_eq(med_srtp_effective(leg[i].srtp, false), MED_SRTP_NOT_SUPPORTED);
	}
}
END_TEST

/** What travels with a call: words for the plugin, read as they were written. */
START_TEST(words_of_a_leg)
{
	static const struct {
		const char *words;
		med_suites_t set;
	} row[] = {{"", 1}, {"/suites:32+80", 3}, {"/lync", 1},
			{"/suites:gcm-256+192-32+256-80+gcm-128/lync", 0xd8},
			{"/suites:192-80+256-32", 0x24}, {"/hold:inactive", 1},
			{"/lync/hold:zero_address/activate", 1},
			{"/suites:192-80+192-32+256-80+gcm-256/lync/hold:sendonly/activate", 0x9c},
			{"/codecs:PCMA", 1}, {"/codecs:L16+AMR-WB+PCMU+opus+x-msrta", 1},
			{"/codecs:G722+PCMA/transcode", 1}, {"/cn:no", 1}, {"/cn:yes", 1},
			{"/dtmf:inband", 1}, {"/event:96", 1}, {"/event:127", 1}, {"/ptime:10", 1},
			{"/ptime:60", 1}, {"/dscp:1", 1}, {"/dscp:63", 1}, {"/latching:off", 1},
			{"/latching:strict", 1}, {"/lync/dscp:46/latching:always/cn:no", 1},
			{"/dtls", 1}, {"/dtls/avpf", 1}, {"/ice", 1},
			{"/dtls/avpf/ice/hold:inactive", 1},
			{"/suites:gcm-256+gcm-256+gcm-256+gcm-256", 0x80},
			{"/suites:192-80+192-32+256-80+gcm-256/dtls/avpf/ice/lync/hold:zero_address/"
			 "activate"
			 "/dscp:63/latching:always/codecs:AMR-WB+AMR-WB+AMR-WB+x-msrta+x-msrta/"
			 "transcode/cn:yes/dtmf:inband"
			 "/event:127/ptime:60",
					0x9c}};
	char out[MED_LEG_WORDS_MAX];
	size_t i;

	for(i = 0; i < COUNT(row); i++) {
		med_leg_policy_t read = {.srtp = MED_SRTP_REQUIRED, .known = true};
		med_str_t rest = med_str(row[i].words);

		while(rest.len) {
			const char *slash = memchr(rest.s + 1, '/', rest.len - 1);
			size_t len = slash ? (size_t)(slash - rest.s) : rest.len;
			ck_assert_int_eq(
					med_leg_word_read((med_str_t){rest.s + 1, len - 1}, &read.media),
					MED_EOK);
			rest = (med_str_t){rest.s + len, rest.len - len};
		}
		ck_assert_int_eq(med_leg_media_given(&read.media), i > 0);
		ck_assert_uint_eq(med_leg_suite_set(&read), row[i].set);
		ck_assert_uint_eq(med_leg_words_write(&read.media, out), strlen(row[i].words));
		ck_assert_str_eq(out, row[i].words);
	}
	read_any = (med_leg_policy_t){.known = true, .media = {.suites = MED_SUITES_ANY}};
	ck_assert_uint_eq(med_leg_suite_set(&read_any), MED_SUITES_ALL);
	ck_assert_uint_eq(med_leg_suite_set(&phone), MED_SUITES_ALL);
}
END_TEST

/** RFC 3264 6.1, and what a zero address means. */
START_TEST(directions)
{
	static const struct {
		uint8_t offered, answered, allowed;
	} row[] = {
			{MED_SENDRECV, MED_SENDONLY, MED_SENDONLY},
			{MED_SENDRECV, MED_INACTIVE, MED_INACTIVE},
			{MED_SENDONLY, MED_SENDRECV, MED_RECVONLY},
			{MED_SENDONLY, MED_SENDONLY, MED_INACTIVE},
			{MED_RECVONLY, MED_SENDRECV, MED_SENDONLY},
			{MED_RECVONLY, MED_RECVONLY, MED_INACTIVE},
			{MED_INACTIVE, MED_SENDRECV, MED_INACTIVE},
	};
	static const struct {
		const char *media;
		uint8_t direction;
	} line[] = {{AVP, MED_SENDRECV}, {AVP "a=inactive\n", MED_INACTIVE},
			{"a=sendonly\n" AVP, MED_SENDONLY},
			{"a=sendonly\n" AVP "a=recvonly\n", MED_RECVONLY},
			{AVP "c=IN IP4 0.0.0.0\n", MED_SENDONLY}, {AVP "c=IN IP6 ::\n", MED_SENDONLY},
			{AVP "c=IN IP4 0.0.0.0\na=recvonly\n", MED_INACTIVE}};
	size_t i;

	for(i = 0; i < COUNT(row); i++)
		ck_assert_uint_eq(med_media_answer_direction(row[i].offered, row[i].answered),
				row[i].allowed);
	for(i = 0; i < COUNT(line); i++)
		ck_assert_uint_eq(
				med_media_direction(&body(line[i].media)->media[0]), line[i].direction);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {words_of_a_leg, directions, peer_offers, lines_declined,
			fax_towards_a_required_leg, our_offers, dtls_legs, peer_answers,
			required_whatever_was_offered, the_gate, no_media_at_all, no_address,
			refusals_name_rule_and_remedy, modes};

	return plugin_run("media", tests, COUNT(tests));
}
