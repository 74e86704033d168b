"""The blocks of a documentation page, run as they stand there.

A block in ```sh is a session: lines that begin with "$ " are commands, what follows is what
they say, line by line and in this order; "…" stands for anything, a line of it for any lines.
A block in ```cfg is of Kamailio's configuration. A block in ```text is read by people only.
"""

import os
import re
import subprocess

from kamailio import modules
from sandbox import BUILD, PATIENCE, TOP, Failure

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


def blocks(page):
    """[(line, kind, text)] of a file of the tree."""
    with open(os.path.join(TOP, page), encoding="utf-8") as file:
        text = file.read()
    return [(text[:found.start()].count("\n") + 1, found[1], found[2])
            for found in BLOCK.finditer(text)]


def commands(text):
    """[(command, [expected lines])]; a command goes on after a backslash."""
    found = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif found and found[-1][0].endswith("\\"):
            found[-1] = (found[-1][0] + "\n" + line, [])
        elif found:
            found[-1][1].append(line)
        else:
            raise Failure(f"a session begins with '$ ': {line}")
    return found


def missing(expected, output):
    """The first expected line that the output has not, after those before it; None."""
    lines = [" ".join(line.split()) for line in output.splitlines()]
    for line in expected:
        words = " ".join(line.split())
        if words in ("", "…"):
            continue
        pattern = re.compile(".*".join(re.escape(part) for part in words.split("…")) + "$")
        while lines and not pattern.match(lines[0]):
            lines.pop(0)
        if not lines:
            return line
        lines.pop(0)
    return None


class Session:
    """
    A place in which commands of a page run: `programs` are {name: shell text} that stand for
    redis-cli and the like, `words` are {as written: as it is here}.
    """

    def __init__(self, sandbox, programs, words=None, cwd=TOP, seconds=2 * PATIENCE):
        self.words, self.cwd, self.seconds = words or {}, cwd, seconds
        folder = sandbox.path("bin")
        os.makedirs(folder, exist_ok=True)
        for name, text in programs.items():
            path = sandbox.write(f"bin/{name}", f"#!/bin/sh\n{text}\n")
            os.chmod(path, 0o755)
        self.env = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}

    def run(self, command):
        for written, here in self.words.items():
            command = command.replace(written, here)
        done = subprocess.run(["bash", "-c", command], cwd=self.cwd, env=self.env, text=True,
                              capture_output=True, timeout=self.seconds, check=False)
        return done.stdout + done.stderr

    def faults(self, text):
        """What of a block is not as it says; [] if all is. It is given time to become so."""
        from sandbox import wait_for  # pylint: disable=import-outside-toplevel
        found = []
        for command, expected in commands(text):
            said = [""]

            def right(command=command, expected=expected, said=said):
                said[0] = self.run(command)
                return missing(expected, said[0]) is None
            try:
                # A question may be asked again until the change before it is in force.
                wait_for("it to be so", right, 10 if is_question(command) else 0.01)
            except Failure:
                found.append(f"$ {command}\nnot said: {missing(expected, said[0])}\n{said[0]}")
        return found


def is_question(command):
    return re.match(r"(kamcmd|curl|medctl (explain|try|test|status|nodes))\b", command)


def config_faults(sandbox, text, defines=()):
    """What Kamailio says of kamailio.cfg with this block behind it; "" if it takes it."""
    with open(os.path.join(TOP, "kamailio-cfg", "kamailio.cfg"), encoding="utf-8") as file:
        whole = re.sub(r'include_file "(.*?)"', f'include_file "{TOP}/kamailio-cfg/\\1"',
                       file.read())
    path = sandbox.write("block.cfg", whole + "\n" + text)
    options = [word for define in defines for word in ("-A", define)]
    done = subprocess.run(["kamailio", "-c", "-f", path, "-L", f"{BUILD}/:{modules()}",
                           "-x", "fm", "-X", "fm", *options], capture_output=True, text=True,
                          timeout=PATIENCE, check=False)
    return done.stderr[-1000:] if done.returncode else ""
