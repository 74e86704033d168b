/**
 * sdp_edit.c - the changes to an SDP that rtpengine cannot make
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "sdp_edit.h"

#include <stdio.h>
#include <string.h>

struct editor {
	const med_sdp_t *sdp;
	const med_sdp_edit_t *edit;
	med_ng_out_t *out;
	const med_sdp_line_edit_t *media; /**< NULL in the session part */
	size_t next_media;
	med_str_t rest;               /**< what follows the line at hand */
	med_str_t session_connection; /**< the session's c= line */
	bool insert_due;
	bool is_lync;  /**< this section is arranged: the direction has its place */
	bool keys_due; /**< the arranged keys of this section are still to be written */
	bool bandwidth_seen;
	bool line_open; /**< the last line written had no end of its own */
};

/** The name of an a= line: what stands before the colon, or all of it. */
static med_str_t attribute_name(med_str_t line)
{
	const char *colon = memchr(line.s + 2, ':', line.len - 2);

	return (med_str_t){line.s + 2, colon ? (size_t)(colon - line.s) - 2 : line.len - 2};
}

static bool is_one_of(med_str_t name, const med_str_t *names, size_t count)
{
	size_t i;

	for(i = 0; i < count; i++) {
		if(name.len == names[i].len && name.s[0] == names[i].s[0]
				&& memcmp(name.s, names[i].s, name.len) == 0)
			return true;
	}
	return false;
}

/** Is this line's key among those? */
static bool is_key_of(med_str_t line, med_leg_keys_t keys, med_crypto_t *crypto)
{
	return med_crypto_read((med_str_t){line.s + 9, line.len - 9}, crypto)
			&& (keys.suites >> crypto->suite & 1) && !(crypto->mki && keys.no_mki);
}

static bool drops_crypto(const struct editor *e, med_str_t line)
{
	med_crypto_t crypto;

	if(!e->media)
		return true; /* RFC 4568: not allowed in the session part */
	if(e->media->crypto == MED_CRYPTO_KEEP)
		return false;
	if(e->media->crypto == MED_CRYPTO_USABLE)
		return !is_key_of(line, e->media->keys, &crypto);
	return true; /* dropped, or written where the first one stands */
}

/** rtpmap, fmtp and rtcp-fb of a format that is not written. */
static bool is_of_other_format(const struct editor *e, med_str_t name, med_str_t line)
{
	static const med_str_t of_format[] = {
			MED_STR("rtpmap"), MED_STR("fmtp"), MED_STR("rtcp-fb")};
	const med_format_plan_t *formats = e->media ? e->media->formats : NULL;
	const char *at = name.s + name.len + 1, *end = line.s + line.len;
	unsigned payload = 0;
	size_t i;

	if(!formats || !is_one_of(name, of_format, sizeof(of_format) / sizeof(of_format[0]))
			|| at >= end || *at < '0' || *at > '9')
		return false;
	for(; at < end && *at >= '0' && *at <= '9' && payload < 1000; at++)
		payload = payload * 10 + (unsigned)(*at - '0');
	for(i = 0; i < formats->named; i++) {
		if(formats->payload[i] == payload)
			return false;
	}
	return true;
}

/** What a leg's profile does not have it say of ICE and DTLS. */
static bool drops_ice_dtls(const struct editor *e, med_str_t name, med_str_t line)
{
	static const med_str_t setup[] = {MED_STR("setup")};
	static const med_str_t fingerprint[] = {MED_STR("fingerprint")};
	static const med_str_t ice[] = {MED_STR("candidate"), MED_STR("ice-ufrag"),
			MED_STR("ice-pwd"), MED_STR("ice-lite"), MED_STR("ice-mismatch"),
			MED_STR("remote-candidates"), MED_STR("end-of-candidates")};
	static const med_str_t never[] = {MED_STR("ice-options"), MED_STR("tls-id"),
			MED_STR("x-candidate"), MED_STR("x-candidate-ipv6")};

	if(!e->edit->chosen)
		return false;
	if(is_one_of(name, fingerprint, 1))
		return !e->edit->dtls || line.len < 15
				|| !med_fingerprint_read((med_str_t){line.s + 14, line.len - 14});
	return (!e->edit->dtls && is_one_of(name, setup, 1))
			|| (!e->edit->ice && is_one_of(name, ice, sizeof(ice) / sizeof(ice[0])))
			|| is_one_of(name, never, sizeof(never) / sizeof(never[0]));
}

