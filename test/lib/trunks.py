"""Kamailio with the module, and peers scripted by hand on its trunks.

    trunks = Trunks(t, {"pbx1": {"transport": "tls"}, "gw1": {"transport": "tcp"}})
    invite = trunks.call("pbx1", "00301234567", sdp=sdp(30000))
    got = trunks.gw1.expect("INVITE")

All gateways are IP-PBXs unless told otherwise, so that any may call any. Each trunk has a
local port of its own, a SipPeer of its name, a profile with what is not
`transport` of its dict (none is down unless it says so), and one route for each number that begins with its prefix.
"""

import os
import re

from certs import Authority
from kamailio import Kamailio
from redis import RedisServer
from rtpengine import Rtpengine
from sandbox import TOP, Failure, wait_for
from sip import Message, SipPeer

TLS_CONFIG = """\
[server:default]
method = TLSv1.2+
private_key = {c.key}
certificate = {c.cert}
ca_list = {c.ca}
verify_certificate = {verify}
require_certificate = {require}

[client:default]
method = TLSv1.2+
private_key = {c.key}
certificate = {c.cert}
ca_list = {c.ca}
verify_certificate = yes
require_certificate = yes
"""


# What failed before does not change which trunk is next.
UNWATCHED = {"options_interval_s": "0", "suspect_after": "0", "down_after": "0"}


class Peer(SipPeer):
    """A peer that may tell another Contact than where it listens: `peer.told = "<sip:..>"`."""

    told = None

    @property
    def contact(self):
        return self.told or f"<sip:{self.user}@{self.host}:{self.port};transport={self.transport}>"


class Answering:
    """Answers a peer's OPTIONS, in the thread that reads them; with code 0 it does not."""

    methods = (b"OPTIONS",)

    def __init__(self, peer, code=200):
        self.peer, self.code, self.seen = peer, code, []
        self._rest, peer._take = peer._take, self._take

    def _take(self, data, link):
        if not data.startswith(self.methods):
            self._rest(data, link)
            return
        message = Message(data.decode(), link)
        self.seen.append(message)
        if self.code:
            self.peer.reply(message, self.code, "So be it")


class Turned:
    """The callee's view of a dialog, as the SipPeer's in-dialog methods want it."""

    def __init__(self, invite, reply):
        self.link, self.uri = invite.link, invite.uri
        self._headers = {"From": reply.get("To"), "To": invite.get("From"),
                         "Call-ID": invite.get("Call-ID"), "CSeq": "100 INVITE",
                         "Contact": invite.get("Contact")}
        self._routes = [r for line in invite.all("Record-Route") for r in line.split(",")]

    def get(self, name):
        return self._headers.get(name, "")

    def all(self, name):
        return self._routes[::-1] if name == "Record-Route" else []


