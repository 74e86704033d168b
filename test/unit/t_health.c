/**
 * t_health.c - is a trunk worth trying
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core_test.h"

#include "medcore/health.h"

#define S 1000

static const med_health_rules_t rules = {.probed = true,
		.max_misses = 3,
		.up_after = 2,
		.suspect_after = 2,
		.down_after = 4,
		.retry_ms = 30 * S,
		.max_retry_after_s = 60};
static const med_health_rules_t unprobed = {.probed = false,
		.max_misses = 3,
		.up_after = 2,
		.suspect_after = 2,
		.down_after = 4,
		.retry_ms = 30 * S,
		.max_retry_after_s = 60};

/*
 * What is told, a letter each, one second apart: a probe (o)k or (m)issed, a call
 * (t)aken, (f)ailed without answer or (r)efused by the peer, (.) nothing but time. The
 * states come out: u, s, d, t; capital where a change was told.
 */
static const char *told(med_health_t *h, const med_health_rules_t *by, int64_t from_ms,
		const char *events)
{
	static char states[256];
	size_t n = strlen(events);

	ck_assert_uint_lt(n, sizeof(states));
	for(size_t i = 0; i < n; i++) {
		med_evidence_t evidence = {.kind = MED_TIME, .code = 408};
		med_health_change_t change;
		bool changed;
		int64_t now = from_ms + (int64_t)i * S;

		if(events[i] == 'o' || events[i] == 'm')
			h->sent_ms = now - S / 2;
		evidence.kind = events[i] == 'o'  ? MED_PROBE_ANSWERED
				: events[i] == 'm'        ? MED_PROBE_MISSED
				: events[i] == 't'        ? MED_CALL_TAKEN
				: strchr("fr", events[i]) ? MED_CALL_FAILED
										  : MED_TIME;
		evidence.answered = events[i] == 'r';
		changed = med_health_tell(h, by, &evidence, now, &change);
		states[i] = "usdt"[h->state];
		if(changed) {
			ck_assert_uint_eq(change.to, h->state);
			states[i] = (char)(states[i] - 'a' + 'A');
		}
	}
	states[n] = '\0';
	return states;
}

START_TEST(probes)
{
	med_health_t h = {0};

	/* down after three in a row, up after two in a row */
	ck_assert_str_eq(told(&h, &rules, 1000 * S, "ommommm"), "uuuuuuD");
	ck_assert_uint_eq(h.cause, MED_HEALTH_PROBES);
	ck_assert_uint_eq(h.code, 408);
	ck_assert_str_eq(told(&h, &rules, 1010 * S, "mmomomoo"), "dddddddU");
	ck_assert_int_eq(h.since_ms, 1017 * S);
	/* flapping: each second one is lost */
	ck_assert_str_eq(told(&h, &rules, 1020 * S, "momomomomo"), "uuuuuuuuuu");
}
END_TEST

START_TEST(what_is_heard_is_credit)
{
	med_health_t h = {0};

	ck_assert_str_eq(told(&h, &rules, 1000 * S, "mm"), "uu");
	med_health_heard(&h, 1003 * S);
	h.sent_ms = 1002 * S; /* heard after it was sent */
	ck_assert(!med_health_tell(&h, &rules, &(med_evidence_t){.kind = MED_PROBE_MISSED},
			1004 * S, &(med_health_change_t){0}));
	ck_assert_str_eq(told(&h, &rules, 1010 * S, "m"), "D");
	/* a call that a trunk takes while it is down says more than OPTIONS */
	ck_assert_str_eq(told(&h, &rules, 1020 * S, "tmm"), "Uuu");
	/* an answer to a call, be it no, is a sign of life: misses begin anew */
	ck_assert_str_eq(told(&h, &rules, 1030 * S, "rmm"), "uuu");
}
END_TEST

START_TEST(calls)
{
	med_health_t h = {0};

	ck_assert_str_eq(told(&h, &rules, 1000 * S, "ffffff"), "uSsDdd");
	ck_assert_uint_eq(h.cause, MED_HEALTH_CALLS);
	/* it answers OPTIONS, and refuses calls: OPTIONS do not bring it back */
	ck_assert_str_eq(told(&h, &rules, 1010 * S, "ooooo"), "ddddd");
	ck_assert_str_eq(told(&h, &rules, 1020 * S, "t"), "U");
	/* a call taken between */
	ck_assert_str_eq(told(&h, &rules, 1030 * S, "ftftfft"), "uuuuuSU");
}
END_TEST

