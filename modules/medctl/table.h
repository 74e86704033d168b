/**
 * table.h - objects of a kind as a table for a terminal
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCTL_TABLE_H
#define MEDCTL_TABLE_H

#include "medctl/objects.h"

/**
 * The objects of @p set, all of @p kind, a row each: id, a column for each field that one
 * of them has, then what is numbered or unknown as name=value. Secrets are the caller's
 * matter.
 */
void table_show(objects_t *set, enum med_kind kind);

#endif
