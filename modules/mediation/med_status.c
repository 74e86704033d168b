/**
 * med_status.c - what the Redis process says of itself: in shared memory and as JSON
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_status.h"

#include "med_compat.h"
#include "core/locking.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct shared {
	gen_lock_t lock; /**< protects: status */
	med_status_t status;
} shared_t;

static shared_t *shared = NULL;

int med_status_init(void)
{
	shared = shm_mallocxz(sizeof *shared);
	if(!shared) {
		SHM_MEM_ERROR;
		return -1;
	}
	if(!lock_init(&shared->lock)) {
		LM_ERR("cannot initialise the lock of the status\n");
		shm_free(shared);
		shared = NULL;
		return -1;
	}
	snprintf(shared->status.store_text, sizeof shared->status.store_text,
			"the Redis process has not begun yet");
	return 0;
}

void med_status_destroy(void)
{
	if(!shared)
		return;
	lock_destroy(&shared->lock);
	shm_free(shared);
	shared = NULL;
}

void med_status_publish(const med_status_t *status)
{
	lock_get(&shared->lock);
	memcpy(&shared->status, status, offsetof(med_status_t, faults));
	for(int i = MED_REFUSED; i <= MED_WARNED; i++)
		memcpy(&shared->status.faults[i], &status->faults[i],
				offsetof(med_status_faults_t, item)
						+ status->faults[i].count * sizeof status->faults[i].item[0]);
	lock_release(&shared->lock);
}

med_status_t *med_status_get(void)
{
	med_status_t *copy = pkg_malloc(sizeof *copy);

	if(!copy) {
		PKG_MEM_ERROR;
		return NULL;
	}
	lock_get(&shared->lock);
	memcpy(copy, &shared->status, sizeof *copy);
	lock_release(&shared->lock);
	return copy;
}

const char *med_status_store_name(enum med_store_state state)
{
	switch(state) {
		case MED_STORE_DOWN:
			return "down";
		case MED_STORE_LOADING:
			return "loading";
		case MED_STORE_LIVE:
			return "live";
	}
	return "unknown";
}

const char *med_status_severity_name(enum med_severity severity)
{
	return severity == MED_REFUSED ? "refused" : "warned";
}

const char *med_status_source_name(enum med_origin source)
{
	switch(source) {
		case MED_ORIGIN_NONE:
			return "none";
		case MED_ORIGIN_DISK:
			return "disk";
		case MED_ORIGIN_REDIS:
			return "redis";
	}
	return "unknown";
}

const char *med_status_limits_name(enum med_permits_state state)
{
	switch(state) {
		case MED_PERMITS_NONE:
			return "none";
		case MED_PERMITS_JOINS:
			return "joining";
		case MED_PERMITS_SHARED:
			return "shared";
		case MED_PERMITS_ALONE:
			return "alone";
	}
	return "unknown";
}

/* ---- JSON ---- */

typedef struct text {
	char *s;
	size_t len, cap;
	bool failed;
} text_t;

static void put(text_t *out, const char *s, size_t len)
{
	char *more;
	size_t cap = out->cap ? out->cap : 1024;

	while(cap < out->len + len + 1)
		cap *= 2;
	if(cap != out->cap) {
		more = realloc(out->s, cap);
		if(!more) {
			out->failed = true;
			return;
		}
		out->s = more;
		out->cap = cap;
	}
	memcpy(out->s + out->len, s, len);
	out->len += len;
	out->s[out->len] = '\0';
}

