/**
 * med_rpc_list.c - RPC mediation.trunks and its like: objects in force, in pages
 *
 * One shape for all kinds: [id [from-field fields]], [offset limit] or
 * [field=value offset limit].
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_rpc_list.h"

#include "med_compat.h"
#include "med_health.h"
#include "med_limit.h"
#include "med_rpc_item.h"
#include "med_rpc_words.h"
#include "med_shm.h"
#include "med_status.h"
#include "medcore/listing.h"
#include "medcore/targets.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define FIELDS_LIMIT 10000 /* more than any object has */

/** One answer under way. */
typedef struct listing {
	rpc_t *rpc;
	void *ctx, *top, *list;
	const med_snapshot_t *snapshot;
	enum med_kind kind;
	med_page_t page;
	const med_wanted_t *wanted; /**< NULL: all */
	size_t left;                /**< bytes of the answer */
	size_t seen;                /**< wanted ones so far */
	int shown;
	bool full, failed;
} listing_t;

/** What the list is called in an answer, and the method. */
static const char *plural(enum med_kind kind)
{
	static const char *const names[MED_KIND_COUNT] = {
			[MED_KIND_SITE] = "sites",
			[MED_KIND_GATEWAY] = "gateways",
			[MED_KIND_TRUNK] = "trunks",
			[MED_KIND_PROFILE] = "profiles",
			[MED_KIND_RULES] = "rules",
			[MED_KIND_POLICY] = "policies",
			[MED_KIND_ROUTE] = "routes",
			[MED_KIND_POOL] = "pools",
			[MED_KIND_RESPONSE_RULES] = "response_rules",
			[MED_KIND_LIMITS] = "limits",
			[MED_KIND_SCHEDULE] = "schedules",
			[MED_KIND_LOCATION_POLICY] = "location_policies",
			[MED_KIND_GUARD] = "guards",
			[MED_KIND_TEST] = "tests",
	};

	return names[kind];
}

static void does_not_fit(rpc_t *rpc, void *ctx)
{
	rpc->fault(ctx, 500, MED_FMT("the answer does not fit: ask for fewer with a limit"));
}

/* ---- what is not there ---- */

void med_rpc_absent(rpc_t *rpc, void *ctx, enum med_kind kind, med_str_t id)
{
	med_status_t *status = med_status_get();
	const med_status_faults_t *refused = status ? &status->faults[MED_REFUSED] : NULL;
	char object[sizeof refused->item[0].object], quoted[100];
	unsigned i = 0;

	snprintf(object, sizeof object, "%s:%.*s", med_kind_name(kind),
			(int)(id.len < sizeof object ? id.len : sizeof object), id.s);
	while(refused && i < refused->count && strcmp(refused->item[i].object, object) != 0)
		i++;
	med_quote(quoted, sizeof quoted, id);
	if(refused && i < refused->count)
		rpc->fault(ctx, 404, MED_FMT("not in force: %s"), refused->item[i].text);
	else if(refused && refused->total > refused->count)
		rpc->fault(ctx, 404,
				MED_FMT("no %s '%s' is in force; it may be among %u refused objects that "
						"are not listed"),
				med_kind_name(kind), quoted, refused->total - refused->count);
	else
		rpc->fault(
				ctx, 404, MED_FMT("no %s '%s' is in force"), med_kind_name(kind), quoted);
	if(status)
		pkg_free(status);
}

/* ---- one object ---- */

static void show_usages(med_item_t *item, const med_profile_t *profile)
{
	static const med_field_def_t ids = {.type = MED_TYPE_IDS};
	char text[MED_USAGES_MAX * (MED_ID_MAX + 1)];
	size_t len = 0;

	for(size_t i = 0; i < profile->usage_count && len < sizeof text; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "%s%.*s", i ? "," : "",
				MED_STR_FMT(profile->usages[i]));
	med_item_show(item, &ids, MED_STR("usages"),
			(med_str_t){text, len < sizeof text ? len : sizeof text - 1});
}

