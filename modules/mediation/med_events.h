/**
 * med_events.h - what happened to this node's configuration, as a stream in Redis
 *
 * Entries of `<status_prefix>events`: node, at, event, text. Redis process only.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_EVENTS_H
#define MED_EVENTS_H

#include "medcore/store.h"

/** Kept until Redis takes it; of many that wait the oldest are lost. */
void med_event(const char *event, const char *fmt, ...)
		__attribute__((format(printf, 2, 3)));
/** Hands over what waits. @p node names this node. */
void med_events_flush(med_store_t *store, const char *prefix, const char *node);
/** So many could not be kept: counted, and told once Redis takes events again. */
void med_events_lost(unsigned many);
bool med_events_full(void);
bool med_events_wait(void);

#endif
