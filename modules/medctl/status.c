/**
 * status.c - what each node has in force: once, or as it comes
 *
 * Nodes write what they acknowledge under `<status prefix>status:<node>`, and events to
 * the stream `<status prefix>events`.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "medctl/json.h"

#define NODES_MAX 1000
#define WAIT_MS "1000" /* for an event */
#define OPEN_MS 5000
#define MARKER_BYTES 256

typedef struct node {
	char *key, *text, *gist;
	json_t *json; /* NULL: not JSON */
	bool seen;
} node_t;

typedef struct nodes {
	node_t node[NODES_MAX];
	size_t count;
} nodes_t;

static void free_node(node_t *node)
{
	free(node->key);
	free(node->text);
	free(node->gist);
	json_free(node->json);
}

static void free_nodes(nodes_t *nodes)
{
	for(size_t i = 0; i < nodes->count; i++)
		free_node(&nodes->node[i]);
	free(nodes);
}

/* ---- reading ------------------------------------------------------------------------
 */

static int compare_nodes(const void *a, const void *b)
{
	return strcmp(((const node_t *)a)->key, ((const node_t *)b)->key);
}

static bool add_key(nodes_t *nodes, med_str_t key)
{
	for(size_t i = 0; i < nodes->count; i++) {
		if(med_str_eq(med_str(nodes->node[i].key), key))
			return true;
	}
	if(nodes->count == NODES_MAX)
		return true;
	nodes->node[nodes->count].key = strndup(key.s, key.len);
	return nodes->node[nodes->count].key != NULL && ++nodes->count > 0;
}

static bool list_nodes(medctl_t *m, nodes_t *nodes)
{
	char cursor[32] = "0", match[300];
	bool fine = true;

	(void)snprintf(match, sizeof(match), "%.*sstatus:*", MED_STR_FMT(m->run_prefix));
	do {
		med_reply_t *reply = NULL;
		if(medctl_send(m, "SCAN", cursor, "MATCH", match, "COUNT", "1000", NULL))
			reply = medctl_reply(m);
		if(reply == NULL || reply->count != 2) {
			med_reply_free(reply);
			return false;
		}
		(void)snprintf(
				cursor, sizeof(cursor), "%.*s", MED_STR_FMT(reply->element[0].str));
		for(size_t i = 0; i < reply->element[1].count && fine; i++)
			fine = add_key(nodes, reply->element[1].element[i].str);
		med_reply_free(reply);
	} while(fine && strcmp(cursor, "0") != 0);
	if(nodes->count > 0)
		qsort(nodes->node, nodes->count, sizeof *nodes->node, compare_nodes);
	return fine;
}

/* A status that expired meanwhile leaves its text NULL. NULL: told. */
static nodes_t *read_nodes(medctl_t *m)
{
	nodes_t *nodes = calloc(1, sizeof *nodes);

	if(nodes == NULL || !list_nodes(m, nodes)) {
		if(nodes != NULL)
			free_nodes(nodes);
		return NULL;
	}
	for(size_t i = 0; i < nodes->count; i++) {
		node_t *node = &nodes->node[i];
		med_reply_t *reply = NULL;
		if(medctl_send(m, "GET", node->key, NULL))
			reply = medctl_reply(m);
		if(reply == NULL) {
			free_nodes(nodes);
			return NULL;
		}
		if(reply->type == MED_REPLY_STRING) {
			node->text = strndup(reply->str.s, reply->str.len);
			node->json = json_parse(reply->str);
		}
		med_reply_free(reply);
	}
	return nodes;
}

/* ---- showing ------------------------------------------------------------------------
 */

static void put_text(FILE *out, const char *before, med_str_t text, const char *after)
{
	(void)fputs(before, out);
	out_safe(out, text);
	(void)fputs(after, out);
}

static void put_member(FILE *out, const json_t *json, const char *key, const char *before)
{
	med_str_t text = json_text_of(json, key);

	if(text.len > 0)
		put_text(out, before, text, "");
}

static bool is_zero(med_str_t text)
{
	return text.len == 0 || med_str_eq(text, MED_STR("0"));
}

/* One line: who, how connected, what is in force. */
static void show_gist(FILE *out, const node_t *node)
{
	const json_t *j = node->json;
	const json_t *held = json_get(j, "held");

	put_text(out, "", json_text_of(j, "node"), "");
	put_member(out, j, "store", "  ");
	put_member(out, j, "store_since", " since ");
	put_member(out, j, "revision", ", revision ");
	put_member(out, j, "applied_at", " of ");
	if(!is_zero(json_text_of(j, "refused_total")))
		put_member(out, j, "refused_total", ", refused: ");
	if(!is_zero(json_text_of(j, "warned_total")))
		put_member(out, j, "warned_total", ", warned: ");
	if(held != NULL && held->type == JSON_OBJECT)
		(void)fputs(", HELD BACK", out);
	(void)fputc('\n', out);
}

