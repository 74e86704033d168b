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

/** In mod_init; @p socks is the list of ng sockets, as `udp:127.0.0.1:22222`. */
int med_policy_listener_init(const char *socks);

/** A fresh yes from every listener asked within the last few seconds? */
bool med_policy_listener_present(void);

/** Why not, for people: "127.0.0.1:22222 answers as plain rtpengine, not as the plugin". */
void med_policy_listener_reason(char *text, size_t size);

/** Is this one of the addresses rtpengine anchors media at? */
bool med_policy_listener_anchors(const med_ip_t *address);

#endif
