/**
 * reading.h - objects from files and from Redis
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCTL_READING_H
#define MEDCTL_READING_H

#include "medctl/medctl.h"
#include "medctl/objects.h"

/**
 * Files ("-": standard input) into @p set. What is wrong is told by file and line, an
 * object given twice too.
 * @return MEDCTL_OK; MEDCTL_NO: faults; MEDCTL_FAILED
 */
int files_read(objects_t *set, char **names, int count);

/** One object as Redis has it. */
typedef struct redis_object {
	enum med_kind kind;
	med_str_t id; /**< any bytes */
	const med_field_t *fields;
	size_t count;
	const char *text; /**< NULL, or why it cannot be read; there are no fields then */
} redis_object_t;

typedef struct redis_reading {
	/** Not MEDCTL_OK: ends the reading. */
	int (*object)(void *ctx, const redis_object_t *object);
	/** A key that is of no kind, without the prefix; may be NULL. */
	void (*stray)(void *ctx, med_str_t key);
	void *ctx;
	int kind; /**< of this kind alone; negative: of all */
	/** Objects that are not to be read; may be NULL. */
	bool (*skip)(void *ctx, enum med_kind kind, med_str_t id);
} redis_reading_t;

/**
 * Every object under the prefix: by kind_order, then by id, each once. What changes
 * meanwhile may be seen or not. @return MEDCTL_OK, MEDCTL_FAILED (told), or the
 * handler's.
 */
int redis_each(medctl_t *m, const redis_reading_t *reading);
/** One object, whether it is there (count > 0), not (count 0), or unreadable. */
int redis_one(medctl_t *m, enum med_kind kind, med_str_t id,
		int (*object)(void *ctx, const redis_object_t *object), void *ctx);

/** `<prefix><kind>:<id>` in @p out (terminated); false: it does not fit. */
bool redis_key(const medctl_t *m, enum med_kind kind, med_str_t id, char *out,
		size_t size, med_str_t *key);
#define KEY_BYTES 1024

#endif
