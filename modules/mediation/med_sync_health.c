/**
 * med_sync_health.c - trunks that are down, as nodes tell each other through Redis
 *
 * Each node keeps the ids of those that it holds down itself in one field of a hash,
 * until a moment of the server's clock, and reads what the others have there. That is a
 * hint: see med_health_hint(). Nobody's state changes by it, so nothing that one node
 * sees wrongly goes round, and without Redis each node is where it was.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_sync_priv.h"

#include "med_compat.h"
#include "med_health.h"
#include "med_params.h"
#include "med_shm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 250     /* how often our own trunks are looked at */
#define BEAT_MS 1000    /* how often the others are asked, though nothing changed here */
#define REFUSED_MS 5000 /* the same, where Redis would not: a person must mend it */
#define TOLD_MAX 256u   /* trunks; where more are down it is us who have a problem */

static const char script[] =
		"local time = redis.call('TIME')\n"
		"local now = time[1] * 1000 + math.floor(time[2] / 1000)\n"
		"if ARGV[3] == '' then redis.call('HDEL', KEYS[1], ARGV[1])\n"
		"else\n"
		" redis.call('HSET', KEYS[1], ARGV[1],\n"
		"  string.format('%.0f ', now + ARGV[2]) .. ARGV[3])\n"
		" redis.call('PEXPIRE', KEYS[1], 3600000)\n"
		"end\n"
		"local all, others = redis.call('HGETALL', KEYS[1]), {}\n"
		"for i = 1, #all, 2 do\n"
		" local till, ids = string.match(all[i + 1], '^(%d+) (.*)$')\n"
		" if not till or tonumber(till) <= now then\n"
		"  redis.call('HDEL', KEYS[1], all[i])\n"
		" elseif all[i] ~= ARGV[1] then others[#others + 1] = ids\n"
		" end\n"
		"end\n"
		"return others\n";

static struct {
	char ttl[16];
	char told[TOLD_MAX * (MED_ID_MAX + 1) + 1]; /**< as Redis was told last */
	char down[TOLD_MAX * (MED_ID_MAX + 1) + 1]; /**< as it is now */
	size_t down_len;
	uint8_t *nodes;   /**< that hold a trunk down, by its number */
	uint32_t numbers; /**< there are */
	bool hinted;      /**< of any trunk */
	int64_t look_ms, ask_ms, valid_ms;
	bool out, refused;
} own;

int med_sync_health_open(void)
{
	if(med_param_health_share_ttl == 0)
		return 0;
	snprintf(own.ttl, sizeof own.ttl, "%d000", med_param_health_share_ttl);
	own.numbers = med_shm_trunk_states();
	own.nodes = calloc(own.numbers, sizeof *own.nodes);
	if(own.nodes == NULL) {
		LM_ERR("out of memory\n");
		return -1;
	}
	return 0;
}

/* ---- what the others say --------------------------------------------------------------
 */

/** The numbers of those that one node names. */
static void count_node(const med_snapshot_t *snapshot, med_str_t ids)
{
	const char *at = ids.s, *end = ids.s + ids.len;

	while(at < end) {
		const char *space = memchr(at, ' ', (size_t)(end - at));
		const char *stop = space != NULL ? space : end;
		const med_trunk_t *trunk =
				med_snapshot_trunk(snapshot, (med_str_t){at, (size_t)(stop - at)});

		if(trunk != NULL && trunk->number < own.numbers
				&& own.nodes[trunk->number] < UINT8_MAX)
			own.nodes[trunk->number]++;
		at = stop + 1;
	}
}

