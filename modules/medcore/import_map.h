/**
 * import_map.h - from facts to objects: what the parts of the mapping share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_IMPORT_MAP_H
#define MEDCORE_IMPORT_MAP_H

#include "medcore/import_priv.h"

/* ---- names --------------------------------------------------------------------------
 */

/** Whose names; names are compared without case, each space has ids of its own. */
enum med_space {
	MED_SPACE_SITE,
	MED_SPACE_SITE_NUMBER,
	MED_SPACE_POOL,
	MED_SPACE_GATEWAY,
	MED_SPACE_TRUNK,
	MED_SPACE_TRUNK_KEY, /**< ServiceId or a topology's key */
	MED_SPACE_RULES,
	MED_SPACE_RESPONSE_RULES,
	MED_SPACE_POLICY,
	MED_SPACE_ROUTE,
	MED_SPACE_USAGE,
	MED_SPACE_TEST,
	MED_SPACE_SCOPE, /**< of trunk configurations, as "PstnGateway:x" */
	MED_SPACE_NOTE,  /**< notes that were told, with where in front */
	MED_SPACE_ID,    /**< ids that are taken, with a space's number in front */
};

typedef struct med_entry {
	enum med_space space;
	med_str_t name, id;
	size_t index; /**< of what it names, or for the caller */
	void *object;
	struct med_entry *next;
} med_entry_t;

typedef struct med_table {
	med_blocks_t *blocks;
	med_entry_t **bucket;
	size_t size, count;
	uint8_t key[16];
} med_table_t;

/** NULL: none. */
med_entry_t *med_table_find(
		const med_table_t *table, enum med_space space, med_str_t name);
/** The one there is, or a new one; NULL when memory is short. */
med_entry_t *med_table_add(med_table_t *table, enum med_space space, med_str_t name);

/* ---- objects ------------------------------------------------------------------------
 */

typedef struct med_made {
	enum med_kind kind;
	med_str_t id, where, comment;
	med_field_t *fields;
	size_t count, size;
} med_made_t;

typedef struct med_trunk_fact {
	med_str_t name, service;
	const med_fact_t *source[2]; /**< CLIXML, topology */
	struct med_trunk_fact *root;
	struct med_gateway_fact *gateway;
	med_str_t id, transport;
	uint32_t local_port;
} med_trunk_fact_t;

typedef struct med_gateway_fact {
	med_str_t host, id;
	med_trunk_fact_t *root;
	size_t trunks, without_port; /**< all; without a known port of ours */
} med_gateway_fact_t;

typedef struct med_mapping {
	med_import_t *import;
	med_blocks_t *blocks;
	const med_fact_t **facts; /**< in an order of their own, whatever the files' */
	size_t fact_count;
	size_t first[MED_FACT_COUNT + 1]; /**< of each kind in @a facts */
	med_table_t table;
	med_made_t **made;
	size_t made_count, made_size;
	med_note_t **notes;
	size_t note_count, note_size;
	med_trunk_fact_t *trunks;
	med_gateway_fact_t *gateways;
	size_t trunk_count, gateway_count;
} med_mapping_t;

