/**
 * resolve.c - see resolve.h
 *
 * A *wish* is a name that somebody wants looked up; a *question* is one that DNS can
 * answer, shared by all wishes that depend on it, with its last good answer. When that
 * changes, the wishes are made up anew from the answers they depend on.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "medcore/map.h"
#include "medcore/resolve.h"
#include "medcore/targets.h"

#define BUCKETS 4096u
#define WHEEL 512u /* seconds; more than the longest wait */
#define TRANSPORTS 3u
#define UNTOLD 2u /* who is told may have another text */
#define GATHER_MAX (TRANSPORTS * MED_SERVICES_MAX * 2 * MED_TARGETS_MAX)
#define QUESTION_NAME_MAX (MED_DNS_NAME_MAX + 16)

typedef struct med_question med_question_t;
typedef struct med_wish med_wish_t;

/** Of questions that are due at the same time; and its head. */
typedef struct med_ring {
	struct med_ring *next, *prev;
} med_ring_t;

/** A wish depends on a question. */
typedef struct med_need {
	med_question_t *question;
	med_wish_t *wish;
	struct med_need *next_user, *next_need; /**< of the question, of the wish */
} med_need_t;

struct med_question {
	med_ring_t due; /**< first: a ring leads to its questions */
	med_question_t *next;
	med_resolver_t *resolver;
	med_need_t *users;
	uint64_t hash;
	unsigned failures;
	const char *why; /**< the last answer was a failure; NULL: it was none */
	bool asked;      /**< the answer is on its way */
	bool settled;    /**< there was an answer, of whatever kind */
	bool none;       /**< the last one was that there is nothing */
	uint8_t type;    /**< enum med_dns_type */
	size_t total;    /**< of the last good answer; of these are kept: */
	size_t count;
	void *kept; /**< med_ip_t or med_service_t */
	char name[];
};

struct med_wish {
	med_wish_t *next, *told_next;
	med_need_t *needs;
	uint64_t hash;
	med_lookup_t lookup;
	med_str_t id;
	uint32_t trouble; /**< hash of the text told last, odd; 0: none; UNTOLD */
	bool again;       /**< in the list of those to be told */
	char text[];      /**< id, name */
};

struct med_resolver {
	med_dns_t *dns;
	med_resolve_handler_t handler;
	med_wish_t *wishes[BUCKETS], *again;
	med_question_t *questions[BUCKETS];
	med_ring_t due[WHEEL], ready;
	unsigned names, troubled, in_flight, waiting;
	int64_t second; /**< up to which the wheel was turned */
	med_target_t gathered[GATHER_MAX];
};

/* ---- when -----------------------------------------------------------------------------
 */

static void ring_init(med_ring_t *head)
{
	head->next = head->prev = head;
}

static void ring_leave(med_ring_t *at)
{
	if(at->next == NULL)
		return;
	at->next->prev = at->prev;
	at->prev->next = at->next;
	at->next = at->prev = NULL;
}

static void ring_join(med_ring_t *head, med_ring_t *at)
{
	ring_leave(at);
	at->prev = head->prev;
	at->next = head;
	at->prev->next = at;
	head->prev = at;
}

static void ask_at_once(med_resolver_t *r, med_question_t *q)
{
	ring_join(&r->ready, &q->due);
}

/* Some of them a bit earlier, so that they do not all come at once for ever. */
static void ask_in(med_resolver_t *r, med_question_t *q, uint32_t seconds)
{
	seconds -= (uint32_t)(seconds * (q->hash >> 32 & 7) / 64);
	ring_join(&r->due[(uint64_t)(r->second + seconds) % WHEEL], &q->due);
}

static uint32_t clamp(uint32_t ttl)
{
	return ttl < MED_RESOLVE_TTL_MIN    ? MED_RESOLVE_TTL_MIN
			: ttl > MED_RESOLVE_TTL_MAX ? MED_RESOLVE_TTL_MAX
										: ttl;
}

static uint32_t back_off(unsigned failures)
{
	uint32_t seconds = MED_RESOLVE_TTL_MIN << (failures < 5 ? failures - 1 : 4);

	return seconds > MED_RESOLVE_AGAIN_MAX ? MED_RESOLVE_AGAIN_MAX : seconds;
}

/* ---- questions ------------------------------------------------------------------------
 */

static uint64_t question_hash(enum med_dns_type type, const char *name)
{
	return med_mix(med_hash(name, strlen(name)) + (uint64_t)type);
}

