"""A place of one's own for servers: temp dir, ports, processes; all gone at the end.

Every port, socket and folder is private, so that several runs, and whatever else the
machine serves, do not meet. Processes are ended by their pids, on every way out.
"""

import ctypes
import glob
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD") or os.path.join(TOP, "build")

# Ports of one sandbox: signalling first, media after it. Below Linux' ephemeral range.
SLOTS, SLOT_BASE, SLOT_SIZE, SLOT_SIGNALLING = 40, 12000, 500, 160

# So long we wait for what must come, on a machine that is busy with other tests; it costs
# nothing where all is well. A shorter time is for where the time itself is tested.
PATIENCE = 30.0


class Failure(Exception):
    """Something a person must look at: says what was expected and what came."""


class Interrupted(SystemExit):
    """A signal asked us to end; the way out still cleans up."""


def wait_for(what, probe, timeout=PATIENCE, interval=None):
    """
    Poll until probe() is true; its value. Failure with `what` at the deadline. Without an
    interval it is asked the less often the longer it takes, so that it is seen a tenth of that
    late at most: a question takes a processor, too.
    """
    began = time.monotonic()
    while True:
        value = probe()
        if value:
            return value
        waited = time.monotonic() - began
        if waited >= timeout:
            raise Failure(f"waited {timeout:g} s for {what}")
        time.sleep(interval or min(max(waited / 10, 0.02), 0.2))


class Process:
    """One program of a sandbox, with its log."""

    def __init__(self, name, argv, log, env=None, cwd=None, stdin=subprocess.DEVNULL):
        self.name, self.log = name, log
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(
                argv, stdin=stdin, stdout=out, stderr=out, env=env, cwd=cwd,
                start_new_session=True, preexec_fn=_die_with_parent)
        self.pid = self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def _gist(self):
        """The first errors, the first being the cause, and the last words."""
        lines = [line for line in self.text().splitlines() if line.strip()]
        return "\n".join([n for n in lines if "ERROR" in n or "CRITICAL" in n][:5] + lines[-5:])

    def ready(self, what, probe, timeout=PATIENCE):
        """wait_for(), but a process that ends meanwhile is told at once."""

        def alive_and():
            if not self.running():
                raise Failure(f"{self.name} ended with {self.popen.returncode} before "
                              f"{what}; from its log:\n{self._gist()}")
            return probe()

        return wait_for(f"{self.name}: {what}", alive_and, timeout)

    def wait(self, timeout):
        """Exit code; Failure when it is still running at the deadline."""
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} is still running after {timeout:g} s") from None

    def signal(self, number):
        """To the whole group: forked workers are part of the program."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return
        if number == signal.SIGSTOP:
            # Threads on other processors run on for a moment.
            wait_for(f"{self.name} to stop", lambda: set(_states(self.pid)) <= set("TZX"),
                     interval=0.001)

    def stop(self, timeout=5.0):
        if self.running():
            self.popen.terminate()
            try:
                self.popen.wait(timeout)
            except subprocess.TimeoutExpired:
                pass
        self.signal(signal.SIGKILL)
        self.popen.wait()

    def kill(self):
        """As a crash would."""
        self.signal(signal.SIGKILL)
        self.popen.wait()


def _states(group):
    """State letters of every thread of every process in a group."""
    for path in glob.glob("/proc/[0-9]*/task/[0-9]*/stat"):
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue  # ended meanwhile
        if int(fields[2]) == group:
            yield fields[0]


def _die_with_parent():
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


class Sandbox:
    """Use as a context manager."""

    def __init__(self, name="case"):
        self.name = name
        self.processes = []
        self._slot = None

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix=f"mediation-{self.name}-")
        self._take_slot()
        self._before = {number: signal.signal(number, _interrupted)
                        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        return self

    def __exit__(self, *_):
        for number in self._before:
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not cut this short
        for process in reversed(self.processes):
            process.stop()
        self._slot.close()
        shutil.rmtree(self.dir, ignore_errors=True)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def write(self, name, text):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def spawn(self, name, argv, env=None, cwd=None):
        process = Process(name, argv, self.path(name + ".log"),
                          None if env is None else {**os.environ, **env}, cwd or self.dir)
        self.processes.append(process)
        return process

    def logs(self):
        return sorted(os.path.join(folder, file) for folder, _, files in os.walk(self.dir)
                      for file in files if file.endswith(".log"))

    def keep_logs(self, name):
        """A copy of the folder under build/test-logs, for a person; its path."""
        kept = os.path.join(BUILD, "test-logs", name)
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(self.dir, kept, ignore=_special_files)
        return os.path.relpath(kept)

    # A slot is held by the name of an abstract socket: gone with the process, however
    # it ends, and shared by nobody in this network namespace.
    def _take_slot(self):
        first = os.getpid() % SLOTS
        for number in range(SLOTS):
            slot = (first + number) % SLOTS
            lock = socket.socket(socket.AF_UNIX)
            try:
                lock.bind(f"\0mediation-test-slot-{slot}")
            except OSError:
                lock.close()
                continue
            self._slot = lock
            self._next = SLOT_BASE + slot * SLOT_SIZE
            self.ports = (self._next, self._next + SLOT_SIZE - 1)
            self.media_ports = (self._next + SLOT_SIGNALLING, self._next + SLOT_SIZE - 1)
            return
        raise Failure(f"all {SLOTS} port slots are taken by other runs")

    def port(self, count=1):
        """The first of `count` consecutive ports, free on TCP and UDP; an even one."""
        port = self._next + self._next % 2
        while port + count <= self.media_ports[0]:
            if all(_free(port + i) for i in range(count)):
                self._next = port + count
                return port
            port += 2
        raise Failure("no free port left in this sandbox's slot")


def _special_files(folder, names):
    """Sockets and pipes, which cannot be copied."""
    paths = ((name, os.path.join(folder, name)) for name in names)
    return [name for name, path in paths
            if not os.path.isdir(path) and not os.path.isfile(path)]


def _interrupted(number, _frame):
    raise Interrupted(f"ended by signal {number}")


def _free(port):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                return False
    return True


def listening(port, host="127.0.0.1"):
    """Does somebody accept TCP there?"""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, port)) == 0
