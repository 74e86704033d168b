#!/usr/bin/python3
"""The example of a branch: its calls go by the centre, and without it by its own gateway."""

import time

from case import Case
from example import Example, user

with Case(plan=19) as t:
    e = Example(t, "branch")
    e.check(t)

    # Day by day
    called, calling, _, _ = e.taken("pbx", "00301234567", "centre", "4001")
    t.equal((called, calling), ("+49301234567", "+4943166604001"), "to the world by the centre")
    called, _, _, _ = e.taken("pbx", "1001", "centre", "4001")
    t.equal(called, "+498955501001", "to a colleague by the centre")
    t.equal(e.taken("centre", "+4943166604001", "pbx", "+498955501001")[0], "4001",
            "from the centre to a telephone")
    t.equal(e.taken("gw", "043166604001", "pbx", "0301234567")[0], "4001", "from outside")
    t.equal(e.refused("gw", "0301234567").status, 404, "no transit from outside")
    t.equal(user(e.reaches("pbx", "0112", "gw")[1].uri), "112", "an emergency leaves here")

    # The centre hears nothing: the line is cut.
    sent = e.call("pbx", "00301234567", "4001", sdp=e.bodies("pbx")[0])
    e.centre.expect("INVITE", call_id=sent.get("Call-ID"))
    began = time.monotonic()
    got = e.gw.expect("INVITE", call_id=sent.get("Call-ID"))
    t.ok(time.monotonic() - began < 5, "the centre is silent: by our own gateway, soon")
    t.equal((user(got.uri), user(got.get("From"))), ("0301234567", "043166604001"),
            "with numbers as the PSTN has them")
    e.gw.reply(got, 200, "OK", sdp=e.bodies("gw")[0])
    answer = e.pbx.expect("2xx", call_id=sent.get("Call-ID"))
    e.pbx.ack(sent, answer)
    e.gw.expect("ACK", call_id=sent.get("Call-ID"))

    # Gone altogether, Redis as well: calls that are up stay, new ones go on.
    e.centre.close()
    e.redis.stop()
    e.pbx.bye(sent, answer)
    bye = e.gw.expect("BYE", call_id=sent.get("Call-ID"))
    e.gw.reply(bye, 200, "OK")
    t.equal(e.pbx.expect(200, call_id=sent.get("Call-ID")).method, "BYE", "a call that was up ends")
    t.equal(e.taken("pbx", "1001", "gw", "4001")[0], "08955501001", "a colleague, by the PSTN")

    # Power fails as well.
    e.kamailio.stop()
    e.start()
    t.like(e.kamailio.rpc("mediation.status"), "source: disk", "started from what it had last")
    t.equal(e.taken("pbx", "00301234567", "gw", "4001")[0], "0301234567", "and calls on")
    t.equal(e.taken("gw", "043166604001", "pbx", "0301234567")[0], "4001", "in both directions")
    t.equal(user(e.reaches("pbx", "110", "gw")[1].uri), "110", "emergencies, too")
    t.equal(e.stored_cases(), (3, 0), "its stored cases still pass")
    t.equal(e.alarms(), [], "nothing critical was logged")
