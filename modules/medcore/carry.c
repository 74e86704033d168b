/**
 * carry.c - see carry.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>

#include "medcore/carry.h"

/* What the symbols up to ANY_BYTE stand for. */
static const char bytes_of[64] =
		"abcdefghijklmnopqrstuvwxyz0123456789.@:;=-_+%&[]*#~!,/?$'()";
#define ANY_BYTE 63 /* two symbols follow: its upper two bits, its lower six */
/* Up to here a number is one symbol; more is two. */
#define NUMBER_SHORT 48
/* Symbols as characters. */
static const char chars_of[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* The reverse of both; ANY_BYTE: of none. */
static uint8_t symbol_of_byte[256], symbol_of_char[256];

static void tables_made(void)
{
	if(symbol_of_byte[0] == ANY_BYTE)
		return;
	for(unsigned i = 0; i < sizeof chars_of - 1; i++)
		symbol_of_char[(unsigned char)chars_of[i]] = (uint8_t)i;
	memset(symbol_of_byte, ANY_BYTE, sizeof symbol_of_byte);
	for(unsigned i = 0; bytes_of[i] != 0; i++)
		symbol_of_byte[(unsigned char)bytes_of[i]] = (uint8_t)i;
}

int med_carry_put(med_carry_t *carry, unsigned symbol)
{
	if(carry->len == carry->max)
		return MED_ELIMIT;
	carry->symbols[carry->len++] = (uint8_t)(symbol & 63);
	return MED_EOK;
}

int med_carry_get(med_carry_t *carry)
{
	return carry->at < carry->len ? carry->symbols[carry->at++] : -1;
}

static uint8_t *write_number(uint8_t *at, size_t number)
{
	if(number >= NUMBER_SHORT)
		*at++ = (uint8_t)(NUMBER_SHORT + number / 64);
	*at++ = (uint8_t)(number < NUMBER_SHORT ? number : number % 64);
	return at;
}

/* -1: there is none. At most 1023. */
static int read_number(med_carry_t *carry)
{
	int first = med_carry_get(carry), second;

	if(first < NUMBER_SHORT)
		return first;
	second = med_carry_get(carry);
	return second < 0 ? -1 : (first - NUMBER_SHORT) * 64 + second;
}

static uint8_t *write_bytes(uint8_t *at, const char *s, size_t len)
{
	for(size_t i = 0; i < len; i++)
		at[i] = symbol_of_byte[(unsigned char)s[i]];
	if(memchr(at, ANY_BYTE, len) == NULL)
		return at + len;
	for(size_t i = 0; i < len; i++) {
		uint8_t byte = (uint8_t)s[i], symbol = symbol_of_byte[byte];

		*at++ = symbol;
		if(symbol == ANY_BYTE) {
			*at++ = byte >> 6;
			*at++ = byte & 63;
		}
	}
	return at;
}

int med_carry_add(med_carry_t *carry, med_str_t one, med_str_t other, bool whole)
{
	size_t head = 0, tail = 0, most = one.len < other.len ? one.len : other.len;
	uint8_t *at = carry->symbols + carry->len;

	tables_made();
	if(one.len > MED_CARRY_TEXT_MAX || other.len > MED_CARRY_TEXT_MAX
			|| carry->max - carry->len < 8 + 3 * (one.len + other.len))
		return MED_ELIMIT;
	if(whole)
		most = 0;
	while(head < most && one.s[head] == other.s[head])
		head++;
	while(tail < most - head
			&& one.s[one.len - 1 - tail] == other.s[other.len - 1 - tail])
		tail++;
	at = write_number(at, head);
	at = write_number(at, tail);
	at = write_number(at, one.len - head - tail);
	at = write_number(at, other.len - head - tail);
	at = write_bytes(at, one.s + head, one.len - head - tail);
	at = write_bytes(at, other.s + head, other.len - head - tail);
	carry->len = (size_t)(at - carry->symbols);
	return MED_EOK;
}

/*
 * So many bytes of these symbols; @p out may be NULL. The symbol behind them; NULL: they
 * are too few.
 */
static const uint8_t *read_bytes(
		const uint8_t *at, const uint8_t *end, char *out, size_t len)
{
	if(len <= (size_t)(end - at) && memchr(at, ANY_BYTE, len) == NULL) {
		if(out != NULL)
			for(size_t i = 0; i < len; i++)
				out[i] = bytes_of[at[i]];
		return at + len;
	}
	for(size_t i = 0; i < len; i++) {
		int any = at < end && *at == ANY_BYTE;

		if(end - at < (any ? 3 : 1))
			return NULL;
		if(out != NULL)
			out[i] = (char)(any ? at[1] << 6 | at[2] : bytes_of[*at]);
		at += any ? 3 : 1;
	}
	return at;
}

int med_carry_take(med_carry_t *carry, int wanted, med_carry_change_t *change)
{
	int numbers[4]; /* head, tail, and what each text has between them */
	const int *len = numbers + 2;
	const uint8_t *at, *end = carry->symbols + carry->len;

	for(int i = 0; i < 4; i++)
		if((numbers[i] = read_number(carry)) < 0)
			return MED_EINVAL;
	if(numbers[0] + numbers[1] + len[wanted] > (int)MED_CARRY_TEXT_MAX)
		return MED_EINVAL;
	change->head = (size_t)numbers[0];
	change->tail = (size_t)numbers[1];
	change->old_len = (size_t)len[!wanted];
	change->new_len = (size_t)len[wanted];
	at = carry->symbols + carry->at;
	for(int i = 0; i < 2 && at != NULL; i++)
		at = read_bytes(at, end, i == wanted ? change->new : NULL, (size_t)len[i]);
	if(at == NULL)
		return MED_EINVAL;
	carry->at = (size_t)(at - carry->symbols);
	return MED_EOK;
}

int med_carry_text(const med_carry_change_t *change, med_str_t text,
		char out[MED_CARRY_TEXT_MAX], size_t *len)
{
	size_t common = change->head + change->tail;

	if(common > 0 && text.len != common + change->old_len)
		return MED_ENOMATCH;
	memcpy(out, text.s, change->head);
	memcpy(out + change->head, change->new, change->new_len);
	memcpy(out + change->head + change->new_len, text.s + text.len - change->tail,
			change->tail);
	*len = common + change->new_len;
	return MED_EOK;
}

/* Four words at once: compilers make one instruction of it where the machine has it. */
typedef uint32_t row_t __attribute__((vector_size(16)));

static inline row_t rotated(row_t row, int bits)
{
	return row << bits | row >> (32 - bits);
}

static inline void quarter_rounds(row_t *a, row_t *b, row_t *c, row_t *d)
{
	*a += *b;
	*d = rotated(*d ^ *a, 16);
	*c += *d;
	*b = rotated(*b ^ *c, 12);
	*a += *b;
	*d = rotated(*d ^ *a, 8);
	*c += *d;
	*b = rotated(*b ^ *c, 7);
}

/* Each word of the row comes from this many places further on. */
#define TURNED_1(row) __builtin_shufflevector((row), (row), 1, 2, 3, 0)
#define TURNED_2(row) __builtin_shufflevector((row), (row), 2, 3, 0, 1)
#define TURNED_3(row) __builtin_shufflevector((row), (row), 3, 0, 1, 2)

static uint32_t load32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16
			| (uint32_t)p[3] << 24;
}

