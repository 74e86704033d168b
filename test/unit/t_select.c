/**
 * t_select.c - who sent it, which trunks take it, what it looks like there
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "core_test.h"
#include "medcore/pattern.h"
#include "medcore/snapshot.h"

static med_config_t *config;
static med_scratch_t *scratch;
static const med_snapshot_t *snap;
static core_texts_t texts;
static med_trace_t trace = {core_add_step, &texts};
static med_errbuf_t err;

static void start(void)
{
	config = med_config_new(&med_mem_heap, &med_mem_heap);
	scratch = med_scratch_new(&med_mem_heap);
	snap = NULL;
}

static void build(void)
{
	core_rebuild(config, &snap);
}

static void finish(void)
{
	med_config_release(config, snap);
	med_config_free(config);
	med_scratch_free(scratch);
}

static void add_trunk(const char *id, const char *address, const char *transport)
{
	core_set(config, MED_KIND_GATEWAY, id, "address", address, "peer", "ip_pbx", NULL);
	core_set(config, MED_KIND_TRUNK, id, "transport", transport, NULL);
}

static const med_trunk_t *trunk(const char *id)
{
	const med_trunk_t *t = med_snapshot_trunk(snap, med_str(id));

	ck_assert_msg(t != NULL, "no trunk %s", id);
	return t;
}

/* ---- identify
 * -------------------------------------------------------------------------- */

static int identify(uint8_t transport, uint16_t port, const char *address,
		const char *name, const char *other, const med_trunk_t **t)
{
	med_str_t names[2] = {med_str(name), med_str(other)};
	med_source_t source = {.transport = transport,
			.local_port = port,
			.tls_names = names,
			.tls_name_count = (name != NULL) + (size_t)(other != NULL)};

	ck_assert_int_eq(med_ip_parse(med_str(address), &source.address), MED_EOK);
	err.text[0] = '\0';
	return med_identify(snap, &source, t, &err);
}

START_TEST(who_sent_it)
{
	static const struct {
		uint8_t transport;
		uint16_t port;
		const char *address, *name, *other, *id, *why;
	} row[] = {
			{MED_TCP, 5068, "192.0.2.1", NULL, NULL, "gw1", NULL},
			{MED_TCP, 5068, "::ffff:192.0.2.1", NULL, NULL, "gw1", NULL},
			{MED_TCP, 5069, "192.0.2.1", NULL, NULL, "gw1b", NULL},
			{MED_TCP, 5068, "198.51.100.7", NULL, NULL, "net", NULL},
			{MED_TCP, 5068, "198.51.100.200", NULL, NULL, "subnet", NULL},
			{MED_TCP, 5068, "198.51.100.201", NULL, NULL, "host", NULL},
			{MED_TCP, 5068, "2001:db8::5", NULL, NULL, "v6", NULL},
			{MED_UDP, 5060, "192.0.2.9", NULL, NULL, "udp", NULL},
			{MED_TCP, 5060, "192.0.2.9", NULL, NULL, "udp", NULL}, /* a long request */
			{MED_TLS, 5067, "203.0.113.1", "pbx1.example.com", NULL, "pbx1", NULL},
			{MED_TLS, 5067, "203.0.113.1", "PBX1.Example.COM.", NULL, "pbx1", NULL},
			{MED_TLS, 5067, "203.0.113.1", "no", "pbx1.example.com", "pbx1", NULL},
			/* nobody */
			{MED_TCP, 5068, "192.0.2.3", NULL, NULL, NULL,
					"tcp from 192.0.2.3 to port 5068: no trunk of this port has that "
					"source"},
			{MED_TCP, 5070, "192.0.2.1", NULL, NULL, NULL,
					"no trunk has this local_port"},
			{MED_UDP, 5068, "192.0.2.1", NULL, NULL, NULL,
					"no trunk of this port has that source"},
			{MED_TCP, 5067, "192.0.2.5", NULL, NULL, NULL,
					"TLS and match a verified name only"},
			{MED_TCP, 5067, "192.0.2.5", "pbx1.example.com", NULL, NULL,
					"verified name only"},
			{MED_TLS, 5067, "192.0.2.5", NULL, NULL, NULL,
					"no verified certificate name"},
			{MED_TLS, 5067, "192.0.2.5", "*.example.com", NULL, NULL,
					"certificate of '*.example.com': no trunk of this port has a gateway "
					"with such"},
			{MED_TLS, 5067, "192.0.2.5", "", NULL, NULL, "certificate of ''"},
			{MED_TLS, 5067, "192.0.2.5", "a\nb", "c", NULL,
					"certificate of 'a\\x0ab, c'"},
			{MED_TLS, 5068, "192.0.2.1", "gw1", NULL, NULL,
					"the trunks of this port are not TLS"},
			{MED_TLS, 5099, "192.0.2.1", "gw1", NULL, NULL,
					"no trunk has this local_port"},
			{MED_TCP, 5068, "192.0.2.4", NULL, NULL, NULL, "trunk 'off' is not enabled"},
	};
	const med_trunk_t *t;

	start();
	add_trunk("gw1", "192.0.2.1", "tcp");
	core_set(config, MED_KIND_TRUNK, "gw1b", "gateway", "gw1", "transport", "tcp",
			"local_port", "5069", NULL);
	add_trunk("v6", "[2001:db8::5]", "tcp");
	add_trunk("udp", "192.0.2.9", "udp");
	core_set(config, MED_KIND_GATEWAY, "net", "address", "n.example.com", "source",
			"198.51.100.0/24,203.0.113.0/24", NULL);
	core_set(config, MED_KIND_TRUNK, "net", "transport", "tcp", NULL);
	core_set(config, MED_KIND_GATEWAY, "subnet", "address", "n.example.com", "source",
			"198.51.100.128/25", NULL);
	core_set(config, MED_KIND_TRUNK, "subnet", "transport", "tcp", NULL);
	add_trunk("host", "198.51.100.201", "tcp");
	core_set(config, MED_KIND_GATEWAY, "pbx1", "address", "pbx1.example.com", "source",
			"192.0.2.5", NULL);
	core_set(config, MED_KIND_TRUNK, "pbx1", NULL);
	add_trunk("off", "192.0.2.4", "tcp");
	core_set(config, MED_KIND_TRUNK, "off", "transport", "tcp", "enabled", "no", NULL);
	build();
	for(size_t i = 0; i < COUNT(row); i++) {
		int rc = identify(row[i].transport, row[i].port, row[i].address, row[i].name,
				row[i].other, &t);
		ck_assert_msg(rc == (row[i].id ? MED_EOK : MED_ENOMATCH), "row %zu: %d %s", i, rc,
				err.text);
		if(rc == MED_EOK)
			core_assert_str(t->id, row[i].id);
		else
			core_assert_has(err.text, row[i].why);
	}
	finish();
}
END_TEST

/* ---- legs
 * ------------------------------------------------------------------------------ */

static void check_leg_at(uint8_t transport, uint16_t port, const char *remote,
		uint16_t remote_port, int srtp, bool anchored, const char *id)
{
	med_destination_t to = {
			.transport = transport, .local_port = port, .remote_port = remote_port};
	const med_trunk_t *t = NULL;
	med_leg_policy_t leg;
	int rc;

	ck_assert_int_eq(med_ip_parse(med_str(remote), &to.address), MED_EOK);
	rc = med_leg_of_destination(snap, &to, &leg, &t);
	if(srtp < 0) {
		ck_assert_int_eq(rc, MED_ENOMATCH);
		return;
	}
	ck_assert_int_eq(rc, MED_EOK);
	ck_assert_msg(leg.srtp == srtp && leg.anchored == anchored && leg.known,
			"%s:%u: %u %d", remote, port, leg.srtp, leg.anchored);
	ck_assert_ptr_nonnull(t);
	if(id != NULL)
		core_assert_str(t->id, id);
}

/* To a port where no gateway listens. */
static void check_leg(uint8_t transport, uint16_t port, const char *remote, int srtp,
		bool anchored, const char *id)
{
	check_leg_at(transport, port, remote, 40000, srtp, anchored, id);
}

