/**
 * med_note.c - see med_note.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <sys/random.h>

#include "med_note.h"

#define MED_NOTE_SETS 2048 /* a power of two */
#define MED_NOTE_WAYS 7
#define MED_NOTE_MASK ((UINT64_C(1) << MED_NOTE_BITS) - 1)

/** Notes whose hash is of one set, a cache line of them; atomic builtins change it. */
typedef struct med_note_set {
	uint64_t next;                /**< whose turn it is to be replaced */
	uint64_t note[MED_NOTE_WAYS]; /**< hash, and the value in its last bits */
} med_note_set_t;

static med_note_set_t (*med_notes)[MED_NOTE_SETS]; /**< by kind, in shared memory */
static uint8_t med_notes_key[16];

int med_note_init(void)
{
	if(getrandom(med_notes_key, sizeof med_notes_key, 0) != (ssize_t)sizeof med_notes_key)
		return -1;
	med_notes = shm_malloc(MED_NOTE_COUNT * sizeof *med_notes);
	if(med_notes == NULL) {
		SHM_MEM_ERROR;
		return -1;
	}
	memset(med_notes, 0, MED_NOTE_COUNT * sizeof *med_notes);
	return 0;
}

void med_note_destroy(void)
{
	if(med_notes != NULL)
		shm_free(med_notes);
	med_notes = NULL;
}

static uint64_t med_note_hash(med_str_t callid, med_str_t what)
{
	uint64_t key[2] = {med_siphash(med_notes_key, callid.s, callid.len), 0};

	return med_siphash((const uint8_t *)key, what.s, what.len) & ~MED_NOTE_MASK;
}

/** Where the note of this hash is in its set; NULL: it is not there. */
static uint64_t *med_note_find(enum med_note note, uint64_t hash)
{
	med_note_set_t *set = &med_notes[note][(hash >> MED_NOTE_BITS) % MED_NOTE_SETS];

	for(size_t i = 0; i < MED_NOTE_WAYS; i++)
		if((__atomic_load_n(&set->note[i], __ATOMIC_RELAXED) & ~MED_NOTE_MASK) == hash)
			return &set->note[i];
	return NULL;
}

void med_note(enum med_note note, med_str_t callid, med_str_t what, uint32_t value)
{
	uint64_t hash = med_note_hash(callid, what);
	med_note_set_t *set = &med_notes[note][(hash >> MED_NOTE_BITS) % MED_NOTE_SETS];
	uint64_t *place = med_note_find(note, hash);

	if(place == NULL)
		place = &set->note[__atomic_fetch_add(&set->next, 1, __ATOMIC_RELAXED)
				% MED_NOTE_WAYS];
	__atomic_store_n(place, hash | value, __ATOMIC_RELAXED);
}

bool med_noted(enum med_note note, med_str_t callid, med_str_t what, uint32_t *value)
{
	uint64_t hash = med_note_hash(callid, what);
	const uint64_t *place = med_note_find(note, hash);
	uint64_t found = place != NULL ? __atomic_load_n(place, __ATOMIC_RELAXED) : 0;

	if(place == NULL || (found & ~MED_NOTE_MASK) != hash)
		return false;
	if(value != NULL)
		*value = (uint32_t)(found & MED_NOTE_MASK);
	return true;
}

med_str_t med_trimmed(str text)
{
	while(text.len > 0
			&& (text.s[text.len - 1] == ' ' || text.s[text.len - 1] == '\r'
					|| text.s[text.len - 1] == '\n'))
		text.len--;
	return med_from_str(text);
}
