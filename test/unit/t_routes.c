/**
 * t_routes.c - usages in shards: grown, split, shrunk, gathered, against PCRE2
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "core_test.h"
#include "medcore/writer.h"

#define ROUTES 300
#define USAGES 2

/** What should be in force. */
typedef struct model_route {
	bool there;
	unsigned priority, usages; /**< bit n: usage n */
	char pattern[80];
	pcre2_code *code;
} model_route_t;

typedef model_route_t model_t[ROUTES];

static core_memory_t own, shared;
static med_mem_t own_mem, shared_mem;
static med_config_t *config;
static med_scratch_t *scratch;
static const med_snapshot_t *snap;
static model_t model;
static uint64_t state;

static void release(const med_snapshot_t *s)
{
	if(s != NULL)
		med_config_release(config, s);
}

static void start(size_t whole, size_t most)
{
	own = shared = (core_memory_t){.left = -1};
	own_mem = core_mem(&own);
	shared_mem = core_mem(&shared);
	config = med_config_new(&own_mem, &shared_mem);
	config->usage_whole = whole;
	config->shard_most = most;
	scratch = med_scratch_new(&med_mem_heap);
	snap = NULL;
	state = 20130611;
	memset(model, 0, sizeof(model));
	core_set(config, MED_KIND_POLICY, "p0", "usages", "u0", NULL);
	core_set(config, MED_KIND_POLICY, "p1", "usages", "u1", NULL);
	for(unsigned i = 0; i < ROUTES; i++) {
		char id[8], address[24];
		snprintf(id, sizeof(id), "r%03u", i);
		snprintf(address, sizeof(address), "10.0.%u.%u", i / 250, i % 250);
		core_set(config, MED_KIND_GATEWAY, id, "address", address, NULL);
		core_set(config, MED_KIND_TRUNK, id, "transport", "tcp", NULL);
	}
}

static void finish(void)
{
	release(snap);
	med_config_free(config);
	med_scratch_free(scratch);
	for(unsigned i = 0; i < ROUTES; i++)
		pcre2_code_free(model[i].code);
	ck_assert_int_eq(own.out, 0);
	ck_assert_int_eq(shared.out, 0);
}

/* ---- changes --------------------------------------------------------------------------
 */

static size_t write_digits(char *out, unsigned count)
{
	for(unsigned i = 0; i < count; i++)
		out[i] = (char)('1' + core_draw(&state, 3));
	out[count] = '\0';
	return count;
}

/* Nested digits of a small alphabet, often several prefixes, now and then none. */
static void make_pattern(char *out, size_t size)
{
	static const char *const heads[] = {"^\\+", "^\\+?", "^\\+", "^\\+(1|23)",
			"^\\+(3|12|2112)", "^\\+(?:1|2|3)?", "^(?!\\+3)\\+", "[12]"};
	static const char *const tails[] = {"$", "", "\\d*$", "\\d{2}$", "(1|23)$",
			"(2|31)\\d*$", "(?!1)\\d*$", "[13]\\d*$"};
	char digits[20];

	write_digits(digits, core_draw(&state, core_draw(&state, 4) ? 6 : 18));
	snprintf(out, size, "%s%s%s", heads[core_draw(&state, COUNT(heads))], digits,
			tails[core_draw(&state, COUNT(tails))]);
}

static void number_text(char *out)
{
	size_t used = 0;

	if(core_draw(&state, 8) > 0)
		out[used++] = '+';
	used += write_digits(out + used, core_draw(&state, core_draw(&state, 3) ? 8 : 22));
	if(core_draw(&state, 20) == 0)
		memcpy(out + used, "*", 2);
}

/* Into the configuration as the model has it; the memory that fails may make it fail. */
static int tell(unsigned i)
{
	const model_route_t *r = &model[i];
	char id[8], priority[12];

	snprintf(id, sizeof(id), "r%03u", i);
	snprintf(priority, sizeof(priority), "%u", r->priority);
	if(!r->there) {
		(void)med_config_remove(config, MED_KIND_ROUTE, med_str(id));
		return MED_EOK;
	}
	return core_try(config, NULL, MED_KIND_ROUTE, id, "pattern", r->pattern, "usages",
			r->usages == 3           ? "u0,u1,u0"
					: r->usages == 1 ? "u0"
									 : "u1",
			"trunks", id, "priority", priority, NULL);
}

