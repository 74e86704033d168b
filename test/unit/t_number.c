/**
 * t_number.c - user parts as numbers (spec 3.5)
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core_test.h"

START_TEST(user_parts)
{
	static const struct {
		const char *user, *number; /* NULL: refused */
	} row[] = {{"+14255550100", "+14255550100"}, {"+1-425-555-0100", "+14255550100"},
			{"+49 (0)30 1234", "+49301234"}, {"+49(30)1234", "+49301234"},
			{"(0)30 1", "0301"}, {"(030) 12.34", "0301234"}, {"%2B1425", "+1425"},
			{"%2b1%2d2", "+12"}, {"911;phone-context=Redmond", "911"},
			{"+14255550100;ext=104", "+14255550100"}, {"*21*5#", "*21*5#"}, {"0", "0"},
			{"", NULL}, {"+", NULL}, {"-.()", NULL}, {";ext=1", NULL}, {"alice", NULL},
			{"1a", NULL}, {"1+2", NULL}, {"++1", NULL}, {"%", NULL}, {"%4", NULL},
			{"%zz", NULL}, {"1%00", NULL}, {"1\n", NULL}, {"anonymous", NULL},
			{"+1:2", NULL}};
	med_errbuf_t err;

	for(size_t i = 0; i < COUNT(row); i++) {
		med_number_t number;
		int rc = med_number_from_user(med_str(row[i].user), &number, &err);
		ck_assert_msg(
				rc == (row[i].number ? MED_EOK : MED_EINVAL), "%s: %d", row[i].user, rc);
		if(rc == MED_EOK)
			core_assert_number(number, row[i].number);
	}
}
END_TEST

START_TEST(length)
{
	char user[MED_NUMBER_MAX + 2];
	med_number_t number;
	med_errbuf_t err;

	memset(user, '1', sizeof(user));
	user[1] = '-';
	ck_assert_int_eq(
			med_number_from_user((med_str_t){user, MED_NUMBER_MAX + 1}, &number, &err),
			MED_EOK);
	ck_assert_uint_eq(number.len, MED_NUMBER_MAX);
	ck_assert_int_eq(med_number_from_user((med_str_t){user, sizeof(user)}, &number, &err),
			MED_ELIMIT);
	core_assert_has(err.text, "more than 128 digits");
	ck_assert_uint_eq(number.len, MED_NUMBER_MAX); /* untouched */
}
END_TEST

START_TEST(texts_show_no_raw_bytes)
{
	med_number_t number;
	med_errbuf_t err;

	ck_assert_int_eq(
			med_number_from_user(MED_STR("1\x1b[2J"), &number, &err), MED_EINVAL);
	core_assert_has(err.text, "'1\\x1b[2J' is not a number");
}
END_TEST

START_TEST(uri_parameters)
{
	static const struct {
		const char *uri, *context, *extension;
	} row[] = {{"+1425", "", ""}, {"sip:911@a.example;user=phone", "", ""},
			{"911;phone-context=Redmond", "Redmond", ""},
			{"sip:3;phone-context=cdp.udp@a.example;user=phone", "cdp.udp", ""},
			{"sip:3@a.example;Phone-Context=+49;user=phone", "+49", ""},
			{"+1425;ext=104", "", "104"}, {"sip:+1425@a;user=phone;EXT=1-0.4", "", "104"},
			{"tel:+1425;ext=1;phone-context=x", "x", "1"},
			{"1;ext=1234567890123456", "", "1234567890123456"},
			{"1;ext=12345678901234567", "", ""}, {"1;ext=a", "", ""}, {"1;ext=", "", ""},
			{"1;ext=%31", "", "1"}, {"1;ext=%3", "", ""}, {"1;ext=1;ext=2", "", "1"},
			{"1;phone-context=a;phone-context=b", "a", ""}, {";", "", ""}, {"", "", ""},
			{"1;;;ext=5", "", "5"}, {"1;next=5;sext=6", "", ""}, {"1;ext", "", ""},
			{"1;@;ext=7@", "", "7"}};

	for(size_t i = 0; i < COUNT(row); i++) {
		med_number_params_t params;

		med_number_params(med_str(row[i].uri), &params);
		ck_assert_msg(med_str_eq(params.context, med_str(row[i].context)), "%s: %.*s",
				row[i].uri, MED_STR_FMT(params.context));
		ck_assert_msg(med_str_eq((med_str_t){params.extension.s, params.extension.len},
							  med_str(row[i].extension)),
				"%s: %.*s", row[i].uri, params.extension.len, params.extension.s);
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = {user_parts, length, texts_show_no_raw_bytes, uri_parameters};

	return core_run("number", tests, COUNT(tests));
}
