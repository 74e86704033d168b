/**
 * model.h - the objects of a configuration, as a snapshot holds them
 *
 * Everything here is immutable and lives as long as the snapshot it was taken from.
 * What must outlive it (another process, the next message) is copied, or kept by the
 * object's id or number.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_MODEL_H
#define MEDCORE_MODEL_H

#include "medcore/common.h"
#include "medcore/health.h"
#include "medcore/media.h"
#include "medcore/schedule.h"

enum med_kind {
	MED_KIND_SITE,
	MED_KIND_GATEWAY,
	MED_KIND_TRUNK,
	MED_KIND_PROFILE,
	MED_KIND_RULES,
	MED_KIND_POLICY,
	MED_KIND_ROUTE,
	MED_KIND_POOL,
	MED_KIND_RESPONSE_RULES,
	MED_KIND_LIMITS,
	MED_KIND_SCHEDULE,
	MED_KIND_LOCATION_POLICY,
	MED_KIND_GUARD,
	MED_KIND_TEST,
	MED_KIND_COUNT
};

/** The word in a key: "trunk" of `med:1:trunk:pbx1`; NULL out of range. */
const char *med_kind_name(enum med_kind kind);
int med_kind_parse(med_str_t name, enum med_kind *kind);

enum med_transport { MED_UDP, MED_TCP, MED_TLS };
/** "udp", "tcp", "tls"; closed by NULL. */
extern const char *const med_transport_words[];
const char *med_transport_name(enum med_transport transport);

#define MED_ID_MAX 64      /**< bytes of an object's id */
#define MED_NUMBER_MAX 128 /**< bytes of a number, plus sign and extension included */
#define MED_GATEWAY_ADDRESSES 8
#define MED_NO_NUMBER UINT32_MAX

/** An address or a subnet. IPv4 is kept as ::ffff:a.b.c.d, so one comparison serves both.
 */
typedef struct med_ip {
	uint8_t bytes[16];
	uint8_t prefix; /**< bits that count: 128 for one address */
} med_ip_t;

/** "192.0.2.1", "192.0.2.0/24", "2001:db8::/32"; brackets allowed. MED_EINVAL otherwise.
 */
int med_ip_parse(med_str_t text, med_ip_t *ip);
bool med_ip_contains(const med_ip_t *subnet, const med_ip_t *address);
/** The subnet of @p prefix bits that an address lies in. */
med_ip_t med_ip_mask(const med_ip_t *address, uint8_t prefix);
/** Textual form without the prefix; @p out needs 46 bytes. */
void med_ip_format(const med_ip_t *ip, char *out, size_t size);

enum med_forwarding { MED_VOICE_POLICY_USAGE, MED_INTERNAL_ONLY, MED_CUSTOM_USAGE };

/** Where media may go past us, as far as profiles let it (spec 6.4). */
enum med_bypass_mode { MED_BYPASS_NEVER, MED_BYPASS_ALWAYS, MED_BYPASS_BY_SITE };

enum med_peer_kind { MED_PSTN_GATEWAY, MED_IP_PBX, MED_ITSP };

/** What an INVITE must have to be sent to a trunk. */
enum med_initial_offer {
	MED_INITIAL_AS_RECEIVED,
	MED_INITIAL_REQUIRED, /**< SDP: one without goes elsewhere */
	MED_INITIAL_EARLY,    /**< SDP: one without gets an offer of ours */
};

/** What ends progress_timeout_ms (spec 4.3). */
enum med_progress { MED_PROGRESS_18X, MED_PROGRESS_SDP, MED_PROGRESS_100 };

/** Whose host stands in a header (spec 7.7). */
enum med_host_form { MED_HOST_RECEIVED, MED_HOST_FQDN, MED_HOST_IP, MED_HOST_DOMAIN };

/** Methods a peer may be asked by whether it is there, and those it may be told of. */
extern const char *const med_options_methods[], *const med_allow_methods[];
#define MED_ALLOW_METHODS 14

#define MED_TARGETS_MAX 32 /**< addresses of one name that count */
#define MED_ALL_TRANSPORTS (1u << MED_UDP | 1u << MED_TCP | 1u << MED_TLS)

/** A place where a gateway listens. No padding: it is compared as bytes. */
typedef struct med_target {
	med_ip_t ip;
	uint8_t transports;        /**< bits of enum med_transport: for trunks of these */
	uint16_t port;             /**< 0: the trunk's */
	uint16_t priority, weight; /**< RFC 2782; 0 where plain addresses were found */
} med_target_t;

