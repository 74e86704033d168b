/**
 * store_conn.c - one non-blocking connection to Redis: commands out, replies in order
 *
 * hiredis is used as RESP parser and formatter only. Its own connect resolves names while
 * everything waits, and its write raises SIGPIPE.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE /* getaddrinfo_a */
#include "medcore/store_conn.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define READ_CHUNK 65536
#define FEED_BYTES 4096
/* Bytes of hiredis' buffer that are not freed in between. */
#define READER_KEPT (1 << 20)
#define READS_PER_RUN 32 /* then others get their turn */

/** A name being resolved: the resolver's thread writes here, so it outlives the wish. */
struct med_conn_lookup {
	struct gaicb request;
	struct addrinfo hints;
	med_store_place_t at;
};

static int fail(med_conn_t *conn, const char *text)
{
	snprintf(conn->error, sizeof conn->error, "%s", text);
	return -1;
}

static int fail_errno(med_conn_t *conn, const char *what, int cause)
{
	if(conn->tls && cause == EPROTO)
		return fail(conn, med_tls_why(conn->tls));
	snprintf(conn->error, sizeof conn->error, "%s: %s", what, strerror(cause));
	return -1;
}

/* ---- replies --------------------------------------------------------------------------
 *
 * One at a time, in memory that is used again for the next: hiredis would take and give
 * back twenty blocks for each object, which was a third of the time a big configuration
 * took to load.
 */

#define ROOM_FIRST ((size_t)64 << 10) /* bytes that stay from one reply to the next */

struct med_conn_room {
	med_conn_room_t *next;
	size_t used, size;
	char bytes[];
};

/* NULL: no memory. Zeroed. */
static void *room_take(med_conn_t *conn, size_t size)
{
	med_conn_room_t *room = conn->room;
	void *block;

	size = (size + 15) & ~(size_t)15;
	if(!room || size > room->size - room->used) {
		size_t total = size > ROOM_FIRST ? size : ROOM_FIRST;
		room = malloc(sizeof *room + total);
		if(!room)
			return NULL;
		room->next = conn->room;
		room->used = 0;
		room->size = total;
		conn->room = room;
	}
	block = room->bytes + room->used;
	room->used += size;
	return memset(block, 0, size);
}

/* All of it is free again, and what is more than the first block is given back. */
static void room_empty(med_conn_t *conn, bool all)
{
	med_conn_room_t *room = conn->room, *next;

	for(; room && (all || room->next || room->size > ROOM_FIRST); room = next) {
		next = room->next;
		free(room);
	}
	conn->room = room;
	if(room)
		room->used = 0;
}

/* hiredis allocates an array by the length it is told, 16 GB where a server says so. */
#if HIREDIS_MAJOR >= 1
typedef size_t array_length_t;
#else
typedef int array_length_t;
#endif

/* Beginning a reply ends the one before. */
static redisReply *create(const redisReadTask *task, int type, size_t more)
{
	med_conn_t *conn = task->privdata;
	redisReply *reply;

	if(!task->parent)
		room_empty(conn, false);
	reply = room_take(conn, sizeof *reply + more);
	if(!reply)
		return NULL;
	reply->type = type;
	if(task->parent)
		((redisReply *)task->parent->obj)->element[task->idx] = reply;
	return reply;
}

static void *create_string(const redisReadTask *task, char *text, size_t len)
{
	redisReply *reply = create(task, task->type, len + 1);

	if(!reply)
		return NULL;
	reply->str = memcpy(reply + 1, text, len);
	reply->len = len;
	return reply;
}

static void *create_array(const redisReadTask *task, array_length_t length)
{
	med_conn_t *conn = task->privdata;
	redisReply *reply;

	if((size_t)length > MED_CONN_ELEMENTS_MAX - conn->elements) {
		conn->oversized = true;
		return NULL; /* told as out of memory, which it would be */
	}
	conn->elements += (size_t)length;
	reply = create(task, task->type, (size_t)length * sizeof *reply->element);
	if(!reply)
		return NULL;
	reply->element = length > 0 ? (redisReply **)(reply + 1) : NULL;
	reply->elements = (size_t)length;
	return reply;
}

static void *create_integer(const redisReadTask *task, long long value)
{
	redisReply *reply = create(task, REDIS_REPLY_INTEGER, 0);

	if(reply)
		reply->integer = value;
	return reply;
}

static void *create_nil(const redisReadTask *task)
{
	return create(task, REDIS_REPLY_NIL, 0);
}

