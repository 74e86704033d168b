/**
 * writer.h - private: what the process that talks to Redis keeps of a configuration
 *
 * config.c takes objects in, usages.c keeps routes in their usages, build.c makes
 * snapshots of all, faults.c tells what is wrong.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_WRITER_H
#define MEDCORE_WRITER_H

#include "medcore/snapshot.h"

#define MED_ID_KEPT 200 /**< bytes of an id that is none, kept to name the object */

/** A pattern compiled by PCRE2, once for all who use it. */
typedef struct med_pattern_entry {
	struct med_pattern_entry *next;
	uint64_t hash;
	med_regex_t *regex;
	size_t refs;
	uint64_t birth, death; /**< first version that may have it, first that has not */
	size_t len;
	char text[];
} med_pattern_entry_t;

typedef struct med_usage_slot med_usage_slot_t;
typedef struct med_slot med_slot_t;
typedef struct med_refs med_refs_t;

/** An object names another, or a usage. */
typedef struct med_ref {
	med_slot_t *from, *to;
	med_usage_slot_t *usage;         /**< instead of @a to */
	const struct med_field_def *def; /**< NULL: the scope in its id says so */
	struct med_ref *next, *prev;     /**< of those that name the same */
} med_ref_t;

typedef struct med_shard_slot med_shard_slot_t;

/** By each of its keys a route stands in its usages; where, so that it can leave at once.
 */
typedef struct med_member {
	med_slot_t *slot;
	med_shard_slot_t *shard;
	uint64_t key;
	uint32_t index;
} med_member_t;

/** A route's last good version: one block. */
typedef struct med_route_entry {
	med_pattern_entry_t *regex; /**< NULL: recognised */
	med_slot_t **trunks;        /**< slots, present or not */
	med_slot_t *schedule;       /**< NULL: always */
	uint32_t *words;            /**< number and weight, as in the usage */
	med_member_t *members;      /**< those in the same usage stand together */
	char *text;                 /**< pattern, then caller id */
	uint32_t priority;
	uint16_t pattern_len, weights, member_count;
	uint8_t caller_len, trunk_count;
} med_route_entry_t;

/** What the name of a gateway stands for, or why that is not known. */
typedef struct med_resolved {
	int64_t at;    /**< when it was found; 0: never */
	char *trouble; /**< NULL: none */
	size_t count;
	med_target_t targets[];
} med_resolved_t;

/** Compiled rules of a rule set, in order; NULL where a pattern is recognised. */
typedef struct med_rules_entry {
	med_record_t *record;
	med_slot_t *name_next; /**< of the chain of simple names */
	size_t count;
	med_pattern_entry_t *regex[];
} med_rules_entry_t;

/** The record of an entry of any kind but routes, which have none. */
static inline const med_record_t *med_entry_record(enum med_kind kind, const void *entry)
{
	return kind == MED_KIND_RULES ? ((const med_rules_entry_t *)entry)->record : entry;
}

/** Which list of what may be wrong a slot stands in. */
enum med_fault_list {
	MED_FAULT_NONE,
	MED_FAULT_OWN,      /**< its record, or a name in vain */
	MED_FAULT_CONFLICT, /**< a trunk that build left out; looked at again with any that
						   trunks depend on */
	MED_FAULT_LISTS,
};

/** An object's place: it may be present, refused, only named by others, or leaving. */
struct med_slot {
	uint64_t fields; /**< of the version in force; the same again changes nothing */
	uint64_t tag;    /**< of the version in force, its owner's */
	void *entry;     /**< last good version: med_record_t, or the entries above */
	char *refused;   /**< the record's own fault */
	char *conflict;  /**< a reference's fault; found by build */
	const void *object,
			*pending; /**< in the version in force, and in the one being built */
	med_slot_t *next_dirty;
	med_slot_t *fault_next, *fault_prev;
	med_refs_t *refs; /**< what the version in force names; NULL: nothing */
	med_ref_t *named; /**< objects that name it */
	union {
		const med_slot_t *named_by; /**< of a trunk: one of the routes; NULL: not known */
		struct med_resolved *resolved; /**< of a gateway; NULL: nothing is known */
	};
	uint32_t routes;     /**< that name this trunk, or schedule */
	uint32_t epoch;      /**< of the last full read that told it */
	uint32_t fault_told; /**< hash of the text told last; 0: none */
	/* what finding it takes lies together, in one line of the cache or two */
	uint32_t number; /**< of a trunk, a schedule, or limits */
	uint64_t hash;
	med_slot_t *next; /**< of the hash chain */
	uint8_t kind;
	uint8_t fault_list;
	bool guarded; /**< a root trunk that was removed; its gateway keeps it */
	bool dirty;
	uint8_t id_len;
	char id[];
};

typedef struct med_table {
	med_slot_t **bucket;
	size_t buckets, slots; /**< a power of two */
	size_t present;
	med_slot_t *dirty;
} med_table_t;

/** With more members a usage is split by digits, and so is a shard of it. */
#define MED_USAGE_WHOLE 8192
#define MED_SHARD_MOST 2048

