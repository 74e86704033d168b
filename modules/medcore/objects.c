/**
 * objects.c - records made into the immutable objects of a snapshot
 *
 * Each is one segment: the structure, its lists, its strings.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <string.h>

#include "medcore/writer.h"
#include "medcore/zone.h"

static med_str_t pack(char **at, med_str_t text)
{
	med_str_t out = {*at, text.len};

	if(text.len > 0)
		memcpy(*at, text.s, text.len);
	*at += text.len;
	return out;
}

/* What a name stands for, or the address itself. */
static uint8_t fill_targets(med_target_t *targets, const med_gateway_record_t *record,
		const med_resolved_t *resolved)
{
	med_target_t own = {.transports = MED_ALL_TRANSPORTS};
	size_t count = resolved == NULL ? 0 : resolved->count;

	if(med_ip_parse(record->address, &own.ip) == MED_EOK) {
		targets[0] = own;
		return 1;
	}
	if(count > 0)
		memcpy(targets, resolved->targets, count * sizeof(*targets));
	return (uint8_t)count;
}

static bool has_source(const med_gateway_t *gateway, const med_ip_t *source)
{
	for(unsigned i = 0; i < gateway->source_count; i++) {
		if(memcmp(&gateway->sources[i], source, sizeof(*source)) == 0)
			return true;
	}
	return false;
}

/* Written twice is one. Without any, requests come from where calls go. */
static void fill_sources(med_gateway_t *g, med_ip_t *sources, const med_list_t *written)
{
	const med_ip_t *source = written->items;

	g->sources = sources;
	for(size_t i = 0; i < written->count; i++) {
		if(!has_source(g, &source[i]))
			sources[g->source_count++] = source[i];
	}
	for(unsigned i = 0; written->count == 0 && i < g->target_count; i++) {
		if(!has_source(g, &g->targets[i].ip))
			sources[g->source_count++] = g->targets[i].ip;
	}
}

static void fill_places(med_gateway_t *g, med_target_t *places)
{
	g->places = places;
	for(unsigned i = 0; i < g->target_count; i++) {
		if(g->targets[i].port != 0 || !has_source(g, &g->targets[i].ip))
			places[g->place_count++] = g->targets[i];
	}
}

med_gateway_object_t *med_gateway_object(
		med_config_t *config, const med_slot_t *slot, const med_gateway_record_t *record)
{
	const med_resolved_t *resolved = slot->resolved;
	med_target_t targets[MED_TARGETS_MAX];
	uint8_t count = fill_targets(targets, record, resolved);
	size_t sources = record->source.count > 0 ? record->source.count : count;
	med_gateway_object_t *object = med_segment_new(&config->heap,
			sizeof(*object) + 2 * count * sizeof(*targets) + sources * sizeof(med_ip_t)
					+ slot->id_len + record->name.len + record->site.len
					+ record->address.len + record->tls_name.len
					+ record->alternate_by_pass_id.len);
	med_target_t *own;
	char *at;
	med_gateway_t *g;

	if(object == NULL)
		return NULL;
	g = &object->gateway;
	memset(g, 0, sizeof(*g));
	own = (void *)(object + 1);
	memcpy(own, targets, count * sizeof(*targets));
	g->targets = own;
	g->target_count = count;
	fill_sources(g, (void *)(own + 2 * count), &record->source);
	fill_places(g, own + count);
	at = (char *)(own + 2 * count) + sources * sizeof(med_ip_t);
	g->id = pack(&at, med_slot_id(slot));
	g->name = pack(&at, record->name);
	g->site = pack(&at, record->site);
	g->address = pack(&at, record->address);
	g->tls_name = pack(&at, record->tls_name);
	g->alternate_by_pass_id = pack(&at, record->alternate_by_pass_id);
	if(record->representative_media_ip.len > 0)
		(void)med_ip_parse(record->representative_media_ip, &g->representative_media_ip);
	g->routable = record->routable != 0;
	g->peer = (uint8_t)record->peer;
	g->tls_wildcard = record->tls_wildcard != 0;
	g->named = med_names_looked_up(config, record);
	g->srv = g->named && record->lookup == MED_LOOKUP_SRV;
	g->looked_up = g->named && resolved != NULL ? resolved->at : 0;
	return object;
}

