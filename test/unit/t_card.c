/**
 * t_card.c - listings of a snapshot: what cards say, in which order, at what cost
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core_test.h"
#include "medcore/card.h"
#include "medcore/listing.h"

static med_config_t *config;

static void start(void)
{
	config = med_config_new(&med_mem_heap, &med_mem_heap);
}

static void finish(void)
{
	med_config_free(config);
}

/* "name=value name=value" of a card as it was written. */
static const char *written(const med_snapshot_t *s, enum med_kind kind, const char *id)
{
	static char text[4096];
	const med_card_t *card = med_snapshot_card(s, kind, med_str(id));
	med_field_t field;
	size_t len = 0;

	ck_assert_msg(card != NULL, "no %s '%s'", med_kind_name(kind), id);
	core_assert_str(med_card_id(card), id);
	text[0] = '\0';
	for(size_t at = 0; med_card_next(card, &at, &field);)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%.*s=%.*s",
				len == 0 ? "" : " ", MED_STR_FMT(field.name), MED_STR_FMT(field.value));
	return text;
}

static bool add_shown(
		void *ctx, const med_field_def_t *def, med_str_t name, med_str_t value)
{
	core_texts_t *texts = ctx;

	ck_assert_ptr_nonnull(def);
	texts->len +=
			(size_t)snprintf(texts->text + texts->len, sizeof(texts->text) - texts->len,
					"%.*s=%.*s\n", MED_STR_FMT(name), MED_STR_FMT(value));
	return true;
}

static const char *shown(const med_snapshot_t *s, enum med_kind kind, const char *id)
{
	static core_texts_t texts;

	texts.len = 0;
	texts.text[0] = '\0';
	med_shown(s, kind, med_snapshot_card(s, kind, med_str(id)), add_shown, &texts);
	return texts.text;
}

START_TEST(what_differs_from_the_defaults)
{
	const med_snapshot_t *s;
	const med_card_t *card;

	start();
	core_set(config, MED_KIND_SITE, "hq", "subnets", "192.0.2.0/24,2001:db8::/32", NULL);
	core_set(config, MED_KIND_GATEWAY, "gw", "address", "gw.example.com", "routable",
			"yes", "site", "hq", NULL);
	core_set(config, MED_KIND_TRUNK, "t", "gateway", "gw", "transport", "TLS", "enabled",
			"0", NULL);
	core_set(config, MED_KIND_RULES, "de", "rule.10", "^0(\\d+)$=>+49$1", "rule.2",
			"^112$ => +112", "name", "Deutschland", "rule.10.name", "national", NULL);
	core_set(config, MED_KIND_PROFILE, "trunk:t", "pstn_usages", "a,b", "srtp_mode",
			"Required", NULL);
	core_set(config, MED_KIND_POLICY, "empty", NULL, NULL);
	s = core_build(config);
	ck_assert_str_eq(
			written(s, MED_KIND_SITE, "hq"), "subnets=192.0.2.0/24,2001:db8::/32");
	core_assert_has(written(s, MED_KIND_GATEWAY, "gw"), "address=gw.example.com");
	ck_assert_ptr_null(strstr(written(s, MED_KIND_GATEWAY, "gw"), "routable"));
	ck_assert_str_eq(written(s, MED_KIND_TRUNK, "t"), "gateway=gw enabled=no");
	ck_assert_str_eq(written(s, MED_KIND_PROFILE, "trunk:t"), "pstn_usages=a,b");
	ck_assert_str_eq(written(s, MED_KIND_RULES, "de"),
			"name=Deutschland rule.2=^112$ => +112 rule.10=^0(\\d+)$ => +49$1 "
			"rule.10.name=national");
	ck_assert_str_eq(written(s, MED_KIND_POLICY, "empty"), "");
	card = med_snapshot_card(s, MED_KIND_RULES, MED_STR("de"));
	core_assert_str(med_card_value(card, MED_STR("rule.10.name")), "national");
	ck_assert_ptr_null(med_card_value(card, MED_STR("rule.1")).s);
	ck_assert_ptr_null(med_snapshot_card(s, MED_KIND_RULES, MED_STR("d")));
	ck_assert_ptr_null(med_snapshot_card(s, MED_KIND_RULES, MED_STR("")));
	ck_assert_ptr_null(med_snapshot_card(s, MED_KIND_ROUTE, MED_STR("de")));
	ck_assert_ptr_null(med_snapshot_card(s, MED_KIND_COUNT, MED_STR("de")));
	ck_assert_ptr_null(med_snapshot_card_at(s, MED_KIND_COUNT, 0));
	med_config_release(config, s);
	finish();
}
END_TEST

