/**
 * med_tell.c - see med_tell.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <string.h>

#include "core/flags.h"
#include "core/xavp.h"

#include "med_params.h"
#include "med_refuse.h"
#include "med_tell.h"
#include "med_verbs.h"

#define MED_TELL_LINE 8192
#define MED_TELL_STEPS 4800 /**< of it; what it leaves is enough for all else */
#define MED_TELL_CALLID 200
#define MED_TELL_REASON 700

/** A line being written: never longer than its room. */
typedef struct med_line {
	char *s;
	size_t len, size;
} med_line_t;

/** Steps as JSON has them, in one block that Kamailio frees with the list it is in. */
typedef struct med_tale {
	bool with_answer; /**< tm says when the caller gets its answer */
	bool told, cut, busy;
	uint16_t len;
	char steps[MED_TELL_STEPS];
} med_tale_t;

static str med_tale_name = str_init("_med_tale");
flag_t med_tell_flag;

int med_tell_init(void)
{
	if(med_param_explain_flag == -1)
		return 0;
	if(med_param_explain_flag < 0 || !flag_in_range((flag_t)med_param_explain_flag)) {
		LM_ERR("explain_flag %d: no flag of a message; 0 to %u are, -1: none\n",
				med_param_explain_flag, MAX_FLAG);
		return -1;
	}
	med_tell_flag = (flag_t)1 << med_param_explain_flag;
	return 0;
}

/* ---- JSON -----------------------------------------------------------------------------
 */

static bool med_line_add(med_line_t *line, const char *s, size_t len)
{
	if(len > line->size - line->len)
		return false;
	memcpy(line->s + line->len, s, len);
	line->len += len;
	return true;
}

/** Without quotes; false: it did not fit, and what did ends at a whole character. */
static bool med_line_text(med_line_t *line, med_str_t text)
{
	for(size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.s[i];
		char escaped[8];
		int len = 1;

		if(c == '"' || c == '\\')
			len = snprintf(escaped, sizeof escaped, "\\%c", c);
		else if(c < ' ' || c >= 127)
			len = snprintf(escaped, sizeof escaped, "\\u%04x", c);
		else
			escaped[0] = (char)c;
		if(!med_line_add(line, escaped, (size_t)len))
			return false;
	}
	return true;
}

/** A member of an object, of at most @p most bytes: `,"key":"value"`. */
static void med_line_member(
		med_line_t *line, const char *key, med_str_t value, size_t most)
{
	size_t size = line->size, begin = line->len;
	bool whole = med_line_add(line, ",\"", 2) && med_line_add(line, key, strlen(key))
			&& med_line_add(line, "\":\"", 3);

	if(!whole) {
		line->len = begin;
		return;
	}
	if(line->len + most < size)
		line->size = line->len + most;
	whole = med_line_text(line, value);
	line->size = size;
	if(!med_line_add(line, whole ? "\"" : "...\"", whole ? 1 : 4))
		line->len = begin;
}

static void med_line_number(med_line_t *line, const char *key, unsigned value)
{
	char text[64];
	int len = snprintf(text, sizeof text, ",\"%s\":%u", key, value);

	(void)med_line_add(line, text, (size_t)len);
}

/* ---- the tale -------------------------------------------------------------------------
 */

static med_tale_t *med_tale_get(void)
{
	sr_xavp_t *xavp = xavp_get(&med_tale_name, NULL);

	return xavp != NULL && xavp->val.type == SR_XTYPE_SPTR ? xavp->val.v.vptr : NULL;
}

static med_tale_t *med_tale_make(void)
{
	med_tale_t *tale = med_tale_get();
	sr_xval_t value = {0};

	if(tale != NULL)
		return tale;
	tale = shm_malloc(sizeof *tale);
	if(tale == NULL) {
		SHM_MEM_ERROR;
		return NULL;
	}
	memset(tale, 0, offsetof(med_tale_t, steps));
	value.type = SR_XTYPE_SPTR;
	value.v.vptr = tale;
	if(xavp_add_value(&med_tale_name, &value, NULL) == NULL) {
		LM_ERR("no shared memory for what is to be told of a call\n");
		shm_free(tale);
		return NULL;
	}
	return tale;
}

/** `"a","b"`; where it is full it says so, once. */
static void med_tale_step(void *ctx, const char *text)
{
	static const char more[] = ",\"... and more\"";
	med_tale_t *tale = ctx;
	med_line_t line = {tale->steps, tale->len, sizeof tale->steps - sizeof more};

	/* Replies of several phones at once: one of their steps is enough. */
	if(tale->cut || __atomic_test_and_set(&tale->busy, __ATOMIC_ACQUIRE))
		return;
	line.len = tale->len;
	if((tale->len > 0 && !med_line_add(&line, ",", 1)) || !med_line_add(&line, "\"", 1)
			|| !med_line_text(&line, med_str(text)) || !med_line_add(&line, "\"", 1)) {
		tale->cut = true;
		line.len = tale->len;
		line.size = sizeof tale->steps;
		(void)med_line_add(&line, more, sizeof more - 1);
	}
	tale->len = (uint16_t)line.len;
	__atomic_clear(&tale->busy, __ATOMIC_RELEASE);
}

