/**
 * import_topology.c - topologies: published ones, and Topology Builder's own files
 *
 * Both are read into the same clusters and services; these become facts whose properties
 * are named as those of Get-CsSite, Get-CsService and Get-CsTrunk. How a gateway is
 * written is concluded from how all else is, so nothing is taken for granted there.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "medcore/import_priv.h"

#define ROLES_SHOWN 200 /* bytes */

/* Keys are GUIDs or made of numbers and names; compared without case. */
typedef struct med_key {
	med_str_t text;
	size_t index;
} med_key_t;

typedef struct med_cluster {
	med_str_t key, fqdn, site;
	const med_xml_t *element;
	struct med_service *lowest; /* of the trunks on it */
} med_cluster_t;

typedef struct med_service {
	med_str_t key, role, site, instance;
	med_str_t installed; /* key of a cluster */
	const med_xml_t *element;
	med_cluster_t *cluster;
	const struct med_service *root; /* of a gateway's trunk */
} med_service_t;

typedef struct med_topology {
	med_importing_t *in;
	med_cluster_t *clusters;
	med_service_t *services;
	med_key_t *cluster_keys, *service_keys; /* sorted */
	size_t cluster_count, service_count;
	bool published;
} med_topology_t;

static med_str_t attribute(const med_xml_t *element, const char *name)
{
	const med_str_t *value = element == NULL ? NULL : med_xml_attribute(element, name);

	return value == NULL ? (med_str_t){"", 0} : med_text_strip(*value);
}

static bool same(med_str_t a, med_str_t b)
{
	return a.len > 0 && med_str_eq_nocase(a, b);
}

/* ---- sites --------------------------------------------------------------------------
 */

static void add_site(med_topology_t *t, const med_xml_t *site)
{
	const med_xml_t *name = med_xml_child(site, "Name");
	med_str_t number = attribute(site, "SiteId");
	med_value_t *object;

	if(number.len == 0 || name == NULL)
		return;
	object = med_value_new(t->in->blocks, MED_VALUE_OBJECT);
	med_value_set_text(t->in->blocks, object, "SiteId", number);
	med_value_set_text(t->in->blocks, object, "DisplayName", med_text_strip(name->text));
	(void)med_import_fact(
			t->in, MED_FACT_SITE, MED_RANK_TOPOLOGY, med_text_strip(name->text), object);
}

/* ---- clusters and services ----------------------------------------------------------
 */

static med_str_t joined(med_topology_t *t, const med_xml_t *id, const char *const *parts,
		const char *between)
{
	med_str_t key = {"", 0};

	for(; *parts != NULL; parts++) {
		med_str_t part = attribute(id, *parts);
		key = key.len == 0 ? med_blocks_copy(t->in->blocks, part)
						   : med_blocks_format(t->in->blocks, "%.*s%s%.*s",
								   MED_STR_FMT(key), between, MED_STR_FMT(part));
	}
	return key;
}

static med_str_t cluster_key(med_topology_t *t, const med_xml_t *id)
{
	static const char *const parts[] = {"SiteId", "Number", NULL};

	return id == NULL ? (med_str_t){"", 0} : joined(t, id, parts, ":");
}

static med_str_t service_key(med_topology_t *t, const med_xml_t *id)
{
	static const char *const parts[] = {"SiteId", "RoleName", "Instance", NULL};

	return id == NULL ? (med_str_t){"", 0} : joined(t, id, parts, "-");
}

static med_str_t site_around(const med_xml_t *element)
{
	for(const med_xml_t *e = element; e != NULL; e = e->parent) {
		if(med_xml_attribute(e, "SiteId") != NULL)
			return attribute(e, "SiteId");
	}
	return (med_str_t){"", 0};
}

static int compare_keys(const void *a, const void *b)
{
	const med_key_t *x = a, *y = b;
	size_t len = x->text.len < y->text.len ? x->text.len : y->text.len;
	int order = strncasecmp(x->text.s, y->text.s, len);

	return order != 0                   ? order
			: x->text.len < y->text.len ? -1
										: x->text.len > y->text.len;
}

static size_t find_key(const med_key_t *keys, size_t count, med_str_t text)
{
	med_key_t wanted = {text, 0};
	const med_key_t *found = text.len == 0
			? NULL
			: bsearch(&wanted, keys, count, sizeof(*keys), compare_keys);

	return found == NULL ? SIZE_MAX : found->index;
}

