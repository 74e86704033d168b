#!/usr/bin/python3
"""OPTIONS to a gateway named in DNS: to its addresses, and never held up by DNS."""

from case import Case
from dns import Dns
from sandbox import wait_for
from trunks import Answering, Peer, Trunks

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}
QUIET = {**PLAIN, "options_interval_s": "0"}
FAST = {**PLAIN, "options_interval_s": "1", "options_down_interval_s": "1",
        "options_timeout_ms": "400", "options_max_misses": "2", "trying_timeout_ms": "400"}
A, B = "127.0.0.67", "127.0.0.68"


with Case(plan=8) as t:
    dns = Dns("127.0.0.83", {"gw.example": [("A", 5, A), ("A", 5, B)]})
    trunks = Trunks(t, {
        "pbx1": QUIET,
        "named": {**FAST, "host": A, "gateway": {"address": "gw.example"}},
        "lost": {**FAST, "gateway": {"address": "lost.example"}},
    }, resolver="127.0.0.83")
    first = Answering(trunks.named, 0)
    second = Answering(Peer(t, host=B, port=trunks.named.port, user="second"), 200)

    def state(name):
        for line in trunks.kamailio.rpc("mediation.trunks", name).splitlines():
            if line.strip().startswith("state: "):
                return line.split(": ")[1]
        return None

    def probes(answering):
        return len({message.get("Call-ID") for message in answering.seen})

    wait_for("both to be asked", lambda: first.seen and second.seen, 10)
    t.ok(True, "the address that does not answer is followed by the next one")
    t.like(second.seen[0].uri, r"^sip:gw\.example:", "the Request-URI has the name")
    count, asked = probes(first), len(second.seen)
    wait_for("the next ones", lambda: len(second.seen) >= asked + 2, 10)
    t.equal(probes(first), count, "the one that answers is asked from then on")
    t.equal(state("named"), "up", "the trunk is up as long as one answers")

    dns.silent = True
    before = dns.count("gw.example")
    wait_for("silence", lambda: dns.count("gw.example") > before, 10)
    asked = len(second.seen)
    wait_for("OPTIONS meanwhile", lambda: len(second.seen) >= asked + 2, 4)
    t.ok(True, "a DNS server that is silent holds nobody up")
    t.equal(trunks.lost.expect_none("OPTIONS", 0.1), None, "a name without address: nothing")

    second.code = 0
    wait_for("the trunk to be down", lambda: state("named") == "down", 10)
    t.ok(True, "when none answers it is down")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