START_TEST(whose_leg_a_packet_goes_to)
{
	start();
	core_set(config, MED_KIND_GATEWAY, "opt", "address", "opt.example.com", "source",
			"192.0.2.1", NULL);
	core_set(config, MED_KIND_TRUNK, "opt", NULL);
	core_set(config, MED_KIND_PROFILE, "trunk:opt", "srtp_mode", "optional", NULL);
	core_set(config, MED_KIND_GATEWAY, "req", "address", "req.example.com", "source",
			"192.0.2.2,198.51.100.0/24", NULL);
	core_set(config, MED_KIND_TRUNK, "req", NULL);
	core_set(config, MED_KIND_PROFILE, "trunk:req", "anchor", "no", NULL);
	core_set(config, MED_KIND_GATEWAY, "two", "address", "two.example.com", "source",
			"192.0.2.1", NULL);
	core_set(config, MED_KIND_TRUNK, "two", "local_port", "5061", NULL);
	add_trunk("gw1", "192.0.2.1", "tcp");
	build();
	check_leg(MED_TLS, 5067, "192.0.2.1", MED_SRTP_OPTIONAL, true, "opt");
	check_leg(MED_TLS, 5067, "192.0.2.2", MED_SRTP_REQUIRED, false, "req");
	check_leg(MED_TLS, 5067, "198.51.100.9", MED_SRTP_REQUIRED, false, "req");
	/* An address nobody has: the strictest of the port, in both respects. */
	check_leg(MED_TLS, 5067, "203.0.113.1", MED_SRTP_REQUIRED, true, "req");
	check_leg(MED_TLS, 5061, "192.0.2.1", MED_SRTP_REQUIRED, true, "two");
	check_leg(MED_TCP, 5068, "192.0.2.1", MED_SRTP_NOT_SUPPORTED, true, "gw1");
	check_leg(MED_TCP, 5068, "203.0.113.1", MED_SRTP_NOT_SUPPORTED, true, "gw1");
	/* Another transport on a port that only TLS trunks use: as strict as they are. */
	check_leg(MED_TCP, 5067, "203.0.113.1", MED_SRTP_REQUIRED, true, "req");
	check_leg(MED_UDP, 5999, "192.0.2.1", -1, false, NULL);
	/* From a socket of ours that is not the trunk's: where its gateway listens tells. */
	check_leg_at(MED_TLS, 5999, "192.0.2.2", 5067, MED_SRTP_REQUIRED, false, "req");
	check_leg_at(MED_TLS, 5999, "198.51.100.9", 5067, MED_SRTP_REQUIRED, false, "req");
	check_leg_at(MED_TLS, 5061, "192.0.2.2", 5067, MED_SRTP_REQUIRED, true, "req");
	check_leg_at(MED_TCP, 5999, "192.0.2.1", 5066, MED_SRTP_NOT_SUPPORTED, true, "gw1");
	check_leg_at(MED_TLS, 5999, "192.0.2.2", 5066, -1, false, NULL);
	check_leg_at(MED_TCP, 5999, "192.0.2.2", 5067, -1, false, NULL);
	check_leg_at(MED_TLS, 5999, "203.0.113.1", 5067, -1, false, NULL);

	/* The one that stands for the port changes, and does so still. */
	core_set(config, MED_KIND_TRUNK, "req", "port", "5070", NULL);
	build();
	check_leg(MED_TLS, 5067, "203.0.113.1", MED_SRTP_REQUIRED, true, "req");
	check_leg_at(MED_TLS, 5999, "192.0.2.2", 5067, -1, false, NULL);
	/* It leaves; another does. */
	(void)med_config_remove(config, MED_KIND_TRUNK, MED_STR("req"));
	build();
	check_leg(MED_TLS, 5067, "203.0.113.1", MED_SRTP_OPTIONAL, true, "opt");
	check_leg(MED_TLS, 5067, "198.51.100.9", MED_SRTP_OPTIONAL, true, "opt");
	/* Two with one source: the stricter. */
	core_set(config, MED_KIND_GATEWAY, "req", "address", "req.example.com", "source",
			"192.0.2.1", NULL);
	core_set(config, MED_KIND_TRUNK, "req", NULL);
	build();
	check_leg(MED_TLS, 5067, "192.0.2.1", MED_SRTP_REQUIRED, true, "req");
	core_set(config, MED_KIND_PROFILE, "trunk:req", "srtp_mode", "not_supported", NULL);
	build();
	check_leg(MED_TLS, 5067, "192.0.2.1", MED_SRTP_OPTIONAL, true, "opt");
	check_leg_at(MED_TLS, 5999, "192.0.2.1", 5067, MED_SRTP_REQUIRED, true, "two");
	(void)med_config_remove(config, MED_KIND_TRUNK, MED_STR("two"));
	build();
	check_leg_at(MED_TLS, 5999, "192.0.2.1", 5067, MED_SRTP_OPTIONAL, true, "opt");
	finish();
}
END_TEST

/* ---- the fixture of spec 3.3
 * ------------------------------------------------------------ */

/* Of a list "a,b?,": a is down, b suspect. */
static enum med_health_rank rank_of(void *ctx, const med_trunk_t *t, bool first)
{
	const char *down = ctx;
	char id[MED_ID_MAX + 3];

	(void)first;
	snprintf(id, sizeof(id), "%.*s,", MED_STR_FMT(t->id));
	if(strstr(down, id) != NULL)
		return MED_RANK_DOWN;
	snprintf(id, sizeof(id), "%.*s?,", MED_STR_FMT(t->id));
	return strstr(down, id) != NULL ? MED_RANK_SUSPECT : MED_RANK_GOOD;
}

/* The plan as "trunk/route/usage ..."; @p down a list "a,b,". */
static const char *plan_of(const med_query_t *query)
{
	static char text[2048];
	med_plan_t plan;
	size_t used = 0;
	int rc;

	texts = (core_texts_t){.len = 0};
	err.text[0] = '\0';
	rc = med_select(snap, scratch, query, &plan, &trace, &err);
	ck_assert_msg((rc == MED_EOK) == (plan.count > 0), "%d with %zu", rc, plan.count);
	snprintf(text, sizeof(text), "%s", rc == MED_EOK ? "" : med_strerror(rc));
	for(size_t i = 0; rc == MED_EOK && i < plan.count; i++) {
		const med_candidate_t *c = &plan.candidate[i];
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%.*s/%.*s/%.*s",
				i ? " " : "", MED_STR_FMT(c->trunk->id),
				MED_STR_FMT(med_route_id(c->route)), MED_STR_FMT(c->usage));
	}
	return text;
}

static const char *plan_for(const char *in, const char *policy, const char *called,
		uint32_t turn, const char *down)
{
	med_number_t number = core_number(called);

	return plan_of(&(med_query_t){.in = in ? trunk(in) : NULL,
			.policy = policy ? med_snapshot_policy(snap, med_str(policy)) : NULL,
			.called = &number,
			.turn = turn,
			.rank = down ? rank_of : NULL,
			.ctx = (void *)(uintptr_t)down});
}

static void load_failover_example(void)
{
	core_set(
			config, MED_KIND_POLICY, "Default", "usages", "Local,GlobalPSTNHopoff", NULL);
	core_set(config, MED_KIND_POLICY, "Redmond", "usages", "RedmondLocal", NULL);
	core_set(config, MED_KIND_POLICY, "Dallas", "usages", "DallasUsers,GlobalPSTNHopoff",
			NULL);
	core_set(config, MED_KIND_ROUTE, "RedmondLocal", "pattern",
			"^\\+1(425|206|253)(\\d{7})$", "usages", "Local,RedmondLocal", "trunks",
			"Trunk1,Trunk2", NULL);
	core_set(config, MED_KIND_ROUTE, "DallasLocal", "pattern",
			"^\\+1(972|214|469)(\\d{7})$", "usages", "Local", "trunks", "Trunk3", NULL);
	core_set(config, MED_KIND_ROUTE, "Universal", "pattern", "^\\+?(\\d*)$", "usages",
			"GlobalPSTNHopoff", "trunks", "Trunk1,Trunk2,Trunk3", NULL);
	core_set(config, MED_KIND_ROUTE, "DallasUsers", "pattern", "^\\+?(\\d*)$", "usages",
			"DallasUsers", "trunks", "Trunk3", NULL);
	add_trunk("Trunk1", "192.0.2.1", "tcp");
	add_trunk("Trunk2", "192.0.2.2", "tcp");
	add_trunk("Trunk3", "192.0.2.3", "tcp");
}

