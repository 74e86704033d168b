/**
 * import_value.h - what a file says about an object, whatever form the file has
 *
 * CLIXML, payloads of the central store and topologies all become values: a text, or an
 * object with named properties and (or) items. Names are compared without case. Which
 * properties were read is remembered, so that what nobody understood can be told.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_IMPORT_VALUE_H
#define MEDCORE_IMPORT_VALUE_H

#include "medcore/xml.h"

enum med_value_type { MED_VALUE_NIL, MED_VALUE_TEXT, MED_VALUE_OBJECT };

typedef struct med_property {
	med_str_t name;
	struct med_value *value;
	bool used; /**< somebody asked for it */
	struct med_property *next;
} med_property_t;

typedef struct med_item {
	struct med_value *value;
	struct med_item *next;
} med_item_t;

typedef struct med_value {
	enum med_value_type type;
	med_str_t text;  /**< of a text; what an object is as a text, if anything */
	med_str_t class; /**< of an object: last part of its type, or its element's name */
	med_property_t *first, *last;
	med_item_t *items, *last_item;
} med_value_t;

med_value_t *med_value_new(med_blocks_t *blocks, enum med_value_type type);
med_value_t *med_value_text(med_blocks_t *blocks, med_str_t text);
void med_value_set(
		med_blocks_t *blocks, med_value_t *object, med_str_t name, med_value_t *value);
void med_value_set_text(
		med_blocks_t *blocks, med_value_t *object, const char *name, med_str_t text);
void med_value_add(med_blocks_t *blocks, med_value_t *object, med_value_t *item);

/** The property of that name, not nil; marks it as read. NULL: none. */
med_value_t *med_value_get(const med_value_t *object, const char *name);
/** As a text; false: none, or it is no text. */
bool med_value_get_text(const med_value_t *object, const char *name, med_str_t *text);
/** Do not tell that nobody read it. */
void med_value_known(const med_value_t *object, const char *name);

/** Values in order, found as items. */
typedef struct med_values {
	const med_value_t **item;
	size_t count;
	bool flat; /**< one of them is a text */
} med_values_t;
/**
 * A list however it is written: the items of property @p container (one text is a list of
 * one), else all properties named as one of @p members (closed by NULL).
 *
 * @return false: neither is there
 */
bool med_value_list(med_blocks_t *blocks, const med_value_t *object,
		const char *container, const char *const *members, med_values_t *list);

/** An element with all that is in it; texts of it without blanks around. */
med_value_t *med_value_of_xml(med_blocks_t *blocks, const med_xml_t *element);

bool med_text_begins(med_str_t text, const char *with);
/** What stands behind that prefix, or the whole; blanks around it taken off. */
med_str_t med_text_without(med_str_t text, const char *prefix);
bool med_text_is_number(med_str_t text);
/** Blanks of every kind taken off. */
med_str_t med_text_strip(med_str_t text);
/** What stands after the last of these characters; the whole without one. */
med_str_t med_text_after(med_str_t text, const char *separators);
/** Order without case, then with it: total. */
int med_text_compare(med_str_t a, med_str_t b);

#endif
