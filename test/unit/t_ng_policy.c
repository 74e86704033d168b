/**
 * t_ng_policy.c - keyed commands and replies in pairs: what comes in, what goes out
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "plugin_test.h"

#include "rtpengine-plugin/policy.h"

#define PBX_REQUIRED "pbx1/required"
#define GW_PLAIN "gw1/not_supported"
#define ITSP_OPTIONAL "itsp1/optional"
#define PHONE "-/any"
#define WEB "web1/required/dtls/avpf/ice"
#define DTLS "m=audio 4000 UDP/TLS/RTP/SAVP 8\n"
#define AVP "m=audio 4000 RTP/AVP 8\n"
#define SAVP "m=audio 4000 RTP/SAVP 8\n"
#define HEAD "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n"

static med_policy_scratch_t scratch;
static med_ng_command_view_t view;
static med_offer_memo_t memo;
static med_keys_t keys;
static med_errbuf_t why;
static char in[65536], replied[65536], written[65536];
static med_ng_out_t out;
static med_legs_t legs;
static med_ng_dict_t got;

static med_str_t command(const char *word, const char *from, const char *to,
		const char *sdp, const char *more)
{
	med_ng_out_t text = {.s = in, .size = sizeof(in)};

	med_ng_put(&text, "d", 1);
	med_ng_put_pair(&text, MED_STR("command"), med_str(word));
	med_ng_put_pair(&text, MED_STR("call-id"), MED_STR("c1"));
	med_ng_put_pair(&text, MED_STR("from-tag"), MED_STR("f"));
	if(from)
		med_ng_put_pair(&text, MED_STR("med-from"), med_str(from));
	if(to)
		med_ng_put_pair(&text, MED_STR("med-to"), med_str(to));
	if(sdp)
		med_ng_put_pair(&text, MED_STR("sdp"), med_str(sdp));
	if(more)
		med_ng_put_raw(&text, med_str(more));
	med_ng_put(&text, "e", 1);
	return (med_str_t){text.s, text.len};
}

/** Like the listener: decode, legs, policy; the outcome decoded again into got. */
static int run(const char *word, const char *from, const char *to, const char *sdp,
		const char *more)
{
	int rc = med_ng_command_decode(command(word, from, to, sdp, more), &view, &why);

	ck_assert_int_eq(rc, MED_EOK);
	out = (med_ng_out_t){.s = written, .size = sizeof(written)};
	rc = med_policy_legs(&view, &legs, &why);
	if(rc != MED_EOK)
		return rc;
	if(view.command == MED_NG_OFFER)
		rc = med_policy_offer(&view, &legs, &keys, &scratch, &out, &memo, &why);
	else
		rc = med_policy_answer(
				&view, &legs, memo.count ? &memo : NULL, &keys, &scratch, &out, &why);
	if(rc == MED_EOK)
		ck_assert_int_eq(med_ng_decode((med_str_t){out.s, out.len}, &got, &why), MED_EOK);
	return rc;
}

static int reply(bool answer, const char *sdp)
{
	static med_ng_dict_t dict;
	med_ng_out_t text = {.s = replied, .size = sizeof(replied)};
	int rc;

	med_ng_put(&text, "d", 1);
	med_ng_put_pair(&text, MED_STR("sdp"), med_str(sdp));
	med_ng_put_pair(&text, MED_STR("result"), MED_STR("ok"));
	med_ng_put(&text, "e", 1);
	ck_assert_int_eq(med_ng_decode((med_str_t){text.s, text.len}, &dict, &why), MED_EOK);
	out = (med_ng_out_t){.s = written, .size = sizeof(written)};
	if(answer)
		rc = med_policy_answer_reply(
				&dict, &legs, memo.count ? &memo : NULL, &scratch, &out, &why);
	else
		rc = med_policy_offer_reply(&dict, &legs, &scratch, &out, &memo, &why);
	if(rc == MED_EOK)
		ck_assert_int_eq(med_ng_decode((med_str_t){out.s, out.len}, &got, &why), MED_EOK);
	return rc;
}

