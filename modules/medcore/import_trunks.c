/**
 * import_trunks.c - gateways and trunks
 *
 * A trunk may be in a topology and in the CLIXML of Get-CsTrunk: they are joined by
 * ServiceId, else by name, and what CLIXML says counts.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>

#include "medcore/import_map.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- trunks: which there are --------------------------------------------------------
 */

/* Of either source, CLIXML first. */
static bool text_of(const med_trunk_fact_t *trunk, const char *name, med_str_t *text)
{
	med_str_t other;
	bool found = false;

	for(int i = 0; i < 2; i++) {
		if(trunk->source[i] != NULL
				&& med_mapping_text(trunk->source[i], name, found ? &other : text))
			found = true;
	}
	return found;
}

static void learn_key(med_mapping_t *m, med_trunk_fact_t *trunk, med_str_t key)
{
	med_entry_t *entry =
			key.len == 0 ? NULL : med_table_add(&m->table, MED_SPACE_TRUNK_KEY, key);

	if(entry != NULL && entry->object == NULL) {
		entry->object = trunk;
		entry->index = 0;
	}
}

static med_trunk_fact_t *by_key(const med_mapping_t *m, med_str_t key)
{
	const med_entry_t *entry = med_table_find(&m->table, MED_SPACE_TRUNK_KEY, key);

	return entry == NULL || entry->index != 0 ? NULL : entry->object;
}

med_trunk_fact_t *med_mapping_trunk(med_mapping_t *m, med_str_t name)
{
	const med_entry_t *entry;
	med_trunk_fact_t *trunk;

	name = med_text_without(med_text_without(name, "Service:"), "PstnGateway:");
	entry = med_table_find(&m->table, MED_SPACE_TRUNK, name);
	if(entry != NULL && entry->object != NULL)
		return entry->object;
	if((trunk = by_key(m, name)) != NULL)
		return trunk;
	/* Lync 2010 had gateways alone. */
	entry = med_table_find(&m->table, MED_SPACE_GATEWAY, name);
	return entry == NULL || entry->object == NULL
			? NULL
			: ((med_gateway_fact_t *)entry->object)->root;
}

static med_trunk_fact_t *new_trunk(med_mapping_t *m, med_str_t name)
{
	med_entry_t *entry = med_table_add(&m->table, MED_SPACE_TRUNK, name);
	med_trunk_fact_t *trunk;

	if(entry == NULL)
		return NULL;
	if(entry->object != NULL)
		return entry->object;
	trunk = &m->trunks[m->trunk_count++];
	trunk->name = entry->name;
	entry->object = trunk;
	return trunk;
}

static void learn_trunk(med_mapping_t *m, const med_fact_t *fact)
{
	bool topology = fact->rank == MED_RANK_TOPOLOGY;
	med_str_t name = med_text_without(fact->identity, "PstnGateway:"), service = {"", 0},
			  key;
	med_trunk_fact_t *trunk = NULL;

	(void)med_mapping_text(fact, "ServiceId", &service);
	if(topology && service.len > 0)
		trunk = by_key(m, service);
	if(trunk == NULL && name.len > 0)
		trunk = new_trunk(m, name);
	if(trunk == NULL) {
		med_mapping_note(m, MED_IMPORT_LEFT, fact->file, "a trunk without a name");
		return;
	}
	if(trunk->source[topology] != NULL) {
		med_mapping_note(m, MED_IMPORT_LEFT, med_mapping_where(m, fact),
				"the one in '%s' is used; import one of the two to be sure",
				trunk->source[topology]->file.s);
		return;
	}
	trunk->source[topology] = fact;
	if(service.len > 0)
		trunk->service = service;
	learn_key(m, trunk, service);
	if(med_mapping_text(fact, "TopologyKey", &key))
		learn_key(m, trunk, key);
}

/* A root trunk lists the trunks that depend on it. */
static void learn_dependents(med_mapping_t *m, med_trunk_fact_t *root)
{
	static const char *const none[] = {NULL};
	med_values_t list;

	for(int i = 0; i < 2; i++) {
		if(root->source[i] == NULL
				|| !med_value_list(m->blocks, root->source[i]->object,
						"DependentServiceList", none, &list))
			continue;
		for(size_t k = 0; list.item != NULL && k < list.count; k++) {
			med_trunk_fact_t *trunk = med_mapping_trunk(m, list.item[k]->text);
			if(trunk != NULL && trunk != root && trunk->root == NULL)
				trunk->root = root;
		}
	}
}

