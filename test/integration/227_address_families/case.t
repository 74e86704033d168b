#!/usr/bin/python3
"""Calls between IPv4 and IPv6: each side is told, and sent, media of its own family."""

import re

from case import Case
from rtp import End
from sandbox import wait_for
from sip import sdp
from trunks import Trunks, Turned

PLAIN = {"srtp_mode": "not_supported"}
V4, V6 = ("IP4", "127.0.0.2"), ("IP6", "::1")
PACKET = (8, bytes(160))


class Mixed(Trunks):
    """Kamailio listens for each trunk in the family of its peer."""

    def host_of(self, name):
        return self.trunks[name].get("host", "127.0.0.1")

    def listens(self):
        return {f"LISTEN_{number}": f"udp:{'[::1]' if ':' in self.host_of(name) else '127.0.0.1'}:"
                                    f"{self.local[name]}"
                for number, name in enumerate(self.names, 1)}

    def address(self, name):
        return self.host_of(name), self.local[name]


def place(message):
    return re.search(r"^c=IN (IP\d) (\S+)", message.body, re.M).groups()


with Case(plan=12) as t:
    early = {**PLAIN, "initial_offer": "early"}
    trunks = Mixed(t, {"pbx1": PLAIN, "gw1": {**PLAIN, "host": "::1"}, "pbx2": early,
                       "gw2": {**early, "host": "::1"}},
                   routes={"1": {"pattern": r"^\+1", "trunks": "gw1"},
                           "2": {"pattern": r"^\+2", "trunks": "gw2"},
                           "4": {"pattern": r"^\+4", "trunks": "pbx2"},
                           "3": {"pattern": r"^\+3", "trunks": "pbx1"}},
                   media=True, media_address="127.0.0.2;::1")
    pbx1, gw1 = trunks.pbx1, trunks.gw1
    a, b = End(t), End(t, "::1")
    four, six = sdp(a.port), sdp(b.port, "::1")

    def both():
        a.send(*PACKET)
        b.send(*PACKET)
        return a.got() and b.got()

    sent, got, final = trunks.answered("pbx1", "gw1", "+10", four, six)
    t.equal((place(got), place(final)), (V6, V4), "IPv4 to IPv6: each in its own family")
    a.aim(final.body)
    b.aim(got.body, at="::1")
    t.ok(wait_for("packets", both), "and packets go from one to the other")
    again = pbx1.reinvite(sent, final, four)
    offer = gw1.expect("INVITE")
    gw1.reply(offer, 200, "OK", sdp=six)
    answer = pbx1.expect("2xx")
    pbx1.ack(again, final)
    gw1.expect("ACK")
    t.equal((place(offer), place(answer)), (V6, V4), "as before in a re-INVITE of the caller")
    callee = Turned(got, final)
    back = gw1.reinvite(callee, callee, six, cseq=101)
    offer = pbx1.expect("INVITE")
    pbx1.reply(offer, 200, "OK", sdp=four)
    answer = gw1.expect("2xx")
    gw1.ack(back, callee)
    pbx1.expect("ACK")
    t.equal((place(offer), place(answer)), (V4, V6), "and in one of the callee")

    a, b = End(t), End(t, "::1")
    _, got, final = trunks.answered("gw1", "pbx1", "+30", sdp(b.port, "::1"), sdp(a.port))
    t.equal((place(got), place(final)), (V4, V6), "IPv6 to IPv4: the same")
    a.aim(got.body)
    b.aim(final.body, at="::1")
    t.ok(wait_for("packets", both), "packets, too")

    sent = trunks.call("pbx1", "+10")
    got = gw1.expect("INVITE", call_id=sent.get("Call-ID"))
    gw1.reply(got, 200, "OK", sdp=six)
    offer = pbx1.expect("2xx", call_id=sent.get("Call-ID"))
    pbx1.ack(sent, offer, sdp=four)
    answer = gw1.expect("ACK", call_id=sent.get("Call-ID"))
    t.equal((place(offer), place(answer)), (V4, V6), "a delayed offer: the same")

    for caller, callee, number, places in (("pbx1", "gw2", "+20", (V6, V4)), ("gw1", "pbx2", "+40", (V4, V6))):
        a, b = End(t), End(t, "::1")
        four, six = sdp(a.port), sdp(b.port, "::1")
        sides = {"pbx": (a, four, "127.0.0.2"), "gw": (b, six, "::1")}
        (one, offer, at), (other, answer, there) = sides[caller[:-1]], sides[callee[:-1]]
        sent = trunks.call(caller, number)
        got = trunks.peers[callee].expect("INVITE", call_id=sent.get("Call-ID"))
        trunks.peers[callee].reply(got, 200, "OK", sdp=answer)
        final = trunks.peers[caller].expect("2xx", call_id=sent.get("Call-ID"))
        trunks.peers[caller].ack(sent, final, sdp=offer)
        trunks.peers[callee].expect("ACK", call_id=sent.get("Call-ID"))
        t.equal((place(got), place(final)), places, f"{caller} without an offer, {callee} with ours: each its own")
        one.aim(final.body, at=at)
        other.aim(got.body, at=there)
        t.ok(wait_for("packets", both), "packets, too")
    t.equal(trunks.alarms(), [], "nothing else is wrong")
