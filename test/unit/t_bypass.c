/**
 * t_bypass.c - whose media may go past us: each rule of it as a row
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core_test.h"
#include "medcore/bypass.h"

static med_config_t *config;
static const med_snapshot_t *snap;

static void build(void)
{
	const med_snapshot_t *next = core_build(config);

	if(snap != NULL)
		med_config_release(config, snap);
	snap = next;
}

static void trunk(const char *id, const char *address, const char *site, const char *mode,
		const char *more, const char *value)
{
	char profile[80];

	(void)snprintf(profile, sizeof(profile), "trunk:%s", id);
	core_set(config, MED_KIND_GATEWAY, id, "address", address, "site", site, "tls_name",
			"gw.example", more, value, NULL);
	core_set(config, MED_KIND_TRUNK, id, "transport",
			strcmp(mode, "not_supported") == 0 ? "tcp" : "tls", "local_port",
			strcmp(mode, "not_supported") == 0 ? "5068" : "5067", NULL);
	core_set(config, MED_KIND_PROFILE, profile, "srtp_mode", mode, "enable_bypass", "yes",
			NULL);
}

/* Two sites share an id, one has none, one is of IPv6; gateways of all kinds. */
static void start(void)
{
	snap = NULL;
	config = med_config_new(&med_mem_heap, &med_mem_heap);
	core_set(config, MED_KIND_SITE, "hq", "subnets", "10.1.0.0/16", "bypass_id", "well",
			NULL);
	core_set(config, MED_KIND_SITE, "annex", "subnets", "10.2.0.0/16", "bypass_id",
			"well", NULL);
	core_set(config, MED_KIND_SITE, "far", "subnets", "10.3.0.0/16", NULL);
	core_set(config, MED_KIND_SITE, "well", "subnets", "10.4.0.0/16", NULL);
	core_set(config, MED_KIND_SITE, "six", "subnets", "2001:db8::/32", NULL);
	core_set(config, MED_KIND_SITE, "both", "subnets", "10.6.0.0/16,2001:db9::/32", NULL);
	core_set(config, MED_KIND_SITE, "named", NULL);
	trunk("hq", "10.1.0.1", "", "not_supported", NULL, NULL);
	trunk("hq2", "10.1.0.2", "", "not_supported", NULL, NULL);
	trunk("annex", "10.2.0.1", "", "not_supported", NULL, NULL);
	trunk("far", "10.3.0.1", "", "not_supported", NULL, NULL);
	trunk("far2", "10.3.0.2", "", "not_supported", NULL, NULL);
	trunk("well", "10.4.0.1", "", "not_supported", NULL, NULL);
	trunk("six", "2001:db8::1", "", "not_supported", NULL, NULL);
	trunk("six2", "2001:db8::2", "", "not_supported", NULL, NULL);
	trunk("both4", "10.6.0.1", "", "not_supported", NULL, NULL);
	trunk("both6", "2001:db9::1", "", "not_supported", NULL, NULL);
	trunk("named", "192.0.2.1", "named", "not_supported", NULL, NULL);
	trunk("named2", "192.0.2.2", "named", "not_supported", NULL, NULL);
	trunk("nowhere", "192.0.2.3", "", "not_supported", NULL, NULL);
	trunk("media", "192.0.2.4", "", "not_supported", "representative_media_ip",
			"10.1.0.9");
	trunk("loop", "192.0.2.5", "", "not_supported", "alternate_by_pass_id", "l1");
	trunk("loop2", "10.3.0.5", "", "not_supported", "alternate_by_pass_id", "l1");
	trunk("loop3", "10.3.0.6", "", "not_supported", "alternate_by_pass_id", "l2");
	trunk("never", "10.1.0.3", "", "not_supported", NULL, NULL);
	core_set(config, MED_KIND_PROFILE, "trunk:never", "srtp_mode", "not_supported", NULL);
	trunk("direct", "10.1.0.4", "", "not_supported", NULL, NULL);
	core_set(config, MED_KIND_PROFILE, "trunk:direct", "srtp_mode", "not_supported",
			"anchor", "no", NULL);
	core_set(config, MED_KIND_GATEWAY, "req", "address", "10.1.0.5", "tls_name",
			"req.example", NULL);
	core_set(config, MED_KIND_TRUNK, "req", NULL);
	core_set(config, MED_KIND_PROFILE, "trunk:req", "srtp_mode", "required",
			"enable_bypass", "yes", NULL);
	core_set(config, MED_KIND_GATEWAY, "opt", "address", "10.1.0.6", "tls_name",
			"opt.example", NULL);
	core_set(config, MED_KIND_TRUNK, "opt", NULL);
	core_set(config, MED_KIND_PROFILE, "trunk:opt", "srtp_mode", "optional",
			"enable_bypass", "yes", NULL);
	core_set(config, MED_KIND_GATEWAY, "web", "address", "10.1.0.7", "tls_name",
			"web.example", NULL);
	core_set(config, MED_KIND_TRUNK, "web", NULL);
	core_set(config, MED_KIND_PROFILE, "trunk:web", "srtp_keys", "dtls", "enable_bypass",
			"yes", NULL);
	build();
}

