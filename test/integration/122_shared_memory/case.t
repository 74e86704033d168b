#!/usr/bin/python3
"""Too little shared memory: a change is refused as a whole, calls are unharmed, the status
names the -m that would do; it mends itself when the change is taken back; and that -m does."""

import re
import socket
import threading

from case import Case
from kamailio import Kamailio
from sandbox import wait_for
from trunks import Trunks

PLAIN = {"anchor": "no"}
ROUTES = 120000
SMALL = 16


class Small(Trunks):
    """With little shared memory."""

    megabytes = SMALL

    def start(self):
        self.kamailio = Kamailio(self.sandbox, self.config, control=self.control,
                                 defines=self.defines,
                                 options=("-x", "fm", "-X", "fm", "-m", str(self.megabytes)))
        wait_for("the configuration to be loaded", self._loaded)


class Caller(threading.Thread):
    """Calls all the while."""

    def __init__(self, trunks):
        super().__init__(daemon=True)
        self.trunks, self.stop, self.calls, self.lost = trunks, threading.Event(), 0, []
        self.start()

    def run(self):
        while not self.stop.wait(0.02):  # tm keeps what it ended for some seconds
            invite = self.trunks.call("pbx1", "+4930123")
            self.calls += 1
            try:
                got = self.trunks.gw1.expect("INVITE", call_id=invite.get("Call-ID"))
                self.trunks.gw1.reply(got, 486, "Busy Here")
                self.trunks.pbx1.expect(486, call_id=invite.get("Call-ID"))
            except Exception as why:
                self.lost.append(str(why))

    def end(self):
        self.stop.set()
        self.join()


def write_many(port, command):
    """One transaction: one change."""
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"MULTI\r\n" + b"".join(command(n) for n in range(ROUTES)) + b"EXEC\r\n")
        client.shutdown(socket.SHUT_WR)
        while client.recv(1 << 20):
            pass


def add(number):
    return b"HSET med:1:route:a-route-with-a-long-name-as-people-give-them-%d pattern ^7%07d usages many trunks gw1\r\n" % (number, number)


def remove(number):
    return b"DEL med:1:route:a-route-with-a-long-name-as-people-give-them-%d\r\n" % number


with Case(plan=13) as t:
    trunks = Small(t, {"pbx1": PLAIN, "gw1": PLAIN},
                   routes={"all": {"pattern": ".*", "trunks": "gw1"}})
    redis = trunks.redis

    def status(field=None):
        text = trunks.kamailio.rpc("mediation.status")
        return re.search(rf"^\t{field}: (.*)$", text, re.M)[1] if field else text

    def used():
        return int(re.search(r"real_used: (\d+)", trunks.kamailio.rpc("core.shmmem"))[1])

    def settle(name, probe, timeout=30):
        return wait_for(name, probe, timeout)

    before, revision = used(), status("revision")
    caller = Caller(trunks)
    write_many(redis.port, add)
    settle("the change to be refused", lambda: status("build_error"))
    t.like(status("build_error"), f"refused as a whole: {SMALL} MB are there; start Kamailio "
           r"with -m \d+", "the status says so")
    t.equal(re.findall(r"^\s+route: (\d+)$", status(), re.M)[-1], "1", "nothing of it is in force")
    t.equal(status("revision"), revision, "the revision before is")
    enough = int(re.search(r"-m (\d+)", status("build_error"))[1])
    t.note(f"{before} bytes in use at the start, {used()} now; -m {enough} would do")
    redis.hset("med:1:trunk:gw1", name="another")
    settle("another change", lambda: trunks.stat("changes_failed") > 1)
    t.equal(status("revision"), revision, "nor is what comes after it")
    settle("the events", lambda: "change_refused" in str(
        redis.command("XRANGE", "medrun:1:events", "-", "+")))
    t.ok(used() < before + 6000000, "what was made of it is freed")

    write_many(redis.port, remove)
    settle("it to be taken back", lambda: status("build_error") == "")
    t.ok(int(status("revision")) > int(revision), "taken back: it mends itself")
    settle("one snapshot", lambda: "snapshots: 1\n" in status())
    caller.end()
    t.equal(caller.lost, [], f"{caller.calls} calls meanwhile: none lost")
    t.ok(caller.calls > 20, "there were calls")
    t.ok(trunks.lines("ERROR", "shared memory is too small"), "the log said so")
    t.equal(trunks.alarms(), [], "nothing critical happened")

    write_many(redis.port, add)
    settle("the change to be refused", lambda: status("build_error"))
    trunks.kamailio.stop()
    t.unlike(trunks.kamailio.log(), "core was generated|signal 6|signal 11", "it ends well")
    trunks.megabytes = enough
    trunks.start()
    settle("all of the routes", lambda: re.findall(
        r"^\s+route: (\d+)$", status(), re.M)[-1] == str(ROUTES + 1))
    t.equal(status("build_error"), "", f"with -m {enough} it is in force")
    t.ok(used() > enough * 1024 * 1024 * 0.3,
         f"and that was no more than needed: {used() >> 20} MB are in use")
