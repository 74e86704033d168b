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

/**
 * What a number must have for a rule to be worth a look. Small, and those of a set side
 * by side: most rules do not match most numbers, and are not even read then.
 */
typedef struct med_filter {
	uint32_t digits;  /**< literal ones it begins with, in nibbles */
	uint8_t count;    /**< of them, at most 8 */
	uint8_t min, max; /**< digits in all */
	uint8_t plus : 2, open : 1;
} med_filter_t;

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
	med_str_t id, name, simple_name;
	size_t count;
	const med_filter_t *filters;
	const med_rule_t *rules;
} med_rules_t;

/** One that lets everything pass which one of @p count prefixes may begin. */
med_filter_t med_filter(const med_prefix_t *prefixes, size_t count);

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