static void finish(void)
{
	med_config_release(config, snap);
	med_config_free(config);
}

#define KEY                                                                              \
	"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"                                         \
	"d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n"
#define FINGERPRINT                                                                      \
	"a=setup:actpass\r\na=fingerprint:sha-256 "                                          \
	"00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:"                                         \
	"EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n"
#define AUDIO(profile, address) "m=audio 30000 " profile " 8\r\nc=IN " address "\r\n"

/* "" or a sentence of why in *why. @p media: NULL is no SDP. */
static const char *ask(const char *from, const char *to, const char *media, bool up,
		bool clear, med_errbuf_t *why)
{
	static const med_leg_policy_t phone = {.known = false};
	med_bypass_end_t here = {.trunk = med_snapshot_trunk(snap, med_str(from))};
	med_bypass_end_t there = {.trunk = med_snapshot_trunk(snap, med_str(to))};
	char text[1024];
	med_sdp_t sdp;
	med_ip_t at;

	here.leg = here.trunk != NULL ? &here.trunk->leg : &phone;
	there.leg = there.trunk != NULL ? &there.trunk->leg : &phone;
	here.in_the_clear = here.trunk == NULL && clear;
	there.in_the_clear = there.trunk == NULL && clear;
	if(there.trunk == NULL && med_ip_parse(med_str(to), &at) == MED_EOK)
		there.at = &at;
	if(media != NULL) {
		(void)snprintf(text, sizeof(text),
				"v=0\r\no=- 1 1 IN IP4 10.9.9.9\r\ns=-\r\nt=0 0\r\n%s", media);
		ck_assert_int_eq(med_sdp_parse(med_str(text), &sdp, NULL), MED_EOK);
		here.sdp = &sdp;
	} else if(here.trunk == NULL) {
		here.site = med_str(from);
	}
	return med_bypass_word(med_bypass(snap, &here, &there, up, why));
}

