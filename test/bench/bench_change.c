/**
 * bench_change.c - how long after an HSET's reply every worker acts by it
 *
 * Changes the port of one trunk after the other in Redis, or sends one route after the
 * other to the trunk `new`. After each change every worker gets calls by that route until
 * one arrives at the new port; the sample is the time from Redis's reply to the arrival
 * by the last worker. Other calls run all the while; all must end as they should.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

/*
 *   bench_change <redis port> <caller's port> <old port> <new port> <trunks>
 *                trunk|route|<pace> <changes> <calls a second> <worker's port>...
 *
 * A pace: so many changes a second to trunks and routes in turn, which nobody waits for;
 * only the calls are looked at.
 */
#define _GNU_SOURCE /* memmem, ppoll */
#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WORKERS_MAX 16
#define CALLS_MAX 400000
#define HOLD_NS 20000000LL /* from 200 to BYE */
#define WARM_RATE 800      /* calls a second before the first change */
/* Between two calls by which a worker is asked, one worker after the other: a change is
 * seen later by that much at most, and asking takes few enough of the CPU that it is not
 * what the change waits for. */
#define PROBE_NS 1000000LL
#define BEHIND_NS 100000000LL    /* calls that are late by more are not made up for */
#define PATIENCE_NS 5000000000LL /* a call or a change that takes longer is lost */

/** Of each call, by its number, which is its Call-ID. */
enum call_state { CALL_SENT = 1, CALL_ANSWERED, CALL_ENDING, CALL_DONE, CALL_WRONG };

static struct call {
	uint8_t state;
	bool probe;
	uint8_t worker;
	int change; /**< of a probe */
	int64_t when;
} calls[CALLS_MAX];

static int call_count, caller, answerers[2], redis_fd, worker_count;
static int caller_port, answer_port[2], worker_port[WORKERS_MAX];
static int trunks, changes, rate, pace;
static bool change_routes;

/** The change under way. */
static struct {
	int number, trunk;
	bool shown[WORKERS_MAX];
	int64_t ask[WORKERS_MAX]; /**< when to send the next call; INT64_MAX: one is out */
	int left;
	int64_t since, last;
	int old; /**< INVITEs that still showed the old value */
} change;

static int64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void fail(const char *what)
{
	fprintf(stderr, "bench_change: %s\n", what);
	exit(1);
}

static struct sockaddr_in address(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
			.sin_port = htons((uint16_t)port),
			.sin_addr = {htonl(INADDR_LOOPBACK)}};

	return a;
}

static int udp_socket(int port)
{
	struct sockaddr_in a = address(port);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), size = 8 << 20;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
	if(fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a))
		fail("cannot bind a port");
	return fd;
}

static void send_to(int fd, int port, const char *text, size_t len)
{
	struct sockaddr_in a = address(port);

	if(sendto(fd, text, len, 0, (struct sockaddr *)&a, sizeof a) != (ssize_t)len)
		fail("a datagram cannot be sent");
}

/* ---- SIP, as much as is needed ---- */

/** Copies every header of this name from @p in; with @p as under another name. */
static size_t copy_headers(
		const char *in, const char *name, const char *as, char *out, size_t size)
{
	size_t len = 0, n = strlen(name);

	for(const char *line = strstr(in, "\r\n"); line; line = strstr(line + 2, "\r\n")) {
		const char *end = strstr(line + 2, "\r\n");
		if(!end || end == line + 2)
			break;
		if(strncasecmp(line + 2, name, n) != 0 || line[2 + n] != ':')
			continue;
		len += (size_t)snprintf(out + len, size - len, "%s%.*s\r\n", as,
				(int)(end - line - 2 - (long)n), line + 2 + n);
	}
	return len;
}

/** Record-Route of an answer, last first, as Route. */
static size_t routes_of(const char *in, char *out, size_t size)
{
	char line[8][300], all[2400];
	size_t len = 0, count = 0;

	all[copy_headers(in, "Record-Route", "Route", all, sizeof all)] = '\0';
	for(char *p = strtok(all, "\r\n"); p && count < 8; p = strtok(NULL, "\r\n"))
		snprintf(line[count++], sizeof line[0], "%.299s", p);
	while(count)
		len += (size_t)snprintf(out + len, size - len, "%s\r\n", line[--count]);
	return len;
}

static int number_of(const char *message)
{
	const char *id = strstr(message, "Call-ID: c");

	return id ? atoi(id + 10) : -1;
}

