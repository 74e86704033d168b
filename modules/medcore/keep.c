/**
 * keep.c - the last known good: what changed is appended, what is outdated left behind
 *
 * A frame that sets an object carries a serial number, and the version in force of each
 * object is tagged with it (med_config_tag). So the file can be made anew from itself: a
 * frame whose serial is that of the version in force is copied, others are not. While
 * that goes on, changes are appended to the old file as ever; frames behind where it
 * ended at the beginning are all copied. The new file takes its place when it has
 * everything and no change is half told.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "medcore/keep_priv.h"

#define OUT_MAX (32 * 1024 * 1024) /* what waits for a disk that does not answer */
#define RETRY_MS 5000
#define GAP_MIN_S 10
#define GAP_MAX_S 600
#define SYNC_MS 1000 /* a change is on the disk itself after this at the latest */
#define PACK_CHUNK (1024 * 1024)
#define PACK_SLICE_MS 1
#define PACK_AGAIN_MS 60000
#define PACK_RECORDS 4096 /* fewer than this outdated are left where they are */
#define NEVER INT64_MAX

/* ---- telling ------------------------------------------------------------------------
 */

void med_keep_tell(med_keep_t *keep, const char *fmt, ...)
{
	char text[sizeof keep->trouble];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	if(strcmp(text, keep->trouble) == 0)
		return;
	memcpy(keep->trouble, text, sizeof text);
	keep->handler.trouble(keep->handler.ctx, keep->trouble);
}

void med_keep_mended(med_keep_t *keep)
{
	if(keep->trouble[0] == '\0')
		return;
	keep->trouble[0] = '\0';
	keep->handler.trouble(keep->handler.ctx, NULL);
}

void med_keep_note(med_keep_t *keep, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	keep->handler.note(keep->handler.ctx, text);
}

/* ---- what is to be appended ----------------------------------------------------------
 */

static void drop_pack(med_keep_t *keep)
{
	if(!keep->pack.active)
		return;
	keep->pack.active = false;
	close(keep->pack.fd);
	(void)unlink(keep->path_new);
	med_keep_reader_free(&keep->pack.reader);
	keep->pack.out.len = keep->pack.flight.len = 0;
	keep->pack_at = keep->now + PACK_AGAIN_MS;
}

/* Frames get lost: the file stays as of its last mark until everything is told again. */
static void begin_gap(med_keep_t *keep)
{
	keep->mode = KEEP_GAP;
	keep->wait_s = keep->wait_s == 0 ? GAP_MIN_S : keep->wait_s * 2;
	if(keep->wait_s > GAP_MAX_S)
		keep->wait_s = GAP_MAX_S;
	keep->retry_at = keep->now + (int64_t)keep->wait_s * 1000;
	keep->out.len = keep->out_mark = keep->out_records = 0;
	if(keep->work != WORK_APPEND)
		keep->flight.len = 0;
	if(keep->work != WORK_PACK && keep->work != WORK_SWAP)
		drop_pack(keep);
	keep->pack.taken = keep->pack.taken_records = 0;
	keep->end = keep->committed;
	keep->cut = true;
}

static bool takes(const med_keep_t *keep)
{
	return keep->mode >= KEEP_FILL;
}

static void appended(med_keep_t *keep, bool ok)
{
	if(ok) {
		keep->records++;
		keep->out_records++;
	}
	if(!ok || keep->out.len > OUT_MAX)
		begin_gap(keep);
}

static int put_payload(void *ctx, const char *bytes, size_t len)
{
	return med_keep_put(ctx, bytes, len) ? MED_EOK : MED_ENOMEM;
}

