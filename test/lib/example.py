"""A worked example of kamailio-cfg/examples as it lies there, on loopback.

    example = Example(t, "pbx-and-pstn")
    call = example.call("pbx1", "00301234567", sdp=sdp(30000))

Its objects.conf is applied by medctl and its kamailio.cfg started. Only places differ: each
gateway gets an address of loopback and a peer of its trunk's name, each port one of ours. A
gateway that is named by FQDN keeps that as the name its certificate must carry.
"""

import os
import re

from medctl import Medctl
from phone import Phone
from sandbox import TOP, Failure, wait_for
from sip import sdp
from trunks import Trunks

FOLDER = os.path.join(TOP, "kamailio-cfg", "examples")
PORTS = {"tls": 5067, "tcp": 5068, "udp": 5060}


def sections(text):
    """[(head, {field: value})] of an objects file."""
    found = []
    for line in text.splitlines():
        if line.startswith("["):
            found.append((line.strip("[] "), {}))
        elif "=" in line and not line.startswith("#"):
            name, value = line.split("=", 1)
            found[-1][1][name.strip()] = value.strip()
    return found


class Example(Trunks):
    """
    without  trunks whose far end is not scripted: a port and an address are kept for it
    """

    def __init__(self, sandbox, name, media=True, defines=None, without=()):
        self.folder, self.phones = os.path.join(FOLDER, name), []
        with open(os.path.join(self.folder, "objects.conf"), encoding="utf-8") as file:
            self.sections = sections(file.read())
        objects = dict(self.sections)
        with open(os.path.join(self.folder, "kamailio.cfg"), encoding="utf-8") as file:
            text = file.read()
        found = re.findall(r"#!define (LISTEN_\d) (\w+):[\d.]+:(\d+)", text)
        self.ports = {(proto, int(port)): sandbox.port() for _, proto, port in found}
        self.sockets = {define: f"{proto}:127.0.0.1:{self.ports[proto, int(port)]}"
                        for define, proto, port in found}
        self.users_port = sandbox.port() if "LISTEN_USERS" in text else None
        if self.users_port:
            self.sockets.update(LISTEN_USERS=f"udp:127.0.0.1:{self.users_port}",
                                USERS_PORT=str(self.users_port))
        self.places, trunks = {}, {}
        for head, fields in self.sections:
            if head.startswith("gateway "):
                self.places[head.split()[1]] = f"127.0.0.{11 + len(self.places)}"
        for head, fields in self.sections:
            if head.startswith("trunk "):
                trunk = head.split()[1]
                gateway = fields.get("gateway", trunk)
                trunks[trunk] = {"transport": fields.get("transport", "tls"),
                                 "san": [self._tls_name(objects[f"gateway {gateway}"])],
                                 "host": self.places[gateway]}
        super().__init__(sandbox, trunks, media=media, without=without, defines=defines,
                         config=os.path.join(self.folder, "kamailio.cfg"))

    def listens(self):
        return self.sockets

    @staticmethod
    def _tls_name(gateway):
        return gateway.get("tls_name", gateway["address"])

    def local_port(self, name):
        fields = dict(self.sections)[f"trunk {name}"]
        transport = fields.get("transport", "tls")
        port = int(fields.get("local_port", PORTS[transport]))
        if (transport, port) not in self.ports:
            raise Failure(f"trunk {name}: no LISTEN_n of kamailio.cfg is {transport} {port}")
        return self.ports[transport, port]

    def _objects(self, routes, rules):
        """By medctl, as an administrator would."""
        lines = []
        for head, fields in self.sections:
            kind, identity = head.split()
            fields = dict(fields)
            if kind == "gateway":
                if not re.fullmatch(r"[\d.]+", fields["address"]):
                    fields["tls_name"] = self._tls_name(fields)
                fields["address"] = self.places[identity]
            if kind == "trunk":
                fields["port"] = self.port_of(identity)
                fields["local_port"] = self.local[identity]
            lines += [f"[{head}]", *[f"{name} = {value}" for name, value in fields.items()]]
        path = self.sandbox.write("objects.conf", "\n".join(lines) + "\n")
        done = Medctl(self.sandbox, self.redis)("apply", "--yes", "--test", path)
        if done.code:
            raise Failure(f"medctl apply: {done}")
        return {}

    def start(self):
        super().start()
        count = sum(head.startswith("route ") for head, _ in self.sections)
        wait_for("all routes", lambda: f"total: {count}" in self.kamailio.rpc(
            "mediation.routes", 0, 1))

    def phone(self, number):
        """An own user's telephone that is registered."""
        self.kamailio.rpc("htable.sets", "users", number, "pass word")
        phone = Phone(self.sandbox, number, self.users_port, "pass word",
                      host=f"127.0.0.{101 + len(self.phones)}")
        self.phones.append(phone)
        if phone.register() != 200:
            raise Failure(f"{number} cannot register")
        return phone

    def talk(self, caller, sent, callee):
        """A call that was sent is answered by this peer, and ended: the INVITE there."""
        call_id = sent.get("Call-ID")
        got = callee.expect("INVITE", call_id=call_id)
        callee.reply(got, 200, "OK", sdp=sdp(31000))
        final = caller.expect("2xx", call_id=call_id)
        caller.ack(sent, final)
        callee.expect("ACK", call_id=call_id)
        caller.bye(sent, final)
        callee.reply(callee.expect("BYE", call_id=call_id), 200, "OK")
        caller.expect(200, call_id=call_id)
        return got

    def faults(self):
        """What a node says of the objects: (refused, warned)."""
        status = self.kamailio.rpc("mediation.status")
        return tuple(int(re.search(rf"{word}_total: (\d+)", status)[1])
                     for word in ("refused", "warned"))

    def stored_cases(self):
        """(passed, failed), decided by the node."""
        text = self.kamailio.rpc("mediation.test")
        return tuple(int(re.search(rf"{word}: (\d+)", text)[1]) for word in ("passed", "failed"))

    def check(self, t):
        """What holds of each example: 3 checks."""
        cases = sum(head.startswith("test ") for head, _ in self.sections)
        t.equal(self.faults(), (0, 0), "no object is refused or warned of")
        t.equal(self.stored_cases(), (cases, 0), "its stored cases pass")
        with open(os.path.join(self.folder, "README.md"), encoding="utf-8") as page:
            t.like(page.read(), r"medctl .*apply \S*objects\.conf", "its page says how to begin")

    def change(self, key, **fields):
        """An object changed by hand, in force when it returns."""
        before = self.revision()
        self.redis.hset(f"med:1:{key}", **fields)
        wait_for(f"{key} to be in force", lambda: self.revision() > before)

    def revision(self):
        return int(re.search(r"revision: (\d+)", self.kamailio.rpc("mediation.status"))[1])

    def whoever(self, what, call_id):
        """(name, message) of the peer that gets it."""

        def looked():
            for name, peer in self.peers.items():
                try:
                    return name, peer.expect(what, 0, call_id=call_id)
                except Failure:
                    pass
            return None

        return wait_for(f"{what} of {call_id} somewhere", looked)

    def taken(self, caller, number, callee, calling="1001"):
        """A call from trunk to trunk that is up, and ended: (called, calling, answer's SDP)."""
        sent, got, final = self.answered(caller, callee, number, *self.bodies(caller, callee),
                                         calling)
        self.peers[caller].bye(sent, final)
        bye = self.peers[callee].expect("BYE", call_id=sent.get("Call-ID"))
        self.peers[callee].reply(bye, 200, "OK")
        self.peers[caller].expect("2xx", call_id=sent.get("Call-ID"))
        return user(got.uri), user(got.get("From")), got, final

    def bodies(self, *names):
        return [offer(self.trunks[name]["transport"] == "tls", port)
                for name, port in zip(names, (30000, 31000))]

    def refused(self, caller, number, calling="1001"):
        """The answer to a call that nobody gets."""
        sent = self.call(caller, number, calling, sdp=self.bodies(caller)[0])
        return self.peers[caller].expect("final", call_id=sent.get("Call-ID"))

    def reaches(self, caller, number, callee, status=486, calling="1001"):
        """Who gets the call, and answers with this: the INVITE there."""
        sent = self.call(caller, number, calling, sdp=self.bodies(caller)[0])
        got = self.peers[callee].expect("INVITE", call_id=sent.get("Call-ID"))
        self.peers[callee].reply(got, status, "No")
        self.peers[callee].expect("ACK", call_id=sent.get("Call-ID"))
        return sent, got


def offer(secure, port):
    """As a TLS trunk offers: SRTP, with a key."""
    return sdp(port, profile="RTP/SAVP", key="d" * 40) if secure else sdp(port)


def user(text):
    """The user part of a URI."""
    return re.search(r"sips?:([^@;>]+)", text)[1]
