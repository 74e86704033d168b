/**
 * schema.c - the fields of every kind of object
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <string.h>

#include "medcore/pattern.h"
#include "medcore/rules.h"
#include "medcore/schema.h"

#define NAME_MAX_BYTES 256
#define TEXT_MAX_BYTES 1024
#define HOST_MAX_BYTES 255
#define TIMEOUT_MAX_MS 3600000
#define KBIT_MAX 100000000 /* 100 Gbit/s */
#define CALLS_MAX 1000000

/* clang-format off */

/* A field and the record's member of that name. */
#define FIELD(kind, member, type) \
	#member, MED_TYPE_##type, offsetof(med_##kind##_record_t, member)
/* Of an entry of a list: rule.<n>.member. */
#define ENTRY(kind, member, type) \
	"rule." MED_ORDER_MARK "." #member, MED_TYPE_##type, offsetof(med_##kind##_record_t, member)
#define REFERS(kind) .refers = 1 + MED_KIND_##kind

#define COMMON(kind) \
	{FIELD(kind, name, TEXT), .max = NAME_MAX_BYTES, \
		.meaning = "what people call it"}, \
	{FIELD(kind, description, TEXT), .max = TEXT_MAX_BYTES, \
		.meaning = "notes for people"}

static const med_field_def_t site_fields[] = {
	COMMON(site),
	{FIELD(site, subnets, SUBNETS), .max = 64,
		.meaning = "networks that belong to the site: where own users call from"},
	{FIELD(site, dial_plan, ID), .max = MED_ID_MAX, REFERS(RULES),
		.meanwhile = "numbers stay as they are", .needed = true,
		.meaning = "rules that make E.164 of numbers, where gateway and pool have none"},
	{FIELD(site, bypass_id, ID), .max = MED_ID_MAX,
		.meaning = "sites with the same id are well connected: media may bypass us; absent: "
			"within the site alone"},
	{FIELD(site, audio_bw_limit, NUMBER), .max = KBIT_MAX, .unit = "kbit/s", .kept = true,
		.meaning = "audio of all calls over the site's link; absent: no limit"},
	{FIELD(site, audio_bw_session_limit, NUMBER), .initial = "175", .min = 40,
		.max = KBIT_MAX, .unit = "kbit/s", .kept = true, .meaning = "audio of one call"},
	{FIELD(site, video_bw_limit, NUMBER), .max = KBIT_MAX, .unit = "kbit/s", .kept = true,
		.meaning = "video of all calls over the site's link; absent: no limit"},
	{FIELD(site, video_bw_session_limit, NUMBER), .initial = "700", .min = 100,
		.max = KBIT_MAX, .unit = "kbit/s", .kept = true, .meaning = "video of one call"},
};

static const med_field_def_t pool_fields[] = {
	COMMON(pool),
	{FIELD(pool, fqdn, NAME), .max = HOST_MAX_BYTES,
		.meaning = "name of the pool in DNS"},
	{FIELD(pool, site, ID), .max = MED_ID_MAX, REFERS(SITE),
		.meanwhile = "own users have no dial plan by it",
		.meaning = "site its nodes stand in; of own users whose address no site has"},
	{FIELD(pool, dial_plan, ID), .max = MED_ID_MAX, REFERS(RULES),
		.meanwhile = "numbers stay as they are", .needed = true,
		.meaning = "rules that make E.164 of numbers, where the gateway has none"},
	{FIELD(pool, sip_server_port, NUMBER), .initial = "5070", .min = 1, .max = 65535,
		.kept = true, .meaning = "its nodes listen here for each other"},
	{FIELD(pool, sip_client_tls_port, NUMBER), .initial = "5067", .min = 1, .max = 65535,
		.meaning = "its nodes listen here for gateways over TLS: local_port of its trunks"},
	{FIELD(pool, sip_client_tcp_port, NUMBER), .initial = "5068", .min = 1, .max = 65535,
		.meaning = "its nodes listen here for gateways over TCP: local_port of its trunks"},
	{FIELD(pool, audio_port_start, NUMBER), .initial = "49152", .min = 1024, .max = 65535,
		.kept = true, .meaning = "the first port of media"},
	{FIELD(pool, audio_port_count, NUMBER), .initial = "8348", .min = 1, .max = 64512,
		.kept = true, .meaning = "ports of media; a call needs seven"},
	{FIELD(pool, edge_server, HOST), .max = HOST_MAX_BYTES, .kept = true,
		.meaning = "Edge pool for media from outside"},
	{FIELD(pool, registrar, HOST), .max = HOST_MAX_BYTES, .kept = true,
		.meaning = "next hop for calls to users"},
};

static const char *const ip_versions[] = {
	[MED_IPV4] = "ipv4", [MED_IPV6] = "ipv6", [MED_IP_BOTH] = "both", NULL};

static const char *const peers[] = {[MED_PSTN_GATEWAY] = "pstn_gateway",
	[MED_IP_PBX] = "ip_pbx", [MED_ITSP] = "itsp", NULL};
static const char *const lookups[] = {
	[MED_LOOKUP_HOST] = "host", [MED_LOOKUP_SRV] = "srv", NULL};

