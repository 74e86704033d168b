#!/usr/bin/python3
"""One node of a site asks trunks by OPTIONS for all of them; each judges by what it saw itself."""

from asking import Asking
from case import Case

with Case(plan=8) as t:
    cluster = Asking(t)
    asks, other = cluster.asks, cluster.other

    count = cluster.meanwhile(asks, 7)
    t.ok(count <= 2, f"7 OPTIONS of the one that asks: {count} of the other")
    t.ok(count >= 1, "which asks every fifth time, for its way may be another")
    t.equal((cluster.state(0), cluster.state(1)), ("up", "up"), "the trunk is up to both")
    t.ok("vouched_at" not in cluster.shown(asks), "who asks goes by what it hears itself")
    t.equal(len(cluster.lines_of(other, "asks trunks by OPTIONS for all nodes")), 1,
            "the log says once who it is")

    # A call that fails here speaks against what is heard elsewhere.
    cluster.answered_with(other, 503)
    t.ok(cluster.asks_too(other), "a call failed: the node asks for itself")
    cluster.answered_with(other, 486)
    t.ok(cluster.spared(other), "until one is taken")
    t.equal(cluster.alarms(), [], "nothing critical was logged")
