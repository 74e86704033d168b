/**
 * store_url.c - where Redis is, and who we are to it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "medcore/store_url.h"

#include <stdio.h>
#include <string.h>

#define FORM "redis://[user:password@]host[:port][/db] or unix:///path[?db=N]"

static int hex(char c)
{
	if(c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/** Copies @p in with %XX undone into @p out. */
static int put(med_str_t in, char *out, size_t size, const char *what, med_errbuf_t *err)
{
	size_t n = 0;

	for(size_t i = 0; i < in.len; i++) {
		char c = in.s[i];
		if(c == '%') {
			int hi = i + 1 < in.len ? hex(in.s[i + 1]) : -1;
			int lo = i + 2 < in.len ? hex(in.s[i + 2]) : -1;
			if(hi < 0 || lo < 0 || (hi | lo) == 0)
				return med_fail(err, MED_EINVAL,
						"redis_url: %s: '%%' must be followed by two hex digits "
						"(write '%%' itself as %%25)",
						what);
			c = (char)(hi << 4 | lo);
			i += 2;
		}
		if(n + 1 >= size)
			return med_fail(err, MED_EINVAL, "redis_url: %s: longer than %zu bytes", what,
					size - 1);
		out[n++] = c;
	}
	out[n] = '\0';
	return MED_EOK;
}

static int put_number(
		med_str_t in, unsigned max, const char *what, unsigned *number, med_errbuf_t *err)
{
	unsigned value = 0;

	for(size_t i = 0; i < in.len; i++) {
		if(in.s[i] < '0' || in.s[i] > '9' || value > max)
			value = max + 1;
		else
			value = value * 10 + (unsigned)(in.s[i] - '0');
	}
	if(in.len == 0 || value > max)
		return med_fail(
				err, MED_EINVAL, "redis_url: %s: not a number from 0 to %u", what, max);
	*number = value;
	return MED_EOK;
}

/** Cuts off and gives what stands before @p mark; false: no mark, nothing is cut. */
static bool cut(med_str_t *rest, char mark, med_str_t *before)
{
	const char *at = rest->len ? memchr(rest->s, mark, rest->len) : NULL;

	if(!at)
		return false;
	before->s = rest->s;
	before->len = (size_t)(at - rest->s);
	rest->len -= before->len + 1;
	rest->s = at + 1;
	return true;
}

static int parse_user(med_str_t who, med_store_url_t *url, med_errbuf_t *err)
{
	med_str_t user;
	int rc;

	if(!cut(&who, ':', &user))
		return med_fail(err, MED_EINVAL,
				"redis_url: a user without a password; write user:password@ or "
				":password@");
	rc = put(user, url->user, sizeof url->user, "user", err);
	return rc ? rc : put(who, url->password, sizeof url->password, "password", err);
}

static int parse_tcp(med_str_t rest, med_store_url_t *url, med_errbuf_t *err)
{
	med_str_t place, who, host;
	const char *at = NULL;
	unsigned port = 6379;
	int rc = MED_EOK;

	/* the last '@': a password may hold one */
	for(size_t i = 0; i < rest.len; i++)
		if(rest.s[i] == '@')
			at = rest.s + i;
	if(at) {
		who = (med_str_t){rest.s, (size_t)(at - rest.s)};
		rest = (med_str_t){at + 1, rest.len - who.len - 1};
		if((rc = parse_user(who, url, err)))
			return rc;
	}
	if(!cut(&rest, '/', &place)) {
		place = rest;
		rest.len = 0;
	}
	if(rest.len && (rc = put_number(rest, 65535, "database", &url->db, err)))
		return rc;
	if(place.len && place.s[0] == '[') {
		place.s++;
		place.len--;
		if(!cut(&place, ']', &host))
			return med_fail(err, MED_EINVAL, "redis_url: host: '[' without ']'");
		if(place.len && place.s[0] != ':')
			return med_fail(
					err, MED_EINVAL, "redis_url: after ']' only ':port' may follow");
		if(place.len
				&& (rc = put_number((med_str_t){place.s + 1, place.len - 1}, 65535,
							"port", &port, err)))
			return rc;
	} else if(cut(&place, ':', &host)) {
		if((rc = put_number(place, 65535, "port", &port, err)))
			return rc;
	} else {
		host = place;
	}
	if(host.len == 0 || port == 0)
		return med_fail(err, MED_EINVAL, "redis_url: no host or port; the form is " FORM);
	snprintf(url->port, sizeof url->port, "%u", port & 0xffff);
	return put(host, url->host, sizeof url->host, "host", err);
}

static int parse_unix(med_str_t rest, med_store_url_t *url, med_errbuf_t *err)
{
	med_str_t path, item, name;
	int rc;

	if(!cut(&rest, '?', &path)) {
		path = rest;
		rest.len = 0;
	}
	if(path.len == 0 || path.s[0] != '/')
		return med_fail(err, MED_EINVAL,
				"redis_url: path of the socket must be absolute: "
				"unix:///run/redis/redis.sock");
	if((rc = put(path, url->path, sizeof url->path, "path", err)))
		return rc;
	while(rest.len) {
		if(!cut(&rest, '&', &item)) {
			item = rest;
			rest.len = 0;
		}
		if(!cut(&item, '=', &name))
			name = item;
		if(med_str_eq(name, MED_STR("db")))
			rc = put_number(item, 65535, "db", &url->db, err);
		else if(med_str_eq(name, MED_STR("user")))
			rc = put(item, url->user, sizeof url->user, "user", err);
		else if(med_str_eq(name, MED_STR("password")))
			rc = put(item, url->password, sizeof url->password, "password", err);
		else
			rc = med_fail(err, MED_EINVAL,
					"redis_url: after '?' only db, user and password are known");
		if(rc)
			return rc;
	}
	if(url->user[0] && !url->password[0])
		return med_fail(err, MED_EINVAL, "redis_url: a user without a password");
	return MED_EOK;
}

int med_store_url_parse(const char *text, med_store_url_t *url, med_errbuf_t *err)
{
	med_store_url_t u = {0};
	int rc;

	if(strncmp(text, "redis://", 8) == 0) {
		rc = parse_tcp(med_str(text + 8), &u, err);
	} else if(strncmp(text, "unix://", 7) == 0) {
		u.is_unix = true;
		rc = parse_unix(med_str(text + 7), &u, err);
	} else if(strncmp(text, "rediss://", 9) == 0) {
		return med_fail(err, MED_EINVAL,
				"redis_url: rediss:// (TLS) is not built in: this "
				"hiredis has no TLS; use a unix socket or a tunnel");
	} else {
		return med_fail(err, MED_EINVAL, "redis_url: the form is " FORM);
	}
	if(rc)
		return rc;
	if(u.is_unix)
		snprintf(u.shown, sizeof u.shown, "redis %s db %u", u.path, u.db);
	else
		snprintf(u.shown, sizeof u.shown, "redis %s:%s db %u", u.host, u.port, u.db);
	*url = u;
	return MED_EOK;
}
