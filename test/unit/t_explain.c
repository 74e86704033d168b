/**
 * t_explain.c - what would become of a call, with every step and reason
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core_test.h"
#include "medcore/explain.h"

static med_config_t *config;
static med_scratch_t *scratch;
static const med_snapshot_t *snap;

/** Everything told: steps, and candidates as "trunk route usage called calling". */
static core_texts_t steps, candidates;
static med_explain_result_t result;

static void add_candidate(
		void *ctx, const med_candidate_t *c, const med_numbers_t *numbers)
{
	med_str_t route = med_route_id(c->route);

	(void)ctx;
	candidates.len += (size_t)snprintf(candidates.text + candidates.len,
			sizeof(candidates.text) - candidates.len, "%.*s %.*s %.*s %.*s %.*s\n",
			MED_STR_FMT(c->trunk->id), MED_STR_FMT(route), MED_STR_FMT(c->usage),
			(int)numbers->called.len, numbers->called.s, (int)numbers->calling.len,
			numbers->calling.s);
}

static void start(void)
{
	config = med_config_new(&med_mem_heap, &med_mem_heap);
	scratch = med_scratch_new(&med_mem_heap);
	core_set(config, MED_KIND_GATEWAY, "gw1", "address", "192.0.2.1", "peer", "ip_pbx",
			NULL);
	core_set(config, MED_KIND_GATEWAY, "gw2", "address", "192.0.2.2", "routable", "no",
			NULL);
	for(unsigned i = 0; i < 4; i++) {
		static const char *const id[] = {"pbx1", "out1", "off", "closed"};
		static const char *const port[] = {"6001", "6002", "6003", "6004"};
		core_set(config, MED_KIND_TRUNK, id[i], "transport", "udp", "local_port", port[i],
				"gateway", i == 3 ? "gw2" : "gw1", "enabled", i == 2 ? "no" : "yes",
				NULL);
	}
	core_set(config, MED_KIND_PROFILE, "trunk:pbx1", "dial_plan", "de", "pstn_usages",
			"empty,all", NULL);
	core_set(config, MED_KIND_PROFILE, "trunk:out1", "outbound_translation_rules",
			"national", NULL);
	core_set(config, MED_KIND_RULES, "de", "rule.0", "^0(\\d+)$ => +49$1", NULL);
	core_set(config, MED_KIND_RULES, "us", "rule.0", "^(\\d{10})$ => +1$1", NULL);
	core_set(config, MED_KIND_RULES, "national", "rule.0", "^\\+49(\\d*)$ => 0$1", NULL);
	core_set(config, MED_KIND_POLICY, "staff", "usages", "all", NULL);
	core_set(config, MED_KIND_POLICY, "none", "usages", "", NULL);
	core_set(config, MED_KIND_ROUTE, "r1", "pattern", "^\\+49", "usages", "all", "trunks",
			"pbx1,off,closed,missing,out1", NULL);
	core_set(config, MED_KIND_ROUTE, "r2", "pattern", "^\\+49", "usages", "all", "trunks",
			"out1", "priority", "1", NULL);
	snap = core_build(config);
}

static void finish(void)
{
	med_config_release(config, snap);
	med_config_free(config);
	med_scratch_free(scratch);
}

static int explain(const char *trunk, const char *policy, const char *dial_plan,
		const char *called, const char *calling)
{
	med_explain_query_t query = {
			.trunk = med_str(trunk),
			.policy = med_str(policy),
			.dial_plan = med_str(dial_plan),
			.called = med_str(called),
			.calling = med_str(calling),
	};
	med_explain_sink_t sink = {core_add_step, add_candidate, &steps};

	steps.len = candidates.len = 0;
	steps.text[0] = candidates.text[0] = '\0';
	return med_explain(snap, scratch, &query, &sink, &result);
}

START_TEST(every_step_and_every_reason)
{
	start();
	ck_assert_int_eq(explain("pbx1", NULL, NULL, "030-123", "040777"), MED_EOK);
	ck_assert_int_eq(result.outcome, MED_EOK);
	core_assert_number(result.called, "+4930123");
	core_assert_number(result.calling, "+4940777");
	ck_assert_str_eq(result.text.text, "1 trunk to try");
	ck_assert_str_eq(candidates.text, "out1 r1 all 030123 +4940777\n");
	core_assert_has(steps.text, "the call comes in on trunk 'pbx1'");
	core_assert_has(steps.text, "rules 'de': rule.0");
	core_assert_has(steps.text, "called number '030-123' is +4930123");
	core_assert_has(steps.text, "usage 'empty' has no routes");
	core_assert_has(steps.text, "trunk 'pbx1' is the one the call came in on");
	core_assert_has(steps.text, "trunk 'off' is not enabled");
	core_assert_has(steps.text, "trunk 'closed' has a gateway that is not routable");
	core_assert_has(steps.text, "trunk 'missing' does not exist or is refused");
	core_assert_has(steps.text, "trunk 'out1' is candidate 1");
	core_assert_has(steps.text, "trunk 'out1' is in the plan already");
	finish();
}
END_TEST

