/**
 * t_metrics.c - what is counted of a trunk's calls, and the text form of it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core_test.h"

#include "medcore/metrics.h"

static char buffer[4096];

static const char *text_of(const med_metrics_text_t *text)
{
	ck_assert_uint_le(text->len, text->size);
	buffer[text->len] = '\0';
	return buffer;
}

static med_metrics_text_t begin(size_t size)
{
	return (med_metrics_text_t){.s = buffer, .size = size};
}

START_TEST(ends_by_class)
{
	static const struct {
		unsigned code;
		const char *name;
	} cases[] = {{300, "3xx"}, {399, "3xx"}, {400, "4xx"}, {486, "4xx"},
			{487, "cancelled"}, {499, "4xx"}, {503, "5xx"}, {603, "6xx"}, {699, "6xx"}};
	med_trunk_metrics_t m = {0};

	for(size_t i = 0; i < COUNT(cases); i++) {
		ck_assert_str_eq(med_ended_name(med_ended_by(cases[i].code)), cases[i].name);
		med_metrics_ended(&m, med_ended_by(cases[i].code));
	}
	med_metrics_ended(&m, MED_ENDED_TIMER);
	med_metrics_answered(&m);
	ck_assert_uint_eq(m.ended[MED_ENDED_3XX], 2);
	ck_assert_uint_eq(m.ended[MED_ENDED_4XX], 3);
	ck_assert_uint_eq(m.ended[MED_ENDED_CANCELLED], 1);
	ck_assert_uint_eq(m.ended[MED_ENDED_5XX], 1);
	ck_assert_uint_eq(m.ended[MED_ENDED_6XX], 2);
	ck_assert_uint_eq(m.ended[MED_ENDED_TIMER], 1);
	ck_assert_uint_eq(m.ended[MED_ENDED_CONNECTION], 0);
	ck_assert_uint_eq(m.answers, 1);
}
END_TEST

START_TEST(delays_fall_into_buckets)
{
	med_trunk_metrics_t m = {0};

	med_metrics_delay(&m, 0);
	med_metrics_delay(&m, 250); /* a bound belongs to its bucket */
	med_metrics_delay(&m, 251);
	med_metrics_delay(&m, 16000);
	med_metrics_delay(&m, 16001);
	med_metrics_delay(&m, UINT32_MAX);
	ck_assert_uint_eq(m.delay[0], 2);
	ck_assert_uint_eq(m.delay[1], 1);
	ck_assert_uint_eq(m.delay[MED_DELAY_BUCKETS - 2], 1);
	ck_assert_uint_eq(m.delay[MED_DELAY_BUCKETS - 1], 2);
	ck_assert_uint_eq(m.delay_ms, 250 + 251 + 16000 + 16001 + (uint64_t)UINT32_MAX);
	ck_assert_uint_eq(med_metrics_bound(MED_DELAY_BUCKETS - 1), UINT32_MAX);
	for(unsigned i = 1; i < MED_DELAY_BUCKETS; i++)
		ck_assert_uint_gt(med_metrics_bound(i), med_metrics_bound(i - 1));
}
END_TEST

START_TEST(lines)
{
	med_metrics_text_t text = begin(sizeof buffer - 1);
	med_label_t labels[] = {
			{"trunk", MED_STR("a\"b\\c\nd")}, {"class", MED_STR("timer")}};

	med_metrics_family(&text, "x_total", MED_COUNTER, "say \"what\"\nand \\ why");
	med_metrics_sample(&text, "x_total", "", NULL, 0, UINT64_MAX);
	med_metrics_sample(&text, "x_total", "", labels, 2, 0);
	med_metrics_family(&text, "y", MED_GAUGE, "y");
	med_metrics_sample_ms(&text, "y", "", labels + 1, 1, 61007);
	ck_assert_str_eq(text_of(&text),
			"# HELP x_total say \"what\"\\nand \\\\ why\n"
			"# TYPE x_total counter\n"
			"x_total 18446744073709551615\n"
			"x_total{trunk=\"a\\\"b\\\\c\\nd\",class=\"timer\"} 0\n"
			"# HELP y y\n"
			"# TYPE y gauge\n"
			"y{class=\"timer\"} 61.007\n");
	ck_assert(!text.full);
}
END_TEST

START_TEST(a_histogram_adds_up)
{
	med_metrics_text_t text = begin(sizeof buffer - 1);
	med_trunk_metrics_t m = {0};

	med_metrics_delay(&m, 100);
	med_metrics_delay(&m, 1900);
	med_metrics_delay(&m, 99000);
	med_metrics_delays(&text, "d_seconds", "trunk", MED_STR("gw1"), &m);
	ck_assert_str_eq(text_of(&text),
			"d_seconds_bucket{trunk=\"gw1\",le=\"0.250\"} 1\n"
			"d_seconds_bucket{trunk=\"gw1\",le=\"0.500\"} 1\n"
			"d_seconds_bucket{trunk=\"gw1\",le=\"1.000\"} 1\n"
			"d_seconds_bucket{trunk=\"gw1\",le=\"2.000\"} 2\n"
			"d_seconds_bucket{trunk=\"gw1\",le=\"4.000\"} 2\n"
			"d_seconds_bucket{trunk=\"gw1\",le=\"8.000\"} 2\n"
			"d_seconds_bucket{trunk=\"gw1\",le=\"16.000\"} 2\n"
			"d_seconds_bucket{trunk=\"gw1\",le=\"+Inf\"} 3\n"
			"d_seconds_sum{trunk=\"gw1\"} 101.000\n"
			"d_seconds_count{trunk=\"gw1\"} 3\n");
}
END_TEST

/** Whatever the room, only whole lines, and it is told that some are missing. */
START_TEST(never_beyond_its_room)
{
	med_trunk_metrics_t m = {0};
	size_t whole;
	med_metrics_text_t text = begin(sizeof buffer - 1);

	med_metrics_family(&text, "d", MED_HISTOGRAM, "delay");
	med_metrics_delays(&text, "d", "trunk", MED_STR("gw1"), &m);
	whole = text.len;
	for(size_t size = 0; size <= whole; size++) {
		memset(buffer, '#', sizeof buffer);
		text = begin(size);
		med_metrics_family(&text, "d", MED_HISTOGRAM, "delay");
		med_metrics_delays(&text, "d", "trunk", MED_STR("gw1"), &m);
		ck_assert_int_eq(text.full, size < whole);
		ck_assert(text.len == 0 || buffer[text.len - 1] == '\n');
		for(size_t i = size; i < whole + 10; i++)
			ck_assert_int_eq(buffer[i], '#');
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = {ends_by_class, delays_fall_into_buckets, lines,
			a_histogram_adds_up, never_beyond_its_room};

	return core_run("metrics", tests, COUNT(tests));
}
