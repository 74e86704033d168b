/**
 * client.c - Redis for tools: the store's connection, waited for
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "medcore/client.h"

#include "medcore/store_sentinel.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOKUP_POLL_MS 10
#define DEPTH_MAX 8
#define SEND_BYTES 65536u /* so many are queued before they are sent */

struct med_client {
	med_store_url_t url;
	med_conn_t conn;
	unsigned timeout_ms;
	size_t send_at; /* bytes that wait, from which on it is worth a system call */
};

static int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/** A server's text may repeat what it was sent. */
static int fail(med_client_t *client, int code, med_errbuf_t *err, const char *why)
{
	char text[200];

	snprintf(text, sizeof text, "%s", why);
	med_store_url_hide(&client->url, text);
	for(char *c = text; *c; c++)
		if((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	med_conn_close(&client->conn);
	return med_fail(err, code, "%.120s: %.120s", client->url.shown, text);
}

/** Waits until something may have happened, or @p deadline; -ETIMEDOUT. */
static int wait_for(med_client_t *client, int64_t deadline, med_errbuf_t *err)
{
	int64_t now = clock_ms(), wait = deadline - now;
	struct pollfd p = {.fd = client->conn.fd, .events = med_conn_events(&client->conn)};

	if(wait <= 0)
		return fail(client, -ETIMEDOUT, err, med_conn_late(&client->conn));
	if(client->conn.state == MED_CONN_RESOLVING && wait > LOOKUP_POLL_MS)
		wait = LOOKUP_POLL_MS;
	if(client->conn.more)
		wait = 0;
	(void)poll(&p, 1, (int)wait);
	return MED_EOK;
}

/** Sends what the socket takes. 0 or -1. */
static int flush(med_client_t *client)
{
	med_conn_t *conn = &client->conn;
	int rc = med_conn_io(conn, clock_ms());

	client->send_at = conn->out_len - conn->out_at + SEND_BYTES;
	return rc;
}

static int next_raw(med_client_t *client, redisReply **reply, med_errbuf_t *err)
{
	med_conn_t *conn = &client->conn;
	int64_t deadline = clock_ms() + client->timeout_ms;
	med_conn_asked_t asked;
	size_t had = 0, sent = 0;
	int rc;

	for(;;) {
		/* replies that are here already first: commands gather meanwhile */
		rc = med_conn_reply_here(conn, reply);
		if(rc == 0)
			rc = flush(client) ? -1 : med_conn_reply(conn, reply);
		if(rc < 0)
			return fail(client, -ENOTCONN, err, conn->error);
		if(rc > 0)
			break;
		/* while it comes, or goes, there is no reason to give up */
		if(conn->reply_bytes != had || conn->out_at != sent)
			deadline = clock_ms() + client->timeout_ms;
		had = conn->reply_bytes;
		sent = conn->out_at;
		if((rc = wait_for(client, deadline, err)))
			return rc;
	}
	if(!med_conn_pop(conn, &asked))
		return fail(
				client, -ENOTCONN, err, "an answer nobody asked for; is this a Redis?");
	free(asked.large);
	return MED_EOK;
}

/* ---- replies in one block: the values, then the bytes ---- */

static bool measure(const redisReply *raw, size_t *values, size_t *bytes, int depth)
{
	if(depth > DEPTH_MAX)
		return false;
	++*values;
	if(raw->type == REDIS_REPLY_ARRAY) {
		for(size_t i = 0; i < raw->elements; i++)
			if(!measure(raw->element[i], values, bytes, depth + 1))
				return false;
	} else if(raw->type != REDIS_REPLY_NIL && raw->type != REDIS_REPLY_INTEGER) {
		*bytes += raw->len + 1;
	}
	return true;
}

static void convert(
		const redisReply *raw, med_reply_t *out, med_reply_t **values, char **bytes)
{
	switch(raw->type) {
		case REDIS_REPLY_NIL:
			out->type = MED_REPLY_NIL;
			return;
		case REDIS_REPLY_INTEGER:
			out->type = MED_REPLY_INTEGER;
			out->integer = raw->integer;
			return;
		case REDIS_REPLY_ARRAY:
			out->type = MED_REPLY_ARRAY;
			out->count = raw->elements;
			out->element = *values;
			*values += raw->elements;
			for(size_t i = 0; i < raw->elements; i++)
				convert(raw->element[i], &out->element[i], values, bytes);
			return;
		case REDIS_REPLY_STATUS:
			out->type = MED_REPLY_STATUS;
			break;
		case REDIS_REPLY_ERROR:
			out->type = MED_REPLY_ERROR;
			break;
		default:
			out->type = MED_REPLY_STRING;
	}
	out->str = (med_str_t){*bytes, raw->len};
	if(raw->len)
		memcpy(*bytes, raw->str, raw->len);
	*bytes += raw->len + 1;
}

int med_client_reply(med_client_t *client, med_reply_t **reply, med_errbuf_t *err)
{
	size_t values = 0, bytes = 0;
	redisReply *raw = NULL;
	med_reply_t *block, *next;
	char *text;
	int rc;

	if(client->conn.state == MED_CONN_CLOSED)
		return med_fail(err, -ENOTCONN, "%.120s: %.120s", client->url.shown,
				client->conn.error[0] ? client->conn.error : "the connection is gone");
	if(client->conn.asked_count == 0)
		return med_fail(err, MED_EINVAL, "no command waits for a reply");
	rc = next_raw(client, &raw, err);
	if(rc)
		return rc;
	if(!measure(raw, &values, &bytes, 0))
		return fail(client, -ENOTCONN, err, "an answer nested too deep");
	block = calloc(1, values * sizeof *block + bytes);
	if(!block)
		return fail(client, MED_ENOMEM, err, "out of memory");
	next = block + 1;
	text = (char *)(block + values);
	convert(raw, block, &next, &text);
	*reply = block;
	return MED_EOK;
}

void med_reply_free(med_reply_t *reply)
{
	free(reply);
}

/* ---- commands ---- */

int med_client_send(med_client_t *client, size_t argc, const med_str_t *argv)
{
	size_t need = 24;

	if(client->conn.state == MED_CONN_CLOSED)
		return -ENOTCONN;
	for(size_t i = 0; i < argc; i++)
		need += argv[i].len + 24;
	if(need > MED_CONN_OUT_MAX - (client->conn.out_len - client->conn.out_at))
		return MED_ELIMIT;
	if(med_conn_send(&client->conn, 0, (med_str_t){0}, argc, argv))
		return MED_ENOMEM;
	/* a failure shows when a reply is waited for */
	if(client->conn.out_len - client->conn.out_at >= client->send_at && flush(client))
		med_conn_close(&client->conn);
	return MED_EOK;
}

size_t med_client_pending(const med_client_t *client)
{
	return client->conn.asked_count;
}

/* ---- life ---- */

/** Waits for one answer that must be as wanted. */
static int login_reply(med_client_t *client, bool is_role, med_errbuf_t *err)
{
	const char *why = "an answer of the wrong type; is this a Redis?";
	char text[160];
	redisReply *raw = NULL;
	bool good;
	int rc = next_raw(client, &raw, err);

	if(rc)
		return rc;
	good = is_role ? med_sentinel_is_master(raw) : raw->type == REDIS_REPLY_STATUS;
	if(raw->type == REDIS_REPLY_ERROR)
		why = raw->str;
	else if(is_role && raw->type == REDIS_REPLY_ARRAY)
		why = "it is a replica, not the master";
	snprintf(text, sizeof text, "%.140s", why);
	return good ? MED_EOK : fail(client, -ENOTCONN, err, text);
}

static int login(med_client_t *client, med_errbuf_t *err)
{
	med_str_t word = client->url.sentinels ? MED_STR("ROLE") : MED_STR("PING");
	int rc = MED_EOK;

	if(med_conn_open(&client->conn, &client->url, clock_ms()))
		return fail(client, -ENOTCONN, err, client->conn.error);
	if(med_conn_login(&client->conn, &client->url, true, 0, 0)
			|| med_conn_send(&client->conn, 0, (med_str_t){0}, 1, &word))
		return fail(client, MED_ENOMEM, err, client->conn.error);
	while(client->conn.asked_count && rc == MED_EOK)
		rc = login_reply(
				client, client->url.sentinels && client->conn.asked_count == 1, err);
	return rc;
}

/** Asks the sentinels where the master is. */
static int find_master(med_client_t *client, med_errbuf_t *err)
{
	int64_t now = clock_ms(), end = now + client->timeout_ms, wake;
	struct pollfd fds[MED_SENTINELS_MAX];
	med_sentinel_found_t found;
	med_sentinel_t sentinel = {0};
	size_t n;
	int rc;

	rc = med_sentinel_ask(&sentinel, &client->url, now);
	while(rc == 0 && (rc = med_sentinel_run(&sentinel, now, &found)) == 0 && now < end) {
		wake = end;
		n = med_sentinel_poll(&sentinel, fds, MED_SENTINELS_MAX, now, &wake);
		(void)poll(fds, n, wake > now ? (int)(wake - now) : 0);
		now = clock_ms();
	}
	if(rc > 0)
		med_store_url_go_to(&client->url, &found.master);
	else
		rc = fail(client, rc ? -ENOTCONN : -ETIMEDOUT, err, sentinel.why);
	med_sentinel_free(&sentinel);
	return rc > 0 ? MED_EOK : rc;
}

int med_client_open(
		const char *url, unsigned timeout_ms, med_client_t **client, med_errbuf_t *err)
{
	med_client_t *c = calloc(1, sizeof *c);
	int rc;

	if(!c)
		return med_fail(err, MED_ENOMEM, "out of memory");
	med_conn_init(&c->conn);
	c->timeout_ms = timeout_ms;
	c->send_at = SEND_BYTES;
	rc = med_store_url_parse(url, &c->url, err);
	if(rc == MED_EOK && c->url.sentinels)
		rc = find_master(c, err);
	if(rc == MED_EOK)
		rc = login(c, err);
	if(rc) {
		med_client_close(c);
		return rc;
	}
	*client = c;
	return MED_EOK;
}

const char *med_client_place(const med_client_t *client)
{
	return client->url.shown;
}

void med_client_close(med_client_t *client)
{
	if(!client)
		return;
	med_conn_free(&client->conn);
	free(client);
}
