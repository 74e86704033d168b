#!/usr/bin/python3
"""The way of MIGRATION.md: exports of Lync are imported, checked, applied; a real node takes all."""

import glob
import json
import os

from case import Case
from kamailio import Kamailio, bare
from medctl import Medctl
from redis import RedisServer
from sandbox import TOP, wait_for

SAMPLES = os.path.join(TOP, "test", "data", "import")
STATUS_LINES = """\
modparam("mediation", "node", "n1")
modparam("mediation", "status_interval", 1)"""

with Case(plan=15) as t:
    redis = RedisServer(t)
    medctl = Medctl(t, redis)
    nowhere = Medctl(t, env={"MEDCTL_REDIS": "redis://127.0.0.1:1"})
    node = Kamailio(t, t.write("n1.cfg", bare(t.port(), t.path("k.ctl"), redis.url, STATUS_LINES)),
                    name="n1", control=t.path("k.ctl"))
    status = lambda: json.loads(redis.command("GET", "medrun:1:status:n1") or "{}")
    wait_for("the node", lambda: status().get("store") == "live")

    files = sorted(name for name in glob.glob(SAMPLES + "/*") if "bare-" not in name)
    done = nowhere("import", *files, "-o", "lync.med", "--report", "report.txt")
    t.equal((done.code, done.out, done.err), (0, "", ""), "import of all samples, without Redis")
    with open(t.path("report.txt"), encoding="utf-8") as file:
        report = file.read()
    t.like(report, r"\n\d+ objects; \d+ carried, \d+ changed, \d+ left out\n$", "the report")
    t.equal(set(line.split()[0] for line in report.splitlines()[:-1]),
            {"carried", "changed", "left"}, "says of everything what became of it")
    done = nowhere("check", "lync.med")
    t.like(f"{done.code} {done.out}", r"^0 \d+ objects, 0 refused, ", "check refuses nothing")
    t.equal(nowhere("test", "--file", "lync.med").code, 0, "the stored test cases pass by the file")
    explained = nowhere("explain", "--file", "lync.med", "trunk:Carrier-B", "040555123")
    t.like(explained.out, r"^the call comes in on trunk 'Carrier-B'\n", "explain by the file")

    done = medctl("apply", "--yes", "--test", "lync.med")
    t.equal(done.code, 0, "apply")
    count = int(done.out.rsplit("\n", 2)[1].split()[0])
    t.equal(len(redis.command("KEYS", "med:1:*:*")), count, "all is in Redis")
    wait_for("the node to have it", lambda: sum(status()["objects"].values()) >= count)
    t.equal((status()["refused_total"], status()["refused"]), (0, []), "the node refuses nothing")
    t.equal(sum(status()["objects"].values()), count, "and has it all in force")
    t.equal(status()["objects"]["test"], 1, "the stored case too")
    t.like(node.rpc("mediation.test"), r"passed: 1", "which passes there")
    t.equal(medctl("test").code, 0, "and by medctl")
    again = medctl("explain", "trunk:Carrier-B", "040555123")
    t.equal((again.code, again.out), (explained.code, explained.out), "explain says what it said")
    t.like(medctl("export").out, r"\n\[trunk Carrier-B\]\n", "an export has it again")
