/**
 * t_quiet.c - lines of a log that many may cause
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core_test.h"

#include "medcore/quiet.h"

static med_quiet_t quiet;

/* "yes" with how many were left out, or "no" */
static const char *tells(uint64_t source, uint32_t now_s)
{
	static char text[32];
	uint32_t more;

	if(!med_quiet_tells(&quiet, source, now_s, 60, &more))
		return "no";
	snprintf(text, sizeof(text), "yes %u", more);
	return text;
}

START_TEST(one_line_for_each_source)
{
	memset(&quiet, 0, sizeof(quiet));
	ck_assert_str_eq(tells(7, 100), "yes 0");
	ck_assert_str_eq(tells(7, 100), "no");
	ck_assert_str_eq(tells(8, 100), "yes 0");
	ck_assert_str_eq(tells(7, 159), "no");
	ck_assert_str_eq(tells(7, 160), "yes 2");
	ck_assert_str_eq(tells(7, 161), "no");
	ck_assert_str_eq(tells(7, 220), "yes 1");
	/* another that has the same place takes it */
	ck_assert_str_eq(tells(7 + MED_QUIET_PLACES, 221), "yes 0");
	ck_assert_str_eq(tells(7, 222), "yes 0");
}
END_TEST

START_TEST(thousands_of_sources_are_no_flood)
{
	unsigned told = 0;

	memset(&quiet, 0, sizeof(quiet));
	for(uint64_t source = 1; source <= 100000; source++)
		told += tells(source * 0x9e3779b97f4a7c15u, 100)[0] == 'y';
	ck_assert_uint_eq(told, MED_QUIET_LINES);
	ck_assert_str_eq(tells(1, 101), "yes 0");
}
END_TEST

int main(void)
{
	const TTest *tests[] = {one_line_for_each_source, thousands_of_sources_are_no_flood};

	return core_run("quiet", tests, COUNT(tests));
}
