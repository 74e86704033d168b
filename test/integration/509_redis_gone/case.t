#!/usr/bin/python3
"""Redis is mute, gone, empty: each node does with shared limits as without_redis says."""

from case import Case
from cluster import Alive, Cluster
from sandbox import wait_for

PLAIN = {"srtp_mode": "not_supported", "anchor": "no", "trying_timeout_ms": "0"}

with Case(plan=12) as t:
    cluster = Cluster(t, {"pbx1": PLAIN, "gw1": PLAIN}, ttl=3,
                      routes={"one": {"pattern": r"^\+49\d+$", "trunks": "gw1"}})
    up = Alive(cluster)

    def one_limit(calls, name):
        """Again, with all of these at the first node: the second has none to give."""
        for node in range(2):
            cluster.sharing(node, "shared")
        # Who is back first has its part until it hears of the other's calls, a second at most.
        wait_for("the other's calls to be known", lambda: (
            cluster.limits(1)["calls_up_elsewhere"], cluster.here(1)) == (str(calls), 0))
        t.equal((up.call(1), up.status), (False, 503), name)
        up.end(0)

    cluster.limit(max_calls="8", without_redis="local")
    cluster.shared(4, 4)
    cluster.redis.process.signal(19)  # SIGSTOP: it takes connections and is mute
    for node in range(2):
        cluster.sharing(node, "alone")
    t.equal((cluster.here(0), cluster.here(1)), (8, 8), "Redis is mute; without_redis local: each for itself")
    for _ in range(8):
        up.call(0)
    t.equal((up.call(0), up.status), (False, 503), "up to the whole limit")
    cluster.redis.process.signal(18)
    one_limit(8, "it speaks again: the limit is one limit")
    cluster.shared(4, 4)
    t.ok(True, "and is shared evenly")
    cluster.limit(max_calls="2", without_redis="allow")
    cluster.shared(1, 1)
    cluster.redis.stop()
    for node in range(2):
        cluster.sharing(node, "alone")
    for _ in range(4):
        up.call(0)
    t.equal(cluster.limits(0)["calls_up_out"], "4", "Redis is gone; allow: all are let through")
    t.ok("max_calls_here" not in cluster.limits(0), "so there is no number that would bound them")
    cluster.redis.start()  # empty: what was in force is held back, and stays
    one_limit(4, "an empty one is there: the limit holds again, for both")
    cluster.shared(1, 1)
    t.ok(up.call(1), "and takes calls again")
    cluster.nodes[1].process.signal(9)
    wait_for("the other to be alone", lambda: cluster.status(0)["limits_nodes"] == "1")
    wait_for("it to have all of them", lambda: cluster.here(0) == 2)
    t.ok(True, "a killed one leaves its permits")

    # A node that starts while Redis is away serves by what it has on disk.
    cluster.redis.stop()
    cluster.start_node(1)
    cluster.sharing(1, "alone")
    t.ok(True, "started without Redis")
    for _ in range(3):
        up.call(1)
    t.equal(cluster.limits(1)["calls_up_out"], "3", "it does as without_redis says")
    t.equal(cluster.alarms(), [], "nothing critical was logged")
