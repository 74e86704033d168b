/**
 * values.c - values of fields: read, written, and described
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE /* memmem */
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "medcore/pattern.h"
#include "medcore/rules.h"
#include "medcore/schedule.h"
#include "medcore/schema.h"

/* ---- room ---------------------------------------------------------------------------
 */

void *med_arena_take(med_arena_t *arena, size_t count, size_t size)
{
	size_t total = (count * size + 7) & ~(size_t)7;
	void *block = arena->at;

	if(total > (size_t)(arena->end - arena->at))
		return NULL;
	arena->at += total;
	return block;
}

bool med_arena_copy(med_arena_t *arena, med_str_t text, med_str_t *copy)
{
	char *block = med_arena_take(arena, text.len, 1);

	if(block == NULL)
		return false;
	if(text.len > 0)
		memcpy(block, text.s, text.len);
	*copy = (med_str_t){block, text.len};
	return true;
}

/* ---- values -------------------------------------------------------------------------
 */

static int wrong(med_errbuf_t *err, const char *what, med_str_t value, const char *right)
{
	char quoted[64];

	return med_fail(err, MED_EINVAL, "%s: '%s'; %s", what,
			med_quote(quoted, sizeof(quoted), value), right);
}

/* The arena is sized for its record, so this is a fault of ours, told as such. */
static int no_room(med_errbuf_t *err)
{
	return med_fail(err, MED_ELIMIT, "internal: value does not fit its record");
}