START_TEST(the_failover_example)
{
	static const struct {
		const char *policy, *called;
		uint32_t turn;
		const char *down, *plan;
	} row[] = {
			{"Redmond", "+14255550100", 0, NULL,
					"Trunk1/RedmondLocal/RedmondLocal Trunk2/RedmondLocal/RedmondLocal"},
			{"Redmond", "+12535550100", 1, NULL,
					"Trunk2/RedmondLocal/RedmondLocal Trunk1/RedmondLocal/RedmondLocal"},
			{"Redmond", "+19725550100", 0, NULL, "no route takes this number"},
			{"Redmond", "+1425555010", 0, NULL, "no route takes this number"},
			{"Default", "+19725550100", 0, NULL,
					"Trunk3/DallasLocal/Local Trunk1/Universal/GlobalPSTNHopoff "
					"Trunk2/Universal/GlobalPSTNHopoff"},
			{"Default", "+441235551010", 2, NULL,
					"Trunk3/Universal/GlobalPSTNHopoff Trunk1/Universal/GlobalPSTNHopoff "
					"Trunk2/Universal/GlobalPSTNHopoff"},
			{"Dallas", "+14255550100", 0, NULL,
					"Trunk3/DallasUsers/DallasUsers Trunk1/Universal/GlobalPSTNHopoff "
					"Trunk2/Universal/GlobalPSTNHopoff"},
			/* The documented case: Trunk3 is down. */
			{"Dallas", "+14255550100", 0, "Trunk3,",
					"Trunk1/Universal/GlobalPSTNHopoff Trunk2/Universal/GlobalPSTNHopoff "
					"Trunk3/DallasUsers/DallasUsers"},
			/* Suspect ones stand between those that are up and those that are down. */
			{"Dallas", "+14255550100", 0, "Trunk3,Trunk1?,",
					"Trunk2/Universal/GlobalPSTNHopoff Trunk1/Universal/GlobalPSTNHopoff "
					"Trunk3/DallasUsers/DallasUsers"},
			/* All down: they are tried none the less, in order. */
			{"Dallas", "+14255550100", 0, "Trunk1,Trunk2,Trunk3,",
					"Trunk3/DallasUsers/DallasUsers Trunk1/Universal/GlobalPSTNHopoff "
					"Trunk2/Universal/GlobalPSTNHopoff"},
	};

	start();
	load_failover_example();
	build();
	for(size_t i = 0; i < COUNT(row); i++) {
		const char *plan =
				plan_for(NULL, row[i].policy, row[i].called, row[i].turn, row[i].down);
		ck_assert_msg(strcmp(plan, row[i].plan) == 0, "row %zu: %s", i, plan);
	}
	core_assert_has(texts.text, "policy 'Dallas' has 2 usages");
	core_assert_has(
			texts.text, "route 'DallasUsers' (priority 0) matches by '^\\+?(\\d*)$'");
	core_assert_has(texts.text, "trunk 'Trunk3' is down: last");
	finish();
}
END_TEST

START_TEST(outcomes_are_told_apart)
{
	start();
	load_failover_example();
	core_set(config, MED_KIND_POLICY, "empty", NULL);
	core_set(config, MED_KIND_POLICY, "unknown", "usages", "nobody,has,these", NULL);
	core_set(config, MED_KIND_ROUTE, "deadend", "pattern", "^\\+9", "usages", "nobody",
			"trunks", "Trunk9", NULL);
	build();
	ck_assert_str_eq(plan_for(NULL, NULL, "+1", 0, NULL), "the caller has no usage");
	ck_assert_str_eq(plan_for(NULL, "empty", "+1", 0, NULL), "the caller has no usage");
	core_assert_has(err.text, "policy 'empty' has no usages");
	ck_assert_str_eq(plan_for("Trunk1", NULL, "+1", 0, NULL), "the caller has no usage");
	core_assert_has(err.text, "trunk 'Trunk1': profile 'defaults' has no pstn_usages");
	ck_assert_str_eq(
			plan_for(NULL, "unknown", "+1", 0, NULL), "no route takes this number");
	core_assert_has(err.text, "no route of the usages takes +1");
	core_assert_has(texts.text, "usage 'has' has no routes");
	ck_assert_str_eq(
			plan_for(NULL, "unknown", "+91", 0, NULL), "no trunk can take the call");
	core_assert_has(err.text, "routes take +91, but no trunk of theirs is in service");
	core_set(config, MED_KIND_TRUNK, "Trunk3", "transport", "tcp", "enabled", "no", NULL);
	core_set(config, MED_KIND_GATEWAY, "Trunk1", "address", "192.0.2.1", "routable", "no",
			NULL);
	build();
	ck_assert_str_eq(plan_for(NULL, "Dallas", "+14255550100", 0, NULL),
			"Trunk2/Universal/GlobalPSTNHopoff");
	core_assert_has(texts.text, "trunk 'Trunk3' is not enabled");
	core_assert_has(texts.text, "trunk 'Trunk1' has a gateway that is not routable");
	core_set(config, MED_KIND_TRUNK, "Trunk3", "transport", "tcp", "admin_state", "off",
			NULL);
	core_set(config, MED_KIND_TRUNK, "Trunk2", "transport", "tcp", "admin_state", "drain",
			NULL);
	build();
	ck_assert_str_eq(plan_for(NULL, "Dallas", "+14255550100", 0, NULL),
			"no trunk can take the call");
	core_assert_has(texts.text, "trunk 'Trunk3' is not enabled");
	core_assert_has(texts.text, "trunk 'Trunk2' is being drained (admin_state)");
	finish();
}
END_TEST

START_TEST(never_back_out_of_the_trunk_it_came_in_on)
{
	start();
	load_failover_example();
	core_set(config, MED_KIND_PROFILE, "global", "pstn_usages",
			"DallasUsers,GlobalPSTNHopoff", NULL);
	core_set(
			config, MED_KIND_PROFILE, "trunk:Trunk3", "pstn_usages", "DallasUsers", NULL);
	build();
	ck_assert_str_eq(plan_for("Trunk1", NULL, "+1", 0, NULL),
			"Trunk3/DallasUsers/DallasUsers Trunk2/Universal/GlobalPSTNHopoff");
	core_assert_has(texts.text, "trunk 'Trunk1' is the one the call came in on");
	ck_assert_str_eq(plan_for("Trunk3", NULL, "+1", 0, NULL), "refused by policy");
	core_assert_has(err.text,
			"+1 leads back out of trunk 'Trunk3' that the call came in on; "
			"allow_same_trunk of its profile is no");
	core_set(config, MED_KIND_PROFILE, "trunk:Trunk3", "pstn_usages", "DallasUsers",
			"allow_same_trunk", "yes", NULL);
	build();
	ck_assert_str_eq(
			plan_for("Trunk3", NULL, "+1", 0, NULL), "Trunk3/DallasUsers/DallasUsers");
	finish();
}
END_TEST

START_TEST(priority_then_id)
{
	start();
	add_trunk("t", "192.0.2.1", "tcp");
	add_trunk("u", "192.0.2.2", "tcp");
	add_trunk("v", "192.0.2.3", "tcp");
	add_trunk("w", "192.0.2.4", "tcp");
	core_set(config, MED_KIND_POLICY, "p", "usages", "x", NULL);
	core_set(config, MED_KIND_ROUTE, "late", "pattern", "^\\+49", "priority", "7",
			"usages", "x", "trunks", "t", NULL);
	core_set(config, MED_KIND_ROUTE, "b", "pattern", "^\\+4930\\d+$", "priority", "1",
			"usages", "x", "trunks", "u", NULL);
	core_set(config, MED_KIND_ROUTE, "a2", "pattern", "^\\+?(?=4)\\d*$", "priority", "1",
			"usages", "x", "trunks", "v", NULL);
	core_set(config, MED_KIND_ROUTE, "a", "pattern", "30[1-3]", "priority", "1", "usages",
			"x", "trunks", "w", NULL);
	build();
	ck_assert_str_eq(
			plan_for(NULL, "p", "+49301", 0, NULL), "w/a/x v/a2/x u/b/x t/late/x");
	ck_assert_str_eq(plan_for(NULL, "p", "+4940", 0, NULL), "v/a2/x t/late/x");
	finish();
}
END_TEST

