#!/usr/bin/python3
"""The Redis process asks the policy listener each second, whatever the size of what it reads,
builds and refuses: a hello that comes late refuses every anchored call."""

import os
import socket
import threading
import time

from case import Case
from kamailio import Kamailio, bare
from redis import RedisServer
from sandbox import wait_for

ROUTES = int(os.environ.get("ROUTES", "60000"))
MISSING = 2500
LATE = 0.9  # seconds; a machine that has other work adds to it
YES = b" d6:result4:pong11:med-version1:113:med-addressesl9:127.0.0.2ee"


class Listener:
    """Answers each hello, and keeps when it was asked."""

    def __init__(self, port):
        self.asked = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", port))
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            data, sender = self.socket.recvfrom(4096)
            self.asked.append(time.monotonic())
            self.socket.sendto(data.split(b" ")[0] + YES, sender)

    def latest(self, since):
        """How late the hello was at worst since then and until the next one, in seconds."""
        count = len(self.asked)
        wait_for("the next question", lambda: len(self.asked) > count)
        asked = [moment for moment in self.asked if moment > since - 1.1]
        return max(b - a for a, b in zip(asked, asked[1:])) - 1.0


def route(number):
    trunk = "gw1" if number >= MISSING else f"gone{number}"
    return (b"HSET med:1:route:x%d pattern ^7%07d usages many trunks %s\r\n"
            % (number, number, trunk.encode()))


with Case(plan=7) as t:
    redis = RedisServer(t)
    control, port, ng = t.path("k.ctl"), t.port(), t.port()
    listener = Listener(ng)
    redis.hset("med:1:gateway:gw1", address="127.0.0.1")
    redis.hset("med:1:trunk:gw1", transport="udp")
    kamailio = Kamailio(t, t.write("k.cfg", bare(
        port, control, redis.url,
        f'modparam("mediation", "rtpengine_sock", "udp:127.0.0.1:{ng}")')), control=control,
        options=("-x", "fm", "-X", "fm", "-m", os.environ.get("SHM", "512")))

    def status():
        return kamailio.rpc("mediation.status")

    def settle(name, *texts):
        wait_for(name, lambda: all(text in status() for text in texts), 120)

    settle("the first configuration", "trunk: 1\n", "policy_listener: yes\n")

    start = time.monotonic()
    with socket.create_connection(("127.0.0.1", redis.port)) as client:
        threading.Thread(target=lambda: [None for _ in iter(lambda: client.recv(65536), b"")],
                         daemon=True).start()
        for first in range(0, ROUTES, 1000):
            client.sendall(b"".join(route(n) for n in range(first, min(first + 1000, ROUTES))))
        settle("all of the routes", f"route: {ROUTES}\n", f"refused_total: {MISSING}\n")
        client.shutdown(socket.SHUT_RDWR)
    t.note(f"{ROUTES} routes written and in force in {time.monotonic() - start:.1f} s")
    late = listener.latest(start)
    t.ok(late < LATE, f"many routes that name missing trunks: {late:.3f} s late at worst")
    t.ok("policy_listener: yes\n" in status(), "and the policy listener is there")
    t.ok(len([line for line in kamailio.log().splitlines() if "refused: trunk" in line]) <= 2500,
         "no refusal is logged twice")

    start = time.monotonic()
    kamailio.rpc("mediation.reload")
    wait_for("everything to be read again", lambda: kamailio.log().count("in force: 1 trunks") == 2,
             120)
    late = listener.latest(start)
    t.ok(late < LATE, f"everything read again: {late:.3f} s late at worst")

    start = time.monotonic()
    redis.hset("med:1:trunk:gone7", gateway="gw1", transport="udp", local_port=7007)
    settle("one trunk less to be missing", f"refused_total: {MISSING - 1}\n")
    t.ok(True, "one that appears is no longer missing")

    start = time.monotonic()
    redis.command("FLUSHDB")
    settle("that to be held back", "held: {")
    kamailio.rpc("mediation.reload")
    settle("nothing to be left", "route: 0\n", "refused_total: 0\n")
    late = listener.latest(start)
    t.ok(late < LATE, f"everything gone at once: {late:.3f} s late at worst")
    t.ok("policy_listener: yes\n" in status(), "and the policy listener is there still")