static const med_field_def_t gateway_fields[] = {
	COMMON(gateway),
	{FIELD(gateway, peer, WORD), .initial = "pstn_gateway", .words = peers,
		.meaning = "what it is; behind a pstn_gateway and an itsp is the PSTN"},
	{FIELD(gateway, address, HOST), .max = HOST_MAX_BYTES, .required = true,
		.meaning = "host name or address that calls are sent to"},
	{FIELD(gateway, tls_name, NAME), .max = HOST_MAX_BYTES,
		.meaning = "name its certificate must carry; the address when that is a host name"},
	{FIELD(gateway, tls_wildcard, BOOL), .initial = "no",
		.meaning = "its certificate may have *.example.com for tls_name gw1.example.com"},
	{FIELD(gateway, lookup, WORD), .initial = "host", .words = lookups,
		.meaning = "how an address that is a name is looked up; srv gives the port as well"},
	{FIELD(gateway, source, SUBNETS), .max = MED_GATEWAY_ADDRESSES,
		.meaning = "addresses and subnets its requests come from; the address, or all that its "
			"name stands for"},
	{FIELD(gateway, site, ID), .max = MED_ID_MAX, REFERS(SITE),
		.meanwhile = "the profile of its trunks is still chosen by that name",
		.meaning = "site it stands in; chooses the profile"},
	{FIELD(gateway, dial_plan, ID), .max = MED_ID_MAX, REFERS(RULES),
		.meanwhile = "numbers stay as they are", .needed = true,
		.meaning = "rules that make E.164 of numbers arriving from it, where the profile of "
			"its trunk has none"},
	{FIELD(gateway, routable, BOOL), .initial = "yes",
		.meaning = "may routes send calls to it"},
	{FIELD(gateway, gateway_sip_client_tls_port, NUMBER), .initial = "5067", .min = 1,
		.max = 65535, .meaning = "it listens here for SIP over TLS: port of its trunks"},
	{FIELD(gateway, gateway_sip_client_tcp_port, NUMBER), .initial = "5066", .min = 1,
		.max = 65535, .meaning = "it listens here for SIP over TCP: port of its trunks"},
	{FIELD(gateway, root_trunk, ID), .max = MED_ID_MAX, REFERS(TRUNK),
		.meanwhile = "there is none to guard",
		.meaning = "trunk that stays in force as long as the gateway does"},
	{FIELD(gateway, ip_version, WORD), .initial = "both", .words = ip_versions,
		.meaning = "addresses it can use, of those its name stands for"},
	{FIELD(gateway, representative_media_ip, ADDRESS), .max = HOST_MAX_BYTES,
		.meaning = "address of its media when that is not where its signalling is"},
	{FIELD(gateway, alternate_by_pass_id, ID), .max = MED_ID_MAX,
		.meaning = "bypass id for calls that come from it and go back to it, or to another "
			"with the same, whatever their sites"},
	{"default", MED_TYPE_BOOL, offsetof(med_gateway_record_t, is_default), .initial = "no",
		.kept = true, .meaning = "takes the calls of OCS 2007 R2 users"},
};

static const char *const admin_states[] = {[MED_ADMIN_ON] = "on",
	[MED_ADMIN_DRAIN] = "drain", [MED_ADMIN_OFF] = "off", NULL};

static const med_field_def_t trunk_fields[] = {
	COMMON(trunk),
	{FIELD(trunk, gateway, ID), .max = MED_ID_MAX, REFERS(GATEWAY),
		.meaning = "the peer at its far end; the gateway of the trunk's own id"},
	{FIELD(trunk, mediation_server, ID), .max = MED_ID_MAX, REFERS(POOL),
		.meaning = "pool at our end; gives the local_port"},
	{FIELD(trunk, transport, WORD), .initial = "tls", .words = med_transport_words,
		.meaning = "how SIP is carried"},
	{FIELD(trunk, port, NUMBER), .min = 1, .max = 65535,
		.meaning = "the gateway listens here; the gateway's port for the transport, 5060 udp"},
	{FIELD(trunk, local_port, NUMBER), .min = 1, .max = 65535,
		.meaning = "we listen here for it; the pool's port for the transport, else 5067 tls, "
			"5068 tcp; 5060 udp"},
	{FIELD(trunk, local_address, ADDRESS), .max = HOST_MAX_BYTES,
		.meaning = "our address for it; whichever has the port"},
	{FIELD(trunk, enabled, BOOL), .initial = "yes",
		.meaning = "does it take part in new calls; no: as admin_state off"},
	{FIELD(trunk, admin_state, WORD), .initial = "on", .words = admin_states,
		.meaning = "drain: known, and asked whether it is there, but new calls neither come "
			"nor go; off: not known. Calls that are up go on"},
	{FIELD(trunk, auth_username, TEXT), .max = NAME_MAX_BYTES,
		.meaning = "user of the digest that the gateway asks for"},
	{FIELD(trunk, auth_realm, TEXT), .max = NAME_MAX_BYTES,
		.meaning = "realm of that digest"},
	{FIELD(trunk, auth_password, TEXT), .max = NAME_MAX_BYTES, .secret = true,
		.meaning = "password of the digest"},
};

static const char *const peer_hosts[] = {[MED_HOST_RECEIVED] = "as_received",
	[MED_HOST_FQDN] = "fqdn", [MED_HOST_IP] = "ip", [MED_HOST_DOMAIN] = "domain", NULL};

static const char *const progresses[] = {[MED_PROGRESS_18X] = "18x",
	[MED_PROGRESS_SDP] = "sdp", [MED_PROGRESS_100] = "100", NULL};

const char *const med_options_methods[] = {"OPTIONS", "INFO", "NOTIFY", NULL};

const char *const med_allow_methods[MED_ALLOW_METHODS + 1] = {"INVITE", "ACK", "CANCEL",
	"BYE", "OPTIONS", "PRACK", "UPDATE", "INFO", "NOTIFY", "REFER", "SUBSCRIBE", "MESSAGE",
	"PUBLISH", "REGISTER", NULL};

static const char *const early_codes[] = {
	[MED_EARLY_AS_RECEIVED] = "as_received", [MED_EARLY_183] = "183", NULL};

static const char *const mkis[] = {
	[MED_MKI_NONE] = "none", [MED_MKI_REQUIRED] = "required", NULL};

static const char *const initial_offers[] = {[MED_INITIAL_AS_RECEIVED] = "as_received",
	[MED_INITIAL_REQUIRED] = "required", [MED_INITIAL_EARLY] = "early", NULL};

static const char *const body_parts[] = {
	[MED_PARTS_KEEP] = "keep", [MED_PARTS_STRIP] = "strip", NULL};

static const char *const sdp_dialects[] = {
	[MED_SDP_PLAIN] = "plain", [MED_SDP_LYNC] = "lync", NULL};

static const char *const bypass_modes[] = {[MED_BYPASS_NEVER] = "never",
	[MED_BYPASS_ALWAYS] = "always", [MED_BYPASS_BY_SITE] = "by_site", NULL};

