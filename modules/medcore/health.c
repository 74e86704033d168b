/**
 * health.c - is a trunk worth trying
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <sched.h>

#include "medcore/health.h"

#define GET(at) __atomic_load_n(&(at), __ATOMIC_RELAXED)
#define SET(at, value) __atomic_store_n(&(at), (value), __ATOMIC_RELAXED)
#define BACKOFF_MAX 4       /* 16 times retry_ms */
#define PROBE_AGAIN_MS 5000 /* at most, where one more probe decides */
#define VOUCHED_TURNS 5     /* every fifth probe is our own, whoever asks for us */

const char *med_health_name(enum med_health_state state)
{
	static const char *const names[] = {[MED_HEALTH_UP] = "up",
			[MED_HEALTH_SUSPECT] = "suspect",
			[MED_HEALTH_DOWN] = "down",
			[MED_HEALTH_TRIAL] = "trial"};

	return (unsigned)state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

/* For some dozen instructions; who holds it never waits for anything. */
static void enter(med_health_t *h)
{
	while(__atomic_exchange_n(&h->busy, 1u, __ATOMIC_ACQUIRE) != 0)
		(void)sched_yield();
}

static void leave(med_health_t *h)
{
	__atomic_store_n(&h->busy, 0u, __ATOMIC_RELEASE);
}

enum med_health_state med_health_state(const med_health_t *h, int64_t now_ms)
{
	uint8_t forced = GET(h->forced), state = GET(h->state);

	if(forced != 0)
		return (enum med_health_state)(forced - 1);
	if(state == MED_HEALTH_UP || now_ms < GET(h->until_ms))
		return (enum med_health_state)state;
	if(state == MED_HEALTH_SUSPECT
			|| (state == MED_HEALTH_DOWN && GET(h->cause) == MED_HEALTH_ITS_WISH))
		return MED_HEALTH_UP;
	return (enum med_health_state)state;
}

static void set_state(med_health_t *h, enum med_health_state state,
		enum med_health_cause cause, int64_t now_ms)
{
	if(h->state != state)
		SET(h->since_ms, now_ms);
	SET(h->state, (uint8_t)state);
	SET(h->cause, (uint8_t)cause);
	h->rises = 0;
}

static void count(uint8_t *counter)
{
	if(*counter < UINT8_MAX)
		(*counter)++;
}

static void become_up(med_health_t *h, int64_t now_ms)
{
	set_state(h, MED_HEALTH_UP, MED_HEALTH_NOTHING, now_ms);
	h->misses = h->failures = h->backoff = 0;
}

/* A trial that fails makes the next one wait longer. */
static void wait_for_trial(
		med_health_t *h, const med_health_rules_t *rules, int64_t now_ms)
{
	SET(h->until_ms, now_ms + ((int64_t)rules->retry_ms << h->backoff));
	if(h->backoff < BACKOFF_MAX)
		h->backoff++;
}

static void probe_answered(
		med_health_t *h, const med_health_rules_t *rules, int64_t now_ms)
{
	h->misses = 0;
	if(h->cause != MED_HEALTH_PROBES)
		return;
	count(&h->rises);
	if(h->rises >= rules->up_after)
		become_up(h, now_ms);
}

static void probe_missed(
		med_health_t *h, const med_health_rules_t *rules, uint16_t code, int64_t now_ms)
{
	h->rises = 0;
	/* whatever else was heard since it was sent is as good as its answer */
	if(GET(h->heard_ms) > GET(h->sent_ms))
		return;
	h->code = code;
	count(&h->misses);
	if(h->misses < rules->max_misses || h->state == MED_HEALTH_DOWN
			|| h->state == MED_HEALTH_TRIAL)
		return;
	set_state(h, MED_HEALTH_DOWN, MED_HEALTH_PROBES, now_ms);
	wait_for_trial(h, rules, now_ms);
}

static void call_failed(med_health_t *h, const med_health_rules_t *rules,
		const med_evidence_t *evidence, int64_t now_ms)
{
	h->code = evidence->code;
	count(&h->failures);
	if(evidence->answered) {
		h->misses = 0;
		SET(h->heard_ms, now_ms);
	}
	if(h->state == MED_HEALTH_TRIAL) {
		set_state(h, MED_HEALTH_DOWN, MED_HEALTH_CALLS, now_ms);
		wait_for_trial(h, rules, now_ms);
	} else if(h->state == MED_HEALTH_DOWN) {
		/* tried as the last resort, or by a call that went on from another */
		if(now_ms >= h->until_ms)
			wait_for_trial(h, rules, now_ms);
	} else if(rules->down_after != 0 && h->failures >= rules->down_after) {
		set_state(h, MED_HEALTH_DOWN, MED_HEALTH_CALLS, now_ms);
		wait_for_trial(h, rules, now_ms);
	} else if(rules->suspect_after != 0 && h->failures >= rules->suspect_after) {
		set_state(h, MED_HEALTH_SUSPECT, MED_HEALTH_CALLS, now_ms);
		SET(h->until_ms, now_ms + rules->retry_ms);
	}
}

static void put_off(med_health_t *h, const med_health_rules_t *rules, uint32_t seconds,
		int64_t now_ms)
{
	if(seconds > rules->max_retry_after_s)
		seconds = rules->max_retry_after_s;
	/* one that is down for another reason does not come back by its own wish */
	if(seconds == 0
			|| (h->state >= MED_HEALTH_DOWN && h->cause != MED_HEALTH_ITS_WISH
					&& h->state != MED_HEALTH_TRIAL))
		return;
	set_state(h, MED_HEALTH_DOWN, MED_HEALTH_ITS_WISH, now_ms);
	SET(h->until_ms, now_ms + (int64_t)seconds * 1000);
}

/* What time alone does: those that are only less preferred, or put off, come back. */
static void time_passed(med_health_t *h, const med_health_rules_t *rules, int64_t now_ms)
{
	if(now_ms < h->until_ms)
		return;
	if(h->state == MED_HEALTH_TRIAL) { /* its call was given up: another one may */
		set_state(h, MED_HEALTH_DOWN, h->cause, now_ms);
	} else if(h->state == MED_HEALTH_SUSPECT
			|| (h->state == MED_HEALTH_DOWN && h->cause == MED_HEALTH_ITS_WISH)) {
		uint8_t failures = h->failures;
		become_up(h, now_ms);
		/* the next failure makes it suspect again */
		h->failures = failures < rules->suspect_after || rules->suspect_after == 0
				? failures
				: (uint8_t)(rules->suspect_after - 1);
	}
}

static void weigh(med_health_t *h, const med_health_rules_t *rules,
		const med_evidence_t *evidence, int64_t now_ms)
{
	switch(evidence->kind) {
		case MED_PROBE_ANSWERED:
			probe_answered(h, rules, now_ms);
			break;
		case MED_PROBE_MISSED:
			probe_missed(h, rules, evidence->code, now_ms);
			break;
		case MED_CALL_TAKEN:
			become_up(h, now_ms);
			break;
		case MED_CALL_FAILED:
			call_failed(h, rules, evidence, now_ms);
			break;
		case MED_PUT_OFF:
			put_off(h, rules, evidence->seconds, now_ms);
			break;
		case MED_TIME:
			break;
	}
}

/* Of a state as stored, without what time makes of it: that is told by MED_TIME. */
static uint8_t stored(const med_health_t *h)
{
	return h->forced != 0 ? (uint8_t)(h->forced - 1) : h->state;
}

static bool note(const med_health_t *h, uint8_t from, med_health_change_t *change)
{
	change->from = from;
	change->to = stored(h);
	change->cause = h->forced != 0 ? MED_HEALTH_BY_PERSON : h->cause;
	change->count = h->cause == MED_HEALTH_PROBES ? h->misses : h->failures;
	change->code = h->code;
	change->seconds = 0;
	return change->from != change->to;
}

bool med_health_tell(med_health_t *h, const med_health_rules_t *rules,
		const med_evidence_t *evidence, int64_t now_ms, med_health_change_t *change)
{
	bool good = evidence->kind == MED_PROBE_ANSWERED || evidence->kind == MED_CALL_TAKEN;
	uint8_t from;
	bool changed;

	if(good) {
		med_health_heard(h, now_ms);
		if(evidence->kind == MED_PROBE_ANSWERED)
			SET(h->answered_ms, now_ms);
		if(GET(h->hint_ms) != 0)
			SET(h->hint_ms, 0);
		/* nothing to mend: no lock, and nothing that other processes must fetch anew */
		if(GET(h->state) == MED_HEALTH_UP && GET(h->misses) == 0
				&& (evidence->kind == MED_PROBE_ANSWERED || GET(h->failures) == 0))
			return false;
	}
	enter(h);
	from = stored(h);
	if(rules != NULL) /* what is over is over, told or not */
		time_passed(h, rules, now_ms);
	weigh(h, rules, evidence, now_ms);
	changed = note(h, from, change);
	if(evidence->kind == MED_PUT_OFF)
		change->seconds = (uint32_t)((h->until_ms - now_ms) / 1000);
	leave(h);
	return changed;
}

bool med_health_force(med_health_t *h, const enum med_health_state *state, int64_t now_ms,
		med_health_change_t *change)
{
	uint8_t from;
	bool changed;

	enter(h);
	from = stored(h);
	SET(h->forced, state == NULL ? 0 : (uint8_t)(1 + *state));
	changed = note(h, from, change);
	if(changed)
		SET(h->since_ms, now_ms);
	leave(h);
	return changed;
}

bool med_health_forget(med_health_t *h, int64_t now_ms)
{
	bool was_up;

	enter(h);
	was_up = stored(h) == MED_HEALTH_UP;
	SET(h->forced, 0);
	become_up(h, now_ms);
	leave(h);
	return !was_up;
}

bool med_health_hint(med_health_t *h, uint8_t nodes, int64_t now_ms)
{
	bool down = GET(h->state) >= MED_HEALTH_DOWN, otherwise = (nodes > 0) != down;
	uint8_t was = GET(h->elsewhere);

	if(nodes == was)
		return false;
	SET(h->elsewhere, nodes);
	if((nodes > 0) == (was > 0))
		return false;
	SET(h->hint_ms, otherwise ? now_ms : 0);
	return otherwise;
}

/* Only one process wins. */
static bool begin_trial(med_health_t *h, const med_health_rules_t *rules, int64_t now_ms)
{
	bool won;

	enter(h);
	won = h->state == MED_HEALTH_DOWN && now_ms >= h->until_ms && h->forced == 0;
	if(won) {
		SET(h->state, MED_HEALTH_TRIAL);
		SET(h->until_ms, now_ms + rules->retry_ms); /* for its outcome */
	}
	leave(h);
	return won;
}

enum med_health_rank med_health_rank(
		med_health_t *h, const med_health_rules_t *rules, int64_t now_ms, bool takes)
{
	enum med_health_state state = med_health_state(h, now_ms);

	if(state == MED_HEALTH_UP)
		return GET(h->elsewhere) == 0 || GET(h->hint_ms) == 0 || GET(h->forced) != 0
				? MED_RANK_GOOD
				: MED_RANK_SUSPECT;
	if(state == MED_HEALTH_SUSPECT)
		return MED_RANK_SUSPECT;
	if(state != MED_HEALTH_DOWN || GET(h->forced) != 0 || now_ms < GET(h->until_ms)
			|| (rules->probed && GET(h->cause) == MED_HEALTH_PROBES))
		return MED_RANK_DOWN;
	return !takes || begin_trial(h, rules, now_ms) ? MED_RANK_GOOD : MED_RANK_DOWN;
}

static int64_t sooner(int64_t interval_ms)
{
	int64_t part = interval_ms / 6 > 1000 ? interval_ms / 6 : 1000;

	part = part < PROBE_AGAIN_MS ? part : PROBE_AGAIN_MS;
	return part < interval_ms ? part : interval_ms;
}

void med_health_vouch(med_health_t *h, uint32_t place, int64_t at_ms)
{
	SET(h->vouched_place, place);
	SET(h->vouched_ms, at_ms);
}

/* How long what the node that asks for all says stands for our own probe. */
static int64_t vouched_until(
		const med_health_t *h, int64_t last_ms, int64_t interval_ms, int64_t word_ms)
{
	int64_t until = GET(h->vouched_ms) + interval_ms + word_ms;
	int64_t most = last_ms + VOUCHED_TURNS * interval_ms;

	if(GET(h->state) != MED_HEALTH_UP || GET(h->failures) > 0 || GET(h->elsewhere) > 0
			|| GET(h->vouched_place) != GET(h->place))
		return 0;
	return until < most ? until : most;
}

int64_t med_health_next_probe(const med_health_t *h, int64_t interval_ms,
		int64_t down_interval_ms, int64_t word_ms)
{
	int64_t sent = GET(h->sent_ms), heard = GET(h->heard_ms), last, vouched;

	if(GET(h->hint_ms) > sent)
		return GET(h->hint_ms);
	if(GET(h->state) == MED_HEALTH_UP || GET(h->cause) != MED_HEALTH_PROBES) {
		if(GET(h->misses) > 0)
			return sent + sooner(interval_ms);
		/* one that sends us OPTIONS, or calls, need not be asked */
		last = heard > sent ? heard : sent;
		vouched = vouched_until(h, last, interval_ms, word_ms);
		return vouched > last + interval_ms ? vouched : last + interval_ms;
	}
	if(GET(h->rises) > 0)
		return sent + sooner(down_interval_ms);
	return heard > sent ? heard : sent + down_interval_ms;
}
