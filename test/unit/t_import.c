/**
 * t_import.c - what Lync's tools export becomes the objects it means, and nothing is lost
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "import_test.h"

static import_file_t all[] = {{"topology.xml", NULL, {NULL, 0}},
		{"sites.xml", NULL, {NULL, 0}}, {"mediation.xml", NULL, {NULL, 0}},
		{"trunks.xml", NULL, {NULL, 0}}, {"trunkconfig.xml", NULL, {NULL, 0}},
		{"dialplans.xml", NULL, {NULL, 0}}, {"policies.xml", NULL, {NULL, 0}},
		{"usages.xml", NULL, {NULL, 0}}, {"routes.xml", NULL, {NULL, 0}},
		{"voiceconfig.xml", NULL, {NULL, 0}}};

static void load_all(void)
{
	for(size_t i = 0; i < COUNT(all); i++)
		all[i].bytes = import_sample(all[i].name);
}

static void free_all(void)
{
	for(size_t i = 0; i < COUNT(all); i++)
		free((char *)(uintptr_t)all[i].bytes.s);
}

/* The files that the migration page asks for: as a whole, accepted without a refusal. */
START_TEST(a_whole_site)
{
	static const char *const expected[] = {
			"# from sites.xml: Harbour\n[site Harbour]\nname = Harbour\n"
			"description = quays 1 to 9\n",
			"[site Old-Mill]\nname = Old Mill\n",
			"[pool medpool.example.net]\nname = medpool.example.net\n"
			"fqdn = medpool.example.net\nsite = Harbour\nsip_server_port = 5070\n"
			"sip_client_tls_port = 5067\nsip_client_tcp_port = 5078\n"
			"audio_port_start = 49152\naudio_port_count = 8348\n"
			"registrar = fe.example.net\n",
			"[gateway sbc1.example.net]\nname = sbc1.example.net\n"
			"address = sbc1.example.net\nsite = Harbour\nsource = 192.0.2.40\n"
			"representative_media_ip = 192.0.2.41\n"
			"alternate_by_pass_id = aaaaaaaa-0000-4000-8000-0000000000aa\n"
			"routable = yes\ndefault = no\nroot_trunk = sbc1.example.net\n",
			/* An additional trunk is not a gateway of its own. */
			"[trunk Carrier-B]\nname = Carrier B\ngateway = sbc1.example.net\n"
			"transport = tls\nport = 5069\nmediation_server = medpool.example.net\n"
			"local_port = 5087\n",
			"[trunk 192.0.2.50]\nname = 192.0.2.50\ngateway = 192.0.2.50\n"
			"transport = tcp\nport = 5066\n",
			"[rules trunk-sbc1.example.net-called]\n",
			"rule.0 = ^\\+49(\\d+)$ => 0$1\nrule.0.name = ToNational\n"
			"rule.0.description = national, with trunk zero  second line\n"
			"rule.1 = ^\\+(\\d+)(_x)?$ => 00$1\nrule.1.name = ToInternational\n#",
			"[rules trunk-sbc1.example.net-calling]\n",
			"[response_rules trunk-sbc1.example.net-responses]\n",
			"rule.0 = received_response_code=486 received_isup_cause_value=34 "
			"translated_response_code=503\nrule.0.name = NoCircuit\n"
			"rule.1 = received_response_code=480 received_isup_cause_value=-1 "
			"translated_response_code=503\n",
			"[profile trunk:sbc1.example.net]\ndescription = the carrier's own\n",
			"max_early_dialogs = 10\nremove_plus_from_uri = yes\n",
			"srtp_mode = optional\npstn_usages = Local,Long-Distance\n"
			"outbound_translation_rules = trunk-sbc1.example.net-called\n",
			"dial_plan = dialplan-global\n",
			/* A reference to a rule of another list. */
			"[rules site-Old-Mill-called]\nname = site:Old-Mill called\n"
			"rule.0 = ^\\+49(\\d+)$ => 0$1\n",
			"[profile site:Old-Mill]\nsrtp_mode = not_supported\n",
			/* A dial plan of its own makes a profile, with the next scope's settings. */
			"[profile trunk:Carrier-B]\nconcentrated_topology = yes\n",
			"srtp_mode = required\ndial_plan = dialplan-trunk-Carrier-B\n",
			/* Flat, as remoting leaves it. */
			"rule.0 = ^(\\d{4})$ => +4940555$1\nrule.0.name = Extension\n"
			"rule.0.is_internal_extension = yes\n",
			"[policy Managers]\nname = Tag:Managers\n",
			"usages = Local,Long-Distance,International\n"
			"call_forwarding_simul_ring_usage_type = custom_usage\n"
			"custom_call_forwarding_simul_ring_usages = Local\n",
			"[route National-out]\nname = National-out\npattern = ^\\+49(?!900)\\d+$\n"
			"priority = 0\nusages = Local,Long-Distance\n"
			"trunks = sbc1.example.net,192.0.2.50\n",
			"[route International-out]\nname = International out\npattern = ^\\+\\d+$\n"
			"priority = 1\nusages = International\ntrunks = Carrier-B\n"
			"suppress_caller_id = yes\nalternate_caller_id = +4940555000\n",
			"[test National-test]\ndialed_number = 040555123\n"
			"expected_translated_number = +4940555123\ntarget_policy = global\n"
			"target_dialplan = dialplan-global\nexpected_route = National-out\n"
			"expected_usage = Local\n",
			"CHANGED trunk 'Carrier B': its id here is 'Carrier-B'\n",
			"LEFT topology.xml: sbc1.example.net: Sparkle = '7': not understood",
			"LEFT topology.xml: services of other roles (1), no part of a Mediation "
			"Server: "
			"Registrar\n",
			"LEFT sites.xml: Harbour: City = 'Port Example': ",
			"LEFT trunkconfig.xml: PstnGateway:sbc1.example.net: rule 'Balanced' "
			"(^(?'a'\\d)(?<b-a>\\d)$ => $1): at character 14: balancing groups",
			"LEFT trunkconfig.xml: PstnGateway:sbc1.example.net: EnablePAIPAssthrough = ",
			"LEFT policies.xml: Global: EnableDelegation = 'true': ",
			"LEFT voice policies: which user has which policy is in the directory",
			"LEFT usage 'Internal': no route has it",
			"CARRIED routes.xml: National-out: route 'National-out'\n",
	};
	import_run_t *run;
	const med_snapshot_t *snapshot;
	core_texts_t refused = {.len = 0};

	load_all();
	run = import_run(all, NULL, COUNT(all));
	for(size_t i = 0; i < COUNT(expected); i++)
		core_assert_has(run->text, expected[i]);
	snapshot = core_build(run->config);
	(void)med_config_refused(run->config, core_add_text, &refused);
	ck_assert_msg(refused.len == 0, "refused:\n%s", refused.text);
	med_config_release(run->config, snapshot);
	import_end(run);
	free_all();
}
END_TEST