#if HIREDIS_MAJOR >= 1
/* Of RESP3, which nobody asked for. */
static void *create_double(
		const redisReadTask *task, double value, char *text, size_t len)
{
	(void)value;
	return create_string(task, text, len);
}

static void *create_bool(const redisReadTask *task, int value)
{
	return create_integer(task, value);
}
#endif

static void keep_object(void *reply)
{
	(void)reply; /* it goes with all others of its room */
}

static redisReplyObjectFunctions in_room = {
		.createString = create_string,
		.createArray = create_array,
		.createInteger = create_integer,
		.createNil = create_nil,
#if HIREDIS_MAJOR >= 1
		.createDouble = create_double,
		.createBool = create_bool,
#endif
		.freeObject = keep_object,
};

static redisReader *reader_new(med_conn_t *conn)
{
	redisReader *reader = redisReaderCreateWithFunctions(&in_room);

	if(!reader)
		return NULL;
	reader->maxbuf = READER_KEPT;
	reader->privdata = conn;
	conn->elements = 0;
	return reader;
}

void med_conn_init(med_conn_t *conn)
{
	memset(conn, 0, sizeof *conn);
	conn->fd = -1;
}

static bool lookup_done(med_conn_t *conn)
{
	return gai_error(&conn->lookup->request) != EAI_INPROGRESS;
}

static void lookup_free(med_conn_t *conn)
{
	if(conn->lookup->request.ar_result)
		freeaddrinfo(conn->lookup->request.ar_result);
	free(conn->lookup);
	conn->lookup = NULL;
}

/** Ends a lookup that is no longer wanted. */
static void lookup_drop(med_conn_t *conn)
{
	if(!conn->lookup)
		return;
	/* one that will not be cancelled still writes to its block, so that is left to it */
	if(gai_cancel(&conn->lookup->request) != EAI_NOTCANCELED || lookup_done(conn))
		lookup_free(conn);
	conn->lookup = NULL;
}

static int lookup_start(med_conn_t *conn, const med_store_place_t *at)
{
	struct gaicb *list[1];
	int rc;

	if(conn->lookup && strcmp(conn->lookup->at.host, at->host) == 0
			&& strcmp(conn->lookup->at.port, at->port) == 0)
		return 0; /* of an earlier attempt, still running */
	lookup_drop(conn);
	conn->lookup = calloc(1, sizeof *conn->lookup);
	if(!conn->lookup)
		return fail(conn, "out of memory");
	conn->lookup->at = *at;
	conn->lookup->hints.ai_socktype = SOCK_STREAM;
	conn->lookup->request.ar_name = conn->lookup->at.host;
	conn->lookup->request.ar_service = conn->lookup->at.port;
	conn->lookup->request.ar_request = &conn->lookup->hints;
	list[0] = &conn->lookup->request;
	rc = getaddrinfo_a(GAI_NOWAIT, list, 1, NULL);
	if(rc) {
		lookup_free(conn);
		return fail(conn, gai_strerror(rc));
	}
	return 0;
}

/** Non-blocking connect; leaves state CONNECTING. */
static int connect_to(med_conn_t *conn, const struct sockaddr *address, socklen_t len)
{
	int one = 1;

	conn->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if(conn->fd < 0)
		return fail_errno(conn, "socket", errno);
	if(address->sa_family != AF_UNIX) {
		setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		setsockopt(conn->fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
	}
	conn->state = MED_CONN_CONNECTING;
	if(connect(conn->fd, address, len) == 0 || errno == EINPROGRESS)
		return 0;
	/* a full backlog of a unix socket says EAGAIN, and will not tell when it is over */
	return fail_errno(conn, "connect", errno);
}

static int connect_resolved(med_conn_t *conn)
{
	struct addrinfo *list = conn->lookup->request.ar_result, *pick = list;
	int rc = gai_error(&conn->lookup->request);
	unsigned n = 0;

	if(rc || !list) {
		fail(conn, rc ? gai_strerror(rc) : "name has no address");
		lookup_free(conn);
		return -1;
	}
	for(struct addrinfo *a = list; a; a = a->ai_next)
		n++;
	for(unsigned skip = conn->attempt++ % n; skip; skip--)
		pick = pick->ai_next;
	rc = connect_to(conn, pick->ai_addr, pick->ai_addrlen);
	lookup_free(conn);
	return rc;
}

static int open_unix(med_conn_t *conn, const med_store_url_t *url)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	_Static_assert(sizeof sun.sun_path >= sizeof url->path, "path of a unix socket");
	memcpy(sun.sun_path, url->path, sizeof url->path);
	return connect_to(conn, (struct sockaddr *)&sun, sizeof sun);
}

