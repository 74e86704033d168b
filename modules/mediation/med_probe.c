/**
 * med_probe.c - see med_probe.h
 *
 * Each probe has a number of its own, which is in the trunk's state while it is out. Who
 * takes it away tells what became of it: the process that got the answer, or the prober
 * when the trunk's own time is over; tm's timer is the same for all and comes too late.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/action.h"
#include "core/cfg/cfg_struct.h"
#include "core/fmsg.h"
#include "core/pt.h"
#include "core/receive.h"
#include "core/route.h"
#include "core/socket_info.h"

#include "medcore/targets.h"

#include "med_branch.h"
#include "med_health.h"
#include "med_identify.h"
#include "med_probe.h"
#include "med_refuse.h"
#include "med_shm.h"
#include "med_stats.h"

#define MED_TICK_MIN_MS 50
#define MED_TICK_MAX_MS 500   /* until changes are told, a new configuration is seen */
#define MED_PROBES_A_TICK 200 /* a burst is not to fill our own receive buffers */
#define MED_NEVER INT64_MAX
#define MED_WORD_MS 3000       /* an answer at another node is known here by then */
#define MED_LOOK_AGAIN_MS 2000 /* whether that still spares us a probe */
#define MED_NUMBER_BITS 24 /* of a trunk in a callback's parameter; MED_TRUNK_NUMBERS */

/** The prober's own. */
static struct {
	int64_t *due;          /**< by trunk number */
	uint8_t *place;        /**< of a gateway named in DNS, the one asked; by number */
	uint32_t numbers, end; /**< room in due; numbers above any seen so far */
	uint64_t revision;     /**< that due was made for */
	uint32_t probe;        /**< number of the last one */
	uint32_t told;         /**< changes read so far */
} own;

static int med_route_up = -1, med_route_down = -1;

int med_probe_init(void)
{
	med_route_up = route_lookup(&event_rt, "mediation:trunk-up");
	med_route_down = route_lookup(&event_rt, "mediation:trunk-down");
	register_procs(1);
	cfg_register_child(1);
	return 0;
}

/* ---- what became of one ---------------------------------------------------------------
 */

