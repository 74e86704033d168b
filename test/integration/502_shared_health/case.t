#!/usr/bin/python3
"""A trunk that is down to one node is asked at once by the other, which judges for itself."""

import re
import time

from case import Case
from cluster import HOSTS, Cluster
from sandbox import wait_for
from sip import sdp
from trunks import Answering

PLAIN = {"srtp_mode": "not_supported", "anchor": "no", "trying_timeout_ms": "500"}
# Asked once an hour, and every few seconds after a miss; one failed call takes it down.
WATCHED = {**PLAIN, "options_interval_s": "3600", "options_timeout_ms": "300",
           "options_max_misses": "200", "down_after": "1", "retry_down_s": "600"}

with Case(plan=18) as t:
    cluster = Cluster(t, {"pbx1": PLAIN, "gw1": WATCHED, "gw2": PLAIN},
                      lines='modparam("mediation", "health_share_ttl", 3)\n',
                      routes={"one": {"pattern": r"^\+49\d+$", "trunks": "gw1*0,gw2*0"}})
    pbx1, gw1, gw2 = cluster.pbx1, cluster.gw1, cluster.gw2
    asked = Answering(gw1, 0)

    def shown(node):
        lines = cluster.nodes[node].rpc("mediation.trunks", "gw1").splitlines()
        return dict(line.strip().partition(": ")[::2] for line in lines)

    def order(node):
        text = cluster.nodes[node].rpc("mediation.explain", "pbx1", "-", "+4930")
        return re.findall(r"\n\t\t\ttrunk: (\w+)", text)

    def call(node, *answers):
        """A call that each of these (peer, code) refuses in turn; how long it took."""
        cluster.at, began = node, time.monotonic()
        sent = cluster.call("pbx1", "+4930", sdp=sdp(30000))
        for peer, code in answers:
            peer.reply(peer.expect("INVITE", call_id=sent.get("Call-ID")), code, "So be it")
        final = pbx1.expect("final", call_id=sent.get("Call-ID"))
        t.equal(final.status, answers[-1][1], f"node {node + 1} calls {len(answers)} trunks")
        return time.monotonic() - began

    def hinted(node, yes=True):
        wait_for(f"node {node + 1} to {'be' if yes else 'forget what it was'} told",
                 lambda: (cluster.status(node)["trunks_down_elsewhere"] == "1") == yes)

    t.equal(order(1), ["gw1", "gw2"], "nobody has said anything")
    call(0, (gw1, 503), (gw2, 486))
    t.equal((shown(0)["state"], order(0)), ("down", ["gw2", "gw1"]), "down to the first node")
    hinted(1)
    t.equal((shown(1)["state"], shown(1)["down_elsewhere"]), ("up", "1"),
            "the other is told, and judges for itself")
    wait_for("OPTIONS of the other", lambda: HOSTS[1] in [got.link[0] for got in asked.seen])
    t.ok(True, "it asks the trunk, at once")
    t.equal(order(1), ["gw2", "gw1"], "until that is answered the trunk comes after others")
    call(1, (gw2, 486))
    asked.code = 200
    wait_for("the next OPTIONS to be answered", lambda: order(1) == ["gw1", "gw2"])
    call(1, (gw1, 486))
    t.equal((shown(0)["state"], shown(1)["down_elsewhere"]), ("down", "1"),
            "answered: it goes by what it saw, whatever the first node thinks")
    t.equal(len(cluster.lines_of(1, "trunk 'gw1'", "as another node sees it")), 1,
            "the log says it once")
    call(0, (gw2, 503), (gw1, 486))
    hinted(1, False)
    t.equal(shown(0)["state"], "up", "up again, which the other is told too")

    # Without Redis each is where it was.
    asked.code = 0
    call(0, (gw1, 503), (gw2, 486))
    hinted(1)
    wait_for("it to be asked", lambda: order(1) == ["gw2", "gw1"])
    cluster.relays[1].cut()
    hinted(1, False)
    t.equal(order(1), ["gw1", "gw2"], "cut off: what it was told is forgotten")
    t.ok(call(1, (gw1, 486)) < 2.5, "and a call waits for nobody")
    cluster.relays[1].mend()
    hinted(1)
    cluster.nodes[0].process.kill()
    # The clock of Redis is set back at that moment.
    ahead = int((time.time() + 3600) * 1000)
    cluster.redis.command("HSET", "medrun:1:health", "n1", f"{ahead} gw1")
    hinted(1, False)
    t.equal(order(1), ["gw1", "gw2"], "the word of a node that died ends with it")
    t.equal(cluster.alarms(), [], "nothing critical was logged")
