/**
 * plugin_test.h - what the tests of the SDP, the media tables and the plugin share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_PLUGIN_TEST_H
#define MED_PLUGIN_TEST_H

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "medcore/common.h"

#define KEY_A "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define KEY_B "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
#define SUITE_80 "AES_CM_128_HMAC_SHA1_80"
#define CRYPTO(tag) "a=crypto:" #tag " " SUITE_80 " inline:" KEY_A "\n"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

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
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner;
	int failed;
	size_t i;

	for(i = 0; i < count; i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}

#endif
