/**
 * inquiry.h - questions about a part of a decision, as Lync's Test-Cs cmdlets ask them
 *
 * Each has a name and words (RPC mediation.test_<name>, medctl try <name>) and is
 * answered in fields. The code of the call path decides; nothing is changed; any process,
 * any snapshot.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_INQUIRY_H
#define MEDCORE_INQUIRY_H

#include "medcore/listing.h"
#include "medcore/select.h"

/** What a word of a question means. */
enum med_asked {
	MED_ASKED_END,
	MED_ASKED_ID,      /**< of the object that is asked about */
	MED_ASKED_RULE,    /**< "2", or "rule.2" */
	MED_ASKED_NUMBER,  /**< the number called */
	MED_ASKED_RULES,   /**< a dial plan other than the pool's */
	MED_ASKED_SITE,    /**< where the caller is */
	MED_ASKED_CALLING, /**< the caller's number */
	MED_ASKED_AT,      /**< a moment, for schedules; now unless told */
	MED_ASKED_COUNT
};

#define MED_ASKED_WORDS 6
#define MED_ASKED_ROUTES 20 /**< told of those that match */

/** "" or "-": not given. Those the question has no use for are not looked at. */
typedef struct med_question {
	med_str_t word[MED_ASKED_COUNT];
	med_str_t pool; /**< whose dial plan and site own users have */
} med_question_t;

/** Told while it goes on. */
typedef struct med_answer_sink {
	void (*field)(void *ctx, const char *name, med_str_t value);
	/** A route that takes the number, in the order tried; at most MED_ASKED_ROUTES. */
	void (*route)(void *ctx, med_str_t usage, const med_route_t *route);
	void *ctx;
} med_answer_sink_t;

typedef struct med_answer {
	bool matched;
	med_errbuf_t text; /**< in a sentence */
} med_answer_t;

typedef struct med_inquiring med_inquiring_t;

typedef struct med_inquiry {
	const char *name, *about;
	enum med_kind kind;             /**< of MED_ASKED_ID */
	uint8_t words[MED_ASKED_WORDS]; /**< enum med_asked in order, closed by 0 */
	uint8_t needed;                 /**< words that must be given, the first ones */
	int (*ask)(med_inquiring_t *q);
} med_inquiry_t;

/** All questions, closed by a NULL name. */
extern const med_inquiry_t med_inquiries[];
/** By name, where a dash is as good as an underscore; NULL: there is none. */
const med_inquiry_t *med_inquiry_find(const char *name);
/**
 * "TRUNK NUMBER [CALLING]"; @p most: words that are shown at all.
 *
 * @return @p out, cut where it is too small
 */
const char *med_inquiry_usage(
		const med_inquiry_t *inquiry, size_t most, char *out, size_t size);

/**
 * @param answer  in every case a text, the rest with MED_EOK
 * @return MED_EOK: answered, be it with no; MED_ENOMATCH: what is named is not in force;
 *         MED_EINVAL, MED_ELIMIT: a word is not right; MED_ENOMEM
 */
int med_inquire(const med_inquiry_t *inquiry, const med_snapshot_t *snapshot,
		med_scratch_t *scratch, const med_question_t *question,
		const med_answer_sink_t *sink, med_answer_t *answer);

#endif
