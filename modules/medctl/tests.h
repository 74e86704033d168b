/**
 * tests.h - stored routing cases, run on what would be in force
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCTL_TESTS_H
#define MEDCTL_TESTS_H

#include "medctl/world.h"

/**
 * Run the cases of a world that was built.
 * @param ids    which; none: all
 * @param print  each case on stdout; else only those that fail, on stderr
 * @return MEDCTL_OK; MEDCTL_NO: some fail, or one is not there; MEDCTL_FAILED
 */
int tests_run(medctl_t *m, world_t *w, char **ids, int count, bool print);

#endif
