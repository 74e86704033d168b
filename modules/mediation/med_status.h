/**
 * med_status.h - what the Redis process says of itself: in shared memory, as JSON, as log
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_STATUS_H
#define MED_STATUS_H

#include "medcore/config.h"
#include "medcore/permit.h"
#include "medcore/store.h"

#define MED_STATUS_SHOWN 128 /**< of each severity kept for showing; all are counted */

typedef struct med_status_fault {
	char object[96]; /**< "trunk:pbx1", cut if longer */
	char text[256];
} med_status_fault_t;

/** What is wrong, of one severity. */
typedef struct med_status_faults {
	unsigned total;
	unsigned count; /**< filled in item[] */
	med_status_fault_t item[MED_STATUS_SHOWN];
} med_status_faults_t;

#define MED_HELD_SHOWN 16 /**< held objects kept for showing; all are counted */

/** What a read of everything lacked, and is kept in force; since 0: nothing. */
typedef struct med_held {
	long long since;
	char text[512];
	unsigned total, count[MED_KIND_COUNT];
	unsigned shown;
	char object[MED_HELD_SHOWN][96]; /**< "trunk:pbx1" */
} med_held_t;

/** Where what is in force came from. */
enum med_origin { MED_ORIGIN_NONE, MED_ORIGIN_DISK, MED_ORIGIN_REDIS };

typedef struct med_status {
	enum med_origin source;
	long long disk_at;   /**< as of when it is on disk; 0: it is not */
	char disk_text[256]; /**< why it is not kept there; empty: it is, or is off */
	size_t read_done, read_known; /**< while loading; known 0: not known */
	med_held_t held;
	char applying[128]; /**< the writer that is waited for; empty: none */
	long long applying_since;
	char unfit[256]; /**< what is wrong with this Redis; empty: nothing */
	enum med_store_state store;
	char store_text[256];
	long long store_since;          /**< seconds since the epoch */
	unsigned long long revision;    /**< of the snapshot in force; 0: none yet */
	long long applied_at;           /**< when it was published */
	char build_error[256];          /**< empty: the last build was published */
	unsigned names, names_troubled; /**< of gateways, looked up; those with trouble */
	bool draining;                  /**< it takes no new calls */
	unsigned calls_up;              /**< that limits count */
	enum med_permits_state limits_state;
	unsigned limits_nodes;   /**< that share them */
	unsigned down_elsewhere; /**< trunks, as other nodes see them */
	char prober[64];    /**< the node that asks trunks for our site; empty: each does */
	unsigned snapshots; /**< alive: the one in force and retired ones in use */
	unsigned objects[MED_KIND_COUNT];           /**< in force, by kind */
	med_status_faults_t faults[MED_WARNED + 1]; /**< by enum med_severity */
} med_status_t;

/** "refused", "warned" */
const char *med_status_severity_name(enum med_severity severity);

/** In mod_init, before the fork. 0, or -1 (logged). */
int med_status_init(void);
void med_status_destroy(void);

/** The Redis process tells everyone. */
void med_status_publish(const med_status_t *status);
/** A copy of what was told last, by pkg_malloc; NULL: memory is short. */
med_status_t *med_status_get(void);

/** "none", "disk", "redis" */
const char *med_status_source_name(enum med_origin source);
/** "none", "joining", "shared", "alone" */
const char *med_status_limits_name(enum med_permits_state state);
/** "down", "loading", "live" */
const char *med_status_store_name(enum med_store_state state);

/** As JSON for the status key; malloc'ed, NULL: memory is short. @p node names this node.
 */
char *med_status_json(const med_status_t *status, const char *node, size_t *len);

#endif
