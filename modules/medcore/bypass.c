/**
 * bypass.c - see bypass.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "medcore/bypass.h"
#include "medcore/snapshot.h"

static const char *const words[] = {
		[MED_BYPASS_UNASKED] = "",
		[MED_BYPASS_EVERYWHERE] = "always",
		[MED_BYPASS_HAIRPIN] = "hairpin",
		[MED_BYPASS_SAME_ID] = "same_id",
		[MED_BYPASS_NO_MODE] = "no_mode",
		[MED_BYPASS_NO_PROFILE] = "no_profile",
		[MED_BYPASS_NO_SRTP] = "no_srtp",
		[MED_BYPASS_NO_FORM] = "no_form",
		[MED_BYPASS_NO_FAMILY] = "no_family",
		[MED_BYPASS_NO_PLACE] = "no_place",
		[MED_BYPASS_NO_COMMON_ID] = "no_common_id",
};

const char *med_bypass_word(enum med_bypass bypass)
{
	return (size_t)bypass < sizeof(words) / sizeof(words[0]) ? words[bypass] : "";
}

#define ADDRESS_MAX 46

/* ---- profiles and policies ------------------------------------------------------------
 */

static bool is_enabled(const med_bypass_end_t *end)
{
	return end->trunk == NULL || end->trunk->leg.bypass || !end->leg->anchored;
}

/* A trunk's, where it is the one that does not want it. */
static const med_trunk_t *unwilling(
		const med_bypass_end_t *from, const med_bypass_end_t *to)
{
	return !is_enabled(from) ? from->trunk : !is_enabled(to) ? to->trunk : NULL;
}

/*
 * What one leg demands the other has as well. Optional beside NotSupported would do, too,
 * but without us its media would lose the encryption that it has with us.
 */
static bool srtp_differs(const med_leg_policy_t *a, const med_leg_policy_t *b)
{
	return a->known && b->known
			&& (a->srtp == MED_SRTP_NOT_SUPPORTED) != (b->srtp == MED_SRTP_NOT_SUPPORTED);
}

static bool has_keys(const med_sdp_t *sdp)
{
	for(size_t i = 0; i < sdp->media_count; i++) {
		if(sdp->media[i].crypto_count > 0)
			return true;
	}
	return false;
}

/* May this offer go on as it is? */
static bool fits(
		const med_bypass_end_t *from, const med_bypass_end_t *to, med_errbuf_t *why)
{
	if(med_leg_codecs_given(&from->leg->media) || med_leg_codecs_given(&to->leg->media)) {
		(void)med_fail(why, 0, "a profile has codecs or digits in a form of its own");
		return false;
	}
	if(from->sdp == NULL)
		return true;
	if((from->in_the_clear || to->in_the_clear) && has_keys(from->sdp)) {
		(void)med_fail(why, 0, "its keys can be read on their way to or from the user");
		return false;
	}
	return med_media_check_outgoing(to->leg, from->sdp, why) == MED_EOK;
}

/* ---- places ---------------------------------------------------------------------------
 */

/* Where media is, as far as bypass goes. */
typedef struct place {
	med_str_t id; /* a bypass id, or a site that shares none; len 0: nowhere */
	bool shared;
} place_t;

static bool is_same(const place_t *a, const place_t *b)
{
	return a->shared == b->shared && med_str_eq(a->id, b->id);
}

/* An address that the gateway is known by. */
static bool is_of(const med_gateway_t *gateway, const med_ip_t *ip)
{
	if(gateway->representative_media_ip.prefix > 0
			&& med_ip_contains(&gateway->representative_media_ip, ip))
		return true;
	for(unsigned i = 0; i < gateway->source_count; i++) {
		if(med_ip_contains(&gateway->sources[i], ip))
			return true;
	}
	for(unsigned i = 0; i < gateway->place_count; i++) {
		if(med_ip_contains(&gateway->places[i].ip, ip))
			return true;
	}
	return false;
}

