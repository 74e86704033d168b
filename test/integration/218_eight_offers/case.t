#!/usr/bin/python3
"""Offer, answer, delayed offer and re-offer, each from either end: heard after every one.

The PBX has SRTP over TLS, the gateway RTP over TCP. A packet must come through both ways
after each exchange, and our key towards the PBX is the same in all of a call.
"""

import itertools

from case import Case
from sides import RtpSide, SrtpSide, passes
from trunks import Trunks, Turned

with Case(plan=4 * 6 + 2) as t:
    trunks = Trunks(t, {
        "pbx1": {"transport": "tls", "srtp_mode": "required"},
        "gw1": {"transport": "tcp", "srtp_mode": "not_supported"},
    }, routes={"pbx1": {"pattern": r"^\+43", "trunks": "pbx1"},
               "gw1": {"pattern": r"^\+49", "trunks": "gw1"}}, media=True)
    count = itertools.count(1)

    def both(what, one, other):
        t.equal([passes(one, other, next(count)), passes(other, one, next(count))], [True, True],
                what)

    def exchange(what, one, other, start, delayed, end):
        """`start` sends the INVITE, `end` the ACK; who offers depends on `delayed`."""
        sent = start(None if delayed else one.sdp())
        got = other.peer.expect("INVITE", call_id=sent.get("Call-ID"))
        if delayed:
            assert not got.body, "no SDP is made up"
        else:
            other.read(got)
        other.peer.reply(got, 200, "OK", sdp=other.sdp())
        final = one.peer.expect("2xx", call_id=sent.get("Call-ID"))
        one.read(final)
        end(sent, final, one.sdp() if delayed else None)
        ack = other.peer.expect("ACK", call_id=sent.get("Call-ID"))
        if delayed:
            other.read(ack)
        both(what, one, other)
        return sent, got, final

    for name, callee, called in (("pbx1", "gw1", "+4930"), ("gw1", "pbx1", "+4330")):
        for delayed in (False, True):
            sides = {"pbx1": SrtpSide(t, trunks.pbx1), "gw1": RtpSide(t, trunks.gw1)}
            a, b = sides[name], sides[callee]
            word = f"{name} calls, {'delayed ' if delayed else ''}offer"
            sent, got, final = exchange(word, a, b, lambda text: trunks.call(name, called, sdp=text),
                                        delayed, lambda i, f, text: a.peer.ack(i, f, sdp=text))
            turned, cseq = Turned(got, final), 100
            for later in (False, True):
                kind = "delayed re-offer" if later else "re-offer"
                cseq += 1
                exchange(f"{word}: {kind} of the caller", a, b,
                         lambda text: a.peer.reinvite(sent, final, text, cseq=cseq), later,
                         lambda i, f, text: a.peer._in_dialog("ACK", sent, final, sdp=text, cseq=cseq))
                exchange(f"{word}: {kind} of the callee", b, a,
                         lambda text: b.peer.reinvite(turned, turned, text, cseq=cseq), later,
                         lambda i, f, text: b.peer._in_dialog("ACK", turned, turned, sdp=text, cseq=cseq))
            t.equal(len(sides["pbx1"].keys), 1, f"{word}: one key of ours in all of the call")
            a.peer.bye(sent, final, cseq=cseq + 1)
            b.peer.reply(b.peer.expect("BYE"), 200, "OK")
            a.peer.expect("2xx")
    t.equal(trunks.rtpengine.calls(), [], "nothing is left")
    t.equal(trunks.alarms(), [], "and nothing was critical")