static int new_call(int worker, int trunk, bool probe)
{
	char text[1200];
	int n = call_count++, len;

	if(n == CALLS_MAX)
		fail("too many calls: do changes arrive at all?");
	calls[n] = (struct call){.state = CALL_SENT,
			.probe = probe,
			.worker = (uint8_t)worker,
			.change = change.number,
			.when = clock_ns()};
	len = snprintf(text, sizeof text,
			"INVITE sip:+1%05d@127.0.0.1:%d SIP/2.0\r\n"
			"Via: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bKc%d\r\n"
			"From: <sip:1000@127.0.0.1>;tag=f%d\r\nTo: <sip:+1%05d@127.0.0.1>\r\n"
			"Call-ID: c%d\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n"
			"Contact: <sip:1000@127.0.0.1:%d>\r\nContent-Length: 0\r\n\r\n",
			trunk, worker_port[worker], caller_port, n, n, trunk, n, caller_port);
	send_to(caller, worker_port[worker], text, (size_t)len);
	return n;
}

/** Within a call, along the routes of its answer. */
static void send_in_dialog(const char *method, int cseq, int n, const char *answer)
{
	char text[4000], routes[2400], to[400], target[300] = "";
	const char *contact = strstr(answer, "Contact: <");
	int len;

	routes[routes_of(answer, routes, sizeof routes)] = '\0';
	to[copy_headers(answer, "To", "To", to, sizeof to)] = '\0';
	if(contact)
		snprintf(target, sizeof target, "%.*s", (int)strcspn(contact + 10, ">"),
				contact + 10);
	len = snprintf(text, sizeof text,
			"%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%s%d\r\n%s"
			"From: <sip:1000@127.0.0.1>;tag=f%d\r\n%sCall-ID: c%d\r\nCSeq: %d %s\r\n"
			"Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
			method, target, caller_port, method, n, routes, n, to, n, cseq, method);
	send_to(caller, worker_port[calls[n].worker], text, (size_t)len);
}

/** Of answered calls, until their BYE: the 200, whose routes it needs. */
#define HELD_MAX 4096
static struct {
	int call;
	int64_t due;
	char answer[3000];
} held[HELD_MAX];
static int held_first, held_count;

static void hold(int n, const char *answer)
{
	int at = (held_first + held_count) % HELD_MAX;

	if(held_count == HELD_MAX)
		fail("too many calls are up");
	held[at].call = n;
	held[at].due = clock_ns() + HOLD_NS;
	snprintf(held[at].answer, sizeof held[at].answer, "%.2999s", answer);
	held_count++;
}

static void end_held(int64_t now)
{
	while(held_count && held[held_first].due <= now) {
		int n = held[held_first].call;
		calls[n].state = CALL_ENDING;
		calls[n].when = now;
		send_in_dialog("BYE", 2, n, held[held_first].answer);
		held_first = (held_first + 1) % HELD_MAX;
		held_count--;
	}
}

/* ---- the caller's side ---- */

static void ack_failure(const char *answer, int n)
{
	char text[1600], to[400];
	int len;

	to[copy_headers(answer, "To", "To", to, sizeof to)] = '\0';
	len = snprintf(text, sizeof text,
			"ACK sip:1@127.0.0.1 SIP/2.0\r\n"
			"Via: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bKc%d\r\n"
			"From: <sip:1000@127.0.0.1>;tag=f%d\r\n%sCall-ID: c%d\r\nCSeq: 1 ACK\r\n"
			"Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
			caller_port, n, n, to, n);
	send_to(caller, worker_port[calls[n].worker], text, (size_t)len);
}

static void on_answer(const char *message)
{
	int code = atoi(message + 8), n = number_of(message);

	if(strncmp(message, "SIP/2.0 ", 8) != 0 || code < 200 || n < 0 || n >= call_count)
		return;
	if(strstr(message, "CSeq: 2 BYE")) {
		calls[n].state = code == 200 ? CALL_DONE : CALL_WRONG;
		return;
	}
	if(code >= 300)
		ack_failure(message, n);
	if(calls[n].state != CALL_SENT)
		return; /* again */
	if(calls[n].probe) {
		calls[n].state = code == 486 ? CALL_DONE : CALL_WRONG;
	} else if(code == 200) {
		calls[n].state = CALL_ANSWERED;
		send_in_dialog("ACK", 1, n, message);
		hold(n, message);
	} else {
		calls[n].state = CALL_WRONG;
	}
	if(calls[n].state == CALL_WRONG)
		fprintf(stderr, "bench_change: %.*s for call %d\n", (int)strcspn(message, "\r"),
				message, n);
}

/* ---- the called side ---- */

static int mixed; /**< INVITEs that name another port than they came to */

