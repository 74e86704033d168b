/**
 * listener.c - the policy listener's sockets, waiting and time
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE /* recvmmsg, memmem */
#include "listener.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "listener_priv.h"
#include "log.h"

/** epoll tags; nodes are their index. */
#define TAG_CLIENTS 1000u
#define TAG_STOP 1001u
#define SOCKET_BUFFER (1 << 20)

static int64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int new_socket(int family)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int size = SOCKET_BUFFER;

	if(fd >= 0) { /* best effort: a burst of commands should find room */
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	}
	return fd;
}

static int watch(med_listener_t *l, int fd, uint32_t tag)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = tag};

	return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int open_node(med_listener_t *l, const med_sockaddr_t *address, med_errbuf_t *err)
{
	med_node_t *node = &l->node[l->node_count];
	int rc;

	node->address = *address;
	node->alive = true;
	med_sockaddr_print(address, node->name, sizeof(node->name));
	node->fd = new_socket(address->u.any.sa_family);
	if(node->fd < 0)
		return med_fail(
				err, -errno, "a socket for node %s: %s", node->name, strerror(errno));
	l->node_count++;
	if(connect(node->fd, &address->u.any, address->len) < 0)
		return med_fail(err, -errno, "node %s: %s", node->name, strerror(errno));
	rc = watch(l, node->fd, (uint32_t)(l->node_count - 1));
	return rc ? med_fail(err, rc, "node %s: %s", node->name, strerror(-rc)) : MED_EOK;
}

static int open_port(med_listener_t *l, med_errbuf_t *err)
{
	const med_sockaddr_t *address = &l->conf.listen;
	char name[64];
	int rc;

	med_sockaddr_print(address, name, sizeof(name));
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->fd = new_socket(address->u.any.sa_family);
	if(l->epoll_fd < 0 || l->fd < 0)
		return med_fail(err, -errno, "opening sockets: %s", strerror(errno));
	if(bind(l->fd, &address->u.any, address->len) < 0)
		return med_fail(err, -errno,
				"cannot listen on %s: %s; give 'listen' a free port on an address of "
				"this "
				"host",
				name, strerror(errno));
	rc = watch(l, l->fd, TAG_CLIENTS);
	return rc ? med_fail(err, rc, "%s: %s", name, strerror(-rc)) : MED_EOK;
}

static void prepare_batch(med_listener_t *l)
{
	size_t i;

	for(i = 0; i < MED_BATCH; i++) {
		l->iov[i] = (struct iovec){l->buffer[i], MED_BUFFER_SIZE};
		l->batch[i].msg_hdr = (struct msghdr){.msg_iov = &l->iov[i],
				.msg_iovlen = 1,
				.msg_name = &l->source[i].u,
				.msg_namelen = sizeof(l->source[i].u)};
	}
}

int med_listener_open(const med_conf_t *conf, const char *host, med_listener_t **listener,
		med_errbuf_t *err)
{
	med_listener_t *l = calloc(1, sizeof(*l));
	size_t i;
	int rc;

	if(!l)
		return med_fail(err, MED_ENOMEM, "out of memory");
	l->conf = *conf;
	l->host = host;
	l->fd = l->epoll_fd = -1;
	l->now_ms = clock_ms();
	l->acl_logged_ms = l->now_ms - 60000;
	prepare_batch(l);
	l->txns = med_txns_new();
	l->calls = med_calls_new((size_t)conf->max_calls, (int64_t)conf->call_age_s * 1000);
	rc = l->txns && l->calls ? MED_EOK : med_fail(err, MED_ENOMEM, "out of memory");
	if(rc == MED_EOK)
		rc = open_port(l, err);
	for(i = 0; i < conf->node_count && rc == MED_EOK; i++)
		rc = open_node(l, &conf->node[i], err);
	if(rc != MED_EOK) {
		med_listener_close(l);
		return rc;
	}
	*listener = l;
	return MED_EOK;
}

void med_listener_close(med_listener_t *l)
{
	size_t i;

	if(!l)
		return;
	for(i = 0; i < l->node_count; i++)
		close(l->node[i].fd);
	if(l->fd >= 0)
		close(l->fd);
	if(l->epoll_fd >= 0)
		close(l->epoll_fd);
	med_txns_free(l->txns);
	med_calls_free(l->calls);
	free(l);
}

