"""For test/lint: rules over the tree's files, one TAP line a rule.

A finding names file and line and what to write instead.
"""

import fnmatch
import os
import re
import sys

from sandbox import TOP


def files(*patterns):
    """Files of the tree that match these globs ('*' takes '/' too), sorted."""
    found = []
    for folder, folders, names in os.walk(TOP):
        folders[:] = [f for f in folders if f not in ("build", ".git", "__pycache__")]
        found += [os.path.relpath(os.path.join(folder, name), TOP) for name in names
                  if not name.endswith((".o", ".a", ".so", ".d"))
                  and name != ".git"]  # a file, in a work tree of git's
    return sorted(f for f in found if any(fnmatch.fnmatchcase(f, p) for p in patterns))


def read(name):
    with open(os.path.join(TOP, name), encoding="utf-8", errors="replace") as file:
        return file.read()


def code(name):
    """C without comments and texts, lines kept: rules are about code."""

    def blank(match):
        text = match[0]
        kept = '""' if text[0] == '"' else " "
        return kept + "\n" * text.count("\n")

    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, read(name), flags=re.S)


def grep(names, pattern, instead, text=read):
    """Findings: every place where the pattern stands."""
    found = []
    for name in names:
        for number, line in enumerate(text(name).split("\n"), 1):
            match = re.search(pattern, line)
            if match:
                found.append(f"{name}:{number}: '{match[0].strip()}': {instead}")
    return found


class Lint:
    """lint.rule("what must hold", findings) ... lint.done()"""

    def __init__(self):
        self.count = self.failed = 0

    def rule(self, name, findings):
        self.count += 1
        print(f"{'not ok' if findings else 'ok'} {self.count} - {name}")
        for finding in findings:
            print(f"# {finding}", file=sys.stderr)
        self.failed += bool(findings)

    def done(self):
        print(f"1..{self.count}")
        sys.exit(1 if self.failed else 0)
