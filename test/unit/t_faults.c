/**
 * t_faults.c - what is wrong by reference and by sense, what becomes of it, and that it
 * is known without looking at what is right
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core_test.h"

static med_config_t *config;
static core_texts_t texts;

static void start(void)
{
	config = med_config_new(&med_mem_heap, &med_mem_heap);
	ck_assert_ptr_nonnull(config);
}

static void finish(void)
{
	med_config_free(config);
}

/* Built, then so many texts of each severity; they are in `texts`. */
static const char *wrong(size_t refused, size_t warned)
{
	const med_snapshot_t *s = core_build(config);

	med_config_release(config, s);
	texts = (core_texts_t){.len = 0};
	(void)med_config_refused(config, core_add_text, &texts);
	ck_assert_msg(
			texts.count[MED_REFUSED] == refused && texts.count[MED_WARNED] == warned,
			"%zu refused, %zu warned:\n%s", texts.count[MED_REFUSED],
			texts.count[MED_WARNED], texts.text);
	return texts.text;
}

static int drop(enum med_kind kind, const char *id)
{
	return med_config_remove(config, kind, med_str(id));
}

static bool serves(const char *id)
{
	const med_snapshot_t *s = core_build(config);
	bool there = med_snapshot_trunk(s, med_str(id)) != NULL;

	med_config_release(config, s);
	return there;
}

static void add_tcp(const char *id, const char *address)
{
	core_set(config, MED_KIND_GATEWAY, id, "address", address, NULL);
	core_set(config, MED_KIND_TRUNK, id, "transport", "tcp", NULL);
}

/* Each of these names something that is not there; it comes, it goes, it comes. */
START_TEST(names_in_vain)
{
	static const struct {
		enum med_kind kind;
		const char *id, *field[4];
		enum med_kind other;
		const char *name, *text;
		enum med_severity severity;
	} row[] = {
			{MED_KIND_PROFILE, "global", {"dial_plan", "x"}, MED_KIND_RULES, "x",
					"profile 'global': field 'dial_plan': no rules 'x'; until there is, "
					"numbers stay as they are",
					MED_REFUSED},
			{MED_KIND_PROFILE, "global", {"outbound_translation_rules_list", "x"},
					MED_KIND_RULES, "x", "field 'outbound_translation_rules': no rules",
					MED_REFUSED},
			{MED_KIND_PROFILE, "global", {"sip_response_code_translation_rules", "x"},
					MED_KIND_RESPONSE_RULES, "x",
					"no response_rules 'x'; until there is, codes stay as they are",
					MED_WARNED},
			{MED_KIND_PROFILE, "global", {"network_site_id", "x"}, MED_KIND_SITE, "x",
					"field 'network_site_id': no site 'x'", MED_WARNED},
			{MED_KIND_PROFILE, "trunk:x", {NULL}, MED_KIND_TRUNK, "x",
					"profile 'trunk:x': no trunk 'x'; until there is, it does nothing",
					MED_WARNED},
			{MED_KIND_PROFILE, "site:x", {NULL}, MED_KIND_SITE, "x",
					"profile 'site:x': no site 'x'; it applies to gateways that name",
					MED_WARNED},
			{MED_KIND_GATEWAY, "g", {"site", "x", "address", "h.example"}, MED_KIND_SITE,
					"x", "gateway 'g': field 'site': no site 'x'", MED_WARNED},
			{MED_KIND_GATEWAY, "x", {"root_trunk", "x", "address", "h.example"},
					MED_KIND_TRUNK, "x",
					"gateway 'x': field 'root_trunk': no trunk 'x'; until there is, "
					"there "
					"is none to guard",
					MED_WARNED},
			{MED_KIND_POOL, "p", {"site", "x"}, MED_KIND_SITE, "x",
					"pool 'p': field 'site': no site 'x'", MED_WARNED},
			{MED_KIND_LIMITS, "gateway:x", {NULL}, MED_KIND_GATEWAY, "x",
					"limits 'gateway:x': no gateway 'x'; until there is, it does nothing",
					MED_WARNED},
			{MED_KIND_LIMITS, "site:x:x", {NULL}, MED_KIND_SITE, "x",
					"limits 'site:x:x': no site 'x'", MED_WARNED},
			{MED_KIND_TEST, "t", {"dialed_number", "1", "from_trunk", "x"},
					MED_KIND_TRUNK, "x",
					"test 't': field 'from_trunk': no trunk 'x'; until there is, the "
					"case "
					"fails",
					MED_WARNED},
			{MED_KIND_TEST, "t", {"dialed_number", "1", "target_policy", "x"},
					MED_KIND_POLICY, "x", "no policy 'x'", MED_WARNED},
	};

	for(size_t i = 0; i < COUNT(row); i++) {
		bool pair = strcmp(row[i].id, "site:x:x") == 0;
		start();
		core_set(config, row[i].kind, row[i].id, row[i].field[0], row[i].field[1],
				row[i].field[2], row[i].field[3], NULL);
		for(int round = 0; round < 2; round++) {
			(void)wrong(row[i].severity == MED_REFUSED,
					pair ? 2 : row[i].severity == MED_WARNED);
			core_assert_has(texts.text, row[i].text);
			if(row[i].other == MED_KIND_TRUNK && row[i].kind != MED_KIND_GATEWAY)
				core_set(config, MED_KIND_GATEWAY, "x", "address", "h.example", NULL);
			core_set(config, row[i].other, row[i].name,
					row[i].other == MED_KIND_GATEWAY ? "address" : NULL, "h.example",
					NULL);
			(void)wrong(0, 0);
			if(row[i].kind == MED_KIND_GATEWAY && row[i].other == MED_KIND_TRUNK)
				core_set(config, MED_KIND_TRUNK, "x", "gateway", "y", NULL);
			if(row[i].kind == MED_KIND_GATEWAY && row[i].other == MED_KIND_TRUNK)
				core_assert_has(wrong(1, 1), "trunk 'x' is one of gateway 'y'");
			ck_assert_int_eq(drop(row[i].other, row[i].name), MED_EOK);
		}
		ck_assert_int_eq(drop(row[i].kind, row[i].id), MED_EOK);
		(void)wrong(0, 0);
		finish();
	}
}
END_TEST

