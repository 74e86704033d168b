#!/usr/bin/python3
"""300,000 routes go in pieces, under a marker; meanwhile no other client waits."""

import threading
import time

from case import Case
from medctl import FAST, Medctl
from redis import RedisServer

ROUTES = 300_000


class Patience(threading.Thread):
    """Another client of Redis: how many PINGs it sent, and waited for longer than 100 ms."""

    def __init__(self, redis):
        super().__init__(daemon=True)
        self.client = redis.client()
        self.pause = threading.Event()
        self.over, self.late, self.count, self.markers = False, 0, 0, set()

    def run(self):
        while not self.over:
            began = time.monotonic()
            self.client.command("PING")
            self.late += time.monotonic() - began > 0.1
            self.count += 1
            if self.count % 20 == 0:
                self.markers.add(self.client.command("GET", "med:1:applying"))
            self.pause.wait(0.001)


def route(number, trunk):
    return (f"[route r{number}]\npattern = ^\\+49{number:07}\\d*$\nusages = u{number // 1000}\n"
            f"trunks = {trunk}\n\n")


with Case(plan=11) as t:
    redis = RedisServer(t)
    medctl = Medctl(t, redis, FAST)
    peers = "".join(f"[gateway g{n}]\naddress = 192.0.2.{n}\n[trunk t{n}]\ngateway = g{n}\n"
                    f"transport = tcp\n" for n in (1, 2))
    t.write("all.conf", peers + "".join(route(n, "t1") for n in range(ROUTES)))

    other = Patience(redis)
    other.start()
    began = time.monotonic()
    with medctl.on_terminal("apply", "--yes", "all.conf") as terminal:
        code = terminal.end()
    t.note(f"{time.monotonic() - began:.1f} s for {ROUTES} routes")
    other.over = True
    other.join()
    t.equal(code, 0, "a large apply")
    # a piece too large would delay nearly all, other work on the machine a few
    t.ok(other.late * 100 <= other.count,
         f"another client does not wait: {other.late} of {other.count} PINGs took more than 100 ms")
    t.equal(redis.command("DBSIZE"), ROUTES + 5, "all is there")
    t.like(terminal.text, r"writing \[#+ +\] \d+% \(\d+ of 300004\)", "a bar showed how far it was")
    markers = [m for m in other.markers if m]
    t.ok(markers, "the marker stood meanwhile")
    t.like(sorted(markers)[0], r"^medctl on \S+, process \d+, \d+ of 300004 objects at 20", "and who it is")
    t.equal(redis.command("EXISTS", "med:1:applying"), 0, "and is gone in the end")
    t.like(redis.command("GET", "med:1:applied"), "^[0-9a-f]{32}$", "the token is set")

    # a change of a few among many is one transaction; all of them come out again
    began = time.monotonic()
    t.write("few.conf", route(7, "t2"))
    done = medctl("apply", "--yes", "few.conf")
    t.equal((done.code, redis.command("HGET", "med:1:route:r7", "trunks")), (0, "t2"),
            "one route among them")
    t.note(f"{time.monotonic() - began:.1f} s for one route")
    began = time.monotonic()
    t.equal(medctl("export", "-o", "out.conf").code, 0, "export")
    t.note(f"{time.monotonic() - began:.1f} s for an export")
    with open(t.path("out.conf"), encoding="utf-8") as file:
        t.equal(sum(line.startswith("[") for line in file), ROUTES + 4, "has every object")