static const med_field_def_t profile_fields[] = {
	COMMON(profile),
	{FIELD(profile, srtp_mode, WORD), .initial = "required", .words = med_srtp_mode_words,
		.meaning = "encryption of media; tcp and udp are always not_supported"},
	{FIELD(profile, srtp_fallback_s, NUMBER), .initial = "600", .max = 86400, .unit = "s",
		.meaning = "srtp_mode optional, and it refuses an offer of SRTP with 415, 488 or 606: "
			"asked once more without, and offered none for so long; 0: never"},
	{FIELD(profile, anchor, BOOL), .initial = "yes",
		.meaning = "media goes through rtpengine"},
	{FIELD(profile, remove_plus_from_uri, BOOL), .initial = "no",
		.meaning = "take the leading + off numbers sent to it"},
	{FIELD(profile, forward_pai, BOOL), .initial = "no",
		.meaning = "pass P-Asserted-Identity on, both ways"},
	{FIELD(profile, allow_same_trunk, BOOL), .initial = "no",
		.meaning = "may a call leave by the trunk it came in on"},
	{FIELD(profile, dial_plan, ID), .max = MED_ID_MAX, REFERS(RULES),
		.meanwhile = "numbers stay as they are", .needed = true,
		.meaning = "rules that make E.164 of numbers arriving on the trunk"},
	{FIELD(profile, outbound_translation_rules, ID), .max = MED_ID_MAX,
		.alias = "outbound_translation_rules_list", REFERS(RULES),
		.meanwhile = "numbers stay as they are", .needed = true,
		.meaning = "rules for the called number on its way out"},
	{FIELD(profile, outbound_calling_number_translation_rules, ID), .max = MED_ID_MAX,
		.alias = "outbound_calling_number_translation_rules_list", REFERS(RULES),
		.meanwhile = "numbers stay as they are", .needed = true,
		.meaning = "rules for the calling number on its way out"},
	{FIELD(profile, pstn_usages, IDS), .max = MED_USAGES_MAX,
		.meaning = "usages of calls that arrive on the trunk, in order"},
	{FIELD(profile, enable_fast_failover_timer, BOOL), .initial = "yes",
		.meaning = "the next trunk when progress_timeout_ms is over"},
	{FIELD(profile, connect_timeout_ms, NUMBER), .initial = "4000", .min = 100,
		.max = TIMEOUT_MAX_MS, .unit = "ms",
		.meaning = "no TCP or TLS connection to it; from then on trying_timeout_ms counts"},
	{FIELD(profile, trying_timeout_ms, NUMBER), .initial = "1500", .max = TIMEOUT_MAX_MS,
		.unit = "ms", .meaning = "no answer of any kind; 0 off"},
	{FIELD(profile, progress_timeout_ms, NUMBER), .initial = "10000", .max = TIMEOUT_MAX_MS,
		.unit = "ms", .meaning = "no ringing or progress; 0 off"},
	{FIELD(profile, progress_is, WORD), .initial = "18x", .words = progresses,
		.meaning = "what ends that: any 18x, one with SDP, or 100 already"},
	{FIELD(profile, answer_timeout_ms, NUMBER), .initial = "120000", .max = TIMEOUT_MAX_MS,
		.unit = "ms", .meaning = "no final answer; 0: three minutes"},
	{FIELD(profile, failover_codes, CODES), .initial = "408,500,502,503,504", .max = 64,
		.meaning = "final codes that send the call to the next trunk"},
	{FIELD(profile, options_interval_s, NUMBER), .initial = "60", .max = 86400, .unit = "s",
		.meaning = "how often it is asked by OPTIONS whether it is there; 0: never"},
	{FIELD(profile, options_down_interval_s, NUMBER), .initial = "60", .min = 1,
		.max = 86400, .unit = "s", .meaning = "the same while it is not"},
	{FIELD(profile, options_timeout_ms, NUMBER), .initial = "4000", .min = 100,
		.max = 32000, .unit = "ms", .meaning = "an OPTIONS is missed without an answer by then"},
	{FIELD(profile, options_max_misses, NUMBER), .initial = "5", .min = 1, .max = 255,
		.meaning = "so many missed in a row: it is down"},
	{FIELD(profile, options_up_after, NUMBER), .initial = "2", .min = 1, .max = 255,
		.meaning = "so many answered in a row: it is up again"},
	{FIELD(profile, options_failure_codes, CODES), .initial = "408,503", .max = 64,
		.meaning = "answers to OPTIONS that count as none"},
	{FIELD(profile, options_method, WORD), .initial = "OPTIONS",
		.words = med_options_methods, .meaning = "what it is asked by, where it does not answer OPTIONS"},
	{FIELD(profile, options_user, SIMPLE_NAME), .max = 64,
		.meaning = "user of From and Contact of those OPTIONS; absent: none"},
	{FIELD(profile, options_allow, WORDS),
		.initial = "INVITE,ACK,CANCEL,BYE,OPTIONS,PRACK,UPDATE,INFO,NOTIFY,REFER",
		.words = med_allow_methods, .max = MED_ALLOW_METHODS,
		.meaning = "methods in Allow of those OPTIONS"},
	{FIELD(profile, options_each_node, BOOL), .initial = "no",
		.meaning = "each node asks, for a peer that wants to hear of each; else one of a "
			"site asks for all"},
	{FIELD(profile, suspect_after, NUMBER), .initial = "3", .max = 255,
		.meaning = "so many calls in a row that went on to another: tried after others for "
			"retry_down_s; 0: never"},
	{FIELD(profile, down_after, NUMBER), .initial = "5", .max = 255,
		.meaning = "so many: down; 0: never"},
	{FIELD(profile, retry_down_s, NUMBER), .initial = "30", .min = 1, .max = 86400,
		.unit = "s", .meaning = "then one call is let through, to see"},
	{FIELD(profile, max_retry_after_s, NUMBER), .initial = "300", .max = 86400, .unit = "s",
		.meaning = "its Retry-After is heeded up to this; 0: not at all"},
	{FIELD(profile, allow_pstn_to_pstn, BOOL), .initial = "no",
		.meaning = "may a call that comes from the PSTN on this trunk go back there"},
	{FIELD(profile, imitate_lync, BOOL), .initial = "no",
		.meaning = "refuse calls as Lync does: its codes, and ms-diagnostics"},
	{FIELD(profile, rewrite_from, BOOL), .initial = "yes",
		.meaning = "From shows the calling number as the trunk wants it"},
	{FIELD(profile, rewrite_to, BOOL), .initial = "yes",
		.meaning = "To shows the called number as the trunk wants it"},
	{FIELD(profile, request_uri_host, WORD), .initial = "fqdn", .words = peer_hosts, .meaning = "host of the Request-URI: the gateway's address as it is "
			"written (ip as well), or domain"},
	{FIELD(profile, to_host, WORD), .initial = "fqdn", .words = peer_hosts,
		.meaning = "host of To, likewise"},
	{FIELD(profile, from_host, WORD), .initial = "as_received", .words = peer_hosts, .meaning = "host of From: as it came, our pool's fqdn, our address, or "
			"domain"},
	{FIELD(profile, pai_host, WORD), .initial = "as_received", .words = peer_hosts, .meaning = "host of P-Asserted-Identity, Diversion and History-Info, "
			"likewise"},
	{FIELD(profile, contact_host, WORD), .initial = "as_received", .words = peer_hosts,
		.meaning = "host of Contact, likewise, with our port and transport"},
	{FIELD(profile, domain, NAME), .max = HOST_MAX_BYTES,
		.meaning = "domain of those hosts that are to be the domain"},
	{FIELD(profile, user_phone, BOOL), .initial = "yes",
		.meaning = "write ;user=phone with numbers"},
	{FIELD(profile, phone_context, SIMPLE_NAME), .max = 64,
		.meaning = "phone-context of numbers that do not begin with +; absent: none"},
	{FIELD(profile, extensions, BOOL), .initial = "yes",
		.meaning = "write ;ext= with numbers that have an extension"},
	{FIELD(profile, concentrated_topology, BOOL), .initial = "yes",
		.meaning = "its media ends at one known place"},
	{FIELD(profile, enable_bypass, BOOL), .initial = "no",
		.meaning = "media may go past us; needs concentrated_topology"},
	{FIELD(profile, bypass_mode, WORD), .initial = "by_site", .words = bypass_modes,
		.meaning = "in profile global, for all: where enable_bypass may be used; by_site: "
			"between places of one bypass_id"},
	{FIELD(profile, enable_refer_support, BOOL), .initial = "yes", .kept = true,
		.meaning = "it can take a REFER"},
	{FIELD(profile, enable_3pcc_refer, BOOL), .initial = "no", .kept = true,
		.meaning = "calls transferred without REFER may still be bypassed"},
	{FIELD(profile, enable_mobile_trunk_support, BOOL), .initial = "no", .kept = true,
		.meaning = "the provider is a mobile carrier"},
	{FIELD(profile, enable_online_voice, BOOL), .initial = "no", .kept = true,
		.meaning = "its users have their voicemail online"},
	{FIELD(profile, enable_pidflo_support, BOOL), .initial = "no", .kept = true,
		.meaning = "send the location with emergency calls"},
	{FIELD(profile, enable_rtp_latching, BOOL), .initial = "no", .kept = true,
		.meaning = "it learns our media address from our first packet"},
	{FIELD(profile, enable_session_timer, BOOL), .initial = "no", .kept = true,
		.meaning = "we begin session timers (RFC 4028)"},
	{FIELD(profile, enable_signal_boost, BOOL), .initial = "no", .kept = true,
		.meaning = "it raises the volume itself"},
	{FIELD(profile, forward_call_history, BOOL), .initial = "no",
		.meaning = "pass Diversion and History-Info on, numbers as the trunk wants them"},
	{FIELD(profile, max_early_dialogs, NUMBER), .initial = "20", .max = 65535, .kept = true,
		.meaning = "forks of a call of its that it can tell apart"},
	{FIELD(profile, rtcp_active_calls, BOOL), .initial = "yes", .kept = true,
		.meaning = "it sends RTCP while a call is active"},
	{FIELD(profile, rtcp_calls_on_hold, BOOL), .initial = "yes", .kept = true,
		.meaning = "it sends RTCP while a call is on hold"},
	{FIELD(profile, sip_response_code_translation_rules, ID), .max = MED_ID_MAX,
		.alias = "sip_response_code_translation_rules_list", REFERS(RESPONSE_RULES),
		.meanwhile = "codes stay as they are",
		.meaning = "rules for the final codes it answers"},
	{FIELD(profile, enable_location_restriction, BOOL), .initial = "no",
		.meaning = "its calls stay within network_site_id"},
	{FIELD(profile, network_site_id, ID), .max = MED_ID_MAX, REFERS(SITE),
		.meanwhile = "the name counts all the same",
		.meaning = "site it belongs to for location-based routing"},
	{FIELD(profile, forward_anonymous_call_gateway_pai, BOOL), .initial = "no",
		.kept = true, .meaning = "keep its P-Asserted-Identity of anonymous calls we forward"},
	{FIELD(profile, accept_gateway_pai_for_outbound_calls, BOOL), .initial = "no",
		.kept = true, .meaning = "show the number that its answer asserts"},
	{FIELD(profile, srtp_suites, WORDS), .initial = "AES_CM_128_HMAC_SHA1_80",
		.words = med_suite_words, .max = MED_LEG_SUITES,
		.meaning = "suites it may agree on, those it is offered in this order"},
	{FIELD(profile, srtp_mki, WORD), .initial = "none", .words = mkis,
		.meaning = "does it insist on an MKI in the packets it is sent; required cannot be "
			"and is refused"},
	{FIELD(profile, srtp_keys, WORD), .initial = "sdes", .words = med_srtp_keys_words,
		.meaning = "where keys come from: a=crypto (sdes), or DTLS-SRTP, offered and answered "
			"alone; dtls needs srtp_mode required, and tls"},
	{FIELD(profile, ice, BOOL), .initial = "no",
		.meaning = "it is offered ICE (RFC 8445, without trickle), and its own is taken up; "
			"needs anchor"},
	{FIELD(profile, avpf, BOOL), .initial = "no",
		.meaning = "it is offered UDP/TLS/RTP/SAVPF, as WebRTC has it, instead of "
			"UDP/TLS/RTP/SAVP; needs srtp_keys dtls"},
	{FIELD(profile, sdp_dialect, WORD), .initial = "plain", .words = sdp_dialects,
		.meaning = "SDP as it comes, or as a Mediation Server writes it"},
	{FIELD(profile, hold_form, WORD), .initial = "as_received", .words = med_hold_words,
		.meaning = "how it reads that it is put on hold; needs anchor"},
	{FIELD(profile, activate_initial_offer, BOOL), .initial = "no",
		.meaning = "a call that begins on hold does not seem so to it; needs anchor"},
	{FIELD(profile, early_media_code, WORD), .initial = "as_received", .words = early_codes,
		.meaning = "code of the 18x with SDP that it is sent"},
	{FIELD(profile, initial_offer, WORD), .initial = "as_received",
		.words = initial_offers,
		.meaning = "required: a call whose INVITE has no SDP is not sent to it; early: it is "
			"sent with an offer of ours, and the caller is offered what it answers; early "
			"needs anchor"},
	{FIELD(profile, codecs, WORDS), .words = med_codec_words, .max = MED_LEG_CODECS,
		.meaning = "codecs it may use, those it is offered in this order; absent: those of "
			"the other side; needs anchor"},
	{FIELD(profile, transcode, BOOL), .initial = "no",
		.meaning = "it is offered all of its codecs, the other side's are made of them"},
	{FIELD(profile, comfort_noise, WORD), .initial = "as_received",
		.words = med_comfort_words,
		.meaning = "CN (payload 13): no: neither offered to it nor by it; yes: always "
			"offered to it; needs anchor"},
	{FIELD(profile, dtmf, WORD), .initial = "as_received", .words = med_dtmf_words,
		.meaning = "digits of the other side's telephone-event: inband: made tones, it is "
			"offered none; info cannot be and is refused; needs anchor"},
	{FIELD(profile, dtmf_payload, NUMBER), .initial = "0", .max = 127,
		.meaning = "payload type of the telephone-event it is offered, 96 to 127; 0: the "
			"other side's; needs anchor"},
	{FIELD(profile, packet_time_ms, NUMBER), .initial = "0", .max = 60, .unit = "ms",
		.meaning = "length of its packets, 10 to 60 by tens; 0: the other side's; needs "
			"anchor"},
	{FIELD(profile, other_body_parts, WORD), .initial = "keep", .words = body_parts,
		.meaning = "what else is in a multipart body with SDP that it is sent"},
	{FIELD(profile, media_dscp, NUMBER), .initial = "0", .max = MED_DSCP_MAX,
		.meaning = "DSCP of the media of its calls, to both sides, as rtpengine has one for "
			"the call: the higher where both say one; 0: as rtpengine is set; needs anchor"},
	{FIELD(profile, rtp_latching, WORD), .initial = "once", .words = med_latching_words,
		.meaning = "where its media is sent to: off: as its SDP says; once: to where its "
			"first packets come from; strict: the same, and packets from elsewhere are "
			"dropped; always: to where its last ones come from; needs anchor"},
	{FIELD(profile, media_interface, SIMPLE_NAME), .max = MED_INTERFACE_MAX,
		.meaning = "rtpengine's interface that its media comes to; absent: the one called "
			"default, or the first; needs anchor"},
};