START_TEST(a_refused_one_is_not_there_either)
{
	start();
	core_set(config, MED_KIND_PROFILE, "global", "dial_plan", "x", NULL);
	(void)core_try(config, NULL, MED_KIND_RULES, "x", "rule.0", "none", NULL);
	core_assert_has(wrong(2, 0), "no rules 'x' in force, it is refused; until there is");
	core_set(config, MED_KIND_RULES, "x", "rule.0", "^1 => 2", NULL);
	(void)wrong(0, 0);
	finish();
}
END_TEST

START_TEST(routes_and_usages)
{
	start();
	add_tcp("t", "192.0.2.1");
	core_set(config, MED_KIND_ROUTE, "a", "pattern", "^1", NULL);
	(void)wrong(0, 2);
	core_assert_has(texts.text, "route 'a': field 'usages': empty; it is never used");
	core_assert_has(texts.text, "route 'a': field 'trunks': empty; calls that it takes");
	core_set(config, MED_KIND_ROUTE, "a", "pattern", "^1", "usages", "u", "trunks", "t",
			NULL);
	core_assert_has(wrong(0, 1),
			"route 'a': field 'usages': no policy and no profile names usage 'u'; by it "
			"no route is used");
	core_set(config, MED_KIND_POLICY, "p", "usages", "u,v", NULL);
	core_assert_has(wrong(0, 1),
			"policy 'p': field 'usages': no route has usage 'v'; it is passed");
	core_set(config, MED_KIND_PROFILE, "global", "pstn_usages", "v", NULL);
	(void)wrong(0, 1); /* once, whoever names it */
	ck_assert_int_eq(drop(MED_KIND_POLICY, "p"), MED_EOK);
	(void)wrong(0, 2);
	core_assert_has(texts.text, "profile 'global': field 'pstn_usages': no route has");
	core_set(config, MED_KIND_PROFILE, "global", "pstn_usages", "u", NULL);
	(void)wrong(0, 0);
	ck_assert_int_eq(drop(MED_KIND_ROUTE, "a"), MED_EOK);
	core_assert_has(wrong(0, 1), "no route has usage 'u'");
	ck_assert_int_eq(drop(MED_KIND_PROFILE, "global"), MED_EOK);
	(void)wrong(0, 0);
	finish();
}
END_TEST

