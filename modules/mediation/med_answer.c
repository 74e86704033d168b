/**
 * med_answer.c - what was said no to, as a SIP answer and as a line of the log
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <string.h>

#include "core/data_lump_rpl.h"
#include "core/route.h"
#include "modules/sl/sl.h"

#include "med_limit.h"
#include "med_shm.h"
#include "med_sync.h"
#include "med_tell.h"
#include "med_verbs.h"

static sl_api_t med_sl;

int med_answer_init(void)
{
	if(sl_load_api(&med_sl) == 0)
		return 0;
	LM_ERR("module sl is needed; load it before mediation\n");
	return -1;
}

str med_callid(sip_msg_t *msg)
{
	static char shown[128];
	str callid = {shown, 0};

	if(med_parse_headers(msg, HDR_CALLID_F) < 0 || msg->callid == NULL)
		return (str)str_init("?");
	for(; callid.len < msg->callid->body.len && callid.len < (int)sizeof shown;
			callid.len++)
		shown[callid.len] = med_printable(msg->callid->body.s[callid.len]);
	return callid;
}

int med_refused_again(sip_msg_t *msg, int code)
{
	if(med_telling(msg))
		med_tell_no(msg);
	return code;
}

int med_refused(sip_msg_t *msg, int code)
{
	const med_reason_t *reason = med_reason_get(msg);
	str callid = med_callid(msg);

	if(reason != NULL)
		LM_NOTICE(
				"call %.*s: %u: %s\n", callid.len, callid.s, reason->code, reason->text);
	return med_refused_again(msg, code);
}

int med_not_loaded(sip_msg_t *msg)
{
	med_reason(msg, 503, 12000, "no configuration is loaded yet");
	return med_refused(msg, MED_NOT_LOADED);
}

const char *med_phrase(unsigned code)
{
	static const struct {
		unsigned code;
		const char *phrase;
	} phrases[] = {{400, "Bad Request"}, {403, "Forbidden"}, {404, "Not Found"},
			{408, "Request Timeout"}, {410, "Gone"}, {415, "Unsupported Media Type"},
			{480, "Temporarily Unavailable"}, {481, "Call/Transaction Does Not Exist"},
			{482, "Loop Detected"}, {484, "Address Incomplete"}, {486, "Busy Here"},
			{487, "Request Terminated"}, {488, "Not Acceptable Here"},
			{500, "Server Internal Error"}, {502, "Bad Gateway"},
			{503, "Service Unavailable"}, {504, "Server Time-out"},
			{600, "Busy Everywhere"}, {603, "Decline"}, {604, "Does Not Exist Anywhere"},
			{606, "Not Acceptable"}};

	for(size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
		if(phrases[i].code == code)
			return phrases[i].phrase;
	return "Refused";
}

const char *med_reason_quotable(const med_reason_t *reason, char text[MED_REASON_MAX])
{
	size_t at = 0;

	for(size_t i = 0; i < reason->len; i++)
		if(reason->text[i] != '"' && reason->text[i] != '\\')
			text[at++] = reason->text[i];
	text[at] = 0;
	return text;
}

/**
 * ms-diagnostics as a Lync Mediation Server writes it (spec 7.1), and the form without
 * its own name that may leave the enterprise; where the caller's profile asks for it.
 */
