/**
 * export.c - what Redis has, or a node keeps on disk, as a file
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/stat.h>
#include <unistd.h>

#include "medcore/keep.h"
#include "medcore/schema.h"
#include "medctl/output.h"
#include "medctl/reading.h"

typedef struct exporter {
	medctl_t *m;
	FILE *out;
	out_json_t j;
	size_t count, left_out;
	size_t hidden; /* passwords */
} exporter_t;

static int put(void *ctx, const char *bytes, size_t len)
{
	return fwrite(bytes, 1, len, ctx) == len ? MED_EOK : -EIO;
}

static void comment(exporter_t *e, const char *text)
{
	(void)med_file_write_comment(put, e->out, med_str(text));
}

/* May this stand in a file that a terminal shows? No schema takes control bytes. */
static bool is_plain(med_str_t text)
{
	for(size_t i = 0; i < text.len; i++) {
		if((unsigned char)text.s[i] < 0x20 || text.s[i] == 0x7f)
			return false;
	}
	return true;
}

/* @p text names the object. */
static void leave_out(exporter_t *e, const char *text)
{
	char line[400];

	e->left_out++;
	(void)snprintf(line, sizeof(line), "left out: %s", text);
	out_note("%s", line);
	if(!e->m->json) {
		comment(e, line);
		(void)fputc('\n', e->out);
	}
}

static void leave_out_as(exporter_t *e, const redis_object_t *o, const char *why)
{
	char id[200];
	med_errbuf_t text;

	(void)med_fail(&text, 0, "%s '%s': %s", med_kind_name(o->kind),
			med_quote(id, sizeof(id), o->id), why);
	leave_out(e, text.text);
}

static void as_json(exporter_t *e, const redis_object_t *o)
{
	json_open(&e->j, NULL, '{');
	json_str(&e->j, "kind", med_str(med_kind_name(o->kind)));
	json_str(&e->j, "id", o->id);
	json_open(&e->j, "fields", '{');
	for(size_t i = 0; i < o->count; i++) {
		if(e->m->secrets || !field_secret(o->kind, o->fields[i].name))
			json_pair(&e->j, o->fields[i].name, o->fields[i].value);
	}
	json_close(&e->j, '}');
	json_close(&e->j, '}');
}

/* A field and where it stands: in the schema's order, rules by their number. */
typedef struct placed {
	med_field_t field;
	size_t row;
	uint32_t number;
} placed_t;

