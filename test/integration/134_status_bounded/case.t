#!/usr/bin/python3
"""mediation.status answers whatever is wrong: hundreds of refused and warned, long texts."""

import json

import jsonrpc
from case import Case
from kamailio import Kamailio, bare
from redis import RedisServer
from sandbox import Failure, wait_for

MANY = 300

with Case(plan=8) as t:
    redis = RedisServer(t)
    objects = {"med:1:gateway:gw": {"address": "192.0.2.1"}}
    for number in range(MANY):
        long = f"{number:04}{'x' * 60}"
        # refused: the longest ids, values that are quoted; warned of: nobody uses it
        objects[f"med:1:trunk:{long}"] = {"gateway": '"' * 300, "transport": '\\"' * 100}
        objects[f"med:1:route:w{long[:-1]}"] = {"pattern": rf"^\+{number}", "usages": "u" * 64}
        objects[f"med:1:{'k' * 80}{number}"] = {"no": "object"}
    redis.load(objects)
    socks = " ".join(f"udp:127.0.0.1:{t.port()}" for _ in range(8))
    control = t.path("kamailio.ctl")
    lines, ways = jsonrpc.server(t)
    lines += f'modparam("mediation", "rtpengine_sock", "{socks}")\n'
    config = t.write("kamailio.cfg", bare(t.port(), control, redis.url, lines))
    kamailio = Kamailio(t, config, control=control)

    def status():
        try:
            return ways.datagram("mediation.status")
        except (OSError, Failure):
            return {"refused_total": 0, "warned_total": 0}
    wait_for("all that is wrong", lambda: status()["refused_total"] >= MANY
             and status()["warned_total"] >= MANY)
    told = status()
    t.note(f"refused_total {told['refused_total']}, warned_total {told['warned_total']}")
    t.equal((len(told["refused"]) >= 20, len(told["warned"]) >= 20), (True, True),
            f"{len(told['refused'])} refused and {len(told['warned'])} warned of are shown")
    t.equal(len(told["objects"]), 14, "objects by kind, all kinds")
    t.equal(len(told["policy_listeners"]), 8, "8 policy listeners")
    t.ok("refused_total" in kamailio.rpc("mediation.status"), "by ctl")
    for name, call in (("FIFO", ways.fifo), ("HTTP", ways.http)):
        t.equal(call("mediation.status")["refused_total"], told["refused_total"], "by " + name)
    t.ok(max(ways.sizes) < 45000, f"none longer than 45,000 bytes of JSON ({max(ways.sizes)})")

    def written():
        keys = redis.command("KEYS", "medrun:1:status:*")
        return json.loads(redis.command("GET", keys[0])) if keys else {}
    written = wait_for("the status in Redis", lambda: written()
                       if written().get("refused_total") == told["refused_total"] else None)
    t.equal((written["warned_total"], len(written["objects"])), (told["warned_total"], 14),
            "the status key says the same")
