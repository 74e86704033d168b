/**
 * t_client.c - the client of tools against a real redis-server, and against none
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "medcore/client.h"
#include "run.h"

static char dir[64], sock_path[100], url[300];
static pid_t server;
static med_client_t *client;
static med_errbuf_t err;

static int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/** Words by spaces. */
static int send_words(const char *line)
{
	med_str_t argv[32];
	size_t argc = 0, len;

	while(*line) {
		len = strcspn(line, " ");
		argv[argc++] = (med_str_t){line, len};
		line += len + (line[len] == ' ');
	}
	return med_client_send(client, argc, argv);
}

static med_reply_t *ask(const char *line)
{
	med_reply_t *reply = NULL;

	ck_assert_int_eq(send_words(line), MED_EOK);
	ck_assert_msg(med_client_reply(client, &reply, &err) == MED_EOK, "%s", err.text);
	return reply;
}

static void setup(void)
{
	const char *program =
			getenv("REDIS_SERVER") ? getenv("REDIS_SERVER") : "redis-server";
	int64_t end = clock_ms() + 30000;

	snprintf(dir, sizeof dir, "/tmp/med-t-client-XXXXXX");
	ck_assert(mkdtemp(dir) != NULL);
	snprintf(sock_path, sizeof sock_path, "%s/r.sock", dir);
	snprintf(url, sizeof url, "unix://%s?db=2&password=sesame-open", sock_path);
	server = fork();
	if(server == 0) {
		ck_assert(freopen("/dev/null", "w", stdout) != NULL);
		execlp(program, program, "--port", "0", "--unixsocket", sock_path,
				"--requirepass", "sesame-open", "--save", "", "--dir", dir, (char *)NULL);
		_exit(127);
	}
	while(med_client_open(url, 20000, &client, &err) != MED_EOK) {
		ck_assert_msg(clock_ms() < end, "%s", err.text);
		poll(NULL, 0, 5);
	}
}

static void teardown(void)
{
	med_client_close(client);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	unlink(sock_path);
	rmdir(dir);
}

START_TEST(types)
{
	med_reply_t *r = ask("HSET a f v g w");

	ck_assert_int_eq(r->type, MED_REPLY_INTEGER);
	ck_assert_int_eq(r->integer, 2);
	med_reply_free(r);
	r = ask("HGETALL a");
	ck_assert_int_eq(r->type, MED_REPLY_ARRAY);
	ck_assert_uint_eq(r->count, 4);
	ck_assert_str_eq(r->element[3].str.s, "w");
	ck_assert_uint_eq(r->element[3].str.len, 1);
	med_reply_free(r);
	r = ask("GET a");
	ck_assert_int_eq(r->type, MED_REPLY_ERROR);
	ck_assert_ptr_nonnull(strstr(r->str.s, "WRONGTYPE"));
	med_reply_free(r);
	r = ask("GET none");
	ck_assert_int_eq(r->type, MED_REPLY_NIL);
	med_reply_free(r);
	r = ask("SET b x");
	ck_assert_int_eq(r->type, MED_REPLY_STATUS);
	ck_assert_str_eq(r->str.s, "OK");
	med_reply_free(r);
	r = ask("XADD s 1-1 n v");
	med_reply_free(r);
	r = ask("XREAD STREAMS s 0");
	ck_assert_str_eq(
			r->element[0].element[1].element[0].element[1].element[0].str.s, "n");
	med_reply_free(r);
	r = ask("XREAD BLOCK 50 STREAMS s 1-1");
	ck_assert_int_eq(r->type, MED_REPLY_NIL);
	med_reply_free(r);
	ck_assert_int_eq(med_client_reply(client, &r, &err), MED_EINVAL);
}
END_TEST

/** How many times Redis has read from a socket. */
static long long reads_of_redis(void)
{
	med_reply_t *r = ask("INFO stats");
	const char *at = strstr(r->str.s, "total_reads_processed:");
	long long reads;

	ck_assert_ptr_nonnull(at);
	reads = atoll(strchr(at, ':') + 1);
	med_reply_free(r);
	return reads;
}

/** As a reader of many objects asks: one more for each that came. */
START_TEST(gathered)
{
	long long reads = reads_of_redis();
	med_reply_t *r = NULL;

	for(int i = 0; i < 20000; i++) {
		ck_assert_int_eq(send_words("PING"), MED_EOK);
		if(i < 512)
			continue;
		ck_assert_int_eq(med_client_reply(client, &r, &err), MED_EOK);
		med_reply_free(r);
	}
	while(med_client_pending(client) > 0) {
		ck_assert_int_eq(med_client_reply(client, &r, &err), MED_EOK);
		med_reply_free(r);
	}
	reads = reads_of_redis() - reads;
	ck_assert_msg(reads < 1000, "%lld reads for 20000 commands", reads);
}
END_TEST

