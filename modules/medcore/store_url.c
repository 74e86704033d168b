/**
 * store_url.c - where Redis is, and who we are to it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "medcore/store_url.h"

#include <stdio.h>
#include <string.h>

#define FORM                                                                             \
	"redis://[user:password@]host[:port][/db], rediss:// with TLS, unix:///path[?db=N] " \
	"or sentinel://host[:port],host/master[/db]"

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

/** host[:port], [v6][:port] */
static int parse_place(
		med_str_t place, unsigned port, med_store_place_t *at, med_errbuf_t *err)
{
	med_str_t host;
	int rc = MED_EOK;

	if(place.len && place.s[0] == '[') {
		place.s++;
		place.len--;
		if(!cut(&place, ']', &host))
			return med_fail(err, MED_EINVAL, "redis_url: host: '[' without ']'");
		if(place.len && place.s[0] != ':')
			return med_fail(
					err, MED_EINVAL, "redis_url: after ']' only ':port' may follow");
		if(place.len)
			rc = put_number(
					(med_str_t){place.s + 1, place.len - 1}, 65535, "port", &port, err);
	} else if(cut(&place, ':', &host)) {
		rc = put_number(place, 65535, "port", &port, err);
	} else {
		host = place;
	}
	if(rc)
		return rc;
	if(host.len == 0 || port == 0)
		return med_fail(err, MED_EINVAL, "redis_url: no host or port; the form is " FORM);
	snprintf(at->port, sizeof at->port, "%u", port & 0xffff);
	return put(host, at->host, sizeof at->host, "host", err);
}

/** name=value&... ; which names are known depends on the kind of url. */
static int parse_options(med_str_t rest, med_store_url_t *u, med_errbuf_t *err)
{
	bool sentinel = u->sentinels > 0, net = !u->is_unix;
	unsigned number = 0;
	const struct {
		const char *name;
		char *text;
		size_t size;
		unsigned *number, max;
		bool known;
	} options[] = {
			{"db", NULL, 0, &u->db, 65535, u->is_unix},
			{"user", u->user, sizeof u->user, NULL, 0, u->is_unix},
			{"password", u->password, sizeof u->password, NULL, 0, u->is_unix},
			{"ca", u->ca, sizeof u->ca, NULL, 0, net},
			{"cert", u->cert, sizeof u->cert, NULL, 0, net},
			{"key", u->key, sizeof u->key, NULL, 0, net},
			{"name", u->name, sizeof u->name, NULL, 0, net},
			{"tls", NULL, 0, &number, 1, sentinel},
			{"sentinel_user", u->sentinel_user, sizeof u->sentinel_user, NULL, 0,
					sentinel},
			{"sentinel_password", u->sentinel_password, sizeof u->sentinel_password, NULL,
					0, sentinel},
	};
	med_str_t item, name;

	while(rest.len) {
		size_t i = 0;
		int rc;
		if(!cut(&rest, '&', &item)) {
			item = rest;
			rest.len = 0;
		}
		if(!cut(&item, '=', &name)) {
			name = item;
			item.len = 0;
		}
		while(i < sizeof options / sizeof *options
				&& !(options[i].known && med_str_eq(name, med_str(options[i].name))))
			i++;
		if(i == sizeof options / sizeof *options)
			return med_fail(err, MED_EINVAL, "redis_url: after '?' only %s are known",
					u->is_unix         ? "db, user and password"
							: sentinel ? "tls, ca, cert, key, name, sentinel_user and "
										 "sentinel_password"
									   : "ca, cert, key and name");
		rc = options[i].text
				? put(item, options[i].text, options[i].size, options[i].name, err)
				: put_number(
						item, options[i].max, options[i].name, options[i].number, err);
		if(rc)
			return rc;
	}
	u->tls |= number != 0;
	if((u->user[0] && !u->password[0])
			|| (u->sentinel_user[0] && !u->sentinel_password[0]))
		return med_fail(err, MED_EINVAL, "redis_url: a user without a password");
	if(!u->cert[0] != !u->key[0])
		return med_fail(err, MED_EINVAL, "redis_url: cert and key go together");
	if(!u->tls && (u->ca[0] || u->cert[0] || u->name[0]))
		return med_fail(err, MED_EINVAL,
				"redis_url: ca, cert, key and name are for TLS; write rediss:// or "
				"tls=1");
	return MED_EOK;
}

