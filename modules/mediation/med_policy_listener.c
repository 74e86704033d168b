/**
 * med_policy_listener.c - is the plugin there, in front of rtpengine?
 *
 * Every second each ng socket gets a `ping` that carries `med-hello`. The plugin adds to
 * its pong: med-version, med-host (inside or beside rtpengine), med-nodes (the rtpengines
 * behind it), and med-addresses (the addresses media is anchored at).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "med_policy_listener.h"

#include "med_compat.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ASK_MS 1000
#define ADDRESSES_MAX 256    /* more than a plugin with all its nodes lists */
#define DATAGRAM_MAX 0x10000 /* no UDP datagram is longer */

/** What is known of one listener. */
typedef struct state {
	int64_t yes_ms; /**< of the last yes; 0: never, or a no came after it */
	int64_t no_ms;  /**< of the last answer that was no yes; 0: a yes came after it */
	char version[40], host[40], nodes[160], text[160];
	med_ip_t anchor[ADDRESSES_MAX];
	uint32_t anchors;
} state_t;

/**
 * Written by the Redis process alone. Readers take no lock and wait for nobody, even if
 * the writer is stopped in between: it writes the state that `edition` does not lead to,
 * and then leads there. Who was led away meanwhile reads again.
 */
typedef struct listener {
	char sock[72]; /**< without "udp:" */
	struct sockaddr_storage address;
	socklen_t address_len;
	uint32_t edition;
	state_t state[2]; /**< by the lowest bit of the edition */
} listener_t;

/** In shared memory. */
typedef struct shared {
	uint32_t count;
	int64_t fresh_until_ms; /**< 0: one of them is no policy listener */
	listener_t listener[MED_LISTENERS_MAX];
} shared_t;

static shared_t *shared = NULL;

/** Of the Redis process. */
static struct {
	int fd[MED_LISTENERS_MAX];
	unsigned cookie[MED_LISTENERS_MAX];
	bool complained[MED_LISTENERS_MAX];
	int64_t since_ms, next_ms;
} own;

static int64_t clock_ms(void)
{
	struct timespec t;

	/* a few ms coarse, and a third of the price: asked on every call */
	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/** The state in force; for the writer. */
static const state_t *current(const listener_t *l)
{
	return &l->state[l->edition & 1];
}

/** A copy of it to be changed; nobody reads it before publish(). */
static state_t *draft(listener_t *l)
{
	state_t *s = &l->state[(l->edition + 1) & 1];

	__atomic_thread_fence(__ATOMIC_RELEASE); /* who reads what follows sees the edition */
	*s = *current(l);
	return s;
}

static void publish(listener_t *l)
{
	__atomic_store_n(&l->edition, l->edition + 1, __ATOMIC_RELEASE);
}

/** Why it is not a yes. */
static void take_no(const listener_t *l, state_t *s, const char *what)
{
	char text[sizeof s->text];

	snprintf(text, sizeof text, "%.71s %s", l->sock, what);
	memcpy(s->text, text, sizeof text);
	s->yes_ms = s->no_ms = 0;
}

/** An answer, and not the plugin's. */
static void take_wrong(const listener_t *l, state_t *s, const char *what)
{
	take_no(l, s, what);
	s->no_ms = clock_ms();
}

/* ---- parameters ---- */

/** "udp:127.0.0.1:2223", "udp6:[::1]:2223", "127.0.0.1:2223" */
static int add_sock(med_str_t word)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *list = NULL;
	listener_t *l = &shared->listener[shared->count];
	char host[72], *port;
	int rc;

	if(shared->count == MED_LISTENERS_MAX) {
		LM_ERR("rtpengine_sock: more than %d sockets\n", MED_LISTENERS_MAX);
		return -1;
	}
	for(unsigned i = 0; i < 2; i++) {
		med_str_t scheme = i ? MED_STR("udp6:") : MED_STR("udp:");
		if(word.len > scheme.len && memcmp(word.s, scheme.s, scheme.len) == 0) {
			word.s += scheme.len;
			word.len -= scheme.len;
			break;
		}
	}
	if(word.len >= sizeof host) {
		LM_ERR("rtpengine_sock: '%.*s': too long\n", MED_STR_FMT(word));
		return -1;
	}
	memcpy(host, word.s, word.len);
	host[word.len] = '\0';
	memcpy(l->sock, host, word.len + 1);
	port = strrchr(host, ':');
	if(!port || port == host || !port[1]) {
		LM_ERR("rtpengine_sock: '%s': write it as udp:127.0.0.1:2223\n", host);
		return -1;
	}
	*port++ = '\0';
	if(host[0] == '[' && host[strlen(host) - 1] == ']') {
		memmove(host, host + 1, strlen(host));
		host[strlen(host) - 1] = '\0';
	}
	rc = getaddrinfo(host, port, &hints, &list);
	if(rc) {
		LM_ERR("rtpengine_sock: '%s': %s (only udp: and udp6: are asked)\n", l->sock,
				gai_strerror(rc));
		return -1;
	}
	memcpy(&l->address, list->ai_addr, list->ai_addrlen);
	l->address_len = list->ai_addrlen;
	freeaddrinfo(list);
	take_no(l, &l->state[0], "has not answered yet");
	shared->count++;
	return 0;
}

