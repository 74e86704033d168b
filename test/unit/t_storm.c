/**
 * t_storm.c - thousands of changes of all kinds in any order, good and bad, with memory
 * that fails: what is in force is what a fresh start would make of it, and nothing is
 * left
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core_test.h"
#include "medcore/card.h"
#include "medcore/explain.h"
#include "medcore/listing.h"

enum { IDS = 5, CHOICES = 6, TEXT = 1 << 19 };

/* Fields an object may have: each is given or not, with one of these values. Those that
 * end in '!' are refused. */
typedef struct storm_field {
	const char *name, *value[CHOICES];
} storm_field_t;

typedef struct storm_kind {
	const char *id[IDS];
	storm_field_t field[8];
} storm_kind_t;

static const storm_kind_t storm[MED_KIND_COUNT] = {
		[MED_KIND_SITE] = {{"a", "b", "c", "d", "e"},
				{{"name", {"x", "y"}}, {"subnets", {"192.0.2.0/24", "all!"}}}},
		[MED_KIND_POOL] = {{"a", "b", "c", "d", "e"},
				{{"site", {"a", "b", "z"}},
						{"sip_client_tcp_port", {"5060", "5070", "0!"}},
						{"sip_client_tls_port", {"5061"}}}},
		[MED_KIND_GATEWAY] = {{"a", "b", "c", "d", "e"},
				{{"address", {"192.0.2.1", "192.0.2.2", "a.example", "b.example", "-!"}},
						{"site", {"a", "b", "z"}}, {"root_trunk", {"a", "b", "c"}},
						{"tls_name", {"t.example", "u.example"}},
						{"routable", {"no", "yes"}},
						{"source", {"198.51.100.0/24", "192.0.2.1,192.0.2.2"}},
						{"gateway_sip_client_tcp_port", {"5080"}}}},
		[MED_KIND_TRUNK] = {{"a", "b", "c", "d", "e"},
				{{"gateway", {"a", "b", "c", "z"}},
						{"transport", {"tcp", "udp", "tls", "sctp!"}},
						{"mediation_server", {"a", "b", "z"}},
						{"local_port", {"5060", "5061"}}, {"enabled", {"no"}},
						{"name", {"x", "y"}}, {"auth_username", {"u!"}}}},
		[MED_KIND_PROFILE] = {{"global", "site:a", "site:b", "trunk:a", "trunk:b"},
				{{"srtp_mode", {"required", "optional", "not_supported", "never!"}},
						{"anchor", {"no"}}, {"dial_plan", {"a", "b", "z"}},
						{"outbound_translation_rules", {"c", "z"}},
						{"pstn_usages", {"u", "v,u", "w", "z"}},
						{"allow_same_trunk", {"yes"}},
						{"sip_response_code_translation_rules", {"a", "z"}},
						{"enable_bypass", {"yes"}}}},
		[MED_KIND_RULES] = {{"a", "b", "c", "d", "e"},
				{{"simple_name", {"n", "m", "o"}},
						{"rule.0", {"^0(\\d+)$ => +49$1", "(!"}},
						{"rule.3", {"^(\\d+)$ => +$1", "^(?=1)1(\\d+)$ => +1$1"}},
						{"name", {"x"}}}},
		[MED_KIND_RESPONSE_RULES] = {{"a", "b", "c", "d", "e"},
				{{"rule.1",
						 {"received_response_code=180 translated_response_code=503",
								 "received_response_code=486 "
								 "translated_response_code=503",
								 "x!"}},
						{"name", {"x"}}}},
		[MED_KIND_POLICY] = {{"a", "b", "c", "d", "e"},
				{{"usages", {"u", "v", "w,u", "u,u,v", " !"}}, {"name", {"x"}}}},
		[MED_KIND_ROUTE] = {{"a", "b", "c", "d", "e"},
				{{"pattern",
						 {"^\\+49", "^\\+(1|4)\\d*$", "^(?!\\+1)", "(!", "[0-9]{3}$"}},
						{"usages", {"u", "v", "u,v,w", "x"}},
						{"trunks", {"a", "a*2,b*4", "c,z", "b*0,d*0,a*0", "e,e"}},
						{"priority", {"0", "1", "2"}}, {"suppress_caller_id", {"yes!"}}}},
		[MED_KIND_LIMITS] = {{"trunk:a", "trunk:z", "gateway:b", "site:a:b", "site:z"},
				{{"max_calls", {"1", "2", "all!"}}, {"overload_code", {"486"}}}},
		[MED_KIND_SCHEDULE] = {{"a", "b", "c", "d", "e"},
				{{"time_zone", {"UTC", "Europe/Berlin"}},
						{"times", {"mon-fri 08:00-18:00", "daily 22:00-06:00", "x!"}},
						{"closed", {"12-25", "2026-12-24..2027-01-02"}}}},
		[MED_KIND_LOCATION_POLICY] = {{"global", "site:a", "site:b", "site:c", "site:z"},
				{{"emergency_dial_string", {"112", "112,110", "x!"}},
						{"pstn_usages", {"u", "v,u", "z"}}}},
		[MED_KIND_GUARD] = {{"a", "b", "c", "d", "e"},
				{{"usages", {"u", "v,u", "z"}}, {"max_calls", {"1", "0!"}},
						{"per", {"caller", "destination", "all!"}}}},
		[MED_KIND_TEST] = {{"a", "b", "c", "d", "e"},
				{{"dialed_number", {"+4930", "0301"}}, {"from_trunk", {"a", "b", "z"}},
						{"expected_route", {"a", "z"}}, {"expected_trunk", {"b"}},
						{"expected_result", {"no_route", "routed", "maybe!"}},
						{"target_dialplan", {"a", "z"}}}},
};

