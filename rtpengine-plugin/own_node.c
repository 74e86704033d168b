/**
 * own_node.c - the ng port of the rtpengine a plugin is inside of
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "own_node.h"

#include <glib.h>
#include <netdb.h>
#include <string.h>

#include "net.h"

#define SECTION "rtpengine"
/** rtpengine's short options without a value: one with a value may follow in the word. */
#define SHORT_FLAGS "fEFSqy"

/** The value of --name, --name=value; NULL where this is another word. */
static const char *long_value(const char *word, const char *next, const char *name)
{
	size_t len = strlen(name);

	if(strncmp(word, "--", 2) != 0 || strncmp(word + 2, name, len) != 0)
		return NULL;
	if(word[2 + len] == '=')
		return word + 3 + len;
	return word[2 + len] ? NULL : next;
}

/** The value of -n, in the same word or the next. */
static const char *short_value(const char *word, const char *next)
{
	if(word[0] != '-' || word[1] == '-')
		return NULL;
	word += 1 + strspn(word + 1, SHORT_FLAGS);
	if(*word != 'n')
		return NULL;
	return word[1] ? word + 1 : next;
}

static bool from_file(const char *config, const char *section, char *value, size_t size)
{
	GKeyFile *file = g_key_file_new();
	gchar *text = NULL;

	if(g_key_file_load_from_file(file, config, G_KEY_FILE_NONE, NULL))
		text = g_key_file_get_string(file, section, "listen-ng", NULL);
	g_key_file_free(file);
	if(!text)
		return false;
	g_strlcpy(value, text, size);
	g_free(text);
	return true;
}

bool med_own_listen(
		int argc, char *const *argv, const char *config, char *value, size_t size)
{
	const char *told = NULL, *section = SECTION, *found, *next;
	int i;

	for(i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		next = i + 1 < argc ? argv[i + 1] : NULL;
		if((found = long_value(argv[i], next, "listen-ng"))
				|| (found = short_value(argv[i], next)))
			told = found;
		else if((found = long_value(argv[i], next, "config-file")))
			config = found;
		else if((found = long_value(argv[i], next, "config-section")))
			section = found;
		i += found && found == next;
	}
	if(told)
		g_strlcpy(value, told, size);
	else if(strcmp(config, "none") == 0 || !from_file(config, section, value, size))
		return false;
	/* newer ones take several */
	value[strcspn(value, ";")] = '\0';
	g_strstrip(value);
	return value[0] != '\0';
}

/** Its first address, IPv4 before IPv6; false where the name has none. */
static bool look_up(const char *host, const char *port, char *node, size_t size)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *list, *at, *best;
	med_sockaddr_t address;

	if(getaddrinfo(host, port, &hints, &list) != 0)
		return false;
	for(best = at = list; at; at = at->ai_next) {
		if(at->ai_family == AF_INET && best->ai_family != AF_INET)
			best = at;
	}
	memset(&address, 0, sizeof(address));
	memcpy(&address.u, best->ai_addr,
			best->ai_addrlen < sizeof(address.u) ? best->ai_addrlen : sizeof(address.u));
	med_sockaddr_print(&address, node, size);
	freeaddrinfo(list);
	return true;
}

void med_own_address(const char *value, char *node, size_t size)
{
	const char *colon = strrchr(value, ':'), *port = colon ? colon + 1 : value;
	char host[256] = "";
	size_t len = colon ? (size_t)(colon - value) : 0;

	if(len >= 2 && value[0] == '[' && value[len - 1] == ']') {
		value++;
		len -= 2;
	}
	if(len < sizeof(host)) {
		memcpy(host, value, len);
		host[len] = '\0';
	}
	if(!len || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "localhost") == 0)
		g_snprintf(node, (gulong)size, "127.0.0.1:%s", port);
	else if(strcmp(host, "::") == 0)
		g_snprintf(node, (gulong)size, "[::1]:%s", port);
	else if(!look_up(host, port, node, size))
		g_snprintf(node, (gulong)size, "%s:%s", host, port);
}
