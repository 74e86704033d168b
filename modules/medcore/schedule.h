/**
 * schedule.h - times of the week and days of the year, as people write them
 *
 *   mon-fri 08:00-17:30     days, and the time from the first minute to before the last
 *   sat,  daily 22:00-06:00 without a time: all day; past midnight: until the next day
 *   2026-12-24              a day; 2026-12-24..2027-01-02 several; 12-25 each year
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_SCHEDULE_H
#define MEDCORE_SCHEDULE_H

#include "medcore/common.h"

#define MED_DAY_MINUTES 1440u

/** A time of the week, by the wall clock of its schedule's time zone. */
typedef struct med_window {
	uint8_t days;      /**< bit n: it begins on that day, 0 is Monday */
	uint16_t from, to; /**< minutes of the day; to <= from: until the next day */
} med_window_t;

/** Days, both included, as year * 10000 + month * 100 + day; year 0: each year. */
typedef struct med_dates {
	uint32_t from, to;
} med_dates_t;

/** MED_EOK or MED_EINVAL. */
int med_window_parse(med_str_t text, med_window_t *window);
int med_dates_parse(med_str_t text, med_dates_t *dates);

#define MED_WINDOW_TEXT 32 /**< bytes of either as text, its end included */
/** As they are read; return @p out. */
const char *med_window_format(const med_window_t *window, char out[MED_WINDOW_TEXT]);
const char *med_dates_format(const med_dates_t *dates, char out[MED_WINDOW_TEXT]);

/** A wall clock, as a schedule sees it. */
typedef struct med_clock {
	uint32_t date;    /**< as in med_dates_t, with its year */
	uint16_t minutes; /**< of the day */
	uint8_t day;      /**< 0 is Monday */
} med_clock_t;

/** The clock of a place that is @p offset_s ahead of UTC at @p utc (seconds of 1970). */
med_clock_t med_clock_at(int64_t utc, int32_t offset_s);
bool med_window_has(const med_window_t *window, const med_clock_t *clock);
bool med_dates_have(const med_dates_t *dates, const med_clock_t *clock);

/** From this moment on a clock is so far ahead of UTC. */
typedef struct med_shift {
	int64_t from;
	int32_t offset;
} med_shift_t;

/** Immutable, part of a snapshot. */
typedef struct med_schedule {
	med_str_t id, time_zone;
	const med_shift_t *shifts; /**< in order; at least one */
	const med_window_t *windows;
	const med_dates_t *closed, *extra;
	uint32_t shift_count, window_count, closed_count, extra_count;
} med_schedule_t;

/** Is it one of its times at @p utc? @p clock: what its place's clock shows then. */
bool med_schedule_has(const med_schedule_t *schedule, int64_t utc, med_clock_t *clock);

/** "2026-12-24T18:00Z", also with seconds: seconds of 1970. MED_EOK or MED_EINVAL. */
int med_instant_parse(med_str_t text, int64_t *utc);

#endif
