/**
 * med_sync_told.c - what the store tells of Redis, taken in; commits, shrinks, writers
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_sync_priv.h"

#include "med_compat.h"
#include "med_events.h"
#include "med_params.h"
#include "med_refusals.h"
#include "med_shm.h"
#include "med_stats.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define CHANGES_NAMED 6 /* ids of one change that are logged */

/** One word of the line about this change. */
static void note_change(const char *what, enum med_kind kind, med_str_t id)
{
	int len;

	if(med_sync.changes.count++ >= CHANGES_NAMED)
		return;
	len = snprintf(med_sync.changes.text + med_sync.changes.len,
			sizeof med_sync.changes.text - med_sync.changes.len, "%s%s %s:%.*s",
			med_sync.changes.len ? ", " : "", what, med_kind_name(kind),
			id.len < 50 ? (int)id.len : 50, id.s);
	if(len > 0 && med_sync.changes.len + (size_t)len < sizeof med_sync.changes.text)
		med_sync.changes.len += (size_t)len;
}

/** From the config: by a notice, a sweep, or with the gateway that kept it. */
void med_sync_on_removed(void *ctx, enum med_kind kind, med_str_t id)
{
	(void)ctx;
	note_change("removed", kind, id);
	med_sync.limits_changed |= kind == MED_KIND_LIMITS;
	if(med_sync.keep)
		med_keep_remove(med_sync.keep, kind, id);
}

static void on_begin(void *ctx)
{
	(void)ctx;
	med_sync.told = med_sync.reading = true;
	med_sync.lost = false;
	med_sync.missed = 0;
	(void)med_shm_missed();
	med_hold_begin(med_sync.config);
	med_config_mark(med_sync.config);
	med_refusals_mark_strays();
	if(med_sync.keep)
		med_keep_begin(med_sync.keep);
}

/** An object could not be taken in: nothing is published until it can. */
static void lose(enum med_kind kind, med_str_t id)
{
	if(!med_sync.lost)
		LM_ERR("out of %s memory for %s:%.*s\n", med_sync.missed ? "shared" : "its own",
				med_kind_name(kind), MED_STR_FMT(id));
	med_sync.missed += med_shm_missed();
	med_sync.lost = true;
}

static void on_object(void *ctx, enum med_kind kind, med_str_t id,
		const med_field_t *fields, size_t count)
{
	int rc;

	(void)ctx;
	med_sync.told = true;
	med_sync.limits_changed |= kind == MED_KIND_LIMITS;
	med_sync_duties(NULL);
	med_hold_told(med_sync.config, &med_sync.status.held, kind, id);
	/* a refusal is kept by the config, and collected at the commit */
	rc = med_config_set(med_sync.config, kind, id, fields, count, NULL);
	if(rc == MED_ENOMEM)
		lose(kind, id);
	if(rc != MED_EOK)
		return;
	if(!med_sync.reading)
		note_change("set", kind, id);
	if(med_sync.keep)
		med_keep_set(med_sync.keep, kind, id, fields, count);
}

static void on_expect(void *ctx, enum med_kind kind, med_str_t id)
{
	(void)ctx;
	med_config_expect(med_sync.config, kind, id);
}

static void on_gone(void *ctx, enum med_kind kind, med_str_t id)
{
	(void)ctx;
	med_sync.told = true;
	if(med_sync.reading && med_config_is_stale(med_sync.config, kind, id))
		return; /* the sweep has it: it may be too many that are gone */
	med_hold_told(med_sync.config, &med_sync.status.held, kind, id);
	med_config_remove(med_sync.config, kind, id);
}

static void on_unreadable(void *ctx, enum med_kind kind, med_str_t id, const char *text)
{
	(void)ctx;
	med_sync.told = true;
	med_hold_told(med_sync.config, &med_sync.status.held, kind, id);
	if(med_config_refuse(med_sync.config, kind, id, text) != MED_EOK)
		lose(kind, id);
}

static void on_stray(void *ctx, med_str_t key, const char *text)
{
	(void)ctx;
	med_sync.told = true;
	med_refusals_stray(key, text);
}

/** Has a person said that what is no longer in Redis is meant to be gone? */
static bool is_confirmed(med_str_t applied)
{
	char token[MED_KEEP_WORD];
	bool here = med_sync.applied_here, confirmed = med_sync.confirmed;

	med_sync.applied_here = true;
	med_sync.confirmed = false;
	med_keep_word(token, applied);
	/* the token of another database says nothing about this configuration */
	if(!here) {
		memcpy(med_sync.applied, token, sizeof med_sync.applied);
	} else if(med_hold_is_later(token, med_sync.applied)) {
		memcpy(med_sync.applied, token, sizeof med_sync.applied);
		confirmed = true;
	}
	return confirmed;
}

/** Takes out of force what is no longer in Redis, unless that is to be held back. */
static void sweep(bool confirmed)
{
	med_held_t *held = &med_sync.status.held;
	long long since = held->since;
	size_t swept;

	if(!med_hold_allows(med_sync.config, med_param_max_shrink, confirmed,
			   med_sync.unbuilt ? med_sync.status.objects : NULL, held)) {
		if(since)
			return;
		LM_ERR("held back: %s\n", held->text);
		med_event("held", "%s", held->text);
		return;
	}
	swept = med_config_sweep(med_sync.config);
	if(swept)
		LM_WARN("%zu objects are no longer in Redis and go out of force\n", swept);
	if(!since)
		return;
	LM_NOTICE("what was held back %s\n",
			swept ? "goes, as confirmed" : "is in Redis again");
	med_event(swept ? "confirmed" : "unheld", "%zu objects go out of force", swept);
}

