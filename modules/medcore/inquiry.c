/**
 * inquiry.c - questions about a part of a decision
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "medcore/inquiry.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "medcore/explain.h"
#include "medcore/snapshot.h"

struct med_inquiring {
	const med_snapshot_t *snapshot;
	med_scratch_t *scratch;
	const med_question_t *question;
	const med_answer_sink_t *sink;
	med_answer_t *answer;
	med_number_t number, calling; /* len 0: none */
	int64_t now;
};

static med_str_t word(const med_inquiring_t *q, enum med_asked which)
{
	med_str_t text = q->question->word[which];

	return med_str_eq(text, MED_STR("-")) ? (med_str_t){"", 0} : text;
}

static void tell(med_inquiring_t *q, const char *name, med_str_t value)
{
	q->sink->field(q->sink->ctx, name, value);
}

static void tell_number(med_inquiring_t *q, const char *name, const med_number_t *number)
{
	tell(q, name, (med_str_t){number->s, number->len});
}

static int no_such(med_inquiring_t *q, enum med_kind kind, med_str_t id)
{
	char quoted[MED_ID_MAX * 2];

	return med_fail(&q->answer->text, MED_ENOMATCH, "no %s '%s' is in force",
			med_kind_name(kind), med_quote(quoted, sizeof(quoted), id));
}

static int say(med_inquiring_t *q, bool matched, const char *fmt, ...)
		__attribute__((format(printf, 3, 4)));

/* The answer, and that it is one. */
static int say(med_inquiring_t *q, bool matched, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(q->answer->text.text, sizeof(q->answer->text.text), fmt, args);
	va_end(args);
	q->answer->matched = matched;
	return MED_EOK;
}

/* ---- rules ----------------------------------------------------------------------------
 */

/* One rule of a set, alone. */
static int apply_one(const med_inquiring_t *q, const med_rules_t *rules, size_t at,
		const med_number_t *in, med_number_t *out)
{
	med_rules_t one = {.id = rules->id,
			.name = rules->name,
			.count = 1,
			.filters = &rules->filters[at],
			.rules = &rules->rules[at]};

	return med_rules_apply(&one, q->scratch, in, out, NULL);
}

/*
 * As med_rules_apply(), and which rule it was. MED_ENOMATCH: none; other than that and
 * MED_EOK: *rule is the one that went wrong.
 */
static int find_rule(const med_inquiring_t *q, const med_rules_t *rules,
		const med_number_t *in, med_number_t *out, const med_rule_t **rule)
{
	int rc = MED_ENOMATCH;

	for(size_t i = 0; rc == MED_ENOMATCH && i < rules->count; i++) {
		*rule = &rules->rules[i];
		rc = apply_one(q, rules, i, in, out);
	}
	return rc;
}

static void tell_rule(med_inquiring_t *q, const char *name, const med_rules_t *rules,
		const med_rule_t *rule)
{
	char text[MED_ID_MAX + MED_PATTERN_MAX + MED_TRANSLATION_MAX + 40];

	(void)snprintf(text, sizeof(text), "%.*s: rule.%u %.*s => %.*s",
			MED_STR_FMT(rules->id), rule->order, MED_STR_FMT(rule->pattern),
			MED_STR_FMT(rule->translation));
	tell(q, name, med_str(text));
}

/* Which rule of these made the number; *matched: one did. */
static void tell_rule_of(med_inquiring_t *q, const char *name, med_str_t id,
		const med_number_t *number, bool *matched)
{
	const med_rules_t *rules =
			id.len == 0 ? NULL : med_view_rules(&q->snapshot->view, id);
	const med_rule_t *rule;
	med_number_t unused;

	*matched = rules != NULL && find_rule(q, rules, number, &unused, &rule) == MED_EOK;
	if(*matched)
		tell_rule(q, name, rules, rule);
}