/** A node of a usage's tree: a shard, or split by the next digit. The root is both. */
struct med_shard_slot {
	med_usage_slot_t *usage;
	med_shard_slot_t *parent, *next_dirty;
	med_shard_slot_t *child[10]; /**< NULL: not needed yet */
	med_member_t **members;
	size_t count, room;
	size_t total; /**< members of it and of all below */
	const med_shard_t *object;
	med_shard_t *pending;
	uint8_t depth; /**< digits that lead here */
	bool split, dirty;
	bool gone; /**< out of the tree; only its object is still to be retired */
};

struct med_usage_slot {
	med_usage_slot_t *next, *next_dirty;
	med_usage_slot_t *fault_next, *fault_prev;
	med_ref_t *named; /**< policies and profiles that name it */
	uint64_t hash;
	med_shard_slot_t root;
	med_shard_slot_t *dirty_shards;
	size_t count; /**< routes */
	const med_usage_t *object;
	med_usage_t *pending;
	uint32_t number;
	bool dirty;
	uint8_t faults, told; /**< bits: what is wrong, and what of it was told */
	uint8_t name_len;
	char name[];
};

/** A member on its way into the order of routes. */
typedef struct med_ranked med_ranked_t;

/** What a version consists of; copied for the next one and taken back if that fails. */
typedef struct med_state {
	med_view_t view;
	uint32_t prefix_count[129];
} med_state_t;

struct med_config {
	med_mem_t own, shared;
	med_table_t table[MED_KIND_COUNT];
	med_usage_slot_t *usages[1024];
	med_usage_slot_t *dirty_usages;
	uint32_t usage_count, trunk_numbers, schedule_numbers, limits_numbers, epoch;
	bool linked; /**< limits of a link between sites were made */
	med_pattern_entry_t *patterns[1024], *dead_patterns;
	med_slot_t *faults[MED_FAULT_LISTS];
	med_usage_slot_t *usage_faults;
	med_slot_t *fault_at; /**< the next to tell, of a walk under way */
	med_usage_slot_t *usage_fault_at;
	enum med_fault_list fault_at_list;
	med_slot_t *simple_names[256]; /**< rule sets, chained by their simple_name */
	med_pause_t pause;
	med_object_cb removed; /**< NULL, or told of each object that leaves force */
	void *removed_ctx;
	med_lookup_cb lookup; /**< NULL: no name is looked up */
	void *lookup_ctx;
	med_heap_t heap;
	med_state_t state;
	const med_profile_object_t *defaults;
	med_shard_builder_t *builder;
	med_mem_t passing; /**< of one record at a time */
	void *passing_block;
	size_t passing_room;
	med_slot_t **work; /**< trunks to evaluate */
	size_t work_room;
	med_ranked_t *ranked; /**< members to order */
	size_t ranked_room;
	size_t usage_whole, shard_most; /**< the bounds above; tests set lower ones */
	char *card_text;                /**< of a card under way */
	char *card_value;               /**< of its field under way; MED_VALUE_MAX bytes */
	size_t card_room;
	med_slot_t **expected; /**< where the next object but one will be looked for */
	uint32_t stale_legs;   /**< groups of the version being built */
	bool abandoned;        /**< freed by its owner; lives for the snapshots still out */
	struct med_snapshot snapshots; /**< head of the ring of living ones */
};

static inline med_str_t med_slot_id(const med_slot_t *slot)
{
	return (med_str_t){slot->id, slot->id_len};
}

med_slot_t *med_slot_find(const med_config_t *config, enum med_kind kind, med_str_t id);
/** Made if there is none; NULL: no memory. */
med_slot_t *med_slot_of(med_config_t *config, enum med_kind kind, med_str_t id);
void med_slot_mark_dirty(med_config_t *config, med_slot_t *slot);
/** Frees slots that nothing refers to any more. */
void med_slot_drop(med_config_t *config, med_slot_t *slot);
/** Sets or clears a text of a slot. MED_EOK, MED_ENOMEM. */
int med_slot_text(med_config_t *config, char **place, const char *text);
static inline bool med_slot_is_missing(const med_slot_t *slot)
{
	return slot->entry == NULL && slot->routes > 0; /* a trunk, or a schedule */
}

bool med_config_reserve_work(med_config_t *config, size_t count);
void med_config_reclaim(med_config_t *config);

/* ---- faults.c: what is wrong, found without looking at what is not --------------------
 */

/** After anything that may have made @p slot right or wrong: it joins a list or leaves.
 */
void med_fault_check(med_config_t *config, med_slot_t *slot);
/** Before it is freed. */
void med_fault_forget(med_config_t *config, med_slot_t *slot);
/** After it came, changed or left: all that name it. */
void med_fault_check_namers(med_config_t *config, const med_slot_t *slot);
/** A rule set's simple_name enters (or leaves) the chain of those that may be the same.
 */
