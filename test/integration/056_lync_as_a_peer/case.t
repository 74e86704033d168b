#!/usr/bin/python3
"""Lync's Mediation Server as a peer: its messages letter by letter (spec 7.2), with headers in
capitals, an epid, a CSeq that began elsewhere, and a Contact that is a name with ms-opaque."""

import re

from case import Case
from sip import sdp
from trunks import Trunks, Turned

KEYS = ("d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj", "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz")


def session(version, direction):
    """SDP as spec 6.8 has it."""
    return "\r\n".join([
        "v=0", f"o=- 53 {version} IN IP4 127.0.0.1", "s=session", "c=IN IP4 127.0.0.1", "b=CT:1000",
        "t=0 0", "m=audio 30000 RTP/AVP 8 101", "c=IN IP4 127.0.0.1", "a=tcap:1 RTP/SAVP",
        "a=pcfg:1 t=1", "a=rtcp:30001", "a=label:Audio",
        f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEYS[0]}|2^31|2:1",
        f"a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:{KEYS[1]}|2^31", f"a={direction}",
        "a=rtpmap:8 PCMA/8000", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16", ""])


with Case(plan=17) as t:
    trunks = Trunks(t, {
        "lync": {"transport": "tls", "srtp_mode": "optional", "sdp_dialect": "lync",
                 "hold_form": "inactive", "dial_plan": "local"},
        "gw1": {"srtp_mode": "not_supported", "transport": "tcp",
                "outbound_translation_rules": "national"},
    }, routes={"all": {"pattern": r"^\+61", "trunks": "gw1"}},
        rules={"local": [r"^0(\d{9})$ => +61$1"], "national": [r"^\+61(\d+)$ => 0$1"]}, media=True)
    lync, gw1 = trunks.lync, trunks.gw1
    CONTACT = "sip:pool.contoso.example:5067;transport=Tls;ms-opaque=9928a17d8863ebef"
    FROM = "<sip:+61732680000@contoso.example;user=phone>;epid=D273FA8C4C;tag=575613f4b"
    TO = "<sip:0451984283@lyncgw01.contoso.example;user=phone>"
    CALL = "b01bc354-481a-4faa-aa5f-e4d14b46c1a7"

    def send(method, uri, cseq, to=TO, body="", routes=()):
        lines = [f"{method} {uri} SIP/2.0", *[f"ROUTE: {r}" for r in routes], f"FROM: {FROM}",
                 f"TO: {to}", f"CSEQ: {cseq} {method}", f"CALL-ID: {CALL}", "MAX-FORWARDS: 70",
                 f"VIA: SIP/2.0/TLS 127.0.0.1:60001;branch=z9hG4bKb6b1af{cseq}{method}",
                 f"CONTACT: <{CONTACT}>", f"CONTENT-LENGTH: {len(body)}", "SUPPORTED: 100rel",
                 "USER-AGENT: RTCC/5.0.0.0 MediationServer"]
        if body:
            lines.append("CONTENT-TYPE: application/sdp")
        lync.send_raw(("\r\n".join(lines) + "\r\n\r\n" + body).encode(), to=trunks.address("lync"))

    def is_lyncs(what, message):
        t.equal((message.get("From"), message.get("To").split(";tag=")[0]), (FROM, TO),
                f"{what}: From and To to the letter, epid and all")
        t.like(message.body, r"m=audio \d+ RTP/SAVP 8\r\n(.*\r\n)*a=label:Audio\r\n"
               r"a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:\S{40}\|2\^31\r\n", f"{what}: SRTP in its form")

    send("INVITE", f"sip:0451984283@127.0.0.1:{trunks.local['lync']};user=phone;transport=tls", 433018,
         body=session(0, "sendrecv"))
    got = gw1.expect("INVITE")
    t.equal((re.search(r"sip:([^@]*)", got.uri)[1], got.get("CSeq")), ("0451984283", "433018 INVITE"),
            "the number by way of E.164; CSeq as it is")
    t.ok("crypto" not in got.body and "tcap" not in got.body and "RTP/AVP 8 101" in got.body,
         "the gateway gets RTP")
    answer = gw1.reply(got, 200, "OK", sdp=sdp(31000), tag="1c1714098312")
    final = lync.expect("2xx")
    is_lyncs("200", final)
    routes = [r.strip() for line in final.all("Record-Route") for r in line.split(",")][::-1]
    target = re.search(r"<([^>]+)>", final.get("Contact"))[1]
    tagged = final.get("To")
    send("ACK", target, 433018, tagged, routes=routes)
    t.equal(gw1.expect("ACK").get("CSeq"), "433018 ACK", "ACK")

    send("INVITE", target, 433019, tagged, session(1, "inactive"), routes)
    hold = gw1.expect("INVITE")
    t.equal((hold.uri, hold.get("CSeq")), (target, "433019 INVITE"), "hold arrives at the gateway")
    t.equal(hold.get("From"), FROM, "with the caller as before: its number has no translation")
    t.like(hold.body, r"a=inactive\r\n", "as inactive")
    t.ok("crypto" not in hold.body, "as RTP")
    t.equal(hold.get("User-Agent"), "RTCC/5.0.0.0 MediationServer", "and what is not ours to change")
    gw1.reply(hold, 200, "OK", sdp=sdp(31000).replace("a=sendrecv", "a=inactive"))
    held = lync.expect("2xx")
    is_lyncs("hold", held)
    t.like(held.body, r"a=inactive\r\n", "held")
    send("ACK", target, 433019, tagged, routes=routes)
    gw1.expect("ACK")

    turned = Turned(got, answer)
    gw1.bye(turned, turned)
    bye = lync.expect("BYE")
    t.equal(bye.uri, CONTACT, "the gateway's BYE has its Contact, ms-opaque too")
    t.ok("epid=D273FA8C4C" in bye.get("To"), "and its epid")
    lync.reply(bye, 200, "OK")
    t.ok(gw1.expect(200), "and is answered")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
