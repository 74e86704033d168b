#!/usr/bin/python3
"""A node cut off from Redis goes on with what it has of a shared limit, then by without_redis."""

import time

from case import Case
from cluster import Alive, Cluster
from sandbox import wait_for

PLAIN = {"srtp_mode": "not_supported", "anchor": "no", "trying_timeout_ms": "0"}

with Case(plan=10) as t:
    cluster = Cluster(t, {"pbx1": PLAIN, "gw1": PLAIN}, ttl=3,
                      routes={"one": {"pattern": r"^\+49\d+$", "trunks": "gw1"}})
    up = Alive(cluster)

    cluster.limit(max_calls="8", without_redis="refuse")
    cluster.shared(4, 4)
    cluster.relays[1].cut()
    since = time.monotonic()
    for _ in range(2):
        up.call(1)
    t.equal(cluster.status(1)["limits_sharing"], "shared", "cut off: it goes on with the permits it has")
    cluster.sharing(1, "alone")
    t.ok(1.5 < time.monotonic() - since < 20, "until the others may have them")
    t.equal(cluster.here(1), 0, "without_redis refuse: none is left")
    t.equal((up.call(1), up.status), (False, 503), "and a call is refused")
    t.ok(cluster.lines_of(1, "limits are no longer shared"), "which the log says")
    wait_for("the other one to have all", lambda: cluster.here(0) == 8)
    t.equal(cluster.status(0)["limits_nodes"], "1", "the other one has all of them then")
    t.ok(up.call(0), "and takes calls as before")
    cluster.relays[1].mend()
    cluster.sharing(1, "shared")
    wait_for("each to know of the other's calls", lambda: (
        cluster.limits(0)["calls_up_elsewhere"], cluster.limits(1)["calls_up_elsewhere"])
        == ("2", "1"))
    t.ok(True, "back: its calls are counted again")
    wait_for("it to have its part", lambda: cluster.here(0) + cluster.here(1) in (7, 8) and cluster.here(1) >= 4)
    t.ok(cluster.lines_of(1, "limits are shared again"), "and it has its part, as the log says")
    t.equal(cluster.alarms(), [], "nothing critical was logged")
