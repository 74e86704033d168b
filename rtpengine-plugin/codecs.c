/**
 * codecs.c - what the legs' codecs make of an offer
 *
 * rtpengine's side of it was tried with 10.5.3.5 and 12.5.1.31. `strip=[full]` with
 * `transcode=[...]` gives every payload type anew: the first that the offer does not
 * name, from 96 on. So telephone-event comes to be where a leg wants it when all below
 * are named.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "codecs.h"

#include "medcore/leg_codec.h"

/** What one offer is planned with. */
struct planner {
	const med_leg_media_t *from, *to;
	med_codec_flags_t *flags;
	uint8_t codecs[MED_LEG_CODECS]; /**< those of `to`, in its order */
	size_t codec_count;
	med_formats_t formats; /**< of the m-line at hand */
};

/** The place of a format in a leg's order; what is no codec comes behind. */
static size_t rank(const uint8_t *codecs, size_t count, uint8_t codec)
{
	size_t i;

	if(codec == MED_FORMAT_COMFORT || codec == MED_FORMAT_EVENT)
		return count + (codec == MED_FORMAT_COMFORT ? 1 : 2);
	for(i = 0; i < count && codecs[i] != codec; i++)
		;
	return i;
}

static void as_they_came(const med_formats_t *from, med_format_plan_t *plan)
{
	for(plan->named = 0; plan->named < from->count; plan->named++)
		plan->payload[plan->named] = from->item[plan->named].payload;
	plan->count = plan->named;
}

/** The formats of @p from in the order of the leg's codecs, those of one rank as they
 * came. */
static void arrange(const med_formats_t *from, const uint8_t *codecs, size_t count,
		med_format_plan_t *plan)
{
	size_t place, i;

	plan->named = 0;
	for(place = 0; place <= count + 2; place++) {
		for(i = 0; i < from->count; i++) {
			if(rank(codecs, count, from->item[i].codec) == place)
				plan->payload[plan->named++] = from->item[i].payload;
		}
	}
	plan->count = plan->named;
}

static void make(med_codec_flags_t *flags, uint8_t codec)
{
	size_t i;

	for(i = 0; i < flags->count; i++) {
		if(flags->made[i] == codec)
			return;
	}
	flags->made[flags->count++] = codec;
}

/** What goes on of the m-line, in p->formats. */
static void keep(struct planner *p)
{
	size_t i, kept = 0;

	for(i = 0; i < p->formats.count; i++) {
		if(med_legs_keep(p->from, p->to, &p->formats.item[i]))
			p->formats.item[kept++] = p->formats.item[i];
	}
	p->formats.count = kept;
}

static const med_format_t *find_event(const med_formats_t *formats)
{
	size_t i;

	for(i = 0; i < formats->count; i++) {
		if(formats->item[i].codec == MED_FORMAT_EVENT && formats->item[i].narrow)
			return &formats->item[i];
	}
	return NULL;
}

static bool has_payload(const med_format_plan_t *plan, unsigned payload)
{
	size_t i;

	for(i = 0; i < plan->count; i++) {
		if(plan->payload[i] == payload)
			return true;
	}
	return false;
}

/** rtpengine gives telephone-event another payload type, the other formats new ones too.
 */
static int plan_event(
		struct planner *p, size_t index, med_format_plan_t *plan, med_errbuf_t *why)
{
	unsigned wanted = p->to->event_payload + MED_DYNAMIC_FIRST - 1u, payload;
	const med_format_t *event = find_event(&p->formats);
	size_t i, made = 0;

	if(!p->to->event_payload || !event || event->payload == wanted)
		return MED_EOK;
	for(i = 0; i < p->formats.count; i++) {
		if(p->formats.item[i].codec < MED_CODEC_MADE)
			made++;
	}
	if(!made || has_payload(plan, wanted))
		return med_fail(why, MED_EREFUSED,
				"m-line %zu: telephone-event cannot be mapped to payload type %u: %s",
				index + 1, wanted,
				made ? "it is that of another format; offer it as another one"
					 : "rtpengine makes none of the codecs offered; offer PCMU or PCMA");
	p->flags->afresh = true;
	for(payload = MED_DYNAMIC_FIRST; payload < wanted; payload++) {
		if(!has_payload(plan, payload))
			plan->payload[plan->count++] = (uint8_t)payload;
	}
	return MED_EOK;
}

/** What rtpengine is to make, or not to pass on, for this m-line. */
static void plan_flags(struct planner *p)
{
	bool comfort = false;
	size_t i;

	for(i = 0; p->to->transcode && i < p->codec_count; i++)
		make(p->flags, p->codecs[i]);
	if(p->from->transcode && !p->codec_count) {
		make(p->flags, MED_CODEC_PCMU);
		make(p->flags, MED_CODEC_PCMA);
	}
	for(i = 0; i < p->formats.count; i++) {
		const med_format_t *format = &p->formats.item[i];

		comfort |= format->codec == MED_FORMAT_COMFORT;
		if(format->codec == MED_FORMAT_EVENT && p->to->dtmf == MED_DTMF_INBAND)
			p->flags->tones = true;
		if(format->codec < MED_CODEC_MADE && p->codec_count
				&& rank(p->codecs, p->codec_count, format->codec) == p->codec_count)
			p->flags->masked |= (uint16_t)(1u << format->codec);
		else if(format->codec < MED_CODEC_MADE && p->flags->afresh)
			make(p->flags, format->codec);
	}
	if(p->to->comfort == MED_COMFORT_YES || (comfort && p->flags->afresh))
		make(p->flags, MED_FORMAT_COMFORT);
	if(p->flags->afresh)
		make(p->flags, MED_FORMAT_EVENT);
}

