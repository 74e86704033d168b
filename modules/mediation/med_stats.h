/**
 * med_stats.h - the module's totals, group `mediation` of Kamailio's counters
 *
 * Read with `kamctl stats mediation:` or RPC `stats.get_statistics mediation:`.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_STATS_H
#define MED_STATS_H

/** What is counted; names and descriptions are in med_stats.c, in this order. */
enum med_stat {
	MED_STAT_CALLS_IN,        /**< initial requests that were identified */
	MED_STAT_UNKNOWN_SOURCE,  /**< requests from nobody we know */
	MED_STAT_NUMBERS_INVALID, /**< no number, or no dial plan rule takes it */
	MED_STAT_ROUTES_OK,       /**< a decision that found at least one candidate */
	MED_STAT_ROUTES_NONE,     /**< no usage, no route or no trunk for the number */
	MED_STAT_LOOPS,
	MED_STAT_GUARDED,         /**< refused: back out of the trunk it came in on */
	MED_STAT_LIMITED,         /**< calls that a trunk's limits did not take */
	MED_STAT_TO_USERS,        /**< calls handed to own users */
	MED_STAT_FAILOVERS,       /**< next candidate tried after a failed one */
	MED_STAT_SRTP_FALLBACKS,  /**< offered once more, without SRTP */
	MED_STAT_EXHAUSTED,       /**< calls whose every candidate failed */
	MED_STAT_MEDIA_REFUSED,   /**< offers refused by a leg's media policy */
	MED_STAT_ANSWERS_REFUSED, /**< answers refused by a leg's media policy */
	MED_STAT_LISTENER_ABSENT, /**< refused: no policy listener before rtpengine */
	MED_STAT_GATE_BLOCKED,    /**< messages the last gate kept from leaving */
	MED_STAT_TRUNK_DOWNS,     /**< times a trunk went down */
	MED_STAT_PROBES,          /**< OPTIONS sent */
	MED_STAT_PROBES_MISSED,   /**< those that were not answered, or with a no */
	MED_STAT_CHANGES_APPLIED, /**< commits of the store that were published */
	MED_STAT_CHANGES_FAILED,  /**< commits that could not be built (memory) */
	MED_STAT_OBJECTS_REFUSED, /**< refusals of an object, each text once */
	MED_STAT_STORE_LOSSES,    /**< times the connection to Redis was lost */
	MED_STAT_EVENTS_LOST,     /**< events that Redis never got */
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
