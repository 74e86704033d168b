#!/usr/bin/python3
"""A real node follows medctl: what is applied is in force, many objects as one change."""

import json
import signal

from case import Case
from kamailio import Kamailio, bare
from medctl import FAST, Medctl, plain
from redis import RedisServer
from relay import Relay
from sandbox import wait_for

STATUS_LINES = """\
modparam("mediation", "node", "n1")
modparam("mediation", "status_interval", 1)"""
MANY = 12_000

with Case(plan=27) as t:
    redis = RedisServer(t)
    medctl = Medctl(t, redis, FAST)
    control = t.path("k.ctl")
    node = Kamailio(t, t.write("n1.cfg", bare(t.port(), control, redis.url, STATUS_LINES)),
                    name="n1", control=control)
    status = lambda: json.loads(redis.command("GET", "medrun:1:status:n1") or "{}")
    wait_for("the first status", lambda: status().get("store") == "live")
    watch = t.spawn("watch", [FAST, "watch"], env={"MEDCTL_REDIS": redis.url})

    t.write("peers.conf", plain({
        "gateway gw1": {"address": "192.0.2.20"}, "trunk gw1": {"transport": "tcp"},
        "trunk gw2": {"gateway": "gw1", "transport": "tcp", "port": "5070",
                      "local_port": "5071"}}))
    was = status()["revision"]
    t.equal(medctl("apply", "--yes", "peers.conf").code, 0, "apply")
    wait_for("the trunks", lambda: status()["objects"]["trunk"] == 2)
    t.equal(status()["revision"], was + 1, "is one change of the node")
    t.like(node.rpc("mediation.trunks", "gw2"), "port: 5070", "and in force")
    done = medctl("status")
    t.like(done.out, r"^n1  live since \S+, revision \d+ of \S+\n", "status says so")
    t.like(done.out, r"    objects: .*2 trunk", "and counts objects")
    t.equal(medctl("status", "--json").json()["nodes"][0]["objects"]["trunk"], 2, "as JSON too")
    t.equal(medctl("watch", "--once").out.split(",")[0], done.out.split(",")[0], "watch --once")

    redis.hset("med:1:trunk:gw2", port="0")
    wait_for("the refusal", lambda: status()["refused_total"] == 1)
    done = medctl("status")
    t.like(done.out, r"    refused: trunk 'gw2': field 'port': out of range: '0'",
           "what a node refuses is told")
    watch.ready("watch to tell it", lambda: ", refused: 1\n" in watch.text())
    t.like(watch.text(), r"^n1  live since \S+, revision 1 of .*\n(.*\n)*n1  live .*, refused: 1\n",
           "watch tells it as it comes")
    t.like(watch.text(), r"^20\S+Z  n1  refused: trunk 'gw2': field 'port'", "and events")
    redis.hset("med:1:trunk:gw2", port="5070")

    # many: nothing of it before all of it
    t.write("many.conf", "".join(f"[site s{n}]\nname = x\n" for n in range(MANY)))
    was = wait_for("the mending", lambda: status()["refused_total"] == 0 and status())["revision"]
    relay = Relay(t, redis.port)
    relay.hold_after(b"SET\r\n$14\r\nmed:1:applying\r\n", 100_000)
    first = Medctl(t, relay, FAST).start("apply", "--yes", "many.conf")
    wait_for("some objects", lambda: redis.command("DBSIZE") > 300)
    count = redis.command("DBSIZE")
    redis.hset("med:1:site:marker", name="x")  # the node was told of all before this
    t.ok(count < MANY and status()["objects"]["site"] == 0, "an apply of many stands half way")
    first.kill()
    first.wait()
    relay.let_go()
    t.like(medctl("status").out, "apply under way, or not ended: medctl on ", "and is killed")
    t.equal((status()["revision"], status()["objects"]["site"]), (was, 0),
            "the node has nothing of it")
    t.equal(medctl("apply", "--yes", "many.conf").code, 0, "the next apply completes it")
    wait_for("the sites", lambda: status()["objects"]["site"] == MANY + 1
             and status()["revision"] > was)
    t.equal(status()["revision"], was + 1, "as one change of the node")

    # what a node holds back is shown, and confirmed by an apply; its own file tells it whole
    everything = medctl("export").out.split("\n\n", 1)[1]
    wait_for("the node's file to have it", lambda: medctl(
        "export", "--from", node.lkg).out.split("\n\n", 1)[1:] == [everything])
    t.ok(True, "export --from a node's file is what is in force")
    redis.command("FLUSHDB")
    wait_for("it to be held back", lambda: status().get("held"))
    done = medctl("status")
    t.like(done.out, "^n1 .*HELD BACK", "a configuration that shrank is held back, status says so")
    t.like(done.out, r"    held back since \S+: \S.*\n    held back: .*2 trunk", "why, and what")
    t.equal(medctl("export", "--from", node.lkg, "-o", "saved.conf").code, 0, "what was in force")
    t.write("small.conf", plain({"gateway new": {"address": "192.0.2.9"}}))
    t.equal(medctl("set", "gateway", "new", "address=192.0.2.9").code, 0, "set confirms nothing")
    wait_for("the set", lambda: status()["objects"]["gateway"] == 2)
    t.ok(status()["held"], "what is held stays held")
    with medctl.on_terminal("apply", "small.conf") as terminal:
        terminal.until("nothing differs; confirm to the nodes what redis .* has")
        terminal.type("yes\n")
        t.equal(terminal.end(), 0, "an apply confirms, also one without a difference")
    wait_for("the rest to go", lambda: not status().get("held")
             and status()["objects"]["trunk"] == 0)
    t.equal(status()["objects"]["gateway"], 1, "now the node has what Redis has")
    t.equal(medctl("apply", "--yes", "--replace", "saved.conf").code, 0, "and back again")
    wait_for("everything", lambda: status()["objects"]["site"] == MANY + 1
             and status()["objects"]["trunk"] == 2)
    t.equal(medctl("export").out.split("\n\n", 1)[1], everything, "from the node's file")

    node.stop()
    watch.ready("watch to see the node end", lambda: "n1: gone" in watch.text(), 40)
    watch.signal(signal.SIGINT)
    t.equal(watch.wait(10), 0, "watch ends with Ctrl-C")
    t.unlike(watch.text(), "medctl:", "and complained of nothing")
