/**
 * t_store.c - the store against a Redis that misbehaves, byte by byte, in the test's time
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <time.h>

#include "medcore/store_keys.h"
#include "medcore/store_url.h"
#include "run.h"
#include "test/lib/fake_redis.h"
#include "test/lib/store_view.h"

static fake_redis_t fake;
static store_view_t view;
static med_store_t *store;
static int64_t now = 1000;
static char path[100];

/** Time goes on by 10 ms whenever nothing happens. */
static void run_for(int64_t ms)
{
	int64_t end = now + ms;
	unsigned asked;

	while(now < end) {
		asked = fake.asked;
		med_store_run(store, now);
		if(!fake_run(&fake) && asked == fake.asked)
			now += 10;
	}
}

static bool run_until(enum med_store_state state, int64_t ms)
{
	for(int64_t end = now + ms; now < end && view.state != state;)
		run_for(10);
	return view.state == state;
}

static void start(const char *options)
{
	char url[300];

	snprintf(path, sizeof path, "/tmp/med-t-store-%d.sock", (int)getpid());
	fake_start(&fake, path);
	view_init(&view);
	snprintf(url, sizeof url, "unix://%s%s", path, options);
	store = view_store(&view, url);
}

static void setup(void)
{
	start("?password=sesame-open&db=3");
}

static void teardown(void)
{
	med_store_free(store);
	fake_stop(&fake);
	view_free(&view);
}

/* ---- url ---- */

static void check_url(
		const char *text, const char *shown, const char *user, const char *password)
{
	med_store_url_t url;
	med_errbuf_t err = {""};

	ck_assert_msg(
			med_store_url_parse(text, &url, &err) == MED_EOK, "%s: %s", text, err.text);
	ck_assert_str_eq(url.shown, shown);
	ck_assert_str_eq(url.user, user);
	ck_assert_str_eq(url.password, password);
}

static void check_bad_url(const char *text, const char *why)
{
	med_store_url_t url;
	med_errbuf_t err = {""};

	ck_assert_msg(
			med_store_url_parse(text, &url, &err) == MED_EINVAL, "accepted: %s", text);
	ck_assert_msg(
			strstr(err.text, why) != NULL, "%s: '%s' has no '%s'", text, err.text, why);
	ck_assert_msg(!strstr(err.text, "s3cret"), "a secret in '%s'", err.text);
}

START_TEST(urls)
{
	check_url("redis://127.0.0.1", "redis 127.0.0.1:6379 db 0", "", "");
	check_url("redis://r1.example:7000/15", "redis r1.example:7000 db 15", "", "");
	check_url("redis://:pw@h/1", "redis h:6379 db 1", "", "pw");
	check_url("redis://u:p%40%3a@h:1", "redis h:1 db 0", "u", "p@:");
	check_url("redis://u:p@q@h", "redis h:6379 db 0", "u", "p@q");
	check_url("redis://[::1]:6380/2", "redis ::1:6380 db 2", "", "");
	check_url("redis://[::1]", "redis ::1:6379 db 0", "", "");
	check_url("unix:///run/r.sock", "redis /run/r.sock db 0", "", "");
	check_url("unix:///run/r.sock?db=4&user=u&password=p%26", "redis /run/r.sock db 4",
			"u", "p&");
	check_bad_url("", "form");
	check_bad_url("http://s3cret", "form");
	check_url("rediss://u:pw@h/2?ca=/a%20b&cert=/c&key=/k&name=n", "redis h:6379 db 2",
			"u", "pw");
	check_bad_url("rediss://u:s3cret@h?cert=/c", "cert and key");
	check_bad_url("rediss://u:s3cret@h?passwd=x", "only ca, cert, key and name");
	check_bad_url("redis://u:s3cret@h?ca=/a", "rediss://");
	check_url("sentinel://a/m", "sentinel a:26379", "", "");
	check_url("sentinel://u:pw@a:1,[::1]:2,c/my/3?sentinel_password=x&tls=1&ca=/a",
			"sentinel a:1,::1:2,c:26379", "u", "pw");
	check_bad_url("sentinel://u:s3cret@a", "the master's name");
	check_bad_url("sentinel://u:s3cret@a,/m", "no host");
	check_bad_url("sentinel:///m", "no host");
	check_bad_url("sentinel://a/m/x", "database");
	check_bad_url("sentinel://a,a,a,a,a,a,a,a,a/m", "more than 8");
	check_bad_url("sentinel://a/m?ca=/s3cret", "for TLS");
	check_bad_url("sentinel://a/m?sentinel_user=s3cret", "without a password");
	check_bad_url("sentinel://a/m?tls=2", "tls");
	check_bad_url("redis://", "no host");
	check_bad_url("redis://s3cret@h", "without a password");
	check_bad_url("redis://u:s3cret%zz@h", "hex");
	check_bad_url("redis://u:s3cret%00@h", "hex");
	check_bad_url("redis://h:99999", "port");
	check_bad_url("redis://h:0", "port");
	check_bad_url("redis://h/x", "database");
	check_bad_url("redis://h:/1", "port");
	check_bad_url("redis://[::1", "without ']'");
	check_bad_url("redis://[::1]x", "only ':port'");
	check_bad_url("unix://run/x", "absolute");
	check_bad_url("unix:///x?user=s3cret", "without a password");
	check_bad_url("unix:///x?passwd=s3cret", "only db, user and password");
}
END_TEST

