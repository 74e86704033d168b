/**
 * med_dialog.c - see med_dialog.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <string.h>

#include "core/dset.h"
#include "core/parser/parse_cseq.h"
#include "core/parser/parse_uri.h"
#include "core/resolve.h"

#include "med_branch.h"
#include "med_contact.h"
#include "med_cookie.h"
#include "med_dialog.h"
#include "med_identify.h"
#include "med_shm.h"
#include "medcore/targets.h"

int med_dialog_from(sip_msg_t *msg, med_call_t *call, const med_snapshot_t *snapshot)
{
	med_side_t *side = (call->flags & MED_CALL_UPSTREAM) ? &call->out : &call->in;
	const med_trunk_t *trunk =
			snapshot != NULL ? med_snapshot_trunk(snapshot, med_side_id(side)) : NULL;
	med_errbuf_t why = {""};
	med_source_t source;

	if(trunk == NULL)
		return MED_EOK;
	side->number = trunk->number;
	if(med_source_of(msg, &source, &why) == MED_EOK
			&& (med_source_is(&source, trunk)
					|| med_cookie_pin_ip(msg->rcv.proto, &source.address) == side->pin))
		return med_contact_in_replies(msg, trunk);
	med_reason(msg, 403, 10013, "this call's trunk is '%.*s', the request is not from it",
			side->id_len, side->id);
	return MED_EREFUSED;
}

/** Where the request is about to go. */
typedef struct med_hop {
	bool known; /**< a URI we can go by */
	bool is_ip;
	bool is_maddr; /**< of the Request-URI; tm goes by it if told (RFC 3261, 19.1.1) */
	bool has_port; /**< it is written */
	int proto;     /**< PROTO_* */
	uint16_t port;
	med_ip_t ip;
	med_str_t host; /**< as written, without brackets */
} med_hop_t;

static bool med_host_ip(str host, med_ip_t *ip)
{
	struct ip_addr *found = str2ip(&host);

	if(found == NULL)
		found = str2ip6(&host);
	if(found != NULL)
		med_ip_of(found, ip);
	return found != NULL;
}

static void med_hop_read(sip_msg_t *msg, med_hop_t *hop)
{
	struct sip_uri parsed;
	const struct sip_uri *uri = &parsed;
	str host;

	memset(hop, 0, sizeof *hop);
	if(msg->dst_uri.len > 0) {
		if(parse_uri(msg->dst_uri.s, msg->dst_uri.len, &parsed) < 0)
			return;
	} else {
		if(parse_sip_msg_uri(msg) < 0)
			return;
		uri = &msg->parsed_uri;
	}
	/* Kamailio takes sip: with user=phone for tel:, and knows of its host all the same.
	 */
	if((uri->type != SIP_URI_T && uri->type != SIPS_URI_T && uri->type != TEL_URI_T)
			|| uri->host.len <= 0)
		return;
	hop->is_maddr = uri->maddr.len > 0;
	if(hop->is_maddr && (uri == &parsed || uri->maddr_val.len <= 0))
		return;
	host = hop->is_maddr ? uri->maddr_val : uri->host;
	hop->proto = uri->type == SIPS_URI_T ? PROTO_TLS
			: uri->proto == PROTO_NONE   ? PROTO_UDP
										 : uri->proto;
	hop->known = true;
	hop->is_ip = med_host_ip(host, &hop->ip);
	hop->host = med_from_str(host);
	hop->has_port = uri->port_no != 0;
	hop->port = uri->port_no != 0     ? uri->port_no
			: hop->proto == PROTO_TLS ? SIPS_PORT
									  : SIP_PORT;
}

static bool med_gateway_has_ip(const med_gateway_t *gateway, const med_ip_t *ip)
{
	for(unsigned i = 0; i < gateway->source_count; i++)
		if(med_ip_contains(&gateway->sources[i], ip))
			return true;
	for(unsigned i = 0; i < gateway->place_count; i++)
		if(med_ip_contains(&gateway->places[i].ip, ip))
			return true;
	return false;
}

/** Does one of this trunk's places have that port? */
static bool med_trunk_listens(const med_trunk_t *trunk, const med_hop_t *hop)
{
	const med_gateway_t *gateway = trunk->gateway;

	for(unsigned i = 0; i < gateway->target_count; i++)
		if(med_target_port(&gateway->targets[i], trunk->port) == hop->port
				&& (gateway->targets[i].transports >> trunk->transport & 1) != 0
				&& med_ip_contains(&gateway->targets[i].ip, &hop->ip))
			return true;
	return false;
}

/**
 * Several trunks may be at one address, told apart by port. A peer's own Contact may have
 * any port (an ephemeral one, over TCP), but not that where another trunk listens.
 */
static bool med_hop_is_anothers(const med_snapshot_t *snapshot, const med_hop_t *hop)
{
	const med_trunk_t *trunk;
	uint32_t at = 0;

	while((trunk = med_snapshot_next_trunk(snapshot, &at)) != NULL)
		if(med_transport_proto(trunk->transport) == hop->proto
				&& med_trunk_listens(trunk, hop))
			return true;
	return false;
}

