/**
 * resolve.h - names of gateways: looked up, again and again, what they stand for
 *
 * Belongs to one process and never waits. Each answer holds for its TTL; what was found
 * last stays in force while the servers are silent or say nothing of use.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_RESOLVE_H
#define MEDCORE_RESOLVE_H

#include "medcore/dns.h"

#define MED_RESOLVE_TTL_MIN 5    /**< s that an answer holds at least */
#define MED_RESOLVE_TTL_MAX 300  /**< and at most */
#define MED_RESOLVE_AGAIN_MAX 60 /**< s; from the least on doubled with each failure */
#define MED_RESOLVE_AT_ONCE 64   /**< questions that are out */
/** Questions of one turn: 64 datagrams took a virtual machine 8 ms, in which no change
 * came into force. */
#define MED_RESOLVE_AT_A_TURN 4

typedef struct med_resolver med_resolver_t;

/** Called from within med_resolver_run() alone. */
typedef struct med_resolve_handler {
	/** What a name stands for now: at least one target, sorted. */
	void (*found)(void *ctx, med_str_t id, med_str_t name, const med_target_t *targets,
			size_t count);
	/** What is wrong with it; NULL: nothing is. */
	void (*trouble)(void *ctx, med_str_t id, med_str_t name, const char *text);
	void *ctx;
} med_resolve_handler_t;

/** @param servers  as of med_dns_new() */
int med_resolver_new(const char *servers, const med_resolve_handler_t *handler,
		med_resolver_t **resolver, med_errbuf_t *err);
void med_resolver_free(med_resolver_t *resolver);

/**
 * From now on @p id is looked up so; NULL: no longer. What is known is told again.
 * MED_EOK, MED_ENOMEM
 */
int med_resolver_want(med_resolver_t *resolver, med_str_t id, const med_lookup_t *lookup);

struct pollfd;
size_t med_resolver_poll(med_resolver_t *resolver, struct pollfd *fds, size_t max,
		int64_t now_ms, int64_t *deadline_ms);
void med_resolver_run(med_resolver_t *resolver, int64_t now_ms);

/** Names that are looked up, and those of them with trouble. */
void med_resolver_count(
		const med_resolver_t *resolver, unsigned *names, unsigned *troubled);

#endif
