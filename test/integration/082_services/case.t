#!/usr/bin/python3
"""`lookup srv`: hosts, ports, priorities and weights of a gateway from DNS."""

from case import Case
from dns import Dns
from sandbox import Failure, wait_for
from sip import sdp
from trunks import Peer, Trunks

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}
A, B, C = "127.0.0.64", "127.0.0.65", "127.0.0.66"

with Case(plan=18) as t:
    dns = Dns("127.0.0.79", {host + ".example": [("A", 60, ip)]
                             for host, ip in (("a", A), ("b", B), ("c", C))})
    trunks = Trunks(t, {
        "pbx1": PLAIN, "gw1": PLAIN,
        "itsp": {**PLAIN, "transport": "tcp", "host": A,
                 "gateway": {"address": "itsp.example", "lookup": "srv"}},
        "tls": {**PLAIN, "transport": "tls", "host": A,
                "gateway": {"address": "tls.example", "lookup": "srv"}},
        "bare": {**PLAIN, "host": A, "gateway": {"address": "a.example", "lookup": "srv"}},
    }, routes={"itsp": {"pattern": r"^\+1\d+$", "trunks": "itsp"},
               "then": {"pattern": r"^\+1\d+$", "trunks": "gw1", "priority": "1"},
               "tls": {"pattern": r"^\+2\d+$", "trunks": "tls"},
               "bare": {"pattern": r"^\+3\d+$", "trunks": "bare"},
               "in": {"pattern": r"^\+9\d+$", "trunks": "pbx1"}}, resolver="127.0.0.79")
    pbx1, gw1 = trunks.pbx1, trunks.gw1
    peers = {"a": trunks.itsp, "b": Peer(t, "tcp", host=B, user="b"),
             "c": Peer(t, "tcp", host=C, user="c")}

    def services(name, service, *records):
        dns.zone[f"{service}.{name}"] = [("SRV", 5, record) for record in records]

    def listed(name, *parts):
        return all(part in trunks.kamailio.rpc("mediation.gateways", name) for part in parts)

    def arrived(sent, *without):
        def seen():
            for name, peer in peers.items():
                if name not in without:
                    try:
                        return name, peer.expect("INVITE", 0.02, call_id=sent.get("Call-ID"))
                    except Failure:
                        continue
            return None
        return wait_for("the INVITE to arrive", seen, 5)

    def final(sent):
        return pbx1.expect("final", call_id=sent.get("Call-ID")).status

    services("itsp.example", "_sip._tcp", (10, 70, peers["a"].port, "a.example"),
             (10, 30, peers["b"].port, "B.example"), (20, 0, peers["c"].port, "c.example"))
    wait_for("the services", lambda: listed("itsp", f"{A}:{peers['a'].port}",
                                            f"{B}:{peers['b'].port}",
                                            f"{C}:{peers['c'].port}"), 30)
    t.ok(True, "each service is listed with its port")
    t.ok(not dns.count("_sip._udp.itsp.example") and not dns.count("_sips._tcp.itsp.example"),
         "services of transports that no trunk has are not asked for")

    hits = []
    for _ in range(24):
        sent = trunks.call("pbx1", "+11", sdp=sdp(30000))
        name, got = arrived(sent)
        hits.append(name)
        peers[name].reply(got, 486, "Busy Here")
        final(sent)
    t.note(f"a has weight 70, b 30: {hits.count('a')} and {hits.count('b')} calls")
    t.ok(hits.count("a") and hits.count("b"), "the best priority's are chosen by weight")
    t.equal(hits.count("c"), 0, "the next priority's not at all")
    t.like(got.uri, r"^sip:\+11@itsp\.example;transport=tcp", "a Request-URI without a port")

    sent = trunks.call("pbx1", "+11", sdp=sdp(30000))
    one, got = arrived(sent)
    peers[one].reply(got, 503, "Service Unavailable")
    two, got = arrived(sent, one)
    t.equal({one, two}, {"a", "b"}, "after 503 the other one of the same priority")
    peers[two].reply(got, 503, "Service Unavailable")
    three, got = arrived(sent, one, two)
    t.equal(three, "c", "then the next priority")
    peers[three].reply(got, 503, "Service Unavailable")
    got = gw1.expect("INVITE", call_id=sent.get("Call-ID"))
    gw1.reply(got, 486, "Busy Here")
    t.equal(final(sent), 486, "then the next trunk")

    peers["c"].request("INVITE", f"sip:+99@127.0.0.1:{trunks.local['itsp']}",
                       ("127.0.0.1", trunks.local["itsp"]), number="1", sdp=sdp(30000),
                       call_id="from-c")
    got = pbx1.expect("INVITE", call_id="from-c")
    t.ok(got, "a call from any of the hosts is this trunk's")
    pbx1.reply(got, 486, "Busy Here")
    peers["c"].expect("4xx", call_id="from-c")

    peers["a"].close()
    peers["b"].close()
    sent = trunks.call("pbx1", "+11", sdp=sdp(30000))
    name, got = arrived(sent, "a", "b")
    t.equal(name, "c", "hosts that take no connection are passed over")
    peers[name].reply(got, 200, "OK", sdp=sdp(30002))
    answer = pbx1.expect("2xx", call_id=sent.get("Call-ID"))
    pbx1.ack(sent, answer)
    peers[name].expect("ACK", call_id=sent.get("Call-ID"))
    pbx1.bye(sent, answer)
    got = peers[name].expect("BYE", call_id=sent.get("Call-ID"))
    peers[name].reply(got, 200, "OK")
    t.equal(pbx1.expect("2xx", call_id=sent.get("Call-ID")).status, 200,
            "what follows within the call goes there, too")

    # over TLS: the name that is verified is the gateway's, whichever host answers
    wrong = Peer(t, "tls", trunks.ca.issue("b", ["b.example"]), host=B, user="wrong")
    services("tls.example", "_sips._tcp", (1, 0, wrong.port, "b.example"),
             (2, 0, trunks.tls.port, "a.example"))
    wait_for("the services over TLS", lambda: listed("tls", f"{B}:{wrong.port}", f"{A}:{trunks.tls.port}"), 60)
    sent = trunks.call("pbx1", "+22", sdp=sdp(30000))
    got = wrong.expect("INVITE", call_id=sent.get("Call-ID"))
    wrong.reply(got, 200, "OK", sdp=sdp(30004))
    got = trunks.tls.expect("INVITE", call_id=sent.get("Call-ID"))
    t.ok(got, "a host whose certificate has another name is left for the next")
    trunks.tls.reply(got, 486, "Busy Here")
    t.equal(final(sent), 486, "whose answer counts")
    sent = trunks.call("pbx1", "+22", sdp=sdp(30000))
    got = trunks.tls.expect("INVITE", call_id=sent.get("Call-ID"))
    trunks.tls.reply(got, 486, "Busy Here")
    final(sent)
    t.ok(got, "with the connection up it is not even tried")

    # no such service: the name's own addresses
    wait_for("the host's address", lambda: listed("bare", f"addresses: {A}"), 10)
    sent = trunks.call("pbx1", "+33", sdp=sdp(30000))
    got = trunks.bare.expect("INVITE", call_id=sent.get("Call-ID"))
    trunks.bare.reply(got, 486, "Busy Here")
    t.equal(final(sent), 486, "without services the host serves at the trunk's port")

    services("itsp.example", "_sip._tcp", (0, 0, 0, "."))
    wait_for("the service that is none", lambda: "no such service" in
             trunks.kamailio.rpc("mediation.status"), 12)
    t.ok(listed("itsp", f"{C}:{peers['c'].port}"),
         "'.' instead of a host is warned of; what was found last serves")
    t.equal(trunks.stat("gate_blocked"), 0, "the gate kept nothing back")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
