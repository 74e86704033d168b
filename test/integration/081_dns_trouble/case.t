#!/usr/bin/python3
"""Answers that are odd: a hundred addresses, loops, both IP versions; and /etc/hosts."""

from case import Case
from dns import Dns
from sandbox import wait_for
from sip import sdp
from trunks import Trunks

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}


def named(address, **more):
    return {**PLAIN, "gateway": {"address": address, **more}}


with Case(plan=15) as t:
    dns = Dns("127.0.0.80", {
        "many.example": [("A", 60, f"127.1.0.{n}") for n in range(100, 0, -1)],
        "both.example": [("AAAA", 60, "::1"), ("A", 60, "127.0.0.1")],
        "loop.example": [("CNAME", 60, "pool.example")],
        "pool.example": [("CNAME", 60, "loop.example")],
    })
    trunks = Trunks(t, {
        "pbx1": PLAIN, "many": named("many.example"), "loop": named("loop.example"),
        "both": named("both.example"), "four": named("both.example", ip_version="ipv4"),
        "six": named("both.example", ip_version="ipv6"), "hosts": named("localhost"),
    }, routes={"both": {"pattern": r"^\+1\d+$", "trunks": "both"},
               "hosts": {"pattern": r"^\+2\d+$", "trunks": "hosts"},
               "loop": {"pattern": r"^\+3\d+$", "trunks": "loop"},
               "six": {"pattern": r"^\+4\d+$", "trunks": "six"}}, resolver="127.0.0.80")
    pbx1 = trunks.pbx1

    def addresses(name):
        for line in trunks.kamailio.rpc("mediation.gateways", name).splitlines():
            if "addresses:" in line:
                return line.split(":", 1)[1].strip().split(",")
        return []

    for name in ("many", "both", "four", "six", "hosts"):
        wait_for(f"{name} to be known", lambda n=name: addresses(n), 10)
    wait_for("both addresses", lambda: len(addresses("both")) == 2, 10)
    t.equal(addresses("many"), [f"127.1.0.{n}" for n in range(1, 33)],
            "of a hundred addresses the first 32 in order serve (they came by TCP)")
    t.equal(addresses("both"), ["::1", "127.0.0.1"], "addresses of both versions")
    t.equal(addresses("four"), ["127.0.0.1"], "ip_version ipv4")
    t.equal(addresses("six"), ["::1"], "ip_version ipv6")
    t.ok("127.0.0.1" in addresses("hosts"), "a name that is in /etc/hosts")

    def status(*words):
        text = trunks.kamailio.rpc("mediation.status")
        return all(word in text for word in words)

    wait_for("the warnings", lambda: status("'many.example' has 100 addresses",
                                            "gateway:loop"), 15)
    t.ok(True, "too many addresses and a loop of aliases are warned of")
    t.equal(len(trunks.lines("'many.example' has 100")), 1, "once in the log")

    def call(number, peer):
        sent = trunks.call("pbx1", number, sdp=sdp(30000))
        got = trunks.peers[peer].expect("INVITE", call_id=sent.get("Call-ID"))
        trunks.peers[peer].reply(got, 486, "Busy Here")
        return pbx1.expect("final", call_id=sent.get("Call-ID")).status

    t.equal([call("+11", "both") for _ in range(3)], [486] * 3,
            "over a socket of IPv4 only addresses of IPv4 are tried")
    t.equal(call("+22", "hosts"), 486, "a call to the name from /etc/hosts")
    for number, what in (("+33", "a loop leads nowhere: 503"),
                         ("+44", "an address that our socket cannot reach: 503")):
        sent = trunks.call("pbx1", number, sdp=sdp(30000))
        t.equal(pbx1.expect("final", call_id=sent.get("Call-ID")).status, 503, what)

    trunks.redis.hset("med:1:limits:trunk:six", calls_per_second="1")
    wait_for("the limits", lambda: "trunk:six" in trunks.kamailio.rpc("mediation.limits"))
    sent = [trunks.call("pbx1", "+44", sdp=sdp(30000)) for _ in range(5)]
    t.like(" ".join(pbx1.expect("final", call_id=one.get("Call-ID")).get("Reason")
                    for one in sent), "(.*has no address that its socket can send to){5}",
           "calls that cannot be sent there,")
    t.equal(trunks.lines("trunk 'six' is full"), [], "though they come at once, take no permits")
    t.equal(trunks.stat("gate_blocked"), 0, "the gate kept nothing back")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