START_TEST(suspects_come_back_with_time)
{
	med_health_t h = {0};

	ck_assert_str_eq(told(&h, &rules, 1000 * S, "ff"), "uS");
	ck_assert_int_eq(med_health_rank(&h, &rules, 1002 * S, true), MED_RANK_SUSPECT);
	ck_assert_int_eq(med_health_state(&h, 1030 * S), MED_HEALTH_SUSPECT);
	ck_assert_int_eq(med_health_state(&h, 1031 * S), MED_HEALTH_UP);
	ck_assert_int_eq(med_health_rank(&h, &rules, 1031 * S, true), MED_RANK_GOOD);
	ck_assert_str_eq(told(&h, &rules, 1030 * S, ".."), "sU"); /* told then */
	ck_assert_str_eq(told(&h, &rules, 1040 * S, "f"), "S");   /* one failure will do */
	/* also where nobody told that the time was over: the failure is one, not one more */
	ck_assert_str_eq(told(&h, &rules, 1080 * S, "fff"), "ssD");
}
END_TEST

START_TEST(trials)
{
	med_health_t h = {0};

	ck_assert_str_eq(told(&h, &rules, 1000 * S, "ffff"), "uSsD");
	ck_assert_int_eq(med_health_rank(&h, &rules, 1032 * S, true), MED_RANK_DOWN);
	/* after a while one call, and no other while it is out */
	ck_assert_int_eq(med_health_rank(&h, &rules, 1033 * S, false), MED_RANK_GOOD);
	ck_assert_int_eq(h.state, MED_HEALTH_DOWN);
	ck_assert_int_eq(med_health_rank(&h, &rules, 1033 * S, true), MED_RANK_GOOD);
	ck_assert_int_eq(h.state, MED_HEALTH_TRIAL);
	ck_assert_int_eq(med_health_rank(&h, &rules, 1033 * S, true), MED_RANK_DOWN);
	ck_assert_str_eq(told(&h, &rules, 1034 * S, "f"), "D");
	/* it failed: the next one has to wait for longer */
	ck_assert_int_eq(med_health_rank(&h, &rules, 1093 * S, true), MED_RANK_DOWN);
	ck_assert_int_eq(med_health_rank(&h, &rules, 1094 * S, true), MED_RANK_GOOD);
	ck_assert_str_eq(told(&h, &rules, 1095 * S, "t"), "U");
	/* a trial whose call was given up: another one after a while */
	ck_assert_str_eq(told(&h, &rules, 1100 * S, "ffff"), "uSsD");
	ck_assert_int_eq(med_health_rank(&h, &rules, 1133 * S, true), MED_RANK_GOOD);
	ck_assert_str_eq(told(&h, &rules, 1162 * S, ".."), "tD");
	ck_assert_int_eq(med_health_rank(&h, &rules, 1163 * S, true), MED_RANK_GOOD);
}
END_TEST

START_TEST(a_trunk_that_nobody_probes)
{
	med_health_t h = {0};

	ck_assert_str_eq(told(&h, &rules, 1000 * S, "mmm"), "uuD");
	ck_assert_int_eq(med_health_rank(&h, &rules, 2000 * S, true), MED_RANK_DOWN);
	ck_assert_int_eq(med_health_rank(&h, &unprobed, 2000 * S, true), MED_RANK_GOOD);
}
END_TEST

static bool put_off(med_health_t *h, int64_t now_ms, uint32_t seconds)
{
	med_health_change_t change;

	return med_health_tell(h, &rules,
			&(med_evidence_t){.kind = MED_PUT_OFF, .code = 503, .seconds = seconds},
			now_ms, &change);
}

START_TEST(retry_after)
{
	med_health_t h = {0};

	ck_assert(put_off(&h, 1000 * S, 20));
	ck_assert_int_eq(med_health_rank(&h, &rules, 1019 * S, true), MED_RANK_DOWN);
	ck_assert_str_eq(told(&h, &rules, 1010 * S, "oo"), "dd");
	ck_assert_int_eq(med_health_rank(&h, &rules, 1020 * S, true), MED_RANK_GOOD);
	ck_assert_str_eq(told(&h, &rules, 1019 * S, ".."), "dU");
	/* bounded, and not a way out of being down */
	ck_assert(put_off(&h, 1100 * S, 4000000000u));
	ck_assert_int_eq(med_health_state(&h, 1160 * S), MED_HEALTH_UP);
	ck_assert_str_eq(told(&h, &rules, 1160 * S, ".mmm"), "UuuD");
	ck_assert(!put_off(&h, 1200 * S, 1));
	ck_assert_int_eq(med_health_state(&h, 1202 * S), MED_HEALTH_DOWN);
	ck_assert(!put_off(&(med_health_t){0}, 1200 * S, 0));
}
END_TEST

