/**
 * watch.c - status and events of nodes as they come
 *
 * Events are in the stream `<status prefix>events`.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "medctl/nodes.h"

#define WAIT_MS "1000" /* for an event */
#define OPEN_MS 5000

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
		node_show_gist(out, node);
	else
		node_show_unreadable(out, node);
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
		out_between(
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
	nodes_t *now = nodes_read(w->m);

	if(now == NULL)
		return false;
	for(size_t i = 0; i < now->count; i++) {
		node_t *node = &now->node[i], *was = NULL;
		node->gist = node->text == NULL ? NULL : gist_of(node);
		if(node->gist == NULL)
			continue;
		if(w->last != NULL)
			was = bsearch(
					node, w->last->node, w->last->count, sizeof *node, nodes_compare);
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
		nodes_free(w->last);
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
		nodes_free(w.last);
	return MEDCTL_OK;
}
