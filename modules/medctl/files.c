/**
 * files.c - objects from files, what is wrong told by file and line
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "medctl/output.h"
#include "medctl/reading.h"

#define FAULTS_SHOWN 50 /* of a file */
#define FILES_MAX 65535

typedef struct loading {
	objects_t *set;
	char **names;
	uint16_t number;
	size_t faults;
} loading_t;

static const char *shown_name(const loading_t *l)
{
	return strcmp(l->names[l->number], "-") == 0 ? "(standard input)"
												 : l->names[l->number];
}

static void on_fault(void *ctx, uint32_t line, const char *text)
{
	loading_t *l = ctx;

	if(++l->faults <= FAULTS_SHOWN)
		out_error_at(shown_name(l), line, "%s", text);
}

static int on_object(void *ctx, const med_file_object_t *object)
{
	loading_t *l = ctx;
	object_t *o = objects_find(l->set, object->kind, object->id);
	med_errbuf_t text;

	if(o != NULL) {
		(void)med_fail(&text, 0,
				"%s '%.*s' is given twice, first in %.80s line %u; keep one",
				med_kind_name(object->kind), MED_STR_FMT(object->id), l->names[o->file],
				o->line);
		on_fault(l, object->line, text.text);
		return MED_EOK;
	}
	o = objects_add(l->set, object->kind, object->id, object->fields, object->lines,
			object->count);
	if(o == NULL)
		return MED_ENOMEM;
	o->line = object->line;
	o->file = l->number;
	return MED_EOK;
}

static int feed(med_file_reader_t *reader, FILE *file, const char *name)
{
	static char piece[65536];
	int rc = MED_EOK;

	while(rc == MED_EOK) {
		size_t n = fread(piece, 1, sizeof(piece), file);
		if(n == 0)
			break;
		rc = med_file_reader_feed(reader, piece, n);
	}
	if(rc == MED_EOK && ferror(file)) {
		out_error("%s: %s", name, strerror(errno));
		return -EIO;
	}
	return rc == MED_EOK ? med_file_reader_end(reader) : rc;
}

static int read_one(loading_t *l, const char *name)
{
	med_file_handler_t handler = {on_object, on_fault, l};
	bool standard = strcmp(name, "-") == 0;
	FILE *file = standard ? stdin : fopen(name, "r");
	med_file_reader_t *reader = NULL;
	int rc;

	if(file == NULL) {
		out_error("%s: %s", name, strerror(errno));
		return MEDCTL_FAILED;
	}
	l->faults = 0;
	rc = med_file_reader_new(&med_mem_heap, &handler, &reader);
	if(rc == MED_EOK)
		rc = feed(reader, file, name);
	med_file_reader_free(reader);
	if(!standard)
		(void)fclose(file);
	if(l->faults > FAULTS_SHOWN)
		out_error_at(shown_name(l), 0, "and %zu more", l->faults - FAULTS_SHOWN);
	if(rc == MED_ENOMEM)
		out_error("%s: out of memory", name);
	if(rc != MED_EOK && rc != MED_EINVAL)
		return MEDCTL_FAILED;
	return l->faults > 0 ? MEDCTL_NO : MEDCTL_OK;
}

int files_read(objects_t *set, char **names, int count)
{
	loading_t l = {.set = set, .names = names};
	int rc = MEDCTL_OK;

	if(count > FILES_MAX) {
		out_error("more than %d files", FILES_MAX);
		return MEDCTL_FAILED;
	}
	for(int i = 0; i < count && rc != MEDCTL_FAILED; i++) {
		int one;
		l.number = (uint16_t)i;
		one = read_one(&l, names[i]);
		rc = one == MEDCTL_OK ? rc : one;
	}
	return rc;
}