START_TEST(who_asks)
{
	start();
	ck_assert_int_eq(explain(NULL, "staff", NULL, "+4930123", NULL), MED_EOK);
	ck_assert_int_eq(result.outcome, MED_EOK);
	core_assert_has(steps.text, "one of our own users");
	ck_assert_str_eq(candidates.text, "pbx1 r1 all +4930123 \nout1 r1 all 030123 \n");
	/* a policy without a trunk has no dial plan but the one that is named */
	ck_assert_int_eq(explain(NULL, "staff", NULL, "030123", NULL), MED_EOK);
	ck_assert_int_eq(result.outcome, MED_ENOMATCH);
	core_assert_has(result.text.text, "'030123' is not E.164, and no dial plan is set");
	ck_assert_int_eq(explain(NULL, "staff", "de", "030123", NULL), MED_EOK);
	ck_assert_int_eq(result.outcome, MED_EOK);
	/* and it goes before the trunk's own */
	ck_assert_int_eq(explain("pbx1", "staff", "us", "030123", NULL), MED_EOK);
	core_assert_has(result.text.text, "no rule of dial plan 'us' takes '030123'");
	finish();
}
END_TEST

START_TEST(why_not)
{
	start();
	ck_assert_int_eq(explain("pbx1", NULL, NULL, "bob", NULL), MED_EOK);
	ck_assert_int_eq(result.outcome, MED_EINVAL);
	core_assert_has(result.text.text, "'bob' is not a number");
	ck_assert_uint_eq(result.called.len, 0);
	ck_assert_int_eq(explain("pbx1", NULL, NULL, "+1555", NULL), MED_EOK);
	ck_assert_int_eq(result.outcome, MED_ENOROUTE);
	core_assert_has(result.text.text, "no route of the usages takes +1555");
	ck_assert_int_eq(explain("pbx1", "none", NULL, "+1555", NULL), MED_EOK);
	ck_assert_int_eq(result.outcome, MED_ENOUSAGE);
	/* a calling number that is none does not keep a call from its trunk */
	ck_assert_int_eq(explain("pbx1", NULL, NULL, "030123", "anonymous"), MED_EOK);
	ck_assert_int_eq(result.outcome, MED_EOK);
	ck_assert_uint_eq(result.calling.len, 0);
	core_assert_has(steps.text, "calling number left alone: 'anonymous' is not a number");
	finish();
}
END_TEST

START_TEST(what_is_not_in_force)
{
	start();
	ck_assert_int_eq(explain("nobody", NULL, NULL, "+49", NULL), MED_ENOMATCH);
	ck_assert_str_eq(result.text.text, "no trunk 'nobody' is in force");
	ck_assert_int_eq(explain("pbx1", "a\nb", NULL, "+49", NULL), MED_ENOMATCH);
	ck_assert_str_eq(result.text.text, "no policy 'a\\x0ab' is in force");
	ck_assert_int_eq(explain("pbx1", NULL, "nn", "+49", NULL), MED_ENOMATCH);
	ck_assert_str_eq(result.text.text, "no rule set 'nn' is in force");
	ck_assert_int_eq(explain(NULL, NULL, NULL, "+49", NULL), MED_EINVAL);
	core_assert_has(result.text.text, "neither trunk nor policy");
	ck_assert_str_eq(steps.text, "");
	finish();
}
END_TEST

START_TEST(only_the_result)
{
	med_explain_query_t query = {
			.trunk = MED_STR("pbx1"), .called = MED_STR("030123"), .calling = {NULL, 0}};

	start();
	ck_assert_int_eq(med_explain(snap, scratch, &query, NULL, &result), MED_EOK);
	ck_assert_int_eq(result.outcome, MED_EOK);
	ck_assert_uint_eq(result.plan.count, 1);
	core_assert_str(result.plan.candidate[0].trunk->id, "out1");
	finish();
}
END_TEST

START_TEST(a_full_plan_says_what_is_left)
{
	char id[8], port[8], trunks[200] = "";

	start();
	for(unsigned i = 0; i < 20; i++) {
		snprintf(id, sizeof(id), "t%u", i);
		snprintf(port, sizeof(port), "%u", 7000 + i);
		core_set(config, MED_KIND_TRUNK, id, "transport", "udp", "local_port", port,
				"gateway", "gw1", NULL);
		snprintf(trunks + strlen(trunks), sizeof(trunks) - strlen(trunks), "%s%s",
				i == 0 ? "" : ",", id);
	}
	core_set(config, MED_KIND_ROUTE, "r1", "pattern", "^\\+49", "usages", "all", "trunks",
			trunks, NULL);
	med_config_release(config, snap);
	snap = core_build(config);
	ck_assert_int_eq(explain("pbx1", NULL, NULL, "030123", NULL), MED_EOK);
	ck_assert_uint_eq(result.plan.count, MED_PLAN_MAX);
	core_assert_has(steps.text, "4 more trunks are not looked at: 16 are tried");
	finish();
}
END_TEST

int main(void)
{
	const TTest *tests[] = {every_step_and_every_reason, who_asks, why_not,
			what_is_not_in_force, only_the_result, a_full_plan_says_what_is_left};

	return core_run("explain", tests, COUNT(tests));
}
