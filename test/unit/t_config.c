/**
 * t_config.c - objects in, snapshots out: last good versions, references, sharing, memory
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core_test.h"
#include "medcore/card.h"

static core_memory_t own, shared;
static med_mem_t own_mem, shared_mem;
static med_config_t *config;
static core_texts_t texts;

static void start(void)
{
	own = shared = (core_memory_t){.left = -1};
	own_mem = core_mem(&own);
	shared_mem = core_mem(&shared);
	config = med_config_new(&own_mem, &shared_mem);
	ck_assert_ptr_nonnull(config);
}

static void finish(void)
{
	med_config_free(config);
	ck_assert_int_eq(own.out, 0);
	ck_assert_int_eq(shared.out, 0);
}

/* So many texts of that severity, all texts in `texts`. */
static const char *faults(enum med_severity severity, size_t expected)
{
	texts = (core_texts_t){.len = 0};
	size_t count = med_config_refused(config, core_add_text, &texts);

	ck_assert_msg(texts.count[severity] == expected, "%zu %s, not %zu:\n%s",
			texts.count[severity], severity == MED_REFUSED ? "refused" : "warned",
			expected, texts.text);
	ck_assert_uint_eq(med_config_refused(config, NULL, NULL), count);
	return texts.text;
}

static const char *refused(size_t expected)
{
	return faults(MED_REFUSED, expected);
}

static const char *warned(size_t expected)
{
	return faults(MED_WARNED, expected);
}

static void add_tcp(const char *id, const char *address)
{
	core_set(config, MED_KIND_GATEWAY, id, "address", address, NULL);
	core_set(config, MED_KIND_TRUNK, id, "transport", "tcp", NULL);
}

/* In order of id. */
static const med_trunk_t *trunk_at(const med_snapshot_t *s, size_t index)
{
	const med_card_t *card = med_snapshot_card_at(s, MED_KIND_TRUNK, index);

	return card == NULL ? NULL : med_snapshot_trunk(s, med_card_id(card));
}

static const med_trunk_t *trunk(const med_snapshot_t *s, const char *id)
{
	return med_snapshot_trunk(s, med_str(id));
}

START_TEST(the_shortest_trunk)
{
	const med_snapshot_t *s;
	const med_trunk_t *t;

	start();
	core_set(config, MED_KIND_TRUNK, "pbx1", "gateway", "pbx1", "transport", "tls", NULL);
	core_set(config, MED_KIND_GATEWAY, "pbx1", "address", "pbx1.example.com", NULL);
	s = core_build(config);
	refused(0);
	t = trunk(s, "pbx1");
	ck_assert_ptr_nonnull(t);
	core_assert_str(t->destination, "sip:pbx1.example.com:5067;transport=tls");
	core_assert_str(t->gateway->address, "pbx1.example.com");
	core_assert_str(t->profile->id, "defaults");
	ck_assert_uint_eq(t->leg.srtp, MED_SRTP_REQUIRED);
	ck_assert(t->leg.anchored && t->leg.known && t->enabled && t->takes_calls);
	ck_assert_ptr_eq(med_snapshot_trunk_by_number(s, t->number), t);
	ck_assert_ptr_eq(trunk_at(s, 0), t);
	ck_assert_ptr_null(trunk_at(s, 1));
	ck_assert_ptr_null(med_snapshot_trunk_by_number(s, MED_NO_NUMBER));
	ck_assert_uint_eq(med_snapshot_count(s, MED_KIND_TRUNK), 1);
	ck_assert_uint_eq(med_snapshot_revision(s), 1);
	med_config_release(config, s);
	finish();
}
END_TEST

START_TEST(nothing_at_all)
{
	const med_snapshot_t *s;

	start();
	s = core_build(config);
	ck_assert_ptr_null(trunk(s, "pbx1"));
	ck_assert_ptr_null(med_snapshot_gateway(s, MED_STR("pbx1")));
	ck_assert_ptr_null(med_snapshot_policy(s, MED_STR("")));
	ck_assert_ptr_null(trunk_at(s, 0));
	ck_assert_ptr_null(med_snapshot_trunk_by_number(s, 0));
	ck_assert_int_eq(
			med_config_remove(config, MED_KIND_TRUNK, MED_STR("x")), MED_ENOMATCH);
	med_config_release(config, s);
	finish();
}
END_TEST

START_TEST(the_last_good_version_stays)
{
	const med_snapshot_t *s;
	med_errbuf_t err;

	start();
	add_tcp("gw1", "192.0.2.1");
	ck_assert_int_eq(core_try(config, &err, MED_KIND_TRUNK, "gw1", "transport", "tcp",
							 "port", "12x", NULL),
			MED_EINVAL);
	ck_assert_int_eq(
			core_try(config, &err, MED_KIND_TRUNK, "new", "port", "0", NULL), MED_ELIMIT);
	s = core_build(config);
	ck_assert_uint_eq(trunk(s, "gw1")->port, 5066);
	ck_assert_ptr_null(trunk(s, "new"));
	core_assert_has(
			refused(2), "trunk gw1|trunk 'gw1': field 'port': not a number: '12x'");
	ck_assert_uint_eq(med_config_count(config, MED_KIND_TRUNK), 1);
	med_config_release(config, s);
	core_set(config, MED_KIND_TRUNK, "gw1", "transport", "tcp", "port", "12", NULL);
	ck_assert_int_eq(med_config_remove(config, MED_KIND_TRUNK, MED_STR("new")), MED_EOK);
	s = core_build(config);
	ck_assert_uint_eq(trunk(s, "gw1")->port, 12);
	refused(0);
	med_config_release(config, s);
	finish();
}
END_TEST

