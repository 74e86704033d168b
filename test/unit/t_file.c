/**
 * t_file.c - the plain file: read whole or in pieces, told by line, written and read back
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core_test.h"

#include <errno.h>

#include "medcore/file.h"

/* What a reading told: "12 trunk pbx1: gateway=pbx1(13)" or "12! text", one a line. */
typedef struct told {
	char text[65536];
	size_t len;
	int objects, faults;
	int stop_at; /* the handler ends the reading at this object */
} told_t;

static void add(told_t *told, const char *text, size_t len)
{
	ck_assert_uint_lt(told->len + len, sizeof(told->text));
	if(len > 0)
		memcpy(told->text + told->len, text, len);
	told->text[told->len += len] = '\0';
}

static int on_object(void *ctx, const med_file_object_t *object)
{
	told_t *told = ctx;
	char line[256];

	add(told, line,
			(size_t)snprintf(line, sizeof(line), "%u %s %.*s:", object->line,
					med_kind_name(object->kind), MED_STR_FMT(object->id)));
	for(size_t i = 0; i < object->count && object->count < 100; i++) {
		add(told, " ", 1);
		add(told, object->fields[i].name.s, object->fields[i].name.len);
		add(told, "=", 1);
		if(object->fields[i].value.len < 1000)
			add(told, object->fields[i].value.s, object->fields[i].value.len);
		add(told, line, (size_t)snprintf(line, sizeof(line), "(%u)", object->lines[i]));
	}
	add(told, "\n", 1);
	return ++told->objects == told->stop_at ? -EINTR : MED_EOK;
}

static void on_fault(void *ctx, uint32_t at, const char *text)
{
	told_t *told = ctx;
	char line[512];

	told->faults++;
	add(told, line, (size_t)snprintf(line, sizeof(line), "%u! %s\n", at, text));
}

/* In pieces of @p piece bytes. */
static int read_by(med_str_t text, size_t piece, const med_mem_t *mem, told_t *told)
{
	med_file_handler_t handler = {on_object, on_fault, told};
	med_file_reader_t *reader;
	int rc = med_file_reader_new(mem, &handler, &reader);

	if(rc != MED_EOK)
		return rc;
	while(rc == MED_EOK && text.len > 0) {
		size_t n = text.len < piece ? text.len : piece;
		/* a block of its own, so that reading past it is seen */
		char *block = malloc(n);
		ck_assert_ptr_nonnull(block);
		memcpy(block, text.s, n);
		rc = med_file_reader_feed(reader, block, n);
		free(block);
		text.s += n;
		text.len -= n;
	}
	if(rc == MED_EOK)
		rc = med_file_reader_end(reader);
	med_file_reader_free(reader);
	return rc;
}