/* What Redis has of an object, and its last good version: a choice for each field. */
typedef struct storm_object {
	bool there, good, refused;
	int8_t last[8], now[8]; /* -1: not given */
} storm_object_t;

static storm_object_t objects[MED_KIND_COUNT][IDS];
static core_memory_t own, shared;

static int put(med_config_t *to, enum med_kind kind, unsigned n, const int8_t *choice)
{
	med_field_t fields[8];
	size_t count = 0;

	for(unsigned i = 0; i < 8; i++) {
		if(choice[i] >= 0)
			fields[count++] = (med_field_t){med_str(storm[kind].field[i].name),
					med_str(storm[kind].field[i].value[choice[i]])};
	}
	return med_config_set(to, kind, med_str(storm[kind].id[n]), fields, count, NULL);
}

/* Bad ones, and names of what there never is, not as often. */
static bool is_odd(const char *value)
{
	return value[strlen(value) - 1] == '!' || strcmp(value, "z") == 0;
}

static void draw_fields(uint64_t *state, enum med_kind kind, int8_t *choice)
{
	for(unsigned i = 0; i < 8; i++) {
		const storm_field_t *field = &storm[kind].field[i];
		unsigned values = 0;
		while(field->name != NULL && values < CHOICES && field->value[values] != NULL)
			values++;
		choice[i] = -1;
		if(values == 0 || (i > 0 && core_draw(state, 2) == 0))
			continue; /* the first is needed by most */
		choice[i] = (int8_t)core_draw(state, values);
		if(is_odd(field->value[choice[i]]) && core_draw(state, 10) > 0)
			choice[i] = i == 0 ? 0 : -1;
	}
}

static void change(med_config_t *config, uint64_t *state)
{
	enum med_kind kind = core_draw(state, MED_KIND_COUNT);
	unsigned n = core_draw(state, IDS);
	storm_object_t *object = &objects[kind][n];
	int rc;

	if(core_draw(state, 4) == 0) {
		rc = med_config_remove(config, kind, med_str(storm[kind].id[n]));
		if(rc != MED_EREFUSED) {
			*object = (storm_object_t){0};
			return;
		}
		/* a root trunk that is put back */
		memcpy(object->now, object->last, sizeof(object->now));
	} else {
		draw_fields(state, kind, object->now);
	}
	object->there = true;
	rc = put(config, kind, n, object->now);
	object->refused = rc != MED_EOK;
	if(rc == MED_EOK) {
		object->good = true;
		memcpy(object->last, object->now, sizeof(object->last));
	}
}

