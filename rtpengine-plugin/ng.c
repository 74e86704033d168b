/**
 * ng.c - rtpengine's ng protocol: cookie, space, bencode dictionary; read and written
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "ng.h"

#include <string.h>

int med_ng_split(med_str_t datagram, med_str_t *cookie, med_str_t *body)
{
	const char *space = memchr(datagram.s, ' ', datagram.len);

	if(!space || space == datagram.s || (size_t)(space - datagram.s) > MED_NG_MAX_COOKIE)
		return MED_EINVAL;
	*cookie = (med_str_t){datagram.s, (size_t)(space - datagram.s)};
	*body = (med_str_t){space + 1, datagram.len - cookie->len - 1};
	return body->len ? MED_EOK : MED_EINVAL;
}

struct reader {
	const char *at;
	const char *end;
	unsigned int items;
};

/** <length>:<bytes> */
static int read_string(struct reader *r, med_str_t *text)
{
	size_t len = 0;
	const char *p = r->at;

	if(p == r->end || *p < '0' || *p > '9')
		return MED_EINVAL;
	for(; p < r->end && *p >= '0' && *p <= '9'; p++) {
		len = len * 10 + (size_t)(*p - '0');
		if(len > MED_NG_MAX_DATAGRAM)
			return MED_EINVAL;
	}
	if(p == r->end || *p != ':' || len > (size_t)(r->end - p - 1))
		return MED_EINVAL;
	*text = (med_str_t){p + 1, len};
	r->at = p + 1 + len;
	return MED_EOK;
}

/** i[-]<digits>e, of which we need only the end */
static int skip_integer(struct reader *r)
{
	const char *p = r->at + 1, *digits;

	if(p < r->end && *p == '-')
		p++;
	for(digits = p; p < r->end && *p >= '0' && *p <= '9'; p++)
		;
	if(p == digits || p == r->end || *p != 'e')
		return MED_EINVAL;
	r->at = p + 1;
	return MED_EOK;
}

/**
 * Past one value, nested or not, without recursion: a nested dictionary is walked as a
 * list, but must hold pairs that start with strings.
 */
static int skip_value(struct reader *r)
{
	struct {
		bool dict;
		bool value_next;
	} open[MED_NG_MAX_DEPTH];
	unsigned int depth = 0;
	med_str_t ignored;
	bool is_key;
	int rc;

	do {
		if(++r->items > MED_NG_MAX_ITEMS)
			return MED_ELIMIT;
		if(r->at == r->end)
			return MED_EINVAL;
		is_key = depth && open[depth - 1].dict && !open[depth - 1].value_next;
		switch(*r->at) {
			case 'd':
			case 'l':
				if(is_key)
					return MED_EINVAL;
				if(depth == MED_NG_MAX_DEPTH)
					return MED_ELIMIT;
				open[depth].dict = *r->at == 'd';
				open[depth].value_next = false;
				depth++;
				r->at++;
				continue;
			case 'e':
				if(!depth || (open[depth - 1].dict && !is_key))
					return MED_EINVAL;
				depth--;
				r->at++;
				is_key = false; /* what ended was a value */
				rc = MED_EOK;
				break;
			case 'i':
				rc = is_key ? MED_EINVAL : skip_integer(r);
				break;
			default:
				rc = read_string(r, &ignored);
		}
		if(rc != MED_EOK)
			return rc;
		if(depth && open[depth - 1].dict)
			open[depth - 1].value_next = is_key;
	} while(depth);
	return MED_EOK;
}

static int read_entry(struct reader *r, med_ng_entry_t *entry)
{
	const char *start = r->at;
	int rc;

	r->items++;
	rc = read_string(r, &entry->key);
	if(rc != MED_EOK)
		return rc;
	entry->raw.s = r->at;
	if(r->at < r->end && *r->at >= '0' && *r->at <= '9') {
		rc = read_string(r, &entry->text);
	} else {
		entry->text = (med_str_t){NULL, 0};
		rc = skip_value(r);
	}
	entry->raw.len = (size_t)(r->at - entry->raw.s);
	entry->pair = (med_str_t){start, (size_t)(r->at - start)};
	return rc;
}

int med_ng_decode(med_str_t body, med_ng_dict_t *dict, med_errbuf_t *err)
{
	struct reader r = {body.s, body.s + body.len, 0};
	int rc;

	dict->count = 0;
	if(!body.len || *body.s != 'd')
		return med_fail(err, MED_EINVAL, "not a bencode dictionary");
	r.at++;
	while(r.at < r.end && *r.at != 'e') {
		if(dict->count == MED_NG_MAX_KEYS)
			return med_fail(err, MED_ELIMIT, "the dictionary has more than %d keys",
					MED_NG_MAX_KEYS);
		rc = read_entry(&r, &dict->entry[dict->count]);
		if(rc == MED_ELIMIT)
			return med_fail(err, rc, "a value has more than %d items or %d levels",
					MED_NG_MAX_ITEMS, MED_NG_MAX_DEPTH);
		if(rc != MED_EOK)
			return med_fail(
					err, rc, "malformed bencode at byte %zu", (size_t)(r.at - body.s));
		dict->count++;
	}
	if(r.at == r.end)
		return med_fail(err, MED_EINVAL, "the dictionary does not end");
	if(r.at + 1 != r.end)
		return med_fail(err, MED_EINVAL, "bytes follow the dictionary");
	return MED_EOK;
}

