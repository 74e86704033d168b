/**
 * fake_redis.h - a Redis at byte level, in the process of the test
 *
 * Answers what a store asks as Redis would, but for one command, whose answer the test
 * chooses byte by byte: torn, wrong, none at all. Time is the test's: nothing waits.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef FAKE_REDIS_H
#define FAKE_REDIS_H

#include <errno.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FAKE_CONNS 16
#define FAKE_WORDS 12

typedef struct fake_conn {
	int fd;
	char in[65536];
	size_t in_len;
	bool subscribed;
} fake_conn_t;

typedef struct fake_redis {
	char path[100];
	int listener;
	fake_conn_t conn[FAKE_CONNS];
	/** The command ("HGETALL", "CLIENT ID") whose answer is `bytes`; NULL: none. */
	const char *odd;
	const char *bytes; /**< NULL: silence */
	size_t bytes_len;
	bool torn;         /**< byte by byte */
	bool close;        /**< after the odd answer */
	unsigned odd_left; /**< how often; then it behaves */
	/** Called after a command was answered; for notices in the middle of a read. */
	void (*after)(struct fake_redis *fake, const char *command, void *ctx);
	void *ctx;
	const char *scan;  /**< keys, as an encoded list; NULL: one trunk */
	const char *value; /**< of every hash; NULL: one field */
	unsigned asked;    /**< commands answered */
	/* as a sentinel, and as an instance of one */
	const char *role; /**< "slave"; NULL: master */
	unsigned master_port, epoch;
	char last_set[65536];
} fake_redis_t;

static inline void fake_listen(
		fake_redis_t *fake, const struct sockaddr *address, socklen_t len)
{
	int one = 1;

	for(int i = 0; i < FAKE_CONNS; i++)
		fake->conn[i].fd = -1;
	fake->listener =
			socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if(fake->listener < 0
			|| setsockopt(fake->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one)
			|| bind(fake->listener, address, len) || listen(fake->listener, FAKE_CONNS))
		abort();
}

static inline void fake_start(fake_redis_t *fake, const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	memset(fake, 0, sizeof *fake);
	snprintf(fake->path, sizeof fake->path, "%s", path);
	memcpy(sun.sun_path, fake->path, sizeof fake->path);
	unlink(path);
	fake_listen(fake, (struct sockaddr *)&sun, sizeof sun);
}

/** On 127.0.0.1; the port it got. */
static inline unsigned fake_start_tcp(fake_redis_t *fake)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	socklen_t len = sizeof sin;

	memset(fake, 0, sizeof *fake);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fake_listen(fake, (struct sockaddr *)&sin, sizeof sin);
	if(getsockname(fake->listener, (struct sockaddr *)&sin, &len))
		abort();
	return ntohs(sin.sin_port);
}

static inline void fake_hang_up(fake_redis_t *fake)
{
	for(int i = 0; i < FAKE_CONNS; i++) {
		if(fake->conn[i].fd >= 0)
			close(fake->conn[i].fd);
		fake->conn[i].fd = -1;
	}
}

static inline void fake_stop(fake_redis_t *fake)
{
	fake_hang_up(fake);
	close(fake->listener);
	if(fake->path[0])
		unlink(fake->path);
}

static inline void fake_send(fake_conn_t *c, const char *bytes, size_t len, bool torn)
{
	for(size_t at = 0; at < len && c->fd >= 0;) {
		ssize_t n = send(c->fd, bytes + at, torn ? 1 : len - at, MSG_NOSIGNAL);
		if(n < 0)
			return;
		at += (size_t)n;
	}
}

/** A message on the subscribed connection: keys as an encoded list, or "$-1\r\n". */
static inline void fake_notice(fake_redis_t *fake, const char *keys)
{
	static const char head[] = "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n";

	for(int i = 0; i < FAKE_CONNS; i++) {
		fake_conn_t *c = &fake->conn[i];
		if(c->fd < 0 || !c->subscribed)
			continue;
		fake_send(c, head, sizeof head - 1, fake->torn);
		fake_send(c, keys, strlen(keys), fake->torn);
	}
}

