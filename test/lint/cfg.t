#!/usr/bin/python3
"""Every configuration in kamailio-cfg, and README.md's, is one that Kamailio takes (kamailio -c)."""

import os
import re
import subprocess
import tempfile

from kamailio import modules
from lint import Lint, files, read
from sandbox import BUILD, TOP

lint = Lint()
found = files("kamailio-cfg/*.cfg")
# A file that is included by others has no request_route of its own to check it by.
included = {f for f in found for g in found
            if f != g and f'"{os.path.basename(f)}"' in read(g)}
lint.rule("kamailio-cfg has configurations", [] if found else ["kamailio-cfg/: no *.cfg"])
# What kamailio.cfg has behind names, all of it at once.
EVERYTHING = ("BAN_STRANGERS=5", "DIGEST", "LISTEN_USERS=udp:127.0.0.1:5080", "USERS_PORT=5080",
              "LISTEN_METRICS=tcp:127.0.0.1:9464", "METRICS_PORT=9464")


def check(name, defines=()):
    options = [word for define in defines for word in ("-A", define)]
    done = subprocess.run(
        ["kamailio", "-c", "-f", os.path.join(TOP, name), "-L", f"{BUILD}/:{modules()}",
         "-x", "fm", "-X", "fm", *options], capture_output=True, text=True, timeout=30,
        check=False)
    lint.rule(f"kamailio -c {' '.join([name, *options])}", [] if not done.returncode else [
        f"{name}: {line}" for line in done.stderr.splitlines()
        if "CRITICAL" in line or "ERROR" in line] or [f"{name}: {done.stderr[-500:]}"])


for file in found:
    if file not in included:
        check(file)
check("kamailio-cfg/kamailio.cfg", EVERYTHING)

# README.md's way into an existing one, which has loaded some modules.
block = re.search(r"((?:    .*\n|\n)+)", read("README.md").split("## In an existing Kamailio")[1].split(
    "then\n", 1)[1])[1]
with tempfile.NamedTemporaryFile("w", suffix=".cfg") as own:
    own.write("".join(f'loadmodule "{name}.so"\n' for name in (
        "tm", "sl", "rr", "pv", "xlog", "textops", "siputils", "rtpengine"))
              + re.sub("^    ", "", block, flags=re.M).replace(
                  'include_file "', f'include_file "{TOP}/kamailio-cfg/'))
    own.flush()
    check(own.name)
lint.done()
