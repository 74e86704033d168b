#!/usr/bin/python3
"""Contact with a host of ours where a trunk's profile asks for it: in requests and answers,
for the whole call; what comes to it goes to the Contact that it stands for."""

import copy
import re

from case import Case
from sip import sdp
from trunks import Trunks, Turned

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}
OWN = "<sip:alice;x=1@127.0.0.1:{};ob>;+sip.instance=1"

with Case(plan=22) as t:
    trunks = Trunks(t, {
        "pbx1": dict(PLAIN),
        "gw1": {**PLAIN, "transport": "tcp", "contact_host": "ip"},
        "gw2": {**PLAIN, "contact_host": "domain", "domain": "sbc.example"},
        "gw3": {**PLAIN, "contact_host": "fqdn"},
    }, routes={"own": {"pattern": r"^\+491", "trunks": "pbx1"},
               "one": {"pattern": r"^\+492", "trunks": "gw1"},
               "two": {"pattern": r"^\+493", "trunks": "gw2"},
               "three": {"pattern": r"^\+494", "trunks": "gw3"}})
    pbx1, gw1, gw2 = trunks.pbx1, trunks.gw1, trunks.gw2

    def uri(contact):
        return re.search(r"<([^>]+)>", contact)[1]

    def up(caller, callee, number):
        """Both ends of a call: what either has sent, and what it got."""
        sent = trunks.call(caller, number, sdp=sdp(30000))
        there = trunks.peers[callee]
        got = there.expect("INVITE", call_id=sent.get("Call-ID"))
        answer = there.reply(got, 200, "OK", sdp=sdp(31000))
        final = trunks.peers[caller].expect("2xx", call_id=sent.get("Call-ID"))
        trunks.peers[caller].ack(sent, final)
        ack = there.expect("ACK", call_id=sent.get("Call-ID"))
        return sent, got, answer, final, ack

    # to the trunk: our address, and the port and transport of ours that it knows
    pbx1.told = OWN.format(pbx1.port)
    sent, got, answer, final, ack = up("pbx1", "gw1", "+49201")
    t.like(got.get("Contact"), rf"^<sip:alice;x=1@127\.0\.0\.1:{trunks.local['gw1']};transport=tcp;med="
           r"[A-Za-z0-9_-]+>;\+sip\.instance=1$", "ip: our address, port and transport; user and rest stay")
    t.ok(str(pbx1.port) not in got.get("Contact"), "nothing of the caller's own is to be read")
    t.equal(final.get("Contact"), answer.get("Contact"), "as_received: the gateway's own")
    t.equal(ack.uri, uri(answer.get("Contact")), "to which the ACK goes")
    turned = Turned(got, answer)
    gw1.reinvite(turned, turned, sdp=sdp(31002))
    offer = pbx1.expect("INVITE", call_id=sent.get("Call-ID"))
    t.equal(offer.uri, uri(pbx1.told), "the gateway's re-INVITE goes to the caller's Contact")
    pbx1.reply(offer, 200, "OK", sdp=sdp(30000))
    accepted = gw1.expect("2xx", call_id=sent.get("Call-ID"))
    t.equal(accepted.get("Contact").split(";med=")[0], got.get("Contact").split(";med=")[0],
            "the answer to it has ours")
    # the caller moves to another port
    pbx1.told = OWN.format(pbx1.port).replace(";ob", "")
    pbx1.reinvite(sent, final, sdp=sdp(30002))
    moved = gw1.expect("INVITE", call_id=sent.get("Call-ID"))
    t.ok(moved.get("Contact") != got.get("Contact"), "another Contact is another one of ours")
    gw1.reply(moved, 200, "OK", sdp=sdp(31002))
    pbx1.expect("2xx", call_id=sent.get("Call-ID"))
    turned = Turned(moved, answer)
    turned._routes = Turned(got, answer)._routes  # routes are of the first INVITE
    gw1.bye(turned, turned, cseq=102)
    bye = pbx1.expect("BYE", call_id=sent.get("Call-ID"))
    t.equal(bye.uri, uri(pbx1.told), "and the BYE goes there")
    pbx1.reply(bye, 200, "OK")
    gw1.expect(200, call_id=sent.get("Call-ID"))

    # from the trunk: in answers
    pbx1.told = OWN.format(pbx1.port)
    sent, got, answer, final, ack = up("gw1", "pbx1", "+49101")
    t.equal(got.get("Contact"), gw1.contact, "from the trunk: its Contact is its own")
    t.like(final.get("Contact"), rf"^<sip:alice;x=1@127\.0\.0\.1:{trunks.local['gw1']};transport=tcp;med=",
           "200: ours")
    t.equal(ack.uri, uri(pbx1.told), "its ACK goes to the callee's")
    gw1.bye(sent, final)
    t.equal(pbx1.expect("BYE", call_id=sent.get("Call-ID")).uri, uri(pbx1.told), "and its BYE")

    # what is no Contact of ours is not followed
    sent, got, answer, final, ack = up("gw1", "pbx1", "+49102")
    for what, old, new in (("changed", r"med=.", "med=!"), ("cut", r"med=[^>]*", "med=AAAA"),
                           ("of no call", r"med=[^>]*", "med=" + "A" * 40)):
        forged = copy.copy(final)
        forged.headers = [(n, re.sub(old, new, v) if n == "Contact" else v) for n, v in final.headers]
        gw1.bye(sent, forged, cseq=5)
        t.ok(gw1.expect("final", call_id=sent.get("Call-ID")).status >= 400, f"{what}: refused")
    gw1.bye(sent, final, cseq=6)
    t.ok(pbx1.expect("BYE", call_id=sent.get("Call-ID")), "the call is not harmed by that")

    # other forms
    sent, got, answer, final, ack = up("pbx1", "gw2", "+49301")
    t.like(got.get("Contact"), rf"^<sip:alice;x=1@sbc\.example:{trunks.local['gw2']};med=", "domain: its name")
    turned = Turned(got, answer)
    gw2.bye(turned, turned)
    t.equal(pbx1.expect("BYE", call_id=sent.get("Call-ID")).uri, uri(pbx1.told), "BYE to it")
    pbx1.told = f"<sip:{pbx1.host}:{pbx1.port}>"
    sent, got, answer, final, ack = up("pbx1", "gw2", "+49302")
    t.like(got.get("Contact"), r"^<sip:sbc\.example:", "a Contact without user")
    sent, got, answer, final, ack = up("pbx1", "gw3", "+49401")
    t.equal(got.get("Contact"), pbx1.told, "fqdn, and our pool has none: as it came")
    pbx1.told = f"<sip:alice@{pbx1.host}:{pbx1.port};long={'x' * 300}>"
    sent, got, answer, final, ack = up("pbx1", "gw2", "+49303")
    t.equal(got.get("Contact"), pbx1.told, "too long to be put back: as it came")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