static void show_list(FILE *out, const char *what, const json_t *list)
{
	for(const json_t *item = list == NULL ? NULL : list->child; item != NULL;
			item = item->next) {
		med_str_t text = json_text_of(item, "text");
		(void)fprintf(out, "    %s: ", what);
		out_safe(out, text.len > 0 ? text : item->text);
		(void)fputc('\n', out);
	}
}

/* "3 gateway, 4 trunk" */
static void show_counts(FILE *out, const char *what, const json_t *counts)
{
	const char *before = "";

	if(counts == NULL || counts->child == NULL)
		return;
	(void)fprintf(out, "    %s: ", what);
	for(const json_t *c = counts->child; c != NULL; c = c->next) {
		if(c->type != JSON_NUMBER && c->type != JSON_STRING)
			continue;
		put_text(out, before, c->text, " ");
		out_safe(out, c->key);
		before = ", ";
	}
	(void)fputc('\n', out);
}

/* Everything else a node says of itself, as it says it. */
static void show_rest(FILE *out, const json_t *json)
{
	static const char *const told[] = {"node", "store", "store_since", "revision",
			"applied_at", "written_at", "refused_total", "warned_total", "snapshots",
			NULL};

	for(const json_t *m = json->child; m != NULL; m = m->next) {
		size_t i = 0;
		while(told[i] != NULL && !med_str_eq(m->key, med_str(told[i])))
			i++;
		if(told[i] != NULL || is_zero(m->text))
			continue;
		put_text(out, "    ", m->key, ": ");
		put_text(out, "", m->text, "\n");
	}
}

static void show_node(FILE *out, const node_t *node)
{
	const json_t *held = json_get(node->json, "held");

	show_gist(out, node);
	show_counts(out, "objects", json_get(node->json, "objects"));
	show_rest(out, node->json);
	if(held != NULL && held->type == JSON_OBJECT) {
		put_text(out, "    held back: ", json_text_of(held, "text"), "\n");
		put_text(out, "    since ", json_text_of(held, "since"), "\n");
	}
	show_list(out, "refused", json_get(node->json, "refused"));
	show_list(out, "warned", json_get(node->json, "warned"));
}

static void show_unreadable(FILE *out, const node_t *node)
{
	put_text(out, "", med_str(node->key), ": not a status\n");
}

/* An apply under way, or one that did not end. */
static bool show_marker(medctl_t *m, out_json_t *j)
{
	char *marker = medctl_get(m, m->prefix, "applying", MARKER_BYTES);

	if(marker == NULL)
		return false;
	if(m->json)
		json_str(j, "applying", med_str(marker));
	else if(marker[0] != '\0')
		put_text(stdout, "apply under way, or not ended: ", med_str(marker), "\n");
	free(marker);
	return true;
}

int medctl_status(medctl_t *m)
{
	out_json_t j = {.out = stdout};
	nodes_t *nodes = read_nodes(m);

	if(nodes == NULL)
		return MEDCTL_FAILED;
	if(m->json) {
		json_open(&j, NULL, '{');
		json_open(&j, "nodes", '[');
	}
	for(size_t i = 0; i < nodes->count; i++) {
		const node_t *node = &nodes->node[i];
		if(m->json && node->json != NULL)
			json_write(&j, node->json);
		else if(!m->json && node->json != NULL)
			show_node(stdout, node);
		else if(node->text != NULL)
			show_unreadable(m->json ? stderr : stdout, node);
	}
	if(nodes->count == 0 && !m->json)
		(void)puts("no node has written a status");
	free_nodes(nodes);
	if(m->json)
		json_close(&j, ']');
	if(!show_marker(m, &j))
		return MEDCTL_FAILED;
	if(m->json) {
		json_close(&j, '}');
		json_end(&j);
	}
	return out_close(stdout, "standard output");
}

/* ---- watching -----------------------------------------------------------------------
 */

typedef struct watcher {
	medctl_t *m;
	nodes_t *last;
	char stream[200], id[64]; /* the last event that was shown */
	out_json_t j;
} watcher_t;

static char *gist_of(const node_t *node)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if(out == NULL)
		return NULL;
	if(node->json != NULL)
		show_gist(out, node);
	else
		show_unreadable(out, node);
	(void)fclose(out);
	return text;
}

static void say_node(watcher_t *w, const node_t *node)
{
	if(!w->m->json) {
		(void)fputs(node->gist, stdout);
		return;
	}
	json_open(&w->j, NULL, '{');
	json_str(&w->j, "status", med_str(node->key));
	json_str(&w->j, "text", (med_str_t){node->gist, strcspn(node->gist, "\n")});
	json_close(&w->j, '}');
	json_end(&w->j);
}

static void say_gone(watcher_t *w, const node_t *node)
{
	if(!w->m->json) {
		put_text(
				stdout, "", med_str(node->key), ": gone; its node no longer writes it\n");
		return;
	}
	json_open(&w->j, NULL, '{');
	json_str(&w->j, "gone", med_str(node->key));
	json_close(&w->j, '}');
	json_end(&w->j);
}

