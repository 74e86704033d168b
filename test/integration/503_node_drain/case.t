#!/usr/bin/python3
"""A node that is drained takes no new calls and says so to everyone; calls that are up go on."""

import json

from case import Case
from cluster import Cluster
from sandbox import Failure, wait_for
from sip import sdp
from trunks import Turned

PLAIN = {"srtp_mode": "not_supported", "anchor": "no", "trying_timeout_ms": "1000"}

with Case(plan=19) as t:
    cluster = Cluster(t, {"pbx1": PLAIN, "gw1": PLAIN},
                      routes={"one": {"pattern": r"^\+49\d+$", "trunks": "gw1"},
                              "pbx": {"pattern": r"^\+1\d+$", "trunks": "pbx1"}})
    pbx1, gw1 = cluster.pbx1, cluster.gw1
    cluster.redis.load({"med:1:limits:trunk:gw1": {"max_calls": "50"},
                        "med:1:location_policy:global": {"emergency_dial_string": "112",
                                                         "pstn_usages": "all"},
                        "med:1:route:help": {"pattern": "^112$", "usages": "all",
                                             "trunks": "gw1"}})
    for node in range(2):
        wait_for("limits to be shared", lambda node=node: cluster.status(node)[
            "limits_sharing"] == "shared" and "max_calls_here" in cluster.limits(node))
        wait_for("some of them to be here", lambda node=node: int(
            cluster.limits(node)["max_calls_here"]) > 0)

    def refused(caller, number):
        sent = cluster.call(caller, number, sdp=sdp(30000))
        return cluster.peers[caller].expect("final", call_id=sent.get("Call-ID"))

    def options(name):
        """The answer to a peer's OPTIONS."""
        host, port = cluster.address(name)
        sent = cluster.peers[name].request("OPTIONS", f"sip:{host}:{port}", (host, port))
        return cluster.peers[name].expect("final", call_id=sent.get("Call-ID"))

    def told(name="n1"):
        return json.loads(cluster.redis.command("GET", f"medrun:1:status:{name}"))

    def drain(*words):
        lines = cluster.nodes[0].rpc("mediation.drain", *words).splitlines()
        return dict(line.strip().partition(": ")[::2] for line in lines)

    sent, got, final = cluster.answered("pbx1", "gw1", "+4930", sdp(30000), sdp(31000))
    t.equal(options("gw1").status, 200, "OPTIONS: here")
    t.equal((drain()["draining"], drain()["calls_up"]), ("no", "1"), "one call is up")
    t.equal(drain("on")["draining"], "yes", "drained by RPC")
    final_ = refused("pbx1", "+4931")
    t.equal((final_.status, final_.get("Retry-After")), (503, "60"), "a call from the PBX: 503")
    t.like(final_.get("Reason"), "this node is being drained", "and why")
    t.equal(refused("gw1", "+15").status, 503, "one from the gateway, too")
    t.equal([options(n).status for n in ("pbx1", "gw1")], [503, 503], "and OPTIONS of both")
    cluster.answered("pbx1", "gw1", "112", sdp(30000), sdp(31000))
    t.ok(True, "an emergency call is let through")
    wait_for("it to be told", lambda: told()["draining"] == "yes" and told()["calls_up"] == 2)
    t.equal(told("n2")["draining"], "no", "the status tells the others, which are not")
    t.like(str(cluster.redis.command("XRANGE", "medrun:1:events", "-", "+")), "'draining'",
           "and so does an event")
    cluster.at = 1
    cluster.answered("pbx1", "gw1", "+4932", sdp(30000), sdp(31000))
    t.equal(options("pbx1").status, 200, "the other node takes calls")
    cluster.at = 0
    again = pbx1.reinvite(sent, final, sdp=sdp(30002))
    gw1.reply(gw1.expect("INVITE", call_id=sent.get("Call-ID")), 200, "OK", sdp=sdp(31002))
    pbx1.expect(200, call_id=sent.get("Call-ID"))
    pbx1.ack(again, final)
    t.ok(gw1.expect("ACK", call_id=sent.get("Call-ID")), "a re-INVITE within the call passes")
    turned = Turned(got, final)
    gw1.bye(turned, turned, cseq=101)
    pbx1.reply(pbx1.expect("BYE", call_id=sent.get("Call-ID")), 200, "OK")
    t.ok(gw1.expect(200, call_id=sent.get("Call-ID")), "and its BYE")
    t.equal(drain()["calls_up"], "1", "one less is left")
    wait_for("it to be told", lambda: told()["calls_up"] == 1)
    t.equal(drain("off")["draining"], "no", "taken back")
    cluster.answered("pbx1", "gw1", "+4933", sdp(30000), sdp(31000))
    t.equal(options("gw1").status, 200, "it takes calls again")
    drain("on")
    cluster.nodes[0].stop()
    cluster.start_node(0)
    t.equal(drain()["draining"], "no", "a restart ends it")
    try:
        drain("maybe")
        t.ok(False, "another word is refused")
    except Failure as error:
        t.like(str(error), "on, off, or nothing", "another word is refused")
    t.equal(cluster.alarms(), [], "nothing critical was logged")
