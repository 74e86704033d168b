/**
 * t_permit.c - a limit that nodes share: several nodes and a Redis, all of it pretended
 *
 * What the script does in Redis is done here once more, in C; that the script itself does
 * it is seen by test/integration/500_cluster_limits.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core_test.h"

#include "medcore/bandwidth.h"
#include "medcore/permit.h"
#include "medcore/record.h"

#define NODES 3
#define LIMITS 200
#define POOLS 5
#define ROOM 192 /* of a line */
#define LIVES 16 /* of nodes, one after the other */
#define TTL 4000

/* ---- Redis ---- */

typedef struct entry {
	bool there;
	long long held[POOLS], used[POOLS], presses[POOLS];
} entry_t;

static struct {
	int64_t clock; /* ahead of the nodes' */
	int64_t till[LIVES], again;
	entry_t entry[LIMITS][LIVES];
	int64_t pressed[LIMITS];
} server;

/* ---- nodes ---- */

static med_limit_state_t states[NODES][LIMITS];
static med_permits_t *node[NODES];
static med_limits_t limits[LIMITS];
static char ids[LIMITS][32];
static bool cut[NODES];
static unsigned questions[NODES];
static int64_t now;

static void count_in(med_permit_question_t *q, char out[][ROOM], size_t *count)
{
	int64_t clock = now + server.clock;
	size_t me = (size_t)atoi(q->word[0].s + 3) % LIVES;
	bool back = server.again > clock;
	unsigned alive = 0;
	size_t told = 0, first;

	for(size_t n = 0; n < LIVES; n++)
		back = back || server.till[n] > clock + 10 * TTL;
	if(back)
		memset(server.till, 0, sizeof(server.till));
	if(back || (q->word[2].s[0] == '1' && server.till[me] <= clock))
		server.again = clock;
	server.till[me] = clock + TTL;
	for(size_t n = 0; n < LIVES; n++) {
		if(server.till[n] <= clock)
			server.till[n] = 0;
		alive += server.till[n] != 0;
	}
	for(size_t i = 0; i < LIMITS; i++)
		if(server.pressed[i] != 0 && llabs(clock - server.pressed[i]) > 3000)
			server.pressed[i] = 0;
	first = 1 + MED_PERMIT_TOLD;
	*count = first;
	for(size_t w = 3; w < q->count; w += 2) {
		int i = atoi(q->word[w].s + 6), at = 0, step;
		entry_t *mine = &server.entry[i][me];
		char *line = out[(*count)++];
		size_t len = 0;

		mine->there = true;
		for(int p = 0; p < POOLS; p++) {
			long long limit, floor, want, used, presses, held = 0, others = 0, press = 0;

			ck_assert_int_eq(sscanf(q->word[w + 1].s + at, "%lld %lld %lld %lld %lld%n",
									 &limit, &floor, &want, &used, &presses, &step),
					5);
			at += step;
			for(size_t n = 0; n < LIVES; n++) {
				entry_t *e = &server.entry[i][n];
				e->there = e->there && server.till[n] != 0;
				if(n == me || !e->there)
					continue;
				held += e->held[p];
				others += e->used[p];
				press += e->presses[p];
			}
			mine->held[p] = floor;
			if(clock >= server.again + TTL && limit >= 0) {
				long long got = want < limit - held ? want : limit - held;
				mine->held[p] = got > floor ? got : floor;
			}
			mine->used[p] = used;
			mine->presses[p] = presses;
			if(presses)
				server.pressed[i] = clock;
			len += (size_t)snprintf(line + len, ROOM - len, "%s%lld %lld %lld",
					p > 0 ? " " : "", mine->held[p], others, press);
			if(p != 3 && used > mine->held[p])
				mine->held[p] = used;
		}
	}
	for(size_t i = 0; i < LIMITS && told < MED_PERMIT_TOLD; i++)
		if(server.pressed[i] != 0)
			snprintf(out[1 + told++], ROOM, "%s", ids[i]);
	memmove(out[1 + told], out[first], (*count - first) * sizeof(out[0]));
	*count -= MED_PERMIT_TOLD - told;
	snprintf(out[0], ROOM, "%lld %u %zu", (long long)server.again, alive, told);
}

