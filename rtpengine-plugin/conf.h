/**
 * conf.h - the listener's keyfile
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_CONF_H
#define MED_CONF_H

#include "net.h"

#define MED_MAX_NODES 8
#define MED_MAX_ALLOW 32
#define MED_MAX_ADDRESSES 32
#define MED_MAX_INTERFACES 8
/** Addresses in a hello; as many as the Kamailio module takes, in 4096 bytes. */
#define MED_MAX_TOLD 64

/** Where the keyfile is; a program option of the daemon goes before it. */
#define MED_CONF_ENV "MEDIATION_PLUGIN_CONFIG"
#define MED_CONF_DEFAULT "/etc/mediation/rtpengine-plugin.conf"
/** Overrides `listen` of the keyfile, for start-up scripts. */
#define MED_CONF_LISTEN_ENV "MEDIATION_PLUGIN_LISTEN"

typedef struct med_conf {
	med_sockaddr_t listen;
	size_t node_count;
	med_sockaddr_t node[MED_MAX_NODES];
	size_t allow_count;
	med_network_t allow[MED_MAX_ALLOW];
	size_t address_count; /**< media addresses that are told, beside those learned */
	char address[MED_MAX_ADDRESSES][48];
	size_t interface_count; /**< rtpengine's logical interfaces to ask; 0: its default */
	char interface[MED_MAX_INTERFACES][48];
	int deadline_ms;
	int ping_interval_ms;
	int replay_ms;
	int call_age_s;
	int max_calls;
	bool use_syslog;
	int log_level;
} med_conf_t;

/**
 * Defaults, then the keyfile, then the environment.
 *
 * @param path      NULL: from the environment or the default place, which may be absent
 * @param own_node  used where the keyfile names no node; NULL: Debian's default port
 * @return MED_EOK, or an error with a text that names file, key and remedy
 */
int med_conf_load(
		const char *path, const char *own_node, med_conf_t *conf, med_errbuf_t *err);

#endif
