/**
 * schema.c - the fields of every kind of object, and how their values are read
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>

#include "medcore/pattern.h"
#include "medcore/schema.h"

#define NAME_MAX_BYTES 256
#define HOST_MAX_BYTES 255
#define TIMEOUT_MAX_MS 3600000

/* clang-format off */
#define AT(kind, member) offsetof(med_##kind##_record_t, member)
#define NAME(kind) {"name", MED_TYPE_TEXT, AT(kind, name), NULL, 0, NAME_MAX_BYTES, false, \
		"what people call it"}

static const med_field_def_t site_fields[] = {
	NAME(site),
	{"subnets", MED_TYPE_SUBNETS, AT(site, subnets), NULL, 0, 64, false,
		"networks that belong to the site"},
};

static const med_field_def_t gateway_fields[] = {
	NAME(gateway),
	{"address", MED_TYPE_HOST, AT(gateway, address), NULL, 0, HOST_MAX_BYTES, true,
		"host name or address that calls are sent to"},
	{"tls_name", MED_TYPE_NAME, AT(gateway, tls_name), NULL, 0, HOST_MAX_BYTES, false,
		"name its certificate must carry; the address when that is a host name"},
	{"source", MED_TYPE_SUBNETS, AT(gateway, source), NULL, 0, MED_GATEWAY_ADDRESSES, false,
		"addresses and subnets its requests come from; the address when that is an IP"},
	{"site", MED_TYPE_ID, AT(gateway, site), NULL, 0, MED_ID_MAX, false,
		"site it stands in; chooses the profile"},
	{"routable", MED_TYPE_BOOL, AT(gateway, routable), "yes", 0, 1, false,
		"may routes send calls to it"},
};

static const med_field_def_t trunk_fields[] = {
	NAME(trunk),
	{"gateway", MED_TYPE_ID, AT(trunk, gateway), NULL, 0, MED_ID_MAX, false,
		"the peer at its far end; the gateway of the trunk's own id"},
	{"transport", MED_TYPE_TRANSPORT, AT(trunk, transport), "tls", 0, 0, false,
		"tls, tcp or udp"},
	{"port", MED_TYPE_NUMBER, AT(trunk, port), NULL, 1, 65535, false,
		"the gateway listens here; 5067 tls, 5066 tcp, 5060 udp"},
	{"local_port", MED_TYPE_NUMBER, AT(trunk, local_port), NULL, 1, 65535, false,
		"we listen here for it; 5067 tls, 5068 tcp, 5060 udp"},
	{"local_address", MED_TYPE_ADDRESS, AT(trunk, local_address), NULL, 0, HOST_MAX_BYTES,
		false, "our address for it; whichever has the port"},
	{"enabled", MED_TYPE_BOOL, AT(trunk, enabled), "yes", 0, 1, false,
		"does it take part in new calls"},
};

