/**
 * bench_decide.c - what one whole decision costs, checked against a plain matcher
 *
 * Identify, normalise, authorise (the trunk's usages), route, translate for the first
 * candidate: 10,000 calls a round, rounds of the small and the big set in turn, medians.
 * Every decision of both sets is compared first; one difference fails.
 *
 *   bench_decide                 both sets, and what changes cost
 *   bench_decide times           the first without comparing, for a quick look
 *   bench_decide changing        while another thread makes 200 changes a second, over
 *                                without: a million routes, in 200 usages and in one
 *   bench_decide instructions    three rounds of the small set alone, for callgrind
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "test/bench/decide.h"

#define SMALL 10000
#define BIG 1000000
#define SOME 10000 /* in one usage, for the oracle: enough to be split */
#define TRUNKS 1000
#define MANY_TRUNKS 10000
#define ROUNDS 21
#define LIMIT_NS 3000
#define LIMIT_RATIO 1.5
#define LIMIT_BYTES 200
#define LIMIT_TRUNK_MS 1.5
#define LIMIT_ROUTE_MS 30.0
#define LIMIT_CHANGING 1.2
#define CHANGES_A_SECOND 200
#define CHANGING_CALLS 100000 /* of a round */

static int failed;

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare_doubles);
	return values[count / 2];
}

static void report(const char *name, double value, const char *unit, double limit)
{
	printf("BENCH %s %.4g %s\n", name, value, unit);
	fflush(stdout);
	if(limit > 0 && value > limit) {
		printf("# %s: %.4g is over its limit of %.4g\n", name, value, limit);
		failed = 1;
	}
}

/* Shared memory as it is really taken: what malloc rounds up to counts. */
static size_t shared_bytes;

static void *counted_alloc(void *ctx, size_t size)
{
	void *block = malloc(size);

	(void)ctx;
	shared_bytes += block == NULL ? 0 : malloc_usable_size(block) + sizeof(size_t);
	return block;
}

static void counted_free(void *ctx, void *block)
{
	(void)ctx;
	shared_bytes -= malloc_usable_size(block) + sizeof(size_t);
	free(block);
}

static const med_mem_t counted = {counted_alloc, counted_free, NULL};

/* ---- one decision ---------------------------------------------------------------------
 */

typedef struct prepared {
	med_source_t source;
	med_str_t name;
	char text[40];
	med_number_t calling;
} prepared_t;

typedef struct world {
	decide_set_t *set;
	med_config_t *config;
	const med_snapshot_t *snapshot;
	med_scratch_t *scratch;
	prepared_t *call;
	bool *down; /* by trunk number */
} world_t;

typedef struct decision {
	const med_trunk_t *in;
	med_number_t normalised;
	med_plan_t plan;
	med_numbers_t numbers;
	int selected;
} decision_t;

static enum med_health_rank rank_of(void *ctx, const med_trunk_t *trunk, bool first)
{
	(void)first;
	return ((const bool *)ctx)[trunk->number] ? MED_RANK_DOWN : MED_RANK_GOOD;
}

static int decide_one(const world_t *w, size_t i, decision_t *d)
{
	const decide_call_t *call = &w->set->call[i];
	med_number_t dialled;
	med_query_t query = {.called = &d->normalised,
			.turn = (uint32_t)i,
			.now = DECIDE_NOW,
			.rank = rank_of,
			.ctx = w->down};
	int rc = med_identify(w->snapshot, &w->call[i].source, &d->in, NULL);

	if(rc != MED_EOK)
		return rc;
	rc = med_number_from_user(med_str(call->dialled), &dialled, NULL);
	if(rc != MED_EOK)
		return rc;
	rc = med_normalize(
			w->snapshot, w->scratch, d->in->dial_plan, &dialled, &d->normalised, NULL);
	if(rc != MED_EOK)
		return rc;
	query.in = d->in;
	d->selected = med_select(w->snapshot, w->scratch, &query, &d->plan, NULL, NULL);
	if(d->selected != MED_EOK)
		return MED_EOK;
	return med_translate(w->snapshot, w->scratch, d->plan.candidate[0].trunk,
			d->plan.candidate[0].route, &d->normalised, &w->call[i].calling, &d->numbers,
			NULL);
}

__attribute__((noinline)) static double round_ns(const world_t *w)
{
	double start = now_ns();

	for(size_t i = 0; i < DECIDE_CALLS; i++) {
		decision_t d;
		if(decide_one(w, i, &d) != MED_EOK)
			abort();
	}
	return (now_ns() - start) / DECIDE_CALLS;
}

