/**
 * fuzz_record.c - objects as Redis may hold them: kind, id, then field and value by lines
 *
 * They are set, built and asked; nothing leaks, no text carries a raw byte, and the same
 * objects in a fresh configuration have the same outcome.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "medcore/schema.h"
#include "medcore/select.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FIELDS 24

static med_str_t take_line(med_str_t *rest)
{
	const char *end = rest->len == 0 ? NULL : memchr(rest->s, '\n', rest->len);
	med_str_t line = *rest;

	if(end != NULL)
		line.len = (size_t)(end - rest->s);
	rest->s += line.len + (end != NULL);
	rest->len -= line.len + (end != NULL);
	return line;
}

static void check_text(void *ctx, enum med_severity severity, enum med_kind kind,
		med_str_t id, const char *text)
{
	(void)ctx;
	if((severity != MED_REFUSED && severity != MED_WARNED) || med_kind_name(kind) == NULL
			|| text[0] == '\0')
		abort();
	for(size_t i = 0; i < id.len; i++) {
		if(id.s[i] < 0x20 || id.s[i] > 0x7e)
			abort();
	}
	for(; *text != '\0'; text++) {
		if(*text < 0x20 || *text > 0x7e)
			abort();
	}
}

/* What was told of a record, to be read again. */
typedef struct told {
	med_field_t fields[3 * FIELDS + 64]; /* defaults are told too */
	size_t count;
} told_t;

static int tell(void *ctx, const med_field_def_t *def, med_str_t name, med_str_t value)
{
	told_t *told = ctx;
	char *copy = malloc(name.len + value.len + 1);

	(void)def;
	if(copy == NULL || told->count == sizeof(told->fields) / sizeof(told->fields[0]))
		abort();
	memcpy(copy, name.s, name.len);
	memcpy(copy + name.len, value.s, value.len);
	told->fields[told->count++] =
			(med_field_t){{copy, name.len}, {copy + name.len, value.len}};
	return MED_EOK;
}

/* A record that was accepted is written so that it is accepted again. */
static void write_and_read(
		enum med_kind kind, med_str_t id, const med_field_t *fields, size_t count)
{
	static told_t told;
	med_errbuf_t err = {""};
	med_record_t *record, *again;

	if(med_record_parse(kind, id, fields, count, &med_mem_heap, &record, &err) != MED_EOK)
		return;
	told.count = 0;
	if(med_schema_each(kind, record, &med_mem_heap, tell, &told) != MED_EOK
			|| med_record_parse(
					   kind, id, told.fields, told.count, &med_mem_heap, &again, &err)
					!= MED_EOK)
		abort();
	for(size_t i = 0; i < told.count; i++)
		free((char *)(uintptr_t)told.fields[i].name.s);
	free(record);
	free(again);
}

/* Objects are separated by empty lines; the first letter of each is its kind. */
static size_t load(med_config_t *config, med_str_t rest)
{
	while(rest.len > 0) {
		enum med_kind kind =
				(enum med_kind)((unsigned char)(rest.s[0] - 'b') % MED_KIND_COUNT);
		med_field_t fields[FIELDS];
		med_errbuf_t err = {"-"};
		med_str_t id = take_line(&rest);
		size_t count = 0;
		if(id.len > 0) {
			id.s++;
			id.len--;
		}
		while(rest.len > 0 && count < FIELDS) {
			med_str_t line = take_line(&rest);
			const char *equals = line.len == 0 ? NULL : memchr(line.s, '=', line.len);
			if(line.len == 0)
				break;
			fields[count].name = line;
			fields[count].value = (med_str_t){"", 0};
			if(equals != NULL) {
				fields[count].name.len = (size_t)(equals - line.s);
				fields[count].value =
						(med_str_t){equals + 1, line.len - fields[count].name.len - 1};
			}
			count++;
		}
		write_and_read(kind, id, fields, count);
		if(med_config_set(config, kind, id, fields, count, &err) != MED_EOK)
			check_text(NULL, MED_REFUSED, kind, (med_str_t){"", 0}, err.text);
	}
	return med_config_refused(config, check_text, NULL);
}

static void ask(const med_snapshot_t *snapshot, med_scratch_t *scratch)
{
	med_number_t called = {"+493012345678", 13}, number;
	const med_trunk_t *trunk;
	uint32_t at = 0;
	med_leg_policy_t leg;
	med_numbers_t numbers;
	med_plan_t plan;

	while((trunk = med_snapshot_next_trunk(snapshot, &at)) != NULL) {
		med_query_t query = {.in = trunk, .called = &called};
		med_source_t source = {
				.transport = trunk->transport, .local_port = trunk->local_port};
		const med_trunk_t *found;
		if(med_snapshot_trunk(snapshot, trunk->id) != trunk)
			abort();
		if(trunk->transport != MED_TLS && trunk->leg.srtp != MED_SRTP_NOT_SUPPORTED)
			abort();
		source.tls_names = &trunk->gateway->tls_name;
		source.tls_name_count = trunk->gateway->tls_name.len > 0;
		if(trunk->gateway->source_count > 0)
			source.address = trunk->gateway->sources[0];
		if(med_identify(snapshot, &source, &found, NULL) == MED_EOK && !found->enabled)
			abort();
		if(med_leg_of_destination(snapshot,
				   &(med_destination_t){.transport = trunk->transport,
						   .local_port = trunk->local_port,
						   .remote_port = trunk->port,
						   .address = source.address},
				   &leg, &found)
				!= MED_EOK)
			abort();
		(void)med_normalize(
				snapshot, scratch, trunk->profile->dial_plan, &called, &number, NULL);
		if(med_select(snapshot, scratch, &query, &plan, NULL, NULL) == MED_EOK)
			(void)med_translate(snapshot, scratch, plan.candidate[0].trunk,
					plan.candidate[0].route, &called, &called, &numbers, NULL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	med_config_t *config = med_config_new(&med_mem_heap, &med_mem_heap);
	med_scratch_t *scratch = med_scratch_new(&med_mem_heap);
	const med_snapshot_t *snapshot = NULL, *next = NULL;

	if(config == NULL || scratch == NULL)
		abort();
	(void)load(config, (med_str_t){(const char *)data, size});
	if(med_config_build(config, &snapshot, NULL) != MED_EOK)
		abort();
	ask(snapshot, scratch);
	/* Told again as a whole, and then half of it no more. */
	med_config_mark(config);
	(void)load(config, (med_str_t){(const char *)data, size / 2});
	(void)med_config_sweep(config);
	if(med_config_build(config, &next, NULL) != MED_EOK)
		abort();
	(void)med_config_refused(config, check_text, NULL);
	med_config_release(config, snapshot);
	ask(next, scratch);
	med_config_release(config, next);
	med_config_free(config);
	med_scratch_free(scratch);
	return 0;
}
