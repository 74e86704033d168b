/**
 * t_limit.c - how many calls a trunk, a gateway or a site carries
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core_test.h"

#include "medcore/limit.h"
#include "medcore/record.h"

#define MS 1000000ll

static med_limit_state_t states[8];
static med_leases_t *leases;

static void start(uint32_t count)
{
	memset(states, 0, sizeof(states));
	leases = malloc(med_leases_size(count));
	ck_assert_ptr_nonnull(leases);
	med_leases_begin(leases, count, states);
}

static void finish(void)
{
	for(size_t i = 0; i < COUNT(states); i++)
		ck_assert_uint_eq(states[i].calls, 0);
	ck_assert(!med_leases_any(leases));
	free(leases);
}

static med_limits_t limits_of(uint32_t number)
{
	return (med_limits_t){.id = MED_STR("trunk:t"),
			.number = number,
			.max_calls = MED_UNSET,
			.max_calls_in = MED_UNSET,
			.max_calls_out = MED_UNSET,
			.calls_per_second = MED_UNSET,
			.window_ms = 1000,
			.emergency_exempt = true};
}

static enum med_limited take(const med_limits_t *limits, enum med_way way, int64_t at_ms)
{
	size_t at;
	enum med_limited asked =
			med_limit_asks(&states[limits->number], limits, way, false, at_ms * MS);

	ck_assert_int_eq(
			asked, med_limit_take(states, &limits, 1, way, false, at_ms * MS, &at));
	return asked;
}

static void give(const med_limits_t *limits, enum med_way way)
{
	med_limit_numbers_t numbers = med_limit_numbers(&limits, 1);

	med_limit_give(states, &numbers, way);
}

START_TEST(calls_at_a_time)
{
	med_limits_t limits = limits_of(3);

	start(64);
	ck_assert_int_eq(take(&limits, MED_WAY_IN, 1), MED_LIMIT_LETS);
	limits.max_calls = 4;
	limits.max_calls_in = limits.max_calls_out = 3;
	ck_assert_int_eq(take(&limits, MED_WAY_IN, 1), MED_LIMIT_LETS);
	ck_assert_int_eq(take(&limits, MED_WAY_IN, 1), MED_LIMIT_LETS);
	ck_assert_int_eq(take(&limits, MED_WAY_IN, 1), MED_LIMIT_CALLS_IN);
	ck_assert_int_eq(take(&limits, MED_WAY_OUT, 1), MED_LIMIT_LETS);
	ck_assert_int_eq(take(&limits, MED_WAY_OUT, 1), MED_LIMIT_CALLS);
	ck_assert_uint_eq(med_limit_calls(&states[3], MED_WAY_IN), 3);
	ck_assert_uint_eq(med_limit_calls(&states[3], MED_WAY_OUT), 1);
	limits.max_calls = 5;
	limits.max_calls_out = 1;
	ck_assert_int_eq(take(&limits, MED_WAY_OUT, 1), MED_LIMIT_CALLS_OUT);
	limits.max_calls = 1; /* fewer than are up: none is ended, none comes */
	give(&limits, MED_WAY_IN);
	give(&limits, MED_WAY_IN);
	give(&limits, MED_WAY_IN);
	ck_assert_int_eq(take(&limits, MED_WAY_IN, 1), MED_LIMIT_CALLS);
	give(&limits, MED_WAY_OUT);
	ck_assert_int_eq(take(&limits, MED_WAY_IN, 1), MED_LIMIT_LETS);
	give(&limits, MED_WAY_IN);
	limits.max_calls = 0;
	ck_assert_int_eq(take(&limits, MED_WAY_IN, 1), MED_LIMIT_CALLS);
	finish();
}
END_TEST

/* One letter a call: let through, or too fast. */
static const char *calls(const med_limits_t *limits, const int64_t *at, size_t count)
{
	static char text[64];

	for(size_t i = 0; i < count; i++) {
		enum med_limited limited = take(limits, MED_WAY_OUT, at[i]);
		text[i] = limited == MED_LIMIT_LETS ? '.' : limited == MED_LIMIT_RATE ? 'R' : '?';
		if(limited == MED_LIMIT_LETS)
			give(limits, MED_WAY_OUT);
	}
	text[count] = '\0';
	return text;
}

