/**
 * med_shm.h - the snapshot in force, shared by all processes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_SHM_H
#define MED_SHM_H

#include "medcore/config.h"
#include "medcore/metrics.h"

/** In mod_init, before the fork. 0, or -1 (logged). */
int med_shm_init(void);
void med_shm_destroy(void);

/** Memory of snapshots, for med_config_new(): all but a sixteenth, which is for calls. */
extern const med_mem_t med_mem_shm;

/** Bytes asked for and not had since the last call. Redis process only. */
size_t med_shm_missed(void);
/**
 * Memory of this process alone, counted: to learn what a build would take. What it frees
 * may be of either kind.
 */
extern const med_mem_t med_mem_measure;
/** Begins to count. */
void med_shm_measure(void);
/**
 * In megabytes, as Kamailio's option -m: what would do for what is in use now and @p more
 * bytes, and what was measured since med_shm_measure(), with head room.
 */
unsigned long med_shm_enough(size_t more);
/** Megabytes that there are. */
unsigned long med_shm_size(void);

/**
 * The snapshot in force, counted: lock, read pointer, count, unlock; nothing is done
 * while the lock is held. Within a scope of this process that has one already, the same:
 * what is written in branch_route fits what med_relay() chose, whatever changed
 * meanwhile. NULL: nothing loaded yet. Use MED_SNAPSHOT, not this.
 */
const med_snapshot_t *med_shm_acquire(void);
void med_shm_release(const med_snapshot_t **snapshot);

/** Declares @p name and releases it when the scope ends: one acquire per script function.
 */
#define MED_SNAPSHOT(name)                                                               \
	const med_snapshot_t *name __attribute__((cleanup(med_shm_release))) =               \
			med_shm_acquire()

/**
 * Replace the snapshot in force; takes over the caller's release. Redis process only.
 * The old one is retired; med_shm_reap() frees it.
 * @return MED_EOK; MED_ENOMEM (nothing changed, the caller still owns @p snapshot)
 */
int med_shm_publish(const med_snapshot_t *snapshot);
/**
 * Hand retired snapshots that nobody counts on to med_config_release(). Redis process
 * only. @return how many snapshots are alive, the one in force included
 */
unsigned med_shm_reap(med_config_t *config);

/** Counters and health by trunk number: survive every change of configuration. */
typedef struct med_trunk_state {
	uint32_t calls_in, attempts, failures;
	uint32_t probe;     /**< the OPTIONS that is out; 0: none */
	int64_t no_srtp_at; /**< it refused SRTP, and took the same call without; ms */
	med_health_t health;
	med_trunk_metrics_t metrics;
} med_trunk_state_t;
/** How many slots there are. */
uint32_t med_shm_trunk_states(void);
/** Slot of a trunk, to be changed with atomic builtins; NULL above the table's size. */
med_trunk_state_t *med_shm_trunk_state(uint32_t number);
/** Until when the trunk of that slot is offered no SRTP, by its profile; 0: it never
 * refused any. */
int64_t med_shm_no_srtp_until(const med_trunk_state_t *state, const med_trunk_t *trunk);

#endif
