#!/usr/bin/python3
"""Media past us over IPv6; and not between IPv4 and IPv6."""

from case import Case
from sandbox import wait_for
from sip import sdp
from trunks import Trunks

PLAIN = {"transport": "tcp", "srtp_mode": "not_supported", "enable_bypass": "yes"}


with Case(plan=4) as t:
    trunks = Trunks(t, {"pbx1": PLAIN, "gw1": PLAIN}, media=True, host="::1")
    trunks.redis.hset("med:1:site:hq", subnets="::1,127.0.0.1")
    trunks.redis.hset("med:1:route:all", pattern=r"^\+\d+$", usages="all", trunks="gw1")
    wait_for("the site", lambda: "media: bypass" in trunks.kamailio.rpc(
        "mediation.explain", "pbx1", "-", "+10"))
    _, got, final = trunks.answered("pbx1", "gw1", "+10", sdp(30000, "::1"), sdp(31000, "::1"))
    t.equal((got.body, final.body), (sdp(30000, "::1"), sdp(31000, "::1")), "past us")
    t.equal(trunks.rtpengine.calls(), [], "without a session")
    sent = trunks.call("pbx1", "+10", sdp=sdp(30000))
    got = trunks.gw1.expect("INVITE", call_id=sent.get("Call-ID"))
    t.ok("127.0.0.2" in got.body, "IPv4 media to a gateway with IPv6: anchored")
    t.equal((trunks.lines("kept back"), trunks.alarms()), ([], []), "nothing is kept back")