static bool next_permutation(size_t *order, size_t count)
{
	size_t i = count - 1, k = count - 1;

	while(i > 0 && order[i - 1] >= order[i])
		i--;
	if(i == 0)
		return false;
	while(order[k] <= order[i - 1])
		k--;
	for(size_t t = order[k], once = 1; once; once = 0) {
		order[k] = order[i - 1];
		order[i - 1] = t;
	}
	for(size_t left = i, right = count - 1; left < right; left++, right--) {
		size_t t = order[left];
		order[left] = order[right];
		order[right] = t;
	}
	return true;
}

/* Every order of the five files that refer to each other; the whole set, turned. */
START_TEST(order_does_not_matter)
{
	size_t order[COUNT(all)], permutations = 0;
	import_run_t *first, *run;

	load_all();
	for(size_t i = 0; i < COUNT(all); i++)
		order[i] = i;
	first = import_run(all, order, 5);
	do {
		run = import_run(all, order, 5);
		ck_assert_str_eq(run->text, first->text);
		import_end(run);
		permutations++;
	} while(next_permutation(order, 5));
	ck_assert_uint_eq(permutations, 120);
	import_end(first);
	first = import_run(all, NULL, COUNT(all));
	for(size_t turn = 0; turn < COUNT(all); turn++) {
		for(size_t i = 0; i < COUNT(all); i++)
			order[i] = (2 * COUNT(all) - i + turn) % COUNT(all);
		run = import_run(all, order, COUNT(all));
		ck_assert_str_eq(run->text, first->text);
		import_end(run);
	}
	import_end(first);
	free_all();
}
END_TEST

