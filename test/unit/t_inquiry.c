/**
 * t_inquiry.c - questions about a part of a decision, and their answers
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core_test.h"
#include "medcore/inquiry.h"

static med_config_t *config;
static med_scratch_t *scratch;
static const med_snapshot_t *snap;
static med_answer_t answer;
static char fields[4096], routes[4096];

static void start(void)
{
	config = med_config_new(&med_mem_heap, &med_mem_heap);
	scratch = med_scratch_new(&med_mem_heap);
	core_set(config, MED_KIND_SITE, "hq", "subnets", "10.0.0.0/8", NULL);
	core_set(config, MED_KIND_GATEWAY, "gw1", "address", "192.0.2.1", "peer", "ip_pbx",
			NULL);
	core_set(config, MED_KIND_GATEWAY, "gw2", "address", "192.0.2.2", NULL);
	core_set(config, MED_KIND_TRUNK, "pbx1", "gateway", "gw1", "transport", "udp",
			"local_port", "6001", NULL);
	core_set(config, MED_KIND_TRUNK, "out1", "gateway", "gw2", "transport", "udp",
			"local_port", "6002", NULL);
	core_set(config, MED_KIND_TRUNK, "off", "gateway", "gw2", "transport", "udp",
			"local_port", "6003", "enabled", "no", NULL);
	core_set(config, MED_KIND_PROFILE, "trunk:pbx1", "dial_plan", "de", "pstn_usages",
			"long, all", NULL);
	core_set(config, MED_KIND_PROFILE, "trunk:out1", "remove_plus_from_uri", "yes",
			"outbound_translation_rules", "out",
			"outbound_calling_number_translation_rules", "who", "pstn_usages", "all",
			NULL);
	core_set(config, MED_KIND_RULES, "de", "rule.0", "^0([1-9]\\d+)$ => +49$1", "rule.2",
			"^(\\d{3})$ => +498955$1", NULL);
	core_set(config, MED_KIND_RULES, "out", "rule.1", "^\\+49(\\d+)$ => +0$1", NULL);
	core_set(config, MED_KIND_RULES, "who", "rule.1", "^\\+49(89\\d+)$ => $1", NULL);
	core_set(config, MED_KIND_POLICY, "staff", "usages", "long, all", NULL);
	core_set(config, MED_KIND_POOL, "p1", "site", "hq", "dial_plan", "de", NULL);
	core_set(config, MED_KIND_LOCATION_POLICY, "site:hq", "emergency_dial_string", "112",
			"emergency_dial_mask", "999", "pstn_usages", "all", NULL);
	core_set(config, MED_KIND_ROUTE, "near", "pattern", "^\\+49", "usages", "all",
			"trunks", "off,out1", "priority", "1", NULL);
	core_set(config, MED_KIND_ROUTE, "munich", "pattern", "^\\+4989", "usages", "all",
			"trunks", "out1", NULL);
	core_set(config, MED_KIND_ROUTE, "odd", "pattern", "^\\+1(?=555)\\d+$", "usages",
			"long", "trunks", "out1", NULL);
	core_set(config, MED_KIND_ROUTE, "dear", "pattern", "^\\+2(\\d+)+(?<!1)$", "usages",
			"long", "trunks", "out1", NULL);
	core_set(config, MED_KIND_ROUTE, "off", "pattern", "^\\+33", "usages", "all",
			"trunks", "off", NULL);
	snap = core_build(config);
}

static void finish(void)
{
	med_config_release(config, snap);
	med_config_free(config);
	med_scratch_free(scratch);
}

static void on_field(void *ctx, const char *name, med_str_t value)
{
	(void)ctx;
	snprintf(fields + strlen(fields), sizeof(fields) - strlen(fields), "%s=%.*s;", name,
			MED_STR_FMT(value));
}

static void on_route(void *ctx, med_str_t usage, const med_route_t *route)
{
	(void)ctx;
	snprintf(routes + strlen(routes), sizeof(routes) - strlen(routes), "%.*s/%.*s;",
			MED_STR_FMT(usage), MED_STR_FMT(med_route_id(route)));
}

/* The words in the order of the question, closed by NULL. */
static int ask(const char *name, ...)
{
	const med_inquiry_t *inquiry = med_inquiry_find(name);
	med_question_t question = {.pool = MED_STR("p1")};
	med_answer_sink_t sink = {on_field, on_route, NULL};
	const char *text;
	va_list args;

	ck_assert_msg(inquiry != NULL, "no question %s", name);
	va_start(args, name);
	for(size_t i = 0; (text = va_arg(args, const char *)) != NULL; i++) {
		ck_assert_uint_lt(i, MED_ASKED_WORDS);
		question.word[inquiry->words[i]] = med_str(text);
	}
	va_end(args);
	fields[0] = routes[0] = '\0';
	return med_inquire(inquiry, snap, scratch, &question, &sink, &answer);
}

