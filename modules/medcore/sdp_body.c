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

/** Header values may be folded: line ends count as space. */
static med_str_t token(med_str_t *rest)
{
	med_str_t word;

	*rest = trim(*rest);
	word = (med_str_t){rest->s, 0};
	while(word.len < rest->len && !strchr(" \t\r\n/;,(\"", rest->s[word.len]))
		word.len++;
	rest->s += word.len;
	rest->len -= word.len;
	*rest = trim(*rest);
	return word;
}

/** @param subtype  empty: any; comments and parameters may follow it */
static bool is_type(med_str_t content_type, med_str_t type, med_str_t subtype)
{
	med_str_t word = token(&content_type);

	if(!med_str_eq_nocase(word, type) || !content_type.len || content_type.s[0] != '/')
		return false;
	content_type.s++;
	content_type.len--;
	word = token(&content_type);
	return subtype.len ? med_str_eq_nocase(word, subtype) : word.len > 0;
}

static bool is_sdp(med_str_t content_type)
{
	return is_type(content_type, MED_STR("application"), MED_STR("sdp"));
}

/** The next parameter; a semicolon within quotes is part of it. */
static med_str_t cut_parameter(med_str_t *rest)
{
	med_str_t found = {rest->s, 0};
	bool quoted = false;

	for(; found.len < rest->len; found.len++) {
		if(quoted && rest->s[found.len] == '\\' && found.len + 1 < rest->len)
			found.len++;
		else if(rest->s[found.len] == '"')
			quoted = !quoted;
		else if(rest->s[found.len] == ';' && !quoted)
			break;
	}
	rest->s += found.len;
	rest->len -= found.len;
	if(rest->len) {
		rest->s++;
		rest->len--;
	}
	return trim(found);
}

/** false: none, two of them, or one that others could read otherwise. */
static bool find_boundary(med_str_t content_type, med_str_t *boundary)
{
	med_str_t parameter;
	bool found = false;

	cut_parameter(&content_type); /* the type */
	while(content_type.len) {
		parameter = cut_parameter(&content_type);
		if(!med_str_eq_nocase(cut(&parameter, '='), MED_STR("boundary")))
			continue;
		if(found)
			return false;
		found = true;
		*boundary = trim(parameter);
		if(boundary->len >= 2 && boundary->s[0] == '"'
				&& boundary->s[boundary->len - 1] == '"') {
			boundary->s++;
			boundary->len -= 2;
		}
	}
	return found && boundary->len && boundary->len <= MAX_BOUNDARY
			&& !memchr(boundary->s, '"', boundary->len)
			&& !memchr(boundary->s, '\\', boundary->len);
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

/** What the headers of a part say of it. */
typedef struct part_type {
	bool sdp;     /**< some Content-Type says so */
	bool encoded; /**< its bytes are not the SDP's own: base64, quoted-printable, gzip */
} part_type_t;

static bool is_encoding_name(med_str_t name)
{
	return med_str_eq_nocase(name, MED_STR("Content-Transfer-Encoding"))
			|| med_str_eq_nocase(name, MED_STR("Content-Encoding"))
			|| med_str_eq_nocase(name, MED_STR("e"));
}

bool med_sdp_encoding_plain(med_str_t value)
{
	value = trim(value);
	return med_str_eq_nocase(value, MED_STR("binary"))
			|| med_str_eq_nocase(value, MED_STR("8bit"))
			|| med_str_eq_nocase(value, MED_STR("7bit"))
			|| med_str_eq_nocase(value, MED_STR("identity"));
}

/** The next header with its continuation lines; false: the blank line, or the end. */
static bool next_header(med_str_t *rest, med_str_t *header)
{
	med_str_t line;

	if(!med_sdp_next_line(rest, header, NULL) || !header->len)
		return false;
	while(rest->len && (rest->s[0] == ' ' || rest->s[0] == '\t')) {
		med_sdp_next_line(rest, &line, NULL);
		header->len = (size_t)(line.s + line.len - header->s);
	}
	return true;
}

/** @p rest is advanced past the blank line. */
static part_type_t read_headers(med_str_t *rest)
{
	part_type_t type = {false, false};
	med_str_t header, name;

	while(next_header(rest, &header)) {
		name = cut(&header, ':');
		if(med_str_eq_nocase(name, MED_STR("Content-Type"))
				|| med_str_eq_nocase(name, MED_STR("c")))
			type.sdp |= is_sdp(header);
		else if(is_encoding_name(name))
			type.encoded |= !med_sdp_encoding_plain(header);
	}
	return type;
}

/** The SDPs among the parts: how many, and one of them. */
static int find_in_multipart(med_str_t boundary, med_str_t body, med_str_t *sdp,
		size_t *count, med_errbuf_t *err)
{
	med_str_t rest = body, part;
	enum delimiter found = read_part(&rest, boundary, &part); /* the preamble */
	part_type_t type;

	while(found == DELIMITER_NEXT) {
		type = read_headers(&rest);
		found = read_part(&rest, boundary, &part);
		if(!type.sdp)
			continue;
		if(type.encoded)
			return med_fail(err, MED_EINVAL,
					"the SDP part of the body is encoded; send it as it is");
		*sdp = part;
		++*count;
	}
	return MED_EOK;
}

/** Does a line begin with "m="? A carriage return alone ends a line for some. */
static bool has_media(const char *start, const char *end)
{
	const char *at = start;

	for(; end - at > 1 && (at = memchr(at, 'm', (size_t)(end - at - 1))) != NULL; at++) {
		if(at[1] == '=' && (at == start || at[-1] == '\n' || at[-1] == '\r'))
			return true;
	}
	return false;
}

int med_sdp_find(
		med_str_t content_type, med_str_t body, med_str_t *sdp, med_errbuf_t *err)
{
	med_str_t boundary, found = {body.s, 0};
	size_t count = 0;
	int rc;

	if(!body.len)
		return MED_ENOMATCH;
	if(is_sdp(content_type)) {
		*sdp = body;
		return MED_EOK;
	}
	if(is_type(content_type, MED_STR("multipart"), MED_STR(""))) {
		if(!find_boundary(content_type, &boundary))
			return med_fail(err, MED_EINVAL,
					"a multipart body whose boundary cannot be read; name it once");
		rc = find_in_multipart(boundary, body, &found, &count, err);
		if(rc != MED_EOK)
			return rc;
	}
	if(count > 1)
		return med_fail(err, MED_EREFUSED,
				"the body holds %zu SDPs, of which one would go unchecked; send one",
				count);
	if(has_media(body.s, found.s) || has_media(found.s + found.len, body.s + body.len))
		return med_fail(err, MED_EREFUSED,
				"the body holds m-lines outside of an SDP; send them as "
				"application/sdp, alone or as one part of a multipart/mixed");
	if(!count)
		return MED_ENOMATCH;
	*sdp = found;
	return MED_EOK;
}
