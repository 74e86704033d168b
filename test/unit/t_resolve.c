/**
 * t_resolve.c - names of gateways, asked of a DNS server that lives in this test
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE /* accept4 */
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core_test.h"
#include "medcore/resolve.h"

enum { A = 1, CNAME = 5, AAAA = 28, SRV = 33 };
enum { NXDOMAIN = 3, SERVFAIL = 2 };

/* One record of the zone; text: an address, a name, or "priority weight port host". */
typedef struct record {
	const char *name;
	int type;
	unsigned ttl;
	const char *text;
} record_t;

static struct {
	int fd, listener, stream; /* one question by TCP at a time */
	char address[32];
	const record_t *zone;
	size_t count;
	bool silent, garbage, failing;
	unsigned many; /* addresses of every name */
	unsigned asked;
	unsigned burst, most; /* asked at once */
} server;

static struct {
	char found[4096], trouble[512];
	unsigned founds, troubles;
	size_t count;
	med_target_t target[MED_TARGETS_MAX];
} told;

static med_resolver_t *resolver;
static int64_t now;

/* ---- the server ---- */

static size_t put_name(unsigned char *at, const char *name)
{
	unsigned char *start = at;

	while(*name != '\0') {
		size_t len = strcspn(name, ".");
		*at++ = (unsigned char)len;
		memcpy(at, name, len);
		at += len;
		name += len + (name[len] == '.');
	}
	*at++ = 0;
	return (size_t)(at - start);
}

static unsigned char *put16(unsigned char *at, unsigned value)
{
	at[0] = (unsigned char)(value >> 8);
	at[1] = (unsigned char)value;
	return at + 2;
}

static unsigned char *put_record(unsigned char *at, const record_t *record)
{
	unsigned char *length;
	unsigned priority, weight, port;
	char host[128];

	at += put_name(at, record->name);
	at = put16(at, (unsigned)record->type);
	at = put16(at, 1);
	at = put16(at, record->ttl >> 16);
	at = put16(at, record->ttl & 0xffff);
	length = at;
	at += 2;
	if(record->type == A || record->type == AAAA) {
		ck_assert_int_eq(
				inet_pton(record->type == A ? AF_INET : AF_INET6, record->text, at), 1);
		at += record->type == A ? 4 : 16;
	} else if(record->type == CNAME) {
		at += put_name(at, record->text);
	} else {
		ck_assert_int_eq(
				sscanf(record->text, "%u %u %u %127s", &priority, &weight, &port, host),
				4);
		at = put16(at, priority);
		at = put16(at, weight);
		at = put16(at, port);
		at += put_name(at, strcmp(host, ".") == 0 ? "" : host);
	}
	(void)put16(length, (unsigned)(at - length - 2));
	return at;
}

/* Its length with the header: what is behind it (EDNS, c-ares 1.34) is not answered. */
static size_t question(const unsigned char *query, char *name, size_t size, int *type)
{
	const unsigned char *at = query + 12;
	size_t used = 0;

	*name = '\0';
	for(; *at != 0; at += *at + 1)
		used += (size_t)snprintf(name + used, size - used, "%s%.*s", used > 0 ? "." : "",
				*at, (const char *)at + 1);
	*type = at[1] << 8 | at[2];
	return (size_t)(at + 5 - query);
}