START_TEST(keys_in_the_clear)
{
	start();
	add_tcp("t", "192.0.2.1");
	core_set(config, MED_KIND_PROFILE, "global", "anchor", "yes", NULL);
	(void)wrong(0, 0); /* required is the default; nobody asked for it */
	core_set(config, MED_KIND_PROFILE, "global", "srtp_mode", "optional", NULL);
	core_assert_has(wrong(0, 1),
			"trunk 't': its profile 'global' says srtp_mode optional, but transport tcp "
			"cannot keep keys secret: media is plain RTP; use tls");
	ck_assert(serves("t"));
	core_set(config, MED_KIND_PROFILE, "trunk:t", "srtp_mode", "not_supported", NULL);
	(void)wrong(0, 0);
	core_set(config, MED_KIND_PROFILE, "trunk:t", "srtp_mode", "required", NULL);
	core_assert_has(wrong(0, 1), "its profile 'trunk:t' says srtp_mode required");
	core_set(config, MED_KIND_PROFILE, "trunk:t", "srtp_keys", "dtls", NULL);
	core_assert_has(wrong(0, 1), "cannot keep a fingerprint from being exchanged");
	core_set(config, MED_KIND_GATEWAY, "t", "address", "t.example", NULL);
	core_set(config, MED_KIND_TRUNK, "t", "transport", "tls", NULL);
	(void)wrong(0, 0);
	finish();
}
END_TEST

START_TEST(the_rest_of_sense)
{
	start();
	core_set(config, MED_KIND_PROFILE, "global", "enable_bypass", "yes",
			"enable_refer_support", "no", "rtcp_active_calls", "no", "rtcp_calls_on_hold",
			"no", NULL);
	core_assert_has(wrong(0, 1), "a call that is transferred is bypassed no more");
	core_set(config, MED_KIND_PROFILE, "global", "enable_bypass", "yes",
			"enable_refer_support", "no", "rtcp_active_calls", "no", "rtcp_calls_on_hold",
			"no", "enable_3pcc_refer", "yes", NULL);
	(void)wrong(0, 0);
	core_set(config, MED_KIND_RESPONSE_RULES, "r", "rule.0",
			"received_isup_cause_value=34 translated_response_code=503", "rule.3",
			"received_response_code=183 translated_response_code=503", NULL);
	core_assert_has(wrong(0, 1),
			"response_rules 'r': field 'rule.3': received_response_code 183 never "
			"matches");
	ck_assert_int_eq(drop(MED_KIND_RESPONSE_RULES, "r"), MED_EOK);
	(void)wrong(0, 0);
	add_tcp("t", "192.0.2.1");
	add_tcp("u", "192.0.2.2");
	core_set(config, MED_KIND_POLICY, "p", "usages", "u", NULL);
	core_set(config, MED_KIND_ROUTE, "r", "pattern", "^1", "usages", "u", "trunks",
			"t*0,u*0", NULL);
	core_assert_has(wrong(0, 1), "route 'r': field 'trunks': all weigh 0");
	core_set(config, MED_KIND_ROUTE, "r", "pattern", "^1", "usages", "u", "trunks",
			"t,u*0", NULL);
	(void)wrong(0, 0);
	core_set(config, MED_KIND_ROUTE, "r", "pattern", "^1", "usages", "u", "trunks", "t*0",
			NULL);
	(void)wrong(0, 0);
	finish();
}
END_TEST

