#!/usr/bin/python3
"""Redis away, loading, full or unwilling: told in one line, nothing half, no password."""

import socket
import threading

from case import Case
from medctl import FAST, Medctl
from redis import RedisServer, acl


class Says(threading.Thread):
    """A server that answers everything with this."""

    def __init__(self, sandbox, answer):
        super().__init__(daemon=True)
        self.answer, self.port = answer, sandbox.port()
        self.server = socket.create_server(("127.0.0.1", self.port))

    def run(self):
        while True:
            client, _ = self.server.accept()
            while client.recv(4096):
                client.sendall(self.answer)


with Case(plan=27) as t:
    redis = RedisServer(t)
    redis.command(*acl("medctl", "sesame"))
    t.write("few.conf", "[site a]\nname = x\n[site b]\n")

    def at(url):
        return Medctl(t, env={"MEDCTL_REDIS": url})

    user = at(f"redis://medctl:sesame@127.0.0.1:{redis.port}")
    for words in (["apply", "--yes", "few.conf"], ["export"], ["set", "site", "a", "name=y"],
                  ["get", "site", "a"], ["list", "site"], ["del", "site", "b", "--yes"], ["check"],
                  ["status"], ["diff", "few.conf"]):
        done = user(*words)
        t.equal((done.code, "NOPERM" in done.err), (1 if words[0] == "diff" else 0, False),
                f"the user of security.md may {words[0]}")
    redis.command("ACL", "SETUSER", "medctl", "-hset")
    done = user("apply", "--yes", "few.conf")
    t.equal((done.code, redis.command("HGET", "med:1:site:a", "name")), (3, "y"),
            "a command that is not allowed: nothing is written")
    t.like(done.err, "(?i)hset", "the error names it")
    t.unlike(done.err, "sesame", "without the password")
    t.like(done.err, "security.md has the line that gives a user its rights", "and what helps")
    redis.command("ACL", "SETUSER", "medctl", "+hset")
    redis.command("CONFIG", "SET", "maxmemory", "1")
    done = user("apply", "--yes", "few.conf")
    t.equal((done.code, "OOM" in done.err), (3, True), "a Redis that is full")
    redis.command("CONFIG", "SET", "maxmemory", "0")

    # more than may wait to be sent: 60 MB in one transaction
    t.write("fat.conf", "".join(
        f"[rules r{k}]\n" + "".join(f"rule.{i} = ^1 => 2\nrule.{i}.description = {'d' * 1000}\n"
                                    for i in range(1000)) for k in range(60)))
    done = Medctl(t, redis, FAST)("apply", "--yes", "fat.conf")
    t.equal((done.code, done.err), (0, ""), "objects of a megabyte each, in one transaction")
    t.equal(redis.command("HLEN", "med:1:rules:r59"), 2000, "wholly")

    replica = RedisServer(t, "replica", options=["--replicaof", "127.0.0.1", str(redis.port)])
    done = at(replica.url)("apply", "--yes", "few.conf")
    t.equal((done.code, len(done.err.splitlines())), (3, 1), "a replica: exit 3, one line")
    t.like(done.err, "READONLY .* Name the master, or sentinel://", "which says what to name")
    for name, answer, pattern in (
            ("loading", b"-LOADING Redis is loading\r\n", "LOADING"),
            ("garbage", b"HTTP/1.1 400 Bad Request\r\n\r\n", "127.0.0.1"),
            ("a hostile text", b"-\x1b[2Jowned\r\n", "owned")):
        server = Says(t, answer)
        server.start()
        done = at(f"redis://127.0.0.1:{server.port}")("export")
        t.equal((done.code, done.out), (3, ""), f"{name}: exit 3")
        t.like(done.err, pattern, "told")
        t.unlike(done.err, "\x1b", "in plain text")
