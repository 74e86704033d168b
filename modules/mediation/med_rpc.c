/**
 * med_rpc.c - mediation.status, .trunks, .reload and .explain
 *
 * `ctl` answers at most 32 kB, and 8 kB in one structure: lists are given in pages, each
 * item a structure of its own. What is wrong with a request is a fault, never a text in
 * a success.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_rpc.h"

#include "med_compat.h"
#include "med_explain.h"
#include "med_policy_listener.h"
#include "med_shm.h"
#include "med_status.h"
#include "med_sync.h"
#include "medcore/card.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define FAULTS_SHOWN 30 /* of each severity, 350 bytes each */
#define TRUNKS_DEFAULT 20
#define TRUNKS_MAX 40

/* Kamailio's RPC takes formats as char *, and strings to be copied as char * too. */
#define FMT(literal) (char *)(uintptr_t)(literal)

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

	if(rpc->struct_add(top, FMT("{"), "objects", &counts) < 0)
		return -1;
	for(int k = 0; k < MED_KIND_COUNT; k++)
		if(rpc->struct_add(
				   counts, FMT("u"), med_kind_name((enum med_kind)k), status->objects[k])
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
	if(rpc->struct_add(top, FMT("{"), "held", &item) < 0
			|| rpc->struct_add(item, FMT("ssu{"), "since",
					   time_text(held->since, since, sizeof since), "text", held->text,
					   "total", held->total, "objects", &counts)
					< 0)
		return -1;
	for(int k = 0; k < MED_KIND_COUNT; k++)
		if(held->count[k]
				&& rpc->struct_add(counts, FMT("u"), med_kind_name((enum med_kind)k),
						   held->count[k])
						< 0)
			return -1;
	if(rpc->struct_add(item, FMT("["), "some", &some) < 0)
		return -1;
	for(unsigned i = 0; i < held->shown; i++)
		if(rpc->array_add(some, FMT("s"), held->object[i]) < 0)
			return -1;
	return 0;
}

