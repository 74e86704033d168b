/**
 * med_branch.c - see med_branch.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE /* memrchr */
#include <string.h>

#include "core/data_lump.h"
#include "core/dset.h"
#include "core/parser/parse_ppi_pai.h"
#include "core/parser/parse_uri.h"
#include "core/socket_info.h"

#include "med_branch.h"
#include "med_contact.h"
#include "med_identify.h"
#include "med_identity.h"
#include "med_record.h"
#include "med_tell.h"
#include "medcore/targets.h"

#define MED_URI_MAX 1024

struct socket_info *med_trunk_socket(const med_trunk_t *trunk)
{
	int proto = med_transport_proto(trunk->transport);
	struct socket_info **list = get_sock_info_list((unsigned short)proto), *socket;
	str host = med_to_str(trunk->local_address);

	if(host.len > 0)
		return grep_sock_info(&host, trunk->local_port, (unsigned short)proto);
	for(socket = list != NULL ? *list : NULL; socket != NULL; socket = socket->next)
		if(socket->port_no == trunk->local_port)
			return socket;
	return NULL;
}

/* A text that grows up to a bound; `full` instead of a cut. */
typedef struct med_text {
	char *at, *end;
	bool full;
} med_text_t;

static void med_text_add(med_text_t *text, const char *s, size_t len)
{
	if((size_t)(text->end - text->at) < len) {
		text->full = true;
		return;
	}
	memcpy(text->at, s, len);
	text->at += len;
}

/** RFC 3261's user: what may not stand there as it is, is escaped (rules may make it). */
static void med_text_user(med_text_t *text, const char *s, size_t len)
{
	static const char hex[] = "0123456789ABCDEF";

	if((size_t)(text->end - text->at) < 3 * len) {
		text->full = true;
		return;
	}
	for(size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
				|| c == '+' || c == '-' || c == '.' || c == '_' || c == '*') {
			*text->at++ = s[i];
		} else {
			*text->at++ = '%';
			*text->at++ = hex[c >> 4];
			*text->at++ = hex[c & 15];
		}
	}
}

static bool med_pai_number(
		sip_msg_t *msg, med_number_t *number, med_number_params_t *params)
{
	const p_id_body_t *pai;
	struct sip_uri uri;

	if(parse_pai_header(msg) != 0 || (pai = get_pai(msg)) == NULL || pai->num_ids < 1)
		return false;
	if(parse_uri(pai->id[0].uri.s, pai->id[0].uri.len, &uri) < 0)
		return false;
	med_number_params(med_from_str(pai->id[0].uri), params);
	return med_number_from_user(med_from_str(uri.user), number, NULL) == MED_EOK;
}

bool med_uri_parts(str uri, med_str_t *user, med_str_t *host)
{
	const char *at = memchr(uri.s, ':', (size_t)uri.len), *end = uri.s + uri.len, *stop;
	const char *password;

	if(at == NULL)
		return false;
	at++;
	stop = memchr(at, '@', (size_t)(end - at));
	*user = (med_str_t){at, (size_t)((stop != NULL ? stop : end) - at)};
	if(stop != NULL && (password = memchr(at, ':', user->len)) != NULL)
		user->len = (size_t)(password - at);
	if(stop == NULL) {
		if(host != NULL)
			*host = (med_str_t){NULL, 0};
		return at - uri.s == 4 && strncasecmp(uri.s, "tel:", 4) == 0;
	}
	if(host == NULL)
		return true;
	for(at = ++stop; stop < end && *stop != ';' && *stop != '?' && *stop != '>'
			&& (*stop != ':' || *at == '[');)
		if(*stop++ == ']')
			break;
	*host = (med_str_t){at, (size_t)(stop - at)};
	return host->len > 0;
}

static bool med_from_address(sip_msg_t *msg, med_address_t *from)
{
	return med_parse_headers(msg, HDR_FROM_F) == 0 && med_address_of(msg->from, from);
}

/** By From; what a trunk is to see is not known yet. */
static void med_caller_of(sip_msg_t *msg, med_caller_t *caller)
{
	caller->known = med_from_address(msg, &caller->from);
	if(!caller->known)
		caller->from.uri.len = 0;
	else
		caller->known = med_uri_parts(caller->from.uri, &caller->user, &caller->host);
	caller->hidden = false;
}

