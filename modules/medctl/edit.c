/**
 * edit.c - get, list, set and del: single objects of Redis
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "medcore/card.h"
#include "medcore/schema.h"
#include "medctl/changes.h"
#include "medctl/table.h"

static bool parse_kind(const char *name, enum med_kind *kind)
{
	if(med_kind_parse(med_str(name), kind) == MED_EOK)
		return true;
	out_error("no kind of object: '%s'; medctl --help lists them", name);
	return false;
}

static bool check_id(enum med_kind kind, const char *id)
{
	med_errbuf_t err;

	if(med_record_check_id(kind, med_str(id), &err) == MED_EOK)
		return true;
	out_error("%s", err.text);
	return false;
}

/* ---- get and list ---------------------------------------------------------------------
 */

typedef struct shower {
	medctl_t *m;
	const char *field; /* NULL: all */
	out_json_t j;
	bool found;
	objects_t *rows; /* of the table on a terminal; NULL: a line each, as they come */
} shower_t;

static med_str_t shown_value(
		const shower_t *s, enum med_kind kind, const med_field_t *field)
{
	if(!s->m->secrets && field_secret(kind, field->name))
		return MED_STR(MED_NOT_SHOWN);
	return field->value;
}

static void object_as_json(shower_t *s, const redis_object_t *o)
{
	json_open(&s->j, NULL, '{');
	json_str(&s->j, "kind", med_str(med_kind_name(o->kind)));
	json_str(&s->j, "id", o->id);
	if(o->text != NULL)
		json_str(&s->j, "unreadable", med_str(o->text));
	json_open(&s->j, "fields", '{');
	for(size_t i = 0; i < o->count; i++)
		json_pair(&s->j, o->fields[i].name, shown_value(s, o->kind, &o->fields[i]));
	json_close(&s->j, '}');
	json_close(&s->j, '}');
}

/* One value: as it is set, or the default it has when it is not. */
static int show_field(shower_t *s, const redis_object_t *o)
{
	med_str_t name = field_name(o->kind, med_str(s->field));
	const med_field_def_t *def = med_schema_field(o->kind, name);
	const char *near = def == NULL ? med_schema_nearest(o->kind, name) : NULL;

	for(size_t i = 0; i < o->count; i++) {
		if(!med_str_eq(field_name(o->kind, o->fields[i].name), name))
			continue;
		out_safe(stdout, shown_value(s, o->kind, &o->fields[i]));
		(void)putchar('\n');
		return MEDCTL_OK;
	}
	if(def == NULL) {
		out_error("%s has no field '%s'%s%s%s", med_kind_name(o->kind), s->field,
				near != NULL ? "; '" : "", near != NULL ? near : "",
				near != NULL ? "' is meant?" : "");
		return MEDCTL_USAGE;
	}
	if(def->initial == NULL)
		return MEDCTL_NO;
	(void)puts(def->initial);
	return MEDCTL_OK;
}

static int show_object(void *ctx, const redis_object_t *o)
{
	shower_t *s = ctx;

	if(o->text == NULL && o->count == 0)
		return MEDCTL_NO;
	s->found = true;
	if(o->text != NULL && !s->m->json) {
		out_error("%s '%.*s': %s", med_kind_name(o->kind), MED_STR_FMT(o->id), o->text);
		return MEDCTL_NO;
	}
	if(s->field != NULL)
		return show_field(s, o);
	if(s->m->json) {
		object_as_json(s, o);
		json_end(&s->j);
		return MEDCTL_OK;
	}
	(void)printf("[%s ", med_kind_name(o->kind));
	out_safe(stdout, o->id);
	(void)puts("]");
	for(size_t i = 0; i < o->count; i++) {
		if(!s->m->secrets && field_secret(o->kind, o->fields[i].name))
			(void)fputs("# ", stdout);
		out_field(stdout, o->fields[i].name, shown_value(s, o->kind, &o->fields[i]));
	}
	return MEDCTL_OK;
}

int medctl_get_object(medctl_t *m)
{
	shower_t s = {.m = m, .field = m->argc > 2 ? m->argv[2] : NULL, .j = {.out = stdout}};
	enum med_kind kind;
	int rc;

	if(!parse_kind(m->argv[0], &kind))
		return MEDCTL_USAGE;
	rc = redis_one(m, kind, med_str(m->argv[1]), show_object, &s);
	if(rc == MEDCTL_NO && !s.found)
		out_error("there is no %s '%s'", m->argv[0], m->argv[1]);
	return rc;
}

