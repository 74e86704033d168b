/**
 * t_common.c - strings, texts, memory, hashes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core_test.h"

START_TEST(strings)
{
	static const struct {
		const char *a, *b;
		bool same, same_nocase;
	} row[] = {{"", "", true, true}, {"a", "", false, false},
			{"pbx1", "pbx1", true, true}, {"PBX1", "pbx1", false, true},
			{"a[", "A{", false, false}, {NULL, "", true, true}};

	for(size_t i = 0; i < COUNT(row); i++) {
		ck_assert_int_eq(med_str_eq(med_str(row[i].a), med_str(row[i].b)), row[i].same);
		ck_assert_int_eq(med_str_eq_nocase(med_str(row[i].a), med_str(row[i].b)),
				row[i].same_nocase);
	}
}
END_TEST

START_TEST(quoting_shows_no_raw_bytes)
{
	static const struct {
		const char *in;
		size_t size;
		const char *out;
	} row[] = {{"12x", 40, "12x"}, {"a\nb", 40, "a\\x0ab"}, {"\x1b[2J", 40, "\\x1b[2J"},
			{"\xc3\xa4", 40, "\\xc3\\xa4"}, {"abcdefgh", 9, "abcdefgh"},
			{"abcdefgh", 8, "abcd..."}, {"x", 2, "x"}, {"xy", 2, "."}, {"x", 1, ""},
			{"", 4, ""}, {"abc\x01", 8, "abc\\x01"}, {"abc\x01", 7, "abc..."},
			{"\x01\x02", 8, "\\x01..."}};
	char out[64];

	for(size_t i = 0; i < COUNT(row); i++) {
		memset(out, '#', sizeof(out));
		ck_assert_str_eq(med_quote(out, row[i].size, med_str(row[i].in)), row[i].out);
		ck_assert_int_eq(out[row[i].size], '#');
	}
}
END_TEST

START_TEST(errors_have_texts)
{
	med_errbuf_t err;

	for(int code = MED_EINVAL; code <= MED_EREFUSED; code++)
		ck_assert_str_ne(med_strerror(code), "unknown error");
	ck_assert_str_eq(med_strerror(-2), "No such file or directory");
	ck_assert_str_eq(med_strerror(-5000), "unknown error");
	ck_assert_int_eq(med_fail(NULL, MED_EINVAL, "%d", 1), MED_EINVAL);
	ck_assert_int_eq(med_fail(&err, MED_ELIMIT, "%0300d", 1), MED_ELIMIT);
	ck_assert_uint_eq(strlen(err.text), sizeof(err.text) - 1);
}
END_TEST

START_TEST(allocation)
{
	core_memory_t memory = {.left = 1};
	med_mem_t mem = core_mem(&memory);
	char *block = med_calloc(&mem, 4, 4);

	ck_assert_ptr_nonnull(block);
	for(int i = 0; i < 16; i++)
		ck_assert_int_eq(block[i], 0);
	ck_assert_ptr_null(med_alloc(&mem, 1));
	memory.left = -1;
	ck_assert_ptr_null(med_calloc(&mem, SIZE_MAX / 2, 3));
	med_free(&mem, block);
	med_free(&mem, NULL);
	ck_assert_int_eq(memory.out, 0);
}
END_TEST

/* Values of FNV's and SipHash's authors. */
START_TEST(hashes)
{
	static const char text[] = "a text of some twenty-odd bytes";
	static unsigned buckets[16384];
	uint8_t key[16], data[15];

	for(uint8_t i = 0; i < 16; i++)
		key[i] = i;
	for(uint8_t i = 0; i < 15; i++)
		data[i] = i;

	/* each byte and the length count */
	for(size_t len = 0; len < sizeof(text); len++) {
		char other[sizeof(text)];
		ck_assert(med_hash(text, len) != med_hash(text, len + 1));
		for(size_t i = 0; i < len; i++) {
			memcpy(other, text, sizeof(text));
			other[i] ^= 1;
			ck_assert(med_hash(text, len) != med_hash(other, len));
		}
	}
	ck_assert(med_hash("a\0", 2) != med_hash("a", 1));
	for(unsigned i = 0; i < 10000; i++) {
		char id[16];
		int n = snprintf(id, sizeof(id), "t%05u", i);
		unsigned *count = &buckets[med_hash(id, (size_t)n) % 16384];
		ck_assert_uint_le(++*count, 10);
	}
	ck_assert(med_siphash(key, data, 15) == 0xa129ca6149be45e5u);
	ck_assert(med_siphash(key, data, 0) == 0x726fdb47dd0e0e31u);
	ck_assert(med_siphash(key, data, 8) == 0x93f5f5799a932462u);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
			strings, quoting_shows_no_raw_bytes, errors_have_texts, allocation, hashes};

	return core_run("common", tests, COUNT(tests));
}
