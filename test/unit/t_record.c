/**
 * t_record.c - fields of objects: defaults, bounds, and texts that say what is right
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core_test.h"

#include "medcore/schema.h"

static int parse(enum med_kind kind, const char *id, const char *field, const char *value,
		med_record_t **record, med_errbuf_t *err)
{
	med_field_t fields[2] = {
			{med_str(field), med_str(value)}, {MED_STR("address"), MED_STR("192.0.2.1")}};
	size_t count = field == NULL ? 0 : 1;

	err->text[0] = '\0';
	if(kind == MED_KIND_GATEWAY && (field == NULL || strcmp(field, "address") != 0))
		fields[count++] = fields[1];
	return med_record_parse(kind, med_str(id), fields, count, &med_mem_heap, record, err);
}

START_TEST(refused_with_a_text)
{
	static const struct {
		enum med_kind kind;
		const char *id, *field, *value, *text;
	} row[] = {
			{MED_KIND_TRUNK, "sbc1", "port", "12x",
					"trunk 'sbc1': field 'port': not a number: '12x'; 1 to 65535 is"},
			{MED_KIND_TRUNK, "sbc1", "port", "0",
					"out of range: '0'; 1 to 65535 is right"},
			{MED_KIND_TRUNK, "sbc1", "port", "65536", "out of range"},
			{MED_KIND_TRUNK, "sbc1", "port", "99999999999999999999", "not a number"},
			{MED_KIND_TRUNK, "sbc1", "port", "", "not a number: ''"},
			{MED_KIND_TRUNK, "sbc1", "port", "-1", "not a number: '-1'"},
			{MED_KIND_TRUNK, "sbc1", "transport", "tsl", "write tls, tcp or udp"},
			{MED_KIND_TRUNK, "sbc1", "trasport", "tls",
					"trunk 'sbc1': unknown field 'trasport'; 'transport' is meant?"},
			{MED_KIND_TRUNK, "sbc1", "zzzzzzzz", "tls",
					"it has: name, gateway, transport"},
			{MED_KIND_TRUNK, "sbc1", "a\nb", "tls", "unknown field 'a\\x0ab'"},
			{MED_KIND_TRUNK, "sbc1", "", "tls", "unknown field ''"},
			{MED_KIND_TRUNK, "sbc1", "gateway", "a b", "not an id: 'a b'"},
			{MED_KIND_TRUNK, "sbc1", "enabled", "maybe", "neither yes nor no: 'maybe'"},
			{MED_KIND_TRUNK, "sbc1", "local_address", "192.0.2.0/24", "not an address"},
			{MED_KIND_TRUNK, "sbc1", "name", "a\x1b[2J",
					"byte 2 is a control character (0x1b)"},
			{MED_KIND_TRUNK, "sbc1", "name", "a\x7f", "byte 2 is a control character"},
			{MED_KIND_TRUNK, "sbc1", "name", "\xc3\x28", "byte 1 is not UTF-8"},
			{MED_KIND_TRUNK, "sbc1", "name", "\xed\xa0\x80", "not UTF-8"},
			{MED_KIND_TRUNK, "sbc1", "name", "\xc0\x80", "not UTF-8"},
			{MED_KIND_TRUNK, "sbc1", "name", "\xf5\x80\x80\x80", "not UTF-8"},
			{MED_KIND_TRUNK, "sbc1", "name", "\xe2\x82", "not UTF-8"},
			{MED_KIND_TRUNK, "sb c", NULL, NULL, "trunk 'sb c': not an id"},
			{MED_KIND_TRUNK, "", NULL, NULL, "trunk '': not an id"},
			{MED_KIND_TRUNK, "a\r\n", NULL, NULL, "trunk 'a\\x0d\\x0a'"},
			{MED_KIND_GATEWAY, "g", "address", "", "field 'address': missing"},
			{MED_KIND_GATEWAY, "g", "address", "a b",
					"neither a host name nor an address"},
			{MED_KIND_GATEWAY, "g", "address", "10.0.0.0/8", "neither a host name nor"},
			{MED_KIND_GATEWAY, "g", "address", "10.0.0.256", "neither a host name nor"},
			{MED_KIND_GATEWAY, "g", "address", "a..b", "neither a host name nor"},
			{MED_KIND_GATEWAY, "g", "address", "-a.b", "neither a host name nor"},
			{MED_KIND_GATEWAY, "g", "tls_name", "*.example.com", "no wildcard"},
			{MED_KIND_GATEWAY, "g", "source", "10.0.0.1,x",
					"neither an address nor a subnet: 'x'"},
			{MED_KIND_GATEWAY, "g", "source", "1.1.1.1,",
					"neither an address nor a subnet: ''"},
			{MED_KIND_GATEWAY, "g", "source",
					"1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4,1.1.1.5,1.1.1.6,1.1.1.7,1.1.1.8,1.1."
					"1.9",
					"9 entries; at most 8 are allowed"},
			{MED_KIND_PROFILE, "globl", NULL, NULL, "not a scope: 'global', 'site:<id>'"},
			{MED_KIND_PROFILE, "trunk:", NULL, NULL, "not a scope"},
			{MED_KIND_PROFILE, "global", "srtp_mode", "yes", "write required, optional"},
			{MED_KIND_PROFILE, "global", "failover_codes", "503,200",
					"not a final code: '200'"},
			{MED_KIND_PROFILE, "global", "pstn_usages", "a,,b", "not a name: ''"},
			{MED_KIND_PROFILE, "global", "outbound_translation_rule", "r",
					"'outbound_translation_rules' is meant?"},
			{MED_KIND_PROFILE, "global", "trying_timeout_ms", "3600001", "0 to 3600000"},
			{MED_KIND_RULES, "r", "rule.x", "1 => 2", "named rule.0 to rule.999999"},
			{MED_KIND_RULES, "r", "rule.01", "1 => 2", "named rule.0 to rule.999999"},
			{MED_KIND_RULES, "r", "rule.", "1 => 2", "unknown field"},
			{MED_KIND_RULES, "r", "rule.1", "1", "no '=>'"},
			{MED_KIND_ROUTE, "r", "priority", "-1", "not a number"},
			{MED_KIND_ROUTE, "r", "trunks", "a*256", "not a weight: 'a*256'"},
			{MED_KIND_ROUTE, "r", "trunks", "a*", "not a weight"},
			{MED_KIND_ROUTE, "r", "trunks", "*2", "not a name"},
			{MED_KIND_ROUTE, "r", "alternate_caller_id", "0123", "not a caller id"},
			{MED_KIND_ROUTE, "r", "alternate_caller_id", "+1;ext=", "not a caller id"},
			{MED_KIND_ROUTE, "r", NULL, NULL, "field 'pattern': missing"},
	};
	med_errbuf_t err;

	for(size_t i = 0; i < COUNT(row); i++) {
		med_record_t *record = NULL;
		int rc = parse(row[i].kind, row[i].id, row[i].field, row[i].value, &record, &err);
		ck_assert_msg(rc == MED_EINVAL || rc == MED_ELIMIT, "row %zu: %d", i, rc);
		core_assert_has(err.text, row[i].text);
		for(const char *c = err.text; *c != '\0'; c++)
			ck_assert_msg(*c >= 0x20 && *c < 0x7f, "row %zu: raw byte %d", i, *c);
	}
}
END_TEST

START_TEST(defaults)
{
	med_record_t *r;
	med_errbuf_t err;

	ck_assert_int_eq(parse(MED_KIND_TRUNK, "pbx1", NULL, NULL, &r, &err), MED_EOK);
	core_assert_str(r->trunk.gateway, "pbx1");
	ck_assert_uint_eq(r->trunk.transport, MED_TLS);
	ck_assert_uint_eq(r->trunk.port, 5067);
	ck_assert_uint_eq(r->trunk.local_port, 5067);
	ck_assert_uint_eq(r->trunk.enabled, 1);
	free(r);
	ck_assert_int_eq(parse(MED_KIND_TRUNK, "gw1", "transport", "TCP", &r, &err), MED_EOK);
	ck_assert_uint_eq(r->trunk.port, 5066);
	ck_assert_uint_eq(r->trunk.local_port, 5068);
	free(r);
	ck_assert_int_eq(parse(MED_KIND_TRUNK, "gw1", "transport", "udp", &r, &err), MED_EOK);
	ck_assert_uint_eq(r->trunk.port, 5060);
	ck_assert_uint_eq(r->trunk.local_port, 5060);
	free(r);
	ck_assert_int_eq(parse(MED_KIND_PROFILE, "global", NULL, NULL, &r, &err), MED_EOK);
	ck_assert_uint_eq(r->profile.srtp_mode, MED_SRTP_REQUIRED);
	ck_assert_uint_eq(r->profile.anchor, 1);
	ck_assert_uint_eq(r->profile.allow_same_trunk, 0);
	ck_assert_uint_eq(r->profile.trying_timeout_ms, 1500);
	ck_assert_uint_eq(r->profile.progress_timeout_ms, 10000);
	ck_assert_uint_eq(r->profile.answer_timeout_ms, 120000);
	ck_assert_uint_eq(r->profile.failover_codes.count, 5);
	ck_assert_uint_eq(((const uint16_t *)r->profile.failover_codes.items)[4], 504);
	free(r);
}
END_TEST

START_TEST(gateways)
{
	static const struct {
		const char *address, *tls_name;
		size_t sources;
	} row[] = {{"gw1.example.com", "gw1.example.com", 0},
			{"gw1.example.com.", "gw1.example.com", 0}, {"192.0.2.1", "", 1},
			{"2001:db8::1", "", 1}, {"[2001:db8::1]", "", 1}, {"gw_1", "gw_1", 0}};
	med_record_t *r;
	med_errbuf_t err;

	for(size_t i = 0; i < COUNT(row); i++) {
		int rc = parse(MED_KIND_GATEWAY, "g", "address", row[i].address, &r, &err);
		ck_assert_msg(rc == MED_EOK, "%s", err.text);
		core_assert_str(r->gateway.tls_name, row[i].tls_name);
		ck_assert_uint_eq(r->gateway.source.count, row[i].sources);
		free(r);
	}
}
END_TEST

START_TEST(lists_and_texts)
{
	med_record_t *r;
	med_errbuf_t err;
	const med_weighted_t *trunk;

	ck_assert_int_eq(
			parse(MED_KIND_POLICY, "p", "usages", " a , b.c ,d-e", &r, &err), MED_EOK);
	ck_assert_uint_eq(r->policy.usages.count, 3);
	core_assert_str(((const med_str_t *)r->policy.usages.items)[1], "b.c");
	free(r);
	ck_assert_int_eq(parse(MED_KIND_POLICY, "p", "usages", " ", &r, &err), MED_EOK);
	ck_assert_uint_eq(r->policy.usages.count, 0);
	free(r);
	ck_assert_int_eq(
			parse(MED_KIND_SITE, "s", "name", "K\xc3\xb6ln \xf0\x9f\x93\x9e", &r, &err),
			MED_EOK);
	core_assert_str(r->site.name, "K\xc3\xb6ln \xf0\x9f\x93\x9e");
	free(r);
	ck_assert_int_eq(parse(MED_KIND_SITE, "s", "name", "  a b ", &r, &err), MED_EOK);
	core_assert_str(r->site.name, "a b"); /* as a file would give it back */
	free(r);
	{
		med_field_t fields[] = {{MED_STR("pattern"), MED_STR("^1")},
				{MED_STR("trunks"), MED_STR("a*3,b, c*0")},
				{MED_STR("suppress_caller_id"), MED_STR("yes")},
				{MED_STR("alternate_caller_id"), MED_STR("+1425;ext=12")}};
		ck_assert_int_eq(med_record_parse(MED_KIND_ROUTE, MED_STR("r"), fields, 4,
								 &med_mem_heap, &r, &err),
				MED_EOK);
		ck_assert_uint_eq(r->route.trunks.count, 3);
		trunk = r->route.trunks.items;
		core_assert_str(trunk[0].id, "a");
		ck_assert_uint_eq(trunk[0].weight, 3);
		ck_assert_uint_eq(trunk[1].weight, 1);
		ck_assert_uint_eq(trunk[2].weight, 0);
		core_assert_str(r->route.alternate_caller_id, "+1425;ext=12");
		free(r);
		ck_assert_int_eq(med_record_parse(MED_KIND_ROUTE, MED_STR("r"), fields, 3,
								 &med_mem_heap, &r, &err),
				MED_EINVAL);
		core_assert_has(err.text,
				"alternate_caller_id': missing; suppress_caller_id yes needs it");
	}
}
END_TEST

