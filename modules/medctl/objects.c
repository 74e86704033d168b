/**
 * objects.c - objects as texts, found by kind and id, in the order they came
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>

#include "medcore/schema.h"
#include "medctl/objects.h"

#define CHUNK_BYTES ((size_t)1 << 20)

struct objects_chunk {
	struct objects_chunk *next;
	size_t used, size;
	char bytes[];
};

const enum med_kind kind_order[MED_KIND_COUNT] = {MED_KIND_SITE, MED_KIND_POOL,
		MED_KIND_GATEWAY, MED_KIND_TRUNK, MED_KIND_PROFILE, MED_KIND_RULES,
		MED_KIND_RESPONSE_RULES, MED_KIND_POLICY, MED_KIND_SCHEDULE, MED_KIND_ROUTE,
		MED_KIND_LOCATION_POLICY, MED_KIND_LIMITS, MED_KIND_GUARD, MED_KIND_TEST};

unsigned kind_rank(enum med_kind kind)
{
	unsigned rank = 0;

	while(rank < MED_KIND_COUNT && kind_order[rank] != kind)
		rank++;
	return rank;
}

med_str_t field_name(enum med_kind kind, med_str_t name)
{
	const med_field_def_t *def = med_schema_field(kind, name);

	if(def != NULL && def->alias != NULL && med_str_eq(name, med_str(def->alias)))
		return med_str(def->name);
	return name;
}

bool field_secret(enum med_kind kind, med_str_t name)
{
	const med_field_def_t *def = med_schema_field(kind, name);

	return def != NULL && def->secret;
}

objects_t *objects_new(void)
{
	objects_t *set = calloc(1, sizeof *set);

	if(set == NULL)
		return NULL;
	set->buckets = 1024;
	set->bucket = calloc(set->buckets, sizeof *set->bucket);
	if(set->bucket == NULL) {
		free(set);
		return NULL;
	}
	return set;
}

void objects_free(objects_t *set)
{
	if(set == NULL)
		return;
	while(set->chunks != NULL) {
		struct objects_chunk *next = set->chunks->next;
		free(set->chunks);
		set->chunks = next;
	}
	free(set->bucket);
	free(set);
}

static void *take(objects_t *set, size_t size)
{
	struct objects_chunk *chunk = set->chunks;
	void *at;

	size = (size + 7) & ~(size_t)7;
	if(chunk == NULL || size > chunk->size - chunk->used) {
		size_t room = size > CHUNK_BYTES ? size : CHUNK_BYTES;
		chunk = malloc(sizeof *chunk + room);
		if(chunk == NULL)
			return NULL;
		chunk->used = 0;
		chunk->size = room;
		chunk->next = set->chunks;
		set->chunks = chunk;
	}
	at = chunk->bytes + chunk->used;
	chunk->used += size;
	return at;
}

static uint64_t hash_of(enum med_kind kind, med_str_t id)
{
	return (med_hash(id.s, id.len) + (uint64_t)kind) * 0x9e3779b97f4a7c15u;
}

static object_t **bucket_of(const objects_t *set, uint64_t hash)
{
	return &set->bucket[hash >> 32 & (set->buckets - 1)];
}

/* Longer chains are the worst that a failed growth leads to. */
static void grow(objects_t *set)
{
	size_t buckets = set->buckets * 2;
	object_t **wide = calloc(buckets, sizeof *wide);

	if(wide == NULL)
		return;
	free(set->bucket);
	set->bucket = wide;
	set->buckets = buckets;
	for(object_t *o = set->first; o != NULL; o = o->next) {
		o->chain = *bucket_of(set, o->hash);
		*bucket_of(set, o->hash) = o;
	}
}

object_t *objects_find(const objects_t *set, enum med_kind kind, med_str_t id)
{
	uint64_t hash = hash_of(kind, id);
	object_t *o = *bucket_of(set, hash);

	while(o != NULL
			&& (o->hash != hash || o->kind != (uint8_t)kind
					|| !med_str_eq(object_id(o), id)))
		o = o->chain;
	return o;
}

/* ---- packed: id, then of each field line, lengths, name, value ------------------------
 */

typedef struct packed {
	uint32_t line, name_len, value_len;
} packed_t;

static char *put(char *at, const void *bytes, size_t len)
{
	if(len > 0)
		memcpy(at, bytes, len);
	return at + len;
}

object_t *objects_keep(objects_t *set, enum med_kind kind, med_str_t id,
		const med_field_t *fields, size_t count)
{
	size_t size = id.len;
	object_t *o;
	char *at;

	for(size_t i = 0; i < count; i++)
		size += sizeof(packed_t) + field_name(kind, fields[i].name).len
				+ fields[i].value.len;
	o = take(set, sizeof *o);
	at = o == NULL ? NULL : take(set, size);
	if(at == NULL)
		return NULL;
	*o = (object_t){.hash = hash_of(kind, id),
			.text = at,
			.id_len = (uint32_t)id.len,
			.count = (uint32_t)count,
			.kind = (uint8_t)kind};
	at = put(at, id.s, id.len);
	for(size_t i = 0; i < count; i++) {
		med_str_t name = field_name(kind, fields[i].name);
		packed_t p = {0, (uint32_t)name.len, (uint32_t)fields[i].value.len};
		at = put(at, &p, sizeof p);
		at = put(at, name.s, name.len);
		at = put(at, fields[i].value.s, fields[i].value.len);
	}
	return o;
}

object_t *objects_add(objects_t *set, enum med_kind kind, med_str_t id,
		const med_field_t *fields, const uint32_t *lines, size_t count)
{
	object_t *o = objects_keep(set, kind, id, fields, count);
	char *at;

	if(o == NULL)
		return NULL;
	at = (char *)(uintptr_t)o->text + id.len;
	for(size_t i = 0; lines != NULL && i < count; i++) {
		packed_t p;
		memcpy(&p, at, sizeof p);
		p.line = lines[i];
		at = put(at, &p, sizeof p) + p.name_len + p.value_len;
	}
	if(set->count >= set->buckets)
		grow(set);
	o->chain = *bucket_of(set, o->hash);
	*bucket_of(set, o->hash) = o;
	if(set->last != NULL)
		set->last->next = o;
	else
		set->first = o;
	set->last = o;
	set->count++;
	return o;
}

med_str_t object_id(const object_t *object)
{
	return (med_str_t){object->text, object->id_len};
}

/* The field at @p at; what follows it is returned. */
static const char *unpack(const char *at, med_field_t *field, uint32_t *line)
{
	packed_t p;

	memcpy(&p, at, sizeof p);
	at += sizeof p;
	field->name = (med_str_t){at, p.name_len};
	field->value = (med_str_t){at + p.name_len, p.value_len};
	*line = p.line;
	return at + p.name_len + p.value_len;
}

const med_field_t *objects_fields(objects_t *set, const object_t *object)
{
	const char *at = object->text + object->id_len;

	for(size_t i = 0; i < object->count; i++)
		at = unpack(at, &set->fields[i], &set->lines[i]);
	return set->fields;
}

bool object_value(const object_t *object, med_str_t name, med_str_t *value)
{
	const char *at = object->text + object->id_len;
	med_field_t field;
	uint32_t line;

	for(size_t i = 0; i < object->count; i++) {
		at = unpack(at, &field, &line);
		if(!med_str_eq(field.name, name))
			continue;
		*value = field.value;
		return true;
	}
	return false;
}
