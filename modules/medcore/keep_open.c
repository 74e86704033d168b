/**
 * keep_open.c - the file of the last known good: found, locked, checked, read
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "medcore/keep_priv.h"

#define PAUSE_EVERY 256 /* frames: less than a millisecond */

/* ---- locking ------------------------------------------------------------------------
 */

/* Another process may have put a new file in its place between open and flock. */
static bool is_still_there(int fd, const char *path)
{
	struct stat ours, there;

	return fstat(fd, &ours) == 0 && stat(path, &there) == 0 && ours.st_ino == there.st_ino
			&& ours.st_dev == there.st_dev;
}

static void tell_cannot_open(med_keep_t *keep, int why)
{
	if(why == ENOENT)
		med_keep_tell(keep,
				"%s: its folder does not exist; make it, owned by the user Kamailio runs "
				"as, or set last_known_good",
				keep->path);
	else
		med_keep_tell(keep,
				"%s: %s; the user Kamailio runs as must be able to write there, or set "
				"last_known_good",
				keep->path, strerror(why));
}

/* @p readable: what cannot be written is opened to be read. The descriptor, or -1: told.
 */
static int open_locked(med_keep_t *keep, bool readable, bool *writable)
{
	struct stat st;
	int fd;

	for(unsigned tries = 0; tries < 10; tries++) {
		*writable = true;
		fd = open(keep->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
		if(fd < 0) {
			tell_cannot_open(keep, errno);
			*writable = false;
			fd = readable ? open(keep->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
		}
		if(fd < 0)
			return -1;
		if(fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
			if(*writable)
				med_keep_tell(keep, "%s: not a file; name one in last_known_good or \"\"",
						keep->path);
			close(fd);
			return -1;
		}
		if(flock(fd, LOCK_EX | LOCK_NB) != 0) {
			med_keep_tell(keep,
					"%s: another Kamailio on this host uses it; give each one its own "
					"last_known_good",
					keep->path);
			close(fd);
			return -1;
		}
		if(is_still_there(fd, keep->path)) {
			/* it holds secrets, whoever made it */
			if(*writable && (st.st_mode & 077) != 0 && fchmod(fd, 0600) != 0)
				med_keep_note(keep, "%s: others can read it: chmod: %s", keep->path,
						strerror(errno));
			return fd;
		}
		close(fd);
	}
	med_keep_tell(keep, "%s: it is replaced all the time", keep->path);
	return -1;
}

/* ---- checking -----------------------------------------------------------------------
 */

/* What is wrong with the beginning of a file; NULL: nothing. */
static const char *foreign(
		med_keep_t *keep, int fd, med_keep_reader_t *reader, char *text, size_t size)
{
	char magic[MED_KEEP_MAGIC_LEN];
	size_t name = MED_KEEP_MAGIC_LEN - 2; /* all but the number and the line's end */
	med_keep_frame_t head;
	med_str_t prefix;

	if(pread(fd, magic, sizeof magic, 0) != (ssize_t)sizeof magic
			|| memcmp(magic, MED_KEEP_MAGIC, name) != 0)
		return "no last known good configuration";
	if(memcmp(magic, MED_KEEP_MAGIC, sizeof magic) != 0)
		return "of another version of this module";
	if(med_keep_read(reader, &head) != 1 || head.type != MED_KEEP_HEAD)
		return "damaged at its beginning";
	prefix = med_keep_value(head.payload, "prefix");
	if(!med_str_eq(prefix, med_str(keep->prefix))) {
		snprintf(text, size, "of redis_prefix '%.*s'",
				(int)(prefix.len < 60 ? prefix.len : 60), prefix.s);
		return text;
	}
	if(!med_str_eq(med_keep_value(head.payload, "node"), med_str(keep->node)))
		med_keep_note(keep, "%s: written by node '%.*s'", keep->path,
				MED_STR_FMT(med_keep_value(head.payload, "node")));
	return NULL;
}

/* Up to where there are whole commits. MED_EOK, MED_ENOMEM, -errno. */
static int scan(med_keep_t *keep, med_keep_reader_t *reader)
{
	med_keep_frame_t frame;
	size_t count = 1, records = 0;
	int rc;

	keep->committed = 0;
	while((rc = med_keep_read(reader, &frame)) == 1) {
		count++;
		if(frame.serial > keep->serial)
			keep->serial = frame.serial;
		if(frame.type == MED_KEEP_MARK) {
			med_keep_read_mark(frame.payload, &keep->mark);
			keep->committed = reader->at;
			records = count;
		}
		if(count % PAUSE_EVERY == 0)
			keep->handler.pause(keep->handler.ctx);
	}
	keep->records = records;
	return rc == MED_EINVAL ? MED_EOK : rc;
}

static void time_text(int64_t when, char *text, size_t size)
{
	time_t t = (time_t)when;
	struct tm tm;

	if(gmtime_r(&t, &tm) == NULL || !strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(text, size, "?");
}

/* An empty file gets its head. */
static int begin_file(med_keep_t *keep, int fd)
{
	keep->fd = fd;
	keep->end = keep->committed = 0;
	keep->cut = true;
	keep->out.len = keep->out_mark = 0;
	if(med_keep_begin_file(keep))
		return MED_EOK;
	keep->fd = -1;
	close(fd);
	return MED_ENOMEM;
}

/* Kept for a person to look at; a new one is begun. */
static int put_aside(med_keep_t *keep, int fd, bool writable, const char *why)
{
	close(fd);
	if(!writable)
		return MED_ENOMATCH; /* told already */
	if(rename(keep->path, keep->path_bad) != 0) {
		med_keep_tell(keep, "%s: %s, and it cannot be renamed: %s; move it away",
				keep->path, why, strerror(errno));
		return MED_ENOMATCH;
	}
	med_keep_note(keep, "%s: %s; it is kept as %s, and a new one is begun", keep->path,
			why, keep->path_bad);
	fd = open_locked(keep, false, &writable);
	return fd < 0 ? MED_ENOMATCH : begin_file(keep, fd);
}

/* @p fd is a file of ours, whole up to keep->committed. */
static int use_file(med_keep_t *keep, int fd, uint64_t size)
{
	char when[32];

	if(keep->committed < size) {
		time_text(keep->mark.at, when, sizeof when);
		med_keep_note(keep,
				"%s: its last %llu bytes are not a whole change and are dropped; it "
				"stands as of %s",
				keep->path, (unsigned long long)(size - keep->committed), when);
	}
	keep->fd = fd;
	keep->end = keep->committed;
	keep->cut = keep->committed < size && ftruncate(fd, (off_t)keep->committed) != 0;
	return MED_EOK;
}

/* @p apply: what is in it is set, also if it can only be read. */
static int open_and_check(med_keep_t *keep, bool apply)
{
	med_keep_reader_t reader = {.window = {.mem = &keep->mem}};
	const char *why;
	char text[128];
	struct stat st;
	bool writable;
	int rc, fd = open_locked(keep, apply, &writable);

	if(fd < 0)
		return MED_ENOMATCH;
	if(fstat(fd, &st) != 0 || st.st_size == 0)
		return begin_file(keep, fd);
	reader.fd = fd;
	reader.at = reader.window_at = MED_KEEP_MAGIC_LEN;
	reader.end = (uint64_t)st.st_size;
	why = foreign(keep, fd, &reader, text, sizeof text);
	rc = why == NULL ? scan(keep, &reader) : MED_EOK;
	med_keep_reader_free(&reader);
	if(rc != MED_EOK) {
		med_keep_tell(keep, "%s: cannot be read: %s", keep->path,
				rc == MED_ENOMEM ? "out of memory" : strerror(-rc));
		close(fd);
		return MED_ENOMATCH;
	}
	if(why == NULL && keep->committed == 0)
		why = "nothing in it is whole";
	if(why != NULL)
		return put_aside(keep, fd, writable, why);
	if(apply)
		rc = med_keep_apply(keep, fd);
	if(rc == MED_EOK && writable)
		return use_file(keep, fd, (uint64_t)st.st_size);
	close(fd);
	return rc == MED_ENOMEM ? rc : MED_ENOMATCH;
}

int med_keep_open(med_keep_t *keep)
{
	return open_and_check(keep, false);
}

/* ---- reading ------------------------------------------------------------------------
 */

typedef struct med_applier {
	med_keep_t *keep;
	uint64_t serial;
	bool out_of_memory;
} med_applier_t;

static int apply_object(void *ctx, const med_file_object_t *object)
{
	med_applier_t *applier = ctx;
	med_config_t *config = applier->keep->config;
	uint64_t *tag;
	int rc = med_config_set(
			config, object->kind, object->id, object->fields, object->count, NULL);

	if(rc == MED_ENOMEM)
		applier->out_of_memory = true;
	if(rc != MED_EOK)
		return MED_EOK; /* refused by this version: its text is kept by config */
	tag = med_config_tag(config, object->kind, object->id);
	if(tag != NULL)
		*tag = applier->serial;
	return MED_EOK;
}

static void apply_fault(void *ctx, uint32_t line, const char *text)
{
	med_applier_t *applier = ctx;

	(void)line;
	med_keep_note(applier->keep, "%s: %s", applier->keep->path, text);
}

static int apply_frames(
		med_applier_t *applier, med_keep_reader_t *reader, med_file_reader_t *file)
{
	med_keep_t *keep = applier->keep;
	med_keep_frame_t frame;
	enum med_kind kind;
	med_str_t id;
	size_t count = 0;
	int rc;

	while((rc = med_keep_read(reader, &frame)) == 1) {
		if(frame.type == MED_KEEP_SET) {
			applier->serial = frame.serial;
			rc = med_file_reader_feed(file, frame.payload.s, frame.payload.len);
			if(rc == MED_EOK)
				rc = med_file_reader_end(file);
			if(rc == MED_ENOMEM || applier->out_of_memory)
				return MED_ENOMEM;
		} else if(frame.type == MED_KEEP_GONE
				&& med_keep_object(frame.payload, &kind, &id)) {
			(void)med_config_remove(keep->config, kind, id);
		}
		if(++count % PAUSE_EVERY == 0)
			keep->handler.pause(keep->handler.ctx);
	}
	return rc == 0 ? MED_EOK : rc;
}

int med_keep_apply(med_keep_t *keep, int fd)
{
	med_applier_t applier = {.keep = keep};
	med_keep_reader_t reader = {.fd = fd,
			.at = MED_KEEP_MAGIC_LEN,
			.end = keep->committed,
			.window = {.mem = &keep->mem},
			.window_at = MED_KEEP_MAGIC_LEN};
	const med_file_handler_t handler = {
			.object = apply_object, .fault = apply_fault, .ctx = &applier};
	med_file_reader_t *file = NULL;
	int rc = med_file_reader_new(&keep->mem, &handler, &file);

	if(rc == MED_EOK)
		rc = apply_frames(&applier, &reader, file);
	med_file_reader_free(file);
	med_keep_reader_free(&reader);
	if(rc != MED_EOK)
		med_keep_tell(keep, "%s: %s while it was read", keep->path,
				rc == MED_ENOMEM ? "out of memory" : "it changed");
	return rc;
}

int med_keep_load(med_keep_t *keep, med_keep_mark_t *mark)
{
	int rc = open_and_check(keep, true);

	keep->mode = rc == MED_EOK ? KEEP_ON : KEEP_GAP;
	if(rc == MED_ENOMEM)
		return rc;
	if(keep->mark.at == 0)
		return MED_ENOMATCH;
	*mark = keep->mark;
	return MED_EOK;
}