/* ---- the same as the oracle?
 * ----------------------------------------------------------- */

static bool number_is(const med_number_t *number, const char *text)
{
	return number->len == strlen(text) && memcmp(number->s, text, number->len) == 0;
}

static const char *difference(
		const decision_t *d, const decide_verdict_t *v, uint16_t trunk)
{
	char id[24];

	snprintf(id, sizeof(id), "t%05u", trunk);
	if(!med_str_eq(d->in->id, med_str(id)))
		return "the trunk it came in on";
	if(!number_is(&d->normalised, v->normalised))
		return "the normalised number";
	if((d->selected == MED_ENOROUTE) != !v->matched)
		return "whether any route takes it";
	if((d->selected == MED_EOK) != (v->count > 0))
		return "whether there is a candidate";
	if(d->selected != MED_EOK)
		return NULL;
	if(d->plan.count != v->count)
		return "how many candidates";
	for(size_t i = 0; i < v->count; i++) {
		snprintf(id, sizeof(id), "t%05u", v->trunk[i]);
		if(!med_str_eq(d->plan.candidate[i].trunk->id, med_str(id)))
			return "a candidate's trunk";
		snprintf(id, sizeof(id), "r%07u", v->route[i]);
		if(!med_str_eq(med_route_id(d->plan.candidate[i].route), med_str(id)))
			return "a candidate's route";
	}
	if(!number_is(&d->numbers.called, v->called))
		return "the translated called number";
	return number_is(&d->numbers.calling, v->calling) ? NULL : "the translated caller";
}

static void compare(const world_t *w, const char *name)
{
	decide_verdict_t *verdict = calloc(DECIDE_CALLS, sizeof(*verdict));
	size_t unequal = 0, nothing = 0, candidates = 0;
	double start = now_ns();

	if(verdict == NULL)
		exit(1);
	decide_oracle(w->set, verdict);
	for(size_t i = 0; i < DECIDE_CALLS; i++) {
		decision_t d;
		const char *what = decide_one(w, i, &d) != MED_EOK ? "it failed" : NULL;
		if(what == NULL)
			what = difference(&d, &verdict[i], w->set->call[i].trunk);
		if(what != NULL && unequal++ < 5)
			printf("# %s: call %zu (%s dialled): %s differs\n", name, i,
					w->set->call[i].dialled, what);
		nothing += !verdict[i].matched;
		candidates += verdict[i].count;
	}
	printf("# %s: %d decisions compared in %.0f s, %zu differ; %zu match nothing, %.1f "
		   "candidates on average\n",
			name, DECIDE_CALLS, (now_ns() - start) / 1e9, unequal, nothing,
			(double)candidates / DECIDE_CALLS);
	fflush(stdout);
	failed |= unequal > 0;
	free(verdict);
}

/* ---- worlds ---------------------------------------------------------------------------
 */

static const med_snapshot_t *build(med_config_t *config)
{
	const med_snapshot_t *snapshot = NULL;
	med_errbuf_t err;

	if(med_config_build(config, &snapshot, &err) != MED_EOK) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	return snapshot;
}

static void prepare(world_t *w)
{
	w->call = calloc(DECIDE_CALLS, sizeof(*w->call));
	w->down = calloc(w->set->trunks, sizeof(*w->down));
	w->scratch = med_scratch_new(&med_mem_heap);
	if(w->call == NULL || w->down == NULL || w->scratch == NULL)
		exit(1);
	for(size_t i = 0; i < DECIDE_CALLS; i++) {
		prepared_t *p = &w->call[i];
		const char *calling = w->set->call[i].calling;
		decide_source(
				w->set->call[i].trunk, &p->source, &p->name, p->text, sizeof(p->text));
		p->calling.len = strlen(calling);
		memcpy(p->calling.s, calling, p->calling.len);
	}
	for(size_t t = 0; t < w->set->trunks; t++) {
		char id[24];
		snprintf(id, sizeof(id), "t%05zu", t);
		w->down[med_snapshot_trunk(w->snapshot, med_str(id))->number] =
				decide_trunk_is_down(t);
	}
}

