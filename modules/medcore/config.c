/**
 * config.c - the writer: takes objects in, keeps last good versions
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>

#include "medcore/schema.h"
#include "medcore/writer.h"

/* ---- slots --------------------------------------------------------------------------
 */

/* Ids that are too long are refused, but remembered by their beginning. */
static med_str_t kept_id(med_str_t id)
{
	if(id.len > MED_ID_KEPT)
		id.len = MED_ID_KEPT;
	return id;
}

static med_slot_t **chain_of(const med_table_t *table, uint64_t hash)
{
	return &table->bucket[hash & (table->buckets - 1)];
}

med_slot_t *med_slot_find(const med_config_t *config, enum med_kind kind, med_str_t id)
{
	const med_table_t *table = &config->table[kind];
	uint64_t hash = med_id_hash(id);
	med_slot_t *slot = table->buckets == 0 ? NULL : *chain_of(table, hash);

	while(slot != NULL && (slot->hash != hash || !med_str_eq(med_slot_id(slot), id)))
		slot = slot->next;
	return slot;
}

/* Of many objects it is hardly ever in the cache; the time until it is can be used. */
static void fetch_chain(const med_config_t *config, enum med_kind kind, med_str_t id)
{
	if(config->table[kind].buckets > 0)
		__builtin_prefetch(chain_of(&config->table[kind], med_id_hash(id)));
}

/* The bucket is there by now; what finding its first slot takes will be. */
static void fetch_slot(med_slot_t *const *chain)
{
	if(*chain == NULL)
		return;
	__builtin_prefetch(&(*chain)->number);
	__builtin_prefetch((*chain)->id);
}

void med_config_expect(med_config_t *config, enum med_kind kind, med_str_t id)
{
	const med_table_t *table = &config->table[kind];

	if(config->expected != NULL)
		fetch_slot(config->expected);
	config->expected =
			table->buckets == 0 ? NULL : chain_of(table, med_id_hash(kept_id(id)));
	if(config->expected != NULL)
		__builtin_prefetch(config->expected);
}

/* Longer chains are the worst that a failed growth leads to. */
static void grow_table(med_config_t *config, med_table_t *table)
{
	size_t buckets = table->buckets == 0 ? 64 : table->buckets * 2;
	med_slot_t **wide = med_calloc(&config->own, buckets, sizeof(*wide));

	if(wide == NULL)
		return;
	for(size_t i = 0; i < table->buckets; i++) {
		med_slot_t *slot = table->bucket[i], *next;
		for(; slot != NULL; slot = next) {
			med_slot_t **chain = &wide[slot->hash & (buckets - 1)];
			next = slot->next;
			slot->next = *chain;
			*chain = slot;
			med_pause(&config->pause);
		}
	}
	med_free(&config->own, table->bucket);
	config->expected = NULL;
	table->bucket = wide;
	table->buckets = buckets;
}

/* What numbers the next one; NULL: it has none, or can never be in force. */
static uint32_t *numbers_of(
		med_config_t *config, enum med_kind kind, med_str_t id, uint32_t *most)
{
	switch(kind) {
		case MED_KIND_TRUNK:
			*most = MED_TRUNK_NUMBERS;
			return med_is_id(id) ? &config->trunk_numbers : NULL;
		case MED_KIND_SCHEDULE:
			*most = MED_SCHEDULE_NUMBERS;
			return med_is_id(id) ? &config->schedule_numbers : NULL;
		case MED_KIND_LIMITS:
			*most = MED_LIMITS_NUMBERS;
			return med_record_check_id(kind, id, NULL) == MED_EOK
					? &config->limits_numbers
					: NULL;
		default:
			return NULL;
	}
}