static int ask_dial_plan(med_inquiring_t *q)
{
	med_str_t id = word(q, MED_ASKED_ID);
	const med_rules_t *rules = med_view_rules(&q->snapshot->view, id);
	med_number_t made;
	bool matched;
	int rc;

	if(rules == NULL)
		return no_such(q, MED_KIND_RULES, id);
	rc = med_normalize(q->snapshot, q->scratch, id, &q->number, &made, NULL);
	if(rc != MED_EOK && rc != MED_ENOMATCH)
		return say(q, false, "rules '%.*s': %s", MED_STR_FMT(id), med_strerror(rc));
	if(rc == MED_ENOMATCH)
		return say(q, false, "none of %zu rules makes a number of %.*s", rules->count,
				(int)q->number.len, q->number.s);
	tell_number(q, "translated_number", &made);
	if(q->number.s[0] == '+')
		return say(q, true, "%.*s is E.164 already: no dial plan is asked",
				(int)q->number.len, q->number.s);
	med_scratch_begin(q->scratch, MED_BUDGET_NORMALIZE_NS);
	tell_rule_of(q, "matching_rule", id, &q->number, &matched);
	return say(q, true, "%.*s becomes %.*s", (int)q->number.len, q->number.s,
			(int)made.len, made.s);
}

/* n of "n" or "rule.n"; false: neither. */
static bool rule_order(med_str_t text, uint32_t *order)
{
	if(text.len > 5 && memcmp(text.s, "rule.", 5) == 0)
		text = (med_str_t){text.s + 5, text.len - 5};
	if(text.len == 0 || text.len > 9)
		return false;
	*order = 0;
	for(size_t i = 0; i < text.len; i++) {
		if(text.s[i] < '0' || text.s[i] > '9')
			return false;
		*order = *order * 10 + (uint32_t)(text.s[i] - '0');
	}
	return true;
}

static int ask_rule(med_inquiring_t *q)
{
	med_str_t id = word(q, MED_ASKED_ID), which = word(q, MED_ASKED_RULE);
	const med_rules_t *rules = med_view_rules(&q->snapshot->view, id);
	char quoted[40];
	med_number_t made;
	uint32_t order = 0;
	size_t at = 0;
	int rc;

	if(rules == NULL)
		return no_such(q, MED_KIND_RULES, id);
	if(!rule_order(which, &order))
		return med_fail(&q->answer->text, MED_EINVAL,
				"'%s' is no rule: write 2 or rule.2",
				med_quote(quoted, sizeof(quoted), which));
	while(at < rules->count && rules->rules[at].order != order)
		at++;
	if(at == rules->count)
		return med_fail(&q->answer->text, MED_ENOMATCH, "rules '%.*s' have no rule.%u",
				MED_STR_FMT(id), order);
	tell_rule(q, "rule", rules, &rules->rules[at]);
	med_scratch_begin(q->scratch, MED_BUDGET_NORMALIZE_NS);
	rc = apply_one(q, rules, at, &q->number, &made);
	if(rc == MED_ENOMATCH)
		return say(q, false, "rule.%u does not match %.*s", order, (int)q->number.len,
				q->number.s);
	if(rc != MED_EOK)
		return say(q, false, "rule.%u: %s", order, med_strerror(rc));
	tell_number(q, "translated_number", &made);
	return say(q, true, "%.*s becomes %.*s", (int)q->number.len, q->number.s,
			(int)made.len, made.s);
}

/* ---- trunks ---------------------------------------------------------------------------
 */

static int ask_trunk(med_inquiring_t *q)
{
	med_str_t id = word(q, MED_ASKED_ID);
	const med_trunk_t *trunk = med_snapshot_trunk(q->snapshot, id);
	med_numbers_t made;
	bool called, calling = false;
	int rc;

	if(trunk == NULL)
		return no_such(q, MED_KIND_TRUNK, id);
	tell(q, "profile", trunk->profile->id);
	rc = med_translate(
			q->snapshot, q->scratch, trunk, NULL, &q->number, &q->calling, &made, NULL);
	if(rc != MED_EOK)
		return say(q, false, "trunk '%.*s': %s", MED_STR_FMT(id), med_strerror(rc));
	tell_number(q, "translated_number", &made.called);
	med_scratch_begin(q->scratch, MED_BUDGET_TRANSLATE_NS);
	tell_rule_of(q, "matching_rule", trunk->profile->called_rules, &q->number, &called);
	if(q->calling.len > 0) {
		tell_number(q, "translated_calling_number", &made.calling);
		tell_rule_of(q, "matching_calling_rule", trunk->profile->calling_rules,
				&q->calling, &calling);
	}
	return say(q, called || calling, "%s rule of profile '%.*s' matches%s",
			called || calling ? "a" : "no", MED_STR_FMT(trunk->profile->id),
			trunk->profile->remove_plus_from_uri ? ", and it removes the plus" : "");
}

