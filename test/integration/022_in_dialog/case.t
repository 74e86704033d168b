#!/usr/bin/python3
"""Requests within a call: by the Record-Route parameter, from the call's own sides only."""

import re

from case import Case
from sandbox import wait_for
from sip import SipPeer, sdp
from trunks import Trunks, Turned

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}

with Case(plan=19) as t:
    trunks = Trunks(t, {"pbx1": PLAIN, "gw1": {**PLAIN, "transport": "tcp"}, "gw2": PLAIN},
                    routes={"all": {"pattern": r"^\+\d+$", "trunks": "gw1"}})
    pbx1, gw1, gw2 = trunks.pbx1, trunks.gw1, trunks.gw2

    sent, got, answer = trunks.answered("pbx1", "gw1", "+4930", sdp(30000), sdp(31000))
    t.like(" ".join(answer.all("Record-Route")), r";med=pbx1~gw1~nbnb[\w-]{19}(?![\w-])",
           "the parameter names both trunks and both policies")
    out, back = got.all("Record-Route")
    t.like(out, rf"^<sip:127\.0\.0\.1:{trunks.local['gw1']};transport=tcp;r2=on;.*\blr\b",
           "Record-Route: our socket towards the gateway first, with its transport")
    t.like(back, rf"^<sip:127\.0\.0\.1:{trunks.local['pbx1']};r2=on;.*\blr\b",
           "then the one towards the caller")
    again = pbx1.reinvite(sent, answer, sdp(30002), cseq=2)
    offer = gw1.expect("INVITE")
    t.like(offer.body, "m=audio 30002", "a re-INVITE of the caller reaches the callee")
    gw1.reply(offer, 200, "OK", sdp=sdp(31002))
    final = pbx1.expect("2xx")
    pbx1.ack(again, answer)  # the route set is the one of the first INVITE
    gw1.expect("ACK")

    # From the callee: its dialog is the caller's turned around.
    turned = Turned(got, answer)
    back = gw1.reinvite(turned, turned, sdp(31004), cseq=101)
    offer = pbx1.expect("INVITE")
    t.like(offer.body, "m=audio 31004", "a re-INVITE of the callee reaches the caller")
    pbx1.reply(offer, 200, "OK", sdp=sdp(30004))
    final_back = gw1.expect("2xx")
    gw1.ack(back, turned)
    t.ok(pbx1.expect("ACK"), "and is acknowledged")

    # Not from the sides of this call, not with another tag, not without one.
    def forged(what, peer, change, code, method="INVITE"):
        routes = [r for line in answer.all("Record-Route") for r in line.split(",")][::-1]
        lines = [f"{method} sip:gw1@127.0.0.1:{gw1.port};transport=tcp SIP/2.0",
                 f"Via: SIP/2.0/UDP 127.0.0.1:{trunks.peers[peer].port}"
                 f";branch=z9hG4bK{abs(hash(what)):x};rport",
                 "Max-Forwards: 70", *[f"Route: {change(r.strip())}" for r in routes],
                 f"From: {sent.get('From')}", f"To: {answer.get('To')}",
                 f"Call-ID: {sent.get('Call-ID')}", f"CSeq: 50 {method}",
                 f"Contact: {trunks.peers[peer].contact}"]
        trunks.peers[peer].send(lines, sdp(39000), to=trunks.address(peer))
        got = trunks.peers[peer].expect("4xx")
        t.equal(got.status, code, f"{what}: {code}")

    forged("no parameter", "pbx1", lambda r: re.sub(r";med=[^;>]*", "", r), 481)
    forged("a wrong tag", "pbx1", lambda r: re.sub(r"(~nbnb.{8}).{11}", r"\1" + "A" * 11, r), 481)
    forged("other trunks", "pbx1", lambda r: r.replace("~gw1~", "~gw2~"), 481)
    forged("a weaker policy", "pbx1", lambda r: r.replace("nbnb", "obnb"), 481)
    forged("another place", "pbx1", lambda r: re.sub(r"(~nbnb).{8}", r"\1" + "B" * 8, r), 481)
    forged("a torn parameter", "pbx1", lambda r: re.sub(r"(~nbnb.{8}).{11}", r"\1", r), 481)
    forged("something carried", "pbx1", lambda r: re.sub(r"(~nbnb.{19})", r"\1ABCD", r), 481)
    forged("a long parameter", "pbx1", lambda r: r.replace(";med=", ";med=" + "x" * 300), 481)
    # The parameter of one call is worth nothing in another.
    other = pbx1.request("INVITE", sent.uri, trunks.address("pbx1"), sdp=sdp(39002), headers=[
        f"Route: {r.strip()}" for line in answer.all("Record-Route") for r in line.split(",")],
        to_header="<sip:x@127.0.0.1>;tag=made-up")
    t.equal(pbx1.expect("4xx", call_id=other.get("Call-ID")).status, 481,
            "a parameter moved to another call: 481")
    # Someone else knows everything of the call, but has not the address of its sides.
    stranger = SipPeer(t, user="stranger", host="127.0.0.9")
    routes = [r for line in answer.all("Record-Route") for r in line.split(",")][::-1]
    stranger.request("BYE", f"sip:gw1@127.0.0.1:{gw1.port};transport=tcp",
                     trunks.address("pbx1"), cseq=60, call_id=sent.get("Call-ID"),
                     headers=[f"Route: {r.strip()}" for r in routes],
                     from_header=sent.get("From"), to_header=answer.get("To"))
    t.equal(stranger.expect("4xx").status, 403, "a request that is not from the side it names: 403")

    # A trunk taken away leaves its calls up: they end by their own BYE.
    trunks.redis.command("DEL", "med:1:trunk:gw1", "med:1:route:all")
    wait_for("the trunk to be gone",
             lambda: "gw1" not in trunks.kamailio.rpc("mediation.trunks"))
    bye = gw1.bye(turned, turned, cseq=102)
    got = pbx1.expect("BYE")
    pbx1.reply(got, 200, "OK")
    t.equal(gw1.expect("2xx").method, "BYE", "a call outlives its trunk, and ends by its BYE")
    came = [m.get("CSeq") for m in [*gw1._pending, *gw1._inbox.queue]]
    t.ok("50 INVITE" not in came, "none of the forged ones reached the gateway")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