START_TEST(reads)
{
	static const struct {
		const char *text, *told;
		int rc;
	} row[] = {
			{"", "", MED_EOK},
			{"# nothing\n\n   # more\n", "", MED_EOK},
			{"[trunk pbx1]\ngateway = pbx1\n", "1 trunk pbx1: gateway=pbx1(2)\n",
					MED_EOK},
			{"[trunk pbx1]\ngateway = pbx1", "1 trunk pbx1: gateway=pbx1(2)\n", MED_EOK},
			{"[trunk pbx1]", "1 trunk pbx1:\n", MED_EOK},
			{"\n\n  [ \ttrunk   pbx1 ]\t\r\n\tgateway=pbx1  \r\n",
					"3 trunk pbx1: gateway=pbx1(4)\n", MED_EOK},
			{"\xef\xbb\xbf[site a]\n", "1 site a:\n", MED_EOK},
			{"\xff\xfe[\nsite a]\nname = x\n[site b]\n",
					"1! the file is UTF-16, as Windows writes it; save it as UTF-8\n",
					MED_EINVAL},
			{"[profile trunk:pbx1]\n[profile global]\n",
					"1 profile trunk:pbx1:\n2 profile global:\n", MED_EOK},
			{"[rules r]\nrule.0 = ^(\\d+)=#;[x]$ => $1 # not a comment\n",
					"1 rules r: rule.0=^(\\d+)=#;[x]$ => $1 # not a comment(2)\n",
					MED_EOK},
			{"[trunk t]\nname =\nport =   \n", "1 trunk t: name=(2) port=(3)\n", MED_EOK},
			{"[trunk t]\nname = \"a\"\n", "1 trunk t: name=\"a\"(2)\n", MED_EOK},
			{"[site a]\n[site a]\n", "1 site a:\n2 site a:\n", MED_EOK},
			/* what is wrong is told by its line, all of it, and the rest is read */
			{"port = 1\n[site a]\n",
					"1! field 'port': before any section; write [kind id] above it, as "
					"in "
					"[trunk pbx1]\n2 site a:\n",
					MED_EINVAL},
			{"[site a\nname = x\n[site b]\n",
					"1! a section without ']'; write [kind id], as in [trunk pbx1]\n3 "
					"site "
					"b:\n",
					MED_EINVAL},
			{"[site a] # x\n",
					"1! something after ']'; a section has a line of its own\n",
					MED_EINVAL},
			{"[trunk]\n", "1! trunk '': not an id: up to 64 letters", MED_EINVAL},
			{"[]\n", "1! no kind of object: ''; there are: site gateway trunk",
					MED_EINVAL},
			{"[trnk a]\n\nx = 1\n", "1! no kind of object: 'trnk'; there are: site",
					MED_EINVAL},
			{"[trunk a b]\n", "1! trunk 'a b': not an id", MED_EINVAL},
			{"[profile pbx1]\n", "1! profile 'pbx1': not a scope", MED_EINVAL},
			{"[trunk \x1b[2J]\n", "1! trunk '\\x1b[2J': not an id", MED_EINVAL},
			{"[site a]\nname\n= 2\nname = x\nname = y\n[site b]\n",
					"2! no '=': 'name'; write field = value, or # for a comment\n"
					"3! no field before '='; write field = value\n"
					"5! field 'name': given twice, first in line 4; keep one\n6 site "
					"b:\n",
					MED_EINVAL},
	};

	for(size_t i = 0; i < COUNT(row); i++) {
		for(size_t piece = 1; piece < 80; piece += 13) {
			told_t told = {.len = 0};
			int rc = read_by(med_str(row[i].text), piece, &med_mem_heap, &told);
			ck_assert_msg(
					rc == row[i].rc, "'%s': %d, told: %s", row[i].text, rc, told.text);
			if(row[i].told[0] != '\0' && row[i].told[strlen(row[i].told) - 1] != '\n')
				core_assert_has(told.text, row[i].told);
			else
				ck_assert_str_eq(told.text, row[i].told);
		}
	}
}
END_TEST

START_TEST(bounded)
{
	size_t size = MED_FILE_LINE_MAX + 100;
	char *text = malloc(size * 2), line[32];
	told_t told = {.len = 0};
	size_t len = 0;

	ck_assert_ptr_nonnull(text);
	/* one byte less than too long, then one too long; the lines after are read */
	for(size_t more = 0; more < 2; more++) {
		len = (size_t)snprintf(text, size, "[site a]\nname = ");
		memset(text + len, 'x', MED_FILE_LINE_MAX - 7 + more);
		len += MED_FILE_LINE_MAX - 7 + more;
		len += (size_t)snprintf(text + len, size * 2 - len, "\n[site b]\n");
		for(size_t piece = 1; piece < 200000; piece = piece * 17 + 1) {
			told = (told_t){.len = 0};
			ck_assert_int_eq(read_by((med_str_t){text, len}, piece, &med_mem_heap, &told),
					more ? MED_EINVAL : MED_EOK);
			ck_assert_str_eq(told.text,
					more ? "2! a line longer than 65 KiB\n3 site b:\n"
						 : "1 site a: name=(2)\n3 site b:\n");
		}
	}
	free(text);

	/* fields */
	text = malloc(MED_FILE_FIELDS_MAX * 16 + 100);
	ck_assert_ptr_nonnull(text);
	len = (size_t)snprintf(text, 100, "[rules r]\n");
	for(size_t i = 0; i <= MED_FILE_FIELDS_MAX; i++) {
		int n = snprintf(line, sizeof(line), "rule.%zu=x\n", i);
		memcpy(text + len, line, (size_t)n);
		len += (size_t)n;
	}
	told = (told_t){.len = 0};
	ck_assert_int_eq(
			read_by((med_str_t){text, len}, 4096, &med_mem_heap, &told), MED_EINVAL);
	ck_assert_str_eq(told.text, "4098! more than 4096 fields in one object\n");
	free(text);
}
END_TEST

START_TEST(ended_by_the_handler)
{
	told_t told = {.stop_at = 2};

	ck_assert_int_eq(
			read_by(MED_STR("[site a]\n[site b]\n[site c]\n"), 100, &med_mem_heap, &told),
			-EINTR);
	ck_assert_int_eq(told.objects, 2);
}
END_TEST

