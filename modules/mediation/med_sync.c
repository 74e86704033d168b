/**
 * med_sync.c - the one process of a node that talks to Redis
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_sync.h"

#include "med_compat.h"
#include "med_events.h"
#include "med_hold.h"
#include "med_params.h"
#include "med_policy_listener.h"
#include "med_refusals.h"
#include "med_shm.h"
#include "med_stats.h"
#include "med_status.h"
#include "medcore/keep.h"
#include "medcore/store.h"

#include "core/cfg/cfg_struct.h"
#include "core/pt.h"
#include "core/sr_module.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define REAP_MS 50        /* how often retired snapshots are looked at */
#define STATUS_MIN_MS 200 /* a status that keeps changing is written this often */
#define BUILD_AGAIN_MS 5000
#define MEASURE_REST 10 /* times what measuring took is the pause before the next */
#define READ_AGAIN_MAX_MS 60000
#define PROGRESS_MS 200
#define KEEP_AGAIN_S 600 /* so that the age of what is on disk is told right */
#define CHANGES_NAMED 6  /* ids of one change that are logged */
/* What is refused is collected a moment after a change, not at every one of a burst, and
 * in turns with all else: it may be much. The status tells a revision together with its
 * refusals.
 */
#define COLLECT_MS 20
#define COLLECT_AGAIN_MS 250
#define COLLECT_TURN_MS 5
#define COLLECT_REST 5 /* times what it took is the pause before the next */
#define DUTIES_MS 50   /* long work stops this often for what cannot wait */
#define TICK_MS 1000   /* Kamailio's own run-time settings are looked at this often */

/** Written by any process, read by the Redis process; made before the fork. */
static int wake_fd = -1;
static char node[64];

/** The Redis process's own. */
static struct {
	med_store_t *store;
	med_config_t *config;
	med_status_t status;
	bool told;             /**< objects were told since the last commit */
	bool reading;          /**< everything is being told */
	bool unbuilt;          /**< the last commit is not in force: it could not be built */
	bool unmeasured;       /**< how much memory would do is not known yet */
	int64_t measure_at;    /**< not before */
	bool lost;             /**< an object was lost for want of memory: read again */
	int64_t read_again_ms; /**< how long to wait before that */
	size_t missed;         /**< bytes of shared memory that taking objects in lacked */
	bool unkept;           /**< everything was told and could not be built yet */
	bool confirmed;        /**< by RPC: what is held may go */
	med_keep_t *keep;      /**< NULL: none */
	med_keep_mark_t mark;  /**< of the last commit that is in force */
	char source[24];       /**< of this redis_url and prefix, as in a mark */
	char applied[MED_KEEP_WORD]; /**< token of the last commit */
	bool applied_here;           /**< and it came from this redis_url */
	int64_t progress_due;
	bool applying_told;
	int64_t applying_at;              /**< somebody began */
	unsigned long long told_revision; /**< by an event */
	/** What the change under way names; for the log. */
	struct {
		char text[400];
		size_t len;
		unsigned count;
	} changes;
	bool status_dirty;
	int64_t build_again, status_due, status_min, reap_due;
	int64_t duties_due;
	int64_t collect_due, collect_next; /**< due 0: nothing changed; and not before next */
	bool collecting;                   /**< a part of it is left */
	int64_t collect_spent;             /**< ms, by the parts so far */
	unsigned long long collect_revision;
	unsigned long long revision; /**< in force; status.revision follows */
} own;

static int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

const char *med_sync_node(void)
{
	return node;
}

static void publish_status(void)
{
	own.status_dirty = true;
	med_status_publish(&own.status);
}

/** How far the reading is, in the status. */
static void tell_progress(int64_t now_ms)
{
	size_t done, known;

	if(now_ms < own.progress_due || own.status.store != MED_STORE_LOADING)
		return;
	own.progress_due = now_ms + PROGRESS_MS;
	med_store_progress(own.store, &done, &known);
	if(done == own.status.read_done && known == own.status.read_known)
		return;
	own.status.read_done = done;
	own.status.read_known = known;
	publish_status();
}

/** Between parts of long work: what must not wait for its end. */
static void duties(void *ctx)
{
	int64_t now = clock_ms();

	(void)ctx;
	if(now < own.duties_due)
		return;
	own.duties_due = now + DUTIES_MS;
	med_policy_listener_run(now);
	med_store_keep_alive(own.store, now);
}

