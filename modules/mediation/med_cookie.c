/**
 * med_cookie.c - see med_cookie.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE /* memrchr */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "core/parser/parse_from.h"
#include "core/parser/parse_to.h"

#include "med_cookie.h"

#define MED_TAG_CHARS 16 /* hex digits of the SipHash */
#define MED_HASHED_MAX 512
#define MED_PIN_CHARS 6
/** Policies and pins: "nbnb~aaaaaabbbbbb~". */
#define MED_FIXED_CHARS (5 + 2 * MED_PIN_CHARS + 1)
/** Behind the policies, where a profile says more of the media: 64 bits of each leg. */
#define MED_MEDIA_CHARS (2 * 16)

static uint8_t med_key[16], med_seal_key[16], med_seal_tag_key[16];

/** Keys of their own, so that nothing that is shown tells of another use. */
static void med_derive(uint8_t key[16], const char *purpose)
{
	char text[32];
	uint64_t half;

	for(int i = 0; i < 2; i++) {
		int len = snprintf(text, sizeof text, "%s %d", purpose, i);

		half = med_siphash(med_key, text, (size_t)len);
		memcpy(key + 8 * i, &half, sizeof half);
	}
}

static void med_seal_init(void)
{
	med_derive(med_seal_key, "seal");
	med_derive(med_seal_tag_key, "tag of seal");
}

int med_cookie_init(const char *key)
{
	static const uint8_t fixed[16] = "med-cookie-key-";
	uint64_t half[2];

	if(key == NULL || key[0] == 0) {
		if(getrandom(med_key, sizeof med_key, 0) != (ssize_t)sizeof med_key) {
			LM_ERR("no random bytes for the node key; set modparam \"key\"\n");
			return -1;
		}
		LM_WARN("modparam \"key\" is empty: calls that are up when Kamailio restarts, or "
				"that move to another node, are answered 481; set a secret\n");
		med_seal_init();
		return 0;
	}
	/* Any text makes a key: two hashes of it with different first bytes. */
	half[0] = med_siphash(fixed, key, strlen(key));
	memcpy(med_key, &half[0], 8);
	memcpy(med_key + 8, fixed, 8);
	half[1] = med_siphash(med_key, key, strlen(key));
	memcpy(med_key + 8, &half[1], 8);
	med_seal_init();
	return 0;
}

/** Append, or a hash of what does not fit: a Call-ID may be of any length. */
static size_t med_hashed_add(char *buffer, size_t at, str text)
{
	uint64_t hash;

	buffer[at++] = 0;
	if(text.len <= MED_HASHED_MAX / 4) {
		memcpy(buffer + at, text.s, (size_t)text.len);
		return at + (size_t)text.len;
	}
	hash = med_siphash(med_key, text.s, (size_t)text.len);
	memcpy(buffer + at, &hash, sizeof hash);
	return at + sizeof hash;
}

static void med_cookie_tag(med_str_t facts, str callid, str tag, char hex[MED_TAG_CHARS])
{
	static const char digits[] = "0123456789abcdef";
	char buffer[MED_HASHED_MAX];
	size_t len = facts.len;
	uint64_t hash;

	memcpy(buffer, facts.s, facts.len);
	len = med_hashed_add(buffer, len, callid);
	len = med_hashed_add(buffer, len, tag);
	hash = med_siphash(med_key, buffer, len);
	for(size_t i = 0; i < MED_TAG_CHARS; i++, hash >>= 4)
		hex[i] = digits[hash & 0xf];
}

static uint32_t med_pin(const char *text, size_t len)
{
	uint32_t pin = (uint32_t)(med_siphash(med_key, text, len) & 0xffffff);

	return pin != 0 ? pin : 1;
}

uint32_t med_cookie_pin_ip(int proto, const med_ip_t *ip)
{
	char text[2 + sizeof ip->bytes] = {
			'i', (char)(proto == PROTO_WSS ? PROTO_WS : proto)};

	memcpy(text + 2, ip->bytes, sizeof ip->bytes);
	return med_pin(text, sizeof text);
}

uint32_t med_cookie_pin_name(int proto, med_str_t name)
{
	char text[2 + 255] = {'n', (char)proto};

	if(name.len > sizeof text - 2)
		name.len = sizeof text - 2;
	for(size_t i = 0; i < name.len; i++)
		text[2 + i] = (char)tolower((unsigned char)name.s[i]);
	return med_pin(text, 2 + name.len);
}

static char *med_hex_write(char *at, uint64_t number, int chars)
{
	static const char digits[] = "0123456789abcdef";

	for(int shift = 4 * (chars - 1); shift >= 0; shift -= 4)
		*at++ = digits[number >> shift & 0xf];
	return at;
}

