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
			{MED_KIND_TRUNK, "sbc1", "transport", "tsl", "'tsl'; write udp, tcp or tls"},
			{MED_KIND_TRUNK, "sbc1", "trasport", "tls",
					"trunk 'sbc1': unknown field 'trasport'; 'transport' is meant?"},
			{MED_KIND_TRUNK, "sbc1", "srtp_mode", "required",
					"trunk 'sbc1': unknown field 'srtp_mode'; it is a field of profile"},
			{MED_KIND_TRUNK, "sbc1", "max_calls_in", "3", "it is a field of limits"},
			{MED_KIND_GATEWAY, "sbc1", "trunks", "a", "it is a field of route"},
			{MED_KIND_TRUNK, "sbc1", "zzzzzzzz", "tls",
					"it has: name, description, gateway, mediation_server, transport"},
			{MED_KIND_TRUNK, "sbc1", "a\nb", "tls", "unknown field 'a\\x0ab'"},
			{MED_KIND_TRUNK, "sbc1", "", "tls", "unknown field ''"},
			{MED_KIND_PROFILE, "global", "wholly-unlike", "x",
					"it has: name, description, srtp_mode, srtp_fallback_s, anchor, "
					"remove_plus_from_uri, forward_pai, allow_same_trunk, dial_plan, "
					"..."},
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
			{MED_KIND_PROFILE, "global", "srtp_mode", "yes",
					"write not_supported, optional or required"},
			{MED_KIND_PROFILE, "global", "failover_codes", "503,200",
					"not a final code: '200'"},
			{MED_KIND_PROFILE, "global", "pstn_usages", "a,,b", "not a name: ''"},
			{MED_KIND_PROFILE, "global", "outbound_translation_rule", "r",
					"'outbound_translation_rules' is meant?"},
			{MED_KIND_PROFILE, "global", "trying_timeout_ms", "3600001", "0 to 3600000"},
			{MED_KIND_RULES, "r", "rule.x", "1 => 2", "named rule.0 to rule.999999"},
			{MED_KIND_RULES, "r", "rule.01", "1 => 2", "named rule.0 to rule.999999"},
			{MED_KIND_RULES, "r", "rule.", "1 => 2", "named rule.0 to rule.999999"},
			{MED_KIND_RULES, "r", "rule.1000000", "1 => 2",
					"named rule.0 to rule.999999"},
			{MED_KIND_RULES, "r", "rule.1", "=> 2", "no pattern before '=>'"},
			{MED_KIND_RULES, "r", "rule.1.name", "x", "there is no rule of that number"},
			{MED_KIND_RULES, "r", "rule.1.nam", "x",
					"unknown field 'rule.1.nam'; 'rule.<n>.name' is meant?"},
			{MED_KIND_RULES, "r", "simple_name", "a b", "not a simple name: 'a b'"},
			{MED_KIND_RULES, "r", "external_access_prefix", "12345",
					"5 bytes long; at most 4"},
			{MED_KIND_RULES, "r", "external_access_prefix", "+",
					"digits, # and * make one"},
			{MED_KIND_RESPONSE_RULES, "r", "rule.0", "received_response_code=486",
					"no translated_response_code; as in received_response_code=486"},
			{MED_KIND_RESPONSE_RULES, "r", "rule.0", "translated_response_code=503",
					"any code with any cause"},
			{MED_KIND_RESPONSE_RULES, "r", "rule.0",
					"received_response_code=700 translated_response_code=503",
					"not a response code: 'received_response_code=700'"},
			{MED_KIND_RESPONSE_RULES, "r", "rule.0",
					"received_response_code=486 translated_response_code=399",
					"400 to 699 are"},
			{MED_KIND_RESPONSE_RULES, "r", "rule.0",
					"received_isup_cause_value=128 translated_response_code=503",
					"not an ISUP cause"},
			{MED_KIND_RESPONSE_RULES, "r", "rule.0", "cause=34",
					"not of a rule: 'cause=34'"},
			{MED_KIND_RESPONSE_RULES, "r", "rule.0",
					"received_response_code=486 received_response_code=486",
					"given twice"},
			{MED_KIND_RESPONSE_RULES, "r", "rule.2.description", "x", "no rule of that"},
			{MED_KIND_SITE, "s", "audio_bw_session_limit", "39", "40 to 100000000"},
			{MED_KIND_SITE, "s", "video_bw_session_limit", "99", "out of range: '99'"},
			{MED_KIND_SITE, "s", "bypass_id", "{1}", "not an id"},
			{MED_KIND_POOL, "p", "audio_port_start", "60000", "goes beyond port 65535"},
			{MED_KIND_POOL, "p", "fqdn", "192.0.2.1", "not a host name"},
			{MED_KIND_GATEWAY, "g", "ip_version", "ipv5", "write ipv4, ipv6 or both"},
			{MED_KIND_GATEWAY, "g", "representative_media_ip", "x", "not an address"},
			{MED_KIND_TRUNK, "t", "auth_username", "x", "'auth_password': missing"},
			{MED_KIND_TRUNK, "t", "auth_password", "x", "'auth_username': missing"},
			{MED_KIND_PROFILE, "global", "enable_location_restriction", "yes",
					"'network_site_id': missing"},
			{MED_KIND_POLICY, "p", "call_forwarding_simul_ring_usage_type",
					"custom_usage", "custom_call_forwarding_simul_ring_usages': missing"},
			{MED_KIND_POLICY, "p", "call_forwarding_simul_ring_usage_type", "x",
					"write voice_policy_usage, internal_only or custom_usage"},
			{MED_KIND_LIMITS, "pbx1", NULL, NULL,
					"not an object with limits: 'trunk:<id>'"},
			{MED_KIND_LIMITS, "trunk:a:b", NULL, NULL, "not an object with limits"},
			{MED_KIND_LIMITS, "site:a:b:c", NULL, NULL, "not an object with limits"},
			{MED_KIND_LIMITS, "site:a:", NULL, NULL, "not an object with limits"},
			{MED_KIND_LIMITS, "trunk:a", "overload_code", "399", "400 to 699"},
			{MED_KIND_LIMITS, "trunk:a", "calls_per_second", "0", "1 to 1000000"},
			{MED_KIND_LIMITS, "trunk:a", "without_redis", "no",
					"write local, refuse or allow"},
			{MED_KIND_TEST, "t", "from_trunk", "a", "'dialed_number': missing"},
			{MED_KIND_TEST, "t", "expected_called_number", "a1", "not a number: 'a1'"},
			{MED_KIND_TEST, "t", "expected_called_number", "+1;ext=a", "not a number"},
			{MED_KIND_TEST, "t", "name", "a", "unknown field 'name'"},
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
	ck_assert_uint_eq(r->trunk.port, MED_UNSET);
	ck_assert_uint_eq(r->trunk.local_port, MED_UNSET);
	ck_assert_uint_eq(r->trunk.enabled, 1);
	free(r);
	ck_assert_int_eq(parse(MED_KIND_TRUNK, "gw1", "transport", "TCP", &r, &err), MED_EOK);
	ck_assert_uint_eq(r->trunk.transport, MED_TCP);
	free(r);
	ck_assert_int_eq(parse(MED_KIND_GATEWAY, "g", NULL, NULL, &r, &err), MED_EOK);
	ck_assert_uint_eq(r->gateway.gateway_sip_client_tls_port, 5067);
	ck_assert_uint_eq(r->gateway.gateway_sip_client_tcp_port, 5066);
	ck_assert_uint_eq(r->gateway.ip_version, MED_IP_BOTH);
	ck_assert_uint_eq(r->gateway.is_default, 0);
	free(r);
	ck_assert_int_eq(parse(MED_KIND_POOL, "p", NULL, NULL, &r, &err), MED_EOK);
	ck_assert_uint_eq(r->pool.sip_client_tls_port, 5067);
	ck_assert_uint_eq(r->pool.sip_client_tcp_port, 5068);
	ck_assert_uint_eq(r->pool.audio_port_count, 8348);
	free(r);
	ck_assert_int_eq(parse(MED_KIND_SITE, "s", NULL, NULL, &r, &err), MED_EOK);
	ck_assert_uint_eq(r->site.audio_bw_limit, MED_UNSET);
	ck_assert_uint_eq(r->site.audio_bw_session_limit, 175);
	ck_assert_uint_eq(r->site.video_bw_session_limit, 700);
	free(r);
	ck_assert_int_eq(
			parse(MED_KIND_LIMITS, "site:a:b", "max_calls", "0", &r, &err), MED_EOK);
	ck_assert_uint_eq(r->limits.max_calls, 0);
	ck_assert_uint_eq(r->limits.max_calls_in, MED_UNSET);
	ck_assert_uint_eq(r->limits.emergency_exempt, 1);
	ck_assert_uint_eq(r->limits.overload_code, 503);
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
	ck_assert_uint_eq(r->profile.concentrated_topology, 1);
	ck_assert_uint_eq(r->profile.enable_refer_support, 1);
	ck_assert_uint_eq(r->profile.max_early_dialogs, 20);
	ck_assert_uint_eq(r->profile.rtcp_active_calls && r->profile.rtcp_calls_on_hold, 1);
	ck_assert_uint_eq(r->profile.enable_bypass || r->profile.enable_3pcc_refer, 0);
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

