/**
 * med_sync_build.c - what was told becomes the snapshot in force, or says why it cannot
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_sync_priv.h"

#include "med_compat.h"
#include "med_events.h"
#include "med_refusals.h"
#include "med_shm.h"
#include "med_stats.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define MEASURE_REST 10 /* times what measuring took is the pause before the next */
/* What is refused is collected a moment after a change, not at every one of a burst, and
 * in turns with all else: it may be much. The status tells a revision together with its
 * refusals.
 */
#define COLLECT_MS 20
#define COLLECT_AGAIN_MS 250
#define COLLECT_TURN_MS 1
#define COLLECT_REST 5 /* times what it took is the pause before the next */

/** Why a change is not in force, and what would help. */
static void tell_unbuilt(const char *why)
{
	if(med_sync.unbuilt && strcmp(med_sync.status.build_error, why) == 0)
		return;
	LM_ERR("%s; revision %llu stays in force\n", why, med_sync.revision);
	med_event("change_refused", "%s", why);
	snprintf(med_sync.status.build_error, sizeof med_sync.status.build_error, "%s", why);
}

/**
 * How much shared memory would do is learned by building it all elsewhere; what objects
 * lacked that could not even be taken in is a guess.
 */
static void tell_short(size_t guess)
{
	int64_t start = med_sync_clock_ms();
	char text[256];

	if(!med_sync.unmeasured || (med_sync.unbuilt && start < med_sync.measure_at))
		return;
	med_sync.unmeasured = false;
	med_shm_measure();
	if(med_config_rehearse(med_sync.config, &med_mem_measure) != MED_EOK) {
		tell_unbuilt("out of memory, and there is none to learn how much would do");
		return;
	}
	snprintf(text, sizeof text,
			"shared memory is too small for the change, which is refused as a whole: %lu "
			"MB are there; start Kamailio with -m %lu",
			med_shm_size(), med_shm_enough(guess * 2));
	tell_unbuilt(text);
	med_sync.measure_at =
			med_sync_clock_ms() + MEASURE_REST * (med_sync_clock_ms() - start);
}

/**
 * Builds what was told, and publishes it. false: the one before stays in force.
 * @param anew  something was told since the last time
 */
bool med_sync_build(bool anew)
{
	const med_snapshot_t *snapshot = NULL;
	med_errbuf_t err = {""};
	size_t missed;
	int rc = med_sync.lost ? MED_ENOMEM
						   : med_config_build(med_sync.config, &snapshot, &err);

	if(rc == MED_EOK) {
		med_sync_permits_set(snapshot);
		rc = med_shm_publish(snapshot);
		if(rc == MED_EOK) {
			for(int k = 0; k < MED_KIND_COUNT; k++)
				med_sync.status.objects[k] =
						(unsigned)med_snapshot_count(snapshot, (enum med_kind)k);
			med_sync.revision = med_snapshot_revision(snapshot);
			med_sync.status.applied_at = (long long)time(NULL);
			med_sync.status.build_error[0] = '\0';
			med_sync.names_due = 0;
			return true;
		}
		med_config_release(med_sync.config, snapshot);
	}
	missed = med_sync.missed + med_shm_missed();
	if(rc == MED_ENOMEM && missed) {
		med_sync.unmeasured |= anew || !med_sync.unbuilt;
		tell_short(med_sync.missed);
	} else {
		tell_unbuilt(err.text[0] ? err.text : med_strerror(rc));
	}
	return false;
}

/**
 * Tells everyone what is in force and what is refused, once it is all collected.
 * @param whole  true: now, however long it takes
 */
void med_sync_collect(bool whole)
{
	int64_t start = med_sync_clock_ms();
	bool again = !med_sync.collecting;

	if(again) {
		med_sync.collect_due = med_sync.collect_spent = 0;
		med_sync.collect_revision = med_sync.revision;
	}
	do {
		med_sync.collecting =
				med_refusals_collect(med_sync.config, again, &med_sync.status);
		again = false;
		med_sync_duties(NULL);
	} while(med_sync.collecting
			&& (whole || med_sync_clock_ms() - start < COLLECT_TURN_MS));
	med_sync.collect_spent += med_sync_clock_ms() - start;
	if(med_sync.collecting)
		return;
	med_sync.collect_next = med_sync_clock_ms() + COLLECT_AGAIN_MS
			+ med_sync.collect_spent * COLLECT_REST;
	med_sync.status.revision = med_sync.collect_revision;
	med_sync.status_dirty = true;
	med_status_publish(&med_sync.status);
}

void med_sync_collect_soon(void)
{
	if(med_sync.collect_due)
		return;
	med_sync.collect_due = med_sync_clock_ms() + COLLECT_MS;
	if(med_sync.collect_due < med_sync.collect_next)
		med_sync.collect_due = med_sync.collect_next;
}

void med_sync_apply_names(void)
{
	med_sync.unbuilt = !med_sync_build(true);
	if(med_sync.unbuilt)
		med_sync.build_again = med_sync_clock_ms() + BUILD_AGAIN_MS;
	med_sync.status.snapshots = med_shm_reap(med_sync.config);
	med_sync_collect_soon();
}

void med_sync_apply(bool anew)
{
	bool built = med_sync_build(anew);
	int64_t now = med_sync_clock_ms();

	med_stats_inc(built ? MED_STAT_CHANGES_APPLIED : MED_STAT_CHANGES_FAILED);
	if(built && med_sync.unbuilt)
		LM_NOTICE("the change that could not be built is in force\n");
	med_sync.unbuilt = !built;
	med_sync.build_again =
			now + (med_sync.lost ? med_sync.read_again_ms : BUILD_AGAIN_MS);
	med_sync.status.snapshots = med_shm_reap(med_sync.config);
	if(built)
		med_sync_keep_commit();
	med_sync_collect_soon();
}
