/**
 * write.c - the difference into Redis: whole, or in pieces that nodes take as a whole
 *
 * Every write of ours sets `<prefix>applied`, and watches it: of two writers at once the
 * second is told and has written nothing. Writers of another make (redis-cli) are seen by
 * reading what is about to be replaced once more.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "medctl/changes.h"

#define WATCHED_MAX 256 /* Redis looks through all watched keys for each new one */
#define PIECE_FIRST 200 /* objects */
#define PIECE_MAX 2000
#define PIECE_MS 8 /* Redis is busy with a piece about as long */
#define MARKER_BYTES 256
#define BEAT_MS 1000  /* so often a writer changes its marker: nodes log it */
#define ALIVE_MS 3000 /* one that does not is dead */
#define WORDS_MAX (2 * MED_FILE_FIELDS_MAX + 64)
#define PENDING_MAX 512          /* replies that may wait */
#define PENDING_BYTES (4u << 20) /* and what their commands have; 16 MB is the limit */

typedef struct writer {
	world_t *w;
	medctl_t *m;
	char applied[128], applying[128]; /* the keys */
	char marker[MARKER_BYTES];        /* of ours, as it stands in Redis; empty: none */
	char identity[120];
	int64_t beat_at; /* when the marker is due again */
	char token[40];  /* what `applied` is to be; empty: as it is */
	size_t total, done;
	/* of the piece at work: what Redis has of each, raw */
	med_reply_t *raw[CHANGES_AT_ONCE];
	const object_t *object[CHANGES_AT_ONCE];
	size_t count;
	char refused[160]; /* what Redis says against the transaction; empty: nothing */
	int64_t took;      /* ms, its EXEC */
	size_t pending;    /* bytes of commands whose replies were not taken */
	med_str_t words[WORDS_MAX];
} writer_t;

static const char *shown_id(const object_t *o)
{
	static char text[200];

	return med_quote(text, sizeof(text), object_id(o));
}

static int busy(const char *what)
{
	out_error("%s meanwhile; nothing was written over it. Run it again", what);
	return MEDCTL_NO;
}

/* ---- what is about to be replaced -----------------------------------------------------
 */

static bool ask_for(writer_t *x, const object_t *o, bool watch)
{
	char text[KEY_BYTES];
	med_str_t words[2] = {MED_STR("HGETALL")};
	med_str_t watched[2] = {MED_STR("WATCH")};

	if(!redis_key(x->m, (enum med_kind)o->kind, object_id(o), text, sizeof(text),
			   &words[1])) {
		out_error("%s '%s': the key is too long", med_kind_name((enum med_kind)o->kind),
				shown_id(o));
		return false;
	}
	watched[1] = words[1];
	return (!watch || medctl_send_words(x->m, 2, watched))
			&& medctl_send_words(x->m, 2, words);
}

/* Is it still as it was when it was compared? */
static bool is_as_before(writer_t *x, const object_t *o, const med_reply_t *raw)
{
	const med_field_t *old;

	if(o->old == NULL || raw->type == MED_REPLY_ERROR)
		return raw->type == MED_REPLY_ERROR ? o->old != NULL && o->old->count == 0
											: raw->count == 0;
	if(raw->count != (size_t)o->old->count * 2)
		return false;
	old = objects_fields(x->w->set, o->old);
	for(size_t i = 0; i < o->old->count; i++) {
		bool found = false;
		for(size_t k = 0; k < raw->count && !found; k += 2)
			found = med_str_eq(field_name((enum med_kind)o->kind, raw->element[k].str),
							old[i].name)
					&& med_str_eq(raw->element[k + 1].str, old[i].value);
		if(!found)
			return false;
	}
	return true;
}

static void forget(writer_t *x)
{
	for(size_t i = 0; i < x->count; i++) {
		med_reply_free(x->raw[i]);
		x->raw[i] = NULL;
	}
	x->count = 0;
}