/** Anything but our digits makes a wrong number, and the tag fits to no other text. */
static uint64_t med_hex_read(const char *at, int chars)
{
	uint64_t number = 0;

	for(int i = 0; i < chars; i++)
		number = number << 4
				| (uint64_t)(at[i] >= 'a' ? at[i] - 'a' + 10 : (at[i] - '0') & 0xf);
	return number;
}

static char *med_pin_write(char *at, uint32_t pin)
{
	return med_hex_write(at, pin, MED_PIN_CHARS);
}

static uint32_t med_pin_read(const char *at)
{
	return (uint32_t)med_hex_read(at, MED_PIN_CHARS);
}

static char *med_policy_write(char *at, const med_leg_policy_t *policy)
{
	*at++ = !policy->known ? '-' : "nor"[policy->srtp];
	*at++ = policy->anchored ? 'a' : 'b';
	return at;
}

static char *med_media_write(char *at, const med_leg_media_t *media)
{
	uint64_t number;

	_Static_assert(sizeof number == sizeof *media, "all of it fits");
	memcpy(&number, media, sizeof number);
	return med_hex_write(at, number, 16);
}

static void med_media_read(const char *at, med_leg_media_t *media)
{
	uint64_t number = med_hex_read(at, 16);

	memcpy(media, &number, sizeof number);
}

static int med_policy_read(const char *at, med_leg_policy_t *policy)
{
	static const char modes[] = "nor";
	const char *mode = at[0] != 0 ? strchr(modes, at[0]) : NULL;

	policy->known = mode != NULL;
	policy->srtp = mode != NULL ? (uint8_t)(mode - modes) : MED_SRTP_NOT_SUPPORTED;
	policy->anchored = at[1] == 'a';
	memset(&policy->media, 0, sizeof policy->media);
	return (mode != NULL || at[0] == '-') && (at[1] == 'a' || at[1] == 'b') ? MED_EOK
																			: MED_EINVAL;
}

/**
 * The tag of a From in its usual form, without parsing its URI. Parameters of the header
 * follow the last '>', or the URI where there are no brackets: then they are the header's
 * (RFC 3261, 20.10). Empty: none, or a form that needs the parser.
 */
static str med_tag_plain(const struct hdr_field *header)
{
	const char *at = header->body.s, *end = at + header->body.len;
	const char *bracket = memrchr(at, '>', (size_t)header->body.len);
	str tag = {NULL, 0};

	if(memchr(bracket != NULL ? bracket : at, '"',
			   (size_t)(end - (bracket != NULL ? bracket : at)))
			!= NULL)
		return tag; /* a quoted parameter may hold anything, also ">;tag=" */
	for(at = bracket != NULL ? bracket : at;
			(at = memchr(at, ';', (size_t)(end - at)));) {
		for(at++; at < end && (*at == ' ' || *at == '\t');)
			at++;
		if(end - at < 5 || strncasecmp(at, "tag=", 4) != 0)
			continue;
		tag.s = (char *)(uintptr_t)(at + 4);
		at = memchr(tag.s, ';', (size_t)(end - tag.s));
		tag.len = (int)((at != NULL ? at : end) - tag.s);
		while(tag.len > 0 && (unsigned char)tag.s[tag.len - 1] <= ' ')
			tag.len--;
		return tag;
	}
	return tag;
}

static str med_from_tag(sip_msg_t *msg)
{
	str tag = med_tag_plain(msg->from);

	if(tag.len <= 0 && parse_from_header(msg) == 0)
		tag = get_from(msg)->tag_value;
	return tag;
}

static int med_dialog_ids(sip_msg_t *msg, str *callid, str *from_tag, str *to_tag)
{
	if(parse_headers(msg, HDR_CALLID_F | HDR_TO_F | HDR_FROM_F, 0) < 0
			|| msg->callid == NULL || msg->to == NULL || msg->from == NULL)
		return MED_EINVAL;
	*callid = msg->callid->body;
	*from_tag = med_from_tag(msg);
	*to_tag = get_to(msg)->tag_value;
	return MED_EOK;
}

