/**
 * med_sync_keep.c - the last known good: kept at each commit, in force at the start
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_sync_priv.h"

#include "med_compat.h"
#include "med_events.h"
#include "med_params.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static void on_trouble(void *ctx, const char *text)
{
	(void)ctx;
	if(text) {
		LM_WARN("last known good configuration: %s\n", text);
		med_event("disk_failed", "%s", text);
	} else {
		LM_NOTICE("the last known good configuration can be written again\n");
		med_event("disk_mended", "%s", med_param_last_known_good);
	}
	snprintf(med_sync.status.disk_text, sizeof med_sync.status.disk_text, "%s",
			text ? text : "");
	med_sync_publish_status();
}

static void on_note(void *ctx, const char *text)
{
	(void)ctx;
	LM_NOTICE("last known good configuration: %s\n", text);
}

const med_keep_handler_t med_sync_keep_handler = {
		.trouble = on_trouble, .note = on_note, .pause = med_sync_duties};

/** What is in force is the configuration as of now. */
void med_sync_keep_commit(void)
{
	med_sync.mark.at = (int64_t)time(NULL);
	med_sync.mark.held = med_sync.status.held.since != 0;
	memcpy(med_sync.mark.applied, med_sync.applied, sizeof med_sync.mark.applied);
	snprintf(med_sync.mark.source, sizeof med_sync.mark.source, "%s", med_sync.source);
	if(!med_sync.keep)
		return;
	med_keep_commit(med_sync.keep, &med_sync.mark, med_sync.unkept);
	med_sync.unkept = false;
	if(!med_sync.status.disk_text[0])
		med_sync.status.disk_at = med_sync.mark.at;
}

/** Which Redis it is, without telling its password. */
void med_sync_name_source(void)
{
	uint64_t hash = med_hash(med_param_redis_url, strlen(med_param_redis_url)) * 31
			+ med_hash(med_param_redis_prefix, strlen(med_param_redis_prefix));

	snprintf(
			med_sync.source, sizeof med_sync.source, "%016llx", (unsigned long long)hash);
}

/** What is on disk is in force before Redis is asked. */
void med_sync_start_from_disk(void)
{
	int rc = med_keep_load(med_sync.keep, &med_sync.mark);

	if(rc == MED_ENOMEM) {
		LM_ERR("too little memory for the last known good configuration\n");
		med_config_mark(med_sync.config);
		(void)med_config_sweep(med_sync.config);
	}
	if(rc != MED_EOK)
		return;
	memcpy(med_sync.applied, med_sync.mark.applied, sizeof med_sync.applied);
	med_sync.applied_here = strcmp(med_sync.mark.source, med_sync.source) == 0;
	med_sync.unbuilt = !med_sync_build(true);
	med_sync.status.disk_at = med_sync.mark.at;
	/* what another Redis lacked says nothing about this one */
	if(med_sync.mark.held && med_sync.applied_here) {
		med_sync.status.held.since = med_sync.mark.at;
		snprintf(med_sync.status.held.text, sizeof med_sync.status.held.text,
				"a shrink was held back before the restart");
	}
	if(med_sync.unbuilt)
		return;
	med_sync.status.source = MED_ORIGIN_DISK;
	med_sync.status.snapshots = 1;
	med_sync_collect(true);
	LM_NOTICE("revision %llu in force, the last known good of %lld s ago: %u trunks, %u "
			  "gateways, %u routes\n",
			med_sync.status.revision, (long long)time(NULL) - (long long)med_sync.mark.at,
			med_sync.status.objects[MED_KIND_TRUNK],
			med_sync.status.objects[MED_KIND_GATEWAY],
			med_sync.status.objects[MED_KIND_ROUTE]);
	med_event("started_from_disk", "as of %lld s ago",
			(long long)time(NULL) - (long long)med_sync.mark.at);
}