static int take_raw(writer_t *x, size_t at, bool watch)
{
	med_errbuf_t err;
	med_reply_t *reply = NULL;

	if(watch && (reply = medctl_reply(x->m)) == NULL)
		return MEDCTL_FAILED;
	med_reply_free(reply);
	if(med_client_reply(x->m->client, &x->raw[at], &err) != MED_EOK) {
		out_error("%s", err.text);
		return MEDCTL_FAILED;
	}
	if(is_as_before(x, x->object[at], x->raw[at]))
		return MEDCTL_OK;
	out_error("%s '%s' was changed by somebody else",
			med_kind_name((enum med_kind)x->object[at]->kind), shown_id(x->object[at]));
	return MEDCTL_NO;
}

/* All of the piece, read once more; all replies are taken whatever they say. */
static int read_again(writer_t *x)
{
	bool watch = x->count <= WATCHED_MAX;
	size_t asked = 0;
	int rc = MEDCTL_OK;

	for(size_t at = 0; at < x->count && rc != MEDCTL_FAILED; at++) {
		int one;
		for(; asked < x->count && asked - at < 256; asked++) {
			if(!ask_for(x, x->object[asked], watch))
				return MEDCTL_FAILED;
		}
		one = take_raw(x, at, watch);
		rc = one == MEDCTL_OK ? rc : one;
	}
	return rc;
}

/* ---- a transaction ------------------------------------------------------------------
 */

/* Replies to what was queued, until @p left are to come; false: told. */
static bool take_queued(writer_t *x, size_t left)
{
	while(med_client_pending(x->m->client) > left) {
		med_errbuf_t err = {""};
		med_reply_t *reply;
		if(med_client_reply(x->m->client, &reply, &err) != MED_EOK) {
			out_error("%s", err.text);
			return false;
		}
		if(reply->type == MED_REPLY_ERROR && x->refused[0] == '\0')
			(void)snprintf(x->refused, sizeof(x->refused), "%s", reply->str.s);
		med_reply_free(reply);
	}
	return true;
}

static bool queue(writer_t *x, size_t count)
{
	size_t bytes = 0;

	for(size_t i = 0; i < count; i++)
		bytes += x->words[i].len;
	if(x->pending + bytes > PENDING_BYTES) {
		if(!take_queued(x, 0))
			return false;
		x->pending = 0;
	}
	x->pending += bytes;
	return medctl_send_words(x->m, count, x->words) && take_queued(x, PENDING_MAX);
}

static const med_field_t *find_wanted(
		const med_field_t *fields, size_t count, med_str_t name)
{
	for(size_t i = 0; i < count; i++) {
		if(med_str_eq(fields[i].name, name))
			return &fields[i];
	}
	return NULL;
}

static bool is_in(const med_reply_t *raw, const med_field_t *field)
{
	for(size_t k = 0; k + 1 < raw->count; k += 2) {
		if(med_str_eq(raw->element[k].str, field->name))
			return med_str_eq(raw->element[k + 1].str, field->value);
	}
	return false;
}

/* The difference between what is wanted and what Redis has, in its own names. HSET goes
 * first: a hash without fields would be gone. */
static bool queue_fields(writer_t *x, const object_t *o, med_reply_t *raw, med_str_t key)
{
	static const med_field_t nameless = {{"name", 4}, {"", 0}};
	const med_field_t *wanted;
	size_t count, n = 2;

	if(raw->type == MED_REPLY_ERROR) { /* no hash */
		x->words[0] = MED_STR("DEL");
		x->words[1] = key;
		if(!queue(x, 2))
			return false;
		raw->count = 0;
	}
	wanted = world_wanted(x->w, o, &count);
	if(count == 0) { /* Redis has no hash without fields */
		wanted = &nameless;
		count = 1;
	}
	x->words[0] = MED_STR("HSET");
	x->words[1] = key;
	for(size_t i = 0; i < count; i++) {
		if(is_in(raw, &wanted[i]))
			continue;
		x->words[n++] = wanted[i].name;
		x->words[n++] = wanted[i].value;
	}
	if(n > 2 && !queue(x, n))
		return false;
	x->words[0] = MED_STR("HDEL");
	for(size_t k = n = 2; k - 2 < raw->count; k += 2) {
		if(find_wanted(wanted, count, raw->element[k - 2].str) == NULL)
			x->words[n++] = raw->element[k - 2].str;
	}
	return n == 2 || queue(x, n);
}

