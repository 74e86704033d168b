/**
 * med_call.c - see med_call.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/dset.h"
#include "core/xavp.h"

#include "med_call.h"

/** One shm block, freed by Kamailio with the list it is in (SR_XTYPE_SPTR). */
static str med_call_name = str_init("_med_call");

/** Room for the texts of a plan of some candidates; a longer one takes a larger block. */
#define MED_POOL_FIRST 256

/** For a message that has no state with its transaction. */
static struct {
	msg_ctx_id_t msg;
	med_call_t call;
} med_local;

static void med_call_empty(med_call_t *call)
{
	memset(call, 0, offsetof(med_call_t, called));
	call->called.len = call->calling.len = 0;
	call->pool_size = 0;
	call->in.number = call->out.number = MED_NO_NUMBER;
	call->cause = MED_CAUSE_NONE;
}

/** As xavp_get(), which computes the name's hash each time, some ten times a call. */
static sr_xavp_t *med_call_xavp(void)
{
	sr_xavp_t **list = xavp_get_crt_list();
	sr_xavp_t *xavp;

	for(xavp = list != NULL ? *list : NULL; xavp != NULL; xavp = xavp->next)
		if(xavp->val.type == SR_XTYPE_SPTR && xavp->name.len == med_call_name.len
				&& memcmp(xavp->name.s, med_call_name.s, (size_t)med_call_name.len) == 0)
			return xavp;
	return NULL;
}

/** NULL where neither the transaction nor this process knows the message. */
static med_call_t *med_call_any(const sip_msg_t *msg)
{
	sr_xavp_t *xavp = med_call_xavp();

	if(xavp != NULL)
		return xavp->val.v.vptr;
	return msg_ctx_id_match(msg, &med_local.msg) == 1 ? &med_local.call : NULL;
}

med_call_t *med_call_get(sip_msg_t *msg)
{
	med_call_t *call = med_call_any(msg);

	/* One that was made to hold a reason is no state. */
	return call != NULL && (call->flags & MED_CALL_ORPHAN) ? NULL : call;
}

med_call_t *med_call_draft(sip_msg_t *msg)
{
	msg_ctx_id_set(msg, &med_local.msg);
	med_call_empty(&med_local.call);
	return &med_local.call;
}

med_call_t *med_call_keep(sip_msg_t *msg, const med_call_t *draft)
{
	med_call_t *call;

	med_local.msg.msgid = 0; /* the draft no longer stands for the message */
	med_local.msg.pid = 0;
	call = med_call_make(msg);
	if(call != NULL)
		memcpy(call, draft, offsetof(med_call_t, called));
	return call;
}

med_call_t *med_call_make(sip_msg_t *msg)
{
	med_call_t *call = med_call_get(msg);
	sr_xval_t value = {0};

	if(call != NULL)
		return call;
	call = shm_malloc(sizeof *call + MED_POOL_FIRST);
	if(call == NULL) {
		SHM_MEM_ERROR;
		return NULL;
	}
	med_call_empty(call);
	value.type = SR_XTYPE_SPTR;
	value.v.vptr = call;
	if(xavp_add_value(&med_call_name, &value, NULL) == NULL) {
		LM_ERR("no shared memory for the state of a call\n");
		shm_free(call);
		return NULL;
	}
	return call;
}

/** Bytes of all texts of a plan. */
static size_t med_plan_bytes(const med_plan_t *plan)
{
	size_t bytes = 0;

	for(size_t i = 0; i < plan->count; i++)
		bytes += plan->candidate[i].trunk->id.len
				+ med_route_id(plan->candidate[i].route).len
				+ plan->candidate[i].usage.len
				+ med_route_alternate_caller_id(plan->candidate[i].route).len;
	return bytes;
}

/** Append @p text to the pool; ids are bounded by MED_ID_MAX, numbers by MED_NUMBER_MAX.
 */
static uint16_t med_pool_add(med_call_t *call, med_str_t text, uint8_t *len)
{
	uint16_t offset = call->pool_size;

	memcpy(call->pool + offset, text.s, text.len);
	call->pool_size += (uint16_t)text.len;
	*len = (uint8_t)text.len;
	return offset;
}

