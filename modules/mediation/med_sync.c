/**
 * med_sync.c - the one process of a node that talks to Redis
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_sync_priv.h"

#include "med_compat.h"
#include "med_drain.h"
#include "med_events.h"
#include "med_health.h"
#include "med_limit.h"
#include "med_params.h"
#include "med_policy_listener.h"
#include "med_shm.h"

#include "medcore/pages.h"

#include "core/cfg/cfg_struct.h"
#include "core/pt.h"
#include "core/sr_module.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define REAP_MS 50        /* how often retired snapshots are looked at */
#define STATUS_MIN_MS 200 /* a status that keeps changing is written this often */
#define READ_AGAIN_MAX_MS 60000
#define PROGRESS_MS 200
#define KEEP_AGAIN_S 600 /* so that the age of what is on disk is told right */
#define DUTIES_MS 50     /* long work stops this often for what cannot wait */
#define TICK_MS 1000     /* Kamailio's own run-time settings are looked at this often */

/** Written by any process, read by the Redis process; made before the fork. */
static int wake_fd = -1;
static char node[64];

med_sync_own_t med_sync;

int64_t med_sync_clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

const char *med_sync_node(void)
{
	return node;
}

void med_sync_publish_status(void)
{
	med_sync.status_dirty = true;
	med_status_publish(&med_sync.status);
}

/** How far the reading is, in the status. */
static void tell_progress(int64_t now_ms)
{
	size_t done, known;

	if(now_ms < med_sync.progress_due || med_sync.status.store != MED_STORE_LOADING)
		return;
	med_sync.progress_due = now_ms + PROGRESS_MS;
	med_store_progress(med_sync.store, &done, &known);
	if(done == med_sync.status.read_done && known == med_sync.status.read_known)
		return;
	med_sync.status.read_done = done;
	med_sync.status.read_known = known;
	med_sync_publish_status();
}

/** Between parts of long work: what must not wait for its end. */
void med_sync_duties(void *ctx)
{
	int64_t now = med_sync_clock_ms();

	(void)ctx;
	if(now < med_sync.duties_due)
		return;
	med_sync.duties_due = now + DUTIES_MS;
	med_policy_listener_run(now);
	med_store_keep_alive(med_sync.store, now);
	med_sync_permits_look(now);
}

/* ---- the process ---- */

/** The status key, on a change (not too often) and before it expires. */
static void write_status(int64_t now_ms)
{
	char key[256];
	char *json;
	size_t len;

	if(now_ms < (med_sync.status_dirty ? med_sync.status_min : med_sync.status_due))
		return;
	med_sync.status_min = now_ms + STATUS_MIN_MS;
	med_sync.status_due = now_ms + (int64_t)med_param_status_interval * 1000;
	if(med_sync.status.store == MED_STORE_DOWN)
		return;
	if(med_sync.status.revision != med_sync.told_revision) {
		med_sync.told_revision = med_sync.status.revision;
		med_event("applied", "revision %llu, %u objects refused",
				med_sync.status.revision, med_sync.status.faults[MED_REFUSED].total);
	}
	med_sync.status_dirty = false;
	med_sync.status.calls_up = med_limit_counted();
	json = med_status_json(&med_sync.status, node, &len);
	if(!json) {
		LM_ERR("out of memory for the status\n");
		return;
	}
	snprintf(key, sizeof key, "%sstatus:%s", med_param_status_prefix, node);
	/* three intervals: two may be missed */
	if(med_store_write(med_sync.store, key, (med_str_t){json, len},
			   (unsigned)med_param_status_interval * 3)
			!= MED_EOK)
		med_sync.status_dirty = true;
	free(json);
}

static void reap(int64_t now_ms)
{
	unsigned alive;

	if(med_sync.status.snapshots < 2 || now_ms < med_sync.reap_due)
		return;
	med_sync.reap_due = now_ms + REAP_MS;
	alive = med_shm_reap(med_sync.config);
	if(alive == med_sync.status.snapshots)
		return;
	med_sync.status.snapshots = alive;
	med_status_publish(&med_sync.status);
}

