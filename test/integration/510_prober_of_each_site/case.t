#!/usr/bin/python3
"""Each site has one node that asks trunks by OPTIONS; a peer may want to hear of all; it dies."""

from asking import NAMES, Asking
from case import Case
from sandbox import wait_for

with Case(plan=6) as t:
    cluster = Asking(t)

    cluster.redis.load({"med:1:site:hq": {"name": "hq"}, "med:1:site:branch": {"name": "branch"},
                        "med:1:pool:pool-n1": {"site": "hq"},
                        "med:1:pool:pool-n2": {"site": "branch"}})
    t.ok(cluster.probers(*NAMES), "two sites: each has its own")
    t.ok(cluster.asks_too(cluster.other), "which ask as if there were no other")
    cluster.redis.hset("med:1:pool:pool-n2", site="hq")
    wait_for("one to ask for both", lambda: cluster.prober(0) == cluster.prober(1) != "")
    t.equal(cluster.prober(1), "n1", "one site: one")
    cluster.spared(1)

    # A peer that wants to hear of each node.
    cluster.redis.hset("med:1:profile:trunk:gw1", options_each_node="yes")
    t.ok(cluster.asks_too(1), "options_each_node: each asks")

    # It dies.
    cluster.nodes[0].process.kill()
    wait_for("the other to ask", lambda: cluster.prober(1) == "n2")
    cluster.meanwhile(1, 3)
    t.equal(cluster.state(1), "up", "killed: the other asks in its place")
    t.equal(cluster.alarms(), [], "nothing critical was logged")
