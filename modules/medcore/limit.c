/**
 * limit.c - see limit.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <sched.h>
#include <string.h>

#include "medcore/limit.h"
#include "medcore/record.h"

#define NS_PER_S 1000000000ll
#define GET(at) __atomic_load_n(&(at), __ATOMIC_RELAXED)

/* ---- one limits object ----------------------------------------------------------------
 */

const char *med_limited_field(enum med_limited limited)
{
	static const char *const fields[] = {[MED_LIMIT_LETS] = "",
			[MED_LIMIT_CALLS] = "max_calls",
			[MED_LIMIT_CALLS_IN] = "max_calls_in",
			[MED_LIMIT_CALLS_OUT] = "max_calls_out",
			[MED_LIMIT_RATE] = "calls_per_second",
			[MED_LIMIT_AUDIO] = "audio_bw_limit"};

	return fields[limited];
}

uint32_t med_limited_value(const med_limits_t *limits, enum med_limited limited)
{
	switch(limited) {
		case MED_LIMIT_CALLS:
			return limits->max_calls;
		case MED_LIMIT_CALLS_IN:
			return limits->max_calls_in;
		case MED_LIMIT_CALLS_OUT:
			return limits->max_calls_out;
		case MED_LIMIT_RATE:
			return limits->calls_per_second;
		case MED_LIMIT_AUDIO:
			return limits->audio_kbit;
		default:
			return 0;
	}
}

static uint32_t calls_of(uint64_t calls, enum med_way way)
{
	return (uint32_t)(way == MED_WAY_IN ? calls : calls >> 32);
}

uint32_t med_limit_calls(const med_limit_state_t *state, enum med_way way)
{
	return calls_of(GET(state->calls), way);
}

static uint64_t one(enum med_way way)
{
	return way == MED_WAY_IN ? 1u : (uint64_t)1 << 32;
}

/* Of a limit, what this node may have. MED_UNSET is more than there can be. */
static uint32_t bound_of(uint32_t limit, uint32_t share)
{
	if(limit == MED_UNSET || share == 0)
		return limit;
	if(share == MED_SHARE_NO_END)
		return MED_UNSET;
	return share - 1 < limit ? share - 1 : limit;
}

/* Calls so far leave no room for @p more of them. */
static enum med_limited over(uint64_t calls, uint32_t more,
		const med_limit_state_t *state, const med_limits_t *limits, enum med_way way)
{
	uint64_t in = calls_of(calls, MED_WAY_IN), out = calls_of(calls, MED_WAY_OUT);

	if(in + out + more > bound_of(limits->max_calls, GET(state->share[MED_LIMIT_CALLS])))
		return MED_LIMIT_CALLS;
	if(way == MED_WAY_IN
			&& in + more > bound_of(
					   limits->max_calls_in, GET(state->share[MED_LIMIT_CALLS_IN])))
		return MED_LIMIT_CALLS_IN;
	if(way == MED_WAY_OUT
			&& out + more > bound_of(
					   limits->max_calls_out, GET(state->share[MED_LIMIT_CALLS_OUT])))
		return MED_LIMIT_CALLS_OUT;
	return MED_LIMIT_LETS;
}

#define MILLI 1000u

/* Thousandths of a call a second; MED_UNSET: there is no bound. */
static uint32_t rate_of(const med_limit_state_t *state, const med_limits_t *limits)
{
	return limits->calls_per_second == MED_UNSET
			? MED_UNSET
			: bound_of(
					limits->calls_per_second * MILLI, GET(state->share[MED_LIMIT_RATE]));
}

/* Nanoseconds that one call uses up, and how far ahead of the clock that may be. */
static int64_t cost_of(uint32_t rate, const med_limits_t *limits, int64_t *ahead)
{
	int64_t cost = NS_PER_S * MILLI / rate;

	*ahead = (int64_t)limits->window_ms * (NS_PER_S / 1000) - cost;
	if(*ahead < 0)
		*ahead = 0; /* less than one call in a window: one at a time */
	return cost;
}

