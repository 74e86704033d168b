"""The whole system on loopback, as the demo and many tests use it.

Redis, rtpengine with the plugin inside, Kamailio with the module, and four peers:

    pbx1   an IP-PBX in the LAN        TLS, SRTP required
    gw1    a PSTN gateway in the LAN   TCP, hence RTP
    gw2    a second one                TCP, hence RTP
    itsp1  an ITSP outside             TLS, SRTP optional

On loopback every peer is 127.0.0.1, so trunks differ by the local port they come in on.
Media is anchored at another address, so that a packet's path can be seen.
"""

import os

from baresip import Baresip
from call import Call
from capture import Capture
from certs import Authority
from kamailio import Kamailio
from redis import RedisServer
from rtpengine import Rtpengine
from sandbox import TOP, Failure, wait_for
from trunks import TLS_CONFIG

CONFIG = os.path.join(TOP, "kamailio-cfg", "kamailio.cfg")
MEDIA_ADDRESS = "127.0.0.2"
TRUNKS = ("pbx1", "gw1", "gw2", "itsp1")
PEERS = {"pbx1": "ip_pbx", "itsp1": "itsp"}
TLS_TRUNKS = ("pbx1", "itsp1")

# The enterprise has +49 89 5550, extensions of four digits, exit digit 0.
RULES = {
    "pbx1-dial-plan": (
        (r"^(\d{4})$", "+49895550$1"),
        (r"^000(\d+)$", "+$1"),
        (r"^00([1-9]\d+)$", "+49$1")),
    "pstn-dial-plan": (
        (r"^00([1-9]\d+)$", "+$1"),
        (r"^0([1-9]\d+)$", "+49$1")),
    "to-national": (
        (r"^\+49(\d+)$", "0$1"),
        (r"^\+(\d+)$", "00$1")),
    "to-international": (
        (r"^\+(\d+)$", "00$1"),),
    "to-extension": (
        (r"^\+49895550(\d{4})$", "$1"),),
    "to-exit-digit": (
        (r"^\+49(\d+)$", "00$1"),
        (r"^\+(\d+)$", "000$1")),
}