static bool queue_object(writer_t *x, size_t at)
{
	const object_t *o = x->object[at];
	char text[KEY_BYTES];
	med_str_t key;

	if(!redis_key(x->m, (enum med_kind)o->kind, object_id(o), text, sizeof(text), &key))
		return false;
	if(o->state != OBJECT_GONE)
		return queue_fields(x, o, x->raw[at], key);
	x->words[0] = MED_STR("DEL");
	x->words[1] = key;
	return queue(x, 2);
}

/* EXEC, and its answer: MEDCTL_NO: something watched was changed. */
static int execute(writer_t *x)
{
	med_errbuf_t err = {""};
	med_reply_t *reply = NULL;
	bool changed;

	x->pending = 0;
	if(!take_queued(x, 0))
		return MEDCTL_FAILED;
	x->took = out_now_ms();
	if(!medctl_send(x->m, "EXEC", NULL))
		return MEDCTL_FAILED;
	if(med_client_reply(x->m->client, &reply, &err) != MED_EOK) {
		out_error("%s; whether this was written is not known, run it again", err.text);
		return MEDCTL_FAILED;
	}
	x->took = out_now_ms() - x->took;
	changed = reply->type == MED_REPLY_NIL;
	for(size_t k = 0; k < reply->count && x->refused[0] == '\0'; k++) {
		if(reply->element[k].type == MED_REPLY_ERROR)
			(void)snprintf(x->refused, sizeof(x->refused), "%s", reply->element[k].str.s);
	}
	if(reply->type == MED_REPLY_ERROR && x->refused[0] == '\0')
		(void)snprintf(x->refused, sizeof(x->refused), "%s", reply->str.s);
	med_reply_free(reply);
	if(x->refused[0] == '\0')
		return changed ? MEDCTL_NO : MEDCTL_OK;
	out_error("%s refuses: %s%s", med_client_place(x->m->client), x->refused,
			medctl_remedy(x->refused));
	return MEDCTL_FAILED;
}

static char *get_marker(medctl_t *m)
{
	return medctl_get(m, m->prefix, "applying", MARKER_BYTES - 1);
}

/* Watches our marks; what `applying` says must be what we left there. */
static int guard(writer_t *x)
{
	med_reply_t *reply;
	char *now;
	bool same;

	if(!medctl_send(x->m, "WATCH", x->applied, x->applying, NULL)
			|| (reply = medctl_reply(x->m)) == NULL)
		return MEDCTL_FAILED;
	med_reply_free(reply);
	now = get_marker(x->m);
	if(now == NULL)
		return MEDCTL_FAILED;
	same = strcmp(now, x->marker) == 0;
	free(now);
	return same ? MEDCTL_OK : busy("another apply began");
}

