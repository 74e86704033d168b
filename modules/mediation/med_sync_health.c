/**
 * med_sync_health.c - how trunks are, as nodes tell each other through Redis
 *
 * Each node keeps the ids of those that it holds down itself in one field of a hash,
 * until a moment of the server's clock, and reads what the others have there. That is a
 * hint: see med_health_hint(). Nobody's state changes by it, so nothing that one node
 * sees wrongly goes round, and without Redis each node is where it was.
 *
 * One node of each site holds a lease in a second hash, and tells there, once a second,
 * which trunks have answered its OPTIONS since: a turn. The last eight stay, so that a
 * node that comes late misses none. The others need not ask: see med_health_vouch(). What
 * is not told, for whatever reason, they ask themselves.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_sync_priv.h"

#include "med_compat.h"
#include "med_drain.h"
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
#define TURN_MAX 65536u /* bytes; what is beyond is asked for by each node itself */
#define PLACE 9u        /* ":" and eight hex digits, of where a trunk was asked */

static const char script[] =
		"local time = redis.call('TIME')\n"
		"local now = time[1] * 1000 + math.floor(time[2] / 1000)\n"
		/* also one that is too far ahead: the server's clock was set back */
		"local function over(till)\n"
		" till = tonumber(till) or 0\n"
		" return till <= now or till > now + 10 * ARGV[2]\n"
		"end\n"
		"if ARGV[3] == '' then redis.call('HDEL', KEYS[1], ARGV[1])\n"
		"else\n"
		" redis.call('HSET', KEYS[1], ARGV[1],\n"
		"  string.format('%.0f ', now + ARGV[2]) .. ARGV[3])\n"
		" redis.call('PEXPIRE', KEYS[1], 3600000)\n"
		"end\n"
		"local all, others = redis.call('HGETALL', KEYS[1]), {}\n"
		"for i = 1, #all, 2 do\n"
		" local till, ids = string.match(all[i + 1], '^(%d+) (.*)$')\n"
		" if over(till) then\n"
		"  redis.call('HDEL', KEYS[1], all[i])\n"
		" elseif all[i] ~= ARGV[1] then others[#others + 1] = ids\n"
		" end\n"
		"end\n"
		"local key, site = KEYS[1] .. ':' .. ARGV[4], {}\n"
		"all = redis.call('HGETALL', key)\n"
		"for i = 1, #all, 2 do site[all[i]] = all[i + 1] end\n"
		"local turn, last = tonumber(site.turn) or 0, tonumber(ARGV[7])\n"
		"local prober = site.prober or ''\n"
		"if over(site.till) then prober = '' end\n"
		"if prober == ARGV[1] or (prober == '' and ARGV[5] ~= '') then\n"
		" prober = ARGV[5]\n"
		" redis.call('HSET', key, 'prober', prober,\n"
		"  'till', string.format('%.0f', now + ARGV[2]))\n"
		" redis.call('PEXPIRE', key, 3600000)\n"
		" if ARGV[6] ~= '' then\n"
		"  turn = turn + 1\n"
		"  redis.call('HSET', key, 'turn', turn, turn % 8,\n"
		"   string.format('%.0f ', now) .. ARGV[6])\n"
		" end\n"
		" last = turn\n"
		"end\n"
		"local out = {prober, tostring(turn), tostring(#others)}\n"
		"for i = 1, #others do out[#out + 1] = others[i] end\n"
		/* the server was emptied */
		"if last > turn then last = 0 end\n"
		"for i = math.max(last + 1, turn - 7), turn do\n"
		" local at, ids = string.match(site[tostring(i % 8)] or '', '^(%d+) (.*)$')\n"
		" if at then\n"
		"  out[#out + 1] = string.format('%.0f ', math.max(0, now - at)) .. ids\n"
		" end\n"
		"end\n"
		"return out\n";

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
	char site[MED_ID_MAX + 1]; /**< of this node's pool; empty: none */
	bool asks;                 /**< trunks, for the site */
	char turn[16];             /**< the last one of its prober that is known here */
	char answers[TURN_MAX];    /**< trunks that answered this node's OPTIONS */
	size_t answers_len;
	int64_t asked_ms;         /**< when the question that is out was made */
	int64_t answered_from_ms; /**< answers since then are still to be told */
} own;

