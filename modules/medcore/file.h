/**
 * file.h - objects as plain text, to read, to keep and to compare
 *
 *     # a comment has a line of its own
 *     [trunk pbx1]
 *     gateway = pbx1
 *     transport = tls
 *
 * A section names kind and id, what follows are its fields, named as in Redis. A value is
 * the rest of the line without the blanks around it; there is nothing to quote and
 * nothing to escape. No value that the schema accepts has a line end in it, so every
 * accepted object can be written, and is read back the same.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_FILE_H
#define MEDCORE_FILE_H

#include "medcore/record.h"

#define MED_FILE_LINE_MAX (65 * 1024)          /**< bytes of a line */
#define MED_FILE_FIELDS_MAX MED_FIELDS_MAX     /**< fields of an object */
#define MED_FILE_OBJECT_MAX (16 * 1024 * 1024) /**< bytes of an object's text */

/** One section as it was read; views are valid within the call. */
typedef struct med_file_object {
	enum med_kind kind;
	med_str_t id;
	const med_field_t *fields;
	const uint32_t *lines; /**< where each field stands */
	size_t count;
	uint32_t line; /**< where the section begins */
} med_file_object_t;

typedef struct med_file_handler {
	/** @return MED_EOK; anything else ends the reading and is what it returns. */
	int (*object)(void *ctx, const med_file_object_t *object);
	/**
	 * A line that is wrong; @p text says what would be right. Reading goes on, so that
	 * all that is wrong is told at once; the object is not.
	 */
	void (*fault)(void *ctx, uint32_t line, const char *text);
	void *ctx;
} med_file_handler_t;

/**
 * A reader in pieces: bytes in, objects out as each is complete. Form, kind, id and
 * fields given twice are checked here; names and values of fields are the schema's, an
 * object given twice is the caller's matter. It holds one object at a time.
 */
typedef struct med_file_reader med_file_reader_t;

/** @param handler  copied. MED_EOK or MED_ENOMEM. */
int med_file_reader_new(const med_mem_t *mem, const med_file_handler_t *handler,
		med_file_reader_t **reader);
/** NULL allowed. */
void med_file_reader_free(med_file_reader_t *reader);
/** MED_EOK (also after faults), MED_ENOMEM, or what the handler returned. */
int med_file_reader_feed(med_file_reader_t *reader, const char *bytes, size_t len);
/** That was all. As above; MED_EINVAL: there were faults. */
int med_file_reader_end(med_file_reader_t *reader);

/** Takes text on its way out; MED_EOK or an error that ends the writing. */
typedef int (*med_file_write_cb)(void *ctx, const char *bytes, size_t len);

/**
 * One section, followed by an empty line; fields in the order given. Secrets are the
 * caller's matter.
 *
 * @return MED_EOK; MED_EINVAL: a name or value cannot stand in a file (a line end in it),
 *         nothing was written, @p err names it; or what @p write returned
 */
int med_file_write_object(med_file_write_cb write, void *ctx, enum med_kind kind,
		med_str_t id, const med_field_t *fields, size_t count, med_errbuf_t *err);
/** Lines of @p text, each behind "# "; control bytes are shown as \xNN. */
int med_file_write_comment(med_file_write_cb write, void *ctx, med_str_t text);

#endif
