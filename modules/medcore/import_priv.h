/**
 * import_priv.h - what the parts of the importer share
 *
 * Reading makes facts: one object of Lync's each, as a value, with where it came from.
 * Mapping (import_map*.c) makes our objects of them, once all are there.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_IMPORT_PRIV_H
#define MEDCORE_IMPORT_PRIV_H

#include "medcore/import.h"
#include "medcore/import_value.h"

enum med_fact_kind {
	MED_FACT_SITE,
	MED_FACT_POOL,
	MED_FACT_TRUNK,
	MED_FACT_TRUNK_CONFIGURATION,
	MED_FACT_CALLED_RULE, /**< of a cmdlet for rules alone, as the two below */
	MED_FACT_CALLING_RULE,
	MED_FACT_RESPONSE_RULE,
	MED_FACT_DIAL_PLAN,
	MED_FACT_NORMALIZATION_RULE,
	MED_FACT_USAGES,
	MED_FACT_VOICE_POLICY,
	MED_FACT_ROUTING_POLICY,
	MED_FACT_ROUTE,
	MED_FACT_TEST,
	MED_FACT_ROUTING, /**< holds routes; never a fact itself, as the one below */
	MED_FACT_VOICE_CONFIGURATION,
	MED_FACT_COUNT
};

/** Which of two sources wins: CLIXML over the central store over a topology. */
enum med_fact_rank { MED_RANK_CLIXML, MED_RANK_STORE, MED_RANK_TOPOLOGY };

typedef struct med_fact {
	enum med_fact_kind kind;
	enum med_fact_rank rank;
	med_str_t identity;
	med_value_t *object;
	med_value_t *element; /**< the payload inside a CLIXML object; NULL: none */
	med_str_t file;       /**< printable */
	size_t index;         /**< place in its file */
	struct med_fact *next;
} med_fact_t;

typedef struct med_note {
	enum med_import_note note;
	med_str_t where, text;
	size_t index;
	struct med_note *next;
} med_note_t;

/** A file that was read: order must not matter, so no two have one name. */
typedef struct med_imported {
	med_str_t name;
	struct med_imported *next;
} med_imported_t;

struct med_import {
	med_blocks_t blocks;
	med_imported_t *files;
	med_fact_t *facts;
	med_note_t *notes;
	size_t fact_count, note_count;
};

/** One file while it is read: joined to the import when it was read whole. */
typedef struct med_importing {
	med_import_t *import;
	med_blocks_t *blocks; /**< the import's */
	const char *name;     /**< as given */
	med_str_t file;       /**< printable */
	const char *scope;
	med_fact_t *facts;
	med_note_t *notes;
	size_t fact_count, note_count;
	med_errbuf_t *err;
} med_importing_t;

/** A fact; identity is copied. */
med_fact_t *med_import_fact(med_importing_t *in, enum med_fact_kind kind,
		enum med_fact_rank rank, med_str_t identity, med_value_t *object);
/** A note of this file about @p what (empty: all of it). */
void med_import_tell(med_importing_t *in, enum med_import_note note, med_str_t what,
		const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/** @p utf8 begins with '<'; no declaration, no mark. MED_EINVAL with @p err otherwise. */
int med_import_decode(med_blocks_t *blocks, const char *name, med_str_t bytes,
		med_str_t *utf8, med_errbuf_t *err);
/** Bytes written, 1 to 4. */
size_t med_utf8_write(uint32_t code, char *out);

/** Each reads one form; MED_EOK, or a refusal of the file with the reason. */
int med_import_clixml(med_importing_t *in, const med_xml_t *root);
int med_import_topology(med_importing_t *in, const med_xml_t *root);
int med_import_builder(med_importing_t *in, const med_xml_t *root);
/** Whatever is known, at whatever depth; MED_ENOMATCH: nothing is. */
int med_import_harvest(med_importing_t *in, const med_xml_t *root);

/** A payload of the central store or what CLIXML has in its place, by its class. */
bool med_import_class(med_str_t class, enum med_fact_kind *kind);
/** One object of a known class: as a fact, or (routing, test cases) as several. */
void med_import_object(med_importing_t *in, enum med_fact_kind kind,
		enum med_fact_rank rank, med_str_t identity, med_value_t *object);

#endif
