/**
 * conf.c - the listener's keyfile
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "conf.h"

#include <arpa/inet.h>
#include <glib.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define GROUP "listener"

/* One setter per kind of value; @p text is one value, trimmed. */
typedef int (*set_fn)(med_conf_t *conf, const char *text, med_errbuf_t *err);

static int set_listen(med_conf_t *conf, const char *text, med_errbuf_t *err)
{
	return med_sockaddr_parse(text, &conf->listen, err);
}

static int add_node(med_conf_t *conf, const char *text, med_errbuf_t *err)
{
	if(conf->node_count == MED_MAX_NODES)
		return med_fail(err, MED_ELIMIT, "more than %d nodes", MED_MAX_NODES);
	return med_sockaddr_parse(text, &conf->node[conf->node_count++], err);
}

static int add_allow(med_conf_t *conf, const char *text, med_errbuf_t *err)
{
	if(conf->allow_count == MED_MAX_ALLOW)
		return med_fail(err, MED_ELIMIT, "more than %d networks", MED_MAX_ALLOW);
	return med_network_parse(text, &conf->allow[conf->allow_count++], err);
}

static int add_address(med_conf_t *conf, const char *text, med_errbuf_t *err)
{
	uint8_t bytes[16];

	if(conf->address_count == MED_MAX_ADDRESSES)
		return med_fail(err, MED_ELIMIT, "more than %d addresses", MED_MAX_ADDRESSES);
	if(inet_pton(AF_INET, text, bytes) != 1 && inet_pton(AF_INET6, text, bytes) != 1)
		return med_fail(err, MED_EINVAL, "'%.60s' is not an IP address", text);
	g_strlcpy(conf->address[conf->address_count++], text, sizeof(conf->address[0]));
	return MED_EOK;
}

static int add_interface(med_conf_t *conf, const char *text, med_errbuf_t *err)
{
	if(conf->interface_count == MED_MAX_INTERFACES)
		return med_fail(err, MED_ELIMIT, "more than %d interfaces", MED_MAX_INTERFACES);
	if(strlen(text) >= sizeof(conf->interface[0]))
		return med_fail(err, MED_EINVAL, "'%.60s' is too long for a name", text);
	g_strlcpy(conf->interface[conf->interface_count++], text, sizeof(conf->interface[0]));
	return MED_EOK;
}

static int set_log(med_conf_t *conf, const char *text, med_errbuf_t *err)
{
	if(strcmp(text, "stderr") != 0 && strcmp(text, "syslog") != 0)
		return med_fail(err, MED_EINVAL, "'%.60s' is neither stderr nor syslog", text);
	conf->use_syslog = text[1] == 'y';
	return MED_EOK;
}

static int set_log_level(med_conf_t *conf, const char *text, med_errbuf_t *err)
{
	static const struct {
		const char *name;
		int level;
	} levels[] = {{"error", LOG_ERR}, {"warning", LOG_WARNING}, {"notice", LOG_NOTICE},
			{"info", LOG_INFO}, {"debug", LOG_DEBUG}};
	size_t i;

	for(i = 0; i < G_N_ELEMENTS(levels); i++) {
		if(strcmp(text, levels[i].name) == 0) {
			conf->log_level = levels[i].level;
			return MED_EOK;
		}
	}
	return med_fail(err, MED_EINVAL,
			"'%.60s' is not error, warning, notice, info or debug", text);
}

static const struct text_key {
	const char *name;
	bool list;
	set_fn set;
} text_keys[] = {
		/* clang-format off */
	{"listen",     false, set_listen},
	{"nodes",      true,  add_node},
	{"allow",      true,  add_allow},
	{"addresses",  true,  add_address},
	{"interfaces", true,  add_interface},
	{"log",        false, set_log},
	{"log_level",  false, set_log_level},
		/* clang-format on */
};

static const struct number_key {
	const char *name;
	size_t offset;
	int min;
	int max;
} number_keys[] = {
		/* clang-format off */
	{"deadline_ms",      offsetof(med_conf_t, deadline_ms),      20, 10000},
	{"ping_interval_ms", offsetof(med_conf_t, ping_interval_ms), 100, 60000},
	{"replay_ms",        offsetof(med_conf_t, replay_ms),        1000, 120000},
	{"call_age_s",       offsetof(med_conf_t, call_age_s),       60, 604800},
	{"max_calls",        offsetof(med_conf_t, max_calls),        16, 1000000},
		/* clang-format on */
};

static int in_key(int rc, const char *path, const char *key, const med_errbuf_t *inner,
		med_errbuf_t *err)
{
	return med_fail(err, rc, "%.120s: key '%.40s': %s", path, key, inner->text);
}

static int read_text(GKeyFile *file, const char *path, const struct text_key *key,
		med_conf_t *conf, med_errbuf_t *err)
{
	med_errbuf_t inner;
	gchar **values, **value;
	int rc = MED_EOK;

	if(key->list)
		values = g_key_file_get_string_list(file, GROUP, key->name, NULL, NULL);
	else {
		values = g_new0(gchar *, 2);
		values[0] = g_key_file_get_string(file, GROUP, key->name, NULL);
	}
	for(value = values; value && *value && rc == MED_EOK; value++)
		rc = key->set(conf, g_strstrip(*value), &inner);
	if(rc == MED_EOK && (!values || !*values))
		rc = med_fail(&inner, MED_EINVAL, "has no value");
	g_strfreev(values);
	return rc == MED_EOK ? rc : in_key(rc, path, key->name, &inner, err);
}

