/**
 * store_view.h - what a store told, as text: "trunk:a{gateway=x}", for tests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef STORE_VIEW_H
#define STORE_VIEW_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "medcore/store.h"

#define VIEW_MAX 20000
#define VIEW_VALUE 120

typedef struct view_object {
	char key[80], value[VIEW_VALUE];
	bool kept;
} view_object_t;

typedef struct store_view {
	view_object_t *told;      /**< as told, uncommitted included */
	view_object_t *committed; /**< at the last commit */
	size_t told_count, committed_count;
	unsigned begins, commits, fulls, objects, gone, refusals, states, write_failures;
	bool in_full;
	enum med_store_state state;
	char applied[256], who[256], unfit[256];
	unsigned applyings, unfits;
	char text[256], all_texts[8192], refused_key[128], refused[256], write_text[256];
	/** Called at each commit. */
	void (*check)(struct store_view *view);
	long extra;
	char expected[3][80]; /**< told of last by expect() */
	unsigned expectations, came_true;
} store_view_t;

static inline view_object_t *view_find(view_object_t *list, size_t count, const char *key)
{
	for(size_t i = 0; i < count; i++)
		if(strcmp(list[i].key, key) == 0)
			return &list[i];
	return NULL;
}

/** The committed value of "trunk:a"; NULL: there is no such object. */
static inline const char *view_value(store_view_t *view, const char *key)
{
	view_object_t *o = view_find(view->committed, view->committed_count, key);

	return o ? o->value : NULL;
}

static inline void view_begin(void *ctx)
{
	store_view_t *v = ctx;

	v->begins++;
	v->in_full = true;
	for(size_t i = 0; i < v->told_count; i++)
		v->told[i].kept = false;
}

static inline void view_expect(void *ctx, enum med_kind kind, med_str_t id)
{
	store_view_t *v = ctx;

	snprintf(v->expected[v->expectations++ % 3], sizeof v->expected[0], "%s:%.*s",
			med_kind_name(kind), MED_STR_FMT(id));
}

static inline void view_set(void *ctx, enum med_kind kind, med_str_t id,
		const med_field_t *fields, size_t count)
{
	store_view_t *v = ctx;
	view_object_t *o;
	char key[80];
	size_t len = 0;

	v->objects++;
	snprintf(key, sizeof key, "%s:%.*s", med_kind_name(kind), MED_STR_FMT(id));
	for(int i = 0; i < 3; i++)
		v->came_true += strcmp(v->expected[i], key) == 0;
	o = view_find(v->told, v->told_count, key);
	if(!o) {
		if(v->told_count == VIEW_MAX)
			abort();
		o = &v->told[v->told_count++];
		memcpy(o->key, key, sizeof key);
	}
	o->kept = true;
	o->value[0] = '\0';
	for(size_t i = 0; i < count && len < sizeof o->value - 1; i++)
		len += (size_t)snprintf(o->value + len, sizeof o->value - len, "%s%.*s=%.*s",
				i ? " " : "", MED_STR_FMT(fields[i].name), MED_STR_FMT(fields[i].value));
}

static inline void view_gone(void *ctx, enum med_kind kind, med_str_t id)
{
	store_view_t *v = ctx;
	view_object_t *o;
	char key[80];

	v->gone++;
	snprintf(key, sizeof key, "%s:%.*s", med_kind_name(kind), MED_STR_FMT(id));
	o = view_find(v->told, v->told_count, key);
	if(o)
		*o = v->told[--v->told_count];
}

static inline void view_stray(void *ctx, med_str_t key, const char *text)
{
	store_view_t *v = ctx;

	v->refusals++;
	snprintf(v->refused_key, sizeof v->refused_key, "%.*s", MED_STR_FMT(key));
	snprintf(v->refused, sizeof v->refused, "%s", text ? text : "");
}

/** Its last good version stays: also when a full read finds it so. */
static inline void view_unreadable(
		void *ctx, enum med_kind kind, med_str_t id, const char *text)
{
	store_view_t *v = ctx;
	view_object_t *o;
	char key[80];
	int len = snprintf(key, sizeof key, "%s:%.*s", med_kind_name(kind), MED_STR_FMT(id));

	view_stray(ctx, (med_str_t){key, (size_t)len}, text);
	o = view_find(v->told, v->told_count, key);
	if(o)
		o->kept = true;
}

static inline void view_commit(void *ctx, bool full, med_str_t applied)
{
	store_view_t *v = ctx;

	if(full != v->in_full)
		abort(); /* a contract of store.h */
	v->in_full = false;
	for(size_t i = 0; full && i < v->told_count;) {
		if(v->told[i].kept)
			i++;
		else
			v->told[i] = v->told[--v->told_count];
	}
	v->commits++;
	v->fulls += full;
	snprintf(v->applied, sizeof v->applied, "%.*s", MED_STR_FMT(applied));
	memcpy(v->committed, v->told, v->told_count * sizeof *v->told);
	v->committed_count = v->told_count;
	if(v->check)
		v->check(v);
}

static inline void view_state(void *ctx, enum med_store_state state, const char *text)
{
	store_view_t *v = ctx;
	size_t len = strlen(v->all_texts);

	v->states++;
	v->state = state;
	snprintf(v->text, sizeof v->text, "%s", text);
	if(len < sizeof v->all_texts - 300)
		snprintf(v->all_texts + len, sizeof v->all_texts - len, "%s\n", text);
}

static inline void view_write_failed(void *ctx, const char *text)
{
	store_view_t *v = ctx;

	v->write_failures++;
	snprintf(v->write_text, sizeof v->write_text, "%s", text ? text : "");
}

static inline void view_applying(void *ctx, med_str_t who)
{
	store_view_t *v = ctx;

	v->applyings++;
	snprintf(v->who, sizeof v->who, "%.*s", MED_STR_FMT(who));
}

static inline void view_unfit(void *ctx, const char *text)
{
	store_view_t *v = ctx;

	v->unfits++;
	snprintf(v->unfit, sizeof v->unfit, "%s", text ? text : "");
}

static inline void view_init(store_view_t *view)
{
	memset(view, 0, sizeof *view);
	view->told = calloc(VIEW_MAX, sizeof *view->told);
	view->committed = calloc(VIEW_MAX, sizeof *view->committed);
	if(!view->told || !view->committed)
		abort();
}

static inline void view_free(store_view_t *view)
{
	free(view->told);
	free(view->committed);
}

static inline med_store_t *view_store(store_view_t *view, const char *url)
{
	med_store_handler_t handler = {.begin = view_begin,
			.expect = view_expect,
			.object = view_set,
			.gone = view_gone,
			.unreadable = view_unreadable,
			.stray = view_stray,
			.commit = view_commit,
			.applying = view_applying,
			.state = view_state,
			.write_failed = view_write_failed,
			.unfit = view_unfit,
			.ctx = view};
	med_store_t *store = NULL;
	med_errbuf_t err = {""};

	if(med_store_new(url, "med:1:", &handler, &store, &err) != MED_EOK) {
		fprintf(stderr, "# %s\n", err.text);
		abort();
	}
	return store;
}

#endif