bool med_calling_of(sip_msg_t *msg, const med_trunk_t *in, med_number_t *calling,
		med_number_params_t *params)
{
	med_address_t from;
	med_str_t user;

	calling->len = 0;
	if(in != NULL && in->profile->forward_pai && med_pai_number(msg, calling, params))
		return true;
	memset(params, 0, sizeof *params);
	if(!med_from_address(msg, &from) || !med_uri_parts(from.uri, &user, NULL)
			|| med_number_from_user(user, calling, NULL) != MED_EOK)
		calling->len = 0; /* anonymous, or a name: nothing to translate */
	else
		med_number_params(med_from_str(from.uri), params);
	return false;
}

/** From stays as the caller wrote it: does it not say what this trunk is to see? */
static bool med_from_differs(const med_caller_t *caller)
{
	return caller->known
			&& !med_str_eq(
					caller->user, (med_str_t){caller->shown->s, caller->shown->len});
}

/** An identity asserted to us goes on where the trunk wants it, and nowhere else. */
static bool med_identity_wanted(
		const med_caller_t *caller, const med_call_t *call, const med_trunk_t *trunk)
{
	if(trunk->profile->forward_pai || caller->hidden)
		return true;
	return (call->flags & MED_CALL_ASSERTED) == 0 && med_from_differs(caller);
}

static const char med_user_phone[] = ";user=phone";

static void med_text_extension(
		med_text_t *text, const med_profile_t *profile, const med_extension_t *extension)
{
	if(extension->len == 0 || !profile->extensions)
		return;
	med_text_add(text, ";ext=", 5);
	med_text_add(text, extension->s, extension->len);
}

/** "sip:number", with a phone-context where the number is no E.164 one (spec 3.5). */
static void med_text_number(med_text_t *text, const med_profile_t *profile,
		const med_number_t *number, const med_extension_t *extension)
{
	static const char context[] = ";phone-context=";

	med_text_add(text, "sip:", 4);
	med_text_user(text, number->s, number->len);
	med_text_extension(text, profile, extension);
	if(profile->phone_context.len > 0 && number->len > 0 && number->s[0] != '+') {
		med_text_add(text, context, sizeof context - 1);
		med_text_add(text, profile->phone_context.s, profile->phone_context.len);
	}
	med_text_add(text, "@", 1);
}

int med_branch_uri(const med_profile_t *profile, const med_number_t *number,
		const med_extension_t *extension, med_str_t host, char *out, size_t size,
		size_t *len)
{
	med_text_t text = {out, out + size, false};
	bool bare = host.len > 0 && host.s[0] != '[' && memchr(host.s, ':', host.len) != NULL
			&& memchr(host.s, '.', host.len) == NULL
			&& memchr(host.s, ':', host.len) != memrchr(host.s, ':', host.len);

	med_text_number(&text, profile, number, extension);
	if(bare)
		med_text_add(&text, "[", 1);
	med_text_add(&text, host.s, host.len);
	if(bare)
		med_text_add(&text, "]", 1);
	if(profile->user_phone)
		med_text_add(&text, med_user_phone, sizeof med_user_phone - 1);
	*len = (size_t)(text.at - out);
	return text.full ? MED_EINVAL : MED_EOK;
}

/** To the host that was chosen: the trunk may have got another since. */
static int med_write_uri(sip_msg_t *msg, const med_call_t *call, const med_trunk_t *trunk,
		const med_number_t *called)
{
	const med_profile_t *profile = trunk->profile;
	char buffer[MED_URI_MAX], place[80];
	med_text_t text = {buffer, buffer + sizeof buffer, false};
	size_t len;
	str uri;

	med_text_number(&text, profile, called, &call->called_extension);
	/* "sip:host:port;transport=x": its scheme is written already */
	if(profile->request_uri_host == MED_HOST_DOMAIN) {
		med_text_add(&text, profile->domain.s, profile->domain.len);
	} else if(profile->request_uri_host == MED_HOST_IP && trunk->gateway->named) {
		len = med_target_uri(&call->target, call->target_port,
				(enum med_transport)trunk->transport, place, sizeof place);
		med_text_add(&text, place + 4, len - 4);
	} else
		med_text_add(&text, call->destination + 4, call->destination_len - 4u);
	if(profile->user_phone)
		med_text_add(&text, med_user_phone, sizeof med_user_phone - 1);
	if(text.full)
		return MED_EINVAL;
	uri.s = buffer;
	uri.len = (int)(text.at - buffer);
	return rewrite_uri(msg, &uri) < 0 ? MED_ENOMEM : MED_EOK;
}