/** What a trunk is beside what was written: effective policy, and how it is doing. */
static void show_trunk_state(med_item_t *item, const med_trunk_t *trunk)
{
	med_trunk_state_t *state = med_shm_trunk_state(trunk->number);
	const med_profile_t *profile = trunk->profile;

	med_item_text(item, "address", trunk->gateway->address);
	med_item_text(item, "profile", profile->id);
	med_item_text(item, "srtp_configured",
			med_str(med_srtp_mode_name((enum med_srtp_mode)profile->srtp_mode)));
	med_item_text(item, "srtp",
			med_str(med_srtp_mode_name((enum med_srtp_mode)trunk->leg.srtp)));
	med_item_text(item, "srtp_keys", med_str(med_srtp_keys_name(&trunk->leg)));
	med_item_text(item, "anchored", med_str(trunk->leg.anchored ? "yes" : "no"));
	if(state) {
		med_item_number(
				item, "calls_in", __atomic_load_n(&state->calls_in, __ATOMIC_RELAXED));
		med_item_number(item, "calls_out",
				__atomic_load_n(&state->metrics.answers, __ATOMIC_RELAXED));
		med_item_number(
				item, "attempts", __atomic_load_n(&state->attempts, __ATOMIC_RELAXED));
		med_item_number(
				item, "failures", __atomic_load_n(&state->failures, __ATOMIC_RELAXED));
	}
	med_limit_show_trunk(item, trunk);
	med_health_show(item, trunk);
	show_usages(item, profile);
}

/** Where its name leads, and since when. */
static void show_gateway_state(med_item_t *item, const med_gateway_t *gateway)
{
	static const med_field_def_t ids = {.type = MED_TYPE_IDS};
	char text[MED_TARGETS_MAX * 56], ip[48], since[32];
	time_t at = (time_t)gateway->looked_up;
	size_t len = 0;
	struct tm tm;

	if(!gateway->named)
		return;
	for(unsigned i = 0; i < gateway->target_count && len < sizeof text; i++) {
		const med_target_t *target = &gateway->targets[i];
		med_ip_format(&target->ip, ip, sizeof ip);
		len += (size_t)snprintf(text + len, sizeof text - len,
				target->port && !med_ip_is_v4(&target->ip) ? "%s[%s]" : "%s%s",
				i ? "," : "", ip);
		if(target->port && len < sizeof text)
			len += (size_t)snprintf(
					text + len, sizeof text - len, ":%u", (unsigned)target->port);
	}
	med_item_show(item, &ids, MED_STR("addresses"),
			(med_str_t){text, len < sizeof text ? len : sizeof text - 1});
	if(at && gmtime_r(&at, &tm)
			&& strftime(since, sizeof since, "%Y-%m-%dT%H:%M:%SZ", &tm))
		med_item_text(item, "addresses_since", med_str(since));
}

static void show_card(med_item_t *item, const med_snapshot_t *snapshot,
		enum med_kind kind, const med_card_t *card)
{
	const med_gateway_t *gateway;
	const med_limits_t *limits;
	const med_trunk_t *trunk;

	med_item_add(item, "id", med_card_id(card));
	med_shown(snapshot, kind, card, med_item_show, item);
	trunk = kind == MED_KIND_TRUNK ? med_snapshot_trunk(snapshot, med_card_id(card))
								   : NULL;
	gateway = kind == MED_KIND_GATEWAY ? med_snapshot_gateway(snapshot, med_card_id(card))
									   : NULL;
	limits = kind == MED_KIND_LIMITS ? med_snapshot_limits(snapshot, med_card_id(card))
									 : NULL;
	if(limits)
		med_limit_show(item, limits);
	if(trunk)
		show_trunk_state(item, trunk);
	if(gateway)
		show_gateway_state(item, gateway);
	med_item_end(item);
}

static void one_card(listing_t *l, med_str_t id)
{
	const med_card_t *card = med_snapshot_card(l->snapshot, l->kind, id);
	med_item_t item = {.rpc = l->rpc,
			.left = MED_ITEM_BYTES,
			.from = (unsigned)l->page.offset,
			.limit = (unsigned)l->page.limit};

	if(!card) {
		med_rpc_absent(l->rpc, l->ctx, l->kind, id);
		return;
	}
	if(l->rpc->add(l->ctx, MED_FMT("{"), &item.node) < 0) {
		does_not_fit(l->rpc, l->ctx);
		return;
	}
	show_card(&item, l->snapshot, l->kind, card);
	if(item.failed)
		does_not_fit(l->rpc, l->ctx);
}

/* ---- many ---- */

