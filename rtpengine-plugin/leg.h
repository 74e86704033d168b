/**
 * leg.h - the two keys that describe a call's legs to the policy listener
 *
 * `med-from=<leg> med-to=<leg>`, a leg being `<trunk-id>/<srtp>` and the words of
 * med_leg_words_write(), each behind a slash: the side an SDP comes from and the side it
 * goes to. `-/any` is a side no trunk describes (a phone).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_LEG_H
#define MED_LEG_H

#include "medcore/media.h"

typedef struct med_leg {
	med_str_t id;        /**< view into the value; "-" for a phone */
	med_str_t interface; /**< of rtpengine, a view too; empty: its default one */
	med_leg_policy_t policy;
} med_leg_t;

/**
 * @param key  "med-from" or "med-to", for the text
 * @return MED_EOK, MED_EINVAL with a text; words that are not known are refused, so that
 *         an older plugin never ignores a newer rule
 */
int med_leg_parse(const char *key, med_str_t value, med_leg_t *leg, med_errbuf_t *err);

#endif
