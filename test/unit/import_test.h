/**
 * import_test.h - an import as one text: objects as a file has them, then the notes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_IMPORT_TEST_H
#define MED_IMPORT_TEST_H

#include "core_test.h"

#include "medcore/import.h"

#define IMPORT_SAMPLES "test/data/import/"

typedef struct import_file {
	const char *name, *scope;
	med_str_t bytes;
} import_file_t;

typedef struct import_run {
	med_config_t *config;
	char text[65536];
	size_t len;
	int stop_after; /* objects; negative: never */
} import_run_t;

static inline void __attribute__((format(printf, 2, 3)))
import_say(import_run_t *run, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	run->len += (size_t)vsnprintf(
			run->text + run->len, sizeof(run->text) - run->len, fmt, args);
	va_end(args);
	ck_assert_uint_lt(run->len, sizeof(run->text));
}

/* Every object must be one that a configuration takes. */
static inline int import_object(void *ctx, enum med_kind kind, med_str_t id,
		const med_field_t *fields, size_t count, const char *comment)
{
	import_run_t *run = ctx;
	med_errbuf_t err = {""};
	int rc = med_config_set(run->config, kind, id, fields, count, &err);

	ck_assert_msg(rc == MED_EOK, "%s", err.text);
	if(run->stop_after == 0)
		return -5;
	run->stop_after--;
	import_say(run, "# %s\n[%s %.*s]\n", comment, med_kind_name(kind), MED_STR_FMT(id));
	for(size_t i = 0; i < count; i++)
		import_say(run, "%.*s = %.*s\n", MED_STR_FMT(fields[i].name),
				MED_STR_FMT(fields[i].value));
	return MED_EOK;
}

static inline void import_note(
		void *ctx, enum med_import_note note, const char *where, const char *text)
{
	static const char *const word[] = {"CARRIED", "CHANGED", "LEFT"};

	for(const char *c = text; *c != '\0'; c++)
		ck_assert_msg(*c >= 0x20 && *c < 0x7f, "raw byte %d in '%s'", *c, text);
	import_say(ctx, "%s %s: %s\n", word[note], where, text);
}

static inline med_str_t import_sample(const char *name)
{
	char path[256];
	long size;
	char *bytes;
	FILE *file;

	(void)snprintf(path, sizeof(path), IMPORT_SAMPLES "%s", name);
	file = fopen(path, "rb");
	ck_assert_msg(file != NULL, "no %s: run from the top of the tree", path);
	ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
	size = ftell(file);
	ck_assert_int_ge(size, 0);
	rewind(file);
	bytes = malloc((size_t)size + 1);
	ck_assert_uint_eq(fread(bytes, 1, (size_t)size, file), (size_t)size);
	fclose(file);
	return (med_str_t){bytes, (size_t)size};
}

/** The text of an import; files must all be taken. Freed by the caller, with its config.
 */
static inline import_run_t *import_run(
		const import_file_t *files, const size_t *order, size_t count)
{
	import_run_t *run = calloc(1, sizeof *run);
	med_import_t *import = med_import_new(&med_mem_heap);
	med_import_sink_t sink = {import_object, import_note, run};
	med_errbuf_t err = {""};

	run->stop_after = -1;
	run->config = med_config_new(&med_mem_heap, &med_mem_heap);
	for(size_t i = 0; i < count; i++) {
		const import_file_t *file = &files[order == NULL ? i : order[i]];
		int rc = med_import_add(import, file->name, file->bytes, file->scope, &err);
		ck_assert_msg(rc == MED_EOK, "%s: %s", file->name, err.text);
	}
	ck_assert_msg(
			med_import_finish(import, &sink, &err) == MED_EOK, "finish: %s", err.text);
	med_import_free(import);
	return run;
}

static inline void import_end(import_run_t *run)
{
	med_config_free(run->config);
	free(run);
}

/** What one text imports to. */
static inline import_run_t *import_text(const char *name, const char *text)
{
	import_file_t file = {name, NULL, med_str(text)};

	return import_run(&file, NULL, 1);
}

/** Why one text is refused. */
static inline const char *import_refusal(const char *name, med_str_t bytes, int *rc)
{
	static med_errbuf_t err;
	med_import_t *import = med_import_new(&med_mem_heap);

	err.text[0] = '\0';
	*rc = med_import_add(import, name, bytes, NULL, &err);
	med_import_free(import);
	return err.text;
}

#define import_assert_lacks(text, part)                                                  \
	ck_assert_msg(strstr((text), (part)) == NULL, "'%s' in:\n%s", (part), (text))

#define IMPORT_CLIXML(body)                                                              \
	"<Objs Version=\"1.1.0.1\" "                                                         \
	"xmlns=\"http://schemas.microsoft.com/powershell/2004/04\">" body "</Objs>"
/** An object of a class, with properties. */
#define IMPORT_OBJ(class, props)                                                         \
	"<Obj><TN><T>Microsoft.Rtc." class "</T></TN><Props>" props "</Props></Obj>"

#endif