START_TEST(hostile_ids_and_fields)
{
	char id[300];
	med_errbuf_t err;
	med_field_t field = {MED_STR("port"), MED_STR("1")};

	start();
	memset(id, 'x', sizeof(id));
	ck_assert_int_eq(med_config_set(config, MED_KIND_TRUNK, (med_str_t){id, sizeof(id)},
							 &field, 1, &err),
			MED_EINVAL);
	ck_assert_int_eq(
			core_try(config, NULL, MED_KIND_TRUNK, "a\x1b[2J\n", "port", "1", NULL),
			MED_EINVAL);
	ck_assert_int_eq(core_try(config, NULL, MED_KIND_COUNT, "a", NULL), MED_EINVAL);
	core_assert_has(refused(2), "trunk a\\x1b[2J\\x0a|");
	ck_assert_int_eq(
			med_config_remove(config, MED_KIND_TRUNK, (med_str_t){id, sizeof(id)}),
			MED_EOK);
	ck_assert_int_eq(
			med_config_remove(config, MED_KIND_TRUNK, MED_STR("a\x1b[2J\n")), MED_EOK);
	refused(0);
	finish();
}
END_TEST

START_TEST(references_are_checked_both_ways)
{
	const med_snapshot_t *s;

	start();
	core_set(config, MED_KIND_TRUNK, "t1", "gateway", "g1", NULL);
	s = core_build(config);
	ck_assert_ptr_null(trunk(s, "t1"));
	core_assert_has(refused(1), "field 'gateway': no gateway 'g1'; create it");
	med_config_release(config, s);

	core_set(config, MED_KIND_GATEWAY, "g1", "address", "192.0.2.1", NULL);
	s = core_build(config);
	core_assert_has(refused(1), "trunk 't1': transport tls needs a name to verify");
	med_config_release(config, s);

	core_set(config, MED_KIND_GATEWAY, "g1", "address", "192.0.2.1", "tls_name", "a.b",
			NULL);
	s = core_build(config);
	ck_assert_ptr_nonnull(trunk(s, "t1"));
	refused(0);
	med_config_release(config, s);

	ck_assert_int_eq(med_config_remove(config, MED_KIND_GATEWAY, MED_STR("g1")), MED_EOK);
	s = core_build(config);
	ck_assert_ptr_null(trunk(s, "t1"));
	ck_assert_uint_eq(med_snapshot_count(s, MED_KIND_TRUNK), 0);
	ck_assert_uint_eq(med_config_count(config, MED_KIND_TRUNK), 1);
	refused(1);
	med_config_release(config, s);

	core_set(config, MED_KIND_PROFILE, "global", "dial_plan", "nix", NULL);
	core_set(config, MED_KIND_ROUTE, "r", "pattern", "^1", "trunks", "t1,t2", NULL);
	s = core_build(config);
	refused(3);
	core_assert_has(texts.text, "profile 'global': field 'dial_plan': no rules 'nix'");
	core_assert_has(texts.text,
			"trunk t2|trunk 't2': does not exist, but 1 route(s) name it, 'r'");
	med_config_release(config, s);
	finish();
}
END_TEST

/* Ports a trunk does not name come from its gateway and its pool, now and when those
 * change. */
START_TEST(ports_come_from_both_ends)
{
	static const struct {
		const char *transport;
		unsigned port, local_port;
	} row[] = {{"tls", 5067, 5067}, {"tcp", 5066, 5068}, {"udp", 5060, 5060}};
	const med_snapshot_t *s;

	start();
	core_set(config, MED_KIND_GATEWAY, "g", "address", "192.0.2.1", "tls_name", "g.a",
			NULL);
	for(size_t i = 0; i < COUNT(row); i++) {
		core_set(config, MED_KIND_TRUNK, "t", "gateway", "g", "transport",
				row[i].transport, NULL);
		s = core_build(config);
		ck_assert_uint_eq(trunk(s, "t")->port, row[i].port);
		ck_assert_uint_eq(trunk(s, "t")->local_port, row[i].local_port);
		med_config_release(config, s);
	}
	core_set(config, MED_KIND_TRUNK, "t", "gateway", "g", "transport", "tcp",
			"mediation_server", "p", NULL);
	s = core_build(config);
	ck_assert_ptr_null(trunk(s, "t"));
	core_assert_has(refused(1), "trunk 't': field 'mediation_server': no pool 'p'");
	med_config_release(config, s);
	core_set(config, MED_KIND_POOL, "p", "sip_client_tcp_port", "5168",
			"sip_client_tls_port", "5167", NULL);
	core_set(config, MED_KIND_TRUNK, "own", "gateway", "g", "transport", "tls",
			"mediation_server", "p", "port", "1", "local_port", "2", NULL);
	s = core_build(config);
	refused(0);
	ck_assert_uint_eq(med_snapshot_count(s, MED_KIND_POOL), 1);
	ck_assert_uint_eq(trunk(s, "t")->port, 5066);
	ck_assert_uint_eq(trunk(s, "t")->local_port, 5168);
	ck_assert_uint_eq(trunk(s, "own")->port, 1);
	ck_assert_uint_eq(trunk(s, "own")->local_port, 2);
	med_config_release(config, s);
	core_set(config, MED_KIND_POOL, "p", "sip_client_tcp_port", "5268", NULL);
	core_set(config, MED_KIND_GATEWAY, "g", "address", "192.0.2.1", "tls_name", "g.a",
			"gateway_sip_client_tcp_port", "5266", NULL);
	s = core_build(config);
	ck_assert_uint_eq(trunk(s, "t")->port, 5266);
	ck_assert_uint_eq(trunk(s, "t")->local_port, 5268);
	core_assert_str(trunk(s, "t")->destination, "sip:192.0.2.1:5266;transport=tcp");
	med_config_release(config, s);
	/* The pool alone, and a refused one that has a good version. */
	core_set(config, MED_KIND_POOL, "p", "sip_client_tcp_port", "5368", NULL);
	s = core_build(config);
	ck_assert_uint_eq(trunk(s, "t")->local_port, 5368);
	med_config_release(config, s);
	(void)core_try(config, NULL, MED_KIND_POOL, "p", "sip_client_tcp_port", "x", NULL);
	s = core_build(config);
	ck_assert_uint_eq(trunk(s, "t")->local_port, 5368);
	refused(1);
	med_config_release(config, s);
	ck_assert_int_eq(med_config_remove(config, MED_KIND_POOL, MED_STR("p")), MED_EOK);
	s = core_build(config);
	ck_assert_ptr_null(trunk(s, "t"));
	ck_assert_ptr_null(trunk(s, "own"));
	refused(2);
	med_config_release(config, s);
	finish();
}
END_TEST

