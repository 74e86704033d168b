/**
 * objects.h - objects as texts, found by kind and id, in the order they came
 *
 * What files say, and what Redis said of the same objects. Names of fields are the
 * schema's own (an alias is replaced), a million objects take some 200 MB.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCTL_OBJECTS_H
#define MEDCTL_OBJECTS_H

#include "medcore/file.h"

/** How an object of a file stands to the one in Redis. */
enum object_state { OBJECT_NEW, OBJECT_SAME, OBJECT_CHANGED, OBJECT_GONE };

typedef struct object {
	struct object *chain, *next; /**< of its bucket; in order of arrival */
	struct object *old;          /**< as Redis has it, where that differs */
	uint64_t hash;
	const char *text; /**< id and fields, packed */
	uint32_t id_len, count;
	uint32_t line; /**< in @a file; 0: of none */
	uint16_t file; /**< number of its file */
	uint8_t kind, state;
} object_t;

typedef struct objects {
	object_t *first, *last;
	object_t **bucket;
	size_t buckets, count;
	struct objects_chunk *chunks;
	med_field_t fields[MED_FILE_FIELDS_MAX]; /**< of objects_fields() */
	uint32_t lines[MED_FILE_FIELDS_MAX];
} objects_t;

/** NULL when memory is short. */
objects_t *objects_new(void);
void objects_free(objects_t *set);

object_t *objects_find(const objects_t *set, enum med_kind kind, med_str_t id);
/** Added, whether one is there or not; @p lines may be NULL. NULL: memory is short. */
object_t *objects_add(objects_t *set, enum med_kind kind, med_str_t id,
		const med_field_t *fields, const uint32_t *lines, size_t count);
/** As objects_add(), but found by nobody: an old version. */
object_t *objects_keep(objects_t *set, enum med_kind kind, med_str_t id,
		const med_field_t *fields, size_t count);

med_str_t object_id(const object_t *object);
/** Fields until the next call; their lines are in set->lines. */
const med_field_t *objects_fields(objects_t *set, const object_t *object);
/** One field's value; false: it is not there. */
bool object_value(const object_t *object, med_str_t name, med_str_t *value);

/** The schema's name of a field: "usages" for "pstn_usages" of a policy. */
med_str_t field_name(enum med_kind kind, med_str_t name);
/** Is this a password? */
bool field_secret(enum med_kind kind, med_str_t name);

/** The order in which kinds stand in a file: what is named stands before who names it. */
extern const enum med_kind kind_order[MED_KIND_COUNT];
/** Place in kind_order. */
unsigned kind_rank(enum med_kind kind);

#endif