START_TEST(rows)
{
	static const struct {
		const char *from, *to, *media, *word;
	} row[] = {
			/* by subnets of sites, and their bypass ids */
			{"hq", "hq2", AUDIO("RTP/AVP", "IP4 10.1.7.7"), "same_id"},
			{"hq", "annex", AUDIO("RTP/AVP", "IP4 10.1.7.7"), "same_id"},
			{"hq", "annex", NULL, "same_id"},
			{"far", "far2", AUDIO("RTP/AVP", "IP4 10.3.7.7"), "same_id"},
			{"hq", "far", AUDIO("RTP/AVP", "IP4 10.1.7.7"), "no_common_id"},
			{"far", "well", AUDIO("RTP/AVP", "IP4 10.3.7.7"), "no_common_id"},
			/* a site of that name is not that id */
			{"hq", "well", AUDIO("RTP/AVP", "IP4 10.1.7.7"), "no_common_id"},
			/* what is offered counts, not who offers it */
			{"hq", "hq2", AUDIO("RTP/AVP", "IP4 10.3.7.7"), "no_common_id"},
			{"hq", "hq2", AUDIO("RTP/AVP", "IP4 192.0.2.99"), "no_place"},
			{"hq", "hq2", AUDIO("RTP/AVP", "IP4 host.example"), "no_place"},
			{"hq", "hq2",
					AUDIO("RTP/AVP", "IP4 10.1.7.7") AUDIO("RTP/AVP", "IP4 10.3.7.7"),
					"no_common_id"},
			{"hq", "far",
					AUDIO("RTP/AVP", "IP4 10.1.7.7") AUDIO("RTP/AVP", "IP4 10.3.7.7"),
					"no_common_id"},
			{"hq", "hq2",
					AUDIO("RTP/AVP", "IP4 10.1.7.7") "m=video 0 RTP/AVP 9\r\n"
													 "c=IN IP4 192.0.2.99\r\n",
					"same_id"},
			/* on hold it says nothing of where it is */
			{"hq", "hq2", AUDIO("RTP/AVP", "IP4 0.0.0.0"), "same_id"},
			{"hq", "far", AUDIO("RTP/AVP", "IP4 0.0.0.0"), "no_common_id"},
			/* in no subnet: where the gateway stands, if it is its own address */
			{"named", "named2", AUDIO("RTP/AVP", "IP4 192.0.2.1"), "same_id"},
			{"named", "named2", AUDIO("RTP/AVP", "IP4 192.0.2.77"), "no_place"},
			{"nowhere", "hq", AUDIO("RTP/AVP", "IP4 192.0.2.3"), "no_place"},
			{"hq", "nowhere", AUDIO("RTP/AVP", "IP4 10.1.7.7"), "no_place"},
			/* representative_media_ip */
			{"hq", "media", AUDIO("RTP/AVP", "IP4 10.1.7.7"), "same_id"},
			{"media", "hq", NULL, "same_id"},
			{"media", "hq", AUDIO("RTP/AVP", "IP4 10.1.0.9"), "same_id"},
			{"media", "hq", AUDIO("RTP/AVP", "IP4 192.0.2.4"), "no_place"},
			/* alternate_by_pass_id: hairpins, whatever the sites */
			{"loop", "loop", AUDIO("RTP/AVP", "IP4 192.0.2.5"), "hairpin"},
			{"loop", "loop2", AUDIO("RTP/AVP", "IP4 192.0.2.5"), "hairpin"},
			{"loop", "loop3", AUDIO("RTP/AVP", "IP4 192.0.2.5"), "no_place"},
			{"loop", "hq", AUDIO("RTP/AVP", "IP4 192.0.2.5"), "no_place"},
			/* families */
			{"six", "six2", AUDIO("RTP/AVP", "IP6 2001:db8::9"), "same_id"},
			{"both4", "both6", AUDIO("RTP/AVP", "IP4 10.6.0.9"), "no_family"},
			{"both6", "both4", AUDIO("RTP/AVP", "IP6 2001:db9::9"), "no_family"},
			{"hq", "six", NULL, "no_family"},
			/* profiles */
			{"never", "hq", AUDIO("RTP/AVP", "IP4 10.1.7.7"), "no_profile"},
			{"hq", "never", AUDIO("RTP/AVP", "IP4 10.1.7.7"), "no_profile"},
			{"direct", "hq", AUDIO("RTP/AVP", "IP4 10.1.7.7"), "same_id"},
			{"direct", "direct", AUDIO("RTP/AVP", "IP4 10.1.7.7"), ""},
			/* SRTP: what one demands the other has */
			{"req", "req", AUDIO("RTP/SAVP", "IP4 10.1.7.7") KEY, "same_id"},
			{"req", "opt", AUDIO("RTP/SAVP", "IP4 10.1.7.7") KEY, "same_id"},
			{"opt", "req", AUDIO("RTP/SAVP", "IP4 10.1.7.7") KEY, "same_id"},
			{"opt", "req", AUDIO("RTP/AVP", "IP4 10.1.7.7") KEY, "no_form"},
			{"opt", "req", AUDIO("RTP/AVP", "IP4 10.1.7.7"), "no_form"},
			{"opt", "req", AUDIO("UDP/TLS/RTP/SAVP", "IP4 10.1.7.7"), "no_form"},
			{"opt", "opt", AUDIO("RTP/AVP", "IP4 10.1.7.7") KEY, "same_id"},
			{"opt", "opt", AUDIO("RTP/AVP", "IP4 10.1.7.7"), "same_id"},
			{"opt", "hq", AUDIO("RTP/AVP", "IP4 10.1.7.7"), "no_srtp"},
			{"hq", "opt", AUDIO("RTP/AVP", "IP4 10.1.7.7"), "no_srtp"},
			{"hq", "req", AUDIO("RTP/AVP", "IP4 10.1.7.7"), "no_srtp"},
			{"req", "hq", AUDIO("RTP/SAVP", "IP4 10.1.7.7") KEY, "no_srtp"},
			{"web", "web", AUDIO("UDP/TLS/RTP/SAVP", "IP4 10.1.7.7") FINGERPRINT,
					"same_id"},
			{"web", "web", AUDIO("UDP/TLS/RTP/SAVP", "IP4 10.1.7.7"), "no_form"},
			{"web", "req", AUDIO("UDP/TLS/RTP/SAVP", "IP4 10.1.7.7") FINGERPRINT,
					"no_srtp"},
			{"req", "web", NULL, "no_srtp"},
			/* own users: where they are, and their keys */
			{"far", "10.3.8.8", AUDIO("RTP/AVP", "IP4 10.3.7.7"), "same_id"},
			{"far", "10.1.8.8", AUDIO("RTP/AVP", "IP4 10.3.7.7"), "no_common_id"},
			{"far", "phone.example", AUDIO("RTP/AVP", "IP4 10.3.7.7"), "no_place"},
			{"", "far", AUDIO("RTP/AVP", "IP4 10.3.7.7"), "same_id"},
			{"", "far", AUDIO("RTP/AVP", "IP4 192.0.2.1"), "no_place"},
			{"far", "far2", NULL, "same_id"},
			{"", "req", AUDIO("RTP/SAVP", "IP4 10.1.7.7") KEY, "no_form"},
	};
	med_errbuf_t why;

	start();
	for(size_t i = 0; i < COUNT(row); i++) {
		why.text[0] = '\0';
		ck_assert_msg(strcmp(ask(row[i].from, row[i].to, row[i].media, false, true, &why),
							  row[i].word)
						== 0,
				"row %zu, %s to %s, should be '%s': %s", i, row[i].from, row[i].to,
				row[i].word, why.text);
		ck_assert_int_eq(why.text[0] == '\0', row[i].word[0] == '\0');
	}
	/* where nobody reads them, keys may go to a phone */
	ck_assert_str_eq(
			ask("", "req", AUDIO("RTP/SAVP", "IP4 10.1.7.7") KEY, false, false, &why),
			"same_id");
	/* of a user a site alone may be known: for explain */
	ck_assert_str_eq(ask("far", "far2", NULL, false, true, &why), "same_id");
	ck_assert_str_eq(ask("far-away", "far2", NULL, false, true, &why), "no_common_id");
	finish();
}
END_TEST