START_TEST(two_trunks_with_the_same_tuple)
{
	const med_snapshot_t *s;

	start();
	add_tcp("b", "192.0.2.1");
	s = core_build(config);
	med_config_release(config, s);
	/* The one whose id comes first serves, though it came later. */
	core_set(config, MED_KIND_TRUNK, "a", "gateway", "b", "transport", "tcp", NULL);
	core_set(config, MED_KIND_TRUNK, "c", "gateway", "b", "transport", "tcp",
			"local_port", "5069", NULL);
	core_set(config, MED_KIND_TRUNK, "d", "gateway", "b", "transport", "udp",
			"local_port", "5068", NULL);
	s = core_build(config);
	core_assert_has(refused(1),
			"trunk b|trunk 'b': local_port 5068 and the gateway's source are "
			"those of trunk 'a', whose");
	ck_assert_ptr_nonnull(trunk(s, "a"));
	ck_assert_ptr_null(trunk(s, "b"));
	ck_assert_ptr_nonnull(trunk(s, "c"));
	ck_assert_ptr_nonnull(trunk(s, "d"));
	med_config_release(config, s);
	/* The gateway changes, all are looked at anew. */
	core_set(config, MED_KIND_GATEWAY, "b", "address", "192.0.2.1", "name", "B", NULL);
	s = core_build(config);
	ck_assert_ptr_nonnull(trunk(s, "a"));
	ck_assert_ptr_null(trunk(s, "b"));
	med_config_release(config, s);
	/* Once it is gone the other serves. */
	ck_assert_int_eq(med_config_remove(config, MED_KIND_TRUNK, MED_STR("a")), MED_EOK);
	s = core_build(config);
	ck_assert_ptr_nonnull(trunk(s, "b"));
	refused(0);
	med_config_release(config, s);
	/* New ones at the same time: by id. */
	core_set(config, MED_KIND_GATEWAY, "g", "address", "g.example.com", NULL);
	core_set(config, MED_KIND_TRUNK, "z", "gateway", "g", NULL);
	core_set(config, MED_KIND_TRUNK, "y", "gateway", "g", NULL);
	s = core_build(config);
	ck_assert_ptr_nonnull(trunk(s, "y"));
	core_assert_has(refused(1), "trunk 'z': local_port 5067 and the gateway's tls_name");
	med_config_release(config, s);
	finish();
}
END_TEST

/* Trunks that share sources in all ways; which serve depends on nothing but what there
 * is. */
START_TEST(duplicates_are_settled_alike_whatever_came_first)
{
	enum { TRUNKS = 8, SOURCES = 5, STEPS = 400 };
	med_mem_t heap = med_mem_heap;
	uint32_t seed = 7;
	char source[TRUNKS][100] = {""};

	start();
	for(int step = 0; step < STEPS; step++) {
		med_config_t *fresh = med_config_new(&heap, &heap);
		const med_snapshot_t *a, *b;
		seed = seed * 1664525u + 1013904223u;
		unsigned which = (seed >> 8) % TRUNKS, bits = (seed >> 16) % (1 << SOURCES);
		char id[16];
		source[which][0] = '\0';
		for(int i = 0; i < SOURCES; i++) {
			size_t len = strlen(source[which]);
			if(bits >> i & 1)
				(void)snprintf(source[which] + len, sizeof(source[which]) - len,
						"%s10.0.0.%d", len ? "," : "", i);
		}
		for(int i = 0; i < TRUNKS; i++) {
			(void)snprintf(id, sizeof(id), "t%d", i);
			if(source[i][0] == '\0') {
				(void)med_config_remove(config, MED_KIND_TRUNK, med_str(id));
				continue;
			}
			for(int k = 0; k < 2; k++) {
				med_config_t *c = k == 0 ? config : fresh;
				core_set(c, MED_KIND_GATEWAY, id, "address", "x.example.com", "source",
						source[i], NULL);
				core_set(c, MED_KIND_TRUNK, id, "transport", "udp", NULL);
			}
		}
		a = core_build(config);
		b = core_build(fresh);
		ck_assert_uint_eq(med_config_refused(config, NULL, NULL),
				med_config_refused(fresh, NULL, NULL));
		for(size_t i = 0; i < TRUNKS; i++) {
			const med_trunk_t *x = trunk_at(a, i);
			const med_trunk_t *y = trunk_at(b, i);
			ck_assert_msg((x == NULL) == (y == NULL), "step %d: %zu", step, i);
			ck_assert(x == NULL || med_str_eq(x->id, y->id));
		}
		med_config_release(config, a);
		med_config_release(fresh, b);
		med_config_free(fresh);
	}
	finish();
}
END_TEST

static void count_fresh(void *ctx, enum med_severity severity, enum med_kind kind,
		med_str_t id, const char *text, bool fresh)
{
	unsigned *count = ctx;

	if(severity != MED_REFUSED)
		return;
	(void)kind;
	(void)id;
	ck_assert_uint_gt(strlen(text), 0);
	count[0]++;
	count[1] += fresh;
}

/* All parts of a walk: how many texts, how many of them not told before. */
static void walk(unsigned told, unsigned fresh, size_t parts)
{
	unsigned count[2] = {0, 0};
	bool again = true;
	size_t n = 1;

	for(; med_config_refused_part(config, again, 10, count_fresh, count); again = false)
		n++;
	ck_assert_uint_eq(count[0], told);
	ck_assert_uint_eq(count[1], fresh);
	ck_assert_uint_le(n, parts);
}