int med_policy_listener_init(const char *socks)
{
	shared = shm_mallocxz(sizeof *shared);
	if(!shared) {
		SHM_MEM_ERROR;
		return -1;
	}
	for(const char *p = socks ? socks : ""; *p;) {
		size_t len = strcspn(p, " \t,");
		if(len && add_sock((med_str_t){p, len}))
			return -1;
		p += len + (p[len] != '\0');
	}
	return 0;
}

void med_policy_listener_destroy(void)
{
	if(shared)
		shm_free(shared);
	shared = NULL;
}

/* ---- read by every process ---- */

static const state_t *read_begin(const listener_t *l, uint32_t *edition)
{
	*edition = __atomic_load_n(&l->edition, __ATOMIC_ACQUIRE);
	return &l->state[*edition & 1];
}

/** At most once per answer of the listener. */
static bool read_again(const listener_t *l, uint32_t edition)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&l->edition, __ATOMIC_RELAXED) != edition;
}

bool med_policy_listener_present(void)
{
	return clock_ms() < __atomic_load_n(&shared->fresh_until_ms, __ATOMIC_RELAXED);
}

static bool fresh(const state_t *s, int64_t now_ms)
{
	return s->yes_ms && now_ms - s->yes_ms < MED_LISTENER_FRESH_MS;
}

/** It answers, but not as the plugin: what it is sent would pass without a policy. */
static bool blocks(const state_t *s, int64_t now_ms)
{
	return s->no_ms && now_ms - s->no_ms < MED_LISTENER_FRESH_MS;
}

bool med_policy_listener_view(unsigned index, med_listener_view_t *view)
{
	const listener_t *l = &shared->listener[index];
	state_t copy;
	uint32_t edition;

	if(index >= shared->count)
		return false;
	do {
		copy = *read_begin(l, &edition);
	} while(read_again(l, edition));
	memset(view, 0, sizeof *view);
	view->fresh = fresh(&copy, clock_ms());
	view->blocks = blocks(&copy, clock_ms());
	memcpy(view->sock, l->sock, sizeof view->sock);
	memcpy(view->version, copy.version, sizeof view->version);
	memcpy(view->host, copy.host, sizeof view->host);
	memcpy(view->nodes, copy.nodes, sizeof view->nodes);
	if(!view->fresh && copy.text[0])
		memcpy(view->text, copy.text, sizeof view->text);
	else if(!view->fresh)
		snprintf(view->text, sizeof view->text, "%s does not answer", l->sock);
	return true;
}

void med_policy_listener_reason(char *text, size_t size)
{
	bool blocking = false;
	med_listener_view_t view;

	snprintf(text, size, "no policy listener is configured: set rtpengine_sock");
	if(shared->count)
		snprintf(text, size, "every policy listener answers");
	for(unsigned i = 0; !blocking && med_policy_listener_view(i, &view); i++) {
		blocking = view.blocks;
		if(!view.fresh)
			snprintf(text, size, "%s", view.text);
	}
}