/* ---- keys ---- */

START_TEST(key_set)
{
	med_store_keys_t keys = {0};
	char text[32];

	ck_assert(!med_store_keys_has(&keys, MED_STR("a")));
	for(int round = 0; round < 2; round++) {
		for(int i = 0; i < 20000; i++) {
			int len = snprintf(text, sizeof text, "k%d", i % 10000);
			ck_assert_int_eq(
					med_store_keys_add(&keys, (med_str_t){text, (size_t)len}), 0);
		}
		ck_assert_uint_eq(keys.count, 10000);
		ck_assert(med_str_eq(med_store_keys_at(&keys, 9999), MED_STR("k9999")));
		ck_assert(med_store_keys_has(&keys, MED_STR("k77")));
		ck_assert(!med_store_keys_has(&keys, MED_STR("k10000")));
		ck_assert_int_eq(med_store_keys_add(&keys, (med_str_t){"", 0}), 0);
		ck_assert(med_store_keys_has(&keys, (med_str_t){"", 0}));
		med_store_keys_drop(&keys, MED_STR("k77"));
		ck_assert(!med_store_keys_has(&keys, MED_STR("k77")));
		ck_assert(med_store_keys_has(&keys, MED_STR("k78")));
		ck_assert_int_eq(med_store_keys_add(&keys, MED_STR("k77")), 0);
		ck_assert(med_store_keys_has(&keys, MED_STR("k77")));
		med_store_keys_clear(&keys);
		ck_assert(!med_store_keys_has(&keys, MED_STR("k77")));
	}
	med_store_keys_free(&keys);
}
END_TEST

/* ---- reading ---- */

START_TEST(reads_and_follows)
{
	ck_assert_msg(run_until(MED_STORE_LIVE, 1000), "%s", view.text);
	ck_assert_str_eq(view_value(&view, "trunk:one"), "gateway=g1");
	ck_assert_uint_eq(view.fulls, 1);
	fake.value = "*2\r\n$7\r\ngateway\r\n$2\r\ng2\r\n";
	fake_notice(&fake, "*1\r\n$15\r\nmed:1:trunk:one\r\n");
	run_for(100);
	ck_assert_str_eq(view_value(&view, "trunk:one"), "gateway=g2");
	ck_assert_uint_eq(view.commits, 2);
	fake.value = "*0\r\n";
	fake_notice(&fake, "*2\r\n$15\r\nmed:1:trunk:one\r\n$9\r\nother:key\r\n");
	run_for(100);
	ck_assert_ptr_null(view_value(&view, "trunk:one"));
	ck_assert_uint_eq(view.states, 2); /* loading, live: each told once */
}
END_TEST

START_TEST(torn_replies)
{
	fake.torn = true;
	ck_assert_msg(run_until(MED_STORE_LIVE, 1000), "%s", view.text);
	fake.value = "*2\r\n$7\r\ngateway\r\n$2\r\ng2\r\n";
	fake_notice(&fake, "*1\r\n$15\r\nmed:1:trunk:one\r\n");
	run_for(100);
	ck_assert_str_eq(view_value(&view, "trunk:one"), "gateway=g2");
}
END_TEST