/* RENAME of a key. */
static void rename_one(med_config_t *config, uint64_t *state)
{
	enum med_kind kind = core_draw(state, MED_KIND_COUNT);
	unsigned from = core_draw(state, IDS), to = core_draw(state, IDS);
	storm_object_t *old = &objects[kind][from], *new = &objects[kind][to];
	int8_t choice[8];

	if(from == to || !old->there)
		return;
	memcpy(choice, old->now, sizeof(choice));
	if(med_config_remove(config, kind, med_str(storm[kind].id[from])) == MED_EREFUSED) {
		(void)put(config, kind, from, old->last);
		old->refused = false;
		memcpy(old->now, old->last, sizeof(old->now));
		return;
	}
	*old = (storm_object_t){0};
	new->there = true;
	memcpy(new->now, choice, sizeof(choice));
	new->refused = put(config, kind, to, choice) != MED_EOK;
	if(!new->refused) {
		new->good = true;
		memcpy(new->last, choice, sizeof(choice));
	}
}

/* As after a start, with the last good versions from elsewhere. */
static med_config_t *start_fresh(void)
{
	med_config_t *fresh = med_config_new(&med_mem_heap, &med_mem_heap);

	for(unsigned k = 0; k < MED_KIND_COUNT; k++) {
		for(unsigned n = 0; n < IDS; n++) {
			const storm_object_t *object = &objects[k][n];
			if(object->good)
				ck_assert_int_eq(put(fresh, (enum med_kind)k, n, object->last), MED_EOK);
			if(object->refused)
				ck_assert_int_ne(put(fresh, (enum med_kind)k, n, object->now), MED_EOK);
		}
	}
	return fresh;
}

/* ---- all that can be seen of a version ------------------------------------------------
 */

typedef struct storm_text {
	char text[TEXT];
	size_t len;
} storm_text_t;

static void add(storm_text_t *to, const char *fmt, ...)
		__attribute__((format(printf, 2, 3)));
static void add(storm_text_t *to, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	to->len += (size_t)vsnprintf(to->text + to->len, TEXT - to->len, fmt, args);
	va_end(args);
	ck_assert_uint_lt(to->len, TEXT);
}

static bool add_field(
		void *ctx, const med_field_def_t *def, med_str_t name, med_str_t value)
{
	(void)def;
	add(ctx, " %.*s=%.*s", MED_STR_FMT(name), MED_STR_FMT(value));
	return true;
}

typedef struct storm_route {
	const med_snapshot_t *snapshot;
	storm_text_t *to;
} storm_route_t;

static bool add_route(void *ctx, med_str_t usage, const med_route_t *route)
{
	const storm_route_t *r = ctx;

	add(r->to, "usage %.*s: route %.*s", MED_STR_FMT(usage),
			MED_STR_FMT(med_route_id(route)));
	med_route_shown(r->snapshot, (med_str_t){NULL, 0}, route, add_field, r->to);
	add(r->to, "\n");
	return true;
}

static void add_step(void *ctx, const char *text)
{
	add(ctx, "  %s\n", text);
}

static void add_calls(const med_snapshot_t *s, storm_text_t *to)
{
	static const char *const numbers[] = {"+4930", "0301", "123", "+1"};
	med_scratch_t *scratch = med_scratch_new(&med_mem_heap);
	med_explain_sink_t sink = {add_step, NULL, to};
	static med_explain_result_t result;

	for(unsigned i = 0; i < 2 * IDS * COUNT(numbers); i++) {
		const char *id = storm[MED_KIND_TRUNK].id[i % IDS];
		med_explain_query_t query = {.called = med_str(numbers[i / IDS % COUNT(numbers)]),
				.calling = MED_STR("1")};
		if(i < IDS * COUNT(numbers))
			query.trunk = med_str(id);
		else
			query.policy = med_str(id);
		add(to, "call %u\n", i);
		(void)med_explain(s, scratch, &query, &sink, &result);
		add(to, " %s\n", result.text.text);
	}
	med_scratch_free(scratch);
}