static med_cluster_t *find_cluster(const med_topology_t *t, med_str_t key)
{
	size_t index = find_key(t->cluster_keys, t->cluster_count, key);

	return index == SIZE_MAX ? NULL : &t->clusters[index];
}

static const med_service_t *find_service(const med_topology_t *t, med_str_t key)
{
	size_t index = find_key(t->service_keys, t->service_count, key);

	return index == SIZE_MAX ? NULL : &t->services[index];
}

static void read_cluster(med_topology_t *t, const med_xml_t *element)
{
	med_cluster_t *cluster = &t->clusters[t->cluster_count++];
	const med_xml_t *id = med_xml_child(element, "ClusterId");

	cluster->element = element;
	cluster->fqdn = attribute(element, "Fqdn");
	cluster->key = t->published ? cluster_key(t, id) : attribute(element, "UniqueId");
	cluster->site = t->published ? attribute(id, "SiteId") : site_around(element);
}

static void read_service(med_topology_t *t, const med_xml_t *element)
{
	med_service_t *service = &t->services[t->service_count++];
	const med_xml_t *id = med_xml_child(element, "ServiceId");
	const med_xml_t *installed = med_xml_child(element, "InstalledOn");

	service->element = element;
	if(t->published) {
		service->key = service_key(t, id);
		service->role = attribute(id, "RoleName");
		service->site = attribute(id, "SiteId");
		service->instance = attribute(id, "Instance");
		service->installed = cluster_key(
				t, installed == NULL ? NULL : med_xml_child(installed, "ClusterId"));
	} else {
		service->key = attribute(element, "UniqueId");
		service->role = attribute(element, "RoleName");
		service->installed = attribute(element, "InstalledOn");
	}
	service->cluster = find_cluster(t, service->installed);
	if(service->site.len == 0 && service->cluster != NULL)
		service->site = service->cluster->site;
}

static size_t count_elements(const med_xml_t *top, const char *name)
{
	size_t count = 0;

	for(const med_xml_t *e = top; e != NULL; e = med_xml_walk(e, top))
		count += med_xml_is(e, name);
	return count;
}

/* The next dependency of that role, after @p after (NULL: the first). */
static const med_service_t *dependency(
		med_topology_t *t, const med_service_t *service, const char *role)
{
	const med_xml_t *all = med_xml_child(service->element, "DependsOn");
	const med_xml_t *one = all == NULL ? NULL : med_xml_child(all, "Dependency");

	for(; one != NULL; one = med_xml_again(one, "Dependency")) {
		const med_service_t *found = find_service(t,
				t->published ? service_key(t, med_xml_child(one, "ServiceId"))
							 : attribute(one, "ServiceUniqueId"));
		if(found != NULL && found != service && same(found->role, med_str(role)))
			return found;
	}
	return NULL;
}

/* "Registrar:fe.example.net" of what a service depends on. */
static void set_dependency(med_topology_t *t, const med_service_t *service,
		med_value_t *object, const char *role, const char *property)
{
	const med_service_t *found = dependency(t, service, role);

	if(found != NULL && found->cluster != NULL)
		med_value_set_text(t->in->blocks, object, property,
				med_blocks_format(t->in->blocks, "%s:%.*s", role,
						MED_STR_FMT(found->cluster->fqdn)));
}

/* What Get-CsService tells of every service. */
static med_value_t *common_object(med_topology_t *t, const med_service_t *service)
{
	med_value_t *object = med_value_new(t->in->blocks, MED_VALUE_OBJECT);

	if(t->published)
		med_value_set_text(t->in->blocks, object, "ServiceId", service->key);
	med_value_set_text(t->in->blocks, object, "TopologyKey", service->key);
	med_value_set_text(t->in->blocks, object, "SiteId", service->site);
	if(service->cluster != NULL)
		med_value_set_text(t->in->blocks, object, "PoolFqdn", service->cluster->fqdn);
	return object;
}

/* ---- ports --------------------------------------------------------------------------
 */

static bool is_tls(med_str_t protocol)
{
	return same(protocol, MED_STR("Tls")) || same(protocol, MED_STR("Mtls"));
}

