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

#define MED_ROUTE_TRUNKS 64 /**< trunks of a route */
#define MED_USAGES_MAX 256  /**< usages of a policy, profile or route */
/** The longest id: "site:", two ids and a colon between them (of limits). */
#define MED_OBJECT_ID_MAX (6 + 2 * MED_ID_MAX)
#define MED_GIVEN_WORDS 2   /**< a kind has up to 128 fields; t_schema asks */
#define MED_FIELDS_MAX 4096 /**< 1000 rules, each with its name and more */
#define MED_WEIGHT_MAX 255
#define MED_TRUNK_NUMBERS 0xffffffu  /**< trunks that one node ever tells apart */
#define MED_SCHEDULE_NUMBERS 0x7fffu /**< schedules that one node ever tells apart */
#define MED_UNSET UINT32_MAX         /**< a number not given, without a default */

typedef struct med_list {
	const void *items;
	size_t count;
} med_list_t;

/* Members are named as their fields are. */

typedef struct med_site_record {
	med_str_t name, description, bypass_id, dial_plan;
	med_list_t subnets; /**< med_ip_t */
	uint32_t audio_bw_limit, audio_bw_session_limit;
	uint32_t video_bw_limit, video_bw_session_limit;
} med_site_record_t;

typedef struct med_pool_record {
	med_str_t name, description, fqdn, site, edge_server, registrar, dial_plan;
	uint32_t sip_server_port, sip_client_tls_port, sip_client_tcp_port;
	uint32_t audio_port_start, audio_port_count;
} med_pool_record_t;

enum med_ip_version { MED_IPV4, MED_IPV6, MED_IP_BOTH };
enum med_lookup_kind { MED_LOOKUP_HOST, MED_LOOKUP_SRV };

typedef struct med_gateway_record {
	med_str_t name, description, address, tls_name, site, root_trunk;
	med_str_t representative_media_ip, alternate_by_pass_id, dial_plan;
	med_list_t source; /**< med_ip_t */
	uint32_t routable, ip_version, is_default;
	uint32_t peer, lookup, tls_wildcard;
	uint32_t gateway_sip_client_tls_port, gateway_sip_client_tcp_port;
} med_gateway_record_t;

enum med_admin_state { MED_ADMIN_ON, MED_ADMIN_DRAIN, MED_ADMIN_OFF };

typedef struct med_trunk_record {
	med_str_t name, description, gateway, mediation_server, local_address;
	med_str_t auth_username, auth_realm, auth_password;
	uint32_t transport, enabled, admin_state;
	uint32_t port, local_port; /**< MED_UNSET: the gateway's, the pool's */
} med_trunk_record_t;

enum med_early_code { MED_EARLY_AS_RECEIVED, MED_EARLY_183 };
/** What a peer insists on in the SRTP packets it is sent; the last one is refused. */
enum med_mki { MED_MKI_NONE, MED_MKI_REQUIRED };
enum med_body_parts { MED_PARTS_KEEP, MED_PARTS_STRIP };
enum med_sdp_dialect { MED_SDP_PLAIN, MED_SDP_LYNC };

typedef struct med_profile_record {
	med_str_t name, description;
	uint32_t srtp_mode, anchor, remove_plus_from_uri, forward_pai, allow_same_trunk;
	uint32_t enable_fast_failover_timer;
	med_str_t dial_plan;
	med_str_t outbound_translation_rules, outbound_calling_number_translation_rules;
	med_list_t pstn_usages; /**< med_str_t */
	uint32_t connect_timeout_ms, trying_timeout_ms, progress_timeout_ms;
	uint32_t answer_timeout_ms, progress_is;
	med_list_t failover_codes; /**< uint16_t, sorted */
	med_str_t sip_response_code_translation_rules, network_site_id;
	uint32_t concentrated_topology, enable_bypass, bypass_mode, enable_refer_support;
	uint32_t enable_3pcc_refer, enable_mobile_trunk_support, enable_online_voice;
	uint32_t enable_pidflo_support, enable_rtp_latching, enable_session_timer;
	uint32_t enable_signal_boost, forward_call_history, max_early_dialogs;
	uint32_t rtcp_active_calls, rtcp_calls_on_hold, enable_location_restriction;
	uint32_t forward_anonymous_call_gateway_pai, accept_gateway_pai_for_outbound_calls;
	uint32_t allow_pstn_to_pstn, imitate_lync, rewrite_from, rewrite_to;
	uint32_t request_uri_host, to_host, from_host, pai_host, contact_host;
	uint32_t user_phone, extensions;
	med_str_t domain, phone_context;
	med_list_t srtp_suites; /**< uint8_t, enum med_suite */
	uint32_t srtp_mki, srtp_keys, ice, avpf;
	uint32_t sdp_dialect, hold_form, activate_initial_offer, early_media_code;
	uint32_t initial_offer;
	med_list_t codecs; /**< uint8_t, enum med_codec */
	uint32_t transcode, comfort_noise, dtmf, dtmf_payload, packet_time_ms;
	uint32_t other_body_parts, media_dscp, rtp_latching;
	med_str_t media_interface;
	uint32_t options_interval_s, options_down_interval_s, options_timeout_ms;
	uint32_t options_max_misses, options_up_after, options_each_node;
	med_list_t options_failure_codes; /**< uint16_t, sorted */
	uint32_t options_method;
	med_str_t options_user;
	med_list_t options_allow; /**< uint8_t */
	uint32_t suspect_after, down_after, retry_down_s, max_retry_after_s;
	uint32_t srtp_fallback_s;
} med_profile_record_t;

