#!/usr/bin/python3
"""Numbers as nobody should write them, patterns that would take for ever, routes to nowhere."""

import re
import time

from case import Case
from sandbox import PATIENCE, wait_for
from sip import sdp
from trunks import Trunks

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}
FOREVER = r"^(\+?\d+)+[x-z]$"

# What is dialled, and what becomes of it: a status, or the number that the gateway gets.
NUMBERS = (
    ("1", 484), ("+8", 404), ("+49" + "1" * 1000, 484), ("9" * 60000, 0),
    ("alice", 484), ("+49abc", 484), ("%2B49301", "+49301"), ("%2b4930%31", "+49301"),
    ("+49%00", 484), ("%zz", 484), ("%", 484), ("+49%F0%9F%98%80", 484),
    ("+49301;ext=104", "+49301"), ("+49301;phone-context=+1", "+49301"), ("+49(0)30-1.2", "+493012"),
    ("+", 484), ("++49301", 484), ("+4930+1", 484), ("*#21#", 484), ("", 400), ("+49301:pw", "+49301"),
    ("+49301%40evil.example", 484), ("+49301%3Bx=1", 484), ("+49301%0D%0AVia:%20x", 484))

with Case(plan=50) as t:
    trunks = Trunks(t, {
        "pbx1": PLAIN, "gw1": PLAIN,
        "empty": {**PLAIN, "pstn_usages": "nothing"},
        "slow": {**PLAIN, "dial_plan": "slow", "pstn_usages": "slow"}},
        routes={"all": {"pattern": r"^\+49\d+$", "trunks": "gw1"},
                "gone": {"pattern": r"^\+33\d+$", "trunks": "no-such-trunk"},
                "dear": {"pattern": FOREVER, "priority": "0", "usages": "all,slow", "trunks": "gw1"}},
        rules={"slow": [FOREVER + " => $1"]})
    pbx1, gw1 = trunks.pbx1, trunks.gw1

    def comes_of(peer, dialled):
        """A status, or the number at the gateway; 0: no answer at all."""
        sent = trunks.call(peer, dialled, sdp=sdp(30000))
        call_id = sent.get("Call-ID")

        def looked():
            for who, what in ((trunks.peers[peer], "final"), (gw1, "INVITE")):
                try:
                    return who.expect(what, 0, call_id=call_id)
                except Exception:  # pylint: disable=broad-except
                    continue
            return None

        try:
            got = wait_for("something", looked, 1.0 if len(dialled) > 50000 else PATIENCE)
        except Exception:  # pylint: disable=broad-except
            return 0, call_id
        if got.status:
            return got.status, call_id
        gw1.reply(got, 486, "Busy Here")
        trunks.peers[peer].expect(486, call_id=call_id)
        return re.search(r"sip:([^@;]*)", got.uri)[1], call_id

    for dialled, expected in NUMBERS:
        shown = dialled if len(dialled) < 40 else f"{dialled[:8]}... ({len(dialled)})"
        try:
            got, call_id = comes_of("pbx1", dialled)
        except OSError:  # longer than a datagram
            got, call_id = 0, "none"
        t.equal(got, expected, f"{shown}: {expected}")
        if expected in (404, 484):
            t.equal(len(trunks.lines(call_id, f" {expected}: ")), 1, "told in one line")

    # Nowhere to go
    t.equal(comes_of("empty", "+49301")[0], 404, "a usage that no route has")
    status, call_id = comes_of("pbx1", "+33123")
    t.equal((status, bool(trunks.lines(call_id, " 503: "))), (503, True), "a route without a trunk left")

    # For ever
    began = time.monotonic()
    status, call_id = comes_of("pbx1", "+49" + "1" * 60)
    took = time.monotonic() - began
    t.equal(status, "+49" + "1" * 60, "a pattern that would take for ever is passed over")
    t.ok(took < 3, f"within {took * 1000:.0f} ms, the gateway's answer included")
    status, call_id = comes_of("pbx1", "+81" + "1" * 60)
    t.equal(status, 500, "where no other route takes the number the call fails")
    t.ok(trunks.lines(call_id, "route 'dear'"), "and the log names the route")
    status, call_id = comes_of("slow", "1" * 60)
    t.equal(status in (484, 500), True, "a rule of a dial plan that would: the call fails")
    t.ok(trunks.lines(call_id, "dial plan 'slow'"), "and the log names the rules")
    t.equal(comes_of("pbx1", "+49301")[0], "+49301", "calls go on")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
