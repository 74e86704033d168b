/**
 * t_response.c - what a gateway's final answer means
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core_test.h"

#include "medcore/response.h"

START_TEST(causes)
{
	static const struct {
		const char *value;
		int cause;
	} cases[] = {
			{"Q.850;cause=34", 34},
			{"q.850 ; text=\"no circuit\" ; Cause = 34", 34},
			{"SIP;cause=503;text=\"a, b\",Q.850;cause=17", 17},
			{"Q.850;text=\"x;cause=1, Q.850;cause=2\";cause=3", 3},
			{"Q.850;text=\"\\\";cause=1\";cause=4", 4},
			{"Q.850;cause=0", 0},
			{"Q.850;cause=127", 127},
			{"Q.850;cause=128", MED_CAUSE_NONE},
			{"Q.850;cause=-1", MED_CAUSE_NONE},
			{"Q.850;cause=34x", MED_CAUSE_NONE},
			{"Q.850;cause=", MED_CAUSE_NONE},
			{"Q.850;cause", MED_CAUSE_NONE},
			{"Q.850;cause=99999999999999999999", MED_CAUSE_NONE},
			{"Q.850", MED_CAUSE_NONE},
			{"SIP;cause=34", MED_CAUSE_NONE},
			{"Q.850;text=\"never closed;cause=34", MED_CAUSE_NONE},
			{"Q.850;text=\"\\", MED_CAUSE_NONE},
			{",;,;=", MED_CAUSE_NONE},
			{"", MED_CAUSE_NONE},
	};

	for(size_t i = 0; i < COUNT(cases); i++)
		ck_assert_msg(med_reason_cause(med_str(cases[i].value)) == cases[i].cause,
				"'%s' gave %d", cases[i].value,
				med_reason_cause(med_str(cases[i].value)));
}
END_TEST

START_TEST(retry_after)
{
	static const struct {
		const char *value;
		long long seconds;
	} cases[] = {{"30", 30}, {" 30 ", 30}, {"30 (maintenance)", 30},
			{"30;duration=3600", 30}, {"0", 0}, {"4294967295", 4294967295},
			{"4294967296", 4294967295}, {"99999999999999999999999", 4294967295}, {"-1", -1}, {"30s", -1},
			{"Fri, 27 Nov 2026 23:00:00 GMT", -1}, {"", -1}};

	for(size_t i = 0; i < COUNT(cases); i++)
		ck_assert_msg(med_retry_after(med_str(cases[i].value)) == cases[i].seconds,
				"'%s' gave %lld", cases[i].value,
				(long long)med_retry_after(med_str(cases[i].value)));
}
END_TEST

static unsigned code_of(
		const med_snapshot_t *snapshot, const char *trunk, unsigned code, int cause)
{
	const med_trunk_t *t = med_snapshot_trunk(snapshot, med_str(trunk));
	const med_response_rule_t *rule = med_response_rule(
			med_snapshot_response_rules(snapshot, t->profile), code, cause);

	return rule == NULL ? code : rule->translated;
}

START_TEST(rules_of_a_profile)
{
	med_config_t *config = med_config_new(&med_mem_heap, &med_mem_heap);
	const med_snapshot_t *snapshot, *later;

	core_set(config, MED_KIND_GATEWAY, "gw", "address", "192.0.2.1", NULL);
	core_set(config, MED_KIND_TRUNK, "gw", "transport", "udp", NULL);
	core_set(config, MED_KIND_GATEWAY, "plain", "address", "192.0.2.2", NULL);
	core_set(config, MED_KIND_TRUNK, "plain", "transport", "udp", NULL);
	core_set(config, MED_KIND_PROFILE, "trunk:gw", "sip_response_code_translation_rules",
			"isdn", NULL);
	snapshot = core_build(config);
	ck_assert_uint_eq(code_of(snapshot, "gw", 486, 34), 486); /* no such rules yet */
	core_set(config, MED_KIND_RESPONSE_RULES, "isdn", "rule.0",
			"received_response_code=486 received_isup_cause_value=34 "
			"translated_response_code=503",
			"rule.1", "received_isup_cause_value=1 translated_response_code=404",
			"rule.2", "received_response_code=600 translated_response_code=486", NULL);
	later = core_build(config);
	ck_assert_uint_eq(code_of(later, "gw", 486, 34), 503);
	ck_assert_uint_eq(code_of(later, "gw", 486, 17), 486);
	ck_assert_uint_eq(code_of(later, "gw", 486, MED_CAUSE_NONE), 486);
	ck_assert_uint_eq(code_of(later, "gw", 500, 1), 404);
	ck_assert_uint_eq(code_of(later, "gw", 600, MED_CAUSE_NONE), 486);
	ck_assert_uint_eq(code_of(later, "gw", 600, 1), 404); /* the first that takes it */
	ck_assert_uint_eq(code_of(later, "plain", 486, 34), 486);
	med_config_release(config, snapshot);
	med_config_remove(config, MED_KIND_RESPONSE_RULES, MED_STR("isdn"));
	snapshot = core_build(config);
	ck_assert_uint_eq(code_of(snapshot, "gw", 486, 34), 486);
	ck_assert_uint_eq(code_of(later, "gw", 486, 34), 503); /* calls under way */
	med_config_release(config, later);
	med_config_release(config, snapshot);
	med_config_free(config);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {causes, retry_after, rules_of_a_profile};

	return core_run("response", tests, COUNT(tests));
}
