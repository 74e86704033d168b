/**
 * xml.c - an XML document as a tree of elements, with bounds
 *
 * libxml2 checks the form and calls back; the tree is ours. It keeps a whole tag or text
 * in memory before it calls, so the lengths of these are looked at beforehand.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE
#include <limits.h>
#include <string.h>

#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/xmlerror.h>

#include "medcore/xml.h"

typedef struct med_reader {
	xmlParserCtxt *parser;
	med_blocks_t *blocks;
	med_xml_t *root, *open;
	unsigned depth;
	size_t elements;
	char *text; /* of the open element, as long as it has no child */
	size_t text_len, text_size;
	int rc; /* why it was stopped here, not by libxml2 */
	med_errbuf_t *err;
} med_reader_t;

/* ---- before libxml2 -----------------------------------------------------------------
 */

static unsigned line_at(med_str_t text, size_t at)
{
	unsigned line = 1;

	for(size_t i = 0; i < at; i++)
		line += text.s[i] == '\n';
	return line;
}

/* Bytes from @p at to after @p end; SIZE_MAX: it does not come. */
static size_t span_to(med_str_t text, size_t at, const char *end)
{
	const char *found = memmem(text.s + at, text.len - at, end, strlen(end));

	return found == NULL ? SIZE_MAX : (size_t)(found - text.s) - at + strlen(end);
}

static bool begins(med_str_t text, size_t at, const char *with)
{
	size_t len = strlen(with);

	return text.len - at >= len && memcmp(text.s + at, with, len) == 0;
}

/* From '<' to after '>', which may stand in a value too; SIZE_MAX: it does not come. */
static size_t tag_length(med_str_t text, size_t at)
{
	char quote = '\0';

	for(size_t i = at + 1; i < text.len; i++) {
		char c = text.s[i];
		if(quote != '\0') {
			quote = c == quote ? '\0' : quote;
		} else if(c == '"' || c == '\'') {
			quote = c;
		} else if(c == '>') {
			return i + 1 - at;
		}
		if(i - at > MED_XML_TAG_MAX)
			return i - at;
	}
	return SIZE_MAX;
}

static int check_markup(med_str_t text, size_t at, size_t *len, med_errbuf_t *err)
{
	size_t most = MED_XML_TEXT_MAX;

	if(begins(text, at, "<!--")) {
		*len = span_to(text, at, "-->");
	} else if(begins(text, at, "<![CDATA[")) {
		*len = span_to(text, at, "]]>");
	} else if(begins(text, at, "<?")) {
		*len = span_to(text, at, "?>");
	} else if(begins(text, at, "<!")) {
		return med_fail(err, MED_EINVAL,
				"line %u: it has a DOCTYPE; none of the tools writes one, so it is not "
				"read",
				line_at(text, at));
	} else {
		*len = tag_length(text, at);
		most = MED_XML_TAG_MAX;
	}
	if(*len == SIZE_MAX)
		return med_fail(err, MED_EINVAL,
				"line %u: what begins there does not end; the file is cut off",
				line_at(text, at));
	if(*len > most)
		return med_fail(err, MED_ELIMIT, "line %u: a tag of more than %zu bytes",
				line_at(text, at), most);
	return MED_EOK;
}

static int check_lengths(med_str_t text, med_errbuf_t *err)
{
	size_t at = 0;

	while(at < text.len) {
		const char *markup = memchr(text.s + at, '<', text.len - at);
		size_t next = markup == NULL ? text.len : (size_t)(markup - text.s), len = 0;
		int rc;
		if(next - at > MED_XML_TEXT_MAX)
			return med_fail(err, MED_ELIMIT, "line %u: a text of more than %u bytes",
					line_at(text, at), MED_XML_TEXT_MAX);
		if(next == text.len)
			return MED_EOK;
		rc = check_markup(text, next, &len, err);
		if(rc != MED_EOK)
			return rc;
		at = next + len;
	}
	return MED_EOK;
}

/* ---- the tree -----------------------------------------------------------------------
 */

static void stop(med_reader_t *reader, int rc, const char *what, size_t most)
{
	if(reader->rc != MED_EOK)
		return;
	reader->rc = rc == MED_EOK ? MED_ENOMEM : rc;
	if(what != NULL)
		(void)med_fail(reader->err, rc, "line %d: %s; at most %zu are read",
				xmlSAX2GetLineNumber(reader->parser), what, most);
	else
		(void)med_fail(reader->err, rc, "%s", med_strerror(reader->rc));
	xmlStopParser(reader->parser);
}