START_TEST(simple_names)
{
	start();
	core_set(config, MED_KIND_RULES, "b", "simple_name", "Redmond", NULL);
	core_set(config, MED_KIND_RULES, "c", "simple_name", "redmond", NULL);
	core_set(config, MED_KIND_RULES, "d", NULL);
	core_set(config, MED_KIND_RULES, "e", NULL);
	(void)wrong(0, 0);
	core_set(config, MED_KIND_RULES, "a", "simple_name", "Redmond", NULL);
	core_assert_has(wrong(0, 1),
			"rules 'b': field 'simple_name': 'Redmond' is that of rules 'a' too");
	core_set(config, MED_KIND_RULES, "c", "simple_name", "Redmond", NULL);
	(void)wrong(0, 2);
	ck_assert_int_eq(drop(MED_KIND_RULES, "a"), MED_EOK);
	core_assert_has(wrong(0, 1),
			"rules 'c': field 'simple_name': 'Redmond' is that of "
			"rules 'b' too");
	core_set(config, MED_KIND_RULES, "b", "simple_name", "Dallas", NULL);
	(void)wrong(0, 0);
	finish();
}
END_TEST

/* A case that cannot be passed. */
START_TEST(expectations_that_contradict)
{
	static const struct {
		const char *result, *field, *value;
		unsigned warned;
	} cases[] = {{"routed", "expected_route", "r", 0},
			{"no_route", "expected_route", "r", 1},
			{"all_down", "expected_trunk", "t", 1},
			{"no_usage", "expected_usage", "u", 1},
			{"invalid", "expected_called_number", "+1", 1},
			{"no_route", "expected_translated_number", "+1", 0},
			{"invalid", "expected_translated_number", "+1", 1}};

	start();
	add_tcp("t", "192.0.2.1");
	core_set(config, MED_KIND_POLICY, "p", "usages", "u", NULL);
	core_set(config, MED_KIND_ROUTE, "r", "pattern", "^1", "usages", "u", "trunks", "t",
			NULL);
	for(size_t i = 0; i < COUNT(cases); i++) {
		core_set(config, MED_KIND_TEST, "k", "dialed_number", "+1", "target_policy", "p",
				"expected_result", cases[i].result, cases[i].field, cases[i].value, NULL);
		(void)wrong(0, cases[i].warned);
		if(cases[i].warned > 0) {
			core_assert_has(texts.text, cases[i].field);
			core_assert_has(texts.text, "always fails");
		}
	}
	finish();
}
END_TEST

static void assert_whole(void *ctx, enum med_severity severity, enum med_kind kind,
		med_str_t id, const char *text)
{
	(void)severity;
	(void)kind;
	(void)id;
	++*(unsigned *)ctx;
	ck_assert_msg(strlen(text) < sizeof(med_errbuf_t) - 1, "cut: %s", text);
}

/* Remedies come last in a text: none is cut off, however long the ids are. */
START_TEST(texts_have_room_for_the_longest_ids)
{
	static char l[] = "lllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllX",
				m[] = "mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmX";
	char trunk_l[80], site_m[80], id[65];
	unsigned told = 0;

	start();
	(void)snprintf(trunk_l, sizeof(trunk_l), "trunk:%s", l);
	(void)snprintf(site_m, sizeof(site_m), "site:%s", m);
	core_set(config, MED_KIND_GATEWAY, m, "address",
			"2001:db8:1111:2222:3333:4444:5555:6666", "root_trunk", l, "site", l, NULL);
	core_set(config, MED_KIND_TRUNK, l, "gateway", m, "transport", "tcp", NULL);
	core_set(config, MED_KIND_TRUNK, m, "gateway", m, "transport", "tcp", NULL);
	core_set(config, MED_KIND_TRUNK, "tls", "gateway", m, NULL);
	core_set(config, MED_KIND_TRUNK, "lost", "gateway", l, NULL);
	core_set(config, MED_KIND_TRUNK, "poolless", "gateway", m, "mediation_server", l,
			NULL);
	core_set(config, MED_KIND_GATEWAY, "other", "address", "192.0.2.9", "root_trunk", m,
			NULL);
	core_set(config, MED_KIND_PROFILE, trunk_l, "srtp_mode", "required",
			"enable_refer_support", "no", "enable_bypass", "yes", "rtcp_active_calls",
			"no", "rtcp_calls_on_hold", "no", "network_site_id", m, "dial_plan", m,
			"outbound_calling_number_translation_rules", m, "outbound_translation_rules",
			m, "sip_response_code_translation_rules", m, "pstn_usages", m, NULL);
	core_set(config, MED_KIND_PROFILE, site_m, NULL);
	core_set(config, MED_KIND_LIMITS, site_m, NULL);
	core_set(config, MED_KIND_RULES, l, "simple_name", l, NULL);
	core_set(config, MED_KIND_RULES, "k", "simple_name", l, NULL);
	core_set(config, MED_KIND_POLICY, l, "custom_call_forwarding_simul_ring_usages", m,
			NULL);
	core_set(config, MED_KIND_TEST, l, "dialed_number", "1", "from_trunk", "t",
			"target_dialplan", m, "expected_route", m, "expected_result", "invalid",
			NULL);
	core_set(config, MED_KIND_RESPONSE_RULES, l, "rule.0",
			"received_response_code=180 translated_response_code=503", NULL);
	for(int i = 0; i < 250; i++) {
		(void)snprintf(id, sizeof(id), "%.61s%u", m, (100u + (unsigned)i) % 1000u);
		core_set(config, MED_KIND_ROUTE, id, "pattern", "[0-9]{3}", "usages", l, "trunks",
				m, NULL);
	}
	med_config_release(config, core_build(config));
	ck_assert_int_eq(drop(MED_KIND_TRUNK, l), MED_EREFUSED);
	(void)med_config_refused(config, assert_whole, &told);
	ck_assert_uint_gt(told, 20);
	finish();
}
END_TEST

