#!/usr/bin/python3
"""What ends progress_timeout_ms: any 18x, only one with SDP, or 100 already."""

import time

from case import Case
from sip import sdp
from trunks import Trunks

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}
QUICK = {**PLAIN, "trying_timeout_ms": "20000", "progress_timeout_ms": "1000"}

with Case(plan=10) as t:
    trunks = Trunks(t, {
        "pbx1": PLAIN, "ring": QUICK, "media": {**QUICK, "progress_is": "sdp"},
        "any": {**QUICK, "progress_is": "100"}, "gw1": {**PLAIN, "trying_timeout_ms": "20000"},
    }, routes={name: {"pattern": rf"^\+{number}\d+$", "priority": "0", "trunks": f"{name}*0,gw1*0"}
               for number, name in ((1, "ring"), (2, "media"), (3, "any"))})
    pbx1, gw1 = trunks.pbx1, trunks.gw1

    def call(name, number, *answers):
        """It answers so, and then no more; 'next': the call went on. Seconds since it began."""
        peer, began = trunks.peers[name], time.monotonic()
        sent = trunks.call("pbx1", f"+{number}301234567", sdp=sdp(30000))
        this = sent.get("Call-ID")
        got = peer.expect("INVITE", call_id=this)
        for code, body in answers:
            peer.reply(got, code, "So be it", sdp=sdp(31000) if body else None)
            if code > 100:
                pbx1.expect(code, call_id=this)
        try:
            other = gw1.expect("INVITE", 2.5, call_id=this)
        except Exception:  # pylint: disable=broad-except # it did not come
            peer.reply(got, 486, "Busy Here")
            pbx1.expect(486, call_id=this)
            return "stays", 0
        took = time.monotonic() - began
        peer.expect("CANCEL", call_id=this)
        gw1.reply(other, 486, "Busy Here")
        pbx1.expect(486, call_id=this)
        return "next", took

    where, took = call("ring", 1, (100, False))
    t.equal(where, "next", "100 is no progress")
    t.ok(0.8 < took, f"when the time is over: {took:.2f} s")
    t.equal(call("ring", 1, (100, False), (180, False))[0], "stays", "180 is")
    t.equal(call("ring", 1, (183, True))[0], "stays", "183, too")
    where, took = call("media", 2, (100, False), (180, False))
    t.equal(where, "next", "where only media is: 180 is none")
    t.ok(0.8 < took, f"nor does it begin anew: {took:.2f} s")
    t.equal(call("media", 2, (180, False), (183, True))[0], "stays", "but a 183 with SDP is")
    t.equal(call("media", 2, (180, True))[0], "stays", "and so is a 180 with it")
    t.equal(call("any", 3, (100, False))[0], "stays", "where 100 is, it is enough")
    t.equal(trunks.alarms(), [], "nothing is critical")
