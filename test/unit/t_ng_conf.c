/**
 * t_ng_conf.c - the listener's keyfile, good and bad
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "plugin_test.h"

#include <stdlib.h>
#include <unistd.h>

#include "rtpengine-plugin/conf.h"

static med_conf_t conf;
static med_errbuf_t err;
static char path[] = "/tmp/t_ng_conf.XXXXXX";

static int load(const char *text)
{
	FILE *file;
	int rc;

	memcpy(path + strlen(path) - 6, "XXXXXX", 6);
	file = fdopen(mkstemp(path), "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
	unsetenv(MED_CONF_LISTEN_ENV);
	rc = med_conf_load(path, NULL, &conf, &err);
	unlink(path);
	return rc;
}

START_TEST(defaults)
{
	med_sockaddr_t address;

	ck_assert_int_eq(load("[listener]\n"), MED_EOK);
	ck_assert_int_eq(conf.deadline_ms, 300);
	ck_assert_uint_eq(conf.node_count, 1);
	ck_assert_int_eq(med_sockaddr_parse("127.0.0.1:2223", &address, &err), MED_EOK);
	ck_assert(med_sockaddr_eq(&conf.node[0], &address));
	ck_assert_int_eq(med_sockaddr_parse("127.0.0.1:2224", &address, &err), MED_EOK);
	ck_assert(med_sockaddr_eq(&conf.listen, &address));
	ck_assert(med_network_has(&conf.allow[0], &address));
	ck_assert_uint_eq(conf.allow_count, 2);
}
END_TEST

START_TEST(every_key)
{
	ck_assert_int_eq(
			load("[listener]\nlisten = 127.0.0.9:4\nnodes=127.0.0.1:1; 127.0.0.1:2\n"
				 "allow=10.0.0.0/8;::1\naddresses=192.0.2.1;2001:db8::1\n"
				 "interfaces=pub;priv\ndeadline_ms=200\nping_interval_ms=500\n"
				 "replay_ms=5000\ncall_age_s=60\nmax_calls=100\nlog=syslog\n"
				 "log_level=debug\n"),
			MED_EOK);
	ck_assert_uint_eq(conf.node_count, 2);
	ck_assert_uint_eq(conf.allow_count, 2);
	ck_assert_uint_eq(conf.address_count, 2);
	ck_assert_str_eq(conf.address[1], "2001:db8::1");
	ck_assert_str_eq(conf.interface[1], "priv");
	ck_assert_int_eq(conf.deadline_ms, 200);
	ck_assert_int_eq(conf.max_calls, 100);
	ck_assert(conf.use_syslog);
}
END_TEST

START_TEST(refused_with_a_text)
{
	static const struct {
		const char *text, *why;
	} row[] = {
			/* clang-format off */
		{"[listener]\nport=1\n", "key 'port' is unknown"},
		{"[other]\nlisten=127.0.0.1:1\n", "group [other]"},
		{"listen=127.0.0.1:1\n", "group"},
		{"[listener]\nlisten=localhost:1\n", "key 'listen'"},
		{"[listener]\nlisten=\n", "key 'listen'"},
		{"[listener]\nnodes=\n", "key 'nodes'"},
		{"[listener]\nnodes=127.0.0.1:1;x\n", "'x' is not an address and port"},
		{"[listener]\nlisten=127.0.0.1:5\nnodes=127.0.0.1:5\n", "same port"},
		{"[listener]\nallow=1.2.3.4/99\n", "key 'allow'"},
		{"[listener]\naddresses=media.example\n", "not an IP address"},
		{"[listener]\ndeadline_ms=0\n", "from 20 to 10000"},
		{"[listener]\ndeadline_ms=300ms\n", "'300ms' is not a number"},
		{"[listener]\nlog=file\n", "neither stderr nor syslog"},
		{"[listener]\nlog_level=loud\n", "'loud'"},
		{"[listener]\nnodes=127.0.0.1:1;127.0.0.1:2;127.0.0.1:3;127.0.0.1:4;127.0.0.1:5;"
			"127.0.0.1:6;127.0.0.1:7;127.0.0.1:8;127.0.0.1:9\n", "more than 8 nodes"},
		{"[listener]\nnodes=127.0.0.1:1;127.0.0.1:2;127.0.0.1:3;127.0.0.1:4;127.0.0.1:5;"
			"127.0.0.1:6;127.0.0.1:7;127.0.0.1:8\ninterfaces=a;b;c;d;e;f;g;h\n"
			"addresses=::1\n", "65 media addresses; Kamailio's module takes 64"},
			/* clang-format on */
	};
	size_t i;

	for(i = 0; i < COUNT(row); i++) {
		ck_assert_msg(load(row[i].text) != MED_EOK, "'%s' was taken", row[i].text);
		ck_assert_msg(strstr(err.text, row[i].why) != NULL, "'%s': expected '%s' in '%s'",
				row[i].text, row[i].why, err.text);
	}
	ck_assert_int_eq(
			load("[listener]\nnodes=127.0.0.1:1;127.0.0.1:2;127.0.0.1:3;127.0.0.1:4;"
				 "127.0.0.1:5;127.0.0.1:6;127.0.0.1:7;127.0.0.1:8\n"
				 "interfaces=a;b;c;d;e;f;g;h\n"),
			MED_EOK);
	ck_assert_int_ne(med_conf_load("/nonexistent/x.conf", NULL, &conf, &err), MED_EOK);
	ck_assert_ptr_nonnull(strstr(err.text, "/nonexistent/x.conf"));
}
END_TEST

START_TEST(environment)
{
	med_sockaddr_t address;

	ck_assert_int_eq(setenv(MED_CONF_ENV, "/nonexistent/y.conf", 1), 0);
	ck_assert_int_ne(med_conf_load(NULL, NULL, &conf, &err), MED_EOK);
	ck_assert_ptr_nonnull(strstr(err.text, "y.conf"));
	ck_assert_int_eq(unsetenv(MED_CONF_ENV), 0);
	ck_assert_int_eq(setenv(MED_CONF_LISTEN_ENV, "127.0.0.7:77", 1), 0);
	ck_assert_int_eq(med_conf_load(NULL, "127.0.0.1:99", &conf, &err), MED_EOK);
	ck_assert_int_eq(med_sockaddr_parse("127.0.0.7:77", &address, &err), MED_EOK);
	ck_assert(med_sockaddr_eq(&conf.listen, &address));
	ck_assert_int_eq(med_sockaddr_parse("127.0.0.1:99", &address, &err), MED_EOK);
	ck_assert(med_sockaddr_eq(&conf.node[0], &address));
	ck_assert_int_eq(setenv(MED_CONF_LISTEN_ENV, "77", 1), 0);
	ck_assert_int_ne(med_conf_load(NULL, NULL, &conf, &err), MED_EOK);
	ck_assert_ptr_nonnull(strstr(err.text, MED_CONF_LISTEN_ENV));
}
END_TEST

int main(void)
{
	const TTest *tests[] = {defaults, every_key, refused_with_a_text, environment};

	return plugin_run("ng conf", tests, COUNT(tests));
}
