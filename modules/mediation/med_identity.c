/**
 * med_identity.c - see med_identity.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>

#include "core/data_lump.h"
#include "core/parser/parse_from.h"
#include "core/parser/parse_to.h"
#include "core/socket_info.h"

#include "med_branch.h"
#include "med_cookie.h"
#include "med_identity.h"
#include "med_refuse.h"

/* ---- one header -----------------------------------------------------------------------
 */

/** A name-addr or addr-spec in front of the header's parameters. */
typedef struct med_address {
	char *start; /**< display name, or the URI */
	str uri;
	bool enclosed; /**< in < > */
} med_address_t;

static bool med_address_of(struct hdr_field *header, med_address_t *address)
{
	const struct to_body *body = header != NULL ? header->parsed : NULL;

	if(body == NULL || body->uri.len <= 0)
		return false;
	address->start = header->body.s;
	address->uri = body->uri;
	address->enclosed = body->uri.s > header->body.s && body->uri.s[-1] == '<';
	return true;
}

static size_t med_address_len(const med_address_t *address)
{
	return (size_t)(address->uri.s - address->start) + (size_t)address->uri.len
			+ (address->enclosed ? 1 : 0);
}

int med_identity_replace(
		sip_msg_t *msg, const char *start, size_t len, const char *text, size_t size)
{
	struct lump *anchor = del_lump(msg, (int)(start - msg->buf), (int)len, 0);
	char *copy = anchor != NULL ? pkg_malloc(size) : NULL;

	if(copy == NULL) {
		PKG_MEM_ERROR;
		return MED_ENOMEM;
	}
	memcpy(copy, text, size);
	if(insert_new_lump_after(anchor, copy, (int)size, 0) == NULL) {
		pkg_free(copy);
		return MED_ENOMEM;
	}
	return MED_EOK;
}

/** The URI; with @p hidden the display name is taken off too. */
static int med_address_put(sip_msg_t *msg, const med_address_t *old, const char *uri,
		size_t len, bool hidden)
{
	char text[MED_IDENTITY_URI_MAX + 2];
	bool all = hidden || !old->enclosed;

	if(!all)
		return med_identity_replace(msg, old->uri.s, (size_t)old->uri.len, uri, len);
	text[0] = '<';
	memcpy(text + 1, uri, len);
	text[len + 1] = '>';
	return med_identity_replace(msg, old->start, med_address_len(old), text, len + 2);
}

/* ---- what they become -----------------------------------------------------------------
 */

med_str_t med_identity_host(const sip_msg_t *msg, const med_trunk_t *trunk, uint8_t form)
{
	const struct socket_info *socket = msg->force_send_socket;

	switch(form) {
		case MED_HOST_FQDN:
			return trunk->pool_fqdn;
		case MED_HOST_IP:
			return socket == NULL
					? (med_str_t){NULL, 0}
					: med_from_str(socket->useinfo.name.len > 0 ? socket->useinfo.name
																: socket->address_str);
		case MED_HOST_DOMAIN:
			return trunk->profile->domain;
		default:
			return (med_str_t){NULL, 0};
	}
}

/** The gateway's name, be it an address or not; or the one address it was called at. */
static med_str_t med_gateway_host(
		const med_call_t *call, const med_trunk_t *trunk, uint8_t form, char address[48])
{
	if(form == MED_HOST_IP && trunk->gateway->named) {
		med_ip_format(&call->target, address, 48);
		return med_str(address);
	}
	return form == MED_HOST_RECEIVED  ? (med_str_t){NULL, 0}
			: form == MED_HOST_DOMAIN ? trunk->profile->domain
									  : trunk->gateway->address;
}

/** What the old URI says already needs no other. @p host len 0: that of the old one. */
static int med_identity_uri(const med_trunk_t *trunk, str old, const med_number_t *number,
		med_str_t host, char out[MED_IDENTITY_URI_MAX], size_t *len)
{
	med_str_t user, was;
	int rc;

	if(!med_uri_parts(old, &user, &was))
		return MED_ENOMATCH;
	if(host.len == 0)
		host = was;
	if(host.len == 0) /* tel: has none; the number's own side gives one */
		host = trunk->gateway->address;
	if(med_str_eq(user, (med_str_t){number->s, number->len}) && med_str_eq(host, was))
		return MED_ENOMATCH;
	rc = med_branch_uri(trunk->profile, number, host, out, MED_IDENTITY_URI_MAX, len);
	return rc == MED_EINVAL ? MED_ELIMIT : rc;
}

