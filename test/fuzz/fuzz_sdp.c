/**
 * fuzz_sdp.c - SDP bodies: parsed, judged by every policy, and found in SIP bodies
 *
 * The first byte chooses: an SDP, or a content type (a line) and a body.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "medcore/media.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** What the gate lets out to a DTLS leg is that, line by line, and shows no key. */
static void judge_dtls(const med_sdp_t *sdp)
{
	med_leg_policy_t leg = {
			.known = true, .srtp = MED_SRTP_REQUIRED, .media = {.dtls = 1}};
	med_errbuf_t why;
	size_t i;

	(void)med_media_check_offer(&leg, sdp, &why);
	(void)med_media_check_answer(&leg, MED_OFFER_DTLS, sdp, &why);
	if(med_media_check_outgoing(&leg, sdp, &why) != MED_EOK)
		return;
	for(i = 0; i < sdp->media_count; i++) {
		if(sdp->media[i].port
				&& (sdp->media[i].proto != MED_SDP_DTLS || !sdp->media[i].fingerprint
						|| sdp->media[i].crypto_count))
			abort();
	}
}

static void judge(const med_sdp_t *sdp)
{
	med_leg_policy_t leg = {.known = true}, other = {.known = true};
	med_media_mask_t decline;
	med_errbuf_t why;
	size_t i;

	for(leg.srtp = 0; leg.srtp <= MED_SRTP_REQUIRED; leg.srtp++) {
		other.srtp = MED_SRTP_REQUIRED - leg.srtp;
		/* what may be offered on may never hold a plain line on a Required leg */
		if(med_media_offer_lines(&leg, &other, sdp, &decline, &why) == MED_EOK
				&& leg.srtp == MED_SRTP_REQUIRED) {
			for(i = 0; i < sdp->media_count; i++) {
				if(sdp->media[i].port && !(decline >> i & 1)
						&& !(sdp->media[i].suites & med_leg_suite_set(&leg)))
					abort();
			}
		}
		/* what the gate lets out to a Required leg is SAVP with a key, line by line */
		if(med_media_check_outgoing(&leg, sdp, &why) == MED_EOK
				&& leg.srtp == MED_SRTP_REQUIRED) {
			for(i = 0; i < sdp->media_count; i++) {
				if(sdp->media[i].port
						&& (sdp->media[i].proto != MED_SDP_SAVP
								|| !(sdp->media[i].suites & med_leg_suite_set(&leg))))
					abort();
			}
		}
		(void)med_media_check_answer(&leg, med_media_offer_form(&leg), sdp, &why);
	}
}

/** Does some reader see an m-line between these? */
static bool shows_media(const char *at, const char *end)
{
	for(const char *start = at; end - at > 1; at++)
		if(at[0] == 'm' && at[1] == '='
				&& (at == start || at[-1] == '\n' || at[-1] == '\r'))
			return true;
	return false;
}

/** Whatever the body is: an m-line is in the SDP that was found, or it is refused. */
static void find(med_str_t type, med_str_t body)
{
	med_str_t found, rest, address;
	med_errbuf_t err;
	med_sdp_t sdp;
	int rc = med_sdp_find(type, body, &found, &err);

	if(rc == MED_ENOMATCH && body.len && shows_media(body.s, body.s + body.len))
		abort();
	if(rc != MED_EOK)
		return;
	if(found.s < body.s || found.s + found.len > body.s + body.len)
		abort();
	if(shows_media(body.s, found.s)
			|| shows_media(found.s + found.len, body.s + body.len))
		abort();
	if(med_sdp_parse(found, &sdp, &err) != MED_EOK)
		return;
	if(!sdp.media_count && shows_media(found.s, found.s + found.len))
		abort();
	rest = found;
	while(med_sdp_next_address(&rest, &address))
		if(address.s < found.s || address.s + address.len > found.s + found.len)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	med_str_t body, type;
	const char *end;
	med_sdp_t sdp;
	med_errbuf_t err;

	if(!size)
		return 0;
	body = (med_str_t){(const char *)data + 1, size - 1};
	if(data[0] != 'm') {
		if(med_sdp_parse(body, &sdp, &err) == MED_EOK) {
			judge(&sdp);
			judge_dtls(&sdp);
		}
		return 0;
	}
	end = memchr(body.s, '\n', body.len);
	if(!end)
		return 0;
	type = (med_str_t){body.s, (size_t)(end - body.s)};
	body = (med_str_t){end + 1, body.len - type.len - 1};
	find(type, body);
	return 0;
}
