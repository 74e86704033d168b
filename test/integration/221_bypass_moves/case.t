#!/usr/bin/python3
"""A call past us stays so, through hold and resume; an offer from elsewhere brings it to us."""

from case import Case
from sandbox import wait_for
from sip import sdp
from trunks import Trunks, Turned

PLAIN = {"transport": "tcp", "srtp_mode": "not_supported", "enable_bypass": "yes"}
ELSEWHERE = "127.0.0.9"
HELD = sdp(30000).replace("s=-", "s=hold") + "a=inactive\r\n"


with Case(plan=28) as t:
    trunks = Trunks(t, {"pbx1": PLAIN, "gw1": PLAIN}, media=True)
    engine, redis = trunks.rtpengine, trunks.redis
    redis.hset("med:1:site:hq", subnets="127.0.0.1")
    redis.hset("med:1:route:all", pattern=r"^\+\d+$", usages="all", trunks="gw1")
    wait_for("the site and the route", lambda: "media: bypass" in trunks.kamailio.rpc(
        "mediation.explain", "pbx1", "-", "+10"))

    class Call:
        """Two peers in a call; either one re-invites."""

        def __init__(self, offer=sdp(30000), answer=sdp(31000)):
            self.sent, self.got, self.final = trunks.answered("pbx1", "gw1", "+10", offer, answer)
            self.id, self.cseq = self.sent.get("Call-ID"), {"pbx1": 1, "gw1": 100}
            self.turned = Turned(self.got, Answer(self.got))

        def again(self, by, offer, answer, code=200):
            """(the offer as it came, the answer as it came) of a re-INVITE."""
            near, far = (trunks.pbx1, trunks.gw1) if by == "pbx1" else (trunks.gw1, trunks.pbx1)
            view = (self.sent, self.final) if by == "pbx1" else (self.turned, self.turned)
            self.cseq[by] += 1
            near.reinvite(*view, sdp=offer, cseq=self.cseq[by])
            came = far.expect("INVITE", call_id=self.id)
            far.reply(came, code, "So be it", sdp=answer if code < 300 else None)
            back = near.expect("final", call_id=self.id)
            if code < 300:
                near._in_dialog("ACK", *view, cseq=self.cseq[by])
                far.expect("ACK", call_id=self.id)
            return came.body, back.body

        def over(self):
            self.cseq["pbx1"] += 1
            trunks.pbx1.bye(self.sent, self.final, cseq=self.cseq["pbx1"])
            trunks.gw1.reply(trunks.gw1.expect("BYE", call_id=self.id), 200, "OK")
            trunks.pbx1.expect(200, call_id=self.id)
            return wait_for("its session to go", lambda: self.id not in engine.calls())

    class Answer:
        """What Turned wants of the 200."""

        def __init__(self, invite):
            self.to = invite.get("To") + ";tag=uas"

        def get(self, _name):
            return self.to

    def past(bodies):
        return all("127.0.0.2" not in body for body in bodies)

    def through(bodies):
        return all("c=IN IP4 127.0.0.2" in body and "127.0.0.1" not in body
                   and ELSEWHERE not in body for body in bodies)

    # sticky
    call = Call()
    t.ok(past([call.got.body, call.final.body]), "a call goes past us")
    for by in ("pbx1", "gw1"):
        t.ok(past(call.again(by, HELD, HELD)), f"hold by {by}: past us")
        t.ok(past(call.again(by, sdp(30000), sdp(31000))), f"resume by {by}: past us")
    zero = sdp(30000, "0.0.0.0")
    t.ok(past(call.again("pbx1", zero, HELD)), "hold by a zero address: past us")
    t.equal(call.again("pbx1", sdp(30000), sdp(31000)), (sdp(30000), sdp(31000)),
            "each SDP byte for byte")
    t.equal(engine.calls(), [], "no session in all that")
    # what is configured now is for new calls
    redis.hset("med:1:profile:trunk:gw1", enable_bypass="no")
    wait_for("the profile", lambda: "media: anchored" in trunks.kamailio.rpc(
        "mediation.explain", "pbx1", "-", "+10"))
    t.ok(past(call.again("pbx1", sdp(30000), sdp(31000))), "enable_bypass no: this call goes on")
    other = Call()
    t.ok(through([other.got.body, other.final.body]), "a new one is anchored")
    other.over()
    redis.hset("med:1:profile:trunk:gw1", enable_bypass="yes")
    wait_for("the profile", lambda: "media: bypass" in trunks.kamailio.rpc(
        "mediation.explain", "pbx1", "-", "+10"))

    # moved, and never back
    t.ok(through(call.again("gw1", sdp(31000, ELSEWHERE), sdp(30000))),
         "an offer from elsewhere: both sides are anchored now")
    t.equal(engine.calls(), [call.id], "with a session")
    t.ok(trunks.lines(call.id, "went past us so far", ELSEWHERE), "the log says why")
    t.ok(through(call.again("gw1", sdp(31000), sdp(30000))), "where it was before: still anchored")
    for by in ("pbx1", "gw1"):
        t.ok(through(call.again(by, HELD, HELD)), f"hold by {by}: anchored")
        t.ok(through(call.again(by, sdp(30000), sdp(31000))), f"resume by {by}: anchored")
    t.ok(call.over(), "BYE deletes the session")

    # refused: as it was
    call = Call()
    came, _ = call.again("pbx1", sdp(30000, ELSEWHERE), None, code=488)
    t.ok(through([came]), "an offer from elsewhere is anchored")
    t.ok(wait_for("the session to go", lambda: not engine.calls()), "refused, its session goes")
    t.ok(past(call.again("pbx1", sdp(30000), sdp(31000))), "the call goes on past us")
    call.over()

    # delayed: the offer is in the answer
    for where, told in (("127.0.0.1", past), (ELSEWHERE, through)):
        sent = trunks.call("pbx1", "+10")
        call_id = sent.get("Call-ID")
        got = trunks.gw1.expect("INVITE", call_id=call_id)
        trunks.gw1.reply(got, 200, "OK", sdp=sdp(31000, where))
        final = trunks.pbx1.expect("2xx", call_id=call_id)
        trunks.pbx1.ack(sent, final, sdp=sdp(30000))
        ack = trunks.gw1.expect("ACK", call_id=call_id)
        t.ok(told([final.body, ack.body]), f"a delayed offer from {where}")
        t.equal(call_id in engine.calls(), told is through, "and its session")
        trunks.pbx1.bye(sent, final)
        trunks.gw1.reply(trunks.gw1.expect("BYE", call_id=call_id), 200, "OK")
        trunks.pbx1.expect(200, call_id=call_id)

    # without rtpengine
    call = Call()
    engine.stop()
    wait_for("it to be missed", lambda: "policy_listener: no" in trunks.listener()
             or "no answer" in trunks.listener())
    t.ok(past(call.again("pbx1", HELD, HELD)), "rtpengine is gone: the call goes on past us")
    t.equal(trunks.lines("kept back"), [], "the gate kept nothing back")