static const med_field_def_t rules_fields[] = {
	COMMON(rules),
	{FIELD(rules, simple_name, SIMPLE_NAME), .max = 256,
		.meaning = "phone-context of numbers that it is the dial plan of; no two share one"},
	{FIELD(rules, external_access_prefix, PREFIX), .max = 4, .kept = true,
		.meaning = "what people dial to get an outside line"},
	{FIELD(rules, optimize_device_dialing, BOOL), .initial = "no", .kept = true,
		.meaning = "phones put the external_access_prefix in front themselves"},
	{FIELD(rules, dialin_conferencing_region, TEXT), .max = NAME_MAX_BYTES, .kept = true,
		.meaning = "region whose conference numbers its users see"},
	{"rule." MED_ORDER_MARK, MED_TYPE_RULE, 0,
		.meaning = "rule.0, rule.1, ...: in this order, the first that matches wins"},
	{ENTRY(rule, name, TEXT), .max = NAME_MAX_BYTES,
		.meaning = "what people call that rule"},
	{ENTRY(rule, description, TEXT), .max = TEXT_MAX_BYTES,
		.meaning = "notes for people"},
	{ENTRY(rule, is_internal_extension, BOOL), .initial = "no", .kept = true,
		.meaning = "it makes an extension, not a number"},
};

