/**
 * med_record.c - see med_record.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>

#include "core/cfg_core.h"
#include "core/data_lump.h"
#include "core/sr_module.h"
#include "modules/rr/api.h"

#include "med_cookie.h"
#include "med_record.h"

static struct rr_binds med_rr;
/** rr writes two headers where the sockets differ, and no names of sockets: its defaults.
 */
static bool med_rr_usual;

/** "med=" of the Route that loose_route() last took off a message of this process. */
static struct {
	msg_ctx_id_t msg;
	med_str_t value; /**< len 0: it had none */
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
	med_routed.value = med_ours_of(*params);
	med_routed.checked = med_cookie_carries(med_routed.value);
	if(med_routed.checked) {
		MED_CARRY_ROOM(carried);
		med_routed.sender = med_cookie_check(msg, med_routed.value, &carried);
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
	if(!module_loaded("rr")) {
		LM_ERR("module rr is needed: in-dialog requests find their call by "
			   "Record-Route\n");
		return -1;
	}
	if(load_rr_api(&med_rr) < 0)
		return -1;
	med_rr_usual =
			med_rr_param_is("enable_double_rr", 1) && med_rr_param_is("sockname_mode", 0);
	return med_rr.register_rrcb(med_on_routed, NULL);
}

bool med_record_read(sip_msg_t *msg, med_call_t *call)
{
	if(msg_ctx_id_match(msg, &med_routed.msg) != 1 || med_routed.value.len == 0)
		return false;
	if(!med_routed.checked) {
		MED_CARRY_ROOM(carried);
		med_routed.sender = med_cookie_check(msg, med_routed.value, &carried);
		med_routed.checked = true;
	}
	if(med_routed.sender == MED_FROM_NOBODY)
		return false;
	med_cookie_read(med_routed.value, med_routed.sender, call);
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
			|| msg->set_global_port.len > 0)
		return NULL;
	/* A request above that size goes by another transport. */
	return out->proto == PROTO_UDP && cfg_get(core, core_cfg, udp_mtu) > 0 ? NULL : out;
}

#define MED_RECORD_HOST 256 /* bytes of our host as peers see it */
#define MED_RECORD_MAX (MED_RECORD_HOST + 64 + MED_COOKIE_MAX)

/** "host:port;transport=x", the address that is advertised for the socket. 0: too long.
 */
static size_t med_record_address(const struct socket_info *socket, char *out)
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

/** One header as plain text; @p two: the other side has one of its own. */
static int med_record_one(sip_msg_t *msg, const struct socket_info *socket, bool two,
		const char *param, size_t param_len)
{
	static const char r2[] = ";r2=on";
	char buffer[MED_RECORD_MAX];
	size_t len = med_record_address(socket, buffer);
	str text;

	if(len == 0)
		return MED_EINVAL;
	if(two) {
		memcpy(buffer + len, r2, sizeof r2 - 1);
		len += sizeof r2 - 1;
	}
	memcpy(buffer + len, param, param_len);
	text.s = buffer;
	text.len = (int)(len + param_len);
	return med_rr.record_route_preset(msg, &text) > 0 ? MED_EOK : MED_ENOMEM;
}

/*
 * rr's record_route() leaves room for a socket that is not chosen yet: 18 pieces, put
 * together when the message is built. Here it is chosen, so that one or two plain texts
 * do, at a fifth of the cost; the outbound one comes first.
 */
int med_record_write(
		sip_msg_t *msg, const med_call_t *call, const med_rewritten_t *rewritten)
{
	const struct socket_info *in = msg->rcv.bind_address, *out;
	char buffer[MED_COOKIE_MAX];
	str param = {buffer, 0};
	int rc = MED_EOK;
	MED_CARRY_ROOM(carried);

	med_identity_carry(rewritten, &carried);
	param.len = (int)med_cookie_write(msg, call, &carried, buffer);
	if(param.len == 0)
		return MED_EINVAL;
	if(med_is_recorded(msg))
		return med_rr.add_rr_param(msg, &param) == 0 ? MED_EOK : MED_ENOMEM;
	out = med_record_socket(msg);
	if(out == NULL)
		return med_rr.record_route(msg, &param) == 0 ? MED_EOK : MED_ENOMEM;
	if(out != in)
		rc = med_record_one(msg, out, true, param.s, (size_t)param.len);
	return rc == MED_EOK ? med_record_one(msg, in, out != in, param.s, (size_t)param.len)
						 : rc;
}
