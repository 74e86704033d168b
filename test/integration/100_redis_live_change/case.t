#!/usr/bin/python3
"""A change in Redis is live at once: calls follow it, and this node acknowledges it."""

import json

from case import Case
from sandbox import wait_for
from sip import SipPeer
from trunks import Trunks


PLAIN = {"anchor": "no"}


def status(trunks):
    """The acknowledgement, as any client of Redis reads it."""
    for key in trunks.redis.command("KEYS", "medrun:1:status:*"):
        return json.loads(trunks.redis.command("GET", key))
    return {}


def offered(trunks, peer, number="+4930123"):
    """Does a call from pbx1 arrive at this peer, once the change is told to be in force?"""
    wait_for(f"the route to lead to port {peer.port}", lambda: f":{peer.port};" in
             trunks.kamailio.rpc("mediation.explain", "pbx1", "-", number), interval=0.001)
    invite = trunks.call("pbx1", number)
    got = peer.expect("INVITE", call_id=invite.get("Call-ID"))
    peer.reply(got, 486, "Busy Here")
    trunks.pbx1.expect(486, call_id=invite.get("Call-ID"))
    return got.uri


with Case(plan=17) as t:
    trunks = Trunks(t, {"pbx1": PLAIN, "gw1": PLAIN, "gw2": PLAIN},
                    routes={"all": {"pattern": ".*", "trunks": "gw1"}})
    redis, rpc = trunks.redis, trunks.kamailio.rpc
    t.like(offered(trunks, trunks.gw1), f":{trunks.gw1.port}", "calls go to gw1")

    wait_for("the acknowledgement", lambda: status(trunks).get("revision"))
    was = status(trunks)
    t.equal((was["store"], was["objects"]["trunk"], was["refused"]), ("live", 3, []),
            "the status key says what is in force")
    key = redis.command("KEYS", "medrun:1:status:*")[0]
    t.ok(0 < redis.command("TTL", key) <= 30, "and expires when the node is gone")

    redis.hset("med:1:route:all", trunks="gw2")
    t.like(offered(trunks, trunks.gw2), f":{trunks.gw2.port}",
           "one HSET of the route: the next call goes to gw2")
    now = wait_for("the acknowledgement", lambda: status(trunks)["revision"] > was["revision"]
                   and status(trunks))
    t.equal(now["objects"], was["objects"], "acknowledged under a new revision")

    moved = SipPeer(t, "udp", user="moved")
    redis.hset("med:1:trunk:gw2", port=moved.port)
    t.like(offered(trunks, moved), f":{moved.port}", "the trunk's port changed: calls move")

    redis.hset("med:1:gateway:gw3", address="127.0.0.1", source="127.0.0.3")
    redis.hset("med:1:trunk:gw3", gateway="gw3", transport="udp", port=trunks.gw1.port,
               local_port=trunks.local["gw1"])
    redis.hset("med:1:route:all", trunks="gw3,gw2")
    offered(trunks, trunks.gw1)
    t.like(rpc("mediation.trunks", "gw3"), "gateway: gw3", "a trunk is added by one HSET")

    redis.command("DEL", "med:1:trunk:gw3")
    wait_for("gw3 to be gone", lambda: "gw3" not in rpc("mediation.trunks"))
    wait_for("its route to be refused", lambda: status(trunks)["refused_total"] == 1)
    t.like(status(trunks)["refused"][0]["text"], "gw3.*'all'",
           "a route that names a trunk which is gone is told")
    redis.hset("med:1:route:all", trunks="gw2")
    wait_for("the route to be mended", lambda: status(trunks)["refused_total"] == 0)
    t.like(offered(trunks, moved), f":{moved.port}", "and mended by the next HSET")

    with redis.client() as client:  # delete and add again, faster than it can be followed
        for number in range(300):
            client.send("DEL", "med:1:trunk:gw2")
            client.send("HSET", "med:1:trunk:gw2", "gateway", "gw2", "transport", "udp",
                        "port", trunks.gw2.port if number == 299 else 9,
                        "local_port", trunks.local["gw2"])
        for number in range(600):
            client.reply()
    t.like(offered(trunks, trunks.gw2), f":{trunks.gw2.port}",
           "deleted and added again 300 times: the last word counts")

    redis.command("RENAME", "med:1:trunk:gw2", "med:1:trunk:gw9")
    redis.hset("med:1:route:all", trunks="gw9")
    wait_for("both to be in force", lambda: "trunk: gw9" in rpc(
        "mediation.explain", "pbx1", "-", "+4930123"))
    t.like(offered(trunks, trunks.gw2), f":{trunks.gw2.port}", "RENAME is remove and add")
    t.unlike(rpc("mediation.trunks"), r"id: gw2$", "the old name is gone")

    before = rpc("mediation.status").split("revision:")[1].split()[0]
    rpc("mediation.reload")
    wait_for("the reload", lambda: rpc("mediation.status").split(
        "revision:")[1].split()[0] != before)
    t.like(rpc("mediation.status"), "store: live", "mediation.reload reads everything again")

    redis.command("SELECT", "0")
    with redis.client() as client:
        client.command("SELECT", "5")
        client.command("HSET", "med:1:trunk:elsewhere", "gateway", "gw1")
    t.like(offered(trunks, trunks.gw2), f":{trunks.gw2.port}", "calls go on")
    t.unlike(rpc("mediation.trunks"), "elsewhere", "another database is not ours")
    wait_for("one snapshot", lambda: "snapshots: 1" in rpc("mediation.status"))
    t.ok(True, "one snapshot is alive in the end")
    t.like(rpc("core.psx"), "mediation redis", "the process has a name")
