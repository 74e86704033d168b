/**
 * lib_decide_data.c - the data set of the decide benchmark, from a fixed seed
 *
 * Prefixes come from a tree of number blocks: a block's 2 to 9 leading digits are all
 * prefixes in use, so they nest. There are as many blocks per route in every size.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/bench/decide.h"

#define ROUTES_PER_BLOCK 20

const char *const decide_dial_rules[DECIDE_DIAL_RULES] = {
		"^(11[02])$ => +49$1",
		"^0118(\\d+)$ => +44$1",
		"^(?!00)0([1-9]\\d{2,12})$ => +49$1",
		"^9011(\\d{7,15})$ => +$1",
		"^91([2-9]\\d{2}[2-9]\\d{6})$ => +1$1",
		"^(\\d{4})$ => +4930555$1",
		"^00(\\d{5,15})$ => +$1",
		"^8(\\d{5,15})$ => +$1",
};

const char *const decide_out_rules[DECIDE_OUT_RULES] = {
		"^\\+1(900\\d{7})$ => 1$1",
		"^\\+(?:88[123]|87[08])(\\d+)$ => 00$1",
		"^\\+1([2-9]\\d{9})$ => $1",
		"^\\+49([1-9]\\d+)$ => 0$1",
		"^\\+(\\d{6})$ => $1",
		"^\\+(\\d*)$ => 00$1",
};

static uint64_t state;

static uint64_t draw(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static uint32_t below(uint32_t limit)
{
	return (uint32_t)(draw() % limit);
}

static void *need(size_t count, size_t size)
{
	void *block = calloc(count, size);

	if(block == NULL) {
		fprintf(stderr, "out of memory\n");
		exit(1);
	}
	return block;
}

/* ---- distinct patterns ----------------------------------------------------------------
 */

typedef struct seen {
	uint32_t *slot; /* route + 1 */
	size_t mask;
} seen_t;

static bool is_new(seen_t *seen, const decide_set_t *set, size_t route)
{
	const char *pattern = set->route[route].pattern;
	size_t at = med_hash(pattern, strlen(pattern)) & seen->mask;

	for(; seen->slot[at] != 0; at = (at + 1) & seen->mask) {
		if(strcmp(set->route[seen->slot[at] - 1].pattern, pattern) == 0)
			return false;
	}
	seen->slot[at] = (uint32_t)route + 1;
	return true;
}

/* ---- routes ---------------------------------------------------------------------------
 */

static void digits(char *out, size_t count)
{
	for(size_t i = 0; i < count; i++)
		out[i] = (char)('0' + below(10));
	out[0] = (char)('1' + below(9));
	out[count] = '\0';
}

static void write_pattern(decide_route_t *r, unsigned kind)
{
	unsigned length = (unsigned)strlen(r->prefix), rest;
	char stem[12];

	r->length = (uint8_t)(10 + below(6));
	rest = r->length - length;
	if(kind < 60) {
		snprintf(r->pattern, sizeof(r->pattern), "^\\+%s\\d{%u}$", r->prefix, rest);
	} else if(kind < 98) {
		static const char *const any[] = {
				"^\\+%s\\d*$", "^\\+%s", "^\\+?%s\\d+$", "^\\+%s\\d{%u,}$"};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(r->pattern, sizeof(r->pattern), any[below(4)], r->prefix, below(3) + 1);
#pragma GCC diagnostic pop
	} else {
		memcpy(stem, r->prefix, sizeof(stem));
		stem[length - 1] = '\0';
		snprintf(r->pattern, sizeof(r->pattern), "^\\+%s(%c|%u|%c%u)\\d{%u}$", stem,
				r->prefix[length - 1], below(10), '0' + (int)below(10), below(10), rest);
	}
}

static void make_route(
		decide_route_t *r, const char *blocks, size_t block_count, unsigned kind)
{
	const char *block = blocks + 10 * below((uint32_t)block_count);
	size_t length = 2 + below(8);

	memset(r->prefix, 0, sizeof(r->prefix));
	memcpy(r->prefix, block, length);
	if(length > 5 && below(3) == 0) /* a sibling */
		r->prefix[length - 1] = (char)('0' + below(10));
	write_pattern(r, kind);
}