static void show(const med_snapshot_t *s, storm_text_t *to)
{
	storm_route_t route = {s, to};

	to->len = 0;
	for(unsigned k = 0; k < MED_KIND_COUNT; k++) {
		const med_card_t *card;
		add(to, "%s: %zu\n", med_kind_name((enum med_kind)k),
				med_snapshot_count(s, (enum med_kind)k));
		for(size_t i = 0; (card = med_snapshot_card_at(s, (enum med_kind)k, i)) != NULL;
				i++) {
			add(to, "%.*s", MED_STR_FMT(med_card_id(card)));
			med_shown(s, (enum med_kind)k, card, add_field, to);
			add(to, "\n");
		}
	}
	(void)med_routes_each(s, (med_str_t){NULL, 0}, &med_mem_heap, add_route, &route);
	add_calls(s, to);
}

static void compare(const med_snapshot_t *changed, const med_snapshot_t *fresh, int step)
{
	static storm_text_t a, b;
	size_t at = 0, line = 0;

	show(changed, &a);
	show(fresh, &b);
	if(a.len == b.len && memcmp(a.text, b.text, a.len) == 0)
		return;
	for(; at < a.len && a.text[at] == b.text[at]; at++) {
		if(a.text[at] == '\n')
			line = at + 1;
	}
	ck_abort_msg("step %d, by change:\n%.300s\nfresh:\n%.300s", step, a.text + line,
			b.text + line);
}

/* ---- the storm ------------------------------------------------------------------------
 */

/* Builds, every now and then without memory for it; a few versions are in use. */
static void build(med_config_t *config, uint64_t *state, const med_snapshot_t **held)
{
	unsigned slot = core_draw(state, 4);
	const med_snapshot_t *s;

	if(core_draw(state, 4) == 0)
		shared.left = core_draw(state, 30);
	if(med_config_build(config, &s, NULL) == MED_EOK) {
		if(held[slot] != NULL)
			med_config_release(config, held[slot]);
		held[slot] = s;
	}
	shared.left = -1;
}

static void release_all(med_config_t *config, const med_snapshot_t **held)
{
	for(unsigned i = 0; i < 4; i++) {
		if(held[i] != NULL)
			med_config_release(config, held[i]);
		held[i] = NULL;
	}
}

START_TEST(as_a_fresh_start)
{
	med_mem_t own_mem = core_mem(&own), shared_mem = core_mem(&shared);
	med_config_t *config;
	const med_snapshot_t *held[4] = {NULL}, *a, *b;
	uint64_t state = (uint64_t)_i + 1;
	long base = 0, after[2];

	own = shared = (core_memory_t){-1, 0};
	memset(objects, 0, sizeof(objects));
	config = med_config_new(&own_mem, &shared_mem);
	a = core_build(config);
	base = shared.out;
	med_config_release(config, a);
	for(int round = 0; round < 2; round++) {
		for(int step = 0; step < 4000; step++) {
			if(core_draw(&state, 8) == 0)
				rename_one(config, &state);
			else
				change(config, &state);
			if(core_draw(&state, 3) == 0)
				build(config, &state, held);
			if(step % 25 == 24) {
				med_config_t *fresh = start_fresh();
				a = core_build(config);
				b = core_build(fresh);
				compare(a, b, step);
				med_config_release(config, a);
				med_config_release(fresh, b);
				med_config_free(fresh);
			}
		}
		med_config_mark(config);
		(void)med_config_sweep(config);
		(void)med_config_sweep(config); /* root trunks whose gateways went */
		memset(objects, 0, sizeof(objects));
		release_all(config, held);
		a = core_build(config);
		ck_assert_uint_eq(med_config_refused(config, NULL, NULL), 0);
		ck_assert_msg(shared.out <= base + 64,
				"round %d: %ld blocks of shared memory, %ld "
				"at the start",
				round, shared.out, base);
		after[round] = own.out;
		med_config_release(config, a);
	}
	ck_assert_int_eq(after[0], after[1]); /* what is kept is kept once */
	med_config_free(config);
	ck_assert_int_eq(own.out, 0);
	ck_assert_int_eq(shared.out, 0);
}
END_TEST

int main(void)
{
	TCase *tcase = run_case("storm", NULL, NULL, NULL, 0);

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, as_a_fresh_start, 0, 3);
	return run_cases("storm", &tcase, 1);
}
