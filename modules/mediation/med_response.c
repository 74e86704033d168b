/**
 * med_response.c - see med_response.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "medcore/response.h"

#include "core/parser/hf.h"

#include "med_response.h"

static bool med_header_is(const struct hdr_field *header, const char *name)
{
	return med_str_eq_nocase(med_from_str(header->name), med_str(name));
}

void med_response_note(sip_msg_t *msg, med_call_t *call)
{
	call->cause = MED_CAUSE_NONE;
	call->retry_after_s = 0;
	if(med_parse_headers(msg, HDR_EOH_F) < 0)
		return;
	for(const struct hdr_field *h = msg->headers; h != NULL; h = h->next) {
		if(call->cause == MED_CAUSE_NONE && med_header_is(h, "Reason")) {
			call->cause = (int16_t)med_reason_cause(med_from_str(h->body));
		} else if(msg->REPLY_STATUS == 503 && med_header_is(h, "Retry-After")) {
			int64_t seconds = med_retry_after(med_from_str(h->body));
			if(seconds > 0)
				call->retry_after_s = (uint32_t)seconds;
		}
	}
}

unsigned med_response_code(const med_snapshot_t *snapshot, const med_trunk_t *out,
		const med_call_t *call, unsigned code)
{
	const med_response_rules_t *rules =
			out != NULL ? med_snapshot_response_rules(snapshot, out->profile) : NULL;
	const med_response_rule_t *rule = med_response_rule(rules, code, call->cause);

	if(rule == NULL || rule->translated == code)
		return code;
	LM_INFO("trunk '%.*s' answered %u: rule.%u of response_rules '%.*s' makes it %u\n",
			MED_STR_FMT(out->id), code, rule->order, MED_STR_FMT(rules->id),
			rule->translated);
	return rule->translated;
}

void med_response_tell(
		sip_msg_t *msg, const med_call_t *call, unsigned came, unsigned code)
{
	if(call->cause == MED_CAUSE_NONE)
		med_reason(msg, code, 0, "trunk '%.*s' answered %u", call->out.id_len,
				call->out.id, came);
	else
		med_reason(msg, code, 0, "trunk '%.*s' answered %u with cause %d",
				call->out.id_len, call->out.id, came, (int)call->cause);
}
