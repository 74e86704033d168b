/**
 * t_store_redis.c - the store against a real server of its own, $REDIS_SERVER or
 * redis-server
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "medcore/store_conn.h"
#include "run.h"
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
	UNTIL(has("trunk:b", "gateway=g"));
	redis("HSET med:1:trunk:b port 5061");
	UNTIL(has("trunk:b", "gateway=g port=5061"));
	redis("DEL med:1:trunk:a");
	UNTIL(!view_value(&view, "trunk:a"));
	redis("RENAME med:1:trunk:b med:1:trunk:c");
	UNTIL(has("trunk:c", "gateway=g port=5061") && !view_value(&view, "trunk:b"));
	redis("EXPIRE med:1:trunk:c 1");
	UNTIL(!view_value(&view, "trunk:c"));
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
	UNTIL(has("trunk:a", "gateway=g199"));
}
END_TEST

START_TEST(flushdb)
{
	redis("HSET med:1:trunk:a gateway g");
	LIVE();
	redis("FLUSHDB");
	UNTIL(view.committed_count == 0);
	ck_assert_uint_eq(view.fulls, 2);
	redis("HSET med:1:trunk:a gateway h");
	UNTIL(has("trunk:a", "gateway=h"));
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
	UNTIL(view.refusals == 3);
	ck_assert_str_eq(view.refused_key, "trunk:ok");
	ck_assert(has("trunk:ok", "gateway=g")); /* the last good version */
	med_store_reload(store);
	UNTIL(view.fulls == 2);
	ck_assert(has("trunk:ok", "gateway=g")); /* also when everything is read again */
	redis("MULTI\r\nDEL med:1:trunk:ok\r\nHSET med:1:trunk:ok gateway h\r\nEXEC");
	UNTIL(has("trunk:ok", "gateway=h"));
}
END_TEST

START_TEST(one_value_too_big_to_read)
{
	char text[40];

	redis("HSET med:1:trunk:a gateway g\r\nHSET med:1:route:fat name x");
	LIVE();
	redis("EVAL \"redis.call('HSET','med:1:route:fat','name',string.rep('x',%u))\" 0",
			MED_CONN_REPLY_MAX + 10000000);
	UNTIL(strstr(view.all_texts, "med:1:route:fat") != NULL);
	UNTIL(view.state == MED_STORE_LIVE && view.refusals > 0);
	ck_assert_str_eq(view.refused_key, "route:fat");
	snprintf(text, sizeof text, "larger than %u MB", MED_CONN_REPLY_MAX >> 20);
	ck_assert_msg(strstr(view.refused, text) != NULL, "%s", view.refused);
	ck_assert(has("route:fat", "name=x")); /* its last good version */
	ck_assert_uint_eq(view.fulls, 2);
	redis("HSET med:1:trunk:a gateway h"); /* everyone else goes on */
	UNTIL(has("trunk:a", "gateway=h"));
	redis("HSET med:1:route:fat priority 1"); /* changed, and still too big */
	UNTIL(view.fulls == 3 && view.state == MED_STORE_LIVE);
	redis("DEL med:1:route:fat\r\nHSET med:1:route:fat name y");
	UNTIL(has("route:fat", "name=y"));
	ck_assert_uint_eq(view.fulls, 3);
}
END_TEST

START_TEST(more_keys_than_a_notice_is_for)
{
	LIVE();
	/* one change of 101,000 keys: the store reads everything instead */
	redis("EVAL \"for i=1,101000 do redis.call('HSET','med:1:zz:'..i,'n','x') end "
		  "redis.call('HSET','med:1:trunk:a','gateway','g')\" 0");
	UNTIL(has("trunk:a", "gateway=g"));
	ck_assert_uint_eq(view.fulls, 2);
	ck_assert_uint_eq(view.refusals, 101000);
}
END_TEST

static bool answers(const char *commands, const char *text)
{
	char out[200];

	talk(client, commands, out, sizeof out);
	return strstr(out, text) != NULL;
}

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
	UNTIL(answers("SELECT 3\r\nGET medrun:1:x", "\nv\r\n"));
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
	UNTIL(view.committed_count == 15000 && view.state == MED_STORE_LIVE);
	/* the addresses' sanitizer keeps freed memory for a while, hence this much */
	ck_assert_msg(
			resident_kb() - before < 80000, "grew by %ld kB", resident_kb() - before);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {live_changes, deleted_and_added_again, flushdb,
			wrong_types, one_value_too_big_to_read, more_keys_than_a_notice_is_for,
			other_database, many_objects};

	return run_tests("store with redis", setup, teardown, tests, COUNT(tests));
}
