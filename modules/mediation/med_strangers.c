/**
 * med_strangers.c - see med_strangers.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_strangers.h"

#include "core/ip_addr.h"

#include "medcore/quiet.h"

#include "med_identify.h"
#include "med_params.h"
#include "med_stats.h"
#include "med_tell.h"
#include "med_verbs.h"

static med_quiet_t *quiet;

int med_strangers_init(void)
{
	if(med_param_stranger_log_interval < 1 || med_param_stranger_log_interval > 86400) {
		LM_ERR("stranger_log_interval %d: not between 1 and 86400 seconds\n",
				med_param_stranger_log_interval);
		return -1;
	}
	quiet = shm_mallocxz(sizeof *quiet);
	if(quiet == NULL) {
		SHM_MEM_ERROR;
		return -1;
	}
	return 0;
}

void med_strangers_destroy(void)
{
	if(quiet != NULL)
		shm_free(quiet);
	quiet = NULL;
}

/** The line about a refusal; false: it is not time for one of this source. */
static bool med_stranger_tell(sip_msg_t *msg, const char *from)
{
	const med_reason_t *reason = med_reason_get(msg);
	char address[48];
	med_ip_t source;
	uint32_t more;
	str callid;

	med_ip_of(&msg->rcv.src_ip, &source);
	if(reason == NULL
			|| !med_quiet_tells(quiet, med_hash(source.bytes, sizeof source.bytes) | 1,
					(uint32_t)(med_now_ms() / 1000) + 1,
					(uint32_t)med_param_stranger_log_interval, &more))
		return false;
	callid = med_callid(msg);
	med_ip_format(&source, address, sizeof address);
	if(more == 0)
		LM_NOTICE("call %.*s: %u: %s%s%s\n", callid.len, callid.s, reason->code,
				reason->text, from, from[0] != '\0' ? address : "");
	else
		LM_NOTICE("call %.*s: %u: %s%s%s; %u more from there since the last such line\n",
				callid.len, callid.s, reason->code, reason->text, from,
				from[0] != '\0' ? address : "", more);
	return true;
}

void med_stranger(sip_msg_t *msg, const med_snapshot_t *snapshot, const char *why)
{
	med_stats_inc(MED_STAT_UNKNOWN_SOURCE);
	med_reason(msg, med_snapshot_global_profile(snapshot)->imitate_lync ? 400 : 403,
			10013, "%s", why);
	if(med_stranger_tell(msg, "") && med_telling(msg))
		med_tell_no(msg);
}

int med_stranger_in_dialog(sip_msg_t *msg, int code)
{
	(void)med_stranger_tell(msg, "; from ");
	return code;
}
