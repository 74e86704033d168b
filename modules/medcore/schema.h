/**
 * schema.h - the fields of every kind of object: one table for parser, tools and docs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_SCHEMA_H
#define MEDCORE_SCHEMA_H

#include "medcore/record.h"

enum med_type {
	MED_TYPE_TEXT,      /**< med_str_t: any printable UTF-8 */
	MED_TYPE_ID,        /**< med_str_t */
	MED_TYPE_HOST,      /**< med_str_t: host name or address */
	MED_TYPE_NAME,      /**< med_str_t: host name */
	MED_TYPE_ADDRESS,   /**< med_str_t: address */
	MED_TYPE_PATTERN,   /**< med_str_t: number pattern */
	MED_TYPE_CALLER,    /**< med_str_t: caller id, spec 3.4 */
	MED_TYPE_BOOL,      /**< uint32_t */
	MED_TYPE_NUMBER,    /**< uint32_t within min and max */
	MED_TYPE_TRANSPORT, /**< uint32_t: enum med_transport */
	MED_TYPE_SRTP,      /**< uint32_t: enum med_srtp_mode */
	MED_TYPE_IDS,       /**< med_list_t of med_str_t, at most max */
	MED_TYPE_SUBNETS,   /**< med_list_t of med_ip_t, at most max */
	MED_TYPE_CODES,     /**< med_list_t of uint16_t, at most max */
	MED_TYPE_TRUNKS,    /**< med_list_t of med_weighted_t, at most max */
	MED_TYPE_RULES,     /**< `rule.<n>`: med_list_t of med_rule_record_t */
};

typedef struct med_field_def {
	const char *name;
	enum med_type type;
	size_t offset; /**< in the kind's record */
	const char
			*initial;  /**< value when the field is absent; NULL: empty, or see meaning */
	uint32_t min, max; /**< of a number; max bytes of a text, entries of a list */
	bool required;
	const char *meaning; /**< one line for people */
} med_field_def_t;

/** Fields of a kind; *count of them. */
const med_field_def_t *med_schema(enum med_kind kind, size_t *count);
/** The definition a field name belongs to; NULL: unknown. */
const med_field_def_t *med_schema_field(enum med_kind kind, med_str_t name);
/** The known name nearest to a wrong one; NULL: none is near. */
const char *med_schema_nearest(enum med_kind kind, med_str_t name);

/** Room for what values need beside the record; taken from its end of the block. */
typedef struct med_arena {
	char *at, *end;
} med_arena_t;
void *med_arena_take(med_arena_t *arena, size_t count, size_t size);
bool med_arena_copy(med_arena_t *arena, med_str_t text, med_str_t *copy);

/**
 * Read one value into its place in a record.
 *
 * @param err  what is wrong and what would be right, without object and field
 */
int med_schema_set(const med_field_def_t *def, med_str_t value, void *record,
		med_arena_t *arena, med_errbuf_t *err);

bool med_is_id(med_str_t text);

#endif
