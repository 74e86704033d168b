/**
 * import_rules.c - lists of rules, as objects or as the one line each became
 *
 * A rule that went through a remote session is a text: its properties one after another,
 * separated by what may be in a pattern too. It is split at the names in their known
 * order, and only where there is one way to do it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>

#include "medcore/import_map.h"
#include "medcore/rules.h"

#define FLAT_MAX 4096 /* bytes of a rule as one text */
#define KEYS_MAX 6

/* ---- rules as one text --------------------------------------------------------------
 */

typedef struct med_split {
	const char *const *keys; /* closed by NULL */
	size_t at[KEYS_MAX];     /* where each key begins, in the way being tried */
	size_t found[KEYS_MAX];  /* the first way that fits */
	unsigned ways;           /* 2: more than one */
} med_split_t;

/* All ways to find the keys from the @p key th on, at or after @p from. */
static void try_split(med_split_t *split, med_str_t text, size_t key, size_t from)
{
	char wanted[48];
	int len;

	if(split->keys[key] == NULL) {
		if(++split->ways == 1)
			memcpy(split->found, split->at, sizeof(split->found));
		return;
	}
	len = snprintf(wanted, sizeof(wanted), ";%s=", split->keys[key]);
	while(split->ways < 2 && from < text.len) {
		const char *next = memmem(text.s + from, text.len - from, wanted, (size_t)len);
		if(next == NULL)
			return;
		split->at[key] = (size_t)(next - text.s);
		try_split(split, text, key + 1, split->at[key] + (size_t)len);
		from = split->at[key] + 1;
	}
}

/* "A=1;B=2" into properties A and B; how many ways there were. */
static unsigned split_text(
		med_mapping_t *m, med_str_t text, const char *const *keys, med_value_t **object)
{
	med_split_t split = {.keys = keys};
	size_t first = strlen(keys[0]) + 1;

	if(text.len < first || text.len > FLAT_MAX || memcmp(text.s, keys[0], first - 1) != 0
			|| text.s[first - 1] != '=')
		return 0;
	try_split(&split, text, 1, first);
	if(split.ways != 1)
		return split.ways;
	*object = med_value_new(m->blocks, MED_VALUE_OBJECT);
	for(size_t i = 0; keys[i] != NULL; i++) {
		size_t begin = i == 0 ? first : split.found[i] + strlen(keys[i]) + 2;
		size_t end = keys[i + 1] == NULL ? text.len : split.found[i + 1];
		med_value_set_text(
				m->blocks, *object, keys[i], (med_str_t){text.s + begin, end - begin});
	}
	return 1;
}

/* The last property is a yes or no, so it is known from the end. */
static unsigned split_rule(med_mapping_t *m, med_str_t text, med_value_t **object)
{
	static const char *const keys[] = {
			"Description", "Pattern", "Translation", "Name", NULL};
	static const char *const ends[] = {
			";IsInternalExtension=True", ";IsInternalExtension=False"};
	med_str_t internal = {"", 0};
	unsigned ways;

	text = med_text_strip(text);
	for(size_t i = 0; i < 2; i++) {
		size_t len = strlen(ends[i]);
		if(text.len > len
				&& med_str_eq_nocase(
						(med_str_t){text.s + text.len - len, len}, med_str(ends[i]))) {
			internal = med_str(i == 0 ? "True" : "False");
			text.len -= len;
		}
	}
	ways = split_text(m, text, keys, object);
	if(ways == 1 && internal.len > 0)
		med_value_set_text(m->blocks, *object, "IsInternalExtension", internal);
	return ways;
}

static unsigned split_response(med_mapping_t *m, med_str_t text, med_value_t **object)
{
	static const char *const keys[] = {"Name", "ReceivedResponseCode",
			"ReceivedISUPCauseValue", "TranslatedResponseCode", NULL};

	return split_text(m, med_text_strip(text), keys, object);
}

