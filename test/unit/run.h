/**
 * run.h - a program of tests: one suite, and what it says to who called it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_TEST_RUN_H
#define MED_TEST_RUN_H

#include <check.h>
#include <stddef.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/** Of these cases; what main() returns. */
static inline int run_cases(const char *name, TCase *const *cases, size_t count)
{
	Suite *suite = suite_create(name);
	SRunner *runner;
	int failed;

	for(size_t i = 0; i < count; i++)
		suite_add_tcase(suite, cases[i]);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}

/**
 * A case of these tests.
 *
 * @param before, after  around each test; NULL: nothing
 */
static inline TCase *run_case(const char *name, SFun before, SFun after,
		const TTest *const *tests, size_t count)
{
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, 60); /* sanitised, on a busy machine */
	tcase_add_checked_fixture(tcase, before, after);
	for(size_t i = 0; i < count; i++)
		tcase_add_test(tcase, tests[i]);
	return tcase;
}

/** The usual program: tests of one kind. */
static inline int run_tests(const char *name, SFun before, SFun after,
		const TTest *const *tests, size_t count)
{
	TCase *tcase = run_case(name, before, after, tests, count);

	return run_cases(name, &tcase, 1);
}

#endif