static void set_pool_port(med_topology_t *t, med_value_t *object, const med_xml_t *port)
{
	med_str_t usage = attribute(port, "Usage"), protocol = attribute(port, "Protocol");
	med_str_t number = attribute(port, "Port"), range = attribute(port, "Range");
	med_blocks_t *blocks = t->in->blocks;

	if(same(usage, MED_STR("SipServer"))) {
		med_value_set_text(blocks, object, "SipServerPort", number);
	} else if(same(usage, MED_STR("SipClient"))) {
		med_value_set_text(blocks, object,
				is_tls(protocol) ? "SipClientTlsPort" : "SipClientTcpPort", number);
		if(range.len > 0)
			med_value_set_text(blocks, object,
					is_tls(protocol) ? "SipClientTlsRange" : "SipClientTcpRange", range);
	} else if(same(usage, MED_STR("AudioCommunication"))) {
		med_value_set_text(blocks, object, "AudioPortStart", number);
		med_value_set_text(blocks, object, "AudioPortCount", range);
	} else {
		med_value_set_text(blocks, object,
				med_blocks_format(blocks, "port of usage %.*s", MED_STR_FMT(usage)).s,
				number);
	}
}

static void add_pool(med_topology_t *t, const med_service_t *service)
{
	const med_xml_t *ports = med_xml_child(service->element, "Ports");
	med_value_t *object = common_object(t, service);

	for(const med_xml_t *p = ports == NULL ? NULL : ports->first; p != NULL; p = p->next)
		set_pool_port(t, object, p);
	set_dependency(t, service, object, "Registrar", "Registrar");
	set_dependency(t, service, object, "EdgeServer", "EdgeServer");
	if(service->cluster == NULL) {
		med_import_tell(t->in, MED_IMPORT_LEFT, service->key,
				"a Mediation Server on a cluster that the topology does not have");
		return;
	}
	(void)med_import_fact(
			t->in, MED_FACT_POOL, MED_RANK_TOPOLOGY, service->cluster->fqdn, object);
	for(const med_xml_t *e = service->cluster->element; e != NULL;
			e = med_xml_walk(e, service->cluster->element)) {
		med_str_t fqdn = attribute(e, "Fqdn");
		if(med_xml_is(e, "Machine"))
			med_value_add(t->in->blocks, object,
					med_value_text(
							t->in->blocks, fqdn.len > 0 ? fqdn : service->cluster->fqdn));
	}
}

/* ---- gateways and trunks ------------------------------------------------------------
 */

/* Every port says one of the two, whatever else stands there. */
static void set_gateway_ports(
		med_topology_t *t, med_value_t *object, const med_service_t *service)
{
	const med_xml_t *ports = med_xml_child(service->element, "Ports");

	for(const med_xml_t *p = ports == NULL ? NULL : ports->first; p != NULL;
			p = p->next) {
		med_str_t protocol = attribute(p, "Protocol");
		if(is_tls(protocol))
			med_value_set_text(t->in->blocks, object, "GatewaySipClientTlsPort",
					attribute(p, "Port"));
		else if(same(protocol, MED_STR("Tcp")))
			med_value_set_text(t->in->blocks, object, "GatewaySipClientTcpPort",
					attribute(p, "Port"));
		else
			med_value_set_text(t->in->blocks, object, "Port",
					med_blocks_format(t->in->blocks, "%.*s %.*s", MED_STR_FMT(protocol),
							MED_STR_FMT(attribute(p, "Port"))));
	}
}

/* Payload: all attributes and texts of what is neither Ports nor a reference. */
static void set_payload(
		med_topology_t *t, med_value_t *object, const med_service_t *service)
{
	static const char *const not_payload[] = {
			"ServiceId", "DependsOn", "InstalledOn", "Ports", NULL};

	for(const med_xml_t *top = service->element->first; top != NULL; top = top->next) {
		bool skip = false;
		for(size_t i = 0; not_payload[i] != NULL; i++)
			skip |= med_xml_is(top, not_payload[i]);
		for(const med_xml_t *e = skip ? NULL : top; e != NULL; e = med_xml_walk(e, top)) {
			for(size_t i = 0; i < e->attribute_count; i++)
				med_value_set(t->in->blocks, object, e->attributes[i].name,
						med_value_text(t->in->blocks, e->attributes[i].value));
			if(e->text.len > 0)
				med_value_set(t->in->blocks, object, e->name,
						med_value_text(t->in->blocks, med_text_strip(e->text)));
		}
	}
}

