/**
 * snapshot.h - private: what a snapshot is made of
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_SNAPSHOT_H
#define MEDCORE_SNAPSHOT_H

#include "medcore/card.h"
#include "medcore/config.h"
#include "medcore/map.h"
#include "medcore/record.h"
#include "medcore/response.h"
#include "medcore/routes.h"
#include "medcore/rules.h"

/** One object as it was written: its id, then name and value in turn, each terminated. */
struct med_card {
	med_segment_t segment;
	uint64_t fields; /**< of the version it was made from (med_slot_t) */
	uint32_t size;   /**< bytes of the text */
	uint8_t id_len;
	char text[];
};

#define MED_CARDS_CHUNK 64u /**< cards of a chunk at most */
#define MED_CARDS_FEW 16u   /**< with fewer it is put together with the next */

typedef struct med_card_chunk {
	med_segment_t segment;
	uint32_t count; /**< never 0 */
	const med_card_t *card[];
} med_card_chunk_t;

/** All cards of a kind in order of id. */
typedef struct med_listing {
	med_segment_t segment;
	size_t count, chunks;
	struct {
		uint32_t first; /**< index of its first card */
		const med_card_chunk_t *at;
	} chunk[];
} med_listing_t;

/** What trunks of a group have in common. */
typedef struct med_leg_key {
	bool tls;    /**< TLS trunks; else TCP and UDP ones */
	bool remote; /**< @a port is where their gateways listen; else ours */
	uint16_t port;
	const med_ip_t *subnet; /**< of their gateways; NULL: whatever the address */
} med_leg_key_t;

/**
 * All trunks of a local port, of a local port and a subnet over TLS, or of a subnet and a
 * port of gateways there: what a packet to there must satisfy when it is not clear for
 * which of them it is.
 */
typedef struct med_leg_group {
	med_segment_t segment;
	uint64_t hash;
	uint16_t port;
	uint8_t tls;     /**< of TLS trunks; else of TCP and UDP ones */
	uint8_t any;     /**< whatever the address */
	uint8_t remote;  /**< @a port is the gateways' */
	med_ip_t subnet; /**< unless @a any */
	uint32_t count[MED_SRTP_REQUIRED + 1][2]; /**< trunks by SRTP mode and anchoring */
	uint32_t number;                          /**< one of the strictest */
	bool stale;                               /**< @a number left; only while building */
} med_leg_group_t;

/** All of them, in order of id: each call is held against each. */
typedef struct med_guard_list {
	med_segment_t segment;
	size_t count;
	const med_guard_t *guard[];
} med_guard_list_t;

/** A network, and whose it is. */
typedef struct med_place {
	med_ip_t subnet; /**< its address masked */
	med_str_t site;
} med_place_t;

/** Those of all sites, each once. */
typedef struct med_places {
	med_segment_t segment;
	uint64_t prefixes[3]; /**< bit n: some subnet has n bits */
	size_t count;
	med_place_t place[]; /**< by prefix, then address */
} med_places_t;

/** The immutable whole. Everything hangs from here. */
typedef struct med_view {
	med_map_t *trunks, *gateways, *policies, *rules, *locations; /**< by id */
	med_map_t *sites, *pools, *responses, *limits;               /**< by id */
	med_map_t *rule_names;      /**< rule sets by simple_name */
	const med_places_t *places; /**< NULL: there never was a site */
	med_map_t *identity; /**< from port and address or name to a trunk's number + 1 */
	med_map_t *legs;     /**< med_leg_group_t */
	med_array_t *trunk_numbers, *usages;
	const med_profile_t *global;    /**< of all that have no other; the defaults */
	const med_guard_list_t *guards; /**< NULL: there is none */
	med_array_t *schedules;         /**< by the number that routes have */
	med_array_t *missing; /**< med_missing_t by number: routes name it in vain */
	med_listing_t *listing[MED_KIND_COUNT]; /**< none of routes */
	uint64_t prefixes[3];                   /**< bit n: some source has n bits */
	bool linked; /**< there are limits of links between sites, or were */
	size_t count[MED_KIND_COUNT];
} med_view_t;

struct med_snapshot {
	uint64_t revision;
	med_view_t view;
	struct med_snapshot *next, *prev; /**< the writer's ring of living ones */
};

