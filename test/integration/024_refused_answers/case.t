#!/usr/bin/python3
"""SRTP required and the far end answers in the clear: it is ended, the caller hears 488."""

import time

from case import Case
from sandbox import wait_for
from sip import sdp
from trunks import Trunks

KEY = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
SECURE = sdp(31000, profile="RTP/SAVP", key=KEY)
REASON = r"^SIP;cause=488;text="

with Case(plan=54) as t:
    trunks = Trunks(t, {
        "pbx1": {"transport": "tls", "srtp_mode": "required"},
        "gw1": {"transport": "tcp", "srtp_mode": "not_supported"},
        "gw2": {"transport": "tcp", "srtp_mode": "not_supported"},
        "udp1": {"transport": "udp", "srtp_mode": "not_supported"},
    }, routes={"in": {"pattern": r"^\+1\d+$", "trunks": "pbx1"},
               "out": {"pattern": r"^\+49\d+$", "trunks": "gw1"}}, media=True)
    pbx1, gw1, udp1 = trunks.pbx1, trunks.gw1, trunks.udp1

    def gone(call_id):
        started = time.monotonic()
        wait_for("the session to be gone", lambda: call_id not in trunks.rtpengine.calls())
        return time.monotonic() - started < 10  # rtpengine's own delay is 30 s

    def offer(caller="gw1", **more):
        sent = trunks.call(caller, "+1001", **{"sdp": sdp(30000), **more})
        return sent, pbx1.expect("INVITE")

    def ended(what, caller, sent, code=488):
        """The refused peer got ACK and BYE, the caller its code and no SDP, nothing is left."""
        t.ok(pbx1.expect("ACK"), f"{what}: the peer gets ACK")
        bye = pbx1.expect("BYE")
        t.like(bye.get("Reason"), REASON, f"{what}: and BYE with a Reason")
        pbx1.reply(bye, 200, "OK")
        final = caller.expect("4xx", call_id=sent.get("Call-ID"))
        t.equal((final.status, final.body), (code, ""), f"{what}: the caller gets {code}")
        t.ok(gone(sent.get("Call-ID")), f"{what}: the session is gone at once")
        t.equal(len(trunks.lines(sent.get("Call-ID"), "refused with 488")), 1,
                f"{what}: one log line")

    sent, got = offer()
    t.like(got.body, "m=audio .* RTP/SAVP ", "a required leg is offered SRTP")
    t.like(got.body, "c=IN IP4 127.0.0.2", "anchored at rtpengine")
    pbx1.reply(got, 200, "OK", sdp=sdp(31000))
    ended("plain 200", gw1, sent)
    t.equal(trunks.stat("answers_refused"), 1, "one count")

    sent, got = offer()
    pbx1.reply(got, 200, "OK", sdp=SECURE.replace("c=IN IP4 127.0.0.1\r\n", ""))
    t.ok(pbx1.expect("ACK"), "an answer without address: the peer gets ACK")
    bye = pbx1.expect("BYE")
    t.like(bye.get("Reason"), "cause=400;.*m-line 1 has no address", "and BYE with a Reason")
    pbx1.reply(bye, 200, "OK")
    t.equal(gw1.expect("4xx", call_id=sent.get("Call-ID")).status, 400, "the caller gets 400")
    t.ok(gone(sent.get("Call-ID")), "the session is gone at once")

    # Its 200 is repeated: the ACK is repeated, nothing else happens.
    sent, got = offer()
    pbx1.reply(got, 200, "OK", sdp=sdp(31000))
    pbx1.expect("ACK")
    pbx1.reply(got, 200, "OK", sdp=sdp(31000), headers=["X-Again: 1"])
    ended("a 200 that is repeated", gw1, sent)
    gw1.expect_none("2xx", 0.5)
    pbx1.expect_none("BYE", 0.3)

    sent, got = offer("udp1")
    pbx1.reply(got, 200, "OK", sdp=sdp(31000))
    ended("a caller over UDP whose ACK never comes", udp1, sent)
    t.ok(udp1.expect_none("2xx", 1) is None, "it hears of no 200")

    # In a 183: the caller does not see it, the peer is cancelled.
    sent, got = offer()
    pbx1.reply(got, 183, "Session Progress", sdp=sdp(31000))
    cancel = pbx1.expect("CANCEL")
    final = gw1.expect("4xx", call_id=sent.get("Call-ID"))
    t.equal((final.status, final.body), (488, ""), "plain 183: the caller gets 488")
    t.like(final.get("Reason"), REASON, "plain 183: with a Reason")
    # ... and crosses the CANCEL with a 200.
    pbx1.reply(cancel, 200, "OK")
    pbx1.reply(got, 200, "OK", sdp=sdp(31000))
    t.ok(pbx1.expect("ACK"), "a 200 that crosses our CANCEL: ACK")
    t.like(pbx1.expect("BYE").get("Reason"), "SIP;cause=", "and BYE")
    t.ok(gone(sent.get("Call-ID")), "plain 183: the session is gone")

    # The caller cancels in that moment.
    sent, got = offer()
    pbx1.reply(got, 180, "Ringing")
    gw1.expect(180)
    gw1.send([f"CANCEL {sent.uri} SIP/2.0", f"Via: {sent.get('Via')}", "Max-Forwards: 70",
              f"From: {sent.get('From')}", f"To: {sent.get('To')}",
              f"Call-ID: {sent.get('Call-ID')}", "CSeq: 1 CANCEL"], to=trunks.address("gw1"))
    cancel = pbx1.expect("CANCEL")
    pbx1.reply(got, 200, "OK", sdp=sdp(31000))
    pbx1.reply(cancel, 200, "OK")
    t.ok(pbx1.expect("ACK"), "cancelled in that moment: ACK")
    bye = pbx1.expect("BYE")
    pbx1.reply(bye, 200, "OK")
    t.like(bye.get("Reason"), REASON, "cancelled in that moment: BYE with a Reason")
    final = gw1.expect("4xx", call_id=sent.get("Call-ID"))
    t.ok(final.status in (487, 488), "cancelled in that moment: the caller gets 487 or 488")
    t.ok(gone(sent.get("Call-ID")), "cancelled in that moment: nothing is left")

    # The peer itself refuses.
    sent, got = offer()
    pbx1.reply(got, 488, "Not Acceptable Here")
    final = gw1.expect("4xx", call_id=sent.get("Call-ID"))
    t.equal(final.status, 488, "the peer's own 488 goes to the caller")
    t.ok(gone(sent.get("Call-ID")), "and nothing is left")

    # 488 in the code set: the next candidate.
    trunks.redis.hset("med:1:profile:trunk:pbx1", failover_codes="488,503")
    trunks.redis.hset("med:1:route:in2", pattern=r"^\+1\d+$", usages="all", trunks="gw2",
                      priority="1")
    wait_for("the second candidate", lambda: "in2" in trunks.kamailio.rpc(
        "mediation.explain", "gw1", "-", "+1001", ""))
    sent, got = offer("udp1")
    pbx1.reply(got, 200, "OK", sdp=sdp(31000))
    second = trunks.gw2.expect("INVITE")
    t.like(second.body, "m=audio .* RTP/AVP ", "where 488 fails over: the next candidate")
    t.equal(second.body.count("m=audio"), 1, "with one SDP")
    trunks.gw2.reply(second, 200, "OK", sdp=sdp(32000))
    final = udp1.expect("2xx", call_id=sent.get("Call-ID"))
    t.like(final.body, "c=IN IP4 127.0.0.2", "and its answer is anchored")
    udp1.ack(sent, final)
    trunks.gw2.expect("ACK")
    t.ok(pbx1.expect("ACK") and pbx1.expect("BYE"), "the refused one is ended")
    trunks.redis.command("DEL", "med:1:route:in2")
    wait_for("one candidate again", lambda: "in2" not in trunks.kamailio.rpc(
        "mediation.explain", "gw1", "-", "+1001", ""))
    udp1.bye(sent, final)
    trunks.gw2.reply(trunks.gw2.expect("BYE"), 200, "OK")
    t.ok(gone(sent.get("Call-ID")), "after its BYE nothing is left")

    # A re-INVITE: refused with 488, the call stays as it was.
    sent, got, final = trunks.answered("gw1", "pbx1", "+1001", sdp(30000), SECURE)
    t.like(final.body, "m=audio .* RTP/AVP ", "a call with SRTP on one leg, RTP on the other")
    again = gw1.reinvite(sent, final, sdp(30002), cseq=2)
    reoffer = pbx1.expect("INVITE")
    pbx1.reply(reoffer, 200, "OK", sdp=sdp(31002))
    t.ok(pbx1.expect("ACK"), "re-INVITE: the plain 200 gets its ACK")
    refused = gw1.expect("4xx", call_id=sent.get("Call-ID"))
    t.equal((refused.status, refused.body), (488, ""), "re-INVITE: the offerer gets 488")
    pbx1.expect_none("BYE", 0.5)
    t.ok(sent.get("Call-ID") in trunks.rtpengine.calls(), "re-INVITE: the call stays")
    gw1.bye(sent, final, cseq=3)
    pbx1.reply(pbx1.expect("BYE"), 200, "OK")
    t.ok(gone(sent.get("Call-ID")), "and ends by its BYE")

    # A delayed offer: the answer is in the ACK.
    sent = trunks.call("pbx1", "+4930")
    got = gw1.expect("INVITE")
    t.equal(got.body, "", "delayed offer: no SDP is made up")
    gw1.reply(got, 200, "OK", sdp=sdp(32000))
    final = pbx1.expect("2xx", call_id=sent.get("Call-ID"))
    t.like(final.body, "m=audio .* RTP/SAVP ", "delayed offer: the caller is offered SRTP")
    pbx1.ack(sent, final, sdp=sdp(30000))
    ack = gw1.expect("ACK")
    t.equal(ack.body, "", "delayed offer, plain answer: the callee gets an ACK without it")
    t.like(gw1.expect("BYE").get("Reason"), REASON, "delayed offer, plain answer: and BYE")
    t.like(pbx1.expect("BYE").get("Reason"), REASON, "so does the caller")
    t.ok(gone(sent.get("Call-ID")), "delayed offer, plain answer: nothing is left")

    # An offer in the clear from a leg that requires SRTP.
    sent = trunks.call("pbx1", "+4930", sdp=sdp(30000))
    final = pbx1.expect("4xx", call_id=sent.get("Call-ID"))
    t.equal(final.status, 488, "a plain offer of a required leg: 488")
    t.like(final.get("Reason"), "pbx1", "with a Reason that names the trunk")
    gw1.expect_none("INVITE", 0.3)
    t.equal(trunks.rtpengine.calls(), [], "no session is left of all this")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
