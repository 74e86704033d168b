/**
 * med_pv.c - see med_pv.h
 *
 * Values are read from the call's own state, which travels with the transaction, and not
 * from a variable of the process, which would outlive its message.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <string.h>

#include "core/pvar.h"

#include "med_bypass.h"
#include "med_call.h"
#include "med_media.h"
#include "med_pv.h"
#include "med_shm.h"
#include "med_verbs.h"

enum med_pv_name {
	MED_PV_TRUNK,
	MED_PV_IN_TRUNK,
	MED_PV_GATEWAY,
	MED_PV_IN_GATEWAY,
	MED_PV_SITE,
	MED_PV_OUT_TRUNK,
	MED_PV_ROUTE,
	MED_PV_USAGE,
	MED_PV_CALLED,
	MED_PV_CALLING,
	MED_PV_AUTH_USERNAME,
	MED_PV_AUTH_REALM,
	MED_PV_AUTH_PASSWORD,
	MED_PV_MEDIA,
	MED_PV_OUT_GATEWAY,
	MED_PV_ATTEMPTS,
	MED_PV_ATTEMPT_COUNT,
	MED_PV_EMERGENCY,
	MED_PV_BYPASS,
	MED_PV_REASON,
	MED_PV_CODE,
	MED_PV_DIAGNOSTIC,
	MED_PV_COUNT
};

static const char *const med_pv_names[MED_PV_COUNT] = {"trunk", "in_trunk", "gateway",
		"in_gateway", "site", "out_trunk", "route", "usage", "called", "calling",
		"auth_username", "auth_realm", "auth_password", "media", "out_gateway",
		"attempts", "attempt_count", "emergency", "bypass", "reason", "code",
		"diagnostic"};

static int med_pv_parse(pv_spec_t *spec, str *name)
{
	char known[320] = "";
	size_t used = 0;

	for(int i = 0; i < MED_PV_COUNT; i++) {
		if((size_t)name->len == strlen(med_pv_names[i])
				&& memcmp(name->s, med_pv_names[i], (size_t)name->len) == 0) {
			spec->pvp.pvn.type = PV_NAME_INTSTR;
			spec->pvp.pvn.u.isname.type = 0;
			spec->pvp.pvn.u.isname.name.n = i;
			return 0;
		}
		if(used < sizeof known)
			used += (size_t)snprintf(
					known + used, sizeof known - used, " %s", med_pv_names[i]);
	}
	LM_ERR("$med(%.*s): no such name; there are%s\n", name->len, name->s, known);
	return -1;
}

/** pv results are used before the next one is asked for in the same expression: rotate.
 */
static int med_pv_copy(sip_msg_t *msg, pv_param_t *param, pv_value_t *out, med_str_t text)
{
	static char buffers[4][MED_MEDIA_FLAGS_MAX]; /* of all values the longest */
	static unsigned turn;
	str value;

	if(text.len == 0)
		return pv_get_null(msg, param, out);
	value.s = buffers[turn++ % 4];
	value.len = (int)(text.len < sizeof buffers[0] ? text.len : sizeof buffers[0]);
	memcpy(value.s, text.s, (size_t)value.len);
	return pv_get_strval(msg, param, out, &value);
}

/** What the snapshot knows of a side's trunk now. */
static int med_pv_gateway(sip_msg_t *msg, pv_param_t *param, pv_value_t *out,
		const med_side_t *side, bool site)
{
	MED_SNAPSHOT(snapshot);
	const med_trunk_t *trunk = med_side_trunk(snapshot, side);

	if(trunk == NULL)
		return pv_get_null(msg, param, out);
	return med_pv_copy(msg, param, out, site ? trunk->gateway->site : trunk->gateway->id);
}

/**
 * What the current candidate's trunk is to answer a digest with, as it is now. Nobody but
 * the script gets it: it is in no log line, no RPC and no status.
 */
static int med_pv_auth(sip_msg_t *msg, pv_param_t *param, pv_value_t *out,
		const med_call_t *call, enum med_pv_name name)
{
	MED_SNAPSHOT(snapshot);
	const med_trunk_t *trunk = (call->flags & MED_CALL_CHOSEN) == 0
			? NULL
			: med_side_trunk(snapshot, &call->out);

	if(trunk == NULL)
		return pv_get_null(msg, param, out);
	return med_pv_copy(msg, param, out,
			name == MED_PV_AUTH_USERNAME        ? trunk->auth_username
					: name == MED_PV_AUTH_REALM ? trunk->auth_realm
												: trunk->auth_password);
}