static int keep_row(shower_t *s, const redis_object_t *o)
{
	static med_field_t fields[MED_FILE_FIELDS_MAX];

	for(size_t i = 0; i < o->count; i++)
		fields[i] =
				(med_field_t){o->fields[i].name, shown_value(s, o->kind, &o->fields[i])};
	if(objects_add(s->rows, o->kind, o->id, fields, NULL, o->count) != NULL)
		return MEDCTL_OK;
	out_error("out of memory");
	return MEDCTL_FAILED;
}

static int list_object(void *ctx, const redis_object_t *o)
{
	shower_t *s = ctx;

	if(s->m->json) {
		object_as_json(s, o);
		return MEDCTL_OK;
	}
	if(s->rows != NULL && o->text == NULL)
		return keep_row(s, o);
	out_safe(stdout, o->id);
	if(o->text != NULL)
		(void)printf("  (%s)", o->text);
	for(size_t i = 0; i < o->count; i++) {
		(void)fputs("  ", stdout);
		out_safe(stdout, o->fields[i].name);
		(void)putchar('=');
		out_safe(stdout, shown_value(s, o->kind, &o->fields[i]));
	}
	(void)putchar('\n');
	return MEDCTL_OK;
}

int medctl_list(medctl_t *m)
{
	shower_t s = {.m = m, .j = {.out = stdout}};
	redis_reading_t reading = {.object = list_object, .ctx = &s};
	enum med_kind kind;
	int rc;

	if(!parse_kind(m->argv[0], &kind))
		return MEDCTL_USAGE;
	reading.kind = (int)kind;
	if(m->out_terminal && !m->json && (s.rows = objects_new()) == NULL) {
		out_error("out of memory");
		return MEDCTL_FAILED;
	}
	if(m->json)
		json_open(&s.j, NULL, '[');
	rc = redis_each(m, &reading);
	if(s.rows != NULL)
		table_show(s.rows, kind);
	objects_free(s.rows);
	if(m->json) {
		json_close(&s.j, ']');
		json_end(&s.j);
	}
	return rc;
}

/* ---- set and del ----------------------------------------------------------------------
 */

/* An object as it is, and what is to become of it. */
typedef struct edit {
	world_t *w;
	char **pair; /* FIELD=VALUE */
	int pairs;
} edit_t;

static med_field_t split(enum med_kind kind, const char *pair)
{
	const char *equals = strchr(pair, '=');
	med_str_t name = {pair, (size_t)(equals - pair)};

	return (med_field_t){
			field_name(kind, med_str_trim(name)), med_str_trim(med_str(equals + 1))};
}

/* What is there with the pairs over it: an empty value takes the field away. */
static int make_wanted(void *ctx, const redis_object_t *o)
{
	static med_field_t fields[MED_FILE_FIELDS_MAX];
	edit_t *e = ctx;
	size_t count = 0;

	for(size_t i = 0; i < o->count; i++)
		fields[count++] =
				(med_field_t){field_name(o->kind, o->fields[i].name), o->fields[i].value};
	for(int i = 0; i < e->pairs; i++) {
		med_field_t field = split(o->kind, e->pair[i]);
		size_t at = 0;
		while(at < count && !med_str_eq(fields[at].name, field.name))
			at++;
		if(at == MED_FILE_FIELDS_MAX) {
			out_error("more than %d fields", MED_FILE_FIELDS_MAX);
			return MEDCTL_NO;
		}
		/* an empty password takes the one there away; any other field is left out */
		if(field.value.len > 0 || field_secret(o->kind, field.name)) {
			count += at == count;
			fields[at] = field;
		} else if(at < count) {
			fields[at] = fields[--count];
		}
	}
	if(objects_add(e->w->set, o->kind, o->id, fields, NULL, count) != NULL)
		return MEDCTL_OK;
	out_error("out of memory");
	return MEDCTL_FAILED;
}

/* May what becomes of such an object matter to a route, or the other way round? A trunk
 * is named by routes: to be there is all they ask of it. */
