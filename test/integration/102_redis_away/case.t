#!/usr/bin/python3
"""Redis absent at start, killed, stopped, flushed, its connections cut: calls go on with
what is in force, and recovery is automatic."""

import os
import signal
import time

from case import Case
from sandbox import Failure, wait_for
from trunks import Trunks

PLAIN = {"anchor": "no"}

with Case(plan=21) as t:
    trunks = Trunks(t, {"pbx1": PLAIN, "gw1": PLAIN},
                    routes={"all": {"pattern": ".*", "trunks": "gw1"}})
    redis = trunks.redis

    def rpc(*words):
        return trunks.kamailio.rpc(*words)

    def objects():
        """All of them, to write them anew."""
        with redis.client() as client:
            found = {}
            for key in client.command("KEYS", "med:1:*"):
                flat = client.command("HGETALL", key)
                found[key] = dict(zip(flat[::2], flat[1::2]))
            return found

    def store(state, timeout=10):
        return wait_for(f"the store to be {state}",
                        lambda: f"store: {state}" in rpc("mediation.status"), timeout)

    def seconds_of_call(name):
        """A call is placed and answered; how long that took."""
        begin = time.monotonic()
        invite = trunks.call("pbx1", "+4930123")
        got = trunks.gw1.expect("INVITE", call_id=invite.get("Call-ID"))
        trunks.gw1.reply(got, 486, "Busy Here")
        trunks.pbx1.expect(486, call_id=invite.get("Call-ID"))
        took = time.monotonic() - begin
        return t.ok(took < 2.5, f"{name} ({took * 1000:.0f} ms)")

    def follows(name):
        """A change is seen within seconds."""
        mark = f"mark{time.monotonic_ns()}"
        redis.hset(f"med:1:gateway:{mark}", address="192.0.2.1", name=mark)
        redis.hset(f"med:1:trunk:{mark}", gateway=mark, transport="tcp", local_port="40000")
        wait_for(name, lambda: mark in rpc("mediation.trunks"))
        redis.command("DEL", f"med:1:gateway:{mark}", f"med:1:trunk:{mark}")
        wait_for(name, lambda: mark not in rpc("mediation.trunks"))
        return t.ok(True, name)

    seconds_of_call("with Redis: a call")
    saved = objects()

    redis.process.kill()
    store("down")
    t.like(rpc("mediation.status"), "Connection refused|closed the connection",
           "killed: the status says so")
    seconds_of_call("killed: calls go on")
    t.like(rpc("mediation.trunks", "gw1"), "id: gw1", "with the trunks that were in force")
    # It comes back as something that is still loading, then with the data.
    redis.start()
    redis.load(saved)
    store("live")
    seconds_of_call("restarted: calls")
    follows("restarted: changes are followed again")
    t.ok(trunks.stat("store_losses") >= 1, "the loss is counted")

    redis.process.signal(signal.SIGSTOP)
    seconds_of_call("stopped: calls go on")
    store("down")
    t.like(rpc("mediation.status"), "no answer in time", "stopped: seen, though nothing closed")
    seconds_of_call("stopped for long: calls go on")
    redis.process.signal(signal.SIGCONT)
    store("live")
    follows("continued: changes are followed again")

    for name in ("mediation-track", "mediation-data"):
        with redis.client() as client:
            lines = client.command("CLIENT", "LIST").splitlines()
            number = next(line.split()[0][3:] for line in lines if f"name={name} " in line)
            client.command("MULTI")
            client.command("CLIENT", "KILL", "ID", number)
            client.command("HSET", "med:1:gateway:missed", "address", f"192.0.2.{len(name)}")
            client.command("HSET", "med:1:trunk:missed", "gateway", "missed", "transport",
                           "tcp", "local_port", "40001")
            client.command("EXEC")
        wait_for("the change made in that moment",
                 lambda end=f"192.0.2.{len(name)}": end in rpc("mediation.trunks"))
        t.ok(True, f"{name} cut in the moment of a change: the change is not missed")
    redis.command("DEL", "med:1:gateway:missed", "med:1:trunk:missed")
    wait_for("it to be gone", lambda: "missed" not in rpc("mediation.trunks"))

    redis.command("FLUSHDB")
    wait_for("the flush", lambda: "held: {" in rpc("mediation.status"))
    seconds_of_call("FLUSHDB is held back: calls go on")
    rpc("mediation.reload")
    wait_for("it to be confirmed", lambda: "total: 0" in rpc("mediation.trunks"))
    t.ok(trunks.lines("WARNING", "objects are no longer in Redis"), "confirmed, it is told loudly")
    invite = trunks.call("pbx1", "+4930123")
    t.equal(trunks.pbx1.expect("4xx", call_id=invite.get("Call-ID")).status, 403,
            "and nobody is known any more")
    redis.load(saved)
    wait_for("the objects", lambda: "total: 2" in rpc("mediation.trunks"))
    seconds_of_call("written again: calls")

    redis.process.kill()
    store("down")
    said = len(trunks.lines("ERROR", "Connection refused"))
    time_out = time.monotonic() + 4
    wait_for("four seconds of attempts", lambda: time.monotonic() > time_out)
    t.ok(len(trunks.lines("ERROR", "Connection refused")) <= said + 1,
         "being away is told once, not at each attempt")

    trunks.kamailio.stop()
    # Nothing known on disk either: that is 120.
    os.remove(trunks.kamailio.lkg)
    try:
        trunks.kamailio.start()
        t.like(rpc("mediation.status"), "store: down", "started without Redis: it says so")
    except Failure as why:
        t.ok(False, f"Kamailio starts without Redis: {why}")
    try:
        rpc("mediation.trunks")
        t.ok(False, "nothing is loaded: mediation.trunks should be a fault")
    except Failure as fault:
        t.like(str(fault), "503.*nothing is loaded", "nothing is loaded: a fault, not a text")
    redis.start()
    redis.load(saved)
    wait_for("the objects", lambda: "live" in rpc("mediation.status")
             and "total: 2" in rpc("mediation.trunks"))
    seconds_of_call("Redis came later: calls")
