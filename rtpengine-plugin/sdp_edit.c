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

static bool is_attribute(med_str_t line, const char *name)
{
	size_t len = strlen(name);

	return line.len >= len + 2 && memcmp(line.s + 2, name, len) == 0
		   && (line.len == len + 2 || line.s[len + 2] == ':');
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

static bool is_one_of(med_str_t line, const char *const *names)
{
	for(; *names; names++) {
		if(is_attribute(line, *names))
			return true;
	}
	return false;
}

static bool drops_attribute(const struct editor *e, med_str_t line)
{
	static const char *const never_passed[] = {"tcap", "acap", "pcfg", "acfg", "csup",
			"creq", "sescap", "cryptoscale", "encryption", NULL};
	static const char *const ice_dtls[] = {"fingerprint", "setup", "candidate", "ice-ufrag",
			"ice-pwd", "ice-options", "ice-lite", "ice-mismatch", "remote-candidates",
			"end-of-candidates", "x-candidate", "x-candidate-ipv6", NULL};

	if(line.len < 6 || !memchr("tpacsefirx", line.s[2], 10))
		return false; /* none of them begins so as any of these */
	/* is_attribute has seen the colon, so there is a value to look at */
	if(line.len > 9 && is_attribute(line, "crypto"))
		return drops_crypto(e, line);
	return is_one_of(line, never_passed)
		   || (e->edit->drop_ice_dtls && is_one_of(line, ice_dtls));
}

static void put(struct editor *e, const char *text)
{
	med_ng_put(e->out, text, strlen(text));
}

/** Attributes come after m=, i=, c=, b= of their section: before its first a=, or last. */
static void insert_attributes(struct editor *e)
{
	char text[64];

	if(!e->insert_due)
		return;
	e->insert_due = false;
	if(e->line_open)
		put(e, "\r\n");
	e->line_open = false;
	if(e->media->offer_savp)
		put(e, "a=tcap:1 RTP/SAVP\r\na=pcfg:1 t=1\r\n");
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
		e->insert_due = e->media->offer_savp || e->media->acfg;
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
