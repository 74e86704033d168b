#!/usr/bin/python3
"""The example of a PBX and the PSTN joined: both ways, failover, no transit, emergencies."""

from case import Case
from example import Example, user
from sandbox import wait_for

with Case(plan=20) as t:
    e = Example(t, "pbx-and-pstn")
    e.check(t)

    # PBX to PSTN: twice as many by the first gateway, each with the number as the PSTN has it.
    took = {"gw1": 0, "gw2": 0}
    for _ in range(3):
        sent = e.call("pbx1", "00301234567", "1001", sdp=e.bodies("pbx1")[0])
        gateway, got = e.whoever("INVITE", sent.get("Call-ID"))
        took[gateway] += 1
        e.peers[gateway].reply(got, 486, "Busy Here")
        e.pbx1.expect(486, call_id=sent.get("Call-ID"))
        t.equal((user(got.uri), user(got.get("From"))), ("0301234567", "08955501001"),
                f"PBX to PSTN by {gateway}: called and calling number")
    t.ok(took["gw1"] and took["gw2"], f"both take their share: {took}")
    called, _, got, final = e.taken("pbx1", "000442071234567", "gw1")
    t.equal(called, "00442071234567", "abroad, answered and ended")
    t.like(got.body, r"^m=audio \d+ RTP/AVP ", "RTP at the gateway")
    t.like(final.body, r"^m=audio \d+ RTP/SAVP ", "SRTP at the PBX")

    # From outside
    called, calling, got, _ = e.taken("gw1", "08955501001", "pbx1", calling="0301234567")
    t.equal((called, calling), ("1001", "00301234567"), "PSTN to PBX: with the exit digit")
    t.like(got.body, r"^m=audio \d+ RTP/SAVP ", "SRTP at the PBX")
    t.equal(e.refused("gw1", "0301234567").status, 404, "PSTN to PSTN: no usage has it")
    e.change("profile:site:hq", pstn_usages="internal,national")
    got = e.refused("gw1", "0301234567")
    t.equal((got.status, "allow_pstn_to_pstn" in got.get("Reason")), (403, True),
            "and were there one: no transit")

    # Emergencies, and who may call nobody; a gateway that is gone
    e.change("profile:trunk:pbx1", pstn_usages="internal")
    t.equal(e.refused("pbx1", "00301234567").status, 404, "locked: no national calls")
    _, got = e.reaches("pbx1", "0112", "gw1", status=503)
    t.equal(user(got.uri), "112", "0112 is 112")
    got = e.gw2.expect("INVITE", call_id=got.get("Call-ID"))
    t.equal(user(got.uri), "112", "by the other gateway where one does not take it")
    e.gw2.reply(got, 486, "Busy Here")
    e.change("profile:trunk:pbx1", pstn_usages="internal,national,international")
    e.gw1.close()
    for _ in range(2):
        called, _, _, _ = e.taken("pbx1", "00301234567", "gw2")
        t.equal(called, "0301234567", "gw1 is gone: gw2 takes all")
    wait_for("no call is left", lambda: not e.rtpengine.calls())
    t.equal(e.alarms(), [], "nothing critical was logged")
