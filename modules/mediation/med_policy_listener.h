/**
 * med_policy_listener.h - is the plugin there, in front of rtpengine?
 *
 * Asked in the background by the Redis process; workers only read shared memory.
 * A plain rtpengine answers `ok` to keys it does not know (design 5): so without a fresh
 * yes, a leg that needs policy is refused.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_POLICY_LISTENER_H
#define MED_POLICY_LISTENER_H

#include "medcore/common.h"
#include "medcore/model.h"

#define MED_LISTENERS_MAX 16
#define MED_LISTENER_FRESH_MS 3000 /**< a yes older than this is none */

/**
 * In mod_init, before the fork.
 * @param socks  ng sockets as the rtpengine module takes them, `udp:127.0.0.1:2224`,
 *               separated by space; NULL or empty: there is none. 0, or -1 (logged)
 */
int med_policy_listener_init(const char *socks);
void med_policy_listener_destroy(void);

/**
 * A fresh yes from one listener at least, and none that answers as something else, a
 * plain rtpengine say? One that is silent beside a fresh one is no obstacle: the
 * rtpengine module goes on to the next. From any process, no lock.
 */
bool med_policy_listener_present(void);

/** Why not, for people: "127.0.0.1:22222 answers as plain rtpengine, not as the plugin".
 */
void med_policy_listener_reason(char *text, size_t size);

/** Is this one of the addresses rtpengine anchors media at? From any process, no lock. */
bool med_policy_listener_anchors(const med_ip_t *address);

/** Is any of them of this family? As above. */
bool med_policy_listener_anchors_in(bool ipv6);
bool med_is_ipv6(const med_ip_t *ip);

/** One listener as RPC shows it. */
typedef struct med_listener_view {
	char sock[72];
	bool fresh;
	bool blocks; /**< answers, but not as the plugin */
	char version[40], host[40], nodes[160];
	char text[160]; /**< empty, or why it is not fresh */
} med_listener_view_t;
/** false: there are no more. */
bool med_policy_listener_view(unsigned index, med_listener_view_t *view);

/** Redis process only: sockets to poll and when to come again; then do what is due. */
struct pollfd;
int med_policy_listener_open(void);
size_t med_policy_listener_poll(struct pollfd *fds, size_t max, int64_t *deadline_ms);
void med_policy_listener_run(int64_t now_ms);

#endif
