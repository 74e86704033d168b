/**
 * sdp.c - the facts of an SDP body that policy needs, without changing it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "medcore/sdp.h"

#include <string.h>

/** base64 length of a 16 byte key and a 14 byte salt */
#define SDES_KEY_CHARS 40
/** RFC 4568: a tag has at most nine digits */
#define MAX_TAG 999999999

static bool starts_with(med_str_t text, const char *prefix)
{
	size_t len = strlen(prefix);

	return text.len >= len && memcmp(text.s, prefix, len) == 0;
}

static med_str_t after(med_str_t text, size_t count)
{
	return (med_str_t){text.s + count, text.len - count};
}

/** The next word; @p rest is advanced past it and the spaces before it. */
static med_str_t next_word(med_str_t *rest)
{
	med_str_t word;

	while(rest->len && *rest->s == ' ')
		*rest = after(*rest, 1);
	word = (med_str_t){rest->s, 0};
	while(word.len < rest->len && rest->s[word.len] != ' ')
		word.len++;
	*rest = after(*rest, word.len);
	return word;
}

/** Leading decimal digits as a number up to @p max; false where there are none or more.
 */
static bool read_number(med_str_t *text, uint32_t max, uint32_t *number)
{
	uint32_t value = 0;
	size_t i;

	for(i = 0; i < text->len && text->s[i] >= '0' && text->s[i] <= '9'; i++) {
		value = value * 10 + (uint32_t)(text->s[i] - '0');
		if(value > max)
			return false;
	}
	if(!i)
		return false;
	*text = after(*text, i);
	*number = value;
	return true;
}

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
	*rest = after(*rest, len);
	return true;
}

static bool is_base64(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
			|| c == '+' || c == '/';
}

/** Only what leaves protection whole: WSH, and what RFC 4568 lets us ignore ("-..."). */
static bool session_params_harmless(med_str_t rest)
{
	med_str_t word;

	while((word = next_word(&rest)).len) {
		if(!starts_with(word, "WSH=") && word.s[0] != '-')
			return false;
	}
	return true;
}

bool med_sdp_crypto_usable(med_str_t value, bool *mki)
{
	uint32_t tag;
	med_str_t key;
	size_t i;

	if(!read_number(&value, MAX_TAG, &tag) || !value.len || *value.s != ' ')
		return false;
	if(!med_str_eq_nocase(next_word(&value), MED_STR("AES_CM_128_HMAC_SHA1_80")))
		return false;
	key = next_word(&value);
	if(key.len < 7 + SDES_KEY_CHARS
			|| !med_str_eq_nocase((med_str_t){key.s, 7}, MED_STR("inline:")))
		return false;
	key = after(key, 7);
	for(i = 0; i < SDES_KEY_CHARS; i++) {
		if(!is_base64(key.s[i]))
			return false;
	}
	key = after(key, SDES_KEY_CHARS);
	/* what follows is |lifetime, |mki:length or both; several keys (;) are not for us */
	if((key.len && *key.s != '|') || memchr(key.s, ';', key.len))
		return false;
	if(mki)
		*mki = memchr(key.s, ':', key.len) != NULL;
	return session_params_harmless(value);
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

struct parser {
	med_sdp_t *sdp;
	med_errbuf_t *err;
	unsigned int line;
	med_str_t session_address;
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
	uint32_t number;

	if(p->sdp->media_count == MED_SDP_MAX_MEDIA)
		return med_fail(p->err, MED_ELIMIT, "SDP line %u: more than %d m-lines", p->line,
				MED_SDP_MAX_MEDIA);
	media = &p->sdp->media[p->sdp->media_count];
	memset(media, 0, sizeof(*media));
	media->line = line;
	media->type = next_word(&value);
	port = next_word(&value);
	media->proto_text = next_word(&value);
	if(!read_number(&port, 65535, &number) || (port.len && *port.s != '/'))
		return bad(p, "the port of m= is not a number from 0 to 65535");
	if(!media->type.len || !media->proto_text.len)
		return bad(p, "m= needs a type, a port, a transport and formats");
	media->port = (uint16_t)number;
	media->proto = (uint8_t)proto_of(media->proto_text);
	media->address = p->session_address;
	p->media_tcaps.count = 0;
	p->sdp->media_count++;
	return MED_EOK;
}

/** Without "/ttl". */
static med_str_t address_word(med_str_t *value)
{
	med_str_t address = next_word(value);
	const char *slash = memchr(address.s, '/', address.len);

	if(slash)
		address.len = (size_t)(slash - address.s);
	return address;
}

static int parse_c(struct parser *p, med_str_t value)
{
	med_str_t address;

	next_word(&value);
	next_word(&value);
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
		if(starts_with(line, "o="))
			before = 5;
		else if(starts_with(line, "c="))
			before = 2;
		else
			continue;
		line = after(line, 2);
		while(before--)
			next_word(&line);
		*address = address_word(&line);
		return true;
	}
	return false;
}

static int parse_o(struct parser *p, med_str_t value)
{
	int i;

	for(i = 0; i < 5; i++)
		next_word(&value);
	p->sdp->origin_address = next_word(&value);
	return MED_EOK;
}

/** a=tcap:<first number> <transport> ... : numbered upwards from the first. */
static int parse_tcap(struct parser *p, med_str_t value)
{
	struct tcaps *tcaps = current(p) ? &p->media_tcaps : &p->session_tcaps;
	uint32_t number;
	med_str_t word;

	if(!read_number(&value, 65000, &number))
		return MED_EOK; /* malformed: no capability */
	for(word = next_word(&value); word.len; word = next_word(&value), number++) {
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

static bool tcap_is_savp(const struct tcaps *tcaps, uint32_t number)
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
	uint32_t config, number;
	med_str_t word;

	if(!media || media->potential_savp || !read_number(&value, 65000, &config))
		return;
	while((word = next_word(&value)).len) {
		if(!starts_with(word, "t="))
			continue;
		word = after(word, 2);
		while(read_number(&word, 65000, &number)) {
			if(tcap_is_savp(&p->media_tcaps, number)
					|| tcap_is_savp(&p->session_tcaps, number)) {
				media->potential_savp = true;
				media->pcfg = (uint16_t)config;
				media->pcfg_tcap = (uint16_t)number;
				return;
			}
			if(!word.len || *word.s != '|')
				break;
			word = after(word, 1);
		}
	}
}

static void parse_crypto(struct parser *p, med_str_t value)
{
	med_sdp_media_t *media = current(p);
	bool mki = false;
	uint32_t tag = 0;

	if(!media)
		return; /* RFC 4568: only in a media section */
	media->crypto_count++;
	if(!med_sdp_crypto_usable(value, &mki))
		return;
	if(!media->usable_crypto++ && read_number(&value, MAX_TAG, &tag))
		media->usable_tag = tag;
	if(!mki)
		media->usable_no_mki++;
}

static int parse_a(struct parser *p, med_str_t value)
{
	if(starts_with(value, "crypto:"))
		parse_crypto(p, after(value, 7));
	else if(starts_with(value, "tcap:"))
		return parse_tcap(p, after(value, 5));
	else if(starts_with(value, "pcfg:"))
		parse_pcfg(p, after(value, 5));
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
			return parse_m(p, line, after(line, 2));
		case 'c':
			return parse_c(p, after(line, 2));
		case 'o':
			return parse_o(p, after(line, 2));
		case 'a':
			return parse_a(p, after(line, 2));
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