static void set_marker(writer_t *x)
{
	char when[32] = "";
	time_t now = time(NULL);
	struct tm tm;

	x->beat_at = out_now_ms() + BEAT_MS;
	if(gmtime_r(&now, &tm) != NULL)
		(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	(void)snprintf(x->marker, sizeof(x->marker), "%s, %zu of %zu objects at %s",
			x->identity, x->done, x->total, when);
}

/* The piece that was chosen; @p last: and then our marks. */
static int write_piece(writer_t *x, bool last)
{
	bool in_pieces = x->total > CHANGES_AT_ONCE, fine;
	int rc = guard(x);

	if(rc == MEDCTL_OK)
		rc = read_again(x);
	if(rc == MEDCTL_NO) {
		med_reply_t *reply =
				medctl_send(x->m, "UNWATCH", NULL) ? medctl_reply(x->m) : NULL;
		med_reply_free(reply);
	}
	if(rc != MEDCTL_OK)
		return rc;
	fine = medctl_send(x->m, "MULTI", NULL);
	for(size_t i = 0; i < x->count && fine; i++)
		fine = queue_object(x, i);
	x->done += x->count;
	if(fine && in_pieces && !last && out_now_ms() >= x->beat_at) {
		set_marker(x);
		fine = medctl_send(x->m, "SET", x->applying, x->marker, NULL);
	}
	/* without a new token the key is touched: that, too, is seen by who watches it */
	if(fine && last)
		fine = medctl_send(x->m, x->token[0] != '\0' ? "SET" : "APPEND", x->applied,
					   x->token, NULL)
				&& medctl_send(x->m, "DEL", x->applying, NULL);
	if(!fine)
		return MEDCTL_FAILED;
	rc = execute(x);
	return rc == MEDCTL_NO ? busy("somebody else wrote") : rc;
}

/* ---- the whole ----------------------------------------------------------------------
 */

/* A marker that stands: is its writer alive? It is ours to end if not. */
static int take_over(writer_t *x, bool confirm)
{
	char *was = get_marker(x->m), *now = NULL;
	int64_t until = out_now_ms() + ALIVE_MS;
	bool alive = false;
	char shown[MARKER_BYTES];

	if(was == NULL)
		return MEDCTL_FAILED;
	while(was[0] != '\0' && !alive && out_now_ms() < until && !medctl_interrupted()) {
		free(now);
		(void)poll(NULL, 0, 100);
		now = get_marker(x->m);
		if(now == NULL) {
			free(was);
			return MEDCTL_FAILED;
		}
		alive = strcmp(was, now) != 0;
	}
	(void)snprintf(x->marker, sizeof(x->marker), "%s", alive ? now : was);
	free(was);
	free(now);
	(void)med_quote(shown, sizeof(shown), med_str(x->marker));
	if(alive) {
		out_error("another apply is at work (%s); nothing was written. Run it again when "
				  "that is done",
				shown);
		return MEDCTL_NO;
	}
	if(x->marker[0] != '\0' && !confirm) {
		out_error("an apply did not end (%s); nothing was written. Run that apply again "
				  "first",
				shown);
		return MEDCTL_NO;
	}
	if(x->marker[0] != '\0')
		out_note("an apply did not end (%s); this one ends it", shown);
	return MEDCTL_OK;
}

/*
 * Microseconds since the epoch, and something random: nodes tell a later token from that
 * of an old dump. Not before the last one, should the clock of that writer be ahead.
 */
static int new_token(writer_t *x)
{
	char *last = medctl_get(x->m, x->m->prefix, "applied", 32);
	unsigned long long stamp, before = 0;
	struct timespec now;
	uint64_t noise;

	if(last == NULL)
		return MEDCTL_FAILED;
	if(strlen(last) == 32 && strspn(last, "0123456789abcdef") == 32) {
		last[16] = '\0';
		before = strtoull(last, NULL, 16);
	}
	free(last);
	if(getrandom(&noise, sizeof noise, 0) != (ssize_t)sizeof noise) {
		out_error("the system has no random numbers");
		return MEDCTL_FAILED;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	stamp = (unsigned long long)now.tv_sec * 1000000
			+ (unsigned long long)now.tv_nsec / 1000;
	if(stamp <= before && before < ULLONG_MAX)
		stamp = before + 1;
	(void)snprintf(x->token, sizeof(x->token), "%016llx%016llx", stamp,
			(unsigned long long)noise);
	return MEDCTL_OK;
}

/* The next objects that are to change, at most @p max; returns where to go on. */
static const object_t *choose(writer_t *x, const object_t *o, size_t max)
{
	forget(x);
	for(; o != NULL && x->count < max; o = o->next) {
		if(o->state == OBJECT_SAME || (o->state == OBJECT_GONE && o->old == NULL))
			continue;
		x->object[x->count++] = o;
	}
	return o;
}

/* The marker, in a transaction of its own: from now on nodes wait. */
static int begin_pieces(writer_t *x)
{
	int rc = guard(x);

	if(rc != MEDCTL_OK)
		return rc;
	set_marker(x);
	if(!medctl_send(x->m, "MULTI", NULL)
			|| !medctl_send(x->m, "SET", x->applying, x->marker, NULL))
		return MEDCTL_FAILED;
	rc = execute(x);
	return rc == MEDCTL_NO ? busy("another apply began") : rc;
}

static int write_in_pieces(writer_t *x)
{
	const object_t *o = x->w->set->first;
	size_t size = PIECE_FIRST;
	out_progress_t bar;
	int rc = begin_pieces(x);

	if(rc != MEDCTL_OK)
		return rc;
	out_progress_begin(&bar, x->m, "writing", x->total);
	while(rc == MEDCTL_OK && x->done < x->total && !medctl_interrupted()) {
		o = choose(x, o, size);
		rc = write_piece(x, x->done + x->count == x->total);
		if(x->took > PIECE_MS && size > 20)
			size /= 2;
		else if(x->took < PIECE_MS / 2 && size < PIECE_MAX)
			size += size / 2;
		out_progress(&bar, x->done);
	}
	out_progress_end(&bar);
	if(rc == MEDCTL_OK && x->done == x->total)
		return rc;
	if(rc == MEDCTL_OK)
		out_error("interrupted");
	out_error("stopped at %zu of %zu objects. Nodes keep what they have until an apply "
			  "completes: run it again",
			x->done, x->total);
	return rc == MEDCTL_NO ? MEDCTL_NO : MEDCTL_FAILED;
}

static int write_at_once(writer_t *x)
{
	(void)choose(x, x->w->set->first, CHANGES_AT_ONCE);
	if(medctl_interrupted()) {
		out_error("interrupted; nothing was written");
		return MEDCTL_FAILED;
	}
	return write_piece(x, true);
}

/* Keys and texts of this writer. */
static int set_up(writer_t *x, world_t *w)
{
	char host[64] = "?";

	x->w = w;
	x->m = w->m;
	x->total = changes_count(w);
	(void)gethostname(host, sizeof(host) - 1);
	(void)snprintf(x->identity, sizeof(x->identity), "medctl on %s, process %d", host,
			(int)getpid());
	if((size_t)snprintf(
			   x->applied, sizeof(x->applied), "%.*sapplied", MED_STR_FMT(x->m->prefix))
					< sizeof(x->applied)
			&& (size_t)snprintf(x->applying, sizeof(x->applying), "%.*sapplying",
					   MED_STR_FMT(x->m->prefix))
					< sizeof(x->applying))
		return MEDCTL_OK;
	out_error("the prefix is too long");
	return MEDCTL_FAILED;
}

bool changes_begin(medctl_t *m)
{
	char applied[128], applying[128];
	med_reply_t *reply = NULL;

	(void)snprintf(applied, sizeof(applied), "%.*sapplied", MED_STR_FMT(m->prefix));
	(void)snprintf(applying, sizeof(applying), "%.*sapplying", MED_STR_FMT(m->prefix));
	if(medctl_send(m, "WATCH", applied, applying, NULL))
		reply = medctl_reply(m);
	med_reply_free(reply);
	return reply != NULL;
}

int changes_write(world_t *w, bool confirm, changes_result_t *result)
{
	writer_t *x = calloc(1, sizeof *x);
	int rc;

	*result = (changes_result_t){0};
	if(x == NULL) {
		out_error("out of memory");
		return MEDCTL_FAILED;
	}
	rc = set_up(x, w);
	if(rc == MEDCTL_OK)
		rc = take_over(x, confirm);
	if(rc == MEDCTL_OK && confirm)
		rc = new_token(x);
	if(rc == MEDCTL_OK)
		rc = x->total > CHANGES_AT_ONCE ? write_in_pieces(x) : write_at_once(x);
	forget(x);
	if(rc == MEDCTL_OK) {
		result->removed = w->count[OBJECT_GONE];
		result->written = x->total - result->removed;
		(void)snprintf(result->token, sizeof(result->token), "%s", x->token);
	}
	free(x);
	return rc;
}