static int med_reply_lync(sip_msg_t *msg, const med_reason_t *reason, const char *phrase)
{
	const med_call_t *call = med_call_get(msg);
	const med_trunk_t *in;
	char header[2 * (MED_REASON_MAX + 512)], text[MED_REASON_MAX];
	const char *node = med_sync_node();
	med_str_t source = {node, strlen(node)};
	int len;

	MED_SNAPSHOT(snapshot);
	if(snapshot == NULL || reason->diagnostic == 0)
		return 0;
	in = call != NULL ? med_side_trunk(snapshot, &call->in) : NULL;
	if(!(in != NULL ? in->profile : med_snapshot_global_profile(snapshot))->imitate_lync)
		return 0;
	if(in != NULL && in->pool_fqdn.len > 0)
		source = in->pool_fqdn;
	(void)med_reason_quotable(reason, text);
	len = snprintf(header, sizeof header,
			"ms-diagnostics: %u;source=\"%.*s\";reason=\"%s\";"
			"component=\"MediationServer\";SipResponseCode=\"%u\";"
			"SipResponseText=\"%s\"\r\n"
			"ms-diagnostics-public: %u;reason=\"%s\";component=\"MediationServer\";"
			"SipResponseCode=\"%u\";SipResponseText=\"%s\"\r\n",
			reason->diagnostic, MED_STR_FMT(source), text, reason->code, phrase,
			reason->diagnostic, text, reason->code, phrase);
	if(len < 0 || (size_t)len >= sizeof header)
		return -1;
	return add_lump_rpl(msg, header, len, LUMP_RPL_HDR) != NULL ? 0 : -1;
}

/** The Q.850 cause of the last trunk's answer goes on to the caller (RFC 3326). */
static int med_reply_cause(sip_msg_t *msg)
{
	const med_call_t *call = med_call_get(msg);
	char header[64];
	int len;

	if(call == NULL || (call->flags & MED_CALL_OVER) == 0
			|| call->cause == MED_CAUSE_NONE)
		return 0;
	len = snprintf(header, sizeof header, "Reason: Q.850;cause=%d\r\n", (int)call->cause);
	return add_lump_rpl(msg, header, len, LUMP_RPL_HDR) != NULL ? 0 : -1;
}

static int med_reply_header(sip_msg_t *msg, const med_reason_t *reason)
{
	char header[MED_REASON_MAX + 64], text[MED_REASON_MAX];
	int len;

	(void)med_reason_quotable(reason, text);
	if(reason->diagnostic != 0)
		len = snprintf(header, sizeof header, "Reason: SIP;cause=%u;text=\"%s (%u)\"\r\n",
				reason->code, text, reason->diagnostic);
	else
		len = snprintf(header, sizeof header, "Reason: SIP;cause=%u;text=\"%s\"\r\n",
				reason->code, text);
	if(len < 0 || (size_t)len >= sizeof header)
		return -1;
	return add_lump_rpl(msg, header, len, LUMP_RPL_HDR) != NULL ? 0 : -1;
}

static int med_reply_retry_after(sip_msg_t *msg, const med_reason_t *reason)
{
	char header[40];
	int len;

	if(reason->retry_after_s == 0)
		return 0;
	len = snprintf(header, sizeof header, "Retry-After: %u\r\n", reason->retry_after_s);
	return add_lump_rpl(msg, header, len, LUMP_RPL_HDR) != NULL ? 0 : -1;
}

int ki_med_reply(sip_msg_t *msg)
{
	static const med_reason_t unknown = {.code = 500, .len = 0};
	const med_reason_t *reason = med_reason_get(msg);
	const char *phrase;
	med_call_t *call;
	str text;

	if(reason == NULL && get_route_type() == FAILURE_ROUTE)
		return MED_YES; /* the peer's own answer goes to the caller */
	if(msg->REQ_METHOD == METHOD_ACK)
		return MED_YES; /* nothing answers an ACK */
	if(reason == NULL)
		reason = &unknown;
	phrase = med_phrase(reason->code);
	text.s = (char *)(uintptr_t)phrase;
	text.len = (int)strlen(phrase);
	if(reason->len > 0
			&& (med_reply_header(msg, reason) < 0 || med_reply_cause(msg) < 0
					|| med_reply_retry_after(msg, reason) < 0
					|| med_reply_lync(msg, reason, phrase) < 0))
		LM_ERR("no memory for the headers of a reply that say why\n");
	call = med_call_get(msg);
	if(call != NULL && call->lease != 0 && reason->code >= 300)
		med_limit_end(call);
	return med_sl.freply(msg, reason->code, &text) < 0 ? MED_INTERNAL : MED_YES;
}