static void open_world(
		world_t *w, size_t routes, size_t trunks, bool one_usage, const char *name)
{
	size_t before;
	double start;

	w->set = decide_set_new(routes, trunks);
	if(one_usage)
		decide_set_one_usage(w->set);
	w->config = med_config_new(&med_mem_heap, &counted);
	if(w->config == NULL)
		exit(1);
	decide_load(w->set, w->config, false);
	med_config_release(w->config, build(w->config));
	before = shared_bytes;
	start = now_ns();
	for(size_t i = 0; i < routes; i++)
		decide_load_route(w->set, w->config, i);
	printf("# %s: objects read in %.0f ms, ", name, (now_ns() - start) / 1e6);
	start = now_ns();
	w->snapshot = build(w->config);
	printf("built in %.0f ms, %.0f bytes of shared memory per route\n",
			(now_ns() - start) / 1e6, (double)(shared_bytes - before) / (double)routes);
	fflush(stdout);
	if(routes == BIG && !one_usage)
		report("decide_bytes_per_route", (double)(shared_bytes - before) / (double)routes,
				"bytes", LIMIT_BYTES);
	prepare(w);
}

static void close_world(world_t *w)
{
	med_config_release(w->config, w->snapshot);
	med_config_free(w->config);
	med_scratch_free(w->scratch);
	decide_set_free(w->set);
	free(w->call);
	free(w->down);
}

/* ---- changes --------------------------------------------------------------------------
 */

static void change_routes(world_t *w, const char *name)
{
	double times[ROUNDS];

	for(size_t i = 0; i < ROUNDS; i++) {
		size_t route = DECIDE_PCRE + 7919 * (i + 1);
		const med_snapshot_t *old = w->snapshot;
		double start;
		w->set->route[route].priority ^= 1;
		start = now_ns();
		decide_load_route(w->set, w->config, route);
		w->snapshot = build(w->config);
		times[i] = (now_ns() - start) / 1e6;
		med_config_release(w->config, old);
	}
	decide_set_order(w->set);
	report(name, median(times, ROUNDS), "ms", LIMIT_ROUTE_MS);
}

static void change_trunks(void)
{
	decide_set_t *set = decide_set_new(SMALL, MANY_TRUNKS);
	med_config_t *config = med_config_new(&med_mem_heap, &med_mem_heap);
	const med_snapshot_t *snapshot;
	double times[ROUNDS], start;

	if(config == NULL)
		exit(1);
	decide_load(set, config, true);
	start = now_ns();
	snapshot = build(config);
	printf("# %d trunks: built in %.0f ms\n", MANY_TRUNKS, (now_ns() - start) / 1e6);
	for(size_t i = 0; i < ROUNDS; i++) {
		const med_snapshot_t *old = snapshot;
		start = now_ns();
		decide_load_trunk(config, 97 * (i + 1), i % 2 ? "one" : "two");
		snapshot = build(config);
		times[i] = (now_ns() - start) / 1e6;
		med_config_release(config, old);
	}
	report("decide_change_trunk_10k", median(times, ROUNDS), "ms", LIMIT_TRUNK_MS);
	med_config_release(config, snapshot);
	med_config_free(config);
	decide_set_free(set);
}

/* ---- while changes run ----------------------------------------------------------------
 */

/* The reader says which snapshot it uses; the writer waits for it before it releases. */
static struct {
	_Atomic(const med_snapshot_t *) current, held;
	atomic_bool running, ending;
	atomic_uint changes;
	world_t *world;
} live;

static const med_snapshot_t *acquire(void)
{
	const med_snapshot_t *s;

	do {
		s = atomic_load(&live.current);
		atomic_store(&live.held, s);
	} while(s != atomic_load(&live.current));
	return s;
}

static void change_one(unsigned n)
{
	world_t *w = live.world;
	const med_snapshot_t *old = w->snapshot;
	size_t route = DECIDE_PCRE + (size_t)7919 * n % (w->set->routes - DECIDE_PCRE);

	if(n % 2 == 0)
		decide_load_trunk(w->config, 97 * n % w->set->trunks, n % 4 == 0 ? "one" : "two");
	else
		w->set->route[route].priority ^= 1;
	if(n % 2 != 0)
		decide_load_route(w->set, w->config, route);
	w->snapshot = build(w->config);
	atomic_store(&live.current, w->snapshot);
	while(atomic_load(&live.held) == old)
		;
	med_config_release(w->config, old);
}

