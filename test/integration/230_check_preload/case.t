#!/usr/bin/python3
"""What would keep the plugin out of rtpengine in silence, check-preload says."""

import os
import shutil
import subprocess

from case import Case
from rtpengine import PLUGIN, Rtpengine
from sandbox import TOP

SCRIPT = os.path.join(TOP, "rtpengine-plugin", "systemd", "check-preload")


def check(*words, **env):
    """(exit code, what it said)"""
    done = subprocess.run([SCRIPT, *words], capture_output=True, text=True, timeout=120, check=False,
                          env={**os.environ, "MEDIATION_PLUGIN": PLUGIN, **env})
    return done.returncode, done.stdout + done.stderr


def refuses(binary, what, name):
    code, said = check("before", binary)
    t.equal(code, 1, f"{name}: refused")
    t.like(said, what, f"{name}: with what would be right")


with Case(plan=19) as t:
    stock = shutil.which("rtpengine")
    t.equal(check("before", stock), (0, ""), "Debian's own: nothing is wrong")

    os.mkdir(t.path("copy"))
    copy = shutil.copy(stock, t.path("copy", "rtpengine"))
    t.equal(check("before", copy), (0, ""), "nor with a copy of it")
    subprocess.run(["setcap", "cap_net_admin+ep", copy], check=True)
    refuses(copy, r"capabilities of its own \(cap_net_admin[+=]ep\).*setcap -r ", "capabilities")
    subprocess.run(["setcap", "-r", copy], check=True)
    os.chmod(copy, 0o4755)
    refuses(copy, r"set-user-ID.*chmod ug-s ", "set-user-ID")
    os.chmod(copy, 0o755)
    refuses(shutil.copy(stock, t.path("copy", "engine")), r"not called rtpengine", "another name")
    source = t.write("static.c", "int main(void) { return 0; }\n")
    subprocess.run(["gcc", "-static", "-o", copy, source], check=True)
    refuses(copy, r"linked statically", "a static binary")
    refuses(t.path("nowhere"), r"is not there", "no binary")

    t.write("lib/mediation-rtpengine.so", "no library")
    code, said = check("before", stock, MEDIATION_PLUGIN=t.path("lib", "mediation-rtpengine.so"))
    t.equal(code, 1, "a library that is none: refused")
    t.like(said, r"the loader does not take .*(invalid ELF header|file too short)", "and why")

    plain, inside = Rtpengine(t, "plain"), Rtpengine(t, "inside", plugin=True)
    port = f"127.0.0.1:{inside.listener}"
    t.equal(check("after", str(inside.process.pid), MEDIATION_PLUGIN_LISTEN=port), (0, ""),
            "one with the plugin: nothing is wrong")
    code, said = check("after", str(plain.process.pid))
    t.equal(code, 1, "one without: told")
    t.like(said, r"runs without the plugin: its LD_PRELOAD is ''", "and that nothing names it")
    code, said = check("after", str(inside.process.pid),
                       MEDIATION_PLUGIN_LISTEN=f"127.0.0.1:{t.port()}")
    t.like(f"{code} {said}", r"^1 .*nothing listens at 127", "one whose port does not open: told")
    t.equal(check()[0], 2, "without words it says how it is used")