START_TEST(media_that_cannot_be)
{
	static const struct {
		const char *field, *value, *besides, *beside, *text;
	} row[] = {{"codecs", "PCMA, PCMU", "transcode", "yes", ""},
			{"codecs", "AMR", "transcode", "no", ""},
			{"dtmf_payload", "127", "dtmf", "as_received", ""},
			{"packet_time_ms", "60", "comfort_noise", "no", ""},
			{"media_dscp", "63", "rtp_latching", "always", ""},
			{"media_dscp", "64", "rtp_latching", "off", "'media_dscp'"},
			{"media_interface", "pstn-1.a_b", "media_dscp", "0", ""},
			{"media_interface", "a/b", "media_dscp", "0", "'media_interface'"},
			{"media_interface", "a23456789012345678901234567890123", "media_dscp", "0",
					"'media_interface'"},
			{"rtp_latching", "twice", "media_dscp", "0", "'rtp_latching'"},
			{"transcode", "yes", "comfort_noise", "no",
					"'codecs': missing; transcode yes needs them"},
			{"codecs", "PCMA,AMR-WB", "transcode", "yes",
					"'codecs': transcode yes, but rtpengine cannot make AMR-WB"},
			{"codecs", "PCMA,PCMX", "transcode", "no", "'codecs'"},
			{"codecs", "PCMA,PCMU,G722,G729,opus,GSM", "transcode", "no", "'codecs'"},
			{"dtmf_payload", "95", "transcode", "no",
					"'dtmf_payload': no dynamic payload type; 96 to 127, or 0"},
			{"dtmf_payload", "101", "dtmf", "inband",
					"'dtmf_payload': besides dtmf inband"},
			{"dtmf", "info", "transcode", "no",
					"'dtmf': info: we send no requests of our own within a call"},
			{"srtp_mki", "none", "anchor", "yes", ""},
			{"srtp_mki", "required", "anchor", "yes",
					"'srtp_mki': required: rtpengine writes packets of its own keys "
					"without MKI; none"},
			{"srtp_keys", "dtls", "srtp_mode", "required", ""},
			{"srtp_keys", "dtls", "avpf", "yes", ""},
			{"ice", "yes", "srtp_mode", "not_supported", ""},
			{"srtp_keys", "dtls", "srtp_mode", "optional",
					"'srtp_keys': dtls needs srtp_mode required"},
			{"srtp_keys", "dtls", "srtp_mode", "not_supported",
					"'srtp_keys': dtls needs srtp_mode required"},
			{"srtp_keys", "dtls", "srtp_suites", "AES_CM_128_HMAC_SHA1_80",
					"'srtp_suites': besides srtp_keys dtls"},
			{"srtp_keys", "dtls", "sdp_dialect", "lync",
					"'sdp_dialect': lync besides srtp_keys dtls"},
			{"srtp_keys", "sdes", "avpf", "yes", "'avpf': yes needs srtp_keys dtls"},
			{"initial_offer", "required", "anchor", "no", ""},
			{"initial_offer", "early", "anchor", "yes", ""},
			{"initial_offer", "early", "anchor", "no",
					"'initial_offer': early: the offer has rtpengine's address; set "
					"anchor yes, or required"},
			{"packet_time_ms", "25", "transcode", "no",
					"'packet_time_ms': no multiple of ten"}};

	for(size_t i = 0; i < COUNT(row); i++) {
		med_field_t fields[] = {{med_str(row[i].field), med_str(row[i].value)},
				{med_str(row[i].besides), med_str(row[i].beside)}};
		med_errbuf_t err = {""};
		med_record_t *r = NULL;
		int rc = med_record_parse(MED_KIND_PROFILE, MED_STR("global"), fields,
				COUNT(fields), &med_mem_heap, &r, &err);
		ck_assert_msg(
				(rc == MED_EOK) == (row[i].text[0] == '\0'), "row %zu: %s", i, err.text);
		core_assert_has(err.text, row[i].text);
		free(r);
	}
}
END_TEST

