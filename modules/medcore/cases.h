/**
 * cases.h - stored routing cases: what should become of a call, and what does
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_CASES_H
#define MEDCORE_CASES_H

#include "medcore/card.h"
#include "medcore/explain.h"
#include "medcore/record.h"

/** A case as its card has it; points into the card. */
void med_case_read(const med_card_t *card, med_test_record_t *test);

/** One thing that a case says. Empty texts: nothing came. */
typedef struct med_expectation {
	const char *field; /**< "expected_route" */
	med_str_t expected, came;
	bool met;
} med_expectation_t;

#define MED_EXPECTATIONS 6

/** Points into itself, the case and the snapshot. */
typedef struct med_case_result {
	bool passed;
	med_errbuf_t text; /**< what became of the call, or why it could not be tried */
	size_t count;
	med_expectation_t expectation[MED_EXPECTATIONS]; /**< those the case has */
	med_explain_result_t explained;
	med_number_t called; /**< as the first candidate gets it */
	bool translated;     /**< @a called is filled */
} med_case_result_t;

/**
 * Runs the code of the call path, changes nothing. @p pool  of the callers of cases that
 * name none; empty: they are of none
 */
void med_case_run(const med_snapshot_t *snapshot, med_scratch_t *scratch,
		const med_test_record_t *test, med_str_t pool, med_case_result_t *result);

#endif