/** The next structure of the list; false: the page is full. */
static bool next_item(listing_t *l, med_item_t *item)
{
	l->full = l->full || l->shown == l->page.limit || l->left < MED_ITEM_LEAST;
	if(l->full || l->failed)
		return false;
	*item = (med_item_t){.rpc = l->rpc, .left = MED_ITEM_LEAST};
	l->failed = l->rpc->array_add(l->list, MED_FMT("{"), &item->node) < 0;
	return !l->failed;
}

static void end_item(listing_t *l, const med_item_t *item)
{
	l->left -= MED_ITEM_LEAST - item->left;
	l->shown++;
	l->failed = l->failed || item->failed;
}

/** Counts one that is wanted; true: it is of the page. */
static bool is_of_page(listing_t *l)
{
	return l->seen++ >= (size_t)l->page.offset;
}

static void list_card(listing_t *l, const med_card_t *card)
{
	med_item_t item;

	if(!next_item(l, &item))
		return;
	show_card(&item, l->snapshot, l->kind, card);
	end_item(l, &item);
}

/** @return how many are wanted */
static size_t list_cards(listing_t *l)
{
	size_t total = med_snapshot_count(l->snapshot, l->kind);

	if(!l->wanted) {
		for(size_t i = (size_t)l->page.offset; i < total && !l->full && !l->failed; i++)
			list_card(l, med_snapshot_card_at(l->snapshot, l->kind, i));
		return total;
	}
	for(size_t i = 0; i < total && !l->failed; i++) {
		const med_card_t *card = med_snapshot_card_at(l->snapshot, l->kind, i);
		if(med_wanted_card(l->wanted, l->snapshot, l->kind, card) && is_of_page(l))
			list_card(l, card);
	}
	return l->seen;
}

/** The beginning of a page; false: @p ctx got a fault. */
static bool begin_page(listing_t *l)
{
	l->left = MED_ANSWER_BYTES;
	if(l->rpc->add(l->ctx, MED_FMT("{"), &l->top) >= 0
			&& l->rpc->struct_add(l->top, MED_FMT("dd"), "offset", l->page.offset,
					   "limit", l->page.limit)
					>= 0
			&& l->rpc->struct_add(l->top, MED_FMT("["), plural(l->kind), &l->list) >= 0)
		return true;
	does_not_fit(l->rpc, l->ctx);
	return false;
}

static void add_count(listing_t *l, const char *name, size_t value)
{
	l->failed = l->failed
			|| l->rpc->struct_add(
					   l->top, MED_FMT("d"), name, value > INT_MAX ? INT_MAX : (int)value)
					< 0;
}

/** Where the next page begins, if there is one. */
static void add_next(listing_t *l)
{
	if(l->full)
		add_count(l, "next", (size_t)l->page.offset + (size_t)l->shown);
	if(l->failed)
		does_not_fit(l->rpc, l->ctx);
}

static void many_cards(listing_t *l)
{
	size_t total;

	if(!begin_page(l))
		return;
	total = list_cards(l);
	add_count(l, "total", total);
	l->full = l->full && (size_t)l->page.offset + (size_t)l->shown < total;
	add_next(l);
}

/* ---- routes ---- */

static bool list_route(void *ctx, med_str_t usage, const med_route_t *route)
{
	listing_t *l = ctx;
	med_item_t item;

	if(l->wanted && !med_wanted_route(l->wanted, l->snapshot, usage, route))
		return true;
	if(!is_of_page(l))
		return true;
	if(!next_item(l, &item))
		return false;
	med_item_add(&item, "id", med_route_id(route));
	med_item_add(&item, "usage", usage);
	med_route_shown(l->snapshot, (med_str_t){0}, route, med_item_show, &item);
	med_item_end(&item);
	end_item(l, &item);
	return !l->failed;
}

/** The total is told where it is known without looking at every route. */
static void many_routes(listing_t *l)
{
	med_str_t usage = {0};
	bool whole = l->wanted && l->wanted->def && !l->wanted->begins
			&& strcmp(l->wanted->def->name, "usages") == 0;
	char quoted[100];
	int rc;

	if(whole) {
		usage = l->wanted->value;
		l->wanted = NULL;
	}
	if(whole && !med_routes_count(l->snapshot, usage)) {
		l->rpc->fault(l->ctx, 404, MED_FMT("no route has the usage '%s'"),
				med_quote(quoted, sizeof quoted, usage));
		return;
	}
	if(!begin_page(l))
		return;
	rc = med_routes_each(l->snapshot, usage, &med_mem_heap, list_route, l);
	if(rc != MED_EOK) {
		l->rpc->fault(l->ctx, 500, MED_FMT("%s"), med_strerror(rc));
		return;
	}
	if(!l->wanted)
		add_count(l, "total", med_routes_count(l->snapshot, usage));
	add_next(l);
}

