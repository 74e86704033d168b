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

#include "med_gate.h"
#include "med_call.h"
#include "med_identify.h"
#include "med_policy_listener.h"
#include "med_shm.h"
#include "med_stats.h"

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

/** The value of a header in raw bytes (RFC 3261, also its compact form); empty: none. */
static med_str_t med_raw_header(
		const char *at, const char *end, const char *name, char compact)
{
	size_t len = strlen(name);

	while(at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		const char *colon;
		size_t width;

		if(stop == NULL)
			stop = end;
		colon = memchr(at, ':', (size_t)(stop - at));
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

/** Addresses of an anchored leg: each must be rtpengine's own. */
static int med_gate_addresses(const med_sdp_t *sdp, med_errbuf_t *why)
{
	for(size_t i = 0; i < sdp->media_count; i++) {
		const med_sdp_media_t *media = &sdp->media[i];
		med_ip_t ip;

		if(media->port == 0)
			continue;
		if(med_ip_parse(media->address, &ip) != MED_EOK
				|| !med_policy_listener_anchors(&ip))
			return med_fail(why, MED_EREFUSED,
					"media address %.*s is not rtpengine's: this leg is anchored",
					MED_STR_FMT(media->address));
	}
	return MED_EOK;
}

/** May these bytes go to this leg? Anything with media that cannot be read may not. */
static int med_gate_check(const str *out, const med_leg_policy_t *leg, med_errbuf_t *why)
{
	const char *end = out->s + out->len;
	const char *body = med_raw_body(out->s, end);
	med_str_t type, sdp_text;
	med_sdp_t sdp;
	int rc;

	if(body == NULL)
		return MED_EOK;
	type = med_raw_header(out->s, body, "Content-Type", 'c');
	if(type.s != NULL
			&& med_raw_header(type.s + type.len, body, "Content-Type", 'c').s != NULL)
		return med_fail(
				why, MED_EREFUSED, "two Content-Type headers: which one would count?");
	rc = med_sdp_find(type, (med_str_t){body, (size_t)(end - body)}, &sdp_text);
	if(rc == MED_ENOMATCH && type.len == 0)
		sdp_text = (med_str_t){
				body, (size_t)(end - body)}; /* lenient peers take it as SDP */
	else if(rc == MED_ENOMATCH)
		return MED_EOK;
	else if(rc != MED_EOK)
		return med_fail(why, MED_EREFUSED, "a body whose SDP cannot be found");
	rc = med_sdp_parse(sdp_text, &sdp, why);
	if(rc != MED_EOK)
		return rc;
	rc = med_media_check_outgoing(leg, &sdp, why);
	if(rc == MED_EOK && leg->anchored)
		rc = med_gate_addresses(&sdp, why);
	return rc;
}

/** See med_gate_admit(); a Call-ID that does not fit is not remembered. */
static struct {
	bool reply;
	size_t callid_len;
	char callid[256];
	med_side_t side;
} med_admitted;

void med_gate_admit(sip_msg_t *msg, const med_side_t *to)
{
	const str *callid = &msg->callid->body;

	med_admitted.callid_len = 0;
	if(!to->policy.known || callid->len <= 0
			|| (size_t)callid->len > sizeof med_admitted.callid)
		return;
	med_admitted.reply = msg->first_line.type == SIP_REPLY;
	med_admitted.callid_len = (size_t)callid->len;
	memcpy(med_admitted.callid, callid->s, (size_t)callid->len);
	med_admitted.side = *to;
}

static bool med_gate_admitted(const str *out)
{
	med_str_t callid;

	if(med_admitted.callid_len == 0
			|| med_admitted.reply != (out->len > 8 && memcmp(out->s, "SIP/2.0 ", 8) == 0))
		return false;
	callid = med_raw_header(out->s, out->s + out->len, "Call-ID", 'i');
	return med_str_eq(callid, (med_str_t){med_admitted.callid, med_admitted.callid_len});
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

/** The leg these bytes go to, by the admitted call or by where they go; false: none. */
static bool med_gate_leg(const str *out, const struct dest_info *dst, med_side_t *side)
{
	const struct socket_info *socket = dst->send_sock;
	const med_trunk_t *trunk = NULL;
	med_leg_policy_t leg;
	struct ip_addr ip;
	uint8_t transport;
	med_ip_t remote;

	if(med_gate_admitted(out)) {
		*side = med_admitted.side;
		return true;
	}
	if(!med_transport_of(dst->proto, &transport))
		return false;
	if(socket == NULL)
		socket = get_send_socket(
				NULL, (union sockaddr_union *)(uintptr_t)&dst->to, dst->proto);
	MED_SNAPSHOT(snapshot);
	if(socket == NULL || snapshot == NULL)
		return false; /* the core cannot send; or nothing is routed by us */
	su2ip_addr(&ip, (union sockaddr_union *)(uintptr_t)&dst->to);
	med_ip_of(&ip, &remote);
	if(med_leg_of_destination(snapshot, transport, socket->port_no, &remote, &leg, &trunk)
			!= MED_EOK)
		return false;
	side->id_len = 0;
	if(trunk != NULL)
		med_side_set(side, trunk);
	side->policy = leg; /* the strictest of several */
	return true;
}

/** The core gives a copy of its own, and does not send when the copy is gone. */
static int med_gate_out(sr_event_param_t *event)
{
	str *out = event->data;
	med_errbuf_t why = {""};
	med_side_t side;

	if(out == NULL || out->s == NULL || out->len <= 0 || event->dst == NULL
			|| med_find_media(out->s, (size_t)out->len) == NULL)
		return 0;
	if(!med_gate_leg(out, event->dst, &side) || !side.policy.known
			|| (!side.policy.anchored && side.policy.srtp != MED_SRTP_REQUIRED)
			|| med_gate_check(out, &side.policy, &why) == MED_EOK)
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
	return sr_event_register_cb(SREV_NET_DATA_OUT, med_gate_out);
}