static place_t place_of_site(const med_snapshot_t *snapshot, med_str_t id)
{
	const med_site_t *site = id.len > 0 ? med_view_site(&snapshot->view, id) : NULL;

	if(site != NULL && site->bypass_id.len > 0)
		return (place_t){site->bypass_id, true};
	return (place_t){id, false};
}

/* By the subnets of sites; a gateway whose address is in none stands at its own site. */
static place_t place_of(
		const med_snapshot_t *snapshot, const med_bypass_end_t *end, const med_ip_t *ip)
{
	med_str_t site = med_snapshot_site_of(snapshot, ip);

	if(site.len == 0 && end->trunk != NULL && is_of(end->trunk->gateway, ip))
		site = end->trunk->gateway->site;
	return place_of_site(snapshot, site);
}

/* Where an end's media will be, before it has said so. NULL: not known. */
static const med_ip_t *known_address(const med_bypass_end_t *end)
{
	const med_gateway_t *gateway = end->trunk != NULL ? end->trunk->gateway : NULL;

	if(gateway != NULL && gateway->representative_media_ip.prefix > 0)
		return &gateway->representative_media_ip;
	if(end->at != NULL)
		return end->at;
	return gateway != NULL && gateway->target_count > 0 ? &gateway->targets[0].ip : NULL;
}

static bool is_ipv4(const med_ip_t *ip)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(ip->bytes, mapped, sizeof(mapped)) == 0;
}

/* What is found out of an end, one address after the other. */
typedef struct found {
	const char *name;
	place_t place;
	bool ipv4, ipv6;
	bool nowhere, scattered; /* an address of no place; addresses of several */
	char address[ADDRESS_MAX];
} found_t;

static void find_address(const med_snapshot_t *snapshot, const med_bypass_end_t *end,
		const med_ip_t *ip, found_t *found)
{
	place_t place = place_of(snapshot, end, ip);
	bool first = !found->ipv4 && !found->ipv6;

	found->ipv4 = found->ipv4 || is_ipv4(ip);
	found->ipv6 = found->ipv6 || !is_ipv4(ip);
	if(first || (place.id.len == 0 && !found->nowhere))
		med_ip_format(ip, found->address, sizeof(found->address));
	found->nowhere = found->nowhere || place.id.len == 0;
	found->scattered = found->scattered || (!first && !is_same(&place, &found->place));
	found->place = place;
}

/* Its SDP's addresses. A zero address says nothing of where it is. false: there is none.
 */
static bool find_in_sdp(
		const med_snapshot_t *snapshot, const med_bypass_end_t *end, found_t *found)
{
	bool any = false;

	for(size_t i = 0; i < end->sdp->media_count; i++) {
		const med_sdp_media_t *media = &end->sdp->media[i];
		med_ip_t ip;

		if(media->port == 0 || med_sdp_address_is_zero(media->address))
			continue;
		any = true;
		if(med_ip_parse(media->address, &ip) == MED_EOK) {
			find_address(snapshot, end, &ip, found);
			continue;
		}
		found->nowhere = true; /* a name, which nobody looks up here */
		(void)med_quote(found->address, sizeof(found->address), media->address);
	}
	return any;
}

static found_t find(
		const med_snapshot_t *snapshot, const med_bypass_end_t *end, const char *name)
{
	const med_ip_t *known = known_address(end);
	found_t found = {.name = name};

	if(end->sdp != NULL && find_in_sdp(snapshot, end, &found))
		return found;
	if(known != NULL) {
		find_address(snapshot, end, known, &found);
		return found;
	}
	found.place = place_of_site(snapshot, end->site);
	found.nowhere = found.place.id.len == 0;
	return found;
}

/* ---- the answer -----------------------------------------------------------------------
 */

static enum med_bypass say(med_errbuf_t *why, enum med_bypass bypass, const char *fmt,
		...) __attribute__((format(printf, 3, 4)));
static enum med_bypass say(
		med_errbuf_t *why, enum med_bypass bypass, const char *fmt, ...)
{
	med_errbuf_t rest;
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(rest.text, sizeof(rest.text), fmt, args);
	va_end(args);
	(void)med_fail(why, 0, "media goes %s us: %s",
			med_bypass_yes(bypass) ? "past" : "through", rest.text);
	return bypass;
}