/* Spec 2.2, rules 1 and 2. */
START_TEST(bypass_needs_more)
{
	static const struct {
		const char *topology, *refer, *active, *hold, *text;
	} row[] = {{"yes", "yes", "yes", "yes", ""}, {"yes", "no", "no", "no", ""},
			{"no", "yes", "yes", "yes",
					"'enable_bypass': yes needs concentrated_topology"},
			{"yes", "no", "yes", "no", "yes needs enable_refer_support yes, or both"},
			{"yes", "no", "no", "yes", "yes needs enable_refer_support yes, or both"}};

	for(size_t i = 0; i < COUNT(row); i++) {
		med_field_t fields[] = {{MED_STR("enable_bypass"), MED_STR("yes")},
				{MED_STR("concentrated_topology"), med_str(row[i].topology)},
				{MED_STR("enable_refer_support"), med_str(row[i].refer)},
				{MED_STR("rtcp_active_calls"), med_str(row[i].active)},
				{MED_STR("rtcp_calls_on_hold"), med_str(row[i].hold)}};
		med_errbuf_t err = {""};
		med_record_t *r = NULL;
		int rc = med_record_parse(MED_KIND_PROFILE, MED_STR("global"), fields,
				COUNT(fields), &med_mem_heap, &r, &err);
		ck_assert_int_eq(rc, row[i].text[0] == '\0' ? MED_EOK : MED_EINVAL);
		core_assert_has(err.text, row[i].text);
		free(r);
	}
}
END_TEST

