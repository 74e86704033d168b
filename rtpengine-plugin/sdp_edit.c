/**
 * sdp_edit.c - the changes to an SDP that rtpengine cannot make
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "sdp_edit.h"

#include <stdio.h>
#include <string.h>

struct editor {
	const med_sdp_edit_t *edit;
	med_ng_out_t *out;
	const med_sdp_line_edit_t *media; /**< NULL in the session part */
	size_t next_media;
	bool insert_due;
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

static bool drops_crypto(const struct editor *e, med_str_t line)
{
	bool mki = false, usable;

	if(!e->media)
		return true; /* RFC 4568: not allowed in the session part */
	if(e->media->crypto == MED_CRYPTO_KEEP)
		return false;
	if(e->media->crypto == MED_CRYPTO_DROP)
		return true;
	usable = med_sdp_crypto_usable((med_str_t){line.s + 9, line.len - 9}, &mki);
	return !usable || (mki && e->media->crypto == MED_CRYPTO_USABLE_NO_MKI);
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
	static const med_str_t ice_dtls[] = {MED_STR("fingerprint"), MED_STR("setup"),
			MED_STR("candidate"), MED_STR("ice-ufrag"), MED_STR("ice-pwd"),
			MED_STR("ice-options"), MED_STR("ice-lite"), MED_STR("ice-mismatch"),
			MED_STR("remote-candidates"), MED_STR("end-of-candidates"),
			MED_STR("x-candidate"), MED_STR("x-candidate-ipv6")};
	med_str_t name = attribute_name(line);

	if(!name.len)
		return false;
	if(line.len > 9 && is_one_of(name, crypto, 1))
		return drops_crypto(e, line);
	return is_one_of(name, never_passed, sizeof(never_passed) / sizeof(never_passed[0]))
			|| (e->edit->drop_ice_dtls
					&& is_one_of(name, ice_dtls, sizeof(ice_dtls) / sizeof(ice_dtls[0])));
}

static void put(struct editor *e, const char *text)
{
	med_ng_put(e->out, text, strlen(text));
}

/** Attributes come after m=, i=, c=, b= of their section: before its first a=, or last.
 */
static void insert_attributes(struct editor *e)
{
	char text[64];

	if(!e->insert_due)
		return;
	e->insert_due = false;
	if(e->line_open)
		put(e, "\r\n");
	e->line_open = false;
	if(e->media->tcap) {
		snprintf(text, sizeof(text), "a=tcap:%u RTP/SAVP\r\na=pcfg:1 t=%u\r\n",
				e->media->tcap, e->media->tcap);
		put(e, text);
	}
	if(e->media->acfg) {
		snprintf(text, sizeof(text), "a=acfg:%u t=%u\r\n", e->media->acfg,
				e->media->acfg_tcap);
		put(e, text);
	}
}

/** m=<type> <port> <proto> <formats>, with the port or the proto replaced. */
static void write_m(struct editor *e, med_str_t line, med_str_t whole)
{
	const char *end = line.s + line.len, *port, *proto, *formats;

	port = memchr(line.s, ' ', line.len);
	proto = port ? memchr(port + 1, ' ', (size_t)(end - port - 1)) : NULL;
	if(!proto || (!e->media->decline && !e->media->proto.s)) {
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
	med_ng_put(e->out, proto, (size_t)(whole.s + whole.len - proto));
}

static void write_line(struct editor *e, med_str_t line, med_str_t whole)
{
	char letter = line.len >= 2 ? line.s[0] : 0;

	if(letter == 'm') {
		insert_attributes(e); /* of the section before */
		e->media = &e->edit->line[e->next_media++];
		e->insert_due = e->media->tcap || e->media->acfg;
		write_m(e, line, whole);
	} else if(letter == 'k' || (letter == 'a' && drops_attribute(e, line))) {
		return;
	} else {
		if(letter == 'a' || !letter)
			insert_attributes(e);
		med_ng_put_raw(e->out, whole);
	}
	e->line_open = whole.len && whole.s[whole.len - 1] != '\n';
}

void med_sdp_write(const med_sdp_t *sdp, const med_sdp_edit_t *edit, med_ng_out_t *out)
{
	struct editor e = {.edit = edit, .out = out};
	med_str_t rest = sdp->body, line, whole;

	while(med_sdp_next_line(&rest, &line, &whole))
		write_line(&e, line, whole);
	insert_attributes(&e);
}
