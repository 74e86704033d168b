/**
 * med_gate.c - see med_gate.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "core/dprint.h"
#include "core/events.h"
#include "core/forward.h"
#include "core/ip_addr.h"
#include "core/mem/mem.h"
#include "core/script_cb.h"

#include "med_gate.h"
#include "med_call.h"
#include "med_connect.h"
#include "med_identify.h"
#include "med_note.h"
#include "med_policy_listener.h"
#include "med_shm.h"
#include "med_stats.h"
#include "medcore/targets.h"

/** Does a line begin at @p at with "m="? */
static bool med_is_media_line(const char *start, const char *at)
{
	return at > start && (at[-1] == '\n' || at[-1] == '\r');
}

/** From @p at on, one byte after the other. */
static const char *med_find_media_slow(const char *start, const char *at, const char *end)
{
	for(; end - at > 1; at++)
		if(at[0] == 'm' && at[1] == '=' && med_is_media_line(start, at))
			return at;
	return NULL;
}

#ifdef __x86_64__
/** "m=" at 32 places at once; which of them begin a line is asked of the hits alone. */
__attribute__((target("avx2"))) static const char *med_find_media_avx2(
		const char *start, const char *end)
{
	const __m256i m = _mm256_set1_epi8('m'), equals = _mm256_set1_epi8('=');
	const char *at = start;

	if(end - start <= 64)
		return med_find_media_slow(start, start, end);
	/* The last step looks at some bytes again rather than at a few one by one. */
	for(; end - at > 1; at = end - at > 129 || end - at <= 65 ? at + 64 : end - 65) {
		__m256i low = _mm256_and_si256(
				_mm256_cmpeq_epi8(m, _mm256_loadu_si256((const void *)at)),
				_mm256_cmpeq_epi8(equals, _mm256_loadu_si256((const void *)(at + 1))));
		__m256i high = _mm256_and_si256(
				_mm256_cmpeq_epi8(m, _mm256_loadu_si256((const void *)(at + 32))),
				_mm256_cmpeq_epi8(equals, _mm256_loadu_si256((const void *)(at + 33))));
		__m256i any = _mm256_or_si256(low, high);
		const char *found;

		if(_mm256_testz_si256(any, any))
			continue;
		found = med_find_media_slow(start, at, at + 65);
		if(found != NULL)
			return found;
	}
	return NULL;
}
#endif

/**
 * The first line that begins with "m=": without one there is no media in the message,
 * and that is known of nearly every message after some hundred instructions.
 */
static const char *med_find_media(const char *start, size_t len)
{
#ifdef __x86_64__
	if(__builtin_cpu_supports("avx2"))
		return med_find_media_avx2(start, start + len);
#endif
	return med_find_media_slow(start, start, start + len);
}

/** The end of a header that begins at @p at: of its last continuation line. */
static const char *med_raw_header_end(const char *at, const char *end)
{
	do {
		at = memchr(at, '\n', (size_t)(end - at));
		if(at == NULL)
			return end;
		at++;
	} while(at < end && (*at == ' ' || *at == '\t'));
	return at - 1;
}

/**
 * The value of a header in raw bytes (RFC 3261, also its compact form), folded or not;
 * without: s is NULL.
 */
static med_str_t med_raw_header(
		const char *at, const char *end, const char *name, char compact)
{
	size_t len = strlen(name);

	while(at < end) {
		const char *stop = med_raw_header_end(at, end);
		const char *colon = memchr(at, ':', (size_t)(stop - at));
		size_t width;

		if(colon != NULL) {
			for(width = (size_t)(colon - at);
					width > 0 && (at[width - 1] == ' ' || at[width - 1] == '\t');)
				width--;
			if((width == len && strncasecmp(at, name, len) == 0)
					|| (width == 1 && (at[0] | 0x20) == compact)) {
				for(colon++; colon < stop && (*colon == ' ' || *colon == '\t');)
					colon++;
				while(stop > colon && (stop[-1] == '\r' || stop[-1] == ' '))
					stop--;
				return (med_str_t){colon, (size_t)(stop - colon)};
			}
		}
		at = stop + 1;
	}
	return (med_str_t){NULL, 0};
}

