/**
 * t_store_sentinel.c - the store behind sentinels that lie, lag and fall silent
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "run.h"
#include "test/lib/fake_redis.h"
#include "test/lib/store_view.h"

#define SENTINELS 3

static fake_redis_t old, new, sentinel[SENTINELS];
static fake_redis_t *const all[] = {&old, &new, &sentinel[0], &sentinel[1], &sentinel[2]};
static unsigned old_port, new_port;
static store_view_t view;
static med_store_t *store;
static int64_t now = 1000;
static char url[400];

static void run_for(int64_t ms)
{
	for(int64_t end = now + ms; now < end;) {
		unsigned asked = 0, before = 0;
		bool busy = false;
		for(size_t i = 0; i < sizeof all / sizeof *all; i++)
			before += all[i]->asked;
		med_store_run(store, now);
		for(size_t i = 0; i < sizeof all / sizeof *all; i++) {
			busy |= fake_run(all[i]);
			asked += all[i]->asked;
		}
		if(!busy && asked == before)
			now += 10;
	}
}

static bool run_until(enum med_store_state state, int64_t ms)
{
	for(int64_t end = now + ms; now < end && view.state != state;)
		run_for(10);
	return view.state == state;
}

static bool run_until_value(const char *value, int64_t ms)
{
	const char *is = NULL;

	for(int64_t end = now + ms; now < end; run_for(10)) {
		is = view_value(&view, "trunk:one");
		if(is && strcmp(is, value) == 0)
			return true;
	}
	return false;
}

static void say(unsigned i, unsigned port, unsigned epoch)
{
	sentinel[i].master_port = port;
	sentinel[i].epoch = epoch;
}

static void setup(void)
{
	size_t len = (size_t)snprintf(url, sizeof url, "sentinel://");

	old_port = fake_start_tcp(&old);
	new_port = fake_start_tcp(&new);
	new.value = "*2\r\n$7\r\ngateway\r\n$2\r\ng2\r\n";
	for(unsigned i = 0; i < SENTINELS; i++) {
		len += (size_t)snprintf(url + len, sizeof url - len, "%s127.0.0.1:%u",
				i ? "," : "", fake_start_tcp(&sentinel[i]));
		say(i, old_port, 1);
	}
	snprintf(url + len, sizeof url - len, "/m?sentinel_password=sesame-open");
	view_init(&view);
	store = view_store(&view, url);
}

static void teardown(void)
{
	med_store_free(store);
	for(size_t i = 0; i < sizeof all / sizeof *all; i++)
		fake_stop(all[i]);
	view_free(&view);
}

static void odd(fake_redis_t *fake, const char *command, const char *bytes)
{
	fake->odd = command;
	fake->bytes = bytes;
	fake->bytes_len = bytes ? strlen(bytes) : 0;
	fake->odd_left = 1000000;
}

START_TEST(finds_the_master)
{
	ck_assert_msg(run_until(MED_STORE_LIVE, 1000), "%s", view.text);
	ck_assert(run_until_value("gateway=g1", 100));
	run_for(20000);
	ck_assert_uint_eq(view.fulls, 1);
	ck_assert_uint_eq(new.asked, 0);
}
END_TEST

/** One is enough, whatever the others do; and none of them is waited for for long. */
START_TEST(others_are_of_no_use)
{
	odd(&sentinel[0], "SENTINEL MASTER", NULL);
	odd(&sentinel[1], "SENTINEL GET-MASTER-ADDR-BY-NAME", "$-1\r\n");
	ck_assert_msg(run_until(MED_STORE_LIVE, 1000), "%s", view.text);
	fake_hang_up(&old);
	ck_assert(run_until(MED_STORE_DOWN, 100));
	odd(&sentinel[0], "AUTH", "HTTP/1.1 400 Bad Request\r\n\r\n");
	odd(&sentinel[1], "SENTINEL GET-MASTER-ADDR-BY-NAME",
			"*2\r\n$3\r\na\nb\r\n$1\r\nx\r\n");
	ck_assert_msg(run_until(MED_STORE_LIVE, 2000), "%s", view.text);
}
END_TEST

/** Of different answers that of the newest vote holds, whoever gives it first. */
START_TEST(newest_vote)
{
	say(2, new_port, 2);
	ck_assert(run_until_value("gateway=g2", 1000));
	ck_assert_uint_eq(old.asked, 0);
	run_for(20000); /* the others stay behind for good: no going back and forth */
	ck_assert_uint_eq(view.fulls, 1);
}
END_TEST

/** The old master is cut off from the sentinels, but not from us: it says master still.
 */
START_TEST(partitioned_master)
{
	ck_assert(run_until_value("gateway=g1", 1000));
	say(1, new_port, 2);
	say(2, new_port, 2);
	ck_assert_msg(run_until_value("gateway=g2", 5000), "%s", view.text);
	ck_assert_msg(
			strstr(view.all_texts, "is the master now") != NULL, "%s", view.all_texts);
}
END_TEST

