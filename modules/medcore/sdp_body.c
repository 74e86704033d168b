/**
 * sdp_body.c - the SDP inside a SIP body, which may be a multipart
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "medcore/sdp.h"

#include <string.h>

/** RFC 2046: at most 70 characters. */
#define MAX_BOUNDARY 70

static med_str_t trim(med_str_t text)
{
	while(text.len && strchr(" \t\r\n", text.s[0]))
		text.s++, text.len--;
	while(text.len && strchr(" \t\r\n", text.s[text.len - 1]))
		text.len--;
	return text;
}

/** Text up to @p stop (or all), trimmed; @p rest advanced past the stop. */
static med_str_t cut(med_str_t *rest, char stop)
{
	const char *at = memchr(rest->s, stop, rest->len);
	med_str_t head = *rest;

	if(at) {
		head.len = (size_t)(at - rest->s);
		rest->len -= head.len + 1;
		rest->s = at + 1;
	} else {
		rest->s += rest->len;
		rest->len = 0;
	}
	return trim(head);
}

static bool is_type(med_str_t content_type, med_str_t type)
{
	return med_str_eq_nocase(cut(&content_type, ';'), type);
}

static bool is_multipart(med_str_t content_type)
{
	med_str_t type = cut(&content_type, ';');

	return type.len > 10
			&& med_str_eq_nocase((med_str_t){type.s, 10}, MED_STR("multipart/"));
}

static bool find_boundary(med_str_t content_type, med_str_t *boundary)
{
	med_str_t parameter;

	cut(&content_type, ';');
	while(content_type.len) {
		parameter = cut(&content_type, ';');
		if(!med_str_eq_nocase(cut(&parameter, '='), MED_STR("boundary")))
			continue;
		*boundary = trim(parameter);
		if(boundary->len >= 2 && boundary->s[0] == '"'
				&& boundary->s[boundary->len - 1] == '"') {
			boundary->s++;
			boundary->len -= 2;
		}
		return boundary->len && boundary->len <= MAX_BOUNDARY;
	}
	return false;
}

enum delimiter { DELIMITER_NONE, DELIMITER_NEXT, DELIMITER_LAST };

static enum delimiter delimiter_of(med_str_t line, med_str_t boundary)
{
	if(line.len < boundary.len + 2 || memcmp(line.s, "--", 2) != 0
			|| memcmp(line.s + 2, boundary.s, boundary.len) != 0)
		return DELIMITER_NONE;
	line.s += boundary.len + 2;
	line.len -= boundary.len + 2;
	if(line.len >= 2 && memcmp(line.s, "--", 2) == 0)
		return DELIMITER_LAST;
	return trim(line).len ? DELIMITER_NONE : DELIMITER_NEXT;
}

/** The headers of a part up to the blank line; says whether it is an SDP. */
static bool part_is_sdp(med_str_t *rest)
{
	med_str_t line, name;
	bool sdp = false;

	while(med_sdp_next_line(rest, &line, NULL) && line.len) {
		name = cut(&line, ':');
		if(med_str_eq_nocase(name, MED_STR("Content-Type"))
				|| med_str_eq_nocase(name, MED_STR("c")))
			sdp = is_type(line, MED_STR("application/sdp"));
	}
	return sdp;
}

/** Up to the next delimiter; the line end before a delimiter belongs to it (RFC 2046). */
static enum delimiter read_part(med_str_t *rest, med_str_t boundary, med_str_t *part)
{
	med_str_t line, whole;
	enum delimiter found = DELIMITER_NONE;
	const char *start = rest->s, *end = rest->s;

	while(med_sdp_next_line(rest, &line, &whole)) {
		found = delimiter_of(line, boundary);
		if(found != DELIMITER_NONE)
			break;
		end = whole.s + whole.len;
	}
	*part = (med_str_t){start, (size_t)(end - start)};
	return found;
}

static int find_in_multipart(
		med_str_t boundary, med_str_t body, size_t nth, med_str_t *sdp)
{
	med_str_t rest = body, part;
	enum delimiter found = read_part(&rest, boundary, &part); /* the preamble */
	bool is_sdp;

	while(found == DELIMITER_NEXT) {
		is_sdp = part_is_sdp(&rest);
		found = read_part(&rest, boundary, &part);
		if(is_sdp && nth-- == 0) {
			*sdp = part;
			return MED_EOK;
		}
	}
	return MED_ENOMATCH;
}

int med_sdp_find_nth(med_str_t content_type, med_str_t body, size_t nth, med_str_t *sdp)
{
	med_str_t boundary;

	if(!body.len)
		return MED_ENOMATCH;
	if(is_type(content_type, MED_STR("application/sdp"))) {
		if(nth)
			return MED_ENOMATCH;
		*sdp = body;
		return MED_EOK;
	}
	if(!is_multipart(content_type) || !find_boundary(content_type, &boundary))
		return MED_ENOMATCH;
	return find_in_multipart(boundary, body, nth, sdp);
}

int med_sdp_find(med_str_t content_type, med_str_t body, med_str_t *sdp)
{
	return med_sdp_find_nth(content_type, body, 0, sdp);
}
