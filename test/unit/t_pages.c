/**
 * t_pages.c - memory for many small blocks
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core_test.h"

#include "medcore/pages.h"

#define BLOCKS 2000

/* Blocks of all sizes, given back and taken again, keep what is written in them. */
/** One check a block: Check notes each, which takes longer than all else here. */
static bool kept(const unsigned char *block, size_t size, size_t first)
{
	for(size_t k = 0; k < size; k++)
		if(block[k] != (unsigned char)(first + k))
			return false;
	return true;
}

START_TEST(blocks_keep_their_bytes)
{
	static unsigned char *block[BLOCKS];
	static size_t size[BLOCKS];
	med_pages_t *pages = med_pages_new();
	const med_mem_t *mem;
	uint64_t state = 7;

	ck_assert_ptr_nonnull(pages);
	mem = med_pages_mem(pages);
	for(int round = 0; round < 5; round++) {
		for(size_t i = 0; i < BLOCKS; i++) {
			if(block[i] != NULL && core_draw(&state, 3) > 0)
				continue;
			if(block[i] != NULL)
				ck_assert(kept(block[i], size[i], i));
			med_free(mem, block[i]);
			size[i] = core_draw(&state, 20) == 0 ? core_draw(&state, 5000)
												 : core_draw(&state, 1100);
			block[i] = med_alloc(mem, size[i]);
			ck_assert_ptr_nonnull(block[i]);
			ck_assert_uint_eq((uintptr_t)block[i] % 16, 0);
			for(size_t k = 0; k < size[i]; k++)
				block[i][k] = (unsigned char)(i + k);
		}
	}
	for(size_t i = 0; i < BLOCKS; i++) {
		ck_assert(kept(block[i], size[i], i));
		med_free(mem, block[i]);
	}
	med_pages_free(pages);
}
END_TEST

START_TEST(a_freed_block_serves_the_next_of_its_size)
{
	med_pages_t *pages = med_pages_new();
	const med_mem_t *mem = med_pages_mem(pages);
	void *first = med_alloc(mem, 100), *second;

	med_free(mem, first);
	second = med_alloc(mem, 112);
	ck_assert_ptr_eq(first, second);
	first = med_alloc(mem, 5000000); /* mapped */
	ck_assert_ptr_nonnull(first);
	memset(first, 1, 5000000);
	med_free(mem, first);
	ck_assert_ptr_null(med_alloc(mem, SIZE_MAX));
	ck_assert_ptr_null(med_alloc(mem, SIZE_MAX - 8));
	med_pages_free(pages);
	med_pages_free(NULL);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
			blocks_keep_their_bytes, a_freed_block_serves_the_next_of_its_size};

	return core_run("pages", tests, COUNT(tests));
}
