/**
 * med_metrics.c - see med_metrics.h
 *
 * A family's samples stand together, so each is a walk through the trunks of the page.
 * Which trunks these are is decided beforehand, by what they take at most: a reply has
 * a bound, and so has the time that a worker is at it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modules/xhttp/api.h"

#include "med_events.h"
#include "med_health.h"
#include "med_limit.h"
#include "med_params.h"
#include "med_policy_listener.h"
#include "med_rpc_item.h"
#include "med_rpc_list.h"
#include "med_rpc_words.h"
#include "med_shm.h"
#include "med_stats.h"
#include "med_status.h"
#include "med_verbs.h"
#include "medcore/card.h"

/* Bytes that a trunk's samples take at most, its id left out: without calls, with them.
 */
#define MED_IDLE_LINES 1u
#define MED_IDLE_BYTES 36u
#define MED_BUSY_LINES 24u
#define MED_BUSY_BYTES 2048u
#define MED_METRICS_MAX_KB 4096 /* pkg memory holds it twice for a moment */

static xhttp_api_t http;

int med_metrics_init(void)
{
	if(med_param_metrics_kb < 64 || med_param_metrics_kb > MED_METRICS_MAX_KB) {
		LM_ERR("metrics_kb %d: not between 64 and %d\n", med_param_metrics_kb,
				MED_METRICS_MAX_KB);
		return -1;
	}
	if(find_export("bind_xhttp", 0, 0) != NULL && xhttp_load_api(&http) < 0)
		return -1;
	return 0;
}

/* ---- counted --------------------------------------------------------------------------
 */

static med_trunk_metrics_t *med_metrics_of(const med_call_t *call)
{
	med_trunk_state_t *state = med_shm_trunk_state(call->out.number);

	return state != NULL ? &state->metrics : NULL;
}

void med_metrics_rings(const med_call_t *call)
{
	med_trunk_metrics_t *metrics = med_metrics_of(call);

	if(metrics != NULL)
		med_metrics_delay(metrics, (uint32_t)(med_now_ms() - call->try_started));
}

void med_metrics_final(const med_call_t *call, unsigned code)
{
	med_trunk_metrics_t *metrics = med_metrics_of(call);

	if(metrics == NULL)
		return;
	if(code >= 300) {
		med_metrics_ended(metrics, med_ended_by(code));
		return;
	}
	med_metrics_answered(metrics);
	if(!call->progress)
		med_metrics_delay(metrics, call->tries[call->try_current].ms);
}

void med_metrics_failed(const med_call_t *call, enum med_ended ended)
{
	med_trunk_metrics_t *metrics = med_metrics_of(call);

	if(metrics != NULL)
		med_metrics_ended(metrics, ended);
}

/* ---- the node -------------------------------------------------------------------------
 */

static void med_put_gauge(
		med_metrics_text_t *text, const char *name, uint64_t value, const char *help)
{
	med_metrics_family(text, name, MED_GAUGE, help);
	med_metrics_sample(text, name, "", NULL, 0, value);
}

static void med_put_totals(med_metrics_text_t *text)
{
	char name[64];

	for(int i = 0; i < MED_STAT_COUNT; i++) {
		snprintf(name, sizeof name, "mediation_%s_total",
				med_stats_name((enum med_stat)i));
		med_metrics_family(text, name, MED_COUNTER, med_stats_doc((enum med_stat)i));
		med_metrics_sample(
				text, name, "", NULL, 0, (uint64_t)med_stats_get((enum med_stat)i));
	}
}