static void med_restore(struct cell *t, int type, struct tmcb_params *params);

int med_identity_write(sip_msg_t *msg, med_call_t *call, const med_trunk_t *trunk,
		const med_numbers_t *numbers, bool hidden, med_rewritten_t *rewritten)
{
	const med_profile_t *profile = trunk->profile;
	bool from_changes = false, to_changes = false;
	char address[48];
	med_address_t from, to;
	int rc;

	rewritten->changed = false;
	rewritten->hidden = hidden;
	if(!profile->rewrite_to && !profile->rewrite_from && !hidden)
		return MED_EOK;
	if(parse_from_header(msg) < 0 || !med_address_of(msg->from, &from)
			|| !med_address_of(msg->to, &to))
		return MED_EINVAL;
	if((profile->rewrite_from || hidden) && numbers->calling.len > 0) {
		rc = med_identity_uri(trunk, from.uri, &numbers->calling,
				med_identity_host(msg, trunk, profile->from_host), rewritten->from,
				&rewritten->from_len);
		if(rc != MED_EOK && rc != MED_ENOMATCH)
			return rc;
		from_changes = rc == MED_EOK;
	}
	if(profile->rewrite_to) {
		rc = med_identity_uri(trunk, to.uri, &numbers->called,
				med_gateway_host(call, trunk, profile->to_host, address), rewritten->to,
				&rewritten->to_len);
		if(rc != MED_EOK && rc != MED_ENOMATCH)
			return rc;
		to_changes = rc == MED_EOK;
	}
	if(!from_changes && !to_changes)
		return MED_EOK;
	if(from.uri.len > (int)MED_IDENTITY_URI_MAX || to.uri.len > (int)MED_IDENTITY_URI_MAX)
		return MED_ELIMIT;
	rewritten->old_from = from.uri;
	rewritten->old_to = to.uri;
	if(!from_changes) {
		rewritten->from_len = (size_t)from.uri.len;
		memcpy(rewritten->from, from.uri.s, rewritten->from_len);
	}
	if(!to_changes) {
		rewritten->to_len = (size_t)to.uri.len;
		memcpy(rewritten->to, to.uri.s, rewritten->to_len);
	}
	rc = from_changes
			? med_address_put(msg, &from, rewritten->from, rewritten->from_len, hidden)
			: MED_EOK;
	if(rc == MED_EOK && to_changes)
		rc = med_address_put(msg, &to, rewritten->to, rewritten->to_len, false);
	if(rc != MED_EOK)
		return rc;
	rewritten->changed = true;
	if((call->flags & MED_CALL_RESTORES) == 0) {
		if(med_tm.register_tmcb(
				   msg, med_tm.t_gett(), TMCB_RESPONSE_IN, med_restore, NULL, NULL)
				<= 0)
			return MED_ENOMEM;
		call->flags |= MED_CALL_RESTORES;
	}
	return MED_EOK;
}

/* ---- put back, and on
 * -------------------------------------------------------------------
 */

static char *med_plain_add(char *at, const char *text, size_t len)
{
	*at++ = (char)(unsigned char)len;
	memcpy(at, text, len);
	return at + len;
}

size_t med_identity_plain(const med_rewritten_t *rewritten, bool from_caller, char *plain)
{
	char *at = plain;

	if(!rewritten->changed)
		return 0;
	*at++ = from_caller && rewritten->hidden ? 'h' : '-';
	if(from_caller) {
		at = med_plain_add(at, rewritten->from, rewritten->from_len);
		at = med_plain_add(at, rewritten->to, rewritten->to_len);
	} else { /* the callee is in From of its own requests */
		at = med_plain_add(at, rewritten->old_to.s, (size_t)rewritten->old_to.len);
		at = med_plain_add(at, rewritten->old_from.s, (size_t)rewritten->old_from.len);
	}
	return (size_t)(at - plain);
}

static bool med_plain_take(const char **at, const char *end, med_str_t *text)
{
	if(*at == end || (size_t)(end - *at) < 1u + (unsigned char)**at)
		return false;
	text->len = (unsigned char)**at;
	text->s = *at + 1;
	*at += 1 + text->len;
	return true;
}

/** Our parameters of a Record-Route; len 0: it does not have it. */
typedef struct med_ours {
	med_str_t facts;         /**< med= */
	med_str_t forward, back; /**< medf=, medb= */
} med_ours_t;

