/**
 * store_redis.h - a store and a real server of the test's own, $REDIS_SERVER or
 * redis-server; a client of it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef STORE_REDIS_H
#define STORE_REDIS_H

#include <check.h>

#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test/lib/store_view.h"

static char dir[64], sock_path[100], url[300];
static pid_t server;
static int client = -1;
static store_view_t view;
static med_store_t *store;
/** How much faster the store's clock runs, where a test would only wait for its timeouts:
 * where much is read, a busy machine would be taken for a dead server. */
static int64_t speed;

/** Costs nothing where all is well; a machine that is busy with other tests needs it. */
#define PATIENCE_MS 30000

/* ---- a server, and a client of inline commands ---- */

static inline int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline int client_open(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(sun.sun_path, sock_path, sizeof sock_path);
	if(connect(fd, (struct sockaddr *)&sun, sizeof sun) == 0)
		return fd;
	close(fd);
	return -1;
}

/** Sends inline commands, and waits until all are done. The answer's text goes to @p out.
 */
static inline void talk(int fd, const char *commands, char *out, size_t size)
{
	static unsigned mark;
	char line[64], seen[65536];
	size_t len = 0;
	ssize_t n;

	snprintf(line, sizeof line, "\r\nECHO end-%u.\r\n", ++mark);
	ck_assert(send(fd, commands, strlen(commands), MSG_NOSIGNAL)
			== (ssize_t)strlen(commands));
	ck_assert(send(fd, line, strlen(line), MSG_NOSIGNAL) == (ssize_t)strlen(line));
	snprintf(line, sizeof line, "end-%u.", mark);
	do {
		n = recv(fd, seen + len, sizeof seen - 1 - len, 0);
		ck_assert_msg(n > 0, "Redis hung up on: %s", commands);
		len += (size_t)n;
		seen[len] = '\0';
		if(len > sizeof seen / 2 && !strstr(seen, line)) { /* the end is enough */
			memmove(seen, seen + len - 64, 65);
			len = 64;
		}
	} while(!strstr(seen, line));
	if(out)
		snprintf(out, size, "%s", seen);
}

static inline void redis(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static inline void redis(const char *fmt, ...)
{
	char command[4096];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof command, fmt, args);
	va_end(args);
	talk(client, command, NULL, 0);
}

/** @param load_delay_us  for each key of a dump */
static inline void server_start_slow(const char *load_delay_us)
{
	const char *program =
			getenv("REDIS_SERVER") ? getenv("REDIS_SERVER") : "redis-server";
	int64_t end = clock_ms() + PATIENCE_MS;

	server = fork();
	if(server == 0) {
		ck_assert(freopen("/dev/null", "w", stdout) != NULL);
		execlp(program, program, "--port", "0", "--unixsocket", sock_path, "--save", "",
				"--appendonly", "no", "--dir", dir, "--key-load-delay", load_delay_us,
				"--loading-process-events-interval-bytes", "1024", (char *)NULL);
		_exit(127);
	}
	while((client = client_open()) < 0) {
		ck_assert_msg(clock_ms() < end, "%s does not come up", program);
		poll(NULL, 0, 5);
	}
}

static inline void server_start(void)
{
	server_start_slow("0");
}

static inline void server_end(int with)
{
	if(client >= 0)
		close(client);
	client = -1;
	kill(server, with);
	waitpid(server, NULL, 0);
	server = 0;
}

static inline void setup(void)
{
	snprintf(dir, sizeof dir, "/tmp/med-t-redis-XXXXXX");
	ck_assert(mkdtemp(dir) != NULL);
	snprintf(sock_path, sizeof sock_path, "%s/r.sock", dir);
	snprintf(url, sizeof url, "unix://%s", sock_path);
	speed = 1;
	server_start();
	view_init(&view);
	store = view_store(&view, url);
}

static inline void teardown(void)
{
	char log[100];

	med_store_free(store);
	view_free(&view);
	if(server > 0)
		server_end(SIGKILL);
	snprintf(log, sizeof log, "%s/r.sock", dir);
	unlink(log);
	snprintf(log, sizeof log, "%s/dump.rdb", dir);
	unlink(log);
	rmdir(dir);
}

/* ---- the process's loop ---- */

static inline int64_t store_ms(void)
{
	return clock_ms() * speed;
}

static inline void turn(int64_t max_ms)
{
	struct pollfd fds[MED_STORE_FDS];
	int64_t deadline, wait;
	size_t n = med_store_poll(store, fds, MED_STORE_FDS, &deadline);

	wait = (deadline - store_ms() + speed - 1) / speed;
	if(wait > max_ms)
		wait = max_ms;
	poll(fds, n, wait > 0 ? (int)wait : 0);
	med_store_run(store, store_ms());
}

/** @param ms  of the store's clock */
static inline void run_for(int64_t ms)
{
	for(int64_t end = clock_ms() + ms / speed; clock_ms() < end;)
		turn(end - clock_ms() > 0 ? end - clock_ms() : 0);
}

#define UNTIL(condition)                                                                 \
	do {                                                                                 \
		for(int64_t end_ = clock_ms() + PATIENCE_MS; !(condition) && clock_ms() < end_;) \
			turn(20);                                                                    \
		ck_assert_msg(condition, "waited %d ms for %s; store: %s", PATIENCE_MS,          \
				#condition, view.text);                                                  \
	} while(0)

static inline bool has(const char *key, const char *value)
{
	const char *is = view_value(&view, key);

	return is && strcmp(is, value) == 0;
}

#define LIVE() UNTIL(view.state == MED_STORE_LIVE)

#endif
