#!/usr/bin/python3
"""The example of own users behind the PBX: all calls of theirs go by it, and come from it."""

from case import Case
from example import Example, user
from sandbox import wait_for

with Case(plan=16) as t:
    e = Example(t, "behind-the-pbx")
    e.check(t)
    alice, bob = e.phone("+498955502001"), e.phone("+498955502002")

    # The PBX calls them: a colleague, and somebody from outside.
    for number, shown in (("1001", "+498955501001"), ("00301234567", "+49301234567")):
        sent = e.call("pbx", "2001", number, sdp=e.bodies("pbx")[0])
        got = e.talk(e.pbx, sent, alice)
        t.like(got.get("P-Asserted-Identity") + got.get("From"), rf"<sip:\{shown}@",
               f"the PBX calls a user: {number} is shown as {shown}")
        t.like(got.body, "c=IN IP4 127.0.0.2", "media is anchored")

    # They call: each other, a colleague, the world.
    got = e.talk(alice, alice.call("2002"), bob)
    t.like(got.uri, r"^sip:\+498955502002@", "a user calls a user")
    for dialled, sent_as in (("1001", "1001"), ("00301234567", "00301234567"),
                             ("000442071234567", "000442071234567"), ("0112", "112")):
        got = e.talk(alice, alice.call(dialled), e.pbx)
        t.equal((user(got.uri), user(got.get("From"))), (sent_as, "2001"),
                f"{dialled}: as one dials it at the PBX, by 2001")

    # The PBX calls nobody else by us; somebody else's password is none.
    t.equal(e.refused("pbx", "00301234567").status, 404, "the PBX does not call the world by us")
    t.equal(e.refused("pbx", "2999").status, 404, "nor a user that is not there")
    t.equal(bob.register("+498955502001"), 403, "nobody registers as another")
    wait_for("no call is left", lambda: not e.rtpengine.calls())
    t.equal(e.alarms(), [], "nothing critical was logged")
