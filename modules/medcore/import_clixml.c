/**
 * import_clixml.c - what PowerShell's Export-Clixml writes
 *
 * Objects and lists of type names have numbers of their own, both counted through the
 * whole file, and a reference points backwards: to the value itself, which is shared, so
 * that references to references cost nothing.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>

#include "medcore/import_priv.h"

#define NUMBERS_MAX MED_XML_ELEMENTS

typedef struct med_numbers {
	const void **at;
	size_t size;
} med_numbers_t;

typedef struct med_clixml {
	med_importing_t *in;
	med_blocks_t *blocks;
	med_blocks_t numbers; /* memory of the two tables */
	med_numbers_t objects, types;
	int rc;
} med_clixml_t;

static void damaged(med_clixml_t *c, const med_xml_t *element, const char *what)
{
	if(c->rc == MED_EOK)
		c->rc = med_fail(c->in->err, MED_EINVAL, "line %u: %s; the file is damaged",
				element->line, what);
}

/* ---- numbers ------------------------------------------------------------------------
 */

static bool number_of(med_clixml_t *c, const med_xml_t *element, size_t *number)
{
	const med_str_t *text = med_xml_attribute(element, "RefId");
	size_t value = 0;

	for(size_t i = 0; text != NULL && i < text->len; i++) {
		if(text->s[i] < '0' || text->s[i] > '9' || value > NUMBERS_MAX) {
			text = NULL;
			break;
		}
		value = value * 10 + (size_t)(text->s[i] - '0');
	}
	if(text == NULL || text->len == 0 || value >= NUMBERS_MAX) {
		damaged(c, element, "a RefId that is missing or no number");
		return false;
	}
	*number = value;
	return true;
}

static void keep(med_clixml_t *c, const med_xml_t *element, med_numbers_t *numbers,
		const void *what)
{
	size_t number;

	if(med_xml_attribute(element, "RefId") == NULL || !number_of(c, element, &number))
		return; /* nobody can refer to it */
	if(number >= numbers->size) {
		size_t size = number < 512 ? 1024 : number * 2;
		const void **at = med_blocks_take(&c->numbers, size, sizeof *at);
		if(at == NULL) {
			c->rc = c->numbers.error;
			return;
		}
		if(numbers->size > 0)
			memcpy(at, numbers->at, numbers->size * sizeof(*at));
		*numbers = (med_numbers_t){at, size};
	}
	numbers->at[number] = what;
}

static const void *referred(
		med_clixml_t *c, const med_xml_t *element, const med_numbers_t *numbers)
{
	const void *found = NULL;
	size_t number;

	if(!number_of(c, element, &number))
		return NULL;
	if(number < numbers->size)
		found = numbers->at[number];
	if(found == NULL)
		damaged(c, element, "a reference to what does not stand before it");
	return found;
}

/* ---- texts --------------------------------------------------------------------------
 */