typedef struct med_gateway_object {
	med_segment_t segment;
	med_gateway_t gateway;
} med_gateway_object_t;

typedef struct med_site_object {
	med_segment_t segment;
	med_site_t site;
} med_site_object_t;

typedef struct med_pool_object {
	med_segment_t segment;
	med_pool_t pool;
} med_pool_object_t;

typedef struct med_profile_object {
	med_segment_t segment;
	med_profile_t profile;
	const uint32_t *usage_numbers;
} med_profile_object_t;

typedef struct med_trunk_object {
	med_segment_t segment;
	med_trunk_t trunk;
} med_trunk_object_t;

/** A trunk that is not in force, and that routes name. */
typedef struct med_missing {
	med_segment_t segment;
	uint8_t id_len;
	char id[];
} med_missing_t;

typedef struct med_policy_object {
	med_segment_t segment;
	med_policy_t policy;
	const uint32_t *usage_numbers, *forward_usage_numbers;
} med_policy_object_t;

typedef struct med_location_object {
	med_segment_t segment;
	med_location_policy_t location;
	const uint32_t *usage_numbers;
} med_location_object_t;

typedef struct med_limits_object {
	med_segment_t segment;
	med_limits_t limits;
} med_limits_object_t;

typedef struct med_guard_object {
	med_segment_t segment;
	med_guard_t guard;
} med_guard_object_t;

typedef struct med_schedule_object {
	med_segment_t segment;
	med_schedule_t schedule;
} med_schedule_object_t;

typedef struct med_rules_object {
	med_segment_t segment;
	med_rules_t rules;
} med_rules_object_t;

typedef struct med_response_object {
	med_segment_t segment;
	med_response_rules_t rules;
} med_response_object_t;

#define MED_OBJECT(type, member, pointer)                                                \
	((const type *)((const char *)(pointer)-offsetof(type, member)))

static inline uint64_t med_id_hash(med_str_t id)
{
	return med_mix(med_hash(id.s, id.len));
}

static inline const med_trunk_t *med_view_trunk(const med_view_t *view, uint32_t number)
{
	return med_array_get(view->trunk_numbers, number);
}

/** Of a trunk that is in force, or that a route names; empty: neither. */
med_str_t med_view_trunk_id(const med_view_t *view, uint32_t number);
/** NULL: it is not in force. */
const med_schedule_t *med_view_schedule(const med_view_t *view, uint32_t number);
const med_rules_t *med_view_rules(const med_view_t *view, med_str_t id);
const med_site_t *med_view_site(const med_view_t *view, med_str_t id);
/** By simple_name; of several the one whose id comes first. */
const med_rules_t *med_view_rules_named(const med_view_t *view, med_str_t name);

/* ---- identity.c ---------------------------------------------------------------------
 */

uint64_t med_source_hash(uint8_t transport, uint16_t port, const med_ip_t *subnet);
uint64_t med_name_hash(uint16_t port, med_str_t name);
/** "example.com" of "gw1.example.com"; empty where nothing with a dot is left. */
med_str_t med_name_domain(med_str_t name);
uint64_t med_wildcard_hash(uint16_t port, med_str_t domain);
uint64_t med_leg_hash(const med_leg_key_t *key);
uint64_t med_destination_hash(const med_trunk_t *trunk);

/** The trunk that has exactly this subnet, or name, at a port. NULL: none. */
const med_trunk_t *med_view_source(
		const med_view_t *view, uint8_t transport, uint16_t port, const med_ip_t *subnet);
const med_trunk_t *med_view_name(const med_view_t *view, uint16_t port, med_str_t name);
/** The one at a port whose certificate may have *.domain instead of its name. */
const med_trunk_t *med_view_wildcard(
		const med_view_t *view, uint16_t port, med_str_t domain);
/** One without sources that calls the same place from the same port, both over TCP or
 * UDP.
 */
const med_trunk_t *med_view_destination(const med_view_t *view, const med_trunk_t *like);
const med_leg_group_t *med_view_leg(const med_view_t *view, const med_leg_key_t *key);
/** The strictest of a group. */
med_leg_policy_t med_leg_strictest(const med_leg_group_t *group);

#endif
