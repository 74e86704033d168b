/**
 * import_map.c - from facts to objects: order, notes, and the check of what is made
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "medcore/import_map.h"
#include "medcore/record.h"
#include "medcore/schema.h"

#define SHOWN_MAX 160
#define PROPERTIES_MAX 10000 /* of an object: a list's members may be such */

/* ---- facts in an order of their own -------------------------------------------------
 */

static bool strip_prefix(med_str_t *text, const char *prefix)
{
	size_t len = strlen(prefix);

	if(!med_text_begins(*text, prefix))
		return false;
	*text = (med_str_t){text->s + len, text->len - len};
	return true;
}

med_str_t med_mapping_scope(med_blocks_t *blocks, med_str_t identity)
{
	static const char *const classes[] = {
			"Site:", "Tag:", "PstnGateway:", "Registrar:", "MediationServer:"};

	identity = med_text_strip(identity);
	(void)strip_prefix(&identity, "Service:");
	if(identity.len == 0 || med_str_eq_nocase(identity, MED_STR("Global")))
		return MED_STR("Global");
	for(size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		if(strip_prefix(&identity, classes[i]))
			return med_blocks_format(
					blocks, "%s%.*s", classes[i], MED_STR_FMT(med_text_strip(identity)));
	}
	return med_blocks_format(blocks, "Tag:%.*s", MED_STR_FMT(identity));
}

static bool is_scoped(enum med_fact_kind kind)
{
	return kind == MED_FACT_DIAL_PLAN || kind == MED_FACT_VOICE_POLICY
			|| kind == MED_FACT_ROUTING_POLICY || kind == MED_FACT_TRUNK_CONFIGURATION
			|| kind == MED_FACT_USAGES;
}

static bool is_rule(enum med_fact_kind kind)
{
	return kind == MED_FACT_CALLED_RULE || kind == MED_FACT_CALLING_RULE
			|| kind == MED_FACT_RESPONSE_RULE || kind == MED_FACT_NORMALIZATION_RULE;
}

/* "Site:Harbour/ToNational" is a rule of Site:Harbour. */
static med_str_t canonical(med_blocks_t *blocks, const med_fact_t *fact)
{
	med_str_t identity = fact->identity;

	if(is_rule(fact->kind)) {
		med_str_t rule = med_text_after(identity, "/");
		if(rule.len < identity.len)
			identity.len -= rule.len + 1;
		return med_mapping_scope(blocks, identity);
	}
	if(fact->kind == MED_FACT_SITE)
		(void)strip_prefix(&identity, "Site:");
	if(fact->kind == MED_FACT_POOL)
		(void)strip_prefix(&identity, "MediationServer:");
	return is_scoped(fact->kind) ? med_mapping_scope(blocks, identity) : identity;
}

static int compare_identities(med_str_t a, med_str_t b)
{
	int order = strncasecmp(a.s, b.s, a.len < b.len ? a.len : b.len);

	return order != 0 ? order : a.len < b.len ? -1 : a.len > b.len;
}