/* No literal prefix: look-ahead, free start, or a backward reference. */
static void make_pcre(decide_route_t *r, size_t i)
{
	r->length = 0;
	if(i % 3 == 0)
		snprintf(r->pattern, sizeof(r->pattern), "^\\+(?!0)\\d*%03zu\\d%zu$", 311 + 7 * i,
				i % 10);
	else if(i % 3 == 1)
		snprintf(r->pattern, sizeof(r->pattern), "(?<!\\+0\\d*)%04zu$", 1307 + 97 * i);
	else
		snprintf(r->pattern, sizeof(r->pattern), "^\\+([1-9]\\d)\\d+\\1%02zu$", 13 + i);
	if(i % 3 == 1) /* .NET's look-behind may vary in length, PCRE2's may not */
		snprintf(r->pattern, sizeof(r->pattern), "[1-9]%04zu$", 1307 + 97 * i);
}

static void give_trunks(decide_route_t *r, size_t trunks)
{
	r->trunk_count = (uint8_t)(1 + below(4));
	for(unsigned i = 0; i < r->trunk_count; i++) {
		r->trunk[i] = (uint16_t)below((uint32_t)trunks);
		r->weight[i] = (uint8_t)(below(3) == 0 ? 1 + below(5) : 1);
	}
	r->priority = (uint8_t)below(4);
}

static void make_routes(decide_set_t *set)
{
	size_t block_count = set->routes / ROUTES_PER_BLOCK + 1;
	char *blocks = need(block_count, 10);
	seen_t seen = {.mask = 1};

	while(seen.mask < set->routes * 2)
		seen.mask *= 2;
	seen.slot = need(seen.mask--, sizeof(*seen.slot));
	for(size_t i = 0; i < block_count; i++)
		digits(blocks + 10 * i, 9);
	for(size_t i = 0; i < set->routes; i++) {
		decide_route_t *r = &set->route[i];
		unsigned kind = below(100);
		r->usage = (uint8_t)below(DECIDE_USAGES);
		give_trunks(r, set->trunks);
		if(i < DECIDE_PCRE) {
			r->usage = (uint8_t)(i * DECIDE_USAGES / DECIDE_PCRE);
			make_pcre(r, i);
			if(!is_new(&seen, set, i))
				abort();
			continue;
		}
		do {
			make_route(r, blocks, block_count, kind);
		} while(!is_new(&seen, set, i));
	}
	free(seen.slot);
	free(blocks);
}

static const decide_set_t *ordering;

static int compare_routes(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int order = ordering->route[x].priority - ordering->route[y].priority;

	return order != 0 ? order : x < y ? -1 : x > y; /* ids are numbers of equal length */
}

void decide_set_order(decide_set_t *set)
{
	memset(set->order_count, 0, sizeof(set->order_count));
	for(size_t i = 0; i < set->routes; i++)
		set->order_count[set->route[i].usage]++;
	for(size_t u = 0; u < DECIDE_USAGES; u++) {
		free(set->order[u]);
		set->order[u] = need(set->order_count[u] + 1, sizeof(*set->order[u]));
		set->order_count[u] = 0;
	}
	for(size_t i = 0; i < set->routes; i++) {
		uint8_t u = set->route[i].usage;
		set->order[u][set->order_count[u]++] = (uint32_t)i;
	}
	ordering = set;
	for(size_t u = 0; u < DECIDE_USAGES; u++)
		qsort(set->order[u], set->order_count[u], sizeof(*set->order[u]), compare_routes);
}

/* ---- calls ----------------------------------------------------------------------------
 */

/* A number that a route of one of the trunk's usages takes. */
static void make_called(const decide_set_t *set, decide_call_t *call)
{
	const uint8_t *usages = set->site_usage[decide_site_of(call->trunk)];
	uint8_t usage = usages[below(DECIDE_SITE_USAGES)];
	const decide_route_t *r = NULL;
	size_t length;

	do {
		usage = usages[below(DECIDE_SITE_USAGES)];
		if(set->order_count[usage] > 0)
			r = &set->route[set->order[usage][below((uint32_t)set->order_count[usage])]];
	} while(r == NULL || r->length == 0);
	length = strlen(r->prefix);
	call->called[0] = '+';
	memcpy(call->called + 1, r->prefix, length);
	for(size_t i = length; i < r->length; i++)
		call->called[1 + i] = (char)('0' + below(10));
	call->called[1 + r->length] = '\0';
}

