#!/usr/bin/python3
"""What the module's reference says to type works as it stands there."""

import re
import shlex
import subprocess
import xml.etree.ElementTree as tree

from case import Case
from sandbox import PATIENCE, TOP, wait_for
from trunks import Trunks

PLAIN = {"anchor": "no"}
DOC = f"{TOP}/modules/mediation/doc/mediation_admin.xml"

with Case(plan=4) as t:
    trunks = Trunks(t, {"pbx1": {**PLAIN, "dial_plan": "pbx1-dial-plan"}, "gw1": PLAIN},
                    routes={"germany": {"pattern": r"^\+49", "trunks": "gw1", "usages": "local"}},
                    rules={"pbx1-dial-plan": [r"^0([1-9]\d+)$ => +49$1", r"^00(\d+)$ => +$1"]})
    trunks.redis.hset("med:1:site:berlin", subnets="192.0.2.0/24")
    trunks.redis.hset("med:1:policy:sales", usages="local")
    trunks.redis.hset("med:1:location_policy:global", emergency_dial_string="112",
                      pstn_usages="local")
    wait_for("the policy",
             lambda: "total: 1\n" in trunks.kamailio.rpc("mediation.location_policies"))

    def typed(line):
        """As a person types it, but to our node. kamcmd tells an error in its text alone."""
        words = shlex.split(line)
        done = subprocess.run([words[0], "-s", f"unix:{trunks.kamailio.control}", *words[1:]],
                              capture_output=True, text=True, timeout=PATIENCE, check=False)
        return done.stdout + done.stderr

    lines = [line for example in tree.parse(DOC).iter("example")
             for line in "".join(example.find("programlisting").itertext()).strip().split("\n")
             if line.startswith("kamcmd ")]
    failed = [f"{line}: {text.strip()}" for line in lines for text in [typed(line)]
              if text.startswith("error:") or "not found" in text]
    t.ok(len(lines) > 50, f"{len(lines)} lines of the reference are typed")
    t.equal(failed, [], "none of them fails")
    t.like(typed("kamcmd mediation.none"), "^error: ", "one that is not there would")
    with open(f"{TOP}/modules/mediation/README.md", encoding="utf-8") as page:
        table = page.read().split("## Status and events")[1].split("**Events**")[0]
    fields = set(re.findall(r"^\t(\w+):", trunks.kamailio.rpc("mediation.status"), re.M))
    t.equal({f for f in fields if f"`{f}`" not in table and not f.startswith("policy_listener")},
            set(), "README.md explains each field of the status")
