/**
 * plugin_test.h - what the tests of the SDP, the media tables and the plugin share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_PLUGIN_TEST_H
#define MED_PLUGIN_TEST_H

#include <stdio.h>
#include <string.h>

#include "medcore/common.h"
#include "run.h"

#define KEY_A "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define KEY_B "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
#define SUITE_80 "AES_CM_128_HMAC_SHA1_80"
#define CRYPTO(tag) "a=crypto:" #tag " " SUITE_80 " inline:" KEY_A "\n"
/** Digests, without what names them: SHA-256 and half of it. */
#define DIGEST_128 "01:23:45:67:89:AB:CD:EF:01:23:45:67:89:ab:cd:ef"
#define DIGEST_256 DIGEST_128 ":" DIGEST_128
#define FINGERPRINT "a=fingerprint:sha-256 " DIGEST_256 "\n"
/** A session around m-lines that are written with plain line ends. */
static inline med_str_t plugin_sdp(char *buffer, size_t size, const char *media)
{
	int len = snprintf(buffer, size,
			"v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\n"
			"c=IN IP4 192.0.2.1\nt=0 0\n%s",
			media);

	ck_assert_int_lt(len, (int)size);
	return (med_str_t){buffer, (size_t)len};
}

static inline int plugin_run(const char *name, const TTest *const *tests, size_t count)
{
	return run_tests(name, NULL, NULL, tests, count);
}

#endif