/* Documents of the central store, in a set of unknown levels, and a bare payload. */
START_TEST(the_central_store)
{
	import_file_t files[] = {{"topology.xml", NULL, import_sample("topology.xml")},
			{"store-dialplan.xml", NULL, import_sample("store-dialplan.xml")},
			{"store-docitemset.xml", NULL, import_sample("store-docitemset.xml")},
			{"VoicePolicy/Site_Old Mill.xml", NULL, import_sample("bare-policy.xml")}};
	import_run_t *run = import_run(files, NULL, COUNT(files));
	static const char *const expected[] = {
			"[rules dialplan-Quay-Floor2]\nname = Tag:Quay-Floor2\n"
			"simple_name = Quay-Floor2\noptimize_device_dialing = no\n"
			"rule.0 = ^(\\d{4})$ => +4940555$1\nrule.0.name = Extension\n"
			"rule.0.is_internal_extension = yes\nrule.1 = ^0([1-9]\\d+)$ => +49$1\n",
			/* The service of its scope is found in the topology. */
			"[profile trunk:sbc1.example.net]\nconcentrated_topology = yes\n"
			"enable_bypass = no\nmax_early_dialogs = 15\nsrtp_mode = optional\n"
			"pstn_usages = Local\n",
			"rule.0 = ^\\+(\\d+)$ => $1\nrule.0.name = Plus\n"
			"rule.0.description = no plus\n",
			"rule.0 = ^\\+49(\\d+)$ => 0$1\nrule.0.name = Caller\n",
			"rule.0 = received_response_code=0 received_isup_cause_value=34 "
			"translated_response_code=503\n",
			"[policy site-Harbour]\n", "usages = Local,International\n",
			"[policy site-Old-Mill]\nname = Site:Old Mill\nusages = Local\n",
			"[route Out]\nname = Out\ndescription = first\npattern = ^\\+\npriority = 0\n"
			"usages = Local\ntrunks = sbc1.example.net\n",
			"[route Out2]\nname = Out2\npattern = ^\\+1\npriority = 1\n"
			"usages = International\ntrunks = sbc1.example.net-2\n",
			"CHANGED VoicePolicy/Site_Old Mill.xml: its scope 'Site:Old Mill' was taken "
			"from the file's name",
			"its port", /* nothing: the other trunk of the gateway has a port of its own
						 */
	};

	for(size_t i = 0; i + 1 < COUNT(expected); i++)
		core_assert_has(run->text, expected[i]);
	import_assert_lacks(run->text, expected[COUNT(expected) - 1]);
	import_end(run);
	for(size_t i = 0; i < COUNT(files); i++)
		free((char *)(uintptr_t)files[i].bytes.s);
}
END_TEST

START_TEST(topology_builder)
{
	import_file_t file = {"builder.tbxml", NULL, import_sample("builder.tbxml")};
	import_run_t *run = import_run(&file, NULL, 1);
	static const char *const expected[] = {
			"[pool med1.example.net]\nname = med1.example.net\nfqdn = med1.example.net\n"
			"site = Harbour\nsip_client_tls_port = 5067\n",
			"[gateway sbc1.example.net]\nname = sbc1.example.net\n"
			"address = sbc1.example.net\nsite = Harbour\nsource = 192.0.2.40\n"
			"routable = yes\nroot_trunk = sbc1.example.net\n",
			"[trunk second]\nname = second\ngateway = sbc1.example.net\n"
			"transport = tls\nport = 5068\nmediation_server = med1.example.net\n"
			"local_port = 5077\n",
			"CHANGED builder.tbxml: not published",
	};

	for(size_t i = 0; i < COUNT(expected); i++)
		core_assert_has(run->text, expected[i]);
	import_end(run);
	free((char *)(uintptr_t)file.bytes.s);
}
END_TEST

#define RULE_LIST(item)                                                                  \
	IMPORT_OBJ("LocationProfile",                                                        \
			"<S N='Identity'>Global</S><Obj N='NormalizationRules'><LST>" item           \
			"</LST></Obj>")
#define TRUNK(name, props)                                                               \
	IMPORT_OBJ("DisplayPstnGateway#Decorated",                                           \
			"<S N='Identity'>PstnGateway:" name "</S>" props)

