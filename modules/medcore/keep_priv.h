/**
 * keep_priv.h - what the parts of the last known good share; nobody else includes it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_KEEP_PRIV_H
#define MEDCORE_KEEP_PRIV_H

#include "medcore/file.h"
#include "medcore/keep.h"

#define MED_KEEP_MAGIC "mediation last known good configuration, format 1\n"
#define MED_KEEP_MAGIC_LEN (sizeof(MED_KEEP_MAGIC) - 1)

/** Bytes that grow. */
typedef struct med_keep_bytes {
	const med_mem_t *mem;
	char *s;
	size_t len, room;
} med_keep_bytes_t;

/* ---- keep_frame.c: frames into bytes, and from a file --------------------------------
 */

enum med_keep_type {
	MED_KEEP_HEAD = 'H',
	MED_KEEP_SET = 'S',
	MED_KEEP_GONE = 'R',
	MED_KEEP_MARK = 'C',
};

typedef struct med_keep_frame {
	enum med_keep_type type;
	uint64_t serial;   /**< of a set: tells this version from all others */
	med_str_t payload; /**< valid until the next frame is read */
	med_str_t whole;   /**< as it is in the file */
} med_keep_frame_t;

void med_keep_bytes_free(med_keep_bytes_t *bytes);
/** Appends; false: no memory, nothing was appended. */
bool med_keep_put(med_keep_bytes_t *out, const char *bytes, size_t len);
/** Begins a frame; its payload is put next. false: no memory. */
bool med_keep_frame_open(
		med_keep_bytes_t *out, size_t *at, enum med_keep_type type, uint64_t serial);
/** The payload that was put since is complete. */
void med_keep_frame_close(med_keep_bytes_t *out, size_t at);

bool med_keep_put_head(med_keep_bytes_t *out, const char *prefix, const char *node);
bool med_keep_put_mark(med_keep_bytes_t *out, const med_keep_mark_t *mark);
bool med_keep_put_gone(med_keep_bytes_t *out, enum med_kind kind, med_str_t id);

/** The value of a line "name = value" of a payload; empty: none. */
med_str_t med_keep_value(med_str_t payload, const char *name);
void med_keep_read_mark(med_str_t payload, med_keep_mark_t *mark);
/** Kind and id from "[kind id]", the beginning of a payload. */
bool med_keep_object(med_str_t payload, enum med_kind *kind, med_str_t *id);

/** Reads frames of a part of a file. */
typedef struct med_keep_reader {
	int fd;
	uint64_t at, end; /**< of the next frame; of what may be read */
	med_keep_bytes_t window;
	uint64_t window_at;
} med_keep_reader_t;

/** 1: one, and reader->at is behind it; 0: that was all; MED_EINVAL: no frame is there;
 * MED_ENOMEM; -errno. */
int med_keep_read(med_keep_reader_t *reader, med_keep_frame_t *frame);
void med_keep_reader_free(med_keep_reader_t *reader);

/* ---- keep_disk.c: the thread that writes ----------------------------------------------
 */

typedef struct med_keep_disk med_keep_disk_t;

/** Done in this order; the first that fails ends it. */
typedef struct med_keep_job {
	int fd;
	uint64_t at; /**< where to write */
	bool cut;    /**< what is behind @a at goes first */
	const char *bytes;
	size_t len;
	bool sync;
	const char *from, *to; /**< rename, NULL: none; then @a old is closed */
	int old;
} med_keep_job_t;

/** MED_EOK, MED_ENOMEM, -errno */
int med_keep_disk_new(const med_mem_t *mem, med_keep_disk_t **disk);
/** Waits for the job under way. NULL allowed. */
void med_keep_disk_free(med_keep_disk_t *disk);
/** Only while none is under way. Paths and bytes stay until it is done. */
void med_keep_disk_start(med_keep_disk_t *disk, const med_keep_job_t *job);
/** Is one done? Then @p rc is 0 or -errno, and the next may start. */
bool med_keep_disk_done(med_keep_disk_t *disk, int *rc);
int med_keep_disk_fd(const med_keep_disk_t *disk);

/* ---- keep_open.c: the file at the start, and found again ------------------------------
 */

enum med_keep_mode {
	KEEP_GAP,    /**< nothing is written; tried again at retry_at */
	KEEP_WANT,   /**< it could be written: everything is to be told again */
	KEEP_FILL,   /**< everything is being told */
	KEEP_FILLED, /**< and has been; a new file is made of it */
	KEEP_ON,
};

enum med_keep_work { WORK_NONE, WORK_APPEND, WORK_SYNC, WORK_PACK, WORK_SWAP };

struct med_keep {
	med_mem_t mem;
	char *path, *path_new, *path_bad, *prefix, *node;
	med_config_t *config;
	med_keep_handler_t handler;
	char trouble[256];

	enum med_keep_mode mode;
	int fd; /**< -1: none */
	med_keep_disk_t *disk;
	enum med_keep_work work; /**< of the thread */
	int64_t now, retry_at, sync_at, pack_at;
	unsigned wait_s; /**< until the next retry of a gap */

	med_keep_bytes_t out, flight; /**< to be appended; being so */
	size_t out_mark, flight_mark; /**< where the last mark in it ends; 0: none is */
	uint64_t end, committed;      /**< bytes in the file; up to its last mark */
	bool cut;                     /**< there is something behind @a end */
	bool open;                    /**< set or removed since the last commit */
	bool unsynced;
	uint64_t serial;
	size_t records;     /**< frames in the file, or on the way */
	size_t out_records; /**< of these, in out */
	med_keep_mark_t mark;

	/** The new file, while it is made. */
	struct {
		bool active;
		int fd;
		uint64_t base, at; /**< what was there at the beginning; bytes in the new file */
		med_keep_reader_t reader;
		med_keep_bytes_t out, flight;
		size_t records;
		size_t taken_records; /**< in taken */
		size_t taken;         /**< bytes of keep->out that go with the swap */
	} pack;
};

/** Tells it unless it was told already; NULL: mended. */
void med_keep_tell(med_keep_t *keep, const char *fmt, ...)
		__attribute__((format(printf, 2, 3)));
void med_keep_mended(med_keep_t *keep);
void med_keep_note(med_keep_t *keep, const char *fmt, ...)
		__attribute__((format(printf, 2, 3)));

/**
 * Opens, locks and checks the file, makes it if there is none.
 * @return MED_EOK: keep->fd can be appended to; MED_ENOMATCH: it cannot, and was told
 */
int med_keep_open(med_keep_t *keep);
/** The head of an empty file is to be written; false: no memory, told. */
bool med_keep_begin_file(med_keep_t *keep);
/** Sets what is in the file up to its last mark. */
int med_keep_apply(med_keep_t *keep, int fd);

#endif
