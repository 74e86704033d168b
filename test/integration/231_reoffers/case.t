#!/usr/bin/python3
"""A call whose offers change: with keys, without, with others. Heard both ways after each.

What is agreed on is of one exchange: after SRTP an offer without keys is answered without
(rtpengine#1854), and another suite or key is used from its answer on (rtpengine#1613, #720).
"""

import itertools
import re

from case import Case
from rtp import End
from sides import passes
from sip import sdp
from srtp import Srtp
from trunks import Trunks, Turned

KEYS = ["d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj", "PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR",
        "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"]
SUITE_80, SUITE_32 = "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"


class Side:
    """A peer's media: in the clear, or under the keys of the SDP said and read last."""

    def __init__(self, case, peer):
        self.peer, self.end, self.sequence = peer, End(case), 0
        self.out = self.into = None

    def says(self, profile="RTP/AVP", key=None, suite=SUITE_80):
        tag = 10 if suite == SUITE_80 else 4
        self.out = Srtp(key, first=self.sequence + 1, tag=tag) if key else None
        if not key:
            self.into = None  # an answer without a key is in the clear both ways
        return sdp(self.end.port, profile=profile, key=key).replace(SUITE_80, suite)

    def reads(self, body):
        self.end.aim(body)
        line = re.search(r"a=crypto:\d+ (\S+) inline:([A-Za-z0-9+/]{40})", body)
        self.into = Srtp(line[2], tag=10 if line[1] == SUITE_80 else 4) if line else None
        return line[2] if line else None

    def say(self, audio):
        self.sequence += 1
        if self.out:
            self.end.sock.sendto(self.out.protect(audio), self.end.to)
        else:
            self.end.sock.sendto(b"\x80\x08" + self.sequence.to_bytes(2, "big") + bytes(4)
                                 + b"\x11\x22\x33\x44" + audio, self.end.to)

    def hears(self, packet):
        return [self.into.open(packet) if self.into else packet[12:]]


with Case(plan=8 * 2 + 2) as t:
    trunks = Trunks(t, {
        "pbx1": {"transport": "tls", "srtp_mode": "optional", "srtp_suites": f"{SUITE_80},{SUITE_32}"},
        "gw1": {"transport": "tcp", "srtp_mode": "not_supported"},
    }, routes={"gw1": {"pattern": r"^\+49", "trunks": "gw1"}}, media=True)
    pbx, gw = Side(t, trunks.pbx1), Side(t, trunks.gw1)
    sounds, dialog = itertools.count(1), {}

    def exchange(what, one, offer, answer, expected):
        """`expected`: the form of pbx1's m-line, and whether it has a key."""
        other = gw if one is pbx else pbx
        if not dialog:
            sent = trunks.call("pbx1", "+4930", sdp=offer)
        else:
            dialog["cseq"] += 1
            sent = one.peer.reinvite(*dialog[one.peer], offer, cseq=dialog["cseq"])
        call_id = sent.get("Call-ID")
        got = other.peer.expect("INVITE", call_id=call_id)
        key = other.reads(got.body)
        other.peer.reply(got, 200, "OK", sdp=answer())
        final = one.peer.expect("2xx", call_id=call_id)
        if one is pbx:
            key = one.reads(final.body)
        else:
            one.reads(final.body)
        if not dialog:
            turned = Turned(got, final)
            dialog.update({pbx.peer: (sent, final), gw.peer: (turned, turned), "cseq": 100})
            one.peer.ack(sent, final)
        else:
            one.peer._in_dialog("ACK", *dialog[one.peer], cseq=dialog["cseq"])
        other.peer.expect("ACK", call_id=call_id)
        body = final.body if one is pbx else got.body
        t.equal((re.search(r"m=audio \d+ (\S+)", body)[1], key is not None), expected, what)
        sound = next(sounds)
        t.equal((passes(pbx, gw, sound), passes(gw, pbx, sound)), (True, True), "heard both ways")
        return key

    exchange("an offer without keys", pbx, pbx.says(), gw.says, ("RTP/AVP", False))
    exchange("with a key", pbx, pbx.says(key=KEYS[0]), gw.says, ("RTP/SAVP", True))
    exchange("without again: answered without", pbx, pbx.says(), gw.says, ("RTP/AVP", False))
    exchange("the gateway offers, the key is not taken", gw, gw.says(), pbx.says, ("RTP/AVP", True))
    exchange("it offers, the key is taken", gw, gw.says(),
             lambda: pbx.says("RTP/SAVP", KEYS[0]), ("RTP/AVP", True))
    exchange("another key", pbx, pbx.says("RTP/SAVP", KEYS[1]), gw.says, ("RTP/SAVP", True))
    ours = exchange("another suite", pbx, pbx.says("RTP/SAVP", KEYS[2], SUITE_32), gw.says,
                    ("RTP/SAVP", True))
    kept = pbx.out
    offer = pbx.says("RTP/SAVP", KEYS[2], SUITE_32)
    pbx.out = kept  # its stream goes on
    again = exchange("the same once more", pbx, offer, gw.says, ("RTP/SAVP", True))
    t.equal(again, ours, "is answered with the same key")

    dialog["cseq"] += 1
    pbx.peer.bye(*dialog[pbx.peer], cseq=dialog["cseq"])
    gw.peer.reply(gw.peer.expect("BYE"), 200, "OK")
    pbx.peer.expect("2xx")
    t.equal(trunks.alarms(), [], "nothing was critical")