static char **aligned(char **at)
{
	*at = (char *)(((uintptr_t)*at + 7) & ~(uintptr_t)7);
	return at;
}

med_site_object_t *med_site_object(
		med_heap_t *heap, med_str_t id, const med_site_record_t *record)
{
	size_t size = record->subnets.count * sizeof(med_ip_t);
	med_site_object_t *object = med_segment_new(heap,
			sizeof(*object) + size + id.len + record->dial_plan.len
					+ record->bypass_id.len);
	char *at;

	if(object == NULL)
		return NULL;
	at = (char *)(object + 1);
	if(size > 0)
		memcpy(at, record->subnets.items, size);
	object->site.subnets = (void *)at;
	object->site.subnet_count = record->subnets.count;
	at += size;
	object->site.id = pack(&at, id);
	object->site.dial_plan = pack(&at, record->dial_plan);
	object->site.bypass_id = pack(&at, record->bypass_id);
	return object;
}

med_pool_object_t *med_pool_object(
		med_heap_t *heap, med_str_t id, const med_pool_record_t *record)
{
	med_pool_object_t *object = med_segment_new(heap,
			sizeof(*object) + id.len + record->fqdn.len + record->site.len
					+ record->dial_plan.len);
	char *at;

	if(object == NULL)
		return NULL;
	at = (char *)(object + 1);
	object->pool.id = pack(&at, id);
	object->pool.fqdn = pack(&at, record->fqdn);
	object->pool.site = pack(&at, record->site);
	object->pool.dial_plan = pack(&at, record->dial_plan);
	return object;
}

static size_t usages_size(const med_list_t *list)
{
	const med_str_t *name = list->items;
	size_t size = 0;

	for(size_t i = 0; i < list->count; i++)
		size += sizeof(*name) + sizeof(uint64_t) + name[i].len;
	return size;
}

/* Names first, then numbers, then texts; *at stays aligned for the first two. */
static int pack_usages(med_config_t *config, char **at, const med_list_t *list,
		const med_str_t **names, const uint32_t **numbers)
{
	const med_str_t *name = list->items;
	med_str_t *out = (void *)*at;
	uint32_t *number = (void *)(out + list->count);

	*at = (char *)(number + 2 * ((list->count + 1) / 2));
	for(size_t i = 0; i < list->count; i++) {
		const med_usage_slot_t *slot = med_usage_slot(config, name[i]);
		if(slot == NULL)
			return MED_ENOMEM;
		out[i] = pack(at, name[i]);
		number[i] = slot->number;
	}
	*names = out;
	*numbers = number;
	return MED_EOK;
}

/* What is the default is left zero, so that a call has less to carry. */
static med_leg_media_t pack_media(const med_profile_record_t *record)
{
	med_leg_media_t media = {.dtls = record->srtp_keys == MED_KEYS_DTLS,
			.ice = record->ice != 0,
			.avpf = record->avpf != 0,
			.lync_sdp = record->sdp_dialect == MED_SDP_LYNC,
			.hold = record->hold_form & 3,
			.activate = record->activate_initial_offer != 0,
			.early_183 = record->early_media_code == MED_EARLY_183,
			.strip_parts = record->other_body_parts == MED_PARTS_STRIP,
			.packet_time = record->packet_time_ms / 10 & 7,
			.comfort = record->comfort_noise & 3,
			.dtmf = record->dtmf == MED_DTMF_INBAND,
			.dscp = record->media_dscp & 0x3f,
			.latching = record->rtp_latching & 3,
			.interface = record->media_interface.len > 0,
			.transcode = record->transcode != 0};
	const uint8_t *suite = record->srtp_suites.items, *codec = record->codecs.items;
	unsigned suites = 0, codecs = 0;

	for(size_t i = record->srtp_suites.count; i > 0; i--)
		suites = suites * MED_SUITES_BASE + suite[i - 1] + 1u;
	media.suites = suites == MED_SUITE_AES_128_80 + 1 ? 0 : suites & 0x1fff;
	for(size_t i = record->codecs.count; i > 0; i--)
		codecs = codecs << 4 | (codec[i - 1] + 1u);
	media.codecs = codecs & 0xfffff;
	if(record->dtmf_payload >= MED_DYNAMIC_FIRST)
		media.event_payload = (record->dtmf_payload - MED_DYNAMIC_FIRST + 1) & 0x3f;
	return media;
}

