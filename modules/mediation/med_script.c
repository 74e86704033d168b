/**
 * med_script.c - see med_script.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core/mod_fix.h"
#include "core/route.h"

#include "med_identify.h"
#include "med_media.h"
#include "med_metrics.h"
#include "med_record.h"
#include "med_refuse.h"
#include "med_script.h"
#include "med_shm.h"
#include "med_verbs.h"

static cmd_function med_t_relay, med_t_on_branch, med_t_on_reply, med_t_on_failure;
static int (*med_t_no_internal_reply)(sip_msg_t *msg, int on);
med_scratch_t *med_scratch;

static void *med_pkg_alloc(void *ctx, size_t size)
{
	(void)ctx;
	return pkg_malloc(size);
}

static void med_pkg_free(void *ctx, void *block)
{
	(void)ctx;
	if(block != NULL)
		pkg_free(block);
}

static const med_mem_t med_mem_pkg = {med_pkg_alloc, med_pkg_free, NULL};

int med_script_init(void)
{
	if(tm_load_api(&med_tm) < 0) {
		LM_ERR("module tm is needed; load it before mediation\n");
		return -1;
	}
	med_t_relay = find_export("t_relay", 0, 0);
	med_t_on_branch = find_export("t_on_branch", 1, 0);
	med_t_on_reply = find_export("t_on_reply", 1, 0);
	med_t_on_failure = find_export("t_on_failure", 1, 0);
	med_t_no_internal_reply = med_kemi_function("tm", "t_set_disable_internal_reply");
	if(med_t_relay == NULL || med_t_on_branch == NULL || med_t_on_reply == NULL
			|| med_t_on_failure == NULL || med_t_no_internal_reply == NULL) {
		LM_ERR("this tm lacks t_relay, t_on_branch, t_on_reply, t_on_failure or "
			   "t_set_disable_internal_reply\n");
		return -1;
	}
	med_identify_init();
	return med_attempt_init() < 0 || med_answer_init() < 0 || med_record_init() < 0
					|| med_media_init() < 0
			? -1
			: 0;
}

int med_script_child(void)
{
	if(med_scratch == NULL)
		med_scratch = med_scratch_new(&med_mem_pkg);
	if(med_scratch == NULL)
		LM_ERR("no private memory for matching numbers\n");
	return med_scratch != NULL ? 0 : -1;
}

void med_script_destroy(void)
{
	med_scratch_free(med_scratch);
	med_scratch = NULL;
	med_identify_destroy();
}

/**
 * Both loops of design 4 in one verb, with one route name for all three routes. The
 * request is relayed or answered afterwards: that is its yes (tm logs an error of a
 * failure_route that ends with a no).
 */
static int med_relay_loop(sip_msg_t *msg, int branch, int reply, int failure)
{
	bool failed = get_route_type() == FAILURE_ROUTE;

	/* Held until the branch is written: what is chosen and what is written agree. */
	MED_SNAPSHOT(snapshot);
	(void)snapshot;
	if(!failed)
		med_t_no_internal_reply(msg, 1);
	while((failed ? ki_med_failover(msg) : ki_med_next(msg)) > 0) {
		med_t_on_branch(msg, (char *)(long)branch, NULL);
		med_t_on_reply(msg, (char *)(long)reply, NULL);
		med_t_on_failure(msg, (char *)(long)failure, NULL);
		if(med_t_relay(msg, NULL, NULL) > 0)
			return MED_YES;
	}
	return ki_med_reply(msg);
}

/** The three routes of one name; looked up when the script is read. */
typedef struct med_routes {
	int branch, reply, failure;
} med_routes_t;

static int ki_med_relay(sip_msg_t *msg, str *name)
{
	sr_kemi_eng_t *engine = sr_kemi_eng_get();
	str route = *name;
	int index;

	if(engine != NULL) {
		index = sr_kemi_cbname_lookup_name(&route);
		return index > 0 ? med_relay_loop(msg, index, index, index) : MED_INTERNAL;
	}
	return med_relay_loop(msg, route_lookup(&branch_rt, route.s),
			route_lookup(&onreply_rt, route.s), route_lookup(&failure_rt, route.s));
}