/* ---- the last known good ---- */

static void on_trouble(void *ctx, const char *text)
{
	(void)ctx;
	if(text) {
		LM_WARN("last known good configuration: %s\n", text);
		med_event("disk_failed", "%s", text);
	} else {
		LM_NOTICE("the last known good configuration can be written again\n");
		med_event("disk_mended", "%s", med_param_last_known_good);
	}
	snprintf(own.status.disk_text, sizeof own.status.disk_text, "%s", text ? text : "");
	publish_status();
}

static void on_note(void *ctx, const char *text)
{
	(void)ctx;
	LM_NOTICE("last known good configuration: %s\n", text);
}

static const med_keep_handler_t keep_handler = {
		.trouble = on_trouble, .note = on_note, .pause = duties};

/** What is in force is the configuration as of now. */
static void keep_commit(void)
{
	own.mark.at = (int64_t)time(NULL);
	own.mark.held = own.status.held.since != 0;
	memcpy(own.mark.applied, own.applied, sizeof own.mark.applied);
	snprintf(own.mark.source, sizeof own.mark.source, "%s", own.source);
	if(!own.keep)
		return;
	med_keep_commit(own.keep, &own.mark, own.unkept);
	own.unkept = false;
	if(!own.status.disk_text[0])
		own.status.disk_at = own.mark.at;
}

/* ---- what the store tells ---- */

/** One word of the line about this change. */
static void note_change(const char *what, enum med_kind kind, med_str_t id)
{
	int len;

	if(own.changes.count++ >= CHANGES_NAMED)
		return;
	len = snprintf(own.changes.text + own.changes.len,
			sizeof own.changes.text - own.changes.len, "%s%s %s:%.*s",
			own.changes.len ? ", " : "", what, med_kind_name(kind),
			id.len < 50 ? (int)id.len : 50, id.s);
	if(len > 0 && own.changes.len + (size_t)len < sizeof own.changes.text)
		own.changes.len += (size_t)len;
}

/** From the config: by a notice, a sweep, or with the gateway that kept it. */
static void on_removed(void *ctx, enum med_kind kind, med_str_t id)
{
	(void)ctx;
	note_change("removed", kind, id);
	if(own.keep)
		med_keep_remove(own.keep, kind, id);
}

static void on_begin(void *ctx)
{
	(void)ctx;
	own.told = own.reading = true;
	own.lost = false;
	own.missed = 0;
	(void)med_shm_missed();
	med_hold_begin(own.config);
	med_config_mark(own.config);
	med_refusals_mark_strays();
	if(own.keep)
		med_keep_begin(own.keep);
}

/** An object could not be taken in: nothing is published until it can. */
static void lose(enum med_kind kind, med_str_t id)
{
	if(!own.lost)
		LM_ERR("out of %s memory for %s:%.*s\n", own.missed ? "shared" : "its own",
				med_kind_name(kind), MED_STR_FMT(id));
	own.missed += med_shm_missed();
	own.lost = true;
}

static void on_object(void *ctx, enum med_kind kind, med_str_t id,
		const med_field_t *fields, size_t count)
{
	int rc;

	(void)ctx;
	own.told = true;
	duties(NULL);
	med_hold_told(own.config, &own.status.held, kind, id);
	/* a refusal is kept by the config, and collected at the commit */
	rc = med_config_set(own.config, kind, id, fields, count, NULL);
	if(rc == MED_ENOMEM)
		lose(kind, id);
	if(rc != MED_EOK)
		return;
	if(!own.reading)
		note_change("set", kind, id);
	if(own.keep)
		med_keep_set(own.keep, kind, id, fields, count);
}

static void on_gone(void *ctx, enum med_kind kind, med_str_t id)
{
	(void)ctx;
	own.told = true;
	med_hold_told(own.config, &own.status.held, kind, id);
	med_config_remove(own.config, kind, id);
}

static void on_unreadable(void *ctx, enum med_kind kind, med_str_t id, const char *text)
{
	(void)ctx;
	own.told = true;
	med_hold_told(own.config, &own.status.held, kind, id);
	if(med_config_refuse(own.config, kind, id, text) != MED_EOK)
		lose(kind, id);
}