med_profile_object_t *med_profile_object(
		med_config_t *config, med_str_t id, const med_profile_record_t *record)
{
	size_t codes_size = record->failover_codes.count * sizeof(uint16_t);
	size_t probe_codes_size = record->options_failure_codes.count * sizeof(uint16_t);
	med_profile_object_t *object = med_segment_new(&config->heap,
			sizeof(*object) + usages_size(&record->pstn_usages) + 8 + codes_size
					+ probe_codes_size + id.len + record->dial_plan.len
					+ record->outbound_translation_rules.len
					+ record->outbound_calling_number_translation_rules.len
					+ record->sip_response_code_translation_rules.len
					+ record->network_site_id.len + record->domain.len
					+ record->phone_context.len + record->media_interface.len
					+ record->options_user.len + 8);
	char *at;
	med_profile_t *p;

	if(object == NULL)
		return NULL;
	at = (char *)(object + 1);
	p = &object->profile;
	memset(p, 0, sizeof(*p));
	p->usage_count = record->pstn_usages.count;
	if(pack_usages(config, &at, &record->pstn_usages, &p->usages, &object->usage_numbers)
			!= MED_EOK) {
		med_segment_retire(&config->heap, object);
		return NULL;
	}
	p->failover_codes = (void *)*aligned(&at);
	p->failover_code_count = record->failover_codes.count;
	if(codes_size > 0)
		memcpy(at, record->failover_codes.items, codes_size);
	at += codes_size;
	p->options_failure_codes = (void *)at;
	p->options_failure_code_count = record->options_failure_codes.count;
	if(probe_codes_size > 0)
		memcpy(at, record->options_failure_codes.items, probe_codes_size);
	at += probe_codes_size;
	p->options_interval_ms = record->options_interval_s * 1000;
	p->options_down_interval_ms = record->options_down_interval_s * 1000;
	p->options_timeout_ms = record->options_timeout_ms;
	p->options_method = (uint8_t)record->options_method;
	for(size_t i = 0; i < record->options_allow.count; i++)
		p->options_allow |=
				(uint16_t)(1u << ((const uint8_t *)record->options_allow.items)[i]);
	p->options_each_node = record->options_each_node != 0;
	p->health = (med_health_rules_t){.probed = record->options_interval_s > 0,
			.max_misses = (uint8_t)record->options_max_misses,
			.up_after = (uint8_t)record->options_up_after,
			.suspect_after = (uint8_t)record->suspect_after,
			.down_after = (uint8_t)record->down_after,
			.retry_ms = record->retry_down_s * 1000,
			.max_retry_after_s = record->max_retry_after_s};
	p->id = pack(&at, id);
	p->dial_plan = pack(&at, record->dial_plan);
	p->called_rules = pack(&at, record->outbound_translation_rules);
	p->calling_rules = pack(&at, record->outbound_calling_number_translation_rules);
	p->response_rules = pack(&at, record->sip_response_code_translation_rules);
	p->srtp_mode = (uint8_t)record->srtp_mode;
	p->srtp_fallback_ms = record->srtp_fallback_s * 1000;
	p->anchor = record->anchor != 0;
	p->enable_bypass = record->enable_bypass != 0;
	p->initial_offer = (uint8_t)record->initial_offer;
	p->bypass_mode = (uint8_t)record->bypass_mode;
	p->remove_plus_from_uri = record->remove_plus_from_uri != 0;
	p->forward_pai = record->forward_pai != 0;
	p->allow_same_trunk = record->allow_same_trunk != 0;
	p->allow_pstn_to_pstn = record->allow_pstn_to_pstn != 0;
	p->rewrite_from = record->rewrite_from != 0;
	p->rewrite_to = record->rewrite_to != 0;
	p->request_uri_host = (uint8_t)record->request_uri_host;
	p->to_host = (uint8_t)record->to_host;
	p->from_host = (uint8_t)record->from_host;
	p->pai_host = (uint8_t)record->pai_host;
	p->contact_host = (uint8_t)record->contact_host;
	p->user_phone = record->user_phone != 0;
	p->extensions = record->extensions != 0;
	p->forward_call_history = record->forward_call_history != 0;
	p->domain = pack(&at, record->domain);
	p->phone_context = pack(&at, record->phone_context);
	p->media_interface = pack(&at, record->media_interface);
	p->options_user = pack(&at, record->options_user);
	p->imitate_lync = record->imitate_lync != 0;
	p->location_restricted = record->enable_location_restriction != 0;
	p->network_site = pack(&at, record->network_site_id);
	p->media = pack_media(record);
	p->connect_timeout_ms = record->connect_timeout_ms;
	p->trying_timeout_ms = record->trying_timeout_ms;
	p->progress_timeout_ms =
			record->enable_fast_failover_timer != 0 ? record->progress_timeout_ms : 0;
	p->answer_timeout_ms = record->answer_timeout_ms;
	p->progress_is = (uint8_t)record->progress_is;
	return object;
}

