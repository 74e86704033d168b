#!/usr/bin/python3
"""A datagram lost, a reply late, a command slow: the node and its addresses stay known."""

import threading

from case import Case
from listener import PLAIN, REQUIRED, Caller, FakeNode, Listener, hello, learned
from ng import decode, encode
from sandbox import wait_for
from sip import sdp

LEGS = (REQUIRED, PLAIN)
SECURE = sdp(4000, profile="RTP/SAVP", key="A" * 40)
OK = encode({"sdp": sdp(5000, address="192.0.2.7"), "result": "ok"})
INTERFACES = "abcdefgh"


class Deaf(FakeNode):
    """Loses the first probe, and that sent once more."""

    lost = 0

    def probed(self, command, to, address="192.0.2.7"):
        self.lost += 1
        if self.lost > 2:
            super().probed(command, to, address)


class Slow(FakeNode):
    """Each interface has an address of its own; `pace` waits before the answer."""

    def __init__(self, sandbox, pace):
        self.pace, self.under_way, self.most, self.cookies = pace, 0, 0, set()
        super().__init__(sandbox)

    def probed(self, command, to, address="192.0.2.7"):
        if to[0] in self.cookies:
            return  # sent once more
        self.cookies.add(to[0])
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        number = INTERFACES.index(command["direction"][0])
        threading.Thread(target=self._answer, args=(command, to, number), daemon=True).start()

    def _answer(self, command, to, number):
        self.pace(number)
        self.under_way -= 1
        super().probed(command, to, f"192.0.2.{10 + number}")


def drained(node):
    while not node.inbox.empty():
        node.inbox.get()


with Case(plan=12) as t:
    deaf = Deaf(t)
    listener = Listener(t, [deaf.port])
    wait_for("the node to be alive", lambda: "alive" in hello(listener.port)["med-nodes"].values())
    t.equal(hello(listener.port)["med-addresses"], [], "its first probe is lost: no address yet")
    wait_for("its address", lambda: hello(listener.port)["med-addresses"] == ["192.0.2.7"], 20)
    t.ok(deaf.lost <= 4, f"asked again soon, not in a minute; {deaf.lost} probes came")

    # Two offers go unanswered while a round of probes is under way: the node counts as dead,
    # then as alive again by the next answer, and a new round is due amid the old one.
    callers = []
    begun = []

    def pace(number):
        if number == 0 and not begun:
            begun.append(True)
            for i in range(2):
                caller = Caller(slow_port(), f"unanswered-{i}")
                callers.append(threading.Thread(target=caller.offer, args=(LEGS, SECURE)))
                callers[-1].start()
            for _ in range(4):
                slow.get()  # twice each: a third of their time is over when the next is asked
        elif number == 1 and len(begun) == 1:
            begun.append(True)
            for thread in callers:
                thread.join()  # told at the deadline
        else:
            hello(slow_port())  # whatever else is to be sent now is on its way

    slow = Slow(t, pace)
    ports = []

    def slow_port():
        return wait_for("the listener", lambda: ports and ports[0])

    port_taken = t.port
    t.port = lambda: ports.append(port_taken()) or ports[-1]
    listener = Listener(t, [slow.port], "rounds", interfaces=";".join(INTERFACES),
                        ping_interval_ms=10000)
    t.port = port_taken
    wanted = [f"192.0.2.{10 + i}" for i in range(len(INTERFACES))]
    got = wait_for("all addresses", lambda: len(hello(listener.port)["med-addresses"]) >= 8
                   and hello(listener.port)["med-addresses"])
    t.like(listener.process.text(), r"does not answer[\s\S]*answers",
           "a node dies and returns while it is probed")
    t.equal(got, wanted, "each interface's address is learned, once")
    t.equal(slow.most, 1, "and one probe was under way at a time")

    # Commands without keys that take their time.
    node = FakeNode(t)
    listener = Listener(t, [node.port], "busy", ping_interval_ms=10000)
    learned(listener.port)
    drained(node)
    listing = Caller(listener.port, "list")
    results = [listing.send("query")["result"] for _ in range(2)]
    t.equal(results, ["error"] * 2, "two slow commands in a row are told at the deadline")
    t.equal(set(hello(listener.port)["med-nodes"].values()), {"alive"}, "the node stays alive")
    drained(node)
    caller = Caller(listener.port, "after")
    offer = threading.Thread(target=caller.offer, args=(LEGS, SECURE))
    offer.start()
    _, to = node.get()
    node.reply(to, OK)
    offer.join()
    t.equal(caller.last["result"], "ok", "and takes an offer")

    # The plugin was restarted; a re-INVITE's offer is preceded by a query, which is lost.
    caller = Caller(listener.port, "older")
    offer = threading.Thread(target=caller.offer, args=(LEGS, SECURE), kwargs={"to_tag": "B"})
    offer.start()
    query, first = node.get()
    again, second = node.get()
    t.equal(decode(query), {"command": "query", "call-id": "older"}, "rtpengine is asked first")
    t.equal((again, second[0]), (query, first[0]), "once more, under the same cookie")
    node.reply(second, b"d6:result2:oke")
    body, to = node.get()
    node.reply(to, OK)
    offer.join()
    t.equal(decode(body)["command"], "offer", "then it gets the offer")
    t.equal(caller.last["result"], "ok", "which succeeds")
