/**
 * t_schema.c - the reference page says what the schema says
 *
 * modules/medcore/OBJECTS.md is written from the schema; this compares it, and writes it
 * anew when WRITE_OBJECTS is set (make objects-page).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core_test.h"

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
		"This page is written from `schema.c` by `make objects-page`.\n";

static const struct {
	enum med_kind kind;
	const char *about;
} kinds[] = {
		{MED_KIND_GATEWAY, "A machine we talk SIP with."},
		{MED_KIND_TRUNK,
				"One way to a gateway. `HSET med:1:trunk:pbx1 gateway pbx1` is "
				"enough; the rest has defaults."},
		{MED_KIND_PROFILE,
				"How calls on trunks are treated. Ids are `trunk:<id>`, "
				"`site:<id>` and `global`; of those the first that exists "
				"applies, as a whole."},
		{MED_KIND_RULES,
				"Ordered translations, the first that matches wins: a dial plan, "
				"or a trunk's own number formats."},
		{MED_KIND_ROUTE,
				"Numbers, the usages they are for, and the trunks that take them."},
		{MED_KIND_POLICY, "Usages of callers that are not a trunk."},
		{MED_KIND_SITE, "A place; its gateways may share a profile."},
};

static const char *type_text(const med_field_def_t *def)
{
	static char text[64];

	switch(def->type) {
		case MED_TYPE_TEXT:
			return "text";
		case MED_TYPE_ID:
			return "id";
		case MED_TYPE_HOST:
			return "host name or address";
		case MED_TYPE_NAME:
			return "host name";
		case MED_TYPE_ADDRESS:
			return "address";
		case MED_TYPE_PATTERN:
			return "pattern";
		case MED_TYPE_CALLER:
			return "number";
		case MED_TYPE_BOOL:
			return "yes or no";
		case MED_TYPE_NUMBER:
			snprintf(text, sizeof text, "%u to %u", (unsigned)def->min,
					(unsigned)def->max);
			return text;
		case MED_TYPE_TRANSPORT:
			return "`tls` `tcp` `udp`";
		case MED_TYPE_SRTP:
			return "`required` `optional` `not_supported`";
		case MED_TYPE_IDS:
			return "list of ids";
		case MED_TYPE_SUBNETS:
			return "list of addresses, subnets";
		case MED_TYPE_CODES:
			return "list of 400 to 699";
		case MED_TYPE_TRUNKS:
			return "list of `id` or `id*weight`";
		case MED_TYPE_RULES:
			return "`<pattern> => <translation>`";
	}
	return "?";
}

static void write_page(FILE *out)
{
	size_t count;

	fputs(head, out);
	for(size_t i = 0; i < COUNT(kinds); i++) {
		const med_field_def_t *defs = med_schema(kinds[i].kind, &count);

		fprintf(out,
				"\n## %s\n\n%s\n\n| field | value | default | meaning |\n"
				"| --- | --- | --- | --- |\n",
				med_kind_name(kinds[i].kind), kinds[i].about);
		for(size_t n = 0; n < count; n++)
			fprintf(out, "| `%s%s` | %s | %s%s%s | %s |\n", defs[n].name,
					defs[n].type == MED_TYPE_RULES ? "<n>" : "", type_text(&defs[n]),
					defs[n].initial != NULL ? "`" : "",
					defs[n].initial != NULL    ? defs[n].initial
							: defs[n].required ? "**required**"
											   : "–",
					defs[n].initial != NULL ? "`" : "", defs[n].meaning);
	}
}

START_TEST(the_page)
{
	static char written[32768], kept[32768];
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

		ck_assert_uint_gt(count, 0);
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