/* ---- one rule -----------------------------------------------------------------------
 */

int med_mapping_pattern(med_str_t pattern, med_str_t translation, med_errbuf_t *err)
{
	med_piece_t pieces[MED_TRANSLATION_PIECES];
	med_regex_t *regex = NULL;
	med_variants_t variants;
	uint8_t count;
	int rc;

	if(pattern.len == 0)
		return med_fail(err, MED_EINVAL, "no pattern");
	if(pattern.len > MED_PATTERN_MAX)
		return med_fail(err, MED_ELIMIT, "a pattern of %zu bytes; at most %d are read",
				pattern.len, MED_PATTERN_MAX);
	if(translation.len > MED_TRANSLATION_MAX)
		return med_fail(err, MED_ELIMIT,
				"a translation of %zu bytes; at most %d are read", translation.len,
				MED_TRANSLATION_MAX);
	if(med_pattern_recognise(pattern, &variants))
		return med_translation_parse(
				translation, variants.groups, NULL, pieces, &count, err);
	rc = med_regex_compile(&med_mem_heap, pattern, &regex, err);
	if(rc != MED_EOK)
		return rc;
	rc = med_translation_parse(
			translation, med_regex_groups(regex), regex, pieces, &count, err);
	med_regex_free(&med_mem_heap, regex);
	return rc;
}

/* An item as an object; NULL: told why it is none. */
static const med_value_t *rule_object(
		med_mapping_t *m, const med_made_t *made, const med_value_t *item, bool response)
{
	med_value_t *object = NULL;
	unsigned ways;

	if(item->type == MED_VALUE_OBJECT && item->first != NULL)
		return item;
	ways = response ? split_response(m, item->text, &object)
					: split_rule(m, item->text, &object);
	if(ways == 1)
		return object;
	med_mapping_note(m, MED_IMPORT_LEFT, made->where,
			"rule '%s': it became one text, which can be read in %s way; export again "
			"with "
			"-Depth 4, on the server itself",
			med_mapping_show(m, item->text), ways == 0 ? "no" : "more than one");
	return NULL;
}

static med_str_t text_of(const med_value_t *object, const char *name)
{
	med_str_t text = {"", 0};

	(void)med_value_get_text(object, name, &text);
	return med_text_strip(text);
}

static void put_of(
		med_mapping_t *m, med_made_t *made, size_t n, const char *what, med_str_t value)
{
	med_mapping_put(
			m, made, med_blocks_format(m->blocks, "rule.%zu.%s", n, what).s, value);
}