static void answer_with(int side, const char *request, const char *status)
{
	static const char *const names[] = {"Via", "Record-Route", "From", "Call-ID", "CSeq"};
	char text[4000], to[400];
	const char *via = strstr(request, "\r\nVia: SIP/2.0/UDP 127.0.0.1:");
	size_t len = (size_t)snprintf(text, sizeof text, "SIP/2.0 %s\r\n", status);

	if(!via)
		return;
	for(size_t i = 0; i < sizeof names / sizeof *names; i++)
		len += copy_headers(request, names[i], names[i], text + len, sizeof text - len);
	to[copy_headers(request, "To", "To", to, sizeof to)] = '\0';
	to[strcspn(to, "\r")] = '\0';
	len += (size_t)snprintf(text + len, sizeof text - len,
			"%s%s\r\nContact: <sip:b@127.0.0.1:%d>\r\nContent-Length: 0\r\n\r\n", to,
			strstr(to, ";tag=") ? "" : ";tag=b", answer_port[side]);
	send_to(answerers[side], atoi(via + strlen("\r\nVia: SIP/2.0/UDP 127.0.0.1:")), text,
			len);
}

/** A probe of the change under way has come out, with the old value or the new one. */
static void on_probe(int n, int side)
{
	int worker = calls[n].worker;

	if(calls[n].change != change.number || change.shown[worker])
		return;
	if(side == 0) {
		change.old++;
		change.ask[worker] = calls[n].when + PROBE_NS;
		return;
	}
	change.last = clock_ns();
	change.shown[worker] = true;
	change.left--;
}

static void on_request(int side, const char *message)
{
	char wanted[32];
	int n = number_of(message);

	if(n < 0 || n >= call_count || strncmp(message, "ACK ", 4) == 0)
		return;
	if(strncmp(message, "INVITE ", 7) != 0) {
		answer_with(side, message, "200 OK");
		return;
	}
	snprintf(wanted, sizeof wanted, ":%d", answer_port[side]);
	if(!memmem(message, strcspn(message, "\r"), wanted, strlen(wanted))) {
		fprintf(stderr, "bench_change: port %d got %.*s\n", answer_port[side],
				(int)strcspn(message, "\r"), message);
		mixed++;
	}
	answer_with(side, message, calls[n].probe ? "486 Busy Here" : "200 OK");
	if(calls[n].probe && calls[n].state == CALL_SENT)
		on_probe(n, side);
}

/* ---- turning the crank ---- */

static void receive(int fd, int side)
{
	char message[6000];
	ssize_t len;

	while((len = recv(fd, message, sizeof message - 1, 0)) > 0) {
		message[len] = '\0';
		if(side < 0)
			on_answer(message);
		else
			on_request(side, message);
	}
}

/** @p until: when the next call is due, or something is given up. */
static void turn(int64_t until)
{
	struct pollfd fds[3] = {{.fd = caller, .events = POLLIN},
			{.fd = answerers[0], .events = POLLIN},
			{.fd = answerers[1], .events = POLLIN}};
	int64_t now = clock_ns(), wait = until;
	struct timespec t;

	if(held_count && held[held_first].due < wait)
		wait = held[held_first].due;
	wait = wait > now ? wait - now : 0;
	t = (struct timespec){wait / 1000000000, wait % 1000000000};
	ppoll(fds, 3, &t, NULL);
	receive(answerers[0], 0);
	receive(answerers[1], 1);
	receive(caller, -1);
	end_held(clock_ns());
}

static int64_t next_call;

/** Asks the workers that have not shown the change; when to come again. */
static int64_t probe(int64_t now)
{
	int64_t next = INT64_MAX;

	for(int w = 0; w < worker_count && change.left; w++) {
		if(change.shown[w])
			continue;
		if(change.ask[w] <= now) {
			change.ask[w] = INT64_MAX;
			new_call(w, change.trunk, true);
		}
		if(change.ask[w] < next)
			next = change.ask[w];
	}
	return next;
}

/** Calls that run beside: to trunks in turn, by workers in turn. */
static void run_beside(int64_t until, bool (*done)(void))
{
	int64_t now, next;

	while((now = clock_ns()) < until && !done()) {
		next = probe(now);
		if(rate && now >= next_call) {
			new_call((call_count + call_count / trunks) % worker_count,
					(call_count * 31) % trunks, false);
			next_call += 1000000000LL / rate;
			if(next_call < now - BEHIND_NS)
				next_call = now;
		}
		if(rate && next_call < next)
			next = next_call;
		turn(next < until ? next : until);
	}
}

static bool never(void)
{
	return false;
}

static bool all_called(void)
{
	return call_count >= trunks * worker_count;
}

static bool all_shown(void)
{
	return change.left == 0;
}

