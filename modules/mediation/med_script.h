/**
 * med_script.h - the script's verbs (design 4)
 *
 * Each exists twice: w_med_x for the native language, ki_med_x for KEMI; the first only
 * resolves parameters. They return 1 for yes, -1 internal error, -2 no match or refused,
 * -3 everything tried or down, -4 nothing loaded; med_media() also 2, "nothing to do".
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_SCRIPT_H
#define MED_SCRIPT_H

#include "core/kemi.h"
#include "core/sr_module.h"

/** In mod_init: binds to tm, sl, rr, rtpengine. */
int med_script_init(void);
/** In child_init of each process that runs routes. */
int med_script_child(void);
void med_script_destroy(void);

extern cmd_export_t med_script_cmds[];
extern sr_kemi_t med_script_kemi[];

#endif