static void on_stray(void *ctx, med_str_t key, const char *text)
{
	(void)ctx;
	own.told = true;
	med_refusals_stray(key, text);
}

/** Why a change is not in force, and what would help. */
static void tell_unbuilt(const char *why)
{
	if(own.unbuilt && strcmp(own.status.build_error, why) == 0)
		return;
	LM_ERR("%s; revision %llu stays in force\n", why, own.revision);
	med_event("change_refused", "%s", why);
	snprintf(own.status.build_error, sizeof own.status.build_error, "%s", why);
}

/**
 * How much shared memory would do is learned by building it all elsewhere; what objects
 * lacked that could not even be taken in is a guess.
 */
static void tell_short(size_t guess)
{
	int64_t start = clock_ms();
	char text[256];

	if(!own.unmeasured || (own.unbuilt && start < own.measure_at))
		return;
	own.unmeasured = false;
	med_shm_measure();
	if(med_config_rehearse(own.config, &med_mem_measure) != MED_EOK) {
		tell_unbuilt("out of memory, and there is none to learn how much would do");
		return;
	}
	snprintf(text, sizeof text,
			"shared memory is too small for the change, which is refused as a whole: %lu "
			"MB are there; start Kamailio with -m %lu",
			med_shm_size(), med_shm_enough(guess * 2));
	tell_unbuilt(text);
	own.measure_at = clock_ms() + MEASURE_REST * (clock_ms() - start);
}

/**
 * Builds what was told, and publishes it. false: the one before stays in force.
 * @param anew  something was told since the last time
 */
static bool build(bool anew)
{
	const med_snapshot_t *snapshot = NULL;
	med_errbuf_t err = {""};
	size_t missed;
	int rc = own.lost ? MED_ENOMEM : med_config_build(own.config, &snapshot, &err);

	if(rc == MED_EOK) {
		rc = med_shm_publish(snapshot);
		if(rc == MED_EOK) {
			for(int k = 0; k < MED_KIND_COUNT; k++)
				own.status.objects[k] =
						(unsigned)med_snapshot_count(snapshot, (enum med_kind)k);
			own.revision = med_snapshot_revision(snapshot);
			own.status.applied_at = (long long)time(NULL);
			own.status.build_error[0] = '\0';
			return true;
		}
		med_config_release(own.config, snapshot);
	}
	missed = own.missed + med_shm_missed();
	if(rc == MED_ENOMEM && missed) {
		own.unmeasured |= anew || !own.unbuilt;
		tell_short(own.missed);
	} else {
		tell_unbuilt(err.text[0] ? err.text : med_strerror(rc));
	}
	return false;
}

/**
 * Tells everyone what is in force and what is refused, once it is all collected.
 * @param whole  true: now, however long it takes
 */
static void collect(bool whole)
{
	int64_t start = clock_ms();
	bool again = !own.collecting;

	if(again) {
		own.collect_due = own.collect_spent = 0;
		own.collect_revision = own.revision;
	}
	do {
		own.collecting = med_refusals_collect(own.config, again, &own.status);
		again = false;
		duties(NULL);
	} while(own.collecting && (whole || clock_ms() - start < COLLECT_TURN_MS));
	own.collect_spent += clock_ms() - start;
	if(own.collecting)
		return;
	own.collect_next = clock_ms() + COLLECT_AGAIN_MS + own.collect_spent * COLLECT_REST;
	own.status.revision = own.collect_revision;
	own.status_dirty = true;
	med_status_publish(&own.status);
}

static void apply(bool anew)
{
	bool built = build(anew);
	int64_t now = clock_ms();

	med_stats_inc(built ? MED_STAT_CHANGES_APPLIED : MED_STAT_CHANGES_FAILED);
	if(built && own.unbuilt)
		LM_NOTICE("the change that could not be built is in force\n");
	own.unbuilt = !built;
	own.build_again = now + (own.lost ? own.read_again_ms : BUILD_AGAIN_MS);
	own.status.snapshots = med_shm_reap(own.config);
	if(built)
		keep_commit();
	if(own.collect_due)
		return;
	own.collect_due = now + COLLECT_MS;
	if(own.collect_due < own.collect_next)
		own.collect_due = own.collect_next;
}

