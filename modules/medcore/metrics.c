/**
 * metrics.c - see metrics.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "medcore/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- counted --------------------------------------------------------------------------
 */

static const uint32_t bounds_ms[MED_DELAY_BUCKETS] = {
		250, 500, 1000, 2000, 4000, 8000, 16000, UINT32_MAX};

const char *med_ended_name(enum med_ended ended)
{
	static const char *const names[MED_ENDED_COUNT] = {[MED_ENDED_3XX] = "3xx",
			[MED_ENDED_4XX] = "4xx",
			[MED_ENDED_5XX] = "5xx",
			[MED_ENDED_6XX] = "6xx",
			[MED_ENDED_TIMER] = "timer",
			[MED_ENDED_CONNECTION] = "connection",
			[MED_ENDED_CANCELLED] = "cancelled"};

	return names[ended];
}

enum med_ended med_ended_by(unsigned code)
{
	if(code == 487)
		return MED_ENDED_CANCELLED;
	return code < 400    ? MED_ENDED_3XX
			: code < 500 ? MED_ENDED_4XX
			: code < 600 ? MED_ENDED_5XX
						 : MED_ENDED_6XX;
}

void med_metrics_answered(med_trunk_metrics_t *metrics)
{
	__atomic_add_fetch(&metrics->answers, 1, __ATOMIC_RELAXED);
}

void med_metrics_ended(med_trunk_metrics_t *metrics, enum med_ended ended)
{
	__atomic_add_fetch(&metrics->ended[ended], 1, __ATOMIC_RELAXED);
}

void med_metrics_delay(med_trunk_metrics_t *metrics, uint32_t ms)
{
	unsigned bucket = 0;

	while(ms > bounds_ms[bucket])
		bucket++;
	__atomic_add_fetch(&metrics->delay[bucket], 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&metrics->delay_ms, ms, __ATOMIC_RELAXED);
}

uint32_t med_metrics_bound(unsigned bucket)
{
	return bounds_ms[bucket];
}

/* ---- text -----------------------------------------------------------------------------
 */

static void put(med_metrics_text_t *text, const char *s, size_t len)
{
	if(text->full || len > text->size - text->len) {
		text->full = true;
		return;
	}
	memcpy(text->s + text->len, s, len);
	text->len += len;
}

static void puts_of(med_metrics_text_t *text, const char *s)
{
	put(text, s, strlen(s));
}

/** Backslash and line end, and in values of labels the quote too. */
static void put_escaped(med_metrics_text_t *text, med_str_t s, bool quotes)
{
	for(size_t i = 0; i < s.len; i++) {
		if(s.s[i] == '\\')
			put(text, "\\\\", 2);
		else if(s.s[i] == '\n')
			put(text, "\\n", 2);
		else if(s.s[i] == '"' && quotes)
			put(text, "\\\"", 2);
		else
			put(text, &s.s[i], 1);
	}
}

void med_metrics_family(med_metrics_text_t *text, const char *name,
		enum med_metric_type type, const char *help)
{
	static const char *const types[] = {"counter", "gauge", "histogram"};
	size_t before = text->len;

	puts_of(text, "# HELP ");
	puts_of(text, name);
	put(text, " ", 1);
	put_escaped(text, med_str(help), false);
	puts_of(text, "\n# TYPE ");
	puts_of(text, name);
	put(text, " ", 1);
	puts_of(text, types[type]);
	put(text, "\n", 1);
	if(text->full)
		text->len = before;
}

static void put_sample(med_metrics_text_t *text, const char *name, const char *suffix,
		const med_label_t *labels, size_t count, const char *value)
{
	size_t before = text->len;

	puts_of(text, name);
	puts_of(text, suffix);
	for(size_t i = 0; i < count; i++) {
		put(text, i == 0 ? "{" : ",", 1);
		puts_of(text, labels[i].name);
		put(text, "=\"", 2);
		put_escaped(text, labels[i].value, true);
		put(text, "\"", 1);
	}
	puts_of(text, count > 0 ? "} " : " ");
	puts_of(text, value);
	put(text, "\n", 1);
	if(text->full)
		text->len = before; /* no half line */
}

void med_metrics_sample(med_metrics_text_t *text, const char *name, const char *suffix,
		const med_label_t *labels, size_t count, uint64_t value)
{
	char number[24];

	snprintf(number, sizeof number, "%" PRIu64, value);
	put_sample(text, name, suffix, labels, count, number);
}

void med_metrics_sample_ms(med_metrics_text_t *text, const char *name, const char *suffix,
		const med_label_t *labels, size_t count, uint64_t ms)
{
	char number[32];

	snprintf(number, sizeof number, "%" PRIu64 ".%03u", ms / 1000, (unsigned)(ms % 1000));
	put_sample(text, name, suffix, labels, count, number);
}

void med_metrics_delays(med_metrics_text_t *text, const char *name, const char *label,
		med_str_t value, const med_trunk_metrics_t *metrics)
{
	med_label_t labels[] = {{label, value}, {"le", MED_STR("+Inf")}};
	uint64_t sum_ms = __atomic_load_n(&metrics->delay_ms, __ATOMIC_RELAXED), count = 0;
	char bound[16];

	for(unsigned i = 0; i < MED_DELAY_BUCKETS; i++) {
		count += __atomic_load_n(&metrics->delay[i], __ATOMIC_RELAXED);
		if(bounds_ms[i] == UINT32_MAX) {
			labels[1].value = MED_STR("+Inf");
		} else {
			snprintf(bound, sizeof bound, "%u.%03u", bounds_ms[i] / 1000,
					bounds_ms[i] % 1000);
			labels[1].value = med_str(bound);
		}
		med_metrics_sample(text, name, "_bucket", labels, 2, count);
	}
	med_metrics_sample_ms(text, name, "_sum", labels, 1, sum_ms);
	med_metrics_sample(text, name, "_count", labels, 1, count);
}