med_policy_object_t *med_policy_object(
		med_config_t *config, med_str_t id, const med_policy_record_t *record)
{
	const med_list_t *forward = &record->custom_call_forwarding_simul_ring_usages;
	med_policy_object_t *object = med_segment_new(&config->heap,
			sizeof(*object) + usages_size(&record->usages) + usages_size(forward) + 24
					+ id.len + record->name.len);
	char *at;

	if(object == NULL)
		return NULL;
	at = (char *)(object + 1);
	object->policy.usage_count = record->usages.count;
	object->policy.forward_usage_count = forward->count;
	object->policy.forwarding = (uint8_t)record->call_forwarding_simul_ring_usage_type;
	object->policy.escape_ms = record->enable_voicemail_escape_timer
			? (uint16_t)record->pstn_voicemail_escape_timer
			: 0;
	if(pack_usages(config, &at, &record->usages, &object->policy.usages,
			   &object->usage_numbers)
					!= MED_EOK
			|| pack_usages(config, aligned(&at), forward, &object->policy.forward_usages,
					   &object->forward_usage_numbers)
					!= MED_EOK) {
		med_segment_retire(&config->heap, object);
		return NULL;
	}
	object->policy.id = pack(&at, id);
	object->policy.name = pack(&at, record->name);
	return object;
}

static size_t texts_size(const med_list_t *list)
{
	const med_str_t *text = list->items;
	size_t size = 0;

	for(size_t i = 0; i < list->count; i++)
		size += sizeof(*text) + text[i].len;
	return size;
}

static const med_str_t *pack_texts(char **at, const med_list_t *list)
{
	const med_str_t *text = list->items;
	med_str_t *out = (void *)*aligned(at);

	*at = (char *)(out + list->count);
	for(size_t i = 0; i < list->count; i++)
		out[i] = pack(at, text[i]);
	return out;
}

med_guard_object_t *med_guard_object(
		med_heap_t *heap, med_str_t id, const med_guard_record_t *record)
{
	med_guard_object_t *object = med_segment_new(
			heap, sizeof(*object) + texts_size(&record->usages) + 8 + id.len);
	char *at;

	if(object == NULL)
		return NULL;
	at = (char *)(object + 1);
	object->guard = (med_guard_t){.per = (uint8_t)record->per,
			.destination_digits = (uint8_t)record->destination_digits,
			.code = (uint16_t)record->code,
			.max_calls = record->max_calls,
			.window_s = record->window_s,
			.block_s = record->block_s,
			.usage_count = record->usages.count};
	object->guard.usages = pack_texts(&at, &record->usages);
	object->guard.id = pack(&at, id);
	return object;
}

