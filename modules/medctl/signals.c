/**
 * signals.c - Ctrl-C, and being asked to end
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE /* ppoll */
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "medctl/medctl.h"

static volatile sig_atomic_t interrupted;

bool medctl_interrupted(void)
{
	return interrupted != 0;
}

/* The first asks for an end at the next whole point, the second ends. */
static void on_signal(int number)
{
	interrupted = 1;
	(void)signal(number, SIG_DFL);
}

void medctl_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
}

/*
 * The signals are held back until the wait lets them in: one that came between a look at
 * the flag and the wait would leave it waiting.
 */
bool medctl_wait_for_line(void)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	sigset_t ends, before;
	bool there;

	(void)sigemptyset(&ends);
	(void)sigaddset(&ends, SIGINT);
	(void)sigaddset(&ends, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &ends, &before);
	there = !medctl_interrupted() && ppoll(&input, 1, NULL, &before) > 0;
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return there;
}
