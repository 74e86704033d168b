#!/usr/bin/python3
"""From profiles to packets: the DSCP of media, and whether it follows where packets come from."""

import socket

from case import Case
from rtp import End, PACKET
from sandbox import Failure, wait_for
from sip import sdp
from trunks import Trunks

PLAIN = {"srtp_mode": "not_supported"}
SPEECH = (8, bytes(160))


class Side:
    """Where a peer's SDP says it is, and elsewhere."""

    def __init__(self, case):
        self.here, self.elsewhere = End(case), End(case)
        self.tos, self.sounds = set(), set()
        for end in (self.here, self.elsewhere):
            end.sock.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)

    def aim(self, message):
        for end in (self.here, self.elsewhere):
            end.aim(message.body)
        self.to = self.here.to[1]

    def heard(self):
        """Which of the two got packets since the last time."""
        names = set()
        for name, end in (("here", self.here), ("elsewhere", self.elsewhere)):
            while True:
                try:
                    packet, ancillary, _, _ = end.sock.recvmsg(2048, 64)
                except BlockingIOError:
                    break
                names.add(name)
                self.sounds.add(packet[-1])
                self.tos.update(data[0] for _, kind, data in ancillary if kind == socket.IP_TOS)
        return names


class Call:
    """Between these trunks; `a` is the caller's side."""

    def __init__(self, case, trunks, caller, callee, number):
        self.engine, self.a, self.b = trunks.rtpengine, Side(case), Side(case)
        self.sent, got, final = trunks.answered(
            caller, callee, number, sdp(self.a.here.port), sdp(self.b.here.port))
        self.a.aim(final)
        self.b.aim(got)

    def talk(self, *ends, until=None, speech=SPEECH):
        """Packets from these ends at the pace of media, 10 unless it is told until when."""
        heard, rounds = (set(), set()), iter(range(10))

        def more():
            for end in ends:
                end.send(*speech)
            heard[0].update(self.a.heard())
            heard[1].update(self.b.heard())
            return until() if until else next(rounds, None) is None
        wait_for("packets to be sent", more, interval=PACKET)
        return heard

    def sure_of(self, side):
        """Has rtpengine done with learning where this side is?"""
        tags = self.engine.ng("query", call_id=self.sent.get("Call-ID"))["tags"]
        return any("confirmed" in stream["flags"] for tag in tags.values()
                   for media in tag["medias"] for stream in media["streams"]
                   if stream["local port"] == side.to)


with Case(plan=11) as t:
    trunks = Trunks(t, {
        "pbx1": {**PLAIN, "media_dscp": "34", "rtp_latching": "always"},
        "gw1": {**PLAIN, "media_dscp": "46", "rtp_latching": "off"},
        "pbx2": PLAIN, "gw2": PLAIN, "gw3": {**PLAIN, "rtp_latching": "strict"},
    }, routes={"1": {"pattern": r"^\+1", "trunks": "gw1"},
               "2": {"pattern": r"^\+2", "trunks": "gw2"},
               "3": {"pattern": r"^\+3", "trunks": "gw3"}}, media=True)

    call = Call(t, trunks, "pbx1", "gw1", "+10")
    a, b = call.a, call.b
    at_a, at_b = call.talk(a.here, b.elsewhere, until=lambda: call.sure_of(a))
    t.equal(at_a, {"here"}, "off: it may send from elsewhere")
    t.equal(at_b, {"here"}, "and is sent its media where its SDP says")
    t.equal((a.tos, b.tos), ({46 << 2}, {46 << 2}), "the higher DSCP, on both sides")
    call.talk(a.elsewhere)
    at_a, at_b = call.talk(a.elsewhere, b.here)
    t.equal((at_a, at_b), ({"elsewhere"}, {"here"}),
            "always: it is sent its media where its packets come from now")
    call.talk(a.here)
    t.equal(call.talk(a.here, b.here)[0], {"here"}, "and back again")

    call = Call(t, trunks, "pbx2", "gw2", "+20")
    a, b = call.a, call.b
    call.talk(a.here, b.elsewhere, until=lambda: call.sure_of(b))
    t.equal(call.talk(a.here)[1], {"elsewhere"}, "once: where its first packets came from")
    t.equal(call.talk(b.here)[0], {"here"}, "a later packet from elsewhere is passed on")
    t.equal(call.talk(a.here, b.here)[1], {"elsewhere"}, "but moves nothing")
    t.equal((a.tos, b.tos), ({0}, {0}), "who says no DSCP has none")

    call = Call(t, trunks, "pbx2", "gw3", "+30")
    a, b = call.a, call.b
    call.talk(a.here, b.elsewhere, until=lambda: call.sure_of(b))
    call.talk(b.here, speech=(8, bytes([7]) * 160))
    t.equal(call.talk(a.here, b.elsewhere), ({"here"}, {"elsewhere"}),
            "strict: once it is known where packets come from, they are passed on")
    t.equal(a.sounds, {0}, "those from elsewhere are not")
