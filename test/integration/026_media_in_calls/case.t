#!/usr/bin/python3
"""Media through failover, re-INVITE, UPDATE and PRACK; and with its servers killed."""

import re
import time

from case import Case
from sandbox import Failure, wait_for
from sip import sdp
from trunks import Trunks, Turned

KEY = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"


def secure(port):
    return sdp(port, profile="RTP/SAVP", key=KEY)


def anchored(t, message, secure_leg, what):
    profile = "RTP/SAVP" if secure_leg else "RTP/AVP"
    t.ok(message.body.count("m=audio") == 1 and f" {profile} " in message.body
         and "c=IN IP4 127.0.0.2" in message.body and "127.0.0.1" not in message.body,
         f"{what}: one SDP, {profile}, anchored")


with Case(plan=25) as t:
    fast = {"transport": "tcp", "srtp_mode": "not_supported"}
    trunks = Trunks(t, {
        "pbx1": {"transport": "tls", "srtp_mode": "required"}, "gw1": fast, "gw2": fast,
    }, routes={"first": {"pattern": r"^\+49\d+$", "trunks": "gw1"},
               "second": {"pattern": r"^\+49\d+$", "trunks": "gw2", "priority": "1"}}, media=True)
    pbx1, gw1, gw2 = trunks.pbx1, trunks.gw1, trunks.gw2

    sent = trunks.call("pbx1", "+4930", sdp=secure(30000))
    got = gw1.expect("INVITE")
    anchored(t, got, False, "first candidate")
    gw1.reply(got, 503, "Service Unavailable")
    got = gw2.expect("INVITE")
    anchored(t, got, False, "second candidate")
    gw2.reply(got, 183, "Session Progress", sdp=sdp(32000),
              headers=["Require: 100rel", "RSeq: 1"])
    early = pbx1.expect(183)
    anchored(t, early, True, "183")
    # PRACK with a new offer, answered in its 200.
    pbx1._in_dialog("PRACK", sent, early, sdp=secure(30000), cseq=2, headers=["RAck: 1 1 INVITE"])
    prack = gw2.expect("PRACK")
    anchored(t, prack, False, "an offer in PRACK")
    gw2.reply(prack, 200, "OK", sdp=sdp(32000))
    anchored(t, pbx1.expect("2xx"), True, "its answer")
    gw2.reply(got, 200, "OK", sdp=sdp(32000))
    final = pbx1.expect("2xx")
    anchored(t, final, True, "200")
    pbx1.ack(sent, final)
    gw2.expect("ACK")
    port = int(re.search(r"m=audio (\d+)", final.body)[1])
    query = trunks.rtpengine.ng("query", **{"call-id": sent.get("Call-ID")})
    t.like(str(query), str(port), "its ports are of a live session")

    again = pbx1.reinvite(sent, final, secure(30002), cseq=3)
    offer = gw2.expect("INVITE")
    anchored(t, offer, False, "re-INVITE of the caller")
    gw2.reply(offer, 200, "OK", sdp=sdp(32000))
    anchored(t, pbx1.expect("2xx"), True, "its answer")
    pbx1.ack(again, final)
    gw2.expect("ACK")
    callee = Turned(got, final)
    back = gw2.reinvite(callee, callee, sdp(32002), cseq=101)
    offer = pbx1.expect("INVITE")
    anchored(t, offer, True, "re-INVITE of the callee")
    pbx1.reply(offer, 200, "OK", sdp=secure(30002))
    anchored(t, gw2.expect("2xx"), False, "its answer")
    gw2.ack(back, callee)
    pbx1.expect("ACK")
    pbx1._in_dialog("UPDATE", sent, final, sdp=secure(30004), cseq=4)
    offer = gw2.expect("UPDATE")
    anchored(t, offer, False, "UPDATE")
    gw2.reply(offer, 200, "OK", sdp=sdp(32002))
    anchored(t, pbx1.expect("2xx"), True, "its answer")

    # A delayed offer from the caller, within the call: the answer is in the ACK.
    empty = pbx1.reinvite(sent, final, cseq=5)
    offer = gw2.expect("INVITE")
    t.equal(offer.body, "", "a re-INVITE without offer stays without")
    gw2.reply(offer, 200, "OK", sdp=sdp(32004))
    anchored(t, pbx1.expect("2xx"), True, "the offer in its 200")
    pbx1._in_dialog("ACK", empty, final, sdp=secure(30004), cseq=5)
    anchored(t, gw2.expect("ACK"), False, "the answer in its ACK")

    # Redis dies: nothing changes for calls, new or old.
    trunks.redis.process.kill()
    sent2 = trunks.call("pbx1", "+4931", sdp=secure(30010))
    got2 = gw1.expect("INVITE")
    anchored(t, got2, False, "without Redis: a new call")
    gw1.reply(got2, 486, "Busy Here")
    t.equal(pbx1.expect("4xx").status, 486, "without Redis: its end")

    # rtpengine dies: new calls get an answer in time, old ones can be ended.
    trunks.rtpengine.process.kill()
    started = time.monotonic()
    trunks.call("pbx1", "+4932", sdp=secure(30020))
    t.equal(pbx1.expect("5xx").status, 503, "without rtpengine: 503")
    t.ok(time.monotonic() - started < 6, "without the ten seconds of the stock module")
    gw1.expect_none("INVITE", 0.3)
    gw2.expect_none("INVITE", 0.1)
    t.ok(True, "and nothing reaches a gateway")
    pbx1.bye(sent, final, cseq=6)
    gw2.reply(gw2.expect("BYE"), 200, "OK")
    t.equal(pbx1.expect("2xx").method, "BYE", "a call that was up is ended by its BYE")

    trunks.rtpengine.start()

    def works():
        call = trunks.call("pbx1", "+4933", sdp=secure(30030))
        try:
            answer = gw1.expect("INVITE", 0.5, call_id=call.get("Call-ID"))
        except Failure:
            return False
        gw1.reply(answer, 486, "Busy Here")
        return True

    t.ok(wait_for("calls to go again", works), "with rtpengine back, calls go again")
    trunks.redis.start()
    trunks.redis.load(trunks._objects({"first": {"pattern": r"^\+1\d+$", "trunks": "gw1"}}, {}))

    def follows():
        trunks.call("pbx1", "+1212", sdp=secure(30040))
        try:
            return gw1.expect("INVITE", 0.5).uri.startswith("sip:+1212@")
        except Failure:
            return False

    t.ok(wait_for("the new configuration", follows), "with Redis back, changes come again")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
