#!/usr/bin/python3
"""An offer within a call that the other side refuses changes nothing: audio goes on.

First through the policy listener alone, with packets; then through Kamailio, from either end.
"""

import re

from case import Case
from listener import KEY, OTHER_KEY, PLAIN, REQUIRED, Caller, learned
from rtp import End
from rtpengine import Rtpengine
from sandbox import Failure, wait_for
from sip import sdp
from srtp import Srtp
from trunks import Trunks, Turned

AUDIO = bytes(range(160))
SUITE = "AES_CM_128_HMAC_SHA1_80"


def comes(sender, packet, receiver, read=lambda p: p[12:]):
    """What is read of a packet that is sent until one arrives."""
    while receiver.got():
        pass

    def arrives():
        sender.sock.sendto(packet(), sender.to)
        return receiver.got()

    try:
        return read(wait_for("a packet", arrives, 2.0))
    except Failure:
        return None


def counted():
    number = 0
    while True:
        number += 1
        yield b"\x80\x08" + number.to_bytes(2, "big") + bytes(4) + b"\0\0\0\x09" + AUDIO


def secure(port, key):
    return sdp(port, profile="RTP/SAVP") + f"a=crypto:1 {SUITE} inline:{key}\r\n"


def by_packets(t, port):
    a, elsewhere, b = End(t), End(t), End(t)
    call, there = Caller(port, "packets"), (REQUIRED, PLAIN)
    call.offer(there, secure(a.port, KEY), via_branch="z1")
    b.aim(call.last["sdp"])
    call.answer(there[::-1], sdp(b.port), via_branch="z1")
    a.aim(call.last["sdp"])
    made = re.search(r"inline:(\S{40})", call.last["sdp"])[1]
    mine, plain = Srtp(KEY), counted()

    def both(what):
        got = [comes(a, lambda: mine.protect(AUDIO), b),
               comes(b, lambda: next(plain), a, Srtp(made).open)]
        t.equal(got, [AUDIO, AUDIO], f"{what}: audio both ways")

    both("before")
    call.offer(there, secure(elsewhere.port, OTHER_KEY), to_tag="B")
    t.equal(call.send("query", med_rollback="1")["result"], "ok", "an offer with another port and key is refused")
    both("after it")
    call.offer(there[::-1], sdp(elsewhere.port), from_tag="B", to_tag="A")
    call.send("query", med_rollback="1", from_tag="B")
    both("after one of the other side")
    call.offer(there, secure(elsewhere.port, KEY), to_tag="B")
    call.answer(there[::-1], sdp(b.port))
    call.send("query", med_rollback="1")
    a.sock, elsewhere.sock = elsewhere.sock, a.sock
    a.aim(call.last.get("sdp", f"m=audio {a.to[1]}"))
    both("what was agreed on is not taken back")
    call.send("delete", delete_delay=0)
    t.equal(call.send("query", med_rollback="1")["result"], "ok", "nothing to take back is no error")


def endpoints(trunks, sent):
    """Where rtpengine sends audio to, of both sides."""
    tags = trunks.rtpengine.ng("query", **{"call-id": sent.get("Call-ID")})["tags"]
    return sorted(tag["medias"][0]["streams"][0]["endpoint"]["port"]
                  for tag in tags.values() if tag.get("medias"))


def by_calls(t):
    trunks = Trunks(t, {
        "pbx1": {"transport": "tls"}, "gw1": {"transport": "tcp", "srtp_mode": "not_supported"},
    }, media=True, routes={"all": {"pattern": r"^\+49", "trunks": "gw1"}})
    pbx1, gw1 = trunks.pbx1, trunks.gw1
    sent, got, final = trunks.answered("pbx1", "gw1", "+4930", secure(30000, KEY), sdp(32000))
    before = endpoints(trunks, sent)
    t.equal(before, [30000, 32000], "a call is up")
    again = pbx1.reinvite(sent, final, secure(30010, KEY))
    offer = gw1.expect("INVITE")
    t.equal(endpoints(trunks, sent), [30010, 32000], "a re-INVITE of the caller")
    gw1.reply(offer, 488, "Not Acceptable Here")
    t.equal(pbx1.expect("4xx").status, 488, "is refused")
    wait_for("the roll-back", lambda: endpoints(trunks, sent) == before)
    t.ok(again, "and what was before is in force again")
    callee = Turned(got, final)
    gw1.reinvite(callee, callee, sdp(32010), cseq=101)
    pbx1.reply(pbx1.expect("INVITE"), 491, "Request Pending")
    t.equal(gw1.expect("4xx").status, 491, "one of the callee likewise")
    wait_for("the roll-back", lambda: endpoints(trunks, sent) == before)
    again = pbx1.reinvite(sent, final, secure(30020, KEY), cseq=3)
    gw1.reply(gw1.expect("INVITE"), 200, "OK", sdp=sdp(32020))
    pbx1.expect("2xx")
    pbx1.ack(again, final)
    gw1.expect("ACK")
    t.equal(endpoints(trunks, sent), [30020, 32020], "and one that is accepted is in force")
    pbx1.bye(sent, final, cseq=4)
    gw1.reply(gw1.expect("BYE"), 200, "OK")
    t.ok(pbx1.expect("2xx"), "until the call ends")
    before_the_answer(t, trunks)


def before_the_answer(t, trunks):
    pbx1, gw1 = trunks.pbx1, trunks.gw1
    sent = trunks.call("pbx1", "+4930", sdp=secure(30000, KEY))
    got = gw1.expect("INVITE")
    gw1.reply(got, 180, "Ringing")
    ringing = pbx1.expect(180)
    pbx1._in_dialog("UPDATE", sent, ringing, sdp=secure(30010, KEY))
    t.equal(pbx1.expect("5xx").status, 503, "an offer in UPDATE before that of the INVITE is answered")
    gw1.reply(got, 183, "Session Progress", sdp=sdp(32000), headers=["Require: 100rel", "RSeq: 1"])
    early = pbx1.expect(183)
    t.like(early.body, "m=audio", "the answer comes all the same")
    t.equal(endpoints(trunks, sent), [30000, 32000], "to the offer of the INVITE")
    pbx1._in_dialog("PRACK", sent, early, sdp=secure(30020, KEY), cseq=3, headers=["RAck: 1 1 INVITE"])
    gw1.reply(gw1.expect("PRACK"), 488, "Not Acceptable Here")
    t.equal(pbx1.expect("4xx").status, 488, "an offer in PRACK that is refused")
    wait_for("the roll-back", lambda: endpoints(trunks, sent) == [30000, 32000])
    gw1.reply(got, 200, "OK", sdp=sdp(32000))
    final = pbx1.expect("2xx")
    pbx1.ack(sent, final)
    gw1.expect("ACK")
    t.equal(endpoints(trunks, sent), [30000, 32000], "changes nothing either")
    pbx1.bye(sent, final, cseq=4)
    gw1.reply(gw1.expect("BYE"), 200, "OK")
    pbx1.expect("2xx")


with Case(plan=6 + 7 + 5) as t:
    rtpengine = Rtpengine(t, plugin=True)
    learned(rtpengine.listener)
    by_packets(t, rtpengine.listener)
    rtpengine.stop()
    by_calls(t)
