/**
 * import_value.c - what a file says about an object, whatever form the file has
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include <strings.h>

#include "medcore/import_value.h"

/* Of failed memory: a value nobody writes to, so that callers need not look each time. */
static med_value_t nothing;

med_value_t *med_value_new(med_blocks_t *blocks, enum med_value_type type)
{
	med_value_t *value = med_blocks_take(blocks, 1, sizeof *value);

	if(value == NULL)
		return &nothing;
	value->type = type;
	return value;
}

med_value_t *med_value_text(med_blocks_t *blocks, med_str_t text)
{
	med_value_t *value = med_value_new(blocks, MED_VALUE_TEXT);

	if(value != &nothing)
		value->text = med_blocks_copy(blocks, text);
	return value;
}

void med_value_set(
		med_blocks_t *blocks, med_value_t *object, med_str_t name, med_value_t *value)
{
	med_property_t *property = med_blocks_take(blocks, 1, sizeof *property);

	if(property == NULL || object == &nothing)
		return;
	property->name = med_blocks_copy(blocks, name);
	property->value = value;
	if(object->last == NULL)
		object->first = object->last = property;
	else
		object->last = object->last->next = property;
}

void med_value_set_text(
		med_blocks_t *blocks, med_value_t *object, const char *name, med_str_t text)
{
	med_value_set(blocks, object, med_str(name), med_value_text(blocks, text));
}

void med_value_add(med_blocks_t *blocks, med_value_t *object, med_value_t *value)
{
	med_item_t *item = med_blocks_take(blocks, 1, sizeof *item);

	if(item == NULL || object == &nothing)
		return;
	item->value = value;
	if(object->last_item == NULL)
		object->items = object->last_item = item;
	else
		object->last_item = object->last_item->next = item;
}

med_value_t *med_value_get(const med_value_t *object, const char *name)
{
	med_value_t *found = NULL;

	for(med_property_t *p = object->first; p != NULL; p = p->next) {
		if(!med_str_eq_nocase(p->name, med_str(name)))
			continue;
		p->used = true;
		if(found == NULL && p->value->type != MED_VALUE_NIL)
			found = p->value;
	}
	return found;
}

bool med_value_get_text(const med_value_t *object, const char *name, med_str_t *text)
{
	const med_value_t *value = med_value_get(object, name);

	if(value == NULL || value->text.len == 0)
		return false;
	*text = value->text;
	return true;
}

void med_value_known(const med_value_t *object, const char *name)
{
	(void)med_value_get(object, name);
}

/* ---- lists --------------------------------------------------------------------------
 */

static bool is_member(med_str_t name, const char *const *members)
{
	for(; *members != NULL; members++) {
		if(med_str_eq_nocase(name, med_str(*members)))
			return true;
	}
	return false;
}

/* A member in the container's place: both may have one name. */
static bool is_one(const med_value_t *value, const char *const *members)
{
	return value->items == NULL
			|| (value->first != NULL && is_member(value->class, members));
}

static size_t count_items(const med_value_t *value)
{
	size_t count = 0;

	for(const med_item_t *i = value->items; i != NULL; i = i->next)
		count++;
	return count + 1;
}

static void add_one(med_values_t *list, const med_value_t *value)
{
	if(value->type == MED_VALUE_NIL || (value->text.len == 0 && value->first == NULL))
		return;
	list->item[list->count++] = value;
	list->flat |= value->type == MED_VALUE_TEXT;
}

static void add_items(
		med_values_t *list, const med_value_t *value, const char *const *members)
{
	if(is_one(value, members)) {
		add_one(list, value);
		return;
	}
	for(const med_item_t *i = value->items; i != NULL; i = i->next)
		add_one(list, i->value);
}

