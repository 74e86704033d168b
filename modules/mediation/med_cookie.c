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

#define MED_TAG_CHARS 11 /* 64 bits of a SipHash */
#define MED_PIN_CHARS 4
/** Policies, pins and tag: "nbnbaaaabbbbttttttttttt". */
#define MED_FIXED_CHARS (4 + 2 * MED_PIN_CHARS + MED_TAG_CHARS)
/** Behind the policies, where a profile says more of the media: "~", 64 bits a leg. */
#define MED_LEG_CHARS 11
#define MED_MEDIA_CHARS (1 + 2 * MED_LEG_CHARS)
/** Behind the policies, where the offer was ours: ".", 32 bits. */
#define MED_OFFER_CHARS 6
#define MED_HASHED_TEXT 128 /* bytes of a Call-ID or tag that are hashed as they are */
#define MED_HASHED_MAX (MED_FACTS_MAX + MED_COOKIE_SYMBOLS_MAX + 2 * MED_HASHED_TEXT + 8)

static uint8_t med_key[16], med_seal_key[32], med_seal_tag_key[16], med_uri_tag_key[16];

/** Keys of their own, so that nothing that is shown tells of another use. */
static void med_derive(uint8_t *key, size_t size, const char *purpose)
{
	char text[32];
	uint64_t eight;

	for(size_t i = 0; i < size; i += sizeof eight) {
		int len = snprintf(text, sizeof text, "%s %zu", purpose, i / sizeof eight);

		eight = med_siphash(med_key, text, (size_t)len);
		memcpy(key + i, &eight, sizeof eight);
	}
}

static void med_seal_init(void)
{
	med_derive(med_seal_key, sizeof med_seal_key, "seal");
	med_derive(med_seal_tag_key, sizeof med_seal_tag_key, "tag of pairs");
	med_derive(med_uri_tag_key, sizeof med_uri_tag_key, "tag of a URI");
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
	if(text.len <= MED_HASHED_TEXT) {
		memcpy(buffer + at, text.s, (size_t)text.len);
		return at + (size_t)text.len;
	}
	hash = med_siphash(med_key, text.s, (size_t)text.len);
	memcpy(buffer + at, &hash, sizeof hash);
	return at + sizeof hash;
}

/** What a tag is of: all of it, in this order, the caller's tag at last. */
typedef struct med_hashed {
	const uint8_t *key;
	size_t len; /**< before the caller's tag */
	char bytes[MED_HASHED_MAX];
} med_hashed_t;

static void med_hashed_begin(
		med_hashed_t *hashed, med_str_t facts, str callid, const med_carry_t *carried)
{
	char *bytes = hashed->bytes;

	hashed->key = carried->len > 0 ? med_seal_tag_key : med_key;
	memcpy(bytes, facts.s, facts.len);
	hashed->len = med_hashed_add(bytes, facts.len, callid);
	if(carried->len == 0)
		return;
	memcpy(bytes + hashed->len, carried->symbols, carried->len);
	hashed->len += carried->len;
	bytes[hashed->len++] = (char)(carried->len >> 8);
	bytes[hashed->len++] = (char)carried->len;
}