/**
 * What ends at us: identities asserted to us, in either form, and Routes. Of a new call
 * we choose the way; a Route preloaded by the caller would be the gateway's to follow.
 */
static bool med_is_not_ours(const struct hdr_field *header)
{
	return header->type == HDR_PAI_T || header->type == HDR_PPI_T
			|| header->type == HDR_RPID_T || header->type == HDR_ROUTE_T;
}

/** Who diverted the call, and from where (RFC 5806, RFC 7044). */
static bool med_is_history(const struct hdr_field *header)
{
	static const char name[] = "History-Info";

	return header->type == HDR_DIVERSION_T
			|| (header->name.len == sizeof name - 1
					&& strncasecmp(header->name.s, name, sizeof name - 1) == 0);
}

bool med_header_is_identity(const struct hdr_field *header)
{
	return (med_is_not_ours(header) && header->type != HDR_ROUTE_T)
			|| med_is_history(header);
}

/** Unless the script has: loose_route() takes off its Route. */
static int med_remove(sip_msg_t *msg, const struct hdr_field *header)
{
	int offset = (int)(header->name.s - msg->buf);

	for(const struct lump *lump = msg->add_rm; lump != NULL; lump = lump->next)
		if(lump->op == LUMP_DEL && (int)lump->u.offset <= offset
				&& offset < (int)lump->u.offset + lump->len)
			return MED_EOK;
	return del_lump(msg, offset, header->len, 0) != NULL ? MED_EOK : MED_ENOMEM;
}

/** Whose numbers: from the caller's side, to the trunk's. */
typedef struct med_sides {
	const med_snapshot_t *snapshot;
	med_scratch_t *scratch;
	const med_trunk_t *in; /**< NULL: one of our own users */
	const med_trunk_t *out;
} med_sides_t;

/** A number of the caller's side as the trunk wants calling numbers. */
static bool med_calling_there(
		const med_sides_t *sides, med_str_t user, med_numbers_t *numbers)
{
	med_str_t plan = sides->in != NULL ? sides->in->dial_plan : MED_STR("");
	med_number_params_t params;
	med_number_t number, e164, nobody;

	nobody.len = 0;
	if(med_number_from_user(user, &number, NULL) != MED_EOK)
		return false;
	med_number_params(user, &params);
	plan = med_number_in_context(sides->snapshot, params.context, plan, &number);
	return med_normalize(sides->snapshot, sides->scratch, plan, &number, &e164, NULL)
			== MED_EOK
			&& med_translate(sides->snapshot, sides->scratch, sides->out, NULL, &nobody,
					   &e164, numbers, NULL)
			== MED_EOK;
}

/** Bytes of a header become others, in place or in a copy of it among our lines. */
typedef struct med_rewrite {
	sip_msg_t *msg;
	med_lines_t *lines; /**< NULL: in place */
	const char *at;     /**< copied up to here */
} med_rewrite_t;

static int med_rewrite_copy(med_rewrite_t *rewrite, const char *end)
{
	char *out = med_lines_more(rewrite->lines, (size_t)(end - rewrite->at));

	if(out == NULL)
		return MED_ELIMIT;
	memcpy(out, rewrite->at, (size_t)(end - rewrite->at));
	rewrite->at = end;
	return MED_EOK;
}

static int med_rewrite(med_rewrite_t *rewrite, med_str_t old, const char *s, size_t len)
{
	char *out;

	if(rewrite->lines == NULL)
		return med_identity_replace(rewrite->msg, old.s, old.len, s, len);
	if(med_rewrite_copy(rewrite, old.s) != MED_EOK
			|| (out = med_lines_more(rewrite->lines, len)) == NULL)
		return MED_ELIMIT;
	memcpy(out, s, len);
	rewrite->at = old.s + old.len;
	return MED_EOK;
}

/** Each URI of a Diversion or History-Info: its number, and its host if that has a form.
 */