/** Has a person said that what is no longer in Redis is meant to be gone? */
static bool is_confirmed(med_str_t applied)
{
	char token[MED_KEEP_WORD];
	bool here = own.applied_here, confirmed = own.confirmed;

	own.applied_here = true;
	own.confirmed = false;
	med_keep_word(token, applied);
	/* the token of another database says nothing about this configuration */
	if(!here) {
		memcpy(own.applied, token, sizeof own.applied);
	} else if(med_hold_is_later(token, own.applied)) {
		memcpy(own.applied, token, sizeof own.applied);
		confirmed = true;
	}
	return confirmed;
}

/** Takes out of force what is no longer in Redis, unless that is to be held back. */
static void sweep(bool confirmed)
{
	med_held_t *held = &own.status.held;
	long long since = held->since;
	size_t swept;

	if(!med_hold_allows(own.config, med_param_max_shrink, confirmed,
			   own.unbuilt ? own.status.objects : NULL, held)) {
		if(since)
			return;
		LM_ERR("held back: %s\n", held->text);
		med_event("held", "%s", held->text);
		return;
	}
	swept = med_config_sweep(own.config);
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
	if(own.unbuilt)
		return;
	if(full)
		LM_NOTICE("revision %llu in force: %u trunks, %u gateways, %u routes; %u objects "
				  "refused\n",
				own.status.revision, own.status.objects[MED_KIND_TRUNK],
				own.status.objects[MED_KIND_GATEWAY], own.status.objects[MED_KIND_ROUTE],
				own.status.faults[MED_REFUSED].total);
	else
		LM_INFO("revision %llu in force: %s%s\n", own.revision, own.changes.text,
				own.changes.count > CHANGES_NAMED ? " and more" : "");
}

static void on_commit(void *ctx, bool full, med_str_t applied)
{
	bool confirmed = is_confirmed(applied);

	(void)ctx;
	own.told = own.reading = false;
	if(full || (confirmed && own.status.held.since)) {
		sweep(confirmed);
	} else if(med_hold_is_over(&own.status.held)) {
		LM_NOTICE("what was held back is in Redis again\n");
		med_event("unheld", "all of it is in Redis again");
	}
	if(full) {
		own.unkept = true;
		if(!own.lost)
			own.read_again_ms = BUILD_AGAIN_MS;
	}
	apply(true);
	if(full && !own.unbuilt)
		own.status.source = MED_ORIGIN_REDIS;
	if(full) {
		med_store_progress(own.store, &own.status.read_done, &own.status.read_known);
		med_refusals_sweep_strays();
		own.collecting = false; /* what is under way may have passed over something */
		collect(true);
	}
	log_commit(full);
	own.changes.len = own.changes.count = 0;
	own.changes.text[0] = '\0';
}

static void on_state(void *ctx, enum med_store_state state, const char *text)
{
	(void)ctx;
	if(state == MED_STORE_DOWN) {
		if(own.status.revision)
			LM_ERR("%s; calls go on with revision %llu\n", text, own.status.revision);
		else
			LM_ERR("%s; nothing is loaded yet, so every call is refused\n", text);
		if(own.status.store != MED_STORE_DOWN) {
			med_stats_inc(MED_STAT_STORE_LOSSES);
			med_event("redis_lost", "%s", text);
		}
		own.confirmed = false; /* it was about what was there then */
	} else {
		LM_NOTICE("%s\n", text);
		if(state == MED_STORE_LIVE && own.status.store != MED_STORE_LIVE)
			med_event("redis_read", "%s", text);
	}
	if(state != own.status.store || !own.status.store_since)
		own.status.store_since = (long long)time(NULL);
	own.status.store = state;
	snprintf(own.status.store_text, sizeof own.status.store_text, "%s", text);
	publish_status();
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
	bool began = who.len && !own.status.applying[0]; /* it says how far it is, too */

	(void)ctx;
	med_keep_word(name, who);
	snprintf(own.status.applying, sizeof own.status.applying, "%.*s",
			(int)sizeof own.status.applying - 1, name);
	if(began || !who.len)
		own.status.applying_since = who.len ? (long long)time(NULL) : 0;
	if(!began && who.len) {
		publish_status();
		return;
	}
	own.applying_at = clock_ms();
	own.applying_told = false;
	if(began)
		LM_NOTICE("'%s' applies a configuration in pieces; it comes into force as a "
				  "whole\n",
				own.status.applying);
	publish_status();
}

