/**
 * med_stats.h - the module's totals, group `mediation` of Kamailio's counters
 *
 * Read with `kamctl stats mediation:` or RPC `stats.get_statistics mediation:`.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_STATS_H
#define MED_STATS_H

/** What is counted: med_stats.c says what each of them is. */
enum med_stat {
	MED_STAT_CALLS_IN,
	MED_STAT_UNKNOWN_SOURCE,
	MED_STAT_NUMBERS_INVALID,
	MED_STAT_ROUTES_OK,
	MED_STAT_ROUTES_NONE,
	MED_STAT_LOOPS,
	MED_STAT_GUARDED,
	MED_STAT_LIMITED,
	MED_STAT_TO_USERS,
	MED_STAT_FAILOVERS,
	MED_STAT_SRTP_FALLBACKS,
	MED_STAT_EXHAUSTED,
	MED_STAT_MEDIA_REFUSED,
	MED_STAT_ANSWERS_REFUSED,
	MED_STAT_LISTENER_ABSENT,
	MED_STAT_GATE_BLOCKED,
	MED_STAT_TRUNK_DOWNS,
	MED_STAT_PROBES,
	MED_STAT_PROBES_MISSED,
	MED_STAT_CHANGES_APPLIED,
	MED_STAT_CHANGES_FAILED,
	MED_STAT_OBJECTS_REFUSED,
	MED_STAT_STORE_LOSSES,
	MED_STAT_EVENTS_LOST,
	MED_STAT_COUNT
};

/** In mod_init, before the fork. 0, or -1 (logged). */
int med_stats_register(void);

/** From any process; no lock (each process has its own row). */
void med_stats_inc(enum med_stat which);
void med_stats_add(enum med_stat which, unsigned many);
/** As counters have it. */
const char *med_stats_name(enum med_stat which);
const char *med_stats_doc(enum med_stat which);
/** Sum over all processes. */
long med_stats_get(enum med_stat which);

#endif
