/**
 * bench_keep.c - a million routes kept on disk and read back
 *
 *   bench_keep <routes> <folder>
 *
 * What keeping costs beside taking the routes in, how long reading takes beside that, and
 * the longest turn of the process that keeps, all the while and while the file is made
 * anew.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "medcore/keep.h"

static int64_t now_ms = 1000000;
static double longest, keeping;

static double clock_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double clock_s(void)
{
	return clock_of(CLOCK_MONOTONIC);
}

static void on_text(void *ctx, const char *text)
{
	(void)ctx;
	fprintf(stderr, "%s\n", text ? text : "(mended)");
}

static void on_pause(void *ctx)
{
	(void)ctx;
}

static void turn(med_keep_t *keep)
{
	/* what other work on this machine takes is not ours */
	double began = clock_of(CLOCK_THREAD_CPUTIME_ID), took;

	med_keep_run(keep, now_ms);
	took = clock_of(CLOCK_THREAD_CPUTIME_ID) - began;
	keeping += took;
	if(took > longest)
		longest = took;
}

static void run(med_keep_t *keep)
{
	do {
		struct pollfd fd = {.fd = med_keep_fd(keep), .events = POLLIN};
		turn(keep);
		if(med_keep_deadline(keep) > now_ms)
			(void)poll(&fd, 1, 1);
	} while(!med_keep_idle(keep));
}

static med_keep_t *keep_new(const char *path, med_config_t *config)
{
	const med_keep_handler_t handler = {
			.trouble = on_text, .note = on_text, .pause = on_pause};
	med_keep_t *keep = NULL;

	if(config == NULL
			|| med_keep_new(&med_mem_heap, path, "med:1:", "n", config, &handler, &keep)
					!= MED_EOK)
		exit(1);
	return keep;
}

static void set_all(med_keep_t *keep, med_config_t *config, int count, const char *usage)
{
	med_keep_mark_t mark = {.at = 1};
	char id[32], pattern[32];

	for(int i = 0; i < count; i++) {
		double began;
		snprintf(id, sizeof id, "route-%07d", i);
		snprintf(pattern, sizeof pattern, "^\\+49%07d", i);
		const med_field_t fields[] = {{MED_STR("pattern"), med_str(pattern)},
				{MED_STR("usages"), med_str(usage)},
				{MED_STR("trunks"), MED_STR("gw1,gw2")},
				{MED_STR("priority"), MED_STR("10")}};
		if(med_config_set(config, MED_KIND_ROUTE, med_str(id), fields, 4, NULL))
			exit(1);
		began = clock_s();
		med_keep_set(keep, MED_KIND_ROUTE, med_str(id), fields, 4);
		keeping += clock_s() - began;
		if(i % 1000 == 999)
			turn(keep);
	}
	med_keep_commit(keep, &mark, true);
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 0;
	med_keep_mark_t mark;
	med_config_t *config;
	med_keep_t *keep;
	char path[1024];
	struct stat st;
	double began;

	if(argc < 3 || count < 1)
		return 2;
	snprintf(path, sizeof path, "%s/bench.lkg", argv[2]);
	config = med_config_new(&med_mem_heap, &med_mem_heap);
	keep = keep_new(path, config);
	if(med_keep_load(keep, &mark) != MED_ENOMATCH)
		return 1;
	set_all(keep, config, count, "a");
	run(keep);
	printf("write_s %.2f\n", keeping);
	set_all(keep, config, count, "b");
	set_all(keep, config, count, "c"); /* now much of it is outdated */
	now_ms += 120000;
	began = clock_s();
	run(keep);
	printf("renew_s %.2f\nturn_ms %.2f\n", clock_s() - began, longest * 1e3);
	if(stat(path, &st) != 0)
		return 1;
	printf("bytes_per_route %.0f\n", (double)st.st_size / count);
	med_keep_free(keep);
	med_config_free(config);

	config = med_config_new(&med_mem_heap, &med_mem_heap);
	keep = keep_new(path, config);
	began = clock_s();
	if(med_keep_load(keep, &mark) != MED_EOK
			|| med_config_count(config, MED_KIND_ROUTE) != (size_t)count)
		return 1;
	printf("read_s %.2f\n", clock_s() - began);
	med_keep_free(keep);
	med_config_free(config);
	unlink(path);
	return 0;
}
