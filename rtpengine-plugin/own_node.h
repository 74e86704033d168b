/**
 * own_node.h - the ng port of the rtpengine a plugin is inside of
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_OWN_NODE_H
#define MED_OWN_NODE_H

#include <stdbool.h>
#include <stddef.h>

#define MED_RTPENGINE_CONF "/etc/rtpengine/rtpengine.conf"

/**
 * `listen-ng` as rtpengine itself would find it: on its command line, else in its config
 * file. Reads that file; call it before rtpengine changes its directory.
 *
 * @param config  the file where the command line names none
 * @return false where it stands nowhere
 */
bool med_own_listen(
		int argc, char *const *argv, const char *config, char *value, size_t size);

/**
 * Where to reach what rtpengine is told by that value, [address:]port: a name is looked
 * up, an address of all becomes loopback. What cannot be made out is left as it is.
 */
void med_own_address(const char *value, char *node, size_t size);

#endif
