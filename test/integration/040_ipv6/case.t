#!/usr/bin/python3
"""Calls over IPv6: trunks by address and by TLS name, media anchored and encrypted."""

from case import Case
from sandbox import wait_for
from sip import sdp
from trunks import Trunks

KEY = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
PLAIN, SECURE = sdp(30000, "::1"), sdp(31000, "::1", profile="RTP/SAVP", key=KEY)

with Case(plan=17) as t:
    trunks = Trunks(t, {
        "udp6": {"transport": "udp", "srtp_mode": "not_supported"},
        "tcp6": {"transport": "tcp", "srtp_mode": "not_supported"},
        "tls6": {"transport": "tls", "srtp_mode": "required"},
    }, routes={"udp": {"pattern": r"^\+1\d+$", "trunks": "udp6"},
               "tcp": {"pattern": r"^\+2\d+$", "trunks": "tcp6"},
               "tls": {"pattern": r"^\+3\d+$", "trunks": "tls6"}},
        media=True, media_address="::1", host="::1")

    for caller, number, callee in (
            ("udp6", "+2001", "tcp6"), ("tcp6", "+3001", "tls6"), ("tls6", "+1001", "udp6")):
        offer = SECURE if caller == "tls6" else PLAIN
        answer = SECURE if callee == "tls6" else PLAIN
        sent, got, final = trunks.answered(caller, callee, number, offer, answer)
        name = f"{caller} to {callee}"
        secure = "SAVP" if callee == "tls6" else "AVP"
        t.like(got.body, rf"^m=audio \d+ RTP/{secure} ", f"{name}: its media")
        t.like(got.body, r"^c=IN IP6 ::1\r?$", f"{name}: at rtpengine's address")
        t.unlike(got.body, r"^m=audio 3[01]000 ", f"{name}: not at the caller's port")
        t.like(got.get("Record-Route"), r"\[::1\]", f"{name}: and it stays in the path")
        trunks.peers[caller].bye(sent, final)
        bye = trunks.peers[callee].expect("BYE", call_id=sent.get("Call-ID"))
        trunks.peers[callee].reply(bye, 200, "OK")
        wait_for("the session to be gone",
                 lambda c=sent: c.get("Call-ID") not in trunks.rtpengine.calls())
        t.ok(True, f"{name}: ends by its BYE")
    t.equal(trunks.stat("answers_refused"), 0, "nothing was refused")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
