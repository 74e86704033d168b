/**
 * med_rpc_words.h - the words of an RPC request
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_RPC_WORDS_H
#define MED_RPC_WORDS_H

#include "medcore/common.h"

#include "core/rpc.h"

/** Kamailio's RPC takes formats as char *, and strings to be copied as char * too. */
#define MED_FMT(literal) (char *)(uintptr_t)(literal)

#define MED_WORDS_MAX 5

/** Copies: a JSON number is a text in one buffer that the next one overwrites. */
typedef struct med_words {
	unsigned count;
	med_str_t word[MED_WORDS_MAX];
	char bytes[2048];
} med_words_t;

/** false: more than @p max, too long, or neither text nor number; @p ctx got a fault. */
bool med_words_scan(rpc_t *rpc, void *ctx, unsigned max, med_words_t *words);

/** A word that is a number from 0 to @p max; -1: it is not. */
int med_word_number(med_str_t word, int max);

#endif
