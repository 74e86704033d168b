/**
 * redis.c - the connection that commands share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "medctl/output.h"

#define TIMEOUT_MS 10000
#define WORDS_MAX 16

med_client_t *medctl_client(medctl_t *m)
{
	med_errbuf_t err = {""};

	if(m->client == NULL
			&& med_client_open(m->redis, TIMEOUT_MS, &m->client, &err) != MED_EOK)
		out_error("%s", err.text);
	return m->client;
}

bool medctl_send_words(medctl_t *m, size_t argc, const med_str_t *argv)
{
	int rc =
			medctl_client(m) == NULL ? -ENOTCONN : med_client_send(m->client, argc, argv);
	med_errbuf_t err = {""};
	med_reply_t *reply;

	if(rc == MED_EOK)
		return true;
	/* the reason comes in the place of a reply */
	if(m->client != NULL && rc != MED_ELIMIT) {
		while(med_client_reply(m->client, &reply, &err) == MED_EOK)
			med_reply_free(reply);
		out_error("%s", err.text);
	} else if(m->client != NULL) {
		out_error("more than Redis may be sent at once");
	}
	return false;
}

bool medctl_send(medctl_t *m, const char *word, ...)
{
	med_str_t argv[WORDS_MAX];
	size_t argc = 0;
	va_list args;

	va_start(args, word);
	for(; word != NULL && argc < WORDS_MAX; word = va_arg(args, const char *))
		argv[argc++] = med_str(word);
	va_end(args);
	return medctl_send_words(m, argc, argv);
}

const char *medctl_remedy(const char *error)
{
	if(strncmp(error, "NOPERM", 6) == 0)
		return "; the page security.md has the line that gives a user its rights";
	if(strncmp(error, "READONLY", 8) == 0)
		return " Name the master, or sentinel:// to have it found";
	return "";
}

med_reply_t *medctl_reply(medctl_t *m)
{
	med_errbuf_t err = {""};
	med_reply_t *reply = NULL;

	if(m->client == NULL)
		return NULL;
	if(med_client_reply(m->client, &reply, &err) != MED_EOK) {
		out_error("%s", err.text);
		return NULL;
	}
	if(reply->type == MED_REPLY_ERROR) {
		out_error("%s: %.*s%s", med_client_place(m->client), MED_STR_FMT(reply->str),
				medctl_remedy(reply->str.s));
		med_reply_free(reply);
		return NULL;
	}
	return reply;
}

char *medctl_get(medctl_t *m, med_str_t prefix, const char *key, size_t max)
{
	med_str_t words[4] = {MED_STR("GETRANGE"), {NULL, 0}, MED_STR("0")};
	char last[24];
	size_t len = strlen(key);
	med_reply_t *reply = NULL;
	char *name = malloc(prefix.len + len + 1), *value = NULL;

	if(name == NULL)
		return NULL;
	memcpy(name, prefix.s, prefix.len);
	memcpy(name + prefix.len, key, len + 1);
	words[1] = (med_str_t){name, prefix.len + len};
	words[3] = (med_str_t){last, (size_t)snprintf(last, sizeof(last), "%zu", max - 1)};
	if(medctl_send_words(m, 4, words))
		reply = medctl_reply(m);
	if(reply != NULL)
		value = strndup(reply->str.s == NULL ? "" : reply->str.s, reply->str.len);
	med_reply_free(reply);
	free(name);
	return value;
}
