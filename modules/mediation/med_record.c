/**
 * med_record.c - see med_record.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>

#include "core/cfg_core.h"
#include "core/parser/parse_from.h"
#include "core/sr_module.h"
#include "modules/rr/api.h"

#include "med_cookie.h"
#include "med_record.h"

static struct rr_binds med_rr;
/**
 * What rr writes is known here: two headers where the sockets differ, no names of
 * sockets, no user, "lr" as it is; and no module adds parameters of its own through rr.
 */
static bool med_rr_usual;
/** ";ftag=" belongs to it. */
static bool med_rr_from_tag;

/** "med=" of the Route that loose_route() last took off a message of this process. */
static struct {
	msg_ctx_id_t msg;
	bool found;
	med_cookie_t cookie; /**< if found */
	bool checked;
	enum med_sender sender; /**< if checked */
} med_routed;

/** @p carry gets room for all that may be carried. */
#define MED_CARRY_ROOM(carry)                                                            \
	uint8_t carry##_room[MED_COOKIE_SYMBOLS_MAX];                                        \
	med_carry_t carry = {carry##_room, 0, sizeof carry##_room, 0}

/** That among a Route's parameters, the first of which has no semicolon before it. */
static med_str_t med_ours_of(str params)
{
	const char *at = params.s, *end = params.s + params.len, *stop;

	while(at != NULL && end - at > 5) {
		if(*at == ';')
			at++;
		stop = memchr(at, ';', (size_t)(end - at));
		if(end - at > 4 && memcmp(at, "med=", 4) == 0)
			return (med_str_t){at + 4, (size_t)((stop != NULL ? stop : end) - at - 4)};
		at = stop;
	}
	return (med_str_t){NULL, 0};
}

static void med_on_routed(sip_msg_t *msg, str *params, void *unused)
{
	(void)unused;
	msg_ctx_id_set(msg, &med_routed.msg);
	med_routed.found = med_cookie_parse(med_ours_of(*params), &med_routed.cookie);
	med_routed.checked = med_routed.found && med_routed.cookie.sealed.len > 0;
	if(med_routed.checked) {
		MED_CARRY_ROOM(carried);
		med_routed.sender = med_cookie_check(msg, &med_routed.cookie, &carried);
		if(med_routed.sender != MED_FROM_NOBODY)
			med_identity_routed(msg, med_routed.sender == MED_FROM_CALLER, &carried);
	}
}

/** Has rr's integer parameter this value? */
static bool med_rr_param_is(const char *name, int value)
{
	sr_module_t *rr = find_module_by_name("rr");
	modparam_t type;
	const int *param = rr == NULL
			? NULL
			: find_param_export(rr, (char *)(uintptr_t)name, PARAM_INT, &type);

	return param != NULL && *param == value;
}

int med_record_init(void)
{
	static const char *const adding[] = {
			"dialog", "ims_dialog", "osp", "outbound", "uac"};

	if(!module_loaded("rr")) {
		LM_ERR("module rr is needed: in-dialog requests find their call by "
			   "Record-Route\n");
		return -1;
	}
	if(load_rr_api(&med_rr) < 0)
		return -1;
	med_rr_usual = med_rr_param_is("enable_double_rr", 1)
			&& med_rr_param_is("sockname_mode", 0) && med_rr_param_is("enable_full_lr", 0)
			&& med_rr_param_is("add_username", 0);
	for(size_t i = 0; i < sizeof adding / sizeof adding[0]; i++)
		med_rr_usual = med_rr_usual && !module_loaded((char *)(uintptr_t)adding[i]);
	med_rr_from_tag = med_rr_param_is("append_fromtag", 1);
	return med_rr.register_rrcb(med_on_routed, NULL);
}

bool med_record_read(sip_msg_t *msg, med_call_t *call)
{
	if(msg_ctx_id_match(msg, &med_routed.msg) != 1 || !med_routed.found)
		return false;
	if(!med_routed.checked) {
		MED_CARRY_ROOM(carried);
		med_routed.sender = med_cookie_check(msg, &med_routed.cookie, &carried);
		med_routed.checked = true;
	}
	if(med_routed.sender == MED_FROM_NOBODY)
		return false;
	med_cookie_read(&med_routed.cookie, med_routed.sender, call);
	return true;
}

/** Has the script called record_route() in the request route? Then only add to it. */
static bool med_is_recorded(const sip_msg_t *msg)
{
	const struct lump *lump;

	for(lump = msg->add_rm; lump != NULL; lump = lump->next)
		if(lump->type == HDR_RECORDROUTE_T)
			return true;
	return false;
}

/** ";transport=x" as rr writes it, "" where UDP needs none; NULL: not one of a trunk. */
static const char *med_record_transport(int proto)
{
	switch(proto) {
		case PROTO_UDP:
			return "";
		case PROTO_TCP:
			return ";transport=tcp";
		case PROTO_TLS:
			return ";transport=tls";
		default:
			return NULL;
	}
}

static bool med_is_sips(const str *uri)
{
	return uri->len > 5 && strncasecmp(uri->s, "sips:", 5) == 0;
}

/**
 * The socket this request will leave by. NULL: that, or how it is to be named, is known
 * only when the message is built.
 */
static const struct socket_info *med_record_socket(const sip_msg_t *msg)
{
	const struct socket_info *in = msg->rcv.bind_address, *out = msg->force_send_socket;

	if(!med_rr_usual || in == NULL || out == NULL || msg->rcv.proto != in->proto
			|| med_record_transport(in->proto) == NULL
			|| med_record_transport(out->proto) == NULL || msg->set_global_address.len > 0
			|| msg->set_global_port.len > 0 || med_is_sips(GET_RURI(msg)))
		return NULL;
	/* A request above that size goes by another transport. */
	return out->proto == PROTO_UDP && cfg_get(core, core_cfg, udp_mtu) > 0 ? NULL : out;
}

#define MED_RECORD_HOST 256 /* bytes of our host as peers see it */
#define MED_RECORD_ADDRESS (MED_RECORD_HOST + 32)

/** "host:port;transport=x", the address that is advertised for the socket. 0: too long.
 */
static size_t med_record_address(
		const struct socket_info *socket, char out[MED_RECORD_ADDRESS])
{
	const str *host =
			socket->useinfo.name.len > 0 ? &socket->useinfo.name : &socket->address_str;
	const str *port = socket->useinfo.port_no > 0 ? &socket->useinfo.port_no_str
												  : &socket->port_no_str;
	const char *transport = med_record_transport(socket->proto);
	bool bare = socket->address.af == AF_INET6 && host->s[0] != '['
			&& memchr(host->s, ':', (size_t)host->len) != NULL;
	char *at = out;

	if(host->len + port->len > MED_RECORD_HOST)
		return 0;
	if(bare)
		*at++ = '[';
	memcpy(at, host->s, (size_t)host->len);
	at += host->len;
	if(bare)
		*at++ = ']';
	*at++ = ':';
	memcpy(at, port->s, (size_t)port->len);
	at += port->len;
	memcpy(at, transport, strlen(transport));
	return (size_t)(at - out) + strlen(transport);
}

#define MED_RECORD_TAG 128 /* bytes of a From tag */
#define MED_RECORD_PARAMS (MED_COOKIE_MAX + MED_RECORD_TAG + 32)

/** All that follows the address: @p params has its parameter at @p at already. */
static bool med_record_end(sip_msg_t *msg, char *params, size_t *len)
{
	static const char ftag[] = ";ftag=", end[] = ";lr>\r\n";
	str tag;

	if(med_rr_from_tag) {
		if(parse_from_header(msg) < 0)
			return false;
		tag = get_from(msg)->tag_value;
		if(tag.len > MED_RECORD_TAG)
			return false;
		if(tag.len > 0) {
			memcpy(params + *len, ftag, sizeof ftag - 1);
			memcpy(params + *len + sizeof ftag - 1, tag.s, (size_t)tag.len);
			*len += sizeof ftag - 1 + (size_t)tag.len;
		}
	}
	memcpy(params + *len, end, sizeof end - 1);
	*len += sizeof end - 1;
	return true;
}

/** One header for each of @p sockets, and the lines, as plain text. */
static int med_record_plain(sip_msg_t *msg, const struct socket_info *const sockets[2],
		size_t count, med_str_t params, const med_lines_t *lines)
{
	static const char head[] = "Record-Route: <sip:";
	char address[2][MED_RECORD_ADDRESS], *text, *at;
	size_t len[2], size = lines->len;

	for(size_t i = 0; i < count; i++) {
		len[i] = med_record_address(sockets[i], address[i]);
		if(len[i] == 0)
			return MED_EINVAL;
		size += sizeof head - 1 + len[i] + params.len;
	}
	at = text = med_text_room(size);
	for(size_t i = 0; i < count && text != NULL; i++) {
		memcpy(at, head, sizeof head - 1);
		at += sizeof head - 1;
		memcpy(at, address[i], len[i]);
		at += len[i];
		memcpy(at, params.s, params.len);
		at += params.len;
	}
	if(text != NULL)
		memcpy(at, lines->s, lines->len);
	return med_lines_text(msg, text, size, HDR_RECORDROUTE_T);
}

/** By rr: where there is one already, or what it is to be is not known here. */
static int med_record_rr(sip_msg_t *msg, str *param, const med_lines_t *lines)
{
	int rc = med_is_recorded(msg) ? med_rr.add_rr_param(msg, param)
								  : med_rr.record_route(msg, param);

	return rc == 0 ? med_lines_put(msg, lines) : MED_ENOMEM;
}

/*
 * rr's record_route() leaves room for a socket that is not chosen yet: 18 pieces, put
 * together when the message is built. Here it is chosen, so that one plain text does for
 * one header or two, the outbound one first, and for all else that this branch gets.
 */
int med_record_write(sip_msg_t *msg, const med_call_t *call,
		const med_rewritten_t *rewritten, const med_lines_t *lines)
{
	static const char r2[] = ";r2=on";
	const struct socket_info *sockets[2] = {NULL, msg->rcv.bind_address};
	char buffer[MED_RECORD_PARAMS], *params = buffer + sizeof r2 - 1;
	str param = {params, 0};
	bool two;
	size_t len;
	MED_CARRY_ROOM(carried);

	med_identity_carry(rewritten, &carried);
	len = med_cookie_write(msg, call, &carried, params);
	param.len = (int)len;
	if(len == 0)
		return MED_EINVAL;
	if(!med_is_recorded(msg))
		sockets[0] = med_record_socket(msg);
	if(sockets[0] == NULL || !med_record_end(msg, params, &len))
		return med_record_rr(msg, &param, lines);
	two = sockets[0] != sockets[1];
	if(two) {
		params = buffer;
		memcpy(params, r2, sizeof r2 - 1);
		len += sizeof r2 - 1;
	}
	return med_record_plain(msg, sockets, two ? 2 : 1, (med_str_t){params, len}, lines);
}
