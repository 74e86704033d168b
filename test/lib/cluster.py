"""Two Kamailio nodes of one configuration in one Redis, and peers on its trunks.

    cluster = Cluster(t, {"pbx1": {}, "gw1": {}}, routes=...)
    cluster.at = 1                      # calls come in at the second node from now on
    cluster.relays[1].cut()             # it is cut off from Redis

Each node has an address of its own on loopback, so both have the same ports.
"""

import time

from kamailio import Kamailio
from relay import Relay
from sandbox import PATIENCE, TOP, Failure, wait_for
from sip import sdp
from trunks import Trunks

HOSTS = ("127.0.0.1", "127.0.0.3")


class Cluster(Trunks):
    """
    lines  further modparams of both nodes; {node} is the node's name
    ttl    limit_share_ttl, seconds
    """

    def __init__(self, sandbox, trunks, lines="", ttl=3, **more):
        self.at, self.lines, self.ttl, self.nodes, self.relays = 0, lines, ttl, [], []
        super().__init__(sandbox, trunks, **more)

    def start(self):
        self.relays = [Relay(self.sandbox, self.redis.port) for _ in HOSTS]
        self.nodes = [None for _ in HOSTS]
        for number in range(len(HOSTS)):
            self.start_node(number, wait=False)
        self.kamailio = self.nodes[0]
        for number in range(len(HOSTS)):
            self.wait_node(number)

    def start_node(self, number, wait=True):
        """Also one that was killed: its ports and its name are the same."""
        host, name = HOSTS[number], f"n{number + 1}"
        control = self.sandbox.path(name + ".ctl")
        listens = {key: value.replace(self.host, host) for key, value in self.listens().items()}
        self.nodes[number] = Kamailio(
            self.sandbox, self._config(name), control=control, name=name, host=host,
            defines={**self.defines, **listens, "RUN_DIR_CTL": f'"unix:{control}"',
                     "REDIS_URL": f'"{self.relays[number].url}"'})
        if wait:
            self.wait_node(number)

    def wait_node(self, number):
        def loaded():
            try:
                listed = self.nodes[number].rpc("mediation.trunks")
            except Failure:
                return False
            return all(name in listed for name in self.names)

        wait_for("the configuration to be loaded", loaded)

    def _config(self, name):
        files = []
        for file_name in ("kamailio.cfg", "mediation.cfg"):
            with open(f"{TOP}/kamailio-cfg/{file_name}", encoding="utf-8") as file:
                files.append(file.read())
        mediation = files[1].replace(
            'loadmodule "mediation.so"', 'loadmodule "mediation.so"\n'
            f'modparam("mediation", "node", "{name}")\n'
            f'modparam("mediation", "limit_share_ttl", {self.ttl})\n{self.lines.format(node=name)}')
        return self.sandbox.write(f"{name}.cfg", files[0].replace(
            'include_file "mediation.cfg"\n', mediation).replace(
                'include_file "', f'include_file "{TOP}/kamailio-cfg/'))

    def address(self, name):
        return HOSTS[self.at], self.local[name]

    def limits(self, number, which="trunk:gw1"):
        """Fields of mediation.limits, of one node."""
        lines = self.nodes[number].rpc("mediation.limits", which).splitlines()
        return dict(line.strip().partition(": ")[::2] for line in lines)

    def limit(self, **fields):
        """These limits of the trunk gw1 and no others, in force at both nodes."""
        self.redis.command("DEL", "med:1:limits:trunk:gw1")
        self.redis.hset("med:1:limits:trunk:gw1", name=str(fields), **fields)
        wait_for("limits to be in force", lambda: all(
            str(fields) in node.rpc("mediation.limits") for node in self.nodes))

    def here(self, number, which="max_calls"):
        """What a node may have of a limit."""
        return int(self.limits(number)[f"{which}_here"])

    def shared(self, *parts):
        wait_for(f"both to have {parts}", lambda: (self.here(0), self.here(1)) == parts)

    def sharing(self, number, how):
        wait_for(f"node {number + 1} to be {how}",
                 lambda: self.status(number)["limits_sharing"] == how)

    def status(self, number):
        """Fields of mediation.status, of one node."""
        lines = self.nodes[number].rpc("mediation.status").splitlines()
        return dict(line.strip().partition(": ")[::2] for line in lines)

    def alarms(self):
        return [line for node in self.nodes for line in node.alarms()]

    def lines_of(self, number, *words):
        """Log lines of one node that hold all these words."""
        return [line for line in self.nodes[number].log().splitlines()
                if all(word in line for word in words)]


class Alive:
    """Calls from pbx1 to gw1 that are up: Call-ID -> (node, INVITE, answer)."""

    def __init__(self, cluster):
        self.cluster, self.calls, self.status = cluster, {}, None

    def call(self, node):
        """Answered: True; refused: False, and `status` is its code."""
        cluster = self.cluster
        cluster.at = node
        sent = cluster.call("pbx1", "+4930", sdp=sdp(30000))
        call_id, until = sent.get("Call-ID"), time.monotonic() + 20
        while time.monotonic() < until:
            try:
                cluster.gw1.reply(cluster.gw1.expect("INVITE", 0.02, call_id=call_id), 200, "OK",
                                  sdp=sdp(31000))
            except Failure:
                pass
            try:
                final = cluster.pbx1.expect("final", 0.02, call_id=call_id)
            except Failure:
                continue
            self.status = final.status
            if final.status != 200:
                return False
            cluster.pbx1.ack(sent, final)
            cluster.gw1.expect("ACK", call_id=call_id)
            self.calls[call_id] = (node, sent, final)
            return True
        raise Failure("no final answer")

    def end(self, node, count=1000):
        """BYEs by the caller, of calls of that node."""
        mine = [(c, v) for c, v in self.calls.items() if v[0] == node][:count]
        for call_id, (_, sent, final) in mine:
            self.cluster.at = node
            self.cluster.pbx1.bye(sent, final)
            self.cluster.gw1.reply(self.cluster.gw1.expect("BYE", call_id=call_id), 200, "OK")
            self.cluster.pbx1.expect(200, call_id=call_id)
            del self.calls[call_id]

    def fill(self, node, enough, seconds=PATIENCE):
        """Calls until that node has enough up, or within that time; how many it has."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            mine = sum(v[0] == node for v in self.calls.values())
            if mine >= enough:
                break
            self.call(node)
        return mine