#define ANSWERED(yes, told, ...)                                                         \
	do {                                                                                 \
		ck_assert_int_eq(ask(__VA_ARGS__, NULL), MED_EOK);                               \
		ck_assert_str_eq(fields, told);                                                  \
		ck_assert_msg(answer.matched == (yes), "%s", answer.text.text);                  \
		ck_assert(answer.text.text[0] != '\0');                                          \
	} while(0)

#define REFUSED(code, why, ...)                                                          \
	do {                                                                                 \
		ck_assert_int_eq(ask(__VA_ARGS__, NULL), code);                                  \
		ck_assert_str_eq(answer.text.text, why);                                         \
	} while(0)

START_TEST(trunks)
{
	start();
	ANSWERED(true,
			"profile=trunk:out1;translated_number=030123;"
			"matching_rule=out: rule.1 ^\\+49(\\d+)$ => +0$1;",
			"trunk", "out1", "+49 30-123");
	ANSWERED(true,
			"profile=trunk:out1;translated_number=030123;"
			"matching_rule=out: rule.1 ^\\+49(\\d+)$ => +0$1;"
			"translated_calling_number=891;"
			"matching_calling_rule=who: rule.1 ^\\+49(89\\d+)$ => $1;",
			"trunk", "out1", "+4930123", "+49891");
	ANSWERED(false, "profile=trunk:out1;translated_number=1555;", "trunk", "out1",
			"+1555");
	ck_assert_str_eq(answer.text.text,
			"no rule of profile 'trunk:out1' matches, and it removes the plus");
	ANSWERED(false, "profile=trunk:pbx1;translated_number=+1555;", "trunk", "pbx1",
			"+1555", "-");
	REFUSED(MED_ENOMATCH, "no trunk 'x\\x0a' is in force", "trunk", "x\n", "+1");
	finish();
}
END_TEST

START_TEST(patterns_of_routes)
{
	start();
	ANSWERED(true, "pattern=^\\+49;", "route", "near", "+4930");
	ck_assert_str_eq(answer.text.text, "route 'near' takes +4930");
	ANSWERED(false, "pattern=^\\+49;", "route", "near", "+4830");
	/* one that is PCRE2's */
	ANSWERED(true, "pattern=^\\+1(?=555)\\d+$;", "route", "odd", "+15551");
	ANSWERED(false, "pattern=^\\+1(?=555)\\d+$;", "route", "odd", "+15541");
	ANSWERED(false, "pattern=^\\+2(\\d+)+(?<!1)$;", "route", "dear",
			"+2111111111111111111111111111111111111");
	ck_assert_msg(
			strstr(answer.text.text, "too many steps") != NULL, "%s", answer.text.text);
	REFUSED(MED_ENOMATCH, "no route 'gone' is in force", "route", "gone", "+1");
	finish();
}
END_TEST