START_TEST(a_case_is_of_a_trunk_or_of_a_policy)
{
	med_field_t fields[] = {{MED_STR("dialed_number"), MED_STR("0123")},
			{MED_STR("from_trunk"), MED_STR("t")},
			{MED_STR("target_policy"), MED_STR("p")}};
	med_errbuf_t err = {""};
	med_record_t *r;

	ck_assert_int_eq(med_record_parse(MED_KIND_TEST, MED_STR("x"), fields, 1,
							 &med_mem_heap, &r, &err),
			MED_EINVAL);
	core_assert_has(err.text, "'from_trunk': missing; name the trunk");
	ck_assert_int_eq(med_record_parse(MED_KIND_TEST, MED_STR("x"), fields, 3,
							 &med_mem_heap, &r, &err),
			MED_EINVAL);
	core_assert_has(err.text, "'target_policy': besides from_trunk");
	fields[2].name = MED_STR("from_site");
	ck_assert_int_eq(med_record_parse(MED_KIND_TEST, MED_STR("x"), fields, 3,
							 &med_mem_heap, &r, &err),
			MED_EINVAL);
	core_assert_has(err.text, "'from_site': besides from_trunk");
	fields[2].name = MED_STR("from_pool");
	ck_assert_int_eq(med_record_parse(MED_KIND_TEST, MED_STR("x"), fields, 3,
							 &med_mem_heap, &r, &err),
			MED_EINVAL);
	core_assert_has(err.text, "'from_pool': besides from_trunk");
	ck_assert_int_eq(med_record_parse(MED_KIND_TEST, MED_STR("x"), fields, 2,
							 &med_mem_heap, &r, &err),
			MED_EOK);
	ck_assert_uint_eq(r->test.expected_result, MED_EXPECT_ROUTED);
	free(r);
}
END_TEST