/** A writer that died is waited for until a person says otherwise. */
static void watch_writer(void)
{
	int64_t waited = (clock_ms() - own.applying_at) / 1000;

	if(!own.status.applying[0] || own.applying_told
			|| waited < med_param_applying_warning)
		return;
	own.applying_told = true;
	LM_WARN("'%s' has been applying a configuration for %lld s, and no change comes into "
			"force until it ends; if it died, apply again, or mediation.reload takes "
			"what is there\n",
			own.status.applying, (long long)waited);
}

static void on_unfit(void *ctx, const char *text)
{
	(void)ctx;
	snprintf(own.status.unfit, sizeof own.status.unfit, "%s", text ? text : "");
	if(text)
		LM_WARN("%s\n", text);
	publish_status();
}

static const med_store_handler_t handler = {
		.begin = on_begin,
		.object = on_object,
		.gone = on_gone,
		.unreadable = on_unreadable,
		.stray = on_stray,
		.commit = on_commit,
		.state = on_state,
		.write_failed = on_write_failed,
		.applying = on_applying,
		.unfit = on_unfit,
};

/* ---- the process ---- */

/** The status key, on a change (not too often) and before it expires. */
static void write_status(int64_t now_ms)
{
	char key[256];
	char *json;
	size_t len;

	if(now_ms < (own.status_dirty ? own.status_min : own.status_due))
		return;
	own.status_min = now_ms + STATUS_MIN_MS;
	own.status_due = now_ms + (int64_t)med_param_status_interval * 1000;
	if(own.status.store == MED_STORE_DOWN)
		return;
	if(own.status.revision != own.told_revision) {
		own.told_revision = own.status.revision;
		med_event("applied", "revision %llu, %u objects refused", own.status.revision,
				own.status.faults[MED_REFUSED].total);
	}
	own.status_dirty = false;
	json = med_status_json(&own.status, node, &len);
	if(!json) {
		LM_ERR("out of memory for the status\n");
		return;
	}
	snprintf(key, sizeof key, "%sstatus:%s", med_param_status_prefix, node);
	/* three intervals: two may be missed */
	if(med_store_write(own.store, key, (med_str_t){json, len},
			   (unsigned)med_param_status_interval * 3)
			!= MED_EOK)
		own.status_dirty = true;
	free(json);
}

static void reap(int64_t now_ms)
{
	unsigned alive;

	if(own.status.snapshots < 2 || now_ms < own.reap_due)
		return;
	own.reap_due = now_ms + REAP_MS;
	alive = med_shm_reap(own.config);
	if(alive == own.status.snapshots)
		return;
	own.status.snapshots = alive;
	med_status_publish(&own.status);
}

/** What did not work before is tried again. */
static void mend(int64_t now_ms)
{
	if(now_ms < own.build_again)
		return;
	own.build_again = now_ms + BUILD_AGAIN_MS;
	if(own.status.applying[0])
		return; /* what is there now is a part of something */
	if(own.lost && own.status.store == MED_STORE_LIVE) {
		own.read_again_ms = own.read_again_ms * 2 < READ_AGAIN_MAX_MS
				? own.read_again_ms * 2
				: READ_AGAIN_MAX_MS;
		own.build_again = now_ms + own.read_again_ms;
		LM_ERR("objects were lost for want of memory; everything is read again\n");
		med_store_reload(own.store);
	} else if(own.unbuilt && !own.lost && !own.told
			&& own.status.store == MED_STORE_LIVE) {
		apply(false);
	}
	if(own.keep && own.status.store == MED_STORE_LIVE && med_keep_wants_all(own.keep))
		med_store_reload(own.store);
	else if(own.keep && own.status.store == MED_STORE_LIVE && !own.told && !own.unbuilt
			&& (int64_t)time(NULL) - own.mark.at >= KEEP_AGAIN_S)
		keep_commit();
}