med_slot_t *med_slot_of(med_config_t *config, enum med_kind kind, med_str_t id)
{
	med_table_t *table = &config->table[kind];
	med_slot_t *slot = med_slot_find(config, kind, id), **chain;
	uint32_t most, *next;

	if(slot != NULL)
		return slot;
	next = numbers_of(config, kind, id, &most);
	if(next != NULL && *next >= most)
		return NULL;
	if(table->slots * 2 >= table->buckets)
		grow_table(config, table);
	slot = table->buckets == 0 ? NULL
							   : med_calloc(&config->own, 1, sizeof(*slot) + id.len);
	if(slot == NULL)
		return NULL;
	slot->hash = med_id_hash(id);
	slot->kind = (uint8_t)kind;
	slot->id_len = (uint8_t)id.len;
	if(id.len > 0)
		memcpy(slot->id, id.s, id.len);
	slot->number = next != NULL ? (*next)++ : MED_NO_NUMBER;
	chain = chain_of(table, slot->hash);
	slot->next = *chain;
	*chain = slot;
	table->slots++;
	return slot;
}

void med_slot_mark_dirty(med_config_t *config, med_slot_t *slot)
{
	if(slot->dirty)
		return;
	slot->dirty = true;
	slot->next_dirty = config->table[slot->kind].dirty;
	config->table[slot->kind].dirty = slot;
}

void med_slot_drop(med_config_t *config, med_slot_t *slot)
{
	med_table_t *table = &config->table[slot->kind];
	med_slot_t **place;

	/* What has a number keeps it as long as the node runs, so it keeps its slot. */
	if(slot->entry != NULL || slot->refused != NULL || slot->object != NULL || slot->dirty
			|| slot->named != NULL || slot->number != MED_NO_NUMBER)
		return;
	for(place = chain_of(table, slot->hash); *place != slot; place = &(*place)->next)
		;
	*place = slot->next;
	table->slots--;
	med_fault_forget(config, slot);
	med_free(&config->own, slot->conflict);
	med_free(&config->own, slot);
}

int med_slot_text(med_config_t *config, char **place, const char *text)
{
	char *copy = NULL;

	if(text != NULL) {
		size_t size = strlen(text) + 1;
		copy = med_alloc(&config->own, size);
		if(copy == NULL)
			return MED_ENOMEM;
		memcpy(copy, text, size);
	}
	med_free(&config->own, *place);
	*place = copy;
	return MED_EOK;
}

bool med_config_reserve_work(med_config_t *config, size_t count)
{
	size_t room = count < 256 ? 256 : count + count / 4;
	med_slot_t **work;

	if(count <= config->work_room)
		return true;
	work = med_alloc(&config->own, room * sizeof(*work));
	if(work == NULL)
		return false;
	med_free(&config->own, config->work);
	config->work = work;
	config->work_room = room;
	return true;
}

/* ---- patterns of PCRE2 ---------------------------------------------------------------
 */

static med_pattern_entry_t **pattern_chain(med_config_t *config, uint64_t hash)
{
	return &config->patterns[hash
			% (sizeof(config->patterns) / sizeof(config->patterns[0]))];
}

/* Compiled, or counted once more. */
static int use_pattern(med_config_t *config, med_str_t text, med_pattern_entry_t **entry,
		med_errbuf_t *err)
{
	uint64_t hash = med_id_hash(text);
	med_pattern_entry_t **chain = pattern_chain(config, hash), *p = *chain;
	int rc;

	while(p != NULL
			&& (p->hash != hash || p->len != text.len
					|| memcmp(p->text, text.s, text.len) != 0))
		p = p->next;
	if(p == NULL) {
		p = med_calloc(&config->own, 1, sizeof(*p) + text.len);
		if(p == NULL)
			return MED_ENOMEM;
		rc = med_regex_compile(&config->shared, text, &p->regex, err);
		if(rc != MED_EOK) {
			med_free(&config->own, p);
			return rc;
		}
		p->hash = hash;
		p->birth = config->heap.building;
		p->len = text.len;
		memcpy(p->text, text.s, text.len);
		p->next = *chain;
		*chain = p;
	}
	p->refs++;
	*entry = p;
	return MED_EOK;
}

static void free_pattern(med_config_t *config, med_pattern_entry_t *entry)
{
	med_regex_free(&config->shared, entry->regex);
	med_free(&config->own, entry);
}