/* One line for each form a thing may have: what comes of it. */
START_TEST(forms)
{
	static const struct {
		const char *text, *expected;
	} row[] = {
			/* Lists: one scalar, IE, STK, QUE, nil, wrapped as a whole. */
			{IMPORT_CLIXML(IMPORT_OBJ("Policy.Voice.VoicePolicy",
					 "<S N='Identity'>a</S><S N='PstnUsages'>u1</S>")),
					"usages = u1\n"},
			{IMPORT_CLIXML(IMPORT_OBJ("VoicePolicy",
					 "<S N='Identity'>a</S><Obj N='pstnusages'><QUE><S>u1</S><Nil/><S>u1"
					 "</S><S>u2</S></QUE></Obj>")),
					"usages = u1,u2\n"},
			{IMPORT_CLIXML("<Obj RefId='0'><LST>" IMPORT_OBJ(
					 "VoicePolicy", "<S N='Identity'>a</S>") IMPORT_OBJ("VoicePolicy",
					 "<S N='Identity'>b</S>") "</LST></Obj>"),
					"[policy b]"},
			{IMPORT_CLIXML(
					 "<Obj><TN><T>Example.List</T></TN><IE>" IMPORT_OBJ("VoicePolicy",
							 "<S N='Identity'>a</S>") "</IE><Props><I32 "
													  "N='Count'>1</I32></Props></Obj>"),
					"[policy a]"},
			/* ToString last, properties among the notes, prefix and suffix of types. */
			{IMPORT_CLIXML(
					 "<Obj><MS><S N='Identity'>r</S></MS><Props>"
					 "<S N='NumberPattern'>^1$</S></Props><TN><T>Deserialized.x.route"
					 "#Decorated</T></TN><ToString>x</ToString></Obj>"),
					"[route r]\nname = r\npattern = ^1$\npriority = 0\n"},
			/* The first known of several types. */
			{IMPORT_CLIXML(
					 "<Obj><TN><T>Example.Sub</T><T>Microsoft.Rtc.VoicePolicy</T></TN>"
					 "<Props><S N='Identity'>p</S></Props></Obj>"),
					"[policy p]"},
			/* An unknown one is told. */
			{IMPORT_CLIXML("<Obj><TN><T>Example.Sub</T></TN><Props><S N='Identity'>p</S>"
						   "</Props></Obj>"),
					"LEFT f.xml: p: an object of type 'Sub', which is not imported"},
			{IMPORT_CLIXML("<S>hello</S>"), "LEFT f.xml: 'hello', which is no object"},
			{IMPORT_CLIXML(""), "LEFT f.xml: no object is in it"},
			/* Escapes: joined surrogates, the long form, a capital X, not one at all. */
			{IMPORT_CLIXML(IMPORT_OBJ("VoicePolicy",
					 "<S N='Iden_x0074_ity'>a</S><S N='Description'>_xD83D__xDE00_ "
					 "_x0001F600_ _X0041_ _x41_ _xZZZZ_</S>")),
					"description = \xf0\x9f\x98\x80 \xf0\x9f\x98\x80 A _x41_ _xZZZZ_\n"},
			{IMPORT_CLIXML(IMPORT_OBJ("VoicePolicy",
					 "<S N='Identity'>a</S><S N='Description'>_xD83D_</S>")),
					"description = \xef\xbf\xbd\n"},
			/* An enumeration is its text; any integer tag is a number. */
			{IMPORT_CLIXML(IMPORT_OBJ("TrunkConfiguration",
					 "<S N='Identity'>Global</S><I64 N='MaxEarlyDialogs'>7</I64><Obj "
					 "N='SRTPMode'><I32>1</I32><ToString>NotSupported</ToString></Obj>")),
					"max_early_dialogs = 7\nsrtp_mode = not_supported\n"},
			/* A dictionary's entries are properties. */
			{IMPORT_CLIXML(
					 "<Obj><TN><T>VoicePolicy</T></TN><DCT><En><S N='Key'>Identity</S>"
					 "<S N='Value'>d</S></En></DCT></Obj>"),
					"[policy d]"},
			/* A cycle is nothing to be afraid of. */
			{IMPORT_CLIXML(
					 "<Obj RefId='0'><TN><T>VoicePolicy</T></TN><Props><S N='Identity'>"
					 "c</S><Ref N='PstnUsages' RefId='0'/></Props></Obj>"),
					"[policy c]"},
			/* Flat rules: one way, more than one, none; Element has them too. */
			{IMPORT_CLIXML(
					 RULE_LIST("<S>Description=a;b;Pattern=^1;ext=2$;Translation=+1;"
							   "Name=n;IsInternalExtension=False </S>")),
					"rule.0 = ^1;ext=2$ => +1\nrule.0.name = n\nrule.0.description = "
					"a;b\n"},
			{IMPORT_CLIXML(
					 RULE_LIST("<S>Description=;Pattern=^1;Translation=2$;Translation="
							   "+1;Name=n;IsInternalExtension=False </S>")),
					"can be read in more than one way; export again with -Depth 4"},
			{IMPORT_CLIXML(RULE_LIST("<S>NormalizationRule</S>")),
					"rule 'NormalizationRule': it became one text, which can be read in "
					"no way"},
			{IMPORT_CLIXML(IMPORT_OBJ("LocationProfile",
					 "<S N='Identity'>Global</S><Obj N='NormalizationRules'><LST><S>"
					 "NormalizationRule</S></LST></Obj><S N='Element'>"
					 "&lt;LocationProfile SimpleName='s' Odd='1'>&lt;NormalizationRule "
					 "Name='n' "
					 "Pattern='^1$' Translation='2'/>&lt;/LocationProfile></S>")),
					"simple_name = s\nrule.0 = ^1$ => 2\nrule.0.name = n\n"},
			{IMPORT_CLIXML(IMPORT_OBJ("LocationProfile",
					 "<S N='Identity'>Global</S><Obj N='Element'><ToString>"
					 "&lt;LocationProfile Odd='1'/></ToString></Obj>")),
					"LEFT f.xml: Global: Odd = '1': not understood"},
			/* A trunk configuration of a scope that no trunk has. */
			{IMPORT_CLIXML(IMPORT_OBJ(
					 "TrunkConfiguration", "<S N='Identity'>Service:PstnGateway:x</S>")),
					"LEFT f.xml: PstnGateway:x: trunk 'x' is in none of the files"},
			{IMPORT_CLIXML(IMPORT_OBJ("TrunkConfiguration",
					 "<S N='Identity'>Site:S</S><S N='NetworkSiteID'>N</S>")),
					"LEFT f.xml: Site:S: NetworkSiteID = 'N': its subnets are in the "
					"network"},
			{IMPORT_CLIXML(
					 IMPORT_OBJ("TrunkConfiguration", "<S N='Identity'>Registrar:x</S>")),
					"LEFT f.xml: Registrar:x: a trunk configuration of a scope that "
					"trunks do "
					"not have"},
			/* Rules of a cmdlet for rules alone, by priority. */
			{IMPORT_CLIXML(IMPORT_OBJ("TranslationRule",
					 "<S N='Identity'>Global/b</S><S N='Name'>b</S><S "
					 "N='Pattern'>^2</S><S "
					 "N='Translation'>b</S><I32 N='Priority'>1</I32>")
							 IMPORT_OBJ("TranslationRule#Decorated",
									 "<S N='Identity'>Global/a</S><S N='Name'>a</S><S "
									 "N='Pattern'>^1</S><S N='Translation'>a</S><I32 "
									 "N='Priority'>0</I32>")),
					"rule.0 = ^1 => a\nrule.0.name = a\nrule.1 = ^2 => b\nrule.1.name = "
					"b\n"},
			{IMPORT_CLIXML(IMPORT_OBJ("NormalizationRule",
					 "<S N='Identity'>Site:S/n</S><S N='Name'>n</S><S "
					 "N='Pattern'>^1</S><S "
					 "N='Translation'>2</S><B N='IsInternalExtension'>True</B>")),
					"[rules dialplan-site-S]\nname = Site:S\nrule.0 = ^1 => "
					"2\nrule.0.name = "
					"n\nrule.0.is_internal_extension = yes\n"},
			/* Trunks: no port, two ports, a port of ours, roots by what depends on them.
			 */
			{IMPORT_CLIXML(TRUNK("t", "")),
					"CHANGED f.xml: PstnGateway:t: no port of the gateway is in the "
					"files"},
			{IMPORT_CLIXML(TRUNK("t.example.net",
					 "<U16 N='GatewaySipClientTlsPort'>5067</U16><U16 "
					 "N='GatewaySipClientTcpPort'>5066</U16>")),
					"it has a TLS port (5067) and a TCP port (5066): TLS was taken"},
			{IMPORT_CLIXML(TRUNK("t.example.net",
					 "<U16 N='GatewaySipClientTcpPort'>5066</U16><U16 "
					 "N='MediationServerPort'>5088</U16>")),
					"transport = tcp\nport = 5066\nlocal_port = 5088\n"},
			{IMPORT_CLIXML(TRUNK(
					 "t.example.net", "<U16 N='GatewaySipClientTcpPort'>5066</U16>")),
					"over TCP a gateway is known by its address, which is in none of the "
					"files"},
			{IMPORT_CLIXML(
					 TRUNK("192.0.2.1", "<U16 N='GatewaySipClientTlsPort'>5067</U16>")),
					"over TLS a gateway is known by a name, and this one has an address"},
			{IMPORT_CLIXML(TRUNK("root.example.net",
					 "<Obj "
					 "N='DependentServiceList'><LST><S>PstnGateway:extra</S></LST></Obj>")
							 TRUNK("extra", "<S N='PoolFqdn'>extra</S>")),
					"[trunk extra]\nname = extra\ngateway = root.example.net\n"},
			{IMPORT_CLIXML(TRUNK("root.example.net",
					 "<Obj "
					 "N='DependentServiceList'><LST><S>PstnGateway:extra</S></LST></Obj>")
							 TRUNK("extra", "")),
					"and its gateway has 2 such trunks, which only that port tells "
					"apart"},
			{IMPORT_CLIXML(TRUNK("a",
					 "<Obj "
					 "N='DependentServiceList'><LST><S>PstnGateway:b</S></LST></Obj>")
							 TRUNK("b",
									 "<Obj N='DependentServiceList'><LST><S>PstnGateway:a"
									 "</S></LST></Obj>")),
					"[trunk a]"},
			{IMPORT_CLIXML(TRUNK("t", "<S N='MediationServer'>MediationServer:m</S>")),
					"MediationServer = 'm': in none of the files"},
			{IMPORT_CLIXML(TRUNK("t", "<B N='Default'>true</B>")),
					"Default = 'True': kept as a field"},
			{IMPORT_CLIXML(TRUNK("t", "<S N='SiteId'>Site:Somewhere else</S>")),
					"[site Somewhere-else]\nname = Somewhere else\n"},
			{IMPORT_CLIXML(TRUNK("t", "<S N='SiteId'>7</S>")),
					"LEFT f.xml: PstnGateway:t: site 7 is in none of the files"},
			/* Routes. */
			{IMPORT_CLIXML(IMPORT_OBJ("Route",
					 "<S N='Identity'>r</S><S N='NumberPattern'>^[1-9-[5]]$</S>")),
					"LEFT f.xml: r: route not carried: pattern '^[1-9-[5]]$': "},
			{IMPORT_CLIXML(IMPORT_OBJ("Route",
					 "<S N='Identity'>r</S><S N='NumberPattern'>^1</S><S "
					 "N='PstnGatewayList'>"
					 "MediationServer:old.example.net</S>")),
					"'MediationServer:old.example.net' is a Mediation Server of OCS "
					"2007"},
			{IMPORT_CLIXML(IMPORT_OBJ(
					 "Route", "<S N='Identity'>r</S><S N='NumberPattern'>^1</S>")),
					"it has no trunk: it takes no call"},
			{IMPORT_CLIXML(IMPORT_OBJ("Route",
					 "<S N='Identity'>r</S><S N='NumberPattern'>^1</S><S "
					 "N='PstnGatewayList'>"
					 "PSTNGATEWAY:Un Known</S>")),
					"trunks = Un-Known\n"},
			{IMPORT_CLIXML(IMPORT_OBJ("Route",
					 "<S N='Identity'>r</S><S N='NumberPattern'>^1</S><B "
					 "N='SuppressCallerId'>true</B>")),
					"LEFT f.xml: r: not carried: route 'r': field 'alternate_caller_id': "
					"missing"},
			{IMPORT_CLIXML(IMPORT_OBJ("PstnRoutingSettings",
					 "<S N='Identity'>Global</S><Obj N='Route'><LST>" IMPORT_OBJ("Route",
							 "<S N='Name'>inner</S><S N='NumberPattern'>^1</S>") "</"
																				 "LST></"
																				 "Obj>")),
					"[route inner]"},
			{IMPORT_CLIXML(IMPORT_OBJ("PstnRoutingSettings",
					 "<S N='Identity'>Global</S><Obj "
					 "N='Route'><LST><S>r</S></LST></Obj>")),
					"LEFT f.xml: r: a member of 'Route' without its properties"},
			/* Names. */
			{IMPORT_CLIXML(
					 IMPORT_OBJ("VoicePolicy", "<S N='Identity'>a b</S>") IMPORT_OBJ(
							 "VoicePolicy", "<S N='Identity'>a  b</S>")
							 IMPORT_OBJ("VoicePolicy", "<S N='Identity'>a-b</S>")),
					"CHANGED policy 'a  b': its id here is 'a-b-2'; another name gives "
					"the same"},
			{IMPORT_CLIXML(IMPORT_OBJ("VoicePolicy", "<S N='Identity'>M?ller</S>")),
					"a '?' in its name: letters may have been lost"},
			{IMPORT_CLIXML(IMPORT_OBJ("VoicePolicy", "<S N='Identity'>\xc3\xa4</S>")),
					"[policy unnamed]\nname = Tag:\xc3\xa4\n"},
			{IMPORT_CLIXML(IMPORT_OBJ("VoicePolicy", "<S N='Identity'>a</S>")
							 IMPORT_OBJ("VoicePolicy", "<S N='Identity'>Tag:A</S>")),
					"the one in 'f.xml' is used; import one of the two"},
			{IMPORT_CLIXML(IMPORT_OBJ("VoiceRoutingPolicy", "<S N='Identity'>a</S>")
							 IMPORT_OBJ("VoicePolicy", "<S N='Identity'>a</S>")),
					"[policy routing-a]"},
			/* A value that is none there is a note, the rest is carried. */
			{IMPORT_CLIXML(IMPORT_OBJ("TrunkConfiguration",
					 "<S N='Identity'>Global</S><S N='MaxEarlyDialogs'>many</S>")),
					"field not carried: profile 'global': field 'max_early_dialogs': not "
					"a number"},
			{IMPORT_CLIXML(IMPORT_OBJ("TrunkConfiguration",
					 "<S N='Identity'>Global</S><B N='EnableBypass'>true</B><B "
					 "N='ConcentratedTopology'>false</B>")),
					"field not carried: profile 'global': field 'enable_bypass'"},
			/* Test cases on their own. */
			{IMPORT_CLIXML(IMPORT_OBJ("VoiceTestConfiguration",
					 "<S N='Identity'>t1</S><S N='DialedNumber'>1</S><S "
					 "N='TargetPolicy'>site:S"
					 "</S>")),
					"[test t1]\ndialed_number = 1\ntarget_policy = site-S\n"},
	};

	for(size_t i = 0; i < COUNT(row); i++) {
		import_run_t *run = import_text("f.xml", row[i].text);
		ck_assert_msg(strstr(run->text, row[i].expected) != NULL,
				"row %zu: no '%s' in:\n%s", i, row[i].expected, run->text);
		import_end(run);
	}
}
END_TEST

