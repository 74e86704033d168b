/**
 * import.c - what Lync's tools exported, as a file of ours and a report
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "medcore/file.h"
#include "medcore/import.h"
#include "medctl/output.h"

typedef struct importing {
	medctl_t *m;
	FILE *out, *report;
	out_json_t j; /* of the report */
	size_t objects, note[MED_IMPORT_LEFT + 1];
} importing_t;

static const char *const words[] = {[MED_IMPORT_CARRIED] = "carried",
		[MED_IMPORT_CHANGED] = "changed",
		[MED_IMPORT_LEFT] = "left"};

static int put(void *ctx, const char *bytes, size_t len)
{
	return fwrite(bytes, 1, len, ctx) == len ? MED_EOK : -EIO;
}

static int on_object(void *ctx, enum med_kind kind, med_str_t id,
		const med_field_t *fields, size_t count, const char *comment)
{
	importing_t *i = ctx;
	int rc = med_file_write_comment(put, i->out, med_str(comment));

	i->objects++;
	return rc != MED_EOK
			? rc
			: med_file_write_object(put, i->out, kind, id, fields, count, NULL);
}

static void on_note(
		void *ctx, enum med_import_note note, const char *where, const char *text)
{
	importing_t *i = ctx;

	i->note[note]++;
	if(!i->m->json) {
		(void)fprintf(i->report, "%-8s%s: %s\n", words[note], where, text);
		return;
	}
	json_open(&i->j, NULL, '{');
	json_str(&i->j, "note", med_str(words[note]));
	json_str(&i->j, "where", med_str(where));
	json_str(&i->j, "text", med_str(text));
	json_close(&i->j, '}');
}

/* The whole file; NULL: told. */
static char *slurp(const char *name, size_t *len)
{
	FILE *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "rb");
	char *bytes = NULL;
	size_t room = 0;

	*len = 0;
	if(file == NULL) {
		out_error("%s: %s", name, strerror(errno));
		return NULL;
	}
	do {
		char *more;
		if(*len == room) {
			room = room == 0 ? 65536 : room * 2;
			more = room > 2 * (size_t)MED_IMPORT_FILE_MAX ? NULL : realloc(bytes, room);
			if(more == NULL) {
				out_error("%s: too big; at most %u MB", name, MED_IMPORT_FILE_MAX >> 20);
				break;
			}
			bytes = more;
		}
		*len += fread(bytes + *len, 1, room - *len, file);
	} while(!ferror(file) && !feof(file));
	if(ferror(file))
		out_error("%s: %s", name, strerror(errno));
	if(ferror(file) || !feof(file)) {
		free(bytes);
		bytes = NULL;
	}
	if(file != stdin)
		(void)fclose(file);
	return bytes;
}

/* Files that are refused are told, the others are imported. */
static int add_files(medctl_t *m, med_import_t *import)
{
	int rc = MEDCTL_OK;

	for(int i = 0; i < m->argc; i++) {
		med_errbuf_t err = {""};
		size_t len;
		char *bytes = slurp(m->argv[i], &len);
		int one;
		if(bytes == NULL)
			return MEDCTL_FAILED;
		one = med_import_add(import, m->argv[i], (med_str_t){bytes, len}, m->scope, &err);
		free(bytes);
		if(one == MED_EOK)
			continue;
		out_error_at(
				m->argv[i], 0, "%s", err.text[0] != '\0' ? err.text : med_strerror(one));
		if(one == MED_ENOMEM)
			return MEDCTL_FAILED;
		rc = MEDCTL_NO;
	}
	return rc;
}

static int finish(importing_t *i, med_import_t *import)
{
	med_import_sink_t sink = {on_object, on_note, i};
	med_errbuf_t err = {""};
	int rc;

	(void)med_file_write_comment(put, i->out,
			MED_STR("Imported by medctl; read the report, then medctl check and apply "
					"it."));
	(void)fputc('\n', i->out);
	if(i->m->json)
		json_open(&i->j, NULL, '[');
	rc = med_import_finish(import, &sink, &err);
	if(i->m->json) {
		json_close(&i->j, ']');
		json_end(&i->j);
	} else {
		(void)fprintf(i->report, "%zu objects; %zu carried, %zu changed, %zu left out\n",
				i->objects, i->note[MED_IMPORT_CARRIED], i->note[MED_IMPORT_CHANGED],
				i->note[MED_IMPORT_LEFT]);
	}
	if(rc == MED_EOK)
		return MEDCTL_OK;
	out_error("%s", err.text[0] != '\0' ? err.text : med_strerror(rc));
	return rc == MED_ELIMIT ? MEDCTL_NO : MEDCTL_FAILED;
}

static FILE *open_or(const char *name, FILE *otherwise)
{
	FILE *file = name == NULL ? otherwise : fopen(name, "w");

	if(file == NULL)
		out_error("%s: %s", name, strerror(errno));
	return file;
}

int medctl_import(medctl_t *m)
{
	med_import_t *import = med_import_new(&med_mem_heap);
	importing_t i = {.m = m};
	int rc = MEDCTL_FAILED, finished, closed;

	if(import == NULL)
		out_error("out of memory");
	else
		rc = add_files(m, import);
	if(rc != MEDCTL_FAILED) {
		i.out = open_or(m->output, stdout);
		i.report = i.out == NULL ? NULL : open_or(m->report, stderr);
		i.j.out = i.report;
	}
	if(i.out == NULL || i.report == NULL) {
		med_import_free(import);
		return MEDCTL_FAILED;
	}
	finished = finish(&i, import);
	rc = finished == MEDCTL_OK ? rc : finished;
	closed = out_close(i.out, m->output != NULL ? m->output : "standard output");
	if(m->report != NULL && out_close(i.report, m->report) != MEDCTL_OK)
		closed = MEDCTL_FAILED;
	med_import_free(import);
	return closed != MEDCTL_OK ? closed : rc;
}