START_TEST(calls_per_second)
{
	/* four at once, then one each 250 ms; what was refused costs nothing */
	static const int64_t at[] = {1000, 1000, 1000, 1001, 1002, 1200, 1251, 1252, 1500,
			1501, 9000, 9000, 9000, 9000, 9000};
	static const int64_t wide[] = {
			20000, 20000, 20000, 20000, 20000, 20000, 20000, 20000, 20000, 20249, 20251};
	static const int64_t narrow[] = {30000, 30000, 30249, 30250, 30251};
	static const int64_t slow[] = {40000, 40000, 41000, 41000};
	static const int64_t fast[] = {41010, 41020, 41030};
	med_limits_t limits = limits_of(1);

	start(64);
	limits.calls_per_second = 4;
	ck_assert_str_eq(calls(&limits, at, COUNT(at)), "....RR.R.R....R");
	limits.window_ms = 2000;
	ck_assert_str_eq(calls(&limits, wide, COUNT(wide)), "........RR.");
	limits.window_ms = 100; /* less than one call: one at a time */
	ck_assert_str_eq(calls(&limits, narrow, COUNT(narrow)), ".RR.R");
	limits.window_ms = 1000;
	limits.calls_per_second = 1;
	ck_assert_str_eq(calls(&limits, slow, COUNT(slow)), ".R.R");
	limits.calls_per_second = 100; /* at once: it owes no more than a window */
	ck_assert_str_eq(calls(&limits, fast, COUNT(fast)), "...");
	limits.calls_per_second = 1000000;
	ck_assert_str_eq(calls(&limits, fast, COUNT(fast)), "...");
	finish();
}
END_TEST

START_TEST(all_or_none)
{
	med_limits_t trunk = limits_of(0), gateway = limits_of(1), site = limits_of(2);
	const med_limits_t *limits[] = {&trunk, &gateway, &site};
	med_limit_numbers_t numbers = med_limit_numbers(limits, 3);
	size_t at = 9;

	start(64);
	trunk.calls_per_second = 1;
	site.max_calls = 1;
	site.emergency_exempt = false;
	ck_assert_int_eq(med_limit_take(states, limits, 3, MED_WAY_IN, false, 1000 * MS, &at),
			MED_LIMIT_LETS);
	ck_assert_int_eq(med_limit_take(states, limits, 3, MED_WAY_IN, false, 2000 * MS, &at),
			MED_LIMIT_CALLS);
	ck_assert_uint_eq(at, 2);
	ck_assert_uint_eq(med_limit_calls(&states[0], MED_WAY_IN), 1);
	ck_assert_uint_eq(med_limit_calls(&states[1], MED_WAY_IN), 1);
	/* no emergency gets past the one that does not exempt it */
	ck_assert_int_eq(med_limit_take(states, limits, 3, MED_WAY_IN, true, 2000 * MS, &at),
			MED_LIMIT_CALLS);
	site.emergency_exempt = true;
	ck_assert_int_eq(med_limit_take(states, limits, 3, MED_WAY_IN, true, 2000 * MS, &at),
			MED_LIMIT_LETS);
	ck_assert_int_eq(med_limit_asks(&states[2], &site, MED_WAY_IN, true, 2000 * MS),
			MED_LIMIT_LETS);
	ck_assert_uint_eq(med_limit_calls(&states[2], MED_WAY_IN), 2);
	med_limit_give(states, &numbers, MED_WAY_IN);
	med_limit_give(states, &numbers, MED_WAY_IN);
	/* its rate was paid by the emergency call; the one refused by the site paid nothing
	 */
	ck_assert_int_eq(med_limit_take(states, limits, 3, MED_WAY_IN, false, 2999 * MS, &at),
			MED_LIMIT_RATE);
	ck_assert_int_eq(med_limit_take(states, limits, 3, MED_WAY_IN, false, 3000 * MS, &at),
			MED_LIMIT_LETS);
	med_limit_give(states, &numbers, MED_WAY_IN);
	ck_assert_str_eq(med_limited_field(MED_LIMIT_CALLS_OUT), "max_calls_out");
	ck_assert_uint_eq(med_limited_value(&site, MED_LIMIT_CALLS), 1);
	finish();
}
END_TEST

/* A call that is taken on one side of the limits of that number. */
static med_lease_id_t begin(uint64_t key, uint32_t number, uint32_t until_s)
{
	med_limits_t limits = limits_of(number);
	const med_limits_t *list = &limits;
	med_limit_numbers_t numbers = med_limit_numbers(&list, 1);
	med_lease_id_t id;

	(void)take(&limits, MED_WAY_IN, 1);
	id = med_lease_begin(leases, key, MED_WAY_IN, &numbers, until_s);
	if(id == 0)
		med_limit_give(states, &numbers, MED_WAY_IN);
	return id;
}

/** A BYE that is answered at once. */
static bool ended_by_bye(uint64_t key, uint32_t tag)
{
	return med_lease_end(leases, med_lease_ending(leases, key, tag));
}

