#!/usr/bin/python3
"""What is not written in this tree, and what every file carries."""

import re

from lint import Lint, code, files, grep, read

lint = Lint()
sources = files("*.c", "*.h")
here = "test/lint/"
tests = [f for f in files("test/*", ".ci/*") if not f.startswith(here)]
scripts = [f for f in tests if not f.endswith((".c", ".h"))]

lint.rule("no sprintf, strcpy, strcat, strncpy", grep(
    sources, r"\b(v?sprintf|strcpy|strcat|strncpy|strncat|gets)\s*\(",
    "snprintf or memcpy with a checked length", code))
lint.rule("allocations take sizeof *pointer", grep(
    sources, r"\b\w*(alloc|mallocx?z?)\s*\([^;]*\bsizeof\s*\(\s*(struct\s|\w+_t\b)",
    "sizeof *p: a type and its pointer drift apart", code))
lint.rule("no fixed sleep in tests", grep(
    scripts, r"(^|[\s;(])(time\.sleep\(\s*[0-9.]+\s*\)|sleep\s+[0-9.]+)",
    "poll with a deadline: sandbox.wait_for()"))
lint.rule("no fixed sleep in C tests", grep(
    files("test/*.c"), r"\bu?sleep\s*\(", "poll with a deadline", code))
lint.rule("no process is ended by its name", grep(
    [f for f in files("*Makefile", "test/*", "docker/*", ".ci/*") if not f.startswith(here)],
    r"^[^#\"']*\b(killall|pkill)\b", "keep its pid and end that (sandbox.Process)"))
lint.rule("every C file names its licence", [
    f"{f}:1: no 'SPDX-License-Identifier: GPL-2.0-or-later' in its head" for f in sources
    if "SPDX-License-Identifier: GPL-2.0-or-later" not in "\n".join(read(f).split("\n")[:14])])
lint.rule("C files begin with their name and purpose", [
    f"{f}:1: begin with '/**' and ' * {f.rsplit('/', 1)[-1]} - purpose'" for f in sources
    if not re.match(rf"/\*\*\n \* {re.escape(f.rsplit('/', 1)[-1])} - \S", read(f))])
lint.rule("no absolute path of a machine it was made on", grep(
    [f for f in files("*") if not f.startswith(here) and not f.endswith((".pem", ".bin"))
     and not f.startswith("test/fuzz/corpus/")],
    r"(?<![\w.$}/-])/(home|root|work|Users)/\w+", "a path relative to the tree, or $HOME"))
lint.rule("no blanks at the end of a line", grep(
    [f for f in files("*.c", "*.h", "*.py", "*.t", "*.cfg", "*.md", "*Makefile")],
    r"[ \t]+$", "take the blanks at the end of the line off"))
lint.done()
