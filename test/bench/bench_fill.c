/**
 * bench_fill.c - the data set of the decide benchmark, written to a Redis
 *
 * Ids of routes have twelve digits, as redis-benchmark makes them of __rand_int__.
 *
 *   bench_fill <redis port> <trunks> <routes> [usage]   all routes in one usage
 *   bench_fill <redis port> <trunks> 0                  the trunks alone
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test/bench/decide.h"

#define AT_ONCE 1000 /* commands sent before their replies are awaited */

static FILE *to, *from;
static unsigned pending;

static void fail(const char *what)
{
	fprintf(stderr, "bench_fill: %s\n", what);
	exit(1);
}

static void take_replies(void)
{
	char line[256];

	if(fflush(to) != 0)
		fail("cannot write to Redis");
	for(; pending > 0; pending--) {
		if(fgets(line, sizeof(line), from) == NULL || line[0] == '-')
			fail("Redis refused a command");
	}
}

/* One hash: its key, then field names and values, closed by NULL. */
static void put(const char *key, ...)
{
	const char *words[16] = {"HSET", key};
	size_t count = 2;
	va_list args;

	va_start(args, key);
	while((words[count] = va_arg(args, const char *)) != NULL)
		count++;
	va_end(args);
	fprintf(to, "*%zu\r\n", count);
	for(size_t i = 0; i < count; i++)
		fprintf(to, "$%zu\r\n%s\r\n", strlen(words[i]), words[i]);
	if(++pending == AT_ONCE)
		take_replies();
}

static void put_trunk(size_t i)
{
	char key[48], gateway[24], address[40];

	snprintf(gateway, sizeof(gateway), "g%012zu", i);
	snprintf(key, sizeof(key), "med:1:gateway:%s", gateway);
	if(decide_trunk_is_tls(i))
		snprintf(address, sizeof(address), "gw%05zu.example.net", i);
	else
		snprintf(address, sizeof(address), "10.1.%zu.%zu", i / 250, i % 250 + 1);
	put(key, "address", address, (char *)NULL);
	snprintf(key, sizeof(key), "med:1:trunk:t%012zu", i);
	put(key, "gateway", gateway, "transport", decide_trunk_is_tls(i) ? "tls" : "tcp",
			(char *)NULL);
}

static void put_route(const decide_route_t *r, size_t i, const char *usage)
{
	char key[48], own_usage[12], priority[4], trunks[128];
	size_t used = 0;

	snprintf(key, sizeof(key), "med:1:route:r%012zu", i);
	snprintf(own_usage, sizeof(own_usage), "u%03u", r->usage);
	snprintf(priority, sizeof(priority), "%u", r->priority);
	for(unsigned k = 0; k < r->trunk_count; k++)
		used += (size_t)snprintf(trunks + used, sizeof(trunks) - used, "%st%012u*%u",
				k == 0 ? "" : ",", r->trunk[k], r->weight[k]);
	put(key, "pattern", r->pattern, "usages", usage == NULL ? own_usage : usage, "trunks",
			trunks, "priority", priority, (char *)NULL);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {
			.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	size_t trunks, routes;
	decide_set_t *set;

	if(argc < 4 || argc > 5)
		fail("wrong number of arguments");
	address.sin_port = htons((uint16_t)atoi(argv[1]));
	trunks = (size_t)atol(argv[2]);
	routes = (size_t)atol(argv[3]);
	if(fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		fail("no Redis");
	to = fdopen(fd, "w");
	from = fdopen(dup(fd), "r");
	if(to == NULL || from == NULL)
		fail("out of memory");
	if(routes == 0) {
		for(size_t i = 0; i < trunks; i++)
			put_trunk(i);
	} else {
		set = decide_set_new(routes, trunks);
		for(size_t i = 0; i < routes; i++)
			put_route(&set->route[i], i, argc > 4 ? argv[4] : NULL);
		decide_set_free(set);
	}
	take_replies();
	return 0;
}
