/**
 * import_store.c - documents of the central management store, wherever they stand
 *
 * The wrapper is known, what is inside partly concluded: a field may be an attribute or a
 * child, a list may have a container or none. med_value_of_xml() makes these the same.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>

#include "medcore/import_priv.h"

#define SPACE_PREFIX "urn:schema:Microsoft.Rtc.Management."
#define CLIXML_PREFIX "http://schemas.microsoft.com/powershell/"

/* ---- classes ------------------------------------------------------------------------
 */

/* The last part of a .NET type, or the name of a payload's element. */
static const struct {
	const char *name;
	enum med_fact_kind kind;
} classes[] = {
		{"CentralSite", MED_FACT_SITE},
		{"RemoteSite", MED_FACT_SITE},
		{"Site", MED_FACT_SITE},
		{"DisplayMediationServer", MED_FACT_POOL},
		{"DisplayPstnGateway", MED_FACT_TRUNK},
		{"DisplayTrunk", MED_FACT_TRUNK},
		{"TrunkConfiguration", MED_FACT_TRUNK_CONFIGURATION},
		{"TranslationRule", MED_FACT_CALLED_RULE},
		{"OutboundTranslationRule", MED_FACT_CALLED_RULE},
		{"CallingNumberTranslationRule", MED_FACT_CALLING_RULE},
		{"OutboundCallingNumberTranslationRule", MED_FACT_CALLING_RULE},
		{"SipResponseCodeTranslationRule", MED_FACT_RESPONSE_RULE},
		{"LocationProfile", MED_FACT_DIAL_PLAN},
		{"NormalizationRule", MED_FACT_NORMALIZATION_RULE},
		{"PstnUsages", MED_FACT_USAGES},
		{"VoicePolicy", MED_FACT_VOICE_POLICY},
		{"VoiceRoutingPolicy", MED_FACT_ROUTING_POLICY},
		{"Route", MED_FACT_ROUTE},
		{"PstnRoutingSettings", MED_FACT_ROUTING},
		{"VoiceConfiguration", MED_FACT_VOICE_CONFIGURATION},
		{"VoiceTestConfiguration", MED_FACT_TEST},
		{"TestConfiguration", MED_FACT_TEST},
};

bool med_import_class(med_str_t class, enum med_fact_kind *kind)
{
	for(size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		if(med_str_eq_nocase(class, med_str(classes[i].name))) {
			*kind = classes[i].kind;
			return true;
		}
	}
	return false;
}

/* ---- objects ------------------------------------------------------------------------
 */

/* The payload that a CLIXML object carries as text: a second source for what it lacks. */
static med_value_t *parse_element(med_importing_t *in, const med_value_t *object)
{
	med_value_t *value = NULL;
	med_blocks_t tree;
	med_errbuf_t err;
	med_str_t text;
	med_xml_t *root;

	if(!med_value_get_text(object, "Element", &text))
		return NULL;
	text = med_text_strip(text);
	if(text.len == 0 || text.s[0] != '<')
		return NULL;
	med_blocks_init(&tree, in->blocks->mem, 64u << 20);
	if(med_xml_parse(text, &tree, &root, &err) == MED_EOK)
		value = med_value_of_xml(in->blocks, root);
	else if(tree.error == MED_ENOMEM)
		in->blocks->error = MED_ENOMEM;
	med_blocks_deinit(&tree);
	return value != NULL && value->type == MED_VALUE_OBJECT ? value : NULL;
}

static void add_members(med_importing_t *in, enum med_fact_kind kind,
		enum med_fact_rank rank, const med_value_t *object, const char *container,
		const char *const *members)
{
	char quoted[80];
	med_values_t list;

	if(!med_value_list(in->blocks, object, container, members, &list)
			|| in->blocks->error != MED_EOK)
		return;
	for(size_t i = 0; i < list.count; i++) {
		med_value_t *item = (med_value_t *)(uintptr_t)list.item[i];
		med_str_t name = {"", 0};
		if(item->type != MED_VALUE_OBJECT || item->first == NULL) {
			med_import_tell(in, MED_IMPORT_LEFT, item->text,
					"a member of '%s' without its properties; export again with -Depth 4",
					med_quote(quoted, sizeof(quoted), med_str(container)));
			continue;
		}
		if(!med_value_get_text(item, "Name", &name))
			(void)med_value_get_text(item, "Identity", &name);
		(void)med_import_fact(in, kind, rank, name, item);
	}
}

void med_import_object(med_importing_t *in, enum med_fact_kind kind,
		enum med_fact_rank rank, med_str_t identity, med_value_t *object)
{
	static const char *const routes[] = {"Route", NULL};
	static const char *const tests[] = {
			"VoiceTestConfiguration", "TestConfiguration", NULL};
	med_value_t *element = rank == MED_RANK_CLIXML ? parse_element(in, object) : NULL;
	med_fact_t *fact;

