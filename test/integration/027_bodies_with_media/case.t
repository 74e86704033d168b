#!/usr/bin/python3
"""However a body wraps its media: a peer sees the one SDP that was checked and rewritten,
or none at all."""

import os
import re

from case import Case
from sandbox import TOP, Failure, Sandbox
from sip import sdp
from trunks import Trunks

KEY = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
SECURE = sdp(31000, profile="RTP/SAVP", key=KEY)
PLAIN = sdp(30000)
TRUNKS = {
    "pbx1": {"transport": "tls", "srtp_mode": "required"},
    "gw1": {"transport": "tcp", "srtp_mode": "not_supported"},
    # required, and not anchored: no media node is asked, the policy holds all the same
    "pbx2": {"transport": "tls", "srtp_mode": "required", "anchor": "no"},
    "gw2": {"transport": "tcp", "srtp_mode": "not_supported", "anchor": "no"},
}
ROUTES = {"in": {"pattern": r"^\+1\d+$", "trunks": "pbx1"},
          "in2": {"pattern": r"^\+2\d+$", "trunks": "pbx2"},
          "out": {"pattern": r"^\+49\d+$", "trunks": "gw1"}}
MIXED = "multipart/mixed;boundary=o"


def part(headers, body=PLAIN):
    return f"{headers}\r\n\r\n{body}\r\n"


def wrapped(*parts, boundary="o"):
    return "".join(f"--{boundary}\r\n{p}" for p in parts) + f"--{boundary}--\r\n"


APPLICATION = part("Content-Type: application/sdp")
INNER = wrapped(APPLICATION, boundary="i")
# name: (headers of the body, body, code the caller gets)
REFUSED = {
    "a multipart within a multipart": (
        [f"Content-Type: {MIXED}"],
        wrapped(part("Content-Type: multipart/alternative;boundary=i", INNER)), 488),
    "a second SDP": ([f"Content-Type: {MIXED}"], wrapped(APPLICATION, APPLICATION), 488),
    "a second SDP that is called text": (
        [f"Content-Type: {MIXED}"], wrapped(APPLICATION, part("Content-Type: text/plain")), 488),
    "an SDP after the last part": (
        [f"Content-Type: {MIXED}"], wrapped(APPLICATION) + PLAIN, 488),
    "text/plain": (["Content-Type: text/plain"], PLAIN, 488),
    "no Content-Type": ([], PLAIN, 400),
    "two Content-Types": (
        ["Content-Type: text/plain", "Content-Type: application/sdp"], PLAIN, 400),
    "a boundary that cannot be read": (
        ["Content-Type: multipart/mixed"], wrapped(APPLICATION), 400),
    "an encoded part": ([f"Content-Type: {MIXED}"], wrapped(part(
        "Content-Type: application/sdp\r\nContent-Transfer-Encoding: quoted-printable",
        "v=0\r\ni=0Am=3Daudio 30000 RTP/AVP 8")), 400),
    "an encoded body": (
        ["Content-Type: application/sdp", "Content-Encoding: gzip"], PLAIN, 400),
    "a carriage return alone": (
        ["Content-Type: application/sdp"],
        SECURE.replace("t=0 0", "t=0 0\rm=audio 30000 RTP/AVP 8"), 400),
}
# What is one SDP goes on, rewritten; a type folded or commented is that type. A boundary
# on a second line is too much for the stock rtpengine module: 503.
ONE = {
    "a folded Content-Type": (["Content-Type:\r\n application/sdp"], PLAIN),
    "a comment": (["Content-Type: application/sdp (x)"], PLAIN),
    "one part": ([f"Content-Type: {MIXED}"], wrapped(APPLICATION)),
    "a part's folded header": (
        [f"Content-Type: {MIXED}"], wrapped(part("Content-Type:\r\n application/sdp"))),
    "a quoted boundary": (
        ['Content-Type: multipart/mixed;boundary="a;b"'], wrapped(APPLICATION, boundary="a;b")),
    "a folded boundary": (["Content-Type: multipart/mixed;\r\n boundary=o"],
                          wrapped(APPLICATION)),
}
CARELESS = """
branch_route[MED] { med_branch(); }
onreply_route[MED] { return; }
failure_route[MED] { med_relay("MED"); }
"""


def careless(box):
    """kamailio.cfg whose script never asks for media."""
    folder = os.path.join(TOP, "kamailio-cfg")
    with open(os.path.join(folder, "mediation.cfg"), encoding="utf-8") as file:
        text = re.sub(r"(?ms)^(branch|onreply|failure)_route\[MED\] \{.*?^\}\n", "",
                      file.read())
    box.write("mediation.cfg", text + CARELESS)
    with open(os.path.join(folder, "kamailio.cfg"), encoding="utf-8") as file:
        return box.write("kamailio.cfg", file.read())


