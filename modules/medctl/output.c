/**
 * output.c - text for people, JSON for scripts, nothing raw for a terminal
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "medctl/output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LINE_BYTES 2048
#define BAR_CELLS 30
#define BAR_AFTER_MS 500
#define BAR_EVERY_MS 100

/* ---- text ---------------------------------------------------------------------------
 */

/* Bytes of the character at @p s that a terminal may get; 0: none. */
static size_t printable(const unsigned char *s, size_t len)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	uint32_t code;

	if(n == 1)
		return s[0] >= 0x20 && s[0] != 0x7f ? 1 : 0;
	if(s[0] < 0xc2 || s[0] > 0xf4 || n > len)
		return 0;
	code = s[0] & (0xffu >> (n + 1));
	for(size_t i = 1; i < n; i++) {
		if((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3fu);
	}
	if(code < least[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	/* C1 controls; marks that turn the direction of a line */
	if(code < 0xa0 || (code >= 0x202a && code <= 0x202e)
			|| (code >= 0x2066 && code <= 0x2069))
		return 0;
	return n;
}

void out_safe(FILE *out, med_str_t text)
{
	size_t i = 0;

	while(i < text.len) {
		const unsigned char *at = (const unsigned char *)text.s + i;
		size_t n = printable(at, text.len - i);
		if(n > 0)
			(void)fwrite(at, 1, n, out);
		else
			(void)fprintf(out, "\\x%02x", *at);
		i += n > 0 ? n : 1;
	}
}

size_t out_width(med_str_t text)
{
	size_t width = 0, i = 0;

	while(i < text.len) {
		size_t n = printable((const unsigned char *)text.s + i, text.len - i);
		width += n > 0 ? 1 : 4;
		i += n > 0 ? n : 1;
	}
	return width;
}

void out_between(FILE *out, const char *before, med_str_t text, const char *after)
{
	(void)fputs(before, out);
	out_safe(out, text);
	(void)fputs(after, out);
}

void out_field(FILE *out, med_str_t name, med_str_t value)
{
	out_safe(out, name);
	(void)fputs(value.len > 0 ? " = " : " =", out);
	out_safe(out, value);
	(void)fputc('\n', out);
}

static void say(const char *before, const char *fmt, va_list args)
		__attribute__((format(printf, 2, 0)));
static void say(const char *before, const char *fmt, va_list args)
{
	char line[LINE_BYTES];

	(void)fflush(stdout); /* in order, where both go to one place */
	if(vsnprintf(line, sizeof(line), fmt, args) < 0)
		return;
	(void)fputs(before, stderr);
	out_safe(stderr, med_str(line));
	(void)fputc('\n', stderr);
}

void out_error(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say("medctl: ", fmt, args);
	va_end(args);
}

void out_error_at(const char *file, uint32_t line, const char *fmt, ...)
{
	char before[320];
	va_list args;

	if(line > 0)
		(void)snprintf(before, sizeof(before), "%.280s:%u: ", file, line);
	else
		(void)snprintf(before, sizeof(before), "%.280s: ", file);
	va_start(args, fmt);
	say(before, fmt, args);
	va_end(args);
}

void out_note(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say("", fmt, args);
	va_end(args);
}

bool out_ask(const medctl_t *m, const char *question)
{
	char answer[16] = "";

	if(!m->in_terminal) {
		out_error("%s: no terminal to ask on; --yes goes ahead", question);
		return false;
	}
	(void)fflush(stdout);
	(void)fprintf(stderr, "%s [yes/no] ", question);
	if(!medctl_wait_for_line() || fgets(answer, sizeof(answer), stdin) == NULL)
		return false;
	answer[strcspn(answer, "\r\n")] = '\0';
	return strcmp(answer, "yes") == 0 || strcmp(answer, "y") == 0;
}

int out_close(FILE *out, const char *name)
{
	bool failed = ferror(out) != 0;

	errno = 0;
	failed = (out == stdout ? fflush(out) : fclose(out)) != 0 || failed;
	if(!failed)
		return MEDCTL_OK;
	out_error("%s: %s", name, errno != 0 ? strerror(errno) : "not all was written");
	return MEDCTL_FAILED;
}

/* ---- progress -----------------------------------------------------------------------
 */

int64_t out_now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void out_progress_begin(
		out_progress_t *p, const medctl_t *m, const char *what, size_t total)
{
	*p = (out_progress_t){
			.what = what, .total = total, .on = m->err_terminal, .began = out_now_ms()};
}

void out_progress(out_progress_t *p, size_t done)
{
	int64_t now = p->on ? out_now_ms() : 0;
	size_t cells, percent;

	if(!p->on || now - p->began < BAR_AFTER_MS || now - p->drawn < BAR_EVERY_MS)
		return;
	p->drawn = now;
	p->shown = true;
	if(p->total == 0) {
		(void)fprintf(stderr, "\r%s %zu \x1b[K", p->what, done);
		return;
	}
	if(done > p->total)
		done = p->total;
	cells = done * BAR_CELLS / p->total;
	percent = done * 100 / p->total;
	(void)fprintf(stderr, "\r%s [%.*s%*s] %zu%% (%zu of %zu)\x1b[K", p->what, (int)cells,
			"##############################", (int)(BAR_CELLS - cells), "", percent, done,
			p->total);
}

void out_progress_end(out_progress_t *p)
{
	if(p->shown)
		(void)fputs("\r\x1b[K", stderr);
	p->shown = false;
}

/* ---- JSON ---------------------------------------------------------------------------
 */

static void json_text(FILE *out, med_str_t text)
{
	size_t i = 0;

	(void)fputc('"', out);
	while(i < text.len) {
		const unsigned char *at = (const unsigned char *)text.s + i;
		size_t n = printable(at, text.len - i);
		if(n == 0)
			(void)fprintf(out, "\\u%04x", *at);
		else if(*at == '"' || *at == '\\')
			(void)fprintf(out, "\\%c", *at);
		else
			(void)fwrite(at, 1, n, out);
		i += n > 0 ? n : 1;
	}
	(void)fputc('"', out);
}

/* What stands before a value. */
static void json_lead(out_json_t *j, med_str_t key)
{
	if(j->comma)
		(void)fputc(',', j->out);
	j->comma = true;
	if(key.s == NULL)
		return;
	json_text(j->out, key);
	(void)fputc(':', j->out);
}

void json_open(out_json_t *j, const char *key, char bracket)
{
	json_lead(j, med_str(key));
	(void)fputc(bracket, j->out);
	j->comma = false;
}

void json_close(out_json_t *j, char bracket)
{
	(void)fputc(bracket, j->out);
	j->comma = true;
}

void json_str(out_json_t *j, const char *key, med_str_t value)
{
	json_pair(j, med_str(key), value);
}

void json_pair(out_json_t *j, med_str_t key, med_str_t value)
{
	json_lead(j, key);
	json_text(j->out, value);
}

void json_number(out_json_t *j, const char *key, long long value)
{
	json_lead(j, med_str(key));
	(void)fprintf(j->out, "%lld", value);
}

void json_word(out_json_t *j, const char *key, med_str_t word)
{
	json_lead(j, med_str(key));
	(void)fwrite(word.s, 1, word.len, j->out);
}

void json_bool(out_json_t *j, const char *key, bool value)
{
	json_lead(j, med_str(key));
	(void)fputs(value ? "true" : "false", j->out);
}

void json_end(out_json_t *j)
{
	(void)fputc('\n', j->out);
	j->comma = false;
}
