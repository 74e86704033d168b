#!/usr/bin/python3
"""A gateway named in DNS: all its addresses are tried, and take calls; they may change."""

from case import Case
from dns import Dns
from sandbox import wait_for
from sip import sdp
from trunks import Peer, Trunks

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}
A, B, C = "127.0.0.61", "127.0.0.62", "127.0.0.63"


def addresses(trunks):
    lines = trunks.kamailio.rpc("mediation.gateways", "named").splitlines()
    return [line.split(":", 1)[1].strip() for line in lines if "addresses:" in line]


with Case(plan=22) as t:
    dns = Dns("127.0.0.78", {"gw.example": [("A", 5, B), ("A", 5, A)]})
    trunks = Trunks(t, {
        "pbx1": PLAIN, "gw1": PLAIN,
        "named": {**PLAIN, "host": A, "gateway": {"address": "gw.example"}},
        "ip": {**PLAIN, "request_uri_host": "ip", "to_host": "ip",
               "gateway": {"address": "gw.example"}},
    }, routes={"named": {"pattern": r"^\+1\d+$", "trunks": "named"},
               "then": {"pattern": r"^\+1\d+$", "trunks": "gw1", "priority": "1"},
               "ip": {"pattern": r"^\+3\d+$", "trunks": "ip"},
               "in": {"pattern": r"^\+2\d+$", "trunks": "pbx1"}}, resolver="127.0.0.78")
    pbx1, gw1 = trunks.pbx1, trunks.gw1
    port = trunks.named.port
    peers = {A: trunks.named, **{host: Peer(t, host=host, port=port, user="named")
                                 for host in (B, C)}}
    wait_for("the name to be known", lambda: addresses(trunks))
    t.equal(addresses(trunks), [f"{A},{B}"], "both addresses are listed, in order")

    def ring(number="+11"):
        """An INVITE from pbx1, and the address that it is at now."""
        sent = trunks.call("pbx1", number, sdp=sdp(30000))
        return sent, *arrived(sent)

    def arrived(sent, *without):
        def seen():
            for host, peer in peers.items():
                if host not in without:
                    try:
                        return host, peer.expect("INVITE", 0.02, call_id=sent.get("Call-ID"))
                    except Exception:
                        continue
            return None
        return wait_for("the INVITE to arrive", seen)

    sent, first, got = ring()
    t.like(got.uri, rf"^sip:\+11@gw\.example:{port};", "the Request-URI has the name")
    peers[first].reply(got, 503, "Service Unavailable")
    second, got = arrived(sent, first)
    t.ok({first, second} == {A, B}, "after 503 the same trunk's other address is tried")
    peers[second].reply(got, 503, "Service Unavailable")
    got = gw1.expect("INVITE", call_id=sent.get("Call-ID"))
    t.ok(got, "after that the next trunk")
    gw1.reply(got, 486, "Busy Here")
    t.equal(pbx1.expect("4xx", call_id=sent.get("Call-ID")).status, 486, "its answer counts")

    hosts = []
    for _ in range(4):
        sent, host, got = ring()
        hosts.append(host)
        peers[host].reply(got, 486, "Busy Here")
        pbx1.expect("4xx", call_id=sent.get("Call-ID"))
    t.equal(sorted(hosts), [A, A, B, B], "calls go to either in turn")

    sent, host, got = ring()
    peers[host].told = f"<sip:named@gw.example:{port}>"  # its Contact has the name, too
    peers[host].reply(got, 200, "OK", sdp=sdp(30002))
    final = pbx1.expect("2xx", call_id=sent.get("Call-ID"))
    pbx1.ack(sent, final)
    t.ok(peers[host].expect("ACK", call_id=sent.get("Call-ID")),
         "the ACK is at the address that answered, by name or not")
    pbx1.bye(sent, final)
    got = peers[host].expect("BYE", call_id=sent.get("Call-ID"))
    peers[host].reply(got, 200, "OK")
    t.equal(pbx1.expect("2xx", call_id=sent.get("Call-ID")).status, 200, "and the BYE")
    peers[host].told = None

    def from_peer(host, status):
        sent = peers[host].request(
            "INVITE", f"sip:+22@127.0.0.1:{trunks.local['named']}",
            ("127.0.0.1", trunks.local["named"]), number="1", sdp=sdp(30000))
        return peers[host].expect(status, call_id=sent.get("Call-ID")).status == status, sent

    for host in (A, B):
        known, sent = from_peer(host, 100)
        t.ok(known, f"a call from {host} is this trunk's, without a source written")
        got = pbx1.expect("INVITE", call_id=sent.get("Call-ID"))
        pbx1.reply(got, 486, "Busy Here")
        peers[host].expect("4xx", call_id=sent.get("Call-ID"))
    t.ok(from_peer(C, 403)[0], "one from another address is nobody's")

    trunks.redis.hset("med:1:trunk:ip", port=str(port))
    wait_for("the port", lambda: f"port: {port}" in trunks.kamailio.rpc("mediation.trunks", "ip"))
    sent, host, got = ring("+33")
    t.like(got.uri, rf"^sip:\+33@{host}:{port};", "request_uri_host ip: the address it was sent to")
    t.like(got.get("To"), rf"@{host}[;>]", "to_host ip: too")
    peers[host].reply(got, 486, "Busy Here")
    pbx1.expect("4xx", call_id=sent.get("Call-ID"))

    dns.zone["gw.example"] = [("CNAME", 60, "other.example")]
    dns.zone["other.example"] = [("A", 60, C)]
    wait_for("the change to be seen", lambda: addresses(trunks) == [C])
    t.ok(True, "DNS has another address behind an alias: it is in force")
    known, sent = from_peer(C, 100)
    t.ok(known, "calls from there are this trunk's")
    got = pbx1.expect("INVITE", call_id=sent.get("Call-ID"))
    pbx1.reply(got, 486, "Busy Here")
    peers[C].expect("4xx", call_id=sent.get("Call-ID"))
    t.ok(from_peer(A, 403)[0], "calls from where it was are nobody's")
    sent, host, got = ring()
    t.equal(host, C, "calls go there")
    peers[C].reply(got, 486, "Busy Here")
    pbx1.expect("4xx", call_id=sent.get("Call-ID"))

    trunks.redis.hset("med:1:gateway:named", address=A)
    wait_for("an address in its place",
             lambda: not addresses(trunks))
    t.ok(from_peer(A, 100)[0], "an address written in place of the name")
    trunks.redis.hset("med:1:gateway:named", address="gw.example")
    wait_for("the name again", lambda: addresses(trunks) == [C])
    t.ok(True, "and the name again: known at once")
    wait_for("the names in the status",
             lambda: "names: 2" in trunks.kamailio.rpc("mediation.status"))
    t.ok(True, "the status counts names")
    t.equal(trunks.stat("gate_blocked"), 0, "the gate kept nothing back")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