static const med_field_def_t response_rules_fields[] = {
	COMMON(response_rules),
	{"rule." MED_ORDER_MARK, MED_TYPE_RESPONSE_RULE, 0,
		.meaning = "rule.0, rule.1, ...: in this order, the first that matches wins; "
			"0 is any code, -1 (the default) any cause"},
	{ENTRY(response_rule, name, TEXT), .max = NAME_MAX_BYTES,
		.meaning = "what people call that rule"},
	{ENTRY(response_rule, description, TEXT), .max = TEXT_MAX_BYTES,
		.meaning = "notes for people"},
};

static const char *const forwardings[] = {[MED_VOICE_POLICY_USAGE] = "voice_policy_usage",
	[MED_INTERNAL_ONLY] = "internal_only", [MED_CUSTOM_USAGE] = "custom_usage", NULL};

static const med_field_def_t policy_fields[] = {
	COMMON(policy),
	{FIELD(policy, usages, IDS), .max = MED_USAGES_MAX, .alias = "pstn_usages",
		.meaning = "usages its callers may use, in order"},
	{FIELD(policy, call_forwarding_simul_ring_usage_type, WORD),
		.initial = "voice_policy_usage", .words = forwardings,
		.meaning = "usages of forwarded and simultaneously ringing calls"},
	{FIELD(policy, custom_call_forwarding_simul_ring_usages, IDS), .max = MED_USAGES_MAX, .meaning = "these, in order, when the type is custom_usage"},
	{FIELD(policy, enable_voicemail_escape_timer, BOOL), .initial = "no",
		.meaning = "a forwarded or simultaneous call that the PSTN answers too soon has reached a "
			"mailbox: it is ended"},
	{FIELD(policy, pstn_voicemail_escape_timer, NUMBER), .initial = "1500", .max = 8000,
		.unit = "ms", .meaning = "sooner than this"},
	{FIELD(policy, allow_pstn_re_routing, BOOL), .initial = "yes", .kept = true,
		.meaning = "internal calls may go over the PSTN when the network cannot take them"},
	{FIELD(policy, enable_bw_policy_override, BOOL), .initial = "no", .kept = true,
		.meaning = "its callers are not held to bandwidth limits"},
	{FIELD(policy, prevent_pstn_toll_bypass, BOOL), .initial = "no", .kept = true,
		.meaning = "calls to other sites go over the PSTN"},
};

