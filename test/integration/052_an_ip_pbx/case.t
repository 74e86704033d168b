#!/usr/bin/python3
"""An INVITE as an older IP-PBX sends it (spec 7.6): contexts in user parts, several parts
in its body, and a Contact whose maddr says where requests within the call go."""

import re

from case import Case
from sandbox import wait_for
from sip import SipPeer, sdp
from trunks import Trunks, Turned

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}
BODY = ("--unique-boundary-1\r\nContent-Type: application/sdp\r\n\r\n" + sdp(30000)
        + "\r\n--unique-boundary-1\r\nContent-Type: application/x-nt-mcdn-frag-hex;version=ssLinux-6.0"
        "\r\nContent-Disposition: signal;handling=optional\r\n\r\n0401000800\r\n1315070011\r\n"
        "\r\n--unique-boundary-1\r\nContent-Type: application/x-nt-epid-frag-hex;version=ssLinux-6.0"
        "\r\nContent-Disposition: signal;handling=optional\r\n\r\n011201\r\n00:13:65:fe:1c:6b\r\n"
        "\r\n--unique-boundary-1\r\n")
CONTEXT = "phone-context=cdp.udp"

with Case(plan=12) as t:
    trunks = Trunks(t, {
        "pbx1": {**PLAIN, "transport": "tcp", "dial_plan": "coordinated",
                 "gateway": {"source": "127.0.0.1,127.0.0.5"}},
        "gw1": {**PLAIN, "user_phone": "no"},
    }, routes={"all": {"pattern": r"^\+49\d+$", "trunks": "gw1"}},
        rules={"coordinated": [r"^(\d{4})$ => +49895550$1"]})
    pbx1, gw1 = trunks.pbx1, trunks.gw1
    elsewhere = SipPeer(t, "tcp", user="signalling", host="127.0.0.5")

    def lines(method, headers):
        return [f"{method} sip:4000;{CONTEXT}@corporate.example;user=phone SIP/2.0",
                f"Via: SIP/2.0/TCP 127.0.0.1:{pbx1.port};rport;branch=z9hG4bK-4d-8b5;received=127.0.0.1",
                f'From: "A" <sip:3530;{CONTEXT}@corporate.example;user=phone>;tag=pbx-1',
                f"To: <sip:4000;{CONTEXT}@corporate.example;user=phone>", "Call-ID: frag-1@pbx",
                f"CSeq: 1 {method}", "Max-Forwards: 70", *headers]

    def invite(maddr, call_id):
        contact = (f"<sip:3530;{CONTEXT}@corporate.example:{elsewhere.port};maddr={maddr};"
                   "transport=tcp;user=phone>")
        text = lines("INVITE", [
            f"Contact: {contact}", "Supported: 100rel,x-nortel-sipvc,replaces,timer", "Min-SE: 0",
            f"P-Asserted-Identity: <sip:3530;{CONTEXT}@corporate.example;user=phone>", "Privacy: none",
            f"History-info: <sip:4000;{CONTEXT}@corporate.example;user=phone>;index=1",
            "Allow: INVITE,ACK,BYE,REGISTER,REFER,NOTIFY,CANCEL,PRACK,OPTIONS,INFO,SUBSCRIBE,UPDATE",
            "User-Agent: PBX 6.0", 'Content-Type: multipart/mixed;boundary="unique-boundary-1"',
            f"Content-Length: {len(BODY)}"])
        text = "\r\n".join(text).replace("frag-1@pbx", call_id).replace("8b5", call_id[:6])
        pbx1.send_raw((text + "\r\n\r\n" + BODY).encode(), to=trunks.address("pbx1"))
        got = gw1.expect("INVITE", call_id=call_id)
        answer = gw1.reply(got, 200, "OK", sdp=sdp(31000))
        return contact, got, answer, pbx1.expect("2xx", call_id=call_id)

    contact, got, answer, final = invite("127.0.0.5", "frag-1@pbx")
    t.like(got.uri, r"^sip:\+498955504000@", "the private number is called by the trunk's dial plan")
    t.like(got.get("From"), r'^"A" <sip:\+498955503530@corporate\.example>;tag=pbx-1$', "and calls so")
    t.equal(got.get("Contact"), contact, "its Contact is its own")
    t.equal(got.all("History-Info") + got.all("History-info"), [], "its history ends here")
    t.equal(got.body, BODY, "its body goes as it came")
    t.like(final.get("From"), rf'^"A" <sip:3530;{CONTEXT}@corporate\.example;user=phone>',
           "it sees its own")
    gw1.bye(Turned(got, answer), Turned(got, answer))
    bye = elsewhere.expect("BYE", call_id="frag-1@pbx")
    t.equal(bye.uri, contact.strip("<>"), "a BYE goes where the maddr says, its Request-URI as it was")
    t.like(bye.get("To"), rf"<sip:3530;{CONTEXT}@corporate\.example;user=phone>", "with its own To")
    elsewhere.reply(bye, 200, "OK")
    t.ok(gw1.expect(200, call_id="frag-1@pbx"), "and is answered")

    # A maddr that is not the PBX's is not followed: its trunk's own address is.
    for maddr in ("127.0.0.8", "256.1.1.1;x"):
        contact, got, answer, final = invite(maddr, f"{maddr[:9]}@pbx")
        gw1.bye(Turned(got, answer), Turned(got, answer))
        bye = pbx1.expect("BYE", call_id=f"{maddr[:9]}@pbx")
        t.equal(bye.uri, contact.strip("<>"), f"maddr={maddr}: to the trunk's own address")
        pbx1.reply(bye, 200, "OK")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
