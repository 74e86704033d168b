#!/usr/bin/python3
"""Nobody we know: refused, told once, banned by the script; Lync's way where that is asked for."""

import socket
import time

from case import Case
from sandbox import wait_for
from sip import SipPeer, sdp
from trunks import Trunks

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}
MANY = 400


with Case(plan=16) as t:
    trunks = Trunks(t, {"pbx1": PLAIN, "gw1": PLAIN}, defines={"BAN_STRANGERS": "1"},
                    routes={"all": {"pattern": r"^\+\d+$", "trunks": "gw1"}})
    redis = trunks.redis

    def invite(peer, expect="final"):
        sent = peer.request("INVITE", f"sip:+4930@127.0.0.1:{trunks.local['pbx1']}",
                            trunks.address("pbx1"), sdp=sdp(30000))
        return peer.expect(expect, call_id=sent.get("Call-ID"))

    def stranger(number):
        return SipPeer(t, "udp", user=f"s{number}", host=f"127.0.0.{number}")

    first = stranger(77)
    got = invite(first)
    t.equal(got.status, 403, "a stranger gets 403")
    t.like(got.get("Reason"), r"udp from 127\.0\.0\.77 to port \d+: no trunk.*10013", "and why")
    t.equal(got.get("ms-diagnostics"), "", "nothing of Lync's")
    t.equal(trunks.stat("unknown_source"), 1, "it is counted")
    t.equal(len(trunks.lines(" 403: ", "127.0.0.77")), 1, "told in one line")

    # banned (ban.cfg): silence from now on, but not for the trunks
    sent = first.request("INVITE", f"sip:+4930@127.0.0.1:{trunks.local['pbx1']}",
                         trunks.address("pbx1"), sdp=sdp(30000))
    first.expect_none("final", 0.5)
    t.equal(trunks.stat("unknown_source"), 2, "banned: counted, and not answered")

    # a hundred requests within calls that are none of ours
    before = len(trunks.lines(" 481: "))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as scanner:
        scanner.bind(("127.0.0.78", 0))
        for number in range(100):
            scanner.sendto((
                f"BYE sip:900@127.0.0.1:9 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.78:9;branch=z9hG4bKb"
                f"{number}\r\nRoute: <sip:127.0.0.1:{trunks.local['pbx1']};lr>\r\nFrom: <sip:a@b>"
                f";tag={number}\r\nTo: <sip:c@d>;tag=1\r\nCall-ID: bye{number}\r\n"
                "CSeq: 1 BYE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n").encode(),
                trunks.address("pbx1"))
    wait_for("a line about them", lambda: trunks.lines(" 481: ", "from 127.0.0.78"))
    asked = trunks.pbx1.request("OPTIONS", "sip:127.0.0.1", trunks.address("pbx1"))
    t.equal(trunks.pbx1.expect(200, call_id=asked.get("Call-ID")).status, 200, "it answers on")
    t.equal(len(trunks.lines(" 481: ")) - before, 1, "one line about a hundred BYEs")

    # a scan from many addresses is no flood, and calls go on
    began = time.monotonic()
    for number in range(MANY):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as scanner:
            scanner.bind((f"127.0.{1 + number // 200}.{1 + number % 200}", 0))
            port = scanner.getsockname()[1]
            scanner.sendto((
                f"INVITE sip:900@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};"
                f"branch=z9hG4bK{number}\r\nFrom: <sip:a@b>;tag={number}\r\nTo: <sip:c@d>\r\n"
                f"Call-ID: scan{number}\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n"
                "Contact: <sip:a@127.0.0.1>\r\nContent-Length: 0\r\n\r\n").encode(),
                trunks.address("pbx1"))
    wait_for("all of them to be refused", lambda: trunks.stat("unknown_source") == 2 + MANY)
    seconds = int(time.monotonic() - began) + 2
    told = len(trunks.lines("call scan", " 403: "))
    t.ok(0 < told <= 10 * seconds, f"{told} lines about {MANY} sources in {seconds} s")
    sent = trunks.call("pbx1", "+4930", sdp=sdp(30000))
    got = trunks.gw1.expect("INVITE")
    trunks.gw1.reply(got, 486, "Busy Here")
    t.equal(trunks.pbx1.expect(486, call_id=sent.get("Call-ID")).status, 486,
            "a trunk's call goes on")

    # as Lync does it
    redis.hset("med:1:profile:global", imitate_lync="yes")
    wait_for("it to be in force", lambda: trunks.lines("in force: set profile:global"))
    got = invite(stranger(250))
    t.equal(got.status, 400, "imitating Lync a stranger gets 400")
    t.like(got.get("ms-diagnostics"), r'^10013;source="[^"]+";reason="udp from 127\.0\.0\.250.*";'
           r'component="MediationServer";SipResponseCode="400";SipResponseText="Bad Request"$',
           "with ms-diagnostics")
    t.like(got.get("ms-diagnostics-public"), r'^10013;reason="', "and the one for outside")
    t.ok("source=" not in got.get("ms-diagnostics-public"), "which does not tell our name")
    redis.hset("med:1:profile:trunk:pbx1", imitate_lync="yes")

    def refused():
        sent = trunks.call("pbx1", "110", sdp=sdp(30000))
        return trunks.pbx1.expect("final", call_id=sent.get("Call-ID"))

    wait_for("the trunk's own", lambda: refused().get("ms-diagnostics"))
    got = refused()
    t.like(got.get("ms-diagnostics"), r"^12004;source=|^12002;source=", "a known trunk's refusals too")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
