/**
 * t_guard.c - counters that stop toll fraud
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core_test.h"

#include "medcore/guard.h"

#define PLACES 64u

static med_guard_table_t *table;
static const med_str_t usages[] = {MED_STR("premium"), MED_STR("world")};

static void start(void)
{
	table = calloc(1, sizeof(*table) + PLACES * sizeof(table->place[0]));
	table->places = PLACES;
}

static med_guard_t guard_of(uint8_t per)
{
	return (med_guard_t){.id = MED_STR("g"),
			.usages = usages,
			.usage_count = 2,
			.per = per,
			.destination_digits = 4,
			.max_calls = 3,
			.window_s = 100,
			.code = 403};
}

static uint64_t key(const med_guard_t *guard, const char *caller, const char *called,
		const char *trunk)
{
	med_number_t from = core_number(caller), to = core_number(called);

	return med_guard_key(guard, &from, &to, med_str(trunk));
}

START_TEST(what_is_counted_for_itself)
{
	med_guard_t guard = guard_of(MED_PER_CALLER), other = guard;

	other.id = MED_STR("h");
	ck_assert(key(&guard, "1", "+4930", "t") == key(&guard, "1", "+331", "u"));
	ck_assert(key(&guard, "1", "+4930", "t") != key(&guard, "2", "+4930", "t"));
	ck_assert(key(&guard, "1", "+4930", "t") != key(&other, "1", "+4930", "t"));
	guard.per = MED_PER_DESTINATION;
	ck_assert(key(&guard, "1", "+493012", "t") == key(&guard, "2", "+493099", "u"));
	ck_assert(key(&guard, "1", "+493012", "t") != key(&guard, "1", "+493112", "t"));
	ck_assert(key(&guard, "1", "+49", "t") != key(&guard, "1", "+493", "t"));
	guard.per = MED_PER_CALLER_AND_DESTINATION;
	ck_assert(key(&guard, "1", "+493012", "t") == key(&guard, "1", "+493099", "u"));
	ck_assert(key(&guard, "1", "+493012", "t") != key(&guard, "2", "+493012", "t"));
	guard.per = MED_PER_TRUNK;
	ck_assert(key(&guard, "1", "+49", "t") == key(&guard, "2", "+33", "t"));
	ck_assert(key(&guard, "1", "+49", "t") != key(&guard, "1", "+49", "u"));
	ck_assert(med_guard_watches(&guard, MED_STR("world")));
	ck_assert(!med_guard_watches(&guard, MED_STR("local")));
	guard.usage_count = 0;
	ck_assert(med_guard_watches(&guard, MED_STR("local")));
}
END_TEST

/* One letter a call: let through, refused and told, refused. */
static const char *calls(
		const med_guard_t *guard, uint64_t of, const uint32_t *at, size_t count)
{
	static char text[64];

	for(size_t i = 0; i < count; i++)
		text[i] = ".RT"[med_guard_count(table, guard, of, at[i])];
	text[count] = '\0';
	return text;
}

START_TEST(a_window_that_slides)
{
	/* in the second one what was before goes out evenly: of 3, 1.5 are left at 250 */
	static const uint32_t at[] = {
			100, 150, 199, 199, 199, 205, 240, 250, 299, 310, 420, 421, 422, 423};
	med_guard_t guard = guard_of(MED_PER_CALLER);

	start();
	ck_assert_str_eq(calls(&guard, 7, at, COUNT(at)), "...TRR.R....TR");
	free(table);
}
END_TEST

START_TEST(blocked_for_a_time)
{
	static const uint32_t at[] = {
			100, 100, 100, 100, 101, 300, 1099, 1100, 1101, 1102, 1103};
	med_guard_t guard = guard_of(MED_PER_CALLER);

	guard.block_s = 1000;
	start();
	ck_assert_str_eq(calls(&guard, 7, at, COUNT(at)), "...TRTT...R");
	free(table);
}
END_TEST

START_TEST(a_full_table_refuses_nobody)
{
	med_guard_t guard = guard_of(MED_PER_CALLER);

	start();
	for(uint64_t of = 1; of < 100000; of += 2)
		ck_assert_int_eq(med_guard_count(table, &guard, of, 100), MED_GUARD_LETS);
	free(table);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {what_is_counted_for_itself, a_window_that_slides,
			blocked_for_a_time, a_full_table_refuses_nobody};

	return core_run("guard", tests, COUNT(tests));
}
