/**
 * med_rpc_item.h - one structure of an RPC answer, as long as it may be
 *
 * `ctl` answers at most 32 kB, and 8 kB in one structure. Fields are counted as JSON has
 * them, which is longer than ctl's own form, and what does not fit is left for another
 * request: an object's fields, and the entries of its lists, are numbered from 0.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_RPC_ITEM_H
#define MED_RPC_ITEM_H

#include "medcore/schema.h"

#include "core/rpc.h"

#define MED_ANSWER_BYTES 28000 /**< of a whole answer */
#define MED_ITEM_BYTES 7000    /**< of one structure */
#define MED_ITEM_LEAST 3000    /**< room in which any single field fits */

typedef struct med_item {
	rpc_t *rpc;
	void *node;
	size_t left;    /**< bytes */
	unsigned from;  /**< the first entry wanted */
	unsigned limit; /**< entries wanted; 0: all that fit */
	unsigned at;    /**< entries seen */
	unsigned next;  /**< the first that was left out; 0: none was */
	bool failed;    /**< the RPC layer took no more */
} med_item_t;

/** The room it takes in an answer. */
size_t med_item_cost(med_str_t name, med_str_t value);

/** One field, whatever its number; the caller knows that it fits. */
void med_item_add(med_item_t *item, const char *name, med_str_t value);
/** med_shown_cb: the next field, if it is wanted and fits. @p ctx is the item. */
bool med_item_show(
		void *ctx, const med_field_def_t *def, med_str_t name, med_str_t value);
/** The same of a number, and of a text that is no list. */
void med_item_number(med_item_t *item, const char *name, uint32_t value);
void med_item_text(med_item_t *item, const char *name, med_str_t value);
/** Says which entry comes next, if any was left out. */
void med_item_end(med_item_t *item);

#endif