static const med_field_def_t route_fields[] = {
	COMMON(route),
	{FIELD(route, pattern, PATTERN), .max = MED_PATTERN_MAX, .alias = "number_pattern",
		.required = true, .meaning = "E.164 numbers it takes, a .NET regular expression"},
	{FIELD(route, priority, NUMBER), .initial = "0", .max = 0x7fffffff,
		.meaning = "0 is tried first"},
	{FIELD(route, usages, IDS), .max = MED_USAGES_MAX, .alias = "pstn_usages",
		.meaning = "usages it belongs to"},
	{FIELD(route, trunks, TRUNKS), .max = MED_ROUTE_TRUNKS, .alias = "pstn_gateway_list",
		REFERS(TRUNK), .meaning = "trunks that share its calls, each as id or id*weight"},
	{FIELD(route, schedule, ID), .max = MED_ID_MAX, REFERS(SCHEDULE),
		.meaning = "when it takes calls; absent: always"},
	{FIELD(route, suppress_caller_id, BOOL), .initial = "no",
		.meaning = "show alternate_caller_id instead of the caller's number"},
	{FIELD(route, alternate_caller_id, CALLER), .max = 40,
		.meaning = "number shown when suppress_caller_id is yes"},
};

static const char *const without_redis[] = {[MED_LIMIT_LOCALLY] = "local",
	[MED_LIMIT_REFUSE] = "refuse", [MED_LIMIT_ALLOW] = "allow", NULL};

static const med_field_def_t limits_fields[] = {
	COMMON(limits),
	{FIELD(limits, max_calls, NUMBER), .max = CALLS_MAX,
		.meaning = "calls at a time, both ways; one that comes from it and goes back to it is "
			"two; absent: no limit"},
	{FIELD(limits, max_calls_in, NUMBER), .max = CALLS_MAX,
		.meaning = "calls at a time that come from it; absent: no limit"},
	{FIELD(limits, max_calls_out, NUMBER), .max = CALLS_MAX,
		.meaning = "calls at a time that go to it; absent: no limit"},
	{FIELD(limits, calls_per_second, NUMBER), .min = 1, .max = CALLS_MAX,
		.meaning = "new calls a second, both ways; absent: no limit"},
	{FIELD(limits, calls_per_second_window_ms, NUMBER), .initial = "1000", .min = 100,
		.max = TIMEOUT_MAX_MS, .unit = "ms",
		.meaning = "time over which they are counted: as many calls as it has may come at once"},
	{FIELD(limits, audio_bw_limit, NUMBER), .max = KBIT_MAX, .unit = "kbit/s",
		.meaning = "audio of all calls, each by the largest codec it is offered with; absent: "
			"no limit"},
	{FIELD(limits, audio_bw_session_limit, NUMBER), .min = 40, .max = KBIT_MAX,
		.unit = "kbit/s", .meaning = "audio of one call, likewise; absent: no limit"},
	{FIELD(limits, emergency_exempt, BOOL), .initial = "yes",
		.meaning = "emergency calls are never turned away"},
	{FIELD(limits, overload_code, NUMBER), .initial = "503", .min = 400, .max = 699,
		.meaning = "answer to a call that is one too many"},
	{FIELD(limits, retry_after_s, NUMBER), .max = 86400, .unit = "s",
		.meaning = "Retry-After of that answer; absent: none"},
	{FIELD(limits, without_redis, WORD), .initial = "local", .words = without_redis,
		.meaning = "while Redis is away for longer than a node keeps its permits: count on "
			"this node alone, refuse, allow"},
};

static const med_field_def_t schedule_fields[] = {
	COMMON(schedule),
	{FIELD(schedule, time_zone, ZONE), .initial = "UTC", .max = 64,
		.meaning = "whose clock it goes by"},
	{FIELD(schedule, times, WINDOWS), .max = 64,
		.meaning = "times of the week; absent: always. `daily 22:00-06:00` ends the next day"},
	{FIELD(schedule, closed, DATES), .max = 512,
		.meaning = "days on which it is not, such as holidays"},
	{FIELD(schedule, extra, DATES), .max = 512,
		.meaning = "days on which it is from 00:00 to 24:00, closed ones among them"},
};

static const med_field_def_t location_policy_fields[] = {
	COMMON(location_policy),
	{FIELD(location_policy, emergency_dial_string, DIALEDS), .max = 32,
		.meaning = "emergency numbers, as they are dialled and sent: `112,110`"},
	{FIELD(location_policy, emergency_dial_mask, DIALEDS), .max = 64,
		.meaning = "other numbers that mean the first of them: `911,0112`"},
	{FIELD(location_policy, pstn_usages, IDS), .max = MED_USAGES_MAX,
		.alias = "pstn_usage", .meaning = "usages of emergency calls, in order"},
};

static const char *const pers[] = {[MED_PER_CALLER] = "caller",
	[MED_PER_DESTINATION] = "destination",
	[MED_PER_CALLER_AND_DESTINATION] = "caller_and_destination",
	[MED_PER_TRUNK] = "trunk", NULL};

