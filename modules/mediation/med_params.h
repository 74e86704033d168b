/**
 * med_params.h - module parameters of the Redis process, RPC and policy listener
 *
 * Set by Kamailio's modparam() before mod_init, constant afterwards. mediation_mod.c has
 * the table of names; the defaults are in med_params.c.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_PARAMS_H
#define MED_PARAMS_H

/** `redis_url`: see modules/medcore/store.h; default "redis://127.0.0.1:6379/0". */
extern char *med_param_redis_url;
/** `redis_prefix` of configuration keys; default "med:1:". */
extern char *med_param_redis_prefix;
/** `status_prefix` of what this node writes; default "medrun:1:". */
extern char *med_param_status_prefix;
/** `node`: this node's name in its status key; default: the host's name. */
extern char *med_param_node;
/** `rtpengine_sock`: as in the rtpengine module, "udp:127.0.0.1:2224", several by space.
 */
extern char *med_param_rtpengine_sock;
/** `last_known_good`: file of the last known good configuration; "": none is kept. */
extern char *med_param_last_known_good;
/** `max_shrink`: percent of the trunks or routes that one read of everything may take
 * out of force without being confirmed; default 50, 100: all. */
extern int med_param_max_shrink;
/** `applying_warning`: seconds after which a writer in pieces is told in the log. */
extern int med_param_applying_warning;
/** `pool`: which pool this node is of; NULL: none. */
extern char *med_param_pool;
/** `dns_servers`: asked instead of those in resolv.conf, by comma; "": these are. */
extern char *med_param_dns_servers;
/** `status_interval` seconds between two writes of an unchanged status; default 10. */
extern int med_param_status_interval;
/** `stranger_log_interval`: seconds between two lines about one unknown source; 60. */
extern int med_param_stranger_log_interval;
/** `guard_counters`: callers, destinations and trunks that guards tell apart; 16384. */
extern int med_param_guard_counters;
/** `limit_calls`: calls at a time that limits count; 8192. */
extern int med_param_limit_calls;
/** `limit_lease`: seconds that a call is counted of which nothing more is heard; 14400.
 */
extern int med_param_limit_lease;
/** `limit_share_ttl`: seconds after which other nodes get what a silent one had of shared
 * limits; 10, 0: each node counts for itself. */
extern int med_param_limit_share_ttl;
/** `health_share_ttl`: seconds after which a silent node's word about trunks counts no
 * more, and it asks them no longer for others; 5, 0: nodes tell each other nothing. */
extern int med_param_health_share_ttl;
/** `explain_flag`: calls with this flag are told of in a line of the log; -1: none. */
extern int med_param_explain_flag;
/** `events`: what happens is written to the stream `<status_prefix>events`; 1. */
extern int med_param_events;
/** `metrics_kb`: kilobytes that a reply of med_metrics() has at most; 1024. */
extern int med_param_metrics_kb;

#endif
