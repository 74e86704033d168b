/**
 * daemon.c - the policy listener beside rtpengine, in front of one or several nodes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "listener.h"
#include "log.h"

static void usage(FILE *out)
{
	fputs("Usage: med-ng-policy [--config FILE] [--check]\n"
		  "\n"
		  "The media policy listener in front of rtpengine's ng port. Runs in the\n"
		  "foreground until SIGTERM or SIGINT.\n"
		  "\n"
		  "  -c, --config FILE  keyfile (default: $" MED_CONF_ENV ", then\n"
		  "                     " MED_CONF_DEFAULT ")\n"
		  "  -C, --check        read the keyfile, say what is wrong, and leave\n"
		  "  -V, --version\n"
		  "  -h, --help\n",
			out);
}

static int stop_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	if(sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		return -1;
	return signalfd(-1, &signals, SFD_CLOEXEC);
}

static int serve(const med_conf_t *conf)
{
	med_listener_t *listener;
	med_errbuf_t err;
	int fd, rc;

	fd = stop_signals();
	if(fd < 0) {
		fprintf(stderr, "med-ng-policy: signals: %s\n", strerror(errno));
		return 1;
	}
	if(med_listener_open(conf, "daemon", &listener, &err) != MED_EOK) {
		fprintf(stderr, "med-ng-policy: %s\n", err.text);
		return 1;
	}
	med_log(LOG_NOTICE, "listening, with %zu rtpengine node%s behind", conf->node_count,
			conf->node_count == 1 ? "" : "s");
	rc = med_listener_run(listener, fd);
	med_listener_close(listener);
	close(fd);
	return rc == MED_EOK ? 0 : 1;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
			/* clang-format off */
		{"config",  required_argument, NULL, 'c'},
		{"check",   no_argument,       NULL, 'C'},
		{"version", no_argument,       NULL, 'V'},
		{"help",    no_argument,       NULL, 'h'},
		{NULL, 0, NULL, 0},
			/* clang-format on */
	};
	static med_conf_t conf;
	const char *path = NULL;
	bool check = false;
	med_errbuf_t err;
	int option;

	while((option = getopt_long(argc, argv, "c:CVh", options, NULL)) != -1) {
		switch(option) {
			case 'c':
				path = optarg;
				break;
			case 'C':
				check = true;
				break;
			case 'V':
				puts("med-ng-policy " MED_PLUGIN_VERSION);
				return 0;
			case 'h':
				usage(stdout);
				return 0;
			default:
				usage(stderr);
				return 2;
		}
	}
	if(optind < argc) {
		usage(stderr);
		return 2;
	}
	if(med_conf_load(path, NULL, &conf, &err) != MED_EOK) {
		fprintf(stderr, "med-ng-policy: %s\n", err.text);
		return 2;
	}
	if(check)
		return 0;
	med_log_open(conf.use_syslog, conf.log_level);
	return serve(&conf);
}