static int med_write_history(
		med_rewrite_t *rewrite, const struct hdr_field *header, const med_sides_t *sides)
{
	med_str_t form = med_identity_host(
			rewrite->msg->force_send_socket, sides->out, sides->out->profile->pai_host);
	const char *at = header->body.s, *end = at + header->body.len, *close;
	int rc = MED_EOK;

	for(; rc == MED_EOK && (at = memchr(at, '<', (size_t)(end - at))) != NULL;
			at = close) {
		char buffer[3 * MED_NUMBER_MAX];
		med_text_t text = {buffer, buffer + sizeof buffer, false};
		med_numbers_t numbers;
		med_str_t user, host;
		str uri;

		close = memchr(at, '>', (size_t)(end - at));
		if(close == NULL)
			break;
		uri.s = (char *)(uintptr_t)(at + 1);
		uri.len = (int)(close - at) - 1;
		if(!med_uri_parts(uri, &user, &host) || !med_calling_there(sides, user, &numbers))
			continue;
		med_text_user(&text, numbers.calling.s, numbers.calling.len);
		rc = med_rewrite(rewrite, user, buffer, (size_t)(text.at - buffer));
		if(rc == MED_EOK && form.len > 0 && host.len > 0)
			rc = med_rewrite(rewrite, host, form.s, form.len);
	}
	return rc;
}

/**
 * With our lines, as long as all before it went there: their order is what they say. @p
 * lines NULL: no longer.
 */
static int med_pass_history(sip_msg_t *msg, const struct hdr_field *header,
		const med_sides_t *sides, med_lines_t **lines)
{
	med_rewrite_t rewrite = {msg, *lines, header->name.s};
	size_t len;

	if(*lines != NULL) {
		len = (*lines)->len;
		if(med_write_history(&rewrite, header, sides) == MED_EOK
				&& rewrite.at != header->name.s
				&& med_rewrite_copy(&rewrite, header->name.s + header->len) == MED_EOK)
			return med_remove(msg, header);
		(*lines)->len = len;
		*lines = rewrite.lines = NULL;
	}
	return med_write_history(&rewrite, header, sides);
}

/** One P-Asserted-Identity. MED_EOK; MED_EINVAL: it is too long. */
static int med_assert(med_lines_t *lines, const med_profile_t *profile,
		const med_number_t *calling, const med_extension_t *extension, med_str_t host)
{
	med_text_t text = {lines->s + lines->len, lines->s + sizeof lines->s, false};

	med_text_add(&text, "P-Asserted-Identity: <sip:", 26);
	med_text_user(&text, calling->s, calling->len);
	if(profile != NULL)
		med_text_extension(&text, profile, extension);
	med_text_add(&text, "@", 1);
	med_text_add(&text, host.s, host.len);
	med_text_add(&text, ">\r\n", 3);
	if(text.full)
		return MED_EINVAL;
	lines->len = (size_t)(text.at - lines->s);
	return MED_EOK;
}

/** An identity that is not ours to pass on leaves; then one of ours, where asked for. */
static int med_write_identity(sip_msg_t *msg, const med_sides_t *sides,
		const med_caller_t *caller, bool write, med_lines_t *lines)
{
	const med_trunk_t *trunk = sides->out;
	bool history = trunk->profile->forward_call_history && !caller->hidden;
	med_lines_t *told_lines = lines;
	struct hdr_field *header;
	med_str_t host;

	if(med_parse_headers(msg, HDR_EOH_F) < 0)
		return MED_EINVAL;
	for(header = msg->headers; header != NULL; header = header->next) {
		bool told = med_is_history(header);

		if((med_is_not_ours(header) || (told && !history))
				&& med_remove(msg, header) != MED_EOK)
			return MED_ENOMEM;
		if(told && history
				&& med_pass_history(msg, header, sides, &told_lines) != MED_EOK)
			return MED_ENOMEM;
	}
	if(!write || caller->shown->len == 0 || !caller->known)
		return MED_EOK;
	host = med_identity_host(msg->force_send_socket, trunk, trunk->profile->pai_host);
	if(host.len == 0)
		host = caller->host;
	return host.len == 0
			? MED_EOK
			: med_assert(lines, trunk->profile, caller->shown, caller->extension, host);
}

