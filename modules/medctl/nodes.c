/**
 * nodes.c - what nodes say of themselves in Redis
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "medctl/nodes.h"

static void free_node(node_t *node)
{
	free(node->key);
	free(node->text);
	free(node->gist);
	json_free(node->json);
}

void nodes_free(nodes_t *nodes)
{
	for(size_t i = 0; i < nodes->count; i++)
		free_node(&nodes->node[i]);
	free(nodes);
}

/* ---- reading ------------------------------------------------------------------------
 */

int nodes_compare(const void *a, const void *b)
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
		qsort(nodes->node, nodes->count, sizeof *nodes->node, nodes_compare);
	return fine;
}

nodes_t *nodes_read(medctl_t *m)
{
	nodes_t *nodes = calloc(1, sizeof *nodes);

	if(nodes == NULL || !list_nodes(m, nodes)) {
		if(nodes != NULL)
			nodes_free(nodes);
		return NULL;
	}
	for(size_t i = 0; i < nodes->count; i++) {
		node_t *node = &nodes->node[i];
		med_reply_t *reply = NULL;
		if(medctl_send(m, "GET", node->key, NULL))
			reply = medctl_reply(m);
		if(reply == NULL) {
			nodes_free(nodes);
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

static void put_member(FILE *out, const json_t *json, const char *key, const char *before)
{
	med_str_t text = json_text_of(json, key);

	if(text.len > 0)
		out_between(out, before, text, "");
}

static bool is_zero(med_str_t text)
{
	return text.len == 0 || med_str_eq(text, MED_STR("0"));
}

/* One line: who, how connected, what is in force. */
void node_show_gist(FILE *out, const node_t *node)
{
	const json_t *j = node->json;
	const json_t *held = json_get(j, "held");

	out_between(out, "", json_text_of(j, "node"), "");
	put_member(out, j, "store", "  ");
	put_member(out, j, "store_since", " since ");
	if(med_str_eq(json_text_of(j, "source"), MED_STR("disk")))
		put_member(out, j, "disk_at", ", from disk as of ");
	if(med_str_eq(json_text_of(j, "store"), MED_STR("loading"))) {
		put_member(out, j, "read_done", ", read ");
		put_member(out, j, "read_known", " of ");
	}
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

	if(counts == NULL)
		return;
	(void)fprintf(out, "    %s: ", what);
	for(const json_t *c = counts->child; c != NULL; c = c->next) {
		if(is_zero(c->text))
			continue;
		out_between(out, before, c->text, " ");
		out_safe(out, c->key);
		before = ", ";
	}
	(void)fputs(before[0] == '\0' ? "none\n" : "\n", out);
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
		out_between(out, "    ", m->key, ": ");
		out_between(out, "", m->text, "\n");
	}
}

void node_show(FILE *out, const node_t *node)
{
	const json_t *held = json_get(node->json, "held");

	node_show_gist(out, node);
	show_counts(out, "objects", json_get(node->json, "objects"));
	show_rest(out, node->json);
	if(held != NULL && held->type == JSON_OBJECT) {
		out_between(out, "    held back since ", json_text_of(held, "since"), ": ");
		out_between(out, "", json_text_of(held, "text"), "\n");
		show_counts(out, "held back", json_get(held, "objects"));
		show_list(out, "held back", json_get(held, "some"));
	}
	show_list(out, "refused", json_get(node->json, "refused"));
	show_list(out, "warned", json_get(node->json, "warned"));
}

void node_show_unreadable(FILE *out, const node_t *node)
{
	out_between(out, "", med_str(node->key), ": not a status\n");
}