static med_question_t *find_question(
		const med_resolver_t *r, enum med_dns_type type, const char *name)
{
	uint64_t hash = question_hash(type, name);
	med_question_t *q = r->questions[hash % BUCKETS];

	while(q != NULL && (q->hash != hash || q->type != type || strcmp(q->name, name) != 0))
		q = q->next;
	return q;
}

static med_question_t *question_of(
		med_resolver_t *r, enum med_dns_type type, const char *name)
{
	med_question_t *q = find_question(r, type, name);
	size_t size = strlen(name) + 1;

	if(q != NULL)
		return q;
	q = calloc(1, sizeof(*q) + size);
	if(q == NULL)
		return NULL;
	memcpy(q->name, name, size);
	q->resolver = r;
	q->type = (uint8_t)type;
	q->hash = question_hash(type, name);
	q->next = r->questions[q->hash % BUCKETS];
	r->questions[q->hash % BUCKETS] = q;
	ask_at_once(r, q);
	return q;
}

/* Nobody needs it. One that is on its way goes when its answer comes. */
static void drop_question(med_question_t *q)
{
	med_question_t **place = &q->resolver->questions[q->hash % BUCKETS];

	if(q->users != NULL || q->asked)
		return;
	while(*place != q)
		place = &(*place)->next;
	*place = q->next;
	ring_leave(&q->due);
	free(q->kept);
	free(q);
}

/* ---- needs ----------------------------------------------------------------------------
 */

static int need(med_wish_t *wish, med_question_t *q)
{
	med_need_t *n = q == NULL ? NULL : calloc(1, sizeof(*n));

	if(n == NULL)
		return MED_ENOMEM;
	*n = (med_need_t){q, wish, q->users, wish->needs};
	q->users = n;
	wish->needs = n;
	return MED_EOK;
}

static void release(med_need_t *needs)
{
	while(needs != NULL) {
		med_need_t *next = needs->next_need, **place = &needs->question->users;
		while(*place != needs)
			place = &(*place)->next_user;
		*place = needs->next_user;
		drop_question(needs->question);
		free(needs);
		needs = next;
	}
}

static int need_host(med_resolver_t *r, med_wish_t *wish, const char *host)
{
	int rc = MED_EOK;

	if(wish->lookup.ipv4)
		rc = need(wish, question_of(r, MED_DNS_A, host));
	if(rc == MED_EOK && wish->lookup.ipv6)
		rc = need(wish, question_of(r, MED_DNS_AAAA, host));
	return rc;
}

/* The name of a service (RFC 3263 4.2), or the host's own, without a final dot. */
static void name_of(
		const med_wish_t *wish, const char *service, char name[QUESTION_NAME_MAX])
{
	med_str_t host = wish->lookup.name;

	if(host.len > 0 && host.s[host.len - 1] == '.')
		host.len--;
	(void)snprintf(name, QUESTION_NAME_MAX, "%s%.*s", service, MED_STR_FMT(host));
	for(char *c = name; *c != '\0'; c++) {
		if(*c >= 'A' && *c <= 'Z')
			*c = (char)(*c | 0x20);
	}
}

static const char *const service_names[TRANSPORTS] = {
		[MED_UDP] = "_sip._udp.", [MED_TCP] = "_sip._tcp.", [MED_TLS] = "_sips._tcp."};

/* The questions of a wish as they follow from what is known by now. */
static int need_all(med_resolver_t *r, med_wish_t *wish)
{
	char name[QUESTION_NAME_MAX];
	bool host = !wish->lookup.srv;
	int rc = MED_EOK;

	for(unsigned t = 0; wish->lookup.srv && rc == MED_EOK && t < TRANSPORTS; t++) {
		med_question_t *q;
		const med_service_t *service;
		if((wish->lookup.transports >> t & 1) == 0)
			continue;
		name_of(wish, service_names[t], name);
		q = question_of(r, MED_DNS_SRV, name);
		rc = need(wish, q);
		service = rc == MED_EOK ? q->kept : NULL;
		for(size_t i = 0; rc == MED_EOK && i < q->count; i++) {
			if(strcmp(service[i].host, ".") != 0)
				rc = need_host(r, wish, service[i].host);
		}
		/* RFC 3263 4.2: where there is no service, the host's addresses serve */
		host = host || (rc == MED_EOK && q->none && q->count == 0);
	}
	if(rc != MED_EOK || !host)
		return rc;
	name_of(wish, "", name);
	return need_host(r, wish, name);
}

/* ---- what a wish comes to -------------------------------------------------------------
 */

/** While the targets of a wish are put together. */
typedef struct med_gathering {
	med_resolver_t *r;
	size_t count;
	const char *why; /**< of a question that failed */
	bool pending;    /**< some question has no answer yet */
	bool missing;    /**< a name that should have addresses has none */
	bool denied;     /**< "." */
	size_t most;     /**< addresses of one name, where that is too many */
} med_gathering_t;

