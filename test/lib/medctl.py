"""medctl as a person or a script runs it, sanitised unless told otherwise."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import time

from sandbox import BUILD, PATIENCE, Failure

FAST = os.path.join(BUILD, "medctl")
CHECKED = os.path.join(BUILD, "san", "medctl")


class Done:
    """What a run came to: code, out, err; unpacks in that order."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __iter__(self):
        return iter((self.code, self.out, self.err))

    def __repr__(self):
        return f"exit {self.code}\n{self.out}{self.err}"

    def json(self):
        return json.loads(self.out)


class Medctl:
    def __init__(self, sandbox, redis=None, program=CHECKED, env=None):
        self.sandbox, self.program = sandbox, program
        self.env = {**os.environ, "MEDCTL_REDIS": redis.url if redis else "", **(env or {})}

    def __call__(self, *args, stdin="", timeout=120):
        done = subprocess.run([self.program, *args], input=stdin, env=self.env, timeout=timeout,
                              cwd=self.sandbox.dir, capture_output=True, text=True,
                              errors="surrogateescape", check=False)
        if "Sanitizer" in done.stderr or "runtime error" in done.stderr:
            raise Failure(done.stderr)
        return Done(done.returncode, done.stdout, done.stderr)

    def start(self, *args):
        """In the background: a Popen with pipes."""
        return subprocess.Popen([self.program, *args], env=self.env, cwd=self.sandbox.dir,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def on_terminal(self, *args):
        return Terminal([self.program, *args], self.env, self.sandbox.dir)


class Terminal:
    """A program on a terminal of its own; use as a context manager."""

    def __init__(self, argv, env, cwd):
        self.text = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execve(argv[0], argv, env)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def _read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            got = os.read(self.fd, 65536)
        except OSError:  # the other end is gone
            got = b""
        self.text += got.decode(errors="replace")
        return bool(got)

    def until(self, pattern, timeout=PATIENCE):
        deadline = time.monotonic() + timeout
        while not re.search(pattern, self.text):
            if time.monotonic() > deadline or not self._read(0.1):
                raise Failure(f"waited for {pattern!r} on the terminal; it has:\n{self.text}")

    def type(self, text):
        os.write(self.fd, text.encode())

    def signal(self, number):
        os.kill(self.pid, number)

    def end(self, timeout=120):
        """Exit code, after all it had to say."""
        deadline = time.monotonic() + timeout
        while self._read(0.1):
            if time.monotonic() > deadline:
                raise Failure(f"still at work after {timeout} s:\n{self.text}")
        pid, self.pid = self.pid, 0
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def plain(objects):
    """{"trunk pbx1": {field: value}} as a file."""
    return "\n".join(f"[{head}]\n" + "".join(f"{k} = {v}\n" for k, v in fields.items())
                     for head, fields in objects.items())
