/**
 * net.h - addresses and ports as people write them
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_NET_H
#define MED_NET_H

#include <netinet/in.h>

#include "medcore/common.h"

/** An IPv4 or IPv6 socket address; compared and hashed by its first @ref len bytes. */
typedef struct med_sockaddr {
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} u;
	socklen_t len;
} med_sockaddr_t;

typedef struct med_network {
	uint8_t family;
	uint8_t prefix;
	uint8_t address[16];
} med_network_t;

/** "127.0.0.1:2223" or "[::1]:2223"; numbers only. */
int med_sockaddr_parse(const char *text, med_sockaddr_t *address, med_errbuf_t *err);
/** "127.0.0.1:2223" into @p text. */
void med_sockaddr_print(const med_sockaddr_t *address, char *text, size_t size);
bool med_sockaddr_eq(const med_sockaddr_t *a, const med_sockaddr_t *b);

/** "10.0.0.0/8", "::1"; without a prefix the one address. */
int med_network_parse(const char *text, med_network_t *network, med_errbuf_t *err);
bool med_network_has(const med_network_t *network, const med_sockaddr_t *address);

#endif
