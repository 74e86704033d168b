/**
 * identity.c - which trunk a request came in on, which leg a packet goes out to
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <string.h>

#include "medcore/snapshot.h"

/* ---- keys ---------------------------------------------------------------------------
 */

enum med_key_space {
	KEY_SOURCE,
	KEY_NAME,
	KEY_WILDCARD,
	KEY_LEG,
	KEY_REMOTE,
	KEY_DESTINATION
};

static uint64_t space_hash(enum med_key_space space, uint8_t transport, uint16_t port)
{
	return med_mix((uint64_t)space << 32 | (uint64_t)transport << 16 | port);
}

static uint64_t ip_hash(const med_ip_t *ip)
{
	uint64_t half[2];

	memcpy(half, ip->bytes, sizeof(half));
	return med_mix(half[0] + ip->prefix) ^ med_mix(half[1] * 0xc2b2ae3d27d4eb4fu + 1);
}

uint64_t med_source_hash(uint8_t transport, uint16_t port, const med_ip_t *subnet)
{
	return med_mix(space_hash(KEY_SOURCE, transport, port) ^ ip_hash(subnet));
}

uint64_t med_leg_hash(const med_leg_key_t *key)
{
	return med_mix(space_hash(key->remote ? KEY_REMOTE : KEY_LEG, key->tls, key->port)
			^ (key->subnet == NULL ? 0x5bd1e995u : ip_hash(key->subnet)));
}

/* ASCII letters without case. */
static uint64_t text_hash(uint64_t hash, med_str_t text)
{
	for(size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.s[i];
		if(c >= 'A' && c <= 'Z')
			c |= 0x20;
		hash = (hash ^ c) * 0x100000001b3u;
	}
	return med_mix(hash);
}

uint64_t med_name_hash(uint16_t port, med_str_t name)
{
	return text_hash(space_hash(KEY_NAME, MED_TLS, port), name);
}

med_str_t med_name_domain(med_str_t name)
{
	const char *dot = name.len == 0 ? NULL : memchr(name.s, '.', name.len);
	med_str_t domain = {NULL, 0};

	if(dot != NULL)
		domain = (med_str_t){dot + 1, name.len - (size_t)(dot + 1 - name.s)};
	/* not *.com: RFC 6125 7.2 warns of such, and no peer of ours has the like */
	return domain.len > 0 && memchr(domain.s, '.', domain.len) != NULL
			? domain
			: (med_str_t){NULL, 0};
}

uint64_t med_wildcard_hash(uint16_t port, med_str_t domain)
{
	return text_hash(space_hash(KEY_WILDCARD, MED_TLS, port), domain);
}

uint64_t med_destination_hash(const med_trunk_t *trunk)
{
	return text_hash(space_hash(KEY_DESTINATION, trunk->transport, trunk->local_port)
					^ (uint64_t)trunk->port << 40,
			trunk->gateway->address);
}

/* ---- exact lookups ------------------------------------------------------------------
 */

static bool has_source(const med_trunk_t *trunk, const med_ip_t *subnet)
{
	for(unsigned i = 0; i < trunk->gateway->source_count; i++) {
		if(memcmp(&trunk->gateway->sources[i], subnet, sizeof(*subnet)) == 0)
			return true;
	}
	return false;
}

const med_trunk_t *med_view_source(
		const med_view_t *view, uint8_t transport, uint16_t port, const med_ip_t *subnet)
{
	uint64_t hash = med_source_hash(transport, port, subnet);

	MED_MAP_EACH(entry, view->identity, hash)
	{
		const med_trunk_t *trunk = med_view_trunk(view, (uint32_t)entry->value - 1);
		if(trunk != NULL && trunk->transport == transport && trunk->local_port == port
				&& has_source(trunk, subnet))
			return trunk;
	}
	return NULL;
}

const med_trunk_t *med_view_name(const med_view_t *view, uint16_t port, med_str_t name)
{
	uint64_t hash = med_name_hash(port, name);

	MED_MAP_EACH(entry, view->identity, hash)
	{
		const med_trunk_t *trunk = med_view_trunk(view, (uint32_t)entry->value - 1);
		if(trunk != NULL && trunk->transport == MED_TLS && trunk->local_port == port
				&& med_str_eq_nocase(trunk->gateway->tls_name, name))
			return trunk;
	}
	return NULL;
}

const med_trunk_t *med_view_wildcard(
		const med_view_t *view, uint16_t port, med_str_t domain)
{
	uint64_t hash = med_wildcard_hash(port, domain);

	MED_MAP_EACH(entry, view->identity, hash)
	{
		const med_trunk_t *trunk = med_view_trunk(view, (uint32_t)entry->value - 1);
		if(trunk != NULL && trunk->transport == MED_TLS && trunk->local_port == port
				&& trunk->gateway->tls_wildcard
				&& med_str_eq_nocase(med_name_domain(trunk->gateway->tls_name), domain))
			return trunk;
	}
	return NULL;
}