START_TEST(turns_follow_the_weights)
{
	static const struct {
		const char *trunks;
		int first[3], turns;
	} row[] = {{"a,b,c", {100, 100, 100}, 300}, {"a*10,b*10,c*10", {100, 100, 100}, 300},
			{"a*3,b*1,c*0", {300, 100, 0}, 400}, {"a*0,b*0,c*0", {50, 0, 0}, 50},
			{"a*6,b*3,c*1", {60, 30, 10}, 100}};

	start();
	add_trunk("a", "192.0.2.1", "tcp");
	add_trunk("b", "192.0.2.2", "tcp");
	add_trunk("c", "192.0.2.3", "tcp");
	core_set(config, MED_KIND_POLICY, "p", "usages", "x", NULL);
	for(size_t i = 0; i < COUNT(row); i++) {
		int first[3] = {0}, alternates = 0, last = -1;
		core_set(config, MED_KIND_ROUTE, "r", "pattern", "^", "usages", "x", "trunks",
				row[i].trunks, NULL);
		build();
		for(int turn = 0; turn < row[i].turns; turn++) {
			const char *plan = plan_for(NULL, "p", "1", (uint32_t)turn, NULL);
			ck_assert_uint_eq(strlen(plan), strlen("a/r/x b/r/x c/r/x")); /* each once */
			first[plan[0] - 'a']++;
			alternates += plan[0] != last;
			last = plan[0];
		}
		for(int t = 0; t < 3; t++)
			ck_assert_int_eq(first[t], row[i].first[t]);
		if(i == 1) /* equal weights, however written, change with every turn */
			ck_assert_int_eq(alternates, row[i].turns);
	}
	ck_assert_str_ne(plan_for(NULL, "p", "1", UINT32_MAX, NULL), "");
	finish();
}
END_TEST

START_TEST(a_plan_is_bounded)
{
	char list[1024] = "", down[1024] = "";
	const char *plan;
	size_t count = 1;

	start();
	for(int i = 0; i < 40; i++) {
		char id[16], address[24];
		snprintf(id, sizeof(id), "t%02d", i);
		snprintf(address, sizeof(address), "192.0.2.%d", i + 1);
		add_trunk(id, address, "tcp");
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", i ? "," : "",
				id);
		if(i < 20)
			snprintf(down + strlen(down), sizeof(down) - strlen(down), "%s,", id);
	}
	core_set(config, MED_KIND_POLICY, "p", "usages", "x", NULL);
	core_set(config, MED_KIND_ROUTE, "r", "pattern", "^", "usages", "x", "trunks", list,
			NULL);
	build();
	plan = plan_for(NULL, "p", "1", 0, down);
	for(const char *c = plan; *c != '\0'; c++)
		count += *c == ' ';
	ck_assert_uint_eq(count, MED_PLAN_MAX);
	ck_assert_msg(
			strncmp(plan, "t20/", 4) == 0 && strstr(plan, "t00") == NULL, "%s", plan);
	finish();
}
END_TEST

START_TEST(a_dear_pattern_is_named)
{
	start();
	add_trunk("a", "192.0.2.1", "tcp");
	core_set(config, MED_KIND_POLICY, "p", "usages", "x", NULL);
	core_set(config, MED_KIND_ROUTE, "slow", "pattern", "^\\+?(\\d+)+\\D$", "usages", "x",
			"trunks", "a", NULL);
	build();
	ck_assert_str_eq(plan_for(NULL, "p", "+11111111111111111111111111111", 0, NULL),
			"a limit was reached");
	core_assert_has(err.text, "route 'slow': field 'pattern': took too many steps");
	/* Another that takes the number serves all the same. */
	core_set(config, MED_KIND_ROUTE, "z", "pattern", "^\\+1", "usages", "x", "trunks",
			"a", NULL);
	build();
	ck_assert_str_eq(
			plan_for(NULL, "p", "+11111111111111111111111111111", 0, NULL), "a/z/x");
	finish();
}
END_TEST

static void add_patterns(const char *form, int count)
{
	char id[16], pattern[40];

	for(int i = 0; i < count; i++) {
		(void)snprintf(id, sizeof(id), "m%d", i);
		(void)snprintf(pattern, sizeof(pattern), "%s%05d$", form, i);
		core_set(config, MED_KIND_ROUTE, id, "pattern", pattern, "usages", "x", "trunks",
				"a", "priority", "5", NULL);
	}
}

START_TEST(many_patterns_that_end_with_digits)
{
	start();
	add_trunk("a", "192.0.2.1", "tcp");
	core_set(config, MED_KIND_POLICY, "p", "usages", "x", NULL);
	add_patterns("[1-9]", 10000);
	build();
	for(int i = 0; i < 200; i++) {
		ck_assert_str_eq(plan_for(NULL, "p", "+4930104242", 0, NULL), "a/m4242/x");
		(void)plan_for(NULL, "p", "+493014242", 0, NULL);
		core_assert_has(err.text, "no route of the usages takes");
	}
	finish();
}
END_TEST

START_TEST(what_patterns_cost_together_is_nobodys_fault)
{
	start();
	add_trunk("a", "192.0.2.1", "tcp");
	core_set(config, MED_KIND_POLICY, "p", "usages", "x", NULL);
	add_patterns("(?!9)\\d*\\d*\\D", 10000);
	build();
	ck_assert_str_eq(
			plan_for(NULL, "p", "+493010424242", 0, NULL), "a limit was reached");
	core_assert_has(err.text, "the patterns of this decision took too long together");
	ck_assert_ptr_null(strstr(err.text, "route '"));
	/* What was found before it serves. */
	core_set(config, MED_KIND_ROUTE, "r", "pattern", "^\\+49", "usages", "x", "trunks",
			"a", NULL);
	build();
	ck_assert_str_eq(plan_for(NULL, "p", "+493010424242", 0, NULL), "a/r/x");
	finish();
}
END_TEST

/* The short cut over the last digits of a pattern never changes an answer. */
START_TEST(endings_are_those_of_pcre2)
{
	static const char *const patterns[] = {"[1-9]42$", ".*42$", "(.)\\142$", "(4)2\\1$",
			"\\x342$", "\\06242$", "\\d42$", "\\D42$", "4\\d{2}42$", "(?=4)42$", "1|42$",
			"(42)$", "4+2$", "4?42$", "42\\$", "[142]$", "[4-9]{1,2}2$", "x42$", "+?42$",
			"\\x{34}2$", "(1|4)2$", "^(.)(.)?2$", ".2$", "42$", "\\.42$", "^\\\\d42$"};
	static const char *const subjects[] = {"42", "142", "1142", "4242", "4", "2", "424",
			"+42", "242", "1", "4442", "x42", "42$", "B42", "42\n", "142\n", "4\n2",
			".42", "", "\\d42", "442"};
	pcre2_match_data *data = pcre2_match_data_create(4, NULL);
	unsigned short_cuts = 0;

	scratch = med_scratch_new(&med_mem_heap);
	for(size_t i = 0; i < COUNT(patterns); i++) {
		med_regex_t *regex = NULL;
		PCRE2_SIZE offset;
		int error;
		pcre2_code *code = pcre2_compile(
				(PCRE2_SPTR)patterns[i], PCRE2_ZERO_TERMINATED, 0, &error, &offset, NULL);
		if(med_regex_compile(&med_mem_heap, med_str(patterns[i]), &regex, NULL)
				!= MED_EOK) {
			pcre2_code_free(code);
			continue;
		}
		short_cuts += med_regex_ends_plainly(regex);
		for(size_t k = 0; k < COUNT(subjects); k++) {
			med_str_t subject = med_str(subjects[k]);
			int expected = pcre2_match(
					code, (PCRE2_SPTR)subject.s, subject.len, 0, 0, data, NULL);
			int rc;
			med_scratch_begin(scratch, MED_BUDGET_SELECT_NS);
			rc = med_regex_match(regex, scratch, subject, NULL);
			ck_assert_msg((rc == MED_EOK) == (expected >= 0), "%s on %s: %d, not %d",
					patterns[i], subjects[k], rc, expected);
		}
		pcre2_code_free(code);
		med_regex_free(&med_mem_heap, regex);
	}
	ck_assert_uint_ge(short_cuts, 8);
	pcre2_match_data_free(data);
	med_scratch_free(scratch);
}
END_TEST

/* ---- translate
 * ------------------------------------------------------------------------- */