#define VOICE "urn:schema:Microsoft.Rtc.Management.Policy.Voice."

#define ROUTE(name)                                                                      \
	"<Route xmlns='" VOICE "2008' Name='" name "' NumberPattern='^1'>"                   \
	"<PstnUsages>u</PstnUsages></Route>"

/* Each in a file of its own: their order is in none of them. */
START_TEST(routes_by_themselves)
{
	import_file_t files[] = {
			{"a.xml", NULL, MED_STR(ROUTE("r1"))}, {"b.xml", NULL, MED_STR(ROUTE("r2"))}};
	import_run_t *run = import_run(files, NULL, 2);

	core_assert_has(run->text, "[route r2]\nname = r2\npattern = ^1\npriority = 0\n");
	core_assert_has(
			run->text, "CHANGED b.xml: r2: no Priority in the file: 0, for no other");
	import_end(run);
}
END_TEST

/* One thing that two objects come upon is told once. */
START_TEST(told_once)
{
	static const char text[] = IMPORT_CLIXML(
			IMPORT_OBJ("TrunkConfiguration", "<S N='Identity'>PstnGateway:x</S>")
					IMPORT_OBJ("LocationProfile", "<S N='Identity'>PstnGateway:x</S>"));
	static const char once[] = "trunk 'x' is in none of the files";
	import_run_t *run = import_text("f.xml", text);
	const char *first = strstr(run->text, once);

	ck_assert_ptr_nonnull(first);
	import_assert_lacks(first + 1, once);
	import_end(run);
}
END_TEST

