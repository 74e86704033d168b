#!/usr/bin/python3
"""CONTRIBUTING.md's new field of a trunk: its steps, done as they stand, to a copy."""

import glob
import os
import shutil
import subprocess

import pages
from case import Case
from sandbox import BUILD, TOP


def copy_tree(to):
    """Sources, and what is compiled already: only what a step changes is made anew."""
    os.makedirs(to)
    shutil.copy2(os.path.join(TOP, "Makefile"), to)
    for name in ("modules", "test/unit"):
        shutil.copytree(os.path.join(TOP, name), os.path.join(to, name))
    build = os.path.join(to, "build")
    for name in ("medcore", "tools"):
        shutil.copytree(os.path.join(BUILD, name), os.path.join(build, name))
    for path in glob.glob(os.path.join(build, "**", "*.d"), recursive=True):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(BUILD + "/", build + "/"))


with Case(plan=4) as t:
    copy = t.path("tree")
    copy_tree(copy)
    steps, sessions = [], []
    for line, kind, text in pages.blocks("CONTRIBUTING.md"):
        if kind == "diff":
            done = subprocess.run(["patch", "-p1", "--forward"], input=text, cwd=copy, text=True,
                                  capture_output=True, check=False)
            steps.append("" if not done.returncode else f"CONTRIBUTING.md:{line}: {done.stdout}")
        elif kind == "sh":
            sessions.append((line, text))
    t.equal(steps, ["", "", ""], "each of the three changes fits")
    t.equal(len(sessions), 1, "and then it is tried")
    session = pages.Session(t, {}, cwd=copy, seconds=500)
    session.env.update(CFLAGS="-O0")
    for name in ("MAKEFLAGS", "MAKELEVEL", "BUILD"):  # those of a make that runs the tests
        session.env.pop(name, None)
    faults = [f"CONTRIBUTING.md:{line}: {fault}" for line, text in sessions
              for fault in session.faults(text)]
    if not t.ok(not faults, "the field is there, acted upon and documented"):
        t.diag("\n".join(faults))
    with open(os.path.join(copy, "modules/medcore/OBJECTS.md"), encoding="utf-8") as changed, open(
            os.path.join(TOP, "modules/medcore/OBJECTS.md"), encoding="utf-8") as page:
        t.equal(len(changed.readlines()), len(page.readlines()) + 1, "by one line")
