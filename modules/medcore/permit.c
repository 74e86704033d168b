/**
 * permit.c - see permit.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "medcore/bandwidth.h"
#include "medcore/permit.h"
#include "medcore/record.h"

#define LOOK_MS 250      /* how often calls are looked at */
#define BEAT_MS 1000     /* how often it is said that this node is there */
#define REST_MS 50       /* between two questions */
#define PRESS_MS 2000    /* so long after the last sign of need */
#define JOIN_MS 1000     /* so long the first answer is waited for */
#define SWEPT 32u        /* limits in each beat, though nothing changed */
#define RESERVE_PART 25u /* of a limit, what nodes without need keep together */
#define LINE 288         /* five times five numbers of ten digits */

const char med_permits_script[] =
		"local base, me, ttl = KEYS[1], ARGV[1], tonumber(ARGV[2])\n"
		"local function words(text)\n"
		" local all = {}\n"
		" for word in string.gmatch(text, '%-?%d+') do all[#all + 1] = tonumber(word) "
		"end\n"
		" return all\n"
		"end\n"
		"local function whole(number) return string.format('%.0f', number) end\n"
		"local time, nodes = redis.call('TIME'), {}\n"
		"local now = time[1] * 1000 + math.floor(time[2] / 1000)\n"
		"local list = redis.call('HGETALL', base .. 'nodes')\n"
		"for i = 1, #list, 2 do nodes[list[i]] = tonumber(list[i + 1]) or 0 end\n"
		"local again = nodes.again or 0\n"
		"nodes.again = nil\n"
		/* moments that are yet to come: its clock was set back, and none of them is one */
		"local back = again > now\n"
		"for _, till in pairs(nodes) do back = back or till > now + 10 * ttl end\n"
		"if back then\n"
		" nodes = {}\n"
		" redis.call('DEL', base .. 'nodes')\n"
		"end\n"
		/* it had permits, and this server knows nothing of it: it was emptied, or its
		 * clock was set; until all had the time to say what they have, nobody gets more
		 */
		"if back or (ARGV[3] == '1' and (nodes[me] or 0) <= now) then\n"
		" again = now\n"
		" redis.call('HSET', base .. 'nodes', 'again', whole(now))\n"
		"end\n"
		"nodes[me] = now + ttl\n"
		"redis.call('HSET', base .. 'nodes', me, whole(now + ttl))\n"
		"local count = 0\n"
		"for name, till in pairs(nodes) do\n"
		" if till > now then count = count + 1\n"
		" else\n"
		"  nodes[name] = nil\n"
		"  redis.call('HDEL', base .. 'nodes', name)\n"
		" end\n"
		"end\n"
		"local lines = {}\n"
		"for i = 4, #ARGV, 2 do\n"
		" local key, ask = base .. ARGV[i], words(ARGV[i + 1])\n"
		" local sum = {}\n"
		" for j = 1, 15 do sum[j] = 0 end\n"
		" local other = redis.call('HGETALL', key)\n"
		" for j = 1, #other, 2 do\n"
		"  if not nodes[other[j]] then redis.call('HDEL', key, other[j])\n"
		"  elseif other[j] ~= me then\n"
		"   local has = words(other[j + 1])\n"
		"   for k = 1, 15 do sum[k] = sum[k] + (has[k] or 0) end\n"
		"  end\n"
		" end\n"
		" local mine, line, presses = {}, {}, false\n"
		" for p = 0, 4 do\n"
		"  local limit, floor, want = ask[5 * p + 1], ask[5 * p + 2], ask[5 * p + 3]\n"
		"  local got = floor\n"
		"  if now >= again + ttl and limit >= 0 then\n"
		"   got = math.max(floor, math.min(want, limit - sum[3 * p + 1]))\n"
		"  end\n"
		"  presses = presses or ask[5 * p + 5] > 0\n"
		/* calls beyond what it may have are up all the same */
		"  local holds = p ~= 3 and math.max(got, ask[5 * p + 4]) or got\n"
		"  mine[p + 1] = whole(holds) .. ' ' .. whole(ask[5 * p + 4]) .. ' ' .. "
		"whole(ask[5 * p + 5])\n"
		"  line[p + 1] = whole(got) .. ' ' .. whole(sum[3 * p + 2]) .. ' ' .. "
		"whole(sum[3 * p + 3])\n"
		" end\n"
		" redis.call('HSET', key, me, table.concat(mine, ' '))\n"
		" redis.call('PEXPIRE', key, 3600000)\n"
		" if presses then redis.call('HSET', base .. 'pressed', ARGV[i], whole(now)) "
		"end\n"
		" lines[#lines + 1] = table.concat(line, ' ')\n"
		"end\n"
		"local out = {''}\n"
		"list = redis.call('HGETALL', base .. 'pressed')\n"
		"for i = 1, #list, 2 do\n"
		" if math.abs(now - (tonumber(list[i + 1]) or 0)) > 3000 then\n"
		"  redis.call('HDEL', base .. 'pressed', list[i])\n"
		" elseif #out <= 256 then out[#out + 1] = list[i] end\n"
		"end\n"
		"out[1] = whole(again) .. ' ' .. whole(count) .. ' ' .. whole(#out - 1)\n"
		"for i = 1, #lines do out[#out + 1] = lines[i] end\n"
		"return out\n";

