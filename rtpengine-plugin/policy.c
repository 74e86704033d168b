/**
 * policy.c - what the policy listener makes of a keyed offer or answer, and of the reply
 *
 * rtpengine's side of it was read in and tried with 10.5.3.5: `transport-protocol` sets
 * the profile of every RTP m-line on the side an SDP goes to, `OSRTP=[offer]` makes that
 * RTP/AVP + crypto, `OSRTP=[accept]` answers an AVP + crypto offer with keys though the
 * far side answered plain, `SDES=[no-<suite>]` leaves a suite out. `DTLS` and
 * `SDES=[off]` say what the side an offer goes to is offered; `ICE=force` gives it
 * candidates of rtpengine's alone, and an answer has some where the offer had.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "policy.h"

#include <stdio.h>
#include <string.h>

/** "leg 'gw1' (required): " before the rule that @p inner holds. */
static int leg_fail(med_errbuf_t *why, int rc, const med_leg_t *leg, const char *what,
		const med_errbuf_t *inner)
{
	med_str_t id = leg->id;

	if(id.len > 32)
		id.len = 32;
	return med_fail(why, rc, "leg '%.*s' (%s), %s: %s", MED_STR_FMT(id),
			leg->policy.known ? med_srtp_mode_name(leg->policy.srtp) : "any", what,
			inner->text);
}

int med_policy_legs(
		const med_ng_command_view_t *view, med_legs_t *legs, med_errbuf_t *why)
{
	static const med_str_t once[] = {MED_STR("med-from"), MED_STR("med-to"),
			MED_STR("sdp"), MED_STR("call-id"), MED_STR("from-tag"), MED_STR("to-tag"),
			MED_STR("via-branch"), MED_STR("command")};
	size_t i;
	int rc;

	for(i = 0; i < sizeof(once) / sizeof(once[0]); i++) {
		if(med_ng_count(&view->dict, once[i]) > 1)
			return med_fail(why, MED_EINVAL, "key '%.*s' stands more than once",
					MED_STR_FMT(once[i]));
	}
	/* rtpengine's other spelling of the key; two SDPs in one command are one too many */
	if(med_ng_count(&view->dict, MED_STR("SDP")))
		return med_fail(why, MED_EINVAL, "key 'SDP': spell it 'sdp'");
	rc = med_leg_parse(
			"med-from", med_ng_text(&view->dict, MED_STR("med-from")), &legs->from, why);
	if(rc != MED_EOK)
		return rc;
	return med_leg_parse(
			"med-to", med_ng_text(&view->dict, MED_STR("med-to")), &legs->to, why);
}

static int parse_sdp(const med_leg_t *leg, const char *what, med_str_t body,
		med_sdp_t *sdp, med_errbuf_t *why)
{
	med_errbuf_t inner;
	int rc = body.s ? med_sdp_parse(body, sdp, &inner)
					: med_fail(&inner, MED_EINVAL, "there is no SDP in the command");

	return rc == MED_EOK ? rc : leg_fail(why, rc, leg, what, &inner);
}