START_TEST(rules_have_names_and_more)
{
	med_field_t fields[] = {{MED_STR("rule.7.name"), MED_STR("seven")},
			{MED_STR("rule.7"), MED_STR("^7 => 8")},
			{MED_STR("rule.0.is_internal_extension"), MED_STR("yes")},
			{MED_STR("rule.0"), MED_STR("^(\\d*)$=>+$1")},
			{MED_STR("rule.0.description"), MED_STR("d")}};
	med_field_t codes[] = {
			{MED_STR("rule.1"),
					MED_STR(" translated_response_code=503  ReceivedResponseCode=486 ")},
			{MED_STR("rule.0"),
					MED_STR("received_isup_cause_value=34 translated_response_code=503")},
			{MED_STR("rule.0.name"), MED_STR("no circuit")}};
	const med_response_rule_record_t *code;
	const med_rule_record_t *rule;
	med_errbuf_t err = {""};
	med_record_t *r;
	int rc = med_record_parse(
			MED_KIND_RULES, MED_STR("r"), fields, COUNT(fields), &med_mem_heap, &r, &err);

	ck_assert_msg(rc == MED_EOK, "%s", err.text);
	rule = r->rules.rules.items;
	ck_assert_uint_eq(r->rules.rules.count, 2);
	ck_assert_uint_eq(rule[0].order, 0);
	ck_assert_uint_eq(rule[0].is_internal_extension, 1);
	core_assert_str(rule[0].pattern, "^(\\d*)$");
	core_assert_str(rule[0].translation, "+$1");
	core_assert_str(rule[0].description, "d");
	ck_assert_uint_eq(rule[1].order, 7);
	core_assert_str(rule[1].name, "seven");
	ck_assert_uint_eq(rule[1].is_internal_extension, 0);
	free(r);
	rc = med_record_parse(MED_KIND_RESPONSE_RULES, MED_STR("r"), codes, COUNT(codes),
			&med_mem_heap, &r, &err);
	ck_assert_msg(rc == MED_EOK, "%s", err.text);
	code = r->response_rules.rules.items;
	ck_assert_uint_eq(r->response_rules.rules.count, 2);
	ck_assert_uint_eq(code[0].received_response_code, MED_CODE_ANY);
	ck_assert_int_eq(code[0].received_isup_cause_value, 34);
	core_assert_str(code[0].name, "no circuit");
	ck_assert_uint_eq(code[1].received_response_code, 486);
	ck_assert_int_eq(code[1].received_isup_cause_value, MED_CAUSE_ANY);
	ck_assert_uint_eq(code[1].translated_response_code, 503);
	free(r);
}
END_TEST

/* Each alias sets its field; field and alias at once are refused. */
START_TEST(aliases)
{
	unsigned found = 0;

	for(unsigned kind = 0; kind < MED_KIND_COUNT; kind++) {
		size_t count;
		const med_field_def_t *defs = med_schema(kind, &count);
		for(size_t i = 0; i < count; i++) {
			med_field_t fields[] = {{med_str(defs[i].name), MED_STR("a")},
					{med_str(defs[i].alias), MED_STR("a")}};
			med_errbuf_t err = {""};
			med_record_t *r;
			if(defs[i].alias == NULL)
				continue;
			found++;
			ck_assert_ptr_eq(med_schema_field(kind, med_str(defs[i].alias)), &defs[i]);
			ck_assert_str_ne(defs[i].alias, defs[i].name);
			ck_assert_int_eq(
					med_record_parse(kind,
							kind == MED_KIND_PROFILE || kind == MED_KIND_LOCATION_POLICY
									? MED_STR("global")
									: MED_STR("x"),
							fields, 2, &med_mem_heap, &r, &err),
					MED_EINVAL);
			core_assert_has(err.text, defs[i].alias);
			core_assert_has(err.text, "another name of a field that is given too");
		}
	}
	ck_assert_uint_ge(found, 7);
}
END_TEST

