/**
 * t_names.c - targets of gateways whose address is a name: in builds, and in their order
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core_test.h"
#include "medcore/targets.h"

static core_memory_t memory;
static med_config_t *config;
static const med_snapshot_t *snap;
static char wanted[2048];

static void on_lookup(void *ctx, med_str_t id, const med_lookup_t *lookup)
{
	size_t len = strlen(wanted);

	(void)ctx;
	if(lookup == NULL)
		snprintf(wanted + len, sizeof(wanted) - len, "%.*s -;", MED_STR_FMT(id));
	else
		snprintf(wanted + len, sizeof(wanted) - len, "%.*s %.*s%s%s%s %u;",
				MED_STR_FMT(id), MED_STR_FMT(lookup->name), lookup->srv ? " srv" : "",
				lookup->ipv4 ? " 4" : "", lookup->ipv6 ? " 6" : "", lookup->transports);
}

static void start(void)
{
	med_mem_t mem;

	memory = (core_memory_t){-1, 0};
	mem = core_mem(&memory);
	config = med_config_new(&mem, &mem);
	med_config_set_lookup(config, on_lookup, NULL);
	snap = core_build(config);
	wanted[0] = '\0';
}

static void build(void)
{
	core_rebuild(config, &snap);
}

static void finish(void)
{
	med_config_release(config, snap);
	med_config_free(config);
	ck_assert_int_eq(memory.out, 0);
}

static med_target_t target(
		const char *ip, unsigned port, unsigned priority, unsigned weight)
{
	med_target_t t = {.transports = MED_ALL_TRANSPORTS,
			.port = (uint16_t)port,
			.priority = (uint16_t)priority,
			.weight = (uint16_t)weight};

	ck_assert_int_eq(med_ip_parse(med_str(ip), &t.ip), MED_EOK);
	return t;
}

static bool found(const char *id, const char *name, const char *ip)
{
	med_target_t t = target(ip, 0, 0, 0);
	bool changed;

	ck_assert_int_eq(
			med_config_resolved(config, med_str(id), med_str(name), &t, 1, 77, &changed),
			MED_EOK);
	return changed;
}

/* The trunk that a request over UDP to port 5060 came in on; "": none. */
static med_str_t from(const char *ip)
{
	med_source_t source = {.transport = MED_UDP, .local_port = 5060};
	const med_trunk_t *trunk = NULL;

	ck_assert_int_eq(med_ip_parse(med_str(ip), &source.address), MED_EOK);
	return med_identify(snap, &source, &trunk, NULL) == MED_EOK ? trunk->id : med_str("");
}

static const med_trunk_t *trunk_of(const char *id)
{
	return med_snapshot_trunk(snap, med_str(id));
}

START_TEST(what_is_to_be_looked_up)
{
	start();
	core_set(config, MED_KIND_GATEWAY, "ip", "address", "192.0.2.1", NULL);
	core_set(config, MED_KIND_GATEWAY, "a", "address", "gw.example", NULL);
	build();
	core_assert_has(wanted, "a gw.example 4 6 7;");
	core_assert_has(wanted, "ip -;");
	wanted[0] = '\0';
	core_set(config, MED_KIND_TRUNK, "a", "transport", "udp", NULL);
	build();
	ck_assert_str_eq(wanted, ""); /* addresses serve every transport */
	core_set(config, MED_KIND_GATEWAY, "a", "address", "itsp.example", "lookup", "srv",
			"ip_version", "ipv4", NULL);
	build();
	ck_assert_str_eq(wanted, "a itsp.example srv 4 1;");
	wanted[0] = '\0';
	core_set(config, MED_KIND_TRUNK, "b", "gateway", "a", "transport", "tls", NULL);
	build();
	ck_assert_str_eq(wanted, "a itsp.example srv 4 5;");
	wanted[0] = '\0';
	med_config_remove(config, MED_KIND_TRUNK, med_str("a"));
	build();
	ck_assert_str_eq(wanted, "a itsp.example srv 4 4;");
	wanted[0] = '\0';
	med_config_remove(config, MED_KIND_GATEWAY, med_str("a"));
	build();
	ck_assert_str_eq(wanted, "a -;");
	finish();
}
END_TEST

