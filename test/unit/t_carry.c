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

/** One text of the pair in place of the other, which a message has. */
static void becomes(
		med_carry_t carry, int wanted, med_str_t from, med_str_t to, int expected)
{
	med_carry_change_t change;
	char back[MED_CARRY_TEXT_MAX];
	size_t len = 0;

	ck_assert_int_eq(med_carry_take(&carry, wanted, &change), MED_EOK);
	ck_assert_uint_eq(carry.at, carry.len);
	ck_assert_int_eq(med_carry_text(&change, from, back, &len), expected);
	if(expected != MED_EOK)
		return;
	ck_assert_uint_eq(len, to.len);
	ck_assert(len == 0 || memcmp(back, to.s, len) == 0);
}

static med_carry_t added(med_str_t one, med_str_t other, bool whole)
{
	med_carry_t out = {symbols, 0, sizeof symbols, 0};

	ck_assert_int_eq(med_carry_add(&out, one, other, whole), MED_EOK);
	ck_assert_uint_le(out.len, MED_CARRY_SYMBOLS_MAX);
	for(size_t i = 0; i < out.len; i++)
		ck_assert_uint_lt(symbols[i], 64);
	return (med_carry_t){symbols, out.len, out.len, 0};
}

static void same_again(med_str_t one, med_str_t other, size_t expected)
{
	for(int whole = 0; whole < 2; whole++) {
		med_carry_t carry = added(one, other, whole);

		if(expected != 0 && !whole)
			ck_assert_uint_eq(carry.len, expected);
		becomes(carry, 1, one, other, MED_EOK);
		becomes(carry, 0, other, one, MED_EOK);
	}
}

START_TEST(texts_come_back)
{
	char bytes[MED_CARRY_TEXT_MAX];
	med_str_t all = {bytes, sizeof bytes};

	same_again(MED_STR("sip:"), MED_STR("sip:1001@127.0.0.1:5080"), 4 + 19);
	same_again(MED_STR("sip:00301234567@127.0.0.1"), MED_STR("sip:0301234567@127.0.0.1"),
			4 + 1);
	same_again(MED_STR("sip:1@a.example;user=phone"),
			MED_STR("sip:2@a.example;user=phone"), 4 + 2);
	same_again(MED_STR("abc"), MED_STR("abc"), 4);
	same_again(MED_STR("aaaa"), MED_STR("aa"), 4 + 2);
	same_again(MED_STR(""), MED_STR(""), 4);
	same_again(MED_STR(""), MED_STR("SIP:%C3\xa9 \"<>"), 0);
	same_again(MED_STR("sip:Alice@a"), MED_STR("sip:Bob@a"), 4 + 5 + 2 + 3 + 2);
	for(size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)i;
	same_again(MED_STR(""), all, 0);
	same_again(all, all, 5);
	memset(bytes, 'Z', sizeof bytes);
	same_again(MED_STR(""), all, 5 + 3 * sizeof bytes);
	same_again(MED_STR("x"), all, 5 + 1 + 3 * sizeof bytes);
	all.len = 100;
	same_again(all, (med_str_t){bytes, 150}, 0);
}
END_TEST

/* A peer may write another text meanwhile than what it began with. */
START_TEST(another_text_stays_or_goes)
{
	const med_str_t one = MED_STR("sip:5512345@pbx.local");
	const med_str_t other = MED_STR("sip:08912345@carrier.example");
	med_carry_t carry = added(one, other, false);

	becomes(carry, 1, MED_STR("sip:5512345@pbx.local:5060"), other, MED_ENOMATCH);
	becomes(carry, 1, MED_STR(""), other, MED_ENOMATCH);
	becomes(carry, 1, MED_STR("sip:5512345@PBX.local"), other, MED_EOK);
	carry = added(one, other, true);
	becomes(carry, 1, MED_STR("sip:5512345@pbx.local:5060"), other, MED_EOK);
	becomes(carry, 0, MED_STR(""), one, MED_EOK);
}
END_TEST

START_TEST(what_does_not_fit_is_not_written)
{
	char bytes[MED_CARRY_TEXT_MAX + 1] = {0};
	med_carry_t carry = {symbols, 0, 10, 0};

	ck_assert_int_eq(
			med_carry_add(&carry, MED_STR(""), MED_STR("abc"), false), MED_ELIMIT);
	ck_assert_uint_eq(carry.len, 0);
	carry.max = sizeof symbols;
	for(int i = 0; i < 2; i++) {
		med_str_t texts[2] = {MED_STR(""), MED_STR("")};

		texts[i] = (med_str_t){bytes, sizeof bytes};
		ck_assert_int_eq(med_carry_add(&carry, texts[0], texts[1], false), MED_ELIMIT);
	}
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
	med_carry_change_t change;

	srand(1);
	for(int round = 0; round < 20000; round++) {
		size_t count = (size_t)rand() % 40;
		uint8_t *exact = malloc(count + 1);
		med_carry_t carry = {exact, count, count, 0};

		for(size_t i = 0; i < count; i++)
			exact[i] = (uint8_t)(rand() % (round % 2 ? 64 : 4));
		while(med_carry_take(&carry, rand() % 2, &change) == MED_EOK)
			ck_assert_uint_le(
					change.head + change.new_len + change.tail, MED_CARRY_TEXT_MAX);
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
	const TTest *tests[] = {texts_come_back, another_text_stays_or_goes,
			what_does_not_fit_is_not_written, any_symbols_are_read, chacha20_block,
			symbols_are_hidden, bits_as_characters};

	return core_run("carry", tests, COUNT(tests));
}