static void wait_for_work(void)
{
	struct pollfd fds[MED_STORE_FDS + 2 + MED_LISTENERS_MAX];
	int64_t deadline, listener_deadline = INT64_MAX, now = clock_ms();
	size_t n = med_store_poll(own.store, fds, MED_STORE_FDS, &deadline);
	uint64_t times;

	fds[n++] = (struct pollfd){.fd = wake_fd, .events = POLLIN};
	if(own.keep) {
		fds[n++] = (struct pollfd){.fd = med_keep_fd(own.keep), .events = POLLIN};
		if(med_keep_deadline(own.keep) < deadline)
			deadline = med_keep_deadline(own.keep);
	}
	n += med_policy_listener_poll(fds + n, MED_LISTENERS_MAX, &listener_deadline);
	if(listener_deadline < deadline)
		deadline = listener_deadline;
	if(own.status.snapshots > 1 && own.reap_due < deadline)
		deadline = own.reap_due;
	if(own.collect_due && own.collect_due < deadline)
		deadline = own.collect_due;
	if(own.collecting)
		deadline = now;
	if(own.status_dirty && own.status_min < deadline)
		deadline = own.status_min;
	if(deadline > now + TICK_MS)
		deadline = now + TICK_MS;
	if(poll(fds, n, deadline > now ? (int)(deadline - now) : 0) < 0 && errno != EINTR)
		LM_ERR("poll: %s\n", strerror(errno));
	if(read(wake_fd, &times, sizeof times) == (ssize_t)sizeof times) {
		/* nobody knows what a Redis that is away will have */
		own.confirmed = own.status.held.since != 0 && own.status.store != MED_STORE_DOWN;
		LM_NOTICE("reading everything again, as asked by RPC%s\n",
				own.confirmed ? "; what is held back may go" : "");
		med_store_reload(own.store);
	}
}

static void run(void)
{
	int64_t now;

	for(;;) {
		cfg_update();
		wait_for_work();
		now = clock_ms();
		med_store_run(own.store, now);
		med_policy_listener_run(now);
		own.duties_due = now + DUTIES_MS;
		if(own.collecting || (own.collect_due && now >= own.collect_due))
			collect(false);
		reap(now);
		mend(now);
		watch_writer();
		tell_progress(now);
		if(own.keep)
			med_keep_run(own.keep, now);
		write_status(now);
		if(med_events_wait() && own.status.store != MED_STORE_DOWN)
			med_events_flush(own.store, med_param_status_prefix, node);
	}
}

/** Which Redis it is, without telling its password. */
static void name_source(void)
{
	uint64_t hash = med_hash(med_param_redis_url, strlen(med_param_redis_url)) * 31
			+ med_hash(med_param_redis_prefix, strlen(med_param_redis_prefix));

	snprintf(own.source, sizeof own.source, "%016llx", (unsigned long long)hash);
}

/** What is on disk is in force before Redis is asked. */
static void start_from_disk(void)
{
	int rc = med_keep_load(own.keep, &own.mark);

	if(rc == MED_ENOMEM) {
		LM_ERR("too little memory for the last known good configuration\n");
		med_config_mark(own.config);
		(void)med_config_sweep(own.config);
	}
	if(rc != MED_EOK)
		return;
	memcpy(own.applied, own.mark.applied, sizeof own.applied);
	own.applied_here = strcmp(own.mark.source, own.source) == 0;
	own.unbuilt = !build(true);
	own.status.disk_at = own.mark.at;
	/* what another Redis lacked says nothing about this one */
	if(own.mark.held && own.applied_here) {
		own.status.held.since = own.mark.at;
		snprintf(own.status.held.text, sizeof own.status.held.text,
				"a shrink was held back before the restart");
	}
	if(own.unbuilt)
		return;
	own.status.source = MED_ORIGIN_DISK;
	own.status.snapshots = 1;
	collect(true);
	LM_NOTICE("revision %llu in force, the last known good of %lld s ago: %u trunks, %u "
			  "gateways, %u routes\n",
			own.status.revision, (long long)time(NULL) - (long long)own.mark.at,
			own.status.objects[MED_KIND_TRUNK], own.status.objects[MED_KIND_GATEWAY],
			own.status.objects[MED_KIND_ROUTE]);
	med_event("started_from_disk", "as of %lld s ago",
			(long long)time(NULL) - (long long)own.mark.at);
}