static void step_node(size_t n)
{
	static char out[1 + MED_PERMIT_TOLD + MED_PERMIT_ASKED][ROOM];
	med_str_t word[COUNT(out)];
	med_permit_question_t q;
	size_t count;

	med_permits_look(node[n], now);
	while(med_permits_ask(node[n], now, &q)) {
		if(cut[n]) {
			med_permits_lost(node[n], 250, now);
			return;
		}
		questions[n]++;
		count_in(&q, out, &count);
		for(size_t i = 0; i < count; i++)
			word[i] = med_str(out[i]);
		ck_assert(med_permits_answer(node[n], word, count));
	}
}

/* Σ of what nodes that are not cut off may have is never more than the limit. */
static void hold(size_t count)
{
	for(size_t i = 0; i < count; i++) {
		uint64_t all = 0, up = 0;
		if(limits[i].max_calls == MED_UNSET)
			continue;
		for(size_t n = 0; n < NODES; n++) {
			const med_limit_state_t *s = &states[n][i];
			uint32_t used = med_limit_calls(s, MED_WAY_OUT);
			uint32_t here = med_limit_here(s, &limits[i], MED_LIMIT_CALLS);
			if(node[n] == NULL || cut[n])
				continue;
			up += used;
			all += here > used ? here : used;
		}
		ck_assert_msg(all <= limits[i].max_calls || all == up, "limit %zu at %lld: %lu",
				i, (long long)now, (unsigned long)all);
	}
}

static size_t limit_count = 1;
static int64_t lenient_until; /* calls of a node that was cut off were not counted */

static void pass(int64_t ms)
{
	for(int64_t end = now + ms; now < end; now += 10) {
		for(size_t n = 0; n < NODES; n++)
			if(node[n] != NULL)
				step_node(n);
		if(now >= lenient_until)
			hold(limit_count);
	}
}

static void set(size_t n)
{
	const med_limits_t *all[LIMITS];

	for(size_t i = 0; i < limit_count; i++)
		all[i] = &limits[i];
	ck_assert_int_eq(med_permits_set(node[n], all, limit_count, now), MED_EOK);
}

static void start(size_t n)
{
	static unsigned life;
	char member[32];

	snprintf(member, sizeof(member), "n%zu/%u", n, ++life);
	med_permits_free(node[n]);
	memset(states[n], 0, sizeof(states[n]));
	node[n] = med_permits_new(states[n], member, TTL);
	ck_assert_ptr_nonnull(node[n]);
	set(n);
}

static void begin(uint32_t max_calls, size_t count)
{
	limit_count = count;
	now = 1000000;
	memset(&server, 0, sizeof(server));
	for(size_t i = 0; i < count; i++) {
		snprintf(ids[i], sizeof(ids[i]), "trunk:%zu", i);
		limits[i] = (med_limits_t){.id = med_str(ids[i]),
				.number = (uint32_t)i,
				.max_calls = max_calls,
				.max_calls_in = MED_UNSET,
				.max_calls_out = MED_UNSET,
				.calls_per_second = MED_UNSET,
				.window_ms = 1000,
				.audio_kbit = MED_UNSET,
				.audio_kbit_session = MED_UNSET};
	}
}

static void end(void)
{
	for(size_t n = 0; n < NODES; n++) {
		med_permits_free(node[n]);
		node[n] = NULL;
		cut[n] = false;
	}
	memset(states, 0, sizeof(states));
}

/* So many calls at most to limit i; how many were taken. */
static unsigned take(size_t n, size_t i, unsigned count)
{
	const med_limits_t *one = &limits[i];
	unsigned taken = 0;
	size_t at;

	while(taken < count
			&& med_limit_take(states[n], &one, 1, MED_WAY_OUT, false, now * 1000000, &at)
					== MED_LIMIT_LETS)
		taken++;
	return taken;
}

static void give(size_t n, size_t i, unsigned count)
{
	const med_limits_t *one = &limits[i];
	med_limit_numbers_t numbers = med_limit_numbers(&one, 1);

	while(count-- > 0)
		med_limit_give(states[n], &numbers, MED_WAY_OUT);
}

static unsigned has(size_t n)
{
	return med_limit_here(&states[n][0], &limits[0], MED_LIMIT_CALLS);
}

START_TEST(one_node)
{
	begin(100, 1);
	start(0);
	ck_assert_uint_eq(take(0, 0, 1), 0); /* it knows of nobody yet */
	ck_assert_int_eq(med_permits_state(node[0]), MED_PERMITS_JOINS);
	pass(20);
	ck_assert_int_eq(med_permits_state(node[0]), MED_PERMITS_SHARED);
	ck_assert_uint_eq(med_permits_nodes(node[0]), 1);
	ck_assert_uint_eq(take(0, 0, 200), 100);
	questions[0] = 0;
	pass(10000);
	ck_assert_uint_le(questions[0], 11); /* once a second, full or not */
	give(0, 0, 100);
	end();
}
END_TEST

