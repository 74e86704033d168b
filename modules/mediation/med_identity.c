/**
 * med_identity.c - see med_identity.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>

#include "core/data_lump.h"
#include "core/socket_info.h"

#include "med_branch.h"
#include "med_cookie.h"
#include "med_identity.h"
#include "med_refuse.h"

/* ---- one header -----------------------------------------------------------------------
 */

/** The byte behind the quoted string that begins here; NULL: it has no end. */
static const char *med_quoted_end(const char *at, const char *end)
{
	const char *stop = at + 1 < end ? memchr(at + 1, '"', (size_t)(end - at - 1)) : NULL;

	if(stop == NULL || stop[-1] != '\\')
		return stop != NULL ? stop + 1 : NULL;
	for(at++; at < end && *at != '"'; at++)
		if(*at == '\\')
			at++;
	return at < end ? at + 1 : NULL;
}

/** The '<' from here on that is none of a parameter's; NULL: there is none. */
static const char *med_address_open(const char *at, const char *end)
{
	const char *open;

	while(at < end && *at == ' ')
		at++;
	if(at < end && *at == '<')
		return at;
	open = memchr(at, '<', (size_t)(end - at));
	return open == NULL || memchr(at, '"', (size_t)(open - at)) != NULL ? NULL : open;
}

/* Delimiters alone: Kamailio's parser takes ten times that for each From of a reply. */
bool med_address_of(const struct hdr_field *header, med_address_t *address)
{
	const char *at, *end, *open, *stop;

	if(header == NULL || header->body.len <= 0)
		return false;
	address->start = at = header->body.s;
	end = at + header->body.len;
	if(*at == '"' && (at = med_quoted_end(at, end)) == NULL)
		return false;
	open = med_address_open(at, end);
	address->enclosed = open != NULL;
	if(open != NULL) {
		at = open + 1;
		stop = memchr(at, '>', (size_t)(end - at));
		if(stop == NULL)
			return false;
	} else {
		for(at = stop = address->start;
				stop < end && *stop != ';' && *stop != ',' && (unsigned char)*stop > ' ';)
			stop++;
	}
	address->uri.s = (char *)(uintptr_t)at;
	address->uri.len = (int)(stop - at);
	return address->uri.len > 0;
}

static size_t med_address_len(const med_address_t *address)
{
	return (size_t)(address->uri.s - address->start) + (size_t)address->uri.len
			+ (address->enclosed ? 1 : 0);
}

static bool med_from_and_to(const sip_msg_t *msg, med_address_t *from, med_address_t *to)
{
	return med_address_of(msg->from, from) && med_address_of(msg->to, to);
}

/* ---- bytes of the message become others -----------------------------------------------
 */

typedef struct med_edit {
	const char *start;
	size_t len; /**< 0: nothing is edited */
	med_str_t text;
	bool enclose; /**< in < > */
} med_edit_t;

/** @p text belongs to the lump, or is freed. */
static int med_replace(
		sip_msg_t *msg, const char *start, size_t len, char *text, size_t size)
{
	struct lump *anchor =
			text != NULL ? del_lump(msg, (int)(start - msg->buf), (int)len, 0) : NULL;

	return med_text_put(anchor, text, size);
}

static size_t med_edit_size(const med_edit_t *edit)
{
	return edit->text.len + (edit->enclose ? 2 : 0);
}

static char *med_edit_write(char *at, const med_edit_t *edit)
{
	if(edit->enclose)
		*at++ = '<';
	memcpy(at, edit->text.s, edit->text.len);
	at += edit->text.len;
	if(edit->enclose)
		*at++ = '>';
	return at;
}

static int med_edit_one(sip_msg_t *msg, const med_edit_t *edit)
{
	size_t size = med_edit_size(edit);
	char *text;

	if(edit->len == 0)
		return MED_EOK;
	text = med_text_room(size);
	if(text != NULL)
		med_edit_write(text, edit);
	return med_replace(msg, edit->start, edit->len, text, size);
}

