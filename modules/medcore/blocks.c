/**
 * blocks.c - memory that is taken in pieces and given back as a whole, with a bound
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "medcore/blocks.h"

#define BLOCK_SIZE 65536u

typedef struct med_block {
	struct med_block *next;
	size_t unused; /* keeps what follows aligned */
} med_block_t;

void med_blocks_init(med_blocks_t *blocks, const med_mem_t *mem, size_t limit)
{
	*blocks = (med_blocks_t){.mem = mem, .left = limit};
}

void med_blocks_deinit(med_blocks_t *blocks)
{
	med_block_t *block = blocks->first, *next;

	for(; block != NULL; block = next) {
		next = block->next;
		med_free(blocks->mem, block);
	}
	*blocks = (med_blocks_t){.mem = blocks->mem};
}

/* Room for @p size bytes of a block just made; NULL: error is set. */
static char *add_block(med_blocks_t *blocks, size_t size)
{
	med_block_t *block;
	int error = MED_ENOMEM;

	if(sizeof(*block) + size > blocks->left) {
		error = MED_ELIMIT;
		block = NULL;
	} else {
		block = med_alloc(blocks->mem, sizeof(*block) + size);
	}
	if(block == NULL) {
		blocks->error = blocks->error == MED_EOK ? error : blocks->error;
		return NULL;
	}
	block->next = blocks->first;
	blocks->first = block;
	blocks->left -= sizeof(*block) + size;
	return (char *)(block + 1);
}

void *med_blocks_take(med_blocks_t *blocks, size_t count, size_t size)
{
	size_t total;
	char *piece;

	if(__builtin_mul_overflow(count, size, &total) || total > SIZE_MAX / 2) {
		blocks->error = MED_ELIMIT;
		return NULL;
	}
	total = ((total == 0) + total + 15) & ~(size_t)15;
	if((size_t)(blocks->end - blocks->at) >= total) {
		piece = blocks->at;
		blocks->at += total;
	} else if(total > BLOCK_SIZE / 8) {
		piece = add_block(blocks, total); /* the one in use has room for more */
	} else {
		piece = add_block(blocks, BLOCK_SIZE);
		if(piece != NULL) {
			blocks->at = piece + total;
			blocks->end = piece + BLOCK_SIZE;
		}
	}
	if(piece != NULL)
		memset(piece, 0, total);
	return piece;
}

med_str_t med_blocks_copy(med_blocks_t *blocks, med_str_t text)
{
	char *copy = med_blocks_take(blocks, text.len + 1, 1);

	if(copy == NULL)
		return (med_str_t){"", 0};
	if(text.len > 0)
		memcpy(copy, text.s, text.len);
	return (med_str_t){copy, text.len};
}

med_str_t med_blocks_format(med_blocks_t *blocks, const char *fmt, ...)
{
	va_list args, again;
	char *text;
	int len;

	va_start(args, fmt);
	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, args);
	text = len < 0 ? NULL : med_blocks_take(blocks, (size_t)len + 1, 1);
	if(text != NULL)
		len = vsnprintf(text, (size_t)len + 1, fmt, again);
	va_end(again);
	va_end(args);
	return text == NULL || len < 0 ? (med_str_t){"", 0} : (med_str_t){text, (size_t)len};
}