static bool anchored(const state_t *s, const med_ip_t *address)
{
	uint32_t n = s->anchors < ADDRESSES_MAX ? s->anchors : ADDRESSES_MAX;

	for(uint32_t k = 0; k < n; k++)
		if(memcmp(s->anchor[k].bytes, address->bytes, sizeof address->bytes) == 0)
			return true;
	return false;
}

bool med_policy_listener_anchors(const med_ip_t *address)
{
	bool found = false;
	uint32_t edition;

	for(uint32_t i = 0; !found && i < shared->count; i++) {
		const listener_t *l = &shared->listener[i];
		do {
			found = anchored(read_begin(l, &edition), address);
		} while(read_again(l, edition));
	}
	return found;
}

bool med_is_ipv6(const med_ip_t *ip)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(ip->bytes, mapped, sizeof mapped) != 0;
}

static bool anchored_in(const state_t *s, bool ipv6)
{
	uint32_t n = s->anchors < ADDRESSES_MAX ? s->anchors : ADDRESSES_MAX;

	for(uint32_t k = 0; k < n; k++)
		if(med_is_ipv6(&s->anchor[k]) == ipv6)
			return true;
	return false;
}

bool med_policy_listener_anchors_in(bool ipv6)
{
	bool found = false;
	uint32_t edition;

	for(uint32_t i = 0; !found && i < shared->count; i++) {
		const listener_t *l = &shared->listener[i];
		do {
			found = anchored_in(read_begin(l, &edition), ipv6);
		} while(read_again(l, edition));
	}
	return found;
}

/* ---- bencode: just enough to read the answer ---- */

/** Length of the value at the start of @p rest; 0: not bencode. */
static size_t value_length(med_str_t rest, unsigned depth)
{
	size_t at = 0, len = 0;

	if(!rest.len || depth > 8)
		return 0;
	if(rest.s[0] == 'i') {
		const char *end = memchr(rest.s, 'e', rest.len);
		return end ? (size_t)(end - rest.s) + 1 : 0;
	}
	if(rest.s[0] == 'l' || rest.s[0] == 'd') {
		for(at = 1; at < rest.len && rest.s[at] != 'e'; at += len) {
			len = value_length((med_str_t){rest.s + at, rest.len - at}, depth + 1);
			if(!len)
				return 0;
		}
		return at < rest.len ? at + 1 : 0;
	}
	for(; at < rest.len && at < 8 && rest.s[at] >= '0' && rest.s[at] <= '9'; at++)
		len = len * 10 + (size_t)(rest.s[at] - '0');
	if(!at || at >= rest.len || rest.s[at] != ':' || len > rest.len - at - 1)
		return 0;
	return at + 1 + len;
}

/** Takes the next value off @p rest; false: none, or not bencode. */
static bool next_value(med_str_t *rest, med_str_t *value)
{
	size_t len = value_length(*rest, 0);

	*value = (med_str_t){rest->s, len};
	rest->s += len;
	rest->len -= len;
	return len != 0;
}

/** The text of a string, the digits of a number. */
static med_str_t value_text(med_str_t value)
{
	const char *colon;

	if(value.len >= 2 && value.s[0] == 'i')
		return (med_str_t){value.s + 1, value.len - 2};
	if(!value.len || value.s[0] == 'l' || value.s[0] == 'd')
		return (med_str_t){0};
	colon = memchr(value.s, ':', value.len);
	return (med_str_t){colon + 1, value.len - (size_t)(colon + 1 - value.s)};
}

/** The value of @p key in a dictionary; empty: it has none. */
static med_str_t dict_value(med_str_t dict, med_str_t key)
{
	med_str_t rest = {dict.s + 1, dict.len - 1}, name, value;

	while(rest.len && next_value(&rest, &name) && next_value(&rest, &value))
		if(med_str_eq(value_text(name), key))
			return value;
	return (med_str_t){0};
}

