#!/usr/bin/python3
"""Answers that come too late or are refused end at us; ending them takes the way back."""

from case import Case
from sandbox import wait_for
from sip import sdp
from trunks import Trunks

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}
KEY = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
SECURE = sdp(31000, profile="RTP/SAVP", key=KEY)

with Case(plan=16) as t:
    trunks = Trunks(t, {
        "pbx1": {"transport": "tls", "srtp_mode": "required"},
        "tcp1": {"transport": "tcp", "srtp_mode": "not_supported"},
        "u1": PLAIN, "u2": {**PLAIN, "trying_timeout_ms": "500"}, "u3": PLAIN,
    }, routes={"in": {"pattern": r"^\+1\d+$", "trunks": "pbx1"},
               "late": {"pattern": r"^\+2\d+$", "trunks": "u2"},
               "next": {"pattern": r"^\+23\d+$", "trunks": "u3", "priority": "1"},
               "plain": {"pattern": r"^\+4\d+$", "trunks": "u3"}}, media=True)
    pbx1, tcp1, u1, u2, u3 = (trunks.peers[n] for n in trunks.names)

    # A refused answer from behind proxies: ACK and BYE carry their Routes.
    sent = trunks.call("tcp1", "+1001", sdp=sdp(30000))
    got = pbx1.expect("INVITE")
    ours = got.all("Record-Route")
    kept = ("via", "from", "call-id", "cseq")
    near, far = (f"<sip:{host}.example:{pbx1.port};transport=tls;lr>" for host in ("near", "far"))
    lines = ["SIP/2.0 200 OK", *[f"{n}: {v}" for n, v in got.headers if n.lower() in kept],
             f"Record-Route: {far}, {near}", *[f"Record-Route: {r}" for r in ours],
             f"To: {got.get('To')};tag=q", "Contact: <sip:inner@10.99.99.99:5061;transport=tls>"]
    pbx1.send(lines, sdp(31000), link=got.link)
    ack, bye = pbx1.expect("ACK"), pbx1.expect("BYE")
    for request in (ack, bye):
        t.equal([r.strip() for line in request.all("Route") for r in line.split(",")],
                [near, far], f"{request.method} of a refused answer: the proxies' Routes, in order")
        t.like(request.uri, "^sip:inner@10.99.99.99:5061", f"{request.method}: its own target")
    pbx1.reply(bye, 200, "OK")
    tcp1.expect(488)

    # Refused with another code than 488, which ends what crosses the CANCEL as well.
    sent = trunks.call("tcp1", "+1002", sdp=sdp(30000))
    got = pbx1.expect("INVITE", call_id=sent.get("Call-ID"))
    pbx1.reply(got, 183, "Session Progress", sdp="v=0\r\nm=audio\r\n")
    cancel = pbx1.expect("CANCEL")
    t.equal(tcp1.expect("4xx", call_id=sent.get("Call-ID")).status, 400,
            "unusable SDP in a 183: the caller gets 400")
    pbx1.reply(cancel, 200, "OK")
    pbx1.reply(got, 200, "OK", sdp=sdp(31000))
    pbx1.expect("ACK")
    bye = pbx1.expect("BYE")
    t.like(bye.get("Reason"), "SIP;cause=400;", "and so says the BYE after a 200")
    pbx1.reply(bye, 200, "OK")

    # One BYE, one delete.
    sent, got, answer = trunks.answered("tcp1", "pbx1", "+1001", sdp(30000), SECURE)
    tcp1.reinvite(sent, answer, sdp(30002), cseq=2)
    pbx1.reply(pbx1.expect("INVITE"), 200, "OK", sdp="v=0\r\nm=audio\r\n")
    pbx1.expect("ACK")
    t.equal(tcp1.expect("4xx", call_id=sent.get("Call-ID")).first, "SIP/2.0 400 Bad Request",
            "a refused answer to a re-INVITE has its code's phrase")
    tcp1.bye(sent, answer, cseq=3)
    pbx1.reply(pbx1.expect("BYE"), 200, "OK")
    tcp1.expect("2xx", call_id=sent.get("Call-ID"))
    wait_for("the session to be gone",
             lambda: sent.get("Call-ID") not in trunks.rtpengine.calls())
    deletes = [line for line in trunks.rtpengine.process.text().splitlines()
               if "Received command 'delete'" in line and sent.get("Call-ID") in line]
    t.equal(len(deletes), 1, "a BYE asks rtpengine to delete once")

    # No answer in time: the caller has its final answer, then the 200 comes.
    sent = trunks.call("u1", "+200", sdp=sdp(30000))
    got = u2.expect("INVITE", call_id=sent.get("Call-ID"))
    t.equal(u1.expect("5xx", call_id=sent.get("Call-ID")).status, 503, "no answer: 503")
    u2.reply(got, 200, "OK", sdp=sdp(31000))
    t.ok(u2.expect("ACK", call_id=sent.get("Call-ID")), "its late 200 is acknowledged")
    bye = u2.expect("BYE", call_id=sent.get("Call-ID"))
    t.ok(bye, "and ended")
    u2.reply(bye, 200, "OK")
    u1.expect_none("2xx", 0.5)
    t.ok(True, "the caller hears of no 200")
    # The same while the next candidate rings.
    sent = trunks.call("u1", "+2300", sdp=sdp(30000))
    got = u2.expect("INVITE", call_id=sent.get("Call-ID"))
    second = u3.expect("INVITE", call_id=sent.get("Call-ID"))
    u3.reply(second, 180, "Ringing")
    u1.expect(180, call_id=sent.get("Call-ID"))
    u2.reply(got, 200, "OK", sdp=sdp(31000))
    t.ok(u2.expect("BYE", call_id=sent.get("Call-ID")), "late, the next one rings: ended")
    u1.expect_none("2xx", 0.3)
    u3.reply(second, 200, "OK", sdp=sdp(32000), tag="u3")
    final = u1.expect("2xx", call_id=sent.get("Call-ID"))
    t.like(final.get("To"), "tag=u3", "and the next one's 200 goes through")
    u1.ack(sent, final)
    u3.expect("ACK", call_id=sent.get("Call-ID"))

    # Within a call whose media nobody anchors: nothing to complain of.
    sent, got, answer = trunks.answered("u1", "u3", "+4930", sdp(30000), sdp(31000))
    for cseq, method in ((2, "INVITE"), (3, "UPDATE"), (4, "INFO")):
        u1._in_dialog(method, sent, answer, sdp=sdp(30002), cseq=cseq)
        u3.reply(u3.expect(method, call_id=sent.get("Call-ID")), 200, "OK", sdp=sdp(31002))
        u1.expect("2xx", call_id=sent.get("Call-ID"))
        if method == "INVITE":
            u1._in_dialog("ACK", sent, answer, cseq=cseq)
            u3.expect("ACK", call_id=sent.get("Call-ID"))
    t.equal(trunks.lines("ERROR", "mediation ["), [], "unanchored re-offers: no error is logged")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