/* Lync 2010: a gateway is its trunk; a dial plan names it by its host. */
START_TEST(gateway_by_host)
{
	static const char text[] =
			IMPORT_CLIXML(TRUNK("t1", "<S N='PoolFqdn'>gw.example.net</S>") IMPORT_OBJ(
					"LocationProfile", "<S N='Identity'>PstnGateway:gw.example.net</S>"));
	import_run_t *run = import_text("f.xml", text);

	core_assert_has(run->text, "\ndial_plan = dialplan-trunk-gw.example.net\n");
	core_assert_has(run->text,
			"PstnGateway:gw.example.net: dial_plan of gateway "
			"'gw.example.net'\n");
	import_assert_lacks(run->text, "[profile ");
	import_end(run);
}
END_TEST

/* A site's is the site's, whatever profiles there are; the one of all is in those that
 * would hide it. */
START_TEST(dial_plans_where_they_belong)
{
	static const char text[] = IMPORT_CLIXML(
			IMPORT_OBJ("LocationProfile", "<S N='Identity'>Global</S>")
					IMPORT_OBJ("LocationProfile", "<S N='Identity'>Site:S</S>")
							IMPORT_OBJ("TrunkConfiguration", "<S N='Identity'>Site:S</S>")
									IMPORT_OBJ("TrunkConfiguration",
											"<S N='Identity'>Site:T</S>"));
	import_run_t *run = import_text("f.xml", text);

	core_assert_has(run->text, "[site S]\nname = S\ndial_plan = dialplan-site-S\n");
	core_assert_has(run->text, "[profile global]\ndial_plan = dialplan-global\n");
	core_assert_has(run->text, "[profile site:T]\ndial_plan = dialplan-global\n");
	core_assert_has(run->text, "[profile site:S]\n");
	import_assert_lacks(run->text, "[profile site:S]\ndial_plan");
	import_end(run);
}
END_TEST