/* All dial plans of one name: each costs what it costs alone. */
START_TEST(a_simple_name_of_thousands)
{
	enum { MANY = 4000 };
	char id[16];

	start();
	for(unsigned i = 0; i < MANY; i++) {
		snprintf(id, sizeof(id), "r%u", (i * 7919) % MANY);
		core_set(config, MED_KIND_RULES, id, "simple_name", "same", NULL);
	}
	ck_assert_uint_eq(med_config_refused(config, NULL, NULL), MANY - 1);
	for(unsigned i = 0; i < MANY - 2; i++) {
		snprintf(id, sizeof(id), "r%u", i);
		ck_assert_int_eq(drop(MED_KIND_RULES, id), MED_EOK);
	}
	core_assert_has(wrong(0, 1),
			"rules 'r3999': field 'simple_name': 'same' is that of "
			"rules 'r3998' too");
	finish();
}
END_TEST

/* Of gateways that take no calls, two ways to the same place are one. */
START_TEST(the_same_destination)
{
	start();
	core_set(config, MED_KIND_GATEWAY, "g", "address", "GW.example", NULL);
	core_set(config, MED_KIND_GATEWAY, "h", "address", "gw.example", NULL);
	core_set(config, MED_KIND_TRUNK, "g", "transport", "tcp", NULL);
	core_set(config, MED_KIND_TRUNK, "h", "transport", "tcp", NULL);
	core_assert_has(wrong(1, 0),
			"trunk 'h': local_port 5068 and the gateway's address "
			"are "
			"those of trunk 'g', whose id");
	core_set(config, MED_KIND_TRUNK, "h", "transport", "tcp", "port", "5070", NULL);
	(void)wrong(0, 0);
	core_set(config, MED_KIND_TRUNK, "h", "transport", "udp", "port", "5066",
			"local_port", "5068", NULL);
	(void)wrong(0, 0);
	core_set(config, MED_KIND_TRUNK, "h", "transport", "tcp", NULL);
	(void)wrong(1, 0);
	core_set(config, MED_KIND_GATEWAY, "h", "address", "gw.example", "source",
			"192.0.2.1", NULL);
	(void)wrong(0, 0);
	core_set(config, MED_KIND_GATEWAY, "h", "address", "gw.example", NULL);
	(void)wrong(1, 0);
	ck_assert_int_eq(drop(MED_KIND_TRUNK, "g"), MED_EOK);
	(void)wrong(0, 0);
	ck_assert(serves("h"));
	finish();
}
END_TEST

/* ---- root trunks ----------------------------------------------------------------------
 */

static void add_root(void)
{
	core_set(config, MED_KIND_GATEWAY, "g", "address", "192.0.2.1", "root_trunk", "r",
			NULL);
	core_set(config, MED_KIND_TRUNK, "r", "gateway", "g", "transport", "tcp", NULL);
}

