#!/usr/bin/python3
"""A peer that refuses SRTP where it is optional is asked once more without, and that is kept for a while."""

from case import Case
from sandbox import wait_for
from sip import sdp
from trunks import Trunks

PLAIN = {"srtp_mode": "not_supported"}

with Case(plan=22) as t:
    trunks = Trunks(t, {"pbx1": PLAIN,
                        "gw1": {"transport": "tls", "srtp_mode": "optional"},
                        "gw2": {"transport": "tls", "srtp_mode": "required"}},
                    routes={"one": {"pattern": r"^\+49", "trunks": "gw1"},
                            "two": {"pattern": r"^\+33", "trunks": "gw2"}}, media=True)
    pbx1, gw1, gw2 = trunks.pbx1, trunks.gw1, trunks.gw2

    def keys(message):
        return "a=crypto:" in message.body

    def call(*codes, peer=gw1, number="+4930"):
        """Each INVITE gets the next code: which of them offered SRTP, and what the caller got."""
        sent = trunks.call("pbx1", number, sdp=sdp(30000))
        call_id, offers = sent.get("Call-ID"), []
        for code in codes:
            got = peer.expect("INVITE", call_id=call_id)
            offers.append(keys(got))
            peer.reply(got, code, "So be it", sdp=sdp(31000) if code == 200 else None)
            if code != 200:
                peer.expect("ACK", call_id=call_id)
        final = pbx1.expect("final", call_id=call_id)
        if final.status == 200:
            pbx1.ack(sent, final)
            peer.expect("ACK", call_id=call_id)
        return offers, final.status, sent, final

    def outcome(*codes, **more):
        return call(*codes, **more)[:2]

    def fallback(seconds):
        trunks.redis.hset("med:1:profile:trunk:gw1", srtp_fallback_s=seconds)
        wait_for("that to be in force", lambda: f"srtp_fallback_s: {seconds}" in
                 trunks.kamailio.rpc("mediation.profiles", "trunk:gw1"))

    def remembered():
        return "no_srtp_until" in trunks.kamailio.rpc("mediation.trunks", "gw1")

    # Both are refused: then it was not for the SRTP.
    t.equal(outcome(488, 488), ([True, False], 488), "488: once more without, and no third time")
    t.ok(not remembered(), "in vain: SRTP was not what it minded")
    t.equal(outcome(486), ([True], 486), "busy is busy")
    t.equal(trunks.stat("srtp_fallbacks"), 1, "which was one")

    offers, status, sent, final = call(488, 200)
    t.equal((offers, status), ([True, False], 200), "488: once more without, and the call is up")
    t.like(final.body, r"m=audio \d+ RTP/AVP ", "the caller has its answer")
    t.ok(remembered(), "that is kept")
    t.equal(len(trunks.lines("trunk 'gw1' refuses SRTP and takes RTP")), 1, "and logged once")
    t.equal(outcome(486), ([False], 486), "the next call is offered RTP at once")
    t.equal(outcome(488), ([False], 488), "whose 488 is the caller's")
    pbx1.reinvite(sent, final, sdp(30000))
    got = gw1.expect("INVITE", call_id=sent.get("Call-ID"))
    t.ok(not keys(got), "nor does a re-INVITE of the call offer any")
    gw1.reply(got, 200, "OK", sdp=sdp(31000))
    again = pbx1.expect(200, call_id=sent.get("Call-ID"))
    t.like(again.body, r"m=audio \d+ RTP/AVP ", "and is answered")

    # Never; for a second.
    fallback(0)
    t.equal(outcome(488), ([True], 488), "srtp_fallback_s 0: its no is the caller's")
    fallback(1)
    wait_for("a second to be over", lambda: not remembered())
    t.equal(outcome(606, 200), ([True, False], 200), "606")
    wait_for("a second to be over", lambda: not remembered())
    t.equal(outcome(415, 200), ([True, False], 200), "415, and SRTP is offered again after a while")
    wait_for("a second to be over", lambda: not remembered())

    # It is one call, to a trunk that may have one a second.
    trunks.redis.hset("med:1:limits:trunk:gw1", calls_per_second="1")
    wait_for("that to be in force", lambda: "calls_per_second_here: 1" in
             trunks.kamailio.rpc("mediation.limits", "trunk:gw1"))
    t.equal(outcome(488, 200), ([True, False], 200), "asked once more it is counted once")
    trunks.redis.command("DEL", "med:1:limits:trunk:gw1")
    wait_for("no limits", lambda: "gw1" not in trunks.kamailio.rpc("mediation.limits"))
    wait_for("a second to be over", lambda: not remembered())

    # An answer that we refuse is no refusal of theirs; nor has an INVITE without SDP any SRTP.
    sent = trunks.call("pbx1", "+4930")
    got = gw1.expect("INVITE", call_id=sent.get("Call-ID"))
    gw1.reply(got, 488, "No")
    t.equal(pbx1.expect("final", call_id=sent.get("Call-ID")).status, 488, "no offer: nothing to leave out")
    sent = trunks.call("pbx1", "+33123", sdp=sdp(30000))
    got = gw2.expect("INVITE", call_id=sent.get("Call-ID"))
    t.ok(keys(got), "required")
    gw2.reply(got, 488, "No")
    t.equal(pbx1.expect("final", call_id=sent.get("Call-ID")).status, 488, "is required")
    gw2.expect("ACK", call_id=sent.get("Call-ID"))
    gw2.expect_none("INVITE", 0.5)
    t.ok(True, "and never offered without")
    t.equal(trunks.stat("gate_blocked"), 0, "the last gate had nothing to do")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