/** "<file>: <identity>", for notes and comments. */
med_str_t med_mapping_where(med_mapping_t *m, const med_fact_t *fact);
void med_mapping_note(med_mapping_t *m, enum med_import_note note, med_str_t where,
		const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/** Shows a name of theirs in a text; lives as long as the import. */
const char *med_mapping_show(med_mapping_t *m, med_str_t text);

/**
 * The id of a name of theirs: its own where that is one, else what can be kept of it,
 * with a number where that is taken. The same name gives the same id.
 */
med_str_t med_mapping_id(med_mapping_t *m, enum med_space space, med_str_t name);
/** Names in order before they get ids, so that ids do not depend on who asks first. */
void med_mapping_name(med_mapping_t *m, enum med_space space, med_str_t name);
void med_mapping_assign(med_mapping_t *m, enum med_space space);

med_made_t *med_mapping_make(
		med_mapping_t *m, enum med_kind kind, med_str_t id, med_str_t where);
/** Nothing is put for an empty value. Control characters become blanks, and a note. */
void med_mapping_put(
		med_mapping_t *m, med_made_t *made, const char *field, med_str_t value);
/** Checks it as med_config_set() will: a field it would refuse becomes a note. */
void med_mapping_done(med_mapping_t *m, med_made_t *made);

/** A property of the first source that has it. */
bool med_mapping_text(const med_fact_t *fact, const char *name, med_str_t *text);
bool med_mapping_yes(med_str_t text);
/** A field that is named otherwise there; yes and no as here. */
typedef struct med_renamed {
	const char *theirs, *ours;
} med_renamed_t;
void med_mapping_copy(med_mapping_t *m, med_made_t *made, const med_fact_t *fact,
		const med_renamed_t *fields, size_t count);
/** One note for each property that nobody read. */
void med_mapping_unread(med_mapping_t *m, const med_fact_t *fact);

/** Facts of a kind: first and count in @a facts. */
const med_fact_t **med_mapping_facts(
		const med_mapping_t *m, enum med_fact_kind kind, size_t *count);
/** Those of them that have this identity. */
const med_fact_t **med_mapping_facts_of(const med_mapping_t *m, enum med_fact_kind kind,
		med_str_t identity, size_t *count);
/** Is this fact another source of the one before it? Then it is told, and left. */
bool med_mapping_again(
		med_mapping_t *m, const med_fact_t *before, const med_fact_t *fact);

/* ---- parts --------------------------------------------------------------------------
 */

/** "PstnGateway:x" to the trunk x, by name or service; NULL: none of the files has it. */
med_trunk_fact_t *med_mapping_trunk(med_mapping_t *m, med_str_t name);
/** The site of "Site:x", "x" or a number; empty: none. Made when only its name is known.
 */
med_str_t med_mapping_site(med_mapping_t *m, med_str_t name, med_str_t where);

void med_mapping_places(med_mapping_t *m); /**< sites and pools */
void med_mapping_trunks(med_mapping_t *m); /**< trunks, then gateways */
/** Before anything names a usage: all get their ids, in order of their names. */
void med_mapping_usage_names(med_mapping_t *m);
void med_mapping_voice(
		med_mapping_t *m); /**< profiles and dial plans, with their rules */
void med_mapping_routing(med_mapping_t *m); /**< policies, routes, usages, tests */

/**
 * A rules object of a list; fields that are no rules are the caller's.
 *
 * @return how many were carried
 */
size_t med_mapping_rules(
		med_mapping_t *m, med_made_t *made, const med_values_t *list, bool dial_plan);
size_t med_mapping_responses(
		med_mapping_t *m, med_made_t *made, const med_values_t *list);

/** A list from whichever source has it whole; @p extra (NULL: none) where none has. */
bool med_mapping_list(med_mapping_t *m, const med_fact_t *fact, const char *container,
		const char *const *members, const med_values_t *extra, med_values_t *list);
/** What a usage may be named in the list of that name, or without it. */
const char *const *med_mapping_usage_members(const char *container);
/** Ids of a list of usages, each once, separated by commas. */
med_str_t med_mapping_usages(
		med_mapping_t *m, const med_fact_t *fact, const char *container);
/** Is it one of a text's entries, separated by commas? */
bool med_mapping_listed(med_str_t text, med_str_t entry);
/** The rules object that a dial plan's scope became; for test cases. */
med_str_t med_mapping_dial_plan(med_mapping_t *m, med_str_t scope);

/** Does our pattern compiler take it? @p err says what is wrong. */
int med_mapping_pattern(med_str_t pattern, med_str_t translation, med_errbuf_t *err);

/** Identities in one form: "Global", "Site:x", "PstnGateway:x", "Registrar:x", "Tag:x".
 */
med_str_t med_mapping_scope(med_blocks_t *blocks, med_str_t identity);

#endif
