/**
 * med_stats.c - the module's totals, group `mediation` of Kamailio's counters
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_stats.h"

#include "core/counters.h"
#include "core/dprint.h"

/* clang-format off */
static const struct {
	const char *name, *doc;
} stats[MED_STAT_COUNT] = {
	[MED_STAT_CALLS_IN] = {"calls_in",
		"Initial requests whose trunk was identified"},
	[MED_STAT_UNKNOWN_SOURCE] = {"unknown_source",
		"Requests that no trunk accounts for"},
	[MED_STAT_NUMBERS_INVALID] = {"numbers_invalid",
		"Calls without a number, or whose number no dial plan rule takes"},
	[MED_STAT_ROUTES_OK] = {"routes_ok",
		"Routing decisions with at least one trunk to try"},
	[MED_STAT_ROUTES_NONE] = {"routes_none",
		"Routing decisions without usage, route or trunk for the number"},
	[MED_STAT_LOOPS] = {"loops",
		"Calls refused because they would leave by the trunk they came in on"},
	[MED_STAT_GUARDED] = {"guarded",
		"Calls refused because a guard found too many of them"},
	[MED_STAT_LIMITED] = {"limited",
		"Calls refused, or sent on to the next trunk, because a trunk had too many"},
	[MED_STAT_TO_USERS] = {"to_users",
		"Calls to our own users"},
	[MED_STAT_FAILOVERS] = {"failovers",
		"Times a call went on to the next trunk after one failed"},
	[MED_STAT_SRTP_FALLBACKS] = {"srtp_fallbacks",
		"Calls offered to a trunk once more, without the SRTP that it refused"},
	[MED_STAT_EXHAUSTED] = {"exhausted",
		"Calls whose every trunk failed"},
	[MED_STAT_MEDIA_REFUSED] = {"media_refused",
		"Offers refused by the media policy of a leg"},
	[MED_STAT_ANSWERS_REFUSED] = {"answers_refused",
		"Answers refused by the media policy of a leg"},
	[MED_STAT_LISTENER_ABSENT] = {"listener_absent",
		"Calls refused because rtpengine, or the policy listener in front of it, did not serve"},
	[MED_STAT_GATE_BLOCKED] = {"gate_blocked",
		"Messages not sent because their SDP breaks the policy of the leg"},
	[MED_STAT_TRUNK_DOWNS] = {"trunk_downs",
		"Times a trunk went down"},
	[MED_STAT_PROBES] = {"probes",
		"OPTIONS sent to trunks"},
	[MED_STAT_PROBES_MISSED] = {"probes_missed",
		"OPTIONS that a trunk did not answer, or with a code that counts as none"},
	[MED_STAT_CHANGES_APPLIED] = {"changes_applied",
		"Changes of the configuration that came into force"},
	[MED_STAT_CHANGES_FAILED] = {"changes_failed",
		"Changes of the configuration that could not be built"},
	[MED_STAT_OBJECTS_REFUSED] = {"objects_refused",
		"Objects in Redis refused, counted once for each reason"},
	[MED_STAT_STORE_LOSSES] = {"store_losses",
		"Times the connection to Redis was lost"},
	[MED_STAT_EVENTS_LOST] = {"events_lost",
		"Events that Redis did not take in time, and never got"},
};
/* clang-format on */

static counter_handle_t handles[MED_STAT_COUNT];

int med_stats_register(void)
{
	for(int i = 0; i < MED_STAT_COUNT; i++) {
		if(counter_register(&handles[i], "mediation", stats[i].name, 0, NULL, NULL,
				   stats[i].doc, 0)
				< 0) {
			LM_ERR("cannot register the counter mediation.%s\n", stats[i].name);
			return -1;
		}
	}
	return 0;
}

void med_stats_inc(enum med_stat which)
{
	counter_inc(handles[which]);
}

void med_stats_add(enum med_stat which, unsigned many)
{
	counter_add(handles[which], (int)many);
}

long med_stats_get(enum med_stat which)
{
	return counter_get_val(handles[which]);
}

const char *med_stats_name(enum med_stat which)
{
	return stats[which].name;
}

const char *med_stats_doc(enum med_stat which)
{
	return stats[which].doc;
}