static bool drops_attribute(const struct editor *e, med_str_t line)
{
	static const med_str_t crypto[] = {MED_STR("crypto")};
	static const med_str_t never_passed[] = {MED_STR("tcap"), MED_STR("acap"),
			MED_STR("pcfg"), MED_STR("acfg"), MED_STR("csup"), MED_STR("creq"),
			MED_STR("sescap"), MED_STR("rmcap"), MED_STR("omcap"), MED_STR("mfcap"),
			MED_STR("mscap"), MED_STR("lcfg"), MED_STR("secap"), MED_STR("ccap"),
			MED_STR("bcap"), MED_STR("icap"), MED_STR("cryptoscale"),
			MED_STR("encryption"), MED_STR("source-filter"), MED_STR("alt"),
			MED_STR("altc")};
	/* what is not in the SDP of a Mediation Server; label and direction have their place
	 */
	static const med_str_t not_lync[] = {MED_STR("ssrc"), MED_STR("ssrc-group"),
			MED_STR("msid"), MED_STR("mid"), MED_STR("extmap"), MED_STR("rtcp-fb"),
			MED_STR("rtcp-mux"), MED_STR("rtcp-rsize"), MED_STR("label")};
	med_str_t name = attribute_name(line);

	if(!name.len)
		return false;
	if(e->edit->lync
			&& (is_one_of(name, not_lync, sizeof(not_lync) / sizeof(not_lync[0]))
					|| med_str_eq(line, MED_STR("a=ptime:20"))))
		return true;
	if(line.len > 9 && is_one_of(name, crypto, 1))
		return drops_crypto(e, line);
	if(is_of_other_format(e, name, line))
		return true;
	return is_one_of(name, never_passed, sizeof(never_passed) / sizeof(never_passed[0]))
			|| drops_ice_dtls(e, name, line);
}

static void put(struct editor *e, const char *text)
{
	med_ng_put(e->out, text, strlen(text));
}

/** Ends the line before, should it have had no end. */
static void begin_line(struct editor *e)
{
	if(e->line_open)
		put(e, "\r\n");
	e->line_open = false;
}

static void put_line(struct editor *e, med_str_t whole)
{
	begin_line(e);
	med_ng_put_raw(e->out, whole);
	e->line_open = whole.len && whole.s[whole.len - 1] != '\n';
}

static void write_direction(struct editor *e)
{
	static const char *const lines[] = {[MED_SENDRECV] = "a=sendrecv\r\n",
			[MED_SENDONLY] = "a=sendonly\r\n",
			[MED_RECVONLY] = "a=recvonly\r\n",
			[MED_INACTIVE] = "a=inactive\r\n"};

	begin_line(e);
	put(e, lines[e->media->direction]);
}

/** Attributes come after m=, i=, c=, b= of their section: before its first a=, or last.
 */
static void insert_attributes(struct editor *e)
{
	char text[64];

	if(!e->insert_due)
		return;
	e->insert_due = false;
	begin_line(e);
	if(e->media->tcap) {
		snprintf(text, sizeof(text), "a=tcap:%u RTP/SAVP\r\na=pcfg:1 t=%u\r\n",
				e->media->tcap, e->media->tcap);
		put(e, text);
	}
	if(e->media->directed && !e->is_lync)
		write_direction(e);
	if(e->media->acfg) {
		snprintf(text, sizeof(text), "a=acfg:%u t=%u\r\n", e->media->acfg,
				e->media->acfg_tcap);
		put(e, text);
	}
}

static bool is_line(med_str_t line, const char *start)
{
	size_t len = strlen(start);

	return line.len >= len && memcmp(line.s, start, len) == 0;
}

/** The lines of @p from up to the next m-line. */
static med_str_t section_of(med_str_t from)
{
	med_str_t rest = from, line, whole;

	while(med_sdp_next_line(&rest, &line, &whole)) {
		if(is_line(line, "m="))
			return (med_str_t){from.s, (size_t)(whole.s - from.s)};
	}
	return from;
}