void med_chacha20(const uint8_t key[32], uint32_t counter, const uint32_t nonce[3],
		uint32_t out[16])
{
	/* "expand 32-byte k" */
	const row_t a0 = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
	const row_t b0 = {load32(key), load32(key + 4), load32(key + 8), load32(key + 12)};
	const row_t c0 = {
			load32(key + 16), load32(key + 20), load32(key + 24), load32(key + 28)};
	const row_t d0 = {counter, nonce[0], nonce[1], nonce[2]};
	row_t a = a0, b = b0, c = c0, d = d0;

	for(int i = 0; i < 10; i++) { /* columns, then diagonals */
		quarter_rounds(&a, &b, &c, &d);
		b = TURNED_1(b);
		c = TURNED_2(c);
		d = TURNED_3(d);
		quarter_rounds(&a, &b, &c, &d);
		b = TURNED_3(b);
		c = TURNED_2(c);
		d = TURNED_1(d);
	}
	a += a0;
	b += b0;
	c += c0;
	d += d0;
	memcpy(out, &a, 16);
	memcpy(out + 4, &b, 16);
	memcpy(out + 8, &c, 16);
	memcpy(out + 12, &d, 16);
}

/*
 * The same characters, sixteen at once: A to Z, a to z, 0 to 9, '-', '_', each range
 * by what lies between the two. Comparisons give a mask, and are of signed bytes, which
 * machines have; sums are of unsigned ones, which may wrap.
 */
typedef uint8_t row16_t __attribute__((vector_size(16)));
typedef int8_t signed16_t __attribute__((vector_size(16)));

#define BETWEEN(here, there) ((uint8_t)((here) - (there)))

