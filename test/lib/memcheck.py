"""Programs under valgrind's memcheck, and what it found that concerns code of ours.

    watch = Memcheck(t, "kamailio")
    ... Kamailio(..., wrapper=watch.wrapper) ... kamailio.stop()
    watch.findings()      # ["process 12: Invalid read of size 4: med_x (med_x.c:7) < …"]

What stock Kamailio, OpenSSL or GLib do on their own is theirs: a finding counts when a
function of this tree is in its stack.
"""

import glob
import re

from sandbox import TOP, Failure

# "==12==    by 0x4B2: med_x (/…/med_x.c:7)", "(in /…/mediation.so)" without its source
FRAME = re.compile(r"^(?:at|by) 0x[0-9A-F]+: (.*?) \((?:in )?(.*)\)$")


class Memcheck:
    """
    `wrapper` goes before the command; children by fork are watched too, in reports of
    their own.

    ours    where code lies that counts, beside this tree
    """

    def __init__(self, sandbox, name, ours=()):
        self.path, self.ours = sandbox.path(name + ".memcheck"), (TOP, *ours)
        self.wrapper = ["valgrind", "--tool=memcheck", "--trace-children=yes",
                        f"--log-file={self.path}.%p", "--fullpath-after=", "--leak-check=full",
                        "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite",
                        "--num-callers=24"]

    def reports(self):
        """{process: [its lines, without their head]}"""
        found = {}
        for path in glob.glob(self.path + ".*"):
            with open(path, encoding="utf-8", errors="replace") as file:
                lines = [re.sub(r"^==\d+== ?", "", line.rstrip("\n")) for line in file]
            found[path.rsplit(".", 1)[1]] = [line.strip() for line in lines]
        if not found:
            raise Failure("valgrind has written nothing")
        return found

    def ended(self):
        """How many processes came to their end, so that what they lost is known."""
        return len([lines for lines in self.reports().values()
                    if any(line.startswith("ERROR SUMMARY") for line in lines)])

    def findings(self):
        found = []
        for process, lines in sorted(self.reports().items()):
            head, frames = None, []
            for before, line in zip([""] + lines, lines + [""]):
                frame = FRAME.match(line)
                if frame:
                    head = head if frames else before
                    frames.append((frame[1], frame[2]))
                    continue
                if any(at.startswith(self.ours) for _, at in frames):
                    found.append(f"process {process}: {head}: " + " < ".join(
                        f"{name} ({at.rsplit('/', 1)[-1]})" for name, at in frames[:10]))
                frames = []
        return found
