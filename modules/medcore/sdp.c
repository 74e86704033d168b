/**
 * sdp.c - the facts of an SDP body that policy needs, without changing it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "medcore/sdp.h"

#include "medcore/sdp_text.h"

bool med_sdp_next_line(med_str_t *rest, med_str_t *line, med_str_t *whole)
{
	const char *end;
	size_t len;

	if(!rest->len)
		return false;
	end = memchr(rest->s, '\n', rest->len);
	len = end ? (size_t)(end - rest->s) + 1 : rest->len;
	if(whole)
		*whole = (med_str_t){rest->s, len};
	*line = (med_str_t){rest->s, len};
	if(end)
		line->len--;
	if(line->len && line->s[line->len - 1] == '\r')
		line->len--;
	*rest = med_text_after(*rest, len);
	return true;
}

static enum med_sdp_proto proto_of(med_str_t text)
{
	if(med_str_eq_nocase(text, MED_STR("RTP/AVP"))
			|| med_str_eq_nocase(text, MED_STR("RTP/AVPF")))
		return MED_SDP_AVP;
	if(med_str_eq_nocase(text, MED_STR("RTP/SAVP"))
			|| med_str_eq_nocase(text, MED_STR("RTP/SAVPF")))
		return MED_SDP_SAVP;
	if(med_str_eq_nocase(text, MED_STR("UDP/TLS/RTP/SAVP"))
			|| med_str_eq_nocase(text, MED_STR("UDP/TLS/RTP/SAVPF")))
		return MED_SDP_DTLS;
	return MED_SDP_OTHER;
}

/** Transport capabilities seen: the session's, or those of the media being read. */
struct tcaps {
	size_t count;
	struct {
		uint16_t number;
		bool savp;
	} item[MED_SDP_MAX_TCAP];
};

/** What was said of DTLS: by the session, or by the media being read. */
struct dtls {
	bool usable;   /**< a fingerprint is */
	uint8_t setup; /**< enum med_sdp_setup */
};

struct parser {
	med_sdp_t *sdp;
	med_errbuf_t *err;
	unsigned int line;
	med_str_t session_address;
	uint8_t session_direction;
	struct dtls session_dtls;
	struct dtls media_dtls;
	struct tcaps session_tcaps;
	struct tcaps media_tcaps;
};

static med_sdp_media_t *current(struct parser *p)
{
	return p->sdp->media_count ? &p->sdp->media[p->sdp->media_count - 1] : NULL;
}

static int bad(const struct parser *p, const char *what)
{
	return med_fail(p->err, MED_EINVAL, "SDP line %u: %s", p->line, what);
}

static int parse_m(struct parser *p, med_str_t line, med_str_t value)
{
	med_sdp_media_t *media;
	med_str_t port;
	uint64_t number;

	if(p->sdp->media_count == MED_SDP_MAX_MEDIA)
		return med_fail(p->err, MED_ELIMIT, "SDP line %u: more than %d m-lines", p->line,
				MED_SDP_MAX_MEDIA);
	media = &p->sdp->media[p->sdp->media_count];
	memset(media, 0, sizeof(*media));
	media->line = line;
	media->type = med_text_word(&value);
	port = med_text_word(&value);
	media->proto_text = med_text_word(&value);
	if(!med_text_number(&port, 65535, &number) || (port.len && *port.s != '/'))
		return bad(p, "the port of m= is not a number from 0 to 65535");
	if(!media->type.len || !media->proto_text.len)
		return bad(p, "m= needs a type, a port, a transport and formats");
	media->port = (uint16_t)number;
	media->proto = (uint8_t)proto_of(media->proto_text);
	media->address = p->session_address;
	media->direction = p->session_direction;
	media->fingerprint = p->session_dtls.usable;
	media->setup = p->session_dtls.setup;
	memset(&p->media_dtls, 0, sizeof(p->media_dtls));
	p->media_tcaps.count = 0;
	p->sdp->media_count++;
	return MED_EOK;
}

/** Without "/ttl". */
static med_str_t address_word(med_str_t *value)
{
	med_str_t address = med_text_word(value);
	const char *slash = memchr(address.s, '/', address.len);

	if(slash)
		address.len = (size_t)(slash - address.s);
	return address;
}

