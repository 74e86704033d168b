/**
 * inside.c - the policy listener inside rtpengine: one thread, started by the loader
 *
 * Brought into the stock binary by LD_PRELOAD; interposes nothing, exports nothing. The
 * thread opens its port once rtpengine has threads of its own, which it makes when it is
 * ready to serve and after it has daemonised. A fork before that moves the thread along;
 * a fork after it (rtpengine up to 12.5 forks for XML-RPC) gets nothing.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE /* pthread_setname_np, SCHED_BATCH */
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "listener.h"
#include "log.h"
#include "own_node.h"

/** How often the thread looks whether rtpengine is serving yet. */
#define LOOK_INTERVAL_US 10000

static atomic_bool serving;
static med_listener_t *_Atomic listener;
static char own_listen[256];

static bool in_rtpengine(void)
{
	char path[4096];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	const char *name;

	if(len <= 0)
		return false;
	path[len] = '\0';
	name = strrchr(path, '/');
	return strcmp(name ? name + 1 : path, "rtpengine") == 0;
}

static bool is_this_library(const char *path, size_t len)
{
	static const char name[] = "mediation-rtpengine.so";
	size_t size = sizeof(name) - 1;

	return len >= size && memcmp(path + len - size, name, size) == 0
			&& (len == size || path[len - size - 1] == '/');
}

/** What rtpengine starts must not load us; other preloaded libraries stay. */
static void leave_environment(void)
{
	const char *preload = getenv("LD_PRELOAD"), *word;
	char kept[4096] = "";
	size_t len, used = 0;

	if(!preload || strlen(preload) >= sizeof(kept)) {
		unsetenv("LD_PRELOAD");
		return;
	}
	for(word = preload; *word; word += len + (word[len] != '\0')) {
		len = strcspn(word, ": ");
		if(!len || is_this_library(word, len))
			continue;
		if(used)
			kept[used++] = ':';
		memcpy(kept + used, word, len);
		used += len;
	}
	kept[used] = '\0';
	if(used)
		setenv("LD_PRELOAD", kept, 1);
	else
		unsetenv("LD_PRELOAD");
}

/** Threads of this process other than the main one and ours. */
static bool rtpengine_has_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	unsigned int count = 0;

	if(!dir)
		return true; /* no /proc: better too early than never */
	while((entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count > 2;
}

/** Where people look depends on how rtpengine was started: both places. */
static void tell_failure(const char *text)
{
	med_log(LOG_ERR, "no policy listener in rtpengine: %s", text);
	syslog(LOG_ERR, "med-policy: no policy listener in rtpengine: %s", text);
}

/**
 * A datagram for us must not take the processor from rtpengine's media, nor from the
 * thread that just sent it: switching costs more than our work. Where rtpengine was given
 * another policy, by systemd perhaps, that stays.
 */
static void give_way(void)
{
	const struct sched_param none = {.sched_priority = 0};

	if(sched_getscheduler(0) == SCHED_OTHER)
		(void)sched_setscheduler(0, SCHED_BATCH, &none);
}

static void *serve(void *unused)
{
	static med_conf_t conf;
	char own_node[280] = "";
	med_listener_t *opened;
	med_errbuf_t err;
	int rc;

	(void)unused;
	pthread_setname_np(pthread_self(), "med-policy");
	while(!rtpengine_has_threads())
		usleep(LOOK_INTERVAL_US);
	atomic_store(&serving, true);
	give_way();
	if(own_listen[0])
		med_own_address(own_listen, own_node, sizeof(own_node));
	if(med_conf_load(NULL, own_node[0] ? own_node : NULL, &conf, &err) != MED_EOK) {
		tell_failure(err.text);
		return NULL;
	}
	med_log_open(conf.use_syslog, conf.log_level);
	if(med_listener_open(&conf, "inside", &opened, &err) != MED_EOK) {
		tell_failure(err.text);
		return NULL;
	}
	atomic_store(&listener, opened);
	med_log(LOG_NOTICE, "listening inside rtpengine");
	rc = med_listener_run(opened, -1);
	tell_failure(med_strerror(rc));
	return NULL;
}

static void start_thread(void)
{
	sigset_t all, before;
	pthread_t thread;

	/* signals are rtpengine's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if(pthread_create(&thread, NULL, serve, NULL) == 0)
		pthread_detach(thread);
	else
		tell_failure("no thread could be started");
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void after_fork_in_child(void)
{
	if(!atomic_load(&serving))
		start_thread(); /* daemonising: the child is the one that will serve */
	else if(atomic_load(&listener))
		med_listener_forked(atomic_load(&listener));
}

__attribute__((constructor)) static void load(int argc, char **argv)
{
	if(!in_rtpengine())
		return;
	leave_environment();
	(void)med_own_listen(argc, argv, MED_RTPENGINE_CONF, own_listen, sizeof(own_listen));
	if(pthread_atfork(NULL, NULL, after_fork_in_child) != 0) {
		tell_failure("out of memory");
		return;
	}
	start_thread();
}