/** Has nobody else edited these bytes? */
static bool med_untouched(const sip_msg_t *msg, const char *start, const char *end)
{
	for(const struct lump *lump = msg->add_rm; lump != NULL; lump = lump->next)
		if((lump->op == LUMP_DEL || lump->op == LUMP_NOP)
				&& msg->buf + lump->u.offset < end
				&& msg->buf + lump->u.offset + lump->len >= start)
			return false;
	return true;
}

static char *med_copy(char *at, const char *start, const char *end)
{
	memcpy(at, start, (size_t)(end - start));
	return at + (end - start);
}

/** From and To mostly stand together: then both are one edit, at half the cost. */
typedef struct med_both {
	const med_edit_t *first, *second;
	const char *start, *end; /**< what becomes another text */
} med_both_t;

/** @p whole: with the names of both headers and all that follows; false: two edits. */
static bool med_both_of(const sip_msg_t *msg, const med_edit_t *from,
		const med_edit_t *to, bool whole, med_both_t *both)
{
	bool from_first = from->start < to->start;
	const struct hdr_field *first = from_first ? msg->from : msg->to;
	const struct hdr_field *second = from_first ? msg->to : msg->from;

	if(from->len == 0 || to->len == 0 || first->next != second)
		return false;
	both->first = from_first ? from : to;
	both->second = from_first ? to : from;
	both->start = whole ? first->name.s : both->first->start;
	both->end = whole ? second->name.s + second->len
					  : both->second->start + both->second->len;
	return med_untouched(msg, both->start, both->end);
}

static size_t med_both_size(const med_both_t *both)
{
	return (size_t)(both->end - both->start) - both->first->len - both->second->len
			+ med_edit_size(both->first) + med_edit_size(both->second);
}

static void med_both_write(char *at, const med_both_t *both)
{
	const med_edit_t *first = both->first, *second = both->second;

	at = med_copy(at, both->start, first->start);
	at = med_edit_write(at, first);
	at = med_copy(at, first->start + first->len, second->start);
	at = med_edit_write(at, second);
	(void)med_copy(at, second->start + second->len, both->end);
}

static int med_edit_both(sip_msg_t *msg, const med_edit_t *from, const med_edit_t *to)
{
	med_both_t both;
	size_t size;
	char *text;
	int rc;

	if(!med_both_of(msg, from, to, false, &both)) {
		rc = med_edit_one(msg, from);
		return rc == MED_EOK ? med_edit_one(msg, to) : rc;
	}
	size = med_both_size(&both);
	text = med_text_room(size);
	if(text != NULL)
		med_both_write(text, &both);
	return med_replace(msg, both.start, (size_t)(both.end - both.start), text, size);
}

/** The same, with the other lines of ours if both stand together and there is room. */
static int med_move_both(
		sip_msg_t *msg, const med_edit_t *from, const med_edit_t *to, med_lines_t *lines)
{
	med_both_t both;
	char *at;

	if(!med_both_of(msg, from, to, true, &both))
		return med_edit_both(msg, from, to);
	at = med_lines_more(lines, med_both_size(&both));
	if(at == NULL)
		return med_edit_both(msg, from, to);
	med_both_write(at, &both);
	return del_lump(msg, (int)(both.start - msg->buf), (int)(both.end - both.start), 0)
					!= NULL
			? MED_EOK
			: MED_ENOMEM;
}

int med_identity_replace(
		sip_msg_t *msg, const char *start, size_t len, const char *text, size_t size)
{
	med_edit_t edit = {start, len, {text, size}, false};

	return med_edit_one(msg, &edit);
}

/** The URI becomes @p uri; with @p hidden the display name is taken off too. */
static med_edit_t med_address_edit(const med_address_t *old, med_str_t uri, bool hidden)
{
	med_edit_t edit = {old->uri.s, (size_t)old->uri.len, uri, !old->enclosed};

	if(hidden) {
		edit.start = old->start;
		edit.len = med_address_len(old);
		edit.enclose = true;
	} else if(edit.len == uri.len && memcmp(edit.start, uri.s, uri.len) == 0) {
		edit.len = 0;
	}
	return edit;
}