START_TEST(numbers_as_the_trunk_wants_them)
{
	static const struct {
		const char *route, *called, *calling, *out_called, *out_calling;
		bool called_changed, calling_changed;
	} row[] = {
			{"plain", "+14255550100", "+12065550111", "4255550100", "12065550111", true,
					true},
			{"plain", "+4930123456", "+493099999", "0114930123456", "493099999", true,
					true},
			{"hide", "+14255550100", "+12065550111", "4255550100", "99", true, true},
			{"hide", "+14255550100", "", "4255550100", "", true, false},
			{"plain", "911", "4711", "911", "4711", false, false},
	};
	med_query_t query;
	med_number_t none, withheld;
	med_numbers_t out;
	med_plan_t plan;

	start();
	add_trunk("a", "192.0.2.1", "tcp");
	core_set(config, MED_KIND_RULES, "called", "rule.1", "^\\+(\\d{9}\\d+)$ => 011$1",
			"rule.0", "^\\+1(\\d{10})$ => $1", NULL);
	core_set(
			config, MED_KIND_RULES, "calling", "rule.0", "^\\+14250000000$ => +99", NULL);
	core_set(config, MED_KIND_PROFILE, "global", "outbound_translation_rules", "called",
			"outbound_calling_number_translation_rules", "calling",
			"remove_plus_from_uri", "yes", NULL);
	core_set(config, MED_KIND_ROUTE, "plain", "pattern", "^", "usages", "plain", "trunks",
			"a", NULL);
	core_set(config, MED_KIND_ROUTE, "hide", "pattern", "^", "usages", "hide", "trunks",
			"a", "suppress_caller_id", "yes", "alternate_caller_id", "+14250000000",
			NULL);
	core_set(config, MED_KIND_POLICY, "plain", "usages", "plain", NULL);
	core_set(config, MED_KIND_POLICY, "hide", "usages", "hide", NULL);
	build();
	for(size_t i = 0; i < COUNT(row); i++) {
		med_number_t called = core_number(row[i].called),
					 calling = core_number(row[i].calling);

		query = (med_query_t){.policy = med_snapshot_policy(snap, med_str(row[i].route)),
				.called = &called};
		ck_assert_int_eq(med_select(snap, scratch, &query, &plan, NULL, NULL), MED_EOK);
		texts = (core_texts_t){.len = 0};
		ck_assert_int_eq(
				med_translate(snap, scratch, plan.candidate[0].trunk,
						plan.candidate[0].route, &called, &calling, &out, &trace),
				MED_EOK);
		core_assert_number(out.called, row[i].out_called);
		core_assert_number(out.calling, row[i].out_calling);
		ck_assert_int_eq(out.called_changed, row[i].called_changed);
		ck_assert_int_eq(out.calling_changed, row[i].calling_changed);
		if(i == 2)
			core_assert_has(
					texts.text, "route 'hide' suppresses the caller id: +14250000000");
	}
	core_assert_has(texts.text, "profile 'global' removes the plus");

	/* a caller may be hidden like that, a callee not */
	core_set(config, MED_KIND_RULES, "called", "rule.1", "^\\+777(\\d*)$ => $1", NULL);
	core_set(config, MED_KIND_RULES, "calling", "rule.0", "^\\+99$ => ", NULL);
	build();
	texts = (core_texts_t){.len = 0};
	none = core_number("+777");
	withheld = core_number("+99");
	ck_assert_int_eq(med_translate(snap, scratch, trunk("a"), NULL, &none, &withheld,
							 &out, &trace),
			MED_EINVAL);
	core_assert_has(texts.text, "nothing is left of the called number");
	none = core_number("+7771");
	ck_assert_int_eq(med_translate(snap, scratch, trunk("a"), NULL, &none, &withheld,
							 &out, &trace),
			MED_EOK);
	core_assert_number(out.called, "1");
	ck_assert_uint_eq(out.calling.len, 0);
	finish();
}
END_TEST

static void in_context(
		const char *number, const char *context, const char *plan, const char *then)
{
	med_number_t it = core_number(number);
	med_str_t found = med_number_in_context(snap, med_str(context), MED_STR("own"), &it);

	ck_assert_msg(med_str_eq(found, med_str(plan)), "%s;phone-context=%s: %.*s", number,
			context, MED_STR_FMT(found));
	core_assert_number(it, then);
}

