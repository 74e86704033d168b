/**
 * world.h - what would be in force: Redis, files, or files over Redis, judged as nodes do
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCTL_WORLD_H
#define MEDCTL_WORLD_H

#include "medctl/faults.h"
#include "medctl/reading.h"

typedef struct world {
	medctl_t *m;
	/**
	 * What is wanted: OBJECT_NEW until Redis was read, then how each stands to Redis.
	 * OBJECT_GONE: is to be removed.
	 */
	objects_t *set;
	char **names; /**< of its files */
	bool replace; /**< what Redis has and @a set lacks is to go */
	/**
	 * Other routes than those of @a set do not matter: a million of them are not read.
	 */
	bool touched_routes;
	med_config_t *config;
	const med_snapshot_t *snapshot; /**< after world_build() */
	faults_t before, after;         /**< what Redis has wrong; what would be */
	size_t redis;                   /**< objects in Redis */
	size_t count[OBJECT_GONE + 1];  /**< by state, after world_read() */
	int failed;
} world_t;

/** MEDCTL_OK or, told, MEDCTL_FAILED. */
int world_open(world_t *w, medctl_t *m);
void world_close(world_t *w);

/** A world of one file, or of Redis when @p file is NULL; built. */
int world_load(world_t *w, const char *file);

/** What Redis has, compared with the set. */
int world_read(world_t *w);
/** What the set wants, over what was read. */
int world_change(world_t *w);
/** A snapshot of it. */
int world_build(world_t *w);

/** MEDCTL_OK, also with NULL; MEDCTL_NO, told: no such pool would be in force. */
int world_find_pool(const world_t *w, const char *pool);

/**
 * The whole of it: reads Redis, lists its faults in @a before, changes, lists those there
 * would be in @a after, with places in files.
 */
int world_judge(world_t *w);
/**
 * Tells what is wrong. Faults that Redis has already and that are no changed object's are
 * told, but do not count.
 * @return how many refused objects stand against writing
 */
size_t world_tell(world_t *w);

/**
 * The fields an object is to have in Redis: as the file says, without empty passwords,
 * with passwords that Redis has and the file does not name. Valid until the next call.
 */
const med_field_t *world_wanted(world_t *w, const object_t *object, size_t *count);

#endif