/* ---- routes ---------------------------------------------------------------------------
 */

typedef struct med_wanted_id {
	med_str_t id;
	const med_route_t *found;
} med_wanted_id_t;

static bool is_wanted(void *ctx, med_str_t usage, const med_route_t *route)
{
	med_wanted_id_t *wanted = ctx;

	(void)usage;
	if(med_str_eq(med_route_id(route), wanted->id))
		wanted->found = route;
	return wanted->found == NULL;
}

static int match_regex(
		med_inquiring_t *q, med_str_t pattern, const med_subject_t *subject)
{
	med_span_t spans[MED_PATTERN_GROUPS];
	med_regex_t *regex;
	int rc = med_regex_compile(&med_mem_heap, pattern, &regex, &q->answer->text);

	if(rc != MED_EOK)
		return rc;
	med_scratch_begin(q->scratch, MED_BUDGET_SELECT_NS);
	rc = med_regex_match(regex, q->scratch, subject->text, spans);
	med_regex_free(&med_mem_heap, regex);
	return rc;
}

/* A pattern against the number: as the index would, but for one route alone. */
static int match_pattern(med_inquiring_t *q, med_str_t pattern)
{
	med_subject_t subject = med_subject((med_str_t){q->number.s, q->number.len});
	med_variants_t variants;

	if(!med_pattern_recognise(pattern, &variants))
		return match_regex(q, pattern, &subject);
	for(unsigned i = 0; i < variants.count; i++) {
		size_t end;
		if(med_variant_match(&variants.variant[i], &subject, &end))
			return MED_EOK;
	}
	return MED_ENOMATCH;
}

static int ask_route(med_inquiring_t *q)
{
	med_wanted_id_t wanted = {word(q, MED_ASKED_ID), NULL};
	int rc = med_routes_each(q->snapshot, MED_STR(""), &med_mem_heap, is_wanted, &wanted);

	if(rc == MED_ENOMEM)
		return med_fail(&q->answer->text, rc, "out of memory");
	if(wanted.found == NULL)
		return no_such(q, MED_KIND_ROUTE, wanted.id);
	tell(q, "pattern", med_route_pattern(wanted.found));
	rc = match_pattern(q, med_route_pattern(wanted.found));
	if(rc == MED_ENOMEM)
		return med_fail(&q->answer->text, rc, "out of memory");
	if(rc == MED_ELIMIT)
		return say(q, false, "route '%.*s': field 'pattern': took too many steps on %.*s",
				MED_STR_FMT(wanted.id), (int)q->number.len, q->number.s);
	return say(q, rc == MED_EOK, "route '%.*s' %s %.*s", MED_STR_FMT(wanted.id),
			rc == MED_EOK ? "takes" : "does not take", (int)q->number.len, q->number.s);
}

/* ---- usages ---------------------------------------------------------------------------
 */

/* The routes of one usage that take the number; how many more may be told. */
static size_t tell_usage(
		med_inquiring_t *q, const med_usage_t *usage, med_dialled_t *dialled, size_t room)
{
	const med_route_t *route;
	med_hits_t hits;
	int rc;

	med_scratch_begin(q->scratch, MED_BUDGET_SELECT_NS);
	med_hits_begin(&hits, usage, dialled);
	med_dialled_keys(dialled);
	med_hits_bare(&hits, q->scratch);
	med_hits_narrow(&hits);
	med_hits_find(&hits);
	while(room > 0) {
		rc = med_hits_next(&hits, q->scratch, &route);
		if(rc == MED_ELIMIT && !med_scratch_spent(q->scratch))
			continue;
		if(rc != MED_EOK)
			break;
		q->sink->route(q->sink->ctx, usage->name, route);
		room--;
	}
	return room;
}

/* All routes that take the number, whatever becomes of their trunks. */
static void tell_routes(med_inquiring_t *q, const uint32_t *numbers, size_t count)
{
	size_t room = MED_ASKED_ROUTES;
	med_dialled_t dialled;

	med_dialled_init(&dialled, &q->number);
	for(size_t i = 0; i < count && room > 0; i++) {
		const med_usage_t *usage = med_array_get(q->snapshot->view.usages, numbers[i]);
		if(usage != NULL)
			room = tell_usage(q, usage, &dialled, room);
	}
}