/* The table itself: names are unique, defaults are valid, every field says what it is. */
START_TEST(the_table)
{
	for(unsigned kind = 0; kind < MED_KIND_COUNT; kind++) {
		size_t count;
		const med_field_def_t *defs = med_schema(kind, &count);
		ck_assert_uint_gt(count, 0);
		ck_assert_uint_le(count, 64 * MED_GIVEN_WORDS); /* record.c marks them */
		for(size_t i = 0; i < count; i++) {
			char value[256], name[64];
			ck_assert_uint_gt(strlen(defs[i].meaning), 5);
			ck_assert_uint_le(defs[i].offset, sizeof(med_record_t));
			for(size_t k = 0; k < i; k++)
				ck_assert_str_ne(defs[i].name, defs[k].name);
			ck_assert_uint_gt(
					strlen(med_schema_value(&defs[i], value, sizeof(value))), 0);
			ck_assert_uint_lt(strlen(value), sizeof(value) - 1);
			ck_assert(defs[i].refers == 0 || defs[i].refers <= MED_KIND_COUNT);
			ck_assert((defs[i].type == MED_TYPE_WORD || defs[i].type == MED_TYPE_WORDS)
					== (defs[i].words != NULL));
			if(!med_schema_is_numbered(&defs[i])) {
				ck_assert_ptr_eq(med_schema_field(kind, med_str(defs[i].name)), &defs[i]);
				continue;
			}
			snprintf(name, sizeof(name), "rule.120%s", defs[i].name + strlen("rule.<n>"));
			ck_assert_ptr_eq(med_schema_field(kind, med_str(name)), &defs[i]);
			ck_assert_uint_eq(med_schema_order(&defs[i], med_str(name)), 120);
		}
	}
}
END_TEST

/* ---- written as read ------------------------------------------------------------------
 */

static const char *draw(uint64_t *state, const char *const *words, unsigned count)
{
	return words[core_draw(state, count)];
}

/* A value this field takes. */
static const char *draw_value(const med_field_def_t *def, uint64_t *state)
{
	static const char *const texts[] = {"x", "K\xc3\xb6ln, 2 => =", "a b"};
	static const char *const ids[] = {"a", "b.c-d_E", "42"};
	static const char *const hosts[] = {"gw1.example.com", "a.", "b"};
	static const char *const addresses[] = {"192.0.2.1", "2001:db8::1", "::1"};
	static const char *const numbers[] = {"+14255550100", "1;ext=12"};
	static const char *const id_lists[] = {"a", "a,b", " c , d,e ", ""};
	static const char *const subnets[] = {"192.0.2.1", "192.0.2.77/24,2001:db8::/32",
			"::/0", "0.0.0.0/0, ::ffff:192.0.2.0/120", "[2001:db8::2]"};
	static const char *const codes[] = {"503", "503,408, 486", ""};
	static const char *const trunks[] = {"a", "a*0,b*255", "a*1,b, c*2"};
	static const char *const rules[] = {
			"^1=>2", "^\\+(\\d*)$ => $1", "x =>", "a => b => c"};
	static const char *const responses[] = {
			"received_response_code=486 translated_response_code=503",
			"translated_response_code=480 received_isup_cause_value=0",
			("received_response_code=180 received_isup_cause_value=-1 "
			 "translated_response_code=699")};
	static const char *const bools[] = {"yes", "NO", "1", "false"};
	static const char *const dialeds[] = {"112", "112, 110", ""};
	static const char *const windows[] = {
			"mon-fri 08:00-17:30,sat", "daily", "SAT-mon 22:00-06:00", ""};
	static const char *const dates[] = {
			"2026-12-24..2027-01-02, 05-01", "12-24..01-02", ""};
	static char number[16];

	switch(def->type) {
		case MED_TYPE_TEXT:
			return draw(state, texts, 3);
		case MED_TYPE_ID:
			return draw(state, ids, 3);
		case MED_TYPE_HOST:
		case MED_TYPE_NAME:
			return draw(state, hosts, 3);
		case MED_TYPE_ADDRESS:
			return draw(state, addresses, 3);
		case MED_TYPE_PATTERN:
			return "^1(2|3)$";
		case MED_TYPE_CALLER:
			return draw(state, numbers, 2);
		case MED_TYPE_DIALED:
			return "*21#;ext=7";
		case MED_TYPE_SIMPLE_NAME:
			return "Redmond-1.2+(x)_y";
		case MED_TYPE_PREFIX:
			return "9#*0";
		case MED_TYPE_BOOL:
			return draw(state, bools, 4);
		case MED_TYPE_NUMBER:
			snprintf(number, sizeof(number), "%u",
					core_draw(state, 3) == 0 ? def->max
											 : def->min + core_draw(state, 100));
			return number;
		case MED_TYPE_WORD: {
			unsigned count = 0;
			while(def->words[count] != NULL)
				count++;
			return draw(state, def->words, count);
		}
		case MED_TYPE_WORDS:
			return "AEAD_AES_256_GCM, aes_cm_128_hmac_sha1_32";
		case MED_TYPE_IDS:
			return draw(state, id_lists, 4);
		case MED_TYPE_SUBNETS:
			return draw(state, subnets, 5);
		case MED_TYPE_CODES:
			return draw(state, codes, 3);
		case MED_TYPE_TRUNKS:
			return draw(state, trunks, 3);
		case MED_TYPE_DIALEDS:
			return draw(state, dialeds, 3);
		case MED_TYPE_WINDOWS:
			return draw(state, windows, 4);
		case MED_TYPE_DATES:
			return draw(state, dates, 3);
		case MED_TYPE_ZONE:
			return "Europe/Berlin";
		case MED_TYPE_INSTANT:
			return "2026-12-24T18:00:59Z";
		case MED_TYPE_RULE:
			return draw(state, rules, 4);
		case MED_TYPE_RESPONSE_RULE:
			return draw(state, responses, 3);
	}
	return "";
}