/** Where what is in force came from, how it is kept, who is waited for. */
static int add_source(rpc_t *rpc, void *top, const med_status_t *status)
{
	char disk[32], since[32];
	long long age = (long long)time(NULL) - status->disk_at;

	if(rpc->struct_add(top, FMT("ss"), "source", med_status_source_name(status->source),
			   "disk_at", time_text(status->disk_at, disk, sizeof disk))
			< 0)
		return -1;
	if(status->source == MED_ORIGIN_DISK
			&& rpc->struct_add(top, FMT("J"), "disk_age_s",
					   (unsigned long long)(age > 0 ? age : 0))
					< 0)
		return -1;
	if(rpc->struct_add(top, FMT("sJJss"), "disk_text", status->disk_text, "read_done",
			   (unsigned long long)status->read_done, "read_known",
			   (unsigned long long)status->read_known, "unfit", status->unfit, "applying",
			   status->applying)
			< 0)
		return -1;
	if(status->applying[0]
			&& rpc->struct_add(top, FMT("s"), "applying_since",
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
	if(rpc->struct_add(top, FMT("u["), total, faults->total, name, &list) < 0)
		return -1;
	for(unsigned i = 0; i < faults->count && i < FAULTS_SHOWN; i++)
		if(rpc->array_add(list, FMT("{"), &item) < 0
				|| rpc->struct_add(item, FMT("ss"), "object", faults->item[i].object,
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
	if(rpc->struct_add(top, FMT("ss["), "policy_listener",
			   med_policy_listener_present() ? "yes" : "no", "policy_listener_text",
			   reason, "policy_listeners", &list)
			< 0)
		return -1;
	for(unsigned i = 0; med_policy_listener_view(i, &view); i++)
		if(rpc->array_add(list, FMT("{"), &item) < 0
				|| rpc->struct_add(item, FMT("ssssss"), "sock", view.sock, "state",
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
		rpc->fault(ctx, 500, FMT("out of memory"));
		return;
	}
	rc = rpc->add(ctx, FMT("{"), &top);
	if(rc >= 0)
		rc = rpc->struct_add(top, FMT("sJssssus"), "node", med_sync_node(), "revision",
				status->revision, "applied_at",
				time_text(status->applied_at, applied, sizeof applied), "store",
				med_status_store_name(status->store), "store_since",
				time_text(status->store_since, since, sizeof since), "store_text",
				status->store_text, "snapshots", status->snapshots, "build_error",
				status->build_error);
	if(rc < 0 || add_source(rpc, top, status) < 0 || add_counts(rpc, top, status) < 0
			|| add_listeners(rpc, top) < 0
			|| add_faults(rpc, top, status, MED_REFUSED) < 0
			|| add_faults(rpc, top, status, MED_WARNED) < 0)
		rpc->fault(ctx, 500, FMT("the answer does not fit"));
	pkg_free(status);
}

/* ---- mediation.trunks ---- */

static const char *transport_name(uint8_t transport)
{
	return transport == MED_TLS ? "tls" : transport == MED_TCP ? "tcp" : "udp";
}

/** Usages with commas, cut where @p size ends. */
static const char *usages_text(const med_profile_t *profile, char *text, size_t size)
{
	size_t len = 0;

	text[0] = '\0';
	for(size_t i = 0; i < profile->usage_count && len < size; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%.*s", i ? "," : "",
				MED_STR_FMT(profile->usages[i]));
	return text;
}

static int add_trunk(rpc_t *rpc, void *item, const med_trunk_t *trunk)
{
	str id = med_to_str(trunk->id), gateway = med_to_str(trunk->gateway->id),
		address = med_to_str(trunk->gateway->address),
		profile = med_to_str(trunk->profile->id);
	med_trunk_state_t *state = med_shm_trunk_state(trunk->number);
	char usages[300];
	int rc;

	rc = rpc->struct_add(item, FMT("SSSsuusssSss"), "id", &id, "gateway", &gateway,
			"address", &address, "transport", transport_name(trunk->transport), "port",
			(unsigned)trunk->port, "local_port", (unsigned)trunk->local_port, "enabled",
			trunk->enabled ? "yes" : "no", "srtp_configured",
			med_srtp_mode_name((enum med_srtp_mode)trunk->profile->srtp_mode), "srtp",
			med_srtp_mode_name((enum med_srtp_mode)trunk->leg.srtp), "profile", &profile,
			"usages", usages_text(trunk->profile, usages, sizeof usages), "anchored",
			trunk->leg.anchored ? "yes" : "no");
	if(rc < 0 || !state)
		return rc;
	return rpc->struct_add(item, FMT("uuuu"), "calls_in",
			__atomic_load_n(&state->calls_in, __ATOMIC_RELAXED), "calls_out",
			__atomic_load_n(&state->calls_out, __ATOMIC_RELAXED), "attempts",
			__atomic_load_n(&state->attempts, __ATOMIC_RELAXED), "failures",
			__atomic_load_n(&state->failures, __ATOMIC_RELAXED));
}

/** Not there, or there and refused: then why. */
static void fault_trunk(rpc_t *rpc, void *ctx, const str *id)
{
	med_status_t *status = med_status_get();
	const med_status_faults_t *refused = status ? &status->faults[MED_REFUSED] : NULL;
	char object[96];
	unsigned i = 0;

	snprintf(object, sizeof object, "trunk:%.*s", id->len, id->s);
	while(refused && i < refused->count && strcmp(refused->item[i].object, object) != 0)
		i++;
	if(refused && i < refused->count)
		rpc->fault(ctx, 404, FMT("not in force: %s"), refused->item[i].text);
	else
		rpc->fault(ctx, 404, FMT("no trunk '%.*s' is in force"), id->len, id->s);
	if(status)
		pkg_free(status);
}

static void one_trunk(rpc_t *rpc, void *ctx, const med_snapshot_t *snapshot, str *id)
{
	const med_trunk_t *trunk = med_snapshot_trunk(snapshot, med_from_str(*id));
	void *item;

	if(!trunk)
		fault_trunk(rpc, ctx, id);
	else if(rpc->add(ctx, FMT("{"), &item) < 0 || add_trunk(rpc, item, trunk) < 0)
		rpc->fault(ctx, 500, FMT("the answer does not fit"));
}

static void many_trunks(
		rpc_t *rpc, void *ctx, const med_snapshot_t *snapshot, int offset, int limit)
{
	size_t total = med_snapshot_count(snapshot, MED_KIND_TRUNK);
	const med_trunk_t *trunk;
	const med_card_t *card;
	void *top, *list, *item;

	if(rpc->add(ctx, FMT("{"), &top) < 0
			|| rpc->struct_add(top, FMT("udd["), "total", (unsigned)total, "offset",
					   offset, "limit", limit, "trunks", &list)
					< 0)
		goto full;
	for(int i = 0; i < limit; i++) {
		card = med_snapshot_card_at(
				snapshot, MED_KIND_TRUNK, (size_t)offset + (size_t)i);
		trunk = card ? med_snapshot_trunk(snapshot, med_card_id(card)) : NULL;
		if(!trunk)
			return;
		if(rpc->array_add(list, FMT("{"), &item) < 0 || add_trunk(rpc, item, trunk) < 0)
			goto full;
	}
	return;
full:
	rpc->fault(ctx, 500, FMT("the answer does not fit: ask for fewer with a limit"));
}

static const char *trunks_doc[] = {
		"Trunks as in force, with defaults filled in: [id], or [offset limit] for a page "
		"(default 0 20, at most 40)",
		NULL};

/** A word that is a number from 0 to @p max; -1: it is not. */
static int to_number(const str *word, int max)
{
	long value = 0;

	for(int i = 0; i < word->len; i++) {
		if(word->s[i] < '0' || word->s[i] > '9' || value > max)
			return -1;
		value = value * 10 + (word->s[i] - '0');
	}
	return word->len && value <= max ? (int)value : -1;
}

static void rpc_trunks(rpc_t *rpc, void *ctx)
{
	MED_SNAPSHOT(snapshot);
	str first = {0}, second = {0};
	int given = rpc->scan(ctx, FMT("*.S.S"), &first, &second);
	int offset = 0, limit = TRUNKS_DEFAULT;

	if(!snapshot) {
		rpc->fault(ctx, 503, FMT("nothing is loaded yet: see mediation.status"));
		return;
	}
	if(given == 1) {
		one_trunk(rpc, ctx, snapshot, &first);
		return;
	}
	if(given > 1) {
		offset = to_number(&first, INT32_MAX - TRUNKS_MAX);
		limit = to_number(&second, TRUNKS_MAX);
	}
	if(offset < 0 || limit < 1) {
		rpc->fault(ctx, 400,
				FMT("two words are offset and limit, numbers from 0 and from 1 "
					"to %d; one word is a trunk's id"),
				TRUNKS_MAX);
		return;
	}
	many_trunks(rpc, ctx, snapshot, offset, limit);
}

/* ---- mediation.reload, mediation.explain ---- */

static const char *reload_doc[] = {"Have everything read again from Redis", NULL};

static void rpc_reload(rpc_t *rpc, void *ctx)
{
	if(med_sync_reload())
		rpc->fault(ctx, 500, FMT("the Redis process cannot be asked"));
}

static const char *explain_doc[] = {"What would become of a call, step by step: "
									"from-trunk|- policy|- called [calling]",
		NULL};

static med_str_t unless_dash(str word)
{
	med_str_t text = med_from_str(word);

	return med_str_eq(text, MED_STR("-")) ? (med_str_t){0} : text;
}

static void rpc_explain(rpc_t *rpc, void *ctx)
{
	MED_SNAPSHOT(snapshot);
	str trunk = {0}, policy = {0}, called = {0}, calling = {0};

	if(rpc->scan(ctx, FMT("*.S.S.S.S"), &trunk, &policy, &called, &calling) < 3) {
		rpc->fault(ctx, 400,
				FMT("three or four words are needed: the trunk the call comes from or "
					"'-', "
					"a policy or '-' (the trunk's own usages), the number called, and "
					"the "
					"calling number if any"));
		return;
	}
	if(!snapshot) {
		rpc->fault(ctx, 503, FMT("nothing is loaded yet: see mediation.status"));
		return;
	}
	med_explain_rpc(rpc, ctx, snapshot,
			&(med_explain_query_t){.trunk = unless_dash(trunk),
					.policy = unless_dash(policy),
					.called = med_from_str(called),
					.calling = med_from_str(calling)});
}

/* clang-format off */
rpc_export_t med_rpc_cmds[] = {
	{"mediation.status",  rpc_status,  status_doc,  0},
	{"mediation.trunks",  rpc_trunks,  trunks_doc,  0},
	{"mediation.reload",  rpc_reload,  reload_doc,  0},
	{"mediation.explain", rpc_explain, explain_doc, 0},
	{0, 0, 0, 0}
};
/* clang-format on */
