/**
 * json.h - JSON that a node wrote, read with bounds
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCTL_JSON_H
#define MEDCTL_JSON_H

#include "medctl/output.h"

enum json_type {
	JSON_NULL,
	JSON_BOOL,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT
};

typedef struct json {
	enum json_type type;
	med_str_t key;  /**< in an object */
	med_str_t text; /**< of a string, escapes undone; of a number, as written */
	bool truth;
	struct json *child, *next; /**< members in order; the next member */
} json_t;

/** NULL: not JSON, or too big. To be freed with json_free(). */
json_t *json_parse(med_str_t text);
void json_free(json_t *json);
/** A member; NULL: none, or @p object is no object. */
const json_t *json_get(const json_t *object, const char *key);
/** Text of a member that is a string or a number; empty: none. */
med_str_t json_text_of(const json_t *object, const char *key);
/** Written again, safe for a terminal. */
void json_write(out_json_t *out, const json_t *json);

#endif
