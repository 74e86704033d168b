#!/usr/bin/python3
"""A configuration that suddenly shrinks is held back: FLUSHDB, a master that came back
empty, the wrong database, an empty replica promoted; and a restart meanwhile. Single changes
go on; it ends by mediation.reload, by a writer's token, or when the objects are there again."""

import re

from case import Case
from redis import RedisServer
from sandbox import wait_for
from trunks import Trunks

PLAIN = {"anchor": "no"}

with Case(plan=29) as t:
    trunks = Trunks(t, {"pbx1": PLAIN, "gw1": PLAIN, "gw2": PLAIN},
                    routes={"all": {"pattern": ".*", "trunks": "gw1"},
                            "other": {"pattern": "^\\+1", "trunks": "gw1"}})
    redis, kamailio = trunks.redis, trunks.kamailio
    saved = trunks._objects({"all": {"pattern": ".*", "trunks": "gw1"},
                             "other": {"pattern": "^\\+1", "trunks": "gw1"}}, {})

    def status():
        return kamailio.rpc("mediation.status")

    def settle(name, probe):
        return wait_for(name, probe)

    def held():
        return "\theld: {" in status()

    def live():
        return "store: live" in status()

    def goes_to(peer, name):
        invite = trunks.call("pbx1", "+4930123")
        got = peer.expect("INVITE", call_id=invite.get("Call-ID"))
        peer.reply(got, 486, "Busy Here")
        trunks.pbx1.expect(486, call_id=invite.get("Call-ID"))
        return t.ok(True, name)

    def trunks_in_force():
        return int(re.findall(r"^\s+trunk: (\d+)$", status(), re.M)[-1])

    def counted(kind):
        return int(re.search(r"held: \{.*?%s: (\d+)" % kind, status(), re.S)[1])

    # 1. FLUSHDB; single changes meanwhile; the objects come back one by one.
    redis.command("FLUSHDB")
    settle("the shrink to be held back", held)
    t.like(status(), r"no longer in Redis.* trunk 3 of 3,.* route 2 of 2,", "FLUSHDB: held back")
    t.like(status(), r"trunk:gw1", "the status names objects")
    t.ok(trunks.lines("ERROR", "held back", "mediation.reload"), "the log says what to do")
    goes_to(trunks.gw1, "calls go on")
    settle("the event", lambda: "held" in str(redis.command("XRANGE", "medrun:1:events", "-", "+")))
    redis.hset("med:1:route:all", **{k: v for k, v in saved["med:1:route:all"].items()
                                     if k != "trunks"}, trunks="gw2")
    settle("one less to be held", lambda: counted("route") == 1)
    goes_to(trunks.gw2, "a single change goes on: it is in force")
    redis.hset("med:1:trunk:new", gateway="gw1", transport="udp", local_port="40000")
    settle("the new trunk", lambda: trunks_in_force() == 4)
    redis.command("DEL", "med:1:trunk:new")
    settle("it to be gone", lambda: trunks_in_force() == 3)
    t.ok(held(), "so do adding and deleting; it is held still")
    redis.load(saved)
    settle("it to be over", lambda: not held())
    t.equal(trunks_in_force(), 3, "the objects are there again: it ends by itself")
    goes_to(trunks.gw1, "with what Redis says now")

    # 2. A master that came back empty, and a restart of Kamailio meanwhile.
    redis.process.kill()
    settle("Redis to be missed", lambda: "store: down" in status())
    redis.start()
    settle("the shrink to be held back", held)
    goes_to(trunks.gw1, "a master that came back empty: calls go on")
    kamailio.stop()
    kamailio.start()
    settle("Redis to be read", live)
    t.ok(held(), "restarted meanwhile: held still")
    t.equal(trunks_in_force(), 3, "the last known good serves, not the empty one")
    goes_to(trunks.gw1, "and calls go on")
    # Half of it is there again, and Kamailio restarts: no consent to lose the rest.
    redis.load({k: v for k, v in saved.items() if "gw2" not in k})
    settle("less to be held", lambda: counted("trunk") == 1)
    kamailio.stop()
    kamailio.start()
    settle("Redis to be read", live)
    t.ok(held() and trunks_in_force() == 3, "a part of it there again, restarted: held still")
    kamailio.rpc("mediation.reload")
    settle("the reload to confirm", lambda: not held() and trunks_in_force() == 2)
    t.ok(True, "mediation.reload confirms")
    t.ok(trunks.lines("WARNING", "objects are no longer in Redis"), "and the log says it")
    redis.load(saved)
    settle("all to be there", lambda: trunks_in_force() == 3)

    # A reload confirms what is held, never what nobody has seen yet: Redis pauses, so that it
    # is asked for before the node has read again.
    with redis.client() as client:
        number = [line.split()[0][3:] for line in client.command("CLIENT", "LIST").splitlines()
                  if "name=mediation-track" in line][0]
        client.command("MULTI")
        client.command("CLIENT", "KILL", "ID", number)
        client.command("FLUSHDB")
        client.command("CLIENT", "PAUSE", "2000")
        client.command("EXEC")
    kamailio.rpc("mediation.reload")
    settle("the shrink to be held back", held)
    t.equal(trunks_in_force(), 3, "a reload that meets a shrink: held back first")

    # A writer's token confirms, in one transaction with what it writes.
    with redis.client() as client:
        client.command("MULTI")
        for key in ("med:1:gateway:pbx1", "med:1:trunk:pbx1"):
            client.command("HSET", key, *[str(w) for p in saved[key].items() for w in p])
        client.command("SET", "med:1:applied", "token-1")
        client.command("EXEC")
    settle("the token to confirm", lambda: not held())
    t.equal(trunks_in_force(), 1, "a changed `applied` confirms: what was written is in force")
    redis.load(saved)
    settle("all to be there", lambda: trunks_in_force() == 3)

    # 3. The wrong database, with a last known good: also one that has a token of its own.
    with redis.client() as client:
        client.command("SELECT", "1")
        client.command("SET", "med:1:applied", "token-of-another")
        client.command("HSET", "med:1:gateway:x", "address", "192.0.2.1")
    kamailio.stop()
    right = list(kamailio.argv)
    kamailio.argv = [a.replace(":%d/0" % redis.port, ":%d/1" % redis.port) for a in right]
    kamailio.start()
    settle("that database to be read", live)
    t.ok(held(), "the wrong database: held back")
    t.equal(trunks_in_force(), 3, "the trunks of the right one are in force")
    goes_to(trunks.gw1, "and calls go on")
    kamailio.stop()
    kamailio.argv = right
    kamailio.start()
    settle("the right one to be read", lambda: "source: redis" in status())
    settle("it to be over", lambda: not held())
    t.equal(trunks_in_force(), 3, "the right one again: it is over")

    # 4. An empty replica is promoted behind the same address.
    empty = RedisServer(t, name="empty")
    redis.command("REPLICAOF", "127.0.0.1", empty.port)
    settle("the replica to be in step", lambda: redis.command("DBSIZE") == 0)
    redis.command("REPLICAOF", "NO", "ONE")
    settle("the shrink to be held back", lambda: live() and held())
    t.equal(trunks_in_force(), 3, "an empty replica promoted: held back")
    goes_to(trunks.gw1, "and calls go on")

    # Shares: half may go, more may not; deletions by themselves always may.
    redis.load(saved)
    settle("it to be over", lambda: not held())
    many = {f"med:1:trunk:t{n}": {"gateway": "gw1", "transport": "udp", "local_port": 41000 + n}
            for n in range(97)}
    redis.load(many)
    settle("a hundred trunks", lambda: trunks_in_force() == 100)

    def read_without(keys):
        """They are gone when everything is read the next time."""
        with redis.client() as client:
            number = [line.split()[0][3:] for line in
                      client.command("CLIENT", "LIST").splitlines()
                      if "name=mediation-track" in line][0]
            client.command("MULTI")
            client.command("CLIENT", "KILL", "ID", number)
            client.command("DEL", *keys)
            client.command("EXEC")

    read_without(list(many)[:50])
    settle("half of them to go", lambda: trunks_in_force() == 50)
    t.ok(not held(), "half of the trunks gone at a read: applied")
    read_without(list(many)[50:76])
    settle("more than half to be held", lambda: live() and held())
    t.equal(trunks_in_force(), 50, "more than half: held back")
    t.equal(counted("trunk"), 26, "and counted")
    redis.load({k: v for k, v in many.items() if k in list(many)[50:76]})
    settle("it to be over", lambda: not held())
    redis.command("DEL", *list(many)[50:])
    settle("a transaction that deletes them", lambda: trunks_in_force() == 3)
    t.ok(not held(), "one command that deletes nearly all is a change like any other")

    t.equal(kamailio.log().count("held back: no longer"), 6, "each is told once in the log")
    kamailio.stop()
    t.unlike(kamailio.log(), "core was generated|signal 6|signal 11", "and it ends well")
