/**
 * dns.c - see dns.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define CARES_NO_DEPRECATED /* what Debian 13's replaces by what Debian 12's has not */

#include <ares.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "medcore/dns.h"

#define TIMEOUT_MS 1500 /* of the first try; twice of the second */
#define TRIES 2
#define RESOLV_CONF "/etc/resolv.conf"
#define LOOK_AGAIN_MS 5000 /* at resolv.conf */
#define ADDRESSES_MAX 4096 /* more do not fit into a reply */
#define SERVICES_READ 256  /* of a reply, to be put in order */

/** A socket that c-ares waits for. */
typedef struct med_dns_fd {
	int fd;
	short events;
} med_dns_fd_t;

struct med_dns {
	ares_channel channel;
	const char *servers;
	size_t count;
	med_dns_fd_t fds[MED_DNS_FDS];
	size_t open; /* questions */
	int64_t look_due;
	struct timespec conf; /* when resolv.conf was changed last */
};

typedef struct med_asked {
	med_dns_t *dns;
	enum med_dns_type type;
	med_dns_cb cb;
	void *ctx;
} med_asked_t;

/* ---- the channel ----------------------------------------------------------------------
 */

static void on_socket(void *ctx, ares_socket_t fd, int readable, int writable)
{
	med_dns_t *dns = ctx;
	short events = (short)((readable ? POLLIN : 0) | (writable ? POLLOUT : 0));
	size_t at = 0;

	while(at < dns->count && dns->fds[at].fd != fd)
		at++;
	if(at < dns->count && events == 0)
		dns->fds[at] = dns->fds[--dns->count];
	else if(at < dns->count)
		dns->fds[at].events = events;
	else if(events != 0 && at < MED_DNS_FDS)
		dns->fds[dns->count++] = (med_dns_fd_t){fd, events};
	/* one too many is read at the next timeout: a server more than anybody has */
}

static struct timespec conf_changed(void)
{
	struct stat about;

	return stat(RESOLV_CONF, &about) == 0 ? about.st_mtim : (struct timespec){0, 0};
}

static int open_channel(med_dns_t *dns, med_errbuf_t *err)
{
	char lookups[] = "fb"; /* /etc/hosts, then DNS */
	struct ares_options options = {.timeout = TIMEOUT_MS,
			.tries = TRIES,
			.lookups = lookups,
			.sock_state_cb = on_socket,
			.sock_state_cb_data = dns};
	int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS
			| ARES_OPT_SOCK_STATE_CB;
	int rc;

#ifdef ARES_OPT_QUERY_CACHE /* since 1.31; off: who asks wants to know it anew */
	mask |= ARES_OPT_QUERY_CACHE;
#endif
	rc = ares_init_options(&dns->channel, &options, mask);

	if(rc != ARES_SUCCESS) {
		dns->channel = NULL;
		return rc == ARES_ENOMEM
				? MED_ENOMEM
				: med_fail(err, MED_EINVAL, "the resolver: %s", ares_strerror(rc));
	}
	dns->conf = conf_changed();
	if(dns->servers == NULL)
		return MED_EOK;
	rc = ares_set_servers_ports_csv(dns->channel, dns->servers);
	if(rc == ARES_SUCCESS)
		return MED_EOK;
	ares_destroy(dns->channel);
	dns->channel = NULL;
	return rc == ARES_ENOMEM ? MED_ENOMEM
							 : med_fail(err, MED_EINVAL,
									 "DNS servers '%s': addresses are right, with or "
									 "without a port, and a comma between them",
									 dns->servers);
}

