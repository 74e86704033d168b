/**
 * rules.h - ordered translation rules: pattern => translation, first match wins
 *
 * A translation is .NET's replacement text: $1 to $9, ${1}, ${name}, $& or $0 for what
 * matched, $$ for a dollar sign. What the pattern matched is replaced, once; the rest of
 * the number stays.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_RULES_H
#define MEDCORE_RULES_H

#include "medcore/pattern.h"
#include "medcore/select.h"

#define MED_RULES_MAX 1000        /**< rules of a set */
#define MED_TRANSLATION_MAX 256   /**< bytes of a translation */
#define MED_TRANSLATION_PIECES 16 /**< literals and groups it consists of */

/** A group, or (group < 0) the bytes of the translation from @a at. */
typedef struct med_piece {
	uint16_t at, len;
	int16_t group;
} med_piece_t;

/** Immutable, part of a snapshot. */
typedef struct med_rule {
	med_str_t pattern, translation;
	uint32_t order;           /**< n of `rule.<n>` */
	const med_regex_t *regex; /**< NULL: @a variants are the pattern */
	const med_variant_t *variants;
	const med_piece_t *pieces;
	uint8_t variant_count, piece_count;
} med_rule_t;

typedef struct med_rules {
	med_str_t id, name;
	size_t count;
	const med_rule_t *rules;
} med_rules_t;

/**
 * Read a translation.
 *
 * @param groups  of the pattern
 * @param regex   for named groups; NULL: there are none
 * @param pieces  MED_TRANSLATION_PIECES of them
 * @return MED_EOK; MED_EINVAL, MED_ELIMIT with @p err (without object and field)
 */
int med_translation_parse(med_str_t translation, unsigned groups,
		const med_regex_t *regex, med_piece_t *pieces, uint8_t *count, med_errbuf_t *err);

/** @return MED_EOK, MED_ENOMATCH, MED_ELIMIT (pattern's limit, or result too long) */
int med_rule_apply(const med_rule_t *rule, med_scratch_t *scratch, const med_number_t *in,
		med_number_t *out);

/**
 * The first rule that matches, applied. @p out may be @p in.
 *
 * @return MED_EOK, MED_ENOMATCH (@p out untouched), MED_ELIMIT
 */
int med_rules_apply(const med_rules_t *rules, med_scratch_t *scratch,
		const med_number_t *in, med_number_t *out, const med_trace_t *trace);

/** Tell a step of a decision; nothing at all when @p trace is NULL. */
#define MED_TRACE(trace, ...)                                                            \
	do {                                                                                 \
		if(__builtin_expect((trace) != NULL, 0))                                         \
			med_trace_step((trace), __VA_ARGS__);                                        \
	} while(0)
void med_trace_step(const med_trace_t *trace, const char *fmt, ...)
		__attribute__((format(printf, 2, 3)));

#endif