static void learn_root(med_mapping_t *m, med_trunk_fact_t *trunk)
{
	med_str_t key;

	if(text_of(trunk, "RootKey", &key)) {
		med_trunk_fact_t *root = by_key(m, key);
		if(root != NULL && root != trunk)
			trunk->root = root;
	}
}

/* ---- gateways -----------------------------------------------------------------------
 */

static bool contains(med_str_t text, const char *part)
{
	size_t len = strlen(part);

	for(size_t i = 0; i + len <= text.len; i++) {
		if(med_str_eq_nocase((med_str_t){text.s + i, len}, med_str(part)))
			return true;
	}
	return false;
}

/* Its name is not known: any that has both words in it. */
static bool mediation_port(const med_trunk_fact_t *trunk, med_str_t *port)
{
	bool found = false;

	for(int i = 0; i < 2; i++) {
		med_property_t *p =
				trunk->source[i] == NULL ? NULL : trunk->source[i]->object->first;
		for(; p != NULL; p = p->next) {
			if(!contains(p->name, "Mediation") || !contains(p->name, "Port"))
				continue;
			p->used = true;
			if(!found && med_text_is_number(p->value->text)) {
				*port = p->value->text;
				found = true;
			}
		}
	}
	return found;
}

static med_str_t host_of(const med_trunk_fact_t *trunk)
{
	const med_trunk_fact_t *root = trunk->root == NULL ? trunk : trunk->root;
	med_str_t host;

	if(text_of(trunk, "GatewayHost", &host) || text_of(root, "GatewayHost", &host)
			|| text_of(root, "PoolFqdn", &host))
		return med_text_strip(host);
	return root->name;
}

static void learn_gateway(med_mapping_t *m, med_trunk_fact_t *trunk)
{
	med_str_t host = host_of(trunk);
	med_entry_t *entry = med_table_add(&m->table, MED_SPACE_GATEWAY, host);
	med_gateway_fact_t *gateway;

	if(entry == NULL)
		return;
	if(entry->object == NULL) {
		gateway = &m->gateways[m->gateway_count++];
		gateway->host = entry->name;
		entry->object = gateway;
	}
	gateway = trunk->gateway = entry->object;
	gateway->trunks++;
	gateway->without_port += !mediation_port(trunk, &host);
	if(trunk->root == NULL
			&& (gateway->root == NULL || med_str_eq_nocase(trunk->name, gateway->host)))
		gateway->root = trunk;
}

/* Addresses of its machines that are set in the topology. */
static void put_addresses(
		med_mapping_t *m, med_made_t *made, const med_trunk_fact_t *root)
{
	const med_fact_t *fact = root->source[1];
	med_str_t all = {"", 0};

	for(const med_item_t *i = fact == NULL ? NULL : fact->object->items; i != NULL;
			i = i->next)
		all = all.len == 0 ? i->value->text
						   : med_blocks_format(m->blocks, "%.*s,%.*s", MED_STR_FMT(all),
								   MED_STR_FMT(i->value->text));
	med_mapping_put(m, made, "source", all);
}

/* What a gateway has once, and Lync with each of its trunks. */
static void put_of_root(med_mapping_t *m, med_made_t *made, med_trunk_fact_t *root)
{
	static const med_renamed_t fields[] = {
			{"RepresentativeMediaIP", "representative_media_ip"},
			{"AlternateByPassId", "alternate_by_pass_id"}, {"Routable", "routable"},
			{"Default", "default"}};
	med_str_t text;

	for(size_t i = 0; i < COUNT(fields); i++) {
		if(!text_of(root, fields[i].theirs, &text))
			continue;
		if(i > 1)
			text = med_mapping_yes(text) ? MED_STR("yes") : MED_STR("no");
		med_mapping_put(m, made, fields[i].ours, text);
		if(i == 3 && med_str_eq(text, MED_STR("yes")))
			med_mapping_note(m, MED_IMPORT_CHANGED, made->where,
					"Default = 'True': kept as a field; calls of OCS 2007 R2 users are "
					"not "
					"told apart here");
	}
}

static void make_gateway(med_mapping_t *m, med_gateway_fact_t *gateway)
{
	med_trunk_fact_t *root = gateway->root;
	const med_fact_t *fact;
	med_made_t *made;
	med_str_t site;

	if(root == NULL)
		return; /* trunks that are each other's root: told with the trunk */
	fact = root->source[0] != NULL ? root->source[0] : root->source[1];
	made = med_mapping_make(m, MED_KIND_GATEWAY, gateway->id, med_mapping_where(m, fact));
	if(made == NULL)
		return;
	med_mapping_put(m, made, "name", gateway->host);
	med_mapping_put(m, made, "address", gateway->host);
	if(text_of(root, "SiteId", &site))
		med_mapping_put(m, made, "site", med_mapping_site(m, site, made->where));
	put_addresses(m, made, root);
	put_of_root(m, made, root);
	med_mapping_put(m, made, "root_trunk", root->id);
	med_mapping_done(m, made);
	med_mapping_note(m, MED_IMPORT_CARRIED, made->where, "gateway '%s' (%zu %s)",
			gateway->id.s, gateway->trunks, gateway->trunks == 1 ? "trunk" : "trunks");
}