/** Where the body begins: after the first empty line; NULL: there is none. */
static const char *med_raw_body(const char *start, const char *end)
{
	for(const char *at = start; (at = memchr(at, '\n', (size_t)(end - at))) != NULL;
			at++) {
		if(end - at > 1 && at[1] == '\n')
			return at + 2;
		if(end - at > 2 && at[1] == '\r' && at[2] == '\n')
			return at + 3;
	}
	return NULL;
}

/** Addresses of an anchored leg: each must be rtpengine's own, or nobody's (on hold). */
static int med_gate_addresses(const med_sdp_t *sdp, med_errbuf_t *why)
{
	static const uint8_t nobody[16], nobody4[16] = {[10] = 0xff, [11] = 0xff};
	med_str_t rest = sdp->body, address;
	med_ip_t ip;

	while(med_sdp_next_address(&rest, &address)) {
		if(med_ip_parse(address, &ip) == MED_EOK
				&& (med_policy_listener_anchors(&ip)
						|| memcmp(ip.bytes, nobody, sizeof nobody) == 0
						|| memcmp(ip.bytes, nobody4, sizeof nobody4) == 0))
			continue;
		return med_fail(why, MED_EREFUSED,
				"media address %.*s is not rtpengine's: this leg is anchored",
				MED_STR_FMT(address));
	}
	return MED_EOK;
}

/** The one SDP of these bytes; MED_ENOMATCH: they have no media. */
static int med_gate_sdp(
		const char *start, const char *end, med_str_t *text, med_errbuf_t *why)
{
	const char *body = med_raw_body(start, end);
	med_str_t type;

	if(body == NULL)
		return MED_ENOMATCH;
	type = med_raw_header(start, body, "Content-Type", 'c');
	if(type.s != NULL
			&& med_raw_header(type.s + type.len, body, "Content-Type", 'c').s != NULL)
		return med_fail(
				why, MED_EREFUSED, "two Content-Type headers: which one would count?");
	return med_sdp_find(type, (med_str_t){body, (size_t)(end - body)}, text, why);
}

static bool med_gate_is_reply(const char *start, size_t len)
{
	return len > 8 && memcmp(start, "SIP/2.0 ", 8) == 0;
}

/** Of a call whose media goes past us, and this message's SDP was found to fit. */
static bool med_gate_is_past(const char *start, const char *end)
{
	return med_noted(med_gate_is_reply(start, (size_t)(end - start))
					? MED_NOTE_REPLY_PAST
					: MED_NOTE_REQUEST_PAST,
			med_raw_header(start, end, "Call-ID", 'i'),
			med_raw_header(start, end, "CSeq", '\0'), NULL);
}

/** May these bytes go to this leg? Anything with media that cannot be read may not. */
static int med_gate_check(const char *start, const char *end, const med_leg_policy_t *leg,
		med_errbuf_t *why)
{
	med_str_t text;
	med_sdp_t sdp;
	int rc;

	rc = med_gate_sdp(start, end, &text, why);
	if(rc == MED_EOK)
		rc = med_sdp_parse(text, &sdp, why);
	if(rc != MED_EOK)
		return rc == MED_ENOMATCH ? MED_EOK : rc;
	rc = med_media_check_outgoing(leg, &sdp, why);
	if(rc == MED_EOK && leg->anchored) {
		rc = med_gate_addresses(&sdp, why);
		if(rc != MED_EOK && med_gate_is_past(start, end))
			rc = MED_EOK;
	}
	return rc;
}