START_TEST(defaults_are_filled_in)
{
	const med_snapshot_t *s;
	const char *text;

	start();
	core_set(config, MED_KIND_GATEWAY, "gw", "address", "192.0.2.7", NULL);
	core_set(config, MED_KIND_TRUNK, "t", "gateway", "gw", "transport", "tcp", NULL);
	core_set(config, MED_KIND_RULES, "de", "rule.2", "^112$ => +112", NULL);
	s = core_build(config);
	text = shown(s, MED_KIND_TRUNK, "t");
	core_assert_has(text, "gateway=gw\n");
	core_assert_has(text, "transport=tcp\nport=5066\nlocal_port=5068\nenabled=yes\n");
	ck_assert_ptr_null(strstr(text, "auth_password"));
	text = shown(s, MED_KIND_GATEWAY, "gw");
	core_assert_has(text, "address=192.0.2.7\n");
	core_assert_has(text, "source=192.0.2.7\n");
	core_assert_has(text, "routable=yes\n");
	ck_assert_ptr_null(strstr(text, "tls_name"));
	text = shown(s, MED_KIND_RULES, "de");
	core_assert_has(text, "rule.2=^112$ => +112\n");
	med_config_release(config, s);
	finish();
}
END_TEST

START_TEST(a_secret_is_not_shown)
{
	const med_snapshot_t *s;

	start();
	core_set(config, MED_KIND_GATEWAY, "gw", "address", "192.0.2.7", NULL);
	core_set(config, MED_KIND_TRUNK, "t", "gateway", "gw", "transport", "udp",
			"auth_username", "me", "auth_password", "s3cr3t", NULL);
	s = core_build(config);
	core_assert_has(written(s, MED_KIND_TRUNK, "t"), "auth_password=" MED_NOT_SHOWN);
	core_assert_has(shown(s, MED_KIND_TRUNK, "t"), "auth_username=me\n");
	ck_assert_ptr_null(strstr(shown(s, MED_KIND_TRUNK, "t"), "s3cr3t"));
	med_config_release(config, s);
	finish();
}
END_TEST

static bool wants(
		const med_snapshot_t *s, enum med_kind kind, const char *id, const char *filter)
{
	med_wanted_t wanted;
	med_errbuf_t err = {""};

	ck_assert_msg(med_wanted_parse(kind, med_str(filter), &wanted, &err) == MED_EOK,
			"%s: %s", filter, err.text);
	return med_wanted_card(&wanted, s, kind, med_snapshot_card(s, kind, med_str(id)));
}

