#!/usr/bin/python3
"""Bandwidth of a trunk, and of the link of two sites, holds for two nodes together."""

from case import Case
from cluster import Alive, Cluster
from sandbox import wait_for

PLAIN = {"srtp_mode": "not_supported", "anchor": "no", "trying_timeout_ms": "0"}
KBIT = 97  # G.711

with Case(plan=17) as t:
    cluster = Cluster(t, {"pbx1": {**PLAIN, "gateway": {"site": "branch"}},
                          "gw1": {**PLAIN, "gateway": {"site": "hq"}}},
                      routes={"one": {"pattern": r"^\+49\d+$", "trunks": "gw1"}})
    cluster.redis.load({"med:1:site:hq": {"name": "hq"}, "med:1:site:branch": {"name": "branch"}})
    up = Alive(cluster)

    def shown(node, field, which="trunk:gw1"):
        return int(cluster.limits(node, which)[field])

    def limit(which, **fields):
        """These alone, of one object; shared evenly by both nodes."""
        cluster.redis.command("DEL", "med:1:limits:trunk:gw1", "med:1:limits:site:hq:branch")
        cluster.redis.hset(f"med:1:limits:{which}", name=str(fields), **fields)
        wait_for("both to share it", lambda: all(
            str(fields) in cluster.nodes[n].rpc("mediation.limits")
            and shown(n, "audio_bw_limit_here", which) == int(fields["audio_bw_limit"]) // 2
            for n in (0, 1)))

    limit("trunk:gw1", audio_bw_limit="1000", overload_code="486")
    t.ok(True, "each has a half of it")
    t.equal(up.fill(0, 10), 10, "one node alone reaches all of it")
    t.ok(not up.call(0), "and no more")
    wait_for("the other to know", lambda: shown(1, "audio_kbit_elsewhere") == 10 * KBIT)
    t.equal((shown(0, "audio_kbit_taken"), shown(1, "audio_kbit_taken")), (10 * KBIT, 0),
            "each knows what the other's calls take")
    t.ok(not up.call(1), "the other has none left")
    t.ok(cluster.lines_of(1, "audio_bw_limit 1000, of which this node has"), "as its log says")
    up.end(0)
    t.equal(up.fill(1, 10), 10, "the calls move, and so does the bandwidth")
    t.ok(not up.call(0), "all of it")
    up.end(1, 5)
    t.equal(up.fill(0, 5), 5, "both together reach it")
    t.ok(not up.call(0) and not up.call(1), "and not one more")
    up.end(0)
    up.end(1)

    # The link between both sites, with room for one call at each.
    limit("site:hq:branch", audio_bw_limit="200")
    t.ok(up.call(0) and up.call(1), "a link of two sites: a call at each node")
    t.ok(not up.call(0) and not up.call(1), "is all it has room for")
    up.end(0)
    wait_for("another call of the other", lambda: up.call(1))
    t.ok(not up.call(0), "then both may be of one")
    up.end(1)

    # Without Redis it is as with calls: the trunk's setting.
    limit("trunk:gw1", audio_bw_limit="400", without_redis="refuse")
    t.ok(up.call(1), "a call")
    cluster.relays[1].cut()
    t.ok(up.call(1), "cut off: the node goes on with what it has")
    wait_for("its part to be over", lambda: shown(1, "audio_bw_limit_here") == 0)
    t.ok(not up.call(1), "until the others may have it; then by without_redis")
    t.equal(cluster.alarms(), [], "nothing critical was logged")
