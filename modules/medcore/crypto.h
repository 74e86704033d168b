/**
 * crypto.h - suites of SRTP, the a=crypto lines that name them (RFC 4568), and the
 * a=fingerprint lines of DTLS-SRTP (RFC 8122)
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_CRYPTO_H
#define MEDCORE_CRYPTO_H

#include "medcore/common.h"

/** What rtpengine can agree on, without those that encrypt nothing or that nobody has. */
enum med_suite {
	MED_SUITE_AES_128_80, /**< Lync's only one, and ours where a profile says no other */
	MED_SUITE_AES_128_32,
	MED_SUITE_AES_192_80,
	MED_SUITE_AES_192_32,
	MED_SUITE_AES_256_80,
	MED_SUITE_AES_256_32,
	MED_SUITE_GCM_128,
	MED_SUITE_GCM_256,
	MED_SUITE_COUNT
};

/** Their names (RFC 4568, 6188, 7714); closed by NULL. */
extern const char *const med_suite_words[];

/** A set of suites: bit n is suite n. */
typedef uint16_t med_suites_t;
#define MED_SUITES_ALL ((med_suites_t)((1u << MED_SUITE_COUNT) - 1))

typedef struct med_crypto {
	uint32_t tag;
	uint8_t suite; /**< enum med_suite */
	bool mki;      /**< its packets carry an MKI */
	med_str_t key; /**< key and salt in base64, without the "=" that may follow */
} med_crypto_t;

/**
 * Read the value of an a=crypto line (after the colon).
 *
 * @return false: not one that keys may rest on, which is a suite of ours, one whole key,
 * a lifetime and an MKI that rtpengine takes, and no session parameter that takes
 *         protection away or that we do not know (RFC 4568 6.3)
 */
bool med_crypto_read(med_str_t value, med_crypto_t *crypto);

/**
 * Is the value of an a=fingerprint line one that a certificate may rest on? A whole
 * digest by SHA-2: RFC 8122 forbids MD2 and MD5, and SHA-1 is of the time before it.
 */
bool med_fingerprint_read(med_str_t value);

#endif
