#!/usr/bin/python3
"""Peers that refuse a connection, lose it, or take it and are mute: the next trunk in time."""

import socket
import time

import netns
from case import Case
from sandbox import wait_for
from sip import sdp
from trunks import Trunks

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}
TCP = {**PLAIN, "transport": "tcp", "connect_timeout_ms": "1500", "trying_timeout_ms": "500"}
LONG = {**TCP, "connect_timeout_ms": "20000", "trying_timeout_ms": "20000"}

netns.alone()
with Case(plan=25) as t:
    trunks = Trunks(t, {
        "pbx1": PLAIN,
        "refuses": {**LONG, "host": netns.REFUSING, "failover_codes": "500"},
        "lost": {**TCP, "host": netns.NOBODY},
        "slow": TCP,
        "mute": {**TCP, "transport": "tls"},
        "silent": {**TCP, "connect_timeout_ms": "20000"},
        "gw1": {**PLAIN, "trying_timeout_ms": "20000"},
        "closed": LONG,
    }, routes={
        **{name: {"pattern": rf"^\+{number}\d+$", "priority": "0", "trunks": f"{name}*0,gw1*0"}
           for number, name in ((1, "refuses"), (2, "lost"), (3, "slow"), (4, "mute"),
                                (5, "silent"), (6, "closed"))},
    }, host=netns.OURS, without=("refuses", "lost", "mute", "silent", "closed"))
    pbx1, gw1, slow = trunks.pbx1, trunks.gw1, trunks.slow
    listeners = {}
    for name in ("mute", "silent"):
        listeners[name] = socket.create_server((netns.OURS, trunks.port_of(name)))

    def call(number):
        """Where it was first, how long that took until gw1 had it, and what ended it."""
        began = time.monotonic()
        sent = trunks.call("pbx1", f"+{number}301234567", sdp=sdp(30000))
        got = gw1.expect("INVITE", call_id=sent.get("Call-ID"))
        after = time.monotonic() - began
        gw1.reply(got, 200, "OK", sdp=sdp(31000))
        final = pbx1.expect("final", call_id=sent.get("Call-ID"))
        pbx1.ack(sent, final)
        gw1.expect("ACK", call_id=sent.get("Call-ID"))
        return final.status, after

    def told(name, words):
        return len(trunks.lines(f"trunk '{name}' {words}, trying the next"))

    # Refused: at once, whatever the timers.
    for number in range(1, 4):
        status, after = call(1)
        t.equal(status, 200, f"refused {number}: the next trunk takes it")
        t.ok(after < 10, f"at once, and not when a timer ends: {after:.2f} s")
    t.equal(told("refuses", "took no connection: 503"), 3, "which is told")
    t.equal(call(6)[0], 200, "refused while it was sent: the next as well")

    # Its SYN is lost: the connection's time, not that of the 100.
    status, after = call(2)
    t.equal((status, told("lost", "timed out: 408")), (200, 1), "lost: a timer, then the next")
    t.ok(1.3 <= after < 12, f"that of the connection: {after:.2f} s")

    # The first SYN is lost, the second is not: 100's time counts from the connection on.
    with netns.dropped("tcp", slow.port):
        began = time.monotonic()
        sent = trunks.call("pbx1", "+3301234567", sdp=sdp(30000))
        wait_for("more than the 100 may take", lambda: time.monotonic() > began + 0.8)
    got = slow.expect("INVITE", call_id=sent.get("Call-ID"))
    came = time.monotonic() - began
    second = gw1.expect("INVITE", call_id=sent.get("Call-ID"))
    after = time.monotonic() - began
    t.ok(came > 0.9, f"a slow connection: it has the INVITE after {came:.2f} s")
    # Its second SYN is a second behind the first; then the 100 has half of one.
    t.ok(1.3 < after < 12, f"and from then on its time to say 100: {after:.2f} s in all")
    slow.reply(got, 100, "Trying")
    t.ok(slow.expect("CANCEL", call_id=sent.get("Call-ID")), "what it says too late: CANCEL")
    gw1.reply(second, 200, "OK", sdp=sdp(31000))
    final = pbx1.expect("final", call_id=sent.get("Call-ID"))
    t.equal(final.status, 200, "the next trunk takes the call")
    pbx1.ack(sent, final)
    gw1.expect("ACK", call_id=sent.get("Call-ID"))

    # A connection that is up already, and a peer that says 100 in time.
    sent = trunks.call("pbx1", "+3301234567", sdp=sdp(30000))
    got = slow.expect("INVITE", call_id=sent.get("Call-ID"))
    slow.reply(got, 200, "OK", sdp=sdp(31000))
    final = pbx1.expect("final", call_id=sent.get("Call-ID"))
    t.equal((final.status, told("slow", "timed out: 408")), (200, 1), "up: as ever")
    pbx1.ack(sent, final)
    slow.expect("ACK", call_id=sent.get("Call-ID"))

    # TLS that ends in the middle is a refusal.
    sent = trunks.call("pbx1", "+4301234567", sdp=sdp(30000))
    link = listeners["mute"].accept()[0]
    link.recv(1)
    link.close()
    got = gw1.expect("INVITE", call_id=sent.get("Call-ID"))
    t.equal(told("mute", "took no connection: 503"), 1,
            "a connection closed before TLS was up is none")
    gw1.reply(got, 486, "Busy Here")
    t.equal(pbx1.expect("final", call_id=sent.get("Call-ID")).status, 486, "the next says no")

    # It takes the connection, and there is no TLS, or no SIP.
    status, after = call(4)
    t.equal((status, told("mute", "timed out: 408")), (200, 1), "TLS that never speaks: the next")
    t.ok(1.3 <= after < 12, f"no connection before TLS is: {after:.2f} s")
    status, after = call(5)
    t.equal((status, told("silent", "timed out: 408")), (200, 1), "TCP that never speaks: the next")
    t.ok(0.3 < after < 15, f"a connection is up, so it is the 100's time: {after:.2f} s")

    # Nobody is left: an answer; the caller who gives up gets one too.
    trunks.redis.hset("med:1:route:closed", trunks="closed")
    wait_for("that to be in force",
             lambda: "gw1" not in trunks.kamailio.rpc("mediation.routes", "closed"))
    sent = trunks.call("pbx1", "+6301234567", sdp=sdp(30000))
    final = pbx1.expect("final", call_id=sent.get("Call-ID"))
    t.equal(final.status, 503, "nobody is left: 503")
    t.like(final.get("To"), "tag=", "with a tag")
    # At a place where no connection was tried before: Kamailio gives up on that one when it is
    # its time, and not this call's.
    trunks.redis.hset("med:1:gateway:closed", address=netns.NOBODY)
    wait_for("that to be in force",
             lambda: netns.NOBODY in trunks.kamailio.rpc("mediation.gateways", "closed"))
    sent = trunks.call("pbx1", "+6301234567", sdp=sdp(30000))
    pbx1.expect(100, call_id=sent.get("Call-ID"))
    pbx1.send([f"CANCEL {sent.uri} SIP/2.0", f"Via: {sent.get('Via')}", "Max-Forwards: 70",
               f"From: {sent.get('From')}", f"To: {sent.get('To')}",
               f"Call-ID: {sent.get('Call-ID')}", "CSeq: 1 CANCEL"],
              to=trunks.address("pbx1"))
    pbx1.expect("2xx", call_id=sent.get("Call-ID"))
    t.equal(pbx1.expect("final", call_id=sent.get("Call-ID")).status, 487, "who gives up: 487")
    t.equal(trunks.alarms(), [], "nothing is critical")
