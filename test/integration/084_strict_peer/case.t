#!/usr/bin/python3
"""A peer as strict as a provider in the cloud: our name in all that it reads, its own in the TLS
hello, and it calls from addresses that DNS does not know.
"""

import re
import socket

from case import Case
from dns import Dns
from sandbox import Failure, wait_for
from sip import SipPeer, sdp
from trunks import Answering, Peer, Trunks

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}
OURS = "mediation.example"
DNS = "127.0.0.84"


class Named(Trunks):
    """Our socket for the strict peer has our name instead of its address."""

    def listens(self):
        return {name: value + (f" advertise {OURS}:{self.local['strict']}"
                               if value.endswith(f":{self.local['strict']}") else "")
                for name, value in super().listens().items()}


class Strict(Answering):
    """403 to who does not say its name everywhere, or not what it can do."""

    methods = (b"OPTIONS", b"NOTIFY")

    def _take(self, data, link):
        text = data.decode()
        host = {"From": r"<?sip:(?:watch@)?([^>;:]+)", "Contact": r"<sip:(?:watch@)?([^>;:]+)", "Via": r"\S+ ([^;:]+)"}
        said = [re.search(rf"^{name}: {where}", text, re.M) for name, where in host.items()]
        allow = re.search(r"^Allow: (.*)\r", text, re.M)
        good = (all(found and found[1] == OURS for found in said) and allow
                and {"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REFER", "NOTIFY"}
                <= set(re.split(r",\s*", allow[1])))
        self.code = 200 if good else 403
        super()._take(data, link)


with Case(plan=16) as t:
    dns = Dns(DNS, {OURS: [("A", 60, "127.0.0.1")], "strict.example": [("A", 60, "127.0.0.1")],
                    "loose.example": [("A", 60, "127.0.0.1")]})
    trunks = Named(t, {
        "gw1": PLAIN,
        "strict": {**PLAIN, "transport": "tls", "options_interval_s": "1",
                   "options_failure_codes": "403,408,503", "options_max_misses": "1",
                   "options_down_interval_s": "1",
                   "from_host": "domain", "domain": "inside.example",
                   "gateway": {"address": "strict.example"}},
        "quiet": {**PLAIN, "transport": "tls"},
        "loose": {**PLAIN, "gateway": {"address": "loose.example", "source": "127.0.0.32/28"}},
    }, routes={"1": {"pattern": r"^\+49", "trunks": "strict"}, "2": {"pattern": r"^\+41", "trunks": "quiet"},
               "3": {"pattern": r"^\+43", "trunks": "gw1"}}, resolver=DNS)
    told, strict = [], Strict(trunks.strict)
    trunks.strict._tls_server.sni_callback = lambda _socket, name, _context: told.append(name)

    def state():
        return re.search(r"^\s*state: (\w+)", trunks.kamailio.rpc("mediation.trunks", "strict"), re.M)[1]

    wait_for("the trunk to be down", lambda: state() == "down")
    t.ok("inside.example" in strict.seen[-1].get("From"), "another name in From: refused, and it is down")
    trunks.redis.hset("med:1:profile:trunk:strict", from_host="fqdn")
    t.ok(wait_for("the trunk to be up", lambda: state() == "up"), "ours in From, Contact and Via: up")
    t.equal(set(told), {"strict.example"}, "it is told its name before it shows its certificate")

    asked = strict.seen[-1]
    t.equal(asked.get("Allow"), "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, NOTIFY, REFER",
            "Allow, where the profile says nothing of it")
    trunks.redis.hset("med:1:profile:trunk:strict", options_method="NOTIFY", options_user="watch",
                      options_allow="REFER,NOTIFY,OPTIONS,BYE,CANCEL,ACK,INVITE")
    wait_for("another request", lambda: strict.seen[-1].method == "NOTIFY")
    asked = strict.seen[-1]
    t.like(asked.get("From") + asked.get("Contact"), rf"<sip:watch@{OURS}>.*<sip:watch@{OURS}:",
           "options_method, and options_user in From and Contact")
    t.equal(asked.get("Allow"), "INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY, REFER", "options_allow")

    trunks.redis.load({"med:1:pool:pool1": {"fqdn": OURS}})
    trunks.redis.hset("med:1:trunk:strict", mediation_server="pool1")
    wait_for("the pool", lambda: "pool1" in trunks.kamailio.rpc("mediation.trunks", "strict"))
    sent = trunks.call("gw1", "+4930", sdp=sdp(30000))
    got = trunks.strict.expect("INVITE")
    t.like(got.get("Record-Route"), rf"^<sip:{OURS}:{trunks.local['strict']};transport=tls",
           "a call: its topmost Record-Route is our name")
    t.like(got.get("Via"), rf"^SIP/2.0/TLS {OURS}:", "Via as well")
    t.like(got.get("From"), rf"@{OURS}", "and From")
    trunks.strict.reply(got, 200, "OK", sdp=sdp(32000))
    final = trunks.gw1.expect("2xx")
    trunks.gw1.ack(sent, final)
    ack = trunks.strict.expect("ACK")
    t.equal(ack.link, got.link, "on the connection that was made for the name")
    trunks.gw1.bye(sent, final)
    trunks.strict.reply(trunks.strict.expect("BYE"), 200, "OK")
    trunks.gw1.expect(200)

    # Where a call makes the connection, and a request within it another one.
    hellos = []
    trunks.quiet._tls_server.sni_callback = lambda _socket, name, _context: hellos.append(name)
    sent, got, final = trunks.answered("gw1", "quiet", "+4130", sdp(30000), sdp(32000))
    t.equal(hellos, ["quiet.example"], "a call that connects tells the name too")
    for link in list(trunks.quiet._links.values()):
        link.sock.shutdown(socket.SHUT_RDWR)
    wait_for("the connection to go", lambda: f": {trunks.quiet.port}\n" not in
             trunks.kamailio.rpc("core.tcp_list"))
    trunks.gw1.bye(sent, final)
    trunks.quiet.reply(trunks.quiet.expect("BYE"), 200, "OK")
    trunks.gw1.expect(200)
    t.equal(hellos, 2 * ["quiet.example"], "and so does a request within it, once that is lost")

    # From where DNS does not say it is.
    def ends(peer, name):
        sent = peer.request("INVITE", f"sip:+4330@127.0.0.1:{trunks.local[name]}", trunks.address(name),
                            sdp=sdp(30000))
        try:
            got = trunks.gw1.expect("INVITE", 3, call_id=sent.get("Call-ID"))
        except Failure:
            return peer.expect("final", call_id=sent.get("Call-ID")).status
        trunks.gw1.reply(got, 486, "Busy Here")
        return peer.expect("4xx", call_id=sent.get("Call-ID")).status

    def elsewhere(host, san):
        return Peer(t, "tls", trunks.ca.issue(san, [san]), user="elsewhere", host=host)

    t.equal(ends(elsewhere("127.0.0.33", "strict.example"), "strict"), 486,
            "over TLS it is known by its certificate, wherever it calls from")
    t.equal(ends(elsewhere("127.0.0.1", "other.example"), "strict"), 403,
            "and nobody else is, though from its address")
    t.equal([ends(SipPeer(t, user="udp", host=host), "loose") for host in ("127.0.0.33", "127.0.0.48")],
            [486, 403], "over UDP by the subnets it is said to call from")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