START_TEST(what_is_wrong_is_told_in_parts_and_fresh_once)
{
	med_config_t *c;
	char id[16], missing[16];

	start();
	c = config;
	for(int i = 0; i < 100; i++) {
		(void)snprintf(id, sizeof(id), "r%d", i);
		(void)snprintf(missing, sizeof(missing), "gone%d", i % 50);
		core_set(c, MED_KIND_ROUTE, id, "pattern", "^1", "usages", "u", "trunks", missing,
				NULL);
	}
	walk(50, 50, 6);
	walk(50, 0, 6);
	core_set(c, MED_KIND_ROUTE, "r0", "pattern", "^2", "usages", "u", "trunks", "gone0",
			NULL);
	core_set(c, MED_KIND_ROUTE, "more", "pattern", "^2", "usages", "u", "trunks", "gone1",
			NULL);
	walk(50, 0, 6); /* one more that names it is no news */
	core_assert_has(refused(50), "trunk 'gone1': does not exist, but 3 route(s) name it");
	ck_assert_int_eq(med_config_remove(c, MED_KIND_ROUTE, MED_STR("r2")), MED_EOK);
	ck_assert_int_eq(med_config_remove(c, MED_KIND_ROUTE, MED_STR("r52")), MED_EOK);
	walk(49, 0, 6);
	core_set(c, MED_KIND_ROUTE, "r2", "pattern", "^2", "usages", "u", "trunks", "gone2",
			NULL);
	walk(50, 1, 6);
	/* What leaves while a walk is under way, the next to be told among them. */
	ck_assert(med_config_refused_part(c, true, 10, count_fresh, (unsigned[2]){0, 0}));
	for(int i = 0; i < 100; i++) {
		(void)snprintf(id, sizeof(id), "r%d", i);
		(void)med_config_remove(c, MED_KIND_ROUTE, med_str(id));
	}
	ck_assert(!med_config_refused_part(c, false, 10, count_fresh, (unsigned[2]){0, 0}));
	core_assert_has(refused(1), "trunk 'gone1': does not exist, but 1 route(s) name it;");
	finish();
}
END_TEST

START_TEST(patterns_that_are_all_tried_are_told)
{
	const med_snapshot_t *s;
	char id[16], pattern[32];

	start();
	add_tcp("t", "192.0.2.1");
	core_set(config, MED_KIND_POLICY, "p", "usages", "u,v,w", NULL);
	for(int i = 0; i < 250; i++) {
		(void)snprintf(id, sizeof(id), "r%d", i);
		(void)snprintf(pattern, sizeof(pattern), "(?!%d)\\d+$", i);
		core_set(config, MED_KIND_ROUTE, id, "pattern", pattern, "usages", "u,v",
				"trunks", "t", NULL);
		(void)snprintf(pattern, sizeof(pattern), "[1-9]%d$", i);
		(void)snprintf(id, sizeof(id), "s%d", i);
		core_set(config, MED_KIND_ROUTE, id, "pattern", pattern, "usages", "w", "trunks",
				"t", NULL);
	}
	s = core_build(config);
	core_assert_has(warned(2), "usage 'u' has 250 patterns such as this");
	med_config_release(config, s);
	for(int i = 0; i < 100; i++) {
		(void)snprintf(id, sizeof(id), "r%d", i);
		ck_assert_int_eq(med_config_remove(config, MED_KIND_ROUTE, med_str(id)), MED_EOK);
	}
	s = core_build(config);
	warned(0);
	med_config_release(config, s);
	finish();
}
END_TEST

static void count_pauses(void *ctx)
{
	++*(unsigned *)ctx;
}

START_TEST(long_work_pauses)
{
	unsigned pauses = 0;
	const med_snapshot_t *s;
	char id[16], pattern[32];

	start();
	med_config_set_pause(config, count_pauses, &pauses);
	add_tcp("t", "192.0.2.1");
	for(int i = 0; i < 20000; i++) {
		(void)snprintf(id, sizeof(id), "r%d", i);
		(void)snprintf(pattern, sizeof(pattern), "^%d", i);
		core_set(config, MED_KIND_ROUTE, id, "pattern", pattern, "usages", "u", "trunks",
				"t", NULL);
	}
	pauses = 0;
	s = core_build(config);
	ck_assert_uint_gt(pauses, 20000 / 1024 * 3); /* described, sorted, and laid out */
	pauses = 0;
	med_config_mark(config);
	(void)med_config_sweep(config);
	ck_assert_uint_ge(pauses, 20000 / 1024);
	med_config_release(config, s);
	finish();
}
END_TEST

START_TEST(the_most_specific_profile_applies_whole)
{
	static const struct {
		const char *id, *trying, *expected;
	} step[] = {{"global", "1", "global"}, {"site:paris", "2", "site:paris"},
			{"trunk:gw1", "3", "trunk:gw1"}, {"trunk:gw1", NULL, "site:paris"},
			{"site:paris", NULL, "global"}, {"global", NULL, "defaults"}};
	const med_snapshot_t *s;

	start();
	core_set(config, MED_KIND_GATEWAY, "gw1", "address", "192.0.2.1", "site", "paris",
			NULL);
	core_set(config, MED_KIND_TRUNK, "gw1", "transport", "tcp", NULL);
	add_tcp("gw2", "192.0.2.2");
	for(size_t i = 0; i < COUNT(step); i++) {
		const med_profile_t *p;
		if(step[i].trying != NULL)
			core_set(config, MED_KIND_PROFILE, step[i].id, "trying_timeout_ms",
					step[i].trying, "anchor", i == 1 ? "no" : "yes", NULL);
		else
			ck_assert_int_eq(
					med_config_remove(config, MED_KIND_PROFILE, med_str(step[i].id)),
					MED_EOK);
		s = core_build(config);
		p = trunk(s, "gw1")->profile;
		core_assert_str(p->id, step[i].expected);
		ck_assert_int_eq(trunk(s, "gw1")->leg.anchored, i != 1 && i != 3);
		ck_assert_uint_eq(trunk(s, "gw1")->leg.srtp, MED_SRTP_NOT_SUPPORTED); /* tcp */
		core_assert_str(trunk(s, "gw2")->profile->id, i < 5 ? "global" : "defaults");
		med_config_release(config, s);
	}
	finish();
}
END_TEST

