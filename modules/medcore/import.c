/**
 * import.c - files of Lync's tools: which form each has, and what was read so far
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "medcore/import_priv.h"

#define TREE_MEMORY (512u << 20) /* of one file, given back when it was read */
#define SHOWN_MAX 200            /* bytes of a name in a text */

med_import_t *med_import_new(const med_mem_t *mem)
{
	med_import_t *import = med_calloc(mem, 1, sizeof *import);

	if(import != NULL)
		med_blocks_init(&import->blocks, mem, MED_IMPORT_MEMORY);
	return import;
}

void med_import_free(med_import_t *import)
{
	const med_mem_t *mem;

	if(import == NULL)
		return;
	mem = import->blocks.mem;
	med_blocks_deinit(&import->blocks);
	med_free(mem, import);
}

/* ---- facts and notes ----------------------------------------------------------------
 */

med_fact_t *med_import_fact(med_importing_t *in, enum med_fact_kind kind,
		enum med_fact_rank rank, med_str_t identity, med_value_t *object)
{
	med_fact_t *fact = med_blocks_take(in->blocks, 1, sizeof *fact);

	if(fact == NULL)
		return NULL;
	*fact = (med_fact_t){.kind = kind,
			.rank = rank,
			.identity = med_blocks_copy(in->blocks, identity),
			.object = object,
			.file = in->file,
			.index = in->fact_count++,
			.next = in->facts};
	in->facts = fact;
	if(identity.len > 0 && memchr(identity.s, '?', identity.len) != NULL)
		med_import_tell(in, MED_IMPORT_CHANGED, identity,
				"a '?' in its name: letters may have been lost when the file was saved "
				"as "
				"ASCII; save it again as UTF-8, or check the name");
	return fact;
}

void med_import_tell(med_importing_t *in, enum med_import_note kind, med_str_t what,
		const char *fmt, ...)
{
	med_note_t *note = med_blocks_take(in->blocks, 1, sizeof *note);
	char text[512], quoted[SHOWN_MAX];
	va_list args;

	if(note == NULL)
		return;
	va_start(args, fmt);
	if(vsnprintf(text, sizeof(text), fmt, args) < 0)
		text[0] = '\0';
	va_end(args);
	note->note = kind;
	note->where = what.len == 0 ? in->file
								: med_blocks_format(in->blocks, "%s: %s", in->file.s,
										med_quote(quoted, sizeof(quoted), what));
	note->text = med_blocks_copy(in->blocks, med_str(text));
	note->index = in->note_count++;
	note->next = in->notes;
	in->notes = note;
}

static void join(med_importing_t *in)
{
	med_import_t *import = in->import;

	while(in->facts != NULL) {
		med_fact_t *fact = in->facts;
		in->facts = fact->next;
		fact->next = import->facts;
		import->facts = fact;
	}
	while(in->notes != NULL) {
		med_note_t *note = in->notes;
		in->notes = note->next;
		note->next = import->notes;
		import->notes = note;
	}
	import->fact_count += in->fact_count;
	import->note_count += in->note_count;
}

/* ---- forms --------------------------------------------------------------------------
 */

static int unknown_root(med_importing_t *in, const med_xml_t *root)
{
	char quoted[80];

	(void)med_quote(quoted, sizeof(quoted), root->name);
	if(med_xml_is(root, "TopologyInput"))
		return med_fail(in->err, MED_EINVAL,
				"a TopologyInput (for Merge-CsLegacyTopology); it has edge servers "
				"alone, "
				"nothing to import");
	return med_fail(in->err, MED_EINVAL,
			"XML, but nothing in it is known (its root is '%s'); see "
			"modules/medctl/MIGRATION.md for what to export",
			quoted);
}

static int read_root(med_importing_t *in, const med_xml_t *root)
{
	int rc = med_xml_is(root, "TopologyInput") ? MED_ENOMATCH
											   : med_import_harvest(in, root);

	return rc == MED_ENOMATCH ? unknown_root(in, root) : rc;
}

static int add_decoded(med_importing_t *in, med_str_t bytes)
{
	med_blocks_t tree;
	med_str_t utf8;
	med_xml_t *root;
	int rc;

	med_blocks_init(&tree, in->blocks->mem, TREE_MEMORY);
	rc = med_import_decode(&tree, in->name, bytes, &utf8, in->err);
	if(rc == MED_EOK)
		rc = med_xml_parse(utf8, &tree, &root, in->err);
	if(rc == MED_EOK)
		rc = read_root(in, root);
	med_blocks_deinit(&tree);
	return rc;
}

static bool has_file(const med_import_t *import, const char *name)
{
	for(const med_imported_t *file = import->files; file != NULL; file = file->next) {
		if(med_str_eq(file->name, med_str(name)))
			return true;
	}
	return false;
}

int med_import_add(med_import_t *import, const char *name, med_str_t bytes,
		const char *scope, med_errbuf_t *err)
{
	char quoted[SHOWN_MAX];
	med_errbuf_t unread;
	med_imported_t *file;
	med_importing_t in = {.import = import,
			.blocks = &import->blocks,
			.name = name,
			.scope = scope,
			.err = err == NULL ? &unread : err};
	int rc;

	if(bytes.len > MED_IMPORT_FILE_MAX)
		return med_fail(err, MED_ELIMIT, "%zu bytes; at most %u are read", bytes.len,
				MED_IMPORT_FILE_MAX);
	if(has_file(import, name))
		return med_fail(err, MED_EINVAL, "it is among the files already");
	(void)med_quote(quoted, sizeof(quoted), med_str(name));
	in.file = med_blocks_copy(in.blocks, med_str(quoted));
	file = med_blocks_take(in.blocks, 1, sizeof *file);
	if(file != NULL)
		*file = (med_imported_t){
				med_blocks_copy(in.blocks, med_str(name)), import->files};
	rc = add_decoded(&in, bytes);
	if(rc == MED_EOK && import->blocks.error != MED_EOK)
		rc = import->blocks.error;
	if(rc == MED_ENOMEM || (rc == MED_ELIMIT && import->blocks.error == MED_ELIMIT))
		return med_fail(err, rc, "%s: it needs more than the %u MiB an import may take",
				med_strerror(rc), MED_IMPORT_MEMORY >> 20);
	if(rc == MED_EOK) {
		import->files = file;
		join(&in);
	}
	return rc;
}