/** A notice that arrives after the values were read, before the fence is answered. */
static void notice_before_pong(fake_redis_t *f, const char *command, void *ctx)
{
	(void)ctx;
	if(strcmp(command, "HGETALL") != 0 || view.commits == 0)
		return;
	f->after = NULL;
	f->value = "*2\r\n$7\r\ngateway\r\n$2\r\ng3\r\n";
	fake_notice(f, "*2\r\n$15\r\nmed:1:trunk:one\r\n$15\r\nmed:1:trunk:two\r\n");
}

START_TEST(fence_holds_back)
{
	ck_assert(run_until(MED_STORE_LIVE, 1000));
	fake.value = "*2\r\n$7\r\ngateway\r\n$2\r\ng2\r\n";
	fake.after = notice_before_pong;
	fake_notice(&fake, "*1\r\n$15\r\nmed:1:trunk:one\r\n");
	run_for(100);
	/* g2 alone would be half of the transaction that also wrote two: never committed */
	ck_assert_uint_eq(view.commits, 2);
	ck_assert_str_eq(view_value(&view, "trunk:one"), "gateway=g3");
	ck_assert_str_eq(view_value(&view, "trunk:two"), "gateway=g3");
}
END_TEST

static void flush_in_the_middle(fake_redis_t *f, const char *command, void *ctx)
{
	(void)ctx;
	if(strcmp(command, "HGETALL") != 0)
		return;
	f->after = NULL;
	f->scan = "*1\r\n$15\r\nmed:1:trunk:two\r\n";
	fake_notice(f, "$-1\r\n");
}

START_TEST(flush_during_full_read)
{
	fake.after = flush_in_the_middle;
	ck_assert(run_until(MED_STORE_LIVE, 1000));
	ck_assert_uint_eq(view.begins, 2);
	ck_assert_uint_eq(view.commits, 1);
	ck_assert_ptr_null(view_value(&view, "trunk:one"));
	ck_assert_ptr_nonnull(view_value(&view, "trunk:two"));
}
END_TEST

START_TEST(flush_while_live)
{
	ck_assert(run_until(MED_STORE_LIVE, 1000));
	fake.scan = "*0\r\n";
	fake_notice(&fake, "*-1\r\n");
	run_for(100);
	ck_assert_uint_eq(view.fulls, 2);
	ck_assert_uint_eq(view.committed_count, 0);
}
END_TEST

/** FLUSHDB, when a value was already asked for: it comes back empty, then the notice. */
static void flush_before_pong(fake_redis_t *f, const char *command, void *ctx)
{
	(void)ctx;
	if(strcmp(command, "HGETALL") != 0)
		return;
	f->after = NULL;
	f->scan = "*0\r\n";
	fake_notice(f, "*-1\r\n");
}

START_TEST(flush_while_reading)
{
	ck_assert(run_until(MED_STORE_LIVE, 1000));
	fake.value = "*0\r\n";
	fake.after = flush_before_pong;
	fake_notice(&fake, "*1\r\n$15\r\nmed:1:trunk:one\r\n");
	run_for(100);
	/* of the flush is for the handler to judge: nothing goes ahead of it */
	ck_assert_uint_eq(view.gone, 0);
	ck_assert_uint_eq(view.fulls, 2);
	ck_assert_uint_eq(view.committed_count, 0);
}
END_TEST

static void back_before_pong(fake_redis_t *f, const char *command, void *ctx)
{
	(void)ctx;
	if(strcmp(command, "HGETALL") != 0)
		return;
	f->after = NULL;
	f->value = "*2\r\n$7\r\ngateway\r\n$2\r\ng3\r\n";
	fake_notice(f, "*1\r\n$15\r\nmed:1:trunk:one\r\n");
}

START_TEST(gone_and_back_before_the_commit)
{
	ck_assert(run_until(MED_STORE_LIVE, 1000));
	fake.value = "*0\r\n";
	fake.after = back_before_pong;
	fake_notice(&fake, "*1\r\n$15\r\nmed:1:trunk:one\r\n");
	run_for(100);
	ck_assert_uint_eq(view.gone, 0);
	ck_assert_uint_eq(view.commits, 2);
	ck_assert_str_eq(view_value(&view, "trunk:one"), "gateway=g3");
}
END_TEST

START_TEST(reload)
{
	ck_assert(run_until(MED_STORE_LIVE, 1000));
	med_store_reload(store);
	run_for(100);
	ck_assert_uint_eq(view.fulls, 2);
	ck_assert_int_eq(view.state, MED_STORE_LIVE);
}
END_TEST

