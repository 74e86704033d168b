/**
 * med_rpc.c - the RPC commands; mediation.status, .reload and .explain
 *
 * `ctl` answers at most 32 kB, and 8 kB in one structure: lists are given in pages, each
 * item a structure of its own. What is wrong with a request is a fault, never a text in
 * a success.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_rpc.h"

#include "med_compat.h"
#include "med_drain.h"
#include "med_explain.h"
#include "med_guard.h"
#include "med_health.h"
#include "med_limit.h"
#include "med_metrics.h"
#include "med_params.h"
#include "med_policy_listener.h"
#include "med_rpc_cases.h"
#include "med_rpc_inquiry.h"
#include "med_rpc_list.h"
#include "med_rpc_words.h"
#include "med_shm.h"
#include "med_status.h"
#include "med_sync.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define FAULTS_SHOWN 30 /* of each severity, 350 bytes each */

/** RFC 3339, or "never". */
static const char *time_text(long long when, char *text, size_t size)
{
	time_t t = (time_t)when;
	struct tm tm;

	if(!when || !gmtime_r(&t, &tm) || !strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(text, size, "never");
	return text;
}

/* ---- mediation.status ---- */

static int add_counts(rpc_t *rpc, void *top, const med_status_t *status)
{
	void *counts;

	if(rpc->struct_add(top, MED_FMT("{"), "objects", &counts) < 0)
		return -1;
	for(int k = 0; k < MED_KIND_COUNT; k++)
		if(rpc->struct_add(counts, MED_FMT("u"), med_kind_name((enum med_kind)k),
				   status->objects[k])
				< 0)
			return -1;
	return 0;
}

/** What is held back; nothing when nothing is. */
static int add_held(rpc_t *rpc, void *top, const med_held_t *held)
{
	char since[32];
	void *item, *counts, *some;

	if(!held->since)
		return 0;
	/* `ctl` takes one structure in each call, as the last */
	if(rpc->struct_add(top, MED_FMT("{"), "held", &item) < 0
			|| rpc->struct_add(item, MED_FMT("ssu{"), "since",
					   time_text(held->since, since, sizeof since), "text", held->text,
					   "total", held->total, "objects", &counts)
					< 0)
		return -1;
	for(int k = 0; k < MED_KIND_COUNT; k++)
		if(held->count[k]
				&& rpc->struct_add(counts, MED_FMT("u"), med_kind_name((enum med_kind)k),
						   held->count[k])
						< 0)
			return -1;
	if(rpc->struct_add(item, MED_FMT("["), "some", &some) < 0)
		return -1;
	for(unsigned i = 0; i < held->shown; i++)
		if(rpc->array_add(some, MED_FMT("s"), held->object[i]) < 0)
			return -1;
	return 0;
}

/** Where what is in force came from, how it is kept, who is waited for. */
static int add_source(rpc_t *rpc, void *top, const med_status_t *status)
{
	char disk[32], since[32];
	long long age = (long long)time(NULL) - status->disk_at;

	if(rpc->struct_add(top, MED_FMT("ss"), "source",
			   med_status_source_name(status->source), "disk_at",
			   time_text(status->disk_at, disk, sizeof disk))
			< 0)
		return -1;
	if(status->source == MED_ORIGIN_DISK
			&& rpc->struct_add(top, MED_FMT("J"), "disk_age_s",
					   (unsigned long long)(age > 0 ? age : 0))
					< 0)
		return -1;
	if(rpc->struct_add(top, MED_FMT("sJJss"), "disk_text", status->disk_text, "read_done",
			   (unsigned long long)status->read_done, "read_known",
			   (unsigned long long)status->read_known, "unfit", status->unfit, "applying",
			   status->applying)
			< 0)
		return -1;
	if(status->applying[0]
			&& rpc->struct_add(top, MED_FMT("s"), "applying_since",
					   time_text(status->applying_since, since, sizeof since))
					< 0)
		return -1;
	return add_held(rpc, top, &status->held);
}

/* refused_total and refused, warned_total and warned */
static int add_faults(
		rpc_t *rpc, void *top, const med_status_t *status, enum med_severity severity)
{
	const char *name = med_status_severity_name(severity);
	const med_status_faults_t *faults = &status->faults[severity];
	char total[16];
	void *list, *item;

	snprintf(total, sizeof total, "%s_total", name);
	if(rpc->struct_add(top, MED_FMT("u["), total, faults->total, name, &list) < 0)
		return -1;
	for(unsigned i = 0; i < faults->count && i < FAULTS_SHOWN; i++)
		if(rpc->array_add(list, MED_FMT("{"), &item) < 0
				|| rpc->struct_add(item, MED_FMT("ss"), "object", faults->item[i].object,
						   "text", faults->item[i].text)
						< 0)
			return -1;
	return 0;
}

static int add_listeners(rpc_t *rpc, void *top)
{
	med_listener_view_t view;
	char reason[200];
	void *list, *item;

	med_policy_listener_reason(reason, sizeof reason);
	if(rpc->struct_add(top, MED_FMT("ss["), "policy_listener",
			   med_policy_listener_present() ? "yes" : "no", "policy_listener_text",
			   reason, "policy_listeners", &list)
			< 0)
		return -1;
	for(unsigned i = 0; med_policy_listener_view(i, &view); i++)
		if(rpc->array_add(list, MED_FMT("{"), &item) < 0
				|| rpc->struct_add(item, MED_FMT("ssssss"), "sock", view.sock, "state",
						   view.fresh ? "yes" : "no", "version", view.version, "host",
						   view.host, "nodes", view.nodes, "text", view.text)
						< 0)
			return -1;
	return 0;
}

static const char *status_doc[] = {"State of this node: revision in force, connection to "
								   "Redis, objects, those refused "
								   "and warned of with the reason, policy listeners",
		NULL};

static void rpc_status(rpc_t *rpc, void *ctx)
{
	med_status_t *status = med_status_get();
	char applied[32], since[32];
	void *top;
	int rc;

	if(!status) {
		rpc->fault(ctx, 500, MED_FMT("out of memory"));
		return;
	}
	rc = rpc->add(ctx, MED_FMT("{"), &top);
	if(rc >= 0)
		rc = rpc->struct_add(top, MED_FMT("sJssssuusuus"), "node", med_sync_node(),
				"revision", status->revision, "applied_at",
				time_text(status->applied_at, applied, sizeof applied), "store",
				med_status_store_name(status->store), "store_since",
				time_text(status->store_since, since, sizeof since), "store_text",
				status->store_text, "names", status->names, "names_troubled",
				status->names_troubled, "limits_sharing",
				med_status_limits_name(status->limits_state), "limits_nodes",
				status->limits_nodes, "snapshots", status->snapshots, "build_error",
				status->build_error);
	if(rc >= 0)
		rc = rpc->struct_add(top, MED_FMT("suus"), "draining",
				med_drain_on() ? "yes" : "no", "calls_up", med_limit_counted(),
				"trunks_down_elsewhere", status->down_elsewhere, "prober",
				status->prober);
	if(rc < 0 || add_source(rpc, top, status) < 0 || add_counts(rpc, top, status) < 0
			|| add_listeners(rpc, top) < 0
			|| add_faults(rpc, top, status, MED_REFUSED) < 0
			|| add_faults(rpc, top, status, MED_WARNED) < 0)
		rpc->fault(ctx, 500, MED_FMT("the answer does not fit"));
	pkg_free(status);
}

/* ---- what is in force ---- */

static const char *list_doc[] = {
		"Objects in force, with defaults filled in: [id [field-offset fields]], "
		"[offset limit] or [field=value offset limit] (default 0 20, at most 40; the "
		"value may end in *)",
		NULL};

#define LIST(name, kind)                                                                 \
	static void rpc_##name(rpc_t *rpc, void *ctx)                                        \
	{                                                                                    \
		med_rpc_list(rpc, ctx, kind);                                                    \
	}
LIST(sites, MED_KIND_SITE)
LIST(gateways, MED_KIND_GATEWAY)
LIST(trunks, MED_KIND_TRUNK)
LIST(profiles, MED_KIND_PROFILE)
LIST(rules, MED_KIND_RULES)
LIST(policies, MED_KIND_POLICY)
LIST(routes, MED_KIND_ROUTE)
LIST(pools, MED_KIND_POOL)
LIST(response_rules, MED_KIND_RESPONSE_RULES)
LIST(limits, MED_KIND_LIMITS)
LIST(schedules, MED_KIND_SCHEDULE)
LIST(location_policies, MED_KIND_LOCATION_POLICY)
LIST(guards, MED_KIND_GUARD)
LIST(tests, MED_KIND_TEST)

static const char *guarded_doc[] = {"Calls that guards refused: the last 32 that were "
									"told, one of each source a window",
		NULL};

static const char *drain_doc[] = {"Takes no new calls, until off or a restart, and tells "
								  "how many that limits count "
								  "are up: [on|off]",
		NULL};

static const char *trunk_state_doc[] = {
		"Trunks that are not up; or forces a state, whatever was seen: <trunk> "
		"up|down|auto",
		NULL};

static const char *metrics_doc[] = {
		"What is counted of trunks' calls: [trunk], or [first-number limit]", NULL};

static const char *test_doc[] = {
		"Runs stored routing cases on what is in force: [id], or [offset limit]", NULL};

/* ---- a part of a decision ---- */

#define INQUIRY(name, doc)                                                               \
	static const char *test_##name##_doc[] = {doc, NULL};                                \
	static void rpc_test_##name(rpc_t *rpc, void *ctx)                                   \
	{                                                                                    \
		med_rpc_inquiry(rpc, ctx, #name);                                                \
	}
INQUIRY(trunk, "Numbers as a trunk gets them, and by which rules: trunk called [calling]")
INQUIRY(route, "Does a route's pattern take a number: route number")
INQUIRY(policy, "The first route of a policy for a number: policy number [moment]")
INQUIRY(inter_trunk, "The routes that a trunk's calls find: trunk number [moment]")
INQUIRY(dial_plan, "What rules make of a number as it is dialled: rules number")
INQUIRY(rule, "What one rule alone makes of a number: rules n number")
INQUIRY(user,
		"An own user's call from end to end: policy number [rules|- [calling|- "
		"[moment]]]")
INQUIRY(location_policy, "Is it an emergency number, and who takes it: number [site]")

/* ---- mediation.reload, mediation.explain ---- */

static const char *reload_doc[] = {"Have everything read again from Redis", NULL};

static void rpc_reload(rpc_t *rpc, void *ctx)
{
	if(med_sync_reload())
		rpc->fault(ctx, 500, MED_FMT("the Redis process cannot be asked"));
}

static const char *explain_doc[] = {"What would become of a call, step by step: "
									"from-trunk|- policy|- called [calling|- [moment]]",
		NULL};

static med_str_t unless_dash(med_str_t word)
{
	return med_str_eq(word, MED_STR("-")) ? (med_str_t){0} : word;
}

static void rpc_explain(rpc_t *rpc, void *ctx)
{
	MED_SNAPSHOT(snapshot);
	med_words_t words;

	int64_t now = 0;

	if(!med_words_scan(rpc, ctx, 5, &words))
		return;
	if(words.count > 4 && med_instant_parse(words.word[4], &now) != MED_EOK) {
		rpc->fault(ctx, 400,
				MED_FMT("the fifth word is a moment in UTC, as in 2026-12-24T18:00Z"));
		return;
	}
	if(words.count < 3) {
		rpc->fault(ctx, 400,
				MED_FMT("three or four words are needed: the trunk the call comes from "
						"or "
						"'-', a policy or '-' (the trunk's own usages), the number "
						"called, "
						"and the calling number if any"));
		return;
	}
	if(!snapshot) {
		rpc->fault(ctx, 503, MED_FMT("nothing is loaded yet: see mediation.status"));
		return;
	}
	med_explain_rpc(rpc, ctx, snapshot,
			&(med_explain_query_t){.trunk = unless_dash(words.word[0]),
					.rank = med_health_rank_seen,
					.full = med_limit_full,
					.policy = unless_dash(words.word[1]),
					.pool = med_str(med_param_pool),
					.called = words.word[2],
					.calling =
							words.count > 3 ? unless_dash(words.word[3]) : (med_str_t){0},
					.now = now});
}

/* clang-format off */
rpc_export_t med_rpc_cmds[] = {
	{"mediation.status",         rpc_status,         status_doc, 0},
	{"mediation.reload",         rpc_reload,         reload_doc, 0},
	{"mediation.explain",        rpc_explain,        explain_doc, 0},
	{"mediation.metrics",        med_metrics_rpc,    metrics_doc, 0},
	{"mediation.test",           med_rpc_cases,      test_doc, 0},
	{"mediation.test_trunk",     rpc_test_trunk,     test_trunk_doc, 0},
	{"mediation.test_route",     rpc_test_route,     test_route_doc, 0},
	{"mediation.test_policy",    rpc_test_policy,    test_policy_doc, 0},
	{"mediation.test_inter_trunk", rpc_test_inter_trunk, test_inter_trunk_doc, 0},
	{"mediation.test_dial_plan", rpc_test_dial_plan, test_dial_plan_doc, 0},
	{"mediation.test_rule",      rpc_test_rule,      test_rule_doc, 0},
	{"mediation.test_user",      rpc_test_user,      test_user_doc, 0},
	{"mediation.test_location_policy", rpc_test_location_policy, test_location_policy_doc, 0},
	{"mediation.sites",          rpc_sites,          list_doc, 0},
	{"mediation.gateways",       rpc_gateways,       list_doc, 0},
	{"mediation.trunks",         rpc_trunks,         list_doc, 0},
	{"mediation.profiles",       rpc_profiles,       list_doc, 0},
	{"mediation.rules",          rpc_rules,          list_doc, 0},
	{"mediation.policies",       rpc_policies,       list_doc, 0},
	{"mediation.routes",         rpc_routes,         list_doc, 0},
	{"mediation.pools",          rpc_pools,          list_doc, 0},
	{"mediation.response_rules", rpc_response_rules, list_doc, 0},
	{"mediation.limits",         rpc_limits,         list_doc, 0},
	{"mediation.schedules",      rpc_schedules,      list_doc, 0},
	{"mediation.location_policies", rpc_location_policies, list_doc, 0},
	{"mediation.guards",         rpc_guards,         list_doc, 0},
	{"mediation.guarded",        med_guarded_rpc,    guarded_doc, 0},
	{"mediation.tests",          rpc_tests,          list_doc, 0},
	{"mediation.drain",          med_drain_rpc,      drain_doc, 0},
	{"mediation.trunk_state",    med_health_rpc,     trunk_state_doc, 0},
	{0, 0, 0, 0}
};
/* clang-format on */