static enum med_bypass by_place(const found_t *from, const found_t *to, med_errbuf_t *why)
{
	const found_t *lost = from->nowhere ? from : to;

	if(from->nowhere || to->nowhere)
		return say(why, MED_BYPASS_NO_PLACE, "%s %s is in no site's subnets%s",
				lost->name, lost->address[0] != '\0' ? lost->address : "(unknown)",
				lost->address[0] != '\0' ? "" : ", as far as is known");
	if(from->scattered || !is_same(&from->place, &to->place))
		return say(why, MED_BYPASS_NO_COMMON_ID, "%s is at %s '%.*s', %s at %s '%.*s'%s",
				from->name, from->place.shared ? "bypass id" : "site",
				MED_STR_FMT(from->place.id), to->name,
				to->place.shared ? "bypass id" : "site", MED_STR_FMT(to->place.id),
				from->scattered ? ", and the first at several places" : "");
	return say(why, MED_BYPASS_SAME_ID, "both ends are at %s '%.*s'",
			from->place.shared ? "bypass id" : "site", MED_STR_FMT(from->place.id));
}

/* Both gateways, by the id that they share whatever their sites. */
static bool is_hairpin(const med_bypass_end_t *from, const med_bypass_end_t *to)
{
	return from->trunk != NULL && to->trunk != NULL
			&& from->trunk->gateway->alternate_by_pass_id.len > 0
			&& med_str_eq(from->trunk->gateway->alternate_by_pass_id,
					to->trunk->gateway->alternate_by_pass_id);
}

enum med_bypass med_bypass(const med_snapshot_t *snapshot, const med_bypass_end_t *from,
		const med_bypass_end_t *to, bool up, med_errbuf_t *why)
{
	enum med_bypass_mode mode = (enum med_bypass_mode)snapshot->view.global->bypass_mode;
	const med_trunk_t *no = unwilling(from, to);
	found_t there, here;
	med_errbuf_t form;

	if(!from->leg->anchored && !to->leg->anchored)
		return MED_BYPASS_UNASKED;
	if(!up && no != NULL)
		return say(why, MED_BYPASS_NO_PROFILE,
				"profile '%.*s' of trunk '%.*s' has enable_bypass no",
				MED_STR_FMT(no->profile->id), MED_STR_FMT(no->id));
	if(!up && mode == MED_BYPASS_NEVER)
		return say(why, MED_BYPASS_NO_MODE, "profile 'global' has bypass_mode never");
	if(srtp_differs(from->leg, to->leg))
		return say(why, MED_BYPASS_NO_SRTP, "one leg has SRTP %s, the other %s",
				med_srtp_mode_name((enum med_srtp_mode)from->leg->srtp),
				med_srtp_mode_name((enum med_srtp_mode)to->leg->srtp));
	if(from->leg->known && to->leg->known && from->leg->media.dtls != to->leg->media.dtls)
		return say(why, MED_BYPASS_NO_SRTP, "one leg has DTLS-SRTP, the other has not");
	if(!fits(from, to, &form))
		return say(why, MED_BYPASS_NO_FORM, "the offer cannot go on as it is: %s",
				form.text);
	here = find(snapshot, from, "the offer");
	there = find(snapshot, to, "its answerer");
	if((here.ipv4 && there.ipv6) || (here.ipv6 && there.ipv4))
		return say(why, MED_BYPASS_NO_FAMILY, "one end has IPv4, the other IPv6");
	if(mode == MED_BYPASS_ALWAYS)
		return say(why, MED_BYPASS_EVERYWHERE, "profile 'global' has bypass_mode always");
	if(is_hairpin(from, to))
		return say(why, MED_BYPASS_HAIRPIN,
				"both gateways have alternate_by_pass_id '%.*s'",
				MED_STR_FMT(from->trunk->gateway->alternate_by_pass_id));
	return by_place(&here, &there, why);
}
