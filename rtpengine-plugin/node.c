/**
 * node.c - the rtpengine nodes: alive or not, and where they anchor media
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE /* recvmmsg, memmem */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "listener_priv.h"
#include "log.h"

/** Unanswered in a row before a node counts as dead. */
#define MAX_MISSES 2
/** Media addresses are asked for again, in case rtpengine was restarted unseen. */
#define PROBE_INTERVAL_MS 60000
/** The same while they are not known, as no anchored call can be let through. */
#define PROBE_RETRY_MS 1000

med_node_t *med_node_for_call(med_listener_t *l, med_str_t call_id, uint8_t exclude)
{
	med_node_t *best = NULL;
	uint64_t best_weight = 0;
	size_t i;

	if(l->node_count == 1)
		return exclude & 1 ? NULL : &l->node[0];
	for(i = 0; i < l->node_count; i++) {
		med_node_t *node = &l->node[i];
		uint64_t weight = med_hash(node->name, strlen(node->name)) * 0x9e3779b97f4a7c15u
				^ med_hash(call_id.s, call_id.len);

		weight = med_hash(&weight, sizeof(weight));
		if(exclude >> i & 1)
			continue;
		if(!best || (node->alive && !best->alive)
				|| (node->alive == best->alive && weight > best_weight)) {
			best = node;
			best_weight = weight;
		}
	}
	return best;
}

static void set_alive(med_listener_t *l, med_node_t *node, bool alive, const char *why)
{
	if(node->alive == alive && node->told)
		return;
	node->told = true;
	node->alive = alive;
	if(alive) {
		med_log(LOG_NOTICE, "rtpengine at %s answers", node->name);
		/* another rtpengine, perhaps: what is still to come of older probes is void */
		node->probe_seq = 0;
		node->next_probe_ms = l->now_ms;
	} else {
		med_log(LOG_WARNING, "rtpengine at %s %s", node->name, why);
	}
}

void med_node_answered(med_listener_t *l, med_node_t *node)
{
	node->misses = 0;
	set_alive(l, node, true, NULL);
}

void med_node_missed(med_listener_t *l, med_node_t *node)
{
	if(++node->misses >= MAX_MISSES)
		set_alive(l, node, false, "does not answer");
}

void med_node_doubted(med_listener_t *l, med_node_t *node)
{
	int64_t asked_ms = node->next_ping_ms - l->conf.ping_interval_ms;
	int64_t soon_ms = asked_ms + l->conf.deadline_ms;

	/* not before the last one had its time */
	if(soon_ms < node->next_ping_ms)
		node->next_ping_ms = soon_ms > l->now_ms ? soon_ms : l->now_ms;
}

void med_node_refused(med_listener_t *l, med_node_t *node)
{
	med_txn_t *txn = med_txn_first(l->txns, MED_TXN_WAITING), *next;
	uint8_t index = (uint8_t)(node - l->node);

	set_alive(l, node, false, "is not running: its port is closed");
	for(; txn; txn = next) {
		next = txn->next;
		if(txn->node == index) {
			med_abandoned(l, txn);
			med_txn_settle(txn);
		}
	}
}

static void ping(med_listener_t *l, med_node_t *node)
{
	(void)med_own_command(l, MED_TXN_OWN_PING, node, NULL, MED_STR("d7:command4:pinge"));
}

