/**
 * t_places.c - which site an address lies in; dial plans of callers without a trunk
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core_test.h"

static med_config_t *config;
static const med_snapshot_t *snap;

static void start(void)
{
	config = med_config_new(&med_mem_heap, &med_mem_heap);
	snap = core_build(config);
}

static void build(void)
{
	core_rebuild(config, &snap);
}

static void finish(void)
{
	med_config_release(config, snap);
	med_config_free(config);
}

static med_str_t site_of(const char *address)
{
	med_ip_t ip;

	ck_assert_int_eq(med_ip_parse(med_str(address), &ip), MED_EOK);
	return med_snapshot_site_of(snap, &ip);
}

START_TEST(the_longest_prefix_wins)
{
	static const struct {
		const char *address, *site;
	} row[] = {{"10.1.2.3", "wide"}, {"10.2.0.1", "branch"}, {"10.2.0.7", "desk"},
			{"10.2.0.8", "branch"}, {"192.0.2.1", ""}, {"11.0.0.0", ""},
			{"2001:db8::1", "six"}, {"2001:db8:1::1", ""}, {"::1", ""},
			{"::ffff:10.2.0.7", "desk"}};

	start();
	core_assert_str(site_of("10.2.0.7"), "");
	core_set(config, MED_KIND_SITE, "wide", "subnets", "10.9.9.9/8", NULL);
	core_set(config, MED_KIND_SITE, "branch", "subnets", "10.2.0.0/16,172.16.0.0/12",
			NULL);
	core_set(config, MED_KIND_SITE, "desk", "subnets", "10.2.0.7", NULL);
	core_set(config, MED_KIND_SITE, "six", "subnets", "2001:db8::/48", NULL);
	core_set(config, MED_KIND_SITE, "nowhere", NULL);
	build();
	for(size_t i = 0; i < COUNT(row); i++)
		core_assert_str(site_of(row[i].address), row[i].site);
	/* all of IPv4, and what is left when sites go */
	core_set(config, MED_KIND_SITE, "all", "subnets", "0.0.0.0/0", NULL);
	(void)med_config_remove(config, MED_KIND_SITE, MED_STR("wide"));
	build();
	core_assert_str(site_of("11.0.0.0"), "all");
	core_assert_str(site_of("10.1.2.3"), "all");
	core_assert_str(site_of("10.2.0.7"), "desk");
	core_assert_str(site_of("2001:db8:1::1"), "");
	med_config_mark(config);
	(void)med_config_sweep(config);
	build();
	core_assert_str(site_of("10.2.0.7"), "");
	finish();
}
END_TEST

START_TEST(of_two_sites_the_first_by_id)
{
	start();
	core_set(config, MED_KIND_SITE, "b", "subnets", "10.0.0.0/8", NULL);
	core_set(config, MED_KIND_SITE, "c", "subnets", "10.0.0.0/8", NULL);
	build();
	core_assert_str(site_of("10.0.0.1"), "b");
	core_set(config, MED_KIND_SITE, "a", "subnets", "10.1.1.1/8,10.0.0.0/8", NULL);
	build();
	core_assert_str(site_of("10.0.0.1"), "a");
	(void)med_config_remove(config, MED_KIND_SITE, MED_STR("a"));
	(void)med_config_remove(config, MED_KIND_SITE, MED_STR("b"));
	build();
	core_assert_str(site_of("10.0.0.1"), "c");
	finish();
}
END_TEST

