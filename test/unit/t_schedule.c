/**
 * t_schedule.c - times of the week and days of the year
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core_test.h"

#include "medcore/schedule.h"

/* What is read is written so; NULL: it is not read. */
START_TEST(texts)
{
	static const struct {
		const char *in, *window, *dates;
	} rows[] = {
			{"mon-fri 08:00-17:30", "mon-fri 08:00-17:30", NULL},
			{" Mon-FRI  08:00-17:30 ", "mon-fri 08:00-17:30", NULL},
			{"sat", "sat", NULL},
			{"sat-mon", "sat-mon", NULL},
			{"mon-sun", "daily", NULL},
			{"tue-mon", "daily", NULL},
			{"daily 22:00-06:00", "daily 22:00-06:00", NULL},
			{"daily 00:00-24:00", "daily", NULL},
			{"fri 18:00-24:00", "fri 18:00-24:00", NULL},
			{"2026-12-24", NULL, "2026-12-24"},
			{"2026-12-24..2027-01-02", NULL, "2026-12-24..2027-01-02"},
			{"12-25", NULL, "12-25"},
			{"12-24..01-02", NULL, "12-24..01-02"},
			{"02-29", NULL, "02-29"},
			{"2024-02-29", NULL, "2024-02-29"},
			{"", NULL, NULL},
			{"mon-", NULL, NULL},
			{"mo", NULL, NULL},
			{"monday", NULL, NULL},
			{"mon 8:00-17:00", NULL, NULL},
			{"mon 24:00-06:00", NULL, NULL},
			{"mon 08:00-24:01", NULL, NULL},
			{"mon 08:60-09:00", NULL, NULL},
			{"mon 08:00-08:00", NULL, NULL},
			{"mon 08:00", NULL, NULL},
			{"mon 08:00-09:00 x", NULL, NULL},
			{"2025-02-29", NULL, NULL},
			{"2026-13-01", NULL, NULL},
			{"2026-00-10", NULL, NULL},
			{"04-31", NULL, NULL},
			{"2026-12-24..12-26", NULL, NULL},
			{"2026-12-24..2026-12-23", NULL, NULL},
			{"2026-12-24.", NULL, NULL},
			{"1969-01-01", NULL, NULL},
	};

	for(size_t i = 0; i < COUNT(rows); i++) {
		char text[MED_WINDOW_TEXT];
		med_window_t window;
		med_dates_t dates;
		bool read = med_window_parse(med_str(rows[i].in), &window) == MED_EOK;

		ck_assert_msg(read == (rows[i].window != NULL), "window '%s'", rows[i].in);
		if(read)
			ck_assert_str_eq(med_window_format(&window, text), rows[i].window);
		read = med_dates_parse(med_str(rows[i].in), &dates) == MED_EOK;
		ck_assert_msg(read == (rows[i].dates != NULL), "dates '%s'", rows[i].in);
		if(read)
			ck_assert_str_eq(med_dates_format(&dates, text), rows[i].dates);
	}
}
END_TEST

/* 2026-11-27 was a Friday. */
START_TEST(clocks)
{
	static const struct {
		const char *utc;
		int offset;
		uint32_t date;
		unsigned minutes, day;
	} rows[] = {
			{"2026-11-27T17:43Z", 0, 20261127, 17 * 60 + 43, 4},
			{"2026-11-27T23:30Z", 3600, 20261128, 30, 5},
			{"2026-01-01T00:10Z", -1800, 20251231, 23 * 60 + 40, 2},
			{"2024-02-29T12:00:30Z", 0, 20240229, 720, 3},
			{"1970-01-01T00:00Z", -60, 19691231, 1439, 2},
			{"2100-03-01T00:00Z", 0, 21000301, 0, 0},
	};

	for(size_t i = 0; i < COUNT(rows); i++) {
		med_clock_t clock;
		int64_t utc;

		ck_assert_int_eq(med_instant_parse(med_str(rows[i].utc), &utc), MED_EOK);
		clock = med_clock_at(utc, rows[i].offset);
		ck_assert_msg(clock.date == rows[i].date && clock.minutes == rows[i].minutes
						&& clock.day == rows[i].day,
				"%s: %u %u %u", rows[i].utc, clock.date, clock.minutes, clock.day);
	}
}
END_TEST

START_TEST(hits)
{
	static const struct {
		const char *window, *utc;
		bool has;
	} rows[] = {
			{"mon-fri 08:00-17:30", "2026-11-27T08:00Z", true},
			{"mon-fri 08:00-17:30", "2026-11-27T17:29Z", true},
			{"mon-fri 08:00-17:30", "2026-11-27T17:30Z", false},
			{"mon-fri 08:00-17:30", "2026-11-28T12:00Z", false},
			{"fri 22:00-06:00", "2026-11-27T23:00Z", true},
			{"fri 22:00-06:00", "2026-11-28T05:59Z", true},
			{"fri 22:00-06:00", "2026-11-28T06:00Z", false},
			{"fri 22:00-06:00", "2026-11-27T05:00Z", false},
			{"sun 22:00-06:00", "2026-11-30T05:00Z", true},
			{"daily", "2026-11-27T00:00Z", true},
	};
	static const struct {
		const char *dates, *utc;
		bool have;
	} days[] = {
			{"2026-12-24", "2026-12-24T00:00Z", true},
			{"2026-12-24", "2027-12-24T00:00Z", false},
			{"12-24", "2027-12-24T23:59Z", true},
			{"12-24..01-02", "2027-01-02T23:59Z", true},
			{"12-24..01-02", "2026-12-31T23:59Z", true},
			{"12-24..01-02", "2027-01-03T00:00Z", false},
			{"2026-12-24..2027-01-02", "2027-01-01T00:00Z", true},
	};
	med_clock_t clock;
	int64_t utc;

	for(size_t i = 0; i < COUNT(rows); i++) {
		med_window_t window;

		ck_assert_int_eq(med_window_parse(med_str(rows[i].window), &window), MED_EOK);
		ck_assert_int_eq(med_instant_parse(med_str(rows[i].utc), &utc), MED_EOK);
		clock = med_clock_at(utc, 0);
		ck_assert_msg(med_window_has(&window, &clock) == rows[i].has, "%s at %s",
				rows[i].window, rows[i].utc);
	}
	for(size_t i = 0; i < COUNT(days); i++) {
		med_dates_t dates;

		ck_assert_int_eq(med_dates_parse(med_str(days[i].dates), &dates), MED_EOK);
		ck_assert_int_eq(med_instant_parse(med_str(days[i].utc), &utc), MED_EOK);
		clock = med_clock_at(utc, 0);
		ck_assert_msg(med_dates_have(&dates, &clock) == days[i].have, "%s at %s",
				days[i].dates, days[i].utc);
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = {texts, clocks, hits};

	return core_run("schedule", tests, COUNT(tests));
}