static int open_tcp(med_conn_t *conn, const med_store_url_t *url)
{
	struct addrinfo hints = {
			.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	struct addrinfo *list = NULL;
	int rc;

	if(getaddrinfo(url->at.host, url->at.port, &hints, &list) == 0) {
		rc = connect_to(conn, list->ai_addr, list->ai_addrlen);
		freeaddrinfo(list);
		return rc;
	}
	conn->state = MED_CONN_RESOLVING;
	return lookup_start(conn, &url->at);
}

int med_conn_open(med_conn_t *conn, const med_store_url_t *url, int64_t now_ms)
{
	med_conn_close(conn);
	conn->error[0] = '\0';
	conn->url = url;
	conn->waiting_ms = conn->now_ms = now_ms;
	conn->reader = reader_new(conn);
	if(!conn->reader)
		return fail(conn, "out of memory");
	return url->is_unix ? open_unix(conn, url) : open_tcp(conn, url);
}

void med_conn_close(med_conn_t *conn)
{
	med_conn_asked_t asked;

	med_tls_close(conn->tls);
	conn->tls = NULL;
	if(conn->fd >= 0)
		close(conn->fd);
	if(conn->reader)
		redisReaderFree(conn->reader);
	while(med_conn_pop(conn, &asked))
		free(asked.large);
	free(conn->asked);
	free(conn->out);
	free(conn->in);
	conn->in = NULL;
	conn->in_at = conn->in_len = 0;
	conn->fd = -1;
	conn->reader = NULL;
	conn->asked = NULL;
	conn->out = NULL;
	conn->asked_first = conn->asked_count = conn->asked_cap = 0;
	conn->out_at = conn->out_len = conn->out_cap = 0;
	conn->reply_bytes = 0;
	conn->more = conn->oversized = false;
	conn->state = MED_CONN_CLOSED;
}

void med_conn_free(med_conn_t *conn)
{
	med_conn_close(conn);
	room_empty(conn, true);
	lookup_drop(conn);
}

/* ---- commands ---- */

static int asked_push(med_conn_t *conn, int tag, med_str_t key)
{
	med_conn_asked_t *slot;
	char *copy = NULL;

	if(conn->asked_count == conn->asked_cap) {
		size_t cap = conn->asked_cap ? conn->asked_cap * 2 : 64;
		med_conn_asked_t *ring = calloc(cap, sizeof *ring);
		if(!ring)
			return fail(conn, "out of memory");
		for(size_t i = 0; i < conn->asked_count; i++)
			ring[i] = conn->asked[(conn->asked_first + i) % conn->asked_cap];
		free(conn->asked);
		conn->asked = ring;
		conn->asked_cap = cap;
		conn->asked_first = 0;
	}
	if(key.len > MED_CONN_KEY_SMALL && !(copy = malloc(key.len)))
		return fail(conn, "out of memory");
	slot = &conn->asked[(conn->asked_first + conn->asked_count++) % conn->asked_cap];
	slot->tag = tag;
	slot->large = copy;
	slot->key_len = key.len;
	if(key.len)
		memcpy(copy ? copy : slot->small, key.s, key.len);
	return 0;
}

bool med_conn_pop(med_conn_t *conn, med_conn_asked_t *asked)
{
	if(!conn->asked_count)
		return false;
	*asked = conn->asked[conn->asked_first];
	asked->key = asked->large ? asked->large : asked->small;
	conn->asked_first = (conn->asked_first + 1) % conn->asked_cap;
	conn->asked_count--;
	return true;
}

const med_conn_asked_t *med_conn_ahead(
		const med_conn_t *conn, size_t others, med_str_t *key)
{
	const med_conn_asked_t *asked;

	if(others >= conn->asked_count)
		return NULL;
	asked = &conn->asked[(conn->asked_first + others) % conn->asked_cap];
	*key = (med_str_t){asked->large ? asked->large : asked->small, asked->key_len};
	return asked;
}

static int out_reserve(med_conn_t *conn, size_t more)
{
	size_t cap = conn->out_cap ? conn->out_cap : 4096;
	char *bigger;

	if(conn->out_at) {
		memmove(conn->out, conn->out + conn->out_at, conn->out_len - conn->out_at);
		conn->out_len -= conn->out_at;
		conn->out_at = 0;
	}
	if(more > MED_CONN_OUT_MAX - conn->out_len)
		return fail(conn, "too much is waiting to be sent");
	while(cap < conn->out_len + more)
		cap *= 2;
	if(cap == conn->out_cap)
		return 0;
	bigger = realloc(conn->out, cap);
	if(!bigger)
		return fail(conn, "out of memory");
	conn->out = bigger;
	conn->out_cap = cap;
	return 0;
}

/** Room was reserved. */
static void out_bytes(med_conn_t *conn, const char *bytes, size_t len)
{
	if(len)
		memcpy(conn->out + conn->out_len, bytes, len);
	conn->out_len += len;
}

static void out_length(med_conn_t *conn, char type, size_t length)
{
	char text[24], *end = text + sizeof text - 2, *at = end;

	/* by hand: three of them with each object that is asked for */
	memcpy(at, "\r\n", 2);
	do
		*--at = (char)('0' + length % 10);
	while((length /= 10) > 0);
	*--at = type;
	out_bytes(conn, at, (size_t)(end + 2 - at));
}

int med_conn_send(
		med_conn_t *conn, int tag, med_str_t key, size_t argc, const med_str_t *argv)
{
	size_t need = 24;

	for(size_t i = 0; i < argc; i++)
		need += argv[i].len + 24;
	if(conn->asked_count == 0)
		conn->waiting_ms = conn->now_ms;
	if((conn->out_cap - conn->out_len < need && out_reserve(conn, need))
			|| asked_push(conn, tag, key))
		return -1;
	out_length(conn, '*', argc);
	for(size_t i = 0; i < argc; i++) {
		out_length(conn, '$', argv[i].len);
		out_bytes(conn, argv[i].s, argv[i].len);
		out_bytes(conn, "\r\n", 2);
	}
	return 0;
}

int med_conn_login(med_conn_t *conn, const med_store_url_t *url, bool select,
		int auth_tag, int select_tag)
{
	med_str_t auth[3] = {MED_STR("AUTH"), med_str(url->user), med_str(url->password)};
	char number[16];
	med_str_t pick[2] = {MED_STR("SELECT"), {number, 0}};
	int rc = 0;

	if(url->password[0] && url->user[0]) {
		rc = med_conn_send(conn, auth_tag, (med_str_t){0}, 3, auth);
	} else if(url->password[0]) {
		auth[1] = auth[2];
		rc = med_conn_send(conn, auth_tag, (med_str_t){0}, 2, auth);
	}
	if(rc || !select || url->db == 0)
		return rc;
	pick[1].len = (size_t)snprintf(number, sizeof number, "%u", url->db);
	return med_conn_send(conn, select_tag, (med_str_t){0}, 2, pick);
}

/* ---- input and output ---- */

static int finish_connect(med_conn_t *conn)
{
	struct pollfd p = {.fd = conn->fd, .events = POLLOUT};
	socklen_t len = sizeof(int);
	int cause = 0;

	if(poll(&p, 1, 0) <= 0)
		return 0;
	if(getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &cause, &len) || cause)
		return fail_errno(conn, "connect", cause ? cause : errno);
	conn->waiting_ms = conn->now_ms;
	conn->state = conn->url->tls ? MED_CONN_HANDSHAKE : MED_CONN_OPEN;
	return conn->url->tls ? med_tls_open(
				   conn->url, conn->fd, &conn->tls, conn->error, sizeof conn->error)
						  : 0;
}