/* Nodes whose line is another than it was. */
static bool look_at_nodes(watcher_t *w)
{
	nodes_t *now = read_nodes(w->m);

	if(now == NULL)
		return false;
	for(size_t i = 0; i < now->count; i++) {
		node_t *node = &now->node[i], *was = NULL;
		node->gist = node->text == NULL ? NULL : gist_of(node);
		if(node->gist == NULL)
			continue;
		if(w->last != NULL)
			was = bsearch(
					node, w->last->node, w->last->count, sizeof *node, compare_nodes);
		if(was != NULL)
			was->seen = true;
		if(was == NULL || was->gist == NULL || strcmp(was->gist, node->gist) != 0)
			say_node(w, node);
	}
	for(size_t i = 0; w->last != NULL && i < w->last->count; i++) {
		if(!w->last->node[i].seen && w->last->node[i].gist != NULL)
			say_gone(w, &w->last->node[i]);
	}
	if(w->last != NULL)
		free_nodes(w->last);
	w->last = now;
	return true;
}

static void say_event(watcher_t *w, const med_reply_t *fields)
{
	static const char *const order[] = {"at", "node", "event", "text"};

	if(w->m->json) {
		json_open(&w->j, NULL, '{');
		for(size_t k = 0; k + 1 < fields->count; k += 2)
			json_pair(&w->j, fields->element[k].str, fields->element[k + 1].str);
		json_close(&w->j, '}');
		json_end(&w->j);
		return;
	}
	for(size_t i = 0; i < sizeof order / sizeof *order; i++) {
		for(size_t k = 0; k + 1 < fields->count; k += 2) {
			if(!med_str_eq(fields->element[k].str, med_str(order[i])))
				continue;
			out_safe(stdout, fields->element[k + 1].str);
			(void)fputs(i == 3 ? "" : i == 2 ? ": " : "  ", stdout);
		}
	}
	(void)putchar('\n');
}

/* Waits a second for events; [[stream, [[id, [field, value, ...]], ...]]] or nil. */
static bool look_at_events(watcher_t *w)
{
	med_reply_t *reply = NULL;
	const med_reply_t *list;

	if(medctl_send(w->m, "XREAD", "COUNT", "1000", "BLOCK", WAIT_MS, "STREAMS", w->stream,
			   w->id, NULL))
		reply = medctl_reply(w->m);
	if(reply == NULL)
		return false;
	if(reply->count == 1 && reply->element[0].count == 2) {
		list = &reply->element[0].element[1];
		for(size_t i = 0; i < list->count; i++) {
			const med_reply_t *event = &list->element[i];
			if(event->count != 2)
				continue;
			(void)snprintf(
					w->id, sizeof(w->id), "%.*s", MED_STR_FMT(event->element[0].str));
			say_event(w, &event->element[1]);
		}
	}
	med_reply_free(reply);
	return true;
}

/* The id of the last event there is: "$" would miss what comes between two questions. */
static bool find_end(watcher_t *w)
{
	med_reply_t *reply = NULL;

	if(medctl_send(w->m, "XREVRANGE", w->stream, "+", "-", "COUNT", "1", NULL))
		reply = medctl_reply(w->m);
	if(reply == NULL)
		return false;
	if(reply->count == 1 && reply->element[0].count == 2)
		(void)snprintf(w->id, sizeof(w->id), "%.*s",
				MED_STR_FMT(reply->element[0].element[0].str));
	med_reply_free(reply);
	return true;
}

/* Until it is there again, or nobody wants to know any more. */
static void reconnect(medctl_t *m)
{
	med_errbuf_t err;

	med_client_close(m->client);
	m->client = NULL;
	while(!medctl_interrupted()) {
		if(med_client_open(m->redis, OPEN_MS, &m->client, &err) == MED_EOK) {
			out_note("connected again");
			return;
		}
		(void)poll(NULL, 0, 500);
	}
}

int medctl_watch(medctl_t *m)
{
	watcher_t w = {.m = m, .id = "0-0", .j = {.out = stdout}};

	if(m->once)
		return medctl_status(m);
	if((size_t)snprintf(
			   w.stream, sizeof(w.stream), "%.*sevents", MED_STR_FMT(m->run_prefix))
			>= sizeof(w.stream)) {
		out_error("the status prefix is too long");
		return MEDCTL_USAGE;
	}
	if(medctl_client(m) == NULL || !find_end(&w))
		return MEDCTL_FAILED;
	while(!medctl_interrupted()) {
		if(!look_at_nodes(&w) || fflush(stdout) != 0 || !look_at_events(&w)) {
			if(ferror(stdout))
				break;
			reconnect(m);
		}
		(void)fflush(stdout);
	}
	if(w.last != NULL)
		free_nodes(w.last);
	return out_close(stdout, "standard output");
}
