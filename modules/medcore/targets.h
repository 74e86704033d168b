/**
 * targets.h - the addresses of one gateway: their order, and the next one to try
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_TARGETS_H
#define MEDCORE_TARGETS_H

#include "medcore/model.h"

/**
 * In an order that does not depend on that of an answer, so that all nodes agree; each
 * once. @return how many are left, which may be more than count
 */
size_t med_targets_sort(med_target_t *targets, size_t count);

/** A target among those tried already, by value: a list may change between two tries. */
uint32_t med_target_hash(const med_target_t *target);

/** Which of a gateway's targets may be next. */
typedef struct med_target_query {
	uint8_t transport;     /**< enum med_transport of the trunk */
	bool ipv4, ipv6;       /**< what its socket can send to */
	const uint32_t *tried; /**< med_target_hash() of those that were */
	size_t tried_count;
	uint32_t turn;   /**< plain addresses take turns by it; any counter */
	uint32_t chance; /**< random: the weights of services are chosen by it */
} med_target_query_t;

/** Of the best priority that is left (RFC 2782). NULL: none is left. */
const med_target_t *med_target_next(
		const med_gateway_t *gateway, const med_target_query_t *query);

static inline uint16_t med_target_port(const med_target_t *target, uint16_t trunk_port)
{
	return target->port != 0 ? target->port : trunk_port;
}

/** ::ffff:a.b.c.d */
bool med_ip_is_v4(const med_ip_t *ip);

/** "sip:192.0.2.1:5060;transport=tcp". @return its length, 0: it does not fit */
size_t med_target_uri(const med_ip_t *ip, uint16_t port, enum med_transport transport,
		char *out, size_t size);

#endif
