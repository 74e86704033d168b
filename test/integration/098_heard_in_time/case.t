#!/usr/bin/python3
"""A caller that goes elsewhere after 1.5 s without 100 and 10 s without ringing, as Lync does,
hears both in time: with the timers as they are by default, and through three trunks that fail.
"""

import time

from case import Case
from sip import sdp
from trunks import Trunks

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}

with Case(plan=8) as t:
    trunks = Trunks(t, {
        "lync": {**PLAIN, "transport": "tls"}, "silent": PLAIN, "mute": {**PLAIN, "transport": "tcp"},
        "busy": PLAIN, "gw1": PLAIN, "slow": {**PLAIN, "progress_timeout_ms": "4000"},
    }, routes={"chain": {"pattern": r"^\+49", "trunks": "silent"},
               "2": {"pattern": r"^\+49", "trunks": "mute", "priority": "1"},
               "3": {"pattern": r"^\+49", "trunks": "busy", "priority": "2"},
               "4": {"pattern": r"^\+4", "trunks": "gw1", "priority": "3"},
               "slow": {"pattern": r"^\+43", "trunks": "slow"}})
    lync, gw1 = trunks.lync, trunks.gw1

    def rings(number, until):
        """What happens before gw1 rings, by `until`; when the caller had 100, and when 180."""
        began = time.monotonic()
        sent = trunks.call("lync", number, sdp=sdp(30000))
        lync.expect(100)
        trying = time.monotonic() - began
        until()
        got = gw1.expect("INVITE")
        gw1.reply(got, 180, "Ringing")
        lync.expect(180)
        after = time.monotonic() - began
        gw1.reply(got, 200, "OK", sdp=sdp(32000))
        lync.ack(sent, lync.expect("2xx"))
        gw1.expect("ACK")
        return trying, after

    def three_fail():
        trunks.silent.expect("INVITE")
        trunks.mute.expect("INVITE")
        trunks.busy.reply(trunks.busy.expect("INVITE"), 503, "Service Unavailable")

    trying, after = rings("+4930", three_fail)
    t.ok(trying < 1.5, f"100 after {trying:.2f} s")
    t.ok(after < 10, f"one silent, one mute, one with 503: ringing after {after:.2f} s")
    for name in ("silent", "mute"):
        t.equal(len(trunks.lines(f"trunk '{name}' timed out: 408")), 1, f"{name}: its timer ended it")
    t.equal(len(trunks.lines("trunk 'busy' answered 503")), 1, "busy: its answer did")

    # One that says 100 has progress_timeout_ms: 10 s by default, which is all the caller's time.
    def trying_only():
        trunks.slow.reply(trunks.slow.expect("INVITE"), 100, "Trying")
        trunks.slow.reply(trunks.slow.expect("CANCEL"), 200, "OK")

    trying, after = rings("+4330", trying_only)
    t.ok(trying < 1.5 and 3 < after < 10,
         f"one that says 100 and does not ring, progress_timeout_ms 4000: ringing after {after:.2f} s")
    t.equal(len(trunks.lines("trunk 'slow' timed out: 408")), 1, "its timer ended it")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