static void dict_text(med_str_t dict, med_str_t key, char *text, size_t size)
{
	med_str_t value = value_text(dict_value(dict, key));
	size_t len = value.len < size ? value.len : size - 1;

	for(size_t i = 0; i < len; i++)
		text[i] = value.s[i] >= ' ' && value.s[i] < 0x7f ? value.s[i] : '?';
	text[len] = '\0';
}

/** A dictionary of the rtpengines behind the listener as "name alive, name dead". */
static void nodes_text(med_str_t dict, char *text, size_t size)
{
	med_str_t rest = {dict.s + 1, dict.len - 2}, name, value;
	size_t len = 0;

	text[0] = '\0';
	if(dict.len < 2 || dict.s[0] != 'd')
		return;
	while(rest.len && next_value(&rest, &name) && next_value(&rest, &value) && len < size)
		len += (size_t)snprintf(text + len, size - len, "%s%.*s %.*s", len ? ", " : "",
				MED_STR_FMT(value_text(name)), MED_STR_FMT(value_text(value)));
}

/* ---- the Redis process ---- */

/**
 * Calls need one that is there, and none that would pass them without policy. One that is
 * silent is neither: the client leaves it alone once it has not answered.
 */
static void update_fresh_until(void)
{
	int64_t most = 0, now_ms = clock_ms();

	for(uint32_t i = 0; i < shared->count; i++) {
		const state_t *s = current(&shared->listener[i]);

		if(blocks(s, now_ms)) {
			most = 0;
			break;
		}
		if(s->yes_ms && s->yes_ms + MED_LISTENER_FRESH_MS > most)
			most = s->yes_ms + MED_LISTENER_FRESH_MS;
	}
	__atomic_store_n(&shared->fresh_until_ms, most, __ATOMIC_RELAXED);
}

/**
 * The addresses media is anchored at; how many, or ADDRESSES_MAX + 1: more than we keep.
 * None: those it told before stay, for the calls that have them.
 */
static uint32_t take_addresses(state_t *s, med_str_t list)
{
	uint32_t n = 0;
	med_str_t item;

	if(list.len < 2 || list.s[0] != 'l')
		return 0;
	list = (med_str_t){list.s + 1, list.len - 2};
	while(list.len && next_value(&list, &item)) {
		if(n == ADDRESSES_MAX)
			return ADDRESSES_MAX + 1;
		if(med_ip_parse(value_text(item), &s->anchor[n]) == MED_EOK)
			s->anchors = ++n;
	}
	return n;
}

/**
 * The plugin's answer. Without addresses it is no yes: media could not be told from what
 * is not anchored, and all of it would be kept back at the gate.
 */
static void take_plugin(const listener_t *l, state_t *s, med_str_t dict)
{
	uint32_t addresses;

	dict_text(dict, MED_STR("med-version"), s->version, sizeof s->version);
	dict_text(dict, MED_STR("med-host"), s->host, sizeof s->host);
	nodes_text(dict_value(dict, MED_STR("med-nodes")), s->nodes, sizeof s->nodes);
	addresses = take_addresses(s, dict_value(dict, MED_STR("med-addresses")));
	if(addresses > ADDRESSES_MAX) {
		take_no(l, s, "lists more media addresses than the module can keep");
	} else if(!addresses) {
		take_no(l, s, "answers, but has no media addresses yet: is its rtpengine there?");
	} else {
		s->text[0] = '\0';
		s->yes_ms = clock_ms();
		s->no_ms = 0;
	}
}

static void complain(const state_t *s)
{
	LM_ERR("%s%s\n", s->text,
			med_policy_listener_present()
					? ""
					: "; calls that need a media policy are refused");
}

