/**
 * keep_frame.c - frames of the last known good: into bytes, and from a file
 *
 * A frame is one line, then its payload:
 *
 *     <type> <length> <serial> <checksum>
 *
 * in hexadecimal digits of fixed width; the checksum is over what stands before it and
 * the payload.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "medcore/keep_priv.h"

#define LENGTH_AT 2
#define SERIAL_AT 11
#define SUM_AT 28
#define LINE 45 /* with its end */
#define PAYLOAD_MAX (MED_FILE_OBJECT_MAX + MED_FILE_LINE_MAX)
#define WINDOW (256 * 1024)

/* ---- bytes --------------------------------------------------------------------------
 */

static bool reserve(med_keep_bytes_t *bytes, size_t more)
{
	size_t room = bytes->room ? bytes->room : 4096;
	char *wide;

	if(more <= bytes->room - bytes->len)
		return true;
	while(room - bytes->len < more)
		room *= 2;
	wide = med_alloc(bytes->mem, room);
	if(wide == NULL)
		return false;
	if(bytes->len > 0)
		memcpy(wide, bytes->s, bytes->len);
	med_free(bytes->mem, bytes->s);
	bytes->s = wide;
	bytes->room = room;
	return true;
}

void med_keep_bytes_free(med_keep_bytes_t *bytes)
{
	med_free(bytes->mem, bytes->s);
	*bytes = (med_keep_bytes_t){.mem = bytes->mem};
}

bool med_keep_put(med_keep_bytes_t *out, const char *bytes, size_t len)
{
	if(!reserve(out, len))
		return false;
	if(len > 0)
		memcpy(out->s + out->len, bytes, len);
	out->len += len;
	return true;
}

static bool put_text(med_keep_bytes_t *out, const char *text)
{
	return med_keep_put(out, text, strlen(text));
}

/* ---- writing frames -----------------------------------------------------------------
 */

static void hex(char *out, unsigned digits, uint64_t value)
{
	while(digits > 0) {
		out[--digits] = "0123456789abcdef"[value & 15];
		value >>= 4;
	}
}

static uint64_t checksum(const char *line, med_str_t payload)
{
	return med_hash(line, SUM_AT) * 31 + med_hash(payload.s, payload.len);
}

bool med_keep_frame_open(
		med_keep_bytes_t *out, size_t *at, enum med_keep_type type, uint64_t serial)
{
	char *line;

	if(!reserve(out, LINE))
		return false;
	*at = out->len;
	line = out->s + out->len;
	memset(line, ' ', LINE);
	line[0] = (char)type;
	hex(line + SERIAL_AT, 16, serial);
	line[LINE - 1] = '\n';
	out->len += LINE;
	return true;
}

void med_keep_frame_close(med_keep_bytes_t *out, size_t at)
{
	char *line = out->s + at;
	med_str_t payload = {line + LINE, out->len - at - LINE};

	hex(line + LENGTH_AT, 8, payload.len);
	hex(line + SUM_AT, 16, checksum(line, payload));
}

/* One frame with a short text. */
static bool put_frame(med_keep_bytes_t *out, enum med_keep_type type, const char *text)
{
	size_t at, before = out->len;

	if(!med_keep_frame_open(out, &at, type, 0) || !put_text(out, text)) {
		out->len = before;
		return false;
	}
	med_keep_frame_close(out, at);
	return true;
}

bool med_keep_put_head(med_keep_bytes_t *out, const char *prefix, const char *node)
{
	char text[1024];

	snprintf(text, sizeof text, "prefix = %.500s\nnode = %.500s\n\n", prefix, node);
	return put_frame(out, MED_KEEP_HEAD, text);
}

bool med_keep_put_mark(med_keep_bytes_t *out, const med_keep_mark_t *mark)
{
	char text[128 + 2 * MED_KEEP_WORD];

	snprintf(text, sizeof text, "at = %lld\nheld = %s\napplied = %s\nsource = %s\n\n",
			(long long)mark->at, mark->held ? "yes" : "no", mark->applied, mark->source);
	return put_frame(out, MED_KEEP_MARK, text);
}

bool med_keep_put_gone(med_keep_bytes_t *out, enum med_kind kind, med_str_t id)
{
	char text[512];

	snprintf(text, sizeof text, "[%s %.*s]\n\n", med_kind_name(kind),
			(int)(id.len < 400 ? id.len : 400), id.s);
	return put_frame(out, MED_KEEP_GONE, text);
}

/* ---- payloads -----------------------------------------------------------------------
 */

void med_keep_word(char out[MED_KEEP_WORD], med_str_t text)
{
	size_t len = text.len < MED_KEEP_WORD ? text.len : MED_KEEP_WORD - 1;

	for(size_t i = 0; i < len; i++)
		out[i] = text.s[i] > ' ' && text.s[i] < 0x7f ? text.s[i] : '?';
	out[len] = '\0';
}