START_TEST(a_root_trunk_stays)
{
	start();
	add_root();
	core_set(config, MED_KIND_TRUNK, "s", "gateway", "g", "transport", "udp", NULL);
	(void)wrong(0, 0);
	ck_assert_int_eq(drop(MED_KIND_TRUNK, "s"), MED_EOK); /* any other may go */
	ck_assert_int_eq(drop(MED_KIND_TRUNK, "r"), MED_EREFUSED);
	core_assert_has(wrong(1, 0),
			"trunk r|trunk 'r': removed, but it is the root trunk of gateway 'g'; it "
			"stays "
			"in force until that goes too, or root_trunk names another");
	ck_assert(serves("r"));
	ck_assert_int_eq(drop(MED_KIND_TRUNK, "r"), MED_EREFUSED); /* told again */
	/* There again: all is well. */
	add_root();
	(void)wrong(0, 0);
	/* The gateway lets it go. */
	ck_assert_int_eq(drop(MED_KIND_TRUNK, "r"), MED_EREFUSED);
	core_set(config, MED_KIND_GATEWAY, "g", "address", "192.0.2.1", NULL);
	(void)wrong(0, 0);
	ck_assert(!serves("r"));
	ck_assert_int_eq(drop(MED_KIND_TRUNK, "r"), MED_ENOMATCH);
	/* Or goes itself, before or after. */
	add_root();
	ck_assert_int_eq(drop(MED_KIND_TRUNK, "r"), MED_EREFUSED);
	ck_assert_int_eq(drop(MED_KIND_GATEWAY, "g"), MED_EOK);
	(void)wrong(0, 0);
	add_root();
	ck_assert_int_eq(drop(MED_KIND_GATEWAY, "g"), MED_EOK);
	(void)wrong(1, 0);
	ck_assert_int_eq(drop(MED_KIND_TRUNK, "r"), MED_EOK);
	(void)wrong(0, 0);
	/* A bad version of it is there, so the gateway letting go changes nothing. */
	add_root();
	ck_assert_int_eq(drop(MED_KIND_TRUNK, "r"), MED_EREFUSED);
	(void)core_try(config, NULL, MED_KIND_TRUNK, "r", "port", "x", NULL);
	core_set(config, MED_KIND_GATEWAY, "g", "address", "192.0.2.1", NULL);
	core_assert_has(wrong(1, 0), "not a number: 'x'");
	ck_assert(serves("r"));
	finish();
}
END_TEST

START_TEST(a_full_read_spares_root_trunks)
{
	start();
	add_root();
	med_config_mark(config);
	core_set(config, MED_KIND_GATEWAY, "g", "address", "192.0.2.1", "root_trunk", "r",
			NULL);
	ck_assert_uint_eq(med_config_stale(config, NULL, NULL), 1);
	ck_assert_uint_eq(med_config_sweep(config), 0);
	ck_assert(serves("r"));
	(void)wrong(1, 0);
	med_config_mark(config);
	core_set(config, MED_KIND_GATEWAY, "g", "address", "192.0.2.1", "root_trunk", "r",
			NULL);
	ck_assert_uint_eq(med_config_stale(config, NULL, NULL), 0); /* known already */
	ck_assert_uint_eq(med_config_sweep(config), 0);
	(void)wrong(1, 0);
	med_config_mark(config);
	(void)med_config_sweep(config); /* both are gone */
	(void)wrong(0, 0);
	ck_assert(!serves("r"));
	ck_assert_uint_eq(med_config_count(config, MED_KIND_TRUNK), 0);
	finish();
}
END_TEST

/* What is kept by a trunk's number outlives all that may change of it. */
START_TEST(a_name_changes_nothing_else)
{
	const med_snapshot_t *s;
	uint32_t number;

	start();
	add_tcp("t", "192.0.2.1");
	add_tcp("other", "192.0.2.2");
	s = core_build(config);
	number = med_snapshot_trunk(s, MED_STR("t"))->number;
	med_config_release(config, s);
	core_set(config, MED_KIND_TRUNK, "t", "transport", "tcp", "name", "new", NULL);
	core_set(config, MED_KIND_GATEWAY, "t", "address", "192.0.2.1", "name", "new", NULL);
	s = core_build(config);
	core_assert_str(med_snapshot_trunk(s, MED_STR("t"))->name, "new");
	ck_assert_uint_eq(med_snapshot_trunk(s, MED_STR("t"))->number, number);
	med_config_release(config, s);
	finish();
}
END_TEST