int med_sync_health_open(void)
{
	if(med_param_health_share_ttl == 0)
		return 0;
	snprintf(own.ttl, sizeof own.ttl, "%d000", med_param_health_share_ttl);
	snprintf(own.turn, sizeof own.turn, "0");
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

/* ---- who asks for the site ------------------------------------------------------------
 */

static void take_prober(med_str_t name)
{
	bool asks = med_str_eq(name, med_str(med_sync_node()));
	char *prober = med_sync.status.prober;

	own.asks = asks;
	if(asks) /* what it heard before is nobody's concern any more */
		own.answered_from_ms = own.asked_ms;
	if(med_str_eq(name, med_str(prober)))
		return;
	snprintf(prober, sizeof med_sync.status.prober, "%.*s", MED_STR_FMT(name));
	if(name.len > 0)
		LM_NOTICE("node '%s'%s asks trunks by OPTIONS for all nodes%s%s\n", prober,
				asks ? " (this one)" : "", own.site[0] ? " of site " : "", own.site);
	med_sync_publish_status();
}

/** "<ms ago> <id>:<place> …", of the node that asks. */
static void take_turn(const med_snapshot_t *snapshot, med_str_t text, int64_t now_ms)
{
	const char *at = text.s, *end = text.s + text.len;
	int64_t ago_ms = 0;

	while(at < end && *at >= '0' && *at <= '9' && ago_ms < INT32_MAX)
		ago_ms = ago_ms * 10 + (*at++ - '0');
	while(at < end) {
		const char *id = at + 1, *space = memchr(id, ' ', (size_t)(end - id));
		size_t len = (size_t)((space != NULL ? space : end) - id);
		const med_trunk_t *trunk;
		med_trunk_state_t *state;
		char place[PLACE] = "";

		if(len <= PLACE)
			return;
		memcpy(place, id + len - PLACE + 1, PLACE - 1);
		trunk = med_snapshot_trunk(snapshot, (med_str_t){id, len - PLACE});
		state = trunk != NULL ? med_shm_trunk_state(trunk->number) : NULL;
		if(state != NULL && !trunk->profile->options_each_node)
			med_health_vouch(
					&state->health, (uint32_t)strtoul(place, NULL, 16), now_ms - ago_ms);
		at = id + len;
	}
}

/** Those that answered since the last turn. */
static void gather_answers(const med_snapshot_t *snapshot)
{
	const med_trunk_t *trunk;
	uint32_t at = 0;

	own.answers_len = 0;
	while(own.asks && own.answers_len + 1 + MED_ID_MAX + PLACE < sizeof own.answers
			&& (trunk = med_snapshot_next_trunk(snapshot, &at)) != NULL) {
		const med_trunk_state_t *state = med_shm_trunk_state(trunk->number);

		if(state != NULL
				&& __atomic_load_n(&state->health.answered_ms, __ATOMIC_RELAXED)
						>= own.answered_from_ms
				&& state->health.misses == 0)
			own.answers_len += (size_t)snprintf(own.answers + own.answers_len,
					sizeof own.answers - own.answers_len, "%s%.*s:%08x",
					own.answers_len > 0 ? " " : "", MED_STR_FMT(trunk->id),
					(unsigned)state->health.place);
	}
}

/** Of which site this node is may change at any time. */
static void find_site(const med_snapshot_t *snapshot)
{
	const med_pool_t *pool = med_param_pool != NULL
			? med_snapshot_pool(snapshot, med_str(med_param_pool))
			: NULL;
	med_str_t site = pool != NULL ? pool->site : MED_STR("");

	if(med_str_eq(site, med_str(own.site)))
		return;
	snprintf(own.site, sizeof own.site, "%.*s", MED_STR_FMT(site));
	snprintf(own.turn, sizeof own.turn, "0");
	own.asks = false;
}

/** false: it is no answer of the script. */
static bool take_answer(const med_str_t *text, size_t count, int64_t now_ms)
{
	size_t nodes;

	if(count < 3 || text[0].len >= sizeof med_sync.status.prober
			|| text[1].len >= sizeof own.turn)
		return false;
	nodes = (size_t)strtoul(text[2].s, NULL, 10);
	if(nodes > count - 3)
		return false;
	hear(text + 3, nodes);
	take_prober(text[0]);
	snprintf(own.turn, sizeof own.turn, "%.*s", MED_STR_FMT(text[1]));
	MED_SNAPSHOT(snapshot);
	for(size_t i = 3 + nodes; snapshot != NULL && i < count; i++)
		take_turn(snapshot, text[i], now_ms);
	return true;
}

static void answered(
		void *ctx, const med_str_t *text, size_t count, const char *error, bool refused)
{
	int64_t now = med_sync_clock_ms();

	(void)ctx;
	own.out = false;
	if(error == NULL && !take_answer(text, count, now)) {
		error = "it answered something else";
		refused = true;
	}
	if(error == NULL) {
		own.valid_ms = now + (int64_t)med_param_health_share_ttl * 1000;
		own.refused = false;
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
	med_str_t word[7] = {
			med_str(med_sync_node()), med_str(own.ttl), {own.down, own.down_len}};
	char key[256];

	MED_SNAPSHOT(snapshot);
	if(snapshot != NULL) {
		find_site(snapshot);
		gather_answers(snapshot);
	}
	word[3] = med_str(own.site);
	/* one that is drained leaves it to others */
	word[4] = snapshot != NULL && !med_drain_on() ? word[0] : MED_STR("");
	word[5] = (med_str_t){own.answers, own.answers_len};
	word[6] = med_str(own.turn);
	own.asked_ms = now_ms;
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
	if(now_ms >= own.valid_ms) {
		hear(NULL, 0);
		take_prober(MED_STR(""));
	}
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
