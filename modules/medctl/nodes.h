/**
 * nodes.h - what nodes say of themselves in Redis
 *
 * A node acknowledges what it has in force under `<status prefix>status:<node>`.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCTL_NODES_H
#define MEDCTL_NODES_H

#include "medctl/json.h"

#define NODES_MAX 1000

typedef struct node {
	char *key, *text; /**< NULL text: expired since it was listed */
	json_t *json;     /**< NULL: not JSON */
	char *gist;       /**< the caller's */
	bool seen;        /**< the caller's */
} node_t;

typedef struct nodes {
	node_t node[NODES_MAX]; /**< in order of key */
	size_t count;
} nodes_t;

/** NULL: told. */
nodes_t *nodes_read(medctl_t *m);
void nodes_free(nodes_t *nodes);
/** By key, for bsearch(). */
int nodes_compare(const void *a, const void *b);

/** One line: who, how connected, what is in force. */
void node_show_gist(FILE *out, const node_t *node);
/** All of it. */
void node_show(FILE *out, const node_t *node);
void node_show_unreadable(FILE *out, const node_t *node);

#endif
