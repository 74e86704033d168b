#!/usr/bin/python3
"""Redis is killed, stopped, restarted and cut off at random while calls run and somebody
writes: every call is answered at once, and in the end the node has exactly what Redis has."""

import os
import random
import re
import signal
import threading
import time

from case import Case, soak_seconds
from redis import RedisError
from sandbox import PATIENCE, Failure, wait_for
from trunks import Trunks

SECONDS = soak_seconds(15)
SEED = int(os.environ.get("SEED", time.time_ns() % 1000000))
PLAIN = {"anchor": "no"}
# Seconds until a call is answered, on a machine that has other work too. What waited for
# Redis would wait for three and more.
LATE = 2.0


def write(redis, chance, stop, count):
    """Two objects in each transaction get the same value; tried again when Redis is away."""
    number = 0
    while not stop.is_set():
        number += 1
        name = f"w{chance.randrange(10)}"
        try:
            redis.load({f"med:1:gateway:{name}": {"address": "192.0.2.1", "name": number},
                        f"med:1:trunk:{name}": {
                            "gateway": name, "transport": "tcp", "port": 1000 + number,
                            "local_port": 40000 + int(name[1:])}})
            count[0] += 1
        except (OSError, RedisError):
            pass
        stop.wait(0.02)


with Case(plan=7) as t:
    t.note(f"SEED={SEED} SECONDS={SECONDS:g}")
    chance = random.Random(SEED)
    trunks = Trunks(t, {"pbx1": PLAIN, "gw1": PLAIN},
                    routes={"all": {"pattern": ".*", "trunks": "gw1"}})
    redis, rpc = trunks.redis, trunks.kamailio.rpc
    # What was written must be there after a kill.
    redis.command("CONFIG", "SET", "appendfsync", "always")
    redis.command("CONFIG", "SET", "appendonly", "yes")
    wait_for("the log of writes", lambda: "aof_rewrite_in_progress:0" in redis.command(
        "INFO", "persistence") and "aof_rewrite_scheduled:0" in redis.command(
        "INFO", "persistence"))
    redis.options += ["--appendonly", "yes", "--appendfsync", "always"]

    stop, writes, calls = threading.Event(), [0], [0]
    late, lost = [], []

    def answer():
        while not stop.is_set():
            try:
                trunks.gw1.reply(trunks.gw1.expect("INVITE", 0.2), 486, "Busy Here")
            except Exception:  # nothing came: look whether it is over
                continue

    def call():
        while not stop.is_set():
            begin = time.monotonic()
            invite = trunks.call("pbx1", "+4930123")
            calls[0] += 1
            try:
                trunks.pbx1.expect(486, call_id=invite.get("Call-ID"))
            except Exception as why:
                lost.append(str(why))
            if time.monotonic() - begin > LATE:
                late.append(round(time.monotonic() - begin, 3))
            stop.wait(0.02)

    threads = [threading.Thread(target=write, args=(redis, random.Random(SEED), stop, writes)),
               threading.Thread(target=answer), threading.Thread(target=call)]
    for thread in threads:
        thread.start()

    def pause(least, most):
        threading.Event().wait(chance.uniform(least, most))

    def kill():
        redis.process.kill()
        pause(0, 1.5)
        redis.start()

    def restart():
        redis.stop()
        pause(0, 1.5)
        redis.start()

    def hold():
        redis.process.signal(signal.SIGSTOP)
        pause(0.1, 4.5)
        redis.process.signal(signal.SIGCONT)

    def cut():
        for kind in chance.sample(["normal", "pubsub"], chance.randint(1, 2)):
            redis.command("CLIENT", "KILL", "TYPE", kind)

    def much():
        return writes[0] > 50 and calls[0] > 100 and len(done) > 1

    done = {}
    end = time.monotonic() + SECONDS
    try:
        while time.monotonic() < end or not much() and time.monotonic() < end + PATIENCE:
            what = chance.choice([kill, restart, hold, cut, cut])
            done[what.__name__] = done.get(what.__name__, 0) + 1
            what()
            pause(0.1, 2)
    finally:
        stop.set()
        for thread in threads:
            thread.join()

    t.note(f"{done}, {writes[0]} transactions, {calls[0]} calls")
    t.ok(much(), "much has happened")
    t.equal(lost, [], f"no call of {calls[0]} is lost")
    t.equal(late, [], f"and each was answered within {LATE:g} s")

    def in_redis():
        with redis.client() as client:
            return {number: client.command("HGET", f"med:1:trunk:w{number}", "port")
                    for number in range(10)}

    def in_force():
        found = {}
        for number in range(10):
            try:
                text = rpc("mediation.trunks", f"w{number}")
            except Failure:
                text = ""
            port = re.search(r"^\s*port: (\d+)", text, re.M)
            found[number] = port[1] if port else None
        return found

    wait_for("the node to have Redis again", lambda: "store: live" in rpc("mediation.status"))
    try:
        wait_for("all changes", lambda: in_force() == in_redis())
    except Failure:
        pass
    t.equal(in_force(), in_redis(), "in the end the node has what Redis has")
    t.ok(trunks.stat("store_losses") > 0, "Redis was missed in between")
    wait_for("one snapshot", lambda: "snapshots: 1\n" in rpc("mediation.status"))
    t.ok(True, "one snapshot is left")
    t.equal(trunks.lines("CRITICAL") + trunks.lines("BUG"), [], "nothing critical was logged")