size_t med_cookie_write(sip_msg_t *msg, const med_call_t *call, char out[MED_COOKIE_MAX])
{
	static const char head[] = ";med=";
	char *facts = out + sizeof head - 1, *at = facts;
	str callid, from_tag, to_tag;

	if(med_dialog_ids(msg, &callid, &from_tag, &to_tag) != MED_EOK || from_tag.len <= 0)
		return 0;
	memcpy(out, head, sizeof head - 1);
	memcpy(at, call->in.id, call->in.id_len);
	at += call->in.id_len;
	*at++ = '~';
	memcpy(at, call->out.id, call->out.id_len);
	at += call->out.id_len;
	*at++ = '~';
	at = med_policy_write(at, &call->in.policy);
	at = med_policy_write(at, &call->out.policy);
	if(med_leg_media_given(&call->in.policy.media)
			|| med_leg_media_given(&call->out.policy.media)) {
		at = med_media_write(at, &call->in.policy.media);
		at = med_media_write(at, &call->out.policy.media);
	}
	*at++ = '~';
	at = med_pin_write(at, call->in.pin);
	at = med_pin_write(at, call->out.pin);
	*at++ = '~';
	med_cookie_tag((med_str_t){facts, (size_t)(at - facts)}, callid, from_tag, at);
	return (size_t)(at - out) + MED_TAG_CHARS;
}

static int med_side_read(const char **at, const char *end, med_side_t *side)
{
	const char *stop = memchr(*at, '~', (size_t)(end - *at));

	if(stop == NULL || stop - *at > MED_ID_MAX)
		return MED_EINVAL;
	side->number = MED_NO_NUMBER;
	side->id_len = (uint8_t)(stop - *at);
	memcpy(side->id, *at, side->id_len);
	*at = stop + 1;
	return MED_EOK;
}

/** Does the tag fit? In time that does not depend on where it differs. */
static bool med_tag_fits(const char *expected, const char *given)
{
	unsigned char differ = 0;

	for(size_t i = 0; i < MED_TAG_CHARS; i++)
		differ |= (unsigned char)(expected[i] ^ given[i]);
	return differ == 0;
}

int med_cookie_read(sip_msg_t *msg, med_str_t value, med_call_t *call)
{
	const char *at = value.s, *end = value.s + value.len;
	str callid, from_tag, to_tag;
	char hex[MED_TAG_CHARS];
	med_str_t facts;
	bool upstream = false, more;

	if(value.len > MED_COOKIE_MAX || med_side_read(&at, end, &call->in) != MED_EOK
			|| med_side_read(&at, end, &call->out) != MED_EOK
			|| end - at < MED_FIXED_CHARS + MED_TAG_CHARS
			|| med_policy_read(at, &call->in.policy) != MED_EOK
			|| med_policy_read(at + 2, &call->out.policy) != MED_EOK)
		return MED_EINVAL;
	more = at[4] != '~';
	if(end - at != MED_FIXED_CHARS + (more ? MED_MEDIA_CHARS : 0) + MED_TAG_CHARS)
		return MED_EINVAL;
	if(more) {
		med_media_read(at + 4, &call->in.policy.media);
		med_media_read(at + 4 + 16, &call->out.policy.media);
		at += MED_MEDIA_CHARS;
	}
	if(at[4] != '~' || at[MED_FIXED_CHARS - 1] != '~'
			|| med_dialog_ids(msg, &callid, &from_tag, &to_tag) != MED_EOK)
		return MED_EINVAL;
	call->in.pin = med_pin_read(at + 5);
	call->out.pin = med_pin_read(at + 5 + MED_PIN_CHARS);
	facts = (med_str_t){value.s, (size_t)(at + MED_FIXED_CHARS - value.s)};

	/* The caller's tag is in From one way and in To the other: so says the direction. */
	med_cookie_tag(facts, callid, from_tag, hex);
	if(!med_tag_fits(hex, end - MED_TAG_CHARS)) {
		med_cookie_tag(facts, callid, to_tag, hex);
		if(!med_tag_fits(hex, end - MED_TAG_CHARS))
			return MED_EINVAL;
		upstream = true;
	}
	call->flags |= MED_CALL_IN_DIALOG | (upstream ? MED_CALL_UPSTREAM : 0);
	return MED_EOK;
}

/* ---- sealing --------------------------------------------------------------------------
 */

#define MED_SEAL_TAG 8

/** The call's own, and this direction's, and this candidate's: no key stream twice. */
static bool med_seal_nonce(sip_msg_t *msg, enum med_direction direction, bool of_callee,
		med_str_t facts, uint64_t *nonce)
{
	char buffer[MED_COOKIE_MAX + MED_HASHED_MAX];
	str callid, from_tag, to_tag;
	size_t len = facts.len;

	if(facts.len > MED_COOKIE_MAX
			|| med_dialog_ids(msg, &callid, &from_tag, &to_tag) != MED_EOK
			|| (of_callee ? to_tag : from_tag).len <= 0)
		return false;
	memcpy(buffer, facts.s, facts.len);
	len = med_hashed_add(buffer, len, callid);
	len = med_hashed_add(buffer, len, of_callee ? to_tag : from_tag);
	buffer[len++] = (char)direction;
	*nonce = med_siphash(med_seal_key, buffer, len);
	return true;
}

