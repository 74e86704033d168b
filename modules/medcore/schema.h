/**
 * schema.h - the fields of every kind of object: one table for parser, tools and docs
 *
 * Whatever reads, checks, lists, writes or describes a field takes it from here.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_SCHEMA_H
#define MEDCORE_SCHEMA_H

#include "medcore/record.h"

enum med_type {
	MED_TYPE_TEXT,          /**< med_str_t: any printable UTF-8 */
	MED_TYPE_ID,            /**< med_str_t */
	MED_TYPE_HOST,          /**< med_str_t: host name or address */
	MED_TYPE_NAME,          /**< med_str_t: host name */
	MED_TYPE_ADDRESS,       /**< med_str_t: address */
	MED_TYPE_PATTERN,       /**< med_str_t: number pattern */
	MED_TYPE_CALLER,        /**< med_str_t: caller id, spec 3.4 */
	MED_TYPE_DIALED,        /**< med_str_t: number in any local format */
	MED_TYPE_SIMPLE_NAME,   /**< med_str_t: a dial plan's, spec 3.1 */
	MED_TYPE_PREFIX,        /**< med_str_t: external access prefix, spec 3.1 */
	MED_TYPE_BOOL,          /**< uint32_t */
	MED_TYPE_NUMBER,        /**< uint32_t within min and max; MED_UNSET */
	MED_TYPE_WORD,          /**< uint32_t: index into words */
	MED_TYPE_IDS,           /**< med_list_t of med_str_t, usages, at most max */
	MED_TYPE_SUBNETS,       /**< med_list_t of med_ip_t, at most max */
	MED_TYPE_CODES,         /**< med_list_t of uint16_t, at most max */
	MED_TYPE_WORDS,         /**< med_list_t of uint8_t: indices into words, at most max */
	MED_TYPE_TRUNKS,        /**< med_list_t of med_weighted_t, at most max */
	MED_TYPE_DIALEDS,       /**< med_list_t of med_str_t, numbers, at most max */
	MED_TYPE_WINDOWS,       /**< med_list_t of med_window_t, at most max */
	MED_TYPE_DATES,         /**< med_list_t of med_dates_t, at most max */
	MED_TYPE_ZONE,          /**< med_str_t: a time zone of the IANA's */
	MED_TYPE_INSTANT,       /**< med_str_t: a moment, in UTC */
	MED_TYPE_RULE,          /**< of a med_rule_record_t: pattern and translation */
	MED_TYPE_RESPONSE_RULE, /**< of a med_response_rule_record_t: its codes */
};

/** Stands for the number in names of numbered fields: "rule.<n>.name". */
#define MED_ORDER_MARK "<n>"

typedef struct med_field_def {
	const char *name;
	enum med_type type;
	size_t offset;     /**< in the kind's record; of a numbered field: in its entry */
	const char *alias; /**< the spec's name, read too but never written; or NULL */
	const char
			*initial;  /**< value when the field is absent; NULL: none, or see meaning */
	uint32_t min, max; /**< of a number; max bytes of a text, entries of a list */
	const char *unit;  /**< of a number, as people write it; or NULL */
	const char *const *words; /**< of MED_TYPE_WORD and _WORDS, closed by NULL */
	unsigned refers;          /**< 1 + the kind of the objects it names; 0: none */
	const char *meanwhile; /**< what happens while such an object is not there; NULL: the
							  build tells */
	bool needed;           /**< then that is told as refused, and not as a warning */
	bool required;
	bool secret; /**< shown, logged, listed and exported only where that is asked for */
	bool kept; /**< checked, stored and listed, but nothing acts on it in this version */
	const char *meaning; /**< one line for people */
} med_field_def_t;

/** Fields of a kind; *count of them. */
const med_field_def_t *med_schema(enum med_kind kind, size_t *count);
/** One line for people on what objects of this kind are. */
const char *med_schema_about(enum med_kind kind);
/** The definition a field's name or alias belongs to; NULL: unknown. */
const med_field_def_t *med_schema_field(enum med_kind kind, med_str_t name);
/** The known name nearest to a wrong one; NULL: none is near. */
const char *med_schema_nearest(enum med_kind kind, med_str_t name);
/** What values it takes, in words: "1 to 65535", "yes or no". Returns @p out. */
const char *med_schema_value(const med_field_def_t *def, char *out, size_t size);

/** Numbered fields (rule.<n>, rule.<n>.name) make up the entries of a list. */
typedef struct med_numbered {
	const char *prefix; /**< "rule."; NULL: the kind has none */
	size_t list;        /**< offset of its med_list_t in the record */
	size_t entry;       /**< size of an entry, which begins with uint32_t order */
	size_t max;         /**< entries */
} med_numbered_t;
const med_numbered_t *med_schema_numbered(enum med_kind kind);
bool med_schema_is_numbered(const med_field_def_t *def);
/** The field that makes an entry; the other numbered ones describe it. */
bool med_schema_makes_entry(const med_field_def_t *def);
/** The number in the name of a numbered field. */
uint32_t med_schema_order(const med_field_def_t *def, med_str_t name);

/** Room for what values need beside the record; taken from its end of the block. */
typedef struct med_arena {
	char *at, *end;
} med_arena_t;
void *med_arena_take(med_arena_t *arena, size_t count, size_t size);
bool med_arena_copy(med_arena_t *arena, med_str_t text, med_str_t *copy);

/**
 * Read one value into its place in a record, of a numbered field in its entry.
 *
 * @param err  what is wrong and what would be right, without object and field
 */
int med_schema_set(const med_field_def_t *def, med_str_t value, void *record,
		med_arena_t *arena, med_errbuf_t *err);

#define MED_VALUE_MAX 65535u /**< bytes of a value, as read and as written */

/**
 * The inverse: the value in a record as one would write it, a secret as any other.
 *
 * @param out  terminated; cut where @p size is too small
 * @return bytes of the whole value; 0: it is not set
 */
size_t med_schema_format(
		const med_field_def_t *def, const void *record, char *out, size_t size);

/** Gets a field's name and its value as text. Not MED_EOK: ends the walk. */
typedef int (*med_value_cb)(
		void *ctx, const med_field_def_t *def, med_str_t name, med_str_t value);
/**
 * Every field that is set in a record, defaults included, in the order of the schema;
 * numbered ones by number.
 *
 * @param mem  for a buffer of MED_VALUE_MAX bytes
 * @return MED_EOK, MED_ENOMEM, or what @p cb returned
 */
int med_schema_each(enum med_kind kind, const med_record_t *record, const med_mem_t *mem,
		med_value_cb cb, void *ctx);

bool med_is_id(med_str_t text);

#endif
