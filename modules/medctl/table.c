/**
 * table.c - objects of a kind as a table for a terminal
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "medcore/schema.h"
#include "medctl/output.h"
#include "medctl/table.h"

#define COLUMNS_MAX 128
#define WIDE 40 /* a value longer than this moves only its own row */

typedef struct column {
	const med_field_def_t *def;
	size_t width; /* 0: nobody has it */
} column_t;

typedef struct table {
	column_t column[COLUMNS_MAX];
	size_t count, id_width;
} table_t;

static void widen(size_t *width, med_str_t text)
{
	size_t wide = out_width(text);

	if(wide > WIDE)
		wide = WIDE;
	if(wide > *width)
		*width = wide;
}

static column_t *column_of(table_t *table, med_str_t name)
{
	for(size_t i = 0; i < table->count; i++) {
		if(med_str_eq(med_str(table->column[i].def->name), name))
			return &table->column[i];
	}
	return NULL;
}

static void measure(table_t *table, objects_t *set, enum med_kind kind)
{
	size_t known;
	const med_field_def_t *defs = med_schema(kind, &known);

	for(size_t i = 0; i < known && table->count < COLUMNS_MAX; i++) {
		if(!med_schema_is_numbered(&defs[i]))
			table->column[table->count++].def = &defs[i];
	}
	widen(&table->id_width, MED_STR("id"));
	for(const object_t *o = set->first; o != NULL; o = o->next) {
		const med_field_t *fields = objects_fields(set, o);
		widen(&table->id_width, object_id(o));
		for(size_t i = 0; i < o->count; i++) {
			column_t *column = column_of(table, fields[i].name);
			if(column == NULL)
				continue;
			widen(&column->width, fields[i].name);
			widen(&column->width, fields[i].value);
		}
	}
}

/* @p owed: blanks that come before what follows, if anything does. */
static void cell(size_t *owed, med_str_t text, size_t width)
{
	size_t wide = out_width(text);

	if(text.len > 0) {
		(void)printf("%*s", (int)*owed, "");
		out_safe(stdout, text);
		*owed = 0;
	}
	*owed += (wide < width ? width - wide : 0) + 2;
}

static void row(table_t *table, objects_t *set, const object_t *o)
{
	const med_field_t *fields = objects_fields(set, o);
	size_t owed = 0;

	cell(&owed, object_id(o), table->id_width);
	for(size_t i = 0; i < table->count; i++) {
		med_str_t value = {"", 0};
		if(table->column[i].width == 0)
			continue;
		(void)object_value(o, med_str(table->column[i].def->name), &value);
		cell(&owed, value, table->column[i].width);
	}
	for(size_t i = 0; i < o->count; i++) {
		if(column_of(table, fields[i].name) != NULL)
			continue;
		(void)printf("%*s", (int)owed, "");
		out_safe(stdout, fields[i].name);
		out_between(stdout, "=", fields[i].value, "");
		owed = 2;
	}
	(void)putchar('\n');
}

void table_show(objects_t *set, enum med_kind kind)
{
	table_t table = {.count = 0};
	size_t owed = 0;

	if(set->first == NULL)
		return;
	measure(&table, set, kind);
	cell(&owed, MED_STR("id"), table.id_width);
	for(size_t i = 0; i < table.count; i++) {
		if(table.column[i].width > 0)
			cell(&owed, med_str(table.column[i].def->name), table.column[i].width);
	}
	(void)putchar('\n');
	for(const object_t *o = set->first; o != NULL; o = o->next)
		row(&table, set, o);
}