const med_trace_t *med_tell_trace(void)
{
	static med_trace_t trace = {med_tale_step, NULL};

	trace.ctx = med_tale_make();
	return trace.ctx != NULL ? &trace : NULL;
}

/* ---- the line -------------------------------------------------------------------------
 */

static void med_line_attempts(med_line_t *line, const med_call_t *call)
{
	bool first = true;

	(void)med_line_add(line, ",\"attempts\":[", 13);
	for(unsigned i = 0; i < call->try_count; i++) {
		const med_try_t *try = &call->tries[i];
		char text[MED_ID_MAX + 64];
		int len;

		if(try->code == 0)
			continue;
		len = snprintf(text, sizeof text, "%s{\"trunk\":\"%.*s\",\"code\":%u,\"ms\":%u}",
				first ? "" : ",",
				MED_STR_FMT(med_call_text(call, try->trunk, try->trunk_len)), try->code,
				try->ms);
		(void)med_line_add(line, text, (size_t)len);
		first = false;
	}
	(void)med_line_add(line, "]", 1);
}

static void med_tell_line(sip_msg_t *msg, med_tale_t *tale, unsigned code)
{
	static char bytes[MED_TELL_LINE];
	med_line_t line = {bytes, 0, sizeof bytes - 1}; /* for the last bracket */
	const med_call_t *call = med_call_get(msg);
	const med_reason_t *reason = med_reason_get(msg);
	med_str_t none = {"", 0};

	if(__atomic_test_and_set(&tale->told, __ATOMIC_RELAXED))
		return;
	med_line_member(&line, "callid", med_from_str(med_callid(msg)), MED_TELL_CALLID);
	bytes[0] = '{';
	med_line_member(
			&line, "trunk", call != NULL ? med_side_id(&call->in) : none, MED_ID_MAX);
	if(call != NULL) {
		med_line_member(&line, "called", (med_str_t){call->called.s, call->called.len},
				MED_NUMBER_MAX);
		med_line_member(&line, "calling", (med_str_t){call->calling.s, call->calling.len},
				MED_NUMBER_MAX);
	}
	(void)med_line_add(&line, ",\"steps\":[", 10);
	(void)med_line_add(&line, tale->steps, tale->len);
	(void)med_line_add(&line, "]", 1);
	if(call != NULL)
		med_line_attempts(&line, call);
	med_line_number(&line, "code", code);
	if(reason != NULL) {
		if(reason->diagnostic != 0)
			med_line_number(&line, "diagnostic", reason->diagnostic);
		med_line_member(
				&line, "reason", (med_str_t){reason->text, reason->len}, MED_TELL_REASON);
	}
	bytes[line.len++] = '}';
	LM_NOTICE("mediation explain %.*s\n", (int)line.len, bytes);
}

/** The caller gets its answer: that is the end of it. */
static void med_tell_answered(struct cell *t, int type, struct tmcb_params *params)
{
	med_tale_t *tale = params->code >= 200 ? med_tale_get() : NULL;

	(void)t, (void)type;
	if(tale != NULL && params->req != NULL && params->req != FAKED_REPLY)
		med_tell_line(params->req, tale, (unsigned)params->code);
}

void med_tell_with_answer(sip_msg_t *msg)
{
	med_tale_t *tale = med_tale_make();
	struct cell *t = med_tm.t_gett();

	(void)msg;
	if(tale == NULL || tale->with_answer || t == NULL || t == T_UNDEFINED)
		return;
	if(med_tm.register_tmcb(NULL, t, TMCB_RESPONSE_OUT, med_tell_answered, NULL, NULL)
			> 0)
		tale->with_answer = true;
}

void med_tell_no(sip_msg_t *msg)
{
	const med_reason_t *reason = med_reason_get(msg);
	const med_call_t *call = med_call_get(msg);
	med_tale_t *tale;

	if(reason == NULL || (call != NULL && (call->flags & MED_CALL_IN_DIALOG) != 0))
		return;
	tale = med_tale_make();
	if(tale == NULL)
		return;
	if(tale->with_answer || (call != NULL && call->try_next < call->try_count))
		med_tale_step(tale, reason->text);
	else if(msg->first_line.type == SIP_REQUEST)
		med_tell_line(msg, tale, reason->code);
}
