/**
 * store_read.c - what is asked of Redis when, and when it is published
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

/*
 * Three connections: `track` is subscribed to the invalidation channel, `data` reads,
 * `write` writes this node's status. What happens, in order:
 *
 *   FIND   the sentinels are asked for the master
 *   TRACK  log in, CLIENT ID, SUBSCRIBE           on track
 *   DATA   log in, SELECT, CLIENT TRACKING        on data, redirected to track; with
 *          Sentinel, ROLE before that: never a replica, whatever the sentinels said
 *   SCAN   marks, SCAN, HGETALL of what it names  the full read
 *   READ   HGETALL of the keys named by notices
 *   FENCE  PING on track after the last value     notices up to its answer are known
 *   LIVE   nothing to read
 *
 * Why the fence: a value may reach us before the notice that names it, as the two come by
 * different sockets. Say a transaction writes A and B, we read A because of an older
 * notice, and publish: half of the transaction would be in force. Once track has answered
 * a PING sent after the values came, every notice of a write that those values contain
 * has arrived. If one of them names a key read since the last commit, its whole message
 * is read too before anything is published (all keys of one EXEC come in one message).
 *
 * While key `applying` is there, what notices name is collected and not read; phase LIVE.
 */
#include "medcore/store_priv.h"

#include <stdio.h>
#include <string.h>

#define SCAN_COUNT "1000"
/* The sentinels are asked so often whether it is still the master. */
#define FIND_MS 3000
#define WINDOW 4000 /* HGETALLs under way at once */

/* ---- sending ---- */

int med_store_ask(med_store_t *store, med_conn_t *conn, enum tag tag, med_str_t key,
		size_t argc, const med_str_t *argv)
{
	if(med_conn_send(conn, (int)tag, key, argc, argv) == 0)
		return 0;
	med_store_lose(store, "%s", conn->error);
	return -1;
}

int med_store_ask_value(med_store_t *store, med_str_t key)
{
	med_str_t argv[2] = {MED_STR("HGETALL"), key};

	if(store->fat.count && med_store_keys_has(&store->fat, key)) {
		med_store_tell_fat(store, key);
		return 0;
	}
	if(med_store_is_mark(store, key)) {
		if(med_store_ask_mark(store, TAG_MARK, key))
			return -1;
	} else if(med_store_ask(store, &store->data, TAG_GET, key, 2, argv)) {
		return -1;
	}
	store->gets++;
	return 0;
}

static void ask_scan(med_store_t *store)
{
	store->scanning = true;
	ASK(store, &store->data, TAG_SCAN, MED_STR("SCAN"), med_str(store->cursor),
			MED_STR("MATCH"), med_str(store->match), MED_STR("COUNT"),
			MED_STR(SCAN_COUNT));
}

/* ---- phases ---- */

static void start_track(med_store_t *store)
{
	store->phase = PH_TRACK;
	if(med_conn_open(&store->track, &store->url, store->now)
			|| med_conn_login(&store->track, &store->url, false, TAG_AUTH, TAG_SELECT)) {
		med_store_lose(store, "%s", store->track.error);
		return;
	}
	if(ASK(store, &store->track, TAG_NAME, MED_STR("CLIENT"), MED_STR("SETNAME"),
			   MED_STR("mediation-track"))
			|| ASK(store, &store->track, TAG_ID, MED_STR("CLIENT"), MED_STR("ID")))
		return;
	ASK(store, &store->track, TAG_SUBSCRIBE, MED_STR("SUBSCRIBE"),
			MED_STR(MED_STORE_CHANNEL));
}

void med_store_start_connect(med_store_t *store)
{
	if(!store->url.sentinels) {
		if(!store->url.is_unix && !store->moved)
			med_store_url_go_to(&store->url, &store->home);
		store->moved = false; /* for one attempt: that node, too, may be gone */
		start_track(store);
		return;
	}
	store->phase = PH_FIND;
	med_store_url_go_to(&store->url, NULL);
	med_sentinel_stop(&store->sentinel); /* what it asks now may be of yesterday */
	if(med_sentinel_ask(&store->sentinel, &store->url, store->now))
		med_store_lose(store, "%s", store->sentinel.why);
}

/** Another one than we are connected to, and by a newer vote? */
static bool moved(const med_store_t *store, const med_sentinel_found_t *found)
{
	return found->epoch >= store->epoch
			&& (strcmp(found->master.host, store->url.at.host) != 0
					|| strcmp(found->master.port, store->url.at.port) != 0);
}

void med_store_find(med_store_t *store)
{
	med_sentinel_found_t found;
	int rc;

	if(store->phase == PH_LIVE && store->now >= store->next_find) {
		store->next_find = store->now + FIND_MS;
		(void)med_sentinel_ask(&store->sentinel, &store->url, store->now);
	}
	if(!store->sentinel.url)
		return;
	rc = med_sentinel_run(&store->sentinel, store->now, &found);
	if(store->phase == PH_FIND && rc < 0) {
		med_store_lose(store, "%s", store->sentinel.why);
	} else if(store->phase == PH_FIND && rc > 0) {
		store->epoch = found.epoch;
		store->next_find = store->now + FIND_MS;
		med_store_url_go_to(&store->url, &found.master);
		start_track(store);
	} else if(rc > 0 && moved(store, &found)) {
		med_store_lose(store, "Sentinel says that %.60s:%s is the master now",
				found.master.host, found.master.port);
	}
}