static const med_field_def_t profile_fields[] = {
	{"srtp_mode", MED_TYPE_SRTP, AT(profile, srtp_mode), "required", 0, 0, false,
		"required, optional or not_supported; tcp and udp are always not_supported"},
	{"anchor", MED_TYPE_BOOL, AT(profile, anchor), "yes", 0, 1, false,
		"media goes through rtpengine"},
	{"remove_plus_from_uri", MED_TYPE_BOOL, AT(profile, remove_plus_from_uri), "no", 0, 1,
		false, "take the leading + off numbers sent to it"},
	{"forward_pai", MED_TYPE_BOOL, AT(profile, forward_pai), "no", 0, 1, false,
		"pass P-Asserted-Identity on, both ways"},
	{"allow_same_trunk", MED_TYPE_BOOL, AT(profile, allow_same_trunk), "no", 0, 1, false,
		"may a call leave by the trunk it came in on"},
	{"dial_plan", MED_TYPE_ID, AT(profile, dial_plan), NULL, 0, MED_ID_MAX, false,
		"rules that make E.164 of numbers arriving on the trunk"},
	{"outbound_translation_rules", MED_TYPE_ID, AT(profile, called_rules), NULL, 0,
		MED_ID_MAX, false, "rules for the called number on its way out"},
	{"outbound_calling_number_translation_rules", MED_TYPE_ID, AT(profile, calling_rules),
		NULL, 0, MED_ID_MAX, false, "rules for the calling number on its way out"},
	{"pstn_usages", MED_TYPE_IDS, AT(profile, usages), NULL, 0, MED_USAGES_MAX, false,
		"usages of calls that arrive on the trunk, in order"},
	{"enable_fast_failover_timer", MED_TYPE_BOOL, AT(profile, enable_fast_failover_timer),
		"yes", 0, 1, false, "the next trunk when progress_timeout_ms is over"},
	{"trying_timeout_ms", MED_TYPE_NUMBER, AT(profile, trying_timeout_ms), "1500", 0,
		TIMEOUT_MAX_MS, false, "no answer of any kind; 0 off"},
	{"progress_timeout_ms", MED_TYPE_NUMBER, AT(profile, progress_timeout_ms), "10000", 0,
		TIMEOUT_MAX_MS, false, "no ringing or progress; 0 off"},
	{"answer_timeout_ms", MED_TYPE_NUMBER, AT(profile, answer_timeout_ms), "120000", 0,
		TIMEOUT_MAX_MS, false, "no final answer; 0 off"},
	{"failover_codes", MED_TYPE_CODES, AT(profile, failover_codes), "408,500,502,503,504",
		0, 64, false, "final codes that send the call to the next trunk"},
};

static const med_field_def_t rules_fields[] = {
	NAME(rules),
	{"rule.", MED_TYPE_RULES, AT(rules, rules), NULL, 0, 0, false,
		"rule.0, rule.1, ...: <pattern> => <translation>, the first that matches wins"},
};

static const med_field_def_t policy_fields[] = {
	NAME(policy),
	{"usages", MED_TYPE_IDS, AT(policy, usages), NULL, 0, MED_USAGES_MAX, false,
		"usages its callers may use, in order"},
};

static const med_field_def_t route_fields[] = {
	NAME(route),
	{"pattern", MED_TYPE_PATTERN, AT(route, pattern), NULL, 0, MED_PATTERN_MAX, true,
		"E.164 numbers it takes, a .NET regular expression"},
	{"priority", MED_TYPE_NUMBER, AT(route, priority), "0", 0, 0x7fffffff, false,
		"0 is tried first"},
	{"usages", MED_TYPE_IDS, AT(route, usages), NULL, 0, MED_USAGES_MAX, false,
		"usages it belongs to"},
	{"trunks", MED_TYPE_TRUNKS, AT(route, trunks), NULL, 0, MED_ROUTE_TRUNKS, false,
		"trunks that share its calls, each as id or id*weight"},
	{"suppress_caller_id", MED_TYPE_BOOL, AT(route, suppress_caller_id), "no", 0, 1, false,
		"show alternate_caller_id instead of the caller's number"},
	{"alternate_caller_id", MED_TYPE_CALLER, AT(route, alternate_caller_id), NULL, 0, 40,
		false, "number shown when suppress_caller_id is yes"},
};

#define TABLE(fields) {fields, sizeof(fields) / sizeof(fields[0])}
static const struct {
	const med_field_def_t *fields;
	size_t count;
} schema[MED_KIND_COUNT] = {
	[MED_KIND_SITE] = TABLE(site_fields),
	[MED_KIND_GATEWAY] = TABLE(gateway_fields),
	[MED_KIND_TRUNK] = TABLE(trunk_fields),
	[MED_KIND_PROFILE] = TABLE(profile_fields),
	[MED_KIND_RULES] = TABLE(rules_fields),
	[MED_KIND_POLICY] = TABLE(policy_fields),
	[MED_KIND_ROUTE] = TABLE(route_fields),
};
/* clang-format on */

const med_field_def_t *med_schema(enum med_kind kind, size_t *count)
{
	*count = schema[kind].count;
	return schema[kind].fields;
}

const med_field_def_t *med_schema_field(enum med_kind kind, med_str_t name)
{
	for(size_t i = 0; i < schema[kind].count; i++) {
		const med_field_def_t *def = &schema[kind].fields[i];
		med_str_t known = med_str(def->name);
		if(def->type == MED_TYPE_RULES) {
			if(name.len > known.len && memcmp(name.s, known.s, known.len) == 0)
				return def;
		} else if(med_str_eq(name, known)) {
			return def;
		}
	}
	return NULL;
}