static uint64_t med_hashed_end(med_hashed_t *hashed, str tag)
{
	return med_siphash(
			hashed->key, hashed->bytes, med_hashed_add(hashed->bytes, hashed->len, tag));
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

static char *med_policy_write(char *at, const med_leg_policy_t *policy, bool bypassed)
{
	*at++ = !policy->known ? '-' : "nor"[policy->srtp];
	*at++ = !policy->anchored ? 'b' : bypassed ? 'y' : 'a';
	return at;
}

static void med_policy_read(const char *at, med_leg_policy_t *policy)
{
	static const char modes[] = "nor";
	const char *mode = at[0] != 0 ? strchr(modes, at[0]) : NULL;

	policy->known = mode != NULL;
	policy->srtp = mode != NULL ? (uint8_t)(mode - modes) : MED_SRTP_NOT_SUPPORTED;
	policy->anchored = at[1] == 'a' || at[1] == 'y';
	policy->bypass = at[1] == 'y';
	memset(&policy->media, 0, sizeof policy->media);
}

static char *med_media_write(char *at, const med_leg_media_t *media)
{
	uint64_t bits;

	_Static_assert(sizeof bits == sizeof *media, "all of it fits");
	memcpy(&bits, media, sizeof bits);
	return med_carry_bits(at, bits, MED_LEG_CHARS);
}

static void med_media_read(const char *at, med_leg_media_t *media)
{
	uint64_t bits = med_carry_bits_of(at, MED_LEG_CHARS);

	memcpy(media, &bits, sizeof bits);
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
	if(med_parse_headers(msg, HDR_CALLID_F | HDR_TO_F | HDR_FROM_F) < 0
			|| msg->callid == NULL || msg->to == NULL || msg->from == NULL)
		return MED_EINVAL;
	*callid = msg->callid->body;
	*from_tag = med_from_tag(msg);
	*to_tag = get_to(msg)->tag_value;
	return MED_EOK;
}

size_t med_cookie_write(sip_msg_t *msg, const med_call_t *call,
		const med_carry_t *carried, char out[MED_COOKIE_MAX])
{
	static const char head[] = ";med=";
	char *facts = out + sizeof head - 1, *at = facts;
	str callid, from_tag, to_tag;
	med_hashed_t hashed;
	uint64_t tag;

	if(med_dialog_ids(msg, &callid, &from_tag, &to_tag) != MED_EOK || from_tag.len <= 0
			|| carried->len > MED_COOKIE_SYMBOLS_MAX)
		return 0;
	memcpy(out, head, sizeof head - 1);
	memcpy(at, call->in.id, call->in.id_len);
	at += call->in.id_len;
	*at++ = '~';
	memcpy(at, call->out.id, call->out.id_len);
	at += call->out.id_len;
	*at++ = '~';
	at = med_policy_write(at, &call->in.policy, (call->flags & MED_CALL_BYPASSED) != 0);
	at = med_policy_write(at, &call->out.policy, (call->flags & MED_CALL_BYPASSED) != 0);
	if(call->our_offer != 0) {
		*at++ = '.';
		at = med_carry_bits(at, call->our_offer, MED_OFFER_CHARS);
	}
	if(med_leg_media_given(&call->in.policy.media)
			|| med_leg_media_given(&call->out.policy.media)) {
		*at++ = '~';
		at = med_media_write(at, &call->in.policy.media);
		at = med_media_write(at, &call->out.policy.media);
	}
	at = med_carry_bits(at, call->in.pin, MED_PIN_CHARS);
	at = med_carry_bits(at, call->out.pin, MED_PIN_CHARS);
	med_hashed_begin(&hashed, (med_str_t){facts, (size_t)(at - facts)}, callid, carried);
	tag = med_hashed_end(&hashed, from_tag);
	at = med_carry_bits(at, tag, MED_TAG_CHARS);
	med_carry_seal(med_seal_key, tag, carried, at);
	return (size_t)(at - out) + carried->len;
}

size_t med_cookie_seal_uri(str uri, char out[MED_COOKIE_URI_MAX])
{
	uint8_t room[MED_CARRY_SYMBOLS_MAX];
	med_carry_t carry = {room, 0, sizeof room, 0};
	uint64_t tag;

	/* There is room: it has MED_CARRY_TEXT_MAX bytes at most. */
	(void)med_carry_add(&carry, med_from_str(uri), MED_STR(""), true);
	tag = med_siphash(med_uri_tag_key, room, carry.len);
	med_carry_seal(med_seal_key, tag, &carry, med_carry_bits(out, tag, MED_TAG_CHARS));
	return MED_TAG_CHARS + carry.len;
}

bool med_cookie_open_uri(med_str_t sealed, char uri[MED_CARRY_TEXT_MAX], size_t *len)
{
	uint8_t room[MED_CARRY_SYMBOLS_MAX];
	med_carry_t carry = {room, 0, sizeof room, 0};
	med_carry_change_t change;
	uint64_t tag;

	if(sealed.len <= MED_TAG_CHARS)
		return false;
	tag = med_carry_bits_of(sealed.s, MED_TAG_CHARS);
	sealed.s += MED_TAG_CHARS;
	sealed.len -= MED_TAG_CHARS;
	if(med_carry_open(med_seal_key, tag, sealed, &carry) != MED_EOK
			|| med_siphash(med_uri_tag_key, room, carry.len) != tag
			|| med_carry_take(&carry, 0, &change) != MED_EOK)
		return false;
	return med_carry_text(&change, MED_STR(""), uri, len) == MED_EOK && *len > 0;
}

static bool med_id_take(const char **at, const char *end, med_str_t *id)
{
	const char *stop = memchr(*at, '~', (size_t)(end - *at));

	if(stop == NULL || stop - *at > MED_ID_MAX)
		return false;
	*id = (med_str_t){*at, (size_t)(stop - *at)};
	*at = stop + 1;
	return true;
}

bool med_cookie_parse(med_str_t value, med_cookie_t *cookie)
{
	const char *at = value.s, *end = value.s + value.len;

	if(value.len == 0 || value.len > MED_COOKIE_MAX || !med_id_take(&at, end, &cookie->in)
			|| !med_id_take(&at, end, &cookie->out) || end - at < MED_FIXED_CHARS)
		return false;
	cookie->policies = at;
	at += 4;
	cookie->offer = *at == '.' ? at + 1 : NULL;
	if(cookie->offer != NULL)
		at += 1 + MED_OFFER_CHARS;
	cookie->media = *at == '~' ? at + 1 : NULL;
	if(end - at < MED_FIXED_CHARS - 4 + (cookie->media != NULL ? MED_MEDIA_CHARS : 0))
		return false;
	if(cookie->media != NULL)
		at += MED_MEDIA_CHARS;
	cookie->pins = at;
	cookie->tag = at + 2 * MED_PIN_CHARS;
	cookie->facts = (med_str_t){value.s, (size_t)(cookie->tag - value.s)};
	at = cookie->tag + MED_TAG_CHARS;
	cookie->sealed = (med_str_t){at, (size_t)(end - at)};
	return cookie->sealed.len <= MED_COOKIE_SYMBOLS_MAX;
}

enum med_sender med_cookie_check(
		sip_msg_t *msg, const med_cookie_t *cookie, med_carry_t *carried)
{
	uint64_t tag = med_carry_bits_of(cookie->tag, MED_TAG_CHARS);
	str callid, from_tag, to_tag;
	med_hashed_t hashed;

	if(med_dialog_ids(msg, &callid, &from_tag, &to_tag) != MED_EOK
			|| med_carry_open(med_seal_key, tag, cookie->sealed, carried) != MED_EOK)
		return MED_FROM_NOBODY;
	med_hashed_begin(&hashed, cookie->facts, callid, carried);
	/* The caller's tag is in From one way and in To the other: so says the direction. */
	return med_hashed_end(&hashed, from_tag) == tag  ? MED_FROM_CALLER
			: med_hashed_end(&hashed, to_tag) == tag ? MED_FROM_CALLEE
													 : MED_FROM_NOBODY;
}

static void med_side_read(
		med_side_t *side, med_str_t id, const char *pin, const char *policy)
{
	side->number = MED_NO_NUMBER;
	side->id_len = (uint8_t)id.len;
	memcpy(side->id, id.s, id.len);
	side->pin = (uint32_t)med_carry_bits_of(pin, MED_PIN_CHARS);
	med_policy_read(policy, &side->policy);
}

void med_cookie_read(const med_cookie_t *cookie, enum med_sender sender, med_call_t *call)
{
	const char *policies = cookie->policies, *pins = cookie->pins;

	med_side_read(&call->in, cookie->in, pins, policies);
	med_side_read(&call->out, cookie->out, pins + MED_PIN_CHARS, policies + 2);
	if(cookie->media != NULL) {
		med_media_read(cookie->media, &call->in.policy.media);
		med_media_read(cookie->media + MED_LEG_CHARS, &call->out.policy.media);
	}
	if(cookie->offer != NULL)
		call->our_offer = (uint32_t)med_carry_bits_of(cookie->offer, MED_OFFER_CHARS);
	if(call->in.policy.bypass || call->out.policy.bypass)
		call->flags |= MED_CALL_BYPASSED;
	call->flags |=
			MED_CALL_IN_DIALOG | (sender == MED_FROM_CALLEE ? MED_CALL_UPSTREAM : 0);
}
