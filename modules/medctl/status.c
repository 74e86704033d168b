/**
 * status.c - what each node has in force
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <stdlib.h>

#include "medctl/nodes.h"

#define MARKER_BYTES 256

/* An apply under way, or one that did not end. */
static bool show_marker(medctl_t *m, out_json_t *j)
{
	char *marker = medctl_get(m, m->prefix, "applying", MARKER_BYTES);

	if(marker == NULL)
		return false;
	if(m->json)
		json_str(j, "applying", med_str(marker));
	else if(marker[0] != '\0')
		out_between(stdout, "apply under way, or not ended: ", med_str(marker), "\n");
	free(marker);
	return true;
}

int medctl_status(medctl_t *m)
{
	out_json_t j = {.out = stdout};
	nodes_t *nodes = nodes_read(m);

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
			node_show(stdout, node);
		else if(node->text != NULL)
			node_show_unreadable(m->json ? stderr : stdout, node);
	}
	if(nodes->count == 0 && !m->json)
		(void)puts("no node has written a status");
	nodes_free(nodes);
	if(m->json)
		json_close(&j, ']');
	if(!show_marker(m, &j))
		return MEDCTL_FAILED;
	if(m->json) {
		json_close(&j, '}');
		json_end(&j);
	}
	return MEDCTL_OK;
}