/** An offer of ours, only to see which address rtpengine puts into it. */
static void probe(med_listener_t *l, med_node_t *node)
{
	static const char sdp[] = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\n"
							  "c=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\n";
	char id[48], body[512];
	med_ng_out_t out = {.s = body, .size = sizeof(body)};
	med_ng_command_view_t ids;
	uint64_t random = 0;

	if(getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = (uint64_t)l->now_ms;
	snprintf(id, sizeof(id), "med-probe-%016llx", (unsigned long long)random);
	memset(&ids, 0, sizeof(ids));
	ids.call_id = med_str(id);
	ids.from_tag = MED_STR("probe");
	med_ng_put(&out, "d", 1);
	med_ng_put_pair(&out, MED_STR("command"), MED_STR("offer"));
	med_ng_put_pair(&out, MED_STR("call-id"), ids.call_id);
	med_ng_put_pair(&out, MED_STR("from-tag"), ids.from_tag);
	if(l->conf.interface_count) {
		med_str_t interface = med_str(l->conf.interface[node->probe_interface]);

		med_ng_put_raw(&out, MED_STR("9:directionl"));
		med_ng_put_text(&out, interface);
		med_ng_put_text(&out, interface);
		med_ng_put(&out, "e", 1);
	}
	med_ng_put_pair(&out, MED_STR("sdp"), MED_STR(sdp));
	med_ng_put(&out, "e", 1);
	node->probe_seq = med_own_command(
			l, MED_TXN_OWN_PROBE, node, &ids, (med_str_t){out.s, out.len});
	if(!node->probe_seq)
		node->next_probe_ms = l->now_ms + PROBE_RETRY_MS;
}

/** From the first interface on; one round at a time. */
static void start_probes(med_listener_t *l, med_node_t *node)
{
	node->probe_interface = 0;
	node->new_count = 0;
	memset(node->new_address, 0, sizeof(node->new_address));
	probe(l, node);
}

/** A round of probes is over: what it learned counts from now on. */
static void probes_done(med_listener_t *l, med_node_t *node)
{
	size_t i;

	if(node->new_count) {
		if(node->new_count != node->address_count
				|| memcmp(node->media_address, node->new_address,
						   sizeof(node->new_address))
						!= 0) {
			for(i = 0; i < node->new_count; i++)
				med_log(LOG_INFO, "rtpengine at %s anchors media at %s", node->name,
						node->new_address[i]);
		}
		memcpy(node->media_address, node->new_address, sizeof(node->media_address));
		node->address_count = node->new_count;
	}
	node->probe_seq = 0;
	node->next_probe_ms =
			l->now_ms + (node->address_count ? PROBE_INTERVAL_MS : PROBE_RETRY_MS);
}

/** The address rtpengine put into an answer of its; false for none that can be told. */
static bool learn(med_node_t *node, const med_sdp_t *sdp)
{
	med_str_t address = sdp->media[0].address;
	uint8_t bytes[16];
	char *text;

	if(node->new_count == MED_MAX_INTERFACES
			|| address.len >= sizeof(node->new_address[0]))
		return false;
	text = node->new_address[node->new_count];
	memcpy(text, address.s, address.len);
	text[address.len] = '\0';
	if(inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1) {
		node->new_count++;
		return true;
	}
	memset(text, 0, sizeof(node->new_address[0]));
	return false;
}

static void tell_refused(med_listener_t *l, med_node_t *node)
{
	bool named = l->conf.interface_count > 0;

	if(!node->probe_told)
		med_log(LOG_WARNING,
				"rtpengine at %s refused a probe offer%s%s; list its media addresses "
				"under 'addresses'",
				node->name, named ? " for interface " : "",
				named ? l->conf.interface[node->probe_interface] : "");
	node->probe_told = true;
}

void med_node_probe_lost(med_listener_t *l, med_node_t *node, uint64_t seq)
{
	if(seq != node->probe_seq)
		return;
	node->probe_seq = 0;
	node->next_probe_ms = l->now_ms + PROBE_RETRY_MS;
}

void med_node_probed(med_listener_t *l, med_node_t *node, uint64_t seq, med_str_t body)
{
	med_sdp_t sdp;

	if(seq != node->probe_seq)
		return;
	if(body.s && med_sdp_parse(body, &sdp, NULL) == MED_EOK && sdp.media_count
			&& learn(node, &sdp))
		node->probe_told = false;
	else
		tell_refused(l, node);
	if(++node->probe_interface < l->conf.interface_count)
		probe(l, node);
	else
		probes_done(l, node);
}

int64_t med_nodes_tick(med_listener_t *l)
{
	int64_t next = l->now_ms + l->conf.ping_interval_ms;
	size_t i;

	for(i = 0; i < l->node_count; i++) {
		med_node_t *node = &l->node[i];

		if(node->next_ping_ms <= l->now_ms) {
			node->next_ping_ms = l->now_ms + l->conf.ping_interval_ms;
			ping(l, node);
		}
		if(node->alive && node->told && !node->probe_seq) {
			if(node->next_probe_ms <= l->now_ms)
				start_probes(l, node);
			if(!node->probe_seq && node->next_probe_ms < next)
				next = node->next_probe_ms;
		}
		if(node->next_ping_ms < next)
			next = node->next_ping_ms;
	}
	return next;
}