static void on_answer(unsigned index, med_str_t datagram)
{
	listener_t *l = &shared->listener[index];
	bool was = fresh(current(l), clock_ms());
	char cookie[32], old[sizeof current(l)->text];
	int len = snprintf(cookie, sizeof cookie, "med%u ", own.cookie[index]);
	med_str_t dict;
	state_t *s;

	if(datagram.len <= (size_t)len || memcmp(datagram.s, cookie, (size_t)len) != 0)
		return; /* of an earlier question, or of nobody's */
	dict = (med_str_t){datagram.s + len, datagram.len - (size_t)len};
	memcpy(old, current(l)->text, sizeof old);
	s = draft(l);
	if(dict.s[0] != 'd' || value_length(dict, 0) != dict.len)
		take_wrong(l, s, "answers, but not as an ng listener");
	else if(!dict_value(dict, MED_STR("med-version")).len)
		take_wrong(l, s, "answers as plain rtpengine, not as the plugin");
	else
		take_plugin(l, s, dict);
	publish(l);
	update_fresh_until();
	if(!s->text[0] && !was)
		LM_NOTICE("policy listener %s answers: version %s, %s rtpengine, %u media "
				  "addresses\n",
				l->sock, s->version, s->host, s->anchors);
	else if(s->text[0] && strcmp(old, s->text) != 0)
		complain(s);
	own.complained[index] = s->text[0] != '\0';
}

/** A connected socket: others' datagrams do not come in, and a dead port says so. */
static int open_socket(unsigned index)
{
	const listener_t *l = &shared->listener[index];
	int fd = socket(l->address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if(fd >= 0
			&& connect(fd, (const struct sockaddr *)&l->address, l->address_len) != 0) {
		close(fd);
		fd = -1;
	}
	if(fd < 0)
		LM_ERR("policy listener %s: %s\n", l->sock, strerror(errno));
	return fd;
}

int med_policy_listener_open(void)
{
	for(uint32_t i = 0; i < shared->count; i++) {
		own.cookie[i] = (unsigned)clock_ms() * MED_LISTENERS_MAX + i;
		own.fd[i] = open_socket(i);
		if(own.fd[i] < 0)
			return -1;
	}
	own.since_ms = clock_ms();
	own.next_ms = 0;
	return 0;
}

size_t med_policy_listener_poll(struct pollfd *fds, size_t max, int64_t *deadline_ms)
{
	size_t n = 0;

	for(uint32_t i = 0; i < shared->count && n < max; i++)
		fds[n++] = (struct pollfd){.fd = own.fd[i], .events = POLLIN};
	if(shared->count && own.next_ms < *deadline_ms)
		*deadline_ms = own.next_ms;
	return n;
}

static void ask(unsigned index)
{
	char question[96];
	int len = snprintf(question, sizeof question, "med%u d7:command4:ping9:med-hello1:1e",
			++own.cookie[index]);

	/* a refused port shows here as the error of the last datagram; it is asked again */
	if(send(own.fd[index], question, (size_t)len, MSG_NOSIGNAL) < 0
			&& errno == ECONNREFUSED)
		(void)!send(own.fd[index], question, (size_t)len, MSG_NOSIGNAL);
}

/** Also where it answered, but wrongly, and no longer does. */
static void complain_if_silent(unsigned index, int64_t now_ms)
{
	listener_t *l = &shared->listener[index];
	const state_t *now = current(l);
	state_t *s;

	if(fresh(now, now_ms) || blocks(now, now_ms) || (own.complained[index] && !now->no_ms)
			|| now_ms - own.since_ms < MED_LISTENER_FRESH_MS)
		return;
	own.complained[index] = true;
	s = draft(l);
	take_no(l, s, "does not answer");
	publish(l);
	complain(s);
}

void med_policy_listener_run(int64_t now_ms)
{
	static char datagram[DATAGRAM_MAX];
	ssize_t len;

	for(uint32_t i = 0; i < shared->count; i++) {
		for(unsigned k = 0; k < 32; k++) {
			len = recv(own.fd[i], datagram, sizeof datagram, 0);
			if(len > 0)
				on_answer(i, (med_str_t){datagram, (size_t)len});
			else if(len == 0 || errno != ECONNREFUSED)
				break;
		}
	}
	if(now_ms < own.next_ms)
		return;
	own.next_ms = now_ms + ASK_MS;
	update_fresh_until(); /* one that answered wrongly may have gone silent */
	for(uint32_t i = 0; i < shared->count; i++) {
		complain_if_silent(i, now_ms);
		ask(i);
	}
}
