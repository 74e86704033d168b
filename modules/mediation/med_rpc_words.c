/**
 * med_rpc_words.c - the words of an RPC request
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_rpc_words.h"

#include "med_compat.h"

#include <string.h>

bool med_words_scan(rpc_t *rpc, void *ctx, unsigned max, med_words_t *words)
{
	size_t used = 0;
	int other;
	str word;

	/* one by one: two JSON numbers of one scan would be the same text */
	for(words->count = 0; rpc->scan(ctx, MED_FMT("*.S"), &word) > 0; words->count++) {
		if(words->count == max) {
			rpc->fault(ctx, 400, MED_FMT("more than %u words"), max);
			return false;
		}
		if(word.len < 0 || (size_t)word.len > sizeof words->bytes - used) {
			rpc->fault(ctx, 400, MED_FMT("the words are longer than %zu bytes"),
					sizeof words->bytes);
			return false;
		}
		words->word[words->count] = (med_str_t){words->bytes + used, (size_t)word.len};
		memcpy(words->bytes + used, word.s, (size_t)word.len);
		used += (size_t)word.len;
	}
	/* what is left is no text: true, null, a structure */
	if(rpc->scan(ctx, MED_FMT("*d"), &other) > 0) {
		rpc->fault(ctx, 400, MED_FMT("word %u is neither a text nor a number"),
				words->count + 1);
		return false;
	}
	return true;
}

int med_word_number(med_str_t word, int max)
{
	long value = 0;

	for(size_t i = 0; i < word.len; i++) {
		if(word.s[i] < '0' || word.s[i] > '9' || value > max)
			return -1;
		value = value * 10 + (word.s[i] - '0');
	}
	return word.len && value <= max ? (int)value : -1;
}