static int read_number(GKeyFile *file, const char *path, const struct number_key *key,
		med_conf_t *conf, med_errbuf_t *err)
{
	gchar *text = g_key_file_get_string(file, GROUP, key->name, NULL);
	med_errbuf_t inner;
	gint64 number = 0;
	int rc = MED_EOK;

	if(!text
			|| !g_ascii_string_to_signed(
					g_strstrip(text), 10, key->min, key->max, &number, NULL))
		rc = med_fail(&inner, MED_EINVAL, "'%.40s' is not a number from %d to %d",
				text ? text : "", key->min, key->max);
	else
		*(int *)((char *)conf + key->offset) = (int)number;
	g_free(text);
	return rc == MED_EOK ? rc : in_key(rc, path, key->name, &inner, err);
}

static int read_key(GKeyFile *file, const char *path, const char *name, med_conf_t *conf,
		med_errbuf_t *err)
{
	size_t i;

	for(i = 0; i < G_N_ELEMENTS(text_keys); i++) {
		if(strcmp(name, text_keys[i].name) == 0)
			return read_text(file, path, &text_keys[i], conf, err);
	}
	for(i = 0; i < G_N_ELEMENTS(number_keys); i++) {
		if(strcmp(name, number_keys[i].name) == 0)
			return read_number(file, path, &number_keys[i], conf, err);
	}
	return med_fail(
			err, MED_EINVAL, "%.120s: key '%.40s' is unknown; see README.md", path, name);
}

static int read_file(const char *path, med_conf_t *conf, med_errbuf_t *err)
{
	GKeyFile *file = g_key_file_new();
	GError *error = NULL;
	gchar **keys = NULL, **key, **groups = NULL;
	int rc = MED_EOK;

	if(!g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, &error)) {
		rc = med_fail(err, MED_EINVAL, "%.120s: %s", path, error->message);
		g_error_free(error);
		goto out;
	}
	groups = g_key_file_get_groups(file, NULL);
	for(key = groups; *key; key++) {
		if(strcmp(*key, GROUP) != 0) {
			rc = med_fail(err, MED_EINVAL,
					"%.120s: group [%.40s] is unknown; the keys stand under [" GROUP "]",
					path, *key);
			goto out;
		}
	}
	keys = g_key_file_get_keys(file, GROUP, NULL, NULL);
	for(key = keys; key && *key && rc == MED_EOK; key++)
		rc = read_key(file, path, *key, conf, err);
out:
	g_strfreev(groups);
	g_strfreev(keys);
	g_key_file_free(file);
	return rc;
}

static int complete(const char *own_node, med_conf_t *conf, med_errbuf_t *err)
{
	size_t i, told;
	int rc;

	if(!conf->node_count) {
		rc = add_node(conf, own_node ? own_node : "127.0.0.1:2223", err);
		if(rc != MED_EOK)
			return rc;
	}
	if(!conf->allow_count) {
		add_allow(conf, "127.0.0.0/8", NULL);
		add_allow(conf, "::1", NULL);
	}
	told = conf->address_count
			+ conf->node_count * (conf->interface_count ? conf->interface_count : 1);
	if(told > MED_MAX_TOLD)
		return med_fail(err, MED_ELIMIT,
				"%zu 'addresses' and one of each of %zu 'interfaces' of %zu 'nodes' may "
				"be "
				"%zu media addresses; Kamailio's module takes %d",
				conf->address_count, conf->interface_count, conf->node_count, told,
				MED_MAX_TOLD);
	for(i = 0; i < conf->node_count; i++) {
		if(med_sockaddr_eq(&conf->node[i], &conf->listen))
			return med_fail(err, MED_EINVAL,
					"'listen' and 'nodes' name the same port; rtpengine keeps its own, "
					"the "
					"plugin needs another");
	}
	return MED_EOK;
}

int med_conf_load(
		const char *path, const char *own_node, med_conf_t *conf, med_errbuf_t *err)
{
	const char *listen_at = getenv(MED_CONF_LISTEN_ENV);
	bool must_exist = path != NULL;
	int rc;

	memset(conf, 0, sizeof(*conf));
	conf->deadline_ms = 300;
	conf->ping_interval_ms = 1000;
	conf->replay_ms = 10000;
	conf->call_age_s = 14400;
	conf->max_calls = 20000;
	conf->log_level = LOG_INFO;
	set_listen(conf, "127.0.0.1:2224", NULL);
	if(!path && (path = getenv(MED_CONF_ENV)))
		must_exist = true;
	if(!path)
		path = MED_CONF_DEFAULT;
	if(must_exist || access(path, F_OK) == 0) {
		rc = read_file(path, conf, err);
		if(rc != MED_EOK)
			return rc;
	}
	if(listen_at) {
		med_errbuf_t inner;

		rc = set_listen(conf, listen_at, &inner);
		if(rc != MED_EOK)
			return in_key(rc, "environment", MED_CONF_LISTEN_ENV, &inner, err);
	}
	return complete(own_node, conf, err);
}
