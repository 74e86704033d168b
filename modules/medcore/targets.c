/**
 * targets.c - see targets.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "medcore/map.h"
#include "medcore/targets.h"

static int compare_places(const void *a, const void *b)
{
	const med_target_t *x = a, *y = b;

	if(x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	/* an answer cannot have the other weight first: zero comes before all (RFC 2782) */
	if(x->weight != y->weight)
		return x->weight < y->weight ? -1 : 1;
	if(memcmp(x->ip.bytes, y->ip.bytes, sizeof(x->ip.bytes)) != 0)
		return memcmp(x->ip.bytes, y->ip.bytes, sizeof(x->ip.bytes));
	return (x->port > y->port) - (x->port < y->port);
}

size_t med_targets_sort(med_target_t *targets, size_t count)
{
	size_t kept = 0;

	if(count > 1)
		qsort(targets, count, sizeof(*targets), compare_places);
	for(size_t i = 0; i < count; i++) {
		if(kept > 0 && compare_places(&targets[kept - 1], &targets[i]) == 0)
			targets[kept - 1].transports |= targets[i].transports;
		else
			targets[kept++] = targets[i];
	}
	return kept;
}

uint32_t med_target_hash(const med_target_t *target)
{
	uint64_t hash = med_hash((const char *)target->ip.bytes, sizeof(target->ip.bytes));

	hash = med_mix(hash ^ (uint64_t)target->port << 32);
	return (uint32_t)hash | 1; /* 0: none */
}

bool med_ip_is_v4(const med_ip_t *ip)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(ip->bytes, mapped, sizeof(mapped)) == 0;
}

static bool is_left(const med_target_t *target, const med_target_query_t *query)
{
	uint32_t hash;

	if((target->transports >> query->transport & 1) == 0
			|| !(med_ip_is_v4(&target->ip) ? query->ipv4 : query->ipv6))
		return false;
	if(query->tried_count == 0)
		return true;
	hash = med_target_hash(target);
	for(size_t i = 0; i < query->tried_count; i++) {
		if(query->tried[i] == hash)
			return false;
	}
	return true;
}

const med_target_t *med_target_next(
		const med_gateway_t *gateway, const med_target_query_t *query)
{
	const med_target_t *left[MED_TARGETS_MAX];
	uint32_t sum = 0, at;
	size_t count = 0;

	for(unsigned i = 0; i < gateway->target_count; i++) {
		const med_target_t *target = &gateway->targets[i];
		if(count > 0 && target->priority != left[0]->priority)
			break;
		if(is_left(target, query)) {
			sum += target->weight;
			left[count++] = target;
		}
	}
	if(count < 2)
		return count == 0 ? NULL : left[0];
	if(sum == 0)
		return left[query->turn % count];
	/* RFC 2782: from 0 to the sum, so that a weight of 0 has a small chance too */
	at = query->chance % (sum + 1);
	sum = 0;
	for(size_t i = 0; i < count; i++) {
		sum += left[i]->weight;
		if(sum >= at)
			return left[i];
	}
	return left[count - 1];
}

size_t med_target_uri(const med_ip_t *ip, uint16_t port, enum med_transport transport,
		char *out, size_t size)
{
	bool v4 = med_ip_is_v4(ip);
	char text[48];
	int n;

	med_ip_format(ip, text, sizeof(text));
	n = snprintf(out, size, "sip:%s%s%s:%u;transport=%s", v4 ? "" : "[", text,
			v4 ? "" : "]", (unsigned)port, med_transport_name(transport));
	return n < 0 || (size_t)n >= size ? 0 : (size_t)n;
}
