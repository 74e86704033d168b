/**
 * med_refusals.h - what is refused now: logged once, listed in the status
 *
 * Redis process only; its own memory.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_REFUSALS_H
#define MED_REFUSALS_H

#include "med_status.h"

/** A key that is no object (med_store_handler_t.stray); NULL: no longer. */
void med_refusals_stray(med_str_t key, const char *text);
/** Every key will be told again. */
void med_refusals_forget_strays(void);

/**
 * After a commit: fills the refused objects of @p status from @p config and the keys
 * above, and logs those that were not refused for this reason before.
 */
void med_refusals_collect(const med_config_t *config, med_status_t *status);

#endif
