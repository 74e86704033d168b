/**
 * t_cases.c - stored routing cases: what they expect, and what comes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core_test.h"
#include "medcore/cases.h"

static med_config_t *config;
static med_scratch_t *scratch;
static const med_snapshot_t *snap;
static med_case_result_t result;
static med_str_t of_node; /* the pool of the node that is asked */
static med_test_record_t test;

static void start(void)
{
	config = med_config_new(&med_mem_heap, &med_mem_heap);
	scratch = med_scratch_new(&med_mem_heap);
	snap = NULL;
	core_set(config, MED_KIND_GATEWAY, "gw1", "address", "192.0.2.1", "peer", "ip_pbx",
			NULL);
	core_set(config, MED_KIND_TRUNK, "pbx1", "gateway", "gw1", "transport", "udp",
			"local_port", "6001", NULL);
	core_set(config, MED_KIND_TRUNK, "out1", "gateway", "gw1", "transport", "udp",
			"local_port", "6002", NULL);
	core_set(config, MED_KIND_TRUNK, "off", "gateway", "gw1", "transport", "udp",
			"local_port", "6003", "enabled", "no", NULL);
	core_set(config, MED_KIND_PROFILE, "trunk:pbx1", "dial_plan", "de", "pstn_usages",
			"all", NULL);
	core_set(config, MED_KIND_PROFILE, "trunk:out1", "remove_plus_from_uri", "yes", NULL);
	core_set(config, MED_KIND_RULES, "de", "rule.0", "^0(\\d+)$ => +49$1", NULL);
	core_set(config, MED_KIND_POLICY, "staff", "usages", "all", NULL);
	core_set(config, MED_KIND_POLICY, "guest", "usages", "", NULL);
	core_set(config, MED_KIND_ROUTE, "near", "pattern", "^\\+49", "usages", "all",
			"trunks", "off,out1", NULL);
	core_set(config, MED_KIND_ROUTE, "off", "pattern", "^\\+33", "usages", "all",
			"trunks", "off", NULL);
	core_set(config, MED_KIND_ROUTE, "back", "pattern", "^\\+44", "usages", "all",
			"trunks", "pbx1", NULL);
}

static void finish(void)
{
	med_config_release(config, snap);
	med_config_free(config);
	med_scratch_free(scratch);
}

static void run(const char *id)
{
	const med_card_t *card;

	med_config_release(config, snap);
	snap = core_build(config);
	card = med_snapshot_card(snap, MED_KIND_TEST, med_str(id));
	ck_assert_msg(card != NULL, "no case %s", id);
	med_case_read(card, &test);
	med_case_run(snap, scratch, &test, of_node, &result);
}

/* "field: expected, came" of one expectation. */
static const char *told(size_t index)
{
	static char text[400];
	const med_expectation_t *e = &result.expectation[index];

	ck_assert_uint_lt(index, result.count);
	snprintf(text, sizeof(text), "%s: %.*s, %.*s%s", e->field, MED_STR_FMT(e->expected),
			MED_STR_FMT(e->came), e->met ? "" : " !");
	return text;
}

START_TEST(all_that_one_can_expect)
{
	start();
	core_set(config, MED_KIND_TEST, "c", "dialed_number", "030-123", "from_trunk", "pbx1",
			"calling_number", "040", "expected_translated_number", "+4930123",
			"expected_route", "near", "expected_usage", "all", "expected_trunk", "out1",
			"expected_called_number", "4930123", NULL);
	run("c");
	ck_assert_uint_eq(result.count, MED_EXPECTATIONS);
	ck_assert_str_eq(told(0), "expected_result: routed, routed");
	ck_assert_str_eq(told(1), "expected_translated_number: +4930123, +4930123");
	ck_assert_str_eq(told(2), "expected_route: near, near");
	ck_assert_str_eq(told(3), "expected_usage: all, all");
	ck_assert_str_eq(told(4), "expected_trunk: out1, out1");
	ck_assert_str_eq(told(5), "expected_called_number: 4930123, 4930123");
	ck_assert(result.passed);
	ck_assert_str_eq(result.text.text, "1 trunk to try");
	finish();
}
END_TEST

START_TEST(what_came_instead)
{
	start();
	core_set(config, MED_KIND_TEST, "c", "dialed_number", "030123", "from_trunk", "pbx1",
			"expected_route", "far", "expected_trunk", "out1", NULL);
	run("c");
	ck_assert(!result.passed);
	ck_assert_uint_eq(result.count, 3);
	ck_assert_str_eq(told(0), "expected_result: routed, routed");
	ck_assert_str_eq(told(1), "expected_route: far, near !");
	ck_assert_str_eq(told(2), "expected_trunk: out1, out1");
	/* nothing came */
	core_set(config, MED_KIND_TEST, "d", "dialed_number", "+1555", "from_trunk", "pbx1",
			"expected_route", "far", "expected_called_number", "1555", NULL);
	run("d");
	ck_assert(!result.passed);
	ck_assert_str_eq(told(0), "expected_result: routed, no_route !");
	ck_assert_str_eq(told(1), "expected_route: far,  !");
	ck_assert_str_eq(told(2), "expected_called_number: 1555,  !");
	core_assert_has(result.text.text, "no route of the usages takes +1555");
	finish();
}
END_TEST