static int plan_line(struct planner *p, const med_sdp_t *sdp, size_t index,
		med_format_plan_t *plan, bool *of_to, med_errbuf_t *why)
{
	int rc = med_sdp_formats(sdp, index, &p->formats, why);

	*of_to = false;
	if(rc == MED_EOK)
		rc = med_legs_check_formats(p->from, p->to, &p->formats, index, of_to, why);
	if(rc != MED_EOK)
		return rc;
	keep(p);
	if(p->codec_count && !p->to->transcode)
		arrange(&p->formats, p->codecs, p->codec_count, plan);
	else
		as_they_came(&p->formats, plan);
	*of_to = true;
	rc = plan_event(p, index, plan, why);
	if(rc == MED_EOK)
		plan_flags(p);
	return rc;
}

int med_codecs_offer(const med_leg_t *from, const med_leg_t *to, const med_sdp_t *sdp,
		med_format_plan_t plan[MED_SDP_MAX_MEDIA], med_sdp_edit_t *edit,
		med_codec_flags_t *flags, const med_leg_t **whose, med_errbuf_t *why)
{
	struct planner p = {
			.from = &from->policy.media, .to = &to->policy.media, .flags = flags};
	bool of_to;
	size_t i;
	int rc;

	p.codec_count = med_leg_codecs(p.to, p.codecs);
	for(i = 0; i < sdp->media_count; i++) {
		if(!med_media_is_audio(&sdp->media[i]) || edit->line[i].decline)
			continue;
		rc = plan_line(&p, sdp, i, &plan[i], &of_to, why);
		if(rc != MED_EOK) {
			*whose = of_to ? to : from;
			return rc;
		}
		edit->line[i].formats = &plan[i];
	}
	return MED_EOK;
}

/** As rtpengine knows them. */
static med_str_t name_of(uint8_t codec)
{
	if(codec == MED_FORMAT_EVENT)
		return MED_STR("telephone-event");
	return codec == MED_FORMAT_COMFORT ? MED_STR("CN") : med_str(med_codec_words[codec]);
}

void med_codecs_put(
		const med_codec_flags_t *flags, const med_leg_media_t *to, med_ng_out_t *out)
{
	uint8_t codec;
	size_t i;

	if(to->packet_time)
		med_ng_put_int_pair(out, MED_STR("ptime"), to->packet_time * 10);
	if(!flags->count && !flags->tones)
		return;
	med_ng_put_raw(out, MED_STR("5:codecd"));
	if(flags->afresh)
		med_ng_put_raw(out, MED_STR("5:stripl4:fulle"));
	if(flags->tones)
		med_ng_put_raw(out, MED_STR("7:consumel15:telephone-evente"));
	if(flags->masked && !flags->afresh) {
		med_ng_put_raw(out, MED_STR("4:maskl"));
		for(codec = 0; codec < MED_CODEC_MADE; codec++) {
			if(flags->masked >> codec & 1)
				med_ng_put_text(out, name_of(codec));
		}
		med_ng_put(out, "e", 1);
	}
	if(flags->count) {
		med_ng_put_raw(out, MED_STR("9:transcodel"));
		for(i = 0; i < flags->count; i++)
			med_ng_put_text(out, name_of(flags->made[i]));
		med_ng_put(out, "e", 1);
	}
	med_ng_put(out, "e", 1);
}

int med_codecs_offer_reply(const med_leg_t *to, const med_sdp_t *sdp,
		med_format_plan_t plan[MED_SDP_MAX_MEDIA], med_sdp_edit_t *edit,
		med_errbuf_t *why)
{
	const med_leg_media_t *media = &to->policy.media;
	unsigned wanted = media->event_payload + MED_DYNAMIC_FIRST - 1u;
	uint8_t codecs[MED_LEG_CODECS];
	size_t i, count = med_leg_codecs(media, codecs);
	const med_format_t *event;
	med_formats_t formats;
	int rc;

	for(i = 0; i < sdp->media_count; i++) {
		if(!med_media_is_audio(&sdp->media[i]))
			continue;
		rc = med_sdp_formats(sdp, i, &formats, why);
		if(rc != MED_EOK)
			return rc;
		event = media->event_payload ? find_event(&formats) : NULL;
		if(event && event->payload != wanted)
			return med_fail(why, MED_EREFUSED,
					"m-line %zu: telephone-event would be offered as payload type %u, "
					"not "
					"as %u; look at the flags the script adds",
					i + 1, event->payload, wanted);
		arrange(&formats, codecs, count, &plan[i]);
		edit->line[i].formats = &plan[i];
	}
	return MED_EOK;
}