START_TEST(memory_runs_out)
{
	med_str_t text = MED_STR("[trunk pbx1]\ngateway = pbx1\nname = the one\n"
							 "[rules r]\nrule.1 = ^0 => +\n");

	for(long left = 0;; left++) {
		core_memory_t memory = {.left = left};
		med_mem_t mem = core_mem(&memory);
		told_t told = {.len = 0};
		int rc = read_by(text, 5, &mem, &told);
		ck_assert_int_eq(memory.out, 0);
		if(rc == MED_EOK) {
			ck_assert_int_eq(told.objects, 2);
			break;
		}
		ck_assert_int_eq(rc, MED_ENOMEM);
		ck_assert_int_lt(left, 100);
	}
}
END_TEST

/* ---- writing ------------------------------------------------------------------------
 */

static int to_told(void *ctx, const char *bytes, size_t len)
{
	add(ctx, bytes, len);
	return MED_EOK;
}

static int full(void *ctx, const char *bytes, size_t len)
{
	int *left = ctx;

	(void)bytes;
	(void)len;
	return (*left)-- == 0 ? -ENOSPC : MED_EOK;
}

START_TEST(written)
{
	static const med_field_t fields[] = {{MED_STR("gateway"), MED_STR("pbx1")},
			{MED_STR("name"), MED_STR("  M\xc3\xbcnchen = #1 [x] ")},
			{MED_STR("port"), {NULL, 0}}};
	told_t out = {.len = 0}, told = {.len = 0};
	int rc;

	ck_assert_int_eq(
			med_file_write_comment(to_told, &out, MED_STR("made by hand\n\na\x1b")),
			MED_EOK);
	ck_assert_int_eq(med_file_write_object(to_told, &out, MED_KIND_TRUNK, MED_STR("pbx1"),
							 fields, COUNT(fields), NULL),
			MED_EOK);
	ck_assert_int_eq(med_file_write_object(to_told, &out, MED_KIND_PROFILE,
							 MED_STR("global"), NULL, 0, NULL),
			MED_EOK);
	ck_assert_str_eq(out.text,
			"# made by hand\n#\n# a\\x1b\n[trunk pbx1]\ngateway = pbx1\n"
			"name = M\xc3\xbcnchen = #1 [x]\nport =\n\n"
			"[profile global]\n\n");
	rc = read_by((med_str_t){out.text, out.len}, 7, &med_mem_heap, &told);
	ck_assert_int_eq(rc, MED_EOK);
	ck_assert_str_eq(told.text,
			"4 trunk pbx1: gateway=pbx1(5) name=M\xc3\xbcnchen = #1 "
			"[x](6) port=(7)\n9 profile global:\n");
	for(int left = 0; left < 18; left++) {
		int turns = left;
		ck_assert_int_eq(med_file_write_object(full, &turns, MED_KIND_TRUNK,
								 MED_STR("pbx1"), fields, COUNT(fields), NULL),
				-ENOSPC);
	}
}
END_TEST

START_TEST(not_written)
{
	static const med_field_t bad[] = {
			{MED_STR("name"), MED_STR("a\nb")},
			{MED_STR("name"), MED_STR("a\rb")},
			{MED_STR("name"), MED_STR("a\0b")},
			{MED_STR("na=me"), MED_STR("a")},
			{MED_STR(" name"), MED_STR("a")},
			{MED_STR("#name"), MED_STR("a")},
			{MED_STR("[name"), MED_STR("a")},
			{MED_STR("na\nme"), MED_STR("a")},
			{MED_STR(""), MED_STR("a")},
	};
	told_t out = {.len = 0};
	med_errbuf_t err;

	for(size_t i = 0; i < COUNT(bad); i++) {
		ck_assert_int_eq(med_file_write_object(to_told, &out, MED_KIND_TRUNK,
								 MED_STR("pbx1"), &bad[i], 1, &err),
				MED_EINVAL);
		core_assert_has(err.text, "trunk 'pbx1': field '");
	}
	ck_assert_int_eq(med_file_write_object(
							 to_told, &out, MED_KIND_TRUNK, MED_STR("p]"), NULL, 0, &err),
			MED_EINVAL);
	ck_assert_uint_eq(out.len, 0);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
			reads, bounded, ended_by_the_handler, memory_runs_out, written, not_written};

	return core_run("file", tests, COUNT(tests));
}
