/**
 * med_pv.h - $med(name): what is known of this request's call, read-only
 *
 * trunk gateway site | out_trunk route usage called calling auth_username auth_realm
 * auth_password | media reason code diagnostic
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_PV_H
#define MED_PV_H

#include "core/pvar.h"

extern pv_export_t med_pvs[];

#endif
