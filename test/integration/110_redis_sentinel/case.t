#!/usr/bin/python3
"""Redis behind Sentinel: through two failovers the node follows the master, and never a
replica; of a replica that missed the last writes it takes exactly what that one has."""

import json
import re
import time

from case import Case, soak_seconds
from kamailio import Kamailio, bare
from redis import RedisError, Sentinels
from sandbox import Failure, wait_for

def role(server):
    """What ROLE says; nothing while a sentinel changes it, which cuts its connections."""
    try:
        return server.command("ROLE")
    except (OSError, RedisError, Failure):
        return ["", None, None]


with Case(plan=14) as t:
    end = time.monotonic() + soak_seconds(0)
    redis = Sentinels(t)
    first = redis.master()
    first.hset("med:1:gateway:g", address="192.0.2.1")
    first.hset("med:1:trunk:t", gateway="g", transport="tcp", port="5001")
    for number in range(4):  # so that nothing below is a sudden shrink
        first.hset(f"med:1:trunk:other{number}", gateway="g", transport="tcp",
                   local_port=40010 + number)
    control = t.path("k.ctl")
    dead = f"sentinel://127.0.0.1:{t.port()}," + redis.url.split("//")[1]
    kamailio = Kamailio(t, t.write("k.cfg", bare(
        t.port(), control, dead, 'modparam("mediation", "node", "n1")\n'
        'modparam("mediation", "status_interval", 1)')), control=control)

    def status():
        return kamailio.rpc("mediation.status")

    def port():
        try:
            return re.search(r"^\s*port: (\d+)", kamailio.rpc("mediation.trunks", "t"), re.M)[1]
        except Failure:  # nothing is loaded yet
            return None

    def at_master():
        """On a busy machine the sentinels may fail over once more: whoever it is now."""
        master = redis.master()
        return master if master and f":{master.port} db 0: all read" in status() else None

    def follows(value, name):
        wait_for("the node to be at the master", at_master).hset("med:1:trunk:t", port=value)
        wait_for(f"port {value}", lambda: port() == value)
        t.ok(True, name)

    wait_for("the trunk", lambda: port() == "5001")
    t.ok(True, "one sentinel of four is away: the others name the master")
    follows("5002", "changes are followed")

    first.process.kill()
    redis.wait_master(first)
    t.equal(port(), "5002", "the master is killed: what was in force stays")
    follows("5003", "a replica was promoted: changes there are followed")
    t.like(status(), "store: live", "and the status says so")
    second = redis.wait_master(first)
    wait_for("the acknowledgement at the new master",
             lambda: json.loads(second.command("GET", "medrun:1:status:n1") or "{}").get(
                 "store") == "live")
    t.ok(True, "the status is written to the new master")

    # It comes back as a master with data of its own, until a sentinel makes it a replica.
    first.start()
    try:
        first.hset("med:1:trunk:t", port="6666")
        t.ok(True, "the old master is back and takes writes for a while")
    except RedisError as why:
        t.like(str(why), "READONLY", "the old master is back, a replica already")
    wait_for("the old master to be a replica",
             lambda: role(first)[0] == "slave")
    t.equal(port(), "5003", "the node has not looked there")
    t.unlike(kamailio.log(), "6666", "at no time")

    # Now both replicas fall behind, and one of them is promoted.
    wait_for("both replicas to be up to date", lambda: len(role(second)[2] or []) == 2)
    second.hset("med:1:trunk:u", gateway="g", transport="tcp", local_port="40000")
    wait_for("trunk u", lambda: "id: u" in kamailio.rpc("mediation.trunks"))
    replicas = [server for server in redis.servers if server is not second]
    wait_for("it to be replicated",
             lambda: all(s.command("EXISTS", "med:1:trunk:u") for s in replicas))
    second.command("ACL", "DELUSER", "replica")
    second.hset("med:1:trunk:t", port="5004")
    second.hset("med:1:trunk:late", gateway="g", transport="tcp", local_port="40001")
    second.command("DEL", "med:1:trunk:u")
    wait_for("the last writes", lambda: port() == "5004" and "id: u" not in kamailio.rpc(
        "mediation.trunks") and "id: late" in kamailio.rpc("mediation.trunks"))
    t.equal([s.command("HGET", "med:1:trunk:t", "port") for s in replicas], ["5003"] * 2,
            "the replicas miss the last writes")
    second.process.kill()
    redis.wait_master(second)
    wait_for("the node to be there", lambda: at_master() and port() == "5003")
    t.equal(port(), "5003", "promoted: the node has what Redis has now")
    trunks = kamailio.rpc("mediation.trunks")
    t.ok("id: u" in trunks and "id: late" not in trunks, "also what was removed and added")
    follows("5005", "and follows")

    # And over and over again, as long as there is time.
    second.start()
    rounds, failed = 0, []
    while time.monotonic() < end:
        rounds += 1
        wait_for("replicas of the master", lambda: redis.master() and len(
            role(redis.master())[2] or []) == 2, 60)
        master = redis.master()
        master.process.kill()
        redis.wait_master(master)
        master.start()
        try:
            wait_for("the node to be at the master", at_master, 30).hset(
                "med:1:trunk:t", port=6000 + rounds)
            wait_for("the change", lambda: port() == str(6000 + rounds))
        except Failure as why:
            failed.append((rounds, str(why)))
    t.equal(failed, [], f"{rounds} more failovers, each followed")
