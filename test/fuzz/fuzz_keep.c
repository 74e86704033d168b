/**
 * fuzz_keep.c - a file of the last known good as anyone could have left it
 *
 * The first byte says what the rest is: a file, what follows a sound head, or payloads of
 * sound frames (one byte of type, text up to an empty line). It is read; then a change is
 * kept, and must be there when it is read again.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE /* memmem */
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "medcore/keep_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool troubled;

static void on_trouble(void *ctx, const char *text)
{
	(void)ctx;
	troubled = text != NULL;
}

static void on_note(void *ctx, const char *text)
{
	(void)ctx;
	if(strlen(text) == 0)
		abort();
}

static void on_pause(void *ctx)
{
	(void)ctx;
}

static const med_keep_handler_t handler = {
		.trouble = on_trouble, .note = on_note, .pause = on_pause};

static void put_frames(med_keep_bytes_t *file, const uint8_t *data, size_t size)
{
	static const char types[] = {
			MED_KEEP_SET, MED_KEEP_GONE, MED_KEEP_MARK, MED_KEEP_HEAD, MED_KEEP_SET};
	uint64_t serial = 1;

	while(size > 0) {
		const uint8_t *end = memmem(data, size, "\n\n", 2);
		size_t len = end == NULL ? size : (size_t)(end - data) + 2, at;
		if(!med_keep_frame_open(file, &at,
				   (enum med_keep_type)types[data[0] % sizeof types], serial++))
			return;
		(void)med_keep_put(file, (const char *)data + 1, len - 1);
		med_keep_frame_close(file, at);
		data += len;
		size -= len;
	}
}

static void write_file(const char *path, const uint8_t *data, size_t size)
{
	med_keep_bytes_t file = {.mem = &med_mem_heap};
	unsigned how = size ? data[0] % 3 : 0;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if(how > 0) {
		(void)med_keep_put(&file, MED_KEEP_MAGIC, MED_KEEP_MAGIC_LEN);
		(void)med_keep_put_head(&file, "p:", "n");
	}
	if(how == 2)
		put_frames(&file, data + 1, size - 1);
	else if(size > 1)
		(void)med_keep_put(&file, (const char *)data + 1, size - 1);
	if(fd < 0 || write(fd, file.s, file.len) != (ssize_t)file.len)
		abort();
	close(fd);
	med_keep_bytes_free(&file);
}

static int load(const char *path, med_config_t **config, med_keep_t **keep)
{
	med_keep_mark_t mark = {0};

	troubled = false;
	*config = med_config_new(&med_mem_heap, &med_mem_heap);
	if(*config == NULL
			|| med_keep_new(&med_mem_heap, path, "p:", "n", *config, &handler, keep)
					!= MED_EOK)
		abort();
	return med_keep_load(*keep, &mark);
}

static void unload(med_config_t *config, med_keep_t *keep)
{
	med_keep_free(keep);
	med_config_free(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const med_field_t field = {MED_STR("address"), MED_STR("192.0.2.77")};
	const med_keep_mark_t mark = {.at = 1};
	char path[64], other[80];
	med_config_t *config;
	med_keep_t *keep;
	int64_t now = 1000000;

	snprintf(path, sizeof path, "/tmp/med-fuzz-keep-%d", (int)getpid());
	write_file(path, data, size);
	(void)load(path, &config, &keep);
	if(troubled)
		abort();
	(void)med_config_set(config, MED_KIND_GATEWAY, MED_STR("new"), &field, 1, NULL);
	med_keep_set(keep, MED_KIND_GATEWAY, MED_STR("new"), &field, 1);
	med_keep_commit(keep, &mark, false);
	do {
		struct pollfd fd = {.fd = med_keep_fd(keep), .events = POLLIN};
		med_keep_run(keep, now++);
		if(med_keep_deadline(keep) > now)
			(void)poll(&fd, 1, 1);
	} while(!med_keep_idle(keep));
	unload(config, keep);
	if(load(path, &config, &keep) != MED_EOK || troubled
			|| med_config_tag(config, MED_KIND_GATEWAY, MED_STR("new")) == NULL)
		abort();
	unload(config, keep);
	snprintf(other, sizeof other, "%s.bad", path);
	(void)unlink(other);
	(void)unlink(path);
	return 0;
}