static inline row16_t row_of_chars(row16_t symbols)
{
	signed16_t s = (signed16_t)symbols;

	return symbols + 'A' + ((row16_t)(s > 25) & BETWEEN('a' - 26, 'A'))
			+ ((row16_t)(s > 51) & BETWEEN('0' - 52, 'a' - 26))
			+ ((row16_t)(s > 61) & BETWEEN('-' - 62, '0' - 52))
			+ ((row16_t)(s > 62) & BETWEEN('_' - 63, '-' - 62));
}

/** @p strange  gets a mask of what is no such character. */
static inline row16_t row_of_symbols(row16_t chars, row16_t *strange)
{
	signed16_t s = (signed16_t)chars;
	row16_t upper = (row16_t)((s >= 'A') & (s <= 'Z'));
	row16_t lower = (row16_t)((s >= 'a') & (s <= 'z'));
	row16_t digit = (row16_t)((s >= '0') & (s <= '9'));
	row16_t minus = (row16_t)(s == '-'), under = (row16_t)(s == '_');

	*strange |= ~(upper | lower | digit | minus | under);
	return (upper & (chars - 'A')) | (lower & (chars - BETWEEN('a', 26)))
			| (digit & (chars - BETWEEN('0', 52))) | (minus & 62) | (under & 63);
}

/* Six bits of each byte of a block, and one more of what is left of each three. */
#define BLOCK_ROWS 5
#define BLOCK_SYMBOLS (16 * BLOCK_ROWS)

typedef union rows {
	row16_t row[BLOCK_ROWS];
	uint8_t bytes[BLOCK_SYMBOLS];
} rows_t;

static void stream_block(const uint8_t key[32], uint64_t nonce, size_t at, rows_t *stream)
{
	const uint32_t words[3] = {0, (uint32_t)nonce, (uint32_t)(nonce >> 32)};
	uint32_t block[16];
	row16_t row[4];

	med_chacha20(key, (uint32_t)(at / BLOCK_SYMBOLS), words, block);
	memcpy(row, block, sizeof row);
	for(int i = 0; i < 4; i++)
		stream->row[i] = row[i] & 63;
	stream->row[4] = row[0] >> 6 | (row[1] >> 6) << 2 | (row[2] >> 6) << 4;
}

/* So many rows hold that many symbols. */
static int rows_of(size_t len)
{
	return (int)((len + 15) / 16);
}

static size_t block_len(size_t at, size_t len)
{
	return len - at < BLOCK_SYMBOLS ? len - at : BLOCK_SYMBOLS;
}

void med_carry_seal(
		const uint8_t key[32], uint64_t nonce, const med_carry_t *carry, char *out)
{
	rows_t stream, work = {.bytes = {0}};

	for(size_t at = 0; at < carry->len; at += BLOCK_SYMBOLS) {
		size_t len = block_len(at, carry->len);

		stream_block(key, nonce, at, &stream);
		memcpy(work.bytes, carry->symbols + at, len);
		for(int i = 0; i < rows_of(len); i++)
			work.row[i] = row_of_chars(work.row[i] ^ stream.row[i]);
		memcpy(out + at, work.bytes, len);
		memset(&work, 0, sizeof work);
	}
}

int med_carry_open(
		const uint8_t key[32], uint64_t nonce, med_str_t sealed, med_carry_t *carry)
{
	rows_t stream, work;
	row16_t strange = {0};
	const row16_t none = {0};

	if(sealed.len > carry->max)
		return MED_ELIMIT;
	for(size_t at = 0; at < sealed.len; at += BLOCK_SYMBOLS) {
		size_t len = block_len(at, sealed.len);

		stream_block(key, nonce, at, &stream);
		memset(&work, 'A', sizeof work);
		memcpy(work.bytes, sealed.s + at, len);
		for(int i = 0; i < rows_of(len); i++)
			work.row[i] = row_of_symbols(work.row[i], &strange) ^ stream.row[i];
		memcpy(carry->symbols + at, work.bytes, len);
	}
	carry->len = sealed.len;
	carry->at = 0;
	return memcmp(&strange, &none, sizeof none) != 0 ? MED_EINVAL : MED_EOK;
}

char *med_carry_bits(char *at, uint64_t bits, int chars)
{
	while(chars-- > 0) {
		*at++ = chars_of[bits & 63];
		bits >>= 6;
	}
	return at;
}

uint64_t med_carry_bits_of(const char *at, int chars)
{
	uint64_t bits = 0;

	tables_made();
	for(int i = 0; i < chars; i++)
		bits |= (uint64_t)symbol_of_char[(unsigned char)at[i]] << (6 * i);
	return bits;
}