static void give_pattern(model_route_t *r)
{
	int error;
	PCRE2_SIZE at;

	pcre2_code_free(r->code);
	make_pattern(r->pattern, sizeof(r->pattern));
	r->code = pcre2_compile(
			(PCRE2_SPTR)r->pattern, PCRE2_ZERO_TERMINATED, 0, &error, &at, NULL);
	ck_assert_msg(r->code != NULL, "%s", r->pattern);
}

/* @p keep of 10: how many routes there should be in the long run */
static void change(unsigned keep)
{
	unsigned i = core_draw(&state, ROUTES);
	model_route_t *r = &model[i];

	if(!r->there || keep == 0 || core_draw(&state, 3) == 0) {
		r->there = core_draw(&state, 10) < keep;
		give_pattern(r);
		r->usages = core_draw(&state, 5) > 0 ? 1 : 1 + core_draw(&state, 3);
	}
	r->priority = core_draw(&state, 3);
	ck_assert_int_eq(tell(i), MED_EOK);
}

/* ---- what the shards must be
 * --------------------------------------------------------------
 */

/* Returns the members below; none is where another look-up would not find it. */
static size_t check_shard(const med_shard_slot_t *s, uint64_t digits)
{
	size_t below = s->count, further = 0;

	ck_assert(!s->gone && !s->dirty);
	ck_assert(s->count == 0 || s->parent == NULL || !s->split);
	ck_assert_int_eq(s->object != NULL, s->count > 0);
	for(size_t i = 0; i < s->count; i++) {
		const med_member_t *m = s->members[i];
		unsigned length = med_key_length(m->key);
		ck_assert_ptr_eq(m->shard, s);
		ck_assert_uint_eq(m->index, i);
		ck_assert_uint_ge(length, s->depth);
		ck_assert(s->depth == 0 || m->key >> (4 * (length - s->depth + 1)) == digits);
		further += length > s->depth;
	}
	if(!s->split)
		ck_assert_msg(
				s->count <= (s->parent == NULL ? config->usage_whole : config->shard_most)
						|| further * 2 < s->count,
				"%zu members, %zu of them with more digits", s->count, further);
	for(unsigned d = 0; s->split && d < 10; d++) {
		if(s->child[d] != NULL)
			below += check_shard(s->child[d], digits << 4 | d);
	}
	ck_assert_uint_eq(s->total, below);
	return below;
}

static unsigned check_shapes(void)
{
	unsigned split = 0;

	for(unsigned u = 0; u < USAGES; u++) {
		med_usage_slot_t *slot = med_usage_slot(config, med_str(u == 0 ? "u0" : "u1"));
		size_t count = 0;
		for(unsigned i = 0; i < ROUTES; i++)
			count += model[i].there && (model[i].usages >> u & 1) != 0;
		ck_assert_uint_eq(slot->count, count);
		ck_assert_ptr_eq(slot->dirty_shards, NULL);
		(void)check_shard(&slot->root, 0);
		ck_assert_int_eq(slot->object != NULL, count > 0);
		ck_assert(count == 0 || slot->root.split == (slot->object->tree != NULL));
		split += slot->root.split;
	}
	return split;
}

static bool count_route(void *ctx, const med_route_t *route)
{
	unsigned *seen = ctx, i;

	ck_assert_int_eq(sscanf(med_route_id(route).s, "r%3u", &i), 1);
	seen[i]++;
	return true;
}

/* Each route of a usage is listed once. */
static void check_listing(const model_t of, const med_snapshot_t *s)
{
	for(uint32_t u = 0; u < USAGES; u++) {
		med_usage_slot_t *slot = med_usage_slot(config, med_str(u == 0 ? "u0" : "u1"));
		unsigned seen[ROUTES] = {0};
		const med_usage_t *usage = med_array_get(s->view.usages, slot->number);
		if(usage != NULL)
			ck_assert(med_usage_each(usage, count_route, seen));
		for(unsigned i = 0; i < ROUTES; i++)
			ck_assert_uint_eq(seen[i], of[i].there && (of[i].usages >> u & 1) != 0);
	}
}

