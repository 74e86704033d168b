#!/usr/bin/python3
"""Two writers at once, a writer that is interrupted or killed: nothing is half, all is told."""

import signal
import subprocess
import time

from case import Case
from medctl import FAST, Medctl
from redis import RedisServer
from relay import Relay
from sandbox import wait_for

MANY = 20_000
MARKED = b"SET\r\n$14\r\nmed:1:applying\r\n"


def sites(count, name):
    return "".join(f"[site s{n}]\nname = {name}\n" for n in range(count))


def ended(process):
    """Exit code and what it said of a Popen."""
    out, err = process.communicate(timeout=120)
    return process.returncode, out + err


with Case(plan=27) as t:
    redis = RedisServer(t)
    medctl = Medctl(t, redis, FAST)
    t.write("few.conf", sites(5, "few"))
    t.write("other.conf", "[site other]\nname = x\n")
    relay = Relay(t, redis.port)
    held = Medctl(t, relay, FAST)
    marker = lambda: redis.command("GET", "med:1:applying")

    def apply_until(what, probe, count):
        """An apply of many that stands still, so many bytes behind its marker."""
        relay.hold_after(MARKED, count)
        process = held.start("apply", "--yes", "many.conf")
        wait_for(what, probe)
        return process

    # the second is told, whatever the first wrote
    for first, words in (
            ("an apply of other objects", ["apply", "--yes", "other.conf"]),
            ("a set of another object", ["set", "site", "else", "name=x"]),
            ("a del of another object", ["del", "site", "else", "--yes"])):
        with medctl.on_terminal("apply", "few.conf") as second:
            second.until("write this")
            t.equal(medctl(*words).code, 0, first)
            second.type("yes\n")
            t.equal((second.end(), redis.command("EXISTS", "med:1:site:s1")), (1, 0),
                    "an apply that was asking meanwhile writes nothing")
    t.like(second.text, "somebody else wrote meanwhile", "and says why")
    with medctl.on_terminal("apply", "few.conf") as second:
        second.until("write this")
        redis.hset("med:1:site:s3", name="by hand")
        second.type("yes\n")
        t.equal((second.end(), redis.command("EXISTS", "med:1:site:s1"),
                 redis.command("HGET", "med:1:site:s3", "name")), (1, 0, "by hand"),
                "an object that redis-cli changed meanwhile is not overwritten")
    t.like(second.text, "site 's3' was changed by somebody else", "and named")
    with medctl.on_terminal("apply", "few.conf") as second:
        second.until("write this")
        second.signal(signal.SIGINT)
        t.equal((second.end(), redis.command("EXISTS", "med:1:site:s1")), (1, 0),
                "Ctrl-C at the question writes nothing")

    # interrupted in the middle of many
    t.write("many.conf", sites(MANY, "many"))
    first = apply_until("some objects", lambda: redis.command("DBSIZE") > 1000, 500_000)
    began = time.monotonic()
    wait_for("time to say that it is alive", lambda: time.monotonic() - began > 1)
    relay.hold_after(MARKED, 1000)
    wait_for("it to say how far it is", lambda: " 0 of " not in marker())
    first.send_signal(signal.SIGINT)
    relay.let_go()
    code, said = ended(first)
    t.equal(code, 3, "Ctrl-C ends an apply of many")
    t.like(said, rf"stopped at \d+ of {MANY} objects. Nodes keep what they have",
           "it says how far it was and what to do")
    t.like(marker(), rf", [1-9]\d* of {MANY} objects at ", "the marker stays, nodes wait")
    t.like(medctl("status").out, "apply under way, or not ended: medctl on ", "status tells")
    done = medctl("set", "site", "s1", "name=x")
    t.equal((done.code, redis.command("HGET", "med:1:site:s1", "name")), (1, "many"),
            "set waits until that is completed")
    t.like(done.err, "an apply did not end .*Run that apply again", "and says so")
    first = apply_until("it to go on", lambda: f"of {MANY} " not in marker(), 1000)
    first.kill()
    first.wait()
    relay.let_go()
    t.like(marker(), " objects at ", "killed: the marker stays as well")
    done = medctl("apply", "--yes", "many.conf")
    t.equal((done.code, marker()), (0, None), "the next apply completes it")
    t.like(done.err, "an apply did not end .*; this one ends it", "and says so")
    t.equal(redis.command("DBSIZE"), MANY + 2, "all objects are there")

    # one at work is not taken for dead
    t.write("many.conf", sites(MANY, "again"))
    first = apply_until("the marker", marker, 1000)
    heartbeat = t.spawn("heartbeat", ["redis-cli", "-p", str(redis.port), "-r", "-1", "-i", "0.2",
                                      "APPEND", "med:1:applying", "."])
    done = medctl("apply", "--yes", "few.conf")
    heartbeat.stop()
    t.equal(done.code, 1, "while another is at work an apply writes nothing")
    t.like(done.err, "another apply is at work", "and says so")
    t.ok(redis.command("HGET", "med:1:site:s3", "name") != "few", "indeed nothing")
    relay.let_go()
    code, said = ended(first)
    t.equal(code, 1, "one whose marker is no longer its own stops")
    t.like(said, "another apply began|somebody else wrote", "and says why")
    t.equal(medctl("apply", "--yes", "many.conf").code, 0, "the next completes it")
    t.equal((marker(), redis.command("HGET", f"med:1:site:s{MANY - 1}", "name")), (None, "again"),
            "wholly")
