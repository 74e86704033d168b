#!/usr/bin/python3
"""From and To as each side is to see them, in every message of a call, and nothing more."""

import copy
import re

from case import Case
from sandbox import wait_for
from sip import sdp
from trunks import Trunks, Turned

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}
CALLER = '"Erika Muster" <sip:5512345@pbx.local;user=phone>;tag=e1'
CALLED = "<sip:0301234@pbx.local>"
SECRET = "5512345"


def uri(message, name):
    """The URI of From or To."""
    return re.search(r'.*<([^>]+)>', message.get(name))[1]


def both(message):
    return uri(message, "From"), uri(message, "To")


with Case(plan=49) as t:
    trunks = Trunks(t, {
        "pbx1": {**PLAIN, "dial_plan": "dial"},
        "gw1": {**PLAIN, "transport": "tcp", "outbound_translation_rules": "national",
                "outbound_calling_number_translation_rules": "national",
                "from_host": "domain", "domain": "carrier.example"},
        "itsp": {**PLAIN, "forward_call_history": "yes", "pai_host": "domain",
                 "domain": "customer.example", "outbound_calling_number_translation_rules": "national"},
        "gw2": {**PLAIN, "phone_context": "enterprise", "remove_plus_from_uri": "yes",
                "user_phone": "no", "from_host": "ip"},
        "plain": {**PLAIN, "rewrite_from": "no", "rewrite_to": "no"},
    }, routes={
        "berlin": {"pattern": r"^\+4930", "trunks": "gw1*0,gw2*0"},
        "hidden": {"pattern": r"^\+4940", "trunks": "gw1", "suppress_caller_id": "yes",
                   "alternate_caller_id": "+4989000"},
        "plain": {"pattern": r"^\+4950", "trunks": "plain"},
        "itsp": {"pattern": r"^\+4960", "trunks": "itsp"},
    }, rules={"dial": [r"^0([1-9]\d+)$ => +49$1", r"^55(\d+)$ => +4989$1"],
              "national": [r"^\+49(\d+)$ => 0$1"]})
    pbx1, gw1, gw2 = trunks.pbx1, trunks.gw1, trunks.gw2

    def call(number="0301234", from_header=CALLER, to_header=CALLED, **more):
        return trunks.call("pbx1", number, sdp=sdp(30000), from_header=from_header,
                           to_header=to_header, **more)

    def mine(what):
        """As the caller sees the call."""
        t.equal(both(what), ("sip:5512345@pbx.local;user=phone", "sip:0301234@pbx.local"),
                f"the caller's {what.method or what.status} has its own From and To")

    THERE = ("sip:08912345@carrier.example;user=phone", "sip:0301234@127.0.0.1;user=phone")

    def theirs(what):
        t.equal(both(what), THERE, f"the gateway's {what.method or what.status} has its own")

    # a call, and requests within it from either side
    sent = call(headers=["Diversion: <sip:5599999@pbx.local>;reason=unconditional",
                         "History-Info: <sip:5599999@pbx.local>;index=1"])
    got = gw1.expect("INVITE", call_id=sent.get("Call-ID"))
    theirs(got)
    t.like(got.get("From"), r'^"Erika Muster" <.*>;tag=e1$', "display name and tag are kept")
    t.equal((got.all("Diversion"), got.all("History-Info")), ([], []), "call history ends here")
    for status, reason in ((180, "Ringing"), (200, "OK")):
        answer = gw1.reply(got, status, reason, sdp=sdp(31000) if status == 200 else None)
        final = pbx1.expect(status, call_id=sent.get("Call-ID"))
        mine(final)
    t.like(final.get("From"), r'^"Erika Muster" <sip:5512345@pbx\.local;user=phone>;tag=e1$',
           "to the letter")
    t.like(final.get("To"), ";tag=uas$", "with the tag of who answered")
    pbx1.ack(sent, final)
    theirs(gw1.expect("ACK", call_id=sent.get("Call-ID")))
    again = pbx1.reinvite(sent, final, sdp=sdp(30002))
    offer = gw1.expect("INVITE", call_id=sent.get("Call-ID"))
    theirs(offer)
    gw1.reply(offer, 200, "OK", sdp=sdp(31000))
    mine(pbx1.expect("2xx", call_id=sent.get("Call-ID")))
    pbx1.ack(again, final)
    theirs(gw1.expect("ACK", call_id=sent.get("Call-ID")))
    turned = Turned(got, answer)
    gw1.reinvite(turned, turned, sdp=sdp(31002), headers=["P-Asserted-Identity: <sip:0301234@x>"])
    offer = pbx1.expect("INVITE", call_id=sent.get("Call-ID"))
    t.equal(both(offer)[::-1], ("sip:5512345@pbx.local;user=phone", "sip:0301234@pbx.local"),
            "a re-INVITE of the gateway comes in the caller's own terms")
    t.equal(offer.all("P-Asserted-Identity"), [], "what it asserts is of another format: it ends here")
    pbx1.reply(offer, 200, "OK", sdp=sdp(30002))
    t.equal(both(gw1.expect("2xx", call_id=sent.get("Call-ID")))[::-1], THERE,
            "and is answered in the gateway's")
    # another process, and another life of it, has what it needs
    trunks.kamailio.stop()
    trunks.start()
    pbx1.bye(sent, final, cseq=5)
    bye = gw1.expect("BYE", call_id=sent.get("Call-ID"))
    theirs(bye)
    gw1.reply(bye, 200, "OK")
    mine(pbx1.expect(200, call_id=sent.get("Call-ID")))

    # the gateway ends it
    sent = call()
    got = gw1.expect("INVITE", call_id=sent.get("Call-ID"))
    answer = gw1.reply(got, 200, "OK", sdp=sdp(31000))
    final = pbx1.expect("2xx", call_id=sent.get("Call-ID"))
    pbx1.ack(sent, final)
    gw1.expect("ACK", call_id=sent.get("Call-ID"))
    turned = Turned(got, answer)
    gw1.bye(turned, turned)
    bye = pbx1.expect("BYE", call_id=sent.get("Call-ID"))
    t.equal(both(bye)[::-1], ("sip:5512345@pbx.local;user=phone", "sip:0301234@pbx.local"),
            "the gateway's BYE in the caller's terms")
    pbx1.reply(bye, 200, "OK")
    t.equal(both(gw1.expect(200, call_id=sent.get("Call-ID")))[::-1], THERE, "its 200 in the gateway's")

    # what is carried cannot be changed, nor taken to another call
    calls = []
    for _ in range(2):
        sent = call()
        got = gw1.expect("INVITE", call_id=sent.get("Call-ID"))
        gw1.reply(got, 200, "OK", sdp=sdp(31000))
        final = pbx1.expect("2xx", call_id=sent.get("Call-ID"))
        pbx1.ack(sent, final)
        gw1.expect("ACK", call_id=sent.get("Call-ID"))
        calls.append((sent, final))
    carried = [re.search(r";med=[^;>]*~nbnb.{19}([^;>]+)", " ".join(final.all("Record-Route")))[1]
               for _, final in calls]
    t.ok(carried[0] != carried[1], "no two calls carry the same")
    sent, final = calls[0]
    for what, forged in (("changed", carried[0][:-2] + "AA"), ("of another call", carried[1]),
                         ("cut", carried[0][:40]), ("of other characters", "%41" * 40),
                         ("huge", "A" * 1500), ("nothing", "")):
        changed = copy.copy(final)
        changed.headers = [(n, v.replace(carried[0], forged)) for n, v in final.headers]
        pbx1._in_dialog("OPTIONS", sent, changed, cseq=7)
        t.equal(pbx1.expect("4xx", call_id=sent.get("Call-ID")).status, 481, f"{what}: 481")

    # the next trunk has another form; a failure is answered in the caller's
    sent = call()
    gw1.reply(gw1.expect("INVITE", call_id=sent.get("Call-ID")), 503, "Service Unavailable")
    gw1.expect("ACK", call_id=sent.get("Call-ID"))
    got = gw2.expect("INVITE", call_id=sent.get("Call-ID"))
    t.equal(both(got), ("sip:498912345;phone-context=enterprise@127.0.0.1",
                        "sip:49301234;phone-context=enterprise@127.0.0.1"),
            "after a failover in the second one's, once each")
    t.equal([len(got.all(n)) for n in ("From", "To", "P-Asserted-Identity")], [1, 1, 1], "one of each")
    gw2.reply(got, 486, "Busy Here")
    gw2.expect("ACK", call_id=sent.get("Call-ID"))
    mine(pbx1.expect(486, call_id=sent.get("Call-ID")))

    # in by UDP and out by UDP
    trunks.redis.hset("med:1:route:berlin", trunks="gw2")
    wait_for("gw2 alone", lambda: "trunks: gw2" in trunks.kamailio.rpc("mediation.routes", "berlin"))
    sent = call()
    got = gw2.expect("INVITE", call_id=sent.get("Call-ID"))
    answer = gw2.reply(got, 200, "OK", sdp=sdp(31000))
    final = pbx1.expect("2xx", call_id=sent.get("Call-ID"))
    pbx1.ack(sent, final)
    t.equal(both(gw2.expect("ACK", call_id=sent.get("Call-ID"))), both(got), "UDP: the ACK")
    turned = Turned(got, answer)
    gw2.bye(turned, turned)
    bye = pbx1.expect("BYE", call_id=sent.get("Call-ID"))
    t.equal(both(bye)[::-1], ("sip:5512345@pbx.local;user=phone", "sip:0301234@pbx.local"),
            "UDP: the gateway's BYE")
    trunks.redis.hset("med:1:route:berlin", trunks="gw1*0,gw2*0")
    wait_for("both", lambda: "gw1*0" in trunks.kamailio.rpc("mediation.routes", "berlin"))

    # a suppressed caller id is nowhere
    sent = call("0401234", headers=[f"P-Preferred-Identity: <sip:{SECRET}@pbx.local>",
                                    f"Remote-Party-ID: <sip:{SECRET}@pbx.local>",
                                    f"Diversion: <sip:{SECRET}@pbx.local>"])
    got = gw1.expect("INVITE", call_id=sent.get("Call-ID"))
    text = "\r\n".join(f"{n}: {v}" for n, v in got.headers) + got.body
    t.equal(both(got)[0], "sip:089000@carrier.example;user=phone", "suppressed: the route's number")
    t.equal((SECRET in text, "89" + SECRET[2:] in text, "Erika" in text), (False, False, False),
            "neither number nor name of the caller is in any header")
    answer = gw1.reply(got, 200, "OK", sdp=sdp(31000))
    final = pbx1.expect("2xx", call_id=sent.get("Call-ID"))
    t.equal(both(final)[0], "sip:5512345@pbx.local;user=phone", "the caller sees its own")
    pbx1.ack(sent, final)
    text = repr(gw1.expect("ACK", call_id=sent.get("Call-ID")).headers)
    pbx1.reinvite(sent, final, sdp=sdp(30002), headers=[f"P-Asserted-Identity: <sip:{SECRET}@x>"])
    offer = gw1.expect("INVITE", call_id=sent.get("Call-ID"))
    text += repr(offer.headers)
    t.equal((SECRET in text, "Erika" in text), (False, False), "nor in requests within the call")
    gw1.reply(offer, 200, "OK", sdp=sdp(31000))
    pbx1.expect("2xx", call_id=sent.get("Call-ID"))
    longer = copy.copy(sent)
    longer.headers = [(n, v.replace("@pbx.local", "@pbx.local:5070")) for n, v in sent.headers]
    pbx1.reinvite(longer, final, sdp=sdp(30002), cseq=4)
    offer = gw1.expect("INVITE", call_id=sent.get("Call-ID"))
    t.equal((both(offer)[0], SECRET in repr(offer.headers)), (both(got)[0], False),
            "nor where the caller writes it otherwise by now")
    gw1.reply(offer, 200, "OK", sdp=sdp(31000))
    pbx1.expect("2xx", call_id=sent.get("Call-ID"))

    # a forwarded call whose history the trunk wants
    sent = call("0601234", headers=[
        'Diversion: "B" <sip:5599999@pbx.local>;reason=unconditional, <sip:bob@pbx.local>',
        "History-Info: <sip:5599999@pbx.local?Reason=SIP%3Bcause%3D302>;index=1,",
        " <tel:+49-601234>;index=1.1"])
    got = trunks.itsp.expect("INVITE", call_id=sent.get("Call-ID"))
    t.equal(got.get("Diversion"), '"B" <sip:08999999@customer.example>;reason=unconditional, '
            "<sip:bob@pbx.local>", "Diversion: numbers as the trunk wants them, names stay")
    t.like(got.text, r"History-Info: <sip:08999999@customer\.example\?Reason=SIP%3Bcause%3D302>;index=1,"
           r"\r\n <tel:0601234>;index=1\.1\r\n", "History-Info likewise, folded as it is")
    trunks.itsp.reply(got, 486, "Busy Here")

    # what was not rewritten, or cannot be
    sent = call("0501234")
    got = trunks.plain.expect("INVITE", call_id=sent.get("Call-ID"))
    t.equal((got.get("From"), got.get("To")), (CALLER, CALLED), "rewrite no: as they came")
    t.like(repr(got.all("Record-Route")), r"~nbnb.{19}[;>]", "and nothing is carried")
    trunks.plain.reply(got, 486, "Busy Here")
    for form, shown in (
            ("Anonymous <sip:anonymous@anonymous.invalid>;tag=a", "sip:anonymous@anonymous.invalid"),
            ("sip:5512345@pbx.local;tag=b", THERE[0]),
            ('"a <b>; \\" c" <sip:5512345@pbx.local>;tag=c', THERE[0]),
            ("<tel:+49-89-12345>;tag=d", THERE[0])):
        sent = call(from_header=form)
        got = gw1.expect("INVITE", call_id=sent.get("Call-ID"))
        t.equal(uri(got, "From"), shown, f"From: {form}")
        gw1.reply(got, 486, "Busy Here")
        gw1.expect("ACK", call_id=sent.get("Call-ID"))
        t.equal(pbx1.expect(486, call_id=sent.get("Call-ID")).get("From"), form, "put back to the letter")
    sent = call(from_header=f"<sip:5512345@{'long.' * 60}example>;tag=e")
    final = pbx1.expect("final", call_id=sent.get("Call-ID"))
    t.equal((final.status, "255 bytes" in final.get("Reason")), (400, True),
            "a URI too long to be put back: 400, and why")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