static void tell_first(med_inquiring_t *q, const med_plan_t *plan)
{
	const med_candidate_t *first = &plan->candidate[0];

	tell(q, "first_matching_route", med_route_id(first->route));
	tell(q, "matching_usage", first->usage);
	tell(q, "trunk", first->trunk->id);
}

/* Which route is the first for this caller, then all that match. */
static int ask_usages(
		med_inquiring_t *q, med_query_t *query, const uint32_t *numbers, size_t count)
{
	med_errbuf_t why = {""};
	med_number_t sent = q->number;
	med_plan_t plan;
	int rc;

	query->now = q->now;
	query->called = &sent;
	query->emergency = med_emergency(q->snapshot,
			query->in != NULL ? query->in->network_site : query->site, &sent);
	rc = med_select(q->snapshot, q->scratch, query, &plan, NULL, &why);
	if(rc == MED_EOK)
		tell_first(q, &plan);
	if(query->emergency != NULL)
		tell(q, "location_policy", query->emergency->id);
	tell_routes(q, numbers, count);
	if(rc != MED_EOK)
		return say(q, false, "%s", why.text[0] != '\0' ? why.text : med_strerror(rc));
	return say(q, true, "%zu trunk%s to try", plan.count, plan.count == 1 ? "" : "s");
}

static int ask_policy(med_inquiring_t *q)
{
	med_str_t id = word(q, MED_ASKED_ID);
	const med_policy_t *policy = med_snapshot_policy(q->snapshot, id);
	const med_pool_t *pool = med_snapshot_pool(q->snapshot, q->question->pool);
	med_query_t query = {
			.policy = policy,
	};

	if(policy == NULL)
		return no_such(q, MED_KIND_POLICY, id);
	if(pool != NULL)
		query.site = pool->site;
	return ask_usages(q, &query,
			MED_OBJECT(med_policy_object_t, policy, policy)->usage_numbers,
			policy->usage_count);
}

static int ask_inter_trunk(med_inquiring_t *q)
{
	med_str_t id = word(q, MED_ASKED_ID);
	const med_trunk_t *trunk = med_snapshot_trunk(q->snapshot, id);
	med_query_t query = {.in = trunk};

	if(trunk == NULL)
		return no_such(q, MED_KIND_TRUNK, id);
	tell(q, "profile", trunk->profile->id);
	return ask_usages(q, &query,
			MED_OBJECT(med_profile_object_t, profile, trunk->profile)->usage_numbers,
			trunk->profile->usage_count);
}

/* ---- end to end -----------------------------------------------------------------------
 */

static void tell_sent(
		void *ctx, const med_candidate_t *candidate, const med_numbers_t *numbers)
{
	med_number_t *sent = ctx;

	(void)candidate;
	if(sent->len == 0)
		*sent = numbers->called;
}

/* How the number called came to be: by a rule, or because it is an emergency's. */
static void tell_made(med_inquiring_t *q, med_str_t rules)
{
	const med_pool_t *pool = med_snapshot_pool(q->snapshot, q->question->pool);
	med_str_t site = pool != NULL ? pool->site : (med_str_t){NULL, 0};
	const med_location_policy_t *emergency;
	med_number_t sent = q->number;
	bool matched;

	emergency = med_emergency(q->snapshot, site, &sent);
	if(emergency != NULL) {
		tell(q, "location_policy", emergency->id);
		return;
	}
	if(q->number.s[0] == '+')
		return;
	if(rules.len == 0)
		rules = med_snapshot_dial_plan(q->snapshot, q->question->pool);
	med_scratch_begin(q->scratch, MED_BUDGET_NORMALIZE_NS);
	tell_rule_of(q, "matching_rule", rules, &q->number, &matched);
}