static void med_seal_stream(uint64_t nonce, char *bytes, size_t len)
{
	for(uint64_t i = 0; i * 8 < len; i++) {
		uint64_t input[2] = {nonce, i};
		uint64_t stream = med_siphash(med_seal_key, input, sizeof input);

		for(size_t k = 0; k < 8 && i * 8 + k < len; k++, stream >>= 8)
			bytes[i * 8 + k] ^= (char)(stream & 0xff);
	}
}

/** Of what is read, together with whose it is. */
static uint64_t med_seal_tag(uint64_t nonce, const char *bytes, size_t len)
{
	char buffer[sizeof nonce + MED_SEAL_PLAIN_MAX];

	memcpy(buffer, &nonce, sizeof nonce);
	memcpy(buffer + sizeof nonce, bytes, len);
	return med_siphash(med_seal_tag_key, buffer, sizeof nonce + len);
}

static const char med_base64[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static size_t med_base64_write(const unsigned char *bytes, size_t len, char *out)
{
	size_t at = 0;

	for(size_t i = 0; i < len; i += 3) {
		uint32_t three = (uint32_t)bytes[i] << 16;
		unsigned chars = len - i > 2 ? 4 : (unsigned)(len - i) + 1;

		if(i + 1 < len)
			three |= (uint32_t)bytes[i + 1] << 8;
		if(i + 2 < len)
			three |= bytes[i + 2];
		for(unsigned k = 0; k < chars; k++)
			out[at++] = med_base64[three >> (18 - 6 * k) & 63];
	}
	return at;
}

static int med_base64_value(char c)
{
	return c >= 'A' && c <= 'Z'    ? c - 'A'
			: c >= 'a' && c <= 'z' ? c - 'a' + 26
			: c >= '0' && c <= '9' ? c - '0' + 52
			: c == '-'             ? 62
			: c == '_'             ? 63
								   : -1;
}

/** 0: not of that form, or more than @p max. */
static size_t med_base64_read(med_str_t text, unsigned char *out, size_t max)
{
	size_t at = 0;
	uint32_t bits = 0;
	unsigned have = 0;

	if(text.len % 4 == 1 || text.len * 3 / 4 > max)
		return 0;
	for(size_t i = 0; i < text.len; i++) {
		int value = med_base64_value(text.s[i]);

		if(value < 0)
			return 0;
		bits = bits << 6 | (uint32_t)value;
		have += 6;
		if(have < 8)
			continue;
		have -= 8;
		out[at++] = (unsigned char)(bits >> have);
	}
	return at;
}

size_t med_cookie_seal(sip_msg_t *msg, enum med_direction direction, med_str_t facts,
		const char *plain, size_t len, char out[MED_SEAL_MAX])
{
	char bytes[MED_SEAL_PLAIN_MAX + MED_SEAL_TAG];
	uint64_t nonce, tag;

	if(len > MED_SEAL_PLAIN_MAX || !med_seal_nonce(msg, direction, false, facts, &nonce))
		return 0;
	memcpy(bytes, plain, len);
	med_seal_stream(nonce, bytes, len);
	tag = med_seal_tag(nonce, bytes, len);
	memcpy(bytes + len, &tag, sizeof tag);
	return med_base64_write((const unsigned char *)bytes, len + sizeof tag, out);
}

size_t med_cookie_unseal(sip_msg_t *msg, enum med_direction direction, med_str_t facts,
		med_str_t sealed, char plain[MED_SEAL_PLAIN_MAX])
{
	unsigned char bytes[MED_SEAL_PLAIN_MAX + MED_SEAL_TAG];
	size_t len = med_base64_read(sealed, bytes, sizeof bytes);
	uint64_t nonce, tag;

	if(len <= MED_SEAL_TAG
			|| !med_seal_nonce(
					msg, direction, direction == MED_FROM_CALLEE, facts, &nonce))
		return 0;
	len -= MED_SEAL_TAG;
	memcpy(plain, bytes, len);
	tag = med_seal_tag(nonce, plain, len);
	if(memcmp(&tag, bytes + len, sizeof tag)
			!= 0) /* 64 bits, and nothing to gain by time */
		return 0;
	med_seal_stream(nonce, plain, len);
	return len;
}