static int parse_c(struct parser *p, med_str_t value)
{
	med_str_t address;

	med_text_word(&value);
	med_text_word(&value);
	address = address_word(&value);
	if(!address.len)
		return bad(p, "c= needs a network, an address type and an address");
	if(current(p))
		current(p)->address = address;
	else
		p->session_address = address;
	return MED_EOK;
}

bool med_sdp_next_address(med_str_t *rest, med_str_t *address)
{
	med_str_t line;
	int before;

	while(med_sdp_next_line(rest, &line, NULL)) {
		if(med_text_starts(line, "o="))
			before = 5;
		else if(med_text_starts(line, "c="))
			before = 2;
		else if(med_text_starts(line, "a=candidate:"))
			before = 4;
		else
			continue;
		line = med_text_after(line, 2);
		while(before--)
			med_text_word(&line);
		*address = address_word(&line);
		return true;
	}
	return false;
}

static int parse_o(struct parser *p, med_str_t value)
{
	int i;

	for(i = 0; i < 5; i++)
		med_text_word(&value);
	p->sdp->origin_address = med_text_word(&value);
	return MED_EOK;
}

/** a=tcap:<first number> <transport> ... : numbered upwards from the first. */
static int parse_tcap(struct parser *p, med_str_t value)
{
	struct tcaps *tcaps = current(p) ? &p->media_tcaps : &p->session_tcaps;
	uint64_t number;
	med_str_t word;

	if(!med_text_number(&value, 65000, &number))
		return MED_EOK; /* malformed: no capability */
	for(word = med_text_word(&value); word.len; word = med_text_word(&value), number++) {
		if(tcaps->count == MED_SDP_MAX_TCAP)
			return med_fail(p->err, MED_ELIMIT,
					"SDP line %u: more than %d transport capabilities", p->line,
					MED_SDP_MAX_TCAP);
		tcaps->item[tcaps->count].number = (uint16_t)number;
		tcaps->item[tcaps->count].savp = proto_of(word) == MED_SDP_SAVP;
		tcaps->count++;
	}
	return MED_EOK;
}

static bool tcap_is_savp(const struct tcaps *tcaps, uint64_t number)
{
	size_t i;

	for(i = 0; i < tcaps->count; i++) {
		if(tcaps->item[i].number == number)
			return tcaps->item[i].savp;
	}
	return false;
}

/** a=pcfg:<number> t=<n>[|<n>...] ... : the first alternative that is SAVP counts. */
static void parse_pcfg(struct parser *p, med_str_t value)
{
	med_sdp_media_t *media = current(p);
	uint64_t config, number;
	med_str_t word;

	if(!media || media->potential_savp || !med_text_number(&value, 65000, &config))
		return;
	while((word = med_text_word(&value)).len) {
		if(!med_text_starts(word, "t="))
			continue;
		word = med_text_after(word, 2);
		while(med_text_number(&word, 65000, &number)) {
			if(tcap_is_savp(&p->media_tcaps, number)
					|| tcap_is_savp(&p->session_tcaps, number)) {
				media->potential_savp = true;
				media->pcfg = (uint16_t)config;
				media->pcfg_tcap = (uint16_t)number;
				return;
			}
			if(!word.len || *word.s != '|')
				break;
			word = med_text_after(word, 1);
		}
	}
}

static void parse_crypto(struct parser *p, med_str_t value)
{
	med_sdp_media_t *media = current(p);
	med_crypto_t crypto;
	med_suites_t suite;
	bool better;

	if(!media)
		return; /* RFC 4568: only in a media section */
	media->crypto_count++;
	if(!med_crypto_read(value, &crypto))
		return;
	suite = (med_suites_t)(1u << crypto.suite);
	better = !crypto.mki && !(media->suites_no_mki & suite);
	if(better || !(media->suites & suite))
		media->tag[crypto.suite] = crypto.tag;
	media->suites |= suite;
	if(!crypto.mki)
		media->suites_no_mki |= suite;
}

/** One usable line of several will do; those of a media count instead of the session's.
 */
static void parse_fingerprint(struct parser *p, med_str_t value)
{
	struct dtls *dtls = current(p) ? &p->media_dtls : &p->session_dtls;

	dtls->usable |= med_fingerprint_read(value);
	if(current(p))
		current(p)->fingerprint = dtls->usable;
}