	if(kind == MED_FACT_ROUTING) {
		add_members(in, MED_FACT_ROUTE, rank, object, "Route", routes);
	} else if(kind == MED_FACT_VOICE_CONFIGURATION) {
		add_members(in, MED_FACT_TEST, rank, object, "VoiceTestConfigurations", tests);
	} else {
		fact = med_import_fact(in, kind, rank, identity, object);
		if(fact != NULL)
			fact->element = element;
	}
}

/* A payload: kind and scope are known. */
static void add_payload(med_importing_t *in, enum med_fact_kind kind, med_str_t identity,
		const med_xml_t *payload)
{
	med_value_t *object = med_value_of_xml(in->blocks, payload);
	const med_str_t *name = NULL;

	if(in->blocks->error != MED_EOK)
		return;
	if(kind == MED_FACT_ROUTE || kind == MED_FACT_TEST)
		name = med_xml_attribute(payload, "Name");
	/* `<PstnRoutingSettings><Route/><Route/>`: the routes are no container. */
	object->type = MED_VALUE_OBJECT;
	med_import_object(in, kind, MED_RANK_STORE, name == NULL ? identity : *name, object);
}

/* ---- AnchoredXml --------------------------------------------------------------------
 */

/* A field of an inner key: attribute or child. */
static med_str_t field_of(const med_xml_t *element, const char *name)
{
	const med_str_t *value = med_xml_attribute(element, name);
	const med_xml_t *child = med_xml_child(element, name);

	if(value != NULL)
		return *value;
	return child == NULL ? (med_str_t){"", 0} : med_text_strip(child->text);
}

/* "1-PstnGateway-2" of a ServiceId somewhere in the key. */
static bool service_of(
		med_importing_t *in, const med_xml_t *key, med_str_t *role, med_str_t *service)
{
	for(const med_xml_t *e = key; e != NULL; e = med_xml_walk(e, key)) {
		med_str_t site = field_of(e, "SiteId"), instance = field_of(e, "Instance");
		*role = field_of(e, "RoleName");
		if(role->len == 0 || instance.len == 0)
			continue;
		*service = med_blocks_format(in->blocks, "%.*s-%.*s-%.*s", MED_STR_FMT(site),
				MED_STR_FMT(*role), MED_STR_FMT(instance));
		return true;
	}
	return false;
}

static med_str_t anchored_identity(
		med_importing_t *in, med_str_t scope, const med_xml_t *key)
{
	med_str_t name = key == NULL ? (med_str_t){"", 0} : field_of(key, "Name"), service;
	med_str_t role;

	if(med_str_eq_nocase(scope, MED_STR("Global")) || key == NULL)
		return MED_STR("Global");
	if(med_str_eq_nocase(scope, MED_STR("Service"))) {
		if(service_of(in, key, &role, &service))
			return med_blocks_format(in->blocks, "Service:%.*s:%.*s", MED_STR_FMT(role),
					MED_STR_FMT(service));
		if(name.len == 0)
			name = med_text_strip(key->text);
		if(med_text_begins(name, "Service:"))
			return name;
		return med_blocks_format(in->blocks, "Service:%s%.*s",
				name.len == 0 || memchr(name.s, ':', name.len) == NULL ? "PstnGateway:"
																	   : "",
				MED_STR_FMT(name));
	}
	if(name.len == 0)
		name = field_of(
				key, med_str_eq_nocase(scope, MED_STR("Site")) ? "SiteId" : "TagId");
	return med_blocks_format(
			in->blocks, "%.*s:%.*s", MED_STR_FMT(scope), MED_STR_FMT(name));
}

static void add_item(med_importing_t *in, med_str_t scope, const med_xml_t *item)
{
	const med_xml_t *value = med_xml_child(item, "Value");
	med_str_t identity = anchored_identity(in, scope, med_xml_child(item, "Key"));
	enum med_fact_kind kind;
	char quoted[80];

	if(value == NULL || value->first == NULL) {
		med_import_tell(in, MED_IMPORT_LEFT, identity, "an item without a value");
		return;
	}
	for(const med_xml_t *e = value->first; e != NULL; e = e->next) {
		if(med_import_class(e->name, &kind))
			add_payload(in, kind, identity, e);
		else
			med_import_tell(in, MED_IMPORT_LEFT, identity,
					"a document of '%s', which is not imported",
					med_quote(quoted, sizeof(quoted), e->name));
	}
}

static void add_anchored(med_importing_t *in, const med_xml_t *anchored)
{
	const med_xml_t *key = med_xml_child(anchored, "Key");
	const med_xml_t *dictionary = med_xml_child(anchored, "Dictionary");
	med_str_t scope = key == NULL ? MED_STR("Global") : field_of(key, "ScopeClass");

	if(scope.len == 0)
		scope = MED_STR("Global");
	for(const med_xml_t *e = dictionary == NULL ? NULL
												: med_xml_child(dictionary, "Item");
			e != NULL && in->blocks->error == MED_EOK; e = med_xml_again(e, "Item"))
		add_item(in, scope, e);
}