/** A route, and all usages it stands in. */
typedef struct search {
	med_str_t id;
	const med_route_t *found;
	char usages[MED_USAGES_MAX * (MED_ID_MAX + 1)];
	size_t len;
} search_t;

static bool match_route(void *ctx, med_str_t usage, const med_route_t *route)
{
	search_t *search = ctx;

	if(!med_str_eq(med_route_id(route), search->id))
		return true;
	search->found = route;
	if(search->len < sizeof search->usages)
		search->len += (size_t)snprintf(search->usages + search->len,
				sizeof search->usages - search->len, "%s%.*s", search->len ? "," : "",
				MED_STR_FMT(usage));
	return true;
}

static void one_route(listing_t *l, med_str_t id)
{
	search_t search = {.id = id};
	med_item_t item = {.rpc = l->rpc,
			.left = MED_ITEM_BYTES,
			.from = (unsigned)l->page.offset,
			.limit = (unsigned)l->page.limit};
	int rc = med_routes_each(
			l->snapshot, (med_str_t){0}, &med_mem_heap, match_route, &search);

	if(rc != MED_EOK) {
		l->rpc->fault(l->ctx, 500, MED_FMT("%s"), med_strerror(rc));
		return;
	}
	if(!search.found) {
		med_rpc_absent(l->rpc, l->ctx, MED_KIND_ROUTE, id);
		return;
	}
	if(l->rpc->add(l->ctx, MED_FMT("{"), &item.node) < 0) {
		does_not_fit(l->rpc, l->ctx);
		return;
	}
	med_item_add(&item, "id", id);
	med_route_shown(l->snapshot, (med_str_t){search.usages, search.len}, search.found,
			med_item_show, &item);
	med_item_end(&item);
	if(item.failed)
		does_not_fit(l->rpc, l->ctx);
}

/* ---- what is asked for ---- */

bool med_page_read(rpc_t *rpc, void *ctx, med_str_t offset, med_str_t limit, int max,
		med_page_t *page)
{
	page->offset = med_word_number(offset, INT_MAX - max);
	page->limit = med_word_number(limit, max);
	if(page->offset >= 0 && page->limit > 0)
		return true;
	rpc->fault(ctx, 400,
			MED_FMT("the last two words are offset and limit, numbers from 0 and from 1 "
					"to "
					"%d"),
			max);
	return false;
}

static void answer(listing_t *l, const med_words_t *words)
{
	unsigned last = words->count;
	med_wanted_t wanted;
	med_errbuf_t why;
	bool filtered =
			words->count == 3 && memchr(words->word[0].s, '=', words->word[0].len);

	if(last > 1
			&& !med_page_read(l->rpc, l->ctx, words->word[last - 2],
					words->word[last - 1],
					last == 3 && !filtered ? FIELDS_LIMIT : MED_PAGE_MAX, &l->page))
		return;
	if(filtered && med_wanted_parse(l->kind, words->word[0], &wanted, &why) != MED_EOK) {
		l->rpc->fault(l->ctx, 400, MED_FMT("%s"), why.text);
		return;
	}
	l->wanted = filtered ? &wanted : NULL;
	if(words->count == 1 || (words->count == 3 && !filtered)) {
		if(l->kind == MED_KIND_ROUTE)
			one_route(l, words->word[0]);
		else
			one_card(l, words->word[0]);
	} else if(l->kind == MED_KIND_ROUTE) {
		many_routes(l);
	} else {
		many_cards(l);
	}
}

void med_rpc_list(rpc_t *rpc, void *ctx, enum med_kind kind)
{
	MED_SNAPSHOT(snapshot);
	listing_t l = {.rpc = rpc, .ctx = ctx, .snapshot = snapshot, .kind = kind};
	med_words_t words;

	if(!med_words_scan(rpc, ctx, 3, &words))
		return;
	if(!snapshot) {
		rpc->fault(ctx, 503, MED_FMT("nothing is loaded yet: see mediation.status"));
		return;
	}
	l.page.limit = words.count == 1 ? FIELDS_LIMIT : MED_PAGE_DEFAULT;
	answer(&l, &words);
}
