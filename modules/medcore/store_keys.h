/**
 * store_keys.h - a set of keys, in order of arrival
 *
 * What has changed and is to be read, and what was read and not yet published. Heap
 * memory, one process.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_STORE_KEYS_H
#define MEDCORE_STORE_KEYS_H

#include "medcore/common.h"

typedef struct med_store_keys {
	char *text; /**< all keys, one after the other */
	size_t text_len, text_cap;
	struct med_store_key {
		size_t at, len;
	} * key;
	size_t count, cap;
	uint32_t *slot; /**< hash to index + 1; 0: empty */
	size_t slots;
} med_store_keys_t;

/** Adds unless it is there. MED_EOK or MED_ENOMEM. The set starts zeroed. */
int med_store_keys_add(med_store_keys_t *keys, med_str_t key);
/** Takes it out again: at its index there is then an empty text. */
void med_store_keys_drop(med_store_keys_t *keys, med_str_t key);
bool med_store_keys_has(const med_store_keys_t *keys, med_str_t key);
/** The key at @p index < count; valid until the next add. */
med_str_t med_store_keys_at(const med_store_keys_t *keys, size_t index);
/** Empty; gives big memory back. */
void med_store_keys_clear(med_store_keys_t *keys);
void med_store_keys_free(med_store_keys_t *keys);

#endif