bool med_value_list(med_blocks_t *blocks, const med_value_t *object,
		const char *container, const char *const *members, med_values_t *list)
{
	size_t contained = 0, direct = 0;
	bool found = false;

	*list = (med_values_t){NULL, 0, false};
	for(med_property_t *p = object->first; p != NULL; p = p->next) {
		if(med_str_eq_nocase(p->name, med_str(container))) {
			found = p->used = true;
			contained += count_items(p->value);
		} else if(is_member(p->name, members)) {
			p->used = true;
			direct++;
		}
	}
	list->item = med_blocks_take(blocks, contained + direct, sizeof *list->item);
	if(list->item == NULL)
		return found || direct > 0;
	for(med_property_t *p = object->first; p != NULL; p = p->next) {
		if(found && med_str_eq_nocase(p->name, med_str(container))) {
			add_items(list, p->value, members);
		} else if(!found && is_member(p->name, members)) {
			add_one(list, p->value);
		}
	}
	return found || direct > 0;
}

/* ---- of an element ------------------------------------------------------------------
 */

static bool is_nil(const med_xml_t *element)
{
	const med_str_t *nil = med_xml_attribute(element, "nil");

	return nil != NULL && med_str_eq_nocase(*nil, MED_STR("true"));
}

/* As deep as a document may be: bounded. */
med_value_t *med_value_of_xml(med_blocks_t *blocks, const med_xml_t *element)
{
	med_value_t *value;

	if(is_nil(element))
		return med_value_new(blocks, MED_VALUE_NIL);
	if(element->first == NULL && element->attribute_count == 0)
		return med_value_text(blocks, med_text_strip(element->text));
	value = med_value_new(blocks, MED_VALUE_OBJECT);
	if(value == &nothing)
		return value;
	value->class = med_blocks_copy(blocks, element->name);
	value->text = med_blocks_copy(blocks, med_text_strip(element->text));
	for(size_t i = 0; i < element->attribute_count; i++)
		med_value_set(blocks, value, element->attributes[i].name,
				med_value_text(blocks, element->attributes[i].value));
	for(const med_xml_t *e = element->first; e != NULL && blocks->error == MED_EOK;
			e = e->next) {
		med_value_t *child = med_value_of_xml(blocks, e);
		med_value_set(blocks, value, e->name, child);
		med_value_add(blocks, value, child);
	}
	return value;
}

/* ---- texts --------------------------------------------------------------------------
 */

bool med_text_begins(med_str_t text, const char *with)
{
	size_t len = strlen(with);

	return text.len >= len && med_str_eq_nocase((med_str_t){text.s, len}, med_str(with));
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

med_str_t med_text_strip(med_str_t text)
{
	while(text.len > 0 && is_blank(text.s[0])) {
		text.s++;
		text.len--;
	}
	while(text.len > 0 && is_blank(text.s[text.len - 1]))
		text.len--;
	return text;
}

med_str_t med_text_without(med_str_t text, const char *prefix)
{
	size_t len = strlen(prefix);

	text = med_text_strip(text);
	return med_text_begins(text, prefix)
			? med_text_strip((med_str_t){text.s + len, text.len - len})
			: text;
}

bool med_text_is_number(med_str_t text)
{
	for(size_t i = 0; i < text.len; i++) {
		if(text.s[i] < '0' || text.s[i] > '9')
			return false;
	}
	return text.len > 0;
}

med_str_t med_text_after(med_str_t text, const char *separators)
{
	for(size_t i = text.len; i > 0; i--) {
		if(strchr(separators, text.s[i - 1]) != NULL && text.s[i - 1] != '\0')
			return (med_str_t){text.s + i, text.len - i};
	}
	return text;
}

static unsigned char lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

int med_text_compare(med_str_t a, med_str_t b)
{
	size_t len = a.len < b.len ? a.len : b.len;

	for(size_t i = 0; i < len; i++) {
		if(lower(a.s[i]) != lower(b.s[i]))
			return lower(a.s[i]) < lower(b.s[i]) ? -1 : 1;
	}
	if(a.len != b.len)
		return a.len < b.len ? -1 : 1;
	return len == 0 ? 0 : memcmp(a.s, b.s, len);
}