/* The table itself: names are unique, defaults are valid, every field says what it is. */
START_TEST(the_table)
{
	for(unsigned kind = 0; kind < MED_KIND_COUNT; kind++) {
		size_t count;
		const med_field_def_t *defs = med_schema(kind, &count);
		ck_assert_uint_gt(count, 0);
		for(size_t i = 0; i < count; i++) {
			ck_assert_uint_gt(strlen(defs[i].meaning), 5);
			ck_assert_uint_le(defs[i].offset, sizeof(med_record_t));
			for(size_t k = 0; k < i; k++)
				ck_assert_str_ne(defs[i].name, defs[k].name);
			if(defs[i].type != MED_TYPE_RULES)
				ck_assert_ptr_eq(med_schema_field(kind, med_str(defs[i].name)), &defs[i]);
		}
	}
}
END_TEST

START_TEST(too_much)
{
	static med_field_t fields[1100];
	static char value[70000];
	med_record_t *r;
	med_errbuf_t err;

	for(size_t i = 0; i < COUNT(fields); i++)
		fields[i] = (med_field_t){MED_STR("rule.0"), MED_STR("1 => 2")};
	ck_assert_int_eq(med_record_parse(MED_KIND_RULES, MED_STR("r"), fields, COUNT(fields),
							 &med_mem_heap, &r, &err),
			MED_ELIMIT);
	core_assert_has(err.text, "1100 fields");
	memset(value, ',', sizeof(value));
	fields[0] = (med_field_t){MED_STR("usages"), {value, sizeof(value)}};
	ck_assert_int_eq(med_record_parse(MED_KIND_POLICY, MED_STR("p"), fields, 1,
							 &med_mem_heap, &r, &err),
			MED_ELIMIT);
	core_assert_has(err.text, "field 'usages': 70000 bytes; at most 65535");
}
END_TEST

int main(void)
{
	const TTest *tests[] = {refused_with_a_text, defaults, gateways, lists_and_texts,
			the_table, too_much};

	return core_run("record", tests, COUNT(tests));
}