/** Every trunk's hint is what was counted; the log has a line of it, not one each. */
static void take_hints(const med_snapshot_t *snapshot)
{
	unsigned count = 0, news = 0;
	const med_trunk_t *trunk;
	med_str_t first = {0};
	uint32_t at = 0;

	while((trunk = med_snapshot_next_trunk(snapshot, &at)) != NULL) {
		med_trunk_state_t *state = med_shm_trunk_state(trunk->number);
		unsigned nodes = state != NULL ? own.nodes[trunk->number] : 0;

		count += nodes > 0;
		if(state == NULL
				|| !med_health_hint(&state->health, (uint8_t)nodes, med_sync_clock_ms())
				|| nodes == 0)
			continue;
		if(news++ == 0)
			first = trunk->id;
	}
	if(news > 0)
		LM_NOTICE("trunk '%.*s'%s down as another node sees it, and up as this one does: "
				  "asked now, and tried after others until it answers\n",
				MED_STR_FMT(first), news > 1 ? " and others are" : " is");
	own.hinted = count > 0;
	med_health_hinted(count);
	if(count != med_sync.status.down_elsewhere) {
		med_sync.status.down_elsewhere = count;
		med_sync_publish_status();
	}
}

static void hear(const med_str_t *ids, size_t count)
{
	MED_SNAPSHOT(snapshot);

	if(snapshot == NULL || (count == 0 && !own.hinted))
		return;
	memset(own.nodes, 0, own.numbers * sizeof *own.nodes);
	for(size_t i = 0; i < count; i++)
		count_node(snapshot, ids[i]);
	take_hints(snapshot);
}

static void answered(
		void *ctx, const med_str_t *text, size_t count, const char *error, bool refused)
{
	int64_t now = med_sync_clock_ms();

	(void)ctx;
	own.out = false;
	if(error == NULL) {
		own.valid_ms = now + (int64_t)med_param_health_share_ttl * 1000;
		own.refused = false;
		hear(text, count);
		return;
	}
	own.told[0] = '\0';
	if(!refused)
		return;
	if(!own.refused)
		LM_ERR("trunks that are down cannot be told to other nodes: Redis says: %s\n",
				error);
	own.refused = true;
	own.ask_ms = now + REFUSED_MS;
}

/* ---- what this node says --------------------------------------------------------------
 */

/** What a person forced is no evidence. */
static void look(int64_t now_ms)
{
	const med_trunk_t *trunk;
	unsigned count = 0;
	uint32_t at = 0;

	own.down_len = 0;
	own.down[0] = '\0';
	if(med_health_count() == 0)
		return;
	MED_SNAPSHOT(snapshot);
	while(snapshot != NULL && count < TOLD_MAX
			&& (trunk = med_snapshot_next_trunk(snapshot, &at)) != NULL) {
		const med_trunk_state_t *state = med_shm_trunk_state(trunk->number);

		if(state == NULL || state->health.forced != 0
				|| med_health_state(&state->health, now_ms) < MED_HEALTH_DOWN)
			continue;
		own.down_len +=
				(size_t)snprintf(own.down + own.down_len, sizeof own.down - own.down_len,
						"%s%.*s", count++ > 0 ? " " : "", MED_STR_FMT(trunk->id));
	}
}

static void ask(int64_t now_ms)
{
	const med_str_t word[] = {
			med_str(med_sync_node()), med_str(own.ttl), {own.down, own.down_len}};
	char key[256];

	own.ask_ms = now_ms + BEAT_MS;
	snprintf(key, sizeof key, "%shealth", med_param_status_prefix);
	if(med_store_script(med_sync.store, MED_STORE_HINTS, script, key, word,
			   sizeof word / sizeof *word, answered, NULL)
			!= MED_EOK)
		return;
	own.out = true;
	memcpy(own.told, own.down, own.down_len + 1);
}

void med_sync_health_run(int64_t now_ms)
{
	if(own.nodes == NULL || now_ms < own.look_ms)
		return;
	own.look_ms = now_ms + LOOK_MS;
	if(now_ms >= own.valid_ms)
		hear(NULL, 0);
	look(now_ms);
	if(!own.out
			&& (now_ms >= own.ask_ms
					|| (!own.refused && strcmp(own.told, own.down) != 0)))
		ask(now_ms);
}

int64_t med_sync_health_due(void)
{
	return own.nodes != NULL ? own.look_ms : INT64_MAX;
}