void med_keep_set(med_keep_t *keep, enum med_kind kind, med_str_t id,
		const med_field_t *fields, size_t count)
{
	uint64_t *tag = takes(keep) ? med_config_tag(keep->config, kind, id) : NULL;
	size_t at, before = keep->out.len;
	med_errbuf_t err;
	int rc;

	if(tag == NULL || (*tag != 0 && keep->mode != KEEP_FILL))
		return;
	if(!med_keep_frame_open(&keep->out, &at, MED_KEEP_SET, keep->serial + 1)) {
		appended(keep, false);
		return;
	}
	rc = med_file_write_object(put_payload, &keep->out, kind, id, fields, count, &err);
	if(rc != MED_EOK) {
		keep->out.len = before;
		if(rc == MED_ENOMEM)
			appended(keep, false);
		else
			med_keep_note(keep, "%s: %s", keep->path, err.text);
		return;
	}
	med_keep_frame_close(&keep->out, at);
	*tag = ++keep->serial;
	keep->open = true;
	appended(keep, true);
}

void med_keep_remove(med_keep_t *keep, enum med_kind kind, med_str_t id)
{
	if(!takes(keep))
		return;
	keep->open = true;
	appended(keep, med_keep_put_gone(&keep->out, kind, id));
}

void med_keep_begin(med_keep_t *keep)
{
	if(keep->mode == KEEP_WANT)
		keep->mode = KEEP_FILL;
}

void med_keep_commit(med_keep_t *keep, const med_keep_mark_t *mark, bool full)
{
	keep->mark = *mark;
	keep->open = false;
	if(keep->mode == KEEP_FILL && full)
		keep->mode = KEEP_FILLED;
	if(keep->mode != KEEP_ON)
		return; /* there is a gap before it: only a file made anew is whole */
	if(med_keep_put_mark(&keep->out, mark)) {
		keep->out_mark = keep->out.len;
		appended(keep, true);
	} else {
		appended(keep, false);
	}
}

bool med_keep_wants_all(const med_keep_t *keep)
{
	return keep->mode == KEEP_WANT;
}

bool med_keep_begin_file(med_keep_t *keep)
{
	keep->records = 1;
	if(med_keep_put(&keep->out, MED_KEEP_MAGIC, MED_KEEP_MAGIC_LEN)
			&& med_keep_put_head(&keep->out, keep->prefix, keep->node))
		return true;
	keep->out.len = 0;
	med_keep_tell(keep, "%s: out of memory", keep->path);
	return false;
}

/* ---- the new file -------------------------------------------------------------------
 */

static size_t in_force(const med_keep_t *keep)
{
	size_t count = 0;

	for(int kind = 0; kind < MED_KIND_COUNT; kind++)
		count += med_config_count(keep->config, (enum med_kind)kind);
	return count;
}

static void pack_failed(med_keep_t *keep, int rc)
{
	med_keep_tell(keep, "%s: %s; it is tried again", keep->path_new, strerror(-rc));
	drop_pack(keep);
	if(keep->mode == KEEP_FILLED)
		begin_gap(keep);
}

