/**
 * blocks.h - memory that is taken in pieces and given back as a whole, with a bound
 *
 * For work on untrusted input: what one input can cost is set once. A failure is kept, so
 * a caller that makes many small pieces may look at @a error at the end alone, as long as
 * it stands a NULL in between.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_BLOCKS_H
#define MEDCORE_BLOCKS_H

#include "medcore/common.h"

typedef struct med_blocks {
	const med_mem_t *mem;
	void *first;
	char *at, *end;
	size_t left; /**< bytes that may still be taken of @a mem */
	int error;   /**< MED_EOK, MED_ENOMEM or MED_ELIMIT: the first failure */
} med_blocks_t;

void med_blocks_init(med_blocks_t *blocks, const med_mem_t *mem, size_t limit);
void med_blocks_deinit(med_blocks_t *blocks);

/** Zeroed and aligned; NULL: @a error says why. */
void *med_blocks_take(med_blocks_t *blocks, size_t count, size_t size);
/** A terminated copy; the empty text on failure. */
med_str_t med_blocks_copy(med_blocks_t *blocks, med_str_t text);
/** printf into a text of exactly its length; the empty text on failure. */
med_str_t med_blocks_format(med_blocks_t *blocks, const char *fmt, ...)
		__attribute__((format(printf, 2, 3)));

#endif