/* ---- trunks: what they are ----------------------------------------------------------
 */

static void put_ports(med_mapping_t *m, med_made_t *made, med_trunk_fact_t *trunk)
{
	med_str_t tls = {"", 0}, tcp = {"", 0};
	bool has_tls = text_of(trunk, "GatewaySipClientTlsPort", &tls)
			&& !med_str_eq(tls, MED_STR("0"));
	bool has_tcp = text_of(trunk, "GatewaySipClientTcpPort", &tcp)
			&& !med_str_eq(tcp, MED_STR("0"));

	trunk->transport = !has_tls && has_tcp ? MED_STR("tcp") : MED_STR("tls");
	med_mapping_put(m, made, "transport", trunk->transport);
	med_mapping_put(m, made, "port", has_tls ? tls : has_tcp ? tcp : (med_str_t){"", 0});
	if(has_tls && has_tcp)
		med_mapping_note(m, MED_IMPORT_CHANGED, made->where,
				"it has a TLS port (%s) and a TCP port (%s): TLS was taken; if TCP is in "
				"use, "
				"make a second trunk with transport = tcp, port = %s",
				med_mapping_show(m, tls), med_mapping_show(m, tcp),
				med_mapping_show(m, tcp));
	else if(!has_tls && !has_tcp)
		med_mapping_note(m, MED_IMPORT_CHANGED, made->where,
				"no port of the gateway is in the files: TLS and its default port were "
				"taken");
}

static const med_made_t *put_pool(
		med_mapping_t *m, med_made_t *made, const med_trunk_fact_t *trunk)
{
	const med_entry_t *entry;
	med_str_t name;

	if(!text_of(trunk, "MediationServer", &name)) {
		med_mapping_note(m, MED_IMPORT_CHANGED, made->where,
				"its Mediation Server is not in the files; the port for its transport is "
				"the default one");
		return NULL;
	}
	name = med_text_without(name, "MediationServer:");
	entry = med_table_find(&m->table, MED_SPACE_POOL, name);
	if(entry == NULL || entry->object == NULL) {
		med_mapping_note(m, MED_IMPORT_LEFT, made->where,
				"MediationServer = '%s': in none of the files; import the topology or "
				"Get-CsService -MediationServer too",
				med_mapping_show(m, name));
		return NULL;
	}
	med_mapping_put(m, made, "mediation_server", entry->id);
	return entry->object;
}

static void put_local_port(med_mapping_t *m, med_made_t *made, med_trunk_fact_t *trunk)
{
	const med_made_t *pool = put_pool(m, made, trunk);
	med_str_t port;

	if(mediation_port(trunk, &port)) {
		med_mapping_put(m, made, "local_port", port);
		return;
	}
	if(trunk->gateway->without_port > 1)
		med_mapping_note(m, MED_IMPORT_LEFT, made->where,
				"its port at the Mediation Server is in none of the files, and its "
				"gateway "
				"has %zu such trunks, which only that port tells apart: set local_port%s",
				trunk->gateway->without_port,
				pool == NULL ? "" : " where it is not the pool's");
}

/* What a gateway has once: a trunk that says otherwise than the root is told. */
static void compare_to_root(
		med_mapping_t *m, const med_made_t *made, const med_trunk_fact_t *trunk)
{
	static const char *const names[] = {
			"RepresentativeMediaIP", "AlternateByPassId", "Routable", "Default"};
	const med_trunk_fact_t *root = trunk->gateway->root;
	med_str_t mine, of_root;

	for(size_t i = 0; root != NULL && root != trunk && i < COUNT(names); i++) {
		if(text_of(trunk, names[i], &mine)
				&& (!text_of(root, names[i], &of_root)
						|| !med_str_eq_nocase(mine, of_root)))
			med_mapping_note(m, MED_IMPORT_LEFT, made->where,
					"%s = '%s': a gateway has one, and its root trunk says otherwise",
					names[i], med_mapping_show(m, mine));
	}
}