START_TEST(each_call_gives_back_once)
{
	med_lease_id_t id, next;

	start(64);
	id = begin(7, 0, 100);
	ck_assert(id != 0 && med_leases_any(leases));
	ck_assert(med_lease_end(leases, id));
	ck_assert(!med_lease_end(leases, id));
	ck_assert(!ended_by_bye(7, 1));
	ck_assert(!med_lease_end(leases, 0));
	ck_assert(!med_lease_end(leases, UINT64_MAX));
	/* what is told late of one call is not told of the next in its place */
	next = begin(7, 0, 100);
	ck_assert(next != id);
	ck_assert(!med_lease_end(leases, id));
	ck_assert_uint_eq(states[0].calls, 1);
	/* answered: only a BYE ends it, of the callee that answered, and once */
	med_lease_answered(leases, next, 5);
	med_lease_answered(leases, next, 6);
	med_lease_end_unanswered(leases, next);
	ck_assert(!ended_by_bye(7, 6));
	ck_assert(!ended_by_bye(8, 5));
	ck_assert_uint_eq(states[0].calls, 1);
	ck_assert(ended_by_bye(7, 5));
	ck_assert(!ended_by_bye(7, 5));
	next = begin(9, 0, 100);
	med_lease_end_unanswered(leases, next);
	/* a BYE that comes before we know of the answer */
	(void)begin(9, 0, 100);
	ck_assert(ended_by_bye(9, 5));
	finish();
}
END_TEST

START_TEST(counted_until_the_bye_is_answered)
{
	med_lease_id_t id, bye;

	start(64);
	id = begin(7, 0, 100);
	ck_assert(med_lease_renew(leases, 7, 5, 200) == 0); /* it is not answered yet */
	med_lease_answered(leases, id, 5);
	ck_assert(med_lease_renew(leases, 7, 6, 200) == 0);
	ck_assert(med_lease_renew(leases, 7, 5, 200) == id);
	ck_assert(med_lease_ending(leases, 7, 6) == 0);
	bye = med_lease_ending(leases, 7, 5);
	ck_assert(bye == id);
	ck_assert_uint_eq(states[0].calls, 1);
	/* retransmitted, or both sides hang up: the first BYE ends it */
	ck_assert(med_lease_ending(leases, 7, 5) == 0);
	/* challenged: the next one may end it */
	med_lease_goes_on(leases, bye);
	ck_assert(med_lease_ending(leases, 7, 5) == bye);
	ck_assert_uint_eq(states[0].calls, 1);
	ck_assert(med_lease_end(leases, bye));
	med_lease_goes_on(leases, bye);
	ck_assert(!med_lease_end(leases, bye));
	ck_assert_uint_eq(states[0].calls, 0);
	/* one whose answer is never told of */
	(void)begin(7, 0, 100);
	ck_assert(med_lease_ending(leases, 7, 5) != 0);
	ck_assert_uint_eq(med_leases_sweep(leases, 100), 1);
	finish();
}
END_TEST

START_TEST(from_trunk_to_trunk)
{
	med_limits_t a = limits_of(1), b = limits_of(2);
	const med_limits_t *to_a[] = {&a}, *to_b[] = {&b, &a};
	med_limit_numbers_t numbers = med_limit_numbers(to_a, 1);
	med_lease_id_t id;
	size_t at;

	start(64);
	id = begin(7, 0, 100);
	med_limit_take(states, to_a, 1, MED_WAY_OUT, false, 1, &at);
	ck_assert(med_lease_set(leases, id, MED_WAY_OUT, &numbers));
	ck_assert_uint_eq(med_limit_calls(&states[1], MED_WAY_OUT), 1);
	ck_assert(med_lease_set(leases, id, MED_WAY_OUT, NULL));
	ck_assert_uint_eq(states[1].calls, 0);
	numbers = med_limit_numbers(to_b, 2);
	med_limit_take(states, to_b, 2, MED_WAY_OUT, false, 1, &at);
	ck_assert(med_lease_set(leases, id, MED_WAY_OUT, &numbers));
	ck_assert_uint_eq(med_limit_calls(&states[0], MED_WAY_IN), 1);
	ck_assert_uint_eq(med_limit_calls(&states[1], MED_WAY_OUT), 1);
	ck_assert_uint_eq(med_limit_calls(&states[2], MED_WAY_OUT), 1);
	ck_assert(med_lease_end(leases, id));
	ck_assert(!med_lease_set(leases, id, MED_WAY_OUT, &numbers));
	finish();
}
END_TEST

START_TEST(those_nobody_ends_run_out)
{
	start(64);
	(void)begin(7, 0, 100);
	(void)begin(8, 0, 100);
	(void)begin(9, 1, 200);
	ck_assert_uint_eq(med_leases_sweep(leases, 99), 0);
	(void)med_lease_renew(leases, 8, 1, 150);
	ck_assert(med_lease_renew(leases, 10, 1, 150) == 0);
	ck_assert_uint_eq(med_leases_sweep(leases, 100), 1);
	ck_assert_uint_eq(states[0].calls, 1);
	ck_assert_uint_eq(med_leases_sweep(leases, 500), 2);
	ck_assert_uint_eq(med_leases_sweep(leases, 500), 0);
	finish();
}
END_TEST

