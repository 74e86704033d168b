/**
 * listener_priv.h - what the parts of the listener share
 *
 * listener.c waits and keeps time, node.c knows rtpengine's nodes, command.c takes
 * clients' commands, reply.c takes rtpengine's replies and answers clients. All of it
 * runs in one thread; none of it blocks.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_LISTENER_PRIV_H
#define MED_LISTENER_PRIV_H

#include <sys/socket.h>

#include "calls.h"
#include "conf.h"
#include "listener.h"
#include "txn.h"

#define MED_BATCH 8
#define MED_BUFFER_SIZE 65536

typedef struct med_node {
	med_sockaddr_t address;
	char name[64];
	int fd;
	bool alive; /**< until shown otherwise: a call must not wait for the first ping */
	bool told;  /**< its state has been logged once */
	unsigned int misses; /**< commands and pings in a row that it left unanswered */
	int64_t next_ping_ms;
	int64_t next_probe_ms;
	uint64_t probe_seq; /**< transaction of the probe under way; 0: none */
	bool probe_told;    /**< a refused probe has been logged */
	size_t probe_interface;
	size_t address_count; /**< media addresses it was seen to use */
	char media_address[MED_MAX_INTERFACES][48];
	size_t new_count; /**< of the round of probes under way */
	char new_address[MED_MAX_INTERFACES][48];
} med_node_t;

struct med_listener {
	med_conf_t conf;
	const char *host;
	int fd;
	int epoll_fd;
	int64_t now_ms;
	int64_t acl_logged_ms;
	uint64_t cookie_hash; /**< of the command being handled */
	med_txns_t *txns;
	med_calls_t *calls;
	size_t node_count;
	med_node_t node[MED_MAX_NODES];
	med_policy_scratch_t scratch;
	char out[MED_BUFFER_SIZE];               /**< a command or reply being written */
	med_ng_command_view_t view;              /**< the command being handled */
	med_ng_dict_t dict;                      /**< the reply being handled */
	char buffer[MED_BATCH][MED_BUFFER_SIZE]; /**< datagrams just received */
	struct mmsghdr batch[MED_BATCH];
	struct iovec iov[MED_BATCH];
	med_sockaddr_t source[MED_BATCH];
};

/* node.c */

/** Alive ones first; by the Call-ID's hash, so that it needs no memory to find it again.
 */
med_node_t *med_node_for_call(med_listener_t *l, med_str_t call_id, uint8_t exclude);
/** It answered. */
void med_node_answered(med_listener_t *l, med_node_t *node);
/** It left a command unanswered. */
void med_node_missed(med_listener_t *l, med_node_t *node);
/** A command that may take its time was left unanswered: asked at once if it lives. */
void med_node_doubted(med_listener_t *l, med_node_t *node);
/** Its port is closed: nothing runs there. */
void med_node_refused(med_listener_t *l, med_node_t *node);
/** Pings and probes that are due; the time the next one is. */
int64_t med_nodes_tick(med_listener_t *l);
/** The reply to a probe offer of ours, by its transaction's seq. */
void med_node_probed(med_listener_t *l, med_node_t *node, uint64_t seq, med_str_t sdp);
/** No reply came to it: the round begins anew soon. */
void med_node_probe_lost(med_listener_t *l, med_node_t *node, uint64_t seq);

/* command.c */

/** A datagram from a client the listener may answer. */
void med_command(med_listener_t *l, const med_sockaddr_t *client, med_str_t datagram);
/** (Again) to the transaction's node, under a new cookie. */
void med_forward(med_listener_t *l, med_txn_t *txn);
/** The same once more under the same cookie; rtpengine knows it as the same. */
void med_resend(med_listener_t *l, med_txn_t *txn);
/** A first offer moves to another node. @return false where there is none or no time */
bool med_try_next_node(med_listener_t *l, med_txn_t *txn);
/** The offer of a transaction goes out; what it is to the call is known by now. */
void med_send_offer(med_listener_t *l, med_txn_t *txn);
/** A command of ours, without a client. @return its seq, 0 where there was no room */
uint64_t med_own_command(med_listener_t *l, enum med_txn_kind kind, med_node_t *node,
		const med_ng_command_view_t *ids, med_str_t body);
/**
 * Take an initial offer back: delete in rtpengine, at once, what it made there, and
 * forget it. Other branches of the call stay; so does an answered call of which no
 * branch can be named.
 */
void med_undo(med_listener_t *l, med_node_t *node, const med_ng_command_view_t *ids);

/**
 * The exchange that both sides last agreed on, said again: its offer, and after the reply
 * to that its answer.
 */
void med_say_again(med_listener_t *l, med_call_t *call, enum med_txn_kind kind);

/* reply.c */

/** A datagram from a node. */
void med_reply(med_listener_t *l, med_node_t *node, med_str_t datagram);
/** Answer the client with this dictionary and keep it for a repeated cookie. */
void med_answer(med_listener_t *l, med_txn_t *txn, med_str_t body);
/** Answer `error` with this reason. */
void med_answer_error(med_listener_t *l, med_txn_t *txn, const char *reason);
/** `error` with this reason into @p out, as a dictionary. */
void med_put_error(med_ng_out_t *out, const char *reason);
/** Deadline: told to the client; an initial offer is undone should its reply still come.
 */
void med_expired(med_listener_t *l, med_txn_t *txn);
/** The node is gone: another one or an error. */
void med_abandoned(med_listener_t *l, med_txn_t *txn);
/** A transaction that waited for a late reply in vain. */
void med_late_over(med_listener_t *l, med_txn_t *txn);

#endif
