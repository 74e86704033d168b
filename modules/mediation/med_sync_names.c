/**
 * med_sync_names.c - what the names of gateways stand for comes into force
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_sync_priv.h"

#include "med_compat.h"
#include "med_params.h"

#include <time.h>

#define NAMES_MS 10 /* answers come in bursts: one build for those of a moment */

static void on_found(void *ctx, med_str_t id, med_str_t name, const med_target_t *targets,
		size_t count)
{
	char first[48];
	bool changed;
	int rc = med_config_resolved(
			med_sync.config, id, name, targets, count, (int64_t)time(NULL), &changed);

	(void)ctx;
	if(rc == MED_ENOMEM)
		LM_ERR("out of memory for the addresses of gateway '%.*s'\n", MED_STR_FMT(id));
	if(!changed)
		return;
	med_ip_format(&targets[0].ip, first, sizeof first);
	LM_INFO("gateway '%.*s': '%.*s' is %s%s\n", MED_STR_FMT(id), MED_STR_FMT(name), first,
			count > 1 ? ", and others" : "");
	if(!med_sync.names_due)
		med_sync.names_due = med_sync_clock_ms() + NAMES_MS;
}

static void on_trouble(void *ctx, med_str_t id, med_str_t name, const char *text)
{
	(void)ctx;
	if(med_config_unresolved(med_sync.config, id, name, text) == MED_ENOMEM)
		LM_ERR("out of memory: gateway '%.*s': %s\n", MED_STR_FMT(id),
				text ? text : "resolved again");
	med_sync_collect_soon();
}

static void on_lookup(void *ctx, med_str_t gateway, const med_lookup_t *lookup)
{
	(void)ctx;
	if(med_resolver_want(med_sync.resolver, gateway, lookup) != MED_EOK)
		LM_ERR("out of memory: gateway '%.*s' is not looked up\n", MED_STR_FMT(gateway));
}

int med_sync_names_open(void)
{
	const med_resolve_handler_t handler = {on_found, on_trouble, NULL};
	med_errbuf_t err = {"out of memory"};

	if(med_resolver_new(med_param_dns_servers, &handler, &med_sync.resolver, &err)
			!= MED_EOK) {
		LM_ERR("dns_servers: %s\n", err.text);
		return -1;
	}
	med_config_set_lookup(med_sync.config, on_lookup, NULL);
	return 0;
}

bool med_sync_names_wait(void)
{
	/* half a change is not built; a whole one brings the names along */
	return med_sync.names_due && !med_sync.told && !med_sync.reading && !med_sync.unbuilt
			&& !med_sync.lost && !med_sync.status.applying[0];
}

void med_sync_names_run(int64_t now_ms)
{
	unsigned names, troubled;

	med_resolver_run(med_sync.resolver, now_ms);
	med_resolver_count(med_sync.resolver, &names, &troubled);
	if(names != med_sync.status.names || troubled != med_sync.status.names_troubled) {
		med_sync.status.names = names;
		med_sync.status.names_troubled = troubled;
		med_sync_collect_soon(); /* which tells it */
	}
	if(med_sync_names_wait() && now_ms >= med_sync.names_due)
		med_sync_apply_names();
}
