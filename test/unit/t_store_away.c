/**
 * t_store_away.c - a real server that dies, stops, loads, forgets, refuses
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "run.h"
#include "test/lib/store_redis.h"

START_TEST(killed_and_restarted)
{
	redis("HSET med:1:trunk:a gateway g");
	LIVE();
	server_end(SIGKILL);
	UNTIL(view.state == MED_STORE_DOWN);
	ck_assert(has("trunk:a", "gateway=g")); /* it goes on serving */
	run_for(500);
	server_start();
	redis("HSET med:1:trunk:b gateway h");
	UNTIL(has("trunk:b", "gateway=h"));
	ck_assert_ptr_null(view_value(&view, "trunk:a"));
}
END_TEST

START_TEST(stopped_and_continued)
{
	int64_t before, longest = 0;

	speed = 5;
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
	/* were it to wait for Redis, it would for as long as that is stopped */
	ck_assert_msg(longest < 2000, "blocked for %d ms", (int)longest);
	kill(server, SIGCONT);
	redis("HSET med:1:trunk:a gateway h");
	UNTIL(has("trunk:a", "gateway=h"));
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
	UNTIL(has("trunk:a", "gateway=h"));
	redis("CLIENT KILL ID %ld\r\nHSET med:1:trunk:a gateway i",
			client_id("mediation-data"));
	UNTIL(has("trunk:a", "gateway=i"));
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
	UNTIL(view.state == MED_STORE_DOWN);
	ck_assert_ptr_nonnull(strstr(view.text, "wants a password"));
	med_store_free(store);
	snprintf(with, sizeof with, "%s?password=sesame-closed", url);
	store = view_store(&view, with);
	view.text[0] = '\0';
	UNTIL(strstr(view.text, "WRONGPASS") != NULL);
	med_store_free(store);
	/* the line of security.md, with the channel that tracking needs */
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
	UNTIL(has("trunk:a", "gateway=h"));
	ck_assert_int_eq(
			med_store_write(store, "medrun:1:status:n", MED_STR("up"), 30), MED_EOK);
	run_for(1200); /* TRACKINGINFO too is allowed */
	ck_assert_int_eq(view.state, MED_STORE_LIVE);
	ck_assert_uint_eq(view.write_failures, 0);
	redis("ACL SETUSER kamailio -scan");
	med_store_reload(store);
	UNTIL(view.state == MED_STORE_DOWN);
	ck_assert_ptr_nonnull(strstr(view.text, "SCAN: the ACL user may not"));
	ck_assert_msg(
			!strstr(view.all_texts, "sesame"), "a password in:\n%s", view.all_texts);
}
END_TEST

/** It logs in anew each time, and another password is told. */
START_TEST(password_after_a_loss)
{
	char with[400];

	redis("CONFIG SET requirepass sesame-open\r\nHSET med:1:trunk:a gateway g");
	med_store_free(store);
	snprintf(with, sizeof with, "%s?password=sesame-open", url);
	store = view_store(&view, with);
	LIVE();
	redis("CLIENT KILL TYPE pubsub\r\nHSET med:1:trunk:a gateway h");
	UNTIL(has("trunk:a", "gateway=h"));
	redis("CONFIG SET requirepass sesame-new\r\nCLIENT KILL TYPE pubsub");
	UNTIL(strstr(view.text, "WRONGPASS") != NULL);
	ck_assert(has("trunk:a", "gateway=h"));
	redis("CONFIG SET requirepass sesame-open");
	LIVE();
	ck_assert_msg(!strstr(view.all_texts, "sesame"), "%s", view.all_texts);
}
END_TEST

/** A server that reads its dump, and answers -LOADING meanwhile. */
START_TEST(loading)
{
	speed = 3;
	redis("EVAL \"for i=1,10000 do redis.call('SET','other:'..i,string.rep('x',40)) "
		  "end\" 0");
	redis("HSET med:1:trunk:a gateway g\r\nSAVE");
	LIVE();
	server_end(SIGKILL);
	UNTIL(view.state == MED_STORE_DOWN);
	server_start_slow("60");
	UNTIL(strstr(view.all_texts, "still loading its data") != NULL);
	LIVE();
	ck_assert(has("trunk:a", "gateway=g"));
	ck_assert_uint_eq(view.committed_count, 1); /* never half of a dump */
	ck_assert_uint_eq(view.fulls, 2);
}
END_TEST

/** The server ends a client that has too many notices waiting: nothing may be missed. */
START_TEST(notices_beyond_the_output_limit)
{
	char *text = malloc(4 << 20);
	size_t len = 0;

	redis("CONFIG SET client-output-buffer-limit 'pubsub 64kb 32kb 1'");
	LIVE();
	len = (size_t)snprintf(text, 4 << 20, "MULTI\r\n");
	for(int i = 0; i < 6000; i++)
		len += (size_t)snprintf(
				text + len, (4 << 20) - len, "HSET med:1:route:r%d n %d\r\n", i, i);
	snprintf(text + len, (4 << 20) - len, "EXEC");
	for(int round = 0; round < 2; round++) {
		unsigned fulls = view.fulls;
		talk(client, text, NULL, 0);
		UNTIL(view.fulls > fulls && view.state == MED_STORE_LIVE);
		ck_assert_uint_eq(view.committed_count, 6000);
		ck_assert(has("route:r5999", "n=5999"));
		redis("DEL med:1:route:r7");
		UNTIL(!view_value(&view, "route:r7"));
	}
	ck_assert_msg(strstr(view.all_texts, "closed the connection") != NULL, "%s",
			view.all_texts);
	free(text);
}
END_TEST

/** Redis removes keys by itself, where it is set so: each is a removal like others. */
START_TEST(evicted)
{
	redis("HSET med:1:trunk:a gateway g\r\nHSET med:1:trunk:b gateway g\r\n"
		  "HSET med:1:trunk:c gateway g\r\nPEXPIRE med:1:trunk:c 300");
	LIVE();
	UNTIL(!view_value(&view, "trunk:c"));
	ck_assert_uint_eq(view.committed_count, 2);
	redis("CONFIG SET maxmemory-policy allkeys-random\r\nCONFIG SET maxmemory 1\r\n"
		  "SET other x");
	UNTIL(view.committed_count == 0);
	ck_assert_uint_eq(view.fulls, 1);
	redis("CONFIG SET maxmemory 0\r\nHSET med:1:trunk:a gateway h");
	UNTIL(has("trunk:a", "gateway=h"));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {killed_and_restarted, stopped_and_continued,
			tracking_connection_killed, password_and_acl, password_after_a_loss, loading,
			notices_beyond_the_output_limit, evicted};

	return run_tests("store without redis", setup, teardown, tests, COUNT(tests));
}