static void *change_on(void *unused)
{
	const struct timespec pace = {0, 1000000000L / CHANGES_A_SECOND};
	struct timespec next;

	clock_gettime(CLOCK_MONOTONIC, &next);
	for(unsigned n = 0; !atomic_load(&live.ending);) {
		if(atomic_load(&live.running)) {
			change_one(n++);
			atomic_fetch_add(&live.changes, 1);
		}
		next.tv_nsec += pace.tv_nsec;
		next.tv_sec += next.tv_nsec / 1000000000L;
		next.tv_nsec %= 1000000000L;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
	return unused;
}

/* Of this thread alone: how well its processor is shared with others is not the matter.
 */
static double thread_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double round_live(const world_t *w)
{
	world_t reader = *w;
	double start = thread_ns();

	for(size_t i = 0; i < CHANGING_CALLS; i++) {
		decision_t d;
		reader.snapshot = acquire();
		if(decide_one(&reader, i % DECIDE_CALLS, &d) != MED_EOK)
			abort();
	}
	atomic_store(&live.held, NULL);
	return (thread_ns() - start) / CHANGING_CALLS;
}

static double decide_changing(bool one_usage, const char *name)
{
	double quiet[ROUNDS], changing[ROUNDS], ratio[ROUNDS], spent = 0;
	pthread_t writer;
	world_t w;

	open_world(&w, BIG, MANY_TRUNKS, one_usage, name);
	live.world = &w;
	live.changes = 0;
	live.ending = false;
	atomic_store(&live.current, w.snapshot);
	if(pthread_create(&writer, NULL, change_on, NULL) != 0)
		exit(1);
	for(int i = 0; i < ROUNDS; i++) {
		quiet[i] = round_live(&w);
		spent -= now_ns();
		atomic_store(&live.running, true);
		changing[i] = round_live(&w);
		atomic_store(&live.running, false);
		spent += now_ns();
		ratio[i] = changing[i] / quiet[i];
	}
	atomic_store(&live.ending, true);
	pthread_join(writer, NULL);
	printf("# %s: %.0f ns, %.0f ns while %.0f changes a second are made\n", name,
			median(quiet, ROUNDS), median(changing, ROUNDS), live.changes / spent * 1e9);
	if(live.changes / spent * 1e9 < CHANGES_A_SECOND * 0.7) {
		printf("# too few changes for a figure\n");
		failed = 1;
	}
	close_world(&w);
	return median(ratio, ROUNDS);
}

/* ---------------------------------------------------------------------------------------
 */

/* In one usage: how long, and how much a change takes; and against the oracle. */
static void one_usage(void)
{
	world_t w;
	double ns[ROUNDS];

	open_world(&w, SOME, TRUNKS, true, "10k routes in one usage");
	compare(&w, "10k routes in one usage");
	close_world(&w);
	open_world(&w, BIG, TRUNKS, true, "1M routes in one usage");
	for(int i = 0; i < ROUNDS; i++)
		ns[i] = round_ns(&w);
	/* 50 patterns for PCRE2 without a prefix are tried on each call, not one a usage */
	report("decide_one_usage_1m_ns", median(ns, ROUNDS), "ns", 0);
	change_routes(&w, "decide_change_route_one_usage_1m");
	close_world(&w);
}

static int run_changing(void)
{
	double spread = decide_changing(false, "1M routes in 200 usages");
	double one = decide_changing(true, "1M routes in one usage");

	report("decide_ratio_changing", spread > one ? spread : one, "ratio", LIMIT_CHANGING);
	return failed;
}

int main(int argc, char **argv)
{
	world_t small, big;
	double small_ns[ROUNDS], big_ns[ROUNDS], ratio[ROUNDS];

	if(argc > 1 && strcmp(argv[1], "changing") == 0)
		return run_changing();
	open_world(&small, SMALL, TRUNKS, false, "10k routes");
	if(argc > 1 && strcmp(argv[1], "instructions") == 0) {
		for(int i = 0; i < 3; i++)
			(void)round_ns(&small);
		close_world(&small);
		return 0;
	}
	open_world(&big, BIG, TRUNKS, false, "1M routes");
	for(int i = 0; i < ROUNDS; i++) {
		small_ns[i] = round_ns(&small);
		big_ns[i] = round_ns(&big);
		ratio[i] = big_ns[i] / small_ns[i];
	}
	report("decide_ns", median(small_ns, ROUNDS), "ns", LIMIT_NS);
	report("decide_1m_ns", median(big_ns, ROUNDS), "ns", 0);
	report("decide_ratio_1m", median(ratio, ROUNDS), "ratio", LIMIT_RATIO);
	if(argc > 1 && strcmp(argv[1], "times") == 0)
		return failed;
	compare(&small, "10k routes");
	compare(&big, "1M routes");
	change_trunks();
	change_routes(&big, "decide_change_route_1m");
	compare(&big, "1M routes, some changed");
	close_world(&small);
	close_world(&big);
	one_usage();
	return failed;
}
