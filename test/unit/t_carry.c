/**
 * t_carry.c - texts as few encrypted symbols, and back
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>

#include "core_test.h"
#include "medcore/carry.h"

static uint8_t symbols[4 * MED_CARRY_SYMBOLS_MAX];

static void same_again(med_str_t like, med_str_t text, size_t expected)
{
	med_carry_t out = {symbols, 0, sizeof symbols, 0}, in;
	char back[MED_CARRY_TEXT_MAX];
	size_t len;

	ck_assert_int_eq(med_carry_add(&out, like, text), MED_EOK);
	if(expected != 0)
		ck_assert_uint_eq(out.len, expected);
	ck_assert_uint_le(out.len, MED_CARRY_SYMBOLS_MAX);
	for(size_t i = 0; i < out.len; i++)
		ck_assert_uint_lt(symbols[i], 64);
	in = (med_carry_t){symbols, out.len, out.len, 0};
	ck_assert_int_eq(med_carry_take(&in, like, back, &len), MED_EOK);
	ck_assert_uint_eq(len, text.len);
	ck_assert(len == 0 || memcmp(back, text.s, len) == 0);
	ck_assert_uint_eq(in.at, in.len);
}

START_TEST(texts_come_back)
{
	char bytes[MED_CARRY_TEXT_MAX];
	med_str_t all = {bytes, sizeof bytes};

	same_again(MED_STR("sip:"), MED_STR("sip:1001@127.0.0.1:5080"), 3 + 19);
	same_again(
			MED_STR("sip:00301234567@127.0.0.1"), MED_STR("sip:0301234567@127.0.0.1"), 3);
	same_again(MED_STR("sip:1@a.example;user=phone"),
			MED_STR("sip:2@a.example;user=phone"), 4);
	same_again(MED_STR("abc"), MED_STR("abc"), 3);
	same_again(MED_STR("aaaa"), MED_STR("aa"), 3);
	same_again(MED_STR("aa"), MED_STR("aaaa"), 5);
	same_again(MED_STR(""), MED_STR(""), 3);
	same_again(MED_STR(""), MED_STR("SIP:%C3\xa9 \"<>"), 0);
	for(size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)i;
	same_again(MED_STR(""), all, 0);
	same_again(all, all, 4);
	memset(bytes, 'Z', sizeof bytes);
	same_again(MED_STR(""), all, 4 - 2 + 2 + 3 * sizeof bytes);
	same_again(all, MED_STR("x"), 4);
	all.len = 100;
	same_again(all, (med_str_t){bytes, 150}, 0);
}
END_TEST

START_TEST(what_does_not_fit_is_not_written)
{
	char bytes[MED_CARRY_TEXT_MAX + 1] = {0};
	med_carry_t carry = {symbols, 0, 10, 0};

	ck_assert_int_eq(med_carry_add(&carry, MED_STR(""), MED_STR("abc")), MED_ELIMIT);
	ck_assert_uint_eq(carry.len, 0);
	carry.max = sizeof symbols;
	ck_assert_int_eq(med_carry_add(&carry, MED_STR(""), (med_str_t){bytes, sizeof bytes}),
			MED_ELIMIT);
	ck_assert_int_eq(med_carry_add(&carry, (med_str_t){bytes, sizeof bytes}, MED_STR("")),
			MED_ELIMIT);
	carry = (med_carry_t){symbols, 0, 1, 0};
	ck_assert_int_eq(med_carry_put(&carry, 65), MED_EOK);
	ck_assert_int_eq(med_carry_put(&carry, 0), MED_ELIMIT);
	ck_assert_int_eq(med_carry_get(&carry), 1);
	ck_assert_int_eq(med_carry_get(&carry), -1);
}
END_TEST

/* What is read was authenticated; no symbols may do harm all the same. */
START_TEST(any_symbols_are_read)
{
	char text[MED_CARRY_TEXT_MAX];
	size_t len;

	srand(1);
	for(int round = 0; round < 20000; round++) {
		size_t count = (size_t)rand() % 40;
		uint8_t *exact = malloc(count + 1);
		med_carry_t carry = {exact, count, count, 0};

		for(size_t i = 0; i < count; i++)
			exact[i] = (uint8_t)(rand() % (round % 2 ? 64 : 4));
		while(med_carry_take(&carry, MED_STR("sip:1@a"), text, &len) == MED_EOK)
			ck_assert_uint_le(len, sizeof text);
		free(exact);
	}
}
END_TEST

/* RFC 8439, 2.3.2. */
START_TEST(chacha20_block)
{
	const uint32_t nonce[3] = {0x09000000, 0x4a000000, 0};
	const uint32_t expected[16] = {0xe4e7f110, 0x15593bd1, 0x1fdd0f50, 0xc47120a3,
			0xc7f4d1c7, 0x0368c033, 0x9aaa2204, 0x4e6cd4c3, 0x466482d2, 0x09aa9f07,
			0x05d7c214, 0xa2028bd9, 0xd19c12b5, 0xb94e16de, 0xe883d0cb, 0x4e3c50a2};
	uint32_t out[16];
	uint8_t key[32];

	for(size_t i = 0; i < sizeof key; i++)
		key[i] = (uint8_t)i;
	med_chacha20(key, 1, nonce, out);
	ck_assert_mem_eq(out, expected, sizeof out);
}
END_TEST

START_TEST(symbols_are_hidden)
{
	uint8_t key[32] = {1}, zero[200] = {0}, back[200];
	med_carry_t carry = {zero, sizeof zero, sizeof zero, 0};
	med_carry_t opened = {back, 0, sizeof back, 0};
	char one[200], two[200];
	size_t same = 0;

	med_carry_seal(key, 7, &carry, one);
	med_carry_seal(key, 8, &carry, two);
	for(size_t i = 0; i < sizeof one; i++)
		same += one[i] == two[i];
	ck_assert_uint_lt(same, 20);
	ck_assert(memcmp(one, one + 80, 80) != 0); /* the next block is another */
	ck_assert_int_eq(
			med_carry_open(key, 7, (med_str_t){one, sizeof one}, &opened), MED_EOK);
	ck_assert_uint_eq(opened.len, sizeof one);
	ck_assert_mem_eq(back, zero, sizeof back);
	one[150] = '~';
	ck_assert_int_eq(
			med_carry_open(key, 7, (med_str_t){one, sizeof one}, &opened), MED_EINVAL);
	opened.max--;
	ck_assert_int_eq(
			med_carry_open(key, 7, (med_str_t){two, sizeof two}, &opened), MED_ELIMIT);
	ck_assert_int_eq(med_carry_open(key, 7, MED_STR(""), &opened), MED_EOK);
	ck_assert_uint_eq(opened.len, 0);
}
END_TEST

START_TEST(bits_as_characters)
{
	char text[12] = "";
	uint64_t bits = 0xfedcba9876543210u;

	ck_assert_ptr_eq(med_carry_bits(text, bits, 11), text + 11);
	ck_assert(med_carry_bits_of(text, 11) == bits);
	ck_assert_uint_eq(strspn(text,
							  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
							  "0123456789-_"),
			11);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {texts_come_back, what_does_not_fit_is_not_written,
			any_symbols_are_read, chacha20_block, symbols_are_hidden, bits_as_characters};

	return core_run("carry", tests, COUNT(tests));
}
