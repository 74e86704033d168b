/**
 * schedule.c - times of the week and days of the year
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <string.h>

#include "medcore/schedule.h"

static const char *const day_names[7] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

/* ---- reading --------------------------------------------------------------------------
 */

/* Exactly @p digits digits at *at, which moves past them. */
static bool take_digits(med_str_t *at, unsigned digits, uint32_t *out)
{
	uint32_t value = 0;

	if(at->len < digits)
		return false;
	for(unsigned i = 0; i < digits; i++) {
		if(at->s[i] < '0' || at->s[i] > '9')
			return false;
		value = value * 10 + (uint32_t)(at->s[i] - '0');
	}
	at->s += digits;
	at->len -= digits;
	*out = value;
	return true;
}

static bool take(med_str_t *at, const char *text)
{
	size_t len = strlen(text);

	if(at->len < len || memcmp(at->s, text, len) != 0)
		return false;
	at->s += len;
	at->len -= len;
	return true;
}

static bool take_day(med_str_t *at, unsigned *day)
{
	for(*day = 0; *day < 7; ++*day) {
		if(at->len >= 3
				&& med_str_eq_nocase((med_str_t){at->s, 3}, med_str(day_names[*day]))) {
			at->s += 3;
			at->len -= 3;
			return true;
		}
	}
	return false;
}

/* "mon", "mon-fri", "sat-mon", "daily" */
static bool take_days(med_str_t *at, uint8_t *days)
{
	unsigned first, last;

	if(at->len >= 5 && med_str_eq_nocase((med_str_t){at->s, 5}, MED_STR("daily"))) {
		at->s += 5;
		at->len -= 5;
		*days = 0x7f;
		return true;
	}
	if(!take_day(at, &first))
		return false;
	last = first;
	if(take(at, "-") && !take_day(at, &last))
		return false;
	for(*days = 0;; first = (first + 1) % 7) {
		*days |= (uint8_t)(1u << first);
		if(first == last)
			return true;
	}
}

/* "08:00"; "24:00" only where a window ends */
static bool take_minutes(med_str_t *at, bool ends, uint16_t *out)
{
	uint32_t hours, minutes;

	if(!take_digits(at, 2, &hours) || !take(at, ":") || !take_digits(at, 2, &minutes)
			|| minutes > 59)
		return false;
	*out = (uint16_t)(hours * 60 + minutes);
	return *out < MED_DAY_MINUTES || (ends && *out == MED_DAY_MINUTES);
}

int med_window_parse(med_str_t text, med_window_t *window)
{
	med_str_t at = med_str_trim(text);

	window->from = 0;
	window->to = MED_DAY_MINUTES;
	if(!take_days(&at, &window->days))
		return MED_EINVAL;
	if(at.len == 0)
		return MED_EOK;
	if(at.s[0] != ' ')
		return MED_EINVAL;
	at = med_str_trim(at);
	if(!take_minutes(&at, false, &window->from) || !take(&at, "-")
			|| !take_minutes(&at, true, &window->to) || at.len > 0
			|| window->from == window->to)
		return MED_EINVAL;
	return MED_EOK;
}

static uint32_t days_of_month(uint32_t year, uint32_t month)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

/* "2026-12-24", or without its year: each year, and February may have 29 days */
static bool take_date(med_str_t *at, uint32_t *date)
{
	uint32_t year = 0, month, day;

	if(at->len >= 5 && at->s[4] == '-'
			&& (!take_digits(at, 4, &year) || !take(at, "-") || year < 1970))
		return false;
	if(!take_digits(at, 2, &month) || !take(at, "-") || !take_digits(at, 2, &day)
			|| month < 1 || month > 12 || day < 1 || day > days_of_month(year, month))
		return false;
	*date = year * 10000 + month * 100 + day;
	return true;
}

int med_dates_parse(med_str_t text, med_dates_t *dates)
{
	med_str_t at = med_str_trim(text);

	if(!take_date(&at, &dates->from))
		return MED_EINVAL;
	dates->to = dates->from;
	if(take(&at, "..") && !take_date(&at, &dates->to))
		return MED_EINVAL;
	if(at.len > 0 || (dates->from < 10000) != (dates->to < 10000)
			|| (dates->from >= 10000 && dates->to < dates->from))
		return MED_EINVAL;
	return MED_EOK;
}