START_TEST(filters)
{
	const med_snapshot_t *s;
	med_wanted_t wanted;
	med_errbuf_t err;

	start();
	core_set(config, MED_KIND_GATEWAY, "gw", "address", "192.0.2.7", NULL);
	core_set(config, MED_KIND_TRUNK, "t", "gateway", "gw", "transport", "tcp", "name",
			"a,b", NULL);
	core_set(config, MED_KIND_POLICY, "p", "usages", "local,long,all", NULL);
	core_set(config, MED_KIND_RULES, "r", "rule.3", "^1 => 2", NULL);
	s = core_build(config);
	ck_assert(wants(s, MED_KIND_TRUNK, "t", "transport=tcp"));
	ck_assert(!wants(s, MED_KIND_TRUNK, "t", "transport=tls"));
	ck_assert(!wants(s, MED_KIND_TRUNK, "t", "transport=tc"));
	ck_assert(wants(s, MED_KIND_TRUNK, "t", "transport=t*"));
	ck_assert(wants(s, MED_KIND_TRUNK, "t", "enabled=yes")); /* by default */
	ck_assert(wants(s, MED_KIND_TRUNK, "t", "local_port=5068"));
	ck_assert(wants(s, MED_KIND_TRUNK, "t", "id=t"));
	ck_assert(wants(s, MED_KIND_TRUNK, "t", "id=*"));
	ck_assert(!wants(s, MED_KIND_TRUNK, "t", "id="));
	ck_assert(wants(s, MED_KIND_TRUNK, "t", "description="));
	ck_assert(!wants(s, MED_KIND_TRUNK, "t", "name=b")); /* a text is no list */
	ck_assert(wants(s, MED_KIND_POLICY, "p", "usages=long"));
	ck_assert(wants(s, MED_KIND_POLICY, "p", "pstn_usages=al*"));
	ck_assert(wants(s, MED_KIND_POLICY, "p", "usages=local,long,all"));
	ck_assert(!wants(s, MED_KIND_POLICY, "p", "usages=on"));
	ck_assert(wants(s, MED_KIND_RULES, "r", "rule.3=^1 *"));
	ck_assert(!wants(s, MED_KIND_RULES, "r", "rule.4=^1 *"));
	ck_assert_int_eq(
			med_wanted_parse(MED_KIND_TRUNK, MED_STR("transprot=tls"), &wanted, &err),
			MED_EINVAL);
	core_assert_has(err.text, "'transport' is near");
	ck_assert_int_eq(
			med_wanted_parse(MED_KIND_TRUNK, MED_STR("tls"), &wanted, &err), MED_EINVAL);
	core_assert_has(err.text, "<field>=<value>");
	ck_assert_int_eq(
			med_wanted_parse(MED_KIND_TRUNK, med_str(""), &wanted, &err), MED_EINVAL);
	/* entries of routes have weights */
	ck_assert_int_eq(
			med_wanted_parse(MED_KIND_ROUTE, MED_STR("trunks=gw1"), &wanted, &err),
			MED_EOK);
	ck_assert(med_wanted_value(&wanted, MED_STR("gw2,gw1*3")));
	ck_assert(!med_wanted_value(&wanted, MED_STR("gw2,gw11*3")));
	med_config_release(config, s);
	finish();
}
END_TEST

START_TEST(what_is_refused_is_not_listed)
{
	const med_snapshot_t *s;

	start();
	core_set(config, MED_KIND_TRUNK, "lost", "transport", "udp", NULL);
	(void)core_try(config, NULL, MED_KIND_POLICY, "bad", "usage", "x", NULL);
	core_set(config, MED_KIND_POLICY, "good", "usages", "x", NULL);
	(void)core_try(config, NULL, MED_KIND_POLICY, "good", "usages", "$", NULL);
	s = core_build(config);
	ck_assert_ptr_null(med_snapshot_card_at(s, MED_KIND_TRUNK, 0));
	ck_assert_uint_eq(med_snapshot_count(s, MED_KIND_TRUNK), 0);
	ck_assert_uint_eq(med_snapshot_count(s, MED_KIND_POLICY), 1);
	ck_assert_str_eq(written(s, MED_KIND_POLICY, "good"), "usages=x"); /* the last good */
	ck_assert_ptr_null(med_snapshot_card_at(s, MED_KIND_POLICY, 1));
	med_config_release(config, s);
	/* its gateway comes: so does the trunk, though it did not change */
	core_set(config, MED_KIND_GATEWAY, "lost", "address", "192.0.2.1", NULL);
	s = core_build(config);
	ck_assert_str_eq(written(s, MED_KIND_TRUNK, "lost"), "gateway=lost transport=udp");
	med_config_release(config, s);
	(void)med_config_remove(config, MED_KIND_GATEWAY, MED_STR("lost"));
	s = core_build(config);
	ck_assert_ptr_null(med_snapshot_card_at(s, MED_KIND_TRUNK, 0));
	med_config_release(config, s);
	finish();
}
END_TEST

/* ---- routes ---------------------------------------------------------------------------
 */

static bool add_route(void *ctx, med_str_t usage, const med_route_t *route)
{
	core_texts_t *texts = ctx;
	med_str_t id = med_route_id(route);

	texts->len +=
			(size_t)snprintf(texts->text + texts->len, sizeof(texts->text) - texts->len,
					"%.*s:%.*s ", MED_STR_FMT(usage), MED_STR_FMT(id));
	return texts->len < 60;
}

static const char *routes(const med_snapshot_t *s, const char *usage)
{
	static core_texts_t texts;

	texts.len = 0;
	texts.text[0] = '\0';
	if(med_routes_each(s, med_str(usage), &med_mem_heap, add_route, &texts) != MED_EOK)
		return "none";
	return texts.text;
}

static bool first_route(void *ctx, med_str_t usage, const med_route_t *route)
{
	(void)usage;
	*(const med_route_t **)ctx = route;
	return false;
}