/* Ids, each with a blank after it. */
typedef struct id_list {
	char text[512];
	size_t len;
} id_list_t;

static void add_id(id_list_t *list, const char *id)
{
	list->len += (size_t)snprintf(
			list->text + list->len, sizeof(list->text) - list->len, "%.4s ", id);
	ck_assert_uint_lt(list->len, sizeof(list->text));
}

static void expect_routes(
		const model_t of, unsigned usage, const char *number, id_list_t *list)
{
	static pcre2_match_data *data;
	unsigned count = 0;

	if(data == NULL)
		data = pcre2_match_data_create(16, NULL);
	for(unsigned priority = 0; priority < 3; priority++) {
		for(unsigned i = 0; i < ROUTES && count < MED_PLAN_MAX; i++) {
			const model_route_t *r = &of[i];
			char id[8];
			if(!r->there || r->priority != priority || (r->usages >> usage & 1) == 0
					|| pcre2_match(r->code, (PCRE2_SPTR)number, strlen(number), 0, 0,
							   data, NULL)
							< 0)
				continue;
			snprintf(id, sizeof(id), "r%03u", i);
			add_id(list, id);
			count++;
		}
	}
}

/* Routes that match, as the trace tells them: one told twice is not in the plan twice. */
static void add_traced(void *ctx, const char *step)
{
	static const char match[] = "  route '";

	if(strncmp(step, match, sizeof(match) - 1) == 0)
		add_id(ctx, step + sizeof(match) - 1);
}

static void check_plans(const model_t of, const med_snapshot_t *s, unsigned numbers)
{
	for(unsigned n = 0; n < numbers * USAGES; n++) {
		char text[40] = "";
		id_list_t expected = {.len = 0}, got = {.len = 0}, traced = {.len = 0};
		med_trace_t trace = {add_traced, &traced};
		med_number_t number;
		med_query_t query = {.called = &number,
				.policy = med_snapshot_policy(s, med_str(n % 2 ? "p1" : "p0"))};
		med_plan_t plan;
		number_text(text);
		number = core_number(text);
		(void)med_select(s, scratch, &query, &plan, &trace, NULL);
		for(size_t i = 0; i < plan.count; i++)
			add_id(&got, med_route_id(plan.candidate[i].route).s);
		expect_routes(of, n % 2, text, &expected);
		/* Slow as it is sanitised, a budget may end it: what it has must be right. */
		if(med_scratch_spent(scratch))
			expected.text[strlen(got.text)] = '\0';
		ck_assert_msg(strcmp(expected.text, got.text) == 0
						&& strcmp(got.text, traced.text) == 0,
				"u%u %s: got %s, traced %s, PCRE2 %s", n % 2, text, got.text, traced.text,
				expected.text);
	}
}

/* ---- tests ----------------------------------------------------------------------------
 */

/* Grown and shrunk again and again; the version before stays as it was. */
static void live(size_t whole, size_t most, unsigned rounds)
{
	static const unsigned keep[] = {9, 7, 1, 0, 0, 5};
	unsigned split = 0;

	start(whole, most);
	for(unsigned round = 0; round < rounds; round++) {
		const med_snapshot_t *before = snap;
		static model_t old;
		unsigned changes = 1 + core_draw(&state, round % 4 == 0 ? 500 : 12);
		memcpy(old, model, sizeof(old));
		for(unsigned i = 0; i < ROUTES; i++)
			old[i].code = model[i].code == NULL ? NULL : pcre2_code_copy(model[i].code);
		while(changes-- > 0)
			change(keep[round / 8 % COUNT(keep)]);
		snap = core_build(config);
		split += check_shapes() > 0;
		check_listing(model, snap);
		check_plans(model, snap, 12);
		if(before != NULL) {
			check_listing(old, before);
			check_plans(old, before, 2);
		}
		for(unsigned i = 0; i < ROUTES; i++)
			pcre2_code_free(old[i].code);
		release(before);
	}
	ck_assert_uint_gt(split, rounds / 8);
	for(unsigned i = 0; i < ROUTES; i++) {
		model[i].there = false;
		(void)tell(i);
	}
	release(snap);
	snap = core_build(config);
	ck_assert_uint_eq(check_shapes(), 0);
	finish();
}