med_limits_object_t *med_limits_object(med_heap_t *heap, med_str_t id, uint32_t number,
		const med_limits_record_t *record)
{
	med_limits_object_t *object = med_segment_new(heap, sizeof(*object) + id.len);
	char *at;

	if(object == NULL)
		return NULL;
	at = (char *)(object + 1);
	object->limits = (med_limits_t){.number = number,
			.max_calls = record->max_calls,
			.max_calls_in = record->max_calls_in,
			.max_calls_out = record->max_calls_out,
			.calls_per_second = record->calls_per_second,
			.audio_kbit = record->audio_bw_limit,
			.audio_kbit_session = record->audio_bw_session_limit,
			.window_ms = record->calls_per_second_window_ms,
			.retry_after_s = record->retry_after_s,
			.overload_code = (uint16_t)record->overload_code,
			.emergency_exempt = record->emergency_exempt != 0,
			.without_redis = (uint8_t)record->without_redis};
	object->limits.id = pack(&at, id);
	return object;
}

med_location_object_t *med_location_object(
		med_config_t *config, med_str_t id, const med_location_policy_record_t *record)
{
	const med_list_t *numbers = &record->emergency_dial_string;
	const med_list_t *masks = &record->emergency_dial_mask;
	med_location_object_t *object = med_segment_new(&config->heap,
			sizeof(*object) + usages_size(&record->pstn_usages) + texts_size(numbers)
					+ texts_size(masks) + 32 + id.len);
	char *at;
	med_location_policy_t *l;

	if(object == NULL)
		return NULL;
	at = (char *)(object + 1);
	l = &object->location;
	l->usage_count = record->pstn_usages.count;
	if(pack_usages(config, &at, &record->pstn_usages, &l->usages, &object->usage_numbers)
			!= MED_EOK) {
		med_segment_retire(&config->heap, object);
		return NULL;
	}
	l->number_count = numbers->count;
	l->numbers = pack_texts(&at, numbers);
	l->mask_count = masks->count;
	l->masks = pack_texts(&at, masks);
	l->id = pack(&at, id);
	return object;
}

/* Past moments are for stored cases; a node is started anew before the last one. */
#define CLOCK_FROM 1577836800 /* 2020 */
#define CLOCK_TO 3155760000   /* 2070 */

static const void *pack_list(char **at, const med_list_t *list, size_t size)
{
	void *out = *aligned(at);

	if(list->count > 0)
		memcpy(out, list->items, list->count * size);
	*at += list->count * size;
	return out;
}

med_schedule_object_t *med_schedule_object(
		med_heap_t *heap, med_str_t id, const med_schedule_record_t *record)
{
	med_shift_t shifts[MED_SHIFTS_MAX];
	med_list_t clock = {
			shifts, med_zone_shifts(record->time_zone, CLOCK_FROM, CLOCK_TO, shifts)};
	med_schedule_object_t *object;
	med_schedule_t *s;
	char *at;

	if(clock.count == 0) /* it was known when it was set */
		return NULL;
	object = med_segment_new(heap,
			sizeof(*object) + clock.count * sizeof(shifts[0])
					+ record->times.count * sizeof(med_window_t)
					+ (record->closed.count + record->extra.count) * sizeof(med_dates_t)
					+ 32 + id.len + record->time_zone.len);
	if(object == NULL)
		return NULL;
	at = (char *)(object + 1);
	s = &object->schedule;
	s->shift_count = (uint32_t)clock.count;
	s->shifts = pack_list(&at, &clock, sizeof(shifts[0]));
	s->window_count = (uint32_t)record->times.count;
	s->windows = pack_list(&at, &record->times, sizeof(med_window_t));
	s->closed_count = (uint32_t)record->closed.count;
	s->closed = pack_list(&at, &record->closed, sizeof(med_dates_t));
	s->extra_count = (uint32_t)record->extra.count;
	s->extra = pack_list(&at, &record->extra, sizeof(med_dates_t));
	s->id = pack(&at, id);
	s->time_zone = pack(&at, record->time_zone);
	return object;
}

/* ---- rules --------------------------------------------------------------------------
 */

/* Accepted when it was set, so it reads the same now. */
static uint8_t variants_of(const med_rule_record_t *rule, med_variants_t *variants)
{
	return med_pattern_recognise(rule->pattern, variants) ? variants->count : 0;
}

/* Accepted when it was set, so it reads the same now. */
static uint8_t pieces_of(med_str_t translation, const med_pattern_entry_t *regex,
		const med_variants_t *variants, med_piece_t *pieces)
{
	uint8_t count = 0;

	(void)med_translation_parse(translation,
			regex == NULL ? variants->groups : med_regex_groups(regex->regex),
			regex == NULL ? NULL : regex->regex, pieces, &count, NULL);
	return count;
}