/** An a=crypto line under the tag that it is to have. */
static void put_key(struct editor *e, med_str_t whole, uint32_t tag)
{
	med_tag_swap_t swap = e->media->swap;
	const med_own_key_t *own = &e->media->own;
	char text[128];

	if(!swap.one || (tag != swap.one && tag != swap.other)) {
		put_line(e, whole);
	} else {
		begin_line(e);
		snprintf(text, sizeof(text), "a=crypto:%u",
				tag == swap.one ? swap.other : swap.one);
		put(e, text);
		while(*whole.s != ' ')
			whole = (med_str_t){whole.s + 1, whole.len - 1};
		put_line(e, whole);
	}
	if(!own->behind || own->behind != tag)
		return;
	begin_line(e);
	snprintf(text, sizeof(text), "a=crypto:%u %s inline:%s\r\n", own->tag,
			med_suite_words[own->suite], own->key);
	put(e, text);
}

/** The key of this suite that the answer is expected to name. */
static void write_key(struct editor *e, med_str_t section, uint8_t suite)
{
	uint32_t tag = e->sdp->media[e->next_media - 1].tag[suite];
	med_str_t line, whole;
	med_crypto_t crypto;

	while(med_sdp_next_line(&section, &line, &whole)) {
		if(is_line(line, "a=crypto:") && is_key_of(line, e->media->keys, &crypto)
				&& crypto.suite == suite && crypto.tag == tag) {
			put_key(e, whole, tag);
			return;
		}
	}
}

/** Once a section, from its first key on. */
static void write_keys(struct editor *e, med_str_t section)
{
	size_t i;

	if(!e->keys_due)
		return;
	e->keys_due = false;
	section = section_of(section);
	for(i = 0; i < e->edit->suite_count; i++)
		write_key(e, section, e->edit->suites[i]);
}

/** Formats, and the end of the line. */
static void write_formats(struct editor *e, med_str_t line, med_str_t whole)
{
	const med_format_plan_t *formats = e->media->formats;
	char text[8];
	size_t i;

	for(i = 0; i < formats->count; i++) {
		snprintf(text, sizeof(text), " %u", formats->payload[i]);
		put(e, text);
	}
	med_ng_put(e->out, line.s + line.len, whole.len - line.len);
}

/** m=<type> <port> <proto> <formats>, with what is to be written instead. */
static void write_m(struct editor *e, med_str_t line, med_str_t whole)
{
	const char *end = line.s + line.len, *port, *proto, *formats;

	port = memchr(line.s, ' ', line.len);
	proto = port ? memchr(port + 1, ' ', (size_t)(end - port - 1)) : NULL;
	if(!proto || (!e->media->decline && !e->media->proto.s && !e->media->formats)) {
		med_ng_put_raw(e->out, whole);
		return;
	}
	formats = memchr(proto + 1, ' ', (size_t)(end - proto - 1));
	if(!formats)
		formats = end;
	if(e->media->decline) {
		med_ng_put(e->out, line.s, (size_t)(port + 1 - line.s));
		put(e, "0");
	} else {
		med_ng_put(e->out, line.s, (size_t)(proto - line.s));
	}
	if(e->media->proto.s) {
		put(e, " ");
		med_ng_put_raw(e->out, e->media->proto);
		proto = formats;
	}
	if(e->media->formats) {
		med_ng_put(e->out, proto, (size_t)(formats - proto));
		write_formats(e, line, whole);
		return;
	}
	med_ng_put(e->out, proto, (size_t)(whole.s + whole.len - proto));
}

/** A line of this section that another one is written for. */
static bool is_replaced(const struct editor *e, med_str_t line)
{
	return e->media
			&& ((e->media->zero && is_line(line, "c="))
					|| (e->media->directed && med_sdp_direction(line) >= 0));
}

/** Where a line stands in an audio section of the Lync dialect. */
enum lync_place { LYNC_FIRST, LYNC_RTCP, LYNC_DIRECTION, LYNC_REST, LYNC_NOWHERE };

static enum lync_place lync_place(const struct editor *e, med_str_t line)
{
	if(line.len < 2 || line.s[0] == 'k')
		return LYNC_NOWHERE;
	if(line.s[0] != 'a')
		return is_replaced(e, line) ? LYNC_NOWHERE : LYNC_FIRST;
	if(is_line(line, "a=crypto:") || drops_attribute(e, line))
		return LYNC_NOWHERE;
	if(is_line(line, "a=rtcp:"))
		return LYNC_RTCP;
	if(med_sdp_direction(line) < 0)
		return LYNC_REST;
	return is_replaced(e, line) ? LYNC_NOWHERE : LYNC_DIRECTION;
}