START_TEST(keys_that_are_no_objects)
{
	fake.scan = "*3\r\n$9\r\nmed:1:foo\r\n$13\r\nmed:1:trnk:a\n\r\n$15\r\nmed:1:trunk:"
				"one\r\n";
	ck_assert(run_until(MED_STORE_LIVE, 1000));
	ck_assert_uint_eq(view.refusals, 2);
	ck_assert_str_eq(view.refused_key, "trnk:a\n");
	ck_assert_ptr_nonnull(strstr(view.refused, "key 'med:1:trnk:a?': of no known kind"));
	fake.value = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
	fake_notice(&fake, "*1\r\n$15\r\nmed:1:trunk:one\r\n");
	run_for(100);
	ck_assert_str_eq(view.refused_key, "trunk:one");
	ck_assert_ptr_nonnull(strstr(view.refused, "not a hash"));
	ck_assert_str_eq(view_value(&view, "trunk:one"), "gateway=g1");
	fake.value = "*0\r\n";
	fake_notice(&fake, "*1\r\n$9\r\nmed:1:foo\r\n");
	run_for(100);
	ck_assert_str_eq(view.refused_key, "foo");
	ck_assert_str_eq(view.refused, "");
}
END_TEST

/** SCAN may name a key more than once, and one that is gone again. */
START_TEST(scan_repeats_itself)
{
	fake.scan = "*4\r\n$15\r\nmed:1:trunk:one\r\n$15\r\nmed:1:trunk:one\r\n$13\r\n"
				"med:1:applied\r\n$15\r\nmed:1:trunk:one\r\n";
	ck_assert(run_until(MED_STORE_LIVE, 1000));
	ck_assert_uint_eq(view.committed_count, 1);
	ck_assert_uint_eq(view.refusals, 0);
	fake.value = "*0\r\n";
	med_store_reload(store);
	run_for(100);
	ck_assert_uint_eq(view.fulls, 2);
	ck_assert_uint_eq(view.committed_count, 0);
}
END_TEST

START_TEST(broken_redirect)
{
	ck_assert(run_until(MED_STORE_LIVE, 1000));
	fake.odd = "CLIENT TRACKINGINFO";
	fake.bytes =
			"*2\r\n$5\r\nflags\r\n*3\r\n$2\r\non\r\n$5\r\nbcast\r\n$15\r\nbroken_redirect"
			"\r\n";
	fake.bytes_len = strlen(fake.bytes);
	fake.odd_left = 1;
	ck_assert_msg(run_until(MED_STORE_DOWN, 1500), "still: %s", view.text);
	ck_assert_ptr_nonnull(strstr(view.text, "broken_redirect"));
	ck_assert(run_until(MED_STORE_LIVE, 1000));
	ck_assert_uint_eq(view.fulls, 2);
}
END_TEST

START_TEST(redis_6_0_has_no_trackinginfo)
{
	fake.odd = "CLIENT TRACKINGINFO";
	fake.bytes = "-ERR Unknown subcommand or wrong number of arguments\r\n";
	fake.bytes_len = strlen(fake.bytes);
	fake.odd_left = 1;
	run_for(10000);
	ck_assert_int_eq(view.state, MED_STORE_LIVE);
	ck_assert_uint_eq(view.fulls, 1);
}
END_TEST

START_TEST(silent_tracking_connection)
{
	ck_assert(run_until(MED_STORE_LIVE, 1000));
	fake.odd = "PING";
	fake.bytes = NULL;
	fake.odd_left = 1;
	ck_assert_msg(run_until(MED_STORE_DOWN, 6000), "still: %s", view.text);
	ck_assert_ptr_nonnull(strstr(view.text, "no answer in time"));
	ck_assert(run_until(MED_STORE_LIVE, 1000));
}
END_TEST

/* ---- what a server may answer instead ---- */