/* What med_schema_each() told, to be read again. */
typedef struct told {
	med_field_t fields[64 * MED_GIVEN_WORDS];
	char text[8192];
	size_t count, len;
} told_t;

static int tell(void *ctx, const med_field_def_t *def, med_str_t name, med_str_t value)
{
	told_t *told = ctx;
	const med_str_t part[2] = {name, value};
	med_str_t *copy[2] = {
			&told->fields[told->count].name, &told->fields[told->count].value};

	(void)def;
	ck_assert_uint_lt(told->count, COUNT(told->fields));
	for(int i = 0; i < 2; i++) {
		ck_assert_uint_lt(told->len + part[i].len, sizeof(told->text));
		memcpy(told->text + told->len, part[i].s, part[i].len);
		*copy[i] = (med_str_t){told->text + told->len, part[i].len};
		told->len += part[i].len;
	}
	told->count++;
	return MED_EOK;
}

START_TEST(what_is_written_reads_the_same)
{
	static told_t once, twice;
	uint64_t state = 3;
	unsigned read = 0;

	for(int round = 0; round < 4000; round++) {
		enum med_kind kind = (enum med_kind)(round % MED_KIND_COUNT);
		med_str_t id = kind == MED_KIND_PROFILE ? MED_STR("global")
				: kind == MED_KIND_LIMITS       ? MED_STR("site:a:b")
												: MED_STR("x");
		char values[64][80], names[64][64];
		med_field_t fields[64];
		size_t known, count = 0;
		const med_field_def_t *defs = med_schema(kind, &known);
		med_errbuf_t err = {""};
		med_record_t *a = NULL, *b = NULL;

		for(size_t i = 0; i < known; i++) {
			if(!defs[i].required && !med_schema_makes_entry(&defs[i])
					&& core_draw(&state, 2) == 0)
				continue;
			snprintf(names[count], sizeof(names[0]), "%.5s%u%s", defs[i].name,
					core_draw(&state, 2),
					defs[i].name + (med_schema_is_numbered(&defs[i]) ? 8 : 0));
			if(!med_schema_is_numbered(&defs[i]))
				snprintf(names[count], sizeof(names[0]), "%s", defs[i].name);
			snprintf(
					values[count], sizeof(values[0]), "%s", draw_value(&defs[i], &state));
			fields[count] = (med_field_t){med_str(names[count]), med_str(values[count])};
			count++;
		}
		if(med_record_parse(kind, id, fields, count, &med_mem_heap, &a, &err) != MED_EOK)
			continue; /* the fields do not go together */
		read++;
		once.count = once.len = twice.count = twice.len = 0;
		ck_assert_int_eq(med_schema_each(kind, a, &med_mem_heap, tell, &once), MED_EOK);
		ck_assert_msg(med_record_parse(
							  kind, id, once.fields, once.count, &med_mem_heap, &b, &err)
						== MED_EOK,
				"%s: %s", med_kind_name(kind), err.text);
		ck_assert_int_eq(med_schema_each(kind, b, &med_mem_heap, tell, &twice), MED_EOK);
		ck_assert_uint_eq(once.count, twice.count);
		ck_assert_msg(
				once.len == twice.len && memcmp(once.text, twice.text, once.len) == 0,
				"%.*s\n%.*s", (int)once.len, once.text, (int)twice.len, twice.text);
		free(a);
		free(b);
	}
	ck_assert_uint_gt(read, 1000);
}
END_TEST