/** A long request to a UDP trunk may go by TCP (RFC 3261 18.1.1). */
static bool med_hop_fits(const med_hop_t *hop, const med_trunk_t *trunk)
{
	return hop->proto == med_transport_proto(trunk->transport)
			|| (hop->proto == PROTO_TCP && trunk->transport == MED_UDP);
}

/** Is the next hop this trunk's gateway? Cheap questions first: mostly the first says
 * yes.
 */
static bool med_hop_is(const med_snapshot_t *snapshot, const med_hop_t *hop,
		const med_trunk_t *trunk, uint32_t pin)
{
	const med_gateway_t *gateway = trunk->gateway;

	if(!hop->is_ip)
		return false; /* no name is looked up here: the trunk's own place is known */
	if(hop->port != trunk->port && !med_trunk_listens(trunk, hop)
			&& med_hop_is_anothers(snapshot, hop))
		return false;
	if(med_hop_fits(hop, trunk) && med_gateway_has_ip(gateway, &hop->ip))
		return true;
	if(med_cookie_pin_ip(hop->proto, &hop->ip) == pin)
		return true; /* where the call began: the gateway has moved since */
	if(!med_hop_fits(hop, trunk))
		return false;
	return trunk->transport == MED_TLS
			&& med_connection_is(&hop->ip, hop->port, gateway) == MED_CONNECTION_YES;
}

static uint32_t med_hop_pin(const med_hop_t *hop)
{
	return !hop->known   ? 0
			: hop->is_ip ? med_cookie_pin_ip(hop->proto, &hop->ip)
						 : med_cookie_pin_name(hop->proto, hop->host);
}

bool med_dialog_hop_ip(sip_msg_t *msg, med_ip_t *ip)
{
	int proto;

	return med_dialog_hop_at(msg, ip, &proto);
}

bool med_dialog_hop_at(sip_msg_t *msg, med_ip_t *ip, int *proto)
{
	med_hop_t hop;

	med_hop_read(msg, &hop);
	*ip = hop.ip;
	*proto = hop.proto;
	return hop.known && hop.is_ip && !hop.is_maddr;
}

uint32_t med_dialog_hop_pin(sip_msg_t *msg)
{
	med_hop_t hop;

	med_hop_read(msg, &hop);
	return hop.is_maddr ? 0 : med_hop_pin(&hop);
}

/** A maddr is where to go: Kamailio as it is mostly built takes the host instead. */
static int med_hop_go(sip_msg_t *msg, const med_hop_t *hop)
{
	char buffer[MED_DESTINATION_MAX];
	str destination = {buffer, 0};

	if(!hop->is_maddr)
		return MED_EOK;
	destination.len = snprintf(buffer, sizeof buffer, "sip:%.*s:%u;transport=%s",
			MED_STR_FMT(hop->host), (unsigned)hop->port,
			get_proto_name((unsigned)hop->proto));
	if((size_t)destination.len >= sizeof buffer)
		return MED_EINVAL;
	return set_dst_uri(msg, &destination) < 0 ? MED_ENOMEM : MED_EOK;
}

static int med_dialog_gone(sip_msg_t *msg, const med_side_t *side, const med_hop_t *hop)
{
	uint32_t pin = med_hop_pin(hop);

	if(pin != 0 && pin == side->pin && med_hop_go(msg, hop) == MED_EOK)
		return MED_EOK;
	if(side->id_len == 0) {
		med_reason(msg, 403, 10013,
				"the next hop is not where the user of this call is; set $du for a phone "
				"behind NAT or one that has moved");
		return MED_EREFUSED;
	}
	med_reason(msg, 403, 10013,
			"trunk '%.*s' of this call is gone, and the next hop is not where the call "
			"began",
			side->id_len, side->id);
	return MED_EREFUSED;
}

/** Of the places of a gateway the one that the call began with, if it is one of them. */
static const med_target_t *med_dialog_target(const med_trunk_t *trunk, uint32_t pin)
{
	const struct socket_info *socket = med_trunk_socket(trunk);
	const med_gateway_t *gateway = trunk->gateway;
	int proto = med_transport_proto(trunk->transport);
	med_target_query_t query = {.transport = trunk->transport,
			.ipv4 = socket == NULL || socket->address.af == AF_INET,
			.ipv6 = socket == NULL || socket->address.af == AF_INET6};

	for(unsigned i = 0; i < gateway->target_count; i++)
		if((gateway->targets[i].transports >> trunk->transport & 1) != 0
				&& med_cookie_pin_ip(proto, &gateway->targets[i].ip) == pin)
			return &gateway->targets[i];
	return med_target_next(gateway, &query);
}

/** To the trunk's own place; at the port that the hop has, where it has the name of it.
 */