static void answer(const unsigned char *query, const struct sockaddr_in *from)
{
	unsigned char reply[8192], *at;
	char name[300], next[300];
	unsigned answers = 0;
	bool known = false, again = true;
	int type;
	size_t asked = question(query, name, sizeof(name), &type), len = asked;

	at = reply + len;
	server.asked++;
	server.burst++;
	if(server.silent)
		return;
	memcpy(reply, query, len);
	reply[2] = 0x81;
	reply[3] = 0x80;
	snprintf(next, sizeof(next), "%s", name);
	for(int step = 0; again && step < 4; step++) {
		again = false;
		snprintf(name, sizeof(name), "%s", next);
		for(size_t i = 0; i < server.count; i++) {
			const record_t *r = &server.zone[i];
			if(strcmp(r->name, name) != 0)
				continue;
			known = true;
			if(r->type != type && r->type != CNAME)
				continue;
			at = put_record(at, r);
			answers++;
			if(r->type == CNAME && type != CNAME) {
				snprintf(next, sizeof(next), "%s", r->text);
				again = true;
			}
		}
	}
	for(unsigned i = 0; i < server.many && type == A; i++) {
		char ip[16];
		record_t r = {name, A, 60, ip};
		snprintf(ip, sizeof(ip), "10.0.0.%u", server.many - i);
		at = put_record(at, &r);
		answers++;
		known = true;
	}
	if(!known && !server.failing)
		reply[3] |= NXDOMAIN;
	if(server.failing)
		reply[3] |= SERVFAIL;
	(void)put16(reply + 6, answers);
	memset(reply + 8, 0, 4);
	if(server.garbage) /* after the question: as c-ares takes it for an answer to it */
		memset(reply + len, 0xc1, (size_t)(at - reply) - len);
	len = (size_t)(at - reply);
	if(from == NULL) {
		unsigned char size[2];
		(void)put16(size, (unsigned)len);
		ck_assert_int_eq(write(server.stream, size, 2), 2);
		ck_assert_int_eq(write(server.stream, reply, len), (ssize_t)len);
		return;
	}
	if(len > 512) { /* truncated: no answer rather than half of one */
		reply[2] |= 2;
		(void)put16(reply + 6, 0);
		len = asked;
	}
	(void)sendto(server.fd, reply, len, 0, (const void *)from, sizeof(*from));
}

static void serve(void)
{
	unsigned char query[512];
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	ssize_t n;

	server.burst = 0;
	while((n = recvfrom(
				   server.fd, query, sizeof(query), MSG_DONTWAIT, (void *)&from, &size))
			> 16)
		answer(query, &from);
	if(server.stream < 0)
		server.stream = accept4(server.listener, NULL, NULL, SOCK_NONBLOCK);
	n = server.stream < 0 ? -1 : read(server.stream, query, sizeof(query));
	if(n > 18)
		answer(query + 2, NULL);
	if(n == 0) {
		close(server.stream);
		server.stream = -1;
	}
	if(server.burst > server.most)
		server.most = server.burst;
}

/* ---- the one who wants to know ---- */

static void on_found(void *ctx, med_str_t id, med_str_t name, const med_target_t *targets,
		size_t count)
{
	char *at = told.found, *end = at + sizeof(told.found);

	(void)ctx, (void)id, (void)name;
	told.founds++;
	told.count = count;
	memcpy(told.target, targets, count * sizeof(*targets));
	*at = '\0';
	for(size_t i = 0; i < count; i++) {
		char ip[48];
		med_ip_format(&targets[i].ip, ip, sizeof(ip));
		at += snprintf(at, (size_t)(end - at), "%s%s", i == 0 ? "" : " ", ip);
		if(targets[i].port != 0)
			at += snprintf(at, (size_t)(end - at), ":%u/%u/%u/%u", targets[i].port,
					targets[i].priority, targets[i].weight, targets[i].transports);
	}
}

static void on_trouble(void *ctx, med_str_t id, med_str_t name, const char *text)
{
	(void)ctx, (void)id, (void)name;
	told.troubles += text != NULL;
	snprintf(told.trouble, sizeof(told.trouble), "%s", text == NULL ? "" : text);
}

static void want(const char *id, const char *name, bool srv, unsigned transports)
{
	med_lookup_t lookup = {med_str(name), srv, true, true, (uint8_t)transports};

	ck_assert_int_eq(
			med_resolver_want(resolver, med_str(id), name == NULL ? NULL : &lookup),
			MED_EOK);
}

/* Until nothing more happens for 60 ms. */
static void settle(void)
{
	for(int idle = 0; idle < 6;) {
		struct pollfd fds[MED_DNS_FDS + 1];
		int64_t deadline;
		size_t n;
		unsigned before = server.asked + told.founds + told.troubles;
		med_resolver_run(resolver, now);
		n = med_resolver_poll(resolver, fds, MED_DNS_FDS, now, &deadline);
		fds[n++] = (struct pollfd){.fd = server.fd, .events = POLLIN};
		(void)poll(fds, n, deadline <= now ? 0 : 10);
		serve();
		idle = server.asked + told.founds + told.troubles == before ? idle + 1 : 0;
	}
}