/* Against each subnet one after the other. */
START_TEST(as_each_subnet_says)
{
	static char text[200][24];
	static med_ip_t subnet[200];
	uint64_t state = 7;

	start();
	for(unsigned i = 0; i < COUNT(text); i++) {
		char id[8];
		snprintf(text[i], sizeof(text[i]), "10.%u.%u.%u/%u", core_draw(&state, 4),
				core_draw(&state, 4), core_draw(&state, 256), 8 + core_draw(&state, 25));
		ck_assert_int_eq(med_ip_parse(med_str(text[i]), &subnet[i]), MED_EOK);
		snprintf(id, sizeof(id), "s%03u", i);
		core_set(config, MED_KIND_SITE, id, "subnets", text[i], NULL);
	}
	build();
	for(unsigned n = 0; n < 5000; n++) {
		char address[24], best[8] = "";
		unsigned bits = 0;
		med_ip_t ip;
		snprintf(address, sizeof(address), "10.%u.%u.%u", core_draw(&state, 5),
				core_draw(&state, 5), core_draw(&state, 256));
		ck_assert_int_eq(med_ip_parse(med_str(address), &ip), MED_EOK);
		for(unsigned i = 0; i < COUNT(subnet); i++) {
			if(!med_ip_contains(&subnet[i], &ip) || subnet[i].prefix <= bits)
				continue;
			bits = subnet[i].prefix;
			snprintf(best, sizeof(best), "s%03u", i);
		}
		core_assert_str(med_snapshot_site_of(snap, &ip), best);
	}
	finish();
}
END_TEST

START_TEST(dial_plans_without_a_trunk)
{
	start();
	core_assert_str(med_snapshot_dial_plan(snap, MED_STR("")), "");
	core_set(config, MED_KIND_PROFILE, "global", "dial_plan", "global", NULL);
	core_set(config, MED_KIND_POOL, "p", "site", "s", NULL);
	build();
	core_assert_str(med_snapshot_dial_plan(snap, MED_STR("")), "global");
	core_assert_str(med_snapshot_dial_plan(snap, MED_STR("p")), "global");
	core_assert_str(med_snapshot_dial_plan(snap, MED_STR("q")), "global");
	core_set(config, MED_KIND_SITE, "s", "dial_plan", "site", NULL);
	build();
	core_assert_str(med_snapshot_dial_plan(snap, MED_STR("p")), "site");
	core_assert_str(med_snapshot_dial_plan(snap, MED_STR("")), "global");
	core_set(config, MED_KIND_POOL, "p", "site", "s", "dial_plan", "pool", "fqdn",
			"p.example.com", NULL);
	build();
	core_assert_str(med_snapshot_dial_plan(snap, MED_STR("p")), "pool");
	core_assert_str(med_snapshot_pool(snap, MED_STR("p"))->fqdn, "p.example.com");
	core_assert_str(med_snapshot_pool(snap, MED_STR("p"))->site, "s");
	ck_assert_ptr_null(med_snapshot_pool(snap, MED_STR("q")));
	(void)med_config_remove(config, MED_KIND_POOL, MED_STR("p"));
	build();
	core_assert_str(med_snapshot_dial_plan(snap, MED_STR("p")), "global");
	finish();
}
END_TEST

/* Whatever fails, the version before serves, and the next build succeeds. */
START_TEST(memory_runs_out)
{
	core_memory_t memory = {-1, 0};
	med_mem_t shared = core_mem(&memory);
	med_ip_t ip;

	ck_assert_int_eq(med_ip_parse(MED_STR("10.0.0.1"), &ip), MED_EOK);
	for(long left = 0;; left++) {
		const med_snapshot_t *next = NULL;
		int rc;
		config = med_config_new(&med_mem_heap, &shared);
		core_set(config, MED_KIND_SITE, "a", "subnets", "10.0.0.0/8", NULL);
		snap = core_build(config);
		core_set(config, MED_KIND_SITE, "b", "subnets", "10.0.0.0/16", NULL);
		core_set(config, MED_KIND_POOL, "p", "site", "b", NULL);
		memory.left = left;
		rc = med_config_build(config, &next, NULL);
		memory.left = -1;
		core_assert_str(med_snapshot_site_of(snap, &ip), "a");
		if(rc != MED_EOK) {
			ck_assert_int_eq(rc, MED_ENOMEM);
			next = core_build(config);
		}
		core_assert_str(med_snapshot_site_of(next, &ip), "b");
		med_config_release(config, snap);
		med_config_release(config, next);
		med_config_free(config);
		ck_assert_int_eq(memory.out, 0);
		if(rc == MED_EOK)
			break;
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = {the_longest_prefix_wins, of_two_sites_the_first_by_id,
			as_each_subnet_says, dial_plans_without_a_trunk, memory_runs_out};

	return core_run("places", tests, COUNT(tests));
}
