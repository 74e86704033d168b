#!/usr/bin/python3
"""The example of a provider's trunk: digest, its domain, SRTP if it likes; no strangers."""

import re

from case import Case
from example import Example, offer, user
from sandbox import wait_for
from sip import SipPeer, sdp

CHALLENGE = 'Proxy-Authenticate: Digest realm="itsp.example", nonce="dcd98b7102dd2f0e8b11d0f6"'

with Case(plan=21) as t:
    e = Example(t, "itsp")
    e.check(t)
    pbx, itsp = e.pbx, e.itsp

    # Out: who are you?
    sent = e.call("pbx", "00301234567", "1001", sdp=e.bodies("pbx")[0])
    got = itsp.expect("INVITE", call_id=sent.get("Call-ID"))
    t.equal((user(got.uri), user(got.get("From"))), ("+49301234567", "+498955501001"),
            "the provider has E.164")
    t.like(got.get("From"), r"@itsp\.example", "and its domain in From")
    itsp.reply(got, 407, "Proxy Authentication Required", headers=[CHALLENGE])
    itsp.expect("ACK", call_id=sent.get("Call-ID"))
    got = itsp.expect("INVITE", call_id=sent.get("Call-ID"))
    t.like(got.get("Proxy-Authorization"), r'username="498955500", realm="itsp\.example"',
           "it asks: a digest")
    t.like(got.get("From"), r"\+498955501001@itsp\.example", "From is the same")
    # It has no SRTP.
    itsp.reply(got, 200, "OK", sdp=re.sub(r"a=crypto.*\r\n", "", offer(False, 31000)))
    final = pbx.expect("final", call_id=sent.get("Call-ID"))
    t.equal(final.status, 200, "answered, without SRTP")
    t.like(final.body, r"^m=audio \d+ RTP/SAVP ", "SRTP at the PBX all the same")
    t.like(final.get("To"), r"<sip:00301234567@", "To as the PBX wrote it")
    pbx.ack(sent, final)
    itsp.expect("ACK", call_id=sent.get("Call-ID"))
    pbx.bye(sent, final)
    itsp.reply(itsp.expect("BYE", call_id=sent.get("Call-ID")), 200, "OK")
    pbx.expect(200, call_id=sent.get("Call-ID"))

    # In: with SRTP, and without.
    for what, body in (("SRTP", offer(True, 30000)), ("RTP", offer(False, 30000))):
        sent, got, final = e.answered("itsp", "pbx", "+498955501001", body, offer(True, 31000),
                                      "+49301234567")
        t.equal((user(got.uri), user(got.get("From"))), ("1001", "00301234567"),
                f"in, {what}: the extension, and a number to call back")
        t.like(got.body, r"^m=audio \d+ RTP/SAVP ", "SRTP at the PBX")
        itsp.bye(sent, final)
        pbx.reply(pbx.expect("BYE", call_id=sent.get("Call-ID")), 200, "OK")
        itsp.expect(200, call_id=sent.get("Call-ID"))
    t.equal(e.refused("itsp", "+49301234567").status, 404, "no transit")
    t.equal(user(e.reaches("pbx", "112", "itsp")[1].uri), "112", "emergencies go there")

    # A door outside: who has no certificate of the provider's name is a stranger.
    stranger = SipPeer(t, "tls", e.ca.issue("scanner", ["scanner.example"]), user="x",
                       host="127.0.0.77")

    def knock():
        return stranger.request("INVITE", "sip:+900@127.0.0.1", e.address("itsp"),
                                sdp=sdp(30000)).get("Call-ID")

    answers = [stranger.expect("final", call_id=knock()).status for _ in range(5)]
    t.equal(answers, [403] * 5, "strangers are refused")
    before = e.stat("unknown_source")
    for _ in range(3):
        knock()
    wait_for("them to come", lambda: e.stat("unknown_source") == before + 3)
    stranger.expect_none("final", 0.3)
    t.ok(True, "and after five calls they are not answered")
    t.equal(len(e.lines("scanner.example", " 403: ")), 1, "one line tells of them")

    # The guard
    seen = 0
    for number in range(40):
        sent = e.call("pbx", f"00301{number:05}", "1002", sdp=e.bodies("pbx")[0])
        peer, got = e.whoever("INVITE", sent.get("Call-ID")) if number < 30 else (None, None)
        if peer is None:
            break
        itsp.reply(got, 486, "Busy Here")
        pbx.expect(486, call_id=sent.get("Call-ID"))
        seen += 1
    t.equal((seen, pbx.expect("final", call_id=sent.get("Call-ID")).status), (30, 403),
            "the 31st call of a telephone within ten minutes: 403")
    t.equal(e.alarms(), [], "nothing critical was logged")
