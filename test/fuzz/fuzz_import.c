/**
 * fuzz_import.c - files of an import, separated by 0x1e
 *
 * What is made of them is accepted by a configuration, notes are printable, and the same
 * files in reverse order give the same.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "medcore/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FILES 8

typedef struct med_outcome {
	med_config_t *config;
	uint64_t hash;
} med_outcome_t;

static void add_hash(med_outcome_t *outcome, med_str_t text)
{
	outcome->hash = outcome->hash * 31 + med_hash(text.s, text.len);
}

static void check_text(const char *text)
{
	for(; *text != '\0'; text++) {
		if(*text < 0x20 || *text > 0x7e)
			abort();
	}
}

static int take_object(void *ctx, enum med_kind kind, med_str_t id,
		const med_field_t *fields, size_t count, const char *comment)
{
	med_outcome_t *outcome = ctx;

	check_text(comment);
	if(med_config_set(outcome->config, kind, id, fields, count, NULL) != MED_EOK)
		abort();
	add_hash(outcome, med_str(med_kind_name(kind)));
	add_hash(outcome, id);
	for(size_t i = 0; i < count; i++) {
		add_hash(outcome, fields[i].name);
		add_hash(outcome, fields[i].value);
	}
	return MED_EOK;
}

static void take_note(
		void *ctx, enum med_import_note note, const char *where, const char *text)
{
	check_text(where);
	check_text(text);
	if(note > MED_IMPORT_LEFT)
		abort();
	add_hash(ctx, med_str(where));
	add_hash(ctx, med_str(text));
}

static size_t split(med_str_t rest, med_str_t *files)
{
	size_t count = 0;

	while(rest.len > 0 && count < FILES) {
		const char *end = memchr(rest.s, 0x1e, rest.len);
		size_t len = end == NULL ? rest.len : (size_t)(end - rest.s);
		files[count++] = (med_str_t){rest.s, len};
		rest.s += len + (end != NULL);
		rest.len -= len + (end != NULL);
	}
	return count;
}

static uint64_t run(const med_str_t *files, size_t count, bool reverse)
{
	med_import_t *import = med_import_new(&med_mem_heap);
	med_outcome_t outcome = {med_config_new(&med_mem_heap, &med_mem_heap), 0};
	med_import_sink_t sink = {take_object, take_note, &outcome};
	const med_snapshot_t *snapshot;

	if(import == NULL || outcome.config == NULL)
		abort();
	for(size_t i = 0; i < count; i++) {
		size_t file = reverse ? count - 1 - i : i;
		med_errbuf_t err = {""};
		char name[32];
		(void)snprintf(name, sizeof(name), "%zu/Site_a.xml", file);
		if(med_import_add(import, name, files[file], NULL, &err) != MED_EOK)
			check_text(err.text);
	}
	if(med_import_finish(import, &sink, NULL) != MED_EOK)
		abort();
	if(med_config_build(outcome.config, &snapshot, NULL) != MED_EOK)
		abort();
	med_config_release(outcome.config, snapshot);
	med_config_free(outcome.config);
	med_import_free(import);
	return outcome.hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	med_str_t files[FILES];
	size_t count = split((med_str_t){(const char *)data, size}, files);

	if(run(files, count, false) != run(files, count, true))
		abort();
	return 0;
}