#define OK(call)                                                                         \
	do {                                                                                 \
		int rc_ = (call);                                                                \
		ck_assert_msg(rc_ == MED_EOK, #call ": %d (%s)", rc_, why.text);                 \
	} while(0)
#define REFUSED(call, expected_)                                                         \
	do {                                                                                 \
		int rc_ = (call);                                                                \
		ck_assert_msg(rc_ != MED_EOK, #call " was let through");                         \
		ck_assert_msg(strstr(why.text, expected_) != NULL, "expected '%s' in '%s'",      \
				expected_, why.text);                                                    \
	} while(0)
#define HAS(key, expected_)                                                              \
	do {                                                                                 \
		const med_ng_entry_t *e_ = med_ng_entry(&got, MED_STR(key));                     \
		ck_assert_msg(                                                                   \
				e_ &&med_str_eq(e_->text.s ? e_->text : e_->raw, MED_STR(expected_)),    \
				"key '" key "': expected '%s', got '%.*s'", expected_,                   \
				e_ ? (int)e_->raw.len : 0, e_ ? e_->raw.s : "");                         \
	} while(0)
#define LACKS(key) ck_assert_ptr_null(med_ng_entry(&got, MED_STR(key)))

START_TEST(flags_of_an_offer)
{
	OK(run("offer", PBX_REQUIRED, GW_PLAIN, HEAD SAVP CRYPTO(1), NULL));
	HAS("transport-protocol", "RTP/AVP");
	LACKS("OSRTP");
	LACKS("SDES");
	LACKS("med-from");
	LACKS("med-to");
	HAS("replace", "l6:origin18:session-connectione");
	HAS("ICE", "remove");
	HAS("call-id", "c1");
	HAS("sdp", HEAD SAVP CRYPTO(1));

	OK(run("offer", GW_PLAIN, PBX_REQUIRED, HEAD AVP, NULL));
	HAS("transport-protocol", "RTP/SAVP");
	HAS("DTLS", "off");
	LACKS("OSRTP");
	ck_assert_ptr_nonnull(med_ng_entry(&got, MED_STR("SDES")));

	OK(run("offer", GW_PLAIN, ITSP_OPTIONAL, HEAD AVP, NULL));
	HAS("transport-protocol", "RTP/AVP");
	HAS("OSRTP", "l5:offere");

	OK(run("offer", PBX_REQUIRED, PHONE, HEAD SAVP CRYPTO(1),
			"18:transport-protocol7:RTP/AVP"));
	HAS("transport-protocol", "RTP/AVP");
	LACKS("OSRTP");
	LACKS("ICE");
}
END_TEST

/** DTLS-SRTP towards a leg, with and without what WebRTC adds, and from one. */
START_TEST(dtls_of_a_leg)
{
	static const char offered[] = HEAD "m=audio 4000 UDP/TLS/RTP/SAVPF 8\n" FINGERPRINT
									   "a=fingerprint:sha-1 00\na=setup:actpass\n"
									   "a=tls-id:1\na=ice-options:trickle\n"
									   "a=ice-ufrag:u\n" CRYPTO(1);

	OK(run("offer", GW_PLAIN, WEB, HEAD AVP, "8:rtcp-muxl5:demuxe"));
	HAS("transport-protocol", "UDP/TLS/RTP/SAVPF");
	HAS("SDES", "l3:offe");
	HAS("ICE", "force");
	HAS("rtcp-mux", "l5:offer6:accepte");
	ck_assert_uint_eq(med_ng_count(&got, MED_STR("rtcp-mux")), 1);
	LACKS("DTLS");
	LACKS("OSRTP");
	ck_assert_uint_eq(memo.offered, MED_OFFER_DTLS);
	REFUSED(reply(false, HEAD SAVP CRYPTO(1)), "not DTLS-SRTP");
	REFUSED(reply(false, HEAD DTLS "a=setup:actpass\n"), "no usable a=fingerprint");
	REFUSED(reply(false, HEAD DTLS FINGERPRINT "a=setup:actpass\n" CRYPTO(1)),
			"would show keys");
	OK(reply(false, HEAD DTLS FINGERPRINT "a=setup:actpass\n"));
	REFUSED(run("answer", WEB, GW_PLAIN, HEAD SAVP CRYPTO(1), NULL), "not DTLS-SRTP");
	REFUSED(run("answer", WEB, GW_PLAIN, HEAD DTLS FINGERPRINT "a=setup:actpass\n", NULL),
			"a=setup:active or passive");
	OK(run("answer", WEB, GW_PLAIN, HEAD DTLS FINGERPRINT "a=setup:active\n", NULL));

	OK(run("offer", GW_PLAIN, PBX_REQUIRED "/dtls", HEAD AVP, NULL));
	HAS("transport-protocol", "UDP/TLS/RTP/SAVP");
	HAS("ICE", "remove");

	OK(run("offer", WEB, PBX_REQUIRED, offered, NULL));
	HAS("transport-protocol", "RTP/SAVP");
	HAS("DTLS", "off");
	HAS("sdp",
			HEAD "m=audio 4000 UDP/TLS/RTP/SAVPF 8\n" FINGERPRINT
				 "a=setup:actpass\na=ice-ufrag:u\n");
	OK(run("answer", PBX_REQUIRED, WEB, HEAD SAVP CRYPTO(1), NULL));
	LACKS("ICE"); /* as it offered */
	LACKS("OSRTP");
	REFUSED(reply(true, HEAD SAVP CRYPTO(1)), "not DTLS-SRTP");
	OK(reply(true, HEAD DTLS FINGERPRINT "a=setup:active\n"));

	OK(run("offer", PBX_REQUIRED "/dtls", GW_PLAIN, offered, NULL));
	HAS("sdp", HEAD "m=audio 4000 UDP/TLS/RTP/SAVPF 8\n" FINGERPRINT "a=setup:actpass\n");
	REFUSED(run("offer", ITSP_OPTIONAL "/dtls", GW_PLAIN, offered, NULL),
			"'dtls' goes with SRTP mode required alone");
	REFUSED(run("offer", PBX_REQUIRED, GW_PLAIN, offered, NULL), "srtp_keys are sdes");
}
END_TEST

START_TEST(flags_of_the_script_give_way)
{
	OK(run("offer", GW_PLAIN, PBX_REQUIRED, HEAD AVP,
			"18:transport-protocol7:RTP/AVP18:transport protocol7:RTP/AVP4:SDESl3:offe"
			"5:osrtpl5:offere4:DTLS7:passive3:ICE5:force11:passthrough2:on"
			"5:flagsl13:trust-addresse3:TOSi184e"));
	HAS("transport-protocol", "RTP/SAVP");
	LACKS("transport protocol");
	LACKS("osrtp");
	LACKS("passthrough");
	HAS("ICE", "remove");
	HAS("flags", "l13:trust-addresse");
	HAS("TOS", "i184e");
	ck_assert_uint_eq(med_ng_count(&got, MED_STR("SDES")), 1);
	ck_assert_uint_eq(med_ng_count(&got, MED_STR("transport-protocol")), 1);
}
END_TEST

/** Both sides' interfaces, in offers. */
START_TEST(interfaces)
{
	static const char own[] = "9:directionl1:x1:ye";
	static const char named[] = "gw1/not_supported/interface:pstn/dscp:46";

	OK(run("offer", GW_PLAIN, named, HEAD AVP, own));
	HAS("direction", "l7:default4:pstne");
	ck_assert_uint_eq(med_ng_count(&got, MED_STR("direction")), 1);
	HAS("TOS", "i184e");
	OK(run("offer", named, PHONE, HEAD AVP, NULL));
	HAS("direction", "l4:pstn7:defaulte");
	OK(run("offer", GW_PLAIN "/interface:a", GW_PLAIN "/interface:b", HEAD AVP, NULL));
	HAS("direction", "l1:a1:be");
	OK(run("answer", GW_PLAIN "/interface:b", GW_PLAIN "/interface:a", HEAD AVP, NULL));
	LACKS("direction");
	OK(run("offer", GW_PLAIN, GW_PLAIN, HEAD AVP, own));
	HAS("direction", "l1:x1:ye");
}
END_TEST

/** One TOS in every command, the higher one; latching of the side that the SDP is of. */
START_TEST(flags_of_packets)
{
	static const char tos[] = "3:TOSi4e5:flagsl13:trust-addresse";

	OK(run("offer", GW_PLAIN "/dscp:34", GW_PLAIN "/dscp:46/latching:off", HEAD AVP,
			tos));
	HAS("TOS", "i184e");
	HAS("flags", "l13:trust-addresse");
	ck_assert_uint_eq(med_ng_count(&got, MED_STR("TOS")), 1);
	ck_assert_uint_eq(med_ng_count(&got, MED_STR("flags")), 1);
	OK(run("answer", GW_PLAIN "/dscp:46/latching:off", GW_PLAIN "/dscp:34", HEAD AVP,
			NULL));
	HAS("TOS", "i184e");
	HAS("flags", "l10:asymmetrice");
	OK(run("offer", GW_PLAIN "/dscp:63/latching:always", PHONE, HEAD AVP, tos));
	HAS("TOS", "i252e");
	ck_assert_uint_eq(med_ng_count(&got, MED_STR("flags")), 2);
	OK(run("offer", GW_PLAIN "/latching:strict", PHONE, HEAD AVP, NULL));
	HAS("flags", "l13:strict sourcee");
	OK(run("answer", PHONE, GW_PLAIN "/dscp:63/latching:always", HEAD AVP, NULL));
	HAS("TOS", "i252e");
	LACKS("flags");
	OK(run("offer", GW_PLAIN, GW_PLAIN, HEAD AVP, tos));
	HAS("TOS", "i4e");
}
END_TEST

/** What the SDP of a leg with a policy loses before rtpengine sees it. */
START_TEST(sdp_of_an_offer)
{
	static const struct {
		const char *from, *to, *in, *out;
	} row[] = {
			/* clang-format off */
		/* not_supported: keys offered beside plain RTP are not taken up */
		{GW_PLAIN, GW_PLAIN, AVP CRYPTO(1) "a=sendrecv\n", AVP "a=sendrecv\n"},
		/* of two lines the one without MKI; other suites go */
		{ITSP_OPTIONAL, GW_PLAIN,
			AVP "a=tcap:1 RTP/SAVP\na=pcfg:1 t=1\n"
			"a=crypto:1 " SUITE_80 " inline:" KEY_A "|2^31|2:1\n"
			"a=crypto:2 " SUITE_80 " inline:" KEY_B "|2^31\n"
			"a=crypto:3 AES_CM_128_HMAC_SHA1_32 inline:" KEY_B "\n",
			AVP "a=crypto:2 " SUITE_80 " inline:" KEY_B "|2^31\n"},
		/* the only one has an MKI: accepted */
		{PBX_REQUIRED, GW_PLAIN,
			SAVP "a=crypto:1 " SUITE_80 " inline:" KEY_A "|2^31|2:1\n",
			SAVP "a=crypto:1 " SUITE_80 " inline:" KEY_A "|2^31|2:1\n"},
		/* one of two alternatives */
		{PBX_REQUIRED, GW_PLAIN, SAVP CRYPTO(1) AVP,
			SAVP CRYPTO(1) "m=audio 0 RTP/AVP 8\n"},
		{GW_PLAIN, PBX_REQUIRED, SAVP CRYPTO(1) AVP,
			"m=audio 0 RTP/SAVP 8\n" AVP},
		/* fax beside audio */
		{GW_PLAIN, PBX_REQUIRED, AVP "m=image 9 udptl t38\n", AVP "m=image 0 udptl t38\n"},
		{GW_PLAIN, ITSP_OPTIONAL, AVP "m=image 9 udptl t38\n", AVP "m=image 9 udptl t38\n"},
		/* never passed on */
		{GW_PLAIN, ITSP_OPTIONAL,
			"k=base64:abc\n" AVP "a=encryption:optional\na=cryptoscale:1 client\n"
			"a=candidate:1 1 UDP 1 192.0.2.1 4000 typ host\na=ice-ufrag:x\na=setup:actpass\n"
			"a=rtcp:4001\n",
			AVP "a=rtcp:4001\n"},
		/* what names the other side's addresses */
		{GW_PLAIN, ITSP_OPTIONAL,
			"a=source-filter: incl IN IP4 * 10.9.8.7\n" AVP
			"a=source-filter: incl IN IP4 * 10.9.8.7\na=alt:1 1 : x y 10.9.8.7 4000\n"
			"a=altc:1 IP4 10.9.8.7 4000\na=ccap:1 IN IP4 10.9.8.7\na=sendonly\n",
			AVP "a=sendonly\n"},
		{PHONE, GW_PLAIN, SAVP CRYPTO(1) "a=source-filter: incl IN IP4 * 10.9.8.7\n",
			SAVP CRYPTO(1)},
		/* a phone keeps what is its own, but no capabilities */
		{PHONE, GW_PLAIN, SAVP CRYPTO(1) "a=ice-ufrag:x\na=acap:1 crypto:1 x\n",
			SAVP CRYPTO(1) "a=ice-ufrag:x\n"},
			/* clang-format on */
	};
	char text[1024], expected[1024];
	size_t i;
	med_str_t sdp;

	for(i = 0; i < COUNT(row); i++) {
		snprintf(text, sizeof(text), HEAD "%s", row[i].in);
		snprintf(expected, sizeof(expected), HEAD "%s", row[i].out);
		OK(run("offer", row[i].from, row[i].to, text, NULL));
		sdp = med_ng_text(&got, MED_STR("sdp"));
		ck_assert_msg(med_str_eq(sdp, med_str(expected)),
				"row %zu: expected\n%s\ngot\n%.*s", i, expected, MED_STR_FMT(sdp));
	}
}
END_TEST

START_TEST(refused_offers)
{
	REFUSED(run("offer", PBX_REQUIRED, GW_PLAIN, HEAD AVP, NULL),
			"leg 'pbx1' (required), offer: m-line 1 (audio RTP/AVP): plain RTP");
	REFUSED(run("offer", GW_PLAIN, PBX_REQUIRED, HEAD SAVP CRYPTO(1), NULL),
			"leg 'gw1' (not_supported)");
	REFUSED(run("offer", PBX_REQUIRED, GW_PLAIN, HEAD "m=audio 1 UDP/TLS/RTP/SAVP 0\n",
					NULL),
			"DTLS");
	REFUSED(run("offer", PBX_REQUIRED, GW_PLAIN, "nonsense", NULL), "SDP line 1");
	REFUSED(run("offer", PBX_REQUIRED, GW_PLAIN, "", NULL), "empty");
	REFUSED(run("offer", PBX_REQUIRED, GW_PLAIN, NULL, NULL), "no SDP");
	REFUSED(run("offer", PBX_REQUIRED, GW_PLAIN, HEAD, NULL), "no m-line");
	REFUSED(run("offer", GW_PLAIN, PBX_REQUIRED, HEAD "m=image 9 udptl t38\n", NULL),
			"cannot be encrypted");
}
END_TEST

START_TEST(bad_keys)
{
	static const char *const codecs[] = {"codecs:", "codecs:PCMX",
			"codecs:PCMU+PCMA+PCMU+PCMA+PCMU+PCMA", "cn:", "cn:as_received", "cn:maybe",
			"dtmf:", "dtmf:as_received", "dtmf:events", "event:95", "event:128",
			"event:", "event:101x", "ptime:0", "ptime:15", "ptime:70",
			"ptime:", "ptime:20 ", "dscp:", "dscp:0", "dscp:64",
			"latching:", "latching:once", "dtmf:info",
			"interface:", "interface:a23456789012345678901234567890123"};
	char leg[96];
	size_t i;

	REFUSED(run("offer", PBX_REQUIRED, NULL, HEAD AVP, NULL), "med-to is missing");
	REFUSED(run("offer", NULL, GW_PLAIN, HEAD AVP, NULL), "med-from is missing");
	REFUSED(run("offer", "pbx1", GW_PLAIN, HEAD AVP, NULL), "<trunk>/<srtp>");
	REFUSED(run("offer", "/required", GW_PLAIN, HEAD AVP, NULL), "<trunk>/<srtp>");
	REFUSED(run("offer", "pbx1/any", GW_PLAIN, HEAD AVP, NULL), "go together");
	REFUSED(run("offer", "-/required", GW_PLAIN, HEAD AVP, NULL), "go together");
	REFUSED(run("offer", "pbx1/always", GW_PLAIN, HEAD AVP, NULL), "'always'");
	REFUSED(run("offer", PBX_REQUIRED "/mki", GW_PLAIN, HEAD AVP, NULL), "'mki'");
	REFUSED(run("offer", PBX_REQUIRED "/suites:80+", GW_PLAIN, HEAD AVP, NULL),
			"plain RTP was offered");
	REFUSED(run("offer", PBX_REQUIRED "/suites:", GW_PLAIN, HEAD AVP, NULL), "'suites:'");
	REFUSED(run("offer", PBX_REQUIRED "/suites:80+x", GW_PLAIN, HEAD AVP, NULL),
			"'suites:80+x'");
	REFUSED(run("offer", PBX_REQUIRED "/suites:80+32+80+32+80", GW_PLAIN, HEAD AVP, NULL),
			"does not know");
	REFUSED(run("offer", "-/any/lync", GW_PLAIN, HEAD AVP, NULL), "'lync'");
	for(i = 0; i < COUNT(codecs); i++) {
		snprintf(leg, sizeof(leg), "gw1/not_supported/%s", codecs[i]);
		REFUSED(run("offer", leg, GW_PLAIN, HEAD AVP, NULL), "does not know");
		ck_assert_ptr_nonnull(strstr(why.text, codecs[i]));
	}
	REFUSED(run("offer", PBX_REQUIRED, GW_PLAIN, HEAD SAVP CRYPTO(1), "6:med-to5:-/any"),
			"more than once");
	REFUSED(run("offer", PBX_REQUIRED, GW_PLAIN, HEAD SAVP CRYPTO(1), "3:sdp4:v=0\n"),
			"more than once");
	REFUSED(run("offer", PBX_REQUIRED, GW_PLAIN, HEAD SAVP CRYPTO(1), "3:SDP4:v=0\n"),
			"spell it");
}
END_TEST

START_TEST(reply_to_an_offer)
{
	OK(run("offer", GW_PLAIN, ITSP_OPTIONAL, HEAD AVP, NULL));
	OK(reply(false,
			HEAD "m=audio 9 RTP/AVP 8\nb=AS:64\na=sendrecv\n" CRYPTO(
					1) "m=video 0 RTP/AVP 9\n"));
	HAS("sdp",
			HEAD "m=audio 9 RTP/AVP 8\nb=AS:64\na=tcap:1 RTP/SAVP\r\na=pcfg:1 t=1\r\n"
				 "a=sendrecv\n" CRYPTO(1) "m=video 0 RTP/AVP 9\n");
	HAS("result", "ok");
	ck_assert_uint_eq(memo.line[0].tag[0], 1);

	/* capabilities are numbered through the session, whatever lies between */
	OK(run("offer", GW_PLAIN, ITSP_OPTIONAL, HEAD AVP AVP AVP, NULL));
	OK(reply(false, HEAD AVP CRYPTO(1) "m=audio 0 RTP/AVP 8\n" AVP CRYPTO(2)));
	HAS("sdp",
			HEAD AVP "a=tcap:1 RTP/SAVP\r\na=pcfg:1 t=1\r\n" CRYPTO(
					1) "m=audio 0 RTP/AVP 8\n" AVP
					   "a=tcap:2 RTP/SAVP\r\na=pcfg:1 t=2\r\n" CRYPTO(2));

	OK(run("offer", GW_PLAIN, PBX_REQUIRED, HEAD AVP, NULL));
	REFUSED(reply(false, HEAD AVP), "leg 'pbx1' (required), SDP made by rtpengine");
	OK(reply(false, HEAD SAVP CRYPTO(1)));
	OK(run("offer", PBX_REQUIRED, GW_PLAIN, HEAD SAVP CRYPTO(1), NULL));
	REFUSED(reply(false, HEAD SAVP CRYPTO(1)), "leg 'gw1' (not_supported)");
	REFUSED(reply(false, HEAD AVP CRYPTO(1)), "keys");
	REFUSED(reply(false, ""), "empty");
	OK(reply(false, HEAD AVP));
	OK(run("offer", PBX_REQUIRED, PHONE, HEAD SAVP CRYPTO(1), NULL));
	OK(reply(false, HEAD AVP));
}
END_TEST

/** Offer from a peer in each form, plain answer from the other side: what the peer reads.
 */
START_TEST(answer_written)
{
	static const struct {
		const char *from, *offer, *rtpengine, *answer;
	} row[] = {
			/* clang-format off */
		{ITSP_OPTIONAL, AVP, AVP, AVP},
		{ITSP_OPTIONAL, AVP CRYPTO(1), AVP CRYPTO(1), SAVP CRYPTO(1)},
		{ITSP_OPTIONAL, AVP "a=tcap:2 RTP/SAVP\na=pcfg:3 t=2\n" CRYPTO(1), AVP CRYPTO(1),
			SAVP "a=acfg:3 t=2\r\n" CRYPTO(1)},
		{ITSP_OPTIONAL, "m=audio 4000 RTP/AVPF 8\n" CRYPTO(1),
			"m=audio 4000 RTP/AVPF 8\n" CRYPTO(1), "m=audio 4000 RTP/SAVPF 8\n" CRYPTO(1)},
		{ITSP_OPTIONAL, SAVP CRYPTO(1), SAVP CRYPTO(1), SAVP CRYPTO(1)},
		{ITSP_OPTIONAL, SAVP CRYPTO(1) "m=video 6 RTP/AVP 9\n",
			SAVP CRYPTO(1) "m=video 6 RTP/AVP 9\n", SAVP CRYPTO(1) "m=video 6 RTP/AVP 9\n"},
		{ITSP_OPTIONAL, AVP CRYPTO(1), "m=audio 0 RTP/AVP 8\n", "m=audio 0 RTP/AVP 8\n"},
		{PBX_REQUIRED, AVP CRYPTO(1), AVP CRYPTO(1), SAVP CRYPTO(1)},
		{PBX_REQUIRED, SAVP CRYPTO(1), SAVP CRYPTO(1), SAVP CRYPTO(1)},
		{GW_PLAIN, AVP CRYPTO(1), AVP, AVP},
		{PHONE, AVP CRYPTO(1), AVP CRYPTO(1), AVP CRYPTO(1)},
			/* clang-format on */
	};
	char offer[1024], made[1024], expected[1024];
	size_t i;
	med_str_t sdp;

	for(i = 0; i < COUNT(row); i++) {
		snprintf(offer, sizeof(offer), HEAD "%s", row[i].offer);
		snprintf(made, sizeof(made), HEAD "%s", row[i].rtpengine);
		snprintf(expected, sizeof(expected), HEAD "%s", row[i].answer);
		OK(run("offer", row[i].from, "gw2/not_supported", offer, NULL));
		OK(run("answer", "gw2/not_supported", row[i].from, HEAD AVP, NULL));
		OK(reply(true, made));
		sdp = med_ng_text(&got, MED_STR("sdp"));
		ck_assert_msg(med_str_eq(sdp, med_str(expected)),
				"row %zu: expected\n%s\ngot\n%.*s", i, expected, MED_STR_FMT(sdp));
	}
}
END_TEST

START_TEST(answer_checked)
{
	OK(run("offer", GW_PLAIN, PBX_REQUIRED, HEAD AVP, NULL));
	OK(reply(false, HEAD SAVP CRYPTO(1)));
	REFUSED(run("answer", PBX_REQUIRED, GW_PLAIN, HEAD AVP, NULL),
			"leg 'pbx1' (required), answer: m-line 1 (audio RTP/AVP): plain RTP");
	REFUSED(run("answer", PBX_REQUIRED, GW_PLAIN, HEAD SAVP CRYPTO(7), NULL),
			"a=crypto:7 was not offered");
	OK(run("answer", PBX_REQUIRED, GW_PLAIN, HEAD SAVP CRYPTO(1), NULL));
	LACKS("OSRTP");
	LACKS("transport-protocol");

	OK(run("offer", ITSP_OPTIONAL, GW_PLAIN, HEAD AVP CRYPTO(1), NULL));
	OK(reply(false, HEAD AVP));
	/* keys in an answer to an offer without any: ignored */
	OK(run("answer", GW_PLAIN, ITSP_OPTIONAL, HEAD AVP CRYPTO(1), NULL));
	HAS("OSRTP", "l6:accepte");
	HAS("sdp", HEAD AVP);
	REFUSED(run("answer", GW_PLAIN, ITSP_OPTIONAL, HEAD SAVP CRYPTO(1), NULL),
			"RTP/SAVP");
	OK(run("answer", GW_PLAIN, ITSP_OPTIONAL, HEAD AVP, NULL));
	/* rtpengine, for whatever reason, would answer in the clear what came with keys */
	REFUSED(reply(true, HEAD AVP), "not what was offered");
}
END_TEST

/** A call that is not remembered: by policy, never guessed. */
START_TEST(unknown_call)
{
	memset(&memo, 0, sizeof(memo));
	REFUSED(run("answer", PBX_REQUIRED, GW_PLAIN, HEAD AVP, NULL), "(required)");
	OK(run("answer", PBX_REQUIRED, GW_PLAIN, HEAD SAVP CRYPTO(9), NULL));
	OK(run("answer", ITSP_OPTIONAL, PBX_REQUIRED, HEAD AVP, NULL));
	REFUSED(reply(true, HEAD AVP), "leg 'pbx1' (required)");
	OK(reply(true, HEAD AVP CRYPTO(1)));
	HAS("sdp", HEAD SAVP CRYPTO(1));
}
END_TEST

/* What goes past rtpengine comes back as it is, if the other leg may be sent it. */
static int past(const char *from, const char *to, const char *sdp)
{
	int rc = med_ng_command_decode(
			command("offer", from, to, sdp, "10:med-bypass1:1"), &view, &why);

	ck_assert_int_eq(rc, MED_EOK);
	ck_assert_int_eq(med_policy_legs(&view, &legs, &why), MED_EOK);
	out = (med_ng_out_t){.s = written, .size = sizeof(written)};
	rc = med_policy_past(&view, &legs, &out, &why);
	if(rc == MED_EOK)
		ck_assert_int_eq(med_ng_decode((med_str_t){out.s, out.len}, &got, &why), MED_EOK);
	return rc;
}

START_TEST(past_rtpengine)
{
	static const char ice[] = HEAD AVP "a=ice-ufrag:x\n";

	OK(past(GW_PLAIN, GW_PLAIN, ice));
	HAS("result", "ok");
	ck_assert(med_str_eq(med_ng_text(&got, MED_STR("sdp")), med_str(ice)));
	OK(past(PHONE, GW_PLAIN, ice));
	REFUSED(past(GW_PLAIN, PBX_REQUIRED, HEAD AVP),
			"leg 'pbx1' (required), SDP past rtpengine: m-line 1");
	REFUSED(past(PBX_REQUIRED, PBX_REQUIRED, HEAD SAVP), "without a usable key");
	REFUSED(past(GW_PLAIN, GW_PLAIN, NULL), "there is no SDP in the command");
	REFUSED(past(GW_PLAIN, GW_PLAIN, "v=0\nm=audio\n"), "leg 'gw1'");
}
END_TEST

START_TEST(too_long)
{
	static char sdp[60000];
	size_t at = strlen(HEAD AVP);

	memcpy(sdp, HEAD AVP, at);
	while(at + 20 < sizeof(sdp) - 1) {
		memcpy(sdp + at, "a=x:0123456789abcd\r\n", 20);
		at += 20;
	}
	OK(run("offer", GW_PLAIN, ITSP_OPTIONAL, sdp, NULL));
	ck_assert_int_eq(
			med_ng_command_decode(
					command("offer", GW_PLAIN, ITSP_OPTIONAL, sdp, NULL), &view, &why),
			MED_EOK);
	out = (med_ng_out_t){.s = written, .size = 50000};
	ck_assert_int_eq(med_policy_offer(&view, &legs, &keys, &scratch, &out, &memo, &why),
			MED_ELIMIT);
}
END_TEST

/** A body that ends in a media section without attributes, and without a line end. */
START_TEST(insert_at_the_end)
{
	OK(run("offer", GW_PLAIN, ITSP_OPTIONAL, HEAD AVP, NULL));
	OK(run("offer", ITSP_OPTIONAL, GW_PLAIN,
			HEAD AVP "a=tcap:1 RTP/SAVP\na=pcfg:1 t=1\na=crypto:1 " SUITE_80
					 " inline:" KEY_A,
			NULL));
	HAS("sdp", HEAD AVP "a=crypto:1 " SUITE_80 " inline:" KEY_A);
	OK(run("answer", GW_PLAIN, ITSP_OPTIONAL, HEAD AVP, NULL));
	OK(reply(true,
			HEAD "m=audio 4000 RTP/SAVP 8\na=crypto:1 " SUITE_80 " inline:" KEY_A
				 "\nm=image 0 udptl t38"));
	HAS("sdp",
			HEAD "m=audio 4000 RTP/SAVP 8\na=acfg:1 t=1\r\na=crypto:1 " SUITE_80
				 " inline:" KEY_A "\nm=image 0 udptl t38");
}
END_TEST

#define FORMATS(list) "m=audio 4000 RTP/AVP " list "\n"
#define EVENT(payload)                                                                   \
	"a=rtpmap:" payload " telephone-event/8000\na=fmtp:" payload " 0-16\n"

/** What rtpengine is shown, and what it is told. */
START_TEST(codecs_of_an_offer)
{
	static const struct {
		const char *from, *to, *media, *shown, *codec;
	} row[] = {
			/* nothing is said: not a byte */
			{"", "", FORMATS("8  0\t"), FORMATS("8  0\t"), NULL},
			/* what is left out takes its attributes along, and no others */
			{"", "/codecs:PCMA",
					FORMATS("0 8 101 96") "a=rtpmap:0 PCMU/8000\n" EVENT(
							"101") "a=rtpmap:96 "
								   "opus/48000/2\na=fmtp:96 x\na=rtcp-fb:96 "
								   "y\na=rtcp-fb:* z\na=fmtp:8 w\n"
								   "a=other:0\na=rtpmap:\na=fmtp:x\n",
					FORMATS("8 101") EVENT("101") "a=rtcp-fb:* z\na=fmtp:8 w\na=other:0\n"
												  "a=rtpmap:\na=fmtp:x\n",
					NULL},
			{"/codecs:PCMU", "/codecs:PCMA+PCMU", FORMATS("0 8 18"), FORMATS("0"), NULL},
			{"", "/cn:no", FORMATS("13 8"), FORMATS("8"), NULL},
			/* what rtpengine cannot decode is of no use to who gets all made */
			{"", "/codecs:PCMA+G722/transcode",
					FORMATS("0 4 96 97") "a=rtpmap:96 x-msrta/16000\n", FORMATS("0") "",
					"d4:maskl4:PCMUe9:transcodel4:PCMA4:G722ee"},
			{"/codecs:G722/transcode", "", FORMATS("9"), FORMATS("9"),
					"d9:transcodel4:PCMU4:PCMAee"},
			{"", "/cn:yes", FORMATS("8"), FORMATS("8"), "d9:transcodel2:CNee"},
			{"", "/dtmf:inband", FORMATS("8 101") EVENT("101"),
					FORMATS("8 101") EVENT("101"), "d7:consumel15:telephone-eventee"},
			/* as many payload types as it takes for the next one to be the one wanted */
			{"", "/event:100", FORMATS("8 97") EVENT("97"),
					FORMATS("8 97 96 98 99") EVENT("97"),
					"d5:stripl4:fulle9:transcodel4:PCMA15:telephone-eventee"},
			{"", "/event:97/codecs:PCMU+PCMA/transcode", FORMATS("8 13 101") EVENT("101"),
					FORMATS("8 13 101 96") EVENT("101"),
					"d5:stripl4:fulle9:transcodel4:PCMU4:PCMA2:CN15:telephone-eventee"},
			{"", "/event:101", FORMATS("8 101") EVENT("101"),
					FORMATS("8 101") EVENT("101"), NULL},
			{"", "/event:101", FORMATS("8"), FORMATS("8"), NULL},
			/* lines that are not audio, or are declined, are none of its business */
			{"", "/codecs:PCMA",
					FORMATS("8 0") "m=video 4 RTP/AVP 0\nm=audio 0 RTP/AVP 0\n"
								   "m=image 4 udptl t38\n",
					FORMATS("8") "m=video 4 RTP/AVP 0\nm=audio 0 RTP/AVP 0\nm=image 4 "
								 "udptl "
								 "t38\n",
					NULL},
	};
	char from[64], to[64], text[1024], expected[1024];
	size_t i;

	for(i = 0; i < COUNT(row); i++) {
		snprintf(from, sizeof(from), GW_PLAIN "%s", row[i].from);
		snprintf(to, sizeof(to), "gw2/not_supported%s", row[i].to);
		snprintf(text, sizeof(text), HEAD "%s", row[i].media);
		snprintf(expected, sizeof(expected), HEAD "%s", row[i].shown);
		OK(run("offer", from, to, text, NULL));
		ck_assert_msg(med_str_eq(med_ng_text(&got, MED_STR("sdp")), med_str(expected)),
				"row %zu: expected\n%s\ngot\n%.*s", i, expected,
				MED_STR_FMT(med_ng_text(&got, MED_STR("sdp"))));
		ck_assert_msg(
				!row[i].codec == !med_ng_entry(&got, MED_STR("codec")), "row %zu", i);
		if(row[i].codec)
			ck_assert_msg(med_str_eq(med_ng_entry(&got, MED_STR("codec"))->raw,
								  med_str(row[i].codec)),
					"row %zu: %.*s", i,
					MED_STR_FMT(med_ng_entry(&got, MED_STR("codec"))->raw));
	}
	OK(run("offer", GW_PLAIN, ITSP_OPTIONAL "/ptime:30", HEAD AVP,
			"5:codecd4:maskl4:PCMAee5:ptimei20e"));
	HAS("ptime", "i30e");
	LACKS("codec");
	OK(run("answer", ITSP_OPTIONAL "/ptime:30", GW_PLAIN "/ptime:20", HEAD AVP, NULL));
	HAS("ptime", "i20e");
	OK(run("offer", GW_PLAIN, ITSP_OPTIONAL, HEAD AVP, "5:codecd4:maskl4:PCMAee"));
	HAS("codec", "d4:maskl4:PCMAee");
}
END_TEST

START_TEST(codecs_refused)
{
	REFUSED(run("offer", GW_PLAIN "/codecs:PCMU", GW_PLAIN, HEAD AVP, NULL),
			"leg 'gw1' (not_supported), offer: m-line 1: none of the codecs offered is "
			"one "
			"of the leg's (PCMU); offer one of those");
	REFUSED(run("offer", GW_PLAIN, "gw2/not_supported/codecs:G722+AMR", HEAD AVP, NULL),
			"leg 'gw2' (not_supported), offer: m-line 1: none of the codecs offered is "
			"one "
			"of the leg's (G722, AMR); add one, or transcode yes");
	REFUSED(run("offer", GW_PLAIN, "gw2/not_supported/codecs:PCMU/transcode",
					HEAD FORMATS("4 13 101") EVENT("101"), NULL),
			"none of the codecs");
	REFUSED(run("offer", GW_PLAIN, "gw2/not_supported/event:101",
					HEAD FORMATS("8 101 96") EVENT("96"), NULL),
			"cannot be mapped to payload type 101: it is that of another format");
	REFUSED(run("offer", GW_PLAIN, "gw2/not_supported/event:101",
					HEAD FORMATS("4 96") EVENT("96"), NULL),
			"rtpengine makes none of the codecs offered; offer PCMU or PCMA");
	REFUSED(run("offer", GW_PLAIN, "gw2/not_supported/cn:no", HEAD FORMATS("8 x"), NULL),
			"a format is no payload type");
}
END_TEST

/** rtpengine puts what it makes behind; the leg reads its own order. */
START_TEST(codecs_of_a_reply)
{
	OK(run("offer", GW_PLAIN, "gw2/not_supported/codecs:G722+PCMA/transcode",
			HEAD FORMATS("8 101") EVENT("101"), NULL));
	OK(reply(false, HEAD FORMATS("101 8 13 9") EVENT("101") "a=rtpmap:9 G722/8000\n"));
	HAS("sdp", HEAD FORMATS("9 8 13 101") EVENT("101") "a=rtpmap:9 G722/8000\n");
	OK(run("offer", GW_PLAIN, "gw2/not_supported/event:97",
			HEAD FORMATS("8 101") EVENT("101"), NULL));
	OK(reply(false, HEAD FORMATS("97 8") EVENT("97")));
	HAS("sdp", HEAD FORMATS("8 97") EVENT("97"));
	REFUSED(reply(false, HEAD FORMATS("8 98") EVENT("98")),
			"telephone-event would be offered as payload type 98, not as 97");
}
END_TEST

int main(void)
{
	const TTest *tests[] = {codecs_of_an_offer, codecs_refused, codecs_of_a_reply,
			flags_of_an_offer, dtls_of_a_leg, flags_of_the_script_give_way,
			flags_of_packets, interfaces, sdp_of_an_offer, refused_offers, bad_keys,
			reply_to_an_offer, answer_written, answer_checked, unknown_call,
			past_rtpengine, too_long, insert_at_the_end};

	return plugin_run("ng policy", tests, COUNT(tests));
}