static const med_field_def_t guard_fields[] = {
	COMMON(guard),
	{FIELD(guard, usages, IDS), .max = MED_USAGES_MAX,
		.meaning = "calls that leave by these are counted; absent: all"},
	{FIELD(guard, per, WORD), .initial = "caller", .words = pers,
		.meaning = "of what each is counted for itself"},
	{FIELD(guard, destination_digits, NUMBER), .initial = "6", .min = 1, .max = 15, .meaning = "leading digits of the called number that make a destination"},
	{FIELD(guard, max_calls, NUMBER), .initial = "20", .min = 1, .max = CALLS_MAX, .meaning = "calls within window_s; one more is refused"},
	{FIELD(guard, window_s, NUMBER), .initial = "3600", .min = 1, .max = 86400,
		.unit = "s", .meaning = "time over which they are counted"},
	{FIELD(guard, block_s, NUMBER), .initial = "0", .max = 604800, .unit = "s", .meaning = "how long none is let through after one was refused"},
	{FIELD(guard, code, NUMBER), .initial = "403", .min = 400, .max = 699,
		.meaning = "answer to a call that is one too many"},
};

static const char *const expected_results[] = {[MED_EXPECT_ROUTED] = "routed",
	[MED_EXPECT_NO_ROUTE] = "no_route", [MED_EXPECT_NO_USAGE] = "no_usage",
	[MED_EXPECT_ALL_DOWN] = "all_down", [MED_EXPECT_FORBIDDEN] = "forbidden", [MED_EXPECT_INVALID] = "invalid", NULL};

static const med_field_def_t test_fields[] = {
	{FIELD(test, dialed_number, TEXT), .max = MED_NUMBER_MAX, .required = true,
		.meaning = "number as it is dialled or arrives"},
	{FIELD(test, calling_number, TEXT), .max = MED_NUMBER_MAX,
		.meaning = "number of the caller"},
	{FIELD(test, from_trunk, ID), .max = MED_ID_MAX, REFERS(TRUNK),
		.meanwhile = "the case fails",
		.meaning = "trunk the call arrives on; this or target_policy"},
	{FIELD(test, target_policy, ID), .max = MED_ID_MAX, REFERS(POLICY),
		.meanwhile = "the case fails",
		.meaning = "policy of the caller; this or from_trunk"},
	{FIELD(test, from_site, ID), .max = MED_ID_MAX, REFERS(SITE),
		.meanwhile = "the case goes by the global location_policy",
		.meaning = "where a caller with target_policy is: for emergency numbers"},
	{FIELD(test, from_pool, ID), .max = MED_ID_MAX, REFERS(POOL),
		.meanwhile = "the case fails",
		.meaning = "pool of a caller with target_policy, whose dial plan and site it has; "
				   "absent: that of the node that is asked"},
	{FIELD(test, target_dialplan, ID), .max = MED_ID_MAX, REFERS(RULES),
		.meanwhile = "the case fails",
		.meaning = "rules that make E.164 of the number; the trunk's dial_plan"},
	{FIELD(test, at, INSTANT), .max = 32,
		.meaning = "when it is, for schedules; absent: now"},
	{FIELD(test, expected_translated_number, DIALED), .max = MED_NUMBER_MAX,
		.meaning = "the number after that; absent: any"},
	{FIELD(test, expected_route, ID), .max = MED_ID_MAX, REFERS(ROUTE),
		.meanwhile = "the case fails", .meaning = "route of the first candidate; absent: any"},
	{FIELD(test, expected_usage, ID), .max = MED_ID_MAX,
		.meaning = "usage of the first candidate; absent: any"},
	{FIELD(test, expected_trunk, ID), .max = MED_ID_MAX, REFERS(TRUNK),
		.meanwhile = "the case fails", .meaning = "trunk of the first candidate; absent: any"},
	{FIELD(test, expected_called_number, DIALED), .max = MED_NUMBER_MAX,
		.meaning = "the called number as that trunk gets it; absent: any"},
	{FIELD(test, expected_result, WORD), .initial = "routed", .words = expected_results,
		.meaning = "what becomes of the call"},
};