START_TEST(grown_and_shrunk_it_says_what_pcre2_says)
{
	live(16, 4, 96);
	live(40, 20, 96);
	live(4, 1, 48);
}
END_TEST

/* A build that fails for memory, at each place in turn, changes nothing. */
static long fail_one(core_memory_t *memory, unsigned keep)
{
	static model_t old;
	const med_snapshot_t *before = snap, *next = NULL;
	long left = 0;

	memcpy(old, model, sizeof(old));
	for(unsigned i = 0; i < ROUTES; i++)
		old[i].code = model[i].code == NULL ? NULL : pcre2_code_copy(model[i].code);
	for(unsigned i = 0; i < 250; i++)
		change(keep);
	for(;; left++) {
		memory->left = left;
		if(med_config_build(config, &next, NULL) == MED_EOK)
			break;
		memory->left = -1;
		if(left % 16 == 0)
			check_plans(old, before, 2);
		if(left % 7 == 0) /* more comes before it is tried again */
			change(keep);
		ck_assert_int_lt(left, 4000);
	}
	memory->left = -1;
	snap = next;
	(void)check_shapes();
	check_listing(model, snap);
	check_plans(model, snap, 20);
	check_plans(old, before, 4);
	for(unsigned i = 0; i < ROUTES; i++)
		pcre2_code_free(old[i].code);
	release(before);
	return left;
}

START_TEST(a_failed_build_changes_nothing)
{
	for(unsigned which = 0; which < 2; which++) {
		core_memory_t *memory = which == 0 ? &own : &shared;
		long failures = 0;
		start(16, 4);
		snap = core_build(config);
		failures += fail_one(memory, 9); /* splits */
		failures += fail_one(memory, 5);
		failures += fail_one(memory, 0); /* gathers */
		ck_assert_int_gt(failures, 10);
		finish();
	}
}
END_TEST

/* What is freed with a build still to come is freed whole. */
START_TEST(the_end_may_come_between_builds)
{
	start(8, 4);
	for(unsigned i = 0; i < 400; i++)
		change(9);
	snap = core_build(config);
	for(unsigned i = 0; i < 900; i++)
		change(0);
	shared.left = 3;
	ck_assert_int_eq(
			med_config_build(config, &(const med_snapshot_t *){NULL}, NULL), MED_ENOMEM);
	shared.left = -1;
	finish();
}
END_TEST

static size_t allocated;

static void *sized_alloc(void *ctx, size_t size)
{
	(void)ctx;
	allocated += size;
	return malloc(size);
}

static void sized_free(void *ctx, void *block)
{
	(void)ctx;
	free(block);
}

static void set_route(unsigned i, unsigned priority)
{
	char id[12], pattern[32], text[4];

	snprintf(id, sizeof(id), "r%06u", i);
	snprintf(pattern, sizeof(pattern), "^\\+49%06u", i * 7 % 1000000);
	snprintf(text, sizeof(text), "%u", priority);
	core_set(config, MED_KIND_ROUTE, id, "pattern", pattern, "usages", "u", "priority",
			text, NULL);
}

/* The bounds as they are: one change among many routes of a usage takes a part's memory.
 */
START_TEST(a_change_costs_a_part)
{
	const med_mem_t mem = {sized_alloc, sized_free, NULL};
	const med_snapshot_t *s;
	size_t all;

	config = med_config_new(&med_mem_heap, &mem);
	for(unsigned i = 0; i < 30000; i++)
		set_route(i, 1);
	allocated = 0;
	s = core_build(config);
	all = allocated;
	for(unsigned i = 0; i < 10; i++) {
		const med_snapshot_t *before = s;
		allocated = 0;
		set_route(i * 2999, 2);
		s = core_build(config);
		release(before);
		ck_assert_msg(allocated * 10 < all, "%zu of %zu bytes", allocated, all);
	}
	release(s);
	med_config_free(config);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {grown_and_shrunk_it_says_what_pcre2_says,
			a_failed_build_changes_nothing, the_end_may_come_between_builds,
			a_change_costs_a_part};

	return core_run("routes", tests, COUNT(tests));
}