/* Room for variants and pieces, then for texts. */
static void measure_rules(const med_rules_entry_t *entry, size_t *lists, size_t *texts)
{
	const med_rule_record_t *rule = entry->record->rules.rules.items;
	med_piece_t pieces[MED_TRANSLATION_PIECES];
	med_variants_t variants;

	*lists = *texts = 0;
	for(size_t i = 0; i < entry->count; i++) {
		size_t count = entry->regex[i] != NULL ? 0 : variants_of(&rule[i], &variants);
		*lists += count * sizeof(variants.variant[0])
				+ pieces_of(rule[i].translation, entry->regex[i], &variants, pieces)
						* sizeof(pieces[0]);
		*texts += rule[i].pattern.len + rule[i].translation.len;
	}
}

static void fill_rule(med_rule_t *rule, med_filter_t *filter,
		const med_rule_record_t *from, const med_pattern_entry_t *regex, char **lists,
		char **texts)
{
	med_piece_t pieces[MED_TRANSLATION_PIECES];
	med_prefix_t prefixes[MED_PATTERN_VARIANTS];
	med_variants_t variants;

	rule->order = from->order;
	rule->pattern = pack(texts, from->pattern);
	rule->translation = pack(texts, from->translation);
	if(regex != NULL) {
		rule->regex = regex->regex;
		med_pattern_prefix(from->pattern, &prefixes[0]);
		*filter = med_filter(prefixes, 1);
	} else {
		size_t size;
		rule->variant_count = variants_of(from, &variants);
		size = rule->variant_count * sizeof(variants.variant[0]);
		rule->variants = memcpy(*lists, variants.variant, size);
		*lists += size;
		for(unsigned i = 0; i < rule->variant_count; i++)
			med_variant_prefix(&variants.variant[i], &prefixes[i]);
		*filter = med_filter(prefixes, rule->variant_count);
	}
	rule->piece_count = pieces_of(from->translation, regex, &variants, pieces);
	rule->pieces = memcpy(*lists, pieces, rule->piece_count * sizeof(pieces[0]));
	*lists += rule->piece_count * sizeof(pieces[0]);
}

med_rules_object_t *med_rules_object(
		med_heap_t *heap, med_str_t id, const med_rules_entry_t *entry)
{
	const med_rules_record_t *record = &entry->record->rules;
	const med_rule_record_t *from = record->rules.items;
	med_rules_object_t *object;
	size_t lists_size, texts_size;
	med_filter_t *filters;
	med_rule_t *rules;
	char *lists, *texts;

	measure_rules(entry, &lists_size, &texts_size);
	object = med_segment_new(heap,
			sizeof(*object) + entry->count * (sizeof(*rules) + sizeof(*filters))
					+ lists_size + texts_size + id.len + record->name.len
					+ record->simple_name.len);
	if(object == NULL)
		return NULL;
	filters = (void *)(object + 1);
	rules = (void *)(filters + entry->count);
	memset(rules, 0, entry->count * sizeof(*rules));
	lists = (char *)(rules + entry->count);
	texts = lists + lists_size;
	for(size_t i = 0; i < entry->count; i++)
		fill_rule(&rules[i], &filters[i], &from[i], entry->regex[i], &lists, &texts);
	object->rules.filters = filters;
	object->rules.rules = rules;
	object->rules.count = entry->count;
	object->rules.id = pack(&texts, id);
	object->rules.name = pack(&texts, record->name);
	object->rules.simple_name = pack(&texts, record->simple_name);
	return object;
}

med_response_object_t *med_response_object(
		med_heap_t *heap, med_str_t id, const med_response_rules_record_t *record)
{
	const med_response_rule_record_t *from = record->rules.items;
	size_t count = record->rules.count;
	med_response_rule_t *rules;
	med_response_object_t *object =
			med_segment_new(heap, sizeof(*object) + count * sizeof(*rules) + id.len);
	char *at;

	if(object == NULL)
		return NULL;
	rules = (void *)(object + 1);
	for(size_t i = 0; i < count; i++)
		rules[i] = (med_response_rule_t){.code = (uint16_t)from[i].received_response_code,
				.cause = (int16_t)from[i].received_isup_cause_value,
				.translated = (uint16_t)from[i].translated_response_code,
				.order = from[i].order};
	at = (char *)(rules + count);
	object->rules.rules = rules;
	object->rules.count = count;
	object->rules.id = pack(&at, id);
	return object;
}