static med_str_t view(const xmlChar *text)
{
	return med_str((const char *)text);
}

/* libxml2's attributes are five pointers each: name, prefix, namespace, value, its end.
 */
static void copy_attributes(
		med_reader_t *reader, med_xml_t *element, int count, const xmlChar **from)
{
	element->attributes =
			med_blocks_take(reader->blocks, (size_t)count, sizeof *element->attributes);
	if(element->attributes == NULL)
		return;
	element->attribute_count = (size_t)count;
	for(int i = 0; i < count; i++, from += 5) {
		med_str_t value = {(const char *)from[3], (size_t)(from[4] - from[3])};
		element->attributes[i].name = med_blocks_copy(reader->blocks, view(from[0]));
		element->attributes[i].value = med_blocks_copy(reader->blocks, value);
	}
}

static void link_element(med_reader_t *reader, med_xml_t *element)
{
	med_xml_t *parent = reader->open;

	element->parent = parent;
	if(parent == NULL)
		reader->root = element;
	else if(parent->last == NULL)
		parent->first = parent->last = element;
	else
		parent->last = parent->last->next = element;
	reader->open = element;
}

static void on_start(void *ctx, const xmlChar *name, const xmlChar *prefix,
		const xmlChar *space, int spaces, const xmlChar **declared, int attributes,
		int defaulted, const xmlChar **values)
{
	med_reader_t *reader = ctx;
	med_xml_t *element;

	(void)prefix, (void)spaces, (void)declared, (void)defaulted;
	if(reader->rc != MED_EOK)
		return;
	if(++reader->depth > MED_XML_DEPTH) {
		stop(reader, MED_ELIMIT, "elements inside each other", MED_XML_DEPTH);
		return;
	}
	if(++reader->elements > MED_XML_ELEMENTS) {
		stop(reader, MED_ELIMIT, "elements", MED_XML_ELEMENTS);
		return;
	}
	if(attributes > MED_XML_ATTRIBUTES) {
		stop(reader, MED_ELIMIT, "attributes of an element", MED_XML_ATTRIBUTES);
		return;
	}
	element = med_blocks_take(reader->blocks, 1, sizeof *element);
	if(element == NULL) {
		stop(reader, reader->blocks->error, NULL, 0);
		return;
	}
	element->name = med_blocks_copy(reader->blocks, view(name));
	/* Namespaces repeat; the parent's is the same bytes. */
	element->space = reader->open != NULL && med_str_eq(reader->open->space, view(space))
			? reader->open->space
			: med_blocks_copy(reader->blocks, view(space));
	element->line = (unsigned)xmlSAX2GetLineNumber(reader->parser);
	if(attributes > 0)
		copy_attributes(reader, element, attributes, values);
	link_element(reader, element);
	reader->text_len = 0;
	if(reader->blocks->error != MED_EOK)
		stop(reader, reader->blocks->error, NULL, 0);
}

static void on_end(
		void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *space)
{
	med_reader_t *reader = ctx;
	med_xml_t *element = reader->open;

	(void)name, (void)prefix, (void)space;
	if(reader->rc != MED_EOK || element == NULL)
		return;
	if(element->first == NULL && reader->text_len > 0)
		element->text = med_blocks_copy(
				reader->blocks, (med_str_t){reader->text, reader->text_len});
	reader->text_len = 0;
	reader->open = element->parent;
	reader->depth--;
	if(reader->blocks->error != MED_EOK)
		stop(reader, reader->blocks->error, NULL, 0);
}

static bool make_room(med_reader_t *reader, size_t more)
{
	size_t size = reader->text_size == 0 ? 4096 : reader->text_size;
	char *text;

	while(size - reader->text_len < more)
		size *= 2;
	if(size == reader->text_size)
		return true;
	text = med_alloc(reader->blocks->mem, size);
	if(text == NULL)
		return false;
	if(reader->text_len > 0)
		memcpy(text, reader->text, reader->text_len);
	med_free(reader->blocks->mem, reader->text);
	reader->text = text;
	reader->text_size = size;
	return true;
}

