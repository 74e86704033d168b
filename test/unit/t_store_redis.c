/**
 * t_store_redis.c - the store against a real server of its own, $REDIS_SERVER or
 * redis-server
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <check.h>

#include <signal.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "test/lib/store_view.h"

static char dir[64], sock_path[100], url[300];
static pid_t server;
static int client = -1;
static store_view_t view;
static med_store_t *store;

/* ---- a server, and a client of inline commands ---- */

static int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int client_open(void)
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
static void talk(int fd, const char *commands, char *out, size_t size)
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

static void redis(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void redis(const char *fmt, ...)
{
	char command[4096];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof command, fmt, args);
	va_end(args);
	talk(client, command, NULL, 0);
}

static void server_start(void)
{
	const char *program =
			getenv("REDIS_SERVER") ? getenv("REDIS_SERVER") : "redis-server";
	int64_t end = clock_ms() + 10000;

	server = fork();
	if(server == 0) {
		ck_assert(freopen("/dev/null", "w", stdout) != NULL);
		execlp(program, program, "--port", "0", "--unixsocket", sock_path, "--save", "",
				"--appendonly", "no", "--dir", dir, (char *)NULL);
		_exit(127);
	}
	while((client = client_open()) < 0) {
		ck_assert_msg(clock_ms() < end, "%s does not come up", program);
		poll(NULL, 0, 5);
	}
}

static void server_end(int with)
{
	if(client >= 0)
		close(client);
	client = -1;
	kill(server, with);
	waitpid(server, NULL, 0);
	server = 0;
}

static void setup(void)
{
	snprintf(dir, sizeof dir, "/tmp/med-t-redis-XXXXXX");
	ck_assert(mkdtemp(dir) != NULL);
	snprintf(sock_path, sizeof sock_path, "%s/r.sock", dir);
	snprintf(url, sizeof url, "unix://%s", sock_path);
	server_start();
	view_init(&view);
	store = view_store(&view, url);
}

static void teardown(void)
{
	char log[100];

	med_store_free(store);
	view_free(&view);
	if(server > 0)
		server_end(SIGKILL);
	snprintf(log, sizeof log, "%s/r.sock", dir);
	unlink(log);
	rmdir(dir);
}

/* ---- the process's loop ---- */

static void turn(int64_t max_ms)
{
	struct pollfd fds[MED_STORE_FDS];
	int64_t deadline, now = clock_ms();
	size_t n = med_store_poll(store, fds, MED_STORE_FDS, &deadline);

	if(deadline > now + max_ms)
		deadline = now + max_ms;
	poll(fds, n, deadline > now ? (int)(deadline - now) : 0);
	med_store_run(store, clock_ms());
}

static void run_for(int64_t ms)
{
	for(int64_t end = clock_ms() + ms; clock_ms() < end;)
		turn(end - clock_ms() > 0 ? end - clock_ms() : 0);
}

