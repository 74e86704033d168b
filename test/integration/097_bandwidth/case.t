#!/usr/bin/python3
"""Audio bandwidth of trunks, sites and the link between two sites: taken, refused, given back."""

from case import Case
from sandbox import wait_for
from sip import sdp
from trunks import Trunks

PLAIN = {"srtp_mode": "not_supported", "anchor": "no", "trying_timeout_ms": "20000"}


def offer(codecs):
    return sdp(30000).replace("RTP/AVP 8", f"RTP/AVP {codecs}").replace(
        "a=rtpmap:8 PCMA/8000\r\n", "")


G711, G729 = offer("8 18"), offer("18 13")

with Case(plan=23) as t:
    trunks = Trunks(t, {"pbx1": {**PLAIN, "gateway": {"site": "branch"}},
                        "gw1": {**PLAIN, "gateway": {"site": "hq"}},
                        "gw2": PLAIN},
                    routes={"one": {"pattern": r"^\+49\d+$", "priority": "0",
                                    "trunks": "gw1*0,gw2*0"},
                            "only": {"pattern": r"^\+44\d+$", "trunks": "gw1"},
                            "help": {"pattern": "^112$", "trunks": "gw1"}})
    pbx1, gw1, gw2 = trunks.pbx1, trunks.gw1, trunks.gw2
    trunks.redis.load({"med:1:site:hq": {"name": "head office"},
                       "med:1:site:branch": {"name": "branch"},
                       "med:1:location_policy:global": {"emergency_dial_string": "112",
                                                        "pstn_usages": "all"}})

    def taken(which):
        lines = trunks.kamailio.rpc("mediation.limits", which).splitlines()
        return int(dict(line.strip().partition(": ")[::2] for line in lines)["audio_kbit_taken"])

    def limit(which, **fields):
        """These and no others."""
        trunks.redis.command("DEL", f"med:1:limits:{which}")
        if fields:
            trunks.redis.hset(f"med:1:limits:{which}", name=str(fields), **fields)
        wait_for("limits to be in force", lambda: (str(fields) if fields else "") in
                 trunks.kamailio.rpc("mediation.limits") and (fields or which not in
                 trunks.kamailio.rpc("mediation.limits")))
        total = fields.get("audio_bw_limit")
        wait_for("all of them to be here", lambda: not total or f"audio_bw_limit_here: {total}" in
                 trunks.kamailio.rpc("mediation.limits", which))

    def call(callee, audio=G711, number="+4930"):
        sent, got, final = trunks.answered("pbx1", callee, number, audio, sdp(31000))
        return sent, got, final, trunks.peers[callee]

    def refused(audio=G711, number="+4430"):
        sent = trunks.call("pbx1", number, sdp=audio)
        return pbx1.expect("final", call_id=sent.get("Call-ID"))

    def bye(this):
        sent, _, final, callee = this
        pbx1.bye(sent, final)
        callee.reply(callee.expect("BYE", call_id=sent.get("Call-ID")), 200, "OK")
        pbx1.expect(200, call_id=sent.get("Call-ID"))

    def free(*which):
        wait_for("all to be given back", lambda: [taken(w) for w in which] == [0] * len(which))
        return True

    # A trunk that has room for two calls of G.711.
    limit("trunk:gw1", audio_bw_limit="200", retry_after_s="9", overload_code="486")
    first, second = call("gw1"), call("gw1")
    t.equal(taken("trunk:gw1"), 194, "G.711 takes 97 kbit/s")
    third = call("gw2")
    t.ok(True, "a trunk without room is passed over")
    final = refused()
    t.equal((final.status, final.get("Retry-After")), (486, "9"), "where it is the only one: no")
    t.like(final.get("Reason"), r"may take 97 kbit/s, limits 'trunk:gw1' have audio_bw_limit 200, "
           "and 194 of it are taken", "and why")
    bye(first)
    wait_for("that to be given back", lambda: taken("trunk:gw1") == 97)
    t.ok(True, "a BYE gives back what the call took")
    cheap = call("gw1", G729)
    t.equal(taken("trunk:gw1"), 138, "G.729 takes 41")
    bye(cheap)
    bye(second)
    bye(third)
    t.ok(free("trunk:gw1"), "all is given back")

    # What never comes about takes nothing.
    sent = trunks.call("pbx1", "+4430", sdp=G711)
    gw1.reply(gw1.expect("INVITE", call_id=sent.get("Call-ID")), 480, "Not Here")
    pbx1.expect(480, call_id=sent.get("Call-ID"))
    t.ok(free("trunk:gw1"), "a call that is refused gives back what it took")
    sent = trunks.call("pbx1", "+4930", sdp=G711)
    gw1.reply(gw1.expect("INVITE", call_id=sent.get("Call-ID")), 503, "Elsewhere")
    got = gw2.expect("INVITE", call_id=sent.get("Call-ID"))
    t.equal(taken("trunk:gw1"), 0, "and one that goes on to another trunk")
    gw2.reply(got, 486, "Busy Here")
    pbx1.expect(486, call_id=sent.get("Call-ID"))

    # One call of too much; an offer that comes later; an emergency.
    limit("trunk:gw1", audio_bw_session_limit="60", audio_bw_limit="100")
    final = refused()
    t.equal(final.status, 503, "a call that may take more than one may")
    t.like(final.get("Reason"), "may take 97 kbit/s.*audio_bw_session_limit 60", "and why")
    bye(call("gw1", G729))
    t.ok(free("trunk:gw1"), "where the offer has no such codec it may")
    t.equal(refused(audio=None).status, 503, "no offer yet: it may become G.711")
    this = call("gw1", number="112")
    t.equal(taken("trunk:gw1"), 97, "an emergency is let through, and counted")
    bye(this)
    t.ok(free("trunk:gw1"), "until it is over")

    # The link between two sites, whichever is named first; both sites themselves.
    limit("trunk:gw1")
    limit("site:hq:branch", audio_bw_limit="150")
    this = call("gw1")
    t.equal(taken("site:hq:branch"), 97, "a link of two sites")
    t.equal(refused().status, 503, "has room for one")
    t.ok(bool(trunks.lines("limits 'site:hq:branch' have audio_bw_limit 150")), "which is told")
    bye(call("gw2"))
    t.equal(taken("site:hq:branch"), 97, "a call elsewhere is none of it")
    bye(this)
    t.ok(free("site:hq:branch"), "and is given back")
    limit("site:branch", audio_bw_limit="100")
    this = call("gw2")
    t.equal((taken("site:branch"), refused().status), (97, 503), "a caller's site has limits, too")
    bye(this)
    t.ok(free("site:branch"), "until it is over")
    t.equal(trunks.alarms(), [], "nothing is critical")
