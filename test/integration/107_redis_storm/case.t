#!/usr/bin/python3
"""Sixteen writers and reloads at once while calls run, with Kamailio's checking allocator:
no call is lost, nothing is freed twice, one snapshot is left, memory does not grow. In the
middle of it everything is flushed, and held back until it is there again; in the end what is
on disk is what is in force."""

import random
import re
import threading
import time

from case import Case, soak_seconds
from kamailio import Kamailio
from sandbox import PATIENCE, TOP, wait_for
from trunks import Trunks

SECONDS, WRITERS = soak_seconds(8), 16
PLAIN = {"anchor": "no"}


class Checked(Trunks):
    """With q_malloc, which checks its fences at each call."""

    def start(self):
        self.kamailio = Kamailio(self.sandbox, self.config, control=self.control,
                                 defines=self.defines, options=("-x", "qm", "-X", "qm"))
        wait_for("the configuration to be loaded", self._loaded)


def used(kamailio):
    return int(re.search(r"real_used: (\d+)", kamailio.rpc("core.shmmem"))[1])


def write(redis, seed, stop, count):
    """Objects of its own, and now and then one that calls use."""
    chance = random.Random(seed)
    with redis.client() as client:
        while not stop.is_set():
            number = chance.randrange(40)
            key = f"med:1:trunk:w{seed}-{number}"
            if chance.random() < 0.3:
                client.command("DEL", key)
            else:
                client.command("HSET", key, "gateway", "gw1", "transport", "udp", "local_port",
                               33000 + seed * 100 + number, "name", "x" * chance.randrange(200))
            if chance.random() < 0.1:
                client.command("HSET", "med:1:route:all", "trunks",
                               chance.choice(["gw1", "gw2", "gw1,gw2"]))
            count[0] += 1
            stop.wait(0.002)


with Case(plan=8) as t:
    config = t.write("short.cfg", f'include_file "{TOP}/kamailio-cfg/kamailio.cfg"\n'
                     'modparam("tm", "wt_timer", 1000)\n')
    trunks = Checked(t, {"pbx1": PLAIN, "gw1": PLAIN, "gw2": PLAIN}, config=config,
                     routes={"all": {"pattern": ".*", "trunks": "gw1"}})
    redis, rpc = trunks.redis, trunks.kamailio.rpc

    def answer(peer, stop):
        while not stop.is_set():
            try:
                peer.reply(peer.expect("INVITE", 0.2), 486, "Busy Here")
            except Exception:  # nothing came: look whether it is over
                continue

    def storm(seconds, least_reloads=0, least_writes=0):
        """So long, and until so much has happened."""
        stop, count = threading.Event(), [0]
        threads = [threading.Thread(target=write, args=(redis, seed, stop, count))
                   for seed in range(WRITERS)]
        threads += [threading.Thread(target=answer, args=(peer, stop))
                    for peer in (trunks.gw1, trunks.gw2)]
        for thread in threads:
            thread.start()
        calls = reloads = again = 0
        lost = []
        end = time.monotonic() + seconds
        flush = time.monotonic() + seconds / 2
        while time.monotonic() < end or time.monotonic() < end + PATIENCE and (
                reloads < least_reloads or count[0] < least_writes):
            if flush and time.monotonic() > flush:
                # No reload until it is there again: that would confirm it.
                redis.command("FLUSHDB")
                wait_for("the flush to be held back", lambda: "held: {" in rpc("mediation.status"))
                flush, again = 0, calls + 15
            if not flush and calls == again:
                redis.load(saved)
                wait_for("that to be read", lambda: "trunk:gw1" not in rpc("mediation.status"))
            invite = trunks.call("pbx1", "+4930123")
            calls += 1
            try:
                trunks.pbx1.expect(486, call_id=invite.get("Call-ID"))
            except Exception as why:
                lost.append(str(why))
            if calls % 20 == 0 and (flush or calls > again):
                rpc("mediation.reload")
                reloads += 1
        stop.set()
        for thread in threads:
            thread.join()
        redis.load(saved)
        return calls, lost, count[0], reloads

    def settle():
        with redis.client() as client:
            for key in client.command("KEYS", "med:1:trunk:w*"):
                client.command("DEL", key)
            client.command("HSET", "med:1:route:all", "trunks", "gw1")
        if "held: {" in rpc("mediation.status"):
            rpc("mediation.reload")  # what the writers lost with the flush
        wait_for("three trunks", lambda: "total: 3\n" in rpc("mediation.trunks"))
        wait_for("one snapshot", lambda: "snapshots: 1\n" in rpc("mediation.status"))
        # Transactions of the last seconds are still held by tm's wait timers.
        wait_for("tm to let go of its transactions", lambda: re.search(
            r"current: 0\n", rpc("tm.stats")))

    saved = trunks._objects({"all": {"pattern": ".*", "trunks": "gw1"}}, {})
    storm(1)  # first use of everything that is then kept
    settle()
    before = used(trunks.kamailio)
    calls, lost, writes, reloads = storm(SECONDS, 11, 1001)
    t.equal(lost, [], f"{calls} calls during {writes} writes and {reloads} reloads: none lost")
    t.ok(reloads > 10 and writes > 1000, "it was a storm")
    settle()
    t.ok(True, "one snapshot is left")
    after = used(trunks.kamailio)
    t.ok(after < before * 1.02 + 50000, f"shared memory is as it was: {before} then {after}")
    t.ok(trunks.stat("changes_applied") > 100, "changes were applied all the while")
    t.equal(trunks.lines("BUG") + trunks.lines("CRITICAL: <core> [core/mem"), [],
            "the allocator has nothing to say")
    redis.process.kill()
    trunks.kamailio.stop()
    trunks.kamailio.start()
    wait_for("the last known good", lambda: "source: disk" in rpc("mediation.status"))
    t.like(rpc("mediation.trunks"), "total: 3\n", "what is on disk is what was in force")
    trunks.kamailio.stop()
    t.unlike(trunks.kamailio.log(), "core was generated|signal 6|signal 11", "and it ends well")