/* A refused profile without a good version must not make a trunk laxer than it asked. */
START_TEST(a_refused_profile_takes_its_trunks_out)
{
	const med_snapshot_t *s;

	start();
	core_set(config, MED_KIND_GATEWAY, "pbx1", "address", "pbx1.example.com", NULL);
	core_set(config, MED_KIND_TRUNK, "pbx1", NULL);
	core_set(config, MED_KIND_PROFILE, "global", "srtp_mode", "not_supported", NULL);
	ck_assert_int_eq(core_try(config, NULL, MED_KIND_PROFILE, "trunk:pbx1", "srtp_mode",
							 "required", "typo", "x", NULL),
			MED_EINVAL);
	s = core_build(config);
	ck_assert_ptr_null(trunk(s, "pbx1"));
	core_assert_has(refused(2), "trunk 'pbx1': its profile 'trunk:pbx1' is refused");
	med_config_release(config, s);
	core_set(config, MED_KIND_PROFILE, "trunk:pbx1", "srtp_mode", "required", NULL);
	s = core_build(config);
	ck_assert_uint_eq(trunk(s, "pbx1")->leg.srtp, MED_SRTP_REQUIRED);
	refused(0);
	med_config_release(config, s);
	/* With a good version that one serves on. */
	ck_assert_int_eq(
			core_try(config, NULL, MED_KIND_PROFILE, "trunk:pbx1", "typo", "x", NULL),
			MED_EINVAL);
	s = core_build(config);
	ck_assert_uint_eq(trunk(s, "pbx1")->leg.srtp, MED_SRTP_REQUIRED);
	refused(1);
	med_config_release(config, s);
	/* Taken back while nothing good is left of it. */
	ck_assert_int_eq(
			med_config_remove(config, MED_KIND_PROFILE, MED_STR("trunk:pbx1")), MED_EOK);
	s = core_build(config);
	core_assert_str(trunk(s, "pbx1")->profile->id, "global");
	med_config_release(config, s);
	finish();
}
END_TEST

START_TEST(a_full_read_forgets_what_it_does_not_tell)
{
	const med_snapshot_t *s;

	start();
	add_tcp("gw1", "192.0.2.1");
	add_tcp("gw2", "192.0.2.2");
	(void)core_try(config, NULL, MED_KIND_TRUNK, "bad", "port", "x", NULL);
	core_set(config, MED_KIND_ROUTE, "r", "pattern", "^1", "usages", "u", "trunks", "gw2",
			NULL);
	med_config_mark(config);
	add_tcp("gw1", "192.0.2.1");
	ck_assert_uint_eq(med_config_sweep(config), 4); /* gw2 twice, bad, r */
	s = core_build(config);
	ck_assert_ptr_nonnull(trunk(s, "gw1"));
	ck_assert_uint_eq(med_snapshot_count(s, MED_KIND_TRUNK), 1);
	ck_assert_uint_eq(med_snapshot_count(s, MED_KIND_GATEWAY), 1);
	ck_assert_uint_eq(med_snapshot_count(s, MED_KIND_ROUTE), 0);
	refused(0);
	med_config_release(config, s);
	finish();
}
END_TEST

START_TEST(numbers_stay_and_listings_are_in_order)
{
	static const char *const ids[] = {"m", "a", "z", "b", "aa", "y1", "y"};
	const med_snapshot_t *s;
	uint32_t number;

	start();
	for(size_t i = 0; i < COUNT(ids); i++) {
		char address[20];
		snprintf(address, sizeof(address), "192.0.2.%zu", i + 1);
		add_tcp(ids[i], address);
		s = core_build(config);
		for(size_t k = 0; k < i; k++) {
			med_str_t a = trunk_at(s, k)->id, b = trunk_at(s, k + 1)->id;
			char x[8], y[8];
			snprintf(x, sizeof(x), "%.*s", MED_STR_FMT(a));
			snprintf(y, sizeof(y), "%.*s", MED_STR_FMT(b));
			ck_assert_str_lt(x, y);
		}
		ck_assert_ptr_null(trunk_at(s, i + 1));
		med_config_release(config, s);
	}
	s = core_build(config);
	number = trunk(s, "z")->number;
	med_config_release(config, s);
	(void)med_config_remove(config, MED_KIND_TRUNK, MED_STR("z"));
	(void)med_config_remove(config, MED_KIND_TRUNK, MED_STR("a"));
	s = core_build(config);
	core_assert_str(trunk_at(s, 0)->id, "aa");
	core_assert_str(trunk_at(s, 4)->id, "y1");
	ck_assert_ptr_null(med_snapshot_trunk_by_number(s, number));
	med_config_release(config, s);
	core_set(config, MED_KIND_TRUNK, "z", "transport", "tcp", NULL);
	s = core_build(config);
	ck_assert_uint_eq(trunk(s, "z")->number, number);
	med_config_release(config, s);
	finish();
}
END_TEST

/* Old snapshots keep saying what they said, whatever is built and released after them. */
START_TEST(snapshots_do_not_change)
{
	const med_snapshot_t *old[12];

	start();
	for(size_t i = 0; i < COUNT(old); i++) {
		char port[8], pattern[32], order[12];
		add_tcp("gw1", "192.0.2.1");
		snprintf(port, sizeof(port), "%zu", 1000 + i);
		core_set(config, MED_KIND_TRUNK, "gw1", "transport", "tcp", "port", port, NULL);
		snprintf(pattern, sizeof(pattern), "^(?=1)%zu", i);
		core_set(config, MED_KIND_ROUTE, "r", "pattern", pattern, "usages", "u", "trunks",
				"gw1", NULL);
		snprintf(order, sizeof(order), "rule.%zu", i);
		core_set(config, MED_KIND_RULES, "x", order, "^(?!1)2 => 3", NULL);
		old[i] = core_build(config);
		if(i % 3 == 2) { /* from the middle */
			med_config_release(config, old[i - 1]);
			old[i - 1] = NULL;
		}
		for(size_t k = 0; k <= i; k++) {
			if(old[k] == NULL)
				continue;
			ck_assert_uint_eq(trunk(old[k], "gw1")->port, 1000 + k);
			core_assert_str(trunk(old[k], "gw1")->gateway->address, "192.0.2.1");
		}
	}
	med_config_free(config); /* what was built stays valid until released */
	for(size_t k = 0; k < COUNT(old); k++) {
		if(old[k] != NULL)
			ck_assert_uint_eq(trunk(old[k], "gw1")->port, 1000 + k);
		if(old[k] != NULL)
			med_config_release(config, old[k]);
	}
	ck_assert_int_eq(own.out, 0);
	ck_assert_int_eq(shared.out, 0);
}
END_TEST