/** Keys in the lines from @p media, the first m-line, to @p end? */
static bool med_gate_has_keys(const char *media, const char *end)
{
	static const char crypto[] = "a=crypto:";
	const size_t len = sizeof crypto - 1;

	/* every line has an equals sign, and few have more */
	for(const char *at = media; (at = memchr(at, '=', (size_t)(end - at))) != NULL; at++)
		if((size_t)(end - at) >= len - 1 && memcmp(at - 1, crypto, len) == 0)
			return true;
	return false;
}

/** Keys that anyone on the way could read? */
static int med_gate_keys(int proto, const char *media, const char *end, med_errbuf_t *why)
{
	if(proto == PROTO_TLS || proto == PROTO_WSS || !med_gate_has_keys(media, end))
		return MED_EOK;
	return med_fail(why, MED_EREFUSED,
			"a=crypto would go out over %s, where its keys can be read; a trunk's keys "
			"are "
			"sent over TLS only",
			proto == PROTO_UDP ? "UDP" : "TCP");
}

/** See med_gate_admit(); a call whose names do not fit is not remembered. */
static struct {
	bool reply;
	size_t callid_len, cseq_len;
	char callid[256], cseq[64];
	med_side_t side;
} med_admitted;

static int med_gate_forget(sip_msg_t *msg, unsigned flags, void *param)
{
	(void)msg, (void)flags, (void)param;
	med_admitted.callid_len = 0;
	return 1;
}

void med_gate_admit(sip_msg_t *msg, const med_side_t *to)
{
	med_str_t callid = med_trimmed(msg->callid->body);
	med_str_t cseq = med_trimmed(msg->cseq->body);

	med_admitted.callid_len = 0;
	if(!to->policy.known || callid.len > sizeof med_admitted.callid
			|| cseq.len > sizeof med_admitted.cseq)
		return;
	med_admitted.reply = msg->first_line.type == SIP_REPLY;
	med_admitted.callid_len = callid.len;
	memcpy(med_admitted.callid, callid.s, callid.len);
	med_admitted.cseq_len = cseq.len;
	memcpy(med_admitted.cseq, cseq.s, cseq.len);
	med_admitted.side = *to;
}

static bool med_gate_admitted(const str *out)
{
	const char *end = out->s + out->len;

	return med_admitted.callid_len > 0
			&& med_admitted.reply == med_gate_is_reply(out->s, (size_t)out->len)
			&& med_str_eq(med_raw_header(out->s, end, "Call-ID", 'i'),
					(med_str_t){med_admitted.callid, med_admitted.callid_len})
			&& med_str_eq(med_raw_header(out->s, end, "CSeq", '\0'),
					(med_str_t){med_admitted.cseq, med_admitted.cseq_len});
}

static void med_gate_log(
		const str *out, const struct dest_info *dst, med_str_t trunk, const char *why)
{
	med_str_t callid = med_raw_header(out->s, out->s + out->len, "Call-ID", 'i');
	const char *stop = memchr(out->s, '\r', (size_t)out->len);
	struct ip_addr ip;

	su2ip_addr(&ip, (union sockaddr_union *)(uintptr_t)&dst->to);
	LM_ERR("call %.*s: kept back \"%.*s\" to %s:%u (trunk '%.*s'): %s\n",
			MED_STR_FMT(callid), stop != NULL ? (int)(stop - out->s) : 0, out->s,
			ip_addr2a(&ip), (unsigned)su_getport(&dst->to), MED_STR_FMT(trunk), why);
}

/** Is this where the trunk's gateway listens, rather than some address of its port? */
static bool med_gate_is_at(
		const med_trunk_t *trunk, const med_ip_t *remote, unsigned short port)
{
	const med_gateway_t *gateway = trunk->gateway;

	for(uint8_t i = 0; i < gateway->source_count; i++)
		if(med_ip_contains(&gateway->sources[i], remote) && trunk->port == port)
			return true;
	for(uint8_t i = 0; i < gateway->place_count; i++)
		if(med_target_port(&gateway->places[i], trunk->port) == port
				&& med_ip_contains(&gateway->places[i].ip, remote))
			return true;
	return false;
}

