/**
 * med_params.c - defaults of the module parameters in med_params.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_params.h"

#include <stddef.h>

char *med_param_redis_url = "redis://127.0.0.1:6379/0";
char *med_param_redis_prefix = "med:1:";
char *med_param_status_prefix = "medrun:1:";
char *med_param_node = NULL;
char *med_param_pool = NULL;
char *med_param_rtpengine_sock = NULL;
char *med_param_last_known_good = "/var/lib/kamailio/mediation.lkg";
char *med_param_dns_servers = "";
int med_param_max_shrink = 50;
int med_param_applying_warning = 60;
int med_param_status_interval = 10;
int med_param_stranger_log_interval = 60;
int med_param_guard_counters = 16384;
int med_param_limit_calls = 8192;
int med_param_limit_lease = 14400;
int med_param_limit_share_ttl = 10;
int med_param_health_share_ttl = 5;
int med_param_explain_flag = -1;
int med_param_metrics_kb = 1024;
int med_param_events = 1;
