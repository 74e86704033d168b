#!/usr/bin/python3
"""DNS servers that say nothing, or nonsense, hold no worker; what was known serves on."""

import time

from case import Case
from dns import Dns
from sandbox import wait_for
from sip import sdp
from trunks import Trunks

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}

with Case(plan=15) as t:
    dns = Dns("127.0.0.77")
    dns.silent = True
    trunks = Trunks(t, {
        "pbx1": PLAIN, "gw1": PLAIN,
        "named": {**PLAIN, "gateway": {"address": "gw.example", "source": "127.0.0.50"}},
    }, routes={"named": {"pattern": r"^\+1\d+$", "trunks": "named"},
               "gw1": {"pattern": r"^\+4\d+$", "trunks": "gw1"}}, resolver="127.0.0.77")
    pbx1, gw1, named = trunks.pbx1, trunks.gw1, trunks.named

    def healthy():
        """How long a call to a gateway with an address takes, in seconds."""
        started = time.monotonic()
        sent = trunks.call("pbx1", "+49", sdp=sdp(30000))
        got = gw1.expect("INVITE", call_id=sent.get("Call-ID"))
        took = time.monotonic() - started
        gw1.reply(got, 486, "Busy Here")
        pbx1.expect("4xx", call_id=sent.get("Call-ID"))
        return took

    def refused():
        sent = trunks.call("pbx1", "+11", sdp=sdp(30000))
        return pbx1.expect("final", call_id=sent.get("Call-ID")).status

    def warned(*words):
        status = trunks.kamailio.rpc("mediation.status")
        return all(word in status for word in words)

    wait_for("the DNS server to be asked", lambda: dns.count("gw.example"))
    started = time.monotonic()
    t.equal([refused() for _ in range(4)], [503] * 4, "calls to a name never found: 503")
    took = time.monotonic() - started
    t.note(f"four of them took {took:.3f} s")
    t.ok(took < 3, "at once")
    times = [healthy() for _ in range(5)]
    t.note(f"calls to a gateway with an address took up to {max(times):.3f} s")
    t.ok(sorted(times)[2] < 1, "other calls go on meanwhile")
    wait_for("the warning",
             lambda: warned("gateway:named", "'gw.example' cannot be looked up: no DNS server"))
    t.ok(True, "the status says which name is not found, and why")
    t.like(trunks.kamailio.rpc("mediation.explain", "pbx1", "-", "+11"),
           r"trunk 'named' has a gateway whose name has no known address", "explain says it, too")

    dns.silent, dns.garbage = False, True
    wait_for("garbage to be answered", lambda: dns.count("gw.example") > 3)
    t.equal(refused(), 503, "an answer that is none is none")
    t.ok(healthy() < 1, "and hurts nobody else")

    dns.garbage = False
    dns.zone["gw.example"] = [("A", 0, "127.0.0.1")]
    wait_for("the name to be found",
             lambda: "addresses: 127.0.0.1" in trunks.kamailio.rpc("mediation.gateways", "named"), 30)
    t.ok(True, "once the server has it, the name is found without a restart")

    def serves(what):
        sent = trunks.call("pbx1", "+11", sdp=sdp(30000))
        got = named.expect("INVITE", call_id=sent.get("Call-ID"))
        named.reply(got, 486, "Busy Here")
        t.equal(pbx1.expect("4xx", call_id=sent.get("Call-ID")).status, 486, what)

    serves("calls go there")
    wait_for("the warning to end", lambda: not warned("gateway:named"))
    before = dns.count("gw.example")
    wait_for("TTL 0 to be over", lambda: dns.count("gw.example") > before)
    t.ok(dns.count("gw.example") < before + 4, "a TTL of 0 is not asked for at each call")

    dns.zone.clear()  # NXDOMAIN
    wait_for("NXDOMAIN to be told", lambda: warned("'gw.example' has no address in DNS"))
    serves("a name that is gone: the last good address serves")
    dns.silent = True
    started = dns.count("gw.example")
    wait_for("silence", lambda: dns.count("gw.example") > started)
    serves("and while the server is silent again")
    t.equal(len(trunks.lines("'gw.example' has no address in DNS")), 1, "the log has it once")
    t.like(trunks.kamailio.rpc("mediation.status"), "names_troubled: 1", "the status counts it")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
