/**
 * core_test.h - what the tests of the configuration and of selection share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_CORE_TEST_H
#define MED_CORE_TEST_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "medcore/select.h"
#include "run.h"

/** Memory that counts what is out, and fails once @a left allocations were made. */
typedef struct core_memory {
	long left; /* negative: never fails */
	long out;
} core_memory_t;

static inline void *core_alloc(void *ctx, size_t size)
{
	core_memory_t *memory = ctx;
	void *block = memory->left == 0 ? NULL : malloc(size);

	if(memory->left > 0)
		memory->left--;
	memory->out += block != NULL;
	return block;
}

static inline void core_release(void *ctx, void *block)
{
	((core_memory_t *)ctx)->out--;
	free(block);
}

static inline med_mem_t core_mem(core_memory_t *memory)
{
	return (med_mem_t){core_alloc, core_release, memory};
}

/** Field names and values in turn, closed by NULL. */
static inline int core_vset(med_config_t *config, enum med_kind kind, const char *id,
		med_errbuf_t *err, va_list args)
{
	med_field_t fields[64];
	size_t count = 0;
	const char *name;

	while((name = va_arg(args, const char *)) != NULL)
		fields[count++] =
				(med_field_t){med_str(name), med_str(va_arg(args, const char *))};
	return med_config_set(config, kind, med_str(id), fields, count, err);
}

/** Must be accepted. */
static inline void core_set(med_config_t *config, enum med_kind kind, const char *id, ...)
{
	med_errbuf_t err = {""};
	va_list args;
	int rc;

	va_start(args, id);
	rc = core_vset(config, kind, id, &err, args);
	va_end(args);
	ck_assert_msg(
			rc == MED_EOK, "%s '%s': %d: %s", med_kind_name(kind), id, rc, err.text);
}

/** Any outcome. */
static inline int core_try(
		med_config_t *config, med_errbuf_t *err, enum med_kind kind, const char *id, ...)
{
	va_list args;
	int rc;

	va_start(args, id);
	rc = core_vset(config, kind, id, err, args);
	va_end(args);
	return rc;
}

static inline const med_snapshot_t *core_build(med_config_t *config)
{
	const med_snapshot_t *snapshot = NULL;
	med_errbuf_t err = {""};
	int rc = med_config_build(config, &snapshot, &err);

	ck_assert_msg(rc == MED_EOK, "build: %d: %s", rc, err.text);
	return snapshot;
}

/** The next snapshot in place of @p snapshot (NULL: the first). */
static inline void core_rebuild(med_config_t *config, const med_snapshot_t **snapshot)
{
	const med_snapshot_t *next = core_build(config);

	med_config_release(config, *snapshot);
	*snapshot = next;
}

/** Texts of what is wrong, one a line, and how many of each severity. */
typedef struct core_texts {
	char text[16384];
	size_t len;
	size_t count[2];
} core_texts_t;

static inline void core_add_text(void *ctx, enum med_severity severity,
		enum med_kind kind, med_str_t id, const char *text)
{
	core_texts_t *texts = ctx;

	texts->count[severity]++;
	texts->len +=
			(size_t)snprintf(texts->text + texts->len, sizeof(texts->text) - texts->len,
					"%s %.*s|%s\n", med_kind_name(kind), MED_STR_FMT(id), text);
	ck_assert_uint_lt(texts->len, sizeof(texts->text));
}

static inline void core_add_step(void *ctx, const char *text)
{
	core_texts_t *texts = ctx;

	texts->len += (size_t)snprintf(
			texts->text + texts->len, sizeof(texts->text) - texts->len, "%s\n", text);
	ck_assert_uint_lt(texts->len, sizeof(texts->text));
}

static inline med_number_t core_number(const char *text)
{
	med_number_t number = {.len = strlen(text)};

	ck_assert_uint_le(number.len, sizeof(number.s));
	memcpy(number.s, text, number.len);
	return number;
}

#define core_assert_str(got, expected)                                                   \
	ck_assert_msg(med_str_eq((got), med_str(expected)), "got '%.*s', expected '%s'",     \
			MED_STR_FMT(got), (expected))
#define core_assert_number(got, expected)                                                \
	core_assert_str(((med_str_t){(got).s, (got).len}), (expected))
#define core_assert_has(text, part)                                                      \
	ck_assert_msg(strstr((text), (part)) != NULL, "no '%s' in:\n%s", (part), (text))

/** A reproducible sequence, for generated cases. */
static inline uint32_t core_draw(uint64_t *state, uint32_t limit)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	return (uint32_t)((z ^ z >> 31) % limit);
}

static inline int core_run(const char *name, const TTest *const *tests, size_t count)
{
	return run_tests(name, NULL, NULL, tests, count);
}

#endif
