/**
 * med_compat.h - everything that differs between the Kamailio versions we load into
 *
 * Read from the hosts' own headers where they export it, and copied as the smallest
 * possible view where they do not. Nothing else in this module asks for a version.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_COMPAT_H
#define MED_COMPAT_H

#include "core/dprint.h"
#include "core/events.h"
#include "core/forward.h"
#include "core/ip_addr.h"
#include "core/kemi.h"
#include "core/mem/mem.h"
#include "core/mem/shm_mem.h"
#include "core/parser/msg_parser.h"
#include "core/str.h"

#include "medcore/common.h"

/** Up to 5.8 `struct tcp_connection`, later also `tcp_connection_t`: the tag holds. */
struct tcp_connection;

/**
 * The head of tls.so's per-connection data. It is private to that module, but its first
 * two members are the same from 5.0 to 6.1 (modules/tls/tls_server.h). Only read after
 * the connection is known to be TLS and stock `tls` (not tls_wolfssl) is loaded.
 */
typedef struct med_tls_extra {
	void *domains;
	void *ssl; /**< SSL * of OpenSSL */
} med_tls_extra_t;

/** Kamailio's string for ours. Lengths here come from messages (64 kB) and ids. */
static inline str med_to_str(med_str_t text)
{
	str out = {(char *)(uintptr_t)text.s, (int)text.len};
	return out;
}

static inline med_str_t med_from_str(str text)
{
	med_str_t out = {text.s, text.len > 0 ? (size_t)text.len : 0};
	return out;
}

#endif
