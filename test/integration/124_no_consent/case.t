#!/usr/bin/python3
"""What is held back goes by consent alone: not by the token of an old dump, nor by a reload
while Redis is away; with a writer in pieces and a root trunk besides."""

import re

from case import Case
from kamailio import Kamailio, bare
from redis import RedisServer
from sandbox import wait_for

OLD, NEW, NEXT = (f"{stamp:016x}{7:016x}" for stamp in (1000, 2000, 3000))


def objects(numbers):
    found = {"med:1:gateway:gw1": {"address": "127.0.0.1", "root_trunk": "t0"}}
    for number in numbers:
        found[f"med:1:trunk:t{number}"] = {"gateway": "gw1", "transport": "udp",
                                           "local_port": 20000 + number}
    return found


with Case(plan=16) as t:
    redis = RedisServer(t)
    control, port = t.path("k.ctl"), t.port()
    redis.load(objects(range(10)))
    redis.command("SET", "med:1:applied", NEW)
    kamailio = Kamailio(t, t.write("k.cfg", bare(
        port, control, redis.url, 'modparam("mediation", "applying_warning", 1)')),
        control=control)

    def status():
        return kamailio.rpc("mediation.status")

    def held():
        return "\theld: {" in status()

    def trunks():
        return int(re.findall(r"^\s+trunk: (\d+)$", status(), re.M)[-1])

    def restore(numbers, token):
        """As from a dump: all of it at once."""
        with redis.client() as client:
            client.command("MULTI")
            client.command("FLUSHDB")
            for key, fields in objects(numbers).items():
                client.command("HSET", key, *[str(w) for p in fields.items() for w in p])
            client.command("SET", "med:1:applied", token)
            client.command("EXEC")

    wait_for("the trunks", lambda: trunks() == 10)
    restore(range(2), OLD)
    wait_for("the shrink to be held back", held)
    t.equal(trunks(), 10, "a dump with an older token: held back")
    redis.command("FLUSHDB")
    wait_for("the flush", lambda: "gateway: 1" in status())
    restore(range(2), OLD)
    wait_for("the dump again", lambda: "trunk 8 of 10" in status())
    t.equal(trunks(), 10, "flushed first, and then restored: held still")
    kamailio.stop()
    kamailio.start()
    wait_for("Redis to be read", lambda: "store: live" in status())
    t.ok(held() and trunks() == 10, "restarted: held still")

    # A reload while Redis is away would confirm what nobody can know.
    redis.stop()
    wait_for("Redis to be missed", lambda: "store: down" in status())
    kamailio.rpc("mediation.reload")
    redis.start()
    wait_for("Redis to be read", lambda: "store: live" in status())
    wait_for("all to be held", held)
    t.equal(trunks(), 10, "a reload while Redis is away confirms nothing")

    # Held, and a writer in pieces: nothing before it ends; then its token confirms.
    redis.command("SET", "med:1:applying", "medctl-on-desk,1")
    wait_for("the writer", lambda: "applying: medctl-on-desk,1" in status())
    redis.load(objects(range(1, 4)))
    redis.command("SET", "med:1:applying", "medctl-on-desk,2")
    wait_for("its progress", lambda: "applying: medctl-on-desk,2" in status())
    t.ok(held() and trunks() == 10, "a writer in pieces: nothing goes, nothing comes yet")
    wait_for("the warning", lambda: kamailio.log().count("has been applying"))
    t.equal(kamailio.log().count("no change comes into force until it ends"), 1,
            "that it takes long is told once, whatever it says of its progress")
    t.equal(kamailio.log().count("applies a configuration in pieces"), 1, "as is that it began")
    t.ok(held(), "held all the time")
    with redis.client() as client:
        client.command("MULTI")
        client.command("SET", "med:1:applied", NEXT)
        client.command("DEL", "med:1:applying")
        client.command("EXEC")
    wait_for("the token to confirm", lambda: not held())
    t.equal(trunks(), 4, "a later token confirms; the root trunk stays with its gateway")
    t.like(status(), r"removed, but it is the root trunk of gateway 'gw1'", "and is told")

    # A root trunk that is gone, and nothing else: not a shrink, and not held for ever.
    redis.command("CLIENT", "KILL", "TYPE", "pubsub")
    wait_for("all to be read again", lambda: kamailio.log().count("revision") and
             "store: live" in status() and not held())
    t.equal(trunks(), 4, "read again: the root trunk stays, nothing is held")

    # Half is held, and the root trunk with it.
    redis.command("FLUSHDB")
    wait_for("the shrink to be held back", held)
    t.equal(trunks(), 4, "flushed: all is held, the root trunk too")
    redis.hset("med:1:gateway:gw1", address="127.0.0.1", root_trunk="t0")
    wait_for("the gateway to be held no more", lambda: "total: 3\n" in status())
    kamailio.rpc("mediation.reload")
    wait_for("the reload to confirm", lambda: not held())
    t.equal(trunks(), 1, "confirmed: the trunks go, the root trunk stays with its gateway")
    redis.command("DEL", "med:1:gateway:gw1")
    wait_for("the last trunk to go", lambda: trunks() == 0)
    t.ok(not held(), "which goes by itself, and the trunk with it")

    kamailio.rpc("mediation.reload")
    wait_for("Redis to be read", lambda: "store: live" in status())
    t.ok(not held() and trunks() == 0, "nothing is left to be held")
    kamailio.stop()
    t.unlike(kamailio.log(), "core was generated|signal 6|signal 11", "and it ends well")