START_TEST(bare_payloads)
{
	static const struct {
		const char *name, *scope, *expected;
	} row[] = {
			{"Global.xml", NULL, "[policy global]"},
			{"c:\\config\\VoicePolicy\\site_Harbour.xml", NULL, "[policy site-Harbour]"},
			{"Tag_Floor_2_17.xml", NULL, "[policy Floor_2]"},
			{"x.xml", "Tag:given", "[policy given]"},
			{"Global.xml", "Site:other", "[policy site-other]"},
	};
	static const char unknown[] =
			"<Backup><Data><NetworkSettings "
			"xmlns='urn:schema:Microsoft.Rtc.Management.x'>"
			"<Inner/></NetworkSettings></Data><Data><VoicePolicy xmlns='" VOICE
			"2008' Name='x'/></Data></Backup>";
	static const char text[] = "<VoicePolicy xmlns='" VOICE "2011'/>";
	med_errbuf_t err;
	med_import_t *import;

	for(size_t i = 0; i < COUNT(row); i++) {
		import_file_t file = {row[i].name, row[i].scope, med_str(text)};
		import_run_t *run = import_run(&file, NULL, 1);
		core_assert_has(run->text, row[i].expected);
		import_end(run);
	}
	{
		/* What is Lync's and not known is told once. */
		import_run_t *run = import_text("Global.xml", unknown);
		core_assert_has(run->text,
				"LEFT Global.xml: a document of 'NetworkSettings', which is not "
				"imported");
		import_assert_lacks(run->text, "Inner");
		import_end(run);
	}
	import = med_import_new(&med_mem_heap);
	ck_assert_int_eq(
			med_import_add(import, "x.xml", med_str(text), NULL, &err), MED_EINVAL);
	core_assert_has(err.text, "give the scope");
	med_import_free(import);
}
END_TEST