/* ---- what they become -----------------------------------------------------------------
 */

med_str_t med_identity_host(
		const struct socket_info *socket, const med_trunk_t *trunk, uint8_t form)
{
	switch(form) {
		case MED_HOST_FQDN:
			return trunk->pool_fqdn;
		case MED_HOST_IP:
			return socket == NULL
					? (med_str_t){NULL, 0}
					: med_from_str(socket->useinfo.name.len > 0 ? socket->useinfo.name
																: socket->address_str);
		case MED_HOST_DOMAIN:
			return trunk->profile->domain;
		default:
			return (med_str_t){NULL, 0};
	}
}

/** The gateway's name, be it an address or not; or the one address it was called at. */
static med_str_t med_gateway_host(
		const med_call_t *call, const med_trunk_t *trunk, uint8_t form, char address[48])
{
	if(form == MED_HOST_IP && trunk->gateway->named) {
		med_ip_format(&call->target, address, 48);
		return med_str(address);
	}
	return form == MED_HOST_RECEIVED  ? (med_str_t){NULL, 0}
			: form == MED_HOST_DOMAIN ? trunk->profile->domain
									  : trunk->gateway->address;
}

/** What the old URI says already needs no other. @p host len 0: that of the old one. */
static int med_identity_uri(const med_trunk_t *trunk, med_str_t user, med_str_t was,
		const med_number_t *number, const med_extension_t *extension, med_str_t host,
		char out[MED_IDENTITY_URI_MAX], size_t *len)
{
	int rc;

	if(host.len == 0)
		host = was;
	if(host.len == 0) /* tel: has none; the number's own side gives one */
		host = trunk->gateway->address;
	if(extension->len == 0 && med_str_eq(user, (med_str_t){number->s, number->len})
			&& med_str_eq(host, was))
		return MED_ENOMATCH;
	rc = med_branch_uri(
			trunk->profile, number, extension, host, out, MED_IDENTITY_URI_MAX, len);
	return rc == MED_EINVAL ? MED_ELIMIT : rc;
}

static void med_restore(struct cell *t, int type, struct tmcb_params *params);

int med_identity_write(sip_msg_t *msg, med_call_t *call, const med_trunk_t *trunk,
		const med_caller_t *caller, const med_number_t *called,
		med_rewritten_t *rewritten, med_lines_t *lines)
{
	const med_profile_t *profile = trunk->profile;
	const med_address_t *from = &caller->from;
	bool from_changes = false, to_changes = false;
	med_edit_t from_edit = {.len = 0}, to_edit = {.len = 0};
	char address[48];
	med_str_t user, host;
	med_address_t to;
	int rc;

	rewritten->changed = false;
	rewritten->hidden = caller->hidden;
	if(!profile->rewrite_to && !profile->rewrite_from && !caller->hidden)
		return MED_EOK;
	if(from->uri.len == 0 || med_parse_headers(msg, HDR_TO_F) < 0
			|| !med_address_of(msg->to, &to))
		return MED_EINVAL;
	if((profile->rewrite_from || caller->hidden) && caller->known
			&& caller->shown->len > 0) {
		rc = med_identity_uri(trunk, caller->user, caller->host, caller->shown,
				caller->extension,
				med_identity_host(msg->force_send_socket, trunk, profile->from_host),
				rewritten->from, &rewritten->from_len);
		if(rc != MED_EOK && rc != MED_ENOMATCH)
			return rc;
		from_changes = rc == MED_EOK;
	}
	if(profile->rewrite_to && med_uri_parts(to.uri, &user, &host)) {
		rc = med_identity_uri(trunk, user, host, called, &call->called_extension,
				med_gateway_host(call, trunk, profile->to_host, address), rewritten->to,
				&rewritten->to_len);
		if(rc != MED_EOK && rc != MED_ENOMATCH)
			return rc;
		to_changes = rc == MED_EOK;
	}
	if(!from_changes && !to_changes)
		return MED_EOK;
	if(from->uri.len > (int)MED_IDENTITY_URI_MAX
			|| to.uri.len > (int)MED_IDENTITY_URI_MAX)
		return MED_ELIMIT;
	rewritten->old_from = from->uri;
	rewritten->old_to = to.uri;
	if(!from_changes) {
		rewritten->from_len = (size_t)from->uri.len;
		memcpy(rewritten->from, from->uri.s, rewritten->from_len);
	}
	if(!to_changes) {
		rewritten->to_len = (size_t)to.uri.len;
		memcpy(rewritten->to, to.uri.s, rewritten->to_len);
	}
	if(from_changes)
		from_edit = med_address_edit(
				from, (med_str_t){rewritten->from, rewritten->from_len}, caller->hidden);
	if(to_changes)
		to_edit = med_address_edit(
				&to, (med_str_t){rewritten->to, rewritten->to_len}, false);
	rc = med_move_both(msg, &from_edit, &to_edit, lines);
	if(rc != MED_EOK)
		return rc;
	rewritten->changed = true;
	if((call->flags & MED_CALL_RESTORES) == 0) {
		if(med_tm.register_tmcb(
				   msg, med_tm.t_gett(), TMCB_RESPONSE_IN, med_restore, NULL, NULL)
				<= 0)
			return MED_ENOMEM;
		call->flags |= MED_CALL_RESTORES;
	}
	return MED_EOK;
}