typedef struct med_rule_record {
	uint32_t order;
	uint32_t is_internal_extension;
	med_str_t pattern, translation, name, description;
} med_rule_record_t;

typedef struct med_rules_record {
	med_str_t name, description, simple_name, external_access_prefix;
	med_str_t dialin_conferencing_region;
	uint32_t optimize_device_dialing;
	med_list_t rules; /**< med_rule_record_t, in order */
} med_rules_record_t;

#define MED_CODE_ANY 0   /**< of received_response_code */
#define MED_CAUSE_ANY -1 /**< of received_isup_cause_value */

/** Spec 4.5. */
typedef struct med_response_rule_record {
	uint32_t order;
	uint32_t received_response_code, translated_response_code;
	int32_t received_isup_cause_value;
	med_str_t name, description;
} med_response_rule_record_t;

typedef struct med_response_rules_record {
	med_str_t name, description;
	med_list_t rules; /**< med_response_rule_record_t, in order */
} med_response_rules_record_t;

typedef struct med_policy_record {
	med_str_t name, description;
	med_list_t usages;                                   /**< med_str_t */
	med_list_t custom_call_forwarding_simul_ring_usages; /**< med_str_t */
	uint32_t call_forwarding_simul_ring_usage_type, allow_pstn_re_routing;
	uint32_t enable_bw_policy_override, prevent_pstn_toll_bypass;
	uint32_t enable_voicemail_escape_timer, pstn_voicemail_escape_timer;
} med_policy_record_t;

typedef struct med_weighted {
	med_str_t id;
	uint32_t weight;
} med_weighted_t;

typedef struct med_route_record {
	med_str_t name, description, pattern, alternate_caller_id, schedule;
	uint32_t priority, suppress_caller_id;
	med_list_t usages; /**< med_str_t */
	med_list_t trunks; /**< med_weighted_t */
} med_route_record_t;

enum med_without_redis { MED_LIMIT_LOCALLY, MED_LIMIT_REFUSE, MED_LIMIT_ALLOW };

typedef struct med_limits_record {
	med_str_t name, description;
	uint32_t max_calls, max_calls_in, max_calls_out;
	uint32_t calls_per_second, calls_per_second_window_ms;
	uint32_t audio_bw_limit, audio_bw_session_limit;
	uint32_t emergency_exempt, overload_code, retry_after_s, without_redis;
} med_limits_record_t;

typedef struct med_schedule_record {
	med_str_t name, description, time_zone;
	med_list_t times;         /**< med_window_t */
	med_list_t closed, extra; /**< med_dates_t */
} med_schedule_record_t;

typedef struct med_location_policy_record {
	med_str_t name, description;
	med_list_t emergency_dial_string, emergency_dial_mask; /**< med_str_t */
	med_list_t pstn_usages;                                /**< med_str_t */
} med_location_policy_record_t;

typedef struct med_guard_record {
	med_str_t name, description;
	med_list_t usages; /**< med_str_t */
	uint32_t per, destination_digits, max_calls, window_s, block_s, code;
} med_guard_record_t;

enum med_expected {
	MED_EXPECT_ROUTED,
	MED_EXPECT_NO_ROUTE,
	MED_EXPECT_NO_USAGE,
	MED_EXPECT_ALL_DOWN,
	MED_EXPECT_FORBIDDEN,
	MED_EXPECT_INVALID
};

/** A stored routing case, spec 8.1. */
typedef struct med_test_record {
	med_str_t dialed_number, calling_number, from_trunk, from_site, from_pool;
	med_str_t target_policy, target_dialplan;
	med_str_t expected_translated_number, expected_called_number;
	med_str_t expected_route, expected_usage, expected_trunk, at;
	uint32_t expected_result;
} med_test_record_t;

typedef struct med_record {
	union {
		med_site_record_t site;
		med_pool_record_t pool;
		med_gateway_record_t gateway;
		med_trunk_record_t trunk;
		med_profile_record_t profile;
		med_rules_record_t rules;
		med_response_rules_record_t response_rules;
		med_policy_record_t policy;
		med_route_record_t route;
		med_limits_record_t limits;
		med_schedule_record_t schedule;
		med_location_policy_record_t location_policy;
		med_guard_record_t guard;
		med_test_record_t test;
	};
	uint64_t given[MED_GIVEN_WORDS]; /**< bit n: the n-th field of the schema was */
} med_record_t;

/** Was the @p n-th field of the kind's schema written, not only taken from its default?
 */
static inline bool med_record_given(const med_record_t *record, size_t n)
{
	return (record->given[n / 64] >> n % 64 & 1) != 0;
}

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
