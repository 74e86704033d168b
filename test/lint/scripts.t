#!/usr/bin/python3
"""Shell scripts pass shellcheck, Python compiles, the Makefile's help is whole."""

import ast
import re
import subprocess

from lint import Lint, files, read
from sandbox import TOP

lint = Lint()
candidates = [f for f in files("*") if not f.startswith("test/fuzz/corpus/")]
shell = [f for f in candidates if re.match(r"#!(/usr)?/bin/(env )?(ba|da)?sh\b", read(f)[:40])]
python = [f for f in candidates
          if f.endswith(".py") or re.match(r"#!.*\bpython3", read(f)[:40])]


def broken(name):
    try:
        ast.parse(read(name), name)
        return []
    except SyntaxError as error:
        return [f"{name}:{error.lineno}: {error.msg}"]


done = subprocess.run(["shellcheck", "--format=gcc", "--severity=warning", *shell], cwd=TOP,
                      capture_output=True, text=True, check=False)
lint.rule(f"shellcheck on {len(shell)} scripts", done.stdout.splitlines()
          + done.stderr.splitlines())
lint.rule(f"{len(python)} Python files parse", [e for f in python for e in broken(f)])
makefile = read("Makefile")
phony = set(" ".join(re.findall(r"^\.PHONY:((?:.*\\\n)*.*)", makefile, re.M)).replace(
    "\\", " ").split())
described = set(re.findall(r"^## ([\w-]+): \S", makefile, re.M))
parts = {"core", "module", "plugin", "tests"}
lint.rule("make help lists every target", [
    f"Makefile: target '{t}' has no '## {t}: what it does' line" for t in
    sorted(phony - described - parts)])
lint.done()
