/**
 * import.h - what Lync's tools export, as objects of ours
 *
 * Files are added in any order, then the whole is mapped once: the same files in another
 * order give the same objects and notes. Nothing is dropped in silence: every object,
 * rule and setting of a file is either in an object given to the sink, or in a note. The
 * objects are ones med_config_set() accepts.
 *
 * For tools: one thread, heap memory. Files are untrusted: what is kept of them is
 * bounded by MED_IMPORT_MEMORY however they are made, and one that is being read by as
 * much again.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_IMPORT_H
#define MEDCORE_IMPORT_H

#include "medcore/config.h"

#define MED_IMPORT_FILE_MAX (64u << 20) /**< bytes of a file */
#define MED_IMPORT_MEMORY (768u << 20)  /**< bytes kept of all files */

typedef struct med_import med_import_t;

enum med_import_note {
	MED_IMPORT_CARRIED, /**< is in an object as it was */
	MED_IMPORT_CHANGED, /**< is in an object in another form, or was decided here */
	MED_IMPORT_LEFT,    /**< is in no object; the text says why and what to do */
};

typedef struct med_import_sink {
	/**
	 * An object, kinds in the order they refer to each other, ids sorted.
	 *
	 * @param comment  one line: which file and which of its objects it came from
	 * @return MED_EOK, or what med_import_finish() is to return at once
	 */
	int (*object)(void *ctx, enum med_kind kind, med_str_t id, const med_field_t *fields,
			size_t count, const char *comment);
	/**
	 * @param where  "<file>: <object>", or the file alone; printable ASCII, as the text
	 */
	void (*note)(
			void *ctx, enum med_import_note note, const char *where, const char *text);
	void *ctx;
} med_import_sink_t;

/** NULL when memory is short. */
med_import_t *med_import_new(const med_mem_t *mem);
/** NULL allowed. */
void med_import_free(med_import_t *import);

/**
 * Read one file; told apart by its content, never by its name. Nothing of a file that is
 * refused is kept.
 *
 * @param name   for texts, and for the scope of a bare payload ("Site_Harbour.xml")
 * @param bytes  not kept
 * @param scope  of a bare payload: "Global", "Site:x", "Tag:x", "Service:PstnGateway:x"
 *               or a route's name; NULL: taken from @p name, and noted
 * @return MED_EOK; MED_EINVAL, MED_ELIMIT: refused, @p err says why and what to do, the
 *         import goes on; MED_ENOMEM
 */
int med_import_add(med_import_t *import, const char *name, med_str_t bytes,
		const char *scope, med_errbuf_t *err);

/**
 * Map what was added; once, after the last file.
 *
 * @return MED_EOK; MED_ELIMIT, MED_ENOMEM: some objects were not made; or what the sink
 *         returned
 */
int med_import_finish(
		med_import_t *import, const med_import_sink_t *sink, med_errbuf_t *err);

#endif