#define NEAR_MAX 48 /* bytes of a name that are compared */

/* Edit distance; both at most NEAR_MAX. */
static unsigned distance(med_str_t a, med_str_t b)
{
	unsigned row[NEAR_MAX + 1];

	for(unsigned j = 0; j <= b.len; j++)
		row[j] = j;
	for(unsigned i = 1; i <= a.len; i++) {
		unsigned corner = row[0];
		row[0] = i;
		for(unsigned j = 1; j <= b.len; j++) {
			unsigned change = corner + (a.s[i - 1] != b.s[j - 1]);
			corner = row[j];
			if(row[j - 1] + 1 < change)
				change = row[j - 1] + 1;
			if(corner + 1 < change)
				change = corner + 1;
			row[j] = change;
		}
	}
	return row[b.len];
}

const char *med_schema_nearest(enum med_kind kind, med_str_t name)
{
	unsigned best = name.len < 6 ? 3 : 4; /* farther than this is no help */
	const char *nearest = NULL;

	if(name.len == 0 || name.len > NEAR_MAX)
		return NULL;
	for(size_t i = 0; i < schema[kind].count; i++) {
		unsigned d = distance(name, med_str(schema[kind].fields[i].name));
		if(d < best) {
			best = d;
			nearest = schema[kind].fields[i].name;
		}
	}
	return nearest;
}

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

static int set_transport(med_str_t value, uint32_t *out, med_errbuf_t *err)
{
	for(uint32_t t = MED_UDP; t <= MED_TLS; t++) {
		if(med_str_eq_nocase(value, med_str(med_transport_name((enum med_transport)t)))) {
			*out = t;
			return MED_EOK;
		}
	}
	return wrong(err, "not a transport", value, "write tls, tcp or udp");
}

static int set_srtp(med_str_t value, uint32_t *out, med_errbuf_t *err)
{
	enum med_srtp_mode mode;

	if(med_srtp_mode_parse(value, &mode) != MED_EOK)
		return wrong(err, "not an SRTP mode", value,
				"write required, optional or not_supported");
	*out = (uint32_t)mode;
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

/* Is the text what a string field of this type takes? NULL: yes; else what is right. */
static const char *check_text(enum med_type type, med_str_t value, const char **what)
{
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

static int compare_codes(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

static size_t entry_size(enum med_type type)
{
	switch(type) {
		case MED_TYPE_IDS:
			return sizeof(med_str_t);
		case MED_TYPE_SUBNETS:
			return sizeof(med_ip_t);
		case MED_TYPE_CODES:
			return sizeof(uint16_t);
		default:
			return sizeof(med_weighted_t);
	}
}

static int add_entry(const med_field_def_t *def, med_str_t entry, char *item,
		med_arena_t *arena, med_errbuf_t *err)
{
	switch(def->type) {
		case MED_TYPE_IDS:
			return add_id(entry, (void *)item, arena, err);
		case MED_TYPE_SUBNETS:
			return add_subnet(entry, (void *)item, err);
		case MED_TYPE_CODES:
			return add_code(entry, (void *)item, err);
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
		rc = add_entry(def, entry, items + used * size, arena, err);
		if(rc != MED_EOK)
			return rc;
		used++;
	}
	if(def->type == MED_TYPE_CODES)
		qsort(items, used, size, compare_codes);
	*out = (med_list_t){items, used};
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
		case MED_TYPE_TRANSPORT:
			return set_transport(value, (void *)at, err);
		case MED_TYPE_SRTP:
			return set_srtp(value, (void *)at, err);
		case MED_TYPE_IDS:
		case MED_TYPE_SUBNETS:
		case MED_TYPE_CODES:
		case MED_TYPE_TRUNKS:
			return set_list(def, value, (void *)at, arena, err);
		case MED_TYPE_RULES:
			return med_fail(err, MED_EINVAL, "internal: rules are read as a whole");
		default:
			return set_text(def, value, (void *)at, arena, err);
	}
}
