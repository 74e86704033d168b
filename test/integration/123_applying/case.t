#!/usr/bin/python3
"""While a writer applies in pieces nothing of it is in force, and the status says who is
waited for; then all of it is one change, and the log names what changed."""

import json

from case import Case
from kamailio import Kamailio, bare
from redis import RedisServer
from sandbox import wait_for

with Case(plan=9) as t:
    redis = RedisServer(t)
    control, port = t.path("k.ctl"), t.port()
    redis.hset("med:1:gateway:gw1", address="127.0.0.1")
    redis.hset("med:1:trunk:a", gateway="gw1", transport="udp")
    kamailio = Kamailio(t, t.write("k.cfg", bare(port, control, redis.url, "", debug=3)),
                        control=control)

    def status():
        return kamailio.rpc("mediation.status")

    wait_for("the trunk", lambda: "trunk: 1\n" in status())
    redis.command("SET", "med:1:applying", "medctl on desk 7")
    wait_for("the writer to be seen", lambda: "applying: medctl?on?desk?7" in status())
    t.like(status(), r"applying_since: \d{4}-", "the status says who, and since when")
    for number in range(50):
        redis.hset(f"med:1:trunk:t{number}", gateway="gw1", transport="udp",
                   local_port=20000 + number)
    written = wait_for("the status key", lambda: json.loads(redis.command("GET", next(iter(
        redis.command("KEYS", "medrun:1:status:*")), "")) or "{}").get("applying"))
    t.equal(written, "medctl?on?desk?7", "so does the status key")
    t.like(status(), r"\ttrunk: 1\n", "nothing of it is in force")
    before = kamailio.log().count("in force: set trunk:")
    redis.command("DEL", "med:1:applying")
    wait_for("all of it", lambda: "\ttrunk: 51\n" in status())
    t.unlike(status(), "applying_since", "it is over")
    t.equal(kamailio.log().count("in force: set trunk:"), before + 1, "all of it was one change")

    # A writer that died: a person takes what is there.
    redis.command("SET", "med:1:applying", "one-that-dies")
    wait_for("the writer to be seen", lambda: "applying: one-that-dies" in status())
    redis.hset("med:1:trunk:b", gateway="gw1", transport="udp", local_port=21000)
    kamailio.rpc("mediation.reload")
    wait_for("the reload", lambda: "\ttrunk: 52\n" in status())
    t.ok(True, "mediation.reload takes what is there")
    redis.command("DEL", "med:1:applying")

    redis.command("RENAME", "med:1:trunk:b", "med:1:trunk:c")
    line = wait_for("the rename", lambda: [line for line in kamailio.log().splitlines()
                                           if "set trunk:c" in line])
    t.like(line[0], "removed trunk:b", "RENAME is remove and add: the log names both")
    events = wait_for("the events", lambda: [entry[1] for entry in redis.command(
        "XRANGE", "medrun:1:events", "-", "+")])
    names = {entry[entry.index("event") + 1] for entry in events}
    t.ok({"redis_read", "applied"} <= names, f"events were written: {sorted(names)}")
    t.ok(all(entry[::2] == ["node", "at", "event", "text"] for entry in events),
         "each has node, time, event and text")
