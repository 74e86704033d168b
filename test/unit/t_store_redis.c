/**
 * t_store_redis.c - the store against a real server of its own, $REDIS_SERVER or
 * redis-server
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "test/lib/store_redis.h"

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
	UNTIL(strstr(view.all_texts, "med:1:route:fat") != NULL, 20000);
	UNTIL(view.state == MED_STORE_LIVE && view.refusals > 0, 10000);
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
	tcase_add_test(t, other_database);
	tcase_add_test(t, many_objects);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