static int w_med_from_trunk(sip_msg_t *msg, char *a, char *b)
{
	(void)a, (void)b;
	return ki_med_from_trunk(msg);
}

static int w_med_heard(sip_msg_t *msg, char *a, char *b)
{
	(void)a, (void)b;
	return ki_med_heard(msg);
}

static int w_med_normalize(sip_msg_t *msg, char *rules, char *b)
{
	str id = STR_NULL;

	(void)b;
	if(rules == NULL)
		return ki_med_normalize(msg);
	if(fixup_get_svalue(msg, (gparam_t *)rules, &id) < 0)
		return MED_INTERNAL;
	return ki_med_normalize_by(msg, &id);
}

static int w_med_authorize(sip_msg_t *msg, char *policy, char *kind)
{
	str id = STR_NULL, as = STR_NULL;

	if(policy == NULL)
		return ki_med_authorize(msg);
	if(fixup_get_svalue(msg, (gparam_t *)policy, &id) < 0
			|| (kind != NULL && fixup_get_svalue(msg, (gparam_t *)kind, &as) < 0))
		return MED_INTERNAL;
	return ki_med_authorize_as(msg, &id, &as);
}

static int w_med_route(sip_msg_t *msg, char *a, char *b)
{
	(void)a, (void)b;
	return ki_med_route(msg);
}

static int w_med_to_user(sip_msg_t *msg, char *srtp_mode, char *b)
{
	str mode = STR_NULL;

	(void)b;
	if(srtp_mode != NULL && fixup_get_svalue(msg, (gparam_t *)srtp_mode, &mode) < 0)
		return MED_INTERNAL;
	return ki_med_to_user_as(msg, &mode);
}

static int w_med_next(sip_msg_t *msg, char *a, char *b)
{
	(void)a, (void)b;
	return ki_med_next(msg);
}

static int w_med_branch(sip_msg_t *msg, char *a, char *b)
{
	(void)a, (void)b;
	return ki_med_branch(msg);
}

static int w_med_media(sip_msg_t *msg, char *a, char *b)
{
	(void)a, (void)b;
	return ki_med_media(msg);
}

static int w_med_failover(sip_msg_t *msg, char *a, char *b)
{
	(void)a, (void)b;
	return ki_med_failover(msg);
}

static int w_med_reply(sip_msg_t *msg, char *a, char *b)
{
	(void)a, (void)b;
	return ki_med_reply(msg);
}

static int w_med_relay(sip_msg_t *msg, char *name, char *b)
{
	const med_routes_t *routes = (const med_routes_t *)name;

	(void)b;
	return med_relay_loop(msg, routes->branch, routes->reply, routes->failure);
}

static int w_med_metrics(sip_msg_t *msg, char *range, char *b)
{
	str numbers = STR_NULL;

	(void)b;
	if(range == NULL)
		return ki_med_metrics(msg);
	if(fixup_get_svalue(msg, (gparam_t *)range, &numbers) < 0)
		return MED_INTERNAL;
	return ki_med_metrics_of(msg, &numbers);
}

static int med_fixup_routes(void **param, int number)
{
	char *name = *param;
	med_routes_t *routes;

	(void)number;
	routes = pkg_malloc(sizeof *routes);
	if(routes == NULL) {
		PKG_MEM_ERROR;
		return E_OUT_OF_MEM;
	}
	routes->branch = route_get(&branch_rt, name);
	routes->reply = route_get(&onreply_rt, name);
	routes->failure = route_get(&failure_rt, name);
	if(routes->branch < 0 || routes->reply < 0 || routes->failure < 0) {
		LM_ERR("med_relay(\"%s\"): no memory for its routes\n", name);
		pkg_free(routes);
		return E_UNSPEC;
	}
	*param = routes;
	return 0;
}

/* clang-format off */
#define MED_START (REQUEST_ROUTE)
#define MED_CHOOSE (REQUEST_ROUTE | FAILURE_ROUTE)
#define MED_HTTP (REQUEST_ROUTE | EVENT_ROUTE)
#define MED_MESSAGE (REQUEST_ROUTE | BRANCH_ROUTE | ONREPLY_ROUTE | FAILURE_ROUTE)

