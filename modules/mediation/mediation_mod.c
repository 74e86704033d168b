/**
 * mediation_mod.c - a Mediation Server in Kamailio: trunks, routes, media policy
 *
 * What a module must say of itself; the work is in med_*.c, the decisions in medcore.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core/cfg/cfg_struct.h"
#include "core/kemi.h"
#include "core/mod_fix.h"
#include "core/rpc_lookup.h"
#include "core/sr_module.h"

#include "med_call.h"
#include "med_connect.h"
#include "med_contact.h"
#include "med_cookie.h"
#include "med_drain.h"
#include "med_gate.h"
#include "med_media.h"
#include "med_metrics.h"
#include "med_note.h"
#include "med_params.h"
#include "med_policy_listener.h"
#include "med_guard.h"
#include "med_health.h"
#include "med_limit.h"
#include "med_probe.h"
#include "med_pv.h"
#include "med_rpc.h"
#include "med_script.h"
#include "med_shm.h"
#include "med_stats.h"
#include "med_strangers.h"
#include "med_sync.h"
#include "med_tell.h"

/* What Kamailio looks for; all else is hidden. */
#pragma GCC visibility push(default)
MODULE_VERSION
extern struct module_exports exports;
int mod_register(char *path, int *dlflags, void *p1, void *p2);
#pragma GCC visibility pop

static int mod_init(void);
static int child_init(int rank);
static void mod_destroy(void);

/** `key`: secret of the Record-Route parameter, the same on nodes that share calls. */
static char *med_param_key;

/* clang-format off */
static param_export_t params[] = {
	{"redis_url", PARAM_STRING, &med_param_redis_url},
	{"redis_prefix", PARAM_STRING, &med_param_redis_prefix},
	{"status_prefix", PARAM_STRING, &med_param_status_prefix},
	{"node", PARAM_STRING, &med_param_node},
	{"pool", PARAM_STRING, &med_param_pool},
	{"dns_servers", PARAM_STRING, &med_param_dns_servers},
	{"rtpengine_sock", PARAM_STRING, &med_param_rtpengine_sock},
	{"status_interval", PARAM_INT, &med_param_status_interval},
	{"last_known_good", PARAM_STRING, &med_param_last_known_good},
	{"max_shrink", PARAM_INT, &med_param_max_shrink},
	{"applying_warning", PARAM_INT, &med_param_applying_warning},
	{"guard_counters", PARAM_INT, &med_param_guard_counters},
	{"limit_calls", PARAM_INT, &med_param_limit_calls},
	{"limit_lease", PARAM_INT, &med_param_limit_lease},
	{"limit_share_ttl", PARAM_INT, &med_param_limit_share_ttl},
	{"health_share_ttl", PARAM_INT, &med_param_health_share_ttl},
	{"explain_flag", PARAM_INT, &med_param_explain_flag},
	{"events", PARAM_INT, &med_param_events},
	{"metrics_kb", PARAM_INT, &med_param_metrics_kb},
	{"stranger_log_interval", PARAM_INT, &med_param_stranger_log_interval},
	{"key", PARAM_STRING, &med_param_key},
	{0, 0, 0}
};

struct module_exports exports = {
	"mediation",
	DEFAULT_DLFLAGS,
	med_script_cmds, /* script functions */
	params,
	0,				 /* RPC: registered in mod_init */
	med_pvs,		 /* $med(name) */
	0,				 /* reply function */
	mod_init,
	child_init,
	mod_destroy
};
/* clang-format on */

static int mod_init(void)
{
	if(med_shm_init() < 0 || med_health_init() < 0 || med_stats_register() < 0)
		return -1;
	if(med_cookie_init(med_param_key) < 0 || med_script_init() < 0
			|| med_strangers_init() < 0 || med_guard_init() < 0 || med_limit_init() < 0
			|| med_drain_init() < 0 || med_tell_init() < 0 || med_metrics_init() < 0
			|| med_note_init() < 0 || med_contact_init() < 0)
		return -1;
	if(med_policy_listener_init(med_param_rtpengine_sock) < 0 || med_sync_register() < 0
			|| med_probe_init() < 0 || med_connect_init() < 0)
		return -1;
	if(rpc_register_array(med_rpc_cmds) != 0) {
		LM_ERR("the RPC commands could not be registered\n");
		return -1;
	}
	return 0;
}

static int child_init(int rank)
{
	if(rank == PROC_INIT) {
		med_media_check_client();
		med_connect_check_core();
	}
	if(rank == PROC_INIT || rank == PROC_TCP_MAIN)
		return 0;
	if(med_sync_fork(rank) < 0 || med_probe_fork(rank) < 0 || med_connect_fork(rank) < 0)
		return -1;
	return med_script_child();
}

static void mod_destroy(void)
{
	med_note_destroy();
	med_strangers_destroy();
	med_guard_destroy();
	med_limit_destroy();
	med_drain_destroy();
	med_connect_destroy();
	med_script_destroy();
	med_sync_destroy();
	med_health_destroy();
	med_shm_destroy();
}

int mod_register(char *path, int *dlflags, void *p1, void *p2);

/** The core calls this when the module is loaded: before any module's mod_init. */
int mod_register(char *path, int *dlflags, void *p1, void *p2)
{
	(void)path, (void)dlflags, (void)p1, (void)p2;
	if(med_gate_register() < 0) {
		LM_ERR("the core has no room for one more callback on outgoing data\n");
		return -1;
	}
	sr_kemi_modules_add(med_script_kemi);
	return 0;
}