START_TEST(modes)
{
	med_errbuf_t why;
	med_errbuf_t err = {""};

	start();
	core_set(config, MED_KIND_PROFILE, "global", "bypass_mode", "always", NULL);
	build();
	ck_assert_str_eq(
			ask("hq", "nowhere", AUDIO("RTP/AVP", "IP4 198.51.100.1"), false, true, &why),
			"always");
	ck_assert_str_eq(
			ask("hq", "never", AUDIO("RTP/AVP", "IP4 10.1.7.7"), false, true, &why),
			"no_profile");
	ck_assert_str_eq(ask("hq", "six", NULL, false, true, &why), "no_family");
	ck_assert_str_eq(ask("hq", "req", NULL, false, true, &why), "no_srtp");
	core_set(config, MED_KIND_PROFILE, "global", "bypass_mode", "never", NULL);
	build();
	ck_assert_str_eq(
			ask("hq", "hq2", AUDIO("RTP/AVP", "IP4 10.1.7.7"), false, true, &why),
			"no_mode");
	ck_assert_str_eq(
			why.text, "media goes through us: profile 'global' has bypass_mode never");
	/* a call that is up: by where its media is alone */
	ck_assert_str_eq(
			ask("hq", "never", AUDIO("RTP/AVP", "IP4 10.1.7.7"), true, true, &why),
			"same_id");
	ck_assert_str_eq(ask("hq", "hq2", AUDIO("RTP/AVP", "IP4 10.3.7.7"), true, true, &why),
			"no_common_id");
	/* it is one word for all */
	ck_assert_int_eq(core_try(config, &err, MED_KIND_PROFILE, "site:hq", "bypass_mode",
							 "always", NULL),
			MED_EINVAL);
	ck_assert_str_eq(err.text,
			"profile 'site:hq': field 'bypass_mode': is for all trunks; write it in "
			"profile 'global', and enable_bypass here");
	finish();
}
END_TEST

START_TEST(reasons)
{
	med_errbuf_t why;

	start();
	(void)ask("hq", "annex", AUDIO("RTP/AVP", "IP4 10.1.7.7"), false, true, &why);
	ck_assert_str_eq(why.text, "media goes past us: both ends are at bypass id 'well'");
	(void)ask("hq", "far", AUDIO("RTP/AVP", "IP4 10.1.7.7"), false, true, &why);
	ck_assert_str_eq(why.text,
			"media goes through us: the offer is at bypass id 'well', "
			"its answerer at site 'far'");
	(void)ask("hq", "hq2", AUDIO("RTP/AVP", "IP4 192.0.2.9"), false, true, &why);
	ck_assert_str_eq(why.text,
			"media goes through us: the offer 192.0.2.9 is in no site's subnets");
	(void)ask("opt", "req", AUDIO("RTP/AVP", "IP4 10.1.7.7"), false, true, &why);
	ck_assert_str_eq(why.text,
			"media goes through us: the offer cannot go on as it is: m-line 1 (audio "
			"RTP/AVP): would go out as RTP/AVP, but the leg's SRTP mode is required");
	/* past us nobody would see to them */
	core_set(config, MED_KIND_PROFILE, "trunk:hq2", "srtp_mode", "not_supported",
			"enable_bypass", "yes", "codecs", "PCMA", NULL);
	build();
	(void)ask("hq", "hq2", AUDIO("RTP/AVP", "IP4 10.1.7.7"), false, true, &why);
	ck_assert_str_eq(why.text,
			"media goes through us: the offer cannot go on as it is: a profile has "
			"codecs "
			"or digits in a form of its own");
	finish();
}
END_TEST

int main(void)
{
	const TTest *tests[] = {rows, modes, reasons};

	return core_run("bypass", tests, COUNT(tests));
}