static void putf(text_t *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void putf(text_t *out, const char *fmt, ...)
{
	char line[256];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(line, sizeof line, fmt, args);
	va_end(args);
	if(len > 0)
		put(out, line, (size_t)len < sizeof line ? (size_t)len : sizeof line - 1);
}

/** A string with its quotes. Bytes above ASCII one by one: nobody promised UTF-8. */
static void put_string(text_t *out, const char *s)
{
	char escape[8];

	put(out, "\"", 1);
	for(; *s; s++) {
		if(*s == '"' || *s == '\\' || (unsigned char)*s < ' '
				|| (unsigned char)*s > 0x7e) {
			int len = snprintf(escape, sizeof escape, "\\u%04x", (unsigned char)*s);
			put(out, escape, (size_t)len);
		} else {
			put(out, s, 1);
		}
	}
	put(out, "\"", 1);
}

/** Seconds since the epoch as RFC 3339, in quotes; null for 0. */
static void put_time(text_t *out, long long when)
{
	time_t t = (time_t)when;
	struct tm tm;
	char text[32];

	if(when && gmtime_r(&t, &tm)
			&& strftime(text, sizeof text, "\"%Y-%m-%dT%H:%M:%SZ\"", &tm))
		put(out, text, strlen(text));
	else
		put(out, "null", 4);
}

static void put_faults(text_t *out, const char *severity, const med_status_faults_t *f)
{
	putf(out, ",\"%s_total\":%u,\"%s\":[", severity, f->total, severity);
	for(unsigned i = 0; i < f->count; i++) {
		put(out, i ? ",{\"object\":" : "{\"object\":", i ? 11 : 10);
		put_string(out, f->item[i].object);
		put(out, ",\"text\":", 8);
		put_string(out, f->item[i].text);
		put(out, "}", 1);
	}
	put(out, "]", 1);
}

static void put_counts(text_t *out, const unsigned *count)
{
	put(out, "{", 1);
	for(int k = 0; k < MED_KIND_COUNT; k++)
		putf(out, "%s\"%s\":%u", k ? "," : "", med_kind_name((enum med_kind)k), count[k]);
	put(out, "}", 1);
}

/** What is held back; null when nothing is. */
static void put_held(text_t *out, const med_held_t *held)
{
	if(!held->since) {
		put(out, "null", 4);
		return;
	}
	put(out, "{\"since\":", 9);
	put_time(out, held->since);
	put(out, ",\"text\":", 8);
	put_string(out, held->text);
	putf(out, ",\"total\":%u,\"objects\":", held->total);
	put_counts(out, held->count);
	put(out, ",\"some\":[", 9);
	for(unsigned i = 0; i < held->shown; i++) {
		put(out, ",", i > 0);
		put_string(out, held->object[i]);
	}
	put(out, "]}", 2);
}

/** Where it came from, how it is kept, who writes. */
static void put_source(text_t *out, const med_status_t *status)
{
	putf(out, ",\"source\":\"%s\",\"disk_at\":", med_status_source_name(status->source));
	put_time(out, status->disk_at);
	put(out, ",\"disk_text\":", 13);
	put_string(out, status->disk_text);
	putf(out, ",\"read_done\":%zu,\"read_known\":%zu,\"applying\":", status->read_done,
			status->read_known);
	put_string(out, status->applying);
	put(out, ",\"applying_since\":", 18);
	put_time(out, status->applying_since);
	put(out, ",\"unfit\":", 9);
	put_string(out, status->unfit);
	put(out, ",\"held\":", 8);
	put_held(out, &status->held);
}

char *med_status_json(const med_status_t *status, const char *node, size_t *len)
{
	text_t out = {0};

	put(&out, "{\"node\":", 8);
	put_string(&out, node);
	putf(&out, ",\"revision\":%llu,\"applied_at\":", status->revision);
	put_time(&out, status->applied_at);
	put(&out, ",\"written_at\":", 14);
	put_time(&out, (long long)time(NULL));
	putf(&out,
			",\"store\":\"%s\",\"store_since\":", med_status_store_name(status->store));
	put_time(&out, status->store_since);
	put(&out, ",\"store_text\":", 14);
	put_string(&out, status->store_text);
	put(&out, ",\"build_error\":", 15);
	put_string(&out, status->build_error);
	put_source(&out, status);
	putf(&out, ",\"names\":%u,\"names_troubled\":%u", status->names,
			status->names_troubled);
	putf(&out, ",\"draining\":\"%s\",\"calls_up\":%u", status->draining ? "yes" : "no",
			status->calls_up);
	putf(&out, ",\"limits_sharing\":\"%s\",\"limits_nodes\":%u",
			med_status_limits_name(status->limits_state), status->limits_nodes);
	putf(&out, ",\"trunks_down_elsewhere\":%u,\"prober\":", status->down_elsewhere);
	put_string(&out, status->prober);
	putf(&out, ",\"snapshots\":%u,\"objects\":", status->snapshots);
	put_counts(&out, status->objects);
	for(int i = MED_REFUSED; i <= MED_WARNED; i++)
		put_faults(
				&out, med_status_severity_name((enum med_severity)i), &status->faults[i]);
	put(&out, "}", 1);
	if(out.failed) {
		free(out.s);
		return NULL;
	}
	*len = out.len;
	return out.s;
}
