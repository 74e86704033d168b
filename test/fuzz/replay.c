/**
 * replay.c - run a fuzz target over its corpus, as a test
 *
 * Every file under CORPUS is one TAP line; a crash ends the program before its line, and
 * the file's name stands above. Needs no clang: linked with gcc's sanitizers.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Heap, exactly as long as the file: reading one byte past it is then seen. */
static uint8_t *slurp(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = NULL;
	long length;

	if(!file)
		return NULL;
	if(fseek(file, 0, SEEK_END) == 0 && (length = ftell(file)) >= 0
			&& fseek(file, 0, SEEK_SET) == 0) {
		data = malloc((size_t)length + (length == 0));
		if(data && fread(data, 1, (size_t)length, file) != (size_t)length) {
			free(data);
			data = NULL;
		}
		*size = (size_t)length;
	}
	fclose(file);
	return data;
}

static int is_input(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int main(void)
{
	struct dirent **entries;
	int failed = 0;
	int count = scandir(CORPUS, &entries, is_input, alphasort);

	if(count < 1) {
		printf("1..1\nnot ok 1 - %s has no input to replay\n", CORPUS);
		return 1;
	}
	printf("1..%d\n", count);
	for(int i = 0; i < count; i++) {
		char path[4096];
		size_t size = 0;
		uint8_t *data;

		snprintf(path, sizeof path, "%s/%s", CORPUS, entries[i]->d_name);
		printf("# %s\n", entries[i]->d_name);
		fflush(stdout);
		data = slurp(path, &size);
		if(data)
			LLVMFuzzerTestOneInput(data, size);
		else
			failed++;
		printf("%s %d - %s\n", data ? "ok" : "not ok", i + 1, entries[i]->d_name);
		free(data);
		free(entries[i]);
	}
	free(entries);
	return failed > 0;
}