START_TEST(every_result)
{
	static const struct {
		const char *number, *policy, *result;
	} row[] = {
			{"030123", NULL, "routed"}, {"+1555", NULL, "no_route"},
			{"+4930123", "guest", "no_usage"}, {"+331", NULL, "all_down"},
			{"+441", NULL, "all_down"}, /* it leads back */
			{"bob", NULL, "invalid"},
			{"112", NULL, "invalid"}, /* no rule of the dial plan */
	};

	start();
	for(size_t i = 0; i < COUNT(row); i++) {
		core_set(config, MED_KIND_TEST, "c", "dialed_number", row[i].number,
				"expected_result", row[i].result,
				row[i].policy == NULL ? "from_trunk" : "target_policy",
				row[i].policy == NULL ? "pbx1" : row[i].policy, NULL);
		run("c");
		ck_assert_msg(
				result.passed, "%s: %s: %s", row[i].number, told(0), result.text.text);
		core_set(config, MED_KIND_TEST, "c", "dialed_number", row[i].number,
				"expected_result", i == 1 ? "routed" : "no_route",
				row[i].policy == NULL ? "from_trunk" : "target_policy",
				row[i].policy == NULL ? "pbx1" : row[i].policy, NULL);
		run("c");
		ck_assert_msg(!result.passed, "%s", row[i].number);
	}
	finish();
}
END_TEST

START_TEST(a_policy_and_a_dial_plan)
{
	start();
	core_set(config, MED_KIND_TEST, "c", "dialed_number", "030123", "target_policy",
			"staff", "target_dialplan", "de", "expected_translated_number", "+4930123",
			NULL);
	run("c");
	ck_assert(result.passed);
	/* without one only E.164 passes */
	core_set(config, MED_KIND_TEST, "c", "dialed_number", "030123", "target_policy",
			"staff", NULL);
	run("c");
	ck_assert(!result.passed);
	ck_assert_str_eq(told(0), "expected_result: routed, invalid !");
	finish();
}
END_TEST

START_TEST(an_emergency_at_a_site)
{
	start();
	core_set(config, MED_KIND_SITE, "hq", "name", "hq", NULL);
	core_set(config, MED_KIND_LOCATION_POLICY, "site:hq", "emergency_dial_string", "112",
			"emergency_dial_mask", "999", "pstn_usages", "help", NULL);
	core_set(config, MED_KIND_ROUTE, "help", "pattern", "^112$", "usages", "help",
			"trunks", "out1", NULL);
	core_set(config, MED_KIND_TEST, "c", "dialed_number", "999", "target_policy", "guest",
			"from_site", "hq", "expected_translated_number", "112", "expected_route",
			"help", "expected_usage", "help", NULL);
	run("c");
	ck_assert(result.passed);
	core_set(config, MED_KIND_TEST, "c", "dialed_number", "999", "target_policy", "guest",
			NULL);
	run("c");
	ck_assert(!result.passed);
	finish();
}
END_TEST

START_TEST(the_dial_plan_of_a_pool)
{
	start();
	core_set(config, MED_KIND_RULES, "five", "rule.0", "^5(\\d+)$ => +49$1", NULL);
	core_set(config, MED_KIND_POOL, "one", "dial_plan", "five", NULL);
	core_set(config, MED_KIND_TEST, "c", "dialed_number", "530123", "target_policy",
			"staff", "from_pool", "one", "expected_translated_number", "+4930123", NULL);
	run("c");
	ck_assert(result.passed);
	core_set(config, MED_KIND_TEST, "c", "dialed_number", "530123", "target_policy",
			"staff", "expected_translated_number", "+4930123", NULL);
	run("c");
	ck_assert(!result.passed);
	of_node = MED_STR("one");
	run("c");
	ck_assert(result.passed);
	core_set(config, MED_KIND_TEST, "c", "dialed_number", "530123", "target_policy",
			"staff", "from_pool", "two", NULL);
	run("c");
	ck_assert(!result.passed);
	ck_assert_str_eq(result.text.text, "no pool 'two' is in force");
	of_node = MED_STR("");
	finish();
}
END_TEST

START_TEST(what_it_names_is_gone)
{
	start();
	core_set(config, MED_KIND_TEST, "c", "dialed_number", "030123", "from_trunk", "gone",
			"expected_result", "invalid", "expected_route", "near", NULL);
	run("c");
	ck_assert(!result.passed);
	ck_assert_uint_eq(result.count, 1);
	ck_assert_str_eq(told(0), "expected_result: invalid, not tried !");
	ck_assert_str_eq(result.text.text, "no trunk 'gone' is in force");
	finish();
}
END_TEST

int main(void)
{
	const TTest *tests[] = {all_that_one_can_expect, what_came_instead, every_result,
			a_policy_and_a_dial_plan, an_emergency_at_a_site, the_dial_plan_of_a_pool,
			what_it_names_is_gone};

	return core_run("cases", tests, COUNT(tests));
}