static int shake_hands(med_conn_t *conn)
{
	int rc = med_tls_handshake(conn->tls, conn->error, sizeof conn->error);

	if(rc > 0) {
		conn->state = MED_CONN_OPEN;
		conn->waiting_ms = conn->now_ms;
	}
	return rc < 0 ? -1 : 0;
}

static int flush(med_conn_t *conn)
{
	while(conn->out_at < conn->out_len) {
		const char *from = conn->out + conn->out_at;
		size_t len = conn->out_len - conn->out_at;
		ssize_t n = conn->tls ? med_tls_write(conn->tls, from, len)
							  : send(conn->fd, from, len, MSG_NOSIGNAL);
		if(n < 0 && errno == EINTR)
			continue;
		if(n <= 0)
			return n < 0 && errno == EAGAIN ? 0
											: fail_errno(conn, "send", n ? errno : EPIPE);
		conn->out_at += (size_t)n;
	}
	conn->out_at = conn->out_len = 0;
	return 0;
}

/*
 * hiredis moves all that it still has to the front of its buffer after each kilobyte of
 * replies: so it gets a little at a time of what was received at once.
 */
static int feed(med_conn_t *conn)
{
	size_t len = conn->in_len - conn->in_at;

	if(len > FEED_BYTES && conn->reply_bytes < READ_CHUNK)
		len = FEED_BYTES; /* of a big reply nothing is moved until it is whole */
	conn->reply_bytes += len;
	if(conn->reply_bytes > MED_CONN_REPLY_MAX) {
		conn->oversized = true;
		return fail(conn, "a reply larger than any of Redis's: is this a Redis?");
	}
	if(redisReaderFeed(conn->reader, conn->in + conn->in_at, len) != REDIS_OK)
		return fail(conn, conn->reader->errstr);
	conn->in_at += len;
	return 1;
}