static bool is_fresh(const med_question_t *q)
{
	return q != NULL && q->count > 0 && !q->none && q->why == NULL;
}

static void note(med_gathering_t *g, const med_question_t *q)
{
	if(q == NULL)
		return;
	g->pending = g->pending || !q->settled;
	if(q->why != NULL)
		g->why = q->why;
}

static void add_addresses(
		med_gathering_t *g, const med_question_t *q, const med_target_t *like)
{
	const med_ip_t *ips = q->kept;

	if(q->total > q->count && q->total > g->most)
		g->most = q->total;
	for(size_t i = 0; i < q->count && g->count < GATHER_MAX; i++) {
		med_target_t *target = &g->r->gathered[g->count++];
		*target = *like;
		target->ip = ips[i];
	}
}

/*
 * Addresses of both kinds. One kind that is said to be there no longer is believed only
 * while the other one is answered for: else it is the name that is gone, or the server.
 */
static void add_host(med_gathering_t *g, const char *host, const med_target_t *like,
		const med_lookup_t *lookup)
{
	const med_question_t *v4 = lookup->ipv4 ? find_question(g->r, MED_DNS_A, host) : NULL;
	const med_question_t *v6 =
			lookup->ipv6 ? find_question(g->r, MED_DNS_AAAA, host) : NULL;
	bool live = is_fresh(v4) || is_fresh(v6);

	note(g, v4);
	note(g, v6);
	if(v4 != NULL && !(v4->none && live))
		add_addresses(g, v4, like);
	if(v6 != NULL && !(v6->none && live))
		add_addresses(g, v6, like);
	g->missing = g->missing || !live;
}

static void gather(med_gathering_t *g, const med_wish_t *wish)
{
	med_target_t like = {.transports = MED_ALL_TRANSPORTS};
	char name[QUESTION_NAME_MAX], host[QUESTION_NAME_MAX];

	name_of(wish, "", host);
	if(!wish->lookup.srv)
		add_host(g, host, &like, &wish->lookup);
	for(unsigned t = 0; wish->lookup.srv && t < TRANSPORTS; t++) {
		const med_question_t *q;
		const med_service_t *service;
		if((wish->lookup.transports >> t & 1) == 0)
			continue;
		name_of(wish, service_names[t], name);
		q = find_question(g->r, MED_DNS_SRV, name);
		if(q == NULL)
			continue;
		note(g, q);
		like = (med_target_t){.transports = (uint8_t)(1u << t)};
		if(q->none && q->count == 0)
			add_host(g, host, &like, &wish->lookup);
		service = q->kept;
		for(size_t i = 0; i < q->count; i++) {
			like.port = service[i].port;
			like.priority = service[i].priority;
			like.weight = service[i].weight;
			if(strcmp(service[i].host, ".") == 0)
				g->denied = true;
			else
				add_host(g, service[i].host, &like, &wish->lookup);
		}
		g->missing = g->missing || (q->none && q->count > 0);
	}
	g->count = med_targets_sort(g->r->gathered, g->count);
}

static void tell_trouble(med_resolver_t *r, med_wish_t *wish, const char *text)
{
	uint32_t hash = text == NULL ? 0 : (uint32_t)med_hash(text, strlen(text)) | 1;

	if(hash == wish->trouble)
		return;
	r->troubled += (hash & 1) - (wish->trouble & 1);
	wish->trouble = hash;
	r->handler.trouble(r->handler.ctx, wish->id, wish->lookup.name, text);
}

static void tell(med_resolver_t *r, med_wish_t *wish)
{
	med_gathering_t g = {.r = r};
	med_errbuf_t text = {""};
	const char *then;

	gather(&g, wish);
	if(g.count > 0)
		r->handler.found(r->handler.ctx, wish->id, wish->lookup.name, r->gathered,
				g.count < MED_TARGETS_MAX ? g.count : MED_TARGETS_MAX);
	then = g.count > 0
			? "the last addresses found serve on"
			: "addresses that were found before serve on; without any it takes "
			  "no calls";
	if(g.why != NULL)
		(void)med_fail(&text, 0, "'%.*s' cannot be looked up: %s; %s",
				MED_STR_FMT(wish->lookup.name), g.why, then);
	else if(!g.pending && g.denied && g.count == 0)
		(void)med_fail(&text, 0, "DNS says that '%.*s' has no such service; %s",
				MED_STR_FMT(wish->lookup.name), then);
	else if(!g.pending && g.missing)
		(void)med_fail(&text, 0, "'%.*s' has no address in DNS%s; %s",
				MED_STR_FMT(wish->lookup.name),
				wish->lookup.srv ? ", or a host of its services has none" : "", then);
	else if(g.count > MED_TARGETS_MAX || g.most > 0)
		(void)med_fail(&text, 0, "'%.*s' has %zu addresses: the first %u in order serve",
				MED_STR_FMT(wish->lookup.name), g.most > g.count ? g.most : g.count,
				MED_TARGETS_MAX);
	else if(g.pending)
		return; /* what was said of it holds until all is known */
	tell_trouble(r, wish, text.text[0] != '\0' ? text.text : NULL);
}