/** By enum med_limited; a rate in thousandths of a call a second, audio in kbit/s. */
typedef struct permit_pool {
	uint32_t limit;       /* MED_UNSET: none */
	uint32_t want;        /* as asked for last */
	uint32_t used;        /* as of the last look */
	uint32_t others_used; /* as Redis told last, and how many of them want more */
	uint32_t others_pressing;
	int64_t press_until;
	bool presses; /* it wants more itself */
} permit_pool_t;

typedef struct permit {
	uint32_t number;
	uint8_t without_redis;
	bool answered; /* what it has in shared memory is what Redis has of it */
	bool urgent;
	bool asked; /* by the question that is out */
	bool less;  /* it has less than it would, for now */
	uint32_t paced;
	int64_t asked_ms;
	permit_pool_t pool[MED_LIMITEDS];
	uint8_t id_len;
	char id[MED_OBJECT_ID_MAX];
} permit_t;

struct med_permits {
	med_limit_state_t *states;
	int64_t ttl_ms;
	permit_t *permit; /* by id */
	size_t count, urgent;
	size_t swept, next; /* places: of those without need, and with */
	bool out;           /* a question is */
	bool alone;         /* without_redis holds; told once more when it does not */
	unsigned nodes;     /* 0: nobody was asked yet */
	long long again;    /* from when on Redis has known nothing of before */
	int64_t look_ms, beat_ms, rest_ms; /* next */
	int64_t looked_ms, sent_ms;
	int64_t valid_ms; /* until then what it has is nobody else's */
	int64_t join_ms;
	uint16_t asked_count;
	uint32_t asked[MED_PERMIT_ASKED]; /* places of those in the question */
	char line[MED_PERMIT_ASKED][LINE];
	char member[96], ttl[24];
};

/* ---- what there is --------------------------------------------------------------------
 */

med_permits_t *med_permits_new(
		med_limit_state_t *states, const char *member, int64_t ttl_ms)
{
	med_permits_t *p = calloc(1, sizeof(*p));

	if(p == NULL)
		return NULL;
	p->states = states;
	p->ttl_ms = ttl_ms;
	snprintf(p->member, sizeof(p->member), "%s", member);
	snprintf(p->ttl, sizeof(p->ttl), "%lld", (long long)ttl_ms);
	return p;
}

void med_permits_free(med_permits_t *p)
{
	if(p != NULL)
		free(p->permit);
	free(p);
}

static med_str_t id_of(const permit_t *permit)
{
	return (med_str_t){permit->id, permit->id_len};
}

static int by_id(const void *a, const void *b)
{
	return med_str_compare(id_of(a), id_of(b));
}

