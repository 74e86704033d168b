/**
 * txn.c - one command on its way, and what is kept of it afterwards
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "txn.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define BUCKETS 8192 /* a power of two */

struct queue {
	med_txn_t *first;
	med_txn_t *last;
};

struct med_txns {
	char instance[16]; /**< hex, so that no two listeners' cookies meet in rtpengine */
	uint8_t hash_key[16];
	uint64_t next_seq;
	med_txn_t *free; /**< chained by next */
	struct queue queue[MED_TXN_STATES];
	med_txn_t *bucket[BUCKETS];
	med_txn_t slot[MED_TXN_COUNT];
};

static const char hex[] = "0123456789abcdef";

static void put_hex(char *at, uint64_t value, unsigned int digits)
{
	while(digits--) {
		at[digits] = hex[value & 15];
		value >>= 4;
	}
}

static bool get_hex(const char *at, unsigned int digits, uint64_t *value)
{
	const char *digit;

	for(*value = 0; digits--; at++) {
		digit = *at ? strchr(hex, *at) : NULL;
		if(!digit)
			return false;
		*value = *value << 4 | (uint64_t)(digit - hex);
	}
	return true;
}

med_txns_t *med_txns_new(void)
{
	med_txns_t *txns = calloc(1, sizeof(*txns));
	uint64_t instance;
	size_t i;

	if(!txns)
		return NULL;
	if(getrandom(&instance, sizeof(instance), 0) != (ssize_t)sizeof(instance)
			|| getrandom(txns->hash_key, sizeof(txns->hash_key), 0)
					!= (ssize_t)sizeof(txns->hash_key)) {
		free(txns);
		return NULL;
	}
	put_hex(txns->instance, instance, 16);
	for(i = MED_TXN_COUNT; i--;) {
		txns->slot[i].slot = (uint16_t)i;
		txns->slot[i].next = txns->free;
		txns->free = &txns->slot[i];
	}
	return txns;
}

void med_txns_free(med_txns_t *txns)
{
	size_t i;

	if(!txns)
		return;
	for(i = 0; i < MED_TXN_COUNT; i++) {
		free(txns->slot[i].work);
		free(txns->slot[i].reply);
	}
	free(txns);
}

uint64_t med_txn_hash(
		const med_txns_t *txns, const med_sockaddr_t *client, med_str_t cookie)
{
	uint16_t port = client->u.any.sa_family == AF_INET6 ? client->u.in6.sin6_port
														: client->u.in.sin_port;

	return med_siphash(txns->hash_key, cookie.s, cookie.len) ^ port;
}

void med_txn_index(med_txns_t *txns, med_txn_t *txn, uint64_t hash)
{
	med_txn_t **bucket = &txns->bucket[hash & (BUCKETS - 1)];

	txn->hash = hash;
	txn->hash_next = *bucket;
	*bucket = txn;
}

static void unindex(med_txns_t *txns, med_txn_t *txn)
{
	med_txn_t **at;

	if(!txn->cookie.len)
		return;
	for(at = &txns->bucket[txn->hash & (BUCKETS - 1)]; *at; at = &(*at)->hash_next) {
		if(*at == txn) {
			*at = txn->hash_next;
			return;
		}
	}
}

med_txn_t *med_txn_find(const med_txns_t *txns, uint64_t hash,
		const med_sockaddr_t *client, med_str_t cookie)
{
	med_txn_t *txn;

	for(txn = txns->bucket[hash & (BUCKETS - 1)]; txn; txn = txn->hash_next) {
		if(txn->hash == hash && med_str_eq(txn->cookie, cookie)
				&& med_sockaddr_eq(&txn->client, client))
			return txn;
	}
	return NULL;
}

static void unlink_queue(med_txns_t *txns, med_txn_t *txn)
{
	struct queue *queue = &txns->queue[txn->state];

	*(txn->prev ? &txn->prev->next : &queue->first) = txn->next;
	*(txn->next ? &txn->next->prev : &queue->last) = txn->prev;
}

/** From the back: nearly always the last, as times of one kind are all the same. */
static void link_queue(struct queue *queue, med_txn_t *txn)
{
	med_txn_t *before = queue->last;

	while(before && before->due_ms > txn->due_ms)
		before = before->prev;
	txn->prev = before;
	txn->next = before ? before->next : queue->first;
	*(before ? &before->next : &queue->first) = txn;
	*(txn->next ? &txn->next->prev : &queue->last) = txn;
}

