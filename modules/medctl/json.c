/**
 * json.c - JSON that a node wrote, read with bounds
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>

#include "medctl/json.h"

#define JSON_BYTES ((size_t)4 << 20)
#define JSON_DEPTH 16

typedef struct parser {
	const char *at, *end;
	char *text; /* where the next text goes: no longer than the input */
	json_t *next;
	size_t left; /* values that still have room */
} parser_t;

static json_t *parse_value(parser_t *p, unsigned depth);

static void skip_blanks(parser_t *p)
{
	while(p->at < p->end && strchr(" \t\r\n", *p->at) != NULL && *p->at != '\0')
		p->at++;
}

static bool take(parser_t *p, const char *word)
{
	size_t len = strlen(word);

	if((size_t)(p->end - p->at) < len || memcmp(p->at, word, len) != 0)
		return false;
	p->at += len;
	return true;
}

static json_t *new_value(parser_t *p, enum json_type type)
{
	json_t *value;

	if(p->left == 0)
		return NULL;
	p->left--;
	value = p->next++;
	value->type = type;
	return value;
}

static bool parse_hex(parser_t *p, uint32_t *code)
{
	*code = 0;
	for(int i = 0; i < 4; i++, p->at++) {
		static const char digits[] = "0123456789abcdef";
		const char *digit = p->at < p->end && *p->at != '\0'
				? strchr(digits, *p->at | (*p->at >= 'A' ? 0x20 : 0))
				: NULL;
		if(digit == NULL)
			return false;
		*code = *code << 4 | (uint32_t)(digit - digits);
	}
	return true;
}

/* \uXXXX takes six bytes and makes three at most. */
static void put_code(parser_t *p, uint32_t code)
{
	if(code < 0x80) {
		*p->text++ = (char)code;
		return;
	}
	if(code < 0x800) {
		*p->text++ = (char)(0xc0 | code >> 6);
	} else {
		*p->text++ = (char)(0xe0 | code >> 12);
		*p->text++ = (char)(0x80 | (code >> 6 & 0x3f));
	}
	*p->text++ = (char)(0x80 | (code & 0x3f));
}

static bool parse_string(parser_t *p, med_str_t *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	char *begin = p->text;
	uint32_t code;

	if(!take(p, "\""))
		return false;
	while(p->at < p->end && *p->at != '"') {
		const char *escape;
		char c = *p->at++;
		if((unsigned char)c < 0x20)
			return false;
		if(c != '\\') {
			*p->text++ = c;
			continue;
		}
		if(take(p, "u")) {
			if(!parse_hex(p, &code))
				return false;
			put_code(p, code);
			continue;
		}
		escape = p->at < p->end && *p->at != '\0' ? strchr(from, *p->at) : NULL;
		if(escape == NULL)
			return false;
		*p->text++ = to[escape - from];
		p->at++;
	}
	*out = (med_str_t){begin, (size_t)(p->text - begin)};
	return take(p, "\"");
}

/* Members up to the closing bracket. */
static bool parse_members(parser_t *p, json_t *parent, unsigned depth)
{
	bool object = parent->type == JSON_OBJECT;
	const char *close = object ? "}" : "]";
	json_t **place = &parent->child;

	skip_blanks(p);
	if(take(p, close))
		return true;
	for(;;) {
		med_str_t key = {NULL, 0};
		skip_blanks(p);
		if(object && !parse_string(p, &key))
			return false;
		skip_blanks(p);
		if(object && !take(p, ":"))
			return false;
		*place = parse_value(p, depth + 1);
		if(*place == NULL)
			return false;
		(*place)->key = key;
		place = &(*place)->next;
		skip_blanks(p);
		if(take(p, close))
			return true;
		if(!take(p, ","))
			return false;
	}
}

static json_t *parse_number(parser_t *p)
{
	json_t *value = new_value(p, JSON_NUMBER);
	const char *begin = p->at;

	while(p->at < p->end && *p->at != '\0' && strchr("+-.0123456789eE", *p->at) != NULL)
		p->at++;
	if(value == NULL || p->at == begin)
		return NULL;
	value->text = (med_str_t){p->text, (size_t)(p->at - begin)};
	memcpy(p->text, begin, value->text.len);
	p->text += value->text.len;
	return value;
}

static json_t *parse_value(parser_t *p, unsigned depth)
{
	json_t *value = NULL;

	skip_blanks(p);
	if(depth > JSON_DEPTH || p->at == p->end)
		return NULL;
	if(*p->at == '{' || *p->at == '[') {
		value = new_value(p, *p->at == '{' ? JSON_OBJECT : JSON_ARRAY);
		p->at++;
		return value != NULL && parse_members(p, value, depth) ? value : NULL;
	}
	if(*p->at == '"') {
		value = new_value(p, JSON_STRING);
		return value != NULL && parse_string(p, &value->text) ? value : NULL;
	}
	if(take(p, "true") || take(p, "false")) {
		value = new_value(p, JSON_BOOL);
		if(value != NULL)
			value->truth = p->at[-2] == 'u';
		return value;
	}
	return take(p, "null") ? new_value(p, JSON_NULL) : parse_number(p);
}

json_t *json_parse(med_str_t text)
{
	parser_t p = {.at = text.s, .end = text.s + text.len, .left = 1};
	json_t *root, *block;

	if(text.len > JSON_BYTES || text.len == 0)
		return NULL;
	for(size_t i = 0; i < text.len; i++) /* what may begin a value */
		p.left += text.s[i] == ',' || text.s[i] == '[' || text.s[i] == '{'
				|| text.s[i] == ':';
	block = calloc(1, p.left * sizeof *block + text.len);
	if(block == NULL)
		return NULL;
	p.next = block;
	p.text = (char *)(block + p.left);
	root = parse_value(&p, 0);
	skip_blanks(&p);
	if(root != NULL && p.at == p.end)
		return root; /* the first value: the block itself */
	free(block);
	return NULL;
}

void json_free(json_t *json)
{
	free(json);
}

const json_t *json_get(const json_t *object, const char *key)
{
	const json_t *member =
			object == NULL || object->type != JSON_OBJECT ? NULL : object->child;

	while(member != NULL && !med_str_eq(member->key, med_str(key)))
		member = member->next;
	return member;
}

med_str_t json_text_of(const json_t *object, const char *key)
{
	const json_t *member = json_get(object, key);

	if(member == NULL || (member->type != JSON_STRING && member->type != JSON_NUMBER))
		return (med_str_t){"", 0};
	return member->text;
}

static void write_member(out_json_t *out, const json_t *json, med_str_t key)
{
	char name[128];
	const char *k = NULL;

	if(key.s != NULL) {
		(void)med_quote(name, sizeof(name), key);
		k = name;
	}
	switch(json->type) {
		case JSON_STRING:
			json_str(out, k, json->text);
			break;
		case JSON_BOOL:
			json_bool(out, k, json->truth);
			break;
		case JSON_ARRAY:
		case JSON_OBJECT:
			json_open(out, k, json->type == JSON_ARRAY ? '[' : '{');
			for(const json_t *m = json->child; m != NULL; m = m->next)
				write_member(out, m, m->key);
			json_close(out, json->type == JSON_ARRAY ? ']' : '}');
			break;
		default:
			json_word(out, k, json->type == JSON_NUMBER ? json->text : MED_STR("null"));
	}
}

void json_write(out_json_t *out, const json_t *json)
{
	write_member(out, json, (med_str_t){NULL, 0});
}
