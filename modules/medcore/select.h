/**
 * select.h - one decision: who sent this, what number is it, which trunks may take it
 *
 * The call path: no allocation, no lock, no I/O; everything by the acquired snapshot and
 * a scratch that belongs to the process. The same code, with a trace, is `explain`.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_SELECT_H
#define MEDCORE_SELECT_H

#include "medcore/config.h"

/** Match data and limits of PCRE2, private to a process. */
typedef struct med_scratch med_scratch_t;
med_scratch_t *med_scratch_new(const med_mem_t *own);
void med_scratch_free(med_scratch_t *scratch);

/** Told each step of a decision in words; NULL where nobody asks. */
typedef struct med_trace {
	void (*step)(void *ctx, const char *text);
	void *ctx;
} med_trace_t;

/** Where a request came from. */
typedef struct med_source {
	uint8_t transport; /**< enum med_transport */
	uint16_t local_port;
	med_ip_t address;
	/** Names of the *verified* client certificate; none unless it was verified. */
	const med_str_t *tls_names;
	size_t tls_name_count;
} med_source_t;

/**
 * The trunk a request came in on (spec 1.8): local port, and source address or TLS name.
 * A trunk declared TLS is matched by a verified name over TLS only, never by address.
 *
 * @return MED_EOK, MED_ENOMATCH (@p why: what was seen, and what would have matched)
 */
int med_identify(const med_snapshot_t *snapshot, const med_source_t *source,
		const med_trunk_t **trunk, med_errbuf_t *why);

/**
 * Does a name of a certificate stand for the wanted one? No case, a final dot is nothing;
 * @p wildcard: *.example.com may stand for gw1.example.com.
 */
bool med_name_is(med_str_t shown, med_str_t wanted, bool wildcard);

/** Where a packet goes, and from which port of ours. */
typedef struct med_destination {
	uint8_t transport; /**< enum med_transport */
	uint16_t local_port, remote_port;
	med_ip_t address;
} med_destination_t;

/**
 * The trunk whose leg a packet to this place belongs to, for the gate: by local port and
 * remote address. Of several that fit the strictest policy holds, and where no address
 * fits, the strictest of the port (nothing may leave in the clear because a peer moved
 * its Contact) and of the trunks whose gateways listen there (nor because it leaves by a
 * socket that is not theirs).
 *
 * @param trunk  one that asks for this policy
 * @return MED_EOK; MED_ENOMATCH: no trunk has this local port, nor a gateway there
 */
int med_leg_of_destination(const med_snapshot_t *snapshot, const med_destination_t *to,
		med_leg_policy_t *leg, const med_trunk_t **trunk);

/** A number in a buffer of its own. */
typedef struct med_number {
	char s[MED_NUMBER_MAX];
	size_t len;
} med_number_t;

/**
 * The user part of a sip: or tel: URI as a number: visual separators and parameters
 * (`;phone-context=`, `;ext=`) taken off. MED_EINVAL: not a number at all (letters),
 * MED_ELIMIT: longer than MED_NUMBER_MAX.
 */
int med_number_from_user(med_str_t user, med_number_t *number, med_errbuf_t *err);

#define MED_EXTENSION_MAX 16u

/** What stands beside a number, in its user part or as parameters of its URI. */
typedef struct med_extension {
	uint8_t len;
	char s[MED_EXTENSION_MAX]; /**< digits */
} med_extension_t;
typedef struct med_number_params {
	med_str_t context;         /**< of `;phone-context=`; empty: none */
	med_extension_t extension; /**< of `;ext=`; len 0: none, or none of digits */
} med_number_params_t;

/** Of a URI or its user part: the first of each. */
void med_number_params(med_str_t uri, med_number_params_t *params);

/**
 * Whose number it is, by its phone-context (spec 3.5): a number (+49) is put before it
 * (RFC 3966); a rule set's simple_name chooses that as dial plan; all else
 * (`enterprise`, `dialstring`, unknown ones) leaves @p plan. E.164 numbers stay.
 *
 * @return the dial plan
 */
