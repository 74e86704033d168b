/**
 * store.c - the configuration in Redis: its life, its turns, what it tells
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "medcore/store_priv.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PING_MS 1000
#define INFO_MS 30000
#define EVENTS_KEPT "10000"
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 2000
#define STABLE_MS 5000 /* live for this long: the next back-off starts small */
/* Another reason for being down is told at once a few times, and then this often. */
#define REASONS_AT_ONCE 3
#define SAY_AGAIN_MS 30000
#define LOOKUP_POLL_MS 20
#define PREFIX_MAX 200
#define FAT_MIN_MS 1000
#define FAT_MAX_MS 60000

/* ---- telling ---- */

/** What came from outside, made fit for a log line. */
void med_store_printable(char *text)
{
	for(char *c = text; *c; c++)
		if((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
}

void med_store_tell(med_store_t *store, enum med_store_state state, const char *text)
{
	bool changed = state != store->state || !store->text[0];

	if(changed)
		store->reasons = 0;
	else if(strcmp(text, store->text) == 0
			|| (++store->reasons > REASONS_AT_ONCE
					&& store->now - store->text_ms < SAY_AGAIN_MS))
		return;
	store->state = state;
	store->text_ms = store->now;
	snprintf(store->text, sizeof store->text, "%s", text);
	store->handler.state(store->handler.ctx, state, store->text);
}

int64_t med_store_backoff(med_store_t *store, unsigned *step)
{
	int64_t wait = *step ? *step * 2 : BACKOFF_MIN_MS;

	if(wait > BACKOFF_MAX_MS)
		wait = BACKOFF_MAX_MS;
	*step = (unsigned)wait;
	store->jitter = store->jitter * 1664525u + 1013904223u;
	return wait * 3 / 4 + (int64_t)((store->jitter >> 8) % (unsigned)(wait / 2));
}

static void forget_fat(med_store_t *store)
{
	med_store_keys_clear(&store->fat);
	med_store_keys_clear(&store->fat_changed);
}

void med_store_lose_fat(med_store_t *store)
{
	med_conn_asked_t asked = {0};
	med_store_keys_t fat = store->fat;
	char key[100] = "";

	store->fat = (med_store_keys_t){0}; /* of these nothing was missed */
	if(med_conn_pop(&store->data, &asked) && asked.tag == TAG_GET) {
		snprintf(key, sizeof key, "%.*s", (int)(asked.key_len < 90 ? asked.key_len : 90),
				asked.key);
		(void)med_store_keys_add(&fat, (med_str_t){asked.key, asked.key_len});
	}
	free(asked.large);
	store->fat_wait = store->fat_wait ? store->fat_wait * 2 : FAT_MIN_MS;
	if(store->fat_wait > FAT_MAX_MS)
		store->fat_wait = FAT_MAX_MS;
	store->fat_due = store->now + store->fat_wait;
	if(key[0])
		med_store_lose(
				store, "the value of '%s' is too big; the others are read again", key);
	else
		med_store_lose(store, "an answer is too big; is that a Redis server?");
	store->fat = fat;
}

/** The connections no longer give a picture we can trust: begin anew after a while. */
void med_store_lose(med_store_t *store, const char *fmt, ...)
{
	char text[256], why[200];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof why, fmt, args);
	va_end(args);
	med_store_printable(why);
	if(store->phase == PH_LIVE && store->now - store->live_ms >= STABLE_MS)
		store->backoff = 0;
	med_conn_close(&store->track);
	med_conn_close(&store->data);
	if(store->url.sentinels || store->moved) { /* the next one may be another */
		med_conn_close(&store->write);
		med_store_scripts_lost(store, why);
	}
	med_sentinel_stop(&store->sentinel);
	med_store_keys_clear(&store->changed);
	med_store_keys_clear(&store->round);
	med_store_keys_clear(&store->told);
	med_store_keys_clear(&store->gone);
	forget_fat(store); /* it may be mended meanwhile, and we are not told */
	store->phase = PH_DOWN;
	store->gets = 0;
	store->scanning = store->held = store->mark_changed = false;
	store->next_attempt = store->now + med_store_backoff(store, &store->backoff);
	snprintf(text, sizeof text, "%.140s: %.110s", store->url.shown, why);
	med_store_tell(store, MED_STORE_DOWN, text);
}

bool med_store_is_error(const redisReply *reply, const char *code)
{
	size_t len = strlen(code);

	return reply->type == REDIS_REPLY_ERROR && reply->len >= len
			&& memcmp(reply->str, code, len) == 0;
}

/** An answer that ends the connection: in words where we know it. */
void med_store_lose_by_reply(med_store_t *store, const char *what, redisReply *reply)
{
	if(reply->type == REDIS_REPLY_ERROR)
		med_store_url_hide(&store->url, reply->str);
	if(reply->type != REDIS_REPLY_ERROR)
		med_store_lose(store, "%s: an answer of the wrong type; is this a Redis?", what);
	else if(med_store_is_error(reply, "LOADING"))
		med_store_lose(store, "Redis is still loading its data");
	else if(med_store_is_error(reply, "NOAUTH"))
		med_store_lose(store, "Redis wants a password: redis_url has none");
	else if(med_store_is_error(reply, "NOPERM"))
		med_store_lose(store, "%s: the ACL user may not: %.120s", what, reply->str);
	else
		med_store_lose(store, "%s: %.120s", what, reply->str);
}

/* ---- turning the crank ---- */

/** Sends, receives and handles what there is on one connection. */
static void serve(med_store_t *store, med_conn_t *conn)
{
	const char *why = NULL;
	redisReply *reply;
	int rc = 0;

	if(conn->state == MED_CONN_CLOSED)
		return;
	if(med_conn_io(conn, store->now)) {
		why = conn->error;
	} else {
		while((rc = med_conn_reply(conn, &reply)) > 0)
			med_store_dispatch(store, conn, reply);
		if(rc < 0)
			why = conn->error;
		else if(med_conn_overdue(conn, store->now))
			why = med_conn_late(conn);
	}
	if(why && conn == &store->write)
		med_store_write_lost(store, why);
	else if(why && conn == &store->data && conn->oversized)
		med_store_lose_fat(store);
	else if(why)
		med_store_lose(store, "%s", why);
}

static void ping(med_store_t *store)
{
	store->next_ping = store->now + PING_MS;
	if(store->phase >= PH_SCAN && store->track.asked_count == 0
			&& ASK(store, &store->track, TAG_PING, MED_STR("PING")))
		return;
	if(store->phase != PH_LIVE || store->data.asked_count)
		return;
	if(store->now >= store->next_info) {
		store->next_info = store->now + INFO_MS;
		if(ASK(store, &store->data, TAG_INFO, MED_STR("INFO"), MED_STR("memory")))
			return;
	}
	if(store->url.sentinels && store->now >= store->next_role) {
		store->next_role = store->now + ROLE_MS;
		if(ASK(store, &store->data, TAG_ROLE, MED_STR("ROLE")))
			return;
	}
	if(store->info_unknown)
		ASK(store, &store->data, TAG_PING, MED_STR("PING"));
	else
		ASK(store, &store->data, TAG_TRACKING_INFO, MED_STR("CLIENT"),
				MED_STR("TRACKINGINFO"));
}

void med_store_keep_alive(med_store_t *store, int64_t now_ms)
{
	med_str_t ping_word = MED_STR("PING");

	if(now_ms < store->next_ping || store->phase < PH_SCAN)
		return;
	store->next_ping = now_ms + PING_MS;
	store->track.now_ms = now_ms;
	/* a failure shows when the connection is served next */
	if(store->track.asked_count == 0
			&& med_conn_send(&store->track, TAG_PING, (med_str_t){0}, 1, &ping_word) == 0)
		(void)med_conn_io(&store->track, now_ms);
}

void med_store_run(med_store_t *store, int64_t now_ms)
{
	med_conn_t *conns[] = {&store->track, &store->data, &store->write};

	store->now = now_ms;
	if(store->phase == PH_DOWN && now_ms >= store->next_attempt)
		med_store_start_connect(store);
	if(store->url.sentinels)
		med_store_find(store);
	for(size_t i = 0; i < sizeof conns / sizeof *conns; i++)
		serve(store, conns[i]);
	if(store->phase == PH_LIVE && med_store_wants_full(store))
		med_store_start_full(store);
	if(store->phase == PH_LIVE && !store->held && store->fat_changed.count
			&& now_ms >= store->fat_due)
		med_store_retry_fat(store);
	if(now_ms >= store->next_ping)
		ping(store);
	/* what the handling queued goes out now, not after the next poll */
	for(size_t i = 0; i < sizeof conns / sizeof *conns; i++)
		if(conns[i]->state == MED_CONN_OPEN && conns[i]->out_at < conns[i]->out_len)
			serve(store, conns[i]);
}

size_t med_store_poll(
		med_store_t *store, struct pollfd *fds, size_t max, int64_t *deadline_ms)
{
	const med_conn_t *conns[] = {&store->track, &store->data, &store->write};
	int64_t deadline = store->phase == PH_DOWN ? store->next_attempt : store->next_ping;
	size_t n = 0;

	for(size_t i = 0; i < sizeof conns / sizeof *conns; i++) {
		if(conns[i]->more)
			deadline = store->now;
		if(conns[i]->state == MED_CONN_RESOLVING
				&& deadline > store->now + LOOKUP_POLL_MS)
			deadline = store->now + LOOKUP_POLL_MS;
		if(conns[i]->fd >= 0 && n < max)
			fds[n++] = (struct pollfd){
					.fd = conns[i]->fd, .events = med_conn_events(conns[i])};
	}
	if(store->phase == PH_LIVE && med_store_wants_full(store))
		deadline = store->now;
	if(store->phase == PH_LIVE && !store->held && store->fat_changed.count
			&& store->fat_due < deadline)
		deadline = store->fat_due;
	n += med_sentinel_poll(&store->sentinel, fds + n, max - n, store->now, &deadline);
	*deadline_ms = deadline;
	return n;
}

void med_store_reload(med_store_t *store)
{
	store->next_attempt = store->now;
	forget_fat(store);
	store->fat_wait = 0;
	if((!store->full || store->held) && store->phase != PH_DOWN)
		store->again = true;
	med_store_end_wait(store);
}

void med_store_progress(const med_store_t *store, size_t *done, size_t *known)
{
	*done = store->done;
	*known = store->known;
}

/* ---- writing ---- */

/** Opens the writing connection when it is closed and due. */
static int ready_to_write(med_store_t *store)
{
	if(store->url.sentinels && store->phase < PH_SCAN) /* no master known, or not asked */
		return -ENOTCONN;
	if(store->write.state == MED_CONN_CLOSED) {
		if(store->now < store->next_write)
			return -ENOTCONN;
		if(med_conn_open(&store->write, &store->url, store->now)
				|| med_conn_login(
						&store->write, &store->url, true, TAG_AUTH, TAG_SELECT)) {
			med_store_write_lost(store, store->write.error);
			return -ENOTCONN;
		}
	}
	if(store->write.out_len - store->write.out_at > MED_CONN_OUT_MAX / 2
			|| store->write.asked_count > 1000)
		return MED_ELIMIT;
	return MED_EOK;
}

int med_store_write(med_store_t *store, const char *key, med_str_t value, unsigned ttl_s)
{
	char ttl[16];
	med_str_t argv[5] = {MED_STR("SET"), med_str(key), value, MED_STR("EX"), {ttl, 0}};
	int rc;

	argv[4].len = (size_t)snprintf(ttl, sizeof ttl, "%u", ttl_s ? ttl_s : 1);
	rc = ready_to_write(store);
	if(rc)
		return rc;
	if(med_conn_send(&store->write, TAG_SET, (med_str_t){0}, 5, argv))
		return MED_ENOMEM;
	return MED_EOK;
}

int med_store_event(
		med_store_t *store, const char *key, const med_field_t *fields, size_t count)
{
	med_str_t argv[6 + 2 * MED_STORE_EVENT_FIELDS] = {MED_STR("XADD"), med_str(key),
			MED_STR("MAXLEN"), MED_STR("~"), MED_STR(EVENTS_KEPT), MED_STR("*")};
	int rc;

	if(count == 0 || count > MED_STORE_EVENT_FIELDS)
		return MED_EINVAL;
	for(size_t i = 0; i < count; i++) {
		argv[6 + 2 * i] = fields[i].name;
		argv[7 + 2 * i] = fields[i].value;
	}
	rc = ready_to_write(store);
	if(rc)
		return rc;
	if(med_conn_send(&store->write, TAG_XADD, (med_str_t){0}, 6 + 2 * count, argv))
		return MED_ENOMEM;
	return MED_EOK;
}

int med_store_script(med_store_t *store, enum med_store_script which, const char *script,
		const char *key, const med_str_t *word, size_t count, med_store_answer_t answer,
		void *ctx)
{
	med_str_t argv[4 + MED_STORE_WORDS_MAX] = {
			MED_STR("EVAL"), med_str(script), MED_STR("1"), med_str(key)};
	int rc;

	if(store->script[which].answer || count > MED_STORE_WORDS_MAX)
		return MED_EINVAL;
	memcpy(argv + 4, word, count * sizeof *word);
	rc = ready_to_write(store);
	if(rc)
		return rc;
	if(med_conn_send(
			   &store->write, TAG_SCRIPT + (int)which, (med_str_t){0}, 4 + count, argv))
		return MED_ENOMEM;
	store->script[which] = (med_store_waiting_t){answer, ctx};
	return MED_EOK;
}

/* ---- life ---- */

/** The prefix as a glob that matches it literally, and anything after it. */
static char *glob_of(const char *prefix)
{
	char *glob = malloc(strlen(prefix) * 2 + 2), *g = glob;

	if(!glob)
		return NULL;
	for(const char *p = prefix; *p; p++) {
		if(strchr("*?[]\\^", *p))
			*g++ = '\\';
		*g++ = *p;
	}
	*g++ = '*';
	*g = '\0';
	return glob;
}

int med_store_new(const char *url, const char *prefix, const med_store_handler_t *handler,
		med_store_t **store, med_errbuf_t *err)
{
	med_store_t *s = NULL;
	int rc = MED_ENOMEM;
	struct timespec t;

	if(prefix[0] == '\0' || strlen(prefix) > PREFIX_MAX)
		return med_fail(err, MED_EINVAL,
				"redis_prefix: empty or longer than %d bytes; the default is med:1:",
				PREFIX_MAX);
	s = calloc(1, sizeof *s);
	if(!s)
		return med_fail(err, MED_ENOMEM, "out of memory");
	med_conn_init(&s->track);
	med_conn_init(&s->data);
	med_conn_init(&s->write);
	rc = med_store_url_parse(url, &s->url, err);
	if(rc)
		goto fail;
	s->home = s->url.at;
	s->prefix = strdup(prefix);
	s->match = glob_of(prefix);
	if(!s->prefix || !s->match) {
		rc = med_fail(err, MED_ENOMEM, "out of memory");
		goto fail;
	}
	s->prefix_len = strlen(prefix);
	s->handler = *handler;
	clock_gettime(CLOCK_MONOTONIC, &t);
	s->jitter = (uint32_t)t.tv_nsec ^ (uint32_t)(uintptr_t)s;
	_Static_assert(3 + MED_SENTINELS_MAX <= MED_STORE_FDS, "descriptors to poll");
	*store = s;
	return MED_EOK;
fail:
	med_store_free(s);
	return rc;
}

void med_store_free(med_store_t *store)
{
	if(!store)
		return;
	med_conn_free(&store->track);
	med_conn_free(&store->data);
	med_conn_free(&store->write);
	med_sentinel_free(&store->sentinel);
	med_store_keys_free(&store->changed);
	med_store_keys_free(&store->round);
	med_store_keys_free(&store->told);
	med_store_keys_free(&store->gone);
	med_store_keys_free(&store->fat);
	med_store_keys_free(&store->fat_changed);
	free(store->fields);
	free(store->prefix);
	free(store->match);
	free(store);
}