uint32_t med_limit_here(const med_limit_state_t *state, const med_limits_t *limits,
		enum med_limited limited)
{
	uint32_t rate;

	if(limited != MED_LIMIT_RATE)
		return bound_of(med_limited_value(limits, limited), GET(state->share[limited]));
	rate = rate_of(state, limits);
	return rate == MED_UNSET ? rate : rate / MILLI;
}

/* What was paid at a slower rate than this one is not held against it. */
static int64_t paid_of(int64_t paid, int64_t cost, int64_t ahead, int64_t now_ns)
{
	return paid < now_ns || paid - now_ns > ahead + 2 * cost ? now_ns : paid;
}

static bool too_fast(
		const med_limit_state_t *state, const med_limits_t *limits, int64_t now_ns)
{
	uint32_t rate = rate_of(state, limits);
	int64_t cost, ahead;

	if(rate == MED_UNSET || rate == 0)
		return rate == 0;
	cost = cost_of(rate, limits, &ahead);
	return paid_of(GET(state->paid_ns), cost, ahead, now_ns) - now_ns > ahead;
}

/* Whoever shares the limit with other nodes is told that there is too little here. */
static enum med_limited wanted(med_limit_state_t *state, enum med_limited limited)
{
	(void)__atomic_fetch_or(&state->wanted, 1u << limited, __ATOMIC_RELAXED);
	return limited;
}

enum med_limited med_limit_asks(med_limit_state_t *state, const med_limits_t *limits,
		enum med_way way, bool emergency, int64_t now_ns)
{
	enum med_limited limited;

	if(emergency && limits->emergency_exempt)
		return MED_LIMIT_LETS;
	limited = over(GET(state->calls), 1, state, limits, way);
	if(limited == MED_LIMIT_LETS && too_fast(state, limits, now_ns))
		limited = MED_LIMIT_RATE;
	return limited == MED_LIMIT_LETS ? limited : wanted(state, limited);
}

/* A bucket of tokens, told by when it will be full again. */
static bool pay(
		med_limit_state_t *state, const med_limits_t *limits, bool always, int64_t now_ns)
{
	int64_t paid = GET(state->paid_ns), ahead, cost, from;
	uint32_t rate = rate_of(state, limits);

	if(rate == MED_UNSET || rate == 0)
		return rate != 0 || always;
	cost = cost_of(rate, limits, &ahead);
	do {
		from = paid_of(paid, cost, ahead, now_ns);
		if(from - now_ns > ahead) {
			if(!always)
				return false;
			from = now_ns + ahead; /* it goes no further into debt */
		}
	} while(!__atomic_compare_exchange_n(&state->paid_ns, &paid, from + cost, true,
			__ATOMIC_RELAXED, __ATOMIC_RELAXED));
	(void)__atomic_add_fetch(&state->paced, 1, __ATOMIC_RELAXED);
	return true;
}

static void pay_back(med_limit_state_t *state, const med_limits_t *limits)
{
	uint32_t rate = rate_of(state, limits);
	int64_t ahead;

	if(rate != MED_UNSET && rate != 0)
		(void)__atomic_sub_fetch(
				&state->paid_ns, cost_of(rate, limits, &ahead), __ATOMIC_RELAXED);
}

static enum med_limited take_one(med_limit_state_t *state, const med_limits_t *limits,
		enum med_way way, bool emergency, int64_t now_ns)
{
	bool always = emergency && limits->emergency_exempt;
	uint64_t calls = GET(state->calls);
	enum med_limited limited;

