/**
 * keep.h - the last known good configuration, on disk
 *
 * What is in force is written to a file as it changes, so that a node serves at once when
 * it starts, whether Redis answers or not, and can tell a Redis that came back empty from
 * one that is meant to be empty. Only versions that were accepted get there.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

/*
 * The file is text: a head, then one frame per set or removed object, in the form of
 * file.h, and a mark at the end of each commit, each with length and checksum. What
 * follows the last whole mark is dropped when it is read. When half of it is outdated it
 * is written anew beside it and put in its place. It holds secrets: mode 0600.
 *
 * One process uses a med_keep_t. Disks are slow and stop at times: all writing is done by
 * a thread of its own; nothing here waits for it.
 */
#ifndef MEDCORE_KEEP_H
#define MEDCORE_KEEP_H

#include "medcore/file.h"

#define MED_KEEP_WORD 256 /**< room for a text of a mark */

typedef struct med_keep med_keep_t;

/** What is known of the configuration as of a commit. Texts are cut, unprintable bytes
 * are '?'. */
typedef struct med_keep_mark {
	int64_t at;                  /**< seconds since the epoch */
	bool held;                   /**< a shrink was held back */
	char applied[MED_KEEP_WORD]; /**< token of the writer who applied it; "": none */
	char source[MED_KEEP_WORD];  /**< the Redis it came from, without password */
} med_keep_mark_t;

typedef struct med_keep_handler {
	/** It cannot be kept, and the remedy; NULL: it can again. Told once per change. */
	void (*trouble)(void *ctx, const char *text);
	/** What a person may want to know; nothing is to be done. */
	void (*note)(void *ctx, const char *text);
	/** While the file is read, about each millisecond. */
	void (*pause)(void *ctx);
	void *ctx;
} med_keep_handler_t;

/** Into @p out, as in a mark. */
void med_keep_word(char out[MED_KEEP_WORD], med_str_t text);

/**
 * @param path    of the file; written beside it: `.new`, and `.bad` for one that cannot
 * be used
 * @param prefix  of the configuration's keys; a file of another one is not used
 * @param node    whoever uses the same file is told it
 * @param config  what is read goes there, and is compared with; not owned
 * @param handler copied
 * @return MED_EOK, MED_ENOMEM, -errno. No file is touched yet.
 */
int med_keep_new(const med_mem_t *mem, const char *path, const char *prefix,
		const char *node, med_config_t *config, const med_keep_handler_t *handler,
		med_keep_t **keep);
/** Waits for what is being written; what is not yet, is not. NULL allowed. */
void med_keep_free(med_keep_t *keep);

/**
 * Once, before anything is set: opens the file and sets what is in it. Returns when all
 * is read; @a pause is called meanwhile.
 * @return MED_EOK: @p mark is filled; MED_ENOMATCH: nothing is known (the handler was
 *         told if that is not as it should be); MED_ENOMEM: some of it may be set
 */
int med_keep_load(med_keep_t *keep, med_keep_mark_t *mark);

/** Everything will be set anew (a full read). */
void med_keep_begin(med_keep_t *keep);
/** After med_config_set() accepted this version, new or not. */
void med_keep_set(med_keep_t *keep, enum med_kind kind, med_str_t id,
		const med_field_t *fields, size_t count);
/** After an object left force. */
void med_keep_remove(med_keep_t *keep, enum med_kind kind, med_str_t id);
/** What was set and removed is in force. @param full  everything was set anew */
void med_keep_commit(med_keep_t *keep, const med_keep_mark_t *mark, bool full);

/**
 * Changes were lost (the disk was full for long): everything should be told again between
 * med_keep_begin() and a full commit. Until then the file stays as it was.
 */
bool med_keep_wants_all(const med_keep_t *keep);

/** Does what is due, for a few milliseconds at most. @param now_ms  CLOCK_MONOTONIC */
void med_keep_run(med_keep_t *keep, int64_t now_ms);
/** Becomes readable when med_keep_run() should be called. */
int med_keep_fd(const med_keep_t *keep);
/** Until when it should be called anyway. */
int64_t med_keep_deadline(const med_keep_t *keep);
/** Nothing waits to be written, nothing is under way. */
bool med_keep_idle(const med_keep_t *keep);

/** Gets what a file holds, in the order it was written: the last word counts. */
typedef struct med_keep_sink {
	med_file_handler_t file; /**< objects; what is wrong with one */
	void (*gone)(void *ctx, enum med_kind kind, med_str_t id); /**< with @a file.ctx */
} med_keep_sink_t;

/**
 * A file as it lies there, up to its last whole commit; not locked, not changed, whatever
 * prefix and node it is of. For tools, also while a node writes it.
 * @return MED_EOK; MED_EINVAL: not such a file; MED_ENOMATCH: nothing in it is whole;
 *         MED_ENOMEM; -errno; what the sink returned. @p err says what.
 */
int med_keep_each(const char *path, const med_mem_t *mem, const med_keep_sink_t *sink,
		med_keep_mark_t *mark, med_errbuf_t *err);

#endif