/* Without users it waits until no snapshot that may have it is left. */
static void drop_pattern(med_config_t *config, med_pattern_entry_t *entry)
{
	med_pattern_entry_t **place;

	if(entry == NULL || --entry->refs > 0)
		return;
	for(place = pattern_chain(config, entry->hash); *place != entry;
			place = &(*place)->next)
		;
	*place = entry->next;
	entry->death = config->heap.building;
	if(entry->birth == entry->death) {
		free_pattern(config, entry);
		return;
	}
	entry->next = config->dead_patterns;
	config->dead_patterns = entry;
}

/* Recognised, or compiled: *entry. Text names what is wrong with the pattern. */
static int accept_pattern(med_config_t *config, med_str_t pattern,
		med_variants_t *variants, med_pattern_entry_t **entry, med_errbuf_t *err)
{
	*entry = NULL;
	if(med_pattern_recognise(pattern, variants))
		return MED_EOK;
	return use_pattern(config, pattern, entry, err);
}

/* ---- entries ------------------------------------------------------------------------
 */

/*
 * A route's record is read, made into its entry, and gone: a million of them take turns
 * in one block. Freed in between, blocks of that size make malloc() tidy up each time.
 */
#define PASSING_KEPT 65536

static void *passing_alloc(void *ctx, size_t size)
{
	med_config_t *config = ctx;

	if(size > config->passing_room) {
		med_free(&config->own, config->passing_block);
		config->passing_block = med_alloc(&config->own, size * 2);
		config->passing_room = config->passing_block == NULL ? 0 : size * 2;
	}
	return config->passing_block;
}

static void passing_free(void *ctx, void *block)
{
	med_config_t *config = ctx;

	if(config->passing_room <= PASSING_KEPT)
		return;
	med_free(&config->own, block);
	config->passing_block = NULL;
	config->passing_room = 0;
}

static void free_rules_entry(med_config_t *config, med_rules_entry_t *entry)
{
	for(size_t i = 0; i < entry->count; i++)
		drop_pattern(config, entry->regex[i]);
	med_free(&config->own, entry->record);
	med_free(&config->own, entry);
}

static int rule_fault(med_str_t id, uint32_t order, int rc, const med_errbuf_t *reason,
		med_errbuf_t *err)
{
	return med_fail(err, rc, "rules '%.*s': field 'rule.%u': %s", MED_STR_FMT(id), order,
			reason->text);
}

/* Takes the record over on success. */
static int make_rules_entry(med_config_t *config, med_str_t id, med_record_t *record,
		void **out, med_errbuf_t *err)
{
	const med_rule_record_t *rule = record->rules.rules.items;
	size_t count = record->rules.rules.count;
	med_piece_t pieces[MED_TRANSLATION_PIECES];
	med_variants_t variants;
	med_errbuf_t reason = {""};
	med_rules_entry_t *entry =
			med_calloc(&config->own, 1, sizeof(*entry) + count * sizeof(entry->regex[0]));
	int rc = MED_EOK;

	if(entry == NULL)
		return MED_ENOMEM;
	for(size_t i = 0; i < count; i++) {
		const med_regex_t *regex;
		uint8_t used;
		rc = accept_pattern(
				config, rule[i].pattern, &variants, &entry->regex[i], &reason);
		if(rc == MED_EOK) {
			entry->count++;
			regex = entry->regex[i] == NULL ? NULL : entry->regex[i]->regex;
			rc = med_translation_parse(rule[i].translation,
					regex == NULL ? variants.groups : med_regex_groups(regex), regex,
					pieces, &used, &reason);
		}
		if(rc != MED_EOK) {
			free_rules_entry(config, entry);
			return rc == MED_ENOMEM ? rc
									: rule_fault(id, rule[i].order, rc, &reason, err);
		}
	}
	entry->record = record;
	*out = entry;
	return MED_EOK;
}

