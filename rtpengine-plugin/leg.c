/**
 * leg.c - the two keys that describe a call's legs to the policy listener
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "leg.h"

#include <string.h>

#include "medcore/sdp_text.h"

#define MAX_SHOWN 48

static med_str_t shown(med_str_t text)
{
	if(text.len > MAX_SHOWN)
		text.len = MAX_SHOWN;
	return text;
}

static med_str_t cut_word(med_str_t *rest)
{
	const char *slash = memchr(rest->s, '/', rest->len);
	med_str_t word = *rest;

	if(slash) {
		word.len = (size_t)(slash - rest->s);
		rest->s += word.len + 1;
		rest->len -= word.len + 1;
	} else {
		rest->s += rest->len;
		rest->len = 0;
	}
	return word;
}

/** The one word that is a name: it is for an offer alone, so it is no part of the policy.
 */
static bool read_interface(med_str_t word, med_str_t *interface)
{
	static const char start[] = "interface:";

	if(!med_text_starts(word, start))
		return false;
	*interface = med_text_after(word, sizeof(start) - 1);
	return interface->len > 0 && interface->len <= MED_INTERFACE_MAX;
}

int med_leg_parse(const char *key, med_str_t value, med_leg_t *leg, med_errbuf_t *err)
{
	med_str_t rest = value, id, word;
	enum med_srtp_mode mode = MED_SRTP_REQUIRED;
	bool phone;

	if(!value.s || !value.len)
		return med_fail(err, MED_EINVAL,
				"%s is missing or empty: give both med-from and med-to, each as "
				"<trunk>/<srtp>, or -/any for a phone",
				key);
	id = cut_word(&rest);
	word = cut_word(&rest);
	if(!id.len || !word.len)
		return med_fail(err, MED_EINVAL,
				"%s=%.*s: not of the form <trunk>/<srtp>, or -/any for a phone", key,
				MED_STR_FMT(shown(value)));
	phone = med_str_eq(id, MED_STR("-"));
	if(phone != med_str_eq(word, MED_STR("any")))
		return med_fail(err, MED_EINVAL,
				"%s=%.*s: '-' and 'any' go together (a side no trunk describes)", key,
				MED_STR_FMT(shown(value)));
	if(!phone && med_srtp_mode_parse(word, &mode) != MED_EOK)
		return med_fail(err, MED_EINVAL,
				"%s=%.*s: SRTP mode '%.*s' is not required, optional or not_supported",
				key, MED_STR_FMT(shown(value)), MED_STR_FMT(shown(word)));
	leg->id = id;
	leg->interface = (med_str_t){NULL, 0};
	leg->policy =
			(med_leg_policy_t){.srtp = (uint8_t)mode, .anchored = true, .known = !phone};
	while(rest.len) {
		word = cut_word(&rest);
		if(phone
				|| (!read_interface(word, &leg->interface)
						&& med_leg_word_read(word, &leg->policy.media) != MED_EOK))
			return med_fail(err, MED_EINVAL,
					"%s=%.*s: this plugin does not know '%.*s'; module and plugin must "
					"be of one version",
					key, MED_STR_FMT(shown(value)), MED_STR_FMT(shown(word)));
	}
	if(leg->policy.media.dtls && mode != MED_SRTP_REQUIRED)
		return med_fail(err, MED_EINVAL,
				"%s=%.*s: 'dtls' goes with SRTP mode required alone", key,
				MED_STR_FMT(shown(value)));
	return MED_EOK;
}