/* ---- bare payloads ------------------------------------------------------------------
 */

static bool has_scope(enum med_fact_kind kind)
{
	return kind == MED_FACT_DIAL_PLAN || kind == MED_FACT_VOICE_POLICY
			|| kind == MED_FACT_ROUTING_POLICY || kind == MED_FACT_TRUNK_CONFIGURATION;
}

static med_str_t without_tag_number(med_str_t name)
{
	size_t len = name.len;

	while(len > 0 && name.s[len - 1] >= '0' && name.s[len - 1] <= '9')
		len--;
	if(len > 1 && len < name.len && name.s[len - 1] == '_')
		name.len = len - 1;
	return name;
}

/* "Site_Harbour.xml": the anchor's name with '_' for ':', and the tag's number. */
static bool scope_of_name(med_importing_t *in, med_str_t *scope)
{
	static const char *const prefix[][2] = {{"Site_", "Site:"}, {"Tag_", "Tag:"},
			{"Service_PstnGateway_", "Service:PstnGateway:"},
			{"Service_Registrar_", "Service:Registrar:"},
			{"PstnGateway_", "Service:PstnGateway:"}};
	med_str_t name = med_text_after(med_str(in->name), "/\\"), rest;

	if(name.len > 4
			&& med_str_eq_nocase((med_str_t){name.s + name.len - 4, 4}, MED_STR(".xml")))
		name.len -= 4;
	if(med_str_eq_nocase(without_tag_number(name), MED_STR("Global"))) {
		*scope = MED_STR("Global");
		return true;
	}
	for(size_t i = 0; i < sizeof(prefix) / sizeof(prefix[0]); i++) {
		size_t len = strlen(prefix[i][0]);
		if(!med_text_begins(name, prefix[i][0]) || name.len == len)
			continue;
		rest = (med_str_t){name.s + len, name.len - len};
		if(prefix[i][0][0] == 'T')
			rest = without_tag_number(rest);
		*scope = med_blocks_format(in->blocks, "%s%.*s", prefix[i][1], MED_STR_FMT(rest));
		return true;
	}
	return false;
}

static int add_bare(
		med_importing_t *in, enum med_fact_kind kind, const med_xml_t *payload)
{
	med_str_t scope = in->scope == NULL ? MED_STR("Global") : med_str(in->scope);
	char quoted[100];

	if(has_scope(kind) && in->scope == NULL) {
		if(!scope_of_name(in, &scope))
			return med_fail(in->err, MED_EINVAL,
					"a bare %s does not say whose it is, and the file's name does not "
					"either: give the scope ('Global', 'Site:x', 'Tag:x' or "
					"'Service:PstnGateway:x')",
					med_quote(quoted, sizeof(quoted), payload->name));
		med_import_tell(in, MED_IMPORT_CHANGED, (med_str_t){"", 0},
				"its scope '%s' was taken from the file's name; check it",
				med_quote(quoted, sizeof(quoted), scope));
	}
	add_payload(in, kind, scope, payload);
	return MED_EOK;
}

/* ---- everything ---------------------------------------------------------------------
 */

static int harvest_one(med_importing_t *in, const med_xml_t *e)
{
	bool managed = med_text_begins(e->space, SPACE_PREFIX);
	enum med_fact_kind kind;
	char quoted[80];

	if(med_xml_is(e, "Objs") && med_text_begins(e->space, CLIXML_PREFIX))
		return med_import_clixml(in, e);
	if(!managed)
		return MED_ENOMATCH;
	if(med_xml_is(e, "Topology"))
		return med_import_topology(in, e);
	if(med_xml_is(e, "TopologyBuilder"))
		return med_import_builder(in, e);
	if(med_xml_is(e, "AnchoredXml")) {
		add_anchored(in, e);
		return MED_EOK;
	}
	if(med_import_class(e->name, &kind))
		return add_bare(in, kind, e);
	/* The outermost of what is Lync's and unknown; what is in it may be known. */
	if(e->parent != NULL && !med_text_begins(e->parent->space, SPACE_PREFIX))
		med_import_tell(in, MED_IMPORT_LEFT, (med_str_t){"", 0},
				"a document of '%s', which is not imported",
				med_quote(quoted, sizeof(quoted), e->name));
	return MED_ENOMATCH;
}

int med_import_harvest(med_importing_t *in, const med_xml_t *root)
{
	const med_xml_t *e = root;
	bool found = false;

	while(e != NULL) {
		int rc = harvest_one(in, e);
		if(rc != MED_EOK && rc != MED_ENOMATCH)
			return rc;
		if(in->blocks->error != MED_EOK)
			return in->blocks->error;
		found |= rc == MED_EOK;
		if(rc == MED_ENOMATCH) {
			e = med_xml_walk(e, root);
			continue;
		}
		/* What was read whole is not looked into again. */
		while(e != root && e->next == NULL)
			e = e->parent;
		e = e == root ? NULL : e->next;
	}
	return found ? MED_EOK : MED_ENOMATCH;
}
