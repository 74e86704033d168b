"""Kamailio and Redis with much configuration, for benchmarks of loading and of changes."""

import os
import re
import subprocess
import sys
import threading
import time

from dns import Dns
from kamailio import Kamailio
from redis import RedisServer
from sandbox import BUILD, TOP, Failure, Sandbox, wait_for

WORKERS = 4
NAMES = "127.0.0.78"  # the DNS server
CONFIG = os.path.join(TOP, "test", "bench", "change", "change.cfg")


def bench(program, *arguments, timeout=300):
    """A program of test/bench; its output, whatever its exit code."""
    done = subprocess.run([os.path.join(BUILD, "bench", program), *map(str, arguments)],
                          stdout=subprocess.PIPE, text=True, timeout=timeout, check=False)
    if done.stdout.strip():
        print(f"# {done.stdout.strip()}", flush=True)
    return done


class Loaded:
    """
    Use as a context manager: a Redis to fill, then a Kamailio with four workers.

    usage  that calls are routed by, and where the routes of probes() stand
    """

    dns = None  # of all of them: it has no end

    def __init__(self, name, usage="all"):
        self.sandbox, self.usage = Sandbox(name), usage
        self.trunks = self.routes = self.probed = 0
        self.kamailio = None

    def __enter__(self):
        self.sandbox.__enter__()
        try:
            box = self.sandbox
            self.workers = [box.port() for _ in range(WORKERS)]
            self.caller, self.old, self.new = box.port(), box.port(), box.port()
            self.redis = RedisServer(box)
            Loaded.dns = Loaded.dns or Dns(NAMES)
        except BaseException:
            self.sandbox.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *reason):
        self.sandbox.__exit__(*reason)

    def probes(self, count):
        """A caller on each worker's port; trunks to call, each by a number of its own, and
        a trunk `new` that their routes may be sent to."""
        objects = {"gateway:pbx": {"address": "127.0.0.1", "peer": "ip_pbx"},
                   "profile:global": {"srtp_mode": "not_supported", "anchor": "no",
                                      "pstn_usages": self.usage}}
        for number, port in enumerate(self.workers):
            objects[f"trunk:pbx{number}"] = {
                "gateway": "pbx", "transport": "udp", "port": self.caller, "local_port": port}
        for number, name in enumerate([*(f"p{n:05}" for n in range(count)), "new"]):
            source = f"10.200.{number >> 8}.{number & 255}"
            objects[f"gateway:{name}"] = {"address": "127.0.0.1", "source": source}
            objects[f"trunk:{name}"] = {
                "transport": "udp", "local_port": self.workers[0],
                "port": self.new if name == "new" else self.old}
            if name != "new":
                objects[f"route:{name}"] = {"pattern": rf"^\+1{number:05}$", "trunks": name,
                                            "usages": self.usage, "priority": 0}
        with self.redis.client() as client:
            items = list(objects.items())
            for first in range(0, len(items), 1000):
                part = items[first:first + 1000]
                for key, fields in part:
                    client.send("HSET", f"med:1:{key}",
                                *[w for p in fields.items() for w in p])
                for _ in part:
                    client.reply()
        self.probed = count
        self.trunks += count + 1 + WORKERS
        self.routes += count

    def fill(self, trunks, routes, usage=None):
        """The data set of the decide benchmark: its trunks, or its routes."""
        for number in range(trunks):
            self.dns.zone[f"gw{number:05}.example.net"] = [
                ("A", 3600, f"10.1.{number // 250}.{number % 250 + 1}")]
        words = (self.redis.port, trunks, routes, *([usage] if usage else []))
        if bench("bench_fill", *words).returncode:
            raise Failure("Redis could not be filled")
        if routes:
            self.routes += routes
        else:
            self.trunks += trunks

    def start(self):
        """Kamailio, until all is in force; seconds from the first object asked for."""
        control = self.sandbox.path("kamailio.ctl")
        self.redis.command("CONFIG", "RESETSTAT")
        began = []
        watcher = threading.Thread(target=self._watch, args=(began,), daemon=True)
        watcher.start()
        self.kamailio = Kamailio(self.sandbox, CONFIG, control=control, defines={
            "REDIS_URL": f'"{self.redis.url}"', "RUN_DIR_CTL": f'"unix:{control}"',
            "NODE_KEY": '"bench"', "NAMES": f'"{NAMES}"',
            **{f"LISTEN_{n}": f"udp:127.0.0.1:{port}"
               for n, port in enumerate(self.workers, 1)}},
            options=("-x", "fm", "-X", "fm", "-m", "1024"))
        end = wait_for("all to be in force", self._in_force, 120, 0.005)
        watcher.join()
        return end - began[0]

    def stop(self):
        """So that the next start knows nothing: not from disk either."""
        self.kamailio.stop()
        os.remove(self.kamailio.process.log)
        if os.path.exists(self.kamailio.lkg):
            os.remove(self.kamailio.lkg)

    def _watch(self, began):
        """When the first object is read."""
        with self.redis.client() as client:
            wait_for("the first object to be asked for", lambda: "cmdstat_hgetall"
                     in client.command("INFO", "commandstats"), 30, 0.001)
        began.append(time.monotonic())

    def _in_force(self):
        told = re.search(rf" in force: {self.trunks} trunks, \d+ gateways, {self.routes} "
                         r"routes; (\d+) objects refused", self.kamailio.log())
        if told and told[1] != "0":
            raise Failure(f"{told[1]} objects are refused")
        return time.monotonic() if told else None

    def shm(self):
        """Bytes of shared memory: in use now, and at most so far, overhead included."""
        text = self.kamailio.rpc("core.shmmem")
        return (int(re.search(r"real_used: (\d+)", text)[1]),
                int(re.search(r"max_used: (\d+)", text)[1]))

    def named(self):
        """Until no gateway's name is asked for any more."""
        asked = []

        def quiet():
            asked.append(len(self.dns.asked))
            return asked[-2:-1] == asked[-1:]

        wait_for("gateways to be found", quiet, 60, 1)

    def one_snapshot(self):
        wait_for("one snapshot to be left",
                 lambda: "snapshots: 1\n" in self.kamailio.rpc("mediation.status"), 10)

    def changes(self, what, count, rate):
        """By bench_change: the 99th percentile in ms; None when `what` is a pace."""
        self.named()
        done = bench("bench_change", self.redis.port, self.caller, self.old, self.new,
                     self.probed, what, count, rate, *self.workers)
        if done.returncode:
            print("\n".join(self.kamailio.log().splitlines()[-15:]), file=sys.stderr)
            raise Failure("calls were lost, a change was not seen, or an INVITE went to one "
                          "host and named another")
        self.one_snapshot()
        p99 = re.search(r"p99_us (\d+)", done.stdout)
        return int(p99[1]) / 1000 if p99 else None
