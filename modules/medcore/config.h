/**
 * config.h - from the records in Redis to an immutable snapshot
 *
 * A med_config_t belongs to one process (the one that talks to Redis) and keeps, in that
 * process's own memory, every object's last good version. It builds snapshots in memory
 * that all processes see; versions share the segments that did not change, so that a new
 * trunk does not cost a rebuild of a million routes.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_CONFIG_H
#define MEDCORE_CONFIG_H

#include "medcore/model.h"

typedef struct med_config med_config_t;
typedef struct med_snapshot med_snapshot_t;

typedef struct med_field {
	med_str_t name, value;
} med_field_t;

/**
 * @param own     memory of this process, for records
 * @param shared  memory the snapshots live in
 * @return NULL when memory is short
 */
med_config_t *med_config_new(const med_mem_t *own, const med_mem_t *shared);
/** Snapshots that were built stay valid until released. NULL allowed. */
void med_config_free(med_config_t *config);

/**
 * That one will be set next but one, so what it takes to find it should be in the cache
 * by then. Costs a hash, changes nothing; it need not be true.
 */
void med_config_expect(med_config_t *config, enum med_kind kind, med_str_t id);
/**
 * One object as it is now. Takes effect with the next med_config_build().
 * A bad one is refused: its text is kept for med_config_refused(), its last good
 * version stays. Fields are copied.
 *
 * @return MED_EOK; MED_EINVAL, MED_ELIMIT (refused, @p err says why); MED_ENOMEM
 */
int med_config_set(med_config_t *config, enum med_kind kind, med_str_t id,
		const med_field_t *fields, size_t count, med_errbuf_t *err);
/**
 * One object that is there but cannot be read as one (its key is no hash): refused with
 * @p text, its last good version stays. MED_EOK or MED_ENOMEM.
 */
int med_config_refuse(
		med_config_t *config, enum med_kind kind, med_str_t id, const char *text);
/**
 * Also takes back a refusal. MED_EOK; MED_ENOMATCH: there was none; MED_EREFUSED: it is
 * its gateway's root trunk and stays in force until that goes or names another, which is
 * told as a fault; MED_ENOMEM.
 */
int med_config_remove(med_config_t *config, enum med_kind kind, med_str_t id);

/** Forget what is not set again before med_config_sweep(): for a full read. */
void med_config_mark(med_config_t *config);
size_t med_config_sweep(med_config_t *config);

typedef void (*med_object_cb)(void *ctx, enum med_kind kind, med_str_t id);
/** Objects in force that a sweep would now take out; how many. @p cb NULL: only counted.
 */
size_t med_config_stale(const med_config_t *config, med_object_cb cb, void *ctx);
bool med_config_is_stale(const med_config_t *config, enum med_kind kind, med_str_t id);
/**
 * @p cb learns of each object that leaves force, removed or swept; it must not change
 * @p config.
 */
void med_config_set_removed(med_config_t *config, med_object_cb cb, void *ctx);
/**
 * A number of the owner's own, kept with the version in force of an object; 0 with each
 * new version. Valid until the object changes. NULL: no such object is in force.
 */
uint64_t *med_config_tag(const med_config_t *config, enum med_kind kind, med_str_t id);

size_t med_config_count(const med_config_t *config, enum med_kind kind);

/**
 * @p lookup  by what the gateway is to be looked up from now on; NULL: by nothing, it is
 *            gone or its address is an IP
 */
typedef void (*med_lookup_cb)(void *ctx, med_str_t gateway, const med_lookup_t *lookup);
/**
 * Names are looked up: a gateway whose name was never found takes no calls. @p cb is
 * told, by med_config_build(), of each gateway for which that may have changed; it must
 * not change @p config. Without this every name is taken for good.
 */
void med_config_set_lookup(med_config_t *config, med_lookup_cb cb, void *ctx);
/**
 * What the name of a gateway stands for; takes effect with the next build. It stays until
 * the next answer, or the name changes.
 *
 * @param targets  sorted; of more than MED_TARGETS_MAX the first ones count
 * @param at       seconds since 1970
 * @param changed  false: that is what it stood for before
 * @return MED_EOK; MED_ENOMATCH: the gateway has another name by now; MED_ENOMEM
 */
int med_config_resolved(med_config_t *config, med_str_t gateway, med_str_t name,
		const med_target_t *targets, size_t count, int64_t at, bool *changed);
/**
 * What is wrong with the name, told as a warning of the gateway; NULL: nothing. As above.
 */
int med_config_unresolved(
		med_config_t *config, med_str_t gateway, med_str_t name, const char *text);