int med_branch_write(sip_msg_t *msg, med_call_t *call, const med_snapshot_t *snapshot,
		med_scratch_t *scratch)
{
	const med_trunk_t *trunk = med_side_trunk(snapshot, &call->out);
	const med_try_t *try = &call->tries[call->try_current];
	med_number_params_t shown;
	med_number_t alternate = {.len = 0};
	const med_number_t *calling = &call->calling;
	const med_sides_t sides = {
			snapshot, scratch, med_side_trunk(snapshot, &call->in), trunk};
	med_rewritten_t rewritten;
	med_numbers_t numbers;
	med_caller_t caller;
	med_lines_t lines;
	int rc;

	lines.len = 0;
	med_caller_of(msg, &caller);
	caller.shown = &numbers.calling;
	caller.extension = &call->calling_extension;
	if(trunk == NULL) {
		med_reason(msg, 503, 12000, "trunk '%.*s' has just been removed",
				call->out.id_len, call->out.id);
		return MED_ENOMATCH;
	}
	if(try->alternate_len > 0 && try->alternate_len <= MED_NUMBER_MAX) {
		med_str_t text = med_call_text(call, try->alternate, try->alternate_len);

		(void)med_number_from_user(text, &alternate, NULL); /* the schema saw to that */
		med_number_params(text, &shown);
		caller.extension = &shown.extension;
		caller.hidden = alternate.len > 0;
		calling = &alternate;
		MED_TELL(msg, "its route shows %.*s instead of the caller",
				MED_STR_FMT(alternate));
	}
	/* The route's caller id is applied above: the route itself may be gone by now. */
	rc = med_translate(snapshot, scratch, trunk, NULL, &call->called, calling, &numbers,
			med_tell(msg));
	if(rc == MED_EOK)
		rc = med_write_uri(msg, call, trunk, &numbers.called);
	if(rc == MED_EOK)
		rc = med_write_identity(
				msg, &sides, &caller, med_identity_wanted(&caller, call, trunk), &lines);
	if(rc == MED_EOK)
		rc = med_identity_write(
				msg, call, trunk, &caller, &numbers.called, &rewritten, &lines);
	if(rc == MED_EOK)
		rc = msg->REQ_METHOD == METHOD_INVITE
				? med_record_write(msg, call, &rewritten, &lines)
				: med_lines_put(msg, &lines);
	if(rc == MED_EOK)
		rc = med_contact_branch(msg, call, sides.in, trunk);
	if(rc == MED_ELIMIT) {
		med_reason(msg, 400, 0,
				"From or To has a URI of more than %u bytes: trunk '%.*s' is to see "
				"another, and it could not be put back",
				MED_IDENTITY_URI_MAX, MED_STR_FMT(trunk->id));
		return rc;
	}
	if(rc != MED_EOK)
		med_reason(msg, 500, 12003,
				"the request for trunk '%.*s' could not be written: %s",
				MED_STR_FMT(trunk->id), med_strerror(rc));
	return rc;
}

int med_branch_write_user(sip_msg_t *msg, med_call_t *call, const med_trunk_t *in)
{
	bool believed = in != NULL && in->profile->forward_pai;
	med_rewritten_t rewritten = {.changed = false};
	const struct hdr_field *header;
	med_caller_t caller;
	med_lines_t lines;
	int rc = med_parse_headers(msg, HDR_EOH_F) < 0 ? MED_EINVAL : MED_EOK;

	lines.len = 0;
	med_caller_of(msg, &caller);
	caller.shown = &call->calling;
	for(header = msg->headers; header != NULL && rc == MED_EOK; header = header->next) {
		if(med_is_not_ours(header) && (!believed || header->type == HDR_ROUTE_T))
			rc = med_remove(msg, header);
	}
	/* As it came it may be a national number, which nobody could call back. */
	if(rc == MED_EOK && !believed && call->calling.len > 0 && med_from_differs(&caller)
			&& caller.host.len > 0)
		rc = med_assert(&lines, NULL, &call->calling, NULL, caller.host);
	if(rc == MED_EOK)
		rc = msg->REQ_METHOD == METHOD_INVITE
				? med_record_write(msg, call, &rewritten, &lines)
				: med_lines_put(msg, &lines);
	if(rc == MED_EOK)
		rc = med_contact_branch(msg, call, in, NULL);
	if(rc != MED_EOK)
		med_reason(msg, 500, 12003, "the request for a user could not be written: %s",
				med_strerror(rc));
	return rc;
}