#define TABLE(fields) fields, sizeof(fields) / sizeof(fields[0])
#define RULES_OF(kind, rule) {"rule.", offsetof(med_##kind##_record_t, rules), \
	sizeof(med_##rule##_record_t), MED_RULES_MAX}
static const struct {
	const med_field_def_t *fields;
	size_t count;
	const char *about;
	med_numbered_t numbered;
} schema[MED_KIND_COUNT] = {
	[MED_KIND_SITE] = {TABLE(site_fields), .about =
		"A place; its gateways may share a profile."},
	[MED_KIND_GATEWAY] = {TABLE(gateway_fields), .about =
		"A machine we talk SIP with."},
	[MED_KIND_TRUNK] = {TABLE(trunk_fields), .about =
		"One way to a gateway. `HSET med:1:trunk:pbx1 gateway pbx1` is enough; the rest has "
		"defaults."},
	[MED_KIND_PROFILE] = {TABLE(profile_fields), .about =
		"How calls on trunks are treated. Ids are `trunk:<id>`, `site:<id>` and `global`; of "
		"those the first that exists applies, as a whole."},
	[MED_KIND_RULES] = {TABLE(rules_fields), .about =
		"Ordered translations, the first that matches wins: a dial plan, or a trunk's own "
		"number formats.", .numbered = RULES_OF(rules, rule)},
	[MED_KIND_POLICY] = {TABLE(policy_fields), .about =
		"Usages of callers that are not a trunk."},
	[MED_KIND_ROUTE] = {TABLE(route_fields), .about =
		"Numbers, the usages they are for, and the trunks that take them."},
	[MED_KIND_POOL] = {TABLE(pool_fields), .about =
		"Mediation Servers of one site that share a name: our end of trunks."},
	[MED_KIND_RESPONSE_RULES] = {TABLE(response_rules_fields), .about =
		"What final codes of a gateway are read as, before routing decides by them.",
		.numbered = RULES_OF(response_rules, response_rule)},
	[MED_KIND_LIMITS] = {TABLE(limits_fields), .about =
		"How much a trunk, a gateway, a site or the link between two sites may carry. Ids are "
		"`trunk:<id>`, `gateway:<id>`, `site:<id>` and `site:<id>:<id>`."},
	[MED_KIND_SCHEDULE] = {TABLE(schedule_fields), .about =
		"When routes take calls."},
	[MED_KIND_LOCATION_POLICY] = {TABLE(location_policy_fields), .about =
		"Emergency numbers, and who takes them. Ids are `site:<id>` and `global`; the first "
		"that exists applies, as a whole."},
	[MED_KIND_GUARD] = {TABLE(guard_fields), .about =
		"How many calls a caller, a destination or a trunk may make before it looks like "
		"fraud. Each node counts for itself."},
	[MED_KIND_TEST] = {TABLE(test_fields), .about =
		"A stored routing case: what should become of a call."},
};
/* clang-format on */

const med_field_def_t *med_schema(enum med_kind kind, size_t *count)
{
	*count = schema[kind].count;
	return schema[kind].fields;
}

const char *med_schema_about(enum med_kind kind)
{
	return schema[kind].about;
}

/* ---- numbered fields ------------------------------------------------------------------
 */

const med_numbered_t *med_schema_numbered(enum med_kind kind)
{
	return &schema[kind].numbered;
}

bool med_schema_is_numbered(const med_field_def_t *def)
{
	return strchr(def->name, MED_ORDER_MARK[0]) != NULL; /* no other name has it */
}

bool med_schema_makes_entry(const med_field_def_t *def)
{
	return def->type == MED_TYPE_RULE || def->type == MED_TYPE_RESPONSE_RULE;
}

#define ORDER_DIGITS 6

/* Digits at the start, without leading zeros; 0: none, or too many. */
static size_t order_length(med_str_t text)
{
	size_t len = 0;

	while(len < text.len && text.s[len] >= '0' && text.s[len] <= '9')
		len++;
	return len > ORDER_DIGITS || (len > 1 && text.s[0] == '0') ? 0 : len;
}

/* Where the number stands in a name of this definition; .len 0: it is not of it. */
static med_str_t order_in(const med_field_def_t *def, med_str_t name)
{
	const char *mark = strstr(def->name, MED_ORDER_MARK);
	med_str_t rest, before = {def->name, mark == NULL ? 0 : (size_t)(mark - def->name)};
	size_t len;

	if(mark == NULL || name.len <= before.len
			|| memcmp(name.s, before.s, before.len) != 0)
		return (med_str_t){NULL, 0};
	rest = (med_str_t){name.s + before.len, name.len - before.len};
	len = order_length(rest);
	if(len > 0
			&& med_str_eq((med_str_t){rest.s + len, rest.len - len},
					med_str(mark + sizeof(MED_ORDER_MARK) - 1)))
		return (med_str_t){rest.s, len};
	return (med_str_t){NULL, 0};
}

uint32_t med_schema_order(const med_field_def_t *def, med_str_t name)
{
	med_str_t digits = order_in(def, name);
	uint32_t order = 0;

	for(size_t i = 0; i < digits.len; i++)
		order = order * 10 + (uint32_t)(digits.s[i] - '0');
	return order;
}

/* ---- names ----------------------------------------------------------------------------
 */

static bool is_named(const char *known, med_str_t name)
{
	return known != NULL && known[0] == name.s[0] && med_str_eq(name, med_str(known));
}

/* Asked for each field of a million routes. */
const med_field_def_t *med_schema_field(enum med_kind kind, med_str_t name)
{
	bool numbered = schema[kind].numbered.prefix != NULL;

	for(size_t i = 0; i < schema[kind].count && name.len > 0; i++) {
		const med_field_def_t *def = &schema[kind].fields[i];
		if(is_named(def->name, name) || is_named(def->alias, name)
				|| (numbered && order_in(def, name).len > 0))
			return def;
	}
	return NULL;
}

#define NEAR_MAX 48 /* bytes of a name that are compared */

/* Edit distance; both at most NEAR_MAX. */
static unsigned distance(med_str_t a, med_str_t b)
{
	unsigned row[NEAR_MAX + 1];

	for(unsigned j = 0; j <= b.len; j++)
		row[j] = j;
	for(unsigned i = 1; i <= a.len; i++) {
		unsigned corner = row[0];
		row[0] = i;
		for(unsigned j = 1; j <= b.len; j++) {
			unsigned change = corner + (a.s[i - 1] != b.s[j - 1]);
			corner = row[j];
			if(row[j - 1] + 1 < change)
				change = row[j - 1] + 1;
			if(corner + 1 < change)
				change = corner + 1;
			row[j] = change;
		}
	}
	return row[b.len];
}

/* rule.7.nam as rule.<n>.nam, so that its number is not far from any name. */
static med_str_t without_order(enum med_kind kind, med_str_t name, char *out, size_t size)
{
	const char *prefix = schema[kind].numbered.prefix;
	size_t before = prefix == NULL ? 0 : strlen(prefix), digits;

	if(before == 0 || name.len <= before || memcmp(name.s, prefix, before) != 0)
		return name;
	digits = order_length((med_str_t){name.s + before, name.len - before});
	if(digits == 0)
		return name;
	(void)snprintf(out, size, "%s" MED_ORDER_MARK "%.*s", prefix,
			(int)(name.len - before - digits), name.s + before + digits);
	return med_str(out);
}

const char *med_schema_nearest(enum med_kind kind, med_str_t name)
{
	char numbered[NEAR_MAX + 1];
	unsigned best = name.len < 6 ? 3 : 4; /* farther than this is no help */
	const char *nearest = NULL;

	if(name.len == 0 || name.len > NEAR_MAX)
		return NULL;
	name = without_order(kind, name, numbered, sizeof(numbered));
	for(size_t i = 0; i < schema[kind].count; i++) {
		const med_field_def_t *def = &schema[kind].fields[i];
		unsigned d = distance(name, med_str(def->name));
		if(def->alias != NULL && distance(name, med_str(def->alias)) < d)
			d = distance(name, med_str(def->alias));
		if(d < best) {
			best = d;
			nearest = def->name;
		}
	}
	return nearest;
}
