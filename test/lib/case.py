"""An integration case: TAP out, a sandbox inside, logs kept when it fails.

    from case import Case
    with Case(plan=2) as t:
        redis = RedisServer(t)
        t.ok(redis.command("PING") == "PONG", "Redis answers")
        t.equal(got, expected, "what should hold")

A failed check says what was expected and what came; the logs of a failed case are in
build/test-logs/<case>/.
"""

import os
import re
import sys
import traceback

from sandbox import Failure, Interrupted, Sandbox

LOG_TAIL = 30


def soak_seconds(short):
    """How long to go on: as `make soak` says, @a short in `make test`."""
    return float(os.environ.get("SOAK_SECONDS", short))


class Case(Sandbox):
    def __init__(self, plan):
        self.title = os.path.basename(os.path.dirname(os.path.abspath(sys.argv[0])))
        super().__init__(self.title)
        self.plan, self.count, self.failed = plan, 0, 0

    def __enter__(self):
        print(f"1..{self.plan}", flush=True)
        return super().__enter__()

    def __exit__(self, kind, error, trace):
        if kind is not None:
            self.failed += 1
            plain = issubclass(kind, (Failure, Interrupted))
            self.diag("case stopped: " + (str(error) if plain else "".join(
                traceback.format_exception(kind, error, trace))))
        if self.count != self.plan:
            self.failed += 1
            self.diag(f"planned {self.plan} checks, made {self.count}")
        try:
            if self.failed:
                # Before the logs are copied, so that the last words are in them.
                for process in reversed(self.processes):
                    process.stop()
                self._tell_logs()
        finally:
            super().__exit__(kind, error, trace)
        sys.exit(1 if self.failed else 0)

    def ok(self, value, name):
        self.count += 1
        if not value:
            self.failed += 1
        print(f"{'ok' if value else 'not ok'} {self.count} - {name}", flush=True)
        return bool(value)

    def skip(self, count, why):
        """So many checks cannot be made here; prove says how many, and this says why."""
        for _ in range(count):
            self.count += 1
            print(f"ok {self.count} # SKIP {why}", flush=True)

    def equal(self, got, expected, name):
        if not self.ok(got == expected, name):
            self.diag(f"expected: {expected!r}\n     got: {got!r}")
        return got == expected

    def like(self, got, pattern, name):
        found = re.search(pattern, got or "", re.M) is not None
        if not self.ok(found, name):
            self.diag(f"expected to match: {pattern}\n              got: {got!r}")
        return found

    def unlike(self, got, pattern, name):
        found = re.search(pattern, got or "", re.M)
        if not self.ok(found is None, name):
            self.diag(f"expected not to match: {pattern}\n       but it has: {found[0]!r}")
        return found is None

    def note(self, text):
        for line in str(text).splitlines():
            print(f"# {line}", flush=True)

    def diag(self, text):
        for line in str(text).splitlines():
            print(f"# {line}", file=sys.stderr, flush=True)

    def _tell_logs(self):
        kept = self.keep_logs(self.title)
        for log in self.logs():
            with open(log, encoding="utf-8", errors="replace") as file:
                lines = file.read().splitlines()[-LOG_TAIL:]
            self.diag(f"--- {os.path.relpath(log, self.dir)}, last {len(lines)} lines")
            self.diag("\n".join(lines))
        self.diag(f"all logs: {kept}")
