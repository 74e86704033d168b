#!/usr/bin/python3
"""What medctl says of itself is whole: help, manual, completion, fields, exit codes."""

import os
import re
import subprocess

from case import Case
from medctl import CHECKED, FAST, Medctl
from redis import RedisServer
from sandbox import TOP, wait_for

MANUAL = os.path.join(TOP, "modules/medctl/medctl.1")


def bash(medctl, line):
    """What bash offers for a line, the cursor at its end."""
    script = ('PATH="%s:$PATH"; eval "$(medctl completion bash)"; COMP_LINE=%s\n'
              'COMP_WORDS=(); while read -r word; do COMP_WORDS+=("$word"); done < <(\n'
              'printf "%%s" "$COMP_LINE" | sed "s/=/ = /g; s/ *$/ /" | tr " " "\\n" | grep .)\n'
              'case "$COMP_LINE" in *" ") COMP_WORDS+=("");; esac\n'
              'COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _medctl; printf "%%s\\n" "${COMPREPLY[@]}"'
              % (os.path.dirname(FAST), "'" + line + "'"))
    done = subprocess.run(["bash", "-c", script], env=medctl.env, capture_output=True, text=True,
                          timeout=120, cwd=medctl.sandbox.dir, check=False)
    return done.stdout.split()


with Case(plan=32) as t:
    redis = RedisServer(t)
    medctl = Medctl(t, redis)
    help_text = medctl("--help").out
    commands = re.findall(r"^  ([a-z]+)\b", help_text, re.M)
    options = re.findall(r"^  --([a-z-]+)", help_text, re.M)
    t.ok(len(commands) > 12 and len(options) > 12, "help lists commands and options")
    page = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", MANUAL], capture_output=True,
                          text=True, timeout=120, check=False,
                          env={**os.environ, "MANWIDTH": "100", "LC_ALL": "C.UTF-8"})
    t.equal((page.returncode, page.stderr), (0, ""), "the manual is without warnings")
    t.equal([c for c in commands if not re.search(rf"^       {c}\b", page.stdout, re.M)], [],
            "it has every command")
    t.equal([o for o in options if not re.search(rf"^       --{o}\b", page.stdout, re.M)], [],
            "and every option")
    kinds = help_text.split("Kinds:")[1].split("\n")[0].split()
    t.equal([k for k in kinds if not re.search(rf"\b{k}\b", page.stdout)], [], "and every kind")

    # usage
    for words, code in ((["bogus"], 2), ([], 2), (["get", "trunk"], 2), (["fields", "x"], 2),
                        (["status", "more"], 2), (["completion", "fish"], 2),
                        (["apply"], 2), (["export", "--output"], 2), (["-h"], 0)):
        done = medctl(*words)
        t.equal((done.code, bool(done.out) == (code == 0)), (code, True),
                f"medctl {' '.join(words)}: exit {code}")

    # fields come from the schema
    with open(os.path.join(TOP, "modules/medcore/OBJECTS.md"), encoding="utf-8") as file:
        rows = re.findall(r"^\| `([a-z0-9_.<>]+)`", file.read(), re.M)
    text = medctl("fields").out
    t.equal([r for r in rows if not re.search(rf"^  {re.escape(r)}$", text, re.M)], [],
            "fields lists what the reference page lists")
    t.like(medctl("fields", "trunk").out, r"  transport\n      .*\btls\b.*default tls",
           "with values and defaults")
    found = medctl("fields", "--json").json()
    t.ok(any(f["name"] == "auth_password" and f["secret"] for f in found["trunk"]), "as JSON too")

    # completion
    redis.hset("med:1:trunk:gw1", transport="tcp", gateway="gw1")
    redis.hset("med:1:gateway:gw1", address="192.0.2.1")
    redis.command("HSET", "med:1:trunk:$(touch evil)", "transport", "tcp")
    t.write("peers.conf", "")
    t.equal(bash(medctl, "medctl ex"), ["export", "explain"], "bash completes commands")
    t.equal(bash(medctl, "medctl get tr"), ["trunk"], "kinds")
    t.equal(bash(medctl, "medctl get trunk "), ["gw1"], "ids that are ids")
    t.ok("transport" in bash(medctl, "medctl get trunk gw1 tr"), "fields")
    t.equal(bash(medctl, "medctl set trunk gw1 trans"), ["transport="], "fields to set")
    t.equal(sorted(bash(medctl, "medctl set trunk gw1 transport=t")), ["tcp", "tls"], "values")
    t.equal(bash(medctl, "medctl apply pee"), ["peers.conf"], "files")
    t.equal(bash(medctl, "medctl apply --re"), ["--redis", "--redis-file", "--replace"], "options")
    t.equal(bash(medctl, "medctl explain trunk:"), ["trunk:gw1"], "who calls")
    t.ok(not os.path.exists(t.path("evil")), "and runs nothing that it finds")

    # passwords
    redis.command("CONFIG", "SET", "requirepass", "sesame")
    url = f"redis://:sesame@127.0.0.1:{redis.port}"
    bare = Medctl(t, env={"MEDCTL_REDIS": ""}, program=FAST)
    running = bare.start("watch", "--redis", url)

    def arguments():
        with open(f"/proc/{running.pid}/cmdline", encoding="utf-8") as file:
            return file.read().replace("\0", " ")

    wait_for("the url to be taken", lambda: "***" in arguments())
    t.unlike(arguments(), "sesame", "ps shows no password")
    running.kill()
    running.communicate()
    t.write("url", url + "\n")
    t.equal(bare("get", "trunk", "gw1", "transport", "--redis-file", "url").out, "tcp\n",
            "a url from a file")
    done = bare("list", "trunk", "--redis", f"redis://:wrong-one@127.0.0.1:{redis.port}")
    t.equal(done.code, 3, "a wrong password: exit 3")
    t.unlike(done.out + done.err, "wrong-one", "which is not repeated")
    t.equal(bare("list", "trunk", "--redis-file", "gone").code, 2, "no such file")