static void give_back(med_txns_t *txns, med_txn_t *txn)
{
	uint32_t generation = txn->generation;
	uint16_t slot = txn->slot;

	unindex(txns, txn);
	free(txn->work);
	free(txn->reply);
	memset(txn, 0, sizeof(*txn));
	txn->generation = generation;
	txn->slot = slot;
	txn->next = txns->free;
	txns->free = txn;
}

void med_txn_move(
		med_txns_t *txns, med_txn_t *txn, enum med_txn_state state, int64_t due_ms)
{
	if(txn->state != MED_TXN_FREE)
		unlink_queue(txns, txn);
	if(state == MED_TXN_FREE) {
		give_back(txns, txn);
		return;
	}
	txn->state = (uint8_t)state;
	txn->due_ms = due_ms;
	link_queue(&txns->queue[state], txn);
}

med_txn_t *med_txn_first(const med_txns_t *txns, enum med_txn_state state)
{
	return txns->queue[state].first;
}

med_txn_t *med_txn_take(med_txns_t *txns)
{
	med_txn_t *txn;

	if(!txns->free && txns->queue[MED_TXN_DONE].first)
		med_txn_move(txns, txns->queue[MED_TXN_DONE].first, MED_TXN_FREE, 0);
	if(!txns->free && txns->queue[MED_TXN_LATE].first)
		med_txn_move(txns, txns->queue[MED_TXN_LATE].first, MED_TXN_FREE, 0);
	txn = txns->free;
	if(!txn)
		return NULL;
	txns->free = txn->next;
	txn->next = NULL;
	txn->seq = ++txns->next_seq;
	return txn;
}

void med_txn_stamp(med_txns_t *txns, med_txn_t *txn, char *at)
{
	txn->generation++;
	memcpy(at, txns->instance, 16);
	at[16] = '-';
	put_hex(at + 17, txn->slot, 4);
	put_hex(at + 21, txn->generation, 8);
	at[29] = ' ';
}

med_txn_t *med_txn_by_cookie(const med_txns_t *txns, med_str_t cookie)
{
	uint64_t slot, generation;
	const med_txn_t *txn;

	if(cookie.len != MED_TXN_COOKIE_LEN - 1 || memcmp(cookie.s, txns->instance, 16) != 0
			|| cookie.s[16] != '-' || !get_hex(cookie.s + 17, 4, &slot)
			|| slot >= MED_TXN_COUNT || !get_hex(cookie.s + 21, 8, &generation))
		return NULL;
	txn = &txns->slot[slot];
	if(txn->generation != generation
			|| (txn->state != MED_TXN_WAITING && txn->state != MED_TXN_LATE))
		return NULL;
	return (med_txn_t *)txn;
}

static med_str_t keep(char **at, med_str_t text)
{
	med_str_t kept = {*at, text.len};

	if(text.len)
		memcpy(*at, text.s, text.len);
	*at += text.len;
	return kept;
}

void med_txn_settle(med_txn_t *txn)
{
	if(txn->state != MED_TXN_DONE || !txn->work)
		return;
	txn->cookie.s = txn->reply;
	free(txn->work);
	txn->work = NULL;
}

int med_txn_keep(med_txn_t *txn, const med_sockaddr_t *client, med_str_t cookie,
		const med_ng_command_view_t *view, const med_legs_t *legs, med_str_t body)
{
	size_t size = cookie.len + MED_TXN_COOKIE_LEN + body.len;
	med_txn_work_t *work;
	char *at;

	if(view)
		size += view->call_id.len + view->from_tag.len + view->to_tag.len
				+ view->via_branch.len;
	if(legs)
		size += legs->from.id.len + legs->to.id.len;
	free(txn->work);
	txn->work = work = malloc(sizeof(*work) + size);
	if(!work)
		return MED_ENOMEM;
	memset(work, 0, offsetof(med_txn_work_t, memo));
	work->has_memo = false;
	at = work->text;
	if(client)
		txn->client = *client;
	txn->cookie = keep(&at, cookie);
	work->datagram = (med_str_t){at, MED_TXN_COOKIE_LEN + body.len};
	at += MED_TXN_COOKIE_LEN;
	keep(&at, body);
	if(view) {
		txn->command = (uint8_t)view->command;
		work->call_id = keep(&at, view->call_id);
		work->from_tag = keep(&at, view->from_tag);
		work->to_tag = keep(&at, view->to_tag);
		work->via_branch = keep(&at, view->via_branch);
	}
	if(legs) {
		work->legs = *legs;
		work->legs.from.id = keep(&at, legs->from.id);
		work->legs.to.id = keep(&at, legs->to.id);
		work->legs.from.interface = work->legs.to.interface = (med_str_t){NULL, 0};
	}
	return MED_EOK;
}