static void start_pack(med_keep_t *keep)
{
	bool outdated = keep->mode == KEEP_ON && keep->now >= keep->pack_at
			&& keep->records > 2 * in_force(keep) + PACK_RECORDS;

	if(keep->pack.active || keep->end == 0 || keep->flight.len > 0
			|| !(outdated || keep->mode == KEEP_FILLED))
		return;
	(void)unlink(keep->path_new);
	keep->pack.fd = open(keep->path_new, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if(keep->pack.fd < 0) {
		med_keep_tell(keep,
				"%s: %s; it is written anew beside the old one: its folder must be "
				"writable",
				keep->path_new, strerror(errno));
		keep->pack_at = keep->now + PACK_AGAIN_MS;
		if(keep->mode == KEEP_FILLED)
			begin_gap(keep);
		return;
	}
	keep->pack.active = true;
	keep->pack.at = 0;
	keep->pack.records = 1;
	keep->pack.base = keep->end;
	keep->pack.out.len = keep->pack.flight.len = 0;
	keep->pack.reader = (med_keep_reader_t){.fd = keep->fd,
			.at = MED_KEEP_MAGIC_LEN,
			.window = {.mem = &keep->mem},
			.window_at = MED_KEEP_MAGIC_LEN};
	if(flock(keep->pack.fd, LOCK_EX | LOCK_NB) != 0
			|| !med_keep_put(&keep->pack.out, MED_KEEP_MAGIC, MED_KEEP_MAGIC_LEN)
			|| !med_keep_put_head(&keep->pack.out, keep->prefix, keep->node))
		pack_failed(keep, -ENOMEM);
}

/* Of what was there at the beginning, versions in force; all that came since. */
static bool is_wanted(
		const med_keep_t *keep, const med_keep_frame_t *frame, uint64_t begin)
{
	const uint64_t *tag;
	enum med_kind kind;
	med_str_t id;

	if(begin >= keep->pack.base)
		return true;
	if(frame->type != MED_KEEP_SET || !med_keep_object(frame->payload, &kind, &id))
		return false;
	tag = med_config_tag(keep->config, kind, id);
	return tag != NULL && *tag == frame->serial;
}

static int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool has_frames_to_pack(const med_keep_t *keep)
{
	return keep->pack.active && keep->pack.reader.at < keep->end
			&& keep->pack.out.len < PACK_CHUNK;
}

static void pack_frames(med_keep_t *keep)
{
	int64_t until = clock_ms() + PACK_SLICE_MS;
	med_keep_frame_t frame;
	unsigned count = 0;

	keep->pack.reader.end = keep->end;
	while(has_frames_to_pack(keep)) {
		uint64_t begin = keep->pack.reader.at;
		int rc = med_keep_read(&keep->pack.reader, &frame);
		if(rc == 1 && is_wanted(keep, &frame, begin)) {
			if(!med_keep_put(&keep->pack.out, frame.whole.s, frame.whole.len))
				rc = MED_ENOMEM;
			keep->pack.records++;
		}
		if(rc == MED_ENOMEM) {
			pack_failed(keep, -ENOMEM);
			return;
		}
		if(rc != 1) {
			med_keep_tell(
					keep, "%s: what was written there is not there any more", keep->path);
			drop_pack(keep);
			begin_gap(keep);
			return;
		}
		if(++count % 32 == 0 && clock_ms() >= until)
			return;
	}
}

/* The new file has everything, once what is left in pack.out and in out is there. */
static bool can_swap(const med_keep_t *keep)
{
	/* much that waits is appended first: copying it would take long */
	return keep->pack.active && keep->pack.reader.at == keep->end && keep->flight.len == 0
			&& !keep->open && keep->out.len <= PACK_CHUNK;
}

/* ---- the thread's work --------------------------------------------------------------
 */

static void swap_bytes(med_keep_bytes_t *a, med_keep_bytes_t *b)
{
	med_keep_bytes_t other = *a;

	*a = *b;
	*b = other;
}

static void append_done(med_keep_t *keep, int rc)
{
	if(!takes(keep)) {
		keep->flight.len = 0; /* a gap began meanwhile */
		return;
	}
	if(rc != 0) {
		med_keep_tell(keep,
				"%s: %s; what changes from now on is not on disk; it is tried again",
				keep->path, strerror(-rc));
		keep->retry_at = keep->now + RETRY_MS;
		keep->cut = true;
		return;
	}
	if(keep->flight_mark > 0)
		keep->committed = keep->end + keep->flight_mark;
	keep->end += keep->flight.len;
	keep->flight.len = 0;
	keep->cut = false;
	keep->unsynced = true;
	if(keep->sync_at == NEVER)
		keep->sync_at = keep->now + SYNC_MS;
	if(keep->mode == KEEP_ON && !keep->pack.active) {
		keep->wait_s = 0;
		med_keep_mended(keep);
	}
}

static void swap_done(med_keep_t *keep)
{
	keep->fd = keep->pack.fd;
	keep->end = keep->committed = keep->pack.at + keep->pack.flight.len;
	keep->cut = keep->mode == KEEP_GAP;
	keep->records = keep->pack.records + 1 + keep->out_records;
	keep->out_records -= keep->pack.taken_records;
	keep->out.len -= keep->pack.taken;
	if(keep->out.len > 0)
		memmove(keep->out.s, keep->out.s + keep->pack.taken, keep->out.len);
	keep->out_mark =
			keep->out_mark > keep->pack.taken ? keep->out_mark - keep->pack.taken : 0;
	keep->pack.active = false;
	keep->pack.flight.len = 0;
	med_keep_reader_free(&keep->pack.reader);
	keep->pack_at = keep->now + PACK_AGAIN_MS;
	keep->unsynced = false;
	if(keep->mode == KEEP_FILLED)
		keep->mode = KEEP_ON;
	if(keep->mode == KEEP_ON) {
		keep->wait_s = 0;
		med_keep_mended(keep);
	}
}

static void finish_work(med_keep_t *keep)
{
	enum med_keep_work work = keep->work;
	int rc;

	if(work == WORK_NONE || !med_keep_disk_done(keep->disk, &rc))
		return;
	keep->work = WORK_NONE;
	if(work == WORK_APPEND) {
		append_done(keep, rc);
	} else if(work == WORK_SYNC) {
		if(rc != 0) {
			/* what was written may be gone: the kernel forgets it with this answer */
			med_keep_tell(keep, "%s: %s; it is written anew", keep->path, strerror(-rc));
			begin_gap(keep);
		}
	} else if(rc != 0) {
		pack_failed(keep, rc);
	} else if(work == WORK_SWAP) {
		swap_done(keep);
	} else {
		keep->pack.at += keep->pack.flight.len;
		keep->pack.flight.len = 0;
		if(keep->mode == KEEP_GAP)
			drop_pack(keep);
	}
}

static void start_append(med_keep_t *keep)
{
	if(keep->flight.len == 0) {
		swap_bytes(&keep->out, &keep->flight);
		keep->flight_mark = keep->out_mark;
		keep->out_mark = keep->out_records = 0;
	}
	keep->work = WORK_APPEND;
	med_keep_disk_start(keep->disk,
			&(med_keep_job_t){.fd = keep->fd,
					.at = keep->end,
					.cut = keep->cut,
					.bytes = keep->flight.s,
					.len = keep->flight.len});
}

static void start_pack_write(med_keep_t *keep, bool swap)
{
	size_t before = keep->pack.out.len;

	keep->pack.taken = swap ? keep->out.len : 0;
	keep->pack.taken_records = swap ? keep->out_records : 0;
	if(swap
			&& (!med_keep_put(&keep->pack.out, keep->out.s, keep->out.len)
					|| !med_keep_put_mark(&keep->pack.out, &keep->mark))) {
		keep->pack.out.len = before;
		pack_failed(keep, -ENOMEM);
		return;
	}
	swap_bytes(&keep->pack.out, &keep->pack.flight);
	keep->work = swap ? WORK_SWAP : WORK_PACK;
	med_keep_disk_start(keep->disk,
			&(med_keep_job_t){.fd = keep->pack.fd,
					.at = keep->pack.at,
					.bytes = keep->pack.flight.s,
					.len = keep->pack.flight.len,
					.sync = swap,
					.from = swap ? keep->path_new : NULL,
					.to = keep->path,
					.old = keep->fd});
}

static void start_work(med_keep_t *keep)
{
	bool waits = keep->flight.len > 0 || keep->out.len > 0;

	if(keep->work != WORK_NONE || keep->fd < 0)
		return;
	if(can_swap(keep)) {
		start_pack_write(keep, true);
	} else if(takes(keep) && waits && keep->now >= keep->retry_at) {
		start_append(keep);
	} else if(keep->pack.active && keep->pack.out.len >= PACK_CHUNK) {
		start_pack_write(keep, false);
	} else if(keep->unsynced && keep->now >= keep->sync_at) {
		keep->unsynced = false;
		keep->sync_at = NEVER;
		keep->work = WORK_SYNC;
		med_keep_disk_start(keep->disk, &(med_keep_job_t){.fd = keep->fd, .sync = true});
	}
}

/* It may be possible to write again: then everything is wanted. */
static void end_gap(med_keep_t *keep)
{
	if(keep->mode != KEEP_GAP || keep->work != WORK_NONE || keep->now < keep->retry_at)
		return;
	if((keep->fd < 0 && med_keep_open(keep) != MED_EOK)
			|| (keep->end == 0 && keep->out.len == 0 && !med_keep_begin_file(keep))) {
		begin_gap(keep);
		return;
	}
	keep->retry_at = 0;
	keep->mode = KEEP_WANT;
}

void med_keep_run(med_keep_t *keep, int64_t now_ms)
{
	keep->now = now_ms;
	finish_work(keep);
	end_gap(keep);
	start_pack(keep);
	if(has_frames_to_pack(keep))
		pack_frames(keep);
	start_work(keep);
}

int med_keep_fd(const med_keep_t *keep)
{
	return med_keep_disk_fd(keep->disk);
}

int64_t med_keep_deadline(const med_keep_t *keep)
{
	bool waits = keep->flight.len > 0 || keep->out.len > 0;

	if(has_frames_to_pack(keep))
		return keep->now;
	if(keep->work != WORK_NONE)
		return NEVER;
	if(keep->mode == KEEP_GAP || (takes(keep) && waits))
		return keep->retry_at;
	if(can_swap(keep) || keep->pack.out.len >= PACK_CHUNK)
		return keep->now;
	return keep->unsynced ? keep->sync_at : NEVER;
}

bool med_keep_idle(const med_keep_t *keep)
{
	return keep->work == WORK_NONE && !keep->pack.active && keep->mode != KEEP_FILLED
			&& (!takes(keep) || (keep->flight.len == 0 && keep->out.len == 0));
}

/* ---- life -----------------------------------------------------------------------------
 */

static char *join(const med_mem_t *mem, const char *a, const char *b)
{
	size_t size = strlen(a) + strlen(b) + 1;
	char *text = med_alloc(mem, size);

	if(text != NULL)
		snprintf(text, size, "%s%s", a, b);
	return text;
}

int med_keep_new(const med_mem_t *mem, const char *path, const char *prefix,
		const char *node, med_config_t *config, const med_keep_handler_t *handler,
		med_keep_t **keep)
{
	med_keep_t *k = med_calloc(mem, 1, sizeof *k);
	int rc = MED_ENOMEM;

	if(k == NULL)
		return MED_ENOMEM;
	k->mem = *mem;
	k->out.mem = k->flight.mem = k->pack.out.mem = k->pack.flight.mem = &k->mem;
	k->fd = -1;
	k->sync_at = NEVER;
	k->config = config;
	k->handler = *handler;
	k->path = join(mem, path, "");
	k->path_new = join(mem, path, ".new");
	k->path_bad = join(mem, path, ".bad");
	k->prefix = join(mem, prefix, "");
	k->node = join(mem, node, "");
	if(k->path != NULL && k->path_new != NULL && k->path_bad != NULL && k->prefix != NULL
			&& k->node != NULL)
		rc = med_keep_disk_new(mem, &k->disk);
	if(rc == MED_EOK)
		*keep = k;
	else
		med_keep_free(k);
	return rc;
}

void med_keep_free(med_keep_t *keep)
{
	char *texts[5];
	med_mem_t mem;

	if(keep == NULL)
		return;
	texts[0] = keep->path;
	texts[1] = keep->path_new;
	texts[2] = keep->path_bad;
	texts[3] = keep->prefix;
	texts[4] = keep->node;
	mem = keep->mem;
	while(keep->work != WORK_NONE) {
		struct pollfd done = {.fd = med_keep_disk_fd(keep->disk), .events = POLLIN};
		(void)poll(&done, 1, -1);
		finish_work(keep);
	}
	med_keep_disk_free(keep->disk);
	drop_pack(keep);
	if(keep->fd >= 0)
		close(keep->fd);
	med_keep_bytes_free(&keep->out);
	med_keep_bytes_free(&keep->flight);
	med_keep_bytes_free(&keep->pack.out);
	med_keep_bytes_free(&keep->pack.flight);
	for(size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		med_free(&mem, texts[i]);
	med_free(&mem, keep);
}