static int hex(char c)
{
	if(c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* _xHHHH_ or _xHHHHHHHH_ at @p at: its length, 0: none. */
static size_t escape_at(med_str_t text, size_t at, uint32_t *code)
{
	size_t i = at + 2;

	if(text.len - at < 7 || text.s[at] != '_' || (text.s[at + 1] | 0x20) != 'x')
		return 0;
	for(*code = 0; i < text.len && hex(text.s[i]) >= 0 && i - at < 10; i++)
		*code = *code << 4 | (uint32_t)hex(text.s[i]);
	if(i >= text.len || text.s[i] != '_' || (i - at != 6 && i - at != 10))
		return 0;
	return i + 1 - at;
}

/* The text of an element or attribute without PowerShell's escapes. */
static med_str_t decode(med_clixml_t *c, const med_xml_t *element, med_str_t text)
{
	char *out;
	size_t used = 0, len;
	uint32_t code, low;

	if(text.len == 0 || memchr(text.s, '_', text.len) == NULL)
		return med_blocks_copy(c->blocks, text);
	out = med_blocks_take(c->blocks, text.len + 1, 1); /* an escape is longer than it */
	if(out == NULL)
		return (med_str_t){"", 0};
	for(size_t at = 0; at < text.len;) {
		len = escape_at(text, at, &code);
		if(len == 0) {
			out[used++] = text.s[at++];
			continue;
		}
		at += len;
		if(code >= 0xd800 && code < 0xdc00 && at < text.len
				&& (len = escape_at(text, at, &low)) > 0 && low >= 0xdc00
				&& low < 0xe000) {
			code = 0x10000 + ((code & 0x3ff) << 10 | (low & 0x3ff));
			at += len;
		}
		if(code == 0 || code > 0x10ffff)
			damaged(c, element, "a text with a character that does not exist");
		else
			used += med_utf8_write(
					code >= 0xd800 && code < 0xe000 ? 0xfffd : code, out + used);
	}
	return (med_str_t){out, used};
}

/* ---- types --------------------------------------------------------------------------
 */

static med_str_t class_of(med_str_t type)
{
	static const char decorated[] = "#Decorated";
	size_t tail = sizeof(decorated) - 1;

	if(type.len > tail
			&& med_str_eq_nocase(
					(med_str_t){type.s + type.len - tail, tail}, MED_STR("#Decorated")))
		type.len -= tail;
	return med_text_after(type, ".+");
}

/* Of the type names the first that is known; the first of all where none is. */
static med_str_t *read_types(med_clixml_t *c, const med_xml_t *element)
{
	med_str_t *class = med_blocks_take(c->blocks, 1, sizeof *class);
	enum med_fact_kind kind;

	if(class == NULL)
		return NULL;
	for(const med_xml_t *t = med_xml_child(element, "T"); t != NULL;
			t = med_xml_again(t, "T")) {
		med_str_t one = class_of(decode(c, t, med_text_strip(t->text)));
		if(class->len == 0)
			*class = one;
		if(med_import_class(one, &kind)) {
			*class = one;
			break;
		}
	}
	keep(c, element, &c->types, class);
	return class;
}

/* ---- values -------------------------------------------------------------------------
 */

static med_value_t *read_value(med_clixml_t *c, const med_xml_t *element);

static void read_properties(
		med_clixml_t *c, med_value_t *object, const med_xml_t *element)
{
	for(const med_xml_t *e = element->first; e != NULL && c->rc == MED_EOK; e = e->next) {
		const med_str_t *name = med_xml_attribute(e, "N");
		med_value_t *value = read_value(c, e);
		if(name != NULL)
			med_value_set(c->blocks, object, decode(c, e, *name), value);
	}
}

static void read_items(med_clixml_t *c, med_value_t *object, const med_xml_t *element)
{
	for(const med_xml_t *e = element->first; e != NULL && c->rc == MED_EOK; e = e->next)
		med_value_add(c->blocks, object, read_value(c, e));
}

/* Entries of a dictionary become properties. */
static void read_entries(med_clixml_t *c, med_value_t *object, const med_xml_t *element)
{
	for(const med_xml_t *e = element->first; e != NULL && c->rc == MED_EOK; e = e->next) {
		const med_value_t *key = NULL;
		med_value_t *value = NULL;
		for(const med_xml_t *p = e->first; p != NULL; p = p->next) {
			const med_str_t *role = med_xml_attribute(p, "N");
			if(role != NULL && med_str_eq_nocase(*role, MED_STR("Key")))
				key = read_value(c, p);
			else if(role != NULL && med_str_eq_nocase(*role, MED_STR("Value")))
				value = read_value(c, p);
		}
		if(key != NULL && value != NULL)
			med_value_set(c->blocks, object, key->text, value);
	}
}

static bool is_list(const med_xml_t *element)
{
	return med_xml_is(element, "LST") || med_xml_is(element, "IE")
			|| med_xml_is(element, "STK") || med_xml_is(element, "QUE");
}

static void read_part(med_clixml_t *c, med_value_t *object, const med_xml_t *part,
		const med_value_t **primitive)
{
	const med_str_t *class = NULL;

	if(med_xml_is(part, "TN"))
		class = read_types(c, part);
	else if(med_xml_is(part, "TNRef"))
		class = referred(c, part, &c->types);
	else if(med_xml_is(part, "ToString"))
		object->text = med_text_strip(decode(c, part, part->text));
	else if(med_xml_is(part, "Props") || med_xml_is(part, "MS"))
		read_properties(c, object, part);
	else if(is_list(part))
		read_items(c, object, part);
	else if(med_xml_is(part, "DCT"))
		read_entries(c, object, part);
	else
		*primitive = read_value(c, part);
	if(class != NULL)
		object->class = *class;
}

static med_value_t *read_object(med_clixml_t *c, const med_xml_t *element)
{
	med_value_t *object = med_value_new(c->blocks, MED_VALUE_OBJECT);
	const med_value_t *primitive = NULL;

	if(c->blocks->error != MED_EOK) {
		c->rc = c->blocks->error;
		return object;
	}
	keep(c, element, &c->objects, object);
	for(const med_xml_t *e = element->first; e != NULL && c->rc == MED_EOK; e = e->next)
		read_part(c, object, e, &primitive);
	if(object->text.len == 0 && primitive != NULL)
		object->text = primitive->text;
	return object;
}

static med_value_t *read_value(med_clixml_t *c, const med_xml_t *element)
{
	const void *found;

	if(med_xml_is(element, "Obj"))
		return read_object(c, element);
	if(med_xml_is(element, "Ref")) {
		found = referred(c, element, &c->objects);
		return found == NULL ? med_value_new(c->blocks, MED_VALUE_NIL)
							 : (med_value_t *)(uintptr_t)found;
	}
	if(med_xml_is(element, "Nil") || element->first != NULL)
		return med_value_new(c->blocks, MED_VALUE_NIL);
	return med_value_text(c->blocks, decode(c, element, element->text));
}

/* ---- the file -----------------------------------------------------------------------
 */

static med_str_t identity_of(const med_value_t *object)
{
	med_str_t text = {"", 0};

	if(!med_value_get_text(object, "Identity", &text))
		(void)med_value_get_text(object, "Name", &text);
	return med_text_strip(text);
}

static void add_object(med_clixml_t *c, med_value_t *object)
{
	enum med_fact_kind kind;
	char quoted[100];

	if(med_str_eq_nocase(object->class, MED_STR("DefaultTopology"))) {
		c->rc = med_fail(c->in->err, MED_EINVAL,
				"Get-CsTopology as CLIXML lacks most of it; save it again with "
				"(Get-CsTopology -AsXml).ToString()");
	} else if(med_import_class(object->class, &kind)) {
		med_import_object(c->in, kind, MED_RANK_CLIXML, identity_of(object), object);
	} else {
		med_import_tell(c->in, MED_IMPORT_LEFT, identity_of(object),
				"an object of type '%s', which is not imported",
				med_quote(quoted, sizeof(quoted), object->class));
	}
}

/* A list in place of its members; it may have properties of its own (Count). */
static bool is_list_alone(const med_value_t *value)
{
	enum med_fact_kind kind;

	return value->items != NULL && !med_import_class(value->class, &kind);
}

/* The objects of a pipeline, or one list of them. */
static void read_top(med_clixml_t *c, med_value_t *value, bool flatten)
{
	char quoted[100];

	if(value->type == MED_VALUE_NIL)
		return;
	if(value->type == MED_VALUE_TEXT) {
		med_import_tell(c->in, MED_IMPORT_LEFT, (med_str_t){"", 0},
				"'%s', which is no object; was it exported from the cmdlet itself?",
				med_quote(quoted, sizeof(quoted), value->text));
	} else if(!flatten || !is_list_alone(value)) {
		add_object(c, value);
	} else {
		for(const med_item_t *i = value->items; i != NULL && c->rc == MED_EOK;
				i = i->next)
			read_top(c, i->value, false);
	}
}

int med_import_clixml(med_importing_t *in, const med_xml_t *root)
{
	med_clixml_t c = {.in = in, .blocks = in->blocks};

	med_blocks_init(&c.numbers, in->blocks->mem, 256u << 20);
	if(root->first == NULL)
		med_import_tell(in, MED_IMPORT_LEFT, (med_str_t){"", 0}, "no object is in it");
	for(const med_xml_t *e = root->first; e != NULL && c.rc == MED_EOK; e = e->next) {
		med_value_t *value = read_value(&c, e);
		if(c.rc == MED_EOK)
			read_top(&c, value, true);
		if(c.rc == MED_EOK)
			c.rc = in->blocks->error;
	}
	med_blocks_deinit(&c.numbers);
	return c.rc;
}
