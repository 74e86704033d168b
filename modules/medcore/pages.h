/**
 * pages.h - memory of one process for millions of small blocks, in huge pages
 *
 * What a writer keeps of a million routes is some 400 MB in blocks of a few hundred
 * bytes, looked up at random. In pages of 4 kB each of them is a fault when it is first
 * touched and a miss of the TLB later on: a fifth of the time that loading takes, and
 * more on virtual machines. Blocks of up to 1 kB are cut from large chunks for which the
 * kernel is asked for huge pages; larger ones are malloc's, the largest have pages of
 * their own. A freed block serves the next of its size; chunks are given back with the
 * last of all.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_PAGES_H
#define MEDCORE_PAGES_H

#include "medcore/common.h"

typedef struct med_pages med_pages_t;

/** NULL: no memory. Not for several threads at once. */
med_pages_t *med_pages_new(void);
/** With all blocks that are left. NULL allowed. */
void med_pages_free(med_pages_t *pages);
/** Lives as long as @p pages. */
const med_mem_t *med_pages_mem(const med_pages_t *pages);

#endif