START_TEST(versions_share_what_did_not_change)
{
	const med_snapshot_t *a, *b;
	long before;

	start();
	for(int i = 0; i < 300; i++) {
		char id[16], address[24];
		snprintf(id, sizeof(id), "gw%d", i);
		snprintf(address, sizeof(address), "192.0.%d.%d", i / 200, i % 200 + 1);
		add_tcp(id, address);
		core_set(config, MED_KIND_ROUTE, id, "pattern", "^1", "usages", i % 2 ? "u" : "v",
				NULL);
	}
	a = core_build(config);
	before = shared.out;
	core_set(config, MED_KIND_TRUNK, "gw7", "transport", "tcp", "name", "seven", NULL);
	b = core_build(config);
	ck_assert_ptr_ne(trunk(a, "gw7"), trunk(b, "gw7"));
	ck_assert_ptr_eq(trunk(a, "gw8"), trunk(b, "gw8"));
	ck_assert_msg(
			shared.out - before < 20, "%ld segments for one trunk", shared.out - before);
	med_config_release(config, a);
	ck_assert_msg(
			shared.out <= before, "%ld segments more than before", shared.out - before);
	/* The same again changes nothing. */
	core_set(config, MED_KIND_TRUNK, "gw7", "name", "seven", "transport", "tcp", NULL);
	a = core_build(config);
	ck_assert_ptr_eq(trunk(a, "gw7"), trunk(b, "gw7"));
	med_config_release(config, a);
	med_config_release(config, b);
	finish();
}
END_TEST

/* ---- memory
 * ---------------------------------------------------------------------------- */

/* One step each; a step that fails for memory is tried again until it does not. */
static int step(int which, const med_snapshot_t **s)
{
	static const char *const rule[] = {"rule.0", "^(?=1)(\\d*)$ => +$1"};

	switch(which) {
		case 0:
			return core_try(
					config, NULL, MED_KIND_GATEWAY, "g", "address", "192.0.2.1", NULL);
		case 1:
			return core_try(config, NULL, MED_KIND_TRUNK, "t", "gateway", "g",
					"transport", "tcp", NULL);
		case 2:
			return core_try(config, NULL, MED_KIND_RULES, "r", rule[0], rule[1], NULL);
		case 3:
			return core_try(config, NULL, MED_KIND_PROFILE, "global", "dial_plan", "r",
					"pstn_usages", "u,v", NULL);
		case 4:
			return core_try(config, NULL, MED_KIND_ROUTE, "a", "pattern", "^(?!2)1",
					"usages", "u,v", "trunks", "t,missing", NULL);
		case 5:
			return core_try(config, NULL, MED_KIND_POLICY, "p", "usages", "v,w", NULL);
		case 6:
			return med_config_build(config, s, NULL);
		case 7:
			return core_try(config, NULL, MED_KIND_TRUNK, "t", "gateway", "g",
					"transport", "udp", NULL);
		case 8:
			return core_try(config, NULL, MED_KIND_ROUTE, "a", "pattern", "^(?!3)1",
					"usages", "w", "trunks", "t", NULL);
		case 9:
			return core_try(config, NULL, MED_KIND_TRUNK, "bad", "port", "x", NULL)
							== MED_ENOMEM
					? MED_ENOMEM
					: MED_EOK;
		case 10:
			return core_try(config, NULL, MED_KIND_GATEWAY, "g", "address", "192.0.2.9",
					"site", "x", "root_trunk", "t", NULL);
		case 11:
			return core_try(config, NULL, MED_KIND_POOL, "p", "site", "x",
					"sip_client_tcp_port", "5070", NULL);
		case 12:
			return core_try(
					config, NULL, MED_KIND_LIMITS, "site:x:y", "max_calls", "1", NULL);
		case 13:
			return core_try(config, NULL, MED_KIND_TEST, "c", "dialed_number", "1",
					"from_trunk", "t", "expected_route", "gone", NULL);
		case 14:
			return core_try(config, NULL, MED_KIND_RESPONSE_RULES, "c", "rule.0",
					"received_response_code=486 translated_response_code=503",
					"rule.0.name", "x", NULL);
		case 15:
			return core_try(config, NULL, MED_KIND_RULES, "r", rule[0], rule[1],
					"simple_name", "x", NULL);
		case 16: { /* the root trunk stays, which is told */
			int rc = med_config_remove(config, MED_KIND_TRUNK, MED_STR("t"));
			return rc == MED_EREFUSED ? MED_EOK : rc;
		}
		case 17:
			return core_try(config, NULL, MED_KIND_TRUNK, "t", "gateway", "g",
					"transport", "udp", "mediation_server", "p", NULL);
		default:
			return med_config_build(config, s, NULL);
	}
}

/* @p which memory fails after how many allocations? */
static bool run_ladder(core_memory_t *failing, long left)
{
	const med_snapshot_t *first = NULL, *second = NULL;
	bool failed = false;

	failing->left = left;
	for(int i = 0; i < 19; i++) {
		int rc = step(i < 18 ? i : 99, i < 8 ? &first : &second);
		if(rc != MED_EOK) {
			ck_assert_msg(rc == MED_ENOMEM && !failed, "step %d: %d", i, rc);
			failed = true;
			if(i > 6) /* nothing was changed: what serves, serves on */
				ck_assert_uint_eq(trunk(first, "t")->transport, MED_TCP);
			failing->left = -1;
			rc = step(i < 18 ? i : 99, i < 8 ? &first : &second);
		}
		ck_assert_msg(rc == MED_EOK, "step %d with memory: %d", i, rc);
	}
	failing->left = -1;
	ck_assert_uint_eq(trunk(first, "t")->transport, MED_TCP);
	ck_assert_uint_eq(trunk(second, "t")->transport, MED_UDP);
	core_assert_str(trunk(second, "t")->gateway->address, "192.0.2.9");
	ck_assert_uint_eq(trunk(second, "t")->profile->usage_count, 2);
	refused(1);
	med_config_release(config, first);
	med_config_release(config, second);
	return failed;
}

START_TEST(memory_may_fail_anywhere)
{
	for(int which = 0; which < 2; which++) {
		long left = 0;
		bool failed = true;
		for(; failed; left++) {
			start();
			failed = run_ladder(which == 0 ? &own : &shared, left);
			finish();
			ck_assert_int_lt(left, 2000);
		}
		ck_assert_int_gt(left, 10);
	}
	for(long left = 0; left < 10; left++) {
		core_memory_t little = {.left = left};
		med_mem_t mem = core_mem(&little);
		med_config_free(med_config_new(&mem, &mem));
		ck_assert_int_eq(little.out, 0);
	}
}
END_TEST