static uint32_t gcd(uint32_t a, uint32_t b)
{
	while(b != 0) {
		uint32_t rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

/* Trunks as slots and words; ratios of weights are kept, in their smallest numbers. */
static int fill_trunks(
		med_config_t *config, med_route_entry_t *entry, const med_list_t *trunks)
{
	const med_table_t *table = &config->table[MED_KIND_TRUNK];
	const med_weighted_t *item = trunks->items;
	uint32_t divisor = 0;

	for(size_t i = 0; i < trunks->count; i++) {
		fetch_chain(config, MED_KIND_TRUNK, item[i].id);
		divisor = gcd(divisor, item[i].weight);
	}
	for(size_t i = 0; i < trunks->count && table->buckets > 0; i++)
		fetch_slot(chain_of(table, med_id_hash(item[i].id)));
	for(size_t i = 0; i < trunks->count; i++) {
		uint32_t weight = divisor == 0 ? 0 : item[i].weight / divisor;
		med_slot_t *slot = med_slot_of(config, MED_KIND_TRUNK, item[i].id);
		if(slot == NULL)
			return MED_ENOMEM;
		entry->trunks[i] = slot;
		entry->words[i] = slot->number << MED_TRUNK_WEIGHT_BITS | weight;
		entry->weights = (uint16_t)(entry->weights + weight);
	}
	return MED_EOK;
}

/* @p keys by which it is found in each usage */
static med_route_entry_t *new_route_entry(
		const med_config_t *config, const med_route_record_t *record, size_t keys)
{
	size_t trunks = record->trunks.count, members = record->usages.count * keys;
	size_t text = record->pattern.len + record->alternate_caller_id.len;
	med_route_entry_t *entry = med_calloc(&config->own, 1,
			sizeof(*entry) + members * sizeof(*entry->members)
					+ trunks * (sizeof(*entry->trunks) + sizeof(*entry->words)) + text);

	if(entry == NULL)
		return NULL;
	entry->members = (void *)(entry + 1);
	entry->trunks = (void *)(entry->members + members);
	entry->words = (void *)(entry->trunks + trunks);
	entry->text = (char *)(entry->words + trunks);
	entry->priority = record->priority;
	entry->pattern_len = (uint16_t)record->pattern.len;
	entry->caller_len = (uint8_t)record->alternate_caller_id.len;
	entry->trunk_count = (uint8_t)trunks;
	memcpy(entry->text, record->pattern.s, record->pattern.len);
	if(record->alternate_caller_id.len > 0)
		memcpy(entry->text + record->pattern.len, record->alternate_caller_id.s,
				record->alternate_caller_id.len);
	return entry;
}

static int make_route_entry(med_config_t *config, med_str_t id, med_record_t *record,
		void **out, med_errbuf_t *err)
{
	const med_route_record_t *route = &record->route;
	med_route_entry_t *entry;
	med_pattern_entry_t *regex;
	med_variants_t variants;
	uint64_t keys[MED_PATTERN_VARIANTS];
	unsigned key_count;
	med_errbuf_t reason = {""};
	int rc = accept_pattern(config, route->pattern, &variants, &regex, &reason);

	if(rc != MED_EOK)
		return rc == MED_ENOMEM ? rc
								: med_fail(err, rc, "route '%.*s': field 'pattern': %s",
										MED_STR_FMT(id), reason.text);
	key_count = med_route_keys(route->pattern, regex == NULL ? &variants : NULL, keys);
	entry = new_route_entry(config, route, key_count);
	if(entry == NULL) {
		drop_pattern(config, regex);
		return MED_ENOMEM;
	}
	entry->regex = regex;
	rc = fill_trunks(config, entry, &route->trunks);
	if(rc == MED_EOK && route->schedule.len > 0) {
		entry->schedule = med_slot_of(config, MED_KIND_SCHEDULE, route->schedule);
		rc = entry->schedule == NULL ? MED_ENOMEM : MED_EOK;
	}
	if(rc == MED_EOK)
		rc = med_usages_name(config, entry, &route->usages, keys, key_count);
	if(rc != MED_EOK) {
		drop_pattern(config, regex);
		med_free(&config->own, entry);
		return rc;
	}
	med_free(&config->passing, record);
	*out = entry;
	return MED_EOK;
}

/* A route is named by none and names trunks and usages. Cannot fail: room was made. */
static void join_others(med_config_t *config, med_slot_t *slot)
{
	med_route_entry_t *entry = slot->entry;

	for(unsigned i = 0; i < entry->trunk_count; i++) {
		med_slot_t *trunk = entry->trunks[i];
		if(trunk->routes++ == 0 && trunk->object == NULL)
			med_slot_mark_dirty(config, trunk); /* its name is to be known */
		if(trunk->named_by == NULL)
			trunk->named_by = slot;
		if(trunk->entry == NULL)
			med_fault_check(config, trunk);
	}
	if(entry->schedule != NULL) {
		entry->schedule->routes++;
		if(entry->schedule->named_by == NULL)
			entry->schedule->named_by = slot;
		if(entry->schedule->entry == NULL)
			med_fault_check(config, entry->schedule);
	}
	med_usages_join(config, slot);
}

static void leave_others(med_config_t *config, med_slot_t *slot)
{
	med_route_entry_t *entry = slot->entry;

	for(unsigned i = 0; i < entry->trunk_count; i++) {
		med_slot_t *trunk = entry->trunks[i];
		if(--trunk->routes == 0 && trunk->object == NULL)
			med_slot_mark_dirty(config, trunk);
		if(trunk->named_by == slot)
			trunk->named_by = NULL;
		if(trunk->entry == NULL)
			med_fault_check(config, trunk);
	}
	if(entry->schedule != NULL) {
		entry->schedule->routes--;
		if(entry->schedule->named_by == slot)
			entry->schedule->named_by = NULL;
		if(entry->schedule->entry == NULL)
			med_fault_check(config, entry->schedule);
	}
	med_usages_leave(config, slot);
}

static void free_entry(med_config_t *config, enum med_kind kind, void *entry)
{
	if(entry == NULL)
		return;
	if(kind == MED_KIND_RULES)
		free_rules_entry(config, entry);
	else if(kind == MED_KIND_ROUTE)
		drop_pattern(config, ((med_route_entry_t *)entry)->regex);
	if(kind != MED_KIND_RULES)
		med_free(&config->own, entry);
}

/* ---- public: taking objects in -------------------------------------------------------
 */

med_config_t *med_config_new(const med_mem_t *own, const med_mem_t *shared)
{
	med_config_t *config = med_calloc(own, 1, sizeof(*config));

	if(config == NULL)
		return NULL;
	config->own = *own;
	config->shared = *shared;
	config->builder = med_shard_builder_new(&config->own, &config->pause);
	if(config->builder == NULL) {
		med_free(own, config);
		return NULL;
	}
	config->passing = (med_mem_t){passing_alloc, passing_free, config};
	config->usage_whole = MED_USAGE_WHOLE;
	config->shard_most = MED_SHARD_MOST;
	med_heap_init(&config->heap, &config->shared);
	config->snapshots.next = config->snapshots.prev = &config->snapshots;
	return config;
}

/* Fields in any order give the same; HGETALL promises none. */
static uint64_t fields_hash(const med_field_t *fields, size_t count)
{
	uint64_t sum = count + 1;

	for(size_t i = 0; i < count; i++)
		sum += med_mix(med_hash(fields[i].name.s, fields[i].name.len) * 31
				+ med_hash(fields[i].value.s, fields[i].value.len));
	return sum;
}

static int set_refused(med_config_t *config, med_slot_t *slot, const char *text)
{
	int rc = med_slot_text(config, &slot->refused, text);

	if(rc != MED_EOK)
		return rc;
	med_fault_check(config, slot);
	/* What has no good version to fall back on may be waited for by others. */
	if(slot->entry == NULL
			&& (slot->kind == MED_KIND_PROFILE || slot->kind == MED_KIND_GATEWAY
					|| slot->kind == MED_KIND_POOL))
		med_slot_mark_dirty(config, slot);
	return MED_EOK;
}

static int read_entry(med_config_t *config, enum med_kind kind, med_str_t id,
		const med_field_t *fields, size_t count, void **entry, med_errbuf_t *err)
{
	const med_mem_t *mem = kind == MED_KIND_ROUTE ? &config->passing : &config->own;
	med_record_t *record = NULL;
	int rc = med_record_parse(kind, id, fields, count, mem, &record, err);

	if(rc != MED_EOK)
		return rc;
	*entry = record;
	if(kind == MED_KIND_RULES)
		rc = make_rules_entry(config, id, record, entry, err);
	else if(kind == MED_KIND_ROUTE)
		rc = make_route_entry(config, id, record, entry, err);
	if(rc != MED_EOK)
		med_free(mem, record);
	return rc;
}

/* The trunk that a gateway keeps in force though it was removed; NULL: none. */
static med_slot_t *guarded_by(const med_config_t *config, const med_slot_t *gateway)
{
	const med_record_t *record = gateway->entry;
	med_slot_t *trunk = gateway->kind != MED_KIND_GATEWAY || record == NULL
					|| record->gateway.root_trunk.len == 0
			? NULL
			: med_slot_find(config, MED_KIND_TRUNK, record->gateway.root_trunk);

	return trunk != NULL && trunk->guarded ? trunk : NULL;
}

/* The gateway whose root trunk this is; NULL: none. */
static const med_slot_t *guard_of(const med_config_t *config, const med_slot_t *trunk)
{
	const med_record_t *record = trunk->entry, *other;
	const med_slot_t *gateway = trunk->kind != MED_KIND_TRUNK || record == NULL
			? NULL
			: med_slot_find(config, MED_KIND_GATEWAY, record->trunk.gateway);

	other = gateway == NULL ? NULL : gateway->entry;
	return other != NULL && med_str_eq(other->gateway.root_trunk, med_slot_id(trunk))
			? gateway
			: NULL;
}

/* @p entry and @p refs, what it names, take the place of what the slot had; NULL, NULL:
 * it leaves. */
static void replace_entry(
		med_config_t *config, med_slot_t *slot, void *entry, med_refs_t *refs)
{
	med_table_t *table = &config->table[slot->kind];
	med_slot_t *root = guarded_by(config, slot);
	bool comes_or_goes = (slot->entry == NULL) != (entry == NULL);

	if(slot->kind == MED_KIND_ROUTE && slot->entry != NULL)
		leave_others(config, slot);
	if(slot->kind == MED_KIND_RULES && slot->entry != NULL)
		med_fault_simple_name(config, slot, false);
	table->present += (entry != NULL) - (size_t)(slot->entry != NULL);
	if(slot->kind == MED_KIND_GATEWAY)
		med_names_keep(config, slot, entry);
	free_entry(config, slot->kind, slot->entry);
	slot->entry = entry;
	slot->tag = 0;
	med_refs_replace(config, slot, refs);
	if(slot->kind == MED_KIND_ROUTE && entry != NULL)
		join_others(config, slot);
	if(slot->kind == MED_KIND_RULES && entry != NULL)
		med_fault_simple_name(config, slot, true);
	if(slot->kind != MED_KIND_ROUTE)
		med_slot_mark_dirty(config, slot);
	med_fault_check(config, slot);
	if(comes_or_goes || slot->kind == MED_KIND_TRUNK) /* whose trunk it is matters too */
		med_fault_check_namers(config, slot);
	if(entry == NULL && config->removed != NULL)
		config->removed(
				config->removed_ctx, (enum med_kind)slot->kind, med_slot_id(slot));
	if(root != NULL && guard_of(config, root) == NULL)
		(void)med_config_remove(config, MED_KIND_TRUNK, med_slot_id(root));
}

int med_config_set(med_config_t *config, enum med_kind kind, med_str_t id,
		const med_field_t *fields, size_t count, med_errbuf_t *err)
{
	uint64_t hash;
	med_errbuf_t text = {""};
	med_slot_t *slot;
	med_refs_t *refs = NULL;
	void *entry = NULL;
	int rc;

	if((unsigned)kind >= MED_KIND_COUNT)
		return med_fail(err, MED_EINVAL, "no such kind of object");
	fetch_chain(config, kind, kept_id(id));
	hash = fields_hash(fields, count);
	slot = med_slot_of(config, kind, kept_id(id));
	if(slot == NULL)
		return MED_ENOMEM;
	slot->epoch = config->epoch;
	if(slot->entry != NULL && slot->fields == hash && slot->refused == NULL)
		return MED_EOK;
	rc = read_entry(config, kind, id, fields, count, &entry, &text);
	if(rc == MED_EOK && kind != MED_KIND_ROUTE) {
		rc = med_refs_make(config, slot, med_entry_record(kind, entry), &refs);
		if(rc != MED_EOK)
			free_entry(config, kind, entry);
	}
	if(rc == MED_ENOMEM) {
		med_slot_drop(config, slot);
		return rc;
	}
	slot->guarded = false; /* it is there, be it good or bad */
	if(rc != MED_EOK) {
		(void)med_fail(err, rc, "%s", text.text);
		if(set_refused(config, slot, text.text) != MED_EOK) {
			med_slot_drop(config, slot);
			return MED_ENOMEM;
		}
		return rc;
	}
	(void)set_refused(config, slot, NULL); /* clearing takes no memory */
	replace_entry(config, slot, entry, refs);
	slot->fields = hash;
	return MED_EOK;
}

int med_config_refuse(
		med_config_t *config, enum med_kind kind, med_str_t id, const char *text)
{
	med_slot_t *slot = (unsigned)kind < MED_KIND_COUNT
			? med_slot_of(config, kind, kept_id(id))
			: NULL;

	if(slot == NULL)
		return MED_ENOMEM;
	slot->epoch = config->epoch;
	slot->guarded = false;
	if(set_refused(config, slot, text) != MED_EOK) {
		med_slot_drop(config, slot);
		return MED_ENOMEM;
	}
	return MED_EOK;
}

/* A root trunk stays while its gateway does (spec 2.3), and that is told as a fault. */
static int guard(med_config_t *config, med_slot_t *slot, const med_slot_t *gateway)
{
	med_errbuf_t text;

	(void)med_fail(&text, 0,
			"trunk '%.*s': removed, but it is the root trunk of gateway '%.*s'; it stays "
			"in force until that goes too, or root_trunk names another",
			MED_STR_FMT(med_slot_id(slot)), MED_STR_FMT(med_slot_id(gateway)));
	if(set_refused(config, slot, text.text) != MED_EOK)
		return MED_ENOMEM;
	slot->guarded = true;
	return MED_EREFUSED;
}

int med_config_remove(med_config_t *config, enum med_kind kind, med_str_t id)
{
	med_slot_t *slot = (unsigned)kind < MED_KIND_COUNT
			? med_slot_find(config, kind, kept_id(id))
			: NULL;
	const med_slot_t *gateway = slot == NULL ? NULL : guard_of(config, slot);

	if(slot == NULL || (slot->entry == NULL && slot->refused == NULL))
		return MED_ENOMATCH;
	if(gateway != NULL)
		return guard(config, slot, gateway);
	slot->guarded = false;
	(void)set_refused(config, slot, NULL);
	if(slot->entry != NULL)
		replace_entry(config, slot, NULL, NULL);
	med_slot_drop(config, slot);
	return MED_EOK;
}

void med_config_set_pause(med_config_t *config, void (*call)(void *ctx), void *ctx)
{
	config->pause.call = call;
	config->pause.ctx = ctx;
}

void med_config_mark(med_config_t *config)
{
	config->epoch++;
}

size_t med_config_sweep(med_config_t *config)
{
	size_t removed = 0;

	for(unsigned kind = 0; kind < MED_KIND_COUNT; kind++) {
		med_table_t *table = &config->table[kind];
		for(size_t i = 0; i < table->buckets; i++) {
			med_slot_t *slot = table->bucket[i], *next;
			for(; slot != NULL; slot = next) {
				next = slot->next;
				med_pause(&config->pause);
				if(slot->epoch != config->epoch
						&& med_config_remove(
								   config, (enum med_kind)kind, med_slot_id(slot))
								== MED_EOK)
					removed++;
			}
		}
	}
	return removed;
}

size_t med_config_stale(const med_config_t *config, med_object_cb cb, void *ctx)
{
	med_pause_t pause = config->pause;
	size_t count = 0;

	for(unsigned kind = 0; kind < MED_KIND_COUNT; kind++) {
		const med_table_t *table = &config->table[kind];
		for(size_t i = 0; i < table->buckets; i++) {
			for(const med_slot_t *slot = table->bucket[i]; slot != NULL;
					slot = slot->next) {
				med_pause(&pause);
				if(slot->entry == NULL || slot->guarded || slot->epoch == config->epoch)
					continue;
				count++;
				if(cb != NULL)
					cb(ctx, (enum med_kind)kind, med_slot_id(slot));
			}
		}
	}
	return count;
}

/* The slot of an object in force; NULL: none. */
static med_slot_t *slot_in_force(
		const med_config_t *config, enum med_kind kind, med_str_t id)
{
	med_slot_t *slot = (unsigned)kind < MED_KIND_COUNT
			? med_slot_find(config, kind, kept_id(id))
			: NULL;

	return slot == NULL || slot->entry == NULL ? NULL : slot;
}

bool med_config_is_stale(const med_config_t *config, enum med_kind kind, med_str_t id)
{
	const med_slot_t *slot = slot_in_force(config, kind, id);

	return slot != NULL && slot->epoch != config->epoch;
}

void med_config_set_removed(med_config_t *config, med_object_cb cb, void *ctx)
{
	config->removed = cb;
	config->removed_ctx = ctx;
}

uint64_t *med_config_tag(const med_config_t *config, enum med_kind kind, med_str_t id)
{
	med_slot_t *slot = slot_in_force(config, kind, id);

	return slot == NULL ? NULL : &slot->tag;
}

size_t med_config_count(const med_config_t *config, enum med_kind kind)
{
	return (unsigned)kind < MED_KIND_COUNT ? config->table[kind].present : 0;
}

/* ---- end of life ---------------------------------------------------------------------
 */

/* May a living snapshot hold what existed from @p birth until before @p death? */
static bool needed(void *ctx, uint64_t birth, uint64_t death)
{
	const med_config_t *config = ctx;
	const struct med_snapshot *s = config->snapshots.next;

	for(; s != &config->snapshots; s = s->next) {
		if(s->revision >= birth && s->revision < death)
			return true;
	}
	return false;
}

void med_config_reclaim(med_config_t *config)
{
	med_pattern_entry_t **place = &config->dead_patterns;

	med_heap_reclaim(&config->heap, needed, config);
	while(*place != NULL) {
		med_pattern_entry_t *entry = *place;
		if(needed(config, entry->birth, entry->death)) {
			place = &entry->next;
			continue;
		}
		*place = entry->next;
		free_pattern(config, entry);
	}
}

static void free_table(med_config_t *config, enum med_kind kind)
{
	med_table_t *table = &config->table[kind];

	for(size_t i = 0; i < table->buckets; i++) {
		med_slot_t *slot = table->bucket[i], *next;
		for(; slot != NULL; slot = next) {
			next = slot->next;
			if(kind == MED_KIND_GATEWAY)
				med_names_keep(config, slot, NULL);
			free_entry(config, kind, slot->entry);
			med_free(&config->own, slot->refs);
			med_free(&config->own, slot->refused);
			med_free(&config->own, slot->conflict);
			med_free(&config->own, slot);
		}
	}
	med_free(&config->own, table->bucket);
	memset(table, 0, sizeof(*table));
}

/* What is left once the records are gone and no snapshot is out. */
static void free_rest(med_config_t *config)
{
	med_mem_t own = config->own;

	med_config_reclaim(config);
	med_heap_clear(&config->heap);
	med_free(&own, config);
}

void med_config_free(med_config_t *config)
{
	if(config == NULL)
		return;
	for(unsigned kind = 0; kind < MED_KIND_COUNT; kind++)
		free_table(config, (enum med_kind)kind);
	med_usages_free(config);
	med_shard_builder_free(config->builder);
	med_free(&config->own, config->work);
	med_free(&config->own, config->card_text);
	med_free(&config->own, config->card_value);
	med_free(&config->own, config->passing_block);
	config->abandoned = true;
	if(config->snapshots.next == &config->snapshots)
		free_rest(config);
}

void med_config_release(med_config_t *config, const med_snapshot_t *snapshot)
{
	struct med_snapshot *s = (struct med_snapshot *)(uintptr_t)snapshot;

	if(s == NULL)
		return;
	s->next->prev = s->prev;
	s->prev->next = s->next;
	med_free(&config->shared, s);
	if(config->abandoned && config->snapshots.next == &config->snapshots)
		free_rest(config);
	else
		med_config_reclaim(config);
}