static int receive(med_conn_t *conn)
{
	ssize_t n;

	if(conn->in_at < conn->in_len)
		return feed(conn);
	if(conn->reads++ == READS_PER_RUN) {
		conn->more = true;
		return 0;
	}
	if(!conn->in && !(conn->in = malloc(READ_CHUNK)))
		return fail(conn, "out of memory");
	do {
		n = conn->tls ? med_tls_read(conn->tls, conn->in, READ_CHUNK)
					  : recv(conn->fd, conn->in, READ_CHUNK, 0);
	} while(n < 0 && errno == EINTR);
	if(n < 0 && errno == EAGAIN)
		return 0;
	if(n < 0)
		return fail_errno(conn, "receive", errno);
	if(n == 0)
		return fail(conn, "Redis closed the connection");
	conn->in_at = 0;
	conn->in_len = (size_t)n;
	return feed(conn);
}

int med_conn_io(med_conn_t *conn, int64_t now_ms)
{
	conn->now_ms = now_ms;
	conn->reads = 0;
	conn->more = false;
	if(conn->state == MED_CONN_RESOLVING && conn->lookup && lookup_done(conn)
			&& connect_resolved(conn))
		return -1;
	if(conn->state == MED_CONN_CONNECTING && finish_connect(conn))
		return -1;
	if(conn->state == MED_CONN_HANDSHAKE && shake_hands(conn))
		return -1;
	if(conn->state != MED_CONN_OPEN)
		return 0;
	return flush(conn);
}

int med_conn_reply_here(med_conn_t *conn, redisReply **reply)
{
	void *got = NULL;

	if(conn->state != MED_CONN_OPEN)
		return 0;
	if(redisReaderGetReply(conn->reader, &got) != REDIS_OK)
		return fail(conn, conn->reader->errstr);
	if(!got)
		return 0;
	conn->reply_bytes = 0;
	conn->elements = 0;
	conn->waiting_ms = conn->now_ms;
	*reply = got;
	return 1;
}

int med_conn_reply(med_conn_t *conn, redisReply **reply)
{
	int rc;

	if(conn->state != MED_CONN_OPEN)
		return 0;
	while((rc = med_conn_reply_here(conn, reply)) == 0) {
		rc = receive(conn);
		if(rc <= 0)
			break;
	}
	return rc;
}

bool med_conn_overdue(const med_conn_t *conn, int64_t now_ms)
{
	if(conn->state == MED_CONN_CLOSED || conn->more)
		return false;
	if(conn->state == MED_CONN_OPEN && !conn->asked_count)
		return false;
	/* A big reply may take its time while it comes; a trickle may not hold us for ever.
	 */
	return now_ms - conn->waiting_ms
			> MED_CONN_TIMEOUT_MS + (int64_t)(conn->reply_bytes / MED_CONN_BYTES_PER_MS);
}

const char *med_conn_late(const med_conn_t *conn)
{
	return conn->state == MED_CONN_RESOLVING     ? "its name is not resolved in time"
			: conn->state == MED_CONN_CONNECTING ? "no connection in time"
			: conn->state == MED_CONN_HANDSHAKE  ? "no TLS in time"
												 : "no answer in time";
}

short med_conn_events(const med_conn_t *conn)
{
	if(conn->state == MED_CONN_CONNECTING)
		return POLLOUT;
	if(conn->tls && med_tls_wants_write(conn->tls))
		return POLLIN | POLLOUT;
	return (short)(POLLIN
			| (conn->state == MED_CONN_OPEN && conn->out_at < conn->out_len ? POLLOUT
																			: 0));
}
