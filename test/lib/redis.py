"""A Redis server of one's own, and a client that speaks just enough RESP2."""

import os
import re
import shlex
import socket

from sandbox import PATIENCE, TOP, Failure, wait_for


# Another one that speaks RESP2: valkey-server.
SERVER = os.environ.get("REDIS_SERVER", "redis-server")


class RedisError(Failure):
    """The server's own -ERR text."""


def acl(user, password):
    """ACL SETUSER for this user, as the page about security has it."""
    with open(os.path.join(TOP, "modules/mediation/doc/security.md"), encoding="utf-8") as file:
        found = re.search(rf"ACL SETUSER {user} (?:.*\\\n)*.*", file.read())
    return shlex.split(found[0].replace("\\\n", " ").replace("PASSWORD", password))


class RedisServer:
    def __init__(self, sandbox, name="redis", port=None, options=()):
        self.sandbox, self.name, self.options = sandbox, name, list(options)
        self.port = port or sandbox.port()
        self.socket = sandbox.path(name + ".sock")
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self):
        """Also after stop(): the same port, an empty database."""
        self.process = self.sandbox.spawn(self.name, [
            SERVER, "--port", str(self.port), "--bind", "127.0.0.1",
            "--unixsocket", self.socket, "--save", "", "--appendonly", "no",
            "--daemonize", "no", "--dir", self.sandbox.dir, *self.options])
        self.process.ready("PING", self._answers)

    def stop(self):
        self.process.stop()

    def _answers(self):
        try:
            return self.command("PING") == "PONG"
        except RedisError as error:
            return "NOAUTH" in str(error)
        except OSError:
            return False

    def client(self):
        return RedisClient(self.port)

    def command(self, *words):
        """One command on a connection of its own."""
        with self.client() as client:
            return client.command(*words)

    def hset(self, key, **fields):
        """An object as an administrator writes it: hset("med:1:trunk:pbx1", port=5061)."""
        pairs = [str(word) for pair in fields.items() for word in pair]
        return self.command("HSET", key, *pairs)

    def load(self, objects):
        """{key: {field: value}} in one transaction, as one change."""
        with self.client() as client:
            client.command("MULTI")
            for key, fields in objects.items():
                client.command("DEL", key)
                client.command("HSET", key, *[str(w) for p in fields.items() for w in p])
            client.command("EXEC")


SENTINEL = """\
port {port}
bind 127.0.0.1
sentinel monitor {name} 127.0.0.1 {master} 2
sentinel down-after-milliseconds {name} 2000
sentinel failover-timeout {name} 4000
sentinel parallel-syncs {name} 2
"""


class Sentinels:
    """Three servers, the first of them master, and three sentinels that watch over them."""

    def __init__(self, sandbox, name="peers"):
        self.name = name
        # The user that replicas come as: taken away, a replica falls behind.
        options = ["--masteruser", "replica", "--masterauth", "x", "--repl-diskless-sync-delay",
                   "0", "--user", "replica", "on", ">x", "~*", "&*", "+@all"]
        self.servers = [RedisServer(sandbox, f"redis{number}", options=options)
                        for number in range(3)]
        for server in self.servers[1:]:
            server.command("REPLICAOF", "127.0.0.1", self.servers[0].port)
        self.ports = [sandbox.port() for _ in range(3)]
        self.processes = [sandbox.spawn(f"sentinel{number}", [
            SERVER, sandbox.write(f"sentinel{number}/sentinel.conf", SENTINEL.format(
                port=port, name=name, master=self.servers[0].port)), "--sentinel"])
            for number, port in enumerate(self.ports)]
        wait_for("the sentinels to know each other and the replicas", lambda: all(
            known.get("num-slaves") == "2" and known.get("num-other-sentinels") == "2"
            and known["flags"] == "master" for known in map(self._known, self.ports)), 15)

    @property
    def url(self):
        return "sentinel://" + ",".join(f"127.0.0.1:{p}" for p in self.ports) + "/" + self.name

    def ask(self, port, *words):
        with RedisClient(port) as client:
            return client.command("SENTINEL", *words)

    def _known(self, port):
        try:
            flat = self.ask(port, "MASTER", self.name)
        except (OSError, RedisError):
            return {}
        return dict(zip(flat[::2], flat[1::2]))

    def master(self):
        """The server that all sentinels which answer agree upon; None: they do not."""
        said = set()
        for port in self.ports:
            try:
                said.add(int(self.ask(port, "GET-MASTER-ADDR-BY-NAME", self.name)[1]))
            except OSError:
                continue
        found = [server for server in self.servers if {server.port} == said]
        return found[0] if found else None

    def wait_master(self, other_than, timeout=PATIENCE):
        """The new master, once all agree that it is another."""
        def changed():
            now = self.master()
            return now if now and now is not other_than else None
        return wait_for("a failover", changed, timeout)


class RedisClient:
    """A connection; use as a context manager, or close() it."""

    def __init__(self, port, host="127.0.0.1", timeout=PATIENCE):
        self.sock = socket.create_connection((host, port), timeout)
        self.file = self.sock.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.sock.close()

    def send(self, *words):
        """Without waiting for the reply: pipelining."""
        data = [b"*%d\r\n" % len(words)]
        for word in words:
            word = word if isinstance(word, bytes) else str(word).encode()
            data.append(b"$%d\r\n%s\r\n" % (len(word), word))
        self.sock.sendall(b"".join(data))

    def command(self, *words):
        self.send(*words)
        return self.reply()

    def reply(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise OSError("Redis closed the connection")
        kind, rest = line[:1], line[1:-2].decode()
        if kind == b"+":
            return rest
        if kind == b"-":
            raise RedisError(rest)
        if kind == b":":
            return int(rest)
        if kind == b"$":
            if int(rest) < 0:
                return None
            return self.file.read(int(rest) + 2)[:-2].decode(errors="replace")
        if kind == b"*":
            return None if int(rest) < 0 else [self.reply() for _ in range(int(rest))]
        raise RedisError(f"not RESP2: {line!r}")