/** What did not work before is tried again. */
static void mend(int64_t now_ms)
{
	if(now_ms < med_sync.build_again)
		return;
	med_sync.build_again = now_ms + BUILD_AGAIN_MS;
	if(med_sync.status.applying[0])
		return; /* what is there now is a part of something */
	if(med_sync.lost && med_sync.status.store == MED_STORE_LIVE) {
		med_sync.read_again_ms = med_sync.read_again_ms * 2 < READ_AGAIN_MAX_MS
				? med_sync.read_again_ms * 2
				: READ_AGAIN_MAX_MS;
		med_sync.build_again = now_ms + med_sync.read_again_ms;
		LM_ERR("objects were lost for want of memory; everything is read again\n");
		med_store_reload(med_sync.store);
	} else if(med_sync.unbuilt && !med_sync.lost && !med_sync.told
			&& med_sync.status.store == MED_STORE_LIVE) {
		med_sync_apply(false);
	}
	if(med_sync.keep && med_sync.status.store == MED_STORE_LIVE
			&& med_keep_wants_all(med_sync.keep))
		med_store_reload(med_sync.store);
	else if(med_sync.keep && med_sync.status.store == MED_STORE_LIVE && !med_sync.told
			&& !med_sync.unbuilt
			&& (int64_t)time(NULL) - med_sync.mark.at >= KEEP_AGAIN_S)
		med_sync_keep_commit();
}

static void wait_for_work(void)
{
	struct pollfd fds[MED_STORE_FDS + 2 + MED_LISTENERS_MAX + MED_DNS_FDS];
	int64_t deadline, other = INT64_MAX, now = med_sync_clock_ms();
	size_t n = med_store_poll(med_sync.store, fds, MED_STORE_FDS, &deadline);
	uint64_t times;

	fds[n++] = (struct pollfd){.fd = wake_fd, .events = POLLIN};
	if(med_sync.keep) {
		fds[n++] = (struct pollfd){.fd = med_keep_fd(med_sync.keep), .events = POLLIN};
		if(med_keep_deadline(med_sync.keep) < deadline)
			deadline = med_keep_deadline(med_sync.keep);
	}
	n += med_policy_listener_poll(fds + n, MED_LISTENERS_MAX, &other);
	if(other < deadline)
		deadline = other;
	n += med_resolver_poll(med_sync.resolver, fds + n, MED_DNS_FDS, now, &other);
	if(other < deadline)
		deadline = other;
	if(med_sync_permits_due() < deadline)
		deadline = med_sync_permits_due();
	if(med_sync_health_due() < deadline)
		deadline = med_sync_health_due();
	if(med_sync_names_wait() && med_sync.names_due < deadline)
		deadline = med_sync.names_due;
	if(med_sync.status.snapshots > 1 && med_sync.reap_due < deadline)
		deadline = med_sync.reap_due;
	if(med_sync.collect_due && med_sync.collect_due < deadline)
		deadline = med_sync.collect_due;
	if(med_sync.collecting)
		deadline = now;
	if(med_sync.status_dirty && med_sync.status_min < deadline)
		deadline = med_sync.status_min;
	if(deadline > now + TICK_MS)
		deadline = now + TICK_MS;
	if(poll(fds, n, deadline > now ? (int)(deadline - now) : 0) < 0 && errno != EINTR)
		LM_ERR("poll: %s\n", strerror(errno));
	if(read(wake_fd, &times, sizeof times) == (ssize_t)sizeof times) {
		/* nobody knows what a Redis that is away will have */
		med_sync.confirmed = med_sync.status.held.since != 0
				&& med_sync.status.store != MED_STORE_DOWN;
		LM_NOTICE("reading everything again, as asked by RPC%s\n",
				med_sync.confirmed ? "; what is held back may go" : "");
		med_store_reload(med_sync.store);
	}
}

/** Other nodes, and people, see it in the status; while it lasts, how many are up. */
static void tell_of_drain(int64_t now_ms)
{
	static int64_t counted_due;

	if(med_drain_on() != med_sync.status.draining) {
		med_sync.status.draining = med_drain_on();
		med_event(med_sync.status.draining ? "draining" : "takes_calls", "by RPC");
		med_sync_publish_status();
	} else if(med_sync.status.draining && now_ms >= counted_due
			&& med_limit_counted() != med_sync.status.calls_up) {
		counted_due = now_ms + TICK_MS;
		med_sync_publish_status();
	}
}