const med_trunk_t *med_view_destination(const med_view_t *view, const med_trunk_t *like)
{
	MED_MAP_EACH(entry, view->identity, med_destination_hash(like))
	{
		const med_trunk_t *trunk = med_view_trunk(view, (uint32_t)entry->value - 1);
		if(trunk != NULL && trunk->transport == like->transport
				&& trunk->local_port == like->local_port && trunk->port == like->port
				&& trunk->gateway->source_count == 0
				&& med_str_eq_nocase(trunk->gateway->address, like->gateway->address))
			return trunk;
	}
	return NULL;
}

const med_leg_group_t *med_view_leg(const med_view_t *view, const med_leg_key_t *key)
{
	uint64_t hash = med_leg_hash(key);

	MED_MAP_EACH(entry, view->legs, hash)
	{
		const med_leg_group_t *group = (const void *)(uintptr_t)entry->value;
		if(group->tls == key->tls && group->remote == key->remote
				&& group->port == key->port && group->any == (key->subnet == NULL)
				&& (key->subnet == NULL
						|| memcmp(&group->subnet, key->subnet, sizeof(*key->subnet))
								== 0))
			return group;
	}
	return NULL;
}

/* ---- most specific first ------------------------------------------------------------
 */

/* Walks the prefix lengths in use from 128 down; false when there are no more. */
static bool next_prefix(const med_view_t *view, int *prefix)
{
	for(int bits = *prefix - 1; bits >= 0; bits--) {
		if(view->prefixes[bits / 64] >> (bits % 64) & 1) {
			*prefix = bits;
			return true;
		}
	}
	return false;
}

/* A TCP request may also belong to a trunk declared UDP (RFC 3261 18.1.1: long requests).
 */
static const med_trunk_t *by_address(
		const med_view_t *view, uint8_t transport, uint16_t port, const med_ip_t *address)
{
	med_ip_t whole = *address;
	int prefix = 129;

	whole.prefix = 128; /* a source is one address, whatever the caller wrote */
	while(next_prefix(view, &prefix)) {
		med_ip_t subnet = med_ip_mask(&whole, (uint8_t)prefix);
		const med_trunk_t *trunk = med_view_source(view, transport, port, &subnet);
		if(trunk == NULL && transport == MED_TCP)
			trunk = med_view_source(view, MED_UDP, port, &subnet);
		if(trunk != NULL)
			return trunk;
	}
	return NULL;
}

static const med_trunk_t *by_name(const med_view_t *view, const med_source_t *source)
{
	for(size_t i = 0; i < source->tls_name_count; i++) {
		med_str_t name = source->tls_names[i];
		const med_trunk_t *trunk;
		if(name.len > 0 && name.s[name.len - 1] == '.')
			name.len--;
		/* A wildcard stands for no peer in particular (spec 1.7): only where the gateway
		 * says so, and for its first label (RFC 6125 6.4.3). */
		if(name.len > 2 && name.s[0] == '*' && name.s[1] == '.')
			trunk = med_view_wildcard(
					view, source->local_port, (med_str_t){name.s + 2, name.len - 2});
		else if(name.len > 0 && name.s[0] != '*')
			trunk = med_view_name(view, source->local_port, name);
		else
			continue;
		if(trunk != NULL)
			return trunk;
	}
	return NULL;
}

bool med_name_is(med_str_t shown, med_str_t wanted, bool wildcard)
{
	if(shown.len > 0 && shown.s[shown.len - 1] == '.')
		shown.len--;
	if(shown.len > 2 && shown.s[0] == '*' && shown.s[1] == '.') {
		med_str_t domain = med_name_domain(wanted);
		return wildcard && domain.len > 0
				&& med_str_eq_nocase((med_str_t){shown.s + 2, shown.len - 2}, domain);
	}
	return shown.len > 0 && shown.s[0] != '*' && med_str_eq_nocase(shown, wanted);
}

/* ---- identify -----------------------------------------------------------------------
 */

/* "name1, name2" of what was verified, cut to what fits. */
static void list_names(const med_source_t *source, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for(size_t i = 0; i < source->tls_name_count && used + 8 < size; i++) {
		if(i > 0) {
			out[used++] = ',';
			out[used++] = ' ';
		}
		(void)med_quote(out + used, size - used, source->tls_names[i]);
		used += strlen(out + used);
	}
}

static const med_leg_group_t *of_local_port(
		const med_view_t *view, bool tls, uint16_t port)
{
	return med_view_leg(view, &(med_leg_key_t){.tls = tls, .port = port});
}