static int prepare(void)
{
	med_errbuf_t err;

	own.read_again_ms = BUILD_AGAIN_MS;
	name_source();
	own.config = med_config_new(&med_mem_heap, &med_mem_shm);
	if(!own.config) {
		LM_ERR("out of memory\n");
		return -1;
	}
	if(med_store_new(
			   med_param_redis_url, med_param_redis_prefix, &handler, &own.store, &err)
			!= MED_EOK) {
		LM_ERR("%s\n", err.text);
		return -1;
	}
	med_config_set_pause(own.config, duties, NULL);
	if(med_policy_listener_open())
		return -1;
	if(med_param_last_known_good[0]) {
		if(med_keep_new(&med_mem_heap, med_param_last_known_good, med_param_redis_prefix,
				   node, own.config, &keep_handler, &own.keep)
				!= MED_EOK) {
			LM_ERR("the last known good configuration cannot be kept: out of memory\n");
			return -1;
		}
		start_from_disk();
	}
	/* what is read from disk is there already */
	med_config_set_removed(own.config, on_removed, NULL);
	return 0;
}

int med_sync_fork(int rank)
{
	int pid;

	if(rank != PROC_MAIN)
		return 0;
	pid = fork_process(PROC_NOCHLDINIT, "mediation redis", 1);
	if(pid < 0) {
		LM_ERR("cannot fork the Redis process\n");
		return -1;
	}
	if(pid > 0)
		return 0;
	if(cfg_child_init() || prepare())
		exit(-1); /* Kamailio ends when one of its processes does */
	run();
	return 0;
}

/* ---- the others ---- */

static int choose_node_name(void)
{
	const char *name = med_param_node;
	char host[sizeof node];

	if(!name || !name[0]) {
		if(gethostname(host, sizeof host) != 0) {
			LM_ERR("this host has no name; set the parameter `node`\n");
			return -1;
		}
		host[sizeof host - 1] = '\0';
		name = host;
	}
	if(strlen(name) >= sizeof node || strpbrk(name, " \t\r\n")) {
		LM_ERR("node '%s': at most %zu bytes, no spaces\n", name, sizeof node - 1);
		return -1;
	}
	snprintf(node, sizeof node, "%s", name);
	return 0;
}

/** So that a wrong parameter stops the start, and not a process after it. */
static int check_params(void)
{
	med_errbuf_t err;
	med_store_t *store = NULL;

	if(med_store_new(med_param_redis_url, med_param_redis_prefix, &handler, &store, &err)
			!= MED_EOK) {
		LM_ERR("%s\n", err.text);
		return -1;
	}
	med_store_free(store);
	if(strncmp(med_param_status_prefix, med_param_redis_prefix,
			   strlen(med_param_redis_prefix))
			== 0) {
		LM_ERR("status_prefix '%s' is below redis_prefix '%s': every status would be "
			   "read "
			   "as configuration by all nodes\n",
				med_param_status_prefix, med_param_redis_prefix);
		return -1;
	}
	if(med_param_status_interval < 1 || med_param_status_interval > 3600) {
		LM_ERR("status_interval %d: not between 1 and 3600 seconds\n",
				med_param_status_interval);
		return -1;
	}
	if(med_param_max_shrink < 1 || med_param_max_shrink > 100) {
		LM_ERR("max_shrink %d: not between 1 and 100 percent\n", med_param_max_shrink);
		return -1;
	}
	if(med_param_applying_warning < 1) {
		LM_ERR("applying_warning %d: not a number of seconds\n",
				med_param_applying_warning);
		return -1;
	}
	if(med_param_last_known_good[0] && med_param_last_known_good[0] != '/') {
		LM_ERR("last_known_good '%s': not an absolute path; \"\" keeps none\n",
				med_param_last_known_good);
		return -1;
	}
	return choose_node_name();
}

int med_sync_register(void)
{
	if(check_params() || med_status_init())
		return -1;
	wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if(wake_fd < 0) {
		LM_ERR("eventfd: %s\n", strerror(errno));
		return -1;
	}
	register_procs(1);
	cfg_register_child(1);
	return 0;
}

void med_sync_destroy(void)
{
	med_policy_listener_destroy();
	med_status_destroy();
	if(wake_fd >= 0)
		close(wake_fd);
	wake_fd = -1;
}

int med_sync_reload(void)
{
	uint64_t one = 1;

	return write(wake_fd, &one, sizeof one) == (ssize_t)sizeof one ? 0 : -1;
}