med_str_t med_keep_value(med_str_t payload, const char *name)
{
	size_t len = strlen(name);

	while(payload.len > 0) {
		const char *end = memchr(payload.s, '\n', payload.len);
		size_t line = end == NULL ? payload.len : (size_t)(end - payload.s);
		if(line >= len + 3 && memcmp(payload.s, name, len) == 0
				&& memcmp(payload.s + len, " = ", 3) == 0)
			return (med_str_t){payload.s + len + 3, line - len - 3};
		line += end != NULL;
		payload.s += line;
		payload.len -= line;
	}
	return (med_str_t){"", 0};
}

void med_keep_read_mark(med_str_t payload, med_keep_mark_t *mark)
{
	med_str_t at = med_keep_value(payload, "at");

	mark->at = 0;
	for(size_t i = 0; i < at.len && i < 12 && at.s[i] >= '0' && at.s[i] <= '9'; i++)
		mark->at = mark->at * 10 + (at.s[i] - '0');
	mark->held = med_str_eq(med_keep_value(payload, "held"), MED_STR("yes"));
	med_keep_word(mark->applied, med_keep_value(payload, "applied"));
	med_keep_word(mark->source, med_keep_value(payload, "source"));
}

bool med_keep_object(med_str_t payload, enum med_kind *kind, med_str_t *id)
{
	const char *blank = memchr(payload.s, ' ', payload.len);
	const char *end = memchr(payload.s, ']', payload.len);

	if(payload.len == 0 || payload.s[0] != '[' || blank == NULL || end == NULL
			|| end < blank)
		return false;
	*id = (med_str_t){blank + 1, (size_t)(end - blank) - 1};
	return med_kind_parse(
				   (med_str_t){payload.s + 1, (size_t)(blank - payload.s) - 1}, kind)
			== MED_EOK;
}

/* ---- reading frames -----------------------------------------------------------------
 */

static bool unhex(const char *text, unsigned digits, uint64_t *value)
{
	*value = 0;
	for(unsigned i = 0; i < digits; i++) {
		const char *digit = text[i] != '\0' ? strchr("0123456789abcdef", text[i]) : NULL;
		if(digit == NULL)
			return false;
		*value = *value << 4 | (uint64_t)(digit - "0123456789abcdef");
	}
	return true;
}

/* Bytes from reader->at on, at least @p need of them. 1; 0: the file ends; -errno. */
static int fill(med_keep_reader_t *r, size_t need)
{
	size_t skip = (size_t)(r->at - r->window_at);
	size_t want = need > WINDOW ? need : WINDOW;

	if(r->window.len >= skip + need)
		return 1;
	if(r->window.len > skip)
		memmove(r->window.s, r->window.s + skip, r->window.len - skip);
	r->window.len = r->window.len > skip ? r->window.len - skip : 0;
	r->window_at = r->at;
	if(want > r->end - r->at)
		want = (size_t)(r->end - r->at);
	if(!reserve(&r->window, want))
		return MED_ENOMEM;
	while(r->window.len < want) {
		ssize_t n = pread(r->fd, r->window.s + r->window.len, want - r->window.len,
				(off_t)(r->window_at + r->window.len));
		if(n < 0 && errno == EINTR)
			continue;
		if(n < 0)
			return -errno;
		if(n == 0)
			break;
		r->window.len += (size_t)n;
	}
	return r->window.len >= need;
}

static bool is_type(char c)
{
	return c == MED_KEEP_HEAD || c == MED_KEEP_SET || c == MED_KEEP_GONE
			|| c == MED_KEEP_MARK;
}

int med_keep_read(med_keep_reader_t *r, med_keep_frame_t *frame)
{
	uint64_t length, serial, sum;
	const char *line;
	int rc;

	if(r->at >= r->end)
		return 0;
	rc = fill(r, LINE);
	if(rc <= 0)
		return rc < 0 ? rc : MED_EINVAL;
	line = r->window.s + (r->at - r->window_at);
	if(!is_type(line[0]) || line[LINE - 1] != '\n' || !unhex(line + LENGTH_AT, 8, &length)
			|| !unhex(line + SERIAL_AT, 16, &serial) || !unhex(line + SUM_AT, 16, &sum)
			|| length > PAYLOAD_MAX || length > r->end - r->at - LINE)
		return MED_EINVAL;
	rc = fill(r, LINE + (size_t)length);
	if(rc <= 0)
		return rc < 0 ? rc : MED_EINVAL;
	line = r->window.s + (r->at - r->window_at);
	frame->type = (enum med_keep_type)line[0];
	frame->serial = serial;
	frame->payload = (med_str_t){line + LINE, (size_t)length};
	frame->whole = (med_str_t){line, LINE + (size_t)length};
	if(checksum(line, frame->payload) != sum)
		return MED_EINVAL;
	r->at += frame->whole.len;
	return 1;
}

void med_keep_reader_free(med_keep_reader_t *reader)
{
	med_keep_bytes_free(&reader->window);
}
