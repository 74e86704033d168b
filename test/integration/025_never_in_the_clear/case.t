#!/usr/bin/python3
"""Whatever the script does and whatever serves the media: no Required leg is sent or asked
for plain RTP, and no anchored leg sees the other side's address."""

import os
import re

from case import Case
from sandbox import TOP, Failure, Sandbox
from sip import sdp
from trunks import Trunks

KEY = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
SECURE = sdp(31000, profile="RTP/SAVP", key=KEY)
TRUNKS = {
    "pbx1": {"transport": "tls", "srtp_mode": "required"},
    "itsp1": {"transport": "tls", "srtp_mode": "optional"},
    "gw1": {"transport": "tcp", "srtp_mode": "not_supported"},
}
ROUTES = {"in": {"pattern": r"^\+1\d+$", "trunks": "pbx1"},
          "out": {"pattern": r"^\+49\d+$", "trunks": "gw1"},
          "far": {"pattern": r"^\+44\d+$", "trunks": "itsp1"}}
# A script that asks for everything, listens to nothing, and calls rtpengine itself too.
CARELESS = {
    "ignores every return code": """
        branch_route[MED] { med_branch(); med_media(); }
        onreply_route[MED] { med_media(); }
        failure_route[MED] { med_relay("MED"); }""",
    "never asks for media": """
        branch_route[MED] { med_branch(); }
        onreply_route[MED] { return; }
        failure_route[MED] { med_relay("MED"); }""",
    "uses rtpengine without policy": """
        branch_route[MED] { med_branch(); rtpengine_manage("replace-origin"); }
        onreply_route[MED] { rtpengine_manage("replace-origin"); }
        failure_route[MED] { med_relay("MED"); }""",
}


def careless(box, routes):
    """kamailio.cfg with these routes instead of mediation.cfg's, in dialog too."""
    folder = os.path.join(TOP, "kamailio-cfg")
    with open(os.path.join(folder, "mediation.cfg"), encoding="utf-8") as file:
        text = file.read()
    text = re.sub(r"(?ms)^(branch|onreply|failure)_route\[MED\] \{.*?^\}\n", "", text)
    text = text.replace("if (!med_media()) exit;", "med_media();")
    box.write("mediation.cfg", text + routes + "\n")
    with open(os.path.join(folder, "kamailio.cfg"), encoding="utf-8") as file:
        return box.write("kamailio.cfg", file.read())


def leaked(peer, required):
    """What a peer was sent that it must not see, of all that came."""
    found = []
    while not peer._inbox.empty():
        peer._pending.append(peer._inbox.get())
    for message in peer._pending:
        lines = message.body.splitlines()
        if required and any(re.match(r"m=audio [1-9]\d* RTP/AVPF? ", line) for line in lines):
            found.append(f"{message.first}: plain RTP")
        found += [f"{message.first}: {line}" for line in lines
                  if re.match(r"[co]=.*127\.0\.0\.1$", line)]
    return found


def attempts(trunks):
    """Calls of all kinds between all sides; the answers may or may not come through."""
    pbx1, gw1, itsp1 = trunks.pbx1, trunks.gw1, trunks.itsp1

    def seen(peer, what, sent, timeout):
        """The message, which stays to be looked at; None: it did not come."""
        try:
            got = peer.expect(what, timeout, call_id=sent.get("Call-ID"))
        except Failure:
            return None
        peer._pending.append(got)
        return got

    def answer(caller, callee, sent, body):
        """A 183 and a 200, both with this SDP, where the INVITE arrives at all."""
        for _ in range(20):
            got = seen(callee, "INVITE", sent, 0.05)
            if got:
                callee.reply(got, 183, "Session Progress", sdp=body)
                callee.reply(got, 200, "OK", sdp=body)
            if got or seen(caller, "final", sent, 0.0):
                return

    def final(peer, sent, then=None):
        got = seen(peer, "final", sent, 1.5)
        if got and got.status < 300:
            peer.ack(sent, got, sdp=then)
        return got.status if got else 0

    codes = []
    for caller, callee, number, ask, give in (
            (gw1, pbx1, "+1001", sdp(30000), sdp(31000)),
            (gw1, pbx1, "+1001", sdp(30000), SECURE),
            (pbx1, gw1, "+49301", SECURE, sdp(31000)),
            (pbx1, gw1, "+49301", sdp(30000), sdp(31000)),
            (pbx1, itsp1, "+44201", SECURE, sdp(31000)),
            (itsp1, pbx1, "+1001", sdp(30000), sdp(31000))):
        sent = trunks.call(caller.user, number, sdp=ask)
        answer(caller, callee, sent, give)
        codes.append(final(caller, sent))
    sent = trunks.call("gw1", "+1001")
    answer(gw1, pbx1, sent, sdp(31000))
    codes.append(final(gw1, sent, then=sdp(30000)))
    return codes


with Case(plan=20) as t:
    for media in ("plain", None):
        for name, routes in CARELESS.items():
            what = f"{'a plain rtpengine' if media else 'no rtpengine'}, a script that {name}"
            with Sandbox("never") as box:
                trunks = Trunks(box, TRUNKS, ROUTES, media=media, config=careless(box, routes))
                codes = attempts(trunks)
                t.equal(leaked(trunks.pbx1, True) + leaked(trunks.gw1, False)
                        + leaked(trunks.itsp1, False), [], f"{what}: nothing leaks")
                t.ok(200 not in codes, f"{what}: no call is up: {codes}")
                if name == "never asks for media":
                    t.ok(trunks.stat("gate_blocked") > 0, f"{what}: the gate kept them back")

    # The same with the plugin: the careful calls go through, still nothing leaks.
    with Sandbox("never") as box:
        trunks = Trunks(box, TRUNKS, ROUTES, media=True, config=careless(
            box, CARELESS["ignores every return code"]))
        codes = attempts(trunks)
        t.equal(leaked(trunks.pbx1, True) + leaked(trunks.gw1, False)
                + leaked(trunks.itsp1, False), [], "with the plugin: nothing leaks")
        t.ok(codes[1] == 200 and codes[2] == 200,
             f"with the plugin: what the policies allow goes through: {codes}")
        t.ok(200 not in (codes[0], codes[3], codes[6]), f"and only that: {codes}")

    # And with a script as it should be, the plain rtpengine is told from the plugin.
    with Sandbox("never") as box:
        trunks = Trunks(box, TRUNKS, ROUTES, media="plain")
        sent = trunks.call("gw1", "+1001", sdp=sdp(30000))
        got = trunks.gw1.expect("5xx")
        t.equal(got.status, 503, "a plain rtpengine where the plugin should be: 503")
        t.like(got.get("Reason"), "media cannot be anchored", "and says so")
        t.ok(trunks.stat("listener_absent") > 0, "counted")
