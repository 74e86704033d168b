/**
 * changes.h - how what is wanted differs from Redis: shown, and written
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCTL_CHANGES_H
#define MEDCTL_CHANGES_H

#include "medctl/output.h"
#include "medctl/world.h"

/** Objects to write or to remove. */
size_t changes_count(const world_t *w);
/** As + - ~ lines on stdout; at most @p max objects,
 * and how many there are. Secrets only with --secrets. */
void changes_show(world_t *w, size_t max);
/** The same as members of the JSON object that is open. */
void changes_json(world_t *w, out_json_t *j);

/** Before anything is read that is to be written: who else writes is seen. false: told.
 */
bool changes_begin(medctl_t *m);

/** What writing came to. */
typedef struct changes_result {
	size_t written, removed;
	char token[40]; /**< value of `<prefix>applied`; empty: as it was */
} changes_result_t;

/**
 * Write the difference. Up to CHANGES_AT_ONCE objects in one transaction; more in pieces
 * under `<prefix>applying`, so that nodes take only the whole, and small enough that no
 * other client of Redis waits long.
 *
 * @param confirm  a new token: also confirms a configuration that shrank
 * @return MEDCTL_OK; MEDCTL_NO: somebody else wrote meanwhile, nothing is half; or
 *         MEDCTL_FAILED; all told
 */
int changes_write(world_t *w, bool confirm, changes_result_t *result);
#define CHANGES_AT_ONCE 10000

#endif