/** The leg by where these bytes go: our port, and their address. */
static bool med_gate_place(const struct dest_info *dst, med_side_t *side, bool *certain)
{
	const struct socket_info *socket = dst->send_sock;
	const med_trunk_t *trunk = NULL;
	med_leg_policy_t leg;
	med_destination_t to;
	struct ip_addr ip;

	if(!med_transport_of(dst->proto, &to.transport))
		return false;
	if(socket == NULL)
		socket = get_send_socket(
				NULL, (union sockaddr_union *)(uintptr_t)&dst->to, dst->proto);
	MED_SNAPSHOT(snapshot);
	if(socket == NULL || snapshot == NULL)
		return false; /* the core cannot send; or nothing is routed by us */
	su2ip_addr(&ip, (union sockaddr_union *)(uintptr_t)&dst->to);
	med_ip_of(&ip, &to.address);
	to.local_port = socket->port_no;
	to.remote_port = su_getport(&dst->to);
	if(med_leg_of_destination(snapshot, &to, &leg, &trunk) != MED_EOK)
		return false;
	side->id_len = 0;
	if(trunk != NULL)
		med_side_set(side, trunk);
	side->policy = leg; /* the strictest of several */
	*certain = trunk != NULL && med_gate_is_at(trunk, &to.address, to.remote_port);
	return true;
}

/**
 * The leg these bytes go to; false: none. As the call was admitted, except where a script
 * has sent the request to another trunk since: then what is stricter of either holds. (A
 * reply goes back where its request came from, over a connection that may have any port
 * of ours.)
 */
static bool med_gate_leg(const str *out, const struct dest_info *dst, med_side_t *side)
{
	bool certain = false;
	med_side_t place;

	if(!med_gate_admitted(out))
		return med_gate_place(dst, side, &certain);
	*side = med_admitted.side;
	if(med_admitted.reply || !med_gate_place(dst, &place, &certain) || !certain
			|| med_str_eq(med_side_id(&place), med_side_id(side)))
		return true;
	place.policy.anchored |= side->policy.anchored;
	if(place.policy.srtp < side->policy.srtp)
		place.policy.srtp = side->policy.srtp;
	*side = place;
	return true;
}

/** The core gives a copy of its own, and does not send when the copy is gone. */
static int med_gate_out(sr_event_param_t *event)
{
	str *out = event->data;
	const char *media, *end;
	med_errbuf_t why = {""};
	med_side_t side;
	int rc;

	if(out == NULL || out->s == NULL || out->len <= 0 || event->dst == NULL)
		return 0;
	if(med_connect_is_ack(out)) {
		pkg_free(out->s);
		out->s = NULL;
		out->len = 0;
		return 0;
	}
	media = med_find_media(out->s, (size_t)out->len);
	if(media == NULL || !med_gate_leg(out, event->dst, &side) || !side.policy.known)
		return 0;
	end = out->s + out->len;
	rc = med_gate_keys(event->dst->proto, media, end, &why);
	if(rc == MED_EOK && (side.policy.anchored || side.policy.srtp == MED_SRTP_REQUIRED))
		rc = med_gate_check(out->s, end, &side.policy, &why);
	if(rc == MED_EOK)
		return 0;
	med_gate_log(out, event->dst, med_side_id(&side), why.text);
	med_stats_inc(MED_STAT_GATE_BLOCKED);
	pkg_free(out->s);
	out->s = NULL;
	out->len = 0;
	return 0;
}

int med_gate_register(void)
{
	if(register_script_cb(med_gate_forget, PRE_SCRIPT_CB | REQUEST_CB | ONREPLY_CB, NULL)
			< 0)
		return -1;
	return sr_event_register_cb(SREV_NET_DATA_OUT, med_gate_out);
}