/**
 * Refused: something that was asked for is not in force, be it an object, its newest
 * version, or what it names. Warned: all of it is, but will hardly do what was meant.
 */
enum med_severity { MED_REFUSED, MED_WARNED };

/** What is wrong now, by record, by reference or by sense, until mended or removed. */
typedef void (*med_refused_cb)(void *ctx, enum med_severity severity, enum med_kind kind,
		med_str_t id, const char *text);
/** @return how many texts, of both severities */
size_t med_config_refused(const med_config_t *config, med_refused_cb cb, void *ctx);

/** @param fresh  this text was not told before, since the object was right last */
typedef void (*med_fault_cb)(void *ctx, enum med_severity severity, enum med_kind kind,
		med_str_t id, const char *text, bool fresh);
/**
 * As med_config_refused(), in parts of at most @p max objects: what is wrong may be much.
 * What changes between the parts is told right by the next walk.
 *
 * @param again  true: from the beginning
 * @return false: that was the last part
 */
bool med_config_refused_part(
		med_config_t *config, bool again, size_t max, med_fault_cb cb, void *ctx);

/**
 * Long work (a build, a sweep) calls @p call every few thousand steps, about each
 * millisecond, for what its process must not miss. It must not use @p config.
 */
void med_config_set_pause(med_config_t *config, void (*call)(void *ctx), void *ctx);

/**
 * A snapshot of everything accepted so far; the caller owns one release of it.
 * References are checked here (a trunk without its gateway is left out and refused).
 *
 * @return MED_EOK; MED_ENOMEM: nothing changed, the previous one still serves
 */
int med_config_build(
		med_config_t *config, const med_snapshot_t **snapshot, med_errbuf_t *err);
/**
 * All that the next build would do, with memory of @p mem, and taken back: to learn what
 * it would take. @p mem frees blocks of the shared memory too. MED_EOK: it would succeed.
 */
int med_config_rehearse(med_config_t *config, const med_mem_t *mem);
/** Only by the process of @p config, when no reader is left. */
void med_config_release(med_config_t *config, const med_snapshot_t *snapshot);

/** Lookups, from any process, without locks or allocation. NULL: none. */
const med_trunk_t *med_snapshot_trunk(const med_snapshot_t *snapshot, med_str_t id);
const med_trunk_t *med_snapshot_trunk_by_number(
		const med_snapshot_t *snapshot, uint32_t number);
const med_gateway_t *med_snapshot_gateway(const med_snapshot_t *snapshot, med_str_t id);
const med_policy_t *med_snapshot_policy(const med_snapshot_t *snapshot, med_str_t id);
/** Calls need not ask: trunks lead to theirs. */
const med_limits_t *med_snapshot_limits(const med_snapshot_t *snapshot, med_str_t id);
/** Those of the link between two sites, whichever is named first. NULL: there are none.
 */
const med_limits_t *med_snapshot_link(
		const med_snapshot_t *snapshot, med_str_t a, med_str_t b);
/** Each of them in turn, as med_snapshot_next_trunk(). */
const med_limits_t *med_snapshot_next_limits(
		const med_snapshot_t *snapshot, uint64_t *at);
const med_pool_t *med_snapshot_pool(const med_snapshot_t *snapshot, med_str_t id);
/** The site whose subnets have this address, the longest prefix wins; empty: none. */
med_str_t med_snapshot_site_of(const med_snapshot_t *snapshot, const med_ip_t *address);
/**
 * The dial plan of callers that are not a trunk and have none of their own: of their
 * pool, of its site, of the global profile (spec 3.1). Empty: there is none.
 */
med_str_t med_snapshot_dial_plan(const med_snapshot_t *snapshot, med_str_t pool);
/** All guards; *count of them. */
const med_guard_t *const *med_snapshot_guards(
		const med_snapshot_t *snapshot, size_t *count);
/** The profile of trunks that have no other; of nobody in particular. Never NULL. */
const med_profile_t *med_snapshot_global_profile(const med_snapshot_t *snapshot);
/** Of the site, else the global one. NULL: there is none, so no number is an emergency's.
 */
const med_location_policy_t *med_snapshot_location_policy(
		const med_snapshot_t *snapshot, med_str_t site);
/** Each trunk in turn, in no order that means anything; *at begins with 0. NULL: that was
 * all. */
const med_trunk_t *med_snapshot_next_trunk(const med_snapshot_t *snapshot, uint32_t *at);
size_t med_snapshot_count(const med_snapshot_t *snapshot, enum med_kind kind);
/** Counts up with each build. */
uint64_t med_snapshot_revision(const med_snapshot_t *snapshot);

#endif