/* What a sink answers ends it; a file's name counts once. */
START_TEST(ends)
{
	static const char text[] = IMPORT_CLIXML(IMPORT_OBJ("VoicePolicy",
			"<S N='Identity'>a</S>") IMPORT_OBJ("VoicePolicy", "<S N='Identity'>b</S>"));
	import_run_t *run = calloc(1, sizeof *run);
	med_import_t *import = med_import_new(&med_mem_heap);
	med_import_sink_t sink = {import_object, import_note, run};
	med_errbuf_t err;

	run->config = med_config_new(&med_mem_heap, &med_mem_heap);
	run->stop_after = 1;
	ck_assert_int_eq(med_import_add(import, "a", med_str(text), NULL, &err), MED_EOK);
	ck_assert_int_eq(med_import_add(import, "a", med_str(text), NULL, &err), MED_EINVAL);
	core_assert_has(err.text, "among the files already");
	ck_assert_int_eq(med_import_finish(import, &sink, &err), -5);
	med_import_free(import);
	import_end(run);
}
END_TEST

static int swallow(void *ctx, enum med_kind kind, med_str_t id, const med_field_t *fields,
		size_t count, const char *comment)
{
	(void)ctx, (void)kind, (void)id, (void)fields, (void)count, (void)comment;
	return MED_EOK;
}

static void no_note(
		void *ctx, enum med_import_note note, const char *where, const char *text)
{
	(void)ctx, (void)note, (void)where, (void)text;
}

/* Each allocation of ours fails once: MED_ENOMEM, and nothing is lost. */
START_TEST(memory_is_short)
{
	med_import_sink_t sink = {swallow, no_note, NULL};
	int rc = MED_ENOMEM;

	load_all();
	for(long allowed = 0; rc != MED_EOK; allowed++) {
		core_memory_t memory = {.left = allowed};
		med_mem_t mem = core_mem(&memory);
		med_import_t *import = med_import_new(&mem);
		med_errbuf_t err = {""};
		rc = import == NULL ? MED_ENOMEM : MED_EOK;
		for(size_t i = 0; i < COUNT(all) && rc == MED_EOK; i++)
			rc = med_import_add(import, all[i].name, all[i].bytes, NULL, &err);
		if(rc == MED_EOK)
			rc = med_import_finish(import, &sink, &err);
		ck_assert_msg(
				rc == MED_EOK || rc == MED_ENOMEM, "%ld: %d: %s", allowed, rc, err.text);
		med_import_free(import);
		ck_assert_int_eq(memory.out, 0);
		ck_assert_int_lt(allowed, 5000);
	}
	free_all();
}
END_TEST

int main(void)
{
	const TTest *tests[] = {a_whole_site, order_does_not_matter, the_central_store,
			topology_builder, forms, routes_by_themselves, gateway_by_host,
			dial_plans_where_they_belong, told_once, bare_payloads, ends,
			memory_is_short};

	return core_run("import", tests, COUNT(tests));
}
