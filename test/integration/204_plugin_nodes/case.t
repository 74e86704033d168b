#!/usr/bin/python3
"""One daemon in front of two rtpengines: calls are spread, stay where they are, and move on."""

from case import Case
from listener import PLAIN, REQUIRED, Caller, Listener, hello, learned
from rtpengine import Rtpengine
from sandbox import wait_for
from sip import sdp

LEGS = (REQUIRED, PLAIN)
SECURE = sdp(4000, profile="RTP/SAVP", key="A" * 40)

with Case(plan=12) as t:
    first, last = t.media_ports
    middle = (first + last) // 2
    nodes = []
    for name, address in (("one", "127.0.0.2"), ("two", "127.0.0.4")):
        nodes.append(Rtpengine(t, name, address=address, options=["--max-sessions=20"]))
    one, two = nodes
    listener = Listener(t, [one.port, two.port], ping_interval_ms=200, addresses="192.0.2.1")
    answer = learned(listener.port)
    wait_for("both nodes' addresses",
             lambda: len(hello(listener.port).get("med-addresses", [])) == 3)
    t.equal(sorted(hello(listener.port)["med-addresses"]), ["127.0.0.2", "127.0.0.4", "192.0.2.1"],
            "the hello lists every node's address, and those of the keyfile")
    t.equal(len(answer["med-nodes"]), 2, "and both nodes")

    calls = [Caller(listener.port, f"call-{i}") for i in range(30)]
    results = [c.offer(LEGS, SECURE)["result"] for c in calls]
    held = [set(one.calls()), set(two.calls())]
    t.equal(results, ["ok"] * 30, "thirty calls are taken by two nodes that hold twenty each")
    t.ok(not held[0] & held[1] and len(held[0] | held[1]) == 30, "each by one node")
    t.ok(min(map(len, held)) >= 5, f"spread over both: {list(map(len, held))}")
    answers = [c.answer(LEGS[::-1], sdp(4002))["result"] for c in calls]
    t.equal(answers, ["ok"] * 30, "their answers reach the node that has them")
    more = [Caller(listener.port, f"more-{i}") for i in range(10)]
    t.equal([c.offer(LEGS, SECURE)["result"] for c in more], ["ok"] * 10, "up to the limit of both")
    t.equal(Caller(listener.port, "one-more").offer(LEGS, SECURE), {"result": "load limit"},
            "then a first offer is told of the load limit")
    for call in calls + more:
        call.send("delete")
    t.equal(one.calls() + two.calls(), [], "deletes reach the right node too")

    plain = [Caller(listener.port, f"plain-{i}") for i in range(10)]
    for call in plain:
        call.send("offer", sdp=sdp(4000))
        call.send("answer", sdp=sdp(4002), to_tag="B")
    t.equal({c.last["result"] for c in plain}, {"ok"}, "calls without keys stay on one node as well")

    two.process.kill()
    results = [c.offer(LEGS, SECURE)["result"] for c in calls]
    t.equal(results.count("ok"), 20 - len([c for c in plain if c.call_id in one.calls()]),
            "a node is killed: new calls go to the other one, up to its limit")
    two.start()
    wait_for("it to be alive again", lambda: set(hello(listener.port)["med-nodes"].values())
             == {"alive"})
    t.equal(Caller(listener.port, "after").offer(LEGS, SECURE)["result"], "ok",
            "it returns, and is used again")