/* What identifies the peer of a call: a name over TLS, an address otherwise. */
static void tell_identity(
		med_mapping_t *m, const med_made_t *made, const med_trunk_fact_t *trunk)
{
	const med_trunk_fact_t *root = trunk->gateway->root;
	const med_fact_t *fact = root == NULL ? NULL : root->source[1];
	bool tls = med_str_eq(trunk->transport, MED_STR("tls"));
	med_ip_t ip;
	bool address = med_ip_parse(trunk->gateway->host, &ip) == MED_EOK;

	if(tls && address)
		med_mapping_note(m, MED_IMPORT_LEFT, made->where,
				"over TLS a gateway is known by a name, and this one has an address: set "
				"tls_name of gateway '%s'",
				trunk->gateway->id.s);
	else if(!tls && !address && (fact == NULL || fact->object->items == NULL))
		med_mapping_note(m, MED_IMPORT_LEFT, made->where,
				"over TCP a gateway is known by its address, which is in none of the "
				"files: "
				"set source of gateway '%s'",
				trunk->gateway->id.s);
}

static void make_trunk(med_mapping_t *m, med_trunk_fact_t *trunk)
{
	static const med_renamed_t fields[] = {{"Description", "description"}};
	const med_fact_t *fact =
			trunk->source[0] != NULL ? trunk->source[0] : trunk->source[1];
	med_made_t *made =
			med_mapping_make(m, MED_KIND_TRUNK, trunk->id, med_mapping_where(m, fact));
	med_str_t text;

	if(made == NULL)
		return;
	med_mapping_put(m, made, "name", trunk->name);
	med_mapping_put(m, made, "gateway", trunk->gateway->id);
	med_mapping_copy(m, made, fact, fields, COUNT(fields));
	put_ports(m, made, trunk);
	put_local_port(m, made, trunk);
	compare_to_root(m, made, trunk);
	tell_identity(m, made, trunk);
	if(trunk->gateway->root == NULL)
		med_mapping_note(m, MED_IMPORT_LEFT, made->where,
				"its root trunk depends on it in turn; its gateway cannot be made");
	if(trunk->source[0] == NULL && text_of(trunk, "InventedName", &text))
		med_mapping_note(m, MED_IMPORT_CHANGED, made->where,
				"the topology does not say its name; '%s' was made up. With "
				"Get-CsTrunk's "
				"CLIXML it gets its own",
				med_mapping_show(m, trunk->name));
	med_mapping_done(m, made);
	med_mapping_note(m, MED_IMPORT_CARRIED, made->where, "trunk '%s' to gateway '%s'",
			trunk->id.s, trunk->gateway->id.s);
	for(int i = 0; i < 2; i++) {
		if(trunk->source[i] != NULL)
			med_mapping_unread(m, trunk->source[i]);
	}
}

void med_mapping_trunks(med_mapping_t *m)
{
	size_t count;
	const med_fact_t **facts = med_mapping_facts(m, MED_FACT_TRUNK, &count);

	m->trunks = med_blocks_take(m->blocks, count, sizeof *m->trunks);
	m->gateways = med_blocks_take(m->blocks, count, sizeof *m->gateways);
	if(m->trunks == NULL || m->gateways == NULL)
		return;
	for(int topology = 0; topology < 2; topology++) { /* CLIXML has the names */
		for(size_t i = 0; i < count; i++) {
			if((facts[i]->rank == MED_RANK_TOPOLOGY) == topology)
				learn_trunk(m, facts[i]);
		}
	}
	for(size_t i = 0; i < m->trunk_count; i++)
		learn_root(m, &m->trunks[i]);
	for(size_t i = 0; i < m->trunk_count; i++)
		learn_dependents(m, &m->trunks[i]);
	for(size_t i = 0; i < m->trunk_count; i++)
		learn_gateway(m, &m->trunks[i]);
	med_mapping_assign(m, MED_SPACE_TRUNK);
	med_mapping_assign(m, MED_SPACE_GATEWAY);
	if(m->blocks->error != MED_EOK)
		return;
	for(size_t i = 0; i < m->trunk_count; i++)
		m->trunks[i].id = med_mapping_id(m, MED_SPACE_TRUNK, m->trunks[i].name);
	for(size_t i = 0; i < m->gateway_count; i++)
		m->gateways[i].id = med_mapping_id(m, MED_SPACE_GATEWAY, m->gateways[i].host);
	for(size_t i = 0; i < m->gateway_count; i++)
		make_gateway(m, &m->gateways[i]);
	for(size_t i = 0; i < m->trunk_count; i++)
		make_trunk(m, &m->trunks[i]);
}