START_TEST(two_share)
{
	begin(100, 1);
	start(0);
	start(1);
	pass(4000);
	ck_assert_uint_eq(med_permits_nodes(node[0]), 2);
	ck_assert_uint_eq(has(0), 50);
	ck_assert_uint_eq(has(1), 50);
	/* all that one wants, but what lets the other begin */
	for(int i = 0; i < 30; i++) {
		(void)take(0, 0, 100);
		pass(100);
	}
	ck_assert_uint_ge(med_limit_calls(&states[0][0], MED_WAY_OUT), 95);
	ck_assert_uint_ge(has(1), 1);
	/* the demand moves to the other one */
	give(0, 0, med_limit_calls(&states[0][0], MED_WAY_OUT));
	for(int i = 0; i < 30; i++) {
		(void)take(1, 0, 100);
		pass(100);
	}
	ck_assert_uint_ge(med_limit_calls(&states[1][0], MED_WAY_OUT), 95);
	/* both want: half each of what is free */
	give(1, 0, 60);
	for(int i = 0; i < 40; i++) {
		(void)take(0, 0, 100);
		(void)take(1, 0, 1);
		pass(100);
	}
	ck_assert_uint_ge(med_limit_calls(&states[0][0], MED_WAY_OUT), 20);
	end();
}
END_TEST

/* It comes to its part of calls and rate, and those that are there keep theirs. */
START_TEST(one_joins)
{
	begin(100, 1);
	limits[0].calls_per_second = 100;
	start(0);
	pass(4000);
	ck_assert_uint_eq(has(0), 100);
	start(1);
	for(int i = 0; i < 25; i++) {
		pass(100);
		ck_assert_uint_ge(has(0), 50);
		ck_assert_uint_ge(med_limit_here(&states[0][0], &limits[0], MED_LIMIT_RATE), 50);
	}
	ck_assert_uint_eq(has(1), 50);
	ck_assert_uint_eq(med_limit_here(&states[1][0], &limits[0], MED_LIMIT_RATE), 50);
	end();
}
END_TEST

START_TEST(one_dies)
{
	begin(100, 1);
	start(0);
	start(1);
	pass(4000);
	ck_assert_uint_eq(take(1, 0, 40), 40);
	pass(1000);
	med_permits_free(node[1]);
	node[1] = NULL;
	(void)take(0, 0, 100);
	pass(1000);
	(void)take(0, 0, 100);
	ck_assert_uint_le(med_limit_calls(&states[0][0], MED_WAY_OUT), 60); /* it may live */
	pass(TTL + 500);
	ck_assert_uint_eq(has(0), 100);
	end();
}
END_TEST

START_TEST(one_restarts)
{
	begin(100, 1);
	start(0);
	start(1);
	pass(4000);
	ck_assert_uint_eq(take(1, 0, 50), 50);
	pass(1000);
	start(1); /* its calls are up, and it does not know of them */
	pass(1000);
	(void)take(0, 0, 100);
	(void)take(1, 0, 100);
	pass(500);
	ck_assert_uint_le(med_limit_calls(&states[0][0], MED_WAY_OUT)
					+ med_limit_calls(&states[1][0], MED_WAY_OUT),
			50);
	pass(TTL);
	ck_assert_uint_eq(has(0) + has(1), 100);
	end();
}
END_TEST

START_TEST(cut_off)
{
	begin(100, 1);
	start(0);
	start(1);
	pass(4000);
	cut[1] = true;
	pass(2000);
	ck_assert_uint_eq(has(1), 50); /* it goes on with what it has */
	ck_assert_int_eq(med_permits_state(node[1]), MED_PERMITS_SHARED);
	pass(2000); /* and ends before the server gives it away */
	ck_assert_int_eq(med_permits_state(node[1]), MED_PERMITS_ALONE);
	ck_assert_uint_eq(has(1), 100); /* local */
	limits[0].without_redis = MED_LIMIT_REFUSE;
	set(1);
	ck_assert_uint_eq(has(1), 0);
	ck_assert_uint_eq(take(1, 0, 1), 0);
	limits[0].without_redis = MED_LIMIT_ALLOW;
	set(1);
	ck_assert_uint_eq(take(1, 0, 120), 120);
	give(1, 0, 60);
	pass(1000);
	ck_assert_uint_eq(has(0), 100);
	ck_assert_uint_eq(take(0, 0, 30), 30);
	cut[1] = false;
	for(size_t n = 0; n < 3; n++) {
		step_node(1);
		now += 300;
	}
	ck_assert_int_eq(med_permits_state(node[1]), MED_PERMITS_SHARED);
	ck_assert_uint_eq(
			take(1, 0, 200), 0); /* 30 and 60 are up; the other one has the rest */
	lenient_until = now + 500;
	pass(5000);
	ck_assert_uint_eq(has(0) + has(1), 100);
	lenient_until = 0;
	end();
}
END_TEST