/* Of each field that was given its value comes back as it was understood. */
START_TEST(values_come_back)
{
	static const struct {
		enum med_kind kind;
		const char *field, *value, *written;
	} row[] = {{MED_KIND_TRUNK, "transport", "TLS", "tls"},
			{MED_KIND_TRUNK, "enabled", "0", "no"},
			{MED_KIND_TRUNK, "port", "05061", "5061"}, {MED_KIND_TRUNK, "port", NULL, ""},
			{MED_KIND_PROFILE, "srtp_mode", "NotSupported", "not_supported"},
			{MED_KIND_PROFILE, "failover_codes", "503, 408", "408,503"},
			{MED_KIND_PROFILE, "pstn_usages", " b , a", "b,a"},
			{MED_KIND_GATEWAY, "source", "192.0.2.9/24,2001:db8::1/32,10.0.0.1",
					"192.0.2.0/24,2001:db8::/32,10.0.0.1"},
			{MED_KIND_ROUTE, "trunks", "a*1,b*3,c*0", "a,b*3,c*0"},
			{MED_KIND_SITE, "audio_bw_limit", NULL, ""},
			{MED_KIND_SITE, "audio_bw_session_limit", NULL, "175"},
			{MED_KIND_TRUNK, "description", " a  b ", "a  b"}};

	for(size_t i = 0; i < COUNT(row); i++) {
		const med_field_def_t *def = med_schema_field(row[i].kind, med_str(row[i].field));
		med_field_t fields[2] = {{med_str(row[i].field), med_str(row[i].value)},
				{row[i].kind == MED_KIND_ROUTE ? MED_STR("pattern") : MED_STR("address"),
						MED_STR("gw")}};
		bool more = row[i].kind == MED_KIND_ROUTE || row[i].kind == MED_KIND_GATEWAY;
		med_field_t *first = row[i].value == NULL ? fields + 1 : fields;
		char text[80], cut[4];
		med_errbuf_t err = {""};
		med_record_t *r;
		int rc = med_record_parse(row[i].kind,
				row[i].kind == MED_KIND_PROFILE ? MED_STR("global") : MED_STR("x"), first,
				(row[i].value != NULL) + more, &med_mem_heap, &r, &err);
		ck_assert_msg(rc == MED_EOK, "row %zu: %s", i, err.text);
		ck_assert_uint_eq(
				med_schema_format(def, r, text, sizeof(text)), strlen(row[i].written));
		ck_assert_str_eq(text, row[i].written);
		ck_assert_uint_eq(med_schema_format(def, r, cut, sizeof(cut)),
				strlen(row[i].written)); /* all of it is counted */
		ck_assert_int_eq(strncmp(cut, row[i].written, 3), 0);
		ck_assert_uint_le(strlen(cut), 3);
		ck_assert_uint_eq(med_schema_format(def, r, NULL, 0), strlen(row[i].written));
		free(r);
	}
}
END_TEST

START_TEST(too_much)
{
	static med_field_t fields[MED_FIELDS_MAX + 1];
	static char value[70000];
	med_record_t *r;
	med_errbuf_t err;

	for(size_t i = 0; i < COUNT(fields); i++)
		fields[i] = (med_field_t){MED_STR("rule.0"), MED_STR("1 => 2")};
	ck_assert_int_eq(med_record_parse(MED_KIND_RULES, MED_STR("r"), fields, COUNT(fields),
							 &med_mem_heap, &r, &err),
			MED_ELIMIT);
	core_assert_has(err.text, "4097 fields; at most 4096");
	ck_assert_int_eq(med_record_parse(MED_KIND_RULES, MED_STR("r"), fields, 1100,
							 &med_mem_heap, &r, &err),
			MED_ELIMIT);
	core_assert_has(err.text, "1100 rules; at most 1000");
	ck_assert_int_eq(med_record_parse(MED_KIND_RULES, MED_STR("r"), fields, 2,
							 &med_mem_heap, &r, &err),
			MED_EINVAL);
	core_assert_has(err.text, "rules 'r': field 'rule.0': given twice");
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
			bypass_needs_more, media_that_cannot_be, a_case_is_of_a_trunk_or_of_a_policy,
			rules_have_names_and_more, aliases, the_table, what_is_written_reads_the_same,
			values_come_back, too_much};

	return core_run("record", tests, COUNT(tests));
}
