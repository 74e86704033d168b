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

#include <string.h>

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

/**
 * A function that a module offers to KEMI languages: C signatures that stay, for what is
 * in no C interface of that module. NULL: the module is not loaded, or has none.
 */
static inline void *med_kemi_function(const char *module, const char *name)
{
	sr_kemi_module_t *modules = sr_kemi_modules_get();
	str function = {(char *)(uintptr_t)name, (int)strlen(name)};
	sr_kemi_t *found;

	for(int i = 0; i < sr_kemi_modules_size_get(); i++) {
		if((size_t)modules[i].mname.len != strlen(module)
				|| memcmp(modules[i].mname.s, module, strlen(module)) != 0)
			continue;
		found = sr_kemi_lookup(&modules[i].mname, i, &function);
		return found != NULL ? found->func : NULL;
	}
	return NULL;
}

/** parse_headers(), which takes fifty instructions to find that all is there already. */
static inline int med_parse_headers(sip_msg_t *msg, hdr_flags_t flags)
{
	return (msg->parsed_flag & flags) == flags ? 0 : parse_headers(msg, flags, 0);
}

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