static bool concerns_other_routes(enum med_kind kind, bool removed)
{
	return kind == MED_KIND_POLICY || kind == MED_KIND_PROFILE || kind == MED_KIND_TEST
			|| (kind == MED_KIND_TRUNK && removed);
}

/* Judged, asked about, written. */
static int carry_out(world_t *w, const char *question)
{
	medctl_t *m = w->m;
	changes_result_t result;
	out_json_t j = {.out = stdout};
	size_t against;
	int rc = world_judge(w);

	if(rc != MEDCTL_OK)
		return rc;
	against = world_tell(w);
	if(against > 0) {
		out_error("%zu fault(s); nothing was written", against);
		return MEDCTL_NO;
	}
	if(!m->json)
		changes_show(w, SIZE_MAX);
	if(changes_count(w) > 0 && question != NULL && !m->yes && !out_ask(m, question))
		return MEDCTL_NO;
	if(changes_count(w) > 0)
		rc = changes_write(w, false, &result);
	if(rc == MEDCTL_OK && m->json) {
		json_open(&j, NULL, '{');
		changes_json(w, &j);
		json_close(&j, '}');
		json_end(&j);
	}
	return rc;
}

int medctl_set(medctl_t *m)
{
	edit_t edit = {.pair = m->argv + 2, .pairs = m->argc - 2};
	enum med_kind kind;
	world_t w;
	int rc;

	if(!parse_kind(m->argv[0], &kind) || !check_id(kind, m->argv[1]))
		return MEDCTL_USAGE;
	for(int i = 0; i < edit.pairs; i++) {
		if(strchr(edit.pair[i], '=') == NULL || edit.pair[i][0] == '=') {
			out_error("'%s': write FIELD=VALUE", edit.pair[i]);
			return MEDCTL_USAGE;
		}
	}
	rc = world_open(&w, m);
	edit.w = &w;
	w.touched_routes = !concerns_other_routes(kind, false);
	if(rc == MEDCTL_OK && !changes_begin(m))
		rc = MEDCTL_FAILED;
	if(rc == MEDCTL_OK)
		rc = redis_one(m, kind, med_str(m->argv[1]), make_wanted, &edit);
	if(rc == MEDCTL_OK)
		rc = carry_out(&w, NULL);
	world_close(&w);
	return rc;
}

static int want_gone(world_t *w, enum med_kind kind, char **ids, int count)
{
	for(int i = 0; i < count; i++) {
		object_t *o = objects_find(w->set, kind, med_str(ids[i]));
		if(o == NULL)
			o = objects_add(w->set, kind, med_str(ids[i]), NULL, NULL, 0);
		if(o == NULL) {
			out_error("out of memory");
			return MEDCTL_FAILED;
		}
		o->state = OBJECT_GONE;
	}
	return MEDCTL_OK;
}

static int check_there(medctl_t *m, enum med_kind kind, const char *id)
{
	char text[KEY_BYTES];
	med_str_t words[2] = {MED_STR("EXISTS")};
	med_reply_t *reply = NULL;
	bool there;

	if(redis_key(m, kind, med_str(id), text, sizeof(text), &words[1])
			&& medctl_send_words(m, 2, words))
		reply = medctl_reply(m);
	if(reply == NULL)
		return MEDCTL_FAILED;
	there = reply->integer == 1;
	med_reply_free(reply);
	if(!there)
		out_error("there is no %s '%s'; nothing was removed", med_kind_name(kind), id);
	return there ? MEDCTL_OK : MEDCTL_NO;
}

int medctl_del(medctl_t *m)
{
	enum med_kind kind;
	world_t w;
	int rc;

	if(!parse_kind(m->argv[0], &kind))
		return MEDCTL_USAGE;
	rc = world_open(&w, m);
	w.touched_routes = !concerns_other_routes(kind, true);
	if(rc == MEDCTL_OK && !changes_begin(m))
		rc = MEDCTL_FAILED;
	for(int i = 1; i < m->argc && rc == MEDCTL_OK; i++)
		rc = check_there(m, kind, m->argv[i]);
	if(rc == MEDCTL_OK)
		rc = want_gone(&w, kind, m->argv + 1, m->argc - 1);
	if(rc == MEDCTL_OK)
		rc = carry_out(&w, "remove this?");
	world_close(&w);
	return rc;
}