static void redis_hset(int trunk, bool route, bool new)
{
	char text[200], value[16], reply[64];
	int len;

	if(!route)
		snprintf(value, sizeof value, "%d", answer_port[new]);
	else
		snprintf(value, sizeof value, new ? "new" : "p%05d", trunk);
	len = snprintf(text, sizeof text, "HSET med:1:%s:p%05d %s %s\r\n",
			route ? "route" : "trunk", trunk, route ? "trunks" : "port", value);
	if(send(redis_fd, text, (size_t)len, MSG_NOSIGNAL) != len
			|| recv(redis_fd, reply, sizeof reply, 0) <= 0 || reply[0] != ':')
		fail("Redis refused the HSET");
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static int64_t one_change(int number)
{
	memset(change.shown, 0, sizeof change.shown);
	change.number = number;
	change.trunk = (int)((long)number * 7919 % trunks);
	change.left = worker_count;
	redis_hset(change.trunk, change_routes, true);
	change.since = clock_ns();
	for(int w = 0; w < worker_count; w++)
		change.ask[w] = change.since + PROBE_NS * (w + 1) / worker_count;
	run_beside(change.since + PATIENCE_NS, all_shown);
	if(change.left) {
		fprintf(stderr, "bench_change: change %d of p%05d: %d workers never showed it\n",
				number, change.trunk, change.left);
		exit(1);
	}
	return change.last - change.since;
}

/** Each trunk and route, to and fro. */
static void change_by_pace(void)
{
	int64_t start = clock_ns();

	for(int i = 0; i < changes; i++) {
		run_beside(start + 1000000000LL * i / pace, never);
		redis_hset((int)((long)(i / 2) * 7919 % trunks), i % 2 != 0,
				i / 2 / trunks % 2 == 0);
	}
}

static int open_redis(int port)
{
	struct sockaddr_in a = address(port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if(fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a))
		fail("no Redis");
	return fd;
}

static int lost_calls(void)
{
	int lost = 0;

	for(int n = 0; n < call_count; n++) {
		if(calls[n].state == CALL_DONE)
			continue;
		if(lost++ < 10)
			fprintf(stderr, "bench_change: call %d (%s) lost in state %d\n", n,
					calls[n].probe ? "probe" : "beside", calls[n].state);
	}
	return lost;
}

static bool settled(void)
{
	for(int n = call_count - 1; n >= 0 && n > call_count - 5000; n--)
		if(calls[n].state != CALL_DONE && calls[n].state != CALL_WRONG)
			return false;
	return held_count == 0;
}

/**
 * Each worker has had a call to each trunk. What a worker has not touched since it began
 * costs it a page fault each, in the first seconds after the start and never again.
 */
static void warm_up(void)
{
	int before = rate;

	rate = WARM_RATE;
	run_beside(clock_ns() + 4 * PATIENCE_NS, all_called);
	rate = before;
}

static void take_samples(int64_t *sample)
{
	warm_up();
	for(int i = 0; i < changes; i++) {
		sample[i] = one_change(i);
		run_beside(clock_ns() + 1000000LL * (1 + i % 5), never);
	}
	qsort(sample, (size_t)changes, sizeof *sample, compare);
}

static void read_arguments(int argc, char **argv)
{
	if(argc < 10 || argc - 9 > WORKERS_MAX)
		fail("wrong number of arguments");
	redis_fd = open_redis(atoi(argv[1]));
	caller_port = atoi(argv[2]);
	answer_port[0] = atoi(argv[3]);
	answer_port[1] = atoi(argv[4]);
	trunks = atoi(argv[5]);
	change_routes = strcmp(argv[6], "route") == 0;
	pace = atoi(argv[6]);
	changes = atoi(argv[7]);
	rate = atoi(argv[8]);
	worker_count = argc - 9;
	for(int i = 0; i < worker_count; i++)
		worker_port[i] = atoi(argv[9 + i]);
}

int main(int argc, char **argv)
{
	int64_t *sample;
	int lost;

	read_arguments(argc, argv);
	caller = udp_socket(caller_port);
	answerers[0] = udp_socket(answer_port[0]);
	answerers[1] = udp_socket(answer_port[1]);
	sample = calloc((size_t)changes, sizeof *sample);
	if(!sample)
		fail("out of memory");
	change.number = -1;
	next_call = clock_ns();
	run_beside(clock_ns() + 500000000LL, never); /* calls run before the first change */
	if(pace)
		change_by_pace();
	else
		take_samples(sample);
	rate = 0;
	run_beside(clock_ns() + PATIENCE_NS, settled);
	lost = lost_calls();
	printf("changes %d workers %d calls %d lost %d mixed %d", changes, worker_count,
			call_count, lost, mixed);
	if(!pace)
		printf(" old %d p50_us %lld p90_us %lld p99_us %lld max_us %lld", change.old,
				(long long)sample[changes / 2] / 1000,
				(long long)sample[changes * 9 / 10] / 1000,
				(long long)sample[(changes * 99 + 99) / 100 - 1] / 1000,
				(long long)sample[changes - 1] / 1000);
	puts("");
	free(sample);
	return lost || mixed ? 1 : 0;
}
