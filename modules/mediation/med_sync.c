/**
 * med_sync.c - the one process of a node that talks to Redis
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_sync.h"

#include "med_compat.h"
#include "med_params.h"
#include "med_policy_listener.h"
#include "med_refusals.h"
#include "med_shm.h"
#include "med_stats.h"
#include "med_status.h"
#include "medcore/store.h"

#include "core/cfg/cfg_struct.h"
#include "core/pt.h"
#include "core/sr_module.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define REAP_MS 50        /* how often retired snapshots are looked at */
#define STATUS_MIN_MS 200 /* a status that keeps changing is written this often */
#define BUILD_AGAIN_MS 5000
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
	bool told;         /**< objects were told since the last commit */
	bool unbuilt;      /**< the last commit is not in force: it could not be built */
	bool short_of_own; /**< an object was lost for want of memory: read again */
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

/* ---- what the store tells ---- */

static void on_begin(void *ctx)
{
	(void)ctx;
	own.told = true;
	med_config_mark(own.config);
	med_refusals_mark_strays();
}

static void on_object(void *ctx, enum med_kind kind, med_str_t id,
		const med_field_t *fields, size_t count)
{
	(void)ctx;
	own.told = true;
	duties(NULL);
	/* a refusal is kept by the config, and collected at the commit */
	if(med_config_set(own.config, kind, id, fields, count, NULL) == MED_ENOMEM)
		own.short_of_own = true;
}

static void on_gone(void *ctx, enum med_kind kind, med_str_t id)
{
	(void)ctx;
	own.told = true;
	med_config_remove(own.config, kind, id);
}

static void on_unreadable(void *ctx, enum med_kind kind, med_str_t id, const char *text)
{
	(void)ctx;
	own.told = true;
	if(med_config_refuse(own.config, kind, id, text) != MED_EOK)
		own.short_of_own = true;
}

static void on_stray(void *ctx, med_str_t key, const char *text)
{
	(void)ctx;
	own.told = true;
	med_refusals_stray(key, text);
}

/** Builds what was told, and publishes it. false: the one before stays in force. */
static bool build(void)
{
	const med_snapshot_t *snapshot = NULL;
	med_errbuf_t err = {""};
	int rc = med_config_build(own.config, &snapshot, &err);

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
	if(!own.unbuilt || strcmp(own.status.build_error, err.text) != 0)
		LM_ERR("the change cannot be built: %s; revision %llu stays in force\n",
				err.text[0] ? err.text : med_strerror(rc), own.revision);
	snprintf(own.status.build_error, sizeof own.status.build_error, "%s",
			err.text[0] ? err.text : med_strerror(rc));
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

static void apply(void)
{
	bool built = build();
	int64_t now = clock_ms();

	med_stats_inc(built ? MED_STAT_CHANGES_APPLIED : MED_STAT_CHANGES_FAILED);
	own.unbuilt = !built;
	own.build_again = now + BUILD_AGAIN_MS;
	own.status.snapshots = med_shm_reap(own.config);
	if(own.collect_due)
		return;
	own.collect_due = now + COLLECT_MS;
	if(own.collect_due < own.collect_next)
		own.collect_due = own.collect_next;
}

static void on_commit(void *ctx, bool full, med_str_t applied)
{
	size_t swept = full ? med_config_sweep(own.config) : 0;

	(void)ctx;
	(void)applied;
	own.told = false;
	apply();
	if(full) {
		med_refusals_sweep_strays();
		own.collecting = false; /* what is under way may have passed over something */
		collect(true);
	}
	/* issue of its own: a configuration that suddenly shrinks is to be held back */
	if(swept)
		LM_WARN("%zu objects are no longer in Redis and are out of force (revision "
				"%llu)\n",
				swept, own.status.revision);
	if(!own.unbuilt && full)
		LM_NOTICE("revision %llu in force: %u trunks, %u gateways, %u routes; %u objects "
				  "refused\n",
				own.status.revision, own.status.objects[MED_KIND_TRUNK],
				own.status.objects[MED_KIND_GATEWAY], own.status.objects[MED_KIND_ROUTE],
				own.status.faults[MED_REFUSED].total);
	else if(!own.unbuilt)
		LM_INFO("revision %llu in force\n", own.revision);
}

static void on_state(void *ctx, enum med_store_state state, const char *text)
{
	(void)ctx;
	if(state == MED_STORE_DOWN) {
		if(own.status.revision)
			LM_ERR("%s; calls go on with revision %llu\n", text, own.status.revision);
		else
			LM_ERR("%s; nothing is loaded yet, so every call is refused\n", text);
		if(own.status.store != MED_STORE_DOWN)
			med_stats_inc(MED_STAT_STORE_LOSSES);
	} else {
		LM_NOTICE("%s\n", text);
	}
	if(state != own.status.store || !own.status.store_since)
		own.status.store_since = (long long)time(NULL);
	own.status.store = state;
	snprintf(own.status.store_text, sizeof own.status.store_text, "%s", text);
	own.status_dirty = true;
	med_status_publish(&own.status);
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
	(void)ctx;
	if(who.len)
		LM_NOTICE("'%.*s' applies a configuration in pieces; it comes into force as a "
				  "whole\n",
				MED_STR_FMT(who));
}

static void on_unfit(void *ctx, const char *text)
{
	(void)ctx;
	if(text)
		LM_WARN("%s\n", text);
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
	if(own.status.store != MED_STORE_LIVE)
		return;
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
	if(own.short_of_own) {
		own.short_of_own = false;
		LM_ERR("out of memory while reading; everything is read again\n");
		med_store_reload(own.store);
	} else if(own.unbuilt && !own.told && own.status.store == MED_STORE_LIVE) {
		apply();
	}
}

static void wait_for_work(void)
{
	struct pollfd fds[MED_STORE_FDS + 1 + MED_LISTENERS_MAX];
	int64_t deadline, listener_deadline = INT64_MAX, now = clock_ms();
	size_t n = med_store_poll(own.store, fds, MED_STORE_FDS, &deadline);
	uint64_t times;

	fds[n++] = (struct pollfd){.fd = wake_fd, .events = POLLIN};
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
		LM_NOTICE("reading everything again, as asked by RPC\n");
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
		write_status(now);
	}
}

static int prepare(void)
{
	med_errbuf_t err;

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
	return med_policy_listener_open();
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
