/**
 * main.c - medctl: options, the table of commands, help
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "medctl/output.h"

#define URL_DEFAULT "redis://127.0.0.1:6379"
#define URL_BYTES 4096
#define OPTIONS_MAX 32
/* Of every command. */
#define ANYWHERE "rupsjh"

/* clang-format off */
const medctl_option_t medctl_options[] = {
	{'r', "redis", "URL", "where Redis is; else $MEDCTL_REDIS, else " URL_DEFAULT},
	{'u', "redis-file", "FILE", "read that URL from a file"},
	{'p', "prefix", "TEXT", "of configuration keys; med:1: unless told"},
	{'s', "status-prefix", "TEXT", "of what nodes write; medrun:1: unless told"},
	{'j', "json", NULL, "print JSON"},
	{'y', "yes", NULL, "do not ask"},
	{'R', "replace", NULL, "remove objects that the files lack"},
	{'t', "test", NULL, "run the stored routing cases before writing"},
	{'S', "secrets", NULL, "show passwords too"},
	{'f', "file", "FILE", "decide by this file instead of Redis"},
	{'F', "from", "FILE", "read a node's last known good instead of Redis"},
	{'c', "calling", "NUMBER", "who calls"},
	{'P', "pool", "ID", "of the caller with a policy: its dial plan and site"},
	{'T', "at", "MOMENT", "when, for schedules: 2026-12-24T18:00Z; now unless told"},
	{'1', "once", NULL, "print the status and end"},
	{'o', "output", "FILE", "write to a file instead of the terminal"},
	{'e', "report", "FILE", "write the report of an import to a file"},
	{'a', "scope", "TEXT", "what a bare export belongs to: Global, Site:x, Tag:x"},
	{'h', "help", NULL, "this text"},
	{0, NULL, NULL, NULL},
};

const medctl_command_t medctl_commands[] = {
	{"apply", "FILE...", "write what files say: checked, shown, asked, then all at once",
		"yRtS", 1, -1, medctl_apply},
	{"diff", "FILE...", "what apply would change", "RS", 1, -1, medctl_diff},
	{"check", "[FILE...]", "what is wrong with files, or with what is in Redis", "", 0, -1,
		medctl_check},
	{"export", "", "all objects as a file", "SoF", 0, 0, medctl_export},
	{"get", "KIND ID [FIELD]", "one object, or one value", "S", 2, 3, medctl_get_object},
	{"list", "KIND", "the objects of a kind", "S", 1, 1, medctl_list},
	{"set", "KIND ID FIELD=VALUE...", "change fields of an object, or make it", "yS", 3, -1,
		medctl_set},
	{"del", "KIND ID...", "remove objects", "y", 2, -1, medctl_del},
	{"explain", "FROM TO", "where a call would go and why; FROM is trunk:ID or policy:ID",
		"fcTP", 2, 2, medctl_explain},
	{"try", "WHAT ...", "ask about a part of a decision; try alone lists what",
		"fcTP", 0, 6, medctl_try},
	{"test", "[ID...]", "run the stored routing cases", "fP", 0, -1, medctl_test},
	{"status", "", "what each node has in force, and what it refuses", "", 0, 0,
		medctl_status},
	{"watch", "", "status and events as they come, until Ctrl-C", "1", 0, 0, medctl_watch},
	{"import", "FILE...", "make a file of what Lync's tools exported", "oea", 1, -1,
		medctl_import},
	{"fields", "[KIND]", "every field, its values and its meaning", "", 0, 1,
		medctl_fields},
	{"completion", "bash", "completion for a shell", "", 1, 1, medctl_completion},
	{NULL, NULL, NULL, NULL, 0, 0, NULL},
};
/* clang-format on */

static void print_help(FILE *out)
{
	(void)fputs("medctl - trunks, routes and rules of a Mediation Server in Redis\n\n"
				"usage: medctl COMMAND [OPTION...] [ARGUMENT...]\n\n",
			out);
	for(const medctl_command_t *c = medctl_commands; c->name != NULL; c++) {
		char line[64];
		(void)snprintf(line, sizeof(line), "%s %s", c->name, c->args);
		(void)fprintf(out, "  %-28s %s\n", line, c->about);
	}
	(void)fputs("\nOptions:\n", out);
	for(const medctl_option_t *o = medctl_options; o->name != NULL; o++) {
		char line[64];
		(void)snprintf(line, sizeof(line), "--%s%s%s", o->name, o->arg != NULL ? " " : "",
				o->arg != NULL ? o->arg : "");
		(void)fprintf(out, "  %-28s %s\n", line, o->about);
	}
	(void)fputs("\nKinds:", out);
	for(int kind = 0; kind < MED_KIND_COUNT; kind++)
		(void)fprintf(out, " %s", med_kind_name((enum med_kind)kind));
	(void)fputs(
			"\nExit codes: 0 done, 1 differences, faults or a no, 2 usage, 3 Redis or a "
			"file failed.\nmedctl(1) says more.\n",
			out);
}

/* A url may hold a password: it does not stay among the arguments that ps shows. */
static char *take_secret(char *arg)
{
	char *copy = strdup(arg);

	memset(arg, '*', strlen(arg));
	return copy;
}

static char *read_url(const char *name)
{
	char text[URL_BYTES] = "";
	FILE *file = fopen(name, "r");

	if(file == NULL || fgets(text, sizeof(text), file) == NULL) {
		out_error("%s: %s", name,
				file == NULL || ferror(file) ? strerror(errno) : "no url in it");
		if(file != NULL)
			(void)fclose(file);
		return NULL;
	}
	(void)fclose(file);
	text[strcspn(text, "\r\n")] = '\0';
	return strdup(text);
}