START_TEST(contexts)
{
	char longest[MED_NUMBER_MAX];

	start();
	add_trunk("a", "192.0.2.1", "tcp");
	core_set(config, MED_KIND_RULES, "hq", "simple_name", "Redmond", NULL);
	core_set(config, MED_KIND_RULES, "own", "rule.0", "^1$ => +1", NULL);
	build();
	in_context("1000", "", "own", "1000");
	in_context("1000", "Redmond", "hq", "1000");
	in_context("+1000", "Redmond", "own", "+1000");
	in_context("1000", "redmond", "own", "1000");
	in_context("1000", "enterprise", "own", "1000");
	in_context("1000", "dialstring", "own", "1000");
	in_context("30123", "+49", "own", "+4930123");
	in_context("30123", "%2B4-9", "own", "+4930123");
	in_context("+30123", "+49", "own", "+30123");
	in_context("*21", "+49", "own", "*21");
	in_context("1", "+", "own", "1");
	in_context("1", "+49x", "own", "1");
	memset(longest, '1', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	in_context(longest, "+49", "own", longest);
	/* a name moves, is shared, and goes */
	core_set(config, MED_KIND_RULES, "hq", "simple_name", "Seattle", NULL);
	build();
	in_context("1000", "Redmond", "own", "1000");
	in_context("1000", "Seattle", "hq", "1000");
	core_set(config, MED_KIND_RULES, "a", "simple_name", "Seattle", NULL);
	build();
	in_context("1000", "Seattle", "a", "1000");
	(void)med_config_remove(config, MED_KIND_RULES, MED_STR("a"));
	build();
	in_context("1000", "Seattle", "hq", "1000");
	(void)med_config_remove(config, MED_KIND_RULES, MED_STR("hq"));
	build();
	in_context("1000", "Seattle", "own", "1000");
	finish();
}
END_TEST

START_TEST(normalising)
{
	med_number_t in = core_number("0100"), out;

	start();
	add_trunk("a", "192.0.2.1", "tcp");
	core_set(config, MED_KIND_RULES, "d", "rule.0", "^(\\d{4})$ => +1425555$1", NULL);
	build();
	texts = (core_texts_t){.len = 0};
	ck_assert_int_eq(
			med_normalize(snap, scratch, MED_STR("d"), &in, &out, &trace), MED_EOK);
	core_assert_number(out, "+14255550100");
	ck_assert_int_eq(
			med_normalize(snap, scratch, MED_STR(""), &in, &out, &trace), MED_ENOMATCH);
	core_assert_number(out, "0100");
	ck_assert_int_eq(
			med_normalize(snap, scratch, MED_STR("x"), &in, &out, &trace), MED_ENOMATCH);
	core_assert_has(texts.text, "dial plan 'x' does not exist");
	in = core_number("+49301");
	ck_assert_int_eq(
			med_normalize(snap, scratch, MED_STR(""), &in, &out, &trace), MED_EOK);
	core_assert_number(out, "+49301");
	ck_assert_int_eq(med_normalize(snap, scratch, MED_STR("d"), &in, &in, NULL), MED_EOK);
	finish();
}
END_TEST

START_TEST(codes_that_fail_over)
{
	static const struct {
		const char *codes, *yes, *no;
	} row[] = {{NULL, "408 500 502 503 504", "404 480 484 486 487 488 501 505 600 603"},
			{"503,404", "404 503", "408 500"}, {"", "", "408 503"}};

	start();
	add_trunk("a", "192.0.2.1", "tcp");
	for(size_t i = 0; i < COUNT(row); i++) {
		core_set(config, MED_KIND_PROFILE, "global",
				row[i].codes ? "failover_codes" : NULL, row[i].codes, NULL);
		build();
		for(unsigned code = 300; code < 700; code++) {
			char text[8];
			snprintf(text, sizeof(text), "%u", code);
			if(strstr(row[i].yes, text) != NULL)
				ck_assert_msg(med_fails_over(trunk("a")->profile, code), "%u", code);
			if(strstr(row[i].no, text) != NULL)
				ck_assert_msg(!med_fails_over(trunk("a")->profile, code), "%u", code);
		}
	}
	finish();
}
END_TEST

/* ---- the index against PCRE2
 * ------------------------------------------------------------ */

#define ROUTES 700
#define NUMBERS 800

static uint64_t state = 42;

/* Nested digits of a small alphabet, so that prefixes meet; all kinds of tails. */
static void make_pattern(char *out, size_t size)
{
	static const char *const tails[] = {"$", "", "\\d*$", "\\d+", "\\d{2}$", "\\d{1,3}$",
			"[1-3]\\d*$", "(1|23)$", "(1|12)\\d*$", "(?!1)\\d*$", "\\d*2$", "()?$",
			"\\d{0,2}", "?3$", "*$"};
	static const char *const heads[] = {
			"^\\+", "^\\+?", "^", "^\\+", "^\\+", "^(?!\\+2)\\+?", ""};
	unsigned digits = core_draw(&state, 20);
	size_t used;

	if(core_draw(&state, 3) > 0)
		digits = core_draw(&state, 6);
	used = (size_t)snprintf(out, size, "%s", heads[core_draw(&state, COUNT(heads))]);
	while(digits-- > 0)
		used += (size_t)snprintf(out + used, size - used, "%u", 1 + core_draw(&state, 3));
	snprintf(out + used, size - used, "%s", tails[core_draw(&state, COUNT(tails))]);
}

static void make_number(char *out)
{
	unsigned digits = core_draw(&state, core_draw(&state, 2) ? 7 : 24);
	size_t used = 0;

	if(core_draw(&state, 4) > 0)
		out[used++] = '+';
	while(digits-- > 0)
		out[used++] = (char)('1' + core_draw(&state, 3));
	if(core_draw(&state, 20) == 0)
		out[used++] = '*';
	out[used] = '\0';
}

/* One trunk a route; the plan must name the first 16 routes that PCRE2 says match. */
static void check_index(unsigned routes)
{
	static pcre2_code *code[ROUTES];
	pcre2_match_data *data = pcre2_match_data_create(16, NULL);
	unsigned used = 0;

	start();
	core_set(config, MED_KIND_POLICY, "p", "usages", "x", NULL);
	while(used < routes) {
		char id[16], pattern[64], address[24];
		int error;
		PCRE2_SIZE at;
		make_pattern(pattern, sizeof(pattern));
		code[used] = pcre2_compile(
				(PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, 0, &error, &at, NULL);
		snprintf(id, sizeof(id), "r%03u", used);
		if(core_try(config, NULL, MED_KIND_ROUTE, id, "pattern", pattern, "usages", "x",
				   "trunks", id, NULL)
				!= MED_EOK) {
			ck_assert_msg(code[used] == NULL || strcmp(pattern, "") == 0, "refused: %s",
					pattern);
			pcre2_code_free(code[used]);
			(void)med_config_remove(config, MED_KIND_ROUTE, med_str(id));
			continue;
		}
		snprintf(address, sizeof(address), "10.0.%u.%u", used / 250, used % 250);
		add_trunk(id, address, "tcp");
		used++;
	}
	build();
	for(int n = 0; n < NUMBERS; n++) {
		char number[40], expected[512] = "", got[512] = "";
		const char *plan;
		unsigned count = 0;
		make_number(number);
		for(unsigned i = 0; i < routes && count < MED_PLAN_MAX; i++) {
			if(pcre2_match(code[i], (PCRE2_SPTR)number, strlen(number), 0, 0, data, NULL)
					< 0)
				continue;
			snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected),
					"r%03u ", i);
			count++;
		}
		plan = plan_for(NULL, "p", number, 0, NULL);
		for(const char *c = strchr(plan, '/') ? plan : NULL; c != NULL;
				c = strchr(c, ' ')) {
			c += *c == ' ';
			snprintf(got + strlen(got), sizeof(got) - strlen(got), "%.4s ", c);
		}
		/* Slow as it is sanitised, a budget may end it: what it has must be right. */
		if(med_scratch_spent(scratch))
			expected[strlen(got)] = '\0';
		ck_assert_msg(strcmp(expected, got) == 0, "%s: got %s, PCRE2 %s", number, got,
				expected);
	}
	for(unsigned i = 0; i < routes; i++)
		pcre2_code_free(code[i]);
	pcre2_match_data_free(data);
	finish();
}

/* Sizes without a table of heads, and with heads of two and three digits. */
START_TEST(the_index_says_what_pcre2_says)
{
	static const unsigned sizes[] = {1, 12, 60, 300, ROUTES};

	trace.step = core_add_step;
	for(size_t i = 0; i < COUNT(sizes); i++)
		check_index(sizes[i]);
}
END_TEST

/* ---- what is forbidden between trunks, and when
 * ------------------------------------------
 */

/* A PBX, two PSTN gateways and a provider; the usage `all` has one route with all. */
static void load_peers(void)
{
	static const char *const peer[][2] = {{"pbx", "ip_pbx"}, {"gw1", "pstn_gateway"},
			{"gw2", "pstn_gateway"}, {"itsp", "itsp"}};

	for(size_t i = 0; i < COUNT(peer); i++) {
		char address[] = "192.0.2.1";
		address[8] = (char)('1' + i);
		core_set(config, MED_KIND_GATEWAY, peer[i][0], "address", address, "peer",
				peer[i][1], NULL);
		core_set(config, MED_KIND_TRUNK, peer[i][0], "transport", "tcp", NULL);
	}
	core_set(config, MED_KIND_PROFILE, "global", "pstn_usages", "all", NULL);
	core_set(config, MED_KIND_ROUTE, "r", "pattern", "^\\+", "usages", "all", "trunks",
			"pbx*0,gw1*0,gw2*0,itsp*0", NULL);
}

START_TEST(from_the_pstn_nothing_goes_back_there)
{
	start();
	load_peers();
	build();
	ck_assert_str_eq(
			plan_for("pbx", NULL, "+1", 0, NULL), "gw1/r/all gw2/r/all itsp/r/all");
	ck_assert_str_eq(plan_for("gw1", NULL, "+1", 0, NULL), "pbx/r/all");
	core_assert_has(texts.text,
			"trunk 'gw2' leads to the PSTN, where the call comes from: "
			"allow_pstn_to_pstn of profile 'global' is no");
	ck_assert_str_eq(plan_for("itsp", NULL, "+1", 0, NULL), "pbx/r/all");
	core_set(config, MED_KIND_ROUTE, "r", "pattern", "^\\+", "usages", "all", "trunks",
			"gw1*0,gw2*0", NULL);
	build();
	ck_assert_str_eq(plan_for("gw1", NULL, "+1", 0, NULL), "no trunk may take the call");
	core_assert_has(err.text,
			"+1 comes from the PSTN on trunk 'gw1' and would go back there by 'gw2'; "
			"allow_pstn_to_pstn of profile 'global' is no. If 'gw1' is a PBX, set peer "
			"ip_pbx of its gateway 'gw1'");
	core_set(config, MED_KIND_PROFILE, "trunk:gw1", "pstn_usages", "all",
			"allow_pstn_to_pstn", "yes", NULL);
	build();
	ck_assert_str_eq(plan_for("gw1", NULL, "+1", 0, NULL), "gw2/r/all");
	ck_assert_str_eq(plan_for("gw2", NULL, "+1", 0, NULL), "no trunk may take the call");
	finish();
}
END_TEST

START_TEST(restricted_calls_stay_within_their_site)
{
	start();
	load_peers();
	core_set(config, MED_KIND_SITE, "paris", NULL);
	core_set(config, MED_KIND_GATEWAY, "gw1", "address", "192.0.2.2", "site", "paris",
			NULL);
	core_set(config, MED_KIND_PROFILE, "trunk:gw1", "pstn_usages", "all",
			"enable_location_restriction", "yes", "network_site_id", "paris", NULL);
	core_set(config, MED_KIND_ROUTE, "r", "pattern", "^\\+", "usages", "all", "trunks",
			"gw1", NULL);
	build();
	ck_assert_str_eq(plan_for("pbx", NULL, "+1", 0, NULL), "no trunk may take the call");
	core_assert_has(err.text,
			"+1 would leave site '' by trunk 'gw1' at 'paris'; "
			"enable_location_restriction of their profiles forbids it");
	/* the PBX is at the same site: its own gateway says so, or its profile */
	core_set(config, MED_KIND_GATEWAY, "pbx", "address", "192.0.2.1", "peer", "ip_pbx",
			"site", "paris", NULL);
	build();
	ck_assert_str_eq(plan_for("pbx", NULL, "+1", 0, NULL), "gw1/r/all");
	/* and what comes in on a restricted trunk leaves to its site alone */
	core_set(config, MED_KIND_ROUTE, "r", "pattern", "^\\+", "usages", "all", "trunks",
			"pbx*0,itsp*0", NULL);
	build();
	ck_assert_str_eq(plan_for("gw1", NULL, "+1", 0, NULL), "pbx/r/all");
	core_set(config, MED_KIND_GATEWAY, "pbx", "address", "192.0.2.1", "peer", "ip_pbx",
			NULL);
	build();
	ck_assert_str_eq(plan_for("gw1", NULL, "+1", 0, NULL), "no trunk may take the call");
	finish();
}
END_TEST

