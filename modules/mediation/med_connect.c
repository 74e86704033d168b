/**
 * med_connect.c - see med_connect.h
 *
 * A timer of tm's can be made longer from outside, by writing when it is to end, but not
 * shorter. So it begins with trying_timeout_ms, and as long as the connection is on its
 * way its end is kept that far ahead, up to connect_timeout_ms: when the connection comes
 * up, the end is right. Should this process be held up, tm's timer ends the branch as it
 * would have without it.
 *
 * That the peer refused is told to tm by a reply, the way it is told of all ends; the
 * failure route runs in this process then.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/cfg/cfg_ctx.h"
#include "core/cfg/cfg_struct.h"
#include "core/pt.h"
#include "core/receive.h"
#include "core/timer_ticks.h"

#include "med_connect.h"
#include "med_identify.h"

#define MED_CONNECTING 4096u /* at a time; others have tm's timer alone */
#define MED_TICK_MS 10
#define MED_UNSENT_MS 5000 /* a branch that was made and is not sent by then never is */

enum { MED_FREE, MED_FILLING, MED_WAITING };

/** One branch. */
typedef struct med_connecting {
	uint32_t state; /**< atomic */
	unsigned hash, label;
	int connection; /**< found for it; 0: none yet. The process's own */
	uint32_t trying_ms;
	int64_t began, until; /**< monotonic ms */
	med_ip_t ip;
	uint16_t port;
	uint8_t branch;
} med_connecting_t;

/** Shared. */
static struct {
	uint32_t count, next; /**< atomic */
	med_connecting_t slot[MED_CONNECTING];
} * med_connecting;

static int med_wake = -1;
bool med_connect_ending; /* this process's */

int med_connect_init(void)
{
	med_connecting = shm_mallocxz(sizeof *med_connecting);
	med_wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if(med_connecting == NULL || med_wake < 0) {
		LM_ERR("no memory or no descriptor for calls that wait for a connection\n");
		return -1;
	}
	register_procs(1);
	cfg_register_child(1);
	return 0;
}

void med_connect_destroy(void)
{
	if(med_connecting != NULL)
		shm_free(med_connecting);
	med_connecting = NULL;
}

static int med_core_setting(cfg_ctx_t *ctx, const char *name)
{
	str group = str_init("tcp");
	str variable = {(char *)(uintptr_t)name, (int)strlen(name)};
	unsigned *id = NULL, type;
	void *value;

	return cfg_get_by_name(ctx, &group, id, &variable, &value, &type) == 0
					&& type == CFG_VAR_INT
			? (int)(intptr_t)value
			: -1;
}

void med_connect_check_core(void)
{
	cfg_ctx_t *ctx;

	if(tcp_disable || cfg_register_ctx(&ctx, NULL) != 0)
		return;
	if(med_core_setting(ctx, "async") == 0)
		LM_WARN("tcp_async is off: a worker waits for each connection that a peer does "
				"not take; set it to yes\n");
	else if(med_core_setting(ctx, "connect_wait") == 0)
		LM_WARN("tcp_connect_wait is off: two calls to a peer open two connections; set "
				"it to yes\n");
}

/* ---- watched --------------------------------------------------------------------------
 */