static void tell_later(med_resolver_t *r, med_wish_t *wish)
{
	if(wish->again)
		return;
	wish->again = true;
	wish->told_next = r->again;
	r->again = wish;
}

/* ---- answers --------------------------------------------------------------------------
 */

static int compare_ips(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(((med_ip_t *)NULL)->bytes));
}

/* true: it is another one than before. */
static bool keep_answer(med_question_t *q, const med_dns_answer_t *what)
{
	size_t size = q->type == MED_DNS_SRV ? sizeof(med_service_t) : sizeof(med_ip_t);
	size_t count = what->count;
	char *copy = calloc(count, size);
	bool same;

	if(copy == NULL)
		return false; /* the one before serves until the next answer */
	if(q->type == MED_DNS_SRV) {
		for(size_t i = 0; i < count; i++) {
			med_service_t *to = (med_service_t *)(void *)copy + i;
			to->priority = what->services[i].priority;
			to->weight = what->services[i].weight;
			to->port = what->services[i].port;
			memcpy(to->host, what->services[i].host, strlen(what->services[i].host) + 1);
		}
	} else {
		memcpy(copy, what->ips, count * size);
		qsort(copy, count, size, compare_ips);
		if(count > MED_TARGETS_MAX)
			count = MED_TARGETS_MAX;
	}
	same = q->count == count && memcmp(q->kept, copy, count * size) == 0
			&& q->total == what->count;
	free(q->kept);
	q->kept = copy;
	q->count = count;
	q->total = what->count;
	return !same;
}

static void on_answer(void *ctx, const med_dns_answer_t *what)
{
	med_question_t *q = ctx;
	med_resolver_t *r = q->resolver;
	bool changed = !q->settled || (q->why == NULL) != (what->why == NULL)
			|| q->none != (what->outcome == MED_DNS_NONE);

	r->in_flight--;
	q->asked = false;
	q->settled = true;
	q->why = what->outcome == MED_DNS_FAILED ? what->why : NULL;
	q->none = what->outcome == MED_DNS_NONE;
	if(what->outcome == MED_DNS_FOUND) {
		changed = keep_answer(q, what) || changed;
		q->failures = 0;
	} else if(q->failures < 100) {
		q->failures++;
	}
	if(q->users == NULL) {
		drop_question(q);
		return;
	}
	ask_in(r, q,
			what->outcome == MED_DNS_FOUND ? clamp(what->ttl) : back_off(q->failures));
	for(const med_need_t *n = q->users; changed && n != NULL; n = n->next_user)
		tell_later(r, n->wish);
}

/* ---- wishes ---------------------------------------------------------------------------
 */

static med_wish_t **place_of(med_resolver_t *r, med_str_t id)
{
	uint64_t hash = med_mix(med_hash(id.s, id.len));
	med_wish_t **place = &r->wishes[hash % BUCKETS];

	while(*place != NULL && ((*place)->hash != hash || !med_str_eq((*place)->id, id)))
		place = &(*place)->next;
	return place;
}

static void drop_wish(med_resolver_t *r, med_wish_t **place)
{
	med_wish_t *wish = *place, **told = &r->again;

	*place = wish->next;
	while(wish->again && *told != wish)
		told = &(*told)->told_next;
	if(wish->again)
		*told = wish->told_next;
	release(wish->needs);
	r->names--;
	r->troubled -= wish->trouble & 1;
	free(wish);
}

static bool is_same(const med_lookup_t *a, const med_lookup_t *b)
{
	return med_str_eq_nocase(a->name, b->name) && a->srv == b->srv && a->ipv4 == b->ipv4
			&& a->ipv6 == b->ipv6 && a->transports == b->transports;
}