static inline const char *fake_answer(fake_redis_t *fake, fake_conn_t *c,
		const char *command, char *buffer, size_t size)
{
	if(strcmp(command, "CLIENT ID") == 0)
		return ":7\r\n";
	if(strcmp(command, "SUBSCRIBE") == 0) {
		c->subscribed = true;
		return "*3\r\n$9\r\nsubscribe\r\n$20\r\n__redis__:invalidate\r\n:1\r\n";
	}
	if(strcmp(command, "PING") == 0)
		return c->subscribed ? "*2\r\n$4\r\npong\r\n$0\r\n\r\n" : "+PONG\r\n";
	if(strcmp(command, "CLIENT TRACKINGINFO") == 0)
		return "*6\r\n$5\r\nflags\r\n*2\r\n$2\r\non\r\n$5\r\nbcast\r\n$8\r\nredirect\r\n:"
			   "7\r\n"
			   "$8\r\nprefixes\r\n*1\r\n$6\r\nmed:1:\r\n";
	if(strcmp(command, "ROLE") == 0) {
		const char *role = fake->role ? fake->role : "master";
		snprintf(buffer, size, "*3\r\n$%zu\r\n%s\r\n:0\r\n*0\r\n", strlen(role), role);
		return buffer;
	}
	if(strcmp(command, "SENTINEL MASTER") == 0) {
		snprintf(buffer, size,
				"*4\r\n$4\r\nname\r\n$1\r\nm\r\n$12\r\nconfig-epoch\r\n$4\r\n%04u\r\n",
				fake->epoch);
		return buffer;
	}
	if(strcmp(command, "SENTINEL GET-MASTER-ADDR-BY-NAME") == 0) {
		snprintf(buffer, size, "*2\r\n$9\r\n127.0.0.1\r\n$5\r\n%05u\r\n",
				fake->master_port);
		return buffer;
	}
	if(strcmp(command, "GETRANGE") == 0)
		return "$0\r\n\r\n";
	if(strcmp(command, "DBSIZE") == 0)
		return ":2\r\n";
	if(strcmp(command, "INFO") == 0)
		return "$39\r\n# Memory\r\nmaxmemory_policy:noeviction\r\n\r\n";
	if(strcmp(command, "XADD") == 0)
		return "$3\r\n1-0\r\n";
	if(strcmp(command, "SCAN") == 0) {
		snprintf(buffer, size, "*2\r\n$1\r\n0\r\n%s",
				fake->scan ? fake->scan : "*1\r\n$15\r\nmed:1:trunk:one\r\n");
		return buffer;
	}
	if(strcmp(command, "HGETALL") == 0)
		return fake->value ? fake->value : "*2\r\n$7\r\ngateway\r\n$2\r\ng1\r\n";
	return "+OK\r\n";
}

static inline void fake_command(
		fake_redis_t *fake, fake_conn_t *c, unsigned argc, char word[][256])
{
	char command[600], buffer[4096];
	const char *answer;

	snprintf(command, sizeof command, "%.255s", word[0]);
	if(argc > 1 && (!strcmp(word[0], "CLIENT") || !strcmp(word[0], "SENTINEL")))
		snprintf(command, sizeof command, "%.255s %.255s", word[0], word[1]);
	if(argc > 2 && strcmp(word[0], "SET") == 0)
		snprintf(
				fake->last_set, sizeof fake->last_set, "%.255s=%.255s", word[1], word[2]);
	fake->asked++;
	if(fake->odd && fake->odd_left && strcmp(fake->odd, command) == 0) {
		fake->odd_left--;
		if(fake->bytes)
			fake_send(c, fake->bytes, fake->bytes_len, fake->torn);
		if(fake->close && c->fd >= 0) {
			close(c->fd);
			c->fd = -1;
			return;
		}
	} else {
		answer = fake_answer(fake, c, command, buffer, sizeof buffer);
		fake_send(c, answer, strlen(answer), fake->torn);
	}
	if(fake->after)
		fake->after(fake, command, fake->ctx);
}

/** One whole command at the start of the input; its length, or 0. */
static inline size_t fake_parse(const fake_conn_t *c, unsigned *argc, char word[][256])
{
	const char *p = c->in, *end = c->in + c->in_len;
	unsigned long n, len;
	char *after;

	if(c->in_len < 4 || !memchr(p, '\n', c->in_len) || *p != '*')
		return 0;
	n = strtoul(p + 1, &after, 10);
	p = after + 2;
	for(*argc = 0; *argc < n; (*argc)++) {
		if(p >= end || *p != '$' || !memchr(p, '\n', (size_t)(end - p)))
			return 0;
		len = strtoul(p + 1, &after, 10);
		p = after + 2;
		if(len + 2 > (size_t)(end - p))
			return 0;
		if(*argc < FAKE_WORDS)
			snprintf(word[*argc], 256, "%.*s", len < 255 ? (int)len : 255, p);
		p += len + 2;
	}
	return (size_t)(p - c->in);
}

/** Takes what has come and answers it; true: there was something. */
static inline bool fake_run(fake_redis_t *fake)
{
	char word[FAKE_WORDS][256];
	bool busy = false;
	int one = 1;
	unsigned argc;
	size_t used;
	ssize_t n;
	int fd;

	while((fd = accept(fake->listener, NULL, NULL)) >= 0) {
		busy = true;
		if(!fake->path[0])
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		for(int i = 0; i < FAKE_CONNS && fd >= 0; i++) {
			if(fake->conn[i].fd >= 0)
				continue;
			memset(&fake->conn[i], 0, sizeof fake->conn[i]);
			fake->conn[i].fd = fd;
			fd = -1;
		}
		if(fd >= 0)
			close(fd);
	}
	for(int i = 0; i < FAKE_CONNS; i++) {
		fake_conn_t *c = &fake->conn[i];
		if(c->fd < 0)
			continue;
		n = recv(c->fd, c->in + c->in_len, sizeof c->in - 1 - c->in_len, MSG_DONTWAIT);
		if(n == 0) {
			close(c->fd);
			c->fd = -1;
			continue;
		}
		if(n > 0) {
			busy = true;
			c->in_len += (size_t)n;
		}
		c->in[c->in_len] = '\0';
		while(c->fd >= 0 && (used = fake_parse(c, &argc, word))) {
			fake_command(fake, c, argc, word);
			memmove(c->in, c->in + used, c->in_len - used + 1);
			c->in_len -= used;
		}
	}
	return busy;
}

#endif
