#!/usr/bin/python3
"""What changes while calls run: a call that is up keeps what it was admitted with, what it
has not tried yet is looked up anew, and what was counted stays counted."""

import re

from case import Case
from sandbox import wait_for
from sip import SipPeer, sdp
from trunks import Trunks, Turned

PLAIN = {"srtp_mode": "not_supported"}
SLOW = {**PLAIN, "trying_timeout_ms": "0", "progress_timeout_ms": "0"}


with Case(plan=18) as t:
    trunks = Trunks(t, {
        "pbx1": {**PLAIN, "transport": "tls"}, "gw1": SLOW, "gw2": SLOW, "gw3": SLOW,
    }, routes={"all": {"pattern": r"^\+49\d+$", "trunks": "gw1*1,gw2*0,gw3*0"}}, media=True)
    pbx1, gw1, gw2, gw3 = (trunks.peers[name] for name in trunks.names)
    redis, rpc = trunks.redis, trunks.kamailio.rpc

    def revision():
        return int(re.search(r"revision: (\d+)", rpc("mediation.status"))[1])

    def change(*command):
        """In force when it returns."""
        before = revision()
        redis.command(*command)
        wait_for(f"{command} to be in force", lambda: revision() > before, interval=0.01)

    def attempts(name):
        return int(re.search(r"attempts: (\d+)", rpc("mediation.trunks", name))[1])

    # ---- a call that is up, while all that it hangs on changes ----

    sent, got, answer = trunks.answered("pbx1", "gw1", "+49301", sdp(30000), sdp(31000))
    change("HSET", "med:1:profile:trunk:pbx1", "srtp_mode", "required")
    t.like(rpc("mediation.trunks", "pbx1"), "srtp: required", "the caller's trunk wants SRTP now")
    refused = trunks.call("pbx1", "+49302", sdp=sdp(30010))
    t.equal(pbx1.expect("4xx", call_id=refused.get("Call-ID")).status, 488,
            "so a new call with RTP is refused")
    again = pbx1.reinvite(sent, answer, sdp(30002), cseq=2)
    offer = gw1.expect("INVITE", call_id=sent.get("Call-ID"))
    t.like(offer.body, "RTP/AVP", "the call that is up may still be changed with RTP")
    gw1.reply(offer, 200, "OK", sdp=sdp(31002))
    final = pbx1.expect("2xx", call_id=sent.get("Call-ID"))
    t.like(final.body, r"m=audio \d+ RTP/AVP ", "and answered: it keeps what it was admitted with")
    pbx1.ack(again, answer)
    gw1.expect("ACK", call_id=sent.get("Call-ID"))
    back = gw1.reinvite(Turned(got, answer), Turned(got, answer), sdp(31004), cseq=101)
    offer = pbx1.expect("INVITE", call_id=sent.get("Call-ID"))
    t.like(offer.body, r"m=audio \d+ RTP/AVP ", "so is an offer of the callee")
    pbx1.reply(offer, 200, "OK", sdp=sdp(30004))
    gw1.expect("2xx", call_id=sent.get("Call-ID"))
    gw1.ack(back, Turned(got, answer))
    pbx1.expect("ACK", call_id=sent.get("Call-ID"))
    change("HSET", "med:1:profile:trunk:pbx1", "srtp_mode", "not_supported")

    # ---- counters ----

    before = attempts("gw1")
    t.ok(before > 0, "attempts are counted")
    change("HSET", "med:1:trunk:gw1", "name", "the first", "enabled", "no")
    change("HSET", "med:1:trunk:gw1", "enabled", "yes")
    t.equal(attempts("gw1"), before, "another name, out of service and back: still counted")

    # ---- a call on its way, while those it may try change ----

    moved = SipPeer(t, "udp", user="moved")
    sent2 = trunks.call("pbx1", "+49303", sdp=sdp(30020))
    got2 = gw1.expect("INVITE", call_id=sent2.get("Call-ID"))
    change("DEL", "med:1:trunk:gw2")
    change("HSET", "med:1:trunk:gw3", "port", moved.port)
    gw1.reply(got2, 503, "Service Unavailable")
    offer = moved.expect("INVITE", call_id=sent2.get("Call-ID"))
    t.like(offer.uri, f":{moved.port}", "gw2 is gone: passed over; gw3 moved: tried where it is")
    gw2.expect_none("INVITE", 0.2)
    moved.reply(offer, 486, "Busy Here")
    t.equal(pbx1.expect("4xx", call_id=sent2.get("Call-ID")).status, 486, "its answer arrives")
    t.equal(attempts("gw3"), 1, "and is counted where it belongs")

    # ---- RENAME, and a call on what is no more ----

    change("RENAME", "med:1:trunk:gw3", "med:1:trunk:gw4")
    named = wait_for("the line about it", lambda: trunks.lines("in force: ", "gw3", "gw4"))
    t.like(named[0], "removed trunk:gw3", "RENAME of a key: the log names the id that goes")
    t.like(named[0], "set trunk:gw4", "and the one that comes, in one change")
    t.equal(attempts("gw4"), 0, "another id is another trunk")
    change("DEL", "med:1:trunk:gw1")
    change("DEL", "med:1:route:all")
    t.unlike(rpc("mediation.trunks"), "id: gw1", "the trunk of the call that is up is gone")
    again = pbx1.reinvite(sent, answer, sdp(30006), cseq=3)
    offer = gw1.expect("INVITE", call_id=sent.get("Call-ID"))
    t.like(offer.body, r"m=audio \d+ RTP/AVP ", "the call goes on all the same")
    gw1.reply(offer, 200, "OK", sdp=sdp(31006))
    pbx1.expect("2xx", call_id=sent.get("Call-ID"))
    pbx1.ack(again, answer)
    gw1.expect("ACK", call_id=sent.get("Call-ID"))
    pbx1.bye(sent, answer, cseq=4)
    bye = gw1.expect("BYE", call_id=sent.get("Call-ID"))
    gw1.reply(bye, 200, "OK")
    t.equal(pbx1.expect("2xx", call_id=sent.get("Call-ID")).method, "BYE", "and is ended")
    wait_for("one snapshot", lambda: "snapshots: 1" in rpc("mediation.status"))
    t.ok(True, "one snapshot is alive in the end")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