class Trunks:
    """
    trunks     {name: {"transport": .., "san": [..], profile fields}}; `trunk` and `gateway`
               hold further fields of those objects; `host`: another address for its peer
    routes     {id: fields}; default: every number to every trunk that is not the caller's
    media      True: rtpengine with the plugin, "plain": rtpengine alone, None: no rtpengine
    config     a file of kamailio-cfg, or a path
    resolver   address of the DNS server that Kamailio is to ask, instead of the system's
    host       where all of them listen; one of IPv6, too
    without    trunks that get a port but no SipPeer
    """

    def __init__(self, sandbox, trunks, routes=None, rules=None, media=None,
                 config="kamailio.cfg", defines=None, verify=True, media_address="127.0.0.2",
                 resolver=None, host="127.0.0.1", without=()):
        self.sandbox, self.names, self.resolver = sandbox, list(trunks), resolver
        self.host, self.uri_host = host, f"[{host}]" if ":" in host else host
        self.ca = Authority(sandbox.path("ca"))
        self.redis = RedisServer(sandbox)
        self.local, self.peers, self.far = {}, {}, {}
        for name, fields in trunks.items():
            transport = fields.get("transport", "udp")
            self.local[name] = self.local_port(name)
            certificate = None
            if transport == "tls":
                certificate = self.ca.issue(name, fields.get("san", [f"{name}.example"]),
                                            cn=fields.get("cn"))
            if name in without:
                self.far[name] = sandbox.port()
                continue
            self.peers[name] = Peer(sandbox, transport, certificate, user=name,
                                    host=fields.get("host", host))
            setattr(self, name, self.peers[name])
        self.trunks = trunks
        self.redis.load(self._objects(routes or {}, rules or {}))
        self.rtpengine, ng_port = None, sandbox.port()
        if media:
            self.rtpengine = Rtpengine(sandbox, address=media_address, plugin=media is True)
            ng_port = self.rtpengine.listener
        own = self.ca.issue("mediation", ["mediation.example"])
        tls = any(f.get("transport") == "tls" for f in trunks.values())
        self.control = sandbox.path("kamailio.ctl")
        self.defines = {
            "REDIS_URL": f'"{self.redis.url}"', "NG_SOCK": f'"udp:127.0.0.1:{ng_port}"',
            "RUN_DIR_CTL": f'"unix:{self.control}"', "NODE_KEY": '"a test"', "WORKERS": "2",
            **({"TLS_CONFIG": '"%s"' % sandbox.write("tls.cfg", TLS_CONFIG.format(
                c=own, verify="yes" if verify else "no",
                require="yes" if verify else "no"))} if tls else {}),
            **self.listens(), **(defines or {})}
        self.config = config if "/" in config else os.path.join(TOP, "kamailio-cfg", config)
        self.start()
        if media is True:
            wait_for("the policy listener to be seen", lambda: "yes" in self.listener())

    def start(self):
        tcp = [port for name, port in self.local.items()
               if self.trunks[name].get("transport", "udp") != "udp"]
        self.kamailio = Kamailio(self.sandbox, self.config, control=self.control, tcp=tcp,
                                 defines=self.defines, wrapper=self._resolver(), host=self.host)
        wait_for("the configuration to be loaded", self._loaded)

    def _resolver(self):
        """Runs Kamailio with a resolv.conf of its own, in a mount namespace."""
        if not self.resolver:
            return ()
        conf = self.sandbox.write("resolv.conf", f"nameserver {self.resolver}\n")
        return ("unshare", "--mount", "sh", "-c",
                f'mount --bind {conf} /etc/resolv.conf && exec "$@"', "sh")

    def listens(self):
        """Kamailio's sockets: LISTEN_1 and so on."""
        return {f"LISTEN_{number}": f"{self.trunks[name].get('transport', 'udp')}:"
                                    f"{self.uri_host}:{self.local[name]}"
                for number, name in enumerate(self.names, 1)}

    def local_port(self, _name):
        """Where a trunk comes in: each at a port of its own."""
        return self.sandbox.port()

    def port_of(self, name):
        """Where the far end of a trunk listens."""
        return self.peers[name].port if name in self.peers else self.far[name]

    def _loaded(self):
        try:
            listed = self.kamailio.rpc("mediation.trunks")
        except Failure:
            return False
        return all(name in listed for name in self.names)

    def listener(self):
        """The lines of mediation.status about the policy listener."""
        return self.kamailio.rpc("mediation.status")

    def _objects(self, routes, rules):
        found = {}
        for name, fields in self.trunks.items():
            fields = dict(fields)
            transport = fields.pop("transport", "udp")
            fields.pop("san", None)
            fields.pop("cn", None)
            found[f"gateway:{name}"] = {
                "address": fields.pop("host", self.host), "peer": "ip_pbx",
                **({"tls_name": f"{name}.example"} if transport == "tls" else {}),
                **fields.pop("gateway", {})}
            found[f"trunk:{name}"] = {
                "gateway": name, "transport": transport, "port": self.port_of(name),
                "local_port": self.local[name], **fields.pop("trunk", {})}
            found[f"profile:trunk:{name}"] = {"pstn_usages": "all", **UNWATCHED, **fields}
        for identity, fields in routes.items():
            found[f"route:{identity}"] = {"usages": "all", **fields}
        for identity, texts in rules.items():
            found[f"rules:{identity}"] = {f"rule.{n}": text for n, text in enumerate(texts)}
        return {f"med:1:{key}": fields for key, fields in found.items()}

    def address(self, name):
        return self.host, self.local[name]

    def call(self, name, number, calling="1000", **more):
        """An INVITE from this trunk's peer."""
        return self.peers[name].request(
            "INVITE", f"sip:{number}@{self.uri_host}:{self.local[name]}", self.address(name),
            number=calling, **more)

    def answered(self, caller, callee, number, offer, answer, calling="1000"):
        """A call that is up: (INVITE as sent, INVITE as got, 200 as the caller got it)."""
        sent = self.call(caller, number, calling, sdp=offer)
        call_id = sent.get("Call-ID")
        got = self.peers[callee].expect("INVITE", call_id=call_id)
        self.peers[callee].reply(got, 200, "OK", sdp=answer)
        final = self.peers[caller].expect("2xx", call_id=call_id)
        self.peers[caller].ack(sent, final)
        self.peers[callee].expect("ACK", call_id=call_id)
        return sent, got, final

    def stat(self, name):
        """One of the module's totals."""
        text = self.kamailio.rpc("stats.get_statistics", f"{name}")
        return int(text.split("=")[-1].split()[0])

    def alarms(self):
        """What Kamailio logged as critical, or as a bug of its own or ours."""
        return self.kamailio.alarms()

    def raw_bytes(self):
        """Messages of the module with control bytes. Two processes may write into one line."""
        messages = re.split(r"(?=\b\d+\(\d+\) [A-Z]+: )", self.kamailio.log())
        return [text for text in (message.split("\n")[0] for message in messages)
                if "mediation [" in text and re.search(r"[\x00-\x08\x7f]", text)]

    def lines(self, *words):
        """Log lines that hold all these words."""
        return [line for line in self.kamailio.log().splitlines()
                if all(word in line for word in words)]
