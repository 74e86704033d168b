/**
 * net.c - addresses and ports as people write them
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "net.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool parse_port(const char *text, uint16_t *port)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if(*text < '0' || *text > '9' || *end || !number || number > 65535)
		return false;
	*port = (uint16_t)number;
	return true;
}

int med_sockaddr_parse(const char *text, med_sockaddr_t *address, med_errbuf_t *err)
{
	const char *colon = strrchr(text, ':');
	char host[INET6_ADDRSTRLEN + 2];
	size_t len = colon ? (size_t)(colon - text) : 0;
	uint16_t port;

	memset(address, 0, sizeof(*address));
	if(!colon || !len || len >= sizeof(host) || !parse_port(colon + 1, &port))
		goto bad;
	memcpy(host, text, len);
	host[len] = '\0';
	if(host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		if(inet_pton(AF_INET6, host + 1, &address->u.in6.sin6_addr) != 1)
			goto bad;
		address->u.in6.sin6_family = AF_INET6;
		address->u.in6.sin6_port = htons(port);
		address->len = sizeof(address->u.in6);
		return MED_EOK;
	}
	if(inet_pton(AF_INET, host, &address->u.in.sin_addr) != 1)
		goto bad;
	address->u.in.sin_family = AF_INET;
	address->u.in.sin_port = htons(port);
	address->len = sizeof(address->u.in);
	return MED_EOK;
bad:
	return med_fail(err, MED_EINVAL,
			"'%.80s' is not an address and port such as 127.0.0.1:2223 or [::1]:2223",
			text);
}

void med_sockaddr_print(const med_sockaddr_t *address, char *text, size_t size)
{
	char host[INET6_ADDRSTRLEN] = "?";

	if(address->u.any.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &address->u.in6.sin6_addr, host, sizeof(host));
		snprintf(text, size, "[%s]:%u", host, ntohs(address->u.in6.sin6_port));
	} else {
		inet_ntop(AF_INET, &address->u.in.sin_addr, host, sizeof(host));
		snprintf(text, size, "%s:%u", host, ntohs(address->u.in.sin_port));
	}
}

bool med_sockaddr_eq(const med_sockaddr_t *a, const med_sockaddr_t *b)
{
	return a->len == b->len && memcmp(&a->u, &b->u, a->len) == 0;
}

int med_network_parse(const char *text, med_network_t *network, med_errbuf_t *err)
{
	const char *slash = strchr(text, '/');
	char host[INET6_ADDRSTRLEN];
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	unsigned long prefix, max = 32;
	char *end;

	memset(network, 0, sizeof(*network));
	if(len >= sizeof(host))
		goto bad;
	memcpy(host, text, len);
	host[len] = '\0';
	network->family = AF_INET;
	if(inet_pton(AF_INET, host, network->address) != 1) {
		network->family = AF_INET6;
		max = 128;
		if(inet_pton(AF_INET6, host, network->address) != 1)
			goto bad;
	}
	prefix = max;
	if(slash) {
		prefix = strtoul(slash + 1, &end, 10);
		if(slash[1] < '0' || slash[1] > '9' || *end || prefix > max)
			goto bad;
	}
	network->prefix = (uint8_t)prefix;
	return MED_EOK;
bad:
	return med_fail(err, MED_EINVAL,
			"'%.80s' is not an address or network such as 10.0.0.5 or 10.0.0.0/8", text);
}

bool med_network_has(const med_network_t *network, const med_sockaddr_t *address)
{
	const uint8_t *bytes = address->u.any.sa_family == AF_INET6
			? address->u.in6.sin6_addr.s6_addr
			: (const uint8_t *)&address->u.in.sin_addr;
	size_t whole = network->prefix / 8u;
	unsigned int rest = network->prefix % 8u;

	if(address->u.any.sa_family != network->family
			|| memcmp(bytes, network->address, whole) != 0)
		return false;
	return !rest || !((bytes[whole] ^ network->address[whole]) >> (8u - rest));
}
