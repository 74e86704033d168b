/**
 * med_connect.h - calls that wait for a TCP or TLS connection to their peer
 *
 * tm begins its timer when a request is sent, and over a connection that is not up that
 * is only meant: the core keeps it until the peer takes the connection, and tells nobody
 * when it does not. So a process of its own looks after these calls, and only these:
 * connect_timeout_ms counts while the connection is on its way, trying_timeout_ms from
 * the moment it is up, and where the peer refuses it the next trunk is tried at once.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_CONNECT_H
#define MED_CONNECT_H

#include "med_call.h"
#include "med_refuse.h"

/** In mod_init. 0, or -1 (logged). */
int med_connect_init(void);
void med_connect_destroy(void);
/** In child_init. 0, or -1 (logged). */
int med_connect_fork(int rank);
/** Warn of settings of the core with which a worker waits for a connection. */
void med_connect_check_core(void);

/** In branch_route: the branch that is being made needs a connection that is not up. */
void med_connect_watch(const struct cell *t, const med_call_t *call);
extern bool med_connect_ending;
/** This process is ending a branch that got no connection; nobody answered it. */
static inline bool med_connect_ends(void)
{
	return med_connect_ending;
}

/** Is this an ACK for such an end? There is nobody to send it to (SREV_NET_DATA_OUT). */
static inline bool med_connect_is_ack(const str *out)
{
	return med_connect_ending && out->len > 4 && memcmp(out->s, "ACK ", 4) == 0;
}

#endif