int med_dns_new(const char *servers, med_dns_t **dns, med_errbuf_t *err)
{
	med_dns_t *made;
	int rc;

	if(ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		return MED_ENOMEM;
	made = calloc(1, sizeof(*made));
	if(made == NULL)
		return MED_ENOMEM;
	made->servers = servers != NULL && servers[0] != '\0' ? servers : NULL;
	rc = open_channel(made, err);
	if(rc != MED_EOK) {
		free(made);
		return rc;
	}
	*dns = made;
	return MED_EOK;
}

void med_dns_free(med_dns_t *dns)
{
	if(dns == NULL)
		return;
	if(dns->channel != NULL)
		ares_destroy(dns->channel);
	free(dns);
}

/* Other servers since: with the next question they are asked. */
static void look_at_conf(med_dns_t *dns, int64_t now_ms)
{
	struct timespec changed;
	ares_channel before = dns->channel;

	if(now_ms < dns->look_due || dns->open > 0)
		return;
	dns->look_due = now_ms + LOOK_AGAIN_MS;
	changed = conf_changed();
	if(dns->channel != NULL && changed.tv_sec == dns->conf.tv_sec
			&& changed.tv_nsec == dns->conf.tv_nsec)
		return;
	if(open_channel(dns, NULL) != MED_EOK)
		dns->channel = before;
	else if(before != NULL)
		ares_destroy(before);
}

size_t med_dns_poll(
		med_dns_t *dns, struct pollfd *fds, size_t max, int64_t now_ms, int64_t *deadline)
{
	struct timeval wait,
			*left = dns->channel == NULL ? NULL : ares_timeout(dns->channel, NULL, &wait);
	size_t n = 0;

	*deadline = left == NULL
			? INT64_MAX
			: now_ms + (int64_t)left->tv_sec * 1000 + (left->tv_usec + 999) / 1000;
	for(; n < dns->count && n < max; n++)
		fds[n] = (struct pollfd){.fd = dns->fds[n].fd, .events = dns->fds[n].events};
	return n;
}

void med_dns_run(med_dns_t *dns, int64_t now_ms)
{
	struct pollfd fds[MED_DNS_FDS];
	nfds_t n = 0;

	look_at_conf(dns, now_ms);
	if(dns->open == 0 || dns->channel == NULL)
		return;
	for(; n < dns->count; n++)
		fds[n] = (struct pollfd){.fd = dns->fds[n].fd, .events = dns->fds[n].events};
	if(n > 0 && poll(fds, n, 0) > 0) {
		for(nfds_t i = 0; i < n; i++) {
			if(fds[i].revents != 0)
				ares_process_fd(dns->channel,
						fds[i].revents & ~POLLOUT ? fds[i].fd : ARES_SOCKET_BAD,
						fds[i].revents & POLLOUT ? fds[i].fd : ARES_SOCKET_BAD);
		}
	}
	ares_process_fd(dns->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD); /* timeouts */
}

/* ---- answers --------------------------------------------------------------------------
 */

static void answer(med_asked_t *asked, const med_dns_answer_t *what)
{
	med_dns_cb cb = asked->cb;
	void *ctx = asked->ctx;

	asked->dns->open--;
	free(asked);
	cb(ctx, what);
}

static void answer_without(med_asked_t *asked, int status)
{
	med_dns_answer_t what = {.outcome = MED_DNS_FAILED};

	switch(status) {
		case ARES_SUCCESS:
		case ARES_ENODATA:
		case ARES_ENOTFOUND:
			what.outcome = MED_DNS_NONE;
			break;
		case ARES_ETIMEOUT:
			what.why = "no DNS server answers";
			break;
		case ARES_ECONNREFUSED: /* c-ares' word for all that leads to the next server */
		case ARES_ESERVFAIL:
		case ARES_EREFUSED:
		case ARES_ENOTIMP:
			what.why = "no DNS server has an answer";
			break;
		case ARES_ENOMEM:
			what.why = "out of memory";
			break;
		case ARES_EBADNAME:
		case ARES_EFORMERR:
			what.why = "DNS can have no such name";
			break;
		default:
			what.why = "the DNS servers' answer cannot be read";
			break;
	}
	answer(asked, &what);
}

static bool ip_of(const struct sockaddr *address, enum med_dns_type type, med_ip_t *ip)
{
	ip->prefix = 128;
	if(type == MED_DNS_A && address->sa_family == AF_INET) {
		memset(ip->bytes, 0, 10);
		ip->bytes[10] = ip->bytes[11] = 0xff;
		memcpy(ip->bytes + 12,
				&((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
		return true;
	}
	if(type == MED_DNS_AAAA && address->sa_family == AF_INET6) {
		memcpy(ip->bytes,
				&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
		return true;
	}
	return false;
}

static uint32_t least_ttl(uint32_t ttl, int other)
{
	return other < 0 ? 0 : (uint32_t)other < ttl ? (uint32_t)other : ttl;
}

static void on_addresses(void *ctx, int status, int timeouts, struct ares_addrinfo *found)
{
	med_dns_answer_t what = {.outcome = MED_DNS_FOUND, .ttl = UINT32_MAX};
	med_asked_t *asked = ctx;
	med_ip_t *ips = NULL;

	(void)timeouts;
	if(status == ARES_SUCCESS && found != NULL)
		ips = malloc(ADDRESSES_MAX * sizeof(*ips));
	if(ips == NULL) {
		if(found != NULL)
			ares_freeaddrinfo(found);
		answer_without(asked, status == ARES_SUCCESS ? ARES_ENOMEM : status);
		return;
	}
	for(const struct ares_addrinfo_node *node = found->nodes;
			node != NULL && what.count < ADDRESSES_MAX; node = node->ai_next) {
		if(!ip_of(node->ai_addr, asked->type, &ips[what.count]))
			continue;
		what.ttl = least_ttl(what.ttl, node->ai_ttl);
		what.count++;
	}
	for(const struct ares_addrinfo_cname *alias = found->cnames; alias != NULL;
			alias = alias->next)
		what.ttl = least_ttl(what.ttl, alias->ttl);
	ares_freeaddrinfo(found);
	what.ips = ips;
	if(what.count > 0)
		answer(asked, &what);
	else
		answer_without(asked, ARES_ENODATA);
	free(ips);
}

static uint32_t read16(const unsigned char *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

/* A name in a reply, lower case; its bytes there, 0: none, or too long. */
static size_t read_name(const unsigned char *reply, size_t len, const unsigned char *at,
		char name[MED_DNS_NAME_MAX])
{
	char *text = NULL;
	long taken = 0;
	size_t size;

	if(at >= reply + len
			|| ares_expand_name(at, reply, (int)len, &text, &taken) != ARES_SUCCESS)
		return 0;
	size = strlen(text);
	if(size == 0)
		memcpy(name, ".", 2);
	else if(size < MED_DNS_NAME_MAX)
		memcpy(name, text, size + 1);
	ares_free_string(text);
	for(char *c = name; size < MED_DNS_NAME_MAX && *c != '\0'; c++) {
		if(*c >= 'A' && *c <= 'Z')
			*c = (char)(*c | 0x20);
	}
	return size < MED_DNS_NAME_MAX && taken > 0 ? (size_t)taken : 0;
}

static int compare_services(const void *a, const void *b)
{
	const med_service_t *x = a, *y = b;

	if(x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	if(x->weight != y->weight)
		return x->weight < y->weight ? -1 : 1;
	if(x->port != y->port)
		return x->port < y->port ? -1 : 1;
	return strcmp(x->host, y->host);
}

/* Those of the answers that are of a service; the names before them may be aliases. */
static size_t read_services(const unsigned char *reply, size_t len,
		const unsigned char *at, unsigned answers, med_service_t *services, uint32_t *ttl)
{
	const unsigned char *end = reply + len;
	char name[MED_DNS_NAME_MAX];
	size_t count = 0, taken, size;

	while(answers-- > 0 && count < SERVICES_READ) {
		uint32_t type, seconds;
		taken = read_name(reply, len, at, name);
		if(taken == 0 || (size_t)(end - at) < taken + 10)
			break;
		at += taken;
		type = read16(at);
		seconds = read16(at + 4) << 16 | read16(at + 6);
		size = read16(at + 8);
		at += 10;
		if((size_t)(end - at) < size)
			break;
		if(seconds < *ttl)
			*ttl = seconds;
		if(type == 33 && size > 6) {
			med_service_t *service = &services[count];
			service->priority = (uint16_t)read16(at);
			service->weight = (uint16_t)read16(at + 2);
			service->port = (uint16_t)read16(at + 4);
			count += read_name(reply, len, at + 6, service->host) > 0;
		}
		at += size;
	}
	return count;
}

size_t med_services_parse(const unsigned char *reply, size_t len,
		med_service_t services[MED_SERVICES_MAX], uint32_t *ttl)
{
	const unsigned char *at = reply + 12;
	char name[MED_DNS_NAME_MAX];
	med_service_t *all;
	size_t count, taken;

	*ttl = UINT32_MAX;
	if(len < 12 || len > 65535 || read16(reply + 4) != 1)
		return 0;
	taken = read_name(reply, len, at, name);
	if(taken == 0 || len - 12 < taken + 4)
		return 0;
	all = malloc(SERVICES_READ * sizeof(*all));
	if(all == NULL)
		return 0;
	count = read_services(reply, len, at + taken + 4, read16(reply + 6), all, ttl);
	if(count > 1)
		qsort(all, count, sizeof(*all), compare_services);
	if(count > MED_SERVICES_MAX)
		count = MED_SERVICES_MAX;
	if(count > 0)
		memcpy(services, all, count * sizeof(*all));
	free(all);
	return count;
}

static void on_services(
		void *ctx, int status, int timeouts, unsigned char *reply, int len)
{
	static med_service_t services[MED_SERVICES_MAX];
	med_dns_answer_t what = {.outcome = MED_DNS_FOUND, .services = services};
	med_asked_t *asked = ctx;

	(void)timeouts;
	if(status == ARES_SUCCESS && reply != NULL && len > 0)
		what.count = med_services_parse(reply, (size_t)len, services, &what.ttl);
	if(what.count > 0)
		answer(asked, &what);
	else
		answer_without(asked, status);
}

void med_dns_ask(med_dns_t *dns, enum med_dns_type type, const char *name, med_dns_cb cb,
		void *ctx)
{
	struct ares_addrinfo_hints hints = {.ai_flags = ARES_AI_NOSORT,
			.ai_family = type == MED_DNS_A ? AF_INET : AF_INET6,
			.ai_socktype = SOCK_STREAM};
	med_asked_t *asked = malloc(sizeof(*asked));
	med_dns_answer_t failed = {.outcome = MED_DNS_FAILED, .why = "out of memory"};

	if(asked == NULL || dns->channel == NULL) {
		free(asked);
		cb(ctx, &failed);
		return;
	}
	*asked = (med_asked_t){dns, type, cb, ctx};
	dns->open++;
	if(type == MED_DNS_SRV)
		ares_query(dns->channel, name, 1, 33, on_services, asked);
	else
		ares_getaddrinfo(dns->channel, name, NULL, &hints, on_addresses, asked);
}
