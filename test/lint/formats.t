#!/usr/bin/python3
"""Arguments of log lines are what their formats say: a wrong one ends a worker."""

import subprocess

from lint import Lint
from sandbox import TOP

lint = Lint()
done = subprocess.run(["make", "-s", "--no-print-directory", "-C", TOP, "formats"],
                      capture_output=True, text=True, timeout=120, check=False)
lint.rule("log lines have the arguments of their formats", [] if not done.returncode else [
    line for line in (done.stderr + done.stdout).splitlines() if "error" in line])
lint.done()
