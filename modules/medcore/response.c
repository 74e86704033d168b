/**
 * response.c - what a gateway's final answer to an INVITE means
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>

#include "medcore/response.h"
#include "medcore/snapshot.h"

#define CAUSE_MAX 127

/* One reason, or one of its parameters, up to @p end outside of quotes; taken off. */
static med_str_t take_until(med_str_t *rest, char end)
{
	med_str_t part = {rest->s, 0};
	bool quoted = false;
	size_t i = 0;

	for(; i < rest->len && (quoted || rest->s[i] != end); i++) {
		if(rest->s[i] == '"')
			quoted = !quoted;
		else if(quoted && rest->s[i] == '\\' && i + 1 < rest->len)
			i++;
	}
	part.len = i;
	i = i < rest->len ? i + 1 : i;
	rest->s += i;
	rest->len -= i;
	return med_str_trim(part);
}

/* Leading digits, UINT32_MAX where they are more; -1: none. */
static int64_t digits(med_str_t text, size_t *used)
{
	int64_t value = 0;
	size_t i = 0;

	for(; i < text.len && text.s[i] >= '0' && text.s[i] <= '9'; i++) {
		value = value * 10 + (text.s[i] - '0');
		if(value > UINT32_MAX)
			value = UINT32_MAX;
	}
	*used = i;
	return i == 0 ? -1 : value;
}

int med_reason_cause(med_str_t value)
{
	while(value.len > 0) {
		med_str_t reason = take_until(&value, ','), name;

		if(!med_str_eq_nocase(take_until(&reason, ';'), MED_STR("Q.850")))
			continue;
		while(reason.len > 0) {
			med_str_t number = take_until(&reason, ';');
			size_t used;
			int64_t cause;

			name = take_until(&number, '=');
			if(!med_str_eq_nocase(name, MED_STR("cause")))
				continue;
			number = med_str_trim(number);
			cause = digits(number, &used);
			return cause < 0 || cause > CAUSE_MAX || used < number.len ? MED_CAUSE_NONE
																	   : (int)cause;
		}
	}
	return MED_CAUSE_NONE;
}

int64_t med_retry_after(med_str_t value)
{
	size_t used = 0;
	int64_t seconds;

	value = med_str_trim(value);
	seconds = digits(value, &used);
	/* what may follow: a comment, or parameters */
	return seconds < 0 || (used < value.len && strchr(" \t(;", value.s[used]) == NULL)
			? -1
			: seconds;
}

const med_response_rule_t *med_response_rule(
		const med_response_rules_t *rules, unsigned code, int cause)
{
	for(size_t i = 0; rules != NULL && i < rules->count; i++) {
		const med_response_rule_t *rule = &rules->rules[i];
		if((rule->code == MED_CODE_ANY || rule->code == code)
				&& (rule->cause == MED_CAUSE_ANY || rule->cause == cause))
			return rule;
	}
	return NULL;
}

const med_response_rules_t *med_snapshot_response_rules(
		const med_snapshot_t *snapshot, const med_profile_t *profile)
{
	uint64_t hash;

	if(profile->response_rules.len == 0)
		return NULL;
	hash = med_id_hash(profile->response_rules);
	MED_MAP_EACH(entry, snapshot->view.responses, hash)
	{
		const med_response_object_t *object = (const void *)(uintptr_t)entry->value;
		if(med_str_eq(object->rules.id, profile->response_rules))
			return &object->rules;
	}
	return NULL;
}
