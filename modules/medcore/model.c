/**
 * model.c - kinds and addresses
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <arpa/inet.h>
#include <string.h>

#include "medcore/model.h"

static const char *const kind_names[MED_KIND_COUNT] = {
		[MED_KIND_SITE] = "site",
		[MED_KIND_GATEWAY] = "gateway",
		[MED_KIND_TRUNK] = "trunk",
		[MED_KIND_PROFILE] = "profile",
		[MED_KIND_RULES] = "rules",
		[MED_KIND_POLICY] = "policy",
		[MED_KIND_ROUTE] = "route",
		[MED_KIND_POOL] = "pool",
		[MED_KIND_RESPONSE_RULES] = "response_rules",
		[MED_KIND_LIMITS] = "limits",
		[MED_KIND_SCHEDULE] = "schedule",
		[MED_KIND_LOCATION_POLICY] = "location_policy",
		[MED_KIND_GUARD] = "guard",
		[MED_KIND_TEST] = "test",
};

const char *med_kind_name(enum med_kind kind)
{
	return (unsigned)kind < MED_KIND_COUNT ? kind_names[kind] : NULL;
}

int med_kind_parse(med_str_t name, enum med_kind *kind)
{
	for(unsigned i = 0; i < MED_KIND_COUNT; i++) {
		if(med_str_eq(name, med_str(kind_names[i]))) {
			*kind = (enum med_kind)i;
			return MED_EOK;
		}
	}
	return MED_EINVAL;
}

const char *const med_transport_words[] = {
		[MED_UDP] = "udp", [MED_TCP] = "tcp", [MED_TLS] = "tls", NULL};

const char *med_transport_name(enum med_transport transport)
{
	return (unsigned)transport <= MED_TLS ? med_transport_words[transport] : "?";
}

/* Decimal without sign, space or leading zero; -1 otherwise. */
static int parse_bits(const char *text, size_t len, int max)
{
	int value = 0;

	if(len == 0 || len > 3 || (len > 1 && text[0] == '0'))
		return -1;
	for(size_t i = 0; i < len; i++) {
		if(text[i] < '0' || text[i] > '9')
			return -1;
		value = value * 10 + (text[i] - '0');
	}
	return value <= max ? value : -1;
}

static void clear_host_bits(med_ip_t *ip)
{
	for(unsigned bit = ip->prefix; bit < 128; bit++)
		ip->bytes[bit / 8] &= (uint8_t) ~(0x80u >> (bit % 8));
}

int med_ip_parse(med_str_t text, med_ip_t *ip)
{
	char buffer[INET6_ADDRSTRLEN + 1];
	const char *slash = text.len == 0 ? NULL : memchr(text.s, '/', text.len);
	med_str_t host = text;
	med_ip_t out = {.prefix = 128};
	bool v4;
	int bits;

	if(slash != NULL)
		host.len = (size_t)(slash - text.s);
	if(host.len >= 2 && host.s[0] == '[' && host.s[host.len - 1] == ']') {
		host.s++;
		host.len -= 2;
	}
	if(host.len == 0 || host.len >= sizeof(buffer)
			|| memchr(host.s, '\0', host.len) != NULL)
		return MED_EINVAL;
	memcpy(buffer, host.s, host.len);
	buffer[host.len] = '\0';
	v4 = inet_pton(AF_INET, buffer, out.bytes + 12) == 1;
	if(v4)
		out.bytes[10] = out.bytes[11] = 0xff;
	else if(inet_pton(AF_INET6, buffer, out.bytes) != 1)
		return MED_EINVAL;
	if(slash != NULL) {
		bits = parse_bits(
				slash + 1, (size_t)(text.s + text.len - slash - 1), v4 ? 32 : 128);
		if(bits < 0)
			return MED_EINVAL;
		out.prefix = (uint8_t)(v4 ? bits + 96 : bits);
		clear_host_bits(&out);
	}
	*ip = out;
	return MED_EOK;
}

bool med_ip_contains(const med_ip_t *subnet, const med_ip_t *address)
{
	unsigned whole = subnet->prefix / 8, rest = subnet->prefix % 8;

	if(address->prefix < subnet->prefix
			|| memcmp(subnet->bytes, address->bytes, whole) != 0)
		return false;
	if(rest == 0)
		return true;
	return ((subnet->bytes[whole] ^ address->bytes[whole]) >> (8 - rest)) == 0;
}

med_ip_t med_ip_mask(const med_ip_t *address, uint8_t prefix)
{
	med_ip_t out = *address;

	if(prefix < out.prefix)
		out.prefix = prefix;
	clear_host_bits(&out);
	return out;
}

void med_ip_format(const med_ip_t *ip, char *out, size_t size)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	bool v4 = memcmp(ip->bytes, mapped, sizeof(mapped)) == 0;

	if(size == 0)
		return;
	out[0] = '\0';
	if(v4)
		(void)inet_ntop(AF_INET, ip->bytes + 12, out, (socklen_t)size);
	else
		(void)inet_ntop(AF_INET6, ip->bytes, out, (socklen_t)size);
}
