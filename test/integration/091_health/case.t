#!/usr/bin/python3
"""Trunks that do not answer OPTIONS are down, and up again when they do; calls know it."""

import re

from case import Case
from sandbox import Failure, wait_for
from sip import sdp
from trunks import Answering, Trunks

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}
QUIET = {**PLAIN, "options_interval_s": "0"}
FAST = {**PLAIN, "options_interval_s": "1", "options_down_interval_s": "1",
        "options_timeout_ms": "400", "options_max_misses": "2", "trying_timeout_ms": "400"}


with Case(plan=31) as t:
    trunks = Trunks(t, {
        "pbx1": QUIET,
        "gw1": FAST,
        "gw2": {**FAST, "transport": "tcp"},
        "gw3": {**FAST, "transport": "tls"},
    }, routes={"one": {"pattern": r"^\+49\d+$", "priority": "0", "trunks": "gw1*0,gw2*0,gw3*0"}})
    pbx1, gw1, gw2, gw3 = (trunks.peers[n] for n in trunks.names)
    asked = {name: Answering(trunks.peers[name]) for name in ("gw1", "gw2", "gw3")}
    trunks.redis.load({"med:1:pool:pool1": {"fqdn": "ms.example.com"}})
    trunks.redis.hset("med:1:trunk:gw1", mediation_server="pool1")

    def shown(name):
        lines = trunks.kamailio.rpc("mediation.trunks", name).splitlines()
        return dict(line.strip().partition(": ")[::2] for line in lines)

    def state(name):
        return shown(name).get("state")

    def becomes(name, what, seconds=8):
        wait_for(f"{name} to be {what}", lambda: state(name) == what, seconds)
        return True

    def order():
        text = trunks.kamailio.rpc("mediation.explain", "pbx1", "-", "+49301234567")
        found = text[text.rindex("candidates"):]
        return re.findall(r"trunk: (gw\d)", found)

    for name, how in asked.items():
        wait_for(f"{name} to be asked twice", lambda how=how: len(how.seen) > 1)
    wait_for("the pool's name", lambda: "example" in asked["gw1"].seen[-1].get("Contact"))
    got = asked["gw1"].seen[-1]
    t.like(got.get("From"), r"^<?sip:ms\.example\.com>?;tag=", "From is the pool's name")
    t.like(got.get("Contact"), rf"<sip:ms\.example\.com:{trunks.local['gw1']};transport=udp>",
           "Contact too")
    t.like(got.get("Allow"), "INVITE", "it says what may be sent")
    t.like(asked["gw2"].seen[-1].get("Via"), "SIP/2.0/TCP", "TCP trunks are asked over TCP")
    t.like(asked["gw3"].seen[-1].get("Via"), "SIP/2.0/TLS", "TLS trunks over TLS")
    t.ok(all(becomes(n, "up") for n in asked), "all are up")
    t.ok("heard_at" in shown("gw1"), "and when they were heard is shown")
    t.equal(pbx1._inbox.empty() and not pbx1._pending, True, "who is not to be asked is not")

    # Silence: down, last in every plan, told once.
    asked["gw1"].code = 0
    t.ok(becomes("gw1", "down"), "two OPTIONS without answer: down")
    t.equal(order(), ["gw2", "gw3", "gw1"], "it is tried after the others")
    t.equal(re.findall(r"trunk: (\w+)", trunks.kamailio.rpc("mediation.trunk_state")), ["gw1"],
            "it is the one that is not up")
    t.equal(shown("gw1")["state_cause"], "options", "why")
    wait_for("the log to say so", lambda: trunks.lines("trunk 'gw1' is down"))
    t.like(trunks.lines("trunk 'gw1' is down")[0], "2 OPTIONS were not answered, the last with 408",
           "the log says why")
    before = len(asked["gw1"].seen)
    wait_for("more OPTIONS", lambda: len(asked["gw1"].seen) > before + 1)
    t.equal(len(trunks.lines("trunk 'gw1' is")), 1, "and says it once")
    sent = trunks.call("pbx1", "+49301234567", sdp=sdp(30000))
    got = gw2.expect("INVITE")
    gw2.reply(got, 486, "Busy Here")
    t.equal(pbx1.expect("4xx", call_id=sent.get("Call-ID")).status, 486, "calls go elsewhere")
    asked["gw1"].code = 503
    before = len(asked["gw1"].seen)
    wait_for("more OPTIONS", lambda: len(asked["gw1"].seen) > before + 1)
    t.equal(state("gw1"), "down", "503 to OPTIONS is no answer")
    asked["gw1"].code = 404
    t.ok(becomes("gw1", "up"), "any other answer will do: up again")
    wait_for("the log to say so", lambda: trunks.lines("trunk 'gw1' is up"))
    t.equal(order(), ["gw1", "gw2", "gw3"], "at its place")

    # Nobody listens any more: TCP refuses. The others are asked as before.
    asked["gw3"].seen.clear()
    gw2.close()
    t.ok(becomes("gw2", "down"), "a TCP peer that refuses is down")
    wait_for("gw3 to be asked", lambda: len(asked["gw3"].seen) > 1)
    t.equal((state("gw1"), state("gw3")), ("up", "up"), "the others are as they were")

    # All down: they are tried none the less.
    asked["gw1"].code = asked["gw3"].code = 0
    t.ok(becomes("gw1", "down") and becomes("gw3", "down"), "all are down")
    sent = trunks.call("pbx1", "+49301234567", sdp=sdp(30000))
    got = gw1.expect("INVITE")
    gw1.reply(got, 200, "OK", sdp=sdp(31000))
    answer = pbx1.expect("2xx", call_id=sent.get("Call-ID"))
    pbx1.ack(sent, answer)
    gw1.expect("ACK")
    t.equal(answer.status, 200, "the first of them takes the call")
    t.ok(becomes("gw1", "up", 2), "which says that it is up")

    # A person says so.
    trunks.kamailio.rpc("mediation.trunk_state", "gw1", "down")
    t.equal((state("gw1"), shown("gw1")["state_cause"]), ("down", "forced"), "forced down")
    try:
        trunks.kamailio.rpc("mediation.trunk_state", "gw1", "sideways")
    except Failure as why:
        t.like(str(why), "up, down or auto", "a state that is none is refused")
    trunks.kamailio.rpc("mediation.trunk_state", "gw1", "up")
    t.equal(state("gw1"), "up", "forced up")
    trunks.kamailio.rpc("mediation.trunk_state", "gw1", "auto")

    # It calls us, or asks us: asked at once, whatever the interval.
    trunks.redis.hset("med:1:profile:trunk:gw3", options_down_interval_s="3600")
    wait_for("that to be in force",
             lambda: "3600" in trunks.kamailio.rpc("mediation.profiles", "trunk:gw3"))
    asked["gw3"].code = 200
    asked["gw3"].seen.clear()
    gw3.request("OPTIONS", f"sip:127.0.0.1:{trunks.local['gw3']}", trunks.address("gw3"))
    t.equal(gw3.expect(200).status, 200, "its OPTIONS are answered")
    t.ok(becomes("gw3", "up", 10), "and make us ask")

    events = str(trunks.redis.command("XRANGE", "medrun:1:events", "-", "+"))
    wait_for("the events", lambda: "trunk_up" in str(
        trunks.redis.command("XRANGE", "medrun:1:events", "-", "+")))
    t.like(events, "trunk_down", "events tell it too")
    t.ok(trunks.stat("trunk_downs") >= 4 and trunks.stat("probes_missed") >= 6, "and counters")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
