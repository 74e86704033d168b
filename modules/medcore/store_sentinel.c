/**
 * store_sentinel.c - which Redis is the master, as the sentinels say
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "medcore/store_sentinel.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOKUP_POLL_MS 20

enum {
	TAG_LOGIN,
	TAG_MASTER,
	TAG_ADDRESS,
};

typedef struct med_sentinel_asked asked_t;

/** One is of no use: its reason may be the answer to the caller. */
static void give_up(med_sentinel_t *s, asked_t *a, const char *why)
{
	char text[120];

	snprintf(text, sizeof text, "%.110s", why);
	med_store_url_hide(&a->url, text);
	snprintf(s->why, sizeof s->why, "sentinel %.60s:%s: %s", a->url.at.host,
			a->url.at.port, text);
	med_conn_close(&a->conn);
	a->over = true;
}

static int ask_one(asked_t *a, int64_t now_ms)
{
	const med_str_t name = med_str(a->url.master);
	const med_str_t master[] = {MED_STR("SENTINEL"), MED_STR("MASTER"), name};
	const med_str_t address[] = {
			MED_STR("SENTINEL"), MED_STR("GET-MASTER-ADDR-BY-NAME"), name};

	if(med_conn_open(&a->conn, &a->url, now_ms)
			|| med_conn_login(&a->conn, &a->url, false, TAG_LOGIN, TAG_LOGIN)
			|| med_conn_send(&a->conn, TAG_MASTER, (med_str_t){0}, 3, master)
			|| med_conn_send(&a->conn, TAG_ADDRESS, (med_str_t){0}, 3, address))
		return -1;
	return 0;
}

int med_sentinel_ask(med_sentinel_t *s, const med_store_url_t *url, int64_t now_ms)
{
	if(s->url)
		return 0;
	if(!s->asked) {
		s->asked = calloc(url->sentinels, sizeof *s->asked);
		if(!s->asked) {
			snprintf(s->why, sizeof s->why, "out of memory");
			return -1;
		}
		for(size_t i = 0; i < url->sentinels; i++) {
			asked_t *a = &s->asked[i];
			a->url = *url;
			a->url.at = url->sentinel[i];
			memcpy(a->url.user, url->sentinel_user, sizeof a->url.user);
			memcpy(a->url.password, url->sentinel_password, sizeof a->url.password);
			med_conn_init(&a->conn);
		}
	}
	s->url = url;
	s->deadline = now_ms + MED_SENTINEL_TIMEOUT_MS;
	snprintf(s->why, sizeof s->why, "no sentinel answers in time");
	for(size_t i = 0; i < url->sentinels; i++) {
		asked_t *a = &s->asked[i];
		a->over = a->found = false;
		a->epoch = 0;
		if(ask_one(a, now_ms))
			give_up(s, a, a->conn.error);
	}
	return 0;
}

/* ---- answers ---- */

static bool is_string(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_STRING;
}

/** A flat list of names and values. */
static long long epoch_of(const redisReply *reply)
{
	for(size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements; i += 2)
		if(is_string(reply->element[i]) && is_string(reply->element[i + 1])
				&& strcmp(reply->element[i]->str, "config-epoch") == 0)
			return strtoll(reply->element[i + 1]->str, NULL, 10);
	return 0;
}

static bool address_of(const redisReply *reply, med_store_place_t *place)
{
	const redisReply *host, *port;

	if(reply->type != REDIS_REPLY_ARRAY || reply->elements != 2)
		return false;
	host = reply->element[0];
	port = reply->element[1];
	if(!is_string(host) || !is_string(port) || !host->len
			|| host->len >= sizeof place->host || strlen(host->str) != host->len
			|| !port->len || port->len >= sizeof place->port
			|| strspn(port->str, "0123456789") != port->len)
		return false;
	snprintf(place->host, sizeof place->host, "%s", host->str);
	snprintf(place->port, sizeof place->port, "%s", port->str);
	return true;
}

