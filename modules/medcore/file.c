/**
 * file.c - objects as plain text: read in pieces, written by sections
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>

#include "medcore/file.h"
#include "medcore/record.h"

/* Bytes that grow; a view into them is taken only when they no longer do. */
typedef struct med_bytes {
	char *s;
	size_t len, room;
} med_bytes_t;

/* A field by where its name and value begin in the object's text. */
typedef struct med_place {
	size_t name, name_len, value, value_len;
} med_place_t;

struct med_file_reader {
	med_mem_t mem;
	med_file_handler_t handler;
	uint32_t line;    /* the one being read, from 1 */
	med_bytes_t part; /* a line that began in an earlier piece */
	bool too_long;    /* its rest is passed over */
	bool faulty;      /* something was told */
	bool foreign;     /* not UTF-8: told once, all of it is passed over */
	/* the object being read */
	bool open;
	bool mute;   /* its section is wrong: its fields are passed over */
	bool broken; /* something of it is wrong: it is not told */
	enum med_kind kind;
	uint32_t begins;
	med_bytes_t text; /* its id, then names and values */
	size_t id_len, count;
	med_place_t *place;
	med_field_t *fields;
	uint32_t *lines;
};

static bool reserve(const med_mem_t *mem, med_bytes_t *bytes, size_t more)
{
	size_t room = bytes->room == 0 ? 256 : bytes->room;
	char *wide;

	if(more <= bytes->room - bytes->len)
		return true;
	while(room - bytes->len < more)
		room *= 2;
	wide = med_alloc(mem, room);
	if(wide == NULL)
		return false;
	if(bytes->len > 0)
		memcpy(wide, bytes->s, bytes->len);
	med_free(mem, bytes->s);
	bytes->s = wide;
	bytes->room = room;
	return true;
}

/* Appends; where it went is *at. */
static bool append(const med_mem_t *mem, med_bytes_t *bytes, med_str_t text, size_t *at)
{
	if(!reserve(mem, bytes, text.len))
		return false;
	if(text.len > 0)
		memcpy(bytes->s + bytes->len, text.s, text.len);
	*at = bytes->len;
	bytes->len += text.len;
	return true;
}

int med_file_reader_new(const med_mem_t *mem, const med_file_handler_t *handler,
		med_file_reader_t **reader)
{
	med_file_reader_t *r = med_calloc(mem, 1, sizeof(*r));

	if(r == NULL)
		return MED_ENOMEM;
	r->mem = *mem;
	r->handler = *handler;
	r->line = 1;
	r->place = med_calloc(mem, MED_FILE_FIELDS_MAX, sizeof(*r->place));
	r->fields = med_calloc(mem, MED_FILE_FIELDS_MAX, sizeof(*r->fields));
	r->lines = med_calloc(mem, MED_FILE_FIELDS_MAX, sizeof(*r->lines));
	if(r->place == NULL || r->fields == NULL || r->lines == NULL
			|| !reserve(&r->mem, &r->text, 256) || !reserve(&r->mem, &r->part, 256)) {
		med_file_reader_free(r);
		return MED_ENOMEM;
	}
	*reader = r;
	return MED_EOK;
}

void med_file_reader_free(med_file_reader_t *reader)
{
	med_mem_t mem;

	if(reader == NULL)
		return;
	mem = reader->mem;
	med_free(&mem, reader->part.s);
	med_free(&mem, reader->text.s);
	med_free(&mem, reader->place);
	med_free(&mem, reader->fields);
	med_free(&mem, reader->lines);
	med_free(&mem, reader);
}

/* ---- lines --------------------------------------------------------------------------
 */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* A file may have come from anywhere: tabs and carriage returns are blanks too. */
static med_str_t trim(med_str_t text)
{
	while(text.len > 0 && is_blank(text.s[0])) {
		text.s++;
		text.len--;
	}
	while(text.len > 0 && is_blank(text.s[text.len - 1]))
		text.len--;
	return text;
}

/* Tells what is wrong with this line; the object it belongs to is not told. */
static int wrong(med_file_reader_t *r, const char *text)
{
	r->faulty = r->broken = true;
	r->handler.fault(r->handler.ctx, r->line, text);
	return MED_EOK;
}

static med_str_t text_at(const med_file_reader_t *r, size_t at, size_t len)
{
	return (med_str_t){r->text.s + at, len};
}

/* The object is complete. */
static int finish_object(med_file_reader_t *r)
{
	med_file_object_t object = {.kind = r->kind,
			.id = text_at(r, 0, r->id_len),
			.fields = r->fields,
			.lines = r->lines,
			.count = r->count,
			.line = r->begins};
	bool whole = r->open && !r->broken;

	r->open = r->mute = r->broken = false;
	if(!whole)
		return MED_EOK;
	for(size_t i = 0; i < r->count; i++) {
		r->fields[i].name = text_at(r, r->place[i].name, r->place[i].name_len);
		r->fields[i].value = text_at(r, r->place[i].value, r->place[i].value_len);
	}
	return r->handler.object(r->handler.ctx, &object);
}