/** Tens of thousands before the first reply is taken, and replies of some size. */
START_TEST(pipelined)
{
	med_reply_t *r = NULL;
	char line[100];

	for(int i = 0; i < 30000; i++) {
		snprintf(line, sizeof line, "HSET k%d number %d", i, i);
		ck_assert_int_eq(send_words(line), MED_EOK);
	}
	ck_assert_uint_eq(med_client_pending(client), 30000);
	for(int i = 0; i < 30000; i++) {
		ck_assert_msg(med_client_reply(client, &r, &err) == MED_EOK, "%s", err.text);
		ck_assert_int_eq(r->integer, 1);
		med_reply_free(r);
	}
	r = ask("KEYS *");
	ck_assert_uint_eq(r->count, 30000);
	med_reply_free(r);
	r = ask("SETRANGE big 3000000 x");
	med_reply_free(r);
	r = ask("GET big");
	ck_assert_uint_eq(r->str.len, 3000001);
	med_reply_free(r);
}
END_TEST

START_TEST(server_stops)
{
	med_reply_t *r = NULL;
	int64_t start;

	med_client_close(client);
	ck_assert_int_eq(med_client_open(url, 1000, &client, &err), MED_EOK);
	start = clock_ms();
	kill(server, SIGSTOP);
	ck_assert_int_eq(send_words("PING"), MED_EOK);
	ck_assert_int_eq(med_client_reply(client, &r, &err), -ETIMEDOUT);
	ck_assert_int_lt(clock_ms() - start, 10000);
	ck_assert_ptr_nonnull(strstr(err.text, "no answer in time"));
	ck_assert_int_eq(send_words("PING"), -ENOTCONN);
	kill(server, SIGCONT);
}
END_TEST

START_TEST(server_dies)
{
	med_reply_t *r = NULL;
	int rc = MED_EOK;

	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	for(int i = 0; i < 3 && rc == MED_EOK; i++) {
		(void)send_words("PING");
		rc = med_client_reply(client, &r, &err);
	}
	ck_assert_int_eq(rc, -ENOTCONN);
	ck_assert_msg(strstr(err.text, "r.sock db 2: ") != NULL, "%s", err.text);
}
END_TEST

/* clang-format off */
static const struct {
	const char *url; /* from "?" on: at the socket */
	int code;
	const char *text;
} wrong[] = {
	{"redis://127.0.0.1:1/0", -ENOTCONN, "Connection refused"},
	{"unix:///nowhere/x.sock", -ENOTCONN, "No such file"},
	{"redis://no-such-host.invalid", -ENOTCONN, "ame"},
	{"gopher://x", MED_EINVAL, "redis://"},
	{"?password=sesame-closed", -ENOTCONN, "WRONGPASS"},
	{"", -ENOTCONN, "NOAUTH"},
	{"?password=sesame-open&db=99", -ENOTCONN, "DB index is out of range"},
};
/* clang-format on */

START_TEST(not_opened)
{
	med_client_t *c = NULL;
	char text[300];

	if(wrong[_i].url[0] == '?' || !wrong[_i].url[0])
		snprintf(text, sizeof text, "unix://%s%s", sock_path, wrong[_i].url);
	else
		snprintf(text, sizeof text, "%s", wrong[_i].url);
	ck_assert_int_eq(med_client_open(text, 20000, &c, &err), wrong[_i].code);
	ck_assert_ptr_null(c);
	ck_assert_msg(strstr(err.text, wrong[_i].text) != NULL, "%s: %s", text, err.text);
	ck_assert_msg(!strstr(err.text, "sesame"), "%s", err.text);
}
END_TEST

/** Somebody who accepts and is silent, or is no Redis. */
START_TEST(no_redis)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	char path[100], text[300], junk[512];
	med_client_t *c = NULL;
	int listener, fd, status;
	pid_t pid;

	snprintf(path, sizeof path, "%s/web.sock", dir);
	memcpy(sun.sun_path, path, sizeof path);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert(bind(listener, (struct sockaddr *)&sun, sizeof sun) == 0);
	ck_assert(listen(listener, 5) == 0);
	snprintf(text, sizeof text, "unix://%s", path);
	ck_assert_int_eq(med_client_open(text, 300, &c, &err), -ETIMEDOUT);
	pid = fork();
	if(pid == 0) {
		static const char page[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
		for(int i = 0; i < 2; i++) {
			fd = accept(listener, NULL, NULL);
			if(recv(fd, junk, sizeof junk, 0) > 0)
				(void)send(fd, page, sizeof page - 1, MSG_NOSIGNAL);
			close(fd);
		}
		_exit(0);
	}
	close(listener);
	ck_assert_int_eq(med_client_open(text, 20000, &c, &err), -ENOTCONN);
	ck_assert_msg(strstr(err.text, "\"H\"") != NULL, "%s", err.text);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	unlink(path);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
			types, pipelined, gathered, server_stops, server_dies, no_redis};
	TCase *tcase = run_case("redis", setup, teardown, tests, COUNT(tests));

	tcase_add_loop_test(tcase, not_opened, 0, COUNT(wrong));
	return run_cases("client", &tcase, 1);
}