static void med_put_status(med_metrics_text_t *text)
{
	med_status_t *status = med_status_get();
	med_label_t kind = {.name = "kind"};

	if(status == NULL)
		return; /* told in the log */
	med_put_gauge(text, "mediation_revision", status->revision,
			"Revision of the configuration in force");
	med_put_gauge(text, "mediation_applied_seconds", (uint64_t)status->applied_at,
			"When it came into force, in seconds since 1970");
	med_put_gauge(text, "mediation_redis_live", status->store == MED_STORE_LIVE,
			"1: connected to Redis, and all of it is read");
	med_put_gauge(text, "mediation_snapshots", status->snapshots,
			"Versions of the configuration in memory");
	med_put_gauge(text, "mediation_objects_refused", status->faults[MED_REFUSED].total,
			"What is asked for in Redis and not in force");
	med_put_gauge(text, "mediation_objects_warned", status->faults[MED_WARNED].total,
			"What is in force and may not do what was meant");
	med_put_gauge(text, "mediation_objects_held", status->held.total,
			"Objects that are gone from Redis, and held in force until confirmed");
	med_put_gauge(text, "mediation_policy_listener", med_policy_listener_present(),
			"1: the policy listener in front of rtpengine is there");
	med_put_gauge(text, "mediation_trunks_not_up", med_health_count(),
			"Trunks that are suspect, down, or on trial");
	med_metrics_family(text, "mediation_objects", MED_GAUGE, "Objects in force");
	for(int k = 0; k < MED_KIND_COUNT; k++) {
		kind.value = med_str(med_kind_name((enum med_kind)k));
		med_metrics_sample(text, "mediation_objects", "", &kind, 1, status->objects[k]);
	}
	pkg_free(status);
}

static void med_put_limit(med_metrics_text_t *text, const char *name, med_str_t id,
		const char *way, uint32_t value)
{
	med_label_t labels[] = {{"limits", id}, {"way", med_str(way)}};

	if(value != UINT32_MAX) /* that is none */
		med_metrics_sample(text, name, "", labels, 2, value);
}

/** @param most  true: what they allow, false: how many calls there are */
static void med_put_limits(
		med_metrics_text_t *text, const med_snapshot_t *snapshot, bool most)
{
	const char *name = most ? "mediation_limit_max_calls" : "mediation_limit_calls";

	med_metrics_family(text, name, MED_GAUGE,
			most ? "Calls at a time that are let through"
				 : "Calls at a time, from (in) and to (out) what the limits are for");
	for(size_t i = 0; i < med_snapshot_count(snapshot, MED_KIND_LIMITS); i++) {
		const med_card_t *card = med_snapshot_card_at(snapshot, MED_KIND_LIMITS, i);
		const med_limits_t *limits =
				card != NULL ? med_snapshot_limits(snapshot, med_card_id(card)) : NULL;

		if(limits == NULL)
			continue;
		med_put_limit(text, name, limits->id, "in",
				most ? limits->max_calls_in : med_limit_up(limits, MED_WAY_IN));
		med_put_limit(text, name, limits->id, "out",
				most ? limits->max_calls_out : med_limit_up(limits, MED_WAY_OUT));
		if(most)
			med_put_limit(text, name, limits->id, "both", limits->max_calls);
	}
}

/* ---- trunks ---------------------------------------------------------------------------
 */

/** Trunks whose numbers are at least `first` and less than `end`. */
typedef struct med_metrics_page {
	const med_snapshot_t *snapshot;
	uint32_t first, end;
} med_metrics_page_t;

