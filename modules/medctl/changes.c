/**
 * changes.c - how what is wanted differs from Redis, shown
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "medcore/card.h"
#include "medctl/changes.h"

static const med_str_t hidden = {MED_NOT_SHOWN, sizeof(MED_NOT_SHOWN) - 1};

size_t changes_count(const world_t *w)
{
	return w->count[OBJECT_NEW] + w->count[OBJECT_CHANGED] + w->count[OBJECT_GONE];
}

static bool is_change(const object_t *o)
{
	return o->state != OBJECT_SAME && (o->state != OBJECT_GONE || o->old != NULL);
}

static med_str_t shown(const world_t *w, const object_t *o, const med_field_t *field)
{
	if(!w->m->secrets && field_secret((enum med_kind)o->kind, field->name))
		return hidden;
	return field->value;
}

static void line(const world_t *w, const object_t *o, char sign, const med_field_t *field)
{
	(void)printf("%c   ", sign);
	out_field(stdout, field->name, shown(w, o, field));
}

static bool has_value(
		const med_field_t *fields, size_t count, const med_field_t *field, bool equal)
{
	for(size_t i = 0; i < count; i++) {
		if(med_str_eq(fields[i].name, field->name)
				&& (!equal
						|| med_str_eq(med_str_trim(fields[i].value),
								med_str_trim(field->value))))
			return true;
	}
	return false;
}

/* Fields of both versions: what is wanted, and copies of what was. */
typedef struct versions {
	const med_field_t *wanted;
	size_t wanted_count;
	med_field_t *old;
	size_t old_count;
} versions_t;

static versions_t both(world_t *w, const object_t *o)
{
	static med_field_t old[MED_FILE_FIELDS_MAX];
	versions_t v = {.old = old};

	if(o->old != NULL) {
		const med_field_t *fields = objects_fields(w->set, o->old);
		v.old_count = o->old->count;
		for(size_t i = 0; i < v.old_count; i++)
			old[i] = fields[i];
	}
	if(o->state != OBJECT_GONE)
		v.wanted = world_wanted(w, o, &v.wanted_count);
	return v;
}

static void show_one(world_t *w, const object_t *o)
{
	versions_t v = both(w, o);

	(void)printf("%c [%s ",
			o->state == OBJECT_NEW            ? '+'
					: o->state == OBJECT_GONE ? '-'
											  : '~',
			med_kind_name((enum med_kind)o->kind));
	out_safe(stdout, object_id(o));
	(void)puts("]");
	for(size_t i = 0; i < v.old_count && o->state == OBJECT_CHANGED; i++) {
		if(!has_value(v.wanted, v.wanted_count, &v.old[i], false))
			line(w, o, '-', &v.old[i]);
	}
	for(size_t i = 0; i < v.wanted_count; i++) {
		if(has_value(v.old, v.old_count, &v.wanted[i], true))
			continue;
		for(size_t k = 0; k < v.old_count; k++) {
			if(med_str_eq(v.old[k].name, v.wanted[i].name))
				line(w, o, '-', &v.old[k]);
		}
		line(w, o, '+', &v.wanted[i]);
	}
}

void changes_show(world_t *w, size_t max)
{
	size_t n = 0;

	for(const object_t *o = w->set->first; o != NULL; o = o->next) {
		if(!is_change(o))
			continue;
		if(n++ < max)
			show_one(w, o);
	}
	if(n > max && max > 0)
		(void)printf("... and %zu objects more; medctl diff shows all\n", n - max);
	(void)printf("%zu to add, %zu to change, %zu to remove; %zu are so already\n",
			w->count[OBJECT_NEW], w->count[OBJECT_CHANGED], w->count[OBJECT_GONE],
			w->count[OBJECT_SAME]);
}

/* ---- JSON ---------------------------------------------------------------------------
 */

static void json_fields(world_t *w, const object_t *o, out_json_t *j, const char *key,
		const med_field_t *fields, size_t count)
{
	json_open(j, key, '{');
	for(size_t i = 0; i < count; i++)
		json_pair(j, fields[i].name, shown(w, o, &fields[i]));
	json_close(j, '}');
}

static void json_state(
		world_t *w, out_json_t *j, const char *key, enum object_state state)
{
	json_open(j, key, '[');
	for(const object_t *o = w->set->first; o != NULL; o = o->next) {
		versions_t v;
		if(o->state != state || !is_change(o))
			continue;
		v = both(w, o);
		json_open(j, NULL, '{');
		json_str(j, "kind", med_str(med_kind_name((enum med_kind)o->kind)));
		json_str(j, "id", object_id(o));
		if(state != OBJECT_NEW)
			json_fields(w, o, j, "old", v.old, v.old_count);
		if(state != OBJECT_GONE)
			json_fields(w, o, j, "new", v.wanted, v.wanted_count);
		json_close(j, '}');
	}
	json_close(j, ']');
}

void changes_json(world_t *w, out_json_t *j)
{
	json_state(w, j, "added", OBJECT_NEW);
	json_state(w, j, "changed", OBJECT_CHANGED);
	json_state(w, j, "removed", OBJECT_GONE);
	json_number(j, "same", (long long)w->count[OBJECT_SAME]);
}