static void on_reply(med_sentinel_t *s, asked_t *a, int tag, const redisReply *reply)
{
	char text[160];

	if(reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOAUTH", 6) == 0) {
		give_up(s, a, "wants a password: give sentinel_password");
	} else if(tag == TAG_LOGIN && reply->type != REDIS_REPLY_STATUS) {
		give_up(s, a, "refuses sentinel_user or sentinel_password");
	} else if(tag == TAG_MASTER) {
		a->epoch = epoch_of(reply);
	} else if(tag == TAG_ADDRESS && address_of(reply, &a->master)) {
		a->found = a->over = true;
		med_conn_close(&a->conn);
	} else if(tag == TAG_ADDRESS) {
		snprintf(text, sizeof text,
				reply->type == REDIS_REPLY_NIL ? "knows no master '%.60s'"
											   : "no address of master '%.60s'",
				a->url.master);
		if(reply->type == REDIS_REPLY_ERROR)
			snprintf(text, sizeof text, "%.140s", reply->str);
		give_up(s, a, text);
	}
}

static void serve(med_sentinel_t *s, asked_t *a, int64_t now_ms)
{
	med_conn_asked_t asked;
	redisReply *reply;
	int rc = med_conn_io(&a->conn, now_ms);

	while(rc == 0 && !a->over && (rc = med_conn_reply(&a->conn, &reply)) > 0) {
		if(med_conn_pop(&a->conn, &asked))
			on_reply(s, a, asked.tag, reply);
		else
			give_up(s, a, "an answer nobody asked for");
		rc = 0;
	}
	if(rc < 0)
		give_up(s, a, a->conn.error);
}

int med_sentinel_run(med_sentinel_t *s, int64_t now_ms, med_sentinel_found_t *found)
{
	const asked_t *best = NULL;
	bool all = true;

	for(size_t i = 0; i < s->url->sentinels; i++) {
		asked_t *a = &s->asked[i];
		if(!a->over)
			serve(s, a, now_ms);
		all &= a->over;
		if(a->found && (!best || a->epoch > best->epoch))
			best = a;
	}
	if(best && s->deadline > now_ms + MED_SENTINEL_LATE_MS)
		s->deadline = now_ms + MED_SENTINEL_LATE_MS;
	if(!all && now_ms < s->deadline)
		return 0;
	if(best)
		*found = (med_sentinel_found_t){best->master, best->epoch};
	med_sentinel_stop(s);
	return best ? 1 : -1;
}

void med_sentinel_stop(med_sentinel_t *s)
{
	for(size_t i = 0; s->url && i < s->url->sentinels; i++)
		med_conn_close(&s->asked[i].conn);
	s->url = NULL;
}

void med_sentinel_free(med_sentinel_t *s)
{
	size_t count = s->asked ? s->asked[0].url.sentinels : 0;

	for(size_t i = 0; i < count; i++)
		med_conn_free(&s->asked[i].conn);
	free(s->asked);
	memset(s, 0, sizeof *s);
}

size_t med_sentinel_poll(const med_sentinel_t *s, struct pollfd *fds, size_t max,
		int64_t now_ms, int64_t *deadline_ms)
{
	size_t n = 0;

	if(!s->url)
		return 0;
	if(*deadline_ms > s->deadline)
		*deadline_ms = s->deadline;
	for(size_t i = 0; i < s->url->sentinels; i++) {
		const med_conn_t *conn = &s->asked[i].conn;
		if(conn->more)
			*deadline_ms = now_ms;
		if(conn->state == MED_CONN_RESOLVING && *deadline_ms > now_ms + LOOKUP_POLL_MS)
			*deadline_ms = now_ms + LOOKUP_POLL_MS;
		if(conn->fd >= 0 && n < max)
			fds[n++] = (struct pollfd){.fd = conn->fd, .events = med_conn_events(conn)};
	}
	return n;
}

bool med_sentinel_is_master(const redisReply *role)
{
	return role->type == REDIS_REPLY_ARRAY && role->elements > 0
			&& is_string(role->element[0])
			&& strcmp(role->element[0]->str, "master") == 0;
}