/* ---- trunks -------------------------------------------------------------------------
 */

/*
 * "sip:host:port;transport=tls"; an IPv6 address gets its brackets. Services have the
 * port: one in the URI would say not to look them up (RFC 3263 4.2).
 */
static size_t write_destination(char *out, size_t size, const med_gateway_t *gateway,
		uint32_t port, uint32_t transport)
{
	med_str_t host = gateway->address;
	bool bare = host.len > 0 && memchr(host.s, ':', host.len) != NULL && host.s[0] != '[';
	char at[8] = "";
	int n;

	if(!gateway->srv)
		(void)snprintf(at, sizeof(at), ":%u", port & 0xffffu);
	n = snprintf(out, size, "sip:%s%.*s%s%s;transport=%s", bare ? "[" : "",
			MED_STR_FMT(host), bare ? "]" : "", at,
			med_transport_name((enum med_transport)transport));

	return n < 0 || (size_t)n >= size ? 0 : (size_t)n;
}

static bool has_target(const med_gateway_t *gateway, uint32_t transport)
{
	for(unsigned i = 0; i < gateway->target_count; i++) {
		if(gateway->targets[i].transports >> transport & 1)
			return true;
	}
	return false;
}

med_trunk_object_t *med_trunk_object(med_heap_t *heap, med_str_t id, uint32_t number,
		const med_trunk_record_t *record, med_ports_t ports, const med_gateway_t *gateway,
		const med_profile_t *profile, med_str_t dial_plan, med_str_t pool_fqdn)
{
	char destination[320];
	size_t length = write_destination(
			destination, sizeof(destination), gateway, ports.remote, record->transport);
	med_trunk_object_t *object = med_segment_new(heap,
			sizeof(*object) + id.len + record->name.len + record->local_address.len
					+ record->auth_username.len + record->auth_realm.len
					+ record->auth_password.len + length + dial_plan.len + pool_fqdn.len);
	char *at;
	med_trunk_t *t;

	if(object == NULL)
		return NULL;
	at = (char *)(object + 1);
	t = &object->trunk;
	memset(t, 0, sizeof(*t));
	t->id = pack(&at, id);
	t->name = pack(&at, record->name);
	t->local_address = pack(&at, record->local_address);
	t->auth_username = pack(&at, record->auth_username);
	t->auth_realm = pack(&at, record->auth_realm);
	t->auth_password = pack(&at, record->auth_password);
	t->destination = pack(&at, (med_str_t){destination, length});
	t->dial_plan = pack(&at, dial_plan);
	t->pool_fqdn = pack(&at, pool_fqdn);
	t->number = number;
	t->gateway = gateway;
	t->profile = profile;
	t->transport = (uint8_t)record->transport;
	t->port = ports.remote;
	t->local_port = ports.local;
	t->enabled = record->enabled != 0 && record->admin_state != MED_ADMIN_OFF;
	t->draining = t->enabled && record->admin_state == MED_ADMIN_DRAIN;
	t->unresolved = gateway->named && !has_target(gateway, record->transport);
	t->takes_calls = t->enabled && !t->draining && gateway->routable && !t->unresolved;
	t->pstn = gateway->peer != MED_IP_PBX;
	t->restricted = profile->location_restricted;
	t->network_site =
			profile->network_site.len > 0 ? profile->network_site : gateway->site;
	t->leg.srtp = (uint8_t)med_srtp_effective(
			(enum med_srtp_mode)profile->srtp_mode, record->transport == MED_TLS);
	t->leg.anchored = profile->anchor;
	t->leg.known = true;
	t->leg.bypass = profile->anchor && profile->enable_bypass;
	t->leg.media = profile->media;
	if(t->leg.srtp == MED_SRTP_NOT_SUPPORTED)
		t->leg.media.dtls = t->leg.media.avpf = false;
	return object;
}