static void write_lync_place(struct editor *e, med_str_t section, enum lync_place place)
{
	med_str_t line, whole;

	while(med_sdp_next_line(&section, &line, &whole)) {
		if(lync_place(e, line) == place)
			put_line(e, whole);
	}
}

static bool has_connection(med_str_t section)
{
	med_str_t line;

	while(med_sdp_next_line(&section, &line, NULL)) {
		if(is_line(line, "c="))
			return true;
	}
	return false;
}

/** The rest of an audio section; the editor goes on behind it. */
static void write_lync_section(struct editor *e)
{
	med_str_t section = section_of(e->rest);

	if(e->session_connection.len && !e->media->zero && !has_connection(section))
		put_line(e, e->session_connection);
	write_lync_place(e, section, LYNC_FIRST);
	insert_attributes(e);
	write_lync_place(e, section, LYNC_RTCP);
	begin_line(e);
	put(e, "a=label:Audio\r\n");
	e->keys_due = true;
	write_keys(e, section);
	if(e->media->directed)
		write_direction(e);
	write_lync_place(e, section, LYNC_DIRECTION);
	write_lync_place(e, section, LYNC_REST);
	e->rest = (med_str_t){section.s + section.len, e->rest.len - section.len};
}

static void begin_section(struct editor *e, med_str_t line, med_str_t whole)
{
	const med_sdp_media_t *media = &e->sdp->media[e->next_media];

	insert_attributes(e); /* of the section before */
	begin_line(e);
	e->media = &e->edit->line[e->next_media++];
	e->insert_due = e->media->tcap || e->media->acfg || e->media->directed;
	e->is_lync =
			e->edit->lync && media->port && med_str_eq(media->type, MED_STR("audio"));
	e->keys_due = e->media->crypto == MED_CRYPTO_ARRANGED;
	write_m(e, line, whole);
	e->line_open = whole.s[whole.len - 1] != '\n';
	if(e->media->zero) {
		begin_line(e);
		put(e,
				memchr(media->address.s, ':', media->address.len)
						? "c=IN IP6 ::\r\n"
						: "c=IN IP4 0.0.0.0\r\n");
	}
	if(e->is_lync)
		write_lync_section(e);
}

/** Lines of the session as a Mediation Server writes them. @return false: not one */
static bool write_lync_session(struct editor *e, med_str_t line, med_str_t whole)
{
	const char *space;

	if(is_line(line, "b=")) {
		e->bandwidth_seen = true;
	} else if(is_line(line, "s=")) {
		put(e, "s=session\r\n");
		return true;
	} else if(is_line(line, "t=") && !e->bandwidth_seen) {
		put(e, "b=CT:1000\r\n");
		e->bandwidth_seen = true;
	} else if(is_line(line, "o=") && (space = memchr(line.s, ' ', line.len))) {
		put(e, "o=-");
		med_ng_put(e->out, space, (size_t)(whole.s + whole.len - space));
		return true;
	}
	return false;
}

static void write_line(struct editor *e, med_str_t line, med_str_t whole)
{
	char letter = line.len >= 2 ? line.s[0] : 0;
	med_crypto_t crypto;

	if(letter == 'm') {
		begin_section(e, line, whole);
		return;
	}
	if(letter == 'k' || is_replaced(e, line))
		return;
	if(letter == 'a' && drops_attribute(e, line)) {
		if(is_line(line, "a=crypto:"))
			write_keys(
					e, (med_str_t){line.s, (size_t)(e->rest.s + e->rest.len - line.s)});
		return;
	}
	if(!e->media && letter == 'c')
		e->session_connection = whole;
	if(!e->media && e->edit->lync && write_lync_session(e, line, whole))
		return;
	if(letter == 'a' || !letter)
		insert_attributes(e);
	if(e->media && is_line(line, "a=crypto:")
			&& med_crypto_read((med_str_t){line.s + 9, line.len - 9}, &crypto))
		put_key(e, whole, crypto.tag);
	else
		put_line(e, whole);
}

void med_sdp_write(const med_sdp_t *sdp, const med_sdp_edit_t *edit, med_ng_out_t *out)
{
	struct editor e = {.sdp = sdp, .edit = edit, .out = out, .rest = sdp->body};
	med_str_t line, whole;

	while(med_sdp_next_line(&e.rest, &line, &whole))
		write_line(&e, line, whole);
	insert_attributes(&e);
}
