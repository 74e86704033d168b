/**
 * t_store_marks.c - keys beside the objects, events, progress; with a real redis-server
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "run.h"
#include "test/lib/store_redis.h"

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
	UNTIL(strcmp(view.who, "medctl@host") == 0);
	redis("MULTI\r\nHSET med:1:trunk:c gateway h\r\nDEL med:1:trunk:a\r\nEXEC");
	run_for(300);
	ck_assert_uint_eq(view.commits, commits);
	ck_assert(has("trunk:a", "gateway=g"));
	redis("SET med:1:applying 'medctl@host, half'");
	UNTIL(strcmp(view.who, "medctl@host, half") == 0);
	ck_assert_uint_eq(view.commits, commits);
	redis("MULTI\r\nHSET med:1:trunk:b gateway i\r\nDEL med:1:applying\r\n"
		  "SET med:1:applied second\r\nEXEC");
	UNTIL(view.commits > commits);
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
	UNTIL(!view_value(&view, "trunk:b"));
	ck_assert_uint_eq(view.applyings, 3);
}
END_TEST

/** More than notices are kept for, under the marker; and everything flushed meanwhile. */
START_TEST(applied_in_many_pieces)
{
	LIVE();
	redis("SET med:1:applying x");
	UNTIL(strcmp(view.who, "x") == 0);
	redis("EVAL \"for i=1,101000 do redis.call('HSET','med:1:zz:'..i,'n','x') end\" 0");
	redis("HSET med:1:trunk:a gateway g");
	run_for(500);
	ck_assert_uint_eq(view.commits, 1);
	redis("DEL med:1:applying");
	UNTIL(has("trunk:a", "gateway=g"));
	ck_assert_uint_eq(view.fulls, 2);
	ck_assert_uint_eq(view.refusals, 101000);
	redis("SET med:1:applying y");
	UNTIL(strcmp(view.who, "y") == 0);
	redis("FLUSHDB");
	UNTIL(view.fulls == 3);
	ck_assert_uint_eq(view.committed_count, 0);
	ck_assert_str_eq(view.who, "");
}
END_TEST

/** One ends and another comes and goes before we look: the marker is asked for twice. */
START_TEST(two_writers_at_once)
{
	unsigned commits;

	LIVE();
	redis("SET med:1:applying one");
	UNTIL(strcmp(view.who, "one") == 0);
	commits = view.commits;
	redis("EVAL \"for i=1,5000 do redis.call('HSET','med:1:route:'..i,'name','x') end\" "
		  "0");
	run_for(300);
	ck_assert_uint_eq(view.commits, commits);
	redis("SET med:1:applying two");
	redis("DEL med:1:applying");
	UNTIL(view.commits > commits);
	ck_assert_uint_eq(view.committed_count, 5000);
	ck_assert_str_eq(view.who, "");
	ck_assert_uint_eq(view.fulls, 1);
}
END_TEST

/** A reload ends the waiting for the writer that was told, and for no other. */
START_TEST(reload_ends_one_writer)
{
	redis("HSET med:1:trunk:a gateway g\r\nSET med:1:applying me");
	UNTIL(strcmp(view.who, "me") == 0);
	med_store_reload(store);
	LIVE();
	redis("DEL med:1:applying\r\nHSET med:1:trunk:a gateway h");
	UNTIL(has("trunk:a", "gateway=h"));
	redis("SET med:1:applying me");
	UNTIL(strcmp(view.who, "me") == 0);
	redis("DEL med:1:applying");
	UNTIL(strcmp(view.who, "") == 0);
	/* it begins while everything is read again, as somebody asked for */
	redis("CLIENT KILL TYPE pubsub");
	UNTIL(view.state == MED_STORE_DOWN);
	med_store_reload(store);
	redis("SET med:1:applying next\r\nHSET med:1:trunk:a gateway half");
	UNTIL(strcmp(view.who, "next") == 0);
	run_for(200);
	ck_assert(has("trunk:a", "gateway=h"));
}
END_TEST