static void later(int seconds)
{
	while(seconds-- > 0) {
		now += 1000;
		med_resolver_run(resolver, now);
		serve();
	}
	settle();
}

static void setup(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(at);
	med_resolve_handler_t handler = {on_found, on_trouble, NULL};
	med_errbuf_t err = {""};

	memset(&server, 0, sizeof(server));
	memset(&told, 0, sizeof(told));
	server.stream = -1;
	/* one port of both kinds: somebody else may have the one that UDP gave us */
	for(int again = 100;; close(server.fd), close(server.listener)) {
		at.sin_port = 0;
		server.fd = socket(AF_INET, SOCK_DGRAM, 0);
		ck_assert_int_eq(bind(server.fd, (void *)&at, size), 0);
		ck_assert_int_eq(getsockname(server.fd, (void *)&at, &size), 0);
		server.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if(bind(server.listener, (void *)&at, size) == 0)
			break;
		ck_assert_int_gt(again--, 0);
	}
	ck_assert_int_eq(listen(server.listener, 4), 0);
	snprintf(server.address, sizeof(server.address), "127.0.0.1:%u", ntohs(at.sin_port));
	now = 1000000;
	ck_assert_int_eq(
			med_resolver_new(server.address, &handler, &resolver, &err), MED_EOK);
}

static void teardown(void)
{
	med_resolver_free(resolver);
	close(server.fd);
	close(server.listener);
	if(server.stream >= 0)
		close(server.stream);
}

static void zone(const record_t *records, size_t count)
{
	server.zone = records;
	server.count = count;
}
#define ZONE(...)                                                                        \
	static const record_t records[] = {__VA_ARGS__};                                     \
	zone(records, COUNT(records))

/* ---- tests ---- */

START_TEST(addresses_of_both_kinds)
{
	ZONE({"gw.example", A, 60, "192.0.2.2"}, {"gw.example", A, 60, "192.0.2.1"},
			{"gw.example", AAAA, 60, "2001:db8::1"});
	want("g", "GW.example.", false, MED_ALL_TRANSPORTS);
	settle();
	ck_assert_str_eq(told.found, "192.0.2.1 192.0.2.2 2001:db8::1");
	ck_assert_str_eq(told.trouble, "");
	ck_assert_uint_eq(told.target[0].transports, MED_ALL_TRANSPORTS);
}
END_TEST

START_TEST(asked_again_when_the_ttl_is_over)
{
	static const record_t after[] = {{"gw.example", A, 20, "192.0.2.9"}};
	unsigned asked, founds;
	ZONE({"gw.example", A, 20, "192.0.2.1"});

	want("g", "gw.example", false, MED_ALL_TRANSPORTS);
	settle();
	asked = server.asked;
	founds = told.founds;
	later(3);
	ck_assert_uint_eq(server.asked, asked);
	later(30);
	ck_assert_uint_gt(server.asked, asked);
	ck_assert_uint_eq(told.founds, founds); /* the same set: nobody is told */
	zone(after, 1);
	later(30);
	ck_assert_str_eq(told.found, "192.0.2.9");
}
END_TEST

START_TEST(ttl_of_nothing_and_of_years)
{
	ZONE({"a.example", A, 0, "192.0.2.1"}, {"b.example", A, 0x7fffffff, "192.0.2.2"});

	want("a", "a.example", false, MED_ALL_TRANSPORTS);
	settle();
	server.asked = 0;
	later(10);
	ck_assert_uint_le(server.asked, 8);
	ck_assert_uint_ge(server.asked, 2);
	want("a", NULL, false, 0);
	want("b", "b.example", false, MED_ALL_TRANSPORTS);
	settle();
	server.asked = 0;
	later(310);
	ck_assert_uint_ge(server.asked, 1);
}
END_TEST

