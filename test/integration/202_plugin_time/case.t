#!/usr/bin/python3
"""rtpengine stopped, slow or gone: every command is answered in time, nothing is left."""

import signal
import threading
import time

from case import Case
from listener import (PLAIN, REQUIRED, Caller, FakeNode, Listener, hello, learned)
from ng import encode
from rtpengine import Rtpengine
from sandbox import PATIENCE, wait_for
from sip import sdp

LEGS = (REQUIRED, PLAIN)
SECURE = sdp(4000, profile="RTP/SAVP", key="A" * 40)
DEADLINE = 0.3
BUSY = 0.5  # what other work on the machine may add


def timed(action):
    start = time.monotonic()
    action()
    return time.monotonic() - start


def at_once(action):
    """Less than the deadline: of three, since what is slow by itself is so each time."""
    return min(timed(action) for _ in range(3))


with Case(plan=24) as t:
    rtpengine = Rtpengine(t, options=["--delete-delay=30"])
    listener = Listener(t, [rtpengine.port], ping_interval_ms=1000)
    learned(listener.port)
    before = Caller(listener.port, "before")
    before.offer(LEGS, SECURE)

    rtpengine.process.signal(signal.SIGSTOP)
    callers = [Caller(listener.port, f"stopped-{i}") for i in range(3)]
    spent = timed(lambda: callers[0].offer(LEGS, SECURE))
    t.like(callers[0].last.get("error-reason"), "did not answer within 300 ms",
           "rtpengine stopped: an offer is answered")
    t.ok(DEADLINE - 0.05 < spent < DEADLINE + BUSY, f"at the deadline ({spent:.3f} s)")
    spent = timed(lambda: before.answer(LEGS[::-1], sdp(4002)))
    t.ok(before.last["result"] == "error" and spent < DEADLINE + BUSY,
         f"so is an answer ({spent:.3f} s)")
    spent = timed(lambda: before.send("query"))
    t.ok(before.last["result"] == "error" and spent < DEADLINE + BUSY,
         f"and what has no keys ({spent:.3f} s)")
    node = f"127.0.0.1:{rtpengine.port}"
    wait_for("the node to count as dead", lambda: hello(listener.port)["med-nodes"][node] == "dead")
    spent = at_once(lambda: callers[1].offer(LEGS, SECURE))
    t.like(callers[1].last.get("error-reason"), "does not answer", "known as dead: an error")
    t.ok(spent < DEADLINE / 2, f"at once ({spent:.3f} s)")
    spent = at_once(lambda: hello(listener.port))
    t.ok(spent < DEADLINE / 2, f"the hello never waits for it ({spent:.3f} s)")

    rtpengine.process.signal(signal.SIGCONT)
    learned(listener.port)
    t.ok(wait_for("the late offer to be undone", lambda: rtpengine.calls() == ["before"], 10),
         "what it made of the late offer is deleted at once")
    again = callers[0].offer(LEGS, SECURE)
    t.equal(again["result"], "ok", "the same call offered again goes through")
    t.ok("stopped-0" in rtpengine.calls(), "and stays")

    rtpengine.process.kill()
    spent = at_once(lambda: callers[2].offer(LEGS, SECURE))
    t.like(callers[2].last.get("error-reason"), "is not running|does not answer",
           "rtpengine killed: an error")
    t.ok(spent < DEADLINE / 2, f"at once ({spent:.3f} s)")
    rtpengine.address = "127.0.0.9"
    rtpengine.start()
    wait_for("the new address", lambda: hello(listener.port).get("med-addresses") == ["127.0.0.9"])
    t.ok(True, "it comes back with another address, which is learned")
    t.equal(callers[2].offer(LEGS, SECURE)["result"], "ok", "and takes calls again")
    rtpengine.stop()

    # A node that answers when we say.
    slow = FakeNode(t)
    beside = Listener(t, [slow.port], "beside", deadline_ms=1500)
    learned(beside.port)
    while not slow.inbox.empty():
        slow.inbox.get()
    ok = encode({"sdp": sdp(5000, address="192.0.2.7"), "result": "ok"})
    caller = Caller(beside.port, "late")
    offer = lambda: caller.offer(LEGS, SECURE)["result"]

    t.equal(offer(), "error", "no answer: the first attempt fails")
    _, first = slow.get()
    slow.get()  # sent once more
    caller.client.sock.setblocking(False)
    caller.client.sock.settimeout(PATIENCE)

    result = []
    attempt = threading.Thread(target=lambda: result.append(offer()))
    attempt.start()
    _, second = slow.get()
    slow.reply(first, ok)  # the first one's, too late, while the second is under way
    slow.reply(second, ok)
    attempt.join()
    t.equal(result, ["ok"], "the second attempt is answered")
    t.ok(slow.inbox.empty(), "the late reply to the first does not delete its session")

    other = Caller(beside.port, "other")
    other.offer(LEGS, SECURE)
    _, late = slow.get()
    slow.get()
    slow.reply(late, ok)
    body, to = slow.get()
    t.like(body.decode(), "6:delete7:call-id5:other12:delete-delayi0e",
           "a late reply with no later attempt is undone")
    body_again, _ = slow.get()
    t.equal(body_again, body, "the delete is repeated until it is answered")
    slow.reply(to, b"d6:result2:oke")

    # Many in flight, answered in another order.
    many = [Caller(beside.port, f"many-{i}") for i in range(20)]
    threads = [threading.Thread(target=c.offer, args=(LEGS, SECURE)) for c in many]
    for thread in threads:
        thread.start()
    for _, to in reversed([slow.get() for _ in many]):
        slow.reply(to, ok)
    for thread in threads:
        thread.join()
    t.equal({c.last.get("result") for c in many}, {"ok"}, "many in flight, each gets its own")

    # What rtpengine says of its own limits.
    replies = [(b"d6:result10:load limit7:message4:texte", "first", {}, "load limit", None),
               (b"d6:result10:load limite", "many-1", {}, "error", "load limit"),
               (b"d12:error-reason16:Ran out of ports6:result5:errore", "ports", {}, "error",
                "no free media port"),
               (b"d12:error-reason30:Parallel session limit reached6:result5:errore", "limit",
                {}, "error", "session limit")]
    for reply, call_id, keys, result, reason in replies:
        limited = Caller(beside.port, call_id)
        thread = threading.Thread(target=limited.offer, args=(LEGS, SECURE), kwargs=keys)
        while not slow.inbox.empty():
            slow.inbox.get()
        thread.start()
        body, to = slow.get()
        while b"5:offer" not in body:
            body, to = slow.get()
        slow.reply(to, reply)
        thread.join()
        got = limited.last
        t.ok(got.get("result") == result and (reason or "") in got.get("error-reason", "")
             and got.get("error-reason") not in ("Ran out of ports",
                                                 "Parallel session limit reached"),
             f"{call_id}: {got}")
