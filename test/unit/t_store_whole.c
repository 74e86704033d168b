/**
 * t_store_whole.c - transactions and bursts of a real redis-server: all or nothing
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "run.h"
#include "test/lib/store_redis.h"

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

static volatile sig_atomic_t enough;

static void end_writing(int number)
{
	(void)number;
	enough = 1;
}

/** Writes pairs in transactions, and one half of a pair's kind alone elsewhere; until
 * SIGUSR1. */
static pid_t writer(unsigned seed, int pause_ms)
{
	pid_t pid;
	int fd;

	signal(SIGUSR1, end_writing);
	pid = fork();
	if(pid)
		return pid;
	fd = client_open();
	srand(seed);
	while(!enough) {
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

static void end_writer(pid_t pid)
{
	kill(pid, SIGUSR1);
	waitpid(pid, NULL, 0);
}

START_TEST(transactions_whole)
{
	pid_t one, two;

	view.check = check_pairs;
	one = writer(1, 2);
	two = writer(2, 3);
	/* it keeps up with the writers, and does not just wait for them to end */
	UNTIL(view.commits > 60);
	med_store_reload(store); /* full reads among the writers, too */
	UNTIL(view.commits > 120);
	end_writer(one);
	end_writer(two);
	run_for(200);
	LIVE();
	check_pairs(&view);
}
END_TEST

/** Without a pause: what is published may lag, but it is never a half. */
START_TEST(transactions_at_full_speed)
{
	pid_t one = writer(3, 0), two = writer(4, 0);

	view.check = check_pairs;
	run_for(1000);
	end_writer(one);
	end_writer(two);
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
	UNTIL(view.committed_count == 5000 && has("route:r4999", "n=4999"));
	/* and 5000 keys in one transaction: in one commit */
	len = (size_t)snprintf(text, 1 << 20, "MULTI\r\n");
	for(int i = 0; i < 5000; i++)
		len += (size_t)snprintf(
				text + len, (1 << 20) - len, "HSET med:1:route:r%d n x\r\n", i);
	snprintf(text + len, (1 << 20) - len, "EXEC");
	unsigned before = view.commits;
	talk(client, text, NULL, 0);
	UNTIL(has("route:r4999", "n=x"));
	ck_assert_uint_eq(view.commits, before + 1);
	for(size_t i = 0; i < view.committed_count; i++)
		ck_assert_str_eq(view.committed[i].value, "n=x");
	/* in a full read, and only there, the next but one is known */
	ck_assert_uint_eq(view.expectations, 0);
	before = view.fulls;
	med_store_reload(store);
	UNTIL(view.fulls > before);
	ck_assert_uint_ge(view.expectations, 2500);
	ck_assert_uint_eq(view.came_true, view.expectations);
	free(text);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {transactions_whole, transactions_at_full_speed, bursts};

	return run_tests("store, transactions", setup, teardown, tests, COUNT(tests));
}