/** Trunks that went down, or came up again. */
static void tell_of_trunks(void)
{
	med_health_entry_t e;
	char text[96];

	for(uint32_t at = med_sync.trunks_told; med_health_next(&med_sync.trunks_told, &e);
			at = med_sync.trunks_told) {
		if(med_sync.trunks_told - at > 1)
			med_events_lost(med_sync.trunks_told - at - 1);
		if(med_events_full() && med_sync.status.store != MED_STORE_DOWN)
			med_events_flush(med_sync.store, med_param_status_prefix, node);
		if(e.change.to == MED_HEALTH_DOWN && e.change.from == MED_HEALTH_TRIAL)
			continue; /* down as before */
		med_health_text(&e.change, text, sizeof text);
		med_event(e.change.to == MED_HEALTH_UP           ? "trunk_up"
						: e.change.to == MED_HEALTH_DOWN ? "trunk_down"
														 : "trunk_suspect",
				"%.*s: %s", e.id_len, e.id, text);
	}
}

static void run(void)
{
	int64_t now;

	for(;;) {
		cfg_update();
		wait_for_work();
		now = med_sync_clock_ms();
		med_store_run(med_sync.store, now);
		med_policy_listener_run(now);
		med_sync_names_run(now);
		med_sync_permits_run(now);
		med_sync_health_run(now);
		med_sync.duties_due = now + DUTIES_MS;
		if(med_sync.collecting || (med_sync.collect_due && now >= med_sync.collect_due))
			med_sync_collect(false);
		reap(now);
		mend(now);
		med_sync_watch_writer();
		tell_progress(now);
		if(med_sync.keep)
			med_keep_run(med_sync.keep, now);
		tell_of_drain(now);
		write_status(now);
		tell_of_trunks();
		if(med_events_wait() && med_sync.status.store != MED_STORE_DOWN)
			med_events_flush(med_sync.store, med_param_status_prefix, node);
	}
}

static int prepare(void)
{
	med_pages_t *pages; /* live as long as the process */
	med_errbuf_t err;

	med_sync.read_again_ms = BUILD_AGAIN_MS;
	med_sync.limits_changed = true;
	med_sync_name_source();
	pages = med_pages_new();
	med_sync.config = pages ? med_config_new(med_pages_mem(pages), &med_mem_shm) : NULL;
	if(!med_sync.config) {
		LM_ERR("out of memory\n");
		return -1;
	}
	if(med_store_new(med_param_redis_url, med_param_redis_prefix, &med_sync_handler,
			   &med_sync.store, &err)
			!= MED_EOK) {
		LM_ERR("%s\n", err.text);
		return -1;
	}
	med_config_set_pause(med_sync.config, med_sync_duties, NULL);
	if(med_sync_names_open())
		return -1;
	if(med_policy_listener_open() || med_sync_permits_open() || med_sync_health_open())
		return -1;
	if(med_param_last_known_good[0]) {
		if(med_keep_new(&med_mem_heap, med_param_last_known_good, med_param_redis_prefix,
				   node, med_sync.config, &med_sync_keep_handler, &med_sync.keep)
				!= MED_EOK) {
			LM_ERR("the last known good configuration cannot be kept: out of memory\n");
			return -1;
		}
		med_sync_start_from_disk();
	}
	/* what is read from disk is there already */
	med_config_set_removed(med_sync.config, med_sync_on_removed, NULL);
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
	const med_resolve_handler_t none = {NULL, NULL, NULL};
	med_errbuf_t err = {"out of memory"};
	med_resolver_t *resolver = NULL;
	med_store_t *store = NULL;

	if(med_store_new(med_param_redis_url, med_param_redis_prefix, &med_sync_handler,
			   &store, &err)
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
	if(med_param_limit_share_ttl != 0
			&& (med_param_limit_share_ttl < 2 || med_param_limit_share_ttl > 3600)) {
		LM_ERR("limit_share_ttl %d: not between 2 and 3600 seconds; 0 shares no limits\n",
				med_param_limit_share_ttl);
		return -1;
	}
	if(med_param_health_share_ttl != 0
			&& (med_param_health_share_ttl < 2 || med_param_health_share_ttl > 3600)) {
		LM_ERR("health_share_ttl %d: not between 2 and 3600 seconds; 0 tells others "
			   "nothing\n",
				med_param_health_share_ttl);
		return -1;
	}
	if(med_param_applying_warning < 1) {
		LM_ERR("applying_warning %d: not a number of seconds\n",
				med_param_applying_warning);
		return -1;
	}
	if(med_resolver_new(med_param_dns_servers, &none, &resolver, &err) != MED_EOK) {
		LM_ERR("dns_servers: %s\n", err.text);
		return -1;
	}
	med_resolver_free(resolver);
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