static int compare_placed(const void *a, const void *b)
{
	const placed_t *x = a, *y = b;

	if(x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

static void sort_fields(enum med_kind kind, med_field_t *fields, size_t count)
{
	static placed_t placed[MED_FILE_FIELDS_MAX];
	size_t rows;
	const med_field_def_t *defs = med_schema(kind, &rows);

	for(size_t i = 0; i < count; i++) {
		const med_field_def_t *def = med_schema_field(kind, fields[i].name);
		bool numbered = def != NULL && med_schema_is_numbered(def);
		placed[i] = (placed_t){.field = fields[i],
				.row = def == NULL ? rows : (size_t)(def - defs),
				.number = numbered ? 1 + med_schema_order(def, fields[i].name) : 0};
	}
	if(count > 1)
		qsort(placed, count, sizeof *placed, compare_placed);
	for(size_t i = 0; i < count; i++)
		fields[i] = placed[i].field;
}

static int export_object(void *ctx, const redis_object_t *o)
{
	static med_field_t fields[MED_FILE_FIELDS_MAX];
	exporter_t *e = ctx;
	med_errbuf_t err = {""};
	char hidden[160] = "";
	size_t count = 0;
	int rc;

	if(o->text != NULL) {
		leave_out_as(e, o, o->text);
		return MEDCTL_OK;
	}
	for(size_t i = 0; i < o->count; i++) {
		med_field_t field = {field_name(o->kind, o->fields[i].name), o->fields[i].value};
		if(!is_plain(field.name) || !is_plain(field.value)) {
			leave_out_as(e, o, "it has control bytes, which no field takes");
			return MEDCTL_OK;
		}
		if(field.value.len == 0 && med_str_eq(field.name, MED_STR("name")))
			continue; /* there for Redis, which has no hash without fields */
		if(!e->m->secrets && field_secret(o->kind, field.name)) {
			(void)snprintf(hidden, sizeof(hidden), "%.*s is set, and not shown",
					MED_STR_FMT(field.name));
			e->hidden++;
			continue;
		}
		fields[count++] = field;
	}
	sort_fields(o->kind, fields, count);
	if(e->m->json) {
		as_json(e, &(redis_object_t){o->kind, o->id, fields, count, NULL});
		e->count++;
		return MEDCTL_OK;
	}
	if(hidden[0] != '\0')
		comment(e, hidden);
	rc = med_file_write_object(put, e->out, o->kind, o->id, fields, count, &err);
	if(rc == MED_EINVAL)
		leave_out(e, err.text);
	else if(rc == MED_EOK)
		e->count++;
	return rc == MED_EOK || rc == MED_EINVAL ? MEDCTL_OK : MEDCTL_FAILED;
}

static const char *time_text(int64_t when)
{
	static char text[40];
	time_t t = (time_t)when;
	struct tm tm;

	if(gmtime_r(&t, &tm) == NULL
			|| !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		(void)snprintf(text, sizeof(text), "?");
	return text;
}

static void head(exporter_t *e, const char *from)
{
	char line[120];

	(void)snprintf(
			line, sizeof(line), "Exported by medctl at %s from", time_text(time(NULL)));
	comment(e, line);
	comment(e, from);
	comment(e, "[kind id], then field = value; medctl fields lists them all.");
	comment(e,
			e->m->secrets
					? "With passwords. Keep it as you would keep them."
					: "Without passwords: medctl apply leaves those in Redis as they "
					  "are. "
					  "field = with\nnothing behind it removes one; export --secrets "
					  "writes them.");
	(void)fputc('\n', e->out);
}

/* A file with passwords is for its owner alone. */
static FILE *open_output(const medctl_t *m)
{
	int fd = open(m->output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			m->secrets ? S_IRUSR | S_IWUSR : 0666);
	FILE *out = NULL;

	if(fd >= 0 && (!m->secrets || fchmod(fd, S_IRUSR | S_IWUSR) == 0))
		out = fdopen(fd, "w");
	if(out == NULL) {
		out_error("%s: %s", m->output, strerror(errno));
		if(fd >= 0)
			(void)close(fd);
	}
	return out;
}

/* ---- a node's file --------------------------------------------------------------------
 */

/* The last word on an object counts. */
static int on_kept(void *ctx, const med_file_object_t *object)
{
	objects_t *set = ctx;
	object_t *o = objects_find(set, object->kind, object->id);

	if(o != NULL)
		o->state = OBJECT_GONE;
	o = objects_add(set, object->kind, object->id, object->fields, NULL, object->count);
	return o != NULL ? MED_EOK : MED_ENOMEM;
}

static void on_gone(void *ctx, enum med_kind kind, med_str_t id)
{
	object_t *o = objects_find(ctx, kind, id);

	if(o != NULL)
		o->state = OBJECT_GONE;
}

static void on_fault(void *ctx, uint32_t line, const char *text)
{
	(void)ctx;
	(void)line;
	out_error("left out: %s", text);
}

static int compare_objects(const void *a, const void *b)
{
	const object_t *x = *(object_t *const *)a, *y = *(object_t *const *)b;
	med_str_t i = object_id(x), k = object_id(y);
	int order;

	if(x->kind != y->kind)
		return kind_rank((enum med_kind)x->kind) < kind_rank((enum med_kind)y->kind) ? -1
																					 : 1;
	order = memcmp(i.s, k.s, i.len < k.len ? i.len : k.len);
	return order != 0 ? order : i.len < k.len ? -1 : i.len > k.len;
}

static int export_set(exporter_t *e, objects_t *set)
{
	object_t **sorted = calloc(set->count + 1, sizeof *sorted);
	size_t count = 0;
	int rc = MEDCTL_OK;

	if(sorted == NULL) {
		out_error("out of memory");
		return MEDCTL_FAILED;
	}
	for(object_t *o = set->first; o != NULL; o = o->next) {
		if(o->state != OBJECT_GONE)
			sorted[count++] = o;
	}
	qsort(sorted, count, sizeof *sorted, compare_objects);
	for(size_t i = 0; i < count && rc == MEDCTL_OK; i++) {
		const object_t *o = sorted[i];
		redis_object_t object = {(enum med_kind)o->kind, object_id(o),
				objects_fields(set, o), o->count, NULL};
		rc = export_object(e, &object);
	}
	free(sorted);
	return rc;
}

static int read_kept(const medctl_t *m, objects_t *set, char *from, size_t size)
{
	med_keep_sink_t sink = {{on_kept, on_fault, set}, on_gone};
	med_errbuf_t err = {""};
	med_keep_mark_t mark;

	if(med_keep_each(m->from, &med_mem_heap, &sink, &mark, &err) != MED_EOK) {
		out_error("%s", err.text);
		return MEDCTL_FAILED;
	}
	(void)snprintf(from, size, "%.200s, the last known good of %s, of %.200s", m->from,
			time_text(mark.at), mark.source);
	return MEDCTL_OK;
}

/* ---- the command ----------------------------------------------------------------------
 */

static int begin(exporter_t *e, const char *from)
{
	if(e->m->output != NULL && (e->out = open_output(e->m)) == NULL)
		return MEDCTL_FAILED;
	e->j.out = e->out;
	if(e->m->json)
		json_open(&e->j, NULL, '[');
	else
		head(e, from);
	return MEDCTL_OK;
}

static int end(exporter_t *e)
{
	if(e->m->json) {
		json_close(&e->j, ']');
		json_end(&e->j);
	}
	return out_close(e->out, e->m->output != NULL ? e->m->output : "standard output");
}

int medctl_export(medctl_t *m)
{
	exporter_t e = {.m = m, .out = stdout};
	redis_reading_t reading = {.object = export_object, .ctx = &e, .kind = -1};
	objects_t *set = m->from != NULL ? objects_new() : NULL;
	char from[512] = "";
	int rc, closed = MEDCTL_OK;

	if(set != NULL)
		rc = read_kept(m, set, from, sizeof(from));
	else
		rc = m->from == NULL && medctl_client(m) != NULL ? MEDCTL_OK : MEDCTL_FAILED;
	if(rc == MEDCTL_OK && set == NULL)
		(void)snprintf(from, sizeof(from), "%.300s, prefix %.*s",
				med_client_place(m->client), MED_STR_FMT(m->prefix));
	if(rc == MEDCTL_OK)
		rc = begin(&e, from);
	if(rc == MEDCTL_OK) {
		rc = set != NULL ? export_set(&e, set) : redis_each(m, &reading);
		closed = end(&e);
	}
	objects_free(set);
	if(rc == MEDCTL_OK && e.left_out > 0)
		rc = MEDCTL_NO;
	return closed != MEDCTL_OK ? closed : rc;
}
