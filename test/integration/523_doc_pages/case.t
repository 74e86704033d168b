#!/usr/bin/python3
"""README.md and the module's pages: each session and each configuration is as it says. Links of
all pages lead somewhere."""

import glob
import os
import re

import pages
from case import Case
from kamailio import Kamailio
from lint import files, read
from redis import RedisServer
from sandbox import BUILD, TOP

KINDS = {"sh", "cfg", "text"}
found = ["README.md", "modules/mediation/README.md", *sorted(
    glob.glob("modules/mediation/doc/*.md", root_dir=TOP))]

with Case(plan=3 + len(found)) as t:
    t.ok(len(found) >= 9, "there are pages")
    redis, control, http = RedisServer(t), t.path("kamailio.ctl"), t.port()
    kamailio = Kamailio(t, f"{TOP}/kamailio-cfg/kamailio.cfg", control=control, defines={
        "REDIS_URL": f'"{redis.url}"', "RUN_DIR_CTL": f'"unix:{control}"', "WORKERS": "1",
        "NODE_KEY": '"a test"', "NG_SOCK": f'"udp:127.0.0.1:{t.port()}"',
        "LISTEN_1": f"tcp:127.0.0.1:{t.port()}", "LISTEN_METRICS": f"tcp:127.0.0.1:{http}",
        "METRICS_PORT": str(http)}, tcp=[http])
    session = pages.Session(t, {
        "redis-cli": f'exec /usr/bin/redis-cli -p {redis.port} "$@"',
        "kamcmd": f'exec /usr/sbin/kamcmd -s unix:{control} "$@"',
        "medctl": f'export MEDCTL_REDIS={redis.url}; exec {BUILD}/medctl "$@"'},
        words={":9464": f":{http}"})
    for page in found:
        faults = []
        for line, kind, text in pages.blocks(page):
            if kind not in KINDS:
                faults.append(f"{page}:{line}: a block is one of {sorted(KINDS)}")
            elif kind == "sh":
                faults += [f"{page}:{line}: {fault}" for fault in session.faults(text)]
            elif kind == "cfg":
                fault = pages.config_faults(t, text)
                faults += [f"{page}:{line}: {fault}"] if fault else []
        if not t.ok(not faults, f"{page}: all of it is so"):
            t.diag("\n".join(faults))

    # Links lead somewhere, to the heading too; pictures are there.
    dead = []
    for page in files("*.md"):
        text = re.sub(r"```.*?```", "", read(page), flags=re.S)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            path, _, anchor = target.partition("#")
            full = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
            if target.startswith("http"):
                continue
            if not os.path.exists(os.path.join(TOP, full)):
                dead.append(f"{page}: {target}")
            elif anchor and full.endswith(".md"):
                heads = re.findall(r"^#+ (.*)$", read(full), re.M)
                if anchor not in [re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-")
                                  for h in heads]:
                    dead.append(f"{page}: {target}: no such heading")
    t.equal(dead, [], "links lead somewhere")
    t.equal(kamailio.alarms(), [], "nothing alarming was logged meanwhile")
