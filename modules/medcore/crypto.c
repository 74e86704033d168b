/**
 * crypto.c - suites of SRTP, and the lines of SDP that its keys come from
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "medcore/crypto.h"

#include "medcore/sdp_text.h"

/** RFC 4568: a tag has at most nine digits */
#define MAX_TAG 999999999
/** RFC 4568: an MKI has at most as many bytes */
#define MAX_MKI_BYTES 128
/** SRTP's own limit: beyond it the packet index would repeat (RFC 3711 9.2) */
#define MAX_LIFETIME_BITS 48

const char *const med_suite_words[] = {[MED_SUITE_AES_128_80] = "AES_CM_128_HMAC_SHA1_80",
		[MED_SUITE_AES_128_32] = "AES_CM_128_HMAC_SHA1_32",
		[MED_SUITE_AES_192_80] = "AES_192_CM_HMAC_SHA1_80",
		[MED_SUITE_AES_192_32] = "AES_192_CM_HMAC_SHA1_32",
		[MED_SUITE_AES_256_80] = "AES_256_CM_HMAC_SHA1_80",
		[MED_SUITE_AES_256_32] = "AES_256_CM_HMAC_SHA1_32",
		[MED_SUITE_GCM_128] = "AEAD_AES_128_GCM",
		[MED_SUITE_GCM_256] = "AEAD_AES_256_GCM",
		NULL};

/** base64 of key and salt, without the "=" that may follow. */
static const uint8_t key_chars[MED_SUITE_COUNT] = {
		[MED_SUITE_AES_128_80] = 40, /* 16 + 14 bytes */
		[MED_SUITE_AES_128_32] = 40,
		[MED_SUITE_AES_192_80] = 51, /* 24 + 14 */
		[MED_SUITE_AES_192_32] = 51,
		[MED_SUITE_AES_256_80] = 62, /* 32 + 14 */
		[MED_SUITE_AES_256_32] = 62,
		[MED_SUITE_GCM_128] = 38, /* 16 + 12 */
		[MED_SUITE_GCM_256] = 59, /* 32 + 12 */
};

static bool is_base64(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
			|| c == '+' || c == '/';
}

/** "|2^31", "|2147483648": from 1 to 2^48; @p text is all between the bars. */
static bool lifetime_good(med_str_t text)
{
	bool power = med_text_starts(text, "2^");
	uint64_t number, most = power ? MAX_LIFETIME_BITS : (uint64_t)1 << MAX_LIFETIME_BITS;

	if(power)
		text = med_text_after(text, 2);
	return med_text_number(&text, most, &number) && !text.len && number > 0;
}

/**
 * "|1:1", "|543245432:4": a number that fits into so many bytes. rtpengine reads 32 bits
 * of it, and would tell the far side of SRTP to SRTP another value than packets carry.
 */
static bool mki_good(med_str_t text)
{
	uint64_t value, bytes;

	if(!med_text_number(&text, UINT32_MAX, &value) || !text.len || *text.s != ':')
		return false;
	text = med_text_after(text, 1);
	return med_text_number(&text, MAX_MKI_BYTES, &bytes) && !text.len && bytes > 0
			&& (bytes >= 4 || value < (uint64_t)1 << (8 * bytes));
}

/** What follows the key: |lifetime, |mki:length or both; several keys (;) are not for us.
 */
static bool key_params_good(med_str_t rest, bool *mki)
{
	const char *bar;
	med_str_t first;

	*mki = false;
	if(!rest.len)
		return true;
	if(*rest.s != '|')
		return false;
	first = med_text_after(rest, 1);
	bar = memchr(first.s, '|', first.len);
	if(bar) {
		first.len = (size_t)(bar - first.s);
		*mki = true;
		return lifetime_good(first)
				&& mki_good(med_text_after(rest, (size_t)(bar + 1 - rest.s)));
	}
	*mki = memchr(first.s, ':', first.len) != NULL;
	return *mki ? mki_good(first) : lifetime_good(first);
}

/** Only what leaves protection whole: WSH, and what RFC 4568 lets us ignore ("-..."). */
static bool session_params_harmless(med_str_t rest)
{
	med_str_t word;

	while((word = med_text_word(&rest)).len) {
		if(!med_text_starts(word, "WSH=") && word.s[0] != '-')
			return false;
	}
	return true;
}

/** The key itself; @p key is left with what follows it. */
static bool key_good(med_str_t *key, med_crypto_t *crypto)
{
	size_t i, chars = key_chars[crypto->suite], pad = (4 - chars % 4) % 4;

	if(key->len < 7 + chars
			|| !med_str_eq_nocase((med_str_t){key->s, 7}, MED_STR("inline:")))
		return false;
	*key = med_text_after(*key, 7);
	crypto->key = (med_str_t){key->s, chars};
	for(i = 0; i < chars; i++) {
		if(!is_base64(key->s[i]))
			return false;
	}
	*key = med_text_after(*key, chars);
	/* written with all of its "=" or with none (RFC 4568 6.1 can be read both ways) */
	for(i = 0; i < pad && i < key->len && key->s[i] == '='; i++)
		;
	if(i != 0 && i != pad)
		return false;
	*key = med_text_after(*key, i);
	return true;
}

/** As rtpengine compares them; MED_SUITE_COUNT: none. */
static unsigned find_suite(med_str_t name)
{
	unsigned suite = 0;

	while(suite < MED_SUITE_COUNT
			&& !med_str_eq_nocase(name, med_str(med_suite_words[suite])))
		suite++;
	return suite;
}

bool med_crypto_read(med_str_t value, med_crypto_t *crypto)
{
	uint64_t tag;
	med_str_t key;
	unsigned suite;

	if(!med_text_number(&value, MAX_TAG, &tag) || !value.len || *value.s != ' ')
		return false;
	suite = find_suite(med_text_word(&value));
	if(suite == MED_SUITE_COUNT)
		return false;
	key = med_text_word(&value);
	*crypto = (med_crypto_t){.tag = (uint32_t)tag, .suite = (uint8_t)suite};
	return key_good(&key, crypto) && key_params_good(key, &crypto->mki)
			&& session_params_harmless(value);
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

/** "AB:CD:..." of so many bytes. */
static bool digest_good(med_str_t text, size_t bytes)
{
	size_t i;

	if(text.len != 3 * bytes - 1)
		return false;
	for(i = 0; i < text.len; i++) {
		if(i % 3 == 2 ? text.s[i] != ':' : !is_hex(text.s[i]))
			return false;
	}
	return true;
}

bool med_fingerprint_read(med_str_t value)
{
	static const struct {
		const char *name;
		size_t bytes;
	} hash[] = {{"sha-256", 32}, {"sha-384", 48}, {"sha-512", 64}, {"sha-224", 28}};
	med_str_t name = med_text_word(&value), digest = med_text_word(&value);
	size_t i;

	for(i = 0; i < sizeof(hash) / sizeof(hash[0]); i++) {
		if(med_str_eq_nocase(name, med_str(hash[i].name)))
			return digest_good(digest, hash[i].bytes) && !med_text_word(&value).len;
	}
	return false;
}