/** rtpengine spells its keys with '-' or ' ', some in two cases. */
static bool is_key(med_str_t key, const char *name)
{
	size_t i, len = strlen(name);
	char c;

	if(key.len != len)
		return false;
	for(i = 0; i < len; i++) {
		c = key.s[i];
		if(c == ' ' || c == '_')
			c = '-';
		if(c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if(c != name[i])
			return false;
	}
	return true;
}

static bool is_one_of(med_str_t key, const char *const *names)
{
	for(; *names; names++) {
		if(is_key(key, *names))
			return true;
	}
	return false;
}

/** rtpengine has one for the call, so it is the same in its every command. */
static unsigned call_dscp(const med_legs_t *legs)
{
	unsigned from = legs->from.policy.media.dscp, to = legs->to.policy.media.dscp;

	return from > to ? from : to;
}

/** Does either leg name an interface? */
static bool are_placed(const med_legs_t *legs)
{
	return legs->from.interface.len || legs->to.interface.len;
}

/** Keys that are ours to write when the leg an SDP goes to has a policy. */
static bool is_ours(med_str_t key, const med_legs_t *legs)
{
	const med_leg_policy_t *to = &legs->to.policy;
	static const char *const media_keys[] = {"transport-protocol", "sdes", "osrtp",
			"dtls", "ice", "passthrough", "passthru", NULL};
	static const char *const codec_keys[] = {"codec", "ptime", NULL};
	static const char *const mux_keys[] = {"rtcp-mux", NULL};

	if(med_str_eq(key, MED_STR("sdp")) || (key.len > 4 && memcmp(key.s, "med-", 4) == 0))
		return true;
	if(call_dscp(legs) && is_key(key, "tos"))
		return true;
	if(are_placed(legs) && is_key(key, "direction"))
		return true;
	if(!to->known)
		return false;
	return is_one_of(key, media_keys) || (to->media.dtls && is_one_of(key, mux_keys))
			|| (med_leg_codecs_given(&to->media) && is_one_of(key, codec_keys));
}

static void put_others(
		const med_ng_dict_t *dict, const med_legs_t *legs, med_ng_out_t *out)
{
	size_t i;

	for(i = 0; i < dict->count; i++) {
		if(!is_ours(dict->entry[i].key, legs))
			med_ng_put_raw(out, dict->entry[i].pair);
	}
}

static void put_edited_sdp(const med_sdp_t *sdp, const med_sdp_edit_t *edit,
		med_policy_scratch_t *scratch, med_ng_out_t *out)
{
	med_ng_out_t body = {.s = scratch->sdp, .size = sizeof(scratch->sdp)};

	med_sdp_write(sdp, edit, &body);
	out->overflow |= body.overflow;
	med_ng_put_pair(out, MED_STR("sdp"), (med_str_t){body.s, body.len});
}

/** How packets travel. Latching is of the side whose SDP this is. */
static void put_packet_flags(const med_legs_t *legs, med_ng_out_t *out)
{
	unsigned dscp = call_dscp(legs);
	char tos[sizeof("3:TOSi252e")];
	int len;

	if(dscp) {
		len = snprintf(tos, sizeof(tos), "3:TOSi%ue", dscp << 2 & 0xfc);
		med_ng_put(out, tos, (size_t)len);
	}
	switch(legs->from.policy.media.latching) {
		case MED_LATCHING_OFF:
			med_ng_put_raw(out, MED_STR("5:flagsl10:asymmetrice"));
			break;
		case MED_LATCHING_ALWAYS:
			med_ng_put_raw(out, MED_STR("5:flagsl14:media handovere"));
			break;
		case MED_LATCHING_STRICT:
			med_ng_put_raw(out, MED_STR("5:flagsl13:strict sourcee"));
			break;
		default:
			break;
	}
}

/**
 * What every keyed command asks for: no side sees the other's address, neither in o= and
 * the session's c= (10.5 replaces them only when told) nor in ICE candidates.
 */
static void put_common_flags(const med_legs_t *legs, bool replace_zero, med_ng_out_t *out)
{
	if(replace_zero)
		med_ng_put_raw(
				out, MED_STR("7:replacel6:origin18:session-connection12:zero-addresse"));
	else
		med_ng_put_raw(out, MED_STR("7:replacel6:origin18:session-connectione"));
	if(legs->to.policy.known && !legs->to.policy.media.ice)
		med_ng_put_pair(out, MED_STR("ICE"), MED_STR("remove"));
	put_packet_flags(legs, out);
}

static int finish(med_ng_out_t *out, med_errbuf_t *why)
{
	med_ng_put(out, "e", 1);
	return out->overflow ? med_fail(why, MED_ELIMIT,
				   "the command does not fit into a datagram of %d bytes",
				   MED_NG_MAX_DATAGRAM)
						 : MED_EOK;
}

/* clang-format off */
/** Suites of rtpengine that are none of ours: old ones, and those that encrypt nothing. */
static const char never_suites[] =
	"22:no-F8_128_HMAC_SHA1_80"
	"22:no-F8_128_HMAC_SHA1_32"
	"20:no-NULL_HMAC_SHA1_80"
	"20:no-NULL_HMAC_SHA1_32";
/* clang-format on */

/** A side without policy that offers other suites only keeps them: SDES-no binds both. */
static bool needs_other_suites(const med_leg_t *from, const med_sdp_t *sdp)
{
	size_t i;

	for(i = 0; !from->policy.known && i < sdp->media_count; i++) {
		if(sdp->media[i].crypto_count && !sdp->media[i].suites)
			return true;
	}
	return false;
}

/** Suites that may not be left out: those of the leg, and those offered by the other one,
 * which SDES-no would take from it. */
static med_suites_t suites_in_use(const med_legs_t *legs, const med_sdp_t *sdp)
{
	med_suites_t set = med_leg_suite_set(&legs->to.policy);
	size_t i;

	if(legs->from.policy.known && legs->from.policy.srtp == MED_SRTP_NOT_SUPPORTED)
		return set;
	for(i = 0; i < sdp->media_count; i++)
		set |= med_leg_keys(&legs->from.policy, &sdp->media[i]).suites;
	return set;
}

/** How keys are written for a leg: "=" at their end where there are any, as the RFC's own
 * examples do, and Lync's lifetime. */
static void put_sdes_form(const med_leg_policy_t *to, med_ng_out_t *out)
{
	if(to->media.suites)
		med_ng_put_text(out, MED_STR("pad"));
	if(to->media.lync_sdp)
		med_ng_put_text(out, MED_STR("lifetime"));
}

static void put_sdes_of_offer(
		const med_legs_t *legs, const med_sdp_t *sdp, med_ng_out_t *out)
{
	med_suites_t in_use = suites_in_use(legs, sdp);
	char name[40];
	unsigned suite;

	med_ng_put_raw(out, MED_STR("4:SDESl"));
	if(!needs_other_suites(&legs->from, sdp)) {
		for(suite = 0; suite < MED_SUITE_COUNT; suite++) {
			if(in_use >> suite & 1)
				continue;
			snprintf(name, sizeof(name), "no-%s", med_suite_words[suite]);
			med_ng_put_text(out, med_str(name));
		}
		med_ng_put(out, never_suites, sizeof(never_suites) - 1);
	}
	put_sdes_form(&legs->to.policy, out);
	med_ng_put(out, "e", 1);
}

/** Where each side's media comes to. An answer moves nothing. */
static void put_direction(const med_legs_t *legs, med_ng_out_t *out)
{
	static const med_str_t unnamed = {"default", 7};

	if(!are_placed(legs))
		return;
	med_ng_put_raw(out, MED_STR("9:directionl"));
	med_ng_put_text(out, legs->from.interface.len ? legs->from.interface : unnamed);
	med_ng_put_text(out, legs->to.interface.len ? legs->to.interface : unnamed);
	med_ng_put(out, "e", 1);
}

static void put_offer_flags(
		const med_legs_t *legs, const med_sdp_t *sdp, med_ng_out_t *out)
{
	static const med_str_t protocols[] = {[MED_OFFER_AVP] = MED_STR("RTP/AVP"),
			[MED_OFFER_AVP_CRYPTO] = MED_STR("RTP/AVP"),
			[MED_OFFER_SAVP] = MED_STR("RTP/SAVP"),
			[MED_OFFER_DTLS] = MED_STR("UDP/TLS/RTP/SAVP")};
	const med_leg_media_t *media = &legs->to.policy.media;
	enum med_offer_form form = med_media_offer_form(&legs->to.policy);

	if(!legs->to.policy.known)
		return;
	med_ng_put_pair(out, MED_STR("transport-protocol"),
			media->avpf ? MED_STR("UDP/TLS/RTP/SAVPF") : protocols[form]);
	if(media->ice)
		med_ng_put_pair(out, MED_STR("ICE"), MED_STR("force"));
	if(form == MED_OFFER_AVP)
		return;
	if(form == MED_OFFER_DTLS) {
		med_ng_put_raw(out, MED_STR("4:SDESl3:offe8:rtcp-muxl5:offer6:accepte"));
		return;
	}
	if(form == MED_OFFER_AVP_CRYPTO)
		med_ng_put_raw(out, MED_STR("5:OSRTPl5:offere"));
	med_ng_put_pair(out, MED_STR("DTLS"), MED_STR("off"));
	put_sdes_of_offer(legs, sdp, out);
}

/** What rtpengine is shown of a leg's keys, where any may be taken up. */
static void plan_keys(const med_leg_policy_t *from, bool any,
		const med_sdp_media_t *media, med_sdp_line_edit_t *edit)
{
	edit->crypto = any && !from->media.dtls ? MED_CRYPTO_USABLE : MED_CRYPTO_DROP;
	edit->keys = med_leg_keys(from, media);
}

/** What a leg says of the session as a whole. */
static void plan_session(const med_leg_policy_t *from, med_sdp_edit_t *edit)
{
	memset(edit, 0, sizeof(*edit));
	edit->chosen = from->known;
	edit->ice = from->media.ice;
	edit->dtls = from->media.dtls;
}

/** So that no key of rtpengine's changes because of this offer. */
static void plan_known(const med_ng_command_view_t *view, const med_keys_t *keys,
		const med_sdp_t *sdp, size_t index, med_sdp_line_edit_t *edit,
		med_offer_line_t *line)
{
	edit->swap = med_keys_swap(
			keys, view->from_tag, index, &sdp->media[index], edit->keys.suites);
	if(index == 0)
		edit->own = med_keys_own(keys, view->to_tag, sdp, &edit->swap);
	line->swap = edit->swap;
	line->own_tag = edit->own.tag;
	line->own_suite = edit->own.suite;
}

static void plan_offer(const med_ng_command_view_t *view, const med_legs_t *legs,
		const med_keys_t *keys, const med_sdp_t *sdp, med_media_mask_t decline,
		med_sdp_edit_t *edit, med_offer_memo_t *memo)
{
	const med_leg_policy_t *from = &legs->from.policy;
	size_t i;

	plan_session(from, edit);
	memset(memo, 0, sizeof(*memo));
	memo->offered = (uint8_t)med_media_offer_form(&legs->to.policy);
	memo->count = (uint8_t)sdp->media_count;
	for(i = 0; i < sdp->media_count; i++) {
		const med_sdp_media_t *media = &sdp->media[i];

		edit->line[i].decline = (decline >> i) & 1;
		memo->line[i].direction = med_media_direction(media);
		memo->line[i].answer_form = (uint8_t)med_media_answer_form(from, media);
		if(!from->known)
			continue;
		plan_keys(from, from->srtp != MED_SRTP_NOT_SUPPORTED, media, &edit->line[i]);
		if(keys && edit->line[i].crypto == MED_CRYPTO_USABLE)
			plan_known(view, keys, sdp, i, &edit->line[i], &memo->line[i]);
		if(media->potential_savp && memo->line[i].answer_form == MED_OFFER_SAVP) {
			memo->line[i].acfg = media->pcfg;
			memo->line[i].acfg_tcap = media->pcfg_tcap;
		}
	}
}

/** How a held m-line is written to this leg. @return false: as rtpengine writes it */
static bool plan_hold(const med_leg_policy_t *to, const med_offer_memo_t *memo,
		size_t index, med_sdp_line_edit_t *edit)
{
	if(!to->known || !med_media_is_hold(memo->line[index].direction))
		return false;
	if(to->media.activate && memo->initial) {
		edit->direction = MED_SENDRECV;
	} else if(to->media.hold == MED_HOLD_INACTIVE) {
		edit->direction = MED_INACTIVE;
	} else if(to->media.hold == MED_HOLD_SENDONLY) {
		edit->direction = MED_SENDONLY;
	} else {
		edit->zero = to->media.hold == MED_HOLD_ZERO_ADDRESS;
		return edit->zero;
	}
	edit->directed = true;
	return true;
}

static bool writes_hold(const med_leg_policy_t *to, const med_offer_memo_t *memo)
{
	med_sdp_line_edit_t ignored;
	size_t i;

	for(i = 0; i < memo->count; i++) {
		if(plan_hold(to, memo, i, &ignored))
			return true;
	}
	return false;
}

/** Most legs say nothing of codecs. */
static int plan_codecs(const med_legs_t *legs, const med_sdp_t *sdp,
		med_policy_scratch_t *scratch, med_sdp_edit_t *edit, med_codec_flags_t *flags,
		med_errbuf_t *why)
{
	const med_leg_t *whose = &legs->from;
	med_errbuf_t inner;
	int rc;

	memset(flags, 0, sizeof(*flags));
	if(!med_leg_codecs_given(&legs->from.policy.media)
			&& !med_leg_codecs_given(&legs->to.policy.media))
		return MED_EOK;
	rc = med_codecs_offer(
			&legs->from, &legs->to, sdp, scratch->formats, edit, flags, &whose, &inner);
	return rc == MED_EOK ? rc : leg_fail(why, rc, whose, "offer", &inner);
}

int med_policy_offer(const med_ng_command_view_t *view, const med_legs_t *legs,
		const med_keys_t *keys, med_policy_scratch_t *scratch, med_ng_out_t *out,
		med_offer_memo_t *memo, med_errbuf_t *why)
{
	med_codec_flags_t codecs;
	med_media_mask_t decline;
	med_sdp_edit_t edit;
	med_errbuf_t inner;
	med_sdp_t sdp;
	int rc;

	rc = parse_sdp(&legs->from, "offer", view->sdp, &sdp, why);
	if(rc != MED_EOK)
		return rc;
	rc = med_media_offer_lines(
			&legs->from.policy, &legs->to.policy, &sdp, &decline, &inner);
	if(rc != MED_EOK)
		return leg_fail(why, rc, &legs->from, "offer", &inner);
	plan_offer(view, legs, keys, &sdp, decline, &edit, memo);
	rc = plan_codecs(legs, &sdp, scratch, &edit, &codecs, why);
	if(rc != MED_EOK)
		return rc;
	memo->initial = !view->to_tag.len;
	med_ng_put(out, "d", 1);
	put_others(&view->dict, legs, out);
	put_common_flags(legs, writes_hold(&legs->to.policy, memo), out);
	if(!memo->initial
			&& (legs->from.policy.media.activate || legs->to.policy.media.activate))
		med_ng_put_raw(out, MED_STR("12:drop-traffic4:stop"));
	put_direction(legs, out);
	put_offer_flags(legs, &sdp, out);
	med_codecs_put(&codecs, &legs->to.policy.media, out);
	put_edited_sdp(&sdp, &edit, scratch, out);
	return finish(out, why);
}

/** An answer must name the key it accepts: rtpengine would encrypt nothing otherwise. */
static int check_tag(const med_leg_policy_t *from, const med_sdp_t *sdp, size_t index,
		const med_offer_line_t *offered, med_errbuf_t *why)
{
	const med_sdp_media_t *media = &sdp->media[index];
	uint8_t suites[MED_LEG_SUITES];
	size_t i, count = med_leg_suites(from, suites);

	for(i = 0; i < count; i++) {
		uint32_t tag = media->tag[suites[i]];

		if(!(media->suites >> suites[i] & 1) || tag == offered->tag[i])
			continue;
		if(!offered->tag[i])
			return med_fail(why, MED_EREFUSED,
					"m-line %zu: %s was not offered; answer with a line that was",
					index + 1, med_suite_words[suites[i]]);
		return med_fail(why, MED_EREFUSED,
				"m-line %zu: a=crypto:%u was not offered; answer with tag %u", index + 1,
				tag, offered->tag[i]);
	}
	return MED_EOK;
}

static bool has_tags(const med_offer_line_t *line)
{
	size_t i;

	for(i = 0; i < MED_LEG_SUITES; i++) {
		if(line->tag[i])
			return true;
	}
	return false;
}

static int check_tags(const med_leg_policy_t *from, const med_sdp_t *sdp,
		const med_offer_memo_t *memo, med_errbuf_t *why)
{
	size_t i;
	int rc;

	for(i = 0; i < sdp->media_count && i < memo->count; i++) {
		if(!sdp->media[i].port || !has_tags(&memo->line[i]))
			continue;
		rc = check_tag(from, sdp, i, &memo->line[i], why);
		if(rc != MED_EOK)
			return rc;
	}
	return MED_EOK;
}

static int check_answer(const med_leg_t *from, const med_offer_memo_t *memo,
		enum med_offer_form offered, const med_sdp_t *sdp, med_errbuf_t *why)
{
	med_errbuf_t inner;
	int rc = med_media_check_answer(&from->policy, offered, sdp, &inner);

	if(rc == MED_EOK && memo && from->policy.known && offered != MED_OFFER_AVP)
		rc = check_tags(&from->policy, sdp, memo, &inner);
	return rc == MED_EOK ? rc : leg_fail(why, rc, from, "answer", &inner);
}

/**
 * An answer that the offer does not allow is brought within it: who was offered another
 * direction than the offerer asked for answers that one. Before rtpengine sees it, which
 * then sends nothing to who takes nothing.
 */
static void plan_directions(
		const med_offer_memo_t *memo, const med_sdp_t *sdp, med_sdp_edit_t *edit)
{
	size_t i;

	for(i = 0; memo && i < sdp->media_count && i < memo->count; i++) {
		uint8_t answered = med_media_direction(&sdp->media[i]);
		uint8_t allowed = med_media_answer_direction(memo->line[i].direction, answered);

		if(!sdp->media[i].port || sdp->media[i].proto == MED_SDP_OTHER
				|| allowed == answered)
			continue;
		edit->line[i].directed = true;
		edit->line[i].direction = allowed;
	}
}

static void plan_answer(const med_leg_t *from, enum med_offer_form offered,
		const med_sdp_t *sdp, med_sdp_edit_t *edit)
{
	size_t i;

	plan_session(&from->policy, edit);
	for(i = 0; from->policy.known && i < sdp->media_count; i++)
		plan_keys(
				&from->policy, offered != MED_OFFER_AVP, &sdp->media[i], &edit->line[i]);
}

/**
 * Did the offerer begin with nothing to be sent either way, unknown to this leg? What it
 * sends is dropped then until the next offer, as rtpengine itself sends on whatever
 * comes.
 */
static bool is_black_hole(const med_leg_policy_t *from, const med_offer_memo_t *memo)
{
	size_t i;

	if(!from->media.activate || !memo || !memo->initial || !memo->count)
		return false;
	for(i = 0; i < memo->count; i++) {
		if(memo->line[i].direction != MED_INACTIVE)
			return false;
	}
	return true;
}

int med_policy_answer(const med_ng_command_view_t *view, const med_legs_t *legs,
		const med_offer_memo_t *memo, med_keys_t *keys, med_policy_scratch_t *scratch,
		med_ng_out_t *out, med_errbuf_t *why)
{
	const med_leg_policy_t *to = &legs->to.policy;
	static const med_codec_flags_t no_codecs;
	enum med_offer_form offered = memo ? (enum med_offer_form)memo->offered
									   : med_media_offer_form(&legs->from.policy);
	med_sdp_edit_t edit;
	med_sdp_t sdp;
	size_t i;
	int rc;

	rc = parse_sdp(&legs->from, "answer", view->sdp, &sdp, why);
	if(rc != MED_EOK)
		return rc;
	rc = check_answer(&legs->from, memo, offered, &sdp, why);
	if(rc != MED_EOK)
		return rc;
	plan_answer(&legs->from, offered, &sdp, &edit);
	for(i = 0; keys && i < sdp.media_count; i++)
		if(edit.line[i].crypto == MED_CRYPTO_USABLE)
			med_keys_tell(keys, view->to_tag, i, &sdp.media[i], edit.line[i].keys.suites);
	plan_directions(memo, &sdp, &edit);
	med_ng_put(out, "d", 1);
	put_others(&view->dict, legs, out);
	put_common_flags(legs, false, out);
	med_codecs_put(&no_codecs, &to->media, out);
	if(is_black_hole(&legs->from.policy, memo))
		med_ng_put_raw(out, MED_STR("12:drop-traffic5:start"));
	if(to->known && to->srtp != MED_SRTP_NOT_SUPPORTED && !to->media.dtls) {
		med_ng_put_raw(out, MED_STR("5:OSRTPl6:accepte"));
		if(to->media.suites || to->media.lync_sdp) {
			med_ng_put_raw(out, MED_STR("4:SDESl"));
			put_sdes_form(to, out);
			med_ng_put(out, "e", 1);
		}
	}
	put_edited_sdp(&sdp, &edit, scratch, out);
	return finish(out, why);
}

/** Does any line of a reply's SDP change? Nearly none does: it is passed as it came. */
static bool is_edited(const med_sdp_t *sdp, const med_sdp_edit_t *edit)
{
	size_t i;

	for(i = 0; i < sdp->media_count; i++) {
		if(edit->line[i].tcap || edit->line[i].acfg || edit->line[i].proto.s
				|| edit->line[i].swap.one || edit->line[i].crypto || edit->line[i].zero
				|| edit->line[i].directed || edit->line[i].formats)
			return true;
	}
	return edit->lync;
}

/** What is the same of offers and answers that a leg is sent. */
static void plan_reply(
		const med_leg_policy_t *to, const med_sdp_t *sdp, med_sdp_edit_t *edit)
{
	size_t i;

	memset(edit, 0, sizeof(*edit));
	if(!to->known)
		return;
	edit->lync = to->media.lync_sdp;
	edit->suite_count = (uint8_t)med_leg_suites(to, edit->suites);
	for(i = 0; i < sdp->media_count; i++) {
		const med_sdp_media_t *media = &sdp->media[i];

		if(!media->suites || (media->crypto_count == 1 && !edit->lync))
			continue;
		edit->line[i].crypto = MED_CRYPTO_ARRANGED;
		edit->line[i].keys = med_leg_keys(to, media);
	}
}

static int put_reply(const med_ng_dict_t *reply, const med_sdp_t *sdp,
		const med_sdp_edit_t *edit, med_policy_scratch_t *scratch, med_ng_out_t *out,
		med_errbuf_t *why)
{
	bool edited = is_edited(sdp, edit);
	size_t i;

	med_ng_put(out, "d", 1);
	for(i = 0; i < reply->count; i++) {
		if(edited && med_str_eq(reply->entry[i].key, MED_STR("sdp")))
			put_edited_sdp(sdp, edit, scratch, out);
		else
			med_ng_put_raw(out, reply->entry[i].pair);
	}
	return finish(out, why);
}

static int check_outcome(const med_leg_t *to, const med_sdp_t *sdp, med_errbuf_t *why)
{
	med_errbuf_t inner;
	int rc = med_media_check_outgoing(&to->policy, sdp, &inner);

	return rc == MED_EOK ? rc : leg_fail(why, rc, to, "SDP made by rtpengine", &inner);
}

int med_policy_past(const med_ng_command_view_t *view, const med_legs_t *legs,
		med_ng_out_t *out, med_errbuf_t *why)
{
	med_errbuf_t inner;
	med_sdp_t sdp;
	int rc = parse_sdp(&legs->from, "SDP", view->sdp, &sdp, why);

	if(rc != MED_EOK)
		return rc;
	rc = med_media_check_outgoing(&legs->to.policy, &sdp, &inner);
	if(rc != MED_EOK)
		return leg_fail(why, rc, &legs->to, "SDP past rtpengine", &inner);
	med_ng_put(out, "d", 1);
	med_ng_put_pair(out, MED_STR("result"), MED_STR("ok"));
	med_ng_put_pair(out, MED_STR("sdp"), view->sdp);
	return finish(out, why);
}

static void keep_tags(
		const med_leg_policy_t *to, const med_sdp_media_t *media, med_offer_line_t *line)
{
	uint8_t suites[MED_LEG_SUITES];
	size_t i, count = to->known ? med_leg_suites(to, suites) : 0;

	memset(line->tag, 0, sizeof(line->tag));
	for(i = 0; i < count; i++) {
		if(med_leg_keys(to, media).suites >> suites[i] & 1)
			line->tag[i] = media->tag[suites[i]];
	}
}

int med_policy_offer_reply(const med_ng_dict_t *reply, const med_legs_t *legs,
		med_policy_scratch_t *scratch, med_ng_out_t *out, med_offer_memo_t *memo,
		med_errbuf_t *why)
{
	med_sdp_edit_t edit;
	med_errbuf_t inner;
	uint8_t tcap = 0;
	med_sdp_t sdp;
	size_t i;
	int rc;

	rc = parse_sdp(&legs->to, "SDP made by rtpengine", med_ng_text(reply, MED_STR("sdp")),
			&sdp, why);
	if(rc != MED_EOK)
		return rc;
	rc = check_outcome(&legs->to, &sdp, why);
	if(rc != MED_EOK)
		return rc;
	for(i = 0; i < sdp.media_count && i < memo->count; i++)
		if(memo->line[i].own_tag)
			sdp.media[i].tag[memo->line[i].own_suite] = memo->line[i].own_tag;
	plan_reply(&legs->to.policy, &sdp, &edit);
	if(legs->to.policy.media.transcode || legs->to.policy.media.event_payload) {
		rc = med_codecs_offer_reply(&legs->to, &sdp, scratch->formats, &edit, &inner);
		if(rc != MED_EOK)
			return leg_fail(why, rc, &legs->to, "SDP made by rtpengine", &inner);
	}
	for(i = 0; i < sdp.media_count && i < memo->count; i++) {
		const med_sdp_media_t *media = &sdp.media[i];

		keep_tags(&legs->to.policy, media, &memo->line[i]);
		if(media->port && media->proto != MED_SDP_OTHER)
			plan_hold(&legs->to.policy, memo, i, &edit.line[i]);
		/* a capability's number is unique in the session (RFC 5939 3.3.1) */
		if(legs->to.policy.known && media->port && memo->offered == MED_OFFER_AVP_CRYPTO
				&& media->proto == MED_SDP_AVP
				&& med_leg_keys(&legs->to.policy, media).suites)
			edit.line[i].tcap = ++tcap;
	}
	return put_reply(reply, &sdp, &edit, scratch, out, why);
}

/** rtpengine writes AVP + crypto to who offered that; we say SAVP
 * (med_media_answer_form). */
static void plan_answer_reply(const med_leg_t *to, const med_offer_memo_t *memo,
		med_sdp_t *sdp, med_sdp_edit_t *edit)
{
	size_t i;

	plan_reply(&to->policy, sdp, edit);
	for(i = 0; to->policy.known && i < sdp->media_count; i++) {
		med_sdp_media_t *media = &sdp->media[i];
		const med_offer_line_t *line = memo && i < memo->count ? &memo->line[i] : NULL;
		med_str_t text = media->proto_text;

		if(!media->port)
			continue;
		if(line)
			edit->line[i].swap = line->swap;
		if(media->proto == MED_SDP_AVP && media->suites
				&& to->policy.srtp != MED_SRTP_NOT_SUPPORTED
				&& (!line || line->answer_form == MED_OFFER_SAVP)) {
			edit->line[i].proto = text.len && text.s[text.len - 1] == 'F'
					? MED_STR("RTP/SAVPF")
					: MED_STR("RTP/SAVP");
			media->proto = MED_SDP_SAVP;
			media->proto_text = edit->line[i].proto;
		}
		if(line && media->proto == MED_SDP_SAVP) {
			edit->line[i].acfg = line->acfg;
			edit->line[i].acfg_tcap = line->acfg_tcap;
		}
	}
}

/** What was offered with keys must be answered with keys. */
static int check_forms(const med_leg_t *to, const med_offer_memo_t *memo,
		const med_sdp_t *sdp, med_errbuf_t *why)
{
	med_errbuf_t inner;
	size_t i;

	for(i = 0; memo && to->policy.known && i < sdp->media_count && i < memo->count; i++) {
		if(!sdp->media[i].port || sdp->media[i].proto == MED_SDP_OTHER)
			continue;
		if((memo->line[i].answer_form == MED_OFFER_SAVP)
				!= (sdp->media[i].proto == MED_SDP_SAVP)) {
			med_fail(&inner, MED_EREFUSED,
					"m-line %zu would be answered %.*s, which is not what was offered; "
					"look at the flags the script adds",
					i + 1, MED_STR_FMT(sdp->media[i].proto_text));
			return leg_fail(why, MED_EREFUSED, to, "SDP made by rtpengine", &inner);
		}
	}
	return MED_EOK;
}

int med_policy_answer_reply(const med_ng_dict_t *reply, const med_legs_t *legs,
		const med_offer_memo_t *memo, med_policy_scratch_t *scratch, med_ng_out_t *out,
		med_errbuf_t *why)
{
	med_sdp_edit_t edit;
	med_sdp_t sdp;
	int rc;

	rc = parse_sdp(&legs->to, "SDP made by rtpengine", med_ng_text(reply, MED_STR("sdp")),
			&sdp, why);
	if(rc != MED_EOK)
		return rc;
	plan_answer_reply(&legs->to, memo, &sdp, &edit);
	rc = check_outcome(&legs->to, &sdp, why);
	if(rc == MED_EOK)
		rc = check_forms(&legs->to, memo, &sdp, why);
	return rc == MED_EOK ? put_reply(reply, &sdp, &edit, scratch, out, why) : rc;
}
