#!/usr/bin/python3
"""A MULTI/EXEC is one change: no reader of a snapshot ever sees half of one."""

import re
import threading
import time

from case import Case, soak_seconds
from sandbox import PATIENCE, wait_for
from trunks import Trunks

SECONDS = soak_seconds(3)
PLAIN = {"anchor": "no"}


def write_pairs(redis, first, stop, count):
    """Both trunks always get the same port in one transaction; others change between."""
    with redis.client() as client:
        port = first
        while not stop.is_set():
            port = first + (port - first + 1) % 20000
            client.command("HSET", "med:1:gateway:other", "name", port)
            client.command("MULTI")
            client.command("HSET", "med:1:trunk:a", "port", port)
            client.command("HSET", "med:1:gateway:other", "name", -port)
            client.command("HSET", "med:1:trunk:b", "port", port)
            client.command("EXEC")
            count[0] += 1
            stop.wait(0.0005)


with Case(plan=6) as t:
    trunks = Trunks(t, {"pbx1": PLAIN, "gw1": PLAIN})
    redis, rpc = trunks.redis, trunks.kamailio.rpc
    redis.load({"med:1:gateway:other": {"address": "192.0.2.1"},
                "med:1:trunk:a": {"gateway": "other", "transport": "tcp", "local_port": 40001},
                "med:1:trunk:b": {"gateway": "other", "transport": "tcp", "local_port": 40002}})
    wait_for("the trunks", lambda: "total: 4" in rpc("mediation.trunks"))

    stop, count = threading.Event(), [0]
    writers = [threading.Thread(target=write_pairs, args=(redis, first, stop, count))
               for first in (10000, 40000)]
    for writer in writers:
        writer.start()
    seen, halves = set(), []
    end = time.monotonic() + SECONDS
    reloads = 0
    while time.monotonic() < end or len(seen) <= 20 and time.monotonic() < end + PATIENCE:
        # One RPC reads one snapshot.
        ports = re.findall(r"id: (a|b)\n(?:.*\n)*?\s+port: (\d+)", rpc("mediation.trunks"))
        values = {port for _, port in ports}
        seen |= values
        if len(ports) != 2 or len(values) != 1:
            halves.append(ports)
        if len(seen) % 10 == 5:
            rpc("mediation.reload")
            reloads += 1
    stop.set()
    for writer in writers:
        writer.join()
    t.equal(halves, [], f"no half of {count[0]} transactions in {len(seen)} states seen, "
                        f"with {reloads} full reads among them")
    t.ok(len(seen) > 20, "and the states changed while they were written")
    last = redis.command("HGET", "med:1:trunk:a", "port")
    wait_for("the last one", lambda: rpc("mediation.trunks").count(f"port: {last}\n") == 2)
    t.ok(True, "the last transaction is in force")

    # A burst of thousands in one transaction is one commit.
    before = trunks.stat("changes_applied")
    with redis.client() as client:
        client.command("MULTI")
        for number in range(4000):
            client.send("HSET", f"med:1:route:r{number}", "pattern", f"^\\+49{number:04}",
                        "usages", "all", "trunks", "gw1")
        for number in range(4000):
            client.reply()
        client.command("EXEC")
    wait_for("4000 routes", lambda: "route: 4000" in rpc("mediation.status"))
    t.equal(trunks.stat("changes_applied"), before + 1, "4000 objects in one EXEC: one change")
    with redis.client() as client:
        for number in range(4000):
            client.send("DEL", f"med:1:route:r{number}")
        for number in range(4000):
            client.reply()
    wait_for("their end", lambda: "route: 0" in rpc("mediation.status"))
    t.ok(trunks.stat("changes_applied") < before + 3000, "single ones are taken in groups")
    wait_for("one snapshot", lambda: "snapshots: 1" in rpc("mediation.status"))
    t.ok(True, "one snapshot is alive in the end")