/** What a gateway whose address is a name is looked up by. */
typedef struct med_lookup {
	med_str_t name;
	bool srv;           /**< by services of the transports; else by addresses */
	bool ipv4, ipv6;    /**< addresses that are of use */
	uint8_t transports; /**< bits; all, where the name's addresses serve any */
} med_lookup_t;

#define MED_LIMITS_OF_TRUNK 3     /**< its own, its gateway's, its site's */
#define MED_LIMITS_NUMBERS 16384u /**< limits that one node ever tells apart */

/** How many calls a trunk, a gateway or a site carries. */
typedef struct med_limits {
	med_str_t id;    /**< "trunk:<id>", "gateway:<id>", "site:<id>", "site:<id>:<id>" */
	uint32_t number; /**< stable while the node runs; key of what is counted */
	/** At a time; UINT32_MAX: no limit. */
	uint32_t max_calls, max_calls_in, max_calls_out;
	uint32_t calls_per_second, window_ms; /**< UINT32_MAX: no limit */
	uint32_t retry_after_s;               /**< UINT32_MAX: not said */
	/** kbit/s of all calls, of one; UINT32_MAX: no limit. */
	uint32_t audio_kbit, audio_kbit_session;
	uint16_t overload_code;
	bool emergency_exempt;
	uint8_t without_redis; /**< enum med_without_redis */
} med_limits_t;

/** A peer of the Mediation Server: PSTN gateway, IP-PBX or the ITSP's SBC (spec 2.3). */
typedef struct med_gateway {
	med_str_t id, name, site;
	med_str_t address;  /**< FQDN or IP, as written */
	med_str_t tls_name; /**< the name its certificate must carry */
	med_str_t alternate_by_pass_id;
	med_ip_t representative_media_ip; /**< prefix 0: not given */
	const med_ip_t *sources;     /**< where its requests may come from: `source`, else its
								  * targets */
	const med_target_t *targets; /**< where it listens, the best first */
	const med_target_t *places;  /**< those of them that are no source */
	int64_t looked_up; /**< when the targets of a name were found, s since 1970; 0: never
						*/
	uint8_t source_count, target_count, place_count;
	uint8_t peer;      /**< enum med_peer_kind */
	bool named;        /**< its address is a name, and is looked up */
	bool srv;          /**< by services, which have ports of their own */
	bool tls_wildcard; /**< *.example.com stands for tls_name gw1.example.com */
	bool routable;
} med_gateway_t;

/** A place (spec 3.8). */
typedef struct med_site {
	med_str_t id, dial_plan;
	med_str_t bypass_id;     /**< empty: no other site has its */
	const med_ip_t *subnets; /**< networks that belong to it */
	size_t subnet_count;
} med_site_t;

/** Mediation Servers that share a name. */
typedef struct med_pool {
	med_str_t id, fqdn, site, dial_plan;
} med_pool_t;

/** A trunk configuration (spec 2.2); the most specific scope applies as a whole. */
typedef struct med_profile {
	med_str_t id;      /**< "global", "site:<id>", "trunk:<id>" */
	uint8_t srtp_mode; /**< as configured; see med_trunk_t.leg */
	/** Optional, and it refused SRTP: none is offered so long; 0: nothing is tried anew.
	 */
	uint32_t srtp_fallback_ms;
	bool anchor; /**< media through rtpengine; default true */
	bool enable_bypass;
	uint8_t bypass_mode; /**< enum med_bypass_mode; of the global one alone */
	med_leg_media_t media;
	bool remove_plus_from_uri;
	bool forward_pai;
	bool allow_same_trunk;         /**< may a call leave by the trunk it came in on */
	bool allow_pstn_to_pstn;       /**< may a call from the PSTN go back there */
	uint8_t initial_offer;         /**< enum med_initial_offer */
	bool rewrite_from, rewrite_to; /**< they show the numbers as the trunk wants them */
	/** enum med_host_form */
	uint8_t request_uri_host, to_host, from_host, pai_host, contact_host;
	bool user_phone;           /**< write ;user=phone */
	bool extensions;           /**< write ;ext= */
	bool forward_call_history; /**< Diversion and History-Info go on, rewritten */
	med_str_t domain, phone_context;
	med_str_t media_interface; /**< rtpengine's for it; empty: its default one */
	bool imitate_lync;         /**< refuse as Lync does: its codes, ms-diagnostics */
	bool location_restricted;  /**< its calls stay within its site (spec 3.8) */
	med_str_t network_site;    /**< empty: the gateway's */
	med_str_t dial_plan;       /**< rules id, for numbers that arrive on the trunk */
	med_str_t called_rules;    /**< outbound_translation_rules */
	med_str_t calling_rules;   /**< outbound_calling_number_translation_rules */
	med_str_t response_rules;  /**< sip_response_code_translation_rules */
	const med_str_t *usages;   /**< pstn_usages, in order: inter-trunk routing */
	size_t usage_count;
	uint32_t connect_timeout_ms;  /**< no connection; trying_timeout_ms from then on */
	uint32_t trying_timeout_ms;   /**< no 100 at all; 0 off (spec 4.3) */
	uint32_t progress_timeout_ms; /**< no 18x; 0 off; fast failover (spec 4.3) */
	uint32_t answer_timeout_ms;
	uint8_t progress_is;            /**< enum med_progress */
	const uint16_t *failover_codes; /**< sorted; spec 4.4 */
	size_t failover_code_count;
	med_health_rules_t health;
	uint32_t options_interval_ms, options_down_interval_ms; /**< 0: none are sent */
	uint32_t options_timeout_ms;
	const uint16_t *options_failure_codes; /**< sorted; answers that count as none */
	size_t options_failure_code_count;
	uint8_t options_method; /**< index into med_options_methods */
	uint16_t options_allow; /**< bit n: med_allow_methods[n] */
	med_str_t options_user; /**< of their From and Contact; empty: none */
	bool options_each_node; /**< the answers of another one do not do */
} med_profile_t;