med_call_t *med_call_plan(sip_msg_t *msg, med_call_t *call, const med_plan_t *plan)
{
	size_t bytes = med_plan_bytes(plan), count = plan->count;
	sr_xavp_t *xavp = med_call_xavp();
	med_call_t *grown = call;

	(void)msg;
	if(xavp == NULL)
		return NULL;
	if(bytes > MED_POOL_FIRST) {
		grown = shm_malloc(sizeof *grown + bytes);
		if(grown == NULL) {
			SHM_MEM_ERROR;
			return NULL;
		}
		memcpy(grown, call, offsetof(med_call_t, tries));
		xavp->val.v.vptr = grown;
		shm_free(call);
	}
	grown->pool_size = 0;
	if(count > (size_t)sr_dst_max_branches)
		count = (size_t)sr_dst_max_branches; /* tm sends to no more */
	grown->try_count = (uint8_t)count;
	grown->try_next = 0;
	for(size_t i = 0; i < count; i++) {
		const med_candidate_t *from = &plan->candidate[i];
		med_try_t *to = &grown->tries[i];

		to->target = 0;
		to->code = 0;
		to->ms = 0;
		to->no_srtp = false;
		to->number = from->trunk->number;
		to->trunk = med_pool_add(grown, from->trunk->id, &to->trunk_len);
		to->route = med_pool_add(grown, med_route_id(from->route), &to->route_len);
		to->usage = med_pool_add(grown, from->usage, &to->usage_len);
		to->alternate = med_pool_add(
				grown, med_route_alternate_caller_id(from->route), &to->alternate_len);
	}
	return grown;
}

med_try_t *med_call_try_again(med_call_t *call)
{
	size_t max = (size_t)sr_dst_max_branches < MED_PLAN_MAX ? (size_t)sr_dst_max_branches
															: MED_PLAN_MAX;
	med_try_t *next = &call->tries[call->try_next];

	if(call->try_next >= max)
		return NULL;
	if(call->try_count < max)
		call->try_count++;
	memmove(next + 1, next, (call->try_count - call->try_next - 1u) * sizeof *next);
	*next = call->tries[call->try_current];
	next->target = 0;
	next->code = 0;
	next->ms = 0;
	return next;
}

int64_t med_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool med_call_ended(med_call_t *call, unsigned code)
{
	med_try_t *try = &call->tries[call->try_current];

	if(call->try_count == 0 || call->try_started == 0 || try->code != 0)
		return false;
	try->code = (uint16_t)code;
	try->ms = (uint32_t)(med_now_ms() - call->try_started);
	return true;
}

void med_side_set(med_side_t *side, const med_trunk_t *trunk)
{
	side->number = trunk->number;
	side->policy = trunk->leg;
	side->id_len = (uint8_t)trunk->id.len;
	memcpy(side->id, trunk->id.s, trunk->id.len);
}

const med_trunk_t *med_side_trunk(const med_snapshot_t *snapshot, const med_side_t *side)
{
	const med_trunk_t *trunk;

	if(snapshot == NULL || side->number == MED_NO_NUMBER)
		return NULL;
	trunk = med_snapshot_trunk_by_number(snapshot, side->number);
	return trunk != NULL && med_str_eq(trunk->id, med_side_id(side)) ? trunk : NULL;
}

static med_reason_t *med_reason_slot(sip_msg_t *msg)
{
	med_call_t *call = med_call_any(msg);

	if(call == NULL) {
		call = med_call_draft(msg);
		call->flags = MED_CALL_ORPHAN;
	}
	return &call->reason;
}

int med_reason(sip_msg_t *msg, unsigned code, unsigned diagnostic, const char *fmt, ...)
{
	med_reason_t *reason = med_reason_slot(msg);
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(reason->text, sizeof reason->text, fmt, ap);
	va_end(ap);
	if(len < 0)
		len = 0;
	if((size_t)len >= sizeof reason->text)
		len = (int)sizeof reason->text - 1;
	for(int i = 0; i < len; i++)
		reason->text[i] = med_printable(reason->text[i]);
	reason->len = (uint16_t)len;
	reason->retry_after_s = 0;
	reason->code = (uint16_t)code;
	reason->diagnostic = (uint16_t)diagnostic;
	return -1;
}

void med_reason_retry_after(sip_msg_t *msg, uint32_t seconds)
{
	med_reason_slot(msg)->retry_after_s = seconds;
}

const med_reason_t *med_reason_get(sip_msg_t *msg)
{
	const med_reason_t *reason = med_reason_slot(msg);

	return reason->code != 0 ? reason : NULL;
}

void med_reason_clear(sip_msg_t *msg)
{
	med_reason_slot(msg)->code = 0;
}
