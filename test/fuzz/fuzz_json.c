/**
 * fuzz_json.c - JSON as Redis may hold it under a node's name
 *
 * What is read can be written, what is written is read again, and no control byte of it
 * reaches a terminal.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "medctl/nodes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_plain(const char *text, size_t len)
{
	for(size_t i = 0; i < len; i++) {
		if(((unsigned char)text[i] < 0x20 && text[i] != '\n') || text[i] == 0x7f)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *json = json_parse((med_str_t){(const char *)data, size}), *again;
	node_t node = {.key = (char[]){"status:n"}, .json = json};
	char *text = NULL;
	size_t len = 0;
	out_json_t out = {.out = open_memstream(&text, &len)};

	if(out.out == NULL)
		abort();
	if(json != NULL) {
		json_write(&out, json);
		(void)fflush(out.out);
		again = json_parse((med_str_t){text, len});
		if(again == NULL || again->type != json->type)
			abort();
		json_free(again);
		node_show(out.out, &node);
	}
	node_show_unreadable(out.out, &node);
	(void)fclose(out.out);
	check_plain(text, len);
	free(text);
	json_free(json);
	return 0;
}