static int parse_sentinels(med_str_t places, med_store_url_t *url, med_errbuf_t *err)
{
	med_str_t place;
	bool more = true;
	int rc;

	while(more) {
		more = cut(&places, ',', &place);
		if(!more)
			place = places;
		if(url->sentinels == MED_SENTINELS_MAX)
			return med_fail(err, MED_EINVAL, "redis_url: more than %d sentinels",
					MED_SENTINELS_MAX);
		rc = parse_place(place, 26379, &url->sentinel[url->sentinels++], err);
		if(rc)
			return rc;
	}
	return MED_EOK;
}

/** "/master[/db]" or "/db" */
static int parse_path(
		med_str_t path, bool sentinel, med_store_url_t *url, med_errbuf_t *err)
{
	med_str_t master;
	int rc;

	if(sentinel) {
		if(!cut(&path, '/', &master)) {
			master = path;
			path.len = 0;
		}
		if((rc = put(master, url->master, sizeof url->master, "master", err)))
			return rc;
		if(!url->master[0])
			return med_fail(err, MED_EINVAL,
					"redis_url: sentinel:// needs the master's name: "
					"sentinel://host,host/mymaster");
	}
	return path.len ? put_number(path, 65535, "database", &url->db, err) : MED_EOK;
}

/** All that has hosts. */
static int parse_net(
		med_str_t rest, bool sentinel, med_store_url_t *url, med_errbuf_t *err)
{
	med_str_t place, who, options = {0}, before;
	const char *at = NULL;
	int rc = MED_EOK;

	if((url->tls || sentinel) && cut(&rest, '?', &before)) {
		options = rest;
		rest = before;
	}
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
	if(!options.len && cut(&rest, '?', &before)) {
		options = rest;
		rest = before;
	}
	if(!cut(&rest, '/', &place)) {
		place = rest;
		rest.len = 0;
	}
	rc = sentinel ? parse_sentinels(place, url, err)
				  : parse_place(place, 6379, &url->at, err);
	if(rc == MED_EOK)
		rc = parse_path(rest, sentinel, url, err);
	return rc ? rc : parse_options(options, url, err);
}

static int parse_unix(med_str_t rest, med_store_url_t *url, med_errbuf_t *err)
{
	med_str_t path;
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
	return parse_options(rest, url, err);
}

int med_store_url_parse(const char *text, med_store_url_t *url, med_errbuf_t *err)
{
	med_store_url_t u = {0};
	int rc;

	if(strncmp(text, "redis://", 8) == 0) {
		rc = parse_net(med_str(text + 8), false, &u, err);
	} else if(strncmp(text, "rediss://", 9) == 0) {
		u.tls = true;
		rc = parse_net(med_str(text + 9), false, &u, err);
	} else if(strncmp(text, "sentinel://", 11) == 0) {
		rc = parse_net(med_str(text + 11), true, &u, err);
	} else if(strncmp(text, "unix://", 7) == 0) {
		u.is_unix = true;
		rc = parse_unix(med_str(text + 7), &u, err);
	} else {
		return med_fail(err, MED_EINVAL, "redis_url: the form is " FORM);
	}
	if(rc)
		return rc;
	med_store_url_go_to(&u, u.is_unix || u.sentinels ? NULL : &u.at);
	*url = u;
	return MED_EOK;
}

void med_store_url_go_to(med_store_url_t *url, const med_store_place_t *at)
{
	med_store_place_t to = at ? *at : (med_store_place_t){0};
	size_t len = 0;

	url->at = to;
	if(at)
		snprintf(url->shown, sizeof url->shown, "redis %.200s:%s db %u", to.host, to.port,
				url->db);
	else if(url->is_unix)
		snprintf(url->shown, sizeof url->shown, "redis %s db %u", url->path, url->db);
	for(size_t i = 0; !at && i < url->sentinels && len < sizeof url->shown; i++)
		len += (size_t)snprintf(url->shown + len, sizeof url->shown - len, "%s%.60s:%s",
				i ? "," : "sentinel ", url->sentinel[i].host, url->sentinel[i].port);
}

void med_store_url_hide(const med_store_url_t *url, char *text)
{
	const char *secrets[] = {url->password, url->sentinel_password};

	for(size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
		size_t len = strlen(secrets[i]);
		for(char *at = text; len && (at = strstr(at, secrets[i])); at += len)
			memset(at, '*', len);
	}
}