static int compare_facts(const void *a, const void *b)
{
	const med_fact_t *x = *(const med_fact_t *const *)a;
	const med_fact_t *y = *(const med_fact_t *const *)b;
	int order;

	if(x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	order = compare_identities(x->identity, y->identity);
	if(order == 0 && x->rank != y->rank)
		order = x->rank < y->rank ? -1 : 1;
	if(order == 0)
		order = med_text_compare(x->file, y->file);
	if(order == 0)
		order = x->index < y->index ? -1 : x->index > y->index;
	return order;
}

static int sort_facts(med_mapping_t *m)
{
	size_t count = 0;

	m->facts = med_blocks_take(m->blocks, m->import->fact_count, sizeof(*m->facts));
	if(m->facts == NULL)
		return m->blocks->error;
	for(med_fact_t *f = m->import->facts; f != NULL; f = f->next) {
		f->identity = canonical(m->blocks, f);
		m->facts[count++] = f;
	}
	m->fact_count = count;
	qsort(m->facts, count, sizeof(m->facts[0]), compare_facts);
	for(size_t kind = 0, i = 0; kind <= MED_FACT_COUNT; kind++) {
		while(i < count && m->facts[i]->kind < kind)
			i++;
		m->first[kind] = i;
	}
	return m->blocks->error;
}

const med_fact_t **med_mapping_facts(
		const med_mapping_t *m, enum med_fact_kind kind, size_t *count)
{
	*count = m->first[kind + 1] - m->first[kind];
	return m->facts + m->first[kind];
}

const med_fact_t **med_mapping_facts_of(const med_mapping_t *m, enum med_fact_kind kind,
		med_str_t identity, size_t *count)
{
	size_t all, low = 0, high;
	const med_fact_t **facts = med_mapping_facts(m, kind, &all);

	for(high = all; low < high;) {
		size_t middle = low + (high - low) / 2;
		if(compare_identities(facts[middle]->identity, identity) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*count = 0;
	while(low + *count < all
			&& compare_identities(facts[low + *count]->identity, identity) == 0)
		(*count)++;
	return facts + low;
}

bool med_mapping_again(med_mapping_t *m, const med_fact_t *before, const med_fact_t *fact)
{
	if(before == NULL || before->kind != fact->kind
			|| !med_str_eq_nocase(before->identity, fact->identity))
		return false;
	med_mapping_note(m, MED_IMPORT_LEFT, med_mapping_where(m, fact),
			"the one in '%s' is used; import one of the two to be sure", before->file.s);
	return true;
}

/* ---- notes --------------------------------------------------------------------------
 */

const char *med_mapping_show(med_mapping_t *m, med_str_t text)
{
	char quoted[SHOWN_MAX];

	(void)med_quote(quoted, sizeof(quoted), text);
	return med_blocks_copy(m->blocks, med_str(quoted)).s;
}

med_str_t med_mapping_where(med_mapping_t *m, const med_fact_t *fact)
{
	if(fact->identity.len == 0)
		return fact->file;
	return med_blocks_format(
			m->blocks, "%s: %s", fact->file.s, med_mapping_show(m, fact->identity));
}

static bool push(med_mapping_t *m, void ***list, size_t *count, size_t *size, void *item)
{
	void **more;

	if(*count == *size) {
		*size = *size == 0 ? 64 : *size * 2;
		more = med_blocks_take(m->blocks, *size, sizeof *more);
		if(more == NULL)
			return false;
		if(*count > 0)
			memcpy(more, *list, *count * sizeof(*more));
		*list = more;
	}
	(*list)[(*count)++] = item;
	return true;
}

/* Two objects may come upon the same thing; it is told once. */
static bool is_told(med_mapping_t *m, med_str_t where, const char *text)
{
	med_str_t key = med_blocks_format(m->blocks, "%.*s\n%s", MED_STR_FMT(where), text);
	med_entry_t *entry = med_table_add(&m->table, MED_SPACE_NOTE, key);

	if(entry == NULL || entry->index != SIZE_MAX)
		return true;
	entry->index = 0;
	return false;
}

void med_mapping_note(med_mapping_t *m, enum med_import_note kind, med_str_t where,
		const char *fmt, ...)
{
	char text[768];
	med_note_t *note;
	va_list args;

	va_start(args, fmt);
	if(vsnprintf(text, sizeof(text), fmt, args) < 0)
		text[0] = '\0';
	va_end(args);
	if(is_told(m, where, text))
		return;
	note = med_blocks_take(m->blocks, 1, sizeof *note);
	if(note == NULL)
		return;
	*note = (med_note_t){.note = kind,
			.where = where,
			.text = med_blocks_copy(m->blocks, med_str(text)),
			.index = m->note_count};
	(void)push(m, (void ***)&m->notes, &m->note_count, &m->note_size, note);
}

static int compare_notes(const void *a, const void *b)
{
	const med_note_t *x = *(const med_note_t *const *)a;
	const med_note_t *y = *(const med_note_t *const *)b;
	int order = med_text_compare(x->where, y->where);

	return order != 0 ? order : x->index < y->index ? -1 : x->index > y->index;
}

/* Those of reading come first, each file's in its own order. */
static int collect_notes(med_mapping_t *m)
{
	for(med_note_t *n = m->import->notes; n != NULL; n = n->next) {
		if(!push(m, (void ***)&m->notes, &m->note_count, &m->note_size, n))
			return m->blocks->error;
	}
	if(m->note_count > 0)
		qsort(m->notes, m->note_count, sizeof(m->notes[0]), compare_notes);
	return MED_EOK;
}

/* ---- objects ------------------------------------------------------------------------
 */

med_made_t *med_mapping_make(
		med_mapping_t *m, enum med_kind kind, med_str_t id, med_str_t where)
{
	med_made_t *made = med_blocks_take(m->blocks, 1, sizeof *made);

	if(made == NULL)
		return NULL;
	made->kind = kind;
	made->id = id;
	made->where = where;
	made->comment = med_blocks_format(m->blocks, "from %s", where.s);
	return made;
}

/* Texts for people may have anything; ours are one printable line. */
static med_str_t cleaned(
		med_mapping_t *m, const med_made_t *made, const char *field, med_str_t value)
{
	med_str_t copy = med_blocks_copy(m->blocks, value);
	char *text = (char *)(uintptr_t)copy.s;
	bool changed = false;

	for(size_t i = 0; i < copy.len; i++) {
		if((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
			text[i] = ' ';
			changed = true;
		}
	}
	if(changed)
		med_mapping_note(m, MED_IMPORT_CHANGED, made->where,
				"%s '%s': field '%s': line ends and control characters became blanks",
				med_kind_name(made->kind), made->id.s, field);
	return med_str_trim(copy);
}

void med_mapping_put(
		med_mapping_t *m, med_made_t *made, const char *field, med_str_t value)
{
	med_field_t *more;

	if(made == NULL || value.len == 0)
		return;
	if(made->count == made->size) {
		size_t size = made->size == 0 ? 8 : made->size * 2;
		more = med_blocks_take(m->blocks, size, sizeof *more);
		if(more == NULL)
			return;
		if(made->count > 0)
			memcpy(more, made->fields, made->count * sizeof(*more));
		made->fields = more;
		made->size = size;
	}
	value = cleaned(m, made, field, value);
	if(value.len > 0)
		made->fields[made->count++] =
				(med_field_t){med_blocks_copy(m->blocks, med_str(field)), value};
}

/* The field a text names; count: none of these. */
static size_t blamed(const med_made_t *made, const char *text)
{
	for(size_t i = 0; i < made->count; i++) {
		char name[96];
		int len = snprintf(
				name, sizeof(name), "field '%.*s':", MED_STR_FMT(made->fields[i].name));
		if(len > 0 && (size_t)len < sizeof(name) && strstr(text, name) != NULL)
			return i;
	}
	return made->count;
}

/* What is set to other than its default, and has no effect in this version. */
static void tell_kept(med_mapping_t *m, const med_made_t *made)
{
	med_str_t all = {"", 0};

	for(size_t i = 0; i < made->count; i++) {
		const med_field_def_t *def = med_schema_field(made->kind, made->fields[i].name);
		if(def == NULL || !def->kept || memchr(def->name, '.', strlen(def->name)) != NULL
				|| (def->initial != NULL
						&& med_str_eq(made->fields[i].value, med_str(def->initial))))
			continue;
		all = med_blocks_format(
				m->blocks, "%s%s%s", all.s, all.len > 0 ? ", " : "", def->name);
	}
	if(all.len > 0)
		med_mapping_note(m, MED_IMPORT_CHANGED, made->where,
				"%s '%s': kept, but nothing acts on it in this version: %s",
				med_kind_name(made->kind), made->id.s, all.s);
}

void med_mapping_done(med_mapping_t *m, med_made_t *made)
{
	med_errbuf_t err = {""};
	med_record_t *record;
	size_t bad;
	int rc;

	if(made == NULL || m->blocks->error != MED_EOK)
		return;
	while((rc = med_record_parse(made->kind, made->id, made->fields, made->count,
				   m->blocks->mem, &record, &err))
			!= MED_EOK) {
		if(rc == MED_ENOMEM) {
			m->blocks->error = rc;
			return;
		}
		bad = blamed(made, err.text);
		if(bad == made->count) {
			med_mapping_note(
					m, MED_IMPORT_LEFT, made->where, "not carried: %s", err.text);
			return;
		}
		med_mapping_note(
				m, MED_IMPORT_LEFT, made->where, "field not carried: %s", err.text);
		memmove(made->fields + bad, made->fields + bad + 1,
				(made->count - bad - 1) * sizeof(*made->fields));
		made->count--;
	}
	med_free(m->blocks->mem, record);
	tell_kept(m, made);
	(void)push(m, (void ***)&m->made, &m->made_count, &m->made_size, made);
}

/* ---- properties ---------------------------------------------------------------------
 */

bool med_mapping_text(const med_fact_t *fact, const char *name, med_str_t *text)
{
	bool found = med_value_get_text(fact->object, name, text);
	med_str_t other;

	if(fact->element != NULL && med_value_get_text(fact->element, name, &other)
			&& !found) {
		*text = other;
		found = true;
	}
	return found;
}

bool med_mapping_yes(med_str_t text)
{
	return med_str_eq_nocase(text, MED_STR("true"));
}

void med_mapping_copy(med_mapping_t *m, med_made_t *made, const med_fact_t *fact,
		const med_renamed_t *fields, size_t count)
{
	for(size_t i = 0; i < count; i++) {
		med_str_t text;
		if(!med_mapping_text(fact, fields[i].theirs, &text))
			continue;
		text = med_text_strip(text);
		if(med_mapping_yes(text))
			text = MED_STR("yes");
		else if(med_str_eq_nocase(text, MED_STR("false")))
			text = MED_STR("no");
		med_mapping_put(m, made, fields[i].ours, text);
	}
}

bool med_mapping_listed(med_str_t text, med_str_t entry)
{
	size_t from = 0;

	for(size_t i = 0; i <= text.len; i++) {
		if(i < text.len && text.s[i] != ',')
			continue;
		if(med_str_eq((med_str_t){text.s + from, i - from}, entry))
			return true;
		from = i + 1;
	}
	return false;
}

/* Of the framework itself, and ours: they set nothing. */
static bool is_framework(med_str_t name)
{
	static const char *const names[] = {"Key", "ScopeClass", "Anchor", "Identity",
			"TypedIdentity", "Element", "XsAnyElements", "XsAnyAttributes",
			"PSComputerName", "RunspaceId", "PSShowComputerName", "DataSource",
			"ServiceId", "TopologyKey", "RootKey", "PoolFqdn", "SiteId", "Version",
			"Role", "Name", "Priority", "DependentServiceList", "InventedName",
			"GatewayHost"};

	for(size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if(med_str_eq_nocase(name, med_str(names[i])))
			return true;
	}
	return false;
}

/* Why known properties have no place here. */
static const char *reason(enum med_fact_kind kind, med_str_t name)
{
	static const struct {
		enum med_fact_kind kind;
		const char *begins, *why;
	} known[] = {
			{MED_FACT_VOICE_POLICY, "",
					"a feature of Lync's own users; calls over trunks "
					"have no use for it"},
			{MED_FACT_ROUTING_POLICY, "",
					"a feature of Lync's own users; calls over trunks "
					"have no use for it"},
			{MED_FACT_TRUNK_CONFIGURATION, "EnablePAIPAssthrough",
					"deprecated in Lync itself; forward_pai is what counts"},
			{MED_FACT_SITE, "",
					"sites are a name here; networks, bandwidth and bypass ids "
					"are set by hand"},
			{MED_FACT_TRUNK, "Machine",
					"a gateway has one name here; add the machine's address to source"},
			{MED_FACT_POOL, "SipClientTlsRange",
					"a pool has one port here; give its trunks a local_port each"},
			{MED_FACT_POOL, "SipClientTcpRange",
					"a pool has one port here; give its trunks a local_port each"},
			{MED_FACT_DIAL_PLAN, "CountryCode", "unused in Lync itself"},
			{MED_FACT_DIAL_PLAN, "State", "unused in Lync itself"},
			{MED_FACT_DIAL_PLAN, "City", "unused in Lync itself"},
	};

	for(size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if(known[i].kind == kind
				&& (known[i].begins[0] == '\0'
						|| med_str_eq_nocase(name, med_str(known[i].begins))))
			return known[i].why;
	}
	return "not understood; look it up, and set by hand what it means";
}

static bool has_property(const med_value_t *object, med_str_t name)
{
	for(const med_property_t *p = object->first; p != NULL; p = p->next) {
		if(med_str_eq_nocase(p->name, name))
			return true;
	}
	return false;
}

static void unread_of(med_mapping_t *m, const med_fact_t *fact, const med_value_t *object,
		const med_value_t *besides)
{
	size_t looked_at = 0;

	for(const med_property_t *p = object->first; p != NULL; p = p->next) {
		if(++looked_at > PROPERTIES_MAX) {
			med_mapping_note(m, MED_IMPORT_LEFT, med_mapping_where(m, fact),
					"more than %d properties; the rest of them was not looked at",
					PROPERTIES_MAX);
			return;
		}
		if(p->used || p->value->type == MED_VALUE_NIL || is_framework(p->name)
				|| (besides != NULL && has_property(besides, p->name)))
			continue;
		if(p->value->text.len == 0 && p->value->items == NULL && p->value->first == NULL)
			continue;
		med_mapping_note(m, MED_IMPORT_LEFT, med_mapping_where(m, fact), "%s = '%s': %s",
				med_mapping_show(m, p->name), med_mapping_show(m, p->value->text),
				reason(fact->kind, p->name));
	}
}

void med_mapping_unread(med_mapping_t *m, const med_fact_t *fact)
{
	unread_of(m, fact, fact->object, NULL);
	if(fact->element != NULL)
		unread_of(m, fact, fact->element, fact->object);
}

/* ---- delivery -----------------------------------------------------------------------
 */

/* Of what refers to it last. */
static int rank_of(enum med_kind kind)
{
	static const enum med_kind order[] = {MED_KIND_SITE, MED_KIND_POOL, MED_KIND_GATEWAY,
			MED_KIND_TRUNK, MED_KIND_RULES, MED_KIND_RESPONSE_RULES, MED_KIND_PROFILE,
			MED_KIND_POLICY, MED_KIND_ROUTE, MED_KIND_TEST};
	int rank = 0;

	while(rank < (int)(sizeof(order) / sizeof(order[0])) && order[rank] != kind)
		rank++;
	return rank;
}

static int compare_made(const void *a, const void *b)
{
	const med_made_t *x = *(const med_made_t *const *)a;
	const med_made_t *y = *(const med_made_t *const *)b;
	int order = rank_of(x->kind) - rank_of(y->kind);

	return order != 0 ? order : med_text_compare(x->id, y->id);
}

static int deliver(med_mapping_t *m, const med_import_sink_t *sink)
{
	if(m->made_count > 0)
		qsort(m->made, m->made_count, sizeof(m->made[0]), compare_made);
	for(size_t i = 0; i < m->made_count; i++) {
		const med_made_t *made = m->made[i];
		int rc = sink->object(sink->ctx, made->kind, made->id, made->fields, made->count,
				made->comment.s);
		if(rc != MED_EOK)
			return rc;
	}
	for(size_t i = 0; i < m->note_count; i++)
		sink->note(
				sink->ctx, m->notes[i]->note, m->notes[i]->where.s, m->notes[i]->text.s);
	return MED_EOK;
}

int med_import_finish(
		med_import_t *import, const med_import_sink_t *sink, med_errbuf_t *err)
{
	med_mapping_t m = {.import = import, .blocks = &import->blocks};
	int rc = import->blocks.error;

	m.table.blocks = m.blocks;
	if(rc == MED_EOK)
		rc = sort_facts(&m);
	if(rc == MED_EOK)
		rc = collect_notes(&m);
	if(rc == MED_EOK) {
		med_mapping_places(&m);
		med_mapping_trunks(&m);
		med_mapping_usage_names(&m);
		med_mapping_voice(&m);
		med_mapping_routing(&m);
		rc = import->blocks.error;
	}
	if(rc == MED_EOK)
		return deliver(&m, sink);
	return med_fail(err, rc, "%s: what the files say needs more than %u MiB",
			med_strerror(rc), MED_IMPORT_MEMORY >> 20);
}
