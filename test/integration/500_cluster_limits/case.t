#!/usr/bin/python3
"""A limit holds for two nodes together: permits go where calls are, and a dead node's to the other."""

import time

from case import Case
from cluster import Alive, Cluster
from redis import acl
from sandbox import PATIENCE, wait_for

PLAIN = {"srtp_mode": "not_supported", "anchor": "no", "trying_timeout_ms": "0"}
LIMIT = 20

with Case(plan=26) as t:
    cluster = Cluster(t, {"pbx1": PLAIN, "gw1": PLAIN},
                      routes={"one": {"pattern": r"^\+49\d+$", "trunks": "gw1"}})
    up = Alive(cluster)
    alive, call, end = up.calls, up.call, up.end

    held, limit = cluster.here, cluster.limit

    def fill(node, seconds=PATIENCE, enough=None):
        return up.fill(node, LIMIT * 95 // 100 if enough is None else enough, seconds)

    limit(max_calls=LIMIT)
    wait_for("both to share it", lambda: (held(0), held(1)) == (LIMIT // 2, LIMIT // 2))
    t.equal([cluster.status(n)["limits_sharing"] for n in (0, 1)], ["shared"] * 2, "the status says shared")
    t.equal([cluster.status(n)["limits_nodes"] for n in (0, 1)], ["2"] * 2, "by two nodes")
    t.ok(fill(0) >= LIMIT * 95 // 100, "one node alone reaches 95 %")
    t.ok(len(alive) <= LIMIT, "and no more than the limit")
    t.ok(not call(1), "the other has nothing left to give")
    wait_for("it to be known", lambda: cluster.limits(1)["calls_up_elsewhere"] == str(len(alive)))
    t.equal(cluster.limits(0)["calls_up_out"], str(len(alive)), "each knows what the other has up")
    end(0)
    t.ok(fill(1) >= LIMIT * 95 // 100, "the demand moves, and so do the permits")
    t.ok(len(alive) <= LIMIT, "without one too many")
    end(1, LIMIT // 2)
    fill(0, enough=LIMIT - len(alive))
    t.equal(len(alive), LIMIT, "both together reach it")
    t.ok(not call(0) and not call(1), "and not one more")

    # Lower than what is up, and higher again.
    limit(max_calls=5)
    t.ok(not call(0) and not call(1), "a limit below what is up lets nothing through")
    end(0)
    end(1)
    LIMIT = 5
    fill(0, enough=3)
    fill(1, enough=2)
    t.equal((len(alive), call(0), call(1)), (5, False, False), "and holds when calls have ended")
    end(0)
    end(1)
    LIMIT = 20
    limit(max_calls=LIMIT)
    wait_for("both to share it", lambda: held(0) + held(1) == LIMIT)

    # Killed: what it had is the other's after the time.
    t.equal(fill(1, enough=8), 8, "the second node has calls up")
    cluster.nodes[1].process.kill()
    began = time.monotonic()
    fill(0, 1.5)
    t.ok(len(alive) <= LIMIT, "killed: as long as it may live, its calls count")
    for call_id in [c for c, v in alive.items() if v[0] == 1]:
        del alive[call_id]
    wait_for("its permits to be the other's", lambda: held(0) == LIMIT)
    t.ok(time.monotonic() - began < 9, "after that its permits are the other's")
    t.equal(fill(0, enough=LIMIT), LIMIT, "all of them")
    cluster.start_node(1)
    t.ok(not call(1), "back again it has none as long as they are in use")
    end(0)
    wait_for("both to share it", lambda: held(0) == held(1) == LIMIT // 2)
    t.ok(call(1), "and its part when they are free")
    end(1)

    # Redis comes back empty.
    fill(0, enough=12)
    with cluster.redis.client() as client:
        for key in client.command("KEYS", "medrun:1:*"):
            client.command("DEL", key)
    fill(1, 2)
    t.ok(len(alive) <= LIMIT, "leases lost: each says again what it has, and no more is given")
    wait_for("both to be there", lambda: [
        cluster.status(n)["limits_nodes"] for n in (0, 1)] == ["2"] * 2)
    end(0)
    t.ok(fill(1) >= LIMIT * 95 // 100, "then it goes on as before")
    end(1)

    # The clock of Redis is set back: what it knows of nodes is of times that are yet to come.
    fill(0)
    with cluster.redis.client() as client:
        known = client.command("HGETALL", "medrun:1:lease:nodes")
        for name, till in zip(known[::2], known[1::2]):
            client.command("HSET", "medrun:1:lease:nodes", name, str(int(till) + 3600000))
    end(0)
    t.ok(fill(1) >= LIMIT * 95 // 100, "its clock is set back: permits move as ever soon")
    end(1)

    # The rate is one for both.
    limit(calls_per_second=10)
    wait_for("both to share it", lambda: (held(0, "calls_per_second"),
                                          held(1, "calls_per_second")) == (5, 5))
    t.ok(True, "calls a second are shared")

    # A user of Redis that may not.
    cluster.redis.command(*acl("kamailio", "sesame"))
    with cluster.redis.client() as client:
        t.equal(client.command("AUTH", "kamailio", "sesame"), "OK", "the user of security.md")
        t.equal(client.command("EVAL", "return redis.call('HSET', KEYS[1], 'a', 'b')", "1",
                               "medrun:1:lease:x"), 1, "may lease permits")
    cluster.redis.command("ACL", "SETUSER", "default", "-eval")
    wait_for("it to be told", lambda: cluster.lines_of(0, "limits cannot be shared"))
    wait_for("each to count alone", lambda: cluster.status(0)["limits_sharing"] == "alone")
    t.equal(cluster.status(0)["store"], "live", "refused: told, and nothing else is lost")
    t.equal(cluster.alarms(), [], "nothing critical was logged")