START_TEST(forced)
{
	static const enum med_health_state up = MED_HEALTH_UP, down = MED_HEALTH_DOWN;
	med_health_change_t change;
	med_health_t h = {0};

	ck_assert(med_health_force(&h, &down, 1000 * S, &change));
	ck_assert_uint_eq(change.cause, MED_HEALTH_BY_PERSON);
	ck_assert_int_eq(med_health_rank(&h, &rules, 9000 * S, true), MED_RANK_DOWN);
	ck_assert(!med_health_force(&h, &down, 1000 * S, &change));
	(void)told(&h, &rules, 1001 * S, "mmm");
	ck_assert(med_health_force(&h, &up, 1010 * S, &change));
	ck_assert_int_eq(med_health_rank(&h, &rules, 1011 * S, true), MED_RANK_GOOD);
	/* the evidence went on meanwhile */
	ck_assert(med_health_force(&h, NULL, 1020 * S, &change));
	ck_assert_uint_eq(change.to, MED_HEALTH_DOWN);
	ck_assert_int_eq(med_health_state(&h, 1021 * S), MED_HEALTH_DOWN);
}
END_TEST

START_TEST(a_trunk_that_is_gone)
{
	static const enum med_health_state down = MED_HEALTH_DOWN;
	med_health_change_t change;
	med_health_t h = {0};

	ck_assert(!med_health_forget(&h, 1000 * S));
	(void)told(&h, &rules, 1000 * S, "mmm");
	ck_assert(med_health_forget(&h, 1010 * S));
	ck_assert(!med_health_forget(&h, 1011 * S));
	ck_assert_str_eq(told(&h, &rules, 1020 * S, "mm"), "uu"); /* counted anew */
	ck_assert(med_health_force(&h, &down, 1030 * S, &change));
	ck_assert(med_health_forget(&h, 1040 * S));
	ck_assert_int_eq(med_health_state(&h, 1041 * S), MED_HEALTH_UP);
}
END_TEST

START_TEST(never_suspect_never_down)
{
	med_health_rules_t by = rules;
	med_health_t h = {0};
	char many[201];

	by.suspect_after = by.down_after = 0;
	memset(many, 'f', 200);
	many[200] = '\0';
	(void)told(&h, &by, 1000 * S, many);
	(void)told(&h, &by, 1200 * S, many);
	ck_assert_int_eq(h.state, MED_HEALTH_UP);
	ck_assert_uint_eq(h.failures, 255);
}
END_TEST

START_TEST(when_to_probe)
{
	med_health_t h = {.sent_ms = 1000 * S, .heard_ms = 1000 * S};

	ck_assert_int_eq(med_health_next_probe(&h, 60 * S, 90 * S, 4 * S), 1060 * S);
	h.heard_ms = 1030 * S; /* it called us */
	ck_assert_int_eq(med_health_next_probe(&h, 60 * S, 90 * S, 4 * S), 1090 * S);
	h.heard_ms = 900 * S;
	h.misses = 1;
	ck_assert_int_eq(med_health_next_probe(&h, 60 * S, 90 * S, 4 * S), 1005 * S);
	ck_assert_int_eq(med_health_next_probe(&h, 1 * S, 90 * S, 4 * S), 1001 * S);
	h.state = MED_HEALTH_DOWN;
	h.cause = MED_HEALTH_PROBES;
	ck_assert_int_eq(med_health_next_probe(&h, 60 * S, 90 * S, 4 * S), 1090 * S);
	h.rises = 1;
	ck_assert_int_eq(med_health_next_probe(&h, 60 * S, 90 * S, 4 * S), 1005 * S);
	h.rises = 0;
	h.heard_ms = 1002 * S; /* at once */
	ck_assert_int_eq(med_health_next_probe(&h, 60 * S, 90 * S, 4 * S), 1002 * S);
}
END_TEST

