/**
 * carry.h - texts that go along with a call, as short and as unreadable as they can be
 *
 * Texts go in pairs, one for each side of a call. A message has one of the two, so what
 * both begin and end with alike is not carried. The rest becomes symbols of six bits, one
 * for each letter, digit or mark that URIs are made of. Symbols are encrypted with
 * ChaCha20 (RFC 8439) and stand in a URI as one character each.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_CARRY_H
#define MEDCORE_CARRY_H

#include "medcore/common.h"

#define MED_CARRY_TEXT_MAX 255u /* bytes of one text */
/** Symbols that a pair becomes at most. */
#define MED_CARRY_SYMBOLS_MAX (2u * (4u + 3u * MED_CARRY_TEXT_MAX))

/** Symbols, each 0 to 63: appended by one side, taken off in that order by the other. */
typedef struct med_carry {
	uint8_t *symbols;
	size_t len, max;
	size_t at; /**< how many were taken */
} med_carry_t;

/** Append one symbol, 0 to 63; MED_EOK or MED_ELIMIT: full. */
int med_carry_put(med_carry_t *carry, unsigned symbol);
/** The next one; -1: there is none. */
int med_carry_get(med_carry_t *carry);

/** How one text of a pair becomes the other. */
typedef struct med_carry_change {
	size_t head, tail; /**< bytes that both begin and end with */
	size_t old_len;    /**< of what the one has between them */
	size_t new_len;    /**< and the other, which is wanted */
	char new[MED_CARRY_TEXT_MAX];
} med_carry_change_t;

/**
 * Append both texts of a pair; @p whole: as if nothing in them were alike.
 * @return MED_EOK; MED_ELIMIT: full, or one of them has more than MED_CARRY_TEXT_MAX
 */
int med_carry_add(med_carry_t *carry, med_str_t one, med_str_t other, bool whole);
/**
 * Take off a pair, of which text @p wanted (0, 1) is wanted.
 * MED_EOK; MED_EINVAL: that cannot have been written.
 */
int med_carry_take(med_carry_t *carry, int wanted, med_carry_change_t *change);
/**
 * @p text, which stands for the old one, becomes the new one.
 * @return MED_EOK; MED_ENOMATCH: it is of another length than the old one, and they have
 *         something in common
 */
int med_carry_text(const med_carry_change_t *change, med_str_t text,
		char out[MED_CARRY_TEXT_MAX], size_t *len);

/**
 * Encrypt all symbols with the key stream of @p key and @p nonce; in @p out they stand as
 * letters, digits, '-' and '_'. One nonce for one sequence of symbols.
 */
void med_carry_seal(
		const uint8_t key[32], uint64_t nonce, const med_carry_t *carry, char *out);
/** The reverse. MED_EOK; MED_ELIMIT: no room; MED_EINVAL: other characters. */
int med_carry_open(
		const uint8_t key[32], uint64_t nonce, med_str_t sealed, med_carry_t *carry);
/** One block of ChaCha20: 16 words of the key stream. */
void med_chacha20(const uint8_t key[32], uint32_t counter, const uint32_t nonce[3],
		uint32_t out[16]);

/** @p bits, six for each of @p chars characters of the same kind. @return their end */
char *med_carry_bits(char *at, uint64_t bits, int chars);
/** The reverse; what other characters make is no matter. */
uint64_t med_carry_bits_of(const char *at, int chars);

#endif
