/**
 * faults.c - what a configuration has wrong, and where in a file that stands
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>

#include "medctl/faults.h"
#include "medctl/output.h"

/* Without its numbers: "7 route(s) name it" is no news after "6 route(s) name it". */
static uint64_t gist_of(enum med_kind kind, med_str_t id, const char *text)
{
	uint64_t sum = med_hash(id.s, id.len) + (uint64_t)kind;

	for(; *text != '\0'; text++) {
		if(*text < '0' || *text > '9')
			sum = (sum ^ (unsigned char)*text) * 0x100000001b3u;
	}
	return sum;
}

static void add_fault(faults_t *faults, enum med_kind kind, med_str_t id,
		const char *text, bool refused)
{
	fault_t *f;

	if(faults->count == faults->room) {
		size_t room = faults->room == 0 ? 64 : faults->room * 2;
		f = realloc(faults->fault, room * sizeof *f);
		if(f == NULL) {
			faults->failed = true;
			return;
		}
		faults->fault = f;
		faults->room = room;
	}
	f = &faults->fault[faults->count];
	*f = (fault_t){.kind = kind, .refused = refused, .gist = gist_of(kind, id, text)};
	f->id = strndup(id.s, id.len);
	f->text = strdup(text);
	if(f->id == NULL || f->text == NULL) {
		free(f->id);
		free(f->text);
		faults->failed = true;
		return;
	}
	faults->count++;
}

static void on_fault(void *ctx, enum med_severity severity, enum med_kind kind,
		med_str_t id, const char *text)
{
	add_fault(ctx, kind, id, text, severity == MED_REFUSED);
}

static int compare_gist(const void *a, const void *b)
{
	const fault_t *x = a, *y = b;

	return x->gist < y->gist ? -1 : x->gist > y->gist;
}

int faults_collect(faults_t *faults, const med_config_t *config)
{
	(void)med_config_refused(config, on_fault, faults);
	if(faults->failed) {
		out_error("out of memory");
		return MEDCTL_FAILED;
	}
	if(faults->count > 0)
		qsort(faults->fault, faults->count, sizeof *faults->fault, compare_gist);
	return MEDCTL_OK;
}

bool faults_known(const faults_t *before, const fault_t *fault)
{
	return before->count > 0
			&& bsearch(fault, before->fault, before->count, sizeof *fault, compare_gist)
			!= NULL;
}

/* The field that a text names: "trunk 'x': field 'port': ..." */
static bool field_of(const char *text, med_str_t *name)
{
	const char *at = strstr(text, ": field '"), *end;

	if(at == NULL)
		return false;
	at += strlen(": field '");
	end = strchr(at, '\'');
	if(end == NULL)
		return false;
	*name = (med_str_t){at, (size_t)(end - at)};
	return true;
}

static int compare_place(const void *a, const void *b)
{
	const fault_t *x = a, *y = b;

	if(x->file != y->file)
		return x->file < y->file ? -1 : 1;
	if(x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if(x->kind != y->kind)
		return kind_rank(x->kind) < kind_rank(y->kind) ? -1 : 1;
	return strcmp(x->id, y->id);
}

void faults_locate(faults_t *faults, objects_t *set)
{
	for(size_t i = 0; i < faults->count; i++) {
		fault_t *f = &faults->fault[i];
		const object_t *o = objects_find(set, f->kind, med_str(f->id));
		const med_field_t *fields;
		med_str_t name;
		if(o == NULL || o->line == 0)
			continue;
		f->file = o->file;
		f->line = o->line;
		if(!field_of(f->text, &name))
			continue;
		fields = objects_fields(set, o);
		for(size_t k = 0; k < o->count; k++) {
			if(med_str_eq(fields[k].name, field_name(f->kind, name)))
				f->line = set->lines[k];
		}
	}
	if(faults->count > 0)
		qsort(faults->fault, faults->count, sizeof *faults->fault, compare_place);
}

void faults_free(faults_t *faults)
{
	for(size_t i = 0; i < faults->count; i++) {
		free(faults->fault[i].id);
		free(faults->fault[i].text);
	}
	free(faults->fault);
	*faults = (faults_t){0};
}

void fault_show(const fault_t *fault, char **names)
{
	const char *mark = fault->refused ? "" : "warning: ";

	if(fault->line > 0)
		out_error_at(strcmp(names[fault->file], "-") == 0 ? "(standard input)"
														  : names[fault->file],
				fault->line, "%s%s", mark, fault->text);
	else
		out_note("%s%s", mark, fault->text);
}