/* ---- put back, and on --------------------------------------------------------------
 */

/*
 * What is carried: From and To of the INVITE, each as the caller wrote it (THEN) and as
 * the callee sees it (NOW), without ";user=phone". Before them bits: which of the four
 * had that, and is the caller hidden.
 */
enum { MED_FROM, MED_TO, MED_CARRIED };
enum { MED_THEN, MED_NOW };
#define MED_CARRIED_HIDDEN (1u << 4)
#define MED_CARRIED_PHONE(header, which) (1u << (2 * (header) + (which)))
#define MED_PHONE MED_STR(";user=phone")

static bool med_phone_off(med_str_t *uri)
{
	med_str_t phone = MED_PHONE;

	if(uri->len < phone.len
			|| memcmp(uri->s + uri->len - phone.len, phone.s, phone.len) != 0)
		return false;
	uri->len -= phone.len;
	return true;
}

void med_identity_carry(const med_rewritten_t *rewritten, med_carry_t *carried)
{
	med_str_t texts[MED_CARRIED][2] = {
			{med_from_str(rewritten->old_from), {rewritten->from, rewritten->from_len}},
			{med_from_str(rewritten->old_to), {rewritten->to, rewritten->to_len}}};
	unsigned bits = rewritten->hidden ? MED_CARRIED_HIDDEN : 0;

	if(!rewritten->changed)
		return;
	for(int i = 0; i < MED_CARRIED; i++)
		for(int which = MED_THEN; which <= MED_NOW; which++)
			if(med_phone_off(&texts[i][which]))
				bits |= MED_CARRIED_PHONE(i, which);
	/* There is room: each is of MED_IDENTITY_URI_MAX at most. */
	(void)med_carry_put(carried, bits);
	(void)med_carry_add(carried, texts[MED_FROM][MED_THEN], texts[MED_FROM][MED_NOW],
			rewritten->hidden); /* whatever the caller writes later is replaced */
	(void)med_carry_add(carried, texts[MED_TO][MED_THEN], texts[MED_TO][MED_NOW], false);
}

/** One URI as the side that a request goes to sees it, in @p room. */
static med_edit_t med_carried_edit(const med_address_t *is,
		const med_carry_change_t *change, bool phone, bool hidden,
		char room[MED_IDENTITY_URI_MAX])
{
	med_str_t uri = med_from_str(is->uri), suffix = MED_PHONE;
	size_t len;

	(void)med_phone_off(&uri);
	if(med_carry_text(change, uri, room, &len) != MED_EOK
			|| (phone && len + suffix.len > MED_IDENTITY_URI_MAX))
		return (med_edit_t){.len = 0};
	if(phone) {
		memcpy(room + len, suffix.s, suffix.len);
		len += suffix.len;
	}
	return med_address_edit(is, (med_str_t){room, len}, hidden);
}