START_TEST(no_more_room)
{
	med_lease_id_t id[64];

	start(64); /* two of each shard; keys of one residue share a shard */
	for(unsigned i = 0; i < 64; i++)
		ck_assert((id[i] = begin(i, 0, 100)) != 0);
	ck_assert(begin(64, 0, 100) == 0);
	ck_assert_uint_eq(states[0].calls, 64);
	ck_assert(med_lease_end(leases, id[32])); /* in the same shard as 0 */
	ck_assert((id[32] = begin(96, 0, 100)) != 0);
	ck_assert(ended_by_bye(96, 1));
	ck_assert(ended_by_bye(0, 1));
	for(unsigned i = 0; i < 64; i++)
		ck_assert(med_lease_end(leases, id[i]) == (i != 0 && i != 32));
	finish();
}
END_TEST

/* ---- which limits a trunk has ---------------------------------------------------------
 */

static core_memory_t own, shared;
static med_mem_t own_mem, shared_mem;
static med_config_t *config;

/* "trunk:t=5 site:s=9": those of trunk @p id, with their max_calls. */
static const char *built(const char *id)
{
	static char text[256];
	const med_snapshot_t *s = core_build(config);
	const med_trunk_t *trunk = med_snapshot_trunk(s, med_str(id));
	size_t len = 0;

	ck_assert_ptr_nonnull(trunk);
	text[0] = '\0';
	for(unsigned i = 0; i < trunk->limit_count; i++) {
		const med_limits_t *limits = trunk->limits[i];
		ck_assert_ptr_eq(med_snapshot_limits(s, limits->id), limits);
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%.*s=%u",
				i > 0 ? " " : "", MED_STR_FMT(limits->id), limits->max_calls);
	}
	med_config_release(config, s);
	return text;
}

static uint32_t number_of(const char *id)
{
	const med_snapshot_t *s = core_build(config);
	uint32_t number = med_snapshot_limits(s, med_str(id))->number;

	med_config_release(config, s);
	return number;
}

static void set_limits(const char *id, const char *max_calls)
{
	core_set(config, MED_KIND_LIMITS, id, "max_calls", max_calls, NULL);
}

START_TEST(limits_of_a_trunk)
{
	uint32_t number;

	own = shared = (core_memory_t){.left = -1};
	own_mem = core_mem(&own);
	shared_mem = core_mem(&shared);
	config = med_config_new(&own_mem, &shared_mem);
	core_set(config, MED_KIND_SITE, "s", NULL);
	core_set(config, MED_KIND_GATEWAY, "g", "address", "192.0.2.1", "site", "s", NULL);
	core_set(config, MED_KIND_TRUNK, "t", "gateway", "g", "transport", "tcp", NULL);
	core_set(config, MED_KIND_TRUNK, "u", "gateway", "g", "transport", "udp", NULL);
	ck_assert_str_eq(built("t"), "");
	set_limits("gateway:g", "7");
	ck_assert_str_eq(built("t"), "gateway:g=7");
	set_limits("site:s", "9");
	ck_assert_str_eq(built("u"), "gateway:g=7 site:s=9");
	set_limits("trunk:t", "5");
	set_limits("site:s:s", "1"); /* of a link: nothing acts on it */
	ck_assert_str_eq(built("t"), "trunk:t=5 gateway:g=7 site:s=9");
	ck_assert_str_eq(built("u"), "gateway:g=7 site:s=9");
	number = number_of("gateway:g");
	set_limits("gateway:g", "8");
	ck_assert_str_eq(built("t"), "trunk:t=5 gateway:g=8 site:s=9");
	ck_assert_uint_eq(number_of("gateway:g"), number);
	ck_assert_uint_ne(number_of("site:s"), number);
	med_config_remove(config, MED_KIND_LIMITS, MED_STR("gateway:g"));
	med_config_remove(config, MED_KIND_LIMITS, MED_STR("trunk:t"));
	ck_assert_str_eq(built("t"), "site:s=9");
	core_set(config, MED_KIND_GATEWAY, "g", "address", "192.0.2.1", NULL);
	ck_assert_str_eq(built("t"), "");
	set_limits("gateway:g", "3");
	ck_assert_str_eq(built("u"), "gateway:g=3");
	ck_assert_uint_eq(number_of("gateway:g"), number);
	med_config_free(config);
	ck_assert_int_eq(own.out, 0);
	ck_assert_int_eq(shared.out, 0);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {calls_at_a_time, calls_per_second, all_or_none,
			each_call_gives_back_once, counted_until_the_bye_is_answered,
			from_trunk_to_trunk, those_nobody_ends_run_out, no_more_room,
			limits_of_a_trunk};

	return core_run("limit", tests, COUNT(tests));
}