/* A sweep, and the build after it, whose n-th allocation fails; then both again. */
START_TEST(a_sweep_may_be_short_of_memory)
{
	bool failed = true;

	for(long left = 0; failed; left++) {
		const med_snapshot_t *first, *second = NULL;
		start();
		add_tcp("t", "192.0.2.1");
		core_set(config, MED_KIND_GATEWAY, "t", "address", "192.0.2.1", "root_trunk", "t",
				NULL);
		core_set(config, MED_KIND_TRUNK, "u", "gateway", "t", "transport", "udp", NULL);
		core_set(config, MED_KIND_ROUTE, "r", "pattern", "^1", "usages", "u", "trunks",
				"u", NULL);
		first = core_build(config);
		med_config_mark(config);
		core_set(config, MED_KIND_GATEWAY, "t", "address", "192.0.2.1", "root_trunk", "t",
				NULL);
		own.left = shared.left = left;
		ck_assert_uint_eq(med_config_sweep(config), 2);
		failed = med_config_build(config, &second, NULL) != MED_EOK;
		own.left = shared.left = -1;
		ck_assert_ptr_nonnull(trunk(first, "u"));
		if(failed)
			second = core_build(config);
		ck_assert_ptr_null(trunk(second, "u"));
		ck_assert_ptr_nonnull(trunk(second, "t"));
		ck_assert_uint_eq(med_config_sweep(config), 0);
		core_assert_has(refused(1), "root trunk of gateway 't'");
		med_config_release(config, first);
		med_config_release(config, second);
		finish();
		ck_assert_int_lt(left, 1000);
	}
}
END_TEST

/* A trunk has its number as long as the node runs; what can be none takes none. */
START_TEST(bad_ids_take_no_numbers)
{
	const med_snapshot_t *s;
	char id[24];

	start();
	for(int i = 0; i < 10; i++) {
		(void)snprintf(id, sizeof(id), "bad id %d", i);
		(void)core_try(config, NULL, MED_KIND_TRUNK, id, NULL);
		ck_assert_int_eq(med_config_remove(config, MED_KIND_TRUNK, med_str(id)), MED_EOK);
	}
	add_tcp("t", "192.0.2.1");
	s = core_build(config);
	ck_assert_uint_eq(trunk(s, "t")->number, 0);
	med_config_release(config, s);
	finish();
}
END_TEST

/* Trunks that are left out cost nothing where nothing can mend them. */
START_TEST(trunks_left_out_wait_for_what_concerns_them)
{
	char id[16];
	long left;

	start();
	for(int i = 0; i < 100; i++) {
		(void)snprintf(id, sizeof(id), "t%d", i);
		core_set(config, MED_KIND_TRUNK, id, "gateway", "none", NULL);
	}
	med_config_release(config, core_build(config));
	core_set(config, MED_KIND_ROUTE, "r", "pattern", "^1", "usages", "u", NULL);
	own.left = left = 1000;
	med_config_release(config, core_build(config));
	ck_assert_int_lt(left - own.left, 50);
	own.left = -1;
	(void)core_try(config, NULL, MED_KIND_GATEWAY, "none", "address", "bad addr", NULL);
	med_config_release(config, core_build(config));
	core_assert_has(refused(101), "field 'gateway': refused is gateway 'none'; mend it");
	ck_assert_int_eq(
			med_config_remove(config, MED_KIND_GATEWAY, MED_STR("none")), MED_EOK);
	med_config_release(config, core_build(config));
	core_assert_has(refused(100), "field 'gateway': no gateway 'none'; create it");
	core_set(config, MED_KIND_GATEWAY, "none", "address", "a.example.com", NULL);
	med_config_release(config, core_build(config));
	core_assert_has(refused(99), "trunk 't0'");
	finish();
}
END_TEST

/* Anything at all, in any order, again and again; sanitizers and counts are the judges.
 */