static int unknown_kind(med_file_reader_t *r, med_str_t name)
{
	char quoted[48], names[128] = "";
	med_errbuf_t text;
	size_t used = 0;

	for(int kind = 0; kind < MED_KIND_COUNT; kind++) {
		const char *known = med_kind_name((enum med_kind)kind);
		size_t len = strlen(known);
		if(used + len + 3 > sizeof(names))
			break;
		if(used > 0)
			names[used++] = ' ';
		memcpy(names + used, known, len + 1);
		used += len;
	}
	(void)med_fail(&text, 0, "no kind of object: '%s'; there are: %s",
			med_quote(quoted, sizeof(quoted), name), names);
	return wrong(r, text.text);
}

/* [kind id] */
static int read_section(med_file_reader_t *r, med_str_t line)
{
	const char *end = memchr(line.s, ']', line.len);
	med_str_t name, id;
	med_errbuf_t text;
	size_t at;
	int rc = finish_object(r);

	if(rc != MED_EOK)
		return rc;
	r->open = r->mute = true;
	r->begins = r->line;
	r->text.len = r->count = 0;
	if(end == NULL)
		return wrong(r, "a section without ']'; write [kind id], as in [trunk pbx1]");
	if(end != line.s + line.len - 1)
		return wrong(r, "something after ']'; a section has a line of its own");
	name = trim((med_str_t){line.s + 1, line.len - 2});
	id = name;
	while(name.len > 0 && id.len > 0 && !is_blank(id.s[0])) {
		id.s++;
		id.len--;
	}
	name.len -= id.len;
	id = trim(id);
	if(med_kind_parse(name, &r->kind) != MED_EOK)
		return unknown_kind(r, name);
	if(med_record_check_id(r->kind, id, &text) != MED_EOK)
		return wrong(r, text.text);
	if(!append(&r->mem, &r->text, id, &at))
		return MED_ENOMEM;
	r->id_len = id.len;
	r->mute = false;
	return MED_EOK;
}

static int field_fault(med_file_reader_t *r, const char *what, med_str_t name)
{
	char quoted[64];
	med_errbuf_t text;

	(void)med_fail(
			&text, 0, "field '%s': %s", med_quote(quoted, sizeof(quoted), name), what);
	return wrong(r, text.text);
}

/* name = value */
static int read_field(med_file_reader_t *r, med_str_t line)
{
	const char *equals = memchr(line.s, '=', line.len);
	med_place_t *place = &r->place[r->count];
	med_str_t name, value;
	char quoted[48];
	med_errbuf_t text;

	if(equals == NULL) {
		(void)med_fail(&text, 0, "no '=': '%s'; write field = value, or # for a comment",
				med_quote(quoted, sizeof(quoted), line));
		return wrong(r, text.text);
	}
	name = trim((med_str_t){line.s, (size_t)(equals - line.s)});
	value = trim((med_str_t){equals + 1, line.len - (size_t)(equals - line.s) - 1});
	if(name.len == 0)
		return wrong(r, "no field before '='; write field = value");
	if(!r->open)
		return field_fault(r,
				"before any section; write [kind id] above it, as in [trunk pbx1]", name);
	if(r->mute)
		return MED_EOK;
	for(size_t i = 0; i < r->count; i++) {
		if(!med_str_eq(name, text_at(r, r->place[i].name, r->place[i].name_len)))
			continue;
		(void)med_fail(&text, 0, "given twice, first in line %u; keep one", r->lines[i]);
		return field_fault(r, text.text, name);
	}
	if(r->count == MED_FILE_FIELDS_MAX)
		return wrong(r, "more than 4096 fields in one object");
	if(r->text.len + name.len + value.len > MED_FILE_OBJECT_MAX)
		return wrong(r, "more than 16 MiB in one object");
	*place = (med_place_t){.name_len = name.len, .value_len = value.len};
	if(!append(&r->mem, &r->text, name, &place->name)
			|| !append(&r->mem, &r->text, value, &place->value))
		return MED_ENOMEM;
	r->lines[r->count++] = r->line;
	return MED_EOK;
}

static int read_line(med_file_reader_t *r, med_str_t line)
{
	int rc;

	if(r->line == 1 && line.len >= 3 && memcmp(line.s, "\xef\xbb\xbf", 3) == 0) {
		line.s += 3; /* a byte order mark */
		line.len -= 3;
	}
	if(r->line == 1 && line.len >= 2
			&& (memcmp(line.s, "\xff\xfe", 2) == 0
					|| memcmp(line.s, "\xfe\xff", 2) == 0)) {
		r->foreign = true;
		(void)wrong(r, "the file is UTF-16, as Windows writes it; save it as UTF-8");
	}
	line = trim(line);
	if(line.len == 0 || line.s[0] == '#' || r->foreign)
		rc = MED_EOK;
	else
		rc = line.s[0] == '[' ? read_section(r, line) : read_field(r, line);
	r->line++;
	return rc;
}

