#!/usr/bin/python3
"""A node that starts while Redis is away serves what it knew last; a file that cannot be
used is told and kept aside; nothing that was not in force is in it."""

import json
import os
import re
import stat

from case import Case
from sandbox import Failure, wait_for
from trunks import Trunks

PLAIN = {"anchor": "no"}

with Case(plan=27) as t:
    trunks = Trunks(t, {"pbx1": PLAIN, "gw1": PLAIN, "gw2": PLAIN},
                    routes={"all": {"pattern": ".*", "trunks": "gw1"}})
    redis, kamailio = trunks.redis, trunks.kamailio
    lkg = kamailio.lkg

    def status(field=None):
        text = kamailio.rpc("mediation.status")
        return re.search(rf"^\t{field}: (.*)$", text, re.M)[1] if field else text

    def settle(name, probe):
        return wait_for(name, probe)

    def kept():
        try:
            with open(lkg, "rb") as file:
                return file.read()
        except FileNotFoundError:  # put aside, and not yet begun anew
            return b""

    def goes_to(peer, name):
        invite = trunks.call("pbx1", "+4930123")
        got = peer.expect("INVITE", call_id=invite.get("Call-ID"))
        peer.reply(got, 486, "Busy Here")
        trunks.pbx1.expect(486, call_id=invite.get("Call-ID"))
        return t.ok(True, name)

    def restart():
        kamailio.stop()
        kamailio.start()

    settle("the configuration to be kept", lambda: b"\nC 0" in kept())
    t.equal(stat.S_IMODE(os.stat(lkg).st_mode), 0o600, "it is ours alone")
    t.equal(status("source"), "redis", "in force: what Redis has")
    redis.hset("med:1:route:all", trunks="gw2")
    redis.hset("med:1:trunk:bad", gateway="gw1", port="99999")
    redis.hset("med:1:profile:trunk:gw2", trying_timeout_ms="3600000000")
    settle("two refusals", lambda: "refused_total: 2\n" in status())
    settle("the change to be kept", lambda: b"trunks = gw2" in kept())
    t.ok(b"99999" not in kept() and b"3600000000" not in kept(), "what is refused is not kept")

    redis.process.kill()
    restart()
    settle("it to be in force", lambda: status("source") == "disk")
    t.ok(True, "started without Redis: from disk")
    settle("Redis to be missed", lambda: "Connection refused" in status("store_text"))
    t.equal(status("store"), "down", "and it is told that Redis is away")
    t.ok(0 <= int(status("disk_age_s")) < 100, "with its age")
    goes_to(trunks.gw2, "calls go where they went last")
    t.ok(trunks.lines("NOTICE", "the last known good of"), "the log says so")

    # Redis is there again, with what it had and one change.
    redis.start()
    redis.load(trunks._objects({"all": {"pattern": ".*", "trunks": "gw1"}}, {}))
    settle("Redis to be read", lambda: status("source") == "redis")
    goes_to(trunks.gw1, "Redis is back: its word counts")
    settle("an event of the start", lambda: "started_from_disk" in json.dumps(
        redis.command("XRANGE", "medrun:1:events", "-", "+")))
    written = json.loads(settle("the status key", lambda: redis.command(
        "GET", "medrun:1:status:" + status("node"))))
    t.ok(written["held"] is None and written["disk_text"] == "", "the status key has it too")

    # What was not committed is dropped.
    settle("that to be kept", lambda: b"trunks = gw1" in kept())
    settle("a mark behind it", lambda: kept().rindex(b"\nC 0") > kept().rindex(b"trunks = gw1"))
    redis.process.kill()
    kamailio.stop()
    whole = kept()
    with open(lkg, "ab") as file:
        file.write(whole[-300:-20])
    kamailio.start()
    settle("it to be in force", lambda: status("source") == "disk")
    goes_to(trunks.gw1, "a torn tail: the commit before it serves")
    t.ok(trunks.lines("are not a whole change and are dropped"), "and the log says so")
    t.equal(kept(), whole, "the tail is gone")

    for name, make, told in (
            ("empty", lambda: b"", None),
            ("foreign", lambda: b"[trunk pbx1]\n", "no last known good configuration"),
            ("older", lambda: whole.replace(b"format 1", b"format 0", 1), "of another version"),
            ("damaged at its beginning", lambda: whole[:200] + b"x" + whole[201:],
             "nothing in it is whole|damaged at its beginning")):
        kamailio.stop()
        content = make()
        with open(lkg, "wb") as file:
            file.write(content)
        kamailio.start()
        try:
            kamailio.rpc("mediation.trunks")
            t.ok(False, f"{name}: nothing should be in force")
        except Failure as fault:
            t.like(str(fault), "503", f"{name}: it is not used")
        if told:
            settle("that to be told", lambda text=told: re.search(text, kamailio.log()))
            with open(lkg + ".bad", "rb") as file:
                t.equal(file.read(), content, f"{name}: it is kept aside")
            t.like(kamailio.log(), told, f"{name}: told")
        settle("a new one to be begun", lambda: b"\nprefix = med:1:\n" in kept())
    kamailio.stop()

    with open(lkg, "wb") as file:
        file.write(whole)
    os.rename(lkg, lkg + ".dir")
    os.mkdir(lkg)
    kamailio.start()
    settle("that to be seen", lambda: status("disk_text"))
    t.like(status("disk_text"), "Is a directory", "a folder in its place: the status says so")
    kamailio.stop()
    os.rmdir(lkg)
    os.rename(lkg + ".dir", lkg)

    # Half of it damaged: what is before is used.
    at = whole.rindex(b"trunks = gw1")
    with open(lkg, "wb") as file:
        file.write(whole[:at] + b"X" + whole[at + 1:])
    kamailio.start()
    settle("it to be in force", lambda: status("source") == "disk")
    goes_to(trunks.gw2, "damaged later on: the last commit before that serves")
    redis.start()
    redis.load(trunks._objects({"all": {"pattern": ".*", "trunks": "gw1"}}, {}))
    settle("Redis to be read", lambda: status("source") == "redis")
    goes_to(trunks.gw1, "until Redis is there")
    settle("that to be kept", lambda: b"trunks = gw1" in kept())
    kamailio.stop()
    t.unlike(kamailio.log(), "core was generated|signal 6|signal 11", "and it ends well")
