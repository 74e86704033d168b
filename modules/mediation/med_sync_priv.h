/**
 * med_sync_priv.h - what the parts of the Redis process share; nobody else includes it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_SYNC_PRIV_H
#define MED_SYNC_PRIV_H

#include "med_hold.h"
#include "med_status.h"
#include "med_sync.h"
#include "medcore/keep.h"
#include "medcore/resolve.h"
#include "medcore/store.h"

#define BUILD_AGAIN_MS 5000

/** The Redis process's own. */
typedef struct med_sync_own {
	med_store_t *store;
	med_config_t *config;
	med_resolver_t *resolver; /**< of names of gateways */
	int64_t names_due;        /**< some stand for other addresses now; 0: none */
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
	uint32_t trunks_told;             /**< changes of their state, by events */
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
	bool limits_changed;         /**< since permits were asked for */
} med_sync_own_t;

extern med_sync_own_t med_sync;

/* ---- med_sync.c ---- */

int64_t med_sync_clock_ms(void);
void med_sync_publish_status(void);
/** Between parts of long work: what must not wait for its end. */
void med_sync_duties(void *ctx);

/* ---- med_sync_keep.c ---- */

extern const med_keep_handler_t med_sync_keep_handler;
/** What is in force is the configuration as of now. */
void med_sync_keep_commit(void);
/** Which Redis it is, without telling its password. */
void med_sync_name_source(void);
/** What is on disk is in force before Redis is asked. */
void med_sync_start_from_disk(void);

/* ---- med_sync_build.c ---- */

/**
 * Builds what was told, and publishes it. false: the one before stays in force.
 * @param anew  something was told since the last time
 */
bool med_sync_build(bool anew);
/** Builds, keeps it on disk, counts it; refusals are collected a moment later. */
void med_sync_apply(bool anew);
/**
 * Tells everyone what is in force and what is refused, once it is all collected.
 * @param whole  true: now, however long it takes
 */
void med_sync_collect(bool whole);

/** Builds what names stand for now; nothing else was told. */
void med_sync_apply_names(void);
/** A moment later, if it is not under way: what is refused or warned of may have changed.
 */
void med_sync_collect_soon(void);

/* ---- med_sync_names.c ---- */

/** 0, or -1 (logged). Before anything is built. */
int med_sync_names_open(void);
void med_sync_names_run(int64_t now_ms);
/** Does a change of names wait for nothing else? */
bool med_sync_names_wait(void);

/* ---- med_sync_permits.c ---- */

/** 0, or -1 (logged). Before anything is built. */
int med_sync_permits_open(void);
/** These limits are about to be in force. */
void med_sync_permits_set(const med_snapshot_t *snapshot);
void med_sync_permits_run(int64_t now_ms);
/** While other work goes on: nothing is asked, but what has run out has. */
void med_sync_permits_look(int64_t now_ms);
int64_t med_sync_permits_due(void);

/* ---- med_sync_health.c ---- */

/** 0, or -1 (logged). */
int med_sync_health_open(void);
void med_sync_health_run(int64_t now_ms);
int64_t med_sync_health_due(void);

/* ---- med_sync_told.c ---- */

extern const med_store_handler_t med_sync_handler;
/** From the config: by a notice, a sweep, or with the gateway that kept it. */
void med_sync_on_removed(void *ctx, enum med_kind kind, med_str_t id);
/** A writer that died is waited for until a person says otherwise. */
void med_sync_watch_writer(void);

#endif
