#!/usr/bin/python3
"""Hold and resume under DTLS-SRTP: the keys of the one handshake stay, whoever holds."""

from capture import Capture, client_hellos
from case import Case
from listener import PLAIN, Caller, learned
from rtpengine import Rtpengine
from sides import DtlsSide, RtpSide, passes

DTLS = "web1/required/dtls"


class Read:
    def __init__(self, call):
        self.body = call.last["sdp"]


with Case(plan=10) as t:
    rtpengine = Rtpengine(t, plugin=True)
    learned(rtpengine.listener)
    capture = Capture(t)
    a, b = RtpSide(t, None), DtlsSide(t)
    call = Caller(rtpengine.listener, "held")
    there, back = (PLAIN, DTLS), (DTLS, PLAIN)

    def exchange(what, one, form, answered, **tags):
        """`one` offers this direction, the other side answers that."""
        other = b if one is a else a
        offer, answer = (there, back) if one is a else (back, there)
        body = b.sdp("actpass") if one is b else a.sdp()
        call.offer(offer, body.replace("sendrecv", form), **tags)
        other.read(Read(call))
        call.answer(answer, other.sdp().replace("sendrecv", answered),
                    **({"from_tag": "B", "to_tag": "A"} if one is b else {}))
        one.read(Read(call))
        t.like(call.last["sdp"], f"^a={answered}\r", what)

    exchange("a call", a, "sendrecv", "sendrecv")
    b.shake()

    def hear(what, number):
        t.equal((passes(a, b, number), passes(b, a, number)), (True, True), f"{what}: heard both ways")

    def hellos():
        return client_hellos(capture.packets(), [b.end.port])

    hear("the call", 1)
    before = hellos()
    for number, (name, one, tags) in enumerate((
            ("the other side", a, {"to_tag": "B"}),
            ("the side with DTLS", b, {"from_tag": "B", "to_tag": "A"})), 2):
        exchange(f"{name} holds", one, "inactive", "inactive", **tags)
        exchange(f"{name} resumes", one, "sendrecv", "sendrecv", **tags)
        hear(f"{name} has resumed", number)
    t.ok(before and hellos() == before, "by one handshake, before all that")
    call.send("delete", delete_delay=0)
    t.equal(rtpengine.calls(), [], "nothing is left")
