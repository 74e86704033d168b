/**
 * pattern.h - .NET-style number patterns, most of them without a regex engine
 *
 * What rule builders make (`^`, optional `\+` or `\+?`, digits, `\d{n}`, `\d*`, classes
 * of digits, alternatives, groups, `$`) is recognised and becomes a short list of
 * variants: digits that must be there, then at most one run of variable length.
 * Everything else is compiled by PCRE2. Both give the same answer and the same groups.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_PATTERN_H
#define MEDCORE_PATTERN_H

#include "medcore/common.h"

#define MED_PATTERN_MAX 512     /**< bytes of a pattern */
#define MED_PATTERN_UNITS 24    /**< digits of fixed position in a variant */
#define MED_PATTERN_VARIANTS 32 /**< alternatives after expansion */
#define MED_PATTERN_GROUPS 10   /**< $0 to $9 */
#define MED_PATTERN_KEY 15      /**< digits of a prefix that an index key holds */
#define MED_DIGITS 0x3ffu       /**< all of 0 to 9, as a set of bits */
#define MED_TAIL_ANY 255        /**< no upper bound */

enum med_plus { MED_PLUS_NONE, MED_PLUS_REQUIRED, MED_PLUS_OPTIONAL };

/** One way to match: an optional plus, digits, a run of digits, the end. */
typedef struct med_variant {
	uint16_t unit[MED_PATTERN_UNITS]; /**< set of digits allowed at each position */
	uint16_t tail_set;                /**< digits of the run; 0: no run */
	uint8_t tail_max;
	uint8_t units;
	uint8_t checked; /**< units up to the last that is not any digit */
	uint8_t plus;    /**< enum med_plus */
	bool end;        /**< nothing may follow */
	/** Start and end of groups 1 to 9, as positions of this variant. */
	uint8_t group[MED_PATTERN_GROUPS - 1][2];
} med_variant_t;

/** The variants of a pattern, in the order a backtracking engine tries them. */
typedef struct med_variants {
	uint8_t count;
	uint8_t groups; /**< groups of the pattern, $0 not counted */
	med_variant_t variant[MED_PATTERN_VARIANTS];
} med_variants_t;

/** Recognised? false: a matter for PCRE2 (or an error that PCRE2 will tell). */
bool med_pattern_recognise(med_str_t pattern, med_variants_t *out);

/** A number to match, looked at once for all patterns. */
typedef struct med_subject {
	med_str_t text;
	uint16_t plus;   /**< 1: it begins with a plus */
	uint16_t digits; /**< that follow it without a break */
} med_subject_t;
med_subject_t med_subject(med_str_t text);

/** @param end  where the match, which begins at 0, ends; NULL allowed */
bool med_variant_match(
		const med_variant_t *variant, const med_subject_t *subject, size_t *end);

/** Where a group lies in the subject; len 0 also when it took no part. */
typedef struct med_span {
	uint16_t at, len;
} med_span_t;

/** A group (0 to 9) of a variant that matched up to @p end. */
med_span_t med_variant_group(const med_variant_t *variant, const med_subject_t *subject,
		size_t end, unsigned group);

/** What an index needs of a variant: leading literal digits and the lengths that fit. */
typedef struct med_prefix {
	uint8_t digits[MED_PATTERN_KEY]; /**< values 0 to 9 */
	uint8_t count;
	uint8_t plus;
	uint8_t min, max; /**< digits in all, plus sign not counted */
	bool open;        /**< more may follow: max does not count */
	bool exact;       /**< these facts are the whole pattern */
} med_prefix_t;
void med_variant_prefix(const med_variant_t *variant, med_prefix_t *prefix);

/**
 * Literal digits that every match of any pattern must begin with, after a plus if there
 * is one; count 0 where that is not plain to see. For patterns left to PCRE2; never
 * `exact`.
 */
void med_pattern_prefix(med_str_t pattern, med_prefix_t *prefix);
/** A pattern compiled by PCRE2, in memory that all processes see. Not JIT-compiled. */
typedef struct med_regex med_regex_t;

/**
 * @param shared  where the code lives; must outlive it, as a struct too
 * @return MED_EOK; MED_EINVAL: not a pattern, or one that .NET reads differently
 *         (@p err: what and where, without object and field); MED_ENOMEM
 */
int med_regex_compile(const med_mem_t *shared, med_str_t pattern, med_regex_t **regex,
		med_errbuf_t *err);
void med_regex_free(const med_mem_t *shared, med_regex_t *regex);
/** Groups of the pattern, $0 not counted; more than 9 cannot be referred to. */
unsigned med_regex_groups(const med_regex_t *regex);
/** Named and unnamed groups together, which .NET numbers otherwise than PCRE2. */
bool med_regex_mixes_groups(const med_regex_t *regex);
/** Number of a named group; 0: none. */
unsigned med_regex_group(const med_regex_t *regex, med_str_t name);

/** Does it end with plain digits, so that most numbers are told apart without PCRE2? */
bool med_regex_ends_plainly(const med_regex_t *regex);

/** Match data and limits of one process; see select.h. */
struct med_scratch;

/** What the patterns of each part of a decision may cost in sum: 1 ms together. */
#define MED_BUDGET_NORMALIZE_NS 150000
#define MED_BUDGET_SELECT_NS 500000
#define MED_BUDGET_TRANSLATE_NS 200000 /* and the last match of each part, on top */

/** A part of a decision begins: what its patterns cost is counted from here. */
void med_scratch_begin(struct med_scratch *scratch, int64_t budget_ns);

/** Was the last MED_ELIMIT the budget's, to which all patterns so far contributed? */
bool med_scratch_spent(const struct med_scratch *scratch);

/**
 * @return MED_EOK, MED_ENOMATCH, MED_ELIMIT (its own limit, or the decision's budget),
 *         MED_ENOMEM
 */
int med_regex_match(const med_regex_t *regex, struct med_scratch *scratch,
		med_str_t subject, med_span_t *spans);

#endif