START_TEST(calls_and_identity_by_what_was_found)
{
	const med_snapshot_t *before;
	const med_gateway_t *gateway;

	start();
	core_set(config, MED_KIND_GATEWAY, "a", "address", "gw.example", NULL);
	core_set(config, MED_KIND_TRUNK, "a", "transport", "udp", NULL);
	build();
	ck_assert(trunk_of("a")->unresolved && !trunk_of("a")->takes_calls);
	core_assert_str(from("192.0.2.1"), "");
	ck_assert(found("a", "GW.example", "192.0.2.1"));
	build();
	ck_assert(!trunk_of("a")->unresolved && trunk_of("a")->takes_calls);
	core_assert_str(from("192.0.2.1"), "a");
	gateway = trunk_of("a")->gateway;
	ck_assert(gateway->named && gateway->looked_up == 77 && gateway->target_count == 1);
	/* the same again is nothing, another one moves it */
	before = snap;
	ck_assert(!found("a", "gw.example", "192.0.2.1"));
	ck_assert_ptr_eq(before, snap);
	ck_assert(found("a", "gw.example", "192.0.2.2"));
	build();
	core_assert_str(from("192.0.2.1"), "");
	core_assert_str(from("192.0.2.2"), "a");
	/* a change of something else leaves it, one of the name does not */
	core_set(config, MED_KIND_GATEWAY, "a", "address", "gw.example", "routable", "no",
			NULL);
	build();
	core_assert_str(from("192.0.2.2"), "a");
	core_set(config, MED_KIND_GATEWAY, "a", "address", "other.example", NULL);
	build();
	core_assert_str(from("192.0.2.2"), "");
	ck_assert(trunk_of("a")->unresolved);
	finish();
}
END_TEST

START_TEST(answers_for_another_name)
{
	med_target_t t = target("192.0.2.1", 0, 0, 0);
	bool changed = true;

	start();
	core_set(config, MED_KIND_GATEWAY, "a", "address", "new.example", NULL);
	ck_assert_int_eq(med_config_resolved(config, med_str("a"), med_str("old.example"), &t,
							 1, 1, &changed),
			MED_ENOMATCH);
	ck_assert(!changed);
	ck_assert_int_eq(
			med_config_unresolved(config, med_str("b"), med_str("new.example"), "?"),
			MED_ENOMATCH);
	build();
	finish();
}
END_TEST

START_TEST(a_source_that_is_written_rules)
{
	med_destination_t to = {
			.transport = MED_UDP, .local_port = 5060, .remote_port = 5060};
	const med_trunk_t *trunk = NULL;
	med_leg_policy_t leg;

	start();
	core_set(config, MED_KIND_GATEWAY, "a", "address", "gw.example", "source",
			"198.51.100.0/24", NULL);
	core_set(config, MED_KIND_TRUNK, "a", "transport", "udp", NULL);
	build();
	core_assert_str(from("198.51.100.9"), "a");
	ck_assert(found("a", "gw.example", "192.0.2.1"));
	build();
	core_assert_str(from("198.51.100.9"), "a");
	core_assert_str(from("192.0.2.1"), "");
	ck_assert_uint_eq(trunk_of("a")->gateway->place_count, 1);
	/* the gate knows the place all the same, from whichever port it is sent */
	ck_assert_int_eq(med_ip_parse(med_str("192.0.2.1"), &to.address), MED_EOK);
	to.local_port = 9;
	ck_assert_int_eq(med_leg_of_destination(snap, &to, &leg, &trunk), MED_EOK);
	core_assert_str(trunk->id, "a");
	finish();
}
END_TEST

START_TEST(two_that_are_at_one_place)
{
	core_texts_t texts = {.len = 0};

	start();
	core_set(config, MED_KIND_GATEWAY, "b", "address", "b.example", NULL);
	core_set(config, MED_KIND_TRUNK, "b", "transport", "udp", NULL);
	core_set(config, MED_KIND_GATEWAY, "a", "address", "a.example", NULL);
	core_set(config, MED_KIND_TRUNK, "a", "transport", "udp", NULL);
	(void)found("b", "b.example", "192.0.2.1");
	build();
	core_assert_str(from("192.0.2.1"), "b");
	(void)found("a", "a.example", "192.0.2.1");
	build();
	core_assert_str(from("192.0.2.1"), "a");
	ck_assert_ptr_null(trunk_of("b"));
	med_config_refused(config, core_add_text, &texts);
	core_assert_has(texts.text,
			"trunk b|trunk 'b': local_port 5060 and the gateway's source, or what its "
			"name "
			"stands for, are those of trunk 'a', whose id comes first");
	(void)found("a", "a.example", "192.0.2.3");
	build();
	core_assert_str(from("192.0.2.1"), "b");
	core_assert_str(from("192.0.2.3"), "a");
	finish();
}
END_TEST

START_TEST(trouble_is_told)
{
	core_texts_t texts = {.len = 0};

	start();
	core_set(config, MED_KIND_GATEWAY, "a", "address", "gw.example", NULL);
	build();
	ck_assert_int_eq(med_config_unresolved(config, med_str("a"), med_str("gw.example"),
							 "no DNS server answers"),
			MED_EOK);
	med_config_refused(config, core_add_text, &texts);
	core_assert_has(
			texts.text, "gateway a|gateway 'a': field 'address': no DNS server answers");
	(void)found("a", "gw.example", "192.0.2.1"); /* it stays until it is taken back */
	build();
	texts = (core_texts_t){.len = 0};
	med_config_refused(config, core_add_text, &texts);
	core_assert_has(texts.text, "no DNS server answers");
	ck_assert_int_eq(
			med_config_unresolved(config, med_str("a"), med_str("gw.example"), NULL),
			MED_EOK);
	ck_assert_uint_eq(med_config_refused(config, NULL, NULL), 0);
	finish();
}
END_TEST

