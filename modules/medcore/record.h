/**
 * record.h - objects as written in Redis, read into structures
 *
 * One block per object, in the writer's own memory; strings are copies. References are
 * ids here: whether they exist is config.c's matter.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_RECORD_H
#define MEDCORE_RECORD_H

#include "medcore/config.h"

#define MED_ROUTE_TRUNKS 64   /**< trunks of a route */
#define MED_USAGES_MAX 256    /**< usages of a policy, profile or route */
#define MED_PROFILE_ID_MAX 80 /**< "trunk:" and an id */
#define MED_WEIGHT_MAX 255
#define MED_TRUNK_NUMBERS 0xffffffu /**< trunks that one node ever tells apart */

typedef struct med_list {
	const void *items;
	size_t count;
} med_list_t;

typedef struct med_site_record {
	med_str_t name;
	med_list_t subnets; /**< med_ip_t */
} med_site_record_t;

typedef struct med_gateway_record {
	med_str_t name, address, tls_name, site;
	med_list_t source; /**< med_ip_t */
	uint32_t routable;
} med_gateway_record_t;

typedef struct med_trunk_record {
	med_str_t name, gateway, local_address;
	uint32_t transport, port, local_port, enabled;
} med_trunk_record_t;

typedef struct med_profile_record {
	uint32_t srtp_mode, anchor, remove_plus_from_uri, forward_pai, allow_same_trunk;
	uint32_t enable_fast_failover_timer;
	med_str_t dial_plan, called_rules, calling_rules;
	med_list_t usages; /**< med_str_t */
	uint32_t trying_timeout_ms, progress_timeout_ms, answer_timeout_ms;
	med_list_t failover_codes; /**< uint16_t, sorted */
} med_profile_record_t;

typedef struct med_rule_record {
	uint32_t order;
	med_str_t pattern, translation;
} med_rule_record_t;

typedef struct med_rules_record {
	med_str_t name;
	med_list_t rules; /**< med_rule_record_t, in order */
} med_rules_record_t;

typedef struct med_policy_record {
	med_str_t name;
	med_list_t usages; /**< med_str_t */
} med_policy_record_t;

typedef struct med_weighted {
	med_str_t id;
	uint32_t weight;
} med_weighted_t;

typedef struct med_route_record {
	med_str_t name, pattern, alternate_caller_id;
	uint32_t priority, suppress_caller_id;
	med_list_t usages; /**< med_str_t */
	med_list_t trunks; /**< med_weighted_t */
} med_route_record_t;

typedef union med_record {
	med_site_record_t site;
	med_gateway_record_t gateway;
	med_trunk_record_t trunk;
	med_profile_record_t profile;
	med_rules_record_t rules;
	med_policy_record_t policy;
	med_route_record_t route;
} med_record_t;

/** Is this an id an object of this kind can have? Text names what is allowed. */
int med_record_check_id(enum med_kind kind, med_str_t id, med_errbuf_t *err);

/**
 * @param record  one block of @p mem, to be freed with med_free()
 * @return MED_EOK; MED_EINVAL, MED_ELIMIT: @p err names object, field, fault and remedy;
 *         MED_ENOMEM
 */
int med_record_parse(enum med_kind kind, med_str_t id, const med_field_t *fields,
		size_t count, const med_mem_t *mem, med_record_t **record, med_errbuf_t *err);

#endif