START_TEST(usages_of_a_policy)
{
	start();
	ANSWERED(true, "first_matching_route=munich;matching_usage=all;trunk=out1;", "policy",
			"staff", "+49891");
	ck_assert_str_eq(routes, "all/munich;all/near;");
	ANSWERED(true, "first_matching_route=odd;matching_usage=long;trunk=out1;", "policy",
			"staff", "+15551");
	ANSWERED(false, "", "policy", "staff", "+44");
	ck_assert_str_eq(answer.text.text, "no route of the usages takes +44");
	ck_assert_str_eq(routes, "");
	/* a route that matches, and has no trunk left */
	ANSWERED(false, "", "policy", "staff", "+331");
	ck_assert_str_eq(routes, "all/off;");
	ANSWERED(true, "first_matching_route=near;matching_usage=all;trunk=out1;", "policy",
			"staff", "+4930", "2026-12-24T18:00Z");
	REFUSED(MED_ENOMATCH, "no policy 'gone' is in force", "policy", "gone", "+1");
	finish();
}
END_TEST

START_TEST(inter_trunk_routing)
{
	start();
	ANSWERED(true,
			"profile=trunk:pbx1;first_matching_route=near;matching_usage=all;trunk=out1;",
			"inter_trunk", "pbx1", "+4930");
	ck_assert_str_eq(routes, "all/near;");
	/* from the PSTN, and the only way leads back there */
	core_set(config, MED_KIND_TRUNK, "out2", "gateway", "gw2", "transport", "udp",
			"local_port", "6004", NULL);
	core_set(config, MED_KIND_PROFILE, "trunk:out2", "pstn_usages", "long", NULL);
	med_config_release(config, snap);
	snap = core_build(config);
	ANSWERED(false, "profile=trunk:out2;", "inter_trunk", "out2", "+15551");
	ck_assert_msg(strstr(answer.text.text, "allow_pstn_to_pstn") != NULL, "%s",
			answer.text.text);
	ck_assert_str_eq(routes, "long/odd;");
	finish();
}
END_TEST

START_TEST(dial_plans_and_rules)
{
	start();
	ANSWERED(true,
			"translated_number=+4930123;"
			"matching_rule=de: rule.0 ^0([1-9]\\d+)$ => +49$1;",
			"dial-plan", "de", "030123");
	ANSWERED(true,
			"translated_number=+498955100;"
			"matching_rule=de: rule.2 ^(\\d{3})$ => +498955$1;",
			"dial_plan", "de", "100");
	ANSWERED(true, "translated_number=+1555;", "dial_plan", "de", "+1555");
	ANSWERED(false, "", "dial_plan", "de", "5");
	ck_assert_str_eq(answer.text.text, "none of 2 rules makes a number of 5");
	REFUSED(MED_ENOMATCH, "no rules 'x' is in force", "dial_plan", "x", "1");
	/* one rule alone, whatever stands before it */
	ANSWERED(true,
			"rule=de: rule.2 ^(\\d{3})$ => +498955$1;translated_number=+498955030;",
			"rule", "de", "2", "030");
	ANSWERED(false, "rule=de: rule.0 ^0([1-9]\\d+)$ => +49$1;", "rule", "de", "rule.0",
			"100");
	REFUSED(MED_ENOMATCH, "rules 'de' have no rule.1", "rule", "de", "1", "100");
	REFUSED(MED_EINVAL, "'two' is no rule: write 2 or rule.2", "rule", "de", "two", "1");
	REFUSED(MED_EINVAL, "'9999999999' is no rule: write 2 or rule.2", "rule", "de",
			"9999999999", "1");
	finish();
}
END_TEST