static void log_commit(bool full)
{
	if(med_sync.unbuilt)
		return;
	if(full)
		LM_NOTICE("revision %llu in force: %u trunks, %u gateways, %u routes; %u objects "
				  "refused\n",
				med_sync.status.revision, med_sync.status.objects[MED_KIND_TRUNK],
				med_sync.status.objects[MED_KIND_GATEWAY],
				med_sync.status.objects[MED_KIND_ROUTE],
				med_sync.status.faults[MED_REFUSED].total);
	else
		LM_INFO("revision %llu in force: %s%s\n", med_sync.revision,
				med_sync.changes.text,
				med_sync.changes.count > CHANGES_NAMED ? " and more" : "");
}

static void on_commit(void *ctx, bool full, med_str_t applied)
{
	bool confirmed = is_confirmed(applied);

	(void)ctx;
	med_sync.told = med_sync.reading = false;
	if(full || (confirmed && med_sync.status.held.since)) {
		sweep(confirmed);
	} else if(med_hold_is_over(&med_sync.status.held)) {
		LM_NOTICE("what was held back is in Redis again\n");
		med_event("unheld", "all of it is in Redis again");
	}
	if(full) {
		med_sync.unkept = true;
		if(!med_sync.lost)
			med_sync.read_again_ms = BUILD_AGAIN_MS;
	}
	med_sync_apply(true);
	if(full && !med_sync.unbuilt)
		med_sync.status.source = MED_ORIGIN_REDIS;
	if(full) {
		med_store_progress(
				med_sync.store, &med_sync.status.read_done, &med_sync.status.read_known);
		med_refusals_sweep_strays();
		med_sync.collecting =
				false; /* what is under way may have passed over something */
		med_sync_collect(true);
	}
	log_commit(full);
	med_sync.changes.len = med_sync.changes.count = 0;
	med_sync.changes.text[0] = '\0';
}

static void on_state(void *ctx, enum med_store_state state, const char *text)
{
	(void)ctx;
	if(state == MED_STORE_DOWN) {
		if(med_sync.status.revision)
			LM_ERR("%s; calls go on with revision %llu\n", text,
					med_sync.status.revision);
		else
			LM_ERR("%s; nothing is loaded yet, so every call is refused\n", text);
		if(med_sync.status.store != MED_STORE_DOWN) {
			med_stats_inc(MED_STAT_STORE_LOSSES);
			med_event("redis_lost", "%s", text);
		}
		med_sync.confirmed = false; /* it was about what was there then */
	} else {
		LM_NOTICE("%s\n", text);
		if(state == MED_STORE_LIVE && med_sync.status.store != MED_STORE_LIVE)
			med_event("redis_read", "%s", text);
	}
	if(state != med_sync.status.store || !med_sync.status.store_since)
		med_sync.status.store_since = (long long)time(NULL);
	med_sync.status.store = state;
	snprintf(med_sync.status.store_text, sizeof med_sync.status.store_text, "%s", text);
	med_sync_publish_status();
}

static void on_write_failed(void *ctx, const char *text)
{
	(void)ctx;
	if(text)
		LM_WARN("%s; this node's status is missing there\n", text);
	else
		LM_NOTICE("this node's status can be written again\n");
}

static void on_applying(void *ctx, med_str_t who)
{
	char name[MED_KEEP_WORD];
	bool began = who.len && !med_sync.status.applying[0]; /* it says how far it is, too */

	(void)ctx;
	med_keep_word(name, who);
	snprintf(med_sync.status.applying, sizeof med_sync.status.applying, "%.*s",
			(int)sizeof med_sync.status.applying - 1, name);
	if(began || !who.len)
		med_sync.status.applying_since = who.len ? (long long)time(NULL) : 0;
	if(!began && who.len) {
		med_sync_publish_status();
		return;
	}
	med_sync.applying_at = med_sync_clock_ms();
	med_sync.applying_told = false;
	if(began)
		LM_NOTICE("'%s' applies a configuration in pieces; it comes into force as a "
				  "whole\n",
				med_sync.status.applying);
	med_sync_publish_status();
}

/** A writer that died is waited for until a person says otherwise. */
void med_sync_watch_writer(void)
{
	int64_t waited = (med_sync_clock_ms() - med_sync.applying_at) / 1000;

	if(!med_sync.status.applying[0] || med_sync.applying_told
			|| waited < med_param_applying_warning)
		return;
	med_sync.applying_told = true;
	LM_WARN("'%s' has been applying a configuration for %lld s, and no change comes into "
			"force until it ends; if it died, apply again, or mediation.reload takes "
			"what is there\n",
			med_sync.status.applying, (long long)waited);
}

static void on_unfit(void *ctx, const char *text)
{
	(void)ctx;
	snprintf(med_sync.status.unfit, sizeof med_sync.status.unfit, "%s", text ? text : "");
	if(text)
		LM_WARN("%s\n", text);
	med_sync_publish_status();
}

const med_store_handler_t med_sync_handler = {
		.begin = on_begin,
		.object = on_object,
		.expect = on_expect,
		.gone = on_gone,
		.unreadable = on_unreadable,
		.stray = on_stray,
		.commit = on_commit,
		.state = on_state,
		.write_failed = on_write_failed,
		.applying = on_applying,
		.unfit = on_unfit,
};