int med_resolver_want(med_resolver_t *r, med_str_t id, const med_lookup_t *lookup)
{
	med_wish_t **place = place_of(r, id), *wish = *place;

	if(wish != NULL && lookup != NULL && is_same(&wish->lookup, lookup)) {
		r->troubled -= wish->trouble & 1;
		wish->trouble = UNTOLD;
		tell_later(r, wish);
		return MED_EOK;
	}
	if(wish != NULL)
		drop_wish(r, place);
	if(lookup == NULL || lookup->name.len >= MED_DNS_NAME_MAX)
		return MED_EOK;
	wish = calloc(1, sizeof(*wish) + id.len + lookup->name.len);
	if(wish == NULL)
		return MED_ENOMEM;
	place = place_of(r, id);
	memcpy(wish->text, id.s, id.len);
	memcpy(wish->text + id.len, lookup->name.s, lookup->name.len);
	wish->trouble = UNTOLD;
	wish->hash = med_mix(med_hash(id.s, id.len));
	wish->id = (med_str_t){wish->text, id.len};
	wish->lookup = *lookup;
	wish->lookup.name = (med_str_t){wish->text + id.len, lookup->name.len};
	*place = wish;
	r->names++;
	tell_later(r, wish);
	return MED_EOK;
}

/* Its questions first: an answer about services may have made others of them. */
static void make_up(med_resolver_t *r, med_wish_t *wish)
{
	med_need_t *before = wish->needs;

	if(before != NULL && !wish->lookup.srv) {
		tell(r, wish);
		return;
	}
	wish->needs = NULL;
	if(need_all(r, wish) != MED_EOK) {
		release(wish->needs);
		wish->needs = before;
		return; /* out of memory: the next answer tries again */
	}
	release(before);
	tell(r, wish);
}

/* ---- public ---------------------------------------------------------------------------
 */

int med_resolver_new(const char *servers, const med_resolve_handler_t *handler,
		med_resolver_t **resolver, med_errbuf_t *err)
{
	med_resolver_t *r = calloc(1, sizeof(*r));
	int rc;

	if(r == NULL)
		return MED_ENOMEM;
	rc = med_dns_new(servers, &r->dns, err);
	if(rc != MED_EOK) {
		free(r);
		return rc;
	}
	r->handler = *handler;
	for(unsigned i = 0; i < WHEEL; i++)
		ring_init(&r->due[i]);
	ring_init(&r->ready);
	*resolver = r;
	return MED_EOK;
}

void med_resolver_free(med_resolver_t *r)
{
	if(r == NULL)
		return;
	for(unsigned i = 0; i < BUCKETS; i++) {
		while(r->wishes[i] != NULL)
			drop_wish(r, &r->wishes[i]);
	}
	med_dns_free(r->dns); /* answers what is open, which frees its questions */
	free(r);
}

size_t med_resolver_poll(med_resolver_t *r, struct pollfd *fds, size_t max,
		int64_t now_ms, int64_t *deadline_ms)
{
	size_t n = med_dns_poll(r->dns, fds, max, now_ms, deadline_ms);
	int64_t next = (r->second + 1) * 1000;

	if(r->again != NULL
			|| (r->ready.next != &r->ready && r->in_flight < MED_RESOLVE_AT_ONCE))
		*deadline_ms = now_ms;
	else if(r->names > 0 && next < *deadline_ms)
		*deadline_ms = next;
	return n;
}

static void turn_wheel(med_resolver_t *r, int64_t second)
{
	if(r->second == 0 || second - r->second > (int64_t)WHEEL)
		r->second = second - (r->second == 0 ? 0 : (int64_t)WHEEL);
	while(r->second < second) {
		med_ring_t *head = &r->due[(uint64_t)++r->second % WHEEL];
		while(head->next != head)
			ring_join(&r->ready, head->next);
	}
}

void med_resolver_run(med_resolver_t *r, int64_t now_ms)
{
	unsigned asked = 0;

	turn_wheel(r, now_ms / 1000);
	med_dns_run(r->dns, now_ms);
	do {
		while(r->again != NULL) {
			med_wish_t *wish = r->again;
			r->again = wish->told_next;
			wish->again = false;
			make_up(r, wish);
		}
		while(asked < MED_RESOLVE_AT_A_TURN && r->in_flight < MED_RESOLVE_AT_ONCE
				&& r->ready.next != &r->ready) {
			med_question_t *q = (med_question_t *)r->ready.next;
			asked++;
			ring_leave(&q->due);
			q->asked = true;
			r->in_flight++;
			med_dns_ask(r->dns, (enum med_dns_type)q->type, q->name, on_answer, q);
		}
	} while(r->again != NULL);
}

void med_resolver_count(const med_resolver_t *r, unsigned *names, unsigned *troubled)
{
	*names = r->names;
	*troubled = r->troubled;
}
