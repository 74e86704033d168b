#!/usr/bin/python3
"""The stream of events: what happened, what was lost while Redis was away, none if so told."""

from case import Case
from kamailio import Kamailio, bare
from redis import RedisServer, acl
from sandbox import wait_for

SECRET, TRUNKS = "sesame", 50

with Case(plan=9) as t:
    redis = RedisServer(t)
    redis.command(*acl("kamailio", SECRET))  # the line of security.md
    objects = {"med:1:gateway:g": {"address": "192.0.2.1"},
               "med:1:profile:global": {"options_interval_s": "0"}}
    for number in range(TRUNKS):
        objects[f"med:1:trunk:t{number}"] = {
            "gateway": "g", "transport": "udp", "local_port": 5060 + number}
    redis.load(objects)
    control = t.path("kamailio.ctl")
    url = f"redis://kamailio:{SECRET}@127.0.0.1:{redis.port}/0"

    def start(name, lines=""):
        config = t.write(name + ".cfg", bare(t.port(), control, url, lines))
        found = Kamailio(t, config, name=name, control=control)
        wait_for("the trunks", lambda: f"trunk: {TRUNKS}\n" in found.rpc("mediation.status"))
        return found

    def events():
        """[(event, text)], the oldest first."""
        found = []
        for _, flat in redis.command("XRANGE", "medrun:1:events", "-", "+"):
            fields = dict(zip(flat[::2], flat[1::2]))
            found.append((fields["event"], fields["text"]))
        return found

    kamailio = start("telling", 'modparam("mediation", "node", "n1")')
    wait_for("the first events", lambda: "applied" in dict(events()))
    t.ok("redis_read" in dict(events()), "that all was read")
    kamailio.rpc("mediation.trunk_state", "t1", "down")
    t.equal(wait_for("the trunk's", lambda: dict(events()).get("trunk_down")),
            "t1: mediation.trunk_state says so", "that a trunk is down")
    kamailio.rpc("mediation.trunk_state", "t1", "auto")
    wait_for("it to be up", lambda: "trunk_up" in dict(events()))
    with redis.client() as client:
        client.command("HSET", "med:1:trunk:t1", "port", "99999")
    t.like(wait_for("a refusal", lambda: dict(events()).get("refused")),
           "out of range: '99999'", "that an object is refused")

    for number in range(TRUNKS):  # more than the queue has room for, one after the other
        kamailio.rpc("mediation.trunk_state", f"t{number}", "down")
    wait_for("all of them", lambda: [e for e, _ in events()].count("trunk_down") == TRUNKS + 1)
    t.ok("events_lost" not in dict(events()), "a burst is not lost while Redis is there")

    redis.stop()
    wait_for("the loss to be seen", lambda: "store: down" in kamailio.rpc("mediation.status"))
    for number in range(TRUNKS):
        kamailio.rpc("mediation.trunk_state", f"t{number}", "auto")
    lost = wait_for("losses", lambda: int(kamailio.rpc(
        "stats.get_statistics", "events_lost").split("=")[-1].split()[0]))
    t.ok(0 < lost <= TRUNKS, f"{lost} events found no room while Redis was away")
    redis.start()
    redis.command(*acl("kamailio", SECRET))
    wait_for("it to be back", lambda: "redis_read" in dict(events()))
    told = events()
    t.equal(told[0][0], "events_lost", "how many is told before what was kept")
    t.ok([e for e, _ in told].count("trunk_up") >= 28, "and then the last ones")
    kamailio.stop()

    redis.load(objects)
    redis.command("DEL", "medrun:1:events")
    silent = start("silent", 'modparam("mediation", "node", "n2")\n'
                   'modparam("mediation", "events", 0)\nmodparam("mediation", "status_interval", 1)')
    wait_for("its status", lambda: redis.command("GET", "medrun:1:status:n2"))
    t.equal(events(), [], "with events 0 there are none")
    t.equal([line for line in str(redis.command("ACL", "LOG")).split("'") if "denied" in line], [],
            "the rights of security.md will do")