static permit_t *find(const med_permits_t *p, med_str_t id)
{
	size_t low = 0, high = p->count;

	while(low < high) {
		size_t middle = (low + high) / 2;
		int order = med_str_compare(id_of(&p->permit[middle]), id);

		if(order == 0)
			return &p->permit[middle];
		if(order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static med_limit_state_t *state_of(const med_permits_t *p, const permit_t *permit)
{
	return &p->states[permit->number];
}

static void share(med_permits_t *p, const permit_t *permit, int limited, uint32_t permits)
{
	uint32_t value = permits < MED_UNSET - 1 ? permits + 1 : MED_UNSET - 1;

	__atomic_store_n(&state_of(p, permit)->share[limited], value, __ATOMIC_SEQ_CST);
}

static uint32_t shared(const med_permits_t *p, const permit_t *permit, int limited)
{
	uint32_t value =
			__atomic_load_n(&state_of(p, permit)->share[limited], __ATOMIC_RELAXED);

	return value == 0 ? 0 : value - 1;
}

/* As the object says for when there is no Redis. */
static void stand_alone(med_permits_t *p, permit_t *permit)
{
	static const uint32_t shares[] = {[MED_LIMIT_LOCALLY] = 0,
			[MED_LIMIT_REFUSE] = 1,
			[MED_LIMIT_ALLOW] = MED_SHARE_NO_END};

	permit->answered = false;
	for(int l = MED_LIMIT_CALLS; l < MED_LIMITEDS; l++)
		__atomic_store_n(&state_of(p, permit)->share[l],
				permit->pool[l].limit == MED_UNSET ? 0 : shares[permit->without_redis],
				__ATOMIC_SEQ_CST);
}

static bool is_valid(const med_permits_t *p, int64_t now_ms)
{
	return now_ms < p->valid_ms;
}

/* What a call takes of it: less than that is of no use to a node. */
static uint32_t unit_of(const permit_pool_t *pool, int l)
{
	if(l != MED_LIMIT_AUDIO || pool->limit == 0)
		return 1;
	return pool->limit < MED_KBIT_UNKNOWN ? pool->limit : MED_KBIT_UNKNOWN;
}

/* What every node may take of a new limit before it has asked; who asks first has it
 * where that is too little for one call. */
static uint32_t part_of(
		const med_permits_t *p, const permit_pool_t *pool, int l, int64_t now_ms)
{
	uint32_t part = is_valid(p, now_ms) ? pool->limit / p->nodes : 0;

	return part < unit_of(pool, l) ? 0 : part;
}

/*
 * Nobody has any of a new limit, so every node may take the same part of it before it is
 * asked for. A node that just began does not know how many there are, nor who has what.
 */
static void begin(med_permits_t *p, permit_t *permit, int64_t now_ms)
{
	if(p->alone) {
		stand_alone(p, permit);
		return;
	}
	for(int l = MED_LIMIT_CALLS; l < MED_LIMITEDS; l++)
		if(permit->pool[l].limit != MED_UNSET)
			share(p, permit, l, part_of(p, &permit->pool[l], l, now_ms));
}

static uint32_t limit_of(const med_limits_t *limits, enum med_limited limited)
{
	uint32_t limit = med_limited_value(limits, limited);

	return limited == MED_LIMIT_RATE && limit != MED_UNSET ? limit * 1000u : limit;
}

static void fill(med_permits_t *p, permit_t *permit, const med_limits_t *limits)
{
	const permit_t *was = find(p, limits->id);

	if(was != NULL)
		*permit = *was;
	permit->number = limits->number;
	permit->without_redis = limits->without_redis;
	permit->id_len = (uint8_t)limits->id.len;
	memcpy(permit->id, limits->id.s, limits->id.len);
	permit->urgent = was == NULL || was->asked;
	permit->asked = false;
	if(was == NULL)
		permit->paced = state_of(p, permit)->paced;
	for(int l = MED_LIMIT_CALLS; l < MED_LIMITEDS; l++) {
		uint32_t limit = limit_of(limits, (enum med_limited)l);

		permit->urgent |= permit->pool[l].limit != limit;
		permit->pool[l].limit = limit;
	}
}

int med_permits_set(
		med_permits_t *p, const med_limits_t *const *limits, size_t count, int64_t now_ms)
{
	permit_t *permit = count == 0 ? NULL : calloc(count, sizeof(*permit));

	if(permit == NULL && count > 0)
		return MED_ENOMEM;
	if(p->count == 0) {
		p->join_ms = now_ms + JOIN_MS;
		p->beat_ms = p->look_ms = p->looked_ms = now_ms;
	}
	p->urgent = 0;
	for(size_t i = 0; i < count; i++) {
		const permit_t *was = find(p, limits[i]->id);
		bool began = was == NULL;

		fill(p, &permit[i], limits[i]);
		if(began)
			begin(p, &permit[i], now_ms);
		for(int l = MED_LIMIT_CALLS; !began && l < MED_LIMITEDS; l++) {
			const permit_pool_t *pool = &permit[i].pool[l];
			uint32_t part = part_of(p, pool, l, now_ms), before = was->pool[l].limit;

			if(pool->limit == MED_UNSET)
				__atomic_store_n(
						&p->states[limits[i]->number].share[l], 0, __ATOMIC_RELAXED);
			/* of what was no limit until now this node has what it uses; where there is
			 * not one call for each any more, who asks first has it */
			else if(!p->alone
					&& (before == MED_UNSET || (pool->limit < before && part == 0)))
				share(p, &permit[i], l, part);
		}
		if(!began && p->alone)
			stand_alone(p, &permit[i]);
		p->urgent += permit[i].urgent;
	}
	if(count > 1)
		qsort(permit, count, sizeof(*permit), by_id);
	p->asked_count = 0; /* of a question that is out, whose places are others' now */
	free(p->permit);
	p->permit = permit;
	p->count = count;
	p->swept = p->next = 0;
	return MED_EOK;
}

/* ---- what calls do --------------------------------------------------------------------
 */

static void lapse(med_permits_t *p)
{
	p->alone = true;
	for(size_t i = 0; i < p->count; i++)
		stand_alone(p, &p->permit[i]);
}

static uint32_t used_of(const med_limit_state_t *state, int limited)
{
	uint32_t in = med_limit_calls(state, MED_WAY_IN);
	uint32_t out = med_limit_calls(state, MED_WAY_OUT);

	if(limited == MED_LIMIT_AUDIO)
		return __atomic_load_n(&state->kbit, __ATOMIC_RELAXED);
	return limited == MED_LIMIT_CALLS       ? in + out
			: limited == MED_LIMIT_CALLS_IN ? in
											: out;
}

/* Of a rate nothing is held for long, so that it can be divided anew at any time. */
static uint32_t rate_target(
		const permit_pool_t *pool, uint32_t others, uint32_t pressing, uint32_t reserve)
{
	uint32_t part = (pool->limit - reserve * (others - pressing)) / (1 + pressing);
	uint32_t calm = pool->used + pool->used / 4 + reserve;

	return pool->presses || calm > part ? part : calm;
}

/* What this node would have if it were asked: by need, and else the same for each. */
static uint32_t target_of(const med_permits_t *p, const permit_t *permit, int l)
{
	const permit_pool_t *pool = &permit->pool[l];
	uint64_t all = (uint64_t)pool->used + pool->others_used;
	uint32_t free = pool->limit > all ? (uint32_t)(pool->limit - all) : 0, rest;
	uint32_t others = p->nodes > 1 ? p->nodes - 1 : 0;
	uint32_t reserve = others == 0 ? 0 : pool->limit / RESERVE_PART / others;
	uint32_t unit = unit_of(pool, l), part = free / p->nodes;
	uint32_t pressing = pool->others_pressing < others ? pool->others_pressing : others;

	if(others == 0)
		return pool->limit;
	if(l == MED_LIMIT_RATE)
		return pool->presses || pressing > 0
				? rate_target(pool, others, pressing, reserve)
				: pool->limit / p->nodes;
	/* the limit is lower than what is up: each waits until its part of it is free */
	if(all > pool->limit)
		return (uint32_t)((uint64_t)pool->used * pool->limit / all);
	reserve -= reserve % unit;
	if(!pool->presses && pressing > 0)
		return pool->used + (part < reserve ? part : reserve);
	/* what a division leaves over is for who needs it first */
	rest = free;
	if(pool->presses) {
		rest = reserve * (others - pressing);
		rest = free > rest ? free - rest : 0;
		part = rest / (1 + pressing) + (rest % (1 + pressing) != 0);
	}
	/* of less than one call for each the first to ask has one */
	if(part < unit)
		part = rest < unit ? rest : unit;
	return pool->used + part;
}

static void mark_urgent(med_permits_t *p, permit_t *permit)
{
	p->urgent += !permit->urgent;
	permit->urgent = true;
}

static uint32_t pace_of(permit_t *permit, const med_limit_state_t *state, int64_t took_ms)
{
	uint32_t paced = __atomic_load_n(&state->paced, __ATOMIC_RELAXED);
	uint64_t pace = took_ms <= 0
			? 0
			: (uint64_t)(paced - permit->paced) * 1000000u / (uint64_t)took_ms;
	uint32_t was = permit->pool[MED_LIMIT_RATE].used;

	permit->paced = paced;
	/* of the last second or so */
	pace = was + (pace > was ? (pace - was) / 2 : 0)
			- (was > pace ? (was - pace) / 4 : 0);
	return pace < permit->pool[MED_LIMIT_RATE].limit ? (uint32_t)pace
													 : permit->pool[MED_LIMIT_RATE].limit;
}

/* It was refused, or will soon be; until a while later, or until there is plenty. */
static void look_for_need(
		permit_pool_t *pool, uint32_t has, uint32_t grown, bool wanted, int64_t now_ms)
{
	if(wanted || (grown > 0 && (uint64_t)pool->used + 2 * (uint64_t)grown >= has))
		pool->press_until = now_ms + PRESS_MS;
	else if(pool->used < has / 2 + has % 2)
		pool->press_until = 0;
	pool->presses = pool->press_until > now_ms;
}

static void look_at(med_permits_t *p, permit_t *permit, int64_t now_ms)
{
	med_limit_state_t *state = state_of(p, permit);
	uint32_t wanted = __atomic_load_n(&state->wanted, __ATOMIC_RELAXED) == 0
			? 0
			: __atomic_exchange_n(&state->wanted, 0, __ATOMIC_RELAXED);

	for(int l = MED_LIMIT_CALLS; l < MED_LIMITEDS; l++) {
		permit_pool_t *pool = &permit->pool[l];
		uint32_t has = shared(p, permit, l), was = pool->used, target;

		if(pool->limit == MED_UNSET && l == MED_LIMIT_RATE)
			continue;
		pool->used = l == MED_LIMIT_RATE ? pace_of(permit, state, now_ms - p->looked_ms)
										 : used_of(state, l);
		if(pool->limit == MED_UNSET || !permit->answered)
			continue;
		look_for_need(pool, has, pool->used > was ? pool->used - was : 0,
				(wanted & 1u << l) != 0, now_ms);
		target = target_of(p, permit, l);
		if(pool->presses ? target > has : pool->others_pressing > 0 && target < has)
			mark_urgent(p, permit);
	}
	if(permit->less && now_ms >= permit->asked_ms + BEAT_MS)
		mark_urgent(p, permit);
}

void med_permits_look(med_permits_t *p, int64_t now_ms)
{
	if(p->count == 0 || now_ms < p->look_ms)
		return;
	if(!p->alone && now_ms >= p->join_ms && !is_valid(p, now_ms))
		lapse(p);
	for(size_t i = 0; i < p->count; i++)
		look_at(p, &p->permit[i], now_ms);
	p->looked_ms = now_ms;
	p->look_ms = now_ms + LOOK_MS;
}

int64_t med_permits_due(const med_permits_t *p)
{
	int64_t due = p->urgent > 0 ? p->rest_ms : p->beat_ms;

	if(p->count == 0)
		return INT64_MAX;
	return p->out || p->look_ms < due ? p->look_ms : due;
}

/* ---- asked ----------------------------------------------------------------------------
 */

/* One pool: what is too much is given up before it is said. */
static int say(med_permits_t *p, permit_t *permit, int l, char *line, size_t size)
{
	permit_pool_t *pool = &permit->pool[l];
	uint32_t floor = 0, want, has = shared(p, permit, l);

	if(l != MED_LIMIT_RATE)
		pool->used = used_of(state_of(p, permit), l);
	if(pool->limit == MED_UNSET)
		return snprintf(line, size, "-1 0 0 %u 0 ", pool->used);
	want = target_of(p, permit, l);
	if(permit->answered) {
		if(want < has) {
			/* who takes a call after this sees it; who took one before is seen here */
			share(p, permit, l, want);
			__atomic_thread_fence(__ATOMIC_SEQ_CST);
			has = want;
		}
		floor = has;
	}
	if(l != MED_LIMIT_RATE)
		pool->used = used_of(state_of(p, permit), l);
	pool->want = want > floor ? want : floor;
	return snprintf(line, size, "%u %u %u %u %u ", pool->limit, floor, pool->want,
			pool->used, pool->presses ? 1u : 0u);
}

static void add(med_permits_t *p, size_t at, med_permit_question_t *q, int64_t now_ms)
{
	permit_t *permit = &p->permit[at];
	char *line = p->line[p->asked_count];
	size_t len = 0;

	for(int l = MED_LIMIT_CALLS; l < MED_LIMITEDS; l++)
		len += (size_t)say(p, permit, l, line + len, LINE - len);
	q->word[q->count++] = id_of(permit);
	q->word[q->count++] = (med_str_t){line, len};
	p->urgent -= permit->urgent;
	permit->urgent = permit->less = false;
	permit->asked = true;
	permit->asked_ms = now_ms;
	p->asked[p->asked_count++] = (uint32_t)at;
}

bool med_permits_ask(med_permits_t *p, int64_t now_ms, med_permit_question_t *q)
{
	bool beat = now_ms >= p->beat_ms;

	if(p->count == 0 || p->out || now_ms < p->rest_ms || (!beat && p->urgent == 0))
		return false;
	p->asked_count = 0;
	q->count = 0;
	q->word[q->count++] = med_str(p->member);
	q->word[q->count++] = med_str(p->ttl);
	q->word[q->count++] = !p->alone && is_valid(p, now_ms) ? MED_STR("1") : MED_STR("0");
	/* how many nodes there are is asked first of all */
	for(size_t i = 0; i < p->count && p->urgent > 0 && p->nodes > 0
			&& p->asked_count < MED_PERMIT_ASKED;
			i++) {
		p->next = (p->next + 1) % p->count;
		if(p->permit[p->next].urgent)
			add(p, p->next, q, now_ms);
	}
	for(size_t i = 0; beat && p->nodes > 0 && i < SWEPT && i < p->count
			&& p->asked_count < MED_PERMIT_ASKED;
			i++) {
		p->swept = (p->swept + 1) % p->count;
		if(!p->permit[p->swept].asked)
			add(p, p->swept, q, now_ms);
	}
	p->out = true;
	p->sent_ms = now_ms;
	p->rest_ms = now_ms + (p->nodes > 0 ? REST_MS : 0);
	p->beat_ms = now_ms + (p->ttl_ms / 4 < BEAT_MS ? p->ttl_ms / 4 : BEAT_MS);
	return true;
}

/* ---- answered -------------------------------------------------------------------------
 */

/** Numbers with spaces between; how many there were. */
static size_t numbers_of(med_str_t text, long long *number, size_t room)
{
	size_t count = 0, i = 0;

	while(count < room && i < text.len) {
		long long value = 0;
		size_t from = i;

		while(i < text.len && text.s[i] >= '0' && text.s[i] <= '9' && i - from < 16)
			value = value * 10 + (text.s[i++] - '0');
		if(i == from || (i < text.len && text.s[i] != ' '))
			return count;
		number[count++] = value;
		i++;
	}
	return count;
}

static uint32_t bounded(long long value)
{
	return value < MED_UNSET ? (uint32_t)value : MED_UNSET - 1;
}

static bool take_in(med_permits_t *p, permit_t *permit, med_str_t line)
{
	long long number[3 * (MED_LIMITEDS - 1)], *n = number;

	if(numbers_of(line, number, 3 * (MED_LIMITEDS - 1)) != 3 * (MED_LIMITEDS - 1))
		return false;
	__atomic_store_n(
			&state_of(p, permit)->elsewhere, bounded(number[1]), __ATOMIC_RELAXED);
	__atomic_store_n(&state_of(p, permit)->kbit_elsewhere,
			bounded(number[3 * (MED_LIMIT_AUDIO - 1) + 1]), __ATOMIC_RELAXED);
	for(int l = MED_LIMIT_CALLS; l < MED_LIMITEDS; l++, n += 3) {
		permit_pool_t *pool = &permit->pool[l];

		pool->others_used = bounded(n[1]);
		pool->others_pressing = bounded(n[2]);
		if(pool->limit == MED_UNSET)
			continue;
		share(p, permit, l, bounded(n[0]));
		permit->less |= pool->others_pressing > 0
				|| bounded(n[0]) + unit_of(pool, l) < pool->want;
		if(!pool->presses && pool->others_pressing == 0)
			permit->less |= bounded(n[0]) + unit_of(pool, l) < target_of(p, permit, l);
		if(!pool->presses && pool->others_pressing > 0
				&& target_of(p, permit, l) < bounded(n[0]))
			mark_urgent(p, permit);
	}
	permit->answered = true;
	return true;
}

/* All are asked for anew: this node knows more of what it has than Redis does. */
static void say_all_again(med_permits_t *p)
{
	for(size_t i = 0; i < p->count; i++)
		mark_urgent(p, &p->permit[i]);
}

bool med_permits_answer(med_permits_t *p, const med_str_t *word, size_t count)
{
	long long head[3];
	unsigned nodes = p->nodes;

	if(!p->out || count == 0 || numbers_of(word[0], head, 3) != 3 || head[1] < 1
			|| head[2] > MED_PERMIT_TOLD || count < 1 + (size_t)head[2])
		return false;
	/* what the server counts from now on, this node counts from when it asked */
	p->valid_ms = p->sent_ms + p->ttl_ms - p->ttl_ms / 10;
	p->out = false;
	p->nodes = head[1] < 10000 ? (unsigned)head[1] : 10000;
	for(size_t i = 0; i < p->asked_count; i++)
		if(i + 1 + (size_t)head[2] >= count
				|| !take_in(p, &p->permit[p->asked[i]], word[1 + (size_t)head[2] + i]))
			return false;
	if(p->again != head[0] || p->alone || nodes != p->nodes)
		say_all_again(p);
	p->again = head[0];
	p->alone = false;
	for(size_t i = 0; i < (size_t)head[2]; i++) {
		permit_t *permit = find(p, word[1 + i]);

		if(permit != NULL && p->sent_ms - permit->asked_ms >= LOOK_MS)
			mark_urgent(p, permit);
	}
	for(size_t i = 0; i < p->asked_count; i++)
		p->permit[p->asked[i]].asked = false;
	p->asked_count = 0;
	return true;
}

void med_permits_lost(med_permits_t *p, int64_t wait_ms, int64_t now_ms)
{
	p->out = false;
	for(size_t i = 0; i < p->asked_count; i++) {
		p->permit[p->asked[i]].asked = false;
		mark_urgent(p, &p->permit[p->asked[i]]);
	}
	p->asked_count = 0;
	p->rest_ms = now_ms + wait_ms;
	if(p->beat_ms < p->rest_ms)
		p->beat_ms = p->rest_ms;
	if(!p->alone && !is_valid(p, now_ms))
		lapse(p);
}

enum med_permits_state med_permits_state(const med_permits_t *p)
{
	if(p->count == 0)
		return MED_PERMITS_NONE;
	if(p->alone)
		return MED_PERMITS_ALONE;
	return p->nodes == 0 ? MED_PERMITS_JOINS : MED_PERMITS_SHARED;
}

unsigned med_permits_nodes(const med_permits_t *p)
{
	return p->count == 0 ? 0 : p->nodes;
}
