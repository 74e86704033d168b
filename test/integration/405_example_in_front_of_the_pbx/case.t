#!/usr/bin/python3
"""The example of own users in front of the PBX: each call to whom it is for, out by the gateways."""

from case import Case
from example import Example, user
from sandbox import wait_for

with Case(plan=18) as t:
    e = Example(t, "in-front-of-the-pbx")
    e.check(t)
    alice = e.phone("+498955502001")

    # From outside
    called, calling, _, _ = e.taken("gw1", "08955501001", "pbx", "0301234567")
    t.equal((called, calling), ("1001", "00301234567"), "outsider to PBX")
    sent = e.call("gw2", "08955502001", "0301234567", sdp=e.bodies("gw2")[0])
    got = e.talk(e.gw2, sent, alice)
    t.like(got.get("P-Asserted-Identity") + got.get("From"), r"<sip:\+49301234567@",
           "outsider to own user")
    t.equal(e.refused("gw1", "0301234567").status, 404, "no transit")
    t.equal(e.refused("gw1", "08955502999").status, 404, "a user that is not there")

    # From the PBX
    sent = e.call("pbx", "2001", "1001", sdp=e.bodies("pbx")[0])
    t.ok(e.talk(e.pbx, sent, alice), "PBX to own user")
    called, calling, _, _ = e.taken("pbx", "00301234567", "gw1")
    t.equal((called, calling), ("0301234567", "08955501001"), "PBX to PSTN")

    # From own users
    got = e.talk(alice, alice.call("1001"), e.pbx)
    t.equal((user(got.uri), user(got.get("From"))), ("1001", "2001"), "own user to PBX")
    got = e.talk(alice, alice.call("00301234567"), e.gw1)
    t.equal((user(got.uri), user(got.get("From"))), ("0301234567", "08955502001"),
            "own user to PSTN")
    t.equal(user(e.talk(alice, alice.call("112"), e.gw1).uri), "112", "an emergency")
    sent = alice.call("2999")
    t.equal(alice.expect("final", call_id=sent.get("Call-ID")).status, 404,
            "a user who is not registered: 404, and no gateway is asked")

    # A number moves from the PBX to a user: it is registered here.
    moved = e.phone("+498955501001")
    sent = e.call("gw1", "08955501001", "0301234567", sdp=e.bodies("gw1")[0])
    t.ok(e.talk(e.gw1, sent, moved), "a number that is registered here rings here")
    t.equal(e.taken("gw1", "08955501002", "pbx", "0301234567")[0], "1002", "others at the PBX")

    # A gateway is gone.
    e.gw1.close()
    t.equal(user(e.talk(alice, alice.call("00301234567"), e.gw2).uri), "0301234567",
            "gw1 is gone: by gw2")
    wait_for("no call is left", lambda: not e.rtpengine.calls())
    t.equal(e.alarms(), [], "nothing critical was logged")
    t.equal(e.lines("ERROR", "mediation ["), [], "nor an error of ours")
