/**
 * fuzz_file.c - a file of objects, read whole and in pieces, written and read back
 *
 * However the bytes are cut, the same is told; what is read can be written unless a value
 * has a byte no schema takes, and is then read back the same. No text carries a raw byte.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "medcore/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Everything that was told, as one number. */
typedef struct seen {
	uint64_t sum;
	size_t objects;
	bool writing, lines; /* write what is read; sum up where it stands */
	char *text;
	size_t len, room;
} seen_t;

static void mix(seen_t *seen, const void *data, size_t len)
{
	seen->sum = (seen->sum ^ med_hash(data, len) ^ len) * 0x9e3779b97f4a7c15u;
}

static int write_text(void *ctx, const char *bytes, size_t len)
{
	seen_t *seen = ctx;

	if(seen->len + len > seen->room) {
		seen->room = (seen->len + len) * 2;
		seen->text = realloc(seen->text, seen->room);
		if(seen->text == NULL)
			abort();
	}
	memcpy(seen->text + seen->len, bytes, len);
	seen->len += len;
	return MED_EOK;
}

static bool has_raw(med_str_t text)
{
	for(size_t i = 0; i < text.len; i++) {
		if((unsigned char)text.s[i] < 0x20)
			return true;
	}
	return false;
}

static int object(void *ctx, const med_file_object_t *o)
{
	seen_t *seen = ctx;
	bool raw = false;
	med_errbuf_t err;
	int rc;

	for(size_t i = 0; i < o->count; i++)
		raw = raw || has_raw(o->fields[i].name) || has_raw(o->fields[i].value)
				|| o->fields[i].name.len + o->fields[i].value.len > 60000;
	if(seen->writing) {
		rc = med_file_write_object(
				write_text, seen, o->kind, o->id, o->fields, o->count, &err);
		if(rc != MED_EOK && !raw)
			abort();
		if(rc != MED_EOK)
			return MED_EOK; /* not among what is read back */
	}
	seen->objects++;
	mix(seen, &o->kind, sizeof(o->kind));
	mix(seen, o->id.s, o->id.len);
	if(seen->lines)
		mix(seen, &o->line, sizeof(o->line));
	for(size_t i = 0; i < o->count; i++) {
		mix(seen, o->fields[i].name.s, o->fields[i].name.len);
		mix(seen, o->fields[i].value.s, o->fields[i].value.len);
		if(seen->lines)
			mix(seen, &o->lines[i], sizeof(o->lines[i]));
	}
	return MED_EOK;
}

static void fault(void *ctx, uint32_t line, const char *text)
{
	seen_t *seen = ctx;

	if(!seen->lines && !seen->writing)
		abort(); /* what we wrote ourselves */
	if(seen->lines)
		mix(seen, &line, sizeof(line));
	for(; *text != '\0'; text++) {
		if(*text < 0x20 || *text > 0x7e)
			abort();
	}
}

static seen_t read_by(med_str_t text, size_t piece, bool lines, bool writing)
{
	seen_t seen = {.lines = lines, .writing = writing};
	med_file_handler_t handler = {object, fault, &seen};
	med_file_reader_t *reader;

	if(med_file_reader_new(&med_mem_heap, &handler, &reader) != MED_EOK)
		abort();
	while(text.len > 0) {
		size_t n = text.len < piece ? text.len : piece;
		if(med_file_reader_feed(reader, text.s, n) != MED_EOK)
			abort();
		text.s += n;
		text.len -= n;
	}
	(void)med_file_reader_end(reader);
	med_file_reader_free(reader);
	return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	med_str_t text = {(const char *)data, size};
	seen_t whole = read_by(text, size + 1, true, false), cut, written, back;

	cut = read_by(text, 1 + size % 31, true, false);
	if(cut.sum != whole.sum || cut.objects != whole.objects)
		abort();
	written = read_by(text, size + 1, false, true);
	back = read_by((med_str_t){written.text, written.len}, 4096, false, false);
	if(back.sum != written.sum || back.objects != written.objects)
		abort();
	free(written.text);
	return 0;
}
