#!/usr/bin/python3
"""Wrong requests get the right code, a Reason and one readable log line each."""

import re

from case import Case
from sandbox import Sandbox, wait_for
from sip import sdp
from trunks import Trunks

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}
ROUTES = {
    "germany": {"pattern": r"^\+49\d+$", "trunks": "gw1"},
    "loop": {"pattern": r"^\+1\d+$", "trunks": "pbx1"},
    "off": {"pattern": r"^\+2\d+$", "trunks": "gone"},
    "deaf": {"pattern": r"^\+3\d+$", "trunks": "gw1"},
}

with Case(plan=46) as t:
    trunks = Trunks(t, {
        "pbx1": {**PLAIN, "dial_plan": "dial"},
        "mute": {**PLAIN, "pstn_usages": ""},
        "gw1": {**PLAIN, "gateway": {"source": "127.0.0.9"}},
        "anchored": {"srtp_mode": "not_supported"},
    }, routes=ROUTES, rules={"dial": [r"^0([1-9]\d+)$ => +49$1"]})
    trunks.redis.hset("med:1:trunk:gone", gateway="gw1", enabled="no", transport="udp")
    pbx1 = trunks.pbx1

    def refused(what, code, words, peer="pbx1", number="0301234567", **more):
        sent = trunks.call(peer, number, **{"sdp": sdp(30000), **more})
        call_id = sent.get("Call-ID")
        got = trunks.peers[peer].expect("4xx" if code < 500 else "5xx", call_id=call_id)
        t.equal(got.status, code, f"{what}: {code}")
        t.like(got.get("Reason"), words, f"{what}: the Reason says why")
        t.equal(len(trunks.lines(call_id, f" {code}: ")), 1, f"{what}: one log line")

    def revision():
        return re.search(r"revision: (\d+)", trunks.kamailio.rpc("mediation.status"))[1]

    # From nobody we know: gw1's address is another one.
    refused("unknown source", 403, "10013", peer="gw1", number="+493012345")
    refused("not a number", 484, "12002", number="alice")
    refused("no rule takes it", 484, "12002", number="1234")
    refused("no usages", 403, "12001", peer="mute", number="+493012345")
    refused("no route", 404, "12004", number="+99123456")
    refused("back to where it came from", 482, "13000", number="+12025550100")
    refused("all trunks down", 503, "12000", number="+21234567")

    hops = trunks.call("pbx1", "0301234567", max_forwards=0)
    t.equal(pbx1.expect("4xx", call_id=hops.get("Call-ID")).status, 483, "Max-Forwards 0: 483")

    # Without SDP (delayed offer) and with a broken one, where nothing is anchored.
    sent = trunks.call("pbx1", "0301234567")
    got = trunks.gw1.expect("INVITE")
    t.like(got.first, r"^INVITE sip:\+49301234567@127\.0\.0\.1", "without SDP a call goes on")
    trunks.gw1.reply(got, 486, "Busy Here")
    pbx1.expect(486)
    refused("broken SDP", 400, "SDP", peer="anchored", number="+4930",
            sdp="v=0\r\nm=audio nonsense\r\n")
    refused("an SDP without address", 400, "m-line 1 has no address", peer="anchored", number="+4930",
            sdp=sdp(30000).replace("c=IN IP4 127.0.0.1\r\n", ""))

    t.equal(trunks.gw1._pending + list(trunks.gw1._inbox.queue), [m for m in (
        trunks.gw1._pending + list(trunks.gw1._inbox.queue)) if m.method == "ACK"],
        "nothing else reached the gateway")
    t.equal(trunks.stat("unknown_source"), 1, "counted: unknown source")
    t.equal(trunks.stat("loops"), 1, "counted: loops")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
    t.like(trunks.kamailio.log(), "call .*pbx1 calls", "the calls that went on are told")

    # trunks.cfg looks at no verb's answer; it listens on one socket.
    with Sandbox("trunks") as box:
        trunks = Trunks(box, {"pbx1": {**PLAIN, "dial_plan": "dial"}, "gw1": PLAIN},
                        routes={name: ROUTES[name] for name in ("germany", "loop")},
                        rules={"dial": [r"^0([1-9]\d+)$ => +49$1"]}, config="trunks.cfg")
        refused("trunks.cfg, not a number", 484, "12002", number="alice")
        refused("trunks.cfg, no route", 404, "12004", number="+99123456")
        refused("trunks.cfg, back to where it came from", 482, "13000",
                number="+12025550100")
        before = revision()
        trunks.redis.hset("med:1:gateway:pbx1", source="127.0.0.8")
        wait_for("the change", lambda: revision() != before)
        refused("trunks.cfg, unknown source", 403, "10013")
