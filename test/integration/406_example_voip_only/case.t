#!/usr/bin/python3
"""The example without a PBX: own users, gateways, a fax adapter, calls abroad by day."""

from case import Case
from example import Example, user
from sandbox import wait_for

with Case(plan=17) as t:
    e = Example(t, "voip-only")
    e.check(t)
    alice, bob = e.phone("+498955502001"), e.phone("+498955502002")

    got = e.talk(alice, alice.call("2002"), bob)
    t.like(got.uri, r"^sip:\+498955502002@", "user to user")
    got = e.talk(alice, alice.call("00301234567"), e.gw1)
    t.equal((user(got.uri), user(got.get("From"))), ("0301234567", "08955502001"), "user to PSTN")
    sent = e.call("gw1", "08955502001", "0301234567", sdp=e.bodies("gw1")[0])
    t.like(e.talk(e.gw1, sent, alice).uri, r"^sip:\+498955502001@", "PSTN to user")
    got = e.talk(alice, alice.call("2900"), e.fax)
    t.equal(user(got.uri), "2900", "user to fax")
    t.equal(e.taken("gw2", "08955502900", "fax", "0301234567")[0], "2900", "PSTN to fax")
    t.equal(e.taken("fax", "00301234567", "gw1", "2900")[0], "0301234567", "fax to PSTN")
    t.equal(e.refused("fax", "000442071234567", "2900").status, 404, "fax abroad: no")
    t.equal(e.refused("gw1", "0301234567").status, 404, "no transit")

    # Abroad: while the office is open.
    e.change("schedule:office", times="daily", closed="2020-01-01")
    got = e.talk(alice, alice.call("000442071234567"), e.gw1)
    t.equal(user(got.uri), "00442071234567", "abroad by day")
    e.change("schedule:office", closed="01-01..12-31")
    sent = alice.call("000442071234567")
    t.equal(alice.expect("final", call_id=sent.get("Call-ID")).status, 404, "not by night")
    t.equal(user(e.talk(alice, alice.call("112"), e.gw1).uri), "112", "112 at any time")

    # A user without a telephone, and a gateway that is gone.
    sent = alice.call("2003")
    t.equal(alice.expect("final", call_id=sent.get("Call-ID")).status, 404,
            "a user who is not registered: 404, and no gateway is asked")
    wait_for("no call is left", lambda: not e.rtpengine.calls())
    e.gw1.close()
    t.equal(user(e.talk(alice, alice.call("00301234567"), e.gw2).uri), "0301234567",
            "gw1 is gone: by gw2")
    t.equal(e.alarms(), [], "nothing critical was logged")