START_TEST(failures_leave_what_was_found)
{
	ZONE({"gw.example", A, 5, "192.0.2.1"});

	want("g", "gw.example", false, MED_ALL_TRANSPORTS);
	settle();
	ck_assert_str_eq(told.found, "192.0.2.1");
	zone(NULL, 0);
	later(6);
	ck_assert_msg(strstr(told.trouble, "'gw.example' has no address in DNS") != NULL,
			"%s", told.trouble);
	ck_assert_str_eq(told.found, "192.0.2.1");
	server.failing = true;
	later(70);
	ck_assert_msg(strstr(told.trouble, "no DNS server has an answer") != NULL, "%s",
			told.trouble);
	ck_assert_str_eq(told.found, "192.0.2.1");
	/* the longer it lasts, the rarer it is asked */
	server.asked = 0;
	later(120);
	ck_assert_uint_le(server.asked, 16);
	server.failing = false;
	zone(records, 1);
	later(70);
	ck_assert_str_eq(told.trouble, "");
	ck_assert_uint_eq(told.troubles, 2);
}
END_TEST

START_TEST(one_kind_of_addresses_may_go)
{
	static const record_t after[] = {{"gw.example", A, 5, "192.0.2.1"}};
	ZONE({"gw.example", A, 5, "192.0.2.1"}, {"gw.example", AAAA, 5, "2001:db8::1"});

	want("g", "gw.example", false, MED_ALL_TRANSPORTS);
	settle();
	ck_assert_str_eq(told.found, "192.0.2.1 2001:db8::1");
	zone(after, 1);
	later(8);
	ck_assert_str_eq(told.found, "192.0.2.1");
	ck_assert_str_eq(told.trouble, "");
}
END_TEST

START_TEST(a_hundred_addresses)
{
	server.many = 30; /* more than a datagram takes: by TCP */
	want("g", "gw.example", false, MED_ALL_TRANSPORTS);
	settle();
	ck_assert_uint_eq(told.count, 30);
	ck_assert_uint_eq(told.target[0].ip.bytes[15], 1);
	ck_assert_str_eq(told.trouble, "");
	server.many = 100;
	later(70);
	ck_assert_uint_eq(told.count, MED_TARGETS_MAX);
	ck_assert_uint_eq(told.target[31].ip.bytes[15], 32);
	ck_assert_msg(strstr(told.trouble, "has 100 addresses: the first 32") != NULL, "%s",
			told.trouble);
	ck_assert_uint_eq(told.troubles, 1);
}
END_TEST

START_TEST(aliases)
{
	ZONE({"gw.example", CNAME, 600, "a.example"}, {"a.example", CNAME, 5, "b.example"},
			{"b.example", A, 600, "192.0.2.7"}, {"x.example", CNAME, 60, "y.example"},
			{"y.example", CNAME, 60, "x.example"});

	want("g", "gw.example", false, MED_ALL_TRANSPORTS);
	settle();
	ck_assert_str_eq(told.found, "192.0.2.7");
	server.asked = 0;
	later(6); /* the least TTL of the way */
	ck_assert_uint_ge(server.asked, 1);
	want("x", "x.example", false, MED_ALL_TRANSPORTS);
	settle();
	ck_assert_msg(told.trouble[0] != '\0', "a loop is no address");
}
END_TEST

START_TEST(services)
{
	ZONE({"_sip._tcp.itsp.example", SRV, 60, "20 0 5070 b.example"},
			{"_sip._tcp.itsp.example", SRV, 60, "10 60 5060 a.example"},
			{"_sip._tcp.itsp.example", SRV, 60, "10 20 5062 A.example"},
			{"_sips._tcp.itsp.example", SRV, 60, "0 0 5061 a.example"},
			{"a.example", A, 60, "192.0.2.1"}, {"b.example", A, 60, "192.0.2.2"},
			{"b.example", AAAA, 60, "2001:db8::2"});

	want("g", "itsp.example", true, 1u << MED_TCP);
	settle();
	ck_assert_str_eq(told.found,
			"192.0.2.1:5062/10/20/2 192.0.2.1:5060/10/60/2 "
			"192.0.2.2:5070/20/0/2 2001:db8::2:5070/20/0/2");
	ck_assert_str_eq(told.trouble, "");
	want("g", "itsp.example", true, 1u << MED_TCP | 1u << MED_TLS);
	settle();
	ck_assert_uint_eq(told.count, 5);
	ck_assert_uint_eq(told.target[0].port, 5061);
	ck_assert_uint_eq(told.target[0].transports, 1u << MED_TLS);
}
END_TEST