static int ask_user(med_inquiring_t *q)
{
	med_str_t id = word(q, MED_ASKED_ID), rules = word(q, MED_ASKED_RULES);
	med_explain_query_t query = {.pool = q->question->pool,
			.policy = id,
			.dial_plan = rules,
			.called = word(q, MED_ASKED_NUMBER),
			.calling = word(q, MED_ASKED_CALLING),
			.now = q->now};
	med_number_t sent = {.len = 0};
	med_explain_sink_t sink = {NULL, tell_sent, &sent};
	med_explain_result_t result;
	int rc;

	rc = med_explain(q->snapshot, q->scratch, &query, &sink, &result);
	q->answer->text = result.text;
	if(rc != MED_EOK)
		return rc;
	if(result.called.len > 0)
		tell_number(q, "translated_number", &result.called);
	tell_made(q, rules);
	q->answer->matched = result.outcome == MED_EOK;
	if(!q->answer->matched)
		return MED_EOK;
	tell_first(q, &result.plan);
	tell_number(q, "trunk_called_number", &sent);
	return MED_EOK;
}

static void tell_usages(med_inquiring_t *q, const med_location_policy_t *of)
{
	char text[MED_ASKED_ROUTES * (MED_ID_MAX + 2)];
	size_t used = 0;

	for(size_t i = 0; i < of->usage_count && i < MED_ASKED_ROUTES; i++) {
		int len = snprintf(text + used, sizeof(text) - used, "%s%.*s", i > 0 ? ", " : "",
				MED_STR_FMT(of->usages[i]));
		if(len < 0 || (size_t)len >= sizeof(text) - used)
			break;
		used += (size_t)len;
	}
	tell(q, "usages", (med_str_t){text, used});
}

static int ask_location_policy(med_inquiring_t *q)
{
	med_str_t site = word(q, MED_ASKED_SITE);
	const med_pool_t *pool = med_snapshot_pool(q->snapshot, q->question->pool);
	const med_location_policy_t *of;
	med_number_t sent = q->number;

	if(site.len == 0 && pool != NULL)
		site = pool->site;
	of = med_snapshot_location_policy(q->snapshot, site);
	if(of != NULL)
		tell(q, "location_policy", of->id);
	if(of == NULL)
		return say(q, false, "no location_policy is in force there, nor a global one");
	if(med_emergency(q->snapshot, site, &sent) == NULL)
		return say(q, false, "%.*s is no emergency number of location_policy '%.*s'",
				(int)q->number.len, q->number.s, MED_STR_FMT(of->id));
	tell_number(q, "translated_number", &sent);
	tell_usages(q, of);
	return say(q, true, "an emergency number: %.*s is called", (int)sent.len, sent.s);
}

/* ---- asking ---------------------------------------------------------------------------
 */

/* clang-format off */
const med_inquiry_t med_inquiries[] = {
	{"trunk", "numbers as a trunk gets them, and the rules that make them", MED_KIND_TRUNK,
		{MED_ASKED_ID, MED_ASKED_NUMBER, MED_ASKED_CALLING, 0}, 2, ask_trunk},
	{"route", "does a route's pattern take a number", MED_KIND_ROUTE,
		{MED_ASKED_ID, MED_ASKED_NUMBER, 0}, 2, ask_route},
	{"policy", "the first route of a policy for a number, and the usage between them",
		MED_KIND_POLICY, {MED_ASKED_ID, MED_ASKED_NUMBER, MED_ASKED_AT, 0}, 2, ask_policy},
	{"inter_trunk", "the routes that calls of an incoming trunk find", MED_KIND_TRUNK,
		{MED_ASKED_ID, MED_ASKED_NUMBER, MED_ASKED_AT, 0}, 2, ask_inter_trunk},
	{"dial_plan", "what rules make of a number as it is dialled", MED_KIND_RULES,
		{MED_ASKED_ID, MED_ASKED_NUMBER, 0}, 2, ask_dial_plan},
	{"rule", "what one rule alone makes of a number", MED_KIND_RULES,
		{MED_ASKED_ID, MED_ASKED_RULE, MED_ASKED_NUMBER, 0}, 3, ask_rule},
	{"user", "an own user's call from end to end, by its policy", MED_KIND_POLICY,
		{MED_ASKED_ID, MED_ASKED_NUMBER, MED_ASKED_RULES, MED_ASKED_CALLING, MED_ASKED_AT, 0},
		2, ask_user},
	{"location_policy", "is it an emergency number, and who takes it", MED_KIND_SITE,
		{MED_ASKED_NUMBER, MED_ASKED_SITE, 0}, 1, ask_location_policy},
	{NULL, NULL, MED_KIND_COUNT, {0}, 0, NULL},
};
/* clang-format on */