void med_fault_simple_name(med_config_t *config, med_slot_t *slot, bool enters);
/** After it was built, or the first named it, or the last no longer. */
void med_fault_check_usage(med_config_t *config, med_usage_slot_t *usage);

/* ---- refs.c: which objects name which ----------------------------------------------
 */

/** What @p record would name; NULL: nothing. MED_EOK, MED_ENOMEM. */
int med_refs_make(med_config_t *config, med_slot_t *slot, const med_record_t *record,
		med_refs_t **refs);
/** Takes them over, in place of what the slot named before. Cannot fail. */
void med_refs_replace(med_config_t *config, med_slot_t *slot, med_refs_t *refs);
/** Instead of taking them over. */
void med_refs_discard(med_config_t *config, med_refs_t *refs);
/** What a slot names; how many. */
size_t med_refs_of(const med_slot_t *slot, const med_ref_t **refs);

/* ---- objects.c: records made into what a snapshot holds ------------------------------
 */

/** Its targets are what is known of its name. */
med_gateway_object_t *med_gateway_object(
		med_config_t *config, const med_slot_t *slot, const med_gateway_record_t *record);
med_site_object_t *med_site_object(
		med_heap_t *heap, med_str_t id, const med_site_record_t *record);
med_pool_object_t *med_pool_object(
		med_heap_t *heap, med_str_t id, const med_pool_record_t *record);
med_profile_object_t *med_profile_object(
		med_config_t *config, med_str_t id, const med_profile_record_t *record);
med_policy_object_t *med_policy_object(
		med_config_t *config, med_str_t id, const med_policy_record_t *record);
med_rules_object_t *med_rules_object(
		med_heap_t *heap, med_str_t id, const med_rules_entry_t *entry);
med_response_object_t *med_response_object(
		med_heap_t *heap, med_str_t id, const med_response_rules_record_t *record);
med_schedule_object_t *med_schedule_object(
		med_heap_t *heap, med_str_t id, const med_schedule_record_t *record);
med_guard_object_t *med_guard_object(
		med_heap_t *heap, med_str_t id, const med_guard_record_t *record);
med_limits_object_t *med_limits_object(med_heap_t *heap, med_str_t id, uint32_t number,
		const med_limits_record_t *record);
med_location_object_t *med_location_object(
		med_config_t *config, med_str_t id, const med_location_policy_record_t *record);
/** Where the two ends of a trunk listen. */
typedef struct med_ports {
	uint16_t remote, local;
} med_ports_t;
med_trunk_object_t *med_trunk_object(med_heap_t *heap, med_str_t id, uint32_t number,
		const med_trunk_record_t *record, med_ports_t ports, const med_gateway_t *gateway,
		const med_profile_t *profile, med_str_t dial_plan, med_str_t pool_fqdn);

/* ---- names.c: gateways whose address is a name -------------------------------------
 */

/** Its record is about to become @p record; NULL: it leaves. What was found stays only
 * while it is asked for in the same way. */
void med_names_keep(med_config_t *config, med_slot_t *slot, const med_record_t *record);
/** Is its address a name, and are names looked up at all? */
bool med_names_looked_up(const med_config_t *config, const med_gateway_record_t *gateway);
/** All that changed in the version that was built, before it is forgotten. */
void med_names_tell(const med_config_t *config);

/* ---- places.c: sites by address -------------------------------------------------------
 */

/** All subnets of sites, which are built already. MED_EOK, MED_ENOMEM. */
int med_build_places(med_config_t *config, med_view_t *view);

/* ---- usages.c: routes in their usages ----------------------------------------------
 */

/** NULL: no memory. */
med_usage_slot_t *med_usage_slot(med_config_t *config, med_str_t name);
/**
 * Where a route that is being read will stand by each of @p keys, in each usage it names,
 * and room for it there; entry->members has room for the product. MED_EOK, MED_ENOMEM.
 */
int med_usages_name(med_config_t *config, med_route_entry_t *entry,
		const med_list_t *usages, const uint64_t *keys, unsigned key_count);
/** What was named last takes effect; nothing was built since. */
void med_usages_join(med_config_t *config, med_slot_t *slot);
void med_usages_leave(med_config_t *config, med_slot_t *slot);
/** All usages that changed. MED_EOK, MED_ENOMEM, MED_ELIMIT. */
int med_build_usages(med_config_t *config, med_view_t *view);
void med_usages_commit(med_config_t *config);
void med_usages_free(med_config_t *config);

/* ---- trunks.c: which trunks are in force, and how they are found ----------------------
 */

/** All of a version's trunks brought up to date with what is dirty. MED_EOK, MED_ENOMEM.
 */
int med_build_trunks(med_config_t *config, med_state_t *state);

/** What an object is in the version being built. */
static inline const void *med_slot_current(const med_slot_t *slot)
{
	return slot->dirty ? slot->pending : slot->object;
}

/* ---- card.c ---------------------------------------------------------------------------
 */

/** A kind's listing brought up to date with what is dirty. MED_EOK, MED_ENOMEM. */
int med_build_cards(med_config_t *config, med_view_t *view, enum med_kind kind);

#endif