/* The next entry of a comma separated list; false at its end. */
static bool next_entry(med_str_t *rest, med_str_t *entry)
{
	const char *comma;

	if(rest->s == NULL)
		return false;
	comma = rest->len == 0 ? NULL : memchr(rest->s, ',', rest->len);
	*entry = *rest;
	if(comma == NULL) {
		rest->s = NULL;
	} else {
		entry->len = (size_t)(comma - rest->s);
		rest->s += entry->len + 1;
		rest->len -= entry->len + 1;
	}
	*entry = med_str_trim(*entry);
	return true;
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool med_is_id(med_str_t text)
{
	if(text.len == 0 || text.len > MED_ID_MAX)
		return false;
	for(size_t i = 0; i < text.len; i++) {
		if(!is_alnum(text.s[i]) && strchr("._-", text.s[i]) == NULL)
			return false;
		if(text.s[i] == '\0')
			return false;
	}
	return true;
}

static bool is_host_name(med_str_t text)
{
	size_t label = 0;
	bool letter = false;

	if(text.len == 0 || text.len > 253)
		return false;
	for(size_t i = 0; i < text.len; i++) {
		char c = text.s[i];
		if(c == '.') {
			if(label == 0)
				return false;
			label = 0;
			continue;
		}
		if(!is_alnum(c) && c != '_' && (c != '-' || label == 0))
			return false;
		letter = letter || c < '0' || c > '9';
		if(++label > 63)
			return false;
	}
	return letter; /* digits and dots only: a mistyped address */
}

static int parse_number(med_str_t value, uint32_t min, uint32_t max, uint32_t *out)
{
	uint64_t number = 0;

	if(value.len == 0 || value.len > 10)
		return MED_EINVAL;
	for(size_t i = 0; i < value.len; i++) {
		if(value.s[i] < '0' || value.s[i] > '9')
			return MED_EINVAL;
		number = number * 10 + (uint64_t)(value.s[i] - '0');
	}
	if(number < min || number > max)
		return MED_ELIMIT;
	*out = (uint32_t)number;
	return MED_EOK;
}

static int set_number(
		const med_field_def_t *def, med_str_t value, uint32_t *out, med_errbuf_t *err)
{
	char quoted[40];
	int rc = parse_number(value, def->min, def->max, out);

	if(rc == MED_EOK)
		return rc;
	(void)med_quote(quoted, sizeof(quoted), value);
	if(rc == MED_EINVAL)
		return med_fail(
				err, rc, "not a number: '%s'; %u to %u is", quoted, def->min, def->max);
	return med_fail(
			err, rc, "out of range: '%s'; %u to %u is right", quoted, def->min, def->max);
}

static int set_bool(med_str_t value, uint32_t *out, med_errbuf_t *err)
{
	static const char *const words[] = {"no", "yes", "false", "true", "0", "1"};

	for(uint32_t i = 0; i < 6; i++) {
		if(med_str_eq_nocase(value, med_str(words[i]))) {
			*out = i & 1;
			return MED_EOK;
		}
	}
	return wrong(err, "neither yes nor no", value, "write yes or no");
}

/* "write a, b or c" */
/* "write this, that or another" */
static int no_such_word(const med_field_def_t *def, med_str_t value, med_errbuf_t *err)
{
	char right[200] = "write ";
	size_t used = strlen(right);

	for(int i = 0; def->words[i] != NULL && used < sizeof(right); i++)
		used += (size_t)snprintf(right + used, sizeof(right) - used, "%s%s",
				i == 0                              ? ""
						: def->words[i + 1] == NULL ? " or "
													: ", ",
				def->words[i]);
	return wrong(err, "none of its words", value, right);
}

static int set_word(
		const med_field_def_t *def, med_str_t value, uint32_t *out, med_errbuf_t *err)
{
	int word = med_word_find(def->words, value);

	if(word < 0)
		return no_such_word(def, value, err);
	*out = (uint32_t)word;
	return MED_EOK;
}

/* (\+)?[1-9]\d*(;ext=[1-9]\d*)? */
static bool is_caller_id(med_str_t text)
{
	static const char ext[] = ";ext=";
	size_t i = text.len > 0 && text.s[0] == '+' ? 1 : 0, start = i;

	while(i < text.len && text.s[i] >= '0' && text.s[i] <= '9')
		i++;
	if(i == start || text.s[start] == '0')
		return false;
	if(i == text.len)
		return true;
	if(text.len - i < sizeof(ext) || memcmp(text.s + i, ext, sizeof(ext) - 1) != 0)
		return false;
	i += sizeof(ext) - 1;
	start = i;
	while(i < text.len && text.s[i] >= '0' && text.s[i] <= '9')
		i++;
	return i == text.len && text.s[start] != '0';
}

/* \+?[0-9*#]+(;ext=\d+)? */
static bool is_dialed(med_str_t text)
{
	static const char ext[] = ";ext=";
	size_t i = text.len > 0 && text.s[0] == '+' ? 1 : 0, start = i;

	while(i < text.len && text.s[i] != '\0' && strchr("0123456789*#", text.s[i]) != NULL)
		i++;
	if(i == start || i == text.len)
		return i > start;
	if(text.len - i < sizeof(ext) || memcmp(text.s + i, ext, sizeof(ext) - 1) != 0)
		return false;
	for(i += sizeof(ext) - 1; i < text.len; i++) {
		if(text.s[i] < '0' || text.s[i] > '9')
			return false;
	}
	return true;
}

static bool is_made_of(med_str_t text, const char *others, bool letters)
{
	for(size_t i = 0; i < text.len; i++) {
		char c = text.s[i];
		bool digit = c >= '0' && c <= '9';
		if(c == '\0'
				|| (!digit && (!letters || !is_alnum(c)) && strchr(others, c) == NULL))
			return false;
	}
	return true;
}

/* What a string field of this type is called, and what is right; NULL: the value is. */
static const char *check_text(enum med_type type, med_str_t value, const char **what)
{
	int64_t instant;
	med_ip_t ip;
	bool address = med_ip_parse(value, &ip) == MED_EOK && ip.prefix == 128
			&& memchr(value.s, '/', value.len) == NULL;

	switch(type) {
		case MED_TYPE_ID:
			*what = "not an id";
			return med_is_id(value)
					? NULL
					: "up to 64 letters, digits, '.', '_' and '-' make one";
		case MED_TYPE_HOST:
			*what = "neither a host name nor an address";
			return address || is_host_name(value) ? NULL
												  : "as in gw1.example.com or 192.0.2.1";
		case MED_TYPE_NAME:
			*what = "not a host name";
			return is_host_name(value) ? NULL : "as in gw1.example.com; no wildcard";
		case MED_TYPE_ADDRESS:
			*what = "not an address";
			return address ? NULL : "as in 192.0.2.1 or 2001:db8::1";
		case MED_TYPE_CALLER:
			*what = "not a caller id";
			return is_caller_id(value) ? NULL
									   : "as in +14255550100 or +14255550100;ext=12";
		case MED_TYPE_DIALED:
			*what = "not a number";
			return is_dialed(value) ? NULL : "as in +14255550100, 0114930 or *21#";
		case MED_TYPE_SIMPLE_NAME:
			*what = "not a simple name";
			return is_made_of(value, "-.+_()", true)
					? NULL
					: "letters, digits and - . + _ ( ) make one";
		case MED_TYPE_PREFIX:
			*what = "not a prefix";
			return is_made_of(value, "#*", false) ? NULL
												  : "1 to 4 digits, # and * make one";
		case MED_TYPE_ZONE:
			*what = "not a time zone";
			return is_made_of(value, "+-_/", true) && value.s[0] != '/'
					? NULL
					: "as in Europe/Berlin or UTC";
		case MED_TYPE_INSTANT:
			*what = "not a moment in UTC";
			return med_instant_parse(value, &instant) == MED_EOK
					? NULL
					: "as in 2026-12-24T18:00Z";
		default:
			return NULL;
	}
}

static int set_text(const med_field_def_t *def, med_str_t value, med_str_t *out,
		med_arena_t *arena, med_errbuf_t *err)
{
	const char *what = "", *right;

	if(value.len > def->max)
		return med_fail(err, MED_ELIMIT, "%zu bytes long; at most %u are allowed",
				value.len, def->max);
	if(value.len == 0) {
		*out = (med_str_t){"", 0};
		return MED_EOK;
	}
	right = check_text(def->type, value, &what);
	if(right != NULL)
		return wrong(err, what, value, right);
	return med_arena_copy(arena, value, out) ? MED_EOK : no_room(err);
}

/* ---- lists --------------------------------------------------------------------------
 */

static int add_id(med_str_t entry, med_str_t *item, med_arena_t *arena, med_errbuf_t *err)
{
	if(!med_is_id(entry))
		return wrong(err, "not a name", entry,
				"up to 64 letters, digits, '.', '_' and '-' make one");
	return med_arena_copy(arena, entry, item) ? MED_EOK : no_room(err);
}

static int add_subnet(med_str_t entry, med_ip_t *item, med_errbuf_t *err)
{
	if(med_ip_parse(entry, item) != MED_EOK)
		return wrong(err, "neither an address nor a subnet", entry,
				"as in 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32");
	return MED_EOK;
}

static int add_code(med_str_t entry, uint16_t *item, med_errbuf_t *err)
{
	uint32_t code;

	if(parse_number(entry, 300, 699, &code) != MED_EOK)
		return wrong(err, "not a final code", entry, "300 to 699 are");
	*item = (uint16_t)code;
	return MED_EOK;
}

static int add_trunk(
		med_str_t entry, med_weighted_t *item, med_arena_t *arena, med_errbuf_t *err)
{
	const char *star = entry.len == 0 ? NULL : memchr(entry.s, '*', entry.len);
	med_str_t id = entry, weight = {NULL, 0};

	item->weight = 1;
	if(star != NULL) {
		id.len = (size_t)(star - entry.s);
		weight = (med_str_t){star + 1, entry.len - id.len - 1};
		if(parse_number(weight, 0, MED_WEIGHT_MAX, &item->weight) != MED_EOK)
			return wrong(err, "not a weight", entry, "id*0 to id*255 is right");
	}
	return add_id(id, &item->id, arena, err);
}

static int add_dialed(
		med_str_t entry, med_str_t *item, med_arena_t *arena, med_errbuf_t *err)
{
	if(!is_dialed(entry) || entry.len > MED_NUMBER_MAX)
		return wrong(err, "not a number", entry, "as in 112, +14255550100 or *21#");
	return med_arena_copy(arena, entry, item) ? MED_EOK : no_room(err);
}

static int add_window(med_str_t entry, med_window_t *item, med_errbuf_t *err)
{
	if(med_window_parse(entry, item) != MED_EOK)
		return wrong(err, "not a time of the week", entry,
				"as in mon-fri 08:00-17:30, sat, or daily 22:00-06:00");
	return MED_EOK;
}

static int add_dates(med_str_t entry, med_dates_t *item, med_errbuf_t *err)
{
	if(med_dates_parse(entry, item) != MED_EOK)
		return wrong(err, "not a day, nor days", entry,
				"as in 2026-12-24, 2026-12-24..2027-01-02, or 12-25 for each year");
	return MED_EOK;
}

static int add_word(const med_field_def_t *def, med_str_t entry, uint8_t *items,
		size_t used, med_errbuf_t *err)
{
	int word = med_word_find(def->words, entry);

	if(word < 0)
		return no_such_word(def, entry, err);
	if(memchr(items, word, used) != NULL)
		return wrong(err, "given twice", entry, "write it once");
	items[used] = (uint8_t)word;
	return MED_EOK;
}

static int compare_codes(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

static size_t entry_size(enum med_type type)
{
	switch(type) {
		case MED_TYPE_IDS:
		case MED_TYPE_DIALEDS:
			return sizeof(med_str_t);
		case MED_TYPE_WINDOWS:
			return sizeof(med_window_t);
		case MED_TYPE_DATES:
			return sizeof(med_dates_t);
		case MED_TYPE_SUBNETS:
			return sizeof(med_ip_t);
		case MED_TYPE_CODES:
			return sizeof(uint16_t);
		case MED_TYPE_WORDS:
			return sizeof(uint8_t);
		default:
			return sizeof(med_weighted_t);
	}
}

/* items[used] is to be filled. */
static int add_entry(const med_field_def_t *def, med_str_t entry, char *items,
		size_t used, med_arena_t *arena, med_errbuf_t *err)
{
	char *item = items + used * entry_size(def->type);

	switch(def->type) {
		case MED_TYPE_IDS:
			return add_id(entry, (void *)item, arena, err);
		case MED_TYPE_SUBNETS:
			return add_subnet(entry, (void *)item, err);
		case MED_TYPE_CODES:
			return add_code(entry, (void *)item, err);
		case MED_TYPE_WORDS:
			return add_word(def, entry, (void *)items, used, err);
		case MED_TYPE_DIALEDS:
			return add_dialed(entry, (void *)item, arena, err);
		case MED_TYPE_WINDOWS:
			return add_window(entry, (void *)item, err);
		case MED_TYPE_DATES:
			return add_dates(entry, (void *)item, err);
		default:
			return add_trunk(entry, (void *)item, arena, err);
	}
}

static int set_list(const med_field_def_t *def, med_str_t value, med_list_t *out,
		med_arena_t *arena, med_errbuf_t *err)
{
	size_t count = 1, size = entry_size(def->type), used = 0;
	med_str_t rest = med_str_trim(value), entry;
	char *items;
	int rc;

	if(rest.len == 0 && def->type == MED_TYPE_WORDS)
		return no_such_word(def, rest, err);
	if(rest.len == 0) {
		*out = (med_list_t){NULL, 0};
		return MED_EOK;
	}
	for(size_t i = 0; i < rest.len; i++)
		count += rest.s[i] == ',';
	if(count > def->max)
		return med_fail(
				err, MED_ELIMIT, "%zu entries; at most %u are allowed", count, def->max);
	items = med_arena_take(arena, count, size);
	if(items == NULL)
		return no_room(err);
	while(next_entry(&rest, &entry)) {
		rc = add_entry(def, entry, items, used, arena, err);
		if(rc != MED_EOK)
			return rc;
		used++;
	}
	if(def->type == MED_TYPE_CODES)
		qsort(items, used, size, compare_codes);
	*out = (med_list_t){items, used};
	return MED_EOK;
}

/* ---- rules ----------------------------------------------------------------------------
 */

static int set_rule(
		med_str_t value, med_rule_record_t *rule, med_arena_t *arena, med_errbuf_t *err)
{
	const char *arrow;
	med_str_t text;

	if(value.len > MED_PATTERN_MAX + MED_TRANSLATION_MAX)
		return med_fail(err, MED_ELIMIT, "%zu bytes long; at most %d are allowed",
				value.len, MED_PATTERN_MAX + MED_TRANSLATION_MAX);
	if(!med_arena_copy(arena, value, &text))
		return no_room(err);
	arrow = text.len == 0 ? NULL : memmem(text.s, text.len, "=>", 2);
	if(arrow == NULL)
		return med_fail(err, MED_EINVAL,
				"no '=>'; as in ^\\+(\\d*)$ => $1 a rule is <pattern> => <translation>");
	rule->pattern = med_str_trim((med_str_t){text.s, (size_t)(arrow - text.s)});
	rule->translation =
			med_str_trim((med_str_t){arrow + 2, text.len - (size_t)(arrow - text.s) - 2});
	if(rule->pattern.len == 0)
		return med_fail(err, MED_EINVAL, "no pattern before '=>'");
	return MED_EOK;
}

#define RESPONSE_RULE_FORM                                                               \
	"received_response_code=486 received_isup_cause_value=34 "                           \
	"translated_response_code=503"

static const char *const code_names[] = {"received_response_code",
		"received_isup_cause_value", "translated_response_code", NULL};

/* One "name=number" of a response rule. */
static int set_code(med_str_t word, med_response_rule_record_t *rule, unsigned *seen,
		med_errbuf_t *err)
{
	const char *equals = memchr(word.s, '=', word.len);
	med_str_t name = {word.s, equals == NULL ? word.len : (size_t)(equals - word.s)};
	med_str_t value = {NULL, 0};
	int which = med_word_find(code_names, name);
	uint32_t code = 0;

	if(equals != NULL)
		value = (med_str_t){equals + 1, word.len - name.len - 1};
	if(which < 0 || equals == NULL)
		return wrong(err, "not of a rule", word, "as in " RESPONSE_RULE_FORM);
	if(*seen >> which & 1)
		return wrong(err, "given twice", name, "write it once");
	*seen |= 1u << which;
	if(which == 1) {
		if(med_str_eq(value, MED_STR("-1")))
			rule->received_isup_cause_value = MED_CAUSE_ANY;
		else if(parse_number(value, 0, 127, &code) == MED_EOK)
			rule->received_isup_cause_value = (int32_t)code;
		else
			return wrong(err, "not an ISUP cause", word, "0 to 127 are, and -1 for any");
		return MED_EOK;
	}
	if(which == 0) {
		if(parse_number(value, 0, 699, &rule->received_response_code) == MED_EOK
				&& (rule->received_response_code == MED_CODE_ANY
						|| rule->received_response_code >= 100))
			return MED_EOK;
		return wrong(err, "not a response code", word, "400 to 699 are, and 0 for any");
	}
	if(parse_number(value, 400, 699, &rule->translated_response_code) != MED_EOK)
		return wrong(err, "not a response code", word, "400 to 699 are");
	return MED_EOK;
}

static int set_response_rule(
		med_str_t value, med_response_rule_record_t *rule, med_errbuf_t *err)
{
	unsigned seen = 0;
	int rc;

	rule->received_response_code = MED_CODE_ANY;
	rule->received_isup_cause_value = MED_CAUSE_ANY;
	for(value = med_str_trim(value); value.len > 0; value = med_str_trim(value)) {
		const char *space = memchr(value.s, ' ', value.len);
		med_str_t word = {value.s, space == NULL ? value.len : (size_t)(space - value.s)};
		rc = set_code(word, rule, &seen, err);
		if(rc != MED_EOK)
			return rc;
		value.s += word.len;
		value.len -= word.len;
	}
	if(rule->translated_response_code == 0)
		return med_fail(err, MED_EINVAL, "no translated_response_code; as in %s",
				RESPONSE_RULE_FORM);
	if(rule->received_response_code == MED_CODE_ANY
			&& rule->received_isup_cause_value == MED_CAUSE_ANY)
		return med_fail(err, MED_EINVAL,
				"any code with any cause; give a received_response_code, a "
				"received_isup_cause_value, or both");
	return MED_EOK;
}

/* ---- one value ----------------------------------------------------------------------
 */

/* Bytes of the UTF-8 character at @p s, 0: none. Overlong forms and surrogates are none.
 */
static size_t utf8_length(const unsigned char *s, size_t len)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	uint32_t code;

	if(n == 1)
		return 1;
	if(s[0] < 0xc2 || s[0] > 0xf4 || n > len)
		return 0;
	code = s[0] & (0x7fu >> n);
	for(size_t i = 1; i < n; i++) {
		if((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	if(code < least[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	return n;
}

static int check_bytes(const med_field_def_t *def, med_str_t value, med_errbuf_t *err)
{
	const unsigned char *s = (const unsigned char *)value.s;
	size_t n;

	for(size_t i = 0; i < value.len; i += n) {
		n = utf8_length(s + i, value.len - i);
		if(n == 0)
			return med_fail(
					err, MED_EINVAL, "byte %zu is not UTF-8; write plain text", i + 1);
		if(s[i] < 0x20 || s[i] == 0x7f)
			return med_fail(err, MED_EINVAL,
					"byte %zu is a control character (0x%02x); write plain text", i + 1,
					s[i]);
		if(n > 1 && def->type != MED_TYPE_TEXT)
			return med_fail(err, MED_EINVAL,
					"byte %zu is not ASCII; this field takes no other", i + 1);
	}
	return MED_EOK;
}

int med_schema_set(const med_field_def_t *def, med_str_t value, void *record,
		med_arena_t *arena, med_errbuf_t *err)
{
	char *at = (char *)record + def->offset;
	int rc;

	value = med_str_trim(value); /* in a file blanks around a value mean nothing */
	rc = check_bytes(def, value, err);
	if(rc != MED_EOK)
		return rc;
	switch(def->type) {
		case MED_TYPE_BOOL:
			return set_bool(value, (void *)at, err);
		case MED_TYPE_NUMBER:
			return set_number(def, value, (void *)at, err);
		case MED_TYPE_WORD:
			return set_word(def, value, (void *)at, err);
		case MED_TYPE_IDS:
		case MED_TYPE_SUBNETS:
		case MED_TYPE_CODES:
		case MED_TYPE_WORDS:
		case MED_TYPE_TRUNKS:
		case MED_TYPE_DIALEDS:
		case MED_TYPE_WINDOWS:
		case MED_TYPE_DATES:
			return set_list(def, value, (void *)at, arena, err);
		case MED_TYPE_RULE:
			return set_rule(value, (void *)at, arena, err);
		case MED_TYPE_RESPONSE_RULE:
			return set_response_rule(value, (void *)at, err);
		default:
			return set_text(def, value, (void *)at, arena, err);
	}
}

/* ---- written -----------------------------------------------------------------------
 */

/* Counts all of it, writes what fits. */
typedef struct med_text {
	char *out;
	size_t size, len;
} med_text_t;

static void add(med_text_t *text, const char *fmt, ...)
		__attribute__((format(printf, 2, 3)));
static void add(med_text_t *text, const char *fmt, ...)
{
	size_t room = text->len < text->size ? text->size - text->len : 0;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(room == 0 ? NULL : text->out + text->len, room, fmt, args);
	va_end(args);
	text->len += n > 0 ? (size_t)n : 0;
}

static void add_ip(med_text_t *text, const med_ip_t *ip)
{
	char address[INET6_ADDRSTRLEN];
	unsigned bits;

	med_ip_format(ip, address, sizeof(address));
	bits = strchr(address, ':') == NULL ? ip->prefix - 96u : ip->prefix;
	if(ip->prefix == 128)
		add(text, "%s", address);
	else
		add(text, "%s/%u", address, bits);
}

static void add_list(med_text_t *text, const med_field_def_t *def, const med_list_t *list)
{
	enum med_type type = def->type;
	char written[MED_WINDOW_TEXT];

	for(size_t i = 0; i < list->count; i++) {
		const char *item = (const char *)list->items + i * entry_size(type);
		const med_weighted_t *trunk = (const void *)item;
		add(text, "%s", i == 0 ? "" : ",");
		if(type == MED_TYPE_SUBNETS)
			add_ip(text, (const void *)item);
		else if(type == MED_TYPE_CODES)
			add(text, "%u", (unsigned)*(const uint16_t *)(const void *)item);
		else if(type == MED_TYPE_WORDS)
			add(text, "%s", def->words[*(const uint8_t *)item]);
		else if(type == MED_TYPE_WINDOWS)
			add(text, "%s", med_window_format((const void *)item, written));
		else if(type == MED_TYPE_DATES)
			add(text, "%s", med_dates_format((const void *)item, written));
		else if(type == MED_TYPE_IDS || type == MED_TYPE_DIALEDS)
			add(text, "%.*s", MED_STR_FMT(*(const med_str_t *)(const void *)item));
		else if(trunk->weight == 1)
			add(text, "%.*s", MED_STR_FMT(trunk->id));
		else
			add(text, "%.*s*%u", MED_STR_FMT(trunk->id), trunk->weight);
	}
}

size_t med_schema_format(
		const med_field_def_t *def, const void *record, char *out, size_t size)
{
	const char *at = (const char *)record + def->offset;
	const uint32_t *number = (const void *)at;
	const med_str_t *string = (const void *)at;
	const med_rule_record_t *rule = (const void *)at;
	const med_response_rule_record_t *response = (const void *)at;
	med_text_t text = {out, size, 0};

	if(size > 0)
		out[0] = '\0';
	switch(def->type) {
		case MED_TYPE_BOOL:
			add(&text, "%s", *number != 0 ? "yes" : "no");
			break;
		case MED_TYPE_NUMBER:
			if(*number != MED_UNSET)
				add(&text, "%u", *number);
			break;
		case MED_TYPE_WORD:
			add(&text, "%s", def->words[*number]);
			break;
		case MED_TYPE_IDS:
		case MED_TYPE_SUBNETS:
		case MED_TYPE_CODES:
		case MED_TYPE_WORDS:
		case MED_TYPE_TRUNKS:
		case MED_TYPE_DIALEDS:
		case MED_TYPE_WINDOWS:
		case MED_TYPE_DATES:
			add_list(&text, def, (const void *)at);
			break;
		case MED_TYPE_RULE:
			add(&text, "%.*s => %.*s", MED_STR_FMT(rule->pattern),
					MED_STR_FMT(rule->translation));
			break;
		case MED_TYPE_RESPONSE_RULE:
			add(&text, "%s=%u %s=%d %s=%u", code_names[0],
					response->received_response_code, code_names[1],
					(int)response->received_isup_cause_value, code_names[2],
					response->translated_response_code);
			break;
		default:
			add(&text, "%.*s", MED_STR_FMT(*string));
	}
	return text.len;
}

/* What a walk needs from one field to the next. */
typedef struct med_walk {
	char *value;
	med_value_cb cb;
	void *ctx;
} med_walk_t;

static int visit(const med_walk_t *walk, const med_field_def_t *def, const char *name,
		const void *record)
{
	size_t len = med_schema_format(def, record, walk->value, MED_VALUE_MAX + 1);

	if(len == 0 && def->initial == NULL)
		return MED_EOK; /* not set; a list that has a default may be set to nothing */
	return walk->cb(walk->ctx, def, med_str(name), (med_str_t){walk->value, len});
}

/* All numbered fields of the entry, the one that makes it first. */
static int visit_entry(
		const med_walk_t *walk, enum med_kind kind, const char *entry, uint32_t order)
{
	size_t count;
	const med_field_def_t *defs = med_schema(kind, &count);
	int rc = MED_EOK;

	for(size_t i = 0; i < count && rc == MED_EOK; i++) {
		const char *mark = strstr(defs[i].name, MED_ORDER_MARK);
		char name[64];
		if(mark == NULL)
			continue;
		(void)snprintf(name, sizeof(name), "%.*s%u%s", (int)(mark - defs[i].name),
				defs[i].name, order, mark + sizeof(MED_ORDER_MARK) - 1);
		rc = visit(walk, &defs[i], name, entry);
	}
	return rc;
}

int med_schema_each(enum med_kind kind, const med_record_t *record, const med_mem_t *mem,
		med_value_cb cb, void *ctx)
{
	const med_numbered_t *numbered = med_schema_numbered(kind);
	const med_list_t *list = (const void *)((const char *)record + numbered->list);
	size_t count;
	const med_field_def_t *defs = med_schema(kind, &count);
	med_walk_t walk = {med_alloc(mem, MED_VALUE_MAX + 1), cb, ctx};
	int rc = walk.value == NULL ? MED_ENOMEM : MED_EOK;

	for(size_t i = 0; i < count && rc == MED_EOK; i++) {
		if(!med_schema_is_numbered(&defs[i]))
			rc = visit(&walk, &defs[i], defs[i].name, record);
	}
	for(size_t i = 0; numbered->prefix != NULL && i < list->count && rc == MED_EOK; i++) {
		const char *entry = (const char *)list->items + i * numbered->entry;
		rc = visit_entry(&walk, kind, entry, *(const uint32_t *)(const void *)entry);
	}
	med_free(mem, walk.value);
	return rc;
}

/* ---- described ------------------------------------------------------------------------
 */

const char *med_schema_value(const med_field_def_t *def, char *out, size_t size)
{
	static const char *const plain[] = {[MED_TYPE_TEXT] = "text",
			[MED_TYPE_ID] = "id",
			[MED_TYPE_HOST] = "host name or address",
			[MED_TYPE_NAME] = "host name",
			[MED_TYPE_ADDRESS] = "address",
			[MED_TYPE_PATTERN] = "pattern",
			[MED_TYPE_CALLER] = "number",
			[MED_TYPE_DIALED] = "number",
			[MED_TYPE_SIMPLE_NAME] = "letters, digits and `-.+_()`",
			[MED_TYPE_PREFIX] = "1 to 4 of `0-9 # *`",
			[MED_TYPE_BOOL] = "yes or no",
			[MED_TYPE_IDS] = "list of ids",
			[MED_TYPE_SUBNETS] = "list of addresses, subnets",
			[MED_TYPE_CODES] = "list of 300 to 699",
			[MED_TYPE_TRUNKS] = "list of `id` or `id*weight`",
			[MED_TYPE_DIALEDS] = "list of numbers",
			[MED_TYPE_WINDOWS] = "list of times, `mon-fri 08:00-17:30`",
			[MED_TYPE_DATES] = "list of days, `2026-12-24` `12-24..12-26`",
			[MED_TYPE_ZONE] = "time zone, `Europe/Berlin`",
			[MED_TYPE_INSTANT] = "moment, `2026-12-24T18:00Z`",
			[MED_TYPE_RULE] = "`<pattern> => <translation>`",
			[MED_TYPE_RESPONSE_RULE] = "`" RESPONSE_RULE_FORM "`"};
	med_text_t text = {out, size, 0};

	if(size > 0)
		out[0] = '\0';
	if(def->type == MED_TYPE_NUMBER) {
		add(&text, "%u to %u%s%s", def->min, def->max, def->unit == NULL ? "" : " ",
				def->unit == NULL ? "" : def->unit);
	} else if(def->type == MED_TYPE_WORD || def->type == MED_TYPE_WORDS) {
		add(&text, "%s", def->type == MED_TYPE_WORDS ? "list of " : "");
		for(int i = 0; def->words[i] != NULL; i++)
			add(&text, "%s`%s`", i == 0 ? "" : " ", def->words[i]);
	} else {
		add(&text, "%s", plain[def->type]);
		if(def->type == MED_TYPE_ID && def->refers != 0)
			add(&text, " of a %s", med_kind_name((enum med_kind)(def->refers - 1)));
	}
	return out;
}