/** Only one process learns that this probe was out. */
static bool med_probe_taken(med_trunk_state_t *state, uint32_t probe)
{
	return __atomic_compare_exchange_n(
			&state->probe, &probe, 0, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

/** Does this answer say that it is there? By TLS only the gateway itself can say so. */
static bool med_probe_good(const med_trunk_t *trunk, const struct tmcb_params *ps)
{
	const med_profile_t *profile = trunk->profile;
	med_ip_t ip;

	for(size_t i = 0; i < profile->options_failure_code_count; i++)
		if(profile->options_failure_codes[i] == ps->code)
			return false;
	if(trunk->transport != MED_TLS)
		return true;
	med_ip_of(&ps->rpl->rcv.src_ip, &ip);
	return med_connection_is(&ip, ps->rpl->rcv.src_port, trunk->gateway)
			!= MED_CONNECTION_NO;
}

static void med_probe_done(struct cell *t, int type, struct tmcb_params *ps)
{
	uint64_t param = (uint64_t)(uintptr_t)*ps->param;
	uint32_t number = (uint32_t)(param & ((1u << MED_NUMBER_BITS) - 1));
	med_trunk_state_t *state = med_shm_trunk_state(number);
	bool answered = ps->rpl != NULL && ps->rpl != FAKED_REPLY;
	med_evidence_t evidence = {
			.kind = MED_PROBE_MISSED, .code = (uint16_t)ps->code, .answered = answered};
	const med_trunk_t *trunk;
	int64_t now = med_now_ms();

	(void)t, (void)type;
	MED_SNAPSHOT(snapshot);
	trunk = snapshot != NULL ? med_snapshot_trunk_by_number(snapshot, number) : NULL;
	if(state == NULL || trunk == NULL
			|| !med_probe_taken(state, (uint32_t)(param >> MED_NUMBER_BITS)))
		return; /* it came too late, or nobody is left to be told */
	if(answered && med_probe_good(trunk, ps)) {
		evidence.kind = MED_PROBE_ANSWERED;
		__atomic_store_n(&state->health.rtt_ms,
				(uint32_t)(now
						- __atomic_load_n(&state->health.sent_ms, __ATOMIC_RELAXED)),
				__ATOMIC_RELAXED);
	} else {
		med_stats_inc(MED_STAT_PROBES_MISSED);
	}
	med_health_told(trunk, &evidence);
}

/** Its time is over, or it could not be sent. */
static void med_probe_missed(const med_trunk_t *trunk, unsigned code)
{
	med_stats_inc(MED_STAT_PROBES_MISSED);
	med_health_told(
			trunk, &(med_evidence_t){.kind = MED_PROBE_MISSED, .code = (uint16_t)code});
}

/* ---- sent -----------------------------------------------------------------------------
 */

/** Who asks: the pool's name, or what From is to show; else our address. */
static med_str_t med_probe_host(
		const med_trunk_t *trunk, const struct socket_info *socket)
{
	if(trunk->profile->from_host == MED_HOST_DOMAIN && trunk->profile->domain.len > 0)
		return trunk->profile->domain;
	if(trunk->profile->from_host != MED_HOST_IP && trunk->pool_fqdn.len > 0)
		return trunk->pool_fqdn;
	return med_from_str(
			socket->useinfo.name.len > 0 ? socket->useinfo.name : socket->address_str);
}

/**
 * Which place of a gateway that is named in DNS is asked: the same as long as it answers,
 * else the next one, so that a trunk is down when none does. Never by name: the prober
 * must not wait for DNS. @return bytes of @p uri; 0: there is none
 */
static size_t med_probe_place(const med_trunk_t *trunk, const struct socket_info *socket,
		char *uri, size_t size)
{
	const med_gateway_t *gateway = trunk->gateway;
	bool ipv4 = socket->address.af == AF_INET;
	const med_target_t *fit[MED_TARGETS_MAX], *target;
	unsigned count = 0;

	for(unsigned i = 0; i < gateway->target_count; i++)
		if((gateway->targets[i].transports >> trunk->transport & 1) != 0
				&& med_ip_is_v4(&gateway->targets[i].ip) == ipv4)
			fit[count++] = &gateway->targets[i];
	if(count == 0)
		return 0;
	target = fit[own.place[trunk->number] % count];
	return med_target_uri(&target->ip, med_target_port(target, trunk->port),
			(enum med_transport)trunk->transport, uri, size);
}

/** The methods of its profile, as Allow has them. */
static void med_probe_allow(const med_profile_t *profile, char *out, size_t size)
{
	size_t len = 0;

	for(unsigned i = 0; i < MED_ALLOW_METHODS; i++)
		if(profile->options_allow >> i & 1)
			len += (size_t)snprintf(out + len, size - len, "%s%s", len > 0 ? ", " : "",
					med_allow_methods[i]);
}

static bool med_probe_send(
		const med_trunk_t *trunk, med_trunk_state_t *state, struct socket_info *socket)
{
	const med_profile_t *profile = trunk->profile;
	med_str_t host = med_probe_host(trunk, socket), user = profile->options_user;
	med_str_t contact = trunk->pool_fqdn.len > 0 ? trunk->pool_fqdn : host;
	char from[384], headers[768], place[80], allow[128];
	const char *at = user.len > 0 ? "@" : "";
	bool v6 = memchr(host.s, ':', host.len) != NULL && host.s[0] != '[';
	str from_uri = {from, 0}, more = {headers, 0}, to = med_to_str(trunk->destination);
	str hop = {place, 0}, method;
	uintptr_t param = (uintptr_t)own.probe << MED_NUMBER_BITS | trunk->number;
	med_str_t where = trunk->destination;
	uac_req_t request;
	int rc;

	method.s = (char *)med_options_methods[profile->options_method];
	method.len = (int)strlen(method.s);
	from_uri.len = snprintf(from, sizeof from, "sip:%.*s%s%s%.*s%s", MED_STR_FMT(user),
			at, v6 ? "[" : "", MED_STR_FMT(host), v6 ? "]" : "");
	v6 = memchr(contact.s, ':', contact.len) != NULL && contact.s[0] != '[';
	med_probe_allow(profile, allow, sizeof allow);
	more.len = snprintf(headers, sizeof headers,
			"Contact: <sip:%.*s%s%s%.*s%s:%u;transport=%s>\r\n"
			"Accept: application/sdp\r\n"
			"Allow: %s\r\n",
			MED_STR_FMT(user), at, v6 ? "[" : "", MED_STR_FMT(contact), v6 ? "]" : "",
			(unsigned)socket->port_no,
			med_transport_name((enum med_transport)trunk->transport), allow);
	if((size_t)from_uri.len >= sizeof from || (size_t)more.len >= sizeof headers)
		return false;
	if(trunk->gateway->named) {
		hop.len = (int)med_probe_place(trunk, socket, place, sizeof place);
		if(hop.len == 0)
			return false;
		where = med_from_str(hop);
	}
	__atomic_store_n(&state->health.place, (uint32_t)med_hash(where.s, where.len),
			__ATOMIC_RELAXED);
	set_uac_req(&request, &method, &more, NULL, NULL, TMCB_LOCAL_COMPLETED,
			med_probe_done, (void *)param);
	request.ssock = &socket->sock_str;
	med_tls_hello(trunk);
	/* a peer that takes no connection is told once, and by us: not four lines each time
	 */
	set_local_debug_level(L_CRIT);
	rc = med_tm.t_request(&request, &to, &to, &from_uri, hop.len > 0 ? &hop : NULL);
	reset_local_debug_level();
	return rc >= 0;
}

/** A socket of loopback sends nowhere else: that is ours to mend, not the trunk's. */
static bool med_probe_reaches(const struct socket_info *socket, const med_trunk_t *trunk)
{
	static const uint8_t v4[13] = {[10] = 0xff, [11] = 0xff, [12] = 127};

	if(socket->address.af != AF_INET || socket->address.u.addr[0] != 127)
		return true;
	return trunk->gateway->target_count > 0
			&& memcmp(trunk->gateway->targets[0].ip.bytes, v4, sizeof v4) == 0;
}

static void med_probe_one(const med_trunk_t *trunk, med_trunk_state_t *state,
		struct socket_info *socket, int64_t now)
{
	own.probe = own.probe + 1 == 0 ? 1 : own.probe + 1;
	if(__atomic_load_n(&state->health.misses, __ATOMIC_RELAXED) > 0)
		own.place[trunk->number]++;
	__atomic_store_n(&state->health.sent_ms, now, __ATOMIC_RELAXED);
	__atomic_store_n(&state->probe, own.probe, __ATOMIC_RELAXED);
	med_stats_inc(MED_STAT_PROBES);
	if(!med_probe_send(trunk, state, socket) && med_probe_taken(state, own.probe))
		med_probe_missed(trunk, 503);
}

/* ---- when -----------------------------------------------------------------------------
 */

/** Is it asked at all? What takes no calls is left in peace. */
static bool med_probe_wanted(const med_trunk_t *trunk)
{
	return (trunk->takes_calls || (trunk->draining && trunk->gateway->routable))
			&& !trunk->unresolved && trunk->profile->health.probed;
}

/** Trunks came, went, or are to be asked at other times. */
static void med_probe_plan(const med_snapshot_t *snapshot, int64_t now)
{
	const med_trunk_t *trunk;
	uint32_t at = 0;

	for(uint32_t number = 0; number < own.end; number++) {
		trunk = med_snapshot_trunk_by_number(snapshot, number);
		if(trunk == NULL)
			med_health_gone(number);
		if(trunk == NULL || !med_probe_wanted(trunk))
			own.due[number] = MED_NEVER;
	}
	while((trunk = med_snapshot_next_trunk(snapshot, &at)) != NULL) {
		int64_t interval = trunk->profile->options_interval_ms, *due;

		if(trunk->number >= own.numbers)
			continue;
		due = &own.due[trunk->number];
		if(trunk->number >= own.end)
			own.end = trunk->number + 1;
		if(!med_probe_wanted(trunk))
			continue;
		/* new ones at moments of their own, or all would be asked at once for ever */
		if(*due == MED_NEVER)
			*due = now
					+ (int64_t)(med_hash(trunk->id.s, trunk->id.len)
							% (uint64_t)interval);
		else if(*due > now + interval)
			*due = now + interval;
	}
	own.revision = med_snapshot_revision(snapshot);
}

/**
 * One trunk: its probe may be over, or the next one due. @return it was sent to
 */
static bool med_probe_look(const med_snapshot_t *snapshot, uint32_t number, int64_t now)
{
	const med_trunk_t *trunk = med_snapshot_trunk_by_number(snapshot, number);
	med_trunk_state_t *state = med_shm_trunk_state(number);
	uint32_t out = __atomic_load_n(&state->probe, __ATOMIC_RELAXED);
	int64_t sent = __atomic_load_n(&state->health.sent_ms, __ATOMIC_RELAXED), next;
	struct socket_info *socket;
	const med_profile_t *profile;

	if(trunk == NULL || !med_probe_wanted(trunk))
		return false;
	profile = trunk->profile;
	if(out != 0 && now < sent + profile->options_timeout_ms) {
		own.due[number] = sent + profile->options_timeout_ms;
		return false;
	}
	if(out != 0 && med_probe_taken(state, out))
		med_probe_missed(trunk, 408);
	next = sent == 0 ? now
					 : med_health_next_probe(&state->health, profile->options_interval_ms,
							 profile->options_down_interval_ms,
							 profile->options_timeout_ms + MED_WORD_MS);
	socket = next > now ? NULL : med_trunk_socket(trunk);
	if(socket == NULL || !med_probe_reaches(socket, trunk)) { /* not yet; or it cannot */
		own.due[number] = next > now ? next : now + profile->options_interval_ms;
		/* another node's word spares the question, unless a call fails here meanwhile */
		if(own.due[number] > now + MED_LOOK_AGAIN_MS
				&& __atomic_load_n(&state->health.vouched_ms, __ATOMIC_RELAXED) > sent)
			own.due[number] = now + MED_LOOK_AGAIN_MS;
		return false;
	}
	med_probe_one(trunk, state, socket, now);
	own.due[number] = now
			+ (profile->options_timeout_ms < profile->options_interval_ms
							? profile->options_timeout_ms
							: profile->options_interval_ms);
	return true;
}

/**
 * Trunks that are not up: time passes for them, and one that calls is asked at once, or
 * that another node sees otherwise.
 */
static void med_probe_mend(const med_snapshot_t *snapshot, int64_t now)
{
	static const med_evidence_t time_passed = {.kind = MED_TIME};

	for(uint32_t number = 0; number < own.end; number++) {
		med_trunk_state_t *state = med_shm_trunk_state(number);
		bool up =
				__atomic_load_n(&state->health.state, __ATOMIC_RELAXED) == MED_HEALTH_UP;
		int64_t hint = __atomic_load_n(&state->health.hint_ms, __ATOMIC_RELAXED);
		int64_t news = __atomic_load_n(&state->health.heard_ms, __ATOMIC_RELAXED);
		const med_trunk_t *trunk;

		if(up && hint == 0)
			continue;
		trunk = med_snapshot_trunk_by_number(snapshot, number);
		if(trunk == NULL)
			continue;
		if(!up)
			med_health_told(trunk, &time_passed);
		if(up || hint > news)
			news = hint;
		if(own.due[number] != MED_NEVER
				&& news > __atomic_load_n(&state->health.sent_ms, __ATOMIC_RELAXED))
			own.due[number] = now;
	}
}

/* ---- told -----------------------------------------------------------------------------
 */

/** event_route[mediation:trunk-up] and trunk-down, with the trunk as the caller's. */
static void med_probe_event(
		const med_snapshot_t *snapshot, const med_health_entry_t *e, const char *text)
{
	int route = e->change.to == MED_HEALTH_UP ? med_route_up : med_route_down;
	const med_trunk_t *trunk = med_snapshot_trunk_by_number(snapshot, e->number);
	run_act_ctx_t ctx;
	sip_msg_t *msg;
	med_call_t *call;
	int type;

	if(route < 0 || event_rt.rlist[route] == NULL || trunk == NULL
			|| faked_msg_init() < 0)
		return;
	msg = faked_msg_next();
	call = med_call_draft(msg);
	med_side_set(&call->in, trunk);
	med_reason(msg, e->change.code, 0, "%s", text);
	type = get_route_type();
	set_route_type(EVENT_ROUTE);
	init_run_actions_ctx(&ctx);
	run_top_route(event_rt.rlist[route], msg, &ctx);
	set_route_type(type);
	ksr_msg_env_reset();
}

static void med_probe_tell(const med_snapshot_t *snapshot)
{
	med_health_entry_t e;
	char text[96];

	while(med_health_next(&own.told, &e)) {
		enum med_health_state to = (enum med_health_state)e.change.to;

		if(to == MED_HEALTH_DOWN && e.change.from == MED_HEALTH_TRIAL)
			continue; /* down as before */
		med_health_text(&e.change, text, sizeof text);
		if(to == MED_HEALTH_UP)
			LM_NOTICE("trunk '%.*s' is up: %s\n", e.id_len, e.id, text);
		else
			LM_WARN("trunk '%.*s' is %s: %s\n", e.id_len, e.id, med_health_name(to),
					text);
		if(to == MED_HEALTH_DOWN
				|| (to == MED_HEALTH_UP && e.change.from != MED_HEALTH_SUSPECT))
			med_probe_event(snapshot, &e, text);
	}
}

/* ---- the process ----------------------------------------------------------------------
 */

/** @return when there is something to do again */
static int64_t med_probe_tick(int64_t now)
{
	int64_t next = now + MED_TICK_MAX_MS;
	unsigned sent = 0;

	MED_SNAPSHOT(snapshot);
	if(snapshot == NULL)
		return next;
	if(med_snapshot_revision(snapshot) != own.revision)
		med_probe_plan(snapshot, now);
	if(med_health_any())
		med_probe_mend(snapshot, now);
	for(uint32_t number = 0; number < own.end; number++) {
		if(own.due[number] <= now && sent < MED_PROBES_A_TICK
				&& med_probe_look(snapshot, number, now))
			sent++;
		if(own.due[number] < next)
			next = own.due[number];
	}
	med_probe_tell(snapshot);
	return next;
}

static void med_probe_run(void)
{
	for(;;) {
		int64_t now = med_now_ms(), wait;
		struct timespec pause;

		cfg_update();
		wait = med_probe_tick(now) - now;
		if(wait < MED_TICK_MIN_MS)
			wait = MED_TICK_MIN_MS;
		pause = (struct timespec){wait / 1000, wait % 1000 * 1000000l};
		(void)nanosleep(&pause, NULL);
	}
}

int med_probe_fork(int rank)
{
	int pid;

	if(rank != PROC_MAIN)
		return 0;
	pid = fork_process(PROC_RPC, "mediation prober", 1);
	if(pid < 0) {
		LM_ERR("cannot fork the prober\n");
		return -1;
	}
	if(pid > 0)
		return 0;
	own.numbers = med_shm_trunk_states();
	own.due = malloc(own.numbers * sizeof *own.due);
	own.place = calloc(own.numbers, sizeof *own.place);
	if(cfg_child_init() || own.due == NULL || own.place == NULL)
		exit(-1); /* Kamailio ends when one of its processes does */
	for(uint32_t number = 0; number < own.numbers; number++)
		own.due[number] = MED_NEVER;
	med_probe_run();
	return 0;
}
