/**
 * store_sentinel.h - which Redis is the master, as the sentinels say
 *
 * Private to the store and the client. All sentinels are asked at once; the answer with
 * the newest epoch holds, so that one which was cut off does not lead to an old master.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_STORE_SENTINEL_H
#define MEDCORE_STORE_SENTINEL_H

#include "medcore/store_conn.h"

#define MED_SENTINEL_TIMEOUT_MS 1000 /**< then what was answered must do */
#define MED_SENTINEL_LATE_MS 200     /**< so long the others have after the first */

typedef struct med_sentinel {
	const med_store_url_t *url; /**< the caller's; not NULL: asking */
	int64_t deadline;
	struct med_sentinel_asked {
		med_store_url_t url; /**< of this sentinel */
		med_conn_t conn;
		bool over, found;
		long long epoch;
		med_store_place_t master;
	} * asked; /**< url->sentinels of them */
	char why[200];
} med_sentinel_t;

/** The newest answer. */
typedef struct med_sentinel_found {
	med_store_place_t master;
	long long epoch; /**< grows with each failover */
} med_sentinel_found_t;

/** Begins to ask, unless it is asking already. 0, or -1 with why. Starts zeroed. */
int med_sentinel_ask(
		med_sentinel_t *sentinel, const med_store_url_t *url, int64_t now_ms);
/** 1: found, 0: goes on, -1: nobody knows; why says what the last one said. */
int med_sentinel_run(
		med_sentinel_t *sentinel, int64_t now_ms, med_sentinel_found_t *found);
/** Ends what is under way; to be asked again. */
void med_sentinel_stop(med_sentinel_t *sentinel);
void med_sentinel_free(med_sentinel_t *sentinel);

struct pollfd;
/** As med_store_poll(); lowers @p deadline_ms. */
size_t med_sentinel_poll(const med_sentinel_t *sentinel, struct pollfd *fds, size_t max,
		int64_t now_ms, int64_t *deadline_ms);

/** Is this the answer of a master to ROLE? */
bool med_sentinel_is_master(const redisReply *role);

#endif
