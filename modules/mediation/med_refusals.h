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
/** Every key will be told again; then forget those that were not. */
void med_refusals_mark_strays(void);
void med_refusals_sweep_strays(void);

/**
 * After a commit: collects what @p config refuses and the keys above, in parts, for it
 * may be much; logs what was not refused for this reason before.
 *
 * @param again  true: from the beginning
 * @return false: that was the last part, and the refused objects of @p status are filled
 */
bool med_refusals_collect(med_config_t *config, bool again, med_status_t *status);

#endif