START_TEST(a_user_end_to_end)
{
	start();
	ANSWERED(true,
			"translated_number=+4989555;matching_rule=de: rule.0 ^0([1-9]\\d+)$ => +49$1;"
			"first_matching_route=munich;matching_usage=all;trunk=out1;"
			"trunk_called_number=089555;",
			"user", "staff", "089555");
	/* other rules than the pool's */
	ANSWERED(false, "", "user", "staff", "089555", "out");
	ANSWERED(true,
			"translated_number=+4930;first_matching_route=near;matching_usage=all;"
			"trunk=out1;trunk_called_number=030;",
			"user", "staff", "+4930", "-", "100", "2026-12-24T18:00Z");
	/* no route, but a number */
	ANSWERED(false, "translated_number=+44;", "user", "staff", "+44");
	core_set(config, MED_KIND_ROUTE, "help", "pattern", "^112$", "usages", "all",
			"trunks", "out1", NULL);
	med_config_release(config, snap);
	snap = core_build(config);
	ANSWERED(true,
			"translated_number=112;location_policy=site:hq;first_matching_route=help;"
			"matching_usage=all;trunk=out1;trunk_called_number=112;",
			"user", "staff", "999");
	REFUSED(MED_ENOMATCH, "no policy 'gone' is in force", "user", "gone", "+1");
	REFUSED(MED_ENOMATCH, "no rule set 'gone' is in force", "user", "staff", "1", "gone");
	finish();
}
END_TEST

START_TEST(emergency_numbers)
{
	start();
	ANSWERED(true, "location_policy=site:hq;translated_number=112;usages=all;",
			"location_policy", "112");
	ANSWERED(true, "location_policy=site:hq;translated_number=112;usages=all;",
			"location-policy", "999", "hq");
	ANSWERED(false, "location_policy=site:hq;", "location_policy", "110");
	ANSWERED(false, "", "location_policy", "112", "elsewhere");
	ck_assert_str_eq(
			answer.text.text, "no location_policy is in force there, nor a global one");
	finish();
}
END_TEST

START_TEST(words_that_are_not_right)
{
	static char long_number[1000];

	start();
	memset(long_number, '1', sizeof(long_number) - 1);
	REFUSED(MED_EINVAL, "the words are TRUNK NUMBER [CALLING]", "trunk", "out1");
	REFUSED(MED_EINVAL, "the words are POLICY NUMBER [RULES] [CALLING] [MOMENT]", "user",
			"-", "1");
	REFUSED(MED_EINVAL, "the words are RULES RULE NUMBER", "rule", "de", "1", "");
	REFUSED(MED_EINVAL, "the moment is written in UTC, as in 2026-12-24T18:00Z", "policy",
			"staff", "+1", "noon");
	ck_assert_int_eq(ask("trunk", "out1", "bob", NULL), MED_EINVAL);
	ck_assert_msg(strncmp(answer.text.text, "the called number: ", 19) == 0, "%s",
			answer.text.text);
	ck_assert_int_eq(ask("trunk", "out1", "+1", "bob", NULL), MED_EINVAL);
	ck_assert_msg(strncmp(answer.text.text, "the calling number: ", 20) == 0, "%s",
			answer.text.text);
	ck_assert_int_eq(ask("route", "near", long_number, NULL), MED_ELIMIT);
	ck_assert_ptr_null(med_inquiry_find("policies"));
	ck_assert_ptr_null(med_inquiry_find("polic"));
	ck_assert_ptr_null(med_inquiry_find("inter__trunk"));
	finish();
}
END_TEST

START_TEST(no_more_routes_than_one_can_read)
{
	char id[16];

	start();
	for(int i = 0; i < MED_ASKED_ROUTES + 5; i++) {
		snprintf(id, sizeof(id), "many%02d", i);
		core_set(config, MED_KIND_ROUTE, id, "pattern", "^\\+7", "usages",
				i % 2 ? "all" : "long", "trunks", "out1", NULL);
	}
	med_config_release(config, snap);
	snap = core_build(config);
	ANSWERED(true, "first_matching_route=many00;matching_usage=long;trunk=out1;",
			"policy", "staff", "+71");
	id[0] = 0;
	for(const char *at = routes; (at = strchr(at, ';')) != NULL; at++)
		id[0]++;
	ck_assert_int_eq(id[0], MED_ASKED_ROUTES);
	finish();
}
END_TEST

int main(void)
{
	const TTest *tests[] = {trunks, patterns_of_routes, usages_of_a_policy,
			inter_trunk_routing, dial_plans_and_rules, a_user_end_to_end,
			emergency_numbers, words_that_are_not_right,
			no_more_routes_than_one_can_read};

	return core_run("inquiry", tests, COUNT(tests));
}
