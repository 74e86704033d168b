/**
 * world.c - what would be in force: Redis, files, or files over Redis, judged as nodes do
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>

#include "medctl/output.h"
#include "medctl/world.h"

#define WARNINGS_SHOWN 20
#define FAULTS_SHOWN 100

int world_open(world_t *w, medctl_t *m)
{
	*w = (world_t){.m = m, .set = objects_new()};
	w->config = med_config_new(&med_mem_heap, &med_mem_heap);
	if(w->set != NULL && w->config != NULL)
		return MEDCTL_OK;
	out_error("out of memory");
	return MEDCTL_FAILED;
}

void world_close(world_t *w)
{
	if(w->snapshot != NULL)
		med_config_release(w->config, w->snapshot);
	if(w->config != NULL)
		med_config_free(w->config);
	objects_free(w->set);
	faults_free(&w->before);
	faults_free(&w->after);
}

static int no_memory(void)
{
	out_error("out of memory");
	return MEDCTL_FAILED;
}

/* ---- fields -------------------------------------------------------------------------
 */

static bool is_empty_name(const med_field_t *field)
{
	return field->value.len == 0 && med_str_eq(field->name, MED_STR("name"));
}

const med_field_t *world_wanted(world_t *w, const object_t *object, size_t *count)
{
	static med_field_t wanted[MED_FILE_FIELDS_MAX + 16];
	enum med_kind kind = (enum med_kind)object->kind;
	const med_field_t *fields;
	med_str_t value;
	size_t n = 0;

	fields = objects_fields(w->set, object);
	for(size_t i = 0; i < object->count; i++) {
		if(is_empty_name(&fields[i])
				|| (fields[i].value.len == 0 && field_secret(kind, fields[i].name)))
			continue;
		wanted[n++] = fields[i];
	}
	if(object->old != NULL) {
		fields = objects_fields(w->set, object->old);
		for(size_t i = 0; i < object->old->count && n < MED_FILE_FIELDS_MAX + 8; i++) {
			if(field_secret(kind, fields[i].name)
					&& !object_value(object, fields[i].name, &value))
				wanted[n++] = fields[i];
		}
	}
	*count = n;
	return wanted;
}

static const med_field_t *find_field(
		const med_field_t *fields, size_t count, size_t hint, med_str_t name)
{
	if(hint < count && med_str_eq(fields[hint].name, name))
		return &fields[hint];
	for(size_t i = 0; i < count; i++) {
		if(med_str_eq(fields[i].name, name))
			return &fields[i];
	}
	return NULL;
}

/* Is this what is wanted already? By the schema's names; blanks around do not count. */
static bool is_same(world_t *w, const object_t *object, const redis_object_t *redis)
{
	static med_field_t has[MED_FILE_FIELDS_MAX];
	const med_field_t *wanted, *found;
	size_t count, n = 0;
	med_str_t value;

	for(size_t i = 0; i < redis->count; i++) {
		has[n] = (med_field_t){
				field_name(redis->kind, redis->fields[i].name), redis->fields[i].value};
		n += !is_empty_name(&has[n]);
	}
	wanted = world_wanted(w, object, &count);
	for(size_t i = 0; i < n; i++) { /* a password the file does not name stays */
		if(!field_secret(redis->kind, has[i].name)
				|| object_value(object, has[i].name, &value))
			continue;
		has[i--] = has[--n];
	}
	if(count != n)
		return false;
	for(size_t i = 0; i < count; i++) {
		found = find_field(has, n, i, wanted[i].name);
		if(found == NULL
				|| !med_str_eq(med_str_trim(found->value), med_str_trim(wanted[i].value)))
			return false;
	}
	return true;
}

/* ---- Redis --------------------------------------------------------------------------
 */

static int take_into_config(world_t *w, const redis_object_t *redis)
{
	med_errbuf_t err;
	int rc;

	if(redis->text != NULL) {
		(void)snprintf(err.text, sizeof(err.text), "%s '%.*s': %s",
				med_kind_name(redis->kind), MED_STR_FMT(redis->id), redis->text);
		rc = med_config_refuse(w->config, redis->kind, redis->id, err.text);
	} else {
		rc = med_config_set(
				w->config, redis->kind, redis->id, redis->fields, redis->count, &err);
	}
	return rc == MED_ENOMEM ? no_memory() : MEDCTL_OK;
}

static int on_redis(void *ctx, const redis_object_t *redis)
{
	world_t *w = ctx;
	object_t *o = objects_find(w->set, redis->kind, redis->id);

	w->redis++;
	if(o == NULL && w->replace) {
		o = objects_add(w->set, redis->kind, redis->id, NULL, NULL, 0);
		if(o == NULL)
			return no_memory();
		o->state = OBJECT_GONE;
	}
	if(o != NULL && o->state != OBJECT_GONE)
		o->state = redis->text == NULL && is_same(w, o, redis) ? OBJECT_SAME
															   : OBJECT_CHANGED;
	if(o != NULL && o->state != OBJECT_SAME) {
		o->old =
				objects_keep(w->set, redis->kind, redis->id, redis->fields, redis->count);
		if(o->old == NULL)
			return no_memory();
	}
	return take_into_config(w, redis);
}

