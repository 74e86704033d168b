#!/usr/bin/python3
"""One node of a site asks trunks by OPTIONS for all of them; each judges by what it saw itself."""

import netns
from case import Case
from cluster import HOSTS, Cluster
from sandbox import wait_for
from sip import sdp
from trunks import Answering

PLAIN = {"srtp_mode": "not_supported", "anchor": "no", "trying_timeout_ms": "1000"}
WATCHED = {**PLAIN, "options_interval_s": "1", "options_down_interval_s": "1",
           "options_timeout_ms": "400", "options_max_misses": "2", "options_up_after": "1"}
NAMES = ["n1", "n2"]

netns.alone()
with Case(plan=26) as t:
    cluster = Cluster(t, {"pbx1": PLAIN, "gw1": WATCHED},
                      lines='modparam("mediation", "health_share_ttl", 3)\n'
                            'modparam("mediation", "pool", "pool-{node}")\n',
                      routes={"one": {"pattern": r"^\+49\d+$", "trunks": "gw1"}})
    pbx1, gw1 = cluster.pbx1, cluster.gw1
    asked = Answering(gw1)

    def shown(node):
        lines = cluster.nodes[node].rpc("mediation.trunks", "gw1").splitlines()
        return dict(line.strip().partition(": ")[::2] for line in lines)

    def state(node):
        return shown(node)["state"]

    def becomes(node, what):
        wait_for(f"gw1 to be {what} to node {node + 1}", lambda: state(node) == what)
        return True

    def prober(node):
        return cluster.status(node).get("prober", "")

    def probers(first, second):
        wait_for(f"probers to be {first}, {second}", lambda: [prober(0), prober(1)] == [first, second])
        return True

    def questions(node):
        return sum(got.link[0] == HOSTS[node] for got in asked.seen)

    def meanwhile(node, count):
        """How many OPTIONS the other node sends while this one sends so many."""
        other, before, until = questions(1 - node), questions(node), questions(node) + count
        wait_for(f"{count} OPTIONS of node {node + 1} after {before}",
                 lambda: questions(node) >= until)
        return questions(1 - node) - other

    def asks_too(node):
        wait_for(f"node {node + 1} to ask as often", lambda: meanwhile(1 - node, 4) >= 3)

    def spared(node):
        wait_for(f"node {node + 1} to ask no more", lambda: meanwhile(1 - node, 3) == 0)

    def call(node, code):
        cluster.at = node
        sent = cluster.call("pbx1", "+4930", sdp=sdp(30000))
        gw1.reply(gw1.expect("INVITE", call_id=sent.get("Call-ID")), code, "So be it")
        return pbx1.expect("final", call_id=sent.get("Call-ID")).status

    wait_for("one to ask for both", lambda: prober(0) == prober(1) != "")
    asks = NAMES.index(prober(0))
    other = 1 - asks
    wait_for("the other to be told of an answer", lambda: "vouched_at" in shown(other))
    count = meanwhile(asks, 10)
    t.ok(count <= 3, f"10 OPTIONS of the one that asks: {count} of the other")
    t.ok(count >= 1, "which asks every fifth time, for its way may be another")
    t.equal((state(0), state(1)), ("up", "up"), "the trunk is up to both")
    t.ok("vouched_at" not in shown(asks), "who asks goes by what it hears itself")
    t.equal(len(cluster.lines_of(other, "asks trunks by OPTIONS for all nodes")), 1,
            "the log says once who it is")

    # A peer that wants to hear of each node.
    cluster.redis.hset("med:1:profile:trunk:gw1", options_each_node="yes")
    asks_too(other)
    t.ok(True, "options_each_node: each asks")
    cluster.redis.hset("med:1:profile:trunk:gw1", options_each_node="no")
    spared(other)

    # A call that fails here speaks against what is heard elsewhere.
    call(other, 503)
    asks_too(other)
    t.ok(True, "a call failed: the node asks for itself")
    call(other, 486)
    spared(other)
    t.ok(True, "until one is taken")

    # The way of the one that asks is broken, and then the other's.
    with netns.dropped("udp", gw1.port, source=HOSTS[asks]):
        t.ok(becomes(asks, "down"), "down to the one that asks")
        wait_for("the other to be told", lambda: shown(other).get("down_elsewhere") == "1")
        before = questions(other)
        wait_for("the other to ask for itself", lambda: questions(other) >= before + 3)
        t.equal(state(other), "up", "the other asks, and judges by the answers")
    t.ok(becomes(asks, "up"), "up again")
    spared(other)
    with netns.dropped("udp", gw1.port, source=HOSTS[other]):
        t.ok(becomes(other, "down"), "a node finds out that its own way is broken")
        t.equal(state(asks), "up", "where another's is not")
    t.ok(becomes(other, "up"), "up again")

    # The peer is gone.
    asked.code = 0
    t.ok(becomes(0, "down") and becomes(1, "down"), "a peer that is gone is down to both")
    asked.code = 200
    t.ok(becomes(0, "up") and becomes(1, "up"), "and up")

    # The one that asks is cut off from Redis: more OPTIONS, and nothing else.
    cluster.relays[asks].cut()
    expected = ["", ""]
    expected[other] = NAMES[other]
    t.ok(probers(*expected), "cut off from Redis: the other asks")
    asks_too(asks)
    t.ok(True, "and so does the one that was cut off")
    t.equal((state(0), state(1), call(asks, 486)), ("up", "up", 486), "to calls it is nothing")
    cluster.relays[asks].mend()
    t.ok(probers(NAMES[other], NAMES[other]), "back: it leaves it to the other")
    spared(asks)

    # Drained, it leaves it to others.
    cluster.nodes[other].rpc("mediation.drain", "on")
    t.ok(probers(NAMES[asks], NAMES[asks]), "drained: the first one asks again")
    cluster.nodes[other].rpc("mediation.drain", "off")

    # Two sites have a prober each.
    cluster.redis.load({"med:1:site:hq": {"name": "hq"}, "med:1:site:branch": {"name": "branch"},
                        "med:1:pool:pool-n1": {"site": "hq"},
                        "med:1:pool:pool-n2": {"site": "branch"}})
    t.ok(probers(*NAMES), "two sites: each has its own")
    asks_too(other)
    t.ok(True, "which ask as if there were no other")
    cluster.redis.hset("med:1:pool:pool-n2", site="hq")
    wait_for("one to ask for both", lambda: prober(0) == prober(1) != "")
    spared(1)
    t.equal(prober(1), "n1", "one site: one")

    # It dies.
    cluster.nodes[0].process.kill()
    wait_for("the other to ask", lambda: prober(1) == "n2")
    meanwhile(1, 3)
    t.equal(state(1), "up", "killed: the other asks in its place")
    t.equal(cluster.alarms(), [], "nothing critical was logged")
