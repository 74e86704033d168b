/**
 * med_sync.h - the one process of a node that talks to Redis
 *
 * Reads and follows the configuration, builds and publishes snapshots, asks the policy
 * listeners, writes the node's status. Everyone else reads shared memory.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_SYNC_H
#define MED_SYNC_H

#include "medcore/config.h"
#include "medcore/store.h"

/** In mod_init: checks the parameters, announces the process. 0, or -1 (logged). */
int med_sync_register(void);
/** In child_init, every rank: forks the process once, for PROC_MAIN. 0, or -1. */
int med_sync_fork(int rank);
void med_sync_destroy(void);

/** Ask the Redis process to read everything again; from any process. 0, or -1. */
int med_sync_reload(void);

#define MED_STATUS_REFUSED 128 /**< refused objects kept for showing; all are counted */

typedef struct med_status_refused {
	char object[96]; /**< "trunk:pbx1", cut if longer */
	char text[256];
} med_status_refused_t;

/** What the Redis process says of itself; copied out whole under a lock. */
typedef struct med_status {
	enum med_store_state store;
	char store_text[256];
	long long store_since;	   /**< seconds since the epoch */
	unsigned long long revision; /**< of the snapshot in force; 0: none yet */
	long long applied_at;	   /**< when it was published */
	char build_error[256];	   /**< empty: the last build was published */
	unsigned snapshots;		   /**< alive: the one in force and retired ones in use */
	unsigned objects[MED_KIND_COUNT]; /**< accepted or last good, by kind */
	unsigned refused_total;
	unsigned refused_count; /**< filled in refused[] */
	med_status_refused_t refused[MED_STATUS_REFUSED];
} med_status_t;

/** The node's name as used in the status key. */
const char *med_sync_node(void);
/** The state alone, without the list of refused objects: cheap. */
void med_sync_status_head(med_status_t *status);
/** @return NULL when memory is short; free with pkg_free. */
med_status_t *med_sync_status(void);

#endif
