/**
 * fuzz_ng.c - ng datagrams: decoded, judged, rewritten; and as replies of rtpengine
 *
 * What the policy writes must be a dictionary again, without the keys of ours.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "medcore/leg_codec.h"
#include "rtpengine-plugin/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static med_policy_scratch_t scratch;
static med_ng_command_view_t view;
static med_ng_dict_t written;
static char buffer[MED_NG_MAX_DATAGRAM];

static void must_decode(const med_ng_out_t *out, bool command)
{
	if(med_ng_decode((med_str_t){out->s, out->len}, &written, NULL) == MED_ELIMIT)
		return; /* ours come on top of as many keys as are allowed */
	if(med_ng_decode((med_str_t){out->s, out->len}, &written, NULL) != MED_EOK)
		abort();
	if(command
			&& (med_ng_entry(&written, MED_STR("med-from"))
					|| med_ng_entry(&written, MED_STR("med-to"))
					|| med_ng_count(&written, MED_STR("sdp")) != 1))
		abort();
}

/** What a leg may not have is not in the offer that rtpengine is shown. */
static void must_be_kept(const med_legs_t *legs)
{
	static med_formats_t formats;
	static med_sdp_t sdp;
	size_t i, k;

	if((!med_leg_codecs_given(&legs->from.policy.media)
			   && !med_leg_codecs_given(&legs->to.policy.media))
			|| legs->to.policy.media.event_payload
			|| med_sdp_parse(med_ng_text(&written, MED_STR("sdp")), &sdp, NULL)
					!= MED_EOK)
		return;
	for(i = 0; i < sdp.media_count; i++) {
		if(!med_media_is_audio(&sdp.media[i]))
			continue;
		if(med_sdp_formats(&sdp, i, &formats, NULL) != MED_EOK)
			abort();
		for(k = 0; k < formats.count; k++) {
			if(!med_legs_keep(&legs->from.policy.media, &legs->to.policy.media,
					   &formats.item[k]))
				abort();
		}
	}
}

static void as_command(void)
{
	med_ng_out_t out = {.s = buffer, .size = sizeof(buffer)};
	med_keys_t keys = {0};
	med_offer_memo_t memo;
	med_errbuf_t why;
	med_legs_t legs;

	if(med_policy_legs(&view, &legs, &why) != MED_EOK)
		return;
	if(med_policy_offer(&view, &legs, &keys, &scratch, &out, &memo, &why) == MED_EOK) {
		must_decode(&out, true);
		must_be_kept(&legs);
	} else {
		memset(&memo, 0, sizeof(memo));
	}
	out.len = 0;
	out.overflow = false;
	if(med_policy_answer(&view, &legs, &memo, &keys, &scratch, &out, &why) == MED_EOK)
		must_decode(&out, true);
	out.len = 0;
	out.overflow = false;
	if(med_policy_answer(&view, &legs, NULL, NULL, &scratch, &out, &why) == MED_EOK)
		must_decode(&out, true);
}

static void as_reply(uint8_t modes, uint8_t codecs)
{
	static const uint16_t suites[] = {0, 11, 6031, 1}; /* to base 9, no digit 0 */
	med_legs_t legs = {
			.from = {.id = MED_STR("a"),
					.policy = {.srtp = modes % 3, .anchored = true, .known = true}},
			.to = {.id = MED_STR("b"),
					.policy = {.srtp = modes / 3 % 3,
							.anchored = true,
							.known = modes < 128,
							.media = {.suites = suites[modes & 3] & 0x1fff,
									.dtls = codecs >> 1 & 1,
									.ice = modes >> 6 & 1,
									.lync_sdp = modes >> 2 & 1,
									.hold = modes >> 3 & 3,
									.activate = modes >> 5 & 1,
									.codecs = codecs & 1 ? 0x4219 : 0,
									.transcode = codecs & 1,
									.event_payload = codecs >> 2 & 0x3f}}}};
	med_ng_out_t out = {.s = buffer, .size = sizeof(buffer)};
	med_offer_memo_t memo = {.offered = MED_OFFER_AVP_CRYPTO,
			.count = 2,
			.line = {{.answer_form = MED_OFFER_SAVP, .acfg = 1, .acfg_tcap = 1}}};
	med_errbuf_t why;

	if(med_policy_offer_reply(&view.dict, &legs, &scratch, &out, &memo, &why) == MED_EOK)
		must_decode(&out, false);
	out.len = 0;
	out.overflow = false;
	if(med_policy_answer_reply(&view.dict, &legs, &memo, &scratch, &out, &why) == MED_EOK)
		must_decode(&out, false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	med_str_t cookie, body;
	med_errbuf_t err;

	if(med_ng_split((med_str_t){(const char *)data, size}, &cookie, &body) != MED_EOK
			|| med_ng_command_decode(body, &view, &err) != MED_EOK)
		return 0;
	as_command();
	as_reply((uint8_t)cookie.s[0], cookie.len > 1 ? (uint8_t)cookie.s[1] : 0);
	return 0;
}