void med_connect_watch(const struct cell *t, const med_call_t *call)
{
	const uint64_t one = 1;
	med_connecting_t *slot;

	for(unsigned i = 0; i < MED_CONNECTING; i++) {
		uint32_t free = MED_FREE;
		slot = &med_connecting->slot[__atomic_fetch_add(
											 &med_connecting->next, 1, __ATOMIC_RELAXED)
				% MED_CONNECTING];
		if(!__atomic_compare_exchange_n(&slot->state, &free, MED_FILLING, false,
				   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			continue;
		slot->hash = t->hash_index;
		slot->label = t->label;
		slot->branch = call->tm_branch;
		slot->connection = 0;
		slot->ip = call->target;
		slot->port = call->target_port;
		slot->trying_ms = call->trying_timeout_ms;
		slot->began = call->try_started;
		slot->until = call->try_started + call->connect_timeout_ms;
		__atomic_store_n(&slot->state, MED_WAITING, __ATOMIC_RELEASE);
		if(__atomic_fetch_add(&med_connecting->count, 1, __ATOMIC_RELEASE) == 0
				&& write(med_wake, &one, sizeof one) < 0)
			LM_DBG("it is awake\n");
		return;
	}
}

/** tm ends the branch so much later than now, if that is later than it would have. */
static void med_connect_extend(struct retr_buf *sent, ticks_t ends, int64_t in_ms)
{
	ticks_t later = get_ticks_raw() + MS_TO_TICKS((ticks_t)(in_ms > 0 ? in_ms : 0));

	/* Not where a reply came meanwhile: that has set it anew. */
	if((s_ticks_t)(later - ends) > 0)
		(void)__atomic_compare_exchange_n(&sent->fr_expire, &ends, later, false,
				__ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

/* ---- refused --------------------------------------------------------------------------
 */

static bool med_is_copied(const char *line, size_t len)
{
	static const char *const names[] = {
			"via", "v", "from", "f", "to", "t", "call-id", "i", "cseq"};
	const char *colon = memchr(line, ':', len);
	size_t width = colon != NULL ? (size_t)(colon - line) : 0;

	while(width > 0 && (line[width - 1] == ' ' || line[width - 1] == '\t'))
		width--;
	for(unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
		if(strlen(names[i]) == width && strncasecmp(line, names[i], width) == 0)
			return true;
	return false;
}

/** 503 to this request. @return its length; 0: it has no room */
static size_t med_no_connection(med_str_t request, char *out, size_t size)
{
	static const char first[] = "SIP/2.0 503 No Connection\r\n",
					  last[] = "Content-Length: 0\r\n\r\n";
	const char *end = request.s + request.len,
			   *line = memchr(request.s, '\n', request.len);
	size_t len = sizeof first - 1;
	bool copied = false;

	if(size < sizeof first + sizeof last)
		return 0;
	memcpy(out, first, len);
	while(line != NULL && ++line < end) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));
		size_t width = stop != NULL ? (size_t)(stop - line) + 1 : 0;

		if(width <= 2)
			break; /* the headers are over */
		if(line[0] != ' ' && line[0] != '\t')
			copied = med_is_copied(line, width);
		if(copied) {
			if(width >= size - len - sizeof last)
				return 0;
			memcpy(out + len, line, width);
			len += width;
		}
		line = stop;
	}
	memcpy(out + len, last, sizeof last);
	return len + sizeof last - 1;
}

static void med_connect_end(struct cell *t, uint8_t branch)
{
	static char text[BUF_SIZE + 1];
	const struct retr_buf *sent = &t->uac[branch].request;
	receive_info_t from = {.proto = sent->dst.proto, .bind_address = sent->dst.send_sock};
	size_t len;

	if(sent->dst.send_sock == NULL || sent->buffer == NULL || sent->buffer_len <= 0)
		return;
	len = med_no_connection(
			(med_str_t){sent->buffer, (size_t)sent->buffer_len}, text, sizeof text);
	if(len == 0)
		return; /* tm's timer will do */
	su2ip_addr(&from.src_ip, (union sockaddr_union *)(uintptr_t)&sent->dst.to);
	from.src_port = su_getport(&sent->dst.to);
	from.src_su = sent->dst.to;
	from.dst_ip = sent->dst.send_sock->address;
	from.dst_port = sent->dst.send_sock->port_no;
	med_connect_ending = true;
	(void)receive_msg(text, (unsigned)len, &from);
	med_connect_ending = false;
}

/* ---- the process ----------------------------------------------------------------------
 */

/** false: it need not be looked at again. */
static bool med_connect_look(med_connecting_t *slot, int64_t now, struct cell *t)
{
	struct retr_buf *sent;
	ticks_t ends;
	int64_t left;

	if(slot->branch >= t->nr_of_outgoings || !t->uac[slot->branch].request.t_active)
		return now - slot->began < MED_UNSENT_MS
				&& (slot->branch >= t->nr_of_outgoings
						|| t->uac[slot->branch].last_received == 0);
	sent = &t->uac[slot->branch].request;
	ends = __atomic_load_n(&sent->fr_expire, __ATOMIC_RELAXED);
	if(t->uac[slot->branch].last_received != 0
			|| (sent->flags & (F_RB_FR_INV | F_RB_CANCELED | F_RB_TIMEOUT)) != 0)
		return false;
	switch(med_link_to(&slot->connection, &slot->ip, slot->port)) {
		case MED_LINK_UP:
			med_connect_extend(sent, ends, slot->trying_ms);
			return false;
		case MED_LINK_COMING:
			left = slot->until - now;
			med_connect_extend(
					sent, ends, left < slot->trying_ms ? left : slot->trying_ms);
			return left > 0;
		default:
			med_connect_end(t, slot->branch);
			return false;
	}
}

static void med_connect_tick(void)
{
	for(unsigned i = 0; i < MED_CONNECTING; i++) {
		med_connecting_t *slot = &med_connecting->slot[i];
		struct cell *t = NULL;
		bool stays = false;

		if(__atomic_load_n(&slot->state, __ATOMIC_ACQUIRE) != MED_WAITING)
			continue;
		if(med_tm.t_lookup_ident(&t, slot->hash, slot->label) > 0) {
			stays = med_connect_look(slot, med_now_ms(), t);
			med_tm.t_sett(T_UNDEFINED, T_BR_UNDEFINED);
			med_tm.unref_cell(t);
		}
		if(stays)
			continue;
		__atomic_store_n(&slot->state, MED_FREE, __ATOMIC_RELEASE);
		(void)__atomic_sub_fetch(&med_connecting->count, 1, __ATOMIC_RELEASE);
	}
}

static void med_connect_run(void)
{
	struct pollfd wake = {.fd = med_wake, .events = POLLIN};
	uint64_t told;

	for(;;) {
		bool any = __atomic_load_n(&med_connecting->count, __ATOMIC_ACQUIRE) > 0;

		if(poll(&wake, 1, any ? MED_TICK_MS : -1) > 0
				&& read(med_wake, &told, sizeof told) < 0)
			continue;
		cfg_update();
		med_connect_tick();
	}
}

int med_connect_fork(int rank)
{
	int pid;

	if(rank != PROC_MAIN)
		return 0;
	/* as tm's own: failure routes run in it */
	pid = fork_process(PROC_TIMER, "mediation connections", 1);
	if(pid < 0) {
		LM_ERR("cannot fork the process for calls that wait for a connection\n");
		return -1;
	}
	if(pid > 0)
		return 0;
	if(cfg_child_init())
		exit(-1); /* Kamailio ends when one of its processes does */
	med_connect_run();
	return 0;
}