START_TEST(memory_runs_out)
{
	for(long left = 0;; left++) {
		med_target_t t = target("192.0.2.1", 0, 0, 0);
		const med_snapshot_t *next = NULL;
		bool changed;
		int rc;
		start();
		core_set(config, MED_KIND_GATEWAY, "a", "address", "gw.example", NULL);
		core_set(config, MED_KIND_TRUNK, "a", "transport", "udp", NULL);
		build();
		memory.left = left;
		rc = med_config_resolved(
				config, med_str("a"), med_str("gw.example"), &t, 1, 1, &changed);
		if(rc == MED_EOK)
			rc = med_config_build(config, &next, NULL);
		memory.left = -1;
		core_assert_str(from("192.0.2.1"), "");
		if(next != NULL) {
			med_config_release(config, snap);
			snap = next;
			core_assert_str(from("192.0.2.1"), "a");
		}
		finish();
		if(rc == MED_EOK)
			break;
		ck_assert_int_eq(rc, MED_ENOMEM);
	}
}
END_TEST

START_TEST(in_order_and_each_once)
{
	med_target_t list[] = {target("192.0.2.9", 5060, 20, 0),
			target("192.0.2.2", 0, 10, 5), target("192.0.2.1", 0, 10, 5),
			target("192.0.2.2", 0, 10, 5)};

	list[3].transports = 0;
	list[1].transports = 1;
	ck_assert_uint_eq(med_targets_sort(list, COUNT(list)), 3);
	ck_assert_uint_eq(list[0].ip.bytes[15], 1);
	ck_assert_uint_eq(list[1].ip.bytes[15], 2);
	ck_assert_uint_eq(list[1].transports, 1);
	ck_assert_uint_eq(list[2].priority, 20);
}
END_TEST

START_TEST(next_by_priority_weight_and_turn)
{
	med_target_t list[] = {target("192.0.2.1", 0, 10, 0), target("192.0.2.2", 0, 10, 10),
			target("192.0.2.3", 0, 10, 30), target("192.0.2.4", 0, 20, 0),
			target("2001:db8::1", 0, 30, 0)};
	med_gateway_t gateway = {.targets = list, .target_count = COUNT(list)};
	med_target_query_t query = {.transport = MED_UDP, .ipv4 = true};
	unsigned hits[3] = {0, 0, 0};
	uint32_t tried[4];
	uint64_t state = 1;

	for(unsigned i = 0; i < 41000; i++) {
		query.chance = core_draw(&state, 1u << 31);
		hits[med_target_next(&gateway, &query) - list]++;
	}
	ck_assert_uint_gt(hits[0], 500); /* one of 41 */
	ck_assert_uint_lt(hits[0], 1500);
	ck_assert_uint_gt(hits[1], 9000);
	ck_assert_uint_lt(hits[1], 11000);
	ck_assert_uint_gt(hits[2], 28500);
	query.tried = tried;
	for(unsigned i = 0; i < 3; i++)
		tried[query.tried_count++] = med_target_hash(&list[i]);
	ck_assert_ptr_eq(med_target_next(&gateway, &query), &list[3]);
	tried[query.tried_count++] = med_target_hash(&list[3]);
	ck_assert_ptr_null(med_target_next(&gateway, &query)); /* no IPv6 socket */
	query.ipv6 = true;
	ck_assert_ptr_eq(med_target_next(&gateway, &query), &list[4]);
	/* without weights they take turns */
	for(unsigned i = 0; i < 3; i++)
		list[i].weight = 0;
	query.tried_count = 0;
	for(query.turn = 0; query.turn < 6; query.turn++)
		ck_assert_ptr_eq(med_target_next(&gateway, &query), &list[query.turn % 3]);
	list[0].transports = list[1].transports = 1u << MED_TLS;
	ck_assert_ptr_eq(med_target_next(&gateway, &query), &list[2]);
}
END_TEST

START_TEST(as_a_uri)
{
	med_target_t v4 = target("192.0.2.1", 0, 0, 0), v6 = target("2001:db8::1", 0, 0, 0);
	char out[64];

	ck_assert_uint_gt(med_target_uri(&v4.ip, 5060, MED_TCP, out, sizeof(out)), 0);
	ck_assert(strncmp(out, "sip:192.0.2.1:5060;transport=tcp", sizeof(out)) == 0);
	ck_assert_uint_gt(med_target_uri(&v6.ip, 5061, MED_TLS, out, sizeof(out)), 0);
	ck_assert(strncmp(out, "sip:[2001:db8::1]:5061;transport=tls", sizeof(out)) == 0);
	ck_assert_uint_eq(med_target_uri(&v6.ip, 5061, MED_TLS, out, 20), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {what_is_to_be_looked_up,
			calls_and_identity_by_what_was_found, answers_for_another_name,
			a_source_that_is_written_rules, two_that_are_at_one_place, trouble_is_told,
			memory_runs_out, in_order_and_each_once, next_by_priority_weight_and_turn,
			as_a_uri};

	return core_run("names", tests, COUNT(tests));
}
