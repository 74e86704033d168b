/**
 * calls.c - what the listener remembers of a call
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "calls.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct med_calls {
	size_t max_calls;
	size_t count;
	int64_t max_age_ms;
	size_t buckets; /**< a power of two */
	med_call_t **bucket;
	med_call_t *oldest;
	med_call_t *newest;
	med_call_t *last; /**< found last: a command asks for its call more than once */
	uint8_t hash_key[16];
};

med_calls_t *med_calls_new(size_t max_calls, int64_t max_age_ms)
{
	med_calls_t *calls = calloc(1, sizeof(*calls));

	if(!calls)
		return NULL;
	calls->max_calls = max_calls;
	calls->max_age_ms = max_age_ms;
	for(calls->buckets = 64; calls->buckets < max_calls; calls->buckets *= 2)
		;
	calls->bucket = calloc(calls->buckets, sizeof(*calls->bucket));
	if(!calls->bucket
			|| getrandom(calls->hash_key, sizeof(calls->hash_key), 0)
					!= (ssize_t)sizeof(calls->hash_key)) {
		med_calls_free(calls);
		return NULL;
	}
	return calls;
}

static void free_call(med_call_t *call)
{
	while(call->branches)
		med_call_branch_remove(call, call->branches);
	free(call->good_offer.s);
	free(call->good_answer.s);
	free(call);
}

void med_calls_free(med_calls_t *calls)
{
	med_call_t *call, *newer;

	if(!calls)
		return;
	for(call = calls->oldest; call; call = newer) {
		newer = call->newer;
		free_call(call);
	}
	free(calls->bucket);
	free(calls);
}

size_t med_calls_count(const med_calls_t *calls)
{
	return calls->count;
}

static med_call_t **bucket_of(const med_calls_t *calls, med_str_t id)
{
	/* Call-IDs are the peers' choice: the key keeps them from choosing our buckets */
	return &calls->bucket[med_siphash(calls->hash_key, id.s, id.len)
			& (calls->buckets - 1)];
}

static void unlink_use(med_calls_t *calls, med_call_t *call)
{
	*(call->older ? &call->older->newer : &calls->oldest) = call->newer;
	*(call->newer ? &call->newer->older : &calls->newest) = call->older;
}

static void link_newest(med_calls_t *calls, med_call_t *call, int64_t now_ms)
{
	call->used_ms = now_ms;
	call->newer = NULL;
	call->older = calls->newest;
	*(calls->newest ? &calls->newest->newer : &calls->oldest) = call;
	calls->newest = call;
}

med_call_t *med_calls_find(med_calls_t *calls, med_str_t id, int64_t now_ms)
{
	med_call_t *call = calls->last;

	if(!call || !med_str_eq(call->id, id)) {
		for(call = *bucket_of(calls, id); call; call = call->hash_next) {
			if(med_str_eq(call->id, id))
				break;
		}
	}
	if(!call)
		return NULL;
	calls->last = call;
	unlink_use(calls, call);
	link_newest(calls, call, now_ms);
	return call;
}

void med_calls_remove(med_calls_t *calls, med_call_t *call)
{
	med_call_t **at = bucket_of(calls, call->id);

	while(*at != call)
		at = &(*at)->hash_next;
	*at = call->hash_next;
	if(calls->last == call)
		calls->last = NULL;
	unlink_use(calls, call);
	calls->count--;
	free_call(call);
}

med_call_t *med_calls_add(
		med_calls_t *calls, med_str_t id, unsigned int node, int64_t now_ms)
{
	med_call_t *call = med_calls_find(calls, id, now_ms);
	med_call_t **bucket;

	if(call)
		return call;
	if(calls->count >= calls->max_calls && calls->oldest)
		med_calls_remove(calls, calls->oldest);
	call = calloc(1, sizeof(*call) + id.len);
	if(!call)
		return NULL;
	call->id = (med_str_t){(char *)(call + 1), id.len};
	memcpy((char *)(call + 1), id.s, id.len);
	call->node = node;
	bucket = bucket_of(calls, id);
	call->hash_next = *bucket;
	*bucket = call;
	link_newest(calls, call, now_ms);
	calls->count++;
	return call;
}

void med_calls_expire(med_calls_t *calls, int64_t now_ms)
{
	unsigned int i;

	for(i = 0; i < 64 && calls->oldest
			&& now_ms - calls->oldest->used_ms > calls->max_age_ms;
			i++)
		med_calls_remove(calls, calls->oldest);
}

med_branch_t *med_call_branch_exact(
		const med_call_t *call, med_str_t from_tag, med_str_t via_branch)
{
	med_branch_t *branch;

	for(branch = call->branches; branch; branch = branch->next) {
		if(med_str_eq(branch->from_tag, from_tag)
				&& med_str_eq(branch->via_branch, via_branch))
			return branch;
	}
	return NULL;
}

med_branch_t *med_call_branch(
		const med_call_t *call, med_str_t from_tag, med_str_t via_branch)
{
	med_branch_t *branch = med_call_branch_exact(call, from_tag, via_branch);

	if(branch || via_branch.len)
		return branch;
	for(branch = call->branches; branch; branch = branch->next) {
		if(med_str_eq(branch->from_tag, from_tag))
			return branch;
	}
	return NULL;
}

static void drop_beyond(med_call_t *call, unsigned int keep)
{
	med_branch_t *branch, *next;
	unsigned int i = 0;

	for(branch = call->branches; branch; branch = next) {
		next = branch->next;
		if(++i <= keep)
			continue;
		med_call_branch_remove(call, branch);
		call->whole = false;
	}
}

med_branch_t *med_call_branch_add(
		med_call_t *call, med_str_t from_tag, med_str_t via_branch)
{
	med_branch_t *branch = med_call_branch_exact(call, from_tag, via_branch);
	char *text;

	if(branch)
		return branch;
	drop_beyond(call, MED_CALL_MAX_BRANCHES - 1);
	branch = calloc(1, sizeof(*branch) + from_tag.len + via_branch.len);
	if(!branch)
		return NULL;
	text = (char *)(branch + 1);
	branch->from_tag = (med_str_t){text, from_tag.len};
	branch->via_branch = (med_str_t){text + from_tag.len, via_branch.len};
	if(from_tag.len)
		memcpy(text, from_tag.s, from_tag.len);
	if(via_branch.len)
		memcpy(text + from_tag.len, via_branch.s, via_branch.len);
	branch->next = call->branches;
	call->branches = branch;
	return branch;
}

void med_said_keep(med_said_t *said, const char *body, size_t len)
{
	char *copy = len > 0 && len <= MED_SAID_MAX ? malloc(len) : NULL;

	free(said->s);
	*said = (med_said_t){copy, copy ? len : 0};
	if(copy)
		memcpy(copy, body, len);
}

void med_call_branch_remove(med_call_t *call, med_branch_t *branch)
{
	med_branch_t **at = &call->branches;

	while(*at != branch)
		at = &(*at)->next;
	*at = branch->next;
	free(branch->offer.s);
	free(branch);
}