START_TEST(without_services_the_host_serves)
{
	ZONE({"gw.example", A, 60, "192.0.2.1"},
			{"_sip._udp.no.example", SRV, 60, "0 0 0 ."});

	want("g", "gw.example", true, 1u << MED_UDP);
	settle();
	ck_assert_str_eq(told.found, "192.0.2.1");
	ck_assert_str_eq(told.trouble, "");
	want("n", "no.example", true, 1u << MED_UDP);
	settle();
	ck_assert_msg(strstr(told.trouble, "no such service") != NULL, "%s", told.trouble);
}
END_TEST

START_TEST(garbage_and_silence)
{
	ZONE({"gw.example", A, 60, "192.0.2.1"});

	server.garbage = true;
	want("g", "gw.example", false, MED_ALL_TRANSPORTS);
	settle();
	ck_assert_uint_eq(told.founds, 0);
	ck_assert_msg(
			strstr(told.trouble, "cannot be looked up") != NULL, "%s", told.trouble);
	server.garbage = false;
	later(70);
	ck_assert_str_eq(told.found, "192.0.2.1");
	ck_assert_str_eq(told.trouble, "");
}
END_TEST

START_TEST(many_names_a_few_at_a_time)
{
	unsigned names, troubled;

	server.many = 1;
	for(unsigned i = 0; i < 10000; i++) {
		char id[16], name[32];
		snprintf(id, sizeof(id), "g%u", i);
		snprintf(name, sizeof(name), "gw%u.example", i);
		want(id, name, false, MED_ALL_TRANSPORTS);
	}
	med_resolver_run(resolver, now);
	serve();
	ck_assert_uint_ge(server.most, 1);
	ck_assert_uint_le(server.most, MED_RESOLVE_AT_A_TURN * 2); /* for each family */
	for(unsigned i = 0; i < MED_RESOLVE_AT_ONCE; i++)
		med_resolver_run(resolver, now);
	settle();
	ck_assert_uint_eq(told.founds, 10000);
	ck_assert_uint_gt(server.most, MED_RESOLVE_AT_ONCE / 2);
	ck_assert_uint_le(server.most, MED_RESOLVE_AT_ONCE * 2);
	med_resolver_count(resolver, &names, &troubled);
	ck_assert_uint_eq(names, 10000);
	ck_assert_uint_eq(troubled, 0);
	for(unsigned i = 0; i < 10000; i += 2) {
		char id[16];
		snprintf(id, sizeof(id), "g%u", i);
		want(id, NULL, false, 0);
	}
	med_resolver_count(resolver, &names, &troubled);
	ck_assert_uint_eq(names, 5000);
}
END_TEST

START_TEST(told_again_to_who_asks_again)
{
	unsigned founds;
	ZONE({"gw.example", A, 60, "192.0.2.1"});

	want("g", "gw.example", false, MED_ALL_TRANSPORTS);
	settle();
	founds = told.founds;
	server.asked = 0;
	want("g", "gw.example", false, MED_ALL_TRANSPORTS);
	settle();
	ck_assert_uint_eq(told.founds, founds + 1);
	ck_assert_uint_eq(server.asked, 0);
	want("h", "gw.example", false, MED_ALL_TRANSPORTS); /* the question is shared */
	settle();
	ck_assert_uint_eq(told.founds, founds + 2);
	ck_assert_uint_eq(server.asked, 0);
}
END_TEST

START_TEST(servers_that_are_none)
{
	med_resolve_handler_t handler = {on_found, on_trouble, NULL};
	med_resolver_t *other = NULL;
	med_errbuf_t err = {""};

	ck_assert_int_eq(med_resolver_new("ns.example", &handler, &other, &err), MED_EINVAL);
	ck_assert_msg(strstr(err.text, "ns.example") != NULL, "%s", err.text);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {addresses_of_both_kinds,
			asked_again_when_the_ttl_is_over, ttl_of_nothing_and_of_years,
			failures_leave_what_was_found, one_kind_of_addresses_may_go,
			a_hundred_addresses, aliases, services, without_services_the_host_serves,
			garbage_and_silence, many_names_a_few_at_a_time, told_again_to_who_asks_again,
			servers_that_are_none};

	return run_tests("resolve", setup, teardown, tests, COUNT(tests));
}