static uint32_t med_count(const uint32_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static bool med_is_busy(const med_trunk_state_t *state)
{
	return med_count(&state->calls_in) > 0 || med_count(&state->attempts) > 0;
}

/** The next one of the page; those without calls only where they are wanted. */
static const med_trunk_t *med_page_next(const med_metrics_page_t *page, uint32_t *number,
		bool idle, med_trunk_state_t **state)
{
	const med_trunk_t *trunk;

	for(; *number < page->end; ++*number) {
		trunk = med_snapshot_trunk_by_number(page->snapshot, *number);
		if(trunk == NULL)
			continue;
		*state = med_shm_trunk_state(*number);
		if(!idle && !med_is_busy(*state))
			continue;
		++*number;
		return trunk;
	}
	return NULL;
}

/** Ends the page where it would be more than @p room. @return the first one beyond; 0 */
static uint32_t med_page_cut(med_metrics_page_t *page, size_t room)
{
	uint32_t number = page->first;
	med_trunk_state_t *state;
	const med_trunk_t *trunk;
	size_t bytes;
	bool busy;

	while((trunk = med_page_next(page, &number, true, &state)) != NULL) {
		busy = med_is_busy(state);
		bytes = busy ? MED_BUSY_BYTES : MED_IDLE_BYTES;
		bytes += trunk->id.len * (busy ? MED_BUSY_LINES : MED_IDLE_LINES);
		if(bytes > room) {
			page->end = number - 1;
			return page->end;
		}
		room -= bytes;
	}
	return 0;
}

enum med_trunk_counter { MED_COUNT_IN, MED_COUNT_ATTEMPTS, MED_COUNT_ANSWERS };

static void med_put_counter(med_metrics_text_t *text, const med_metrics_page_t *page,
		enum med_trunk_counter which)
{
	static const struct {
		const char *name, *help;
	} families[] = {
			[MED_COUNT_IN] = {"mediation_trunk_calls_in_total",
					"Calls that came in on the trunk"},
			[MED_COUNT_ATTEMPTS] = {"mediation_trunk_attempts_total",
					"Attempts to send a call to the trunk"},
			[MED_COUNT_ANSWERS] = {"mediation_trunk_answers_total",
					"Attempts that were answered"},
	};
	uint32_t number = page->first;
	med_trunk_state_t *state;
	const med_trunk_t *trunk;

	med_metrics_family(text, families[which].name, MED_COUNTER, families[which].help);
	while((trunk = med_page_next(page, &number, false, &state)) != NULL) {
		med_label_t label = {"trunk", trunk->id};

		med_metrics_sample(text, families[which].name, "", &label, 1,
				med_count(which == MED_COUNT_IN               ? &state->calls_in
								: which == MED_COUNT_ATTEMPTS ? &state->attempts
															  : &state->metrics.answers));
	}
}

static void med_put_ended(med_metrics_text_t *text, const med_metrics_page_t *page)
{
	static const char name[] = "mediation_trunk_unanswered_total";
	uint32_t number = page->first;
	med_trunk_state_t *state;
	const med_trunk_t *trunk;

	med_metrics_family(text, name, MED_COUNTER,
			"Attempts that were not answered, by class of the code or by what ended "
			"them");
	while((trunk = med_page_next(page, &number, false, &state)) != NULL)
		for(int i = 0; i < MED_ENDED_COUNT; i++) {
			uint32_t value = med_count(&state->metrics.ended[i]);
			med_label_t labels[] = {{"trunk", trunk->id},
					{"class", med_str(med_ended_name((enum med_ended)i))}};

			if(value > 0)
				med_metrics_sample(text, name, "", labels, 2, value);
		}
}

static void med_put_delays(med_metrics_text_t *text, const med_metrics_page_t *page)
{
	static const char name[] = "mediation_trunk_post_dial_delay_seconds";
	uint32_t number = page->first;
	med_trunk_state_t *state;
	const med_trunk_t *trunk;

	med_metrics_family(text, name, MED_HISTOGRAM,
			"From the INVITE to the first sign of the called party");
	while((trunk = med_page_next(page, &number, false, &state)) != NULL)
		if(med_count(&state->attempts) > 0)
			med_metrics_delays(text, name, "trunk", trunk->id, &state->metrics);
}

static void med_put_states(med_metrics_text_t *text, const med_metrics_page_t *page)
{
	static const char name[] = "mediation_trunk_state";
	uint32_t number = page->first;
	int64_t now = med_now_ms();
	med_trunk_state_t *state;
	const med_trunk_t *trunk;

	med_metrics_family(text, name, MED_GAUGE,
			"0 up, 1 suspect: calls failed, 2 down, 3 down, and the next call is a "
			"trial");
	while((trunk = med_page_next(page, &number, true, &state)) != NULL) {
		med_label_t label = {"trunk", trunk->id};
		med_health_t health = state->health;

		med_metrics_sample(text, name, "", &label, 1, med_health_state(&health, now));
	}
}

static void med_put_trunks(
		med_metrics_text_t *text, med_metrics_page_t *page, size_t room)
{
	uint32_t next = med_page_cut(page, room);

	med_put_counter(text, page, MED_COUNT_IN);
	med_put_counter(text, page, MED_COUNT_ATTEMPTS);
	med_put_counter(text, page, MED_COUNT_ANSWERS);
	med_put_ended(text, page);
	med_put_delays(text, page);
	med_put_states(text, page);
	med_put_gauge(text, "mediation_metrics_next_trunk", next,
			"Number of the first trunk that did not fit into this reply; 0: all did");
}

/* ---- med_metrics() --------------------------------------------------------------------
 */

#define MED_HEADS 1536u /* HELP and TYPE of the trunks' families */

static void med_put_all(med_metrics_text_t *text, med_metrics_page_t *page, bool whole)
{
	size_t limits = 0;

	if(whole) {
		med_put_totals(text);
		med_put_status(text);
	}
	if(page->snapshot == NULL)
		return;
	if(whole && med_snapshot_count(page->snapshot, MED_KIND_LIMITS) > 0) {
		limits = text->size;
		text->size -= limits / 4; /* so that they leave room, however many they are */
		med_put_limits(text, page->snapshot, false);
		med_put_limits(text, page->snapshot, true);
		text->size = limits;
		text->full = false;
	}
	med_put_trunks(text, page, text->size - text->len - MED_HEADS);
}

static int med_metrics_reply(sip_msg_t *msg, med_metrics_page_t *page, bool whole)
{
	static str ok = str_init("OK"), type = str_init("text/plain; version=0.0.4");
	med_metrics_text_t text = {.size = (size_t)med_param_metrics_kb * 1024};
	str body;
	int rc;

	if(http.reply == NULL) {
		LM_ERR("med_metrics() answers by module xhttp, which is not loaded\n");
		return MED_INTERNAL;
	}
	text.s = malloc(text.size);
	if(text.s == NULL) {
		LM_ERR("no memory for %zu bytes of metrics\n", text.size);
		return MED_INTERNAL;
	}
	med_put_all(&text, page, whole);
	body = (str){text.s, (int)text.len};
	rc = http.reply(msg, 200, &ok, &type, &body);
	free(text.s);
	return rc < 0 ? MED_INTERNAL : MED_YES;
}

int ki_med_metrics(sip_msg_t *msg)
{
	MED_SNAPSHOT(snapshot);
	med_metrics_page_t page = {.snapshot = snapshot, .end = med_shm_trunk_states()};

	return med_metrics_reply(msg, &page, true);
}

int ki_med_metrics_of(sip_msg_t *msg, str *range)
{
	MED_SNAPSHOT(snapshot);
	med_metrics_page_t page = {.snapshot = snapshot};
	const char *dash = range->len > 0 ? memchr(range->s, '-', (size_t)range->len) : NULL;
	int most = (int)med_shm_trunk_states(), first = -1, last = -1;

	if(dash != NULL) {
		first = med_word_number(
				(med_str_t){range->s, (size_t)(dash - range->s)}, most - 1);
		last = med_word_number(
				(med_str_t){dash + 1, (size_t)(range->s + range->len - dash - 1)},
				1 << 30);
	}
	if(first < 0 || last < first)
		return MED_NO; /* the script answers 404 */
	page.first = (uint32_t)first;
	page.end = (uint32_t)(last < most ? last + 1 : most);
	return med_metrics_reply(msg, &page, false);
}

/* ---- mediation.metrics ----------------------------------------------------------------
 */

#define MED_METRICS_SHOWN 60 /* trunks in an answer of ctl */

static bool med_metrics_show(
		rpc_t *rpc, void *item, const med_trunk_t *trunk, const med_trunk_state_t *state)
{
	uint32_t attempts = med_count(&state->attempts), delays = 0;
	uint32_t answers = med_count(&state->metrics.answers);
	med_health_t health = state->health;
	str id = med_to_str(trunk->id);
	char ratio[16] = "";
	int rc;

	for(int i = 0; i < MED_DELAY_BUCKETS; i++)
		delays += med_count(&state->metrics.delay[i]);
	if(attempts > 0)
		snprintf(ratio, sizeof ratio, "%.1f", 100.0 * answers / attempts);
	rc = rpc->struct_add(item, MED_FMT("Susuuus"), "trunk", &id, "number", trunk->number,
			"state", med_health_name(med_health_state(&health, med_now_ms())), "calls_in",
			med_count(&state->calls_in), "attempts", attempts, "answers", answers,
			"answer_percent", ratio);
	if(rc >= 0 && delays > 0)
		rc = rpc->struct_add(item, MED_FMT("u"), "post_dial_delay_ms",
				(unsigned)(__atomic_load_n(&state->metrics.delay_ms, __ATOMIC_RELAXED)
						/ delays));
	for(int i = 0; i < MED_ENDED_COUNT && rc >= 0; i++) {
		uint32_t value = med_count(&state->metrics.ended[i]);
		char name[32];

		snprintf(name, sizeof name, "unanswered_%s", med_ended_name((enum med_ended)i));
		if(value > 0)
			rc = rpc->struct_add(item, MED_FMT("u"), name, value);
	}
	return rc >= 0;
}

static bool med_metrics_list(rpc_t *rpc, void *ctx, med_metrics_page_t *page, int limit)
{
	uint32_t number = page->first;
	med_trunk_state_t *state;
	const med_trunk_t *trunk;
	void *top, *list, *item;

	if(rpc->add(ctx, MED_FMT("{"), &top) < 0
			|| rpc->struct_add(top, MED_FMT("["), "trunks", &list) < 0)
		return false;
	while((trunk = med_page_next(page, &number, true, &state)) != NULL) {
		if(limit-- == 0)
			return rpc->struct_add(top, MED_FMT("u"), "next", number - 1) >= 0;
		if(rpc->array_add(list, MED_FMT("{"), &item) < 0
				|| !med_metrics_show(rpc, item, trunk, state))
			return false;
	}
	return true;
}

void med_metrics_rpc(rpc_t *rpc, void *ctx)
{
	MED_SNAPSHOT(snapshot);
	med_metrics_page_t page = {.snapshot = snapshot, .end = med_shm_trunk_states()};
	med_page_t asked = {.limit = 20};
	const med_trunk_t *trunk = NULL;
	med_words_t words;
	void *item;

	if(!med_words_scan(rpc, ctx, 2, &words)
			|| (words.count == 2
					&& !med_page_read(rpc, ctx, words.word[0], words.word[1],
							MED_METRICS_SHOWN, &asked)))
		return;
	if(snapshot == NULL) {
		rpc->fault(ctx, 503, MED_FMT("nothing is loaded yet: see mediation.status"));
		return;
	}
	if(words.count == 1) {
		trunk = med_snapshot_trunk(snapshot, words.word[0]);
		if(trunk == NULL) {
			med_rpc_absent(rpc, ctx, MED_KIND_TRUNK, words.word[0]);
			return;
		}
	}
	page.first = (uint32_t)asked.offset;
	if(trunk != NULL ? rpc->add(ctx, MED_FMT("{"), &item) < 0
							|| !med_metrics_show(
									rpc, item, trunk, med_shm_trunk_state(trunk->number))
					 : !med_metrics_list(rpc, ctx, &page, asked.limit))
		rpc->fault(ctx, 500, MED_FMT("the answer does not fit: ask for fewer"));
}
