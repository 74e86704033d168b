/**
 * t_ng_own.c - rtpengine's own ng port, from its command line and its config file
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "plugin_test.h"

#include <stdlib.h>
#include <unistd.h>

#include "rtpengine-plugin/own_node.h"

static char path[] = "/tmp/t_ng_own.XXXXXX";
static char value[64];

static void write_file(void)
{
	FILE *file;

	memcpy(path + strlen(path) - 6, "XXXXXX", 6);
	file = fdopen(mkstemp(path), "w");
	ck_assert_ptr_nonnull(file);
	fputs("[rtpengine]\ntable = 0\n\nlisten-ng = localhost:7001\n\n"
		  "[two]\nlisten-ng=127.0.0.3:7002;[::1]:7002\n[none]\ntable=1\n",
			file);
	fclose(file);
}

START_TEST(found_as_rtpengine_does)
{
	static const struct {
		const char *words[5], *found; /* FILE: the path */
	} row[] = {
			/* clang-format off */
		{{"--listen-ng=127.0.0.1:1"}, "127.0.0.1:1"},
		{{"--listen-ng", "127.0.0.1:1"}, "127.0.0.1:1"},
		{{"-n", "127.0.0.1:1"}, "127.0.0.1:1"},
		{{"-n127.0.0.1:1"}, "127.0.0.1:1"},
		{{"-fEn127.0.0.1:1"}, "127.0.0.1:1"},
		{{"-fn", "7"}, "7"},
		{{"-n1", "-n2"}, "2"},
		{{"--config-file=none"}, NULL},
		{{"-iint/127.0.0.1", "-N5", "--listen-ng-x=5", "--config-file=none"}, NULL},
		{{"--config-file=none", "-n"}, NULL},
		{{"--config-file=none", "--", "-n5"}, NULL},
		{{"-f"}, "localhost:7001"},
		{{"--config-file=FILE"}, "localhost:7001"},
		{{"--config-file", "FILE", "--config-section", "two"}, "127.0.0.3:7002"},
		{{"--config-section=two", "-n9"}, "9"},
		{{"--config-section=none"}, NULL},
		{{"--config-file=/nonexistent"}, NULL},
			/* clang-format on */
	};
	char *argv[7], joined[128];
	size_t i;
	int argc;
	bool found;

	write_file();
	for(i = 0; i < COUNT(row); i++) {
		argv[0] = (char *)"rtpengine";
		for(argc = 1; argc < 6 && row[i].words[argc - 1]; argc++) {
			argv[argc] = (char *)row[i].words[argc - 1];
			if(strcmp(argv[argc], "FILE") == 0)
				argv[argc] = path;
			if(strcmp(argv[argc], "--config-file=FILE") == 0) {
				snprintf(joined, sizeof(joined), "--config-file=%s", path);
				argv[argc] = joined;
			}
		}
		argv[argc] = NULL;
		found = med_own_listen(argc, argv, path, value, sizeof(value));
		ck_assert_msg(found == (row[i].found != NULL), "row %zu: %d", i, found);
		if(found)
			ck_assert_msg(strcmp(value, row[i].found) == 0, "row %zu: '%s'", i, value);
	}
	unlink(path);
}
END_TEST

START_TEST(reached_at)
{
	static const char *const row[][2] = {{"2223", "127.0.0.1:2223"},
			{"0.0.0.0:1", "127.0.0.1:1"}, {"localhost:1", "127.0.0.1:1"},
			{"127.0.0.9:1", "127.0.0.9:1"}, {"[::]:1", "[::1]:1"},
			{"[2001:db8::1]:1", "[2001:db8::1]:1"}, {":1", "127.0.0.1:1"},
			{"no name:1", "no name:1"}};
	char node[280];
	size_t i;

	for(i = 0; i < COUNT(row); i++) {
		med_own_address(row[i][0], node, sizeof(node));
		ck_assert_str_eq(node, row[i][1]);
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = {found_as_rtpengine_does, reached_at};

	return plugin_run("ng own node", tests, COUNT(tests));
}