static int explain(const med_view_t *view, const med_source_t *source, med_errbuf_t *why)
{
	char address[48], names[96];
	const med_leg_group_t *tls = of_local_port(view, true, source->local_port);
	const med_leg_group_t *plain = of_local_port(view, false, source->local_port);
	const char *what;

	if(why == NULL)
		return MED_ENOMATCH;
	med_ip_format(&source->address, address, sizeof(address));
	if(source->transport != MED_TLS) {
		what = plain != NULL ? "no trunk of this port has that source"
				: tls != NULL
				? "the trunks of this port are TLS and match a verified name only"
				: "no trunk has this local_port";
		return med_fail(why, MED_ENOMATCH, "%s from %s to port %u: %s",
				med_transport_name((enum med_transport)source->transport), address,
				source->local_port, what);
	}
	if(source->tls_name_count == 0)
		return med_fail(why, MED_ENOMATCH,
				"tls from %s to port %u: no verified certificate name; TLS trunks match "
				"by that "
				"only",
				address, source->local_port);
	list_names(source, names, sizeof(names));
	what = tls != NULL      ? "no trunk of this port has a gateway with such a tls_name"
			: plain != NULL ? "the trunks of this port are not TLS"
							: "no trunk has this local_port";
	return med_fail(why, MED_ENOMATCH, "tls from %s to port %u, certificate of '%s': %s",
			address, source->local_port, names, what);
}

int med_identify(const med_snapshot_t *snapshot, const med_source_t *source,
		const med_trunk_t **trunk, med_errbuf_t *why)
{
	const med_view_t *view = &snapshot->view;
	const med_trunk_t *found;

	if(source->transport == MED_TLS)
		found = by_name(view, source);
	else
		found = by_address(view, source->transport, source->local_port, &source->address);
	if(found == NULL)
		return explain(view, source, why);
	if(!found->enabled)
		return med_fail(why, MED_ENOMATCH,
				"trunk '%.*s' is not enabled: set enabled yes and admin_state on",
				MED_STR_FMT(found->id));
	*trunk = found;
	return MED_EOK;
}

/* ---- legs ---------------------------------------------------------------------------
 */

med_leg_policy_t med_leg_strictest(const med_leg_group_t *group)
{
	med_leg_policy_t leg = {.srtp = MED_SRTP_NOT_SUPPORTED,
			.known = true,
			.media = {.suites = MED_SUITES_ANY}};

	for(unsigned mode = 0; mode <= MED_SRTP_REQUIRED; mode++) {
		if(group->count[mode][0] + group->count[mode][1] > 0)
			leg.srtp = (uint8_t)mode;
		if(group->count[mode][1] > 0)
			leg.anchored = true;
	}
	return leg;
}

/* The group of the smallest subnet this address is in; @p key without a subnet. */
static const med_leg_group_t *group_by_address(
		const med_view_t *view, med_leg_key_t key, const med_ip_t *address)
{
	const med_leg_group_t *group;
	med_ip_t whole = *address;
	int prefix = 129;

	whole.prefix = 128;
	while(next_prefix(view, &prefix)) {
		med_ip_t subnet = med_ip_mask(&whole, (uint8_t)prefix);
		key.subnet = &subnet;
		group = med_view_leg(view, &key);
		if(group != NULL)
			return group;
	}
	return NULL;
}

/* What both ask for; the trunk is the one that asks for more. */
static void demand(const med_view_t *view, const med_leg_group_t *group,
		med_leg_policy_t *leg, const med_trunk_t **trunk)
{
	med_leg_policy_t more = med_leg_strictest(group);

	if(*trunk == NULL || more.srtp > leg->srtp)
		*trunk = med_view_trunk(view, group->number);
	if(more.srtp > leg->srtp)
		leg->srtp = more.srtp;
	leg->anchored = leg->anchored || more.anchored;
	leg->known = true;
}

int med_leg_of_destination(const med_snapshot_t *snapshot, const med_destination_t *to,
		med_leg_policy_t *leg, const med_trunk_t **trunk)
{
	const med_view_t *view = &snapshot->view;
	med_leg_key_t local = {.tls = to->transport == MED_TLS, .port = to->local_port};
	med_leg_key_t remote = {.tls = local.tls, .remote = true, .port = to->remote_port};
	const med_leg_group_t *group = NULL, *there = NULL;

	*trunk = NULL;
	*leg = (med_leg_policy_t){.media = {.suites = MED_SUITES_ANY}};
	if(!local.tls)
		*trunk = by_address(view, to->transport, to->local_port, &to->address);
	if(*trunk != NULL) {
		*leg = (*trunk)->leg;
		return MED_EOK;
	}
	if(local.tls)
		group = group_by_address(view, local, &to->address);
	if(group == NULL) {
		there = group_by_address(view, remote, &to->address);
		group = of_local_port(view, local.tls, to->local_port);
	}
	if(group == NULL)
		group = of_local_port(view, !local.tls, to->local_port);
	if(there != NULL)
		demand(view, there, leg, trunk);
	if(group != NULL)
		demand(view, group, leg, trunk);
	return leg->known ? MED_EOK : MED_ENOMATCH;
}
