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
} med_routed;

static void med_on_routed(sip_msg_t *msg, str *params, void *unused)
{
	(void)unused;
	msg_ctx_id_set(msg, &med_routed.msg);
	med_routed.value = med_identity_routed(msg, med_from_str(*params));
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

bool med_record_read(sip_msg_t *msg, med_str_t *value)
{
	if(msg_ctx_id_match(msg, &med_routed.msg) != 1)
		return false;
	*value = med_routed.value;
	return value->len > 0;
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
#define MED_PARAMS_MAX (MED_COOKIE_MAX + 2 * (MED_SEAL_MAX + 8))
#define MED_RECORD_MAX (MED_RECORD_HOST + 64 + MED_PARAMS_MAX)

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

/** ";medf=..." for the caller's requests, ";medb=..." for the callee's. false: too long.
 */
static bool med_record_seal(sip_msg_t *msg, const med_rewritten_t *rewritten,
		med_str_t facts, bool from_caller, str *param)
{
	char plain[MED_SEAL_PLAIN_MAX];
	size_t len = med_identity_plain(rewritten, from_caller, plain);

	if(len == 0)
		return true;
	memcpy(param->s + param->len, from_caller ? ";medf=" : ";medb=", 6);
	param->len += 6;
	len = med_cookie_seal(msg, from_caller ? MED_FROM_CALLER : MED_FROM_CALLEE, facts,
			plain, len, param->s + param->len);
	param->len += (int)len;
	return len > 0;
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
	char buffer[MED_PARAMS_MAX], other[MED_PARAMS_MAX];
	str param = {buffer, (int)med_cookie_write(msg, call, buffer)}, callee;
	med_str_t facts = {buffer + 5, (size_t)(param.len > 5 ? param.len - 5 : 0)};
	int rc = MED_EOK;

	if(param.len == 0)
		return MED_EINVAL;
	out = med_is_recorded(msg) ? NULL : med_record_socket(msg);
	/* A request comes with the Record-Route next to its sender on top, and rr tells of
	 * that one: what the caller's requests need is at our inbound socket, and of the
	 * callee's at the outbound one; in both where there is one header for both. */
	callee = param;
	if(out != NULL && out != in) {
		memcpy(other, buffer, (size_t)param.len);
		callee.s = other;
	}
	if(!med_record_seal(msg, rewritten, facts, true, &param))
		return MED_EINVAL;
	if(callee.s == buffer)
		callee.len = param.len;
	if(!med_record_seal(msg, rewritten, facts, false, &callee))
		return MED_EINVAL;
	if(callee.s == buffer)
		param.len = callee.len;
	if(med_is_recorded(msg))
		return med_rr.add_rr_param(msg, &param) == 0 ? MED_EOK : MED_ENOMEM;
	if(out == NULL)
		return med_rr.record_route(msg, &param) == 0 ? MED_EOK : MED_ENOMEM;
	if(out != in)
		rc = med_record_one(msg, out, true, callee.s, (size_t)callee.len);
	return rc == MED_EOK ? med_record_one(msg, in, out != in, param.s, (size_t)param.len)
						 : rc;
}
