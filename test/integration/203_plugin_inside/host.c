/**
 * host.c - a program called rtpengine that shows what its children would inherit
 *
 * Makes a thread, so that the plugin takes it for serving, waits for a line on stdin,
 * then prints LD_PRELOAD and, from a forked child, how many threads and UDP sockets it
 * has.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void *idle(void *unused)
{
	pause();
	return unused;
}

static int count_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	int count = 0;

	while(dir && (entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

static int count_udp_sockets(void)
{
	int fd, type, count = 0;
	socklen_t len;

	for(fd = 0; fd < 256; fd++) {
		len = sizeof type;
		if(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_DGRAM)
			count++;
	}
	return count;
}

int main(void)
{
	const char *preload = getenv("LD_PRELOAD");
	pthread_t thread;
	char line[16];
	pid_t child;

	if(pthread_create(&thread, NULL, idle, NULL) != 0)
		return 1;
	printf("preload=%s\n", preload ? preload : "");
	fflush(stdout);
	if(!fgets(line, sizeof line, stdin))
		return 1;
	printf("parent threads=%d sockets=%d\n", count_threads(), count_udp_sockets());
	fflush(stdout);
	child = fork();
	if(child == 0) {
		printf("child threads=%d sockets=%d\n", count_threads(), count_udp_sockets());
		fflush(stdout);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	if(!fgets(line, sizeof line, stdin))
		return 0;
	return 0;
}
