"""Two nodes, one of which asks the trunk gw1 by OPTIONS for both.

    t.equal(cluster.prober(0), "n1", ...)
    cluster.spared(1)                   # waits until the second node asks no more
"""

from cluster import HOSTS, Cluster
from sandbox import wait_for
from sip import sdp
from trunks import Answering

PLAIN = {"srtp_mode": "not_supported", "anchor": "no", "trying_timeout_ms": "1000"}
WATCHED = {**PLAIN, "options_interval_s": "1", "options_down_interval_s": "1",
           "options_timeout_ms": "400", "options_max_misses": "2", "options_up_after": "1"}
NAMES = ["n1", "n2"]


class Asking(Cluster):
    """`asks`: the node that asks when both are up, `other` the other one."""

    def __init__(self, sandbox):
        super().__init__(sandbox, {"pbx1": PLAIN, "gw1": WATCHED},
                         lines='modparam("mediation", "health_share_ttl", 3)\n'
                               'modparam("mediation", "pool", "pool-{node}")\n',
                         routes={"one": {"pattern": r"^\+49\d+$", "trunks": "gw1"}})
        self.asked = Answering(self.gw1)
        wait_for("one to ask for both", lambda: self.prober(0) == self.prober(1) != "")
        self.asks = NAMES.index(self.prober(0))
        self.other = 1 - self.asks
        wait_for("the other to be told of an answer", lambda: "vouched_at" in self.shown(self.other))

    def shown(self, node):
        lines = self.nodes[node].rpc("mediation.trunks", "gw1").splitlines()
        return dict(line.strip().partition(": ")[::2] for line in lines)

    def state(self, node):
        return self.shown(node)["state"]

    def becomes(self, node, what):
        wait_for(f"gw1 to be {what} to node {node + 1}", lambda: self.state(node) == what)
        return True

    def prober(self, node):
        return self.status(node).get("prober", "")

    def probers(self, first, second):
        wait_for(f"probers to be {first}, {second}",
                 lambda: [self.prober(0), self.prober(1)] == [first, second])
        return True

    def questions(self, node):
        return sum(got.link[0] == HOSTS[node] for got in self.asked.seen)

    def meanwhile(self, node, count):
        """How many OPTIONS the other node sends while this one sends so many."""
        other, before = self.questions(1 - node), self.questions(node)
        wait_for(f"{count} OPTIONS of node {node + 1} after {before}",
                 lambda: self.questions(node) >= before + count)
        return self.questions(1 - node) - other

    def asks_too(self, node):
        wait_for(f"node {node + 1} to ask as often", lambda: self.meanwhile(1 - node, 3) >= 2)
        return True

    def spared(self, node):
        wait_for(f"node {node + 1} to ask no more", lambda: self.meanwhile(1 - node, 3) == 0)
        return True

    def answered_with(self, node, code):
        """The final answer of a call by that node that gw1 answers with this code."""
        self.at = node
        sent = self.call("pbx1", "+4930", sdp=sdp(30000))
        self.gw1.reply(self.gw1.expect("INVITE", call_id=sent.get("Call-ID")), code, "So be it")
        return self.pbx1.expect("final", call_id=sent.get("Call-ID")).status
