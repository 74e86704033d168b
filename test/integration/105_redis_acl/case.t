#!/usr/bin/python3
"""A user of Redis that may do just what the module needs, over a unix socket, in another
database; and a password that is never told to anyone."""

import json

from case import Case
from kamailio import Kamailio, bare
from redis import RedisServer, acl
from sandbox import wait_for

STATUS_LINES = """\
modparam("mediation", "node", "n1")
modparam("mediation", "status_interval", 1)"""

SECRET, WRONG = "sesame-open", "sesame-closed"

with Case(plan=10) as t:
    redis = RedisServer(t)
    redis.command(*acl("kamailio", SECRET))
    with redis.client() as client:
        client.command("SELECT", "3")
        client.command("HSET", "med:1:gateway:g", "address", "192.0.2.1")
        client.command("HSET", "med:1:trunk:t", "gateway", "g", "transport", "tcp")
        client.command("HSET", "med:1:limits:trunk:t", "max_calls", "5")
    control, port = t.path("k.ctl"), t.port()

    def start(name, password):
        url = f"unix://{redis.socket}?db=3&user=kamailio&password={password}"
        return Kamailio(t, t.write(name + ".cfg", bare(
            port, control, url, STATUS_LINES, debug=3)), name=name, control=control)

    wrong = start("wrong", WRONG)
    wait_for("the refusal", lambda: "WRONGPASS" in wrong.rpc("mediation.status"))
    t.unlike(wrong.rpc("mediation.status"), "sesame", "wrong password: told without it")
    wrong.stop()
    t.unlike(wrong.log(), "sesame", "nor is it in the log, at debug level 3")
    t.like(wrong.log(), "refuses user or password", "which says what is wrong")

    good = start("good", SECRET)
    wait_for("the trunk", lambda: "trunk: 1\n" in good.rpc("mediation.status"))
    with redis.client() as client:
        client.command("SELECT", "3")
        client.command("HSET", "med:1:trunk:t", "port", "5099")
        wait_for("the change", lambda: "port: 5099" in good.rpc("mediation.trunks", "t"))
        t.ok(True, "the user of security.md reads and follows")
        wait_for("the status", lambda: json.loads(
            client.command("GET", "medrun:1:status:n1") or "{}").get("store") == "live")
        t.ok(True, "and writes the status")
        wait_for("the limits to be shared",
                 lambda: "limits_sharing: shared" in good.rpc("mediation.status"))
        t.ok(True, "leases permits of limits")
    wait_for("a check of the tracking",
             lambda: "cmdstat_client|trackinginfo" in redis.command("INFO", "commandstats"))
    t.like(good.rpc("mediation.status"), "store: live", "and may ask for its tracking")
    denied = [line for line in str(redis.command("ACL", "LOG")).split("'") if "denied" in line]
    t.equal(denied, [], "nothing it does is denied")

    redis.command("ACL", "SETUSER", "kamailio", "-hgetall")
    with redis.client() as client:
        client.command("SELECT", "3")
        client.command("HSET", "med:1:trunk:t", "port", "5098")
    wait_for("the refusal", lambda: "ACL user may not" in good.rpc("mediation.status"))
    t.like(good.rpc("mediation.trunks", "t"), "port: 5099", "what was in force stays")
    redis.command("ACL", "SETUSER", "kamailio", "+hgetall")
    wait_for("the change", lambda: "port: 5098" in good.rpc("mediation.trunks", "t"))
    good.stop()
    t.unlike(good.log(), "sesame", "and its password is in no log")
