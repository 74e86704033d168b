/**
 * store_url.h - where Redis is, and who we are to it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_STORE_URL_H
#define MEDCORE_STORE_URL_H

#include "medcore/common.h"

typedef struct med_store_url {
	bool is_unix;
	char host[256]; /**< name, IPv4 or IPv6 without brackets */
	char port[6];
	char path[108]; /**< of a unix socket */
	unsigned db;
	char user[128];     /**< empty: Redis's default user */
	char password[512]; /**< empty: no AUTH; a secret, never printed */
	char shown[300];    /**< for logs: place and database, without user and password */
} med_store_url_t;

/**
 * redis://[user[:password]@]host[:port][/db], redis://:password@host, or
 * unix:///path[?db=N&user=..&password=..]; %XX in user and password.
 * @return MED_EOK, MED_EINVAL (@p err never repeats the url: it may hold a password)
 */
int med_store_url_parse(const char *text, med_store_url_t *url, med_errbuf_t *err);

#endif
