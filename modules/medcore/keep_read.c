/**
 * keep_read.c - a last known good as it lies there, for tools
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "medcore/keep_priv.h"

static int walk(
		med_keep_reader_t *reader, const med_keep_sink_t *sink, med_file_reader_t *file)
{
	med_keep_frame_t frame;
	enum med_kind kind;
	med_str_t id;
	int rc;

	while((rc = med_keep_read(reader, &frame)) == 1) {
		if(frame.type == MED_KEEP_SET) {
			rc = med_file_reader_feed(file, frame.payload.s, frame.payload.len);
			if(rc == MED_EOK)
				rc = med_file_reader_end(file);
			if(rc != MED_EOK && rc != MED_EINVAL) /* what is wrong was told */
				return rc;
		} else if(frame.type == MED_KEEP_GONE
				&& med_keep_object(frame.payload, &kind, &id)) {
			sink->gone(sink->file.ctx, kind, id);
		}
	}
	return rc;
}

/* Up to where there are whole commits, and what the last of them says. */
static int find_end(med_keep_reader_t *reader, med_keep_mark_t *mark)
{
	uint64_t end = 0;
	med_keep_frame_t frame;
	int rc;

	while((rc = med_keep_read(reader, &frame)) == 1) {
		if(frame.type != MED_KEEP_MARK)
			continue;
		med_keep_read_mark(frame.payload, mark);
		end = reader->at;
	}
	reader->end = end;
	reader->at = MED_KEEP_MAGIC_LEN;
	if(rc != MED_EOK && rc != MED_EINVAL)
		return rc;
	return end > 0 ? MED_EOK : MED_ENOMATCH;
}

static int read_open(
		int fd, const med_mem_t *mem, const med_keep_sink_t *sink, med_keep_mark_t *mark)
{
	med_keep_reader_t reader = {.fd = fd,
			.window = {.mem = mem},
			.at = MED_KEEP_MAGIC_LEN,
			.window_at = MED_KEEP_MAGIC_LEN};
	med_file_reader_t *file = NULL;
	char magic[MED_KEEP_MAGIC_LEN];
	struct stat st;
	int rc;

	if(fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)
			|| pread(fd, magic, sizeof(magic), 0) != (ssize_t)sizeof(magic)
			|| memcmp(magic, MED_KEEP_MAGIC, sizeof(magic)) != 0)
		return MED_EINVAL;
	reader.end = (uint64_t)st.st_size;
	rc = find_end(&reader, mark);
	if(rc == MED_EOK)
		rc = med_file_reader_new(mem, &sink->file, &file);
	if(rc == MED_EOK)
		rc = walk(&reader, sink, file);
	med_file_reader_free(file);
	med_keep_reader_free(&reader);
	return rc;
}

int med_keep_each(const char *path, const med_mem_t *mem, const med_keep_sink_t *sink,
		med_keep_mark_t *mark, med_errbuf_t *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc;

	if(fd < 0)
		return med_fail(err, -errno, "%.180s: %s", path, strerror(errno));
	memset(mark, 0, sizeof(*mark));
	rc = read_open(fd, mem, sink, mark);
	(void)close(fd);
	if(rc == MED_EINVAL || rc == MED_ENOMATCH)
		return med_fail(err, rc,
				rc == MED_EINVAL ? "%.180s: no last known good of this version"
								 : "%.180s: nothing in it is whole",
				path);
	return rc == MED_EOK ? rc : med_fail(err, rc, "%.180s: %s", path, med_strerror(rc));
}