START_TEST(routes_by_usage)
{
	const med_snapshot_t *s;
	const med_route_t *route = NULL;
	core_texts_t texts = {.len = 0};
	med_wanted_t wanted;

	start();
	core_set(config, MED_KIND_GATEWAY, "gw", "address", "192.0.2.1", NULL);
	core_set(config, MED_KIND_TRUNK, "t", "gateway", "gw", "transport", "udp", NULL);
	core_set(config, MED_KIND_ROUTE, "r1", "pattern", "^1", "priority", "2", "usages",
			"z,b", "trunks", "t,gone*3", NULL);
	core_set(config, MED_KIND_ROUTE, "r2", "pattern", "^2", "priority", "1", "usages",
			"b", NULL);
	core_set(config, MED_KIND_ROUTE, "r3", "pattern", "^3", NULL);
	s = core_build(config);
	ck_assert_str_eq(routes(s, NULL), "b:r2 b:r1 z:r1 ");
	ck_assert_str_eq(routes(s, "b"), "b:r2 b:r1 ");
	ck_assert_str_eq(routes(s, "none"), "none");
	ck_assert_uint_eq(med_routes_count(s, (med_str_t){NULL, 0}), 3);
	ck_assert_uint_eq(med_routes_count(s, MED_STR("b")), 2);
	ck_assert_uint_eq(med_routes_count(s, MED_STR("none")), 0);
	(void)med_routes_each(s, MED_STR("z"), &med_mem_heap, first_route, &route);
	med_route_shown(s, MED_STR("z,b"), route, add_shown, &texts);
	ck_assert_str_eq(texts.text,
			"pattern=^1\npriority=2\nusages=z,b\ntrunks=t,gone*3\n"
			"suppress_caller_id=no\n");
	ck_assert_int_eq(
			med_wanted_parse(MED_KIND_ROUTE, MED_STR("trunks=gone"), &wanted, NULL),
			MED_EOK);
	ck_assert(med_wanted_route(&wanted, s, MED_STR("z"), route));
	ck_assert_int_eq(
			med_wanted_parse(MED_KIND_ROUTE, MED_STR("usage=z"), &wanted, NULL), MED_EOK);
	ck_assert(med_wanted_route(&wanted, s, MED_STR("z"), route));
	ck_assert(!med_wanted_route(&wanted, s, MED_STR("b"), route));
	ck_assert_int_eq(med_wanted_parse(MED_KIND_ROUTE, MED_STR("name=x"), &wanted, NULL),
			MED_EINVAL);
	med_config_release(config, s);
	/* a trunk that came has its name from itself, and one that left again from routes */
	core_set(config, MED_KIND_TRUNK, "gone", "gateway", "gw", "transport", "udp",
			"local_port", "7000", NULL);
	s = core_build(config);
	med_config_release(config, s);
	(void)med_config_remove(config, MED_KIND_TRUNK, MED_STR("gone"));
	(void)med_config_remove(config, MED_KIND_TRUNK, MED_STR("t"));
	s = core_build(config);
	(void)med_routes_each(s, MED_STR("z"), &med_mem_heap, first_route, &route);
	texts = (core_texts_t){.len = 0};
	med_route_shown(s, (med_str_t){NULL, 0}, route, add_shown, &texts);
	core_assert_has(texts.text, "trunks=t,gone*3\n");
	ck_assert_ptr_null(strstr(texts.text, "usages="));
	med_config_release(config, s);
	finish();
}
END_TEST

/* ---- order ----------------------------------------------------------------------------
 */

#define IDS 700

/* What must be listed: the version of each id; 0: none. */
typedef struct model {
	unsigned version[IDS];
} model_t;

