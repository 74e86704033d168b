/**
 * med_contact.c - see med_contact.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE /* memrchr */
#include <stdio.h>
#include <string.h>

#include "core/dset.h"
#include "core/script_cb.h"
#include "core/socket_info.h"

#include "med_branch.h"
#include "med_contact.h"
#include "med_cookie.h"
#include "med_identify.h"
#include "med_identity.h"
#include "med_refuse.h"

static const char med_sealed[] = ";med=";
#define MED_SEALED_LEN (sizeof med_sealed - 1)

#define MED_PLACE_MAX 320 /* bytes of "@host:port;transport=x" */

/** Where the trunk is to reach us. 0: it is to see the other side's own Contact. */
static size_t med_contact_place(const med_trunk_t *trunk,
		const struct socket_info *socket, char out[MED_PLACE_MAX])
{
	med_str_t host = med_identity_host(socket, trunk, trunk->profile->contact_host);
	bool bare = host.len > 0 && host.s[0] != '[' && memchr(host.s, ':', host.len) != NULL;
	int len;

	if(host.len == 0)
		return 0;
	len = snprintf(out, MED_PLACE_MAX, "@%s%.*s%s:%u%s%s", bare ? "[" : "",
			MED_STR_FMT(host), bare ? "]" : "",
			socket != NULL && socket->useinfo.port_no > 0
					? (unsigned)socket->useinfo.port_no
					: (unsigned)trunk->local_port,
			trunk->transport == MED_UDP ? "" : ";transport=",
			trunk->transport == MED_UDP
					? ""
					: med_transport_name((enum med_transport)trunk->transport));
	return len < MED_PLACE_MAX ? (size_t)len : 0;
}

/** One that is too long to be put back stays, as does "*". */
static int med_contact_put(sip_msg_t *msg, med_str_t place)
{
	char text[1 + MED_CARRY_TEXT_MAX + MED_PLACE_MAX + MED_SEALED_LEN + MED_COOKIE_URI_MAX
			+ 1];
	med_address_t address;
	const char *user;
	char *at = text;
	size_t len;

	if(med_parse_headers(msg, HDR_CONTACT_F) < 0
			|| !med_address_of(msg->contact, &address)
			|| address.uri.len > (int)MED_CARRY_TEXT_MAX
			|| (user = memchr(address.uri.s, ':', (size_t)address.uri.len)) == NULL)
		return MED_EOK;
	user++;
	len = (size_t)(address.uri.s + address.uri.len - user);
	if(!address.enclosed)
		*at++ = '<';
	memcpy(at, "sip:", 4);
	at += 4;
	if(memchr(user, '@', len) != NULL) {
		len = (size_t)((const char *)memchr(user, '@', len) - user);
		memcpy(at, user, len);
		at += len;
	} else {
		place.s++; /* without user, no @ */
		place.len--;
	}
	memcpy(at, place.s, place.len);
	at += place.len;
	memcpy(at, med_sealed, MED_SEALED_LEN);
	at += MED_SEALED_LEN;
	at += med_cookie_seal_uri(address.uri, at);
	if(!address.enclosed)
		*at++ = '>';
	return med_identity_replace(
			msg, address.uri.s, (size_t)address.uri.len, text, (size_t)(at - text));
}

int med_contact_write(sip_msg_t *msg, const med_trunk_t *to)
{
	char place[MED_PLACE_MAX];
	size_t len;

	if(to->profile->contact_host == MED_HOST_RECEIVED)
		return MED_EOK;
	len = med_contact_place(to, msg->force_send_socket, place);
	return len == 0 ? MED_EOK : med_contact_put(msg, (med_str_t){place, len});
}

/** Those of answers: of a 3xx they say where else to call. */
static void med_contact_reply(struct cell *t, int type, struct tmcb_params *params)
{
	sip_msg_t *reply = params->rpl;
	const char *place = *params->param;

	(void)t, (void)type;
	if(reply == NULL || reply == FAKED_REPLY || reply->REPLY_STATUS >= 300)
		return;
	if(med_contact_put(reply, med_str(place)) != MED_EOK)
		LM_ERR("no memory to write the Contact of a reply\n");
}

static void med_contact_free(void *place)
{
	shm_free(place);
}

static int med_contact_register(sip_msg_t *msg, struct cell *t, const med_trunk_t *from)
{
	char place[MED_PLACE_MAX], *kept;
	size_t len = med_contact_place(from, msg->rcv.bind_address, place);

	if(len == 0)
		return MED_EOK;
	kept = shm_malloc(len + 1);
	if(kept == NULL)
		return MED_ENOMEM;
	memcpy(kept, place, len);
	kept[len] = 0;
	if(med_tm.register_tmcb(
			   msg, t, TMCB_RESPONSE_IN, med_contact_reply, kept, med_contact_free)
			> 0)
		return MED_EOK;
	shm_free(kept);
	return MED_ENOMEM;
}

int med_contact_in_replies(sip_msg_t *msg, const med_trunk_t *from)
{
	return from->profile->contact_host == MED_HOST_RECEIVED
					|| msg->REQ_METHOD == METHOD_ACK
			? MED_EOK
			: med_contact_register(msg, NULL, from);
}

int med_contact_branch(
		sip_msg_t *msg, med_call_t *call, const med_trunk_t *in, const med_trunk_t *out)
{
	if(in != NULL && in->profile->contact_host != MED_HOST_RECEIVED
			&& (call->flags & MED_CALL_CONTACTS) == 0) {
		if(med_contact_register(msg, med_tm.t_gett(), in) != MED_EOK)
			return MED_ENOMEM;
		call->flags |= MED_CALL_CONTACTS;
	}
	return out != NULL ? med_contact_write(msg, out) : MED_EOK;
}

/**
 * Before the script, and rr: with a Request-URI that is ours rr would take the sender for
 * a strict router.
 */
static int med_contact_back(sip_msg_t *msg, unsigned flags, void *unused)
{
	const str *uri = &msg->first_line.u.request.uri;
	const char *end = uri->s + uri->len, *at = end;
	char text[MED_CARRY_TEXT_MAX];
	str old = {text, 0};
	size_t len;

	(void)flags, (void)unused;
	while((at = memrchr(uri->s, ';', (size_t)(at - uri->s))) != NULL) {
		if((size_t)(end - at) > MED_SEALED_LEN
				&& memcmp(at, med_sealed, MED_SEALED_LEN) == 0)
			break;
		end = at;
	}
	if(at == NULL)
		return 1;
	at += MED_SEALED_LEN;
	if(!med_cookie_open_uri((med_str_t){at, (size_t)(end - at)}, text, &len))
		return 1;
	old.len = (int)len;
	if(rewrite_uri(msg, &old) < 0)
		LM_ERR("no memory to write a Request-URI\n");
	return 1;
}

int med_contact_init(void)
{
	return register_script_cb(med_contact_back, PRE_SCRIPT_CB | REQUEST_CB, NULL);
}
