#!/usr/bin/python3
"""A node cut off from Redis goes on with what it has of a shared limit, then by without_redis."""

import time

from case import Case
from cluster import Cluster
from sandbox import wait_for
from sip import sdp

PLAIN = {"srtp_mode": "not_supported", "anchor": "no", "trying_timeout_ms": "0"}

with Case(plan=21) as t:
    cluster = Cluster(t, {"pbx1": PLAIN, "gw1": PLAIN}, ttl=3,
                      routes={"one": {"pattern": r"^\+49\d+$", "trunks": "gw1"}})
    pbx1, gw1 = cluster.pbx1, cluster.gw1
    alive = []

    def here(node):
        return int(cluster.limits(node)["max_calls_here"])

    def sharing(node):
        return cluster.status(node)["limits_sharing"]

    def limit(**fields):
        cluster.redis.hset("med:1:limits:trunk:gw1", name=str(fields), **fields)
        for node in range(2):
            wait_for("limits to be in force", lambda node=node: str(fields) in
                     cluster.nodes[node].rpc("mediation.limits"))

    def up(node):
        """One more call of that node is answered."""
        cluster.at = node
        alive.append((node, *cluster.answered("pbx1", "gw1", "+4930", sdp(30000), sdp(31000))))
        return True

    def refused(node):
        cluster.at = node
        sent = cluster.call("pbx1", "+4930", sdp=sdp(30000))
        return pbx1.expect("final", call_id=sent.get("Call-ID")).status

    def end(node):
        for one in [a for a in alive if a[0] == node]:
            cluster.at = node
            pbx1.bye(one[1], one[3])
            call_id = one[1].get("Call-ID")
            gw1.reply(gw1.expect("BYE", call_id=call_id), 200, "OK")
            pbx1.expect(200, call_id=call_id)
            alive.remove(one)

    def cut(node):
        cluster.relays[node].cut()
        return time.monotonic()

    limit(max_calls="8", without_redis="refuse")
    wait_for("both to share it", lambda: (here(0), here(1)) == (4, 4))
    since = cut(1)
    for _ in range(2):
        up(1)
    t.equal(sharing(1), "shared", "cut off: it goes on with the permits it has")
    wait_for("the time to be over", lambda: sharing(1) == "alone")
    t.ok(1.5 < time.monotonic() - since < 20, "until the others may have them")
    t.equal(here(1), 0, "without_redis refuse: none is left")
    t.equal(refused(1), 503, "and a call is refused")
    t.ok(cluster.lines_of(1, "limits are no longer shared"), "which the log says")
    wait_for("the other one to have all", lambda: here(0) == 8)
    t.equal(cluster.status(0)["limits_nodes"], "1", "the other one has all of them then")
    t.ok(up(0), "and takes calls as before")
    cluster.relays[1].mend()
    wait_for("it to be back", lambda: sharing(1) == "shared")
    wait_for("each to know of the other's calls", lambda: (
        cluster.limits(0)["calls_up_elsewhere"], cluster.limits(1)["calls_up_elsewhere"])
        == ("2", "1"))
    t.ok(True, "back: its calls are counted again")
    wait_for("it to have its part", lambda: here(0) + here(1) in (7, 8) and here(1) >= 4)
    t.ok(cluster.lines_of(1, "limits are shared again"), "and it has its part, as the log says")
    end(0)
    end(1)

    # Both, and the field says what then.
    limit(max_calls="8", without_redis="local")
    wait_for("both to share it", lambda: (here(0), here(1)) == (4, 4))
    cluster.redis.process.signal(19)  # SIGSTOP: it takes connections and is mute
    for node in range(2):
        wait_for("the time to be over", lambda node=node: sharing(node) == "alone")
    t.equal((here(0), here(1)), (8, 8), "Redis is mute; without_redis local: each for itself")
    for _ in range(8):
        up(0)
    t.equal(refused(0), 503, "up to the whole limit")
    cluster.redis.process.signal(18)
    for node in range(2):
        wait_for("it to be back", lambda node=node: sharing(node) == "shared")
    wait_for("the other's calls to be known",
             lambda: cluster.limits(1)["calls_up_elsewhere"] == "8")
    t.equal(refused(1), 503, "it speaks again: the limit is one limit")
    end(0)
    wait_for("both to share it", lambda: (here(0), here(1)) == (4, 4))
    t.ok(True, "and is shared evenly")
    limit(max_calls="2", without_redis="allow")
    wait_for("both to share it", lambda: (here(0), here(1)) == (1, 1))
    cluster.redis.stop()
    for node in range(2):
        wait_for("the time to be over", lambda node=node: sharing(node) == "alone")
    for _ in range(4):
        up(0)
    t.equal(cluster.limits(0)["calls_up_out"], "4", "Redis is gone; allow: all are let through")
    cluster.redis.start()  # empty: what was in force is held back, and stays
    for node in range(2):
        wait_for("it to be back", lambda node=node: sharing(node) == "shared")
    t.equal(refused(1), 503, "an empty one is there: the limit holds again, for both")
    end(0)
    wait_for("each to have its part again", lambda: (here(0), here(1)) == (1, 1))
    t.ok(up(1), "and takes calls again")
    cluster.nodes[1].process.signal(9)
    wait_for("the other to be alone", lambda: cluster.status(0)["limits_nodes"] == "1")
    wait_for("it to have all of them", lambda: here(0) == 2)
    t.ok(True, "a killed one leaves its permits")

    # A node that starts while Redis is away serves by what it has on disk.
    cluster.redis.stop()
    cluster.start_node(1)
    wait_for("it to be alone", lambda: sharing(1) == "alone")
    t.ok(True, "started without Redis")
    for _ in range(3):
        up(1)
    t.equal(cluster.limits(1)["calls_up_out"], "3", "it does as without_redis says")
    t.equal(cluster.nodes[0].alarms(), [], "nothing critical was logged")
    t.equal(cluster.nodes[1].alarms(), [], "by either")