static int med_dialog_send(sip_msg_t *msg, const med_side_t *side,
		const med_trunk_t *trunk, const med_hop_t *hop)
{
	const med_gateway_t *gateway = trunk->gateway;
	str destination = med_to_str(trunk->destination);
	const med_target_t *target;
	char uri[MED_DESTINATION_MAX];
	bool named = hop->known && hop->has_port && !hop->is_ip && med_hop_fits(hop, trunk)
			&& med_str_eq_nocase(hop->host, gateway->address);

	if(gateway->named) {
		target = med_dialog_target(trunk, side->pin);
		if(target == NULL) {
			med_reason(msg, 503, 12000,
					"trunk '%.*s': the name of its gateway, '%.*s', has no known address",
					side->id_len, side->id, MED_STR_FMT(gateway->address));
			return MED_EREFUSED;
		}
		destination.s = uri;
		destination.len = (int)med_target_uri(&target->ip,
				named ? hop->port : med_target_port(target, trunk->port),
				(enum med_transport)trunk->transport, uri, sizeof uri);
	}
	return set_dst_uri(msg, &destination) < 0 ? MED_ENOMEM : MED_EOK;
}

int med_dialog_to(sip_msg_t *msg, const med_call_t *call, const med_snapshot_t *snapshot)
{
	const med_side_t *side = (call->flags & MED_CALL_UPSTREAM) ? &call->in : &call->out;
	const med_trunk_t *trunk =
			snapshot != NULL ? med_snapshot_trunk(snapshot, med_side_id(side)) : NULL;
	struct socket_info *socket;
	med_hop_t hop;
	int proto, rc;

	med_hop_read(msg, &hop);
	if(trunk == NULL)
		return med_dialog_gone(msg, side, &hop);
	proto = hop.proto;
	if(!hop.known || !med_hop_is(snapshot, &hop, trunk, side->pin)
			|| med_hop_go(msg, &hop) != MED_EOK) {
		rc = med_dialog_send(msg, side, trunk, &hop);
		if(rc != MED_EOK)
			return rc;
		proto = med_transport_proto(trunk->transport);
	}
	if(side->policy.known && side->policy.srtp == MED_SRTP_REQUIRED
			&& proto != PROTO_TLS) {
		med_reason(msg, 403, 0,
				"trunk '%.*s' had SRTP required: nothing of this call leaves without TLS",
				side->id_len, side->id);
		return MED_EREFUSED;
	}
	socket = proto == med_transport_proto(trunk->transport) ? med_trunk_socket(trunk)
															: NULL;
	if(socket != NULL)
		set_force_socket(msg, socket);
	med_tls_hello(trunk);
	return med_contact_write(msg, trunk);
}

static bool med_branch_is(const struct via_param *branch, const char *text, size_t len)
{
	return (size_t)branch->value.len == len && memcmp(branch->value.s, text, len) == 0;
}

/** Is it of the current candidate to the INVITE, 101 to 299, and not refused already? */
static bool med_answer_is_current(sip_msg_t *reply, const med_call_t *call)
{
	const struct via_param *branch;

	if(reply->REPLY_STATUS <= 100 || reply->REPLY_STATUS >= 300
			|| (call->flags & MED_CALL_CHOSEN) == 0
			|| (call->flags & (MED_CALL_IN_DIALOG | MED_CALL_OVER)) != 0)
		return false;
	if(med_parse_headers(reply, HDR_VIA_F | HDR_CSEQ_F | HDR_CALLID_F) < 0
			|| reply->cseq == NULL || reply->via1 == NULL)
		return false; /* tm takes no such reply */
	branch = reply->via1->branch;
	return get_cseq(reply)->method_id == METHOD_INVITE && branch != NULL
			&& (call->branch_len == 0
					|| med_branch_is(branch, call->branch, call->branch_len))
			&& !med_branch_is(branch, call->refused.branch, call->refused.branch_len);
}

int med_dialog_too_soon(
		sip_msg_t *reply, const med_call_t *call, const med_snapshot_t *snapshot)
{
	const med_trunk_t *trunk;
	int64_t after;

	if(reply->REPLY_STATUS < 200 || !med_answer_is_current(reply, call))
		return MED_EOK;
	trunk = med_side_trunk(snapshot, &call->out);
	after = med_now_ms() - call->try_started;
	if(trunk == NULL || !trunk->pstn || after >= call->escape_ms)
		return MED_EOK;
	med_reason(reply, 480, 0,
			"answered after %lld ms, sooner than pstn_voicemail_escape_timer %u of "
			"policy "
			"'%.*s': a mailbox",
			(long long)after, call->escape_ms, call->policy_len, call->policy);
	return MED_EREFUSED;
}

int med_dialog_answer(
		sip_msg_t *reply, const med_call_t *call, const med_snapshot_t *snapshot)
{
	const med_trunk_t *trunk = med_side_trunk(snapshot, &call->out);
	med_errbuf_t why = {""};
	med_source_t source;

	if(trunk == NULL || trunk->transport != MED_TLS
			|| !med_answer_is_current(reply, call))
		return MED_EOK;
	if(med_source_of(reply, &source, &why) == MED_EOK && med_source_is(&source, trunk))
		return MED_EOK;
	med_reason(reply, 503, 12000,
			"trunk '%.*s': the certificate of who answers does not have its tls_name "
			"'%.*s'",
			MED_STR_FMT(trunk->id), MED_STR_FMT(trunk->gateway->tls_name));
	return MED_EREFUSED;
}