static const char *plan_at(const char *policy, const char *called, const char *at)
{
	med_number_t number = core_number(called);
	int64_t now;

	ck_assert_int_eq(med_instant_parse(med_str(at), &now), MED_EOK);
	return plan_of(&(med_query_t){.policy = med_snapshot_policy(snap, med_str(policy)),
			.called = &number,
			.now = now});
}

/* Berlin changes its clock on 29 March 2026 at 01:00Z, and on 25 October. */
START_TEST(routes_keep_to_their_schedules)
{
	start();
	add_trunk("day", "192.0.2.1", "tcp");
	add_trunk("night", "192.0.2.2", "tcp");
	core_set(config, MED_KIND_POLICY, "p", "usages", "x", NULL);
	core_set(config, MED_KIND_ROUTE, "a", "pattern", "^\\+", "usages", "x", "trunks",
			"day", "schedule", "office", NULL);
	core_set(config, MED_KIND_ROUTE, "b", "pattern", "^\\+1", "usages", "x", "trunks",
			"night", "priority", "1", NULL);
	build();
	ck_assert_str_eq(plan_at("p", "+1", "2026-11-27T09:00Z"), "night/b/x");
	core_assert_has(texts.text, "its schedule is not in force");
	texts = (core_texts_t){.len = 0};
	med_config_refused(config, core_add_text, &texts);
	core_assert_has(texts.text,
			"schedule 'office': does not exist, but 1 route(s) name it, "
			"'a' for one; they take no calls until it does");
	core_set(config, MED_KIND_SCHEDULE, "office", "time_zone", "Europe/Berlin", "times",
			"mon-fri 08:00-17:00", "closed", "12-25,2026-11-30", "extra", "2026-11-29",
			NULL);
	build();
	texts = (core_texts_t){.len = 0};
	ck_assert_uint_eq(med_config_refused(config, core_add_text, &texts), 0);
	ck_assert_str_eq(plan_at("p", "+1", "2026-11-27T07:00Z"), "day/a/x night/b/x");
	core_assert_has(texts.text,
			"schedule 'office': at 2026-11-27 08:00 in Europe/Berlin it is open");
	ck_assert_str_eq(plan_at("p", "+1", "2026-11-27T06:59Z"), "night/b/x");
	core_assert_has(texts.text, "route 'a' matches, but not now");
	ck_assert_str_eq(plan_at("p", "+1", "2026-07-01T06:00Z"), "day/a/x night/b/x");
	ck_assert_str_eq(plan_at("p", "+1", "2026-07-01T05:59Z"), "night/b/x");
	ck_assert_str_eq(plan_at("p", "+1", "2026-11-28T10:00Z"), "night/b/x");
	ck_assert_str_eq(plan_at("p", "+1", "2026-11-29T03:00Z"), "day/a/x night/b/x");
	ck_assert_str_eq(plan_at("p", "+1", "2026-11-30T10:00Z"), "night/b/x");
	ck_assert_str_eq(plan_at("p", "+1", "2028-12-25T10:00Z"), "night/b/x");
	ck_assert_str_eq(
			plan_at("p", "+2", "2026-11-28T10:00Z"), "no route takes this number");
	core_assert_has(err.text,
			"no route of the usages takes +2 now; route 'a' does at other times");
	ck_assert_int_eq(core_try(config, &err, MED_KIND_SCHEDULE, "office", "time_zone",
							 "Europe/Atlantis", NULL),
			MED_EINVAL);
	core_assert_has(err.text,
			"schedule 'office': field 'time_zone': this system knows no "
			"time zone 'Europe/Atlantis'");
	/* its last good version serves on; removed, it is closed, and the route as well */
	build();
	ck_assert_str_eq(plan_at("p", "+1", "2026-11-27T07:00Z"), "day/a/x night/b/x");
	ck_assert_int_eq(
			med_config_remove(config, MED_KIND_SCHEDULE, MED_STR("office")), MED_EOK);
	build();
	ck_assert_str_eq(plan_at("p", "+1", "2026-11-27T07:00Z"), "night/b/x");
	core_set(config, MED_KIND_SCHEDULE, "office", NULL);
	build();
	ck_assert_str_eq(plan_at("p", "+1", "2026-11-28T10:00Z"), "day/a/x night/b/x");
	finish();
}
END_TEST

/* A zone's clock at its changes, by the second. */
START_TEST(clocks_change_on_time)
{
	static const struct {
		const char *zone, *at;
		unsigned minutes;
	} row[] = {{"Europe/Berlin", "2026-03-29T00:59:59Z", 119},
			{"Europe/Berlin", "2026-03-29T01:00:00Z", 180},
			{"Europe/Berlin", "2026-10-25T00:59:59Z", 179},
			{"Europe/Berlin", "2026-10-25T01:00:00Z", 120},
			{"Asia/Kolkata", "2026-01-01T00:00:00Z", 330},
			{"America/New_York", "2027-03-14T06:59:59Z", 119},
			{"America/New_York", "2027-03-14T07:00:00Z", 180},
			{"UTC", "2026-03-29T01:00:00Z", 60},
			{"Europe/Berlin", "2069-07-01T00:00Z", 120}};

	start();
	for(size_t i = 0; i < COUNT(row); i++) {
		med_clock_t clock;
		int64_t at;

		core_set(config, MED_KIND_SCHEDULE, "s", "time_zone", row[i].zone, NULL);
		core_set(config, MED_KIND_ROUTE, "r", "pattern", "^1", "schedule", "s", NULL);
		build();
		ck_assert_int_eq(med_instant_parse(med_str(row[i].at), &at), MED_EOK);
		ck_assert(med_schedule_has(med_view_schedule(&snap->view, 0), at, &clock));
		ck_assert_msg(clock.minutes == row[i].minutes, "%s at %s: %u", row[i].zone,
				row[i].at, clock.minutes);
	}
	finish();
}
END_TEST

static const char *emergency(const char *in, const char *dialled)
{
	static char text[2200];
	med_number_t number = core_number(dialled);
	const med_location_policy_t *location =
			med_emergency(snap, in ? trunk(in)->network_site : MED_STR(""), &number);
	const char *plan = plan_of(&(med_query_t){.in = in ? trunk(in) : NULL,
			.called = &number,
			.emergency = location,
			.rank = rank_of,
			.ctx = (void *)(uintptr_t) "gw1,gw2,"});

	snprintf(text, sizeof(text), "%.*s by %.*s: %s", (int)number.len, number.s,
			location ? (int)location->id.len : 1, location ? location->id.s : "-", plan);
	return text;
}