/* Of text, and of CDATA sections: one text may come in many calls. */
static void on_text(void *ctx, const xmlChar *text, int len)
{
	med_reader_t *reader = ctx;

	if(reader->rc != MED_EOK || reader->open == NULL || reader->open->first != NULL
			|| len <= 0)
		return;
	if(reader->text_len + (size_t)len > MED_XML_TEXT_MAX) {
		stop(reader, MED_ELIMIT, "bytes of a text", MED_XML_TEXT_MAX);
		return;
	}
	if(!make_room(reader, (size_t)len)) {
		stop(reader, MED_ENOMEM, NULL, 0);
		return;
	}
	memcpy(reader->text + reader->text_len, text, (size_t)len);
	reader->text_len += (size_t)len;
}

/* check_lengths() has seen to it already; this is what holds should the two differ. */
static void on_doctype(void *ctx, const xmlChar *name, const xmlChar *public_id,
		const xmlChar *system_id)
{
	(void)name, (void)public_id, (void)system_id;
	stop(ctx, MED_EINVAL, "a DOCTYPE", 0);
}

/* ---- parsing ------------------------------------------------------------------------
 */

static int malformed(const med_reader_t *reader)
{
	const xmlError *error = xmlCtxtGetLastError(reader->parser);
	char quoted[120];
	med_str_t text;

	/* When memory was short it has no room for a message either. */
	if(error == NULL || error->message == NULL || error->code == XML_ERR_NO_MEMORY
			|| reader->parser->errNo == XML_ERR_NO_MEMORY)
		return med_fail(reader->err, MED_ENOMEM, "%s", med_strerror(MED_ENOMEM));
	text = med_str(error->message);
	while(text.len > 0 && text.s[text.len - 1] == '\n')
		text.len--;
	return med_fail(reader->err, MED_EINVAL, "line %d: not well-formed XML: %s",
			error->line, med_quote(quoted, sizeof(quoted), text));
}

static int parse(med_reader_t *reader, med_str_t utf8)
{
	static const xmlSAXHandler handler = {
			.initialized = XML_SAX2_MAGIC,
			.startElementNs = on_start,
			.endElementNs = on_end,
			.characters = on_text,
			.cdataBlock = on_text,
			.internalSubset = on_doctype,
	};
	int options = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING;
	xmlDoc *none;

	reader->parser = xmlNewParserCtxt();
	if(reader->parser == NULL)
		return med_fail(reader->err, MED_ENOMEM, "%s", med_strerror(MED_ENOMEM));
	*reader->parser->sax = handler;
	reader->parser->userData = reader;
	none = xmlCtxtReadMemory(
			reader->parser, utf8.s, (int)utf8.len, NULL, "UTF-8", options);
	if(none != NULL)
		xmlFreeDoc(none);
	if(reader->rc == MED_EOK
			&& (!reader->parser->wellFormed || reader->root == NULL
					|| reader->open != NULL))
		reader->rc = malformed(reader);
	xmlFreeParserCtxt(reader->parser);
	return reader->rc;
}

int med_xml_parse(
		med_str_t utf8, med_blocks_t *blocks, med_xml_t **root, med_errbuf_t *err)
{
	med_reader_t reader = {.blocks = blocks, .err = err};
	int rc;

	if(utf8.len > INT_MAX)
		return med_fail(err, MED_ELIMIT, "%zu bytes of XML", utf8.len);
	rc = check_lengths(utf8, err);
	if(rc != MED_EOK)
		return rc;
	rc = parse(&reader, utf8);
	med_free(blocks->mem, reader.text);
	if(rc == MED_EOK)
		*root = reader.root;
	return rc;
}

/* ---- looking at it ------------------------------------------------------------------
 */

const med_str_t *med_xml_attribute(const med_xml_t *element, const char *name)
{
	for(size_t i = 0; i < element->attribute_count; i++) {
		if(med_str_eq_nocase(element->attributes[i].name, med_str(name)))
			return &element->attributes[i].value;
	}
	return NULL;
}

bool med_xml_is(const med_xml_t *element, const char *name)
{
	return med_str_eq_nocase(element->name, med_str(name));
}

static const med_xml_t *first_of(const med_xml_t *element, const char *name)
{
	while(element != NULL && !med_xml_is(element, name))
		element = element->next;
	return element;
}

const med_xml_t *med_xml_child(const med_xml_t *element, const char *name)
{
	return first_of(element->first, name);
}

const med_xml_t *med_xml_again(const med_xml_t *element, const char *name)
{
	return first_of(element->next, name);
}

const med_xml_t *med_xml_walk(const med_xml_t *element, const med_xml_t *top)
{
	if(element->first != NULL)
		return element->first;
	for(; element != NULL && element != top; element = element->parent) {
		if(element->next != NULL)
			return element->next;
	}
	return NULL;
}
