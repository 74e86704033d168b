/**
 * med_sync.h - the one process of a node that talks to Redis
 *
 * Reads and follows the configuration, builds and publishes snapshots, asks the policy
 * listeners, writes the node's status. Everyone else reads shared memory: med_shm.h,
 * med_status.h, med_policy_listener.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_SYNC_H
#define MED_SYNC_H

/**
 * In mod_init, before the fork, after med_shm_init and med_policy_listener_init: checks
 * the parameters, announces the process. 0, or -1 (logged).
 */
int med_sync_register(void);
/** In child_init, every rank: forks the process once, for PROC_MAIN. 0, or -1. */
int med_sync_fork(int rank);
/** In mod_destroy. */
void med_sync_destroy(void);

/** Ask the Redis process to read everything again; from any process. 0, or -1. */
int med_sync_reload(void);

/** This node's name, as in its status key. */
const char *med_sync_node(void);

#endif