static void on_stray(void *ctx, med_str_t key)
{
	world_t *w = ctx;
	char quoted[80];

	out_note("warning: key '%.*s%s' is of no known kind; nothing reads it",
			MED_STR_FMT(w->m->prefix), med_quote(quoted, sizeof(quoted), key));
}

static bool is_unread(void *ctx, enum med_kind kind, med_str_t id)
{
	const world_t *w = ctx;

	return w->touched_routes && kind == MED_KIND_ROUTE
			&& objects_find(w->set, kind, id) == NULL;
}

int world_read(world_t *w)
{
	redis_reading_t reading = {on_redis, on_stray, w, -1, is_unread};
	int rc = redis_each(w->m, &reading);

	for(const object_t *o = w->set->first; o != NULL; o = o->next)
		w->count[o->state]++;
	return rc;
}

int world_change(world_t *w)
{
	med_errbuf_t err;
	size_t count;
	int rc = MED_EOK;

	for(const object_t *o = w->set->first; o != NULL && rc != MED_ENOMEM; o = o->next) {
		enum med_kind kind = (enum med_kind)o->kind;
		if(o->state == OBJECT_SAME)
			continue;
		if(o->state == OBJECT_GONE) {
			rc = med_config_remove(w->config, kind, object_id(o));
			continue;
		}
		const med_field_t *fields = world_wanted(w, o, &count);
		rc = med_config_set(w->config, kind, object_id(o), fields, count, &err);
	}
	return rc == MED_ENOMEM ? no_memory() : MEDCTL_OK;
}

int world_build(world_t *w)
{
	const med_snapshot_t *built = NULL;
	med_errbuf_t err = {""};
	int rc = med_config_build(w->config, &built, &err);

	if(rc != MED_EOK) {
		out_error("%s", err.text[0] != '\0' ? err.text : med_strerror(rc));
		return MEDCTL_FAILED;
	}
	if(w->snapshot != NULL)
		med_config_release(w->config, w->snapshot);
	w->snapshot = built;
	return MEDCTL_OK;
}

int world_load(world_t *w, const char *file)
{
	static char *name; /* outlives the call, as names of files do */
	int rc;

	name = (char *)(uintptr_t)file;
	w->names = &name;
	rc = file != NULL ? files_read(w->set, w->names, 1) : world_read(w);
	if(rc == MEDCTL_OK)
		rc = world_change(w);
	return rc == MEDCTL_OK ? world_build(w) : rc;
}

int world_judge(world_t *w)
{
	int rc = world_read(w);

	if(rc == MEDCTL_OK)
		rc = world_build(w);
	if(rc == MEDCTL_OK)
		rc = faults_collect(&w->before, w->config);
	if(rc == MEDCTL_OK)
		rc = world_change(w);
	if(rc == MEDCTL_OK)
		rc = world_build(w);
	if(rc == MEDCTL_OK)
		rc = faults_collect(&w->after, w->config);
	if(rc == MEDCTL_OK)
		faults_locate(&w->after, w->set);
	return rc;
}

/* Whether a usage that others name has routes is not known when few of them were read. */
static bool is_guess(const world_t *w, const fault_t *f, const object_t *o)
{
	return w->touched_routes && o == NULL && !f->refused
			&& (f->kind == MED_KIND_POLICY || f->kind == MED_KIND_PROFILE);
}

int world_find_pool(const world_t *w, const char *pool)
{
	if(pool == NULL || med_snapshot_pool(w->snapshot, med_str(pool)) != NULL)
		return MEDCTL_OK;
	out_error("there is no pool '%s', or it is refused", pool);
	return MEDCTL_NO;
}

size_t world_tell(world_t *w)
{
	size_t against = 0, warnings = 0, old = 0;

	for(size_t i = 0; i < w->after.count; i++) {
		const fault_t *f = &w->after.fault[i];
		const object_t *o = objects_find(w->set, f->kind, med_str(f->id));
		bool ours = o != NULL && o->state != OBJECT_SAME;
		if(is_guess(w, f, o))
			continue;
		if(!ours && faults_known(&w->before, f)) {
			old += f->refused;
			continue;
		}
		against += f->refused;
		warnings += !f->refused;
		if(f->refused ? against <= FAULTS_SHOWN : warnings <= WARNINGS_SHOWN)
			fault_show(f, w->names);
	}
	if(against > FAULTS_SHOWN)
		out_note("and %zu more faults", against - FAULTS_SHOWN);
	if(warnings > WARNINGS_SHOWN)
		out_note("and %zu more warnings", warnings - WARNINGS_SHOWN);
	if(old > 0)
		out_note("refused before, and not touched by this: %zu; medctl check tells them",
				old);
	return against;
}
