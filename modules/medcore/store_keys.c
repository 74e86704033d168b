/**
 * store_keys.c - a set of keys, in order of arrival
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "medcore/store_keys.h"

#include <stdlib.h>
#include <string.h>

#define KEEP_SLOTS 4096 /* a set larger than this gives its memory back when cleared */

/** Where @p key is, or the empty slot where it would go. The table is never full. */
static size_t find(const med_store_keys_t *keys, med_str_t key)
{
	size_t i = (size_t)med_hash(key.s, key.len) & (keys->slots - 1);

	while(keys->slot[i] && !med_str_eq(med_store_keys_at(keys, keys->slot[i] - 1), key))
		i = (i + 1) & (keys->slots - 1);
	return i;
}

static int grow_table(med_store_keys_t *keys)
{
	size_t slots = keys->slots ? keys->slots * 2 : 64;
	uint32_t *old = keys->slot;
	uint32_t *slot = calloc(slots, sizeof *slot);

	if(!slot)
		return MED_ENOMEM;
	keys->slot = slot;
	keys->slots = slots;
	for(size_t k = 0; k < keys->count; k++)
		slot[find(keys, med_store_keys_at(keys, k))] = (uint32_t)(k + 1);
	free(old);
	return MED_EOK;
}

/** Room for one more element; @p cap and @p block stay as they are on failure. */
static int reserve(void **block, size_t *cap, size_t need, size_t size)
{
	size_t want = *cap ? *cap : 64;
	void *more;

	while(want < need)
		want *= 2;
	if(want == *cap)
		return MED_EOK;
	if(want > SIZE_MAX / 2 / size || !(more = realloc(*block, want * size)))
		return MED_ENOMEM;
	*block = more;
	*cap = want;
	return MED_EOK;
}

int med_store_keys_add(med_store_keys_t *keys, med_str_t key)
{
	void *text = keys->text, *list = keys->key;
	int rc;

	if(med_store_keys_has(keys, key))
		return MED_EOK;
	if(keys->count >= UINT32_MAX - 1)
		return MED_ENOMEM;
	if((keys->count + 1) * 2 > keys->slots && grow_table(keys))
		return MED_ENOMEM;
	rc = reserve(&text, &keys->text_cap, keys->text_len + key.len, 1);
	keys->text = text;
	if(rc)
		return rc;
	rc = reserve(&list, &keys->cap, keys->count + 1, sizeof *keys->key);
	keys->key = list;
	if(rc)
		return rc;
	keys->slot[find(keys, key)] = (uint32_t)(keys->count + 1);
	if(key.len)
		memcpy(keys->text + keys->text_len, key.s, key.len);
	keys->key[keys->count].at = keys->text_len;
	keys->key[keys->count].len = key.len;
	keys->text_len += key.len;
	keys->count++;
	return MED_EOK;
}

void med_store_keys_drop(med_store_keys_t *keys, med_str_t key)
{
	/* its slot stays taken, so that what was put behind it is still found */
	if(med_store_keys_has(keys, key))
		keys->key[keys->slot[find(keys, key)] - 1].len = 0;
}

bool med_store_keys_has(const med_store_keys_t *keys, med_str_t key)
{
	return keys->count && keys->slot[find(keys, key)] != 0;
}

med_str_t med_store_keys_at(const med_store_keys_t *keys, size_t index)
{
	return (med_str_t){keys->text + keys->key[index].at, keys->key[index].len};
}

void med_store_keys_clear(med_store_keys_t *keys)
{
	if(keys->slots > KEEP_SLOTS) {
		med_store_keys_free(keys);
		return;
	}
	if(keys->count)
		memset(keys->slot, 0, keys->slots * sizeof *keys->slot);
	keys->count = 0;
	keys->text_len = 0;
}

void med_store_keys_free(med_store_keys_t *keys)
{
	free(keys->text);
	free(keys->key);
	free(keys->slot);
	memset(keys, 0, sizeof *keys);
}
