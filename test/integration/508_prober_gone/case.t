#!/usr/bin/python3
"""The node that asks trunks by OPTIONS is cut off from Redis, or drained."""

import time

from asking import NAMES, Asking
from case import Case

with Case(plan=6) as t:
    cluster = Asking(t)
    asks, other = cluster.asks, cluster.other

    # Cut off from Redis, whose clock is set back at that moment: more OPTIONS, and nothing else.
    cluster.relays[asks].cut()
    cluster.redis.command("HSET", "medrun:1:health:", "till", str(int((time.time() + 3600) * 1000)))
    expected = ["", ""]
    expected[other] = NAMES[other]
    t.ok(cluster.probers(*expected), "cut off from Redis: the other asks")
    t.ok(cluster.asks_too(asks), "and so does the one that was cut off")
    t.equal((cluster.state(0), cluster.state(1), cluster.answered_with(asks, 486)), ("up", "up", 486),
            "to calls it is nothing")
    cluster.relays[asks].mend()
    t.ok(cluster.probers(NAMES[other], NAMES[other]), "back: it leaves it to the other")
    cluster.spared(asks)

    # Drained, it leaves it to others.
    cluster.nodes[other].rpc("mediation.drain", "on")
    t.ok(cluster.probers(NAMES[asks], NAMES[asks]), "drained: the first one asks again")
    cluster.nodes[other].rpc("mediation.drain", "off")
    t.equal(cluster.alarms(), [], "nothing critical was logged")