/** Identities that somebody asserts within a call are of the other side's format. */
static void med_asserted_off(sip_msg_t *msg)
{
	if(med_parse_headers(msg, HDR_EOH_F) < 0)
		return;
	for(struct hdr_field *header = msg->headers; header != NULL; header = header->next)
		if(med_header_is_identity(header))
			(void)del_lump(msg, (int)(header->name.s - msg->buf), header->len, 0);
}

void med_identity_routed(sip_msg_t *msg, bool from_caller, med_carry_t *carried)
{
	char room[MED_CARRIED][MED_IDENTITY_URI_MAX];
	med_carry_change_t changes[MED_CARRIED];
	med_address_t is[MED_CARRIED];
	med_edit_t edits[MED_CARRIED];
	int bits = med_carry_get(carried), which = from_caller ? MED_NOW : MED_THEN;

	if(bits < 0 || med_carry_take(carried, which, &changes[MED_FROM]) != MED_EOK
			|| med_carry_take(carried, which, &changes[MED_TO]) != MED_EOK
			|| !med_from_and_to(msg, &is[MED_FROM], &is[MED_TO]))
		return;
	for(int i = 0; i < MED_CARRIED; i++) {
		int of = from_caller ? i : !i; /* the callee is in From of its own requests */
		bool phone = ((unsigned)bits & MED_CARRIED_PHONE(of, which)) != 0;
		bool hidden = ((unsigned)bits & MED_CARRIED_HIDDEN) != 0 && from_caller
				&& i == MED_FROM;

		edits[i] = med_carried_edit(&is[i], &changes[of], phone, hidden, room[i]);
	}
	if(med_edit_both(msg, &edits[MED_FROM], &edits[MED_TO]) != MED_EOK)
		LM_ERR("no memory to rewrite From and To of a request within a call\n");
	med_asserted_off(msg);
	if(msg->REQ_METHOD != METHOD_ACK
			&& med_tm.register_tmcb(msg, NULL, TMCB_RESPONSE_IN, med_restore, NULL, NULL)
					<= 0)
		LM_ERR("no memory to restore From and To of replies\n");
}

/** All of From is the request's (RFC 3261, 8.2.6.2). */
static med_edit_t med_restored(str is, str was)
{
	bool same = is.len == was.len && memcmp(is.s, was.s, (size_t)was.len) == 0;

	return (med_edit_t){is.s, same ? 0 : (size_t)is.len, med_from_str(was), false};
}

/** Of To the URI, and what is in front of it: its tag is the reply's own. */
static bool med_to_restored(
		const struct hdr_field *is, const struct hdr_field *was, med_edit_t *edit)
{
	med_address_t there, here;

	if(!med_address_of(is, &there) || !med_address_of(was, &here))
		return false;
	*edit = (med_edit_t){there.start, med_address_len(&there),
			{here.start, med_address_len(&here)}, false};
	if(there.uri.len == here.uri.len
			&& memcmp(there.uri.s, here.uri.s, (size_t)here.uri.len) == 0)
		edit->len = 0;
	return true;
}

/** A reply says From and To as its request did, be it ours to rewrite or not. */
static void med_restore(struct cell *t, int type, struct tmcb_params *params)
{
	sip_msg_t *request = params->req, *reply = params->rpl;
	med_edit_t from, to;

	(void)t, (void)type;
	if(request == NULL || reply == NULL || reply == FAKED_REPLY || request->from == NULL
			|| med_parse_headers(reply, HDR_FROM_F | HDR_TO_F) < 0 || reply->from == NULL
			|| !med_to_restored(reply->to, request->to, &to))
		return;
	from = med_restored(reply->from->body, request->from->body);
	if(med_edit_both(reply, &from, &to) != MED_EOK)
		LM_ERR("no memory to restore From and To of a reply\n");
}