def send(trunks, caller, number, headers, body):
    """An INVITE with this body and its headers as they are; its Call-ID."""
    peer = trunks.peers[caller]
    uri = f"sip:{number}@127.0.0.1:{trunks.local[caller]}"
    send.count = getattr(send, "count", 0) + 1
    call_id = f"body-{send.count}@{trunks.sandbox.dir}"
    lines = [f"INVITE {uri} SIP/2.0",
             f"Via: SIP/2.0/{peer.transport.upper()} 127.0.0.1:{peer.port}"
             f";branch=z9hG4bK{send.count}x{peer.port};rport",
             "Max-Forwards: 70", f"From: <sip:1000@127.0.0.1>;tag=t{send.count}",
             f"To: <{uri}>", f"Call-ID: {call_id}", "CSeq: 1 INVITE",
             f"Contact: {peer.contact}", *headers, f"Content-Length: {len(body)}"]
    peer.send_raw(("\r\n".join(lines) + "\r\n\r\n" + body).encode(), trunks.address(caller))
    return call_id


def outcome(trunks, caller, callee, call_id):
    """("INVITE", m-lines and addresses the callee saw), or (code, Reason) of the caller."""
    for _ in range(100):
        try:
            got = trunks.peers[callee].expect("INVITE", 0.02, call_id=call_id)
            trunks.peers[callee].reply(got, 486, "Busy Here")
            return "INVITE", re.findall(r"(?m)^[mco]=[^\r\n]*", got.body)
        except Failure:
            pass
        try:
            got = trunks.peers[caller].expect("final", 0.02, call_id=call_id)
            return got.status, got.get("Reason")
        except Failure:
            pass
    return "nothing", ""


def checked(lines):
    """One SDP, SRTP, and only rtpengine's address."""
    return (not isinstance(lines, str) and len([x for x in lines if x.startswith("m=")]) == 1
            and any(re.match(r"m=audio \d+ RTP/SAVP ", x) for x in lines)
            and all(x.endswith("127.0.0.2") for x in lines if x[0] in "co"))


def bad_answers(t, trunks):
    """The same in an answer: a caller that is anchored sees nothing of it."""
    sent = trunks.call("pbx1", "+4930", sdp=SECURE)
    got = trunks.gw1.expect("INVITE", call_id=sent.get("Call-ID"))
    body = wrapped(APPLICATION, APPLICATION)
    lines = ["SIP/2.0 200 OK"] + [
        f"{n}: {v}" for n, v in got.headers
        if n.lower() in ("via", "record-route", "from", "call-id", "cseq")]
    lines += [f"To: {got.get('To')};tag=x", f"Contact: {trunks.gw1.contact}",
              f"Content-Type: {MIXED}", f"Content-Length: {len(body)}"]
    trunks.gw1.send_raw(("\r\n".join(lines) + "\r\n\r\n" + body).encode(), link=got.link)
    final = trunks.pbx1.expect("final", call_id=sent.get("Call-ID"))
    t.equal((final.status, final.body), (488, ""), "an answer with two SDPs: 488 upstream")
    t.ok(trunks.gw1.expect("ACK") and trunks.gw1.expect("BYE"), "and its sender is ended")


with Case(plan=3 * len(REFUSED) + 2 * len(ONE) + 4) as t:
    with Sandbox("bodies") as box:
        trunks = Trunks(box, TRUNKS, ROUTES, media=True)
        for name, (headers, body, code) in REFUSED.items():
            for caller, callee, number in (("gw1", "pbx1", "+1001"), ("gw2", "pbx2", "+2001")):
                got = outcome(trunks, caller, callee,
                              send(trunks, caller, number, headers, body))
                t.ok(got[0] == code and "unusable body" in got[1],
                     f"{name}, {caller} to {callee}: {code} with a Reason: {got}")
        for name, (headers, body) in ONE.items():
            got = outcome(trunks, "gw1", "pbx1", send(trunks, "gw1", "+1001", headers, body))
            t.ok(checked(got[1]) if name != "a folded boundary" else got[0] == 503,
                 f"{name}: the peer sees one SDP, SRTP from rtpengine, or nothing: {got}")
        bad_answers(t, trunks)
        t.equal(trunks.alarms(), [], "nothing critical was logged")

    # A script that never asks for media: the gate reads bodies as med_media() does.
    with Sandbox("bodies") as box:
        trunks = Trunks(box, TRUNKS, ROUTES, media=True, config=careless(box))
        for name, (headers, body) in {
                **{n: r[:2] for n, r in REFUSED.items() if n != "an encoded part"}, **ONE}.items():
            got = outcome(trunks, "gw1", "pbx1", send(trunks, "gw1", "+1001", headers, body))
            t.ok(got[0] not in ("INVITE", "nothing"), f"careless script, {name}: {got}")
        got = outcome(trunks, "gw1", "pbx1",
                      send(trunks, "gw1", "+1001", ["Content-Type: text/plain"], "team=1"))
        t.equal(got, ("INVITE", []), "careless script, a text without media: it goes on")
        t.equal(trunks.stat("gate_blocked"), len(REFUSED) - 1 + len(ONE),
                "careless script: each counted")