START_TEST(emptied)
{
	begin(100, 1);
	start(0);
	start(1);
	pass(4000);
	for(int i = 0; i < 20; i++) {
		(void)take(0, 0, 100);
		pass(100);
	}
	ck_assert_uint_eq(take(1, 0, 3), 3);
	memset(&server, 0, sizeof(server));
	for(int i = 0; i < 100; i++) { /* hold() looks at each step */
		(void)take(1, 0, 100);
		pass(100);
	}
	give(0, 0, 90);
	for(int i = 0; i < 30; i++) {
		(void)take(1, 0, 100);
		pass(100);
	}
	ck_assert_uint_ge(med_limit_calls(&states[1][0], MED_WAY_OUT), 80);
	end();
}
END_TEST

START_TEST(clock_of_the_server)
{
	begin(100, 1);
	start(0);
	start(1);
	pass(4000);
	for(int i = 0; i < 20; i++) {
		(void)take(0, 0, 100);
		pass(100);
	}
	server.clock = 3600 * 1000; /* all that was there is over */
	for(int i = 0; i < 100; i++) {
		(void)take(1, 0, 100);
		pass(100);
	}
	server.clock = 0; /* set right: what nodes had would last for an hour */
	give(0, 0, med_limit_calls(&states[0][0], MED_WAY_OUT));
	for(int i = 0; i < 100; i++) {
		(void)take(1, 0, 100);
		pass(100);
	}
	ck_assert_uint_ge(med_limit_calls(&states[1][0], MED_WAY_OUT), 96);
	end();
}
END_TEST

START_TEST(limits_change)
{
	begin(100, 1);
	start(0);
	start(1);
	pass(4000);
	ck_assert_uint_eq(take(0, 0, 40), 40);
	ck_assert_uint_eq(take(1, 0, 20), 20);
	pass(1000);
	limits[0].max_calls = 30; /* fewer than are up: none is ended, none comes */
	set(0);
	set(1);
	pass(3000);
	ck_assert_uint_eq(take(0, 0, 10) + take(1, 0, 10), 0);
	give(0, 0, 40);
	give(1, 0, 20); /* both at once: it is not taken twice */
	(void)take(0, 0, 50);
	(void)take(1, 0, 50);
	ck_assert_uint_le(med_limit_calls(&states[0][0], MED_WAY_OUT)
					+ med_limit_calls(&states[1][0], MED_WAY_OUT),
			30);
	give(0, 0, med_limit_calls(&states[0][0], MED_WAY_OUT));
	give(1, 0, med_limit_calls(&states[1][0], MED_WAY_OUT));
	pass(5000);
	ck_assert_uint_eq(has(0) + has(1), 30);
	limits[0].max_calls = 200;
	set(0);
	set(1);
	pass(3000);
	ck_assert_uint_eq(has(0) + has(1), 200);
	limits[0].max_calls = MED_UNSET;
	set(0);
	set(1);
	ck_assert_uint_eq(take(0, 0, 500), 500);
	give(0, 0, 500);
	limits[0].max_calls = 10; /* none of it was given yet: a half each */
	set(0);
	set(1);
	hold(1);
	ck_assert_uint_eq(has(0), 5);
	limit_count = 0;
	set(0);
	ck_assert_int_eq(med_permits_state(node[0]), MED_PERMITS_NONE);
	ck_assert_int_eq(med_permits_due(node[0]), INT64_MAX);
	limit_count = 1;
	end();
}
END_TEST

