/**
 * bench_ng_copier.c - a hop before rtpengine's ng port that only copies bytes
 *
 * What a policy listener would cost that has no policy: the yardstick of
 * ng_overhead_ratio. Waits as the listener does (epoll, recvmmsg) and replaces nothing; a
 * client is told from another by a socket of its own towards rtpengine. Built as a shared
 * object it runs in a thread of the program that preloads it, its ports in
 * NG_COPIER="<listen> <upstream>"; as a program it takes them as arguments.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE /* recvmmsg */
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 8
#define SIZE 65536
#define MAX_CLIENTS 64
#define LISTENER 1000u

static int ports[2];
static char buffers[BATCH][SIZE];

static int open_socket(int port, int bound)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_in at = {.sin_family = AF_INET,
			.sin_port = htons((uint16_t)port),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int rc = bound ? bind(fd, (struct sockaddr *)&at, sizeof(at))
				   : connect(fd, (struct sockaddr *)&at, sizeof(at));

	if(rc < 0) {
		perror("bench_ng_copier");
		exit(1);
	}
	return fd;
}

static struct client {
	struct sockaddr_in address;
	unsigned long used;
	int fd;
} clients[MAX_CLIENTS];

/** The socket towards rtpengine that is this client's; where all are taken that of the
 * one silent for longest. */
static int node_socket(int epoll_fd, const struct sockaddr_in *address)
{
	static unsigned long now;
	struct epoll_event event = {.events = EPOLLIN};
	struct client *client = clients;
	int i;

	for(i = 0; i < MAX_CLIENTS; i++) {
		if(clients[i].address.sin_port == address->sin_port) {
			clients[i].used = ++now;
			return clients[i].fd;
		}
		if(clients[i].used < client->used)
			client = &clients[i];
	}
	client->used = ++now;
	client->address = *address;
	if(!client->fd) {
		client->fd = open_socket(ports[1], 0);
		event.data.u32 = (uint32_t)(client - clients);
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, client->fd, &event);
	}
	return client->fd;
}

static void *copy(void *unused)
{
	int listener = open_socket(ports[0], 1), epoll_fd = epoll_create1(EPOLL_CLOEXEC), i,
		k;
	struct epoll_event events[10] = {{.events = EPOLLIN, .data.u32 = LISTENER}};
	struct sockaddr_in source[BATCH], *to;
	struct mmsghdr batch[BATCH];
	struct iovec iov[BATCH];
	int ready, count;

	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &events[0]);
	for(i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){buffers[i], SIZE};
		batch[i].msg_hdr = (struct msghdr){
				.msg_iov = &iov[i], .msg_iovlen = 1, .msg_name = &source[i]};
	}
	for(;;) {
		ready = epoll_wait(epoll_fd, events, 10, 1000);
		for(k = 0; k < ready; k++) {
			bool from_client = events[k].data.u32 == LISTENER;
			struct client *client = from_client ? NULL : &clients[events[k].data.u32];

			for(i = 0; i < BATCH; i++)
				batch[i].msg_hdr.msg_namelen = sizeof(source[i]);
			count = recvmmsg(from_client ? listener : client->fd, batch, BATCH,
					MSG_DONTWAIT, NULL);
			for(i = 0; i < count; i++) {
				to = from_client ? NULL : &client->address;
				(void)sendto(from_client ? node_socket(epoll_fd, &source[i]) : listener,
						buffers[i], batch[i].msg_len, MSG_DONTWAIT, (struct sockaddr *)to,
						to ? sizeof(*to) : 0);
			}
		}
	}
	return unused;
}

#ifdef NG_COPIER_INSIDE
__attribute__((constructor)) static void load(void)
{
	const char *text = getenv("NG_COPIER");
	sigset_t all, before;
	pthread_t thread;

	if(!text || sscanf(text, "%d %d", &ports[0], &ports[1]) != 2)
		return;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_create(&thread, NULL, copy, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}
#else
int main(int argc, char **argv)
{
	if(argc != 3) {
		fprintf(stderr, "usage: bench_ng_copier <listen port> <ng port>\n");
		return 2;
	}
	ports[0] = atoi(argv[1]);
	ports[1] = atoi(argv[2]);
	copy(NULL);
	return 0;
}
#endif