static void tell_unread(
		med_mapping_t *m, const med_made_t *made, const med_value_t *rule, med_str_t name)
{
	static const char *const known[] = {"Identity", "Priority", "Name", "Description",
			"Element", "XsAnyElements", "XsAnyAttributes", "Key", "Anchor"};

	for(size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		med_value_known(rule, known[i]);
	for(const med_property_t *p = rule->first; p != NULL; p = p->next) {
		if(!p->used && p->value->text.len > 0)
			med_mapping_note(m, MED_IMPORT_LEFT, made->where,
					"rule '%s': %s = '%s': not understood", med_mapping_show(m, name),
					med_mapping_show(m, p->name), med_mapping_show(m, p->value->text));
	}
}

static bool put_rule(med_mapping_t *m, med_made_t *made, const med_value_t *rule,
		size_t n, bool dial_plan)
{
	med_str_t pattern = text_of(rule, "Pattern");
	med_str_t translation = text_of(rule, "Translation"), name = text_of(rule, "Name");
	med_errbuf_t err = {"no pattern"};
	int rc = med_mapping_pattern(pattern, translation, &err);

	if(rc == MED_EOK && memmem(pattern.s, pattern.len, "=>", 2) != NULL)
		rc = med_fail(
				&err, MED_EINVAL, "'=>' in a pattern ends it here; write \\x3D> for it");
	if(rc != MED_EOK) {
		med_mapping_note(m, MED_IMPORT_LEFT, made->where, "rule '%s' (%s => %s): %s",
				med_mapping_show(m, name), med_mapping_show(m, pattern),
				med_mapping_show(m, translation), err.text);
		return false;
	}
	if(pattern.s[0] != '^')
		med_mapping_note(m, MED_IMPORT_CHANGED, made->where,
				"rule '%s' (%s): no ^ in front; the first match is replaced, .NET "
				"replaces "
				"every one",
				med_mapping_show(m, name), med_mapping_show(m, pattern));
	med_mapping_put(m, made, med_blocks_format(m->blocks, "rule.%zu", n).s,
			med_blocks_format(m->blocks, "%.*s => %.*s", MED_STR_FMT(pattern),
					MED_STR_FMT(translation)));
	put_of(m, made, n, "name", name);
	put_of(m, made, n, "description", text_of(rule, "Description"));
	if(dial_plan && med_mapping_yes(text_of(rule, "IsInternalExtension")))
		put_of(m, made, n, "is_internal_extension", MED_STR("yes"));
	med_value_known(rule, "IsInternalExtension");
	tell_unread(m, made, rule, name);
	return true;
}

/* ---- lists --------------------------------------------------------------------------
 */

static bool too_many(med_mapping_t *m, const med_made_t *made, size_t count)
{
	if(count <= MED_RULES_MAX)
		return false;
	med_mapping_note(m, MED_IMPORT_LEFT, made->where,
			"%zu rules; those after the first %d are not carried", count, MED_RULES_MAX);
	return true;
}

size_t med_mapping_rules(
		med_mapping_t *m, med_made_t *made, const med_values_t *list, bool dial_plan)
{
	size_t count = too_many(m, made, list->count) ? MED_RULES_MAX : list->count;
	size_t carried = 0;

	for(size_t i = 0; i < count && m->blocks->error == MED_EOK; i++) {
		const med_value_t *rule = rule_object(m, made, list->item[i], false);
		if(rule != NULL)
			carried += put_rule(m, made, rule, i, dial_plan);
	}
	return carried;
}

static bool put_response(
		med_mapping_t *m, med_made_t *made, const med_value_t *rule, size_t n)
{
	med_str_t received = text_of(rule, "ReceivedResponseCode");
	med_str_t cause = text_of(rule, "ReceivedISUPCauseValue");
	med_str_t translated = text_of(rule, "TranslatedResponseCode");
	med_str_t name = text_of(rule, "Name");

	if(translated.len == 0) {
		med_mapping_note(m, MED_IMPORT_LEFT, made->where,
				"response rule '%s' has no TranslatedResponseCode",
				med_mapping_show(m, name));
		return false;
	}
	med_mapping_put(m, made, med_blocks_format(m->blocks, "rule.%zu", n).s,
			med_blocks_format(m->blocks,
					"received_response_code=%.*s received_isup_cause_value=%.*s "
					"translated_response_code=%.*s",
					MED_STR_FMT(received.len > 0 ? received : MED_STR("0")),
					MED_STR_FMT(cause.len > 0 ? cause : MED_STR("-1")),
					MED_STR_FMT(translated)));
	put_of(m, made, n, "name", name);
	put_of(m, made, n, "description", text_of(rule, "Description"));
	tell_unread(m, made, rule, name);
	return true;
}

size_t med_mapping_responses(med_mapping_t *m, med_made_t *made, const med_values_t *list)
{
	size_t count = too_many(m, made, list->count) ? MED_RULES_MAX : list->count;
	size_t carried = 0;

	for(size_t i = 0; i < count && m->blocks->error == MED_EOK; i++) {
		const med_value_t *rule = rule_object(m, made, list->item[i], true);
		if(rule != NULL)
			carried += put_response(m, made, rule, i);
	}
	return carried;
}
