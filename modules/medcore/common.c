/**
 * common.c - strings, errors, memory and hashes, shared by all of medcore
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <endian.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "medcore/common.h"

med_str_t med_str(const char *cstr)
{
	return (med_str_t){cstr, cstr == NULL ? 0 : strlen(cstr)};
}

bool med_str_eq(med_str_t a, med_str_t b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.s, b.s, a.len) == 0);
}

int med_str_compare(med_str_t a, med_str_t b)
{
	size_t common = a.len < b.len ? a.len : b.len;
	int order = common == 0 ? 0 : memcmp(a.s, b.s, common);

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* The C locale's tolower(), without a table lookup that depends on the locale. */
static unsigned char lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : c;
}

bool med_str_eq_nocase(med_str_t a, med_str_t b)
{
	if(a.len != b.len)
		return false;
	for(size_t i = 0; i < a.len; i++) {
		if(lower((unsigned char)a.s[i]) != lower((unsigned char)b.s[i]))
			return false;
	}
	return true;
}

/* Is @p text @p word but for case and underscores? */
static bool is_word(const char *word, med_str_t text)
{
	size_t i = 0;

	for(;; i++, word++) {
		while(i < text.len && text.s[i] == '_')
			i++;
		while(*word == '_')
			word++;
		if(i == text.len || *word == '\0')
			return i == text.len && *word == '\0';
		if(lower((unsigned char)text.s[i]) != lower((unsigned char)*word))
			return false;
	}
}

int med_word_find(const char *const *words, med_str_t text)
{
	for(int i = 0; words[i] != NULL; i++) {
		if(is_word(words[i], text))
			return i;
	}
	return -1;
}

med_str_t med_str_trim(med_str_t text)
{
	while(text.len > 0 && text.s[0] == ' ') {
		text.s++;
		text.len--;
	}
	while(text.len > 0 && text.s[text.len - 1] == ' ')
		text.len--;
	return text;
}

const char *med_strerror(int code)
{
	switch(code) {
		case MED_EOK:
			return "ok";
		case MED_EINVAL:
			return "not of the form asked for";
		case MED_ENOMEM:
			return "out of memory";
		case MED_ENOMATCH:
			return "nothing matches";
		case MED_ELIMIT:
			return "a limit was reached";
		case MED_ENOROUTE:
			return "no route takes this number";
		case MED_ENOUSAGE:
			return "the caller has no usage";
		case MED_EALLDOWN:
			return "no trunk can take the call";
		case MED_EFORBIDDEN:
			return "no trunk may take the call";
		case MED_EREFUSED:
			return "refused by policy";
	}
	if(code < 0 && code > MED_EINVAL)
		return strerror(-code);
	return "unknown error";
}

int med_fail(med_errbuf_t *err, int code, const char *fmt, ...)
{
	va_list args;

	if(err == NULL)
		return code;
	va_start(args, fmt);
	if(vsnprintf(err->text, sizeof(err->text), fmt, args) < 0)
		err->text[0] = '\0';
	va_end(args);
	return code;
}

static size_t shown_size(unsigned char c)
{
	return c >= 0x20 && c < 0x7f ? 1 : 4;
}

const char *med_quote(char *out, size_t size, med_str_t text)
{
	static const char hex[] = "0123456789abcdef";
	size_t used = 0, whole = 0, room;

	if(size == 0)
		return "";
	for(size_t i = 0; i < text.len && whole < size; i++)
		whole += shown_size((unsigned char)text.s[i]);
	room = whole < size ? size - 1 : size < 4 ? 0 : size - 4; /* dots, where it is cut */
	for(size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.s[i];
		if(used + shown_size(c) > room)
			break;
		if(shown_size(c) == 1) {
			out[used++] = (char)c;
			continue;
		}
		out[used++] = '\\';
		out[used++] = 'x';
		out[used++] = hex[c >> 4];
		out[used++] = hex[c & 15];
	}
	for(int dot = 0; dot < 3 && whole >= size && used + 1 < size; dot++)
		out[used++] = '.';
	out[used] = '\0';
	return out;
}

static void *heap_alloc(void *ctx, size_t size)
{
	(void)ctx;
	return malloc(size);
}

static void heap_free(void *ctx, void *block)
{
	(void)ctx;
	free(block);
}

const med_mem_t med_mem_heap = {heap_alloc, heap_free, NULL};

void *med_alloc(const med_mem_t *mem, size_t size)
{
	return mem->alloc(mem->ctx, size == 0 ? 1 : size);
}

void *med_calloc(const med_mem_t *mem, size_t count, size_t size)
{
	size_t total;
	void *block;

	if(__builtin_mul_overflow(count, size, &total))
		return NULL;
	block = med_alloc(mem, total);
	if(block != NULL)
		memset(block, 0, total);
	return block;
}

void med_free(const med_mem_t *mem, void *block)
{
	if(block != NULL)
		mem->free(mem->ctx, block);
}

static uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static uint64_t rotl(uint64_t x, int b)
{
	return x << b | x >> (64 - b);
}

/* Eight bytes at a time: every field of a million objects goes through it. */
uint64_t med_hash(const void *data, size_t len)
{
	const uint64_t odd = 0x9e3779b97f4a7c15u;
	const uint8_t *at = data;
	uint64_t hash = 0xcbf29ce484222325u ^ len, last = 0;

	for(; len >= 8; at += 8, len -= 8)
		hash = rotl(hash ^ load64(at), 29) * odd;
	for(size_t i = 0; i < len; i++)
		last |= (uint64_t)at[i] << (8 * i);
	hash = rotl(hash ^ last, 29) * odd;
	/* ids differ in a few bits of their digits: those must reach the lowest bits */
	hash = (hash ^ hash >> 32) * odd;
	hash = (hash ^ hash >> 29) * odd;
	return hash ^ hash >> 32;
}

/* Inlined, its state stays in registers: half the cost of a tag. */
static inline __attribute__((always_inline)) void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

uint64_t med_siphash(const uint8_t key[16], const void *data, size_t len)
{
	const uint8_t *in = data;
	uint64_t k0 = load64(key), k1 = load64(key + 8);
	uint64_t v[4] = {k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du,
			k0 ^ 0x6c7967656e657261u, k1 ^ 0x7465646279746573u};
	uint64_t last = (uint64_t)len << 56;
	size_t whole = len & ~(size_t)7;

	for(size_t i = 0; i < whole; i += 8) {
		uint64_t m = load64(in + i);
		v[3] ^= m;
		sip_round(v);
		sip_round(v);
		v[0] ^= m;
	}
	for(size_t i = whole; i < len; i++)
		last |= (uint64_t)in[i] << (8 * (i - whole));
	v[3] ^= last;
	sip_round(v);
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for(int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
