/**
 * store_url.h - where Redis is, and who we are to it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_STORE_URL_H
#define MEDCORE_STORE_URL_H

#include "medcore/common.h"

#define MED_SENTINELS_MAX 8

/** Where something listens. */
typedef struct med_store_place {
	char host[256]; /**< name, IPv4 or IPv6 without brackets */
	char port[6];
} med_store_place_t;

typedef struct med_store_url {
	bool is_unix, tls;
	med_store_place_t at; /**< with Sentinel: not known until it was asked */
	char path[108];       /**< of a unix socket */
	unsigned db;
	char user[128];     /**< empty: Redis's default user */
	char password[512]; /**< empty: no AUTH; a secret, never printed */
	/* with Sentinel */
	size_t sentinels;
	med_store_place_t sentinel[MED_SENTINELS_MAX];
	char master[128]; /**< the name it is known by */
	char sentinel_user[128], sentinel_password[512];
	/* with TLS; empty: the system's authorities, no certificate of our own, the host */
	char ca[256], cert[256], key[256], name[256];
	char shown[300]; /**< for logs: place and database, without user and password */
} med_store_url_t;

/**
 * redis://[user[:password]@]host[:port][/db], redis://:password@host;
 * unix:///path[?db=N&user=..&password=..];
 * rediss://... as redis://, with ?ca=<file>&cert=<file>&key=<file>&name=<in the
 * certificate>; sentinel://[user:password@]host[:port][,host[:port]...]/master[/db]
 * [?sentinel_user=..&sentinel_password=..&tls=1&...]. %XX in all but numbers. With TLS,
 * Sentinel is asked by TLS as well.
 * @return MED_EOK, MED_EINVAL (@p err never repeats the url: it may hold a password)
 */
int med_store_url_parse(const char *text, med_store_url_t *url, med_errbuf_t *err);

/** Goes to @p at now, as Sentinel said (NULL: not known): sets `at` and `shown`. */
void med_store_url_go_to(med_store_url_t *url, const med_store_place_t *at);

/** The passwords in @p text, which a server wrote, become asterisks. */
void med_store_url_hide(const med_store_url_t *url, char *text);

#endif
