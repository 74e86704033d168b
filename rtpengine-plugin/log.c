/**
 * log.c - one line per event, to stderr or syslog
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>

static bool to_syslog;
static int lowest = LOG_INFO;

void med_log_open(bool use_syslog, int level)
{
	/* no openlog(): inside rtpengine its name and facility are right */
	to_syslog = use_syslog;
	lowest = level;
}

void med_log(int priority, const char *fmt, ...)
{
	static const char *const names[] = {"emergency", "alert", "critical", "error",
			"warning", "notice", "info", "debug"};
	char text[1024];
	char *p;
	va_list args;

	if(priority > lowest)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	/* peers' texts (Call-IDs) must not make lines of their own */
	for(p = text; *p; p++) {
		if((unsigned char)*p < ' ' || *p == 127)
			*p = '?';
	}
	if(to_syslog)
		syslog(priority, "med-policy: %s", text);
	else
		fprintf(stderr, "med-policy: %s: %s\n", names[priority & 7], text);
}