/** The first line counts, as rtpengine reads it. */
static void parse_setup(struct parser *p, med_str_t value)
{
	static const char *const words[] = {[MED_SETUP_NONE] = "",
			[MED_SETUP_ACTPASS] = "actpass",
			[MED_SETUP_ACTIVE] = "active",
			[MED_SETUP_PASSIVE] = "passive",
			[MED_SETUP_HOLDCONN] = "holdconn"};
	struct dtls *dtls = current(p) ? &p->media_dtls : &p->session_dtls;
	uint8_t setup = MED_SETUP_HOLDCONN;

	if(dtls->setup)
		return;
	while(setup && !med_str_eq(value, med_str(words[setup])))
		setup--;
	dtls->setup = setup;
	if(current(p))
		current(p)->setup = setup;
}

int med_sdp_direction(med_str_t line)
{
	static const med_str_t names[] = {[MED_SENDRECV] = MED_STR("a=sendrecv"),
			[MED_SENDONLY] = MED_STR("a=sendonly"),
			[MED_RECVONLY] = MED_STR("a=recvonly"),
			[MED_INACTIVE] = MED_STR("a=inactive")};
	int i;

	if(line.len != names[0].len) /* they are of one length, and few others are */
		return -1;
	for(i = MED_INACTIVE; i >= 0 && memcmp(line.s, names[i].s, line.len) != 0; i--)
		;
	return i;
}

bool med_sdp_address_is_zero(med_str_t address)
{
	return med_str_eq(address, MED_STR("0.0.0.0")) || med_str_eq(address, MED_STR("::"));
}

static void parse_direction(struct parser *p, med_str_t line)
{
	int direction = med_sdp_direction(line);

	if(direction < 0)
		return;
	if(current(p))
		current(p)->direction = (uint8_t)direction;
	else
		p->session_direction = (uint8_t)direction;
}

static int parse_a(struct parser *p, med_str_t line, med_str_t value)
{
	parse_direction(p, line);
	if(med_text_starts(value, "crypto:"))
		parse_crypto(p, med_text_after(value, 7));
	else if(med_text_starts(value, "fingerprint:"))
		parse_fingerprint(p, med_text_after(value, 12));
	else if(med_text_starts(value, "setup:"))
		parse_setup(p, med_text_after(value, 6));
	else if(med_text_starts(value, "tcap:"))
		return parse_tcap(p, med_text_after(value, 5));
	else if(med_text_starts(value, "pcfg:"))
		parse_pcfg(p, med_text_after(value, 5));
	return MED_EOK;
}

static int parse_line(struct parser *p, med_str_t line)
{
	if(!line.len)
		return MED_EOK; /* tolerated: a blank line, often the last */
	if(line.len < 2 || line.s[1] != '=')
		return bad(p, "not of the form <letter>=<value>");
	if(p->line == 1 && !med_str_eq(line, MED_STR("v=0")))
		return bad(p, "the first line must be v=0");
	/* some take it for a line end, and see lines that we do not */
	if(memchr(line.s, '\r', line.len))
		return bad(p, "a carriage return within the line");
	switch(line.s[0]) {
		case 'm':
			return parse_m(p, line, med_text_after(line, 2));
		case 'c':
			return parse_c(p, med_text_after(line, 2));
		case 'o':
			return parse_o(p, med_text_after(line, 2));
		case 'a':
			return parse_a(p, line, med_text_after(line, 2));
		default:
			return MED_EOK;
	}
}

int med_sdp_parse(med_str_t body, med_sdp_t *sdp, med_errbuf_t *err)
{
	struct parser p = {.sdp = sdp, .err = err};
	med_str_t rest = body, line;
	int rc;

	if(!body.len)
		return med_fail(err, MED_EINVAL, "the SDP is empty");
	if(body.len > MED_SDP_MAX_SIZE)
		return med_fail(
				err, MED_ELIMIT, "the SDP is longer than %d bytes", MED_SDP_MAX_SIZE);
	if(memchr(body.s, '\0', body.len))
		return med_fail(err, MED_EINVAL, "the SDP holds a zero byte");
	sdp->body = body;
	sdp->origin_address = (med_str_t){body.s, 0};
	sdp->media_count = 0;
	p.session_address = (med_str_t){body.s, 0};
	while(med_sdp_next_line(&rest, &line, NULL)) {
		p.line++;
		rc = parse_line(&p, line);
		if(rc != MED_EOK)
			return rc;
	}
	return MED_EOK;
}