static void set_addresses(
		med_topology_t *t, med_value_t *object, const med_cluster_t *cluster)
{
	for(const med_xml_t *e = cluster->element; e != NULL;
			e = med_xml_walk(e, cluster->element)) {
		med_str_t address = attribute(e, "IPAddress"), fqdn = attribute(e, "Fqdn");
		if(med_xml_is(e, "Machine") && fqdn.len > 0 && !same(fqdn, cluster->fqdn))
			med_value_set_text(t->in->blocks, object, "Machine", fqdn);
		if(med_xml_is(e, "NetInterface") && address.len > 0
				&& !med_str_eq(address, MED_STR("0.0.0.0"))
				&& !med_str_eq(address, MED_STR("::")))
			med_value_add(t->in->blocks, object, med_value_text(t->in->blocks, address));
	}
}

static bool is_trunk(const med_service_t *service)
{
	return same(service->role, MED_STR("PstnGateway"))
			|| same(service->role, MED_STR("Trunk"));
}

static unsigned long number_of(med_str_t text)
{
	unsigned long number = 0;

	for(size_t i = 0; i < text.len && text.s[i] >= '0' && text.s[i] <= '9'; i++)
		number = number * 10 + (unsigned long)(text.s[i] - '0');
	return number;
}

/* The trunk a trunk depends on; else the first of those on its cluster; itself. */
static const med_service_t *root_of(med_topology_t *t, const med_service_t *service)
{
	const med_service_t *root = dependency(t, service, "PstnGateway");

	if(root == NULL)
		root = dependency(t, service, "Trunk");
	if(root != NULL)
		return root;
	return service->cluster == NULL ? service : service->cluster->lowest;
}

static void note_lowest(med_service_t *service)
{
	med_cluster_t *cluster = service->cluster;

	if(cluster != NULL
			&& (cluster->lowest == NULL
					|| number_of(service->instance)
							< number_of(cluster->lowest->instance)))
		cluster->lowest = service;
}

static med_str_t trunk_name(
		med_topology_t *t, const med_service_t *service, const med_value_t *object)
{
	static const char *const names[] = {"TrunkName", "Name", "DisplayName", "Fqdn", NULL};
	med_str_t name = {"", 0}, host = {"", 0};

	for(size_t i = 0; names[i] != NULL; i++) {
		if(med_value_get_text(object, names[i], &name))
			return name;
		name = attribute(service->element, names[i]);
		if(name.len > 0)
			return name;
	}
	if(service->root->cluster != NULL)
		host = service->root->cluster->fqdn;
	if(service->root == service)
		return host;
	if(service->cluster != NULL && service->cluster != service->root->cluster)
		return service->cluster->fqdn;
	med_value_set_text(t->in->blocks, (med_value_t *)(uintptr_t)object, "InventedName",
			MED_STR("true"));
	return med_blocks_format(t->in->blocks, "%.*s-%.*s", MED_STR_FMT(host),
			MED_STR_FMT(service->instance.len > 0 ? service->instance : service->key));
}

static void add_trunk(med_topology_t *t, med_service_t *service)
{
	med_value_t *object = common_object(t, service);
	const med_cluster_t *cluster =
			service->root->cluster != NULL ? service->root->cluster : service->cluster;

	set_gateway_ports(t, object, service);
	set_payload(t, object, service);
	set_dependency(t, service, object, "MediationServer", "MediationServer");
	if(service->root != service)
		med_value_set_text(t->in->blocks, object, "RootKey", service->root->key);
	if(cluster != NULL) {
		med_value_set_text(t->in->blocks, object, "GatewayHost", cluster->fqdn);
		set_addresses(t, object, cluster);
	}
	(void)med_import_fact(t->in, MED_FACT_TRUNK, MED_RANK_TOPOLOGY,
			trunk_name(t, service, object), object);
}

/* ---- the documents ------------------------------------------------------------------
 */