/* As people dial it, so that the dial plan has something to do. */
static void make_dialled(decide_call_t *call)
{
	const char *e164 = call->called + 1;
	static const char *const ways[] = {"+", "00", "8", "9011"};
	unsigned way = below(4);

	if(way == 3 && strlen(e164) < 7)
		way = 0;
	snprintf(call->dialled, sizeof(call->dialled), "%s%s", ways[way], e164);
}

static void make_calls(decide_set_t *set)
{
	for(size_t i = 0; i < DECIDE_CALLS; i++) {
		decide_call_t *call = &set->call[i];
		call->trunk = (uint16_t)below((uint32_t)set->trunks);
		call->nothing = i % 10 == 9;
		if(call->nothing)
			snprintf(call->called, sizeof(call->called), "+0%09u0", below(1000000000));
		else
			make_called(set, call);
		make_dialled(call);
		snprintf(call->calling, sizeof(call->calling), "+%u%09u", 1 + below(60),
				below(1000000000));
	}
}

decide_set_t *decide_set_new(size_t routes, size_t trunks)
{
	decide_set_t *set = need(1, sizeof(*set));

	state = 20130611;
	set->routes = routes;
	set->trunks = trunks;
	set->route = need(routes, sizeof(*set->route));
	make_routes(set);
	decide_set_order(set);
	for(size_t s = 0; s < DECIDE_SITES; s++) {
		for(size_t k = 0; k < DECIDE_SITE_USAGES; k++) /* distinct within a site */
			set->site_usage[s][k] = (uint8_t)((s * 4 + k * 37) % DECIDE_USAGES);
	}
	make_calls(set);
	return set;
}

void decide_set_one_usage(decide_set_t *set)
{
	for(size_t i = 0; i < set->routes; i++)
		set->route[i].usage = 0;
	for(size_t s = 0; s < DECIDE_SITES; s++) {
		for(size_t k = 0; k < DECIDE_SITE_USAGES; k++)
			set->site_usage[s][k] = (uint8_t)k;
	}
	decide_set_order(set);
}

void decide_set_free(decide_set_t *set)
{
	for(size_t u = 0; u < DECIDE_USAGES; u++)
		free(set->order[u]);
	free(set->route);
	free(set);
}

/* ---- loading --------------------------------------------------------------------------
 */

static void put(med_config_t *config, enum med_kind kind, const char *id,
		const med_field_t *fields, size_t count)
{
	med_errbuf_t err = {""};

	if(med_config_set(config, kind, med_str(id), fields, count, &err) == MED_EOK)
		return;
	fprintf(stderr, "%s\n", err.text);
	exit(1);
}

#define FIELD(name, value) ((med_field_t){MED_STR(name), med_str(value)})

void decide_load_route(const decide_set_t *set, med_config_t *config, size_t i)
{
	const decide_route_t *r = &set->route[i];
	char id[24], usage[12], priority[4], trunks[128];
	size_t used = 0;

	snprintf(id, sizeof(id), "r%07zu", i);
	snprintf(usage, sizeof(usage), "u%03u", r->usage);
	snprintf(priority, sizeof(priority), "%u", r->priority);
	for(unsigned k = 0; k < r->trunk_count; k++)
		used += (size_t)snprintf(trunks + used, sizeof(trunks) - used, "%st%05u*%u",
				k == 0 ? "" : ",", r->trunk[k], r->weight[k]);
	put(config, MED_KIND_ROUTE, id,
			(med_field_t[]){FIELD("pattern", r->pattern), FIELD("usages", usage),
					FIELD("trunks", trunks), FIELD("priority", priority),
					FIELD("schedule",
							decide_schedule_of(i) == DECIDE_OPEN ? "open" : "closed")},
			decide_schedule_of(i) == DECIDE_ALWAYS ? 4 : 5);
}