/* One option's place; false: told. */
static bool take_option(medctl_t *m, char letter, char *arg, bool *help)
{
	switch(letter) {
		case 'r':
		case 'u':
			free(m->redis);
			m->redis = letter == 'r' ? take_secret(arg) : read_url(arg);
			return m->redis != NULL;
		case 'p':
			m->prefix = med_str(arg);
			break;
		case 's':
			m->run_prefix = med_str(arg);
			break;
		case 'j':
			m->json = true;
			break;
		case 'y':
			m->yes = true;
			break;
		case 'R':
			m->replace = true;
			break;
		case 't':
			m->run_tests = true;
			break;
		case 'S':
			m->secrets = true;
			break;
		case 'f':
			m->file = arg;
			break;
		case 'F':
			m->from = arg;
			break;
		case 'c':
			m->calling = arg;
			break;
		case 'T':
			m->at = arg;
			break;
		case 'P':
			m->pool = arg;
			break;
		case '1':
			m->once = true;
			break;
		case 'o':
			m->output = arg;
			break;
		case 'e':
			m->report = arg;
			break;
		case 'a':
			m->scope = arg;
			break;
		default:
			*help = true;
	}
	return true;
}

/* All options, wherever they stand; @p given gets their letters. false: told. */
static bool take_options(medctl_t *m, int argc, char **argv, char *given, bool *help)
{
	struct option longs[OPTIONS_MAX] = {{0}};
	size_t count = 0;
	int c;

	for(const medctl_option_t *o = medctl_options; o->name != NULL; o++)
		longs[count++] = (struct option){o->name,
				o->arg != NULL ? required_argument : no_argument, NULL, o->letter};
	opterr = 0;
	while((c = getopt_long(argc, argv, ":ho:", longs, NULL)) != -1) {
		if(c == '?' || c == ':') {
			out_error("%s: %s; medctl --help lists them", argv[optind - 1],
					c == ':' ? "needs a value" : "no such option");
			return false;
		}
		if(strchr(given, c) == NULL)
			given[strlen(given)] = (char)c;
		if(!take_option(m, (char)c, optarg, help))
			return false;
	}
	return true;
}

static const medctl_command_t *find_command(const char *name)
{
	for(const medctl_command_t *c = medctl_commands; c->name != NULL; c++) {
		if(strcmp(c->name, name) == 0)
			return c;
	}
	return NULL;
}

/* Does this command take what was given? false: told. */
static bool check_usage(
		const medctl_t *m, const medctl_command_t *command, const char *given)
{
	for(; *given != '\0'; given++) {
		const medctl_option_t *o = medctl_options;
		if(strchr(ANYWHERE, *given) != NULL || strchr(command->options, *given) != NULL)
			continue;
		while(o->letter != *given)
			o++;
		out_error("%s has no use for --%s", command->name, o->name);
		return false;
	}
	if(m->argc >= command->min_args
			&& (command->max_args < 0 || m->argc <= command->max_args))
		return true;
	out_error("usage: medctl %s %s", command->name, command->args);
	return false;
}

static void set_up(medctl_t *m)
{
	const char *url = getenv("MEDCTL_REDIS");

	*m = (medctl_t){.prefix = MED_STR("med:1:"), .run_prefix = MED_STR("medrun:1:")};
	m->redis = strdup(url != NULL && url[0] != '\0' ? url : URL_DEFAULT);
	m->in_terminal = isatty(STDIN_FILENO) == 1;
	m->out_terminal = isatty(STDOUT_FILENO) == 1;
	m->err_terminal = isatty(STDERR_FILENO) == 1;
	medctl_signals();
}

/* What the arguments ask for. */
static int run(medctl_t *m, int argc, char **argv)
{
	const medctl_command_t *command;
	char given[OPTIONS_MAX] = "";
	bool help = false;

	/* what completion asks is a line half typed: none of it is ours to read */
	if(argc > 1 && strcmp(argv[1], "complete") == 0) {
		m->argc = argc - 2;
		m->argv = argv + 2;
		return medctl_complete(m);
	}
	if(!take_options(m, argc, argv, given, &help))
		return MEDCTL_USAGE;
	if(help || optind >= argc) {
		print_help(help ? stdout : stderr);
		return help ? MEDCTL_OK : MEDCTL_USAGE;
	}
	command = find_command(argv[optind]);
	if(command == NULL) {
		out_error("no command '%s'; medctl --help lists them", argv[optind]);
		return MEDCTL_USAGE;
	}
	m->argc = argc - optind - 1;
	m->argv = argv + optind + 1;
	return check_usage(m, command, given) ? command->run(m) : MEDCTL_USAGE;
}

/* Where one of 0, 1 and 2 is closed, Redis or a file would get its number, and be sent
 * what is meant for people. What fails to be written stays told. */
static bool fill_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while(fd >= 0 && fd <= STDERR_FILENO);
	if(fd > STDERR_FILENO)
		(void)close(fd);
	return fd >= 0;
}

int main(int argc, char **argv)
{
	medctl_t m;
	int rc = MEDCTL_FAILED;

	if(!fill_standard())
		return rc;
	set_up(&m);
	if(m.redis != NULL)
		rc = run(&m, argc, argv);
	if(rc != MEDCTL_FAILED && out_close(stdout, "standard output") != MEDCTL_OK)
		rc = MEDCTL_FAILED;
	med_client_close(m.client);
	free(m.redis);
	return rc;
}
