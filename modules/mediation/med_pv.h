/**
 * med_pv.h - $med(name): what is known of this request's call, read-only
 *
 * The names are in med_pv.c, and what they mean in doc/mediation_admin.xml.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_PV_H
#define MED_PV_H

#include "core/pvar.h"

extern pv_export_t med_pvs[];

#endif
