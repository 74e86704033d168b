/**
 * xml.h - an XML document as a tree of elements, with bounds
 *
 * The one place that knows libxml2. What the tree cannot hold is refused or not there:
 * no DOCTYPE (so no entities but the five of XML itself), no comments, no processing
 * instructions, nothing from the network. Attributes lose their prefix.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_XML_H
#define MEDCORE_XML_H

#include "medcore/blocks.h"

#define MED_XML_DEPTH 64             /**< elements inside each other */
#define MED_XML_ELEMENTS 1000000u    /**< of a document */
#define MED_XML_ATTRIBUTES 256       /**< of an element */
#define MED_XML_TAG_MAX (256u << 10) /**< bytes of a tag, its attributes included */
#define MED_XML_TEXT_MAX (4u << 20)  /**< bytes between two tags */

typedef struct med_xml_attribute {
	med_str_t name, value;
} med_xml_attribute_t;

typedef struct med_xml {
	med_str_t name;  /**< without prefix */
	med_str_t space; /**< its namespace; empty: none */
	med_str_t text;  /**< of an element without children; empty otherwise */
	med_xml_attribute_t *attributes;
	size_t attribute_count;
	struct med_xml *parent, *first, *last, *next;
	unsigned line;
} med_xml_t;

/**
 * @param utf8    without a declaration; a byte order mark is not one of its bytes
 * @param blocks  where the tree is made; on failure what was taken stays taken
 * @return MED_EOK; MED_EINVAL, MED_ELIMIT with @p err (line and what is wrong);
 *         MED_ENOMEM
 */
int med_xml_parse(
		med_str_t utf8, med_blocks_t *blocks, med_xml_t **root, med_errbuf_t *err);

/** Names are compared without case; NULL: none. */
const med_str_t *med_xml_attribute(const med_xml_t *element, const char *name);
const med_xml_t *med_xml_child(const med_xml_t *element, const char *name);
/** The next of the same parent with that name, after @p element. */
const med_xml_t *med_xml_again(const med_xml_t *element, const char *name);
bool med_xml_is(const med_xml_t *element, const char *name);
/** The next element of the whole document in its order, NULL: @p top has no more. */
const med_xml_t *med_xml_walk(const med_xml_t *element, const med_xml_t *top);

#endif