START_TEST(emergency_calls_find_the_last_trunk_standing)
{
	start();
	load_peers();
	core_set(config, MED_KIND_PROFILE, "global", NULL); /* nobody has a usage */
	core_set(config, MED_KIND_ROUTE, "sos", "pattern", "^11[02]$", "usages", "emergency",
			"trunks", "gw1", "schedule", "never", NULL);
	core_set(config, MED_KIND_ROUTE, "any", "pattern", "^\\d+$", "usages", "other",
			"trunks", "gw2*0,itsp*0", NULL);
	core_set(config, MED_KIND_LOCATION_POLICY, "global", "emergency_dial_string",
			"112,110", "emergency_dial_mask", "911,0112", "pstn_usages", "emergency",
			NULL);
	core_set(config, MED_KIND_LOCATION_POLICY, "site:paris", "emergency_dial_string",
			"15", NULL);
	core_set(config, MED_KIND_GATEWAY, "pbx", "address", "192.0.2.1", "peer", "ip_pbx",
			"site", "paris", NULL);
	build();
	/* those that are down come last, and come; from the PSTN as well */
	ck_assert_str_eq(
			emergency("itsp", "112"), "112 by global: gw1/sos/emergency gw2/any/other");
	ck_assert_str_eq(
			emergency("gw2", "911"), "112 by global: itsp/any/other gw1/sos/emergency");
	ck_assert_str_eq(emergency(NULL, "110"),
			"110 by global: itsp/any/other gw1/sos/emergency gw2/any/other");
	ck_assert_str_eq(
			emergency("pbx", "15"), "15 by site:paris: itsp/any/other gw2/any/other");
	/* which are no emergency's at that site, or nowhere */
	ck_assert_str_eq(emergency("pbx", "112"), "112 by -: the caller has no usage");
	ck_assert_str_eq(emergency("gw2", "1120"), "1120 by -: the caller has no usage");
	finish();
}
END_TEST

START_TEST(an_emergency_outlasts_dear_patterns)
{
	start();
	add_trunk("a", "192.0.2.1", "tcp");
	add_trunk("b", "192.0.2.2", "tcp");
	core_set(config, MED_KIND_LOCATION_POLICY, "global", "emergency_dial_string",
			"1234567890", "pstn_usages", "x", NULL);
	add_patterns("(?!9)\\d*\\d*\\D", 10000);
	core_set(config, MED_KIND_ROUTE, "z", "pattern", "^12", "usages", "last", "trunks",
			"b", NULL);
	build();
	ck_assert_str_eq(emergency(NULL, "1234567890"), "1234567890 by global: b/z/last");
	finish();
}
END_TEST

/* Own users are where their address is, as the module tells (places.c). */
START_TEST(users_have_a_site_as_well)
{
	med_number_t number = core_number("112"), called = core_number("+1");
	med_query_t query = {.called = &called};

	start();
	load_peers();
	core_set(config, MED_KIND_POLICY, "p", "usages", "x", NULL);
	core_set(config, MED_KIND_LOCATION_POLICY, "site:paris", "emergency_dial_string",
			"112", NULL);
	core_set(config, MED_KIND_PROFILE, "trunk:gw1", "enable_location_restriction", "yes",
			"network_site_id", "paris", NULL);
	core_set(config, MED_KIND_ROUTE, "r", "pattern", "^\\+1", "usages", "x", "trunks",
			"gw1", NULL);
	build();
	ck_assert_ptr_null(med_emergency(snap, MED_STR(""), &number));
	ck_assert_ptr_nonnull(med_emergency(snap, MED_STR("paris"), &number));
	query.policy = med_snapshot_policy(snap, MED_STR("p"));
	ck_assert_str_ne(plan_of(&query), "gw1/r/x");
	core_assert_has(err.text, "would leave site ''");
	query.site = MED_STR("rome");
	ck_assert_str_ne(plan_of(&query), "gw1/r/x");
	query.site = MED_STR("paris");
	ck_assert_str_eq(plan_of(&query), "gw1/r/x");
	finish();
}
END_TEST

static const char *forwarded(const char *policy)
{
	med_number_t number = core_number("+1");

	return plan_of(&(med_query_t){.policy = med_snapshot_policy(snap, med_str(policy)),
			.called = &number,
			.forwarded = true});
}

START_TEST(forwarded_calls_have_usages_of_their_own)
{
	start();
	add_trunk("t", "192.0.2.1", "tcp");
	add_trunk("u", "192.0.2.2", "tcp");
	core_set(config, MED_KIND_ROUTE, "a", "pattern", "^\\+", "usages", "x", "trunks", "t",
			NULL);
	core_set(config, MED_KIND_ROUTE, "b", "pattern", "^\\+", "usages", "y", "trunks", "u",
			NULL);
	core_set(config, MED_KIND_POLICY, "same", "usages", "x", NULL);
	core_set(config, MED_KIND_POLICY, "own", "usages", "x",
			"call_forwarding_simul_ring_usage_type", "custom_usage",
			"custom_call_forwarding_simul_ring_usages", "y", NULL);
	core_set(config, MED_KIND_POLICY, "inside", "usages", "x",
			"call_forwarding_simul_ring_usage_type", "internal_only", NULL);
	build();
	ck_assert_str_eq(forwarded("same"), "t/a/x");
	ck_assert_str_eq(forwarded("own"), "u/b/y");
	ck_assert_str_eq(plan_for(NULL, "own", "+1", 0, NULL), "t/a/x");
	ck_assert_str_eq(forwarded("inside"), "the caller has no usage");
	core_assert_has(
			err.text, "policy 'inside': its calls are forwarded to own users only");
	finish();
}
END_TEST

/* From the least to the most specific scope, and back. */
START_TEST(dial_plans_by_scope)
{
	static const char *const plans[] = {"global", "site", "pool", "gateway", "trunk"};

	start();
	for(size_t i = 0; i < COUNT(plans); i++)
		core_set(config, MED_KIND_RULES, plans[i], "rule.0", "^1 => +1", NULL);
	core_set(config, MED_KIND_RULES, "siteprofile", "rule.0", "^1 => +1", NULL);
	core_set(config, MED_KIND_SITE, "s", NULL);
	core_set(config, MED_KIND_POOL, "p", NULL);
	core_set(config, MED_KIND_GATEWAY, "t", "address", "192.0.2.1", "site", "s", NULL);
	core_set(config, MED_KIND_TRUNK, "t", "transport", "tcp", "mediation_server", "p",
			NULL);
	build();
	core_assert_str(trunk("t")->dial_plan, "");
	core_set(config, MED_KIND_PROFILE, "global", "dial_plan", "global", NULL);
	build();
	core_assert_str(trunk("t")->dial_plan, "global");
	core_set(config, MED_KIND_SITE, "s", "dial_plan", "site", NULL);
	build();
	core_assert_str(trunk("t")->dial_plan, "site");
	core_set(config, MED_KIND_PROFILE, "site:s", "dial_plan", "siteprofile", NULL);
	build();
	core_assert_str(trunk("t")->dial_plan, "siteprofile");
	core_set(config, MED_KIND_POOL, "p", "dial_plan", "pool", NULL);
	build();
	core_assert_str(trunk("t")->dial_plan, "pool");
	core_set(config, MED_KIND_GATEWAY, "t", "address", "192.0.2.1", "site", "s",
			"dial_plan", "gateway", NULL);
	build();
	core_assert_str(trunk("t")->dial_plan, "gateway");
	core_set(config, MED_KIND_PROFILE, "trunk:t", "dial_plan", "trunk", NULL);
	build();
	core_assert_str(trunk("t")->dial_plan, "trunk");
	/* a profile applies as a whole: this one has none */
	core_set(config, MED_KIND_PROFILE, "trunk:t", NULL);
	core_set(config, MED_KIND_GATEWAY, "t", "address", "192.0.2.1", "site", "s", NULL);
	core_set(config, MED_KIND_POOL, "p", NULL);
	build();
	core_assert_str(trunk("t")->dial_plan, "site");
	core_set(config, MED_KIND_SITE, "s", NULL);
	build();
	core_assert_str(trunk("t")->dial_plan, "");
	finish();
}
END_TEST

int main(void)
{
	const TTest *tests[] = {who_sent_it, whose_leg_a_packet_goes_to, the_failover_example,
			outcomes_are_told_apart, never_back_out_of_the_trunk_it_came_in_on,
			priority_then_id, turns_follow_the_weights, a_plan_is_bounded,
			a_dear_pattern_is_named, many_patterns_that_end_with_digits,
			what_patterns_cost_together_is_nobodys_fault, endings_are_those_of_pcre2,
			numbers_as_the_trunk_wants_them, normalising, contexts, codes_that_fail_over,
			the_index_says_what_pcre2_says, from_the_pstn_nothing_goes_back_there,
			restricted_calls_stay_within_their_site, routes_keep_to_their_schedules,
			clocks_change_on_time, emergency_calls_find_the_last_trunk_standing,
			an_emergency_outlasts_dear_patterns, users_have_a_site_as_well,
			forwarded_calls_have_usages_of_their_own, dial_plans_by_scope};

	return core_run("select", tests, COUNT(tests));
}
