#!/usr/bin/python3
"""What stands where Redis should be: a Redis Cluster's node with a hash-tagged prefix, a web
server, nobody who answers, somebody who hangs up, one that may evict: the node says what it
is, goes on, and is there again by itself."""

import re
import socket
import threading

from case import Case
from kamailio import Kamailio, bare
from redis import RedisClient, RedisServer
from sandbox import Failure, wait_for


class Stranger:
    """Accepts on a port and answers each connection's first words with `answer`, or not."""

    def __init__(self, port, answer, then_close):
        self.server = socket.create_server(("127.0.0.1", port))
        self.answer, self.then_close, self.kept = answer, then_close, []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                link, _ = self.server.accept()
            except OSError:
                return
            self.kept.append(link)
            if self.answer is not None:
                link.recv(4096)
                link.sendall(self.answer)
            if self.then_close:
                link.close()

    def stop(self):
        # shutdown() wakes the thread in accept(), close() alone does not
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        for link in self.kept:
            link.close()


with Case(plan=19) as t:
    def start(name, url, lines=""):
        control = t.path(name + ".ctl")
        return Kamailio(t, t.write(name + ".cfg", bare(t.port(), control, url, f"""\
modparam("mediation", "node", "{name}")
modparam("mediation", "status_interval", 1)
{lines}""")), name=name, control=control)

    def trunks(kamailio):
        try:
            return kamailio.rpc("mediation.trunks")
        except Failure:
            return ""

    def status(kamailio):
        return kamailio.rpc("mediation.status")

    # A cluster of one: all slots, a prefix with a hash tag, and so transactions.
    bus, owner_bus = t.port(), t.port()  # by default far outside this case's ports
    cluster = RedisServer(t, "cluster", options=["--cluster-enabled", "yes", "--cluster-port",
                                                 str(bus)])
    cluster.command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
    wait_for("the cluster", lambda: "cluster_state:ok" in cluster.command("CLUSTER", "INFO"))
    cluster.load({"{med}:1:gateway:g": {"address": "192.0.2.1"},
                  "{med}:1:trunk:one": {"gateway": "g", "transport": "tcp"}})
    tagged = start("tagged", cluster.url, """\
modparam("mediation", "redis_prefix", "{med}:1:")
modparam("mediation", "status_prefix", "{med}run:1:")""")
    wait_for("the trunk", lambda: "id: one" in trunks(tagged))
    t.ok(True, "Redis Cluster, with a hash tag: read")
    cluster.load({"{med}:1:trunk:one": {"gateway": "g", "transport": "tcp", "port": "5099"},
                  "{med}:1:trunk:two": {"gateway": "g", "transport": "tcp",
                                        "local_port": "40001"}})
    wait_for("the transaction", lambda: "id: two" in trunks(tagged) and "5099" in trunks(tagged))
    t.ok(True, "a MULTI/EXEC of its keys is followed")
    wait_for("the status", lambda: cluster.command("EXISTS", "{med}run:1:status:tagged"))
    t.ok(True, "the status is written")

    tagged.stop()

    # A second node has the slot now; this one has another part of the cluster.
    owner = RedisServer(t, "owner", options=["--cluster-enabled", "yes", "--cluster-config-file",
                                             "nodes-owner.conf", "--cluster-port", str(owner_bus)])
    owner.command("CLUSTER", "MEET", "127.0.0.1", cluster.port, bus)
    identity = owner.command("CLUSTER", "MYID")
    wait_for("the two to know each other", lambda: identity in cluster.command("CLUSTER", "NODES")
             and "connected" in cluster.command("CLUSTER", "NODES")
             and cluster.command("CLUSTER", "MYID") in owner.command("CLUSTER", "NODES"))
    slot = cluster.command("CLUSTER", "KEYSLOT", "{med}")
    wait_for("the handshake to be over", lambda: "handshake" not in owner.command(
        "CLUSTER", "NODES"))
    with RedisClient(cluster.port) as client:
        keys = client.command("KEYS", "{med}*")
        for key in keys:
            client.command("DEL", key)
    for server in (owner, cluster):
        server.command("CLUSTER", "SETSLOT", slot, "NODE", identity)
    wait_for("the slot to be there", lambda: owner.command("CLUSTER", "INFO").startswith(
        "cluster_state:ok"))
    owner.load({"{med}:1:gateway:g": {"address": "192.0.2.1"},
                "{med}:1:trunk:three": {"gateway": "g", "transport": "tcp"}})
    moved = start("moved", cluster.url, """\
modparam("mediation", "redis_prefix", "{med}:1:")
modparam("mediation", "status_prefix", "{med}run:1:")""")
    wait_for("the trunk", lambda: "id: three" in trunks(moved))
    t.like(status(moved), f":{owner.port} db 0: all read",
           "the slot is another node's: it is followed there")
    wait_for("the status", lambda: owner.command("EXISTS", "{med}run:1:status:moved"))
    t.ok(True, "the status, too")
    moved.stop()

    # Strangers at Redis's address, while a node is up; then Redis again, each time.
    redis = RedisServer(t)
    redis.hset("med:1:gateway:g", address="192.0.2.1")
    redis.hset("med:1:trunk:one", gateway="g", transport="tcp")
    node = start("node", redis.url)
    wait_for("the trunk", lambda: "id: one" in trunks(node))
    strangers = [
        ("a web server", b"HTTP/1.1 400 Bad Request\r\n\r\n", True, 'got "H"'),
        ("a web server that stays", b"HTTP/1.1 400 Bad Request\r\n\r\n", False, 'got "H"'),
        ("nobody who answers", None, False, "no answer in time"),
        ("somebody who hangs up", None, True, "closed the connection|reset by peer"),
        ("half an answer", b"+O", False, "no answer in time"),
    ]
    for number, (name, answer, close, text) in enumerate(strangers):
        redis.stop()
        wait_for("the loss", lambda: "store: down" in status(node))
        stranger = Stranger(redis.port, answer, close)
        wait_for(f"{name} to be told", lambda: re.search(text, status(node)))
        t.like(trunks(node), "id: one", f"{name}: told, and what was in force stays")
        stranger.stop()
        redis.start()
        redis.hset("med:1:gateway:g", address="192.0.2.1")
        redis.hset("med:1:trunk:one", gateway="g", transport="tcp", port=5100 + number)
        wait_for("Redis", lambda: str(5100 + number) in trunks(node))
        t.ok(True, "Redis again: it is back")

    redis.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    redis.command("CLIENT", "KILL", "TYPE", "pubsub")
    wait_for("the warning", lambda: "maxmemory-policy is allkeys-lru" in node.log())
    t.ok(True, "a Redis that may evict is warned of")
    redis.hset("med:1:trunk:gone", gateway="g", transport="tcp", local_port="40002")
    wait_for("the trunk", lambda: "id: gone" in trunks(node))
    redis.command("PEXPIRE", "med:1:trunk:gone", "100")
    wait_for("it to expire", lambda: "id: gone" not in trunks(node), 5)
    t.ok(True, "a key that expires is a removal")
    node.stop()
    t.equal(node.alarms(), [], "nothing critical was logged")
    t.ok(node.log().count("maxmemory-policy is") == 1, "and the warning stands there once")