/**
 * Those among its parameters, the first of which has no semicolon before it. They stand
 * together, med= first, so that what follows others is not looked at.
 */
static bool med_ours_of(med_str_t params, med_ours_t *ours)
{
	const char *at = params.s, *end = params.s + params.len, *stop;

	memset(ours, 0, sizeof *ours);
	while(at != NULL && end - at > 5) {
		med_str_t *value;

		if(*at == ';')
			at++;
		value = memcmp(at, "med", 3) != 0                      ? NULL
				: at[3] == '='                                 ? &ours->facts
				: end - at > 5 && at[4] == '=' && at[3] == 'f' ? &ours->forward
				: end - at > 5 && at[4] == '=' && at[3] == 'b' ? &ours->back
															   : NULL;
		if(value == NULL && ours->facts.len > 0)
			break;
		stop = memchr(at, ';', (size_t)(end - at));
		if(value != NULL) {
			value->s = memchr(at + 3, '=', 2);
			value->s++;
			value->len = (size_t)((stop != NULL ? stop : end) - value->s);
		}
		at = stop;
	}
	return ours->facts.len > 0;
}

/** Identities that somebody asserts within a call are of the other side's format. */
static void med_asserted_off(sip_msg_t *msg)
{
	if(parse_headers(msg, HDR_EOH_F, 0) < 0)
		return;
	for(struct hdr_field *header = msg->headers; header != NULL; header = header->next)
		if(med_header_is_identity(header))
			(void)del_lump(msg, (int)(header->name.s - msg->buf), header->len, 0);
}

static void med_routed_apply(sip_msg_t *msg, const char *plain, size_t len)
{
	const char *at = plain + 1, *end = plain + len;
	med_address_t old_from, old_to;
	med_str_t from, to;

	if(!med_plain_take(&at, end, &from) || !med_plain_take(&at, end, &to)
			|| parse_from_header(msg) < 0 || !med_address_of(msg->from, &old_from)
			|| !med_address_of(msg->to, &old_to))
		return;
	if(med_address_put(msg, &old_from, from.s, from.len, plain[0] == 'h') != MED_EOK
			|| med_address_put(msg, &old_to, to.s, to.len, false) != MED_EOK)
		LM_ERR("no memory to rewrite From and To of a request within a call\n");
	med_asserted_off(msg);
	if(msg->REQ_METHOD != METHOD_ACK
			&& med_tm.register_tmcb(msg, NULL, TMCB_RESPONSE_IN, med_restore, NULL, NULL)
					<= 0)
		LM_ERR("no memory to restore From and To of replies\n");
}

med_str_t med_identity_routed(sip_msg_t *msg, med_str_t params)
{
	char plain[MED_SEAL_PLAIN_MAX];
	med_ours_t ours;
	size_t len = 0;

	if(!med_ours_of(params, &ours))
		return ours.facts;
	if(ours.forward.len > 0)
		len = med_cookie_unseal(msg, MED_FROM_CALLER, ours.facts, ours.forward, plain);
	if(len == 0 && ours.back.len > 0)
		len = med_cookie_unseal(msg, MED_FROM_CALLEE, ours.facts, ours.back, plain);
	if(len > 0)
		med_routed_apply(msg, plain, len);
	return ours.facts;
}

static void med_restore_one(
		sip_msg_t *reply, struct hdr_field *now, struct hdr_field *then)
{
	med_address_t is, was;

	if(!med_address_of(now, &is) || !med_address_of(then, &was)
			|| (is.uri.len == was.uri.len
					&& memcmp(is.uri.s, was.uri.s, (size_t)was.uri.len) == 0))
		return;
	if(med_identity_replace(
			   reply, is.start, med_address_len(&is), was.start, med_address_len(&was))
			!= MED_EOK)
		LM_ERR("no memory to restore From or To of a reply\n");
}

/** A reply says From and To as its request did, be it ours to rewrite or not. */
static void med_restore(struct cell *t, int type, struct tmcb_params *params)
{
	sip_msg_t *request = params->req, *reply = params->rpl;

	(void)t, (void)type;
	if(request == NULL || reply == NULL || reply == FAKED_REPLY
			|| parse_headers(reply, HDR_FROM_F | HDR_TO_F, 0) < 0
			|| parse_from_header(reply) < 0)
		return;
	med_restore_one(reply, reply->from, request->from);
	med_restore_one(reply, reply->to, request->to);
}