void med_store_start_data(med_store_t *store)
{
	char id[24];

	store->phase = PH_DATA;
	store->next_info = store->now;
	snprintf(id, sizeof id, "%lld", store->track_id);
	if(med_conn_open(&store->data, &store->url, store->now)
			|| med_conn_login(&store->data, &store->url, true, TAG_AUTH, TAG_SELECT)) {
		med_store_lose(store, "%s", store->data.error);
		return;
	}
	if(ASK(store, &store->data, TAG_NAME, MED_STR("CLIENT"), MED_STR("SETNAME"),
			   MED_STR("mediation-data")))
		return;
	store->next_role = store->now + ROLE_MS;
	if(store->url.sentinels && ASK(store, &store->data, TAG_ROLE, MED_STR("ROLE")))
		return;
	ASK(store, &store->data, TAG_TRACKING, MED_STR("CLIENT"), MED_STR("TRACKING"),
			MED_STR("ON"), MED_STR("REDIRECT"), med_str(id), MED_STR("BCAST"),
			MED_STR("PREFIX"), med_str(store->prefix));
}

void med_store_start_full(med_store_t *store)
{
	med_store_keys_clear(&store->changed);
	med_store_keys_clear(&store->round);
	med_store_keys_clear(&store->told);
	med_store_keys_clear(&store->gone);
	store->again = false;
	store->full = true;
	store->conflict = false;
	store->phase = PH_SCAN;
	store->done = store->known = 0;
	store->handler.begin(store->handler.ctx);
	snprintf(store->cursor, sizeof store->cursor, "0");
	if(med_store_ask_marks(store) == 0
			&& ASK(store, &store->data, TAG_DBSIZE, MED_STR("DBSIZE")) == 0)
		ask_scan(store);
}

static void start_fence(med_store_t *store)
{
	store->phase = PH_FENCE;
	ASK(store, &store->track, TAG_FENCE, MED_STR("PING"), MED_STR("fence"));
}

void med_store_start_round(med_store_t *store)
{
	med_store_keys_t empty = store->round;

	store->phase = PH_READ;
	store->conflict = store->mark_changed = false;
	store->round = store->changed;
	med_store_keys_clear(&empty);
	store->changed = empty;
	store->unread = 0;
	for(size_t i = 0; i < store->round.count && !store->full; i++) {
		if(med_store_keys_add(&store->told, med_store_keys_at(&store->round, i))) {
			med_store_lose(store, "out of memory");
			return;
		}
	}
	med_store_read_more(store);
}

void med_store_retry_fat(med_store_t *store)
{
	med_store_keys_t left = {0};
	bool failed = false;

	for(size_t i = 0; i < store->fat.count && !failed; i++) {
		med_str_t key = med_store_keys_at(&store->fat, i);
		bool retry = med_store_keys_has(&store->fat_changed, key);
		failed = med_store_keys_add(retry ? &store->changed : &left, key) != MED_EOK;
	}
	med_store_keys_free(&store->fat);
	med_store_keys_clear(&store->fat_changed);
	store->fat = left;
	if(failed)
		med_store_lose(store, "out of memory");
	else
		med_store_start_round(store);
}

bool med_store_wants_full(const med_store_t *store)
{
	return store->again && !store->held;
}

static void ask_applying(med_store_t *store)
{
	char key[300];
	int len = snprintf(key, sizeof key, "%sapplying", store->prefix);

	store->mark_changed = false;
	med_store_ask_mark(store, TAG_MARK_ALONE, (med_str_t){key, (size_t)len});
}

void med_store_go_on(med_store_t *store)
{
	if(med_store_wants_full(store))
		med_store_start_full(store);
	else if(store->held && store->mark_changed)
		ask_applying(store);
	else if(!store->held && store->changed.count)
		med_store_start_round(store);
}

/** All that was asked for has been told. */
static void round_done(med_store_t *store)
{
	if(med_store_wants_full(store)) {
		med_store_start_full(store);
	} else if(store->held) {
		store->phase = PH_LIVE;
		if(store->full)
			med_store_tell_held(store);
		med_store_go_on(store);
	} else if(store->conflict) {
		med_store_start_round(store);
	} else {
		start_fence(store);
	}
}

void med_store_read_more(med_store_t *store)
{
	while(store->unread < store->round.count && store->gets < WINDOW && !store->again) {
		if(med_store_ask_value(store, med_store_keys_at(&store->round, store->unread++)))
			return;
	}
	if(store->gets == 0)
		round_done(store);
}

void med_store_scan_more(med_store_t *store)
{
	bool end = store->again || strcmp(store->cursor, "0") == 0;

	if(store->scanning)
		return;
	if(!end && store->gets < WINDOW / 2)
		ask_scan(store);
	else if(end && store->gets == 0)
		round_done(store);
}

static void commit(med_store_t *store)
{
	char text[256];
	bool full = store->full;

	store->full = false;
	if(!store->fat.count)
		store->fat_wait = 0;
	med_store_keys_clear(&store->told);
	med_store_tell_gone(store);
	store->handler.commit(store->handler.ctx, full, med_store_applied(store));
	if(store->phase != PH_LIVE)
		store->live_ms = store->now;
	store->phase = PH_LIVE;
	snprintf(text, sizeof text, "%.200s: all read, following changes", store->url.shown);
	med_store_tell(store, MED_STORE_LIVE, text);
}

void med_store_fence_passed(med_store_t *store)
{
	if(store->again || store->held || store->conflict) {
		round_done(store);
		return;
	}
	commit(store);
	med_store_go_on(store);
}
