#!/usr/bin/python3
"""The way to a peer is broken from the node that asks, or from the other, or the peer is gone."""

import netns
from asking import Asking
from case import Case
from cluster import HOSTS
from sandbox import wait_for

netns.alone()
with Case(plan=9) as t:
    cluster = Asking(t)
    asks, other, port = cluster.asks, cluster.other, cluster.gw1.port

    with netns.dropped("udp", port, source=HOSTS[asks]):
        t.ok(cluster.becomes(asks, "down"), "down to the one that asks")
        wait_for("the other to be told", lambda: cluster.shown(other).get("down_elsewhere") == "1")
        before = cluster.questions(other)
        wait_for("the other to ask for itself", lambda: cluster.questions(other) >= before + 3)
        t.equal(cluster.state(other), "up", "the other asks, and judges by the answers")
    t.ok(cluster.becomes(asks, "up"), "up again")
    cluster.spared(other)
    with netns.dropped("udp", port, source=HOSTS[other]):
        t.ok(cluster.becomes(other, "down"), "a node finds out that its own way is broken")
        t.equal(cluster.state(asks), "up", "where another's is not")
    t.ok(cluster.becomes(other, "up"), "up again")

    # The peer is gone.
    cluster.asked.code = 0
    t.ok(cluster.becomes(0, "down") and cluster.becomes(1, "down"), "a peer that is gone is down to both")
    cluster.asked.code = 200
    t.ok(cluster.becomes(0, "up") and cluster.becomes(1, "up"), "and up")
    t.equal(cluster.alarms(), [], "nothing critical was logged")