	do {
		limited = always ? MED_LIMIT_LETS : over(calls, 1, state, limits, way);
		if(limited != MED_LIMIT_LETS)
			return wanted(state, limited);
	} while(!__atomic_compare_exchange_n(&state->calls, &calls, calls + one(way), true,
			__ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
	/* what was given to another node meanwhile is no longer ours: see med_permits_ask()
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	limited = always ? MED_LIMIT_LETS : over(calls + one(way), 0, state, limits, way);
	if(limited == MED_LIMIT_LETS && !pay(state, limits, always, now_ns))
		limited = MED_LIMIT_RATE;
	if(limited == MED_LIMIT_LETS)
		return limited;
	(void)__atomic_sub_fetch(&state->calls, one(way), __ATOMIC_RELAXED);
	return wanted(state, limited);
}

enum med_limited med_limit_take(med_limit_state_t *states,
		const med_limits_t *const *limits, size_t count, enum med_way way, bool emergency,
		int64_t now_ns, size_t *at)
{
	enum med_limited limited = MED_LIMIT_LETS;
	size_t i;

	for(i = 0; i < count && limited == MED_LIMIT_LETS; i++)
		limited = take_one(&states[limits[i]->number], limits[i], way, emergency, now_ns);
	if(limited == MED_LIMIT_LETS)
		return limited;
	*at = --i;
	while(i-- > 0) {
		med_limit_state_t *state = &states[limits[i]->number];
		(void)__atomic_sub_fetch(&state->calls, one(way), __ATOMIC_RELAXED);
		pay_back(state, limits[i]);
	}
	return limited;
}

med_limit_numbers_t med_limit_numbers(const med_limits_t *const *limits, size_t count)
{
	med_limit_numbers_t numbers;

	for(size_t i = 0; i < MED_LIMITS_OF_TRUNK; i++)
		numbers.number[i] = i < count ? (uint16_t)limits[i]->number : MED_NO_LIMIT;
	return numbers;
}

void med_limit_give(
		med_limit_state_t *states, const med_limit_numbers_t *numbers, enum med_way way)
{
	for(size_t i = 0; i < MED_LIMITS_OF_TRUNK; i++) {
		if(numbers->number[i] != MED_NO_LIMIT)
			(void)__atomic_sub_fetch(
					&states[numbers->number[i]].calls, one(way), __ATOMIC_RELAXED);
	}
}

/* ---- leases ---------------------------------------------------------------------------
 */

static const med_limit_numbers_t none = {{MED_NO_LIMIT, MED_NO_LIMIT, MED_NO_LIMIT}};

static uint32_t per_shard(uint32_t count)
{
	return (count + MED_LEASE_SHARDS - 1) / MED_LEASE_SHARDS;
}

/* The leases begin where a pointer may. */
static size_t chains_size(uint32_t count)
{
	return ((size_t)per_shard(count) * MED_LEASE_SHARDS * sizeof(uint32_t) + 7)
			& ~(size_t)7;
}

size_t med_leases_size(uint32_t count)
{
	return sizeof(med_leases_t) + chains_size(count)
			+ (size_t)per_shard(count) * MED_LEASE_SHARDS * sizeof(med_lease_t);
}

void med_leases_begin(med_leases_t *leases, uint32_t count, med_limit_state_t *states)
{
	memset(leases, 0, med_leases_size(count));
	leases->per_shard = per_shard(count);
	leases->states = states;
	leases->lease = (med_lease_t *)(void *)((char *)leases->chain + chains_size(count));
	for(uint32_t s = 0; s < MED_LEASE_SHARDS; s++) {
		for(uint32_t i = leases->per_shard; i-- > 0;) {
			uint32_t index = s * leases->per_shard + i;
			leases->lease[index].next = leases->shard[s].free;
			leases->shard[s].free = index + 1;
		}
	}
}

/* For some dozen instructions; who holds it never waits for anything. */
static void enter(med_leases_t *leases, uint32_t shard)
{
	while(__atomic_exchange_n(&leases->shard[shard].busy, 1u, __ATOMIC_ACQUIRE) != 0)
		(void)sched_yield();
}

static void leave(med_leases_t *leases, uint32_t shard)
{
	__atomic_store_n(&leases->shard[shard].busy, 0u, __ATOMIC_RELEASE);
}

static uint32_t shard_of(uint64_t key)
{
	return (uint32_t)(key % MED_LEASE_SHARDS);
}

static uint32_t *chain_of(med_leases_t *leases, uint64_t key)
{
	return &leases->chain[shard_of(key) * leases->per_shard
			+ (uint32_t)(key / MED_LEASE_SHARDS % leases->per_shard)];
}

med_lease_id_t med_lease_begin(med_leases_t *leases, uint64_t key, enum med_way way,
		const med_limit_numbers_t *numbers, uint32_t until_s)
{
	uint32_t shard = shard_of(key), index, *chain = chain_of(leases, key), turn;
	med_lease_t *lease;

	do
		turn = __atomic_add_fetch(&leases->turns, 1, __ATOMIC_RELAXED);
	while(turn == 0);
	enter(leases, shard);
	index = leases->shard[shard].free;
	if(index != 0) {
		lease = &leases->lease[index - 1];
		leases->shard[shard].free = lease->next;
		*lease = (med_lease_t){
				.key = key, .next = *chain, .turn = turn, .until_s = until_s};
		lease->way[MED_WAY_IN] = lease->way[MED_WAY_OUT] = none;
		lease->way[way] = *numbers;
		*chain = index;
	}
	leave(leases, shard);
	if(index == 0)
		return 0;
	(void)__atomic_add_fetch(&leases->used, 1, __ATOMIC_RELAXED);
	return (med_lease_id_t)index << 32 | turn;
}

/* Locked where it is still that one: leave() is the caller's then. */
static med_lease_t *enter_lease(med_leases_t *leases, med_lease_id_t id, uint32_t *shard)
{
	uint32_t index = (uint32_t)(id >> 32);
	med_lease_t *lease;

	if(index == 0 || index > leases->per_shard * MED_LEASE_SHARDS)
		return NULL;
	lease = &leases->lease[index - 1];
	*shard = (index - 1) / leases->per_shard;
	enter(leases, *shard);
	if(lease->turn == (uint32_t)id)
		return lease;
	leave(leases, *shard);
	return NULL;
}

/* Out of its chain, and free; what it counted is the caller's to give back. */
static med_lease_t put_back(med_leases_t *leases, uint32_t shard, med_lease_t *lease)
{
	med_lease_t was = *lease;
	uint32_t index = (uint32_t)(lease - leases->lease) + 1;
	uint32_t *place = chain_of(leases, lease->key);

	while(*place != index)
		place = &leases->lease[*place - 1].next;
	*place = lease->next;
	lease->turn = 0;
	lease->next = leases->shard[shard].free;
	leases->shard[shard].free = index;
	return was;
}

static void give_back(med_leases_t *leases, const med_lease_t *was)
{
	med_limit_give(leases->states, &was->way[MED_WAY_IN], MED_WAY_IN);
	med_limit_give(leases->states, &was->way[MED_WAY_OUT], MED_WAY_OUT);
	med_band_give(leases->states, &was->band[MED_WAY_IN]);
	med_band_give(leases->states, &was->band[MED_WAY_OUT]);
	(void)__atomic_sub_fetch(&leases->used, 1, __ATOMIC_RELAXED);
}

bool med_lease_set(med_leases_t *leases, med_lease_id_t id, enum med_way way,
		const med_limit_numbers_t *numbers)
{
	uint32_t shard;
	med_lease_t *lease = enter_lease(leases, id, &shard);
	med_limit_numbers_t was;

	if(lease == NULL)
		return false;
	was = lease->way[way];
	lease->way[way] = numbers != NULL ? *numbers : none;
	leave(leases, shard);
	med_limit_give(leases->states, &was, way);
	return true;
}

bool med_lease_band(
		med_leases_t *leases, med_lease_id_t id, enum med_way way, const med_band_t *band)
{
	uint32_t shard;
	med_lease_t *lease = enter_lease(leases, id, &shard);
	med_band_t was;

	if(lease == NULL)
		return false;
	was = lease->band[way];
	lease->band[way] = band != NULL ? *band : (med_band_t){.kbit = 0};
	leave(leases, shard);
	med_band_give(leases->states, &was);
	return true;
}

void med_lease_answered(med_leases_t *leases, med_lease_id_t id, uint32_t tag)
{
	uint32_t shard;
	med_lease_t *lease = enter_lease(leases, id, &shard);

	if(lease == NULL)
		return;
	if(lease->answered == 0)
		lease->answered = tag;
	leave(leases, shard);
}

static bool end(med_leases_t *leases, med_lease_id_t id, bool unanswered)
{
	uint32_t shard;
	med_lease_t *lease = enter_lease(leases, id, &shard), was;
	bool ends;

	if(lease == NULL)
		return false;
	ends = !unanswered || lease->answered == 0;
	if(ends)
		was = put_back(leases, shard, lease);
	leave(leases, shard);
	if(ends)
		give_back(leases, &was);
	return ends;
}

bool med_lease_end(med_leases_t *leases, med_lease_id_t id)
{
	return end(leases, id, false);
}

void med_lease_end_unanswered(med_leases_t *leases, med_lease_id_t id)
{
	(void)end(leases, id, true);
}

/* The shard is locked. */
static med_lease_t *find(med_leases_t *leases, uint64_t key)
{
	uint32_t at = *chain_of(leases, key);

	while(at != 0 && leases->lease[at - 1].key != key)
		at = leases->lease[at - 1].next;
	return at == 0 ? NULL : &leases->lease[at - 1];
}

static med_lease_id_t id_of(const med_leases_t *leases, const med_lease_t *lease)
{
	return (med_lease_id_t)(lease - leases->lease + 1) << 32 | lease->turn;
}

med_lease_id_t med_lease_ending(med_leases_t *leases, uint64_t key, uint32_t tag)
{
	uint32_t shard = shard_of(key);
	med_lease_id_t id = 0;
	med_lease_t *lease;

	enter(leases, shard);
	lease = find(leases, key);
	if(lease != NULL && !lease->ending
			&& (lease->answered == 0 || lease->answered == tag)) {
		lease->ending = true;
		id = id_of(leases, lease);
	}
	leave(leases, shard);
	return id;
}

void med_lease_goes_on(med_leases_t *leases, med_lease_id_t id)
{
	uint32_t shard;
	med_lease_t *lease = enter_lease(leases, id, &shard);

	if(lease == NULL)
		return;
	lease->ending = false;
	leave(leases, shard);
}

med_lease_id_t med_lease_renew(
		med_leases_t *leases, uint64_t key, uint32_t tag, uint32_t until_s)
{
	uint32_t shard = shard_of(key);
	med_lease_id_t id = 0;
	med_lease_t *lease;

	enter(leases, shard);
	lease = find(leases, key);
	if(lease != NULL) {
		lease->until_s = until_s;
		if(lease->answered == tag)
			id = id_of(leases, lease);
	}
	leave(leases, shard);
	return id;
}

size_t med_leases_sweep(med_leases_t *leases, uint32_t now_s)
{
	size_t ended = 0;

	if(!med_leases_any(leases))
		return 0;
	for(uint32_t i = 0; i < leases->per_shard * MED_LEASE_SHARDS; i++) {
		med_lease_t *lease = &leases->lease[i], was;
		uint32_t shard = i / leases->per_shard;
		bool ends;

		if(__atomic_load_n(&lease->turn, __ATOMIC_RELAXED) == 0)
			continue;
		enter(leases, shard);
		ends = lease->turn != 0 && lease->until_s <= now_s;
		if(ends)
			was = put_back(leases, shard, lease);
		leave(leases, shard);
		if(ends)
			give_back(leases, &was);
		ended += ends;
	}
	return ended;
}