/* clang-format off */
static const struct {
	const char *command, *bytes; /* NULL: silence */
	bool close;
	const char *text;
} odd_answers[] = {
	{"AUTH", "-WRONGPASS invalid username-password pair sesame-open\r\n", false, "WRONGPASS"},
	{"AUTH", "-ERR unknown command 'AUTH', with args beginning with: 'sesame-open'\r\n", false, "refuses AUTH (ERR)"},
	{"AUTH", ":1\r\n", false, "refuses AUTH ()"},
	{"AUTH", NULL, false, "an answer of the wrong type"},
	{"SELECT", "-ERR DB index is out of range\r\n", false, "SELECT: ERR DB index"},
	{"CLIENT ID", "-LOADING Redis is loading the dataset in memory\r\n", false, "still loading"},
	{"CLIENT ID", "-NOAUTH Authentication required.\r\n", false, "wants a password"},
	{"CLIENT ID", "+OK\r\n", false, "CLIENT ID: an answer of the wrong type"},
	{"CLIENT ID", "", true, "closed the connection"},
	{"SUBSCRIBE", "-NOPERM this user has no permissions to access one of the channels\r\n", false, "ACL user may not"},
	{"SUBSCRIBE", "+OK\r\n", false, "SUBSCRIBE"},
	{"SUBSCRIBE", "*3\r\n$9\r\nsubscribe\r\n", true, "closed the connection"},
	{"CLIENT TRACKING", "-ERR unknown subcommand 'sesame-open'\r\n", false, "'***********'"},
	{"SCAN", "-LOADING Redis is loading the dataset in memory\r\n", false, "still loading"},
	{"SCAN", "*2\r\n$1\r\n0\r\n$1\r\nx\r\n", false, "SCAN: an answer of the wrong type"},
	{"SCAN", "*1\r\n$1\r\n0\r\n", false, "SCAN: an answer of the wrong type"},
	{"SCAN", "*2\r\n:0\r\n*0\r\n", false, "SCAN: an answer of the wrong type"},
	{"SCAN", "*2\r\n$30\r\n012345678901234567890123456789\r\n*0\r\n", false, "SCAN: an answer of the wrong type"},
	{"SCAN", "$-1\r\n", false, "SCAN: an answer of the wrong type"},
	{"SCAN", NULL, false, "no answer in time"},
	{"SCAN", "*2\r\n$1\r\n0\r\n*5\r\n$3\r\nabc\r\n", false, "no answer in time"},
	{"SCAN", "HTTP/1.1 400 Bad Request\r\n\r\n", false, "got \"H\" as reply type byte"},
	{"SCAN", "\0\0\0\0", false, "as reply type byte"},
	{"SCAN", "*2147483647\r\n", false, "an answer is too big"},
	{"SCAN", "*4294967296\r\n", false, "ulti-bulk length"},
	{"SCAN", "*-5\r\n", false, "ulti-bulk length"},
	{"SCAN", "$99999999999999999999\r\n", false, "ulk string length"},
	{"SCAN", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", false, ""},
	{"HGETALL", "-NOPERM No permissions to access a key\r\n", false, "ACL user may not"},
	{"HGETALL", "*1\r\n$1\r\na\r\n", false, "HGETALL: an answer of the wrong type"},
	{"HGETALL", "*2\r\n$1\r\na\r\n:1\r\n", false, "HGETALL: an answer of the wrong type"},
	{"HGETALL", "*2\r\n$1\r\na\r\n*0\r\n", false, "HGETALL: an answer of the wrong type"},
	{"HGETALL", "$-1\r\n", false, "HGETALL: an answer of the wrong type"},
	{"HGETALL", "+OK\r\n+OK\r\n", false, "HGETALL: an answer of the wrong type"},
	{"HGETALL", "*0\r\n+OK\r\n", false, "an answer nobody asked for"},
	{"HGETALL", "*2\r\n$1\r\na", true, "closed the connection"},
	{"PING", "+PONG\r\n", false, "PING: an answer of the wrong type"},
	{"PING", "-ERR max number of clients reached\r\n", false, "max number of clients"},
};
/* clang-format on */

START_TEST(odd_answer)
{
	const char *text = odd_answers[_i].text;

	fake.odd = odd_answers[_i].command;
	fake.bytes = odd_answers[_i].bytes;
	fake.bytes_len = fake.bytes ? strlen(fake.bytes) : 0;
	if(fake.bytes && fake.bytes_len == 0 && !odd_answers[_i].close)
		fake.bytes_len = 4; /* the row of zero bytes */
	fake.close = odd_answers[_i].close;
	fake.torn = _i % 2;
	fake.odd_left = 1;
	view.state = MED_STORE_LOADING;
	ck_assert_msg(run_until(MED_STORE_DOWN, 8000), "took it: %s", fake.odd);
	ck_assert_msg(strstr(view.text, text) != NULL, "%s: '%s' has no '%s'", fake.odd,
			view.text, text);
	ck_assert_uint_eq(view.commits, 0);
	ck_assert_msg(run_until(MED_STORE_LIVE, 3000), "no recovery: %s", view.text);
	ck_assert_str_eq(view_value(&view, "trunk:one"), "gateway=g1");
	ck_assert_msg(
			!strstr(view.all_texts, "sesame"), "the password is in:\n%s", view.all_texts);
}
END_TEST

/** The same fault for ever: told once, not at each attempt. */
START_TEST(told_once)
{
	fake.odd = "SCAN";
	fake.bytes = "-LOADING Redis is loading the dataset in memory\r\n";
	fake.bytes_len = strlen(fake.bytes);
	fake.odd_left = 1000000;
	run_for(120000);
	ck_assert_uint_eq(view.states, 1);
	ck_assert_msg(fake.asked > 120, "gave up after %u commands", fake.asked);
	fake.odd_left = 0;
	ck_assert(run_until(MED_STORE_LIVE, 3000));
}
END_TEST

START_TEST(nobody_there)
{
	fake_stop(&fake);
	run_for(60000);
	ck_assert_uint_eq(view.states, 1);
	ck_assert_ptr_nonnull(strstr(view.text, "connect: No such file"));
	fake_start(&fake, path);
	ck_assert(run_until(MED_STORE_LIVE, 3000));
}
END_TEST

START_TEST(lost_and_found)
{
	for(unsigned i = 1; i < 20; i++) {
		ck_assert_msg(run_until(MED_STORE_LIVE, 5000), "round %u: %s", i, view.text);
		ck_assert_uint_eq(view.fulls, i);
		fake_hang_up(&fake);
		ck_assert(run_until(MED_STORE_DOWN, 100));
		ck_assert_ptr_nonnull(view_value(&view, "trunk:one"));
	}
}
END_TEST

/* ---- writing ---- */

START_TEST(writes)
{
	ck_assert(run_until(MED_STORE_LIVE, 1000));
	ck_assert_int_eq(med_store_write(store, "medrun:1:x", MED_STR("v1"), 30), MED_EOK);
	run_for(100);
	ck_assert_str_eq(fake.last_set, "medrun:1:x=v1");
	fake.odd = "SET";
	fake.bytes = "-READONLY You can't write against a read only replica. sesame-open\r\n";
	fake.bytes_len = strlen(fake.bytes);
	fake.odd_left = 2;
	for(int i = 0; i < 3; i++) {
		med_store_write(store, "medrun:1:x", MED_STR("v2"), 30);
		run_for(3000);
	}
	ck_assert_uint_eq(view.write_failures, 2); /* complained once, then told it works */
	ck_assert_str_eq(view.write_text, "");
	ck_assert_str_eq(fake.last_set, "medrun:1:x=v2");
	ck_assert_int_eq(view.state, MED_STORE_LIVE);
}
END_TEST

START_TEST(name_is_resolved_meanwhile)
{
	struct timespec before, after;

	med_store_free(store);
	store = view_store(&view, "redis://no-such-host.invalid:1");
	clock_gettime(CLOCK_MONOTONIC, &before);
	med_store_run(store, now);
	clock_gettime(CLOCK_MONOTONIC, &after);
	ck_assert_int_lt((after.tv_sec - before.tv_sec) * 1000
					+ (after.tv_nsec - before.tv_nsec) / 1000000,
			2000);
	run_for(10000);
	ck_assert_int_eq(view.state, MED_STORE_DOWN);
	ck_assert_uint_gt(view.states, 0);
}
END_TEST

int main(void)
{
	const TTest *const plain[] = {urls, key_set};
	const TTest *const live[] = {reads_and_follows, torn_replies, fence_holds_back,
			flush_during_full_read, flush_while_live, flush_while_reading,
			gone_and_back_before_the_commit, reload, keys_that_are_no_objects,
			scan_repeats_itself, broken_redirect, redis_6_0_has_no_trackinginfo,
			silent_tracking_connection, told_once, nobody_there, lost_and_found, writes,
			name_is_resolved_meanwhile};
	TCase *cases[] = {run_case("plain", NULL, NULL, plain, COUNT(plain)),
			run_case("fake redis", setup, teardown, live, COUNT(live))};

	tcase_add_loop_test(cases[1], odd_answer, 0, COUNT(odd_answers));
	return run_cases("store", cases, COUNT(cases));
}