med_str_t med_number_in_context(const med_snapshot_t *snapshot, med_str_t context,
		med_str_t plan, med_number_t *number);

/**
 * Dial plan: a number as dialled to E.164. `+...` is E.164 already and only stripped of
 * separators. The first rule that matches wins; none: MED_ENOMATCH, @p out is the input.
 *
 * @param rules  id of a rule set; empty: only `+` numbers pass
 */
int med_normalize(const med_snapshot_t *snapshot, med_scratch_t *scratch, med_str_t rules,
		const med_number_t *in, med_number_t *out, const med_trace_t *trace);

#define MED_PLAN_MAX 16 /**< candidates of one call; more are not tried */

typedef struct med_candidate {
	const med_trunk_t *trunk;
	const med_route_t *route;
	med_str_t usage;
	bool bypassed; /**< told by med_explain(): its media would go past us */
} med_candidate_t;

typedef struct med_plan {
	size_t count;
	med_candidate_t candidate[MED_PLAN_MAX];
} med_plan_t;

typedef struct med_query {
	const med_trunk_t *in;      /**< NULL: from one of our own users */
	med_str_t site;             /**< of that user; empty: not known */
	const med_policy_t *policy; /**< NULL: the usages of @p in's profile */
	bool forwarded; /**< by the policy's usages of forwarded calls (spec 3.6) */
	/**
	 * Whose number is called, by med_emergency(); NULL: no emergency. Its usages come
	 * first, then the caller's own, then all; neither schedules nor what keeps a trunk
	 * from the PSTN or within its site hold the call back.
	 */
	const med_location_policy_t *emergency;
	int64_t now; /**< seconds of 1970, for schedules; 0: it is asked for when needed */
	const med_number_t *called; /**< E.164 */
	uint32_t turn;              /**< rotates trunks of equal weight; any counter */
	/**
	 * Is the trunk worth trying now? NULL: all are. Suspect ones come after the others,
	 * those that are down last. @p first: it would be the first of the plan.
	 */
	enum med_health_rank (*rank)(void *ctx, const med_trunk_t *trunk, bool first);
	/**
	 * Do its limits take no more calls? They may when it is tried, so it comes with those
	 * that are down. NULL: no limits are looked at.
	 */
	bool (*full)(void *ctx, const med_trunk_t *trunk, bool emergency);
	void *ctx;
} med_query_t;

/**
 * Is this an emergency number, of the site or of all (spec 5.11)? By the number alone:
 * what anybody may write into a header (Priority: emergency) must not lift any guard.
 *
 * @param number  as dialled; becomes the number to send
 * @return whose number it is; NULL: it is none
 */
const med_location_policy_t *med_emergency(
		const med_snapshot_t *snapshot, med_str_t site, med_number_t *number);

/**
 * Candidates in the order to try them: usages in order, in each its matching routes by
 * priority, of each its trunks (spec 3.2). The same trunk appears once.
 *
 * @return MED_EOK (at least one), MED_ENOUSAGE, MED_ENOROUTE, MED_EALLDOWN, MED_EREFUSED
 *         (only back out of the trunk it came in on), MED_EFORBIDDEN (the PSTN guard or a
 *         location restriction; text names the field), MED_ELIMIT (a pattern ran into its
 * match limit; text names the object)
 */
int med_select(const med_snapshot_t *snapshot, med_scratch_t *scratch,
		const med_query_t *query, med_plan_t *plan, const med_trace_t *trace,
		med_errbuf_t *err);

/** The numbers as a candidate's trunk wants them (spec 3.4, steps 2 to 5). */
typedef struct med_numbers {
	med_number_t called, calling;
	bool calling_changed;
	bool called_changed;
} med_numbers_t;

/** @param calling  len 0: unknown or anonymous, left alone */
int med_translate(const med_snapshot_t *snapshot, med_scratch_t *scratch,
		const med_trunk_t *trunk, const med_route_t *route, const med_number_t *called,
		const med_number_t *calling, med_numbers_t *out, const med_trace_t *trace);

/** Does this final code (408 for a timer) send the call to the next candidate? */
bool med_fails_over(const med_profile_t *profile, unsigned code);

#endif
