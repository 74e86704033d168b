#!/usr/bin/python3
"""A trunk whose media comes to an interface of rtpengine of its own."""

import re

from case import Case
from listener import Caller
from rtp import End
from sandbox import wait_for
from sip import sdp
from trunks import Trunks, Turned

PLAIN = {"srtp_mode": "not_supported"}
INSIDE, PSTN = "127.0.0.2", "127.0.0.3"
PACKET = (8, bytes(160))


def place(message):
    return re.search(r"^c=IN IP4 (\S+)", message.body, re.M)[1]


with Case(plan=10) as t:
    trunks = Trunks(t, {"pbx1": PLAIN, "gw1": {**PLAIN, "media_interface": "pstn"},
                        "gw2": {**PLAIN, "media_interface": "nowhere"}},
                    routes={"1": {"pattern": r"^\+1", "trunks": "gw1"},
                            "2": {"pattern": r"^\+2", "trunks": "gw2"},
                            "3": {"pattern": r"^\+3", "trunks": "pbx1"}},
                    media=True, media_address=f"default/{INSIDE};pstn/{PSTN}")
    pbx1, gw1 = trunks.pbx1, trunks.gw1
    a, b = End(t), End(t)
    sent, got, final = trunks.answered("pbx1", "gw1", "+10", sdp(a.port), sdp(b.port))
    t.equal((place(got), place(final)), (PSTN, INSIDE), "each side is told its own interface")
    a.aim(final.body, at=INSIDE)
    b.aim(got.body, at=PSTN)

    def both():
        a.send(*PACKET)
        b.send(*PACKET)
        return a.got() and b.got()
    t.ok(wait_for("packets", both), "and packets go from one to the other")


    again = pbx1.reinvite(sent, final, sdp(a.port))
    offer = gw1.expect("INVITE")
    gw1.reply(offer, 200, "OK", sdp=sdp(b.port))
    answer = pbx1.expect("2xx")
    pbx1.ack(again, final)
    gw1.expect("ACK")
    t.equal((place(offer), place(answer)), (PSTN, INSIDE), "as before in a re-INVITE of the caller")
    callee = Turned(got, final)
    back = gw1.reinvite(callee, callee, sdp(b.port), cseq=101)
    offer = pbx1.expect("INVITE")
    pbx1.reply(offer, 200, "OK", sdp=sdp(a.port))
    answer = gw1.expect("2xx")
    gw1.ack(back, callee)
    pbx1.expect("ACK")
    t.equal((place(offer), place(answer)), (INSIDE, PSTN), "and in one of the callee")

    _, got, final = trunks.answered("gw1", "pbx1", "+30", sdp(b.port), sdp(a.port))
    t.equal((place(got), place(final)), (INSIDE, PSTN), "a call from it: the same")

    sent = trunks.call("pbx1", "+10")
    got = gw1.expect("INVITE", call_id=sent.get("Call-ID"))
    gw1.reply(got, 200, "OK", sdp=sdp(b.port))
    offer = pbx1.expect("2xx", call_id=sent.get("Call-ID"))
    pbx1.ack(sent, offer, sdp=sdp(a.port))
    answer = gw1.expect("ACK", call_id=sent.get("Call-ID"))
    t.equal((place(offer), place(answer)), (INSIDE, PSTN), "a delayed offer: the same")

    _, got, final = trunks.answered("pbx1", "gw2", "+20", sdp(a.port), sdp(b.port))
    t.equal((place(got), place(final)), (INSIDE, INSIDE),
            "an interface that rtpengine does not have: its default one")
    t.like(open(trunks.rtpengine.process.log).read(), "'nowhere' not found",
           "which its log says")

    call = Caller(trunks.rtpengine.port, "alone")
    call.offer(None, sdp(a.port), direction=["default", "pstn"])
    call.answer(None, sdp(b.port))
    call.offer(None, sdp(a.port), to_tag="B")
    t.like(call.last["sdp"], f"c=IN IP4 {PSTN}", "rtpengine by itself keeps it when it is not told again")
    t.equal(trunks.alarms(), [], "nothing else is wrong")
