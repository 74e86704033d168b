/**
 * log.h - one line per event, to stderr or syslog
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_LOG_H
#define MED_LOG_H

#include <stdbool.h>
#include <syslog.h>

/** @param level  lowest priority that is written: LOG_ERR ... LOG_DEBUG */
void med_log_open(bool use_syslog, int level);
void med_log(int priority, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
