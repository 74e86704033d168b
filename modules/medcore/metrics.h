/**
 * metrics.h - what is counted of a trunk's calls, and the text form that Prometheus reads
 *
 * Counters lie in memory that all processes share, one structure for each trunk, and are
 * changed by atomic builtins: no lock, no clock, no allocation.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_METRICS_H
#define MEDCORE_METRICS_H

#include "medcore/common.h"

/** How an attempt ended that was not answered. */
enum med_ended {
	MED_ENDED_3XX,
	MED_ENDED_4XX,
	MED_ENDED_5XX,
	MED_ENDED_6XX,
	MED_ENDED_TIMER,      /**< one of ours ran out */
	MED_ENDED_CONNECTION, /**< none was made, or it broke */
	MED_ENDED_CANCELLED,  /**< the caller gave up, or we did */
	MED_ENDED_COUNT
};
/** "3xx", …, "timer", "connection", "cancelled". */
const char *med_ended_name(enum med_ended ended);
/** Of a final answer of 300 or more. */
enum med_ended med_ended_by(unsigned code);

#define MED_DELAY_BUCKETS 8 /**< the last has no bound */

/** Of one trunk; zeroed in the beginning. */
typedef struct med_trunk_metrics {
	uint32_t answers;                  /**< attempts with a 2xx */
	uint32_t ended[MED_ENDED_COUNT];   /**< by enum med_ended */
	uint32_t delay[MED_DELAY_BUCKETS]; /**< post-dial delays, each in one of them */
	uint64_t delay_ms;                 /**< their sum */
} med_trunk_metrics_t;

void med_metrics_answered(med_trunk_metrics_t *metrics);
void med_metrics_ended(med_trunk_metrics_t *metrics, enum med_ended ended);
/** From the INVITE to the first sign of the called party: ringing, or its answer. */
void med_metrics_delay(med_trunk_metrics_t *metrics, uint32_t ms);
/** Upper bound in ms; UINT32_MAX for the last. */
uint32_t med_metrics_bound(unsigned bucket);

/* ---- text -----------------------------------------------------------------------------
 */

/** What is written so far; nothing is written past @a size. */
typedef struct med_metrics_text {
	char *s;
	size_t len, size;
	bool full; /**< something did not fit, and is not there */
} med_metrics_text_t;

typedef struct med_label {
	const char *name;
	med_str_t value; /**< any bytes: it is escaped */
} med_label_t;

enum med_metric_type { MED_COUNTER, MED_GAUGE, MED_HISTOGRAM };

/** HELP and TYPE of a family: once, before its samples, which follow one another. */
void med_metrics_family(med_metrics_text_t *text, const char *name,
		enum med_metric_type type, const char *help);
/** @param suffix  behind the family's name: "" or "_bucket" and the like */
void med_metrics_sample(med_metrics_text_t *text, const char *name, const char *suffix,
		const med_label_t *labels, size_t count, uint64_t value);
/** The same for a time: in seconds, as Prometheus has them. */
void med_metrics_sample_ms(med_metrics_text_t *text, const char *name, const char *suffix,
		const med_label_t *labels, size_t count, uint64_t ms);
/** All samples of a trunk's histogram of delays. */
void med_metrics_delays(med_metrics_text_t *text, const char *name, const char *label,
		med_str_t value, const med_trunk_metrics_t *metrics);

#endif