void med_listener_forked(med_listener_t *l)
{
	size_t i;

	for(i = 0; i < l->node_count; i++)
		close(l->node[i].fd);
	close(l->fd);
	close(l->epoll_fd);
}

static bool may_ask(med_listener_t *l, const med_sockaddr_t *client)
{
	char name[64];
	size_t i;

	for(i = 0; i < l->conf.allow_count; i++) {
		if(med_network_has(&l->conf.allow[i], client))
			return true;
	}
	if(l->now_ms - l->acl_logged_ms >= 10000) {
		l->acl_logged_ms = l->now_ms;
		med_sockaddr_print(client, name, sizeof(name));
		med_log(LOG_WARNING, "commands from %s are ignored: not under 'allow'", name);
	}
	return false;
}

/** How many datagrams lie in the batch now; 0 for none, -errno on error. */
static int receive(med_listener_t *l, int fd)
{
	int count, i;

	for(i = 0; i < MED_BATCH; i++)
		l->batch[i].msg_hdr.msg_namelen = sizeof(l->source[i].u);
	count = recvmmsg(fd, l->batch, MED_BATCH, MSG_DONTWAIT, NULL);
	if(count < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	return count;
}

static med_str_t datagram(const med_listener_t *l, int i)
{
	return (med_str_t){l->buffer[i], l->batch[i].msg_len};
}

static void from_clients(med_listener_t *l)
{
	int count = receive(l, l->fd), i;

	for(i = 0; i < count; i++) {
		l->source[i].len = l->batch[i].msg_hdr.msg_namelen;
		if(may_ask(l, &l->source[i]))
			med_command(l, &l->source[i], datagram(l, i));
	}
}

static void from_node(med_listener_t *l, med_node_t *node)
{
	int count = receive(l, node->fd), i;

	if(count == -ECONNREFUSED)
		med_node_refused(l, node);
	for(i = 0; i < count; i++)
		med_reply(l, node, datagram(l, i));
}

static void waiting_due(med_listener_t *l, med_txn_t *txn)
{
	if(txn->due_ms >= txn->deadline_ms) {
		med_expired(l, txn);
		med_txn_settle(txn);
		return;
	}
	med_txn_move(l->txns, txn, MED_TXN_WAITING, txn->deadline_ms);
	med_resend(l, txn);
}

/** All that is due; how long to wait for the next. */
static int keep_time(med_listener_t *l)
{
	med_txn_t *txn;
	int64_t next;

	l->now_ms = clock_ms();
	while((txn = med_txn_first(l->txns, MED_TXN_WAITING)) && txn->due_ms <= l->now_ms)
		waiting_due(l, txn);
	while((txn = med_txn_first(l->txns, MED_TXN_LATE)) && txn->due_ms <= l->now_ms)
		med_late_over(l, txn);
	while((txn = med_txn_first(l->txns, MED_TXN_DONE)) && txn->due_ms <= l->now_ms)
		med_txn_move(l->txns, txn, MED_TXN_FREE, 0);
	med_calls_expire(l->calls, l->now_ms);
	next = med_nodes_tick(l);
	txn = med_txn_first(l->txns, MED_TXN_WAITING);
	if(txn && txn->due_ms < next)
		next = txn->due_ms;
	return next > l->now_ms ? (int)(next - l->now_ms) : 0;
}

int med_listener_run(med_listener_t *l, int stop_fd)
{
	struct epoll_event events[MED_MAX_NODES + 2];
	int count, i, wait_ms;
	bool stop = false;

	if(stop_fd >= 0) {
		count = watch(l, stop_fd, TAG_STOP);
		if(count)
			return count;
	}
	while(!stop) {
		wait_ms = keep_time(l);
		count = epoll_wait(l->epoll_fd, events, MED_MAX_NODES + 2, wait_ms);
		if(count < 0 && errno != EINTR)
			return -errno;
		l->now_ms = clock_ms();
		for(i = 0; i < count; i++) {
			if(events[i].data.u32 == TAG_CLIENTS)
				from_clients(l);
			else if(events[i].data.u32 == TAG_STOP)
				stop = true;
			else
				from_node(l, &l->node[events[i].data.u32]);
		}
	}
	return MED_EOK;
}