static int med_pv_reason(
		sip_msg_t *msg, pv_param_t *param, pv_value_t *out, enum med_pv_name name)
{
	const med_reason_t *reason = med_reason_get(msg);

	if(reason == NULL)
		return pv_get_null(msg, param, out);
	if(name == MED_PV_REASON)
		return med_pv_copy(msg, param, out, (med_str_t){reason->text, reason->len});
	return pv_get_sintval(
			msg, param, out, name == MED_PV_CODE ? reason->code : reason->diagnostic);
}

/** "gw1=503/121,gw2=200/35": each trunk that was tried, its final code, and when. */
static int med_pv_attempts(
		sip_msg_t *msg, pv_param_t *param, pv_value_t *out, const med_call_t *call)
{
	static const char cut[] = ",...";
	char text[480];
	size_t used = 0;

	for(unsigned i = 0; i < call->try_count; i++) {
		const med_try_t *try = &call->tries[i];
		size_t room = sizeof text - sizeof cut - used;
		uint32_t ms;
		unsigned code = med_attempt_code(call, i, &ms);
		int len;

		if(code == 0)
			continue;
		len = snprintf(text + used, room, "%s%.*s=%u/%u", used > 0 ? "," : "",
				try->trunk_len, call->pool + try->trunk, code, ms);
		if((size_t)len >= room) {
			memcpy(text + used, cut, sizeof cut - 1);
			used += sizeof cut - 1;
			break;
		}
		used += (size_t)len;
	}
	return med_pv_copy(msg, param, out, (med_str_t){text, used});
}

static int med_pv_attempt_count(const med_call_t *call)
{
	int count = 0;
	uint32_t ms;

	for(unsigned i = 0; i < call->try_count; i++)
		count += med_attempt_code(call, i, &ms) != 0;
	return count;
}

static int med_pv_get(sip_msg_t *msg, pv_param_t *param, pv_value_t *out)
{
	enum med_pv_name name = (enum med_pv_name)param->pvn.u.isname.name.n;
	const med_call_t *call = med_call_get(msg);
	const med_try_t *try;
	char flags[MED_MEDIA_FLAGS_MAX];

	if(name == MED_PV_MEDIA)
		return med_pv_copy(msg, param, out, med_media_flags(msg, flags, sizeof flags));
	if(name >= MED_PV_REASON)
		return med_pv_reason(msg, param, out, name);
	if(call == NULL)
		return pv_get_null(msg, param, out);
	try = call->try_count > 0 ? &call->tries[call->try_current] : NULL;
	switch(name) {
		case MED_PV_TRUNK:
		case MED_PV_IN_TRUNK:
			return med_pv_copy(msg, param, out, med_side_id(&call->in));
		case MED_PV_OUT_TRUNK:
			return med_pv_copy(msg, param, out, med_side_id(&call->out));
		case MED_PV_GATEWAY:
		case MED_PV_IN_GATEWAY:
		case MED_PV_SITE:
			return med_pv_gateway(msg, param, out, &call->in, name == MED_PV_SITE);
		case MED_PV_OUT_GATEWAY:
			return med_pv_gateway(msg, param, out, &call->out, false);
		case MED_PV_ATTEMPTS:
			return med_pv_attempts(msg, param, out, call);
		case MED_PV_ATTEMPT_COUNT:
			return pv_get_sintval(msg, param, out, med_pv_attempt_count(call));
		case MED_PV_EMERGENCY:
			return pv_get_sintval(
					msg, param, out, (call->flags & MED_CALL_EMERGENCY) != 0);
		case MED_PV_BYPASS:
			return med_pv_copy(msg, param, out,
					med_str(med_bypass_word((enum med_bypass)call->bypass)));
		case MED_PV_AUTH_USERNAME:
		case MED_PV_AUTH_REALM:
		case MED_PV_AUTH_PASSWORD:
			return med_pv_auth(msg, param, out, call, name);
		case MED_PV_CALLED:
			return med_pv_copy(
					msg, param, out, (med_str_t){call->called.s, call->called.len});
		case MED_PV_CALLING:
			return med_pv_copy(
					msg, param, out, (med_str_t){call->calling.s, call->calling.len});
		case MED_PV_ROUTE:
			return med_pv_copy(msg, param, out,
					try != NULL ? med_call_text(call, try->route, try->route_len)
								: MED_STR(""));
		case MED_PV_USAGE:
			return med_pv_copy(msg, param, out,
					try != NULL ? med_call_text(call, try->usage, try->usage_len)
								: MED_STR(""));
		default:
			return pv_get_null(msg, param, out);
	}
}

/* clang-format off */
pv_export_t med_pvs[] = {
	{{"med", sizeof("med") - 1}, PVT_OTHER, med_pv_get, 0, med_pv_parse, 0, 0, 0},
	{{0, 0}, 0, 0, 0, 0, 0, 0, 0}
};
/* clang-format on */