START_TEST(random_changes)
{
	static const char *const addresses[] = {
			"192.0.2.1", "192.0.2.2", "a.example.com", "bad addr"};
	static const char *const transports[] = {"tcp", "udp", "tls", "x"};
	static const char *const scopes[] = {"global", "site:s", "trunk:o1", "trunk:o2"};
	static const char *const patterns[] = {
			"^1", "^(?!9)1", "(", "[0-9]{3}", "^\\+1(2|3)\\d*$"};
	const med_snapshot_t *held[4] = {NULL};
	uint64_t state = 1;

	start();
	for(int i = 0; i < 6000; i++) {
		enum med_kind kind = core_draw(&state, MED_KIND_COUNT);
		char object[8], port[8];
		const char *id = object;
		snprintf(object, sizeof(object), "o%u", core_draw(&state, 5));
		snprintf(port, sizeof(port), "%u", 5060 + core_draw(&state, 3));
		if(kind == MED_KIND_PROFILE)
			id = scopes[core_draw(&state, 4)];
		if(kind == MED_KIND_LIMITS)
			id = scopes[1 + core_draw(&state, 3)];
		med_config_expect(config, core_draw(&state, MED_KIND_COUNT), med_str(object));
		if(core_draw(&state, 4) == 0)
			(void)med_config_remove(config, kind, med_str(id));
		else if(kind == MED_KIND_GATEWAY)
			(void)core_try(config, NULL, kind, id, "address",
					addresses[core_draw(&state, 4)], "site",
					core_draw(&state, 2) ? "s" : "", NULL);
		else if(kind == MED_KIND_TRUNK)
			(void)core_try(config, NULL, kind, id, "transport",
					transports[core_draw(&state, 4)], i % 3 ? "local_port" : "name", port,
					"mediation_server", i % 4 == 0 ? "o3" : "", NULL);
		else if(kind == MED_KIND_PROFILE)
			(void)core_try(config, NULL, kind, id, "srtp_mode",
					core_draw(&state, 3) ? "optional" : "bad", "anchor",
					i % 2 ? "yes" : "no", NULL);
		else if(kind == MED_KIND_RULES)
			(void)core_try(config, NULL, kind, id, "rule.0",
					i % 3 ? "^(?=1) => 2" : "( => 1", NULL);
		else if(kind == MED_KIND_POLICY)
			(void)core_try(
					config, NULL, kind, id, "usages", i % 2 ? "u1,u2" : "u2", NULL);
		else if(kind == MED_KIND_POOL)
			(void)core_try(config, NULL, kind, id, "sip_client_tcp_port", port, NULL);
		else if(kind == MED_KIND_RESPONSE_RULES)
			(void)core_try(config, NULL, kind, id, "rule.0",
					i % 3 ? "received_response_code=486 translated_response_code=503"
						  : "x",
					NULL);
		else if(kind == MED_KIND_LIMITS)
			(void)core_try(config, NULL, kind, id, "max_calls", i % 3 ? port : "", NULL);
		else if(kind == MED_KIND_TEST)
			(void)core_try(config, NULL, kind, id, "dialed_number", port, "from_trunk",
					i % 3 ? "o1" : "", NULL);
		else if(kind == MED_KIND_ROUTE)
			(void)core_try(config, NULL, kind, id, "pattern",
					patterns[core_draw(&state, 5)], "usages", i % 2 ? "u1" : "u1,u2,u1",
					"trunks", "o1,o2*2,o9", NULL);
		if(core_draw(&state, 3) == 0) {
			unsigned slot = core_draw(&state, 4);
			const med_snapshot_t *s;
			if(core_draw(&state, 3) == 0)
				shared.left = core_draw(&state, 20);
			if(med_config_build(config, &s, NULL) == MED_EOK) {
				med_destination_t to = {.local_port = 5060};
				med_leg_policy_t leg;
				const med_trunk_t *t = NULL;
				if(held[slot] != NULL)
					med_config_release(config, held[slot]);
				held[slot] = s;
				ck_assert_int_eq(
						med_ip_parse(MED_STR("192.0.2.1"), &to.address), MED_EOK);
				for(to.transport = MED_UDP; to.transport <= MED_TLS; to.transport++) {
					if(med_leg_of_destination(s, &to, &leg, &t) == MED_EOK)
						ck_assert_uint_eq(t->local_port, 5060);
				}
			}
			shared.left = -1;
		}
		if(i % 500 == 499) {
			med_config_mark(config);
			core_set(config, MED_KIND_SITE, "s", NULL);
			(void)med_config_sweep(config);
		}
		(void)med_config_refused(config, NULL, NULL);
	}
	for(size_t i = 0; i < COUNT(held); i++)
		med_config_release(config, held[i]);
	finish();
}
END_TEST

static void add_id(void *ctx, enum med_kind kind, med_str_t id)
{
	core_add_text(ctx, MED_REFUSED, kind, id, "");
}

START_TEST(what_leaves_is_known_and_versions_are_told_apart)
{
	core_texts_t gone = {.len = 0}, stale = {.len = 0};
	uint64_t *tag;

	start();
	med_config_set_removed(config, add_id, &gone);
	ck_assert_ptr_null(med_config_tag(config, MED_KIND_TRUNK, MED_STR("gw1")));
	add_tcp("gw1", "192.0.2.1");
	add_tcp("gw2", "192.0.2.2");
	tag = med_config_tag(config, MED_KIND_TRUNK, MED_STR("gw1"));
	ck_assert_uint_eq(*tag, 0);
	*tag = 7;
	med_config_mark(config);
	ck_assert_uint_eq(med_config_stale(config, NULL, NULL), 4);
	add_tcp("gw1", "192.0.2.1");
	tag = med_config_tag(config, MED_KIND_TRUNK, MED_STR("gw1"));
	ck_assert_uint_eq(*tag, 7); /* the same again is no new version */
	ck_assert(core_try(config, NULL, MED_KIND_TRUNK, "gw1", "port", "x", NULL)
			== MED_EINVAL);
	ck_assert_uint_eq(*tag, 7); /* nor is what is refused */
	ck_assert(!med_config_is_stale(config, MED_KIND_TRUNK, MED_STR("gw1")));
	ck_assert(med_config_is_stale(config, MED_KIND_TRUNK, MED_STR("gw2")));
	ck_assert(!med_config_is_stale(config, MED_KIND_TRUNK, MED_STR("gw3")));
	ck_assert_uint_eq(med_config_stale(config, add_id, &stale), 2);
	ck_assert_str_eq(stale.text, "gateway gw2|\ntrunk gw2|\n");
	core_set(config, MED_KIND_TRUNK, "gw1", "transport", "tcp", "port", "1", NULL);
	ck_assert_uint_eq(*med_config_tag(config, MED_KIND_TRUNK, MED_STR("gw1")), 0);
	ck_assert_int_eq(med_config_remove(config, MED_KIND_TRUNK, MED_STR("gw2")), MED_EOK);
	ck_assert_str_eq(gone.text, "trunk gw2|\n");
	ck_assert_uint_eq(med_config_sweep(config), 1);
	ck_assert_str_eq(gone.text, "trunk gw2|\ngateway gw2|\n");
	ck_assert_uint_eq(med_config_stale(config, NULL, NULL), 0);
	finish();
}
END_TEST

int main(void)
{
	const TTest *tests[] = {the_shortest_trunk, nothing_at_all,
			the_last_good_version_stays, hostile_ids_and_fields,
			references_are_checked_both_ways, ports_come_from_both_ends,
			two_trunks_with_the_same_tuple,
			duplicates_are_settled_alike_whatever_came_first,
			what_is_wrong_is_told_in_parts_and_fresh_once,
			patterns_that_are_all_tried_are_told, long_work_pauses,
			the_most_specific_profile_applies_whole,
			a_refused_profile_takes_its_trunks_out,
			a_full_read_forgets_what_it_does_not_tell,
			numbers_stay_and_listings_are_in_order, snapshots_do_not_change,
			versions_share_what_did_not_change, memory_may_fail_anywhere,
			a_sweep_may_be_short_of_memory,
			what_leaves_is_known_and_versions_are_told_apart, bad_ids_take_no_numbers,
			trunks_left_out_wait_for_what_concerns_them, random_changes};

	return core_run("config", tests, COUNT(tests));
}