/* A line's beginning is kept until its end comes; of one that is too long nothing is. */
static int keep_part(med_file_reader_t *r, med_str_t bytes)
{
	size_t at;

	if(r->too_long)
		return MED_EOK;
	if(r->part.len + bytes.len > MED_FILE_LINE_MAX) {
		r->too_long = true;
		r->part.len = 0;
		return wrong(r, "a line longer than 65 KiB");
	}
	return append(&r->mem, &r->part, bytes, &at) ? MED_EOK : MED_ENOMEM;
}

/* The rest of a line has come. */
static int end_line(med_file_reader_t *r, med_str_t rest)
{
	med_str_t line = rest;
	int rc = MED_EOK;

	if(r->part.len > 0 || r->too_long || rest.len > MED_FILE_LINE_MAX) {
		rc = keep_part(r, rest);
		line = (med_str_t){r->part.s, r->part.len};
	}
	if(rc != MED_EOK)
		return rc;
	if(r->too_long)
		r->line++;
	else
		rc = read_line(r, line);
	r->too_long = false;
	r->part.len = 0;
	return rc;
}

int med_file_reader_feed(med_file_reader_t *reader, const char *bytes, size_t len)
{
	int rc = MED_EOK;

	while(len > 0 && rc == MED_EOK) {
		const char *end = memchr(bytes, '\n', len);
		size_t n = end == NULL ? len : (size_t)(end - bytes);
		if(end == NULL)
			return keep_part(reader, (med_str_t){bytes, n});
		rc = end_line(reader, (med_str_t){bytes, n});
		bytes += n + 1;
		len -= n + 1;
	}
	return rc;
}

int med_file_reader_end(med_file_reader_t *reader)
{
	int rc = end_line(reader, (med_str_t){"", 0});

	if(rc == MED_EOK)
		rc = finish_object(reader);
	if(rc == MED_EOK && reader->faulty)
		rc = MED_EINVAL;
	return rc;
}

/* ---- writing ------------------------------------------------------------------------
 */

static bool has_line_end(med_str_t text)
{
	for(size_t i = 0; i < text.len; i++) {
		if(text.s[i] == '\n' || text.s[i] == '\r' || text.s[i] == '\0')
			return true;
	}
	return false;
}

/* Would the reader give this field back as it is? Blanks around a value mean nothing. */
static bool is_writable(const med_field_t *field)
{
	med_str_t name = field->name;

	return name.len > 0 && name.s[0] != '#' && name.s[0] != '['
			&& trim(name).len == name.len && memchr(name.s, '=', name.len) == NULL
			&& !has_line_end(name) && !has_line_end(field->value)
			&& name.len + field->value.len + 8 <= MED_FILE_LINE_MAX;
}

static int check_writable(enum med_kind kind, med_str_t id, const med_field_t *fields,
		size_t count, med_errbuf_t *err)
{
	char quoted[MED_OBJECT_ID_MAX + 16], name[64];
	int rc = med_record_check_id(kind, id, err);

	for(size_t i = 0; rc == MED_EOK && i < count; i++) {
		if(is_writable(&fields[i]))
			continue;
		rc = med_fail(err, MED_EINVAL,
				"%s '%s': field '%s': cannot stand in a file; no field has line ends, a "
				"name with '=' or more than 64 KiB",
				med_kind_name(kind), med_quote(quoted, sizeof(quoted), id),
				med_quote(name, sizeof(name), fields[i].name));
	}
	return rc;
}

int med_file_write_object(med_file_write_cb write, void *ctx, enum med_kind kind,
		med_str_t id, const med_field_t *fields, size_t count, med_errbuf_t *err)
{
	const med_str_t head[] = {
			MED_STR("["), med_str(med_kind_name(kind)), MED_STR(" "), id, MED_STR("]\n")};
	int rc = check_writable(kind, id, fields, count, err);

	for(size_t i = 0; rc == MED_EOK && i < sizeof(head) / sizeof(head[0]); i++)
		rc = write(ctx, head[i].s, head[i].len);
	for(size_t i = 0; rc == MED_EOK && i < count; i++) {
		med_str_t value = trim(fields[i].value);
		const med_str_t line[] = {fields[i].name,
				value.len == 0 ? MED_STR(" =") : MED_STR(" = "), value, MED_STR("\n")};
		for(size_t k = 0; rc == MED_EOK && k < sizeof(line) / sizeof(line[0]); k++)
			rc = write(ctx, line[k].s, line[k].len);
	}
	return rc == MED_EOK ? write(ctx, "\n", 1) : rc;
}

int med_file_write_comment(med_file_write_cb write, void *ctx, med_str_t text)
{
	int rc = MED_EOK;

	while(rc == MED_EOK && text.len > 0) {
		const char *end = memchr(text.s, '\n', text.len);
		med_str_t line = {text.s, end == NULL ? text.len : (size_t)(end - text.s)};
		char shown[1024];
		med_str_t quoted;
		text.s += line.len + (end != NULL);
		text.len -= line.len + (end != NULL);
		quoted = med_str(med_quote(shown, sizeof(shown), line));
		rc = write(ctx, "# ", quoted.len == 0 ? 1 : 2);
		if(rc == MED_EOK)
			rc = write(ctx, quoted.s, quoted.len);
		if(rc == MED_EOK)
			rc = write(ctx, "\n", 1);
	}
	return rc;
}