const med_ng_entry_t *med_ng_entry(const med_ng_dict_t *dict, med_str_t key)
{
	size_t i;

	for(i = 0; i < dict->count; i++) {
		if(med_str_eq(dict->entry[i].key, key))
			return &dict->entry[i];
	}
	return NULL;
}

med_str_t med_ng_text(const med_ng_dict_t *dict, med_str_t key)
{
	const med_ng_entry_t *entry = med_ng_entry(dict, key);

	return entry ? entry->text : (med_str_t){NULL, 0};
}

size_t med_ng_count(const med_ng_dict_t *dict, med_str_t key)
{
	size_t i, count = 0;

	for(i = 0; i < dict->count; i++)
		count += med_str_eq(dict->entry[i].key, key);
	return count;
}

static enum med_ng_command command_of(med_str_t name)
{
	if(med_str_eq(name, MED_STR("offer")))
		return MED_NG_OFFER;
	if(med_str_eq(name, MED_STR("answer")))
		return MED_NG_ANSWER;
	if(med_str_eq(name, MED_STR("delete")))
		return MED_NG_DELETE;
	if(med_str_eq(name, MED_STR("ping")))
		return MED_NG_PING;
	return MED_NG_OTHER;
}

int med_ng_command_decode(med_str_t body, med_ng_command_view_t *view, med_errbuf_t *err)
{
	static const struct {
		med_str_t key;
		size_t offset;
	} texts[] = {
			/* clang-format off */
		{MED_STR("command"), offsetof(med_ng_command_view_t, name)},
		{MED_STR("call-id"), offsetof(med_ng_command_view_t, call_id)},
		{MED_STR("from-tag"), offsetof(med_ng_command_view_t, from_tag)},
		{MED_STR("to-tag"), offsetof(med_ng_command_view_t, to_tag)},
		{MED_STR("via-branch"), offsetof(med_ng_command_view_t, via_branch)},
		{MED_STR("sdp"), offsetof(med_ng_command_view_t, sdp)},
			/* clang-format on */
	};
	size_t i, k;
	int rc;

	memset((char *)view + offsetof(med_ng_command_view_t, command), 0,
			sizeof(*view) - offsetof(med_ng_command_view_t, command));
	rc = med_ng_decode(body, &view->dict, err);
	if(rc != MED_EOK)
		return rc;
	for(i = 0; i < view->dict.count; i++) {
		const med_ng_entry_t *entry = &view->dict.entry[i];
		med_str_t *field;

		for(k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {
			field = (med_str_t *)((char *)view + texts[k].offset);
			if(!field->s && med_str_eq(entry->key, texts[k].key))
				*field = entry->text;
		}
		if(entry->key.len < 6 || memcmp(entry->key.s, "med-", 4) != 0)
			continue;
		if(med_str_eq(entry->key, MED_STR("med-from"))
				|| med_str_eq(entry->key, MED_STR("med-to")))
			view->keyed = true;
		else if(med_str_eq(entry->key, MED_STR("med-hello")))
			view->hello = true;
	}
	view->command = command_of(view->name);
	return MED_EOK;
}

void med_ng_put(med_ng_out_t *out, const void *data, size_t len)
{
	if(out->overflow || len > out->size - out->len) {
		out->overflow = true;
		return;
	}
	memcpy(out->s + out->len, data, len);
	out->len += len;
}

void med_ng_put_raw(med_ng_out_t *out, med_str_t raw)
{
	med_ng_put(out, raw.s, raw.len);
}

static size_t print_number(char text[24], unsigned long long number)
{
	char digits[24];
	size_t count = 0, i;

	do {
		digits[count++] = (char)('0' + number % 10);
		number /= 10;
	} while(number);
	for(i = 0; i < count; i++)
		text[i] = digits[count - 1 - i];
	return count;
}

void med_ng_put_text(med_ng_out_t *out, med_str_t text)
{
	char number[24];

	med_ng_put(out, number, print_number(number, text.len));
	med_ng_put(out, ":", 1);
	med_ng_put_raw(out, text);
}

void med_ng_put_pair(med_ng_out_t *out, med_str_t key, med_str_t text)
{
	med_ng_put_text(out, key);
	med_ng_put_text(out, text);
}

void med_ng_put_int_pair(med_ng_out_t *out, med_str_t key, long long number)
{
	char text[24];
	unsigned long long value = (unsigned long long)number;

	med_ng_put_text(out, key);
	med_ng_put(out, number < 0 ? "i-" : "i", number < 0 ? 2 : 1);
	med_ng_put(out, text, print_number(text, number < 0 ? 0 - value : value));
	med_ng_put(out, "e", 1);
}