START_TEST(one_call)
{
	begin(1, 1);
	start(0);
	start(1);
	pass(4000);
	ck_assert_uint_le(has(0) + has(1), 1);
	for(size_t n = 0; n < 2; n++) { /* where it is wanted, there it is */
		for(int i = 0; i < 30 && take(n, 0, 1) == 0; i++)
			pass(100);
		ck_assert_uint_eq(med_limit_calls(&states[n][0], MED_WAY_OUT), 1);
		ck_assert_uint_eq(take(1 - n, 0, 1), 0);
		give(n, 0, 1);
	}
	limits[0].max_calls = 100; /* many of both, and one again: it is not one at each */
	set(0);
	set(1);
	pass(6000);
	ck_assert_uint_gt(has(0), 1);
	ck_assert_uint_gt(has(1), 1);
	limits[0].max_calls = 1;
	set(0);
	set(1);
	ck_assert_uint_le(has(0) + has(1), 1);
	pass(4000);
	end();
}
END_TEST

START_TEST(many_limits)
{
	begin(10, LIMITS);
	start(0);
	start(1);
	start(2);
	pass(8000);
	for(size_t i = 0; i < LIMITS; i++) {
		unsigned all = 0;
		for(size_t n = 0; n < NODES; n++)
			all += med_limit_here(&states[n][i], &limits[i], MED_LIMIT_CALLS);
		ck_assert_uint_ge(all, 9); /* three each */
	}
	for(int k = 0; k < 40; k++) {
		for(size_t i = 0; i < LIMITS; i++)
			(void)take(2, i, 10);
		pass(100);
	}
	for(size_t i = 0; i < LIMITS; i++)
		ck_assert_uint_ge(med_limit_calls(&states[2][i], MED_WAY_OUT), 9);
	end();
}
END_TEST

START_TEST(at_random)
{
	unsigned seed = 7;

	begin(40, 2);
	start(0);
	start(1);
	start(2);
	for(int i = 0; i < 20000; i++) {
		size_t n = (size_t)rand_r(&seed) % NODES, l = (size_t)rand_r(&seed) % 2;
		unsigned up = med_limit_calls(&states[n][l], MED_WAY_OUT);

		if(rand_r(&seed) % 3 != 0)
			(void)take(n, l, (unsigned)rand_r(&seed) % 8);
		else if(up > 0)
			give(n, l, (unsigned)rand_r(&seed) % up + 1);
		if(i % 3000 == 2999)
			memset(&server, 0, sizeof(server));
		pass(10 + rand_r(&seed) % 50);
	}
	end();
}
END_TEST

START_TEST(rates)
{
	unsigned taken[2] = {0, 0};

	begin(MED_UNSET, 1);
	limits[0].calls_per_second = 100;
	start(0);
	start(1);
	pass(4000);
	for(int i = 0; i < 60; i++) { /* all of it at one node */
		unsigned got = take(0, 0, 20);
		give(0, 0, got);
		taken[0] += i >= 30 ? got : 0;
		pass(100);
	}
	ck_assert_uint_ge(taken[0], 280);
	ck_assert_uint_le(taken[0], 310);
	taken[0] = 0;
	for(int i = 0; i < 100; i++)
		for(size_t n = 0; n < 2; n++) {
			unsigned got = take(n, 0, 20);
			give(n, 0, got);
			taken[n] += i >= 60 ? got : 0;
			pass(50);
		}
	ck_assert_uint_le(taken[0] + taken[1], 440);
	ck_assert_uint_ge(taken[0] + taken[1], 360);
	ck_assert_uint_ge(taken[1], 120);
	end();
}
END_TEST

/* So many calls of G.711 at most; how many were taken. */
static unsigned talk(size_t n, unsigned count)
{
	const med_limits_t *one = &limits[0];
	unsigned taken = 0;
	med_band_t band;
	size_t at;

	while(taken < count
			&& med_band_take(states[n], &one, 1, MED_KBIT_UNKNOWN, false, &band, &at)
					== MED_BAND_LETS)
		taken++;
	return taken;
}

static void hush(size_t n)
{
	states[n][0].kbit = 0;
}

/* Of audio each node has what it takes, and not more than all together may. */
static void pass_audio(int64_t ms)
{
	for(int64_t end = now + ms; now < end;) {
		uint64_t all = 0;

		pass(10);
		for(size_t n = 0; n < NODES; n++) {
			uint32_t here = med_limit_here(&states[n][0], &limits[0], MED_LIMIT_AUDIO);
			if(node[n] != NULL && !cut[n])
				all += here > states[n][0].kbit ? here : states[n][0].kbit;
		}
		ck_assert_uint_le(all, limits[0].audio_kbit);
	}
}