/* ---- in any order ---------------------------------------------------------------------
 */

enum { OBJECTS = 20 };

/* One version of the n-th object; 0: it is not there. */
static void set_one(med_config_t *to, unsigned n, unsigned version)
{
	static const struct {
		enum med_kind kind;
		const char *id, *version[4][9];
	} object[OBJECTS] = {
			{MED_KIND_SITE, "s", {{NULL}, {"name", "x"}, {"name", "y"}}},
			{MED_KIND_SITE, "x", {{NULL}, {"name", "x"}, {"name", "y"}}},
			{MED_KIND_POOL, "p",
					{{"site", "s"}, {"site", "x"}, {"sip_client_tcp_port", "5070"}}},
			{MED_KIND_GATEWAY, "g",
					{{"address", "a.example"}, {"address", "a.example", "site", "s"},
							{"address", "192.0.2.1", "site", "x"}}},
			{MED_KIND_GATEWAY, "h",
					{{"address", "a.example"},
							{"address", "b.example", "source", "192.0.2.1"},
							{"address", "A.example"}}},
			{MED_KIND_TRUNK, "t",
					{{"gateway", "g", "transport", "tcp"}, {"gateway", "h"},
							{"gateway", "g", "transport", "tcp", "mediation_server",
									"p"}}},
			{MED_KIND_TRUNK, "u",
					{{"gateway", "h", "transport", "tcp"},
							{"gateway", "g", "transport", "udp", "local_port", "5068"},
							{"gateway", "h", "mediation_server", "p"}}},
			{MED_KIND_PROFILE, "global",
					{{"dial_plan", "a"}, {"srtp_mode", "required"},
							{"pstn_usages", "u1,u2", "dial_plan", "b"}}},
			{MED_KIND_PROFILE, "site:s",
					{{"srtp_mode", "optional"}, {"anchor", "no"},
							{"sip_response_code_translation_rules", "c"}}},
			{MED_KIND_PROFILE, "trunk:t",
					{{"srtp_mode", "not_supported"}, {"network_site_id", "x"},
							{"pstn_usages", "u3", "outbound_translation_rules", "a"}}},
			{MED_KIND_RULES, "a",
					{{"simple_name", "one"}, {"rule.0", "^1 => 2"},
							{"simple_name", "two"}}},
			{MED_KIND_RULES, "b",
					{{"simple_name", "one"}, {"simple_name", "two"}, {NULL}}},
			{MED_KIND_RESPONSE_RULES, "c",
					{{"rule.0",
							 "received_response_code=180 translated_response_code=503"},
							{"rule.0",
									"received_response_code=486 "
									"translated_response_code=503"},
							{NULL}}},
			{MED_KIND_POLICY, "q", {{"usages", "u1"}, {"usages", "u2,u3"}, {NULL}}},
			{MED_KIND_ROUTE, "r",
					{{"pattern", "^1", "usages", "u1", "trunks", "t"},
							{"pattern", "^1", "usages", "u1,u2", "trunks", "t,u*2"},
							{"pattern", "^1"}}},
			{MED_KIND_ROUTE, "w",
					{{"pattern", "^2", "usages", "u3"},
							{"pattern", "^2", "trunks", "gone"},
							{"pattern", "^(?!3)", "usages", "u2", "trunks", "u"}}},
			{MED_KIND_LIMITS, "site:s:x", {{NULL}, {"max_calls", "1"}, {NULL}}},
			{MED_KIND_LIMITS, "trunk:t", {{NULL}, {"max_calls", "1"}, {NULL}}},
			{MED_KIND_TEST, "k",
					{{"dialed_number", "1", "from_trunk", "t", "expected_route", "r"},
							{"dialed_number", "1", "target_policy", "q"},
							{"dialed_number", "1", "from_trunk", "u", "expected_trunk",
									"t"}}},
			{MED_KIND_TEST, "l",
					{{"dialed_number", "1", "from_trunk", "gone"},
							{"dialed_number", "1", "target_policy", "q",
									"target_dialplan", "b"},
							{"dialed_number", "1", "from_trunk", "t"}}},
	};
	const char *const *f = object[n].version[version - (version > 0)];

	if(version == 0)
		(void)med_config_remove(to, object[n].kind, med_str(object[n].id));
	else
		core_set(to, object[n].kind, object[n].id, f[0], f[1], f[2], f[3], f[4], f[5],
				f[6], f[7], NULL);
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Texts in order; which route or policy stands for many is not told. */
static void sorted(const med_config_t *of, char *out, size_t size)
{
	static core_texts_t t;
	char *line[100];
	size_t count = 0, used = 0;

	t = (core_texts_t){.len = 0};
	(void)med_config_refused(of, core_add_text, &t);
	for(char *next = strtok(t.text, "\n"); next != NULL; next = strtok(NULL, "\n")) {
		char *usage = strstr(next, "no route has usage"),
			 *unnamed = strstr(next, "no policy and no profile"),
			 *missing = strstr(next, "name it");
		ck_assert_uint_lt(count, COUNT(line));
		if(missing != NULL)
			*missing = '\0';
		line[count++] = usage != NULL ? usage : unnamed != NULL ? unnamed : next;
	}
	qsort(line, count, sizeof(line[0]), compare_lines);
	out[0] = '\0';
	for(size_t i = 0; i < count; i++)
		used += (size_t)snprintf(out + used, size - used, "%s\n", line[i]);
	ck_assert_uint_lt(used, size);
}

START_TEST(known_by_what_changed_as_by_all_there_is)
{
	static char by_change[16384], by_all[16384];
	unsigned version[OBJECTS] = {0};
	uint64_t state = 11;

	start();
	for(int step = 0; step < 3000; step++) {
		unsigned n = core_draw(&state, OBJECTS);
		med_config_t *fresh = med_config_new(&med_mem_heap, &med_mem_heap);
		const med_snapshot_t *a, *b;
		version[n] = core_draw(&state, 4);
		set_one(config, n, version[n]);
		if(core_draw(&state, 3) == 0) {
			med_config_free(fresh);
			continue; /* several changes at once */
		}
		for(unsigned i = 0; i < OBJECTS; i++) {
			if(version[i] > 0)
				set_one(fresh, i, version[i]);
		}
		a = core_build(config);
		b = core_build(fresh);
		sorted(config, by_change, sizeof(by_change));
		sorted(fresh, by_all, sizeof(by_all));
		ck_assert_msg(strcmp(by_change, by_all) == 0,
				"step %d: by change\n%s\nby all\n%s", step, by_change, by_all);
		for(unsigned i = 0; i < 2; i++) {
			const med_trunk_t *x = med_snapshot_trunk(a, i ? MED_STR("t") : MED_STR("u"));
			const med_trunk_t *y = med_snapshot_trunk(b, i ? MED_STR("t") : MED_STR("u"));
			ck_assert_msg((x == NULL) == (y == NULL), "step %d", step);
			if(x == NULL)
				continue;
			ck_assert(med_str_eq(x->profile->id, y->profile->id));
			ck_assert(med_str_eq(x->destination, y->destination));
			ck_assert_uint_eq(x->local_port, y->local_port);
		}
		med_config_release(config, a);
		med_config_release(fresh, b);
		med_config_free(fresh);
	}
	finish();
}
END_TEST

int main(void)
{
	const TTest *tests[] = {names_in_vain, a_refused_one_is_not_there_either,
			routes_and_usages, keys_in_the_clear, the_rest_of_sense,
			expectations_that_contradict, texts_have_room_for_the_longest_ids,
			simple_names, a_simple_name_of_thousands, the_same_destination,
			a_root_trunk_stays, a_full_read_spares_root_trunks,
			a_name_changes_nothing_else, known_by_what_changed_as_by_all_there_is};

	return core_run("faults", tests, COUNT(tests));
}