/* Days from 1970-01-01; March is the first month, so that a leap day ends the year. */
static int64_t days_from(uint32_t year, uint32_t month, uint32_t day)
{
	int64_t y = month <= 2 ? (int64_t)year - 1 : year;
	int64_t m = month <= 2 ? month + 9 : month - 3;

	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

int med_instant_parse(med_str_t text, int64_t *utc)
{
	med_str_t at = med_str_trim(text);
	uint32_t date, seconds = 0;
	uint16_t minutes;

	if(!take_date(&at, &date) || date < 10000 || !take(&at, "T")
			|| !take_minutes(&at, false, &minutes)
			|| (take(&at, ":") && !take_digits(&at, 2, &seconds)) || seconds > 59
			|| !take(&at, "Z") || at.len > 0)
		return MED_EINVAL;
	*utc = (days_from(date / 10000, date / 100 % 100, date % 100) * MED_DAY_MINUTES
				   + minutes)
					* 60
			+ seconds;
	return MED_EOK;
}

/* ---- written --------------------------------------------------------------------------
 */

/* The one run of days, from the first after a day off; all of them are "daily". */
static size_t format_days(uint8_t days, char *out, size_t size)
{
	unsigned first = 0, last;

	if(days == 0x7f)
		return (size_t)snprintf(out, size, "daily");
	while((days >> first & 1) == 0 || (days >> (first + 6) % 7 & 1) != 0)
		first++;
	for(last = first; days >> (last + 1) % 7 & 1;)
		last = (last + 1) % 7;
	if(first == last)
		return (size_t)snprintf(out, size, "%s", day_names[first]);
	return (size_t)snprintf(out, size, "%s-%s", day_names[first], day_names[last]);
}

const char *med_window_format(const med_window_t *window, char out[MED_WINDOW_TEXT])
{
	size_t len = format_days(window->days, out, MED_WINDOW_TEXT);

	if(window->from != 0 || window->to != MED_DAY_MINUTES)
		(void)snprintf(out + len, MED_WINDOW_TEXT - len, " %02u:%02u-%02u:%02u",
				window->from / 60u % 25, window->from % 60u, window->to / 60u % 25,
				window->to % 60u);
	return out;
}

static size_t format_date(uint32_t date, char *out, size_t size)
{
	uint32_t year = date / 10000 % 10000, month = date / 100 % 100, day = date % 100;

	if(year == 0)
		return (size_t)snprintf(out, size, "%02u-%02u", month, day);
	return (size_t)snprintf(out, size, "%04u-%02u-%02u", year, month, day);
}

const char *med_dates_format(const med_dates_t *dates, char out[MED_WINDOW_TEXT])
{
	size_t len = format_date(dates->from, out, MED_WINDOW_TEXT);

	if(dates->to != dates->from) {
		memcpy(out + len, "..", 2);
		(void)format_date(dates->to, out + len + 2, MED_WINDOW_TEXT - len - 2);
	}
	return out;
}

/* ---- on the clock ---------------------------------------------------------------------
 */

med_clock_t med_clock_at(int64_t utc, int32_t offset_s)
{
	int64_t seconds = utc + offset_s;
	int64_t days = seconds / 86400 - (seconds % 86400 < 0);
	int64_t of_day = seconds - days * 86400;
	/* civil from days, in eras of 400 years that begin in March */
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	int64_t month = mp < 10 ? mp + 3 : mp - 9;
	int64_t year = yoe + era * 400 + (month <= 2 ? 1 : 0);
	int64_t weekday = (days % 7 + 7 + 3) % 7; /* 1970 began on a Thursday */

	return (med_clock_t){.date = (uint32_t)(year * 10000 + month * 100
								 + (doy - (153 * mp + 2) / 5 + 1)),
			.minutes = (uint16_t)(of_day / 60),
			.day = (uint8_t)weekday};
}

bool med_window_has(const med_window_t *window, const med_clock_t *clock)
{
	bool today = window->days >> clock->day & 1;
	bool yesterday = window->days >> (clock->day + 6) % 7 & 1;

	if(window->to > window->from)
		return today && clock->minutes >= window->from && clock->minutes < window->to;
	return (today && clock->minutes >= window->from)
			|| (yesterday && clock->minutes < window->to);
}

static bool any_dates(const med_dates_t *dates, uint32_t count, const med_clock_t *clock)
{
	for(uint32_t i = 0; i < count; i++) {
		if(med_dates_have(&dates[i], clock))
			return true;
	}
	return false;
}

bool med_schedule_has(const med_schedule_t *schedule, int64_t utc, med_clock_t *clock)
{
	uint32_t low = 0, high = schedule->shift_count;

	while(high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		if(schedule->shifts[middle].from <= utc)
			low = middle;
		else
			high = middle;
	}
	*clock = med_clock_at(utc, schedule->shifts[low].offset);
	if(any_dates(schedule->extra, schedule->extra_count, clock))
		return true;
	if(any_dates(schedule->closed, schedule->closed_count, clock))
		return false;
	for(uint32_t i = 0; i < schedule->window_count; i++) {
		if(med_window_has(&schedule->windows[i], clock))
			return true;
	}
	return schedule->window_count == 0;
}

bool med_dates_have(const med_dates_t *dates, const med_clock_t *clock)
{
	uint32_t date = dates->from < 10000 ? clock->date % 10000 : clock->date;

	if(dates->from <= dates->to)
		return date >= dates->from && date <= dates->to;
	return date >= dates->from || date <= dates->to; /* over the end of the year */
}