static void id_of(unsigned i, char id[16])
{
	snprintf(id, 16, "%s%u", i % 3 == 0 ? "a" : "b.", i);
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Checks of ours alone are checks of Check's when they fail: a million are slow there. */
static void check_listing(const med_snapshot_t *s, const model_t *model)
{
	static char ids[IDS][16];
	char usage[16], id[16];
	size_t count = 0;

	for(unsigned i = 0; i < IDS; i++) {
		const med_card_t *card;
		id_of(i, id);
		card = med_snapshot_card(s, MED_KIND_POLICY, med_str(id));
		if((card != NULL) != (model->version[i] != 0))
			ck_abort_msg("%s: %s", id, card == NULL ? "lost" : "not gone");
		if(card == NULL)
			continue;
		snprintf(usage, sizeof(usage), "v%u", model->version[i]);
		if(!med_str_eq(med_card_value(card, MED_STR("usages")), med_str(usage)))
			ck_abort_msg("%s: not %s", id, usage);
		memcpy(ids[count++], id, sizeof(id));
	}
	qsort(ids, count, sizeof(ids[0]), compare_ids);
	ck_assert_uint_eq(med_snapshot_count(s, MED_KIND_POLICY), count);
	for(size_t i = 0; i < count; i++) {
		const med_card_t *card = med_snapshot_card_at(s, MED_KIND_POLICY, i);
		if(card == NULL || !med_str_eq(med_card_id(card), med_str(ids[i])))
			ck_abort_msg("at %zu: not %s", i, ids[i]);
	}
	ck_assert_ptr_null(med_snapshot_card_at(s, MED_KIND_POLICY, count));
}

static void change(uint64_t *seed, model_t *model, unsigned removals)
{
	unsigned i = core_draw(seed, IDS);
	char usage[16], id[16];

	id_of(i, id);
	if(core_draw(seed, 10) < removals) {
		(void)med_config_remove(config, MED_KIND_POLICY, med_str(id));
		model->version[i] = 0;
		return;
	}
	model->version[i]++;
	snprintf(usage, sizeof(usage), "v%u", model->version[i]);
	core_set(config, MED_KIND_POLICY, id, "usages", usage, NULL);
}

/* Growing, shrinking to nothing, one by one and many at once; versions stay as they were.
 */
START_TEST(always_in_order)
{
	static model_t model, older_model;
	const med_snapshot_t *older = NULL, *s = NULL;
	uint64_t seed = 7;

	start();
	for(unsigned step = 0; step < 400; step++) {
		unsigned batch = step % 4 == 0 ? core_draw(&seed, 200) : core_draw(&seed, 4);
		for(unsigned i = 0; i < batch; i++)
			change(&seed, &model, step % 200 < 100 ? 2 : 9);
		if(step % 7 == 0) {
			med_config_release(config, older);
			older = s;
			older_model = model;
			s = NULL;
		}
		med_config_release(config, s);
		s = core_build(config);
		check_listing(s, &model);
		if(step % 7 == 0) {
			med_config_release(config, older);
			older = core_build(config);
		}
		check_listing(older, &older_model);
	}
	for(unsigned i = 0; i < IDS; i++) {
		char id[16];
		id_of(i, id);
		(void)med_config_remove(config, MED_KIND_POLICY, med_str(id));
	}
	med_config_release(config, s);
	s = core_build(config);
	ck_assert_uint_eq(med_snapshot_count(s, MED_KIND_POLICY), 0);
	ck_assert_ptr_null(med_snapshot_card_at(s, MED_KIND_POLICY, 0));
	med_config_release(config, s);
	med_config_release(config, older);
	finish();
}
END_TEST

/* ---- memory ---------------------------------------------------------------------------
 */

/* Builds until one succeeds, with an allocation more allowed each time. */
static long climb(core_memory_t *failing, const med_snapshot_t **snapshot,
		const med_snapshot_t *before, const model_t *model)
{
	for(long left = 0;; left++) {
		int rc;
		failing->left = left;
		rc = med_config_build(config, snapshot, NULL);
		failing->left = -1;
		if(rc == MED_EOK)
			return left;
		ck_assert_int_eq(rc, MED_ENOMEM);
		if(before != NULL)
			check_listing(before, model);
	}
}

/* Any allocation of a build may fail: then all is as it was, and the next one succeeds.
 */
START_TEST(out_of_memory)
{
	for(unsigned which = 0; which < 2; which++) {
		core_memory_t own = {-1, 0}, shared = {-1, 0};
		core_memory_t *failing = which == 0 ? &shared : &own;
		med_mem_t own_mem = core_mem(&own), shared_mem = core_mem(&shared);
		const med_snapshot_t *first = NULL, *next = NULL;
		model_t model = {{0}}, changed;
		uint64_t seed = 3;
		config = med_config_new(&own_mem, &shared_mem);
		for(unsigned i = 0; i < 300; i++)
			change(&seed, &model, 0);
		ck_assert_int_gt(climb(failing, &first, NULL, NULL), which == 0 ? 200 : 2);
		check_listing(first, &model);
		changed = model;
		for(unsigned i = 0; i < 30; i++)
			change(&seed, &changed, 5);
		ck_assert_int_gt(climb(failing, &next, first, &model), which == 0 ? 20 : 0);
		check_listing(first, &model);
		check_listing(next, &changed);
		med_config_release(config, first);
		med_config_release(config, next);
		med_config_free(config);
		ck_assert_int_eq(own.out, 0);
		ck_assert_int_eq(shared.out, 0);
	}
}
END_TEST

/* ---- cost -----------------------------------------------------------------------------
 */

/* Bytes and blocks taken. */
typedef struct meter {
	size_t bytes, blocks;
} meter_t;

static void *metered_alloc(void *ctx, size_t size)
{
	meter_t *meter = ctx;

	meter->bytes += size;
	meter->blocks++;
	return malloc(size);
}

static void metered_free(void *ctx, void *block)
{
	(void)ctx;
	free(block);
}

/* One change among many takes a card, a chunk and a table, whatever there is; stored
 * cases have nothing else in a snapshot. */
START_TEST(a_change_costs_what_changed)
{
	enum { MANY = 10000 };
	meter_t meter = {0, 0};
	med_mem_t shared = {metered_alloc, metered_free, &meter};
	const med_snapshot_t *s, *next;
	char id[16];

	config = med_config_new(&med_mem_heap, &shared);
	for(unsigned i = 0; i < MANY; i++) {
		snprintf(id, sizeof(id), "p%05u", i);
		core_set(config, MED_KIND_TEST, id, "dialed_number", "+4930123456",
				"target_policy", "p", NULL);
	}
	s = core_build(config);
	ck_assert_uint_eq(med_snapshot_count(s, MED_KIND_TEST), MANY);
	ck_assert_uint_lt(meter.bytes, MANY * 128);
	for(unsigned i = 0; i < 200; i++) {
		snprintf(id, sizeof(id), "p%05u", i * 37);
		if(i % 3 == 0)
			(void)med_config_remove(config, MED_KIND_TEST, med_str(id));
		else if(i % 3 == 1)
			core_set(config, MED_KIND_TEST, id, "dialed_number", "1", "target_policy",
					"p", NULL);
		else
			core_set(config, MED_KIND_TEST, "new", "dialed_number", i % 2 ? "2" : "3",
					"target_policy", "p", NULL);
		meter = (meter_t){0, 0};
		next = core_build(config);
		ck_assert_uint_le(meter.blocks, 5);
		ck_assert_uint_lt(meter.bytes, 8192);
		med_config_release(config, s);
		s = next;
	}
	med_config_release(config, s);
	finish();
}
END_TEST

/* A profile for all makes all trunks anew; their cards did not change. */
START_TEST(cards_stay_when_others_change)
{
	const med_snapshot_t *a, *b;

	start();
	core_set(config, MED_KIND_GATEWAY, "gw", "address", "192.0.2.1", NULL);
	core_set(config, MED_KIND_TRUNK, "t", "gateway", "gw", "transport", "udp", NULL);
	a = core_build(config);
	core_set(config, MED_KIND_PROFILE, "global", "anchor", "no", NULL);
	core_set(config, MED_KIND_GATEWAY, "gw", "address", "192.0.2.2", NULL);
	b = core_build(config);
	ck_assert_ptr_ne(
			med_snapshot_trunk(a, MED_STR("t")), med_snapshot_trunk(b, MED_STR("t")));
	ck_assert_ptr_eq(med_snapshot_card(a, MED_KIND_TRUNK, MED_STR("t")),
			med_snapshot_card(b, MED_KIND_TRUNK, MED_STR("t")));
	ck_assert_ptr_ne(med_snapshot_card(a, MED_KIND_GATEWAY, MED_STR("gw")),
			med_snapshot_card(b, MED_KIND_GATEWAY, MED_STR("gw")));
	med_config_release(config, a);
	med_config_release(config, b);
	finish();
}
END_TEST

int main(void)
{
	const TTest *tests[] = {what_differs_from_the_defaults, defaults_are_filled_in,
			a_secret_is_not_shown, filters, what_is_refused_is_not_listed,
			routes_by_usage, always_in_order, out_of_memory, a_change_costs_what_changed,
			cards_stay_when_others_change};

	return core_run("card", tests, COUNT(tests));
}