typedef struct med_trunk {
	med_str_t id, name;
	uint32_t number; /**< stable while the node runs; key of health and counters */
	const med_gateway_t *gateway; /**< never NULL in a snapshot */
	const med_profile_t
			*profile;  /**< never NULL: the defaults where nothing is configured */
	uint8_t transport; /**< enum med_transport */
	bool takes_calls;  /**< enabled, not drained, its gateway routable and its name known
						*/
	bool draining;     /**< enabled, but new calls neither come nor go */
	bool unresolved;   /**< no address was ever found for its gateway's name */
	bool pstn;         /**< the PSTN is behind its gateway */
	bool restricted;   /**< its calls stay within its site */
	med_str_t network_site;  /**< the profile's, or the gateway's; empty: none */
	med_str_t pool_fqdn;     /**< our name in DNS; empty: not known */
	med_str_t dial_plan;     /**< of the most specific scope that has one (spec 3.1) */
	uint16_t port;           /**< the gateway listens here */
	uint16_t local_port;     /**< we listen here for it */
	med_str_t local_address; /**< our socket's address; empty: whichever has the port */
	bool enabled;
	/** Digest towards the gateway; for the script alone, never shown. */
	med_str_t auth_username, auth_realm, auth_password;
	med_leg_policy_t leg; /**< profile's SRTP mode, forced by transport */
	uint8_t limit_count;
	bool banded;                                     /**< of these some bound audio */
	const med_limits_t *limits[MED_LIMITS_OF_TRUNK]; /**< that its calls count for */
	/** Uri parts ready made for the call path. */
	med_str_t destination; /**< "sip:host:port;transport=tls" */
} med_trunk_t;

typedef struct med_policy {
	med_str_t id, name;
	const med_str_t *usages; /**< in order */
	size_t usage_count;
	/** Of forwarded and simultaneously ringing calls (spec 3.6). */
	const med_str_t *forward_usages;
	size_t forward_usage_count;
	uint8_t forwarding; /**< enum med_forwarding */
	uint16_t escape_ms; /**< forwarded and answered sooner: a mailbox; 0: none is */
} med_policy_t;

enum med_guard_per {
	MED_PER_CALLER,
	MED_PER_DESTINATION,
	MED_PER_CALLER_AND_DESTINATION,
	MED_PER_TRUNK
};

/** How many calls a caller, a destination or a trunk may make. */
typedef struct med_guard {
	med_str_t id;
	const med_str_t *usages; /**< of the calls that count; none: of all */
	size_t usage_count;
	uint8_t per; /**< enum med_guard_per */
	uint8_t destination_digits;
	uint16_t code;
	uint32_t max_calls, window_s, block_s;
} med_guard_t;

/** Emergency numbers of a site, or of all, and who takes them (spec 5.11). */
typedef struct med_location_policy {
	med_str_t id;
	const med_str_t *numbers, *masks; /**< as dialled; masks mean the first number */
	size_t number_count, mask_count;
	const med_str_t *usages; /**< in order */
	size_t usage_count;
} med_location_policy_t;

/** A route is kept small (a million of them): read it through these. */
typedef struct med_route med_route_t;
med_str_t med_route_id(const med_route_t *route);
med_str_t med_route_pattern(const med_route_t *route);
uint32_t med_route_priority(const med_route_t *route); /**< 0 is first */
/** Empty unless suppress_caller_id (spec 3.4). */
med_str_t med_route_alternate_caller_id(const med_route_t *route);

#endif