static bool same_name(const char *name, const char *asked)
{
	for(; *name != '\0' && (*asked == *name || (*asked == '-' && *name == '_')); asked++)
		name++;
	return *name == '\0' && *asked == '\0';
}

const med_inquiry_t *med_inquiry_find(const char *name)
{
	for(const med_inquiry_t *i = med_inquiries; i->name != NULL; i++) {
		if(same_name(i->name, name))
			return i;
	}
	return NULL;
}

static void upper(char *text)
{
	for(; *text != '\0'; text++) {
		if(*text >= 'a' && *text <= 'z')
			*text = (char)(*text - 'a' + 'A');
	}
}

const char *med_inquiry_usage(
		const med_inquiry_t *inquiry, size_t most, char *out, size_t size)
{
	static const char *const names[MED_ASKED_COUNT] = {
			"", "", "rule", "number", "rules", "site", "calling", "moment"};
	size_t used = 0;

	out[0] = '\0';
	for(size_t i = 0; i < most && inquiry->words[i] != MED_ASKED_END && used < size;
			i++) {
		const char *name = inquiry->words[i] == MED_ASKED_ID
				? med_kind_name(inquiry->kind)
				: names[inquiry->words[i]];
		used += (size_t)snprintf(out + used, size - used,
				i < inquiry->needed ? "%s%s" : "%s[%s]", i > 0 ? " " : "", name);
	}
	upper(out);
	return out;
}

static bool has_word(const med_inquiry_t *inquiry, enum med_asked which)
{
	for(const uint8_t *at = inquiry->words; *at != MED_ASKED_END; at++) {
		if(*at == which)
			return true;
	}
	return false;
}

static int read_number(
		med_inquiring_t *q, enum med_asked which, const char *name, med_number_t *number)
{
	med_errbuf_t why = {""};
	med_str_t text = word(q, which);
	int rc;

	number->len = 0;
	if(text.len == 0 && which == MED_ASKED_CALLING)
		return MED_EOK;
	rc = med_number_from_user(text, number, &why);
	if(rc == MED_EOK && number->len > 0)
		return rc;
	return med_fail(&q->answer->text, rc == MED_EOK ? MED_EINVAL : rc,
			"the %s number: %s", name, rc == MED_EOK ? "nothing to dial" : why.text);
}

static int read_words(med_inquiring_t *q, const med_inquiry_t *inquiry)
{
	med_str_t at = word(q, MED_ASKED_AT);
	char usage[120];
	int rc;

	for(size_t i = 0; i < inquiry->needed; i++) {
		if(word(q, (enum med_asked)inquiry->words[i]).len == 0)
			return med_fail(&q->answer->text, MED_EINVAL, "the words are %s",
					med_inquiry_usage(inquiry, MED_ASKED_WORDS, usage, sizeof(usage)));
	}
	rc = read_number(q, MED_ASKED_NUMBER, "called", &q->number);
	q->calling.len = 0;
	if(rc == MED_EOK && has_word(inquiry, MED_ASKED_CALLING))
		rc = read_number(q, MED_ASKED_CALLING, "calling", &q->calling);
	if(rc == MED_EOK && has_word(inquiry, MED_ASKED_AT) && at.len > 0
			&& med_instant_parse(at, &q->now) != MED_EOK)
		return med_fail(&q->answer->text, MED_EINVAL,
				"the moment is written in UTC, as in 2026-12-24T18:00Z");
	return rc;
}

int med_inquire(const med_inquiry_t *inquiry, const med_snapshot_t *snapshot,
		med_scratch_t *scratch, const med_question_t *question,
		const med_answer_sink_t *sink, med_answer_t *answer)
{
	med_inquiring_t q = {.snapshot = snapshot,
			.scratch = scratch,
			.question = question,
			.sink = sink,
			.answer = answer};
	int rc;

	answer->matched = false;
	answer->text.text[0] = '\0';
	rc = read_words(&q, inquiry);
	return rc == MED_EOK ? inquiry->ask(&q) : rc;
}
