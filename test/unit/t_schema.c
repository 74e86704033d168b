/**
 * t_schema.c - the reference page says what the schema says
 *
 * modules/medcore/OBJECTS.md is written from the schema; this compares it, and writes it
 * anew when WRITE_OBJECTS is set (make objects-page).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core_test.h"

#include "medcore/record.h"
#include "medcore/schema.h"

#define PAGE "modules/medcore/OBJECTS.md"

static const char head[] =
		"# Objects in Redis\n\n"
		"One hash per object, `<prefix><kind>:<id>`; the prefix is `med:1:` unless the "
		"module\n"
		"is told another. An id has 1 to 64 of `A-Z a-z 0-9 . _ -` and never changes; "
		"`name` is\n"
		"for people. Lists are separated by commas and are in order. A yes or no is `yes "
		"no true\n"
		"false 1 0`. A field that is not known is refused, and the nearest known one "
		"named.\n"
		"A field that is *kept* is checked, stored and listed, but nothing acts on it in "
		"this\n"
		"version. A *secret* one is shown only where that is asked for. `<n>` is a "
		"number "
		"from 0\n"
		"to 999999; `rule.<n>` makes the rule that the other `rule.<n>.` fields "
		"describe.\n"
		"This page is written from `schema.c` by `make objects-page`.\n";

/* Those one needs first come first. */
static const enum med_kind kinds[] = {MED_KIND_GATEWAY, MED_KIND_TRUNK, MED_KIND_PROFILE,
		MED_KIND_RULES, MED_KIND_ROUTE, MED_KIND_POLICY, MED_KIND_SITE, MED_KIND_POOL,
		MED_KIND_RESPONSE_RULES, MED_KIND_LIMITS, MED_KIND_SCHEDULE,
		MED_KIND_LOCATION_POLICY, MED_KIND_GUARD, MED_KIND_TEST};

static void write_field(FILE *out, const med_field_def_t *def)
{
	char value[256];

	fprintf(out, "| `%s`", def->name);
	if(def->alias != NULL)
		fprintf(out, " (also `%s`)", def->alias);
	fprintf(out, " | %s | ", med_schema_value(def, value, sizeof value));
	if(def->initial != NULL)
		fprintf(out, "`%s`", def->initial);
	else
		fputs(def->required ? "**required**" : "–", out);
	fprintf(out, " | %s%s%s |\n", def->meaning, def->secret ? "; *secret*" : "",
			def->kept ? "; *kept*" : "");
}

static void write_page(FILE *out)
{
	size_t count;

	fputs(head, out);
	for(size_t i = 0; i < COUNT(kinds); i++) {
		const med_field_def_t *defs = med_schema(kinds[i], &count);

		fprintf(out,
				"\n## %s\n\n%s\n\n| field | value | default | meaning |\n"
				"| --- | --- | --- | --- |\n",
				med_kind_name(kinds[i]), med_schema_about(kinds[i]));
		for(size_t n = 0; n < count; n++)
			write_field(out, &defs[n]);
	}
}

START_TEST(the_page)
{
	static char written[65536], kept[65536];
	FILE *out = fmemopen(written, sizeof written, "w"), *page;
	size_t len;

	ck_assert_ptr_nonnull(out);
	write_page(out);
	fclose(out);
	if(getenv("WRITE_OBJECTS") != NULL) {
		page = fopen(PAGE, "w");
		ck_assert_ptr_nonnull(page);
		ck_assert_int_ge(fputs(written, page), 0);
		ck_assert_int_eq(fclose(page), 0);
	}
	page = fopen(PAGE, "r");
	ck_assert_msg(page != NULL, "%s is not there, seen from the top of the tree", PAGE);
	len = fread(kept, 1, sizeof kept - 1, page);
	fclose(page);
	kept[len] = 0;
	ck_assert_msg(strcmp(written, kept) == 0,
			"%s is not what the schema says: make objects-page", PAGE);
}
END_TEST

START_TEST(every_kind)
{
	size_t count;

	ck_assert_uint_eq(COUNT(kinds), MED_KIND_COUNT);
	for(int kind = 0; kind < MED_KIND_COUNT; kind++) {
		const med_field_def_t *defs = med_schema((enum med_kind)kind, &count);
		const char *about = med_schema_about((enum med_kind)kind);

		ck_assert_uint_gt(count, 0);
		ck_assert_uint_le(count, 8 * sizeof((med_record_t *)NULL)->given);
		ck_assert(about != NULL && about[0] != 0);
		for(size_t n = 0; n < count; n++)
			ck_assert_msg(defs[n].meaning != NULL && defs[n].meaning[0] != 0,
					"%s: field '%s' has no meaning", med_kind_name((enum med_kind)kind),
					defs[n].name);
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = {the_page, every_kind};

	return core_run("schema", tests, COUNT(tests));
}