void decide_load_trunk(med_config_t *config, size_t trunk, const char *name)
{
	char id[24], gateway[24];

	snprintf(id, sizeof(id), "t%05zu", trunk);
	snprintf(gateway, sizeof(gateway), "g%05zu", trunk);
	put(config, MED_KIND_TRUNK, id,
			(med_field_t[]){FIELD("gateway", gateway), FIELD("name", name),
					FIELD("transport", decide_trunk_is_tls(trunk) ? "tls" : "tcp")},
			3);
}

static void load_gateway(med_config_t *config, size_t trunk)
{
	char id[24], address[40], site[12];

	snprintf(id, sizeof(id), "g%05zu", trunk);
	snprintf(site, sizeof(site), "s%02zu", decide_site_of(trunk));
	if(decide_trunk_is_tls(trunk))
		snprintf(address, sizeof(address), "gw%05zu.example.net", trunk);
	else
		snprintf(address, sizeof(address), "10.1.%zu.%zu", trunk / 250, trunk % 250 + 1);
	put(config, MED_KIND_GATEWAY, id,
			(med_field_t[]){FIELD("address", address), FIELD("site", site),
					FIELD("peer",
							decide_trunk_is_pstn(trunk) ? "pstn_gateway" : "ip_pbx")},
			3);
}

static void load_rules(
		med_config_t *config, const char *id, const char *const *rules, size_t count)
{
	char names[16][12];
	med_field_t fields[16];

	for(size_t i = 0; i < count; i++) {
		snprintf(names[i], sizeof(names[i]), "rule.%zu", i);
		fields[i] = (med_field_t){med_str(names[i]), med_str(rules[i])};
	}
	put(config, MED_KIND_RULES, id, fields, count);
}

void decide_load(const decide_set_t *set, med_config_t *config, bool with_routes)
{
	for(size_t s = 0; s < DECIDE_SITES; s++) {
		char id[16], usages[64], dial[12], out[12];
		size_t used = 0;
		snprintf(id, sizeof(id), "site:s%02zu", s);
		snprintf(dial, sizeof(dial), "dial%02zu", s);
		snprintf(out, sizeof(out), "out%02zu", s);
		for(size_t k = 0; k < DECIDE_SITE_USAGES; k++)
			used += (size_t)snprintf(usages + used, sizeof(usages) - used, "%su%03u",
					k == 0 ? "" : ",", set->site_usage[s][k]);
		load_rules(config, dial, decide_dial_rules, DECIDE_DIAL_RULES);
		load_rules(config, out, decide_out_rules, DECIDE_OUT_RULES);
		put(config, MED_KIND_PROFILE, id,
				(med_field_t[]){FIELD("pstn_usages", usages), FIELD("dial_plan", dial),
						FIELD("outbound_translation_rules", out),
						FIELD("outbound_calling_number_translation_rules", out)},
				4);
	}
	put(config, MED_KIND_SCHEDULE, "open",
			(med_field_t[]){FIELD("time_zone", "Europe/Berlin"),
					FIELD("times", "mon-fri 08:00-18:00,sat-sun"),
					FIELD("closed", "12-25")},
			3);
	put(config, MED_KIND_SCHEDULE, "closed",
			(med_field_t[]){FIELD("time_zone", "America/New_York"),
					FIELD("times", "mon-fri 08:00-18:00"),
					FIELD("closed", "05-01,12-25")},
			3);
	for(size_t t = 0; t < set->trunks; t++) {
		load_gateway(config, t);
		decide_load_trunk(config, t, "");
	}
	for(size_t i = 0; with_routes && i < set->routes; i++)
		decide_load_route(set, config, i);
}

void decide_source(
		size_t trunk, med_source_t *source, med_str_t *name, char *text, size_t size)
{
	memset(source, 0, sizeof(*source));
	source->transport = decide_trunk_is_tls(trunk) ? MED_TLS : MED_TCP;
	source->local_port = decide_trunk_is_tls(trunk) ? 5067 : 5068;
	if(decide_trunk_is_tls(trunk)) {
		snprintf(text, size, "GW%05zu.example.net", trunk);
		*name = med_str(text);
		source->tls_names = name;
		source->tls_name_count = 1;
	} else {
		snprintf(text, size, "10.1.%zu.%zu", trunk / 250, trunk % 250 + 1);
		if(med_ip_parse(med_str(text), &source->address) != MED_EOK)
			abort();
	}
}