cmd_export_t med_script_cmds[] = {
	{"med_from_trunk", w_med_from_trunk, 0, 0, 0, MED_START},
	{"med_heard", w_med_heard, 0, 0, 0, MED_START},
	{"med_normalize", w_med_normalize, 0, 0, 0, MED_START},
	{"med_normalize", w_med_normalize, 1, fixup_spve_null, fixup_free_spve_null, MED_START},
	{"med_authorize", w_med_authorize, 0, 0, 0, MED_START},
	{"med_authorize", w_med_authorize, 1, fixup_spve_null, fixup_free_spve_null, MED_START},
	{"med_authorize", w_med_authorize, 2, fixup_spve_spve, fixup_free_spve_spve, MED_START},
	{"med_route", w_med_route, 0, 0, 0, MED_START},
	{"med_to_user", w_med_to_user, 0, 0, 0, MED_START},
	{"med_to_user", w_med_to_user, 1, fixup_spve_null, fixup_free_spve_null, MED_START},
	{"med_next", w_med_next, 0, 0, 0, MED_CHOOSE},
	{"med_branch", w_med_branch, 0, 0, 0, BRANCH_ROUTE},
	{"med_media", w_med_media, 0, 0, 0, MED_MESSAGE},
	{"med_failover", w_med_failover, 0, 0, 0, FAILURE_ROUTE},
	{"med_reply", w_med_reply, 0, 0, 0, MED_CHOOSE},
	{"med_relay", w_med_relay, 1, med_fixup_routes, 0, MED_CHOOSE},
	{"med_metrics", w_med_metrics, 0, 0, 0, MED_HTTP},
	{"med_metrics", w_med_metrics, 1, fixup_spve_null, fixup_free_spve_null, MED_HTTP},
	{0, 0, 0, 0, 0, 0}
};

#define MED_KEMI(name, function, ...) \
	{ str_init("mediation"), str_init(name), SR_KEMIP_INT, function, { __VA_ARGS__ } }

sr_kemi_t med_script_kemi[] = {
	MED_KEMI("med_from_trunk", ki_med_from_trunk, SR_KEMIP_NONE),
	MED_KEMI("med_heard", ki_med_heard, SR_KEMIP_NONE),
	MED_KEMI("med_normalize", ki_med_normalize, SR_KEMIP_NONE),
	MED_KEMI("med_normalize_by", ki_med_normalize_by, SR_KEMIP_STR),
	MED_KEMI("med_authorize", ki_med_authorize, SR_KEMIP_NONE),
	MED_KEMI("med_authorize_policy", ki_med_authorize_policy, SR_KEMIP_STR),
	MED_KEMI("med_authorize_as", ki_med_authorize_as, SR_KEMIP_STR, SR_KEMIP_STR),
	MED_KEMI("med_route", ki_med_route, SR_KEMIP_NONE),
	MED_KEMI("med_to_user", ki_med_to_user, SR_KEMIP_NONE),
	MED_KEMI("med_to_user_as", ki_med_to_user_as, SR_KEMIP_STR),
	MED_KEMI("med_next", ki_med_next, SR_KEMIP_NONE),
	MED_KEMI("med_branch", ki_med_branch, SR_KEMIP_NONE),
	MED_KEMI("med_media", ki_med_media, SR_KEMIP_NONE),
	MED_KEMI("med_failover", ki_med_failover, SR_KEMIP_NONE),
	MED_KEMI("med_reply", ki_med_reply, SR_KEMIP_NONE),
	MED_KEMI("med_relay", ki_med_relay, SR_KEMIP_STR),
	MED_KEMI("med_metrics", ki_med_metrics, SR_KEMIP_NONE),
	MED_KEMI("med_metrics_of", ki_med_metrics_of, SR_KEMIP_STR),
	{ {0, 0}, {0, 0}, 0, NULL, { 0 } }
};
/* clang-format on */
