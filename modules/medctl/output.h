/**
 * output.h - text for people, JSON for scripts, nothing raw for a terminal
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCTL_OUTPUT_H
#define MEDCTL_OUTPUT_H

#include <stdio.h>

#include "medctl/medctl.h"

/** One line on stderr; control bytes that came in with an argument are shown as \xNN. */
void out_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/** As out_error(), behind "file:line: ". */
void out_error_at(const char *file, uint32_t line, const char *fmt, ...)
		__attribute__((format(printf, 3, 4)));
/** A line on stderr that is no error. */
void out_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** UTF-8 as it is; control characters and what is not UTF-8 as \xNN. */
void out_safe(FILE *out, med_str_t text);
/** Columns that out_safe() takes for a text, if each character takes one. */
size_t out_width(med_str_t text);
/** As out_safe(), between two texts of ours. */
void out_between(FILE *out, const char *before, med_str_t text, const char *after);
/** As a section or a field of a file would be written, but safe for a terminal. */
void out_field(FILE *out, med_str_t name, med_str_t value);

/** True after a yes; asks on the terminal. */
bool out_ask(const medctl_t *m, const char *question);
/** Everything written? MEDCTL_OK or, told, MEDCTL_FAILED. */
int out_close(FILE *out, const char *name);

/** A bar on stderr, when it is a terminal and this takes long. */
typedef struct out_progress {
	const char *what;
	size_t total;
	bool on, shown;
	int64_t began, drawn; /* ms */
} out_progress_t;
void out_progress_begin(
		out_progress_t *p, const medctl_t *m, const char *what, size_t total);
void out_progress(out_progress_t *p, size_t done);
void out_progress_end(out_progress_t *p);

int64_t out_now_ms(void);

/** JSON as it is written: commas are put by themselves. */
typedef struct out_json {
	FILE *out;
	bool comma;
} out_json_t;
/** @param key  NULL in an array and at the top */
void json_open(out_json_t *j, const char *key, char bracket);
void json_close(out_json_t *j, char bracket);
void json_str(out_json_t *j, const char *key, med_str_t value);
void json_pair(out_json_t *j, med_str_t key, med_str_t value);
void json_number(out_json_t *j, const char *key, long long value);
/** A value as it is: null, or digits that were read as a number. */
void json_word(out_json_t *j, const char *key, med_str_t word);
void json_bool(out_json_t *j, const char *key, bool value);
/** A line end after the outermost bracket. */
void json_end(out_json_t *j);

#endif