static int read_parts(med_topology_t *t, const med_xml_t *top)
{
	size_t clusters = count_elements(top, "Cluster");
	size_t services = count_elements(top, "Service");

	t->clusters = med_blocks_take(t->in->blocks, clusters, sizeof *t->clusters);
	t->services = med_blocks_take(t->in->blocks, services, sizeof *t->services);
	t->cluster_keys = med_blocks_take(t->in->blocks, clusters, sizeof *t->cluster_keys);
	t->service_keys = med_blocks_take(t->in->blocks, services, sizeof *t->service_keys);
	if(t->in->blocks->error != MED_EOK)
		return t->in->blocks->error;
	for(const med_xml_t *e = top; e != NULL; e = med_xml_walk(e, top)) {
		if(med_xml_is(e, "Cluster"))
			read_cluster(t, e);
		else if(e->parent != NULL
				&& (med_xml_is(e->parent, "Sites")
						|| med_xml_is(e->parent, "CentralSites")
						|| med_xml_is(e->parent, "RemoteSites")))
			add_site(t, e);
	}
	for(size_t i = 0; i < t->cluster_count; i++)
		t->cluster_keys[i] = (med_key_t){t->clusters[i].key, i};
	qsort(t->cluster_keys, t->cluster_count, sizeof(*t->cluster_keys), compare_keys);
	for(const med_xml_t *e = top; e != NULL; e = med_xml_walk(e, top)) {
		if(med_xml_is(e, "Service"))
			read_service(t, e);
	}
	for(size_t i = 0; i < t->service_count; i++)
		t->service_keys[i] = (med_key_t){t->services[i].key, i};
	qsort(t->service_keys, t->service_count, sizeof(*t->service_keys), compare_keys);
	return t->in->blocks->error;
}

/* One note for all that is no part of a Mediation Server. */
static void tell_others(med_topology_t *t)
{
	med_str_t roles = {"", 0};
	size_t count = 0;
	char role[40];

	for(size_t i = 0; i < t->service_count; i++) {
		const med_service_t *service = &t->services[i];
		if(is_trunk(service) || same(service->role, MED_STR("MediationServer")))
			continue;
		count++;
		(void)med_quote(role, sizeof(role), service->role);
		if(roles.len < ROLES_SHOWN && strstr(roles.s, role) == NULL)
			roles = med_blocks_format(
					t->in->blocks, "%s%s%s", roles.s, roles.len > 0 ? ", " : "", role);
	}
	if(count > 0)
		med_import_tell(t->in, MED_IMPORT_LEFT, (med_str_t){"", 0},
				"services of other roles (%zu), no part of a Mediation Server: %s", count,
				roles.s);
}

static int read_topology(med_importing_t *in, const med_xml_t *top, bool published)
{
	med_topology_t t = {.in = in, .published = published};
	int rc = read_parts(&t, top);

	if(rc != MED_EOK)
		return rc;
	for(size_t i = 0; i < t.service_count; i++) {
		if(is_trunk(&t.services[i]))
			note_lowest(&t.services[i]);
	}
	for(size_t i = 0; i < t.service_count; i++) {
		if(is_trunk(&t.services[i]))
			t.services[i].root = root_of(&t, &t.services[i]);
	}
	for(size_t i = 0; i < t.service_count && in->blocks->error == MED_EOK; i++) {
		if(is_trunk(&t.services[i]))
			add_trunk(&t, &t.services[i]);
		else if(same(t.services[i].role, MED_STR("MediationServer")))
			add_pool(&t, &t.services[i]);
	}
	tell_others(&t);
	return in->blocks->error;
}

int med_import_topology(med_importing_t *in, const med_xml_t *root)
{
	return read_topology(in, root, true);
}

int med_import_builder(med_importing_t *in, const med_xml_t *root)
{
	const med_xml_t *top = med_xml_child(root, "NewTopology");
	const med_xml_t *partial = top == NULL ? NULL : med_xml_child(top, "PartialTopology");

	if(partial == NULL)
		return med_fail(in->err, MED_EINVAL,
				"a TopologyBuilder file without NewTopology/PartialTopology");
	if(!same(attribute(partial, "IsPublished"), MED_STR("true")))
		med_import_tell(in, MED_IMPORT_CHANGED, (med_str_t){"", 0},
				"not published (IsPublished is false): it may have what was never in "
				"use; "
				"compare with (Get-CsTopology -AsXml).ToString()");
	return read_topology(in, partial, false);
}