/** Its connections stay, but it is a replica now; the sentinels have not seen it yet. */
START_TEST(demoted_master)
{
	ck_assert(run_until_value("gateway=g1", 1000));
	old.role = "slave";
	ck_assert(run_until(MED_STORE_DOWN, 4000));
	ck_assert_msg(strstr(view.text, "it is a replica") != NULL, "%s", view.text);
	run_for(10000);
	ck_assert_int_eq(view.state, MED_STORE_DOWN);
	ck_assert_uint_eq(view.fulls, 1);
	for(unsigned i = 0; i < SENTINELS; i++)
		say(i, new_port, 2);
	ck_assert(run_until_value("gateway=g2", 4000));
}
END_TEST

/** A replica is not read, not even once. */
START_TEST(sentinels_name_a_replica)
{
	old.role = "slave";
	run_for(10000);
	ck_assert_int_eq(view.state, MED_STORE_DOWN);
	ck_assert_uint_eq(view.begins, 0);
	ck_assert_msg(strstr(view.text, "it is a replica") != NULL, "%s", view.text);
}
END_TEST

/** A write is refused: the master is asked for anew, at once. */
START_TEST(readonly)
{
	ck_assert(run_until_value("gateway=g1", 1000));
	odd(&old, "SET", "-READONLY You can't write against a read only replica.\r\n");
	for(unsigned i = 0; i < SENTINELS; i++)
		say(i, new_port, 2);
	ck_assert_int_eq(med_store_write(store, "medrun:1:x", MED_STR("v1"), 30), MED_EOK);
	ck_assert(run_until_value("gateway=g2", 1500));
	ck_assert_msg(
			strstr(view.all_texts, "takes no writes") != NULL, "%s", view.all_texts);
	ck_assert_int_eq(med_store_write(store, "medrun:1:x", MED_STR("v2"), 30), MED_EOK);
	run_for(100);
	ck_assert_str_eq(new.last_set, "medrun:1:x=v2");
}
END_TEST

/* clang-format off */
static const struct {
	const char *command, *bytes, *text;
} nobody[] = {
	{"SENTINEL GET-MASTER-ADDR-BY-NAME", "$-1\r\n", "knows no master 'm'"},
	{"SENTINEL GET-MASTER-ADDR-BY-NAME", "*2\r\n$1\r\nh\r\n$6\r\n123456\r\n", "no address of master 'm'"},
	{"SENTINEL GET-MASTER-ADDR-BY-NAME", "*2\r\n$1\r\nh\r\n$1\r\nx\r\n", "no address of master 'm'"},
	{"SENTINEL GET-MASTER-ADDR-BY-NAME", "*2\r\n$0\r\n\r\n$1\r\n1\r\n", "no address of master 'm'"},
	{"SENTINEL GET-MASTER-ADDR-BY-NAME", "*0\r\n", "no address of master 'm'"},
	{"SENTINEL GET-MASTER-ADDR-BY-NAME", "-ERR unknown command 'sesame-open'\r\n", "'***********'"},
	{"SENTINEL GET-MASTER-ADDR-BY-NAME", NULL, "no sentinel answers in time"},
	{"SENTINEL MASTER", "-NOAUTH Authentication required.\r\n", "give sentinel_password"},
	{"AUTH", "-WRONGPASS sesame-open\r\n", "refuses sentinel_user or sentinel_password"},
	{"AUTH", "garbage\r\n", "as reply type byte"},
};
/* clang-format on */

START_TEST(nobody_knows)
{
	for(unsigned i = 0; i < SENTINELS; i++)
		odd(&sentinel[i], nobody[_i].command, nobody[_i].bytes);
	run_for(5000);
	ck_assert_int_eq(view.state, MED_STORE_DOWN);
	ck_assert_msg(strstr(view.text, nobody[_i].text) != NULL, "'%s' has no '%s'",
			view.text, nobody[_i].text);
	ck_assert_msg(!strstr(view.all_texts, "sesame"), "%s", view.all_texts);
	ck_assert_uint_eq(view.states, 1);
	for(unsigned i = 0; i < SENTINELS; i++)
		sentinel[i].odd_left = 0;
	ck_assert_msg(run_until(MED_STORE_LIVE, 4000), "%s", view.text);
}
END_TEST

/** All sentinels die while all is well: that is no reason to stop. */
START_TEST(sentinels_die)
{
	ck_assert(run_until_value("gateway=g1", 1000));
	for(unsigned i = 0; i < SENTINELS; i++)
		odd(&sentinel[i], "AUTH", NULL);
	run_for(20000);
	ck_assert_int_eq(view.state, MED_STORE_LIVE);
	ck_assert_uint_eq(view.fulls, 1);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {finds_the_master, others_are_of_no_use, newest_vote,
			partitioned_master, demoted_master, sentinels_name_a_replica, readonly,
			sentinels_die};
	TCase *tcase = run_case("fakes", setup, teardown, tests, COUNT(tests));

	tcase_add_loop_test(tcase, nobody_knows, 0, COUNT(nobody));
	return run_cases("store with sentinels", &tcase, 1);
}