/** The writer died: told, until a reload ends it or another writer comes. */
START_TEST(writer_that_died)
{
	redis("HSET med:1:trunk:a gateway g\r\nSET med:1:applying dead");
	UNTIL(strstr(view.text, "'dead' is still writing") != NULL);
	ck_assert_int_eq(view.state, MED_STORE_LOADING);
	ck_assert_uint_eq(view.commits, 0);
	redis("CLIENT KILL TYPE pubsub"); /* a loss meanwhile changes nothing */
	run_for(500);
	UNTIL(view.state == MED_STORE_LOADING);
	ck_assert_uint_eq(view.commits, 0);
	med_store_reload(store);
	LIVE();
	ck_assert(has("trunk:a", "gateway=g"));
	ck_assert_str_eq(view.who, "");
	redis("HSET med:1:trunk:a gateway h"); /* its marker is there still, and over */
	UNTIL(has("trunk:a", "gateway=h"));
	redis("SET med:1:applying dead\r\nHSET med:1:trunk:a gateway i");
	UNTIL(has("trunk:a", "gateway=i"));
	redis("SET med:1:applying next\r\nHSET med:1:trunk:a gateway j");
	UNTIL(strcmp(view.who, "next") == 0);
	run_for(200);
	ck_assert(has("trunk:a", "gateway=i"));
	med_store_reload(store);
	UNTIL(has("trunk:a", "gateway=j"));
	redis("DEL med:1:applying\r\nDEL med:1:trunk:a");
	UNTIL(!view_value(&view, "trunk:a"));
	/* a reload without a writer does not excuse the next one */
	med_store_reload(store);
	UNTIL(view.fulls == 3);
	redis("SET med:1:applying late");
	UNTIL(strcmp(view.who, "late") == 0);
}
END_TEST

START_TEST(marks_of_another_type)
{
	redis("RPUSH med:1:applied x\r\nHSET med:1:trunk:a gateway g");
	LIVE();
	redis("RPUSH med:1:applying x");
	UNTIL(strcmp(view.who, "(not a string)") == 0);
	redis("DEL med:1:applying\r\nDEL med:1:applied");
	UNTIL(strcmp(view.who, "") == 0);
	/* gigabytes would not be read either */
	redis("SETRANGE med:1:applied 60000000 x\r\nHSET med:1:trunk:a gateway h");
	UNTIL(has("trunk:a", "gateway=h"));
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
	UNTIL((talk(client, "XRANGE medrun:1:events - +", out, sizeof out),
			strstr(out, "two words")));
	ck_assert_ptr_nonnull(strstr(out, "node\r\n$2\r\nn1\r\n$4\r\ntext"));
	ck_assert_uint_eq(view.write_failures, 0);
	/* it does not grow for ever */
	redis("EVAL \"for i=1,20000 do redis.call('XADD','medrun:1:events','*','n',i) end\" "
		  "0");
	ck_assert_int_eq(med_store_event(store, "medrun:1:events", fields, 1), MED_EOK);
	UNTIL((talk(client, "XLEN medrun:1:events", out, sizeof out),
			atoi(strchr(out, ':') + 1) < 10400));
}
END_TEST

START_TEST(progress)
{
	size_t done, known, highest = 0;

	redis("EVAL \"for i=1,8000 do redis.call('HSET','med:1:route:'..i,'name','x') end\" "
		  "0");
	for(int64_t end = clock_ms() + PATIENCE_MS;
			view.state != MED_STORE_LIVE && clock_ms() < end;) {
		turn(20);
		med_store_progress(store, &done, &known);
		ck_assert(known == 0 || known == 8000);
		ck_assert_uint_le(done, 8000);
		if(view.state == MED_STORE_LOADING && done > 0 && done < 8000)
			highest = done;
	}
	ck_assert_int_eq(view.state, MED_STORE_LIVE);
	ck_assert_uint_gt(highest, 0);
	ck_assert_uint_eq(done, 8000);
}
END_TEST

START_TEST(may_evict)
{
	speed = 5;
	LIVE();
	run_for(1200);
	ck_assert_uint_eq(view.unfits, 0);
	redis("CONFIG SET maxmemory-policy allkeys-lru");
	med_store_free(store);
	store = view_store(&view, url);
	LIVE();
	UNTIL(view.unfits == 1);
	ck_assert_msg(strstr(view.unfit, "allkeys-lru") != NULL, "%s", view.unfit);
	redis("CONFIG SET maxmemory-policy noeviction\r\nCLIENT KILL TYPE pubsub");
	UNTIL(view.unfits == 2);
	ck_assert_str_eq(view.unfit, "");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {applied_in_pieces, applied_in_many_pieces,
			two_writers_at_once, reload_ends_one_writer, writer_that_died,
			marks_of_another_type, events, progress, may_evict};

	return run_tests("store, marks and events", setup, teardown, tests, COUNT(tests));
}
