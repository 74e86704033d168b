/**
 * medctl.h - what the commands share: options, connection, exit codes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCTL_H
#define MEDCTL_H

#include "medcore/client.h"
#include "medcore/config.h"

/** Exit codes; also what commands and their parts return. */
enum medctl_exit {
	MEDCTL_OK = 0,
	MEDCTL_NO = 1,    /**< differences, a failed test, a fault, a "no" */
	MEDCTL_USAGE = 2, /**< not understood */
	MEDCTL_FAILED = 3 /**< Redis, a file or memory failed; or interrupted */
};

typedef struct medctl {
	char *redis;          /**< url; may hold a password */
	med_str_t prefix;     /**< of configuration keys */
	med_str_t run_prefix; /**< of what nodes write */
	bool json, yes, secrets, replace, run_tests, once;
	const char *file;    /**< --file: instead of Redis */
	const char *from;    /**< --from: a node's last known good */
	const char *calling; /**< --calling */
	const char *pool;    /**< --pool */
	const char *at;      /**< --at */
	const char *output, *report, *scope;
	int argc; /**< what follows the command */
	char **argv;
	med_client_t *client; /**< see medctl_client() */
	bool in_terminal, err_terminal, out_terminal;
} medctl_t;

/** The connection, opened when first asked for; NULL: told, return MEDCTL_FAILED. */
med_client_t *medctl_client(medctl_t *m);

/** What to do about an error of Redis, to stand behind it; "" where that says itself. */
const char *medctl_remedy(const char *error);
/** One reply, told when there is none; an error of Redis is told too, and NULL. */
med_reply_t *medctl_reply(medctl_t *m);
/** Queue a command, words closed by NULL; false: told. */
bool medctl_send(medctl_t *m, const char *word, ...) __attribute__((sentinel));
/** Queue a command; false: told. Replies must be taken before 16 MB are waiting. */
bool medctl_send_words(medctl_t *m, size_t argc, const med_str_t *argv);
/** The first @p max bytes of a text under @p prefix: on the heap, "" when absent; NULL:
 * told. */
char *medctl_get(medctl_t *m, med_str_t prefix, const char *key, size_t max);

/** From here on Ctrl-C, or being asked to end, is noted; the second time it ends. */
void medctl_signals(void);
/** It was: work stops at the next whole point. */
bool medctl_interrupted(void);
/** Waits for input on the terminal; false: interrupted, also just before the wait. */
bool medctl_wait_for_line(void);

/** A command as the table, --help, the manual and completion know it. */
typedef struct medctl_command {
	const char *name, *args, *about;
	const char *options; /**< letters of the options it takes, see main.c */
	int min_args, max_args;
	int (*run)(medctl_t *m);
} medctl_command_t;
/** Closed by a NULL name. */
extern const medctl_command_t medctl_commands[];

/** An option as the table knows it. */
typedef struct medctl_option {
	char letter;
	const char *name, *arg, *about;
} medctl_option_t;
/** Closed by a NULL name. */
extern const medctl_option_t medctl_options[];

int medctl_apply(medctl_t *m);
int medctl_check(medctl_t *m);
int medctl_completion(medctl_t *m);
int medctl_complete(medctl_t *m);
int medctl_del(medctl_t *m);
int medctl_diff(medctl_t *m);
int medctl_explain(medctl_t *m);
int medctl_export(medctl_t *m);
int medctl_fields(medctl_t *m);
int medctl_import(medctl_t *m);
int medctl_get_object(medctl_t *m);
int medctl_list(medctl_t *m);
int medctl_set(medctl_t *m);
int medctl_status(medctl_t *m);
int medctl_test(medctl_t *m);
int medctl_try(medctl_t *m);
int medctl_watch(medctl_t *m);

#endif