START_TEST(audio)
{
	begin(MED_UNSET, 1);
	limits[0].audio_kbit = 1000; /* ten calls */
	start(0);
	start(1);
	pass_audio(4000);
	ck_assert_uint_eq(med_limit_here(&states[0][0], &limits[0], MED_LIMIT_AUDIO), 500);
	ck_assert_uint_eq(talk(0, 9), 5);
	for(int i = 0; i < 30; i++) { /* all of it where it is wanted */
		(void)talk(0, 9);
		pass_audio(100);
	}
	ck_assert_uint_eq(states[0][0].kbit, 970);
	pass_audio(1000);
	ck_assert_uint_eq(states[1][0].kbit_elsewhere, 970);
	hush(0);
	for(int i = 0; i < 30; i++) {
		(void)talk(1, 9);
		pass_audio(100);
	}
	ck_assert_uint_eq(states[1][0].kbit, 970);
	hush(1);
	pass_audio(4000);
	cut[1] = true; /* without Redis it is as with calls */
	pass(4000);
	ck_assert_uint_eq(med_limit_here(&states[1][0], &limits[0], MED_LIMIT_AUDIO), 1000);
	limits[0].without_redis = MED_LIMIT_REFUSE;
	set(1);
	ck_assert_uint_eq(talk(1, 1), 0);
	end();
}
END_TEST

/* Two halves of it would be of no use to anybody. */
START_TEST(audio_of_one_call)
{
	begin(MED_UNSET, 1);
	limits[0].audio_kbit = 150;
	start(0);
	start(1);
	pass_audio(4000);
	ck_assert_uint_eq(talk(0, 1) + talk(1, 1), 1);
	hush(0);
	hush(1);
	for(size_t n = 0; n < 2; n++) { /* where it is wanted, there it is */
		for(int i = 0; i < 30 && talk(n, 1) == 0; i++)
			pass_audio(100);
		ck_assert_uint_eq(states[n][0].kbit, 97);
		ck_assert_uint_eq(talk(1 - n, 1), 0);
		hush(n);
	}
	limits[0].audio_kbit = 1000; /* and lower again, with some of it at both */
	set(0);
	set(1);
	pass_audio(6000);
	ck_assert_uint_ge(med_limit_here(&states[1][0], &limits[0], MED_LIMIT_AUDIO), 400);
	limits[0].audio_kbit = 150;
	set(0);
	set(1);
	pass_audio(4000);
	ck_assert_uint_eq(talk(0, 1) + talk(1, 1), 1);
	hush(0);
	hush(1);
	end();
}
END_TEST

START_TEST(odd_answers)
{
	static const char *const heads[] = {"", "x", "0 1", "0 0 0", "0 1 1", "0 1 300",
			"-1 1 0", "0 1 0 x", "99999999999999999999 1 0"};
	med_permit_question_t q;
	med_str_t word[2];

	begin(100, 1);
	for(size_t i = 0; i < COUNT(heads); i++) {
		start(0);
		ck_assert(med_permits_ask(node[0], now, &q));
		word[0] = med_str(heads[i]);
		ck_assert_msg(!med_permits_answer(node[0], word, 1) || i == 7, "%s", heads[i]);
		ck_assert(!med_permits_answer(node[0], NULL, 0));
	}
	start(0);
	ck_assert(med_permits_ask(node[0], now, &q));
	ck_assert(!med_permits_ask(node[0], now + 5000, &q)); /* one at a time */
	word[0] = med_str("0 1 0");
	ck_assert(med_permits_answer(node[0], word, 1));
	ck_assert(!med_permits_answer(node[0], word, 1)); /* nobody asked */
	ck_assert(med_permits_ask(node[0], now, &q));
	ck_assert_uint_eq(q.count, 5);
	word[1] = med_str("1 2 3 4 5");
	ck_assert(!med_permits_answer(node[0], word, 2));
	med_permits_lost(node[0], 100, now + 5000);
	ck_assert_int_eq(med_permits_state(node[0]), MED_PERMITS_ALONE);
	end();
}
END_TEST

int main(void)
{
	const TTest *tests[] = {one_node, two_share, one_joins, one_dies, one_restarts,
			cut_off, emptied, clock_of_the_server, limits_change, one_call, many_limits,
			at_random, rates, audio, audio_of_one_call, odd_answers};

	return core_run("permit", tests, COUNT(tests));
}