class World:
    """
    start=("redis", ...) leaves out what is not named; peers=() leaves out endpoints.
    Everything has its name as an attribute: world.redis, world.kamailio, world.pbx1, ...
    """

    PARTS = ("redis", "rtpengine", "kamailio")

    def __init__(self, sandbox, start=PARTS, peers=TRUNKS, say=lambda text: None,
                 config=CONFIG, plugin=True, defines=None):
        self.sandbox, self.say = sandbox, say
        self.local_ports = {name: sandbox.port() for name in TRUNKS}
        self.ca = Authority(sandbox.path("ca"))
        self.certificate = self.ca.issue("mediation", ["mediation.example"])
        self.control = sandbox.path("kamailio.ctl")
        self.rtpengine = self.kamailio = self.redis = None
        self._defines = defines or {}
        self._config = config

        say("a capture on loopback")
        self.capture = Capture(sandbox)
        if "redis" in start:
            say("redis-server")
            self.redis = RedisServer(sandbox)
        self.redis_url = self.redis.url if self.redis else f"redis://127.0.0.1:{sandbox.port()}/0"
        if "rtpengine" in start:
            say("rtpengine, the plugin inside" if plugin else "rtpengine")
            self.rtpengine = Rtpengine(sandbox, address=MEDIA_ADDRESS, plugin=plugin)
        self.ng_port = self.rtpengine.listener if self.rtpengine else sandbox.port()
        for name in peers:
            say(f"baresip as {name}")
            setattr(self, name, self._peer(name))
        self.peer_ports = {name: getattr(self, name).port if name in peers else sandbox.port()
                           for name in TRUNKS}
        if self.redis:
            self.redis.load(self.objects())
        if "kamailio" in start:
            say("kamailio with the module")
            self.start_kamailio()

    def _peer(self, name):
        box = self.sandbox
        if name == "pbx1":
            return Baresip(box, name, "tls", "required", 440, numbers=["1001"],
                           certificate=self.ca.issue(name, ["pbx1.example"]))
        if name == "itsp1":
            return Baresip(box, name, "tls", "optional", 1000, numbers=["+442071234567"],
                           certificate=self.ca.issue(name, ["itsp1.example"]))
        if name == "gw1":
            return Baresip(box, name, "tcp", None, 620, numbers=["0301234567"])
        return Baresip(box, name, "tcp", None, 820, numbers=["0049301234567"])

    def objects(self):
        """What an administrator would write to Redis: {key: {field: value}}."""
        found = {}
        for name in TRUNKS:
            tls = name in TLS_TRUNKS
            found[f"med:1:gateway:{name}"] = {
                "address": "127.0.0.1", "peer": PEERS.get(name, "pstn_gateway"),
                **({"tls_name": f"{name}.example"} if tls else {"source": "127.0.0.1"})}
            found[f"med:1:trunk:{name}"] = {
                "gateway": name, "transport": "tls" if tls else "tcp",
                "port": self.peer_ports[name], "local_port": self.local_ports[name]}
        for name, rules in RULES.items():
            found[f"med:1:rules:{name}"] = _rules(rules)
        profile = "med:1:profile:trunk:"
        found[profile + "pbx1"] = {
            "srtp_mode": "required", "dial_plan": "pbx1-dial-plan",
            "pstn_usages": "local,international", "outbound_translation_rules": "to-extension",
            "outbound_calling_number_translation_rules": "to-exit-digit"}
        found[profile + "itsp1"] = {
            "srtp_mode": "optional", "dial_plan": "pstn-dial-plan", "pstn_usages": "internal"}
        for name, rules in (("gw1", "to-national"), ("gw2", "to-international")):
            found[profile + name] = {
                "srtp_mode": "not_supported", "dial_plan": "pstn-dial-plan",
                "pstn_usages": "internal", "outbound_translation_rules": rules,
                "outbound_calling_number_translation_rules": rules}
        for name, pattern, usage, trunk, priority in (
                ("germany", r"^\+49\d+$", "local", "gw1", 0),
                ("germany-2nd", r"^\+49\d+$", "local", "gw2", 1),
                ("world", r"^\+\d+$", "international", "itsp1", 0),
                ("extensions", r"^\+49895550\d{4}$", "internal", "pbx1", 0)):
            found[f"med:1:route:{name}"] = {
                "pattern": pattern, "usages": usage, "trunks": trunk, "priority": priority}
        return found

    def start_kamailio(self):
        """With the file as it lies in kamailio-cfg; what a site sets is set by -A."""
        tls = self.sandbox.write("tls.cfg", TLS_CONFIG.format(
            c=self.certificate, verify="yes", require="yes"))
        defines = {
            "TLS_CONFIG": f'"{tls}"',
            "REDIS_URL": f'"{self.redis_url}"',
            "NG_SOCK": f'"udp:127.0.0.1:{self.ng_port}"',
            "NODE_KEY": '"secret of the test nodes"',
            "RUN_DIR_CTL": f'"unix:{self.control}"',
            "WORKERS": "2",
            **{f"LISTEN_{number}": f"{'tls' if name in TLS_TRUNKS else 'tcp'}:127.0.0.1:"
               f"{self.local_ports[name]}" for number, name in enumerate(TRUNKS, 1)},
            **self._defines}
        self.kamailio = Kamailio(self.sandbox, self._config, defines, control=self.control,
                                 tcp=self.local_ports.values())
        if self.redis:
            wait_for("the configuration to be loaded", self._loaded)

    def _loaded(self):
        try:
            trunks = self.kamailio.rpc("mediation.trunks")
        except Failure:
            return False  # 503: nothing is loaded yet
        return all(f"id: {name}" in trunks for name in TRUNKS)

    # ---- one call, and one change ----

    def uri(self, caller, number):
        """What `caller` dials: the number, at the port its trunk comes in on."""
        return f"sip:{number}@127.0.0.1:{self.local_ports[caller]}"

    def place(self, caller, callee, number, seconds=1.5):
        """A Call from one peer's name to another's."""
        return Call(self.capture, getattr(self, caller), getattr(self, callee),
                    self.uri(caller, number), seconds)

    def move_trunk(self, name, port):
        """Another port of its gateway, by Redis; returns once Kamailio has it."""
        self.redis.hset(f"med:1:trunk:{name}", port=port)
        wait_for(f"the change of trunk {name} to be live",
                 lambda: str(port) in self.kamailio.rpc("mediation.trunks"))


def _rules(rules):
    """An ordered rule set as one hash."""
    return {f"rule.{number}": f"{pattern} => {translation}"
            for number, (pattern, translation) in enumerate(rules)}
