/**
 * pages.c - memory of one process for millions of small blocks, in huge pages
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE /* MADV_HUGEPAGE */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "medcore/pages.h"

#define UNIT 16u
#define CLASSES 64u /* of UNIT bytes more each; the largest block has 1 kB */
#define LARGE UINT64_MAX
/* Tables of a million: they have pages of their own. */
#define MAPPED_FROM ((size_t)1 << 20)
#define HUGE_PAGE ((size_t)2 << 20)
#define CHUNK_FIRST ((size_t)128 << 10) /* a small configuration takes no more */
#define CHUNK_MOST ((size_t)64 << 20)

/** Before each block; keeps it aligned for everything. */
typedef struct med_head {
	uint64_t units; /* LARGE: malloc's; more than CLASSES: bytes that are mapped */
	void *base;     /* of what is mapped */
} med_head_t;

typedef struct med_chunk {
	struct med_chunk *next;
	void *base;    /* as it was mapped; NULL: malloc's */
	size_t length; /* mapped */
} med_chunk_t;

struct med_pages {
	med_mem_t mem;
	med_chunk_t *chunks;
	size_t chunk_size; /* of the next one */
	char *at, *end;    /* what is left of the newest */
	void *free[CLASSES + 1];
};

/* Zeroed, aligned to a huge page; where there are none it works as well. NULL: no memory.
 */
static void *map(size_t size, void **base)
{
	char *at;

	if(size > SIZE_MAX - HUGE_PAGE)
		return NULL;
	*base = mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if(*base == MAP_FAILED)
		return NULL;
	at = (char *)(((uintptr_t)*base + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1));
	(void)madvise(at, size, MADV_HUGEPAGE);
	return at;
}

/* Small ones are malloc's. */
static med_chunk_t *chunk_new(size_t size)
{
	void *base = NULL;
	med_chunk_t *chunk = size < HUGE_PAGE ? malloc(size) : map(size, &base);

	if(chunk == NULL)
		return NULL;
	chunk->base = base;
	chunk->length = size + HUGE_PAGE;
	return chunk;
}

static bool grow(med_pages_t *pages)
{
	size_t size = pages->chunk_size;
	med_chunk_t *chunk = chunk_new(size);

	if(chunk == NULL)
		return false;
	chunk->next = pages->chunks;
	pages->chunks = chunk;
	pages->at = (char *)chunk + ((sizeof(*chunk) + UNIT - 1) & ~(size_t)(UNIT - 1));
	pages->end = (char *)chunk + size;
	pages->chunk_size = size < HUGE_PAGE ? 2 * HUGE_PAGE
			: size < CHUNK_MOST          ? size * 2
										 : size;
	return true;
}

static void *large_alloc(size_t size)
{
	size_t whole = sizeof(med_head_t) + size;
	void *base = NULL;
	med_head_t *head;

	if(whole < size)
		return NULL;
	head = whole < MAPPED_FROM ? malloc(whole) : map(whole, &base);
	if(head == NULL)
		return NULL;
	head->units = base == NULL ? LARGE : whole;
	head->base = base;
	return head + 1;
}

static void *pages_alloc(void *ctx, size_t size)
{
	med_pages_t *pages = ctx;
	size_t units = size / UNIT + (size % UNIT != 0);
	size_t whole = sizeof(med_head_t) + units * UNIT;
	med_head_t *head;

	if(units > CLASSES)
		return large_alloc(size);
	head = pages->free[units];
	if(head != NULL) {
		memcpy(&pages->free[units], head + 1, sizeof(void *));
		return head + 1;
	}
	if((size_t)(pages->end - pages->at) < whole && !grow(pages))
		return NULL;
	head = (void *)pages->at;
	pages->at += whole;
	head->units = units;
	return head + 1;
}

static void pages_free(void *ctx, void *block)
{
	med_pages_t *pages = ctx;
	med_head_t *head = (med_head_t *)block - 1;

	if(head->units == LARGE) {
		free(head);
		return;
	}
	if(head->units > CLASSES) {
		(void)munmap(head->base, head->units + HUGE_PAGE);
		return;
	}
	memcpy(block, &pages->free[head->units], sizeof(void *));
	pages->free[head->units] = head;
}

med_pages_t *med_pages_new(void)
{
	med_pages_t *pages = calloc(1, sizeof(*pages));

	if(pages == NULL)
		return NULL;
	pages->mem = (med_mem_t){pages_alloc, pages_free, pages};
	pages->chunk_size = CHUNK_FIRST;
	return pages;
}

void med_pages_free(med_pages_t *pages)
{
	med_chunk_t *chunk, *next;

	if(pages == NULL)
		return;
	for(chunk = pages->chunks; chunk != NULL; chunk = next) {
		next = chunk->next;
		if(chunk->base == NULL)
			free(chunk);
		else
			(void)munmap(chunk->base, chunk->length);
	}
	free(pages);
}

const med_mem_t *med_pages_mem(const med_pages_t *pages)
{
	return &pages->mem;
}