#define UNTIL(condition, ms)                                                             \
	do {                                                                                 \
		for(int64_t end_ = clock_ms() + (ms); !(condition) && clock_ms() < end_;)        \
			turn(20);                                                                    \
		ck_assert_msg(condition, "waited %d ms for %s; store: %s", (int)(ms),            \
				#condition, view.text);                                                  \
	} while(0)

static bool has(const char *key, const char *value)
{
	const char *is = view_value(&view, key);

	return is && strcmp(is, value) == 0;
}

#define LIVE() UNTIL(view.state == MED_STORE_LIVE, 10000)

/* ---- cases ---- */

START_TEST(live_changes)
{
	redis("HSET med:1:trunk:a gateway g\r\nHSET med:1:gateway:g address 192.0.2.1\r\n"
		  "SET med:2:trunk:x 1\r\nSET other 1");
	LIVE();
	ck_assert_uint_eq(view.committed_count, 2);
	ck_assert(has("trunk:a", "gateway=g"));
	redis("HSET med:1:trunk:b gateway g");
	UNTIL(has("trunk:b", "gateway=g"), 1000);
	redis("HSET med:1:trunk:b port 5061");
	UNTIL(has("trunk:b", "gateway=g port=5061"), 1000);
	redis("DEL med:1:trunk:a");
	UNTIL(!view_value(&view, "trunk:a"), 1000);
	redis("RENAME med:1:trunk:b med:1:trunk:c");
	UNTIL(has("trunk:c", "gateway=g port=5061") && !view_value(&view, "trunk:b"), 1000);
	redis("EXPIRE med:1:trunk:c 1");
	UNTIL(!view_value(&view, "trunk:c"), 5000);
	ck_assert_uint_eq(view.fulls, 1);
}
END_TEST

START_TEST(deleted_and_added_again)
{
	redis("HSET med:1:trunk:a gateway g old 1");
	LIVE();
	for(int i = 0; i < 200; i++) {
		redis("DEL med:1:trunk:a\r\nHSET med:1:trunk:a gateway g%d", i);
		if(i % 10 == 0)
			turn(0);
	}
	UNTIL(has("trunk:a", "gateway=g199"), 1000);
}
END_TEST

START_TEST(flushdb)
{
	redis("HSET med:1:trunk:a gateway g");
	LIVE();
	redis("FLUSHDB");
	UNTIL(view.committed_count == 0, 1000);
	ck_assert_uint_eq(view.fulls, 2);
	redis("HSET med:1:trunk:a gateway h");
	UNTIL(has("trunk:a", "gateway=h"), 1000);
}
END_TEST

START_TEST(wrong_types)
{
	redis("HSET med:1:trunk:ok gateway g\r\nLPUSH med:1:trunk:list x\r\nSET "
		  "med:1:route:s x");
	LIVE();
	ck_assert_uint_eq(view.refusals, 2);
	ck_assert_uint_eq(view.committed_count, 1);
	redis("MULTI\r\nDEL med:1:trunk:ok\r\nSADD med:1:trunk:ok x\r\nEXEC");
	UNTIL(view.refusals == 3, 1000);
	ck_assert_str_eq(view.refused_key, "trunk:ok");
	ck_assert(has("trunk:ok", "gateway=g")); /* the last good version */
	med_store_reload(store);
	UNTIL(view.fulls == 2, 1000);
	ck_assert(has("trunk:ok", "gateway=g")); /* also when everything is read again */
	redis("MULTI\r\nDEL med:1:trunk:ok\r\nHSET med:1:trunk:ok gateway h\r\nEXEC");
	UNTIL(has("trunk:ok", "gateway=h"), 1000);
}
END_TEST

/** Every pair of one transaction must have one value at every commit. */
static void check_pairs(store_view_t *v)
{
	char a[20], b[20];

	for(int pair = 0; pair < 4; pair++) {
		snprintf(a, sizeof a, "trunk:a%d", pair);
		snprintf(b, sizeof b, "route:b%d", pair);
		const char *x = view_value(v, a), *y = view_value(v, b);
		ck_assert_msg((!x && !y) || (x && y && strcmp(x, y) == 0),
				"half a transaction at commit %u: %s %s, %s %s", v->commits, a,
				x ? x : "(none)", b, y ? y : "(none)");
	}
}

/** Writes pairs in transactions, and one half of a pair's kind alone elsewhere. */
static pid_t writer(unsigned seed, int ms, int pause_ms)
{
	pid_t pid = fork();
	int64_t end;
	int fd;

	if(pid)
		return pid;
	fd = client_open();
	srand(seed);
	for(end = clock_ms() + ms; clock_ms() < end;) {
		char text[600];
		int pair = rand() % 4, n = rand() % 1000000;
		if(rand() % 3 == 0)
			snprintf(text, sizeof text, "HSET med:1:gateway:g%d n %d", pair, n);
		else if(rand() % 8 == 0)
			snprintf(text, sizeof text,
					"MULTI\r\nDEL med:1:trunk:a%d\r\nDEL med:1:route:b%d\r\nEXEC", pair,
					pair);
		else
			snprintf(text, sizeof text,
					"MULTI\r\nHSET med:1:trunk:a%d n %d\r\nHSET med:1:gateway:x%d n 1\r\n"
					"HSET med:1:route:b%d n %d\r\nEXEC",
					pair, n, n % 100, pair, n);
		talk(fd, text, NULL, 0);
		if(pause_ms)
			poll(NULL, 0, rand() % pause_ms);
	}
	_exit(0);
}

START_TEST(one_value_too_big_to_read)
{
	redis("HSET med:1:trunk:a gateway g\r\nHSET med:1:route:fat name x");
	LIVE();
	redis("EVAL \"redis.call('HSET','med:1:route:fat','name',string.rep('x',60000000))\" "
		  "0");
	UNTIL(view.state == MED_STORE_DOWN, 5000);
	ck_assert_msg(strstr(view.text, "med:1:route:fat") != NULL, "%s", view.text);
	UNTIL(view.state == MED_STORE_LIVE && view.refusals > 0, 5000);
	ck_assert_str_eq(view.refused_key, "route:fat");
	ck_assert_msg(strstr(view.refused, "larger than 48 MB") != NULL, "%s", view.refused);
	ck_assert(has("route:fat", "name=x")); /* its last good version */
	ck_assert_uint_eq(view.fulls, 2);
	redis("HSET med:1:trunk:a gateway h"); /* everyone else goes on */
	UNTIL(has("trunk:a", "gateway=h"), 1000);
	redis("HSET med:1:route:fat priority 1"); /* changed, and still too big */
	UNTIL(view.fulls == 3 && view.state == MED_STORE_LIVE, 8000);
	redis("DEL med:1:route:fat\r\nHSET med:1:route:fat name y");
	UNTIL(has("route:fat", "name=y"), 8000);
	ck_assert_uint_eq(view.fulls, 3);
}
END_TEST

START_TEST(transactions_whole)
{
	pid_t one, two;
	unsigned commits;

	view.check = check_pairs;
	one = writer(1, 1800, 2);
	two = writer(2, 1800, 3);
	run_for(1000);
	med_store_reload(store); /* full reads among the writers, too */
	run_for(1000);
	commits = view.commits;
	waitpid(one, NULL, 0);
	waitpid(two, NULL, 0);
	run_for(200);
	check_pairs(&view);
	/* it kept up with the writers, and did not just wait for them to end */
	ck_assert_msg(commits > 200, "only %u commits while two wrote", commits);
	ck_assert_int_eq(view.state, MED_STORE_LIVE);
}
END_TEST

/** Without a pause: what is published may lag, but it is never a half. */
START_TEST(transactions_at_full_speed)
{
	pid_t one = writer(3, 1500, 0), two = writer(4, 1500, 0);

	view.check = check_pairs;
	run_for(1700);
	waitpid(one, NULL, 0);
	waitpid(two, NULL, 0);
	LIVE();
	run_for(300);
	check_pairs(&view);
}
END_TEST

START_TEST(bursts)
{
	char *text = malloc(1 << 20);
	size_t len = 0;

	LIVE();
	for(int i = 0; i < 5000; i++)
		len += (size_t)snprintf(
				text + len, (1 << 20) - len, "HSET med:1:route:r%d n %d\r\n", i, i);
	talk(client, text, NULL, 0);
	UNTIL(view.committed_count == 5000 && has("route:r4999", "n=4999"), 5000);
	/* and 5000 keys in one transaction: in one commit */
	len = (size_t)snprintf(text, 1 << 20, "MULTI\r\n");
	for(int i = 0; i < 5000; i++)
		len += (size_t)snprintf(
				text + len, (1 << 20) - len, "HSET med:1:route:r%d n x\r\n", i);
	snprintf(text + len, (1 << 20) - len, "EXEC");
	unsigned before = view.commits;
	talk(client, text, NULL, 0);
	UNTIL(has("route:r4999", "n=x"), 5000);
	ck_assert_uint_eq(view.commits, before + 1);
	for(size_t i = 0; i < view.committed_count; i++)
		ck_assert_str_eq(view.committed[i].value, "n=x");
	free(text);
}
END_TEST

START_TEST(more_keys_than_a_notice_is_for)
{
	LIVE();
	/* one change of 101,000 keys: the store reads everything instead */
	redis("EVAL \"for i=1,101000 do redis.call('HSET','med:1:zz:'..i,'n','x') end "
		  "redis.call('HSET','med:1:trunk:a','gateway','g')\" 0");
	UNTIL(has("trunk:a", "gateway=g"), 20000);
	ck_assert_uint_eq(view.fulls, 2);
	ck_assert_uint_eq(view.refusals, 101000);
}
END_TEST

/** A writer in pieces: nothing before the whole, and then in one commit. */
START_TEST(applied_in_pieces)
{
	unsigned commits;

	redis("HSET med:1:trunk:a gateway g\r\nSET med:1:applied first");
	LIVE();
	ck_assert_str_eq(view.applied, "first");
	commits = view.commits;
	redis("SET med:1:applying medctl@host");
	redis("HSET med:1:trunk:a gateway h\r\nHSET med:1:trunk:b gateway h");
	UNTIL(strcmp(view.who, "medctl@host") == 0, 1000);
	redis("MULTI\r\nHSET med:1:trunk:c gateway h\r\nDEL med:1:trunk:a\r\nEXEC");
	run_for(300);
	ck_assert_uint_eq(view.commits, commits);
	ck_assert(has("trunk:a", "gateway=g"));
	redis("SET med:1:applying 'medctl@host, half'");
	UNTIL(strcmp(view.who, "medctl@host, half") == 0, 1000);
	ck_assert_uint_eq(view.commits, commits);
	redis("MULTI\r\nHSET med:1:trunk:b gateway i\r\nDEL med:1:applying\r\n"
		  "SET med:1:applied second\r\nEXEC");
	UNTIL(view.commits > commits, 1000);
	ck_assert_uint_eq(view.commits, commits + 1);
	ck_assert_str_eq(view.applied, "second");
	ck_assert_str_eq(view.who, "");
	ck_assert_ptr_null(view_value(&view, "trunk:a"));
	ck_assert(has("trunk:b", "gateway=i") && has("trunk:c", "gateway=h"));
	ck_assert_uint_eq(view.fulls, 1);
	ck_assert_uint_eq(view.refusals, 0); /* the marks are no strays */
	/* one that marks and ends in the same transaction */
	redis("MULTI\r\nSET med:1:applying x\r\nDEL med:1:trunk:b\r\nDEL med:1:applying\r\n"
		  "EXEC");
	UNTIL(!view_value(&view, "trunk:b"), 1000);
	ck_assert_uint_eq(view.applyings, 3);
}
END_TEST

/** More than notices are kept for, under the marker; and everything flushed meanwhile. */
START_TEST(applied_in_many_pieces)
{
	LIVE();
	redis("SET med:1:applying x");
	UNTIL(strcmp(view.who, "x") == 0, 1000);
	redis("EVAL \"for i=1,101000 do redis.call('HSET','med:1:zz:'..i,'n','x') end\" 0");
	redis("HSET med:1:trunk:a gateway g");
	run_for(500);
	ck_assert_uint_eq(view.commits, 1);
	redis("DEL med:1:applying");
	UNTIL(has("trunk:a", "gateway=g"), 20000);
	ck_assert_uint_eq(view.fulls, 2);
	ck_assert_uint_eq(view.refusals, 101000);
	redis("SET med:1:applying y");
	UNTIL(strcmp(view.who, "y") == 0, 1000);
	redis("FLUSHDB");
	UNTIL(view.fulls == 3, 5000);
	ck_assert_uint_eq(view.committed_count, 0);
	ck_assert_str_eq(view.who, "");
}
END_TEST

/** The writer died: told, until a reload ends it or another writer comes. */
START_TEST(writer_that_died)
{
	redis("HSET med:1:trunk:a gateway g\r\nSET med:1:applying dead");
	UNTIL(strstr(view.text, "'dead' is still writing") != NULL, 2000);
	ck_assert_int_eq(view.state, MED_STORE_LOADING);
	ck_assert_uint_eq(view.commits, 0);
	redis("CLIENT KILL TYPE pubsub"); /* a loss meanwhile changes nothing */
	run_for(500);
	UNTIL(view.state == MED_STORE_LOADING, 2000);
	ck_assert_uint_eq(view.commits, 0);
	med_store_reload(store);
	LIVE();
	ck_assert(has("trunk:a", "gateway=g"));
	ck_assert_str_eq(view.who, "");
	redis("HSET med:1:trunk:a gateway h"); /* its marker is there still, and over */
	UNTIL(has("trunk:a", "gateway=h"), 1000);
	redis("SET med:1:applying dead\r\nHSET med:1:trunk:a gateway i");
	UNTIL(has("trunk:a", "gateway=i"), 1000);
	redis("SET med:1:applying next\r\nHSET med:1:trunk:a gateway j");
	UNTIL(strcmp(view.who, "next") == 0, 1000);
	run_for(200);
	ck_assert(has("trunk:a", "gateway=i"));
	med_store_reload(store);
	UNTIL(has("trunk:a", "gateway=j"), 1000);
	redis("DEL med:1:applying\r\nDEL med:1:trunk:a");
	UNTIL(!view_value(&view, "trunk:a"), 1000);
	/* a reload without a writer does not excuse the next one */
	med_store_reload(store);
	UNTIL(view.fulls == 3, 1000);
	redis("SET med:1:applying late");
	UNTIL(strcmp(view.who, "late") == 0, 1000);
}
END_TEST

START_TEST(marks_of_another_type)
{
	redis("RPUSH med:1:applied x\r\nHSET med:1:trunk:a gateway g");
	LIVE();
	redis("RPUSH med:1:applying x");
	UNTIL(strcmp(view.who, "(not a string)") == 0, 1000);
	redis("DEL med:1:applying\r\nDEL med:1:applied");
	UNTIL(strcmp(view.who, "") == 0, 1000);
	/* gigabytes would not be read either */
	redis("SETRANGE med:1:applied 60000000 x\r\nHSET med:1:trunk:a gateway h");
	UNTIL(has("trunk:a", "gateway=h"), 2000);
	ck_assert_uint_eq(view.fulls, 1);
}
END_TEST

START_TEST(events)
{
	med_field_t fields[] = {{MED_STR("node"), MED_STR("n1")},
			{MED_STR("text"), MED_STR("two words\r\n")}};
	char out[4096];

	LIVE();
	ck_assert_int_eq(med_store_event(store, "medrun:1:events", fields, 0), MED_EINVAL);
	ck_assert_int_eq(med_store_event(store, "medrun:1:events", fields, 2), MED_EOK);
	ck_assert_int_eq(med_store_write(store, "medrun:1:x", MED_STR("v"), 30), MED_EOK);
	for(int64_t end = clock_ms() + 2000; clock_ms() < end;) {
		talk(client, "XRANGE medrun:1:events - +", out, sizeof out);
		if(strstr(out, "two words"))
			break;
		turn(10);
	}
	ck_assert_ptr_nonnull(strstr(out, "node\r\n$2\r\nn1\r\n$4\r\ntext"));
	ck_assert_uint_eq(view.write_failures, 0);
	/* it does not grow for ever */
	redis("EVAL \"for i=1,20000 do redis.call('XADD','medrun:1:events','*','n',i) end\" "
		  "0");
	ck_assert_int_eq(med_store_event(store, "medrun:1:events", fields, 1), MED_EOK);
	run_for(300);
	talk(client, "XLEN medrun:1:events", out, sizeof out);
	ck_assert_int_lt(atoi(strchr(out, ':') + 1), 10400);
}
END_TEST

START_TEST(progress)
{
	size_t done, known, highest = 0;

	redis("EVAL \"for i=1,15000 do redis.call('HSET','med:1:route:'..i,'name','x') end\" "
		  "0");
	for(int64_t end = clock_ms() + 10000;
			view.state != MED_STORE_LIVE && clock_ms() < end;) {
		turn(20);
		med_store_progress(store, &done, &known);
		ck_assert(known == 0 || known == 15000);
		ck_assert_uint_le(done, 15000);
		if(view.state == MED_STORE_LOADING && done > 0 && done < 15000)
			highest = done;
	}
	ck_assert_int_eq(view.state, MED_STORE_LIVE);
	ck_assert_uint_gt(highest, 0);
	ck_assert_uint_eq(done, 15000);
}
END_TEST

START_TEST(may_evict)
{
	LIVE();
	run_for(1200);
	ck_assert_uint_eq(view.unfits, 0);
	redis("CONFIG SET maxmemory-policy allkeys-lru");
	med_store_free(store);
	store = view_store(&view, url);
	LIVE();
	UNTIL(view.unfits == 1, 3000);
	ck_assert_msg(strstr(view.unfit, "allkeys-lru") != NULL, "%s", view.unfit);
	redis("CONFIG SET maxmemory-policy noeviction\r\nCLIENT KILL TYPE pubsub");
	UNTIL(view.unfits == 2, 5000);
	ck_assert_str_eq(view.unfit, "");
}
END_TEST

START_TEST(killed_and_restarted)
{
	redis("HSET med:1:trunk:a gateway g");
	LIVE();
	server_end(SIGKILL);
	UNTIL(view.state == MED_STORE_DOWN, 1000);
	ck_assert(has("trunk:a", "gateway=g")); /* it goes on serving */
	run_for(500);
	server_start();
	redis("HSET med:1:trunk:b gateway h");
	UNTIL(has("trunk:b", "gateway=h"), 5000);
	ck_assert_ptr_null(view_value(&view, "trunk:a"));
}
END_TEST

START_TEST(stopped_and_continued)
{
	int64_t before, longest = 0;

	redis("HSET med:1:trunk:a gateway g");
	LIVE();
	kill(server, SIGSTOP);
	for(int64_t end = clock_ms() + 10000;
			view.state != MED_STORE_DOWN && clock_ms() < end;) {
		before = clock_ms();
		turn(20);
		if(clock_ms() - before > longest)
			longest = clock_ms() - before;
	}
	ck_assert_int_eq(view.state, MED_STORE_DOWN);
	run_for(4000); /* attempts against a socket that accepts and says nothing */
	ck_assert_msg(longest < 500, "blocked for %d ms", (int)longest);
	kill(server, SIGCONT);
	redis("HSET med:1:trunk:a gateway h");
	UNTIL(has("trunk:a", "gateway=h"), 8000);
}
END_TEST

/** The id of the client with this name, as CLIENT LIST has it. */
static long client_id(const char *name)
{
	char list[8192], want[64], *line, *end;

	talk(client, "CLIENT LIST", list, sizeof list);
	snprintf(want, sizeof want, " name=%s ", name);
	for(line = strstr(list, "id="); line;
			line = strstr(end, "\nid=") ? strstr(end, "\nid=") + 1 : NULL) {
		end = strchr(line, '\n');
		if(!end)
			break;
		*end = '\0';
		bool found = strstr(line, want) != NULL;
		*end = '\n';
		if(found)
			return strtol(line + 3, NULL, 10);
	}
	return 0;
}

START_TEST(tracking_connection_killed)
{
	redis("HSET med:1:trunk:a gateway g");
	LIVE();
	redis("CLIENT KILL ID %ld\r\nHSET med:1:trunk:a gateway h",
			client_id("mediation-track"));
	UNTIL(has("trunk:a", "gateway=h"), 5000);
	redis("CLIENT KILL ID %ld\r\nHSET med:1:trunk:a gateway i",
			client_id("mediation-data"));
	UNTIL(has("trunk:a", "gateway=i"), 5000);
	ck_assert_uint_eq(view.fulls, 3);
}
END_TEST

START_TEST(password_and_acl)
{
	char with[400];

	LIVE();
	redis("CONFIG SET requirepass sesame-open");
	run_for(1200); /* the connections that are open stay so */
	ck_assert_int_eq(view.state, MED_STORE_LIVE);
	med_store_free(store);
	store = view_store(&view, url);
	view.state = MED_STORE_LOADING;
	UNTIL(view.state == MED_STORE_DOWN, 5000);
	ck_assert_ptr_nonnull(strstr(view.text, "wants a password"));
	med_store_free(store);
	snprintf(with, sizeof with, "%s?password=sesame-closed", url);
	store = view_store(&view, with);
	view.text[0] = '\0';
	UNTIL(strstr(view.text, "WRONGPASS") != NULL, 5000);
	med_store_free(store);
	/* the line the README prints, with the channel that tracking needs */
	redis("AUTH sesame-open\r\nACL SETUSER kamailio on >sesame-node resetchannels "
		  "&__redis__:invalidate resetkeys %%R~med:1:* %%RW~medrun:1:* -@all +ping "
		  "+select "
		  "+client|id +client|setname +client|tracking +client|trackinginfo +subscribe "
		  "+scan +dbsize +hgetall +getrange +role +set +xadd +info\r\nHSET med:1:trunk:a "
		  "gateway g");
	snprintf(with, sizeof with, "%s?user=kamailio&password=sesame-node", url);
	store = view_store(&view, with);
	LIVE();
	redis("HSET med:1:trunk:a gateway h");
	UNTIL(has("trunk:a", "gateway=h"), 1000);
	ck_assert_int_eq(
			med_store_write(store, "medrun:1:status:n", MED_STR("up"), 30), MED_EOK);
	run_for(2500); /* TRACKINGINFO too is allowed */
	ck_assert_int_eq(view.state, MED_STORE_LIVE);
	ck_assert_uint_eq(view.write_failures, 0);
	redis("ACL SETUSER kamailio -scan");
	med_store_reload(store);
	UNTIL(view.state == MED_STORE_DOWN, 1000);
	ck_assert_ptr_nonnull(strstr(view.text, "SCAN: the ACL user may not"));
	ck_assert_msg(
			!strstr(view.all_texts, "sesame"), "a password in:\n%s", view.all_texts);
}
END_TEST

START_TEST(other_database)
{
	char with[400];

	redis("SELECT 3\r\nHSET med:1:trunk:three gateway g");
	med_store_free(store);
	snprintf(with, sizeof with, "%s?db=3", url);
	store = view_store(&view, with);
	LIVE();
	ck_assert_uint_eq(view.committed_count, 1);
	/* tracking does not know databases: the same key elsewhere changes nothing here */
	redis("SELECT 4\r\nHSET med:1:trunk:three gateway other");
	run_for(300);
	ck_assert(has("trunk:three", "gateway=g"));
	med_store_write(store, "medrun:1:x", MED_STR("v"), 30);
	run_for(300);
	char out[200];
	talk(client, "SELECT 3\r\nGET medrun:1:x", out, sizeof out);
	ck_assert_ptr_nonnull(strstr(out, "\nv\r\n"));
}
END_TEST

static long resident_kb(void)
{
	long size = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if(f) {
		if(fscanf(f, "%ld %ld", &size, &resident) != 2)
			resident = 0;
		fclose(f);
	}
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/** 200,000 other keys and 15,000 of ours: SCAN and windows, not one big answer. */
START_TEST(many_objects)
{
	long before;

	redis("EVAL \"for i=1,200000 do redis.call('SET','other:'..i,'x') end "
		  "for i=1,15000 do redis.call('HSET','med:1:route:'..i,'pattern','^+49'..i,"
		  "'usages','u','trunks','t') end\" 0");
	before = resident_kb();
	UNTIL(view.committed_count == 15000 && view.state == MED_STORE_LIVE, 20000);
	/* the addresses' sanitizer keeps freed memory for a while, hence this much */
	ck_assert_msg(
			resident_kb() - before < 80000, "grew by %ld kB", resident_kb() - before);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store with redis");
	TCase *t = tcase_create("redis");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, live_changes);
	tcase_add_test(t, deleted_and_added_again);
	tcase_add_test(t, flushdb);
	tcase_add_test(t, wrong_types);
	tcase_add_test(t, one_value_too_big_to_read);
	tcase_add_test(t, transactions_whole);
	tcase_add_test(t, transactions_at_full_speed);
	tcase_add_test(t, bursts);
	tcase_add_test(t, more_keys_than_a_notice_is_for);
	tcase_add_test(t, applied_in_pieces);
	tcase_add_test(t, applied_in_many_pieces);
	tcase_add_test(t, writer_that_died);
	tcase_add_test(t, marks_of_another_type);
	tcase_add_test(t, events);
	tcase_add_test(t, progress);
	tcase_add_test(t, may_evict);
	tcase_add_test(t, killed_and_restarted);
	tcase_add_test(t, stopped_and_continued);
	tcase_add_test(t, tracking_connection_killed);
	tcase_add_test(t, password_and_acl);
	tcase_add_test(t, other_database);
	tcase_add_test(t, many_objects);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
