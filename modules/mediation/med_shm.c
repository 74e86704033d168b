/**
 * med_shm.c - the snapshot in force, shared by all processes
 *
 * A worker that is killed while it counts on a snapshot leaves that count behind, and the
 * snapshot alive. Nothing more is needed: when any of its processes dies, Kamailio ends
 * the others and its shared memory with them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_shm.h"

#include "med_compat.h"
#include "core/locking.h"

#include <stdlib.h>

#define TRUNK_STATES 32768

/** One snapshot and who uses it. */
typedef struct holder {
	const med_snapshot_t *snapshot;
	unsigned readers;
	struct holder *next; /**< in the list of the retired */
} holder_t;

typedef struct shared {
	gen_lock_t lock; /**< protects: current, retired, readers of every holder */
	holder_t *current;
	holder_t *retired;                      /**< replaced, and perhaps still read */
	med_trunk_state_t states[TRUNK_STATES]; /**< changed by atomic builtins, no lock */
} shared_t;

static shared_t *shared = NULL;

/** What this process counts on at the moment, and how many scopes within each other. */
static struct {
	const med_snapshot_t *snapshot;
	unsigned depth;
} held;

static size_t missed; /* of this process */

/* Calls come first: a build that took the last byte, and was not scheduled before it gave
 * all of it back, would lose those that came meanwhile.
 */
#define FOR_CALLS (shm_mem_size / 16)

static void *shm_alloc(void *ctx, size_t size)
{
	void *block = shm_available() < FOR_CALLS + size ? NULL : shm_malloc(size);

	(void)ctx;
	if(!block)
		missed += size;
	return block;
}

static void shm_release(void *ctx, void *block)
{
	(void)ctx;
	if(block)
		shm_free(block);
}

const med_mem_t med_mem_shm = {.alloc = shm_alloc, .free = shm_release};

/* ---- what would do ---- */

#define MB (1024ul * 1024)
#define OVERHEAD 64 /* of a block, in any of Kamailio's allocators */

/** What med_mem_measure gave out, and at most at one time. */
static struct {
	size_t now, most;
} measured;

typedef struct block {
	size_t size, unused; /* keeps what follows aligned */
} block_t;

static void *measure_alloc(void *ctx, size_t size)
{
	block_t *block = malloc(sizeof *block + size);

	(void)ctx;
	if(!block)
		return NULL;
	block->size = size;
	measured.now += size + OVERHEAD;
	if(measured.now > measured.most)
		measured.most = measured.now;
	return block + 1;
}

static void measure_free(void *ctx, void *what)
{
	block_t *block;

	(void)ctx;
	if(!what || shm_address_in(what)) {
		shm_release(ctx, what);
		return;
	}
	block = (block_t *)what - 1;
	measured.now -= block->size + OVERHEAD;
	free(block);
}

const med_mem_t med_mem_measure = {.alloc = measure_alloc, .free = measure_free};

size_t med_shm_missed(void)
{
	size_t bytes = missed;

	missed = 0;
	return bytes;
}

void med_shm_measure(void)
{
	measured.now = measured.most = 0;
}

unsigned long med_shm_enough(size_t more)
{
	struct mem_info info;
	unsigned long bytes;

	shm_info(&info);
	bytes = info.real_used + more + measured.most;
	return (bytes + bytes / 4) / MB + 1;
}

unsigned long med_shm_size(void)
{
	return shm_mem_size / MB;
}

int med_shm_init(void)
{
	shared = shm_mallocxz(sizeof *shared);
	if(!shared) {
		SHM_MEM_ERROR;
		return -1;
	}
	if(!lock_init(&shared->lock)) {
		LM_ERR("cannot initialise the lock of the snapshot in force\n");
		shm_free(shared);
		shared = NULL;
		return -1;
	}
	return 0;
}

/* Snapshots are not freed one by one: what they are made of is known to the Redis process
 * only, which is gone by now, and the whole of shared memory follows. */
void med_shm_destroy(void)
{
	if(!shared)
		return;
	lock_destroy(&shared->lock);
	shm_free(shared);
	shared = NULL;
}

const med_snapshot_t *med_shm_acquire(void)
{
	if(held.depth > 0) {
		held.depth++;
		return held.snapshot;
	}
	lock_get(&shared->lock);
	if(shared->current) {
		shared->current->readers++;
		held.snapshot = shared->current->snapshot;
		held.depth = 1;
	}
	lock_release(&shared->lock);
	return held.depth > 0 ? held.snapshot : NULL;
}

void med_shm_release(const med_snapshot_t **snapshot)
{
	holder_t *holder;

	if(!*snapshot || --held.depth > 0)
		return;
	lock_get(&shared->lock);
	holder = shared->current;
	if(holder->snapshot != *snapshot)
		for(holder = shared->retired; holder && holder->snapshot != *snapshot;)
			holder = holder->next;
	if(holder)
		holder->readers--;
	lock_release(&shared->lock);
	*snapshot = NULL;
}

int med_shm_publish(const med_snapshot_t *snapshot)
{
	holder_t *holder = shm_mallocxz(sizeof *holder);

	if(!holder) {
		SHM_MEM_ERROR;
		return MED_ENOMEM;
	}
	holder->snapshot = snapshot;
	lock_get(&shared->lock);
	if(shared->current) {
		shared->current->next = shared->retired;
		shared->retired = shared->current;
	}
	shared->current = holder;
	lock_release(&shared->lock);
	return MED_EOK;
}

unsigned med_shm_reap(med_config_t *config)
{
	holder_t *unused = NULL, **link, *holder;
	unsigned alive = 0;

	lock_get(&shared->lock);
	for(link = &shared->retired; (holder = *link);) {
		if(holder->readers) {
			alive++;
			link = &holder->next;
			continue;
		}
		*link = holder->next;
		holder->next = unused;
		unused = holder;
	}
	alive += shared->current != NULL;
	lock_release(&shared->lock);
	while((holder = unused)) {
		unused = holder->next;
		med_config_release(config, holder->snapshot);
		shm_free(holder);
	}
	return alive;
}

uint32_t med_shm_trunk_states(void)
{
	return TRUNK_STATES;
}

med_trunk_state_t *med_shm_trunk_state(uint32_t number)
{
	return number < TRUNK_STATES ? &shared->states[number] : NULL;
}

int64_t med_shm_no_srtp_until(const med_trunk_state_t *state, const med_trunk_t *trunk)
{
	int64_t at =
			state != NULL ? __atomic_load_n(&state->no_srtp_at, __ATOMIC_RELAXED) : 0;

	return at == 0 ? 0 : at + trunk->profile->srtp_fallback_ms;
}
