"""A Redis server of one's own, and a client that speaks just enough RESP2."""

import socket

from sandbox import Failure


class RedisError(Failure):
    """The server's own -ERR text."""


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
            "redis-server", "--port", str(self.port), "--bind", "127.0.0.1",
            "--unixsocket", self.socket, "--save", "", "--appendonly", "no",
            "--daemonize", "no", "--dir", self.sandbox.dir, *self.options])
        self.process.ready("PING", self._answers)

    def stop(self):
        self.process.stop()

    def _answers(self):
        try:
            return self.command("PING") == "PONG"
        except (OSError, RedisError):
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


class RedisClient:
    """A connection; use as a context manager, or close() it."""

    def __init__(self, port, host="127.0.0.1", timeout=5.0):
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