/* Another node asks for all, and has answers. */
START_TEST(vouched_for)
{
	med_health_t h = {.sent_ms = 1000 * S, .heard_ms = 1000 * S, .place = 7};
	med_health_t other = h;

	med_health_vouch(&h, 7, 1050 * S);
	ck_assert_int_eq(med_health_next_probe(&h, 60 * S, 90 * S, 4 * S), 1114 * S);
	med_health_vouch(&h, 7, 900 * S); /* its last word is old: as if there were none */
	ck_assert_int_eq(med_health_next_probe(&h, 60 * S, 90 * S, 4 * S), 1060 * S);
	med_health_vouch(&h, 7, 1290 * S); /* the fifth time it is ours to ask */
	ck_assert_int_eq(med_health_next_probe(&h, 60 * S, 90 * S, 4 * S), 1300 * S);
	/* it had them from another place */
	med_health_vouch(&h, 8, 1050 * S);
	ck_assert_int_eq(med_health_next_probe(&h, 60 * S, 90 * S, 4 * S), 1060 * S);
	med_health_vouch(&h, 7, 1050 * S);
	/* not answered here; calls failed here; another node holds it down */
	h.misses = 1;
	ck_assert_int_eq(med_health_next_probe(&h, 60 * S, 90 * S, 4 * S), 1005 * S);
	h.misses = 0;
	ck_assert_str_eq(told(&h, &rules, 1000 * S, "f"), "u");
	ck_assert_int_eq(med_health_next_probe(&h, 60 * S, 90 * S, 4 * S), 1060 * S);
	ck_assert_str_eq(told(&h, &rules, 1000 * S, "t"), "u");
	ck_assert_int_eq(med_health_next_probe(&h, 60 * S, 90 * S, 4 * S), 1114 * S);
	h.elsewhere = 1;
	ck_assert_int_eq(med_health_next_probe(&h, 60 * S, 90 * S, 4 * S), 1060 * S);
	/* down is down, and suspect suspect */
	other.heard_ms = 0;
	ck_assert_str_eq(told(&other, &rules, 1000 * S, "mmm"), "uuD");
	med_health_vouch(&other, 7, 1010 * S);
	ck_assert_int_eq(med_health_state(&other, 1011 * S), MED_HEALTH_DOWN);
	ck_assert_int_eq(
			med_health_next_probe(&other, 60 * S, 90 * S, 4 * S), other.sent_ms + 90 * S);
	ck_assert_int_eq(other.answered_ms, 0);
	ck_assert_str_eq(told(&other, &rules, 1020 * S, "oo"), "dU");
	ck_assert_int_eq(other.answered_ms, 1021 * S);
}
END_TEST

START_TEST(hints_of_other_nodes)
{
	static const enum med_health_state up = MED_HEALTH_UP;
	med_health_t h = {.sent_ms = 900 * S, .heard_ms = 900 * S};
	med_health_change_t change;

	/* down elsewhere: asked at once, and after others until it has answered us */
	ck_assert(med_health_hint(&h, 1, 1000 * S));
	ck_assert_int_eq(med_health_next_probe(&h, 600 * S, 600 * S, 4 * S), 1000 * S);
	ck_assert_int_eq(med_health_rank(&h, &rules, 1001 * S, true), MED_RANK_SUSPECT);
	ck_assert(!med_health_hint(&h, 2, 1002 * S)); /* no news */
	ck_assert_int_eq(med_health_state(&h, 1002 * S), MED_HEALTH_UP);
	ck_assert_str_eq(told(&h, &rules, 1003 * S, "mo"), "uu");
	ck_assert_int_eq(med_health_rank(&h, &rules, 1005 * S, true), MED_RANK_GOOD);
	ck_assert_int_gt(med_health_next_probe(&h, 600 * S, 600 * S, 4 * S), 1500 * S);
	/* so does a call that it takes; and what a person says */
	ck_assert(!med_health_hint(&h, 0, 1010 * S));
	ck_assert(med_health_hint(&h, 1, 1011 * S));
	med_health_force(&h, &up, 1011 * S, &change);
	ck_assert_int_eq(med_health_rank(&h, &rules, 1012 * S, true), MED_RANK_GOOD);
	med_health_force(&h, NULL, 1012 * S, &change);
	ck_assert_int_eq(med_health_rank(&h, &rules, 1012 * S, true), MED_RANK_SUSPECT);
	ck_assert_str_eq(told(&h, &rules, 1013 * S, "t"), "u");
	ck_assert_int_eq(med_health_rank(&h, &rules, 1014 * S, true), MED_RANK_GOOD);
	/* they agree: nothing is new; up elsewhere: asked at once, and down until then */
	ck_assert(!med_health_hint(&h, 0, 1020 * S));
	ck_assert_str_eq(told(&h, &rules, 1020 * S, "mmm"), "uuD");
	ck_assert(!med_health_hint(&h, 1, 1030 * S));
	ck_assert(med_health_hint(&h, 0, 1040 * S));
	ck_assert_int_eq(med_health_next_probe(&h, 600 * S, 600 * S, 4 * S), 1040 * S);
	ck_assert_int_eq(med_health_rank(&h, &rules, 1040 * S, true), MED_RANK_DOWN);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {probes, what_is_heard_is_credit, calls,
			suspects_come_back_with_time, trials, a_trunk_that_nobody_probes, retry_after,
			forced, a_trunk_that_is_gone, never_suspect_never_down, when_to_probe,
			vouched_for, hints_of_other_nodes};

	return core_run("health", tests, COUNT(tests));
}
